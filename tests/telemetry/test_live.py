"""What the open days say is the batch figure so far, and counters go on over midnights and restarts."""

from __future__ import annotations

import asyncio
import random
import sys
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from kpis.columns import DAY_US
from kpis.cube import Cube
from kpis.results import cube_of
from telemetry import open_matters
from telemetry.config import Service, Site
from telemetry.events import Decoded, Event
from telemetry.journal import DiskFullError, Journal, Unit
from telemetry.live import Live
from telemetry.rules import names_of, rules_of, zones_of

BANGKOK = Site(id="bkk", timezone="Asia/Bangkok", services=(Service(id="idcard"), Service(id="civil")))
LONDON = Site(id="ldn", timezone="Europe/London")
SITES = (BANGKOK, LONDON)
MIDNIGHT_US = int(datetime(2026, 11, 20, 17, tzinfo=UTC).timestamp() * 1e6)
"""In Bangkok the 21st begins."""
MINUTE_US, HOUR_US = 60_000_000, 3_600_000_000


class Clock:
    def __init__(self, us: int) -> None:
        self.us = us

    def __call__(self) -> float:
        return self.us / 1e6


class World:
    """A journal, the live view over it, and a clock: events come in, time passes, the service restarts."""

    def __init__(self, folder, clock_us: int, sites=SITES) -> None:
        self.folder, self.sites, self.clock = folder, sites, Clock(clock_us)
        self.n = 0
        self.start()

    def start(self) -> None:
        self.journal = Journal(self.folder)
        self.journal.ensure([name for s in self.sites for name in names_of(s)])
        self.live = Live(self.journal, self.sites, clock=self.clock)
        self.live.load()

    def stop(self) -> None:
        self.journal.close()

    def ticket(self, site: str, at_us: int, wait_us: int = 5 * MINUTE_US) -> None:
        """Issued then, and called later."""
        self.n += 1
        facts = {"site": site, "source": f"{site}/k", "unit": "idcard", "contact": f"A{self.n}"}
        events = [
            Event(id=f"b:{2 * self.n + i:010}", type=kind, time_us=at_us + i * wait_us, **facts)
            for i, kind in enumerate(("ticket.issued", "ticket.called"))
        ]
        self.live.add(self.journal.commit([Unit("mqtt", Decoded(events), self.clock.us)]).columns)

    async def turn(self, keep=None) -> None:
        """The service's own loop, for one turn."""

        async def in_writer(work):
            (keep or (lambda it: it()))(work)

        running = asyncio.create_task(self.live.run(in_writer))
        for _ in range(6000):
            await asyncio.sleep(0.005)
            if (
                not self.live._pending
                and self.live.snapshot.today == self.live._local_days(self.clock.us)
                and _idle(running)
            ):
                break
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    def counted(self, measure: str = "tickets_issued") -> dict[int, int]:
        """Site code → what its counter shows."""
        return sums(self.live.snapshot.counted, measure)


def _idle(task: asyncio.Task[None]) -> bool:
    """Whether the loop has gone to sleep: it has done all that there was."""
    inner = task.get_coro().cr_await
    return getattr(inner, "__qualname__", "").startswith("sleep")


def sums(cube: Cube, measure: str) -> dict[int, int]:
    out: dict[int, int] = {}
    for block in cube.blocks.values():
        values = block.measure(measure)
        if values is not None:
            for site, value in zip(block.site.tolist(), values.tolist(), strict=True):
                out[site] = out.get(site, 0) + value
    return out


def turn(world: World, **more) -> None:
    asyncio.run(world.turn(**more))


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "data", MIDNIGHT_US + 10 * HOUR_US)
    yield made
    made.stop()


@pytest.mark.parametrize("seed", range(4))
def test_counters_never_go_down_over_midnights_and_restarts(tmp_path, seed):
    dice = random.Random(seed)
    world = World(tmp_path / "data", MIDNIGHT_US - 3 * HOUR_US)
    issued = {world.live.codes["bkk"]: 0, world.live.codes["ldn"]: 0}
    last: dict[int, int] = {}
    for _ in range(30):
        for _ in range(dice.randrange(4)):
            site = dice.choice(["bkk", "ldn"])
            world.ticket(site, world.clock.us - dice.randrange(2 * HOUR_US))
            issued[world.live.codes[site]] += 1
        turn(world)
        now = world.counted()
        assert all(now.get(site, 0) >= n for site, n in last.items()), "a counter went down"
        assert {site: now.get(site, 0) for site in issued} == issued
        last = now
        world.clock.us += dice.choice([MINUTE_US, HOUR_US, 7 * HOUR_US, 26 * HOUR_US])
        if dice.random() < 0.3:
            world.stop()
            world.clock.us += dice.choice([0, HOUR_US, DAY_US, 9 * DAY_US])
            world.start()
    world.stop()


