"""`cordee doctor`: is everything there that the bot needs, and what to do about what is not.

`cordee check` reads the settings and the programme files, and asks nobody. This asks: the platforms
whether they know the tokens and what these may do, the database whether it is whole and new enough,
the disk, the clock, the port. Each answer is ok, a warning or a fault, with what to do next. It
goes on after a fault, raises nothing, changes nothing that stays, and shows no secret and nobody's
words. While the bot runs on an SQLite file, a copy is looked at: nobody else may write there.

Source: issue "Staff who know first", Installing for real.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import aiohttp
from slack_sdk.errors import SlackApiError
from sqlalchemy import func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import CordeeError, SettingsError
from bot.programmes.load import load
from bot.programmes.schema import Programme
from bot.seats import lacks_seat
from bot.settings import Settings
from handlers.alone import exclusive
from handlers.owners import ownerless
from handlers.slack.manifest import SCOPES
from handlers.slack.send import error_code, new_client
from storage.backup import copy
from storage.migrate import newest
from storage.sealed import Unreadable
from storage.tables import Identity, Membership
from storage.unit_of_work import Database

Level = Literal["ok", "warning", "fault"]
SECONDS: Final = 8.0
ROOM_FAULT, ROOM_WARNING = 200 * 2**20, 2 * 2**30  # bytes free beside the database
CLOCK_WARNING, CLOCK_FAULT = 5.0, 60.0  # seconds; Slack refuses signatures beyond 300
BACKUP_DAYS: Final = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at.

    Attributes:
        what: `slack`, `database`, …
        level: How it is.
        says: One sentence, without secrets.
        do: What to do next; empty when there is nothing to do.
    """

    what: str
    level: Level
    says: str
    do: str = ""

    def row(self) -> dict[str, str]:
        """For `--json`."""
        return {"what": self.what, "level": self.level, "says": self.says, "do": self.do}


def ok(what: str, says: str) -> Finding:
    """All is well."""
    return Finding(what, "ok", says)


def examine(settings: Settings, backups: Path | None = None) -> list[Finding]:
    """Look at everything.

    Args:
        settings: As read.
        backups: Folder of the nightly copies, if there is one to look at.
    """
    with ExitStack() as opened:
        return _examined(settings, backups, _Ground(settings, opened))


class _Ground:
    """The database to look at, opened when it is first asked for."""

    def __init__(self, settings: Settings, opened: ExitStack) -> None:
        self._settings, self._opened = settings, opened
        self._database: Database | None = None
        self.running = False

    def database(self) -> Database:
        """The database itself, or a copy of the file on which the bot runs."""
        if self._database is None:
            secret = self._settings.cordee_secret_key.get_secret_value()
            found = Database(self._settings.cordee_database_url, secret)
            if found.file is not None:
                try:
                    self._opened.enter_context(exclusive(found))
                except SettingsError:
                    self.running = True
                    folder = self._opened.enter_context(TemporaryDirectory())
                    copy(found.file, Path(folder) / "copy.db", beside=True)
                    found.close()
                    found = Database(f"sqlite:///{folder}/copy.db", secret)
            self._opened.callback(found.close)
            self._database = found
        return self._database


def _examined(settings: Settings, backups: Path | None, ground: _Ground) -> list[Finding]:
    found: list[Finding] = []
    looks: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
        ("settings", lambda: _settings(settings)),
        ("database", lambda: _database(settings, ground)),
        ("programmes", lambda: _programmes(settings, ground)),
        ("clock", _zones),
        ("http", lambda: _port(settings)),
        ("backups", lambda: _backups(backups)),
        ("platforms", lambda: asyncio.run(_platforms(settings, ground))),
    ]
    for what, look in looks:
        try:
            found += look()
        except Exception as error:  # whatever is broken, the rest is looked at too
            kind = type(error).__name__
            found.append(Finding(what, "fault", f"could not be examined ({kind}).", "See the log."))
    return found


# --- here -----------------------------------------------------------------------------------------


def _settings(settings: Settings) -> Iterator[Finding]:
    bad = dict(settings.faulty_secrets())
    for name, fault in bad.items():
        yield Finding("secrets", "fault", fault.message, fault.hint or f"Set {name}.")
    if not bad:
        yield ok("secrets", "none is empty or a sample.")
    try:
        settings.ready_to_run()
    except CordeeError as fault:
        if not bad:
            yield Finding("settings", "fault", fault.message, fault.hint or "See the README.")
    else:
        yield ok("settings", "complete.")


