"""Satisfaction: the shares that the standard asks for, their votes, and how many of those served have voted."""

from __future__ import annotations

from dashboards.figures import chart, everything, figure_now
from dashboards.layout import Board, Section
from dashboards.today import site, unit
from dashboards.wording import Words
from kpis.results import KPIS

NOW = ("satisfaction_rate", "satisfaction_mean_percent", "satisfaction_response_rate")
MAIN = (
    "satisfaction_rate", "satisfaction_mean_percent", "votes_of_five_levels", "votes_by_scale", "satisfaction_bottom_rate",
    "satisfaction_response_rate",
)  # fmt: skip


def board(w: Words) -> Board:
    return Board(
        "satisfaction", w["satisfaction_title"], w["satisfaction_intro"],
        [
            Section(w["today_figures"], [figure_now(KPIS[k], w) for k in NOW]),
            Section(w["main"], [chart(KPIS[k], w) for k in MAIN]),
            *everything(("votes",), w),
        ],
        [site(w), unit(w, "gecc_votes_total")],
        first="now-7d", window="1d", refresh="5m",
    )  # fmt: skip
