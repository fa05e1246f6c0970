"""What the store holds in the end is what /v1/kpis says, whatever came in which order."""

from __future__ import annotations

import os
import random
from contextlib import closing

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from telemetry.archive.retention import leaving
from telemetry.archive.seal import seal
from telemetry.archive.store import Store
from telemetry.config import Service, Site
from telemetry.events import Event
from tests.kpis import worlds
from tests.telemetry.influxdb_room import DAY_US, Room, S, same

slow = settings(
    deadline=None,
    max_examples=int(os.environ.get("GECC_EXAMPLES", "5")),
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@slow
@given(st.data())
def test_after_any_stream_the_points_of_each_day_add_up_to_its_rows_of_v1_kpis(tmp_path_factory, data):
    world = data.draw(worlds.worlds())
    dice = random.Random(data.draw(st.integers(0, 2**32)))
    # A call that is said to have lasted for years is found by a question about years, and by none about its day.
    likely = [e for e in world.events if not e.type.startswith("call.") or max(e.a, e.b) < 40_000_000]
    events = [e._replace(id=f"{i:06}") for i, e in enumerate(likely)]
    for e in dice.sample(events, min(3, len(events))):  # late, by hours to weeks; and twice
        events.remove(e)
        events.insert(dice.randrange(len(events) + 1), e)
    events += dice.sample(events, min(5, len(events)))
    end_us = max((e.time_us for e in events), default=1_772_500_000 * S)
    room = Room(
        tmp_path_factory.mktemp("room"), world.sites, end_us - dice.choice([0, DAY_US // 3, DAY_US, 4 * DAY_US])
    )
    try:
        while events:
            room.commit(*events[: (n := dice.randrange(1, 12))])
            events = events[n:]
            for _ in range(dice.randrange(12)):
                room.mono += room.exporter.step() + dice.choice([0, 10, 100])
            room.pass_time(dice.choice([0, 60 * S, 3600 * S]))
            if not dice.randrange(6):
                room.exporter.close()
                room.open()
        room.now_us = max(room.now_us, end_us) + dice.choice([0, 3600 * S, DAY_US, 9 * DAY_US])
        room.settle()
        room.pass_time(DAY_US)
        room.settle()
        same(room)
    finally:
        room.close()


SITE = Site(
    id="bkk",
    services=(Service(id="idcard", target_minutes=10), Service(id="civil")),
    hours={"mon-fri": "08:30-16:30"},
    fcr_window_s=7 * 86_400,
)
MONDAY_US = 1_794_796_200 * S
"""09:30 of Monday, 2026-11-16, in Bangkok."""


def told(kind, contact, day, minute=0, unit="idcard", **slots):
    source = "bkk/pbx" if kind.startswith("call.") else "bkk/crm"
    at = MONDAY_US + day * DAY_US + minute * 60 * S
    return Event(
        site="bkk",
        source=source,
        id=f"{contact}:{kind}:{at}",
        type=kind,
        time_us=at,
        unit=unit,
        contact=contact,
        **slots,
    )


def call(contact, day, minute=0, caller=7, unit="idcard"):
    return [
        told("call.entered", contact, day, minute, unit, caller=caller),
        told("call.connected", contact, day, minute + 1, unit, a=60_000, b=5_000),
        told("call.completed", contact, day, minute + 3, unit, a=60_000, b=120_000),
    ]


def ticket(contact, day, minute=0, unit="idcard"):
    return [told("ticket.issued", contact, day, minute, unit), told("ticket.called", contact, day, minute + 5, unit)]


STORIES = {
    "a caller who calls again six days later": ([*call("c1", 0), *call("c2", 1, caller=8)], call("c3", 6)),
    "a caller who had called six days before, as is known late": ([*call("c1", 6), *call("c2", 14)], call("c0", 0)),
    "a window that passes while others call": (call("c1", 0), call("c2", 9, caller=8)),
    "a window that passes in silence": (call("c1", 0), call("c2", 20, caller=8)),
    "a window that passes day by day": (
        [*call("c1", 0), *(e for n in range(1, 8) for e in call(f"d{n}", n, caller=100 + n))],
        call("c2", 8, caller=8),
    ),
    "a case that is settled weeks later": ([told("case.opened", "k1", 0, a=1, b=(MONDAY_US + 20 * DAY_US) // 1000)], [told("case.settled", "k1", 18, a=1)]),
    "a case that is opened anew": ([told("case.opened", "k1", 0, a=2), told("case.settled", "k1", 1, a=1)], [told("case.reopened", "k1", 15)]),
    "a case whose receipt becomes known late": ([told("case.settled", "k1", 12, a=1)], [told("case.opened", "k1", 1, a=1)]),
    "a step that falls due": ([told("case.opened", "k1", 0, a=2), told("case.step_started", "k1", 0, 5, a=1, b=(MONDAY_US + 9 * DAY_US) // 1000)], ticket("A1", 16)),
    "a reply after weeks": ([told("conversation.opened", "m1", 0, unit="line")], [told("conversation.replied", "m1", 16, unit="line")]),
    "a conversation that becomes late in silence": ([told("conversation.opened", "m1", 0, unit="email")], ticket("A1", 4)),
    "a person who is first in the month only until an earlier one is known": (
        [told("conversation.opened", f"m{n}", n, unit="line", caller=5) for n in (3, 8, 11)], [told("conversation.opened", "m0", 0, unit="line", caller=5)],
    ),
    "a unit that is named late": ([told("conversation.opened", "m1", 0, unit="")], [told("conversation.assigned", "m1", 12, unit="line")]),
    "a call that first came to another queue": (call("c1", 2, 10), [told("call.entered", "c1", 2, 5, "civil", caller=7)]),
    "a ticket of last week": (ticket("A1", 10), ticket("A2", 1)),
    "a ticket whose issue comes late": (ticket("A1", 10)[1:], ticket("A1", 10)[:1]),
    "the first event after two silent weeks": (ticket("A1", 0), ticket("A2", 14)),
    "a history that comes after the present": (ticket("A1", 14), [e for day in range(-40, 0, 3) for e in ticket(f"B{day}", day)]),
    "the same again": ([*call("c1", 0), *ticket("A1", 0)], [*call("c1", 0), *ticket("A1", 0)]),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("lag", [0, 1, 9])
def test_what_is_decided_later_reaches_the_points_of_its_day(tmp_path, story, lag):
    before, after = STORIES[story]
    with closing(Room(tmp_path, (SITE,), max(e.time_us for e in before) + 3600 * S)) as room:
        room.commit(*before)
        room.settle()
        assert room.store.points
        end = max(e.time_us for e in (*before, *after)) + 3600 * S + lag * DAY_US
        if lag == 9:  # each night was lived through, not slept over
            while room.now_us + DAY_US < end:
                room.pass_time(DAY_US)
                room.settle()
        room.pass_time(max(end - room.now_us, 0))
        room.commit(*after)
        room.settle()
        room.pass_time(DAY_US)
        room.settle()
        same(room, days=0)


@pytest.mark.parametrize("read_before", [True, False])
def test_days_that_left_the_journal_before_they_were_read_are_written_all_the_same(tmp_path, read_before):
    room = Room(tmp_path, (SITE,), MONDAY_US + 3 * 3600 * S)
    room.commit(*call("c1", 0), *ticket("A1", 0))
    if read_before:
        room.settle()
    room.exporter.close()
    room.pass_time(60 * DAY_US)
    room.commit(*call("c2", 1), *ticket("A2", 59))
    store = Store(tmp_path)
    assert list(seal(room.journal, store, [SITE], now_us=room.now_us, version="1", ledger=lambda *_: []))
    left = [one for one in leaving(room.journal, store, SITE, room.now_us, 35) if room.journal.let_go(one)]
    assert len(left) > 20
    room.open()
    room.settle()
    same(room)
    room.close()
