"""Agents and their time, by hand."""

from __future__ import annotations

import pytest

from kpis.model import By
from kpis.staff import agent_time, agents
from telemetry.events import EVENT_TYPES, Event
from tests.kpis.made import SITE, T0, figures, log
from tests.kpis.worlds import BERLIN, S

MINUTE, HOUR = 60_000, 3_600_000


def say(text, site=SITE, start=T0):
    """`0 added a1 q1, …`: seconds, type, agent, queue; what stands after = are the numbers a and b."""
    events = []
    for step in text.split(","):
        words, _, numbers = step.partition("=")
        after, name, *who = words.split()
        party, unit = [*who, "", ""][:2]
        kind = name if "." in name else f"agent.{name}"
        a, b = [*(int(x) for x in numbers.split()), 0, 0][:2] if numbers.strip() else (Event._field_defaults["a"],) * 2
        contact = f"call-{after}" if kind.startswith("call.") else ""
        events.append(
            Event(site.id, "pbx", "", kind, start * S + round(float(after) * S), unit, contact, party, a=a, b=b)
        )
    return events


def times(events, unit=None, **more):
    m = figures(events, unit=unit, **more).measures
    return tuple(m[f"agent_{name}_ms"] for name in ("signed_in", "available", "paused", "busy", "busy_untold"))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("call.wrap_up_started", agents.WRAP_UP), ("call.outbound", agents.OUTBOUND),
        ("agent.added", agent_time.ADDED), ("agent.removed", agent_time.REMOVED),
        ("agent.paused", agent_time.PAUSED), ("agent.unpaused", agent_time.UNPAUSED),
        ("agent.paused_all", agent_time.PAUSED_ALL), ("agent.unpaused_all", agent_time.UNPAUSED_ALL),
        ("agent.logged_in", agent_time.LOGGED_IN), ("agent.logged_out", agent_time.LOGGED_OUT),
    ],
)  # fmt: skip
def test_a_code_is_that_of_the_vocabulary(name, code):
    assert EVENT_TYPES[name].code == code


def test_a_call_is_handled_by_the_one_who_answers_and_again_by_the_next():
    events = log(
        """0|c1|info|NONE|ENTERQUEUE|||1
        15|c1|info|Anong|RINGNOANSWER|15000
        28|c1|info|Boon|CONNECT|28|x|8
        128|c1|info|Boon|BLINDTRANSFER|700|ctx|28|100|1
        128|c1|tax|NONE|ENTERQUEUE|||1
        131|c1|tax|Chai|CONNECT|3|x|3
        191|c1|tax|Chai|COMPLETECALLER|3|60|1"""
    )
    boon, chai, anong = (figures(events, unit=name) for name in ("Boon", "Chai", "Anong"))
    assert (boon.agent_calls, boon.agent_calls_transferred, boon.agent_talk_seconds_mean) == (1, 1, 100)
    assert (chai.agent_calls, chai.agent_calls_transferred, chai.agent_talk_seconds_mean) == (1, 0, 60)
    assert (anong.agent_calls, anong.agent_rings_unanswered, anong.agent_talk_seconds_mean) == (0, 1, None)
    assert (figures(events).calls_answered, figures(events).agent_calls) == (1, 2)


def test_the_same_agent_who_answers_a_call_twice_handled_two():
    f = figures(
        log(
            """0|c1|info|NONE|ENTERQUEUE|||1
            5|c1|info|Boon|CONNECT|5|x|5
            65|c1|info|Boon|BLINDTRANSFER|700|ctx|5|60|1
            65|c1|info|NONE|ENTERQUEUE|||1
            70|c1|info|Boon|CONNECT|5|x|5
            90|c1|info|Boon|COMPLETEAGENT|5|20|1"""
        )
    )
    assert (f.agent_calls, f.agent_talk_seconds_mean, f.agent_calls_transferred) == (2, 40, 1)


def test_an_end_without_its_beginning_is_a_call_handled_since_before_it():
    f = figures(log("1000|c1|info|Boon|COMPLETECALLER|28|200|1"), unit="Boon")
    assert (f.agent_calls, f.agent_talk_seconds_mean, f.measures["agent_busy_untold_ms"]) == (1, 200, 200_000)
    assert len(f.cells) == 2  # from 10:13:20, when it began, to 10:16:40


def test_where_two_ends_have_no_beginning_the_first_says_when_the_answer_was():
    ends = say("1000 call.completed Boon info=0 100000, 1400 call.transferred Boon info=0 600000")
    f = figures([e._replace(contact="c1") for e in ends], unit="Boon")
    assert (f.agent_calls, f.agent_talk_seconds_mean, f.agent_calls_transferred) == (1, 700, 1)
    assert len(f.cells) == 1  # answered at 10:15 and busy for 700 s from then on
    assert f.measures["agent_busy_untold_ms"] == 700_000


