"""What the exporter to InfluxDB costs: a history sent for the first time, and the open day of a busy site again and again.

A real VictoriaMetrics takes the points; CPU is that of the exporter's thread alone.
Run: python tests/bench/influxdb.py [--days N]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from collectors.base import Message
from collectors.formats.asterisk_queue_log import QueueLog
from collectors.formats.kiosk_json import KioskJson, SiteRow
from telemetry.config import Config, Influxdb
from telemetry.events import Decoded
from telemetry.exporters import influxdb
from telemetry.journal import Journal, Unit
from telemetry.rules import names_of
from telemetry.simulate import simulate_day
from telemetry.simulate.plan import AGENTS, COUNTERS
from tests.kpis.simulated import DEVICES, MONDAY, SITE, ZONE, token
from tests.servers import victoria_metrics


def fill(journal: Journal, days: int) -> int:
    """So many days of a centre of 400 visitors and 250 calls; how many events."""
    kiosks, pbx = KioskJson(sites={SITE.id: SiteRow(DEVICES)}), QueueLog(site=SITE.id, source="pbx")
    tokens: dict[str, int] = {}
    many = 0
    for n in range(days):
        day = simulate_day(site=SITE.id, day=MONDAY + timedelta(days=n), timezone=ZONE, seed=n, agents=AGENTS,
                           counters=COUNTERS, visitors=400, calls=250)  # fmt: skip
        at = day.actions[-1].time_us
        messages = [Message(m.topic, m.payload, m.retain) for m in (day.message(a) for a in day.actions if a.device)]
        lines = [day.log_line(a).rstrip("\n").encode() for a in day.actions if a.line]
        for decoded in (kiosks.feed(messages, at), pbx.feed(lines, at)):
            events = [e._replace(person="", caller=token(e.person, tokens)) for e in decoded.events]
            journal.commit([Unit("mqtt", Decoded(events), at)])
            many += len(events)
    return many


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=45)
    days = parser.parse_args().days
    with tempfile.TemporaryDirectory() as folder, victoria_metrics() as store:
        journal = Journal(Path(folder))
        journal.ensure(names_of(SITE))
        events = fill(journal, days)
        now_s = ((MONDAY - date(1970, 1, 1)).days + days - 1) * 86_400 + 9.5 * 3600  # 16:30 in Bangkok
        to = Influxdb(url=f"http://127.0.0.1:{store.port}", bucket="b", interval_s=0.001)
        config = Config(data=Path(folder), sites=(SITE,), influxdb=to)
        exporter = influxdb.Exporter(config, clock=lambda: now_s, worked=lambda: 0.0)
        wall, cpu = time.perf_counter(), time.thread_time()
        while exporter.step() < influxdb.IDLE_S:
            pass
        wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
        points = exporter.status.points
        print(f"history: {events:,} events of {days} days → {points:,} points in {wall:.2f} s ({points / wall:,.0f} points/s),"
              f" CPU {cpu / days * 1e3:.1f} ms a site-day")  # fmt: skip
        state = exporter._state
        for far in (False, True):
            rounds, cpu = 20, time.thread_time()
            for _ in range(rounds):
                today = exporter._sites.today(SITE, int(now_s * 1e6))
                with state.transaction():
                    state.make_due(SITE.id, {today: influxdb.Due(None, far=far)})
                while exporter.step() < influxdb.IDLE_S:
                    pass
            cpu = (time.thread_time() - cpu) / rounds
            print(f"open day{' wholly' if far else ''}: CPU {cpu * 1e3:.1f} ms; 500 sites: {cpu * 500:.1f} s a round")
        exporter.close()
        journal.close()


if __name__ == "__main__":
    main()
