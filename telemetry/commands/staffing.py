"""`gecc staffing`: who is needed when, as a table that a manager reads, or as JSON."""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from telemetry.commands.common import settings_of
from telemetry.config import Site
from telemetry.hours import DAYS
from telemetry.journal_reader import JournalReader
from telemetry.staffing import staffing as needs_of
from telemetry.staffing import what_if
from telemetry.staffing_view import report
from telemetry.text import words

MARKS = {"closed": "–", "insufficient_data": "?", "no_target": "?", "beyond": "!"}

Words = Mapping[str, str]


def staffing(args: Namespace) -> int:
    """gecc staffing"""
    change = what_if(args.what_if) if args.what_if else None
    settings, site = settings_of(args)
    now_us = time.time_ns() // 1000
    needs = needs_of(JournalReader(settings.data), site, now_us=now_us, unit=args.unit, weeks=args.weeks)
    told = report(needs, site, args.lang, change)
    if args.json:
        json.dump(told, sys.stdout, ensure_ascii=False, indent=1)
        print()
    else:
        print(*as_text(told, site, args.lang), sep="\n")
    return 0


def as_text(told: dict[str, Any], site: Site, lang: str) -> Iterator[str]:
    """The report for people, line by line."""
    w = words(lang, "staffing")
    name = site.name_th if lang == "th" else site.name_en
    yield w["title"].format(site=name or site.id)
    if not told["hours_declared"]:
        yield w["always_open"]
    if not told["units"]:
        yield w["no_data"]
    for unit in told["units"]:
        yield ""
        yield from _unit(unit, told, w, lang)
    if told["what_if"]:
        yield ""
        yield w["what_if"]
        for row in told["what_if"]:
            yield from _asked(row, w, lang)
    yield ""
    yield w["method"]
    yield from (f"  {sentence}" for sentence in told["method"])


def _unit(unit: dict[str, Any], told: dict[str, Any], w: Words, lang: str) -> Iterator[str]:
    least = told["least_n"]
    first, last = (datetime.fromisoformat(unit[edge]).date() for edge in ("from", "to"))
    dates = {"from": _date(first, lang), "to": _date(last - timedelta(days=1), lang)}
    yield f"{unit['unit'] or w['hall']}   " + w["period"].format(
        **dates, days=unit["days"], n=f"{unit['n']:,}", what=w[unit["kind"]]
    )
    if unit["silent_days"]:
        yield "  " + w["silent"].format(n=unit["silent_days"])
    yield "  " + _goal(unit, w, lang)
    for what in ("handle", "patience"):
        seconds, n = unit[f"{what}_seconds"], unit[f"{what}_n"]
        if what == "patience" and unit["kind"] == "tickets":
            yield "  " + w["patience_none"]
        elif seconds is None:
            yield "  " + w[f"{what}_few"].format(n=n, least=least)
        else:
            yield "  " + w[what].format(s=f"{seconds:,.0f}", n=f"{n:,}")
    if unit["goal"]:
        yield from _week(unit, told, w)
    yield from _forecast(unit, w, lang)


def _goal(unit: dict[str, Any], w: Words, lang: str) -> str:
    goal = unit["goal"]
    if goal is None:
        return w["no_goal"]
    limit = goal["within_seconds"] / (60 if unit["kind"] == "tickets" else 1)
    return w[f"goal_{unit['kind']}"].format(share=_share(goal["share"], lang), limit=f"{limit:g}")


def _week(unit: dict[str, Any], told: dict[str, Any], w: Words) -> Iterator[str]:
    """Half-hours down, days across; from the first to the last half-hour in which anybody came."""
    by_time: dict[str, dict[str, dict[str, Any]]] = {}
    for slot in unit["slots"]:
        by_time.setdefault(slot["time"], {})[slot["day"]] = slot
    times = sorted(by_time)
    came = [t for t in times if any(slot["n"] for slot in by_time[t].values())]
    if not any(slot["state"] not in ("closed", "insufficient_data") for slot in unit["slots"]):
        yield "  " + w["all_few"].format(days=told["least_days"], n=told["least_n"])
        return
    if not told["hours_declared"]:
        times = [t for t in times if came[0] <= t <= came[-1]]
    known = any(slot["present"] is not None for slot in unit["slots"])
    yield "  " + w["needed" if known else "needed_only"].format(who=_who(unit["kind"], w))
    yield "  " + _row(w["time"], w["days"].split("|"))
    for t in times:
        yield "  " + _row(t, [_cell(by_time[t].get(day)) for day in DAYS])
    yield "  " + w["marks"]


