"""A simulated centre-year: sealed, packed with everything and verified by the pack's own checker; time, memory, shares.

python tests/bench/evidence.py [--days 250] [--visitors 500] [--calls 300]
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from datetime import date, timedelta
from pathlib import Path

from telemetry.archive.seal import seal
from telemetry.archive.store import Store
from telemetry.events import Decoded, Event
from telemetry.journal import Journal, Unit
from telemetry.ledger import Ledger
from telemetry.rules import names_of
from telemetry.settings import Change, Channel, Service, Site

HOUR_US, FIRST = 3_600_000_000, date(2025, 10, 1)
SITE = Site(
    id="bangrak",
    name_th="ศูนย์ราชการสะดวก สำนักงานเขตบางรัก",
    name_en="Bang Rak District Office",
    organisation="กรุงเทพมหานคร",
    province="กรุงเทพมหานคร",
    hours={"mon-fri": "08:30-16:30"},
    lunch="12:00-13:00",
    services=(
        Service(
            id="idcard", name_th="บัตรประจำตัวประชาชน", name_en="Identity cards", target_minutes=15, service_minutes=15
        ),
        Service(id="tax", name_th="ภาษี", name_en="Tax", target_minutes=20, service_minutes=20),
        Service(id="info", name_th="สอบถาม", name_en="Information"),
    ),
    channels=(Channel(id="line", reply_minutes=30, clock="service"),),
    changes=(Change(since=date(2026, 4, 1), why="ประกาศสำนักงานเขต ที่ ๑๒/๒๕๖๙", target_minutes={"idcard": 12}),),
)


def day_of(day: date, visitors: int, calls: int) -> list[Event]:
    """What a centre's sources tell of one day; the same for the same day."""
    dice = random.Random(day.toordinal())
    midnight = (day - date(1970, 1, 1)).days * 24 * HOUR_US - 7 * HOUR_US
    out: list[Event] = []

    def tell(source: str, kind: str, t: float, contact: str, **more: object) -> None:
        name = f"{day:%y%m%d}-{len(out)}"
        out.append(Event("bangrak", f"bangrak/{source}", name, kind, round(t), contact=contact, **more))  # type: ignore[arg-type]

    for i in range(visitors):
        t = midnight + 8.4 * HOUR_US + dice.random() * 7.8 * HOUR_US
        ticket, unit, counter = (
            f"{dice.choice('ABC')}{i:03}",
            dice.choice(("idcard", "idcard", "tax")),
            str(dice.randrange(1, 9)),
        )
        wait, service = dice.expovariate(1 / 400) * 1e6, dice.expovariate(1 / 500) * 1e6
        tell("kiosk", "ticket.issued", t, ticket, unit=unit, a=0)
        if dice.random() < 0.03:
            continue
        tell("kiosk", "ticket.called", t + wait, ticket, party=counter)
        if dice.random() < 0.03:
            tell("kiosk", "ticket.no_show", t + wait + 9e7, ticket, party=counter)
            continue
        tell("kiosk", "ticket.started", t + wait + 2e7, ticket, party=counter)
        tell("kiosk", "ticket.finished", t + wait + 2e7 + service, ticket, party=counter, a=dice.choice((1, 1, 1, 3)))
        if dice.random() < 0.4:
            tell(
                "button",
                "vote.cast",
                t + wait + 3e7 + service,
                ticket,
                party=counter,
                a=dice.choice((5, 5, 4, 4, 3, 1)),
                b=5,
            )
    for i in range(calls):
        t = midnight + 8.3 * HOUR_US + dice.random() * 8.2 * HOUR_US
        call, agent = f"{round(t / 1e6)}.{i}", f"agent-{dice.randrange(12):x}"
        wait = dice.expovariate(1 / 20)
        tell("pbx", "call.did", t, call, unit="info")
        tell("pbx", "call.entered", t, call, unit="info", a=1, caller=dice.randrange(1, 40_000))
        if dice.random() < 0.05:
            tell("pbx", "call.abandoned", t + wait * 1e6, call, unit="info", a=round(wait * 1000), b=1)
            continue
        ring, talk = min(wait, 5 + dice.random() * 8), dice.expovariate(1 / 150)
        told = {"unit": "info", "party": agent, "a": round(wait * 1000)}
        tell("pbx", "call.connected", t + wait * 1e6, call, b=round(ring * 1000), **told)
        tell("pbx", "call.completed", t + (wait + talk) * 1e6, call, b=round(talk * 1000), **told)
    for i in range(20):
        t = midnight + dice.random() * 24 * HOUR_US
        name = f"{day:%y%m%d}c{i}"
        tell(
            "chat", "conversation.opened", t, name, unit=dice.choice(("line", "email")), caller=dice.randrange(1, 9000)
        )
        tell("chat", "conversation.replied", t + dice.expovariate(1 / 900) * 1e6, name, party="agent-1", a=0)
        tell("chat", "conversation.closed", t + HOUR_US, name, party="agent-1", a=1)
    for i in range(2):
        t, name = midnight + 10 * HOUR_US + i * HOUR_US, f"{day:%y%m%d}k{i}"
        tell("cases", "case.opened", t, name, unit="tax", a=1)
        if dice.random() < 0.85:
            tell("cases", "case.settled", t + dice.expovariate(1 / 5) * 24 * HOUR_US, name, a=1)
    return sorted(out, key=lambda e: e.time_us)


