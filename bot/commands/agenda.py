"""The agenda: what will be said to whom and when, if nobody does anything meanwhile.

A turn must not take long, so it only writes down that somebody asked: a timer of kind `agenda`. It
stays pending until the answer is queued, in the same transaction, under a key made of the event: a
crash in between makes it due again, and whoever answers second finds the key taken. The rehearsal
itself (`scheduling.rehearsal`) is handed in as `bot.rehearse`; a bot that is itself being rehearsed
has none, and drops the wish. What messages say is never shown, only what they are.

Source: house, "staff see what will be sent before it is sent".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from bot.commands.registry import command
from bot.dialogue.parsing import read_date
from bot.exporter import write_csv
from bot.followup import due
from bot.i18n import Words
from bot.kinds import Kinds, belonging
from bot.messages import File, Line, Message
from bot.programmes.schema import Programme
from bot.rhythm import to_utc
from bot.turn import Scene, Turn
from storage.copy import Row
from storage.tables import Identity
from storage.timers import DueTimer
from storage.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from bot.bot import Bot

MOST_DAYS: Final = 92
FARTHEST: Final = timedelta(days=366)
DEFAULT_DAYS: Final = 7
LONGEST: Final = 100  # signs of a period in words
SHOWN: Final = 10  # messages in chat; all of them travel as a file
SHOWN_DAYS: Final = 31
AGAIN: Final = timedelta(minutes=2)  # a crash meanwhile: ask for it anew
MOST_TRIES: Final = 3
COLUMNS: Final = ("at", "local", "zone", "person", "what", "platform", "programme")


# --- the period -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Period:
    """Days of a zone, both included."""

    first: date
    last: date

    def bounds(self, zone: str) -> tuple[datetime, datetime]:
        """From the first instant to before the last one, UTC."""
        begin = to_utc(datetime.combine(self.first, time.min), zone)
        return begin, to_utc(datetime.combine(self.last + timedelta(days=1), time.min), zone)

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Period:
        """As a timer carries it."""
        return cls(*(date.fromisoformat(payload[name]) for name in ("first", "last")))

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1


_COUNT = re.compile(r"([0-9]{1,4}) ?(?:j|d|jours?|days?)?", re.IGNORECASE)
_BEGIN = re.compile(r"(?:du|de|from)\s+", re.IGNORECASE)
_DASH = re.compile(r"(/[0-9]{1,4})[-–](?=[0-9])")
_BETWEEN = re.compile(r"\s+(?:au|à|to|until|[-–])\s+", re.IGNORECASE)


def read_period(text: str, today: date) -> Period | None:
    """A period in words or figures, French or English; None when it is none.

    Args:
        text: "" (seven days), "30" (days from today), "octobre", "1/10 31/10", "demain",
            "du 1er octobre au 15 novembre".
        today: The date where the programme is.
    """
    text = " ".join(text.split())
    if len(text) > LONGEST:
        return None
    if not text:
        return Period(today, today + timedelta(days=DEFAULT_DAYS - 1))
    if count := _COUNT.fullmatch(text):
        days = min(int(count[1]), MOST_DAYS + 1)
        return Period(today, today + timedelta(days=days - 1)) if days else None
    if month := _month(text, today):
        return month
    if (day := read_date(text, today, "future")) is not None:
        return Period(day, day)
    text = _DASH.sub(r"\1 - ", _BEGIN.sub("", text, count=1))
    named = _BETWEEN.split(text)
    words = text.split(" ")
    halves = (
        [(named[0], named[1])]
        if len(named) == 2
        else [(" ".join(words[:n]), " ".join(words[n:])) for n in range(1, len(words))]
    )
    for one, other in halves:
        first = _month(one, today) or _day(one, today)
        last = first and (_month(other, first.first) or _day(other, first.first))
        if first and last and first.first <= last.last:
            return Period(first.first, last.last)
    return None


def _day(text: str, today: date) -> Period | None:
    found = read_date(text, today, "future")
    return Period(found, found) if found else None


def _month(text: str, today: date) -> Period | None:
    """A month by its name: this one still, else the next of that name."""
    first = today.replace(day=1)
    begin, second = (read_date(words, first, "future") for words in (text, f"2 {text}"))
    if begin is None or begin.day != 1 or second != begin + timedelta(days=1):
        return None
    return Period(begin, (begin + timedelta(days=31)).replace(day=1) - timedelta(days=1))


# --- somebody asks --------------------------------------------------------------------------------


@command("agenda", alias="schedule", who="staff")
def agenda(turn: Turn, args: str) -> None:
    """What will be said to whom: `agenda`, `agenda 30`, `agenda octobre`, `agenda 1/10 31/10`."""
    programme, w = turn.programme, turn.w
    today = turn.now.astimezone(ZoneInfo(programme.zone)).date()
    period = read_period(args, today)
    if period is None:
        turn.text("agenda-usage", days=MOST_DAYS)
    elif period.days > MOST_DAYS or period.last - today > FARTHEST:
        turn.text("agenda-too-long", days=MOST_DAYS)
    elif period.last < today:
        turn.text("agenda-over")
    else:
        turn.uow.timers.put(
            key=f"agenda:{turn.event.id}",
            kind="agenda",
            subject_id=turn.me.id,
            due_at=turn.now,
            payload={
                "programme": programme.id,
                "first": max(period.first, today).isoformat(),
                "last": period.last.isoformat(),
                "identity": turn.identity.id,
                "begun": 0,
            },
        )
        turn.say(Message(w("agenda-looking")), here=True)


@due("agenda")
def ask(scene: Scene, timer: DueTimer) -> None:
    """Have it rehearsed beside the turns; the timer stays until the answer is queued."""
    if scene.bot.rehearse is None:
        return
    begun = int(timer.payload["begun"]) + 1
    if begun > MOST_TRIES:
        programme = scene.programme_of(timer.payload["programme"])
        w = scene.words(scene.person(timer.subject_id), programme)
        answer(scene, timer, [Message(w("agenda-failed"))])
        return
    scene.uow.timers.again(timer, scene.now + AGAIN, {**timer.payload, "begun": begun})
    scene.bot.rehearse(timer)


def answer(scene: Scene, timer: DueTimer, messages: Sequence[Message]) -> None:
    """Say what came of it, once, to somebody who may still know; the wish is fulfilled."""
    scene.uow.timers.cancel_key(timer.key)
    person = scene.uow.people.get(timer.subject_id)
    if person is None:
        return  # erased meanwhile
    if not scene.allowed(person.id, timer.payload["programme"], "agenda"):
        return
    asked_on = scene.uow.session.get(Identity, timer.payload["identity"])
    for number, message in enumerate(messages):
        scene.tell(person, message, key=f"{timer.key}:{number}", identity=asked_on)


# --- what was found -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One message to come.

    Attributes:
        at: When (UTC).
        person_id: To whom; None for somebody whose name is not known to us.
        person: Their name.
        what: What it is, in words.
        platform: `slack` or `telegram`.
        programmes: Whose staff may know of it.
    """

    at: datetime
    person_id: int | None
    person: str
    what: str
    platform: str
    programmes: frozenset[str]


