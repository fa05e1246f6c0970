"""A running service that was told everything, as it was an hour ago and as it is now, and what scrapes it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from kpis.model import Better, Kind
from kpis.results import KPIS
from telemetry.simulate import Day, demo_config_toml, run_simulation, simulate_day
from tests.dashboards import everything, stores
from tests.dashboards.stores import Store
from tests.publisher import Publisher
from tests.servers import Server, free_port, mosquitto
from tests.service.harness import Gecc, fetch, metrics, wait_until

TOKEN = f"gecc_{'dash':0<43}"
TARGETS = {
    kpi.name: 0.5 if kpi.unit == "ratio" else 50
    for kpi in KPIS.values()
    if kpi.better is not Better.NONE and kpi.kind not in (Kind.HISTOGRAM, Kind.COUNT)
}
"""Targets for whatever may have one."""
HOUR_AGO_S = range(-4500, -3300, 60)
"""When the page of the first round is said to have been scraped."""


@dataclass
class Fed:
    service: Gecc
    stores: dict[str, Store]


class Centre:
    """The centre of the stories; each round tells it more."""

    def __init__(self, folder: Path, broker: Server, store_port: int) -> None:
        self.zone, self.now = evening()
        self.today = self.now.date()
        self._broker, self._folder = broker, folder
        self._log, self._records = folder / "queue_log", folder / "Master.csv"
        self._log.touch()
        self._records.touch()
        self._issued = 0
        self._days = self._thirds()
        hashed = hashlib.sha256(TOKEN.encode()).hexdigest()
        demo = demo_config_toml("demo", broker.port, free_port(), self._log)
        text = everything.config(demo, self.zone, hashed, TARGETS, f"http://127.0.0.1:{store_port}")
        (folder / "gecc.toml").write_text(text, "utf-8")
        self.service = Gecc(folder / "gecc.toml")

    def tell(self, number: int, days: Sequence[date]) -> None:
        """One round; back when the page of metrics tells of it."""
        url = self.service.url
        part = self._days[number - 1]
        asyncio.run(run_simulation(part, host="127.0.0.1", port=self._broker.port, pbx_log=self._log))
        with Publisher(self._broker.port) as publisher:
            topic, payload = everything.press()
            publisher.publish(topic, [payload] * 3)
        with self._records.open("ab") as file:
            file.write(everything.records_of_calls(number, self.today, self.zone))
        for day in days:
            events = everything.events(number, day, self.zone, datetime.now(UTC))
            assert not (refused := send(url, events)), [(events[r["index"]], r) for r in refused[:5]]
            send(url, events[:20])  # again: duplicates
            self._issued += sum(e["type"].endswith("ticket.issued") and e["data"]["unit"] == "passport" for e in events)
        assert send(url, [everything.REFUSED])
        series = 'gecc_tickets_issued_total{site="demo",unit="passport"}'
        wait_until(lambda: metrics(fetch(f"{url}/metrics")).get(series) == self._issued, "the round is not on the page")

    def _thirds(self) -> list[Day]:
        day = simulate_day(site="demo", day=self.today, timezone=self.zone, seed=5, visitors=60, calls=40)
        third = len(day.actions) // 3
        parts = (day.actions[:third], day.actions[third : 2 * third], day.actions[2 * third :])
        return [day._replace(actions=part) for part in parts]


def again(service: Gecc) -> None:
    """A restart: nothing to the counters, and what the journal knows beside events is read anew, as every minute."""
    service.stop()
    service.start()


def send(url: str, events: list[dict]) -> list[dict]:
    """Post them as one batch; what of it was refused."""
    body = json.dumps(events).encode()
    said = {"Content-Type": "application/cloudevents-batch+json", "Authorization": f"Bearer {TOKEN}"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/v1/events", body, said), timeout=20) as answer:
        return json.loads(answer.read())["rejected"]


def evening() -> tuple[str, datetime]:
    """A time zone in which it is about eight in the evening: today's offices are closed, and today is not over."""
    offset = (20 - datetime.now(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{-offset:+d}", datetime.now(UTC) + timedelta(hours=offset)


@contextmanager
def fed(folder: Path, rules: str) -> Iterator[Fed]:
    """Both stores, in which every counter has grown since an hour ago and every gauge has a value."""
    with ExitStack() as stack:
        store_port = free_port()
        centre = Centre(folder, stack.enter_context(mosquitto()), store_port)
        service = stack.enter_context(centre.service)
        yesterday = centre.today - timedelta(days=1)
        centre.tell(1, [centre.today])
        target = service.url.removeprefix("http://")
        again(service)
        failed = "gecc_influxdb_failures_total"  # the store is not there yet
        wait_until(lambda: failed in fetch(f"{service.url}/metrics"), "no failure of the store is told of")
        past = stores.history(fetch(f"{service.url}/metrics"), [int(time.time()) + s for s in HOUR_AGO_S], target)
        one = stack.enter_context(stores.prometheus(target, rules, past))
        other = stack.enter_context(stores.victoria_metrics(store_port, target, rules, past))
        centre.tell(2, [yesterday, centre.today])
        again(service)
        time.sleep(2 * stores.EVERY_S)  # a scrape of each round
        centre.tell(3, [yesterday, centre.today])
        time.sleep(2 * stores.EVERY_S)
        yield Fed(service, {"prometheus": one, "victoria-metrics": other})
