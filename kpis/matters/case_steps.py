"""The steps of cases: each number of a step of one case, from its start to its end, against the date it is due."""

from __future__ import annotations

import numpy as np

from kpis.columns import DAY_US, I32, MISSING, first_row, group, last_row, pair, pick, rows_where
from kpis.matters.matters import Matters, milliseconds, seconds
from kpis.model import Facts

STEP_STARTED, STEP_FINISHED = 104, 105
LONGEST_DUE_MS = 50 * 366 * DAY_US // 1000


def steps_of(m: Matters, unit_of_case: I32) -> Facts:
    """Steps by (case, number of the step), at their first start, under the unit that this one names, else the case's.

    A step is finished with its last `case.step_finished` since its first start, and due when the last of its starts that
    tells a date says; a date before its first start, or 50 years after it, is none. One that was never started stands at
    its first finish, under the unit that this one names, else the case's, and is only counted. An event without the number of a step is of none. Whether the case was received,
    withdrawn or settled does not matter.
    """
    rows = rows_where(((m.ev.type == STEP_STARTED) | (m.ev.type == STEP_FINISHED)) & (m.ev.a != MISSING))
    case = m.of_row[rows]
    g = group(pair(case.astype(np.uint64), m.ev.a[rows].astype(np.uint64)))
    rows, at = rows[g.order], g.starts
    ev, case = m.ev.take(rows), case[g.order]
    starts = ev.type == STEP_STARTED
    start = first_row(starts, at)
    started = start < len(ev)
    start_us = np.where(started, pick(ev.time_us, start), ev.time_us[at])
    since = np.arange(len(ev)) > start[g.of_row]
    finish = last_row((ev.type == STEP_FINISHED) & since, at)
    finished = finish >= 0
    end_us = pick(ev.time_us, finish)

    told_ms = pick(ev.b, last_row(starts & (ev.b != MISSING), at))
    start_ms = start_us // 1000
    due = started & (told_ms >= start_ms) & (told_ms <= start_ms + LONGEST_DUE_MS)
    in_time = due & finished & (end_us // 1000 <= told_ms)
    late = due & ~finished & (m.as_of_us[case[at]] // 1000 > told_ms)
    named = ev.unit[np.where(started, start, at)]
    return Facts(
        site=m.site[case[at]],
        unit=np.where(named > 0, named, unit_of_case[case[at]]).astype(np.int32),
        arrival_us=start_us,
        counts={
            "case_steps_started": started,
            "case_steps_never_started": ~started,
            "case_steps_due": (due & finished) | late,
            "case_steps_in_time": in_time,
        },
        seconds={"case_step_s": seconds(milliseconds(start_us, end_us, finished), finished)},
        state={"seq": ev.seq[at], "due_us": np.where(due & ~finished, told_ms * 1000, MISSING)},
    )
