"""One contact: its events in order, what was derived of it, and the figures that it counts in.

It is asked for by the journal offset of any event of it. Events of one call or ticket are looked for within two days
around that one, those of a conversation or case in the whole journal. Events that were voided by hand are among them and
say so; nothing is derived of them. Persons come out as agents' pseudonyms only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from kpis.columns import DAY_US, I64, QUARTER_US, QUARTERS_A_DAY, Columns
from kpis.model import KPI, Facts, Kind
from kpis.results import KPIS
from kpis.tickets.ticket_story import ISSUED
from telemetry.cubes import site_facts
from telemetry.definitions import families
from telemetry.events import EVENT_TYPES, Event, slots
from telemetry.journal_reader import JournalReader
from telemetry.rules import zones_of
from telemetry.settings import Site
from telemetry.voided import source_of, voids_of

MOST_EVENTS: Final = 300
AROUND_US: Final = 2 * DAY_US
_OF_KIND = {
    "call": [row.code for name, row in EVENT_TYPES.items() if name.startswith("call.")],
    "ticket": [row.code for name, row in EVENT_TYPES.items() if name.startswith(("ticket.", "vote."))],
    "conversation": [row.code for name, row in EVENT_TYPES.items() if name.startswith("conversation.")],
    "case": [row.code for name, row in EVENT_TYPES.items() if name.startswith("case.")],
}
"""Kind of contact → codes of the events that may be its."""
LONG: Final = ("conversation", "case")
TIMES = {
    "calls": ("wait_ms", "ring_ms:calls_ring_known", "talk_ms:answered_talk_known", "hold_ms:calls_hold_known"),
    "stints": ("queue_wait_ms:queue_wait_known",),
    "outbound": ("outbound_talk_ms:calls_outbound_answered",),
    "tickets": (
        "ticket_wait_ms:tickets_called", "ticket_whole_wait_ms:tickets_whole_wait_known",
        "ticket_walk_ms:tickets_with_walk", "service_ms:tickets_with_service_time", "ticket_stay_ms:tickets_with_stay",
    ),
    "conversations": ("conversation_handled_ms:conversations_closed",),
}  # fmt: skip
"""Family → what is derived of a contact in milliseconds: a measure and the one that says whether it is known."""
SECONDS = {
    "calls": ("call_rings",),
    "conversations": ("conversation_reply_s",),
    "cases": ("complaint_acknowledge_s", "complaint_settle_s", "request_settle_s", "case_forward_s"),
    "case_steps": ("case_step_s",),
}
"""Family → histograms that say something of a contact; all but `call_rings` in seconds."""


@dataclass(frozen=True, slots=True)
class Told:
    """One event of it."""

    seq: int
    received_us: int
    event: Event
    by: str = ""
    """The role that voided it, or that added it by hand."""
    why: str = ""
    voided: bool = False

    @property
    def numbers(self) -> dict[str, int]:
        """What the event says besides, without anything of a person."""
        return {name: value for name, value in slots(self.event).items() if name not in _OF_PERSONS}


_OF_PERSONS = frozenset(("caller_previous_epoch",))


@dataclass(frozen=True, slots=True)
class Passage:
    """One row of a family that was made of these events."""

    family: str
    at_us: int
    unit: str
    outcome: str
    """A word of the page, as in `drill.Row`."""
    derived: dict[str, float]
    """What was derived → seconds; of `call_rings` how many."""


@dataclass(frozen=True, slots=True)
class Contact:
    kind: str
    """`call`, `ticket`, `conversation`, `case`, or what else an event is about."""
    name: str
    """Of a ticket its number; else ""."""
    events: list[Told]
    cut: bool
    """There are more events than are shown."""
    passages: list[Passage]
    figures: list[tuple[KPI, bool | None]]
    """KPIs that it counts in, and whether in the numerator; None where that is no question."""


def contact(journal: JournalReader, site: Site, key: int, *, now_us: int = 0) -> Contact:
    """The contact of the event at that journal offset; KeyError where the site has no such event."""
    found = journal.at(key, site.id)
    if found is None:
        raise KeyError(key)
    event = found[2]
    kind = event.type.partition(".")[0]
    seqs, voids = _seqs(journal, site, key, event, kind)
    told = [_told(journal, row, voids) for seq in seqs[:MOST_EVENTS].tolist() if (row := journal.at(seq, site.id))]
    passages, figures = _derived(journal, site, told, seqs, now_us)
    name = event.contact if kind == "ticket" else ""
    return Contact(kind, name, told, len(seqs) > MOST_EVENTS, passages, figures)


def _told(journal: JournalReader, row: tuple[int, int, Event], voids: Mapping[int, int]) -> Told:
    by = journal.event(voids[row[0]]) if row[0] in voids else row[2]
    if by is None or by.source != source_of(by.site):
        return Told(*row)
    said = json.loads(by.extra or "{}")
    return Told(*row, said.get("by", "–"), said.get("why", "–"), row[0] in voids)


def _seqs(journal: JournalReader, site: Site, key: int, event: Event, kind: str) -> tuple[I64, dict[int, int]]:
    """Journal offsets of the events of the contact, in the order of time, and the voids that hold among the events there."""
    if kind in LONG:
        cols = journal.matters(site.id, voided=True)
    else:
        cols = journal.columns([site.id], event.time_us - AROUND_US, event.time_us + AROUND_US, voided=True)
    voids = voids_of(cols)
    if not event.contact or kind not in _OF_KIND:
        return np.array([key], np.int64), voids
    name = cols.contact[cols.seq == key]
    cols = cols.take((cols.contact == name) & np.isin(cols.type, _OF_KIND[kind]) & (cols.site == journal.code(site.id)))
    cols = cols.take(np.lexsort((cols.seq, cols.time_us)))
    return (_one_ticket(journal, site, cols, key, voids) if kind == "ticket" else cols.seq), voids


def _one_ticket(journal: JournalReader, site: Site, cols: Columns, key: int, voids: Mapping[int, int]) -> I64:
    """Of events of one number those of the ticket that this one is of: one number of one local day, from its issue on."""
    day = zones_of([site], journal.code).to_local(cols.time_us, cols.site) // DAY_US
    cols = cols.take(day == day[cols.seq == key][0])
    issued = (cols.type == ISSUED) & ~np.isin(cols.seq, list(voids))
    nth = np.maximum(np.cumsum(issued), 1)
    mine: I64 = cols.seq[nth == nth[cols.seq == key][0]]
    return mine


def _derived(
    journal: JournalReader, site: Site, told: list[Told], seqs: I64, now_us: int
) -> tuple[list[Passage], list[tuple[KPI, bool | None]]]:
    """What the families made of these events, on the local days from the first of them to the day after it."""
    zones = zones_of([site], journal.code)
    first = np.array([told[0].event.time_us], np.int64)
    local = zones.to_local(first, np.array([journal.code(site.id)], np.int32)) // DAY_US
    begin = int(local[0]) * QUARTERS_A_DAY
    passages: list[Passage] = []
    counted: dict[str, int] = {}
    for piece, facts, zones in site_facts(journal, site, (begin, begin + 2 * QUARTERS_A_DAY), now_us):
        for family, f in facts.items():
            if "seq" not in f.state:
                continue
            quarter = zones.to_local(f.arrival_us, f.site) // QUARTER_US
            mine = np.isin(f.state["seq"], seqs) & (quarter >= piece[0]) & (quarter < piece[1])
            for row in np.flatnonzero(mine).tolist():
                for name, values in (*f.counts.items(), *((n, v >= 0) for n, v in f.seconds.items())):
                    counted[name] = counted.get(name, 0) + int(values[row])
                passages += _passage(journal, family, f, row)
    return passages, _figures(counted)


def _passage(journal: JournalReader, family: str, f: Facts, row: int) -> list[Passage]:
    derived: dict[str, float] = {}
    for entry in TIMES.get(family, ()):
        name, _, known = entry.partition(":")
        values = f.counts.get(name, f.state.get(name))
        if values is not None and int(values[row]) >= 0 and (not known or f.counts[known][row]):
            derived[name] = int(values[row]) / 1000
    derived |= {n: float(f.seconds[n][row]) for n in SECONDS.get(family, ()) if f.seconds[n][row] >= 0}
    outcome = ""
    if family == "calls":
        outcome = f"call_{int(f.state['outcome'][row])}"
    elif family == "tickets":
        outcome = f"ticket_{int(f.state['standing'][row])}"
    if not derived and not outcome:
        return []
    return [Passage(family, int(f.arrival_us[row]), journal.names[int(f.unit[row])], outcome, derived)]


def _figures(counted: dict[str, int]) -> list[tuple[KPI, bool | None]]:
    """The KPIs that these measures are in."""
    out: list[tuple[KPI, bool | None]] = []
    for kpi in KPIS.values():
        if kpi.kind in (Kind.RATIO, Kind.MEAN):
            if counted.get(kpi.denominator) and families()[kpi.denominator] == families()[kpi.numerator]:
                out.append((kpi, bool(counted.get(kpi.numerator)) if kpi.kind is Kind.RATIO else None))
        elif any(counted.get(name) for name in (kpi.numerator, kpi.denominator, kpi.histogram, kpi.censored) if name):
            out.append((kpi, None))
    return out
