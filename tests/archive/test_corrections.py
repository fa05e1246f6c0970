"""Corrections by hand: who may make which, what they change, and that nobody without the key can make any."""

from __future__ import annotations

import json
import os
import random
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from collectors.base import Message
from collectors.formats import FORMATS
from collectors.formats.kiosk_json import DeviceRow, KioskJson, SiteRow
from collectors.formats.options import Options
from telemetry import correcting, corrections
from telemetry.__main__ import main
from telemetry.archive.signing import Signer
from telemetry.correcting import Correcting, put, refused, waiting
from telemetry.corrections import CorrectionError, read
from telemetry.events import MISSING, VOIDED, Decoded, Event, canonical_json
from telemetry.figures import query
from telemetry.journal import Journal, Unit
from telemetry.journal_reader import OF_MATTERS, JournalReader
from telemetry.privacy import Pseudonyms
from telemetry.settings import Channel
from telemetry.voided import voids_of
from tests.archive.conftest import LAB, at, visit

SITE = replace(LAB, channels=(Channel(id="line"),))
BY, WHY = "หัวหน้าศูนย์", "พิมพ์บัตรซ้ำ"
NOW_US = at(20)


class Desk:
    """Corrections of a room's journal, signed and taken in as the service does it."""

    def __init__(self, room, site=SITE, now_us=NOW_US) -> None:
        self.room, self.site, self.signer, self.now_us = room, site, Signer(room.store.folder), now_us
        self.folder = Correcting(room.data, room.journal, [site], clock=lambda: self.now_us / 1e6)

    def write(self, one, name="one"):
        return put(self.room.data, name, one.signed(self.signer).text)

    def take_in(self, crashpoint=lambda _point: None) -> None:
        for path in waiting(self.room.data):
            unit = self.folder.read(path)
            if unit is not None:
                self.room.journal.commit([unit])
                crashpoint("after_correction")
                self.folder.done(path)

    def void(self, seq, by=BY, why=WHY) -> int:
        self.now_us += 1
        self.write(corrections.void(self.room.journal, self.site, seq, by=by, why=why, now_us=self.now_us))
        self.take_in()
        return self.room.journal.ends()[0]

    def add(self, event, by=BY, why=WHY) -> int:
        self.now_us += 1
        self.write(corrections.add(self.room.journal, self.site, event, by=by, why=why, now_us=self.now_us))
        self.take_in()
        return self.room.journal.ends()[0]

    def value(self, kpi="tickets_issued"):
        return next(row["value"] for row in query(self.room.journal, SITE, None, None) if row["kpi"] == kpi)


@pytest.fixture
def desk(room):
    for n in range(3):
        room.take(visit(2, n))
    return Desk(room)


def ticket(minutes=0, **more):
    fields = {"unit": "idcard", "contact": "B001", "time_us": at(2, 10) + minutes * 60_000_000} | more
    return Event("", "", "", fields.pop("type", "ticket.issued"), **fields)


def test_a_void_counts_no_more_can_be_taken_back_and_made_again(desk):
    assert desk.value() == 3
    first = desk.void(1)
    assert desk.value() == 2
    assert desk.room.journal.event(1).type == "ticket.issued"  # it is still there
    back = desk.void(first)
    assert desk.value() == 3
    again = desk.void(1)
    assert desk.value() == 2
    desk.void(again)
    assert desk.value() == 3
    cols = desk.room.journal.columns(["lab"], at(2), at(3), voided=True)
    assert voids_of(cols) == {first: back, again: again + 1}


def test_what_was_added_counts_once_and_may_be_voided(desk):
    seq = desk.add(ticket(a=0))
    assert desk.value() == 4
    with pytest.raises(CorrectionError, match=f"added already, as #{seq}"):
        desk.add(ticket(a=0))
    desk.add(ticket(1, a=0, contact="B002"))
    assert desk.value() == 5
    desk.void(seq)
    assert desk.value() == 4
    assert desk.add(ticket(a=0)) == seq + 3
    assert desk.value() == 5


def test_a_correction_is_an_event_of_its_day_with_who_and_why(desk):
    seq = desk.void(5)
    event, voided = desk.room.journal.event(seq), desk.room.journal.event(5)
    assert (event.type, event.a, event.source) == (VOIDED, 5, "lab/by-hand")
    assert (event.time_us, event.unit, event.contact) == (voided.time_us, voided.unit, voided.contact)
    said = json.loads(event.extra)
    assert (said["by"], said["why"], said["at"]) == (BY, WHY, "2026-03-20T02:00:00.000001Z")
    assert event.extra == canonical_json(said)


