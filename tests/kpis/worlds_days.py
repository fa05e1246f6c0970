"""What whole days are told by: counters that open and close, devices that fall silent, work at the edges of hours; and what a
journal keeps beside events. All of it on days around the beginning of a world, at the edges of hours or close to them."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from kpis.heard import KIND_OF_TYPE
from telemetry.events import EVENT_TYPES, MISSING, Event
from tests.kpis.kept import KINDS, NOTHING, Gap, Kept, Lag, Tally, Told
from tests.kpis.second_reading.base import local
from tests.kpis.second_reading.hours import instant

S = 1_000_000
DAY_US = 86_400 * S
QUARTER_US = 900 * S
MINUTES = (0, 2, 40, 480, 510, 660, 690, 720, 750, 765, 825, 840, 855, 870, 900, 1020, 1430, 1439, 1440)
JITTER_US = (0, 0, 0, 0, -1, 1, -1000, 999, 1000, 1001, S, 60 * S, 1800 * S)
DAYS = (-2, -1, 0, 0, 0, 0, 1, 1, 2, 4)
COUNTERS = ("1", "1", "2")
AT_WORK = ("ticket.called", "ticket.started", "ticket.finished", "ticket.finished", "ticket.issued", "call.connected", "call.completed", "call.transferred", "call.entered", "case.opened", "conversation.opened")  # fmt: skip
SILENCES_US = (60 * S, 120 * S, 120 * S + 999, 120 * S + 1000, 600 * S, 900 * S, 900 * S + 999, 900 * S + 1000, 3600 * S, DAY_US)  # fmt: skip
OFFSETS_MS = (MISSING, MISSING, 0, 1, 999, 1000, 2000, 2001, -2000, -2001, 3_600_000)


def sources(site):
    """Devices, and logs of which some are of one telephone system."""
    return st.sampled_from(("kiosk", "button", "pbx", f"{site.id}-log", f"{site.id}-cel"))


@st.composite
def instants(draw, start_us, site):
    day = local(site, start_us).date() + timedelta(days=draw(st.sampled_from(DAYS)))
    return instant(site, day, draw(st.sampled_from(MINUTES))) + draw(st.sampled_from(JITTER_US))


@st.composite
def counters(draw, start_us, site):
    at, kind = (
        draw(instants(start_us, site)),
        draw(st.sampled_from(("counter.opened", "counter.opened", "counter.closed"))),
    )
    events = [Event(site.id, "kiosk", "", kind, at, party=draw(st.sampled_from(COUNTERS)))]
    if draw(st.booleans()):
        until = draw(st.one_of(st.just(at), instants(start_us, site)))
        events.append(events[0]._replace(type="counter.closed", time_us=until))
    return events


@st.composite
def work(draw, start_us, site):
    kind = draw(st.sampled_from(AT_WORK))
    number = draw(st.sampled_from(("A001", "W1", "W2")))
    contact = number if kind.startswith("ticket.") else f"{kind.split('.')[0]}-{number}"
    unit = draw(st.sampled_from(("idcard", "tax", "info", "line")))
    return [Event(site.id, draw(sources(site)), "", kind, draw(instants(start_us, site)), unit, contact, a=draw(st.sampled_from((MISSING, 1, 2))))]  # fmt: skip


@st.composite
def devices(draw, start_us, site):
    """A few words of one device, one after another."""
    t, source, out = draw(instants(start_us, site)), draw(sources(site)), []
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(("device.heartbeat",) * 3 + ("device.online", "device.offline")))
        told = {} if kind == "device.offline" else {"a": draw(st.sampled_from(OFFSETS_MS)), "b": draw(st.sampled_from((MISSING, 0, 1, 1)))}  # fmt: skip
        out.append(Event(site.id, source, "", kind, t, party=source, **told))
        t += draw(st.sampled_from(SILENCES_US)) if draw(st.booleans()) else draw(st.sampled_from((0, 1, 1000, 600 * S)))
    return out


@st.composite
def lost(draw, start_us, site):
    n = draw(st.sampled_from((MISSING, 0, 1, 7)))
    return [Event(site.id, draw(sources(site)), "", "gap.reported", draw(instants(start_us, site)), a=n)]


@st.composite
def days_of(draw, start_us, site):
    """Lists of the events of one thing each."""
    out = []
    for things, most in ((counters, 3), (work, 4), (devices, 3), (lost, 1)):
        out += draw(st.lists(things(start_us, site), max_size=most))
    if draw(st.booleans()):  # something at both ends of some days
        out += [[Event(site.id, "pbx", "", "source.reloaded", draw(instants(start_us, site)))] for _ in range(2)]
    return out


@st.composite
def kept(draw, start_us, sites, events):
    """What a journal keeps beside these events, of some time around them."""
    if draw(st.booleans()):
        return NOTHING
    tables = {"told": [], "gaps": [], "tallies": [], "lags": []}
    for site in sites:
        at, source = instants(start_us, site), sources(site)
        tables["told"] += draw(told(site, [e for e in events if e.site == site.id]))
        for name, a, b in draw(st.lists(st.tuples(source, at, at), max_size=3)):
            tables["gaps"].append(Gap(site.id, name, a, b, draw(st.sampled_from((0, 0, 1, 5)))))
        quarters = st.tuples(source, at.map(lambda us: us // QUARTER_US * QUARTER_US))
        for name, quarter_us in draw(st.lists(quarters, max_size=3, unique=True)):
            tables["tallies"].append(draw(tallies(site.id, name, quarter_us)))
            lags = st.lists(
                st.tuples(st.sampled_from((0, 1, 2, 60, 120, 7200, 172_800)), st.integers(1, 5)), max_size=3
            )
            tables["lags"] += [Lag(site.id, name, quarter_us, s, n) for s, n in draw(lags)]
    floor = min((e.time_us for e in events), default=start_us) // DAY_US
    window = draw(
        st.sampled_from(
            ((-(2**24), 2**24), (-(2**24), 2**24), (floor, floor + 9), (floor + 1, floor + 4), (floor - 1, floor + 2))
        )
    )
    return Kept(*(day * DAY_US for day in window), **{name: tuple(rows) for name, rows in tables.items()})


@st.composite
def told(draw, site, events):
    """Who told of what, and since when: these events, and others before, between and after."""
    since = {}
    for e in sorted(events, key=lambda e: e.time_us):
        since.setdefault((e.source, kind_of(e)), e.time_us)
    ever = draw(instants(events[0].time_us if events else 1_773_037_800 * S, site))
    rows = st.tuples(sources(site), st.sampled_from(sorted(KINDS)), st.sampled_from((0, 1, DAY_US, 40 * DAY_US)))
    for name, kind, before in draw(st.lists(rows, max_size=4)):
        since[name, kind] = min(since.get((name, kind), ever), ever - before)
    return [Told(site.id, *place, us) for place, us in since.items()]


def kind_of(e):
    return next(name for name, code in KINDS.items() if code == KIND_OF_TYPE[EVENT_TYPES[e.type].code])


def seen(events, what):
    """Those that a question about that time is answered with: its own, and conversations and cases of any time."""
    matter = ("conversation.", "case.")
    return [e for e in events if what.from_us <= e.time_us < what.to_us or e.type.startswith(matter)]


@st.composite
def tallies(draw, site, source, quarter_us):
    n = draw(st.integers(0, 9))
    ahead = draw(st.integers(0, n))
    lag_ms = draw(st.sampled_from((0, 999, 5000, 10**9))) if ahead < n else 0
    again, refused = draw(st.sampled_from((None, 0, 2))), draw(st.sampled_from((0, 0, 3)))
    return Tally(site, source, quarter_us, n, again, refused, ahead, lag_ms)
