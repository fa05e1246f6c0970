"""Lines that are looked at together become what each becomes by itself: plain, odd and damaged ones."""

from __future__ import annotations

import random
from functools import cache
from importlib import import_module

import pytest

from collectors.formats import FORMATS, asterisk_queue_log, scanned
from collectors.formats.options import Options
from telemetry.events import Decoded
from tests.bench.logs import BANGKOK, LAB, LOGS
from tests.formats.sim_calls import some_calls
from tests.formats.test_formats import HERE, context
from tests.fuzz.spoiling import spoilt

SCANNED = [
    name for name, row in FORMATS.items() if isinstance(row.make, type) and issubclass(row.make, scanned.ScannedFormat)
]
NEAR_US = 1_795_226_400_000_000
BOTH_WAYS = [*SCANNED, "asterisk_queue_log"]
LEAST_PLAIN = 0.95
"""Of a make's own log; else the scan would be of no use."""


@cache
def simulated(format_):
    if format_ == "asterisk_queue_log":
        return LAB.read_bytes().splitlines()[:400]
    make = import_module(f"telemetry.simulate.makes.{format_}")
    return [one.data.rstrip(b"\r\n") for one in make.written(some_calls(11, 150), BANGKOK)]


@cache
def worlds(format_):
    """Settings and true lines: simulated ones, and those of each case."""
    out = [(LOGS[format_].settings, simulated(format_))]
    for folder in sorted((HERE / format_).glob("*/")):
        (path,) = folder.glob("input.*")
        out.append((context(folder).get("options", {}), path.read_bytes().split(b"\n")[:-1]))
    return [(settings, lines) for settings, lines in out if lines]


def decoder(format_, settings):
    return FORMATS[format_].make(site="s", source="pbx", options=Options(**settings))


def singly(format_, settings, lines):
    log, out = decoder(format_, settings), Decoded()
    for line in lines:
        out.join(log.feed([line], NEAR_US))
    return out, log.dump()


def together(format_, settings, lines):
    log = decoder(format_, settings)
    return log.feed(lines, NEAR_US), log.dump()


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch):
    """So that short lists of lines are looked at together, in several parts."""
    monkeypatch.setattr(scanned, "MANY", 2)
    monkeypatch.setattr(scanned, "AT_ONCE", 97)
    monkeypatch.setattr(asterisk_queue_log, "_MANY", 2)
    monkeypatch.setattr(asterisk_queue_log, "_AT_ONCE", 97)


@pytest.mark.parametrize("format_", SCANNED)
def test_the_lines_that_a_make_writes_are_plain_and_become_the_same_both_ways(format_, monkeypatch):
    lines, settings = simulated(format_), LOGS[format_].settings
    log = decoder(format_, settings)
    log.feed(lines[:5], NEAR_US)
    cells, columns = log._scan(lines[5:], NEAR_US)
    assert cells.plain.sum() > LEAST_PLAIN * len(lines[5:])
    assert {len(column) for column in columns} == {cells.rows}
    one, state = singly(format_, settings, lines)
    assert together(format_, settings, lines) == (one, state)
    assert together(format_, settings, [line + b"\r" for line in lines]) == singly(
        format_, settings, [line + b"\r" for line in lines]
    )
    read = log._read
    singles = []
    monkeypatch.setattr(log, "_read", lambda line, received_us: singles.append(line) or read(line, received_us))
    log.feed(lines, NEAR_US)
    assert len(singles) < (1 - LEAST_PLAIN) * len(lines) + len(lines) // 97 + 3


@pytest.mark.parametrize("format_", BOTH_WAYS)
@pytest.mark.parametrize("seed", range(40))
def test_damaged_lines_become_the_same_whether_looked_at_together_or_singly(format_, seed):
    rng = random.Random(f"{format_}.{seed}")
    settings, true = worlds(format_)[seed % len(worlds(format_))]
    share = rng.choice((0.02, 0.2, 0.7))
    lines = [rng.choice(true) if rng.random() < 0.5 else true[n % len(true)] for n in range(250)]
    lines = [spoilt(rng, line, true).replace(b"\n", b"") if rng.random() < share else line for line in lines]
    assert together(format_, settings, lines) == singly(format_, settings, lines)


@pytest.mark.parametrize("format_", BOTH_WAYS)
@pytest.mark.parametrize("seed", range(25))
def test_a_byte_changed_anywhere_changes_both_ways_alike(format_, seed):
    rng = random.Random(f"{format_}.byte.{seed}")
    settings, true = worlds(format_)[0]
    lines = []
    for _ in range(250):
        line = bytearray(rng.choice(true))
        at = rng.randrange(len(line) + 1)
        line[at : at + rng.randrange(2)] = rng.choice(
            (b"", b'"', b",", b" ", b"0", b"9", b"/", b":", b"x", b'""', b".", b"-", b";")
        )
        lines += [bytes(line), rng.choice(true)]
    assert together(format_, settings, lines) == singly(format_, settings, lines)


@pytest.mark.parametrize("format_", BOTH_WAYS)
def test_a_line_that_holds_a_line_end_spoils_none_beside_it(format_):
    settings, true = worlds(format_)[0]
    lines = [*true[:100], true[50] + b"\n" + true[51], *true[100:200], b"\n", *true[200:300]]
    assert together(format_, settings, lines) == singly(format_, settings, lines)
