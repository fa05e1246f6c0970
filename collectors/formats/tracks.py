"""What the messages of a device tell of those that are missing, and of its clock.

A number beyond the next one leaves a hole. A later message may still fill it; what is missing when the device has sent
256 further numbers, or after a quarter of an hour, or when it has started anew, is a gap. Numbers that come again
change nothing. A jump of more than 100,000 is taken for a new start: nobody can lose that many unseen. A device is
held to its numbers once they have gone up by one at least three times, and more often than not; one whose numbers go up
otherwise (shared with other devices, or times) is not judged until it starts anew.

The offset of a clock is receipt minus the time that the device gave, of the promptest tenth of its last messages: whatever
waited, at the device or at the broker, came late by more than the clock. Of many messages that came at once only the
newest of a device counts. One message alone decides nothing.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from collectors.rfc3339 import time_us
from telemetry.events import Event, Gap

WINDOW = 256
LATE_US = 15 * 60 * 1_000_000
FAR = 100_000
MOST_HOLES = 64
OFFSETS = 64
STEPS, JUMPS = 3, 8
"""So many steps of one make a numbering, so many jumps before them make none."""
FEWEST_OFFSETS = 5
"""Below this many messages a clock is not judged: one of them may have waited somewhere."""
OFF_US = 2_000_000
"""A clock further off than this is flagged."""
_SLOW = -2
"""What no number equals."""


class _Hole:
    """Numbers `first` to `last`, missing since `seen` came."""

    __slots__ = ("first", "from_us", "last", "received_us", "seen", "to_us")

    def __init__(self, first: int, last: int, seen: int, from_us: int, to_us: int, received_us: int) -> None:
        self.first, self.last, self.seen = first, last, seen
        self.from_us, self.to_us, self.received_us = from_us, to_us, received_us

    def row(self) -> list[int]:
        return [self.first, self.last, self.seen, self.from_us, self.to_us, self.received_us]


class Track:
    """One numbering of one device.

    Whoever reads its messages may do the common case in place, which is where the time goes: a number equal to
    `expect`, under the same `boot`, only makes `expect` the next one and `us` its time. All else is for `saw`, but
    what stands under a boot that is `unjudged`.
    """

    __slots__ = (
        *("_all", "_jumps", "_looked_up", "_next", "_proven", "_steps", "boot", "expect", "holes", "lost", "site"),
        *("source", "unjudged", "us"),
    )

    def __init__(self, tracks: Tracks, site: str, source: str, *, looked_up: bool) -> None:
        self._all, self.site, self.source, self._looked_up = tracks, site, source, looked_up
        self.boot, self.expect, self.us, self.lost = "", _SLOW, 0, 0
        self._next = -1  # what follows the highest number, while `expect` is _SLOW
        self.holes: list[_Hole] = []
        self._proven, self._steps, self._jumps, self.unjudged = False, 0, 0, ""

    @property
    def next(self) -> int:
        """The number after the highest seen; -1 before the first."""
        return self.expect if self.expect >= 0 else self._next

    def saw(self, boot: str, seq: int, us: int, received_us: int) -> None:
        """A message came with this number and time."""
        if not self._looked_up:
            self._all.urgent = True
        if seq == self.expect and boot == self.boot:
            self.expect, self.us = seq + 1, us
            return
        following = self.next
        if boot == self.boot and following - FAR <= seq < following and not self.holes:
            return
        self._all.changed = True
        if following < 0 or boot != self.boot or abs(seq - following) > FAR:
            self._give_up(self.holes if self._proven else [], seq + 1)
            self.holes, self.boot, self.us, self._all.urgent = [], boot, us, True
            self._steps, self._jumps, self.unjudged = 0, 0, ""
        elif seq < following:
            self._fill(seq)
        else:
            if seq > following:
                self.holes.append(_Hole(following, seq - 1, seq, self.us, us, received_us))
                self._jumps += 1
            else:
                self._steps += 1
            following, self.us, self.expect = seq + 1, us, _SLOW
            if not self._proven:
                self._proven = self._steps >= STEPS and self._steps > self._jumps
                if not self._proven and self._jumps >= JUMPS and self._jumps > self._steps:
                    self.holes, self.unjudged = [], boot
            self._next = following
        self._settle()

    def overdue(self, received_us: int) -> None:
        """Give up what has been missing for too long."""
        for hole in self.holes:
            hole.received_us = min(hole.received_us, received_us)  # our clock may have been set back
        if self._proven:
            self._give_up([h for h in self.holes if received_us - h.received_us > LATE_US], self.next)

    def _settle(self) -> None:
        """Give up what the window has passed, and choose how the next number is looked at."""
        following = self.next
        over: list[_Hole] = []
        if self._proven:
            over = [h for h in self.holes if following - h.seen > WINDOW]
        if len(self.holes) - len(over) > MOST_HOLES:
            over = self.holes[:-MOST_HOLES]
        self._give_up(over, following)

    def _fill(self, seq: int) -> None:
        for i, hole in enumerate(self.holes):
            if hole.first <= seq <= hole.last:
                rest = [(hole.first, seq - 1), (seq + 1, hole.last)]
                since = (hole.seen, hole.from_us, hole.to_us, hole.received_us)
                self.holes[i : i + 1] = [_Hole(first, last, *since) for first, last in rest if first <= last]
                return

    def _give_up(self, over: list[_Hole], following: int) -> None:
        """These are gaps now. What was left of one jump is one gap: it has one time."""
        together: dict[int, list[_Hole]] = {}
        for hole in over:
            together.setdefault(hole.seen, []).append(hole)
        for parts in together.values():
            n = sum(h.last - h.first + 1 for h in parts)
            self.lost += n
            numbers = ", ".join(f"{h.first}-{h.last}" if h.last > h.first else f"{h.first}" for h in parts[:20])
            detail = f"{n} of {self.boot or 'the device'}: {numbers}"
            self._all.gaps.append(Gap(self.site, self.source, "sequence", parts[0].from_us, parts[0].to_us, detail))
        given_up = set(map(id, over))
        self.holes = [h for h in self.holes if id(h) not in given_up]
        self.expect, self._next = (_SLOW if self.holes or not self._proven else following), following
        if self.holes:
            self._all.holed[id(self)] = self
        else:
            self._all.holed.pop(id(self), None)
        self._all.changed = True

    def row(self) -> list[Any]:
        judged = [self._proven, self._steps, self._jumps, self.unjudged]
        return [self.boot, self.next, self.us, self.lost, judged, [h.row() for h in self.holes]]

    def restore(self, row: Sequence[Any]) -> None:
        self.boot, following, self.us, self.lost, judged, holes = row
        self._proven, self._steps, self._jumps, self.unjudged = judged
        self.holes = [_Hole(*h) for h in holes]
        self.expect, self._next = (_SLOW if holes or not self._proven else following), following
        if holes:
            self._all.holed[id(self)] = self


class Tracks:
    """The numberings and clocks of all devices of one decoder."""

    def __init__(self) -> None:
        self._of: dict[str, Track] = {}
        self._offsets: dict[str, deque[int]] = {}
        self._looked_us = self._sum = 0
        self._kept: dict[str, list[Any]] = {}
        self.gaps: list[Gap] = []
        self.holed: dict[int, Track] = {}
        self.changed = False
        """Something was seen that is no mere next number."""
        self.urgent = False
        """Something was seen that `catch_up` could not find: a numbering that begins, or one that is in no id."""

    def of(self, site: str, source: str, lane: str = "") -> Track:
        """The numbering of a device; `lane` names one of several that it has."""
        key = f"{source} {lane}" if lane else source
        track = self._of.get(key)
        if track is None:
            track = self._of[key] = Track(self, site, source, looked_up=not lane)
            if key in self._kept:
                track.restore(self._kept.pop(key))
        return track

    def offset(self, source: str, us: int) -> None:
        """Receipt minus the device's own time, of a message that did not wait."""
        kept = self._offsets.get(source)
        if kept is None:
            kept = self._offsets[source] = deque(maxlen=OFFSETS)
        kept.append(us)

    def end_batch(self, events: Sequence[Event], received_us: int) -> list[Gap]:
        """Look at the newest event of each device, and give out the gaps that there are now."""
        for event in {e.source: e for e in events[-OFFSETS:]}.values():
            us = _sent_us(event)
            if us != received_us:  # else it gave no time
                self.offset(event.source, received_us - us)
        if self.holed and abs(received_us - self._looked_us) >= 1_000_000:
            self._looked_us = received_us
            for track in list(self.holed.values()):
                track.overdue(received_us)
        gaps, self.gaps = self.gaps, []
        return gaps

    def missing(self) -> dict[str, int]:
        """How many numbers of each device that has a numbering were given up, in all its numberings."""
        out: dict[str, int] = {}
        for key, row in self.rows().items():
            source = key.partition(" ")[0]
            out[source] = out.get(source, 0) + int(row[3])
        return out

    def clock_offset_us(self, source: str) -> int | None:
        kept = sorted(self._offsets.get(source, ()))
        return kept[max(1, len(kept) // 10)] if len(kept) >= FEWEST_OFFSETS else None

    def moved(self) -> bool:
        """Whether anything was seen since the last dump."""
        return self.changed or sum(t.next for t in self._of.values()) != self._sum

    def dump(self) -> dict[str, list[Any]]:
        self.changed = self.urgent = False
        self._sum = sum(t.next for t in self._of.values())
        return self.rows()

    def rows(self) -> dict[str, list[Any]]:
        """Every numbering as `dump` keeps it."""
        return self._kept | {key: track.row() for key, track in self._of.items() if track.next >= 0 or track.lost}

    def load(self, rows: dict[str, list[Any]]) -> None:
        """Take up an earlier dump; what is tracked already is forgotten."""
        self._kept = dict(rows)
        self.holed.clear()
        for key, track in self._of.items():
            track.restore(self._kept.pop(key, ["", -1, 0, 0, [False, 0, 0, ""], []]))

    def catch_up(self, ids: Callable[[str, str, str], Iterable[tuple[str, int]]], received_us: int) -> None:
        """See what was stored since the dump: `ids(source, from, below)` gives (id, time in µs) in their order."""
        for key, row in list(self._kept.items()):
            source, _, lane = key.partition(" ")
            boot, following = row[0], row[1]
            if lane or following < 0 or not boot:
                continue
            track = self.of(source.partition("/")[0], source)
            for ident, us in ids(source, f"{boot}:{following:010d}", f"{boot}:~"):
                number = ident.rpartition(":")[2]
                if number.isdecimal():
                    track.saw(boot, int(number), us, received_us)


def _sent_us(event: Event) -> int:
    """When it was sent: `recordedtime` where a CloudEvent has one, else when it happened."""
    if '"recordedtime"' in event.extra:
        try:
            return time_us(json.loads(event.extra)["recordedtime"])
        except (KeyError, TypeError, ValueError):
            pass
    return event.time_us
