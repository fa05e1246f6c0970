"""Real servers for tests: a free port, a folder of their own, ready when they answer, gone by pid."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Self

import pytest

NOBODY = 65534
READY_S = 10.0
STOP_S = 15.0


PACKAGES = {
    "amtool": "prometheus-alertmanager",
    "influxd": "influxdb",
    "pdffonts": "poppler-utils",
    "pdfinfo": "poppler-utils",
    "pdftotext": "poppler-utils",
    "promtool": "prometheus",
    "soffice": "libreoffice-calc",
    "systemd-analyze": "systemd",
    "unshare": "util-linux",
    "vmalert": "victoria-metrics",
}
"""Debian's package of a program, where it has another name."""


def need(program: str) -> str:
    """Path of a program. Without it a test is skipped here, and fails in CI, which must have everything."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        message = f"{program} is not installed (Debian: apt-get install {PACKAGES.get(program, program)})"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


def open_files() -> int:
    """How many file descriptors this process has; without /proc, which a bare root may not have."""
    count = 0
    for number in range(4096):
        with suppress(OSError):
            os.fstat(number)
            count += 1
    return count


async def few_files(most: int, within: float = 30.0) -> None:
    """Until no more than these are open: what is closed goes with the next turns of the loop, and with its threads."""
    end = time.monotonic() + within
    while (count := open_files()) > most:
        assert time.monotonic() < end, f"{count} files are open, {most} were"
        await asyncio.sleep(0.02)


def _own_ports() -> Iterator[int]:
    """Ports below those that the kernel gives to whoever connects, and others in each worker of pytest-xdist."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 10_000 + worker * 300 % 21_000
    ports = list(range(first, first + 300))
    random.SystemRandom().shuffle(ports)  # several runs on one machine begin at different ones
    return itertools.cycle(ports)


_OWN_PORTS = _own_ports()


def free_port() -> int:
    """A port nobody listens on, and that nobody is given by chance before its server starts, or starts again."""
    for port in itertools.islice(_OWN_PORTS, 300):
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("all ports of this worker are taken")


def answers(port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class Server:
    """One program on one port. It can be stopped, killed and started again on the same port and folder."""

    def __init__(self, command: Callable[[int, Path], Sequence[str]], ready: Callable[[int], bool] = answers) -> None:
        self.port = 0
        self.folder = Path(tempfile.mkdtemp(prefix="gecc-server-"))
        self._command, self._ready = command, ready
        self.process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)

    @property
    def log(self) -> str:
        return (self.folder / "out.log").read_text(errors="replace")

    def start(self) -> None:
        for _ in range(5):
            port = self.port or free_port()
            if self._start_on(port):
                self.port = port
                return
        raise RuntimeError(f"did not start: {self.log}")

    def _start_on(self, port: int) -> bool:
        argv = self._command(port, self.folder)
        user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        with (self.folder / "out.log").open("ab") as log:
            self.process = subprocess.Popen(
                argv, cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, **user
            )
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._ready(port):
                return True
            time.sleep(0.005)
        self.kill()
        return False

    def stop(self) -> None:
        """SIGTERM, and its whole group by SIGKILL if that takes too long."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL: no goodbye, nothing saved."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(STOP_S)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def mosquitto(
    *,
    persistence: bool = False,
    max_queued_messages: int = 1_000_000,
    max_inflight_messages: int = 1000,
    lines: Sequence[str] = (),
    files: Mapping[str, bytes] = MappingProxyType({}),
) -> Iterator[Server]:
    """A Mosquitto for anyone on 127.0.0.1.

    `lines` go into its configuration, behind the listener; `files` lie in its folder, `{folder}` in a line.
    """
    program = need("mosquitto")

    def command(port: int, folder: Path) -> list[str]:
        config = [
            f"persistence {str(persistence).lower()}",
            f"persistence_location {folder}/",
            "autosave_on_changes true",
            "autosave_interval 1",
            f"max_queued_messages {max_queued_messages}",
            "max_queued_bytes 0",
            f"max_inflight_messages {max_inflight_messages}",
            "log_type error",
            f"listener {port} 127.0.0.1",
            "allow_anonymous true",
            *(line.format(folder=folder) for line in lines),
        ]
        for name, content in files.items():
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o644)
        path = folder / "mosquitto.conf"
        path.write_text("\n".join(config) + "\n")
        path.chmod(0o644)
        return [program, "-c", str(path)]

    with Server(command) as server:
        yield server


@contextmanager
def victoria_metrics() -> Iterator[Server]:
    """A VictoriaMetrics. Of different values written for one timestamp it shows any one, not the last."""
    program = need("victoria-metrics")

    def command(port: int, folder: Path) -> list[str]:
        return [
            program,
            f"-storageDataPath={folder}/data",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-retentionPeriod=100y",
            "-search.latencyOffset=0s",
            "-dedup.minScrapeInterval=1ms",
            "-memory.allowedBytes=256MB",
        ]

    def ready(port: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    with Server(command, ready) as server:
        yield server


@contextmanager
def influxd() -> Iterator[Server]:
    """Debian's InfluxDB: the storage of 1.6, without the write API of 2.x. Of values for one timestamp the last counts."""
    program = need("influxd")

    def command(port: int, folder: Path) -> list[str]:
        (folder / "influxdb.conf").write_text(
            f"""reporting-disabled = true
bind-address = "127.0.0.1:{free_port()}"
[meta]
dir = "{folder}/meta"
logging-enabled = false
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
[monitor]
store-enabled = false
"""
        )
        return [program, "run", "-config", f"{folder}/influxdb.conf"]

    def ready(port: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=1) as answer:
                return answer.status == 204
        except OSError:
            return False

    with Server(command, ready) as server:
        yield server


@contextmanager
def prometheus(targets: Sequence[str], scrape_interval: str = "1s", rules: str = "") -> Iterator[Server]:
    """A Prometheus that scrapes `targets` (host:port) and loads `rules` (YAML of rule groups)."""
    program = need("prometheus")

    def command(port: int, folder: Path) -> list[str]:
        (folder / "rules.yml").write_text(rules or "groups: []\n")
        (folder / "prometheus.yml").write_text(
            f"global: {{scrape_interval: {scrape_interval}, evaluation_interval: {scrape_interval}}}\n"
            f"rule_files: [{folder}/rules.yml]\n"
            f"scrape_configs: [{{job_name: gecc, static_configs: [{{targets: {list(targets)!r}}}]}}]\n"
        )
        return [
            program,
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-lifecycle",
            "--log.level=warn",
        ]

    def ready(port: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    with Server(command, ready) as server:
        yield server
