"""The manager interface of Asterisk as a stream: blocks of `Key: Value` lines, and what time it is in them.

A block has a time of its own only with `timestampevents = yes` in manager.conf. Without it there are two clocks:

- live: the time at which the block was received;
- a log: the newest time that the stream itself has told. It is told by the number of a channel that begins (seconds),
  by security events (milliseconds), by RTCP reports and by channel events (their wall clock is set by the numbers of the
  channels that they tell of, so that no time zone need be known). An event is at most as much too early as the stream
  was silent before it, and 1 s.

Which of the two it is, the first such time decides: a stream is live when that is within 5 minutes of its reception.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from collectors.formats.reading import MAX_LINE, Unreadable, malformed, shown, text_of

LIVE_US = 5 * 60 * 1_000_000
_OLD_S = 4 * 3600
_YEARS_US = (946_684_800_000_000, 4_102_444_800_000_000)  # 2000-01-01 and 2100-01-01
_NO_TELEPHONE_S = 1_000_000_000
"""September 2001: ten digits from here to 2100 are nobody's telephone number, which begins with 0 or 66."""
_ZONE_STEP_S = 900
_BANNER = b"Asterisk Call Manager/"


class Blocks:
    """Cuts lines into blocks, wherever the lines are divided."""

    def __init__(self) -> None:
        self.held = b""
        """The lines of a block that has not ended."""
        self.odd = False
        """Whether the blocks given last may hold NUL bytes or a banner, or one is too long: looked for in all at once,
        as it is rare."""

    def add(self, lines: list[bytes]) -> list[bytes]:
        """The blocks that end with these lines, each without the empty line that ends it."""
        if not lines:
            return []
        text = (b"\n".join(lines) + b"\n").replace(b"\r\n", b"\n")
        text = self.held + text
        *blocks, held = text.split(b"\n\n")
        self.odd = b"\0" in text or _BANNER in text or max(map(len, blocks), default=0) > MAX_LINE
        if len(held) > MAX_LINE + 1:  # too long already: only that must be remembered
            held = held[:MAX_LINE].rstrip(b"\n").ljust(MAX_LINE + 1, b"~") + b"\n"
        self.held = held
        return blocks


def sound(block: bytes) -> bytes:
    """The block without empty lines and a banner before it, if it may be read at all."""
    if len(block) > MAX_LINE:
        raise Unreadable("line_too_long", f"block is longer than {MAX_LINE} bytes")
    if b"\0" in block:
        raise Unreadable("malformed_line", "block holds NUL bytes, as after a loss of power")
    at = block.find(_BANNER)
    if at < 0 or (at and block[at - 1] != 10):
        return block.lstrip(b"\n")
    if at and block[:at].strip(b"\n"):
        raise Unreadable("malformed_line", f"{shown(block[:at])}: cut off by a new connection")
    version, _, rest = block[at + len(_BANNER) :].partition(b"\n")
    if version[:2] in (b"0.", b"1."):
        raise Unreadable("wrong_format", f"Manager {shown(version)}: Asterisk 11 and older, expected 12 or newer")
    return rest


def fields(block: bytes) -> dict[str, str]:
    """Key → value of every line."""
    again = block.find(b"\nEvent:")
    if again >= 0:
        number = block.count(b"\n", 0, again) + 2
        raise malformed(f"line {number}", block[again + 1 :].split(b"\n", 1)[0], "one event in a block")
    try:
        lines = block.decode().split("\n")
    except UnicodeDecodeError:
        lines = [text_of(line, f"line {n}") for n, line in enumerate(block.split(b"\n"), 1)]
    try:
        return dict([line.split(": ", 1) for line in lines])  # a comprehension in C: the most of the time goes here
    except ValueError:
        return _slowly(lines)


def _slowly(lines: list[str]) -> dict[str, str]:
    out: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        key, colon, value = line.partition(":")
        if not colon:
            raise malformed(f"line {number}", line, "Key: Value")
        out[key] = value.strip()
    return out


def epoch_of(channel: str) -> int:
    """When a channel began, by its id: `1795254206.26`, or `pbx-1795254206.26` with a system name; 0 where it is none."""
    seconds = channel.rpartition("-")[2].partition(".")[0]
    epoch = int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) == 10 else 0
    return epoch if _NO_TELEPHONE_S <= epoch < _YEARS_US[1] // 1_000_000 else 0


