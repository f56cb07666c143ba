"""The local Telegram, driven by python-telegram-bot: it takes what Telegram takes, no more."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import aiohttp.web
import pytest
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeChat,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    MenuButtonCommands,
    MessageEntity,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    Update,
)
from telegram.error import (
    BadRequest,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)
from telegram.ext import Application, ApplicationBuilder, TypeHandler
from telegram.request import HTTPXRequest

from handlers.local.fake_telegram import TOKEN, FakeTelegram
from handlers.local.ledger import Refused
from handlers.local.telegram_api import ARGUMENTS
from handlers.local.telegram_limits import check_webhook
from handlers.local.telegram_text import parse_html

SPECS = Path(__file__).resolve().parents[2] / "shared" / "specs" / "telegram_bot_api.json"
LEA = 7
Json = dict[str, Any]


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 10, 6, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def telegram(clock: Clock) -> AsyncIterator[FakeTelegram]:
    fake = FakeTelegram(clock)
    fake.add_user(LEA, "Léa")
    fake.add_user(8, "Paul", language_code="en")
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def bot(telegram: FakeTelegram) -> AsyncIterator[Bot]:
    async with make_bot(telegram) as made:
        telegram.world.users[LEA].started = True
        yield made


def make_bot(telegram: FakeTelegram, token: str = TOKEN, seconds: float = 5) -> Bot:
    return Bot(
        token,
        base_url=telegram.base_url + "/bot",
        request=HTTPXRequest(read_timeout=seconds, media_write_timeout=seconds),
        get_updates_request=HTTPXRequest(read_timeout=seconds, connection_pool_size=4),
    )


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - any state of the fake may be waited for
            await asyncio.sleep(0.005)


async def refused(call: Awaitable[Any]) -> str:
    with pytest.raises(TelegramError) as caught:
        await call
    return caught.value.message


def keys(*rows: list[tuple[str, str]]) -> InlineKeyboardMarkup:
    made = [[InlineKeyboardButton(t, callback_data=d) for t, d in row] for row in rows]
    return InlineKeyboardMarkup(made)


async def raw(telegram: FakeTelegram, method: str, **arguments: Any) -> Json:
    """Without the library's own checks."""
    url = f"{telegram.base_url}/bot{TOKEN}/{method}"
    async with aiohttp.ClientSession() as http, http.post(url, json=arguments) as response:
        found: Json = await response.json()
        assert response.status == found.get("error_code", 200)
        return found


async def send_raw(telegram: FakeTelegram, **arguments: Any) -> str | None:
    """The refusal of a message to Léa, or None."""
    answer = await raw(telegram, "sendMessage", **{"chat_id": LEA, "text": "t", **arguments})
    return None if answer["ok"] else str(answer["description"])


# ---------------------------------------------------------------------------- round trips


async def test_an_application_polls_answers_and_edits(telegram: FakeTelegram) -> None:
    builder: Any = ApplicationBuilder().token(TOKEN).base_url(telegram.base_url + "/bot")
    app: Application[Any, Any, Any, Any, Any, Any] = builder.build()

    async def handle(update: Update, _: Any) -> None:
        if update.message is not None:
            markup = keys([("En poste", "a:employed"), ("Entre deux postes", "a:between")])
            await update.message.reply_text("Où en es-tu ?", reply_markup=markup)
        elif update.callback_query is not None:
            await update.callback_query.answer("Noté")
            await update.callback_query.edit_message_text("Où en es-tu ? En poste.")

    app.add_handler(TypeHandler(Update, handle))
    async with app:
        await app.start()
        assert app.updater is not None
        await app.updater.start_polling(timeout=1)
        await telegram.press_start(LEA, "lien_42")
        await until(lambda: len(telegram.messages(LEA)) == 2)
        hello, question = telegram.messages(LEA)
        assert (hello.text, hello.id, question.id) == ("/start lien_42", 1, 2)
        assert hello.entities == [{"type": "bot_command", "offset": 0, "length": 6}]
        query = await telegram.press(LEA, question.id, "En poste")
        await until(lambda: question.edited is not None)
        assert query is not None
        assert (query.data, query.answer and query.answer["text"]) == ("a:employed", "Noté")
        assert (question.text, question.markup) == ("Où en es-tu ? En poste.", None)
        assert telegram.unanswered == []
        await app.updater.stop()
        await app.stop()
    assert telegram.refusals == []


