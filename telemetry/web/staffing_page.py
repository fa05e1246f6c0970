"""The page of who is needed when: by half-hour of the week as charts and as a table, what one more or fewer would change,
who will come, and how that was worked out. It needs no script: the question is a form that is sent by GET."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from telemetry.text import words
from telemetry.web import svg
from telemetry.web.layout import page
from telemetry.web.screen_words import Say
from telemetry.web.service import SiteInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CELLS = {"closed": "–", "insufficient_data": "?", "no_target": "?", "beyond": "!"}
CHANGES = (-3, -2, -1, 1, 2, 3)
WEEKS = (1, 2, 4, 8, 13, 26)

Words = Mapping[str, str]
Told = Mapping[str, Any]


def staffing_page(
    site: SiteInfo, lang: str, told: Told | None, units: Sequence[tuple[str, str]], asked: Mapping[str, str], problem: str = ""
) -> str:  # fmt: skip
    """The page. `told` is `telemetry.staffing_view.report`, None where the question could not be answered: `problem` says why.
    `units` are ids and names to choose from, `asked` the arguments as they were given."""
    say = Say(lang, site)
    w, s = say.words, words(lang, "staffing")
    parts = [_form(site, say, s, units, asked)]
    if problem:
        parts.append(f'<p class="problem" role="alert">{_e(problem)}</p>')
    if told is not None:
        if not told["hours_declared"]:
            parts.append(f'<p class="note">{_e(s["always_open"])}</p>')
        if not told["units"]:
            parts.append(f'<p class="panel nothing">{_e(s["no_data"])}</p>')
        parts += [_what_if(told["what_if"], say, s, dict(units))] if told["what_if"] else []
        parts += [_unit(unit, told, say, s, dict(units), first=unit is told["units"][0]) for unit in told["units"]]
        method = "".join(f"<li>{_e(sentence)}</li>" for sentence in told["method"])
        parts.append(
            f'<section class="panel"><h2>{_e(w["staffing_method"])}</h2><ul class="method">{method}</ul></section>'
        )
    return page(
        site=site, lang=lang, here="staffing", title=w["staffing_title"], body="\n".join(parts),
        styles=("pages.css", "screens.css"), query={k: v for k, v in asked.items() if v},
    )  # fmt: skip


def question(day: str, time: str, change: str) -> str | None:
    """The what-if of the form's fields as one text, None where nothing is asked."""
    return f"{day} {time} {change}".strip() if change.strip() else None


# -- the question ------------------------------------------------------------------------------------------------------


def _form(site: SiteInfo, say: Say, s: Words, units: Sequence[tuple[str, str]], asked: Mapping[str, str]) -> str:
    w = say.words
    names = s["days"].split("|")
    times = [f"{h:02}:{m:02}" for h in range(24) for m in (0, 30)]
    fields = (
        _select("unit", w["staffing_unit"], [("", w["staffing_all"]), *units], asked.get("unit", "")),
        _select("weeks", w["staffing_weeks"], [(str(n), str(n)) for n in WEEKS], asked.get("weeks") or "4"),
        _select("day", w["staffing_day"], [("", w["staffing_every_day"]), *zip(DAYS, names, strict=True)], asked.get("day", "")),
        _select("time", w["staffing_time"], [(t, t) for t in times], asked.get("time") or "10:00"),
        _select(
            "change", w["staffing_change"],
            [("", w["staffing_nothing"]), *((f"{n:+}", f"{n:+}".replace("-", "−")) for n in CHANGES)], asked.get("change", ""),
        ),
    )  # fmt: skip
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{_e(value)}">'
        for name, value in (("site", site.id), ("lang", say.lang))
    )
    return (
        f'<form class="choose" method="get" action="staffing">{hidden}{"".join(fields)}'
        f"<button>{_e(w['staffing_show'])}</button></form>"
    )


def _select(name: str, label: str, options: Sequence[tuple[str, str]], chosen: str) -> str:
    known = options if any(value == chosen for value, _ in options) else [*options, (chosen, chosen)]
    rows = "".join(
        f'<option value="{_e(value)}"{" selected" if value == chosen else ""}>{_e(text)}</option>'
        for value, text in known
    )
    return f'<label>{_e(label)}<select name="{name}">{rows}</select></label>'


