"""One bad source never slows another: a kiosk beside PBXs that send rubbish, are away, or drop mountains."""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
import threading
import time
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from tests.publisher import Publisher
from tests.servers import free_port, mosquitto
from tests.service.harness import CENTRE, Gecc, fetch, good_once, journal_events, wait_until, write_config
from tests.service.pbx_tools import calling, calls_of, records, todays_calls

EVERY_S, MESSAGES = 0.05, 80
FACTOR, ALLOWED_S = 8.0, 0.4
"""The worst that a neighbour may do to the slowest of twenty: so many times as slow, or this."""
PBX_LINE = b"11/21/26 09:01AM   202 02 <D>020000000<I>0800282669 0'14 00:00'20\r\n"


def sources(folder: Path, port: int) -> str:
    """What can be wrong with logs, all at once."""
    rows = [
        f'id = "shouts"\nformat = "avaya_smdr"\nlisten = "127.0.0.1:{port}"',
        f'id = "away"\nformat = "avaya_smdr"\nconnect = "127.0.0.1:{free_port()}"',
        'id = "nowhere"\nformat = "asterisk_ami"\nami = "no-such-host.invalid:5038"\nusername = "x"',
        'id = "other"\nformat = "avaya_smdr"\ntail = "wrong.log"',
        'id = "mountain"\nformat = "cucm_cdr"\nfolder = "cdr"',
        'id = "documents"\nformat = "freeswitch_json_cdr"\nfolder = "json"',
    ]
    for name in ("cdr", "json"):
        (folder / name).mkdir(parents=True)
    (folder / "wrong.log").touch()
    return "".join(f"[[sites.sources]]\n{row}\n" for row in rows)


def pile_up(folder: Path, number: int) -> int:
    """A log of another make, a file of many calls, and documents that are none; how many calls there are. Another time they
    are the same calls in other files."""
    if not number:
        (folder / "wrong.log").write_bytes(PBX_LINE * 20_000)
    day, zone = todays_calls(200)
    head, types, *rest = (w.data for w in records("cucm_cdr", calls_of(day), zone))
    moved = [line.replace(b",7", b",%d" % n, 1) for n in range(30, 60) for line in rest]
    whole = b"".join([head, types, *moved])
    (folder / "cdr" / f"big{number}.csv").write_bytes(whole)
    (folder / "cdr" / f"big{number}.gz").write_bytes(gzip.compress(b"\0" * 20_000_000))
    (folder / "json" / f"big{number}.cdr.json").write_bytes(b'{"a":' * 500_000)
    (folder / "json" / f"list{number}.cdr.json").write_bytes(b"[" + b"1," * 4_000_000 + b"1]")
    return len(moved)


