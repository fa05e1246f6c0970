"""What `gecc broker` promises to whoever installs the broker, without a broker."""

from __future__ import annotations

import hashlib
import stat
from base64 import b64decode
from pathlib import Path

import pytest

from collectors.devices import BUTTONS, Devices
from collectors.formats.kiosk_json import DeviceRow, SiteRow
from telemetry.__main__ import main
from telemetry.broker_accounts import accounts_of, acl, hashed, hashes_in
from telemetry.commands.common import load
from telemetry.settings import Config, Device, Site
from tests.deploy.shipped import ROOT
from tests.servers import need

TOPICS = {
    "zigbee2mqtt": ("zigbee2mqtt/Hall/Button 1", "offices/one/zigbee2mqtt/b"),
    "shelly": ("shellies/shellybutton1-A1B2C3", "counter-4"),
    "tasmota": ("tasmota_A1", "office/%prefix%/button"),
    "esphome": ("counter-4",),
    "homeassistant": ("homeassistant/event/button/state", "events/button"),
    "sparkplug_b": ("spBv1.0/hall/edge-1", "spBv1.0/hall/edge-1/button 2"),
    "cloudevents_mqtt": ("events/button",),
}
TOML = "[[sites]]\nid = 'a'\n[[sites.devices]]\nid = 'kiosk-1'\n[[sites.devices]]\nid = 'kiosk-2'\n"


def covers(rule: str, filter_: str) -> bool:
    """Whether every topic of a filter is one of a rule."""
    ours, theirs = rule.split("/"), filter_.split("/")
    for i, level in enumerate(ours):
        if level == "#":
            return True
        if i >= len(theirs) or (level not in ("+", theirs[i])) or theirs[i] == "#":
            return False
    return len(ours) == len(theirs)


def config_of(*devices: Device) -> Config:
    return Config(data=Path(), sites=(Site(id="hall", devices=devices),))


def test_every_convention_is_tried_here():
    assert {*TOPICS} == {*BUTTONS, "cloudevents_mqtt"}


@pytest.mark.parametrize(("convention", "topic"), [(c, t) for c, topics in TOPICS.items() for t in topics])
def test_a_device_may_write_wherever_the_service_listens_to_it(convention, topic):
    device = Device(id="button-1", kind="button", convention=convention, topic=topic, presses={"single": 5})
    row = DeviceRow("button", "", "", 5, convention, topic, {"single": 5}, 0.8)
    heard = Devices(sites={"hall": SiteRow(devices={"button-1": row}, units=frozenset())}).other_topics
    account = accounts_of(config_of(device))[1]
    writes = [topic for right, topic in account.rules if "write" in right]
    missing = [one for one in heard if not any(covers(rule, one) for rule in writes)]
    if convention != "sparkplug_b":
        assert missing == []
    else:  # the kinds of messages are named one by one: commands are not the device's to give
        assert missing == ["spBv1.0/hall/+/edge-1/#"]
        kinds = {(rule.split("/")[2], rule.count("/")) for rule in writes}
        assert kinds == {(f"N{k}", 3) for k in ("BIRTH", "DEATH", "DATA")} | {
            (f"D{k}", 4) for k in ("BIRTH", "DEATH", "DATA")
        }


@pytest.mark.parametrize(("convention", "topic"), [(c, t) for c, topics in TOPICS.items() for t in topics])
def test_a_device_may_not_write_what_is_another_s(convention, topic):
    device = Device(id="button-1", kind="button", convention=convention, topic=topic, presses={"single": 5})
    rules = [rule for right, rule in accounts_of(config_of(device))[1].rules if "write" in right]
    for other in (
        "gecc/v1/hall/kiosk-1/ticket",
        "gecc/live/hall/state",
        f"x{topic}",
        "other/thing",
        "homeassistant/status",
    ):
        assert not any(covers(rule, other) for rule in rules)


def test_no_two_devices_have_an_account_in_common_and_no_right_of_one_is_a_pattern():
    config = config_of(Device(id="kiosk-1"), Device(id="kiosk-2"))
    assert [(a.name, a.rules) for a in accounts_of(config)[1:]] == [
        ("hall/kiosk-1", [("write", "gecc/v1/hall/kiosk-1/+")]),
        ("hall/kiosk-2", [("write", "gecc/v1/hall/kiosk-2/+")]),
    ]
    assert "pattern" not in acl(accounts_of(config))


def test_the_acl_in_the_repository_is_that_of_the_sample_configuration():
    shipped = (ROOT / "deploy/mosquitto/acl").read_text("utf-8")
    assert shipped == acl(accounts_of(load(ROOT / "deploy/gecc.toml")))


def test_a_password_is_kept_as_mosquitto_keeps_it():
    _, kind, rounds, salt, digest = hashed("secret").split("$")
    assert (kind, rounds) == ("7", "101")
    assert b64decode(digest) == hashlib.pbkdf2_hmac("sha512", b"secret", b64decode(salt), 101)
    assert hashed("secret") != hashed("secret")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "gecc.toml").write_text(TOML)
    return tmp_path


