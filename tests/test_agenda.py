"""The agenda is what is then sent: to whom, what and when; and looking changes nothing."""

import asyncio
import json
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select, update

from bot.bot import Bot
from bot.commands.agenda import MOST_TRIES, Period, answer, entries, read_period
from bot.flows import checkins, pairs
from bot.i18n import words
from bot.kinds import KEYS
from bot.messages import Message
from bot.rhythm import to_local
from bot.turn import Scene
from handlers.local.stage import SECRET, Stage
from scheduling.clock import FixedClock
from scheduling.delivery import Delivery
from scheduling.pacing import Limits
from scheduling.rehearsal import rehearse
from scheduling.sender import Claimed, NotSent, Outcome, Sent
from scheduling.worker import Worker
from storage.copy import copied, lighten
from storage.migrate import upgrade
from storage.tables import Base, Identity, Outbox, Pair, Person
from storage.timers import DueTimer
from storage.unit_of_work import Database, UnitOfWork
from tests.run_world import KEY, cordee
from tests.stand import CLAIRE, Stand, programme, told
from tests.stores import NOON, payload, somebody

BEGIN = datetime(2026, 10, 1, 6, 0, tzinfo=UTC)
END = datetime(2026, 11, 24, 23, 59, tzinfo=UTC)
PEOPLE = (  # account, platform, name, zone
    ("ULEA", "slack", "Léa Martin", None),
    ("UMARC", "slack", "Marc Aubier", "America/New_York"),
    ("301", "telegram", "Tom Vidal", "Asia/Tokyo"),
    ("302", "telegram", "Inès Ferrat", None),
    ("303", "telegram", "Paul Sorel", "Pacific/Auckland"),
    ("UZOE", "slack", "Zoé Lacan", "Australia/Lord_Howe"),
    ("304", "telegram", "Nils Orel", "America/Sao_Paulo"),
)


# --- a stage on which much is due -----------------------------------------------------------------


class Made(NamedTuple):
    """Somebody on the stage."""

    person: int
    chat: str


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    """Both presets between both platforms, at the end of September."""
    lite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/cordee.db" if lite else request.getfixturevalue("pg_url")
    stage = Stage(
        url,
        ["ax-accompagnement", "emergence"],
        staff=["slack:T0LOCAL/UCLAIRE", "telegram:900"],
    )
    stage.clock.set(datetime(2026, 9, 1, 7, tzinfo=UTC))
    stage.slack.add_user("UCLAIRE", "Claire")
    stage.telegram.add_user(900, "Sam").started = True
    for account, platform, name, _ in PEOPLE:
        if platform == "slack":
            stage.slack.add_user(account, name)
        else:
            stage.telegram.add_user(int(account), name).started = True
    await stage.start()
    try:
        yield stage
    finally:
        await stage.stop()


async def write(stage: Stage, work: Any, *given: object) -> Any:
    """Change the bot's storage, in its own thread."""

    def run() -> Any:
        with stage.service.database.unit_of_work() as uow:
            found = work(uow, *given)
            uow.commit()
        return found

    return await stage.service.worker.run(run)


async def peopled(stage: Stage) -> dict[str, Made]:
    """Pairs, a pause, a skip, a move, an offer without an answer, laureates; it is 1 October."""
    made = await write(stage, _people, stage)
    await stage.settled()
    await stage.advance(datetime(2026, 9, 24, 6, tzinfo=UTC) - stage.clock.now())
    await write(stage, _turns_of_life, stage)
    await stage.advance(BEGIN - stage.clock.now())
    return made  # type: ignore[no-any-return]


