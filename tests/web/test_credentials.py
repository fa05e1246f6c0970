"""Tokens, rates and signatures: what opens the door, and what does not."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.__main__ import main
from telemetry.config import ConfigError, load
from telemetry.web.credentials import (
    CLOCK_S,
    Buckets,
    Refused,
    Signatures,
    Tokens,
    hashed,
    new_token,
    presented,
    read_key,
)

NOW = 1_795_000_000
KEY = b"0123456789abcdef0123456789abcdef"
NONCE = "0123456789abcdef"


class Clock:
    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_a_token_has_256_bits_and_is_never_the_same():
    assert len({new_token() for _ in range(100)}) == 100
    assert all(len(new_token()) == len("gecc_") + 43 for _ in range(10))


def test_a_token_opens_what_its_hash_stands_for():
    token, other = new_token(), new_token()
    tokens = Tokens([(hashed(token), "crm"), (hashed(other).upper(), "erp")])
    assert (tokens.owner(token), tokens.owner(other), tokens.owner(new_token())) == ("crm", "erp", None)
    assert tokens.owner("") is None
    assert tokens.owner(hashed(token)) is None, "who reads the configuration has no token"


def test_no_token_opens_where_there_is_none_and_an_empty_one_never():
    assert Tokens([]).owner("x") is None
    assert Tokens([(hashed(""), "crm")]).owner("") is None


def test_what_is_no_hash_and_a_token_of_two_sources_are_told():
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        Tokens([("secret", "crm")])
    with pytest.raises(ValueError, match="stands at two sources"):
        Tokens([("a" * 64, "crm"), ("a" * 64, "erp")])


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        (f"Basic {base64.b64encode(b'freeswitch:abc').decode()}", "abc"),
        (f"Basic {base64.b64encode(b':a:b').decode()}", "a:b"),
        ("Basic !!!", ""),
        (f"Basic {base64.b64encode(b'abc').decode()}", ""),
        ("abc", ""),
        ("", ""),
        ("Digest abc", ""),
    ],
)
def test_a_token_comes_as_bearer_or_as_the_password_of_basic(header, token):
    assert presented(header) == token


@given(st.text())
def test_whatever_stands_in_the_header_is_a_token_or_none(header):
    Tokens([("a" * 64, "crm")]).owner(presented(header))


def test_a_bucket_gives_its_burst_and_then_its_rate():
    clock = Clock()
    bucket = Buckets(rate=2.0, burst=3.0, most=10, clock=clock)
    assert [bucket.wait_s("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert bucket.wait_s("b") == 0, "each key has its own"
    clock.now += 0.5
    assert [bucket.wait_s("a"), bucket.wait_s("a")] == [0, 0.5]
    clock.now += 1000
    assert [bucket.wait_s("a") for _ in range(4)] == [0, 0, 0, 0.5]


def test_a_bucket_remembers_no_more_than_it_may():
    bucket = Buckets(rate=1.0, burst=1.0, most=100, clock=Clock())
    for n in range(10_000):
        bucket.wait_s(str(n))
    assert len(bucket._left) == 100


def signed(
    body: bytes = b"{}", *, at: float = NOW, nonce: str = NONCE, path: str = "/v1/events", key: bytes = KEY
) -> dict[str, str]:
    text = f"{at:.0f}.{nonce}.POST.{path}.".encode() + body
    signature = hmac.new(key, text, hashlib.sha256).hexdigest()
    return {"Gecc-Timestamp": f"{at:.0f}", "Gecc-Nonce": nonce, "Gecc-Signature": f"v1={signature}"}


def refusal(signatures: Signatures, headers: dict[str, str], body: bytes = b"{}") -> int:
    """The status that it is refused with, 0 when it is taken."""
    try:
        signatures.check(headers, "POST", "/v1/events", body)
    except Refused as refused:
        return refused.status
    return 0


def test_a_genuine_request_is_taken_once():
    signatures = Signatures(KEY, clock=Clock(NOW))
    assert [refusal(signatures, signed()), refusal(signatures, signed())] == [0, 409]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(key=KEY[::-1]),
        signed(path="/v1/pbx/freeswitch"),
        signed(b"{} "),
        signed() | {"Gecc-Timestamp": str(NOW + 1)},
        signed() | {"Gecc-Nonce": NONCE + "0"},
        signed() | {"Gecc-Signature": signed()["Gecc-Signature"].upper()},
        signed() | {"Gecc-Signature": signed()["Gecc-Signature"][3:]},
        signed(nonce="short"),
        signed(nonce="x" * 65),
        signed(nonce="not a nonce at all"),
        signed(at=NOW - CLOCK_S - 1),
        signed(at=NOW + CLOCK_S + 1),
        signed() | {"Gecc-Timestamp": f"{NOW}.0"},
        signed() | {"Gecc-Timestamp": "٣"},
    ],
)
def test_a_forged_changed_or_late_request_is_refused_and_its_nonce_not_used_up(headers):
    signatures = Signatures(KEY, clock=Clock(NOW))
    assert refusal(signatures, headers) == 401
    assert refusal(signatures, signed()) == 0


def test_the_time_may_be_five_minutes_off_either_way():
    signatures = Signatures(KEY, clock=Clock(NOW))
    assert refusal(signatures, signed(at=NOW - CLOCK_S, nonce="a" * 16)) == 0
    assert refusal(signatures, signed(at=NOW + CLOCK_S, nonce="b" * 16)) == 0


@given(st.integers(-CLOCK_S, CLOCK_S), st.integers(0, 3 * CLOCK_S))
def test_a_repeat_is_refused_for_as_long_as_its_time_would_be_good(ahead, later):
    clock = Clock(NOW)
    signatures = Signatures(KEY, clock=clock)
    once = signed(at=NOW + ahead)
    assert refusal(signatures, once) == 0
    clock.now += later
    assert refusal(signatures, once) in (409, 401)


def test_nonces_are_forgotten_when_their_time_is_over_and_never_before():
    clock = Clock(NOW)
    signatures = Signatures(KEY, clock=clock, most=3)
    assert [refusal(signatures, signed(nonce=c * 16)) for c in "abcd"] == [0, 0, 0, 429]
    clock.now += 2 * CLOCK_S + 1
    assert refusal(signatures, signed(nonce="d" * 16, at=clock.now)) == 0
    assert len(signatures._seen) == 1


def test_what_was_not_kept_may_come_again_as_it_was():
    signatures = Signatures(KEY, clock=Clock(NOW))
    nonce = signatures.check(signed(), "POST", "/v1/events", b"{}")
    signatures.give_back(nonce)
    assert refusal(signatures, signed()) == 0


def test_a_key_is_its_file_without_the_line_end_and_not_short():
    assert read_key(b"secret\r\n") == b"secret"
    with pytest.raises(ValueError, match="32 at least"):
        Signatures(b"short", clock=Clock())


def test_gecc_token_prints_a_token_and_the_hash_to_paste(capsys):
    assert main(["token"]) == 0
    said = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert said["token_sha256"] == hashed(said["token"])


def test_a_configuration_in_which_two_sources_share_a_token_is_refused(tmp_path):
    row = "[[sites.sources]]\nid = '{}'\nformat = 'cloudevents_http'\nhttp = true\ntoken_sha256 = ['{}']\n"
    file = tmp_path / "gecc.toml"
    file.write_text(
        "[[sites]]\nid = 'a'\n" + row.format("crm", "a" * 64) + row.format("erp", "a" * 64) + row.format("x", "A")
    )
    with pytest.raises(ConfigError) as wrong:
        load(file)
    told = "\n".join(map(str, wrong.value.problems))
    assert "sites[0].sources[1].token_sha256" in told and "also sites[0].sources[0]" in told
    assert "sites[0].sources[2].token_sha256" in told and "64 of 0-9 and a-f" in told


def test_a_key_that_is_too_short_is_told_with_its_source_before_anything_runs(tmp_path, caplog, capsys):
    (tmp_path / "hmac.key").write_text("short\n")
    file = tmp_path / "gecc.toml"
    file.write_text(
        "[[sites]]\nid = 'a'\n[[sites.sources]]\nid = 'crm'\nformat = 'cloudevents_http'\nhttp = true\n"
        f"hmac_key_file = 'hmac.key'\ntoken_sha256 = ['{'a' * 64}']\n"
    )
    assert main(["config", "check", str(file)]) == 2
    assert "a/crm: hmac_key_file: a key of 5 bytes, expected 32 at least" in caplog.text + capsys.readouterr().err
