"""Days of a centre: lunch breaks covered, declared windows served, visitors for each service.

A site is looked at from its first event to its cut-off, which is its last event where none is given.

- Lunch breaks (of days that have official hours) and declared windows are stretches of one local day; what touches is
  one stretch. Those count that lie within that time from beginning to end. The ones of one local day are one, at the
  beginning of the first of them, covered or served where any of them is.
- A break is covered when a ticket was called, started or finished in it, or a call connected in it; or when a counter
  was opened on that local day, not after the break began, and not closed before it ended. Of one instant the closing of
  a counter comes first.
- A window is served when a ticket was finished in it, or a call completed or transferred.
- Service days are the local days with service hours, from that of the first event on, once the first of these hours
  began, where they stand; without declared hours all local days as far as that of the cut-off, at their beginning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kpis.calendar import Hours, Plan
from kpis.columns import DAY_US, I64, Bool, Columns, Zones, rows_where
from kpis.days.day_kpis import KPIS
from kpis.days.demand import FAMILIES, TICKETS, Arrivals, arrivals, on_day, peaks, services
from kpis.days.demand import contacts as of_demand
from kpis.keeping import Kept, Same
from kpis.local_days import Rows, Spans, day_start, spread
from kpis.model import By, Facts, Rules
from kpis.stack import Part, nothing, stack

__all__ = ["KPIS", "contacts"]

CALLED, STARTED, FINISHED = 11, 13, 16
COUNTER_OPENED, COUNTER_CLOSED = 30, 31
CONNECTED, COMPLETED, TRANSFERRED = 54, 55, 56
_MS_BITS = 42
_MS = (1 << _MS_BITS) - 1

_WORK = np.zeros(128, np.bool_)
_WORK[[CALLED, STARTED, FINISHED, CONNECTED]] = True
_DONE = np.zeros(128, np.bool_)
_DONE[[FINISHED, COMPLETED, TRANSFERRED]] = True
_Stretches = tuple[Rows, I64, I64]
"""(site, from, to) of hours, in the order of (site, from)."""
_NONE: _Stretches = (np.empty(0, np.intp), np.empty(0, np.int64), np.empty(0, np.int64))


def contacts(
    cols: Columns, rules: Rules, zones: Zones, families: Mapping[str, Facts], known: Spans, kept: Kept
) -> dict[str, Facts]:
    """The days of each centre; every contact of `families` as one row; and what was served outside official hours."""

    def of_contacts() -> tuple[Arrivals, Facts, list[Part]]:
        came = arrivals(families, rules, zones)
        is_peak, peak_hours = peaks(came)
        return came, of_demand(came, is_peak, rules), [peak_hours, *services(came, rules)]

    came, demand, hours_and_services = kept.part(
        "demand", of_contacts, Same(*(families[name] for name in FAMILIES if name in families))
    )
    plans = _plans(known, rules)
    return {
        "days": stack(
            [
                _lunches(cols, plans, known, zones),
                _windows(cols, plans, known, zones),
                _service_days(came, plans, known, rules, zones),
                *hours_and_services,
            ],
            By.SITE,
        ),
        "contacts": demand,
        "windows": _served_outside(cols, plans, known, rules, zones),
    }


def _plans(known: Spans, rules: Rules) -> list[tuple[Plan, Rows]]:
    """Each plan with the sites (indices) that declare it."""
    of_site = [rules.calendar.of_site.get(code, -1) for code in known.site.tolist()]
    return [(rules.calendar.plans[p], rows_where(np.array(of_site) == p)) for p in dict.fromkeys(of_site) if p >= 0]


# -- stretches of hours


def _chosen(hours: Hours, sites: Rows, first: Rows, after: Rows) -> _Stretches:
    """Of each site the stretches from the one of that number to before the other."""
    if len(sites) == 1:
        a, b = int(first[0]), int(after[0])
        return (np.full(b - a, sites[0]), hours.start_us[a:b], hours.end_us[a:b]) if a < b else _NONE
    owner, offset = spread(np.maximum(after - first, 0))
    rows = first[owner] + offset
    return sites[owner], hours.start_us[rows], hours.end_us[rows]


def _that_lie_within(hours: Hours, sites: Rows, known: Spans) -> _Stretches:
    """The stretches of these hours that lie within the spans of the sites."""
    return _chosen(
        hours, sites, hours.start_us.searchsorted(known.begin_us[sites]),
        hours.end_us.searchsorted(known.stop_us[sites], side="right"),
    )  # fmt: skip


def _together(parts: Sequence[_Stretches]) -> _Stretches:
    """Stretches of several plans, in their order."""
    parts = [part for part in parts if len(part[0])]
    if len(parts) < 2:
        return parts[0] if parts else _NONE
    site, start, end = (np.concatenate(x) for x in zip(*parts, strict=True))
    order = np.lexsort((start, site))
    return site[order], start[order], end[order]


def _by_day(of: _Stretches, known: Spans, zones: Zones) -> tuple[Rows, I64, Rows]:
    """Taken together by local day: the site (index) and the beginning of the first of each day, and which one it is."""
    site, start, _ = of
    day = zones.to_local(start, known.site[site]) // DAY_US
    new = np.ones(len(site), np.bool_)
    np.not_equal(day[1:], day[:-1], out=new[1:])
    if len(known.site) > 1:
        new[1:] |= site[1:] != site[:-1]
    at = rows_where(new)
    return site[at], start[at], at


def _packed(known: Spans, site: Rows, time_us: I64) -> I64:
    """Site (by index) and time as one number that sorts, of several sites to the millisecond: hours begin and end at
    whole ones."""
    if len(known.site) == 1:
        return time_us
    return site << _MS_BITS | np.minimum(np.maximum(time_us // 1000, 0), _MS)


def _has_any(cols: Columns, types: Bool, of: _Stretches, known: Spans) -> Bool:
    """Whether any event of these types lies in each stretch."""
    rows = rows_where(types.take(cols.type))
    times = cols.time_us[rows]
    if len(known.site) > 1:
        times = _packed(known, known.of(cols.site[rows]), times)
    times.sort(kind="stable")  # they are almost in order
    site, start, end = of
    out: Bool = times.searchsorted(_packed(known, site, end)) > times.searchsorted(_packed(known, site, start))
    return out


# -- what became of them


def _lunches(cols: Columns, plans: list[tuple[Plan, Rows]], known: Spans, zones: Zones) -> Part:
    breaks = _together([_that_lie_within(plan.lunch, sites, known) for plan, sites in plans])
    if not len(breaks[0]):
        return nothing(("lunch_days", "lunch_days_covered"))
    covered = _has_any(cols, _WORK, breaks, known) | _counter_open_through(cols, breaks, known, zones)
    site, start, at = _by_day(breaks, known, zones)
    return Part(
        known.site[site], np.zeros(len(at), np.int32), start,
        {"lunch_days": np.ones(len(at), np.bool_), "lunch_days_covered": np.logical_or.reduceat(covered, at)},
    )  # fmt: skip


def _counter_open_through(cols: Columns, breaks: _Stretches, known: Spans, zones: Zones) -> Bool:
    """Whether each break was one through which some counter was told open."""
    site, start, end = breaks
    rows = rows_where((cols.type == COUNTER_OPENED) | (cols.type == COUNTER_CLOSED))
    if not len(rows):
        return np.zeros(len(site), np.bool_)
    is_open = cols.type[rows] == COUNTER_OPENED
    # Of one instant the closing comes first: a counter that changes hands is open.
    rows = rows[np.lexsort((is_open, cols.time_us[rows], cols.party[rows], cols.site[rows]))]
    is_open, time_us, code = cols.type[rows] == COUNTER_OPENED, cols.time_us[rows], cols.site[rows]
    other = np.ones(len(rows), np.bool_)
    other[1:] = (code[1:] != code[:-1]) | (cols.party[rows[1:]] != cols.party[rows[:-1]])
    begins = rows_where(is_open)
    row = np.arange(len(rows))
    closing = np.minimum.accumulate(np.where(~is_open, row, len(rows))[::-1])[::-1][begins]
    counter = np.cumsum(other)
    closed = closing < len(rows)
    closed[closed] = counter[closing[closed]] == counter[begins[closed]]
    of = known.of(code[begins])
    from_us = time_us[begins]
    to_us = np.where(closed, time_us[np.minimum(closing, len(rows) - 1)], known.cut_us[of])
    ends_of_day = day_start(zones.to_local(from_us, code[begins]) // DAY_US + 1, code[begins], zones)
    first = _packed(known, site, start).searchsorted(_packed(known, of, -(-from_us // 1000) * 1000))
    after = _packed(known, site, end).searchsorted(_packed(known, of, np.minimum(to_us, ends_of_day)), side="right")
    depth = np.zeros(len(site) + 1, np.int64)
    some = after > first
    np.add.at(depth, first[some], 1)
    np.add.at(depth, after[some], -1)
    return np.cumsum(depth[:-1]) > 0


def _windows(cols: Columns, plans: list[tuple[Plan, Rows]], known: Spans, zones: Zones) -> Part:
    """The days of each window."""
    found = [
        of
        for plan, sites in plans
        for _, hours in plan.windows
        if len((of := _that_lie_within(hours, sites, known))[0])
    ]
    if not found:
        return nothing(("window_days", "window_days_served"))
    parts = []
    for of in found:
        site, start, at = _by_day(of, known, zones)
        parts.append((known.site[site], start, np.logical_or.reduceat(_has_any(cols, _DONE, of, known), at)))
    code, start, served = (np.concatenate(x) for x in zip(*parts, strict=True))
    return Part(
        code, np.zeros(len(code), np.int32), start,
        {"window_days": np.ones(len(code), np.bool_), "window_days_served": served},
    )  # fmt: skip


def _served_outside(cols: Columns, plans: list[tuple[Plan, Rows]], known: Spans, rules: Rules, zones: Zones) -> Facts:
    """The first finish of each ticket number and local day outside official hours, by window."""
    ends = rows_where(cols.type == FINISHED) if plans else _NONE[0]
    ends = ends[~rules.calendar.is_official(cols.time_us[ends], cols.site[ends])]
    ends = ends[cols.contact[ends] != 0]
    site, time_us = cols.site[ends], cols.time_us[ends]
    window = np.zeros(len(ends), np.int32)
    if len(ends):
        day = zones.to_local(time_us, site) // DAY_US
        key = (day, cols.contact[ends], site)
        rows = np.lexsort((time_us, *key))
        new = np.zeros(len(rows), np.bool_)
        new[:1] = True
        for part in key:
            new[1:] |= part[rows[1:]] != part[rows[:-1]]
        site, time_us, window, ends = site[rows[new]], time_us[rows[new]], window[: new.sum()], ends[rows[new]]
        for plan, sites in plans:
            mine = np.isin(site, known.site[sites])
            for name, hours in reversed(plan.windows):
                window[mine & hours.inside(time_us)] = max(rules.window_units.get(name, 0), 0)
    return Facts(
        site=site,
        unit=window,
        arrival_us=time_us,
        counts={"services_outside_official": np.ones(len(site), np.bool_)},
        state={"seq": cols.seq[ends]},
    )


def _service_days(contacts: Arrivals, plans: list[tuple[Plan, Rows]], known: Spans, rules: Rules, zones: Zones) -> Part:
    """A row for each service day: the tickets issued on that local day, and the services that the centre declares."""
    parts = [_opened(plan, sites, known, zones) for plan, sites in plans]
    if sum(len(sites) for _, sites in plans) < len(known.site):
        always = np.ones(len(known.site), np.bool_)
        for _, sites in plans:
            always[sites] = False
        parts.append(_every_day(rows_where(always), known, zones))
    site, start, _ = _by_day(_together(parts), known, zones)
    if not len(site):
        return nothing((*_OF_A_SERVICE_DAY[:1],), _OF_A_SERVICE_DAY[1:])
    code = known.site[site]
    day = on_day(code, zones.to_local(start, code) // DAY_US)
    issued = contacts.site_day[contacts.rows[TICKETS]]
    at = day.searchsorted(issued)
    visitors = np.bincount(at[day.take(at, mode="clip") == issued], minlength=len(day))
    services = np.array([len(rules.services.get(code, ())) for code in known.site.tolist()], np.int64)[site]
    return Part(
        code, np.zeros(len(site), np.int32), start,
        dict(
            zip(
                _OF_A_SERVICE_DAY,
                (np.ones(len(site), np.bool_), visitors, services, np.where(services > 0, visitors, 0)),
                strict=True,
            )
        ),
    )  # fmt: skip


_OF_A_SERVICE_DAY = ("service_days", "visitors", "service_days_services", "visitors_of_services")


def _opened(plan: Plan, sites: Rows, known: Spans, zones: Zones) -> _Stretches:
    """Stretches of service time from the local day of the first event on, that began by the cut-off."""
    code, starts = known.site[sites], plan.service.start_us
    begins = day_start(zones.to_local(known.begin_us[sites], code) // DAY_US, code, zones)
    return _chosen(
        plan.service, sites, starts.searchsorted(begins), starts.searchsorted(known.stop_us[sites], side="right")
    )


def _every_day(sites: Rows, known: Spans, zones: Zones) -> _Stretches:
    """All local days from the first event to the cut-off."""
    codes = known.site[sites]
    first = zones.to_local(known.begin_us[sites], codes) // DAY_US
    last = zones.to_local(known.stop_us[sites], codes) // DAY_US
    owner, offset = spread(np.maximum(last - first + 1, 0))
    start = day_start(first[owner] + offset, codes[owner], zones)
    return sites[owner], start, start
