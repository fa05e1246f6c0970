"""Asterisk as cdr_csv writes Master.csv, all 21 columns: one record a telephone that rang, when the caller has gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from itertools import count

from telemetry.simulate.makes import Call, Written


def written(calls: Sequence[Call], zone: tzinfo) -> list[Written]:
    """The records of these calls, in the order in which they ended."""
    numbers, sequence = count(500_000), count(1)
    calls = sorted(calls, key=lambda call: call.end_us)
    return [
        Written(call.end_us, record)
        for call in calls
        for record in _records(call, numbers, sequence, zone)
    ]  # fmt: skip


def _records(call: Call, numbers: Iterator[int], sequence: Iterator[int], zone: tzinfo) -> Iterator[bytes]:
    """The dialplan answers at once and queues the caller. What ends a queue but the caller leaves a record of its own."""
    caller = f"PJSIP/trunk-{next(numbers):08x}"
    queue = f"{call.queue},c,,,600"
    start_us = call.arrival_us

    def record(app: str, data: str, leg: str, end_us: int, disposition: str) -> bytes:
        start, end = (_local(us, zone) for us in (start_us, end_us))
        seconds = str((end_us - start_us) // 1_000_000)
        texts = [
            "",
            call.number,
            call.did,
            "from-trunk",
            f'"" <{call.number}>',
            caller,
            leg,
            app,
            data,
            start,
            start,
            end,
        ]
        quoted = [_quoted(text) for text in texts]
        tail = [_quoted(text) for text in (disposition, "DOCUMENTATION", call.id, "", "", call.id)]
        return (",".join([*quoted, seconds, seconds, *tail, str(next(sequence))]) + "\n").encode()

    for attempt in call.attempts:
        end_us = call.end_us if attempt.answered else attempt.until_us
        leg = f"PJSIP/{attempt.extension}-{next(numbers):08x}"
        yield record("Queue", queue, leg, end_us, "ANSWERED" if attempt.answered else "NO ANSWER")
        start_us = end_us
    if call.outcome == "abandoned":
        yield record("Queue", queue, "", call.end_us, "ANSWERED")
    elif call.outcome != "answered" or call.ended_by == "agent":
        yield record("Hangup", "", "", call.end_us, "ANSWERED")


def _local(us: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(us // 1_000_000, zone).strftime("%Y-%m-%d %H:%M:%S")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
