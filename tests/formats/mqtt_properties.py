"""MQTT 5 properties of a message as a case writes them: `content_type` and `user_properties`."""

from __future__ import annotations


def properties(row):
    """The bytes of a row's properties, as the broker sends them without their length."""
    out = b"\x01\x01" if "user_properties" in row else b""  # payload is text: one more that must be passed over
    if "content_type" in row:
        out += b"\x03" + _text(row["content_type"])
    for name, value in row.get("user_properties", {}).items():
        out += b"\x26" + _text(name) + _text(value)
    return out


def _text(value):
    data = value.encode()
    return len(data).to_bytes(2, "big") + data
