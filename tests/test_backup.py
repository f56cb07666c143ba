"""A backup taken in the middle of the work, put back weeks later: nothing is said twice.

The same term is lived three times between the local platforms: undisturbed, and with the database
lost and put back, on each kind of database. What people were sent must be the same, message by
message and minute by minute, but for what staff are told of it.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Final

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, text
from typing_extensions import override

from bot.errors import SettingsError
from bot.flows import pairs
from bot.settings import Settings
from bot.turn import Scene
from handlers.alone import exclusive
from handlers.local.stage import OPENING, Stage
from handlers.restore import REASON, Restored, put_back
from scheduling.clock import FixedClock
from storage import backup, migrate
from storage.leases import LeaseStore
from storage.restored import GAP, GAP_OF, Putback
from storage.tables import Base, Outbox, Person, Report, SenderLease, Timer
from storage.unit_of_work import BUSY_MS, Database, UnitOfWork
from tests.postgres import PgServer, libpq, server_program
from tests.run_world import KEY, cordee
from tests.stores import NOON, SECRET, payload, somebody

PAIRS, LAUREATES, CROWD = 6, 60, 8
STAFF: Final = "USTAFF"
REPORTS: Final = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)  # 10:00 in Paris
END: Final = datetime(2026, 11, 5, 12, 0, tzinfo=UTC)
NOTICE: Final = "Une sauvegarde vient d’être remise en place"
Said = tuple[str, str, str]


def plain(words: str) -> str:
    return words.replace("\u202f", " ").replace("\u00a0", " ")


class Term:
    """A school with two programmes, everybody in it, and what they were sent."""

    def __init__(self, url: str) -> None:
        self.stage = Stage(
            url,
            ["ax-accompagnement", "emergence"],
            staff=[f"slack:T0LOCAL/{STAFF}"],
            clock=FixedClock(OPENING),
        )
        self.chats: list[int] = []
        self.members = [STAFF]

    async def begin(self) -> None:
        """Pairs of the one programme, laureates and their mentors of the other."""
        stage = self.stage
        stage.slack.add_user(STAFF, "Claire")
        numbers = iter(range(1001, 9000))
        plan: list[tuple[str, str, str]] = []  # programme, account of the mentee, of the mentor
        for index in range(PAIRS + LAUREATES):
            programme = "ax-accompagnement" if index < PAIRS else "emergence"
            plan.append((programme, self._on_telegram(next(numbers)), self._on_slack(index)))
        self.apart = self.chats.pop()  # one laureate who will do more than read
        for crowd in range(CROWD):
            stage.telegram.add_user(9001 + crowd, f"Passant{crowd}")
        await stage.start()
        await stage.read(self._people, plan)
        await stage.settled()

    def _on_telegram(self, number: int) -> str:
        self.stage.telegram.add_user(number, f"Élève{number}").started = True
        self.chats.append(number)
        return str(number)

    def _on_slack(self, index: int) -> str:
        name = f"UMENTOR{index}"
        self.stage.slack.add_user(name, f"Mentor{index}")
        self.members.append(name)
        return f"T0LOCAL/{name}"

    def _people(self, uow: UnitOfWork, plan: list[tuple[str, str, str]]) -> None:
        service, now = self.stage.service, self.stage.clock.now()
        assert service.telegram is not None
        assert service.slack is not None
        scene = Scene(service.bot, uow, now)

        def person(platform: str, account: str, bot_account: str, programme: str) -> Person:
            met = uow.people.meet(
                platform=platform, account=account, bot_account=bot_account, lang="fr", now=now
            )
            found = uow.people.get(met.person_id)
            assert found is not None
            found.name, found.programme_id = f"Nom {account}", programme
            for purpose in ("storage", "charter"):
                uow.people.consent(found.id, programme, purpose, text=("2026-11", ""), now=now)
            return found

        for programme, mentee, mentor in plan:
            one = person("telegram", mentee, service.telegram.bot_account, programme)
            other = person("slack", mentor, service.slack.bot_account, programme)
            uow.people.enrol(one.id, programme, "mentee", now=now)
            uow.people.enrol(other.id, programme, "mentor", now=now)
            pairs.form(scene, None, one, other, programme=scene.programme_of(programme))
        uow.commit()

    # --- what people see ---

    def said(self) -> Counter[Said]:
        """Everything sent to those who ask nothing: to whom, in which minute, in which words."""
        found: Counter[Said] = Counter()
        for chat in self.chats:
            for message in self.stage.telegram.messages(chat):
                if message.by_bot:
                    found[str(chat), f"{message.date:%m-%d %H:%M}", message.text] += 1
        for member in self.members:
            for post in self.stage.slack.messages(member):
                if post.by_bot:
                    at = datetime.fromtimestamp(float(post.ts), UTC)
                    found[member, f"{at:%m-%d %H:%M}", post.text] += 1
        return found

    async def until(self, end: datetime) -> None:
        await self.stage.advance(end - self.stage.clock.now())

    async def reports_fall_due(self, copy: Callable[[], None]) -> None:
        """A mass of prompts goes out, strangers write meanwhile, and somebody takes a backup."""
        await self.until(REPORTS - timedelta(seconds=1))
        before = self.said().total()
        a_quarter = asyncio.Event()

        def look() -> None:
            if self.said().total() >= before + LAUREATES // 4:
                a_quarter.set()

        self.stage.telegram.on_change = look
        self.stage.clock.set(REPORTS)

        async def strangers() -> None:
            for turn in range(3):
                for crowd in range(CROWD):
                    text_ = "/start" if turn == 0 else "aide"
                    await self.stage.telegram.send(9001 + crowd, text_)

        async def operator() -> None:
            async with asyncio.timeout(20):
                await a_quarter.wait()
            self.stage.telegram.on_change = None
            await asyncio.to_thread(copy)

        await asyncio.gather(operator(), strangers(), self.stage.settled())
        await self.stage.settled()


@pytest.fixture(scope="module")
def undisturbed() -> Counter[Said]:
    """What people are sent when nothing goes wrong."""

    async def live() -> Counter[Said]:
        term = Term("sqlite://")
        await term.begin()
        try:
            await term.until(END)
            return term.said()
        finally:
            await term.stage.stop()

    return asyncio.run(live())


class Shelf:
    """Where the database is, and how its operator copies it and puts it back."""

    url: str

    def copy(self) -> None:
        raise NotImplementedError

    def lose(self) -> None:
        raise NotImplementedError

    def put_back(self) -> None:
        raise NotImplementedError

    def whole(self) -> None:
        """Check the database that was put back, as it is after all."""


class File(Shelf):
    def __init__(self, folder: Path) -> None:
        self.file, self.kept = folder / "cordee.db", folder / "kept.db"
        self.url = f"sqlite:///{self.file}"

    @override
    def copy(self) -> None:
        backup.copy(self.file, self.kept, beside=True)

    @override
    def lose(self) -> None:
        for file in self.file.parent.glob("cordee.db*"):
            file.unlink()

    @override
    def put_back(self) -> None:
        self.file.write_bytes(self.kept.read_bytes())

    @override
    def whole(self) -> None:
        with closing(sqlite3.connect(self.file)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert raw.execute("PRAGMA foreign_key_check").fetchall() == []


class Server(Shelf):
    def __init__(self, server: PgServer, folder: Path) -> None:
        self.server, self.kept = server, folder / "cordee.dump"
        self.at = server.create()
        self.url = self.at.render_as_string(hide_password=False)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(server_program(program)), *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    @override
    def copy(self) -> None:
        self._run("pg_dump", "--format=custom", f"--file={self.kept}", libpq(self.at))

    @override
    def lose(self) -> None:
        self.server.drop(self.at)

    @override
    def put_back(self) -> None:
        with psycopg.connect(libpq(self.server.url), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{self.at.database}" TEMPLATE template0')
        self._run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={libpq(self.at)}",
                  str(self.kept))  # fmt: skip

    @override
    def whole(self) -> None:
        assert migrate.check(self.url) == []


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    if request.param == "sqlite":
        yield File(tmp_path)
        return
    server: PgServer = request.getfixturevalue("pg_server")
    made = Server(server, tmp_path)
    yield made
    server.drop(made.at)


def states(uow: UnitOfWork, chats: set[str]) -> Counter[str]:
    rows = uow.session.execute(
        select(Outbox.state, func.count())
        .where(Outbox.chat_id.in_(chats), Outbox.not_before <= REPORTS)
        .group_by(Outbox.state)
    )
    return Counter({row[0]: row[1] for row in rows})


def held(uow: UnitOfWork, chats: set[str]) -> int:
    mine = (Outbox.state == "in_doubt", Outbox.reason == REASON, Outbox.chat_id.in_(chats))
    return uow.session.scalar(select(func.count()).select_from(Outbox).where(*mine)) or 0


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("lost_days", [16], ids=["sixteen days lost"])
async def test_a_restore_repeats_no_prompt(
    shelf: Shelf, lost_days: int, undisturbed: Counter[Said]
) -> None:
    term = Term(shelf.url)
    await term.begin()
    stage = term.stage
    chats = {*map(str, term.chats), *term.members}
    try:
        await term.reports_fall_due(shelf.copy)
        await term.until(REPORTS + timedelta(days=lost_days, hours=3))
        sent_until_loss = term.said()
        settings: Settings = stage.service.settings
        await stage.stop_bot()
        shelf.lose()

        begun = time.monotonic()
        shelf.put_back()
        copied = Database(shelf.url, settings.cordee_secret_key.get_secret_value())
        with copied.unit_of_work() as uow:
            at_backup = states(uow, chats)
        copied.close()
        ready = time.monotonic()
        done: Restored = await put_back(settings, stage.clock)
        await stage.start_bot()
        await stage.settled()
        ended = time.monotonic()

        kept = await stage.read(held, chats)
        assert kept == sent_until_loss.total() - at_backup["sent"]
        assert done.held >= kept
        assert done.as_of == REPORTS
        await _can_be_answered(term)
        await term.until(END)
        said = term.said()
        told = Counter({one: n for one, n in said.items() if NOTICE in plain(one[2])})
    finally:
        await stage.stop()
    shelf.whole()
    repeated, missing = said - told - undisturbed, undisturbed - said
    print(
        f"\nat the backup: {dict(at_backup)}; said before the loss: {sent_until_loss.total()}, "
        f"in all {said.total()}; held {done.held}, due dates caught up {done.fired}; "
        f"repeated {repeated.total()} (bar 0), missing {missing.total()} (bar 0); "
        f"put back {ready - begun:.1f} s, restored and ready {ended - ready:.1f} s (bar 300)"
    )
    assert not repeated
    assert not missing
    assert sum(said.values()) > sent_until_loss.total() + 2 * PAIRS  # later prompts came
    assert [(to, n) for (to, _, _), n in told.items()] == [(STAFF, 1)]
    assert str(done.held) in plain(next(iter(told))[2])
    assert ended - begun < 300


async def _can_be_answered(term: Term) -> None:
    """What was asked in the lost time is open, although its prompt is held."""
    await term.stage.telegram.send(term.apart, "/reprendre")
    await term.stage.settled()
    answer = plain(term.stage.telegram.messages(term.apart)[-1].text)
    assert "études" in answer, answer
    opened = await term.stage.read(
        lambda uow: uow.session.scalar(select(func.count()).select_from(Report))
    )
    assert opened == LAUREATES


# --- one thing at a time -------------------------------------------------------------------------


def settings_of(url: str, *programmes: str) -> Settings:
    return Settings(
        cordee_database_url=url,
        cordee_programmes=programmes or ("emergence",),
        cordee_secret_key=SecretStr(SECRET),
    )


@pytest.fixture
def ready(database: Database) -> Database:
    """Tables as the migrations make them: with their sequences, and a revision."""
    Base.metadata.drop_all(database.engine)
    migrate.upgrade(database.engine)
    return database


def address(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


async def test_what_was_to_be_said_is_held_and_what_is_for_later_stays(ready: Database) -> None:
    lea = somebody(ready)
    day = timedelta(days=1)
    put: Callable[..., bool]
    with ready.unit_of_work() as uow:
        put = partial(uow.outbox.put, identity=lea, payload=payload("Bonjour"), now=NOON)
        put(key="due")
        put(key="later", not_before=NOON + day + timedelta(seconds=1))
        put(key="stale", expires_at=NOON + day)
        put(key="in flight")
        uow.session.execute(
            text("UPDATE outbox SET state='sending', epoch=1 WHERE dedup_key='in flight'")
        )
        uow.commit()
    done = await put_back(settings_of(address(ready)), FixedClock(NOON + day))
    with ready.unit_of_work() as uow:
        rows = {
            row.dedup_key: (row.state, row.reason) for row in uow.session.scalars(select(Outbox))
        }
    assert rows == {
        "due": ("in_doubt", REASON),
        "later": ("queued", None),
        "stale": ("expired", None),
        "in flight": ("in_doubt", REASON),
    }
    assert (done.held, done.as_of) == (2, NOON)


async def test_no_number_is_given_out_twice(ready: Database) -> None:
    lea = somebody(ready)
    with ready.unit_of_work() as uow:
        uow.outbox.put(key="one", identity=lea, payload=payload("x"), now=NOON)
        assert LeaseStore(uow.session).acquire("telegram:1", "lost", 0.0) == 1
        uow.commit()
    await put_back(settings_of(address(ready)), FixedClock(NOON))
    numbers = {}
    with ready.unit_of_work() as uow:
        uow.outbox.put(key="two", identity=lea, payload=payload("x"), now=NOON)
        numbers["outbox"] = uow.session.scalar(select(func.max(Outbox.id)))
        uow.people.meet(platform="slack", account="T/U", bot_account="s", lang="fr", now=NOON)
        numbers["person"] = uow.session.scalar(select(func.max(Person.id)))
        for table in ("request", "pair"):  # nothing was in these yet
            uow.session.execute(text(_INSERT[table]), {"person": lea.person_id, "at": NOON})
            numbers[table] = uow.session.scalar(text(f"SELECT max(id) FROM {table}"))
        assert uow.session.scalar(select(SenderLease.epoch)) == 1 + GAP
        uow.commit()
    for table, number in numbers.items():
        assert number is not None
        assert number > GAP_OF.get(table, GAP), table


_INSERT = {
    "request": """INSERT INTO request (programme_id, person_id, conversation_id, kind, state,
        version, created_at, changed_at) VALUES ('p', :person, 1, 'k', 's', 1, :at, :at)""",
    "pair": """INSERT INTO pair (programme_id, mentee_id, mentor_id, kind, state, version,
        started_at, missed_in_a_row) VALUES ('p', :person, :person, 'k', 's', 1, :at, 0)""",
}


async def test_a_timer_that_fell_due_twice_in_the_lost_time_is_replayed_in_its_order(
    ready: Database,
) -> None:
    """The opening, its reminders and its closing, each at its own hour; none is said."""
    before = datetime(2026, 9, 20, 12, tzinfo=UTC)
    url = address(ready)
    with ready.unit_of_work() as uow:
        lea = uow.people.meet(
            platform="telegram", account="7", bot_account="telegram:1", lang="fr", now=before
        )
        uow.people.consent(lea.person_id, "emergence", "storage", text=("2026-11", ""), now=before)
        uow.people.enrol(lea.person_id, "emergence", "mentee", now=before)
        uow.commit()
    await put_back(settings_of(url), FixedClock(before))  # plans the next opening
    await put_back(settings_of(url), FixedClock(REPORTS + timedelta(days=30)))
    with ready.unit_of_work() as uow:
        kinds = uow.session.execute(
            select(Timer.kind, Timer.state, Timer.due_at).order_by(Timer.due_at)
        ).all()
        said = uow.session.execute(select(Outbox.dedup_key, Outbox.state)).all()
        report = uow.session.scalars(select(Report)).one()
        assert (report.state, report.opened_at) == ("missed", REPORTS)
    reports = [(kind, state) for kind, state, _ in kinds if kind.startswith("report-")]
    assert reports == [
        ("report-open", "fired"),
        ("report-remind", "fired"),
        ("report-remind", "fired"),
        ("report-close", "fired"),
        ("report-open", "pending"),
    ]
    assert len(said) >= 3
    assert {state for _, state in said} == {"expired"}  # the window is over: worth nothing now


async def test_what_was_heard_in_the_lost_time_is_not_heard_again(ready: Database) -> None:
    """The histories of the platforms hold what people wrote then; it was answered then."""
    later = NOON + timedelta(days=2)
    with ready.unit_of_work() as uow:
        uow.memos.put("heard:slack:T1", NOON, {"n": 1})
        uow.memos.put("clock:boot", NOON + timedelta(seconds=30), {"elapsed": 7.0})
        uow.commit()
    done = await put_back(settings_of(address(ready)), FixedClock(later))
    assert done.as_of == NOON + timedelta(seconds=30)
    with ready.unit_of_work() as uow:
        heard, clock = uow.memos.get("heard:slack:T1"), uow.memos.get("clock:boot")
    assert heard is not None
    assert clock is not None
    assert (heard.at, heard.detail) == (later, {"n": 1})
    assert (clock.at, clock.detail) == (NOON + timedelta(seconds=30), {"elapsed": 7.0})


async def test_it_is_written_down(ready: Database) -> None:
    somebody(ready)
    await put_back(settings_of(address(ready)), FixedClock(NOON + timedelta(hours=1)))
    with ready.unit_of_work() as uow:
        memo = uow.memos.get("restored")
        assert memo is not None
        assert memo.at == NOON + timedelta(hours=1)
        assert memo.detail == {"as_of": NOON.isoformat(), "held": 0}


@pytest.mark.postgres
async def test_it_waits_for_a_lease_that_came_with_the_backup(
    pg_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate.upgrade(pg_url)
    database = Database(pg_url, SECRET)
    with database.unit_of_work() as uow:
        LeaseStore(uow.session).acquire("telegram:1", "dead", 1.2)
        uow.commit()
    begun = time.monotonic()
    await put_back(settings_of(pg_url), FixedClock(NOON))
    assert time.monotonic() - begun >= 0.9
    with database.unit_of_work() as uow:
        LeaseStore(uow.session).acquire("telegram:1", "alive", 600)
        uow.commit()
    monkeypatch.setattr("handlers.restore.LEASE_SECONDS", 1.0)
    with pytest.raises(SettingsError, match="The bot runs on this database"):
        await put_back(settings_of(pg_url), FixedClock(NOON))
    with database.unit_of_work() as uow:
        assert Putback(uow.session).senders() == ["telegram:1"]
    database.close()


def test_a_copy_taken_while_others_write_is_of_one_instant(lite: Database, tmp_path: Path) -> None:
    lea = somebody(lite)
    file = lite.file
    assert file is not None
    commits: list[float] = []
    enough = Event()

    def write() -> None:
        for number in itertools.count():
            if enough.is_set():
                return
            begun = time.monotonic()
            with lite.unit_of_work() as uow:
                for half in ("a", "b"):  # both, or neither
                    uow.outbox.put(
                        key=f"{number}{half}", identity=lea, payload=payload("x" * 500), now=NOON
                    )
                uow.commit()
            commits.append(time.monotonic() - begun)

    writer = Thread(target=write)
    writer.start()
    found = []
    try:
        for number in range(8):
            while len(commits) < 60 * (number + 1) and writer.is_alive():
                time.sleep(0.005)
            copy = tmp_path / f"copy{number}.db"
            backup.copy(file, copy, beside=True)
            with closing(sqlite3.connect(copy)) as raw:
                found.append(raw.execute("SELECT count(*) FROM outbox").fetchone()[0])
                halves = raw.execute(
                    "SELECT count(*) FROM outbox GROUP BY substr(dedup_key, 1, length(dedup_key)-1)"
                ).fetchall()
            assert {n for (n,) in halves} == {2}
    finally:
        enough.set()
        writer.join()
    print(
        f"\n{len(commits)} commits, {len(found)} copies of {found} rows; longest commit "
        f"{max(commits) * 1000:.0f} ms (bar {BUSY_MS} ms)"
    )
    assert found == sorted(found)
    assert found[0] >= 120
    assert max(commits) * 1000 < BUSY_MS


# --- the commands, as typed: a process each, on a machine that may be busy -----------------------


@pytest.mark.timeout(200)
def test_the_commands_beside_a_bot_that_runs(tmp_path: Path) -> None:
    file, copy = tmp_path / "cordee.db", tmp_path / "copy.db"
    database = Database(f"sqlite:///{file}", KEY)
    migrate.upgrade(database.engine)
    lea = somebody(database)
    with exclusive(database), database.unit_of_work() as uow:
        uow.outbox.put(key="k", identity=lea, payload=payload("x"), now=NOON)
        uow.commit()
        done = cordee(tmp_path, "backup", str(copy))
        assert done.returncode == 0, done.stderr
        assert "integrity ok" in done.stdout
        refused = cordee(tmp_path, "restored")
        assert refused.returncode == 1
        assert "Another process runs on" in refused.stderr
    database.close()
    assert copy.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db"]
    with closing(sqlite3.connect(copy)) as raw:
        assert raw.execute("SELECT dedup_key, state FROM outbox").fetchall() == [("k", "queued")]
    done = cordee(tmp_path, "restored")
    assert done.returncode == 0, done.stderr
    assert "last known instant: 2026-10-06 12:00:00 UTC" in done.stdout
    assert "messages held: 1" in done.stdout


@pytest.mark.timeout(200)
def test_a_copy_never_takes_the_place_of_a_file(tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("kept")
    migrate.upgrade(f"sqlite:///{tmp_path}/cordee.db")
    again = cordee(tmp_path, "backup", str(copy))
    assert copy.read_text() == "kept"
    assert again.returncode == 1
    assert "is there already" in " ".join(again.stderr.split())
    nowhere = cordee(tmp_path, "backup", str(tmp_path / "no" / "copy.db"))
    assert nowhere.returncode == 1


@pytest.mark.postgres
@pytest.mark.timeout(200)
def test_postgresql_is_copied_into_a_file_and_filled_from_it(
    tmp_path: Path, pg_server: PgServer, pg_url: str
) -> None:
    migrate.upgrade(pg_url)
    database = Database(pg_url, SECRET)
    somebody(database)
    database.close()
    file = tmp_path / "copy.db"
    done = cordee(tmp_path, "backup", str(file), CORDEE_DATABASE_URL=pg_url)
    assert done.returncode == 0, done.stderr
    empty = pg_server.create().render_as_string(hide_password=False)
    done = cordee(tmp_path, "restored", "--from", str(file), CORDEE_DATABASE_URL=empty)
    assert done.returncode == 0, done.stderr
    filled = Database(empty, SECRET)
    with filled.unit_of_work() as uow:
        assert uow.session.scalar(select(func.count()).select_from(Person)) == 1
    filled.close()


def test_an_old_backup_is_migrated(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/cordee.db"
    migrate.upgrade(url, "0001")
    done = cordee(tmp_path, "restored")
    assert done.returncode == 0, done.stderr
    assert "last known instant: nothing yet" in done.stdout
    assert migrate.current(url) == migrate.newest()


def test_nothing_is_made_where_nothing_was_put_back(tmp_path: Path) -> None:
    done = cordee(tmp_path, "restored")
    assert done.returncode == 1
    assert "is not there" in " ".join(done.stderr.split())
    assert not list(tmp_path.glob("*.db*"))


def test_a_damaged_file_is_no_backup(tmp_path: Path) -> None:
    file = tmp_path / "cordee.db"
    migrate.upgrade(f"sqlite:///{file}")
    data = bytearray(file.read_bytes())
    data[4096 * 3 : 4096 * 9] = b"\x5a" * (4096 * 6)
    file.write_bytes(data)
    done = cordee(tmp_path, "backup", str(tmp_path / "copy.db"))
    assert done.returncode == 1
    assert "could not be copied" in " ".join(done.stderr.split())
    assert not list(tmp_path.glob("copy*"))
