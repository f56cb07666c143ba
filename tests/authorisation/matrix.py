"""Every way in × everybody × everything: what leaves and what changes, judged cell by cell (S1).

The ways in come from the registries: a command, act or dialogue added later is tried by itself.
What a number may mean to each is found out first, by those who may do most; the buttons seen then
are pressed by everybody, as they are and bent. Each cell is an event through `Bot.handle` on the
real storage, taken back afterwards. The long form is `make authorisation`.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import re
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import median, quantiles
from typing import Any, Final

from sqlalchemy import select

from bot.commands.registry import ACTS, COMMANDS
from bot.dialogue.tokens import MAX_BYTES, MAX_ID, ActToken, FormToken, RunToken, encode
from bot.events import Author, Commanded, Event, Opened, Platform, Pressed, Said, Submitted
from bot.messages import MESSAGE, Ack, Home, Message, MessageRef
from bot.policy import declared
from storage.tables import Base, Conversation, Outbox
from storage.unit_of_work import UnitOfWork
from tests.authorisation.judge import Judge, who
from tests.authorisation.world import (
    ACTORS,
    FIRST,
    GUEST,
    MENTORING,
    MISSING,
    NOW,
    OTHER,
    World,
    build,
)
from tests.listening import listening

CANARY: Final = re.compile(r"zq[0-9]{4}x", re.IGNORECASE)
SMALL: Final = 3  # no row has this number either
PLACES: Final[tuple[tuple[tuple[Platform, bool], ...], ...]] = (
    (("telegram", True), ("slack", False)),
    (("slack", True), ("telegram", False)),
)
"""By turns: each cell on both platforms, once in private and once in a channel."""
PROBING: Final = ("mentee", "mentor", "owner")
SOME: Final = 2  # rows of a table that one pair lends to the cells of a verb
Signature = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """One try.

    Attributes:
        actor: Who, as in `ROLES`, or a guest.
        what: As in the table of policies: `act:send`.
        made: What is done: makes the event from its common parts.
        label: What it is done to, for people who read a failure.
        target: The row, when it is one that has to look missing to those it is not for.
        alike: Names the try on a missing thing that it is compared with.
    """

    actor: str
    what: str
    made: Callable[..., Event]
    label: str = ""
    target: tuple[str, int] | None = None
    alike: str = ""


@dataclass
class Figures:
    """What came of it.

    Attributes:
        refused: Milliseconds of processor time that each refusal of something that is there took.
        missing: The same of what has never been.
    """

    cells: int = 0
    seconds: float = 0.0
    by_way: Counter[str] = field(default_factory=Counter)
    by_actor: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    missing: list[float] = field(default_factory=list)

    def add(self, other: Figures) -> None:
        """Take in what came of other tries."""
        self.cells += other.cells
        self.by_way += other.by_way
        self.by_actor += other.by_actor
        self.faults += other.faults
        self.refused += other.refused
        self.missing += other.missing


class Matrix:
    """A world, its judge, and the tries."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.figures = Figures()
        self.stolen: dict[str, str] = {}  # token -> whom it was shown to
        self._typed = ""
        self._actor: int | None = None
        self._reports = False
        self._missing: dict[tuple[str, str, str, bool], Signature | None] = {}
        with world.database.unit_of_work() as uow:
            self.judge = Judge(world, uow)
            self._watch(uow)
            uow.commit()
        with world.database.unit_of_work() as uow:
            last = uow.session.connection().exec_driver_sql("SELECT max(id) FROM outbox")
            self.last = int(last.scalar() or 0)
        self.chats = {
            chat: number
            for number in world.people.values()
            for chat in (str(7_000_000 + number), f"U{number}")
        }

    @staticmethod
    def _watch(uow: UnitOfWork) -> None:
        """Have the database itself write down which rows change, however they are changed."""
        connection = uow.session.connection()
        connection.exec_driver_sql("CREATE TEMP TABLE changed (name TEXT, number INTEGER)")
        for table in Base.metadata.sorted_tables:
            key = "rowid" if table.dialect_options["sqlite"]["with_rowid"] is not False else None
            for verb, side in (("INSERT", "new"), ("UPDATE", "new"), ("DELETE", "old")):
                number = f"{side}.{key or 'person_id'}"
                connection.exec_driver_sql(
                    f'CREATE TEMP TRIGGER "{table.name}_{verb}" AFTER {verb} ON main."{table.name}"'
                    f" BEGIN INSERT INTO changed VALUES ('{table.name}', {number}); END"
                )

    # --- one try ---

    def run(self, cell: Cell, platform: Platform, private: bool) -> Signature:
        """Try it, judge it, take it back; what was answered."""
        author = self._author(cell.actor, platform)
        aside = "https://hooks.slack.com/x" if platform == "slack" and not private else None
        event = cell.made(id="e", author=author, at=NOW, private=private, reply_url=aside)
        place = f"{platform} {'private' if private else 'channel'}"
        at = f"{cell.actor} · {cell.what} {cell.label} · {place}"
        self.world.bot.guests.clear()
        self._actor = who(self.world, cell.actor)
        self._typed = str(event).lower()  # whoever writes a word has it already
        self._reports = isinstance(event, Pressed) and event.token.startswith(_REPORTS)
        with self.world.database.unit_of_work() as uow:
            try:
                ack = self.world.bot.handle(uow, event, NOW)
            except Exception as error:
                self._fault(f"{at}: raised {type(error).__name__}: {error}")
                return ()
            uow.session.flush()
            said = self._read(uow, cell, at)
            self._changes(uow, cell, at)
        self._leaks(who(self.world, cell.actor), f"{ack.toast} {ack.errors} {ack.form}", at)
        self.figures.cells += 1
        self.figures.by_way[cell.what] += 1
        self.figures.by_actor[cell.actor] += 1
        return (*said, _plain(ack))

    def _author(self, actor: str, platform: Platform) -> Author:
        number = self.world.people.get(actor, 999)
        account = str(7_000_000 + number) if platform == "telegram" else f"T1/U{number}"
        ours = "telegram:9" if platform == "telegram" else "slack:T1"
        return Author(platform, account, ours, "fr", "Nom")

    def _read(self, uow: UnitOfWork, cell: Cell, at: str) -> list[object]:
        """Everything that leaves, with what the actor is told first of all."""
        said: list[object] = []
        me = who(self.world, cell.actor)
        for row in uow.session.scalars(
            select(Outbox).where(Outbox.id > self.last).order_by(Outbox.id)
        ):
            reader = self.chats.get(row.chat_id.partition("/")[0])
            mine = reader == self.world.people.get(cell.actor)
            if reader is None and cell.actor != GUEST:
                self._fault(f"{at}: said to a chat of nobody's, {row.chat_id}")
            message = None
            if row.payload is not None:
                plain = uow.vault.open_bytes(uow.session, row.person_id, row.payload)
                message = MESSAGE.validate_json(plain)
                self._leaks(me if mine else reader, _words(message), at)
                self._steal(message, cell.actor if mine else "")
            said.append((mine, row.op, message))
        return said

    def _steal(self, message: Message | Home, actor: str) -> None:
        if actor not in PROBING:
            return
        for one in message.sections if isinstance(message, Home) else (message,):
            found = (*one.choices, *one.quiet, *(line.choice for line in one.lines if line.choice))
            for choice in (*found, *((one.form,) if one.form else ())):
                if choice.token:
                    self.stolen.setdefault(choice.token, actor)

    def _leaks(self, reader: int | None, text: str, at: str) -> None:
        for found in set(CANARY.findall(text)):
            word = found.capitalize()
            if found.lower() in self._typed or self._own_word(word, reader):
                continue
            if self._reports and self.judge.is_shown_by(self._actor, reader, word):
                continue
            if not self.judge.may_see(reader, word):
                canary = self.world.canaries[word]
                name = self.judge.names.get(reader or 0, "nobody")
                self._fault(f"{at}: {name} reads {canary.table}.{canary.column} {canary.number}")

    def _own_word(self, word: str, reader: int | None) -> bool:
        """Whether it is the actor's own, told by their own act to whom they are related to."""
        canary = self.world.canaries[word]
        if canary.table != "person" or canary.number != self._actor or reader is None:
            return False
        return self.judge.may_be_told(self._actor, reader)

    def _changes(self, uow: UnitOfWork, cell: Cell, at: str) -> None:
        actor = who(self.world, cell.actor)
        connection = uow.session.connection()
        changed = connection.exec_driver_sql("SELECT DISTINCT name, number FROM changed").all()
        for name, number in changed:
            found = self.judge.rows.get((name, number))
            if found is None:
                row = connection.exec_driver_sql(
                    f'SELECT * FROM "{name}" WHERE rowid = {number}'
                    if name != "directory_word"
                    else f"SELECT * FROM directory_word WHERE person_id = {number}"
                )
                there = row.mappings().first()
                if there is None:
                    continue
                found = self.judge.belongs(uow, Base.metadata.tables[name], dict(there))
            if self._reports and name in _OF_REPORTS and self.judge.may_report(actor, found):
                continue
            if not self.judge.may_change(actor, name, found):
                people = [self.judge.names.get(p, "?") for p in found.people]
                self._fault(f"{at}: changes {name} {number} of {', '.join(people)}")

    def _fault(self, text: str) -> None:
        if len(self.figures.faults) < 500:
            self.figures.faults.append(text)

    # --- forbidden looks like missing ---

    def compared(self, cell: Cell, platform: Platform, private: bool) -> None:
        """Try it; where the thing is not the actor's, the answer is that to a missing one."""
        began = time.process_time()
        got = self.run(cell, platform, private)
        took = (time.process_time() - began) * 1000
        if cell.label == "missing":
            self.figures.missing.append(took)
        if cell.target is None or cell.label == "missing" or cell.what in _INSTANTS:
            return
        if self.judge.is_theirs(who(self.world, cell.actor), *cell.target):
            return
        self.figures.refused.append(took)
        key = (cell.actor, cell.alike, platform, private)
        if key not in self._missing:
            twin = self.run(self._missing_twin(cell), platform, private)
            self._missing[key] = twin
            small = cell.what.startswith("command:") and self.run(
                self._numbered(cell.actor, cell.what, SMALL, ""), platform, private
            )
            if small and str(small).replace(str(SMALL), str(MISSING)) != str(twin):
                self._missing[key] = None  # a number of days, say: it names no row
        # What was typed may be said back: the number itself is no difference.
        seen = str(got).replace(str(cell.target[1]), str(MISSING))
        if self._missing[key] is not None and seen != str(self._missing[key]):
            at = f"{cell.actor} · {cell.what} {cell.label} {cell.target}"
            self._fault(f"{at}: not as if it were missing\n  {got}\n  {self._missing[key]}")

    def _missing_twin(self, cell: Cell) -> Cell:
        """The same try on what has never been."""
        if cell.what.startswith("dialogue:"):
            made = dict(self._tokens(MISSING, "", FIRST))[cell.alike]
            return Cell(cell.actor, cell.what, made, "missing", None, cell.alike)
        return self._numbered(cell.actor, cell.what, MISSING, "missing")

    # --- which tries ---

    def probe(self) -> dict[str, set[str]]:
        """Find out which tables the numbers of each verb mean, and which buttons people see."""
        near = [n for n in self._rows_of("mentee") if self.world.rows[n] not in _NOT_NAMED]
        found: dict[str, set[str]] = {}
        for actor in PROBING:
            for cell in self._plain_cells(actor):
                self.run(cell, "telegram", True)
        for what in _numbered():
            for actor in PROBING:
                nothing = self.run(self._numbered(actor, what, MISSING, ""), "telegram", True)
                for number in near:
                    table = self.world.rows[number]
                    if table in found.get(what, ()):
                        continue
                    cell = self._numbered(actor, what, number, table)
                    if self.run(cell, "telegram", True) != nothing:
                        found.setdefault(what, set()).add(table)
        return found

    def _rows_of(self, name: str) -> list[int]:
        """Rows that are somebody's, and of nobody else's pair; a few of each table."""
        person = self.world.people[name]
        seen: Counter[str] = Counter()
        rows = []
        for number, table in {**self.world.rows, **self.world.gone}.items():
            belongs = self.judge.rows.get((table, number))
            if belongs is None or person not in belongs.people:
                continue
            seen[table] += 1
            if seen[table] == 1:
                rows.append(number)
        rows += [n for n, table in self.world.rows.items() if table == "campaign"]
        return rows

    def cells(
        self,
        tables: dict[str, set[str]],
        some: int = SOME,
        actors: Iterable[str] = ACTORS,
    ) -> Iterator[Cell]:
        """Every try, without the place it is made from."""
        for actor in actors:
            yield from self._plain_cells(actor)
            for what in _numbered():
                yield self._numbered(actor, what, MISSING, "missing")
                yield self._numbered(actor, what, MAX_ID, "forged")
                seen: Counter[tuple[str, frozenset[int] | None]] = Counter()
                for number, table in {**self.world.rows, **self.world.gone}.items():
                    if table not in tables.get(what, ()):
                        continue
                    belongs = self.judge.rows.get((table, number))
                    kind = (table, belongs.people if belongs else None)
                    seen[kind] += 1
                    if seen[kind] <= some:
                        yield self._numbered(actor, what, number, table)
            yield from self._dialogue_cells(actor)
            for token in list(self.stolen):
                yield Cell(actor, f"token:{token[0]}", _pressing(token), f"stolen {token}")
                for bent in _bent(token):
                    yield Cell(actor, f"token:{token[0]}", _pressing(bent), f"bent {bent}")

    def _plain_cells(self, actor: str) -> Iterator[Cell]:
        for name in COMMANDS:
            yield Cell(actor, f"command:{name}", typed(name, ""))
            for words in self._words_of_people():
                yield Cell(actor, f"command:{name}", typed(name, words), "somebody")
            token = encode(RunToken(name, f"@{OTHER}"))
            yield Cell(actor, f"command:{name}", _pressing(token), f"@{OTHER}")
            token = encode(RunToken(name, f"@{MENTORING}"))
            yield Cell(actor, f"command:{name}", _pressing(token), f"@{MENTORING}")
            yield Cell(actor, "event:start", _opening("start", name), f"?start={name}")
        for payload in ("", FIRST, OTHER, "x" * 22):
            yield Cell(actor, "event:start", _opening("start", payload), "?start")
        yield Cell(actor, "event:home", _opening("home", None))
        for words in ("bonjour", "oui", "mardi 18h30", *self._words_of_people()):
            yield Cell(actor, "event:said", _saying(words))

    def _words_of_people(self) -> Iterable[str]:
        """How staff name people: by name, address and number, near and far."""
        for name in ("other mentee", "far mentee", "other mentor"):
            number = self.world.people[name]
            words = {
                c.column: c.word
                for c in self.world.canaries.values()
                if (c.table, c.number) == ("person", number)
            }
            yield words["name"]
            yield f"#{number}"
            yield f"{words['email'].lower()}@exemple.invalid"

    def _numbered(self, actor: str, what: str, number: int, label: str) -> Cell:
        kind, _, name = what.partition(":")
        made = (
            _pressing(encode(ActToken(name, number, 1)))
            if kind == "act"
            else typed(name, str(number))
        )
        return Cell(actor, what, made, label, (self._table(number), number), what)

    def _table(self, number: int) -> str:
        return self.world.rows.get(number, "none")

    def _dialogue_cells(self, actor: str) -> Iterator[Cell]:
        seen: set[tuple[int, str]] = set()
        with self.world.database.unit_of_work() as uow:
            talks = [(t.id, t.person_id, t.kind, t.programme_id)
                     for t in uow.session.scalars(select(Conversation))]  # fmt: skip
        gone = [n for n, table in self.world.gone.items() if table == "conversation"][:1]
        everything = [(MISSING, 0, "", FIRST), *talks, *((n, 0, "", FIRST) for n in gone)]
        for number, person, kind, place in everything:
            if (person, kind) in seen and person:
                continue
            seen.add((person, kind))
            label = "missing" if number == MISSING else kind
            for form, made in self._tokens(number, kind, place):
                yield Cell(actor, f"dialogue:{form}", made, label, ("conversation", number), form)

    def _tokens(
        self, number: int, kind: str, place: str
    ) -> Iterator[tuple[str, Callable[..., Event]]]:
        qs = self.world.bot.programmes[place].questionnaire(kind) if kind else None
        first = qs.questions[0] if qs is not None else None
        question = first.id if first else "nothing"
        value = first.options[0].value if first and first.options else "x"
        written = encode(FormToken(number, 1)).split(":")[1]
        for letter in "at":
            yield letter, _pressing(f"{letter}:{written}:{question}:{value}"[:MAX_BYTES])
        for letter in "kdes":
            yield letter, _pressing(f"{letter}:{written}:{question}", (value,))
        for move in ("back", "skip", "cancel", "resume", "confirm"):
            yield move, _pressing(f"n:{written}:{move}")
        yield "f", _pressing(f"f:{written}:1")
        yield "form", _sending(f"f:{written}:1", {question: "x"})


