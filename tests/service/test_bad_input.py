"""Whatever devices send and people configure: it is refused with its reason, and what comes behind it is taken."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from telemetry.events import REJECT_REASONS
from telemetry.journal_reader import JournalReader
from tests.publisher import Publisher
from tests.servers import mosquitto, need
from tests.service.harness import CENTRE, ROOT, Gecc, fetch, journal_events, stored, wait_until, write_config

TICKET = "gecc/v1/nonthaburi/kiosk-1/ticket"
SEQ = itertools.count(1)
NUMBERS = ("0812345678", "+66898765432", "0066891112223", "66863334445", "021112222", "+442071234567", "089-555-6666")
"""Invented; each in one of the forms that devices and PBXs write."""


def said(*, ago: timedelta = timedelta(minutes=1), **fields: object) -> bytes:
    stamp = (datetime.now(UTC) - ago).isoformat()
    ticket = {"event": "issued", "ticket": "A001", "service": "idcard", "boot": "k1", "seq": next(SEQ), "time": stamp}
    return json.dumps({k: v for k, v in (ticket | fields).items() if v is not None}).encode()


BAD = {
    "an unknown site": ("unknown_site", "gecc/v1/elsewhere/kiosk-1/ticket", said()),
    "an unknown device": ("unknown_device", "gecc/v1/nonthaburi/kiosk-9/ticket", said()),
    "an unknown kind of topic": ("bad_topic", "gecc/v1/nonthaburi/kiosk-1/nonsense", said()),
    "an unknown type": ("unknown_type", TICKET, said(event="exploded")),
    "an unknown service": ("unknown_unit", TICKET, said(service="passports")),
    "a type of the PBX": ("unknown_type", TICKET, said(event="source.restarted")),
    "a number for a text": ("bad_field", TICKET, said(ticket=12)),
    "a text for a number": ("bad_field", TICKET, said(priority="high")),
    "a list for a text": ("bad_field", TICKET, said(service=["idcard"])),
    "a score beyond the scale": (
        "bad_field",
        "gecc/v1/nonthaburi/button-1/vote",
        said(event=None, ticket=None, score=9),
    ),
    "no score": ("bad_field", "gecc/v1/nonthaburi/button-1/vote", said(event=None, ticket=None)),
    "a number beyond all use": ("bad_field", TICKET, said().replace(b'"seq": ', b'"seq": 1' + b"0" * 400)),
    "a control character": ("bad_field", TICKET, said(ticket="A\u0007")),
    "half a surrogate pair": ("not_json", TICKET, said(ticket="A").replace(b'"A"', b'"\\ud800"')),
    "a time of last week": ("time_out_of_range", TICKET, said(ago=timedelta(days=7, hours=1))),
    "a time ahead": ("time_out_of_range", TICKET, said(ago=-timedelta(hours=6))),
    "a time without zone": ("bad_time", TICKET, said(time="2026-11-21T09:00:00")),
    "a time that is none": ("bad_time", TICKET, said(time="2026-13-41T09:00:00Z")),
    "no identity": ("no_identity", TICKET, said(boot=None, time=None)),
    "no JSON": ("not_json", TICKET, b"hello"),
    "nothing": ("not_json", TICKET, b""),
    "a list": ("not_json", TICKET, b"[1,2]"),
    "half an object": ("not_json", TICKET, said()[:-1]),
    "deep nesting": ("not_json", TICKET, b'{"a":' * 12_000 + b"1" + b"}" * 200),
    "deep closed nesting": ("not_json", TICKET, b"[" * 30_000 + b"]" * 30_000),
    "NaN": ("not_json", TICKET, said().replace(b'"issued"', b"NaN")),
    "invalid UTF-8": ("not_json", TICKET, said().replace(b"A001", b"A\xff\xfe1")),
    "a NUL": ("not_json", TICKET, b"\0" * 100),
    "one megabyte": ("too_large", TICKET, said(note="x" * 2**20)),
    "fields without end": ("bad_field", TICKET, said(**{f"x{i}": i for i in range(500)})),
    "a retained event": ("retained", TICKET, said()),
    "a status that is none": ("bad_field", "gecc/v1/nonthaburi/kiosk-1/status", b'{"state":"maybe"}'),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad-input")
    with (
        mosquitto() as broker,
        Gecc(write_config(folder, mqtt_port=broker.port)) as service,
        Publisher(broker.port) as publisher,
    ):
        yield service, publisher


@pytest.mark.parametrize("what", BAD)
def test_a_bad_message_is_kept_with_its_reason_and_the_next_one_is_taken(running, what):
    service, publisher = running
    reason, topic, payload = BAD[what]
    reader = JournalReader(service.data)
    publisher.publish(topic, [payload], retain=what == "a retained event")
    good = said(boot=f"after-{list(BAD).index(what)}", seq=1)
    publisher.publish("gecc/v1/nonthaburi/kiosk-2/ticket", [good])
    ident = f"after-{list(BAD).index(what)}:0000000001"
    wait_until(lambda: any(e.id == ident for e in journal_events(service.data)), f"nothing was stored after {what}")
    kept = [row for row in reader.rejects() if row[1] == reason]
    assert kept, reader.rejects()[:3]
    assert kept[0][3] == (payload[:4096] if reason == "too_large" else payload)
    assert kept[0][2], "a detail says what is wrong"
    assert service.is_alive()


def test_after_all_of_it_the_service_is_ready_and_has_counted_every_reason(running):
    service, publisher = running
    publisher.publish(TICKET, [b"the last"])
    reader = JournalReader(service.data)
    wait_until(lambda: reader.rejects(1)[0][3] == b"the last", "not rejected")
    time.sleep(1.1)  # the page is made once a second
    kept = Counter(reason for _, reason, *_ in reader.rejects(1000))
    page = service.metrics()
    assert kept == {r: n for r in REJECT_REASONS if (n := page[f'gecc_rejected_total{{reason="{r}"}}'])}
    assert json.loads(fetch(f"{service.url}/readyz")) == {"problems": [], "not_connected": {}}
    assert not re.search(r"ERROR|Traceback", service.log)


def test_a_phone_number_is_nowhere_but_in_its_source(tmp_path):
    calls = [
        said(event="entered", ticket=None, service=None, call=f"c{i}", queue="idcard", caller=n)
        for i, n in enumerate(NUMBERS)
    ]
    bad = [said(event="entered", call=n, queue="idcard", caller=[n]) for n in NUMBERS]
    bad += [b'{"caller": "%s", broken' % n.encode() for n in NUMBERS] + [n.encode() for n in NUMBERS]
    free = [said(note=f"call back: {n}") for n in NUMBERS] + [said(phone=n, who={"tel": n}, list=[n]) for n in NUMBERS]
    free += [said(free=int(n)) for n in NUMBERS if n.startswith("66")]
    log = tmp_path / "queue_log"
    log.touch()
    source = f'[[sites.sources]]\nid = "pbx"\nformat = "asterisk_queue_log"\ntail = "{log}"\n'
    with (
        mosquitto() as broker,
        Gecc(write_config(tmp_path, CENTRE + source, mqtt_port=broker.port)) as service,
        Publisher(broker.port) as publisher,
    ):
        publisher.publish("gecc/v1/nonthaburi/kiosk-1/call", [*calls, *bad])
        publisher.publish(TICKET, free)
        at = int(time.time())
        with log.open("ab") as lines:
            for i, n in enumerate(NUMBERS):
                lines.write(f"{at}|{at}.{i}|idcard|NONE|ENTERQUEUE||{n}|1\n".encode())
                lines.write(f"{at}|{at}.{i}|idcard|NONE|COMPLETEAGENT|{n}|{n}|x\n".encode())
                lines.write(f"{n} is no line\n".encode())
                lines.write(f"{at}|{at}.{i}|idcard|SIP/{n}|CONNECT|1|{n}|1\n".encode())
        want = len(calls) + len(free) + 2 * len(NUMBERS)
        wait_until(lambda: stored(service.data) >= want, f"not {want} events: {JournalReader(service.data).rejects(3)}")
        page = service.metrics()
        written = {"metrics": fetch(f"{service.url}/metrics").encode(), "wal": b""}
        for file in filter(Path.is_file, service.data.rglob("*")):
            written[file.name] = file.read_bytes()  # while it runs: the WAL still holds everything
        assert service.stop() == 0
    written["log"] = service.log_file.read_bytes()
    written |= {f"{f.name} at rest": f.read_bytes() for f in filter(Path.is_file, service.data.rglob("*"))}
    assert page["gecc_events_total"] >= want
    assert len(written["journal.db-wal"]) > 1000
    for n in NUMBERS:
        bare = re.sub(r"\D", "", n)
        for form in {n, bare, bare[-9:]}:
            assert [name for name, content in written.items() if form.encode() in content] == [], form
    rejects = JournalReader(service.data).rejects()
    assert any(b"broken" in raw for *_, raw in rejects), "what is kept of a reject still tells what was wrong"


def gecc(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "telemetry", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=30
    )


WRONG = """
data = "data"
[web]
port = "eighty"
[mqtt]
host = "tcp://broker"
password = "secret"
[[sites]]
id = "Non Thaburi"
timezone = "Asia/Bankok"
ringcycle = 5
[[sites.sources]]
id = "pbx"
format = "asterisk_queuelog"
tail = "log"
[sites.targets]
abandoned_call_rate = 5
"""


def test_every_problem_of_a_configuration_is_listed_before_any_socket_opens(tmp_path):
    file = tmp_path / "gecc.toml"
    file.write_text(WRONG)
    trace = tmp_path / "trace"
    command = [need("strace"), "-f", "-e", "trace=socket,bind,connect,listen", "-o", str(trace), sys.executable]
    ran = subprocess.run(
        [*command, "-m", "telemetry", "run", "--config", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 2
    lines = ran.stderr.splitlines()
    assert all(line.startswith(f"{file}: ") for line in lines), lines
    keys = [line.removeprefix(f"{file}: ").split(":")[0] for line in lines]
    assert sorted(keys) == sorted(
        ["web.port", "mqtt.host", "mqtt.password", "sites[0].id", "sites[0].timezone", "sites[0].ringcycle",
         "sites[0].sources[0].format", "sites[0].targets.abandoned_call_rate"]
    )  # fmt: skip
    assert "socket(" not in trace.read_text()
    assert not (tmp_path / "data").exists()


def test_a_second_service_on_the_same_data_says_so_and_takes_nothing(tmp_path):
    log = tmp_path / "log.1"
    log.write_bytes(b"1|NONE|NONE|NONE|CONFIGRELOAD|\n")
    with mosquitto() as broker:
        config = write_config(tmp_path, mqtt_port=broker.port)
        with Gecc(config) as first:
            assert first.process is not None
            second = gecc("run", "--config", str(config))
            data = str(tmp_path / "data")
            third = gecc(
                "import",
                "--data",
                data,
                "--config",
                str(config),
                "--site",
                "nonthaburi",
                "--format",
                "asterisk_queue_log",
                str(log),
            )
            message = f"gecc: {tmp_path / 'data'}: already in use by another gecc (process {first.process.pid})\n"
            for other in (second, third):
                assert (other.returncode, other.stderr) == (1, message)
            with Publisher(broker.port) as publisher:
                publisher.publish(TICKET, [said()])
            wait_until(lambda: stored(first.data) == 1, "the first service goes on")
            assert "not connected" not in first.log, "its session was not taken from it"
            assert first.stop() == 0
        with Gecc(config) as again:
            assert again.stop() == 0


def test_a_port_that_is_taken_is_said_and_ends_the_service(tmp_path):
    with Gecc(write_config(tmp_path / "a")) as first:
        port = first.url.rsplit(":", 1)[1]
        file = write_config(tmp_path / "b")
        file.write_text(file.read_text().replace("port = 0", f"port = {port}"))
        second = gecc("run", "--config", str(file))
    assert second.returncode == 1
    assert port in second.stderr
    assert "Traceback" not in second.stderr


def test_a_file_that_is_no_journal_is_said_and_left_alone(tmp_path):
    file = write_config(tmp_path)
    (tmp_path / "data").mkdir()
    Path(tmp_path / "data" / "journal.db").write_bytes(b"not a database" * 1000)
    ran = gecc("run", "--config", str(file))
    assert (ran.returncode, ran.stderr) == (1, f"gecc: {tmp_path / 'data' / 'journal.db'}: file is not a database\n")
    assert (tmp_path / "data" / "journal.db").read_bytes() == b"not a database" * 1000
