"""`cordee demo`: the real bot, two local platforms, invented people, and a page to play them all.

Nothing here is told to the bot: people arrive by the import, accounts by the settings, and the
opening scene is typed and pressed as the page's user would. Its database lives and dies with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.errors import CordeeError
from bot.exporter import write_csv
from bot.i18n import words
from bot.importer import import_people
from bot.programmes.load import load_all
from handlers.local.fake_telegram import BOT
from handlers.local.page import Page
from handlers.local.page_state import Persona
from handlers.local.people import COLUMNS, invented
from handlers.local.slack_server import IDENTITY
from handlers.local.stage import OPENING, SECRET, Stage
from scheduling.clock import DemoClock
from storage.migrate import upgrade
from storage.unit_of_work import Database

log = logging.getLogger(__name__)

PROGRAMMES: Final = ("ax-accompagnement", "emergence", "ax-mentorat")
EXPERTS: Final = 160
MENTORS: Final = 40  # of the campaign, besides
PORTS: Final = 20
LAST_PORT: Final = 65535

STUDENT: Final = Persona("student", "Camille Roux", "student", "UCAMILLE", 1001, opens="slack")
MENTOR: Final = Persona("mentor", "Hugo Vaucelin", "mentor", None, 1002)
LAUREATE: Final = Persona("laureate", "Inès Maillard", "laureate", None, 1003, opens="telegram")
SPONSOR: Final = Persona("sponsor", "Yves Montoux", "sponsor", "UYVES")
STAFF: Final = Persona("staff", "Claire Ansard", "staff", "UCLAIRE", 1004)
PERSONAS: Final = (STUDENT, MENTOR, LAUREATE, SPONSOR, STAFF)

_ACTED: Final = (
    {
        "id": "H0001", "prenom": "Hugo", "nom": "Vaucelin", "promo": "2004",
        "ecole": "École polytechnique", "poste": "Chef de projet éolien en mer",
        "employeur": "Ventelys", "structure": "startup", "secteur": "Énergie", "ville": "Nantes",
        "pays": "France", "pays_vecus": "Allemagne",
        "bio": "Parcs éoliens en mer, riverains, permis ; du grand groupe à la start-up à 30 ans.",
        "situations": "début de carrière;30 ans", "capacite": "2", "consentement": "oui",
        "disponible": "oui", "langues": "français;anglais;allemand", "aide": "long_term;one_off",
        "email": "hugo.vaucelin@exemple.invalid", "programme": "ax-accompagnement",
        "role": "mentor", "telegram": "1002",
    },
    {
        "id": "H0002", "prenom": "Inès", "nom": "Maillard", "promo": "2025",
        "ecole": "Université du Lac", "email": "ines.maillard@exemple.invalid",
        "programme": "emergence", "role": "mentee", "telegram": "1003",
    },
    {
        "id": "H0003", "prenom": "Yves", "nom": "Montoux", "poste": "Directeur d’usine",
        "employeur": "Verrerie Haute", "structure": "groupe", "secteur": "Industrie",
        "ville": "Lille", "pays": "France", "capacite": "2", "consentement": "oui",
        "disponible": "oui", "email": "yves.montoux@exemple.invalid", "programme": "emergence",
        "role": "mentor", "slack": f"{IDENTITY['team_id']}/UYVES",
    },
    {
        "id": "H0004", "prenom": "Claire", "nom": "Ansard",
        "email": "claire.ansard@exemple.invalid", "programme": "ax-accompagnement", "role": "staff",
        "slack": f"{IDENTITY['team_id']}/UCLAIRE", "telegram": "1004",
    },
)  # fmt: skip


async def serve_demo(port: int, play: bool = True) -> None:
    """Run the demo until Ctrl-C (or SIGTERM).

    Args:
        port: Of the page, on the loopback interface; the next free one when it is taken, 0 for any.
        play: Whether the opening scene is played.

    Raises:
        CordeeError: No port is free.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with demo(port) as running:
        if port not in (0, running.page.port):
            _say(f"Port {port} is taken, so the page is on {running.page.port}.")
        _say(f"Cordée demo: {running.page.url}")
        _say("Ctrl-C stops it; nothing is kept.")
        if play:
            await opening_scene(running)
        await stop.wait()
    _say("\nStopped.")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the program's one way of saying where the page is


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo."""

    stage: Stage
    page: Page


@asynccontextmanager
async def demo(port: int = 0) -> AsyncIterator[Demo]:
    """The stage with its people, and its page, for as long as the context lasts.

    Args:
        port: As for `serve_demo`.

    Raises:
        CordeeError: No port is free.
    """
    with tempfile.TemporaryDirectory(prefix="cordee-demo-") as folder:
        url = f"sqlite:///{Path(folder) / 'demo.db'}"
        clock = DemoClock(OPENING)
        await asyncio.to_thread(_import_directory, url, clock)
        stage = Stage(url, PROGRAMMES, staff=_accounts(STAFF), clock=clock)
        page = Page(stage, PERSONAS)
        stage.slack.on_change = stage.telegram.on_change = page.changed
        for person in PERSONAS:
            if person.slack:
                stage.slack.add_user(person.slack, person.name)
            if person.telegram:
                stage.telegram.add_user(person.telegram, person.name.split()[0])
        await stage.start()
        try:
            await _listen(page, port)
            try:
                yield Demo(stage, page)
            finally:
                await page.stop()
        finally:
            await stage.stop()


def _accounts(person: Persona) -> list[str]:
    return [f"slack:{IDENTITY['team_id']}/{person.slack}", f"telegram:{person.telegram}"]


def directory() -> bytes:
    """Everybody of the demo as a file for the import: its experts, and those who are played."""
    everybody = list(invented(EXPERTS + MENTORS))
    rows = [row | {"programme": PROGRAMMES[0]} for row in everybody[:EXPERTS]]
    rows += [row | {"programme": PROGRAMMES[2]} for row in everybody[EXPERTS:]]
    rows += [dict(row) for row in _ACTED]
    columns = [*COLUMNS, "programme", "role", "aide", "slack", "telegram"]
    return write_csv(columns, ([row.get(name, "") for name in columns] for row in rows))


def _import_directory(url: str, clock: DemoClock) -> None:
    """As `cordee import` does, before the bot starts.

    Raises:
        CordeeError: A row was refused, which would be our fault.
    """
    database = Database(url, SECRET)
    try:
        upgrade(database.engine)
        with database.unit_of_work() as uow:
            done = import_people(
                uow.directory,
                directory(),
                clock.now(),
                programmes=load_all(PROGRAMMES),
                telegram_bot=f"telegram:{BOT['id']}",
            )
            if done.problems:
                raise CordeeError(f"The demo's directory was refused: {done.problems[:3]}")
            uow.commit()
    finally:
        database.close()


async def _listen(page: Page, port: int) -> None:
    for number in range(port, min(port + PORTS, LAST_PORT + 1)):
        try:
            await page.start(number)
            return
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
    raise CordeeError(f"No port is free from {port} on.", "Choose another: cordee demo --port 0")


# --- the opening scene ------------------------------------------------------------------------


async def opening_scene(running: Demo) -> None:
    """What the first look shows: five people have arrived, a pair stands, an intake has begun.

    A line that cannot be played is logged and the next one tried: the page is there all the same.
    """
    stage = running.stage
    yes, help_ = words("fr")("consent-yes"), "Six mois avec un aîné, pour avancer"
    on_request = stage.service.bot.programmes[PROGRAMMES[0]].name.fr
    student, sponsor, staff = "UCAMILLE", "UYVES", "UCLAIRE"
    scene = (
        ("telegram", LAUREATE.telegram, "/start"),
        ("telegram", LAUREATE.telegram, [yes]),
        ("telegram", MENTOR.telegram, "/start"),
        ("telegram", MENTOR.telegram, [yes]),
        ("slack", sponsor, "bonjour"),
        ("slack", sponsor, [yes]),
        ("slack", student, "bonjour"),
        ("slack", student, [on_request]),
        ("slack", student, [yes]),
        ("slack", student, ["Je viens comme accompagné"]),
        ("slack", student, STUDENT.name),
        ("slack", student, "X21"),
        ("slack", student, ["Élève en dernière année"]),
        ("slack", student, [help_]),
        ("slack", staff, "/cordee programme emergence"),
        ("slack", staff, "/cordee binomes H0002 H0003"),
        ("slack", sponsor, [words("fr")("charter-agree")]),
        ("slack", staff, "/cordee programme ax-accompagnement"),
    )
    for platform, user, line in scene:
        try:
            async with running.page.alone():
                if platform == "slack":
                    await _on_slack(stage, str(user), line)
                else:
                    await _on_telegram(stage, int(user or 0), line)
                await stage.settled()
        except (LookupError, ValueError, TimeoutError) as error:
            log.warning("the opening scene goes on without a line: %s: %s", line, error)


async def _on_slack(stage: Stage, user: str, line: str | list[str]) -> None:
    slack = stage.slack
    if isinstance(line, str) and line.startswith("/"):
        command, _, rest = line.partition(" ")
        await slack.slash(user, command, rest)
    elif isinstance(line, str):
        await slack.dm(user, line)
    else:
        for message in reversed(slack.messages(user)):
            with contextlib.suppress(ValueError):
                await slack.press(user, user, message.ts, line[0])
                return
        raise LookupError(f"{user} sees no button {line[0]!r}")


async def _on_telegram(stage: Stage, user: int, line: str | list[str]) -> None:
    telegram = stage.telegram
    if isinstance(line, str):
        await telegram.send(user, line)
        return
    for message in reversed(telegram.messages(user)):
        with contextlib.suppress(ValueError):
            await telegram.press(user, message.id, line[0])
            return
    raise LookupError(f"{user} sees no button {line[0]!r}")
