"""The local Telegram takes what Telegram takes, no more: each limit is exact."""

import contextlib
import html
import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import (
    Bot,
)
from telegram.error import (
    BadRequest,
    InvalidToken,
)

from handlers.local.fake_telegram import FakeTelegram
from handlers.local.ledger import Refused
from handlers.local.telegram_api import ARGUMENTS
from handlers.local.telegram_limits import check_commands, check_markup, check_webhook
from handlers.local.telegram_text import check_entities, parse_html
from tests.fakes_telegram import LEA, Clock, Json, keys, make_bot, raw, refused, send_raw

SPECS = Path(__file__).resolve().parents[2] / "shared" / "specs" / "telegram_bot_api.json"


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
            "inline keyboard button Web App URL 'http://e.org' is invalid: "
            "Only HTTPS links are allowed",
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


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "text",
                    "callback_data",
                    "url",
                    "inline_keyboard",
                    "keyboard",
                    "force_reply",
                    "web_app",
                    "command",
                    "description",
                    "type",
                    "offset",
                    "length",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@given(ANYTHING)
def test_no_json_is_too_strange_to_be_judged(thing: object) -> None:
    for judged in (
        lambda: check_markup(thing, []),
        lambda: check_markup({"inline_keyboard": [[thing]]}, []),
        lambda: check_markup({"keyboard": [[thing]]}, []),
        lambda: check_commands([thing]),
        lambda: check_entities([thing], "abc"),
    ):
        with contextlib.suppress(Refused):
            judged()


@given(st.text(alphabet="<>/&;=\"' abiu#x1é😀"))
def test_any_text_is_read_or_refused_and_an_escaped_one_comes_back_whole(text: str) -> None:
    with contextlib.suppress(Refused):
        parse_html(text)
    assert parse_html(html.escape(text)) == (text, [])
