"""The command line: what it prints, what it refuses, and with which exit code."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from telemetry.journal_reader import JournalReader
from tests.service.harness import journal_events

LAB = Path(__file__).resolve().parents[1] / "data" / "asterisk-lab"
LINES = len((LAB / "queue_log").read_bytes().splitlines())
EXPECTED = json.loads((LAB / "expected.json").read_text())["total"]


def imported(gecc, data, *files, site="lab"):
    return gecc("import", "--data", data, "--site", site, "--format", "asterisk_queue_log", *files)


@pytest.fixture
def lab(tmp_path, gecc):
    assert imported(gecc, tmp_path / "data", LAB / "queue_log")[0] == 0
    return tmp_path / "data"


def test_an_import_says_what_became_of_every_line(tmp_path, gecc):
    code, out, err = imported(gecc, tmp_path, LAB / "queue_log")
    assert (code, err) == (0, "")
    assert out == f"lines {LINES}, events {LINES}, duplicates 0, rejects 0, ignored 0\n"


def test_the_same_log_imported_again_changes_nothing(lab, gecc):
    before, figures = journal_events(lab), gecc("kpis", "--data", lab, "--site", "lab", "--format", "json")[1]
    code, out, _ = imported(gecc, lab, LAB / "queue_log")
    assert (code, out) == (0, f"lines {LINES}, events 0, duplicates {LINES}, rejects 0, ignored 0\n")
    assert journal_events(lab) == before
    assert gecc("kpis", "--data", lab, "--site", "lab", "--format", "json")[1] == figures


def test_a_log_in_pieces_packed_or_not_gives_what_the_whole_gives(lab, tmp_path, gecc):
    lines = (LAB / "queue_log").read_bytes().splitlines(keepends=True)
    pieces = [tmp_path / "queue_log.2.gz", tmp_path / "queue_log.1", tmp_path / "queue_log"]
    pieces[0].write_bytes(gzip.compress(b"".join(lines[:400])))
    pieces[1].write_bytes(b"".join(lines[400:900]))
    pieces[2].write_bytes(b"".join(lines[900:]))
    other = tmp_path / "other"
    assert imported(gecc, other, *pieces)[1] == f"lines {LINES}, events {LINES}, duplicates 0, rejects 0, ignored 0\n"
    assert [e.id for e in journal_events(other)] == [e.id for e in journal_events(lab)]


def test_lines_that_cannot_be_read_are_shown_counted_and_kept(tmp_path, gecc):
    log = tmp_path / "queue_log"
    log.write_bytes((LAB / "queue_log").read_bytes() + b"not a line\n1795254201|x\n")
    code, out, err = imported(gecc, tmp_path / "data", log)
    assert (code, out) == (0, f"lines {LINES + 2}, events {LINES}, duplicates 0, rejects 2, ignored 0\n")
    assert err.count("rejected: malformed_line: ") == 2
    assert [raw for *_, raw in JournalReader(tmp_path / "data").rejects()] == [b"1795254201|x", b"not a line"]


def test_a_log_of_long_ago_is_taken_as_well(tmp_path, gecc):
    log = tmp_path / "queue_log"
    log.write_text("1000000000|NONE|NONE|NONE|QUEUESTART|\n")
    assert imported(gecc, tmp_path / "data", log)[1].startswith("lines 1, events 1,")


def test_figures_of_an_import_are_those_of_an_independent_reading(lab, gecc):
    _, out, _ = gecc("kpis", "--data", lab, "--site", "lab", "--format", "json")
    figures = {row["kpi"]: row["value"] for row in json.loads(out)}
    for name in ("calls_offered", "calls_answered", "abandoned_call_rate", "asa_seconds", "queue_entries"):
        assert figures[name] == pytest.approx(EXPECTED[name], rel=1e-12)


def test_json_csv_and_table_say_the_same(lab, gecc):
    rows = json.loads(gecc("kpis", "--data", lab, "--site", "lab", "--format", "json", "--by", "unit")[1])
    table = gecc("kpis", "--data", lab, "--site", "lab", "--by", "unit")[1]
    text = gecc("kpis", "--data", lab, "--site", "lab", "--format", "csv", "--by", "unit")[1]
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(read) == len(rows) > 60
    for row, cells in zip(rows, read, strict=True):
        assert list(cells) == list(row)
        for key, value in row.items():
            written = cells[key]
            if isinstance(value, dict):
                assert json.loads(written) == value
            elif isinstance(value, float | int):
                assert float(written) == value
            else:
                assert written == (value or "")
        assert f"  {row['kpi']} " in table
    assert "lab / idcard " in table
    assert "Definitions\n" in table


def test_the_table_can_be_thai(lab, gecc):
    code, out, _ = gecc("kpis", "--data", lab, "--site", "lab", "--lang", "th")
    assert code == 0
    assert "นิยาม" in out
    assert "สายเข้าทั้งหมด" in out


def test_a_csv_can_be_opened_in_a_spreadsheet_without_anything_in_it_being_a_formula(tmp_path, gecc):
    log = tmp_path / "queue_log"
    log.write_text(
        "1795254206|1.1|=1+1|NONE|ENTERQUEUE||0812345678|1\n1795254207|1.2|@SUM(A1)|NONE|ENTERQUEUE||0812345678|1\n"
    )
    imported(gecc, tmp_path / "data", log)
    text = gecc("kpis", "--data", tmp_path / "data", "--site", "lab", "--format", "csv", "--by", "unit")[1]
    cells = {cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row}
    assert not [cell for cell in cells if cell[:1] in tuple("=+@\t\r") or (cell[:1] == "-" and not cell[1:2].isdigit())]


def test_the_end_of_a_period_is_not_in_it(lab, gecc):
    def offered(*period) -> int:
        rows = json.loads(gecc("kpis", "--data", lab, "--site", "lab", "--format", "json", *period)[1])
        return next(row["value"] for row in rows if row["kpi"] == "calls_offered")

    parts = [
        offered("--to", "2026-11-21T16:45"),
        offered("--from", "2026-11-21T16:45", "--to", "2026-11-21T17:00"),
        offered("--from", "2026-11-21T17:00"),
    ]
    assert sum(parts) == offered() == EXPECTED["calls_offered"]
    assert parts[1] > 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (
            ("--from", "2026-11-21T09:07"),
            2,
            "gecc: from: expected a quarter of an hour (:00, :15, :30, :45), got '2026-11-21T09:07'",
        ),
        (("--from", "tomorrow"), 2, "gecc: from: expected a date like 2026-11-21"),
        (("--from", "2026-11-22", "--to", "2026-11-21"), 2, "gecc: to: must be later than from"),
        (("--site", "elsewhere"), 2, "gecc: --site: no events of a site 'elsewhere' in "),
        (("--by", "week"), 2, "argument --by: invalid choice: 'week'"),
        (("--config", "/nowhere/gecc.toml"), 2, "/nowhere/gecc.toml: cannot be read: No such file"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_in_words(lab, gecc, arguments, code, says):
    got, out, err = gecc("kpis", "--data", lab, "--site", "lab", *arguments)
    assert (got, out) == (code, "")
    assert says in err
    assert "Traceback" not in err


def test_a_folder_without_a_journal_is_said(tmp_path, gecc):
    code, _, err = gecc("kpis", "--data", tmp_path, "--site", "lab")
    assert (code, err) == (1, f"gecc: {tmp_path / 'journal.db'}: no journal here\n")


def test_a_site_that_is_not_in_the_configuration_is_refused_with_those_there_are(lab, gecc):
    (lab / "gecc.toml").write_text('[[sites]]\nid = "bkk"\n[[sites]]\nid = "ldn"\n')
    code, _, err = gecc("kpis", "--data", lab, "--site", "lab")
    assert code == 2
    assert err.rstrip().endswith("there are bkk, ldn")


def test_a_log_that_is_not_there_or_damaged_is_said_and_the_rest_is_as_it_was(tmp_path, gecc):
    code, out, err = imported(gecc, tmp_path / "data", LAB / "queue_log", tmp_path / "missing")
    assert (code, out, err) == (1, "", f"gecc: {tmp_path / 'missing'}: no such file\n")
    damaged = tmp_path / "queue_log.gz"
    damaged.write_bytes(gzip.compress((LAB / "queue_log").read_bytes())[:-2000])
    code, out, err = imported(gecc, tmp_path / "data", damaged)
    assert (code, out) == (1, "")
    assert err.startswith(f"gecc: {damaged}: ")
    assert imported(gecc, tmp_path / "data", LAB / "queue_log")[0] == 0, (
        "what was taken of it comes again and counts once"
    )
    assert len(journal_events(tmp_path / "data")) == LINES


def test_a_good_configuration_is_called_good_and_a_bad_one_listed(tmp_path, gecc):
    file = tmp_path / "gecc.toml"
    file.write_text('[[sites]]\nid = "bkk"\n[[sites.devices]]\nid = "k1"\n')
    assert gecc("config", "check", file) == (0, f"{file}: good (1 sites, 1 devices, 0 sources)\n", "")
    file.write_text('[[sites]]\nid = "BKK"\ncolour = 1\n')
    code, out, err = gecc("config", "check", file)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 2
    assert all(line.startswith(f"{file}: sites[0].") for line in err.splitlines())


def test_no_command_is_refused_with_those_there_are(gecc):
    code, _, err = gecc()
    assert code == 2
    assert "COMMAND" in err


def test_a_log_that_is_given_twice_at_once_counts_once(tmp_path, gecc):
    log = LAB / "queue_log"
    _, out, _ = imported(gecc, tmp_path / "data", log, log)
    assert out == f"lines {2 * LINES}, events {LINES}, duplicates {LINES}, rejects 0, ignored 0\n"


def test_pieces_that_overlap_count_once(tmp_path, gecc):
    lines = (LAB / "queue_log").read_bytes().splitlines(keepends=True)
    pieces = [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    for piece, part in zip(pieces, (lines[:500], lines[400:900], lines[850:]), strict=True):
        piece.write_bytes(b"".join(part))
    _, out, _ = imported(gecc, tmp_path / "data", *pieces)
    assert f"events {LINES}, duplicates {len(lines[400:500]) + len(lines[850:900])}, rejects 0" in out


def test_a_file_of_which_nothing_can_be_read_is_a_failure(tmp_path, gecc):
    (tmp_path / "wrong").write_bytes(b"this is no queue_log\n" * 30)
    code, _, err = imported(gecc, tmp_path / "data", tmp_path / "wrong")
    assert code == 1
    assert err.count("rejected: ") == 20
