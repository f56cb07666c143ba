"""Rehearsals, asked for in chat or on the command line: on a copy, made in the worker (short)."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.exc import SQLAlchemyError
from typing_extensions import override

from bot.bot import Bot
from bot.commands.agenda import (
    DEFAULT_DAYS,
    FARTHEST,
    MOST_DAYS,
    Entry,
    Period,
    answer,
    compose,
    entries,
    local,
    stamp,
)
from bot.errors import CordeeError, SettingsError, StorageError
from bot.i18n import Words
from bot.messages import Message
from bot.programmes.load import load_all
from bot.settings import Settings
from bot.turn import Scene
from handlers.aside import LongWork
from scheduling.rehearsal import Abandoned, rehearse
from storage.copy import copied, copied_apart
from storage.migrate import current, newest
from storage.timers import DueTimer
from storage.unit_of_work import Database

log = logging.getLogger(__name__)
NOWHERE: Final = "Europe/Paris"  # the zone of what belongs to no one programme


class Rehearsals(LongWork):
    """Answers who asked for the agenda, from a copy of the database."""

    @override
    def _offer(self, take: Callable[[DueTimer], None] | None) -> None:
        self._bot.rehearse = take

    @override
    async def _work(self, timer: DueTimer) -> set[str]:
        copy, now = await self._worker.run(self._copy)
        try:
            messages = await asyncio.to_thread(self._rehearse, copy, timer, now)
        except Abandoned:
            log.warning("agenda given up timer=%s", timer.id)
            return set()
        return await self._worker.run(self._answer, timer, messages)

    def _copy(self) -> tuple[Database, datetime]:
        return copied(self._database), self._clock.now()

    def _rehearse(self, copy: Database, timer: DueTimer, now: datetime) -> list[Message]:
        bot = self._bot.apart()
        with closing(copy):
            programme = bot.programmes[timer.payload["programme"]]
            end = Period.of(timer.payload).bounds(programme.zone)[1]
            until = end - timedelta(microseconds=1)
            said = rehearse(copy, bot.fire, now, until, stop=self._stopped.is_set)
            with copy.unit_of_work() as uow:
                return compose(uow, bot, timer, said, now)

    def _answer(self, timer: DueTimer, messages: list[Message]) -> set[str]:
        with self._database.unit_of_work() as uow:
            answer(Scene(self._bot, uow, self._clock.now()), timer, messages)
            uow.commit()
        return uow.outbox.touched


# --- the command line -----------------------------------------------------------------------------


def look_ahead(
    settings: Settings, first: str, last: str, programme: str | None, now: datetime, w: Words
) -> list[tuple[Entry, str]]:
    """What will be said between two days, beside a bot that may be running.

    The database is only read. What a bot that starts now would plan is planned on the copy.

    Args:
        settings: Where the database and the programmes are.
        first: `2026-10-01` or "" for today.
        last: Included; "" for a week in all.
        programme: Only of this one.
        now: UTC.
        w: The words for it.

    Returns:
        Each message with the zone of its programme; days are those of that zone.

    Raises:
        CordeeError: No such period or programme, no database that can be read, or one of another
            version.
    """
    programmes = load_all(settings.cordee_programmes)
    if programme is not None and programme not in programmes:
        raise CordeeError(
            f"There is no programme {programme!r}.", f"One of: {', '.join(programmes)}."
        )
    period = _period(first, last, now)
    bot = Bot(programmes, settings.staff)
    with closing(_copy_apart(settings)) as copy:
        with copy.unit_of_work() as uow:
            bot.plan(uow, now)
            uow.commit()
        zones = {one.zone for one in programmes.values()} | {NOWHERE}
        until = max(period.bounds(zone)[1] for zone in zones) - timedelta(microseconds=1)
        said = rehearse(copy, bot.fire, now, until)
        with copy.unit_of_work() as uow:
            found = entries(uow, bot, said, w)
    wanted: list[tuple[Entry, str]] = []
    for entry in found:
        theirs = [programmes[name] for name in sorted(entry.programmes & programmes.keys())]
        zone = theirs[0].zone if theirs else NOWHERE
        day = entry.at.astimezone(ZoneInfo(zone)).date()
        if period.first <= day <= period.last and programme in {None, *entry.programmes}:
            wanted.append((entry, zone))
    return wanted


def row_of(entry: Entry, zone: str) -> dict[str, str | int | None]:
    """An entry as one line of JSON."""
    return {
        "at": stamp(entry.at),
        "local": local(entry.at, zone),
        "zone": zone,
        "person": entry.person_id,
        "name": entry.person,
        "platform": entry.platform,
        "what": entry.what,
        "programme": ",".join(sorted(entry.programmes)) or None,
    }


def _period(first: str, last: str, now: datetime) -> Period:
    today = now.astimezone(ZoneInfo(NOWHERE)).date()
    try:
        begin = date.fromisoformat(first) if first else today
        end = date.fromisoformat(last) if last else begin + timedelta(days=DEFAULT_DAYS - 1)
    except ValueError:
        raise CordeeError("This is no day.", "Write --from 2026-10-01 --to 2026-10-31.") from None
    period = Period(begin, end)
    if not 1 <= period.days <= MOST_DAYS or end - today > FARTHEST:
        raise CordeeError(
            f"A period has 1 to {MOST_DAYS} days and ends within a year.",
            "Write --from 2026-10-01 --to 2026-10-31.",
        )
    return period


def _copy_apart(settings: Settings) -> Database:
    try:
        copy, found = copied_apart(
            settings.cordee_database_url, settings.cordee_secret_key.get_secret_value(), current
        )
    except (sqlite3.Error, SQLAlchemyError) as error:
        kind = type(error).__name__  # not its text, which may quote an address with a password
        raise StorageError(f"The database cannot be read ({kind}).") from None
    if found != newest():
        copy.close()
        raise SettingsError(
            f"The database is at version {found}, this program needs {newest()}.",
            "Run `cordee migrate`, or the program that belongs to it.",
        )
    return copy
