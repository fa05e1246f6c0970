"""The manager's page: today against target, the course of the last weeks, the worst half-hours and why. It needs no script;
with static/live.js it is fetched again when the stream says that there is something new."""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from telemetry.text import words
from telemetry.web import say, svg
from telemetry.web.layout import link, page
from telemetry.web.service import SiteInfo

Data = Mapping[str, Any]
LEAST_S: Final = 15
"""Between two looks of a page that stays open."""


def manager_page(site: SiteInfo, view: Data, lang: str, *, version: str) -> str:
    """The page over one view (`telemetry.manager`); `version` names this version of the pages and their scripts."""
    text = words(lang, "manager")
    parts = [_today(site, view, lang), _choose(site, view, lang), _worst(site, view, lang)]
    lost = f'<p id="lost" class="lost" role="alert" hidden>{_e(words(lang)["connection_lost"])}</p>'
    stream = f"v1/changes?{urlencode({'site': site.id})}"
    return page(
        site=site, lang=lang, here="manager", title=text["title"],
        body=f'<div id="live">{"".join(parts)}</div>{lost}',
        query={"from": view["from"], "to": view["to"]}, scripts=("live.js",),
        data={"stream": stream, "page": version, "least": str(LEAST_S)},
    )  # fmt: skip


def _today(site: SiteInfo, view: Data, lang: str) -> str:
    text, definitions = words(lang, "manager"), words(lang, "definitions")
    as_of = text["as_of"].format(at=say.moment(datetime.fromisoformat(view["as_of"]), lang, seconds=True))
    groups = "".join(
        f'<h3 class="group">{_e(_group(text, definitions, of["group"]))}</h3>\n<ul class="cards">'
        + "".join(_card(site, view, card, lang) for card in of["kpis"])
        + "</ul>\n"
        for of in view["groups"]
    )
    return (
        f'<section class="panel" aria-labelledby="today-head"><h2 id="today-head">{_e(text["today"])} '
        f"{_e(say.day(datetime.fromisoformat(view['today']), lang, weekday=True))}</h2>"
        f'<p class="dim">{_e(as_of)}</p>'
        f'<p class="note">{_e(text["today_about"].format(min_n=view["min_n"]))}</p>{groups}</section>'
    )


def _group(text: Mapping[str, str], definitions: Mapping[str, str], name: str) -> str:
    return definitions.get(f"group_{name}") or text.get(f"group_{name}") or name


def _card(site: SiteInfo, view: Data, card: Data, lang: str) -> str:
    text, kind, row = words(lang, "manager"), say.kind_of(card["unit"]), card["today"]
    bins = row["value"] if isinstance(row["value"], dict) else None
    of_bins = bool(card["bins"])
    number = None if of_bins else row["value"]
    shown, aim = say.value_and_target(kind, number, row["target"], lang)
    goal = say.goal(card["better"], kind, row["target"], lang, aim)
    if bins:
        figure = _bars(card, bins, text)
    else:
        empty = number is None
        unit = say.unit_word(kind, number, lang)
        figure = f'<p class="value{" empty" if empty else ""}">{_e(shown)}{f" <small>{_e(unit)}</small>" if unit else ""}</p>'
    return (
        f'<li class="kpi" data-key="{_e(card["kpi"])}"><h4>{_e(card["label"])}</h4>{figure}'
        f"{f'<p>{mark}</p>' if (mark := say.verdict(row['verdict'], lang)) else ''}"
        f'<p class="dim">{_e(goal)} · {_e(_sample(row, kind, lang))}</p>'
        f"{'' if of_bins else _course(site, view, card, kind, lang)}{_more(site, view, card, kind, lang)}</li>\n"
    )


def _sample(row: Data, kind: str, lang: str) -> str:
    out = words(lang, "manager")["n"].format(n=say.count(row["n"]))
    if row["ci_low"] is not None and row["ci_high"] is not None:
        ends = {name: say.value(kind, row[f"ci_{name}"], lang) for name in ("low", "high")}
        out += " · " + words(lang)["interval"].format(**ends)
    return out


def _bars(card: Data, bins: Mapping[str, int], text: Mapping[str, str]) -> str:
    over = [label not in card["within"] for label in bins] if card["within"] else None
    return svg.bars(
        [float(n) for n in bins.values()], list(bins), title=card["label"], over=over, kind="small",
        desc=text["bins"].format(label=card["label"]),
    )  # fmt: skip