def _row(head: str, cells: list[str]) -> str:
    return f"{head:6}" + "".join(f"{cell:>11}" for cell in cells)


def _cell(slot: dict[str, Any] | None) -> str:
    if slot is None:
        return MARKS["closed"]
    needed = MARKS.get(slot["state"], str(slot["needed"]))
    return needed if slot["present"] is None else f"{needed} ({slot['present']:.1f})"


def _forecast(unit: dict[str, Any], w: Words, lang: str) -> Iterator[str]:
    told = unit["forecast"]
    if told["method"] == "none":
        yield "  " + w["forecast_few"].format(weeks=told["weeks_of_data"])
        return
    yield "  " + w["forecast"].format(what=w[unit["kind"]], who=_who(unit["kind"], w))
    for day in told["days"]:
        when = date.fromisoformat(day["date"])
        most = w["few"]
        if day["most_needed"] is not None:
            most = w["most"].format(n=day["most_needed"], time=day["at"])
        arrivals = {"n": w["few"], "low": "?", "high": "?"}
        if day["arrivals"] is not None:
            arrivals = {"n": f"{day['arrivals']:,.0f}", "low": f"{day['low']:,.0f}", "high": f"{day['high']:,.0f}"}
        place = f"{w['days'].split('|')[when.weekday()]} {_date(when, lang)}"
        yield "    " + w["day_row"].format(day=f"{place:18}", needed=most if unit["goal"] else "", **arrivals).rstrip()
    test = told["back_test"]
    yield "  " + w["back_test"].format(origins=test["origins"], n=f"{test['n']:,}", **_errors(test["level"]))
    yield "  " + w["back_test_naive"].format(**_errors(test["naive"]))
    yield "  " + w["is_better" if told["method"] == "level" else "is_naive"]


def _asked(row: dict[str, Any], w: Words, lang: str) -> Iterator[str]:
    place = f"{w['days'].split('|')[DAYS.index(row['day'])]} {row['time']} {row['unit'] or w['hall']}"
    if row["now"] is None:
        why = w["no_goal"] if row["state"] == "no_target" else f"{w['few']} (n={row['n']:,})"
        yield f"  {place}: {why}"
        return
    for name in ("now", "then"):
        met = row[name]
        if met["state"] == "overload":
            text = w["overload"]
        else:
            share = "?" if met["within"] is None else _share(met["within"], lang)
            gave_up = None if met["abandoned"] is None else _share(met["abandoned"], lang)
            text = w["met_endless" if gave_up is None else "met"].format(
                share=share, wait=f"{met['wait_seconds']:,.0f}", abandoned=gave_up
            )
        yield "  " + w["with_servers"].format(place=place, who=_who(row["kind"], w), n=met["servers"], met=text)
    yield f"    {w['base_' + row['compared_with']]} (n={row['n']:,})"


def _who(kind: str, w: Words) -> str:
    return w["agents" if kind == "calls" else "counters"]


def _share(share: float, lang: str) -> str:
    """In Thai the word for it stands before the number."""
    return f"{share * 100:.0f}" if lang == "th" else f"{share:.0%}"


def _errors(e: dict[str, Any]) -> dict[str, str]:
    return {name: "?" if e[name] is None else f"{e[name]:.2f}" for name in ("mae", "mase", "rmsse", "bias")}


def _date(day: date, lang: str) -> str:
    w = words(lang)
    year = day.year + int(w["year_offset"])
    return w["date_short"].format(day=day.day, month_short=w["months_short"].split("|")[day.month - 1], year=year)
