"""Payloads of the real shape, one file each, and what they mean to the bot."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.events import Author, Commanded, Event, Opened, Pressed, Said, Submitted
from bot.messages import MessageRef
from handlers.slack import inbound
from handlers.slack.manifest import Texts, app_manifest
from scheduling.inbox import InboxMeta

PAYLOADS = Path(__file__).parent / "payloads" / "slack"
NAMES = sorted(path.stem for path in PAYLOADS.glob("*.json"))
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
LEA = Author("slack", "T0CORDEE/U0LEA", "slack:T0CORDEE")
LEA_NAMED = Author("slack", "T0CORDEE/U0LEA", "slack:T0CORDEE", name="lea.martin")
ON = MessageRef("D0LEA", "1795253401.000100")
HOOK = "https://hooks.slack.com/actions/T0CORDEE/1/invented"


def payload(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def read(name: str) -> Event | None:
    return inbound.read(payload(name), NOW)


def at(ts: float) -> datetime:
    return datetime.fromtimestamp(ts, UTC)


def test_what_is_typed_comes_in_as_typed() -> None:
    assert read("message_im") == Said(
        id="Ev08LEA0001",
        author=LEA,
        at=at(1795253400.0002),
        text="R&D <ici> *gras* : exemple.fr/a lea@exemple.fr @U0ZOE",
    )


def test_a_text_with_a_file_is_a_text() -> None:
    said = read("message_file_share")
    assert isinstance(said, Said)
    assert said.text == "mon CV"


@pytest.mark.parametrize(
    "name",
    [
        "app_home_messages_tab",
        "button_link",
        "message_changed",
        "message_channel",
        "message_own",
        "static_select_emptied",
        "tokens_revoked",
        "view_closed",
    ],
)
def test_what_is_not_for_the_bot_is_nothing(name: str) -> None:
    assert read(name) is None


def test_home_opened() -> None:
    opened = Opened(id="Ev08LEA0006", author=LEA, at=at(1795253402.5), surface="home")
    assert read("app_home_opened") == opened


def test_a_mention_with_words_is_a_command() -> None:
    found = read("app_mention")
    assert isinstance(found, Commanded)
    assert (found.name, found.args, found.private) == ("bilan", "2026T3", False)


def test_a_mention_in_passing_is_a_knock() -> None:
    found = read("app_mention_in_passing")
    assert isinstance(found, Opened)
    assert not found.private


def test_a_button_means_its_value_and_never_its_label() -> None:
    found = read("button")
    assert found == Pressed(
        id=inbound.keys(payload("button"))[0],
        author=LEA_NAMED,
        at=at(1795253405.123456),
        reply_url=HOOK,
        token="a:c7:situation:employed",
        on=ON,
        can_open_form=True,
    )


def test_a_button_in_the_home_is_on_no_message() -> None:
    found = read("button_home")
    assert isinstance(found, Pressed)
    assert (found.on, found.private, found.reply_url) == (None, True, None)


def test_a_message_for_one_pair_of_eyes_cannot_be_edited() -> None:
    found = read("button_ephemeral")
    assert isinstance(found, Pressed)
    assert (found.on, found.private, found.reply_url) == (None, False, HOOK)


def test_a_menu_means_its_entry() -> None:
    found = read("static_select")
    assert isinstance(found, Pressed)
    assert (found.token, found.picked) == ("a:c7:sector:s3", None)


def test_a_multiple_menu_says_what_it_holds() -> None:
    found = read("multi_select")
    assert isinstance(found, Pressed)
    assert (found.token, found.picked) == ("a:c7:topics:", ("cv", "pay"))


def test_the_button_that_validates_says_what_its_menu_holds() -> None:
    found = read("multi_select_done")
    assert isinstance(found, Pressed)
    assert (found.token, found.picked) == ("a:c7:topics:done", ("cv", "pay"))


def test_without_a_state_the_selection_is_not_known() -> None:
    body = payload("multi_select_done")
    del body["state"]
    found = inbound.read(body, NOW)
    assert isinstance(found, Pressed)
    assert found.picked is None


def test_a_form_by_field() -> None:
    found = read("view_submission")
    assert found == Submitted(
        id=inbound.keys(payload("view_submission"))[0],
        author=LEA_NAMED,
        at=NOW,
        token="f:c7:p1",
        values={
            "wish": "<!channel> R&D",
            "empty": None,
            "delay": "now",
            "town": None,
            "topics": ("cv", "pay"),
            "some": None,
            "day": "2026-02-28",
        },
    )


@pytest.mark.parametrize(
    ("blocks", "names"),
    [
        ([{"type": "input", "block_id": "a"}, {"type": "section"},
          {"type": "input", "block_id": "b"}], ["a", "b"]),
        (["input", None, {"type": "input"}, {"type": "input", "block_id": 7}], []),
        ("input", []),
        (None, []),
    ],
)  # fmt: skip
def test_the_fields_of_a_form_in_whatever_shape_it_comes(blocks: object, names: list[str]) -> None:
    payload = {"view": {"type": "modal", "blocks": blocks}}
    assert inbound.fields(payload) == names
    assert inbound.in_modal(payload)
    assert inbound.fields({"view": "modal"}) == []
    assert not inbound.in_modal({"view": "modal"})


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ({}, True),
        ({"command": "/cordee"}, True),
        ({"actions": [{"action_id": "a", "block_id": "b"}], "view": None}, True),
        ({"command": ["/cordee"]}, False),
        ({"event": {"type": 7}}, False),
        ({"actions": [{"action_id": {"a": 1}}]}, False),
        ({"view": {"callback_id": []}}, False),
        ({"type": "block_actions", "actions": [{"action_id": "a", "type": "button"}]}, True),
        ({"type": "block_actions", "actions": [{"action_id": "a"}]}, False),
        ({"type": "block_actions", "actions": [{"type": "button"}]}, False),
        ({"type": "block_actions", "actions": []}, False),
        ({"type": "view_submission", "view": {"callback_id": "", "type": "modal"}}, True),
        ({"type": "view_submission", "view": {"type": "modal"}}, False),
        ({"type": "view_submission"}, False),
    ],
)
def test_what_names_its_listener_is_words(payload: dict[str, Any], named: bool) -> None:
    assert inbound.is_named(payload) == named


def test_a_command_with_the_rest_of_its_line() -> None:
    assert read("command") == Commanded(
        id="c:1795253410.222.a1b2c3d4e5f6",
        author=LEA_NAMED,
        at=NOW,
        private=False,
        reply_url="https://hooks.slack.com/commands/T0CORDEE/1/invented",
        name="bilan",
        args="2026T3 & co",
    )


def test_a_bare_command_in_private() -> None:
    found = read("command_bare")
    assert isinstance(found, Commanded)
    assert (found.name, found.args, found.private) == ("", "", True)


def test_one_person_is_one_account_whatever_team_slack_reports() -> None:
    wrote, pressed = read("message_im_enterprise"), read("button_enterprise")
    assert wrote is not None
    assert pressed is not None
    assert wrote.author.account == pressed.author.account == "T0CORDEE/W0GRID"
    assert wrote.author.bot_account == "slack:T0CORDEE"


def test_our_own_name_counts_more_than_the_payload() -> None:
    found = inbound.read(payload("message_im"), NOW, "slack:T1")
    assert found is not None
    assert (found.author.account, found.author.bot_account) == ("T1/U0LEA", "slack:T1")


# --- keys ------------------------------------------------------------------------------------


def test_keys_are_short_stable_and_distinct() -> None:
    keys = {name: inbound.keys(payload(name)) for name in NAMES}
    assert all(0 < len(event) <= 128 for event, _ in keys.values())
    assert keys["message_im"] == ("Ev08LEA0001", "D0LEA/1795253400.000200")
    assert keys["app_mention"][1] is None
    assert keys == {name: inbound.keys(payload(name)) for name in NAMES}
    presses = [keys[n][0] for n in NAMES if keys[n][0].startswith("i:")]
    assert len(presses) == len(set(presses)) == 11


def test_a_second_click_is_another_event() -> None:
    first, second = payload("button"), payload("button")
    second["trigger_id"] = "1795253999.111.ffffffffffff"
    assert inbound.keys(first) != inbound.keys(second)


def test_the_reader_of_the_inbox() -> None:
    meta = InboxMeta("slack", "slack:T0CORDEE", "Ev08LEA0001", NOW)
    raw = json.dumps(payload("message_im")).encode()
    assert inbound.reader(raw, meta) == read("message_im")
    for broken in (b"[]", b"{", b'"x"'):
        with pytest.raises(ValueError):  # noqa: PT011 - what the inbox calls malformed
            inbound.reader(broken, meta)


# --- anything at all --------------------------------------------------------------------------

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)  # fmt: skip


def places(thing: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    inner = (
        thing.items()
        if isinstance(thing, dict)
        else enumerate(thing)
        if isinstance(thing, list)
        else ()
    )
    for key, value in inner:
        found += places(value, (*path, key))
    return found


@given(st.sampled_from(NAMES), st.data())
def test_a_payload_bent_anywhere_is_still_an_event_or_nothing(
    name: str, data: st.DataObject
) -> None:
    body = copy.deepcopy(payload(name))
    for _ in range(data.draw(st.integers(1, 3))):
        where = data.draw(st.sampled_from(places(body)))
        holder: Any = body
        for step in where[:-1]:
            holder = holder[step]
        if data.draw(st.booleans()):
            del holder[where[-1]]
        else:
            holder[where[-1]] = data.draw(JUNK)
    found = inbound.read(body, NOW)
    event_key, message_key = inbound.keys(body)
    assert 0 < len(event_key) <= 128
    assert message_key is None or len(message_key) <= 128
    assert found is None or found.author.account.count("/") >= 1
    assert found is None or found.at.tzinfo is not None


@given(st.text(alphabet="abc<>&|@#!:;*é ", max_size=30))
def test_what_slack_escapes_is_unescaped(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert inbound.unescape(escaped) == text


# --- manifest ---------------------------------------------------------------------------------

TEXTS = Texts("Cordée", "Le mentorat, dans la messagerie.", "Parler à Cordée")


def test_manifest_for_sockets() -> None:
    found = app_manifest(["aide", "profil"], None, socket_mode=True, texts=TEXTS)
    assert found["settings"]["socket_mode_enabled"] is True
    assert "request_url" not in json.dumps(found)
    assert found["features"]["slash_commands"][0]["usage_hint"] == "aide | profil"
    assert found["features"]["app_home"]["messages_tab_read_only_enabled"] is False
    assert {"chat:write", "im:history", "commands"} <= set(found["oauth_config"]["scopes"]["bot"])


def test_manifest_for_http_names_our_address_three_times() -> None:
    found = app_manifest(["aide"], "https://cordee.example/", socket_mode=False, texts=TEXTS)
    assert json.dumps(found).count("https://cordee.example/slack/events") == 3
    with pytest.raises(ValueError, match="public address"):
        app_manifest([], None, socket_mode=False, texts=TEXTS)
