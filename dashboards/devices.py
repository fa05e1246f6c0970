"""Devices and data quality: who is silent, how late records come, what is missing, whose clock is off, what was refused."""

from __future__ import annotations

from dashboards import promql
from dashboards.figures import everything
from dashboards.layout import Board, Placed, Section, Variable
from dashboards.panels import AMBER, GREEN, RED, Query, bars, line, number, plain, rows, said, words_for
from dashboards.today import site
from dashboards.wording import COUNTED, Words

OF = promql.PLACE


def board(w: Words) -> Board:
    silence = f"time() - gecc_source_last_event_timestamp_seconds{{{OF}}}"
    up = words_for(("1", w["online"], GREEN), ("0", w["offline"], RED))
    table = rows(
        w.panel("sources", COUNTED),
        [
            (w["state"], f"max by (unit) (gecc_device_up{{{OF}}})", said(up, w["unknown"])),
            (w["silence"], f"max by (unit) ({silence})", plain("s", 0)),
            (w["lag"], f"max by (unit) (gecc_source_lag_seconds{{{OF}}})", plain("s", 1)),
            (w["missing"], f"sum by (unit) (gecc_device_sequence_missing_total{{{OF}}})", plain(COUNTED, 0)),
            (w["offset"], f"max by (unit) (gecc_device_clock_offset_seconds{{{OF}}})", plain("s", 2)),
            (w["rejected"], f"sum by (unit) (gecc_source_rejected_total{{{OF}}})", plain(COUNTED, 0)),
        ],
        {"unit": w["device"]},
        sort=w["device"],
    )
    now = [
        number(w.panel("devices_up", COUNTED, 0), [Query(f"sum(gecc_device_up{{{OF}}})", w["devices_up"]),
               Query(f"count(gecc_device_up{{{OF}}})", w["devices_known"], "n")]),
        number(w.panel("longest_silence", "s", 0), [Query(f"max({silence})", w["longest_silence"])],
               colours=[(None, GREEN), (900, AMBER), (3600, RED)]),
        number(w.panel("longest_lag", "s", 1), [Query(f"max(gecc_source_lag_seconds{{{OF}}})", w["longest_lag"])],
               colours=[(None, GREEN), (60, AMBER), (600, RED)]),
        number(w.panel("all_missing", COUNTED, 0), [Query(f"sum(gecc_device_sequence_missing_total{{{OF}}})", w["all_missing"])],
               colours=[(None, GREEN), (1, AMBER)]),
    ]  # fmt: skip
    of_each = "{{unit}}"
    over_time = [
        line(w.panel("silence_over_time", "s"), [Query(silence, of_each)]),
        line(w.panel("lag_over_time", "s"), [Query(f"gecc_source_lag_seconds{{{OF}}}", of_each)]),
        bars(w.panel("missing_over_time", COUNTED), [Query(f"increase(gecc_device_sequence_missing_total{{{OF}}}[{promql.STEP}])", of_each)]),
        line(w.panel("offset_over_time", "s"), [Query(f"gecc_device_clock_offset_seconds{{{OF}}}", of_each)]),
        bars(w.panel("rejected_over_time", COUNTED), [Query(f"increase(gecc_source_rejected_total{{{OF}}}[{promql.STEP}])", of_each)]),
        bars(w.panel("rejected_by_reason", COUNTED), [Query(f"sum by (reason) (increase(gecc_rejected_total[{promql.STEP}])) > 0", "{{reason}}")]),
    ]  # fmt: skip
    return Board(
        "devices", w["devices_title"], w["devices_intro"],
        [
            Section(w["now"], [*(Placed(p, 6, 5) for p in now), Placed(table, 24, 12)]),
            Section(w["over_time"], [Placed(p, 12, 8) for p in over_time]),
            *everything(("presence",), w),
        ],
        [site(w), Variable("unit", w["device"], 'label_values(gecc_device_up{site="$site"}, unit)', all_of_them=True)],
    )  # fmt: skip
