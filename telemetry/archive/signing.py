"""Ed25519 signatures in the form of minisign, so that `minisign -V` checks them without us.

The key is made at the first seal, in a file of mode 0600 beside its public half. Whoever holds it could sign another
history: that is why checkpoints are also mailed, printed or time-stamped (see the notes on sealing).
"""

from __future__ import annotations

import base64
import os
from hashlib import blake2b
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KEY_FILE, PUBLIC_FILE = "signing.key", "minisign.pub"
_KEY_ID = 8


class SigningError(Exception):
    """A key or a signature cannot be read or does not fit; the text says which file and why."""


class Signer:
    """The key of one archive."""

    def __init__(self, folder: Path) -> None:
        """Take the key of this folder; make one where there is none yet."""
        path = folder / KEY_FILE
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _write_private(path, Ed25519PrivateKey.generate().private_bytes_raw().hex().encode() + b"\n")
        try:
            self._key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text(encoding="ascii").strip()))
        except ValueError as problem:
            raise SigningError(f"{path}: not a signing key of 32 bytes in hex: {problem}") from problem
        self.secret = self._key.private_bytes_raw()
        """What other keys of the archive are made from."""
        self.public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = blake2b(self.public, digest_size=_KEY_ID).digest()
        public = folder / PUBLIC_FILE
        if not public.exists():
            public.write_bytes(public_text(self.public, self.key_id))

    def sign(self, message: bytes, comment: str) -> bytes:
        """The .minisig file for a message; the comment is signed with it."""
        return self.sign_hash(blake2b(message).digest(), comment)

    def sign_hash(self, message_blake2b: bytes, comment: str) -> bytes:
        """The same of a message that is too large to be held."""
        signature = self._key.sign(message_blake2b)
        both = self._key.sign(signature + comment.encode())
        packed = base64.b64encode(b"ED" + self.key_id + signature)
        return b"untrusted comment: signature of gecc-telemetry\n%s\n" % packed + b"trusted comment: %s\n%s\n" % (
            comment.encode(),
            base64.b64encode(both),
        )


def public_text(public: bytes, key_id: bytes) -> bytes:
    """A public key as minisign writes it."""
    packed = base64.b64encode(b"Ed" + key_id + public)
    return b"untrusted comment: minisign public key %s\n%s\n" % (key_id[::-1].hex().upper().encode(), packed)


def read_public(text: bytes) -> tuple[bytes, bytes]:
    """(key, its id) of a public key file; SigningError when it is none."""
    try:
        packed = base64.b64decode(text.splitlines()[1], validate=True)
    except (IndexError, ValueError) as problem:
        raise SigningError(f"not a minisign public key: {problem}") from problem
    if len(packed) != 2 + _KEY_ID + 32 or packed[:2] != b"Ed":
        raise SigningError("not a minisign public key: wrong length or kind")
    return packed[10:], packed[2:10]


def check(message: bytes, signature: bytes, public: tuple[bytes, bytes]) -> str:
    """The trusted comment of a good signature; SigningError says what is wrong with any other."""
    key, key_id = public
    try:
        _, packed, comment, both = signature.splitlines()
        raw, over_comment = base64.b64decode(packed, validate=True), base64.b64decode(both, validate=True)
        trusted = comment.removeprefix(b"trusted comment: ")
        one_form = base64.b64encode(raw) == packed and base64.b64encode(over_comment) == both
        if (
            raw[:2] != b"ED"
            or len(raw) != 2 + _KEY_ID + 64
            or trusted == comment
            or not one_form
            or signature[-1:] != b"\n"
        ):
            raise ValueError("wrong form")  # noqa: TRY301
        trusted.decode()
    except ValueError as problem:
        raise SigningError(f"not a minisign signature: {problem}") from problem
    if raw[2:10] != key_id:
        raise SigningError("signed with another key")
    verifier = Ed25519PublicKey.from_public_bytes(key)
    try:
        verifier.verify(raw[10:], blake2b(message).digest())
        verifier.verify(over_comment, raw[10:] + trusted)
    except InvalidSignature as problem:
        raise SigningError("the signature does not fit") from problem
    return trusted.decode()


def _write_private(path: Path, data: bytes) -> None:
    """Whole or not at all, and never readable by others, not even while it is written."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)  # what a run before left half written
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