async def test_offsets_confirm_and_duplicates_come_in_a_later_batch(
    telegram: FakeTelegram, bot: Bot
) -> None:
    await telegram.send(LEA, "un", repeat=2)
    await telegram.send(LEA, "deux")
    first = await bot.get_updates()
    assert [u.message.text for u in first if u.message] == ["un", "deux"]
    assert [u.update_id for u in await bot.get_updates()] == [u.update_id for u in first]
    again = await bot.get_updates(offset=first[-1].update_id + 1)
    assert [u.update_id for u in again] == [first[0].update_id]
    assert list(await bot.get_updates(offset=first[-1].update_id + 1)) == []
    assert telegram.updates.confirmed == {u.update_id for u in first}
    await telegram.redeliver(first[1].update_id)
    assert len(await bot.get_updates(offset=first[-1].update_id + 1)) == 1


async def test_ids_jump_after_a_quiet_week_and_updates_last_a_day(
    telegram: FakeTelegram, bot: Bot, clock: Clock
) -> None:
    await telegram.send(LEA, "avant")
    old = (await bot.get_updates())[0].update_id
    clock.time += timedelta(days=8)
    await telegram.send(LEA, "après")
    new = await bot.get_updates(offset=old + 1)
    assert abs(new[0].update_id - old) > 1
    assert telegram.updates.expired == [old]
    clock.time += timedelta(hours=25)
    assert list(await bot.get_updates()) == []
    assert new[0].update_id in telegram.updates.expired


async def test_a_long_poll_waits_and_a_second_poller_ends_it(
    telegram: FakeTelegram, bot: Bot
) -> None:
    waiting = asyncio.create_task(bot.get_updates(timeout=3))
    await asyncio.sleep(0.05)
    await telegram.send(LEA, "me voilà")
    assert len(await waiting) == 1
    offset = (await bot.get_updates())[0].update_id + 1
    first = asyncio.create_task(bot.get_updates(offset=offset, timeout=3))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(bot.get_updates(offset=offset, timeout=0))
    with pytest.raises(Conflict, match="terminated by other getUpdates request"):
        await first
    assert list(await second) == []


async def test_a_webhook_gets_updates_in_order_until_it_says_yes(
    telegram: FakeTelegram, bot: Bot
) -> None:
    got: list[tuple[str, str | None]] = []

    async def receive(request: aiohttp.web.Request) -> aiohttp.web.Response:
        body = await request.json()
        secret = request.headers.get("X-Telegram-Bot-Api-Secret-Token")
        got.append((body["message"]["text"], secret))
        if len(got) == 1:
            return aiohttp.web.Response(status=500)
        if body["message"]["text"] == "deux":
            answer = {"method": "sendMessage", "chat_id": LEA, "text": "Reçu"}
            return aiohttp.web.json_response(answer)
        return aiohttp.web.Response()

    server = aiohttp.web.Application()
    server.router.add_post("/hook", receive)
    runner = aiohttp.web.AppRunner(server)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    telegram.updates.retry_seconds = 0.01
    await bot.set_webhook(url, secret_token="s3cret")
    with pytest.raises(Conflict, match="webhook is active"):
        await bot.get_updates()
    await telegram.send(LEA, "un")
    await telegram.send(LEA, "deux")
    await until(lambda: len(telegram.messages(LEA)) == 3)
    assert got == [("un", "s3cret"), ("un", "s3cret"), ("deux", "s3cret")]
    info = await bot.get_webhook_info()
    assert (info.url, info.pending_update_count) == (url, 0)
    assert "500" in (info.last_error_message or "")
    await bot.delete_webhook()
    assert (await bot.get_webhook_info()).url == ""
    await runner.cleanup()


