"""The local Slack takes what Slack takes, no more: each limit is exact."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import aiohttp.web
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.local.fake_slack import FakeSlack
from handlers.local.slack_limits import (
    BLOCK_FIELDS,
    ELEMENT_FIELDS,
    active_marks,
    check_blocks,
    check_view,
)
from handlers.local.slack_methods import ARGUMENTS, SCOPES
from handlers.local.slack_world import escape
from tests.fakes_slack import (
    Clock,
    Json,
    actions,
    ask,
    button,
    menu,
    modal,
    mrkdwn,
    option,
    plain,
    post,
    refused,
    section,
    typed,
    web_client,
)

SPECS = Path(__file__).resolve().parents[2] / "shared" / "specs" / "slack_web_methods.json"

LONG_MARKDOWN = {"type": "markdown", "text": "m" * 12_000}
ACCEPTED_AND_REFUSED: list[tuple[str, Callable[[int], list[Json]], int]] = [
    ("blocks of a message", lambda n: [{"type": "divider"} for _ in range(n)], 50),
    ("block_id", lambda n: [section(block_id="b" * n)], 255),
    ("action_id", lambda n: [actions(button("a" * n))], 255),
    ("section text", lambda n: [section("t" * n)], 3000),
    ("section fields", lambda n: [{"type": "section", "fields": [mrkdwn("f")] * n}], 10),
    ("section field", lambda n: [{"type": "section", "fields": [mrkdwn("f" * n)]}], 2000),
    ("header", lambda n: [{"type": "header", "text": plain("h" * n)}], 150),
    ("context elements", lambda n: [{"type": "context", "elements": [mrkdwn("c")] * n}], 10),
    ("actions", lambda n: [actions(*(button(f"a{i}") for i in range(n)))], 25),
    ("button label", lambda n: [actions(button(label="é" * n))], 75),
    ("button value", lambda n: [actions(button(value="v" * n))], 2000),
    ("options", lambda n: [actions(menu(n))], 100),
    ("radio buttons", lambda n: [actions(menu(n, "radio_buttons"))], 10),
    ("checkboxes", lambda n: [actions(menu(n, "checkboxes"))], 10),
    ("overflow", lambda n: [actions(menu(n, "overflow"))], 5),
    ("option label", lambda n: [actions({**menu(0), "options": [option("o" * n, "v")]})], 75),
    ("option value", lambda n: [actions({**menu(0), "options": [option("o", "v" * n)]})], 150),
    ("placeholder", lambda n: [actions(menu(placeholder=plain("p" * n)))], 150),
    ("markdown", lambda n: [{"type": "markdown", "text": "m" * n}], 12_000),
    (
        "alt text",
        lambda n: [{"type": "image", "image_url": "https://e.org/i", "alt_text": "a" * n}],
        2000,
    ),
    ("input label", lambda n: [{**ask(typed()), "label": plain("l" * n)}], 2000),
    ("hint", lambda n: [ask(typed(), hint=plain("h" * n))], 2000),
    ("max_length", lambda n: [ask(typed(max_length=n))], 3000),
    (
        "table rows",
        lambda n: [{"type": "table", "rows": [[{"type": "raw_text", "text": "c"}]] * n}],
        100,
    ),
]


@pytest.mark.parametrize(
    ("what", "made", "most"), ACCEPTED_AND_REFUSED, ids=[c[0] for c in ACCEPTED_AND_REFUSED]
)
async def test_each_limit_of_a_message_is_exact(
    client: AsyncWebClient, what: str, made: Callable[[int], list[Json]], most: int
) -> None:
    await client.chat_postMessage(channel="ULEA", text="t", blocks=made(most))
    assert (
        await refused(client.chat_postMessage(channel="ULEA", text="t", blocks=made(most + 1)))
        == "invalid_blocks"
    )


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("title", 24),
        ("submit", 24),
        ("close", 24),
        ("private_metadata", 3000),
        ("callback_id", 255),
        ("external_id", 255),
    ],
)
async def test_each_limit_of_a_modal_is_exact(
    slack: FakeSlack, client: AsyncWebClient, name: str, most: int
) -> None:
    def view(length: int) -> Json:
        value = "x" * length
        return modal(section()) | {name: plain(value) if most == 24 else value}

    await client.views_open(trigger_id=slack.world.new_trigger("ULEA"), view=view(most))
    again = client.views_open(trigger_id=slack.world.new_trigger("ULEA"), view=view(most + 1))
    assert await refused(again) == "invalid_arguments"


@pytest.mark.parametrize(
    "block",
    [
        {"type": "carousel_of_horrors"},
        section(colour="red"),
        {"type": "section"},
        section(""),
        section("   "),
        actions(),
        actions(typed()),
        actions({"type": "file_input", "action_id": "f"}),
        ask({"type": "file_input", "action_id": "f"}),
        actions(menu(kind="multi_static_select")),
        actions(button(style="quiet")),
        actions(button(url="not an address")),
        actions(button("same"), button("same")),
        actions({**menu(2), "initial_option": option("Choix 9", "9")}),
        actions({**menu(2), "options": [{"value": "v"}]}),
        actions({**menu(2), "options": [{"text": mrkdwn("o"), "value": "v"}]}),
        actions({"type": "static_select", "action_id": "a"}),
        actions({"type": "datepicker", "action_id": "d", "initial_date": "6/10/2026"}),
        actions({"type": "button", "action_id": "a", "text": mrkdwn("x")}),
        {"type": "image", "alt_text": "a", "image_url": "file:///etc/passwd"},
        {"type": "header", "text": mrkdwn("h")},
        ask({"type": "number_input", "action_id": "n"}),
        "not a block",
    ],
)
async def test_a_block_slack_does_not_take_is_refused(
    slack: FakeSlack, client: AsyncWebClient, block: Any
) -> None:
    sent = client.api_call(
        "chat.postMessage", json={"channel": "ULEA", "text": "t", "blocks": [block]}
    )
    with pytest.raises(SlackApiError) as caught:
        await sent
    assert caught.value.response["error"] == "invalid_blocks"
    assert "[json-pointer:/blocks/0" in caught.value.response["response_metadata"]["messages"][0]
    assert slack.refusals[-1].error == "invalid_blocks"
    assert slack.messages("ULEA") == []


def test_duplicate_block_ids_and_modal_rules_are_seen() -> None:
    twice = [section(block_id="b"), section(block_id="b")]
    assert len(check_blocks(twice, "message").messages) == 1
    without_submit = modal(ask(typed()))
    del without_submit["submit"]
    assert len(check_view(without_submit, "modal").messages) == 1
    assert check_view(modal(ask({"type": "file_input", "action_id": "f"})), "modal").messages == []
    assert check_view({"type": "home", "title": plain("t"), "blocks": []}, "home").messages
    assert check_view(modal(LONG_MARKDOWN), "modal").messages
    focus = [ask(typed(focus_on_load=True), b) for b in "ab"]
    assert len(check_view(modal(*focus), "modal").messages) == 1


async def test_the_text_of_a_message_has_its_own_limits(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    just = [section("x" * 2200) for _ in range(6)]
    sent = await client.chat_postMessage(channel="ULEA", text="t", blocks=just)
    over = [*just, section("x")]
    assert (
        await refused(client.chat_postMessage(channel="ULEA", text="t", blocks=over))
        == "msg_blocks_too_long"
    )
    assert await refused(post(client, text=" ")) == "no_text"
    assert (
        await refused(client.chat_postMessage(channel="ULEA", text="t", blocks="nonsense"))
        == "invalid_blocks_format"
    )
    at = {"channel": sent["channel"], "ts": sent["ts"]}
    await client.chat_update(**at, text="x" * 4000)
    assert await refused(client.chat_update(**at, text="x" * 4001)) == "msg_too_long"
    meta: Any = {"event_type": "cordee"}
    assert (
        await refused(client.chat_postMessage(channel="ULEA", text="t", metadata=meta))
        == "invalid_metadata_schema"
    )


async def test_state_of_the_world_is_refused_without_blame(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    theirs = await slack.dm("ULEA", "Bonjour")
    channel = slack.world.dm_of("ULEA").id
    assert (
        await refused(client.chat_update(channel=channel, ts=theirs, text="x"))
        == "cant_update_message"
    )
    assert await refused(client.chat_delete(channel=channel, ts="1.000001")) == "message_not_found"
    assert (
        await refused(client.chat_update(channel="ULEA", ts=theirs, text="x"))
        == "channel_not_found"
    )
    assert (
        await refused(client.chat_postMessage(channel="UNOBODY", text="x")) == "channel_not_found"
    )
    slack.add_channel("C1", "general", ["ULEA"], has_bot=False)
    assert await refused(client.chat_postMessage(channel="C1", text="x")) == "not_in_channel"
    slack.deactivate("ULEA")
    assert await refused(client.conversations_open(users="ULEA")) == "user_disabled"
    assert await refused(client.chat_postMessage(channel=channel, text="x")) == "is_archived"
    errors = {r.error for r in slack.refusals}
    assert errors == {"cant_update_message", "channel_not_found"}


async def test_tokens_methods_and_scopes(slack: FakeSlack, client: AsyncWebClient) -> None:
    assert await refused(web_client(slack, "").auth_test()) == "not_authed"
    assert await refused(web_client(slack, "xoxb-other").auth_test()) == "invalid_auth"
    assert await refused(web_client(slack, "xapp-local").auth_test()) == "not_allowed_token_type"
    assert await refused(client.api_call("chat.shout")) == "unknown_method"
    assert (
        await refused(client.api_call("chat.postMessage", json={"text": "t"}))
        == "invalid_arguments"
    )
    await client.api_call(
        "chat.postMessage", json={"channel": "ULEA", "text": "t", "colour": "red"}
    )
    assert slack.refusals[-1].error == "unknown argument: colour"


async def test_a_trigger_opens_one_view_within_three_seconds(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    trigger = slack.world.new_trigger("ULEA")
    view = modal(section())
    opened = await client.views_open(trigger_id=trigger, view=view)
    assert await refused(client.views_open(trigger_id=trigger, view=view)) == "exchanged_trigger_id"
    assert await refused(client.views_open(trigger_id="forged", view=view)) == "invalid_trigger_id"
    late = slack.world.new_trigger("ULEA")
    slack.world.triggers[late].born -= 3.1
    assert await refused(client.views_open(trigger_id=late, view=view)) == "expired_trigger_id"
    await client.views_update(view_id=opened["view"]["id"], hash=opened["view"]["hash"], view=view)
    stale = client.views_update(
        view_id=opened["view"]["id"], hash=opened["view"]["hash"], view=view
    )
    assert await refused(stale) == "hash_conflict"
    inside = opened["view"]["id"]
    for _ in range(2):
        await client.views_push(trigger_id=slack.world.new_trigger("ULEA", inside), view=view)
    fourth = client.views_push(trigger_id=slack.world.new_trigger("ULEA", inside), view=view)
    assert await refused(fourth) == "push_limit_reached"


async def test_inputs_keep_their_state_only_under_the_same_ids(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    opened = await client.views_open(
        trigger_id=slack.world.new_trigger("ULEA"), view=modal(ask(typed(), "a"), ask(typed(), "b"))
    )
    view = slack.views("ULEA")[0]
    view.state["a"]["text"]["value"] = view.state["b"]["text"]["value"] = "écrit"
    await client.views_update(
        view_id=opened["view"]["id"], view=modal(ask(typed(), "a"), ask(typed(), "c"))
    )
    assert {b: held["text"]["value"] for b, held in view.state.items()} == {"a": "écrit", "c": None}


async def test_a_response_url_serves_five_times_in_thirty_minutes(
    slack: FakeSlack, app: AsyncApp, clock: Clock
) -> None:
    urls = []

    @app.action("go")
    async def pressed(ack: Any, body: Json) -> None:
        await ack()
        urls.append(body["response_url"])

    sent = await app.client.chat_postMessage(channel="ULEA", text="t", blocks=[actions(button())])
    for _ in range(2):
        await slack.press("ULEA", "ULEA", sent["ts"], "Oui")
    async with aiohttp.ClientSession() as http:

        async def respond(url: str, **body: Any) -> str:
            async with http.post(url, json=body) as response:
                return await response.text()

        assert "invalid_blocks" in await respond(urls[0], text="t", blocks=[{"type": "x"}])
        assert await respond(urls[0], text="remplacé", replace_original=True) == "ok"
        assert slack.messages("ULEA")[0].text == "remplacé"
        for _ in range(2):
            assert await respond(urls[0], text="encore") == "ok"
        assert await respond(urls[0], delete_original=True) == "ok"
        assert json.loads(await respond(urls[0], text="trop"))["error"] == "used_url"
        clock.time += timedelta(minutes=31)
        assert json.loads(await respond(urls[1], text="tard"))["error"] == "expired_url"
    assert [m.visible_to for m in slack.messages("ULEA")] == ["ULEA", "ULEA"]


async def test_an_invalid_answer_to_a_submission_is_a_refusal(
    slack: FakeSlack, app: AsyncApp
) -> None:
    @app.view("m")
    async def submitted(ack: Any) -> None:
        await ack(response_action="errors", errors={"nowhere": "x"})

    trigger = slack.world.new_trigger("ULEA")
    opened = await app.client.views_open(trigger_id=trigger, view=modal(section(), callback_id="m"))
    answer = await slack.submit_view("ULEA", opened["view"]["id"], {})
    assert answer.action == "failed"
    assert slack.refusals[-1].error == "invalid_errors"


def test_the_methods_agree_with_the_published_list() -> None:
    if not SPECS.exists():
        pytest.skip("the list of methods is not at hand")
    published = json.loads(SPECS.read_text(encoding="utf-8"))
    for method, (required, optional) in ARGUMENTS.items():
        arguments = published[method]["args"]
        assert set(required.split()) == {n for n, a in arguments.items() if a.get("required")}, (
            method
        )
        assert set(optional.split()) - {"client_msg_id"} <= set(arguments), method
        scopes = published[method].get("bot_scopes")
        if method in SCOPES and scopes:
            assert SCOPES[method] in scopes, method


NAMES = sorted({name for _, fields in ELEMENT_FIELDS.values() for name in fields})
NAMES += ["type", "text", "elements", "element", "accessory", "options", "label", "blocks"]
KINDS = sorted({*BLOCK_FIELDS, *ELEMENT_FIELDS, "plain_text", "mrkdwn", "modal", "home"})
ANYTHING = st.recursive(
    st.none() | st.integers(-5, 5) | st.text(max_size=3) | st.sampled_from(KINDS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
        | st.builds(
            lambda kind, rest: {**rest, "type": kind},
            st.sampled_from(KINDS),
            st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
        )
    ),
    max_leaves=20,
)


@given(ANYTHING)
def test_no_json_is_too_strange_to_be_judged(thing: Any) -> None:
    for surface in ("message", "modal", "home"):
        check_blocks(thing, surface)
        check_blocks([thing], surface)
        check_view(thing, surface)


@given(st.text())
def test_escaped_text_has_no_active_mark_but_bare_addresses(text: str) -> None:
    assert [m for m in active_marks(escape(text)) if not m.startswith("http")] == []
