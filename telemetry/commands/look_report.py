"""What `gecc check-source` prints: plain text for the integrator, or one JSON object."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from kpis.calls import stints
from kpis.columns import MISSING
from kpis.model import Facts
from kpis.results import facts_of
from telemetry.commands.looking import Seen
from telemetry.config import Site
from telemetry.events import EVENT_TYPES, slots
from telemetry.in_memory import Names, columns_of
from telemetry.rules import rules_of, zones_of

FIRST_CONTACTS = 10
_OUTCOMES = {stints.OPEN: "waiting", stints.ANSWERED: "answered", stints.CENSORED: "end unknown"} | {
    row.code: name.removeprefix("call.").replace("_", " ") for name, row in EVENT_TYPES.items() if 57 <= row.code <= 66
}


def as_text(seen: Seen, site: Site, where: str, most_rejects: int) -> Iterator[str]:
    """The report, line by line."""
    yield f"{where}: this looks like {seen.what} ({seen.sure:.0%} of the first records have its form)"
    for other in seen.others:
        yield f"  it could also be {other}"
    yield f"records {seen.records}, events {len(seen.events)}, ignored {seen.ignored}, rejects {len(seen.rejected)}"
    if seen.events:
        zone = ZoneInfo(site.timezone)
        first, last = (f(e.time_us for e in seen.events) for f in (min, max))
        yield f"from {_local(first, zone)} to {_local(last, zone)} ({site.timezone})"
    yield from (f"note: {note}" for note in seen.notes)
    rows = contacts(seen, site)
    if rows:
        yield ""
        yield "First contacts"
        yield from _table(rows)
    if seen.rejected:
        yield ""
        yield "What cannot be read"
        for number, r in seen.rejected[:most_rejects]:
            yield f"  record {number}: {r.reason}: {r.detail}"
        if len(seen.rejected) > most_rejects:
            yield f"  and {len(seen.rejected) - most_rejects} more; --rejects N shows more"
    yield ""
    yield "Settings to paste under the centre's [[sites]]"
    yield from (f"  {line}" for line in settings_toml(seen))


def as_json(seen: Seen, site: Site, where: str) -> dict[str, Any]:
    """The same for programs."""
    return {
        "source": where,
        "what": seen.what,
        "sure": round(seen.sure, 3),
        "others": seen.others,
        "records": seen.records,
        "events": len(seen.events),
        "ignored": seen.ignored,
        "notes": seen.notes,
        "settings": seen.settings,
        "contacts": contacts(seen, site),
        "rejected": [{"record": n, "reason": r.reason, "detail": r.detail} for n, r in seen.rejected],
    }


def contacts(seen: Seen, site: Site) -> list[dict[str, Any]]:
    """The first calls as the core rebuilds them, or the first events where there are no calls."""
    names = Names()
    names.code(site.id)
    once = {(e.source, e.id): e for e in reversed(seen.events)}  # as the journal would keep them
    cols = columns_of(list(reversed(once.values())), names)
    facts = facts_of(cols, rules_of([site], names.code), zones_of([site], names.code))
    zone = ZoneInfo(site.timezone)
    calls = facts["calls"]
    if len(calls.arrival_us):
        first = np.argsort(calls.arrival_us, kind="stable")[:FIRST_CONTACTS]
        return [_call(calls, int(i), names, zone) for i in first]
    return [
        {"time": _local(e.time_us, zone), "event": e.type, "unit": e.unit, "contact": e.contact, **slots(e)}
        for e in seen.events[:FIRST_CONTACTS]
    ]


def _call(calls: Facts, i: int, names: Names, zone: ZoneInfo) -> dict[str, Any]:
    def seconds(measure: str, known: str) -> float | None:
        return float(calls.counts[measure][i]) / 1000 if calls.counts[known][i] else None

    return {
        "arrival": _local(int(calls.arrival_us[i]), zone),
        "unit": names.texts[int(calls.unit[i])],
        "outcome": _OUTCOMES.get(int(calls.state["outcome"][i]), "?"),
        "wait_s": None if (wait_ms := int(calls.state["wait_ms"][i])) == MISSING else wait_ms / 1000,
        "ring_s": seconds("ring_ms", "calls_ring_known"),
        "talk_s": seconds("talk_ms", "answered_talk_known"),
        "caller": "withheld" if calls.state["caller"][i] == 0 else "known",
    }


def settings_toml(seen: Seen) -> list[str]:
    """A `[[sites.sources]]` to paste."""
    out = ["[[sites.sources]]", 'id = "pbx"']
    out += [f"{key} = {_toml(value)}" for key, value in sorted(seen.settings.items(), key=lambda kv: kv[0] != "format")]
    return [*out, "# and how it comes: tail, folder, connect, listen, ami or http = true"]


def _toml(value: Any) -> str:
    if isinstance(value, dict) and value:
        return "{ " + ", ".join(f"{json.dumps(k, ensure_ascii=False)} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _local(time_us: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    keys = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[_cell(row.get(key)) for key in keys] for row in rows]
    widths = [max(map(len, column)) for column in zip(keys, *cells, strict=True)]
    for line in [keys, *cells]:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _cell(value: Any) -> str:
    if value is None or value == MISSING:
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
