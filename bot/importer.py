"""`cordee import people.csv`: reads, checks and writes a directory of people, all of it or nothing.

Every fault is found in one pass and reported with its line, its column and what to write instead,
as a message id with arguments. This module knows neither the terminal nor the words of a fault.

Columns, in any order, French names. The layout of a school's directory:
    id, email         one of the two at least; a known id or address is updated, never doubled
    prenom, nom       name; one of the two at least for a new person
    genre             accepted and not kept (it is never a criterion)
    promo, ecole      year of entry; school
    poste, employeur, secteur, ville, pays, bio
    structure         startup, pme, groupe, public, cabinet, association, independant or recherche
    pays_vecus, situations, langues       several, separated by semicolons
    capacite, charge  mentees accepted at most; mentees held outside Cordée
    disponible, consentement, methode     oui or non
And, where useful:
    programme         id of a programme file
    role              mentee, mentor, staff; several separated by semicolons (mentor)
    telegram, slack   numeric account id; workspace/member, such as T1/U42
    langue, fuseau    fr or en; IANA time zone, such as Europe/Paris
    aide              one_off, referent, long_term; several separated by semicolons
    sujets            what the person can be asked about
    classe            classes of a pupil (role mentee); several separated by semicolons, each added
A cell left empty never erases a person's name, address, promotion, school or language.

Source: issue "The main job", Directory; M-18.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bot.cells import COLUMNS as READERS
from bot.cells import Fault, clean, short
from bot.contacts import find
from storage.directory import Directory, Entry
from storage.words import fold

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_ROWS: Final = 200_000
MAX_LINE: Final = 1_000_000  # characters between two line ends
MAX_COLUMNS: Final = 200
MAX_PROBLEMS: Final = 1_000  # more are not listed: nobody reads them, and they fill the memory
CHUNK: Final = 65_536

_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_PACKED: Final = (
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd",
    b"7z\xbc\xaf",
)
_DOCUMENTS: Final = (b"\xd0\xcf\x11\xe0", b"%PDF")
_IN_SPREADSHEETS: Final = (b"[Content_Types].xml", b"vnd.oasis.opendocument", b"_rels/.rels")

Args = Mapping[str, str | int]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ImportProblem:
    """One fault of a file.

    Attributes:
        line: Line of the file, the header being 1.
        column: The column's name as the file writes it; "" for the line as a whole.
        problem_id: Message id that says what is wrong and what to write instead.
        args: Arguments of that message: `value` (shortened), `known`, `most`, `other` (a line), …
    """

    line: int
    column: str
    problem_id: str
    args: Args = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file; with problems, nothing was written.

    Attributes:
        total: Rows read.
        created: People new to Cordée.
        updated: People who were known.
        problems: Every fault, by line.
        ignored: Columns that mean nothing here and were left aside.
    """

    total: int
    created: int = 0
    updated: int = 0
    problems: tuple[ImportProblem, ...] = ()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One checked line of a file."""

    line: int
    entry: Entry


@dataclass(slots=True)
class Sheet:
    """A file as read: its good rows and its faults."""

    rows: list[Row] = field(default_factory=list)
    problems: list[ImportProblem] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    total: int = 0

    def refused(self, problems: Iterable[ImportProblem] = ()) -> Imported:
        """What is told when nothing was written."""
        found = sorted(problems or self.problems, key=lambda p: (p.line, p.column, p.problem_id))
        return Imported(self.total, problems=tuple(found), ignored=tuple(self.ignored))


def import_people(
    directory: Directory,
    data: bytes,
    now: datetime,
    *,
    programme: str | None = None,
    programmes: Collection[str] = (),
    telegram_bot: str = "telegram",
    progress: Progress = lambda done, total: None,
) -> Imported:
    """Read a file and write it into the directory, in the caller's transaction.

    Args:
        directory: Where to.
        data: The file.
        now: This moment, aware.
        programme: Programme of the rows that name none.
        programmes: Ids that exist; empty = not checked.
        telegram_bot: Our account that reaches Telegram's people, `telegram:123456`.
        progress: Told (rows written, rows in all).

    Returns:
        Counts, or the problems. The caller commits; with problems there is nothing to commit.
    """
    sheet = read_sheet(data, programme=programme, programmes=programmes, telegram_bot=telegram_bot)
    return import_sheet(directory, sheet, now, progress=progress)


def import_sheet(
    directory: Directory,
    sheet: Sheet,
    now: datetime,
    *,
    progress: Progress = lambda done, total: None,
) -> Imported:
    """Write a file that was read before; see `import_people`."""
    if sheet.problems:
        return sheet.refused()
    matched, problems = _match(directory, sheet.rows)
    if problems:
        return sheet.refused(problems)
    entries = [row.entry for row in sheet.rows]
    written = directory.upsert(entries, matched, now, lambda done: progress(done, sheet.total))
    return Imported(sheet.total, written.created, written.updated, ignored=tuple(sheet.ignored))


# --- the file -------------------------------------------------------------------------------------


def read_sheet(
    data: bytes,
    *,
    programme: str | None = None,
    programmes: Collection[str] = (),
    minors: Collection[str] = (),
    telegram_bot: str = "telegram",
) -> Sheet:
    """Read and check a file without a database; see `import_people`.

    Args:
        data: The file.
        programme: Programme of the rows that name none.
        programmes: Ids that exist; empty = not checked.
        minors: Of those, where minors are: no contact data in what others are shown (P4).
        telegram_bot: Our account that reaches Telegram's people.
    """
    sheet = Sheet()
    if len(data) > MAX_BYTES:
        sheet.problems.append(
            ImportProblem(1, "", "import-file-too-long", {"most": MAX_BYTES // 2**20})
        )
        return sheet
    if unfit := _unfit(data):
        sheet.problems.append(unfit)
        return sheet
    reader = _Reader(sheet, programme, frozenset(programmes), frozenset(minors), telegram_bot)
    for line, cells in _records(data, sheet):
        reader.take(line, cells)
        if len(sheet.problems) >= MAX_PROBLEMS:
            sheet.problems.append(ImportProblem(line, "", "import-more-problems"))
            return sheet
    reader.end()
    return sheet


def _unfit(data: bytes) -> ImportProblem | None:
    """Why a file is not even looked into; its rows are counted before any is kept."""
    if data.startswith(_UTF16):
        return ImportProblem(1, "", "import-is-utf16")
    workbook = data.startswith(_PACKED) and any(name in data[:4096] for name in _IN_SPREADSHEETS)
    if workbook or data.startswith(_DOCUMENTS):
        return ImportProblem(1, "", "import-is-spreadsheet")
    if data.startswith(_PACKED):
        return ImportProblem(1, "", "import-is-packed")
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), CHUNK):
        before = len(decoder.getstate()[0])
        try:
            decoder.decode(data[start : start + CHUNK], start + CHUNK >= len(data))
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, start - before + error.start) + 1
            return ImportProblem(line, "", "import-not-utf8")
    for count, (line, _) in enumerate(_records(data, Sheet())):
        if count > MAX_ROWS:  # the header is one of them
            return ImportProblem(line, "", "import-too-many-rows", {"most": MAX_ROWS})
    return None


class _LineTooLong(Exception):
    """A line that no table of people has; caught by the reader of the lines."""


def _lines(data: bytes) -> Iterator[str]:
    text = io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", newline="")
    while line := text.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise _LineTooLong
        yield line


def _records(data: bytes, sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """The lines that hold something, each with the number of the line it starts on."""
    begins = data[:100_000].decode("utf-8-sig", "ignore")
    first = next((line for line in re.split("[\r\n]+", begins) if line.strip()), "")
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(_lines(data), delimiter=delimiter, strict=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _LineTooLong:
            args = {"most": MAX_LINE}
            sheet.problems.append(ImportProblem(line, "", "import-line-too-long", args))
            return
        except csv.Error:  # an open quote, a cell over csv's own limit: nothing after it is sure
            sheet.problems.append(ImportProblem(line, "", "import-bad-quotes"))
            return
        if len(cells) > MAX_COLUMNS:
            args = {"found": len(cells), "most": MAX_COLUMNS}
            sheet.problems.append(ImportProblem(line, "", "import-too-many-columns", args))
            return
        if any(cell.strip() for cell in cells):
            yield line, cells
        line = reader.line_num + 1


class _Reader:
    """Reads the lines of one file: the header first, then people."""

    def __init__(
        self,
        sheet: Sheet,
        programme: str | None,
        programmes: frozenset[str],
        minors: frozenset[str],
        telegram_bot: str,
    ) -> None:
        self._sheet = sheet
        self._programme, self._programmes, self._minors = programme, programmes, minors
        self._telegram_bot = telegram_bot
        self._names: dict[str, str] | None = None  # our name → as the file writes it
        self._places: dict[str, int] = {}
        self._width = 0
        self._seen: dict[tuple[str, str], int] = {}  # what must be unique → line

    def take(self, line: int, cells: Sequence[str]) -> None:
        """Read one line; the first is the header."""
        if self._names is None:
            self._names = self._header(line, cells)
            return
        self._sheet.total += 1
        if not self._places:
            return  # the header is wrong: nothing can be said about a line
        if len(cells) != self._width:
            args = {"found": len(cells), "expected": self._width}
            self._fail(line, "", "import-cell-count", args)
            return
        before = len(self._sheet.problems)
        entry = self._entry(line, cells)
        if len(self._sheet.problems) == before:
            self._sheet.rows.append(Row(line, entry))

    def end(self) -> None:
        """Say what only the end can tell: there was nothing."""
        if self._names is None and not self._sheet.problems:
            self._fail(1, "", "import-empty")
        elif not self._sheet.total and not self._sheet.problems:
            self._fail(2, "", "import-empty")

    def _fail(self, line: int, name: str, problem_id: str, args: Args | None = None) -> None:
        column = (self._names or {}).get(name, name)
        self._sheet.problems.append(ImportProblem(line, column, problem_id, args or {}))

    def _header(self, line: int, cells: Sequence[str]) -> dict[str, str]:
        names: dict[str, str] = {}
        for place, written in enumerate(cells):
            name = fold(written).replace(" ", "_")
            if name in names:
                self._fail(line, written, "import-column-twice")
            elif name in READERS:
                names[name] = written.strip()
                self._places[name] = place
            elif close := difflib.get_close_matches(name, READERS, n=1, cutoff=0.8):
                self._fail(line, written.strip(), "import-column-unknown", {"known": close[0]})
            elif name:
                self._sheet.ignored.append(written.strip()[:100])
        if not {"id", "email"} & names.keys():
            self._fail(line, "", "import-column-missing", {"known": "id, email"})
        if not {"nom", "prenom"} & names.keys():
            self._fail(line, "", "import-column-missing", {"known": "nom"})
        self._width = len(cells)
        if self._sheet.problems:
            self._places = {}
        return names

    def _entry(self, line: int, cells: Sequence[str]) -> Entry:
        values: dict[str, Any] = {}
        for name, place in self._places.items():
            try:
                values[name] = READERS[name](clean(cells[place]))
            except Fault as fault:
                self._fail(line, name, fault.problem_id, fault.args_)
                values[name] = None
        self._check_keys(line, values)
        self._check_contacts(line, values)
        roles = self._roles(line, values)
        return Entry(
            person={
                target: values[name] for name, target in _PERSON.items() if name in self._places
            }
            | self._name(line, values),
            expert={
                target: values[name] for name, target in _EXPERT.items() if name in self._places
            }
            if "mentor" in roles
            else None,
            roles=self._memberships(line, values, roles),
            accounts=self._accounts(values),
            classes=self._classes(line, values, roles),
        )

    def _name(self, line: int, values: Mapping[str, Any]) -> dict[str, str | None]:
        name = " ".join(values[n] for n in ("prenom", "nom") if values.get(n))
        if not name:
            self._fail(line, "nom" if "nom" in self._places else "prenom", "import-no-name")
        return {"name": name or None}

    def _check_keys(self, line: int, values: Mapping[str, Any]) -> None:
        """An id or an address, and nobody twice in the file."""
        if not values.get("id") and not values.get("email"):
            self._fail(line, "id" if "id" in self._places else "email", "import-no-key")
        for name in ("id", "email", "telegram", "slack"):
            if not (value := values.get(name)):
                continue
            other = self._seen.setdefault((name, value), line)
            if other != line:
                args: Args = {"value": short(value), "other": other}
                self._fail(line, name, "import-twice-in-file", args)

    def _check_contacts(self, line: int, values: Mapping[str, Any]) -> None:
        """What the other side is shown leads nobody out of the bot where minors are."""
        if (values.get("programme") or self._programme) not in self._minors:
            return
        for name in _SHOWN:
            value = values.get(name) or ""
            if find(value if isinstance(value, str) else ", ".join(value)):
                self._fail(line, name, "import-contacts")

    def _roles(self, line: int, values: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(values.get("role") or ()) or ("mentor",)

    def _memberships(
        self, line: int, values: Mapping[str, Any], roles: Sequence[str]
    ) -> tuple[tuple[str, str], ...]:
        programme = values.get("programme") or self._programme
        if programme is None:
            if values.get("role") and set(roles) - {"mentor"}:
                self._fail(line, "role", "import-role-without-programme")
            return ()
        if self._programmes and programme not in self._programmes:
            near = difflib.get_close_matches(programme, self._programmes, n=1, cutoff=0.5)
            known = ", ".join(near or sorted(self._programmes))
            args = {"value": short(programme), "known": known}
            self._fail(line, "programme", "import-programme-unknown", args)
        return tuple((programme, role) for role in roles)

    def _classes(
        self, line: int, values: Mapping[str, Any], roles: Sequence[str]
    ) -> tuple[tuple[str, str, str], ...]:
        programme, found = values.get("programme") or self._programme, values.get("classe")
        if not found:
            return ()
        if programme is None or "mentee" not in roles:
            self._fail(line, "classe", "import-class-of-no-pupil")
            return ()
        return tuple((programme, key, name) for key, name in found)

    def _accounts(self, values: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
        found = []
        if telegram := values.get("telegram"):
            found.append(("telegram", telegram, self._telegram_bot))
        if slack := values.get("slack"):
            found.append(("slack", slack, f"slack:{slack.split('/')[0]}"))
        return tuple(found)


# --- against the directory ------------------------------------------------------------------------


def _match(
    directory: Directory, rows: Sequence[Row]
) -> tuple[list[int | None], list[ImportProblem]]:
    """For each row the person it updates; a fault where id, address and accounts disagree."""
    people = [row.entry.person for row in rows]
    by_id = directory.known("external_id", _given(people, "external_id"))
    by_email = directory.known("email", _given(people, "email"))
    accounts = [account for row in rows for account in row.entry.accounts]
    holders = {
        platform: directory.holders(platform, [a for p, a, _ in accounts if p == platform])
        for platform in {p for p, _, _ in accounts}
    }
    problems: list[ImportProblem] = []
    matched: list[int | None] = []
    lines: dict[int, int] = {}
    for row in rows:
        one = by_id.get(row.entry.person.get("external_id") or "")
        other = by_email.get(row.entry.person.get("email") or "")
        if one is not None and other is not None and one != other:
            problems.append(ImportProblem(row.line, "email", "import-two-people"))
        person_id = one if one is not None else other
        matched.append(person_id)
        if person_id is not None and lines.setdefault(person_id, row.line) != row.line:
            args = {"other": lines[person_id]}
            problems.append(ImportProblem(row.line, "", "import-same-person", args))
        for platform, account, _ in row.entry.accounts:
            holder = holders[platform].get(account)
            if holder is not None and holder != person_id:
                problems.append(ImportProblem(row.line, platform, "import-account-taken"))
    return matched, problems


def _given(people: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    return [value for person in people if (value := person.get(name))]


_PERSON: Final = {
    "id": "external_id", "email": "email", "promo": "promo", "ecole": "school", "langue": "lang",
    "fuseau": "zone",
}  # fmt: skip
_EXPERT: Final = {
    "poste": "job", "employeur": "employer", "structure": "structure", "secteur": "sector",
    "ville": "city", "pays": "country", "pays_vecus": "countries", "bio": "bio",
    "situations": "situations", "langues": "languages", "aide": "helps", "sujets": "topics",
    "capacite": "capacity", "charge": "outside_load", "disponible": "available",
    "consentement": "consenting", "methode": "method",
}  # fmt: skip

_SHOWN: Final = (
    "prenom", "nom", "ecole", "poste", "employeur", "secteur", "ville", "pays", "bio", "sujets",
    "pays_vecus", "situations", "langues",
)  # fmt: skip

COLUMNS: Final = tuple(READERS)
"""Every column a file may have."""