def _bent(token: str) -> Iterator[str]:
    """A button as a bad client may send it: other bits, another version, another programme."""
    rng = Random(token)
    at = rng.randrange(len(token))
    yield token[:at] + chr(ord(token[at]) ^ 1 << rng.randrange(5)) + token[at + 1 :]
    yield f"{token.partition('@')[0]}@{OTHER}"[:MAX_BYTES]
    if token.startswith("x:"):
        verb, number = token.split(":")[1:3]
        yield f"x:{verb}:{number}:{rng.choice(('0', '7', 'vvvvvvvvvvvv'))}"


_REPORTS: Final = tuple(
    f"x:{verb}:"
    for verb in (
        *("flag", "flag-objective", "flag-offer", "flag-team"),
        *("flag-card", "flag-expert", "flag-partner"),
    )
)
"""Buttons by which somebody shows what they were told to the person who protects (P4)."""
_OF_REPORTS: Final = frozenset({"flag", "outbox", "person_key"})
_INSTANTS: Final = frozenset({"act:clock-right"})
"""Ways in whose number is a moment in time: there is none that could be missing."""
_NOT_NAMED: Final = frozenset({"identity", "consent", "series", "wish"})


def _numbered() -> list[str]:
    """Whatever takes a number: every act, every command."""
    return [f"act:{verb}" for verb in ACTS] + [f"command:{name}" for name in COMMANDS]


