"""Nobody can be found from what is kept, and the same caller is still the same caller."""

from __future__ import annotations

import json
import stat
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.events import MISSING, Decoded, Event, Rejected
from telemetry.privacy import EPOCH_US, OVERLAP_US, TEST, Pseudonyms, identity, normal_form, redact

NOW_US = 1_795_000_000_000_000
DAY_US = 86_400_000_000
NUMBER = "0812345678"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "keys.json"


@pytest.fixture
def pseudonyms(file):
    return Pseudonyms(file, NOW_US)


def token(pseudonyms: Pseudonyms, number: str = NUMBER, at_us: int = NOW_US) -> int:
    return pseudonyms.caller(number, at_us)[0]


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("0812345678", "0812345678"),
        ("+66812345678", "0812345678"),
        ("+66 81 234 5678", "0812345678"),
        ("+66(0)812345678", "0812345678"),
        ("0066812345678", "0812345678"),
        ("66812345678", "0812345678"),
        ("081-234-5678", "0812345678"),
        (" 081 234 5678 ", "0812345678"),
        ('"0812345678"', "0812345678"),
        ("0812345678@10.0.0.1", "0812345678"),
        ("sip:0812345678@pbx.example", "0812345678"),
        ("tel:+66812345678", "0812345678"),
        ("021112222", "021112222"),
        ("+6621112222", "021112222"),
        ("6621112222", "021112222"),
        ("+442071234567", "+442071234567"),
        ("00442071234567", "+442071234567"),
        ("1111", "1111"),
        ("191", "191"),
        ("", ""),
        ("anonymous", ""),
        ("Anonymous", ""),
        ("anonymous@anonymous.invalid", ""),
        ("<unknown>", ""),
        ("unknown", ""),
        ("Restricted", ""),
        ("0000000000", ""),
        ("+", ""),
        ("somchai", ""),
        ("๐๘๑๒๓๔๕๖๗๘", ""),
    ],
)
def test_a_number_has_one_form_however_it_is_written(written, form):
    assert normal_form(written) == form


@given(st.text(max_size=40))
def test_whatever_stands_for_a_number_has_a_form_of_digits_or_none(text):
    form = normal_form(text)
    assert form == "" or form.removeprefix("+").isdecimal()
    assert normal_form(form) == form


def test_the_key_file_is_for_its_owner_only_and_is_not_made_anew(file):
    first = token(Pseudonyms(file, NOW_US))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = file.read_bytes()
    assert token(Pseudonyms(file, NOW_US + DAY_US)) == first != 0
    assert file.read_bytes() == kept


def test_another_folder_gives_other_tokens(tmp_path):
    one, other = (Pseudonyms(tmp_path / name, NOW_US) for name in ("a", "b"))
    assert token(one) != token(other)
    assert one.agent("bkk", "Anong") != other.agent("bkk", "Anong")


def test_a_damaged_key_file_is_said_by_its_name_and_left_alone(file):
    for damage in ("", "{", '{"agents": "zz", "callers": []}', '{"agents": "00", "callers": []}'):
        file.write_text(damage)
        with pytest.raises(OSError, match=r"keys\.json: damaged"):
            Pseudonyms(file, NOW_US)
        assert file.read_text() == damage


def test_every_form_of_a_number_has_the_same_token(pseudonyms):
    forms = ("0812345678", "+66812345678", "0066812345678", "66812345678", "081 234 5678", "0812345678@10.0.0.1")
    assert {token(pseudonyms, form) for form in forms} == {token(pseudonyms)}
    assert token(pseudonyms) != token(pseudonyms, "0812345679")


@pytest.mark.parametrize("withheld", ["", "anonymous", "unknown", "0000", "somebody"])
def test_a_withheld_number_is_nobody(pseudonyms, withheld):
    assert pseudonyms.caller(withheld, NOW_US) == (0, 0)


