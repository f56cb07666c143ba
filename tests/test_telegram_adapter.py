"""Heard durably, worked once, answered at once: real library, inbox and outbox, local Telegram."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy import select

from bot.errors import SettingsError
from bot.events import Commanded, Event, Opened, Pressed, Reached, Said
from bot.messages import MESSAGE, Ack, Choice, Message, MessageRef
from handlers.local.fake_telegram import TOKEN, FakeTelegram
from handlers.telegram import menu
from handlers.telegram.adapter import SECRET_HEADER, StorageAway, TelegramAdapter
from handlers.telegram.render import ON
from scheduling.clock import FixedClock
from scheduling.delivery import Delivery
from scheduling.inbox import Inbox, InboxMeta
from scheduling.protocol import Protocol
from scheduling.worker import Worker
from storage.sending import Kept
from storage.tables import Inbox as InboxRow
from storage.unit_of_work import Database, UnitOfWork
from tests.fakes_telegram import LEA, until
from tests.stores import NOON

PAUL = 8
SECRET = "a-secret_of_the_webhook"
CITIES = Message("Où ?", choices=tuple(Choice(f"Ville {n}", f"a:7:city:c{n}") for n in range(20)))


class Running:
    """An adapter on the local Telegram, with a bot that notes events and gives fixed answers."""

    def __init__(self, database: Database, telegram: FakeTelegram, **settings: Any) -> None:
        self.database = database
        self.events: list[Event] = []
        self.reply: Message | None = None
        self.toast: str | None = None
        self.trouble: list[Exception] = []
        self.clock = FixedClock(NOON)
        self.worker = Worker(database)
        self.inbox = Inbox(
            database,
            self.worker,
            self.clock,
            self._answer,
            {"telegram": self._read},
            wake=self._wake,
        )
        self.adapter = TelegramAdapter(
            TOKEN,
            self.inbox,
            kept=self._kept,
            gone=lambda locale: f"gone ({locale})",
            api_url=telegram.base_url,
            **settings,
        )
        self.delivery = Delivery(
            database,
            self.worker,
            self.clock,
            {self.adapter.bot_account: self.adapter.sender},
            paced=False,
            times=Protocol(margin=0.05),
        )

    def _answer(self, uow: UnitOfWork, event: Event, now: datetime) -> Ack:
        if self.trouble:
            raise self.trouble.pop()
        author = event.author
        person = uow.people.by_account("telegram", author.account) or uow.people.meet(
            platform=author.platform,
            account=author.account,
            bot_account=author.bot_account,
            lang="fr",
            now=now,
        )
        if self.reply is not None:
            body = MESSAGE.dump_json(self.reply)
            uow.outbox.put(key=f"reply:{event.id}", identity=person, payload=body, now=now)
        self.events.append(event)
        return Ack(toast=self.toast)

    async def _kept(self, row_id: int) -> Kept | None:
        return await self.worker.run(self._look, row_id)

    def _look(self, row_id: int) -> Kept | None:
        with self.database.unit_of_work() as uow:
            return uow.sending.kept(row_id)

    def _read(self, payload: bytes, meta: InboxMeta) -> Event | None:
        return self.adapter.read(payload, meta)

    def _wake(self, accounts: Collection[str]) -> None:
        self.delivery.wake(accounts)

    def states(self) -> list[str]:
        with self.database.unit_of_work() as uow:
            return list(uow.session.scalars(select(InboxRow.state).order_by(InboxRow.id)))

    async def stop(self) -> None:
        await self.adapter.stop()
        await self.delivery.stop()
        self.worker.close()


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start(lite: Database, telegram: FakeTelegram) -> AsyncIterator[Start]:
    running: list[Running] = []

    async def begin(*, listen: bool = True, **settings: Any) -> Running:
        made = Running(lite, telegram, **settings)
        running.append(made)
        await made.adapter.start()
        if listen:
            await made.adapter.listen()
        return made

    yield begin
    for one in running:
        await one.stop()


# --- hearing ------------------------------------------------------------------------------------


async def test_polling(start: Start, telegram: FakeTelegram) -> None:
    bot = await start()
    await telegram.press_start(LEA, "code-1")
    await telegram.send(LEA, "bonjour")
    await telegram.send(LEA, "/mes_donnees tout")
    await telegram.block(LEA)
    await until(lambda: len(bot.events) == 4)
    opened, said, commanded, reached = bot.events
    assert isinstance(opened, Opened)
    assert opened.payload == "code-1"
    assert isinstance(said, Said)
    assert (said.text, said.author.account, said.author.bot_account) == (
        "bonjour",
        "7",
        "telegram:4242",
    )
    assert isinstance(commanded, Commanded)
    assert (commanded.name, commanded.args) == ("mes-donnees", "tout")
    assert isinstance(reached, Reached)
    assert not reached.reachable
    await until(lambda: not bot.adapter.busy)
    assert bot.states() == ["done"] * 4
    assert bot.adapter.sender.floor() == telegram.world.last_id
    assert telegram.refusals == []


async def test_a_repeat_is_worked_once(start: Start, telegram: FakeTelegram) -> None:
    bot = await start()
    await telegram.send(LEA, "bonjour", repeat=3)
    await telegram.send(LEA, "fin")
    await until(lambda: not telegram.updates.pending)
    await until(lambda: len(bot.events) >= 2)
    assert [e.text for e in bot.events if isinstance(e, Said)] == ["bonjour", "fin"]


async def test_one_persons_messages_stay_in_order(start: Start, telegram: FakeTelegram) -> None:
    bot = await start(listen=False)
    for n in range(30):
        await telegram.send(LEA, f"{n}")
        await telegram.send(PAUL, f"{n}")
    await bot.adapter.listen()
    await until(lambda: len(bot.events) == 60)
    for account in (str(LEA), str(PAUL)):
        said = [e.text for e in bot.events if isinstance(e, Said) and e.author.account == account]
        assert said == [f"{n}" for n in range(30)]


async def test_nothing_is_confirmed_before_it_is_stored(
    start: Start, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the database is away, Telegram keeps the updates; afterwards each is worked once."""
    bot = await start(listen=False)
    for text in ("un", "deux", "trois"):
        await telegram.send(LEA, text)
    receive, calls = bot.inbox.receive, 0

    async def stumbling(**row: Any) -> int | None:
        nonlocal calls
        calls += 1
        if calls == 2:
            assert telegram.updates.confirmed == set()
            raise OSError("disk full")
        return await receive(**row)

    monkeypatch.setattr(bot.inbox, "receive", stumbling)
    await bot.adapter.listen()
    await until(lambda: len(bot.events) == 3)
    assert sorted(e.text for e in bot.events if isinstance(e, Said)) == ["deux", "trois", "un"]
    assert bot.states() == ["done"] * 3


