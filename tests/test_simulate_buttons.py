"""The simulated buttons as devices of every convention: what the service hears is what was pressed."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from collectors.base import Message
from collectors.devices import CONVENTIONS, Devices
from collectors.formats import FORMATS
from collectors.formats.kiosk_json import DeviceRow, SiteRow
from collectors.formats.sparkplug_wire import payload
from telemetry import config
from telemetry.__main__ import main
from telemetry.simulate import BUTTONS, OWN, demo_config_toml, run_demo_feed, run_simulation, simulate_day
from telemetry.simulate.buttons import UNTIMED_SPEED, is_lost, messages
from tests.servers import mosquitto
from tests.service.harness import Gecc, journal_events, wait_until

ZONE = "Asia/Bangkok"
UNTIMED = [name for name, it in BUTTONS.items() if not it.timed]


def simulated(seed: int = 2, visitors: int = 120, day: date = date(2026, 11, 20)):
    return simulate_day(site="demo", day=day, timezone=ZONE, seed=seed, visitors=visitors, calls=0)


def router(tmp_path, convention: str) -> Devices:
    """What the service makes of the demo's configuration."""
    file = tmp_path / "gecc.toml"
    file.write_text(demo_config_toml("demo", 1883, 0, tmp_path / "pbx", buttons=convention))
    (site,) = config.load(file, formats=FORMATS, conventions=CONVENTIONS).sites
    rows = {
        d.id: DeviceRow(d.kind, d.unit, d.counter, d.scale_max, d.convention, d.topic, d.presses, d.debounce_s)
        for d in site.devices
    }
    return Devices(sites={"demo": SiteRow(rows, frozenset(service.id for service in site.services))})


def heard(devices: Devices, day, convention: str) -> list:
    """Every action told at its time; the events. Nothing may be refused."""
    events = []
    for action in day.actions:
        if action.device:
            told = [Message(m.topic, m.payload) for m in messages(day, action, convention)]
            got = devices.feed(told, action.time_us + 30_000)
            assert got.rejected == []
            events += got.events
    return events


def test_the_simulated_buttons_can_be_of_every_convention_there_is():
    assert {OWN, *BUTTONS} == set(CONVENTIONS)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_votes_that_are_heard_are_those_that_were_pressed(tmp_path, convention):
    day = simulated()
    devices = router(tmp_path, convention)
    events = heard(devices, day, convention)
    votes = [e for e in events if e.type == "vote.cast"]
    assert (len(votes), sum(e.a for e in votes)) == (day.truth["votes"], day.truth["vote_score_sum"])
    assert day.truth["votes"] > 30
    pressed = Counter(
        (a.device, a.said["counter"], a.said["score"])
        for a in day.actions
        if a.device.startswith("button") and a.kind == "vote"
    )
    assert Counter((e.source.partition("/")[2], e.party, e.a) for e in votes) == pressed
    assert not [e for e in events if e.type == "vote.dropped"]
    assert {e.b for e in votes} == {5}
    assert len({(e.source, e.id) for e in events}) == len(events)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_buttons_of_every_convention_say_that_they_are_there(tmp_path, convention):
    day, devices = simulated(visitors=0), router(tmp_path, convention)
    heard(devices, day, convention)
    assert {devices.state(f"demo/button-{n}")[0] for n in range(1, 9)} == {"online"}