def test_a_service_that_never_saw_a_midnight_does_not_forget_its_first_days(world):
    world.ticket("bkk", world.clock.us - HOUR_US)
    turn(world)
    world.stop()
    world.clock.us += 5 * DAY_US
    world.start()
    assert world.counted() == {world.live.codes["bkk"]: 1}


def test_killed_while_a_day_is_being_closed_nothing_counts_twice(world):
    world.ticket("bkk", world.clock.us - HOUR_US)
    turn(world)
    world.clock.us += 2 * DAY_US
    notes = world.journal.set_note
    kept = []

    def one_note_and_no_more(key, value):
        if not kept:
            notes(key, value)
        kept.append(key)  # as if killed before a second one

    world.journal.set_note = one_note_and_no_more
    turn(world)
    assert kept, "the day was closed"
    world.stop()
    world.start()
    assert world.counted() == {world.live.codes["bkk"]: 1}


def test_a_disk_that_is_full_at_midnight_stops_nothing_and_the_day_is_kept_later(world):
    world.ticket("bkk", world.clock.us - HOUR_US)
    turn(world)
    world.clock.us += 2 * DAY_US

    def full(_work):
        raise DiskFullError("full")

    turn(world, keep=full)
    assert world.counted() == {world.live.codes["bkk"]: 1}
    turn(world)
    assert world.journal.note("counters")["families"], "kept when there was room again"


def test_today_begins_at_the_midnight_of_each_site(world):
    bkk, ldn = world.live.codes["bkk"], world.live.codes["ldn"]
    world.clock.us = MIDNIGHT_US - HOUR_US
    world.stop()
    world.start()
    world.ticket("bkk", MIDNIGHT_US - 2 * HOUR_US)
    world.ticket("ldn", MIDNIGHT_US - 2 * HOUR_US)
    turn(world)
    assert [sums(world.live.snapshot.of_today(c), "tickets_issued").get(c, 0) for c in (bkk, ldn)] == [1, 1]
    world.clock.us = MIDNIGHT_US + MINUTE_US
    turn(world)
    assert [sums(world.live.snapshot.of_today(c), "tickets_issued").get(c, 0) for c in (bkk, ldn)] == [0, 1]
    assert world.counted() == {bkk: 1, ldn: 1}


def test_a_ticket_of_yesterday_that_is_called_after_midnight_counts_for_yesterday(world):
    world.ticket("bkk", MIDNIGHT_US - 5 * MINUTE_US, wait_us=10 * MINUTE_US)
    turn(world)
    bkk = world.live.codes["bkk"]
    assert sums(world.live.snapshot.of_today(bkk), "tickets_issued").get(bkk, 0) == 0
    assert world.counted()[bkk] == 1


def test_what_is_live_is_what_a_computation_from_scratch_says(world):
    dice = random.Random(7)
    for i in range(200):
        world.ticket(
            dice.choice(["bkk", "ldn"]), world.clock.us - dice.randrange(HOUR_US), wait_us=dice.randrange(HOUR_US)
        )
        if i % 20 == 0:
            turn(world)
    turn(world)
    code = world.journal.code
    scratch = cube_of(world.journal.columns(["bkk", "ldn"], 0, 2**62), rules_of(SITES, code), zones_of(SITES, code))
    for measure in ("tickets_issued", "tickets_called", "ticket_wait_ms"):
        assert sums(world.live.snapshot.open_days, measure) == sums(scratch, measure)


def test_only_the_site_that_was_touched_has_a_new_version(world):
    before = dict(world.live.snapshot.version)
    world.ticket("bkk", world.clock.us - HOUR_US)
    turn(world)
    after = world.live.snapshot.version
    bkk, ldn = world.live.codes["bkk"], world.live.codes["ldn"]
    assert (after[bkk] - before[bkk], after[ldn] - before[ldn]) == (1, 0)