async def test_files_and_pictures_go_up(telegram: FakeTelegram, bot: Bot) -> None:
    sent = await bot.send_document(
        LEA, b"a;b\n", filename="bilan.csv", caption="<b>Bilan</b>", parse_mode="HTML"
    )
    assert sent.document is not None
    assert (sent.document.file_name, sent.caption) == ("bilan.csv", "Bilan")
    stored = telegram.messages(LEA)[0].document
    assert stored is not None
    assert stored.content == b"a;b\n"
    picture = await bot.send_photo(LEA, b"\x89PNG\r\n\x1a\n....")
    assert picture.photo
    assert await refused(bot.send_photo(LEA, b"not a picture")) == "Image_process_failed"
    await bot.send_document(LEA, b"x", caption="c" * 1024)
    too_long = await refused(bot.send_document(LEA, b"x", caption="c" * 1025))
    assert too_long == "Message caption is too long"
    assert "non-empty" in await refused(bot.send_document(LEA, b""))


async def test_the_menu_depends_on_scope_before_language(telegram: FakeTelegram, bot: Bot) -> None:
    await bot.set_my_commands([BotCommand("help", "Help")])
    await bot.set_my_commands([BotCommand("aide", "Aide")], language_code="fr")
    assert telegram.commands_for(LEA) == [{"command": "aide", "description": "Aide"}]
    assert telegram.commands_for(8)[0]["command"] == "help"
    staff = BotCommandScopeChat(LEA)
    await bot.set_my_commands([BotCommand("a_voir", "À voir")], scope=staff)
    assert telegram.commands_for(LEA)[0]["command"] == "a_voir"
    assert [c.command for c in await bot.get_my_commands(scope=staff)] == ["a_voir"]
    await bot.delete_my_commands(scope=staff)
    assert telegram.commands_for(LEA)[0]["command"] == "aide"
    await bot.set_my_description("Le bot", language_code="fr")
    await bot.set_my_short_description("Bot")
    await bot.set_chat_menu_button(menu_button=MenuButtonCommands())
    await bot.send_chat_action(LEA, "typing")
    assert (await bot.get_chat(LEA)).first_name == "Léa"
    assert (await bot.get_me()).username == "cordee_bot"
    assert telegram.refusals == []


async def test_blocking_is_told_and_forbids_writing(telegram: FakeTelegram, bot: Bot) -> None:
    assert (
        await refused(bot.send_message(8, "t"))
        == "Forbidden: bot can't initiate conversation with a user"
    )
    assert await refused(bot.send_message(9, "t")) == "Chat not found"
    await telegram.press_start(8)
    await bot.send_message(8, "t")
    await telegram.block(8)
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(8, "t")
    await telegram.send(8, "je reviens")
    await bot.send_message(8, "t")
    states = [
        (u.my_chat_member.old_chat_member.status, u.my_chat_member.new_chat_member.status)
        for u in await bot.get_updates()
        if u.my_chat_member
    ]
    assert states == [("member", "kicked"), ("kicked", "member")]
    telegram.world.users[8].deactivated = True
    assert "user is deactivated" in await refused(bot.send_message(8, "t"))
    assert [r.error for r in telegram.refusals] == ["Bad Request: chat not found"]


async def test_a_forced_reply_is_answered_as_the_client_does(
    telegram: FakeTelegram, bot: Bot
) -> None:
    asked = await bot.send_message(
        LEA, "Ton métier ?", reply_markup=ForceReply(input_field_placeholder="métier")
    )
    await telegram.send(LEA, "boulangère")
    update = (await bot.get_updates())[0]
    assert update.message is not None
    assert update.message.reply_to_message is not None
    assert update.message.reply_to_message.message_id == asked.message_id
    assert await refused(asked.edit_text("Autre ?")) == "Message can't be edited"
    board = await bot.send_message(LEA, "?", reply_markup=ReplyKeyboardMarkup([["Oui", "Non"]]))
    assert await telegram.press(LEA, board.message_id, "Oui") is None
    assert telegram.messages(LEA)[-1].text == "Oui"
    await bot.send_message(LEA, "Merci", reply_markup=ReplyKeyboardRemove())
    await telegram.edit(LEA, 2, "pâtissière")
    assert (await bot.get_updates())[-1].edited_message is not None