def _course(site: SiteInfo, view: Data, card: Data, kind: str, lang: str) -> str:
    """The figure of the longer period, and how it went day by day."""
    text, row = words(lang, "manager"), card["period"]
    values = [day["value"] for day in card["days"]]
    line = svg.sparkline(
        values,
        title=text["trend"].format(label=card["label"]),
        target=row["target"] if any(v is not None for v in values) else None,
    )
    shown, _ = say.value_and_target(kind, row["value"], row["target"], lang)
    unit = say.unit_word(kind, row["value"], lang)
    return (
        f'<div class="course"><p class="dim">{_e(text["trend_short"])}</p>{line}'
        f"<p>{_e(say.row_period(row, lang))}: <strong>{_e(shown)}</strong>{f' {_e(unit)}' if unit else ''} "
        f"{say.verdict(row['verdict'], lang)}</p><p>{_e(text['n'].format(n=say.count(row['n'])))} · "
        f"{_drill(site, card, (view['from'], view['to']), text['contacts'], lang)}</p></div>"
    )


def _more(site: SiteInfo, view: Data, card: Data, kind: str, lang: str) -> str:
    """What is one click away: the definition, and the numbers of the picture."""
    text = words(lang, "manager")
    excludes = f"<p>{_e(text['excludes'])}: {_e(card['excludes'])}</p>" if card["excludes"] else ""
    period = f"{text['period']}: {say.row_period(card['today'], lang)}"
    full = f'<a href="{link("definitions", site, lang, fragment=card["kpi"])}">{_e(text["all_of_it"])}</a>'
    today = _drill(site, card, (view["today"], view["tomorrow"]), text["contacts_today"], lang)
    return (
        f'<details id="more-{_e(card["kpi"])}"><summary>{_e(text["details"])}'
        f'<span class="unseen">: {_e(card["label"])}</span></summary>'
        f"<p>{_e(card['definition'])}</p>{excludes}<p>{_e(period)}</p><p>{full} · {today}</p>"
        f"{_numbers(card, kind, lang)}</details>"
    )


def _numbers(card: Data, kind: str, lang: str) -> str:
    """What the picture shows, as a table."""
    text = words(lang, "manager")
    if card["bins"]:
        rows = [[label, say.count(n)] for label, n in (card["today"]["value"] or {}).items()]
        head, caption = [text["bin"], text["many"]], text["bins"].format(label=card["label"])
    else:
        rows = [
            [say.day(datetime.fromisoformat(d["day"]), lang), say.value(kind, d["value"], lang), say.count(d["n"])]
            for d in card["days"]
            if d["n"]
        ]
        head, caption = [text["day"], text["value"], "n"], text["numbers"].format(label=card["label"])
    return svg.table(head, rows, caption=caption) if rows else ""


def _drill(site: SiteInfo, card: Data, period: tuple[str, str], says: str, lang: str) -> str:
    address = link("drill", site, lang, {"kpi": card["kpi"], "from": period[0], "to": period[1]})
    return f'<a href="{address}">{_e(says)}<span class="unseen">: {_e(card["label"])}</span></a>'


def _choose(site: SiteInfo, view: Data, lang: str) -> str:
    text = words(lang, "manager")
    fields = "".join(
        f'<label for="{name}">{_e(text[name])}<input id="{name}" name="{name}" type="date" '
        f'value="{_e(view[name][:10])}" required></label>'
        for name in ("from", "to")
    )
    return (
        f'<form class="choose panel" method="get" action="manager" aria-label="{_e(text["choose"])}">'
        f'<input type="hidden" name="site" value="{_e(site.id)}"><input type="hidden" name="lang" value="{_e(lang)}">'
        f'{fields}<button type="submit">{_e(text["show"])}</button></form>'
    )


# -- the worst half-hours