def test_whoever_waits_for_a_change_is_told(world):
    bkk = world.live.codes["bkk"]

    async def main() -> int:
        waiting = asyncio.create_task(world.live.changed(bkk, world.live.snapshot.version[bkk]))
        await asyncio.sleep(0)
        world.ticket("bkk", world.clock.us - HOUR_US)
        await world.turn()
        return await asyncio.wait_for(waiting, 30)

    assert asyncio.run(main()) == world.live.snapshot.version[bkk]


def test_events_that_are_committed_during_a_refresh_are_not_forgotten(world):
    """The refresh is a thread's: it works while the event loop goes on taking events in."""
    turn(world)  # the totals are kept: from here on nobody writes but the loop
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    async def main() -> None:
        running = asyncio.create_task(world.live.run(asyncio.to_thread))
        for _ in range(300):
            world.ticket("bkk", world.clock.us - HOUR_US)
            await asyncio.sleep(0.005)
        await world.turn()
        running.cancel()

    try:
        asyncio.run(main())
    finally:
        sys.setswitchinterval(interval)
    assert world.counted() == {world.live.codes["bkk"]: 300}


def test_a_clock_that_was_days_ahead_for_a_while_blanks_nothing(world):
    world.ticket("bkk", world.clock.us)
    turn(world)
    world.clock.us += 2 * DAY_US
    turn(world)
    world.clock.us -= 2 * DAY_US
    world.ticket("bkk", world.clock.us)
    turn(world)
    code = world.live.codes["bkk"]
    assert sums(world.live.snapshot.of_today(code), "tickets_issued") == {code: 2}
    world.stop()
    world.start()
    assert sums(world.live.snapshot.of_today(code), "tickets_issued") == {code: 2}


def test_a_log_of_years_that_is_read_for_the_first_time_is_not_held_in_memory(world):
    for days in range(2, 900):
        world.ticket("bkk", world.clock.us - days * DAY_US)
    world.ticket("bkk", world.clock.us)
    turn(world)
    assert sum(map(len, world.live._columns.values())) < 10
    assert world.counted()[world.live.codes["bkk"]] == 1


def conversation(world: World, name: str, *steps: tuple[int, str]) -> None:
    """Events of one conversation, each stored when it happened."""
    for at_us, word in steps:
        world.n += 1
        event = Event(
            "bkk", "bkk/web", f"c{world.n}", f"conversation.{word}", at_us, "" if word == "replied" else "email", name
        )
        world.live.add(world.journal.commit([Unit("http", Decoded([event]), at_us)]).columns)


@pytest.mark.parametrize("restart", [False, True])
def test_a_conversation_of_last_week_is_still_in_the_backlog_until_it_is_answered(world, restart):
    bkk = world.live.codes["bkk"]

    def backlog() -> tuple[int, int]:
        cube = world.live.snapshot.all_matters
        return sums(cube, "conversations_waiting").get(bkk, 0), sums(cube, "conversations_waiting_overdue").get(bkk, 0)

    conversation(world, "k1", (world.clock.us, "opened"))
    turn(world)
    assert backlog() == (1, 0)
    for _ in range(7):
        world.clock.us += DAY_US
        world.ticket("bkk", world.clock.us)
        turn(world)
    if restart:
        world.stop()
        world.start()
    assert backlog() == (1, 1)
    assert sums(world.live.snapshot.of_today(bkk), "conversations").get(bkk, 0) == 0, "it began on another day"
    conversation(world, "k1", (world.clock.us, "replied"))
    turn(world)
    assert backlog() == (0, 0)
    assert sums(world.live.snapshot.of_today(bkk), "conversations").get(bkk, 0) == 0


def test_what_is_kept_of_old_conversations_is_bounded(world, monkeypatch):
    monkeypatch.setattr(open_matters, "MOST_EVENTS", 5)
    for i in range(20):
        conversation(world, f"k{i}", (world.clock.us + i, "opened"))
    world.clock.us += 4 * DAY_US
    turn(world)
    turn(world)
    assert len(world.live._matters[world.live.codes["bkk"]]) == 5
    world.clock.us += 400 * DAY_US
    turn(world)
    assert len(world.live._matters[world.live.codes["bkk"]]) == 0
