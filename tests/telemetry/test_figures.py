"""Rows that people and programs read: a period is half-open, parts add up to the whole, and a wrong question is refused."""

from __future__ import annotations

import random
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from kpis.results import KPIS
from telemetry.config import Service, Site
from telemetry.events import Decoded, Event
from telemetry.figures import query
from telemetry.journal import Journal, Unit
from telemetry.journal_reader import JournalReader

ZONE = ZoneInfo("Asia/Bangkok")
SITE = Site(
    id="bkk",
    services=(Service(id="idcard", target_minutes=10), Service(id="civil")),
    targets={"service_level_rate": 0.7},
)


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1e6)


def ticket(n: int, issued: str, wait_s: int = 300, unit: str = "idcard") -> list[Event]:
    fact = {"site": "bkk", "source": "bkk/k", "unit": unit, "contact": f"A{n}"}
    return [
        Event(id=f"b:{2 * n:010}", type="ticket.issued", time_us=us(issued), **fact),
        Event(id=f"b:{2 * n + 1:010}", type="ticket.called", time_us=us(issued) + wait_s * 1_000_000, **fact),
    ]


def reader(folder, *tickets: list[Event]) -> JournalReader:
    journal = Journal(folder, pack_rows=50)
    journal.ensure(["bkk", "idcard", "civil"])
    for batch in tickets:
        journal.commit([Unit("mqtt", Decoded(batch), 0)])
    journal.close()
    return JournalReader(folder)


def value(rows: list[dict], kpi: str = "tickets_issued") -> list:
    return [row["value"] for row in rows if row["kpi"] == kpi]


EDGES = ["2026-11-20T08:59:59.999999", "2026-11-20T09:00", "2026-11-20T09:14:59.999999", "2026-11-20T09:15"]


@pytest.fixture
def edges(tmp_path):
    return reader(tmp_path, *(ticket(n, at) for n, at in enumerate(EDGES)))


@pytest.mark.parametrize(
    ("first", "last", "n"),
    [
        ("2026-11-20T09:00", "2026-11-20T09:15", 2),
        ("2026-11-20T08:45", "2026-11-20T09:00", 1),
        ("2026-11-20T09:15", "2026-11-20T09:30", 1),
        ("2026-11-20T08:45", "2026-11-20T09:30", 4),
        ("2026-11-20", "2026-11-21", 4),
        ("2026-11-19", "2026-11-20", 0),
        ("2026-11-21", "2026-11-22", 0),
        ("2026-11-20T09:15", None, 1),
        (None, "2026-11-20T09:00", 1),
        (None, None, 4),
        ("2026-11-20 09:00", "2026-11-20T09:15:00", 2),
    ],
)
def test_the_first_moment_is_in_the_period_and_the_last_is_not(edges, first, last, n):
    assert value(query(edges, SITE, first, last)) == [n]


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [
        ("2026-11-20T09:07", None, "from: expected a quarter of an hour"),
        (None, "2026-11-20T09:00:01", "to: expected a quarter of an hour"),
        ("2026-11-20T09:00+07:00", None, "from: give the site's local time without a zone"),
        ("2026-11-20T09:00Z", None, "without a zone"),
        ("yesterday", None, "from: expected a date like 2026-11-21"),
        (None, "20/11/2026", "to: expected a date"),
        ("2026-11-21", "2026-11-20", "to: must be later than from"),
        ("2026-11-20", "2026-11-20", "to: must be later than from"),
        ("2027-01-01", None, "the data ends before it"),
    ],
)
def test_a_period_that_is_none_is_refused_in_words(edges, first, last, says):
    with pytest.raises(ValueError, match=says.replace(".", r"\.")):
        query(edges, SITE, first, last)


def test_an_unknown_grouping_is_refused_with_those_there_are(edges):
    with pytest.raises(ValueError, match=r"by: expected one of total, unit, agent, .*, fiscal_year, got 'week'"):
        query(edges, SITE, None, None, by="week")


