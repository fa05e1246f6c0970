"""For each alert a world in which it fires, and what changes in it keep it silent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

HOUR_AGO = 'site:gecc_calls_offered:increase1h{site="s1"}'
DAY_MINUTES = 24 * 60


@dataclass(frozen=True)
class Case:
    world: Mapping[str, str | None]
    """Series → its value, or its values in promtool's notation; None takes away what every world has."""
    silent: Mapping[str, Mapping[str, str | None]]
    """Why it is silent → series that are changed; None takes one away."""
    labels: Mapping[str, str] = field(default_factory=lambda: {"site": "s1"})
    shows: Mapping[str, str] = field(default_factory=dict)
    """What the words call a number → how it is shown."""
    begins: int = 0
    """Minutes until its condition holds."""
    pace: int = 1
    """Minutes between evaluations."""
    samples: int = 1
    """Minutes between samples."""


CLOSED = {"outside service hours": {'gecc_service_open{site="s1"}': "0"}}
UNIT = {"site": "s1", "unit": "u1"}


def _rate(kpi: str, target: str, bad: str, good: str, shows: Mapping[str, str]) -> Case:
    """Of 100 contacts the score bound of a target of 5 % is 4.27 points away; of 29 nothing is told."""
    ratio, n = f'site:gecc_{kpi}:ratio1h{{site="s1"}}', f'site:gecc_{kpi}:n1h{{site="s1"}}'
    return Case(
        {
            f'gecc_target_{kpi}{{site="s1"}}': target,
            ratio: bad,
            n: "100",
            f'gecc_today_{kpi}{{site="s1"}}': target,
            f'gecc_today_n_{kpi}{{site="s1"}}': "500",
        },
        {
            "no further from the target than chance": {ratio: good},
            "too few contacts": {n: "29"},
            "the site has no target": {f'gecc_target_{kpi}{{site="s1"}}': None},
            "nobody came in the past hour": {ratio: None, n: "0"},
            **CLOSED,
        },
        shows={"n": "100", **shows},
    )


