"""The compose stack, held together by the tools of its parts; images are neither built nor run here."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from telemetry.commands.common import load
from tests.deploy.shipped import ROOT
from tests.deploy.stack import COMPOSE, ONCE, PINNED, PROFILES, RUNS, config, mounts, on_this_machine

# compose.yaml ----------------------------------------------------------------------------------------------------------


def test_the_stack_is_what_it_says(stack):
    assert {*stack["services"]} == {*RUNS}
    assert {*config(profile="setup")["services"]} >= {*ONCE}
    assert {*config()["services"]} == {*RUNS} - {"victoria-metrics", "influxdb"}


@pytest.mark.parametrize("name", [*RUNS, *ONCE])
def test_every_container_can_do_as_little_as_possible(stack, name):
    service = stack["services"].get(name) or config(profile="setup")["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "network"} & service.keys()
    assert service.get("network_mode", "none") == "none"
    assert PINNED.fullmatch(service["image"])
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert all(mode == "ro" for source, _, mode in mounts(service) if "/" in source and name not in ONCE)
    if name in RUNS:
        assert service["restart"] == "always"
        assert service["healthcheck"]["test"]
        assert "mem_limit" in service


def test_only_the_broker_listens_to_the_network_unless_the_setting_of_the_pages_says_so():
    services = yaml.safe_load((COMPOSE / "compose.yaml").read_text("utf-8"))["services"]
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert ports.pop("mosquitto") == ["8883:8883"]
    assert ports.pop("gecc") == ["${GECC_WEB_ADDRESS:-127.0.0.1}:8080:8080"]
    assert ports.pop("grafana") == ["${GECC_GRAFANA_ADDRESS:-127.0.0.1}:3000:3000"]
    assert ports
    assert all(port.startswith("127.0.0.1:") for of in ports.values() for port in of)
    said = (COMPOSE / ".env.example").read_text("utf-8")
    assert "GECC_WEB_ADDRESS=127.0.0.1\n" in said
    assert "GECC_GRAFANA_ADDRESS=127.0.0.1\n" in said


def test_every_setting_of_the_environment_stands_in_its_example_and_no_other():
    used = set(re.findall(r"\$\{([A-Z_]+)", (COMPOSE / "compose.yaml").read_text("utf-8")))
    said = set(re.findall(r"(?m)^([A-Z_]+)=", (COMPOSE / ".env.example").read_text("utf-8")))
    assert used == said


def test_volumes_that_are_named_are_declared_and_hold_what_must_stay(stack):
    named = {source: place for s in stack["services"].values() for source, place, _ in mounts(s) if "/" not in source}
    assert named.keys() == yaml.safe_load((COMPOSE / "compose.yaml").read_text("utf-8"))["volumes"].keys()
    assert named["gecc-data"] == "/var/lib/gecc"
    assert named["mosquitto-data"] == "/mosquitto/data"


def test_the_image_is_of_this_version(stack):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert stack["services"]["gecc"]["image"] == f"gecc-telemetry:{version}"


@pytest.mark.parametrize("profile", PROFILES)
def test_everything_that_is_mounted_is_there_once_prepare_has_run(prepared, profile):
    found = config(prepared, profile)
    for name, service in found["services"].items():
        for source, _, _ in mounts(service):
            assert "/" not in source or Path(source).exists(), f"{name}: {source}"
    for secret in found["secrets"].values():
        assert Path(secret["file"]).stat().st_mode & 0o777 == 0o400


def test_each_secret_belongs_to_who_reads_it(prepared):
    users = dict(
        line.split()[::-1] for line in (prepared.parents[1] / "owners").read_text().splitlines() if "-R" not in line
    )
    assert users == {
        "broker": "1883", "secrets/grafana-admin-password": "472", "secrets/grafana-influxdb-token": "472",
        "secrets/influxdb-password": "1000", "secrets/influxdb-token": "1000", "secrets/gecc-influxdb-token": "1883",
    }  # fmt: skip
    token = (prepared / "secrets/influxdb-token").read_text()
    assert re.fullmatch(r"[0-9a-f]{48}\n", token)
    assert {(prepared / f"secrets/{of}-influxdb-token").read_text() for of in ("gecc", "grafana")} == {token}
    assert (prepared / "secrets/influxdb-password").read_text() != token
    assert "GECC_BROKER_NAME=x.example.go.th\n" in (prepared / ".env").read_text()


def test_a_name_that_is_none_is_refused(prepared):
    done = subprocess.run(["sh", "prepare.sh", "x/../y"], cwd=prepared, capture_output=True, text=True, env={
        **os.environ, "PATH": f"{prepared.parents[1]}/bin:{os.environ['PATH']}",
    })  # fmt: skip
    assert done.returncode == 2
    assert "no host name" in done.stderr


@pytest.mark.parametrize("store", [False, True])
def test_the_service_of_the_stack_has_a_good_configuration(prepared, tmp_path, store):
    service = config(prepared)["services"]["gecc"]
    text = (prepared / "gecc.toml").read_text("utf-8")
    if store:
        text = re.sub(r"(?m)^# (\[influxdb\]|\w+ = .*)$", r"\1", text)
    inside = re.findall(r'(?m)^\w+_file = "(/etc/gecc/[^"]+)"', text)
    assert len(inside) == 2 + store
    for place in inside:
        text = text.replace(place, on_this_machine(place, service))
    (tmp_path / "gecc.toml").write_text(text, "utf-8")
    settings = load(tmp_path / "gecc.toml")
    assert settings.mqtt
    assert (settings.mqtt.host, settings.mqtt.port, settings.mqtt.tls) == ("mosquitto", 8883, True)
    assert (str(settings.data), settings.web.host, settings.web.port) == ("/var/lib/gecc", "0.0.0.0", 8080)
    assert (settings.influxdb is not None) == store
    assert settings.mqtt.username in (prepared / "broker/mosquitto/passwd").read_text()


def test_the_broker_of_the_stack_finds_what_its_configuration_names(prepared):
    service = config(prepared)["services"]["mosquitto"]
    conf = Path(on_this_machine(service["command"][-1], service))
    named = re.findall(r"(?m)^(?:certfile|keyfile|password_file|acl_file) (\S+)$", conf.read_text())
    assert len(named) == 4
    assert all(Path(on_this_machine(place, service)).is_file() for place in named)
    assert on_this_machine("/mosquitto/data", service) == "mosquitto-data"
    assert not [f for f in (prepared / "broker/mosquitto").iterdir() if f.name in ("ca.key", "passwords")]


# Dockerfile ------------------------------------------------------------------------------------------------------------


def dockerfile() -> list[list[tuple[str, str]]]:
    """Its instructions, stage by stage."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (COMPOSE / "Dockerfile").read_text("utf-8")).replace("\\\n", " ")
    stages: list[list[tuple[str, str]]] = []
    for line in filter(None, text.splitlines()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stages.append([])
        stages[-1].append((word, rest))
    return stages


def test_what_the_image_copies_exists_and_is_every_package():
    build, _ = dockerfile()
    sources = [one for word, rest in build if word == "COPY" for one in rest.split()[:-1]]
    assert all((ROOT / source).exists() for source in sources)
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert {name.partition(".")[0] for name in packages} <= {*sources}
    ignored = (COMPOSE / "Dockerfile.dockerignore").read_text().splitlines()
    assert {*sources} == {line[1:] for line in ignored if line.startswith("!")}
    assert ignored[1] == "*"


def test_the_image_runs_as_nobody_special_with_locked_packages_and_no_build_tools():
    build, final = dockerfile()
    froms = [dict(stage)["FROM"].split()[0] for stage in (build, final)]
    assert froms[0] == froms[1]
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-bookworm", froms[0])
    runs = " ".join(rest for word, rest in build if word == "RUN")
    assert "--require-hashes --only-binary=:all: -r requirements/run.txt" in runs
    assert "pip uninstall --yes setuptools pip" in runs
    assert not any("pip install" in rest or " gcc" in rest for _, rest in final)
    words = [word for word, _ in final]
    user = dict(final)["USER"]
    assert user not in ("root", "0", "")
    assert (
        f"useradd --system --uid 1883 --home-dir /var/lib/gecc --shell /usr/sbin/nologin {user}" in dict(final)["RUN"]
    )
    assert words.index("USER") > max(i for i, word in enumerate(words) if word in ("RUN", "COPY"))
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert json.loads(dict(final)["ENTRYPOINT"]) == [*scripts]
