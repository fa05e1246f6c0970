"""The units, held to what systemd itself says of them, and the service to what its unit lets it do."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.deploy.shipped import ROOT
from tests.publisher import Publisher
from tests.servers import mosquitto, need
from tests.service.harness import CENTRE, fetch, stored, wait_until, write_config

UNITS = ROOT / "deploy" / "systemd"
SERVICES = ("gecc.service", "gecc-backup.service")
WORST = {"gecc.service": 1.1, "gecc-backup.service": 0.6}
"""Exposure by `systemd-analyze security` of systemd 252, which may not grow."""


def settings(name: str, key: str) -> list[str]:
    return re.findall(rf"(?m)^{key}=(.*)$", (UNITS / name).read_text("utf-8"))


@pytest.fixture
def installed(tmp_path) -> Path:
    """The units as on a machine that has the program."""
    program = tmp_path / "gecc"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for unit in UNITS.iterdir():
        if unit.is_file():
            (tmp_path / unit.name).write_text(
                unit.read_text("utf-8").replace("/opt/gecc/bin/gecc", str(program)), "utf-8"
            )
    return tmp_path


def verify(folder: Path, *names: str) -> str:
    argv = [need("systemd-analyze"), "verify", "--man=no", *(str(folder / name) for name in names)]
    done = subprocess.run(argv, capture_output=True, text=True)
    return done.stdout + done.stderr + ("" if done.returncode == 0 else f"exit code {done.returncode}")


def test_systemd_has_nothing_to_say_against_the_units(installed):
    assert verify(installed, *SERVICES, "gecc-backup.timer") == ""


def test_a_mistake_in_a_unit_would_be_told(installed):
    unit = installed / "gecc.service"
    unit.write_text(unit.read_text().replace("ProtectSystem=strict", "ProtectSystme=strict"))
    assert "ProtectSystme" in verify(installed, "gecc.service")


@pytest.mark.parametrize("drop_in", sorted(p.name for p in (UNITS / "gecc.service.d").iterdir()))
def test_every_drop_in_can_be_added(installed, drop_in):
    folder = installed / "gecc.service.d"
    folder.mkdir()
    assert drop_in.endswith(".conf.example")
    shutil.copy(UNITS / "gecc.service.d" / drop_in, folder / drop_in.removesuffix(".example"))
    assert verify(installed, "gecc.service") == ""
    assert (
        f"/etc/systemd/system/gecc.service.d/{drop_in.removesuffix('.example')}"
        in (UNITS / "gecc.service.d" / drop_in).read_text()
    )


@pytest.mark.parametrize("name", SERVICES)
def test_the_exposure_is_what_the_unit_says_and_does_not_grow(installed, name):
    argv = [need("systemd-analyze"), "security", "--offline=true", "--no-pager", str(installed / name)]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    score = float(re.search(r"Overall exposure level for \S+: (\d+\.\d+)", said)[1])
    assert score <= WORST[name]
    stated = re.search(
        r"security --offline=true gecc\.service` of systemd 252 says (\d+\.\d+)", (UNITS / name).read_text("utf-8")
    )
    assert stated is None or float(stated[1]) == WORST[name]


def test_it_is_started_again_whatever_ends_it_and_waits_for_no_sign_of_life_that_it_does_not_give():
    assert settings("gecc.service", "Restart") == ["always"]
    assert settings("gecc.service", "StartLimitIntervalSec") == ["0"]
    assert settings("gecc.service", "WatchdogSec") == []
    assert settings("gecc.service", "Type") == ["exec"]


def test_the_places_that_the_units_name_are_those_of_the_notes_and_the_broker():
    broker = (ROOT / "deploy/mosquitto/mosquitto.conf").read_text("utf-8")
    assert settings("gecc.service", "LoadCredential") == ["mqtt.password:/etc/gecc/broker/passwords/gecc"]
    for lang in ("en", "th"):
        notes = (ROOT / f"deploy/operations.{lang}.md").read_text("utf-8")
        assert "--out /etc/gecc/broker" in notes
        assert "--data /var/lib/gecc" in notes
    assert "/etc/gecc/broker/mosquitto" in broker
    assert settings("gecc-backup.service", "ExecStart") == [
        "/opt/gecc/bin/gecc backup --data /var/lib/gecc --out /var/lib/gecc-backup"
    ]


def calls(group: str) -> set[str]:
    """The system calls of a group, by systemd's own lists."""
    if not group.startswith("@"):
        return {group}
    argv = [need("systemd-analyze"), "syscall-filter", "--no-pager", group]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    words = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    return set().union(*(calls(word) for word in words))


def test_the_service_works_with_the_system_calls_that_its_unit_leaves_it_and_no_memory_to_write_and_execute(tmp_path):
    """Traced from its start over its work to its end, while what the unit takes away is refused as the unit says."""
    lists = settings("gecc.service", "SystemCallFilter")
    assert len(lists) == 2
    assert lists[1].startswith("~")
    given, taken = (set().union(*map(calls, line.removeprefix("~").split())) for line in lists)
    assert settings("gecc.service", "SystemCallErrorNumber") == ["EPERM"]
    refused = f"inject={','.join(f'?{name}' for name in sorted(taken))}:error=EPERM"
    traced, log = tmp_path / "traced", tmp_path / "log"
    with mosquitto() as broker:
        file = write_config(tmp_path / "gecc", CENTRE, mqtt_port=broker.port)
        argv = [need("strace"), "-f", "-qq", "-o", str(traced), "-e", "trace=all", "-e", refused]
        argv += [sys.executable, "-m", "telemetry", "run", "--config", str(file)]
        env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}
        with log.open("wb") as out:
            process = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=out, stderr=out, start_new_session=True)
        try:
            wait_until(lambda: "mqtt: connected" in log.read_text() or process.poll() is not None, "not ready", 90)
            assert process.poll() is None, log.read_text()
            url = log.read_text().rsplit("listening on ", 1)[1].split()[0]
            with Publisher(broker.port) as kiosk:
                event = b'{"event":"issued","ticket":"A1","service":"idcard","boot":"b","seq":1}'
                kiosk.publish("gecc/v1/nonthaburi/kiosk-1/ticket", [event])
            wait_until(lambda: stored(tmp_path / "gecc/data"), "no event is stored")
            for page in ("/healthz", "/metrics", "/v1/board?site=nonthaburi", "/v1/kpis?site=nonthaburi"):
                assert fetch(url + page)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)
    trace = traced.read_text(errors="replace")
    used = set(re.findall(r"(?m)^\d+ +(?:<\.\.\. )?([a-z_0-9]+)(?:\(| resumed)", trace))
    assert {"fdatasync", "accept4", "epoll_wait"} <= used
    assert "Traceback" not in log.read_text()
    assert used - given - taken == set()
    assert re.findall(r"(?m)^\d+ +(?:mmap|mprotect|pkey_mprotect)\(.*PROT_WRITE[^,]*PROT_EXEC.*$", trace) == []
