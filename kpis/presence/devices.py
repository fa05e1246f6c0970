"""Devices: when each was up, and how often and how long it was not.

A device is a source that ever sent a `device.*` event. It is down from a `device.offline` until its next event of any
kind; and, if it ever sent a heartbeat, from `silent_s` after an event until the next one; as far as the cut-off, and not
before the first event that is known of it. Down times that touch are one. Times are whole milliseconds, rounded down; at
one millisecond an offline comes last. Where only the time from an instant on is looked at, a device with an event before
that instant is taken as up until its next one, or as down if it ever sent a heartbeat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kpis.calendar import Calendar
from kpis.columns import I64, Bool, Columns, rows_where
from kpis.declared import Told as ToldBySite
from kpis.heard import DEVICE, HEARTBEAT, Heard
from kpis.local_days import Rows, Spans
from kpis.model import Rules
from kpis.presence.coverage import Missing, Told
from kpis.stack import Part, nothing

OFFLINE = 91
SILENT_MS = 900_000
_CODE = (1 << 20) - 1
_MS_BITS = 42
_MS = (1 << _MS_BITS) - 1
_WORD, _OFF = 2, 3
"""What a line is; at one millisecond the higher one comes later, and 0 or 1, what was before, comes first. Odd is down."""


@dataclass(frozen=True, slots=True)
class Downs:
    """Times in which devices were down, those of one device ascending and disjoint."""

    place: Rows
    """Row of `Told.place`."""
    from_us: I64
    to_us: I64
    is_open: Bool
    """It was still down at the cut-off."""
    since_us: I64
    """Of each place: its first event, where it is a device."""
    said: Missing
    """After a `device.offline` alone."""


_NONE = np.empty(0, np.int64)


def downs(cols: Columns, by: Told, known: Spans, heard: Heard, rules: Rules) -> Downs:
    """When the devices among these sources were down."""
    beats = by.kinds[:, HEARTBEAT]
    devices = rows_where(by.kinds[:, DEVICE])
    if not len(devices):
        return Downs(_NONE, _NONE, _NONE, _NONE != 0, by.since_us, (_NONE, _NONE, _NONE))
    place, ms, mark, since = _lines(cols, by, devices, heard)
    silent = ToldBySite(known.site[by.site])(rules.silent_ms, SILENT_MS)
    off = mark & 1 == 1
    cut_ms = known.cut_us[by.site] // 1000
    following = np.append(ms[1:], 0)
    lasts = np.ones(len(place), np.bool_)
    np.not_equal(place[1:], place[:-1], out=lasts[:-1])
    lasts |= following > cut_ms[place]
    following = np.where(lasts, cut_ms[place], following)
    begins = np.where(off, ms, ms + silent[place])
    down = rows_where((off | beats[place]) & (following > begins))

    of, a, b = place[down], begins[down], following[down]
    new = np.ones(len(of), np.bool_)
    new[1:] = (of[1:] != of[:-1]) | (a[1:] != b[:-1])
    at = rows_where(new)
    end = np.append(at[1:], len(of))[: len(at)] - 1
    said = mark[down] == _OFF
    return Downs(
        of[at], a[at] * 1000, b[end] * 1000, lasts[down][end], since * 1000,
        (of[said], a[said] * 1000, b[said] * 1000),
    )  # fmt: skip


def _lines(cols: Columns, by: Told, devices: Rows, heard: Heard) -> tuple[Rows, I64, I64, I64]:
    """(place, ms, mark) of each event of the devices, by place and time; and of each place when it was first heard of. A
    device that was heard of before these events begin is taken as up until the first of them, or as down if it sends
    heartbeats."""
    is_device = np.zeros(len(by.place), np.bool_)
    is_device[devices] = True
    rows = rows_where(is_device.take(by.of_event))
    ms = np.minimum(np.maximum(cols.time_us[rows] // 1000, 0), _MS)
    since = by.since_us // 1000
    np.minimum.at(since, by.of_event[rows], ms)
    key = by.of_event[rows] << (_MS_BITS + 2) | ms << 2 | (_WORD + (cols.type[rows] == OFFLINE))
    from_ms = max(heard.from_us // 1000, 0)
    before = devices[since[devices] < from_ms]
    if len(before):
        key = np.concatenate([before << (_MS_BITS + 2) | from_ms << 2 | by.kinds[before, HEARTBEAT], key])
    if (key[1:] < key[:-1]).any():
        key.sort()
    return key >> (_MS_BITS + 2), key >> 2 & _MS, key & 3, since


def incidents(down: Downs, by: Told, known: Spans, calendar: Calendar) -> Part:
    """A row for each down time that has service time in it, where it begins."""
    site = known.site[by.site[down.place]]
    ms = calendar.service_us(down.from_us, down.to_us, site) // 1000
    keep = rows_where(ms > 0)
    if not len(keep):
        return nothing(("device_incidents", "device_incidents_over"), ("device_repair_ms",))
    over = ~down.is_open[keep]
    return Part(
        site[keep], by.place[down.place[keep]] & _CODE, down.from_us[keep],
        {
            "device_incidents": np.ones(len(keep), np.bool_),
            "device_incidents_over": over,
            "device_repair_ms": np.where(over, ms[keep], 0),
        },
    )  # fmt: skip
