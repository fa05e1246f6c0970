"""Facts and cubes of many sites at once, for when a few events came to each of them.

What was made of a site's events is kept as its cells, with the few columns of facts that other parts are made of and the
live views read. Of all sites whose events or time changed a part, that part is made anew in one go; the cells are then put
side by side. The same as `results.facts_of` and `building.build` say site by site: a test holds them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kpis.blocks import QUARTER_BITS, SECOND_BITS, UNIT_BITS, WHICH_BITS, Block, Cube, Histograms, Table
from kpis.building import beside, build
from kpis.calls import calls
from kpis.columns import Columns, Zones, concat, empty
from kpis.cube import merge
from kpis.days import days
from kpis.heard import NOTHING, Heard
from kpis.keeping import Kept, ahead
from kpis.local_days import spans
from kpis.matters import cases, conversations
from kpis.model import Facts, Rules
from kpis.presence import presence
from kpis.results import facts_of
from kpis.staff import agents, counter_hours, counters, cover
from kpis.tickets import tickets
from kpis.tickets.ticket_legs import legs_of
from kpis.tickets.ticket_story import story_of
from kpis.votes import satisfaction


class _Columns(NamedTuple):
    """The columns of facts that are kept beside the cells."""

    counts: tuple[str, ...] = ()
    seconds: tuple[str, ...] = ()
    state: tuple[str, ...] = ()


_READ: dict[str, _Columns] = {
    "agents": _Columns(("agent_calls",), (), ("queue",)),
    "calls": _Columns(("calls_offered",), ("call_wait_s",), ("outcome", "waiting_since_us", "waiting_unit")),
    "tickets": _Columns(
        ("tickets_issued",),
        ("ticket_wait_s",),
        ("standing", "waiting_since_us", "waiting_unit", "taken_us", "taken_seq"),
    ),
    "words": _Columns(
        (
            "counter_openings",
            "counter_opened_twice",
            "counter_closed_twice",
            "counter_closed_unopened",
            "counter_work_while_closed",
        ),
        (),
        ("day", "until_us", "forgotten", "seq"),
    ),
    "finished": _Columns((), (), ("staff",)),
    "conversations": _Columns(("conversations", "conversations_waiting"), (), ("reply_due_us", "to_come_us")),
    "cases": _Columns(
        ("cases_received", "cases_of_kind_complaint", "cases_open", "cases_overdue"), (), ("due_us", "complaint_due_us")
    ),
    "case_steps": _Columns(("case_steps_due",), (), ("due_us",)),
}
"""What demand, cover, the time that matters wait for and the live views are made of."""


class _Made(NamedTuple):
    cube: Cube
    facts: dict[str, Facts]


@dataclass(slots=True)
class Together:
    """The same parts of several sites; `columns` are the events of each, in the order of codes."""

    columns: Mapping[int, Columns]
    kept: Mapping[int, Kept]
    rules: Rules
    zones: Zones

    def __post_init__(self) -> None:
        for code, cols in self.columns.items():
            self.kept[code].take_up(cols, self.rules, self.zones)

    def events(self, codes: Iterable[int]) -> Columns:
        """The events of these sites."""
        return concat([self.columns[code] for code in codes])

    def changed(self, name: str) -> list[int]:
        """The sites whose part is not what it was."""
        day = name in _BY_DAY
        return [code for code, kept in self.kept.items() if kept.known(name, kept.day if day else None) is None]

    def keep(self, name: str, codes: Sequence[int], facts: Mapping[str, Facts], cells: Mapping[str, Facts]) -> None:
        """Keep the cells of some families, and of `facts` what is read, of each of these sites."""
        cubes = _cubes(build(cells, self.zones), codes)
        parts = {family: _parts(_read(family, f), codes) for family, f in facts.items() if family in _READ}
        for i, code in enumerate(codes):
            made = _Made(cubes[i], {family: of[i] for family, of in parts.items()})
            kept = self.kept[code]
            until_us = None
            if name in _SAME_UNTIL:
                same_until = _SAME_UNTIL[name]
                until_us = min(same_until(made.facts, kept.as_of_us), ahead(name, self.columns[code], kept.as_of_us))
            kept.put(name, made, kept.day if name in _BY_DAY else None, until_us)

    def cells(self, name: str) -> Cube:
        """The cells of that part of all sites."""
        return merge([self._made(name, code).cube for code in self.kept])

    def facts(self, name: str, family: str, codes: Iterable[int] | None = None) -> Facts:
        """What is read of a family, of all sites or of these."""
        return _joined([self._made(name, code).facts[family] for code in (self.kept if codes is None else codes)])

    def _made(self, name: str, code: int) -> _Made:
        kept = self.kept[code]
        made = kept.known(name, kept.day if name in _BY_DAY else None)
        assert isinstance(made, _Made)
        return made


_BY_DAY = ("tickets", "counters", "cases")
_SAME_UNTIL: dict[str, Callable[[Mapping[str, Facts], int], int]] = {
    "conversations": conversations.same_until,
    "cases": cases.same_until,
}


def of_many(
    columns: Mapping[int, Columns], rules: Rules, zones: Zones, heard: Heard = NOTHING, *, kept: Mapping[int, Kept]
) -> tuple[dict[str, Facts], Cube]:
    """Of these sites what the live views read of the facts, and the cube; each site has a cut-off, and `kept` its own."""
    columns = {code: cols for code, cols in columns.items() if len(cols)}
    if not columns:
        families = facts_of(empty(), rules, zones, heard)
        return families, build(families, zones)
    them = Together(columns, {code: kept[code] for code in columns}, rules, zones)
    whole = them.events(columns)
    if fresh := them.changed("calls"):
        cols, anew = them.events(fresh), Kept()
        facts = {**calls.contacts(cols, rules), **agents.contacts(cols, rules, anew)}
        them.keep("calls", fresh, facts, facts)
    if fresh := them.changed("counter_words"):
        them.keep("counter_words", fresh, {"words": counter_hours.words(them.events(fresh), zones)}, {})
    hours, words, on = counter_hours.told(whole, rules, zones, them.facts("counter_words", "words"))
    if fresh := sorted({*them.changed("tickets"), *them.changed("counters")}):
        cols = them.events(fresh)
        story = story_of(cols, zones)
        legs = legs_of(story)
        of_tickets = tickets.contacts(cols, rules, zones, story, legs)
        them.keep("tickets", fresh, of_tickets, of_tickets)
        worked, served = counters.worked(story, legs, on)
        them.keep("counters", fresh, {"finished": _of_served(served)}, worked)
    if fresh := them.changed("votes"):
        votes = satisfaction.contacts(them.events(fresh), rules, zones)
        them.keep("votes", fresh, {}, votes)
    if fresh := them.changed("cover"):
        finished = _served(them.facts("counters", "finished", fresh))
        them.keep("cover", fresh, {}, cover.contacts(them.facts("calls", "agents", fresh), finished, zones))
    for name, make in (("conversations", conversations.contacts), ("cases", cases.contacts)):
        if fresh := them.changed(name):
            facts = make(them.events(fresh), rules, zones)
            them.keep(name, fresh, facts, facts)

    families = {name: them.facts(name, name) for name in ("calls", "tickets", "conversations", "cases")}
    known = spans(whole, rules, heard)
    rest = {
        **days.contacts(whole, rules, zones, families, known, Kept()),
        **presence.contacts(whole, rules, zones, known, heard),
    }
    cube = beside([
        them.cells("calls"), them.cells("tickets"), them.cells("votes"),
        build({"counters": hours, "counter_words": words}, zones),
        them.cells("counters"), them.cells("cover"), them.cells("conversations"), them.cells("cases"),
        build(rest, zones),
    ])  # fmt: skip
    return {**families, "counter_words": words}, cube


def _of_served(s: cover.Served) -> Facts:
    return Facts(s.site, s.unit, s.time_us, {}, state={"staff": s.staff.astype(np.int64)})


def _served(f: Facts) -> cover.Served:
    no_agent = np.zeros(len(f.site), np.bool_)
    return cover.Served(f.site, f.unit, f.state["staff"].astype(np.int32), f.arrival_us, no_agent)


def _read(family: str, f: Facts) -> Facts:
    """What is kept of a family."""
    c = _READ[family]
    counts, seconds = {name: f.counts[name] for name in c.counts}, {name: f.seconds[name] for name in c.seconds}
    return Facts(f.site, f.unit, f.arrival_us, counts, seconds, {name: f.state[name] for name in c.state}, f.by)


def _changed(f: Facts, change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]) -> Facts:
    """The same columns with other rows."""
    counts, seconds, state = (
        {name: change(values) for name, values in of.items()} for of in (f.counts, f.seconds, f.state)
    )
    return Facts(change(f.site), change(f.unit), change(f.arrival_us), counts, seconds, state, f.by)


def _parts(f: Facts, codes: Sequence[int]) -> list[Facts]:
    """The rows of each of these sites, ascending, in the order they have."""
    order = f.site.argsort(kind="stable")
    by_site, edges = _changed(f, lambda column: column[order]), np.array(codes)
    first, last = (by_site.site.searchsorted(edges, side=side).tolist() for side in ("left", "right"))
    return [_rows(by_site, a, b) for a, b in zip(first, last, strict=True)]


def _rows(f: Facts, first: int, last: int) -> Facts:
    return _changed(f, lambda column: column[first:last].copy())


def _joined(parts: Sequence[Facts]) -> Facts:
    """One below another; their columns are the same."""
    if len(parts) == 1:
        return parts[0]
    site, unit, at_us = (np.concatenate([getattr(f, name) for f in parts]) for name in ("site", "unit", "arrival_us"))
    counts, seconds, state = (
        {name: np.concatenate([getattr(f, table)[name] for f in parts]) for name in getattr(parts[0], table)}
        for table in ("counts", "seconds", "state")
    )
    return Facts(site, unit, at_us, counts, seconds, state, parts[0].by)


_SITE = QUARTER_BITS + UNIT_BITS
_ENTRY = WHICH_BITS + SECOND_BITS


def _cubes(cube: Cube, codes: Sequence[int]) -> list[Cube]:
    """Each site's part, also the blocks in which it has no cell."""
    if len(codes) == 1:
        return [cube]
    out: list[dict[str, Block]] = [{} for _ in codes]
    edges = np.array([(code << _SITE, code + 1 << _SITE) for code in codes], np.uint64)
    for name, block in cube.blocks.items():
        h = block.seconds
        place = block.key.searchsorted(edges)
        entries = h.entry.searchsorted(place.astype(np.uint64) << np.uint64(_ENTRY))
        for of, (a, b), (e, f) in zip(out, place.tolist(), entries.tolist(), strict=True):
            of[name] = Block(
                block.by,
                block.key[a:b].copy(),
                Table(block.tallies.names, block.tallies.rows[a:b].copy()),
                Table(block.amounts.names, block.amounts.rows[a:b].copy()),
                Histograms(h.names, h.entry[e:f] - np.uint64(a << _ENTRY), h.count[e:f].copy()),
            )
    return [Cube(blocks) for blocks in out]