def typed(name: str, args: str) -> Callable[..., Event]:
    return lambda **common: Commanded(name=name, args=args, **common)


def _pressing(token: str, picked: tuple[str, ...] | None = None) -> Callable[..., Event]:
    def made(**common: Any) -> Event:
        on = MessageRef(common["author"].chat, "1")
        return Pressed(token=token, on=on, picked=picked, can_open_form=True, **common)

    return made


def _sending(token: str, values: dict[str, Any]) -> Callable[..., Event]:
    return lambda **common: Submitted(token=token, values=values, **common)


def _opening(surface: Any, payload: str | None) -> Callable[..., Event]:
    def made(**common: Any) -> Event:
        return Opened(surface=surface, payload=payload, **(common | ALONE))

    return made


def _saying(text: str) -> Callable[..., Event]:
    return lambda **common: Said(text=text, **(common | ALONE))


ALONE: Final = {"private": True, "reply_url": None}


def _plain(ack: Ack) -> object:
    return (ack.toast, tuple(sorted(ack.errors.items())), ack.form)


def _words(message: Message | Home) -> str:
    """All that is in a message, its file unpacked."""
    found = [str(message)]
    for one in message.sections if isinstance(message, Home) else (message,):
        if one.file is None:
            continue
        content = one.file.content
        if content[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(content)) as packed:
                content = b" ".join(packed.read(name) for name in packed.namelist())
        found.append(content.decode("utf-8", "replace"))
    return " ".join(found)


