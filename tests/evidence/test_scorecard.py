"""From sealed days to the report: the figures of the service, judged by the targets in force, and nothing of a person."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import asdict, replace
from datetime import date

import pytest

from kpis.results import GROUPS as KPI_GROUPS
from telemetry.evidence import asked, pack
from telemetry.evidence.catalogue import catalogue
from telemetry.evidence.contents import documents
from telemetry.evidence.counted import HEADLINE, count
from telemetry.evidence.quality_of import quality_of
from telemetry.evidence.scorecard import Asked, Scorecard, number, state_of
from telemetry.evidence.sealed import sealed
from telemetry.figures import query
from telemetry.settings import Change
from tests.archive.conftest import DAY_US, Room, at
from tests.evidence.conftest import CENTRE, call, some_days

MARCH = asked.of_span("2026-03-02", "2026-03-05")
SECRET = re.compile(rb"(?<![.0-9a-f])0[0-9]{9}(?![0-9a-f])|somsri|mail-[0-9]")


def report_of(centre, *, preset="full", lang="th", item="", period=MARCH, standard=None, **how):
    found = sealed(centre.store, "lab", period.first, period.last, **how)
    counted = count(found)
    return Scorecard(
        found, counted, standard or catalogue(), Asked(period, lang, preset, item), "ab" * 32, "ABCD-2345"
    ).report()


@pytest.fixture(scope="module")
def full(centre):
    return report_of(centre)


def test_figures_are_those_of_the_service_where_everything_is_sealed(tmp_path):
    room = Room(tmp_path / "data")
    some_days(room, days=(2, 3, 4, 5))
    room.seal(at(11), sites=(CENTRE,))
    found = sealed(room.store, "lab", date(2026, 3, 2), date(2026, 3, 6))
    ours = {row["kpi"]: row for row in count(found).rows("total", "th")}
    theirs = {row["kpi"]: row for row in query(room.journal, CENTRE, "2026-03-02", "2026-03-07", lang="th")}
    of_receipt = {kpi.name for kpi in KPI_GROUPS["presence"] if not kpi.name.startswith(("coverage", "device", "gaps"))}
    assert {name for name in ours if ours[name] != theirs[name]} <= of_receipt
    assert (ours["tickets_issued"]["value"], ours["complaints_settled_rate"]["value"]) == (24, 1)
    room.journal.close()


def test_the_summary_says_target_n_interval_coverage_and_verdict(full):
    rows = {row.kpi: row for row in full.summary}
    assert tuple(rows) == HEADLINE
    lost = rows["abandoned_call_rate"]
    assert (lost.n, lost.numerator, lost.target, lost.verdict) == (12, 2, 0.05, "not_met")
    assert lost.ci_low < 2 / 12 < lost.ci_high
    assert rows["tickets_issued"].verdict is None
    assert not full.provisional
    assert (full.cut_off.isoformat(), full.mark.code) == ("2026-03-06T12:00:00+07:00", "ABCD-2345")


def test_every_item_of_the_standard_is_in_the_index_and_those_that_data_show_have_a_sheet(full):
    standard = catalogue()
    assert len(full.index) == len(standard.items) == 71
    assert [sheet.id for sheet in full.sheets] == [item.id for item in standard.supported()]
    with_file = [row for row in full.index if row.file]
    assert len(with_file) == len(full.sheets)
    assert {row.state for row in full.index if not row.file} == {"document_needed"}
    for sheet in full.sheets:
        assert 0 < len(sheet.rows) <= 12
        assert len(sheet.method) == len(sheet.rows)
        assert sheet.text == standard.item(sheet.id).text_th


def test_what_is_judged_stands_in_its_sheet_before_all_else(full):
    (sheet,) = (sheet for sheet in full.sheets if sheet.id == "Q20.2")
    names = {row.kpi for row in sheet.rows}
    assert {
        "abandoned_call_rate",
        "first_attempt_lost_rate",
        "answered_within_3_rings_rate",
        "first_contact_resolution_rate",
    } <= names
    assert (sheet.item, sheet.heading) == ("๒๐.๒", "การพัฒนาระบบ Call center")
    assert any("03_tables.xlsx" in limit for limit in sheet.limits)


@pytest.mark.parametrize(
    ("verdicts", "state"),
    [
        (("met", "not_met", "insufficient_data"), "not_met"), (("met", "insufficient_data"), "insufficient_data"),
        (("met", None), "met"), ((None,), "shown"), ((), "shown"),
    ],
)  # fmt: skip
def test_an_item_is_as_good_as_its_worst_figure(full, verdicts, state):
    assert state_of([replace(full.summary[0], verdict=v) for v in verdicts]) == state


def test_numbers_of_items_are_as_the_standard_prints_them():
    assert [number(i, "th") for i in ("Q20.2", "P1", "R3.1", "A-1")] == ["๒๐.๒", "๑", "๓.๑", "A-1"]
    assert number("Q20.2", "en") == "Q20.2"


def test_targets_are_told_with_the_days_on_which_they_were_in_force(tmp_path):
    room = Room(tmp_path / "data")
    some_days(room, days=(2, 3, 4))
    site = replace(
        CENTRE, changes=(Change(since=date(2026, 3, 4), why="ประกาศ ๓/๒๕๖๙", targets={"abandoned_call_rate": 0.5}),)
    )
    room.seal(at(8), sites=(site,))
    report = report_of(room)
    told = [(t.value, t.first, t.last, t.why) for t in report.targets if t.kpi == "abandoned_call_rate"]
    assert told == [(0.05, None, date(2026, 3, 3), ""), (0.5, date(2026, 3, 4), None, "ประกาศ ๓/๒๕๖๙")]
    (row,) = (row for row in report.summary if row.kpi == "abandoned_call_rate")
    assert [t.value for t in row.targets] == [0.05, 0.5]
    assert row.verdict == "met"
    room.journal.close()


def test_fewer_contacts_than_five_are_hidden(tmp_path):
    room = Room(tmp_path / "data")
    room.take([e for n in range(3) for e in call(2, n, caller=n + 1)])
    room.seal(at(6), sites=(CENTRE,))
    report = report_of(room, period=asked.of_span("2026-03-02", "2026-03-03"))
    (row,) = (row for row in report.summary if row.kpi == "calls_offered")
    assert (row.n, row.hidden) == (3, True)
    table = documents(replace(report, sheets=()), "ministry")["03_ministry.csv"].decode()
    line = next(line for line in table.splitlines() if ",calls_offered," in line)
    assert ",< 5," in line
    assert ",3," not in line
    assert all(not 0 < c.n < 5 for sheet in report.sheets for c in sheet.exclusions)
    room.journal.close()


def test_ledgers_of_days_become_coverage_gaps_refusals_and_late_data(tmp_path):
    room = Room(tmp_path / "data")
    some_days(room, days=(2, 3))
    t = at(2, 9)
    rows = [
        {"kind": "coverage", "source": "lab/kiosk", "expected_ms": 1000, "covered_ms": 900},
        {"kind": "downtime", "source": "lab/pbx", "from_us": t, "to_us": t + DAY_US, "detail": "stopped"},
        {"kind": "rejected", "source": "lab/pbx", "n": 2, "detail": "bad_time"},
        {"kind": "late", "source": "lab/kiosk", "n": 4, "detail": "up to 7200 s"},
        {"kind": "turned_away", "source": "", "unit": "info", "n": 6, "detail": "turned_away_full"},
    ]
    room.seal(at(7), sites=(CENTRE,), gaps=rows)
    quality = quality_of(sealed(room.store, "lab", date(2026, 3, 2), date(2026, 3, 3)), "en")
    assert [(c.source, c.share, c.day) for c in quality.coverage] == [
        ("lab/kiosk", 0.9, None), ("lab/kiosk", 0.9, date(2026, 3, 2)), ("lab/kiosk", 0.9, date(2026, 3, 3)),
    ]  # fmt: skip
    assert [(g.kind, g.n) for g in quality.gaps if g.kind == "downtime"] == [("downtime", None)]
    assert [c.n for c in quality.rejected] == [4]
    assert [c.n for c in quality.late] == [8]
    room.journal.close()


@pytest.mark.parametrize("lang", ["th", "en"])
@pytest.mark.parametrize(
    ("preset", "files"),
    [
        ("surprise-check", {"01_surprise_check.pdf", "03_tables.xlsx", "06_data_quality.pdf"}),
        ("monthly", {"01_memorandum.pdf", "03_tables.xlsx", "06_data_quality.pdf"}),
        ("ministry", {"03_ministry.csv", "03_tables.xlsx"}),
    ],
)
def test_each_preset_holds_its_documents(centre, preset, files, lang):
    made = documents(report_of(centre, preset=preset, lang=lang), preset)
    assert set(made) == files
    assert all(content[:5] == b"%PDF-" for name, content in made.items() if name.endswith(".pdf"))


def test_the_full_preset_holds_index_summary_sheets_tables_method_and_quality(centre):
    report = report_of(centre)
    few = replace(report, sheets=report.sheets[-2:])
    made = documents(few, "full")
    assert set(made) == {
        "00_index.pdf", "01_summary.pdf", "03_tables.xlsx", "05_method.pdf", "06_data_quality.pdf",
        *(f"02_criteria/{sheet.id}.pdf" for sheet in few.sheets),
    }  # fmt: skip


def test_a_provisional_report_says_which_days_are_open(centre):
    report = report_of(centre, period=asked.of_span("2026-03-05", "2026-03-09"), provisional=True)
    assert report.provisional
    assert report.seal.open_days == (date(2026, 3, 7), date(2026, 3, 8))
    assert any("2026-03-07" in note for note in report.quality.notes)


def test_nothing_of_a_person_is_in_a_whole_pack(centre, tmp_path):
    found = sealed(centre.store, "lab", date(2026, 3, 2), date(2026, 3, 4))
    counted = count(found)
    data = pack.data_of(found, counted, centre.store, version="1.0", asked={})
    report = report_of(centre, preset="ministry", lang="en")
    pack.write(tmp_path / "p.zip", "GECC", data, documents(report, "ministry"), centre.store)
    with zipfile.ZipFile(tmp_path / "p.zip") as z:
        for name in z.namelist():
            content = z.read(name)
            if name.endswith(".xlsx"):
                with zipfile.ZipFile(io.BytesIO(content)) as book:
                    content = b"".join(book.read(part) for part in book.namelist())
            assert not SECRET.search(content.replace(b"minisign", b"")), name
    assert not SECRET.search(repr(asdict(report)).encode())
