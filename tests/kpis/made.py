"""Small worlds written by hand: queue_log lines, kiosk stories and presses, and what the core makes of them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from collectors.formats.asterisk_queue_log import QueueLog
from kpis.columns import QUARTER_US
from kpis.results import KPIS, evaluate, facts_of, select
from kpis.rollup import one_group, roll_up
from telemetry.config import Service, Site
from telemetry.events import MISSING, Event
from tests.kpis import worlds
from tests.kpis.worlds import S, World, cube, names_of

SITE = Site(
    id="bangrak",
    fcr_window_s=600.0,
    services=(Service(id="idcard", target_minutes=10.0), Service(id="tax")),
)
CONTACTS = ("calls", "tickets", "votes", "conversations", "cases", "cases_due")
T0 = 1_767_236_400
"""2026-01-01 03:00Z, ten in the morning in Bangkok."""


def log(text, site=SITE, aliases=None, start=T0):
    """The events of a queue_log whose epochs are seconds after `start`; callers' numbers are their tokens."""
    lines = []
    for line in filter(str.strip, text.splitlines()):
        after, _, rest = line.strip().partition("|")
        lines.append(f"{start + int(after)}|{rest}".encode())
    decoded = QueueLog(site=site.id, source="pbx").feed(lines, 0)
    assert not decoded.rejected
    return [
        e._replace(person="", caller=int(e.person or 0), c=(aliases or {}).get(e.contact, e.c))
        if e.type == "call.entered"
        else e
        for e in decoded.events
    ]


def ticket(story, number="A001", unit="idcard", site=SITE, start=T0):
    """Events of one ticket from `0 issued, 300 called, …`; a third word names another unit, and `issued=1` a priority,
    `finished=1` a disposition, `triaged=1` an outcome."""
    events = []
    for step in story.split(","):
        after, word, *place = step.split()
        word, _, slot = word.partition("=")
        where = place[0] if place else unit if word == "issued" else ""
        at_us = start * S + round(float(after) * S)
        a = int(slot) if slot else MISSING
        events.append(Event(site.id, "kiosk", "", f"ticket.{word}", at_us, where, number, "counter-1", a=a))
    return events


def press(*scores, scale=5, unit="idcard", site=SITE, start=T0):
    """One vote for each score, a minute apart."""
    return [
        Event(site.id, "button", "", "vote.cast", (start + 60 * i) * S, unit, a=score, b=scale)
        for i, score in enumerate(scores)
    ]


def figures(events, site=SITE, sites=None, unit=None):
    """Every KPI and every measure of these events: `.calls_offered`, `.measures["fcr_eligible"]`, `.cells`: where contacts
    are counted, and with a unit whatever is counted there."""
    world = World(tuple(events), tuple(sites or (site,)))
    names = names_of(world)

    def ours(block):
        keep = block.site == names.code(site.id)
        return keep if unit is None else keep & (block.unit == names.code(unit))

    of = select(cube(world, names), ours)
    sums, seconds = roll_up(of, one_group(of), 1)
    results = {name: evaluate(kpi, sums, seconds, 1) for name, kpi in KPIS.items()}
    values = {name: None if np.isnan(r.value[0]) else float(r.value[0]) for name, r in results.items()}
    values["rings_to_answer"] = {k: int(v[0]) for k, v in results["rings_to_answer"].bins.items() if v[0]}
    return SimpleNamespace(
        **values,
        results=results,
        measures={name: int(v[0]) for name, v in sums.items()},
        cells=_cells(world, names, site, unit),
    )


def _cells(world, names, site, unit):
    rules, zones = worlds.rules_and_zones(world, names)
    facts = facts_of(worlds.columns_of(world.events, names), rules, zones)
    return sorted(
        {
            (names.texts[u], int(q))
            for family in (facts if unit else CONTACTS)
            for s, u, q in zip(
                facts[family].site.tolist(),
                facts[family].unit.tolist(),
                zones.to_local(facts[family].arrival_us, facts[family].site) // QUARTER_US,
                strict=True,
            )
            if s == names.code(site.id) and (unit is None or u == names.code(unit))
        }
    )


def states(events, kind, site=SITE):
    """What is not added up about each contact, in the order of arrival."""
    world = World(tuple(events), (site,))
    names = names_of(world)
    facts = facts_of(worlds.columns_of(events, names), *worlds.rules_and_zones(world, names))[kind]
    order = np.argsort(facts.arrival_us, kind="stable")
    return {name: values[order].tolist() for name, values in facts.state.items()}


def clocked(ring_clock, **more):
    return replace(SITE, ring_clock=ring_clock, **more)
