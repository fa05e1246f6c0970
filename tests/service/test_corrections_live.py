"""Corrections by hand while the service runs: taken in within moments, everywhere at once, and once whatever happens."""

from __future__ import annotations

import time

import pytest

from kpis.results import KPIS
from telemetry import corrections
from telemetry.__main__ import main
from telemetry.archive.signing import Signer
from telemetry.commands.common import load
from telemetry.correcting import put
from telemetry.events import VOIDED, Decoded, Event
from telemetry.journal import Journal, Unit
from telemetry.journal_reader import JournalReader
from telemetry.metric_names import today_name
from tests.service.harness import CENTRE, Gecc, journal_events, noon_zone, wait_until, write_config

SAID = ("--by", "หัวหน้าศูนย์", "--why", "พิมพ์บัตรซ้ำ")
TICKETS = 5


@pytest.fixture
def config(tmp_path):
    """A centre whose kiosk has issued five tickets today."""
    file = write_config(tmp_path, CENTRE.replace("[[sites]]", f'[[sites]]\ntimezone = "{noon_zone()}"', 1))
    now_us = time.time_ns() // 1000
    events = [
        Event("nonthaburi", "nonthaburi/kiosk-1", f"k:{n}", "ticket.issued", now_us - (n + 1) * 60_000_000, "idcard", f"A{n:03}")
        for n in range(TICKETS)
    ]  # fmt: skip
    journal = Journal(tmp_path / "data")
    journal.commit([Unit("nonthaburi/kiosk-1", Decoded(events), now_us)])
    journal.close()
    return file


def correct(config, *arguments):
    return main(
        [
            "correct",
            *arguments,
            "--data",
            str(config.parent / "data"),
            "--config",
            str(config),
            "--site",
            "nonthaburi",
            *SAID,
        ]
    )


def shown(service) -> set[float]:
    """The tickets of today, wherever they are told."""
    page = service.metrics()
    metric = next(v for k, v in page.items() if k.startswith(today_name(KPIS["tickets_issued"])) and "nonthaburi" in k)
    board = service.json("/v1/board", site="nonthaburi")["now"]["tickets_waiting"]
    return {metric, service.figures(site="nonthaburi")["tickets_issued"]["value"], board}


def test_a_correction_is_taken_in_while_the_service_runs_and_shown_everywhere(config, capsys):
    with Gecc(config) as service:
        assert shown(service) == {5}
        assert correct(config, "void", "1") == 0
        assert capsys.readouterr().out == "nonthaburi: void of #1 is #6\n"
        wait_until(lambda: shown(service) == {4}, "the void is not shown")
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 30))
        for name in ("B001", "B002"):
            assert (
                correct(config, "add", "--type", "ticket.issued", "--time", at, "--unit", "idcard", "--contact", name)
                == 0
            )
        wait_until(lambda: shown(service) == {6}, "what was added is not shown")
        assert correct(config, "void", "6") == 0
        wait_until(lambda: shown(service) == {7}, "what was taken back is not shown")
        health = service.json("/healthz")["corrections"]
        assert health == {"taken": 4, "refused": {}}
        # Whatever else lies there, it harms nobody and is told.
        folder = config.parent / "data" / "corrections"
        (folder / "0.json").write_bytes(b"\x00\xff")
        (folder / "1.json").mkdir()
        wait_until(lambda: "0.json" in service.json("/healthz")["corrections"]["refused"], "not refused")
        wait_until(lambda: "problem" in service.json("/healthz")["corrections"], "not told")
        assert correct(config, "void", "2") == 0
        wait_until(lambda: shown(service) == {6}, "the service does not go on")
        assert service.stop() == 0


def test_killed_between_the_journal_and_the_file_it_counts_a_correction_once(config):
    data, site = config.parent / "data", load(config).sites[0]
    one = corrections.void(JournalReader(data), site, 1, by="หัวหน้าศูนย์", why="พิมพ์ซ้ำ", now_us=time.time_ns() // 1000)
    left = put(data, "one", one.signed(Signer(data / "archive")).text)
    with Gecc(config, {"GECC_CRASHPOINT": "after_correction:1"}) as service:
        wait_until(lambda: not service.is_alive(), "was not killed")
    assert left.exists()
    with Gecc(config) as service:
        wait_until(lambda: not left.exists(), "the file stays")
        assert shown(service) == {4}
        assert service.json("/healthz")["corrections"] == {"taken": 1, "refused": {}}
    assert [e.type for e in journal_events(config.parent / "data")].count(VOIDED) == 1
