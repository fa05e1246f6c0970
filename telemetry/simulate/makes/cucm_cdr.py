"""Cisco CUCM as it writes CDR files: names, types, then one record a leg; a transfer splits the first leg."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from telemetry.simulate.makes import Call, Written

_COLUMNS = {
    "cdrRecordType": "INTEGER",
    "globalCallID_callManagerId": "INTEGER",
    "globalCallID_callId": "INTEGER",
    "origLegCallIdentifier": "INTEGER",
    "dateTimeOrigination": "INTEGER",
    "origIpAddr": "INTEGER",
    "callingPartyNumber": "VARCHAR(50)",
    "origCause_value": "INTEGER",
    "destLegIdentifier": "INTEGER",
    "destIpAddr": "INTEGER",
    "originalCalledPartyNumber": "VARCHAR(50)",
    "finalCalledPartyNumber": "VARCHAR(50)",
    "destCause_value": "INTEGER",
    "dateTimeConnect": "INTEGER",
    "dateTimeDisconnect": "INTEGER",
    "lastRedirectDn": "VARCHAR(50)",
    "pkid": "UNIQUEIDENTIFIER",
    "duration": "INTEGER",
    "origDeviceName": "VARCHAR(129)",
    "destDeviceName": "VARCHAR(129)",
    "destCallTerminationOnBehalfOf": "INTEGER",
    "lastRedirectRedirectReason": "INTEGER",
    "globalCallId_ClusterID": "VARCHAR(50)",
    "joinOnBehalfOf": "INTEGER",
    "huntPilotDN": "VARCHAR(50)",
    "wasCallQueued": "INTEGER",
    "totalWaitTimeInQueue": "INTEGER",
}
_REASONS = {"timed_out": 850, "no_agent": 818}
_SPLIT, _TRANSFER = 393216, 10


def written(calls: Sequence[Call], zone: tzinfo) -> list[Written]:  # noqa: ARG001 (it writes seconds since 1970)
    """One file of these calls. A caller who chose another way by key is one who hung up: CUCM knows no keys."""
    calls = sorted(calls, key=lambda call: call.end_us)
    first_us = calls[0].end_us if calls else 0
    head = [",".join(f'"{name}"' for name in _COLUMNS), ",".join(_COLUMNS.values())]
    out = [Written(first_us, f"{line}\n".encode()) for line in head]
    for call in calls:
        number = call.serial
        out += _legs(call, number)
    return out


def _legs(call: Call, number: int) -> list[Written]:
    answered = next((a for a in call.attempts if a.answered), None) if call.outcome == "answered" else None
    begin, end = call.arrival_us // 1_000_000, call.end_us // 1_000_000
    connect = call.answer_us // 1_000_000 if answered else 0
    by_agent = call.ended_by == "agent"
    row = {
        "globalCallID_callId": number,
        "origLegCallIdentifier": number * 10,
        "dateTimeOrigination": begin,
        "callingPartyNumber": call.number,
        "origCause_value": 0 if by_agent else 16,
        "destLegIdentifier": number * 10 + 1,
        "originalCalledPartyNumber": call.queue,
        "finalCalledPartyNumber": answered.extension if answered else call.queue,
        "destCause_value": 16 if by_agent else 0,
        "dateTimeConnect": connect,
        "dateTimeDisconnect": end,
        "duration": end - connect if connect else 0,
        "destDeviceName": f"SEP{int(answered.extension):012d}" if answered else "",
        "lastRedirectRedirectReason": _REASONS.get(call.outcome, 0),
        "huntPilotDN": call.queue,
        "wasCallQueued": int(call.position > 1),
        "totalWaitTimeInQueue": (connect or end) - begin if call.position > 1 else 0,
    }
    if not (answered and call.transferred_to):
        return [_line(call.end_us, row)]
    split = {**row, "origCause_value": _SPLIT, "destCause_value": _SPLIT, "destCallTerminationOnBehalfOf": _TRANSFER}
    joined = {
        **row,
        "dateTimeOrigination": end,
        "dateTimeConnect": end,
        "dateTimeDisconnect": end + 60,
        "duration": 60,
        "destLegIdentifier": number * 10 + 3,
        "finalCalledPartyNumber": call.transferred_to,
        "lastRedirectDn": answered.extension,
        "joinOnBehalfOf": _TRANSFER,
        "huntPilotDN": "",
    }
    return [_line(call.end_us, split), _line(call.end_us + 60_000_000, joined)]


def _line(time_us: int, row: dict[str, object]) -> Written:
    usual = {
        "cdrRecordType": 1,
        "globalCallID_callManagerId": 2,
        "origIpAddr": -1139627840,  # 192.168.18.188, as Cisco writes it
        "origDeviceName": "Trunk_TOT",
        "globalCallId_ClusterID": "StandAloneCluster",
        "pkid": f"{time_us:032x}",
    }
    cells = []
    for name, type_ in _COLUMNS.items():
        value = row.get(name, usual.get(name, 0 if type_ == "INTEGER" else ""))
        cells.append(str(value) if type_ == "INTEGER" else f'"{value}"')
    return Written(time_us, (",".join(cells) + "\n").encode())
