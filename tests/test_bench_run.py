"""`make bench` runs every measurement to its end, and says which one failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import run
from tests.bench.run import SCRIPTS, Script
from tests.servers import need

BENCH = Path(run.__file__).parent


def test_every_measurement_is_run_or_is_part_of_another():
    parts = {"kpi_data.py", "kpi_day.py", "logs.py", "peers.py", "run.py"}
    assert {script.name for script in SCRIPTS} | parts == {path.name for path in BENCH.glob("*.py")}


def test_each_takes_the_arguments_that_it_is_given():
    for script in SCRIPTS:
        text = (BENCH / script.name).read_text("utf-8")
        for word in f"{script.usual} {script.quick}".split():
            assert not word.startswith("--") or f'"{word}"' in text, (script.name, word)


def test_one_that_fails_is_told_and_the_others_go_on(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(run, "HERE", tmp_path)
    (tmp_path / "good.py").write_text("import sys; print('good', sys.argv[1:])")
    (tmp_path / "bad.py").write_text("raise SystemExit(3)")
    scripts = (Script("bad.py"), Script("gone.py", needs="no-such-program"), Script("good.py", "--much", "--little"))
    assert run.main([], scripts) == 1
    said = capfd.readouterr().out
    assert "FAILED with exit code 3" in said
    assert "left out: no-such-program is not installed" in said
    assert "good ['--much']" in said
    assert said.endswith("1 of 3 measurements are good\nfailed: bad.py\nleft out: gone.py\n")
    assert run.main(["--quick"], scripts[2:]) == 0
    assert "good ['--little']" in capfd.readouterr().out


def test_it_starts_as_a_program():
    done = subprocess.run([sys.executable, str(BENCH / "run.py"), "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--quick" in done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_every_measurement_runs_to_its_end_with_equal_results_where_it_compares(script, tmp_path):
    if script.needs:
        need(script.needs)
    argv = [sys.executable, str(BENCH / script.name), *script.quick.split()]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
