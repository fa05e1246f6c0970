"""Demand: every contact of whatever kind as one row, what it was about, when it came, and the busiest hour of each day.

A contact is a ticket that was issued, a call that was offered, a conversation or a case that began: the same ones, at the
same site, unit and instant, as in their own families.

- Category: `complaint` for a case of that kind; else what the site declares of the contact's unit; else none.
- Online: a conversation, or a case whose unit is one of the site's online channels.
- Lunch: it came in a lunch break that its site declares.
- Peak: a ticket or call that came in its site's busiest hour of that local day: the full hour of the clock in which most
  tickets and calls came, of equal ones the earliest.
- Rest: a ticket or call that came neither in a lunch break nor in that hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kpis.columns import I32, I64, Bool, Zones, rows_where
from kpis.declared import place
from kpis.model import Facts, Rules
from kpis.stack import Part

HOUR_US = 3_600_000_000
_HOUR_BITS, DAY_BITS, _UNIT_BITS = 5, 20, 20
"""In keys: an hour of the day behind a day since 1970, behind a unit, behind a site."""
TICKETS, CALLS, CONVERSATIONS, CASES = range(4)
KINDS = ("tickets", "calls", "conversations", "cases")
CATEGORIES = ("mission", "information", "complaint")
_BEGAN = (
    ("tickets", "tickets_issued", "ticket_wait_s"),
    ("calls", "calls_offered", "call_wait_s"),
    ("conversations", "conversations", ""),
    ("cases", "cases_received", ""),
)
"""Of each kind: its family, the measure that says that a row of it is a contact, and the histogram of its waits."""
FAMILIES = tuple(family for family, _, _ in _BEGAN)
_WAITS = ("ticket", "call")


@dataclass(frozen=True, slots=True)
class Arrivals:
    """All contacts, those of one kind together, in the order of KINDS."""

    site: I32
    unit: I32
    at_us: I64
    site_day: I64
    """Its site and local day, …"""
    hour: I64
    """… and the hour of that day."""
    rows: tuple[slice, ...]
    """Where those of each kind are."""
    wait_s: I64
    """Of tickets and calls; -1 where there is none."""
    complains: Bool
    """Of cases: it is of the kind complaint."""
    service: I64
    """Its unit as a place in `services`; -1 where that is no service of its site."""
    services: I64
    """What the sites declare, as `declared.place` makes the key, …"""
    category: I64
    """… and the place of each in CATEGORIES."""

    def __len__(self) -> int:
        return len(self.at_us)


def arrivals(families: Mapping[str, Facts], rules: Rules, zones: Zones) -> Arrivals:
    """The contacts of these families."""
    parts: list[tuple[I32, I32, I64]] = [(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int64))]
    waits: list[I64] = [np.empty(0, np.int64)]
    complains, where, n = np.empty(0, np.bool_), [], 0
    for kind, (family, began, wait) in enumerate(_BEGAN):
        of, begin = families.get(family), n
        if of is not None and len(of.site):
            rows = rows_where(of.counts[began])
            parts.append((of.site.take(rows), of.unit.take(rows), of.arrival_us.take(rows)))
            n += len(rows)
            if wait:
                waits.append(of.seconds[wait].take(rows))
            elif kind == CASES:
                complains = of.counts["cases_of_kind_complaint"].take(rows) != 0
        where.append(slice(begin, n))
    site, unit, at_us = (np.concatenate(x) for x in zip(*parts, strict=True))
    services, category = _declared(rules.categories)
    hour = zones.to_local(at_us, site) // HOUR_US
    day = hour // 24
    return Arrivals(
        site, unit, at_us, on_day(site, day), hour - day * 24, tuple(where), np.concatenate(waits), complains,
        _found(services, site, unit), services, category,
    )  # fmt: skip


_last: tuple[Mapping[tuple[int, int], str], tuple[I64, I64]] | None = None
"""Of the rules that were read last: they stay for as long as a service runs, and are of all its sites."""


def _declared(categories: Mapping[tuple[int, int], str]) -> tuple[I64, I64]:
    """Keys of the declared services, ascending, and the rank of each one's category. The table of rules never changes."""
    global _last  # noqa: PLW0603
    kept = _last
    if kept is None or kept[0] is not categories:
        told = sorted((s << 32 | u, CATEGORIES.index(name)) for (s, u), name in categories.items() if s >= 0 <= u)
        kept = categories, (np.array([k for k, _ in told], np.int64), np.array([rank for _, rank in told], np.int64))
        _last = kept
    return kept[1]


def seqs(families: Mapping[str, Facts]) -> I64:
    """Journal offsets of the contacts of these families, in the order of `arrivals`: the drill-down alone asks for them."""
    each = ((families.get(family), began) for family, began, _ in _BEGAN)
    rows = [of.state["seq"][rows_where(of.counts[began])] for of, began in each if of is not None and len(of.site)]
    return np.concatenate([np.empty(0, np.int64), *rows])


def on_day(site: I32, day: I64) -> I64:
    """One key for a local day of a site."""
    return site.astype(np.int64) << DAY_BITS | day


