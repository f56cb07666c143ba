"""The one writer of CSV files: every file that leaves Cordée for a spreadsheet is made here.

A cell that a spreadsheet would run as a formula gets an apostrophe in front; `bot.importer` takes
it away again. This module does not know what is exported, nor who may have it.

Source: OWASP, "CSV Injection"; house, settings of French spreadsheets (semicolon, byte order mark).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final

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