@pytest.mark.parametrize(
    ("how", "wrong"),
    [
        ({"by": ""}, "by: expected one line"),
        ({"by": "x" * 61}, "by: expected one line of 1 to 60"),
        ({"why": " "}, "why: expected one line"),
        ({"why": "y" * 201}, "why: expected one line of 1 to 200"),
        ({"why": "two\nlines"}, "why: expected one line"),
        ({"why": "ผู้ร้อง 081-234-5678 ขอแก้"}, "why: holds the number or the address"),
        ({"by": "somchai@example.com"}, "by: holds the number or the address"),
    ],
)
def test_who_and_why_are_said_and_name_nobody(desk, how, wrong):
    with pytest.raises(CorrectionError, match=wrong):
        desk.void(1, **how)
    with pytest.raises(CorrectionError, match=wrong):
        desk.add(ticket(), **how)
    assert desk.room.journal.ends()[0] == 15


def test_what_cannot_be_voided(desk):
    desk.room.journal.commit(
        [Unit("o", Decoded([Event("other", "other/k", "1", "vote.cast", at(2), a=1, b=5)]), at(2))]
    )
    for seq in (0, -1, 16, 99, 2**62):
        with pytest.raises(CorrectionError, match=f"#{seq}: lab has no event"):
            desk.void(seq)
    void = desk.void(1)
    with pytest.raises(CorrectionError, match=f"#1: is voided already, by #{void}"):
        desk.void(1)


@pytest.mark.parametrize(
    ("event", "wrong"),
    [
        (ticket(type="correction.voided", a=1), "#1: is another event than the one that the correction means"),
        (ticket(type="device.offline"), "cannot be told by hand"),
        (ticket(type="no.such"), "cannot be told by hand"),
        (ticket(contact=""), "contact: ticket.issued needs one"),
        (ticket(unit="tax"), "no service or channel 'tax'; there are"),
        (ticket(contact="0812345678"), "contact: expected up to 64 bytes, and no number"),
        (ticket(contact="x" * 65), "contact: expected up to 64 bytes"),
        (ticket(time_us=NOW_US + 301_000_000), "time: is not past"),
        (ticket(a=100), "priority: not for ticket.issued, or outside of 0 to 99"),
        (ticket(b=1), "a number more: not for ticket.issued"),
        (ticket(type="vote.cast", a=6, b=5), "score up to scale_max"),
        (ticket(type="vote.cast"), "a vote needs both"),
        (ticket(type="call.entered", unit="info", b=1), "test: not for call.entered"),
        (ticket(type="call.entered", unit="info", c=1), "caller_previous_epoch: not for call.entered"),
        (ticket(type="agent.paused", party="Somchai"), "party: expected an agent's pseudonym"),
    ],
)
def test_what_cannot_be_added(desk, event, wrong):
    with pytest.raises(CorrectionError, match=wrong):
        desk.add(event)


# -- signed, or nothing


def forgeries(good, dice):
    """Texts that are almost a correction."""
    said = json.loads(good)
    for name, value in (("a", 2), ("why", "another"), ("by", "ผู้อื่น"), ("at", "2026-03-20T02:00:00.000001Z"), ("site", "other"),
                        ("type", "vote.cast"), ("time_us", 1), ("contact", "A002"), ("signature", "")):  # fmt: skip
        yield canonical_json(said | {name: value})
    yield canonical_json({name: value for name, value in said.items() if name != "signature"})
    yield json.dumps(said)  # not in its one form
    yield good + "\n"
    yield from (
        "",
        "{}",
        "[]",
        "null",
        "[" * 10_000,
        '{"site":',
        canonical_json(said | {"a": 2**70}),
        canonical_json(said | {"a": True}),
    )
    for _ in range(60):
        i = dice.randrange(len(good))
        yield good[:i] + chr(ord(good[i]) ^ 1) + good[i + 1 :]


