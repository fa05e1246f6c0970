"""Sealed days: when they are due, what they hold, and that nothing of them can be changed unseen."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from hashlib import sha256

import pyarrow.parquet as pq
import pytest

from telemetry.archive import merkle
from telemetry.archive.record import read_record, record, rows_of
from telemetry.archive.signing import Signer
from telemetry.archive.store import ArchiveError, Store, parquet
from telemetry.events import Event
from tests.archive.conftest import DAY_US, OTHER, at, day, visit


def some_days(room, days=(2, 3, 4), visits=6):
    for d in days:
        for number in range(visits):
            room.take(visit(d, number))


def test_a_day_is_sealed_when_its_grace_is_over_and_not_before(room):
    some_days(room)
    assert room.seal(at(5, 23.99)) == []
    assert room.seal(at(6, 0)) == ["2026-03-02"]
    assert room.seal(at(6, 0)) == []
    assert room.seal(at(8, 0)) == ["2026-03-03", "2026-03-04"]


def test_a_day_on_which_nothing_was_heard_is_sealed_as_such(room):
    some_days(room, days=(2, 4))
    assert room.seal(at(9)) == ["2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05"]
    nothing = room.store.days("lab")[1].checkpoint
    assert (nothing.day, nothing.events, nothing.root) == (day(3), 0, sha256().hexdigest())


def test_a_site_of_which_nothing_was_ever_heard_has_no_days(room):
    assert room.seal(at(9), sites=(OTHER,)) == []


def test_days_are_the_sites_own(room):
    room.take(visit(2, 0, site="other", hour=3))  # nine in the evening of the first in Berlin
    assert room.seal(at(5), sites=(OTHER,)) == ["2026-03-01"]


def test_what_comes_after_the_seal_goes_into_amendments_each_once(room):
    some_days(room, days=(2,))
    room.seal(at(6))
    before = room.files()
    late, later = visit(2, 50), visit(2, 51)
    room.take(late, at(6, 1))
    assert room.seal(at(6, 2)) == ["2026-03-02.1"]
    assert room.seal(at(6, 3)) == []
    room.take(later, at(6, 4))
    assert "2026-03-02.2" in room.seal(at(7))
    amendments = [d for d in room.store.days("lab") if d.checkpoint.amendment]
    assert [d.checkpoint.events for d in amendments] == [len(late), len(later)]
    sealed = [row["id"] for d in room.store.days("lab") for row in rows_of(room.store.events(d))]
    assert len(sealed) == len(set(sealed)) == 30 + len(late) + len(later)
    after = room.files()
    assert all(after[name] == content for name, content in before.items() if not name.endswith("chain.txt"))


def test_records_are_one_form_of_each_event_in_order_of_time(room):
    some_days(room, days=(2,))
    room.seal(at(6))
    (sealed,) = room.store.verify("lab")
    rows = rows_of(room.store.events(sealed))
    assert [r["time_us"] for r in rows] == sorted(r["time_us"] for r in rows)
    assert sealed.checkpoint.events == len(rows) == 30
    assert merkle.root([merkle.leaf(record(r)) for r in rows]).hex() == sealed.checkpoint.root
    assert read_record(record(rows[0])) == rows[0]
    assert rows[0] == {
        "seq": rows[0]["seq"], "site": "lab", "source": "lab/kiosk", "id": f"{at(2)}-ticket.issued", "type": "ticket.issued",
        "time_us": at(2), "received_us": rows[0]["received_us"], "unit": "idcard", "contact": "A000",
    }  # fmt: skip


def test_nothing_that_names_a_person_is_sealed(room):
    said = Event("lab", "crm", "mail-1 somsri@example.com", "conversation.opened", at(2), "email", "somsri@example.com", "agent-x", a=1, extra='{"subject":"เรื่องส่วนตัว"}')  # fmt: skip
    told = Event("lab", "pbx", "1", "call.entered", at(2), "idcard", "from 081 234 5678", a=1, caller=-5)
    room.take([said, told, said._replace(id="2", type="conversation.closed", time_us=at(2) + 5)])
    room.seal(at(6))
    (sealed,) = room.store.verify("lab")
    rows = rows_of(room.store.events(sealed))
    everything = b"".join(room.files().values()) + json.dumps(rows, ensure_ascii=False).encode()
    for secret in (b"somsri", b"5678", "เรื่อง".encode(), b"0812345678"):
        assert secret not in everything
    mail = [r for r in rows if r["type"].startswith("conversation")]
    assert mail[0]["contact"] == mail[1]["contact"]  # still one conversation
    assert len(mail[0]["contact"]) == 16
    assert [r["person"] for r in rows if r["type"] == "call.entered"] == ["fffffffffffffffb"]


def test_contacts_and_their_measures_stand_beside_the_events(room):
    some_days(room, days=(2,))
    room.seal(at(6))
    (sealed,) = room.store.days("lab")
    rows = pq.read_table(sealed.folder / "contacts.parquet").to_pylist()
    tickets = [dict(r["measures"]) for r in rows if r["family"] == "tickets"]
    assert len(tickets) == 6
    assert {(t["tickets_issued"], t["ticket_wait_ms"], t["tickets_within_target"]) for t in tickets} == {
        (1, 300_000, 1)
    }
    assert {r["unit"] for r in rows if r["family"] == "tickets"} == {"idcard"}
    assert sum(dict(r["measures"]).get("votes", 0) for r in rows) == 6


def test_what_the_site_declared_is_sealed_and_its_secrets_are_not(room):
    some_days(room, days=(2,))
    room.seal(at(6), gaps=[{"kind": "silence", "n": 1}])
    (sealed,) = room.store.days("lab")
    declared = json.loads((sealed.folder / "settings.json").read_bytes())
    assert declared["services"][0]["target_minutes"] == 15
    assert not declared.keys() & {"test_numbers", "sources", "devices"}
    assert json.loads((sealed.folder / "gaps.json").read_bytes()) == [{"kind": "silence", "n": 1}]


def test_the_same_events_give_the_same_files_whatever_came_first(room, tmp_path):
    from tests.archive.conftest import Room  # noqa: PLC0415

    events = [e for number in range(6) for e in visit(2, number)]
    room.take(events, at(3))
    room.seal(at(6))
    shutil.copytree(room.data / "archive" / "..", tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "archive" / "lab")
    again = Room.__new__(Room)
    again.data, again.journal, again.store = room.data, room.journal, Store(tmp_path / "copy")
    again.seal(at(6))
    theirs = {str(p.relative_to(tmp_path / "copy")): p.read_bytes() for p in sorted((tmp_path / "copy" / "archive").rglob("*")) if p.is_file()}  # fmt: skip
    assert theirs == room.files()


@pytest.fixture
def sealed(room):
    some_days(room)
    room.seal(at(9))
    room.take(visit(3, 60), at(9, 1))
    room.seal(at(9, 2))
    return room


def breaks(store) -> bool:
    """Whether a check of the whole archive of the site finds something wrong."""
    try:
        list(store.verify("lab"))
    except ArchiveError:
        return True
    return False


def test_an_archive_as_it_was_sealed_is_accepted(sealed):
    assert not breaks(sealed.store)
    lines = (sealed.data / "archive" / "lab" / "chain.txt").read_text().splitlines()
    assert [line.split()[1:] for line in lines][-1] == ["2026-03-03", "1"]
    assert [line.split()[0] for line in lines] == [d.checkpoint.hash for d in sealed.store.days("lab")]


@pytest.mark.parametrize("name", ["events.parquet", "contacts.parquet", "gaps.json", "settings.json", "checkpoint.txt", "checkpoint.txt.minisig"])  # fmt: skip
def test_any_changed_file_is_found(sealed, name):
    dice = random.Random(name)
    path = sealed.store.days("lab")[1].folder / name
    good = path.read_bytes()
    first = good.index(b"\n") + 1 if name.endswith("minisig") else 0  # nobody relies on the untrusted comment
    for _ in range(60):
        i = dice.randrange(first, len(good) - 1)
        path.write_bytes(good[:i] + bytes([good[i] ^ (1 << dice.randrange(8))]) + good[i + 1 :])
        assert breaks(sealed.store), i
    for cut in (0, 1, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:cut])
        assert breaks(sealed.store), cut
    path.unlink()
    assert breaks(sealed.store)
    path.write_bytes(good)
    assert not breaks(sealed.store)


def test_a_changed_dropped_swapped_or_added_record_is_found_even_under_the_right_hash_of_its_file(sealed):
    store, public = sealed.store, sealed.store.public()
    one, signer = store.days("lab")[1], Signer(sealed.store.folder)
    path, table = one.folder / "events.parquet", store.events(one)
    n = table.num_rows
    for order in ([*range(1, n)], [1, 0, *range(2, n)], [*range(n), 0], [0, 0, *range(2, n)]):
        content = parquet(table.take(order))
        path.write_bytes(content)
        other = replace(one, checkpoint=replace(one.checkpoint, file=sha256(content).hexdigest()))
        (one.folder / "checkpoint.txt").write_bytes(other.checkpoint.text())
        (one.folder / "checkpoint.txt.minisig").write_bytes(
            signer.sign(other.checkpoint.text(), other.checkpoint.comment)
        )
        with pytest.raises(ArchiveError, match="not those that were sealed"):
            store.check(other, public)


def test_a_removed_day_a_fork_and_a_day_under_another_name_are_found(sealed):
    days = sealed.store.days("lab")
    away = sealed.data / "away"
    days[1].folder.rename(away)
    with pytest.raises(ArchiveError, match="the checkpoint before it is missing"):
        sealed.store.days("lab")
    shutil.copytree(away, days[1].folder.with_name("2026-03-09"))
    with pytest.raises(ArchiveError, match="of another day"):
        sealed.store.days("lab")
    shutil.rmtree(days[1].folder.with_name("2026-03-09"))
    away.rename(days[1].folder)
    assert not breaks(sealed.store)
    fork = replace(days[1].checkpoint, day=day(20))
    folder = days[1].folder.with_name("2026-03-20")
    shutil.copytree(days[1].folder, folder)
    (folder / "checkpoint.txt").write_bytes(fork.text())
    with pytest.raises(ArchiveError, match="fork"):
        sealed.store.days("lab")


def test_a_chain_signed_by_another_key_is_found(sealed, tmp_path):
    other = Signer(tmp_path / "thief")
    for one in sealed.store.days("lab"):
        (one.folder / "checkpoint.txt.minisig").write_bytes(other.sign(one.checkpoint.text(), one.checkpoint.comment))
    with pytest.raises(ArchiveError, match="another key"):
        list(sealed.store.verify("lab"))


def test_a_broken_chain_is_never_built_upon(sealed):
    sealed.store.days("lab")[0].folder.rename(sealed.data / "away")
    with pytest.raises(ArchiveError, match="missing or was changed"):
        sealed.seal(at(20))


@pytest.mark.parametrize("point", ["seal_file", "before_seal", "after_seal"])
def test_a_crash_at_any_point_leaves_the_old_or_the_new_state_and_the_next_run_goes_on(room, point):
    some_days(room)
    for hits in range(1, 9):
        left = [hits]

        def crash(name, left=left):
            if name == point:
                left[0] -= 1
                if not left[0]:
                    raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            room.seal(at(9), store=Store(room.data, crashpoint=crash)) and None
            raise KeyboardInterrupt
        assert not breaks(room.store) or not room.store.sites()
        room.seal(at(9))
        assert [d.checkpoint.day.day for d in room.store.verify("lab")] == [2, 3, 4, 5]
        shutil.rmtree(room.data / "archive" / "lab")


def test_a_thousand_changes_to_checkpoints_are_found(sealed):
    dice = random.Random(7)
    paths = [d.folder / "checkpoint.txt" for d in sealed.store.days("lab")]
    kept = {p: p.read_bytes() for p in paths}
    for _ in range(1000):
        path = dice.choice(paths)
        good = kept[path]
        i = dice.randrange(len(good))
        changed = dice.choice(
            [good[:i] + bytes([dice.randrange(256)]) + good[i + 1 :], good[:i], good[:i] + good[i + 1 :], kept[dice.choice(paths)]]
        )  # fmt: skip
        path.write_bytes(changed)
        assert breaks(sealed.store) == (changed != good)
        path.write_bytes(good)


@pytest.mark.parametrize("point", ["seal_file", "before_seal", "after_seal"])
def test_the_command_killed_by_the_system_at_every_mark_goes_on_where_it_was(room, point):
    """SIGKILL at one mark after another: what was sealed stays, and nothing half written is taken for a day."""
    begin = int(time.time() // 86_400 - 9) * DAY_US - at(2, 7)
    for number in range(3):
        room.take([e._replace(time_us=e.time_us + begin, id=f"{e.id}-{number}") for e in visit(2, number)])
    room.journal.close()
    command = [sys.executable, "-m", "telemetry", "seal", "--data", str(room.data), "--site", "lab"]
    chance, sealed = {"seal_file": 0.4}.get(point, 1), []
    for kill in (True, True, True, False):
        env = {**os.environ, "GECC_CRASHPOINT": f"{point}:{chance}"} if kill else None
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        assert done.returncode == (-signal.SIGKILL if kill else 0), done.stderr
        now = [one.folder.name for one in room.store.verify("lab")] if room.store.sites() else []
        assert now[: len(sealed)] == sealed
        assert len(now) >= len(sealed) + (point == "after_seal")
        sealed = now
    assert len(sealed) in (5, 6), "nine days ago to three days ago, by the clock of the place"
    assert not list((room.data / "archive").rglob(".half*"))
