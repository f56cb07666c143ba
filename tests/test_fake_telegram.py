"""The local Telegram, driven by python-telegram-bot: what people do reaches the application."""

import asyncio
from datetime import timedelta
from typing import Any

import aiohttp
import aiohttp.web
import pytest
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeChat,
    ForceReply,
    LinkPreviewOptions,
    MenuButtonCommands,
    MessageEntity,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    Update,
)
from telegram.error import (
    Conflict,
    Forbidden,
    NetworkError,
    RetryAfter,
)
from telegram.ext import Application, ApplicationBuilder, TypeHandler

from handlers.local.fake_telegram import TOKEN, FakeTelegram
from tests.fakes_telegram import LEA, Clock, keys, make_bot, refused, until


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
