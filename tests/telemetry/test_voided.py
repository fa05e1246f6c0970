"""What was voided by hand, and what was added, counts as if the one had never come and the other had come by itself."""

from __future__ import annotations

import random
from contextlib import closing

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpis.columns import empty
from kpis.model import By
from kpis.results import GROUPS, KPIS
from telemetry.corrections import ADDED
from telemetry.events import MISSING, VOIDED, Decoded, Event
from telemetry.evidence.checker import verify_figures
from telemetry.figures import query
from telemetry.journal import Journal, Unit
from telemetry.rules import names_of
from telemetry.voided import VOID, counting, counts, source_of, voids_of
from tests.kpis import worlds
from tests.kpis.second_reading.call_sources import LOGS

ROWS = {"seq": np.int64, "type": np.int16, "a": np.int64}
OF_SOURCES = {kpi.name for kpi in KPIS.values() if kpi.by is By.DEVICE} | {kpi.name for kpi in GROUPS["presence"]}
"""What tells of devices and logs: nothing that people say changes it."""


def columns(types: list[int], of: list[int]):
    n = len(types)
    blank = empty()
    fields = {name: np.zeros(n, getattr(blank, name).dtype) for name in type(blank).__slots__}
    seq = np.arange(1, n + 1, dtype=np.int64)
    return type(blank)(**fields | {"seq": seq, "type": np.array(types, np.int16), "a": np.array(of, np.int64)})


def holds(of: dict[int, int], seq: int) -> bool:
    """In words: an event counts unless some void of it holds; a void holds unless some void of it does."""
    return not any(holds(of, void) for void, named in of.items() if named == seq)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_void_may_be_voided_and_that_again(data):
    n = data.draw(st.integers(0, 14))
    is_void = [i > 0 and data.draw(st.booleans()) for i in range(n)]
    of = [data.draw(st.integers(1, i)) if void else 7 for i, void in enumerate(is_void)]
    cols = columns([VOID if v else 10 for v in is_void], of)
    voids = {i + 1: of[i] for i in range(n) if is_void[i]}
    want = [i + 1 for i in range(n) if not is_void[i] and holds(voids, i + 1)]
    shuffled = cols.take(np.array(data.draw(st.permutations(range(n))), np.intp))
    for some in (cols, shuffled):
        assert sorted(counting(some).seq.tolist()) == want
        assert sorted(some.seq[counts(some)].tolist()) == want
    assert set(voids_of(cols)) == {seq for seq in range(1, n + 1) if not holds(voids, seq)}


def test_where_nothing_was_voided_nothing_is_touched():
    cols = columns([10, 97, 100], [1, 2, 3])
    assert counting(cols) is cols


# -- the same figures


def by_hand(e: Event) -> Event:
    return e._replace(source=source_of(e.site))


def corrected(folder, world, dice):
    """Two journals: of one the wrong events never came and the missing ones came by themselves; of the other that was put
    right by hand."""
    first = {
        min((e for e in world.events if e.site == s.id), key=lambda e: e.time_us, default=None) for s in world.sites
    }
    rows = [e._replace(id=f"{n:06}", person="") for n, e in enumerate(world.events)]
    kept = {e._replace(id="", person="") for e in first if e}
    wrong = {e.id for e in rows if dice.random() < 0.2 and e._replace(id="") not in kept}
    missed = {e.id for e in rows if e.type in ADDED and dice.random() < 0.2 and not e.caller and e._replace(id="") not in kept} - wrong  # fmt: skip
    right = Journal(folder / "right", pack_rows=10**9)
    put_right = Journal(folder / "put_right", pack_rows=dice.choice((3, 20, 10**9)))
    for journal in (right, put_right):
        journal.ensure([x for s in world.sites for x in names_of(s)])
        journal.set_tellers({name: (str(log[0]), log[1], False) for name, log in LOGS.items()})
    come = [e for e in rows if e.id not in missed]
    late = [e for e in rows if e.id in missed]

    def commit(journal, events):
        journal.commit([Unit(e.source, Decoded([e]), e.time_us) for e in events])

    commit(right, [e for e in come if e.id not in wrong])
    commit(right, [e._replace(source="desk") for e in late])
    commit(put_right, come)
    commit(put_right, [by_hand(e) for e in late])
    seq = {e.id: s for s, _, e in put_right.read(0, 10**6)}
    voids: list[Event] = []

    def void(of, at):
        voids.append(
            Event(at.site, source_of(at.site), f"v{len(voids)}", VOIDED, at.time_us, at.unit, at.contact, a=of)
        )
        return len(seq) + len(voids)

    for e in dice.sample(rows, len(rows)):
        if e.id in wrong:
            void(seq[e.id], e)
        elif dice.random() < 0.1:  # voided by mistake, and taken back
            void(void(seq[e.id], e), e)
    commit(put_right, voids)
    return right, put_right