def accounts(folder: Path, *more: str) -> int:
    return main(["broker", "accounts", "--config", str(folder / "gecc.toml"), "--out", str(folder / "b"), *more])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_for_their_owner_only(folder):
    need("openssl")
    out = folder / "b"
    assert accounts(folder) == 0
    assert main(["broker", "certificates", "--out", str(out), "--host", "x"]) == 0
    assert {
        mode(f)
        for f in (
            *(out / "passwords").iterdir(),
            *(out / "mosquitto").glob("[!s]*"),
            out / "ca.key",
            out / "mosquitto/server.key",
        )
    } == {0o600}
    assert mode(out / "passwords") == 0o700
    assert mode(out / "ca.crt") == mode(out / "mosquitto/server.crt") == 0o644
    assert not [*out.rglob("*.new")]


def test_what_is_good_stays_as_it_is(folder):
    need("openssl")
    out = folder / "b"

    def run() -> dict[str, bytes]:
        assert accounts(folder) == 0
        assert main(["broker", "certificates", "--out", str(out), "--host", "x", "--host", "10.1.2.3"]) == 0
        return {str(f): f.read_bytes() for f in out.rglob("*") if f.is_file()}

    assert run() == run()


def test_another_name_for_the_broker_makes_a_new_certificate_of_the_same_authority(folder):
    need("openssl")
    out = folder / "b"
    main(["broker", "certificates", "--out", str(out), "--host", "x"])
    before = {name: (out / name).read_bytes() for name in ("ca.crt", "mosquitto/server.crt", "mosquitto/server.key")}
    main(["broker", "certificates", "--out", str(out), "--host", "y"])
    assert [name for name, old in before.items() if (out / name).read_bytes() != old] == [
        "mosquitto/server.crt",
        "mosquitto/server.key",
    ]


def test_a_host_that_is_none_is_refused(folder, capsys):
    assert main(["broker", "certificates", "--out", str(folder / "b"), "--host", "x,DNS:evil"]) == 2
    assert "--host: expected a host name or address" in capsys.readouterr().err
    assert not (folder / "b").exists()


def test_one_password_can_be_made_anew_and_the_others_stay(folder):
    accounts(folder)
    before = hashes_in((folder / "b/mosquitto/passwd").read_text())
    old = (folder / "b/passwords/a.kiosk-1").read_text()
    assert accounts(folder, "--renew", "a/kiosk-1") == 0
    after = hashes_in((folder / "b/mosquitto/passwd").read_text())
    assert [name for name in before if before[name] != after[name]] == ["a/kiosk-1"]
    assert (folder / "b/passwords/a.kiosk-1").read_text() != old


def test_a_password_that_was_typed_in_and_deleted_stays_good_and_is_not_written_again(folder, capsys):
    accounts(folder)
    before = (folder / "b/mosquitto/passwd").read_text()
    (folder / "b/passwords/a.kiosk-1").unlink()
    assert accounts(folder) == 0
    assert (folder / "b/mosquitto/passwd").read_text() == before
    assert not (folder / "b/passwords/a.kiosk-1").exists()
    assert "a/kiosk-1: write gecc/v1/a/kiosk-1/+; password not kept here" in capsys.readouterr().out


def test_a_device_that_is_gone_from_the_configuration_is_gone_from_the_broker(folder):
    accounts(folder)
    (folder / "gecc.toml").write_text(TOML.replace("kiosk-2", "kiosk-3"))
    accounts(folder)
    assert [*hashes_in((folder / "b/mosquitto/passwd").read_text())] == ["gecc", "a/kiosk-1", "a/kiosk-3"]
    assert "kiosk-2" not in (folder / "b/mosquitto/acl").read_text()
    assert not (folder / "b/passwords/a.kiosk-2").exists()


def test_the_configuration_may_name_the_files_that_this_makes(folder):
    mqtt = (
        "[mqtt]\nhost = 'x'\ntls = true\nca_file = 'b/ca.crt'\nusername = 'gecc'\npassword_file = 'b/passwords/gecc'\n"
    )
    (folder / "gecc.toml").write_text(mqtt + TOML)
    assert accounts(folder) == 0
    assert main(["broker", "certificates", "--out", str(folder / "b"), "--host", "x"]) == 0
    assert main(["config", "check", str(folder / "gecc.toml")]) == 0


def test_mistakes_are_told_before_anything_is_written(folder, capsys):
    (folder / "gecc.toml").write_text(TOML + "convention = 'zigbee3mqtt'\n")
    assert accounts(folder) == 2
    assert "zigbee3mqtt" in capsys.readouterr().err
    (folder / "gecc.toml").write_text(TOML)
    assert accounts(folder, "--renew", "a/kiosk-9") == 2
    assert "no account 'a/kiosk-9'" in capsys.readouterr().err
    assert not (folder / "b").exists()
    assert accounts(folder, "--owner", "nobody-of-this-name") == 2
    assert "no user 'nobody-of-this-name'" in capsys.readouterr().err