async def test_what_the_library_cannot_read_does_not_block(
    start: Start, telegram: FakeTelegram
) -> None:
    bot = await start()
    chat = telegram.world.users[LEA].as_chat()
    odd = {"message_id": 77, "from": telegram.world.users[LEA].as_user(), "chat": chat}
    telegram.updates.add("message", {**odd, "hologram": {"depth": 3}}, LEA)  # no date, new kind
    await telegram.send(LEA, "et moi")
    await until(lambda: len(bot.events) == 2)
    assert [e.text for e in bot.events if isinstance(e, Said)] == ["", "et moi"]


async def test_what_a_crash_left_is_swept(start: Start, telegram: FakeTelegram) -> None:
    bot = await start(listen=False)
    message = {"message_id": 1, "date": 1, "chat": telegram.world.users[LEA].as_chat()}
    update = {"update_id": 5, "message": {**message, "text": "?", "from": {"id": LEA}}}
    heard = await bot.adapter._receive(update)  # dies before the queue hands it on …
    bot.inbox._mine.clear()  # … and another process comes
    assert heard is not None
    assert bot.states() == ["received"]
    assert await bot.inbox.sweep(timedelta(0)) == 1
    assert len(bot.events) == 1
    assert await bot.adapter._receive(update) is None  # Telegram sends it again