def figures(journal, site, by):
    rows = query(journal, site, None, None, by=by)
    return [
        {name: row[name] for name in ("kpi", "unit", "from", "to", "value", "numerator", "denominator", "n")}
        for row in rows
        if row["kpi"] not in OF_SOURCES
    ]


@settings(deadline=None, max_examples=10, suppress_health_check=list(HealthCheck))
@given(world=worlds.worlds(), seed=st.integers(0, 2**32))
def test_corrected_by_hand_the_figures_are_those_of_what_was_right(tmp_path_factory, world, seed):
    right, put_right = corrected(tmp_path_factory.mktemp("two"), world, random.Random(seed))
    with closing(right), closing(put_right):
        for site in world.sites:
            assert put_right.span(site.id) == right.span(site.id)
            assert [*put_right.last_heard([site.id]).values()] == [*right.last_heard([site.id]).values()]
            assert len(put_right.matters(site.id)) == len(right.matters(site.id))
            if right.span(site.id) is None:
                continue
            for by in ("total", "unit", "agent", "counter"):
                assert figures(put_right, site, by) == figures(right, site, by), (site.id, by)


@settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
@given(world=worlds.worlds(), seed=st.integers(0, 2**32))
def test_the_checker_of_a_pack_keeps_the_events_that_were_right(tmp_path_factory, world, seed):
    """By code of its own; what it counts of them needs to know no corrections."""
    right, put_right = corrected(tmp_path_factory.mktemp("two"), world, random.Random(seed))
    with closing(right), closing(put_right):
        told = [(seq, e) for seq, _, e in put_right.read(0, 10**6)]
        rows = [
            verify_figures.event({"seq": f"{seq}", "time_us": f"{e.time_us}", "type": e.type} | ({} if e.a == MISSING else {"a": f"{e.a}"}))
            for seq, e in told
        ]  # fmt: skip
        kept = {row.seq for row in verify_figures.counting(rows)}
        assert [e.id for seq, e in told if seq in kept] == [e.id for _, _, e in right.read(0, 10**6)]


def test_a_day_of_which_everything_was_voided_is_as_if_it_had_not_been(tmp_path):
    site = worlds.SITES[0]
    journal = Journal(tmp_path, pack_rows=1)
    for day in range(3):
        e = Event(site.id, "kiosk", f"{day}", "call.did", (20_000 + day) * 86_400_000_000, "", "x")
        journal.commit([Unit("kiosk", Decoded([e]), e.time_us)])
    for seq in (1, 3):
        e = journal.event(seq)
        void = Event(site.id, source_of(site.id), f"v{seq}", VOIDED, e.time_us, e.unit, e.contact, a=seq)
        journal.commit([Unit(void.source, Decoded([void]), e.time_us)])
    middle = 20_001 * 86_400_000_000
    assert journal.span(site.id) == (middle, middle)
    assert journal.last_heard([site.id]) == {journal.code(site.id): middle}
    e = journal.event(2)
    void = Event(site.id, source_of(site.id), "v2", VOIDED, e.time_us, e.unit, e.contact, a=2)
    journal.commit([Unit(void.source, Decoded([void]), e.time_us)])
    assert journal.span(site.id) is None
    assert journal.last_heard([site.id]) == {}
    journal.close()
