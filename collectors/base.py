"""The contract of every collector: where bytes come from, and when their source may forget them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from telemetry.events import Decoded, Event, Gap


class NotConnected(Exception):  # noqa: N818  a state of the source, not a fault of ours
    """The source cannot be reached, or was lost. The pipeline tries again with back-off."""


class Message(NamedTuple):
    """One MQTT message, as the formats of devices take it."""

    topic: str
    payload: bytes
    retained: bool = False
    properties: bytes = b""
    """The properties of an MQTT 5 PUBLISH as they came, without their length; read only by formats that need them."""
    dup: bool = False
    """The broker sends it again: it may have been taken before a connection was lost."""


class Batch(NamedTuple):
    """What a source had ready at once. Never waits to fill."""

    records: Sequence[Any]
    """What the source's format takes: `Message` for MQTT, a line without its line end for files."""
    ack: Callable[[], None]
    """Tell the source that these may be forgotten. Called on the event loop, once, after the commit
    that holds them has returned; acts on the very connection that delivered them, or not at all."""
    cursor: str = ""
    """Where the next batch begins, for sources that can be read again; committed with the events."""
    gaps: Sequence[Gap] = ()
    restarts: bool = False
    """These are the first records of another file, or of the same one from its beginning."""
    received_us: int = 0
    """When they came, for sources that keep them before they are read; 0 is now."""


class Guess(NamedTuple):
    """What a format makes of the first records of something unknown."""

    sure: float
    """0 to 1: the part of the records that have this form, less what other formats have as well."""
    what: str
    """For people, to follow "this looks like": make, variant, and what it cannot tell."""
    settings: Mapping[str, Any] = {}
    """Settings of `[[sites.sources]]` that reading it needs, beside the format's name."""


class Collector(Protocol):
    """A source of batches. `connect` and `batches` raise `NotConnected`; nothing else is expected of them."""

    name: str
    """The source's id in the journal: events, cursor and counters are kept under it."""

    async def connect(self, cursor: str) -> None:
        """Reach the source; go on after `cursor` ("" at the very first start)."""

    def batches(self) -> AsyncIterator[Batch]:
        """Batches in the source's order, for as long as the connection lasts."""

    async def aclose(self) -> None:
        """Let go of everything. Safe to call twice, and before `connect`."""


@runtime_checkable
class HoldsBack(Protocol):
    """A decoder that cannot tell what a record means before the next ones have come."""

    def flush(self) -> Sequence[Event]:
        """What is held back, when nothing more will come: at the end of an import."""


class Decoder(Protocol):
    """A format at work on one source: sans-I/O, no clock, never raises for what a record holds."""

    def feed(self, records: Sequence[Any], received_us: int) -> Decoded:
        """The events, rejects and gaps of these records. `received_us` is when they came, UTC."""

    def restart(self) -> None:
        """The next record is the first of another file: forget what only holds within one."""

    def dump(self) -> str:
        """State to be committed with the cursor, so that a restart reads on exactly; "" when none."""

    def load(self, state: str) -> None:
        """Take up the state of an earlier `dump`."""
