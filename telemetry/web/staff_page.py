"""The glance screen for counter staff: who waits in each line against what is declared, the telephones, what is unanswered
online, which complaints are due. Nothing to type, and no person is named or ranked."""

from __future__ import annotations

import html
from collections.abc import Sequence
from urllib.parse import urlencode

from telemetry.web.layout import page
from telemetry.web.screen_words import Say
from telemetry.web.screens import Complaints, Glance, Replies
from telemetry.web.service import Board, SiteInfo, UnitNow

NEAR = 0.8
"""Part of the declared wait after which a line is near its limit."""
NEAR_REPLY_MS = 5 * 60_000
_MARKS = {
    "over": '<svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><path d="M5.5 5.5l13 13M18.5 5.5l-13 13"/></svg>',
    "near": '<svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><path d="M12 4v10M12 19h.01"/></svg>',
}


def staff_page(site: SiteInfo, lang: str, board: Board, glance: Glance, *, now_ms: int, version: str) -> str:
    """The page; `version` names this version of the pages and their scripts."""
    say = Say(lang, site)
    body = (
        f'<div id="live"><p class="as-of">{_e(say.words["as_of"].format(time=say.clock(now_ms)))}</p>'
        f'<div class="glance">{_lines(board, say, now_ms)}'
        f'<div class="side">{_phones(board, say, now_ms)}{_online(glance["replies"], say, now_ms)}'
        f"{_complaints(glance['complaints'], say)}</div></div>"
        f'<p class="note">{_e(say.words["staff_note"])}</p></div>'
        f'<p id="lost" class="lost" role="alert" hidden>{_e(say.words["connection_lost"])}</p>'
    )
    return page(
        site=site, lang=lang, here="staff", title=say.words["staff_title"], body=body, styles=("pages.css", "screens.css"),
        scripts=("live.js",), classes="staff",
        data={"stream": f"v1/changes?{urlencode({'site': site.id})}", "page": version, "least": "2"},
    )  # fmt: skip


def _lines(board: Board, say: Say, now_ms: int) -> str:
    w = say.words
    units = [u for u in board["units"] if u["tickets_waiting"] is not None and _has_tickets(u)]
    if not units:
        return _panel(w["staff_waiting"], f'<p class="nothing">{_e(w["unknown"])}</p>', "waiting")
    rows = [_line(u, say, now_ms) for u in units]
    heads = "".join(f'<th scope="col" role="columnheader">{_e(w[f"staff_{key}"])}</th>' for key in _HEADS)
    total = board["now"]["tickets_waiting"]
    foot = f'<p class="total"><span>{_e(w["staff_total"])}</span> <b>{w["unknown"] if total is None else f"{total:,}"}</b></p>'
    return _panel(
        w["staff_waiting"],
        f'<table role="table"><thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
        f'<tbody role="rowgroup">{"".join(rows)}</tbody></table>{foot}',
        "waiting",
    )


_HEADS = ("service", "people", "longest", "limit")


def _has_tickets(unit: UnitNow) -> bool:
    """Not the queue of a telephone alone."""
    return bool(unit["tickets_waiting"] or unit["last_called"] or unit["target_minutes"] is not None)


def _line(unit: UnitNow, say: Say, now_ms: int) -> str:
    w, since, target = say.words, unit["longest_ticket_wait_since_ms"], unit["target_minutes"]
    waited_ms = None if since is None else max(0, now_ms - since)
    state = ""
    if waited_ms is not None and target is not None:
        state = "over" if waited_ms > target * 60_000 else "near" if waited_ms > target * 60_000 * NEAR else ""
    wait = w["staff_nobody"] if waited_ms is None else say.age(waited_ms)
    limit = w["staff_no_limit"] if target is None else say.minutes(round(target))
    return (
        f'<tr role="row" class="{state}" data-key="{_e(unit["unit"])}">'
        f'<th scope="row" role="rowheader">{_e(say.name(unit))}{_flag(state, say)}</th>'
        f'<td role="cell" class="big" data-label="{_e(w["staff_people"])}">{unit["tickets_waiting"] or 0:,}</td>'
        f'<td role="cell" class="wait" data-label="{_e(w["staff_longest"])}">{_e(wait)}</td>'
        f'<td role="cell" data-label="{_e(w["staff_limit"])}">{_e(limit)}</td></tr>'
    )


def _flag(state: str, say: Say) -> str:
    return f' <span class="flag {state}">{_MARKS[state]}{_e(say.words[f"staff_{state}"])}</span>' if state else ""


def _phones(board: Board, say: Say, now_ms: int) -> str:
    w, calls, since = say.words, board["now"]["calls_waiting"], board["now"]["longest_call_wait_since_ms"]
    if calls is None:
        return _panel(w["staff_phones"], f'<p class="nothing">{_e(w["unknown"])}</p>', "phones")
    text = w["staff_calls_none"]
    if calls and since is not None:
        text = f"{w['staff_calls_longest']}: {say.age(now_ms - since)}"
    ringing = " ringing" if calls else ""
    return _panel(
        w["staff_phones"],
        f'<p class="figure{ringing}"><b>{calls:,}</b> <span>{_e(w["staff_calls"])}</span></p><p>{_e(text)}</p>',
        "phones",
    )


def _online(replies: Sequence[Replies], say: Say, now_ms: int) -> str:
    w = say.words
    if not replies:
        return _panel(w["staff_online"], f'<p class="nothing">{_e(w["unknown"])}</p>', "online")
    rows = "".join(_reply(row, say, now_ms) for row in replies)
    return _panel(w["staff_online"], f"<ul>{rows}</ul>", "online")


def _reply(row: Replies, say: Say, now_ms: int) -> str:
    w, due = say.words, row["first_due_ms"]
    state, text = "", w["staff_all_answered"]
    if row["waiting"]:
        text = w["staff_no_standard"]
        if due is not None:
            left = due - now_ms
            state = "over" if left < 0 else "near" if left < NEAR_REPLY_MS else ""
            said = w["staff_late" if left < 0 else "staff_due_in"].format(age=say.age(abs(left)))
            text = f"{w['staff_first_due']} {said}" if left >= 0 else said
    mark = _MARKS[state] if state else ""
    return (
        f'<li class="{state}" data-key="{_e(row["unit"])}"><span>{_e(say.name(row))}</span> <b>{row["waiting"]:,}</b>'
        f'<small class="flag {state}">{mark}{_e(text)}</small></li>'
    )


def _complaints(found: Complaints | None, say: Say) -> str:
    w = say.words
    if found is None:
        return _panel(w["staff_complaints"], f'<p class="nothing">{_e(w["unknown"])}</p>', "complaints")
    rows = (
        ("overdue", "staff_complaints_overdue", found["overdue"], "over"),
        ("soon", "staff_complaints_soon", found["due_soon"], "near"),
        ("open", "staff_complaints_open", found["open"], ""),
    )
    items = "".join(
        f'<li class="{state if n else ""}" data-key="{key}"><span>{_e(w[label])}</span> <b>{n:,}</b></li>'
        for key, label, n, state in rows
    )
    return _panel(w["staff_complaints"], f"<ul>{items}</ul>", "complaints")


def _panel(title: str, content: str, name: str) -> str:
    return f'<section class="panel {name}"><h2>{_e(title)}</h2>{content}</section>'


def _e(text: str) -> str:
    return html.escape(text)