def test_nothing_that_was_not_signed_is_taken_in(desk):
    one = corrections.void(desk.room.journal, SITE, 1, by=BY, why=WHY, now_us=NOW_US)
    good = one.signed(desk.signer).text
    assert read(good).text == good
    texts = [t for t in forgeries(good, random.Random(7)) if t != good]
    texts.append(one.signed(Signer(desk.room.data / "elsewhere")).text)  # another's key
    for n, text in enumerate(texts):
        put(desk.room.data, f"{n:03}", text)
    (desk.room.data / "corrections" / "bytes.json").write_bytes(b"\xff\xfe")
    (desk.room.data / "corrections" / "large.json").write_bytes(b"x" * 100_000)
    desk.take_in()
    assert desk.room.journal.ends()[0] == 15
    assert waiting(desk.room.data) == []
    aside = sorted(p.name for p in (desk.room.data / "corrections" / "refused").glob("*.json"))
    assert len(aside) == len(texts) + 2
    assert all(refused(desk.room.data / "corrections" / name).read_text().strip() for name in aside)
    health = desk.folder.health()
    assert health["taken"] == 0
    assert len(health["refused"]) == correcting.MOST_TOLD
    assert all(health["refused"].values())


def test_the_signature_of_one_correction_is_good_for_no_other(desk):
    a, b = (
        corrections.void(desk.room.journal, SITE, n, by=BY, why=WHY, now_us=NOW_US).signed(desk.signer) for n in (1, 2)
    )
    put(desk.room.data, "mixed", replace(a, signature=b.signature).text)
    desk.take_in()
    assert desk.room.journal.ends()[0] == 15
    assert desk.folder.health()["refused"] == {"mixed.json": "not signed with the key of this archive"}


def test_the_reason_why_one_was_refused_is_told_and_stays(desk):
    path = desk.write(corrections.void(desk.room.journal, SITE, 1, by=BY, why=WHY, now_us=NOW_US), "first")
    again = desk.write(corrections.void(desk.room.journal, SITE, 1, by=BY, why="again", now_us=NOW_US), "second")
    desk.take_in()
    assert not path.exists()
    assert refused(again).read_text() == "#1: is voided already, by #16; void that one to take it back\n"
    assert desk.folder.health() == {"taken": 1, "refused": {"second.json": refused(again).read_text().strip()}}


class DeadError(Exception):
    """The process has been killed."""


@pytest.mark.parametrize("point", ["before_commit", "after_commit", "after_correction"])
def test_killed_at_any_point_a_correction_counts_once(room, point):
    for n in range(3):
        room.take(visit(2, n))
    desk = Desk(room)
    desk.write(corrections.add(room.journal, SITE, ticket(), by=BY, why=WHY, now_us=NOW_US), "1")
    desk.write(corrections.void(room.journal, SITE, 1, by=BY, why=WHY, now_us=NOW_US), "2")

    def dies(at_point):
        if at_point == point:
            raise DeadError

    for _ in range(4):
        room.journal.close()
        room.journal = Journal(room.data, crashpoint=dies)
        with pytest.raises(DeadError):
            Desk(room).take_in(dies)
        if not waiting(room.data):
            break
        if point != "before_commit":
            room.journal.close()
            room.journal = Journal(room.data)
            Desk(room).take_in()
            break
    room.journal.close()
    room.journal = Journal(room.data)
    Desk(room).take_in()
    assert waiting(room.data) == []
    assert [e.type for _, _, e in room.journal.by_hand("lab")] == ["ticket.issued", VOIDED]
    assert Desk(room).value() == 3


def test_half_a_file_is_no_correction(desk):
    folder = desk.room.data / "corrections"
    put(
        desk.room.data,
        "whole",
        corrections.void(desk.room.journal, SITE, 1, by=BY, why=WHY, now_us=NOW_US).signed(desk.signer).text,
    )
    (folder / ".half.json").write_text('{"site":')
    assert [path.name for path in waiting(desk.room.data)] == ["whole.json"]
    assert (folder / "whole.json").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


# -- the command


@pytest.fixture
def at_home(room, gecc):
    """`gecc correct` on a folder whose journal nobody holds."""
    for n in range(3):
        room.take(visit(2, n))
    room.journal.close()
    (room.data / "gecc.toml").write_text(
        'data = "."\n[[sites]]\nid = "lab"\n[[sites.services]]\nid = "idcard"\n[[sites.channels]]\nid = "line"\n'
    )

    def run(what, *more, said=("--by", BY, "--why", WHY)):
        more = more if what == "list" else (*more, *said, "--seconds", 0)
        return gecc("correct", what, "--data", room.data, "--site", "lab", *more)

    return room, run