def test_talk_that_nobody_tells_is_no_talk_of_0_seconds():
    f = figures(say("0 call.connected Boon info, 60 call.connected Chai info, 90 call.completed Dao info=-1 30000"))
    assert (f.agent_calls, f.measures["agent_calls_talk_known"], f.agent_talk_seconds_mean) == (3, 1, 30)


def test_answers_that_name_nobody_are_counted_and_are_nobodys():
    f = figures(say("0 call.connected  , 10 call.connected Boon info"))
    assert (f.agent_calls, f.agent_calls_unnamed) == (1, 1)


def test_a_telephone_that_was_out_of_reach_was_not_slow_to_answer():
    f = figures(
        say(
            "0 call.ring_no_answer Boon info=0, 1 call.ring_no_answer Boon info=1000, 2 call.ring_no_answer Boon info=1001"
        )
        + say("3 call.ring_no_answer Boon info, 4 call.ring_cancelled Boon info=9000")
    )
    assert (f.agent_rings_refused, f.agent_rings_unanswered) == (2, 2)


def test_wrap_up_counts_where_it_is_told():
    f = figures(
        log(
            """0|c1|info|NONE|ENTERQUEUE|||1
            5|c1|info|Boon|CONNECT|5|x|5
            65|c1|info|Boon|COMPLETECALLER|5|60|1
            65|c1|info|Boon|WRAPUPSTART|30
            100|c2|info|NONE|ENTERQUEUE|||1
            105|c2|info|Boon|CONNECT|5|x|5
            205|c2|info|Boon|COMPLETECALLER|5|100|1"""
        )
    )
    assert (f.agent_wrap_seconds_mean, f.agent_handle_seconds_mean, f.agent_talk_seconds_mean) == (30, 95, 80)


def test_a_call_placed_counts_once_however_many_logs_tell_of_it():
    told = say("100 call.outbound Boon =0 60000")
    twice = [*told, told[0]._replace(source="ami", time_us=told[0].time_us + S, unit="info", b=61_000)]
    f = figures(twice)
    assert (f.agent_calls_placed, f.measures["agent_placed_talk_ms"]) == (1, 61_000)


def test_time_is_what_the_words_of_a_queue_say():
    events = say("0 added Boon q, 600 paused Boon q, 900 unpaused Boon q, 1800 removed Boon q, 5000 removed Chai q")
    assert times(events) == (30 * MINUTE, 25 * MINUTE, 5 * MINUTE, 0, 0)


def test_time_is_cut_where_local_quarters_begin():
    events = say("600 added Boon q, 2000 removed Boon q")
    f = figures(events, unit="Boon")
    assert len(f.cells) == 3  # 10:10 to 10:33:20
    assert f.measures["agent_available_ms"] == 1_400_000


def test_an_agent_of_whom_nothing_is_told_has_no_time_at_all():
    f = figures(say("0 call.connected Boon info, 60 call.completed Boon info=5000 60000"))
    assert times(say("0 call.completed Boon info=5000 60000")) == (0, 0, 0, 0, MINUTE)
    assert f.agent_occupancy is None


@pytest.mark.parametrize("word", ["paused", "unpaused"])
def test_a_member_by_configuration_is_known_from_the_first_pause(word):
    whole = times(say(f"0 {word} Boon q, 600 removed Boon q"))
    assert whole == (600_000, 600_000 * (word == "unpaused"), 600_000 * (word == "paused"), 0, 0)


def test_a_member_that_was_added_at_a_pause_is_paused_until_the_word_that_ends_it():
    assert times(say("0 added Boon q=1, 60 unpaused Boon q, 300 removed Boon q")) == (300_000, 240_000, 60_000, 0, 0)
    assert times(say("0 added Boon =1, 60 unpaused_all Boon, 300 removed Boon")) == (300_000, 240_000, 60_000, 0, 0)
    assert times(log("0|NONE|q|Boon|ADDMEMBER|PAUSED\n60|NONE|q|Boon|UNPAUSE|\n300|NONE|q|Boon|REMOVEMEMBER|")) == (
        300_000,
        240_000,
        60_000,
        0,
        0,
    )


def test_of_several_queues_one_that_is_not_paused_is_enough():
    events = say(
        "0 added Boon q1, 0 added Boon q2, 60 paused Boon q1, 120 paused Boon q2, 180 unpaused Boon q2,"
        "240 removed Boon q1, 300 removed Boon q2"
    )
    assert times(events) == (300_000, 240_000, 60_000, 0, 0)


def test_a_pause_of_all_queues_and_the_lines_that_follow_it_are_one_pause():
    alone = "0 added Boon q1, 0 added Boon q2, 60 paused_all Boon, 120 unpaused_all Boon, 300 removed Boon q1, 300 removed Boon q2"
    lines = alone.replace("60 paused_all Boon", "60 paused_all Boon, 60 paused Boon q1, 60 paused Boon q2")
    assert times(say(alone)) == times(say(lines)) == (300_000, 240_000, 60_000, 0, 0)


