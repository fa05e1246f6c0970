"""The commissioning report that an integrator hands over and signs: plain text in Thai or English, or one JSON object."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from telemetry.commands.commissioning import WHOLE, Check, Commissioning, Moved, Trace
from telemetry.commands.common import VERSION
from telemetry.events import slots
from telemetry.text import words

Words = Mapping[str, str]


def said(lang: str) -> Words:
    """The words of the report, with those of the calendar."""
    return {**words(lang), **words(lang, "commission")}


def as_text(test: Commissioning, lang: str) -> Iterator[str]:
    """The report, line by line."""
    w, site = said(lang), test.site
    kind = "tickets" if test.type == "ticket.issued" else "presses"
    name = (site.name_th if lang == "th" else site.name_en) or site.id
    began, ended = (_moment(us, test, w) for us in (test.began_us, test.ended_us))
    yield w["title"]
    yield "=" * _width(w["title"])
    head = {
        "centre": f"{name} ({site.id})" if name != site.id else name,
        "device": f"{test.device.id} ({test.device.kind}, {test.device.convention}; {test.topic})",
        "period": f"{began} – {ended} ({site.timezone})",
        "version": f"gecc {VERSION}",
        "result": w["passed"] if test.passed else w["failed"],
    }
    yield from _table([[f"{w[key]}:", text] for key, text in head.items()])
    yield f"\n{w[kind]}"
    columns: tuple[str, ...] = (
        "number",
        "ticket" if kind == "tickets" else "score",
        "service",
        "printed",
        "received",
        "offset",
        "event",
    )
    columns += ("called", "finished") if kind == "tickets" else ()
    rows = [_cells(n, trace, test, w) for n, trace in enumerate(test.traces, 1)]
    yield from _table([[w[c] for c in (*columns, "counts_in")], *rows]) if rows else [f"  {w['nothing']}"]
    yield f"\n{w[f'figures_{kind}']}"
    header = [w[key] for key in ("place", "of", "before", "after", "difference", "expected")]
    yield from _table([header, *(_figure(m, w) for m in test.moved())])
    yield f"\n{w['checks']}"
    yield from (f"  [{'x' if check.passed else ' '}] {sentence(check, w)}" for check in test.checks())
    if remarks := test.remarks():
        yield f"\n{w['remarks']}"
        yield from (f"  - {w[key].format(**values)}" for key, values in remarks)
    if test.refused:
        yield f"\n{w['refused']}"
        for r in test.refused:
            whose = w["refused_of_device" if r.own else "refused_of_nobody"]
            yield f"  {r.n} × {whose}: {w[f'reason_{r.reason}']} ({r.reason})"
            yield f"      {r.detail}"
    yield f"\n\n{w['signed']}"


def as_json(test: Commissioning, lang: str) -> dict[str, Any]:
    """The same for programs; times are ISO 8601 in the site's zone."""
    w = said(lang)
    offset_us = test.clock_offset_us
    return {
        "site": test.site.id,
        "device": test.device.id,
        "kind": test.device.kind,
        "convention": test.device.convention,
        "topic": test.topic,
        "version": VERSION,
        "from": _iso(test.began_us, test),
        "to": _iso(test.ended_us, test),
        "passed": test.passed,
        "count": test.count,
        "tests": [_as_row(n, trace, test) for n, trace in enumerate(test.traces, 1)],
        "figure": test.kpi,
        "figures": [
            {
                "place": m.place,
                "unit": None if m.of == WHOLE else m.of,
                "before": m.before,
                "after": m.after,
                "difference": m.difference,
                "expected": m.expected,
            }
            for m in test.moved()
        ],
        "checks": [{"name": c.name, "passed": c.passed, "says": sentence(c, w)} for c in test.checks()],
        "remarks": [{"name": key, "says": w[key].format(**values)} for key, values in test.remarks()],
        "refused": [{"own": r.own, "reason": r.reason, "detail": r.detail, "n": r.n} for r in test.refused],
        "repeated": test.repeated,
        "dropped": dict(test.dropped),
        "clock_offset_s": None if offset_us is None else offset_us / 1e6,
    }


