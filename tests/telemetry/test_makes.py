"""The simulator as every make of PBX: what each log says of one and the same day is what happened in it."""

from __future__ import annotations

import asyncio
import json
from datetime import date

import pytest

from collectors.formats import FORMATS
from telemetry.__main__ import main
from telemetry.simulate import MAKES, run_simulation, simulate_day
from telemetry.simulate.demo import demo_config_toml

NOT_SIMULATED = {"asterisk_queue_log", "cloudevents_http"}
"""The queue log is what the simulator writes anyhow; CloudEvents are sent, not written."""

QUEUED = {"asterisk_cdr"}
"""Logs that cannot tell how long a caller waited in a queue: the dialplan answers first."""

UNSEEN = {"asterisk_cdr", "freeswitch_csv_cdr"}
"""Logs that do not say that a caller waited in a queue: who gave up there is a call that reached no queue."""


def test_the_simulator_can_be_every_make_there_is_a_format_for():
    written = {name for name, row in FORMATS.items() if row.records != "messages"}
    assert set(MAKES) == written - NOT_SIMULATED


@pytest.fixture(scope="module")
def day():
    return simulate_day(
        site="demo",
        day=date(2026, 11, 20),
        timezone="Asia/Bangkok",
        seed=3,
        visitors=0,
        calls=120,
        agents=("Anong", "บุญมี"),
    )


def figures(folder, day, name, capsys):
    log = folder / "pbx"
    asyncio.run(run_simulation(day, pbx=name, pbx_log=log))
    (folder / "gecc.toml").write_text(demo_config_toml("demo", 1883, 0, log, name))
    files = sorted(log.iterdir()) if log.is_dir() else [log]
    where = ("--data", str(folder / "data"), "--config", str(folder / "gecc.toml"), "--site", "demo")
    code = main(["import", *where, "--format", name, *map(str, files)])
    said = capsys.readouterr()
    assert (code, said.err) == (0, "")
    assert main(["kpis", *where, "--format", "json"]) == 0
    return {row["kpi"]: row for row in json.loads(capsys.readouterr().out)}


@pytest.mark.parametrize("name", sorted(MAKES))
def test_every_make_tells_how_many_called_and_how_many_were_answered(tmp_path, day, name, capsys):
    got, truth = figures(tmp_path, day, name, capsys), day.truth
    assert truth["calls_abandoned"] > 5
    unseen = got["calls_did_without_entry"]["value"] if name in UNSEEN else 0
    assert got["calls_offered"]["value"] + unseen == truth["calls_offered"]
    assert got["calls_answered"]["value"] == truth["calls_answered"]
    told = got["asa_seconds"]
    if name in QUEUED:
        assert told["value"] is None
    else:
        mean_s = truth["call_wait_s"] / truth["calls_answered"]
        # Makes without seconds, or that round up, are within a second of each call.
        assert told["n"] == truth["calls_answered"]
        assert told["value"] == pytest.approx(mean_s, abs=1.0)


def test_whoever_logs_the_ends_of_calls_knows_which_were_left_by_key_or_lost(tmp_path, day, capsys):
    got = figures(tmp_path, day, "generic_csv", capsys)
    for kpi in ("calls_abandoned", "calls_timed_out", "calls_no_agent", "calls_left_by_key"):
        assert got[kpi]["value"] == day.truth[kpi]
