"""The service tells when it was away, and when its clock was set."""

from __future__ import annotations

import pytest

from telemetry.downtime import Presence
from telemetry.ledger import Ledger
from tests.archive.conftest import LAB, at, day, visit


class Clocks:
    """A wall clock that can be set, and a steady one that cannot."""

    def __init__(self, now_us: int) -> None:
        self.wall_us, self.steady_s = now_us, 100.0

    def wait(self, seconds: float) -> None:
        self.wall_us += round(seconds * 1e6)
        self.steady_s += seconds

    def presence(self, room):
        return Presence(room.journal, ["lab", "other"], clock=lambda: self.wall_us / 1e6, steady=lambda: self.steady_s)


def told(room, number=2):
    rows = Ledger(room.journal)(LAB, day(number))
    return [(r["kind"], r["from_us"], r["to_us"]) for r in rows if r["kind"] in ("downtime", "clock_step")]


@pytest.fixture
def clocks(room):
    room.take(visit(2, 0))
    return Clocks(at(2, 10))


def test_a_service_that_was_away_tells_from_when_to_when_at_every_site(room, clocks):
    first = clocks.presence(room)
    first.look()
    clocks.wait(30)
    first.look()
    clocks.wait(3600)
    clocks.presence(room).look()
    assert told(room) == [("downtime", at(2, 10) + 30_000_000, at(2, 11) + 30_000_000)]
    assert {source for source, *_ in room.journal.gaps()} == {"lab/service", "other/service"}


def test_a_restart_is_no_downtime_and_neither_is_the_first_start(room, clocks):
    clocks.presence(room).look()
    clocks.wait(60)
    again = clocks.presence(room)
    again.look()
    for _ in range(3):
        clocks.wait(30)
        again.look()
    assert told(room) == []


@pytest.mark.parametrize("step_s", [3600, -3600, 3, -3])
def test_a_clock_that_was_set_is_told_once(room, clocks, step_s):
    presence = clocks.presence(room)
    presence.look()
    clocks.wait(30)
    before = clocks.wall_us - 30_000_000
    clocks.wall_us += step_s * 1_000_000
    presence.look()
    clocks.wait(30)
    presence.look()
    ((kind, first, last),) = told(room)
    assert kind == "clock_step"
    assert {first, last} == {before, before + (30 + step_s) * 1_000_000}


def test_a_slow_machine_is_no_step(room, clocks):
    presence = clocks.presence(room)
    presence.look()
    clocks.wait(300)
    clocks.wall_us += 1_900_000
    presence.look()
    assert told(room) == []


def test_a_clock_that_was_set_back_while_the_service_was_away_is_told(room, clocks):
    clocks.presence(room).look()
    clocks.wall_us -= 1_800_000_000
    clocks.presence(room).look()
    assert told(room) == [("clock_step", at(2, 9.5), at(2, 10))]
