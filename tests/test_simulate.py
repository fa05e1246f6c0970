"""The simulator keeps its word: its days are queues, its lines are Asterisk's, its truth is what it published."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta

import aiomqtt
import numpy as np
import pytest

from collectors.base import Message
from collectors.formats import FORMATS
from collectors.formats.kiosk_json import DeviceRow, KioskJson, SiteRow
from telemetry import config
from telemetry.simulate import (
    Action,
    Day,
    add_arguments,
    demo_config_toml,
    run,
    run_demo_feed,
    run_simulation,
    simulate_day,
    summary,
)
from telemetry.simulate.day import Centre
from telemetry.simulate.plan import AGENTS, COUNTERS, HOTLINE, SERVICES, arrivals, until_now
from tests.servers import mosquitto

ZONE = "Asia/Bangkok"
DATE = date(2026, 11, 20)
DATA_COLUMNS = {
    # After the event, as main/logger.c and app_queue.c write them; events without data end in one empty column.
    "QUEUESTART": 1, "DID": 1, "ENTERQUEUE": 3, "CONNECT": 3, "ABANDON": 3, "COMPLETEAGENT": 3, "COMPLETECALLER": 3,
    "BLINDTRANSFER": 5, "EXITWITHTIMEOUT": 3, "EXITEMPTY": 3, "EXITWITHKEY": 4, "RINGNOANSWER": 1, "RINGCANCELED": 1,
    "ADDMEMBER": 1, "REMOVEMEMBER": 1, "PAUSE": 1, "UNPAUSE": 1, "PAUSEALL": 1, "UNPAUSEALL": 1,
}  # fmt: skip
ENDS = {
    "ABANDON": "calls_abandoned",
    "EXITWITHTIMEOUT": "calls_timed_out",
    "EXITEMPTY": "calls_no_agent",
    "EXITWITHKEY": "calls_left_by_key",
}


def simulated(seed: int = 1, **more) -> Day:
    return simulate_day(site="demo", day=DATE, timezone=ZONE, seed=seed, **more)


def lines(day: Day) -> list[list[str]]:
    return [day.log_line(action).rstrip("\n").split("|") for action in day.actions if action.line]


def published(day: Day) -> list[tuple[str, str, dict]]:
    """Device, kind, payload of each message."""
    sent = (day.message(action) for action in day.actions if action.device)
    return [(*one.topic.split("/")[3:], json.loads(one.payload)) for one in sent]


def demo_sites(tmp_path) -> tuple[config.Config, dict[str, SiteRow]]:
    path = tmp_path / "gecc.toml"
    path.write_text(demo_config_toml("demo", 1883, 8080, tmp_path / "queue_log"))
    loaded = config.load(path, formats=set(FORMATS))
    return loaded, {
        site.id: SiteRow(
            {d.id: DeviceRow(d.kind, d.unit, d.counter, d.scale_max) for d in site.devices},
            frozenset(service.id for service in site.services),
        )
        for site in loaded.sites
    }


def test_the_same_seed_gives_the_same_day_and_another_seed_another():
    assert simulated(7) == simulated(7)
    assert simulated(7).actions != simulated(8).actions


def test_more_calls_do_not_change_who_comes_to_the_hall():
    few, many = (
        [action for action in simulated(3, calls=calls).actions if action.kind == "ticket"] for calls in (5, 400)
    )
    assert [(a.time_us, a.device, a.said["ticket"]) for a in few] == [
        (a.time_us, a.device, a.said["ticket"]) for a in many
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_within_a_service_and_priority_class_the_first_to_wait_is_the_first_called(seed):
    waiting: dict[tuple[str, int], list[str]] = defaultdict(list)
    priority: dict[str, int] = {}
    in_service: set[str] = set()
    for _, kind, said in published(simulated(seed)):
        if kind != "ticket":
            continue
        ticket = said["ticket"]
        if said["event"] in ("issued", "transferred"):
            priority.setdefault(ticket, said.get("priority", 0))
            in_service.discard(ticket)
            waiting[said["service"], priority[ticket]].append(ticket)
        elif said["event"] == "called":
            assert waiting[said["service"], priority[ticket]].pop(0) == ticket
            assert priority[ticket] or not waiting[said["service"], 1], "somebody with priority was passed over"
            in_service.add(ticket)
    assert not any(waiting.values())
    assert len(priority) == 400


def test_a_counter_serves_one_at_a_time_and_only_while_it_is_open():
    state: dict[str, str] = {}
    for device, kind, said in published(simulated(4)):
        if kind not in ("ticket", "counter") or device.startswith("kiosk"):
            continue
        now = state.get(said["counter"], "closed")
        match said["event"]:
            case "opened":
                assert now == "closed"
                state[said["counter"]] = "free"
            case "closed":
                assert now == "free"
                state[said["counter"]] = "closed"
            case "called":
                assert now == "free"
                state[said["counter"]] = said["ticket"]
            case "finished" | "noshow" | "transferred":
                assert now == said["ticket"]
                state[said["counter"]] = "free"
            case _:
                assert now == said["ticket"]
    assert set(state.values()) == {"closed"}
    assert len(state) == COUNTERS


def test_half_the_counters_are_at_lunch_from_twelve_to_one_but_never_all():
    day = simulated(5)
    noon_us = round(datetime(2026, 11, 20, 5, tzinfo=UTC).timestamp() * 1e6)
    open_now, least = 0, COUNTERS
    for action in day.actions:
        if action.kind == "counter":
            open_now += 1 if action.said["event"] == "opened" else -1
        if noon_us < action.time_us < noon_us + 3600_000_000:
            least = min(least, open_now)
    assert 0 < least < COUNTERS


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_line_of_the_log_has_exactly_the_columns_that_asterisk_writes(seed):
    for line in lines(simulated(seed)):
        assert len(line) == 5 + DATA_COLUMNS[line[4]], line
        assert line[0].isdigit()
        assert line[2] in (HOTLINE, "NONE")
        assert line[3] in (*AGENTS, "NONE")


def test_a_busy_month_has_every_kind_of_line():
    seen = {line[4] for seed in range(20) for line in lines(simulated(seed))}
    assert seen == set(DATA_COLUMNS)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_call_enters_once_ends_once_and_its_times_add_up(seed):
    entered, connected, ended = {}, {}, set()
    for line in lines(simulated(seed)):
        time_s, call, event = int(line[0]), line[1], line[4]
        if event == "ENTERQUEUE":
            assert call not in entered
            entered[call] = time_s
            assert line[6] == "" or (line[6].isdigit() and line[6].startswith("08") and len(line[6]) == 10)
        elif event == "CONNECT":
            assert call not in connected
            connected[call] = time_s
            assert int(line[5]) == time_s - entered[call]
            assert int(line[7]) <= int(line[5]) + 1
        elif event in ENDS or event.startswith("COMPLETE") or event == "BLINDTRANSFER":
            assert call not in ended
            ended.add(call)
            if event in ENDS:
                assert call not in connected
                assert int(line[-1]) == time_s - entered[call]
            else:
                assert (int(line[-3]), int(line[-2])) == (connected[call] - entered[call], time_s - connected[call])
    assert ended == set(entered)


def test_an_agent_has_one_call_at_a_time_and_none_while_paused():
    talking: dict[str, str] = {}
    paused: set[str] = set()
    for line in lines(simulated(6)):
        call, agent, event = line[1], line[3], line[4]
        if event == "PAUSE":
            assert agent not in talking
            paused.add(agent)
        elif event == "UNPAUSE":
            paused.remove(agent)
        elif event == "CONNECT":
            assert agent not in talking
            assert agent not in paused
            talking[agent] = call
        elif event.startswith("COMPLETE") or event == "BLINDTRANSFER":
            assert talking.pop(agent) == call
    assert not talking


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_truth_is_what_a_plain_recount_of_messages_and_lines_finds(seed):
    day = simulated(seed)
    said = [payload | {"kind": kind} for _, kind, payload in published(day)]
    tickets = Counter(one["event"] for one in said if one["kind"] == "ticket")
    log = lines(day)
    events = Counter(line[4] for line in log)
    assert day.truth["tickets_issued"] == tickets["issued"] == 400
    assert day.truth["tickets_served"] == tickets["finished"]
    assert day.truth["tickets_done"] == sum(one.get("disposition") == 1 for one in said)
    assert day.truth["tickets_priority"] == sum(one.get("priority", 0) for one in said)
    assert (day.truth["no_shows"], day.truth["recalls"]) == (tickets["noshow"], tickets["recalled"])
    assert day.truth["transfers"] == tickets["transferred"]
    assert day.truth["tickets_called"] == len({one["ticket"] for one in said if one.get("event") == "called"})
    votes = [one["score"] for one in said if one["kind"] == "vote"]
    assert (day.truth["votes"], day.truth["vote_score_sum"]) == (len(votes), sum(votes))
    first = defaultdict(dict)
    for one in said:
        if one.get("event") in ("issued", "called"):
            first[one["ticket"]].setdefault(one["event"], datetime.fromisoformat(one["time"]))
    waits = sum((at["called"] - at["issued"] for at in first.values()), timedelta())
    assert day.truth["ticket_wait_ms"] == waits / timedelta(milliseconds=1)

    assert day.truth["calls_offered"] == events["ENTERQUEUE"] == 250 + day.truth["calls_again"]
    assert day.truth["calls_withheld"] == sum(line[4] == "ENTERQUEUE" and not line[6] for line in log)
    assert day.truth["calls_answered"] == events["CONNECT"]
    assert day.truth["calls_transferred"] == events["BLINDTRANSFER"]
    assert day.truth["rings_missed"] == events["RINGNOANSWER"]
    assert day.truth["pauses"] == events["PAUSE"] == events["PAUSEALL"]
    assert day.truth["call_wait_s"] == sum(int(line[5]) for line in log if line[4] == "CONNECT")
    assert day.truth["call_talk_s"] == sum(
        int(x[-2]) for x in log if x[4].startswith("COMPLETE") or x[4] == "BLINDTRANSFER"
    )
    for event, name in ENDS.items():
        assert day.truth[name] == events[event]
    assert summary(day)["messages"] + summary(day)["log_lines"] == len(day.actions)


def test_the_day_looks_like_a_day():
    truths = [simulated(seed).truth for seed in range(10)]
    total = {name: sum(truth[name] for truth in truths) for name in truths[0]}
    assert 0.02 < total["no_shows"] / total["tickets_issued"] < 0.06
    assert 0.05 < total["tickets_priority"] / total["tickets_issued"] < 0.11
    assert 0.015 < total["transfers"] / total["tickets_issued"] < 0.05
    assert 0.80 < total["vote_score_sum"] / total["votes"] / 5 < 0.95
    assert 0.02 < total["calls_abandoned"] / total["calls_offered"] < 0.12
    assert 0.8 < total["calls_answered"] / total["calls_offered"] < 0.97
    hours = Counter(
        datetime.fromisoformat(one["time"]).hour for _, _, one in published(simulated()) if one.get("event") == "issued"
    )
    assert {hour for hour, _ in hours.most_common(2)} == {9, 10}


def test_the_service_reads_every_message_and_every_line_of_the_day(tmp_path):
    day = simulated(2)
    _, sites = demo_sites(tmp_path)
    after_us = day.actions[-1].time_us + 3600_000_000
    sent = [day.message(action) for action in day.actions if action.device]
    got = KioskJson(sites=sites).feed([Message(one.topic, one.payload, one.retain) for one in sent], after_us)
    assert (got.rejected, got.ignored, len(got.events)) == ([], 0, len(sent))
    assert len({(event.source, event.id) for event in got.events}) == len(sent)
    types = Counter(event.type for event in got.events)
    assert types["ticket.issued"] == day.truth["tickets_issued"]
    assert types["ticket.no_show"] == day.truth["no_shows"]
    assert types["vote.cast"] == day.truth["votes"]

    log = [day.log_line(action).rstrip("\n").encode() for action in day.actions if action.line]
    calls = FORMATS["asterisk_queue_log"].make(site="demo", source="pbx").feed(log, after_us)
    assert calls.rejected == []
    types = Counter(event.type for event in calls.events)
    assert types["call.entered"] == day.truth["calls_offered"]
    assert types["call.connected"] == day.truth["calls_answered"]
    assert types["call.abandoned"] == day.truth["calls_abandoned"]


def test_the_demo_has_settings_for_every_device_and_service_it_speaks_of(tmp_path):
    loaded, sites = demo_sites(tmp_path)
    (site,) = loaded.sites
    assert {action.device for action in simulated().actions if action.device} == set(sites["demo"].devices)
    assert {service.id for service in site.services} == {*(work.id for work in SERVICES), HOTLINE}
    assert site.sources[0].tail == tmp_path / "queue_log"
    assert (loaded.mqtt.port, loaded.web.port) == (1883, 8080)
    assert all(service.name_th and service.name_en for service in site.services)


@pytest.mark.parametrize("hour", [0, 3, 8, 12, 20, 23])
def test_a_demo_at_any_hour_has_a_past_of_today_and_goes_on_with_more_people(hour):
    now = datetime(2026, 11, 20, hour, 30, tzinfo=UTC) - timedelta(hours=7)
    now_us = round(now.timestamp() * 1e6)
    rng = np.random.default_rng(1)
    centre = Centre(until_now(rng, now, ZONE, speed=3), rng=rng, services=SERVICES, devices=COUNTERS)
    past = centre.advance(now_us)
    later_us = now_us + 3600_000_000
    centre.expect(*arrivals(rng, now_us, later_us, ZONE, speed=3))
    future = centre.advance(later_us)
    assert sum(action.said.get("event") == "issued" for action in past) > 5
    assert sum(action.said.get("event") == "issued" for action in future) > 60
    assert past[0].time_us >= now_us - (hour + 0.6) * 3600e6
    assert [action.time_us for action in past + future] == sorted(action.time_us for action in past + future)
    assert {action.device for action in past + future} <= {action.device for action in simulated().actions}


# --- with a broker ---


class Heard:
    """What a subscriber of the broker got, in order."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.messages: list[Message] = []

    async def __aenter__(self):
        ready = asyncio.Event()
        self.task = asyncio.create_task(self._listen(ready))
        await asyncio.wait_for(ready.wait(), 60)
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    async def _listen(self, ready: asyncio.Event) -> None:
        async with aiomqtt.Client("127.0.0.1", self.port) as client:
            await client.subscribe("gecc/v1/#", qos=1)
            ready.set()
            async for one in client.messages:
                self.messages.append(Message(one.topic.value, one.payload, one.retain))

    async def until(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.messages) < count:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_played_day_arrives_whole_and_each_devices_messages_in_order(tmp_path, version):
    day = simulated(visitors=60, calls=30)
    log = tmp_path / "queue_log"

    async def play_it() -> list[Message]:
        with mosquitto() as broker:
            async with Heard(broker.port) as heard:
                await run_simulation(day, host="127.0.0.1", port=broker.port, mqtt_version=version, pbx_log=log)
                sent = [day.message(action) for action in day.actions if action.device]
                await heard.until(len(sent))
                assert [(m.topic, m.payload) for m in heard.messages] == [(m.topic, m.payload) for m in sent]
                return heard.messages

    asyncio.run(play_it())
    assert log.read_text() == "".join(day.log_line(action) for action in day.actions if action.line)


