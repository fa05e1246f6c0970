"""First-contact resolution by repeat calls, by hand; the window is 600 s here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.kpis.made import SITE, figures, log


def answered(at, number, callid, queue="q"):
    return f"""
        {at}|{callid}|{queue}|NONE|ENTERQUEUE||{number}|1
        {at + 5}|{callid}|{queue}|A|CONNECT|5|{callid}x|5
        {at + 9}|{callid}|{queue}|A|COMPLETECALLER|5|4|1
    """


def abandoned(at, number, callid):
    return f"""
        {at}|{callid}|q|NONE|ENTERQUEUE||{number}|1
        {at + 8}|{callid}|q|NONE|ABANDON|1|1|8
    """


END = "\n50000|NONE|NONE|NONE|CONFIGRELOAD|"


def fcr(text, **kw):
    f = figures(log(text, **kw))
    return f.measures["fcr_eligible"], f.measures["fcr_resolved"], f.first_contact_resolution_rate


def test_a_caller_who_does_not_call_again_was_resolved():
    assert fcr(answered(0, 811, "1.1") + answered(9, 822, "1.2") + END) == (2, 2, 1)


@pytest.mark.parametrize(("after", "resolved"), [(1, 1), (600, 1), (601, 2)])
def test_the_window_leaves_out_its_beginning_and_holds_its_end(after, resolved):
    assert fcr(answered(0, 811, "1.1") + answered(after, 811, "1.2") + END)[:2] == (2, resolved)


@pytest.mark.parametrize("before", ["", "600|2.1|q|NONE|ENTERQUEUE||822|1"])
def test_the_place_of_a_line_in_its_second_does_not_move_it_out_of_the_window(before):
    text = answered(0, 811, "1.1") + before + answered(600, 811, "1.2")
    assert figures(log(text + END)).measures["fcr_resolved"] == 1
    assert figures(log(text + END)).measures["fcr_eligible"] == 2


def test_two_calls_of_one_instant_are_no_repeat_of_each_other():
    assert fcr(answered(0, 811, "1.1") + answered(0, 811, "1.2") + END)[:2] == (2, 2)


def test_a_repeat_after_two_calls_of_one_instant_counts_against_both():
    assert fcr(answered(0, 811, "1.1") + answered(0, 811, "1.2") + answered(60, 811, "1.3") + END)[:2] == (3, 1)


@pytest.mark.parametrize(("last", "eligible"), [(599, 0), (600, 1), (601, 1)])
def test_a_call_is_eligible_when_its_window_ends_with_the_last_pbx_event(last, eligible):
    before = "0|9.9|q|NONE|ENTERQUEUE|||1"  # so that the call is not the first line of its second
    assert fcr(before + answered(0, 811, "1.1") + f"\n{last}|NONE|NONE|NONE|CONFIGRELOAD|")[0] == eligible


def test_an_abandoned_call_is_no_contact_but_a_repeat():
    assert fcr(answered(0, 811, "1.1") + abandoned(60, 811, "1.2") + END) == (1, 0, 0)


def test_an_answered_call_after_an_abandoned_one_is_not_blamed():
    assert fcr(abandoned(0, 811, "1.1") + answered(60, 811, "1.2") + END) == (1, 1, 1)


def test_a_repeat_in_another_queue_of_the_centre_counts():
    assert fcr(answered(0, 811, "1.1") + answered(60, 811, "1.2", "other") + END) == (2, 1, 0.5)


def test_a_repeat_at_another_centre_does_not_count():
    other = replace(SITE, id="phuket")
    both = log(answered(0, 811, "1.1") + END) + log(answered(60, 811, "1.2") + END, other)
    assert figures(both, sites=(SITE, other)).measures["fcr_resolved"] == 1


def test_withheld_numbers_are_not_one_customer_and_not_eligible():
    f = figures(log(answered(0, "", "1.1") + answered(60, "", "1.2") + END))
    assert (f.measures["fcr_eligible"], f.measures["answered_caller_unknown"]) == (0, 2)
    assert f.first_contact_resolution_rate is None


def test_a_transferred_call_is_no_repeat_of_itself():
    text = answered(0, 811, "1.1") + answered(20, 811, "1.1", "other") + END
    assert fcr(text) == (1, 1, 1)


def test_a_repeat_is_found_across_a_change_of_the_privacy_key():
    """The second call carries the caller's token under the key before as well."""
    text = answered(0, 811, "1.1") + answered(60, 99811, "1.2") + answered(120, 99811, "1.3") + END
    assert fcr(text) == (3, 2, pytest.approx(2 / 3))
    assert fcr(text, aliases={"1.2": 811, "1.3": 811}) == (3, 1, pytest.approx(1 / 3))


def test_the_calls_between_two_of_one_caller_do_not_matter():
    others = "".join(answered(10 + i, 900 + i, f"2.{i}") for i in range(20))
    assert fcr(answered(0, 811, "1.1") + others + answered(60, 811, "1.2") + END)[:2] == (22, 21)


def chain(text):
    f = figures(log(text + END))
    return f.measures["fcr_first_contacts"], f.measures["fcr_first_contacts_resolved"]


def test_a_chain_of_contacts_counts_once_and_by_its_first():
    text = "".join(answered(300 * i, 811, f"1.{i}") for i in range(4)) + answered(0, 822, "2.1")
    assert fcr(text + END) == (5, 2, 0.4)
    assert chain(text) == (2, 1)


@pytest.mark.parametrize(("after", "first"), [(600, 1), (601, 2)])
def test_a_contact_begins_a_chain_when_the_one_before_is_further_back_than_the_window(after, first):
    assert chain(answered(0, 811, "1.1") + answered(after, 811, "1.2"))[0] == first


def test_a_lost_call_begins_no_chain():
    assert chain(abandoned(0, 811, "1.1") + answered(60, 811, "1.2")) == (1, 1)


def test_what_is_not_judged_is_counted_by_its_reason():
    f = figures(log(answered(0, 811, "1.1") + answered(49_900, 822, "1.2") + answered(0, "", "1.3") + END))
    assert (f.fcr_eligible, f.fcr_excluded_window_open, f.fcr_excluded_unknown_caller, f.calls_answered) == (1, 1, 1, 3)
