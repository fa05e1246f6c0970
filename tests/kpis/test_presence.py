"""Presence and the quality of data, by hand. 2 March 2026 is a Monday, the 3rd a public holiday."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from kpis.columns import MISSING, QUARTER_US
from kpis.heard import CALLS, DEVICE, HEARTBEAT, TICKETS, Heard, lag_seconds
from kpis.model import Teller
from tests.kpis.summed import OFFICE, OPEN, event, family, histogram, sums, us

HOUR = 3_600_000
DAY = 8 * HOUR
"""Service time of a day of the office."""
END = "03-05 16:30"
"""Cut-off: Monday, Wednesday and Thursday are whole service days."""


def said(at, source="kiosk", kind="ticket.called", **more):
    return event(kind, at, source, contact="A1", unit="idcard", **more)


def cover(events, kind="tickets", site=OFFICE, as_of=END, **more):
    s = sums("presence", events, site, as_of=as_of, **more)
    return s[f"coverage_{kind}_ms"], s[f"coverage_{kind}_expected_ms"]


def test_a_day_on_which_the_source_told_anything_is_covered_and_any_other_is_not():
    assert cover([said("03-02 09:00"), said("03-05 16:00")]) == (2 * DAY, 3 * DAY)
    assert cover([said("03-02 09:00"), event("device.heartbeat", "03-04 10:00"), said("03-05 16:00")]) == (
        3 * DAY,
        3 * DAY,
    )


def test_a_source_is_expected_from_the_first_event_of_its_site_to_the_cut_off():
    others = [said("03-02 09:00"), said("03-05 09:00")]
    votes = [event("vote.cast", "03-04 10:00", "button", a=5, b=5)]
    assert cover([*others, *votes], "votes") == (DAY, 3 * DAY)
    assert cover([*others, *votes], "calls") == (0, 0)


def test_the_day_of_the_cut_off_counts_as_far_as_it():
    assert cover([said("03-02 09:00")], as_of="03-02 12:30") == (4 * HOUR, 4 * HOUR)
    assert cover([said("03-02 09:00"), said("03-02 10:30")], as_of=None) == (2 * HOUR, 2 * HOUR)


def test_without_declared_hours_the_whole_day_counts():
    assert cover([said("03-02 09:00"), said("03-03 12:00")], site=OPEN, as_of=None) == (36 * HOUR, 36 * HOUR)


def test_a_row_stands_at_its_day_and_names_the_source():
    facts, names = family("presence", [said("03-02 09:00"), said("03-05 16:00")], OFFICE, as_of=END)
    rows = np.flatnonzero(facts.counts["coverage_tickets_expected_ms"])
    assert facts.arrival_us[rows].tolist() == [us("03-02 00:00"), us("03-04 00:00"), us("03-05 00:00")]
    assert {names.texts[u] for u in facts.unit[rows].tolist()} == {"kiosk"}


def gaps(*rows):
    """Known gaps: (source, from, to, numbers lost)."""

    def make(code):
        return Heard(
            gap_site=np.array([code("bangrak")] * len(rows), np.int32),
            gap_source=np.array([code(r[0]) for r in rows], np.int32),
            gap_from_us=np.array([us(r[1]) for r in rows]),
            gap_to_us=np.array([us(r[2]) for r in rows]),
            gap_lost=np.array([r[3] if len(r) > 3 else 0 for r in rows], np.int64),
        )

    return make


TWO_DAYS = [said("03-02 09:00"), said("03-05 16:00")]


@pytest.mark.parametrize(
    ("rows", "lost_h"),
    [
        ([("kiosk", "03-02 10:00", "03-02 11:00")], 1),
        ([("kiosk", "03-02 10:00", "03-02 11:00"), ("kiosk", "03-02 10:30", "03-02 12:00")], 2),
        ([("kiosk", "03-02 07:30", "03-02 09:30")], 1),
        ([("kiosk", "03-02 15:30", "03-05 09:30")], 2),  # the days between are not covered anyway
        ([("kiosk", "03-05 16:00", "03-09 09:30")], 0.5),
        ([("kiosk", "03-02 10:00", "03-02 10:00")], 0),
        ([("elsewhere", "03-02 10:00", "03-02 11:00")], 0),
    ],
)
def test_recorded_gaps_are_not_covered_and_count_once(rows, lost_h):
    assert cover(TWO_DAYS, heard=gaps(*rows)) == (2 * DAY - lost_h * HOUR, 3 * DAY)


def test_a_device_that_was_told_off_is_not_covered_until_it_speaks_again():
    off = event("device.offline", "03-02 10:00", party="kiosk")
    assert cover([*TWO_DAYS, off, event("device.online", "03-02 11:30", party="kiosk")])[0] == 2 * DAY - 1.5 * HOUR
    again = off._replace(time_us=us("03-02 11:00"))
    assert cover([*TWO_DAYS, off, again])[0] == 2 * HOUR, "half past eight to ten, and half an hour three days later"


def call(at, source):
    return event("call.entered", at, source, contact=at, unit="q")


def one_system(code):
    return {code("log"): Teller(7, 1), code("cel"): Teller(7, 2)}


def test_of_several_sources_of_one_telephone_system_any_covers():
    events = [
        call("03-02 09:00", "log"),
        call("03-02 09:00", "cel"),
        call("03-04 09:00", "cel"),
        call("03-05 16:00", "log"),
    ]
    assert cover(events, "calls", tellers=one_system) == (3 * DAY, 3 * DAY)
    assert cover(events, "calls") == (4 * DAY, 6 * DAY)
    facts, names = family("presence", events, OFFICE, as_of=END, tellers=one_system)
    rows = facts.counts["coverage_calls_expected_ms"] > 0
    assert {names.texts[u] for u in facts.unit[rows].tolist()} == {"log"}, "the one that tells best"


def test_a_gap_of_a_system_is_what_all_sources_that_spoke_that_day_miss():
    events = [call("03-02 09:00", "log"), call("03-02 09:00", "cel"), call("03-05 16:00", "log")]
    half = gaps(
        ("log", "03-02 10:00", "03-02 12:00"),
        ("cel", "03-02 11:00", "03-02 13:00"),
        ("log", "03-05 10:00", "03-05 11:00"),
    )
    assert cover(events, "calls", tellers=one_system, heard=half) == (2 * DAY - 2 * HOUR, 3 * DAY)


def test_sources_of_other_centres_are_not_taken_for_ours():
    other = replace(OFFICE, id="phuket")
    events = [*TWO_DAYS, said("03-04 10:00", site="phuket"), said("03-05 10:00", "k2", site="phuket")]
    assert sums("presence", events, OFFICE, other, as_of=END)["coverage_tickets_expected_ms"] == 3 * DAY


def test_completeness_takes_all_kinds_together():
    s = sums("presence", [*TWO_DAYS, call("03-02 09:00", "log")], OFFICE, as_of=END)
    assert (s["coverage_ms"], s["coverage_expected_ms"]) == (3 * DAY, 6 * DAY)


def known_before(*rows, since="02-01 00:00", window="03-02 00:00"):
    """What the journal knows: (source, kind) told since long before the window of the events."""

    def make(code):
        return Heard(
            from_us=us(window), to_us=us("03-08 00:00"), first_us={code("bangrak"): us(since)},
            told_site=np.array([code("bangrak")] * len(rows), np.int32),
            told_source=np.array([code(source) for source, _ in rows], np.int32),
            told_kind=np.array([kind for _, kind in rows], np.int64),
            told_since_us=np.array([us(since)] * len(rows)),
        )  # fmt: skip

    return make


def test_a_source_that_fell_silent_before_the_window_is_missed_in_it():
    events = [call("03-04 09:00", "log"), event("source.reloaded", "03-04 09:00", "kiosk")]
    assert cover(events, heard=known_before(("kiosk", TICKETS), ("log", CALLS))) == (DAY, 3 * DAY)


# -- devices ----------------------------------------------------------------------------------------------------------


def beat(at, source="kiosk", **more):
    return event("device.heartbeat", at, source, party=source, **more)


def beats(day, *hours, source="kiosk"):
    """A heartbeat every ten minutes of these hours."""
    return [beat(f"{day} {h:02}:{m:02}", source) for h in hours for m in range(0, 60, 10)]


def up(events, as_of="03-02 16:30", site=OFFICE, **more):
    s = sums("presence", events, site, as_of=as_of, **more)
    down = s["device_expected_ms"] - s["device_up_ms"]
    return down / HOUR, s["device_incidents"], s["device_incidents_over"], s["device_repair_ms"] / HOUR


def test_a_device_is_down_from_offline_to_its_next_word():
    events = [
        beat("03-02 08:00"),
        *beats("03-02", *range(8, 10)),
        event("device.offline", "03-02 10:00"),
        *beats("03-02", *range(12, 17)),
    ]
    assert up(events) == (2, 1, 1, 2)


def test_a_device_with_heartbeats_is_down_when_it_is_silent_for_too_long():
    assert up(beats("03-02", *range(8, 10), *range(12, 17))) == (115 / 60, 1, 1, 115 / 60)
    patient = replace(OFFICE, silent_s=7200.0)
    assert up(beats("03-02", *range(8, 10), *range(12, 17)), site=patient) == (10 / 60, 1, 1, 10 / 60)


def test_a_device_without_heartbeats_may_be_silent():
    assert up([event("device.online", "03-02 08:00"), event("ticket.issued", "03-02 08:30")]) == (0, 0, 0, 0)


def test_silence_and_offline_that_touch_are_one_failure_and_one_that_lasts_is_not_over():
    events = [*beats("03-02", 8), event("device.offline", "03-02 10:00"), event("device.offline", "03-02 11:00")]
    assert up(events) == (8 - 35 / 60, 1, 0, 0)


def test_a_device_that_is_off_at_night_has_no_failure():
    events = [*beats("03-04", *range(8, 17)), event("device.offline", "03-04 17:00"), *beats("03-05", *range(8, 17))]
    assert up(events, as_of=END) == (0, 0, 0, 0)


def test_a_failure_over_night_lasts_as_long_as_service_hours():
    events = [*beats("03-04", *range(8, 16)), event("device.offline", "03-04 16:00"), *beats("03-05", *range(9, 17))]
    assert up(events, as_of=END) == (1, 1, 1, 1)


def test_a_device_is_expected_from_its_first_event_on():
    events = [said("03-02 08:00", "other"), *beats("03-02", *range(12, 17))]
    s = sums("presence", events, OFFICE, as_of="03-02 16:30")
    assert (s["device_up_ms"], s["device_expected_ms"]) == (4.5 * HOUR, 4.5 * HOUR)


def test_a_device_that_fell_silent_before_the_window_is_down_in_it():
    events = [said("03-04 09:00", "other"), beat("03-05 08:30")]
    assert up(events, as_of="03-05 08:30", heard=known_before(("kiosk", HEARTBEAT))) == (16, 1, 1, 16)


def test_a_device_without_heartbeats_that_was_known_before_the_window_is_up_in_it():
    known = known_before(("kiosk", DEVICE))
    s = sums("presence", [said("03-04 09:00", "other")], OFFICE, as_of="03-05 08:30", heard=known)
    assert (s["device_up_ms"], s["device_expected_ms"]) == (2 * DAY, 2 * DAY)


def test_a_failure_that_ends_after_the_cut_off_is_not_over():
    events = [*beats("03-02", 8), event("device.offline", "03-02 09:00"), beat("03-02 11:00")]
    assert up(events, as_of="03-02 10:00") == (1, 1, 0, 0)
    assert up(events, as_of="03-02 11:00") == (2, 1, 1, 2)


def test_the_first_word_of_the_window_ends_what_was_before_it():
    events = [beat("03-02 00:00"), *beats("03-02", *range(17))]
    assert up(events, heard=known_before(("kiosk", HEARTBEAT), window="03-02 00:00")) == (0, 0, 0, 0)


def test_sources_that_are_no_devices_have_no_availability():
    assert up([call("03-02 09:00", "log")]) == (0, 0, 0, 0)


# -- what came --------------------------------------------------------------------------------------------------------


def test_what_devices_say_they_lost_and_numbers_that_never_came_are_apart():
    events = [*TWO_DAYS, event("gap.reported", "03-02 10:00", a=3), event("gap.reported", "03-02 11:00")]
    s = sums("presence", events, OFFICE, heard=gaps(("kiosk", "03-02 10:00", "03-02 10:01", 5), ("kiosk", "03-02 12:00", "03-02 12:01")))  # fmt: skip
    assert (s["sequence_missing"], s["gaps_known"], s["events_lost_reported"], s["losses_reported"]) == (5, 2, 3, 2)


def test_a_quarter_of_an_hour_has_its_largest_clock_offset():
    events = [
        beat("03-02 09:00", a=100, b=1), beat("03-02 09:14:59", a=-2001, b=1), beat("03-02 09:15", a=2000),
        beat("03-02 09:30", b=0), beat("03-02 09:45"), beat("03-02 09:15", "k2", a=0),
    ]  # fmt: skip
    assert histogram("presence", "clock_offset_s", events, OFFICE) == [0, 2, 3]
    s = sums("presence", events, OFFICE)
    assert (s["clock_quarters_off"], s["clock_quarters"]) == (2, 4)


def tallies(code):
    quarter = us("03-02 09:00")
    both = np.array([code("bangrak")] * 2, np.int32), np.array([code("kiosk")] * 2, np.int32)
    return Heard(
        tally_site=both[0], tally_source=both[1], tally_quarter_us=np.array([quarter, quarter + QUARTER_US]),
        tally_events=np.array([10, 5]), tally_duplicates=np.array([2, MISSING]), tally_rejected=np.array([1, 0]),
        tally_ahead=np.array([0, 1]), tally_lag_ms=np.array([5000, 4000]),
        lag_site=both[0], lag_source=both[1], lag_quarter_us=np.array([quarter, quarter + QUARTER_US]),
        lag_s=np.array([1, 2]), lag_n=np.array([10, 4]),
    )  # fmt: skip


def test_what_came_is_counted_by_quarter_of_an_hour_and_what_was_not_kept_is_left_out():
    s = sums("presence", TWO_DAYS, OFFICE, heard=tallies)
    assert (s["events_taken"], s["records_read"]) == (15, 16)
    assert (s["events_repeated"], s["events_received"]) == (2, 12)
    assert (s["delay_ms"], s["events_timed"], s["events_ahead"]) == (9000, 14, 1)
    facts, _ = family("delays", TWO_DAYS, OFFICE, heard=tallies)
    assert (facts.seconds["delay_s"].tolist(), facts.weight.tolist()) == ([1, 2], [10, 4])


@pytest.mark.parametrize(
    ("lag_s", "shown"),
    [(0, 0), (0.000_001, 1), (60, 60), (60.1, 120), (3600, 3600), (3601, 7200), (86_400, 86_400), (86_401, 172_800)],
)
def test_delays_are_rounded_up_the_more_coarsely_the_longer_they_are(lag_s, shown):
    assert lag_seconds(np.array([round(lag_s * 1e6)])).tolist() == [shown]


def test_nothing_at_all_is_no_data():
    assert not any(sums("presence", [], OFFICE).values())


# -- against counting minutes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_coverage_and_availability_are_what_counting_minutes_gives(seed):
    """Sources and gaps at random, all at whole minutes of three days without declared hours."""
    dice = random.Random(seed)
    start, minutes = us("03-02 00:00"), 3 * 1440
    sources = ["log", "cel", "kiosk", "button"]
    spoken = {s: sorted(dice.sample(range(minutes), dice.choice([1, 4, 12]))) for s in sources}
    kinds = {"log": "call.entered", "cel": "call.entered", "kiosk": "ticket.called", "button": "device.heartbeat"}
    offs = {s: sorted(dice.sample(range(minutes), 3)) if s != "log" else [] for s in sources}
    offs = {s: [m for m in of if m not in spoken[s]] for s, of in offs.items()}

    def at(minute):
        return start + minute * 60_000_000

    events = [event(kinds[s], at(m), s, contact=f"{s}{m}", unit="q") for s in sources for m in spoken[s]]
    events += [event("device.offline", at(m), s, party=s) for s in sources for m in offs[s]]
    events += [event("source.reloaded", at(0), "clock"), event("source.reloaded", at(minutes), "clock")]
    dice.shuffle(events)
    holes = [(s, *sorted(dice.sample(range(minutes), 2))) for s in dice.choices(sources, k=5)]

    def heard(code):
        return Heard(
            gap_site=np.array([code("bangrak")] * 5, np.int32), gap_source=np.array([code(h[0]) for h in holes], np.int32),
            gap_from_us=np.array([at(h[1]) for h in holes]), gap_to_us=np.array([at(h[2]) for h in holes]),
            gap_lost=np.zeros(5, np.int64),
        )  # fmt: skip

    def off(s, minute):
        before = [m for m in (*spoken[s], *offs[s]) if m <= minute]
        return bool(before) and max(before) in offs[s]

    def misses(s, minute):
        return off(s, minute) or any(h[0] == s and h[1] <= minute < h[2] for h in holes)

    def tells(s, day):
        return any(m // 1440 == day for m in (*spoken[s], *offs[s]))

    def covered(of):
        present = {d: [s for s in of if tells(s, d)] for d in range(3)}
        return sum(not all(misses(s, m) for s in present[m // 1440]) for m in range(minutes) if present[m // 1440])

    def down(s, minute):
        before = [m for m in (*spoken[s], *offs[s]) if m <= minute]
        late = kinds[s] == "device.heartbeat" and bool(before) and minute - max(before) >= 15
        return late or off(s, minute)

    s = sums("presence", events, OPEN, heard=heard, tellers=one_system)
    assert s["coverage_calls_ms"] == covered(["log", "cel"]) * 60_000
    assert s["coverage_tickets_ms"] == covered(["kiosk"]) * 60_000
    devices = [d for d in sources if offs[d] or d == "button"]
    first = {d: min(spoken[d] + offs[d]) for d in devices}
    assert s["device_expected_ms"] == sum(minutes - first[d] for d in devices) * 60_000
    gone = sum(down(d, m) for d in devices for m in range(first[d], minutes))
    assert s["device_expected_ms"] - s["device_up_ms"] == gone * 60_000
