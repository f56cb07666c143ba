"""One call per message, and what became of it: the real library against the local Telegram."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from hypothesis import given
from telegram import Bot
from telegram.error import (
    BadRequest,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bot.messages import Choice, File, Home, Message, Option, Pick
from handlers.local.fake_telegram import FakeTelegram
from handlers.local.telegram_limits import check_markup
from handlers.local.telegram_text import read_text
from handlers.telegram.render import render
from handlers.telegram.send import LIMITS, TelegramSender, classify, is_group
from scheduling.sender import Claimed, Doubtful, NotSent, Outcome, Sent
from storage.sending import Op
from tests.fakes_telegram import LEA, make_bot
from tests.stores import NOON
from tests.test_telegram_render import messages

OPERATOR = 8
QUESTION = Message("Où en es-tu ?", choices=(Choice("En poste", "a:7:situation:employed"),))
FREE = Message("Ton objectif ?", placeholder="Une phrase suffit")
PNG = b"\x89PNG\r\n\x1a\nand so on"
PHOTO = Message("Cinq ans", file=File("ans.png", PNG, "image/png", "Cinq barres"))


def claimed(
    message: Message | Home = QUESTION,
    *,
    op: Op = "post",
    chat: int | str = LEA,
    target: str | None = None,
    row: int = 1,
    floor: int | None = None,
) -> Claimed:
    return Claimed(
        id=row,
        bot_account="telegram:4242",
        chat_id=str(chat),
        person_id=1,
        op=op,
        message=message,
        target=target,
        priority=0,
        attempts=1,
        floor_id=floor,
        claimed_at=NOON,
        send_deadline=NOON + timedelta(seconds=5),
    )


@pytest.fixture
def sender(bot: Bot) -> TelegramSender:
    return TelegramSender(bot)


@pytest.fixture
def marking(bot: Bot, telegram: FakeTelegram) -> TelegramSender:
    telegram.world.users[OPERATOR].started = True
    return TelegramSender(bot, marker_chat=str(OPERATOR))


# --- what arrives -------------------------------------------------------------------------------


async def test_post(sender: TelegramSender, telegram: FakeTelegram) -> None:
    message = Message("Léa <3 & *toi*", title="Bonjour 👋", choices=QUESTION.choices)
    outcome = await sender.send(claimed(message))
    [shown] = telegram.messages(LEA)
    assert outcome == Sent(f"{LEA}/{shown.id}")
    assert shown.text == "Bonjour 👋\n\nLéa <3 & *toi*"
    assert shown.entities == [{"type": "bold", "offset": 0, "length": 10}]
    assert shown.markup == render(message, 1).reply_markup
    assert sender.floor() == shown.id
    assert telegram.refusals == []
    assert telegram.calls[-1].marks == ()


@pytest.mark.parametrize("op", ["post", "ephemeral", "home"])
async def test_ops_that_post(op: Op, sender: TelegramSender, telegram: FakeTelegram) -> None:
    await sender.send(claimed(Home((QUESTION, Message("Rien d’autre"))), op=op))
    assert [m.text for m in telegram.messages(LEA)] == ["Où en es-tu ?\n\nRien d’autre"]


async def test_a_large_file_goes_too(sender: TelegramSender, telegram: FakeTelegram) -> None:
    content = b"x;y\r\n" * 400_000
    message = Message("Le détail", file=File("b.csv", content, "text/csv"))
    assert isinstance(await sender.send(claimed(message, op="file")), Sent)
    [shown] = telegram.messages(LEA)
    assert shown.document is not None
    assert shown.document.content == content


async def test_reply_prompt(sender: TelegramSender, telegram: FakeTelegram) -> None:
    await sender.send(claimed(FREE))
    [shown] = telegram.messages(LEA)
    assert shown.markup == {"force_reply": True, "input_field_placeholder": "Une phrase suffit"}


async def test_file(sender: TelegramSender, telegram: FakeTelegram) -> None:
    message = Message("Le bilan", file=File("bilan é.csv", "nom;vu\nLéa;3\n".encode()))
    assert isinstance(await sender.send(claimed(message, op="file")), Sent)
    [shown] = telegram.messages(LEA)
    assert shown.text == "Le bilan"
    assert shown.document is not None
    assert shown.document.filename == "bilan é.csv"
    assert shown.document.content == "nom;vu\nLéa;3\n".encode()
    assert telegram.refusals == []


async def test_a_picture_is_shown_in_the_chat(
    sender: TelegramSender, telegram: FakeTelegram
) -> None:
    assert isinstance(await sender.send(claimed(PHOTO, op="file")), Sent)
    [shown] = telegram.messages(LEA)
    assert shown.photo
    assert shown.document is not None
    assert shown.document.content == PNG
    assert shown.text == "Cinq ans"
    assert telegram.refusals == []


async def test_more_than_one_page_is_kept(sender: TelegramSender) -> None:
    many = tuple(Choice(f"Ville {n}", f"a:7:city:c{n}") for n in range(30))
    assert await sender.send(claimed(Message("Où ?", choices=many))) == Sent("7/1", keep=True)


async def test_edit(sender: TelegramSender, telegram: FakeTelegram) -> None:
    await sender.send(claimed())
    target = f"{LEA}/{telegram.messages(LEA)[0].id}"
    edit = claimed(Message("Où en es-tu ? En poste", title="✔"), op="edit", target=target)
    assert await sender.send(edit) == Sent(target)
    [shown] = telegram.messages(LEA)
    assert shown.text == "✔\n\nOù en es-tu ? En poste"
    assert shown.markup is None
    assert await sender.send(edit) == Sent(target)  # "message is not modified"
    assert telegram.refusals == []


async def test_edit_stays_on_the_page(sender: TelegramSender, telegram: FakeTelegram) -> None:
    def menu(chosen: int) -> Message:
        every = tuple(Option("v", f"n{n}", n == chosen, f"t:7:q:n{n}") for n in range(20))
        return Message("?", pick=Pick("k:7:q", every, Choice("Valider", "d:7:q")))

    await sender.send(claimed(menu(-1)))
    sender.pages.note("7/1", 1)
    assert await sender.send(claimed(menu(9), op="edit", target="7/1", row=5)) == Sent(
        "7/1", keep=True
    )
    rows = (telegram.messages(LEA)[0].markup or {})["inline_keyboard"]
    labels = [button["text"] for row in rows for button in row]
    assert "☑ n9" in labels
    assert "☐ n0" not in labels


async def test_edit_of_a_document_changes_its_caption(
    sender: TelegramSender, telegram: FakeTelegram
) -> None:
    message = Message("Le bilan", file=File("b.csv", b"x"), choices=QUESTION.choices)
    await sender.send(claimed(message, op="file"))
    edit = claimed(Message("Vu."), op="edit", target=f"{LEA}/1")
    assert await sender.send(edit) == Sent("7/1")
    [shown] = telegram.messages(LEA)
    assert (shown.text, shown.markup) == ("Vu.", None)
    assert shown.document is not None


@pytest.mark.parametrize("op", ["edit", "replace", "delete"])
async def test_nothing_left_to_edit_or_delete(op: Op, sender: TelegramSender) -> None:
    assert await sender.send(claimed(op=op, target=f"{LEA}/99")) == Sent()


async def test_a_reply_prompt_cannot_be_edited(sender: TelegramSender) -> None:
    await sender.send(claimed(FREE))
    assert await sender.send(claimed(op="edit", target=f"{LEA}/1")) == Sent()


async def test_delete(sender: TelegramSender, telegram: FakeTelegram) -> None:
    await sender.send(claimed())
    assert await sender.send(claimed(op="delete", target="7/1")) == Sent("7/1")
    assert telegram.messages(LEA) == []


@pytest.mark.parametrize("target", [None, "", "7", "7/x", "/3"])
async def test_edit_without_a_target(target: str | None, sender: TelegramSender) -> None:
    outcome = await sender.send(claimed(op="edit", target=target))
    assert outcome == NotSent("edit without a target", permanent=True)


# --- what does not ------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["blocked", "deactivated", "unstarted"])
async def test_unreachable(state: str, sender: TelegramSender, telegram: FakeTelegram) -> None:
    person = telegram.world.users[LEA]
    person.started = state != "unstarted"
    person.blocked = state == "blocked"
    person.deactivated = state == "deactivated"
    outcome = await sender.send(claimed())
    assert isinstance(outcome, NotSent)
    assert outcome.unreachable
    assert not outcome.permanent


async def test_unknown_chat_is_unreachable(sender: TelegramSender) -> None:
    outcome = await sender.send(claimed(chat=999))
    assert isinstance(outcome, NotSent)
    assert outcome.unreachable


async def test_too_soon(sender: TelegramSender, telegram: FakeTelegram) -> None:
    telegram.fail_next("sendMessage", "429:17")
    outcome = await sender.send(claimed())
    assert outcome == NotSent("too many requests", retry_after=17.0, scope="account")


@pytest.mark.parametrize("fault", ["500", "500_after", "drop_before", "drop_after"])
async def test_nobody_knows(fault: str, sender: TelegramSender, telegram: FakeTelegram) -> None:
    telegram.fail_next("sendMessage", fault)
    assert isinstance(await sender.send(claimed()), Doubtful)
    assert len([c for c in telegram.calls if c.method == "sendMessage"]) == 1  # never again


async def test_time_out(telegram: FakeTelegram) -> None:
    telegram.world.users[LEA].started = True
    async with make_bot(telegram, seconds=0.2) as slow:
        telegram.fail_next("sendMessage", "timeout")
        assert await TelegramSender(slow).send(claimed()) == Doubtful("SocketTimeoutError")
    assert len(telegram.messages(LEA)) == 1


async def test_no_connection(sender: TelegramSender, telegram: FakeTelegram) -> None:
    await telegram.stop()
    await asyncio.sleep(0.05)  # so that the kept connection is seen to be closed
    assert await sender.send(claimed()) == NotSent("no connection")


async def test_refused_token(sender: TelegramSender, telegram: FakeTelegram) -> None:
    telegram.token = "4242:another"
    outcome = await sender.send(claimed())
    assert outcome == NotSent("token refused", retry_after=60.0, scope="account")


def caused(error: TelegramError, cause: BaseException | None) -> TelegramError:
    error.__cause__ = cause
    return error


GROUP = claimed(chat=-100123)
NOBODY_THERE = aiohttp.ClientConnectorError(
    ConnectionKey("127.0.0.1", 1, False, True, None, None, None), OSError()
)
MOVED_ON = BadRequest("Message to edit not found")


@pytest.mark.parametrize(
    ("error", "row", "expected"),
    [
        (RetryAfter(3), GROUP, NotSent("too many requests", 3.0, "chat")),
        (RetryAfter(4000), claimed(), NotSent("too many requests", 4000.0, "chat")),
        (
            NetworkError("Too Many Requests"),  # a 429 that names no time
            claimed(),
            NotSent("too many requests", 0.0, "account"),
        ),
        (Forbidden("bot was kicked"), GROUP, NotSent("bot was kicked", unreachable=True)),
        (BadRequest("Chat not found"), GROUP, NotSent("Chat not found", unreachable=True)),
        (MOVED_ON, claimed(), NotSent("Message to edit not found", permanent=True)),
        (MOVED_ON, claimed(op="edit", target="7/3"), Sent()),
        (
            BadRequest("Button URL 'http://léa.example' is invalid"),
            claimed(),
            NotSent("Button URL … is invalid", permanent=True),
        ),
        (NetworkError("Request Entity Too Large"), claimed(), NotSent("too large", permanent=True)),
        (
            caused(TimedOut(), aiohttp.ConnectionTimeoutError()),
            claimed(),
            NotSent("no connection"),
        ),
        (caused(NetworkError(""), NOBODY_THERE), claimed(), NotSent("no connection")),
        (
            caused(TimedOut(), aiohttp.SocketTimeoutError()),
            claimed(),
            Doubtful("SocketTimeoutError"),
        ),
        (
            caused(NetworkError(""), aiohttp.ServerDisconnectedError()),
            claimed(),
            Doubtful("ServerDisconnectedError"),
        ),
        (NetworkError("Bad Gateway"), claimed(), Doubtful("NetworkError")),
        (TelegramError("Invalid server response"), claimed(), Doubtful("TelegramError")),
        (InvalidToken(), claimed(), NotSent("token refused", 60.0, "account")),
    ],
)
def test_classify(error: TelegramError, row: Claimed, expected: Outcome) -> None:
    assert classify(error, row) == expected


# --- in doubt -----------------------------------------------------------------------------------


async def doubtful(
    sender: TelegramSender, telegram: FakeTelegram, message: Message, fault: str
) -> Claimed:
    """A send of which no answer came, with other people's messages before and after it."""
    await telegram.send(LEA, "bonjour")
    await telegram.send(OPERATOR, "hello")
    sender.saw(OPERATOR, telegram.world.last_id)
    row = claimed(message, op="file" if message.file else "post", row=9, floor=sender.floor())
    method = {None: "sendMessage", "text/csv": "sendDocument", "image/png": "sendPhoto"}[
        message.file.mime if message.file else None
    ]
    await telegram.send(OPERATOR, "meanwhile")
    telegram.fail_next(method, fault)
    assert isinstance(await sender.send(row), Doubtful)
    await sender.send(claimed(chat=OPERATOR, row=10))
    return row


