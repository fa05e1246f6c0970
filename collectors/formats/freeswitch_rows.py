"""Rows of mod_cdr_csv: what the columns of a template say of one leg."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from collectors.formats.clock import Clock
from collectors.formats.eights import I64
from collectors.formats.freeswitch_calls import S
from collectors.formats.freeswitch_document import Document, Variables
from collectors.formats.reading import Unreadable, malformed, name_of, whole_of
from collectors.formats.scan import Cells, cut
from telemetry.events import MAX_NAME, MISSING

EXAMPLE = (
    "caller_id_name", "caller_id_number", "destination_number", "context", "start_stamp", "answer_stamp", "end_stamp",
    "duration", "billsec", "hangup_cause", "uuid", "bleg_uuid", "accountcode", "read_codec", "write_codec",
)  # fmt: skip
_READ = (
    "uuid", "bleg_uuid", "caller_id_number", "destination_number", "start_stamp", "answer_stamp", "end_stamp", "duration",
    "billsec", "hangup_cause", "accountcode",
)  # fmt: skip
_TEXTS = ("uuid", "bleg_uuid", "caller_id_number", "destination_number", "hangup_cause", "accountcode")
NEEDED = ("uuid", "hangup_cause")
_LIKE_JSON = frozenset(("bridge_stamp", "bridge_epoch", "bridge_uepoch", "cc_queue"))
_STAMPS_KEPT = 256
_LONGEST_S = 7 * 86_400


class Row(NamedTuple):
    uuid: str
    bleg: str
    caller: str
    """Kept over a restart only where it is an extension: numbers of people are stored nowhere."""
    mark: int
    """A few bits of the number: enough to tell whose telephones rang, too few to tell who called."""
    dest: str
    start_us: int
    answer_us: int
    end_us: int
    ring_s: int
    talk_s: int
    cause: str
    coarse: bool
    telephone: bool
    tried: bool = False
    """Telephones are known to have rung for it."""


class Template:
    """The columns of one file, by name."""

    def __init__(self, columns: Sequence[str], clock: Clock) -> None:
        self.columns = tuple(columns)
        self._clock = clock
        self._stamps = {"": MISSING}
        at = {name: n for n, name in enumerate(columns)}
        self._read_at = [at.get(name, -1) for name in _READ]
        self._padding = [""] * (max(self._read_at) + 1)
        self._width = 1 + max(at.get(name, 0) for name in NEEDED)
        self.like_json = not _LIKE_JSON.isdisjoint(columns)
        """It says as much as a JSON CDR: rows are for `document`, not for `row`."""

    def document(self, cells: list[str]) -> Document:
        """A row as the JSON CDR of the same leg."""
        self._wide_enough(cells)
        values = dict(zip(self.columns, cells, strict=False))
        for name in ("start", "answer", "bridge", "progress", "end"):
            if stamp := values.get(f"{name}_stamp", ""):
                values[f"{name}_uepoch"] = str(self._us(stamp, f"{name}_stamp"))
        return Document(Variables(**{name: values[name] for name in Variables.__struct_fields__ if name in values}))

    def _wide_enough(self, cells: list[str]) -> None:
        if len(cells) < self._width:
            raise Unreadable("malformed_line", f"{len(cells)} columns, at least {self._width} expected")

    def row(self, cells: list[str]) -> Row:
        self._wide_enough(cells)
        cells += self._padding  # what a column that the template or the row lacks points at
        uuid, bleg, caller, dest, start_stamp, answer_stamp, end_stamp, lasted, spoke, cause, account = (
            cells[at] for at in self._read_at
        )
        uuid, bleg = _identity(uuid, bleg, caller)
        start, end = self._us(start_stamp, "start_stamp"), self._us(end_stamp, "end_stamp")
        answer = self._us(answer_stamp, "answer_stamp")
        duration, billsec = whole_of(lasted, "duration"), whole_of(spoke, "billsec")
        if start == MISSING:
            raise malformed("start_stamp", start_stamp, "a time")
        if max(duration, billsec) > _LONGEST_S:
            raise malformed("duration", max(duration, billsec), f"at most {_LONGEST_S} seconds")
        coarse = start_stamp.count(":") == 1
        if coarse or end == MISSING:
            end = start + max(duration, 0) * S
        if coarse and answer != MISSING:
            answer = end - max(billsec, 0) * S
        if end < start or (answer != MISSING and not start <= answer <= end):
            raise Unreadable(
                "bad_field", f"times: start {start_stamp}, answer {answer_stamp}, end {end_stamp}, not in this order"
            )
        ring = talk = MISSING
        if answer != MISSING:
            talk = billsec if billsec != MISSING else (end - answer) // S
            ring = duration - billsec if MISSING not in (duration, billsec) else (answer - start) // S
            if ring < 0:
                raise Unreadable("bad_field", f"billsec: {billsec} of a duration of {duration}")
        times = start, answer, end, ring, talk
        return Row(uuid, bleg, caller, _mark(caller), dest, *times, cause, coarse, account == dest != "")

    def scan(self, lines: Sequence[bytes], mark: int) -> tuple[Cells, tuple[I64, ...]] | None:
        """Times, ringing and talk of many lines, and the texts."""
        cells = cut(lines, mark)
        if cells is None or cells.width < self._width or b"hangup_cause" in cells.data:
            return None
        at = {name: place if place < cells.width else -1 for name, place in zip(_READ, self._read_at, strict=True)}
        start, answer, end = (
            cells.stamp(at[name], self._clock) if at[name] >= 0 else np.full(cells.rows, MISSING)
            for name in ("start_stamp", "answer_stamp", "end_stamp")
        )
        duration, billsec = (
            cells.whole(at[name]) if at[name] >= 0 else np.full(cells.rows, MISSING) for name in ("duration", "billsec")
        )
        end = np.where(end == MISSING, start + np.maximum(duration, 0) * S, end)
        answered = answer != MISSING
        talk, ring = billsec, duration - billsec
        told = (duration != MISSING) & (billsec != MISSING)
        if not told.all():
            talk = np.where(billsec != MISSING, billsec, (end - answer) // S)
            ring = np.where(told, ring, (answer - start) // S)
        cells.plain &= (start >= 0) & (end >= start) & (np.maximum(duration, billsec) <= _LONGEST_S)
        cells.plain &= ~answered | ((start <= answer) & (answer <= end) & (ring >= 0))
        uuid = cells.length(at["uuid"])
        cells.plain &= (uuid > 0) & (uuid <= MAX_NAME) & (cells.length(at["bleg_uuid"]) <= MAX_NAME)
        texts = [bound for name in _TEXTS for bound in cells.bounds(at[name])]
        ring, talk = np.where(answered, ring, MISSING), np.where(answered, talk, MISSING)
        return cells, (start, answer, end, ring, talk, *texts)

    @staticmethod
    def told(text: str, found: Sequence[int]) -> Row:
        """The row of a line that `scan` found plain."""
        uuid, bleg, caller, dest, cause, account = (
            text[begin:end] for begin, end in zip(found[5::2], found[6::2], strict=True)
        )
        uuid, bleg = _identity(uuid, bleg, caller)
        start, answer, end, ring, talk = found[:5]
        telephone = account == dest != ""
        return Row(
            uuid,
            bleg,
            caller,
            _mark(caller),
            dest,
            start,
            answer,
            end,
            ring,
            talk,
            cause,
            coarse=False,
            telephone=telephone,
        )

    def _us(self, stamp: str, place: str) -> int:
        known = self._stamps.get(stamp)  # most stand twice in a row
        if known is None:
            try:
                known = self._clock.us(stamp)
            except ValueError as why:
                raise Unreadable("malformed_line", f"{place}: {why}") from None
            if len(self._stamps) >= _STAMPS_KEPT:
                self._stamps = {"": MISSING}
            self._stamps[stamp] = known
        return known


def _identity(uuid: str, bleg: str, caller: str) -> tuple[str, str]:
    uuid, bleg = name_of(uuid, "uuid"), name_of(bleg, "bleg_uuid") if bleg else ""
    if not uuid:
        raise Unreadable("no_identity", "uuid: empty")
    if uuid == caller:
        raise Unreadable("bad_field", "uuid: it is the caller's number")
    return uuid, bleg


def _mark(caller: str) -> int:
    return int.from_bytes(blake2b(caller.encode(), digest_size=2).digest(), "big") if caller else 0


def rang_in(leg: Row, caller: Row) -> bool:
    """Whether an unanswered row is a telephone that rang for a caller: it carries his number, within his time."""
    if leg.answer_us != MISSING or leg.bleg or leg.tried or leg.mark != caller.mark or caller.telephone:
        return False
    within = caller.start_us <= leg.start_us and leg.end_us <= caller.end_us + S
    return within and leg.uuid != caller.uuid and (leg.telephone or leg.dest != caller.dest)
