"""What the journal keeps beside events: counted with each commit, whole or not at all, and made good for older journals."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import fields

import numpy as np
import pytest

from kpis.columns import MISSING, QUARTER_US
from kpis.heard import HEARTBEAT, KIND_OF_TYPE, OTHER, TICKETS, Heard, lag_second, lag_seconds
from telemetry.events import EVENT_TYPES, Decoded, Event, Gap, Rejected
from telemetry.journal import DiskFullError, Journal, JournalError, Unit
from telemetry.journal_reader import JournalReader

QUARTER = 1_795_000_500_000_000 // QUARTER_US * QUARTER_US
S = 1_000_000
EVER = (0, 2**60)


def event(n: int, happened: int = QUARTER, *, site="a", source="a/k1", kind="ticket.issued") -> Event:
    return Event(site, source, f"b:{n:010}", kind, happened, "idcard", f"A{n}", "1")


def took(*events: Event, at: int = QUARTER, rejected=(), gaps=()) -> Unit:
    return Unit("mqtt", Decoded(list(events), list(rejected), list(gaps)), at)


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "data")
    yield opened
    opened.close()


def tallies(of: JournalReader, *sites, period=EVER) -> dict:
    """(source, quarters after QUARTER) → (events, duplicates, rejected, ahead, lag_ms)."""
    h = of.heard(sites or ["a"], *period)
    rows = zip(
        h.tally_source.tolist(), h.tally_quarter_us.tolist(), h.tally_events.tolist(), h.tally_duplicates.tolist(),
        h.tally_rejected.tolist(), h.tally_ahead.tolist(), h.tally_lag_ms.tolist(), strict=True,
    )  # fmt: skip
    return {(of.names[source], (us - QUARTER) // QUARTER_US): tuple(rest) for source, us, *rest in rows}


def delays(of: JournalReader) -> dict:
    h = of.heard(["a"], *EVER)
    rows = zip(h.lag_source.tolist(), h.lag_s.tolist(), h.lag_n.tolist(), strict=True)
    return {(of.names[source], s): n for source, s, n in rows}


def test_what_came_is_counted_by_source_and_quarter_of_an_hour(journal):
    journal.commit([took(event(1), event(2), event(1, source="a/k2"), at=QUARTER + 2 * S)])
    journal.commit([took(event(3), at=QUARTER + QUARTER_US - 1), took(event(4), at=QUARTER + QUARTER_US)])
    assert tallies(journal) == {
        ("a/k1", 0): (3, 0, 0, 0, 4000 + 899_999),
        ("a/k1", 1): (1, 0, 0, 0, 900_000),
        ("a/k2", 0): (1, 0, 0, 0, 2000),
    }


def test_what_comes_again_is_a_repeat_and_has_no_delay(journal):
    journal.commit([took(event(1), event(1), event(2))])
    journal.commit([took(event(2), event(3), at=QUARTER + 60 * S)])
    assert tallies(journal) == {("a/k1", 0): (3, 2, 0, 0, 60_000)}
    assert delays(journal) == {("a/k1", 0): 2, ("a/k1", 60): 1}


def test_an_event_ahead_of_its_receipt_is_counted_and_has_no_delay(journal):
    journal.commit([took(event(1, QUARTER + S), event(2, QUARTER - 90 * S))])
    assert tallies(journal) == {("a/k1", 0): (2, 0, 0, 1, 90_000)}
    assert delays(journal) == {("a/k1", 120): 1}


def test_refused_records_count_for_the_source_that_they_name(journal):
    refused = [Rejected("not_json", "", b"", "a", "a/k1")] * 2 + [Rejected("bad_topic", "", b"")]
    journal.commit([took(event(1), rejected=refused[:1])])
    journal.commit([took(rejected=refused)])
    assert tallies(journal) == {("a/k1", 0): (1, 0, 3, 0, 0)}


def test_a_period_has_its_own_days_and_sites_only(journal):
    day = 96 * QUARTER_US
    journal.commit([took(event(n, QUARTER + n * day), at=QUARTER + n * day) for n in range(3)][0:3])
    journal.commit([took(event(9, site="b", source="b/k1"))])
    at = QUARTER + day
    assert {quarter for _, quarter in tallies(journal, period=(at, at + 1))} == {96}
    assert set(tallies(journal, "b")) == {("b/k1", 0)}


def test_who_told_of_what_is_known_since_the_earliest_event(journal):
    journal.commit([took(event(1, QUARTER), event(2, QUARTER + S, kind="device.heartbeat"))])
    journal.commit([took(event(3, QUARTER - 5 * S), event(4, QUARTER + 5 * S), event(5, kind="source.reloaded"))])
    h = journal.heard(["a"], *EVER)
    assert dict(zip(h.told_kind.tolist(), h.told_since_us.tolist(), strict=True)) == {
        TICKETS: QUARTER - 5 * S, HEARTBEAT: QUARTER + S, OTHER: QUARTER,
    }  # fmt: skip
    assert h.first_us == {journal.code("a"): QUARTER - 5 * S}


def test_gaps_come_with_the_numbers_that_are_missing(journal):
    gaps = [
        Gap("a", "a/k1", "sequence", QUARTER, QUARTER + S, "3 of boot: 5-7"),
        Gap("a", "a/k1", "truncated", QUARTER, QUARTER, "x"),
        Gap("b", "b/k1", "sequence", QUARTER, QUARTER, "9 of boot: 1-9"),
    ]
    journal.commit([took(event(1), gaps=gaps)])
    h = journal.heard(["a"], *EVER)
    assert sorted(h.gap_lost.tolist()) == [0, 3]
    assert len(journal.heard(["a"], QUARTER + 10 * 96 * QUARTER_US, 2**60).gap_lost) == 0


def test_a_commit_that_fails_has_counted_nothing(tmp_path):
    journal = Journal(tmp_path)
    journal.commit([took(event(1))])
    pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count={pages}")
    many = [event(n, QUARTER - S, kind="vote.cast")._replace(extra='"%s"' % ("x" * 500)) for n in range(2, 500)]
    with pytest.raises(DiskFullError):
        journal.commit([took(*many)])
    assert tallies(journal) == {("a/k1", 0): (1, 0, 0, 0, 0)}
    journal._db.execute("PRAGMA max_page_count=1000000")
    journal.commit([took(*many)])
    assert tallies(journal) == {("a/k1", 0): (499, 0, 0, 0, 498_000)}
    assert journal.heard(["a"], *EVER).first_us == {journal.code("a"): QUARTER - S}
    journal.close()


def test_what_is_kept_over_a_restart_goes_on(tmp_path):
    for n in range(3):
        journal = Journal(tmp_path)
        journal.commit([took(event(0), event(n + 1, QUARTER - n * S))])
        journal.close()
    assert tallies(JournalReader(tmp_path)) == {("a/k1", 0): (4, 2, 0, 0, 3000)}


def test_a_journal_of_before_gets_what_its_rows_tell_and_repeats_stay_unknown(tmp_path):
    dice = random.Random(1)
    journal = Journal(tmp_path)
    kinds = ["ticket.issued", "call.entered", "vote.cast", "device.heartbeat", "counter.opened"]
    for batch in range(40):
        at = QUARTER + batch * 7 * 60 * S
        events = [
            event(batch * 10 + i, at - dice.choice([0, 1, S, 59 * S, 61 * S, 7000 * S, 10**6 * S, -S]),
                  source=f"a/k{dice.randrange(3)}", kind=dice.choice(kinds))
            for i in range(8)
        ]  # fmt: skip
        journal.commit(
            [took(*events, at=at, rejected=[Rejected("not_json", "", b"", "a", "a/k1")] * dice.randrange(3))]
        )
    want = journal.heard(["a"], *EVER)
    journal.close()
    with closing(sqlite3.connect(tmp_path / "journal.db")) as db:
        db.executescript(
            "DROP TABLE told; DROP TABLE received; DROP TABLE delay; DROP TABLE gone; PRAGMA user_version=2"
        )
    with pytest.raises(JournalError, match="start gecc run once"):
        JournalReader(tmp_path)
    Journal(tmp_path).close()
    got = JournalReader(tmp_path).heard(["a"], *EVER)
    for field in fields(Heard):
        a, b = getattr(want, field.name), getattr(got, field.name)
        if field.name == "tally_duplicates":
            assert set(b.tolist()) == {MISSING}
        elif isinstance(a, int | dict):
            assert a == b
        else:
            assert a.tolist() == b.tolist(), field.name
    assert lag_seconds(want.lag_s * S).tolist() == want.lag_s.tolist()


def test_every_type_of_event_tells_of_a_kind():
    prefixes = {"call": 1, "ticket": 2, "vote": 3, "conversation": 4, "case": 5}
    for name, row in EVENT_TYPES.items():
        prefix = name.split(".")[0]
        if prefix in prefixes and name not in ("call.wrap_up_started", "call.outbound"):
            assert KIND_OF_TYPE[row.code] == prefixes[prefix], name


@pytest.mark.parametrize("few", [0, 10**6])
def test_few_events_and_many_are_counted_alike(tmp_path, monkeypatch, few):
    monkeypatch.setattr("telemetry.heard.FEW", few)
    dice = random.Random(3)
    journal, seen = Journal(tmp_path), []
    for _ in range(5):
        units = []
        for _ in range(3):
            at = QUARTER + dice.randrange(3) * QUARTER_US
            lags = [dice.choice([-S, 0, 1, 59 * S, 61 * S, 4000 * S]) for _ in range(20)]
            ids = [dice.randrange(100) for _ in lags]
            units.append(
                took(*(event(n, at - lag, source=f"a/k{n % 3}") for n, lag in zip(ids, lags, strict=True)), at=at)
            )
            seen += [(f"a/k{n % 3}", (at - QUARTER) // QUARTER_US) for n in ids]
        journal.commit(units)
    counted = tallies(journal)
    assert {key: sum(row[:2]) for key, row in counted.items()} == dict(Counter(seen))
    assert sum(row[0] for row in counted.values()) == len(journal.read(0, 1000))
    stored = [(us, e) for _, us, e in journal.read(0, 1000)]
    timely = [us - e.time_us for us, e in stored if us >= e.time_us]
    assert sum(row[4] for row in counted.values()) == sum(lag // 1000 for lag in timely)
    assert sum(row[3] for row in counted.values()) == len(stored) - len(timely)
    h = journal.heard(["a"], *EVER)
    late = np.repeat(h.lag_s, h.lag_n)
    assert sorted(late.tolist()) == sorted(lag_seconds(np.array(timely)).tolist()) == sorted(map(lag_second, timely))
    journal.close()
