"""Packs are derived: whatever is packed, and whenever, the columns are those of the rows."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import fields

import numpy as np
import pytest

from kpis.columns import DAY_US, DTYPES, Columns
from telemetry.events import EVENT_TYPES, MISSING, Decoded, Event
from telemetry.journal import Journal, Unit
from telemetry.journal_reader import JournalError, JournalReader
from tests.telemetry.test_journal import NOW_US, ids, issued, packs, unit


def random_events(dice: random.Random, first: int, count: int) -> list[Event]:
    """Events of several sites, days and types; some far from their time, as late ones are."""
    out = []
    for n in range(first, first + count):
        site, kind = dice.choice("abc"), dice.choice(list(EVENT_TYPES))
        day = -dice.choice([0, 0, 0, 1, 1, 2, 30])
        numbers = [dice.choice([MISSING, 0, dice.randrange(10**9)]) for _ in range(3)]
        out.append(
            Event(site, f"{site}/k", f"b:{n:010}", kind, NOW_US + day * DAY_US + dice.randrange(DAY_US), dice.choice(["", "u", "v"]),
                  dice.choice(["", f"A{n % 50}"]), dice.choice(["", "3"]), "", *numbers, dice.randrange(-(2**63), 2**63))
        )  # fmt: skip
    return out


def in_order(columns: Columns) -> list[list[int]]:
    order = np.argsort(columns.seq, kind="stable")
    return [getattr(columns, f.name)[order].tolist() for f in fields(Columns)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("pack_rows", [1, 7, 60, 10**9])
def test_packs_say_what_the_rows_say(tmp_path, seed, pack_rows):
    dice = random.Random(seed)
    plain, packed = Journal(tmp_path / "plain", pack_rows=10**9), Journal(tmp_path / "packed", pack_rows=pack_rows)
    n = 0
    for _ in range(25):
        count = dice.randrange(1, 40)
        batch = random_events(dice, n, count) + random_events(dice, max(0, n - 5), 3)  # and some again
        n += count
        assert plain.commit([unit(*batch)]).new == packed.commit([unit(*batch)]).new
        if dice.random() < 0.1:
            packed.close()
            packed = Journal(tmp_path / "packed", pack_rows=pack_rows)
    asked = [(["a", "b", "c"], 0, 2**62), (["b"], NOW_US - DAY_US, NOW_US + 1), (["a", "nobody"], NOW_US, NOW_US + 5)]
    want = [in_order(plain.columns(*question)) for question in asked]
    assert [in_order(packed.columns(*question)) for question in asked] == want
    packed.pack()
    assert packs(packed) == len(ids(packed))
    assert [in_order(packed.columns(*question)) for question in asked] == want
    packed.close()
    reader = JournalReader(tmp_path / "packed")
    assert [in_order(reader.columns(*question)) for question in asked] == want
    assert [reader.span(s) for s in "abcx"] == [plain.span(s) for s in "abcx"]
    assert reader.last_heard(["a", "b", "c"]) == plain.last_heard(["a", "b", "c"])
    plain.close()


def test_rows_of_one_site_and_day_come_in_the_order_of_the_journal(tmp_path):
    journal, dice = Journal(tmp_path, pack_rows=20), random.Random(1)
    for n in range(30):
        journal.commit([unit(*random_events(dice, n * 10, 10))])
    columns = journal.columns(["a", "b", "c"], 0, 2**62)
    for site in np.unique(columns.site):
        for day in np.unique(columns.time_us // DAY_US):
            seq = columns.seq[(columns.site == site) & (columns.time_us // DAY_US == day)]
            assert (np.diff(seq) > 0).all()
    journal.close()


def test_latest_says_when_each_source_was_last_heard_of(tmp_path):
    journal = Journal(tmp_path, pack_rows=10)
    for n in range(30):
        journal.commit([unit(issued(n), issued(n, source="a/k2", time_us=NOW_US - 10 * DAY_US + n))])
    assert journal.latest(NOW_US)["a/k1"] == NOW_US + 29
    journal.close()


def test_a_journal_of_the_version_before_is_packed_anew_and_tells_the_same(tmp_path, monkeypatch):
    """Version 1 had packs that did not say which source told an event."""
    events = [Event("a", f"pbx-{n % 3}", f"{n:04d}", "call.entered", n * 60_000_000, "q", f"c{n}") for n in range(500)]
    journal = Journal(tmp_path, pack_rows=100)
    for at in range(0, 500, 50):
        journal.commit([Unit("pbx-0", Decoded(list(events[at : at + 50])), 1)])
    before = journal.columns(["a"], 0, 86_400_000_000)
    journal.close()
    with closing(sqlite3.connect(tmp_path / "journal.db")) as db:
        db.execute("UPDATE pack SET columns = zeroblob(length(columns) - 4 * n)")
        db.executescript(
            "DROP TABLE told; DROP TABLE received; DROP TABLE delay; DROP TABLE gone; PRAGMA user_version=1"
        )
        db.commit()
    with pytest.raises(JournalError, match=r"written by another version.*start gecc run once"):
        JournalReader(tmp_path)
    monkeypatch.setattr("telemetry.journal._PACKED_AT_ONCE", 64)
    journal = Journal(tmp_path, pack_rows=100)
    with closing(sqlite3.connect(tmp_path / "journal.db")) as db:
        assert db.execute("SELECT upto_seq FROM packed").fetchone() == (500,)  # no reader has to hold them as rows
        assert db.execute("SELECT sum(n) FROM pack").fetchone() == (500,)
    after = journal.columns(["a"], 0, 86_400_000_000)
    journal.close()
    for name in DTYPES:
        order = np.argsort(before.seq), np.argsort(after.seq)
        assert getattr(before, name)[order[0]].tolist() == getattr(after, name)[order[1]].tolist()
    assert len(np.unique(after.source)) == 3
