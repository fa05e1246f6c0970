"""Which local days of a site's figures an event may change, and which ones time alone may.

An event counts on its own day, or on those just before, where its contact arrived. It may decide what was open on days
before: a call whether earlier ones were followed by another, the first event after a silence what became of the days in
between. Late ones may change all that their days were compared with, to the end of the month. Conversations and cases
stand on the days on which they began and are due, however long ago.

An event of today makes only today and yesterday due at once; what it may change further back is looked at again each
night (`nightly`).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

import numpy as np

from kpis.columns import DAY_US, I64, MISSING, U64, Columns, Zones, rows_where
from kpis.matters.case_steps import STEP_STARTED
from kpis.matters.cases import ASSIGNED, OPENED, REOPENED
from kpis.matters.conversations import CLOSED, REPLIED
from telemetry.config import Site
from telemetry.exporters.influxdb_state import Due, SiteRow
from telemetry.packs import HEARD

AGAIN = Due(None, far=True)
"""Looked at again: no event of that day asks for it."""
WAITS_FOR_US = 150 * DAY_US
"""A conversation without a reply may become late for so long: the longest standard, in service hours."""
_FIRST_OF_CASES, _FIRST, _LAST = 100, 0, 10**6


def reach(site: Site) -> int:
    """Days before and after an event's own that may be compared with it."""
    return ceil(site.fcr_window_s / 86_400) + 2


def month_end(day: int) -> int:
    """The last day of the month of a day (days since 1970)."""
    month = np.datetime64(day, "D").astype("M8[M]") + 1
    return int(month.astype("M8[D]").astype(np.int64)) - 1


def of_events(
    days: I64, seq: I64, types: I64, site: Site, known: SiteRow, today: int
) -> tuple[dict[int, Due], SiteRow]:
    """The days that these events of a site make due, and what is known of the site then. `days` are their local days."""
    out: dict[int, Due] = {}
    first = known.first_day if known.first_day is not None else int(days.min())
    last = known.last_day if known.last_day is not None else int(days.min())
    low, high = min(first, int(days.min())), max(today, last, int(days.max()))

    def again(a: int, b: int) -> None:
        for day in range(max(a, low - 1), min(b, high) + 1):
            out.setdefault(day, AGAIN)

    around = reach(site)
    own, begin = np.unique(days, return_index=True)
    for day in own.tolist():
        again(day - 2, day - 1)
        if day < today - 1:
            again(day - around, max(day + around, month_end(day)))
    again(low, first if low < first else low - 1)
    heard = HEARD[types]
    heard_day = known.heard_day
    if heard.any():
        newest = int(days[heard].max())
        if heard_day is not None and newest > heard_day + 1:  # silence: what it left undecided is decided now
            again(heard_day - around, newest)
        heard_day = max(newest, heard_day or newest)
    newest = int(days.max())
    if newest > last:
        again(last - (around if newest > last + 1 else 0), newest)
    for day, at in zip(own.tolist(), begin.tolist(), strict=True):
        out[day] = Due(int(seq[at]), far=day < today or out.get(day) is AGAIN)
    return out, known._replace(first_day=low, last_day=max(last, newest), heard_day=heard_day)


def of_matters(matters: Columns, touched: U64, zones: Zones) -> dict[int, Due]:
    """The days on which the touched conversations and cases (contacts, as columns have them) stand."""
    return _days(matters.take(np.isin(matters.contact, touched)), zones)


def of_all(matters: Columns, zones: Zones) -> set[int]:
    """The days on which any of them stands."""
    return set(_days(matters, zones))


def nightly(matters: Columns, site: Site, known: SiteRow, today: int, zones: Zones) -> dict[int, Due]:
    """The days that time may have changed since the last night that was looked at."""
    since = min(known.swept_day if known.swept_day is not None else today, today)
    first = max(since - reach(site) - 1, known.first_day if known.first_day is not None else today)
    out = dict.fromkeys(range(first, today + 1), AGAIN)
    if not len(matters):
        return out
    family = (matters.type >= _FIRST_OF_CASES).astype(np.uint64)
    waits = _waiting(matters, zones, today)
    due_day = _local(_told_ms(matters) * 1000, matters, zones) // DAY_US
    fallen_due = (due_day >= since - 1) & (due_day <= today)
    for of, chosen in ((0, waits), (1, fallen_due)):
        mine = family == of
        out |= _days(matters.take(mine & np.isin(matters.contact, matters.contact[mine & chosen])), zones)
    return out


def _waiting(matters: Columns, zones: Zones, today: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Events of conversations that nobody has answered or closed, and that are not too old to become late."""
    conversations = matters.type < _FIRST_OF_CASES
    answered = conversations & (((matters.type == REPLIED) & (matters.a != 1)) | (matters.type == CLOSED))
    recent = _local(matters.time_us, matters, zones) >= (today * DAY_US - WAITS_FOR_US)
    return conversations & recent & ~np.isin(matters.contact, matters.contact[answered])


def _told_ms(matters: Columns) -> I64:
    """The date due that an event of a case tells, in milliseconds; far in the past where it tells none."""
    told = np.where((matters.type == OPENED) | (matters.type == STEP_STARTED), matters.b, matters.a)
    tells = np.isin(matters.type, (OPENED, STEP_STARTED, ASSIGNED)) & (told != MISSING)
    most = np.int64(2**62 // 1000)
    return np.where(tells & (np.abs(told) < most), told, -most)


def _days(matters: Columns, zones: Zones) -> dict[int, Due]:
    """The days of all these events, and the dates that they tell."""
    days = _local(matters.time_us, matters, zones) // DAY_US
    cases = rows_where((matters.type >= OPENED) & (matters.type <= REOPENED))
    due = _local(_told_ms(matters) * 1000, matters, zones)[cases] // DAY_US
    due = due[(due > _FIRST) & (due < _LAST)]
    return dict.fromkeys(np.unique(np.concatenate([days, due])).tolist(), AGAIN)


def _local(us: I64, matters: Columns, zones: Zones) -> I64:
    return zones.to_local(us, matters.site)


def merged(parts: list[Mapping[int, Due]]) -> dict[int, Due]:
    """All of them together."""
    out: dict[int, Due] = {}
    for part in parts:
        for day, due in part.items():
            had = out.get(day)
            seqs = [d.seq for d in (due, had) if d is not None and d.seq is not None]
            out[day] = Due(min(seqs, default=None), far=due.far or (had is not None and had.far))
    return out
