"""The stack of every profile, and the stack as `prepare.sh` leaves it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.shipped import ROOT
from tests.deploy.stack import DEPLOY, PROFILES, config


@pytest.fixture(scope="session")
def stack() -> dict[str, Any]:
    """Every service of every profile."""
    found: dict[str, Any] = {"services": {}}
    for profile in PROFILES:
        one = config(profile=profile)
        found["services"] |= one["services"]
        found |= {key: value for key, value in one.items() if key != "services"}
    return found


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    """The repository's files of the stack after `prepare.sh`, whose docker runs our own commands, and whose chown notes
    what it was asked."""
    root = tmp_path_factory.mktemp("release")
    shutil.copytree(DEPLOY, root / "deploy")
    shutil.copytree(ROOT / "dashboards" / "generated", root / "dashboards" / "generated")
    bin_, folder = root / "bin", root / "deploy" / "compose"
    bin_.mkdir()
    (bin_ / "chown").write_text(f'#!/bin/sh\necho "$@" >> {root}/owners\n')
    (bin_ / "docker").write_text(f"""#!/bin/sh
[ -e broker/mosquitto/acl ] && exit 0
case "$*" in
"compose build gecc") ;;
"compose run --rm certificates") exec {sys.executable} -m telemetry broker certificates --out broker --host mosquitto ;;
"compose run --rm accounts") exec {sys.executable} -m telemetry broker accounts --config {root}/accounts.toml --out broker ;;
*) echo "unexpected: $*" >&2; exit 9 ;;
esac
""")
    (root / "accounts.toml").write_text((folder / "gecc.toml").read_text("utf-8"), "utf-8")
    for program in bin_.iterdir():
        program.chmod(0o755)
    env = {**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    for _ in range(2):  # again changes nothing
        done = subprocess.run(
            ["sh", "prepare.sh", "x.example.go.th"], cwd=folder, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    assert "new " not in done.stdout
    return folder
