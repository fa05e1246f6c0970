"""A small centre's journal, to seal days of."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from telemetry.__main__ import main
from telemetry.archive.seal import seal
from telemetry.archive.store import Store
from telemetry.config import Service, Site
from telemetry.events import Decoded, Event
from telemetry.journal import Journal, Unit

ZONE = ZoneInfo("Asia/Bangkok")
DAY_US = 86_400_000_000
LAB = Site(id="lab", name_th="ศูนย์", services=(Service(id="idcard", target_minutes=15),), test_numbers=("0812345678",))
OTHER = Site(id="other", timezone="Europe/Berlin")


def at(day: int, hour: float = 9.0) -> int:
    """An instant of March 2026 in Bangkok."""
    return round(datetime(2026, 3, day, tzinfo=ZONE).timestamp() * 1e6 + hour * 3.6e9)


def visit(day: int, number: int, site: str = "lab", hour: float = 9.0, score: int = 5) -> list[Event]:
    """A ticket that is issued, called, served, and voted on."""
    t, ticket = at(day, hour) + number * 60_000_000, f"A{number:03}"

    def event(kind: str, minutes: float, **fields) -> Event:
        name = f"{t}-{kind}"
        return Event(site=site, source=f"{site}/kiosk", id=name, type=kind, time_us=t + round(minutes * 6e7), **fields)

    return [
        event("ticket.issued", 0, unit="idcard", contact=ticket),
        event("ticket.called", 5, contact=ticket, party="1"),
        event("ticket.started", 6, contact=ticket, party="1"),
        event("ticket.finished", 12, contact=ticket, party="1", a=1),
        event("vote.cast", 12.5, party="1", contact=ticket, a=score, b=5),
    ]


class Room:
    """A data folder with its journal and its archive."""

    def __init__(self, folder) -> None:
        self.data = folder
        self.journal = Journal(folder, pack_rows=40)
        self.journal.ensure(["lab", "other", "idcard"])
        self.store = Store(folder)

    def take(self, events, received_us: int | None = None) -> None:
        """Commit events, received a second after the last of them unless said otherwise."""
        self.journal.commit(
            [Unit("lab/kiosk", Decoded(events=list(events)), received_us or max(e.time_us for e in events) + 1_000_000)]
        )

    def seal(self, now_us: int, sites=(LAB,), gaps=(), store=None):
        """What was sealed, as names of folders."""
        done = seal(
            self.journal, store or self.store, sites, now_us=now_us, version="1.0", ledger=lambda _site, _day: gaps
        )  # fmt: skip
        return [one.folder.name for one in done]

    def files(self) -> dict[str, bytes]:
        """Everything in the archive."""
        return {str(p.relative_to(self.data)): p.read_bytes() for p in sorted((self.data / "archive").rglob("*")) if p.is_file()}  # fmt: skip


@pytest.fixture
def room(tmp_path):
    made = Room(tmp_path / "data")
    yield made
    made.journal.close()


def utc(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1e6, UTC)


def day(number: int) -> date:
    return date(2026, 3, number)


@pytest.fixture
def gecc(capsys):
    """Run the command; its exit code, what it printed and what it complained of."""

    def run(*arguments) -> tuple[int, str, str]:
        code = main([str(a) for a in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
