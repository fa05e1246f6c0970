"""A simulated day into a broker and the log of a PBX: for `gecc simulate`, for `gecc demo`, and for tests of the whole."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt
import numpy as np

from telemetry.simulate.buttons import BUTTONS, OWN, UNTIMED_SPEED, is_lost, messages
from telemetry.simulate.day import Action, Centre, Day, Message
from telemetry.simulate.makes.table import QUEUE_LOG, PbxLog
from telemetry.simulate.plan import COUNTERS, MINUTE_US, NEVER_US, SERVICES, arrivals, until_now

IN_FLIGHT = 200
"""Messages sent and not yet acknowledged by the broker."""
TAKEN_S = 30.0
"""The broker must have taken a message after this time."""
AGAIN_S = 1.0
STEP_S = 0.1
"""The demonstration is never later than this."""
LOOK_AHEAD_US = 10 * MINUTE_US
DEMO_ZONE = "Asia/Bangkok"


def _client(host: str, port: int, mqtt_version: str, username: str = "", password: str = "") -> aiomqtt.Client:
    client = aiomqtt.Client(
        host,
        port,
        username=username or None,
        password=password or None,
        protocol=aiomqtt.ProtocolVersion.V5 if mqtt_version == "5" else aiomqtt.ProtocolVersion.V311,
        max_inflight_messages=IN_FLIGHT,
    )
    client.pending_calls_threshold = IN_FLIGHT  # so many at once are meant, and nothing to warn of
    return client


async def _publish(client: aiomqtt.Client, messages: Iterable[Message]) -> None:
    """QoS 1, in order, all in flight at once; back when the broker has taken them all."""
    tasks = [
        asyncio.create_task(client.publish(one.topic, one.payload, qos=1, retain=one.retain, timeout=TAKEN_S))
        for one in messages
    ]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _tell(
    day: Day,
    actions: list[Action],
    client: aiomqtt.Client | None,
    pbx_log: PbxLog | None,
    shift_us: int = 0,
    buttons: str = OWN,
) -> None:
    """Publish and log the first of `actions`, and take them off the list once broker and file have them."""
    now = actions[:IN_FLIGHT]
    if client:
        told = (messages(day, action, buttons, shift_us) for action in now if action.device)
        await _publish(client, itertools.chain.from_iterable(told))
    if pbx_log:
        pbx_log.add(now, shift_us)
    del actions[: len(now)]


async def run_simulation(
    day: Day,
    *,
    host: str = "",
    port: int = 1883,
    mqtt_version: str = "5",
    username: str = "",
    password: str = "",
    pbx: str = QUEUE_LOG,
    pbx_log: Path | None = None,
    buttons: str = OWN,
    speed: float = 0,
    start: datetime | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Publish the day (unless `host` is "") and write the log of a `pbx` of this
    format to `pbx_log` (if given), in the order of time.

    `speed` 0 is as fast as possible; 60 plays an hour in a minute. Stamps are the day's own, or all moved so
    that the first action happens at `start` (to half a second). The service refuses times ahead of its clock,
    so it wants a day that is over, or a `start` of now with speed 1. Raises aiomqtt.MqttError when the broker goes,
    and ValueError for `buttons` of a convention without times at a speed at which their presses would run together.
    """
    if host and buttons != OWN and not BUTTONS[buttons].timed and not 0 < speed <= UNTIMED_SPEED:
        raise ValueError(
            f"what {buttons} buttons send has no time: it is heard when it is sent, so play it at a speed of 1 to {UNTIMED_SPEED:g}"
        )
    first_us = day.actions[0].time_us if day.actions else 0
    # By whole seconds, so that the whole seconds in the log's durations stay true.
    shift_us = round(start.timestamp() - first_us / 1e6) * 1_000_000 if start else 0
    stop = stop or asyncio.Event()
    began_s = time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        client = None
        if host:
            client = await stack.enter_async_context(_client(host, port, mqtt_version, username, password))
        log = PbxLog(pbx, pbx_log, day.zone) if pbx_log else None
        place = 0
        due: list[Action] = []
        while (due or place < len(day.actions)) and not stop.is_set():
            reached_us = first_us + (time.monotonic() - began_s) * 1e6 * speed if speed else NEVER_US
            while place < len(day.actions) and day.actions[place].time_us <= reached_us:
                due.append(day.actions[place])
                place += 1
            if due:
                await _tell(day, due, client, log, shift_us, buttons)
            else:
                await _pause((day.actions[place].time_us - reached_us) / 1e6 / speed, stop)


async def run_demo_feed(
    *,
    host: str,
    port: int,
    mqtt_version: str,
    site_id: str,
    pbx_log: Path,
    seed: int,
    speed: float,
    stop: asyncio.Event,
    pbx: str = QUEUE_LOG,
    buttons: str = OWN,
) -> None:
    """A centre that lives until `stop`: first today up to now, as fast as possible, then on in real time.

    From now on `speed` times as many people come, and `speed` times the staff serves them. A wait of eight
    minutes stays one: time itself is never pressed together, since every figure on the board would then be
    false. All stamps are true to the clock. When the broker goes, what it did not take is sent again, with the
    same identity, as soon as it is back; but `buttons` of a convention without times are heard from now on, and only
    while there is a broker. Each call is another day: for an empty data directory.
    """
    now = datetime.now(UTC)
    rng = np.random.default_rng((seed, int(now.timestamp())))
    centre = Centre(until_now(rng, now, DEMO_ZONE, speed=speed), rng=rng, services=SERVICES, devices=COUNTERS)
    planned_us = round(now.timestamp() * 1e6)
    day = Day(site_id, DEMO_ZONE, [], centre.truth)
    happened, log = day.actions, PbxLog(pbx, pbx_log, DEMO_ZONE)
    while not stop.is_set():
        try:
            async with _client(host, port, mqtt_version) as client:
                while not stop.is_set():
                    now_us = int(time.time() * 1e6)
                    if planned_us < now_us + LOOK_AHEAD_US:
                        until_us = now_us + 2 * LOOK_AHEAD_US
                        centre.expect(*arrivals(rng, planned_us, until_us, DEMO_ZONE, speed=speed))
                        planned_us = until_us
                    happened += (one for one in centre.advance(now_us) if not is_lost(one, buttons, now_us))
                    if happened:
                        await _tell(day, happened, client, log, buttons=buttons)
                    else:
                        await _pause(STEP_S, stop)
        except aiomqtt.MqttError:
            await _pause(AGAIN_S, stop)


async def _pause(seconds: float, stop: asyncio.Event) -> None:
    """Sleep, but not beyond `stop`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