def service_days(many: int) -> list[date]:
    """So many days from Monday to Friday."""
    days = (FIRST + timedelta(days=n) for n in range(many * 2))
    return [day for day in days if day.weekday() < 5][:many]


def make(folder: Path, days: int, visitors: int, calls: int) -> int:
    """A data folder whose days are sealed; how many events it holds."""
    journal, n = Journal(folder), 0
    journal.ensure(names_of(SITE))
    for day in service_days(days):
        events = day_of(day, visitors, calls)
        by_source: dict[str, list[Event]] = {}
        for e in events:
            by_source.setdefault(e.source, []).append(e)
        received = max(e.time_us for e in events) + 1_000_000
        journal.commit([Unit(source, Decoded(events=of), received) for source, of in by_source.items()])
        n += len(events)
    journal.pack()
    now_us = round((service_days(days)[-1] - date(1970, 1, 1)).days + 40) * 24 * HOUR_US
    for _ in seal(journal, Store(folder), [SITE], now_us=now_us, version="bench", ledger=Ledger(journal)):
        pass
    journal.close()
    return n


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=250)
    parser.add_argument("--visitors", type=int, default=500)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--data", type=Path, help="keep the data folder here, and use it again")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gecc-bench-") as folder:
        data, out = args.data or Path(folder) / "data", Path(folder) / "pack.zip"
        if not (data / "archive").exists():
            start = time.perf_counter()
            n = make(data, args.days, args.visitors, args.calls)
            print(f"made and sealed    {n:>9,} events in {time.perf_counter() - start:6.1f} s")
        command = [sys.executable, "-m", "telemetry", "evidence", "build", "--data", str(data), "--site", "bangrak"]
        last = service_days(args.days)[-1] + timedelta(days=1)
        start = time.perf_counter()
        subprocess.run([*command, "--from", str(FIRST), "--to", str(last), "--out", str(out), "--shares"], check=True)
        built = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(
            f"pack built         {out.stat().st_size / 1e6:9.1f} MB in {built:6.1f} s, {peak:.0f} MiB at most (20 s, 1024 MiB)"
        )
        with zipfile.ZipFile(out) as z:
            z.extractall(folder, [name for name in z.namelist() if "/verify" in name])
            top = z.namelist()[0].split("/")[0]
        start = time.perf_counter()
        subprocess.run([sys.executable, "-I", "-S", str(Path(folder) / top / "verify.py"), str(out)], check=True)
        print(f"verify.py          accepts it in {time.perf_counter() - start:6.1f} s (30 s)")
        if built > 20 or peak > 1024:
            sys.exit("slower or larger than promised")


if __name__ == "__main__":
    main()
