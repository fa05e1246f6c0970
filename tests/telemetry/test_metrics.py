"""What /metrics shows, from events of every kind, without a server."""

from __future__ import annotations

import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kpis.model import By
from kpis.results import KPIS
from telemetry.config import Service, Site
from telemetry.events import Decoded, Event
from telemetry.exporters.places import MOST_UNITS
from telemetry.exporters.prometheus import Pages
from telemetry.health import Health
from telemetry.journal import Journal, Unit
from telemetry.live import Live
from telemetry.metrics_view import MetricsView

NOW_US = int(time.time() // 86_400 * 86_400 + 43_200) * 1_000_000
"""Noon of today in UTC: what happened some minutes before is of today, whenever the tests run."""
SITE = Site(id="s", timezone="UTC", services=(Service(id="declared"),))


def page(folder, events, pages=None, **more):
    """The samples of /metrics after these events: (name, site, unit, le) → value. `pages` are those of one service."""
    journal = Journal(folder)
    try:
        journal.ensure(["s", "declared"])
        journal.commit([Unit("s/x", Decoded(events), NOW_US)])
        live = Live(journal, [SITE], clock=lambda: NOW_US / 1e6)
        live.load()
        view = MetricsView(
            version="1",
            sites={journal.code("s"): "s"},
            configured=[SITE],
            names=journal.names,
            snapshot=live.snapshot,
            health=Health(),
            earlier=journal.tally(),
            latest_us={},
            connected=lambda _site, _name: None,
            at_us=NOW_US,
            **more,
        )
        text = (pages or Pages()).render(view).decode()
    finally:
        journal.close()
    return {
        (s.name, s.labels.get("site"), s.labels.get("unit"), s.labels.get("le")): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def calls(n, queue):
    """One call a queue that is waiting now; queues named by `queue`."""
    return [Event("s", "s/x", f"{i}", "call.entered", NOW_US - 60_000_000 + i, queue(i), f"call-{i}") for i in range(n)]


def test_a_pbx_that_names_ten_thousand_queues_cannot_fill_the_scraper(tmp_path):
    samples = page(tmp_path, calls(10_000, lambda i: f"q{i}"))
    offered = {unit: v for (name, _, unit, _), v in samples.items() if name == "gecc_calls_offered_total"}
    waiting = {unit: v for (name, _, unit, _), v in samples.items() if name == "gecc_calls_waiting"}
    assert len(offered) == len(waiting) == MOST_UNITS + 1
    assert offered["other"] == waiting["other"] == 10_000 - MOST_UNITS
    assert sum(offered.values()) == 10_000


def test_a_declared_unit_keeps_its_name_whatever_else_there_is(tmp_path):
    samples = page(tmp_path, calls(200, lambda i: "declared" if i == 199 else f"q{i}"))
    assert samples["gecc_calls_offered_total", "s", "declared", None] == 1


@pytest.mark.parametrize(("ring_s", "edge"), [(5, "5.0"), (10, "10.0"), (15, "15.0"), (20, "20.0"), (21, "30.0")])
def test_a_time_on_an_edge_is_in_its_bucket(tmp_path, ring_s, edge):
    start = NOW_US - 600_000_000
    samples = page(
        tmp_path,
        [
            Event("s", "s/x", "1", "call.entered", start, "declared", "c"),
            Event("s", "s/x", "2", "call.connected", start + ring_s * 10**6, "declared", "c", a=ring_s * 1000, b=ring_s * 1000),
        ],
    )  # fmt: skip
    buckets = {le: v for (name, _, _, le), v in samples.items() if name == "gecc_call_ring_seconds_bucket"}
    assert next(le for le, v in buckets.items() if v) == edge
    assert samples["gecc_call_ring_seconds_sum", "s", "declared", None] == ring_s


def test_a_figure_without_data_has_no_sample(tmp_path):
    samples = page(tmp_path, [])
    assert not [name for name, *_ in samples if name == "gecc_today_abandoned_call_rate"]
    assert samples["gecc_today_calls_offered", "s", None, None] == 0


@pytest.mark.parametrize(
    ("first", "then", "counter"),
    [
        ([("call.entered", 0), ("call.timed_out", 60)], [("call.entered", 61), ("call.connected", 65)], "calls_lost"),
        ([("ticket.issued", 0), ("ticket.no_show", 60)], [("ticket.reactivated", 61)], "tickets_no_show"),
    ],
)
def test_an_outcome_that_is_revised_takes_no_counter_down(tmp_path, first, then, counter):
    def events(steps, start):
        return [
            Event("s", "s/x", f"{start + i}", kind, NOW_US - 600_000_000 + at * 1_000_000, "declared", "c1")
            for i, (kind, at) in enumerate(steps)
        ]

    pages = Pages()
    name = (f"gecc_{counter}_total", "s", "declared", None)
    assert page(tmp_path, events(first, 0), pages)[name] == 1
    revised = page(tmp_path, events(then, 10), pages)
    assert revised[name] == 1
    assert revised[f"gecc_today_{counter}", "s", None, None] == 0


def test_what_a_device_lost_and_how_slow_its_clock_is(tmp_path):
    samples = page(tmp_path, [], missing={"s/k1": 3, "s/k2": 0}, offsets_us={"s/k1": -2_500_000})
    assert samples["gecc_device_sequence_missing_total", "s", "k1", None] == 3
    assert samples["gecc_device_sequence_missing_total", "s", "k2", None] == 0
    assert samples["gecc_device_clock_offset_seconds", "s", "k1", None] == -2.5
    assert ("gecc_device_clock_offset_seconds", "s", "k2", None) not in samples, "it gave no times"


def test_no_label_names_a_person_a_counter_or_what_a_device_says(tmp_path):
    start = NOW_US - 600_000_000
    talked = [
        Event("s", "s/x", "1", "call.entered", start, "declared", "c"),
        Event("s", "s/x", "2", "call.connected", start + 5_000_000, "declared", "c", "agent-7", a=5000, b=3000),
        Event("s", "s/x", "3", "call.completed", start + 65_000_000, "declared", "c", "agent-7", a=5000, b=60_000),
        Event("s", "s/x", "4", "ticket.issued", start, "declared", "A1"),
        Event("s", "s/x", "5", "ticket.called", start + 60_000_000, "", "A1", "counter-9"),
        Event("s", "s/x", "6", "ticket.finished", start + 90_000_000, "", "A1", "counter-9"),
    ]
    samples = page(tmp_path, talked)
    assert {unit for _, _, unit, _ in samples} <= {None, "", "declared"}
    agents = [kpi.name for kpi in KPIS.values() if kpi.by is By.AGENT]
    assert not [name for name, *_ in samples if name.removeprefix("gecc_today_") in agents]


def test_what_a_centre_does_not_have_adds_no_series(tmp_path):
    samples = page(tmp_path, calls(1, lambda _: "declared"))
    assert samples["gecc_calls_offered_total", "s", "declared", None] == 1
    assert not [name for name, *_ in samples if name.startswith(("gecc_case", "gecc_ticket_", "gecc_conversation"))]


def test_both_parts_of_a_ratio_are_there_as_soon_as_one_is(tmp_path):
    samples = page(tmp_path, calls(1, lambda _: "declared"))
    assert samples["gecc_calls_abandoned_not_short_total", "s", "declared", None] == 0
    assert samples["gecc_calls_not_short_total", "s", "declared", None] == 1


def test_what_waits_for_a_reply_is_a_gauge_and_no_counter(tmp_path):
    samples = page(tmp_path, [Event("s", "s/x", "1", "conversation.opened", NOW_US - 10**9, "declared", "k1")])
    assert samples["gecc_conversations_waiting", "s", "declared", None] == 1
    assert samples["gecc_conversations_total", "s", "declared", None] == 1
    assert not [
        name for name, *_ in samples if name.startswith("gecc_conversations_waiting") and name.endswith("_total")
    ]