def _worst(site: SiteInfo, view: Data, lang: str) -> str:
    text, halves = words(lang, "manager"), view["worst"]
    period = say.period(datetime.fromisoformat(view["from"]), datetime.fromisoformat(view["to"]), lang)
    about = text["worst_about"].format(days=view["least_days"])
    head = (
        f'<section class="panel" aria-labelledby="worst-head" id="worst"><h2 id="worst-head">{_e(text["worst"])}</h2>'
        f'<p>{_e(text["period_is"].format(period=period))}</p><p class="note">{_e(about)}</p>'
    )
    if not halves:
        return f"{head}<p>{_e(text['worst_none'])}</p></section>"
    labels = [datetime.fromisoformat(half["from"]) for half in halves]
    short = [f"{at.day}/{at.month} {at.hour:02}.{at.minute:02}" for at in labels]
    chart = svg.bars(
        [half["people"] for half in halves], short, title=text["worst_chart"], desc=text["worst_chart"], kind="worst"
    )
    names = ("half_hour", "people", "late", "lost", "reason", "against")
    top = "".join(f'<th scope="col">{_e(text[name])}</th>' for name in names)
    rows = "".join(_half(site, half, lang) for half in halves)
    return (
        f'{head}{chart}<div class="scroll" role="region" tabindex="0" aria-labelledby="worst-head">'
        f'<table class="halves"><thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table></div></section>'
    )


def _half(site: SiteInfo, half: Data, lang: str) -> str:
    text = words(lang, "manager")
    first, last = (datetime.fromisoformat(half[name]) for name in ("from", "to"))
    when = say.period(first, last, lang, weekday=True)
    late = _counted(
        site, half, "ticket_wait_within_target_rate", "rest", text["late_of"], half["late"], half["with_target"], lang
    )
    lost = _counted(site, half, "calls_lost", "numerator", text["lost_of"], half["lost"], half["offered"], lang)
    facts = "".join(f"<li>{_e(line)}</li>" for line in facts_of(half, lang))
    cells = [late, lost, f"<strong>{_e(reason_of(half, lang))}</strong>", f'<ul class="plain">{facts}</ul>']
    named = [text[name] for name in ("late", "lost", "reason", "against")]
    return (
        f'<tr><th scope="row">{_e(when)}</th><td class="people" data-label="{_e(text["people"])}">{say.count(half["people"])}</td>'
        + "".join(f'<td data-label="{_e(name)}">{cell}</td>' for name, cell in zip(named, cells, strict=True))
        + "</tr>"
    )


def _counted(
    site: SiteInfo, half: Data, kpi: str, part: str, says: str, n: int, of: int, lang: str
) -> str:  # fmt: skip
    """How many of how many, as a link to them where there are any."""
    if not of:
        return "–"
    shown = _e(says.format(late=say.count(n), lost=say.count(n), of=say.count(of)))
    if not n:
        return shown
    return f'<a href="{link("drill", site, lang, {"kpi": kpi, "from": half["from"], "to": half["to"], "part": part})}">{shown}</a>'


def reason_of(half: Data, lang: str) -> str:
    """Why, in words made from the numbers; what the data does not tell is said to be unknown."""
    said = ", ".join(_sentence("reason", name, half, lang) for name in half["reasons"])
    return said[:1].upper() + said[1:]


def facts_of(half: Data, lang: str) -> list[str]:
    """The numbers against the usual, known or not."""
    text = words(lang, "manager")
    out = []
    for name in ("line", "arrivals", "servers", "handle"):
        line = _sentence("fact", name, half, lang)
        days = _of(half, name)["days"]
        out.append(f"{line} ({text['fact_days'].format(days=days)})" if _of(half, name)["usual"] is not None else line)
    return out


def _of(half: Data, name: str) -> Data:
    of: Data = half["handle_s" if name == "handle" else name]
    return of


def _sentence(what: str, name: str, half: Data, lang: str) -> str:
    text = words(lang, "manager")
    if name in ("usual", "unknown"):
        return text[f"reason_{name}"]
    says = text.get(f"{what}_{name}") or text[f"{what}_{name}_{half['of']}"]
    here, usual = _of(half, name)["here"], _of(half, name)["usual"]

    def shown(number: float | None) -> str:
        if number is None:
            return text["unknown"]
        return (
            f"{say.stopwatch(number)} {words(lang)['unit_minutes']}"
            if name == "handle"
            else f"{number:.1f}".removesuffix(".0")
        )

    return says.format(here=shown(here), usual=shown(usual), ratio=f"{here / usual:.1f}" if here and usual else "")


def _e(text: str) -> str:
    return html.escape(text)
