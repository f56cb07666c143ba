"""Makes a database that was put back from a backup fit to go on: nothing is said a second time.

What the backup believes still to be said, and what has fallen due since, may have been said in the
time that was lost. It is written down as in doubt, for staff to look at; what people were asked can
be answered all the same. This module does not know what a timer means, nor what is said.

What fell due is replayed at the instants at which it fell due, not all at once: what follows from
it (a reminder some days later, a deadline) then falls where it fell the first time, and is held or
said accordingly.

Source: quality, R12.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.bot import Bot
from bot.errors import SettingsError
from bot.messages import Message
from bot.programmes.load import load_all
from bot.settings import Settings
from bot.turn import Scene
from handlers.alone import exclusive
from scheduling.clock import Clock, SystemClock
from scheduling.timers import Timers
from scheduling.worker import Worker
from storage.archive import NotEmptyError, fill
from storage.erasures import Erasures, read_list
from storage.migrate import upgrade
from storage.restored import Putback
from storage.timers import DueTimer
from storage.unit_of_work import Database, UnitOfWork

REASON = "restored"
LEASE_SECONDS = 20.0  # longer than a lease: one that came with the backup runs out meanwhile
LOOK_SECONDS = 0.5
MAX_STEPS = 10_000_000  # more instants than a year of seconds has prompts


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done.

    Attributes:
        as_of: The last instant the backup knows of (UTC); None when it is empty.
        held: Messages that are in doubt now.
        fired: Timers that had fallen due since.
        told: Staff who will be told once the bot runs.
        erased: People who had been erased since, and are again.
    """

    as_of: datetime | None
    held: int
    fired: int
    told: int
    erased: int


async def put_back(
    settings: Settings, clock: Clock | None = None, *, source: Path | None = None
) -> Restored:
    """Do all that has to be done between putting a backup back and `cordee run`.

    Done twice it does no harm, but holds what was queued in between.

    Args:
        settings: As for the bot.
        clock: The time.
        source: A file of `cordee backup`, to fill an empty PostgreSQL from first.

    Raises:
        SettingsError: The bot runs on this database, there is no such file, or the database to be
            filled is not empty.
    """
    now = (clock or SystemClock()).now()
    bot = Bot(load_all(settings.cordee_programmes), settings.staff)
    database = Database(settings.cordee_database_url, settings.cordee_secret_key.get_secret_value())
    try:
        if database.file is not None and not database.file.exists():
            raise SettingsError(f"{database.file} is not there.", "Put the backup there first.")
        with exclusive(database):
            if source is not None:
                _fill(database, source, settings)
            upgrade(database.engine)
            if not database.is_sqlite:
                await _nobody_sends(database)
            erased = _erase_again(database, settings.cordee_backups)
            as_of = _hold(database, now)
            _plan(database, bot, now)
            fired = await _replay(database, bot, min(as_of or now, now), now)
            held, told = _tell(database, bot, as_of, now)
    finally:
        database.close()
    return Restored(as_of, held, fired, told, erased)


def _fill(database: Database, source: Path, settings: Settings) -> None:
    if database.is_sqlite:
        raise SettingsError("--from is for PostgreSQL.", "Copy the file to where the database is.")
    try:
        fill(database, source, settings.cordee_secret_key.get_secret_value())
    except FileNotFoundError:
        raise SettingsError(f"{source} is not there.", "Name a file of cordee backup.") from None
    except NotEmptyError:
        raise SettingsError(
            "The database is not empty.", "Make a new one; see the README."
        ) from None


def _erase_again(database: Database, folder: Path | None) -> int:
    """Whoever was erased after the backup was made; how many."""
    listed = read_list(folder) if folder is not None else []
    with database.unit_of_work() as uow:
        back = Erasures(uow.session).missing(listed)
        for one in back:
            uow.privacy.erase_person(one.gone_id, one.at)
        Erasures(uow.session).forget_all([one.gone_id for one in back])
        uow.commit()
    return len(back)


async def _nobody_sends(database: Database) -> None:
    """Wait for leases that came with the backup to run out; one that is renewed has a holder."""
    for _ in range(int(LEASE_SECONDS / LOOK_SECONDS)):
        with database.unit_of_work() as uow:
            senders = Putback(uow.session).senders()
        if not senders:
            return
        await asyncio.sleep(LOOK_SECONDS)
    raise SettingsError(f"The bot runs on this database ({', '.join(senders)}).", "Stop it first.")


def _hold(database: Database, now: datetime) -> datetime | None:
    with database.unit_of_work() as uow:
        store = Putback(uow.session)
        as_of = store.last_sign()
        uow.outbox.hold_due(now, REASON)
        store.heard_until(now)
        store.fence()
        store.skip_numbers()
        uow.commit()
    return as_of


def _plan(database: Database, bot: Bot, now: datetime) -> None:
    """As at every start; what it plans for the lost time is replayed with the rest."""
    with database.unit_of_work() as uow:
        uow.outbox.mute(now, REASON)
        bot.plan(uow, now)
        uow.commit()


async def _replay(database: Database, bot: Bot, begin: datetime, now: datetime) -> int:
    """Fire what fell due, one instant after the other; how many fired."""
    worker = Worker(database)

    def muted(uow: UnitOfWork, timer: DueTimer, at: datetime) -> None:
        uow.outbox.mute(now, REASON)
        bot.fire(uow, timer, at)

    def soonest() -> datetime | None:
        with database.unit_of_work() as uow:
            due = uow.timers.due(now, 1)
        return due[0].due_at if due else None

    timers = Timers(database, worker, SystemClock(), muted)
    fired, at = 0, begin
    try:
        for _ in range(MAX_STEPS):
            due = await worker.run(soonest)
            if due is None:
                break
            at = max(at, due)
            fired += await timers.fire_due(at)
    finally:
        worker.close()
    return fired


def _tell(database: Database, bot: Bot, as_of: datetime | None, now: datetime) -> tuple[int, int]:
    """Write down what was done, and what staff will read first."""
    with database.unit_of_work() as uow:
        held = Putback(uow.session).held(REASON)
        known = as_of.isoformat() if as_of else None
        uow.memos.put("restored", now, {"as_of": known, "held": held})
        scene = Scene(bot, uow, now)
        told: set[int] = set()
        for programme in bot.programmes.values():
            scene.tell_staff(
                programme,
                lambda w: Message(
                    text="\n\n".join(
                        (
                            w("staff-restored", when=w.moment(as_of or now)),
                            w("staff-restored-held", held) if held else w("staff-restored-none"),
                        )
                    )
                ),
                key=f"restored:{now.isoformat(timespec='seconds')}",
            )
            told |= {person.id for person in uow.people.with_role(programme.id, "staff")}
        uow.commit()
    return held, len(told)