def _people(uow: UnitOfWork, stage: Stage) -> dict[str, Made]:
    now, service = stage.clock.now(), stage.service
    assert service.slack is not None
    assert service.telegram is not None
    accounts = {"slack": service.slack.bot_account, "telegram": service.telegram.bot_account}
    for staff in ("T0LOCAL/UCLAIRE", "900"):
        identity = uow.people.by_account("slack" if "/" in staff else "telegram", staff)
        assert identity is not None
        identity.reachable = True
    made = {}
    for account, platform, name, zone in PEOPLE:
        whole = f"T0LOCAL/{account}" if platform == "slack" else account
        identity = uow.people.meet(
            platform=platform, account=whole, bot_account=accounts[platform], lang="fr", now=now
        )
        person = uow.people.get(identity.person_id)
        assert person is not None
        person.name, person.zone = name, zone
        made[name] = Made(person.id, account)
        for place in ("ax-accompagnement", "emergence"):
            uow.people.consent(person.id, place, "storage", text=("2026-11", ""), now=now)
            if name != "Nils Orel":  # accepts no charter
                uow.people.consent(person.id, place, "charter", text=("2026-11", ""), now=now)
    uow.session.flush()

    def pair(mentee: str, mentor: str, place: str) -> Pair:
        one, other = (uow.people.get(made[name].person) for name in (mentee, mentor))
        assert one is not None
        assert other is not None
        scene = Scene(service.bot, uow, now)
        return pairs.form(scene, None, one, other, programme=service.bot.programmes[place])

    pair("Léa Martin", "Marc Aubier", "ax-accompagnement")
    pair("Tom Vidal", "Paul Sorel", "ax-accompagnement")
    pair("Inès Ferrat", "Zoé Lacan", "emergence")
    pair("Tom Vidal", "Marc Aubier", "emergence")
    paused = pair("Léa Martin", "Paul Sorel", "emergence")
    ending = pair("Inès Ferrat", "Paul Sorel", "ax-accompagnement")
    ending.ends_at = datetime(2026, 11, 3, 10, tzinfo=UTC)
    (end,) = uow.timers.list(kind="pair-end", subject_id=ending.id)
    uow.timers.again(end, ending.ends_at)
    uow.pairs.move(paused, paused.version, "paused")
    return made


def _turns_of_life(uow: UnitOfWork, stage: Stage) -> None:
    """One occurrence left out, another moved a week, and a pair that waits for its mentor."""
    bot, now = stage.service.bot, stage.clock.now()
    scene = Scene(bot, uow, now)
    for pair_id, moved in ((1, None), (2, timedelta(days=7))):
        pair = uow.pairs.get(pair_id)
        assert pair is not None
        series = uow.pairs.series_of(pair_id)[0]
        found = checkins._in_series(scene, series, now)
        assert found is not None
        uow.pairs.except_occurrence(series.id, found[0], found[1] + moved if moved else None)
        checkins.replan(scene, pair)
    late = {p.name: p for p in uow.session.scalars(select(Person))}
    place = bot.programmes["ax-accompagnement"]
    scene = Scene(bot, uow, BEGIN - timedelta(hours=1))
    pairs.form(scene, None, late["Zoé Lacan"], late["Nils Orel"], programme=place)


def dump(uow: UnitOfWork) -> bytes:
    """Every row of every table."""
    rows = [
        (table.name, tuple(row))
        for table in Base.metadata.sorted_tables
        if table.name != "sender_lease"  # renewed all the time
        for row in uow.session.execute(select(table).order_by(*table.primary_key.columns))
    ]
    return "\n".join(map(repr, rows)).encode()


def received(stage: Stage, since: datetime) -> list[tuple[datetime, str]]:
    """What the two platforms took, from their own ledgers."""
    found = [
        (call.at, str(call.arguments["channel"]))
        for call in stage.slack.calls
        if call.method == "chat.postMessage" and not call.refused
    ] + [
        (call.at, str(call.arguments["chat_id"]))
        for call in stage.telegram.calls
        if call.method in {"sendMessage", "sendDocument"} and not call.refused
    ]
    return sorted(each for each in found if each[0] > since)


