"""To InfluxDB, or any store that takes its write API: the sums of every quarter of an hour, exactly as /v1/kpis has them.

Events behind a committed offset of the journal make local days due; a due day is computed by the function that also
answers /v1/kpis, compared with what the store has of it, and the points that differ are written again as the same points.
A day stops being due when the store has said 204, so that nothing is lost or doubled however often either side dies.

Everything here is done in a thread of its own, a bounded share of the time, with readers of its own: a store that is slow
or gone delays nobody.
"""

from __future__ import annotations

import hashlib
import logging
import random
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from telemetry.config import Config, influxdb_token
from telemetry.exporters.influxdb_days import reach
from telemetry.exporters.influxdb_due import Sites
from telemetry.exporters.influxdb_sending import Change, Sending
from telemetry.exporters.influxdb_state import Due, State
from telemetry.exporters.influxdb_status import Status
from telemetry.exporters.influxdb_store import MOST_POINTS, Denied, Store, Unreachable
from telemetry.exporters.influxdb_thread import in_a_thread
from telemetry.journal_follower import Follower
from telemetry.journal_reader import JournalError

log = logging.getLogger("gecc.influxdb")

FILE = "influxdb.db"
SHARE_OF_TIME = 0.25
"""Of one processor, at most."""
EVENTS_AT_ONCE = 20_000
DAYS_AT_ONCE = 31
IDLE_S = 1.0
LONGEST_WAIT_S = 60.0
DENIED_S = 300.0
"""After an answer that only the operator can mend."""
AGAIN_S = 900.0
"""A day that is only looked at again is at most computed so often."""
OPEN_AGAIN_S = 3600.0
"""The open day is computed wholly this often: hours begin and end, replies become late, callers call again."""
GATHER_S = 5.0
"""Points of many sites are gathered for so long, to go in one call."""
DOUBTED_S = 300.0
"""What a store said it had taken so long before it was gone is given to it again: stores keep the newest in memory."""


