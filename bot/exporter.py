"""The one writer of CSV and XLSX: every file that leaves Cordée for a spreadsheet is made here.

In CSV, a cell that a spreadsheet would run as a formula gets an apostrophe in front; `bot.importer`
takes it away again. In XLSX a text is of the type text, and stays so when it is edited. This module
does not know what is exported, nor who may have it.

Source: OWASP, "CSV Injection"; house, settings of French spreadsheets (semicolon, byte order mark).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

BOM: Final = "\ufeff"
_RISKY: Final = re.compile(r"'*[=+\-@\t\r]")
_ARMED: Final = re.compile(r"'+[=+\-@\t\r]")

Cell = str | int | float | bool | date | None


def neutral(text: str) -> str:
    """The text as a cell that no spreadsheet runs: `=1+1` becomes `'=1+1`."""
    return f"'{text}" if _RISKY.match(text) else text


def plain(text: str) -> str:
    """What `neutral` was given: `plain(neutral(text)) == text` for any text."""
    return text[1:] if _ARMED.match(text) else text


def write_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A CSV file that spreadsheets open as it is: UTF-8 with a mark, semicolons, CRLF.

    Args:
        header: Names of the columns.
        rows: Cells; none is an empty cell, true and false are `oui` and `non`, instants are UTC.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([neutral(name) for name in header])
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return (BOM + out.getvalue()).encode()


def _cell(value: Cell) -> str | int | float:
    match value:
        case None:
            return ""
        case bool():
            return "oui" if value else "non"
        case int() | float():
            return value
        case date():
            return (
                value.isoformat(" ", "minutes")
                if isinstance(value, datetime)
                else value.isoformat()
            )
        case str():
            return neutral(value)


# --- XLSX -----------------------------------------------------------------------------------------

MOST: Final = 32_767
"""Characters that a cell of a spreadsheet holds; what is longer is cut there, and says so."""
_CUT: Final = " […]"
_LONE: Final = re.compile("[\ud800-\udfff]")  # no letter, and not to be written in UTF-8


def write_xlsx(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A workbook of one sheet: texts as texts, numbers as numbers, instants as dates, UTC.

    Args:
        header: Names of the columns.
        rows: Cells, as `write_csv` takes them.
    """
    import xlsxwriter  # only when one is wanted

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001 - no clock of our own here
    formats = {
        name: book.add_format(how)
        for name, how in {
            "head": {"bold": True, "quote_prefix": True, "num_format": "@"},
            "text": {"quote_prefix": True, "num_format": "@"},
            "instant": {"num_format": "yyyy-mm-dd hh:mm"},
            "day": {"num_format": "yyyy-mm-dd"},
        }.items()
    }
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(header):
        sheet.write_string(0, column, _short(name), formats["head"])
    for line, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            _put(sheet, line, column, value, formats)
    book.close()
    return out.getvalue()


def _put(sheet: Any, line: int, column: int, value: Cell, formats: dict[str, Any]) -> None:
    match value:
        case None | "":
            pass
        case bool():
            sheet.write_string(line, column, "oui" if value else "non", formats["text"])
        case int() | float():
            sheet.write_number(line, column, value)
        case datetime():
            local = value.astimezone(UTC).replace(tzinfo=None)
            sheet.write_datetime(line, column, local, formats["instant"])
        case date():
            sheet.write_datetime(line, column, value, formats["day"])
        case str():
            sheet.write_string(line, column, _short(value), formats["text"])


def _short(text: str) -> str:
    whole = _LONE.sub("\N{REPLACEMENT CHARACTER}", text)
    return whole if len(whole) <= MOST else whole[: MOST - len(_CUT)] + _CUT