def sent(uow: UnitOfWork, since: datetime) -> list[tuple[datetime, str, int]]:
    """What the outbox has of it: when, which key, to whom."""
    rows = uow.session.execute(
        select(Outbox.sent_at, Outbox.dedup_key, Outbox.person_id).where(Outbox.sent_at > since)
    )
    return sorted((row[0] or since, row[1], row[2] or 0) for row in rows)


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_what_is_shown_is_what_the_platforms_then_receive(stage: Stage) -> None:
    made = await peopled(stage)
    service = stage.service
    memory = (dict(service.bot.guests), service.bot.experts.index._kept)
    before = await stage.read(dump)

    copy = await service.worker.run(copied, service.database)
    with closing(copy):
        bot = service.bot.apart()
        said = await asyncio.to_thread(rehearse, copy, bot.fire, BEGIN, END)
        with copy.unit_of_work() as uow:
            shown = entries(uow, bot, said, words("fr"))

    assert await stage.read(dump) == before  # looking changed nothing
    assert (dict(service.bot.guests), service.bot.experts.index._kept) == memory

    await stage.advance(END - stage.clock.now())
    assert not stage.slack.refusals
    assert not stage.telegram.refusals
    then = await stage.read(sent, BEGIN)
    assert sorted((row.at, row.key, row.person_id or 0) for row in said) == then
    chats = {one.person: one.chat for one in made.values()}
    for account, chat in (("T0LOCAL/UCLAIRE", "UCLAIRE"), ("900", "900")):
        chats[await stage.read(_owner, account)] = chat
    assert sorted((row.at, chats[row.person_id or 0]) for row in said) == received(stage, BEGIN)

    # each belongs to one programme, and the scene really had all that
    assert all(len(entry.programmes) == 1 for entry in shown)
    kinds = Counter(KEYS[row.key.partition(":")[0]].kind for row in said)
    assert kinds["report"] == 3
    for wanted in ("checkin", "checkin-reminder", "report-reminder", "report-closed"):
        assert kinds[wanted] > 1, wanted
    assert kinds["pair-reminder"] == kinds["closing"] == 1
    assert kinds["staff"] > 0
    what = {entry.what.replace("\xa0", " ").replace("\u202f", " ") for entry in shown}
    assert "Suivi « Point d’étape » · Léa Martin et Marc Aubier" in what
    assert "Rapport d’activité 2026T3" in what
    zones = {made[name].person: zone or "Europe/Paris" for _, _, name, zone in PEOPLE}
    hours = {to_local(row.at, zones[row.person_id]).hour for row in said if row.person_id in zones}
    assert min(hours) == 8  # woken by nobody, and somebody's message waited for the morning
    assert max(hours) < 20


def _owner(uow: UnitOfWork, account: str) -> int:
    return uow.session.scalars(select(Identity.person_id).where(Identity.account == account)).one()


# --- what leaves, and when ------------------------------------------------------------------------


class Wire:
    """A platform that takes everything at once, and refuses one row the first time."""

    limits = Limits()

    def __init__(self) -> None:
        self.took: list[int] = []

    async def send(self, row: Claimed) -> Sent:
        self.took.append(row.id)
        return Sent(f"{row.chat_id}/{row.id}")

    async def reconcile(self, rows: Sequence[Claimed]) -> dict[int, Outcome]:
        return {row.id: NotSent("absent") for row in rows}

    def floor(self) -> None:
        return None

    def resume(self, message_ids: Iterable[str]) -> None:
        pass