def contacts(a: Arrivals, peak: Bool, rules: Rules) -> Facts:
    """The measures of each contact; `peak` says which came in the busiest hour of their day."""
    category, online = np.append(a.category, -1).take(a.service), np.zeros(len(a), np.bool_)
    online[a.rows[CONVERSATIONS]] = True
    if len(a.complains):
        cases = a.rows[CASES]
        channels = np.array(sorted(s << 32 | u for s, u in rules.reply_in_service_hours if s >= 0 <= u), np.int64)
        category[cases][a.complains] = CATEGORIES.index("complaint")
        online[cases] = _found(channels, a.site[cases], a.unit[cases]) >= 0
    outside = ~rules.calendar.is_official(a.at_us, a.site)
    lunch = rules.calendar.is_lunch(a.at_us, a.site)
    outside_by_kind = np.zeros((len(KINDS), len(a)), np.bool_)
    waits = np.full((len(_WAITS) * 3, len(a)), -1, np.int64)
    for kind, rows in enumerate(a.rows):
        outside_by_kind[kind, rows] = outside[rows]
    for kind in (TICKETS, CALLS):
        rows = a.rows[kind]
        wait, at_lunch, at_peak = a.wait_s[rows], lunch[rows], peak[rows]
        for i, part in enumerate((at_lunch, at_peak, ~(at_lunch | at_peak))):
            np.copyto(waits[kind * 3 + i, rows], wait, where=part)
    return Facts(
        site=a.site,
        unit=a.unit,
        arrival_us=a.at_us,
        counts={
            "contacts": np.ones(len(a), np.bool_),
            **{f"contacts_{name}": category == i for i, name in enumerate(CATEGORIES)},
            "contacts_without_category": category < 0,
            "contacts_online": online,
            "contacts_outside_official": outside,
            **{f"contacts_outside_official_{name}": outside_by_kind[i] for i, name in enumerate(KINDS)},
        },
        seconds={
            f"{name}_wait_{part}_s": waits[kind * 3 + i]
            for kind, name in enumerate(_WAITS)
            for i, part in enumerate(("lunch", "peak", "rest"))
        },
    )


def _found(keys: I64, site: I32, unit: I32) -> I64:
    """Where each unit of a site stands among the keys, which are ascending; -1 where it does not."""
    if not len(keys):
        return np.full(len(site), -1, np.int64)
    key = place(site, unit)
    at = keys.searchsorted(key)
    return np.where(keys.take(at, mode="clip") == key, at, -1)


def peaks(a: Arrivals) -> tuple[Bool, Part]:
    """Which contacts are in the busiest hour of their day; and a row for each of these hours, at its first contact."""
    n = a.rows[CALLS].stop
    key = a.site_day[:n] << _HOUR_BITS | a.hour[:n]
    hours, many = _counted(key)
    # Of the hours of each day, the first of the greatest number.
    day = hours >> _HOUR_BITS
    days = _changes(day)
    last = (1 << _HOUR_BITS) - 1
    best = np.maximum.reduceat(many << _HOUR_BITS | last - (hours & last), days) if len(days) else many
    busiest = day[days] << _HOUR_BITS | last - (best & last)
    is_peak = np.zeros(len(a), np.bool_)
    is_peak[:n], earliest = _within(key, busiest, a.at_us[:n])
    return is_peak, Part(
        busiest >> (DAY_BITS + _HOUR_BITS), np.zeros(len(best), np.int32), earliest,
        {"peak_hours": np.ones(len(best), np.bool_), "peak_arrivals": best >> _HOUR_BITS},
    )  # fmt: skip


def services(a: Arrivals, rules: Rules) -> list[Part]:
    """A row for each declared service and local month in which any contact was for it, at the first of them; and one for
    each site and local month that has any contact, at the first of them: how many services it declares."""
    rows = rows_where(a.service >= 0)
    day = a.site_day & ((1 << DAY_BITS) - 1)
    service, used_us = _first_in_months(a.service[rows], day[rows], a.at_us[rows])
    sites, opened_us = _first_in_months(a.site, day, a.at_us)
    number = np.array([len(rules.services.get(code, ())) for code in sites.tolist()], np.int64)
    some = number > 0
    return [
        Part(
            a.services[service] >> 32, np.zeros(len(used_us), np.int32), used_us,
            {"services_used": np.ones(len(used_us), np.bool_)},
        ),
        Part(sites[some], np.zeros(int(some.sum()), np.int32), opened_us[some], {"services_declared": number[some]}),
    ]  # fmt: skip


def _first_in_months(what: I64 | I32, day: I64, at_us: I64) -> tuple[I64, I64]:
    """Each different one once for each local month that it has, and its least time there."""
    if not len(what):
        return np.empty(0, np.int64), at_us
    lowest, first = int(what.min()), int(day.min())
    months = np.arange(first, int(day.max()) + 1).view("M8[D]").astype("M8[M]").view(np.int64)
    n = int(months[-1] - months[0]) + 1
    least = np.full((int(what.max()) - lowest + 1) * n, 2**62, np.int64)
    np.minimum.at(least, (what - lowest) * np.int64(n) + (months - months[0]).take(day - first), at_us)
    there = rows_where(least < 2**62)
    return there // n + lowest, least[there]


def _counted(key: I64) -> tuple[I64, I64]:
    """The different keys, ascending, and how many there are of each."""
    low, high = (int(key.min()), int(key.max())) if len(key) else (0, 0)
    if high - low <= 16 * len(key) + 4096:
        many = np.bincount(key - low)
        there = rows_where(many > 0)
        return there + low, many[there]
    ascending = np.sort(key)
    starts = _changes(ascending)
    return ascending[starts], np.diff(starts, append=len(key))


def _changes(ascending: I64) -> I64:
    """Where each different number begins."""
    new = np.ones(len(ascending), np.bool_)
    np.not_equal(ascending[1:], ascending[:-1], out=new[1:])
    return rows_where(new)


def _within(key: I64, chosen: I64, at_us: I64) -> tuple[Bool, I64]:
    """Which keys are among the chosen ones, which are ascending; and the least time of each of those."""
    least = np.full(len(chosen), 2**62, np.int64)
    if not len(chosen):
        return np.zeros(len(key), np.bool_), least
    place = chosen.searchsorted(key)
    there: Bool = chosen.take(place, mode="clip") == key
    np.minimum.at(least, place[there], at_us[there])
    return there, least
