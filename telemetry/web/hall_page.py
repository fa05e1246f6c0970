"""The hall screen for citizens: whose turn it is and where, how long the lines are, and one's own ticket. Nothing on it
names a person. It is complete without script; static/live.js keeps it current."""

from __future__ import annotations

import html
from string import Template
from urllib.parse import urlencode

from telemetry.text import words
from telemetry.web.pages import site_name
from telemetry.web.screen_words import Say
from telemetry.web.screens import Hall, HallCall, HallLine, OwnTicket
from telemetry.web.service import SiteInfo

_PAGE = Template("""<!doctype html>
<html lang="$lang">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title – $site</title>
<link rel="icon" href="static/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="static/hall.css">
<script type="module" src="static/live.js"></script>
<noscript><meta http-equiv="refresh" content="20"></noscript>
</head>
<body class="$kind" data-stream="$stream" data-page="$page" data-least="$least">
<div id="live">
<header><h1>$site</h1><p class="clock">$clock</p></header>
<main>
$own
<section class="calls" aria-labelledby="calls"><h2 id="calls">$calls_title</h2>
$calls
</section>
<section class="lines" aria-labelledby="lines"><h2 id="lines">$lines_title</h2>
$lines
<p class="note">$note</p>
</section>
</main>
</div>
<p id="lost" class="lost" role="alert" hidden>$lost</p>
<footer>
<form action="hall" method="get"><input type="hidden" name="site" value="$id"><input type="hidden" name="lang" value="$lang">
<label for="ticket">$own_label</label>
<span><input id="ticket" name="ticket" maxlength="32" autocomplete="off" value="$ticket"><button>$own_show</button></span></form>
<p>$links</p>
</footer>
</body>
</html>
""")
OFTEN_S, SELDOM_S = 1, 5
"""A screen on the wall follows every call; many telephones that follow one ticket each ask less often."""


def hall_page(site: SiteInfo, lang: str, hall: Hall, own: OwnTicket | None, *, now_ms: int, page: str) -> str:
    """The page; with `own` that ticket stands first. `page` names this version of the page and its scripts."""
    say = Say(lang, site)
    w, common = say.words, words(lang)
    arguments = {"site": site.id}
    other = common["other_language_code"]
    ticket = {"ticket": own["ticket"]} if own else {}
    links = f'<a href="hall?{_e(urlencode({**arguments, "lang": lang}))}">{_e(w["hall_all"])}</a> ' if own else ""
    links += (
        f'<a href="hall?{_e(urlencode({**arguments, "lang": other, **ticket}))}" hreflang="{other}" lang="{other}">'
        f"{_e(common['other_language'])}</a>"
    )
    return _PAGE.substitute(
        lang=lang,
        title=_e(w["hall_title"]),
        site=_e(site_name(site, lang)),
        kind="own" if own else "wall",
        stream=_e(f"v1/changes?{urlencode(arguments)}"),
        page=_e(page),
        least=SELDOM_S if own else OFTEN_S,
        clock=_e(say.clock(now_ms)),
        own=_own(own, say) if own else "",
        calls_title=_e(w["hall_calls"]),
        calls=_calls(hall, say),
        lines_title=_e(w["hall_lines"]),
        lines=_lines(hall, say),
        note=_e(w["hall_note"]),
        lost=_e(w["connection_lost"]),
        id=_e(site.id),
        own_label=_e(w["hall_own_label"]),
        own_show=_e(w["hall_own_show"]),
        ticket=_e(own["ticket"]) if own else "",
        links=links,
    )


def _calls(hall: Hall, say: Say) -> str:
    if not hall["calls"]:
        return f'<p class="nothing">{_e(say.words["hall_nobody" if hall["told"] else "hall_no_data"])}</p>'
    rows = "".join(_call(call, say) for call in hall["calls"])
    return f'<ol aria-live="polite" data-flash="">{rows}</ol>'


def _call(call: HallCall, say: Say) -> str:
    counter = f'<small>{_e(say.words["hall_counter"])}</small> <b>{_e(call["counter"])}</b>' if call["counter"] else (
        f"<small>{_e(say.words['hall_counter_unknown'])}</small>"
    )  # fmt: skip
    return (
        f'<li data-key="{_e(call["key"])}"><span class="ticket"><span class="unseen">{_e(say.words["hall_ticket"])} </span>'
        f'<bdi>{_e(call["ticket"])}</bdi></span> <span class="counter">{counter}</span> '
        f'<span class="service">{_e(say.name(call))}</span></li>'
    )


def _lines(hall: Hall, say: Say) -> str:
    if not hall["lines"]:
        return f'<p class="nothing">{_e(say.words["hall_no_data"])}</p>'
    heads = "".join(
        f'<th scope="col" role="columnheader">{_e(say.words[f"hall_{key}"])}</th>'
        for key in ("service", "waiting", "wait")
    )
    rows = "".join(_line(line, say) for line in hall["lines"])
    return (
        f'<table role="table"><thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
        f'<tbody role="rowgroup">{rows}</tbody></table>'
    )


def _line(line: HallLine, say: Say) -> str:
    wait = say.wait(line["from_minutes"], line["to_minutes"])
    return (
        f'<tr role="row" data-key="{_e(line["unit"])}"><th scope="row" role="rowheader">{_e(say.name(line))}</th>'
        f'<td role="cell" class="people" data-label="{_e(say.words["hall_waiting"])}">{line["waiting"]:,}</td>'
        f'<td role="cell" data-label="{_e(say.words["hall_wait"])}">{_e(wait)}</td></tr>'
    )


def _own(own: OwnTicket, say: Say) -> str:
    w, standing = say.words, own["standing"]
    texts: list[str] = []
    if standing == "waiting" and own["ahead"] is not None:
        key = {0: "hall_own_next", 1: "hall_own_one"}.get(own["ahead"], "hall_own_waiting")
        texts = [
            w[key].format(ahead=f"{own['ahead']:,}"),
            w["hall_own_wait"].format(wait=say.wait(own["from_minutes"], own["to_minutes"])),
        ]
    elif standing == "called":
        texts = [
            w["hall_own_called"].format(counter=own["counter"]) if own["counter"] else w["hall_own_called_anywhere"]
        ]
        if own["called_ms"] is not None:
            texts.append(w["hall_own_called_at"].format(time=say.clock(own["called_ms"])))
    elif standing in {"served", "missed", "withdrawn"}:
        texts = [w[f"hall_own_{standing}"]]
    else:
        texts = [w["hall_own_unknown"].format(ticket=own["ticket"])]
    first, *rest = texts
    service = f'<p class="service">{_e(say.name(own))}</p>' if own["unit"] else ""
    number = f'<p class="ticket"><bdi>{_e(own["ticket"])}</bdi></p>' if standing != "unknown" else ""
    return (
        f'<section class="own-ticket {_e(standing)}" aria-labelledby="own"><h2 id="own">{_e(w["hall_own"])}</h2>{number}{service}'
        f'<div aria-live="polite"><p class="first">{_e(first)}</p>{"".join(f"<p>{_e(text)}</p>" for text in rest)}</div></section>'
    )


def _e(text: str | None) -> str:
    return html.escape(text or "")
