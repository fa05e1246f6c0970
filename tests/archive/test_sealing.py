"""Sealing as a service and as a command."""

from __future__ import annotations

import json
import logging

import pytest

from telemetry.archive.store import locked
from telemetry.config import Config
from telemetry.sealing import Sealing
from telemetry.settings import Archive
from tests.archive.conftest import LAB, OTHER, at, visit


@pytest.fixture
def full(room):
    for number in (2, 3, 4):
        room.take(visit(number, 0))
        room.take(visit(number, 1, site="other"))
    return room


def service(room, now_us, **archive):
    config = Config(data=room.data, sites=(LAB, OTHER), archive=Archive(**archive))
    return Sealing(config, version="1.0", clock=lambda: now_us / 1e6)


def test_the_days_of_every_site_are_sealed_as_they_become_due(full):
    assert service(full, at(5, 12)).once() == 0
    sealing = service(full, at(6, 12))
    assert sealing.once() == 2
    assert sealing.health()["last"]["lab"]["day"] == "2026-03-02"
    assert sealing.once() == 0


def test_the_grace_is_the_one_that_is_set(full):
    assert service(full, at(3, 2), seal_after_h=1).once() == 1  # the second of March is over in Bangkok, not in Berlin


def test_a_site_whose_archive_is_damaged_is_told_and_keeps_no_other_waiting(full, caplog):
    service(full, at(6, 12)).once()
    (full.data / "archive" / "lab" / "2026" / "2026-03-02" / "checkpoint.txt").write_bytes(b"other")
    sealing = service(full, at(7, 12))
    with caplog.at_level(logging.ERROR):
        assert sealing.once() == 1
        assert sealing.once() == 0
    assert "checkpoint.txt" in sealing.health()["problems"]["lab"]
    assert len(caplog.records) == 1  # told once, not every hour
    assert [d.checkpoint.day.day for d in full.store.verify("other")] == [2, 3]


def test_two_never_seal_at_once(full):
    sealing = service(full, at(6, 12))
    with locked(full.data):
        assert sealing.once() == 0
        assert "another process" in sealing.health()["problems"][""]
    assert sealing.once() == 2
    assert sealing.health()["problems"] == {}


def test_the_command_seals_what_is_due_and_checks_it(full, gecc):
    code, out, _ = gecc("seal", "--data", full.data, "--site", "lab", "--json")
    sealed = json.loads(out)
    assert (code, sealed[0]["day"], sealed[0]["events"]) == (0, "2026-03-02", 5)
    code, out, _ = gecc("seal", "--data", full.data, "--site", "lab", "--verify")
    assert code == 0
    assert f"{len(sealed)} seals checked" in out


def test_the_command_names_what_was_changed(full, gecc):
    gecc("seal", "--data", full.data, "--site", "lab")
    path = full.data / "archive" / "lab" / "2026" / "2026-03-03" / "gaps.json"
    path.write_bytes(b"[]" if path.read_bytes() != b"[]" else b"[{}]")
    code, _, said = gecc("seal", "--data", full.data, "--site", "lab", "--verify")
    assert code == 1
    assert "2026-03-03/gaps.json: was changed after it was sealed" in said
