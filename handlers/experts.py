"""`cordee experts`: who would be found for a wish and why, for staff at a terminal and for tests.

The same index, rules and reasons as in the chat. Nobody is told and nothing is changed, but that
vectors still lacking are made and, unless the bot has the database, kept. It knows no platform.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bot.encoder import WITHOUT, encoder
from bot.errors import CordeeError, SettingsError
from bot.expert_index import CHOICES, loads_of, rules_of, wish_of
from bot.expert_vectors import FEW, fresh, made, opened
from bot.experts import reasons
from bot.i18n import LANGUAGES, words
from bot.matching import Index, Wish
from bot.matching.sense import Encoder, Meaning, Sense
from bot.programmes.load import load_one
from bot.settings import Settings
from handlers.alone import exclusive
from storage.migrate import current, newest
from storage.unit_of_work import Database

MAX_LINES: Final = 100_000
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Line:
    """One wish to be answered, under the name its file gives it."""

    name: str
    wish: Wish


@dataclass(frozen=True, slots=True)
class Asked:
    """How the wishes are to be answered.

    Attributes:
        programme: Whose rules apply; None: the only one.
        top: How many experts each.
        everybody: Also those who may not be proposed now, but agreed to be.
        lang: Of the reasons.
    """

    programme: str | None = None
    top: int = 10
    everybody: bool = False
    lang: str = "fr"


@dataclass(frozen=True, slots=True)
class Answer:
    """Names of experts, best first, and the sentences that say why."""

    name: str
    ranked: list[str]
    reasons: dict[str, list[str]]

    def row(self) -> dict[str, Any]:
        """As one line of JSON."""
        return {"id": self.name, "ranked": self.ranked, "reasons": self.reasons}


def one_wish(text: str, choices: Sequence[str]) -> Line:
    """A wish from the command line.

    Raises:
        CordeeError: A choice is no feature=value.
    """
    found: dict[str, list[str]] = {}
    for one in choices:
        name, sign, value = one.partition("=")
        if not sign or name.strip() not in CHOICES:
            known = ", ".join(sorted(set(CHOICES.values())))
            raise CordeeError(f"There is no choice {one!r}.", f"Write feature=value, with {known}.")
        found.setdefault(name.strip(), []).append(value)
    return Line("1", wish_of(text, found))


def lines_of(file: Path) -> list[Line]:
    """The wishes of a batch file.

    Raises:
        CordeeError: It cannot be read, or a line is no wish.
    """
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise CordeeError(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CordeeError(f"{file} is not in UTF-8.") from None
    if len(lines) > MAX_LINES:
        raise CordeeError(f"{file} has more than {MAX_LINES} lines.")
    return [_line(line, n) for n, line in enumerate(lines, start=1) if line.strip()]


def _line(line: str, number: int) -> Line:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise CordeeError(f"Line {number} is no JSON object.")
    text, choices = row.get("text", ""), row.get("choices", {})
    if not isinstance(text, str) or not isinstance(choices, dict) or "id" not in row:
        raise CordeeError(f"Line {number}: a wish has an id, a text, and choices by name.")
    return Line(str(row["id"]), wish_of(text, choices))


def answers(
    settings: Settings,
    lines: Sequence[Line],
    asked: Asked,
    now: datetime,
    *,
    progress: Progress,
    say: Callable[[str], None],
) -> Iterable[Answer]:
    """Who is found for each wish.

    Args:
        settings: Where the database and the programmes are.
        lines: The wishes.
        asked: How.
        now: UTC.
        progress: Told how many experts of how many have got their vectors.
        say: Told what a person should know besides.

    Raises:
        CordeeError: No such programme or language, or a database of another version.
    """
    if asked.lang not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise CordeeError(f"There is no language {asked.lang!r}.", f"One of: {known}.")
    here = load_one(settings.cordee_programmes, asked.programme)
    engine = encoder()
    if engine is None:
        say(WITHOUT)
    database = Database(settings.cordee_database_url, settings.cordee_secret_key.get_secret_value())
    try:
        if current(database.engine) != newest():
            raise SettingsError("The database is of another version.", "Run `cordee migrate`.")
        kept = _vectors(database, engine, progress) if engine else {}
        with database.unit_of_work() as uow:
            profiles = list(uow.directory.profiles())
            only = None if asked.everybody else uow.directory.eligible(now, programme_id=here.id)
            loads = loads_of(uow.directory, now, here.matching)
            names = uow.directory.names([p.person_id for p in profiles])
    finally:
        database.close()
    index = Index(profiles, Sense(engine) if engine else None, kept)
    rules, w = rules_of(here.matching), words(asked.lang)
    found = []
    for line in lines:
        ranked = index.rank(line.wish, asked.top, only=only, rules=rules, loads=loads)
        said = {names[one.person_id]: reasons(one, w) for one in ranked}
        found.append(Answer(line.name, list(said), said))
    return found


def _vectors(database: Database, engine: Encoder, progress: Progress) -> dict[int, Meaning]:
    """All vectors: those kept, and those still lacking, made now."""
    with ExitStack() as alone:
        try:
            alone.enter_context(exclusive(database))
            writing = True
        except SettingsError:  # the bot runs: it will make and keep them
            writing = False
        with database.unit_of_work() as uow:
            kept = fresh(uow.vectors, engine)
            lacking = uow.vectors.lacking(engine.model_id)
        last, done = 0, 0
        while done < lacking:
            with database.unit_of_work() as uow:
                todo = uow.vectors.todo(engine.model_id, FEW, after=last)
            if not todo:
                break
            vectors = made(todo, engine)
            if writing:
                with database.unit_of_work() as uow:
                    uow.vectors.keep(vectors)
                    uow.commit()
            kept.update((one.person_id, opened(one)) for one in vectors)
            last, done = todo[-1].profile.person_id, done + len(todo)
            progress(done, lacking)
    return kept
