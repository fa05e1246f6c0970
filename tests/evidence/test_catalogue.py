"""Criteria are data: ours are complete and say where they come from, and a centre's own list needs no code."""

from __future__ import annotations

import csv
import io
from importlib import resources

import pytest

from kpis.results import KPIS
from telemetry.evidence.catalogue import COLUMNS, STANDARDS, CatalogueError, catalogue, read_items

THE_SYSTEM_ITSELF = {"Q10.2", "Q15.1"}
"""Shown by that there is monitoring and a store of data at all: the pack's account of sources and coverage."""
SLA_STEPS = {f"S{n}" for n in range(1, 15)}
"""Steps of the service-level agreement, which is an announcement of the centre's own and no list of criteria."""


def written(*rows, columns=("id", "text_th", "evidence")):
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize(("standard", "n"), [("gecc-2562", 71), ("gecc-2565", 0), ("opdc-2559", 24)])
def test_each_standard_has_all_its_items_with_wording_and_source(standard, n):
    items = catalogue(standard).items
    assert len(items) == n
    assert all(item.text_th and item.summary_en and item.source for item in items)


@pytest.mark.parametrize("standard", [s for s in STANDARDS if catalogue(s).items])
def test_the_parts_count_the_items_and_points_that_are_listed(standard):
    c = catalogue(standard)
    for part in c.parts:
        items = [item for item in c.items if item.kind == part.kind]
        assert len(items) == part.items
        if part.points:
            assert sum(item.points or 0 for item in items) == part.points
    assert sum(part.items for part in c.parts) == len(c.items)


def test_the_structure_in_force_has_its_gates_and_levels():
    c = catalogue("gecc-2565")
    assert sum(part.points or 0 for part in c.parts) == 100
    assert [(level.from_, level.to) for level in c.levels] == [(70, 79), (80, 89), (90, 100)]


@pytest.mark.parametrize("name", KPIS)
def test_every_criterion_that_a_kpi_is_evidence_for_is_in_a_list(name):
    known = {item.id for s in STANDARDS for item in catalogue(s).items} | SLA_STEPS
    assert set(KPIS[name].criteria) <= known


@pytest.mark.parametrize("standard", ["gecc-2562", "opdc-2559"])
def test_what_is_measured_directly_has_a_kpi_and_what_needs_a_document_has_none(standard):
    for item in catalogue(standard).items:
        if item.evidence == "D" and item.id not in THE_SYSTEM_ITSELF:
            assert item.kpis, item.id
        if item.evidence == "N":
            assert not item.kpis, item.id


def test_an_own_list_takes_the_kpis_of_ids_that_we_know_and_of_its_own_column():
    text = written(
        ["Q20.2", "โทรศัพท์", "D", ""], ["B7", "ความพึงพอใจ", "D", "votes satisfaction_rate"],
        columns=("id", "text_th", "evidence", "kpis"),
    )  # fmt: skip
    phone, own = read_items(text, "own.csv")
    assert "abandoned_call_rate" in phone.kpis
    assert own.kpis == tuple(n for n in KPIS if n in ("votes", "satisfaction_rate"))


def test_a_list_as_a_spreadsheet_saves_it_is_read(tmp_path):
    path = tmp_path / "own.csv"
    path.write_bytes(b"\xef\xbb\xbf" + written(["1.1", "ข้อ\nสองบรรทัด", "P"]).encode())
    (item,) = catalogue("gecc-2565", path).items
    assert (item.id, item.text_th, item.shown) == ("1.1", "ข้อ\nสองบรรทัด", "partly")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (written(["1", "ก", "D"], columns=("id", "text", "evidence")), "line 1: column text_th is missing"),
        (written(["1", "ก", "D", "x"], columns=("id", "text_th", "evidence", "colour")), "unknown column 'colour'"),
        (written(["1", "ก", "X"]), "line 2: evidence: expected one of D, D*, P, N, got 'X'"),
        (written(["1", "ก", "D"], ["1", "ข", "D"]), "line 3: id 1 stands there twice"),
        (written(["", "ก", "D"]), "line 2: id is empty"),
        (written(["1", " ", "D"]), "line 2: text_th is empty"),
        (written(["1", "ก", "D", "calls_offred"], columns=("id", "text_th", "evidence", "kpis")), "no KPI 'calls_offred'"),
        (written(["1", "ก", "D", "two"], columns=("id", "text_th", "evidence", "points")), "expected a whole number, got 'two'"),
        (written(["1", "ก"]), "line 2: more or fewer fields than columns"),
        (written(), "no items"),
        ("", "column id is missing"),
        ('id,text_th,evidence\n1,"ก,D\n', "line 1: unexpected end of data"),
    ],
)  # fmt: skip
def test_a_wrong_list_is_refused_with_place_and_reason(text, said):
    with pytest.raises(CatalogueError, match=r"own\.csv: ") as caught:
        read_items(text, "own.csv")
    assert said in str(caught.value)


def test_every_mistake_is_told_at_once():
    with pytest.raises(CatalogueError) as caught:
        read_items(written(["", "", "?"], ["2", "ข", "D"], ["2", "ค", "D"]), "own.csv")
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize("raw", [b"\xff\xfe1", b"id,text_th,evidence\n1,\xe1\xe1,D\n"])
def test_a_file_in_another_encoding_is_refused_with_the_byte(tmp_path, raw):
    path = tmp_path / "own.csv"
    path.write_bytes(raw)
    with pytest.raises(CatalogueError, match="not UTF-8"):
        catalogue("gecc-2565", path)


def test_a_file_that_is_not_there_and_a_standard_that_we_do_not_have_are_said(tmp_path):
    with pytest.raises(CatalogueError, match="No such file"):
        catalogue("gecc-2565", tmp_path / "none.csv")
    with pytest.raises(CatalogueError, match="there are gecc-2562"):
        catalogue("gecc-2600")


def test_the_columns_that_we_publish_are_those_of_our_own_list():
    ours = resources.files("telemetry.evidence") / "criteria" / "gecc-2562.csv"
    assert set(ours.read_text(encoding="utf-8").splitlines()[0].split(",")) == set(COLUMNS) - {"kpis"}
