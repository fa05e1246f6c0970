"""What a decoder of SMDR lines promises whatever the lines hold."""

from __future__ import annotations

import json
import random
from pathlib import Path

from hypothesis import strategies as st

from telemetry.events import EVENT_TYPES, MAX_NAME, MISSING, REJECT_REASONS, UNKNOWN

HERE = Path(__file__).parent
RECEIVED_US = 1_769_914_800_000_000
"""2026-02-01 03:00Z: the day of the cases."""


def true_lines(format_):
    """Every line of the format's cases, readable or not."""
    return [line for path in sorted((HERE / format_).glob("*/input.*")) for line in path.read_bytes().split(b"\n")[:-1]]


def hostile(format_):
    """Lines of any bytes, and true lines with a few of their bytes cut, put in, or changed."""
    true = true_lines(format_)

    @st.composite
    def mutated(draw):
        line = bytearray(draw(st.sampled_from(true)))
        for _ in range(draw(st.integers(0, 4))):
            at = draw(st.integers(0, len(line)))
            piece = draw(
                st.sampled_from((b"", b"", b" ", b"9", b",", b":", b"'", b"/", b"<I>", b"-1", b"*"))
                | st.binary(max_size=3)
            )
            line[at : at + draw(st.integers(0, 3))] = piece
        return bytes(line)

    return st.lists(st.one_of(mutated(), mutated(), mutated(), st.binary(max_size=120)), max_size=12)


def keeps_its_promises(decoder, lines):
    """Feeds the lines one by one; every one must come out as events, as a reject, or counted."""
    for line in lines:
        got = decoder.feed([line], RECEIVED_US)
        assert bool(got.events) + len(got.rejected) + got.ignored == 1
        assert {no.reason for no in got.rejected} <= REJECT_REASONS.keys()
        assert all(no.detail and no.raw == line for no in got.rejected)
        for event in got.events:
            row = EVENT_TYPES[event.type]
            assert all(getattr(event, need) for need in row.needs)
            assert all(len(name.encode()) <= MAX_NAME for name in (event.unit, event.contact, event.party, event.id))
            assert all(v in (MISSING, UNKNOWN) or 0 <= v < 2**53 for v in (event.a, event.b, event.c))
            assert 0 < event.time_us < 2**62
            assert not event.extra or json.loads(event.extra)
        decoder.load(decoder.dump())


def in_one_go(make, lines):
    return make().feed(lines, RECEIVED_US).events


def in_pieces(make, lines, seed):
    """By decoders that are stopped and taken up again between any two lines."""
    rng = random.Random(seed)
    events, state, at = [], "", 0
    while at < len(lines):
        decoder = make()
        decoder.load(state)
        until = at + rng.randint(1, 5)
        events += decoder.feed(lines[at:until], RECEIVED_US).events
        state, at = decoder.dump(), until
    return events


def stored(events):
    """What the journal keeps: of equal ids the first."""
    kept = {}
    for event in events:
        kept.setdefault(event.id, event)
    return list(kept.values())
