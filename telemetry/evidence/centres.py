"""A pack of several centres: one table with a row for each centre and KPI, and every centre's records and seals to check it.

Each centre has a part of its own, `centres/<site>/`, which is a whole pack but for documents and checker. The manifest of
the whole names the manifests of the parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from telemetry.archive.store import Store
from telemetry.evidence import kpi_rows
from telemetry.evidence.contents import MINISTRY, TABLES, ministry
from telemetry.evidence.counted import HEADLINE, Counted
from telemetry.evidence.model import Centre, Mark, Period, Report
from telemetry.evidence.pack import Data, Files, manifest_text, signed_files
from telemetry.evidence.scorecard import centre_of, targets_of
from telemetry.evidence.sealed import Sealed
from telemetry.evidence.to_xlsx import workbook
from telemetry.text import words

FORM, FOLDER, ALL = "gecc-centres 1", "centres/", "*"
LARGEST = 2**32
"""Bytes, unpacked: more no checker takes."""


class TooManyError(ValueError):
    """More centres, or days of them, than one pack holds."""


@dataclass(frozen=True, slots=True)
class Part:
    """One centre of it."""

    report: Report
    """Its summary and targets."""
    manifest: str
    """Hash of its manifest."""
    files: Files
    checkpoint: str


def part_of(found: Sealed, counted: Counted, data: Data, store: Store, period: Period, lang: str) -> Part:
    """A centre's part from its sealed days."""
    total = {row["kpi"]: row for row in counted.rows("total", lang)}
    centre = centre_of(found.site, lang)
    report = Report(
        lang, centre, period, counted.cut_off, bool(found.unsealed), Mark(data.code, data.hash), "",
        summary=tuple(kpi_rows.kpi_row(total[name], lang, of=centre.name) for name in HEADLINE),
        targets=tuple(replace(row, of=centre.name) for row in targets_of(counted, HEADLINE, lang)),
    )  # fmt: skip
    return Part(report, data.hash, signed_files(data, {}, store), found.chain[-1].checkpoint.hash)


def whole_of(parts: Sequence[Part], *, version: str, asked: Mapping[str, str]) -> Data:
    """What the table is made from: the parts, in the order of their ids. TooManyError where they are too large."""
    period = parts[0].report.period
    files = {f"{FOLDER}{part.report.centre.id}/{name}": c for part in parts for name, c in part.files.items()}
    if sum(map(len, files.values())) > LARGEST * 0.99:
        raise TooManyError("larger than 4 GiB: make packs of fewer centres, or of a shorter period")
    manifest = {
        "form": FORM,
        "code": version,
        "site": ALL,
        "first": str(period.first),
        "last": str(period.last),
        "asked": dict(asked),
        "centres": {part.report.centre.id: part.manifest for part in parts},
        "files": {},
    }
    return Data(files, manifest_text(manifest), f"site={ALL} first={period.first} last={period.last}")


def documents(parts: Sequence[Part], whole: Data, standard: str) -> Files:
    """The table as CSV and as a workbook."""
    reports = [part.report for part in parts]
    name = words(reports[0].lang, "scorecard")["centres"].format(n=len(parts))
    report = replace(
        reports[0],
        centre=Centre(ALL, name),
        cut_off=max(one.cut_off for one in reports),
        provisional=any(one.provisional for one in reports),
        mark=Mark(whole.code, whole.hash),
        standard=standard,
        summary=tuple(row for one in reports for row in one.summary),
        targets=tuple(row for one in reports for row in one.targets),
    )
    return {MINISTRY: ministry((part.report, part.manifest) for part in parts), TABLES: workbook(report)}
