"""The live figures at a real broker that runs the shipped configuration, as a Home Assistant would find them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy.shipped import CENTRE, Broker, Client, broker
from tests.service.harness import Gecc, fetch, noon_zone, wait_until

STATUS = "gecc/live/gecc-telemetry/status"
STATE, ABOUT = "gecc/live/nonthaburi/state", "gecc/live/nonthaburi/about"
TURNED_ON = "[mqtt]\nhost = 'localhost'\n[home_assistant]\nenabled = true\nlang = 'en'\n"


@pytest.fixture(scope="module")
def shipped() -> Iterator[Broker]:
    with broker(TURNED_ON + CENTRE) as it:
        yield it


def config(folder: Path, it: Broker, centre: str = CENTRE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    toml = folder / "gecc.toml"
    sites = centre.replace(
        'id = "nonthaburi"', f'id = "nonthaburi"\ntimezone = "{noon_zone()}"\nname_en = "Nonthaburi"'
    )
    toml.write_text(
        f"data = 'data'\n[web]\nport = 0\n[mqtt]\nhost = 'localhost'\nport = {it.port}\ntls = true\n"
        f"ca_file = '{it.config}/ca.crt'\nusername = 'gecc'\npassword_file = '{it.config}/passwords/gecc'\n"
        f"[home_assistant]\nenabled = true\nlang = 'en'\n{sites}"
    )
    return toml


@contextmanager
def home_assistant(it: Broker) -> Iterator[Client]:
    with it.client("homeassistant") as ha:
        ha.subscribe("homeassistant/#")
        ha.subscribe("gecc/live/#")
        yield ha


def last(ha: Client, topic: str) -> bytes | None:
    return next((payload for t, payload in reversed(ha.got) if t == topic), None)


def tickets(it: Broker, count: int) -> None:
    with it.client("nonthaburi/kiosk-1") as kiosk:
        for n in range(1, count + 1):
            event = {"event": "issued", "ticket": f"A{n:03}", "service": "idcard", "boot": "b", "seq": n}
            kiosk.publish("gecc/v1/nonthaburi/kiosk-1/ticket", json.dumps(event).encode())


@pytest.fixture(scope="module")
def running(shipped, tmp_path_factory) -> Iterator[Gecc]:
    with Gecc(config(tmp_path_factory.mktemp("running"), shipped)) as gecc:
        yield gecc


def test_whoever_comes_late_finds_sensors_their_states_and_that_the_service_is_there(shipped, running):
    tickets(shipped, 7)
    wait_until(lambda: '"tickets_waiting":7' in fetch(f"{running.url}/v1/board?site=nonthaburi"), "no tickets")
    with home_assistant(shipped) as ha:
        ha.wait_until(lambda c: b'"tickets_waiting":7' in (last(c, STATE) or b""), "the state does not follow")
        ha.wait_until(lambda c: last(c, STATUS) == b"online", "it is not there")
    with home_assistant(shipped) as late:
        late.wait_until(lambda c: {STATE, ABOUT, STATUS} <= c.retained.keys(), "what is not retained is not found")
        found = {t: json.loads(p) for t, p in late.retained.items() if t.endswith("/config")}
        needed = {"unique_id", "state_topic", "availability_topic", "device", "name"}
        assert all(needed <= one.keys() for one in found.values())
        state, board = json.loads(last(late, STATE)), json.loads(fetch(f"{running.url}/v1/board?site=nonthaburi"))
    assert state["tickets_waiting"] == board["now"]["tickets_waiting"] == 7
    assert state["calls_waiting"] is board["now"]["calls_waiting"] is None
    figures = {row["kpi"]: row["value"] for row in board["today"] if row["unit_kind"] != "histogram"}
    assert {kpi: state[kpi] for kpi in figures} == figures  # of seven who wait, no ratio is known yet
    assert {t.split("/")[3] for t in found if "/gecc_nonthaburi/" in t} == state.keys()
    assert state["source_kiosk-1"] == "online"
    assert "A001" not in str([*late.retained.items()])


def test_when_home_assistant_starts_anew_everything_is_said_again(shipped, running):
    with home_assistant(shipped) as ha:
        ha.wait_until(lambda c: last(c, STATUS) == b"online" and last(c, STATE), "it is not there")
        time.sleep(0.2)
        ha.got.clear()
        ha.publish("homeassistant/status", b"online")
        ha.wait_until(lambda c: last(c, STATUS) == b"online", "it does not answer")
        topics = {t for t, _ in ha.got}
        assert {STATE, "homeassistant/sensor/gecc_nonthaburi/tickets_waiting/config"} <= topics


def test_a_broker_that_lost_everything_has_the_figures_again(shipped, running):
    with home_assistant(shipped) as ha:
        ha.wait_until(lambda c: last(c, STATUS) == b"online", "it is not there")
    shipped.stop()
    for file in shipped.data.iterdir():
        file.unlink()
    shipped.start()
    with home_assistant(shipped) as ha:
        ha.wait_until(lambda c: last(c, STATUS) == b"online" and last(c, STATE), "it does not come back")


def test_when_the_service_is_killed_the_broker_says_so_and_when_it_is_back_it_does(shipped, running):
    with home_assistant(shipped) as ha:
        ha.wait_until(lambda c: last(c, STATUS) == b"online", "it is not there")
        running.kill()
        ha.wait_until(lambda c: last(c, STATUS) == b"offline", "killed, it still seems to be there")
        running.start()
        ha.wait_until(lambda c: last(c, STATUS) == b"online", "it is not back")
        running.stop()
        ha.wait_until(lambda c: last(c, STATUS) == b"offline", "stopped, it still seems to be there")


def test_a_sensor_that_is_no_longer_configured_is_taken_away_and_another_s_is_left_alone(shipped, tmp_path):
    gone = "homeassistant/sensor/gecc_nonthaburi/source_kiosk-2/config"
    centre_gone = "homeassistant/sensor/gecc_bang-yai/tickets_waiting/config"
    another, theirs = "homeassistant/sensor/gecc_other/x/config", b'{"availability_topic":"gecc/live/other/status"}'
    with shipped.client("gecc") as other:
        other.publish(another, theirs, retain=True)
    with Gecc(config(tmp_path / "before", shipped)), home_assistant(shipped) as ha:
        ha.wait_until(lambda c: last(c, gone) and last(c, centre_gone), "the sensors are not there")
    fewer = CENTRE.replace('[[sites.devices]]\nid = "kiosk-2"\n', "").partition('[[sites]]\nid = "bang-yai"')[0]
    with Gecc(config(tmp_path / "after", shipped, fewer)), home_assistant(shipped) as ha:
        ha.wait_until(lambda c: last(c, STATUS) == b"online", "it is not there")
        ha.wait_until(lambda c: not last(c, gone) and not last(c, centre_gone), "they are still there")
        time.sleep(0.3)
    with home_assistant(shipped) as late:
        late.wait_until(lambda c: {STATE, another} <= c.retained.keys(), "nothing is retained")
        time.sleep(0.2)
        assert not {gone, centre_gone, "gecc/live/bang-yai/state", "gecc/live/bang-yai/about"} & late.retained.keys()
        assert late.retained[another] == theirs
        assert "homeassistant/sensor/gecc_nonthaburi/source_kiosk-1/config" in late.retained


def test_without_the_setting_nothing_is_published(tmp_path):
    with broker(TURNED_ON + CENTRE) as it:
        toml = config(tmp_path, it)
        toml.write_text(toml.read_text().replace("enabled = true", "enabled = false"))
        with Gecc(toml), home_assistant(it) as ha:
            tickets(it, 1)
            time.sleep(1.5)
            assert ha.got == []
