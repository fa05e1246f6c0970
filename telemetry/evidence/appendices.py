"""The documents of a pack that stand behind the sheets, and letters: method, quality of the data, memorandum, surprise check."""

from __future__ import annotations

from datetime import date
from itertools import groupby

from telemetry.evidence.blocks import Block, Blocks
from telemetry.evidence.documents import coverage, facts, gaps, provisional
from telemetry.evidence.found import Quality
from telemetry.evidence.model import Memo, Report, Surprise

MOST_MONTHS = 12


def method(report: Report, b: Blocks) -> list[Block]:
    """How every figure is made, by which targets it was judged, and with what."""
    say = b.say
    out = [b.title(say("doc_method")), b.heading("sec_verdicts"), b.text(say("verdict_words"))]
    out += [b.heading("sec_targets"), _targets(report, b), b.heading("sec_definitions")]
    for group, rows in groupby(report.definitions, key=lambda d: d.group):
        out.append(b.subheading(group))
        for row in rows:
            out += [b.text(f"{row.label} [{row.kpi}]", bold=True), b.text(row.definition, size=12.5)]
            out.append({**b.facts(row.facts, width=112, exact=True), "size": 12})
    if report.versions:
        out += [b.heading("sec_versions"), b.facts(report.versions, exact=True)]
    return out


def _targets(report: Report, b: Blocks) -> Block:
    say = b.say
    columns = [
        (say("col_kpi"), 3.0, "l"), (say("col_target"), 1.8, "l"), (say("col_from"), 1.3, "l"),
        (say("col_to"), 1.3, "l"), (say("col_why"), 2.2, "l"),
    ]  # fmt: skip
    return b.table(
        columns,
        [
            [
                f"{t.label} ({t.of})" if t.of else t.label,
                say.target(t.unit, t.better, t.value),
                "–" if t.first is None else say.day_short(t.first),
                "–" if t.last is None else say.day_short(t.last),
                t.why or "–",
            ]
            for t in report.targets
        ],
    )


def quality(report: Report, b: Blocks) -> list[Block]:
    """What is missing, late, refused or corrected, and how much of the time each source told of."""
    say, found = b.say, report.quality
    out = [b.title(say("doc_quality")), facts(report, b, holidays=True), *provisional(report, b), *_seal(report, b)]
    out += b.listed("sec_coverage", coverage(found.coverage, b))
    if any(row.day is not None for row in found.coverage):
        out += [b.heading("sec_days"), _by_month(found, b)]
    out += [b.heading("sec_gaps"), *gaps(found.gaps, b)]
    for key, counts in (("sec_rejected", found.rejected), ("sec_late", found.late)):
        columns = [
            (say("col_reason" if key == "sec_rejected" else "col_source"), 4.0, "l"),
            (say("col_count"), 1.0, "r"),
        ]
        out += b.listed(key, b.table(columns, [[c.reason, f"{c.n:,}"] for c in counts]))
    columns = [
        (say("col_source"), 2.0, "l"), (say("col_p50"), 1.3, "r"), (say("col_p95"), 1.3, "r"), (say("col_steps"), 1.3, "r"),
    ]  # fmt: skip
    rows = [
        [c.source, say.bare("milliseconds", c.p50_ms), say.bare("milliseconds", c.p95_ms), str(c.steps)]
        for c in found.clocks
    ]
    out += b.listed("sec_clocks", b.table(columns, rows))
    columns = [
        (say("col_day"), 1.2, "l"), (say("col_source"), 1.2, "l"), (say("col_detail"), 2.4, "l"),
        (say("col_who"), 1.4, "l"), (say("col_why"), 2.0, "l"),
    ]  # fmt: skip
    rows = [
        ["–" if c.day is None else say.day_short(c.day), c.source or "–", c.detail or "–", c.who or "–", c.why or "–"]
        for c in found.corrections
    ]
    out += b.listed("sec_corrections", b.table(columns, rows))
    if found.notes:
        out += [b.heading("sec_notes"), b.items(found.notes)]
    return out


def _seal(report: Report, b: Blocks) -> list[Block]:
    say, seal = b.say, report.seal
    if seal is None:
        return []
    out = [b.heading("sec_seal"), b.text(say("seal_words", days=seal.days, amendments=seal.amendments))]
    if seal.first and seal.last:
        out.append(b.text(say("seal_span", first=say.day(seal.first), last=say.day(seal.last))))
    if seal.checkpoint:
        out.append(b.text(say("seal_last", hash=seal.checkpoint), size=11.5))
    if seal.open_days:
        out.append(b.text(say("seal_open", days=", ".join(map(say.day_short, seal.open_days)))))
    return out


def _by_month(found: Quality, b: Blocks) -> Block:
    """Share of each source by month, from its days; the days themselves are in the workbook."""
    sums: dict[str, dict[date, list[float]]] = {}
    for row in found.coverage:
        if row.day is not None:
            cell = sums.setdefault(row.source, {}).setdefault(row.day.replace(day=1), [0.0, 0.0])
            cell[0] += row.covered_s
            cell[1] += row.expected_s
    months = sorted({month for of in sums.values() for month in of})[-MOST_MONTHS:]
    short = [b.say.month(month) for month in months]
    return b.table(
        [(b.say("col_source"), 2.2, "l"), *((name, 1.0, "r") for name in short)],
        [
            [source, *("–" if m not in of or of[m][1] <= 0 else f"{of[m][0] / of[m][1] * 100:.1f}" for m in months)]
            for source, of in sums.items()
        ],
        size=9.5 if len(months) > 8 else 12,
        dense=True,
    )


def memo(report: Report, of: Memo, b: Blocks) -> list[Block]:
    """The month's memorandum, in the form of the Office of the Prime Minister's rules on correspondence."""
    say = b.say
    out = [
        {**b.title(say("doc_memo")), "centred": True},
        b.facts(
            [
                (say("memo_office"), of.office or report.centre.organisation or report.centre.name),
                (say("memo_number"), of.number or "." * 30),
                (say("memo_date"), say.day(report.cut_off.date())),
                (say("memo_subject"), of.subject),
                (say("memo_to"), of.to),
            ],
            width=80,
        ),
        {"is": "rule"},
        b.text(
            say(
                "memo_open",
                centre=report.centre.name,
                period=say.period(report.period),
                at=say.moment(report.cut_off),
            ),
            indent=35,
        ),
    ]
    out += provisional(report, b)
    out += [b.kpis(of.rows)] if of.rows else []
    out += [b.text(text, indent=35) for text in of.paragraphs]
    out += [b.chart(chart) for chart in of.charts]
    return [*out, b.text(say("memo_close"), indent=35), b.sign_one()]


def surprise(report: Report, of: Surprise, b: Blocks) -> list[Block]:
    """What an assessor who comes unannounced asks for: now, and the last 90 days."""
    say = b.say
    out = [b.title(say("doc_surprise")), facts(report, b), *provisional(report, b), b.heading("sec_now")]
    columns = [(say("col_name"), 3.0, "l"), (say("col_value"), 2.0, "r"), (say("col_known_at"), 2.2, "l")]
    out.append(b.table(columns, [[n.label, n.words, say.moment(n.at or of.at)] for n in of.now]))
    out += [b.heading("sec_last_days"), b.kpis(of.rows, coverage=True)]
    out += [b.chart(chart) for chart in of.charts]
    return [*out, b.signatures()]
