"""The page of devices and data sources: the state of each, what is wrong with it, and what to do. Trouble stands first."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlencode

from telemetry.web.layout import page
from telemetry.web.screen_words import Say
from telemetry.web.service import SiteInfo, SourceRow

BROKER = "mqtt"
_LOGS = ("log", "mqtt")
RIGHT_MS = 1000
"""A clock that is off by less is right."""
_ORDER = ("offline", "rejected", "clock", "silent", "missing", "unknown")
"""Troubles, the worst first."""
_BADGES = {"online": "met", "offline": "not_met", "silent": "insufficient_data", "unknown": "none"}
_PATHS = {
    "online": "M4 12.5l5.2 5.3L20 6.5", "offline": "M5.5 5.5l13 13M18.5 5.5l-13 13", "silent": "M5 12h.01M12 12h.01M19 12h.01",
    "unknown": "M6 12h12",
}  # fmt: skip


def troubles(row: SourceRow) -> list[str]:
    """What is wrong with a device or source, the worst first; nothing where all is well."""
    there = {
        row["state"]: row["state"] != "online",
        "rejected": any(row["rejected"].values()),
        "clock": row["clock_flagged"],
        "missing": bool(row["sequence_missing"]),
    }
    return [name for name in _ORDER if there.get(name)]


def sources_page(
    site: SiteInfo, lang: str, rows: Sequence[SourceRow], problems: Mapping[str, str], *, now_ms: int, version: str
) -> str:
    """The page. `problems` are the reasons why sources, or the broker `mqtt`, are not connected; `version` names this version
    of the pages and their scripts."""
    say = Say(lang, site)
    w = say.words
    ordered = sorted(rows, key=_worst)
    bad = sum(bool(troubles(row)) for row in rows)
    summary = w["sources_none"]
    if rows:
        summary = (
            w["sources_trouble"].format(n=bad, all=len(rows)) if bad else w["sources_all_well"].format(n=len(rows))
        )
    cards = "".join(_card(row, say, now_ms, problems) for row in ordered)
    devices = any(row["kind"] not in _LOGS for row in rows)
    lost = BROKER in problems and devices
    broker = (
        f'<p class="problem" role="alert">{_e(w["sources_broker"])} {_reason(problems[BROKER], say)}</p>'
        if lost
        else ""
    )
    body = (
        f'<div id="live"><p class="as-of">{_e(w["as_of"].format(time=say.clock(now_ms)))}</p>'
        f'<p class="summary {"trouble" if bad else "well"}" aria-live="polite">{_e(summary)}</p>{broker}'
        f'<p class="dim">{_e(w["sources_intro"])}</p><ul class="cards sources">{cards}</ul></div>'
        f'<p id="lost" class="lost" role="alert" hidden>{_e(w["connection_lost"])}</p>'
    )
    return page(
        site=site, lang=lang, here="sources", title=w["sources_title"], body=body, styles=("pages.css", "screens.css"),
        scripts=("live.js",), data={"stream": f"v1/changes?{urlencode({'site': site.id})}", "page": version, "least": "5"},
    )  # fmt: skip


def _worst(row: SourceRow) -> tuple[int, str]:
    found = troubles(row)
    return (_ORDER.index(found[0]) if found else len(_ORDER)), row["id"]


def _reason(problem: str, say: Say) -> str:
    """As its collector said it, which is in English."""
    return f'<span class="dim">({_e(say.words["sources_problem"])}: <span lang="en">{_e(problem)}</span>)</span>'


def _card(row: SourceRow, say: Say, now_ms: int, problems: Mapping[str, str]) -> str:
    w, found = say.words, troubles(row)
    facts = "".join(f"<div><dt>{_e(name)}</dt><dd>{value}</dd></div>" for name, value in _facts(row, say, now_ms))
    state = (
        f'<p class="verdict {_BADGES[row["state"]]}"><svg class="mark" viewBox="0 0 24 24" aria-hidden="true">'
        f'<path d="{_PATHS[row["state"]]}"/></svg>{_e(w["state_" + row["state"]])}</p>'
    )
    if row["clock_flagged"]:
        state += f' <p class="verdict not_met">{_e(w["sources_clock_flagged"])}</p>'
    problem = problems.get(row["id"]) if row["state"] == "offline" else None
    state += f"<p>{_reason(problem, say)}</p>" if problem else ""
    todo = "".join(f"<li>{_e(text)}</li>" for text in _todo(row, found, say, broker=BROKER not in problems))
    speaks = " · ".join(x for x in (w["kind_" + row["kind"]], row["convention"], row["format"]) if x)
    return (
        f'<li class="panel source {"trouble" if found else "well"}" data-key="{_e(row["id"])}">'
        f'<h2><bdi>{_e(row["id"])}</bdi></h2><p class="dim">{_e(speaks)}</p>{state}<dl class="facts">{facts}</dl>'
        f'<h3>{_e(w["sources_what"])}</h3><ul class="todo">{todo}</ul></li>'
    )


def _facts(row: SourceRow, say: Say, now_ms: int) -> Iterator[tuple[str, str]]:
    """Headings and HTML."""
    w = say.words
    last = row["last_event_ms"]
    yield w["sources_last"], _e(w["sources_never"] if last is None else say.when(last, now_ms))
    if row["lag_s"] is not None:
        yield w["sources_lag"], _e(say.age(row["lag_s"] * 1000))
    if row["delay_s"] is not None:
        yield w["sources_delay"], _e(say.age(max(0.0, row["delay_s"]) * 1000))
    if row["since_ms"] is not None:
        yield w["sources_state"], _e(w["sources_since"].format(age=say.age(now_ms - row["since_ms"])))
    yield w["sources_received"], f"{row['received']:,}"
    if row["sequence_missing"] is not None:
        yield w["sources_missing"], f"{row['sequence_missing']:,}"
    if row["clock_offset_ms"] is not None:
        yield w["sources_clock"], _e(_clock(row["clock_offset_ms"], say))
    n = sum(row["rejected"].values())
    yield w["sources_rejected"], f"{n:,}" + _reasons(row, say)
    if row["dropped"] is not None:
        yield w["sources_dropped"], _e(w["sources_dropped_words"].format(**row["dropped"]))


def _clock(offset_ms: int, say: Say) -> str:
    """Receipt minus the device's own time: positive where its clock is slow."""
    if abs(offset_ms) < RIGHT_MS:
        return say.words["sources_clock_right"]
    return say.words["sources_clock_slow" if offset_ms > 0 else "sources_clock_fast"].format(
        age=say.age(abs(offset_ms))
    )


def _reasons(row: SourceRow, say: Say) -> str:
    rows = sorted(((n, reason) for reason, n in row["rejected"].items() if n), reverse=True)
    if not rows:
        return ""
    items = "".join(f"<li>{_e(say.words.get(f'reject_{reason}', reason))}: {n:,}</li>" for n, reason in rows)
    return f'<ul class="reasons">{items}</ul>'


def _todo(row: SourceRow, found: Sequence[str], say: Say, *, broker: bool) -> list[str]:
    """One sentence for each trouble; of a device only what helps while there is no broker."""
    what = "log" if row["kind"] in _LOGS else "device"
    keys = [f"todo_{name}_{what}" if name in {"offline", "silent", "unknown"} else f"todo_{name}" for name in found]
    if not broker and what == "device":
        keys = ["todo_offline_broker" if key == "todo_offline_device" else key for key in keys]
    return [say.words[key] for key in keys or ("todo_online",)]


def _e(text: str) -> str:
    return html.escape(text)