def test_keys_change_after_a_year_and_for_a_month_a_call_carries_both_tokens(file, pseudonyms):
    old = token(pseudonyms)
    pseudonyms.rotate(NOW_US + EPOCH_US - 1)
    assert token(pseudonyms, at_us=NOW_US + EPOCH_US) == old, "not a moment earlier"
    begun_us = NOW_US + EPOCH_US
    pseudonyms.rotate(begun_us)
    new, alias = pseudonyms.caller(NUMBER, begun_us)
    assert (new != old, alias) == (True, old)
    assert pseudonyms.caller(NUMBER, begun_us - 1) == (old, 0), "a late event of before is under the key of before"
    assert pseudonyms.caller(NUMBER, begun_us + OVERLAP_US) == (new, old)
    assert pseudonyms.caller(NUMBER, begun_us + OVERLAP_US + 1) == (new, 0)
    assert Pseudonyms(file, begun_us).caller(NUMBER, begun_us) == (new, old), "over a restart too"


def test_when_the_overlap_is_over_the_old_key_is_destroyed(file, pseudonyms):
    old_key = json.loads(file.read_text())["callers"][0]["key"]
    old = token(pseudonyms)
    pseudonyms.rotate(NOW_US + EPOCH_US)
    assert old_key in file.read_text()
    pseudonyms.rotate(NOW_US + EPOCH_US + OVERLAP_US + 1)
    assert old_key not in file.read_text()
    assert [f.name for f in file.parent.iterdir()] == ["keys.json"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert old not in pseudonyms.caller(NUMBER, NOW_US + EPOCH_US)
    assert pseudonyms.caller(NUMBER, 0)[0] != 0, "the oldest key there is serves all times before it"


def test_an_agent_has_one_name_at_a_site_and_another_elsewhere(file, pseudonyms):
    name = pseudonyms.agent("bkk", "Anong")
    assert name.startswith("agent-")
    assert "anong" not in name.lower()
    assert Pseudonyms(file, NOW_US).agent("bkk", "Anong") == name
    assert pseudonyms.agent("ldn", "Anong") != name != pseudonyms.agent("bkk", "Boonmee")
    pseudonyms.rotate(NOW_US + 2 * EPOCH_US)
    assert pseudonyms.agent("bkk", "Anong") == name, "agents' keys do not change with callers'"


def protected(pseudonyms: Pseudonyms, **more) -> Event:
    fact = {
        "site": "bkk",
        "source": "bkk/pbx",
        "id": "1",
        "type": "call.entered",
        "time_us": NOW_US,
        "unit": "q",
        "contact": "c",
    }
    decoded = Decoded([Event(**(fact | more))])
    pseudonyms.protect(decoded)
    return decoded.events[0]


def test_an_event_keeps_a_token_and_no_number(pseudonyms):
    event = protected(pseudonyms, person=NUMBER)
    assert (event.person, event.caller, event.c) == ("", token(pseudonyms), MISSING)
    assert protected(pseudonyms, type="call.connected", party="Anong").party == pseudonyms.agent("bkk", "Anong")
    assert protected(pseudonyms, type="ticket.called", party="3").party == "3", "a counter is no person"


def test_in_the_overlap_a_call_that_enters_carries_its_other_token(pseudonyms):
    old = token(pseudonyms)
    pseudonyms.rotate(NOW_US + EPOCH_US)
    assert protected(pseudonyms, person=NUMBER, time_us=NOW_US + EPOCH_US).c == old
    assert protected(pseudonyms, person=NUMBER, time_us=NOW_US + EPOCH_US, type="call.abandoned", c=7).c == 7


NUMBERS = ["0812345678", "021112222", "66812345678", "+66812345678", "0066812345678", "+442071234567", "00442071234567",
           "081-234-5678", "081 234 5678", "+66 81 234 5678", "02-111-2222"]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_blanked_wherever_it_stands_in_a_reject(pseudonyms, number):
    for around in ('{"caller":"%s"', "%s", "1795254201|1.2|q|NONE|ENTERQUEUE||%s|1|2", "tel:%s,x", "a\xff%s"):
        raw = (around % number).encode("latin-1")
        hidden = redact(raw)
        assert number.encode() not in hidden
        assert len(hidden) == len(raw)
        assert hidden.replace(b"x", b"") == raw.replace(number.encode(), b"").replace(b"x", b""), "and nothing else is"
    decoded = Decoded(rejected=[Rejected("not_json", f"near {number}", number.encode(), "s", "d")])
    pseudonyms.protect(decoded)
    assert number not in str(decoded.rejected)


@pytest.mark.parametrize(
    "kept",
    [
        b"1795254201",
        b"1795254206.26",
        b'"seq":12',
        b"2026-11-21T09:00:00.000000+07:00",
        b"3.0812345678",
        b"A012",
        b"100",
    ],
)
def test_what_is_no_number_of_a_person_is_kept_in_a_reject(kept):
    assert redact(kept) == kept


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_in_a_field_of_the_sources_own_is_blanked_and_the_field_stays_json(pseudonyms, number):
    said = {"note": f"call {number} back", "list": [number, 1], "deep": {number: 66812345678}, "seq": 12}
    extra = json.loads(protected(pseudonyms, type="ticket.issued", extra=json.dumps(said)).extra)
    assert number not in str(extra)
    assert "66812345678" not in str(extra)
    assert (extra["seq"], extra["list"][1], extra["note"][:5]) == (12, 1, "call ")


def test_other_fields_stay_as_they_are(pseudonyms):
    assert protected(pseudonyms, type="ticket.issued", extra='{"z":1,"a":"b"}').extra == '{"z":1,"a":"b"}'


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("line:U4aF4980629", "line:u4af4980629"),
        ("LINE: U4af4980629 ", "line:u4af4980629"),
        ("email:Somchai@Example.com", "email:somchai@example.com"),
        ("mailto:somchai@example.com", "email:somchai@example.com"),
        ("facebook:1234567890123456", "facebook:1234567890123456"),
        ("line:anonymous", ""),
        ("tel:+66812345678", ""),
        ("sip:0812345678@pbx.example", ""),
        (NUMBER, ""),
        ("somchai@example.com", ""),
        ("", ""),
    ],
)
def test_who_writes_on_a_channel_has_one_form_too(written, form):
    assert identity(written) == form


