"""What was voided by hand does not count: the one place that says which events do.

A void (`correction.voided`) names the journal offset of the event that counts no more, at the same site and the same
instant, so whoever reads one of the two reads the other. A void is an event and may be voided itself: then what it named
counts again. So of one event the newest word is the one that holds.
"""

from __future__ import annotations

import numpy as np

from kpis.columns import Bool, Columns, rows_where
from telemetry.events import BY_HAND, EVENT_TYPES, VOIDED

VOID = EVENT_TYPES[VOIDED].code


def source_of(site: str) -> str:
    """The source of everything that is told by hand at a site."""
    return f"{site}/{BY_HAND}"


def counting(cols: Columns) -> Columns:
    """The events that count: without those that were voided, and without the voids."""
    if not len(rows_where(cols.type == VOID)):
        return cols
    return cols.take(counts(cols))


def counts(cols: Columns) -> Bool:
    """Which of these events count. A void never does."""
    out: Bool = (cols.type != VOID) & ~np.isin(cols.seq, list(voids_of(cols)))
    return out


def voids_of(cols: Columns) -> dict[int, int]:
    """Offset of each event that is voided (it may be a void) → that of the void that holds."""
    rows = rows_where(cols.type == VOID)
    out: dict[int, int] = {}
    for seq, of in sorted(zip(cols.seq[rows].tolist(), cols.a[rows].tolist(), strict=True), reverse=True):
        if seq not in out:
            out.setdefault(of, seq)
    return out
