"""Reads a pack that is one zip file, in its one form: every byte of the file is either checked or signed.

The members stand one behind another in the order of their names, without times or anything beside; then the directory says
the same of each again; then the end, whose comment is the signature over all of that. A zip can be written in many ways
that unpack alike, and in some that unpack differently here and there: all but this one are refused.
"""

from __future__ import annotations

import re
import struct
import zlib

LOCAL, DIRECTORY, END = "<4s5H3L2H", "<4s2B5H3L5H2L", "<4s4H2LH"
VERSION, UNIX, DAY, MODE = 20, 3, 0x21, 0o644 << 16  # the first day that a zip can tell of, 1980-01-01
STORED, DEFLATED = 0, 8
AS_IT_IS = (".parquet", ".pdf", ".xlsx", ".png")  # what is packed already
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
MOST = 2**32


def need(fine: object, otherwise: str) -> None:
    if not fine:
        raise ValueError(otherwise)


def members(data: bytes) -> tuple[dict[str, bytes], bytes, bytes]:
    """Name → content, the bytes that are signed, and the signature. Nothing is unpacked, so no name can lead anywhere."""
    files, directory, at, before, room = dict[str, bytes](), b"", 0, "", MOST
    while data[at : at + 4] == b"PK\3\4":
        need(len(data) >= at + 30, "cut off")
        _, _, _, _, _, _, crc, packed, size, length, _ = struct.unpack_from(LOCAL, data, at)
        begin = at + 30 + length
        raw, name = data[at + 30 : begin], data[at + 30 : begin].decode("ascii")
        need(NAME.fullmatch(name), f"{name!r}: not the name of a file of a pack")
        need(before < name, f"{name}: stands twice, or not in the order of names")
        method = STORED if name.endswith(AS_IT_IS) else DEFLATED
        about = (0, method, 0, DAY, crc, packed, size, length, 0)
        need(data[at : at + 30] == struct.pack(LOCAL, b"PK\3\4", VERSION, *about), f"{name}: not in the form of a pack")
        room -= size
        need(room > 0, "larger than 4 GiB")
        content = unpacked(data[begin : begin + packed], method, size)
        need(content is not None and zlib.crc32(content) == crc, f"{name}: damaged")
        files[name] = content or b""
        directory += struct.pack(DIRECTORY, b"PK\1\2", VERSION, UNIX, VERSION, *about, 0, 0, 0, MODE, at) + raw
        at, before = begin + packed, name
    need(files, "not the zip of a pack")
    comment = data[at + len(directory) + 22 :]
    end = struct.pack(END, b"PK\5\6", 0, 0, len(files), len(files), len(directory), at, len(comment) % 2**16)
    need(data[at:] == directory + end + comment, "its directory is not in the form of a pack")
    top = next(iter(files)).split("/")[0] + "/"
    need(all(name.startswith(top) for name in files), "a file beside the folder of the pack")
    return {name[len(top) :]: files[name] for name in files}, data[: at + len(directory)], comment


def unpacked(packed: bytes, method: int, size: int) -> bytes | None:
    """The content; None where that is not all of it, or something is left over."""
    if method == STORED:
        return packed if len(packed) == size else None
    stream = zlib.decompressobj(-15)
    try:
        content = stream.decompress(packed, size + 1)
    except zlib.error:
        return None
    return content if stream.eof and len(content) == size and not stream.unused_data else None
