"""Tickets, from their definitions: which events are one ticket, and who stood in line with whom. What a ticket is and has
is in ticket.py, what is asked of it in ticket_rows.py."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from telemetry.config import Site
from telemetry.events import Event
from tests.kpis.second_reading import ticket_rows
from tests.kpis.second_reading.base import Contact, Contacts, local, quarter
from tests.kpis.second_reading.ticket import Ticket

KPIS = ticket_rows.KPIS


def read(events: Sequence[Event], site: Site, _contacts: Contacts) -> dict[str, list[Contact]]:
    """Of one site's events in the order of time."""
    found = tickets_of(events, site)
    stand_in_line(found)
    return {"tickets": found, "ticket_passages": [p for t in found if not t.only_screened for p in t.passages]}


def tickets_of(events: Sequence[Event], site: Site) -> list[Ticket]:
    """One number of one local day from its issue on; what stands before its first issue belongs to its first ticket."""
    found: dict[tuple[str, date], list[list[Event]]] = defaultdict(list)
    for e in events:
        if not e.type.startswith("ticket.") or not e.contact:
            continue
        of_number = found[e.contact, local(site, e.time_us).date()]
        if not of_number or (e.type == "ticket.issued" and any(x.type == "ticket.issued" for x in of_number[-1])):
            of_number.append([])
        of_number[-1].append(e)
    today = local(site, max(e.time_us for e in events)).date() if events else None
    out = []
    for (_, day), of_number in found.items():
        for mine in of_number:
            begin = next((e for e in mine if e.type == "ticket.issued"), mine[0])
            out.append(Ticket(site.id, begin.unit, quarter(site, begin.time_us), site, mine, day, over=today > day))
    return out


def stand_in_line(found: Sequence[Ticket]) -> None:
    """Who was called ahead of whom."""
    lines: dict[object, list[Ticket]] = defaultdict(list)
    for t in found:
        if t.issued:
            lines[t.line].append(t)
    for t in found:
        if not t.called_from_line:
            continue
        for other in lines[t.line]:
            if other.arrival_us < t.arrival_us:
                gone = other.leaves is not None and other.leaves.time_us > t.leaves.time_us
                t.ahead = t.ahead or gone or other.leaves is None
                t.ahead_of_gone = t.ahead_of_gone or gone
