"""Text for typst: Thai cut into words, so that a line ends between two of them and never begins with a space.

A text goes over as one string with `CUT` between the pieces that may not be broken; the template puts each into a box.
"""

from __future__ import annotations

import os
import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from telemetry.evidence.fonts import printable
from telemetry.text import words

if TYPE_CHECKING:
    from pythainlp.util import Trie

CUT: Final = "\x1f"
HARD: Final = "\u00a0"
OWN_WORDS: Final = (
    *("แฮช", "ปิดผนึก", "พิกเซล", "ศูนย์ราชการสะดวก", "บัตรคิว", "ช่องบริการ", "ตัวชี้วัด", "สายหลุด", "ค่าเป้าหมาย"),
    *("ความเชื่อมั่น", "ทุกข้อ", "ขั้นพื้นฐาน", "ขั้นสูง", "จุดเดียว", "ไม่น้อยกว่า", "ไม่เกิน", "ไม่ผ่าน", "ครบถ้วน", "ดำเนินงาน"),
    *("เปอร์เซ็นไทล์", "มัธยฐาน", "ข้อร้องเรียน", "ปีงบประมาณ", "ฉบับชั่วคราว", "คอลเซ็นเตอร์", "ไตรมาส", "มิลลิวินาที"),
)
"""Terms of ours that the dictionary does not have, or cuts."""
_THAI: Final = re.compile("[\u0e01-\u0e5b]")
_MONTHS: Final = "|".join(
    (*words("th", "evidence")["months"].split("|"), *words("th", "evidence")["months_short"].split("|"))
)
_JOINED: Final = re.compile(
    rf"(?<=ร้อยละ) (?=[0-9๐-๙])|(?<=พ\.ศ\.) (?=[0-9๐-๙])|(?<=ที่) (?=[0-9๐-๙])|(?<= ณ) |(?<=ปีงบประมาณ) (?=พ)"
    rf"|(?<=[0-9๐-๙]) (?=(?:{_MONTHS.replace('.', '[.]')}|น\.|วินาที|นาที|ชั่วโมง|วัน|ครั้ง|คน|สาย|เรื่อง)(?![ก-ฮ]))"
    rf"|(?<=[.มยน]) (?=[0-9๐-๙]{{4}}(?![0-9๐-๙]))"
)
_JOINED_EN: Final = re.compile(rf"(?<=[0-9]) (?=(?:{words('en', 'evidence')['months']}|min|s|h)\b)")
"""Spaces at which no line ends: within ร้อยละ 5, 20 พฤศจิกายน 2568, 3 นาที."""
_RUNS: Final = re.compile(r"[ ]+|[^ ]+")
_WHOLE: Final = re.compile(f"({HARD}|(?<![\u0e01-\u0e4e])(?:[\u0e01-\u0e4e]{{1,4}}[.]){{2,}})")
"""What the dictionary must not cut: joining spaces, and abbreviations such as พ.ย. or พ.ศ."""
_NO_START: Final = re.compile(r"[)\]}”’»,.;:!?%ๆฯ…]+$")
_NO_END: Final = re.compile(r"[(\[{“‘«]+$")


def cut(text: str) -> str:
    """A text as typst gets it: in Thai with `CUT` between words, otherwise as it is; without signs that no font of ours has."""
    text = printable(text)
    if not _THAI.search(text):
        return _JOINED_EN.sub(HARD, text)
    return CUT.join(_pieces(text))


@lru_cache(maxsize=8192)
def _pieces(text: str) -> tuple[str, ...]:
    out: list[str] = []
    for run in _RUNS.findall(_JOINED.sub(HARD, text)):
        if run.isspace():
            out.append(" ")
        elif _THAI.search(run):
            out += _kept_together(_words(run))
        else:
            out.append(run)
    return tuple(piece.replace(HARD, " ") for piece in out)


def _words(run: str) -> list[str]:
    from pythainlp.tokenize.newmm import segment  # noqa: PLC0415  a second of dictionary, for Thai only

    out: list[str] = []
    for part in _WHOLE.split(run):
        out += [part] if _WHOLE.fullmatch(part) else segment(part, custom_dict=_dictionary()) if part else []
    return out


def _kept_together(pieces: list[str]) -> list[str]:
    """Closing signs stay with the word before, opening ones with the word after."""
    out: list[str] = []
    glue = False
    for piece in pieces:
        if out and (glue or _NO_START.match(piece) or piece.startswith(HARD)):
            out[-1] += piece
        else:
            out.append(piece)
        glue = bool(_NO_END.search(piece)) or piece.endswith(HARD)
    return out


@cache
def _dictionary() -> Trie:
    os.environ.setdefault("PYTHAINLP_READ_ONLY", "1")  # it would make a folder in the home of whoever runs this
    from pythainlp.corpus import thai_words  # noqa: PLC0415
    from pythainlp.util import dict_trie  # noqa: PLC0415

    return dict_trie({*thai_words(), *OWN_WORDS})
