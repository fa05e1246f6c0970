"""Sealed days that were corrected by hand: the day's amendment tells it, and every place shows the same number."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime

import pytest

from kpis.results import GROUPS
from telemetry.__main__ import main
from telemetry.archive.seal import seal
from telemetry.archive.store import GAPS
from telemetry.events import VOIDED, Decoded, Event
from telemetry.evidence.checker import verify, verify_signature
from telemetry.evidence.quality_of import quality_of
from telemetry.figures import query
from telemetry.journal import Unit
from telemetry.ledger import KINDS, Ledger
from telemetry.settings import Channel
from tests.archive.conftest import DAY_US, ZONE, Room, at, visit
from tests.archive.test_corrections import BY, WHY, Desk
from tests.evidence.conftest import CENTRE, call, made, matter, said, some_days

SITE = replace(CENTRE, channels=(Channel(id="line"),))
PERIOD = ("2026-03-02", "2026-03-05")
OF_SOURCES = {kpi.name for kpi in GROUPS["presence"]}
TOLD = ("kpi", "value", "numerator", "denominator", "n", "target")


def sealed_now(room, day, site=SITE):
    return [
        one.folder.name
        for one in seal(room.journal, room.store, [site], now_us=at(day), version="1.0", ledger=Ledger(room.journal))
    ]


def seq_of(room, type_, **fields):
    return next(
        seq for seq, _, e in room.journal.read(0, 10**6) if e.type == type_ and all(getattr(e, k) == v for k, v in fields.items())
    )  # fmt: skip


@pytest.fixture(scope="module")
def corrected(tmp_path_factory):
    """Five sealed days. Then a ticket, a lost call, a vote and a complaint turn out to have been none, a call and a vote are
    told that nobody told, one void was a mistake; and what was corrected is sealed."""
    room = Room(tmp_path_factory.mktemp("corrected") / "data")
    some_days(room)
    assert len(sealed_now(room, 10)) >= 5
    before = {row["kpi"]: row for row in query(room.journal, SITE, *PERIOD)}
    desk = Desk(room, SITE, at(11))
    for seq, _, e in room.journal.read(0, 10**6):
        if e.contact == "A001" and at(3) < e.time_us < at(4):
            desk.void(seq)
    for type_ in ("call.entered", "call.abandoned"):
        desk.void(seq_of(room, type_, contact="4-3"))
    desk.void(seq_of(room, "case.opened", contact="case-2"))
    desk.void(desk.void(seq_of(room, "vote.cast", contact="A002")))
    late = [e._replace(id="", source="", caller=0) for e in call(4, 50)]
    agent = {"": "", "agent-a": "agent-0123456789"}
    for e in late:
        desk.add(e._replace(party=agent[e.party]))
    desk.add(Event("", "", "", "vote.cast", at(4, 15), "idcard", a=1, b=5))
    names = sealed_now(room, 12)
    yield room, before, names
    room.journal.close()


def test_what_was_corrected_is_sealed_as_an_amendment_of_its_day(corrected):
    room, _, names = corrected
    assert [name for name in names if "." in name] == ["2026-03-02.1", "2026-03-03.1", "2026-03-04.1"]
    assert "correction" in KINDS
    days = {one.folder.name: json.loads((one.folder / GAPS).read_bytes()) for one in room.store.days("lab")}
    by_day = {name: [row for row in rows if row["kind"] == "correction"] for name, rows in days.items()}
    assert {name: len(rows) for name, rows in by_day.items() if rows} == {
        "2026-03-02.1": 3, "2026-03-03.1": 5, "2026-03-04.1": 6,
    }  # fmt: skip
    details = ["void vote.cast", f"void {VOIDED}", "void case.opened"]
    assert [row["detail"] for row in by_day["2026-03-02.1"]] == details
    for name, told in by_day.items():
        for row in told:
            event = room.journal.event(row["seq"])
            assert (row["by"], row["why"]) == (BY, WHY)
            assert row["source"] == "lab/by-hand"
            assert row["from_us"] == row["to_us"] == event.time_us
            assert row.get("of") == (event.a if event.type == VOIDED else None)
            assert name.startswith(f"{datetime.fromtimestamp(event.time_us / 1e6, ZONE):%Y-%m-%d}.")
    assert list(room.store.verify("lab"))


def test_every_place_shows_the_same_number(corrected, tmp_path, capsys):
    room, before, _ = corrected
    live = {row["kpi"]: row for row in query(room.journal, SITE, *PERIOD)}
    pack = made(room, tmp_path)
    sealed_rows = {row["kpi"]: row for row in pack.counted.rows("total", "en")}
    differ = [
        name
        for name in live
        if name not in OF_SOURCES and [live[name][k] for k in TOLD] != [sealed_rows[name][k] for k in TOLD]
    ]
    assert differ == []
    changed = {
        name: (before[name]["n"], live[name]["n"])
        for name in ("tickets_issued", "calls_offered", "complaints_settled_rate", "satisfaction_rate")
    }
    assert changed == {
        "tickets_issued": (18, 17),
        "calls_offered": (12, 12),
        "complaints_settled_rate": (3, 2),
        "satisfaction_rate": (18, 18),
    }
    assert [of["abandoned_call_rate"]["numerator"] for of in (before, live)] == [2, 1]
    summary = json.loads(pack.files["manifest.json"])["summary"]
    assert {name: of["counted"][2] for name, of in summary.items()} == {name: live[name]["n"] for name in summary}
    good, last = said(pack.files, pack.data.code)
    assert good, last
    (tmp_path / "gecc.toml").write_text(
        f'data = "{room.data}"\n[[sites]]\nid = "lab"\nfcr_window_s = 3600\nmin_n = 3\nhours = {{ "mon-fri" = "08:30-16:30" }}\n'
        '[[sites.services]]\nid = "idcard"\ntarget_minutes = 15\n[[sites.channels]]\nid = "line"\n', "utf-8",
    )  # fmt: skip
    arguments = [
        "kpis",
        "--data",
        room.data,
        "--config",
        tmp_path / "gecc.toml",
        "--site",
        "lab",
        "--from",
        PERIOD[0],
        "--to",
        PERIOD[1],
    ]
    assert main([*map(str, arguments), "--format", "json"]) == 0
    printed = {row["kpi"]: row for row in json.loads(capsys.readouterr().out)}
    for name in summary:
        assert [printed[name][k] for k in ("value", "n")] == [summary[name]["counted"][0], summary[name]["counted"][2]]


def test_the_pack_says_who_corrected_what_and_why(corrected, tmp_path):
    room, _, _ = corrected
    pack = made(room, tmp_path)
    for lang, words in (("th", "ยกเลิก: "), ("en", "voided: ")):
        rows = quality_of(pack.found, lang).corrections
        assert len(rows) == 14
        assert {(row.kind, row.who, row.why) for row in rows} == {("correction", BY, WHY)}
        assert sum(row.detail.startswith(words) for row in rows) == 10
        assert all(f"record {row.detail.rsplit(' ', 1)[1]}" in row.detail for row in rows if lang == "en")
    assert all(gap.kind != "correction" for gap in quality_of(pack.found, "en").gaps)


# -- nobody without the key


def by_hand(pack):
    rows = []
    for one, table in zip(pack.found.inside, pack.found.tables, strict=True):
        for row in table.to_pylist():
            if row["source"] == "lab/by-hand":
                rows.append({k: "" if v is None else str(v) for k, v in row.items() if k in verify.RECORDS.FIELDS})
        assert one
    return rows, [row for of in pack.found.gaps.values() for row in of]


def test_each_correction_is_signed_with_who_why_and_when(corrected, tmp_path):
    room, _, _ = corrected
    pack = made(room, tmp_path)
    public, (rows, ledger) = pack.files["minisign.pub"], by_hand(pack)
    assert len(rows) == 14
    assert verify_signature.of_corrections(public, rows, ledger) == ""
    for name, value in (("by", "ผู้อื่น"), ("why", "another"), ("at", "2026-03-11T02:00:00.000099Z"), ("signature", "x")):
        changed = [
            {**row, name: value} if row["kind"] == "correction" and row["seq"] == int(rows[0]["seq"]) else row
            for row in ledger
        ]
        assert f"record {rows[0]['seq']}, told by hand: " in verify_signature.of_corrections(public, rows, changed)
    for name, value in (
        ("type", "ticket.called"),
        ("time_us", "1"),
        ("contact", "A9"),
        ("a", "7"),
        ("unit", "x"),
        ("party", "9"),
    ):
        changed = [{**rows[0], name: value}, *rows[1:]]
        assert "the signature does not fit" in verify_signature.of_corrections(
            public, changed, ledger
        ) or "not of this file" in verify_signature.of_corrections(public, changed, ledger)
    nobody = [row for row in ledger if row.get("seq") != int(rows[3]["seq"])]
    assert "no ledger says by whom" in verify_signature.of_corrections(public, rows, nobody)


def test_a_record_that_somebody_wrote_into_the_journal_without_the_key_is_found_out(tmp_path):
    room = Room(tmp_path / "data")
    some_days(room, days=(2, 3))
    event = room.journal.event(1)
    extra = json.dumps({"at": "2026-03-03T00:00:00.000000Z", "by": BY, "signature": "untrusted", "why": WHY})
    void = Event("lab", "lab/by-hand", "x", VOIDED, event.time_us, event.unit, event.contact, a=1, extra=extra)
    room.journal.commit([Unit("lab/by-hand", Decoded([void]), at(3))])
    sealed_now(room, 8)
    good, last = said(made(room, tmp_path, date(2026, 3, 2), date(2026, 3, 3)).files)
    assert not good
    assert "told by hand: not in the form of minisign" in last
    room.journal.close()


# -- what began long before


def test_a_void_of_what_began_long_before_goes_with_it_and_is_proved(tmp_path):
    """A conversation was noted by mistake months ago. Without that it begins when the citizen really wrote."""
    room, later = Room(tmp_path / "data"), 60 * DAY_US
    room.take(matter("conversation", 2, "chat", (0, "opened", 0)))
    room.take(matter("case", 3, "case-1", (0, "opened", 1)))
    room.take(visit(3, 1))
    words = matter("conversation", 2, "chat", (0, "message", 0), (0.1, "replied", 0))
    room.take([e._replace(id=f"l{e.id}", time_us=e.time_us + later) for e in words])
    room.take([e._replace(id=f"l{e.id}", time_us=e.time_us + later) for e in visit(2, 7)])
    sealed = [one.folder.name for one in seal(room.journal, room.store, [SITE], now_us=at(8) + later, version="1", ledger=Ledger(room.journal))]  # fmt: skip
    assert len(sealed) > 60
    first = last = date(2026, 5, 1)
    n = made(room, tmp_path, first, last, name="a.zip").counted.summary()["reply_within_target_rate"]["counted"][2]
    assert n == 0
    desk = Desk(room, SITE, at(10) + later)
    desk.void(seq_of(room, "conversation.opened"))
    list(seal(room.journal, room.store, [SITE], now_us=at(9) + later, version="1", ledger=Ledger(room.journal)))
    pack = made(room, tmp_path, first, last, name="b.zip")
    assert pack.counted.summary()["reply_within_target_rate"]["counted"] == [1.0, 1, 1]
    earlier = [json.loads(text)["type"] for _, _, text, _ in json.loads(pack.files["manifest.json"])["earlier"]]
    assert earlier == ["conversation.opened", VOIDED]
    good, said_last = said(pack.files)
    assert good, said_last
    live = {row["kpi"]: row for row in query(room.journal, SITE, str(first), "2026-05-02")}
    assert live["reply_within_target_rate"]["n"] == 1
    room.journal.close()
