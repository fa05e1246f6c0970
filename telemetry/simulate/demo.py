"""The centre of `gecc demo`: its settings, as gecc.toml says them."""

from __future__ import annotations

import json
from pathlib import Path

from telemetry.simulate.buttons import OWN, settings
from telemetry.simulate.makes.table import MAKES, QUEUE_LOG, Make
from telemetry.simulate.plan import COUNTERS, HOTLINE, KIOSKS, SERVICES

NAME_TH, NAME_EN = "ที่ว่าการอำเภอเมืองสาธิต", "Mueang Sathit District Office (demonstration)"

TARGETS = {
    "answered_within_3_rings_rate": 0.9,
    "service_level_rate": 0.8,
    "ticket_wait_seconds_p90": 1800,
    "ticket_wait_within_target_rate": 0.9,
}
"""What this centre has declared beyond the standard."""


def demo_config_toml(
    site_id: str, mqtt_port: int, web_port: int, pbx_log: Path | str, pbx: str = QUEUE_LOG, buttons: str = OWN
) -> str:
    """gecc.toml of one district office on this machine, with every device that the simulation speaks for."""
    log = Path(pbx_log)
    parts = [
        f"# The centre of `gecc demo`. Its people and calls are invented.\ndata = {_text(log.parent / 'data')}\n",
        f'[web]\nhost = "127.0.0.1"\nport = {web_port}\n',
        f'[mqtt]\nhost = "127.0.0.1"\nport = {mqtt_port}\nversion = "3.1.1"\n',
        _table("sites", id=site_id, name_th=NAME_TH, name_en=NAME_EN, timezone="Asia/Bangkok"),
        "[sites.targets]\n" + "".join(f"{name} = {value}\n" for name, value in TARGETS.items()),
    ]
    parts += [
        _table("sites.services", id=one.id, name_th=one.name_th, name_en=one.name_en, target_minutes=one.target_min)
        for one in SERVICES
    ]
    parts.append(_table("sites.services", id=HOTLINE, name_th="สายด่วนอำเภอ", name_en="District hotline"))
    parts += [_table("sites.devices", id=f"kiosk-{n}", kind="kiosk") for n in range(1, KIOSKS + 1)]
    for n in range(1, COUNTERS + 1):
        parts.append(_table("sites.devices", id=f"counter-{n}", kind="counter", counter=str(n)))
        row = {"counter": str(n), "scale_max": 5, **settings(buttons, site_id, f"button-{n}")}
        parts.append(_table("sites.devices", id=f"button-{n}", kind="button", **row))
    make = MAKES.get(pbx, Make(lambda _calls, _zone: []))
    way = {"folder": str(log)} if make.documents else {"tail": str(log)}
    parts.append(_table("sites.sources", id="pbx", format=pbx, **way, **make.settings))
    return "\n".join(parts)


def _table(name: str, **values: object) -> str:
    lines = [f"{key} = {_value(value)}" for key, value in values.items()]
    return "\n".join([f"[[{name}]]", *lines, ""])


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_text(key)} = {_value(one)}" for key, one in value.items()) + " }"
    return str(value) if isinstance(value, int | float) else _text(value)


def _text(value: object) -> str:
    """A TOML basic string: JSON's escapes are among its own."""
    return json.dumps(str(value), ensure_ascii=False)