DOCUMENT = Message("Le bilan", file=File("b.csv", b"x"), choices=QUESTION.choices)


@pytest.mark.parametrize("message", [QUESTION, Message("Merci."), DOCUMENT, PHOTO])
@pytest.mark.parametrize("fault", ["drop_after", "500_after"])
async def test_found_again(
    message: Message, fault: str, marking: TelegramSender, telegram: FakeTelegram
) -> None:
    row = await doubtful(marking, telegram, message, fault)
    mine = telegram.messages(LEA)[-1]
    before = (mine.text, mine.markup)
    assert await marking.reconcile([row]) == {9: Sent(f"{LEA}/{mine.id}")}
    assert len(telegram.messages(LEA)) == 2
    assert (mine.text, mine.markup) == before
    assert all(m.text != "·" for m in telegram.messages(OPERATOR))  # the marker is gone


@pytest.mark.parametrize("message", [QUESTION, Message("Merci."), DOCUMENT, PHOTO, FREE])
async def test_proved_absent(
    message: Message, marking: TelegramSender, telegram: FakeTelegram
) -> None:
    row = await doubtful(marking, telegram, message, "drop_before")
    assert await marking.reconcile([row]) == {9: NotSent("not found by the look-up")}


@pytest.mark.parametrize("message", [QUESTION, Message("Merci."), DOCUMENT, FREE])
@pytest.mark.parametrize("arrived", [True, False])
async def test_a_marker_left_behind_is_not_taken_for_a_message(
    message: Message, arrived: bool, marking: TelegramSender, telegram: FakeTelegram
) -> None:
    """Killed between the marker and its deletion; the doubtful message is the operator's own."""
    telegram.fail_next("deleteMessage", "drop_before")
    with pytest.raises(NetworkError):
        await marking._mark()
    [left] = telegram.messages(OPERATOR)
    again = TelegramSender(marking._bot, marker_chat=str(OPERATOR))
    again.saw(OPERATOR, left.id - 1)
    op: Op = "file" if message.file else "post"
    row = claimed(message, op=op, chat=OPERATOR, row=9, floor=again.floor())
    if arrived:
        telegram.fail_next("sendDocument" if message.file else "sendMessage", "drop_after")
        assert isinstance(await again.send(row), Doubtful)
    mine = [m for m in telegram.messages(OPERATOR) if m is not left]
    shown = [(m.text, m.markup) for m in mine]
    found = (await again.reconcile([row]))[9]
    if not arrived:
        assert found == NotSent("not found by the look-up")
    elif message is FREE:
        assert isinstance(found, Doubtful)
    else:
        assert found == Sent(f"{OPERATOR}/{mine[0].id}")
    now = telegram.messages(OPERATOR)
    assert left not in now
    assert [(m.text, m.markup) for m in now] == shown


