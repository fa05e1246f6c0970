"""The journal keeps what it has taken, once, and all of a commit or nothing of it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest

from telemetry.events import Decoded, Event, Gap, Rejected
from telemetry.journal import DiskFullError, Journal, JournalError, Unit
from telemetry.journal_reader import JournalReader

NOW_US = 1_795_000_000_000_000


def issued(n: int, **more) -> Event:
    fact = {
        "site": "a",
        "source": "a/k1",
        "id": f"b:{n:010}",
        "type": "ticket.issued",
        "time_us": NOW_US + n,
        "unit": "idcard",
    }
    return Event(**(fact | {"contact": f"A{n}"} | more))


def unit(*events: Event, source: str = "mqtt", **more) -> Unit:
    return Unit(source, Decoded(list(events)), NOW_US, **more)


def ids(journal: JournalReader) -> list[str]:
    return [event.id for _, _, event in journal.read(0, 10**6)]


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "data")
    yield opened
    opened.close()


def test_an_event_that_comes_twice_in_one_batch_is_stored_once(journal):
    done = journal.commit([unit(issued(1), issued(2), issued(1)), unit(issued(2), issued(3))])
    assert done.new == [2, 1]
    assert len(done.columns) == 3
    assert ids(journal) == ["b:0000000001", "b:0000000002", "b:0000000003"]
    assert journal.tally() == {("mqtt", "events"): 3, ("mqtt", "duplicates"): 2}


def test_an_event_that_comes_again_after_a_restart_is_stored_once(tmp_path):
    for expected in (2, 0, 0):
        journal = Journal(tmp_path)
        assert journal.commit([unit(issued(1), issued(2))]).new == [expected]
        journal.close()
    assert JournalReader(tmp_path).tally() == {("mqtt", "events"): 2, ("mqtt", "duplicates"): 4}


def test_the_same_id_of_another_source_is_another_event(journal):
    assert journal.commit([unit(issued(1), issued(1, source="a/k2"))]).new == [2]


def test_the_columns_of_a_commit_hold_its_new_events_under_the_numbers_they_have_in_the_journal(journal):
    journal.commit([unit(issued(1))])
    done = journal.commit([unit(issued(1), issued(2), issued(2), issued(3))])
    assert [journal.event(int(seq)).id for seq in done.columns.seq] == ["b:0000000002", "b:0000000003"]
    after = journal.commit([unit(issued(4))])
    assert journal.event(int(after.columns.seq[0])).id == "b:0000000004"


def test_every_field_of_an_event_comes_back_as_it_was(journal):
    whole = issued(1, type="call.entered", party="x", a=0, b=-5, caller=-(2**63), extra='{"n":1}')
    journal.commit([unit(whole)])
    assert journal.event(1) == whole._replace(person="")


def test_one_commit_holds_events_rejects_gaps_and_the_cursor(journal):
    decoded = Decoded(
        [issued(1)], [Rejected("not_json", "why", b"\xff", "a", "a/k1")], [Gap("a", "a/k1", "sequence", 1, 2, "x")], 3
    )
    journal.commit([Unit("mqtt", decoded, NOW_US, "here")])
    reader = JournalReader(journal.path.parent)
    assert (reader.cursor("mqtt"), reader.rejects(), reader.gaps()) == (
        "here", [("a/k1", "not_json", "why", b"\xff")], [("a/k1", "sequence", 1, 2, "x")],
    )  # fmt: skip
    assert reader.tally() == {
        ("mqtt", "events"): 1,
        ("mqtt", "ignored"): 3,
        ("mqtt", "gaps"): 1,
        ("mqtt", "rejected:not_json"): 1,
        ("a/k1", "refused"): 1,
    }


def everything(journal: JournalReader) -> tuple:
    with sqlite3.connect(f"file:{journal.path}?mode=ro", uri=True) as db:
        tables = ("name", "event", "cursor", "reject", "gap", "tally", "note")
        return tuple(db.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables)


def fill_disk(journal: Journal, spare_pages: int) -> None:
    """From here on the file may grow by so many pages: what a full disk does, without filling one."""
    pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count={pages + spare_pages}")


def make_room(journal: Journal) -> None:
    journal._db.execute("PRAGMA max_page_count=1000000")


def test_when_the_disk_is_full_nothing_of_a_commit_is_stored_and_it_may_be_tried_again(journal):
    journal.commit([unit(issued(1), cursor="one")])
    before, names = everything(journal), dict(journal.codes)
    fill_disk(journal, 2)
    many = [issued(n, unit=f"new unit {n}", extra='{"x":"%s"}' % ("y" * 500)) for n in range(2, 500)]
    big = [
        unit(issued(600), source="other", cursor="x"),
        Unit("mqtt", Decoded(many, [Rejected("not_json", "", b"", "", "")]), NOW_US, "two"),
    ]
    for _ in range(3):
        with pytest.raises(DiskFullError, match="disk is full"):
            journal.commit(big)
        assert everything(journal) == before
        assert (journal.codes, len(journal.names)) == (names, len(names)), "names of the failed commit are forgotten"
    make_room(journal)
    assert journal.commit(big).new == [1, 498]
    assert len(ids(journal)) == 500
    assert {e.unit for _, _, e in journal.read(2, 10**6)} >= {"new unit 2", "new unit 499"}


def test_packing_on_a_full_disk_leaves_the_rows_and_is_made_up_for_later(tmp_path):
    journal = Journal(tmp_path, pack_rows=1000)
    journal.commit([unit(*map(issued, range(999)))])
    fill_disk(journal, 6)
    journal.commit([unit(issued(999))])  # its rows fit, the pack does not
    assert packs(journal) == 0
    assert len(journal.columns(["a"], 0, 2**62)) == 1000
    make_room(journal)
    journal.commit([unit(issued(1000))])
    assert packs(journal) == 1001
    assert len(journal.columns(["a"], 0, 2**62)) == 1001
    journal.close()


def packs(journal: Journal) -> int:
    return journal._db.execute("SELECT coalesce(sum(n), 0) FROM pack").fetchone()[0]


@pytest.mark.parametrize(
    "wrong", [{"time_us": 2**70}, {"caller": 2**63}, {"contact": "\ud800"}, {"type": "no such type"}]
)
def test_an_event_that_cannot_be_stored_takes_nothing_with_it_but_its_own_commit(journal, wrong):
    before = everything(journal)
    with pytest.raises((JournalError, ValueError, OverflowError, KeyError)):
        journal.commit([unit(issued(1), issued(2, unit="new", **wrong))])
    assert everything(journal) == before
    assert journal.commit([unit(issued(1, unit="newer"), issued(2, unit="new"))]).new == [2]
    assert [e.unit for _, _, e in journal.read(0)] == ["newer", "new"]


READER = """
import sys, pathlib
from telemetry.journal_reader import JournalReader
reader = JournalReader(pathlib.Path(sys.argv[1]))
print("ready", flush=True)
seen = []
while not seen or seen[-1] < 3000:
    columns = reader.columns(["a"], 0, 2**62)
    assert sorted(columns.seq.tolist()) == list(range(1, len(columns) + 1)), "a hole"
    assert not seen or len(columns) >= seen[-1], "fewer than before"
    events = reader.read(seen[-1] if seen else 0, 10)
    seen.append(len(columns))
