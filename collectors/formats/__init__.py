"""Every format, in one table: what turns a source's bytes into events.

Where several sources of a centre tell of one telephone system, each call counts once: as the source of the best
(lowest) `rank` tells it. See `kpis.calls.sources`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from collectors.base import Decoder, Guess
from collectors.formats import (
    asterisk_ami,
    asterisk_cdr_columns,
    asterisk_cel,
    asterisk_queue_log,
    avaya_smdr,
    cloudevents_http,
    cucm_cdr,
    freeswitch_csv_cdr,
    freeswitch_json_cdr,
    generic_csv,
    panasonic_smdr,
    threecx_cdr,
)
from collectors.formats.asterisk_ami import AsteriskAmi
from collectors.formats.asterisk_cdr import Cdr
from collectors.formats.asterisk_cel import Cel
from collectors.formats.asterisk_queue_log import QueueLog
from collectors.formats.avaya_smdr import AvayaSmdr
from collectors.formats.cloudevents_http import CloudEventsHttp
from collectors.formats.cloudevents_mqtt import CloudEventsMqtt
from collectors.formats.cucm_cdr import CucmCdr
from collectors.formats.esphome import Esphome
from collectors.formats.freeswitch_csv_cdr import FreeswitchCsvCdr
from collectors.formats.freeswitch_json_cdr import FreeswitchJsonCdr
from collectors.formats.generic_csv import GenericCsv
from collectors.formats.homeassistant import HomeAssistant
from collectors.formats.kiosk_json import KioskJson
from collectors.formats.options import Options
from collectors.formats.panasonic_smdr import PanasonicSmdr
from collectors.formats.shelly import Shelly
from collectors.formats.sparkplug_b import SparkplugB
from collectors.formats.tasmota import Tasmota
from collectors.formats.threecx_cdr import ThreeCx
from collectors.formats.zigbee2mqtt import Zigbee2Mqtt


class Format(NamedTuple):
    """One row: what it reads and how to make a decoder for one source of one site."""

    records: str
    """`lines` (of a file or stream), `documents` (whole files or request bodies), or `messages` (of MQTT)."""
    make: Callable[..., Decoder]
    """Lines and documents: make(site=..., source=..., options=Options). Messages: see the format."""
    takes: tuple[str, ...] = ()
    """Fields of `Options` that it reads."""
    needs: tuple[str, ...] = ()
    """Those of them that must be given: it would have to guess them."""
    system: str = ""
    """The make of telephone system whose calls it tells, "" for one that no other format tells of."""
    rank: int = 0
    recognise: Callable[[Sequence[bytes]], Guess | None] | None = None
    """What it makes of the first lines, or the first document, of something unknown."""
    problems: Callable[[Options], Sequence[str]] | None = None
    """What is wrong in options that only together make sense, one sentence each."""


FORMATS: dict[str, Format] = {
    "asterisk_queue_log": Format("lines", QueueLog, system="asterisk", rank=1, recognise=asterisk_queue_log.recognise),
    "asterisk_cdr": Format(
        "lines",
        Cdr,
        takes=("timezone", "era", "date_order", "columns", "delimiter", "units", "internal_digits", "outside_prefix"),
        needs=("timezone",),
        system="asterisk",
        rank=4,
        recognise=asterisk_cdr_columns.recognise,
        problems=asterisk_cdr_columns.problems,
    ),
    "asterisk_cel": Format(
        "lines",
        Cel,
        takes=("timezone", "era", "date_order", "columns", "delimiter", "units", "internal_digits", "outside_prefix"),
        needs=("timezone",),
        system="asterisk",
        rank=2,
        recognise=asterisk_cel.recognise,
        problems=asterisk_cel.problems,
    ),
    "asterisk_ami": Format(
        "lines",
        AsteriskAmi,
        takes=("units", "internal_digits", "outside_prefix"),
        system="asterisk",
        rank=3,
        recognise=asterisk_ami.recognise,
    ),
    "freeswitch_json_cdr": Format(
        "documents",
        FreeswitchJsonCdr,
        takes=("units", "internal_digits", "outside_prefix"),
        system="freeswitch",
        rank=1,
        recognise=freeswitch_json_cdr.recognise,
    ),
    "freeswitch_csv_cdr": Format(
        "lines",
        FreeswitchCsvCdr,
        takes=(
            "timezone",
            "era",
            "date_order",
            "pattern",
            "columns",
            "delimiter",
            "units",
            "internal_digits",
            "outside_prefix",
        ),
        needs=("timezone",),
        system="freeswitch",
        rank=2,
        recognise=freeswitch_csv_cdr.recognise,
        problems=freeswitch_csv_cdr.problems,
    ),
    "avaya_smdr": Format(
        "lines",
        AvayaSmdr,
        takes=("timezone", "era", "units", "internal_digits", "outside_prefix"),
        system="avaya",
        rank=1,
        recognise=avaya_smdr.recognise,
    ),
    "panasonic_smdr": Format(
        "lines",
        PanasonicSmdr,
        takes=("timezone", "date_order", "time_is", "pattern", "units", "internal_digits", "outside_prefix"),
        system="panasonic",
        rank=1,
        recognise=panasonic_smdr.recognise,
        problems=panasonic_smdr.problems,
    ),
    "cucm_cdr": Format(
        "lines",
        CucmCdr,
        takes=("fields", "units", "internal_digits", "outside_prefix"),
        system="cucm",
        rank=1,
        recognise=cucm_cdr.recognise,
        problems=cucm_cdr.problems,
    ),
    "threecx_cdr": Format(
        "lines",
        ThreeCx,
        takes=("timezone", "era", "date_order", "columns", "delimiter", "units", "internal_digits", "outside_prefix"),
        needs=("timezone",),
        system="3cx",
        rank=1,
        recognise=threecx_cdr.recognise,
        problems=threecx_cdr.problems,
    ),
    "generic_csv": Format(
        "lines",
        GenericCsv,
        takes=("fields", "timezone", "era", "date_order", "delimiter", "units", "internal_digits", "outside_prefix"),
        needs=("fields",),
        recognise=generic_csv.recognise,
        problems=generic_csv.problems,
    ),
    "cloudevents_http": Format("documents", CloudEventsHttp, takes=("units",), recognise=cloudevents_http.recognise),
    "kiosk_json": Format("messages", KioskJson),
    "zigbee2mqtt": Format("messages", Zigbee2Mqtt),
    "shelly": Format("messages", Shelly),
    "tasmota": Format("messages", Tasmota),
    "esphome": Format("messages", Esphome),
    "homeassistant": Format("messages", HomeAssistant),
    "cloudevents_mqtt": Format("messages", CloudEventsMqtt),
    "sparkplug_b": Format("messages", SparkplugB),
}
