"""The dashboards as files: up to date, whole after the SDK's round trip, complete, and fit to be read."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import build, promql, today
from dashboards.figures import has_target
from dashboards.wording import Words, unit_of
from kpis.model import By, Kind
from kpis.results import KPIS
from telemetry.__main__ import main
from telemetry.metric_names import metric_name, target_name, today_name
from telemetry.text import LANGUAGES
from tests.dashboards.shown import asked, boards, panels, rows, texts, variables

GENERATED = Path(build.__file__).parent / "generated"
KNOWN_UNITS = {value for name, value in vars(units).items() if not name.startswith("_") and isinstance(value, str)} | {
    "none"
}
SHOWN_OF = [kpi for kpi in KPIS.values() if kpi.by is not By.AGENT]
register_default_plugins()


@cache
def titled(lang: str) -> dict[str, list[dict[str, Any]]]:
    """Panels by their titles, without the criteria before those."""
    out = defaultdict(list)
    for name, board in boards().items():
        for panel in panels(board) if f"/{lang}/" in name else ():
            out[panel["title"].rpartition(" · ")[2]].append(panel)
    return out


def test_the_committed_files_are_what_is_made_now():
    made = build.files()
    kept = {str(p.relative_to(GENERATED)): p.read_text("utf-8") for p in GENERATED.rglob("*") if p.is_file()}
    assert sorted(kept) == sorted(made), "run: gecc dashboards build --out dashboards/generated"
    stale = [name for name in made if kept[name] != made[name]]
    assert not stale, "run: gecc dashboards build --out dashboards/generated"


def test_the_command_writes_them(tmp_path, capsys):
    assert main(["dashboards", "build", "--out", str(tmp_path)]) == 0
    made = build.files()
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / name) for name in made]
    assert {name: (tmp_path / name).read_text("utf-8") for name in made} == made


def test_there_are_nine_in_each_language_with_the_same_queries():
    assert len(build.BOARDS) == 9
    assert len(boards()) == 9 * len(LANGUAGES)

    def queries(lang):
        return [
            re.sub(r"name_(th|en)", "name", re.sub(r'"[^"]*"', '""', a.expr)) for a in asked() if f"/{lang}/" in a.board
        ]

    assert queries("th") == queries("en")


@pytest.mark.parametrize("name", boards())
def test_each_survives_the_sdks_round_trip_unchanged(name):
    board = boards()[name]
    again = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
    assert again == board


@pytest.mark.parametrize("place", ["title", "panel", "field"])
def test_a_misspelt_key_does_not_survive_the_round_trip(place):
    board = json.loads(next(iter(texts().values())))
    panel = next(iter(panels(board)))
    of = {"title": board, "panel": panel, "field": panel["fieldConfig"]["defaults"]}[place]
    of["titel"] = "x"
    assert json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder)) != board


def test_uids_are_fixed_and_differ():
    uids = [board["uid"] for board in boards().values()]
    assert len(set(uids)) == len(uids)
    assert sorted(uids)[:3] == ["gecc-en-criteria", "gecc-en-devices", "gecc-en-online"]
    assert all(re.fullmatch(r"gecc-(th|en)-[a-z]{1,20}", uid) for uid in uids)


@pytest.mark.parametrize("name", boards())
def test_panels_have_ids_of_their_own_and_lie_beside_each_other(name):
    board = boards()[name]
    every = [*board["panels"], *(p for row in rows(board) for p in row["panels"])]
    ids = [p["id"] for p in every]
    assert len(set(ids)) == len(ids)
    assert min(ids) > 0
    for together in (board["panels"], *(row["panels"] for row in rows(board))):
        taken: set[tuple[int, int]] = set()
        for p in together:
            at = p["gridPos"]
            assert at["x"] >= 0
            assert at["x"] + at["w"] <= 24, p["title"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not cells & taken, p["title"]
            taken |= cells


@pytest.mark.parametrize("name", boards())
def test_panels_are_wide_enough_to_be_read_on_a_wall_and_few_enough_in_a_line(name):
    """On a telephone Grafana lays them one below the other, in their order."""
    for p in panels(boards()[name]):
        at = p["gridPos"]
        assert at["w"] in (6, 8, 12, 16, 18, 24), p["title"]
        assert at["w"] >= 12 or p["type"] == "stat", p["title"]
        assert at["h"] >= 4


@pytest.mark.parametrize("name", boards())
def test_every_panel_says_what_it_is_and_in_which_unit(name):
    w = Words("th" if "/th/" in name else "en")
    board = boards()[name]
    assert board["title"]
    assert board["description"]
    for p in panels(board):
        assert p["title"], p["id"]
        assert len(p["description"]) > 20, p["title"]
        default = p["fieldConfig"]["defaults"]
        assert default["unit"] in KNOWN_UNITS, (p["title"], default["unit"])
        assert default["noValue"] in (w["no_data"], w["none_counted"]), p["title"]
        assert p["targets"], p["title"]
        assert "{" not in p["title"] + p["description"], p["title"]


@pytest.mark.parametrize("name", boards())
def test_everything_is_asked_of_the_chosen_store(name):
    board = boards()[name]
    first = board["templating"]["list"][0]
    assert (first["name"], first["type"], first["query"]) == ("datasource", "datasource", "prometheus")
    ours = {"type": "prometheus", "uid": "${datasource}"}
    for p in panels(board):
        assert p["datasource"] == ours
        assert all(t["datasource"] == ours for t in p["targets"])
        assert len({t["refId"] for t in p["targets"]}) == len(p["targets"])
    assert all(v["datasource"] == ours for v in variables(board).values() if v["type"] == "query")


@pytest.mark.parametrize("name", boards())
def test_every_variable_that_is_asked_for_is_there_and_every_one_is_used(name):
    board = boards()[name]
    text = json.dumps([p["targets"] for p in panels(board)])
    queries = json.dumps([v.get("query") for v in variables(board).values() if v["type"] == "query"])
    named = set(re.findall(r"\$([a-z]\w*)", text + queries))
    assert named == variables(board).keys() - {"datasource"}


def test_no_ratio_is_averaged_and_nothing_is_asked_that_only_one_of_the_stores_knows():
    words = {word for a in asked() for word in re.findall(r"\b([a-z_]+)\s*\(", re.sub(r'"[^"]*"', "", a.expr))}
    assert words <= {
        "sum", "increase", "rate", "max", "min", "count", "count_values", "histogram_quantile", "time", "label_replace",
        "by", "on", "group_left", "or",
    }  # fmt: skip
    assert not [a for a in asked() if re.search(r"\bavg|quantile_over_time|\$__range", a.expr)]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("kpi", SHOWN_OF, ids=lambda k: k.name)
def test_each_figure_without_a_person_in_it_is_on_a_panel_with_its_name_definition_and_unit(kpi, lang):
    w = Words(lang)
    told = [metric_name(m) for m in (kpi.numerator, kpi.denominator, kpi.histogram, *(m for _, m in kpi.bins)) if m]
    of = titled(lang)[w.label(kpi)]
    definition = w.about(kpi, "today").split("\n\n")[0]
    good = [
        p
        for p in of
        if definition in p["description"]
        and p["fieldConfig"]["defaults"]["unit"] == unit_of(kpi)
        and any(name in t["expr"] for t in p["targets"] for name in (*told, today_name(kpi)))
    ]
    assert good, kpi.name
    if has_target(kpi):
        assert all(any(f"{target_name(kpi)}{{" in t["expr"] for t in p["targets"]) for p in good)
    if kpi.kind in (Kind.RATIO, Kind.MEAN) and kpi.by in (By.UNIT, By.SITE):
        assert all(any(t.get("legendFormat", "").startswith("n") for t in p["targets"]) for p in good)


def test_a_new_row_of_the_table_has_its_panel_without_another_edit(monkeypatch):
    from dataclasses import replace  # noqa: PLC0415

    from kpis.results import GROUPS  # noqa: PLC0415

    new = replace(
        KPIS["abandoned_call_rate"], name="brand_new_rate", label_en="Brand new", label_th="ใหม่มาก", target=None, wall=0
    )
    monkeypatch.setitem(GROUPS, "calls", (*GROUPS["calls"], new))
    made = json.loads(build.grafana()["grafana/en/telephones.json"])
    panel = next(p for p in panels(made) if p["title"] == "Brand new")
    assert panel["targets"][0]["expr"] == promql.share(KPIS["abandoned_call_rate"])


def test_today_shows_the_gauges_of_the_wallboard():
    exprs = {a.expr for a in asked() if a.board == "grafana/en/today.json"}
    for kpi in KPIS.values():
        if kpi.wall:
            assert any(e.startswith(f"{today_name(kpi)}{{") for e in exprs), kpi.name


def test_the_units_of_a_variable_are_those_of_the_chosen_centre():
    assert today.unit(Words("en"), "a_total", "b_total").query == (
        'label_values({__name__=~"a_total|b_total",site="$site"}, unit)'
    )
