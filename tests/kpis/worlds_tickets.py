"""Numbers of a kiosk that no kiosk should give: any words in any order, at the edges of days, hours and of what is
rounded, the number issued again and again."""

from __future__ import annotations

from itertools import cycle, islice, product

from hypothesis import strategies as st

from telemetry.events import MISSING, Event

S = 1_000_000
WORDS = (
    "issued", "issued", "called", "called", "called", "recalled", "started", "started", "held", "transferred",
    "transferred", "finished", "finished", "no_show", "cancelled", "reactivated", "triaged",
)  # fmt: skip
NUMBERS = ("A001", "A002", "C001", "C002", "C003")
SERVICES = ("idcard", "tax", "info")
UNITS = {"issued": SERVICES, "transferred": SERVICES}
SLOTS = {"issued": (0, 0, 1, 2), "finished": (0, 1, 1, 2, 3, 4), "triaged": (-1, 0, 1, 2, 3, 4)}
TOLD = [
    told
    for word in WORDS
    for told in islice(cycle(product([word], UNITS.get(word, ("",)), (MISSING, *SLOTS.get(word, ())))), 15)
]
"""What may be told of a number: word, service, number; every word as often as it stands above."""
GAPS_US = (
    0, 0, 1, 500, 999, 1000, S, 29 * S, 30 * S, 60 * S, 300 * S, 300 * S + 1, 600 * S, 601 * S, 900 * S,
    3600 * S, 14_400 * S, 14_400 * S + 999, 14_400 * S + 1000,
)  # fmt: skip
BEGINS_S = (0, 0, 0, 60, 600, 3600, 4 * 3600, 10 * 3600, 24 * 3600)
ENDS = ("called", "called", "started", "no_show", "cancelled", "")
steps = st.lists(st.tuples(st.sampled_from(TOLD), st.sampled_from(GAPS_US)), min_size=1, max_size=12)
in_line = st.lists(
    st.tuples(
        st.sampled_from((0, 0, 0, 1, MISSING)),
        st.integers(0, 4),
        st.sampled_from((-1, 0, 0, 1, 2, 3, 4, 5)),
        st.sampled_from(ENDS),
    ),
    min_size=2,
    max_size=5,
)
"""Priority, when it is issued, how many seconds later it leaves, and by what."""


@st.composite
def tickets(draw, start_us, site):
    """What a site's kiosk and counters tell of one number, in order."""
    t = start_us + draw(st.sampled_from(BEGINS_S)) * S
    contact, events = draw(st.sampled_from(NUMBERS)), []
    for (word, unit, slot), gap in [*draw(st.sampled_from(BEGINNINGS)), *draw(steps)]:
        events.append(Event(site.id, "kiosk", "", f"ticket.{word}", t, unit, contact, a=slot))
        t += gap
    return events


def ticket(stays_s):
    """It is issued for so long."""
    return ("issued", "idcard", 0), stays_s * S


CALL, TRIAGE = (("called", "", MISSING), S), (("triaged", "", 1), 0)
BEGINNINGS = (
    (), (), (ticket(300), CALL), (ticket(300), CALL, CALL), (ticket(600), CALL), (TRIAGE, ticket(0), CALL),
)  # fmt: skip
"""Nothing, or as it should be: in the declared time, at the very opening, screened in the instant of the issue."""


@st.composite
def lines(draw, start_us, site):
    """Several tickets of one service at a time, each called when it comes or later: a list of events of each."""
    service, out = draw(st.sampled_from(SERVICES[:2])), []
    for n, (priority, came, stays, end) in enumerate(draw(in_line)):
        words = [("issued", came, service, priority), *([(end, came + stays, "", MISSING)] if end else [])]
        out.append(
            [
                Event(site.id, "kiosk", "", f"ticket.{w}", start_us + s * S, unit, f"L{n}", a=a)
                for w, s, unit, a in words
            ]
        )
    return out
