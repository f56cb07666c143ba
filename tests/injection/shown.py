"""Each of five hundred texts in every field of everybody; all that is shown then is inert.

    python -m tests.injection.shown --worlds 60 --jobs 2

The house of `tests/authorisation`, with such a text and a number in each field instead of a word.
In each world the texts move on by some places, so that every kind of field meets very many of them.
Those who see most then do all that can be done with every thing; each answer is rendered for both
platforms and read as they would read it: nothing in it may be a mention, a link, a tag, a command
or a mark, nothing in a file a formula.

Source: quality goal S3; ASVS 1.2.10.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import re
import sys
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, cast

from sqlalchemy import select
from typing_extensions import override

from bot.events import Platform
from bot.messages import MESSAGE, Ack, Home, Message
from handlers.local.slack_limits import active_marks, check_blocks, check_view, interpreted_texts
from handlers.local.telegram_text import found_entities
from handlers.slack import render as slack
from handlers.telegram import render as telegram
from storage.tables import Outbox
from tests.authorisation.matrix import Cell, Matrix, Signature
from tests.authorisation.world import NOW, World, build
from tests.injection.texts import texts
from tests.listening import listening

ACTORS: Final = ("mentee", "mentor", "staff", "owner", "safeguarding")
MARK: Final = re.compile(r"[Zz][Qq][0-9]{4}[Xx]")
STEP: Final = 7  # places by which the texts move on from world to world: no divisor of their number
_RISKY: Final = ("=", "+", "-", "@", "\t", "\r")


class Loaded(World):
    """A house in which every text of a person's is one of the five hundred."""

    TEXTS: Final = texts()
    begin = 0

    @override
    def word(self, table: str, column: str, number: int, privacy: str) -> str:
        """The next text, with a number by which it is known again."""
        mark = super().word(table, column, number, privacy)
        return f"{self.TEXTS[self.place(mark)]} {mark}"

    def place(self, mark: str) -> int:
        """Which of the texts stands before a mark."""
        return (self.begin + int(mark[2:6])) % len(self.TEXTS)


