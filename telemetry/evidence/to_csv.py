"""CSV of tables for people: UTF-8 with a byte-order mark, lines ended by CR LF.

It is opened in a spreadsheet: words that one would take for a formula get an apostrophe in front.
"""

from __future__ import annotations

import csv
import io
import math
import re
from datetime import date
from typing import Final

from telemetry.evidence.tables import Cell, Table

BOM: Final = "\ufeff"
_FORMULA: Final = re.compile(r"[\s\u200b\ufeff]*[=+\-@\t\r\n＝＋－＠]")


def table_csv(table: Table) -> bytes:
    """A table for people: dates as ISO, shares as fractions, nothing that runs."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_words(column.head) for column in table.columns])
    writer.writerows([_shown(cell) for cell in row] for row in table.rows)
    return (BOM + out.getvalue()).encode()


def _shown(cell: Cell) -> str | int | float:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return _words(cell)
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, int):
        return cell
    return repr(float(cell)) if math.isfinite(cell) else ""


def _words(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) and text not in ("–", "-") else text