def entries(uow: UnitOfWork, bot: Bot, said: Iterable[Row], w: Words) -> list[Entry]:
    """What was said in a rehearsal, in words, in order."""
    rows = list(said)
    kinds = Kinds(uow, bot.programmes, [row.key for row in rows])
    whose = belonging(uow, kinds, [(row.key, row.person_id) for row in rows])
    people = sorted({row.person_id for row in rows if row.person_id is not None})
    names: dict[int, str] = {}
    for start in range(0, len(people), 500):
        names |= uow.people.names(people[start : start + 500])
    return [
        Entry(
            row.at,
            row.person_id,
            names.get(row.person_id or 0) or "—",
            kinds.words(row.key, w),
            row.bot_account.partition(":")[0],
            whose[row.key, row.person_id],
        )
        for row in rows
    ]


def compose(
    uow: UnitOfWork, bot: Bot, timer: DueTimer, said: Iterable[Row], now: datetime
) -> list[Message]:
    """The answer to somebody of a programme's staff: a message, and a file when it is long.

    Args:
        uow: On the copy in which it was rehearsed.
        bot: Its programmes.
        timer: Who asked for what.
        said: The rehearsal.
        now: UTC.
    """
    scene = Scene(bot, uow, now)
    programme = scene.programme_of(timer.payload["programme"])
    zone = programme.zone
    person = scene.person(timer.subject_id)
    w = Words(person.lang, programme.register, zone)
    period = Period.of(timer.payload)
    begin, end = period.bounds(zone)
    own = f"reply:{timer.key.removeprefix('agenda:')}:"  # the answer that says it is being looked
    wanted = [row for row in said if begin <= row.at < end and not row.key.startswith(own)]
    found = [e for e in entries(uow, bot, wanted, w) if programme.id in e.programmes]
    return _messages(found, programme, period, w)


def _messages(
    found: Sequence[Entry], programme: Programme, period: Period, w: Words
) -> list[Message]:
    title = w(
        "agenda-title",
        since=w.day(period.first),
        until=w.day(period.last),
        programme=w.pick(programme.name),
    )
    if not found:
        return [Message(w("agenda-empty"), title=title, note=w("agenda-note"))]
    days = [
        w("agenda-day", day=w.weekday(day), n=len(list(those)))
        for day, those in groupby(found, lambda e: e.at.astimezone(w.zone).date())
    ]
    if len(days) > SHOWN_DAYS:
        days = [*days[:SHOWN_DAYS], "…"]
    people = w("agenda-people", n=len({e.person_id for e in found}))
    message = Message(
        title=title,
        text="\n".join([w("agenda-count", n=len(found), people=people), *days]),
        lines=tuple(
            Line(
                label=w("agenda-when", when=w.moment(e.at), person=e.person),
                text=w("agenda-what", what=e.what, platform=e.platform.capitalize()),
            )
            for e in found[:SHOWN]
        ),
        note=w("agenda-note"),
        notice=title,
    )
    if len(found) <= SHOWN:
        return [message]
    name = f"{programme.id}-agenda-{period.first}-{period.last}.csv"
    file = File(name, write_csv(COLUMNS, [_cells(e, programme) for e in found]))
    return [message, Message(w("agenda-file", n=len(found)), file=file)]


def _cells(e: Entry, programme: Programme) -> tuple[str, ...]:
    return (
        stamp(e.at), local(e.at, programme.zone), programme.zone, e.person, e.what, e.platform,
        programme.id,
    )  # fmt: skip


def stamp(at: datetime) -> str:
    """An instant in UTC, `2026-10-01T08:00:00Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def local(at: datetime, zone: str) -> str:
    """An instant where it is read, `2026-10-01 10:00`."""
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")
