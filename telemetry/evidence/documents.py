"""The documents of a pack, from the report: index, summary, one sheet for each criterion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from telemetry.evidence.blocks import Block, Blocks
from telemetry.evidence.found import Coverage, Gap
from telemetry.evidence.model import Report, Sheet

MOST_GAPS = 60
"""More rows than this of a list are in the workbook only."""


def index(report: Report, b: Blocks) -> list[Block]:
    """Every item of the standard with its evidence, where it is, and in what state."""
    say = b.say
    rows = [
        [
            row.item,
            row.title,
            say(f"kind_{row.kind}"),
            row.file or "–",
            "–" if row.pages is None else str(row.pages),
            b.verdict(row.state, say(f"state_{row.state}")),
        ]
        for row in report.index
    ]
    columns = [
        (say("col_item"), 0.8, "l"), (say("col_title"), 3.4, "l"), (say("col_kind"), 1.5, "l"),
        (say("col_file"), 2.2, "l"), (say("col_pages"), 0.8, "r"), (say("col_state"), 1.6, "l"),
    ]  # fmt: skip
    return [
        b.title(say("doc_index")),
        facts(report, b),
        *provisional(report, b),
        *b.listed("sec_index", b.table(columns, rows)),
    ]


def summary(report: Report, b: Blocks) -> list[Block]:
    """Two pages: the centre, its own assessment, the headline figures, the completeness of the data, signatures."""
    say = b.say
    out = [b.title(say("doc_summary")), facts(report, b), *provisional(report, b)]
    if report.gates:
        columns = [
            (say("col_part"), 2.2, "l"), (say("col_items"), 0.8, "r"), (say("col_supported"), 1.2, "r"),
            (say("met"), 0.7, "r"), (say("not_met"), 0.8, "r"), (say("insufficient_data"), 1.7, "r"),
            (say("col_points"), 1, "r"), (say("col_asked"), 2.0, "l"),
        ]  # fmt: skip
        rows = [
            [
                g.part, str(g.items), str(g.supported), str(g.met), str(g.not_met), str(g.insufficient),
                "–" if g.points is None else f"{'–' if g.points_met is None else g.points_met} / {g.points}",
                g.asked or "–",
            ]
            for g in report.gates
        ]  # fmt: skip
        out += [b.heading("sec_assessed"), b.table(columns, rows, size=12), b.text(say("assessed_note"), size=12.5)]
    out += [b.heading("sec_headline"), b.kpis(report.summary, coverage=True)]
    out += [*b.listed("sec_data", coverage(report.quality.coverage, b)), b.signatures()]
    return out


def sheet(report: Report, one: Sheet, b: Blocks) -> list[Block]:
    """The evidence for one criterion, in the order in which an assessor asks."""
    say = b.say
    out = [b.title(f"{say('doc_sheet', item=one.item)}  {one.heading}".rstrip())]
    out += provisional(report, b)
    out.append(
        b.facts(
            [
                (say("fact_organisation"), report.centre.organisation),
                (say("fact_period"), say.period(report.period)),
                (say("fact_cut_off"), say.moment(report.cut_off)),
                (say("fact_declared"), "; ".join(one.declared)),
            ],
            width=150,
        )
    )
    out += [b.heading("sec_text"), b.quote(one.text)]
    if one.summary and say.lang != "th":
        out += [b.subheading(say("sec_summary")), b.text(one.summary)]
    out += [b.heading("sec_figures"), b.kpis(one.rows) if one.rows else b.text(say("no_rows"))]
    out += [b.chart(chart) for chart in one.charts]
    for key, texts in (("sec_method", one.method), ("sec_limits", one.limits)):
        if texts:
            out += [b.heading(key), b.items(texts)]
    if one.exclusions:
        columns = [(say("col_reason"), 4.0, "l"), (say("col_count"), 1.0, "r")]
        out += [b.heading("sec_exclusions"), b.table(columns, [[e.reason, f"{e.n:,}"] for e in one.exclusions])]
    out += b.listed("sec_coverage", coverage(one.coverage, b))
    out += [b.heading("sec_gaps"), *gaps(one.gaps, b)]
    if one.origins:
        columns = [
            (say("col_source"), 1.6, "l"), (say("col_source_kind"), 1.6, "l"), (say("col_version"), 1.0, "l"),
            (say("col_file"), 2.4, "l"), (say("col_rows"), 1.2, "r"),
        ]  # fmt: skip
        out += [
            b.heading("sec_origins"),
            b.table(columns, [[o.source, o.kind, o.version or "–", o.file or "–", o.rows or "–"] for o in one.origins]),
        ]
    return [*out, b.signatures()]


def facts(report: Report, b: Blocks, *, holidays: bool = False) -> Block:
    """Who and when, at the head of a document; with the holidays by name where they are looked up."""
    say, period = b.say, report.period
    named = ", ".join(f"{h.name} ({say.day_short(h.day)})" for h in period.holidays) if holidays else ""
    closed = (
        say("holidays_named", n=len(period.holidays), names=named)
        if named
        else say("days_counted", n=len(period.holidays))
    )
    days = say("unknown") if period.service_days is None else say("days_counted", n=f"{period.service_days:,}")
    return b.facts(
        [
            (say("fact_centre"), report.centre.name),
            (say("fact_organisation"), report.centre.organisation),
            (say("fact_province"), report.centre.province),
            (say("fact_period"), say.period(period)),
            (say("fact_cut_off"), say.moment(report.cut_off)),
            (say("fact_service_days"), days),
            (say("fact_holidays"), closed if period.holidays else ""),
            (say("fact_standard"), report.standard),
        ]
    )


def provisional(report: Report, b: Blocks) -> list[Block]:
    return [b.text(b.say("provisional_words"))] if report.provisional else []


def coverage(rows: Iterable[Coverage], b: Blocks) -> Block:
    """How much each source told of, over the whole period."""
    say = b.say
    columns = [
        (say("col_source"), 2.0, "l"), (say("col_source_kind"), 2.0, "l"), (say("col_expected"), 1.5, "r"),
        (say("col_covered"), 1.5, "r"), (say("col_share"), 1.0, "r"),
    ]  # fmt: skip
    return b.table(
        columns,
        [
            [
                row.source,
                row.kind,
                f"{row.expected_s / 3600:,.1f}",
                f"{row.covered_s / 3600:,.1f}",
                "–" if row.share is None else f"{row.share * 100:.1f}%",
            ]
            for row in rows
            if row.day is None
        ],
    )


def gaps(rows: Sequence[Gap], b: Blocks) -> list[Block]:
    """The ledger, as much of it as is read on paper."""
    say = b.say
    if not rows:
        return [b.text(say("no_gaps"))]
    columns = [
        (say("col_gap"), 2.0, "l"), (say("col_source"), 1.2, "l"), (say("col_day"), 1.2, "l"),
        (say("col_count"), 0.8, "r"), (say("col_detail"), 2.6, "l"),
    ]  # fmt: skip
    told = [
        [
            say(f"gap_{gap.kind}"),
            gap.source or "–",
            "–" if gap.day is None else say.day_short(gap.day),
            "–" if gap.n is None else f"{gap.n:,}",
            gap.detail or "–",
        ]
        for gap in rows[:MOST_GAPS]
    ]
    out = [b.table(columns, told)]
    if len(rows) > MOST_GAPS:
        out.append(b.text(say("full_list", n=MOST_GAPS, all=len(rows)), size=12.5))
    return out
