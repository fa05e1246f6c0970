"""Each alert fires when it must and stays silent when it must not, as promtool evaluates it, and says so in both languages."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from dashboards import rules_recording
from dashboards.alerts import Alert, alerts, groups
from dashboards.headline import n_name, ratio_name, verdict_name
from dashboards.rules import files
from kpis.results import KPIS
from telemetry import exporters
from telemetry.metric_names import measures, metric_name, target_name, today_n_name, today_name
from telemetry.text import LANGUAGES, words
from tests.dashboards.alert_cases import CASES, EVERYWHERE, Case
from tests.dashboards.promtool import GECC_URL, check, only, series
from tests.servers import need

ALERTS = {alert.key: alert for alert in alerts() if alert.kpi is None}
CRITERIA = [alert for alert in alerts() if alert.kpi]
SITE = {"th": "ศูนย์ทดสอบ", "en": "Test Centre"}
UNIT = {"th": "งานหนึ่ง", "en": "Unit one"}


def annotations(alert: Alert, shows: dict[str, str]) -> dict[str, str]:
    out = {}
    for lang in LANGUAGES:
        names = {"site": SITE[lang], "unit": UNIT[lang], **shows}
        if alert.kpi:
            names["kpi"] = alert.kpi.label_th if lang == "th" else alert.kpi.label_en
        for part in ("summary", "description"):
            out[f"{part}_{lang}"] = words(lang, "alerts")[f"{alert.key}_{part}"].format(**names)
        out[f"runbook_url_{lang}"] = f"{GECC_URL}/runbooks?lang={lang}#{alert.anchor}"
    return out | {"runbook_url": out["runbook_url_th"]}


def minutes(hold: str) -> int:
    return int(hold[:-1]) * {"m": 1, "h": 60}[hold[-1]]


def first(alert: Alert, case: Case) -> int:
    """The minute of the evaluation at which it is to fire."""
    return case.begins + -(-minutes(alert.hold) // case.pace) * case.pace


def run(alert: Alert, groups: list[dict], pace: int = 1) -> tuple[bool, str]:
    return check(only(alert.name, alert.kpi.name if alert.kpi else ""), groups, every=f"{pace}m")


def group(alert: Alert, case: Case, changed: dict[str, str | None], expected: dict[int, bool]) -> dict:
    """One world, and whether the alert fires after some minutes."""
    steps = max(expected) // case.samples + 2
    world = {**EVERYWHERE, **case.world, **changed}
    if 'kind="source"' in str(case.world):
        world.pop('gecc_unit_info{site="s1",unit="u1",kind="service",name_th="งานหนึ่ง",name_en="Unit one"}')
    labels = {"severity": alert.severity, "team": alert.team, **case.labels}
    if alert.kpi:
        labels["kpi"] = alert.kpi.name
    fired = [{"exp_labels": labels, "exp_annotations": annotations(alert, dict(case.shows))}]
    return {
        "interval": f"{case.samples}m",
        "external_labels": {"gecc_url": GECC_URL},
        "input_series": series(
            {k: v if re.search("[x ]", v) else f"{v}+0x{steps}" for k, v in world.items() if v is not None}
        ),
        "alert_rule_test": [
            {"eval_time": f"{at}m", "alertname": alert.name, "exp_alerts": fired if yes else []}
            for at, yes in expected.items()
        ],
    }


def test_every_alert_has_a_case_that_fires_and_one_that_is_silent():
    assert set(CASES) == set(ALERTS)
    assert all(case.silent for case in CASES.values())
    assert {a.name for a in alerts()} == {rule["alert"] for g in groups() for rule in g["rules"]}


@pytest.mark.parametrize("key", ALERTS)
def test_it_fires_after_its_time_and_says_what_is_the_matter(key):
    alert, case = ALERTS[key], CASES[key]
    fires = first(alert, case)
    ok, said = run(alert, [group(alert, case, {}, {fires - case.pace: False, fires: True})], case.pace)
    assert ok, said


@pytest.mark.parametrize(("key", "why"), [(key, why) for key, case in CASES.items() for why in case.silent])
def test_it_is_silent(key, why):
    alert, case = ALERTS[key], CASES[key]
    ok, said = run(alert, [group(alert, case, dict(case.silent[why]), {first(alert, case): False})], case.pace)
    assert ok, said


def criterion(alert: Alert, verdict: str) -> Case:
    kpi = alert.kpi
    value = {"ratio": ("0.75", "75%", "0.8", "80%"), "percent": ("75", "75.0%", "85", "85.0%")}.get(
        kpi.unit, ("75", "75 s", "60", "60 s")
    )
    return Case(
        {
            f'{ratio_name("site", kpi, "28d")}{{site="s1"}}': value[0],
            f'{n_name("site", kpi, "28d")}{{site="s1"}}': "30",
            f'{verdict_name(kpi)}{{site="s1"}}': verdict,
            f'{target_name(kpi)}{{site="s1"}}': value[2],
        },
        {},
        shows={"value": value[1], "target": value[3], "n": "30"},
    )


@pytest.mark.parametrize("alert", CRITERIA, ids=lambda a: a.kpi.name)
def test_a_criterion_that_is_not_met_is_told_of_and_one_that_is_met_is_not(alert):
    missed, met = criterion(alert, "0"), criterion(alert, "1")
    closed = {'gecc_service_open{site="s1"}': "0"}
    tests = [
        group(alert, missed, {}, {59: False, 60: True}),
        group(alert, met, {}, {60: False}),
        group(alert, missed, closed, {60: False}),
    ]
    ok, said = run(alert, tests)
    assert ok, said


def test_what_stands_is_not_told_of_as_mended_when_the_centre_closes():
    alert, case = ALERTS["complaint_overdue"], CASES["complaint_overdue"]
    closes = {'gecc_service_open{site="s1"}': "1+0x40 0+0x60"}
    ok, said = run(alert, [group(alert, case, closes, {30: True, 90: True})])
    assert ok, said


def test_a_rate_that_is_told_of_is_mended_only_when_the_hour_keeps_the_target():
    alert, case = ALERTS["calls_lost"], CASES["calls_lost"]
    ratio = 'site:gecc_abandoned_call_rate:ratio1h{site="s1"}'
    wavers = {ratio: "0.2+0x20 0.051+0x20 0.2+0x20 0.05+0x20"}
    shown = {20: "20%", 30: "5.1%", 50: "20%"}
    tests = [
        group(alert, Case(case.world, {}, shows={**case.shows, "percent": text}), wavers, {at: True})
        for at, text in shown.items()
    ]
    ok, said = run(alert, [*tests, group(alert, case, wavers, {70: False})])
    assert ok, said


def test_a_small_centre_is_told_by_its_day_while_the_hour_is_no_better():
    alert, case = ALERTS["calls_lost"], CASES["calls_lost"]
    day = {
        'site:gecc_abandoned_call_rate:n1h{site="s1"}': "8",
        'site:gecc_abandoned_call_rate:ratio1h{site="s1"}': "0.125",
        'gecc_today_abandoned_call_rate{site="s1"}': "0.2",
        'gecc_today_n_abandoned_call_rate{site="s1"}': "40",
    }
    fires = Case(case.world, {}, shows={"percent": "12.5%", "target": "5%", "n": "8"})
    better = {**day, 'site:gecc_abandoned_call_rate:ratio1h{site="s1"}': "0"}
    few = {**day, 'gecc_today_n_abandoned_call_rate{site="s1"}': "29"}
    ok, said = run(
        alert,
        [
            group(alert, fires, day, {10: True}),
            group(alert, case, better, {10: False}),
            group(alert, case, few, {10: False}),
        ],
    )
    assert ok, said


def test_what_serves_every_centre_is_told_of_at_any_hour():
    alert = ALERTS["device_silent"]
    case = Case({'gecc_device_up{site="",unit="mqtt"}': "0"}, {}, {"unit": "mqtt"})
    test = group(alert, case, {'gecc_service_open{site="s1"}': "0"}, {4: False, 5: True})
    shown = test["alert_rule_test"][1]["exp_alerts"][0]["exp_annotations"]
    for name, text in shown.items():
        shown[name] = (
            text.replace(SITE["th"], "ทุกศูนย์")
            .replace(SITE["en"], "All centres")
            .replace("งานหนึ่ง", "mqtt")
            .replace("Unit one", "mqtt")
        )
    ok, said = run(alert, [test])
    assert ok, said


def test_every_series_that_a_rule_reads_is_on_the_page_of_figures():
    rules = [r for g in (*groups(), *rules_recording.groups()) for r in g["rules"]]
    read = {name for r in rules for name in re.findall(r"(?<![\w:])gecc_[a-z0-9_]+", r["expr"])}
    source = "".join(path.read_text() for path in Path(exporters.__file__).parent.glob("*.py"))
    shown = {f"gecc_{key}" for key in re.findall(r'"([a-z_]+)": "', source)}
    formed = "|".join(re.sub(r"{\w+}", "[a-z]+", name) for name in re.findall(r'"(gecc_[a-z0-9_{}]+)"', source))
    shown |= {metric_name(m) for m in measures()}
    shown |= {name(kpi) for kpi in KPIS.values() for name in (today_name, today_n_name, target_name)}
    assert not {
        name
        for name in read
        if name.removesuffix("_total") not in shown and not re.fullmatch(f"({formed})(_total)?", name)
    }
    assert len(read) > 60


def test_a_world_that_is_not_as_expected_is_found():
    alert, case = ALERTS["calls_lost"], CASES["calls_lost"]
    ok, said = run(alert, [group(alert, case, {}, {10: False})])
    assert not ok
    assert "GeccCallsLost" in said


def test_prometheus_and_vmalert_read_the_files(tmp_path):
    for path, text in files().items():
        (tmp_path / path.rpartition("/")[2]).write_text(text)
    paths = sorted(map(str, tmp_path.iterdir()))
    strict = [need("promtool"), "check", "rules", "--lint=all", "--lint-fatal", *paths]
    for command in (strict, [need("vmalert"), "-dryRun", *(f"-rule={p}" for p in paths)]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_to_do_is_written_for_every_alert(lang):
    text = words(lang, "alerts")
    for key in {alert.key for alert in alerts()}:
        for part in ("title", "summary", "description", "meaning", "condition", "steps"):
            assert text[f"{key}_{part}"].strip()
        assert len(text[f"{key}_steps"].strip().splitlines()) >= 2
    for severity in ("critical", "warning", "info"):
        assert set(text[f"alerts_{severity}"].split()) == {a.key for a in alerts() if a.severity == severity}


def test_both_languages_say_the_same_numbers():
    thai, english = (words(lang, "alerts") for lang in ("th", "en"))
    assert thai.keys() == english.keys()
    for key in thai:
        assert set(re.findall(r"\{\w+\}", thai[key])) == set(re.findall(r"\{\w+\}", english[key])), key


def test_no_annotation_shows_a_date_of_prometheus():
    """Its dates are of the Common Era and of UTC."""
    assert not any(
        "humanizeTimestamp" in text for g in groups() for r in g["rules"] for text in r["annotations"].values()
    )
