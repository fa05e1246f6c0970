"""Calls that no PBX should tell of: any lines in any order and number, told by several logs, a day or half a day apart to
the second, from numbers that call again and again, from test numbers; and what there is of telephones beside calls."""

from __future__ import annotations

from hypothesis import strategies as st

from telemetry.events import EVENT_TYPES, MISSING, UNKNOWN, Event
from tests.kpis.second_reading.call_sources import EXITS, LOGS

S = 1_000_000
QUEUES = ("idcard", "info")
TOKENS = (0x1B4E_81B5_9E2F_03A7, -0x6A09_E667_F3BC_C908, 0x3C6E_F372_FE94_F82B)
WORDS = (
    *("call.entered",) * 4, *("call.connected",) * 2, "call.completed", "call.completed", "call.transferred",
    "call.transferred", "call.ring_no_answer", "call.ring_no_answer", "call.ring_cancelled", "call.agent_dumped",
    "call.did", "call.abandoned", "call.held", "call.held", "call.voicemail", *EXITS,
)  # fmt: skip
STORIES = (
    "call.did call.entered call.connected call.completed",
    "call.entered call.abandoned",
    "call.entered call.connected call.transferred call.entered call.connected call.completed",
    "call.entered call.connected call.transferred call.turned_away_full",
    "call.entered call.left_by_key",
    "call.entered call.timed_out call.entered call.connected",
    "call.turned_away_closed",
    "call.turned_away_full call.entered call.abandoned",
    "call.entered",
    "call.did call.voicemail",
    "call.did call.entered call.connected call.held call.completed call.held",
    "call.entered call.timed_out call.voicemail",
    "call.entered call.ring_no_answer call.ring_no_answer call.ring_no_answer call.connected",
)
BEGINS_S = (
    0, 0, 60, 60, 299, 300, 420, 599, 600, 1799, 1800, 3599, 3600, 5399, 5400, 14_400, 43_199, 43_200, 43_201, -43_200,
    -86_399, -86_400, -86_401,
)  # fmt: skip
PARTS_US = (0, 0, 0, 0, 1, 499, 500, 501, 999, 500_000)
GAPS_US = (
    0, 0, 1, 2, 500, 499_500, 500_000, S, S, 2 * S, 2 * S, 5 * S, 15 * S, 20 * S, 20 * S + 500, 120 * S, 1800 * S,
    14_401 * S,
)  # fmt: skip
AROUND_US = (-1000, -500, 0, 0, 500)
RETURNS = (
    *("call.connected",) * 2, "call.abandoned", "call.timed_out", "call.left_by_key", *("call.outbound",) * 2,
)  # fmt: skip
OPENS_S = (420, 600, 5400)
"""When centres of the worlds open, after the beginning."""
LENGTHS_MS = (0, 1, 999, 4999, 5000, 14_999, 15_000, 18_000, 20_000, 20_001, 3_600_000, MISSING, UNKNOWN, -5000)


@st.composite
def calls(draw, start_us, site):
    """A few calls of one site, each the list of what all sources tell of it."""
    return [draw(call(start_us, site)) for _ in range(draw(st.integers(0, 4)))] + draw(early(start_us, site))


@st.composite
def early(draw, start_us, site):
    """Calls that were answered about when the centre opened."""
    out = []
    for n in range(draw(st.integers(0, 2))):
        begin_s = draw(st.sampled_from((0, 300, 3600)))
        wait_ms = max((draw(st.sampled_from(OPENS_S)) - begin_s) * 1000 + draw(st.sampled_from((-1, 0, 0, 1))), 0)
        t = start_us + begin_s * S
        place = QUEUES[0], f"early-{n}"
        entered = Event(site.id, "pbx", "", "call.entered", t, *place)
        out.append([entered, Event(site.id, "pbx", "", "call.connected", t + wait_ms * 1000, *place, a=wait_ms, b=0)])
    return out


