"""gecc.toml → frozen rows. Every problem is listed at once; unknown keys are problems too.

The rows are the table of settings: type, what is accepted, one sentence, default. The sample file and
the README say the same sentences; a test holds them to it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from telemetry.config_reader import (
    EXISTING_FILE,
    FILE,
    FLAG,
    FOLDER,
    HOST,
    ID,
    ZONE,
    ConfigError,
    Given,
    NumberByName,
    Table,
    Tables,
    named,
    nearest,
    number,
    one_of,
    parse,
    read,
    shown,
    text,
    unit,
    whole,
)

__all__ = [
    "Config",
    "ConfigError",
    "Device",
    "Mqtt",
    "Service",
    "Site",
    "Source",
    "Web",
    "check",
    "load",
    "mqtt_password",
    "without_file",
]

DAY_S = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service or queue of a site: what tickets and calls call their unit."""

    id: Annotated[str, unit(), "Name of the service or queue, exactly as the kiosk or the PBX writes it."]
    name_th: Annotated[str, text(200), "Name on screens in Thai; the id where empty."] = ""
    name_en: Annotated[str, text(200), "Name on screens in English; the id where empty."] = ""
    target_minutes: Annotated[float | None, number(1440), "Longest wait that the centre has declared, in minutes."] = (
        None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One log that is read: `format` says what it is, `tail` where it lies."""

    id: Annotated[str, ID, "Name of the source in the journal; never change it while the log goes on."]
    format: Annotated[str, named("formats", "format"), "What wrote the log."]
    tail: Annotated[Path, FILE, "The log file, followed as it grows; relative to the folder of this file."]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One kiosk, button or counter terminal of the gecc/v1 MQTT profile."""

    id: Annotated[str, ID, "Name of the device in its topics: gecc/v1/<site>/<device>/<kind>."]
    kind: Annotated[str, one_of("kiosk", "button", "counter"), "What the device is."] = "kiosk"
    unit: Annotated[str, unit(empty=True), "Service of its events where a message names none, such as a button's."] = ""
    counter: Annotated[str, unit(empty=True), "Counter of its events where a message names none."] = ""
    scale_max: Annotated[int, whole(2, 100), "Best score of its satisfaction scale; 1 is the worst."] = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One service centre with its rules. The defaults are the standard's or the field's."""

    id: Annotated[str, ID, "Name of the centre in topics, metrics and addresses."]
    name_th: Annotated[str, text(200), "Name on screens in Thai; the id where empty."] = ""
    name_en: Annotated[str, text(200), "Name on screens in English; the id where empty."] = ""
    timezone: Annotated[str, ZONE, "Time zone in which its days begin and its logs are written."] = "Asia/Bangkok"
    ring_cycle_s: Annotated[float, number(60), "One ring with its silence: 1 s and 4 s in Thailand."] = 5.0
    ring_clock: Annotated[
        str,
        one_of("agent_total", "agent_last", "queue"),
        "What counts as ringing: all attempts to reach an agent, the last one, or the whole wait in the queue.",
    ] = "agent_total"
    short_abandon_s: Annotated[
        float, number(3600, zero=True), "A caller who hangs up before this many seconds is a short abandon."
    ] = 5.0
    service_level_s: Annotated[float, number(3600), "Answered within this many seconds is in time."] = 20.0
    fcr_window_s: Annotated[
        float, number(30 * DAY_S), "A call is resolved at first contact if no other follows within these seconds."
    ] = 7 * DAY_S
    services: Annotated[tuple[Service, ...], Tables(Service), "Services and queues of the centre."] = ()
    sources: Annotated[tuple[Source, ...], Tables(Source), "Logs that are read here."] = ()
    devices: Annotated[tuple[Device, ...], Tables(Device), "Devices that publish by MQTT."] = ()
    targets: Annotated[
        Mapping[str, float],
        NumberByName("kpis", "KPI"),
        "The centre's own targets where they differ from the standard's; ratios from 0 to 1.",
    ] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mqtt:
    """The broker that devices publish to."""

    host: Annotated[str, HOST, "Host of the broker."]
    port: Annotated[int, whole(1, 65535), "TCP port of the broker; 8883 is usual with TLS."] = 1883
    version: Annotated[str, one_of("5", "3.1.1"), "MQTT version; 3.1.1 for old brokers."] = "5"
    client_id: Annotated[
        str, text(128), "The broker keeps our session under this name; no other client of it may have the same."
    ] = "gecc-telemetry"
    username: Annotated[str, text(128), "User at the broker; the password comes by file or environment."] = ""
    password_file: Annotated[
        Path | None, EXISTING_FILE, "File that holds the password; else the environment's GECC_MQTT_PASSWORD."
    ] = None
    tls: Annotated[bool, FLAG, "Encrypt the connection and check the broker's certificate."] = False
    ca_file: Annotated[
        Path | None, EXISTING_FILE, "Certificates of the authority that signed the broker's; else the system's."
    ] = None
    receive_maximum: Annotated[
        int, whole(1, 65535), "Most messages that the broker may send before we acknowledge one (MQTT 5)."
    ] = 1000
    session_expiry_s: Annotated[
        int, whole(0, 2**32 - 1), "How long the broker keeps messages for us while we are away, in seconds (MQTT 5)."
    ] = 7 * 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """Where the wallboard, the API and /metrics listen."""

    host: Annotated[str, HOST, "Address to listen on; 0.0.0.0 for every one of this machine."] = "127.0.0.1"
    port: Annotated[int, whole(0, 65535), "TCP port to listen on; 0 takes a free one."] = 8080


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    data: Annotated[Path, FOLDER, "Folder of the journal; relative to the folder of this file."]
    web: Annotated[Web, Table(Web), "Where the wallboard, the API and /metrics listen."] = field(default_factory=Web)
    mqtt: Annotated[Mqtt | None, Table(Mqtt), "The broker that devices publish to; none where left out."] = None
    sites: Annotated[tuple[Site, ...], Tables(Site), "The service centres."] = ()


DEFAULTS: Mapping[str, Any] = {"data": "."}
"""What stands in a file that does not say; a `Config` made in code has no folder of its own."""


def load(path: Path, *, formats: Collection[str] | None = None, kpis: Collection[str] | None = None) -> Config:
    """The configuration in a file, or `ConfigError` with every problem in it.

    `formats` and `kpis` are the names that exist; without them any name is accepted. `kpis` may be a mapping
    of name to unit: the target of a "ratio" is then held to 0..1.
    """
    given = Given(str(path), path.absolute().parent, {"formats": formats, "kpis": kpis})
    config: Config = read(Config, {**DEFAULTS, **parse(path)}, given)
    check(config, given)
    if given.problems:
        raise ConfigError(given.problems)
    return config


def without_file(data: Path, site_id: str) -> Config:
    """One site with every default: for an import into a folder that has no configuration."""
    given = Given("site", data)
    site: Site = read(Site, {"id": site_id}, given)
    if given.problems:
        raise ConfigError(given.problems)
    return Config(data=data, sites=(site,))


def mqtt_password(mqtt: Mqtt, environ: Mapping[str, str] = os.environ) -> str | None:
    """The password from its file (without the line end), else from the environment, else None."""
    if mqtt.password_file is not None:
        return mqtt.password_file.read_text("utf-8-sig").rstrip("\r\n")
    return environ.get("GECC_MQTT_PASSWORD")


def check(config: Config, given: Given) -> None:
    """Tell `given` of what only several settings together can get wrong."""
    if not config.sites and not given.problems:
        given.wrong("sites", "expected at least one [[sites]]")
    _differ("id", [(f"sites[{i}]", site) for i, site in enumerate(config.sites)], given)
    for i, site in enumerate(config.sites):
        services, sources, devices = (
            [(f"sites[{i}].{table}[{j}]", row) for j, row in enumerate(getattr(site, table))]
            for table in ("services", "sources", "devices")
        )
        _differ("id", services, given)
        _differ("id", [*sources, *devices], given)  # both are sources of events in the journal
        _differ("tail", sources, given)
        units = [service.id for service in site.services]
        for at, device in devices:
            if units and device.unit and device.unit not in units:
                given.wrong(f"{at}.unit", f"no service {shown(device.unit)} at this site{nearest(device.unit, units)}")
    if config.mqtt and config.mqtt.ca_file and not config.mqtt.tls:
        given.wrong("mqtt.ca_file", "expected tls = true beside it; without it nothing is encrypted")


def _differ(key: str, rows: Sequence[tuple[str, Any]], given: Given) -> None:
    first: dict[Any, str] = {}
    for at, row in rows:
        value = getattr(row, key)
        if value and first.setdefault(value, at) != at:
            given.wrong(f"{at}.{key}", f"expected a value of its own, {shown(value)} is also {first[value]}.{key}")
