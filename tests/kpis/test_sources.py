"""Several logs of one telephone system: each call counts once, as the best of them tells it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.calls.sources import NEAR_US, tell_apart
from kpis.columns import absent
from kpis.model import Teller
from kpis.results import facts_of
from telemetry.events import MISSING, UNKNOWN, Event
from telemetry.rules import rules_of, zones_of
from tests.kpis.made import SITE, T0
from tests.kpis.worlds import S, World, columns_of, names_of

LAB = Path(__file__).parent.parent / "data" / "asterisk-lab"
QUEUE_LOG, CEL, CDR, OTHER = "queue-log", "cel", "cdr", "other"
RANKS = {QUEUE_LOG: (0, 1), CEL: (0, 2), CDR: (0, 4)}


def call(source, contact, at_s, *types, unit="idcard"):
    return [
        Event(SITE.id, source, f"{contact}.{n}", f"call.{t}", (T0 + at_s) * S + n, unit, contact)
        for n, t in enumerate(types)
    ]


def tellers(names, followed=()):
    return {
        names.code(source): Teller(system, rank, source in followed)
        for source, (system, rank) in RANKS.items()
        if source in names.codes
    }


def told(events, followed=()):
    names = names_of(World(tuple(events), (SITE,)))
    rules = rules_of([SITE], names.code, tellers=tellers(names, followed))
    facts = facts_of(columns_of(events, names), rules, zones_of([SITE], names.code))
    return {name: int(np.sum(f.counts[name])) for f in facts.values() for name in f.counts}


TALK = ("entered", "connected", "completed")
LOST = ("entered", "abandoned")


def test_a_call_that_two_sources_tell_of_counts_once_as_the_better_one_tells_it():
    got = told([*call(QUEUE_LOG, "c1", 0, *LOST), *call(CEL, "c1", 0, *TALK)])
    assert (got["calls_offered"], got["calls_answered"], got["queue_entries"]) == (1, 0, 1)


def test_the_order_in_which_the_sources_came_does_not_matter():
    first, second = call(QUEUE_LOG, "c1", 0, *LOST), call(CEL, "c1", 0, *TALK)
    assert told([*first, *second]) == told([*second, *first])


def test_a_call_that_the_better_source_would_have_told_of_is_set_aside_and_shown():
    events = [*call(QUEUE_LOG, "c1", 0, *TALK), *call(CEL, "c2", 60, *LOST), *call(QUEUE_LOG, "c3", 120, *TALK)]
    got = told(events)
    assert (got["calls_offered"], got["calls_only_in_other_log"]) == (2, 1)


def test_what_the_better_source_slept_through_is_filled_by_the_other():
    hour = 3600
    events = [*call(QUEUE_LOG, "c1", 0, *TALK), *call(CEL, "c2", 13 * hour, *LOST), *call(CEL, "c3", -hour, *TALK)]
    got = told(events)
    assert (got["calls_offered"], got["calls_lost"], got["calls_only_in_other_log"]) == (3, 1, 0)


def test_after_the_end_of_an_imported_log_the_live_source_counts_again():
    events = [*call(QUEUE_LOG, "c1", 0, *TALK), *call(CEL, "c2", 60, *LOST)]
    assert told(events)["calls_offered"] == 2
    assert told(events, followed=(QUEUE_LOG,))["calls_offered"] == 1


def test_sources_of_other_systems_are_left_alone():
    events = [*call(QUEUE_LOG, "c1", 0, *TALK), *call(OTHER, "c2", 1, *LOST), *call(QUEUE_LOG, "c3", 2, *TALK)]
    assert told(events)["calls_offered"] == 3


def test_a_call_that_reached_a_number_and_no_queue_is_shown_and_not_offered():
    events = [
        *call(QUEUE_LOG, "c1", 0, "did", *TALK),
        *call(QUEUE_LOG, "c2", 1, "did"),
        *call(QUEUE_LOG, "c2", 2, "did"),
    ]
    got = told(events)
    assert (got["calls_offered"], got["calls_did_without_entry"]) == (1, 1)


def test_a_call_id_that_another_system_has_too_hides_no_call_that_was_set_aside():
    events = [*call(QUEUE_LOG, "c1", 0, *TALK), *call(CEL, "c2", 60, "did"), *call(QUEUE_LOG, "c3", 120, *TALK)]
    got = told([*events, *call(OTHER, "c2", 50, "did")])
    assert (got["calls_only_in_other_log"], got["calls_did_without_entry"]) == (1, 1)


def test_a_wait_that_cannot_be_known_is_not_taken_from_the_times():
    entered, answered = call(CDR, "c1", 0, "entered", "connected")
    assert told([entered, answered])["answered_wait_known"] == 1
    got = told([entered, answered._replace(a=UNKNOWN)])
    assert (got["calls_answered"], got["answered_wait_known"]) == (1, 0)


def test_of_an_exit_for_each_telephone_that_rang_the_longest_wait_is_the_callers():
    entered, first = call(CDR, "c1", 0, *LOST)
    events = [entered, first._replace(a=2000), first._replace(id="x", a=9000, time_us=first.time_us + 7 * S)]
    assert told(events)["calls_not_short"] == 1
    assert told(events[:2])["calls_not_short"] == 0


def plainly(events, followed):
    """The rule, call by call: (calls that count with the source that tells them, calls set aside)."""
    counted, aside = {}, set()
    contacts = {(RANKS.get(e.source, (e.source,))[0], e.contact) for e in events if e.contact}
    for system, contact in contacts:
        mine = [e for e in events if e.contact == contact and RANKS.get(e.source, (e.source,))[0] == system]
        rank = {e.source: RANKS.get(e.source, (0, 0))[1] for e in events}
        best = min(rank[e.source] for e in mine)
        arrival = min(e.time_us for e in mine)
        better = [e.time_us for e in events if RANKS.get(e.source, (e.source,))[0] == system and rank[e.source] < best]
        before = any(0 <= arrival - t <= NEAR_US for t in better)
        after = any(0 < t - arrival <= NEAR_US for t in better) or any(
            RANKS.get(e.source, (e.source,))[0] == system and rank[e.source] < best and e.source in followed
            for e in events
        )
        if before and after:
            aside.add((system, contact))
        else:
            counted[system, contact] = {e.source for e in mine if rank[e.source] == best}
    return counted, aside


@st.composite
def several(draw):
    out = []
    for n in range(draw(st.integers(1, 8))):
        at_s = draw(st.sampled_from((0, 60, 3600, 12 * 3600, 12 * 3600 + 1, 86_400))) + n
        for source in draw(
            st.lists(st.sampled_from((QUEUE_LOG, CEL, CDR, OTHER)), min_size=1, max_size=3, unique=True)
        ):
            story = draw(st.sampled_from((TALK, LOST, ("did",), ("did", "entered"))))
            out += call(source, f"c{draw(st.sampled_from((n, n, 0)))}", at_s + draw(st.sampled_from((0, 0, 1))), *story)
    return draw(st.permutations(out))


@given(several(), st.sampled_from(((), (QUEUE_LOG,), (CEL,))))
def test_the_rule_is_as_a_plain_reading_has_it(events, followed):
    names = names_of(World(tuple(events), (SITE,)))
    cols = columns_of(events, names)
    kept, aside = tell_apart(cols, tellers(names, followed))
    want, want_aside = plainly(events, followed)
    source_of = {int(s): names.texts[int(s)] for s in np.unique(cols.source)}
    place = {int(c): e.contact for c, e in zip(cols.contact, events, strict=True)}
    got = {
        (RANKS.get(source_of[int(s)], (source_of[int(s)],))[0], place[int(c)]): set()
        for s, c in zip(kept.source, kept.contact, strict=True)
    }
    for s, c in zip(kept.source, kept.contact, strict=True):
        name = source_of[int(s)]
        got[RANKS.get(name, (name,))[0], place[int(c)]].add(name)
    assert got == want
    assert {(0, place[int(c)]) for c in aside.contact} == want_aside


def test_the_lab_shows_the_callers_turned_away_at_a_full_queue():
    from collectors.formats.asterisk_queue_log import QueueLog  # noqa: PLC0415

    events = QueueLog(site=SITE.id, source=QUEUE_LOG).feed((LAB / "queue_log").read_bytes().splitlines(), 0).events
    want = json.loads((LAB / "expected.json").read_text("utf-8"))["total"]
    got = told([e._replace(c=MISSING) if e.type == "call.entered" else e for e in events])
    assert got["calls_offered"] == want["calls_offered"]
    dids = {e.contact for e in events if e.type == "call.did"}
    assert got["calls_did_without_entry"] == len(dids - {e.contact for e in events if e.type == "call.entered"}) > 0


@pytest.mark.parametrize("rank", [1, 2])
def test_one_source_alone_is_left_as_it_is(rank):
    events = call(QUEUE_LOG, "c1", 0, *TALK)
    names = names_of(World(tuple(events), (SITE,)))
    cols = columns_of(events, names)
    kept, aside = tell_apart(cols, {names.code(QUEUE_LOG): Teller(0, rank)})
    assert kept is cols
    assert not len(aside)


@given(st.lists(st.integers(0, 30)), st.lists(st.integers(0, 30)), st.sampled_from((1 << 1, 1 << 40, 1 << 58)))
def test_what_is_absent_is_found_as_a_set_would_find_it(keys, among, spread):
    keys, among = ([k * spread for k in x] for x in (keys, among))
    got = absent(np.array(keys, np.uint64), np.array(among, np.uint64))
    assert got.tolist() == [k not in set(among) for k in keys]


def words(source, text):
    """`0 added, 60 paused` of one agent."""
    said = (step.split() for step in text.split(","))
    return [
        Event(SITE.id, source, f"w{t}", f"agent.{w}", round((T0 + float(t)) * S), "idcard", "", "Boon") for t, w in said
    ]


def test_a_word_about_an_agent_that_two_sources_tell_is_that_of_the_better_one():
    first = words(QUEUE_LOG, "0 added, 60 paused, 90 unpaused, 300 removed")
    second = words(CEL, "-0.4 added, 59 paused, 89.5 unpaused, 310 removed")
    got = told([*first, *second])
    assert (got["agent_signed_in_ms"], got["agent_paused_ms"]) == (300_000, 30_000)
    assert got == told([*second, *first])


def test_a_word_about_an_agent_that_only_a_lesser_source_tells_counts():
    got = told([*words(QUEUE_LOG, "0 added, 300 removed"), *words(CEL, "0 added, 60 paused, 90 unpaused")])
    assert (got["agent_signed_in_ms"], got["agent_paused_ms"]) == (300_000, 30_000)
