"""From the journal to cubes: a period cut anywhere gives the same cells, and many sites take the memory of one."""

from __future__ import annotations

import random
import tracemalloc
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from kpis.columns import QUARTERS_A_DAY
from kpis.cube import coarsen, merge
from kpis.rollup import one_group, roll_up
from telemetry.config import Service, Site
from telemetry.cubes import day_cubes, site_cube
from telemetry.events import Decoded, Event
from telemetry.journal import Journal, Unit
from telemetry.journal_reader import JournalReader
from tests.kpis.cells import cells

ZONE = ZoneInfo("Asia/Bangkok")
S = 1_000_000
CONTACTS = ("calls", "stints", "tickets", "votes", "conversations", "conversation_users")


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1e6)


def day(text: str) -> int:
    """The quarter at which a day begins."""
    return (us(text) + 7 * 3600 * S) // 86_400_000_000 * QUARTERS_A_DAY


def site(name: str) -> Site:
    return Site(id=name, services=(Service(id="tax", target_minutes=10),), fcr_window_s=86400.0)


def contacts(of: str, seed: int, n: int, first: str = "2026-09-28", days: int = 40) -> list[Event]:
    """Calls over midnight, tickets and presses of that many days."""
    dice, out = random.Random(seed), []
    for i in range(n):
        at = us(first) + dice.randrange(days * 86_400) * S
        call, ticket = (
            {"site": of, "source": f"{of}/{k}", "unit": u, "contact": f"{k}{i}"}
            for k, u in (("pbx", "q"), ("hall", "tax"))
        )
        out += [
            Event(id=f"e{i}", type="call.entered", time_us=at, caller=dice.randrange(1, 50), **call),
            Event(id=f"c{i}", type="call.connected", time_us=at + 9 * S, a=9000, b=5000, party="agent-1", **call),
            Event(
                id=f"d{i}", type="call.completed", time_us=at + 2000 * S, a=9000, b=1_991_000, party="agent-1", **call
            ),
            Event(id=f"i{i}", type="ticket.issued", time_us=at, **ticket),
            Event(id=f"t{i}", type="ticket.called", time_us=at + dice.randrange(2000) * S, party="1", **ticket),
            Event(id=f"v{i}", type="vote.cast", time_us=at + 60 * S, site=of, source=f"{of}/v", unit="tax", a=4, b=5),
        ]
    return out


def reader(folder, *batches: list[Event]) -> JournalReader:
    journal = Journal(folder, pack_rows=500)
    journal.ensure(["tax"])
    for events in batches:
        journal.commit([Unit("import", Decoded(events), 0)])
    journal.close()
    return JournalReader(folder)


def conversation(*steps: tuple[str, str], name: str = "k1", of: str = "bkk") -> list[Event]:
    fact = {"site": of, "source": f"{of}/web", "unit": "email", "contact": name}
    return [
        Event(id=f"{name}{i}", type=f"conversation.{word}", time_us=us(at), **fact)
        for i, (at, word) in enumerate(steps)
    ]


def sums(cube) -> dict[str, int]:
    return {name: int(v[0]) for name, v in roll_up(cube, one_group(cube), 1)[0].items()}


def of_contacts(cube):
    return {family: of for family, of in cells(cube).items() if family in CONTACTS}


def test_a_period_of_months_is_its_days_put_together(tmp_path):
    journal = reader(
        tmp_path, contacts("bkk", 1, 200), conversation(("2026-09-29T10:00", "opened"), ("2026-10-30T09:00", "replied"))
    )
    first, last = day("2026-09-25"), day("2026-11-10")
    whole = site_cube(journal, site("bkk"), (first, last))
    parts = [site_cube(journal, site("bkk"), (d, d + QUARTERS_A_DAY)) for d in range(first, last, QUARTERS_A_DAY)]
    assert of_contacts(merge(parts)) == of_contacts(whole)
    assert sums(whole)["calls_offered"] == sums(whole)["tickets_issued"] == 200


