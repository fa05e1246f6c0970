"""Big believable logs of every make, for measuring: the simulator's calls, and the laboratory's lines at later times."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from telemetry.simulate.makes.generic_csv import SETTINGS
from tests.formats.sim_calls import some_calls

LAB = Path(__file__).parents[1] / "data" / "asterisk-lab" / "queue_log"
BANGKOK = ZoneInfo("Asia/Bangkok")
LOCAL = {"timezone": "Asia/Bangkok"}
_EPOCH = re.compile(rb"\b17952[0-9]{5}(?=[.|])")
_LAB_BEGAN_S, _LAB_S, _BEGIN_S = 1_795_254_000, 4000, 1_700_000_000


class Log(NamedTuple):
    """How one format's log is made."""

    delimiter: bytes | None
    """What a plain loop would split its lines by; None is blanks."""
    settings: dict[str, Any]
    calls: int
    """With more calls there are more lines; 0 where the laboratory's are repeated."""


LOGS: dict[str, Log] = {
    "asterisk_queue_log": Log(b"|", {}, 0),
    "asterisk_cdr": Log(b",", LOCAL, 12_000),
    "asterisk_cel": Log(b",", LOCAL, 3000),
    "asterisk_ami": Log(b":", {}, 1000),
    "freeswitch_json_cdr": Log(None, {}, 4000),
    "freeswitch_csv_cdr": Log(b",", LOCAL, 10_000),
    "avaya_smdr": Log(b",", LOCAL, 15_000),
    "panasonic_smdr": Log(None, LOCAL, 15_000),
    "cucm_cdr": Log(b",", {}, 15_000),
    "threecx_cdr": Log(b",", LOCAL, 20_000),
    "generic_csv": Log(b";", LOCAL | SETTINGS, 20_000),
}


def queue_log(times: int) -> bytes:
    """The laboratory's queue_log, so many times over: each time later, with calls of its own; all of it past."""
    lab, out = LAB.read_bytes(), []
    for n in range(times):
        ahead = _BEGIN_S - _LAB_BEGAN_S + n * _LAB_S
        out.append(_EPOCH.sub(lambda found, ahead=ahead: b"%d" % (int(found[0]) + ahead), lab))
    return b"".join(out)


def records(format_: str) -> list[bytes]:
    """The records of a format's log: lines with their ends, or whole documents."""
    log = LOGS[format_]
    if not log.calls:
        return queue_log(150).splitlines(keepends=True)
    make = import_module(f"telemetry.simulate.makes.{format_}")
    return [one.data for one in make.written(some_calls(7, log.calls), BANGKOK)]
