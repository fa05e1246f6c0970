"""Who may say and hear what at the broker: one account for each device of gecc.toml, and the rules of Mosquitto for it.

A device is `<site>/<device>`, as in its topics. Rules name each account and its topics in full, without patterns: what is
not in the file has no right at all, however a client calls itself. Zigbee2MQTT speaks for all of its buttons, so a site
has one account for it. Passwords are random and kept as Mosquitto keeps them (PBKDF2 of SHA-512).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from telemetry.exporters.home_assistant import LIVE
from telemetry.settings import Config, Device

SERVICE, HOME_ASSISTANT = "gecc", "homeassistant"
BRIDGE = "zigbee2mqtt_bridge"
"""With an underline, which no id of a device has."""
ROUNDS = 101
"""As mosquitto_passwd does: rounds are for words that people choose, these are 190 random bits."""

Rule = tuple[str, str]
"""(`read`, `write` or `readwrite`; topic filter)"""


class Account(NamedTuple):
    """One user at the broker."""

    name: str
    rules: Sequence[Rule]


def accounts_of(config: Config) -> list[Account]:
    """The service's own, Home Assistant's where that is used, then each device's, in the order of the file."""
    ha = config.home_assistant
    own: list[Rule] = [("read", "#")]
    out = [Account(SERVICE, own)]
    if ha.enabled:
        own += [("write", f"{LIVE}/#"), ("write", f"{ha.prefix}/sensor/+/+/config")]
        theirs = [("read", f"{ha.prefix}/#"), ("read", f"{LIVE}/#"), ("write", f"{ha.prefix}/status")]
        out.append(Account(HOME_ASSISTANT, theirs))
    for site in config.sites:
        bridge: list[Rule] = []
        for device in site.devices:
            if device.convention == "zigbee2mqtt":
                bridge += _zigbee2mqtt(device.topic.strip("/"))
            else:
                out.append(Account(f"{site.id}/{device.id}", _rules(site.id, device)))
        if bridge:
            out.append(Account(f"{site.id}/{BRIDGE}", list(dict.fromkeys(bridge))))
    return out


def _rules(site: str, device: Device) -> list[Rule]:
    topic = device.topic.strip("/")
    match device.convention:
        case "gecc":
            return [("write", f"gecc/v1/{site}/{device.id}/+")]
        case "cloudevents_mqtt":
            return [("write", topic), ("write", f"{topic}/#")]
        case "tasmota":
            full = topic if "%prefix%" in topic else f"%prefix%/{topic}"
            rights = {"stat": "write", "tele": "write", "cmnd": "read"}
            return [(right, f"{full.replace('%prefix%', prefix)}/#") for prefix, right in rights.items()]
        case "sparkplug_b":
            return _sparkplug(topic)
        case "homeassistant":
            topic = topic.removesuffix("/state")
    return [("readwrite", topic), ("readwrite", f"{topic}/#")]


def _zigbee2mqtt(topic: str) -> list[Rule]:
    """All names beside this one, and what the bridge says of itself, whose base may be any beginning of the topic."""
    levels = topic.split("/")
    beginnings = ["/".join(levels[:n]) for n in range(1, len(levels))]
    beside = f"{beginnings[-1]}/#" if beginnings else f"{topic}/#"
    return [("readwrite", beside), *(("readwrite", f"{one}/bridge/#") for one in beginnings[:-1])]


def _sparkplug(topic: str) -> list[Rule]:
    """Of the whole edge node: its devices have no connection of their own."""
    group, edge = topic.removeprefix("spBv1.0/").split("/")[:2]
    at = f"spBv1.0/{group}"
    return [
        *(("write", f"{at}/{kind}/{edge}") for kind in ("NBIRTH", "NDEATH", "NDATA")),
        *(("write", f"{at}/{kind}/{edge}/+") for kind in ("DBIRTH", "DDEATH", "DDATA")),
        ("read", f"{at}/NCMD/{edge}"),
        ("read", f"{at}/DCMD/{edge}/+"),
        ("read", "spBv1.0/STATE/+"),
    ]


def acl(accounts: Iterable[Account]) -> str:
    """The rules as Mosquitto's `acl_file`."""
    parts = ["# Who may say and hear what. Made by `gecc broker accounts`; what is changed by hand is lost."]
    for account in accounts:
        parts.append(f"\nuser {account.name}")
        parts += [f"topic {right} {topic}" for right, topic in account.rules]
    return "\n".join(parts) + "\n"


def new_password() -> str:
    """32 letters, digits, - and _."""
    return secrets.token_urlsafe(24)


def hashed(password: str) -> str:
    """As it stands behind `<user>:` in Mosquitto's `password_file`."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS)
    return f"$7${ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def password_file(hashes: Mapping[str, str]) -> str:
    """Mosquitto's `password_file`, of user → hash."""
    return "".join(f"{user}:{hash_}\n" for user, hash_ in hashes.items())


def hashes_in(text: str) -> dict[str, str]:
    """User → hash, of a `password_file`."""
    rows = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {user: hash_ for user, _, hash_ in rows}
