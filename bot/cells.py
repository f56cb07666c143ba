"""What the cells of an imported file may hold: a reader for each column.

A reader takes the cleaned text of a cell and gives its value, or a `Fault` with the id of the
sentence that says what is wrong. This module knows no file and no storage.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from bot.classes import named
from bot.exporter import plain
from bot.programmes.meaning import HELPS, STRUCTURES

MAX_CELL: Final = 4_000
MAX_PARTS: Final = 40
ROLES: Final = ("mentee", "mentor", "staff")
_YES: Final = dict.fromkeys(("oui", "o", "yes", "y", "vrai", "true", "1"), True)
_NO: Final = dict.fromkeys(("non", "n", "no", "faux", "false", "0"), False)
_EMAIL: Final = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")
_SLACK: Final = re.compile(r"[TE][A-Z0-9]{0,30}/[UW][A-Z0-9]{0,30}")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Fault(Exception):
    """A cell that can't be taken; caught by the reader of the row."""

    def __init__(self, problem_id: str, **args: str | int) -> None:
        super().__init__(problem_id)
        self.problem_id, self.args_ = problem_id, args


def clean(cell: str) -> str:
    """A cell without what a spreadsheet or an export put around it."""
    text = unicodedata.normalize("NFC", plain(cell.strip()))
    if _CONTROL.search(text):
        raise Fault("import-control-character")
    if len(text) > MAX_CELL:
        raise Fault("import-cell-too-long", most=MAX_CELL, found=len(text))
    return text


def short(value: str) -> str:
    """A value as it is quoted back: the beginning of a long one."""
    return value if len(value) <= 60 else value[:59] + "…"


def _text(most: int) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if len(cell) > most:
            raise Fault("import-cell-too-long", most=most, found=len(cell))
        return cell

    return read


def _optional(most: int) -> Callable[[str], str | None]:
    read = _text(most)
    return lambda cell: read(cell) or None


def _list(most: int) -> Callable[[str], list[str]]:
    def read(cell: str) -> list[str]:
        parts = list(dict.fromkeys(p for part in cell.split(";") if (p := part.strip())))
        if len(parts) > MAX_PARTS:
            raise Fault("import-too-many-parts", most=MAX_PARTS, found=len(parts))
        if long := next((p for p in parts if len(p) > most), None):
            raise Fault("import-cell-too-long", most=most, found=len(long))
        return parts

    return read


def _one_of(known: Sequence[str], empty: str | None) -> Callable[[str], str | None]:
    def read(cell: str) -> str | None:
        value = cell.casefold()
        if value and value not in known:
            raise Fault("import-not-one-of", value=short(cell), known=", ".join(known))
        return value or empty

    return read


def _some_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    split, one = _list(60), _one_of(known, None)
    return lambda cell: [value for part in split(cell) if (value := one(part)) is not None]


def _whole(low: int, high: int, empty: int | None) -> Callable[[str], int | None]:
    def read(cell: str) -> int | None:
        if not cell:
            return empty
        if not (cell.isascii() and cell.isdecimal() and len(cell) < 10):
            raise Fault("import-not-a-number", value=short(cell), low=low, high=high)
        if not low <= int(cell) <= high:
            raise Fault("import-out-of-range", value=cell, low=low, high=high)
        return int(cell)

    return read


def _yes_no(empty: bool) -> Callable[[str], bool]:
    def read(cell: str) -> bool:
        if not cell:
            return empty
        try:
            return (_YES | _NO)[cell.casefold()]
        except KeyError:
            raise Fault("import-not-yes-no", value=short(cell)) from None

    return read


def _matching(pattern: re.Pattern[str], most: int, problem_id: str) -> Callable[[str], str | None]:
    def read(cell: str) -> str | None:
        if cell and (len(cell) > most or not pattern.fullmatch(cell)):
            raise Fault(problem_id, value=short(cell))
        return cell or None

    return read


def _email(cell: str) -> str | None:
    found = _matching(_EMAIL, 320, "import-not-an-address")(cell)
    return found.lower() if found else None


def _zone(cell: str) -> str | None:
    try:
        return ZoneInfo(cell).key if cell else None
    except (ValueError, OSError, LookupError):
        raise Fault("import-not-a-zone", value=short(cell)) from None


def _classes(cell: str) -> list[tuple[str, str]]:
    """Keys and names of classes."""
    found = []
    for part in _list(MAX_CELL)(cell):
        if (one := named(part)) is None:
            raise Fault("import-not-a-class", value=short(part))
        found.append(one)
    return found


COLUMNS: Final[Mapping[str, Callable[[str], Any]]] = {
    "id": _optional(64),
    "email": _email,
    "prenom": _text(99),
    "nom": _text(100),
    "genre": _text(40),
    "promo": _whole(1900, 2100, None),
    "ecole": _optional(200),
    "poste": _text(300),
    "employeur": _text(300),
    "structure": _one_of(STRUCTURES, ""),
    "secteur": _text(200),
    "ville": _text(200),
    "pays": _text(100),
    "pays_vecus": _list(100),
    "bio": _text(MAX_CELL),
    "situations": _list(60),
    "capacite": _whole(0, 100, 1),
    "charge": _whole(0, 1000, 0),
    "disponible": _yes_no(empty=True),
    "consentement": _yes_no(empty=False),
    "methode": _yes_no(empty=False),
    "langues": _list(60),
    "programme": _optional(20),
    "role": _some_of(ROLES),
    "telegram": _matching(re.compile(r"[1-9][0-9]*"), 19, "import-not-a-telegram-id"),
    "slack": _matching(_SLACK, 62, "import-not-a-slack-id"),
    "langue": _one_of(("fr", "en"), None),
    "fuseau": _zone,
    "aide": _some_of(HELPS),
    "sujets": _text(1000),
    "classe": _classes,
}
"""Column → how its cells are read. Each raises `Fault` for what it can't take."""
