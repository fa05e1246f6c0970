"""What every format of lines promises, as checks that its own test calls with its own lines."""

from __future__ import annotations

import json
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from collectors.formats import FORMATS
from collectors.formats.options import Options
from telemetry.events import EVENT_TYPES, MAX_NAME, MISSING, REJECT_REASONS, UNKNOWN, Decoded
from tests.formats.test_formats import context
from tests.kpis.made import SITE, figures

HERE = Path(__file__).parent
BANGKOK = ZoneInfo("Asia/Bangkok")
NEAR_US = 1_795_226_400_000_000


def decoder(format_, settings=None):
    return FORMATS[format_].make(site=SITE.id, source="pbx", options=Options(**(settings or {})))


def cases(format_):
    """Settings and lines of each case of a format."""
    for folder in sorted((HERE / format_).glob("*/")):
        (path,) = folder.glob("input.*")
        yield context(folder).get("options", {}), path.read_bytes().split(b"\n")[:-1]


def read(format_, lines, settings=None, state=""):
    log = decoder(format_, settings)
    log.load(state)
    return log.feed(lines, NEAR_US), log


def sound(format_, lines, settings=None):
    """Each line becomes events, one reject, or is counted; events are such as the journal takes."""
    guess = FORMATS[format_].recognise(lines)
    assert guess is None or 0 < guess.sure <= 1
    log = decoder(format_, settings)
    for line in lines:
        got = log.feed([line], NEAR_US)
        assert isinstance(got, Decoded)
        assert bool(got.events) + len(got.rejected) + got.ignored == 1, (line, got)
        for no in got.rejected:
            assert no.reason in REJECT_REASONS
            assert (no.raw, no.site, no.source) == (line, SITE.id, "pbx")
        for event in got.events:
            row = EVENT_TYPES[event.type]
            assert all(getattr(event, need) for need in row.needs), event
            names = (event.unit, event.contact, event.party, event.id)
            assert all(len(name.encode()) <= MAX_NAME for name in names), event
            assert all(v in (MISSING, UNKNOWN) or 0 <= v < 2**53 for v in (event.a, event.b, event.c)), event
            assert 0 < event.time_us < 2**53, event
            assert not event.extra or json.loads(event.extra)
        log.load(log.dump())


def same_however_divided(format_, lines, settings, cuts):
    """Batches that end anywhere, and a restart of the service between any two of them, change nothing."""
    whole, _ = read(format_, lines, settings)
    parts, state = Decoded(), ""
    places = sorted(cut % (len(lines) + 1) for cut in cuts)
    for begin, end in zip([0, *places], [*places, len(lines)], strict=True):
        got, log = read(format_, lines[begin:end], settings, state)
        state = log.dump()
        parts.events += got.events
        parts.rejected += got.rejected
        parts.ignored += got.ignored
    assert parts == whole


def same_when_read_again(format_, lines, settings=None):
    """The same file under another name gives the same ids, and no id twice."""
    first, log = read(format_, lines, settings)
    log.restart()
    again = log.feed(lines, NEAR_US)
    assert again.events == first.events
    ids = [event.id for event in first.events]
    assert len(set(ids)) == len(ids)


def _spoilt(line, at, junk, how):
    """A true line with something put in, cut out, or put in the place of a cell."""
    if how == 0:
        return line[:at] + junk + line[at:]
    if how == 1:
        return line[:at] + line[at + len(junk) :]
    cells = line.split(b",")
    cells[at % len(cells)] = junk
    return b",".join(cells)


JUNK = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        (b"", b"-1", b"0", b"1e9", b"9" * 12, b"99999999999999999999", b'"', b'""', b",", b";", b"\xa1\xd2", b"\n",
         b"Call ", "๑๒".encode(), b"2569/02/29 24:00:00", b"cdrRecordType", b"time-start", b"1.5", b"Ext.", b"10", b"4")
    ),
)  # fmt: skip


def hostile(lines):
    """Any bytes, and true lines that were spoilt."""
    true = st.sampled_from(lines)
    spoilt = st.builds(_spoilt, true, st.integers(0, 300), JUNK, st.integers(0, 2))
    return st.lists(st.one_of(true, spoilt, st.binary(max_size=120)), max_size=12)


def simulated(module, calls):
    """The lines that a make would write of these calls."""
    return [one.data.rstrip(b"\n") for one in module.written(calls, BANGKOK)]


def measured(events):
    """What the core makes of events; a caller's number stands for its token."""
    return figures(
        [e._replace(person="", caller=int(e.person) if e.person.isdigit() else 0) for e in events], SITE
    ).measures


def truth(calls):
    """The same measures, counted from the calls themselves."""
    answered = [c for c in calls if c.outcome == "answered"]
    return {
        "calls_offered": len(calls),
        "calls_answered": len(answered),
        "calls_timed_out": sum(c.outcome == "timed_out" for c in calls),
        "calls_no_agent": sum(c.outcome == "no_agent" for c in calls),
        "answered_wait_known": len(answered),
        "answered_wait_ms": sum(c.answer_us - c.arrival_us for c in answered) // 1000,
        "answered_caller_unknown": sum(not c.number for c in answered),
    }
