"""Sealed days leave the journal, and nobody who reads it can tell."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import numpy as np
import pytest

from kpis.columns import DAY_US
from telemetry import gone
from telemetry.archive.record import rows_of
from telemetry.archive.retention import leaving
from telemetry.archive.store import ArchiveError, Store
from telemetry.commands.backup import copy_journal
from telemetry.config import Config
from telemetry.events import EVENT_TYPES, Decoded, Event, Rejected
from telemetry.figures import query
from telemetry.journal import Journal, Unit
from telemetry.journal_follower import Follower
from telemetry.journal_reader import JournalError, JournalReader
from telemetry.sealing import Sealing
from telemetry.settings import Archive, Site
from tests.archive.conftest import LAB, OTHER, Room, at, visit
from tests.telemetry.test_journal_packs import in_order, random_events

LATER = at(31) + 60 * DAY_US
"""Long after every day of March is sealed."""


def case(number: int, opened: int, settled: int) -> list[Event]:
    one = {"unit": "idcard", "contact": f"case {number} of somsri@example.com"}
    return [
        Event("lab", "lab/crm", f"o{number}", "case.opened", at(opened), **one, a=1),
        Event("lab", "lab/crm", f"s{number}", "case.settled", at(settled), **one, a=1),
    ]


@pytest.fixture
def full(room):
    """Three days of two centres, a complaint that goes on, and a day on which nothing was heard."""
    for d in (2, 3, 5):
        for number in range(6):
            room.take(visit(d, number))
            room.take(visit(d, number, site="other", hour=3))
    room.take(case(1, 2, 20))
    room.take([Event("lab", "lab/pbx", "c1", "call.entered", at(3), "idcard", "q-1", caller=-(2**63), a=0)])
    room.seal(at(10), sites=(LAB, OTHER))
    return room


def let_go(room, sites=(LAB, OTHER), now_us=LATER, keep_days=35, journal=None):
    """Names of the folders whose events left."""
    journal = journal or room.journal
    out = []
    for site in sites:
        for one in leaving(journal, room.store, site, now_us, keep_days):
            assert journal.let_go(one)
            out.append(f"{one.site} {one.day}")
    return out


def rows(room) -> int:
    with closing(sqlite3.connect(room.journal.path)) as db:
        return db.execute("SELECT count(*) FROM event").fetchone()[0]


def asked(journal) -> dict[str, object]:
    """Everything that is read of a journal."""
    sites = ["lab", "other"]
    spans = [(0, 2**62), (at(3), at(3) + 1), (at(2, 23), at(5, 1)), (at(5), at(6)), (at(4), at(4) + 1)]
    out: dict[str, object] = {f"{span}": in_order(journal.columns(sites, *span)) for span in spans}
    for site in sites:
        whole = journal.columns([site], 0, 2**62)
        for d in np.unique(whole.time_us // DAY_US).tolist():  # within a day the order is that of the journal
            cols = journal.columns([site], d * DAY_US, d * DAY_US + 1)
            assert (np.diff(cols.seq) > 0).all()
        out |= {f"span {site}": journal.span(site), f"matters {site}": in_order(journal.matters(site))}
        at_ = [journal.at(seq, site) for seq in range(journal.ends()[0] + 2)]
        out[f"at {site}"] = [row and (*row[:2], sealed(row[2])) for row in at_]
        out[f"heard {site}"] = {k: v for k, v in vars_of(journal.heard([site], 0, 2**62)).items() if k != "to_us"}
    for size in (1, 7, 1000):
        out[f"pages of {size}"] = [(seq, us, sealed(event)) for seq, us, event in pages(journal, size)]
    return out | {"last heard": journal.last_heard(sites), "ends": journal.ends(), "tally": journal.tally()}


def vars_of(heard) -> dict[str, object]:
    return {name: str(getattr(heard, name)) for name in type(heard).__dataclass_fields__}


def sealed(event: Event) -> Event:
    return event._replace(extra="")


def pages(journal, size):
    after, out = 0, []
    while page := journal.read(after, size):
        assert len(page) <= size
        out += page
        after = page[-1][0]
    return out


# Reading.


def test_every_read_says_what_it_said_before(full):
    before = asked(full.journal)
    with_them = rows(full)
    left = let_go(full)
    assert "lab 2026-03-02" in left
    assert "lab 2026-03-04" in left  # on which nothing was heard
    assert rows(full) == 1 + 1 < with_them  # the complaint: opened on a sealed day, and settled on one that is not yet
    assert asked(full.journal) == before
    assert asked(JournalReader(full.data)) == before
    assert asked(Follower(full.data)) == before
    full.journal.close()
    full.journal = Journal(full.data)
    assert asked(full.journal) == before


def test_every_figure_is_what_it_was(full):
    def figures():
        reader = JournalReader(full.data)
        return [query(reader, LAB, "2026-03-01", "2026-03-28", by=by, now_us=LATER) for by in ("total", "day", "unit")]

    before = figures()
    assert sum(row["value"] is not None for row in before[0]) > 20
    let_go(full)
    assert figures() == before


@pytest.mark.parametrize("seed", range(3))
def test_whatever_leaves_and_whenever_the_columns_are_those_of_a_journal_that_nothing_left(tmp_path, seed):
    dice = random.Random(seed)
    sites = tuple(Site(id=name, timezone=zone) for name, zone in zip("abc", ("Asia/Bangkok", "Europe/Berlin", "UTC"), strict=True))  # fmt: skip
    plain, room = Journal(tmp_path / "plain", pack_rows=10**9), Room(tmp_path / "data")
    plain.ensure(room.journal.names)
    told: list[Event] = []
    n, now_us = 0, random_events(dice, 0, 1)[0].time_us + 2 * DAY_US
    for _ in range(3):
        batch = random_events(dice, n, 60) + dice.sample(told, min(5, len(told)))  # and some again
        told += batch
        n += 60
        units = [Unit("mqtt", Decoded(events=batch), now_us)]
        assert plain.commit(units).new == room.journal.commit(units).new
        room.seal(now_us + 5 * DAY_US, sites=sites)
        assert let_go(room, sites=dice.sample(sites, 2), now_us=now_us + 5 * DAY_US, keep_days=1)
        for question in [(["a", "b", "c"], 0, 2**62), (["b"], now_us - 4 * DAY_US, now_us - 2 * DAY_US)]:
            assert in_order(room.journal.columns(*question)) == in_order(plain.columns(*question))
        assert in_order(room.journal.matters("a")) == in_order(plain.matters("a"))
        assert [room.journal.span(s) for s in "abc"] == [plain.span(s) for s in "abc"]
        assert room.journal.last_heard(list("abc")) == plain.last_heard(list("abc"))
    assert let_go(room, sites=sites, now_us=now_us + 5 * DAY_US, keep_days=1)
    assert [row[0] for row in room.journal.read(0, 10**6)] == [row[0] for row in plain.read(0, 10**6)]
    plain.close()
    room.journal.close()


# Coming again, coming late.


def test_an_event_of_a_day_that_left_is_still_known_when_it_comes_again(full):
    let_go(full)
    again = [*visit(2, 3), *case(1, 2, 20), *visit(3, 1, site="other", hour=3)]
    before = full.journal.tally().get(("lab/kiosk", "duplicates"), 0)
    done = full.journal.commit([Unit("lab/kiosk", Decoded(events=again), LATER)])
    assert done.new == [0]
    assert full.journal.tally()["lab/kiosk", "duplicates"] == before + len(again)
    full.journal.close()
    full.journal = Journal(full.data)
    assert full.journal.commit([Unit("lab/kiosk", Decoded(events=again), LATER)]).new == [0]


def test_without_what_is_kept_of_their_identity_they_would_count_twice(full, monkeypatch):
    let_go(full)
    monkeypatch.setattr(gone.Known, "new", lambda *_: None)
    assert full.journal.commit([Unit("lab/kiosk", Decoded(events=visit(2, 3)), LATER)]).new == [5]


def test_what_comes_late_for_a_day_that_left_is_counted_sealed_and_leaves_as_well(full):
    let_go(full)
    before, before_that_day = rows(full), len(full.journal.columns(["lab"], at(2), at(2) + 1))
    full.take(visit(2, 40), LATER)
    assert len(full.journal.columns(["lab"], at(2), at(2) + 1)) == before_that_day + 5
    assert full.seal(LATER + DAY_US)[0] == "2026-03-02.1"
    asked_before = asked(full.journal)
    assert "lab 2026-03-02.1" in let_go(full)
    assert rows(full) == before
    assert asked(full.journal) == asked_before


def test_numbers_are_not_given_again_when_everything_has_left(full):
    last = full.journal.ends()[0]
    full.seal(at(25), sites=(LAB, OTHER))
    let_go(full)
    with closing(sqlite3.connect(full.journal.path)) as db:  # and those that stay as well, which never happens
        db.execute("DELETE FROM event")
        db.commit()
    full.journal.close()
    full.journal = Journal(full.data)
    done = full.journal.commit([Unit("lab/kiosk", Decoded(events=visit(28, 1)), LATER)])
    assert done.columns.seq.tolist()[0] == last + 1


def test_a_journal_that_was_put_back_from_an_old_copy_gives_no_number_twice_and_seals_nothing_twice(room, caplog):
    room.take(visit(2, 0))
    copy_journal(room.journal.path, room.data / "copy.db")
    room.take(visit(2, 1))
    room.seal(at(6))
    sealed = room.journal.ends()[0]
    room.journal.close()
    for file in room.data.glob("journal.db*"):
        file.unlink()
    (room.data / "copy.db").rename(room.journal.path)
    room.journal = Journal(room.data)
    assert "older than its sealed days" in caplog.text
    again = room.journal.commit([Unit("lab/kiosk", Decoded(events=visit(2, 1)), at(7))])
    assert again.columns.seq.min() == sealed + 1
    assert room.seal(at(7)) == ["2026-03-03"]
    room.take(visit(2, 2), at(7, 5))
    assert room.seal(at(7, 6)) == ["2026-03-02.1"]
    records = [row for one in room.store.verify("lab") for row in rows_of(room.store.events(one))]
    assert len(records) == len({row["id"] for row in records}) == len({row["seq"] for row in records}) == 15


# When, and when not.


def test_a_day_leaves_after_its_time_and_not_before(full):
    assert let_go(full, now_us=at(2) + 35 * DAY_US, sites=(LAB,)) == []
    assert let_go(full, now_us=at(2) + 36 * DAY_US, sites=(LAB,)) == ["lab 2026-03-02"]
    assert let_go(full, now_us=at(2) + 36 * DAY_US, sites=(LAB,)) == []


def test_for_ever_is_for_ever(full):
    assert let_go(full, keep_days=0) == []


def test_a_day_that_is_not_as_it_was_sealed_stays(full):
    path = full.data / "archive" / "lab" / "2026" / "2026-03-02" / "events.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ArchiveError, match=r"2026-03-02/events\.parquet: was changed after it was sealed"):
        let_go(full, sites=(LAB,))
    assert full.journal.left("lab") == set()


def test_a_day_of_which_the_journal_holds_other_events_than_were_sealed_stays(full):
    with closing(sqlite3.connect(full.journal.path)) as db:
        db.execute("UPDATE event SET a = 3 WHERE seq = 4")
        db.commit()
    with pytest.raises(ArchiveError, match="holds other events of that day than were sealed"):
        let_go(full, sites=(LAB,))
    assert full.journal.left("lab") == set()


@pytest.mark.parametrize("harm", ["changed", "missing"])
def test_a_file_that_is_lost_or_changed_later_is_named_and_no_figure_is_given_without_it(full, harm):
    let_go(full)
    path = full.data / "archive" / "lab" / "2026" / "2026-03-03" / "events.parquet"
    gone._read.cache_clear()
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    reader = JournalReader(full.data)
    with pytest.raises(JournalError, match=r"2026-03-03/events\.parquet: (was changed|No such file)"):
        reader.columns(["lab"], at(3), at(3) + 1)
    assert len(reader.columns(["lab"], at(5), at(5) + 1)) == 30


@pytest.mark.parametrize("point", ["before_leave", "after_leave"])
def test_after_a_crash_a_day_is_in_the_journal_or_has_left_it_and_never_both_or_neither(full, point):
    class Killed(BaseException):
        pass

    def crash(name):
        if name == point:
            raise Killed

    before = asked(full.journal)
    columns = [in_order(full.journal.columns([site], 0, 2**62)) for site in ("lab", "other")]
    full.journal.close()
    left = 0
    for _ in range(3):
        with closing(Journal(full.data, crashpoint=crash)) as journal, pytest.raises(Killed):
            let_go(full, journal=journal)
        reader = JournalReader(full.data)
        left += point == "after_leave"
        assert len(reader.left("lab")) == left
        assert [in_order(reader.columns([site], 0, 2**62)) for site in ("lab", "other")] == columns
    full.journal = Journal(full.data)
    assert len(let_go(full, sites=(LAB,))) == 5 - left
    assert asked(full.journal) == before


def test_a_full_disk_leaves_the_day_where_it_is(full, monkeypatch):
    def full_disk(*_args):
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    before = asked(full.journal)
    (one, *_) = leaving(full.journal, full.store, LAB, LATER, 35)
    with monkeypatch.context() as patch:
        patch.setattr("telemetry.packs.remove", full_disk)
        assert full.journal.let_go(one) is False
    assert asked(full.journal) == before
    assert full.journal.let_go(one) is True
    assert asked(full.journal) == before


# As a service, as a command.


async def served(room, now_us):
    config = Config(data=room.data, sites=(LAB, OTHER), archive=Archive(keep_days=1))
    sealing = Sealing(config, version="1.0", clock=lambda: now_us / 1e6)
    done = asyncio.Event()

    async def in_writer(work):
        out = await asyncio.to_thread(work)
        if getattr(work, "func", None) == room.journal.forget_rejects:
            done.set()
        return out

    task = asyncio.create_task(sealing.run(room.journal, in_writer))
    async with asyncio.timeout(60):
        await done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return sealing


def test_the_service_lets_sealed_days_go_and_what_could_not_be_read_loses_its_text(full):
    no = [Rejected("bad_field", "name somsri", b"somsri", "lab", "lab/kiosk")]
    full.journal.commit([Unit("lab/kiosk", Decoded(rejected=no), at(2))])
    full.journal.commit([Unit("lab/kiosk", Decoded(rejected=no), LATER)])
    before = {k: v for k, v in asked(full.journal).items() if k != "tally"}
    sealing = asyncio.run(served(full, at(10)))
    assert sealing.health()["problems"] == {}
    assert {"2026-03-02", "2026-03-05"} <= full.journal.left("lab")
    assert {k: v for k, v in asked(full.journal).items() if k != "tally"} == before
    assert [(detail, raw) for _, _, detail, raw in full.journal.rejects()] == [("name somsri", b"somsri"), ("", b"")]
    assert full.journal.rejected("lab", at(2), at(3)) == [("lab/kiosk", "bad_field", 1)]


def test_a_centre_of_which_something_is_damaged_is_told_and_keeps_no_other_back(full):
    path = full.data / "archive" / "lab" / "2026" / "2026-03-02" / "events.parquet"
    path.write_bytes(b"")
    sealing = asyncio.run(served(full, at(10)))
    assert "events.parquet" in sealing.health()["problems"]["lab journal"]
    assert full.journal.left("lab") == set()
    assert full.journal.left("other")


def test_the_command_lets_days_go_where_no_service_does(full, gecc, tmp_path, monkeypatch):
    monkeypatch.setattr("telemetry.commands.seal.time.time", lambda: (at(5) + 36 * DAY_US) / 1e6)
    file = tmp_path / "gecc.toml"
    file.write_text('data = "data"\n[archive]\nkeep_days = 35\n[[sites]]\nid = "lab"\n', encoding="utf-8")
    before = asked(full.journal)
    code, _, _ = gecc("seal", "--data", full.data, "--config", file, "--site", "lab")
    assert code == 0
    assert full.journal.left("lab") == set()  # who writes the journal has not been asked
    full.journal.close()
    code, out, _ = gecc("seal", "--data", full.data, "--config", file, "--site", "lab")
    full.journal = Journal(full.data)
    assert code == 0
    assert "have left the journal" in out
    assert "2026-03-02" in full.journal.left("lab")
    assert {k: v for k, v in asked(full.journal).items() if k != "tally"} == {k: v for k, v in before.items() if k != "tally"}  # fmt: skip


def test_killed_at_any_point_of_sealing_and_leaving_nothing_is_lost_or_doubled(tmp_path):
    today_us = int(time.time() * 1e6) // DAY_US * DAY_US
    (tmp_path / "gecc.toml").write_text('[archive]\nkeep_days = 35\n[[sites]]\nid = "lab"\n', encoding="utf-8")
    events = [
        Event("lab", "lab/kiosk", f"{d}-{i}", "vote.cast", today_us - d * DAY_US + i * 1_000_000, a=i % 5 + 1, b=5)
        for d in range(41, 36, -1)
        for i in range(20)
    ]
    with closing(Journal(tmp_path)) as journal:
        journal.commit([Unit("lab/kiosk", Decoded(events=events), today_us)])
        before = in_order(journal.columns(["lab"], 0, 2**62))
    command = [sys.executable, "-m", "telemetry", "seal", "--data", str(tmp_path), "--site", "lab"]
    for point in ("seal_file", "before_seal", "after_seal", "before_leave", "after_leave", "after_leave", ""):
        kill = {"GECC_CRASHPOINT": f"{point}:1"} if point else {}
        run = subprocess.run(command, env=os.environ | kill, capture_output=True, check=False)
        assert run.returncode == (-signal.SIGKILL if point else 0), run.stderr
        assert in_order(JournalReader(tmp_path).columns(["lab"], 0, 2**62)) == before
        assert len(JournalReader(tmp_path).read(0, 1000)) == len(events)
    assert len(JournalReader(tmp_path).left("lab")) >= 5
    assert len(list(Store(tmp_path).verify("lab"))) >= 35


def test_an_event_that_has_left_can_be_voided_and_what_was_told_by_hand_stays_to_be_listed(full, gecc, tmp_path):
    say = ("--by", "head of the centre", "--why", "printed twice")
    of = ("--data", full.data, "--site", "lab")
    votes = full.journal.columns(["lab"], at(3), at(3) + 1)
    seq = int(votes.seq[votes.type == EVENT_TYPES["vote.cast"].code][0])
    let_go(full)
    full.journal.close()
    assert gecc("correct", "void", *of, str(seq), *say)[0] == 0
    full.journal = Journal(full.data)
    after = full.journal.columns(["lab"], at(3), at(3) + 1)
    assert sorted(votes.seq.tolist()) == sorted([*after.seq.tolist(), seq])
    assert "2026-03-03.1" in full.seal(LATER)
    assert "lab 2026-03-03.1" in let_go(full)
    assert [event.a for _, _, event in full.journal.by_hand("lab")] == [seq]
    assert in_order(full.journal.columns(["lab"], at(3), at(3) + 1)) == in_order(after)
    code, out, _ = gecc("correct", "list", *of)
    assert code == 0
    assert "printed twice" in out
