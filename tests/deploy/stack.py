"""The compose stack as docker-compose understands it, and what its paths are on this machine."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.shipped import ROOT
from tests.servers import need

DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose"
PROFILES = ("", "victoriametrics", "influxdb")
RUNS = ("gecc", "mosquitto", "prometheus", "alertmanager", "grafana", "victoria-metrics", "influxdb")
ONCE = ("accounts", "certificates")
PINNED = re.compile(r"[a-z/-]+:v?\d+\.\d+(\.\d+)?")


def config(folder: Path = COMPOSE, profile: str = "", *more: str) -> dict[str, Any]:
    """The stack as docker-compose understands it, with the settings of .env.example."""
    env = {**os.environ, "COMPOSE_PROFILES": profile}
    argv = [need("docker-compose"), "-f", str(folder / "compose.yaml"), "--env-file", str(folder / ".env.example")]
    done = subprocess.run([*argv, *more, "config"], capture_output=True, text=True, env=env, cwd=folder)
    assert done.returncode == 0, done.stderr
    found = yaml.safe_load(done.stdout)
    # This docker-compose prints the services of every profile.
    of = {name: s for name, s in found["services"].items() if profile in s.get("profiles", [profile])}
    return {**found, "services": of}


def mounts(service: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Source, place in the container, and mode of each volume."""
    for volume in service.get("volumes", ()):
        source, place, *mode = volume.split(":")
        yield source, place, mode[0] if mode else "rw"


def on_this_machine(place: str, service: dict[str, Any]) -> str:
    """What a path inside a container is here."""
    for source, inside, _ in sorted(mounts(service), key=lambda m: -len(m[1])):
        if place == inside or place.startswith(f"{inside}/"):
            return source + place[len(inside) :]
    raise AssertionError(f"{place} is no mounted path")