def test_a_pause_of_all_queues_signs_nobody_in():
    assert times(say("0 added Boon q, 60 removed Boon q, 120 unpaused_all Boon, 900 removed Chai q"))[0] == MINUTE


def test_a_log_out_ends_every_queue():
    events = say("0 added Boon q1, 0 logged_in Boon, 60 paused Boon q1, 120 logged_out Boon, 900 removed Chai q")
    assert times(events) == (120_000, 60_000, 60_000, 0, 0)


def test_a_log_in_alone_is_known_too():
    assert times(say("0 logged_in Boon, 60 paused Boon, 90 unpaused Boon, 120 logged_out Boon")) == (
        120_000,
        90_000,
        30_000,
        0,
        0,
    )


def test_a_restart_ends_what_was_known_and_a_pause_after_it_begins_anew():
    events = say("0 added Boon q, 60 source.restarted, 120 paused Boon q, 180 removed Boon q")
    assert times(events) == (120_000, 60_000, 60_000, 0, 0)


def test_words_are_believed_until_the_last_that_was_heard_and_for_a_day_at_most():
    assert times(say("0 added Boon q, 600 source.reloaded"))[0] == 600_000
    assert times(say("0 added Boon q, 200000 source.reloaded"))[0] == 24 * HOUR
    assert times(say("0 added Boon q, 80000 paused_all Boon, 200000 source.reloaded"))[0] == 24 * HOUR


def test_talk_wrap_up_and_calls_placed_are_busy_and_what_overlaps_counts_once():
    events = say(
        "0 added Boon q, 100 call.connected Boon q=5000 5000, 160 call.wrap_up_started Boon q=20000,"
        "170 call.outbound Boon =0 30000, 600 removed Boon q"
    )
    events.append(events[1]._replace(type="call.completed", time_us=(T0 + 160) * S, a=5000, b=60_000))
    assert times(events) == (600_000, 520_000, 0, 80_000, 0)
    assert figures(events).agent_occupancy == pytest.approx(80 / 600)


def test_talk_while_paused_is_busy_and_outside_of_what_is_known_it_counts_apart():
    events = say("0 paused Boon q, 60 removed Boon q")
    talk = say("0 call.connected Boon q=0 0")[0]._replace(time_us=(T0 + 30) * S)
    events += [talk, talk._replace(type="call.completed", time_us=(T0 + 90) * S, a=0, b=60_000)]
    assert times(sorted(events, key=lambda e: e.time_us)) == (60_000, 0, 30_000, 30_000, 30_000)
    assert figures(events).agent_occupancy == 1


def test_an_absurd_talk_time_blocks_an_agent_for_a_day_at_most():
    assert times(say("0 call.completed Boon q=0 9000000000000000"))[4] == 24 * HOUR


def test_the_hour_that_clocks_repeat_is_an_hour_of_time():
    night = 1_792_886_400  # 2026-10-25 00:00Z, an hour before Berlin's clocks go back
    events = say("0 added Boon q, 10800 removed Boon q", site=BERLIN, start=night)
    assert times(events, site=BERLIN)[0] == 3 * HOUR


def test_late_and_disordered_words_are_taken_in_the_order_of_time():
    events = say("0 added Boon q, 60 paused Boon q, 90 unpaused Boon q, 300 removed Boon q")
    assert times(events[::-1]) == times(events) == (300_000, 270_000, 30_000, 0, 0)


def test_services_of_an_agent_are_counted_once_a_month():
    events = say(
        "0 call.connected Boon info, 60 call.connected Boon tax, 90 call.connected Boon info, 95 call.connected Chai info"
    )
    month = 31 * 86_400
    f = figures([*events, *(e._replace(time_us=e.time_us + month * S) for e in events[:1])])
    assert f.agent_services_mean == pytest.approx((2 + 1 + 1) / 3)
    assert f.cross_cover_rate == pytest.approx(1 / 3)  # of info, tax, and info in February


def test_an_answer_belongs_to_the_month_in_which_it_was_given():
    january_ends = 1_769_878_800  # 2026-01-31 17:00Z, when February begins in Bangkok
    events = log(
        """-10|c1|info|NONE|ENTERQUEUE|||1
        -5|c1|info|Boon|CONNECT|5|x|5
        60|c1|info|Boon|COMPLETECALLER|5|65|1""",
        start=january_ends,
    )
    m = figures(events).measures
    assert (m["agent_services"], m["services_served_in_month"]) == (1, 1)


def test_no_row_of_agents_says_which_side_is_better():
    assert {kpi.better for kpi in agents.KPIS if kpi.by is By.AGENT} == {"none"}