def run(share: float = 1.0, seed: int = 1, jobs: int = 1) -> Figures:
    """The matrix, or a share of it drawn by lot.

    Args:
        share: Of the cells, 0 to 1; below 1 it is not found out first what numbers mean, but a few
            tables are drawn for each verb.
        seed: For the lot.
        jobs: Processes, each with some of the actors and a copy of the world.

    Returns:
        The figures; `faults` is empty when all is well.
    """
    began = time.monotonic()
    matrix = Matrix(build())
    lot = Random(seed)
    every = sorted(set(matrix.world.rows.values()) - _NOT_NAMED)
    tables = (
        {what: set(lot.sample(every, 3)) for what in _numbered()} if share < 1 else matrix.probe()
    )
    chosen = list(enumerate(cell for cell in matrix.cells(tables) if lot.random() < share))
    if jobs == 1:
        _compare(matrix, chosen)
    else:
        parts = [[each for each in chosen if ACTORS.index(each[1].actor) % jobs == job]
                 for job in range(jobs)]  # fmt: skip
        for found in _forked(matrix, parts):
            matrix.figures.add(found)
    matrix.figures.seconds = time.monotonic() - began
    return matrix.figures


def _compare(matrix: Matrix, chosen: Iterable[tuple[int, Cell]]) -> Figures:
    with listening(CANARY) as log:
        for turn, cell in chosen:
            for platform, private in PLACES[turn % 2]:
                matrix.compared(cell, platform, private)
    matrix.figures.faults += [f"logged at {place}" for place in (*log.errors, *log.spilt)]
    return matrix.figures