@pytest.mark.parametrize("convention", [name for name in BUTTONS if name not in UNTIMED])
def test_a_convention_with_times_can_be_told_all_at_once_and_each_vote_keeps_its_own(tmp_path, convention):
    day, devices = simulated(), router(tmp_path, convention)
    told = [m for a in day.actions if a.device for m in messages(day, a, convention)]
    got = devices.feed([Message(m.topic, m.payload) for m in told], day.actions[-1].time_us + 3600_000_000)
    votes = sorted(e.time_us // 1000 for e in got.events if e.type == "vote.cast")
    assert votes == sorted(a.time_us // 1000 for a in day.actions if a.kind == "vote")


def test_the_numbers_of_a_sparkplug_node_go_round_without_a_hole():
    day = simulated(visitors=400)
    told = [m for a in day.actions if a.device == "button-1" for m in messages(day, a, "sparkplug_b")]
    assert [payload(m.payload).seq for m in told] == [n % 256 for n in range(len(told))]
    birth = payload(told[0].payload)
    assert {m.name: m.value for m in birth.metrics} == {"bdSeq": 0, **{f"Buttons/{n}": False for n in range(1, 6)}}


def test_only_states_and_availability_are_kept_by_the_broker():
    day = simulated()
    kept = {
        (convention, m.topic.split("/")[-1])
        for convention in BUTTONS
        for a in day.actions
        if a.device.startswith("button")
        for m in messages(day, a, convention)
        if m.retain
    }
    assert kept == {
        ("zigbee2mqtt", "availability"), ("zigbee2mqtt", "state"), ("shelly", "online"), ("tasmota", "LWT"),
        ("esphome", "status"), ("esphome", "state"), ("homeassistant", "availability"), ("cloudevents_mqtt", "status"),
    }  # fmt: skip


@pytest.mark.parametrize("convention", UNTIMED)
def test_a_convention_without_times_is_refused_at_a_speed_that_would_run_its_presses_together(convention):
    day = simulated(visitors=0)
    for speed in (0, UNTIMED_SPEED * 2):
        with pytest.raises(ValueError, match=f"{convention} buttons send has no time"):
            asyncio.run(run_simulation(day, host="127.0.0.1", port=1, buttons=convention, speed=speed))


def test_what_was_pressed_before_can_only_be_told_with_its_time():
    press = next(a for a in simulated().actions if a.kind == "vote")
    assert is_lost(press, "tasmota", press.time_us + 5_000_000)
    assert not is_lost(press, "tasmota", press.time_us + 100_000)
    assert not is_lost(press, "shelly", press.time_us + 5_000_000)


def test_the_command_prints_the_devices_of_the_convention(capsys):
    assert main(["simulate", "--buttons", "tasmota", "--print-config"]) == 0
    assert 'topic = "demo-button-1"\npresses = { "Button1/SINGLE" = 1,' in capsys.readouterr().out
    assert main(["simulate", "--buttons", "tasmota", "--host", "127.0.0.1", "--port", "1"]) == 2
    assert "play it at a speed of 1 to 20" in capsys.readouterr().err


# --- with a broker and the service ---


def service_of(tmp_path, port: int, convention: str) -> Gecc:
    (tmp_path / "pbx").touch()
    file = tmp_path / "gecc.toml"
    file.write_text(demo_config_toml("demo", port, 0, tmp_path / "pbx", buttons=convention))
    return Gecc(file)


@pytest.mark.parametrize("convention", ["zigbee2mqtt", "sparkplug_b"])
def test_a_day_that_is_published_becomes_its_votes_in_the_figures(tmp_path, convention):
    yesterday = (datetime.now(UTC) + timedelta(hours=7)).date() - timedelta(days=1)
    day = simulated(day=yesterday)
    with mosquitto() as broker, service_of(tmp_path, broker.port, convention) as gecc:
        asyncio.run(run_simulation(day, host="127.0.0.1", port=broker.port, buttons=convention))
        votes = day.truth["votes"]
        wait_until(lambda: sum(e.type == "vote.cast" for e in journal_events(gecc.data)) >= votes, "not every vote")
        got = gecc.figures(site="demo")
        assert (got["votes"]["value"], got["votes_dropped"]["value"]) == (votes, 0)
        assert got["satisfaction_mean_percent"]["value"] == pytest.approx(day.truth["vote_score_sum"] / votes / 5 * 100)
        assert got["tickets_issued"]["value"] == day.truth["tickets_issued"]


def test_a_demo_does_not_tell_as_pressed_now_what_was_pressed_this_morning(tmp_path):
    async def a_while(port: int) -> None:
        stop = asyncio.Event()
        feed = asyncio.create_task(
            run_demo_feed(
                host="127.0.0.1", port=port, mqtt_version="3.1.1", site_id="demo", pbx_log=tmp_path / "pbx",
                seed=1, speed=1, stop=stop, buttons="esphome",
            )
        )  # fmt: skip
        try:
            await asyncio.to_thread(
                wait_until, lambda: "ticket.issued" in types() and types()["device.online"] == 18, "nothing before now"
            )
        finally:
            stop.set()
            await feed

    def types() -> Counter:
        return Counter(e.type for e in journal_events(tmp_path / "data"))

    with mosquitto() as broker, service_of(tmp_path, broker.port, "esphome") as gecc:
        began_us = datetime.now(UTC).timestamp() * 1e6
        asyncio.run(a_while(broker.port))
        buttons = [e for e in journal_events(gecc.data) if "/button-" in e.source]
        assert [e.time_us for e in buttons if e.type == "vote.cast" and e.time_us < began_us] == []
        assert sum(e.type == "device.online" for e in buttons) == 8
