"""The composition root: a configuration becomes objects and one group of tasks. Knows every concrete class."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from collectors.base import NotConnected
from collectors.devices import Devices
from collectors.formats import FORMATS, cloudevents_modes
from collectors.formats.kiosk_json import DeviceRow, SiteRow
from collectors.mqtt import MqttCollector
from collectors.mqtt_publisher import MqttPublisher
from collectors.recognition import Watched
from collectors.tcp import TcpCollector
from telemetry import crashpoints
from telemetry.answers import Answers
from telemetry.board import Boards
from telemetry.config import Config, Device, Mqtt, Site, Source, mqtt_password
from telemetry.downtime import Presence
from telemetry.exporters import home_assistant
from telemetry.health import Health
from telemetry.journal import Journal
from telemetry.journal_reader import JournalError
from telemetry.live import Live
from telemetry.metrics_view import MetricsView
from telemetry.pipeline import Pipeline
from telemetry.privacy import Pseudonyms
from telemetry.rules import names_of
from telemetry.scrapes import Scrapes
from telemetry.sources import collector_of, decoder_of, left_spools, name_of, options_of, reads_of, teller_of
from telemetry.web.credentials import Signatures, read_key
from telemetry.web.inbox import Inbox, Sender
from telemetry.web.routes import make_app
from telemetry.web.serving import serve

log = logging.getLogger("gecc")

MQTT_SOURCE = "mqtt"
AGAIN_S = 1.0
"""Whatever has not ended so long after it was cancelled is cancelled again."""
LAST_COMMIT_S = 8.0
DEVICES_AT_ONCE = 250
"""Whose state is gathered for /metrics before others have their turn."""
IO_THREADS = 16
SEAL_AFTER_S = 15.0
VERSION = version("gecc-telemetry")


async def run(
    config: Config,
    *,
    stop: asyncio.Event | None = None,
    started: Callable[[str, int], None] = lambda _host, _port: None,
    clock: Callable[[], float] = time.time,
) -> None:
    """Run the service until `stop` is set or SIGTERM or SIGINT comes. `started` is told where the web listens.

    JournalError says that the data folder is in use or that the disk fails; OSError that a port is taken.
    """
    stop = stop or asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # in a thread, or on Windows
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    service = Service(config, clock=clock)
    # Batches are many small tuples that hold no cycles: looking for cycles often costs a tenth of the rate.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    # A name that is not resolved or a folder that does not answer keeps its thread: the others need theirs.
    many = IO_THREADS + 2 * sum(len(site.sources) for site in config.sites)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(many, thread_name_prefix="io"))
    try:
        await service.run(stop, started)
    except BaseExceptionGroup as group:
        failed = group.subgroup(JournalError)
        if failed is None:
            raise
        raise _first(failed) from None  # the disk decided; what else it took down says nothing more
    finally:
        service.close()


def _first(group: BaseExceptionGroup[JournalError]) -> JournalError:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


class Service:
    """Everything of one data folder."""

    def __init__(self, config: Config, *, clock: Callable[[], float]) -> None:
        self._config = config
        self._clock = clock
        self._sites = {s.id: s for s in config.sites}
        self._journal = Journal(config.data, crashpoint=crashpoints.from_environment())
        self._journal.ensure([x for s in config.sites for x in (*names_of(s), *(f"{s.id}/{d.id}" for d in s.devices))])
        tellers = {name_of(source, site): teller_of(source, site) for site, source in self._sources()}
        self._journal.set_tellers({name: teller for name, teller in tellers.items() if teller is not None})
        self._pseudonyms = Pseudonyms(
            config.data / "keys.json", self.now_us(), {s.id: s.test_numbers for s in config.sites}
        )
        self._pseudonyms.rotate(self.now_us())
        self._live = Live(self._journal, config.sites, clock=clock)
        self._health = Health()
        self._earlier = self._journal.tally()
        self._devices = Devices(sites=_site_rows(config.sites))
        self._devices.catch_up(self._journal.ids)
        self._pipeline = Pipeline(
            self._journal,
            protect=self._pseudonyms.protect,
            committed=self._live.add,
            health=self._health,
            not_connected=NotConnected,
            clock=clock,
        )
        self._pipeline.reads |= {name_of(source, site): reads_of(source) for site, source in self._sources()}
        self._pipeline.latest_us.update(self._journal.latest(self.now_us() - 2 * 86_400_000_000))
        self._boards = Boards(
            self._journal, self._sites, connected=self._connected, last_event_us=self._pipeline.latest_us
        )
        self._followed: dict[str, Path] = {}
        """Log sources → the file that is followed."""
        self._listening: dict[str, TcpCollector] = {}
        """Sources that connect to us when they have something to say."""
        self.exporters: list[Callable[[], Mapping[str, float | Mapping[str, float]]]] = []
        """What other exporters say of themselves on /metrics: see `exporters.standing.EXPORTED`."""
        self._influxdb: Any = None
        if config.influxdb is not None:
            from telemetry.exporters import influxdb  # noqa: PLC0415  its library tries a socket when it is imported

            self._influxdb = influxdb.Exporter(config, clock=clock, crashpoint=crashpoints.from_environment())
            self.exporters.append(self._influxdb.metrics)
        self._presence = Presence(self._journal, list(self._sites), clock=clock)
        self._sealing: Any = None
        self._correcting: Any = None
        self._scrapes = Scrapes(self._live, self._view, clock=clock)
        self.answers = Answers(
            config, journal=self._journal, live=self._live, boards=self._boards, devices=self._devices,
            health=self._health, metrics=self._scrapes.page, told=self._told, clock=clock,
        )  # fmt: skip
        for folder in left_spools(config.data, config.sites):
            log.warning("%s: holds records of a source that is not read so any more; delete it, or they stay", folder)

    async def run(self, stop: asyncio.Event, started: Callable[[str, int], None]) -> None:
        """Serve until `stop`. Whatever was read by then is committed and acknowledged first."""
        await asyncio.to_thread(self._live.load)
        take = partial(self._pipeline.take, refuse_future=True)
        inbox = Inbox(self._senders(), take, storing=lambda: self._health.storing)
        web = await serve(make_app(self.answers, inbox=inbox), self._config.web.host, self._config.web.port)
        try:
            async with asyncio.TaskGroup() as tasks:
                commits = tasks.create_task(self._pipeline.run_commits(), name="commits")
                live = tasks.create_task(self._live.run(self._pipeline.in_writer), name="live")
                keys = tasks.create_task(self._rotate_keys(), name="keys")
                live_sensors = tasks.create_task(self._home_assistant(), name="home assistant")
                views = [live_sensors, tasks.create_task(self._scrapes.take_up(), name="metrics")]
                if self._influxdb is not None:
                    views.append(tasks.create_task(self._influxdb.run(), name="influxdb"))
                views.append(tasks.create_task(self._presence.run(self._pipeline.in_writer), name="presence"))
                views.append(tasks.create_task(self._correct(), name="corrections"))
                if self._config.archive.enabled:
                    views.append(tasks.create_task(self._seal(), name="seal"))
                sources = [tasks.create_task(work, name=name) for name, work in self._collect()]
                self._health.started = True
                started(*web.address)
                await stop.wait()
                self._health.started = False
                for task in sources:
                    task.cancel()
                if sources:  # longer only if the disk is full: then what is not committed is not acknowledged
                    await asyncio.wait(sources, timeout=LAST_COMMIT_S)
                await _end([*sources, commits, live, keys, *views])
        finally:
            await web.aclose()

    def close(self) -> None:
        """Let go of the data folder."""
        self.answers.close()
        self._pipeline.close()
        self._journal.close()

    def _collect(self) -> Iterable[tuple[str, Any]]:
        if self._config.mqtt is not None:
            broker = _mqtt(self._config.mqtt, self._devices.other_topics)
            yield "mqtt", self._pipeline.run_source(broker, self._devices)
        for site, source in self._sources():
            name = name_of(source, site)
            if source.http:
                continue  # it comes to us: see _senders
            if source.tail is not None:
                self._followed[name] = source.tail
                if not source.tail.exists():
                    log.warning("%s: %s does not exist; it is read as soon as it does", name, source.tail)
            decoder = Watched(decoder_of(source, site), source.format, site=site.id, source=name)
            collector = collector_of(source, site, self._config.data)
            if isinstance(collector, TcpCollector) and source.listen:
                self._listening[name] = collector
            yield name, self._pipeline.run_source(collector, decoder, refuse_future=True)

    def _sources(self) -> Iterable[tuple[Site, Source]]:
        return ((site, source) for site in self._config.sites for source in site.sources)

    def _senders(self) -> Iterable[tuple[str, Sender]]:
        """The hash of each token, and who sends with it."""
        ids = frozenset(self._sites)
        for site, source in self._sources():
            if not source.http:
                continue
            name = name_of(source, site)
            given: dict[str, Any] = {"site": site.id, "source": name, "options": options_of(source, site)}
            path, split = f"/v1/pbx/{source.format.partition('_')[0]}", None
            if source.format == "cloudevents_http":
                units = {x.id for x in site.services}  # where there are none, any unit is taken
                given |= {"units": frozenset(units and units | {x.id for x in site.channels}), "sites": ids}
                path, split = "/v1/events", cloudevents_modes.split
            decoder = FORMATS[source.format].make(**given)
            self._pipeline.resume(name, decoder)
            signatures = None
            if source.hmac_key_file is not None:
                signatures = Signatures(read_key(source.hmac_key_file.read_bytes()), clock=self._clock)
            self._health.source(name).connected = True  # nothing stands between a sender and us but the network
            sender = Sender(name, path, decoder, split, signatures)
            yield from ((hashed, sender) for hashed in source.token_sha256)

    async def _seal(self) -> None:
        """Days can wait for a moment; what reads and writes their files is not loaded before."""
        await asyncio.sleep(SEAL_AFTER_S)
        module = await asyncio.to_thread(import_module, "telemetry.sealing")
        crashpoint = crashpoints.from_environment()
        self._sealing = module.Sealing(self._config, version=VERSION, clock=self._clock, crashpoint=crashpoint)
        await self._sealing.run(self._journal, self._pipeline.in_writer)

    async def _correct(self) -> None:
        """What checks corrections by hand is loaded when there are any."""
        while True:
            if any(self._config.data.glob("corrections/*.json")):
                break
            await asyncio.sleep(1.0)
        module = await asyncio.to_thread(import_module, "telemetry.correcting")
        crashpoint = crashpoints.from_environment()
        self._correcting = module.Correcting(
            self._config.data, self._journal, self._config.sites, clock=self._clock, crashpoint=crashpoint
        )
        await self._correcting.run(self._pipeline.commit)

    async def _rotate_keys(self) -> None:
        while True:
            await asyncio.sleep(3600)
            try:
                self._pseudonyms.rotate(self.now_us())
            except OSError as problem:
                log.error("keys.json: %s; the key stays until it can be changed", problem)  # noqa: TRY400

    async def _home_assistant(self) -> None:
        """The live figures at the broker, for whoever reads them there; nothing of it can stop the service."""
        settings, mqtt = self._config.home_assistant, self._config.mqtt
        if mqtt is None or not settings.enabled:
            return
        status = home_assistant.status_topic(mqtt.client_id)
        sensors = home_assistant.Sensors(
            self._config.sites,
            board=self.answers.board,
            version_of=lambda site: self._live.snapshot.version.get(self._live.codes[site], 0),
            prefix=settings.prefix,
            lang=settings.lang,
            status=status,
            version=VERSION,
        )
        ours = partial(home_assistant.topics_of, status=status)
        born = (f"{settings.prefix}/status", b"online")
        while True:
            try:
                await _publisher(mqtt, status, settings.prefix).run(sensors.wanted, ours=ours, repeat=born)
            except Exception:
                log.exception("Home Assistant gets no figures for a minute")
            await asyncio.sleep(60)

    def _connected(self, site: str, name: str) -> bool | None:
        if any(s.id == name and s.http for s in self._sites[site].sources):
            return None  # whoever sends by itself is heard when it sends
        source = self._health.sources.get(f"{site}/{name}")
        if source is not None:
            listening = self._listening.get(f"{site}/{name}")
            if listening is not None and source.connected:
                return True if listening.peers else None
            followed = self._followed.get(f"{site}/{name}")
            return source.connected and (followed is None or followed.exists())
        broker = self._health.sources.get(MQTT_SOURCE)
        if broker is None or not broker.connected:
            return False  # whatever it last said, nobody hears it now
        said = self._devices.state(f"{site}/{name}")
        if said is None:
            return None
        state, since_us = said
        return state == "online" or self._pipeline.latest_us.get(f"{site}/{name}", 0) > since_us

    def now_us(self) -> int:
        """The clock that everything here follows."""
        return int(self._clock() * 1e6)

    async def _view(self) -> MetricsView:
        devices = [f"{s.id}/{d.id}" for s in self._config.sites for d in s.devices]
        facts = {}
        for first in range(0, len(devices), DEVICES_AT_ONCE):
            facts.update(self._devices.facts(devices[first : first + DEVICES_AT_ONCE]))
            await asyncio.sleep(0)
        return MetricsView(
            missing={name: f.sequence_missing for name, f in facts.items() if f.sequence_missing is not None},
            offsets_us={name: f.clock_offset_us for name, f in facts.items() if f.clock_offset_us is not None},
            version=VERSION,
            sites={code: site for site, code in self._live.codes.items()},
            configured=self._config.sites,
            names=self._journal.names,
            snapshot=self._live.snapshot,
            health=self._health.copy(),  # it is read in a thread
            earlier=self._earlier,
            latest_us=dict(self._pipeline.latest_us),
            connected=self._connected,
            at_us=self.now_us(),
            calendar=self._live.calendar,
            folder=self._config.data,
            others={name: value for say in self.exporters for name, value in say().items()},
        )

    def _told(self) -> dict[str, Any]:
        exporter = {} if self._influxdb is None else {"influxdb": self._influxdb.status.health()}
        sealed = {} if self._sealing is None else {"sealed": self._sealing.health()}
        corrected = {} if self._correcting is None else {"corrections": self._correcting.health()}
        return {"version": VERSION, **exporter, **sealed, **corrected}


async def _end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel them until they have ended: in Python 3.11 a library's `wait_for` can swallow a cancellation."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_S)


def _site_rows(sites: Sequence[Site]) -> dict[str, SiteRow]:
    return {
        s.id: SiteRow(
            devices={d.id: _device_row(d) for d in s.devices},
            units=frozenset(service.id for service in s.services),
        )
        for s in sites
    }


def _device_row(d: Device) -> DeviceRow:
    return DeviceRow(d.kind, d.unit, d.counter, d.scale_max, d.convention, d.topic, d.presses, d.debounce_s)


def _tls(settings: Mqtt) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=settings.ca_file) if settings.tls else None


def _publisher(settings: Mqtt, status: str, prefix: str) -> MqttPublisher:
    return MqttPublisher(
        host=settings.host,
        port=settings.port,
        version=settings.version,
        client_id=f"{settings.client_id}-live",
        username=settings.username,
        password=mqtt_password(settings) or "",
        tls_context=_tls(settings),
        status_topic=status,
        listen=(f"{prefix}/sensor/+/+/config", f"{prefix}/status"),
    )


def _mqtt(settings: Mqtt, other_topics: Sequence[str]) -> MqttCollector:
    return MqttCollector(
        name=MQTT_SOURCE,
        host=settings.host,
        port=settings.port,
        version=settings.version,
        client_id=settings.client_id,
        username=settings.username,
        password=mqtt_password(settings) or "",
        tls_context=_tls(settings),
        other_topics=other_topics,
        receive_maximum=settings.receive_maximum,
        session_expiry_s=settings.session_expiry_s,
        crashpoint=crashpoints.for_acks(),
    )
