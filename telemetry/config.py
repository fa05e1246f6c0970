"""gecc.toml → the rows of `telemetry.settings`. Every problem is listed at once; unknown keys are problems too."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from telemetry.config_reader import ConfigError, Given, nearest, parse, read, settings, shown
from telemetry.events import BY_HAND
from telemetry.hours import problems as hours_problems
from telemetry.settings import Config, Device, Influxdb, Mqtt, Service, Site, Source, Web

__all__ = [
    "Config",
    "ConfigError",
    "Device",
    "Influxdb",
    "Mqtt",
    "Service",
    "Site",
    "Source",
    "Web",
    "check",
    "influxdb_token",
    "load",
    "mqtt_password",
    "source_from",
    "without_file",
]

DEFAULTS: Mapping[str, Any] = {"data": "."}
"""What stands in a file that does not say; a `Config` made in code has no folder of its own."""


def load(
    path: Path,
    *,
    formats: Collection[str] | None = None,
    kpis: Collection[str] | None = None,
    conventions: Collection[str] | None = None,
) -> Config:
    """The configuration in a file, or `ConfigError` with every problem in it.

    `formats`, `kpis` and `conventions` are the names that exist; without them any name is accepted. `kpis` may be a
    mapping of name to unit: the target of a "ratio" is then held to 0..1. `formats` may be the table of formats: a
    source is then held to what its format takes.
    """
    given = Given(str(path), path.absolute().parent, {"formats": formats, "kpis": kpis, "conventions": conventions})
    config: Config = read(Config, {**DEFAULTS, **parse(path)}, given)
    check(config, given)
    if given.problems:
        raise ConfigError(given.problems)
    return config


def source_from(
    settings_: Mapping[str, Any],
    folder: Path,
    formats: Collection[str] | None = None,
    *,
    where: str = "--set",
    free_id: bool = False,
) -> Source:
    """A source that no file describes: of an import, or of something that is looked at. ConfigError with every problem.
    With `free_id` its id may be any name, such as that of a format."""
    given = Given(where, folder, {"formats": formats})
    source: Source = read(Source, {**settings_, "id": "x"} if free_id else settings_, given)
    if free_id:
        source = replace(source, id=str(settings_["id"]))
    if source.id == BY_HAND:
        given.wrong("id", f'expected another name: "{BY_HAND}" is what people correct')
    check_source(source, formats, "source", given, read_here=False)
    if given.problems:
        raise ConfigError(given.problems)
    return source


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


def influxdb_token(influxdb: Influxdb, environ: Mapping[str, str] = os.environ) -> str | None:
    """The token from its file (without the line end), else from the environment, else None."""
    if influxdb.token_file is not None:
        return influxdb.token_file.read_text("utf-8-sig").rstrip("\r\n")
    return environ.get("GECC_INFLUXDB_TOKEN")


def check(config: Config, given: Given) -> None:
    """Tell `given` of what only several settings together can get wrong."""
    formats = given.names.get("formats")
    if not config.sites and not given.problems:
        given.wrong("sites", "expected at least one [[sites]]")
    _differ("id", [(f"sites[{i}]", site) for i, site in enumerate(config.sites)], given)
    for i, site in enumerate(config.sites):
        services, sources, devices = (
            [(f"sites[{i}].{table}[{j}]", row) for j, row in enumerate(getattr(site, table))]
            for table in ("services", "sources", "devices")
        )
        _differ("id", services, given)
        _differ("id", [(f"sites[{i}].channels[{j}]", row) for j, row in enumerate(site.channels)], given)
        _differ("id", [(f"sites[{i}].windows[{j}]", row) for j, row in enumerate(site.windows)], given)
        check_time(site, f"sites[{i}]", given)
        _differ("id", [*sources, *devices], given)  # both are sources of events in the journal
        for at, row in (*sources, *devices):
            if row.id == BY_HAND:
                given.wrong(f"{at}.id", f'expected another name: "{BY_HAND}" is what people correct')
        for way in ("tail", "folder"):
            _differ(way, sources, given)
        for at, source in sources:
            check_source(source, formats, at, given)
        units = [service.id for service in site.services]
        for at, device in devices:
            if units and device.unit and device.unit not in units:
                given.wrong(f"{at}.unit", f"no service {shown(device.unit)} at this site{nearest(device.unit, units)}")
            check_device(device, at, given)
    _presses_differ(
        [(f"sites[{i}].devices[{j}]", d) for i, site in enumerate(config.sites) for j, d in enumerate(site.devices)],
        given,
    )
    everywhere = [(f"sites[{i}].sources[{j}]", s) for i, x in enumerate(config.sites) for j, s in enumerate(x.sources)]
    _differ("listen", everywhere, given)
    _tokens(everywhere, given)
    if config.home_assistant.enabled and config.mqtt is None:
        given.wrong("home_assistant.enabled", "expected an [mqtt] table; there is no broker to publish to")
    if config.mqtt and config.mqtt.ca_file and not config.mqtt.tls:
        given.wrong("mqtt.ca_file", "expected tls = true beside it; without it nothing is encrypted")
    if config.influxdb is not None:
        check_influxdb(config.influxdb, given)
    if config.archive.timestamp_url and not config.archive.timestamp_url.startswith(("http://", "https://")):
        got = shown(config.archive.timestamp_url)
        given.wrong("archive.timestamp_url", f"expected an address that begins with http:// or https://, got {got}")


def check_influxdb(influxdb: Influxdb, given: Given) -> None:
    """Tell what is wrong with the address of the store."""
    scheme, _, rest = influxdb.url.partition("://")
    if _told(given, "influxdb."):
        return
    if scheme not in ("http", "https") or not rest.strip("/"):
        got = shown(influxdb.url)
        given.wrong("influxdb.url", f"expected an address that begins with http:// or https://, got {got}")
    elif "@" in rest:
        given.wrong("influxdb.url", "a secret must not stand in this file: name the file of the token in token_file")
    elif "?" in rest or "#" in rest:
        given.wrong("influxdb.url", "expected no ? and # in it; bucket and org have settings of their own")
    if not influxdb.bucket:
        given.wrong("influxdb.bucket", "expected the name of a bucket")
    if influxdb.ca_file is not None and scheme != "https":
        given.wrong("influxdb.ca_file", "expected https:// beside it; without it nothing is encrypted")


def check_time(site: Site, at: str, given: Given) -> None:
    """Tell what is wrong with the hours of a site, and with what changes when."""
    for where, problem in hours_problems(site):
        given.wrong(f"{at}.{where}", problem)
    if (site.lunch or site.windows or site.open or site.closed) and not site.hours:
        given.wrong(f"{at}.hours", "is missing; lunch, windows, open and closed mean nothing without it")
    declared = {"target_minutes": "service", "service_minutes": "service", "reply_minutes": ""}
    services = [service.id for service in site.services]
    for i, change in enumerate(site.changes):
        for name, noun in declared.items():
            for unit in getattr(change, name):
                if noun and unit not in services:
                    given.wrong(f"{at}.changes[{i}].{name}.{unit}", f"no such service{nearest(unit, services)}")
    days = [change.since for change in site.changes if change.since]
    if days != sorted(set(days)):
        given.wrong(f"{at}.changes", "expected each later than the one before")


NO_DEVICE = {
    "zigbee2mqtt": (r".*/(action|click|availability|set|get)", "the device's own topic, zigbee2mqtt/<friendly name>"),
    "shelly": (r".*/(events/rpc|rpc|online|announce|input_event/\d+|sensor/battery)", "the device's MQTT prefix"),
    "tasmota": (r"(stat|tele|cmnd)/.*", "the device's Topic alone, or its FullTopic with %prefix%"),
    "esphome": (r".*/(status|(binary_sensor|event)/[^/]+/state)", "the device's prefix"),
    "sparkplug_b": (r"(?!spBv1\.0/[^/]+/[^/]).*", "spBv1.0/<group>/<edge>, or with /<device>"),
}
"""Convention → topics that are not a device's but something of it, and what is expected."""