def _what_if(rows: Sequence[Told], say: Say, s: Words, names: Mapping[str, str]) -> str:
    out = []
    for row in rows:
        place = f"{s['days'].split('|')[DAYS.index(row['day'])]} {row['time']} · {_name(row['unit'], names, s)}"
        if row["now"] is None:
            why = s["no_goal"] if row["state"] == "no_target" else f"{s['few']} (n={row['n']:,})"
            out.append(f"<li><h3>{_e(place)}</h3><p>{_e(why)}</p></li>")
            continue
        texts = [
            s["with_servers"]
            .format(place="", who=s[_who(row)], n=row[k]["servers"], met=_met(row[k], say, s))
            .lstrip(" ,:")
            for k in ("now", "then")
        ]
        base = f"{s['base_' + row['compared_with']]} (n={row['n']:,})"
        lines = "".join(f"<p>{_e(text)}</p>" for text in texts)
        out.append(f'<li><h3>{_e(place)}</h3>{lines}<p class="dim">{_e(base)}</p></li>')
    return f'<section class="panel"><h2>{_e(s["what_if"])}</h2><ul class="cards what-if">{"".join(out)}</ul></section>'


def _met(met: Told, say: Say, s: Words) -> str:
    if met["state"] == "overload":
        return s["overload"]
    share = "?" if met["within"] is None else _share(met["within"], say)
    wait = f"{met['wait_seconds']:,.0f}"
    if met["abandoned"] is None:
        return s["met_endless"].format(share=share, wait=wait)
    return s["met"].format(share=share, wait=wait, abandoned=_share(met["abandoned"], say))


# -- what is known of one queue or service ------------------------------------------------------------------------------


def _unit(unit: Told, told: Told, say: Say, s: Words, names: Mapping[str, str], *, first: bool) -> str:
    """One that opens; the first is open from the start."""
    name = _name(unit["unit"], names, s)
    facts = "".join(f"<li>{_e(text)}</li>" for text in _facts(unit, told, say, s))
    week = _week(unit, told, say, s, name) if unit["goal"] else ""
    return (
        f'<details class="panel unit"{" open" if first else ""}><summary><h2>{_e(name)} · {_e(s[unit["kind"]])}</h2></summary>'
        f'<ul class="plain">{facts}</ul>{week}{_forecast(unit, say, s, name)}</details>'
    )


def _facts(unit: Told, told: Told, say: Say, s: Words) -> Iterator[str]:
    first, last = (datetime.fromisoformat(unit[edge]).date() for edge in ("from", "to"))
    dates = {"from": say.day(first), "to": say.day(last - timedelta(days=1))}
    yield s["period"].format(**dates, days=unit["days"], n=f"{unit['n']:,}", what=s[unit["kind"]])
    if unit["silent_days"]:
        yield s["silent"].format(n=unit["silent_days"])
    goal = unit["goal"]
    if goal is None:
        yield s["no_goal"]
    else:
        limit = goal["within_seconds"] / (60 if unit["kind"] == "tickets" else 1)
        yield s[f"goal_{unit['kind']}"].format(share=_share(goal["share"], say), limit=f"{limit:g}")
    for what in ("handle", "patience"):
        seconds, n = unit[f"{what}_seconds"], unit[f"{what}_n"]
        if what == "patience" and unit["kind"] == "tickets":
            yield s["patience_none"]
        elif seconds is None:
            yield s[f"{what}_few"].format(n=n, least=told["least_n"])
        else:
            yield s[what].format(s=f"{seconds:,.0f}", n=f"{n:,}")


