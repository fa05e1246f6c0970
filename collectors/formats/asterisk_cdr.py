"""Asterisk call records: `Master.csv` in its widths of 16 to 21 columns, and cdr_custom with columns of its own.

A record is one telephone that a call reached, or the caller alone; records of one linkedid (else uniqueid) are one call.

- A person answered where the record says ANSWERED, has a dstchannel, and its last application is Queue or Dial. ANSWERED
  alone says that something did: a dialplan, a menu, a voice mail.
- A queue answers before it waits, so that `answer` and `billsec` begin too early: waits, rings and talks of queues are
  not known. Only a direct Dial before which nothing answered tells its ring time: answer later than start.
- The far half of a Local channel (`Local/…;2`) rings telephones for a caller whose own record tells the call, as in the
  queues, ring groups and follow-me of FreePBX; likewise a channel that was called (AppDial). Both tell no call.
- A caller who met neither Queue nor Dial reached a number and nothing more: an announcement, a full queue, a queue that
  gave up before any telephone rang. The record does not say which. One whose last application is VoiceMail went there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from collectors.formats.asterisk_cdr_columns import LOST, Layout, Record, is_header, layout_of, of_master, usual_master
from collectors.formats.asterisk_channels import BOM, MADE_S, S, is_number, made_us, party, time_us
from collectors.formats.clock import Clock
from collectors.formats.eights import Words
from collectors.formats.options import Options
from collectors.formats.reading import Csv, Ordinals, Unreadable, malformed, name_of, shown
from collectors.formats.scan import cut
from collectors.formats.scanned import Scan, ScannedFormat, mark_of
from collectors.formats.whole_calls import Whole, event, events_of
from telemetry.events import MISSING, UNKNOWN, Event

_TIMES_KEPT = 1024
_EARLY_US, _LATE_US = 60 * S, 4 * 3600 * S
"""How far a record may begin before and after its channel was made; more, and the zone is wrong."""
_STEPS = ("s", "h", "i", "t", "e")
"""Extensions that a dialplan has for itself: nobody dials them."""
_TEXTS = (
    "src", "dst", "channel", "dstchannel", "lastapp", "lastdata", "billsec", "disposition", "uniqueid", "linkedid",
    "sequence",
)  # fmt: skip
"""Columns of a record that are read as text, in their order."""
_DISPOSITIONS = Words(LOST)
_VOICEMAIL = "Voicemail"
_CALLED = ("Appdial", "Appdial2", "Appqueue")
"""What a channel runs that the PBX itself called: a telephone's own record, of a call that the caller's record tells."""


class _Times(NamedTuple):
    start_us: int
    answer_us: int
    """MISSING when nothing answered."""
    end_us: int


class Cdr(ScannedFormat):
    """Decoder of one file of call records. Ids depend on the call alone, not on file, offset or division into batches."""

    def __init__(self, *, site: str, source: str, options: Options | None = None) -> None:
        super().__init__(site=site, source=source, options=options)
        told = self._options
        self._clock = Clock(told.timezone, era=told.era, order=told.date_order or "ymd")
        self._ordinals = Ordinals()
        self._known: dict[str, int] = {}
        self._layout: Layout | None = None
        self._csv = Csv(told.delimiter or ",")
        self._mark = mark_of(told.delimiter or ",")
        self.load("")

    def _read(self, line: bytes, received_us: int) -> Sequence[Event]:
        cells = self._csv.row(line.removeprefix(BOM) if line[:1] == BOM[:1] else line)
        if cells is None or cells == [""]:
            return ()
        if (b"isposition" in line or b"ISPOSITION" in line) and is_header(cells):
            self._layout = layout_of(cells)
            return ()
        layout = self._layout
        if layout is None:
            layout = of_master(cells)
        elif len(cells) != len(layout.names):
            what = f"{len(cells)} columns, expected {len(layout.names)}: {', '.join(layout.names)}"
            raise Unreadable("malformed_line", what[:200])
        cells.append("")
        row: Record = tuple.__new__(Record, layout.pick(cells))
        disposition = row.disposition.upper()
        if disposition not in LOST:
            where = f"column {layout.names.index('disposition') + 1} (disposition)"
            raise Unreadable("bad_field", f"{where}: {shown(disposition)}, expected {', '.join(LOST)}; or say columns")
        return self._call(row, disposition, self._times(row, received_us, says_answer=layout.says_answer))

    def _shape(self) -> object:
        return None if self._csv.held or not self._mark else self._layout or "Master.csv"

    def _scan(self, lines: Sequence[bytes], received_us: int) -> Scan | None:  # noqa: ARG002 (its years have four digits)
        """Disposition, times, and the texts of the columns between."""
        told = self._layout
        cells = cut(lines, self._mark, len(told.names) if told else 0)
        layout = told or (usual_master(cells.width) if cells else None)
        if cells is None or layout is None:
            return None
        at = dict(zip(Record._fields, layout.places, strict=True))
        start, answer, end = (
            cells.stamp(at[name], self._clock) if at[name] >= 0 else np.full(cells.rows, MISSING)
            for name in ("start", "answer", "end")
        )
        lasted = np.maximum(cells.whole(at["duration"]), 0)
        billed = np.maximum(cells.whole(at["billsec"]), 0) if at["billsec"] >= 0 else np.zeros(cells.rows, np.int64)
        disposition = cells.word(at["disposition"], _DISPOSITIONS)
        end = np.where(end == MISSING, start + lasted * S, end)
        answered = answer != MISSING
        if not layout.says_answer:
            answer = np.where(billed > 0, end - billed * S, MISSING)
            answered = billed > 0
        ordered = (start <= end) & (~answered | ((start <= answer) & (answer <= end)))
        cells.plain &= (disposition >= 0) & (start >= 0) & ordered & (billed <= lasted + 1)
        if told is None:
            for place in layout.numbers:
                made = cells.channel(place)
                cells.plain &= (made >= MADE_S[0]) & (made < MADE_S[1])
        return cells, (start, answer, end, *(x for n in _TEXTS for x in cells.bounds(at[n])))

    def _tell(self, line: bytes, text: str, row: tuple[int, ...]) -> Sequence[Event]:  # noqa: ARG002
        src, dst, channel, dstchannel, app, data, billsec, disposition, unique, linked, sequence = (
            text[begin:end] for begin, end in zip(row[3::2], row[4::2], strict=True)
        )
        record: Record = tuple.__new__(Record, (
            src, dst, channel, dstchannel, app, data, "", "", "", "", billsec, disposition, unique, linked, sequence,
        ))  # fmt: skip
        return self._call(record, disposition, _Times(*row[:3]))

    def _call(self, row: Record, disposition: str, when: _Times) -> Sequence[Event]:
        app = row.lastapp.strip().capitalize()
        channel = row.channel.strip()
        if app in _CALLED or (channel.startswith("Local/") and channel.endswith(";2")):
            return ()
        source, number = row.src.strip(), name_of(row.dst, "dst")
        contact, anchor_us = self._contact(row, when)
        agent = party(row.dstchannel, "dstchannel")
        outside = is_number(number) and not self.internal(number) and self.unit(number) == number
        if self.internal(source) or (outside and app == "Dial" and self._placed(channel, agent)):
            if self.internal(number) or app == "Queue" or not number:
                return ()
            talked = disposition == "ANSWERED" and bool(agent)
            talk_ms = _ms(when.answer_us, when.end_us) if talked and when.answer_us != MISSING else MISSING
            caller = party(channel, "channel")
            placed = Whole(
                contact,
                "",
                anchor_us,
                "outbound",
                when.end_us,
                talk_ms=talk_ms,
                agent=caller,
                caller=self.called(number),
            )
            return events_of(self._site, self._source, placed)
        if (number in _STEPS and self.unit(number) == number) or (outside and when.start_us - anchor_us > S):
            number = ""  # not the number called first, but one sent on to: that may be somebody's own
        queue = name_of(row.lastdata.replace("|", ",").split(",")[0], "lastdata") if app == "Queue" else ""
        unit = self.unit(queue or number) or name_of(app.lower(), "lastapp")
        if app not in ("Queue", "Dial") and not agent:
            did = self._beside("d", "call.did", contact, anchor_us, when.start_us, self.unit(number))
            return (did, self._mail(contact, anchor_us, when, self.unit(number))) if app == _VOICEMAIL else (did,)
        if not unit:
            raise Unreadable("bad_field", "dst and lastapp: neither says where the call went")
        answered = disposition == "ANSWERED" and bool(agent) and app in ("Queue", "Dial")
        outcome = "answered" if answered else LOST[disposition] if app == "Dial" else "abandoned"
        outcome = outcome if app in ("Queue", "Dial") else "timed_out"  # a telephone rang, and the dialplan went on
        whole = Whole(
            contact, unit, anchor_us, outcome, when.end_us,
            agent=agent if answered else "", caller=source, answer_us=when.start_us if answered else MISSING,
            leg=row.sequence or row.dstchannel,
        )  # fmt: skip
        if app == "Dial":
            whole = _direct(whole, when, answered=answered)
        events = events_of(self._site, self._source, whole)
        # The id goes by the call, so that its records share it; the time is when this one began.
        if events[0].type == "call.entered" and when.start_us != anchor_us:
            events[0] = event((*events[0][:4], when.start_us, *events[0][5:]))
        if app == _VOICEMAIL:
            events.append(self._mail(contact, anchor_us, when, unit))
        return events

    def _mail(self, contact: str, anchor_us: int, when: _Times, unit: str) -> Event:
        return self._beside("v", "call.voicemail", contact, anchor_us, when.end_us, unit)

    def _beside(self, what: str, type_: str, contact: str, anchor_us: int, us: int, unit: str) -> Event:
        """What is told of a call once, whatever number of records it has."""
        id_ = f"{anchor_us // S:010d}.{blake2b(contact.encode(), digest_size=8).hexdigest()}.{what}"
        return Event(self._site, self._source, id_, type_, us, unit, contact)

    def _placed(self, channel: str, agent: str) -> bool:
        """Whether a telephone of the centre called out, though under the centre's long number: FreePBX writes that as src."""
        return bool(agent) and self.internal(_device(party(channel, "channel"))) and not self.internal(_device(agent))

    def _contact(self, row: Record, when: _Times) -> tuple[str, int]:
        """What the records of this call have in common, and when it began by that."""
        unique, linked = row.uniqueid.strip(), row.linkedid.strip()
        made = made_us(unique or linked)
        if made != MISSING and not -_EARLY_US <= when.start_us - made <= (_LATE_US if unique else 10**18):
            hours = (when.start_us - made) / 3600 / S
            raise Unreadable("bad_time", f"start is {hours:+.1f} hours from when its channel was made; check timezone")
        if contact := name_of(linked or unique, "linkedid"):
            began_us = made_us(contact)
            return contact, began_us if began_us != MISSING else when.start_us
        # No identity of its own: what it says, less the numbers of people, and how many equal ones came before.
        second = when.start_us // S
        said = [str(us) for us in when] + [row.lastapp, row.disposition, row.billsec]
        digest, before, _ = self._ordinals.count(second, "\0".join(said).encode())
        return f"{second:010d}.{digest}.{before}", when.start_us

    def _times(self, row: Record, received_us: int, *, says_answer: bool) -> _Times:
        start_us = self._time(row.start, "start", received_us)
        answer_us = self._time(row.answer, "answer", received_us)
        end_us = self._time(row.end, "end", received_us)
        duration_ms = _seconds_ms(row.duration, "duration")
        billed_ms = _seconds_ms(row.billsec, "billsec")
        if start_us == MISSING:
            raise Unreadable("bad_time", "start: missing")
        if end_us == MISSING:
            end_us = start_us + max(duration_ms, 0) * 1000
        if answer_us == MISSING and not says_answer and billed_ms > 0:
            answer_us = end_us - billed_ms * 1000
        if not start_us <= end_us or (answer_us != MISSING and not start_us <= answer_us <= end_us):
            raise Unreadable("bad_time", "start, answer and end do not follow each other")
        if billed_ms > max(duration_ms, 0) + 1000:
            raise malformed("billsec", row.billsec, f"no more than duration, {row.duration}")
        return _Times(start_us, answer_us, end_us)

    def _time(self, text: str, place: str, received_us: int) -> int:
        """Wall clock, or seconds since 1970 with or without microseconds; MISSING where there is none."""
        if (known := self._known.get(text)) is not None:
            return known
        us = self._known[text] = self._parsed(text.strip(), place, received_us)
        if len(self._known) >= _TIMES_KEPT:
            self._known.clear()
        return us

    def _parsed(self, text: str, place: str, received_us: int) -> int:
        if text in ("", "0000-00-00 00:00:00"):
            return MISSING
        return time_us(text, place, self._clock, received_us)[0]

    def restart(self) -> None:
        """A header counts until another one comes; a cell that the last file left open does not go on."""
        self._csv = Csv(self._options.delimiter or ",")
        self._ordinals.restart()

    def dump(self) -> str:
        state = [
            list(self._layout.names) if self._layout else [],
            self._csv.held.decode("latin-1"),
            self._ordinals.dump(),
        ]
        return json.dumps(state, separators=(",", ":")) if any(state) else ""

    def load(self, state: str) -> None:
        """Take up a `dump`; "" begins anew."""
        columns, held, ordinals = json.loads(state) if state else ([], "", "")
        columns = columns or self._options.columns
        self._layout = layout_of(columns) if columns else None
        self._csv = Csv(self._options.delimiter or ",")
        self._csv.held = held.encode("latin-1")
        self._ordinals.load(ordinals)


