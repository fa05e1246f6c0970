"""The telephone: callers wait in one queue for a free agent, as Asterisk's app_queue rings and logs them.

One phone rings at a time for one caller: the agent who has been free longest, for 15 s at most, then 5 s pause.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from telemetry.events import MISSING
from telemetry.simulate.makes import Attempt, Call
from telemetry.simulate.plan import HOTLINE, Agenda, Plan

RING_S = 15.0
RETRY_S = 5.0
LONGEST_WAIT_S = 150.0
MISSES_SHARE = 0.06
"""Rings in vain."""
KEY_SHARE = 0.08
"""Callers who would rather press 0 for the recorded announcement when they wait."""
BLIND_TRANSFER_SHARE = 0.06
CALLBACK_SHARE = 0.5
"""Of those who were not answered."""
REPEAT_SHARE = 0.06
"""Of those who were."""
WITHHELD_SHARE = 0.05
DID = "020000000"
_OUTCOMES = {
    "ABANDON": "abandoned",
    "EXITWITHTIMEOUT": "timed_out",
    "EXITEMPTY": "no_agent",
    "EXITWITHKEY": "left_by_key",
}

Log = Callable[[str], None]
"""The rest of a line of queue_log after its time, written now."""
Ended = Callable[[Call], None]
"""What truly became of a call, told right after the line that ends it: other makes write it then."""
FIRST_EXTENSION = 201


@dataclass(slots=True)
class _Call:
    id: str
    number: str
    entered_us: int
    position: int
    waiting: bool = True
    rung_by: _Agent | None = None
    rings_since_us: int = 0
    next_try_us: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    answer_us: int = MISSING


@dataclass(slots=True)
class _Agent:
    name: str
    extension: str
    there: bool = False
    paused: bool = True
    busy: bool = False
    """Rings, talks, or writes up."""
    free_since_us: int = 0
    pause_wanted: str = ""
    off_wanted: bool = False


class Phones:
    """One day on the telephone. `truth` counts what really happened, apart from what is logged."""

    def __init__(
        self, plan: Plan, rng: np.random.Generator, log: Log, ended: Ended, agenda: Agenda, truth: dict[str, int]
    ) -> None:
        self._rng, self._write, self._ended, self._agenda, self._truth = rng, log, ended, agenda, truth
        self._closes_us = plan.closes_us
        self._line: list[_Call] = []
        self._channels = 0
        self._agents = [_Agent(name, str(FIRST_EXTENSION + n)) for n, name in enumerate(plan.agents)]
        first_us = min((shift.start_us for shift in plan.agents.values()), default=0)
        if plan.agents:
            agenda.at(first_us - 60e6, log, "NONE|NONE|NONE|QUEUESTART|")
        for agent, shift in zip(self._agents, plan.agents.values(), strict=True):
            agenda.at(shift.start_us, self._come, agent)
            for start_us, end_us, why in shift.breaks:
                agenda.at(start_us, self._want_pause, agent, why)
                agenda.at(end_us, self._back, agent)
            agenda.at(shift.end_us, self._want_off, agent)
        self.expect(plan.calls_us)

    def expect(self, calls_us: Sequence[int]) -> None:
        """These people will call, for the first time."""
        for time_us in calls_us:
            number = "" if self._rng.random() < WITHHELD_SHARE else f"08{self._rng.integers(0, 10**8):08d}"
            self._agenda.at(time_us, self._enter, number)

    # Callers.

    def _enter(self, number: str) -> None:
        now_us = self._agenda.now_us
        self._channels += 1
        call = _Call(f"{now_us // 1_000_000}.{self._channels}", number, now_us, len(self._line) + 1)
        self._truth["calls_offered"] += 1
        self._truth["calls_withheld"] += not number
        self._write(f"{call.id}|{HOTLINE}|NONE|DID|{DID}")
        self._write(f"{call.id}|{HOTLINE}|NONE|ENTERQUEUE||{number}|{call.position}")
        self._line.append(call)
        self._agenda.after(max(2.0, self._rng.lognormal(4.6, 0.9)), self._exit, call, "ABANDON")
        self._agenda.after(LONGEST_WAIT_S, self._exit, call, "EXITWITHTIMEOUT")
        if self._rng.random() < KEY_SHARE:
            self._agenda.after(self._rng.uniform(12, 40), self._exit, call, "EXITWITHKEY")
        self._dispatch()
        self._when_empty()

    def _exit(self, call: _Call, event: str) -> None:
        """Leave the queue without an answer, unless answered or gone before."""
        if not call.waiting:
            return
        call.waiting = False
        agent = call.rung_by
        if agent:
            self._write(
                f"{call.id}|{HOTLINE}|{agent.name}|RINGCANCELED|{(self._agenda.now_us - call.rings_since_us) // 1000}"
            )
        place = f"{self._line.index(call) + 1}|{call.position}|{self._since_s(call.entered_us)}"
        self._write(f"{call.id}|{HOTLINE}|NONE|{event}|{'0|' if event == 'EXITWITHKEY' else ''}{place}")
        self._tell(call, _OUTCOMES[event])
        self._line.remove(call)
        self._truth[f"calls_{_OUTCOMES[event]}"] += 1
        if event != "EXITWITHKEY":
            self._call_again(call, CALLBACK_SHARE)
        if agent:
            self._free(agent)

    def _call_again(self, call: _Call, share: float) -> None:
        later_s = self._rng.uniform(120, 1500)
        if self._rng.random() < share and self._agenda.now_us + later_s * 1e6 < self._closes_us:
            self._truth["calls_again"] += 1
            self._agenda.after(later_s, self._enter, call.number)

    def _since_s(self, then_us: int) -> int:
        """As Asterisk counts: the difference of two clocks of whole seconds."""
        return self._agenda.now_us // 1_000_000 - then_us // 1_000_000

    def _rang(self, call: _Call, *, answered: bool) -> None:
        agent, now_us = call.rung_by, self._agenda.now_us
        if agent:
            call.attempts.append(Attempt(agent.name, agent.extension, call.rings_since_us, now_us, answered))

    def _tell(self, call: _Call, outcome: str, ended_by: str = "", transferred_to: str = "") -> None:
        if outcome != "answered":
            self._rang(call, answered=False)
        self._ended(
            Call(
                call.id, call.number, DID, HOTLINE, call.position, call.entered_us, tuple(call.attempts), outcome,
                self._agenda.now_us, call.answer_us, ended_by, transferred_to,
            )
        )  # fmt: skip

    # Ringing and talking.

    def _dispatch(self) -> None:
        now_us = self._agenda.now_us
        for call in self._line:
            if call.rung_by or call.next_try_us > now_us:
                continue
            free = [agent for agent in self._agents if agent.there and not agent.paused and not agent.busy]
            if not free:
                return
            agent = min(free, key=lambda one: one.free_since_us)
            agent.busy, call.rung_by, call.rings_since_us = True, agent, now_us
            if self._rng.random() < MISSES_SHARE:
                self._agenda.after(RING_S, self._miss, call, agent, now_us)
            else:
                self._agenda.after(
                    min(RING_S - 0.5, 1 + self._rng.lognormal(1.3, 0.6)), self._connect, call, agent, now_us
                )

    def _rings(self, call: _Call, agent: _Agent, since_us: int) -> bool:
        """Whether it is still this attempt that rings."""
        return call.waiting and call.rung_by is agent and call.rings_since_us == since_us

    def _miss(self, call: _Call, agent: _Agent, since_us: int) -> None:
        if not self._rings(call, agent, since_us):
            return
        self._truth["rings_missed"] += 1
        self._write(f"{call.id}|{HOTLINE}|{agent.name}|RINGNOANSWER|{RING_S * 1000:.0f}")
        self._rang(call, answered=False)
        call.rung_by = None
        call.next_try_us = self._agenda.now_us + int(RETRY_S * 1e6)
        self._agenda.after(RETRY_S, self._dispatch)
        self._free(agent)

    def _connect(self, call: _Call, agent: _Agent, since_us: int) -> None:
        if not self._rings(call, agent, since_us):
            return
        now_us = self._agenda.now_us
        self._channels += 1
        hold_s = self._since_s(call.entered_us)
        channel = f"{since_us // 1_000_000}.{self._channels}"
        self._write(f"{call.id}|{HOTLINE}|{agent.name}|CONNECT|{hold_s}|{channel}|{(now_us - since_us) // 1_000_000}")
        self._rang(call, answered=True)
        call.waiting, call.answer_us = False, now_us
        self._line.remove(call)
        self._truth["calls_answered"] += 1
        self._truth["call_wait_s"] += hold_s
        self._agenda.after(max(8, self._rng.lognormal(4.9, 0.6)), self._hang_up, call, agent, now_us, hold_s)

    def _hang_up(self, call: _Call, agent: _Agent, since_us: int, hold_s: int) -> None:
        times = f"{hold_s}|{self._since_s(since_us)}|{call.position}"
        self._truth["call_talk_s"] += self._since_s(since_us)
        if self._rng.random() < BLIND_TRANSFER_SHARE:
            self._truth["calls_transferred"] += 1
            to = str(self._rng.integers(201, 230))
            self._write(f"{call.id}|{HOTLINE}|{agent.name}|BLINDTRANSFER|{to}|from-internal|{times}")
            self._tell(call, "answered", "agent", to)
        else:
            event = "COMPLETEAGENT" if self._rng.random() < 0.35 else "COMPLETECALLER"
            self._write(f"{call.id}|{HOTLINE}|{agent.name}|{event}|{times}")
            self._tell(call, "answered", event.removeprefix("COMPLETE").lower())
            self._call_again(call, REPEAT_SHARE)
        self._agenda.after(self._rng.uniform(4, 25), self._free, agent)

    # Agents.

    def _come(self, agent: _Agent) -> None:
        agent.there, agent.paused, agent.free_since_us = True, False, self._agenda.now_us
        self._write(f"MANAGER|{HOTLINE}|{agent.name}|ADDMEMBER|")
        self._dispatch()

    def _free(self, agent: _Agent) -> None:
        agent.busy, agent.free_since_us = False, self._agenda.now_us
        self._settle(agent)
        self._dispatch()

    def _want_pause(self, agent: _Agent, why: str) -> None:
        agent.pause_wanted = why
        self._settle(agent)

    def _want_off(self, agent: _Agent) -> None:
        agent.off_wanted = True
        self._settle(agent)

    def _settle(self, agent: _Agent) -> None:
        """Do what the agent has been waiting to do until the call was over."""
        if agent.busy or not agent.there:
            return
        if agent.pause_wanted and not agent.paused:
            agent.paused = True
            self._both("PAUSE", agent, agent.pause_wanted)
        if agent.off_wanted:
            agent.there = False
            self._write(f"MANAGER|{HOTLINE}|{agent.name}|REMOVEMEMBER|")
        self._when_empty()

    def _back(self, agent: _Agent) -> None:
        agent.pause_wanted = ""
        if agent.there and agent.paused:
            agent.paused, agent.free_since_us = False, self._agenda.now_us
            self._both("UNPAUSE", agent, "")
            self._dispatch()

    def _both(self, event: str, agent: _Agent, why: str) -> None:
        self._truth["pauses"] += event == "PAUSE"
        self._write(f"NONE|NONE|{agent.name}|{event}ALL|{why}")
        self._write(f"NONE|{HOTLINE}|{agent.name}|{event}|{why}")

    def _when_empty(self) -> None:
        """Nobody left who could answer: who waits is sent away within moments."""
        if not any(agent.there and not agent.paused for agent in self._agents):
            for call in self._line:
                self._agenda.after(self._rng.uniform(0.5, 2), self._exit_if_empty, call)

    def _exit_if_empty(self, call: _Call) -> None:
        if not any(agent.there and not agent.paused for agent in self._agents):
            self._exit(call, "EXITEMPTY")