def test_people_on_channels_are_told_apart_and_recognised(pseudonyms):
    same = {token(pseudonyms, "email:a@b.co"), token(pseudonyms, "mailto:A@B.co")}
    others = {token(pseudonyms, who) for who in ("line:a@b.co", "email:a@b.com", NUMBER, f"line:{NUMBER}")}
    assert len(same) == 1 and len(same | others) == 5
    assert token(pseudonyms, "line:anonymous") == 0
    assert token(pseudonyms, f"tel:{NUMBER}") == token(pseudonyms)


@pytest.mark.parametrize(
    ("raw", "hidden"),
    [
        (b'{"from":"somchai.j@example.co.th","n":1}', b'{"from":"' + b"x" * 23 + b'","n":1}'),
        (b"ring (081) 234-5678 or (02)111-2222", b"ring (" + b"x" * 13 + b" or (" + b"x" * 11),
        (b"call.0812345678", b"call.xxxxxxxxxx"),
        (b"mail <a@b.co>, twice c@d.co;", b"mail <xxxxxx>, twice xxxxxx;"),
        (b'"userId":"U' + b"0a" * 16 + b'"', b'"userId":"' + b"x" * 33 + b'"'),
        (b"Local/6001@from-queue/n", b"Local/6001@from-queue/n"),
        (b"a @ b.co", b"a @ b.co"),
    ],
)
def test_an_address_or_a_line_user_is_blanked_in_a_reject(raw, hidden):
    assert redact(raw) == hidden


@pytest.mark.parametrize("piece", [b"a", b"a@", b"a.", b"@a.a", b"0", b"- 1", b"0) "])
def test_blanking_takes_no_longer_the_worse_a_reject_is_written(piece):
    began = time.thread_time()
    redact(piece * (300_000 // len(piece)))
    assert time.thread_time() - began < 2


def test_an_entry_from_a_test_number_of_its_site_is_marked_however_it_is_written(tmp_path):
    tokens = Pseudonyms(tmp_path / "keys.json", NOW_US, {"bkk": ("02 123 4567", "")})

    def protected(person, site="bkk", type_="call.entered"):
        batch = Decoded([Event(site, "pbx", "", type_, NOW_US, "q", "1.1", person=person)])
        tokens.protect(batch)
        return batch.events[0]

    assert [protected(number).b for number in ("+6621234567", "021234567")] == [TEST, TEST]
    assert protected("021234567").caller != 0
    assert [protected(number).b for number in ("0812345678", "anonymous", "")] == [MISSING] * 3
    assert (protected("021234567", site="phuket").b, protected("021234567", type_="call.outbound").b) == (
        MISSING,
        MISSING,
    )
