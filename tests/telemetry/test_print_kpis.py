"""`gecc kpis` over all sites of a configuration: one line a site and figure."""

from __future__ import annotations

import csv
import io
import json

import pytest

from telemetry.figures import BY
from tests.telemetry.test_cubes import contacts, reader

SITES = """
data = "."
[[sites]]
id = "a"
[[sites]]
id = "b"
[[sites]]
id = "c"
"""


@pytest.fixture
def centres(tmp_path):
    (tmp_path / "gecc.toml").write_text(SITES)
    reader(tmp_path, contacts("a", 1, 3), contacts("b", 2, 5))
    return tmp_path


def test_without_a_site_there_is_a_row_for_every_site_and_figure(centres, gecc):
    code, out, err = gecc("kpis", "--data", centres, "--format", "json")
    offered = {row["site"]: row["value"] for row in json.loads(out) if row["kpi"] == "calls_offered"}
    assert (code, err, offered) == (0, "", {"a": 3, "b": 5, "c": 0})
    rows = list(csv.DictReader(io.StringIO(gecc("kpis", "--data", centres, "--format", "csv")[1])))
    assert {row["site"]: row["value"] for row in rows if row["kpi"] == "calls_offered"} == {
        "a": "3",
        "b": "5",
        "c": "0",
    }


def test_a_list_for_people_has_one_line_each(centres, gecc):
    lines = gecc("kpis", "--data", centres)[1].splitlines()
    offered = [line.split() for line in lines if " calls_offered " in line]
    assert [(words[0], words[2], words[3]) for words in offered] == [("a", "3", "n=3"), ("b", "5", "n=5")]


def test_without_a_site_and_a_configuration_it_asks_which(tmp_path, gecc):
    reader(tmp_path, contacts("a", 1, 3))
    code, _, err = gecc("kpis", "--data", tmp_path)
    assert code == 2
    assert "--site: which one?" in err


@pytest.mark.parametrize("by", BY)
def test_every_way_to_split_answers(centres, gecc, by):
    code, out, err = gecc("kpis", "--data", centres, "--site", "b", "--by", by, "--format", "json")
    assert (code, err) == (0, "")
    rows = json.loads(out)
    assert all((row["unit"] is not None) == (by in ("unit", "agent", "counter", "device")) for row in rows)
    if by == "agent":
        assert {row["unit"] for row in rows} == {"agent-1"}
        assert "calls_offered" not in {row["kpi"] for row in rows}
    if by == "fiscal_year":
        spans = [(r["from"][:10], r["to"][:10]) for r in rows if r["kpi"] == "tickets_issued"]
        assert spans[0][1] == spans[1][0] == "2026-10-01"