def test_a_day_can_be_moved_to_start_now_and_played_at_a_speed(tmp_path):
    day = simulated(visitors=0, calls=3, counters=0)
    short = day._replace(actions=[a for a in day.actions if a.line][:5])
    span_s = (short.actions[-1].time_us - short.actions[0].time_us) / 1e6
    start = datetime(2026, 11, 21, 9, tzinfo=UTC)
    log = tmp_path / "queue_log"
    began = datetime.now(UTC)
    asyncio.run(run_simulation(short, pbx_log=log, speed=span_s / 0.3, start=start))
    assert 0.25 < (datetime.now(UTC) - began).total_seconds() < 60
    stamps = [int(line.partition("|")[0]) for line in log.read_text().splitlines()]
    assert abs(stamps[0] - start.timestamp()) <= 1
    assert [a - b for a, b in zip(stamps[1:], stamps[:-1], strict=True)] == [
        b.time_us // 10**6 - a.time_us // 10**6 for a, b in zip(short.actions[:-1], short.actions[1:], strict=True)
    ]


def test_the_demo_feed_tells_the_morning_at_once_goes_on_live_and_stops_when_told(tmp_path):
    async def demo() -> tuple[list[Message], datetime]:
        stop = asyncio.Event()
        with mosquitto() as broker:
            async with Heard(broker.port) as heard:
                feed = asyncio.create_task(
                    run_demo_feed(
                        host="127.0.0.1", port=broker.port, mqtt_version="5", site_id="demo",
                        pbx_log=tmp_path / "queue_log", seed=1, speed=60, stop=stop,
                    )
                )  # fmt: skip
                began = datetime.now(UTC)
                async with asyncio.timeout(120):
                    while not any(live(one, began) for one in heard.messages):
                        await asyncio.sleep(0.05)
                stop.set()
                await asyncio.wait_for(feed, 60)
                return heard.messages, datetime.now(UTC)

    def live(one: Message, since: datetime) -> bool:
        said = json.loads(one.payload)
        return "time" in said and datetime.fromisoformat(said["time"]) > since

    messages, ended = asyncio.run(demo())
    _, sites = demo_sites(tmp_path)
    got = KioskJson(sites=sites).feed(messages, round(ended.timestamp() * 1e6))
    assert got.rejected == []
    assert sum(event.type == "ticket.issued" for event in got.events) > 0
    assert max(event.time_us for event in got.events) <= ended.timestamp() * 1e6 + 200_000


