"""Figures straight from very many events are those of the whole, however the events are cut into windows."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpis.calls.call_chain import Chain
from kpis.calls.call_rows import CallRows, rows_of
from kpis.calls.calls import last_heard
from kpis.calls.many_calls import call_rows
from kpis.calls.sources import tell_apart
from kpis.calls.stints import stints
from kpis.calls.straight import headline
from kpis.columns import DAY_US
from kpis.results import facts_of
from tests.kpis import worlds
from tests.kpis.worlds import columns_of, names_of, rules_and_zones

slow = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
sizes = st.sampled_from((1, 2, 3, 5, 8, 13, 40, 0))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr("kpis.calls.many_calls._BLOCK", 3)


def cut(cols, edges):
    """The columns as parts."""
    places = [0, *sorted(min(e, len(cols)) for e in edges), len(cols)]
    return [cols.take(slice(a, b)) for a, b in pairwise(places)]


def in_order(rows):
    order = np.argsort(rows.call)
    return {name: getattr(rows, name)[order].tolist() for name in CallRows.__slots__}


@slow
@given(worlds.worlds(), sizes, st.lists(st.integers(0, 60), max_size=3))
def test_calls_are_the_same_in_windows_of_any_size(world, size, edges):
    cols = columns_of(world.events, names_of(world))
    assert in_order(call_rows(cut(cols, edges), size)) == in_order(rows_of(Chain(stints(cols))))


@slow
@given(worlds.worlds(), sizes)
def test_the_headline_figures_are_those_of_the_facts(world, size):
    names = names_of(world)
    rules, zones = rules_and_zones(world, names)
    cols = columns_of(world.events, names)
    f = facts_of(cols, rules, zones)["calls"]
    told = replace(rules, end_us={**last_heard(cols), **rules.end_us})
    days, resolution = headline([tell_apart(cols, rules.tellers)[0]], told, zones, size)
    local = zones.to_local(f.arrival_us, f.site) // DAY_US
    for got, of_figures in ((days, DAYS), (resolution, ("fcr_eligible", "fcr_resolved"))):
        for name in of_figures:
            table = getattr(got, name)
            assert table.sum() == f.counts[name].sum(), name
            for d in range(len(table)):
                for s, site in enumerate(got.sites.tolist()):
                    here = (f.site == site) & (local == got.first_day + d)
                    assert table[d, s] == f.counts[name][here].sum(), (name, d, site)
    rings = [f.counts[name].sum() for name in ("rings_1", "rings_2", "rings_3", "rings_4", "rings_5_or_more")]
    assert days.rings.sum(axis=(0, 2)).tolist() == (rings if len(days.rings) else [0] * 5)


DAYS = ("calls_offered", "calls_answered", "calls_lost", "answered_within_target", "answered_wait_known",
        "answered_wait_ms")  # fmt: skip


@pytest.mark.parametrize("size", [1, 0])
def test_no_events_are_no_calls(size):
    nothing = columns_of([], names_of(worlds.World(())))
    assert len(call_rows([], size).call) == len(call_rows([nothing], size).call) == 0
