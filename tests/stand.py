"""The bot without platforms: events in, the outbox read, time moved by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import func, select

from bot.aside import READERS, Next
from bot.bot import Bot
from bot.events import Author, Commanded, Event, Pressed, Said, Submitted
from bot.flows import pairs
from bot.messages import MESSAGE, Choice, Message, MessageRef
from bot.programmes.load import load
from bot.programmes.schema import Programme
from bot.turn import Scene
from storage.tables import Checkin, Outbox, Pair
from storage.takeback import ASIDE
from storage.timers import DueTimer
from storage.unit_of_work import Database, UnitOfWork
from tests.empty import tables

CLAIRE = "1"
"""The account of the team."""


_preset = cache(load)  # reading a file takes longer than most of what is tested with it


def programme(preset: str = "ax-accompagnement", **changes: Any) -> Programme:
    """A preset with some sections replaced."""
    found = _preset(preset).model_copy(update=changes)
    found.__dict__.pop("questionnaires", None)  # worked out from the sections before the change
    return found


@dataclass(frozen=True)
class Heard:
    """Something the bot said."""

    to: str
    key: str
    message: Message

    @property
    def text(self) -> str:
        lines = "\n".join(f"{line.label} {line.text}" for line in self.message.lines)
        return "\n".join(filter(None, (self.message.title, self.message.text, lines)))

    @property
    def choices(self) -> dict[str, str]:
        """Label → token of every button."""
        rows: tuple[Choice, ...] = (*self.message.choices, *self.message.quiet)
        return {choice.label: choice.token for choice in rows}


@dataclass
class Stand:
    """One bot, one database, one instant.

    Attributes:
        programmes: What is run.
        now: The time; only `at` and `until` move it.
        url: Of the empty database; by default in memory.
    """

    programmes: tuple[Programme, ...]
    now: datetime = datetime(2026, 9, 1, 7, 0, tzinfo=UTC)
    ids: dict[str, int] = field(default_factory=dict)
    url: str = "sqlite://"

    def __post_init__(self) -> None:
        self.database = Database(self.url, "a secret for tests only")
        tables(self.database)
        self._numbers = itertools.count(1)
        self._seen = 0
        self.run(*self.programmes)

    def run(self, *programmes: Programme) -> None:
        """The process starts (again) with these programmes."""
        self.bot = Bot({p.id: p for p in programmes}, [("telegram", CLAIRE)])
        with self.work() as uow:
            self.bot.plan(uow, self.now)

    @contextmanager
    def work(self) -> Iterator[UnitOfWork]:
        """A transaction that is committed."""
        with self.database.unit_of_work() as uow:
            yield uow
            uow.commit()

    # --- people ---

    def join(self, account: str, name: str, zone: str | None = None, role: str = "mentee") -> int:
        """Somebody who has agreed to be here, and the charter."""
        here = self.programmes[0]
        self.does(Commanded, account, name="accord", args=here.id)
        with self.work() as uow:
            identity = uow.people.by_account("telegram", account)
            assert identity is not None
            person = uow.people.get(identity.person_id)
            assert person is not None
            person.name, person.zone = name, zone
            person.email = f"{account}@exemple.invalid"
            person.focus_id = None
            for talk in uow.talks.open_ones(person.id):
                talk.status = "cancelled"
            uow.people.enrol(person.id, here.id, role, now=self.now)
            self.ids[account] = person.id
        self.news()
        return self.ids[account]

    def pair(self, mentee: str, mentor: str, *, charter: bool = True) -> int:
        """A pair made by the team."""
        here = self.programmes[0]
        with self.work() as uow:
            one, other = uow.people.get(self.ids[mentee]), uow.people.get(self.ids[mentor])
            assert one is not None
            assert other is not None
            if charter:
                uow.people.consent(other.id, here.id, "charter", text=("2026-11", ""), now=self.now)
            made = pairs.form(Scene(self.bot, uow, self.now), None, one, other, programme=here)
            number: int = made.id
        self.news()
        return number

    # --- what happens ---

    def does(self, kind: type[Event], account: str, **more: Any) -> list[Heard]:
        """An event of somebody; what is said then."""
        author = Author("telegram", account, "telegram:9", "fr", f"Nom {account}")
        event = kind(id=f"e{next(self._numbers)}", author=author, at=self.now, **more)
        with self.work() as uow:
            self.bot.handle(uow, event, self.now)
        return self.news()

    def say(self, account: str, text: str) -> list[Heard]:
        return self.does(Said, account, text=text)

    def command(self, account: str, name: str, args: str = "") -> list[Heard]:
        return self.does(Commanded, account, name=name, args=args)

    def press(self, account: str, token: str) -> list[Heard]:
        return self.does(Pressed, account, token=token, on=MessageRef(account, "1"))

    def submit(self, account: str, token: str, values: Mapping[str, Any]) -> list[Heard]:
        return self.does(Submitted, account, token=token, values=values)

    def fire(self) -> list[Heard]:
        """What is due now."""
        with self.work() as uow:
            for timer in uow.timers.due(self.now, 500):
                with uow.savepoint():
                    uow.timers.fire(timer)
                    self.bot.fire(uow, timer, self.now)
        return self.news()

    def until(self, end: datetime) -> list[Heard]:
        """Let time pass, stopping at all that falls due."""
        heard = self.fire()
        while True:
            with self.work() as uow:
                due = uow.timers.next_due(self.now)
            if due is None or due > end:
                break
            self.now = due
            heard += self.fire()
        self.now = end
        return heard

    def days(self, number: float) -> list[Heard]:
        """Let so many days pass."""
        return self.until(self.now + timedelta(days=number))

    def wanted(self, kind: str) -> DueTimer:
        """What falls due now and is to be done beside the turns: the one of that kind."""
        taken: list[DueTimer] = []
        self.bot.aside = taken.append
        self.fire()
        [timer] = [timer for timer in taken if timer.kind == kind]
        return timer

    def beside(self, timer: DueTimer, between: Callable[[], object] = int) -> list[Heard] | None:
        """Do it as the runner does, page after page; None when there is nothing to do any more.

        Args:
            timer: What is to be done.
            between: What happens while no transaction is open.
        """
        with self.work() as uow:
            work = READERS[timer.kind](Scene(self.bot, uow, self.now), timer)
        if work is None:
            return None
        while work is not None:
            done = work()
            between()
            with self.work() as uow:
                scene = Scene(self.bot, uow, self.now)
                if isinstance(done, Next):
                    work = done.read(scene)
                else:
                    done(scene)
                    work = None
        return self.news()

    def news(self) -> list[Heard]:
        """What was said since the last look."""
        with self.work() as uow:
            rows = uow.session.scalars(
                select(Outbox).where(Outbox.id > self._seen).order_by(Outbox.id)
            ).all()
            found = []
            for row in rows:
                if row.payload is None:
                    continue
                data = uow.vault.open_bytes(uow.session, row.person_id, row.payload)
                message = MESSAGE.validate_json(data)
                if isinstance(message, Message):
                    to = row.chat_id.removesuffix(ASIDE)
                    found.append(Heard(to, row.dedup_key, message))
            self._seen = uow.session.scalar(select(func.max(Outbox.id))) or 0
        return found

    # --- looks ---

    def get_pair(self, number: int) -> Pair:
        with self.work() as uow:
            found = uow.pairs.get(number)
            assert found is not None
            uow.session.expunge(found)
            return found

    def asked(self, number: int, account: str) -> list[Checkin]:
        """The check-ins asked of one side, oldest first."""
        with self.work() as uow:
            rows = [c for c in uow.pairs.checkins(number) if c.person_id == self.ids[account]]
            for row in rows:
                uow.session.expunge(row)
            return rows[::-1]


def told(heard: list[Heard], account: str, words: str = "") -> list[Heard]:
    """What was said to somebody, with these words in it."""
    return [one for one in heard if one.to == account and words in one.text]


def button(heard: list[Heard], account: str, label: str) -> str:
    """The token of the last button of that label shown to somebody."""
    return [
        token
        for one in told(heard, account)
        for said, token in one.choices.items()
        if label in said
    ][-1]
