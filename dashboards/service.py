"""The service itself: what comes in, what is stored and how fast, what is refused, and room on the disk."""

from __future__ import annotations

from dashboards.layout import Board, Placed, Section, Variable
from dashboards.panels import AMBER, GREEN, RED, Query, bars, line, number, words_for
from dashboards.promql import STEP
from dashboards.wording import COUNTED, Words

OF = 'instance=~"$instance"'
RATE = "$__rate_interval"


def board(w: Words) -> Board:
    up = words_for(("1", w["online"], GREEN), ("0", w["offline"], RED))
    free = f"gecc_disk_free_bytes{{{OF}}} / gecc_disk_size_bytes{{{OF}}}"
    now = [
        number(w.panel("version", "none"), [Query(f"gecc_build_info{{{OF}}}", "{{version}}")], name=True),
        number(w.panel("up", "none"), [Query(f"up{{{OF}}} * on (instance) max by (instance) (gecc_build_info)", w["up"])], mappings=up),
        number(w.panel("disk_share", "percentunit", 1), [Query(f"min({free})", w["disk_share"])],
               colours=[(None, RED), (0.1, AMBER), (0.2, GREEN)]),
        number(w.panel("scrape_time", "s"), [Query(f"max(scrape_duration_seconds{{{OF}}} * on (instance) max by (instance) (gecc_build_info))", w["scrape_time"])],
               colours=[(None, GREEN), (0.25, AMBER), (1, RED)]),
    ]  # fmt: skip
    flow = [
        Query(_rate("gecc_records_received_total"), w["received"]),
        Query(_rate("gecc_events_total"), w["stored"]),
        Query(_rate("gecc_duplicates_total"), w["duplicates"]),
        Query(_rate("gecc_records_ignored_total"), w["ignored"]),
    ]
    commit = f"{_rate('gecc_commit_seconds_total')} / ({_rate('gecc_commits_total')} > 0)"
    main = [
        line(w.panel("flow", "reqps"), flow),
        line(w.panel("commit_time", "s"), [Query(commit, w["commit_time"]), Query(f"sum(increase(gecc_commits_total{{{OF}}}[{STEP}]))", "n", "n")]),
        bars(w.panel("rejected_by_reason", COUNTED), [Query(f"sum by (reason) (increase(gecc_rejected_total{{{OF}}}[{STEP}])) > 0", "{{reason}}")]),
        line(w.panel("disk", "bytes"), [Query(f"gecc_disk_free_bytes{{{OF}}}", w["free"]), Query(f"gecc_disk_size_bytes{{{OF}}}", w["size"], "limit")]),
        line(w.panel("series", COUNTED), [Query(f"scrape_samples_scraped{{{OF}}} * on (instance) max by (instance) (gecc_build_info)", "{{instance}}")]),
        line(w.panel("newest", "s"), [Query("time() - gecc_last_event_timestamp_seconds", "{{site}}")]),
    ]  # fmt: skip
    influx = [
        number(w.panel("influx_up", "none"), [Query(f"gecc_influxdb_up{{{OF}}}", w["influx_up"])], mappings=up),
        number(w.panel("influx_behind", COUNTED, 0), [Query(f"gecc_influxdb_behind_events{{{OF}}}", w["influx_behind"])],
               colours=[(None, GREEN), (10_000, AMBER), (100_000, RED)]),
        number(w.panel("influx_aside", COUNTED, 0), [Query(f"gecc_influxdb_set_aside_total{{{OF}}}", w["influx_aside"])],
               colours=[(None, GREEN), (1, RED)]),
        line(w.panel("influx_points", "wps"), [Query(_rate("gecc_influxdb_points_total"), w["influx_points"])]),
        bars(w.panel("influx_failures", COUNTED), [Query(f"sum by (reason) (increase(gecc_influxdb_failures_total{{{OF}}}[{STEP}]))", "{{reason}}")]),
    ]  # fmt: skip
    widths = (8, 8, 8, 12, 12)
    return Board(
        "service", w["service_title"], w["service_intro"],
        [
            Section(w["now"], [Placed(p, 6, 4) for p in now]),
            Section(w["over_time"], [Placed(p, 12, 8) for p in main]),
            Section(w["influx"], [Placed(p, wide, 5 if wide == 8 else 8) for p, wide in zip(influx, widths, strict=True)]),
        ],
        [Variable("instance", w["instance"], "label_values(gecc_build_info, instance)", all_of_them=True)],
        first="now-6h", window="15m",
    )  # fmt: skip


def _rate(counter: str) -> str:
    return f"sum(rate({counter}{{{OF}}}[{RATE}]))"