def check_device(device: Device, at: str, given: Given) -> None:
    """What a device of its convention must say, and may not."""
    own = device.convention == "gecc"
    if own and (device.topic or device.presses) and not _told(given, f"{at}.convention"):
        given.wrong(f"{at}.convention", 'expected another than "gecc", whose devices need neither topic nor presses')
    if not own and not device.topic.strip("/"):
        given.wrong(f"{at}.topic", f"is missing; convention {shown(device.convention)} needs it")
    if any(sign in device.topic for sign in "+#"):
        given.wrong(f"{at}.topic", f"expected one device's topic without + and #, got {shown(device.topic)}")
    if device.topic.startswith("gecc/"):
        given.wrong(f"{at}.topic", "topics that begin with gecc/ are for devices of the project's own profile")
    no_device, expected = NO_DEVICE.get(device.convention, ("", ""))
    if device.topic.strip("/") and no_device and re.fullmatch(no_device, device.topic.strip("/")):
        given.wrong(f"{at}.topic", f"expected {expected}, got {shown(device.topic)}")
    needs_presses = not own and device.convention != "cloudevents_mqtt"
    if needs_presses and not device.presses and not _told(given, f"{at}.presses"):
        given.wrong(f"{at}.presses", "is missing; without it nothing that the device sends is a vote")
    for press, score in device.presses.items():
        if score > device.scale_max:
            given.wrong(
                f"{at}.presses.{press}", f"expected a score from 1 to scale_max {device.scale_max}, got {score}"
            )