# ---------------------------------------------------------------------------- refusals


async def test_each_limit_of_a_message_is_exact(telegram: FakeTelegram, bot: Bot) -> None:
    def rows(count: int, across: int) -> Json:
        button = {"text": "b", "callback_data": "d"}
        return {"inline_keyboard": [[button] * across] * count}

    def data(length: int) -> Json:
        return {"inline_keyboard": [[{"text": "b", "callback_data": "é" * length}]]}

    def force(length: int) -> Json:
        return {"force_reply": True, "input_field_placeholder": "p" * length}

    too_long = "Bad Request: message is too long"
    placeholder = "Bad Request: input field placeholder must be 1-64 characters"
    markup_too_long = "Bad Request: reply markup is too long"
    bold: list[Json] = [{"type": "bold", "offset": 0, "length": 1}]
    table: list[tuple[Json, Json, str]] = [
        ({"text": "é" * 4096}, {"text": "é" * 4097}, too_long),
        (
            {"text": "<b>" + "x" * 4096 + "</b>", "parse_mode": "HTML"},
            {"text": "<b>" + "x" * 4097 + "</b>", "parse_mode": "HTML"},
            too_long,
        ),
        (
            {"reply_markup": data(32)},
            {"reply_markup": data(33)},
            "Bad Request: BUTTON_DATA_INVALID",
        ),
        ({"reply_markup": rows(1, 8)}, {"reply_markup": rows(1, 9)}, markup_too_long),
        ({"reply_markup": rows(20, 5)}, {"reply_markup": rows(21, 5)}, markup_too_long),
        ({"reply_markup": force(64)}, {"reply_markup": force(65)}, placeholder),
        ({"entities": bold * 100}, {"entities": bold * 101}, "Bad Request: too many entities"),
    ]
    for accepted, one_over, error in table:
        assert await send_raw(telegram, **accepted) is None
        assert await send_raw(telegram, **one_over) == error
    assert len(telegram.messages(LEA)) == len(telegram.refusals) == len(table)


