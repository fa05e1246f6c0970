"""The alerts: what is told of, after how long, how urgently, and to whom. Their words are in telemetry/text/alerts_*.toml.

Thresholds are the site's own targets where the standard or the centre sets one. Those of machines are stated in
alert_conditions.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dashboards import alert_conditions as when
from dashboards.headline import headline, n_name, ratio_name
from kpis.model import KPI, Better
from kpis.results import KPIS
from telemetry.metric_names import target_name
from telemetry.text import LANGUAGES, words

PREFIX = "Gecc"
INTERVAL = "30s"
JOB = "gecc"
"""The name that deploy/prometheus/prometheus.yml gives the service."""
LINK = "{{ $externalLabels.gecc_url }}/runbooks?lang=%s#%s"
"""The service itself shows what to do; `gecc_url` is an external label of Prometheus."""

PERCENT = "{{ $value | humanizePercentage }}"
WHOLE = '{{ $value | printf "%.0f" }}'
TENTH = '{{ $value | printf "%.1f" }}'
BYTES = "{{ $value | humanize1024 }}B"


@dataclass(frozen=True, slots=True)
class Alert:
    """One condition. `key` names its words and its place on the page of what to do."""

    key: str
    expr: str
    hold: str
    """How long the condition must last."""
    severity: str
    """`critical`: at once; `warning`: within the hour; `info`: once a day."""
    team: str
    """`service`: who serves people; `technical`: who keeps the machines."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """What the words call a number → the template that shows it."""
    kpi: KPI | None = None
    """Of an alert that there is for each of several KPIs."""

    @property
    def name(self) -> str:
        return named(self.key)

    @property
    def anchor(self) -> str:
        return self.key.replace("_", "-")


def named(key: str) -> str:
    """What Prometheus calls it."""
    return PREFIX + "".join(part.capitalize() for part in key.split("_"))


def alerts() -> tuple[Alert, ...]:
    """Every alert, in the order in which they are shown."""
    return (*_of_people(), *_of_machines())


def groups() -> list[dict[str, Any]]:
    """As Prometheus and vmalert read them."""
    return [
        {"name": "gecc_service_alerts", "interval": INTERVAL, "rules": [_rule(a) for a in _of_people()]},
        {"name": "gecc_technical_alerts", "interval": INTERVAL, "rules": [_rule(a) for a in _of_machines()]},
    ]


def _of_people() -> Iterator[Alert]:
    for key, kpi_name in (("rings_too_many", "answered_within_3_rings_rate"), ("calls_lost", "abandoned_call_rate")):
        kpi = KPIS[kpi_name]
        shown = {
            "percent": PERCENT,
            "target": _looked_up(target_name(kpi), "humanizePercentage"),
            "n": _looked_up(n_name("site", kpi, "1h"), 'printf "%.0f"'),
        }
        yield Alert(key, when.rate_alert(kpi_name, named(key)), "10m", "warning", "service", shown)
    yield Alert(
        "ticket_wait_too_long",
        when.waiting_too_long(),
        "3m",
        "warning",
        "service",
        {
            "minutes": WHOLE,
            "target": _looked_up("gecc_ticket_wait_target_seconds", 'printf "%.0f"', unit=True, per=" / 60"),
        },
    )
    satisfaction = KPIS["satisfaction_rate"]
    yield Alert(
        "satisfaction_falling",
        when.satisfaction_falling(),
        "30m",
        "warning",
        "service",
        {
            "percent": PERCENT,
            "month": _looked_up(ratio_name("site", satisfaction, "28d"), "humanizePercentage"),
            "n": _looked_up(n_name("site", satisfaction, "1d"), 'printf "%.0f"'),
        },
    )
    yield Alert("reply_due_soon", when.reply_due_soon(), "1m", "warning", "service", {"minutes": TENTH})
    yield Alert("reply_late", when.reply_late(), "1m", "warning", "service", {"minutes": WHOLE})
    overdue = named("complaint_overdue")
    yield Alert("complaint_overdue", when.complaint_overdue(overdue), "30m", "warning", "service", {"number": WHOLE})
    for kpi in headline():
        if kpi.better is not Better.NONE:
            yield _criterion(kpi)


def _criterion(kpi: KPI) -> Alert:
    show = {"ratio": "humanizePercentage", "percent": 'printf "%.1f%%"'}.get(kpi.unit, 'printf "%.0f s"')
    return Alert(
        "criterion_not_met", when.criterion_missed(kpi, named("criterion_not_met")), "1h", "info", "service",
        {
            "value": f"{{{{ $value | {show} }}}}",
            "target": _looked_up(target_name(kpi), show),
            "n": _looked_up(n_name("site", kpi, "28d"), 'printf "%.0f"'),
        },
        kpi,
    )  # fmt: skip


def _of_machines() -> Iterator[Alert]:
    yield Alert("device_silent", when.device_silent(), "5m", "warning", "technical")
    yield Alert("site_offline", when.site_offline(), "5m", "critical", "technical", {"number": WHOLE})
    yield Alert("pbx_silent", when.pbx_silent(), "5m", "warning", "technical", {"minutes": WHOLE})
    yield Alert("ingest_lag", when.ingest_lag(), "15m", "warning", "technical", {"minutes": WHOLE})
    yield Alert("rejects_rising", when.rejects_rising(), "5m", "warning", "technical", {"number": WHOLE})
    yield Alert("clock_off", when.clock_off(), "15m", "warning", "technical", {"seconds": WHOLE})
    yield Alert("messages_missing", when.messages_missing(), "5m", "warning", "technical", {"number": WHOLE})
    yield Alert("disk_filling", when.disk_filling(), "1h", "warning", "technical", {"bytes": BYTES})
    yield Alert("disk_nearly_full", when.disk_nearly_full(), "5m", "critical", "technical", {"bytes": BYTES})
    yield Alert("service_down", f'up{{job="{JOB}"}} == 0', "2m", "critical", "technical")
    yield Alert("service_absent", f'absent(up{{job="{JOB}"}})', "5m", "critical", "technical")
    yield Alert("influxdb_stopped", "gecc_influxdb_up == 0", "10m", "warning", "technical")
    yield Alert("influxdb_behind", when.influxdb_behind(), "15m", "warning", "technical", {"number": WHOLE})
    yield Alert(
        "influxdb_set_aside",
        "gecc_influxdb_set_aside_total - min_over_time(gecc_influxdb_set_aside_total[1h]) > 0",
        "1m", "info", "technical", {"number": WHOLE},
    )  # fmt: skip


def _rule(alert: Alert) -> dict[str, Any]:
    labels = {"severity": alert.severity, "team": alert.team}
    if alert.kpi:
        labels["kpi"] = alert.kpi.name
    annotations = {
        f"{part}_{lang}": _filled(alert, part, lang) for part in ("summary", "description") for lang in LANGUAGES
    }
    links = {f"runbook_url_{lang}": LINK % (lang, alert.anchor) for lang in LANGUAGES}
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.hold,
        "labels": labels,
        "annotations": annotations | {"runbook_url": links[f"runbook_url_{LANGUAGES[0]}"]} | links,
    }


def _filled(alert: Alert, part: str, lang: str) -> str:
    """The words with templates where they name a number; a word that names what the alert has not is an error."""
    fields = {"site": _site(lang), "unit": _unit(lang), "job": "{{ $labels.instance }}", **alert.fields}
    if alert.kpi:
        fields["kpi"] = alert.kpi.label_th if lang == "th" else alert.kpi.label_en
    return re.sub(r"\{(\w+)\}", lambda found: fields[found[1]], words(lang, "alerts")[f"{alert.key}_{part}"])


def _site(lang: str) -> str:
    return (
        '{{ with printf "gecc_site_info{site=%q}" $labels.site | query }}'
        f'{{{{ . | first | label "name_{lang}" }}}}{{{{ else }}}}{{{{ if $labels.site }}}}{{{{ $labels.site }}}}'
        f"{{{{ else }}}}{words(lang, 'alerts')['everywhere']}{{{{ end }}}}{{{{ end }}}}"
    )


def _unit(lang: str) -> str:
    return (
        '{{ with printf "gecc_unit_info{site=%q,unit=%q}" $labels.site $labels.unit | query }}'
        f'{{{{ . | first | label "name_{lang}" }}}}{{{{ else }}}}{{{{ $labels.unit }}}}{{{{ end }}}}'
    )


def _looked_up(series: str, show: str, *, unit: bool = False, per: str = "") -> str:
    """Another number of the same place, – where there is none."""
    chosen, labels = ("site=%q,unit=%q", "$labels.site $labels.unit") if unit else ("site=%q", "$labels.site")
    return (
        f'{{{{ with printf "{series}{{{chosen}}}{per}" {labels} | query }}}}'
        f"{{{{ . | first | value | {show} }}}}{{{{ else }}}}–{{{{ end }}}}"
    )
