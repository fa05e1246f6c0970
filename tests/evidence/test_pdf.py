"""Documents as PDF: their words, their form, and that they are the same bytes anywhere."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from telemetry.evidence.fonts import FILES, FOLDER, FontError, printable
from telemetry.evidence.model import Centre, KpiRow, Target
from telemetry.evidence.to_pdf import Pdf, Printer
from telemetry.evidence.to_xlsx import workbook
from telemetry.evidence.typst_text import CUT, cut
from telemetry.evidence.wording import Say, thai_digits
from tests.evidence.sample import HASH, ITEM_TH, report
from tests.servers import need

DOCUMENTS = ("index", "summary", "sheet", "method", "quality", "memo", "surprise")
MADE: dict[tuple[str, str, bool], Pdf] = {}


def made(lang: str, name: str, *, provisional: bool = False) -> Pdf:
    key = lang, name, provisional
    if key not in MADE:
        of = report(lang, provisional=provisional)
        printer = Printer(of)
        MADE[key] = printer.sheet(of.sheets[0]) if name == "sheet" else getattr(printer, name)()
    return MADE[key]


def lines(pdf: Pdf, folder: Path, *options: str) -> list[str]:
    (folder / "d.pdf").write_bytes(pdf.data)
    call = [need("pdftotext"), "-raw", *options, "d.pdf", "-"]
    out = subprocess.run(call, cwd=folder, capture_output=True, check=True).stdout.decode()
    return out.replace("\u00a0", " ").split("\n")


def close(text: str) -> str:
    """Without spaces and line ends, which depend on the width of the page."""
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("lang", ["th", "en"])
def test_the_words_of_a_sheet_are_read_back_as_they_were_written(lang, tmp_path):
    of, say = report(lang), Say(lang)
    one, run = of.sheets[0], thai_digits if lang == "th" else str
    found = close("".join(lines(made(lang, "sheet"), tmp_path)))
    fixed = [
        ITEM_TH, run(one.heading), *map(run, one.method), *map(run, one.limits), run(say.period(of.period)),
        run(say.moment(of.cut_off)), of.centre.organisation, *(run(c.title) for c in one.charts),
        *(row.label for row in one.rows), *(say.result(row) for row in one.rows), *(e.reason for e in one.exclusions),
        say("sign_certified"), say("insufficient_data"),
    ]  # fmt: skip
    assert [text for text in fixed if close(text) not in found] == []


@pytest.mark.parametrize("name", ["summary", "method", "quality", "memo", "surprise", "index"])
@pytest.mark.parametrize("lang", ["th", "en"])
def test_every_document_has_its_title_and_what_it_is_about(lang, name, tmp_path):
    of, say = report(lang), Say(lang)
    found = close("".join(lines(made(lang, name), tmp_path)))
    run = thai_digits if lang == "th" else str
    assert close(say(f"doc_{name}")) in found
    expected = {
        "summary": [say.period(of.period), of.gates[0].part, say("assessed_note")],
        "method": [say("verdict_words"), of.definitions[0].definition, "calls_lost ÷ calls_offered"],
        "quality": [of.quality.notes[0], of.quality.corrections[0].why, say("full_list", n=60, all=80)],
        "memo": [of.memo.subject, of.memo.to, of.memo.paragraphs[0], say("memo_close")],
        "surprise": [of.surprise.now[0].label, say("sec_last_days")],
        "index": [row.title for row in of.index],
    }[name]
    assert [text for text in expected if close(run(text)) not in found and close(text) not in found] == []


def test_no_thai_line_begins_with_a_space_or_breaks_within_a_word(tmp_path):
    found = lines(made("th", "sheet"), tmp_path, "-f", "1", "-l", "1")
    start = next(i for i, line in enumerate(found) if line.startswith("๒๐.๒"))
    end = next(i for i in range(start, len(found)) if found[i].rstrip().endswith("ประจำปี"))
    text = found[start : end + 1]
    assert len(text) >= 4
    assert not any(line.startswith(" ") for line in text)
    words, ends, at = cut(ITEM_TH).split(CUT), set(), 0
    for word in words:
        at += len(close(word))
        ends.add(at)
    at = 0
    for line in text:
        at += len(close(line))
        assert at in ends, line


@pytest.mark.parametrize("lang", ["th", "en"])
@pytest.mark.parametrize("name", ["sheet", "quality", "memo"])
def test_every_page_bears_centre_number_code_and_hash(lang, name, tmp_path):
    of, say, pdf = report(lang), Say(lang), made(lang, name)
    for page in range(1, pdf.pages + 1):
        found = "\n".join(lines(pdf, tmp_path, "-f", str(page), "-l", str(page)))
        number = say("head_page", page=page, pages=pdf.pages)
        assert (thai_digits(number) if lang == "th" else number) in found
        assert of.centre.name in found
        assert of.mark.code in found
        assert HASH in found
        assert say("head_provisional") not in found


def test_a_provisional_report_says_so_on_every_page_in_both_languages(tmp_path):
    pdf = made("en", "quality", provisional=True)
    assert pdf.pages > 2
    for page in range(1, pdf.pages + 1):
        found = "\n".join(lines(pdf, tmp_path, "-f", str(page), "-l", str(page)))
        assert "PROVISIONAL / ฉบับชั่วคราว" in found


@pytest.mark.parametrize("lang", ["th", "en"])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_tagged_for_archives_and_for_every_reader(lang, name, tmp_path):
    pdf = made(lang, name)
    (tmp_path / "d.pdf").write_bytes(pdf.data)
    told = subprocess.run([need("pdfinfo"), "-isodates", "d.pdf"], cwd=tmp_path, capture_output=True, check=True)
    facts = dict(re.findall(r"^(.+?): +(.*)$", told.stdout.decode(), re.MULTILINE))
    assert (facts["Tagged"], facts["Pages"]) == ("yes", str(pdf.pages))
    assert facts["CreationDate"] == "2026-11-20T02:05:00Z"
    assert facts["Page size"].endswith("(A4)")
    assert facts["Title"]
    meta = pdf.data.decode("latin-1")
    assert "<pdfaid:part>3</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" in meta
    assert "<pdfuaid:part>1</pdfuaid:part>" in meta
    assert f"/Lang ({lang})" in meta or f"<rdf:li>{lang}</rdf:li>" in meta


def test_the_fonts_in_a_file_are_ours_and_all_of_them_are_embedded(tmp_path):
    (tmp_path / "d.pdf").write_bytes(made("th", "sheet").data)
    out = subprocess.run([need("pdffonts"), "d.pdf"], cwd=tmp_path, capture_output=True, check=True).stdout.decode()
    rows = out.splitlines()[2:]
    assert rows
    assert all("Laksaman" in row and re.search(r"Identity-H\s+yes yes yes", row) for row in rows)


def test_a_summary_of_a_full_centre_is_two_pages():
    of = report("th")
    rows = tuple(
        KpiRow(f"k{i}", of.summary[2].label, "ratio", "higher", 0.9, 4_000, ci_low=0.89, ci_high=0.91,
               targets=(Target(0.8),), coverage=0.99, verdict="met") for i in range(14)
    )  # fmt: skip
    coverage = tuple(replace(of.quality.coverage[0], source=f"device-{i}") for i in range(6))
    full = replace(of, summary=rows, gates=of.gates * 4, quality=replace(of.quality, coverage=coverage))
    assert Printer(full).summary().pages == 2


def test_data_are_words_and_never_markup(tmp_path):
    hostile = '#panic("x") $x^2$ *a* @b <c> \\ `d` // e [f]'
    of = replace(report("en"), centre=Centre("x", hostile, hostile))
    found = " ".join(lines(Printer(of).index(), tmp_path))
    assert close(hostile) in close(found)


def test_signs_that_no_font_has_are_question_marks_and_never_stop_a_document(tmp_path):
    of = replace(report("th"), centre=Centre("x", f"ศูนย์ 🏢中文{CUT}\u200b\x00 เชียงใหม่"))
    assert "ศูนย์ ??? เชียงใหม่" in " ".join(lines(Printer(of).index(), tmp_path))
    assert printable("ก\tข\nค") == "ก ข ค"


def test_a_missing_font_is_said_and_nothing_is_made(tmp_path):
    with pytest.raises(FontError, match=r"Laksaman\.ttf: No such file"):
        Printer(report("th"), fonts=tmp_path)
    for name in FILES:
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes()[:-1])
    with pytest.raises(FontError, match="not the one that comes with the product"):
        Printer(report("th"), fonts=tmp_path)


PROGRAM = """
import hashlib, sys
from telemetry.evidence.to_pdf import Printer
from telemetry.evidence.to_xlsx import workbook
from tests.evidence.sample import report
for lang in ("th", "en"):
    of = report(lang)
    printer = Printer(of)
    for name in ("surprise", "quality"):
        print(name, hashlib.sha256(getattr(printer, name)().data).hexdigest())
    print("sheet", hashlib.sha256(printer.sheet(of.sheets[0]).data).hexdigest())
    print("xlsx", hashlib.sha256(workbook(of)).hexdigest())
