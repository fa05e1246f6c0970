"""Recording rules: what Prometheus (or vmalert) works out beforehand for dashboards and alerts, as files.

A counter's rise over a long period is the counter now minus what it was at the period's beginning. For that, each counter
is kept once an hour (`unit:…:at_hour`): a missed scrape, a missed evaluation or an outage in between loses nothing,
because the counters go on over restarts; nothing is extrapolated, so the rises of counts are whole numbers. What follows:

- `increase1h` is exact but for the one scrape interval at its beginning;
- `increase1d` and `increase28d` are exact to the contact, over a period that begins at the full round of the hourly group:
  23 to 24 hours, and 27 days and 23 hours to 28 days; until the first round there is what the last hour has;
- a counter that is new at a site that was there an hour before, under the same version, is counted from 0;
- a counter that went down (the journal was lost, or restored) counts on from the next full round; it never jumps up;
- what came while Prometheus did not know the service yet is not counted, and what comes late counts when it comes.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from dashboards.headline import LEVELS, WINDOWS, factor, headline, increase_name, n_name, per, ratio_name, verdict_name
from kpis.model import KPI, Better
from telemetry.metric_names import metric_name, target_name

Rule: TypeAlias = dict[str, Any]

KEPT = {"1d": "23h30m", "28d": "27d23h30m"}
"""Window → how far back the hourly values reach: half an hour less, so that no value lies on the edge."""
STEADY = "site:gecc_steady:info"
PROVINCE = 'max by (site, province) (gecc_site_info{province!=""})'
MIN_N = "max by (site) (gecc_verdict_min_n)"
LAG = "gecc_source_lag_seconds"
REJECTED = "gecc_source_rejected"


def groups() -> list[dict[str, Any]]:
    """The recording rules; whatever a rule reads is made by one before it, or a round earlier."""
    used = list(dict.fromkeys(m for kpi in headline() for m in (kpi.numerator, kpi.denominator)))
    return [
        {"name": "gecc_sites", "interval": "1m", "rules": [_steady(), *_sources()]},
        {
            "name": "gecc_kept_by_the_hour",
            "interval": "1h",
            "rules": [r for m in used for r in _kept(m)] + _usual_lag(),
        },
        {"name": "gecc_increases", "interval": "1m", "rules": [r for m in used for r in _increases(m)]},
        {"name": "gecc_ratios", "interval": "1m", "rules": [r for kpi in headline() for r in _ratios(kpi)]},
    ]


def kept_name(measure: str) -> str:
    return f"unit:{metric_name(measure)}:at_hour"


def base_name(measure: str, window: str) -> str:
    return f"unit:{metric_name(measure)}:base{window}"


def _steady() -> Rule:
    """Sites that the same version told of an hour ago: what is new there began at 0."""
    return _record(
        STEADY,
        "count by (site) ((gecc_site_info offset 1h)"
        " and on (job, instance) (gecc_build_info and gecc_build_info offset 1h))",
    )


def _kept(measure: str) -> list[Rule]:
    name, now = kept_name(measure), _now(measure)
    return [
        _record(
            name,
            f"((0 * {now}) unless on (site, unit) last_over_time({name}[28d] offset 30m)) and on (site) {STEADY}"
            f" or on (site, unit) {now}",
        ),
        *(
            _record(base_name(measure, window), f"min_over_time({name}[{reach}])")
            for window, reach in KEPT.items()
        ),
    ]  # fmt: skip


def _increases(measure: str) -> list[Rule]:
    counter, hour = f"{metric_name(measure)}_total", increase_name("unit", measure, "1h")
    unit = [
        _record(
            hour,
            f"sum by (site, unit) (((({counter} unless {counter} offset 1h)) and on (site) {STEADY})"
            f" or ({counter} - min_over_time({counter}[1h])))",
        )
    ]
    for window in KEPT:
        since = f"last_over_time({base_name(measure, window)}[70m])"
        unit.append(
            _record(
                increase_name("unit", measure, window),
                f"clamp_min({_now(measure)} - on (site, unit) {since}, 0) or on (site, unit) {hour}",
            )
        )
    return unit + [
        _record(increase_name(level, measure, window), summed(level, measure, window))
        for window in WINDOWS
        for level in LEVELS
        if level != "unit"
    ]


def summed(level: str, measure: str, window: str) -> str:
    """A level's rise from the level below."""
    if level == "site":
        return f"sum by (site) ({increase_name('unit', measure, window)})"
    sites = increase_name("site", measure, window)
    if level == "province":
        return f"sum by (province) ({sites} * on (site) group_left (province) {PROVINCE})"
    return f"sum({sites})"


def _ratios(kpi: KPI) -> list[Rule]:
    out = []
    times = factor(kpi)
    for window in WINDOWS:
        for level, labels in LEVELS.items():
            num, den = (increase_name(level, m, window) for m in (kpi.numerator, kpi.denominator))
            value = f"{num} / on ({', '.join(labels)}) ({den} > 0)"
            if times != 1:
                value = f"{float(times):.12g} * {value}"
            if per(kpi.numerator) != 1:  # what equals a target in decimals must equal it here
                value = f"round(1e9 * {value}) / 1e9"
            out += [_record(ratio_name(level, kpi, window), value), _record(n_name(level, kpi, window), den)]
    if kpi.better is not Better.NONE:
        out.append(_verdict(kpi))
    return out


def _verdict(kpi: KPI) -> Rule:
    """As `kpis.results.verdict` gives it, but that how much of the time was told of is not known here."""
    keeps = ("<" if kpi.better is Better.LOWER else ">") + ("" if kpi.beyond else "=")
    return _record(
        verdict_name(kpi),
        f"({ratio_name('site', kpi, '28d')} {keeps} bool on (site) {target(kpi)})"
        f" and on (site) ({n_name('site', kpi, '28d')} >= on (site) {MIN_N})",
    )


def target(kpi: KPI) -> str:
    """The target in force at each site."""
    return f"max by (site) ({target_name(kpi)})"


def _sources() -> list[Rule]:
    return [_record(f"unit:{REJECTED}:increase1h", rise(REJECTED, "1h"))]


def _usual_lag() -> list[Rule]:
    """A source whose files come once a day is always late; what is usual for it is said by the week before."""
    hourly = f"unit:{LAG}:at_hour"
    return [
        _record(hourly, f"max by (site, unit) ({LAG})"),
        _record(f"unit:{LAG}:usual7d", f"quantile_over_time(0.9, {hourly}[7d])"),
    ]


def rise(metric: str, window: str) -> str:
    """What counters of devices and sources rose by; never less than 0, and nothing is extrapolated."""
    return f"sum by (site, unit) ({metric}_total - min_over_time({metric}_total[{window}]))"


def _now(measure: str) -> str:
    return f"sum by (site, unit) ({metric_name(measure)}_total)"


def _record(name: str, expr: str) -> Rule:
    return {"record": name, "expr": expr}