async def test_polling_follows_the_lease(start: Start, telegram: FakeTelegram) -> None:
    bot = await start(listen=False)
    lease: set[str] = set()
    task = asyncio.create_task(bot.adapter.follow(lambda: bool(lease), every=0.01))
    await asyncio.sleep(0.05)
    assert bot.adapter.ready
    assert telegram.calls[-1].method == "getMe"  # nobody polls
    lease.add("ours")
    await telegram.send(LEA, "bonjour")
    await until(lambda: len(bot.events) == 1)
    assert bot.adapter.ready
    lease.clear()
    await until(lambda: not bot.adapter.listening)
    task.cancel()  # in the midst of it
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)
    assert task.cancelled()


async def test_polling_begins_anew_after_it_was_given_up(
    start: Start, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.telegram.adapter.AFTER_FAILURE", 0.01)
    bot = await start()
    token, telegram.token = telegram.token, "4242:another"
    await telegram.send(LEA, "perdu ?")  # ends the poll under way; the next one is refused
    await until(lambda: any(c.method == "getUpdates" and c.refused for c in telegram.calls))
    task = asyncio.create_task(bot.adapter.follow(lambda: True, every=0.01))
    bot.adapter._polls.last = float("-inf")  # long ago
    await asyncio.sleep(0.1)
    telegram.token = token
    await telegram.send(LEA, "de retour")
    await until(lambda: len(bot.events) == 2)
    assert bot.adapter.ready
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)


