"""Votes, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kpis.results import KPIS, verdict
from kpis.votes import satisfaction
from telemetry.events import EVENT_TYPES, MISSING, QUESTIONS, Event
from tests.kpis.made import SITE, T0, figures, press, ticket
from tests.kpis.worlds import S


def vote(after, score=5, scale=5, *, question=MISSING, contact="", counter="", unit="idcard", source="button"):
    """One vote so many seconds after ten in the morning; its question by name."""
    code = QUESTIONS.get(question, question)
    at_us = round((T0 + after) * S)
    return Event(SITE.id, source, "", "vote.cast", at_us, unit, contact, counter, a=score, b=scale, c=code)


def test_the_codes_of_questions_are_those_of_the_vocabulary():
    named = satisfaction.DIMENSIONS | satisfaction.TOPICS
    assert {**named, "overall": satisfaction.OVERALL, "resolved": satisfaction.RESOLVED} == QUESTIONS
    assert max(QUESTIONS.values()) == satisfaction._LAST_QUESTION
    codes = {"ticket.finished": satisfaction.FINISHED, "vote.dropped": satisfaction.DROPPED}
    assert codes == {name: EVENT_TYPES[name].code for name in codes}


@pytest.mark.parametrize(
    ("scale", "satisfied"),
    [(2, [2]), (3, [3]), (4, [3, 4]), (5, [4, 5]), (7, [6, 7]), (10, [9, 10])],
)
def test_the_satisfied_press_the_top_two_levels_or_the_top_one_of_short_scales(scale, satisfied):
    for score in range(1, scale + 1):
        assert figures(press(score, scale=scale)).satisfaction_rate == (score in satisfied)


@pytest.mark.parametrize("scale", range(2, 11))
def test_the_mean_percent_is_score_by_best_score_exactly(scale):
    scores = range(1, scale + 1)
    assert figures(press(*scores, scale=scale)).satisfaction_mean_percent == 100 * (scale + 1) / 2 / scale


def test_mixed_scales_are_averaged_as_shares_of_their_best_score():
    f = figures(press(1, scale=3) + press(3, scale=4, start=T0 + 60) + press(5, scale=6, start=T0 + 120))
    assert f.satisfaction_mean_percent == pytest.approx(100 * (1 / 3 + 3 / 4 + 5 / 6) / 3, rel=1e-15)


def test_a_score_of_a_scale_longer_than_16_is_rounded_down_to_a_3603600th_of_the_best():
    assert figures(press(1, scale=17)).satisfaction_mean_percent == 100 * (3_603_600 // 17) / 3_603_600


def test_four_point_two_of_five_is_84_percent_and_not_80():
    assert figures(press(4, 4, 4, 4, 5)).satisfaction_mean_percent == 84


@pytest.mark.parametrize(
    ("score", "scale"), [(0, 5), (6, 5), (-1, 5), (MISSING, 5), (3, MISSING), (1, 1), (1, 0), (MISSING, MISSING)]
)
def test_a_press_outside_its_scale_is_no_vote(score, scale):
    f = figures(press(score, scale=scale))
    assert (f.votes, f.satisfaction_rate, f.satisfaction_mean_percent) == (0, None, None)
    assert f.votes_invalid == 1


def test_the_response_rate_is_votes_by_tickets_served():
    served = ticket("0 issued, 60 called, 90 finished") + ticket("0 issued, 60 called, 90 finished", "A002")
    f = figures(served + ticket("0 issued", "A003") + press(5))
    assert (f.satisfaction_response_rate, f.results["satisfaction_response_rate"].n[0]) == (0.5, 2)


def test_more_votes_than_tickets_are_shown_as_they_are_without_an_interval():
    f = figures(ticket("0 issued, 60 called, 90 finished") + press(5, 5, 5))
    r = f.results["satisfaction_response_rate"]
    assert (f.satisfaction_response_rate, str(r.ci_low[0]), str(r.ci_high[0])) == (3, "nan", "nan")


def test_votes_without_tickets_have_no_response_rate():
    assert figures(press(5)).satisfaction_response_rate is None


def test_presses_closer_than_the_pause_are_one_vote_however_many_they_are():
    f = figures([vote(0, 4), vote(5, 1), vote(12, 1), vote(21.999, 1), vote(32, 2)])
    assert (f.votes, f.votes_bounced, f.satisfaction_mean_percent) == (2, 3, 60)


def test_a_press_after_exactly_the_pause_is_a_vote_of_its_own():
    assert (figures([vote(0), vote(10)]).votes, figures([vote(0), vote(9.999999)]).votes) == (2, 1)


def test_of_two_presses_the_earlier_counts_even_if_it_came_later():
    assert figures([vote(3, 1), vote(0, 5)]).satisfaction_mean_percent == 100


@pytest.mark.parametrize("other", [{"source": "b2"}, {"counter": "2"}, {"unit": "tax"}, {"question": "staff"}])
def test_another_button_counter_service_or_question_is_no_bounce(other):
    f = figures([vote(0), vote(1, **other)])
    assert (f.votes + f.answers_staff, f.votes_bounced) == (2, 0)


def test_to_say_overall_or_nothing_is_the_same_question():
    assert figures([vote(0), vote(1, question="overall")]).votes_bounced == 1


def test_answers_of_questionnaires_do_not_bounce():
    f = figures([vote(0, contact="f1"), vote(1, contact="f2"), vote(2, contact="f2", question="staff")])
    assert (f.votes, f.votes_bounced, f.questionnaires) == (2, 0, 2)


def test_a_centre_that_wants_no_pause_has_none():
    assert figures([vote(0), vote(0)], replace(SITE, vote_pause_s=0.0)).votes == 2


def test_a_press_that_is_no_vote_does_not_make_the_next_one_bounce():
    f = figures([vote(0, 6), vote(1, 5)])
    assert (f.votes, f.votes_invalid, f.votes_bounced) == (1, 1, 0)


def test_a_question_that_nobody_knows_is_counted_apart():
    f = figures([vote(0, question=13), vote(60, question=-1)])
    assert (f.votes, f.votes_invalid) == (0, 2)


def test_only_votes_on_the_service_over_all_are_its_satisfaction():
    f = figures([vote(0, 5), *(vote(60 * i, 1, question=name) for name, i in QUESTIONS.items() if i)])
    assert (f.votes, f.satisfaction_mean_percent, f.satisfaction_rate) == (1, 100, 1)


@pytest.mark.parametrize("name", satisfaction.DIMENSIONS)
def test_a_part_of_the_service_has_a_mean_and_a_share_of_its_own(name):
    f = figures([vote(0, 5, question=name), vote(60, 4, question=name), vote(120, 1, 4, question=name)])
    assert getattr(f, f"answers_{name}") == 3
    assert getattr(f, f"satisfaction_rate_{name}") == pytest.approx(2 / 3)
    assert getattr(f, f"satisfaction_mean_percent_{name}") == pytest.approx(100 * (1 + 0.8 + 0.25) / 3)


def test_best_worst_and_every_level_are_counted():
    f = figures(press(5, 5, 4, 2, 1) + press(4, 3, 1, scale=4, start=T0 + 3600) + press(7, scale=7, start=T0 + 7200))
    assert (f.satisfaction_top_rate, f.satisfaction_bottom_rate) == (4 / 9, 2 / 9)
    bins = {
        name: {k: int(v[0]) for k, v in f.results[name].bins.items() if v[0]}
        for name in ("votes_by_scale", "votes_of_five_levels")
    }
    assert bins["votes_by_scale"] == {"4": 3, "5": 5, "other": 1}
    assert bins["votes_of_five_levels"] == {"1": 1, "2": 1, "4": 1, "5": 2}


def test_settled_at_the_first_contact_is_what_people_say_with_yes_or_no():
    f = figures(
        [
            *(vote(60 * i, score, 2, question="resolved") for i, score in enumerate((2, 2, 1))),
            vote(0, 5, question="resolved", contact="f"),
        ]
    )
    assert f.first_contact_resolution_rate_by_survey == pytest.approx(2 / 3)
    assert f.answers_resolved_other_scale == 1


def test_a_survey_of_needs_shows_which_of_its_six_topics_were_answered():
    f = figures(
        [
            vote(0, question="access", contact="n1"),
            vote(0, question="awareness", contact="n1"),
            vote(0, question="access", contact="n2"),
        ]
    )
    bins = {k: int(v[0]) for k, v in f.results["needs_answers_by_topic"].bins.items()}
    assert len(bins) == 6
    assert {k: v for k, v in bins.items() if v} == {"access": 2, "awareness": 1}
    assert f.questionnaires == 2


SERVED = ticket("0 issued, 60 called, 90 finished")  # at counter-1


@pytest.mark.parametrize(
    ("after", "counter", "linked"),
    [
        (90, "counter-1", 1),
        (390, "counter-1", 1),
        (390.000001, "counter-1", 0),
        (89, "counter-1", 0),
        (120, "counter-2", 0),
    ],
)
def test_a_press_is_of_the_ticket_that_was_finished_at_its_counter_not_long_before(after, counter, linked):
    for events in ([*SERVED, vote(after, counter=counter)], [vote(after, counter=counter), *SERVED]):
        assert figures(events).votes_linked_rate == linked


def test_a_vote_that_names_its_ticket_is_that_tickets_on_the_same_day():
    assert figures([*SERVED, vote(3600, contact="A001")]).votes_linked_rate == 1
    assert figures([*SERVED, vote(3600, contact="A002")]).votes_linked_rate == 0
    assert figures([*SERVED, vote(86_400, contact="A001")]).votes_linked_rate == 0


def test_a_vote_that_names_nothing_is_no_part_of_what_could_be_linked():
    assert figures([*SERVED, vote(100)]).votes_linked_rate is None


def test_points_in_use_are_counted_once_a_day_and_once_a_month():
    day = 86_400  # T0 is the first of January
    f = figures([vote(0), vote(60), vote(90, source="b2"), vote(day), vote(31 * day), vote(32 * day, 9)])
    assert (f.vote_point_days, f.vote_points_in_month) == (4, 3)


def test_a_counter_has_votes_on_a_day_when_any_names_it():
    other = [e._replace(party="counter-2") for e in ticket("0 issued, 60 called, 90 finished", "A002")]
    f = figures([*SERVED, *other, vote(7200, counter="counter-2", question="staff"), vote(7200, counter="counter-3")])
    assert (f.service_points_with_votes_rate, f.results["service_points_with_votes_rate"].n[0]) == (0.5, 2)


def test_eighty_percent_keep_the_quality_standard_and_do_not_exceed_eighty_percent():
    f = figures(press(*[5] * 24, *[1] * 6))
    said = {
        name: verdict(KPIS[name], getattr(f, name), 30, 0.80)
        for name in ("satisfaction_rate", "satisfaction_rate_for_results")
    }
    assert said == {"satisfaction_rate": "met", "satisfaction_rate_for_results": "not_met"}