def test_without_any_event_a_count_is_zero_and_everything_else_is_no_data(tmp_path):
    rows = query(reader(tmp_path), SITE, "2026-11-20", "2026-11-21")
    assert len(rows) == len(KPIS)
    for row in rows:
        assert row["value"] in (0, None)
        assert (row["value"] == 0) == (KPIS[row["kpi"]].kind == "count")
        assert (row["n"], row["ci_low"], row["ci_high"]) == (0, None, None)
        assert row["verdict"] in (None, "insufficient_data")


def test_a_period_before_or_behind_all_events_is_empty_and_no_error(edges):
    for period in (("2020-01-01", "2020-01-02"), ("2030-01-01", "2030-01-02")):
        assert value(query(edges, SITE, *period)) == [0]


@pytest.mark.parametrize("by", ["unit", "half_hour", "hour", "day", "month", "quarter", "fiscal_year"])
def test_the_parts_add_up_to_the_whole(tmp_path, by):
    dice = random.Random(by)
    days = ["2026-10-30", "2026-10-31", "2026-11-01", "2026-11-20"]
    tickets = [
        ticket(
            n,
            f"{dice.choice(days)}T{dice.randrange(8, 17):02}:{dice.randrange(60):02}",
            dice.randrange(2000),
            dice.choice(["idcard", "civil"]),
        )
        for n in range(300)
    ]
    journal = reader(tmp_path, *tickets)
    whole = {row["kpi"]: row for row in query(journal, SITE, None, None)}
    parts = query(journal, SITE, None, None, by=by)
    for kpi in ("tickets_issued", "ticket_wait_seconds_mean", "ticket_wait_within_target_rate"):
        rows = [row for row in parts if row["kpi"] == kpi]
        for part in ("n", "numerator", "denominator"):
            if whole[kpi][part] is not None:
                assert sum(row[part] or 0 for row in rows) == pytest.approx(whole[kpi][part], rel=1e-12)
    places = {(row["unit"], row["from"], row["to"]) for row in parts}
    assert len(places) == {"unit": 2, "day": 22, "month": 2}.get(by, len(places))
    if by != "unit":
        spans = sorted((a, b) for _, a, b in places)
        assert all(b <= c for (_, b), (c, _) in pairwise(spans)), "periods do not overlap"


def test_groups_are_cut_to_the_period_asked_for(tmp_path):
    journal = reader(tmp_path, ticket(1, "2026-10-31T10:00"), ticket(2, "2026-11-02T10:00"))
    rows = query(journal, SITE, "2026-10-31", "2026-11-03", by="month")
    assert [(r["from"][:10], r["to"][:10], r["value"]) for r in rows if r["kpi"] == "tickets_issued"] == [
        ("2026-10-31", "2026-11-01", 1),
        ("2026-11-01", "2026-11-03", 1),
    ]


def test_times_are_of_the_sites_zone(edges):
    row = query(edges, SITE, "2026-11-20", "2026-11-21")[0]
    assert (row["from"], row["to"]) == ("2026-11-20T00:00:00+07:00", "2026-11-21T00:00:00+07:00")


def test_a_ticket_issued_in_the_period_counts_with_its_wait_although_it_is_called_behind_it(tmp_path):
    journal = reader(tmp_path, ticket(1, "2026-11-20T09:14", wait_s=600))
    rows = {row["kpi"]: row for row in query(journal, SITE, "2026-11-20T09:00", "2026-11-20T09:15")}
    assert rows["ticket_wait_seconds_mean"]["value"] == 600
    assert rows["ticket_wait_within_target_rate"]["value"] == 1


