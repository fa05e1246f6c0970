"""Every row of FORMATS against its folder of cases: one record in, one line of expected.jsonl out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collectors.base import Message
from collectors.formats import FORMATS
from collectors.formats.kiosk_json import DeviceRow, SiteRow
from telemetry.events import MISSING

HERE = Path(__file__).parent
CASES = [pytest.param(f, c, id=f"{f}-{c.name}") for f in FORMATS for c in sorted((HERE / f).glob("*/"))]


def context(format_):
    path = HERE / format_ / "context.json"
    return json.loads(path.read_text()) if path.exists() else {}


def decoder(format_):
    """A decoder for the folder's site and source, or for the sites of its context.json."""
    row = FORMATS[format_]
    if row.records == "lines":
        return row.make(site="nonthaburi", source="pbx")
    return row.make(
        sites={
            site: SiteRow({d: DeviceRow(**facts) for d, facts in it["devices"].items()}, frozenset(it["units"]))
            for site, it in context(format_)["sites"].items()
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
    return [Message(row["topic"], p, row.get("retained", False)) for row, p in zip(rows, payloads, strict=True)]


def shown(got):
    """What became of one record, as expected.jsonl writes it."""
    for event in got.events:
        return {k: v for k, v in (event._asdict() | {"caller": event.caller or ""}).items() if v not in ("", MISSING)}
    for no in got.rejected:
        return {"rejected": no.reason, "detail": no.detail} | ({"source": no.source} if no.source else {})
    return {"ignored": got.ignored}


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_has_a_folder_of_cases(format_):
    assert any((HERE / format_).glob("*/input.*")), f"tests/formats/{format_}/<case>/input.* is missing"


@pytest.mark.parametrize(("format_", "case"), CASES)
def test_every_record_of_a_case_becomes_what_is_written_beside_it(format_, case):
    at_work = decoder(format_)
    got = [shown(at_work.feed([record], context(format_).get("received_us", 0))) for record in records(case)]
    assert got == [json.loads(line) for line in (case / "expected.jsonl").read_text().splitlines()]
