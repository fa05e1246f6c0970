"""Conversations, by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from kpis.matters import conversations
from telemetry.events import EVENT_TYPES, MISSING, Event
from telemetry.settings import Change, Channel
from tests.kpis.made import SITE, T0, figures
from tests.kpis.worlds import S, World, columns_of, names_of, rules_and_zones

MIN, HOUR, DAY = 60, 3600, 86_400
TEN = T0  # ten in the morning in Bangkok, Thursday 2026-01-01


def talk(story, name="c1", channel="line", caller=0, site=SITE, start=TEN):
    """Events of one conversation from `0 opened, 60 replied, 70 replied auto, 90 closed 1`, in seconds."""
    events = []
    for step in story.split(","):
        after, word, *more = step.split()
        a = MISSING if not more else 1 if more[0] == "auto" else int(more[0])
        first = word == "opened"
        events.append(
            Event(site.id, "crm", "", f"conversation.{word}", round((start + float(after)) * S), channel if first else "",
                  name, "", a=a, caller=caller if first else 0)
        )  # fmt: skip
    return events


def until(after, site=SITE):
    """An event that says how far the site is known."""
    return [Event(site.id, "pbx", "", "source.reloaded", round((TEN + after) * S))]


def test_the_codes_are_those_of_the_vocabulary():
    names = {
        name.rpartition(".")[2].upper(): row.code
        for name, row in EVENT_TYPES.items()
        if name.startswith("conversation.")
    }
    assert {name: getattr(conversations, name) for name in names} == names


@pytest.mark.parametrize(
    ("channel", "after", "in_time"),
    [("line", 15 * MIN, 1), ("line", 15 * MIN + 0.001, 0), ("chat", 15 * MIN, 1), ("facebook", HOUR, 1), ("facebook", HOUR + 1, 0),
     ("email", DAY, 1), ("email", DAY + 1, 0)],
)  # fmt: skip
def test_a_reply_within_the_channels_standard_is_in_time_to_the_last_millisecond(channel, after, in_time):
    f = figures(talk(f"0 opened, {after} replied", channel=channel))
    assert (f.reply_within_target_rate, f.conversations_replied) == (in_time, 1)


def test_an_automatic_reply_is_no_reply():
    f = figures(talk("0 opened, 1 replied auto, 3600 replied 0"))
    assert (f.reply_within_target_rate, f.reply_seconds_p50) == (0, 3600)
    assert (f.conversation_automatic_replies, f.conversation_replies) == (1, 1)


def test_what_waits_is_late_when_its_time_is_over_at_the_cut_off_and_until_then_not_counted():
    waits = talk("0 opened")
    early, exact, over = (figures([*waits, *until(after)]) for after in (60, 15 * MIN, 15 * MIN + 1))
    assert [(f.reply_within_target_rate, f.conversations_not_yet_due) for f in (early, exact, over)] == [
        (None, 1),
        (None, 1),
        (0, 0),
    ]
    assert [f.conversations_waiting for f in (early, exact, over)] == [1, 1, 1]
    assert [f.conversations_waiting_overdue for f in (early, exact, over)] == [0, 0, 1]


def test_a_channel_without_a_standard_has_no_rate_but_its_times():
    f = figures(talk("0 opened, 90 replied", channel="counterweb"))
    assert (f.reply_within_target_rate, f.conversations_without_target, f.reply_seconds_p90) == (None, 1, 90)


def test_the_standard_in_force_is_that_of_the_day_on_which_the_conversation_began():
    site = replace(SITE, changes=(Change(since=date(2026, 1, 2), reply_minutes={"line": 5.0}),))
    days = talk("0 opened, 600 replied", "c1") + talk("0 opened, 600 replied", "c2", start=TEN + DAY)
    assert figures(days, site).reply_within_target_rate == 0.5


OFFICE = replace(
    SITE,
    hours={"mon-fri": "08:30-16:30"},
    holidays="",
    channels=(Channel(id="line", reply_minutes=15.0, clock="service"),),
)


def test_where_the_centre_says_so_only_service_hours_count():
    evening = TEN + 6.5 * HOUR - 5 * MIN  # five minutes to closing
    f = figures(talk(f"0 opened, {16 * HOUR + 15 * MIN} replied", start=evening), OFFICE)
    assert (f.reply_within_target_rate, f.reply_seconds_p50) == (1, 15 * MIN)
    late = figures(talk(f"0 opened, {16 * HOUR + 15 * MIN + 1} replied", start=evening), OFFICE)
    assert (late.reply_within_target_rate, late.reply_seconds_p50) == (0, 15 * MIN + 1)


def test_hours_in_which_nobody_serves_do_not_make_what_waits_overdue():
    night = [*talk("0 opened", start=TEN + 8 * HOUR), *until(20 * HOUR)]
    f = figures(night, OFFICE)
    assert (f.conversations_not_yet_due, f.conversations_outside_hours) == (1, 1)
    assert figures(night).conversations_waiting_overdue == 1


def test_a_conversation_that_was_never_opened_begins_with_the_first_message():
    f = figures(talk("0 assigned, 10 message, 40 replied"))
    assert (f.conversations, f.conversation_messages, f.reply_seconds_p50) == (1, 1, 30)


def test_one_without_any_word_of_the_citizen_is_counted_apart():
    f = figures(talk("0 replied, 10 closed 1"))
    assert (f.conversations, f.conversations_beginning_unknown, f.conversations_replied, f.conversations_closed) == (
        0,
        1,
        0,
        0,
    )


def test_what_the_centre_wrote_before_is_no_reply_and_is_counted():
    f = figures(talk("0 replied, 60 opened, 90 replied"))
    assert (f.conversations_replied_before, f.reply_seconds_p50) == (1, 30)


def test_closed_without_a_word_is_never_answered_and_waits_no_more():
    f = figures([*talk("0 opened, 5 replied auto, 60 closed"), *until(HOUR)])
    assert (f.conversations_never_answered, f.conversations_waiting, f.reply_within_target_rate) == (1, 0, 0)


def test_the_backlog_is_shown_by_age():
    ages = (0, 15 * MIN, HOUR, 4 * HOUR, DAY, 3 * DAY)
    waits = [e for i, age in enumerate(ages) for e in talk("0 opened", f"c{i}", start=TEN - age)]
    bins = {k: int(v[0]) for k, v in figures(waits).results["conversations_waiting_by_age"].bins.items()}
    assert list(bins.values()) == [1] * 6


def test_the_time_to_close_goes_to_the_last_close_and_a_reopened_one_is_not_closed():
    f = figures(talk("0 opened, 60 replied, 100 closed 1, 200 reopened, 500 closed 1"))
    assert (f.conversation_handled_seconds_mean, f.conversation_handled_seconds_p50) == (500, 500)
    again = figures(talk("0 opened, 60 replied, 100 closed 1, 200 reopened"))
    assert (again.conversations_closed, again.conversation_handled_seconds_mean) == (0, None)


def test_resolved_at_first_contact_is_closed_as_done_and_never_reopened():
    stories = (
        "0 opened, 9 closed 1",
        "0 opened, 9 closed 2",
        "0 opened, 9 closed 1, 20 reopened",
        "0 opened, 9 closed",
        "0 opened",
    )
    f = figures([e for i, story in enumerate(stories) for e in talk(story, f"c{i}")])
    assert (f.conversation_resolution_rate, f.conversations_without_disposition) == (pytest.approx(1 / 3), 1)
    assert f.conversations_reopened == 1


def test_a_person_counts_once_a_month_at_the_centre_and_once_on_each_channel():
    events = (
        talk("0 opened", "c1", "line", caller=7) + talk("60 opened", "c2", "email", caller=7) + talk("120 opened", "c3", "line", caller=7)
        + talk("0 opened", "c4", "line", caller=8) + talk("0 opened", "c5", "line") + talk("0 opened", "c6", "line", caller=7, start=TEN + 31 * DAY)
    )  # fmt: skip
    f = figures(events)
    assert (
        f.conversation_users_per_month,
        f.conversation_users_per_month_by_channel,
        f.conversations_without_user,
    ) == (3, 4, 1)
    assert figures(events, unit="email").conversation_users_per_month_by_channel == 1


def test_who_begins_two_at_one_instant_counts_once_whatever_order_they_come_in():
    a, b = talk("0 opened", "c1", "line", caller=7), talk("0 opened", "c2", "email", caller=7)
    for events in (a + b, b + a):
        assert figures(events).conversation_users_per_month == 1
    assert sorted(figures(a + b).cells) == sorted(figures(b + a).cells)


def test_what_happened_after_the_cut_off_is_not_read():
    events = talk("0 opened, 100 replied") + talk("200 opened", "c2")
    world = World(tuple(events), (SITE,))
    names = names_of(world)
    rules, zones = rules_and_zones(world, names)
    as_of = {names.code(SITE.id): (TEN + 99) * S}
    facts = conversations.contacts(columns_of(events, names), replace(rules, as_of_us=as_of), zones)["conversations"]
    assert (len(facts.site), int(facts.counts["conversations_waiting"].sum())) == (1, 1)
