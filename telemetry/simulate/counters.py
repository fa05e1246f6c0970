"""The hall: tickets wait for a free counter, first come first served within service and priority class."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from telemetry.simulate.plan import KIOSKS, Agenda, Plan, Work

PRIORITY_SHARE = 0.08
NO_SHOW_SHARE = 0.04
LATE_SHARE = 0.06
"""Come only when called again."""
TRANSFER_SHARE = 0.03
VOTE_SHARE = 0.42
SCORES = (0.02, 0.03, 0.09, 0.26, 0.60)
"""Of 1 to 5."""
IMPATIENT_US = 30 * 60_000_000
DISPOSITIONS = (0.89, 0.04, 0.07)
"""Done, referred, must return."""

Say = Callable[[str, str, dict[str, object]], None]
"""Device, kind, payload: what a device publishes now."""


@dataclass(slots=True)
class _Ticket:
    number: str
    service: str
    priority: int
    issued_us: int
    called: bool = False


@dataclass(slots=True)
class _Counter:
    name: str
    device: str
    home: str
    """The service it calls first; it helps the others when nobody waits for this one."""
    end_us: int
    open: bool = False
    busy: bool = False
    leaving: bool = False


class Hall:
    """One day at the counters. `truth` counts what really happened, apart from what is published."""

    def __init__(
        self,
        plan: Plan,
        services: Sequence[Work],
        rng: np.random.Generator,
        say: Say,
        agenda: Agenda,
        truth: dict[str, int],
        devices: int,
    ) -> None:
        self._services, self._rng, self._say, self._agenda, self._truth = services, rng, say, agenda, truth
        self._work = {service.id: service for service in services}
        self._waiting: dict[str, tuple[deque[_Ticket], deque[_Ticket]]] = {s.id: (deque(), deque()) for s in services}
        self._numbers = {service.id: 0 for service in services}
        homes = _homes(services, len(plan.counters))
        self._counters = [
            _Counter(str(n + 1), f"counter-{n % devices + 1}", homes[n], shift.end_us)
            for n, shift in enumerate(plan.counters)
        ]
        for counter, shift in zip(self._counters, plan.counters, strict=True):
            agenda.at(shift.start_us + rng.uniform(-90e6, 0), self._open, counter)
            for start_us, end_us, _ in shift.breaks:
                agenda.at(start_us, self._leave, counter)
                agenda.at(end_us, self._open, counter)
            agenda.at(shift.end_us, self._leave, counter)
        self.expect(plan.visitors_us)

    def expect(self, visitors_us: Sequence[int]) -> None:
        """These people will come."""
        shares = np.array([service.share for service in self._services])
        for number, time_us in enumerate(visitors_us):
            service = self._services[int(self._rng.choice(len(shares), p=shares / shares.sum()))].id
            priority = int(self._rng.random() < PRIORITY_SHARE)
            self._agenda.at(time_us, self._issue, service, priority, f"kiosk-{number % KIOSKS + 1}")

    def _issue(self, service: str, priority: int, kiosk: str) -> None:
        self._numbers[service] += 1
        ticket = _Ticket(
            f"{self._work[service].letter}{self._numbers[service]:03d}", service, priority, self._agenda.now_us
        )
        self._truth["tickets_issued"] += 1
        self._truth["tickets_priority"] += priority
        self._say(
            kiosk, "ticket", {"event": "issued", "ticket": ticket.number, "service": service, "priority": priority}
        )
        self._queue(ticket)

    def _queue(self, ticket: _Ticket) -> None:
        self._waiting[ticket.service][1 - ticket.priority].append(ticket)
        free = [counter for counter in self._counters if counter.open and not counter.busy]
        free.sort(key=lambda counter: counter.home != ticket.service)
        for counter in free[:1]:
            self._next(counter)

    def _open(self, counter: _Counter) -> None:
        counter.leaving = False
        if not counter.open:
            counter.open = True
            self._say(counter.device, "counter", {"event": "opened", "counter": counter.name})
            self._next(counter)

    def _leave(self, counter: _Counter) -> None:
        counter.leaving = True
        if counter.open and not counter.busy:
            self._next(counter)

    def _next(self, counter: _Counter) -> None:
        """Call the next ticket, or go: at once to lunch, at the end of the day when nobody waits any more."""
        at_end = self._agenda.now_us >= counter.end_us
        ticket = None if counter.leaving and not at_end else self._pick(counter)
        if ticket:
            counter.busy = True
            self._call(counter, ticket)
        elif counter.leaving:
            counter.open = False
            self._say(counter.device, "counter", {"event": "closed", "counter": counter.name})

    def _pick(self, counter: _Counter) -> _Ticket | None:
        for service in (counter.home, *(s.id for s in self._services if s.id != counter.home)):
            for waiting in self._waiting[service]:
                if waiting:
                    return waiting.popleft()
        return None

    def _ticket(self, event: str, counter: _Counter, ticket: _Ticket, **more: object) -> None:
        said = {"event": event, "ticket": ticket.number, "service": ticket.service, "counter": counter.name}
        self._say(counter.device, "ticket", said | more)

    def _call(self, counter: _Counter, ticket: _Ticket) -> None:
        if not ticket.called:
            ticket.called = True
            self._truth["tickets_called"] += 1
            self._truth["ticket_wait_ms"] += (self._agenda.now_us - ticket.issued_us) // 1000
        self._ticket("called", counter, ticket)
        luck = self._rng.random()
        if luck < NO_SHOW_SHARE:
            self._agenda.after(45, self._recall, counter, ticket)
            self._agenda.after(90, self._recall, counter, ticket)
            self._agenda.after(130, self._give_up, counter, ticket)
        elif luck < NO_SHOW_SHARE + LATE_SHARE:
            self._agenda.after(45, self._recall, counter, ticket)
            self._agenda.after(45 + self._rng.uniform(5, 35), self._start, counter, ticket)
        else:
            self._agenda.after(self._rng.uniform(6, 40), self._start, counter, ticket)

    def _recall(self, counter: _Counter, ticket: _Ticket) -> None:
        self._truth["recalls"] += 1
        self._ticket("recalled", counter, ticket)

    def _give_up(self, counter: _Counter, ticket: _Ticket) -> None:
        self._truth["no_shows"] += 1
        self._ticket("noshow", counter, ticket)
        self._agenda.after(5, self._free, counter)

    def _start(self, counter: _Counter, ticket: _Ticket) -> None:
        self._ticket("started", counter, ticket)
        mean_s = self._work[ticket.service].mean_min * 60
        self._agenda.after(max(40, mean_s * self._rng.lognormal(-0.125, 0.5)), self._finish, counter, ticket)

    def _finish(self, counter: _Counter, ticket: _Ticket) -> None:
        others = [service.id for service in self._services if service.id != ticket.service]
        if others and self._rng.random() < TRANSFER_SHARE and self._agenda.now_us < counter.end_us:
            self._truth["transfers"] += 1
            ticket.service = str(self._rng.choice(others))
            self._ticket("transferred", counter, ticket)
            self._agenda.after(self._rng.uniform(8, 30), self._free, counter)
            self._queue(ticket)
            return
        disposition = 1 + int(self._rng.choice(3, p=DISPOSITIONS))
        self._truth["tickets_served"] += 1
        self._truth["tickets_done"] += disposition == 1
        self._ticket("finished", counter, ticket, disposition=disposition)
        if self._rng.random() < VOTE_SHARE:
            waited_long = self._agenda.now_us - ticket.issued_us > IMPATIENT_US
            score = 1 + int(self._rng.choice(5, p=SCORES)) - (waited_long and self._rng.random() < 0.5)
            self._agenda.after(self._rng.uniform(4, 30), self._vote, counter, max(1, score), ticket.service)
        self._agenda.after(self._rng.uniform(8, 40), self._free, counter)

    def _vote(self, counter: _Counter, score: int, service: str) -> None:
        self._truth["votes"] += 1
        self._truth["vote_score_sum"] += score
        said = {"score": score, "counter": counter.name, "service": service}
        self._say(counter.device.replace("counter", "button"), "vote", said)

    def _free(self, counter: _Counter) -> None:
        counter.busy = False
        self._next(counter)


def _homes(services: Sequence[Work], counters: int) -> list[str]:
    """The service of each counter: as many as its part of the work, and one for each while there are enough."""
    load = {service.id: service.share * service.mean_min for service in services}
    homes: list[str] = []
    for _ in range(counters):
        homes.append(max(load, key=lambda s: load[s] / (0.5 + homes.count(s)) if s in homes else load[s] * 100))
    return homes