def test_the_demo_feed_takes_up_again_where_a_broker_left_it(tmp_path):
    async def demo() -> list[Message]:
        stop = asyncio.Event()
        with mosquitto() as broker:
            broker.stop()
            feed = asyncio.create_task(
                run_demo_feed(
                    host="127.0.0.1", port=broker.port, mqtt_version="5", site_id="demo",
                    pbx_log=tmp_path / "queue_log", seed=1, speed=1, stop=stop,
                )
            )  # fmt: skip
            await asyncio.sleep(0.3)
            broker.start()
            async with Heard(broker.port) as heard:
                await heard.until(10)
                stop.set()
                await asyncio.wait_for(feed, 60)
                return heard.messages

    assert len(asyncio.run(demo())) >= 10


# --- the command ---


def command(*argv: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(argv))


def test_the_command_writes_the_log_and_prints_its_truth(tmp_path, capsys):
    log = tmp_path / "queue_log"
    assert command("--pbx-log", str(log), "--date", "2026-11-20", "--seed", "9", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told == summary(simulated(9))
    assert len(log.read_text().splitlines()) == told["log_lines"]
    assert command("--date", "2026-11-20", "--visitors", "0", "--calls", "0") == 0
    assert "tickets_issued" in capsys.readouterr().out


def test_the_command_fails_plainly_without_its_broker_or_with_impossible_numbers(tmp_path, capsys):
    assert command("--host", "127.0.0.1", "--port", "1") == 1
    assert command("--visitors", "-1") == 2
    assert command("--password-file", str(tmp_path / "none")) == 1
    assert capsys.readouterr().err.count("gecc simulate:") == 3


def test_an_action_is_a_message_or_a_line_and_never_both():
    for action in simulated(visitors=20, calls=20).actions:
        assert isinstance(action, Action)
        assert bool(action.device) != bool(action.line)