@pytest.mark.parametrize(
    ("button", "error"),
    [
        (
            {"text": "b", "callback_data": ""},
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            {"text": "b"},
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        ({"callback_data": "d"}, "can't parse inline keyboard button: Can't find field \"text\""),
        ({"text": " ", "callback_data": "d"}, "inline keyboard button text must be non-empty"),
        (
            {"text": "b", "url": "http://localhost:80/x"},
            "inline keyboard button URL 'http://localhost:80/x' is invalid: Wrong HTTP URL",
        ),
        (
            {"text": "b", "url": "not-a-url"},
            "inline keyboard button URL 'not-a-url' is invalid: Wrong HTTP URL",
        ),
        (
            {"text": "b", "url": "ftp://example.com"},
            "inline keyboard button URL 'ftp://example.com' is invalid: Unsupported URL protocol",
        ),
        (
            {"text": "b", "web_app": {"url": "http://e.org"}},
            "inline keyboard button Web App URL 'http://e.org' is invalid: Only HTTPS links are allowed",
        ),
        (
            {"text": "b", "url": "https://e.org", "callback_data": "d"},
            "can't parse inline keyboard button: exactly one optional field must be used",
        ),
    ],
)
async def test_a_button_telegram_does_not_take_is_refused(
    telegram: FakeTelegram, bot: Bot, button: Json, error: str
) -> None:
    assert (
        await send_raw(telegram, reply_markup={"inline_keyboard": [[button]]})
        == f"Bad Request: {error}"
    )
    assert telegram.messages(LEA) == []


@pytest.mark.parametrize("url", ["https://example.org/a?b=c", "example.org", "tg://user?id=7"])
async def test_a_link_button_is_taken(telegram: FakeTelegram, bot: Bot, url: str) -> None:
    assert (
        await send_raw(telegram, reply_markup={"inline_keyboard": [[{"text": "b", "url": url}]]})
        is None
    )


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("<b>é</b> &lt;x&gt; &amp; &eacute; & a", "é <x> & &eacute; & a", [("bold", 0, 1)]),
        ("😀<i>a<u>b</u></i>", "😀ab", [("italic", 2, 2), ("underline", 3, 1)]),
        ('<a href="https://e.org?a=1&amp;b=2">ici</a>', "ici", [("text_link", 0, 3)]),
        ('<a href="javascript:x">ici</a>', "ici", []),
        ("<blockquote expandable>q</blockquote>", "q", [("expandable_blockquote", 0, 1)]),
        ('<span class="tg-spoiler">s</span>', "s", [("spoiler", 0, 1)]),
        ("&#233;&#xe9;", "éé", []),
        ("<B>x</>", "x", [("bold", 0, 1)]),
    ],
)
def test_html_is_read(source: str, text: str, entities: list[tuple[str, int, int]]) -> None:
    got, found = parse_html(source)
    assert got == text
    assert [(e["type"], e["offset"], e["length"]) for e in found] == entities


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("é<script>", 'Unsupported start tag "script" at byte offset 2'),
        ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
        ("a <", "Unclosed start tag at byte offset 2"),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        (
            "<b><i>test</b></i>",
            'Unmatched end tag at byte offset 10, expected "</i>", found "</b>"',
        ),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ('<a href="x>y</a>', 'Unclosed start tag "a" at byte offset 0'),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ('<tg-emoji emoji-id="x">e</tg-emoji>', "Invalid custom emoji identifier specified"),
    ],
)
async def test_html_telegram_cannot_read_is_refused_whole(
    telegram: FakeTelegram, bot: Bot, source: str, error: str
) -> None:
    expected = f"Bad Request: can't parse entities: {error}"
    assert await send_raw(telegram, text=source, parse_mode="HTML") == expected
    assert telegram.refusals[0].error == expected


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"text": ""}, "message text is empty"),
        ({"text": "   "}, "text must be non-empty"),
        ({"chat_id": ""}, "chat_id is empty"),
        ({"chat_id": "@nobody"}, "chat not found"),
        ({"parse_mode": "INVALID"}, "unsupported parse_mode"),
        ({"reply_parameters": {"message_id": 99}}, "message to be replied not found"),
        (
            {"entities": [{"type": "loud", "offset": 0, "length": 1}]},
            "can't parse MessageEntity: Unsupported type specified",
        ),
        (
            {"entities": [{"type": "bold", "offset": 9, "length": 1}]},
            "entity begins after the end of the text at UTF-16 offset 9",
        ),
        (
            {"entities": [{"type": "bold", "offset": 0, "length": 9}]},
            "entity beginning at UTF-16 offset 0 ends after the end of the text at UTF-16 offset 9",
        ),
        (
            {"entities": [{"type": "bold", "offset": -1, "length": 1}]},
            "receive an entity with incorrect offset -1",
        ),
        ({"reply_markup": "nonsense"}, "object expected as reply markup"),
        (
            {"reply_markup": {"inline_keyboard": "bad"}},
            'field "inline_keyboard" must be of type Array',
        ),
        ({"reply_markup": {"keyboard": []}}, "keyboard must be non-empty"),
        (
            {"reply_markup": {"keyboard": [[{"text": ""}]]}},
            "keyboard button text must be non-empty",
        ),
        (
            {"reply_markup": {"force_reply": "yes", "input_field_placeholder": ""}},
            "input field placeholder must be 1-64 characters",
        ),
    ],
)
async def test_a_message_telegram_does_not_take_is_refused(
    telegram: FakeTelegram, bot: Bot, arguments: Json, error: str
) -> None:
    assert await send_raw(telegram, **arguments) == f"Bad Request: {error}"


