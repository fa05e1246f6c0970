"""What figures are judged by, found again: the target in force, the interval, the coverage, and the verdict.

Shares nothing with the program that made the pack. Everything that a centre declares is read from the settings sealed with
each day: what was declared for a day holds for that day, and a figure is judged by what held on the last day of the period.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, TypeAlias

STANDARD: dict[str, tuple[str, float | None, str]] = {
    "tickets_issued": ("", None, "ticket"),
    "ticket_wait_seconds_p50": ("lower", None, "ticket"),
    "ticket_wait_seconds_p90": ("lower", None, "ticket"),
    "ticket_wait_within_target_rate": ("higher", None, "ticket"),
    "calls_offered": ("", None, "call"),
    "abandoned_call_rate": ("lower", 0.05, "call"),
    "first_attempt_lost_rate": ("lower", 0.05, "call"),
    "answered_within_3_rings_rate": ("higher", None, "call"),
    "service_level_rate": ("higher", None, "call"),
    "first_contact_resolution_rate": ("higher", None, "call"),
    "satisfaction_rate": ("higher", 0.8, "vote"),
    "satisfaction_mean_percent": ("higher", 85.0, "vote"),
    "satisfaction_response_rate": ("higher", None, "vote"),
    "reply_within_target_rate": ("higher", None, "conversation"),
    "complaints_settled_rate": ("higher", 0.8, "case"),
}
"""Figure → which way is better, the target of the standard where the centre sets no other, and whose silence counts."""
NO_CONTACT = ("call.wrap_up_started", "call.outbound")  # of calls, but of none that came in
LOST_TIME = ("truncated", "rotated_away", "sequence", "silence", "downtime", "clock_step", "overflow", "damaged")
Z = 1.959963984540054  # of 95 %
Centre: TypeAlias = Any  # that of verify_figures.py
Spans = list[tuple[int, int]]


class Sources:
    """Which sources told of what, and when something of each is known to be missing."""

    def __init__(
        self, told: dict[str, set[tuple[str, str]]], before: Iterable[tuple[str, str]],
        ledgers: Iterable[Sequence[dict[str, Any]]], events: Sequence[Any], ends: tuple[int, int], centre: Centre,
    ) -> None:  # fmt: skip
        """`told`: day → (source, type) of its records; `before`: the same of what was told earlier; `ends`: the times of
        the first and last record."""
        self.centre, self.ends = centre, ends
        self.on = {day_number(day): {source for source, _ in pairs} for day, pairs in told.items()}
        self.of: dict[str, set[str]] = defaultdict(set)
        for source, kind in {*before, *(pair for pairs in told.values() for pair in pairs)}:
            if kind not in NO_CONTACT:
                self.of[kind.split(".")[0]].add(source)
        missing: dict[str, Spans] = defaultdict(list)
        for row in (row for rows in ledgers for row in rows):
            if row["kind"] in LOST_TIME and "from_us" in row:
                missing[row["source"]].append((row["from_us"], row["to_us"]))
        offline(events, ends[1], missing)
        self.missing = {source: together(spans) for source, spans in missing.items()}

    def coverage(self, kind: str) -> float | None:
        """The part of the service hours that the sources of a kind told of; None where nothing was to be told.

        Logs of one telephone system are one source. It told nothing on a day without any record; and nothing in the time
        in which each log that has records of that day is known to be missing something.
        """
        expected = covered = 0
        tellers: dict[tuple[bool, str], set[str]] = defaultdict(set)
        for source in self.of.get(kind, ()):
            joint = kind == "call" and source in self.centre.systems
            tellers[joint, self.centre.systems[source][0] if joint else source].add(source)
        for day in self.centre.period:
            if not self.centre.day(self.ends[0]) <= day <= self.centre.day(self.ends[1]):
                continue
            begin, end = self.centre.edges(day)
            open_us = self.centre.service_us(begin, end := min(end, self.ends[1]))
            for sources in tellers.values() if open_us >= 1000 else ():
                heard = sources & self.on.get(day, set())
                gone = self.gone(heard, (begin, end)) if heard else [(begin, end)]
                expected += open_us // 1000
                covered += (open_us - sum(self.centre.service_us(a, b) for a, b in gone)) // 1000
        return covered / expected if expected else None

    def gone(self, sources: set[str], day: tuple[int, int]) -> Spans:
        """The times of a day in which all of these miss something."""
        left = [day]
        for source in sources:
            lost = self.missing.get(source, [])
            left = [(max(a, c), min(b, d)) for a, b in left for c, d in lost if max(a, c) < min(b, d)]
        return left


def offline(events: Sequence[Any], end: int, missing: dict[str, Spans]) -> None:
    """A device that was told off is missing until its next word, to the millisecond; of one millisecond that comes last."""
    of = {e.source for e in events if e.type == "device.offline"}
    words = sorted((e.source, e.time // 1000, e.type == "device.offline") for e in events if e.source in of)
    for (source, ms, off), (other, after, _) in zip(words, [*words[1:], ("", 0, False)], strict=False):
        if off:
            until = min(after if other == source else end // 1000, end // 1000)
            missing[source].append((ms * 1000, until * 1000))


def together(spans: Spans) -> Spans:
    out: Spans = []
    for a, b in sorted(span for span in spans if span[0] < span[1]):
        out[-1:] = [(out[-1][0], max(b, out[-1][1]))] if out and a <= out[-1][1] else [*out[-1:], (a, b)]
    return out


def day_number(day: str) -> int:
    return date.fromisoformat(day).toordinal() - date(1970, 1, 1).toordinal()


def interval(part: int, whole: int) -> list[float] | None:
    """The 95 % interval of a share, by Wilson's score."""
    if not whole or part > whole:
        return None
    p, z2 = part / whole, Z * Z
    middle = (p + z2 / (2 * whole)) / (1 + z2 / whole)
    half = Z / (1 + z2 / whole) * math.sqrt(p * (1 - p) / whole + z2 / (4 * whole * whole))
    return [0.0 if p == 0 else middle - half, 1.0 if p == 1 else middle + half]


def targets(name: str, standard: float | None, centre: Centre) -> list[list[Any]]:
    """[value, since, why] of each target in force in the period; since None is from the beginning."""
    out: list[list[Any]] = []
    before = None
    for day in centre.period:
        settings, changes = centre.declared(day)
        told = (settings["targets"].get(name, standard), None, "")
        for change in changes:
            if name in change["targets"]:
                told = (change["targets"][name], change["since"], change["why"])
        today = date.fromordinal(date(1970, 1, 1).toordinal() + day).isoformat()
        if told != before:
            since = today if out and (told[1] or "") < today else told[1]
            out.append([told[0], since, told[2]])
        before = told
    return out


def judged(name: str, counted: list[Any], sources: Sources, centre: Centre) -> dict[str, Any]:
    """A figure with everything that it is judged by, as manifest.json says it."""
    better, standard, kind = STANDARD[name]
    value, part, n = counted
    told, coverage = targets(name, standard, centre), sources.coverage(kind)
    (target, _, _), (settings, _), verdict = told[-1], centre.declared(centre.period[-1]), None
    if better and target is not None:
        enough = n >= settings["min_n"] and value is not None
        if not enough or (coverage is not None and coverage < settings["min_coverage"]):
            verdict = "insufficient_data"
        else:
            verdict = "met" if (value <= target if better == "lower" else value >= target) else "not_met"
    return {
        "counted": counted,
        "interval": interval(part, n) if name.endswith("_rate") else None,
        "targets": told,
        "coverage": coverage,
        "verdict": verdict,
    }
