"""What hangs on one topic: the devices of the configuration, the presses they map, and what was last heard there.

Also the few words that all conventions share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from collectors.formats.cloudevents import No, json_object
from collectors.formats.kiosk_json import DeviceRow
from telemetry.events import MISSING, canonical_json

_WORDS = {
    **dict.fromkeys(("online", "true", "1", "connected", "alive"), True),
    **dict.fromkeys(("offline", "false", "0", "disconnected", "lost"), False),
}


class Row(NamedTuple):
    """One device of the configuration."""

    site: str
    device: str
    source: str
    row: DeviceRow


class Press(NamedTuple):
    """What a press means."""

    row: Row
    score: int
    extra: str


class Channel:
    """One base topic with the devices of the configuration that hang on it, and what is known of it."""

    def __init__(self, topic: str, rows: Sequence[Row], *, fold: bool) -> None:
        self.topic, self.rows = topic, rows
        self.presses = {
            name.casefold() if fold else name: Press(row, score, canonical_json({"press": name}))
            for row in rows
            for name, score in row.row.presses.items()
        }
        self.last: dict[str, list[Any]] = {}
        """Press → [receipt µs, device's time µs or MISSING, topics that told it] of the last vote."""
        self.bounced: dict[str, list[Any]] = {}
        """The same of the last press that bounced."""
        self.voices: dict[str, bool] = {}
        """Who says whether it is there: all must."""
        self.states: tuple[str, int] | None = None
        self.notes: dict[str, Any] = {}
        """What the convention keeps; JSON."""
        self.received = 0
        self.dropped: dict[str, list[int]] = {}
        """Source → presses dropped, by why."""
        self.id_us = 0

    def bounced_too(self, name: str, via: str, at_us: int, received_us: int, debounce_s: float) -> bool:
        """Whether a press that bounced is the one that another topic told just before."""
        last = self.bounced.get(name)
        if last and via not in last[2] and 0 <= since_last(last, at_us, received_us) < debounce_s * 1e6:
            last[2].append(via)
            return True
        self.bounced[name] = [received_us, at_us, [via]]
        return False

    def dump(self) -> dict[str, Any]:
        kept = {
            "last": self.last,
            "bounced": self.bounced,
            "voices": self.voices,
            "state": self.states,
            "notes": self.notes,
            "dropped": self.dropped,
            "id_us": self.id_us,
        }
        return {key: value for key, value in kept.items() if value}

    def load(self, kept: Mapping[str, Any]) -> None:
        self.last, self.voices = dict(kept.get("last", {})), dict(kept.get("voices", {}))
        self.bounced = dict(kept.get("bounced", {}))
        state = kept.get("state")
        self.states = (state[0], state[1]) if state else None
        self.notes, self.dropped = dict(kept.get("notes", {})), dict(kept.get("dropped", {}))
        self.id_us = kept.get("id_us", 0)


def since_last(last: Sequence[Any], at_us: int, received_us: int) -> int:
    """µs since a press, by receipt or by the device's clock, whichever says more."""
    apart_us = int(received_us - last[0])
    if at_us == MISSING or last[1] == MISSING or at_us < last[1]:
        return apart_us
    if at_us == last[1] and at_us % 1_000_000:
        return 0  # the very same moment; of whole seconds that cannot be said
    return max(apart_us, int(at_us - last[1]))


def word_of(payload: bytes) -> str:
    """A payload that is one short text."""
    try:
        return payload.decode().strip()
    except UnicodeDecodeError:
        raise No("bad_field", f"{payload[:40]!r}: not UTF-8") from None


def there(payload: bytes) -> bool:
    """What an availability says: a word, or `{"state": word}`."""
    word: object = word_of(payload)
    if payload[:1] == b"{":
        word = json_object(payload).get("state")
    if not isinstance(word, str) or word.casefold() not in _WORDS:
        raise No("bad_field", f"{str(word)[:40]!r}: expected online or offline")
    return _WORDS[word.casefold()]


def text_at(given: Mapping[str, Any], key: str) -> str:
    """A text of a JSON object; "" where it is not there."""
    value = given.get(key, "")
    if not isinstance(value, str):
        raise No("bad_field", f"$.{key}: {str(value)[:40]!r}, expected text")
    return value
