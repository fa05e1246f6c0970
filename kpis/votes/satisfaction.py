"""Votes: one press of a satisfaction button or one answer of a questionnaire → measures. Their KPIs: satisfaction_kpis.

A vote is an event `vote.cast` with 2 <= scale_max <= 100, 1 <= score <= scale_max, and a question that there is. One
without a question is on the service over all, and `votes` are those alone; answers to the other questions are measured
apart. A vote with a contact belongs to a questionnaire or a ticket; one without is a press of a button.
"""

from __future__ import annotations

import numpy as np

from kpis.columns import DAY_US, I32, I64, MISSING, U64, Bool, Columns, Zones, among, group, mix, pair, rows_where
from kpis.declared import Told
from kpis.model import By, Facts, Rules

# Codes of telemetry.events; a test holds the tables together.
FINISHED, VOTE, DROPPED = 16, 40, 41
OVERALL, RESOLVED = 0, 6
DIMENSIONS = {"steps_and_time": 1, "staff": 2, "place": 3, "information": 4, "outcome": 5}
TOPICS = {
    "service_types": 7,
    "days_hours": 8,
    "place_of_service": 9,
    "access": 10,
    "facilities": 11,
    "awareness": 12,
}
_LAST_QUESTION = 12
YES_OR_NO = 2
"""The scale on which `resolved` is answered: 1 no, 2 yes."""

SCALES = (2, 3, 4, 5, 10)
"""Lengths of scales that are counted by themselves; others together."""
LEVELS = (1, 2, 3, 4, 5)

LONGEST_SCALE = 100
SCALE_UNITS = 3_603_600
"""Least common multiple of 1..16 and 100: score / scale is whole in these units for every usual scale."""


