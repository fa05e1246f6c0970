"""An invented centre: a believable day from a seed, told in MQTT messages and queue_log lines, with its own truth."""

from telemetry.simulate.buttons import BUTTONS, OWN
from telemetry.simulate.command import add_arguments, run, summary
from telemetry.simulate.day import Action, Day, simulate_day
from telemetry.simulate.demo import demo_config_toml
from telemetry.simulate.feed import run_demo_feed, run_simulation
from telemetry.simulate.makes.table import MAKES, QUEUE_LOG

__all__ = [
    "BUTTONS",
    "MAKES",
    "OWN",
    "QUEUE_LOG",
    "Action",
    "Day",
    "add_arguments",
    "demo_config_toml",
    "run",
    "run_demo_feed",
    "run_simulation",
    "simulate_day",
    "summary",
]