def _database(settings: Settings, ground: _Ground) -> Iterator[Finding]:
    try:
        url = make_url(settings.cordee_database_url)
        file = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
        if file is not None and not file.exists():
            says = f"{file} is not there yet."
            todo = "Nothing, before the first start: `cordee run` makes it."
            yield Finding("database", "warning", says, todo)
            yield from _room(file.resolve().parent)
            return
        if file is not None:
            yield from _room(file.resolve().parent)
            yield from _file(file)
        database = ground.database()
    except Exception as error:  # an address of whatever kind, a file of whatever content
        kind = type(error).__name__
        todo = "Correct CORDEE_DATABASE_URL; PostgreSQL needs requirements-postgres.txt."
        yield Finding("database", "fault", f"cannot be opened ({kind}).", todo)
        return
    yield from _tables(database, ground)


def _there(settings: Settings) -> bool:
    """Whether there is a database to look into: looking would make an empty file."""
    url = make_url(settings.cordee_database_url)
    return url.get_backend_name() != "sqlite" or Path(url.database or "").is_file()


def _file(file: Path) -> Iterator[Finding]:
    """Read beside a running bot: SQLite's own check, without touching the log."""
    mend = "Stop the bot and put the last backup back; see the README."
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as seen:
            answer = seen.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        yield Finding("database", "fault", f"cannot be read ({type(error).__name__}).", mend)
        return
    if answer != ("ok",):
        yield Finding("database", "fault", "the file is damaged.", mend)
    else:
        yield ok("database", "the file is whole.")


def _room(folder: Path) -> Iterator[Finding]:
    if not folder.is_dir():
        yield Finding("disk", "fault", f"{folder} is not there.", "Make the folder.")
        return
    free = shutil.disk_usage(folder).free
    says = f"{free / 2**30:.1f} GiB free."
    if free < ROOM_WARNING:
        level: Level = "fault" if free < ROOM_FAULT else "warning"
        yield Finding("disk", level, says, "Make room: a full disk stops the bot.")
    else:
        yield ok("disk", says)


def _tables(database: Database, ground: _Ground) -> Iterator[Finding]:
    try:
        with database.unit_of_work() as uow:
            there = uow.statements.execute(text("SELECT version_num FROM alembic_version")).scalar()
            uow.statements.execute(text("CREATE TABLE cordee_doctor (id INTEGER)"))
            # left without a commit: the table never was
    except SQLAlchemyError as error:
        kind = type(error).__name__
        yield Finding(
            "database",
            "fault",
            f"does not answer, or cannot be written ({kind}).",
            "Look at its address, rights and disk; without tables: `cordee migrate`.",
        )
        return
    says = "answers; the bot runs on it." if ground.running else "answers and can be written."
    yield ok("database", says)
    if there != newest():
        yield Finding(
            "schema",
            "warning",
            f"is {there}; this version has {newest()}.",
            "Start the bot, which migrates, or `cordee migrate`; take a backup first.",
        )
    else:
        yield ok("schema", f"{there}, the newest.")
        yield from _installed(database)


def _installed(database: Database) -> Iterator[Finding]:
    try:
        with database.unit_of_work() as uow:
            gone = [one for one in uow.installations.everything() if one.token is None]
    except Unreadable:
        yield Finding(
            "workspaces",
            "fault",
            "their tokens were sealed with another key.",
            "Put the CORDEE_SECRET_KEY back with which they were installed.",
        )
        return
    for one in gone:
        yield Finding(
            "workspaces",
            "warning",
            f"{one.team} is gone ({one.reason}).",
            "If that was not meant, have the app installed there again.",
        )


def _programmes(settings: Settings, ground: _Ground) -> Iterator[Finding]:
    programmes: list[Programme] = []
    for source in settings.cordee_programmes:
        try:
            programmes.append(load(source))
        except CordeeError as fault:
            yield Finding("programmes", "fault", fault.message, fault.hint or f"Correct {source}.")
    if not settings.cordee_programmes:
        yield Finding("programmes", "fault", "none is named.", "Set CORDEE_PROGRAMMES.")
    for programme in programmes:
        if not programme.contact.address:
            yield Finding(
                "programmes",
                "warning",
                f"{programme.id}: no address to write to.",
                "Give `contact` an `address` in its file.",
            )
        yield from _team(settings, programme, ground)