@contextmanager
def shouting(port: int, seconds: float):
    """A PBX that sends rubbish as fast as it is taken: short lines, long ones, none at all."""
    ended = threading.Event()
    sent = [0]

    def shout() -> None:
        parts = (b"x\n" * 20_000, b"y" * 40_000, PBX_LINE * 500, bytes(range(256)) * 150)
        with suppress(OSError), calling(port) as say:
            say(PBX_LINE * 100)
            deadline = time.monotonic() + seconds
            while not ended.is_set() and time.monotonic() < deadline:
                part = parts[sent[0] // 40_000 % len(parts)]
                say(part)
                sent[0] += len(part)

    thread = threading.Thread(target=shout)
    thread.start()
    try:
        yield sent
    finally:
        ended.set()
        thread.join()


def latencies(service: Gecc, broker: int, boot: str) -> tuple[list[float], list[float]]:
    """Seconds from each event of the kiosk to its commit, and of each look at the wallboard meanwhile."""
    sent: list[float] = []
    seen: list[float] = []

    def publish() -> None:
        with Publisher(broker) as publisher:
            began = time.perf_counter()
            for n in range(MESSAGES):
                time.sleep(max(0.0, began + n * EVERY_S - time.perf_counter()))
                said = {"event": "issued", "ticket": f"{boot}{n:03}", "service": "idcard", "boot": boot, "seq": n + 1,
                        "time": datetime.now(UTC).isoformat()}  # fmt: skip
                sent.append(time.perf_counter())
                publisher.publish("gecc/v1/nonthaburi/kiosk-1/ticket", [json.dumps(said).encode()])

    looks: list[float] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            began = time.perf_counter()
            fetch(f"{service.url}/v1/board?site=nonthaburi")
            looks.append(time.perf_counter() - began)
            time.sleep(0.1)

    threads = [threading.Thread(target=publish), threading.Thread(target=look)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    with closing(sqlite3.connect(f"file:{service.data / 'journal.db'}?mode=ro", uri=True, timeout=10)) as db:
        while len(seen) < MESSAGES:
            assert time.monotonic() < deadline, f"only {len(seen)} of {MESSAGES} events of the kiosk are there"
            query = "SELECT count(*) FROM event WHERE id GLOB ?"
            (count,) = db.execute(query, (f"{boot}:*",)).fetchone()
            now = time.perf_counter()
            seen += [now - at for at in sent[len(seen) : count]]
            time.sleep(0.005)
    ended.set()
    for thread in threads:
        thread.join()
    return sorted(seen), sorted(looks)


def query(service: Gecc, sql: str, *values: str) -> list:
    with closing(sqlite3.connect(f"file:{service.data / 'journal.db'}?mode=ro", uri=True, timeout=10)) as db:
        return db.execute(sql, values).fetchall()


def count(service: Gecc, source: str, type_: str) -> int:
    return sum(e.source == source and e.type == type_ for e in journal_events(service.data))


def wrong(service: Gecc) -> set[str]:
    """Sources whose log is said to be another make's."""
    details = [row[0] for row in query(service, "SELECT detail FROM reject WHERE reason = 'wrong_format'")]
    assert all(d.startswith("this is not avaya_smdr; it looks like Panasonic") for d in details), details
    return {row["id"] for row in service.json("/v1/sources") if row["rejected"].get("wrong_format")}


def p95(seconds: list[float]) -> float:
    return seconds[int(len(seconds) * 0.95) - 1]


def test_a_kiosk_beside_bad_sources_is_as_quick_as_without_them_and_loses_nothing(tmp_path, tell):
    port = free_port()
    with mosquitto() as broker:
        config = write_config(tmp_path, CENTRE + sources(tmp_path, port), mqtt_port=broker.port)
        service = Gecc(config)
        try:
            service.start(ready=False)
            wait_until(lambda: "mqtt: connected" in service.log, "no broker")
            calls = 0

            def measured(n: int) -> str:
                nonlocal calls
                alone, looked_alone = latencies(service, broker.port, f"alone{n}")
                calls = pile_up(tmp_path, n)
                with shouting(port, 60) as shouted:
                    wait_until(lambda: shouted[0] > 100_000, "nobody listens to the noise")
                    beside, looked = latencies(service, broker.port, f"beside{n}")
                said = (
                    f"kiosk to journal p95 {p95(alone):.3f} s alone, {p95(beside):.3f} s beside {shouted[0] / 1e6:.0f} MB "
                    f"of rubbish; wallboard p95 {p95(looked_alone):.3f} s, {p95(looked):.3f} s"
                )
                tell(said)
                quick = p95(beside) <= max(ALLOWED_S, FACTOR * p95(alone))
                return "" if quick and p95(looked) <= max(ALLOWED_S, FACTOR * p95(looked_alone)) else said

            good_once(measured)
            wait_until(lambda: count(service, "nonthaburi/mountain", "call.entered") == calls, "calls are missing", 120)
            wait_until(lambda: wrong(service) >= {"shouts", "other"}, "nobody is told of the wrong format")
            said = {row["id"]: row for row in service.json("/v1/sources")}
            assert said["other"]["rejected"] == {"malformed_line": 20_000, "wrong_format": 1}
            assert {name: said[name]["state"] for name in ("kiosk-1", "away", "nowhere")} == {
                "kiosk-1": "online", "away": "offline", "nowhere": "offline",
            }  # fmt: skip
            problems = json.loads(fetch(f"{service.url}/readyz"))["not_connected"]
            assert problems.keys() == {"nonthaburi/away", "nonthaburi/nowhere"}
            assert service.is_alive()
            assert not re.search(r"ERROR|Traceback", service.log)
        finally:
            service.__exit__()
