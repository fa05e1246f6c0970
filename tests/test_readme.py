"""What the README shows can be copied."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from collectors.base import Message
from collectors.devices import CONVENTIONS
from collectors.formats import FORMATS
from collectors.formats.kiosk_json import DeviceRow, KioskJson, SiteRow
from telemetry.config import load

ROOT = Path(__file__).parent.parent
NOW_US = 1_800_000_000_000_000


def published() -> list[Message]:
    """The messages that the README's mosquitto_pub commands publish."""
    messages = []
    for block in re.findall(r"(?ms)^```sh\n(.*?)^```", (ROOT / "README.md").read_text()):
        for command in re.findall(r"(?ms)^mosquitto_pub .*?'$", block):
            words = shlex.split(command)
            topic, payload = (words[words.index(flag) + 1] for flag in ("-t", "-m"))
            messages.append(Message(topic, payload.encode(), "-r" in words))
    return messages


def test_every_message_of_the_readme_is_taken_by_the_centre_of_the_sample():
    sites = {
        site.id: SiteRow(
            {d.id: DeviceRow(d.kind, d.unit, d.counter, d.scale_max) for d in site.devices},
            frozenset(s.id for s in site.services),
        )
        for site in load(ROOT / "deploy" / "gecc.toml").sites
    }
    decoded = KioskJson(sites=sites).feed(published(), NOW_US)
    assert not decoded.rejected
    assert [event.type for event in decoded.events] == [
        "ticket.issued",
        "ticket.called",
        "ticket.started",
        "ticket.finished",
        "vote.cast",
        "ticket.issued",
        "device.online",
    ]


def test_the_readme_names_only_targets_that_make_has():
    targets = re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text())
    assert set(re.findall(r"(?m)(?:^|`)make ([a-z]+)", (ROOT / "README.md").read_text())) <= set(targets)


def test_the_readme_names_every_format_and_every_convention():
    readme = (ROOT / "README.md").read_text()
    assert [name for name in (*FORMATS, *CONVENTIONS) if name not in readme and name != "kiosk_json"] == []


def test_every_page_that_the_readme_links_to_is_there():
    for page in (ROOT / "README.md", *(ROOT / "deploy").glob("**/*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
