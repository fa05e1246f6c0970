"""What a device of another convention must say in gecc.toml, and what is wrong with it."""

from __future__ import annotations

import pytest

from collectors.devices import CONVENTIONS
from telemetry.config import load
from telemetry.config_reader import ConfigError

GOOD = 'convention = "zigbee2mqtt"\ntopic = "zigbee2mqtt/Hall/Button 1"\npresses = { single = 5 }\n'


def loaded(folder, *devices):
    file = folder / "gecc.toml"
    rows = "".join(f'[[sites.devices]]\nid = "b{n}"\n{device}' for n, device in enumerate(devices))
    file.write_text(f'[[sites]]\nid = "s"\n{rows}')
    return load(file, conventions=CONVENTIONS)


def test_a_device_of_another_convention_is_read_as_it_stands(tmp_path):
    (device,) = loaded(tmp_path, GOOD).sites[0].devices
    assert (device.convention, device.presses, device.debounce_s) == ("zigbee2mqtt", {"single": 5}, 0.8)


def test_one_remote_may_have_its_buttons_on_two_counters(tmp_path):
    assert len(loaded(tmp_path, GOOD, GOOD.replace("single", "double")).sites[0].devices) == 2


@pytest.mark.parametrize(
    ("device", "place"),
    [
        (GOOD.replace('zigbee2mqtt"', 'zigbee"', 1), "sites[0].devices[0].convention"),
        (GOOD.replace('zigbee2mqtt"', 'gecc"', 1), "sites[0].devices[0].convention"),
        (GOOD.replace('topic = "zigbee2mqtt/Hall/Button 1"\n', ""), "sites[0].devices[0].topic"),
        (GOOD.replace("Hall", "+"), "sites[0].devices[0].topic"),
        (GOOD.replace("zigbee2mqtt/Hall", "gecc/v1/s"), "sites[0].devices[0].topic"),
        (GOOD.replace("presses = { single = 5 }\n", ""), "sites[0].devices[0].presses"),
        (GOOD + "scale_max = 4\n", "sites[0].devices[0].presses.single"),
        (GOOD.replace("Button 1", "Button 1/action"), "sites[0].devices[0].topic: expected the device's own topic"),
        (GOOD.replace("zigbee2mqtt", "tasmota").replace("tasmota/", "stat/"), "sites[0].devices[0].topic: expected"),
        (GOOD.replace("zigbee2mqtt", "sparkplug_b"), "sites[0].devices[0].topic: expected spBv1.0/"),
        (GOOD.replace('zigbee2mqtt"', 'esphome"', 1).replace("Button 1", "binary_sensor/a/state"), "devices[0].topic: expected"),
        (GOOD.replace('zigbee2mqtt"', 'shelly"', 1).replace("Button 1", "events/rpc"), "devices[0].topic: expected"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(tmp_path, device, place):
    with pytest.raises(ConfigError) as error:
        loaded(tmp_path, device)
    assert place in str(error.value)


def test_a_press_belongs_to_one_device(tmp_path):
    with pytest.raises(ConfigError, match=r"devices\[1\]\.presses\.single: .*devices\[0\]\.presses\.single"):
        loaded(tmp_path, GOOD, GOOD)


@pytest.mark.parametrize("device", [GOOD.replace('zigbee2mqtt"', 'z2m"', 1), GOOD.replace("= 5", "= 0")])
def test_one_mistake_is_one_sentence(tmp_path, device):
    with pytest.raises(ConfigError) as error:
        loaded(tmp_path, device)
    assert str(error.value).count("sites[0].devices[0]") == 1
