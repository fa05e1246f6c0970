"""The workbook: real numbers and real dates, nothing that a spreadsheet could take for a formula, ready for A4 across.

The same report gives the same bytes: the time in the file is the report's cut-off.
"""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from typing import Final

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from telemetry.evidence.charts import wide_of
from telemetry.evidence.model import Report
from telemetry.evidence.tables import Cell, Share, Table, tables
from telemetry.evidence.wording import Say

FONT: Final = "TH SarabunPSK"
"""By name, as offices have it; where it is missing the program takes its own."""
BUDDHIST_DATE: Final = "[$-107041E]d mmmm yyyy"
"""Thai month and Buddhist year with Arabic digits."""
DATE: Final = "d mmmm yyyy"
NUMBERS: Final = {"whole": "#,##0", "number": "#,##0.0##", "share": "0.0##%"}
LONGEST: Final = 32_767
"""Letters that a cell may hold."""
MOST_ROWS: Final = 1_048_576
LINE: Final = 22.0
"""Height of a line, in points."""
MOST_LINES: Final = 18


class TooLargeError(ValueError):
    """A table has more rows than a sheet."""


def workbook(report: Report) -> bytes:
    """The file. TooLargeError names a table that does not fit."""
    file = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": False,
    }
    say = Say(report.lang)
    with Workbook(file, options) as book:
        when = report.cut_off.astimezone(UTC).replace(tzinfo=None)
        book.set_properties({"title": say("book_title"), "author": report.centre.name, "created": when})
        writer = _Writer(book, report, say)
        for table in tables(report):
            writer.sheet(table)
    return file.getvalue()


class _Writer:
    def __init__(self, book: Workbook, report: Report, say: Say) -> None:
        self._book, self._report, self._say = book, report, say
        base = {"font_name": FONT, "font_size": 16, "valign": "top"}
        dates = BUDDHIST_DATE if report.lang == "th" else DATE
        self._formats = {k: book.add_format({**base, "num_format": v}) for k, v in {**NUMBERS, "date": dates}.items()}
        self._formats["text"] = book.add_format({**base, "num_format": "@", "text_wrap": True})
        self._head = book.add_format(
            {**base, "bold": True, "bottom": 1, "bg_color": "#EEF2F6", "text_wrap": True, "num_format": "@"}
        )

    def sheet(self, table: Table) -> None:
        if len(table.rows) >= MOST_ROWS:
            raise TooLargeError(f"sheet {table.name}: {len(table.rows):,} rows; a sheet holds {MOST_ROWS - 1:,}")
        sheet = self._book.add_worksheet(table.name)
        self._page(sheet, table)
        sheet.set_row(0, LINE * max(_lines(column.head, column.width) for column in table.columns))
        for column, head in enumerate(table.columns):
            sheet.write_string(0, column, head.head, self._head)
            sheet.set_column(column, column, head.width)
        for row, cells in enumerate(table.rows, 1):
            sheet.set_row(row, LINE * max(_lines(cell, c.width) for cell, c in zip(cells, table.columns, strict=True)))
            for column, cell in enumerate(cells):
                self._cell(sheet, row, column, cell)

    def _page(self, sheet: Worksheet, table: Table) -> None:
        say, report = self._say, self._report
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        sheet.freeze_panes(1, 1)
        sheet.set_margins(left=0.4, right=0.4, top=0.8, bottom=0.7)
        if table.rows:
            sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)
        flag = f" – {say('head_provisional')}" if report.provisional else ""
        sheet.set_header(_plain(f"&L{_amp(report.centre.name)}{flag}&R{_amp(say.period(report.period, short=True))}"))
        code = say("foot_code", code=report.mark.code)
        sheet.set_footer(
            _plain(f"&L{_amp(code)}&C{_amp(say('head_cut_off', at=say.day_short(report.cut_off)))}&R&P / &N")
        )

    def _cell(self, sheet: Worksheet, row: int, column: int, cell: Cell) -> None:
        formats = self._formats
        if cell is None or cell == "":
            sheet.write_blank(row, column, None, formats["text"])
        elif isinstance(cell, str):
            sheet.write_string(row, column, cell[:LONGEST], formats["text"])
        elif isinstance(cell, date):
            sheet.write_datetime(row, column, datetime(cell.year, cell.month, cell.day), formats["date"])  # noqa: DTZ001
        else:
            sheet.write_number(row, column, float(cell), formats[_kind(cell)])


def _kind(cell: float) -> str:
    return "share" if isinstance(cell, Share) else "whole" if isinstance(cell, int) else "number"


def _lines(cell: Cell, width: float) -> int:
    """Lines that words take in a column, about; not more than a row can hold."""
    lines = sum(-(-wide_of(line) // max(int(width * 0.8), 1)) or 1 for line in str(cell).split("\n"))
    return min(MOST_LINES, lines + (lines > 1))


def _amp(text: str) -> str:
    """`&` begins a code in headers."""
    return text.replace("&", "&&")


def _plain(text: str) -> str:
    """Headers hold 255 letters."""
    return text[:255]
