"""Signatures: minisign itself accepts ours, and nothing that was changed passes."""

from __future__ import annotations

import stat
import subprocess

import pytest

from telemetry.archive.signing import KEY_FILE, PUBLIC_FILE, Signer, SigningError, check, public_text, read_public
from tests.servers import need

TEXT, COMMENT = b"gecc-checkpoint 1\nsite lab\n", "site=lab day=2026-11-21 amendment=0"


@pytest.fixture
def signer(tmp_path):
    return Signer(tmp_path)


def test_minisign_itself_accepts_a_signature_and_refuses_another_text(tmp_path, signer):
    minisign = need("minisign")
    (tmp_path / "c.txt").write_bytes(TEXT)
    (tmp_path / "c.txt.minisig").write_bytes(signer.sign(TEXT, COMMENT))
    command = [minisign, "-V", "-p", tmp_path / PUBLIC_FILE, "-m", tmp_path / "c.txt"]
    said = subprocess.run(command, capture_output=True, text=True)
    assert said.returncode == 0
    assert COMMENT in said.stdout
    (tmp_path / "c.txt").write_bytes(TEXT + b"x")
    assert subprocess.run(command, capture_output=True).returncode != 0


def test_we_accept_what_minisign_signs(tmp_path):
    minisign = need("minisign")
    (tmp_path / "c.txt").write_bytes(TEXT)
    subprocess.run([minisign, "-G", "-W", "-p", "p.pub", "-s", "s.key"], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run([minisign, "-S", "-s", "s.key", "-m", "c.txt", "-t", COMMENT], cwd=tmp_path, check=True, capture_output=True)  # fmt: skip
    public = read_public((tmp_path / "p.pub").read_bytes())
    assert check(TEXT, (tmp_path / "c.txt.minisig").read_bytes(), public) == COMMENT


def test_the_key_is_made_once_and_is_nobody_elses(tmp_path, signer):
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    again = Signer(tmp_path)
    assert again.public == signer.public
    assert again.sign(TEXT, COMMENT) == signer.sign(TEXT, COMMENT)


def test_every_changed_byte_of_a_signature_is_found(signer):
    public, good = (signer.public, signer.key_id), signer.sign(TEXT, COMMENT)
    assert check(TEXT, good, public) == COMMENT
    first_line = good.index(b"\n")  # an untrusted comment is nothing that anybody relies on
    for i in range(first_line + 1, len(good) - 1):
        changed = good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :]
        with pytest.raises(SigningError):
            check(TEXT, changed, public)


def test_another_text_comment_or_key_is_found(tmp_path, signer):
    public = signer.public, signer.key_id
    with pytest.raises(SigningError, match="does not fit"):
        check(TEXT + b" ", signer.sign(TEXT, COMMENT), public)
    with pytest.raises(SigningError, match="does not fit"):
        check(TEXT, signer.sign(TEXT, COMMENT).replace(b"amendment=0", b"amendment=1"), public)
    other = Signer(tmp_path / "other")
    with pytest.raises(SigningError, match="another key"):
        check(TEXT, other.sign(TEXT, COMMENT), public)
    with pytest.raises(SigningError, match="does not fit"):
        check(TEXT, other.sign(TEXT, COMMENT), (signer.public, other.key_id))


@pytest.mark.parametrize("text", [b"", b"untrusted comment: x\n", b"x\n!!!!\n", public_text(b"short", b"12345678")])
def test_what_is_no_public_key_is_said_to_be_none(text):
    with pytest.raises(SigningError, match="not a minisign public key"):
        read_public(text)


def test_a_damaged_key_is_named_and_never_replaced(tmp_path, signer):
    (tmp_path / KEY_FILE).write_text("garbage\n")
    with pytest.raises(SigningError, match=r"signing\.key"):
        Signer(tmp_path)
    assert (tmp_path / KEY_FILE).read_text() == "garbage\n"
