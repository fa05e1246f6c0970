"""The workbook: what a spreadsheet program makes of it."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import zipfile
from dataclasses import replace

import pytest

from telemetry.evidence import to_xlsx
from telemetry.evidence.model import DefinitionRow
from telemetry.evidence.tables import Share, tables
from telemetry.evidence.to_xlsx import TooLargeError, workbook
from telemetry.evidence.wording import Say
from tests.evidence.sample import report
from tests.servers import need

HOSTILE = (
    '=cmd|"/c calc"!A0', "@SUM(A1)", "+1+1", "-2+3", "{=1+1}", "http://example.org/x", "mailto:a@b.c", "\t=1", "00123",
    "1e5", "TRUE", "#REF!", "internal:Sheet1!A1",
)  # fmt: skip
ERRORS = re.compile(r"^(#(REF|NAME\?|VALUE|DIV/0|N/A|NUM|NULL)!?|Err:\d+)$")


def parts(data: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        return {name: z.read(name).decode() for name in z.namelist() if name.endswith((".xml", ".rels"))}


def hostile():
    of = report("th")
    return replace(of, definitions=tuple(DefinitionRow(t, t, t, t, ((t, t),)) for t in HOSTILE))


def test_sheets_stand_in_the_order_of_the_pack_with_their_thai_names():
    names = re.findall(r'<sheet name="([^"]+)"', parts(workbook(report("th")))["xl/workbook.xml"])
    assert names == ["สรุป", "รายเดือน", "รายชั่วโมง", "คิว", "โทรศัพท์", "คุณภาพข้อมูล", "นิยาม", "ประวัติค่าเป้าหมาย"]


def test_no_text_becomes_a_formula_a_link_or_a_number():
    found = parts(workbook(hostile()))
    sheets = [text for name, text in found.items() if "/worksheets/sheet" in name]
    assert not any(re.search(r"<f[ >]|<hyperlink|<mergeCell|externalReference|dynamicArray", text) for text in sheets)
    assert "hyperlink" not in "".join(text for name, text in found.items() if name.endswith(".rels"))
    assert '<c r="A2" s=' in sheets[-2]
    assert re.search(r'<c r="A2"[^>]* t="s">', sheets[-2])


@pytest.mark.parametrize("lang", ["th", "en"])
def test_every_sheet_is_a4_across_with_a_head_that_stays_and_repeats(lang):
    found = parts(workbook(report(lang)))
    for name, text in found.items():
        if "/worksheets/sheet" in name:
            assert 'paperSize="9" ' in text
            assert 'orientation="landscape"' in text
            assert 'fitToHeight="0"' in text
            assert "<pageSetUpPr fitToPage=" in text
            assert 'state="frozen"' in text
    assert found["xl/workbook.xml"].count("_xlnm.Print_Titles") == len(re.findall("<sheet ", found["xl/workbook.xml"]))


def test_dates_are_dates_of_the_buddhist_era_with_plain_words_beside():
    found = parts(workbook(report("th")))
    assert 'formatCode="[$-107041E]d mmmm yyyy"' in found["xl/styles.xml"]
    monthly = found["xl/worksheets/sheet2.xml"]
    assert re.search(r'<c r="B2" s="\d+"><v>45931</v>', monthly), "2025-10-01 as a number of days"
    assert "1 ตุลาคม 2568" in found["xl/sharedStrings.xml"]
    english = parts(workbook(report("en")))
    assert "1 October 2025 (BE 2568)" in english["xl/sharedStrings.xml"]


def test_the_head_has_units_and_n_and_the_file_the_time_of_the_cut_off():
    of = report("en")
    summary = tables(of)[0]
    assert {"n", "Unit", "95% interval, low"} <= {c.head for c in summary.columns}
    assert "2026-11-20T02:05:00Z" in parts(workbook(of))["docProps/core.xml"]
    assert workbook(of) == workbook(of)


def test_figures_of_few_people_are_hidden_in_every_column():
    summary = tables(report("en"))[0]
    row = dict(zip([c.head for c in summary.columns], summary.rows[-1], strict=True))
    assert (row["Result"], row["n"], row["95% interval, low"], row["Verdict"]) == ("< 5", "< 5", None, "")


def test_shares_are_shares_and_what_is_not_known_is_empty():
    summary = tables(report("en"))[0]
    heads = [c.head for c in summary.columns]
    first, unknown = (dict(zip(heads, summary.rows[i], strict=True)) for i in (0, 5))
    assert first["Result"] == pytest.approx(0.93412)
    assert isinstance(first["Result"], Share)
    assert unknown["Result"] is None
    assert unknown["n"] == 0


def test_a_table_that_no_sheet_holds_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(to_xlsx, "MOST_ROWS", 7)
    with pytest.raises(TooLargeError, match="รายเดือน: 12 rows; a sheet holds 6"):
        workbook(replace(report("th"), summary=()))


def test_libreoffice_finds_no_formula_and_no_error(tmp_path):
    of = hostile()
    (tmp_path / "d.xlsx").write_bytes(workbook(of))
    options = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,true,false,false,-1"  # every sheet, as shown
    call = [need("soffice"), "--headless", f"-env:UserInstallation=file://{tmp_path}/profile", "--convert-to", options]
    subprocess.run([*call, "d.xlsx"], cwd=tmp_path, capture_output=True, check=True, timeout=250)
    say = Say("th")
    sheets = {}
    for table in tables(of):
        text = (tmp_path / f"d-{table.name}.csv").read_text(encoding="utf-8")
        sheets[table.key] = list(csv.reader(io.StringIO(text)))
        assert sheets[table.key][0] == [c.head for c in table.columns]
        assert len(sheets[table.key]) == len(table.rows) + 1
    cells = [cell for rows in sheets.values() for row in rows for cell in row]
    assert not [cell for cell in cells if ERRORS.match(cell) and cell not in HOSTILE]
    assert [row[0].strip() for row in sheets["definitions"][1:]] == [text.strip() for text in HOSTILE]
    assert sheets["monthly"][1][1] == "1 ตุลาคม 2568"
    assert sheets["summary"][1][sheets["summary"][0].index(say("col_result"))] == "93.412%"