class Exporter:
    """The work, step by step; `step` is called again after as many seconds as it returns, always by one thread."""

    def __init__(
        self,
        config: Config,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.thread_time,
        crashpoint: Callable[[str], None] = lambda _point: None,
    ) -> None:
        assert config.influxdb is not None
        self._settings = config.influxdb
        self._config, self._clock, self._monotonic, self._worked = config, clock, monotonic, worked
        self._crashpoint = crashpoint
        self._store = Store(self._settings, lambda: influxdb_token(self._settings))
        self._state: State | None = None
        self._opened_at: dict[str, float] = {}
        """Site → when its open day was last computed."""
        self._looked_at: dict[tuple[str, int], float] = {}
        """The same of days that are over."""
        self._earlier_at: dict[str, float] = {}
        """Site → when such days of it were last computed."""
        self._asked_at: dict[str, float] = {}
        self._gathered: list[Change] = []
        self._gathered_at = 0.0
        self._turn = 0
        self._failed = 0
        self._denied = ""
        self._doubted = self._doubtful = False
        """Whether what was written last was given again since the last call that failed, and whether it must be."""
        self.status = Status()

    def metrics(self) -> Mapping[str, float | Mapping[str, float]]:
        """What it says of itself on /metrics."""
        return self.status.metrics()

    def close(self) -> None:
        """Let go of the files; the next step opens them again."""
        self._store.close()
        if self._state is not None:
            self._state.close()
            self._state = None

    def step(self) -> float:
        """Do some of what is to be done; seconds until the next step."""
        began = self._worked()
        try:
            busy = self._some()
        except Unreachable as problem:
            self._forget()
            self._doubtful = not self._doubted
            pause = min(2.0**self._failed, LONGEST_WAIT_S)
            self._failed = min(self._failed + 1, 10)
            self._trouble(problem.reason, str(problem))
            return max(pause * random.uniform(0.5, 1), problem.retry_after_s)  # noqa: S311 - not a secret
        except Denied as problem:
            self._forget()
            if self._denied != str(problem):
                log.error("the store at %s refuses us, nothing is written: %s", self._settings.url, problem)  # noqa: TRY400
                self._denied = str(problem)
            self._trouble(problem.reason, str(problem))
            return DENIED_S
        except (JournalError, sqlite3.Error, OSError) as problem:
            log.error("%s; tried again in a minute", problem)  # noqa: TRY400
            self._forget()
            self.close()
            self._trouble("disk", str(problem))
            return LONGEST_WAIT_S
        except Exception:
            log.exception("tried again in a minute")
            self._forget()
            self.close()
            self._trouble("internal", "see the log")
            return LONGEST_WAIT_S
        return (self._worked() - began) * (1 / SHARE_OF_TIME - 1) if busy else IDLE_S

    def _forget(self) -> None:
        """What was gathered was not written: its days are still due, and may be computed again at once."""
        self._gathered = []
        for when in (self._opened_at, self._earlier_at, self._looked_at):
            when.clear()

    def _doubt(self, state: State) -> None:
        """A store that was killed has lost what it had taken last and not yet written down."""
        with state.transaction():
            state.doubt("at_s >= ?", int(self._clock() - DOUBTED_S))
        self._doubted, self._doubtful = True, False

    def _trouble(self, reason: str, text: str) -> None:
        failures = {**self.status.failures, reason: self.status.failures.get(reason, 0) + 1}
        self._say(up=False, problem=text, failures=failures)

    def _say(self, **what: Any) -> None:
        old = self.status
        told: dict[str, Any] = {name: getattr(old, name) for name in Status.__slots__} | what
        if self._state is not None:
            behind = max(self._end - self._state.sent_upto(), 0)
            told = told | {"behind_events": behind, "set_aside": self._state.number_set_aside}
        self.status = Status(**told)

    def _some(self) -> bool:
        """Read events, or compute one run of days, or write what was gathered; whether there is more to do at once."""
        state, sites = self._opened()
        self._end = self._journal.ends()[0]
        if self._doubtful:
            self._doubt(state)
        if self._gathered and (self._full() or self._monotonic() >= self._gathered_at + GATHER_S):
            self._write(state)
            return True
        now_us = int(self._clock() * 1e6)
        if not self._gathered:  # what became due after a day was computed must outlive its being done
            if sites.read(state, now_us, EVENTS_AT_ONCE):
                return True
            sites.look_again(state, now_us)
            self._again(state, sites, now_us)
        run = self._next(state, sites, now_us)
        if run is not None and not any(c.site == run[0] and c.day in run[1] for c in self._gathered):
            self._compute(state, sites, run, now_us)
            return True
        if self._gathered:
            self._write(state)
            return True
        self._say()
        return False

    def _opened(self) -> tuple[State, Sites]:
        if self._state is None:
            s, data = self._settings, self._config.data
            destination = hashlib.sha256(repr((s.url, s.org, s.bucket)).encode()).hexdigest()
            self._journal = Follower(data)
            state = State(data / FILE, destination)
            try:
                self._sites = Sites(self._journal, self._config.sites)
                self._sites.begin(state)
            except BaseException:
                state.close()
                raise
            self._state = state
            self._doubt(state)
        return self._state, self._sites

    # -- what to do next ---------------------------------------------------------------------------------------------

    def _again(self, state: State, sites: Sites, now_us: int) -> None:
        """Make open days due, wholly, at the start and every hour."""
        now = self._monotonic()
        for site in self._config.sites:
            row = state.site(site.id) if now >= self._asked_at.get(site.id, -1e18) + OPEN_AGAIN_S else None
            if row is not None:
                self._asked_at[site.id] = now
                today = sites.today(site, now_us)
                if row.last_day is not None and row.last_day >= today - reach(site):
                    with state.transaction():
                        state.make_due(site.id, {today: Due(None, far=True)})

    def _next(self, state: State, sites: Sites, now_us: int) -> tuple[str, list[int], bool] | None:
        """(site, days, far) of what is to be computed now: open days first, and now and then a run of earlier ones."""
        due = [site for site in state.due_sites() if site in sites.of]
        self._turn += 1
        order = (self._open_days, self._earlier_days)
        for choose in order if self._turn % 4 else reversed(order):
            found = choose(state, sites, due, now_us)
            if found is not None:
                return found
        return None

    def _open_days(
        self, state: State, sites: Sites, due: Sequence[str], now_us: int
    ) -> tuple[str, list[int], bool] | None:
        now, interval = self._monotonic(), self._settings.interval_s
        for site in sorted(due, key=lambda site: self._opened_at.get(site, -1e18)):
            if now < self._opened_at.get(site, -1e18) + interval:
                return None
            days = state.due(site, sites.today(sites.of[site], now_us), 10**6)
            if days:
                self._opened_at[site] = now
                run = _run(list(days))
                return site, run, any(days[day].far for day in run if day in days)
        return None

    def _earlier_days(
        self, state: State, sites: Sites, due: Sequence[str], now_us: int
    ) -> tuple[str, list[int], bool] | None:
        now, interval = self._monotonic(), self._settings.interval_s
        if len(self._looked_at) > 20_000:
            self._looked_at = {key: at for key, at in self._looked_at.items() if now < at + AGAIN_S}
        for site in sorted(due, key=lambda site: self._earlier_at.get(site, -1e18)):
            days = state.due(site, -(10**6), sites.today(sites.of[site], now_us))
            ripe = [
                day
                for day, of in days.items()
                if now >= self._looked_at.get((site, day), -1e18) + (AGAIN_S if of.seq is None else interval)
            ]
            if ripe:
                run = _run(ripe)
                self._earlier_at[site] = now
                self._looked_at.update({(site, day): now for day in run})
                return site, run, True
        return None

    # -- doing it ----------------------------------------------------------------------------------------------------

    def _compute(self, state: State, sites: Sites, run: tuple[str, list[int], bool], now_us: int) -> None:
        site, days, far = run
        if not self._gathered:
            self._gathered_at = self._monotonic()
        with state.transaction():  # new series and units get their numbers
            for day, points in sites.points(state, site, days, now_us, far=far).items():
                self._gathered.append(Change.of(state, site, day, points, far=far))

    def _full(self) -> bool:
        return sum(len(change.points) for change in self._gathered) >= MOST_POINTS

    def _write(self, state: State) -> None:
        """Give the store what was gathered; what it has taken is no longer due, also where a later call fails."""
        gathered, self._gathered = self._gathered, []
        sending = Sending(state, self._store, self._crashpoint, self._clock())
        try:
            sending.send(gathered)
        finally:
            self._say(points=self.status.points + sending.taken)
        for line, reason in sending.refused:
            log.error("the store refuses a point, which is set aside: %s: %s", reason, line[:200])
        if sending.calls:
            if not self.status.up:
                log.info("the store at %s takes points", self._settings.url)
            self._failed, self._denied, self._doubted = 0, "", False
            self._say(up=True, problem="")

    async def run(self) -> None:
        """Work in a thread until cancelled."""
        await in_a_thread(self.step, self.close)


def _run(days: list[int]) -> list[int]:
    """The first of these days, which ascend, that are computed at once: they lie close together."""
    run = days[:1]
    for day in days[1:]:
        if day - run[-1] > 3 or day - run[0] >= DAYS_AT_ONCE:
            break
        run.append(day)
    return run