def _forked(matrix: Matrix, parts: Sequence[list[tuple[int, Cell]]]) -> Iterator[Figures]:
    """Each part in a process of its own, which begins with this one's memory, world included."""
    matrix.figures = Figures()
    context = multiprocessing.get_context("fork")
    ends = []
    for part in parts:
        receiving, sending = context.Pipe(duplex=False)
        context.Process(
            target=lambda part, end: end.send(_compare(matrix, part)), args=(part, sending)
        ).start()
        sending.close()  # so that a process that dies is noticed
        ends.append(receiving)
    for end in ends:
        yield end.recv()


def main() -> int:
    """Print the figures; 1 when there is a fault."""
    figures = run(jobs=os.cpu_count() or 1)
    ways = {what.partition(":")[0] for what in figures.by_way}
    print(f"cells        {figures.cells} in {figures.seconds:.0f} s,"
          f" {figures.cells / figures.seconds:.0f}/s")  # fmt: skip
    print(f"roles        {len(figures.by_actor)}")
    print(f"ways in      {len(figures.by_way)}: {', '.join(sorted(ways))}")
    policies = {kind: len(list(declared(kind))) for kind in ("command", "act", "dialogue", "event")}
    print(f"policies     {policies}")
    for name, took in (("refused", figures.refused), ("missing", figures.missing)):
        print(f"{name:<12} {median(took):.2f} ms, 95 % within {quantiles(took, n=20)[-1]:.2f} ms")
    print(f"faults       {len(figures.faults)}")
    for fault in figures.faults[:40]:
        print(f"  {fault}")
    return 1 if figures.faults else 0


if __name__ == "__main__":
    sys.exit(main())