@st.composite
def call(draw, start_us, site):
    contact = draw(st.sampled_from(("call-0", "x1", "wild-0", "wild-1", "wild-2")))
    words = draw(st.one_of(st.sampled_from(STORIES).map(str.split), st.lists(st.sampled_from(WORDS), min_size=1, max_size=9)))  # fmt: skip
    t = start_us + draw(st.sampled_from(BEGINS_S)) * S + draw(st.sampled_from(PARTS_US))
    begin = t
    events = []
    for word in words:
        units = ("", "02-1", *QUEUES) if word in ("call.did", "call.voicemail") else QUEUES
        slots = draw(slots_of(word, (t - begin) // 1000))
        event = Event(site.id, "pbx", "", word, t, draw(st.sampled_from(units)), contact, "agent-1", **slots)
        events += [event] * draw(st.sampled_from((1,) * 9 + (2,)))
        t += draw(st.sampled_from(GAPS_US))
    logs = ["pbx", *(source for source in LOGS if source.startswith(site.id))]
    told_by = draw(st.lists(st.sampled_from(logs), min_size=1, max_size=3, unique=True))
    return [e for source in told_by for e in draw(told(events, source))]


@st.composite
def slots_of(draw, word, waited_ms):
    """The numbers of one line."""
    if word == "call.entered":
        caller = draw(st.sampled_from((0, *TOKENS)))
        before = draw(st.sampled_from((MISSING,) * 3 + TOKENS[:1])) if caller else MISSING
        return {"caller": caller, "a": 1, "b": draw(st.sampled_from((MISSING,) * 9 + (0, 1))), "c": before}
    lengths = (
        st.sampled_from((waited_ms,) * 5 + LENGTHS_MS + (MISSING,) * 3),
        st.sampled_from(LENGTHS_MS),
    )
    return {slot: draw(length) for slot, _, length in zip("ab", EVENT_TYPES[word].slots, lengths, strict=False)}


@st.composite
def told(draw, events, source):
    """What one log tells of a call: some of it, by its own clock."""
    by_us = draw(st.sampled_from((0, 0, 0, S, -S, 3 * S, 43_200 * S)))
    rows = [e._replace(source=source, time_us=e.time_us + by_us) for e in events]
    begin = draw(st.sampled_from((0, 0, 0, 1)))
    return rows[begin : draw(st.sampled_from((len(rows),) * 3 + (1,)))]


@st.composite
def returning(draw, start_us, site):
    """One number that calls, is called back, and calls again: each the list of its events."""
    token, t = draw(st.sampled_from(TOKENS)), start_us + draw(st.sampled_from((0, -86_400, -600))) * S
    out = []
    for n in range(draw(st.integers(0, 4))):
        contact = f"again-{n}"
        kind = draw(st.sampled_from(RETURNS))
        if kind == "call.outbound":
            out.append([Event(site.id, "pbx", "", kind, t, "", contact, "agent-1", b=1000, caller=token)])
        else:
            entered = Event(site.id, "pbx", "", "call.entered", t, QUEUES[0], contact, a=1, caller=token)
            out.append([entered, Event(site.id, "pbx", "", kind, t + S, QUEUES[0], contact, "agent-1", a=1000, b=1000)])
        if draw(st.integers(0, 5)):
            window_s = draw(st.sampled_from((60, round(site.fcr_window_s), 86_400)))
            t += window_s * S + draw(st.sampled_from(AROUND_US))
    return out


@st.composite
def beside(draw, start_us, site):
    """Wrap-ups, calls that the centre placed, and what shows that a log was there."""
    out = []
    for _ in range(draw(st.integers(0, 3))):
        t = start_us + draw(st.sampled_from(BEGINS_S)) * S + draw(st.sampled_from(PARTS_US))
        kind = draw(st.sampled_from(("wrap", "placed", "placed", "there")))
        if kind == "wrap":
            unit, ms = draw(st.sampled_from(QUEUES)), draw(st.sampled_from(LENGTHS_MS))
            out.append([Event(site.id, "pbx", "", "call.wrap_up_started", t, unit, "", "agent-1", a=ms)])
        elif kind == "placed":
            contact = draw(st.sampled_from(("placed-0", "placed-1")))
            rows = []
            for _ in range(draw(st.sampled_from((1, 1, 2)))):
                told = {"b": draw(st.sampled_from(LENGTHS_MS)), "caller": draw(st.sampled_from((0, *TOKENS)))}
                rows.append(Event(site.id, "pbx", "", "call.outbound", t, draw(st.sampled_from(("", "info"))), contact, "agent-1", **told))  # fmt: skip
                t += draw(st.sampled_from(GAPS_US))
            out.append(rows)
        else:
            source = draw(st.sampled_from(["pbx", *(log for log in LOGS if log.startswith(site.id))]))
            out.append([Event(site.id, source, "", "source.reloaded", t)])
    return out