@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
async def test_what_waits_leaves_in_the_order_and_at_the_time_of_the_delivery(
    database: Database,
) -> None:
    people = [somebody(database, str(number)) for number in range(3)]
    minute = timedelta(minutes=1)

    def put(who: int, key: str, **more: Any) -> None:
        with database.unit_of_work() as uow:
            uow.outbox.put(key=key, identity=people[who], payload=payload(key), now=NOON, **more)
            uow.commit()

    put(0, "now")
    put(0, "later", not_before=NOON + 9 * minute)
    put(1, "late", not_before=NOON + 5 * minute, expires_at=NOON + 5 * minute)
    put(1, "called-off", not_before=NOON + 3 * minute)
    put(1, "mass", priority=9, not_before=NOON + 4 * minute)
    put(1, "first", priority=0, not_before=NOON + 4 * minute)
    put(2, "again", not_before=NOON + 7 * minute)  # was tried: holds up its chat
    put(2, "held-up", not_before=NOON + 2 * minute)
    put(2, "held-up-and-late", not_before=NOON, expires_at=NOON + 6 * minute)
    with database.unit_of_work() as uow:
        uow.session.execute(update(Outbox).where(Outbox.dedup_key == "again").values(attempts=1))
        uow.outbox.cancel("called-off")
        uow.commit()

    def nothing(_uow: UnitOfWork, timer: DueTimer, _now: datetime) -> None:
        raise AssertionError(timer)

    with closing(copied(database)) as copy:
        said = rehearse(copy, nothing, NOON, NOON + timedelta(hours=1))

    clock, wire, worker = FixedClock(NOON), Wire(), Worker(database)
    delivery = Delivery(database, worker, clock, {"telegram:1": wire}, paced=False, sole=True)
    for tick in range(11):
        clock.set(NOON + tick * minute)
        await delivery.drain()
    await delivery.stop()
    worker.close()
    with database.unit_of_work() as uow:
        rows = uow.session.scalars(select(Outbox).where(Outbox.state == "sent"))
        then = {row.id: (row.sent_at, row.person_id or 0, row.dedup_key) for row in rows}
    order = sorted((then[number] for number in wire.took), key=lambda one: one[:2])
    assert sorted(((r.at, r.person_id or 0, r.key) for r in said), key=lambda one: one[:2]) == order
    keys = [key for _, _, key in order]
    assert keys == ["now", "mass", "first", "again", "held-up", "later"]


def test_a_copy_holds_no_words_that_were_heard_or_said(database: Database) -> None:
    who = somebody(database)
    with database.unit_of_work() as uow:
        uow.outbox.put(key="reply:1:1", identity=who, payload=payload("du privé"), now=NOON)
        uow.inbox.receive(
            platform="telegram", bot_account="telegram:1", event_key="1", message_key=None,
            payload=b"du vrai", now=NOON,
        )  # fmt: skip
        uow.people.note("met", "person", who.person_id, actor_id=None, now=NOON)
        uow.commit()
    with closing(copied(database)) as copy:
        lighten(copy)
        with copy.unit_of_work() as uow:
            assert uow.inbox.waiting() == 0
            assert uow.session.scalars(select(Outbox.payload)).all() == [None]
            assert uow.people.get(who.person_id) is not None
            new = uow.people.meet(
                platform="telegram", account="8", bot_account="telegram:1", lang="fr", now=NOON
            )
            assert new.person_id > who.person_id  # numbers go on, in PostgreSQL's copy too
    with database.unit_of_work() as uow:
        assert uow.inbox.waiting() == 1
        assert uow.session.scalars(select(Outbox.payload)).all() != [None]


def test_a_number_given_once_is_not_given_again_in_the_copy(database: Database) -> None:
    one, two = somebody(database, "1"), somebody(database, "2")
    with database.unit_of_work() as uow:
        gone = uow.people.get(two.person_id)
        assert gone is not None
        uow.people.forget(gone)
        uow.commit()
    with closing(copied(database)) as copy:
        three = somebody(copy, "3")
    assert three.person_id > two.person_id > one.person_id


# --- somebody asks --------------------------------------------------------------------------------

TODAY = date(2026, 9, 29)


