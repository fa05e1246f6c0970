"""A device is commissioned while the service runs: what the report says of good devices and of every common mistake."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest

from telemetry.__main__ import main
from tests.publisher import Publisher
from tests.servers import free_port, mosquitto
from tests.service.harness import ROOT, Gecc, stored, wait_until, write_config

CENTRE = """
[[sites]]
id = "nonthaburi"
name_th = "ศูนย์บริการนนทบุรี"
[[sites.services]]
id = "idcard"
[[sites.devices]]
id = "kiosk-1"
[[sites.devices]]
id = "kiosk-2"
[[sites.devices]]
id = "counter-1"
kind = "counter"
counter = "1"
[[sites.devices]]
id = "hall"
kind = "button"
convention = "zigbee2mqtt"
topic = "zigbee2mqtt/Hall/Button 1"
presses = { single = 5, double = 1 }
debounce_s = 0.2
counter = "1"
"""
BOOT = itertools.count(1)


class Kiosk:
    """Prints tickets with numbers of its own."""

    def __init__(self, publisher: Publisher, *, site: str = "nonthaburi", device: str = "kiosk-1", late_s: float = 0):
        self.topic, self.publisher, self.late = f"gecc/v1/{site}/{device}", publisher, timedelta(seconds=late_s)
        number = next(BOOT)
        self.boot, self.seq, self.prefix = f"b{number}", 0, f"K{number}-"

    def message(self, ticket: int, event: str = "issued", **more: object) -> bytes:
        self.seq += 1
        said = {"event": event, "ticket": f"{self.prefix}{ticket:03d}", "service": "idcard", "boot": self.boot}
        stamp = (datetime.now(UTC) - self.late).isoformat(timespec="milliseconds")
        return json.dumps({**said, "seq": self.seq, "time": stamp, **more}).encode()

    def print(self, count: int, first: int = 1) -> None:
        for n in range(first, first + count):
            self.publisher.publish(f"{self.topic}/ticket", [self.message(n)])


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commission")
    with (
        mosquitto() as broker,
        Gecc(write_config(folder, CENTRE, mqtt_port=broker.port)) as service,
        Publisher(broker.port) as publisher,
    ):
        yield service, publisher


def command(service: Gecc, device: str, *more: str) -> list[str]:
    where = ["--data", str(service.data), "--config", str(service.folder / "gecc.toml"), "--url", service.url]
    return ["commission", *where, "--site", "nonthaburi", "--device", device, *more]


def commissioned(service: Gecc, device: str, act: Callable[[], None], *more: str, stop: bool = False):
    """Exit code, what was printed, and what was said meanwhile."""
    argv = [sys.executable, "-m", "telemetry", *command(service, device, *more)]
    test = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        said = ""
        while f"{device}" not in said and test.poll() is None:
            said += test.stderr.readline()
        act()
        if stop:
            while " 3 of " not in f" {said}":
                said = test.stderr.readline()
            test.send_signal(signal.SIGINT)
        out, rest = test.communicate(timeout=60)
    finally:
        test.kill()
        test.wait()
    return test.returncode, out, said + rest


def reported(service, device, act, *more):
    """Exit code and report, of a test in this process that waits less long for what might still come."""
    said, out = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        ThreadPoolExecutor(1) as pool,
        contextlib.redirect_stderr(said),
        contextlib.redirect_stdout(out),
    ):
        patch.setattr(import_module("telemetry.commands.commission"), "QUIET_S", 0.8)
        acting = pool.submit(lambda: (wait_until(lambda: "Ctrl-C" in said.getvalue(), "does not begin"), act()))
        code = main([*command(service, device, *more), "--json"])
        acting.result()
    return code, json.loads(out.getvalue())


def failed(report) -> dict[str, str]:
    return {check["name"]: check["says"] for check in report["checks"] if not check["passed"]}


def remarks(report) -> dict[str, str]:
    return {one["name"]: one["says"] for one in report["remarks"]}


def test_twenty_tickets_are_traced_from_the_kiosk_to_every_figure(running):
    service, publisher = running
    kiosk, counter = Kiosk(publisher), Kiosk(publisher, device="counter-1")
    counter.prefix = kiosk.prefix

    def act() -> None:
        kiosk.print(20)
        for n in range(1, 21):
            for event in ("called", "finished"):
                publisher.publish(f"{counter.topic}/ticket", [counter.message(n, event, counter="1")])

    before = stored(service.data)
    code, report = reported(service, "kiosk-1", act)
    assert (code, report["passed"], failed(report)) == (0, True, {})
    assert [row["ticket"] for row in report["tests"]] == [f"{kiosk.prefix}{n:03d}" for n in range(1, 21)]
    assert [row["event_id"] for row in report["tests"]] == [f"{kiosk.boot}:{n:010d}" for n in range(1, 21)]
    assert [row["offset"] for row in report["tests"]] == list(range(before + 1, before + 21))
    assert all(row["called"] and row["finished"] and 0 <= row["received_after_s"] < 20 for row in report["tests"])
    for row in report["tests"]:
        begin, end, at = (datetime.fromisoformat(t) for t in (*row["counts_in"], row["device_time"]))
        assert begin <= at < end == begin + timedelta(minutes=15)
    moved = {(row["place"], row["unit"]): row["difference"] for row in report["figures"]}
    assert moved == dict.fromkeys(
        itertools.product(("journal", "/v1/kpis", "/metrics"), (None, "idcard")), 20
    ) | {("/v1/board", None): 20}  # fmt: skip


def test_the_report_is_a_page_to_hand_over_in_thai_with_thai_years(running, tmp_path):
    service, publisher = running
    file = tmp_path / "report.txt"
    code, out, err = commissioned(
        service, "kiosk-1", lambda: Kiosk(publisher).print(2), "--count", "2", "--lang", "th", "--out", str(file)
    )
    assert code == 0, err
    assert out == f"ผลการทดสอบ: ผ่าน  {file}\n"
    text = file.read_text("utf-8")
    assert "ศูนย์บริการนนทบุรี (nonthaburi)" in text
    assert f" {(datetime.now(UTC) + timedelta(hours=7)).year + 543} " in text
    assert "ผู้ติดตั้ง ____" in text
    assert re.search(r"\[x\] ได้รับ 2 จาก 2", text)
    assert "ได้รับ 2 จาก 2 ใบ" in err


def test_a_clock_that_is_wrong_is_named_with_how_much_and_where_its_tickets_count(running):
    service, publisher = running
    kiosk = Kiosk(publisher, late_s=3 * 3600)
    code, report = reported(service, "kiosk-1", lambda: kiosk.print(5), "--count", "5")
    assert (code, list(failed(report))) == (1, ["clock"])
    assert "off by +10800." in failed(report)["clock"]
    assert report["clock_offset_s"] == pytest.approx(3 * 3600, abs=2)
    begin = datetime.fromisoformat(report["tests"][0]["counts_in"][0])
    assert timedelta(hours=2.9) < datetime.now(UTC) - begin < timedelta(hours=3.4)


def test_a_clock_so_far_ahead_that_all_is_refused_is_named_too(running):
    service, publisher = running
    kiosk = Kiosk(publisher, late_s=-600)
    code, report = reported(service, "kiosk-1", lambda: kiosk.print(2), "--count", "2", "--seconds", "2")
    assert (code, set(failed(report))) == (1, {"count", "rejected"})
    assert {(r["own"], r["reason"]) for r in report["refused"]} == {(True, "time_out_of_range")}
    assert "time_over" in remarks(report)


def test_a_message_that_comes_again_counts_once_and_is_remarked(running):
    service, publisher = running
    kiosk = Kiosk(publisher)

    def act() -> None:
        kiosk.print(4)
        publisher.publish(f"{kiosk.topic}/ticket", [kiosk.message(5)] * 2)

    code, report = reported(service, "kiosk-1", act, "--count", "5")
    assert (code, failed(report)) == (0, {})
    assert remarks(report) == {"repeated": "1 messages came again and were counted once."}


def test_a_ticket_that_is_told_as_two_events_is_a_failure_with_its_number(running):
    service, publisher = running
    kiosk = Kiosk(publisher)

    def act() -> None:
        kiosk.print(5)
        kiosk.print(1, first=3)

    code, report = reported(service, "kiosk-1", act, "--count", "5")
    assert (code, set(failed(report))) == (1, {"count", "twice"})
    assert failed(report)["twice"].endswith(f": {kiosk.prefix}003")
    assert failed(report)["count"] == "6 of 5 came"


def test_a_kiosk_with_a_wrong_site_name_is_found_among_what_was_refused(running):
    service, publisher = running
    kiosk = Kiosk(publisher, site="nontaburi")
    code, report = reported(service, "kiosk-1", lambda: kiosk.print(2), "--count", "2", "--seconds", "2")
    assert (code, set(failed(report)), report["tests"]) == (1, {"count"}, [])
    (refused,) = report["refused"]
    assert (refused["own"], refused["reason"], refused["n"]) == (False, "unknown_site", 2)
    assert refused["detail"] == "gecc/v1/nontaburi/kiosk-1/ticket: no site 'nontaburi'"
    assert remarks(report)["expects"].endswith(" gecc/v1/nonthaburi/kiosk-1/ticket")


def test_a_kiosk_that_has_the_name_of_another_is_found_too(running):
    service, publisher = running
    kiosk = Kiosk(publisher, device="kiosk-2")
    code, report = reported(service, "kiosk-1", lambda: kiosk.print(3), "--count", "3", "--seconds", "2")
    assert (code, set(failed(report))) == (1, {"count"})
    assert "kiosk-2 3" in remarks(report)["others"]


def test_a_number_that_never_came_is_named(running):
    service, publisher = running
    kiosk = Kiosk(publisher)

    def act() -> None:
        kiosk.print(3)
        kiosk.seq += 2
        kiosk.print(3, first=4)

    code, report = reported(service, "kiosk-1", act, "--count", "6")
    assert (code, set(failed(report))) == (1, {"missing"})
    assert failed(report)["missing"].endswith(f": {kiosk.boot}: 4-5")


def test_a_button_that_bounces_is_counted_right_and_remarked(running):
    service, publisher = running

    def act() -> None:
        for n in range(5):
            pressed = [b'{"action":"single","battery":100}'] * (3 if n == 2 else 1)
            publisher.publish("zigbee2mqtt/Hall/Button 1", pressed)
            publisher.publish("zigbee2mqtt/Hall/Button 1/action", [b"single"])
            time.sleep(0.4)

    code, report = reported(service, "hall", act, "--count", "5")
    assert (code, failed(report)) == (0, {}), report
    assert [(row["score"], row["scale_max"], row["device_time"]) for row in report["tests"]] == [(5, 5, None)] * 5
    assert report["dropped"] == {"bounced": 2}
    assert "2 presses bounced" in remarks(report)["bounced"]
    assert {row["difference"] for row in report["figures"]} == {1}, "presses within vote_pause_s are one vote"


def test_ctrl_c_ends_the_test_with_a_report_of_what_came(running):
    service, publisher = running
    kiosk = Kiosk(publisher)
    code, out, _ = commissioned(service, "kiosk-1", lambda: kiosk.print(3), "--json", stop=True)
    report = json.loads(out)
    assert (code, set(failed(report))) == (1, {"count"})
    assert len(report["tests"]) == 3
    assert "ended_early" in remarks(report)


def test_the_service_goes_on_as_if_nobody_had_looked(running):
    service, publisher = running
    before = stored(service.data)
    Kiosk(publisher).print(1)
    wait_until(lambda: stored(service.data) == before + 1, "does not store")
    assert "ERROR" not in service.log


@pytest.mark.parametrize(
    ("device", "more", "code", "says"),
    [
        ("kiosk-9", (), 2, "gecc: --device: no device 'kiosk-9' at nonthaburi; there are kiosk-1, kiosk-2"),
        ("counter-1", (), 2, "gecc: --device: counter-1 is a counter; tested are kiosks and buttons"),
        ("kiosk-1", ("--count", "0"), 2, "gecc: --count and --seconds: expected more than 0"),
        ("kiosk-1", ("--url", "ftp://x"), 2, "gecc: --url: expected an address like"),
        ("kiosk-1", ("--url", f"http://127.0.0.1:{free_port()}"), 1, "the service must be running"),
    ],
)
def test_a_test_that_cannot_be_made_is_refused_before_anybody_prints(running, capsys, device, more, code, says):
    service, _ = running
    assert main([*command(service, device), *more]) == code
    assert says in capsys.readouterr().err