print(len(set(seen)))
"""


def test_readers_in_other_processes_see_whole_commits_while_the_writer_writes(tmp_path):
    journal = Journal(tmp_path, pack_rows=70)
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for reader in readers:
        assert reader.stdout.readline() == "ready\n"
    for n in range(0, 3000, 10):
        journal.commit([unit(*(issued(n + i) for i in range(10)))])
    for reader in readers:
        out, err = reader.communicate(timeout=60)
        assert (reader.returncode, err) == (0, "")
        assert int(out) > 3
    journal.close()


def test_a_second_writer_is_refused_and_told_who_holds_the_folder(journal):
    code = "import sys, pathlib; from telemetry.journal import Journal; Journal(pathlib.Path(sys.argv[1]))"
    folder = journal.path.parent
    other = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True)
    assert other.returncode == 1
    assert "already in use by another gecc (process " in other.stderr
    with pytest.raises(JournalError, match="already in use"):
        Journal(folder)
    assert journal.commit([unit(issued(1))]).new == [1]


def test_a_journal_of_a_newer_schema_is_refused_and_left_alone(tmp_path):
    Journal(tmp_path).close()
    with sqlite3.connect(tmp_path / "journal.db") as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    for open_it in (Journal, JournalReader, Journal):  # and no lock stays behind
        with pytest.raises(JournalError, match=r"another version of this program \(its schema is 99, this one reads"):
            open_it(tmp_path)
    with sqlite3.connect(tmp_path / "journal.db") as db:
        assert db.execute("PRAGMA user_version").fetchone() == (99,)
    db.close()


def test_a_file_that_is_no_journal_is_refused_with_its_name(tmp_path):
    (tmp_path / "journal.db").write_bytes(b"something else " * 1000)
    for open_it in (Journal, JournalReader, Journal):
        with pytest.raises(JournalError, match=r"journal\.db: file is not a database"):
            open_it(tmp_path)


def test_a_folder_without_a_journal_is_said(tmp_path):
    with pytest.raises(JournalError, match="no journal here"):
        JournalReader(tmp_path)


def test_notes_come_back_as_they_were_kept(journal):
    journal.set_note("x", {"a": [1, 2]})
    journal.set_note("x", {"a": [3]})
    assert (journal.note("x"), journal.note("y")) == ({"a": [3]}, None)
    fill_disk(journal, 0)
    with pytest.raises(DiskFullError):
        journal.set_note("x", "y" * 100_000)
    make_room(journal)
    assert journal.note("x") == {"a": [3]}


def test_a_commit_is_on_the_disk_when_it_returns(journal):
    """Full synchronisation and a write-ahead log: what a power cut leaves whole."""
    assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_what_a_cursor_held_is_nowhere_in_the_folder_once_another_has_taken_its_place(tmp_path):
    """The beginning of a record that goes on in the next line is part of a cursor, with the caller's number in it."""
    journal = Journal(tmp_path)
    journal.commit([Unit("a/pbx", Decoded(), 1, "x" * 9000 + " 0812345678 ")])
    journal.commit([Unit("a/pbx", Decoded(), 2, "read on")])
    journal.close()
    assert not any(b"0812345678" in file.read_bytes() for file in tmp_path.iterdir())
