"""`gecc check-source mqtt://…`: press every button once, and see what each is called and which settings it needs."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any
from urllib.parse import SplitResult, unquote

from collectors.base import Message
from collectors.mqtt import MqttCollector
from collectors.overheard import Heard, overheard
from telemetry.commands.listening import heard_within

MOST_SHOWN = 20


def check_devices(url: SplitResult, seconds: float, *, as_json: bool) -> int:
    """0 when a device was recognised, 1 when none."""
    messages = asyncio.run(_listen(url, seconds))
    heard = Counter(one for message in messages for one in overheard(message))
    unknown = sorted({m.topic for m in messages if not overheard(m)})
    if as_json:
        rows = [{**one._asdict(), "messages": n} for one, n in sorted(heard.items())]
        json.dump(
            {"messages": len(messages), "devices": rows, "unknown": unknown}, sys.stdout, ensure_ascii=False, indent=1
        )
        print()
    else:
        print(*_report(heard, unknown, len(messages)), sep="\n")
    return 0 if heard else 1


async def _listen(url: SplitResult, seconds: float) -> list[Message]:
    """What comes within these seconds, in a session of its own that ends with it: the service's is not touched."""
    if not url.hostname:
        raise ValueError(f"{url.geturl()}: expected mqtt://host:port/topic")
    wanted = unquote(
        url.path.removeprefix("/") + (f"#{url.fragment}" if url.geturl().endswith("#") or url.fragment else "")
    )
    collector = MqttCollector(
        name="check",
        host=url.hostname,
        port=url.port or 1883,
        client_id=f"gecc-check-{secrets.token_hex(4)}",
        username=unquote(url.username or ""),
        password=os.environ.get("GECC_SOURCE_PASSWORD", ""),
        topics=(wanted or "#",),
        session_expiry_s=0,
    )
    announcement = f"press every button once; listening to {wanted or '#'} for {seconds:g} s ..."
    return await heard_within(seconds, collector, announcement)


def _report(heard: Counter[Heard], unknown: list[str], count: int) -> Iterable[str]:
    yield f"messages {count}, devices {len({(one.convention, one.topic) for one in heard})}"
    devices: dict[tuple[str, str], dict[str, int]] = {}
    for one, n in sorted(heard.items()):
        presses = devices.setdefault((one.convention, one.topic), {})
        if one.press:
            presses[one.press] = n
    for (convention, topic), presses in devices.items():
        told = ", ".join(f"{press} ({n})" for press, n in presses.items()) or "no press yet"
        yield f"  {convention:17} {topic}: {told}"
    if unknown:
        more = f" and {len(unknown) - MOST_SHOWN} more" if len(unknown) > MOST_SHOWN else ""
        yield f"of no convention that is known: {', '.join(unknown[:MOST_SHOWN])}{more}"
    settings = [lines for row in devices.items() if (lines := _settings(*row))]
    if settings:
        yield ""
        yield "Settings to paste under the centre's [[sites]]; give each press its score"
        for n, lines in enumerate(settings, 1):
            yield from (f"  {line.format(n=n)}" for line in lines)


def _settings(place: tuple[str, str], presses: dict[str, int]) -> list[str]:
    convention, topic = place
    if convention == "gecc":
        return []  # its topic names site and device: they are the settings
    out = ["[[sites.devices]]", 'id = "button-{n}"', 'kind = "button"', f'convention = "{convention}"']
    out.append("topic = " + _braced(json.dumps(topic, ensure_ascii=False)))
    if convention != "cloudevents_mqtt":
        scores: dict[str, Any] = {press: max(1, 5 - i) for i, press in enumerate(presses)}
        inner = ", ".join(f"{json.dumps(press, ensure_ascii=False)} = {score}" for press, score in scores.items())
        out.append(_braced(f"presses = {{ {inner} }}") if inner else "# presses = ...: none was heard")
    return out


def _braced(text: str) -> str:
    """Fit for `format`, which fills in the number of the device."""
    return text.replace("{", "{{").replace("}", "}}")