async def test_not_ready_when_polling_fails(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    bot = await start()
    assert bot.adapter.ready
    monkeypatch.setattr(bot.adapter._polls, "last", float("-inf"))
    assert not bot.adapter.ready


# --- presses ------------------------------------------------------------------------------------


async def test_a_press_is_answered(start: Start, telegram: FakeTelegram) -> None:
    bot = await start()
    bot.reply = Message("Où en es-tu ?", choices=(Choice("En poste", "a:7:situation:employed"),))
    await telegram.send(LEA, "bonjour")
    await until(lambda: len(bot.events) == 1)
    await bot.delivery.drain()
    bot.reply, bot.toast = None, "C’est noté \n" + "é" * 300
    shown = telegram.messages(LEA)[-1]
    query = await telegram.press(LEA, shown.id, "En poste", repeat=2)
    await until(lambda: not telegram.unanswered and not telegram.updates.pending)
    pressed = bot.events[1:]
    assert [type(e) for e in pressed] == [Pressed]
    assert isinstance(pressed[0], Pressed)
    assert pressed[0].token == "a:7:situation:employed"
    assert pressed[0].on == MessageRef("7", str(shown.id))
    assert query is not None
    assert query.answer is not None
    assert query.answer["text"].startswith("C’est noté é")
    assert len(query.answer["text"]) == 200
    assert telegram.refusals == []


async def test_a_press_is_answered_when_the_turn_fails(
    start: Start, telegram: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    bot = await start()
    await telegram.send(LEA, "bonjour")
    await until(lambda: len(bot.events) == 1)
    bot.trouble = [RuntimeError("Léa a dit un secret")]
    await telegram.press_forged(LEA, 1, "a:7:x:y")
    await until(lambda: not telegram.unanswered)
    assert "secret" not in caplog.text


async def test_a_press_answered_too_late_is_no_trouble(
    start: Start, telegram: FakeTelegram
) -> None:
    bot = await start()
    await telegram.send(LEA, "bonjour")
    query = await telegram.press_forged(LEA, 1, "a:7:x:y")
    query.born -= 10_000
    await until(lambda: len(bot.events) == 2)
    await telegram.send(LEA, "encore")
    await until(lambda: len(bot.events) == 3)


# --- said once ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "500", "500_after"])
async def test_an_answer_in_doubt_arrives_once(
    fault: str, start: Start, telegram: FakeTelegram
) -> None:
    """The look-up tells a message that arrived unnoticed from one that never did."""
    telegram.world.users[PAUL].started = True
    bot = await start(marker_chat=str(PAUL))
    bot.reply = Message("Où en es-tu ?", choices=(Choice("En poste", "a:7:situation:employed"),))
    telegram.fail_next("sendMessage", fault)
    await telegram.send(LEA, "bonjour")
    await until(lambda: len(bot.events) == 1)
    await bot.delivery.drain()
    assert [m.text for m in telegram.messages(LEA)] == ["bonjour", "Où en es-tu ?"]
    assert telegram.messages(PAUL) == []
    with bot.database.unit_of_work() as uow:
        assert uow.outbox.counts() == {"sent": 1}


# --- pages --------------------------------------------------------------------------------------


async def shown_cities(bot: Running, telegram: FakeTelegram) -> int:
    bot.reply = CITIES
    await telegram.send(LEA, "bonjour")
    await until(lambda: len(bot.events) == 1)
    await bot.delivery.drain()
    return telegram.messages(LEA)[-1].id


def labels(telegram: FakeTelegram, message_id: int) -> list[str]:
    message = telegram.world.find(LEA, message_id)
    assert message is not None
    return [b["text"] for row in (message.markup or {})["inline_keyboard"] for b in row]


def on(shown: list[str]) -> str:
    return next(label for label in shown if label.endswith(ON))


async def test_pages_turn(start: Start, telegram: FakeTelegram) -> None:
    bot = await start()
    message = await shown_cities(bot, telegram)
    assert "Ville 0" in labels(telegram, message)
    seen = set(labels(telegram, message))
    for page in (1, 2):
        await telegram.press(LEA, message, on(labels(telegram, message)))
        await until(lambda: not telegram.unanswered)
        seen |= set(labels(telegram, message))
        assert bot.adapter.sender.pages.of(f"{LEA}/{message}") == page
    assert {f"Ville {n}" for n in range(20)} <= seen
    assert len(bot.events) == 1  # turning a page is not an answer
    assert telegram.refusals == []


async def test_pages_of_somebody_else_stay_closed(start: Start, telegram: FakeTelegram) -> None:
    bot = await start()
    message = await shown_cities(bot, telegram)
    await telegram.send(PAUL, "hello")
    await until(lambda: len(bot.events) == 2)
    for token in ("p:1:1", "p:999:1"):
        query = await telegram.press_forged(PAUL, message, token)
        await until(lambda: not telegram.unanswered)
        assert query.answer is not None
        assert query.answer["text"] == "gone (en)"
    assert "Ville 0" in labels(telegram, message)
    assert [m.text for m in telegram.messages(PAUL)] == ["hello"]


async def test_pages_no_longer_kept(start: Start, telegram: FakeTelegram, lite: Database) -> None:
    bot = await start()
    message = await shown_cities(bot, telegram)
    with lite.unit_of_work() as uow:
        assert uow.outbox.purge(NOON + timedelta(days=91)) == 1
        uow.commit()
    query = await telegram.press(LEA, message, on(labels(telegram, message)))
    await until(lambda: not telegram.unanswered)
    assert query is not None
    assert query.answer is not None
    assert query.answer["text"] == "gone (fr)"


# --- webhook ------------------------------------------------------------------------------------


@pytest.fixture
async def hook() -> AsyncIterator[tuple[str, Callable[[Running], None]]]:
    """A route on the loopback interface, and how to attach an adapter to it."""
    attached: list[Running] = []

    async def handle(request: web.Request) -> web.Response:
        return await attached[-1].adapter.handle_webhook(request)

    app = web.Application()
    app.router.add_post("/telegram", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/telegram", attached.append
    await runner.cleanup()


Hook = tuple[str, Callable[[Running], None]]


async def test_webhook(start: Start, telegram: FakeTelegram, hook: Hook, lite: Database) -> None:
    url, attach = hook
    settings = {"public_url": url, "webhook_secret": SECRET}
    attach(unstarted := Running(lite, telegram, **settings))
    telegram.updates.retry_seconds = 0.01
    bot = await start(**settings)
    assert telegram.updates.webhook is not None
    assert telegram.updates.webhook["secret_token"] == SECRET
    assert "drop_pending_updates" not in telegram.updates.webhook
    await telegram.send(LEA, "bonjour")
    await asyncio.sleep(0.05)
    assert telegram.updates.pending  # 503 until somebody works
    attach(bot)
    await until(lambda: len(bot.events) == 1)
    await until(lambda: not telegram.updates.pending)
    assert bot.adapter.ready
    assert bot.adapter.listening
    await unstarted.stop()


@pytest.mark.parametrize(
    ("secret", "body", "status"),
    [
        (None, b'{"update_id": 1}', 403),
        ("", b'{"update_id": 1}', 403),
        ("wrong", b'{"update_id": 1}', 403),
        ("é", b'{"update_id": 1}', 403),
        (SECRET, b"not json", 400),
        (SECRET, b"\xff\xfe", 400),
        (SECRET, b"[" * 100_000, 400),
        (SECRET, b"[]", 400),
        (SECRET, b'{"message": {}}', 400),
        (SECRET, b'{"update_id": 1}', 200),
        (SECRET, b'{"update_id": 1, "message": [], "callback_query": 3}', 200),
    ],
)
async def test_webhook_takes_only_telegrams(
    secret: str | None, body: bytes, status: int, start: Start, hook: Hook
) -> None:
    url, attach = hook
    bot = await start(public_url=url, webhook_secret=SECRET)
    attach(bot)
    headers = {} if secret is None else {SECRET_HEADER: secret}
    async with aiohttp.ClientSession() as http, http.post(url, data=body, headers=headers) as got:
        assert got.status == status
    assert bot.states() == []  # no person said anything


async def test_webhook_without_storage(
    start: Start, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, attach = hook
    bot = await start(public_url=url, webhook_secret=SECRET)
    attach(bot)

    async def away(**_: Any) -> int:
        raise OSError("no database")

    monkeypatch.setattr(bot.inbox, "receive", away)
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, data=b'{"update_id": 1}', headers={SECRET_HEADER: SECRET}) as got,
    ):
        assert got.status == 503
    with pytest.raises(StorageAway):
        await bot.adapter._queue.hear({"update_id": 1})


# --- the token ----------------------------------------------------------------------------------


async def test_the_token_is_never_logged(
    start: Start, telegram: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bot = await start()
    await telegram.send(LEA, "un secret")
    telegram.fail_next("getUpdates", "500")
    telegram.fail_next("getUpdates", "drop_before")
    await until(lambda: len(bot.events) == 1)
    await telegram.send(LEA, "encore")
    await until(lambda: len(bot.events) == 2)
    await bot.adapter.hush()
    assert "local-token" not in caplog.text
    assert "secret" not in caplog.text


async def test_a_refused_token_says_so_without_saying_it(
    start: Start, telegram: FakeTelegram
) -> None:
    telegram.token = "4242:another"
    with pytest.raises(SettingsError) as caught:
        await start()
    assert "local-token" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_what_is_no_token(lite: Database, telegram: FakeTelegram) -> None:
    with pytest.raises(SettingsError):
        TelegramAdapter("nonsense", None, kept=None, gone=str)  # type: ignore[arg-type]


# --- menus --------------------------------------------------------------------------------------

EVERYONE = {"fr": [("aide", "Ce que je sais faire")], "en": [("help", "What I can do")]}
STAFF = {"fr": [("a-voir", "Ce qui attend")], "en": [("triage", "What waits")]}


async def test_menus(start: Start, telegram: FakeTelegram) -> None:
    bot = await start(listen=False)
    lists = menu.command_lists(EVERYONE, {str(PAUL): STAFF, "999": STAFF})
    await menu.publish(bot.adapter.bot, lists)

    def names(user: int) -> list[str]:
        return [entry["command"] for entry in telegram.commands_for(user)]

    assert names(LEA) == ["aide"]
    assert names(PAUL) == ["help", "triage"]
    telegram.world.users[PAUL].language_code = "de"
    assert names(PAUL) == ["aide", "a_voir"]
    await menu.publish(bot.adapter.bot, menu.without_staff(EVERYONE, str(PAUL)))
    assert names(PAUL) == ["aide"]
    assert telegram.refusals == []


def test_menu_names_are_checked() -> None:
    with pytest.raises(ValueError, match="à-voir"):
        menu.command_lists({"fr": [("à-voir", "x")]}, {})
    [first, *_] = menu.command_lists({"fr": [("aide", "x" * 400)]}, {})
    assert len(first.entries[0][1]) == 256