@dataclass
class Found:
    """What came of it."""

    worlds: int = 0
    tries: int = 0
    messages: int = 0
    files: int = 0
    met: dict[str, set[int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, other: Found) -> None:
        """What came of another world too."""
        self.worlds += other.worlds
        self.tries += other.tries
        self.messages += other.messages
        self.files += other.files
        self.faults += other.faults
        for name, places in other.met.items():
            self.met.setdefault(name, set()).update(places)


class Shown(Matrix):
    """The tries of the authorisation matrix, looked at for what a platform would act on."""

    world: Loaded

    def __init__(self, world: Loaded, found: Found) -> None:
        super().__init__(world)
        self.found = found

    @override
    def run(self, cell: Cell, platform: Platform, private: bool) -> Signature:
        """Try it, look at what is shown, take it back."""
        author = self._author(cell.actor, platform)
        aside = "https://hooks.slack.com/x" if platform == "slack" and not private else None
        event = cell.made(id="e", author=author, at=NOW, private=private, reply_url=aside)
        at = f"{cell.actor} · {cell.what} {cell.label}"
        self.found.tries += 1
        said: list[object] = []
        with self.world.database.unit_of_work() as uow:
            try:
                ack = self.world.bot.handle(uow, event, NOW)
            except Exception as error:
                self._wrong(at, f"raised {type(error).__name__}")
                return ()
            uow.session.flush()
            rows = select(Outbox).where(Outbox.id > self.last).order_by(Outbox.id)
            for row in uow.session.scalars(rows):
                if row.payload is not None:
                    plain = uow.vault.open_bytes(uow.session, row.person_id, row.payload)
                    message = MESSAGE.validate_json(plain)
                    self._steal(message, cell.actor)
                    self._look(message, at)
                    said.append(message)
        self._look_at_ack(ack, at)
        return (*said, ack.toast)

    def _look(self, message: Message | Home, at: str) -> None:
        self.found.messages += 1
        words = str(message)
        for mark in MARK.findall(words):
            canary = self.world.canaries[mark.capitalize()]
            met = self.found.met.setdefault(f"{canary.table}.{canary.column}", set())
            met.add(self.world.place(mark))
        for what in (*_on_slack(message), *_on_telegram(message)):
            self._wrong(at, what)
        for one in message.sections if isinstance(message, Home) else (message,):
            if one.file is not None:
                self.found.files += 1
                for what in _in_file(one.file.name, one.file.content):
                    self._wrong(at, what)

    def _look_at_ack(self, ack: Ack, at: str) -> None:
        if ack.form is not None:
            view = slack.modal(ack.form)
            faults = [*check_view(view, "modal").messages, *_read_by_slack(view)]
            for what in faults:
                self._wrong(at, f"form: {what}")
        if ack.toast:
            for mark in active_marks(slack.toast(ack.toast)):
                self._wrong(at, f"remark: {mark}")

    def _wrong(self, at: str, what: str) -> None:
        if len(self.found.faults) < 300:
            self.found.faults.append(f"{at}: {what}")


def _read_by_slack(thing: Any) -> Iterator[str]:
    for text in interpreted_texts(thing):
        yield f"slack reads {text!r} as mark-up"


def _on_slack(message: Message | Home) -> Iterator[str]:
    if isinstance(message, Home):
        view = slack.home_view(message)
        yield from (f"slack home: {fault}" for fault in check_view(view, "home").messages)
        yield from _read_by_slack(view)
        return
    blocks = slack.blocks(message)
    yield from (f"slack: {fault}" for fault in check_blocks(blocks, "message").messages)
    yield from _read_by_slack(blocks)
    for text in (slack.fallback(message), slack.caption(message)):
        # A bare address in a notice: beside blocks, Slack does not show that text.
        yield from (
            f"slack notice: {mark}" for mark in active_marks(text) if not mark.startswith("http")
        )


def _on_telegram(message: Message | Home) -> Iterator[str]:
    sent = telegram.render(message, 1).arguments()
    text = sent.get("text") or sent.get("caption") or ""
    entities = sent.get("entities") or sent.get("caption_entities") or ()
    if "parse_mode" in sent:
        yield "telegram parses it"
    sections = message.sections if isinstance(message, Home) else (message,)
    own = any(line.command for one in sections for line in one.lines)
    for entity in found_entities(text, entities):
        if not (own and entity["type"] == "bot_command"):
            part = text.encode("utf-16-le")[2 * entity["offset"] :][: 2 * entity["length"]]
            yield f"telegram acts on {part.decode('utf-16-le', 'replace')!r}"


def _in_file(name: str, content: bytes) -> Iterator[str]:
    if name.endswith(".csv"):
        text = content.decode("utf-8-sig")
        for line in csv.reader(io.StringIO(text, newline=""), delimiter=";"):
            for cell in line:
                if cell.startswith(_RISKY) and not re.fullmatch(r"-?[0-9]+([.,][0-9]+)?", cell):
                    yield f"{name}: {cell!r} is run by a spreadsheet"
    elif name.endswith(".xlsx"):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for part in packed.namelist():
                if part.startswith("xl/worksheets/") and b"<f" in packed.read(part):
                    yield f"{name}: {part} holds a formula"
                if "hyperlink" in part.lower():
                    yield f"{name}: {part} holds links"


def look(worlds: int, jobs: int = 1, first: int = 0) -> Found:
    """So many worlds from this one on, each in a process of its own, so many of them at once."""
    found, began = Found(), time.monotonic()
    with ProcessPoolExecutor(jobs, max_tasks_per_child=1) as processes:
        for one in processes.map(look_at, range(first, first + worlds)):
            found.add(one)
            print(f"{found.worlds} worlds, {found.tries:,} tries, {len(found.faults)} faults,"
                  f" {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)  # fmt: skip
    found.seconds = time.monotonic() - began
    return found


def look_at(number: int, share: float = 1.0, seed: int = 1) -> Found:
    """One world, its texts moved on by its number; a share of all tries in it."""
    found, lot = Found(worlds=1), Random(seed)
    with listening(MARK) as log:
        world = build(kind=type("Loaded", (Loaded,), {"begin": number * STEP}))
        shown = Shown(cast(Loaded, world), found)
        tables = shown.probe() if share == 1 else {}
        for actor in ACTORS:
            for cell in shown.cells(tables, 1, actors=(actor,)):
                if not cell.what.startswith("token:") and lot.random() < share:
                    shown.run(cell, "telegram", True)
        shown.world.database.close()
    found.faults += [f"logged at {place}" for place in (*log.errors, *log.spilt)]
    return found


def main() -> int:
    """Print the figures; 1 when something would be acted on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=60)
    parser.add_argument("--first", type=int, default=0, help="to go on after so many")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    found = look(given.worlds, given.jobs, given.first)
    for fault in sorted(set(found.faults))[:40]:
        print(fault)
    met = ", ".join(f"{name} {len(places)}" for name, places in sorted(found.met.items()))
    print(f"texts                {len(Loaded.TEXTS):>10}")
    print(f"worlds               {found.worlds:>10}")
    print(f"tries                {found.tries:>10,}")
    print(f"messages looked at   {found.messages:>10,}  on both platforms")
    print(f"files looked at      {found.files:>10,}")
    print(f"texts met by field   {len(found.met):>10}: {met}")
    print(f"acted on             {len(found.faults):>10} (bar: 0)")
    print(f"seconds              {found.seconds:>10.0f}")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
