"""The commissioning report: what follows from the events of a test, and the words it is said in."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from telemetry import commands
from telemetry.commands.commission_report import _width, as_json, as_text
from telemetry.commands.commissioning import PLACES, TODAY_ONLY, WHOLE, Commissioning, doubled, missing_numbers
from telemetry.config import Device, Site
from telemetry.events import REJECT_REASONS, Event
from telemetry.text import LANGUAGES, words

S = 1_000_000
NOW_US = 1_795_230_000_000_000  # 21 November 2026, 10:00 in Thailand
TODAY = "2026-11-21"
SITE = Site(id="s", name_th="ศูนย์", name_en="Centre")
SOURCES = [
    Path(commands.__file__).with_name(f"{name}.py") for name in ("commission", "commissioning", "commission_report")
]


def begun(kind: str = "kiosk", count: int = 3) -> Commissioning:
    return Commissioning(SITE, Device(id="d", kind=kind), count, NOW_US)


def issued(n: int, *, source: str = "s/d", late_s: float = 0.5, unit: str = "idcard", ticket: str = "") -> tuple:
    received = NOW_US + n * S
    time_us = received - int(late_s * S)
    return n, received, Event("s", source, f"k:{n:010d}", "ticket.issued", time_us, unit, ticket or f"A{n}")


def pressed(n: int, type_: str = "vote.cast", c: int = 0) -> tuple:
    us = NOW_US + n * S
    return n, us, Event("s", "s/d", f"press:{us}", type_, us, "", "", "1", "", 4, 5, c)


def ended(test: Commissioning, *events: tuple, grown: dict | None = None) -> Commissioning:
    """The test after these events, when every figure has grown by what came (or by what `grown` says of a place)."""
    for one in events:
        test.take(*one)
    came = [*(t.event for t in test.traces), *test.others]
    units = {e.unit for e in came} | {WHOLE}
    test.before = {place: dict.fromkeys(units, 100.0) for place in PLACES}
    test.after = {
        place: {u: 100.0 + sum(u in (WHOLE, e.unit) for e in came) + (grown or {}).get(place, 0) for u in units}
        for place in PLACES
    }
    test.board_days = (TODAY, TODAY)
    test.ended_us = NOW_US + 60 * S
    return test


def wrong(test: Commissioning) -> list[str]:
    return [check.name for check in test.checks() if not check.passed]


def text(test: Commissioning, lang: str = "en") -> str:
    return "\n".join(as_text(test, lang))


def test_a_test_of_which_all_is_right_has_passed():
    test = ended(begun(), *(issued(n) for n in (1, 2, 3)))
    assert (test.passed, wrong(test), test.remarks()) == (True, [], [])
    assert "Result:   PASSED" in text(test)
    assert "ผลการทดสอบ:  ผ่าน" in text(test, "th")


@pytest.mark.parametrize("came", [0, 2, 4])
def test_fewer_or_more_than_were_asked_for_is_a_failure(came):
    test = ended(begun(), *(issued(n + 1) for n in range(came)))
    assert wrong(test) == ["count"]
    assert f"[ ] {came} of 3 came" in text(test)


@pytest.mark.parametrize("place", PLACES)
def test_a_figure_that_did_not_grow_by_what_came_is_named(place):
    test = ended(begun(), *(issued(n) for n in (1, 2, 3)), grown={place: -1})
    assert wrong(test) == ["figures"]
    assert f"[ ] {place} did not grow by what came: whole site +2, expected +3" in text(test)


def test_what_other_devices_sent_meanwhile_is_expected_in_the_figures_too():
    test = ended(begun(), *(issued(n) for n in (1, 2, 3)), issued(4, source="s/other", unit="civil"))
    assert test.passed
    moved = {(m.place, m.of): m.expected for m in test.moved()}
    assert (moved["/metrics", WHOLE], moved["/metrics", "idcard"]) == (4, 3)


def test_a_place_that_says_nothing_is_a_failure():
    test = ended(begun(), *(issued(n) for n in (1, 2, 3)))
    test.after = {**test.after, "/metrics": {}}
    assert wrong(test) == ["figures"]
    assert "/metrics did not grow by what came: whole site not said, expected +3" in text(test)


def test_the_board_is_not_judged_over_midnight_for_it_begins_anew():
    test = ended(begun(), *(issued(n) for n in (1, 2, 3)), grown={TODAY_ONLY: -50})
    test.board_days = ("2026-11-20", TODAY)
    assert wrong(test) == []


def test_the_board_need_not_show_tickets_of_another_day():
    test = ended(begun(count=1), issued(1, late_s=86_400), grown={TODAY_ONLY: -1})
    assert wrong(test) == ["clock"]
    assert ("other_day", {"n": 1}) in test.remarks()


@pytest.mark.parametrize(("late_s", "right"), [(1.9, True), (-1.9, True), (2.1, False), (-2.1, False)])
def test_a_clock_is_right_within_two_seconds(late_s, right):
    test = ended(begun(), *(issued(n, late_s=late_s) for n in (1, 2, 3)))
    assert ("clock" not in wrong(test)) is right


def test_one_message_that_waited_does_not_make_a_clock_wrong():
    test = ended(begun(), issued(1), issued(2, late_s=300), issued(3))
    assert test.clock_offset_us == 500_000
    assert test.passed


def test_a_button_without_a_clock_has_no_offset_and_no_time_of_its_own():
    test = ended(begun("button", 1), pressed(1))
    assert (test.clock_offset_us, test.passed) == (None, True)
    assert as_json(test, "en")["tests"][0]["device_time"] is None
    assert "It gives no times" in text(test)


def test_presses_that_are_no_votes_are_counted_apart():
    test = ended(begun("button", 1), pressed(1), pressed(2, "vote.dropped", 1), pressed(3, "vote.dropped", 2))
    assert test.passed
    assert dict(test.remarks()) == {"bounced": {"n": 1}, "retained": {"n": 1}}


def test_a_number_told_as_two_events_of_a_day_is_named_but_not_one_of_another_day():
    twice = ended(begun(), issued(1), issued(2), issued(3, ticket="A1"))
    assert twice.twice() == ["A1"]
    assert ended(begun(), issued(1), issued(2), issued(3, ticket="A1", late_s=86_400)).twice() == []


def test_what_a_counter_makes_of_a_ticket_is_found_by_its_number():
    test = begun(count=2)
    later = NOW_US + 9 * S
    for one in (
        issued(1),
        issued(2),
        (3, later, Event("s", "s/c", "1", "ticket.called", later, "", "A1", "1")),
        (4, later, Event("s", "s/c", "2", "ticket.finished", later + S, "", "A1", "1")),
        (5, later, Event("s", "s/c", "3", "ticket.no_show", later, "", "A2", "1")),
        (6, later, Event("s", "s/c", "4", "ticket.called", later, "", "Z9", "1")),
        (7, later, Event("other", "other/c", "5", "ticket.called", later, "", "A2", "1")),
    ):
        test.take(*one)
    assert [(t.called_us, t.finished_us, t.missed) for t in test.traces] == [
        (later, later + S, False),
        (None, None, True),
    ]
    assert (test.called, test.finished) == (1, 2)


def test_rejects_of_the_device_fail_it_and_those_of_nobody_are_shown():
    test = ended(begun(), *(issued(n) for n in (1, 2, 3)))
    test.refuse("", "unknown_site", "gecc/v1/x/d/ticket: no site 'x'")
    test.refuse("s/other", "bad_field", "not ours")
    assert (wrong(test), [r.own for r in test.refused]) == ([], [False])
    test.refuse("s/d", "bad_field", "$.service is missing")
    test.refuse("s/d", "bad_field", "$.service is missing")
    assert wrong(test) == ["rejected"]
    assert "2 × from this device: a field is missing or has a wrong value (bad_field)\n      $.service" in text(test)
    assert "not ours" not in text(test)


def numbered(*ids: str, extra: str = "") -> list[Event]:
    return [Event("s", "s/d", ident, "ticket.issued", 0, extra=extra) for ident in ids]


def test_missing_numbers_are_found_in_each_start_of_a_device():
    ids = [f"k:{n:010d}" for n in (1, 2, 3, 6, 7, 9)] + ["k2:0000000001", "k2:0000000002"]
    assert missing_numbers(numbered(*ids)) == ["k: 4-5, 8"]
    assert missing_numbers(numbered(*(f"k:{n:010d}" for n in range(0, 900, 100)))) == [], "it does not count by one"
    assert missing_numbers(numbered("press:1795230000000000", "a")) == []
    events = [e for n in (1, 2, 3, 5, 6) for e in numbered(f"x{n}", extra=f'{{"sequence":"{n:04d}"}}')]
    assert missing_numbers(events) == ["sequence: 4"]


def test_a_gap_that_the_last_start_had_left_open_is_not_of_the_test():
    test = begun()
    test.take(*issued(1))
    old, new = NOW_US - 60 * S, NOW_US + 30 * S
    rows = [
        ("s/d", "sequence", old, old, "old"),
        ("s/d", "sequence", old, new, "new"),
        ("s/x", "sequence", new, new, "x"),
    ]
    assert test.gaps_of(rows) == ["new"]


@pytest.mark.parametrize(
    ("received", "stored", "refused", "duplicates", "n"), [(21, 20, 0, 1, 1), (40, 20, 0, 0, 0), (None, 20, 0, 2, 2), (21, 20, 1, 3, 0)]
)  # fmt: skip
def test_what_came_again_is_told_from_what_others_sent_again(received, stored, refused, duplicates, n):
    assert doubled(received, numbered(*map(str, range(stored))), refused, duplicates) == n


def test_times_are_the_sites_and_years_are_thai_in_thai():
    test = ended(begun(count=1), issued(1))
    assert re.search(r"1 +A1 +idcard +21 Nov 2026 10:00:00 +0\.5 s +1 +k:0000000001 +- +- +10:00–10:15", text(test))
    assert re.search(r"A1 +idcard +21 พ\.ย\. 2569 10\.00\.00 น\. .* 10\.00–10\.15 น\.", text(test, "th"))
    assert as_json(test, "en")["tests"][0]["counts_in"] == ["2026-11-21T10:00:00+07:00", "2026-11-21T10:15:00+07:00"]


def test_columns_stand_under_each_other_in_thai_too():
    lines = text(ended(begun(), *(issued(n) for n in (1, 2, 3))), "th").splitlines()
    first = lines.index("บัตรคิวทดสอบ") + 1
    places = {
        _width(line[: line.index(what)])
        for line, what in zip(lines[first : first + 4], ("บริการ", *["idcard"] * 3), strict=True)
    }
    assert len(places) == 1


def test_the_json_says_what_the_page_says():
    test = ended(begun(), issued(1), issued(2, ticket="A1"))
    report = json.loads(json.dumps(as_json(test, "en")))
    assert report["passed"] is False
    assert {c["name"] for c in report["checks"] if not c["passed"]} == {"count", "twice"}
    assert all(check["says"] in text(test) for check in report["checks"])


# --- words ---


def test_both_languages_say_everything_with_the_same_blanks():
    th, en = (words(lang, "commission") for lang in LANGUAGES)
    assert set(th) == set(en)
    assert all(set(re.findall(r"\{(\w+)\}", th[key])) == set(re.findall(r"\{(\w+)\}", en[key])) for key in th)
    assert all(sentence.strip() for sentence in (*th.values(), *en.values()))


def test_every_reason_of_a_reject_has_its_words():
    assert {key.removeprefix("reason_") for key in words("th", "commission") if key.startswith("reason_")} == set(
        REJECT_REASONS
    )


def test_every_word_is_used():
    quoted = {word for path in SOURCES for word in re.findall(r"""["'](\w+)["']""", path.read_text("utf-8"))}
    built = ("reason_", "check_", "start_", "progress_", "figures_", "tickets", "presses", "journal")
    assert [key for key in words("th", "commission") if key not in quoted and not key.startswith(built)] == []
