"""A telephone log followed while it is written, rotated, and its reader killed: the figures are those of the whole log."""

from __future__ import annotations

import json
import shutil
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from collectors.formats import FORMATS
from tests.service.harness import Gecc, Lives, journal_events, stored, tally, wait_until, write_config

LAB = Path(__file__).resolve().parents[1] / "data" / "asterisk-lab"
EXPECTED = json.loads((LAB / "expected.json").read_text())
SITE = """
[[sites]]
id = "lab"
timezone = "UTC"
fcr_window_s = 300
[[sites.sources]]
id = "pbx"
format = "asterisk_queue_log"
tail = "logs/queue_log"
"""
WRITE_S = 12.0
ROTATIONS = 8
VALUES = {
    # expected.json → the KPI whose value it is
    "calls_offered": "calls_offered", "calls_answered": "calls_answered", "calls_abandoned": "calls_abandoned",
    "calls_timed_out": "calls_timed_out", "calls_no_agent": "calls_no_agent", "calls_left_by_key": "calls_left_by_key",
    "abandoned_call_rate": "abandoned_call_rate", "abandoned_call_rate_plain": "abandoned_call_rate_plain",
    "abandoned_call_rate_excluding_short": "abandoned_call_rate_excluding_short", "service_level": "service_level_rate",
    "asa_seconds": "asa_seconds", "wait_p50": "call_wait_seconds_p50", "wait_p90": "call_wait_seconds_p90",
    "queue_entries": "queue_entries",
}  # fmt: skip
NUMERATORS = {
    "calls_lost": "abandoned_call_rate", "answered_within_3_rings": "answered_within_3_rings_rate",
    "answered_within_3_rings_last_attempt": "answered_within_3_rings_rate_last_attempt",
    "answered_within_target": "service_level_rate", "talk_seconds": "talk_seconds_mean",
}  # fmt: skip


def lines_of_the_past() -> list[bytes]:
    """The lab's log as if its last line had been written an hour ago: a live source refuses what is ahead of its clock."""
    rows = [line.split(b"|", 1) for line in (LAB / "queue_log").read_bytes().splitlines()]
    shift = int(time.time()) - 3600 - int(rows[-1][0])
    return [b"%d|%s\n" % (int(at) + shift, rest) for at, rest in rows]


def rotate(log: Path, kind: str) -> None:
    """As logrotate does it: the numbers move up, then the log is renamed, or copied and cut."""
    for n in range(ROTATIONS, 0, -1):
        old = log.with_name(f"{log.name}.{n}")
        if old.exists():
            old.rename(log.with_name(f"{log.name}.{n + 1}"))
    first = log.with_name(f"{log.name}.1")
    if kind == "copytruncate":
        shutil.copy2(log, first)
        with log.open("r+b") as opened:
            opened.truncate(0)
    else:
        log.rename(first)
        log.touch()


def write(log: Path, lines: list[bytes], kind: str) -> None:
    """One line at a time, rotated between two lines every now and then; Asterisk opens and closes it for each."""
    began = time.monotonic()
    for i, line in enumerate(lines, 1):
        with log.open("ab", buffering=0) as opened:
            opened.write(line)
        if i % (len(lines) // (ROTATIONS + 1)) == 0 and i < len(lines) - ROTATIONS:
            rotate(log, kind)
        time.sleep(max(0.0, began + WRITE_S * i / len(lines) - time.monotonic()))


def compare(figures: dict, expected: dict) -> None:
    got = {name: figures[kpi]["value"] for name, kpi in VALUES.items()}
    got |= {name: figures[kpi]["numerator"] for name, kpi in NUMERATORS.items()}
    offered, not_short = (
        figures[k]["denominator"] for k in ("abandoned_call_rate", "abandoned_call_rate_excluding_short")
    )
    got["calls_short_abandoned"] = offered - not_short
    bins = figures["rings_to_answer"]["value"]
    got["rings_histogram"] = {label.rstrip("+"): n for label, n in bins.items() if n}
    assert got == {
        name: pytest.approx(expected[name], rel=1e-12) if name != "rings_histogram" else expected[name] for name in got
    }


@pytest.mark.parametrize("kind", ["rename and create", "copytruncate"])
def test_a_log_followed_through_rotations_and_kills_gives_exactly_its_figures(tmp_path, kind, tell):
    log = tmp_path / "logs" / "queue_log"
    log.parent.mkdir()
    log.touch()
    config = write_config(tmp_path, SITE)
    with Gecc(config) as first:
        first.stop()
    data, lines = tmp_path / "data", lines_of_the_past()
    events = (
        FORMATS["asterisk_queue_log"].make(site="lab", source="lab/pbx").feed([x.rstrip() for x in lines], 0).events
    )
    writer = threading.Thread(target=write, args=(log, lines, kind))
    with Lives(config, "--signal", str(int(signal.SIGKILL)), "--seconds", "0.2", "3.2") as lives:
        lives.launch()
        # A log that was copied and cut before anybody had read of it looks as if it had always been empty.
        wait_until(lambda: "listening on" in lives.log, "does not start")
        writer.start()
        writer.join()
        wait_until(lambda: stored(data) >= len(events) or not lives.is_alive(), "the log is not taken whole", 60)
        assert lives.is_alive(), lives.log
        lives.stop()
        kills = lives.ended().count(-signal.SIGKILL)
    with Gecc(config) as service:
        time.sleep(3)  # whatever would come twice, comes now
        total = service.figures(site="lab")
        by_unit = {}
        for row in service.json("/v1/kpis", site="lab", by="unit"):
            by_unit.setdefault(row["unit"], {})[row["kpi"]] = row
        assert service.stop() == 0
    tell(f"{kind}: {kills} kills, {ROTATIONS} rotations, {stored(data)} events of {len(events)}, "
         f"{tally(data, 'duplicates')} came again, {tally(data, 'gaps')} gaps")  # fmt: skip
    assert kills >= 2
    assert Counter(e.id for e in journal_events(data)) == Counter(e.id for e in events)
    assert tally(data, "duplicates") == 0, "a cursor is committed with its lines"
    compare(total, EXPECTED["total"])
    for queue, expected in EXPECTED["by_first_queue"].items():
        compare(by_unit[queue], expected)
    fcr = total["first_contact_resolution_rate"]
    assert (fcr["denominator"], fcr["denominator"] - fcr["numerator"]) == (
        EXPECTED["fcr"]["300"]["eligible"],
        EXPECTED["fcr"]["300"]["repeated"],
    )
