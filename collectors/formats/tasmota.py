"""Tasmota buttons and switches.

`topic` is the device's Topic (`tasmota_A1B2C3`), or its FullTopic where that was changed, with `%prefix%` in it
(`hall/%prefix%/button`). A press stands in `stat/…/RESULT` as `{"Button1":{"Action":"SINGLE"}}`, or on `stat/…/BUTTON1` as
`{"ACTION":"SINGLE"}`; capitals do not matter. Its name is `SINGLE` on any button, or `Button1/SINGLE`; switches likewise.
The device must have SetOption73 (buttons) or SetOption114 (switches) on. With SwitchMode 0 a switch sends TOGGLE on press
and on release, which would count twice: TOGGLE is a press only where it is mapped.

`tele/…/LWT` says whether it is there. `Time` in a message has no zone and is not used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from collectors.base import Message
from collectors.formats.channels import Channel, there, word_of
from collectors.formats.cloudevents import No, json_object
from collectors.formats.presses import Buttons
from telemetry.events import Decoded

_INPUT = re.compile(r"(button|switch)\d{1,2}", re.ASCII)


class Tasmota(Buttons):
    convention = "tasmota"
    fold = True

    def bases(self, topic: str) -> Mapping[str, str]:
        return {_full(topic, prefix): prefix for prefix in ("stat", "tele")}

    def filters(self, topic: str) -> Sequence[str]:
        return [f"{_full(topic, 'stat')}/+", f"{_full(topic, 'tele')}/LWT"]

    def heard(self, channel: Channel, part: str, message: Message, received_us: int, out: Decoded) -> None:
        name = part.casefold()
        if name == "tele/lwt":
            self.said(channel, "lwt", there(message.payload), received_us, out)
            return
        name = name.removeprefix("stat/")
        one = _INPUT.fullmatch(name)
        if name != "result" and not one:
            out.ignored += 1
            return
        told = 0
        for key, action in _actions(name if one else "", message.payload):
            told += 1
            self.press(channel, [f"{key}/{action}", action], message, received_us, out, via=name)
        if not told:
            out.ignored += 1


def _full(topic: str, prefix: str) -> str:
    return topic.replace("%prefix%", prefix) if "%prefix%" in topic else f"{prefix}/{topic}"


def _actions(name: str, payload: bytes) -> list[tuple[str, str]]:
    """(input, action) of a message; `name` is the input where the topic says it."""
    if name and not payload.lstrip().startswith(b"{"):
        return [(name, word_of(payload).casefold())]
    given = json_object(payload)
    out: list[tuple[str, str]] = []
    for key, value in given.items():
        folded = key.casefold()
        if name and folded == "action":
            out.append((name, _text(value, key)))
        elif _INPUT.fullmatch(folded):
            action = {k.casefold(): v for k, v in value.items()}.get("action") if isinstance(value, dict) else value
            if action is not None:
                out.append((folded, _text(action, key)))
    return out


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise No("bad_field", f"$.{key[:40]}: {str(value)[:40]!r}, expected text")
    return value.casefold()
