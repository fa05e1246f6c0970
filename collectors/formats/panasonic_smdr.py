"""Panasonic SMDR of the KX-TD, TDA, TDE, NCP and NS series (patterns A, B, C) and of the DBS 576 and ICX: fixed columns.

- The pattern is the configured one, else what a line itself shows, else what the last page header announced. Where
  one is configured, lines of another are `wrong_format`.
- Times of the KX series are whole minutes, by default of the end of the call (`time_is`): a call arrived at its end
  less duration and ring, up to a minute earlier than it truly did. Dates are month/day/year unless `date_order` says
  otherwise; two digits of a year, Common or Buddhist Era, are the nearest; the year that the DBS does not write is the last.
- `<I>` comes in; other calls over a trunk go out; without a trunk it is no call of a citizen. The ring is the wait and
  the ring of the answer; pattern B and DBS format 1 have none, so that neither is known.
- Nobody answered: code NA or VN, A of the DBS, or a duration of 0. Built-in voice messages (extension 101B) are nobody.
- One call may have several lines: RC when it comes in, AN when it is answered, one when it ends, and one more for
  whoever it was transferred to (TR on either). They are joined by trunk, caller, and the time at which the next must
  begin, give or take 90 s. Without a caller's number, TR must stand on the earlier line.
- The log names no call: a call is its first line's minute and columns, counted. Neither caller nor extension are in it.
- The unit is the number dialled (`<D>`), else the trunk, as CO and its digits: CO01.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from collectors.base import Guess
from collectors.formats import panasonic_layouts as layouts
from collectors.formats.clock import Clock
from collectors.formats.options import Options
from collectors.formats.panasonic_layouts import LACKS, Row
from collectors.formats.panasonic_scan import PanasonicScan
from collectors.formats.reading import CR_ALONE, Ordinals, Unreadable, name_of, shown
from collectors.formats.scanned import Scan, ScannedFormat
from collectors.formats.whole_calls import Whole, events_of
from telemetry.events import MISSING, UNKNOWN, Event, canonical_json

_RECEIVED, _ANSWERED, _LOST = frozenset(("RC", "VR")), "AN", frozenset(("NA", "VN", "A"))
_PASSED_ON = frozenset(("TR", "t", "h"))
_NO_CALL = frozenset(("RM",))
_SAID = _RECEIVED | _LOST | _PASSED_ON | {_ANSWERED, "", "CL", "D0", "D1", "D2", "D3", "D4", "FW", *"IDNS"}
"""Codes that the events tell or that change nothing; any other is kept beside the call."""
_MANY = PanasonicScan(_SAID | _NO_CALL)
_SLACK_US = {True: 90 * 1_000_000, False: 10 * 1_000_000}
"""For times that have lost their seconds, and for others."""
_LONGEST_RING_US, _LONGEST_TRANSFER_US = 600 * 1_000_000, 120 * 1_000_000
_PLACES_KEPT, _CALLS_A_PLACE = 256, 8
_LONGEST_MS = 86_400_000
_TEXTS_KEPT = 4096
_MINUTE_US = 60 * 1_000_000


class _Open(NamedTuple):
    """A call of which another line may come, and when that must begin."""

    call: str
    arrival_us: int
    unit: str
    from_us: int
    until_us: int
    ring_ms: int
    legs: int
    """Conversations so far that have ended."""
    needs_code: bool
    """Only a line that says that it is a transfer goes on with it."""


def problems(options: Options) -> Sequence[str]:
    """What the options say that cannot be."""
    if options.pattern in ("", *LACKS):
        return ()
    return (f"pattern: {options.pattern!r} is none of Panasonic's; it is one of {', '.join(LACKS)}, or left out",)


def recognise(lines: Sequence[bytes]) -> Guess | None:
    """Which pattern these are, and the order of dates where the lines show it."""
    texts = [t for t in map(_text, lines) if layouts.pattern_of_header(t) or not layouts.is_page(t)]
    pattern, good = layouts.majority(texts)
    strange = [t for t in texts if layouts.displaced(t)]
    if len(strange) > good / 2:
        what = f"a Panasonic KX log of columns that no pattern has ({layouts.OTHERS}), to be mapped with generic_csv"
        return Guess(len(strange) / len(texts) / 2, what)
    if not good:
        return None
    settings = {"pattern": pattern}
    what = f"Panasonic DBS/ICX SMDR, {LACKS[pattern]}"
    if pattern != "DBS":
        what = f"Panasonic KX SMDR, pattern {pattern}, {LACKS[pattern]}"
        order, open_ = layouts.order_of(texts)
        if order:
            settings["date_order"] = order
        what += open_
    return Guess(good / len(texts), what, settings)


class PanasonicSmdr(ScannedFormat):
    """Decoder of one SMDR. Ids depend on the lines alone."""

    def __init__(self, *, site: str, source: str, options: Options | None = None) -> None:
        super().__init__(site=site, source=source, options=options)
        self._order = self._options.date_order or "mdy"
        self._clock = Clock(self._options.timezone, order=self._order)
        self._fixed = self._pattern = self._options.pattern
        self._open: OrderedDict[str, list[_Open]] = OrderedDict()
        self._ordinals = Ordinals()
        self._newest_us = 0
        self._restarted = False

    def restart(self) -> None:
        self._pattern = self._fixed
        self._restarted = True
        self._ordinals.restart()

    def dump(self) -> str:
        state = [self._pattern, self._newest_us, list(self._open.items()), self._ordinals.dump()]
        return json.dumps(state, separators=(",", ":"), ensure_ascii=False) if self._newest_us or self._pattern else ""

    def load(self, state: str) -> None:
        pattern, self._newest_us, calls, counts = json.loads(state) if state else ("", 0, (), "")
        self._pattern = self._fixed or pattern
        self._open = OrderedDict((place, [_Open(*call) for call in of]) for place, of in calls)
        self._ordinals.load(counts)

    def _read(self, line: bytes, received_us: int) -> Sequence[Event]:
        if b"\r" in line and b"\r" in line.strip(b"\r"):
            raise Unreadable("malformed_line", CR_ALONE)
        if not line.strip().strip(b"-=_"):
            return ()  # between pages
        text = _text(line)
        pattern = layouts.pattern_of(text)
        if not pattern and (where := layouts.displaced(text)):
            told = f"{where}: a duration, where no pattern of Panasonic's has one ({layouts.OTHERS}); map it with generic_csv"
            raise Unreadable("wrong_format", told)
        if not layouts.is_record(text):
            if not layouts.is_page(text):
                raise Unreadable("malformed_line", f"columns 1 to 16: {shown(text[:16])}, expected a date and a time")
            self._turn_to(layouts.pattern_of_header(text))
            return ()
        if "*" in text[:16]:
            lost = "the clock was changed while the call lasted, so that its time is not known"
            raise Unreadable("bad_time", f"columns 1 to 16: {shown(text[:16])}: {lost}")
        self._turn_to(pattern)
        if not self._pattern:
            if not text[23:27].strip():
                return ()
            raise Unreadable("malformed_line", "line: does not show its pattern, and no header has; set pattern")
        row = layouts.row_of(text, self._pattern)
        if not row.kind or row.code in _NO_CALL or (row.kind == "out" and row.code == "FW"):
            return ()
        if row.talk_ms == MISSING and not row.code:
            raise Unreadable(
                "malformed_line", f"line: ends at {len(text.rstrip())}, expected a duration or a condition code"
            )
        if max(row.ring_ms, row.talk_ms) > _LONGEST_MS:
            raise Unreadable("bad_field", f"duration: {shown(text[52:92].strip())}, expected at most a day")
        return self._record(self._time(row, received_us), row)

    def _shape(self) -> object:
        return self._pattern if self._pattern in layouts.LAYOUTS else None

    def _scan(self, lines: Sequence[bytes], received_us: int) -> Scan | None:
        return _MANY.scan(lines, self._pattern, self._clock, received_us)

    def _tell(self, line: bytes, text: str, row: tuple[int, ...]) -> Sequence[Event]:  # noqa: ARG002
        time_us, told = _MANY.told(text, row, self._pattern)
        if told.code in _NO_CALL or (told.kind == "out" and told.code == "FW"):
            return ()
        return self._record(time_us, told)

    def _record(self, time_us: int, row: Row) -> Sequence[Event]:
        """What a line of a call over a trunk tells."""
        said = f"{row.kind}|{row.trunk}|{row.did}|{row.ring_ms}|{row.talk_ms}|{row.code}"
        agent = "" if row.extension.startswith("C") else _name(row.extension, "extension")
        unit = self.unit(_name(row.did or f"CO{row.trunk}", "number dialled"))
        self._note(time_us)
        minute_us = time_us // _MINUTE_US * _MINUTE_US
        digest, equal, _ = self._ordinals.count(minute_us, said.encode())
        call = f"{minute_us // 1_000_000:010d}.{digest}.{equal}"
        if row.kind == "out":
            ends_us = time_us + (max(row.talk_ms, 0) * 1000 if self._starts else 0)
            called = self.called(row.caller)
            made = Whole(call, "", ends_us, "outbound", ends_us, talk_ms=row.talk_ms, agent=agent, caller=called)
            return events_of(self._site, self._source, made)
        return self._incoming(row, time_us, call, unit, agent)

    @property
    def _starts(self) -> bool:
        """Whether times are those of the beginning."""
        return self._pattern == "DBS" or self._options.time_is == "start"

    def _incoming(self, row: Row, time_us: int, call: str, unit: str, agent: str) -> Sequence[Event]:
        talk_us = max(row.talk_ms, 0) * 1000
        begin_us = time_us if self._starts else time_us - max(row.ring_ms, 0) * 1000 - talk_us
        place, known = self._place(row)
        outcome = _outcome(row)
        earlier = None if row.code in _RECEIVED and outcome == "open" else self._take(place, begin_us, row)
        base = earlier or _Open(call, begin_us, unit, 0, 0, MISSING, 0, False)
        ring_ms = row.ring_ms if row.ring_ms != MISSING else base.ring_ms
        answer_us = begin_us
        if ring_ms != MISSING:
            answer_us = (begin_us if base.legs else base.arrival_us) + ring_ms * 1000
        answered = outcome == "answered"
        passed_on = answered and row.code == "TR" and not base.needs_code
        if answered and not talk_us:
            self._keep(place, base, base.arrival_us, answer_us, ring_ms)
        elif outcome == "open":
            self._keep(place, base, begin_us, begin_us + _LONGEST_RING_US, base.ring_ms)
        elif answered and (passed_on or known):
            ended = _Open(base.call, base.arrival_us, base.unit, 0, 0, MISSING, base.legs + 1, not passed_on)
            self._keep(place, ended, answer_us + talk_us, answer_us + talk_us + _LONGEST_TRANSFER_US, MISSING)
        elif base.legs and not answered:
            return ()
        whole = Whole(
            base.call,
            base.unit,
            base.arrival_us,
            outcome,
            answer_us + talk_us if answered else answer_us,
            UNKNOWN if ring_ms == MISSING or base.legs else ring_ms,
            ring_ms,
            row.talk_ms,
            agent if answered else "",
            row.caller,
            answer_us,
            transferred=passed_on,
            leg=str(base.legs),
            extra="" if row.code in _SAID else canonical_json({"code": row.code}),
        )
        events = events_of(self._site, self._source, whole)
        return events if talk_us or not answered else events[:2]

    def _place(self, row: Row) -> tuple[str, bool]:
        """What the lines of one call share: trunk and caller, of whom one byte is kept that is nobody's number; and
        whether that tells calls apart."""
        if self._pattern == "DBS":
            return row.trunk, True
        if not row.caller:
            return f"{row.trunk}.", False
        return f"{row.trunk}.{blake2b(row.caller.encode(), digest_size=1).hexdigest()}", True

    def _take(self, place: str, begin_us: int, row: Row) -> _Open | None:
        """The call that this line goes on with, which then no other line does."""
        of = self._open.get(place, [])
        slack_us = _SLACK_US[self._pattern != "DBS"]
        fits = [
            call
            for call in of
            if call.from_us - slack_us <= begin_us <= call.until_us + slack_us
            and (not call.needs_code or row.code in _PASSED_ON)
        ]
        if not fits:
            return None
        nearest = min(fits, key=lambda call: abs(call.from_us - begin_us))
        of.remove(nearest)
        if not of:
            del self._open[place]
        return nearest

    def _keep(self, place: str, call: _Open, from_us: int, until_us: int, ring_ms: int) -> None:
        """Remember a call of which the next line must begin between these times."""
        of = self._open.setdefault(place, [])
        of.append(
            _Open(
                call.call, call.arrival_us, call.unit, from_us, until_us, ring_ms, call.legs, needs_code=call.needs_code
            )
        )
        del of[:-_CALLS_A_PLACE]
        self._open.move_to_end(place)
        over_us = self._newest_us - _LONGEST_RING_US
        while len(self._open) > _PLACES_KEPT or next(iter(self._open.values()))[-1].until_us < over_us:
            self._open.popitem(last=False)
            if not self._open:
                return

    def _note(self, time_us: int) -> None:
        """A file that begins before the end of the last one is that one again: what was open in it is not now."""
        if self._restarted and time_us < self._newest_us:
            self._open.clear()
            self._newest_us = 0
        self._restarted = False
        self._newest_us = max(self._newest_us, time_us)

    def _turn_to(self, pattern: str) -> None:
        if not pattern or pattern == self._pattern:
            return
        if self._fixed:
            like = f"this looks like Panasonic pattern {pattern}, {LACKS[pattern]}"
            raise Unreadable("wrong_format", f"{like}; the configured pattern is {self._fixed}")
        self._pattern = pattern

    def _time(self, row: Row, received_us: int) -> int:
        try:
            day = layouts.with_year(row.day, self._order, received_us) if self._pattern == "DBS" else row.day
            return self._clock.at(day, row.time, received_us)
        except ValueError as wrong:
            raise Unreadable("bad_time", f"columns 1 to 16: {wrong}") from None


@lru_cache(_TEXTS_KEPT)
def _name(text: str, place: str) -> str:
    return name_of(text, place)


def _outcome(row: Row) -> str:
    """What the line says became of the call. RC, VR and AN with a duration are lines of its end."""
    if row.talk_ms <= 0:  # none told, or 0
        if row.code == _ANSWERED:
            return "answered"
        if row.code in _RECEIVED:
            return "open"
        return "abandoned" if row.talk_ms == 0 or row.code in _LOST else "open"
    if row.code in _LOST:
        return "abandoned"
    return "timed_out" if row.extension.endswith("B") else "answered"


def _text(line: bytes) -> str:
    """Characters in the log's columns: UTF-8 where a tool has made it that, else the one-byte Thai code page. Names in
    other code pages are no reason to lose a call."""
    line = line.strip(b"\r\n").removeprefix(b"\xef\xbb\xbf")
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp874", "replace")