async def test_unknown_methods_tokens_and_parameters(telegram: FakeTelegram, bot: Bot) -> None:
    assert (await raw(telegram, "shout"))["error_code"] == 404
    assert (await raw(telegram, "SENDMESSAGE", chat_id=LEA, text="t"))["ok"]
    stranger = make_bot(telegram, "1:other")
    with pytest.raises(InvalidToken):
        await stranger.initialize()
    await stranger.shutdown()
    telegram.refusals.clear()
    assert (
        await send_raw(telegram, colour="red", reply_markup={"inline_keyboard": [], "x": 1}) is None
    )
    assert {r.error for r in telegram.refusals} == {
        "unknown parameter: colour",
        "unknown parameter: reply_markup x",
    }


async def test_edits_and_deletions_follow_the_rules(
    telegram: FakeTelegram, bot: Bot, clock: Clock
) -> None:
    markup = keys([("Oui", "y")])
    sent = await bot.send_message(LEA, "Alors ?", reply_markup=markup)
    with pytest.raises(
        BadRequest,
        match="is not modified: specified new message content and reply markup are exactly",
    ):
        await bot.edit_message_text("Alors ?", LEA, sent.message_id, reply_markup=markup)
    await bot.edit_message_reply_markup(LEA, sent.message_id, reply_markup=None)
    assert telegram.messages(LEA)[0].markup is None
    theirs = await telegram.send(LEA, "Bonjour")
    assert await refused(bot.edit_message_text("x", LEA, theirs)) == "Message can't be edited"
    assert await refused(bot.edit_message_text("x", LEA, 99)) == "Message to edit not found"
    assert await refused(bot.delete_message(LEA, 99)) == "Message to delete not found"
    assert await bot.delete_message(LEA, theirs)
    clock.time += timedelta(hours=48, seconds=1)
    assert "can't be deleted" in await refused(bot.delete_message(LEA, sent.message_id))
    file = await bot.send_document(LEA, b"x")
    assert "no text in the message" in await refused(file.edit_text("y"))


async def test_every_press_is_to_be_answered(telegram: FakeTelegram, bot: Bot) -> None:
    sent = await bot.send_message(LEA, "?", reply_markup=keys([("Oui", "y"), ("Non", "n")]))
    query = await telegram.press(LEA, sent.message_id, "Oui")
    assert query is not None
    assert telegram.unanswered == [query]
    got = (await bot.get_updates())[0].callback_query
    assert got is not None
    assert got.message is not None
    assert (got.data, got.message.message_id) == ("y", sent.message_id)
    assert await refused(bot.answer_callback_query(query.id, "x" * 201)) == "Message_too_long"
    await bot.answer_callback_query(query.id, "x" * 200)
    assert telegram.unanswered == []
    old = "Query is too old and response timeout expired or query id is invalid"
    assert await refused(bot.answer_callback_query("0")) == old
    late = await telegram.press_forged(LEA, sent.message_id, "a:gone")
    late.born -= 10_000
    assert await refused(bot.answer_callback_query(late.id)) == old
    with pytest.raises(ValueError, match="no button 'Peut-être'"):
        await telegram.press(LEA, sent.message_id, "Peut-être")
    with pytest.raises(ValueError, match="sees no message"):
        await telegram.press(8, sent.message_id, "Oui")


@pytest.mark.parametrize(
    ("command", "description", "error"),
    [
        ("a" * 33, "d", "BOT_COMMAND_INVALID"),
        ("Aide", "d", "BOT_COMMAND_INVALID"),
        ("mes-donnees", "d", "BOT_COMMAND_INVALID"),
        ("aide", " ", "command description must be non-empty"),
        ("aide", "d" * 257, "command description must not exceed 256 characters"),
    ],
)
async def test_commands_are_checked(
    telegram: FakeTelegram, command: str, description: str, error: str
) -> None:
    good = [{"command": "a" * 32, "description": "d" * 256}]
    assert (await raw(telegram, "setMyCommands", commands=good * 100))["ok"]
    wrong = [{"command": command, "description": description}]
    answer = await raw(telegram, "setMyCommands", commands=wrong)
    assert answer["description"] == f"Bad Request: {error}"
    assert not (await raw(telegram, "setMyCommands", commands=good * 101))["ok"]
    assert not (await raw(telegram, "setMyCommands", commands=good, language_code="fra"))["ok"]
    assert not (await raw(telegram, "setMyCommands", commands=good, scope={"type": "chat"}))["ok"]