class StreamClock:
    """What time it is in a stream. Equal times are told apart by a microsecond each, in the order asked for."""

    def __init__(self) -> None:
        self.live: bool | None = None
        self._newest_us = 0
        self._wall_s: int | None = None
        self._wall = ""  # the last one read, as most are equal to the one before
        self._last_us, self._after = 0, 0

    def dump(self) -> list[Any]:
        return [self.live, self._newest_us, self._wall_s, self._last_us, self._after]

    def load(self, state: list[Any]) -> None:
        self.live, self._newest_us, self._wall_s, self._last_us, self._after = state

    @property
    def told(self) -> bool:
        """Whether the stream has told a time."""
        return self.live is not None

    def now(self, block: dict[str, str], received_us: int, at_least_us: int = 0) -> int:
        """The time of a block; `bad_time` where that cannot be said. A log takes up what durations say of it."""
        stamp = block.get("Timestamp", "")
        if stamp:
            now_us = _micros(stamp)
            if not now_us:
                raise malformed("Timestamp", stamp, "seconds since 1970")
            self._heard(now_us, received_us)
        elif self.live is None:
            now_us = self._undecided(block, received_us)
        elif self.live:
            now_us = received_us
        else:
            if at_least_us <= self._newest_us + _OLD_S * 1_000_000:
                self._heard(at_least_us, received_us)
            now_us = self._newest_us
        self._after = self._after + 1 if now_us == self._last_us else 0
        self._last_us = now_us
        return now_us + self._after

    def hear(self, name: bytes, block: bytes, received_us: int) -> None:
        """Take up the time that a block tells beside its own."""
        if name == b"Newchannel":
            self._heard(epoch_of(value_of(block, b"Uniqueid")) * 1_000_000, received_us)
        elif name == b"CEL":
            self._hear_cel(block, received_us)
        elif stamp := value_of(block, b"EventTV"):
            self._heard(_date(stamp), received_us)
        elif stamp := value_of(block, b"SentNTP"):
            self._heard(_micros(stamp), received_us)

    def _hear_cel(self, block: bytes, received_us: int) -> None:
        stamp = value_of(block, b"EventTime")
        begins = b"\nEventName: CHAN_START\n" in block
        if stamp == self._wall and not begins:
            return
        self._wall = stamp
        if exact := _micros(stamp):
            self._heard(exact, received_us)
            return
        wall_us = _date(stamp + "+0000")
        if not wall_us:
            return
        if begins:
            began = epoch_of(value_of(block, b"UniqueID"))
            ahead = wall_us // 1_000_000 - began
            zone = round(ahead / _ZONE_STEP_S) * _ZONE_STEP_S
            self._wall_s = zone if began and abs(ahead - zone) <= 2 else None
        if self._wall_s is not None:
            self._heard(wall_us - self._wall_s * 1_000_000, received_us)

    def _heard(self, us: int, received_us: int) -> None:
        if not _YEARS_US[0] <= us < _YEARS_US[1] or (received_us and us > received_us + LIVE_US):
            return
        if self.live is None:
            self.live = bool(received_us) and abs(received_us - us) <= LIVE_US
        self._newest_us = max(self._newest_us, us)

    @staticmethod
    def _undecided(block: dict[str, str], received_us: int) -> int:
        """Before any time was told: of a log nothing can be dated, and a live stream tells of things of today."""
        since = max(epoch_of(block.get(key, "")) for key in ("Uniqueid", "LoginTime", "LastCall", "LastPause"))
        if not received_us or (since and received_us - since * 1_000_000 > _OLD_S * 1_000_000):
            raise Unreadable(
                "bad_time", "no time was told yet, expected Timestamp (timestampevents = yes in manager.conf)"
            )
        return received_us


def value_of(block: bytes, key: bytes) -> str:
    """One value of a block that is not read as a whole."""
    at = block.find(b"\n" + key + b": ")
    if at < 0:
        return ""
    at += len(key) + 3
    end = block.find(b"\n", at)
    return block[at : end if end >= 0 else len(block)].decode("latin-1")


def _micros(text: str) -> int:
    """`1795254206.204457` as microseconds; 0 where it is not that, or not of these years."""
    seconds, _, part = text.partition(".")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) == 10):
        return 0
    if part and not (part.isascii() and part.isdigit()):
        return 0
    us = int(seconds) * 1_000_000 + int(part[:6].ljust(6, "0"))
    return us if _YEARS_US[0] <= us < _YEARS_US[1] else 0


def _date(text: str) -> int:
    """`2026-11-21T09:43:21.786+0000`, or with a space for the T, as microseconds; 0 where it is not that."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return 0
    if at.tzinfo is None:
        return 0
    return int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e6 + 0.5)
