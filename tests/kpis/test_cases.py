"""Cases and complaints, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kpis.matters import case_steps, cases
from telemetry.events import EVENT_TYPES, MISSING, Event
from tests.kpis.made import SITE, T0, figures
from tests.kpis.worlds import S, World, columns_of, names_of, rules_and_zones

HOUR, DAY = 3600, 86_400
COMPLAINT, REQUEST, SUGGESTION, PRAISE = 1, 2, 3, 4


def case(story, name="k1", kind=COMPLAINT, unit="idcard", caller=0, due=None, start=T0):
    """Events of one case from `0 opened, 3600 acknowledged, 7200 settled 1`, in seconds; a third word is the first number,
    a fourth the date due in seconds after the start; `due` that of the opening."""
    events = []
    for step in story.split(","):
        after, word, *more = step.split()
        numbers = [int(x) for x in more] + [MISSING] * 2
        a, b = numbers[:2]
        opened = word == "opened"
        if opened:
            a, b = kind, MISSING if due is None else (start + due) * 1000
        elif word == "assigned" and a != MISSING:
            a = (start + a) * 1000
        elif word == "step_started" and b != MISSING:
            b = (start + b) * 1000
        events.append(
            Event(SITE.id, "crm", "", f"case.{word}", round((start + float(after)) * S), unit if opened else "", name, "",
                  a=a, b=b, caller=caller if opened else 0)
        )  # fmt: skip
    return events


def many(*stories, **more):
    return [e for i, story in enumerate(stories) for e in case(story, f"k{i}", **more)]


def until(after):
    """An event that says how far the site is known."""
    return [Event(SITE.id, "pbx", "", "source.reloaded", round((T0 + after) * S))]


def bins(f, name):
    return {k: int(v[0]) for k, v in f.results[name].bins.items() if v[0]}


def test_the_codes_are_those_of_the_vocabulary():
    names = {name.partition(".")[2].upper(): row.code for name, row in EVENT_TYPES.items() if name.startswith("case.")}
    assert {n: getattr(case_steps if n.startswith("STEP_") else cases, n) for n in names} == names


def test_complaints_settled_are_those_brought_to_an_end_and_withdrawn_ones_leave_the_ratio():
    f = figures(
        many(
            "0 opened, 9 settled 1", "0 opened, 9 settled 2", "0 opened, 9 settled", "0 opened", "0 opened, 9 settled 3"
        )
    )
    assert (f.complaints_settled_rate, f.complaints) == (0.75, 4)
    assert (f.complaints_settled, f.complaints_rejected, f.complaints_withdrawn, f.complaints_open) == (3, 1, 1, 1)


def test_what_was_opened_again_is_open_until_it_is_settled_again():
    f = figures(many("0 opened, 9 settled 1, 20 reopened", "0 opened, 9 settled 1, 20 reopened, 30 settled 1"))
    assert (f.complaints_settled_rate, f.cases_reopened_rate, f.complaint_settle_seconds_p90) == (0.5, 1, 30)


def test_suggestions_and_praise_need_no_end():
    f = figures(
        many("0 opened", kind=SUGGESTION)
        + case("0 opened", "p", kind=PRAISE)
        + case("0 opened", "r", kind=REQUEST)
        + case("0 opened", "u", kind=MISSING)
    )
    assert (f.cases_received, f.cases, f.cases_open, f.complaints) == (4, 2, 2, 0)
    assert bins(f, "cases_by_kind") == {"request": 1, "suggestion": 1, "praise": 1, "untold": 1}


def test_open_cases_are_shown_by_age_at_the_cut_off():
    ages = (0, 7, 15, 30, 60)
    opened = [e for i, age in enumerate(ages) for e in case("0 opened", f"k{i}", start=T0 - age * DAY)]
    f = figures(opened)
    assert bins(f, "complaints_open_by_age") == dict.fromkeys(
        ("under 7 days", "7 to 15 days", "15 to 30 days", "30 to 60 days", "60 days or more"), 1
    )
    assert bins(f, "cases_open_by_age") == bins(f, "complaints_open_by_age")


def test_a_case_of_which_no_receipt_is_known_is_counted_apart():
    f = figures(case("0 acknowledged, 9 settled 1"))
    assert (f.cases_received, f.cases_receipt_unknown, f.complaints_settled_rate) == (0, 1, None)


def test_what_stands_before_the_receipt_is_not_read_and_counted():
    f = figures(case("0 settled 1, 10 opened"))
    assert (f.complaints_settled_rate, f.cases_with_events_before_receipt) == (0, 1)


def test_due_is_what_was_told_last_and_the_date_itself_keeps_it():
    exact, late, moved = case("0 opened, 100 settled 1", "a", due=100), case("0 opened, 101 settled 1", "b", due=100), case(
        "0 opened, 50 assigned 200, 150 settled 1", "c", due=100)  # fmt: skip
    f = figures(exact + late + moved)
    assert f.complaints_settled_by_due_rate == pytest.approx(2 / 3)
    assert (f.complaints_settled_late, f.cases_due_moved) == (1, 1)


def test_open_and_not_yet_due_is_left_out_and_overdue_is_not_settled():
    waits = case("0 opened", due=100)
    at, over = figures([*waits, *until(100)]), figures([*waits, *until(101)])
    assert (at.complaints_settled_by_due_rate, at.complaints_overdue) == (None, 0)
    assert (over.complaints_settled_by_due_rate, over.complaints_overdue, over.cases_overdue) == (0, 1, 1)


def test_what_is_due_stands_at_its_date_and_what_was_received_at_its_receipt():
    f = figures(case("0 opened, 9 settled 1", due=30 * DAY))
    assert sorted({quarter // 96 for _, quarter in f.cells}) == [T0 // DAY, T0 // DAY + 30]


@pytest.mark.parametrize("due", [-1, 18_300 * DAY + 1])
def test_a_date_before_the_receipt_or_fifty_years_after_is_none_and_counted(due):
    f = figures([*case("0 opened, 9 settled 1", due=due), *until(DAY)])
    assert (f.cases_due_impossible, f.cases_settled_by_due_rate, f.cases_settled_late) == (1, None, 0)


def test_the_times_of_complaints_run_from_the_receipt():
    f = figures(many("0 opened, 60.001 acknowledged, 90 acknowledged, 7200 settled 1", "0 opened, 100 settled 3"))
    assert (f.complaint_acknowledge_seconds_p50, f.complaint_settle_seconds_p50, f.complaints_acknowledged_rate) == (
        61,
        7200,
        1,
    )
    assert f.request_settle_seconds_p50 is None


def test_one_stop_is_settled_on_the_day_of_receipt_once_that_day_is_over():
    midnight = 14 * HOUR  # from ten in the morning
    stories = (f"0 opened, {midnight - 1} settled 1", f"0 opened, {midnight} settled 1")
    assert figures(many(*stories, kind=REQUEST)).one_stop_rate == 0.5
    today = case("0 opened", kind=REQUEST)
    assert [figures([*today, *until(after)]).one_stop_rate for after in (midnight - 1, midnight)] == [None, 0]
    assert figures(many(*stories)).one_stop_rate is None


def test_whoever_waits_longer_than_the_day_should_be_told_how_it_stands():
    stories = (
        "0 opened, 9 settled 1",
        f"0 opened, 60 notified, 70 notified, {DAY} settled 1",
        f"0 opened, {DAY} settled 1",
        f"0 opened, {DAY} notified",
    )
    f = figures(many(*stories, kind=REQUEST))
    assert f.cases_with_status_notice_rate == pytest.approx(2 / 3)


def test_look_ups_are_counted_by_case():
    f = figures(many("0 opened, 1 looked_up, 2 looked_up, 3 looked_up", "0 opened", kind=REQUEST))
    assert (f.case_lookups_mean, f.cases_looked_up) == (1.5, 1)


def test_forwarded_cases_are_counted_with_their_time_and_their_end():
    f = figures(
        many(
            "0 opened, 600 forwarded, 900 forwarded, 5000 settled 1",
            "0 opened, 300 forwarded",
            "0 opened",
            kind=REQUEST,
        )
    )
    assert (f.cases_forwarded, f.case_forward_seconds_p50, f.case_forward_seconds_p90) == (2, 300, 600)
    assert f.cases_forwarded_settled_rate == 0.5


def test_a_step_is_in_time_when_it_is_finished_not_later_than_its_date():
    f = figures(
        many(
            "0 opened, 0 step_started 1 100, 100 step_finished 1, 100 step_started 2 200, 201 step_finished 2, 300 step_started 3, 400 step_finished 3"
        )
    )
    assert (f.case_steps_in_time_rate, f.case_steps_started) == (0.5, 3)
    assert (f.case_step_seconds_p50, f.case_step_seconds_p90) == (100, 101)


def test_a_step_not_finished_counts_once_its_date_is_past():
    step = case("0 opened, 0 step_started 1 100")
    assert [figures([*step, *until(after)]).case_steps_in_time_rate for after in (100, 101)] == [None, 0]


def test_a_step_done_again_is_one_step_to_its_last_finish_under_its_last_date():
    f = figures(case("0 opened, 0 step_started 1 100, 50 step_finished 1, 60 step_started 1 300, 250 step_finished 1"))
    assert (f.case_steps_started, f.case_steps_in_time_rate, f.case_step_seconds_p50) == (1, 1, 250)


def test_a_step_that_nobody_began_is_counted_and_no_more():
    f = figures(case("0 opened, 50 step_finished 1"))
    assert (f.case_steps_never_started, f.case_steps_in_time_rate, f.case_step_seconds_p50) == (1, None, None)


def test_a_step_that_nobody_began_stands_under_the_unit_that_finished_it():
    events = [e._replace(unit="tax") if e.a == 2 else e for e in case("0 opened, 9 step_finished 1, 9 step_finished 2")]
    assert [figures(events, unit=unit).case_steps_never_started for unit in ("idcard", "tax")] == [1, 1]


def test_a_step_stands_under_the_unit_that_is_responsible_for_it():
    events = [e._replace(unit="tax") if e.a == 2 else e for e in case("0 opened, 0 step_started 1, 9 step_started 2")]
    assert [figures(events, unit=unit).case_steps_started for unit in ("idcard", "tax")] == [1, 1]


def test_a_person_counts_once_a_month_at_the_centre_and_once_for_each_service():
    events = case("0 opened", "a", caller=7) + case("9 opened", "b", caller=7, unit="tax") + case("0 opened", "c") + case(
        "0 opened", "d", caller=7, start=T0 + 31 * DAY)  # fmt: skip
    f = figures(events)
    assert (f.case_users_per_month, f.case_users_per_month_by_service, f.cases_without_user) == (2, 3, 1)


def test_what_happened_after_the_cut_off_is_not_read():
    events = case("0 opened, 100 settled 1") + case("200 opened", "k2")
    world = World(tuple(events), (SITE,))
    names = names_of(world)
    rules, zones = rules_and_zones(world, names)
    as_of = {names.code(SITE.id): (T0 + 99) * S}
    facts = cases.contacts(columns_of(events, names), replace(rules, as_of_us=as_of), zones)["cases"]
    assert (len(facts.site), int(facts.counts["complaints_open"].sum())) == (1, 1)