async def test_a_reply_prompt_is_not_sent_twice(
    marking: TelegramSender, telegram: FakeTelegram
) -> None:
    """It cannot be edited, so it cannot be told from what the person wrote: the policy decides."""
    row = await doubtful(marking, telegram, FREE, "drop_after")
    found = (await marking.reconcile([row]))[9]
    assert isinstance(found, Doubtful)
    assert found.look_again is None


async def test_without_a_marker(sender: TelegramSender, telegram: FakeTelegram) -> None:
    telegram.world.users[OPERATOR].started = True
    row = await doubtful(sender, telegram, QUESTION, "drop_after")
    assert isinstance((await sender.reconcile([row]))[9], Sent)
    absent = await doubtful(sender, telegram, QUESTION, "drop_before")
    found = (await sender.reconcile([absent]))[9]
    assert isinstance(found, Doubtful)  # absence is not proved
    assert found.look_again is None


async def test_a_later_message_marks_the_end_as_well(
    sender: TelegramSender, telegram: FakeTelegram
) -> None:
    """Whatever had to be said anyway, begun when the doubtful one had long arrived."""
    telegram.world.users[OPERATOR].started = True
    absent = await doubtful(sender, telegram, QUESTION, "drop_before")
    later = replace(claimed(chat=OPERATOR, row=11), claimed_at=NOON + timedelta(seconds=6))
    await sender.send(later)
    assert (await sender.reconcile([absent]))[9] == NotSent("not found by the look-up")


