"""What is behind a figure, and one contact, as the data of their pages: texts and numbers, and nothing of a person."""

from __future__ import annotations

from typing import Any

from kpis.model import KPI, Kind
from telemetry.drill import A_PAGE, Drill, Row, drill, in_unit, is_measured, local_iso, quarter_text
from telemetry.drill_contact import Contact, Passage, Told, contact
from telemetry.events import BY_HAND
from telemetry.figures import define
from telemetry.journal_reader import JournalReader
from telemetry.settings import Site


def drill_view(
    journal: JournalReader, site: Site, kpi: str, first: str | None, last: str | None, *, unit: str | None,
    part: str | None, page: int, now_us: int, lang: str,
) -> dict[str, Any]:  # fmt: skip
    """A page of a list; KeyError and ValueError as `drill.drill`."""
    found = drill(
        journal, site, kpi, first, last, unit=unit, part=part, page=page, now_us=now_us, lang=lang
    )  # fmt: skip
    names = _names(site, lang)
    return {
        "kpi": found.kpi.name,
        "label": _label(found.kpi, lang),
        "definition": define(found.kpi, site, lang),
        "unit_of": found.kpi.unit,
        "better": str(found.kpi.better),
        "unit": unit,
        "unit_name": None if unit is None else names.get(unit, unit),
        "from": quarter_text(found.period[0]),
        "to": quarter_text(found.period[1]),
        "figure": found.figure,
        "part": found.part,
        "parts": dict(found.parts),
        "why_none": found.why_none,
        "measured": is_measured(found.kpi),
        "total": in_unit(found.kpi, found.total),
        "page": found.page,
        "pages": found.pages,
        "first": (found.page - 1) * A_PAGE + 1,
        "rows": [_row(journal, site, row, found, names) for row in found.rows],
    }


def _row(journal: JournalReader, site: Site, row: Row, found: Drill, names: dict[str, str]) -> dict[str, Any]:
    at = journal.at(row.seq, site.id)
    event = at[2] if at else None
    kind = event.type.partition(".")[0] if event else ""
    return {
        "key": row.seq if event else None,
        "at": local_iso(row.at_us, site),
        "kind": kind,
        "name": event.contact if event and kind == "ticket" else "",
        "unit": names.get(row.unit, row.unit),
        "amount": in_unit(found.kpi, row.amount),
        "counts": row.counts,
        "outcome": row.outcome,
        "score": [event.a, event.b] if event and event.type == "vote.cast" and event.a > 0 and event.b > 0 else None,
    }


def contact_view(journal: JournalReader, site: Site, key: int, *, now_us: int, lang: str) -> dict[str, Any]:
    """One contact; KeyError where the site has no event at that offset."""
    found = contact(journal, site, key, now_us=now_us)
    names = _names(site, lang)
    return {
        "key": key,
        "kind": found.kind,
        "name": found.name,
        "cut": found.cut,
        "events": [_told(told, site, names) for told in found.events],
        "passages": [_passage(p, site, names) for p in found.passages],
        "figures": _figures(found, lang),
    }


def _told(told: Told, site: Site, names: dict[str, str]) -> dict[str, Any]:
    e = told.event
    source = e.source.removeprefix(f"{site.id}/")
    return {
        "seq": told.seq,
        "at": local_iso(e.time_us, site),
        "received": local_iso(told.received_us, site) if told.received_us > 0 else None,
        "type": e.type,
        "source": source,
        "source_kind": next((str(d.kind) for d in site.devices if d.id == source), _other(source)),
        "unit": names.get(e.unit, e.unit),
        "party": e.party,
        "numbers": told.numbers,
        "voided": told.voided,
        "by": told.by,
        "why": told.why,
    }


def _other(source: str) -> str:
    return "by_hand" if source == BY_HAND else "log" if source else ""


def _passage(p: Passage, site: Site, names: dict[str, str]) -> dict[str, Any]:
    return {
        "family": p.family,
        "at": local_iso(p.at_us, site),
        "unit": names.get(p.unit, p.unit),
        "outcome": p.outcome,
        "derived": p.derived,
    }


def _figures(found: Contact, lang: str) -> list[dict[str, Any]]:
    return [
        {
            "kpi": kpi.name,
            "label": _label(kpi, lang),
            "counts": counts if kpi.kind is Kind.RATIO else None,
        }
        for kpi, counts in found.figures
    ]


def _names(site: Site, lang: str) -> dict[str, str]:
    """The site's own names of its services."""
    return {s.id: (s.name_th if lang == "th" else s.name_en) or s.name_th or s.name_en or s.id for s in site.services}


def _label(kpi: KPI, lang: str) -> str:
    return kpi.label_th if lang == "th" else kpi.label_en