CASES: dict[str, Case] = {
    "rings_too_many": _rate(
        "answered_within_3_rings_rate", "0.9", "0.84", "0.8413", {"percent": "84%", "target": "90%"}
    ),
    "calls_lost": _rate("abandoned_call_rate", "0.05", "0.0928", "0.0927", {"percent": "9.28%", "target": "5%"}),
    "ticket_wait_too_long": Case(
        {
            'gecc_longest_ticket_wait_seconds{site="s1",unit="u1"}': "901",
            'gecc_ticket_wait_target_seconds{site="s1",unit="u1"}': "900",
            'gecc_longest_ticket_wait_seconds{site="s1",unit="u2"}': "5000",
        },
        {
            "just as long as declared": {'gecc_longest_ticket_wait_seconds{site="s1",unit="u1"}': "900"},
            "nothing declared": {'gecc_ticket_wait_target_seconds{site="s1",unit="u1"}': None},
            **CLOSED,
        },
        UNIT,
        {"minutes": "15", "target": "15"},
    ),
    "satisfaction_falling": Case(
        {
            'site:gecc_satisfaction_rate:ratio1d{site="s1"}': "0.8",
            'site:gecc_satisfaction_rate:ratio28d{site="s1"}': "0.9",
            'site:gecc_satisfaction_rate:n1d{site="s1"}': "100",
            'site:gecc_satisfaction_rate:n28d{site="s1"}': "2800",
        },
        {
            "chance, of fewer votes": {'site:gecc_satisfaction_rate:n1d{site="s1"}': "55"},
            "too little to matter": {
                'site:gecc_satisfaction_rate:ratio1d{site="s1"}': "0.851",
                'site:gecc_satisfaction_rate:n1d{site="s1"}': "1000",
            },
            "too few votes": {
                'site:gecc_satisfaction_rate:ratio1d{site="s1"}': "0.1",
                'site:gecc_satisfaction_rate:n1d{site="s1"}': "29",
            },
            "the first day: nothing to compare with": {
                'site:gecc_satisfaction_rate:ratio28d{site="s1"}': "0.8",
                'site:gecc_satisfaction_rate:n28d{site="s1"}': "100",
            },
            **CLOSED,
        },
        shows={"percent": "80%", "month": "90%", "n": "100"},
    ),
    "reply_due_soon": Case(
        {
            'gecc_reply_due_seconds{site="s1",unit="u1"}': "300",
            'gecc_reply_target_seconds{site="s1",unit="u1"}': "900",
        },
        {
            "more than a third is left": {'gecc_reply_due_seconds{site="s1",unit="u1"}': "301"},
            "it is late already": {'gecc_reply_due_seconds{site="s1",unit="u1"}': "-1"},
            "more than an hour is left": {
                'gecc_reply_due_seconds{site="s1",unit="u1"}': "3601",
                'gecc_reply_target_seconds{site="s1",unit="u1"}': "86400",
            },
            "nobody waits": {'gecc_reply_due_seconds{site="s1",unit="u1"}': None},
            **CLOSED,
        },
        UNIT,
        {"minutes": "5.0"},
    ),
    "reply_late": Case(
        {'gecc_reply_due_seconds{site="s1",unit="u1"}': "-120"},
        {"in time to the second": {'gecc_reply_due_seconds{site="s1",unit="u1"}': "0"}, **CLOSED},
        UNIT,
        {"minutes": "2"},
    ),
    "complaint_overdue": Case(
        {'gecc_complaints_overdue{site="s1",unit="u1"}': "2"},
        {"none is overdue": {'gecc_complaints_overdue{site="s1",unit="u1"}': "0"}, **CLOSED},
        UNIT,
        {"number": "2"},
    ),
    "device_silent": Case(
        {'gecc_device_up{site="s1",unit="u1"}': "0", 'gecc_device_up{site="s1",unit="u2"}': "1"},
        {"it is connected": {'gecc_device_up{site="s1",unit="u1"}': "1"}, **CLOSED},
        UNIT,
    ),
    "site_offline": Case(
        {'gecc_device_up{site="s1",unit="u1"}': "0", 'gecc_device_up{site="s1",unit="u2"}': "0"},
        {
            "one is connected": {'gecc_device_up{site="s1",unit="u2"}': "1"},
            "there is but one": {'gecc_device_up{site="s1",unit="u2"}': None},
            **CLOSED,
        },
        shows={"number": "2"},
    ),
    "pbx_silent": Case(
        {
            'gecc_source_last_event_timestamp_seconds{site="s1",unit="u1"}': f"{14 * 86400}",
            'gecc_unit_info{site="s1",unit="u1",kind="source",name_th="งานหนึ่ง",name_en="Unit one"}': "1",
            HOUR_AGO: "10",
        },
        {
            "an event an hour ago": {
                'gecc_source_last_event_timestamp_seconds{site="s1",unit="u1"}': f"{14 * 86400 + 125 * 60}"
            },
            "few calls are to be expected": {HOUR_AGO: "3.3"},
            "it is no log": {
                'gecc_unit_info{site="s1",unit="u1",kind="source",name_th="งานหนึ่ง",name_en="Unit one"}': None
            },
            "two weeks are not known and it is but an hour": {HOUR_AGO: None},
            "closed within the hour": {'gecc_service_open{site="s1"}': "0x5072 1x40"},
            **CLOSED,
        },
        UNIT,
        {"minutes": "180"},
        begins=14 * DAY_MINUTES + 120,
        pace=60,
        samples=4,
    ),
    "ingest_lag": Case(
        {
            'gecc_source_lag_seconds{site="s1",unit="u1"}': "3601",
            'unit:gecc_source_lag_seconds:usual7d{site="s1",unit="u1"}': "1200",
        },
        {
            "three times what is usual": {'gecc_source_lag_seconds{site="s1",unit="u1"}': "3600"},
            "five minutes": {
                'gecc_source_lag_seconds{site="s1",unit="u1"}': "300",
                'unit:gecc_source_lag_seconds:usual7d{site="s1",unit="u1"}': "1",
            },
        },
        UNIT,
        {"minutes": "60"},
    ),
    "rejects_rising": Case(
        {'unit:gecc_source_rejected:increase1h{site="s1",unit="u1"}': "4+0x60 28+0x60"},
        {
            "beyond twice the usual hour, by chance": {
                'unit:gecc_source_rejected:increase1h{site="s1",unit="u1"}': "16+0x60 44+0x60"
            },
            "few": {'unit:gecc_source_rejected:increase1h{site="s1",unit="u1"}': "0+0x60 19+0x60"},
        },
        UNIT,
        {"number": "28"},
        begins=61,
    ),
    "clock_off": Case(
        {'gecc_device_clock_offset_seconds{site="s1",unit="u1"}': "-31"},
        {"half a minute": {'gecc_device_clock_offset_seconds{site="s1",unit="u1"}': "30"}},
        UNIT,
        {"seconds": "31"},
    ),
    "messages_missing": Case(
        {'gecc_device_sequence_missing_total{site="s1",unit="u1"}': "7 17+0x58"},
        {
            "nine": {'gecc_device_sequence_missing_total{site="s1",unit="u1"}': "7 16+0x58"},
            "long ago": {'gecc_device_sequence_missing_total{site="s1",unit="u1"}': "17+0x120"},
        },
        UNIT,
        {"number": "10"},
        begins=1,
    ),
    "disk_filling": Case(
        {
            'gecc_disk_free_bytes{instance="host"}': "1099511627776-1073741824x480",
            'gecc_disk_size_bytes{instance="host"}': "8796093022208",
        },
        {
            "it will last": {'gecc_disk_free_bytes{instance="host"}': "1099511627776-1073741x480"},
            "more than a third is free": {'gecc_disk_size_bytes{instance="host"}': "3298534883328"},
        },
        {"instance": "host"},
        {"bytes": "963GiB", "job": "host"},
        begins=1,
    ),
    "disk_nearly_full": Case(
        {'gecc_disk_free_bytes{instance="host"}': "1073741823", 'gecc_disk_size_bytes{instance="host"}': "2147483648"},
        {"1 GiB, and a twentieth": {'gecc_disk_free_bytes{instance="host"}': "1073741824"}},
        {"instance": "host"},
        {"bytes": "1024MiB", "job": "host"},
    ),
    "service_down": Case(
        {'up{job="gecc",instance="host"}': "0"},
        {"it answers": {'up{job="gecc",instance="host"}': "1"}},
        {"instance": "host", "job": "gecc"},
        {"job": "host"},
    ),
    "service_absent": Case(
        {'up{job="gecc",instance="other"}': None},
        {"it is known": {'up{job="gecc",instance="host"}': "0"}},
        {"job": "gecc"},
    ),
    "influxdb_stopped": Case(
        {'gecc_influxdb_up{instance="host"}': "0"},
        {
            "it takes points": {'gecc_influxdb_up{instance="host"}': "1"},
            "there is none": {'gecc_influxdb_up{instance="host"}': None},
        },
        {"instance": "host"},
        {"job": "host"},
    ),
    "influxdb_behind": Case(
        {'gecc_influxdb_behind_events{instance="host"}': "10001"},
        {
            "not many": {'gecc_influxdb_behind_events{instance="host"}': "10000"},
            "they get fewer": {'gecc_influxdb_behind_events{instance="host"}': "1000000-10x120"},
        },
        {"instance": "host"},
        {"number": "10001", "job": "host"},
        begins=15,
    ),
    "influxdb_set_aside": Case(
        {'gecc_influxdb_set_aside_total{instance="host"}': "0 3+0x58"},
        {"none": {'gecc_influxdb_set_aside_total{instance="host"}': "3"}},
        {"instance": "host"},
        {"number": "3", "job": "host"},
        begins=1,
    ),
}
EVERYWHERE = {
    'gecc_site_info{site="s1",name_th="ศูนย์ทดสอบ",name_en="Test Centre"}': "1",
    'gecc_unit_info{site="s1",unit="u1",kind="service",name_th="งานหนึ่ง",name_en="Unit one"}': "1",
    'gecc_service_open{site="s1"}': "1",
    'gecc_verdict_min_n{site="s1"}': "30",
    'up{job="gecc",instance="other"}': "1",
}
"""What every world has: a centre that is open."""
