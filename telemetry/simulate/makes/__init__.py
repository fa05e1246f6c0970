"""The invented calls of a day as each make of PBX would write them: one file a make, beside its format's name."""

from __future__ import annotations

from typing import NamedTuple

from telemetry.events import MISSING


class Attempt(NamedTuple):
    """One agent's telephone that rang for a call."""

    agent: str
    extension: str
    from_us: int
    until_us: int
    answered: bool


class Call(NamedTuple):
    """What truly happened to one caller: one passage through one queue."""

    id: str
    """As Asterisk numbers channels: seconds since 1970, a dot, a number that only grows."""
    number: str
    """The caller's; "" when withheld."""
    did: str
    """What the caller dialled."""
    queue: str
    position: int
    arrival_us: int
    attempts: tuple[Attempt, ...]
    outcome: str
    """`answered`, `abandoned`, `timed_out`, `no_agent` or `left_by_key`."""
    end_us: int
    """When the caller left the queue, or the conversation ended."""
    answer_us: int = MISSING
    ended_by: str = ""
    """`agent` or `caller`, of an answered call."""
    transferred_to: str = ""

    @property
    def serial(self) -> int:
        """A number that no other call of the centre has within some years."""
        return self.arrival_us // 86_400_000_000 % 1000 * 100_000 + int(self.id.rpartition(".")[2]) % 100_000

    def moved(self, by_us: int) -> Call:
        """The same call at another time; `by_us` in whole seconds."""
        if not by_us:
            return self
        epoch, _, number = self.id.partition(".")
        return self._replace(
            id=f"{int(epoch) + by_us // 1_000_000}.{number}",
            arrival_us=self.arrival_us + by_us,
            attempts=tuple(a._replace(from_us=a.from_us + by_us, until_us=a.until_us + by_us) for a in self.attempts),
            end_us=self.end_us + by_us,
            answer_us=self.answer_us if self.answer_us == MISSING else self.answer_us + by_us,
        )


class Written(NamedTuple):
    """A line with its line end, or a whole document, and when the PBX writes it."""

    time_us: int
    data: bytes
