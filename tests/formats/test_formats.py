"""Every row of FORMATS against its folder of cases: one record in, one line of expected.jsonl out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collectors.base import Message
from collectors.formats import FORMATS
from collectors.formats.kiosk_json import DeviceRow, SiteRow
from collectors.formats.options import Options
from telemetry.events import MISSING
from tests.formats.mqtt_properties import properties

HERE = Path(__file__).parent
CASES = [pytest.param(f, c, id=f"{f}-{c.name}") for f in FORMATS for c in sorted((HERE / f).glob("*/"))]
# A case is a folder of input.*, expected.jsonl and, where the format needs settings, context.json: {"options": {…}}.


def context(folder):
    path = folder / "context.json"
    return json.loads(path.read_text()) if path.exists() else {}


def decoder(format_, case):
    """A decoder with the options of the case's context.json, or for the sites of the format's."""
    row = FORMATS[format_]
    if row.records != "messages":
        given = context(case).get("options", {})
        return row.make(site="nonthaburi", source="pbx", options=Options(**given))
    return row.make(
        sites={
            site: SiteRow({d: DeviceRow(**facts) for d, facts in it["devices"].items()}, frozenset(it["units"]))
            for site, it in context(HERE / format_)["sites"].items()
        }
    )


def records(case):
    """Lines of the case's file, or the messages that its input.jsonl describes."""
    (path,) = case.glob("input.*")
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b"", f"{path} does not end with a line end"
    if path.suffix != ".jsonl":
        return lines
    rows = [json.loads(line) for line in lines]
    payloads = [bytes.fromhex(row["payload_hex"]) if "payload_hex" in row else row["payload"].encode() for row in rows]
    return [
        Message(row["topic"], p, row.get("retained", False), properties(row), row.get("dup", False))
        for row, p in zip(rows, payloads, strict=True)
    ]


def times_us(case, start_us):
    """When each record came: all at once, but for messages that say how many seconds after the first."""
    path = case / "input.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [start_us + round(json.loads(line).get("after_s", 0) * 1e6) for line in lines]


def shown(got):
    """What became of one record, as expected.jsonl writes it: an event, an array of several, or why there is none."""
    events = [
        {k: v for k, v in (event._asdict() | {"caller": event.caller or ""}).items() if v not in ("", MISSING)}
        for event in got.events
    ]
    if events:
        return events[0] if len(events) == 1 else events
    for no in got.rejected:
        return {"rejected": no.reason, "detail": no.detail} | ({"source": no.source} if no.source else {})
    return {"ignored": got.ignored}


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_has_a_folder_of_cases(format_):
    assert any((HERE / format_).glob("*/input.*")), f"tests/formats/{format_}/<case>/input.* is missing"


@pytest.mark.parametrize(("format_", "case"), CASES)
def test_every_record_of_a_case_becomes_what_is_written_beside_it(format_, case):
    at_work = decoder(format_, case)
    received_us = (context(HERE / format_) | context(case)).get("received_us", 0)
    given = records(case)
    when = times_us(case, received_us) or [received_us] * len(given)
    got = [shown(at_work.feed([record], us)) for record, us in zip(given, when, strict=True)]
    assert got == [json.loads(line) for line in (case / "expected.jsonl").read_text().splitlines()]