def test_a_row_says_its_target_its_definition_and_whether_there_is_enough_to_judge(tmp_path):
    few = reader(tmp_path / "few", *(ticket(n, "2026-11-20T09:00", wait_s=60) for n in range(29)))
    enough = reader(tmp_path / "enough", *(ticket(n, "2026-11-20T09:00", wait_s=60) for n in range(30)))
    site = Site(
        id="bkk", services=SITE.services, targets={"ticket_wait_within_target_rate": 0.9, "service_level_rate": 0.7}
    )
    for journal, verdict in ((few, "insufficient_data"), (enough, "met")):
        rows = {row["kpi"]: row for row in query(journal, site, None, None)}
        row = rows["ticket_wait_within_target_rate"]
        assert (row["target"], row["verdict"], row["value"]) == (0.9, verdict, 1)
        assert 0.8 < row["ci_low"] < row["ci_high"] == pytest.approx(1)
        assert rows["service_level_rate"]["target"] == 0.7
        assert "20 s" in rows["service_level_rate"]["definition"]
        assert "{" not in "".join(r["definition"] for r in rows.values())
    thai = {row["kpi"]: row["definition"] for row in query(enough, site, None, None, lang="th")}
    assert "วินาที" in thai["service_level_rate"]


@pytest.mark.parametrize("zone", ["Asia/Bangkok", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_days_add_up_where_a_lesser_log_knows_a_call_near_midnight(tmp_path, zone):
    """Whether it counts depends on what the better log said half a day before: also on the day before."""

    def call(source: str, at: str) -> list[Event]:
        when = int(datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1e6)
        fact = {"site": "bkk", "source": source, "unit": "q", "contact": at}
        return [
            Event(id=f"{when}.e", type="call.entered", time_us=when, **fact),
            Event(id=f"{when}.x", type="call.abandoned", time_us=when + 9_000_000, **fact),
        ]

    journal = Journal(tmp_path)
    journal.set_tellers({"bkk/log": ("pbx", 1, False), "bkk/cel": ("pbx", 2, False)})
    better = [*call("bkk/log", "2026-11-19T12:30"), *call("bkk/log", "2026-11-20T11:30")]
    lesser = [*call("bkk/cel", "2026-11-20T00:10"), *call("bkk/cel", "2026-11-19T23:50")]
    journal.commit([Unit("bkk/log", Decoded(better), 0), Unit("bkk/cel", Decoded(lesser), 0)])
    journal.close()
    site = Site(id="bkk", timezone=zone, fcr_window_s=60)
    told = JournalReader(tmp_path)
    for kpi, n in (("calls_only_in_other_log", 1), ("calls_offered", 1)):
        for first, last in (("2026-11-19", "2026-11-20"), ("2026-11-20", "2026-11-21")):
            assert value(query(told, site, first, last), kpi) == [n]
        assert value(query(told, site, "2026-11-19", "2026-11-21", by="day"), kpi) == [n, n]


def test_a_better_log_that_is_configured_no_more_is_not_waited_for(tmp_path):
    journal = Journal(tmp_path)
    journal.set_tellers({"bkk/log": ("pbx", 1, True), "bkk/cel": ("pbx", 2, False)})
    assert journal.tellers()[journal.code("bkk/log")].followed
    journal.set_tellers({"bkk/old": ("pbx", 4, False)}, keep=True)  # an import says nothing of the others
    assert journal.tellers()[journal.code("bkk/log")].followed
    journal.set_tellers({"bkk/cel": ("pbx", 2, False)})
    left = journal.tellers()[journal.code("bkk/log")]
    assert (left.rank, left.followed) == (1, False), "what it told still counts first"
    journal.close()


def matter(name: str, *steps: str, caller: int = 0) -> list[Event]:
    """Events of a case or conversation from `2024-03-01T10:00 case.opened 1`; a last word with a T is a date due."""
    fact = {"site": "bkk", "source": "bkk/crm", "contact": name, "caller": caller}
    out = []
    for i, step in enumerate(steps):
        at, what, *more = step.split()
        slots = dict(zip("ab", (us(x) // 1000 if "T" in x else int(x) for x in more), strict=False))
        out.append(Event(id=f"{name}{i}", type=what, time_us=us(at), unit="civil", **fact, **slots))
    return out


def told(journal: JournalReader, first: str, last: str | None, *kpis: str) -> list:
    rows = {row["kpi"]: row["value"] for row in query(journal, SITE, first, last)}
    return [rows[kpi] for kpi in kpis]


@pytest.fixture
def years(tmp_path):
    """Matters of more than two years among the tickets of every month."""
    days = [
        f"{y}-{m:02}-{d:02}" for y in (2024, 2025, 2026) for m in range(1, 13) for d in (1, 15) if (y, m) < (2026, 12)
    ]
    return reader(
        tmp_path,
        matter(
            "k1", "2024-03-01T10:00 case.opened 1 2026-11-20T12:00", "2026-11-02T10:00 case.step_started 1 2026-11-03T10:00",
            "2026-11-03T09:00 case.step_finished 1", "2026-11-19T10:00 case.settled 1",
        ),
        *(ticket(n, f"{day}T10:00") for n, day in enumerate(days)),
        matter("c1", "2026-02-28T23:59 conversation.opened", "2026-11-20T09:00 conversation.replied"),
        matter("c2", "2026-03-01T00:00 conversation.opened"),
    )  # fmt: skip


def test_a_case_of_years_ago_is_one_whose_receipt_is_known_wherever_the_period_cuts_it(years):
    unknown = ("cases_receipt_unknown", "cases_received")
    assert told(years, "2026-11-01", "2026-12-01", *unknown, "case_steps_in_time_rate") == [0, 0, 1]
    assert told(years, "2024-03-01", "2024-03-02", *unknown, "complaints_settled_rate", "complaints_open") == [
        0,
        1,
        1,
        0,
    ]
    assert told(years, "2024-03-02", "2026-11-01", *unknown, "complaints_settled_rate") == [0, 0, None]


def test_a_case_is_due_in_the_period_of_its_date_however_long_ago_it_was_received(years):
    rate = "complaints_settled_by_due_rate"
    days = [
        ("2026-11-20", "2026-11-21"),
        ("2026-11-19", "2026-11-20"),
        ("2024-03-01", "2024-03-02"),
        ("2024-01-01", None),
    ]
    assert [told(years, *day, rate) for day in days] == [[1], [None], [None], [1]]


def test_conversations_know_what_became_of_them_to_the_end_of_the_data(years):
    names = ("conversations", "conversations_replied", "conversations_waiting", "conversations_beginning_unknown")
    assert told(years, "2026-02-28", "2026-03-01", *names) == [1, 1, 0, 0]
    assert told(years, "2026-03-01", "2026-03-02", *names) == [1, 0, 1, 0]
    assert told(years, "2026-11-20", "2026-11-21", *names) == [0, 0, 0, 0]


def test_whoever_came_earlier_in_the_month_is_no_new_person_in_a_period_that_begins_later(tmp_path):
    said = [
        matter(f"{word}{i}", f"{at} {word}.opened", caller=7)
        for word in ("case", "conversation")
        for i, at in enumerate(("2026-10-31T23:59", "2026-11-01T00:00", "2026-11-20T10:00", "2026-11-29T10:00"))
    ]
    journal = reader(tmp_path, *said)
    persons = ("case_users_per_month", "conversation_users_per_month", "conversation_users_per_month_by_channel")
    for first, last, n in (
        ("2026-11-01", "2026-12-01", 1),
        ("2026-11-15", "2026-12-01", 0),
        ("2026-10-15", "2026-11-15", 2),
        ("2026-11-20T10:00", "2026-11-20T10:15", 0),
    ):
        assert told(journal, first, last, *persons) == [n] * 3, first


def test_points_with_votes_and_questionnaires_count_once_however_the_month_is_asked_for(tmp_path):
    press = Event(site="bkk", source="bkk/b1", id="", type="vote.cast", time_us=0, unit="civil", a=5, b=5)
    at = ("2026-11-01T10:00", "2026-11-14T23:59:55", "2026-11-15T00:00", "2026-11-15T09:00")
    journal = reader(tmp_path, [press._replace(id=f"v{i}", time_us=us(t)) for i, t in enumerate(at)])
    names = ("vote_points_in_month", "vote_point_days", "votes", "votes_bounced")
    assert told(journal, "2026-11-01", "2026-12-01", *names) == [1, 3, 3, 1]
    assert told(journal, "2026-11-15", "2026-12-01", *names) == [0, 1, 1, 1]
