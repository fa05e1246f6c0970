"""What is installed is what is here."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_package_is_installed():
    here = {
        str(init.parent.relative_to(ROOT)).replace("/", ".")
        for top in ("telemetry", "collectors", "kpis", "dashboards")
        for init in (ROOT / top).rglob("__init__.py")
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == here


def test_every_dependency_is_locked_with_hashes_for_the_run_and_the_tests():
    wanted = {re.match(r"[A-Za-z0-9-]+", line)[0].lower() for line in PROJECT["project"]["dependencies"]}
    for name in ("run.txt", "test.txt"):
        text = (ROOT / "requirements" / name).read_text()
        locked = re.findall(r"(?m)^([a-z0-9-]+)==\S+ (?:;.* )?\\\n    --hash=sha256:", text)
        assert wanted <= set(locked)
        assert len(locked) == len(re.findall(r"(?m)^\S.*==", text))
        assert "://" not in text


def test_tests_run_with_the_very_versions_of_the_service():
    run, test = (
        set(re.findall(r"(?m)^\S+==\S+", (ROOT / "requirements" / name).read_text()))
        for name in ("run.txt", "test.txt")
    )
    assert run <= test
