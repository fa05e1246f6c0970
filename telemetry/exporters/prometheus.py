"""/metrics: a view over one snapshot.

Counters are the numerators and denominators, so that any ratio can be formed over any period; they count what came from
the day before the service first ran and go on over restarts, but take nothing from imports of the past. Gauges
`gecc_today_<kpi>` are today's figures of a site as the wallboard shows them; a figure without data has no sample. Labels
are site and unit (a queue, service, channel, device or source), from the configuration and the PBX's queues, and words of
the configuration; never a caller, ticket or agent.

A page of many sites is a quarter of a million samples: what did not change since the last page is not computed again, and
what is written is written in bulk.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime

from prometheus_client.exposition import choose_encoder

from kpis.cube import NOTHING, Cube, merge
from telemetry.exporters.declared import Declared
from telemetry.exporters.family import Family, Histogram
from telemetry.exporters.places import Places
from telemetry.exporters.standing import Standing
from telemetry.exporters.text import Text
from telemetry.exporters.today import Today
from telemetry.exporters.totals import EDGES, Totals
from telemetry.exporters.view import SnapshotNow, View
from telemetry.exporters.waiting import Waiting

__all__ = ["EDGES", "Pages", "negotiated"]

SITES_AT_ONCE = 128
TURN_S = 0.002
"""The page is made in a thread, but the interpreter runs one at a time."""


def negotiated(accept: str) -> tuple[bool, str]:
    """Whether a scraper with this Accept header is given OpenMetrics, and the content type. Names need no escaping, so
    every scheme is answered with the one that changes nothing."""
    plain = accept.replace("escaping=dots", "escaping=underscores").replace("escaping=values", "escaping=underscores")
    content_type = choose_encoder(plain)[1]
    return content_type.startswith("application/openmetrics-text"), content_type


class Pages:
    """The pages of one service, one after another; may be asked for in any thread."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._text = Text()
        self._state: _State | None = None

    def render(self, view: View, *, openmetrics: bool = False) -> bytes:
        """The page."""
        parts: list[bytes] = []
        turn = time.perf_counter()
        with self._one_at_a_time:
            for family in self._families(view):
                if time.perf_counter() - turn > TURN_S:
                    time.sleep(0)  # whoever takes events in has its turn
                    turn = time.perf_counter()
                parts += self._text.of(family, openmetrics=openmetrics)
        if openmetrics:
            parts.append(b"# EOF\n")
        return b"".join(parts)

    def families(self, view: View) -> list[Family | Histogram]:
        """What the page is made of; it holds until the next page."""
        with self._one_at_a_time:
            return list(self._families(view))

    def take_up(self, newest: Callable[[], SnapshotNow]) -> None:
        """Take up what sites say now, so that the next page has less to do; in between a page may be asked for."""
        more = self._state is not None
        while more:
            with self._one_at_a_time:
                now = newest()
                more = self._state is not None and self._state.take(now)
                if self._state is not None and not more:
                    self._state.settle(now)
            time.sleep(0)

    def _families(self, view: View) -> Iterator[Family | Histogram]:
        if self._state is None:
            self._state = _State(view)
        while self._state.take(view.snapshot):
            pass
        self._state.settle(view.snapshot)
        return self._state.families(view)


class _State:
    """What is kept between pages. Sites and what they declare are those of the first."""

    def __init__(self, view: View) -> None:
        self._places = Places(view.sites, view.configured, view.names)
        self._totals, self._waiting = Totals(self._places), Waiting(self._places)
        self._today, self._declared = Today(view.sites, view.configured), Declared(view.configured)
        self._standing = Standing()
        self._codes = sorted(view.sites)
        self._taken: dict[int, tuple[int, Cube]] = {}
        """What each site last said, and its version."""

    def take(self, now: SnapshotNow) -> bool:
        """Take up some sites that say something newer than before; whether there were any."""
        says = {c: (now.version.get(c, 0), now.sites.get(c, NOTHING)) for c in self._codes}
        some = [c for c in self._codes if _newer(says[c], self._taken.get(c))][:SITES_AT_ONCE]
        if some:
            cube = _together(now.sites, some)
            self._totals.take(some, cube)
            self._today.take(some, cube, now.today)
            self._waiting.take(some, now.waiting, now.standing, _together(now.matters, some))
            self._taken.update((c, says[c]) for c in some)
        return bool(some)

    def settle(self, now: SnapshotNow) -> None:
        """Nothing more is taken up for now."""
        self._totals.close(now.closed)
        self._today.settle()

    def families(self, view: View) -> Iterator[Family | Histogram]:
        """All families of the page."""
        days = {
            site: _date(day) for code, site in view.sites.items() if (day := view.snapshot.today.get(code)) is not None
        }
        yield from self._standing.families(view)
        yield from self._declared.families(days, self._places.labels.rows)
        yield from self._waiting.families(view.now_us())
        yield from self._today.families()
        yield from self._totals.families()


def _newer(says: tuple[int, Cube], said: tuple[int, Cube] | None) -> bool:
    return said is None or (says[0] >= said[0] and (says[0] > said[0] or says[1] is not said[1]))


def _together(cubes: Mapping[int, Cube], codes: list[int]) -> Cube:
    found = [cube for code in codes if (cube := cubes.get(code, NOTHING)).blocks]
    return merge(found) if found else NOTHING


def _date(local_day: int) -> date:
    return datetime.fromtimestamp(local_day * 86400, UTC).date()
