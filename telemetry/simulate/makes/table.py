"""Every make of PBX that the simulator can be, by the name of its format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from telemetry.simulate.day import Action, Day
from telemetry.simulate.makes import (
    Call,
    Written,
    asterisk_ami,
    asterisk_cdr,
    asterisk_cel,
    avaya_smdr,
    cucm_cdr,
    freeswitch_csv_cdr,
    freeswitch_json_cdr,
    generic_csv,
    panasonic_smdr,
    threecx_cdr,
)

QUEUE_LOG = "asterisk_queue_log"


class Make(NamedTuple):
    """How a make writes calls that have ended, and what reading its log needs to be told."""

    written: Callable[[Sequence[Call], tzinfo], list[Written]]
    settings: Mapping[str, Any] = {}
    """Of `[[sites.sources]]`, beside the format; `timezone` is the simulated centre's."""
    documents: bool = False
    """It writes a file a record, into a folder."""


_ZONED: Mapping[str, Any] = {"timezone": "Asia/Bangkok"}

MAKES: dict[str, Make] = {
    "asterisk_cdr": Make(asterisk_cdr.written, _ZONED),
    "asterisk_cel": Make(asterisk_cel.written, _ZONED),
    "asterisk_ami": Make(asterisk_ami.written),
    "freeswitch_json_cdr": Make(freeswitch_json_cdr.written, documents=True),
    "freeswitch_csv_cdr": Make(freeswitch_csv_cdr.written, _ZONED),
    "avaya_smdr": Make(avaya_smdr.written),
    "panasonic_smdr": Make(panasonic_smdr.written),
    "cucm_cdr": Make(cucm_cdr.written),
    "threecx_cdr": Make(threecx_cdr.written, _ZONED),
    "generic_csv": Make(generic_csv.written, generic_csv.SETTINGS),
}
"""Beside `QUEUE_LOG`, which is written line by line as things happen."""


class PbxLog:
    """What the simulated PBX writes, in the form of one make."""

    def __init__(self, format_: str, path: Path, zone: str) -> None:
        """`path` is the file that is appended to; for a make of documents the folder that they are put into."""
        self._make = MAKES[format_] if format_ != QUEUE_LOG else None
        self._path, self._zone = path, ZoneInfo(zone)
        self._written = 0

    def add(self, actions: Sequence[Action], shift_us: int = 0) -> None:
        """Write what these actions bring to the log."""
        if self._make is None:
            text = "".join(Day.log_line(action, shift_us) for action in actions if action.line)
            self._append(text.encode())
            return
        calls = [action.call.moved(shift_us) for action in actions if action.call is not None]
        records = self._make.written(calls, self._zone) if calls else []
        if not self._make.documents:
            self._append(b"".join(record.data for record in records))
            return
        self._path.mkdir(parents=True, exist_ok=True)
        for record in records:
            self._written += 1
            fresh = self._path / f".{record.time_us}-{self._written}.part"
            fresh.write_bytes(record.data)
            fresh.replace(self._path / f"{record.time_us}-{self._written}.cdr.json")

    def _append(self, data: bytes) -> None:
        if data:
            with self._path.open("ab") as log:
                log.write(data)
