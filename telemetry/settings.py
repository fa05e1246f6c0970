"""Every setting of gecc.toml, as rows: type, what is accepted, one sentence, default.

The sample file and the list of settings say the same sentences; a test holds them to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated

from telemetry.config_reader import (
    ADDRESS,
    DATE,
    EXISTING_FILE,
    FILE,
    FLAG,
    FOLDER,
    HOST,
    ID,
    KEEP_DAYS,
    SEPARATOR,
    ZONE,
    Dates,
    NumberByName,
    NumberByText,
    Table,
    Tables,
    TextByText,
    Texts,
    WholeByText,
    named,
    number,
    one_of,
    text,
    topic_word,
    unit,
    whole,
)

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
    service_minutes: Annotated[
        float | None, number(1440), "Time that the centre's manual gives for the service itself, in minutes."
    ] = None
    category: Annotated[
        str,
        one_of("mission", "information", "complaint"),
        "Kind of work: the office's own mission, information about government, or taking complaints.",
    ] = "mission"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One online channel, with the standard for its replies."""

    id: Annotated[str, unit(), "Name of the channel, as its events give it: email, chat, line, facebook, or another."]
    name_th: Annotated[str, text(200), "Name on screens in Thai; the id where empty."] = ""
    name_en: Annotated[str, text(200), "Name on screens in English; the id where empty."] = ""
    reply_minutes: Annotated[
        float | None,
        number(43_200),
        "Longest time to the first reply; where left out email 1440, chat and line 15, facebook 60, others none.",
    ] = None
    clock: Annotated[
        str, one_of("calendar", "service"), "Whether every hour counts towards a reply, or service hours only."
    ] = "calendar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Service that the centre has declared outside official hours."""

    id: Annotated[str, ID, "Name of the window, such as lunch or evening."]
    days: Annotated[str, text(64), "Days of the week it is on: mon-fri, sat, or mon,wed."]
    hours: Annotated[str, text(64), "From and to: 16:30-19:00; several with a comma."]
    since: Annotated[date | None, DATE, "First day."] = None
    until: Annotated[date | None, DATE, "Last day."] = None
    on_holidays: Annotated[bool, FLAG, "It is open on public holidays too."] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the centre declares anew from a day on; the days before keep what was in force then."""

    since: Annotated[date, DATE, "First day on which it is in force."]
    why: Annotated[str, text(200), "Where it was decided; printed beside the target."] = ""
    targets: Annotated[
        Mapping[str, float], NumberByName("kpis", "KPI"), "New targets; the other ones stay as they are."
    ] = field(default_factory=dict)
    service_level_s: Annotated[float | None, number(3600), "New limit of an answer in time."] = None
    target_minutes: Annotated[Mapping[str, float], NumberByText(1440), "New longest waits, by service."] = field(
        default_factory=dict
    )
    service_minutes: Annotated[Mapping[str, float], NumberByText(1440), "New times of the manual, by service."] = field(
        default_factory=dict
    )
    reply_minutes: Annotated[Mapping[str, float], NumberByText(43_200), "New times to reply, by channel."] = field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One log that is read: `format` says what it is; one of `tail`, `folder`, `connect`, `listen`, `ami`, `http` how it
    comes; the rest how it is written. Which of those a format takes stands in its row of the table of formats."""

    id: Annotated[str, ID, "Name of the source in the journal; never change it while the log goes on."]
    format: Annotated[str, named("formats", "format"), "What wrote the log."]
    tail: Annotated[Path | None, FILE, "A log file, followed as it grows; relative to the folder of this file."] = None
    folder: Annotated[Path | None, FOLDER, "A folder that whole files are dropped into; each is read once."] = None
    files: Annotated[str, text(200), "Which files of the folder, as a pattern; .gz files are unpacked."] = "*"
    connect: Annotated[str, ADDRESS, "The PBX's own TCP port, which we connect to."] = ""
    listen: Annotated[str, ADDRESS, "TCP address of ours, which the PBX or its serial adapter connects to."] = ""
    ami: Annotated[str, ADDRESS, "Asterisk Manager Interface, which we log in to."] = ""
    http: Annotated[bool, FLAG, "It is sent to us by HTTP, with the token below."] = False
    username: Annotated[str, text(128), "User to log in with, where the PBX asks for one."] = ""
    password_file: Annotated[
        Path | None, EXISTING_FILE, "File that holds the password to log in with, where the PBX asks for one."
    ] = None
    token_sha256: Annotated[
        tuple[str, ...],
        Texts(64),
        "Hashes of the tokens that may send, as `gecc token` prints them; two while one changes.",
    ] = ()
    hmac_key_file: Annotated[
        Path | None, EXISTING_FILE, "File that holds the key of signatures; with it every request must be signed."
    ] = None
    pbx: Annotated[
        str,
        text(64),
        "Telephone system whose calls it tells, where a centre has several of a make; told twice, a call counts once.",
    ] = ""
    timezone: Annotated[str, ZONE, "Time zone of the log's wall-clock times; the site's where empty."] = ""
    era: Annotated[
        str, one_of("ce", "be", "auto"), "Years of the log: Common Era, Buddhist Era, or told apart line by line."
    ] = "ce"
    date_order: Annotated[str, one_of("", "ymd", "dmy", "mdy"), "Order of dates, where it is not the make's own."] = ""
    time_is: Annotated[
        str, one_of("end", "start"), "What the time of a Panasonic line is; it depends on the model."
    ] = "end"
    pattern: Annotated[
        str, text(16), "Variant of the log, such as Panasonic's A, B or C; told by its header where empty."
    ] = ""
    columns: Annotated[
        tuple[str, ...], Texts(64), "Names of the columns in their order, where the PBX lets one choose."
    ] = ()
    delimiter: Annotated[str, SEPARATOR, "What stands between columns, where the PBX lets one choose."] = ""
    fields: Annotated[
        Mapping[str, str],
        TextByText(200),
        "generic_csv: where each field stands, a column's name or number, or from:to; cucm_cdr: machines, voicemail.",
    ] = field(default_factory=dict)
    units: Annotated[
        Mapping[str, str], TextByText(64), "Queue or number in the log → service or queue of the centre."
    ] = field(default_factory=dict)
    internal_digits: Annotated[
        int,
        whole(0, 12),
        "Numbers of up to so many digits are the centre's own extensions: they do not call as citizens.",
    ] = 6
    outside_prefix: Annotated[
        str, text(4), "Digits that are dialled before a number outside to get a line; they are no part of the number."
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One kiosk, button or counter terminal that publishes by MQTT."""

    id: Annotated[str, ID, "Name of the device in the journal, and in its topics gecc/v1/<site>/<device>/<kind>."]
    kind: Annotated[str, one_of("kiosk", "button", "counter"), "What the device is."] = "kiosk"
    convention: Annotated[
        str, named("conventions", "convention"), "How it speaks; gecc is the project's own profile."
    ] = "gecc"
    topic: Annotated[
        str, text(200), "Where a device of another convention publishes: its base topic, without the part that varies."
    ] = ""
    presses: Annotated[
        Mapping[str, int], WholeByText(1, 100), "Press, as the device names it → score; what is not listed is no vote."
    ] = field(default_factory=dict)
    debounce_s: Annotated[
        float,
        number(60, zero=True),
        "Presses of one button within this many seconds are one; the others are counted apart.",
    ] = 0.8
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
    province: Annotated[str, text(64), "Province, for comparisons of many centres."] = ""
    organisation: Annotated[str, text(200), "Department or ministry, for comparisons of many centres."] = ""
    hours: Annotated[
        Mapping[str, str],
        TextByText(64),
        "Official hours by days of the week; without any every hour is a service hour.",
    ] = field(default_factory=dict)
    lunch: Annotated[str, text(64), "Lunch break within the hours, in which service goes on or not."] = ""
    holidays: Annotated[
        str,
        one_of("TH", ""),
        "Country whose public holidays close the centre, substitution days included; none where empty.",
    ] = "TH"
    closed: Annotated[tuple[date, ...], Dates(), "Other days on which it is closed."] = ()
    open: Annotated[tuple[date, ...], Dates(), "Public holidays on which it is open nevertheless."] = ()
    other_hours: Annotated[Mapping[str, str], TextByText(64), "Hours of single days, such as half days, by date."] = (
        field(default_factory=dict)
    )
    no_show_calls: Annotated[
        int, whole(1, 100), "A ticket called so often, and never started, is a no-show even if nobody says so."
    ] = 3
    no_show_s: Annotated[float, number(3600, zero=True), "… if its calls span at least this many seconds."] = 60.0
    vote_pause_s: Annotated[
        float, number(600, zero=True), "Presses at one button within this many seconds are one vote."
    ] = 10.0
    vote_link_s: Annotated[
        float, number(3600, zero=True), "A press up to this long after a service at its counter belongs to that ticket."
    ] = 300.0
    test_numbers: Annotated[
        tuple[str, ...], Texts(32), "Telephone numbers whose calls are tests: counted apart, from when it is set."
    ] = ()
    silent_s: Annotated[
        float, number(86_400), "A device that sends heartbeats and says nothing for this many seconds is not up."
    ] = 900.0
    min_n: Annotated[int, whole(1, 100_000), "Fewer contacts than this give no verdict."] = 30
    min_coverage: Annotated[
        float, number(1, zero=True), "A smaller share of the service hours told of gives no verdict."
    ] = 0.95
    services: Annotated[tuple[Service, ...], Tables(Service), "Services and queues of the centre."] = ()
    channels: Annotated[tuple[Channel, ...], Tables(Channel), "Online channels and their standards."] = ()
    windows: Annotated[tuple[Window, ...], Tables(Window), "Service declared outside official hours."] = ()
    changes: Annotated[tuple[Change, ...], Tables(Change), "What was declared anew, and from when."] = ()
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
class HomeAssistant:
    """The live figures as sensors of a Home Assistant, told by the broker of `Mqtt`."""

    enabled: Annotated[bool, FLAG, "Publish them."] = False
    prefix: Annotated[str, topic_word(), "Prefix of discovery topics, as Home Assistant has it."] = "homeassistant"
    lang: Annotated[str, one_of("th", "en"), "Language of the names of sensors."] = "th"


@dataclass(frozen=True, slots=True, kw_only=True)
class Influxdb:
    """The time series store that the sums of every quarter of an hour are written to: InfluxDB 2, or whatever takes its
    write API."""

    url: Annotated[str, text(500), "Address of the store, with http:// or https://."]
    bucket: Annotated[str, text(128), "Bucket to write to; it must keep points for as long as the figures matter."]
    org: Annotated[
        str, text(128), "Organisation of the bucket; empty where the store has none, as VictoriaMetrics."
    ] = ""
    token_file: Annotated[
        Path | None, EXISTING_FILE, "File that holds the token; else the environment's GECC_INFLUXDB_TOKEN."
    ] = None
    ca_file: Annotated[
        Path | None, EXISTING_FILE, "Certificates of the authority that signed the store's; else the system's."
    ] = None
    interval_s: Annotated[float, number(3600), "The open day of a site is sent at most once in so many seconds."] = 60.0
    timeout_s: Annotated[float, number(300), "Longest time to wait for an answer of the store, in seconds."] = 30.0
    gzip: Annotated[bool, FLAG, "Pack what is sent."] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """Where the wallboard, the API and /metrics listen."""

    host: Annotated[str, HOST, "Address to listen on; 0.0.0.0 for every one of this machine."] = "127.0.0.1"
    port: Annotated[int, whole(0, 65535), "TCP port to listen on; 0 takes a free one."] = 8080


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Closed days, sealed so that an assessor can check them."""

    enabled: Annotated[bool, FLAG, "Seal each day of each site when its time for late events is over."] = True
    seal_after_h: Annotated[float, number(8760), "Hours after its end for which a day stays open for late events."] = (
        72.0
    )
    keep_days: Annotated[
        int,
        KEEP_DAYS,
        "Days after which the events of a sealed day leave the journal: from then on they are read from their sealed files"
        " (0: never).",
    ] = 400
    timestamp_url: Annotated[
        str,
        text(200),
        "Authority of time stamps (RFC 3161) that is asked for one over each sealed day; none where empty.",
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    data: Annotated[Path, FOLDER, "Folder of the journal; relative to the folder of this file."]
    web: Annotated[Web, Table(Web), "Where the wallboard, the API and /metrics listen."] = field(default_factory=Web)
    mqtt: Annotated[Mqtt | None, Table(Mqtt), "The broker that devices publish to; none where left out."] = None
    home_assistant: Annotated[
        HomeAssistant, Table(HomeAssistant), "The live figures as sensors in Home Assistant, over the broker of [mqtt]."
    ] = field(default_factory=HomeAssistant)
    influxdb: Annotated[
        Influxdb | None, Table(Influxdb), "The store that sums are written to, such as InfluxDB; none where left out."
    ] = None
    archive: Annotated[Archive, Table(Archive), "Closed days, sealed so that an assessor can check them."] = field(
        default_factory=Archive
    )
    sites: Annotated[tuple[Site, ...], Tables(Site), "The service centres."] = ()
