"""FreeSWITCH as mod_cdr_csv writes both legs of calls by its `example` template: telephones' rows, then the caller's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from telemetry.simulate.makes import Call, Written
from telemetry.simulate.makes.freeswitch_json_cdr import leg_uuid


def written(calls: Sequence[Call], zone: tzinfo) -> list[Written]:
    """The rows of these calls with `legs` = ab, each when its leg ends, by the clock of the PBX."""
    out = [one for call in calls for one in _legs(call, zone)]
    return sorted(out, key=lambda one: one.time_us)


def _legs(call: Call, zone: tzinfo) -> list[Written]:
    out = []
    bleg = ""
    for n, attempt in enumerate(call.attempts):
        uuid = leg_uuid(call.id, str(n))
        gone = not attempt.answered and attempt.until_us >= call.end_us
        end_us = call.end_us if attempt.answered else attempt.until_us
        answer_us = attempt.until_us if attempt.answered else 0
        cause = "NORMAL_CLEARING" if attempt.answered else "ORIGINATOR_CANCEL" if gone else "NO_ANSWER"
        to = attempt.extension
        out.append(_row(call, zone, to, (attempt.from_us, answer_us, end_us), cause, uuid, "", to))
        bleg = uuid if attempt.answered else bleg
    times = (call.arrival_us, call.arrival_us, call.end_us)  # the queue answers at once
    return [*out, _row(call, zone, call.queue, times, "NORMAL_CLEARING", leg_uuid(call.id), bleg, "")]


def _row(call: Call, zone: tzinfo, to: str, times: tuple[int, int, int], cause: str, uuid: str, bleg: str, account: str) -> Written:  # fmt: skip
    start_us, answer_us, end_us = times
    start, answer, end = (f"{datetime.fromtimestamp(us / 1e6, zone):%Y-%m-%d %H:%M:%S}" if us else "" for us in times)
    duration = (end_us - start_us) // 1_000_000
    billsec = (end_us - answer_us) // 1_000_000 if answer_us else 0
    number = call.number or "anonymous"
    cells = (
        "", number, to, "default", start, answer, end, duration, billsec, cause, uuid, bleg, account, "PCMA", "PCMA",
    )  # fmt: skip
    return Written(end_us, ",".join(f'"{cell}"' for cell in cells).encode() + b"\n")
