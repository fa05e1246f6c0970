"""A disk that is full or fails: what cannot be kept is not acknowledged, and nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.publisher import Publisher
from tests.servers import mosquitto, need
from tests.service.harness import Gecc, fetch, journal_events, stored, tally, wait_until, write_config

TOPIC = "gecc/v1/nonthaburi/kiosk-1/ticket"
DISK_MB = 4


def messages(first: int, count: int) -> list[bytes]:
    stamp = datetime.now(UTC).isoformat()
    return [
        json.dumps({"event": "issued", "ticket": f"A{i}", "service": "idcard", "boot": "k1", "seq": i, "time": stamp, "note": "x" * 400}).encode()
        for i in range(first, first + count)
    ]  # fmt: skip


def ids(data: Path) -> Counter[str]:
    return Counter(e.id for e in journal_events(data))


def expected(count: int) -> Counter[str]:
    return Counter(f"k1:{i:010d}" for i in range(1, count + 1))


def is_full(service: Gecc) -> bool:
    with suppress(OSError):  # it may just be going
        return "disk is full" in fetch(f"{service.url}/readyz")
    return False


class OnSmallDisk(Gecc):
    """The service whose data folder is a small file system of its own, which only it sees."""

    def __init__(self, config: Path) -> None:
        super().__init__(config)
        self.data.mkdir()
        mount = f"mount -t tmpfs -o size={DISK_MB}m none {self.data}"
        namespace = [need("unshare"), "-m"] if os.geteuid() == 0 else [need("unshare"), "-rm"]
        if subprocess.run([*namespace, "sh", "-c", mount], capture_output=True).returncode:
            pytest.skip("no file system may be mounted here, not even in a namespace of our own")
        fill = f"dd if=/dev/zero of={self.data}/ballast bs=1024 count={DISK_MB * 1024 - 1500} status=none"
        self._argv = [*namespace, "sh", "-c", f'{mount} && {fill} && exec "$@"', "sh", *self._argv]

    @property
    def inside(self) -> Path:
        """The data folder as the service sees it."""
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/root{self.data}")

    def copied(self) -> Path:
        """A copy of it at a quiet moment: SQLite cannot be sent there, it resolves the path in our own namespace."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        for file in self.inside.glob("journal.db*"):
            shutil.copy(file, folder)
        return folder


def test_a_full_disk_stops_acknowledgement_and_when_there_is_room_everything_is_there(tmp_path, tell):
    count = 4000
    with mosquitto() as broker, OnSmallDisk(write_config(tmp_path, mqtt_port=broker.port)) as service:
        with Publisher(broker.port) as publisher:
            publisher.publish(TOPIC, messages(1, count))
        wait_until(lambda: is_full(service), "not full")
        assert json.loads(fetch(f"{service.url}/readyz"))["not_connected"] == {}
        kept = stored(service.copied())
        time.sleep(3)
        assert service.is_alive()
        assert stored(service.copied()) == kept < count
        assert "gecc_tickets_issued_total" in fetch(f"{service.url}/metrics"), "it goes on answering"
        (service.inside / "ballast").unlink()
        counter = 'gecc_tickets_issued_total{site="nonthaburi",unit="idcard"}'
        wait_until(lambda: service.metrics()[counter] >= count, "not taken after there was room")
        assert json.loads(fetch(f"{service.url}/readyz")) == {"problems": [], "not_connected": {}}
        time.sleep(1.5)  # whatever would count twice, counts now
        assert service.metrics()[counter] == count
        copy = service.copied()
        assert service.stop() == 0
    assert ids(copy) == expected(count)
    again = tally(copy, "duplicates")
    tell(f"full disk: {count} messages, {kept} before it was full, 0 lost, 0 doubled, {again} came again")