def test_the_command_commits_itself_where_no_service_runs(at_home):
    room, run = at_home
    assert run("void", "#1") == (0, "lab: void of #1 is #16\n", "")
    code, out, err = run("add", "--type", "ticket.finished", "--time", "2026-03-02T10:30:00", "--contact", "A009",
                         "--party", "2", "--set", "disposition=1")  # fmt: skip
    assert (code, out, err) == (0, "lab: ticket.finished A009 is #17\n", "")
    event = JournalReader(room.data).event(17)
    assert (event.time_us, event.party, event.a, event.b) == (at(2, 10.5), "2", 1, MISSING)
    assert waiting(room.data) == []


def test_a_whole_ticket_is_voided_at_once_or_not_at_all(at_home):
    room, run = at_home
    code, out, err = run("void", "1", "2", "99", "4")
    assert (code, out) == (2, "")
    assert "#99" in err
    assert not (room.data / "corrections").exists()
    code, out, _ = run("void", "1", "2", "3", "4", "5", "5")
    assert code == 0
    assert sorted(line.split("#")[1].split()[0] for line in out.splitlines()) == ["1", "2", "3", "4", "5"]
    assert JournalReader(room.data).ends()[0] == 20


def test_an_event_is_named_by_its_sources_own_id_too(at_home):
    room, run = at_home
    id_ = JournalReader(room.data).event(2).id
    assert run("void", id_, "--source", "kiosk")[0] == 0
    assert JournalReader(room.data).event(16).a == 2
    id_ = JournalReader(room.data).event(3).id
    assert run("void", id_)[0] == 0
    assert JournalReader(room.data).event(17).a == 3
    code, _, err = run("void", "no-such-id")
    assert code == 2
    assert "no single event of the id 'no-such-id': no source of it told one" in err


def test_agents_become_pseudonyms_and_pseudonyms_stay(at_home):
    room, run = at_home
    name = Pseudonyms(room.data / "keys.json", NOW_US).agent("lab", "Somying")
    for n, said in enumerate(("Somying", name)):
        more = ("--type", "agent.paused", "--time", f"2026-03-02T11:0{n}:00", "--party", said)
        assert run("add", *more)[0] == 0
    assert {event.party for _, _, event in JournalReader(room.data).by_hand("lab")} == {name}
    assert not [p for p in room.data.rglob("*") if p.is_file() and b"Somying" in p.read_bytes()]


def test_the_list_says_what_holds_and_whether_it_is_signed(at_home):
    room, run = at_home
    for event in ("1", "16", "2"):
        assert run("void", event)[0] == 0
    assert run("add", "--type", "vote.cast", "--time", "2026-03-02T11:00:00+07:00", "--set", "score=4", "--set",
               "scale_max=5", "--set", "question=staff")[0] == 0  # fmt: skip
    code, out, _ = run("list", "--json")
    rows = json.loads(out)
    assert code == 0
    assert [(r["seq"], r["act"], r["of"], r["type"], r["in_force"]) for r in rows] == [
        (16, "void", 1, "ticket.issued", False), (17, "void", 16, VOIDED, True), (18, "void", 2, "ticket.called", True),
        (19, "add", None, "vote.cast", True),
    ]  # fmt: skip
    assert rows[3]["numbers"] == {"score": 4, "scale_max": 5, "question": 2}
    assert all(r["signature_good"] and r["by"] == BY and r["why"] == WHY for r in rows)
    code, out, _ = run("list")
    assert out.splitlines()[0].endswith(f"void #1 ticket.issued  by {BY}: {WHY}  taken back")
    assert out.splitlines()[-1] == "lab: 4 corrections"
    # Who writes into the journal without the key is found out.
    journal = Journal(room.data)
    forged = JournalReader(room.data).event(18)._replace(id="forged", a=3)
    journal.commit([Unit("lab/by-hand", Decoded([forged]), NOW_US)])
    journal.close()
    code, out, _ = run("list")
    assert code == 1
    assert out.splitlines()[4].endswith("BAD SIGNATURE")


