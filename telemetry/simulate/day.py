"""A believable day of a service centre, as its devices and its PBX would tell it. Pure: the same seed, the same day."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from telemetry.simulate.counters import Hall
from telemetry.simulate.makes import Call
from telemetry.simulate.phones import Phones
from telemetry.simulate.plan import (
    AGENTS,
    CALLS,
    COUNTERS,
    KIOSKS,
    MINUTE_US,
    NEVER_US,
    SERVICES,
    VISITORS,
    Agenda,
    Plan,
    Work,
    office_day,
)

HEARTBEAT_S = 600.0
TRUTH = (
    *("tickets_issued", "tickets_priority", "tickets_called", "ticket_wait_ms", "tickets_served", "tickets_done"),
    *("no_shows", "recalls", "transfers", "votes", "vote_score_sum"),
    *("calls_offered", "calls_withheld", "calls_answered", "call_wait_s", "call_talk_s", "calls_transferred"),
    *(
        "calls_abandoned",
        "calls_timed_out",
        "calls_no_agent",
        "calls_left_by_key",
        "calls_again",
        "rings_missed",
        "pauses",
    ),
)
"""What the simulator counts while it plays; `_ms` and `_s` are sums."""


class Action(NamedTuple):
    """One thing that a device publishes, or that the PBX writes."""

    time_us: int
    device: str
    """"" for a line of queue_log."""
    kind: str
    said: dict[str, Any]
    """The payload but for its time; boot and seq of the device are in it."""
    line: str
    """The line but for its time."""
    call: Call | None = None
    """The call that the line ends, for makes of PBX that write then."""


class Message(NamedTuple):
    """An action of a device, ready to publish."""

    topic: str
    payload: bytes
    retain: bool


class Day(NamedTuple):
    """Everything that happened, in the order of time, and the simulator's own count of it."""

    site: str
    zone: str
    actions: list[Action]
    truth: dict[str, int]

    def message(self, action: Action, shift_us: int = 0) -> Message:
        """A device's action, stamped `shift_us` after its own time. Counter terminals write UTC, others the zone."""
        said = action.said
        if action.kind != "status":
            zone = UTC if action.device.startswith("counter") else ZoneInfo(self.zone)
            at = datetime.fromtimestamp((action.time_us + shift_us) / 1e6, zone)
            said = said | {"time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
        topic = f"gecc/v1/{self.site}/{action.device}/{action.kind}"
        return Message(topic, json.dumps(said, separators=(",", ":")).encode(), action.kind == "status")

    @staticmethod
    def log_line(action: Action, shift_us: int = 0) -> str:
        """A line of queue_log with its line end."""
        return f"{(action.time_us + shift_us) // 1_000_000}|{action.line}\n"


def simulate_day(
    *,
    site: str,
    day: date,
    timezone: str,
    seed: int,
    services: Sequence[Work] = SERVICES,
    counters: int = COUNTERS,
    agents: Sequence[str] = AGENTS,
    visitors: int = VISITORS,
    calls: int = CALLS,
) -> Day:
    """One working day. `calls` are first calls: those who call again come on top."""
    rng = np.random.default_rng((seed, day.toordinal()))
    plan = office_day(rng, day, timezone, counters=counters, agents=agents, visitors=visitors, calls=calls)
    centre = Centre(plan, rng=rng, services=services, devices=max(1, counters))
    return Day(site, timezone, centre.advance(NEVER_US), centre.truth)


class Centre:
    """A centre at work. What comes of a plan happens as far as `advance` lets it."""

    def __init__(self, plan: Plan, *, rng: np.random.Generator, services: Sequence[Work], devices: int) -> None:
        """There are up to `devices` counter terminals, and as many buttons."""
        self.truth = dict.fromkeys(TRUTH, 0)
        self._agenda = Agenda()
        self._actions: list[Action] = []
        self._closes_us = plan.closes_us
        hall_rng, phone_rng, device_rng = rng.spawn(3)  # so that more calls do not change who comes to the hall
        self._hall = Hall(plan, services, hall_rng, self._say, self._agenda, self.truth, devices)
        self._phones = Phones(plan, phone_rng, self._log, self._end, self._agenda, self.truth)
        used = min(devices, len(plan.counters))
        names = [f"{what}-{n + 1}" for what in ("counter", "button") for n in range(used)]
        names += [f"kiosk-{n + 1}" for n in range(KIOSKS)]
        self._boots = {name: f"{device_rng.integers(2**32):08x}" for name in names}
        self._seqs = dict.fromkeys(names, 0)
        first_us = min(self._agenda.next_us, plan.closes_us) - MINUTE_US
        for number, name in enumerate(names):
            offset_ms = int(device_rng.normal(0, 40))
            self._agenda.at(first_us + number * 1_000_000, self._switch_on, name, offset_ms)

    def expect(self, visitors_us: Sequence[int], calls_us: Sequence[int]) -> None:
        """These people will come and call, besides those of the plan."""
        self._hall.expect(visitors_us)
        self._phones.expect(calls_us)

    def advance(self, until_us: int) -> list[Action]:
        """What happens from where it stands until then, in the order of time."""
        self._agenda.run(until_us)
        happened, self._actions = self._actions, []
        return happened

    def _say(self, device: str, kind: str, said: dict[str, Any]) -> None:
        self._seqs[device] += 1
        numbered = said | {"boot": self._boots[device], "seq": self._seqs[device]}
        self._actions.append(Action(self._agenda.now_us, device, kind, numbered, ""))

    def _log(self, line: str) -> None:
        self._actions.append(Action(self._agenda.now_us, "", "", {}, line))

    def _end(self, call: Call) -> None:
        self._actions[-1] = self._actions[-1]._replace(call=call)

    def _switch_on(self, device: str, offset_ms: int) -> None:
        clock = {"clock_synced": True, "utc_offset_ms": offset_ms}
        online = {"state": "online", "boot": self._boots[device], "firmware": "1.4.2", **clock}
        self._actions.append(Action(self._agenda.now_us, device, "status", online, ""))
        self._agenda.after(HEARTBEAT_S, self._beat, device, clock)

    def _beat(self, device: str, clock: dict[str, Any]) -> None:
        if self._agenda.now_us < self._closes_us:
            self._say(device, "heartbeat", clock)
            self._agenda.after(HEARTBEAT_S, self._beat, device, clock)
