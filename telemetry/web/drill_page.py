"""What is behind a figure, page by page, and one contact with its events. Everything that a device or a sender named is
escaped; nothing of a person is there to be shown."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from telemetry.text import words
from telemetry.web import say
from telemetry.web.layout import link, page
from telemetry.web.service import SiteInfo

Data = Mapping[str, Any]
_NUMBER = {"lost": "lost_events"}
_YES_NO = ("automatic", "test", "ended_by_agent", "paused", "clock_synced")
_RATIO_PARTS = ("numerator", "denominator", "rest")


def drill_page(site: SiteInfo, view: Data, lang: str) -> str:
    """A page of a list (`telemetry.drill_view`)."""
    text = words(lang, "manager")
    body = [
        f'<p><a href="{link("manager", site, lang, {"from": view["from"][:10]})}">{_e(text["back"])}</a></p>',
        f'<section class="panel" aria-label="{_e(text["figure"])}">{_figure(view, lang)}</section>',
        f'<section class="panel" aria-labelledby="list-head"><h2 id="list-head">{_e(text["list"])}</h2>',
    ]
    if view["why_none"]:
        body.append(f"<p>{_e(text['none_' + view['why_none']])}</p>")
    else:
        body += [
            f'<p class="note">{_e(text["drill_about"])}</p>',
            _parts(site, view, lang),
            _list(site, view, lang),
            _pages(site, view, lang),
        ]
    title = text["drill_title"].format(label=view["label"])
    return page(
        site=site, lang=lang, here="manager", title=title, body="\n".join([*body, "</section>"]),
        query=_asked(view, part=view["part"], page=view["page"]), path="drill",
    )  # fmt: skip


def _asked(view: Data, *, part: str, page: int = 1) -> dict[str, str]:
    out = {"kpi": view["kpi"], "from": view["from"], "to": view["to"], "part": part}
    if view["unit"] is not None:
        out["unit"] = view["unit"]
    return out if page == 1 else {**out, "page": str(page)}


def _figure(view: Data, lang: str) -> str:
    text, kind, row = words(lang, "manager"), say.kind_of(view["unit_of"]), view["figure"]
    if not row:
        return f"<p>{_e(words(lang)['no_data'])}</p><p>{_e(view['definition'])}</p>"
    value = row["value"]
    facts = []
    if isinstance(value, dict):
        shown = " · ".join(f"{label}: {say.count(n)}" for label, n in value.items())
        aim = None
    else:
        shown, aim = say.value_and_target(kind, value, row["target"], lang)
        shown = f"{shown} {say.unit_word(kind, value, lang)}".strip()
    facts.append((text["figure"], f"<strong>{_e(shown)}</strong> {say.verdict(row['verdict'], lang)}"))
    if row["target"] is not None:
        goal = text[f"goal_{view['better']}"].format(t=aim or say.value(kind, row["target"], lang))
        facts.append((text["target"], _e(goal)))
    facts.append(("n", _e(say.count(row["n"]))))
    if row["numerator"] is not None and row["denominator"] is not None:
        both = f"{say.count(row['numerator'])} ÷ {say.count(row['denominator'])}"
        facts.append((text["fraction"], _e(both)))
    if row["ci_low"] is not None and row["ci_high"] is not None:
        ends = {name: say.value(kind, row[f"ci_{name}"], lang) for name in ("low", "high")}
        facts.append((text["interval"], _e(text["interval_is"].format(**ends))))
    facts.append((text["period"], _e(say.row_period(row, lang))))
    if view["unit_name"] is not None:
        facts.append((text["of_unit"], _e(view["unit_name"])))
    facts.append((text["definition"], _e(view["definition"])))
    return '<dl class="facts">' + "".join(f"<div><dt>{_e(a)}</dt><dd>{b}</dd></div>" for a, b in facts) + "</dl>"


def _parts(site: SiteInfo, view: Data, lang: str) -> str:
    text = words(lang, "manager")
    if len(view["parts"]) < 2:
        return ""
    out = []
    for part, n in view["parts"].items():
        named = text[f"part_{part}"] if part in _RATIO_PARTS else text["part_bin"].format(label=part.partition(":")[2])
        here = ' aria-current="true"' if part == view["part"] else ""
        shown = _e(text["part_is"].format(part=named, n=say.count(n)))
        out.append(f'<li><a href="{link("drill", site, lang, _asked(view, part=part))}"{here}>{shown}</a></li>')
    return f'<nav aria-label="{_e(text["parts"])}"><ul class="tabs">{"".join(out)}</ul></nav>'


def _list(site: SiteInfo, view: Data, lang: str) -> str:
    text, rows = words(lang, "manager"), view["rows"]
    n = view["parts"][view["part"]]
    if not rows:
        return f"<p>{_e(text['list_empty'])}</p>"
    total = text["list_total"].format(
        n=say.count(n), first=say.count(view["first"]), last=say.count(view["first"] + len(rows) - 1)
    )
    measured = view["measured"] or any(row["amount"] != 1 for row in rows)
    counts = any(row["counts"] is not None for row in rows)
    names = ["reference", "arrived", "kind", "service", *(["amount"] if measured else []), "became"]
    head = "".join(f'<th scope="col">{_e(text[name])}</th>' for name in [*names, *(["counted"] if counts else [])])
    named = [text[name] for name in (*names[1:], *(["counted"] if counts else []))]
    body = "".join(_row(site, view, row, lang, named) for row in rows)
    return (
        f'<p>{_e(total)}</p><div class="scroll" role="region" tabindex="0" aria-labelledby="list-head">'
        f'<table class="list"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _row(site: SiteInfo, view: Data, row: Data, lang: str, named: Sequence[str]) -> str:
    """`named` are the heads of its columns but the first."""
    text = words(lang, "manager")
    measured, counts = text["amount"] in named, text["counted"] in named
    name = _e(row["name"] or "–")
    if row["key"] is not None:
        shown = row["name"] or f"#{row['key']}"
        name = f'<a href="{link("contact", site, lang, {"key": str(row["key"])})}">{_e(shown)}</a>'
    at = datetime.fromisoformat(row["at"])
    became = text[row["outcome"]] if row["outcome"] else ""
    if row["score"]:
        became = text["score"].format(score=row["score"][0], scale=row["score"][1])
    cells = [
        _e(say.moment(at, lang, seconds=True)),
        _e(text.get(f"kind_{row['kind']}", row["kind"])),
        _e(row["unit"] or "–"),
    ]
    if measured:
        kind = say.kind_of(view["unit_of"])
        cells.append(_e(f"{say.value(kind, row['amount'], lang)} {say.unit_word(kind, row['amount'], lang)}".strip()))
    cells.append(_e(became or "–"))
    if counts:
        cells.append(_e(text["yes" if row["counts"] else "no"] if row["counts"] is not None else "–"))
    return f'<tr><th scope="row">{name}</th>{_cells(named, cells)}</tr>'


def _cells(named: Sequence[str], cells: Sequence[str]) -> str:
    """Cells (HTML) that say on a narrow screen what they are."""
    return "".join(f'<td data-label="{_e(name)}">{cell}</td>' for name, cell in zip(named, cells, strict=True))


def _pages(site: SiteInfo, view: Data, lang: str) -> str:
    text = words(lang, "manager")
    if view["pages"] < 2:
        return ""

    def to(number: int, word: str) -> str:
        if not 1 <= number <= view["pages"]:
            return f'<span class="dim">{_e(text[word])}</span>'
        query = _asked(view, part=view["part"], page=number)
        return f'<a href="{link("drill", site, lang, query)}" rel="{word[:4]}">{_e(text[word])}</a>'

    here = text["page_of"].format(page=say.count(view["page"]), pages=say.count(view["pages"]))
    return (
        f'<nav class="pages" aria-label="{_e(text["pages"])}">{to(view["page"] - 1, "previous")} '
        f"<span>{_e(here)}</span> {to(view['page'] + 1, 'next')}</nav>"
    )


# -- one contact


def contact_page(site: SiteInfo, view: Data, lang: str) -> str:
    """One contact (`telemetry.drill_view`)."""
    text = words(lang, "manager")
    kind = text.get(f"kind_{view['kind']}", view["kind"])
    title = text["contact_title"].format(kind=kind, name=view["name"] or f"#{view['key']}")
    cut = f"<p>{_e(text['events_cut'])}</p>" if view["cut"] else ""
    body = [
        f'<section class="panel" aria-labelledby="derived"><h2 id="derived">{_e(text["derived"])}</h2>',
        _derived(view, lang),
        f'</section><section class="panel" aria-labelledby="events"><h2 id="events">{_e(text["events"])}</h2>{cut}',
        _events(site, view, lang),
        "</section>",
        _counted(site, view, lang),
    ]
    return page(
        site=site, lang=lang, here="manager", title=title, body="\n".join(body), query={"key": str(view["key"])},
        path="contact",
    )  # fmt: skip


def _derived(view: Data, lang: str) -> str:
    text = words(lang, "manager")
    rows = []
    for p in view["passages"]:
        told = [(text[name], _derived_value(name, value, lang)) for name, value in p["derived"].items()]
        if p["outcome"]:
            told.append((text["outcome"], text[p["outcome"]]))
        where = " · ".join(filter(None, (text[f"family_{p['family']}"], p["unit"])))
        at = say.moment(datetime.fromisoformat(p["at"]), lang, seconds=True)
        facts = "".join(f"<div><dt>{_e(a)}</dt><dd>{_e(b)}</dd></div>" for a, b in told)
        rows.append(f'<h3>{_e(where)} <small class="dim">{_e(at)}</small></h3><dl class="facts">{facts}</dl>')
    return "".join(rows) or f"<p>{_e(text['derived_none'])}</p>"


def _derived_value(name: str, value: float, lang: str) -> str:
    if name == "call_rings":
        return say.count(value)
    return f"{say.stopwatch(value)} {say.unit_word('seconds', value, lang)}"


def _events(site: SiteInfo, view: Data, lang: str) -> str:
    text = words(lang, "manager")
    names = ("time", "event", "source", "service", "who", "told")
    head = "".join(f'<th scope="col">{_e(text[name])}</th>' for name in names)
    body = []
    for event in view["events"]:
        source = " · ".join(
            filter(None, (words(lang).get(f"source_{event['source_kind']}", event["source_kind"]), event["source"]))
        )
        told = ", ".join(_number(name, value, site, lang) for name, value in event["numbers"].items())
        what = f"{_e(text.get(event['type'], event['type']))} <code>{_e(event['type'])}</code>"
        if event["by"]:
            said = text["voided_by" if event["voided"] else "told_by"].format(by=event["by"], why=event["why"])
            what = f"{f'<del>{what}</del>' if event['voided'] else what}<br><small>{_e(said)}</small>"
        cells = [
            what,
            _e(source or "–"), _e(event["unit"] or "–"), _e(event["party"] or "–"), _e(told or "–"),
        ]  # fmt: skip
        at = _e(say.moment(datetime.fromisoformat(event["at"]), lang, seconds=True))
        at += f' <small class="dim">#{event["seq"]}</small>'
        body.append(f'<tr><th scope="row">{at}</th>{_cells([text[n] for n in names[1:]], cells)}</tr>')
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-labelledby="events"><table class="list">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _number(name: str, value: int, site: SiteInfo, lang: str) -> str:
    """One number of an event as a person reads it."""
    text = words(lang, "manager")
    key = next((k for k in (f"number_{name}", _NUMBER.get(name, ""), name) if k in text), "")
    label = text.get(key, name)
    if name == "due_ms":
        at = datetime.fromtimestamp(value / 1000, UTC).astimezone(ZoneInfo(site.timezone))
        shown = say.moment(at, lang)
    elif name.endswith("_ms"):
        shown = (
            f"{say.stopwatch(value / 1000)} {say.unit_word('seconds', value / 1000, lang)}"
            if value >= 0
            else text["unknown"]
        )
    elif name in _YES_NO:
        shown = text["yes_word" if value == 1 else "no_word"]
    else:
        shown = text.get(f"{key}_{value}", str(value))
    return f"{label} {shown}"


def _counted(site: SiteInfo, view: Data, lang: str) -> str:
    text = words(lang, "manager")
    if not view["figures"]:
        return ""
    says = {None: "in_it", True: "in_numerator", False: "in_denominator"}
    rows = "".join(
        f'<tr><th scope="row"><a href="{link("definitions", site, lang, fragment=f["kpi"])}">{_e(f["label"])}</a></th>'
        f"<td>{_e(text[says[f['counts']]])}</td></tr>"
        for f in view["figures"]
    )
    return (
        f'<section class="panel"><details><summary>{_e(text["counts_in"].format(n=len(view["figures"])))}</summary>'
        f'<table class="list"><thead><tr><th scope="col">{_e(text["kpi"])}</th><th scope="col">{_e(text["counted"])}</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></details></section>"
    )


def _e(text: str) -> str:
    return html.escape(text)