"""


def test_another_time_zone_language_and_hash_seed_give_the_same_bytes(tmp_path):
    root = Path(__file__).parents[2]
    outs = []
    for zone, language, seed in (("Pacific/Auckland", "tr_TR.UTF-8", "7"), ("America/Los_Angeles", "C", "12345")):
        env = {**os.environ, "TZ": zone, "LANG": language, "LC_ALL": language, "PYTHONHASHSEED": seed,
               "PYTHONUTF8": "1", "PYTHONPATH": str(root), "HOME": str(tmp_path / "home")}  # fmt: skip
        done = subprocess.run([sys.executable, "-c", PROGRAM], env=env, cwd=tmp_path, capture_output=True, check=True)
        outs.append(done.stdout.decode())
    here = report("th")
    assert outs[0] == outs[1]
    assert f"xlsx {hashlib.sha256(workbook(here)).hexdigest()}" in outs[0]
    assert f"surprise {hashlib.sha256(made('th', 'surprise').data).hexdigest()}" in outs[0]
    assert not (tmp_path / "home").exists(), "the word list must not make a folder in anybody's home"


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("ข้อมูล ณ วันที่ ๒๐ พ.ย. ๒๕๖๙", ["ข้อมูล", " ", "ณ วันที่ ๒๐ พ.ย. ๒๕๖๙"]),
        ("ไม่เกินร้อยละ ๕ (สายหลุด)", ["ไม่เกิน", "ร้อยละ ๕", " ", "(สายหลุด)"]),
        ("ปีงบประมาณ พ.ศ. ๒๕๖๙", ["ปีงบประมาณ พ.ศ. ๒๕๖๙"]),
        ("ภายใน ๓ นาที  และ", ["ภายใน", " ", "๓ นาที", " ", "และ"]),
    ],
)
def test_a_line_never_ends_within_a_word_a_date_or_before_a_closing_sign(text, pieces):
    assert cut(text).split(CUT) == pieces


def test_text_without_thai_goes_over_as_it_is():
    assert cut("Calls lost, 5% of 19,160") == "Calls lost, 5% of 19,160"