@pytest.mark.parametrize(
    ("typed", "first", "last"),
    [
        ("", "2026-09-29", "2026-10-05"),
        ("30", "2026-09-29", "2026-10-28"),
        ("2 jours", "2026-09-29", "2026-09-30"),
        ("7 days", "2026-09-29", "2026-10-05"),
        ("octobre", "2026-10-01", "2026-10-31"),
        ("February", "2027-02-01", "2027-02-28"),
        ("septembre", "2026-09-01", "2026-09-30"),
        ("août", "2027-08-01", "2027-08-31"),
        ("1/10 31/10", "2026-10-01", "2026-10-31"),
        ("1/10-31/10", "2026-10-01", "2026-10-31"),
        ("20/12 10/1", "2026-12-20", "2027-01-10"),
        ("du 1er octobre au 15 novembre", "2026-10-01", "2026-11-15"),
        ("from 1 October to 3 October", "2026-10-01", "2026-10-03"),
        ("octobre novembre", "2026-10-01", "2026-11-30"),
        ("demain", "2026-09-30", "2026-09-30"),
        ("2026-10-01 2026-10-31", "2026-10-01", "2026-10-31"),
    ],
)
def test_a_period_as_people_write_it(typed: str, first: str, last: str) -> None:
    assert read_period(typed, TODAY) == Period(date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize("typed", ["bonjour", "0", "1/10 bonjour", "32/10", "a b c d", "9" * 30])
def test_what_is_no_period_is_none(typed: str) -> None:
    assert read_period(typed, TODAY) is None


def asked(one: Stand, *, args: str = "") -> DueTimer:
    one.command(CLAIRE, "agenda", args)
    with one.work() as uow:
        (timer,) = uow.timers.list(kind="agenda")
    return timer


def test_an_answer_comes_once_however_often_the_process_dies_on_the_way() -> None:
    one = Stand((programme(),))
    wanted: list[DueTimer] = []
    one.command(CLAIRE, "langue", "fr")
    one.bot.rehearse = wanted.append
    timer = asked(one)
    one.fire()
    one.run(*one.programmes)  # dies before the rehearsal is over
    one.bot.rehearse = wanted.append
    assert one.days(1 / 24 / 60) == []
    one.days(2 / 24 / 60)
    assert [w.key for w in wanted] == [timer.key] * 2
    for each in wanted:  # both came to an end, in two replicas perhaps
        with one.work() as uow:
            answer(Scene(one.bot, uow, one.now), each, [Message("le résultat")])
    assert [h.text for h in one.news()] == ["le résultat"]
    assert one.days(1) == []
    assert len(wanted) == 2


def test_a_rehearsal_that_never_ends_well_is_given_up_in_words() -> None:
    one = Stand((programme(),))
    wanted: list[DueTimer] = []
    one.bot.rehearse = wanted.append
    asked(one)
    heard = one.days(1)
    assert len(wanted) == MOST_TRIES
    assert len(told(heard, CLAIRE, "pas réussi à établir l’agenda")) == 1


def test_somebody_who_is_staff_no_more_gets_no_answer() -> None:
    one = Stand((programme(),))
    wanted: list[DueTimer] = []
    one.bot.rehearse = wanted.append
    timer = asked(one)
    with one.work() as uow:
        uow.people.enrol(
            timer.subject_id, one.programmes[0].id, "staff", now=one.now, state="ended"
        )
        uow.people.enrol(
            timer.subject_id, one.programmes[0].id, "owner", now=one.now, state="ended"
        )
    with one.work() as uow:
        answer(Scene(one.bot, uow, one.now), timer, [Message("le résultat")])
    assert one.news() == []


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("bonjour", "pas compris la période"),
        ("93", "trop long"),
        ("1/10 30/3", "trop long"),
        ("2026-01-01 2026-01-31", "passée"),
        ("2028-01-01 2028-01-31", "trop loin"),
    ],
)
def test_a_period_that_cannot_be_shown_is_refused_in_words(typed: str, said: str) -> None:
    one = Stand((programme(),))
    assert told(one.command(CLAIRE, "agenda", typed), CLAIRE, said)
    with one.work() as uow:
        assert not uow.timers.list(kind="agenda")


def test_a_rehearsal_rehearses_no_agenda() -> None:
    one = Stand((programme(),))
    one.bot.rehearse = lambda _timer: None
    asked(one)
    bot = one.bot.apart()
    with closing(copied(one.database)) as copy:
        assert rehearse(copy, bot.fire, one.now, one.now + timedelta(days=1)) is not None
        with copy.unit_of_work() as uow:
            assert not uow.timers.list(kind="agenda")


def spoken(stage: Stage, user: int, words_: str) -> list[str]:
    """What the bot said to somebody on Telegram with these words in it."""
    said = [call.arguments for call in stage.telegram.calls if call.method == "sendMessage"]
    return [
        str(a["text"]) for a in said if str(a["chat_id"]) == str(user) and words_ in str(a["text"])
    ]