async def test_a_message_of_another_row_is_not_taken_for_it(
    marking: TelegramSender, telegram: FakeTelegram
) -> None:
    """A restart, and a floor of before it: what is recorded for others is left alone."""
    await marking.send(claimed(Message("Avant ?", choices=QUESTION.choices), row=8))
    [before] = telegram.messages(LEA)
    again = TelegramSender(marking._bot, marker_chat=str(OPERATOR))
    again.resume([f"{LEA}/{before.id}"])
    row = claimed(row=9, floor=before.id - 1)
    telegram.fail_next("sendMessage", "drop_before")
    assert isinstance(await again.send(row), Doubtful)
    assert await again.reconcile([row]) == {9: NotSent("not found by the look-up")}
    assert not [c for c in telegram.calls if c.method == "editMessageReplyMarkup"]


async def test_the_order_is_known_from_before_a_restart(sender: TelegramSender) -> None:
    sender.resume(["7/41", "-1001234/900", "8/40", "T1/1732180000.000200"])
    assert sender.floor() == 41


async def test_no_floor_or_own_sequence_is_left_to_the_policy(marking: TelegramSender) -> None:
    rows = [claimed(row=1), claimed(row=2, chat="-1001234", floor=3)]
    found = await marking.reconcile(rows)
    assert found == dict.fromkeys((1, 2), Doubtful("cannot be looked up"))