def test_a_conversation_of_last_spring_in_which_somebody_writes_today_is_not_new_today(tmp_path):
    long = conversation(
        ("2026-03-01T10:00", "opened"), ("2026-03-01T11:00", "replied"), ("2026-10-05T09:00", "message")
    )
    journal = reader(tmp_path, long)
    today = day("2026-10-05"), day("2026-10-06")
    assert sums(site_cube(journal, site("bkk"), today))["conversations"] == 0
    spring = day("2026-03-01"), day("2026-03-02")
    assert sums(site_cube(journal, site("bkk"), spring))["conversations"] == 1


def test_a_reply_that_came_months_later_is_known(tmp_path):
    journal = reader(
        tmp_path, conversation(("2026-03-01T10:00", "opened"), ("2026-09-01T11:00", "replied")), contacts("bkk", 1, 3)
    )
    told = sums(site_cube(journal, site("bkk"), (day("2026-03-01"), day("2026-03-02"))))
    assert (told["conversations"], told["conversations_replied"], told["conversations_waiting"]) == (1, 1, 0)


@pytest.mark.parametrize(
    ("now", "overdue"), [("2026-10-05T10:30", 0), ("2026-10-06T09:59", 0), ("2026-10-06T10:01", 1)]
)
def test_what_is_open_is_looked_at_as_of_the_moment_of_asking(tmp_path, now, overdue):
    """An e-mail of 10 o'clock is due a day later."""
    journal = reader(tmp_path, conversation(("2026-10-05T10:00", "opened")))
    told = sums(site_cube(journal, site("bkk"), (day("2026-10-05"), day("2026-10-09")), us(now)))
    assert (told["conversations_waiting"], told["conversations_waiting_overdue"]) == (1, overdue)


def test_a_period_that_is_over_is_looked_at_as_of_the_last_event(tmp_path):
    journal = reader(
        tmp_path, conversation(("2026-10-05T10:00", "opened")), conversation(("2026-10-05T18:00", "opened"), name="k2")
    )
    answers = [
        sums(site_cube(journal, site("bkk"), (day("2026-10-05"), day("2026-10-06")), us(now)))
        for now in ("2026-10-07", "2027-10-07")
    ]
    assert answers[0] == answers[1]
    assert answers[0]["conversations_waiting_overdue"] == 0


def test_a_period_without_anything_is_a_cube_of_nothing(tmp_path):
    journal = reader(tmp_path, contacts("bkk", 1, 5))
    for first, last in (("2020-01-01", "2020-01-02"), ("2030-01-01", "2031-01-01")):
        assert not any(of_contacts(site_cube(journal, site("bkk"), (day(first), day(last)))).values())
    assert len(site_cube(journal, site("nowhere"), (day("2026-10-01"), day("2026-10-02")))) == 0


def test_sites_come_one_by_one_as_days_and_merge_to_all_of_them(tmp_path):
    names = ["a", "b", "c"]
    journal = reader(tmp_path, *(contacts(name, i, 40) for i, name in enumerate(names)))
    period = day("2026-09-28"), day("2026-11-10")
    cubes = list(day_cubes(journal, [site(name) for name in names], period))
    assert [of.id for of, _ in cubes] == names
    country = merge([cube for _, cube in cubes])
    assert sums(country)["calls_offered"] == 120
    assert cells(country) == cells(coarsen(merge([site_cube(journal, site(name), period) for name in names])))


def test_many_sites_take_the_memory_of_one(tmp_path):
    names = [f"s{i}" for i in range(6)]
    journal = reader(tmp_path, *(contacts(name, i, 300) for i, name in enumerate(names)))
    period = day("2026-09-28"), day("2026-11-10")

    def peak(some: list[str]) -> int:
        tracemalloc.start()
        for _ in day_cubes(journal, [site(name) for name in some], period):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(names[:1])
    assert peak(names) < 1.5 * max(peak([name]) for name in names[:2])
