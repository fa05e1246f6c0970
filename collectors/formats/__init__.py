"""Every format, in one table: what turns a source's bytes into events."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from collectors.base import Decoder
from collectors.formats.asterisk_queue_log import QueueLog
from collectors.formats.kiosk_json import KioskJson


class Format(NamedTuple):
    """One row: what it reads and how to make a decoder for one source of one site."""

    records: str
    """`lines` (of a file or stream) or `messages` (of MQTT)."""
    make: Callable[..., Decoder]
    """Line formats: make(site=..., source=...). Message formats: make(sites=...), for all sites."""


FORMATS: dict[str, Format] = {
    "asterisk_queue_log": Format("lines", QueueLog),
    "kiosk_json": Format("messages", KioskJson),
}
