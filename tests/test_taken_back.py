"""Whoever erases everything: our messages to them are taken back as far as a platform lets us."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.dialogue.tokens import RunToken, encode
from bot.events import Author, Commanded, Pressed
from bot.messages import MESSAGE, File, Message, MessageRef
from handlers.backups import made
from handlers.erasures import Sweeper
from handlers.local.fake_slack import FakeSlack
from handlers.local.fake_telegram import FakeTelegram
from handlers.slack.send import LIMITS as SLACK_LIMITS
from handlers.slack.send import SlackSender
from handlers.telegram.send import TelegramSender
from scheduling.clock import FixedClock
from scheduling.pacing import Limits, Rate
from scheduling.sender import NotSent, Sent
from scheduling.worker import Worker
from storage.migrate import upgrade
from storage.tables import Erasure, Identity, Outbox
from storage.takeback import ASIDE, FAREWELL, PATIENCE
from storage.unit_of_work import Database
from tests.asking import LEA, MARC
from tests.delivering import BOT, SLACK, World, until
from tests.fakes_slack import Clock
from tests.fakes_telegram import LEA as LEA_NUMBER
from tests.stand import Stand, programme, told
from tests.stores import NOON, SECRET, payload, somebody
from tests.test_slack_send import make_row
from tests.test_slack_send import sender as slack_sender  # noqa: F401 - a fixture
from tests.test_telegram_send import claimed
from tests.test_telegram_send import sender as telegram_sender  # noqa: F401 - a fixture

YES = encode(RunToken("effacer-oui", ""))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def stand(request: pytest.FixtureRequest) -> Iterator[Stand]:
    url = "sqlite://" if request.param == "sqlite" else request.getfixturevalue("pg_tables")
    one = Stand((programme(),), url=url)
    yield one
    one.database.close()


def arrives(one: Stand) -> None:
    """What was to be said until now has been; its number is that of the row."""
    with one.work() as uow:
        for row in uow.session.scalars(select(Outbox).where(Outbox.state == "queued")):
            row.state, row.sent_at, row.payload = "sent", one.now, None
            row.message_id = f"{row.chat_id}/{1000 + row.id}"


def posted(
    one: Stand, number: int, at: datetime, *, chat: str = LEA, token: str = "telegram:9",
    op: str = "post", person: str = LEA,
) -> None:  # fmt: skip
    with one.work() as uow:
        uow.session.add(
            Outbox(
                dedup_key=f"was:{token}:{chat}:{number}:{op}", bot_account=token, chat_id=chat,
                person_id=one.ids[person], op=op, state="sent", not_before=at, created_at=at,
                sent_at=at, message_id=f"{chat}/{number}",
                target=f"{chat}/{number}" if op in ("edit", "delete") else None,
            )
        )  # fmt: skip


def on_slack(one: Stand) -> None:
    with one.work() as uow:
        uow.session.add(
            Identity(person_id=one.ids[LEA], platform="slack", account="T1/ULEA",
                     bot_account=SLACK, reachable=True, seen_at=one.now)
        )  # fmt: skip


def last_rows(one: Stand) -> list[Outbox]:
    with one.work() as uow:
        rows = uow.session.scalars(
            select(Outbox).where(Outbox.dedup_key.startswith(FAREWELL)).order_by(Outbox.id)
        ).all()
        uow.session.expunge_all()
        return list(rows)


def test_on_telegram_what_is_younger_than_two_days_goes_in_calls_of_a_hundred(
    stand: Stand,
) -> None:
    stand.join(LEA, "Léa Martin")
    arrives(stand)
    stand.now += 10 * DAY
    for number in range(1, 151):
        posted(stand, number, stand.now - HOUR - number * timedelta(seconds=1))
    posted(stand, 300, stand.now - 3 * DAY)
    posted(stand, 300, stand.now - HOUR, op="edit")  # as old as what it edited
    posted(stand, 301, stand.now - 47 * HOUR - HOUR / 2)  # too old when its turn comes late
    posted(stand, 302, stand.now - HOUR)
    posted(stand, 302, stand.now - HOUR, op="delete")  # gone already
    posted(stand, 303, stand.now - HOUR, chat="-100555")  # somewhere else
    heard = stand.command(LEA, "effacer-oui")
    rows = last_rows(stand)
    assert [row.op for row in rows] == ["delete", "delete", "post"]
    numbers = [int(n) for row in rows[:2] for n in (row.target or "").split("/")[1].split(",")]
    assert numbers == list(range(1, 151))  # the newest first
    assert len((rows[0].target or "").split(",")) == 100
    assert {row.chat_id for row in rows} == {LEA + ASIDE}
    assert {row.person_id for row in rows} == {None}
    assert [row.priority for row in rows] == [9, 9, 0]
    assert {row.expires_at for row in rows} == {stand.now + PATIENCE}
    (said,) = [one for one in heard if one.key.startswith(FAREWELL) and one.text]
    assert "deux derniers jours" in said.text
    assert "Slack" not in said.text


def test_what_takes_back_carries_no_word(stand: Stand) -> None:
    stand.join(LEA, "Léa Martin")
    arrives(stand)
    stand.command(LEA, "effacer-oui")
    rows = [row for row in last_rows(stand) if row.op == "delete"]
    assert rows
    with stand.work() as uow:
        for row in rows:
            data = uow.vault.open_bytes(uow.session, None, row.payload or b"")
            assert MESSAGE.validate_json(data) == Message("")


def test_the_button_that_was_pressed_goes_first(stand: Stand) -> None:
    stand.join(LEA, "Léa Martin")
    arrives(stand)
    stand.does(Pressed, LEA, token=YES, on=MessageRef(LEA, "77"))
    (row, *_) = last_rows(stand)
    assert (row.target or "").startswith(f"{LEA}/77,")  # whether or not its sending is known yet


def test_letters_to_others_stay_and_the_last_word_says_so(stand: Stand) -> None:
    stand.join(LEA, "Léa Martin")
    stand.join(MARC, "Marc Aubier", role="mentor")
    stand.pair(LEA, MARC)
    arrives(stand)
    heard = stand.command(LEA, "effacer-oui")
    assert {row.chat_id for row in last_rows(stand)} == {LEA + ASIDE}
    (said,) = [one for one in heard if one.key.startswith(FAREWELL) and one.text]
    assert "reste dans leur conversation" in said.text
    assert told(heard, MARC)  # that the pair has ended, as ever


def test_both_accounts_are_emptied_and_the_home_tab_too(stand: Stand) -> None:
    stand.join(LEA, "Léa Martin")
    on_slack(stand)
    arrives(stand)
    stand.now += 95 * DAY
    for number in range(60):
        posted(stand, number, stand.now - 80 * DAY, chat="ULEA", token=SLACK)
    posted(stand, 99, stand.now - 91 * DAY, chat="ULEA", token=SLACK)  # no longer known for sure
    heard = stand.command(LEA, "effacer-oui")
    rows = last_rows(stand)
    there = [row for row in rows if row.bot_account == SLACK]
    assert [row.op for row in there] == ["home"] + ["delete"] * 60
    assert all("," not in (row.target or "") for row in there)
    said = told(heard, LEA, "effacé")[-1]
    assert "90 derniers jours" in said.text
    assert "deux derniers jours" in said.text


def test_the_last_word_does_not_wait_for_more_than_a_minute_of_calls(stand: Stand) -> None:
    stand.join(LEA, "Léa Martin")
    on_slack(stand)
    for number in range(500):
        posted(stand, number, stand.now, chat="ULEA", token=SLACK)
    author = Author("slack", "T1/ULEA", SLACK, "fr", "Léa")
    event = Commanded(id="s1", author=author, at=stand.now, name="effacer-oui", args="")
    with stand.work() as uow:
        stand.bot.handle(uow, event, stand.now)
    ops = [row.op for row in last_rows(stand) if row.bot_account == SLACK]
    assert ops.index("post") == 50
    assert ops.count("delete") == 500


# --- afterwards -----------------------------------------------------------------------------------


def queue(database: Database, many: int, *, token: str = BOT, chat: str = "7") -> None:
    """What an erasure leaves: so many messages to take back, then the last word."""
    with database.unit_of_work() as uow:
        for number in range(many):
            uow.outbox.put_raw(
                key=f"{FAREWELL}e:{number}", bot_account=token, chat_id=chat + ASIDE, op="delete",
                payload=payload(""), now=NOON, priority=9, target=f"{chat}/{number}",
            )  # fmt: skip
        uow.outbox.put_raw(key=f"{FAREWELL}e:last", bot_account=token, chat_id=chat + ASIDE,
                           payload=payload("adieu"), now=NOON)  # fmt: skip
        uow.commit()


def test_files_are_cleared_at_once_and_again_when_the_last_word_is_said(
    database: Database, tmp_path: Path
) -> None:
    person = somebody(database).person_id
    backups = tmp_path / "backups"
    backups.mkdir()
    with database.unit_of_work() as uow:
        uow.privacy.erase_person(person, NOON)
        uow.commit()
    queue(database, 3)
    clock, worker = FixedClock(NOON), Worker(database)
    sweeper = Sweeper(database, worker, clock, backups, SECRET)

    def state() -> tuple[bool, bool, int]:
        with database.unit_of_work() as uow:
            one = uow.session.scalars(select(Erasure)).one()
            rows = len(uow.session.scalars(select(Outbox.id)).all())
            return one.cleared_at is not None, one.swept_at is not None, rows

    assert asyncio.run(sweeper.sweep()) == 0
    assert state() == (True, False, 4)
    with database.unit_of_work() as uow:  # one is settled: it is forgotten while others wait
        row = uow.session.scalars(select(Outbox).order_by(Outbox.id)).first()
        assert row is not None
        row.state = "sent"
        uow.commit()
    assert asyncio.run(sweeper.sweep()) == 0
    assert state() == (True, False, 3)
    clock.advance(2 * HOUR)  # the rest cannot be taken back
    assert asyncio.run(sweeper.sweep()) == 1
    assert state() == (True, True, 0)
    worker.close()


def test_a_backup_made_meanwhile_has_none_of_it(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/cordee.db", SECRET)
    upgrade(database.engine)
    person = somebody(database).person_id
    with database.unit_of_work() as uow:
        uow.privacy.erase_person(person, NOON)
        uow.commit()
    queue(database, 3)
    made(database, tmp_path / "a.db", SECRET)
    database.close()
    with closing(sqlite3.connect(tmp_path / "a.db")) as found:
        assert found.execute("SELECT count(*) FROM outbox").fetchone() == (0,)


async def test_it_goes_on_after_a_crash_and_the_last_word_is_last(database: Database) -> None:
    world = World(database)
    queue(database, 5)
    claimed_by_the_dead = world.claim()
    assert [row.dedup_key for row in claimed_by_the_dead] == [f"{FAREWELL}e:0"]
    world.clock.advance(timedelta(minutes=1))
    await world.process().drain()
    assert world.telegram.texts() == [""] * 5 + ["adieu"]
    assert {chat for _, chat, _ in world.telegram.arrived} == {"7"}
    assert world.counts() == {"sent": 6}
    world.worker.close()


async def test_what_comes_back_meanwhile_is_answered_at_once(lite: Database) -> None:
    world = World(lite)
    world.telegram.limits = Limits(chat=(Rate(1, 0.2),))
    queue(lite, 10)
    again = somebody(lite)
    world.put(again, "bienvenue")
    delivery = world.process(paced=True)
    running = asyncio.create_task(delivery.run())
    await until(lambda: "bienvenue" in world.telegram.texts())
    assert world.telegram.texts().index("bienvenue") <= 2
    await delivery.stop()
    await running
    world.worker.close()


async def test_five_hundred_to_take_back_delay_nobody_else(lite: Database) -> None:
    world = World(lite)
    world.slack.limits = SLACK_LIMITS
    queue(lite, 500, token=SLACK, chat="ULEA")
    others = [somebody(lite, f"T1/U{n}", platform="slack") for n in range(20)]
    for one in others:
        world.put(one, f"à {one.account}")
    delivery = world.process(paced=True)
    running = asyncio.create_task(delivery.run())
    begun = time.monotonic()
    await until(lambda: sum(bool(text) for text in world.slack.texts()) == 20)
    assert time.monotonic() - begun < 3
    assert world.slack.texts().count("") < 5  # one a second and place, never a burst
    await delivery.stop()
    await running
    world.worker.close()


async def test_what_cannot_be_taken_back_is_no_news_for_staff(lite: Database) -> None:
    world = World(lite)
    queue(lite, 3)
    world.telegram.script[""] = [
        NotSent("no such thing", permanent=True),
        NotSent("blocked", unreachable=True),
    ]
    parked: list[int] = []
    delivery = world.process(on_parked=lambda uow, rows, now: parked.append(len(rows)))
    await delivery.drain()
    assert world.counts() == {"failed": 1, "unreachable": 1, "sent": 2}
    assert parked == world.unreachable == []
    world.worker.close()


# --- what the platforms say -----------------------------------------------------------------------


async def test_telegram_takes_several_at_once(
    telegram_sender: TelegramSender, telegram: FakeTelegram  # noqa: F811
) -> None:  # fmt: skip
    for row in range(1, 4):
        await telegram_sender.send(claimed(row=row))
    there = [message.id for message in telegram.messages(LEA_NUMBER)]
    target = f"{LEA_NUMBER}/{there[0]},{there[2]},999"
    assert await telegram_sender.send(claimed(op="delete", target=target)) == Sent()
    assert [message.id for message in telegram.messages(LEA_NUMBER)] == [there[1]]
    assert not telegram.refusals


async def test_a_file_on_slack_goes_with_its_message(
    slack: FakeSlack, clock: Clock, slack_sender: SlackSender  # noqa: F811
) -> None:  # fmt: skip
    message = Message("Tes données", file=File("mes-donnees.json", b"{}"))
    sent = await slack_sender.send(make_row(message, "file", at=clock()))
    assert isinstance(sent, Sent)
    row = make_row(op="delete", at=clock(), target=sent.message_id)
    assert await slack_sender.send(row) == Sent(sent.message_id)
    assert slack.messages("ULEA") == []
    assert not slack.world.files
    assert await slack_sender.send(row) == Sent(sent.message_id)  # the second time: as good


async def test_slack_may_forbid_it(
    slack: FakeSlack, clock: Clock, slack_sender: SlackSender  # noqa: F811
) -> None:  # fmt: skip
    await slack.dm("ULEA", "à moi")
    dm = slack.world.dm_of("ULEA")
    target = f"{dm.id}/{dm.messages[-1].ts}"
    assert await slack_sender.send(make_row(op="delete", at=clock(), target=target)) == Sent(target)
    assert dm.messages
