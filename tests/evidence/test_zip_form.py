"""The zip of a pack has one form: whatever byte of it is another, the checker refuses it."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib

import pytest

from telemetry.archive.signing import Signer
from telemetry.evidence.checker import verify, verify_zip
from tests.evidence.conftest import zipped

END = 22
REFUSED = (ValueError, KeyError, verify.Wrong)


@pytest.fixture(scope="module")
def good(packed):
    return packed.path.read_bytes()


@pytest.fixture
def opened(tmp_path):
    def read(data):
        (tmp_path / "x.zip").write_bytes(data)
        return verify.open_pack(tmp_path / "x.zip")

    return read


def test_the_true_one_is_read_as_every_unpacker_reads_it(packed, good, opened):
    with zipfile.ZipFile(io.BytesIO(good)) as z:
        assert z.testzip() is None
        assert opened(good) == {name.removeprefix("GECC/"): z.read(name) for name in z.namelist()}
    assert zipped(packed, packed.files) == good


def test_one_byte_changed_anywhere_in_the_file_is_refused(good, opened):
    """Ten thousand places, all of the headers, the directory, the end and its signature among them."""
    dice, places = random.Random(10_000), set(range(len(good) - 6000, len(good)))
    with zipfile.ZipFile(io.BytesIO(good)) as z:
        for info in z.infolist():
            places |= set(range(info.header_offset, info.header_offset + 30 + len(info.filename)))
    rest = sorted(set(range(len(good))) - places)
    places |= set(dice.sample(rest, min(len(rest), max(10_000 - len(places), 4000))))
    assert len(places) >= 10_000
    for at in places:
        changed = good[:at] + bytes([good[at] ^ dice.randrange(1, 256)]) + good[at + 1 :]
        with pytest.raises(REFUSED):
            opened(changed)


def test_packed_data_that_unpack_alike_are_refused(packed, good, opened):
    """What checksums cannot see: the same content, packed otherwise."""
    with zipfile.ZipFile(io.BytesIO(good)) as z:
        last = z.infolist()[-1]
    begin = last.header_offset + 30 + len(last.filename)
    end = begin + last.compress_size
    alike = 0
    for bit in range((end - begin) * 8):
        changed = bytearray(good)
        changed[begin + bit // 8] ^= 1 << bit % 8
        stream = zlib.decompressobj(-15)
        try:
            content = stream.decompress(bytes(changed[begin:end]))
        except zlib.error:
            continue
        same = content == packed.files[last.filename.removeprefix("GECC/")] and stream.eof and not stream.unused_data
        alike += same
        if same:
            with pytest.raises(REFUSED, match="the whole file"):
                opened(bytes(changed))
    assert alike, "no such change was found: the test shows nothing"


@pytest.mark.parametrize("cut", [0, 1, 22, 200, 5000])
def test_a_cut_or_longer_file_is_refused(good, opened, cut):
    for data in (
        good[: len(good) - cut - 1],
        good[cut + 1 :],
        good + bytes(cut + 1),
        bytes(cut + 1) + good,
        good[:cut],
    ):
        with pytest.raises(REFUSED):
            opened(data)


def test_what_is_no_pack_is_refused(opened):
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    for data in (b"", b"not a zip", empty.getvalue()):
        with pytest.raises(REFUSED):
            opened(data)
    lines = []
    assert not verify.verify({}, [], lines.append)


def other(packed, write):
    """A zip of the same files as somebody else writes it, and the true key signs it all the same."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        write(z, [(f"GECC/{name}", content) for name, content in sorted(packed.files.items())])
    return signed_again(packed, out.getvalue()[:-END], out.getvalue()[-END:])


def signed_again(packed, data, end):
    signature = Signer(packed.room.store.folder).sign(data, packed.data.comment)
    return data + end[:-2] + len(signature).to_bytes(2, "little") + signature


def plain(name):
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.create_system, info.external_attr = 3, 0o644 << 16
    info.compress_type = zipfile.ZIP_STORED if name.endswith(verify_zip.AS_IT_IS) else zipfile.ZIP_DEFLATED
    return info


def written(**about):
    def write(z, files):
        for name, content in files:
            info = plain(name)
            for key, value in about.items():
                setattr(info, key, value)
            z.writestr(info, content)

    return write


def in_order(order, more=()):
    def write(z, files):
        for name, content in [*order(files), *more]:
            z.writestr(plain(name), content)

    return write


FORMS = {
    "other times": written(date_time=(2026, 3, 2, 9, 0, 0)),
    "other attributes": written(external_attr=0o755 << 16),
    "another system": written(create_system=0),
    "extra fields": written(extra=struct.pack("<HHI", 0x4141, 4, 7)),
    "comments of files": written(comment=b"read me"),
    "all stored": written(compress_type=zipfile.ZIP_STORED),
    "another order": in_order(lambda files: files[::-1]),
    "another top folder for one": in_order(lambda files: files[:-1], [("OTHER/verify_zip.py", b"")]),
    "a file that leads elsewhere": in_order(lambda files: files, [("GECC/x/../../evil", b"")]),
    "a folder as a file": in_order(lambda files: files, [("GECC/x/", b"")]),
}


def test_that_other_form_is_what_makes_the_difference(packed, good):
    assert other(packed, in_order(lambda files: files)) == good


@pytest.mark.parametrize("form", FORMS)
def test_another_form_is_refused_even_under_the_true_key(packed, opened, form):
    with pytest.raises(REFUSED, match=r"form|order|folder|not the name"):
        opened(other(packed, FORMS[form]))


def test_a_name_twice_is_refused(packed, opened):
    with pytest.warns(UserWarning, match="Duplicate"):
        data = other(packed, in_order(lambda files: [files[0], *files]))
    with pytest.raises(REFUSED, match="twice"):
        opened(data)


def test_a_member_that_the_directory_does_not_list_is_refused(packed, good, opened):
    """A part between the members and the directory, which some programs read and others do not."""
    at = struct.unpack_from("<L", good, good.rindex(b"PK\5\6") + 16)[0]
    end = good[good.rindex(b"PK\5\6") :][:END]
    name, content = b"GECC/zzz.txt", b"nobody sees me"
    hidden = struct.pack(
        "<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 0x21, zlib.crc32(content), len(content), len(content), len(name), 0
    )
    for between in (hidden + name + content, b"\0" * 8, b"PK\3\4"):
        moved = end[:16] + (at + len(between)).to_bytes(4, "little") + end[20:]
        data = good[:at] + between + good[at : good.rindex(b"PK\5\6")]
        with pytest.raises(REFUSED):
            opened(signed_again(packed, data, moved))


def test_a_member_that_is_called_otherwise_in_the_directory_is_refused(packed, good, opened):
    name = b"GECC/manifest.json.minisig"
    at = good.rindex(name)
    data = good[: at + len(name) - 1] + b"x" + good[at + len(name) : good.rindex(b"PK\5\6")]
    with pytest.raises(REFUSED, match="directory"):
        opened(signed_again(packed, data, good[good.rindex(b"PK\5\6") :][:END]))


def test_a_zip_that_nobody_signed_as_a_whole_is_refused(packed, good, opened, tmp_path):
    at = good.rindex(b"PK\5\6") + END
    for data in (good[: at - 2] + b"\0\0", zipped(packed, packed.files, Signer(tmp_path))):
        with pytest.raises(REFUSED, match="the whole file"):
            opened(data)


def test_a_bomb_is_refused_before_it_is_unpacked():
    data = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = data.compress(bytes(50_000_000)) + data.flush()
    assert verify_zip.unpacked(packed, verify_zip.DEFLATED, 1000) is None