async def until(there: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not there():  # noqa: ASYNC110 - what is waited for happens on a local platform
            await asyncio.sleep(0.01)


@pytest.mark.slow
@pytest.mark.timeout(200)
async def test_people_are_answered_meanwhile_and_a_restart_loses_no_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/cordee.db"
    stage = Stage(url, ["emergence"], staff=["telegram:900"])
    _laureates(url, SECRET, 1200, stage.clock.now()).close()
    stage.telegram.add_user(900, "Sam").started = True
    stage.telegram.add_user(901, "Léa").started = True
    await stage.start()
    try:
        await stage.settled()
        await stage.telegram.send(900, "/agenda octobre")
        await until(lambda: spoken(stage, 900, "Je regarde"))
        ticking = asyncio.create_task(_tick(stage))
        await until(lambda: stage.service.rehearsals.busy)
        waits: list[float] = []
        while len(waits) < 4:
            begun = time.perf_counter()
            await stage.telegram.send(901, "/aide")
            await until(_more(stage, 901, "Ce que je peux faire", len(waits)))
            waits.append(time.perf_counter() - begun)
        meanwhile = stage.service.rehearsals.busy
        ticking.cancel()
        begun = time.perf_counter()
        await stage.stop_bot()
        stopped = time.perf_counter() - begun
        assert not spoken(stage, 900, "Agenda du")

        await stage.start_bot()
        await stage.settled()
        assert not spoken(stage, 900, "Agenda du")
        stage.clock.advance(timedelta(minutes=2))
        for _ in range(60):
            try:
                await stage.settled()
            except TimeoutError:  # its own patience is for quick things
                continue
            break
        (answer_,) = spoken(stage, 900, "Agenda du")
        files = [c for c in stage.telegram.calls if c.method == "sendDocument"]
        stage.clock.advance(timedelta(hours=1))
        await stage.settled()
        assert len(spoken(stage, 900, "Agenda du")) == 1
    finally:
        await stage.stop()
    assert "3602 messages" in answer_.replace("\xa0", " ").replace("\u202f", " ")
    assert len(files) == 1
    content = files[0].arguments["document"].content.decode("utf-8-sig")
    assert len(content.splitlines()) == 3603
    assert meanwhile
    with capsys.disabled():
        print(  # noqa: T201 - a measure
            f"\nanswers while 1,200 laureates are rehearsed: median {sorted(waits)[2]:.2f} s,"
            f" longest {max(waits):.2f} s (bar 3); stop in the middle {stopped:.2f} s (bar 5)"
        )
    assert max(waits) < 3
    assert stopped < 5


def _more(stage: Stage, user: int, words_: str, than: int) -> Callable[[], bool]:
    return lambda: len(spoken(stage, user, words_)) > than


async def _tick(stage: Stage) -> None:
    """What the ticker does in a real process."""
    while True:
        await stage.service.timers.fire_due()
        await asyncio.sleep(0.2)


# --- the command line -----------------------------------------------------------------------------


def test_the_command_line_looks_beside_a_bot_that_is_writing(tmp_path: Path) -> None:
    file = tmp_path / "cordee.db"
    _laureates(f"sqlite:///{file}", KEY, 3, datetime.now(UTC)).close()
    with closing(sqlite3.connect(file, isolation_level=None)) as running:
        before = "\n".join(running.iterdump())
        running.execute("BEGIN IMMEDIATE")  # a bot in the middle of a turn
        today = datetime.now(UTC).date()
        until = today + timedelta(days=91)
        period = ["--from", str(today), "--to", str(until)]
        found = cordee(tmp_path, "agenda", *period, "--json")
        shown = cordee(tmp_path, "agenda", *period, "--programme", "emergence", "--lang", "en")
        running.execute("ROLLBACK")
        assert "\n".join(running.iterdump()) == before
    assert found.returncode == 0, found.stderr
    rows = [json.loads(line) for line in found.stdout.splitlines()]
    reports = [row for row in rows if row["what"].startswith("Rapport d’activité")]
    assert len(reports) == 3
    assert {row["programme"] for row in rows} == {"emergence"}
    assert set(reports[0]) == {
        "at", "local", "zone", "person", "name", "platform", "what", "programme",
    }  # fmt: skip
    at = datetime.fromisoformat(reports[0]["at"])
    assert reports[0]["local"] == f"{to_local(at, 'Europe/Paris'):%Y-%m-%d %H:%M}"
    assert shown.returncode == 0, shown.stderr
    assert "Activity" in shown.stdout


@pytest.mark.postgres
def test_the_command_line_looks_into_postgresql(tmp_path: Path, pg_url: str) -> None:
    _laureates(pg_url, KEY, 3, datetime.now(UTC)).close()
    until = datetime.now(UTC).date() + timedelta(days=91)
    found = cordee(tmp_path, "agenda", "--to", str(until), "--json", CORDEE_DATABASE_URL=pg_url)
    assert found.returncode == 0, found.stderr
    rows = [json.loads(line) for line in found.stdout.splitlines()]
    assert len([row for row in rows if row["what"].startswith("Rapport d’activité")]) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "hier"], "no day"),
        (["--from", "2026-01-02", "--to", "2026-01-01"], "1 to 92 days"),
        (["--programme", "nowhere"], "no programme"),
        ([], "cannot be read"),
    ],
)
def test_the_command_line_says_what_is_wrong(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    found = cordee(tmp_path, "agenda", *arguments)
    assert found.returncode == 1
    assert said in " ".join(found.stderr.split())
    assert "Traceback" not in found.stderr
    assert not (tmp_path / "cordee.db").exists()


def test_an_older_database_is_not_guessed_at(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'cordee.db'}", KEY)
    upgrade(database.engine, "0001")
    database.close()
    found = cordee(tmp_path, "agenda")
    assert found.returncode == 1
    assert "cordee migrate" in " ".join(found.stderr.split())


# --- what it costs --------------------------------------------------------------------------------


def _laureates(url: str, secret: str, count: int, now: datetime) -> Database:
    """So many people of Emergence who have agreed to be here."""
    database = Database(url, secret)
    upgrade(database.engine)
    with database.unit_of_work() as uow:
        for number in range(count):
            identity = uow.people.meet(
                platform="telegram", account=str(10_000 + number), bot_account="telegram:4242",
                lang="fr", now=now,
            )  # fmt: skip
            person = uow.people.get(identity.person_id)
            assert person is not None
            person.name = f"Lauréat {number}"
            uow.people.enrol(person.id, "emergence", "mentee", now=now)
            uow.people.consent(person.id, "emergence", "storage", text=("2026-11", ""), now=now)
        uow.commit()
    return database


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_many_laureates_and_a_quarterly_report(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    lite = kind == "sqlite"
    url = f"sqlite:///{tmp_path}/cordee.db" if lite else request.getfixturevalue("pg_url")
    one = Bot({"emergence": programme("emergence")})
    with closing(_laureates(url, KEY, 300, BEGIN)) as database:
        with database.unit_of_work() as uow:
            one.plan(uow, BEGIN)
            uow.commit()
        begun = time.perf_counter()
        copy = copied(database)
        made = time.perf_counter()
    with closing(copy):
        said = rehearse(copy, one.apart().fire, BEGIN, BEGIN + timedelta(days=31))
        played = time.perf_counter()
        with copy.unit_of_work() as uow:
            shown = entries(uow, one, said, words("fr"))
    told_ = time.perf_counter()
    with capsys.disabled():
        print(  # noqa: T201 - a measure
            f"\n{kind}: 300 laureates, {len(shown)} messages: copy {made - begun:.2f} s,"
            f" rehearsal {played - made:.1f} s, words {told_ - played:.2f} s"
        )
    assert len(said) == 900  # the prompt and two reminders; no staff here
    assert made - begun < 5
    assert played - made < 40
    assert told_ - played < 5