def test_asked_to_go_while_the_disk_is_full_it_goes_and_what_it_had_stays_with_the_broker(tmp_path):
    count = 4000
    with mosquitto() as broker:
        config = write_config(tmp_path, mqtt_port=broker.port)
        with OnSmallDisk(config) as service:
            with Publisher(broker.port) as publisher:
                publisher.publish(TOPIC, messages(1, count))
            wait_until(lambda: is_full(service), "not full")
            kept = ids(service.copied())
            assert service.stop() == 0
        with Gecc(config) as roomy:  # on another, empty disk: it gets exactly what was not acknowledged
            wait_until(lambda: stored(roomy.data) >= count - len(kept), "not everything came again")
            assert (kept | ids(roomy.data)).keys() == expected(count).keys()
            assert roomy.stop() == 0


@pytest.mark.parametrize("at", [1, 2, 7, 30])
def test_a_disk_that_fails_at_a_commit_ends_the_service_and_the_broker_keeps_what_was_not_stored(tmp_path, at, tell):
    """EIO at the n-th synchronisation of the thread that commits: after it nothing that was said to be stored is sure."""
    trace = [need("strace"), "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync"]
    count = 20_000  # enough for that many commits also where each takes much at once
    with mosquitto() as broker:
        config = write_config(tmp_path, mqtt_port=broker.port)
        with Gecc(config) as first:  # so that schema and names are there, and only commits are left to fail
            first.stop()
        failing = Gecc(config)
        failing._argv = [*trace, "-e", f"inject=fdatasync,fsync:error=EIO:when={at}+", *failing._argv]
        with failing, Publisher(broker.port) as publisher:
            sent = 0
            while sent < count and failing.is_alive():
                publisher.publish(TOPIC, messages(sent + 1, 50))
                sent += 50
                time.sleep(0.02)
            wait_until(lambda: not failing.is_alive(), "goes on after the disk has failed")
            code = failing.process.wait() if failing.process else None
        said = failing.log
        with Gecc(config) as again:
            with suppress(AssertionError):
                wait_until(lambda: stored(again.data) >= sent, "")
            assert ids(again.data) == expected(sent)
            assert again.stop() == 0
    tell(f"EIO at synchronisation {at}: {sent} messages, exit code {code}, 0 lost, 0 doubled")
    assert code == 1, said
    assert said.rstrip().endswith("journal.db: disk I/O error"), said
    assert "Traceback" not in said


def test_a_file_that_may_not_grow_ends_or_holds_the_service_and_nothing_is_lost(tmp_path, tell):
    """RLIMIT_FSIZE: a write is cut short, the next one fails."""
    limit = 600 * 1024
    run = f"import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); sys.argv[0] = 'gecc'; runpy.run_module('telemetry', run_name='__main__')"
    with mosquitto() as broker:
        config = write_config(tmp_path, mqtt_port=broker.port)
        with Gecc(config) as first:
            first.stop()
        held = Gecc(config)
        held._argv = [sys.executable, "-c", run, "run", "--config", str(config)]
        with held, Publisher(broker.port) as publisher:
            publisher.publish(TOPIC, messages(1, 3000))
            wait_until(lambda: not held.is_alive() or is_full(held), "took more than there was room for")
            kept, alive = stored(held.data), held.is_alive()
            if alive:
                held.stop()
        assert kept < 3000
        with Gecc(config) as again:
            wait_until(lambda: stored(again.data) >= 3000, "not everything came again")
            assert ids(again.data) == expected(3000)
            assert again.stop() == 0
    tell(f"file size limit: 3000 messages, {kept} before it, {'held' if alive else 'ended'}, 0 lost, 0 doubled")


def test_killed_while_the_disk_is_full_nothing_is_lost(tmp_path):
    count = 4000
    with mosquitto() as broker:
        config = write_config(tmp_path, mqtt_port=broker.port)
        with OnSmallDisk(config) as service:
            with Publisher(broker.port) as publisher:
                publisher.publish(TOPIC, messages(1, count))
            wait_until(lambda: is_full(service), "not full")
            kept = ids(service.copied())
            assert service.kill() == -signal.SIGKILL
        with Gecc(config) as roomy:
            wait_until(lambda: (kept | ids(roomy.data)).keys() >= expected(count).keys(), "something is lost")