async def test_the_look_up_waits_when_told_to(
    marking: TelegramSender, telegram: FakeTelegram
) -> None:
    row = await doubtful(marking, telegram, QUESTION, "drop_after")
    telegram.fail_next("editMessageReplyMarkup", "429:7")
    assert (await marking.reconcile([row]))[9] == Doubtful("too many requests", 7.0, there=True)
    telegram.fail_next("editMessageReplyMarkup", "drop_before")
    again = (await marking.reconcile([row]))[9]
    assert isinstance(again, Doubtful)
    assert again.look_again is not None


def test_floor_ignores_supergroups(bot_offline: TelegramSender) -> None:
    bot_offline.saw(LEA, 10)
    bot_offline.saw(-1001234567890, 5000)
    bot_offline.saw(LEA, 4)
    assert bot_offline.floor() == 10


@pytest.fixture
def bot_offline() -> TelegramSender:
    return TelegramSender(Bot("1:x"))


def test_limits_are_telegrams() -> None:
    assert [(r.limit, r.seconds >= 1) for r in LIMITS.account] == [(30, True)]
    assert [(r.limit, r.seconds >= 1) for r in LIMITS.chat] == [(1, True)]
    assert [(r.limit, r.seconds >= 60) for r in LIMITS.group] == [(20, True)]
    assert is_group("-5")
    assert not is_group("5")


# --- the fake's own validation -------------------------------------------------------------------


@given(messages)
def test_the_local_telegram_takes_any_message(message: Message) -> None:
    arguments: dict[str, Any] = render(message, 3, 1).arguments()
    remarks: list[str] = []
    if "text" in arguments:
        text, entities = read_text(arguments, "text", "entities", 4096)
        assert text
        assert len(entities) >= len(arguments.get("entities", []))
    else:
        read_text(arguments, "caption", "caption_entities", 1024)
    check_markup(arguments.get("reply_markup"), remarks)
    assert remarks == []
