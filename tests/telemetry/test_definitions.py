"""Every figure is explained, from its own row, in both languages, everywhere the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Formatter

import pytest

from kpis.model import Kind
from kpis.results import KPIS
from telemetry.__main__ import main
from telemetry.config_reader import settings
from telemetry.definitions import ANY_SITE, definition_rows, definitions, families, markdown
from telemetry.settings import Site
from telemetry.text import LANGUAGES, words

DEPLOY = Path(__file__).parents[2] / "deploy"
OF_SITE = {setting.name: setting.kind for setting in settings(Site)}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_kpi_is_explained_with_formula_unit_source_and_exclusions(lang):
    rows = definitions(lang)
    assert [row.name for row in rows] == list(KPIS)
    for row in rows:
        assert row.label.strip(), row.name
        assert row.definition.strip(), row.name
        assert row.formula.strip(), row.name
        assert row.unit.strip(), row.name
        assert row.source.strip(), row.name
        assert row.excludes.strip(), row.name
        assert row.of.strip(), row.name
        assert not set("{}") & set(row.definition + row.excludes), row.name


def test_both_languages_have_the_same_words_and_blanks():
    th, en = (words(lang, "definitions") for lang in LANGUAGES)
    assert th.keys() == en.keys()

    def blanks(text):
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert {k: blanks(v) for k, v in th.items()} == {k: blanks(v) for k, v in en.items()}


@pytest.mark.parametrize("kpi", KPIS.values(), ids=KPIS)
def test_settings_that_change_a_figure_exist_and_those_in_its_words_are_named(kpi):
    for name in kpi.settings:
        table, _, rest = name.partition(".")
        assert table in OF_SITE, name
        if rest:
            assert rest in {setting.name for setting in settings(OF_SITE[table].row)}, name
    texts = (kpi.definition_en, kpi.definition_th, kpi.excludes_en, kpi.excludes_th)
    said = {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}
    said = {{"fcr_window": "fcr_window_s"}.get(name, name) for name in said}
    assert said <= set(kpi.settings), kpi.name


@pytest.mark.parametrize("kpi", KPIS.values(), ids=KPIS)
def test_criteria_are_items_of_the_standard(kpi):
    pattern = r"(P(1[0-4]|[1-9])|Q\d{1,2}(\.\d)?|R[123]\.[12]|J\d\.\d|S\d{1,2}|L\d{1,2})"
    assert all(re.fullmatch(pattern, item) for item in kpi.criteria), kpi.criteria


def test_groups_stand_together():
    groups = [row.group for row in definitions("en")]
    runs = [group for i, group in enumerate(groups) if i == 0 or groups[i - 1] != group]
    assert len(runs) == len(set(runs))


def test_every_measure_is_made_by_one_family():
    named = {m for kpi in KPIS.values() for m in (kpi.numerator, kpi.denominator, kpi.histogram, kpi.censored) if m}
    assert named <= families().keys()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_committed_document_is_what_the_table_says(lang):
    committed = (DEPLOY / f"kpis.{lang}.md").read_text("utf-8")
    assert committed == markdown(lang) + "\n", f"gecc definitions --lang {lang} > deploy/kpis.{lang}.md"


def test_a_centre_s_own_rules_stand_in_its_definitions(tmp_path, capsys):
    (tmp_path / "gecc.toml").write_text(
        '[[sites]]\nid = "a"\nshort_abandon_s = 7.5\n[sites.targets]\nabandoned_call_rate = 0.03\n'
    )
    assert main(["definitions", "--config", str(tmp_path / "gecc.toml"), "--format", "json", "--lang", "th"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert "7.5" in rows["abandoned_call_rate_excluding_short"]["definition"]
    assert rows["abandoned_call_rate"]["target"] == "≤ 3 %"
    assert rows["abandoned_call_rate_excluding_short"]["settings"]["short_abandon_s"] == "7.5"


def test_a_site_that_is_not_there_is_said(tmp_path, capsys):
    (tmp_path / "gecc.toml").write_text('[[sites]]\nid = "a"\n')
    assert main(["definitions", "--config", str(tmp_path / "gecc.toml"), "--site", "b"]) == 2
    assert "expected one of a" in capsys.readouterr().err
    assert main(["definitions", "--site", "b"]) == 2


def test_the_page_and_the_command_say_the_same():
    rows = {row["kpi"]: row for row in definition_rows("en", ANY_SITE)}
    for row in definitions("en"):
        assert rows[row.name]["definition"] == row.definition
        assert ("Formula", row.formula) in rows[row.name]["facts"]


def test_formulas_are_those_of_the_kinds():
    rows = {row.name: row for row in definitions("en")}
    for name, kpi in KPIS.items():
        if kpi.kind in (Kind.RATIO, Kind.MEAN):
            assert f"{kpi.numerator}" in rows[name].formula
            assert "÷" in rows[name].formula
