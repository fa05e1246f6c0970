"""Names of the series on /metrics, from the table of KPIs: the page, the dashboards and the rules say the same ones."""

from __future__ import annotations

from kpis.model import KPI, By
from kpis.results import KPIS

DECIDED_LATER = ("fcr_",)
"""Measures known only when a window of days is over: no counter of the open days can carry them."""
STANDING = (
    "conversations_waiting", "conversations_not_yet_due", "cases_open", "cases_overdue", "complaints_open", "complaints_overdue",
)  # fmt: skip
"""Beginnings of measures that say how things stand, and go up and down: no counters."""
_WORDS = {"h": "hour", "hours": "hour", "days": "day", "counter": "counters", "s": "seconds", "ms": "seconds"}
"""What a metric's name would be taken for its unit or its type by, and what stands there instead."""


def measures() -> dict[str, KPI]:
    """The measures that have a counter, each with the first KPI that uses it. What is told of a person, a counter or a
    device has none: no label may name one."""
    out: dict[str, KPI] = {}
    for kpi in KPIS.values():
        if kpi.by not in (By.UNIT, By.SITE):
            continue
        for name in (kpi.numerator, kpi.denominator, *(m for _, m in kpi.bins)):
            if name and not name.startswith((*DECIDED_LATER, *STANDING)):
                out.setdefault(name, kpi)
    return out


def metric_name(measure: str) -> str:
    """A measure's counter, without _total: milliseconds are shown as seconds."""
    return f"gecc_{_plain(measure)}"


def today_name(kpi: KPI) -> str:
    """A KPI's gauge: milliseconds are shown as seconds."""
    return f"gecc_today_{_plain(kpi.name)}"


def target_name(kpi: KPI) -> str:
    """The target in force today, in the unit of `today_name`."""
    return f"gecc_target_{_plain(kpi.name)}"


def today_n_name(kpi: KPI) -> str:
    """How many contacts today's figure is of."""
    return f"gecc_today_n_{_plain(kpi.name)}"


def _plain(name: str) -> str:
    return "_".join(_WORDS.get(word, word) for word in name.split("_"))
