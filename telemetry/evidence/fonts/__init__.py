"""The typeface of the documents: Laksaman, which comes with the product, so that the same data give the same bytes anywhere."""

from __future__ import annotations

import struct
from functools import cache
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Final

FAMILY: Final = "Laksaman"
FILES: Final = {
    "Laksaman.ttf": "209be675a45c2abc79405bbaa68b4def83738ba65f1449d4629a85cba1040a37",
    "Laksaman-Bold.ttf": "5c7a5a8e0e10db603db2257777a67fc94770241377a585eff898cf76c23c0c45",
}
"""Font files and their SHA-256."""
FOLDER: Final = Path(str(resources.files("telemetry.evidence.fonts")))
UNKNOWN: Final = "?"


class FontError(ValueError):
    """A font that the documents need is missing or is another one; the text names the file."""


def fonts_in(folder: Path | None = None) -> Path:
    """The folder of the fonts, after a look at each of them; FontError says which one cannot be used, and why."""
    where = FOLDER if folder is None else folder
    for name, digest in FILES.items():
        path = where / name
        try:
            found = sha256(path.read_bytes()).hexdigest()
        except OSError as problem:
            raise FontError(
                f"font {path}: {problem.strerror}; it comes with the product, install it again"
            ) from problem
        if found != digest:
            raise FontError(f"font {path}: not the one that comes with the product (SHA-256 {found[:16]}…)")
    return where


def printable(text: str) -> str:
    """A text without what the typeface cannot show: line ends and tabs become spaces, signs without a glyph `?`."""
    known = _glyphs()
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if ord(c) in known else " " if c.isspace() else UNKNOWN if c.isprintable() else "" for c in text)


@cache
def _glyphs() -> frozenset[int]:
    """The characters that the regular face has a glyph for, from its table `cmap` (format 4)."""
    data = (FOLDER / next(iter(FILES))).read_bytes()
    out: set[int] = set()
    for i in range(struct.unpack_from(">H", data, 4)[0]):
        tag, _, start, _ = struct.unpack_from(">4sIII", data, 12 + 16 * i)
        if tag != b"cmap":
            continue
        for j in range(struct.unpack_from(">H", data, start + 2)[0]):
            table = start + struct.unpack_from(">I", data, start + 8 + 8 * j)[0]
            if struct.unpack_from(">H", data, table)[0] == 4:
                out |= _format_4(data, table)
    return frozenset(out)


def _format_4(data: bytes, table: int) -> set[int]:
    segments = struct.unpack_from(">H", data, table + 6)[0] // 2
    last = struct.unpack_from(f">{segments}H", data, table + 14)
    first = struct.unpack_from(f">{segments}H", data, table + 16 + 2 * segments)
    return {code for a, b in zip(first, last, strict=True) for code in range(a, b + 1) if code != 0xFFFF}
