"""What Home Assistant is told, without a broker."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from telemetry.exporters.home_assistant import Sensors, messages, sensors_of, status_topic, topics_of
from telemetry.settings import Service, Site
from telemetry.text import words

BOARD = json.loads((Path(__file__).parents[1] / "web" / "board.json").read_text("utf-8"))
SITE = Site(
    id="amphoe-mueang",
    name_th="ศูนย์ฯ ปทุมธานี",
    name_en="Pathum Thani",
    services=(Service(id="A", name_th="ทะเบียนราษฎร", name_en="Civil registration"), Service(id="D")),
)
STATUS = status_topic("gecc-telemetry")


def told(lang: str = "en", board=BOARD, prefix: str = "homeassistant") -> dict[str, bytes]:
    return messages(SITE, board, prefix=prefix, lang=lang, status=STATUS, version="1.2.3")


def configs(lang: str = "en") -> dict[str, dict]:
    return {t: json.loads(p) for t, p in told(lang).items() if t.endswith("/config")}


def test_every_sensor_has_what_discovery_needs():
    found = configs()
    assert len(found) > 10
    for topic, config in found.items():
        assert re.fullmatch(r"homeassistant/sensor/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config", topic)
        assert config["state_topic"] == "gecc/live/amphoe-mueang/state"
        assert config["availability_topic"] == "gecc/live/gecc-telemetry/status"
        assert config["device"]["identifiers"] == ["gecc-amphoe-mueang"]
        assert config["device"]["name"] == "Pathum Thani"
        assert config["origin"] == {"name": "gecc-telemetry", "sw_version": "1.2.3"}
        assert config["name"]
        assert ("state_class" in config) != ("options" in config)
    assert len({config["unique_id"] for config in found.values()}) == len(found)
    assert len({config["name"] for config in found.values()}) == len(found)


def test_every_template_names_a_value_that_is_told():
    state, about = (json.loads(told()[f"gecc/live/amphoe-mueang/{what}"]) for what in ("state", "about"))
    for config in configs().values():
        key = re.fullmatch(r"\{\{ value_json\['([\w-]+)'\] \}\}", config["value_template"])[1]
        assert key in state
        if "json_attributes_template" in config:
            assert config["json_attributes_template"] == f"{{{{ value_json['{key}'] | tojson }}}}"
            assert about[key].keys() == {"n", "from", "to", "verdict", "target", "definition"}
    assert len(state) == len(configs())


def test_figures_are_the_board_s_with_ratios_in_per_cent():
    state, found = json.loads(told()["gecc/live/amphoe-mueang/state"]), configs()
    rows = [row for row in BOARD["today"] if row["unit_kind"] != "histogram"]
    assert {row["unit_kind"] for row in rows} >= {"ratio", "seconds", "percent"}
    for row in rows:
        config = found[f"homeassistant/sensor/gecc_amphoe-mueang/{row['kpi']}/config"]
        value = state[row["kpi"]]
        is_ratio = row["unit_kind"] == "ratio" and row["value"] is not None
        assert value == (pytest.approx(row["value"] * 100) if is_ratio else row["value"])
        assert config.get("unit_of_measurement") == {"ratio": "%", "percent": "%", "seconds": "s"}.get(row["unit_kind"])
        assert config["state_class"] == "measurement"
    assert state["tickets_waiting"] == 23
    assert state["longest_ticket_wait"] == (BOARD["as_of_ms"] - BOARD["now"]["longest_ticket_wait_since_ms"]) // 1000


def test_what_is_not_known_is_null_and_never_0():
    nothing = {
        **BOARD,
        "now": dict.fromkeys(BOARD["now"]),
        "units": [{**unit, "tickets_waiting": None, "calls_waiting": None} for unit in BOARD["units"]],
        "today": [{**row, "value": None, "n": 0, "target": None} for row in BOARD["today"]],
        "sources": [{**source, "state": "unknown"} for source in BOARD["sources"]],
    }
    assert set(json.loads(told(board=nothing)["gecc/live/amphoe-mueang/state"]).values()) == {None}


@pytest.mark.parametrize("lang", ["th", "en"])
def test_names_and_definitions_are_in_the_chosen_language(lang):
    thai = {name: bool(re.search("[ก-๙]", c["name"])) for name, c in configs(lang).items() if "/sensor/" in name}
    assert set(thai.values()) == ({True} if lang == "th" else {False}) or lang == "en"
    row = next(row for row in BOARD["today"] if row["kpi"] == "wait_p90")
    assert (
        json.loads(told(lang)["gecc/live/amphoe-mueang/about"])["wait_p90"]["definition"] == row[f"definition_{lang}"]
    )


def test_both_languages_have_the_same_words():
    texts = Path(words.__wrapped__.__code__.co_filename).parent
    th, en = (tomllib.loads((texts / f"home_assistant_{lang}.toml").read_text("utf-8")) for lang in ("th", "en"))
    assert th.keys() == en.keys()
    assert all(re.search("[ก-๙]", text) for text in th.values())


def test_only_services_that_are_declared_have_sensors_of_their_own():
    names = [sensor.name for sensor in sensors_of(SITE, BOARD, "en")]
    assert "Tickets waiting: Civil registration" in names
    assert not [name for name in names if name.endswith("National identity card")]  # unit B is not declared here


def test_no_ticket_counter_or_person_is_in_it():
    everything = b"".join(told().values()).decode()
    for unit in BOARD["units"]:
        assert unit["last_called"] is None or unit["last_called"] not in everything
        assert "last_counter" not in everything


def test_a_sensor_keeps_its_identity_whatever_its_name_becomes():
    ids = [{t: c["unique_id"] for t, c in configs(lang).items()} for lang in ("th", "en")]
    assert ids[0] == ids[1]


def test_a_message_that_we_once_published_is_known_again_and_another_s_is_not():
    topic, config = next(iter(configs().items()))
    payload = json.dumps(config).encode()
    assert topic in topics_of(topic, payload, STATUS)
    assert "gecc/live/amphoe-mueang/state" in topics_of(topic, payload, STATUS)
    assert topics_of(topic, payload, status_topic("another-service")) == frozenset()
    for others in (b"", b"{", b"[]", b"5", b'{"availability_topic":"zigbee2mqtt/bridge/state"}', b"[" * 100_000):
        assert topics_of(topic, others, STATUS) == frozenset()
    stolen = json.dumps({**config, "state_topic": "gecc/v1/a/b/ticket"}).encode()
    assert topics_of(topic, stolen, STATUS) <= {topic, "gecc/live/amphoe-mueang/about"}


def test_a_client_id_of_any_letters_makes_a_topic():
    assert status_topic("gecc/+/#") == "gecc/live/gecc____/status"


def test_a_board_is_asked_again_only_when_it_has_news():
    asked, version = [], 1

    def board(site: str):
        asked.append(site)
        return BOARD

    sensors = Sensors(
        [SITE], board=board, version_of=lambda _: version, prefix="p", lang="en", status=STATUS, version="1"
    )  # fmt: skip
    assert sensors.wanted() == sensors.wanted()
    assert asked == ["amphoe-mueang"]
    version = 2
    sensors.wanted()
    assert len(asked) == 2