def sentence(check: Check, w: Words) -> str:
    """A check in plain words."""
    values = dict(check.values)
    if check.name == "figures":
        wrong: Sequence[Moved] = values.pop("wrong")
        place = values["place"] = w.get(values["place"], values["place"])
        texts = [
            w["which_figure"].format(of=_of(m, w), got=_number(m.difference, w, sign=True), expected=f"+{m.expected}")
            for m in wrong
        ]
        values = {"place": place, "which": ", ".join(texts)}
    state = check.state or ("ok" if check.passed else "failed")
    return w[f"check_{check.name}_{state}"].format(**values)


def _as_row(n: int, trace: Trace, test: Commissioning) -> dict[str, Any]:
    event, (begin, end) = trace.event, trace.quarter(test.zone)
    named = {"ticket": event.contact} if event.contact else {"counter": event.party}
    return {
        "n": n,
        **named,
        **slots(event),
        "service": event.unit,
        "device_time": _iso(event.time_us, test) if trace.has_time else None,
        "received": _iso(trace.received_us, test),
        "received_after_s": trace.offset_us / 1e6 if trace.has_time else None,
        "offset": trace.seq,
        "event_id": event.id,
        "called": None if trace.called_us is None else _iso(trace.called_us, test),
        "finished": None if trace.finished_us is None else _iso(trace.finished_us, test),
        "missed": trace.missed,
        "counts_in": [begin.isoformat(), end.isoformat()],
    }


def _cells(n: int, trace: Trace, test: Commissioning, w: Words) -> list[str]:
    event, (begin, end) = trace.event, trace.quarter(test.zone)
    what = event.contact or f"{event.a}/{event.b}"
    when = _moment(event.time_us, test, w) if trace.has_time else "-"
    after = w["seconds"].format(n=f"{trace.offset_us / 1e6:.1f}") if trace.has_time else "-"
    ends = [
        "-" if trace.called_us is None else _clock(trace.called_us, test, w),
        "-" if trace.finished_us is None else _clock(trace.finished_us, test, w),
    ]
    if trace.missed and trace.finished_us is None:
        ends[1] = w["missed"]
    hour = w["period_clock"]
    span = [hour.format(h=f"{t:%H}", m=f"{t:%M}") for t in (begin, end)]
    counts_in = w["period_day"].format(**{"from": span[0], "to": span[1]})
    row = [str(n), what, event.unit or "-", when, after, str(trace.seq), event.id]
    return [*row, *(ends if event.type == "ticket.issued" else ()), counts_in]


def _figure(m: Moved, w: Words) -> list[str]:
    place = w.get(m.place, m.place)
    numbers = [_number(m.before, w), _number(m.after, w), _number(m.difference, w, sign=True)]
    return [place, _of(m, w), *numbers, f"+{m.expected}"]


def _of(m: Moved, w: Words) -> str:
    return w["whole_site"] if m.of == WHOLE else m.of or w["no_unit"]


def _number(value: float | None, w: Words, *, sign: bool = False) -> str:
    if value is None:
        return w["not_said"]
    return f"{value:+.0f}" if sign else f"{value:.0f}"


def _local(us: int, test: Commissioning) -> datetime:
    return datetime.fromtimestamp(us // 1_000_000, test.zone)


def _iso(us: int, test: Commissioning) -> str:
    return _local(us, test).isoformat()


def _clock(us: int, test: Commissioning, w: Words) -> str:
    t = _local(us, test)
    return w["clock_seconds"].format(h=f"{t:%H}", m=f"{t:%M}", s=f"{t:%S}")


def _moment(us: int, test: Commissioning, w: Words) -> str:
    t = _local(us, test)
    month = w["months_short"].split("|")[t.month - 1]
    day = w["date_short"].format(day=t.day, month_short=month, year=t.year + int(w["year_offset"]))
    return f"{day} {_clock(us, test, w)}"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        yield "  " + "  ".join(cells).rstrip()


def _width(text: str) -> int:
    """Columns that a text takes: the vowels and tones above and below Thai letters take none."""
    return sum(unicodedata.category(sign) not in ("Mn", "Cf") for sign in text)
