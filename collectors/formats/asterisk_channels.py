"""What Asterisk's logs have in common: the numbers and names of channels, and times in every form they are written in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from collectors.formats.clock import Clock
from collectors.formats.reading import Unreadable, name_of
from telemetry.events import MISSING

S = 1_000_000
YEARS_S = (946_684_800, 4_102_444_800)  # 2000-01-01 and 2100-01-01
_NO_TELEPHONE_S = 1_000_000_000
"""September 2001: ten digits from here to 2100 are nobody's telephone number, which begins with 0 or 66."""
MADE_S = (_NO_TELEPHONE_S, YEARS_S[1])
"""The first second that a channel's number may tell, and the one after the last."""
BOM = b"\xef\xbb\xbf"
"""What Windows and spreadsheets put before the first line of a file."""
_OURS = {0: "UTC", 7: "Asia/Bangkok"}


def party(channel: str, place: str) -> str:
    """The telephone of a channel: its name without the number that tells its channels apart."""
    name, dash, number = channel.strip().rpartition("-")
    return name_of(name if dash and len(number.partition(";")[0]) == 8 else channel, place)


def is_number(exten: str) -> bool:
    """Whether an extension is a telephone number, and no name of the dialplan."""
    digits = exten.removeprefix("+")
    return digits.isascii() and digits.isdigit()


@lru_cache(maxsize=1024)
def made_us(unique: str) -> int:
    """When a channel was made, by its number `[system-]epoch.n`; MISSING where it is none."""
    epoch, dot, number = unique.rpartition("-")[2].partition(".")
    digits = len(epoch) == 10 and epoch.isascii() and epoch.isdigit() and number.isascii() and number.isdigit()
    if dot and digits and MADE_S[0] <= int(epoch) < MADE_S[1]:
        return int(epoch) * S
    return MISSING


def time_us(text: str, place: str, clock: Clock, near_us: int) -> tuple[int, bool]:
    """Microseconds since 1970 of a wall clock, or of seconds since 1970 with or without a fraction; and whether the
    text is of whole seconds."""
    whole, dot, part = text.partition(".")
    try:
        if not (whole.isascii() and whole.isdigit() and len(whole) > 8):
            return clock.us(text, near_us), not dot
    except ValueError as why:
        if (us := _with_offset(text)) != MISSING:
            return us, not dot
        raise Unreadable("bad_time", f"{place}: {why}"[:200]) from None
    if not YEARS_S[0] <= int(whole[:12]) < YEARS_S[1] or (dot and not (part.isascii() and part.isdigit())):
        raise Unreadable("bad_time", f"{place}: {text[:40]!r}, expected seconds since 1970")
    return int(whole) * S + int(part.ljust(6, "0")[:6]), not dot


def _with_offset(text: str) -> int:
    """A time that says its own offset from UTC, as PostgreSQL writes it: `2026-11-21 09:00:00.25+07`; MISSING for any
    other."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return MISSING
    if at.tzinfo is None or not YEARS_S[0] <= at.timestamp() < YEARS_S[1]:
        return MISSING
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def zone_of(times: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """The zone of a log's wall clock as a setting, from times beside numbers of channels made then: those tell UTC."""
    clock = Clock("UTC", era="auto")
    ahead = []
    for text, unique in times:
        made = made_us(unique)
        if made != MISSING and not text[:9].isdigit():
            try:
                ahead.append(clock.us(text) - made)
            except ValueError:
                continue
    hours = round(min(ahead, default=0) / 3600 / S)
    if not ahead or abs(min(ahead) - hours * 3600 * S) > 60 * S or not -12 <= hours <= 14:
        return {}
    return {"timezone": _OURS.get(hours, f"Etc/GMT{-hours:+d}")}
