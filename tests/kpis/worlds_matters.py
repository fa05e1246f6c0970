"""Votes, conversations and cases to compute with: believable stories, and whatever else their words can be strung to."""

from __future__ import annotations

from hypothesis import strategies as st

from telemetry.events import MISSING, Event

S = 1_000_000
MIN, HOUR, DAY = 60 * S, 3600 * S, 86_400 * S
NEAR = (
    0,
    0,
    1,
    999,
    1000,
    S,
    9 * S,
    10 * S,
    60 * S,
    600 * S,
    600 * S + 1000,
    15 * MIN,
    15 * MIN + 1000,
    HOUR,
    4 * HOUR,
    DAY,
)
"""Microseconds from one event to the next: those of the edges that definitions have."""
FAR = (*NEAR, 3 * DAY, 7 * DAY, 31 * DAY, 60 * DAY, 194 * DAY, 200 * DAY, 400 * DAY)
UNITS = ("idcard", "tax")
CHANNELS = ("line", "line", "email", "chat", "facebook", "web")
PERSONS = (0, 0, 5, 6, -7)
rare = st.sampled_from((False,) * 7 + (True,))

CONVERSATIONS = (
    "opened replied closed",
    "opened automatic replied message replied closed",
    "opened message replied closed reopened replied closed",
    "opened automatic closed",
    "opened closed reopened",
    "opened closed message replied",
    "opened assigned",
    "opened",
    "message replied closed",
    "replied opened replied",
    "replied closed",
    "closed opened replied closed closed",
)
CASES = (
    "opened acknowledged assigned step_started step_finished settled",
    "opened acknowledged step_started step_started step_finished step_finished notified settled",
    "opened settled reopened settled",
    "opened settled reopened",
    "opened forwarded notified looked_up looked_up forwarded settled",
    "opened assigned notified assigned",
    "opened",
    "opened settled settled",
    "opened settled opened",
    "acknowledged settled",
    "settled opened settled",
    "step_finished step_started step_finished",
    "reopened opened",
)
KINDS = (1, 1, 2, 2, 3, 4, 0, 5, MISSING)
NUMBERS = (1, 1, 2, 3, 0, 4, MISSING)
"""Dispositions, results and numbers of steps."""


def shifted(e, by_us):
    """The same event so much later, and with it the date that it tells."""
    slot = {"case.opened": "b", "case.step_started": "b", "case.assigned": "a"}.get(e.type)
    due = {slot: getattr(e, slot) + by_us // 1000} if slot and getattr(e, slot) != MISSING else {}
    return e._replace(time_us=e.time_us + by_us, **due)


@st.composite
def stories(draw, known):
    """The words of one matter: one of those known, or any of its words in any order."""
    if not draw(rare):
        return draw(st.sampled_from(known)).split()
    return draw(st.lists(st.sampled_from(sorted({word for story in known for word in story.split()})), max_size=7))


@st.composite
def conversations(draw, start_us, site, contact, gaps=NEAR):
    t = start_us + draw(st.sampled_from(gaps))
    channel, person, out = draw(st.sampled_from(CHANNELS)), draw(st.sampled_from(PERSONS)), []
    for word in draw(stories(CONVERSATIONS)):
        a = {
            "automatic": 1,
            "replied": draw(st.sampled_from((0, 0, MISSING))),
            "closed": draw(st.sampled_from(NUMBERS)),
        }
        name = "replied" if word == "automatic" else word
        unit = draw(st.sampled_from((channel, channel, "", "", "web")))
        caller = draw(st.sampled_from((person, 0)))
        out.append(
            Event(site.id, "crm", "", f"conversation.{name}", t, unit, contact, a=a.get(word, MISSING), caller=caller)
        )
        t += draw(st.sampled_from(gaps))
    return out


@st.composite
def dates(draw, t, gaps):
    """A date due in milliseconds, seen from an instant."""
    day_ms = 86_400_000
    edges = (-1, 0, 1, 18_300 * day_ms, 18_300 * day_ms + 1) if draw(rare) else ()
    after = draw(st.sampled_from((MISSING, MISSING, *(gap // 1000 for gap in gaps), *edges)))
    return MISSING if after == MISSING else t // 1000 + after


@st.composite
def cases(draw, start_us, site, contact, gaps=NEAR):
    t = start_us + draw(st.sampled_from(gaps))
    person, out = draw(st.sampled_from(PERSONS)), []
    for word in draw(stories(CASES)):
        a = b = MISSING
        if word == "opened":
            a, b = draw(st.sampled_from(KINDS)), draw(dates(t, gaps))
        elif word == "assigned":
            a = draw(dates(t, gaps))
        elif word == "step_started":
            a, b = draw(st.sampled_from(NUMBERS)), draw(dates(t, gaps))
        elif word in ("step_finished", "settled"):
            a = draw(st.sampled_from(NUMBERS))
        unit, caller = draw(st.sampled_from(("", *UNITS))), draw(st.sampled_from((person, 0)))
        out.append(Event(site.id, "crm", "", f"case.{word}", t, unit, contact, a=a, b=b, caller=caller))
        t += draw(st.sampled_from(gaps))
    return out


@st.composite
def votes(draw, start_us, site, gaps=NEAR):
    """Presses at one button, or answers of one questionnaire, or of the ticket of that number."""
    t = start_us + draw(st.sampled_from(gaps))
    contact = draw(st.sampled_from(("", "", "", "A001", "f1")))
    source, counter, unit, out = (
        draw(st.sampled_from(("b1", "b2"))),
        draw(st.sampled_from(("", "1", "2"))),
        draw(st.sampled_from(UNITS)),
        [],
    )
    for _ in range(draw(st.integers(1, 5))):
        best = draw(st.sampled_from((2, 3, 4, 5, 5, 5, 10, 17, 99, 100, 101, MISSING)))
        score = draw(st.sampled_from((1, 2, 3, 4, 5, best, best - 1 if best > 1 else 0, MISSING)))
        question = draw(st.sampled_from((MISSING, MISSING, 0, 0, 6, *range(13), 13, -1)))
        other = draw(rare)
        out.append(
            Event(site.id, source, "", "vote.dropped" if draw(rare) else "vote.cast", t, draw(st.sampled_from(UNITS)) if other else unit,
                  contact, counter, a=score, b=best, c=question)
        )  # fmt: skip
        t += draw(st.sampled_from(gaps))
    return out


@st.composite
def finished(draw, start_us, site, gaps=NEAR):
    """The end of a ticket at a counter, where a press may follow."""
    t = start_us + draw(st.sampled_from(gaps))
    number, counter = draw(st.sampled_from(("A001", "B001"))), draw(st.sampled_from(("", "1", "2")))
    return [Event(site.id, "kiosk", "", "ticket.finished", t, "", number, counter)]


@st.composite
def matters_of(draw, start_us, site, gaps=NEAR):
    """Lists of the events of one matter, or of one button, each."""
    names = [f"m{i}" for i in range(draw(st.integers(0, 3)))]
    out = [draw(conversations(start_us, site, name, gaps)) for name in names]
    out += [
        draw(cases(start_us, site, name, gaps))
        for name in draw(st.lists(st.sampled_from(("m0", "k1", "k2")), max_size=3, unique=True))
    ]
    out += draw(st.lists(votes(start_us, site, gaps), max_size=3))
    return out + draw(st.lists(finished(start_us, site, gaps), max_size=2))
