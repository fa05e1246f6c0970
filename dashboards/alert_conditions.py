"""The conditions of alerts, as queries whose value is the number that the message says.

Chance is left out of it: a rate is worse than its target only where a rate that just keeps the target would be so bad in
less than one of forty such samples (score test, 1.96 standard errors), and never below the site's own least number of
contacts.
"""

from __future__ import annotations

from dashboards.headline import n_name, ratio_name, verdict_name
from dashboards.rules_recording import LAG, MIN_N, REJECTED, rise, target
from kpis.model import KPI, Better
from kpis.results import KPIS
from telemetry.metric_names import today_n_name, today_name

OPEN = "(max by (site) (gecc_service_open) == 1)"
UNIT = "on (site, unit)"
CHANCE = 1.96
"""Standard errors."""
FALL_CHANCE = 2.58
FALL_LEAST = 0.05
"""A fall of satisfaction must be both: more than chance in one of two hundred samples, and large enough to matter."""
SILENT_CALLS = 20
"""Calls that came in the same hours one week and two weeks ago: ten a week, where none at all is no chance."""


def each(metric: str) -> str:
    """One sample for each site and unit, whatever else the scraper writes on it."""
    return f"max by (site, unit) ({metric})"


def in_hours(condition: str) -> str:
    """Only while the centre serves: nobody is called at night for what people do by day."""
    return f"({condition}) and on (site) {OPEN}"


def standing(condition: str, labels: str, **alert: str) -> str:
    """Raised in service hours only; what then stands on is not told of as mended because the centre closes."""
    raised = ",".join(f'{name}="{value}"' for name, value in {**alert, "alertstate": "firing"}.items())
    return f"({condition}) and on (site) {OPEN} or ({condition}) and on ({labels}) ALERTS{{{raised}}}"


def rate_alert(kpi_name: str, alert: str) -> str:
    """The past hour's rate, where it or today's is worse than the target beyond chance and the hour is no better than
    that; once told of, until the past hour keeps the target."""
    kpi = KPIS[kpi_name]
    hour, today = ratio_name("site", kpi, "1h"), f"max by (site) ({today_name(kpi)})"
    n_hour, n_today = n_name("site", kpi, "1h"), f"max by (site) ({today_n_name(kpi)})"
    worse = f"{_gap(kpi, hour)} > 0"
    return in_hours(
        f"({hour} and on (site) ({_beyond_chance(kpi, hour, n_hour)}))"
        f" or ({hour} and on (site) ({worse}) and on (site) ({_beyond_chance(kpi, today, n_today)}))"
        f' or ({hour} and on (site) ({worse}) and on (site) ALERTS{{alertname="{alert}",alertstate="firing"}})'
    )


def _gap(kpi: KPI, value: str) -> str:
    """How much worse than the target."""
    goal = target(kpi)
    return f"({value} - on (site) {goal})" if kpi.better is Better.LOWER else f"({goal} - on (site) {value})"


def _beyond_chance(kpi: KPI, value: str, n: str) -> str:
    goal = target(kpi)
    return (
        f"{_gap(kpi, value)} > on (site) {CHANCE} * sqrt({goal} * (1 - {goal}) / on (site) {n})"
        f" and on (site) ({n} >= on (site) {MIN_N})"
    )


def satisfaction_falling() -> str:
    """The past day's share, where it lies below that of the 28 days that end with it, beyond chance and far enough. The
    day is a part of the 28: the variance of the difference is p(1-p)(1/n - 1/N)."""
    kpi = KPIS["satisfaction_rate"]
    day, month = (ratio_name("site", kpi, w) for w in ("1d", "28d"))
    n, whole = (n_name("site", kpi, w) for w in ("1d", "28d"))
    gap = f"({month} - on (site) {day})"
    return in_hours(
        f"{day} and on (site) ({gap} >= {FALL_LEAST})"
        f" and on (site) ({gap} > on (site) {FALL_CHANCE} * sqrt({month} * (1 - {month}) * on (site) (1 / {n} - on (site) 1 / {whole})))"
        f" and on (site) ({n} >= on (site) {MIN_N})"
    )


def waiting_too_long() -> str:
    """Minutes that the first in the line has waited, where that is more than was declared."""
    return in_hours(
        f"{each('gecc_longest_ticket_wait_seconds')} / 60"
        f" > {UNIT} {each('gecc_ticket_wait_target_seconds')} / 60"
    )  # fmt: skip


