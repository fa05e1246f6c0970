"""Digits, times of day and words out of bytes, eight at a time: many of them at once, in NumPy."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
U8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]

WORD = 16
"""Bytes of a word that is looked up."""
_TRIES, _SLOTS, _TO_SLOT, _SPREAD = 1000, 4096, np.uint64(64 - 12), np.uint64(0x9E3779B97F4A7C15)


def word_of(text: bytes) -> np.uint64:
    """Up to eight bytes as they stand in a word."""
    return np.uint64(int.from_bytes(text, "little"))


ZEROS = word_of(b"00000000")
_BYTE, _TEN = np.uint64(0xFF), np.uint64(10)
_COLONS, _AT_COLONS = word_of(b"\0\0:\0\0:\0\0"), word_of(b"\0\0\xff\0\0\xff\0\0")
_CLOCK_ZEROS = word_of(b"00\x0000\x0000")
_CLOCK_UPPER = word_of(b"\xf0\xf0\0\xf0\xf0\0\xf0\xf0")
_CLOCK_SIX = word_of(b"\x06\x06\0\x06\x06\0\x06\x06")
_UPPER, _SIX = np.uint64(0xF0F0F0F0F0F0F0F0), np.uint64(0x0606060606060606)
_TWO_BYTES = np.uint64(0xFFFF)
_HUNDRED = np.full(1 << 16, -1)
_HUNDRED[[0x3030 + tens + (ones << 8) for tens in range(10) for ones in range(10)]] = range(100)
"""The number that two bytes spell, the first the lower; -1 where they are no digits."""
FIRST = np.array([(1 << 8 * min(n, 8)) - 1 for n in range(WORD + 2)], np.uint64)
SECOND = np.array([(1 << 8 * min(max(n - 8, 0), 8)) - 1 for n in range(WORD + 2)], np.uint64)
LAST = np.array([((1 << 64) - 1) ^ ((1 << 8 * (8 - n)) - 1) for n in range(9)], np.uint64)
"""Masks of the bytes of a word of so many in its first eight and its second, and of the last 0 to 8 of eight."""


class Words:
    """Words of up to 16 bytes, each with a number, to be looked up many at a time."""

    def __init__(self, words: Iterable[str | bytes]) -> None:
        """The numbers are the places in `words`; longer ones are not found."""
        names = [word.encode() if isinstance(word, str) else word for word in words]
        short = {name.ljust(WORD, b"\0"): n for n, name in enumerate(names) if len(name) <= WORD}
        table = np.frombuffer(b"".join(short), np.uint64).reshape(len(short), -1)
        # A factor by which no two words fall into one slot; of very many, some may: the last of them is found.
        for self._factor in np.random.default_rng(len(short)).integers(1, 1 << 63, _TRIES, np.uint64) | np.uint64(1):
            slots = self._slot(*table.T).tolist()
            if len(set(slots)) == len(short):
                break
        self._names = np.full((2, _SLOTS), np.uint64((1 << 64) - 1))
        self._numbers = np.full(_SLOTS, -1)
        for slot, words_of_name, number in zip(slots, table, short.values(), strict=True):
            self._names[:, slot], self._numbers[slot] = words_of_name, number

    def _slot(self, first: U64, second: U64) -> I64:
        slot: I64 = (((first ^ (second * _SPREAD)) * self._factor) >> _TO_SLOT).view(np.int64)
        return slot

    def find(self, eight: U64, begin: I64, length: I64) -> I64:
        """The numbers of the words that begin there, of so many bytes (more than 16 are 17); -1 for others."""
        first, second = eight[begin] & FIRST[length], eight[begin + 8] & SECOND[length]
        slot = self._slot(first, second)
        same = (self._names[0][slot] == first) & (self._names[1][slot] == second) & (length <= WORD)
        return np.where(same, self._numbers[slot], -1)


def clock_seconds(word: U64) -> tuple[I64, Bool]:
    """The seconds that `hh:mm:ss` in eight bytes spell; and whether they are a time of day."""
    digits = word & ~_AT_COLONS
    good = ((word & _AT_COLONS) == _COLONS) & ((digits & _CLOCK_UPPER) == _CLOCK_ZEROS)
    good &= ((digits + _CLOCK_SIX) & _CLOCK_UPPER) == _CLOCK_ZEROS
    w = digits - _CLOCK_ZEROS
    w = w * _TEN + (w >> np.uint64(8))
    hours, minutes, seconds = w & _BYTE, (w >> np.uint64(24)) & _BYTE, (w >> np.uint64(48)) & _BYTE
    good &= (hours < 24) & (minutes < 60) & (seconds < 60)
    return (hours * np.uint64(3600) + minutes * np.uint64(60) + seconds).view(np.int64), good


def eight_digits(word: U64) -> tuple[I64, Bool]:
    """The number that eight bytes spell, the first byte the lowest of the word; and whether all are digits."""
    good = ((word & _UPPER) == ZEROS) & (((word + _SIX) & _UPPER) == ZEROS)
    w = word - ZEROS
    w = w * _TEN + (w >> np.uint64(8))  # pairs, in every second byte
    pairs = w & np.uint64(0x000000FF000000FF)
    others = (w >> np.uint64(16)) & np.uint64(0x000000FF000000FF)
    value = pairs * np.uint64(0x000F424000000064) + others * np.uint64(0x0000271000000001)
    return (value >> np.uint64(32)).view(np.int64), good


def ten_digits(eight: U64, begin: I64) -> tuple[I64, Bool]:
    """The numbers that the ten bytes from there spell; and whether all are digits."""
    low, good = eight_digits(eight[begin + 2])
    high = _HUNDRED.take((eight[begin] & _TWO_BYTES).view(np.int64))
    good &= high >= 0
    return high * 100_000_000 + low, good
