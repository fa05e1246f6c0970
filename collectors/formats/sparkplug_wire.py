"""The part of Sparkplug B's protobuf that tells of metrics and their numbers, read strictly and without a schema."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MOST_METRICS = 10_000

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_PAYLOAD: dict[int, type] = {1: int, 2: bytes, 3: int}
_METRIC: dict[int, type] = {1: bytes, **dict.fromkeys((2, 3, 4, 5, 6, 7, 10, 11, 14), int), 15: bytes}
"""Fields that are read; all others are passed over."""
_SIGNED = {1: 8, 2: 16, 3: 32, 4: 64}
"""Datatypes of signed integers: they are sent as unsigned ones of the same bits."""


class WireError(ValueError):
    """Bytes that are no Sparkplug B payload."""


@dataclass(slots=True)
class Metric:
    """One metric; `None` stands for what is not there."""

    name: str | None = None
    alias: int | None = None
    time_ms: int | None = None
    historical: bool = False
    transient: bool = False
    value: bool | int | str | None = None
    """Of booleans, integers and texts; other types are not read."""


@dataclass(slots=True)
class Payload:
    time_ms: int | None = None
    seq: int | None = None
    metrics: list[Metric] = field(default_factory=list)


def payload(data: bytes) -> Payload:
    """A whole payload; `WireError` for anything else."""
    out = Payload()
    for number, value in _fields(data):
        kind = _PAYLOAD.get(number)
        if kind is not None and not isinstance(value, kind):
            raise WireError(f"field {number} of another type")
        if number == 1:
            out.time_ms = value  # type: ignore[assignment]
        elif number == 2:
            if len(out.metrics) >= MOST_METRICS:
                raise WireError(f"more than {MOST_METRICS} metrics")
            out.metrics.append(_metric(value))  # type: ignore[arg-type]
        elif number == 3:
            out.seq = value  # type: ignore[assignment]
    return out


def _metric(data: bytes) -> Metric:
    given: dict[int, int | bytes] = {}
    for number, it in _fields(data):
        kind = _METRIC.get(number)
        if kind is not None:
            if not isinstance(it, kind):
                raise WireError(f"field {number} of a metric of another type")
            given[number] = it
    get: Any = given.get
    value: bool | int | str | None = None
    if 14 in given:
        value = get(14) != 0
    elif 15 in given:
        value = _text(get(15))
    elif 10 in given or 11 in given:
        value = _signed(get(11, get(10)), get(4, 0))
    return Metric(
        name=_text(get(1)) if 1 in given else None,
        alias=get(2),
        time_ms=get(3),
        historical=get(5, 0) != 0,
        transient=get(6, 0) != 0,
        value=None if get(7, 0) else value,
    )


def _signed(value: int, datatype: int) -> int:
    bits = _SIGNED.get(datatype)
    if not bits:
        return value
    low = value & (1 << bits) - 1
    return low - (1 << bits) if low >> bits - 1 else low


def _fields(data: bytes) -> list[tuple[int, int | bytes]]:
    """(number, value) of each field of a message, in order: integers, and the bytes of all else."""
    out: list[tuple[int, int | bytes]] = []
    at, size = 0, len(data)
    while at < size:
        key = data[at]
        at += 1
        if key > 127:
            key, at = _varint(data, at - 1)
        wire = key & 7
        if key < 8:
            raise WireError("field 0")
        if wire == _VARINT:
            value, at = _varint(data, at)
            out.append((key >> 3, value))
            continue
        if wire == _BYTES:
            length, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise WireError(f"wire type {wire} of field {key >> 3}")
        end = at + length
        if end > size:
            raise WireError(f"field {key >> 3} is cut off")
        out.append((key >> 3, data[at:end]))
        at = end
    return out


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    for byte in data[at : at + 10]:
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            if value >> 64:
                break
            return value, at
        shift += 7
    else:
        if shift < 70:
            raise WireError("a number is cut off")
    raise WireError("a number of more than 64 bits")


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise WireError(f"{data[:40]!r} is not UTF-8") from None


# Writing, for what plays a device.


def write(data: Payload) -> bytes:
    """The bytes of a payload; integers as 64 bits."""
    out = b""
    if data.time_ms is not None:
        out += _number(1, data.time_ms)
    for metric in data.metrics:
        body = b""
        if metric.name is not None:
            body += _counted(1, metric.name.encode())
        if metric.alias is not None:
            body += _number(2, metric.alias)
        if metric.time_ms is not None:
            body += _number(3, metric.time_ms)
        body += _number(5, 1) if metric.historical else b""
        body += _number(6, 1) if metric.transient else b""
        match metric.value:
            case None:
                body += _number(7, 1)
            case bool():
                body += _number(4, 11) + _number(14, metric.value)
            case int():
                body += _number(4, 8) + _number(11, metric.value)
            case str():
                body += _number(4, 12) + _counted(15, metric.value.encode())
        out += _counted(2, body)
    return out if data.seq is None else out + _number(3, data.seq)


def _number(field_: int, value: int) -> bytes:
    return _encoded(field_ << 3) + _encoded(value)


def _counted(field_: int, value: bytes) -> bytes:
    return _encoded(field_ << 3 | _BYTES) + _encoded(len(value)) + value


def _encoded(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
