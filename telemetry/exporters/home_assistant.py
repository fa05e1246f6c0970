"""The live figures of a site as retained MQTT messages that Home Assistant discovers: sensors, their state, and about them.

One message of a site holds every state, so that they belong together; another holds what stands behind each figure (n,
period, target, verdict, definition), as attributes. Null is "unknown" in Home Assistant, which is what undefined is. Names
are those of the chosen language, units those of Home Assistant: ratios in per cent. No ticket, person or number is in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple

from telemetry.settings import Site
from telemetry.text import words

LIVE = "gecc/live"
ONLINE, OFFLINE = b"online", b"offline"
MAKER = "gecc-telemetry"
STATES = ("online", "silent", "offline")
"""Of a device or log, as the wallboard has them; what is not known is null."""

_UNITS = {"ratio": "%", "percent": "%", "seconds": "s"}
_PLACES = {"ratio": 1, "percent": 1, "seconds": 0}


class Sensor(NamedTuple):
    """One figure, and how Home Assistant shows it."""

    key: str
    name: str
    state: float | str | None
    unit: str = ""
    device_class: str = ""
    about: Mapping[str, Any] | None = None
    places: int = 0
    states: Sequence[str] = ()
    """Of a sensor that tells one of some words."""


def status_topic(client_id: str) -> str:
    """Where the service says that it is there, for all of its sites; the broker says there that it is not."""
    return f"{LIVE}/{re.sub(r'[^A-Za-z0-9_-]', '_', client_id)}/status"


def messages(
    site: Site, board: Mapping[str, Any], *, prefix: str, lang: str, status: str, version: str
) -> dict[str, bytes]:
    """Topic → what should be retained there, of one site's board (see `telemetry.web.service.Board`)."""
    sensors = list(sensors_of(site, board, lang))
    state, about = f"{LIVE}/{site.id}/state", f"{LIVE}/{site.id}/about"
    device = {
        "identifiers": [f"gecc-{site.id}"],
        "name": _name(site, lang),
        "manufacturer": MAKER,
        "model": words(lang, "home_assistant")["model"],
        "sw_version": version,
    }
    out = {}
    for sensor in sensors:
        config = {
            "name": sensor.name,
            "unique_id": f"gecc_{site.id}_{sensor.key}",
            "default_entity_id": f"sensor.gecc_{site.id}_{sensor.key}".replace("-", "_"),
            "state_topic": state,
            "value_template": f"{{{{ value_json['{sensor.key}'] }}}}",
            "availability_topic": status,
            "qos": 1,
            "device": device,
            "origin": {"name": MAKER, "sw_version": version},
        }
        if sensor.states:
            config |= {"device_class": "enum", "options": list(sensor.states), "entity_category": "diagnostic"}
        else:
            config |= {"state_class": "measurement", "suggested_display_precision": sensor.places}
        if sensor.unit:
            config["unit_of_measurement"] = sensor.unit
        if sensor.device_class:
            config["device_class"] = sensor.device_class
        if sensor.about is not None:
            config["json_attributes_topic"] = about
            config["json_attributes_template"] = f"{{{{ value_json['{sensor.key}'] | tojson }}}}"
        out[f"{prefix}/sensor/gecc_{site.id}/{sensor.key}/config"] = _json(config)
    out[state] = _json({sensor.key: sensor.state for sensor in sensors})
    out[about] = _json({sensor.key: sensor.about for sensor in sensors if sensor.about is not None})
    return out


def sensors_of(site: Site, board: Mapping[str, Any], lang: str) -> Iterator[Sensor]:
    """Who waits, in all and by service; today's figures of the wallboard; the state of each device and log."""
    word, now = words(lang, "home_assistant"), board["now"]
    as_of_ms = board["as_of_ms"]
    for kind in ("tickets", "calls"):
        yield Sensor(f"{kind}_waiting", word[f"{kind}_waiting"], now[f"{kind}_waiting"])
        since = now[f"longest_{kind[:-1]}_wait_since_ms"]
        longest = None if since is None else max(0, as_of_ms - since) // 1000
        yield Sensor(f"longest_{kind[:-1]}_wait", word[f"longest_{kind[:-1]}_wait"], longest, "s", "duration")
    declared = {service.id: service for service in site.services}
    for unit in board["units"]:
        if (service := declared.get(unit["unit"])) is None:
            continue  # sensors of what a PBX happens to name would come and go
        for kind in ("tickets", "calls"):
            key = f"{kind}_waiting_{blake2b(service.id.encode(), digest_size=4).hexdigest()}"
            yield Sensor(key, f"{word[f'{kind}_waiting']}: {_name(service, lang)}", unit[f"{kind}_waiting"])
    for row in board["today"]:
        if row["unit_kind"] != "histogram":
            yield _figure(row, lang)
    for source in board["sources"]:
        state = source["state"] if source["state"] in STATES else None
        name = word["source"].format(name=source["id"])
        yield Sensor(f"source_{source['id']}", name, state, states=STATES)


def _figure(row: Mapping[str, Any], lang: str) -> Sensor:
    kind = row["unit_kind"]

    def shown(value: float | None) -> float | None:
        return value if value is None or kind != "ratio" else round(value * 100, 6)

    about = {
        **{key: row[key] for key in ("n", "from", "to", "verdict")},
        "target": shown(row["target"]),
        "definition": row[f"definition_{lang}"],
    }
    device_class = "duration" if kind == "seconds" else ""
    value, unit, places = shown(row["value"]), _UNITS.get(kind, ""), _PLACES.get(kind, 1)
    return Sensor(row["kpi"], row[f"label_{lang}"], value, unit, device_class, about, places)


class Sensors:
    """All sites' messages, made anew where a board has changed."""

    def __init__(
        self,
        sites: Sequence[Site],
        *,
        board: Callable[[str], Mapping[str, Any]],
        version_of: Callable[[str], int],
        prefix: str,
        lang: str,
        status: str,
        version: str,
    ) -> None:
        """`version_of` a site grows when its board has news."""
        self._sites, self._board, self._version_of = sites, board, version_of
        self._make = partial(messages, prefix=prefix, lang=lang, status=status, version=version)
        self._made: dict[str, tuple[int, dict[str, bytes]]] = {}

    def wanted(self) -> dict[str, bytes]:
        out: dict[str, bytes] = {}
        for site in self._sites:
            version, made = self._version_of(site.id), self._made.get(site.id)
            if made is None or made[0] != version:
                made = self._made[site.id] = version, self._make(site, self._board(site.id))
            out |= made[1]
        return out


def topics_of(topic: str, payload: bytes, status: str) -> frozenset[str]:
    """The topics that belong to a sensor which this service (that of the `status` topic) has once announced; none where
    the message is another's."""
    if not topic.endswith("/config"):
        return frozenset()
    try:
        config = json.loads(payload)
    except (ValueError, RecursionError):
        return frozenset()
    if not isinstance(config, dict) or config.get("availability_topic") != status:
        return frozenset()
    theirs = (config.get(name) for name in ("state_topic", "json_attributes_topic"))
    return frozenset([topic, *(one for one in theirs if isinstance(one, str) and one.startswith(f"{LIVE}/"))])


def _name(of: Any, lang: str) -> str:
    return str(getattr(of, f"name_{lang}") or of.id)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