def _team(settings: Settings, programme: Programme, ground: _Ground) -> Iterator[Finding]:
    """Who belongs to the team, and can be reached."""
    try:
        if not _there(settings):
            return
        with ground.database().unit_of_work() as uow:
            query = (
                select(Membership.role, func.count(func.distinct(Membership.person_id)))
                .join(Identity, Identity.person_id == Membership.person_id)
                .where(
                    Membership.programme_id == programme.id,
                    Membership.state == "active",
                    Identity.reachable.is_(True),
                )
                .group_by(Membership.role)
            )
            roles = {str(role): int(n) for role, n in uow.session.execute(query)}
            alone = ownerless(uow, [programme.id])
            named = settings.staff
            former = [one for one in named if lacks_seat(uow, programme, one, named)]
    except Exception:  # the database's own faults are told elsewhere
        return
    for platform, account in former:
        who = f"{platform}:{account}"
        yield Finding(
            "programmes",
            "warning",
            f"{programme.id}: {who} of CORDEE_STAFF is not staff and owner there (any more).",
            f"Take it out of CORDEE_STAFF; or: cordee owner {who} --programme {programme.id}",
        )
    if alone:
        yield Finding(
            "programmes",
            "fault",
            f"{programme.id}: staff and no owner: nobody can give or take a role.",
            f"Name one of them: cordee owner ADDRESS --programme {programme.id}",
        )
        return
    missing = [role for role in ("staff", "owner") if not roles.get(role)]
    if missing and not settings.cordee_staff:
        yield Finding(
            "programmes",
            "fault",
            f"{programme.id}: no {' and no '.join(missing)}.",
            "Name the first ones in CORDEE_STAFF and start the bot.",
        )
    elif missing:
        yield Finding(
            "programmes",
            "warning",
            f"{programme.id}: no {' and no '.join(missing)} who can be reached.",
            "Have somebody of CORDEE_STAFF write to the bot; on Telegram: Start.",
        )
    else:
        yield ok("programmes", f"{programme.id}: {roles['staff']} staff, {roles['owner']} owners.")


def _zones() -> Iterator[Finding]:
    """Whether the data of time zones know of summer time."""
    paris = ZoneInfo("Europe/Paris")
    hours = [datetime(2027, month, 1, tzinfo=paris).utcoffset() for month in (1, 7)]
    try:
        known = version("tzdata")
    except PackageNotFoundError:
        known = "the machine's"
    if hours[0] == hours[1]:
        yield Finding("clock", "fault", "the time zones know no summer time.", "Install tzdata.")
    else:
        yield ok("clock", f"time zones {known}.")


def _port(settings: Settings) -> Iterator[Finding]:
    port = settings.cordee_http_port
    if port is None:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            yield Finding(
                "http",
                "warning",
                f"port {port} is taken ({error.strerror}).",
                "Right if the bot runs; else end what holds it, or change the port.",
            )
        else:
            yield ok("http", f"port {port} is free for the bot.")
    url = settings.cordee_public_url
    if url is not None and not url.startswith("https://"):
        yield Finding(
            "http",
            "warning",
            "the public address is not https.",
            "Put a proxy with TLS before it: the platforms want https.",
        )


def _backups(folder: Path | None) -> Iterator[Finding]:
    if folder is None:
        return
    copies = sorted(folder.glob("*.db")) if folder.is_dir() else []
    if not copies:
        yield Finding("backups", "fault", f"none in {folder}.", "Start cordee-backup.timer.")
        return
    days = (time.time() - max(copy.stat().st_mtime for copy in copies)) / 86400
    says = f"the last is {days:.1f} days old."
    if days > BACKUP_DAYS:
        yield Finding("backups", "warning", says, "Look at cordee-backup.service in the journal.")
    else:
        yield ok("backups", says)


# --- the platforms --------------------------------------------------------------------------------


async def _platforms(settings: Settings, ground: _Ground) -> list[Finding]:
    works: list[Awaitable[list[Finding]]] = []
    if token := settings.slack_bot_token.get_secret_value():
        works.append(_slack(settings, "slack", token))
    elif settings.slack_client_id:
        works += [
            _slack(settings, f"slack {team}", token) for team, token in _tokens(settings, ground)
        ]
    if app := settings.slack_app_token.get_secret_value():
        works.append(_socket(settings, app))
    if token := settings.telegram_bot_token.get_secret_value():
        works.append(_telegram(settings, token))
    return [one for found in await asyncio.gather(*works) for one in found]