def _direct(whole: Whole, when: _Times, *, answered: bool) -> Whole:
    """Of a direct call: its ring time and wait, unless something had answered before. The wait is only that of the
    first telephone: before a further one the caller had waited already."""
    first = when.start_us - whole.arrival_us <= S
    if not answered:
        waited = first and when.answer_us == MISSING
        return whole._replace(wait_ms=_ms(when.start_us, when.end_us) if waited else UNKNOWN)
    if when.answer_us == MISSING or when.answer_us <= when.start_us:
        return whole
    ring_ms, talk_ms = _ms(when.start_us, when.answer_us), _ms(when.answer_us, when.end_us)
    if not talk_ms and whole.agent.startswith("Local/"):
        talk_ms = MISSING  # the Local channel was only a way to the telephone, whose own record goes on
    return whole._replace(
        wait_ms=ring_ms if first else UNKNOWN, ring_ms=ring_ms, talk_ms=talk_ms, answer_us=when.answer_us
    )


def _device(name: str) -> str:
    """The last part of a telephone's name: `101` of `PJSIP/101`."""
    return name.rpartition("/")[2].partition("@")[0]


def _ms(from_us: int, to_us: int) -> int:
    return (to_us - from_us) // 1000


@lru_cache(_TIMES_KEPT)
def _seconds_ms(text: str, place: str) -> int:
    """Seconds, whole or with a fraction, as milliseconds; MISSING where there is none."""
    whole, dot, part = text.strip().partition(".")
    if whole.isascii() and whole.isdigit() and len(whole) < 9 and (not dot or (part.isascii() and part.isdigit())):
        return int(whole) * 1000 + int(part.ljust(3, "0")[:3])
    if not whole and not dot:
        return MISSING
    raise malformed(place, text, "seconds from 0 up")