def reply_due_soon() -> str:
    """Minutes that are left for a reply: in the last third of its standard, an hour at most."""
    due, standard = "min by (site, unit) (gecc_reply_due_seconds)", each("gecc_reply_target_seconds")
    return in_hours(
        f"{due} / 60 >= 0 and {UNIT} ({due} <= {UNIT} clamp_max({standard} / 3, 3600))"
    )  # fmt: skip


def reply_late() -> str:
    """Minutes by which a reply is late."""
    return in_hours("-1 * min by (site, unit) (gecc_reply_due_seconds) / 60 > 0")


def device_silent() -> str:
    """What is not connected while its centre serves; what serves all centres must be there always."""
    down = f"{each('gecc_device_up')} == 0"
    return f'({down} and on (site) {OPEN}) or max by (site, unit) (gecc_device_up{{site=""}}) == 0'


def site_offline() -> str:
    """How many devices and sources a site has, where there are at least two and none is connected."""
    there = each("gecc_device_up")
    return in_hours(f"count by (site) ({there}) >= 2 unless on (site) ({there} == 1)")


def pbx_silent() -> str:
    """Minutes since the last event of a log, in hours in which calls are to be expected: within one hour, or three, of
    unbroken service in which ten calls came one and two weeks ago on average; where two weeks are not known yet, three
    hours."""
    last = "gecc_source_last_event_timestamp_seconds"
    silence = f"(time() - {each(last)}) / 60"
    calls = "site:gecc_calls_offered:increase1h"
    logs = f'{UNIT} max by (site, unit) (gecc_unit_info{{kind="source"}})'

    def quiet(hours: int, expected: str) -> str:
        return (
            f"({silence} > {60 * hours} and {logs}"
            f" and on (site) (min by (site) (min_over_time(gecc_service_open[{hours}h])) == 1) {expected})"
        )

    def expected(hours: int) -> str:
        then = [f"{calls} offset {24 * 7 * week + h}h" for week in (1, 2) for h in range(hours)]
        return f"and on (site) ({' + '.join(then)} >= {SILENT_CALLS})"

    unknown = f"unless on (site) {calls} offset {24 * 7 * 2}h"
    return f"{quiet(1, expected(1))} or {quiet(3, expected(3))} or {quiet(3, unknown)}"


def ingest_lag() -> str:
    """Minutes that the newest records came late: more than five, and three times what is usual for this source."""
    now, usual = each(LAG), f"last_over_time(unit:{LAG}:usual7d[70m])"
    return f"({now} / 60 > 5) unless {UNIT} ({now} <= {UNIT} 3 * {usual})"


def rejects_rising() -> str:
    """Records of the past hour that could not be read: at least 20, and beyond the chance of twice the usual hour."""
    hour = f"unit:{REJECTED}:increase1h"
    usual = f"avg_over_time({hour}[1d] offset 1h)"
    return f"({hour} >= 20) unless {UNIT} ({hour} <= {UNIT} (2 * {usual} + 3 * sqrt({usual})))"


def clock_off() -> str:
    """Seconds by which a clock is wrong."""
    return "max by (site, unit) (abs(gecc_device_clock_offset_seconds)) > 30"


def messages_missing() -> str:
    """Messages of the past hour that never came."""
    return f"{rise('gecc_device_sequence_missing', '1h')} >= 10"


def disk_filling() -> str:
    """Bytes left, where they would be gone in four days at the pace of the past six hours, and less than a third is free."""
    return (
        "gecc_disk_free_bytes"
        " and (predict_linear(gecc_disk_free_bytes[6h], 345600) < 0)"
        " and (gecc_disk_free_bytes / gecc_disk_size_bytes < 0.3)"
    )


def disk_nearly_full() -> str:
    return "gecc_disk_free_bytes < 1073741824 or (gecc_disk_free_bytes and gecc_disk_free_bytes / gecc_disk_size_bytes < 0.05)"


def influxdb_behind() -> str:
    """Events that wait for the store and do not get fewer."""
    behind = "gecc_influxdb_behind_events"
    return f"{behind} > 10000 and ({behind} >= {behind} offset 15m)"


def complaint_overdue(alert: str) -> str:
    """Complaints that are open beyond their date."""
    return standing(f"{each('gecc_complaints_overdue')} > 0", "site, unit", alertname=alert)


def criterion_missed(kpi: KPI, alert: str) -> str:
    """The figure of 28 days that does not keep its target."""
    missed = f"{ratio_name('site', kpi, '28d')} and on (site) ({verdict_name(kpi)} == 0)"
    return standing(missed, "site", alertname=alert, kpi=kpi.name)
