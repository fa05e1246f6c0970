"""What is behind a figure is listed one by one, and is neither more nor less than the figure says."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings

from kpis.cube import build
from kpis.model import By, Kind
from kpis.results import KPIS
from telemetry import drill as drilling
from telemetry.cubes import site_facts
from telemetry.drill import A_PAGE, ALL, NO_CONTACTS, OF_IT, REST, drill, in_unit, parts_of
from telemetry.events import MISSING, Decoded, Event
from telemetry.figures import query
from telemetry.journal import Journal, Unit
from telemetry.journal_reader import JournalReader
from tests.kpis.worlds import BANGKOK, worlds

LISTED = {
    name: [part for part in parts_of(kpi) if not set(drilling.families_of(kpi, part)) & set(NO_CONTACTS)]
    for name, kpi in KPIS.items()
}
"""KPI → its parts that are contacts."""
FIRST, LAST = "2026-02-20", "2026-11-20"
"""Around every start of the worlds."""


def kept(folder, events) -> JournalReader:
    journal = Journal(Path(folder))
    journal.ensure([BANGKOK.id, *(s.id for s in BANGKOK.services)])
    numbered = [e._replace(id=f"{i:06}", person="") for i, e in enumerate(events)]
    journal.commit([Unit("test", Decoded(numbered), 0)])
    journal.close()
    return JournalReader(Path(folder))


def test_whatever_has_contacts_by_unit_or_of_the_centre_can_be_listed():
    of = {
        family
        for name, kpi in KPIS.items()
        if kpi.by in (By.UNIT, By.SITE)
        for part in parts_of(kpi).keys() - set(LISTED[name])
        for family in drilling.families_of(kpi, part)
    }
    assert of == {"days", "cover", "counters", "counter_activity"}
    assert sum(map(len, LISTED.values())) > 300


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds(sites=(BANGKOK,)))
def test_the_contacts_that_are_listed_are_those_that_the_figure_adds_up(world):
    with tempfile.TemporaryDirectory() as folder:
        journal = kept(folder, world.events)
        if journal.span(BANGKOK.id) is None:
            return
        rows = {row["kpi"]: row for row in query(journal, BANGKOK, FIRST, LAST)}
        by_unit = Counter({(r["kpi"], r["unit"]): r["n"] for r in query(journal, BANGKOK, FIRST, LAST, by="unit")})
        pieces = [*site_facts(journal, BANGKOK, drilling.whole_days(drilling.period_of(journal, BANGKOK, FIRST, LAST)))]
        cubes = {id(facts): build(facts, zones) for _, facts, zones in pieces}
        with (
            patch.object(drilling, "site_facts", lambda *_: iter(pieces)),
            patch.object(drilling, "build", lambda facts, _zones: cubes[id(facts)]),
        ):
            for name, parts in LISTED.items():
                for part in parts:
                    _agree(journal, rows[name], drill(journal, BANGKOK, name, FIRST, LAST, part=part), part)
            for (name, unit), n in by_unit.items():
                if ALL in LISTED[name] and unit:
                    assert drill(journal, BANGKOK, name, FIRST, LAST, part=ALL, unit=unit).parts[ALL] == n, name


def _agree(journal, row, found, part):
    kpi = found.kpi
    assert found.figure == row
    listed = [r for page in range(1, found.pages + 1) for r in _page(journal, found, part, page)]
    assert len(listed) == found.parts[part]
    assert len({(r.seq, r.at_us, r.unit, i) for i, r in enumerate(listed)}) == len(listed)
    assert sum(r.amount for r in listed) == found.total
    assert all(r.seq > 0 for r in listed), kpi.name
    if part.startswith("bin:"):
        assert found.total == (row["value"] or {}).get(part.removeprefix("bin:"), 0)
    elif part == OF_IT:
        expected = row["value"] if kpi.kind is Kind.COUNT else row["numerator"]
        assert in_unit(kpi, found.total) == pytest.approx(expected, rel=1e-12), kpi.name
    elif part == ALL:
        assert len(listed) == row["n"], kpi.name
    else:
        assert part == REST
        assert len(listed) == row["denominator"] - row["numerator"], kpi.name


def _page(journal, found, part, page):
    if page == found.page:
        return found.rows
    return drill(journal, BANGKOK, found.kpi.name, FIRST, LAST, part=part, page=page).rows


def lost_calls(n: int) -> list[Event]:
    """Lost, one a minute, from Monday 2026-03-09 09:00 on."""
    fact = {"site": "bangrak", "source": "bangrak/pbx", "unit": "idcard", "id": ""}
    out = []
    for i in range(n):
        at = 1_773_021_600_000_000 + i * 60_000_000
        out += [
            Event(type="call.entered", time_us=at, contact=f"c{i}", caller=7, **fact),
            Event(type="call.abandoned", time_us=at + 9_000_000, contact=f"c{i}", a=9000, **fact),
        ]
    return out


def test_a_long_list_comes_in_pages_and_every_contact_stands_on_one_of_them(tmp_path):
    journal = kept(tmp_path, lost_calls(2 * A_PAGE + 3))
    pages = [drill(journal, BANGKOK, "calls_lost", "2026-03-09", "2026-03-10", page=p) for p in (1, 2, 3)]
    assert [len(p.rows) for p in pages] == [A_PAGE, A_PAGE, 3]
    assert {p.parts[OF_IT] for p in pages} == {pages[0].figure["value"]} == {2 * A_PAGE + 3}
    assert len({row.seq for p in pages for row in p.rows}) == 2 * A_PAGE + 3
    with pytest.raises(ValueError, match="page: there are 3"):
        drill(journal, BANGKOK, "calls_lost", "2026-03-09", "2026-03-10", page=4)


def test_of_a_quantile_the_longest_stand_first(tmp_path):
    fact = {"site": "bangrak", "source": "bangrak/kiosk", "unit": "idcard", "id": ""}
    at, events = 1_773_021_600_000_000, []
    for i, wait_s in enumerate((30, 900, 5)):
        events += [
            Event(type="ticket.issued", time_us=at + i, contact=f"A{i}", **fact),
            Event(type="ticket.called", time_us=at + i + wait_s * 1_000_000, contact=f"A{i}", **fact),
        ]
    found = drill(kept(tmp_path, events), BANGKOK, "ticket_wait_seconds_p90", "2026-03-09", "2026-03-10")
    assert [row.amount for row in found.rows] == [900, 30, 5]
    assert {row.outcome for row in found.rows} == {"ticket_1"}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"part": "everything"}, "part: expected one of"),
        ({"part": "rest"}, "part: expected one of numerator, got 'rest'"),
        ({"unit": "nowhere"}, "unit: nothing is known of"),
        ({"unit": ""}, "unit: nothing is known of"),
        ({"page": 0}, "page: there are 1"),
        ({"first": "yesterday"}, "from: expected a date"),
        ({"first": "2027-01-01", "last": "2026-01-01"}, "must be later"),
    ],
)
def test_a_wrong_question_is_refused_and_says_why(tmp_path, asked, says):
    journal = kept(tmp_path, lost_calls(3))
    period = asked.pop("first", "2026-03-09"), asked.pop("last", "2026-03-10")
    with pytest.raises(ValueError, match=says):
        drill(journal, BANGKOK, "calls_lost", *period, **asked)


def test_there_is_no_list_of_a_figure_that_there_is_not(tmp_path):
    with pytest.raises(KeyError):
        drill(kept(tmp_path, lost_calls(1)), BANGKOK, "best_employee", None, None)


@pytest.mark.parametrize(
    ("kpi", "why"), [("lunch_covered_rate", "days"), ("agent_occupancy", "time"), ("completeness_rate", "device")]
)
def test_a_figure_without_contacts_says_what_it_is_made_of(tmp_path, kpi, why):
    found = drill(kept(tmp_path, lost_calls(3)), BANGKOK, kpi, "2026-03-09", "2026-03-10")
    assert (found.why_none, found.rows) == (why, [])


def test_a_list_holds_nothing_of_a_person(tmp_path):
    event = lost_calls(1)[0]._replace(caller=0x1B4E81B59E2F03A7, c=MISSING)
    found = drill(kept(tmp_path, [event]), BANGKOK, "calls_offered", "2026-03-09", "2026-03-10")
    assert len(found.rows) == 1
    assert str(0x1B4E81B59E2F03A7) not in repr(found)