def _week(unit: Told, told: Told, say: Say, s: Words, name: str) -> str:
    by_time: dict[str, dict[str, Told]] = {}
    for slot in unit["slots"]:
        by_time.setdefault(slot["time"], {})[slot["day"]] = slot
    if not any(slot["state"] not in ("closed", "insufficient_data") for slot in unit["slots"]):
        return f'<p class="nothing">{_e(s["all_few"].format(days=told["least_days"], n=told["least_n"]))}</p>'
    times = sorted(by_time)
    if not told["hours_declared"]:
        came = [t for t in times if any(slot["n"] for slot in by_time[t].values())]
        times = [t for t in times if came[0] <= t <= came[-1]]
    who, w = s[_who(unit)], say.words
    days = dict(zip(DAYS, s["days"].split("|"), strict=True))
    charts = []
    for day, label in days.items():
        slots = [by_time[t].get(day) for t in times]
        needed = [None if x is None else x["needed"] for x in slots]
        if not any(v is not None for v in needed):
            continue
        present = [None if x is None else x["present"] for x in slots]
        series: list[tuple[str, list[float | None]]] = [(w["staffing_needed"], needed)]
        series += [(w["staffing_there"], present)] if any(v is not None for v in present) else []
        title = w["staffing_chart"].format(what=name, who=who, day=label)
        chart = svg.lines(series, times, title=title, desc=w["staffing_chart_desc"])
        charts.append(f"<figure><figcaption>{_e(label)}</figcaption>{chart}</figure>")
    known = any(slot["present"] is not None for slot in unit["slots"])
    legend = svg.legend([w["staffing_needed"], *([w["staffing_there"]] if known else [])])
    rows = [[t, *(_cell(by_time[t].get(day)) for day in DAYS)] for t in times]
    table = svg.table([s["time"], *days.values()], rows, caption=w["staffing_table"].format(what=name, who=who))
    return (
        f"<h3>{_e(s['needed' if known else 'needed_only'].format(who=who))}</h3>{legend}"
        f'<div class="week">{"".join(charts)}</div>'
        f'<details><summary>{_e(w["staffing_numbers"])}</summary>{table}<p class="dim">{_e(w["staffing_cell_note"])}</p></details>'
    )


def _cell(slot: Told | None) -> str:
    if slot is None:
        return _CELLS["closed"]
    needed = _CELLS.get(slot["state"], str(slot["needed"]))
    return needed if slot["present"] is None else f"{needed} ({slot['present']:.1f})"


# -- what is to come ------------------------------------------------------------------------------------------------------


def _forecast(unit: Told, say: Say, s: Words, name: str) -> str:
    f, w = unit["forecast"], say.words
    head = f"<h3>{_e(w['staffing_forecast'])}</h3>"
    if f["method"] == "none":
        return head + f'<p class="nothing">{_e(s["forecast_few"].format(weeks=f["weeks_of_data"]))}</p>'
    days = f["days"]
    labels = [
        f"{s['days'].split('|')[date.fromisoformat(d['date']).weekday()]} {say.day(date.fromisoformat(d['date']))}"
        for d in days
    ]
    short = [say.short_day(date.fromisoformat(d["date"])) for d in days]
    low, mid, high = ([d[key] for d in days] for key in ("low", "arrivals", "high"))
    kind = s[unit["kind"]]
    chart = svg.band(
        low,
        mid,
        high,
        short,
        title=w["staffing_forecast_chart"].format(what=name, kind=kind),
        desc=w["staffing_forecast_desc"],
    )
    rows = [
        [label, *(s["few"] if d[k] is None else f"{d[k]:,.0f}" for k in ("arrivals", "low", "high")), _most(d, unit, s)]
        for label, d in zip(labels, days, strict=True)
    ]
    heads = [w[f"staffing_{key}"] for key in ("date", "expected", "low", "high", "most")]
    caption = s["forecast"].format(what=kind, who=s[_who(unit)])
    test = f["back_test"]
    texts = (
        s["back_test"].format(origins=test["origins"], n=f"{test['n']:,}", **_errors(test["level"])),
        s["back_test_naive"].format(**_errors(test["naive"])),
        s["is_better" if f["method"] == "level" else "is_naive"],
    )
    quality = "".join(f"<li>{_e(text)}</li>" for text in texts)
    return (
        f"{head}{chart}<details><summary>{_e(w['staffing_numbers'])}</summary>{svg.table(heads, rows, caption=caption)}</details>"
        f'<h3>{_e(w["staffing_tests"])}</h3><ul class="plain">{quality}</ul>'
    )


def _most(day: Told, unit: Told, s: Words) -> str:
    if unit["goal"] is None:
        return "–"
    return s["few"] if day["most_needed"] is None else s["most"].format(n=day["most_needed"], time=day["at"])


def _errors(e: Told) -> dict[str, str]:
    return {name: "?" if e[name] is None else f"{e[name]:.2f}" for name in ("mae", "mase", "rmsse", "bias")}


def _name(unit: str | None, names: Mapping[str, str], s: Words) -> str:
    return s["hall"] if unit is None else names.get(unit) or unit


def _who(row: Told) -> str:
    return "agents" if row["kind"] == "calls" else "counters"


def _share(share: float, say: Say) -> str:
    """In Thai the word for it stands before the number."""
    return f"{share * 100:.0f}" if say.lang == "th" else f"{share:.0%}"


def _e(text: str) -> str:
    return html.escape(text)
