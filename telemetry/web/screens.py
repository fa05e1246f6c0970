"""What the screens for citizens and for counter staff are made of. Missing is None; times are milliseconds since 1970 UTC."""

from __future__ import annotations

from typing import Literal, TypedDict

Standing = Literal["waiting", "called", "served", "missed", "withdrawn", "unknown"]


class Range(TypedDict):
    """A wait from now, in whole minutes as they are shown; both None where it cannot be told."""

    from_minutes: int | None
    to_minutes: int | None


class Named(TypedDict):
    """A service or channel."""

    unit: str
    name_th: str
    name_en: str


class HallCall(Named):
    """A ticket that is being served, or was called last at its counter."""

    key: str
    """Another one for each call."""
    ticket: str
    counter: str | None
    called_ms: int


class HallLine(Named, Range):
    """The line of one service, and the wait of somebody who would take a ticket now."""

    waiting: int
    target_minutes: float | None


class OwnTicket(Named, Range):
    """One ticket of today."""

    ticket: str
    standing: Standing
    ahead: int | None
    counter: str | None
    called_ms: int | None


class Hall(TypedDict):
    """The hall of one site at one moment; None of its numbers names a person."""

    version: int
    as_of_ms: int
    told: bool
    """Whether the centre's tickets are known at all."""
    calls: list[HallCall]
    """Newest first."""
    lines: list[HallLine]


class Replies(Named):
    """One online channel: who waits for a first reply."""

    waiting: int
    overdue: int
    first_due_ms: int | None
    """Until when the first of them is to be answered; in the past where it is late."""


class Complaints(TypedDict):
    open: int
    overdue: int
    due_soon: int
    """Due within a day."""


class Glance(TypedDict):
    """What counter staff need beside the board; None where the centre has no such source."""

    replies: list[Replies]
    complaints: Complaints | None