@pytest.mark.parametrize(
    ("arguments", "taken"),
    [
        ({"url": "https://example.org:8443/x", "secret_token": "A-z_9" * 51}, True),
        ({"url": "http://127.0.0.1:5000/x"}, True),
        ({"url": "http://example.org/x"}, False),
        ({"url": "https://example.org:5000/x"}, False),
        ({"url": "https://example.org/x", "secret_token": "é"}, False),
        ({"url": "https://example.org/x", "max_connections": 101}, False),
    ],
)
def test_webhook_addresses_are_checked(arguments: Json, *, taken: bool) -> None:
    if taken:
        check_webhook(arguments)
    else:
        with pytest.raises(Refused):
            check_webhook(arguments)


# ---------------------------------------------------------------------------- faults, rates, marks


@pytest.mark.parametrize(
    ("how", "shown"),
    [
        ("drop_before", 0),
        ("drop_after", 1),
        ("500", 0),
        ("500_after", 1),
        ("timeout", 1),
        ("timeout_before", 0),
    ],
)
async def test_a_fault_hits_before_or_after_the_effect(
    telegram: FakeTelegram, bot: Bot, how: str, shown: int
) -> None:
    async with make_bot(telegram, seconds=0.3) as hasty:
        telegram.fail_next("sendMessage", how)
        with pytest.raises(NetworkError):
            await hasty.send_message(LEA, "t")
    assert len(telegram.messages(LEA)) == shown
    assert telegram.calls[-1].fault == how
    await bot.send_message(LEA, "t")
    assert len(telegram.messages(LEA)) == shown + 1


async def test_rates_are_enforced_on_request_only(
    telegram: FakeTelegram, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "true")  # the int form warns of its own end
    telegram.fail_next("sendMessage", "429:7")
    with pytest.raises(RetryAfter) as caught:
        await bot.send_message(LEA, "t")
    assert caught.value.retry_after == timedelta(seconds=7)
    for _ in range(2):
        await bot.send_message(LEA, "t")
    telegram.enforce_rate = True
    await bot.send_message(LEA, "t")
    with pytest.raises(RetryAfter):
        await bot.send_message(LEA, "t")
    for user in range(100, 129):
        telegram.add_user(user, "x").started = True
        await bot.send_message(user, "t")
    telegram.add_user(200, "x").started = True
    with pytest.raises(RetryAfter):
        await bot.send_message(200, "t")


async def test_the_ledger_tells_what_a_reader_may_press(telegram: FakeTelegram, bot: Bot) -> None:
    bold = [MessageEntity("bold", 0, 4)]
    quiet = LinkPreviewOptions(is_disabled=True)
    await bot.send_message(
        LEA, "Léa, @lea_martin: https://e.org /aide", entities=bold, link_preview_options=quiet
    )
    assert list(telegram.calls[-1].marks) == ["@lea_martin", "https://e.org", "/aide"]
    await bot.send_message(
        LEA, "<code>@lea_martin</code> <a href='https://e.org'>ici</a>", parse_mode="HTML"
    )
    assert list(telegram.calls[-1].marks) == ["https://e.org|ici"]
    assert telegram.refusals == []


def test_the_methods_agree_with_the_published_list() -> None:
    if not SPECS.exists():
        pytest.skip("the list of methods is not at hand")
    published = json.loads(SPECS.read_text(encoding="utf-8"))["methods"]
    for method, (required, optional) in ARGUMENTS.items():
        fields = {f["name"]: f["required"] for f in published[method].get("fields", [])}
        assert set(required.split()) == {name for name, needed in fields.items() if needed}, method
        assert set(optional.split()) == {name for name, needed in fields.items() if not needed}, (
            method
        )
