"""What the rows of calls have in common: whose presence they need, what sets their scope, what is left out of it."""

from __future__ import annotations

from kpis.model import KPI, Better, Kind

SCOPE = ("hours", "holidays", "closed", "open", "other_hours", "windows", "test_numbers")
CALLS = ("Q20.2", "Q20.3")
LEFT_OUT_EN = "Calls that arrived outside service hours (calls_outside_hours) and tests (calls_test)"
LEFT_OUT_TH = "สายที่โทรเข้านอกเวลาให้บริการ (calls_outside_hours) และสายทดสอบ (calls_test)"


def count(
    name: str, label: tuple[str, str], definition: tuple[str, str], *, measure: str = "", unit: str = "calls",
    criteria: tuple[str, ...] = CALLS, settings: tuple[str, ...] = SCOPE, excludes: tuple[str, str] = (LEFT_OUT_EN, LEFT_OUT_TH),
    better: Better = Better.NONE,
) -> KPI:  # fmt: skip
    """A number of contacts; texts are English and Thai."""
    return KPI(
        name=name, kind=Kind.COUNT, unit=unit, coverage="calls", criteria=criteria, settings=settings, better=better,
        numerator=measure or name, label_en=label[0], label_th=label[1], definition_en=definition[0],
        definition_th=definition[1], excludes_en=excludes[0], excludes_th=excludes[1],
    )  # fmt: skip


def ratio(
    name: str, parts: tuple[str, str], label: tuple[str, str], definition: tuple[str, str], *, better: Better,
    criteria: tuple[str, ...] = CALLS, settings: tuple[str, ...] = (), excludes: tuple[str, str] = (LEFT_OUT_EN, LEFT_OUT_TH),
    target: float | None = None, wall: int = 0,
) -> KPI:  # fmt: skip
    """A share of calls; `settings` are those beside the scope's."""
    return KPI(
        name=name, kind=Kind.RATIO, unit="ratio", coverage="calls", criteria=criteria, settings=(*settings, *SCOPE),
        better=better, numerator=parts[0], denominator=parts[1], target=target, wall=wall, label_en=label[0],
        label_th=label[1], definition_en=definition[0], definition_th=definition[1], excludes_en=excludes[0],
        excludes_th=excludes[1],
    )  # fmt: skip


def mean(
    name: str, parts: tuple[str, str], label: tuple[str, str], definition: tuple[str, str], *, better: Better,
    criteria: tuple[str, ...] = CALLS, excludes: tuple[str, str] = (LEFT_OUT_EN, LEFT_OUT_TH),
) -> KPI:  # fmt: skip
    """Milliseconds ÷ contacts, in seconds."""
    return KPI(
        name=name, kind=Kind.MEAN, unit="seconds", coverage="calls", criteria=criteria, settings=SCOPE, better=better,
        numerator=parts[0], denominator=parts[1], per=1000, label_en=label[0], label_th=label[1],
        definition_en=definition[0], definition_th=definition[1], excludes_en=excludes[0], excludes_th=excludes[1],
    )  # fmt: skip


def seconds(
    name: str, kind: Kind, q: float, histogram: str, label: tuple[str, str], definition: tuple[str, str], *,
    censored: str = "", settings: tuple[str, ...] = (), unit: str = "seconds", excludes: tuple[str, str] = (LEFT_OUT_EN, LEFT_OUT_TH),
) -> KPI:  # fmt: skip
    """A quantile; less is better."""
    return KPI(
        name=name, kind=kind, unit=unit, coverage="calls", criteria=CALLS, settings=(*settings, *SCOPE),
        better=Better.LOWER, histogram=histogram, censored=censored, q=q, label_en=label[0], label_th=label[1],
        definition_en=definition[0], definition_th=definition[1], excludes_en=excludes[0], excludes_th=excludes[1],
    )  # fmt: skip