def _tokens(settings: Settings, ground: _Ground) -> list[tuple[str, str]]:
    try:
        if not _there(settings):
            return []
        with ground.database().unit_of_work() as uow:
            return [(one.team, one.token) for one in uow.installations.everything() if one.token]
    except (SQLAlchemyError, Unreadable):
        return []


_REACH: Final = "Check the network, proxies and the address of its API."


async def _slack(settings: Settings, what: str, token: str) -> list[Finding]:
    client = new_client(token, settings.slack_api_url)
    try:
        answer = await client.auth_test()
    except SlackApiError as error:
        todo = "Copy the token again, or have the app installed again; what waits is sent then."
        return [Finding(what, "fault", f"refuses the token ({error_code(error)}).", todo)]
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return [Finding(what, "fault", f"not reached ({type(error).__name__}).", _REACH)]
    found = [ok(what, f"knows the token: workspace {answer.get('team_id')}.")]
    headers = {str(name).lower(): value for name, value in answer.headers.items()}
    given = {one.strip() for one in str(headers.get("x-oauth-scopes") or "").split(",")} - {""}
    if missing := sorted(set(SCOPES) - given):
        todo = "Paste the manifest again (`cordee manifest slack`), and reinstall the app."
        found.append(Finding(what, "fault", f"scopes are missing: {', '.join(missing)}.", todo))
    if more := sorted(given - set(SCOPES)):
        todo = "Take them away: the app needs no more than its manifest says."
        found.append(Finding(what, "warning", f"scopes nobody needs: {', '.join(more)}.", todo))
    return found + _drift(what, headers.get("date"))


async def _socket(settings: Settings, token: str) -> list[Finding]:
    client = new_client(None, settings.slack_api_url)
    try:
        await client.apps_connections_open(app_token=token)
    except SlackApiError as error:
        todo = "Make an app-level token with the scope connections:write."
        return [Finding("slack socket", "fault", f"refused ({error_code(error)}).", todo)]
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return [Finding("slack socket", "fault", f"not reached ({type(error).__name__}).", _REACH)]
    return [ok("slack socket", "may be opened.")]


async def _telegram(settings: Settings, token: str) -> list[Finding]:
    what, base = "telegram", f"{settings.telegram_api_url.rstrip('/')}/bot{token}/"
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session:
            async with session.post(f"{base}getMe") as answer:
                me: dict[str, Any] = await answer.json()
                date = answer.headers.get("Date")
            async with session.post(f"{base}getWebhookInfo") as answer:
                hook: dict[str, Any] = (await answer.json()).get("result") or {}
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return [Finding(what, "fault", f"not reached ({type(error).__name__}).", _REACH)]
    if not me.get("ok"):
        says = f"refuses the token ({me.get('error_code')})."
        return [Finding(what, "fault", says, "Ask @BotFather for the token again.")]
    found = [ok(what, f"knows the token: @{(me.get('result') or {}).get('username')}.")]
    wanted = bool(
        settings.telegram_webhook_secret.get_secret_value() and settings.cordee_public_url
    )
    if hook.get("url") and not wanted:
        todo = "The bot takes it away when it starts; if another program set it, use another token."
        found.append(Finding(what, "warning", "a webhook is set, and we poll.", todo))
    elif wanted and not hook.get("url"):
        todo = "Start the bot, which sets it."
        found.append(Finding(what, "warning", "the webhook is not set.", todo))
    elif wanted and hook.get("last_error_date"):
        todo = "Look at the proxy and its certificate."
        found.append(Finding(what, "warning", "its last delivery to us failed.", todo))
    return found + _drift(what, date)


def _drift(what: str, date: object) -> list[Finding]:
    """How far this machine's clock is from the platform's."""
    try:
        there = parsedate_to_datetime(str(date))
    except ValueError:
        return []
    off = abs((datetime.now(UTC) - there).total_seconds())
    says = f"this machine's clock and that of {what} are {off:.0f} s apart."
    if off <= CLOCK_WARNING:
        return [ok("clock", says)]
    level: Level = "fault" if off > CLOCK_FAULT else "warning"
    return [Finding("clock", level, says, "Let the machine set its clock by the network (NTP).")]
