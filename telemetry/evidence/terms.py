"""What was in force at a centre, day by day, as its days were sealed: what is declared later changes no day before.

A contact is counted by the rules of the day that it arrived on; a figure is judged by those of its last day. Hours are those
that were sealed with each day, whatever a list of holidays says now.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from kpis.calendar import Calendar, Hours, Plan, hours
from kpis.columns import QUARTERS_A_DAY
from kpis.model import KPI, Teller
from telemetry.evidence.in_force import site_of
from telemetry.hours import calendar_of
from telemetry.rules import names_of
from telemetry.settings import Change, Site
from telemetry.verdicts import Target, targets_in

_EPOCH = date(1970, 1, 1)
_SCALARS = (
    "timezone", "ring_cycle_s", "ring_clock", "short_abandon_s", "fcr_window_s", "no_show_calls", "no_show_s",
    "vote_pause_s", "vote_link_s", "silent_s",
)  # fmt: skip
Spans = list[list[int]]


class TermsError(ValueError):
    """Sealed days that cannot be counted together."""


@dataclass(frozen=True, slots=True)
class SealedTerms:
    """The terms of days that follow each other. Days before the first have its, days after the last have the last one's."""

    begins: tuple[int, ...]
    """The days, since 1970, from which on something else is declared than the day before; the first of all is one."""
    sites: tuple[Site, ...]
    """What was declared from each of these on."""
    in_force: tuple[Mapping[str, Any], ...]
    """What that meant, day by day (`telemetry.archive.in_force`)."""

    @property
    def site(self) -> Site:
        return self.sites[-1]

    def on(self, day: date) -> Site:
        return self.sites[max(bisect_right(self.begins, (day - _EPOCH).days) - 1, 0)]

    def targets(self, kpi: KPI, first: int, last: int) -> list[Target]:
        """As `targets_in` gives them; what a day declares of the days before it was not in force on them."""
        if len(self.sites) == 1:
            return targets_in(kpi, self.site, first, last)
        out: list[Target] = []
        before: Target | None = None
        for a, b, site in self._runs(first // QUARTERS_A_DAY, (max(last - 1, first)) // QUARTERS_A_DAY + 1):
            begins = _EPOCH + timedelta(days=a)
            for told in targets_in(kpi, site, a * QUARTERS_A_DAY, b * QUARTERS_A_DAY):
                if told != before:
                    late = out and (told.since is None or told.since < begins)
                    out.append(told._replace(since=begins) if late else told)
                before = told
        return out

    def counted_by(self, first: int, last: int) -> Iterator[tuple[Site, list[tuple[int, int]]]]:
        """Each declaration with the runs of local quarters first <= q < last that its rules hold for. The newest one serves
        for every day on which it says the same as that day's own."""
        runs = list(self._runs(first // QUARTERS_A_DAY, last // QUARTERS_A_DAY))
        for site in reversed(self.sites):
            mine, others = list[tuple[int, int]](), list[tuple[int, int, Site]]()
            for a, b, own in runs:
                for day, same in _same_days(site, own, a, b):
                    if not same:
                        others.append((day, day + 1, own))
                    elif mine and mine[-1][1] == day:
                        mine[-1] = mine[-1][0], day + 1
                    else:
                        mine.append((day, day + 1))
            if mine:
                yield site, [(a * QUARTERS_A_DAY, b * QUARTERS_A_DAY) for a, b in mine]
            runs = others

    def changed(self, first: date, last: date) -> list[date]:
        """The days of a period from which on something else was declared than the day before."""
        runs = self._runs((first - _EPOCH).days, (last - _EPOCH).days + 1)
        return [_EPOCH + timedelta(days=a) for a, _, _ in list(runs)[1:]]

    def names(self) -> Iterator[str]:
        """Of everything that was ever declared."""
        for site in self.sites:
            yield from names_of(site)

    def tellers(self) -> dict[str, Teller]:
        """Source → which telephone system it tells of, by the newest day."""
        rows = self.in_force[-1]["systems"]
        systems = sorted({system for system, _, _ in rows.values()})
        return {name: Teller(systems.index(system), rank, followed) for name, (system, rank, followed) in rows.items()}

    def calendar(self, code: Callable[[str], int]) -> Calendar:
        """The hours of the sealed days; before and after them those of the first and last declaration. Where only some days
        declare hours, all of a day that does not is service time."""
        if not any(day["hours"] for day in self.in_force):
            return Calendar()
        ends = self.in_force[0]["day"][0], self.in_force[-1]["day"][1]
        before, after = (_plan(site, ends) for site in (self.sites[0], self.sites[-1]))
        days = [day["hours"] or _whole(*day["day"]) for day in self.in_force]
        ids = dict.fromkeys(name for day in days for name in day["windows"])

        def hours_of(pick: Callable[[Any], Spans]) -> Hours:
            return _joined([pick(before[0]), *map(pick, days), pick(after[1])])

        plan = Plan(
            hours_of(lambda day: day["service"]),
            hours_of(lambda day: day["official"]),
            hours_of(lambda day: day["lunch"]),
            tuple((name, hours_of(lambda day, name=name: day["windows"].get(name, []))) for name in ids),  # type: ignore[misc]
        )
        return Calendar({code(self.site.id): 0}, (plan,))

    def _runs(self, first: int, last: int) -> Iterator[tuple[int, int, Site]]:
        """(day, day after the last one, what was declared) of the days first <= day < last, since 1970."""
        i = max(bisect_right(self.begins, first) - 1, 0)
        while first < last:
            end = min(last, self.begins[i + 1]) if i + 1 < len(self.begins) else last
            yield first, end, self.sites[i]
            first, i = end, i + 1


def terms_of(days: Sequence[tuple[date, Mapping[str, Any]]]) -> SealedTerms:
    """From the settings of sealed days, in their order. TermsError where they cannot be read together."""
    begins, sites, before = list[int](), list[Site](), dict[str, Any]()
    for day, settings in days:
        if "in_force" not in settings:
            raise TermsError(
                f"{day}: was sealed when service hours were no part of a seal: no pack can prove its figures"
            )
        told = {name: value for name, value in settings.items() if name != "in_force"}
        if told != before:
            begins.append((day - _EPOCH).days)
            sites.append(site_of(told))
            before = told
        if sites[-1].timezone != sites[0].timezone:
            raise TermsError(
                f"{day}: another time zone is declared than before; make packs of the days before, and after"
            )
    return SealedTerms(tuple(begins), tuple(sites), tuple(settings["in_force"] for _, settings in days))


def _same_days(site: Site, own: Site, first: int, last: int) -> Iterator[tuple[int, bool]]:
    for day in range(first, last):
        at = _EPOCH + timedelta(days=day)
        yield day, site is own or _rules_on(site, at) == _rules_on(own, at)


def _rules_on(site: Site, day: date) -> Mapping[str, Any]:
    """Everything that a contact of a day is counted by, but for hours."""
    changes = sorted((c for c in site.changes if c.since <= day), key=lambda c: c.since)

    def declared(base: Mapping[str, float | None], new: Callable[[Change], Mapping[str, float]]) -> Mapping[str, float]:
        told = {unit: minutes for unit, minutes in base.items() if minutes is not None}
        for change in changes:
            told |= new(change)
        return told

    levels = [c.service_level_s for c in changes if c.service_level_s is not None]
    return {
        **{name: getattr(site, name) for name in _SCALARS},
        "services": {s.id: s.category for s in site.services},
        "channels": {c.id: c.clock for c in site.channels},
        "windows": [w.id for w in site.windows],
        "service_level_s": levels[-1] if levels else site.service_level_s,
        "target_minutes": declared({s.id: s.target_minutes for s in site.services}, lambda c: c.target_minutes),
        "service_minutes": declared({s.id: s.service_minutes for s in site.services}, lambda c: c.service_minutes),
        "reply_minutes": declared({c.id: c.reply_minutes for c in site.channels}, lambda c: c.reply_minutes),
    }


def _plan(site: Site, ends: tuple[int, int]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The declared hours before and after the sealed days."""
    calendar = calendar_of([site], lambda _name: 0)
    if not calendar.of_site:
        return _whole(-(2**61), ends[0]), _whole(ends[1], 2**61)
    plan = calendar.plans[0]
    before, after = dict[str, Any](windows={}), dict[str, Any](windows={})
    for name, of in (("service", plan.service), ("official", plan.official), ("lunch", plan.lunch)):
        spans = [[a, b] for a, b in zip(of.start_us.tolist(), of.end_us.tolist(), strict=True)]
        before[name] = [span for span in spans if span[0] < ends[0]]
        after[name] = [span for span in spans if span[0] >= ends[1]]
    return before, after


def _whole(from_us: int, to_us: int) -> Mapping[str, Any]:
    return {"service": [[from_us, to_us]], "official": [[from_us, to_us]], "lunch": [], "windows": {}}


def _joined(parts: Iterable[Spans]) -> Hours:
    rows = np.array([span for part in parts for span in part], np.int64).reshape(-1, 2)
    return hours(rows[:, 0].copy(), rows[:, 1].copy())
