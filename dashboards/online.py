"""Online channels and complaints: who waits for a reply and until when, and what is not settled."""

from __future__ import annotations

from dashboards import promql
from dashboards.figures import chart, everything
from dashboards.layout import Board, Placed, Section
from dashboards.panels import AMBER, GREEN, RED, Query, line, number
from dashboards.today import site, unit
from dashboards.wording import COUNTED, Words
from kpis.results import KPIS

NOW = (
    # panel, metric, from how many on it is red
    ("replies_waiting", "gecc_conversations_waiting", None),
    ("replies_late", "gecc_conversations_waiting_overdue", 1),
    ("complaints_unsettled", "gecc_complaints_open", None),
    ("complaints_late", "gecc_complaints_overdue", 1),
)
MAIN = (
    "reply_within_target_rate", "conversations_waiting_by_age", "conversations", "reply_seconds_p90",
    "complaints_settled_rate", "complaints_settled_by_due_rate", "complaints_open_by_age", "cases_by_kind",
)  # fmt: skip


def board(w: Words) -> Board:
    now = [
        number(
            w.panel(key, COUNTED, 0), [Query(f"sum({metric}{{{promql.PLACE}}})", w[key])],
            colours=[(None, GREEN), (red, RED)] if red else (),
        )
        for key, metric, red in NOW
    ]  # fmt: skip
    due = number(
        w.panel("reply_due", "s", 0), [Query(f"min(gecc_reply_due_seconds{{{promql.PLACE}}})", w["reply_due"])],
        colours=[(None, RED), (0, AMBER), (900, GREEN)],
    )  # fmt: skip
    by_channel = [Query(f"sum by (unit) (gecc_reply_due_seconds{{{promql.PLACE}}})", "{{unit}}")]
    return Board(
        "online", w["online_title"], w["online_intro"],
        [
            Section(w["now"], [*(Placed(p, 6, 4) for p in now), Placed(due, 6, 6), Placed(line(w.panel("reply_due_over_time", "s"), by_channel), 18, 6)]),
            Section(w["main"], [chart(KPIS[k], w) for k in MAIN]),
            *everything(("conversations", "cases"), w),
        ],
        [site(w), unit(w, "gecc_conversations_total", "gecc_cases_received_total", "gecc_complaints_total")],
        first="now-7d", window="1d",
    )  # fmt: skip
