"""The tables of the core against the vocabulary of events, the measures there are, and the words people read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kpis
from kpis import columns
from kpis.calls import calls, outbound, reached, stints, told_besides, wrap_ups
from kpis.model import Better, Kind
from kpis.results import KPIS
from kpis.tickets import ticket_story
from kpis.votes import satisfaction
from telemetry import events, packs, privacy
from telemetry.config import Site
from telemetry.events import EVENT_TYPES
from telemetry.figures import define
from tests.kpis.worlds import SITES, World, cube

CODES = {
    stints: {
        "call.entered": stints.ENTERED,
        "call.ring_no_answer": stints.RING_NO_ANSWER,
        "call.ring_cancelled": stints.RING_CANCELLED,
        "call.connected": stints.CONNECTED,
        "call.completed": stints.COMPLETED,
        "call.transferred": stints.TRANSFERRED,
        "call.abandoned": stints.ABANDONED,
        "call.timed_out": stints.TIMED_OUT,
        "call.no_agent": stints.NO_AGENT,
        "call.left_by_key": stints.LEFT_BY_KEY,
        "call.withdrawn": stints.WITHDRAWN,
        "call.system_drop": stints.SYSTEM_DROP,
        "call.agent_dumped": stints.AGENT_DUMPED,
        "call.turned_away_empty": stints.TURNED_AWAY_EMPTY,
        "call.turned_away_full": stints.TURNED_AWAY_FULL,
        "call.turned_away_closed": stints.TURNED_AWAY_CLOSED,
    },
    calls: {"source.restarted": calls.RESTARTED},
    reached: {"call.did": reached.REACHED},
    wrap_ups: {"call.wrap_up_started": wrap_ups.WRAP_UP},
    outbound: {"call.outbound": outbound.OUTBOUND},
    told_besides: {"call.held": told_besides.HELD, "call.voicemail": told_besides.VOICEMAIL},
    ticket_story: {
        "ticket.issued": ticket_story.ISSUED,
        "ticket.called": ticket_story.CALLED,
        "ticket.recalled": ticket_story.RECALLED,
        "ticket.started": ticket_story.STARTED,
        "ticket.held": ticket_story.HELD,
        "ticket.transferred": ticket_story.TRANSFERRED,
        "ticket.finished": ticket_story.FINISHED,
        "ticket.no_show": ticket_story.NO_SHOW,
        "ticket.cancelled": ticket_story.CANCELLED,
        "ticket.reactivated": ticket_story.REACTIVATED,
        "ticket.triaged": ticket_story.TRIAGED,
    },
    satisfaction: {"vote.cast": satisfaction.VOTE},
}
NOTHING = cube(World((), SITES))


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, rows in CODES.items() for name in rows])
def test_a_code_of_the_core_is_that_of_the_vocabulary(module, name):
    assert CODES[module][name] == EVENT_TYPES[name].code


def test_every_ticket_event_of_the_vocabulary_is_known_to_tickets():
    assert {name for name in EVENT_TYPES if name.startswith("ticket.")} == set(CODES[ticket_story])


def test_the_mark_of_a_test_call_is_one_number_everywhere():
    assert stints.TEST == privacy.TEST
    assert EVENT_TYPES["call.entered"].slots.index("test") == 1


def test_outcomes_beside_the_codes_are_no_codes():
    assert {stints.OPEN, stints.ANSWERED, stints.CENSORED}.isdisjoint(row.code for row in EVENT_TYPES.values())


def test_the_core_and_the_journal_agree_on_which_events_are_heard_from_a_pbx():
    named = {row.code for name, row in EVENT_TYPES.items() if name.startswith(("call.", "agent.", "source."))}
    used = np.zeros(128, bool)
    used[[row.code for row in EVENT_TYPES.values()]] = True
    assert set(np.flatnonzero(calls._PBX & used).tolist()) == named
    assert set(np.flatnonzero(packs.HEARD).tolist()) == named


def test_codes_are_never_given_twice():
    assert len({row.code for row in EVENT_TYPES.values()}) == len(EVENT_TYPES)


def test_missing_is_one_value_everywhere():
    assert events.MISSING == columns.MISSING == np.iinfo(np.int64).min


@pytest.mark.parametrize("kpi", KPIS.values(), ids=KPIS)
def test_every_name_in_a_row_is_among_the_measures_that_the_core_yields(kpi):
    named = {n for n in (kpi.numerator, kpi.denominator, *(m for _, m in kpi.bins)) if n}
    assert named <= set(NOTHING.measures)
    assert {kpi.histogram, kpi.censored} - {""} <= set(NOTHING.histograms)


@pytest.mark.parametrize("kpi", KPIS.values(), ids=KPIS)
def test_a_row_has_what_its_kind_needs(kpi):
    needs = {
        Kind.COUNT: kpi.numerator and not kpi.denominator,
        Kind.RATIO: kpi.numerator and kpi.denominator and kpi.unit == "ratio" and (kpi.times, kpi.per) == (1, 1),
        Kind.MEAN: kpi.numerator and kpi.denominator,
        Kind.QUANTILE: kpi.histogram and 0 < kpi.q <= 1,
        Kind.SURVIVAL: kpi.histogram and kpi.censored and 0 < kpi.q < 1,
        Kind.HISTOGRAM: kpi.bins and kpi.denominator and set(kpi.within) < {label for label, _ in kpi.bins},
    }
    assert needs[kpi.kind]
    assert kpi.target is None or kpi.better is not Better.NONE


@pytest.mark.parametrize("lang", ["en", "th"])
@pytest.mark.parametrize("kpi", KPIS.values(), ids=KPIS)
def test_names_and_definitions_are_there_in_both_languages_and_take_the_rules_of_the_site(kpi, lang):
    label, text = getattr(kpi, f"label_{lang}"), define(kpi, Site(id="bangrak"), lang)
    assert label.strip()
    assert text.strip()
    assert not set("{}") & set(text)
    assert any("\u0e01" <= letter <= "\u0e5b" for letter in label) == (lang == "th")


def test_no_two_rows_share_a_label_or_a_place_on_the_wall():
    for lang in ("en", "th"):
        labels = [getattr(kpi, f"label_{lang}") for kpi in KPIS.values()]
        assert len(set(labels)) == len(labels)
    places = [kpi.wall for kpi in KPIS.values() if kpi.wall]
    assert len(set(places)) == len(places)


def test_the_core_knows_no_calendar_but_days():
    """Buddhist Era is a matter of screens and of sources: no year ever enters a figure."""
    core = "".join(path.read_text(encoding="utf-8") for path in Path(kpis.__file__).parent.glob("*.py"))
    assert "543" not in core
    assert "datetime" not in core