def contacts(cols: Columns, rules: Rules, zones: Zones) -> dict[str, Facts]:
    """The votes among these events, the answers to questions, and the points where people vote."""
    ev = cols.take(rows_where((cols.type == VOTE) | (cols.type == DROPPED)))
    finished = cols.take(rows_where(cols.type == FINISHED))
    cast = ev.type == VOTE
    question = np.where(ev.c == MISSING, OVERALL, ev.c)
    scaled = (ev.a >= 1) & (ev.b >= 2) & (ev.a <= ev.b) & (ev.b <= LONGEST_SCALE)
    valid = cast & scaled & (question >= OVERALL) & (question <= _LAST_QUESTION)
    bounced = _bounced(ev, valid & (ev.contact == 0), question, rules)
    counted = valid & ~bounced
    day = (zones.to_local(ev.time_us, ev.site) // DAY_US).astype(np.uint64)
    done_day = (zones.to_local(finished.time_us, finished.site) // DAY_US).astype(np.uint64)
    overall = counted & (question == OVERALL)
    rows = rows_where(counted)
    linkable = overall & ((ev.contact != 0) | (ev.party != 0))
    votes = Facts(
        site=ev.site,
        unit=ev.unit,
        arrival_us=ev.time_us,
        counts={
            "votes": overall,
            "votes_satisfied": overall & _satisfied(ev),
            "votes_top": overall & (ev.a == ev.b),
            "votes_bottom": overall & (ev.a == 1),
            "vote_points": _points(ev, overall),
            **_scales(ev, overall),
            "votes_dropped": ~cast,
            "votes_bounced": bounced,
            "votes_invalid": cast & ~valid,
            "votes_linkable": linkable,
            "votes_linked": linkable & (_of_ticket(ev, day, finished, done_day) | _after_ticket(ev, finished, rules)),
            "questionnaires": _firsts(mix(_number(ev.site, ev.contact), day), ev.time_us, counted & (ev.contact != 0)),
        },
        state={"seq": ev.seq},
    )
    points = rows[~np.isin(ev.source[rows], list(rules.by_hand))] if rules.by_hand else rows
    return {
        "votes": votes,
        "answers": _answers(ev.take(rows_where(counted & (question != OVERALL)))),
        "vote_points": _points_in_use(ev.site[points], ev.source[points], ev.time_us[points], day[points]),
        "service_points": _service_points(finished, done_day, mix(_number(ev.site[rows], ev.party[rows]), day[rows])),
    }


def _satisfied(ev: Columns) -> Bool:
    """The top two of a scale of 4 or more, the top one of 2 or 3."""
    return np.greater_equal(ev.a, ev.b - (ev.b >= 4))


def _points(ev: Columns, rows: Bool) -> I64:
    """Score by best score of each of `rows`, in `SCALE_UNITS` rounded down; 0 for the others."""
    return np.where(rows, ev.a, 0) * SCALE_UNITS // np.where(rows, ev.b, 1)


def _scales(ev: Columns, overall: Bool) -> dict[str, Bool]:
    """Votes by the length of their scale, and those of five levels by level."""
    of = [overall & (ev.b == scale) for scale in SCALES]
    five = of[SCALES.index(5)]
    return {
        **{f"votes_scale_{scale}": rows for scale, rows in zip(SCALES, of, strict=True)},
        "votes_scale_other": overall & ~np.logical_or.reduce(of),
        **{f"votes_five_{level}": five & (ev.a == level) for level in LEVELS},
    }


def _bounced(ev: Columns, press: Bool, question: I64, rules: Rules) -> Bool:
    """Presses closer than the pause to the press before at the same button, whether or not that one counted.

    A button is one site, source, counter, unit and question. Of presses at one instant the one stored first is first.
    """
    out = np.zeros(len(ev), np.bool_)
    rows = rows_where(press)
    if len(rows) < 2:
        return out
    time = ev.time_us[rows]
    if np.any(time[1:] < time[:-1]):
        rows = rows[np.argsort(time, kind="stable")]
        time = ev.time_us[rows]
    site = ev.site[rows]
    button = mix(_number(site, ev.source[rows]), _number(ev.party[rows], ev.unit[rows]))
    g = group(mix(button, question[rows].astype(np.uint64)))
    time, pause = time[g.order], Told(site[g.order])(rules.vote_pause_us, 0)
    close = (time[1:] - time[:-1] < pause[1:]) & (g.of_row[1:] == g.of_row[:-1])
    out[rows[g.order[1:][close]]] = True
    return out


def _of_ticket(ev: Columns, day: U64, finished: Columns, done_day: U64) -> Bool:
    """Votes whose contact is a ticket that was finished on the same local day."""
    named = ev.contact != 0
    if not named.any() or not len(finished):
        return np.zeros(len(ev), np.bool_)
    done = mix(_number(finished.site, finished.contact), done_day)[finished.contact != 0]
    out: Bool = named & _among(mix(_number(ev.site, ev.contact), day), done)
    return out


def _after_ticket(ev: Columns, finished: Columns, rules: Rules) -> Bool:
    """Presses at a counter where a ticket was finished not longer before than a press may be linked to it."""
    out = np.zeros(len(ev), np.bool_)
    press = rows_where((ev.type == VOTE) & (ev.contact == 0) & (ev.party != 0))
    if not len(press) or not len(finished):
        return out
    time = np.concatenate([finished.time_us, ev.time_us[press]])
    order = np.argsort(time, kind="stable")  # of one instant the end of the service goes first
    site = np.concatenate([finished.site, ev.site[press]])
    g = group(_number(site, np.concatenate([finished.party, ev.party[press]]))[order])
    order = order[g.order]
    time, end = time[order], order < len(finished)
    last = np.maximum.accumulate(np.where(end, np.arange(len(order)), -1))
    there = ~end & (last >= g.starts[g.of_row])
    near = there & (time - time[last] <= Told(site[order])(rules.vote_link_us, 0))
    out[press[order[near] - len(finished)]] = True
    return out


def _answers(ev: Columns) -> Facts:
    """Counted votes on other questions than the service over all: measures by question."""
    satisfied, points = _satisfied(ev), _points(ev, np.ones(len(ev), np.bool_))
    of = {name: ev.c == code for name, code in (DIMENSIONS | TOPICS).items()}
    resolved = ev.c == RESOLVED
    yes_or_no = resolved & (ev.b == YES_OR_NO)
    return Facts(
        site=ev.site,
        unit=ev.unit,
        arrival_us=ev.time_us,
        counts={
            **{f"answers_{name}": rows for name, rows in of.items()},
            **{f"answers_{name}_satisfied": of[name] & satisfied for name in DIMENSIONS},
            **{f"answers_{name}_points": np.where(of[name], points, 0) for name in DIMENSIONS},
            "answers_needs": ev.c > RESOLVED,
            "answers_resolved": yes_or_no,
            "answers_resolved_yes": yes_or_no & (ev.a == YES_OR_NO),
            "answers_resolved_other_scale": resolved & ~yes_or_no,
        },
        state={"seq": ev.seq},
    )


def _points_in_use(site: I32, source: I32, time_us: I64, day: U64) -> Facts:
    """Each source of counted votes (a button, a terminal, a form) on each local day that it has one, at its first."""
    place = _number(site, source)
    first = rows_where(_firsts(mix(place, day), time_us, np.ones(len(site), np.bool_)))
    month = day[first].astype(np.int64).view("M8[D]").astype("M8[M]").astype(np.uint64)
    in_month = _firsts(mix(place[first], month), time_us[first], np.ones(len(first), np.bool_))
    return Facts(
        site=site[first],
        unit=source[first],
        arrival_us=time_us[first],
        counts={"vote_point_days": np.ones(len(first), np.bool_), "vote_points_in_month": in_month},
        by=By.DEVICE,
    )


def _service_points(finished: Columns, done_day: U64, voted: U64) -> Facts:
    """Each counter on each local day that a ticket was finished there, at the first; and whether it is in `voted`."""
    place = mix(_number(finished.site, finished.party), done_day)
    first = rows_where(_firsts(place, finished.time_us, finished.party != 0))
    return Facts(
        site=finished.site[first],
        unit=finished.party[first],
        arrival_us=finished.time_us[first],
        counts={
            "service_point_days": np.ones(len(first), np.bool_),
            "service_point_days_with_votes": _among(place[first], voted),
        },
        by=By.COUNTER,
    )


def _number(a: I32 | U64, b: I32 | U64) -> U64:
    return pair(a.astype(np.uint64), b.astype(np.uint64))


def _among(key: U64, others: U64) -> Bool:
    """Which of `key` are in `others`."""
    return among(key, np.sort(others))


def _firsts(key: U64, time_us: I64, among: Bool) -> Bool:
    """Which rows are the earliest of their key `among` those; of one instant the one that stands first."""
    out = np.zeros(len(key), np.bool_)
    rows = rows_where(among)
    if len(rows):
        time = time_us[rows]
        if np.any(time[1:] < time[:-1]):
            rows = rows[np.argsort(time, kind="stable")]
        g = group(key[rows])
        out[rows[g.order[g.starts]]] = True
    return out
