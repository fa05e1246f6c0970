"""What the shipped Mosquitto configuration promises, asked of a real Mosquitto that runs it."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
from contextlib import suppress

import pytest

from telemetry.__main__ import main
from telemetry.broker_accounts import hashed
from tests.deploy.shipped import CENTRE, CONF, Broker, broker
from tests.publisher import connect_packet
from tests.service.harness import Gecc, journal_events, wait_until

KIOSK, OTHER, ELSEWHERE = "nonthaburi/kiosk-1", "nonthaburi/kiosk-2", "bang-yai/kiosk-1"
MINE = "gecc/v1/nonthaburi/kiosk-1/ticket"
GOOD, REFUSED = "Success", "Not authorized"
TAKEN = {GOOD, "No matching subscribers"}


@pytest.fixture(scope="module")
def shipped():
    with broker() as it:
        yield it


def test_what_a_device_writes_under_its_own_topics_reaches_the_service(shipped):
    with shipped.client("gecc") as service, shipped.client(KIOSK) as kiosk:
        service.subscribe("gecc/v1/+/+/+")
        assert kiosk.publish(MINE, b"mine") == GOOD
        assert service.wait_for(MINE) == b"mine"


@pytest.mark.parametrize(
    "topic",
    [
        "gecc/v1/nonthaburi/kiosk-2/ticket",
        "gecc/v1/bang-yai/kiosk-1/ticket",
        "gecc/v1/nonthaburi/kiosk-1",
        "gecc/v1/nonthaburi/kiosk-1/ticket/more",
        "gecc/live/nonthaburi/state",
        "zigbee2mqtt/counter 1",
        "homeassistant/status",
        "$SYS/broker/uptime",
        "anything",
    ],
)
def test_what_it_writes_anywhere_else_is_refused_and_reaches_nobody(shipped, topic):
    with shipped.client("gecc") as service, shipped.client(KIOSK) as kiosk:
        for filter_ in ("#", "$SYS/broker/uptime"):
            service.subscribe(filter_)
        assert kiosk.publish(topic, b"forged") == REFUSED
        assert kiosk.publish(MINE, b"after it") == GOOD
        service.wait_until(lambda c: (MINE, b"after it") in c.got, "the good one does not come")
        assert b"forged" not in [payload for _, payload in service.got]


def test_an_old_device_is_refused_too_though_the_protocol_tells_it_nothing(shipped):
    with shipped.client("gecc") as service, shipped.client(KIOSK, v5=False) as kiosk:
        service.subscribe("#")
        kiosk.publish("gecc/v1/nonthaburi/kiosk-2/ticket", b"forged")
        kiosk.publish(MINE, b"after it, 3.1.1")
        service.wait_until(lambda c: (MINE, b"after it, 3.1.1") in c.got, "the good one does not come")
        assert b"forged" not in [payload for _, payload in service.got]


@pytest.mark.parametrize("wanted", ["#", "gecc/v1/nonthaburi/kiosk-2/ticket", "gecc/#", "+/v1/+/+/+"])
def test_a_device_hears_nothing_of_others(shipped, wanted):
    with shipped.client(OTHER) as other, shipped.client(KIOSK) as curious, shipped.client("gecc") as service:
        service.subscribe("#")
        curious.subscribe(wanted)
        assert other.publish("gecc/v1/nonthaburi/kiosk-2/ticket", b"private") == GOOD
        service.wait_for("gecc/v1/nonthaburi/kiosk-2/ticket")
        time.sleep(0.1)
        assert curious.got == []


def test_the_bridge_of_the_zigbee_buttons_speaks_for_them_and_for_nobody_else(shipped):
    with shipped.client("nonthaburi/zigbee2mqtt_bridge") as bridge, shipped.client("gecc") as service:
        service.subscribe("zigbee2mqtt/#")
        for topic in ("zigbee2mqtt/counter 1", "zigbee2mqtt/counter 1/action", "zigbee2mqtt/bridge/state"):
            assert bridge.publish(topic) == GOOD
            service.wait_for(topic)
        assert bridge.publish(MINE) == REFUSED


@pytest.mark.parametrize("name", ["+", "a/b", "nonthaburi", "nonthaburi/+", "nonthaburi/kiosk-1/x", "%u", "gecc/v1"])
def test_a_clever_user_name_gains_nothing_even_with_a_password(tmp_path, name):
    with broker() as it:
        subprocess.run(
            ["mosquitto_passwd", "-b", it.config / "mosquitto/passwd", name, "guessed"], check=True, capture_output=True
        )
        it.reload()
        with it.client("gecc") as service:
            service.subscribe("#")
            wait_until(lambda: _enters(it, name, "guessed"), "the new user is not let in")
            with it.client(name, "guessed", id_="#") as clever:
                for topic in (MINE, f"gecc/v1/{name}/x".replace("+", "p").replace("#", "h"), "a/b", "gecc/v1/x/y/z"):
                    assert clever.publish(topic, b"forged") == REFUSED
                clever.subscribe("#")
                with it.client(KIOSK) as kiosk:
                    kiosk.publish(MINE, b"after it")
                service.wait_for(MINE)
                time.sleep(0.05)
                assert [payload for _, payload in service.got] == [b"after it"]
                assert clever.got == []


def _enters(it: Broker, name: str | None, password: str, **options) -> bool:
    with it.client(name, password, **options) as client:
        return client.answer == GOOD


def test_nobody_enters_without_a_name_or_with_a_wrong_password_or_anothers(shipped):
    assert not _enters(shipped, None, "")
    assert not _enters(shipped, KIOSK, "")
    assert not _enters(shipped, KIOSK, "wrong")
    assert not _enters(shipped, KIOSK, shipped.password(OTHER))
    assert not _enters(shipped, "unknown", "x")
    assert _enters(shipped, KIOSK, shipped.password(KIOSK))


def test_a_user_cannot_even_be_called_number_sign():
    with broker() as it:
        with (it.config / "mosquitto/passwd").open("a") as file:
            file.write(f"#:{hashed('guessed')}\n")
        it.reload()
        time.sleep(0.3)
        assert not _enters(it, "#", "guessed")


def test_what_is_not_encrypted_is_refused(shipped):
    with socket.create_connection(("127.0.0.1", shipped.port), timeout=2) as plain:
        plain.sendall(connect_packet("plain", v5=True))
        with suppress(ConnectionResetError):
            assert plain.recv(1024)[:1] in (b"", b"\x15")  # closed, or an alert of TLS; a CONNACK would be 0x20
    settings = [line.split()[0] for line in CONF.read_text().splitlines() if line and line[0] != "#"]
    assert settings.count("listener") == 1
    assert "port" not in settings


def _handshake(port: int, context: ssl.SSLContext, name: str) -> None:
    with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain, server_hostname=name):
        pass


def test_a_broker_with_a_certificate_of_another_authority_is_not_believed(shipped, tmp_path):
    assert main(["broker", "certificates", "--out", str(tmp_path), "--host", "localhost"]) == 0
    with pytest.raises(ssl.SSLCertVerificationError, match=r"unable to get local issuer|signature failure"):
        _handshake(shipped.port, shipped.context(tmp_path / "ca.crt"), "localhost")


def test_a_broker_under_another_name_is_not_believed(shipped):
    for name in ("gecc.example.go.th", "localhost", "127.0.0.1"):
        _handshake(shipped.port, shipped.context(), name)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        _handshake(shipped.port, shipped.context(), "other.example.go.th")


def test_tls_before_1_2_is_refused(shipped):
    context = shipped.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match="protocol version"):
        _handshake(shipped.port, context, "localhost")


def test_the_service_collects_over_it(shipped, tmp_path):
    toml = tmp_path / "gecc.toml"
    toml.write_text(
        f"data = 'data'\n[web]\nport = 0\n[mqtt]\nhost = 'localhost'\nport = {shipped.port}\ntls = true\n"
        f"ca_file = '{shipped.config}/ca.crt'\nusername = 'gecc'\npassword_file = '{shipped.config}/passwords/gecc'\n"
        + CENTRE
    )
    with Gecc(toml) as gecc, shipped.client(KIOSK) as kiosk:
        for n in range(1, 21):
            event = {"event": "issued", "ticket": f"A{n:03}", "service": "idcard", "boot": "b", "seq": n}
            assert kiosk.publish(MINE, json.dumps(event).encode()) == GOOD
        assert kiosk.publish("gecc/v1/nonthaburi/kiosk-2/ticket", b'{"event":"issued","ticket":"X"}') == REFUSED
        wait_until(lambda: len(journal_events(gecc.data)) >= 20, "tickets do not come")
    assert [e.contact for e in journal_events(gecc.data)] == [f"A{n:03}" for n in range(1, 21)]


SAVING_S = 1.0
"""The broker acknowledges, and then writes its file: what it took within the last moments may be lost with it."""


def _kept_over_a_kill(it: Broker, count: int, within_s: float) -> list[bytes]:
    """What the broker still has for the service, of `count` messages that it acknowledged before it was killed."""
    with it.client("gecc", id_="service", keep=True) as service:
        service.subscribe("gecc/v1/+/+/+")
    with it.client(KIOSK) as kiosk:
        for n in range(count):
            assert kiosk.publish(MINE, str(n).encode()) == GOOD
        time.sleep(SAVING_S)
        it.kill()
    it.start()
    with it.client("gecc", id_="service", keep=True) as service:
        deadline = time.monotonic() + within_s
        while len(service.got) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return [payload for _, payload in service.got]


def test_what_was_acknowledged_survives_that_the_broker_is_killed():
    with broker() as it:
        assert _kept_over_a_kill(it, 50, within_s=30) == [str(n).encode() for n in range(50)]


def test_without_saving_at_once_it_would_not():
    with broker(without=["autosave_on_changes", "autosave_interval"]) as it:
        assert _kept_over_a_kill(it, 50, within_s=1) == []


def test_more_than_the_standard_thousand_messages_wait_for_the_service():
    with broker() as it:
        with it.client("gecc", id_="service", keep=True) as service:
            service.subscribe("gecc/v1/+/+/+")
        with it.client(KIOSK) as kiosk:
            codes = [kiosk.publish(MINE, b"%d" % n) for n in range(1_500)]
        assert set(codes) == {GOOD}
        with it.client("gecc", id_="service", keep=True) as service:
            service.wait_until(lambda c: len(c.got) >= 1_500, "not all came")


def test_a_message_larger_than_any_of_ours_is_refused(shipped):
    with shipped.client("gecc") as service:
        service.subscribe(f"{MINE}/#")
        with shipped.client(KIOSK) as kiosk:
            assert kiosk.publish(MINE, b"x" * 60_000) in TAKEN
            # The broker says so and closes; what it has not read may break the connection before its word is heard.
            assert kiosk.publish(MINE, b"x" * 70_000) in ("Packet too large", "Unspecified error")
        with shipped.client(KIOSK) as kiosk:
            assert kiosk.publish(MINE, b"last") in TAKEN
        service.wait_until(lambda it: (MINE, b"last") in it.got, "the last one did not come")
        assert [len(payload) for _, payload in service.got] == [60_000, 4]


def test_a_new_device_is_let_in_and_one_that_is_gone_is_not_after_a_reload():
    with broker() as it:
        gone = it.password(OTHER)
        it.toml.write_text(it.toml.read_text("utf-8").replace("kiosk-2", "kiosk-3"), "utf-8")
        it.accounts()
        it.reload()
        wait_until(lambda: _enters(it, "nonthaburi/kiosk-3", it.password("nonthaburi/kiosk-3")), "it is not let in")
        assert not _enters(it, OTHER, gone)
        with it.client("nonthaburi/kiosk-3") as new:
            assert new.publish("gecc/v1/nonthaburi/kiosk-3/ticket") in TAKEN


def test_home_assistant_reads_the_live_figures_and_writes_nothing_but_its_own_state():
    with broker("[mqtt]\nhost = 'localhost'\n[home_assistant]\nenabled = true\n" + CENTRE) as it:
        live, config = "gecc/live/nonthaburi/state", "homeassistant/sensor/gecc_nonthaburi/x/config"
        with it.client("homeassistant") as ha, it.client("gecc") as service, it.client(KIOSK) as kiosk:
            ha.subscribe("#")
            service.subscribe("homeassistant/status")
            for topic in (live, config):
                assert service.publish(topic, b"figures") == GOOD
                assert kiosk.publish(topic, b"forged") == REFUSED
                assert ha.wait_for(topic) == b"figures"
                assert ha.publish(topic) == REFUSED
            assert ha.publish("homeassistant/status", b"online") == GOOD
            assert service.wait_for("homeassistant/status") == b"online"
            assert ha.publish(MINE) == REFUSED
            assert kiosk.publish(MINE) in TAKEN
            time.sleep(0.1)
            assert MINE not in [topic for topic, _ in ha.got]