def test_where_the_journal_is_held_the_correction_waits_for_the_service(at_home):
    room, run = at_home
    room.journal = Journal(room.data)
    code, out, err = run("void", "1")
    assert (code, out) == (1, "")
    assert "not taken in yet; the service takes it in as soon as it runs" in err
    assert len(waiting(room.data)) == 1
    Desk(room).take_in()
    assert Desk(room).value() == 2


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("void", "99"), "#99: lab has no event"),
        (("add", "--type", "device.offline", "--time", "2026-03-02"), "cannot be told by hand"),
        (("add", "--type", "ticket.issued", "--time", "yesterday"), "--time: expected such as"),
        (("add", "--type", "ticket.issued", "--time", "2026-03-02", "--set", "x=1"), "takes priority=…"),
        (("add", "--type", "ticket.issued", "--time", "2026-03-02", "--set", "priority=high"), "no whole number"),
        (("add", "--type", "call.entered", "--time", "2026-03-02", "--set", "caller_previous_epoch=1"), "takes position=…"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_told(at_home, arguments, wrong):
    room, run = at_home
    code, _, err = run(*arguments)
    assert code == 2
    assert wrong in err
    assert not (room.data / "corrections").exists()


def test_nobody_but_the_owner_of_the_folder_writes_there(at_home, monkeypatch):
    room, run = at_home
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    if room.data.stat().st_uid == 0:
        os.chown(room.data, 4321, -1)
    code, _, err = run("void", "1")
    assert code == 2
    assert "call this as its owner" in err


# -- nobody else


def test_no_device_and_no_sender_may_say_what_only_people_may():
    sites = {"lab": SiteRow({"k": DeviceRow("kiosk", "", "", 5)}, frozenset({"idcard"}))}
    for topic, said in (
        ("event", {"type": VOIDED, "seq": 1}),
        ("event", {"type": f"th.gecc.{VOIDED}", "specversion": "1.0", "source": "/k", "data": {"seq": 1}}),
        ("ticket", {"event": "voided", "ticket": "A1"}),
    ):
        payload = json.dumps({"id": "1", **said}).encode()
        got = KioskJson(sites=sites).feed([Message(f"gecc/v1/lab/k/{topic}", payload, False)], NOW_US)
        assert (got.events, [no.reason for no in got.rejected]) == ([], ["unknown_type"])
    sent = json.dumps(
        {"specversion": "1.0", "id": "1", "source": "/x", "type": f"th.gecc.{VOIDED}", "data": {"seq": 1}}
    )
    decoder = FORMATS["cloudevents_http"].make(
        site="lab", source="lab/x", options=Options(), units=frozenset(), sites=frozenset({"lab"})
    )
    got = decoder.feed([sent.encode()], NOW_US)
    assert (got.events, [no.reason for no in got.rejected]) == ([], ["unknown_type"])


def test_an_import_cannot_take_the_name_of_who_corrects(at_home, tmp_path):
    room, _ = at_home
    log = tmp_path / "queue_log"
    log.write_text("1772415000|1.1|info|NONE|ENTERQUEUE||0812345678|1\n")
    arguments = [
        "import",
        "--data",
        room.data,
        "--site",
        "lab",
        "--format",
        "asterisk_queue_log",
        "--source",
        "by-hand",
        log,
    ]
    assert main([str(a) for a in arguments]) == 2
    assert JournalReader(room.data).ends()[0] == 15


def test_a_journal_of_the_version_before_learns_to_find_voids(room):
    room.take([Event("lab", "lab/crm", "c", "case.opened", at(2), "tax", "c-1", a=1)])
    room.journal.close()
    with closing(sqlite3.connect(room.data / "journal.db")) as db:
        db.execute("DROP TABLE gone")
        db.execute("DROP INDEX event_matters")
        db.execute(
            "CREATE INDEX event_matters ON event(site, time_us) WHERE (type BETWEEN 20 AND 25 OR type BETWEEN 100 AND 109)"
        )
        db.execute("PRAGMA user_version=3")
        db.commit()
    room.journal = Journal(room.data)
    assert len(room.journal.matters("lab")) == 1
    Desk(room).void(1)
    assert len(room.journal.matters("lab")) == 0
    assert len(room.journal.matters("lab", voided=True)) == 2
    with closing(sqlite3.connect(room.data / "journal.db")) as db:
        plan = db.execute(
            f"EXPLAIN QUERY PLAN SELECT seq FROM event WHERE {OF_MATTERS} AND site = 1 AND time_us >= 0"
        ).fetchall()
        assert "event_matters" in str(plan)


def test_what_people_tell_says_nothing_of_how_devices_and_logs_work(desk):
    """No source that could be late or silent comes of it: what tells of sources is as before."""
    before = query(desk.room.journal, SITE, None, None, by="device")
    desk.add(ticket(-55, type="call.did", unit="info", contact="c-1"))
    desk.add(ticket(-50, type="vote.cast", contact="", a=1, b=5))
    desk.void(2)
    assert before
    assert query(desk.room.journal, SITE, None, None, by="device") == before
