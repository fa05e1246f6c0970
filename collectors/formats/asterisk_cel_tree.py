"""One call in Asterisk's channel events: what is known of it so far, and why it left a queue unanswered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from zlib import crc32

from collectors.formats.asterisk_channels import S
from collectors.formats.reading import malformed
from telemetry.events import MISSING

AT_ONCE_US = S
"""How far apart two lines of one happening may stand: one-second stamps of the same moment differ by as much."""
_TIMEOUT = {"Queue": 4, "Dial": 1}
"""Which argument of the application is its time limit in seconds."""
_DIAL_ENDS = {
    "CANCEL": "abandoned",
    "NOANSWER": "timed_out",
    "BUSY": "no_agent",
    "CONGESTION": "no_agent",
    "CHANUNAVAIL": "no_agent",
}


class Row(NamedTuple):
    """What one line says, as it stands there."""

    kind: str
    time: str
    number: str
    exten: str
    channel: str
    app: str
    data: str
    uid: str
    lid: str
    extra: str


@dataclass(slots=True)
class Leg:
    """One telephone that rings, or was answered."""

    party: str
    since_us: int
    answered_us: int = MISSING
    ended_us: int = MISSING


@dataclass(slots=True)
class Tree:
    """One call. A passage is open while `entered_us` is known. It is stored between batches: it holds nobody's number."""

    contact: str
    channel: str
    """The mark of the caller's channel."""
    did: str
    key: str = ""
    """Its part in the ids of its events."""
    party: str = ""
    """The telephone of an extension that calls."""
    kind: str = "in"
    """`in`; `own` of an extension; `out` once that dialled outside."""
    k: int = 0
    """Passages so far."""
    unit: str = ""
    app: str = ""
    data: str = ""
    """The mark of the application's arguments."""
    limit_s: int = MISSING
    """Its time limit."""
    once: bool = False
    """Queue tries each agent only once (option n)."""
    exten: str = ""
    entered_us: int = MISSING
    rang: bool = False
    connected: str = ""
    """The leg of the person who answered."""
    leaving_us: int = MISSING
    """When the application ended; why is only seen by what follows."""
    left_exten: str = ""
    """The mark of where the dialplan went on, as `exten` is that of where it had been."""
    pressed: str = ""
    """The same where it is one key of a telephone."""
    moved_us: int = MISSING
    """When the call was sent on blindly. Asterisk tells a Queue that follows a Queue in no line of its own."""
    legs: dict[str, Leg] = field(default_factory=dict)


def exit_of(tree: Tree, why: Mapping[str, str] | None, *, hung_up: bool) -> str:
    """Why an unanswered call left. Who hung up says it best; what no line tells is the dialplan going on."""
    waited_s = tree.leaving_us // S - tree.entered_us // S  # as Asterisk itself counts a time limit
    at_limit = tree.limit_s != MISSING and waited_s >= tree.limit_s
    other_exten = tree.left_exten != tree.exten
    status = why.get("dialstatus", "") if why else ""
    if hung_up and (mark(why["hangupsource"]) == tree.channel if why else not (at_limit or other_exten)):
        return "abandoned"
    if tree.app == "Dial":
        if hung_up and status in _DIAL_ENDS:
            return _DIAL_ENDS[status]
        return "timed_out" if at_limit else "no_agent"
    if other_exten:
        return "left_by_key"
    if tree.leaving_us - tree.entered_us <= AT_ONCE_US and not tree.rang:
        return "withdrawn"
    return "timed_out" if at_limit or tree.once else "no_agent"


def mark(text: str) -> str:
    """What tells a text from another one nearby, and is too little to tell whose number stands in it."""
    return f"{crc32(text.encode('utf-8', 'replace')) & 0xFFFF:x}"


def limit_s(app: str, arguments: Sequence[str]) -> int:
    """The time limit that an application was given; MISSING for none."""
    limit = arguments[_TIMEOUT[app]].strip() if len(arguments) > _TIMEOUT[app] else ""
    return int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 8 else MISSING


def arguments(data: str) -> list[str]:
    return data.replace("|", ",").split(",")


def is_key(exten: str) -> bool:
    return len(exten) == 1 and exten in "0123456789*#"


def by_agent(why: Mapping[str, str] | None, caller: str, agent: str) -> int:
    source = why["hangupsource"] if why else ""
    if source and mark(source) == caller:
        return 0
    return 1 if source and (source == agent or source.startswith(f"{agent}-")) else MISSING


def why_of(extra: str) -> Mapping[str, str] | None:
    """Who hung up, and how the last Dial ended; None where the log does not say."""
    if not extra:
        return None
    if extra.startswith("{"):
        try:
            told = json.loads(extra)
        except (ValueError, RecursionError):
            raise malformed("eventextra", extra, "a JSON object") from None
        return {key: str(told.get(key, "")) for key in ("hangupsource", "dialstatus")}
    cause, *rest = extra.split(",")  # until Asterisk 11: cause, source, status
    if len(rest) != 2 or not cause.isdigit():
        raise malformed("eventextra", extra, "a JSON object")
    return {"hangupsource": rest[0], "dialstatus": rest[1]}