def _told(given: Given, at: str) -> bool:
    """Whether something is known to be wrong there already."""
    return any(f" {at}" in problem for problem in given.problems)


def _presses_differ(devices: Sequence[tuple[str, Device]], given: Given) -> None:
    """Devices may share a topic, but not a press of it."""
    first: dict[tuple[str, str, str], str] = {}
    for at, device in devices:
        for press in device.presses:
            here = f"{at}.presses.{press}"
            there = first.setdefault((device.convention, device.topic.strip("/"), press.casefold()), here)
            if there != here:
                given.wrong(here, f"expected a press of its own, it is also {there} of the same topic")


WAYS = {
    "tail": ("lines",),
    "folder": ("lines", "documents"),
    "connect": ("lines",),
    "listen": ("lines",),
    "ami": ("lines",),
    "http": ("documents",),
}
"""How a log comes → what kind of records come that way."""

WITH = {"files": ("folder",), "username": ("ami", "connect"), "password_file": ("ami", "connect"),
        "token_sha256": ("http",), "hmac_key_file": ("http",)}  # fmt: skip
"""Settings that mean something only beside one of the others."""

HOW_WRITTEN = ("timezone", "era", "date_order", "time_is", "pattern", "columns", "delimiter", "fields", "units",
               "internal_digits", "outside_prefix")  # fmt: skip
"""Settings that say how a log is written; which of them a format reads stands in its row."""


class _Format(Protocol):
    """What has to be known of a format here: a row of the table of formats."""

    @property
    def records(self) -> str: ...
    @property
    def takes(self) -> Collection[str]: ...
    @property
    def needs(self) -> Collection[str]: ...
    @property
    def problems(self) -> Callable[[Any], Sequence[str]] | None: ...


def check_source(source: Source, formats: object, at: str, given: Given, *, read_here: bool = True) -> None:
    """What the settings of a source get wrong together. With `read_here` it must say how its records come."""
    standard = {s.name: s.default for s in settings(Source)}
    said = {name for name, default in standard.items() if getattr(source, name) != default}
    ways = [way for way in WAYS if way in said]
    if read_here and len(ways) != 1 and not any(f" {at}." in problem for problem in given.problems):
        wrong = f"got {' and '.join(ways)}" if ways else "got none"
        given.wrong(at, f"expected one of {', '.join(WAYS)}, {wrong}")
    for name, beside in WITH.items():
        if name in said and not said & set(beside):
            given.wrong(f"{at}.{name}", f"means something only beside {' or '.join(beside)}")
    if "http" in said and not source.token_sha256:
        given.wrong(f"{at}.token_sha256", "missing; whoever sends by HTTP needs a token (gecc token makes one)")
    row: _Format | None = formats.get(source.format) if isinstance(formats, Mapping) else None
    if row is None:
        return
    for way in ways:
        if row.records not in WAYS[way] or (way == "ami") > (source.format == "asterisk_ami"):
            given.wrong(f"{at}.{way}", f"{source.format} does not come this way")
    for name in HOW_WRITTEN:
        if name in said and name not in row.takes:
            taken = f"it takes {', '.join(row.takes)}" if row.takes else "its logs are always written in one way"
            given.wrong(f"{at}.{name}", f"{source.format} does not take it; {taken}")
    for name in row.needs:
        if name not in said:
            given.wrong(f"{at}.{name}", f"missing; {source.format} cannot be read without it")
    if row.problems is not None and not said.isdisjoint(HOW_WRITTEN):
        for problem in row.problems(source):
            name, colon, rest = problem.partition(": ")
            known = colon and name in HOW_WRITTEN
            given.wrong(f"{at}.{name if known else 'fields'}", rest if known else problem)


def _tokens(sources: Sequence[tuple[str, Source]], given: Given) -> None:
    """A token says which source sends: each is one source's alone."""
    first: dict[str, str] = {}
    for at, source in sources:
        for hashed in source.token_sha256:
            if not re.fullmatch(r"[0-9a-f]{64}", hashed):
                given.wrong(f"{at}.token_sha256", "expected 64 of 0-9 and a-f, as gecc token prints them")
            elif first.setdefault(hashed, at) != at:
                given.wrong(f"{at}.token_sha256", f"expected a token of its own, this one is also {first[hashed]}'s")


def _differ(key: str, rows: Sequence[tuple[str, Any]], given: Given) -> None:
    first: dict[Any, str] = {}
    for at, row in rows:
        value = getattr(row, key)
        if value and first.setdefault(value, at) != at:
            given.wrong(f"{at}.{key}", f"expected a value of its own, {shown(value)} is also {first[value]}.{key}")
