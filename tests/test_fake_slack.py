"""The local Slack, driven by slack_sdk and slack-bolt: it takes what Slack takes, no more."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import aiohttp.web
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from handlers.local.fake_slack import FakeSlack
from handlers.local.slack_limits import active_marks, check_blocks, check_view
from handlers.local.slack_methods import ARGUMENTS, SCOPES

SPECS = Path(__file__).resolve().parents[2] / "shared" / "specs" / "slack_web_methods.json"
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
async def slack(clock: Clock) -> AsyncIterator[FakeSlack]:
    fake = FakeSlack(clock)
    fake.add_user("ULEA", "Léa Martin", email="lea@example.org")
    fake.add_user("UPAUL", "Paul & Cie", locale="en-GB", tz="Europe/London")
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
def client(slack: FakeSlack) -> AsyncWebClient:
    return web_client(slack)


def web_client(slack: FakeSlack, token: str = "xoxb-local", timeout: int = 5) -> AsyncWebClient:
    return AsyncWebClient(token=token, base_url=slack.base_url, retry_handlers=[], timeout=timeout)


@pytest.fixture
async def app(slack: FakeSlack, client: AsyncWebClient) -> AsyncIterator[AsyncApp]:
    bolt = AsyncApp(client=client, request_verification_enabled=False)
    handler = AsyncSocketModeHandler(bolt, slack.secrets.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await until(lambda: slack.sockets == 1)
    yield bolt
    await handler.close_async()  # type: ignore[no-untyped-call]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - any state of the fake may be waited for
            await asyncio.sleep(0.005)


async def refused(call: Awaitable[Any]) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def post(client: AsyncWebClient, **body: Any) -> None:
    """Without the client's own checks."""
    await client.api_call("chat.postMessage", json={"channel": "ULEA", **body})


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def button(action_id: str = "go", label: str = "Oui", **more: Any) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain(label), **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def section(text: str = "Bonjour", **more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(text), **more}


def option(label: str, value: str | None = None) -> Json:
    return {"text": plain(label), "value": value or label}


def menu(count: int = 1, kind: str = "static_select", **more: Any) -> Json:
    options = [option(f"Choix {i}", str(i)) for i in range(count)]
    return {"type": kind, "action_id": "menu", "options": options, **more}


def typed(**more: Any) -> Json:
    return {"type": "plain_text_input", "action_id": "text", **more}


def ask(element: Json, block_id: str = "q", **more: Any) -> Json:
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain("Ta question"),
        "element": element,
        **more,
    }


def modal(*blocks: Json, **more: Any) -> Json:
    return {
        "type": "modal",
        "title": plain("Demande"),
        "submit": plain("Envoyer"),
        "blocks": list(blocks),
        **more,
    }


# ---------------------------------------------------------------------------- round trips


async def test_a_person_writes_and_bolt_answers(slack: FakeSlack, app: AsyncApp) -> None:
    heard = []

    @app.event("message")
    async def hear(event: Json, say: Any) -> None:
        heard.append(event)
        await say(text="Bonjour Léa", blocks=[section("Bonjour Léa")])

    await slack.dm("ULEA", "a < b & <!channel>")
    await until(lambda: len(slack.messages("ULEA")) == 2)
    assert heard[0]["text"] == "a &lt; b &amp; &lt;!channel&gt;"
    assert heard[0]["channel_type"] == "im"
    assert slack.messages("ULEA")[1].text == "Bonjour Léa"
    assert slack.refusals == []
    assert [c.marks for c in slack.calls if c.method == "chat.postMessage"] == [()]


async def test_a_button_updates_its_message_and_answers_in_private(
    slack: FakeSlack, app: AsyncApp
) -> None:
    bodies = []

    @app.action("go")
    async def pressed(ack: Any, body: Json, respond: Any, client: AsyncWebClient) -> None:
        await ack()
        bodies.append(body)
        channel, ts = body["channel"]["id"], body["message"]["ts"]
        await client.chat_update(channel=channel, ts=ts, text="Noté")
        await respond("Merci", replace_original=False)

    sent = await app.client.chat_postMessage(
        channel="ULEA",
        text="Alors ?",
        blocks=[section(), actions(button(label="A & B", value="yes"), menu(3))],
    )
    await slack.press("ULEA", sent["channel"], sent["ts"], "Choix 2")
    ack = await slack.press("ULEA", "ULEA", sent["ts"], "A & B")
    await until(lambda: len(slack.messages("ULEA")) == 2)
    assert ack.ok
    act = bodies[0]["actions"][0]
    assert (act["value"], act["text"]["text"]) == ("yes", "A &amp; B")
    held = next(iter(bodies[0]["state"]["values"].values()))["menu"]
    assert held["selected_option"]["value"] == "2"
    first, second = slack.messages("ULEA")
    assert (first.text, first.blocks, first.edited) == ("Noté", [], True)
    assert (second.text, second.visible_to) == ("Merci", "ULEA")


async def test_a_modal_lives_through_errors_push_and_clear(slack: FakeSlack, app: AsyncApp) -> None:
    answers: list[Json] = [
        {"response_action": "errors", "errors": {"q": "Trop court"}},
        {"response_action": "push", "view": modal(section("Encore"), callback_id="m")},
        {"response_action": "clear"},
    ]
    values = []

    @app.command("/cordee")
    async def command(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack("Voici")
        view = modal(
            ask(typed(initial_value="x")), ask(menu(2), "m", optional=True), callback_id="m"
        )
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    @app.view("m")
    async def submitted(ack: Any, view: Json) -> None:
        values.append(view["state"]["values"])
        await ack(**answers.pop(0))

    ack = await slack.slash("ULEA", "/cordee", "demande")
    await until(lambda: len(slack.views("ULEA")) == 1)
    assert ack.body == {"text": "Voici"}
    assert slack.messages("ULEA")[0].visible_to == "ULEA"
    view = slack.views("ULEA")[0].id
    missing = await slack.submit_view("ULEA", view, {"q": ""})
    assert (missing.action, missing.by_client, values) == ("errors", True, [])
    wrong = await slack.submit_view("ULEA", view, {"Ta question": "Bonjour", "menu": "Choix 1"})
    assert (wrong.action, wrong.errors, wrong.by_client) == ("errors", {"q": "Trop court"}, False)
    assert values[0]["q"]["text"]["value"] == "Bonjour"
    assert values[0]["m"]["menu"]["selected_option"]["value"] == "1"
    pushed = await slack.submit_view("ULEA", view, {})
    assert pushed.action == "push"
    assert len(slack.views("ULEA")) == 2
    assert pushed.view is not None
    assert (await slack.submit_view("ULEA", pushed.view.id, {})).action == "clear"
    assert slack.views("ULEA") == []
    assert slack.refusals == []


async def test_closing_a_modal_is_told_only_on_request(slack: FakeSlack, app: AsyncApp) -> None:
    closed = []

    @app.view_closed("m")
    async def gone(ack: Any, body: Json) -> None:
        await ack()
        closed.append(body["is_cleared"])

    for notify in (False, True):
        trigger = slack.world.new_trigger("ULEA")
        view = modal(section(), callback_id="m", notify_on_close=notify)
        await app.client.views_open(trigger_id=trigger, view=view)
        await slack.close_view("ULEA")
    assert closed == [False]


async def test_the_home_is_published_and_pressed(slack: FakeSlack, app: AsyncApp) -> None:
    pressed = []

    @app.event("app_home_opened")
    async def opened(event: Json, client: AsyncWebClient) -> None:
        view = {"type": "home", "blocks": [section(accessory=button("edit", "Modifier"))]}
        await client.views_publish(user_id=event["user"], view=view)

    @app.action("edit")
    async def edit(ack: Any, body: Json) -> None:
        await ack()
        pressed.append(body["container"])

    assert await slack.open_home("ULEA")
    await until(lambda: slack.home("ULEA") is not None)
    home = slack.home("ULEA")
    assert home is not None
    await slack.press_view("ULEA", home.id, "Modifier")
    assert pressed == [{"type": "view", "view_id": home.id}]


async def test_a_repeated_event_keeps_its_id_and_says_it_is_a_retry(
    slack: FakeSlack, app: AsyncApp
) -> None:
    seen = []

    @app.event("message")
    async def hear(body: Json, request: Any) -> None:
        seen.append((body["event_id"], request.headers.get("x-slack-retry-num")))

    await slack.dm("ULEA", "Bonjour", repeat=2)
    await until(lambda: len(seen) == 2)
    assert seen[0][0] == seen[1][0]
    assert seen[1][1] == ["1"]


async def test_signed_http_and_retries_when_no_socket_is_open(slack: FakeSlack) -> None:
    verifier = SignatureVerifier(slack.secrets.signing_secret)
    got: list[tuple[bool, str | None]] = []

    async def receive(request: aiohttp.web.Request) -> aiohttp.web.Response:
        body = await request.text()
        headers = dict(request.headers)
        got.append((verifier.is_valid_request(body, headers), headers.get("X-Slack-Retry-Num")))
        return aiohttp.web.Response(status=500 if len(got) == 1 else 200)

    server = aiohttp.web.Application()
    server.router.add_post("/slack", receive)
    runner = aiohttp.web.AppRunner(server)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack"
    slack.event_retries = (0.01, 0.01)
    await slack.dm("ULEA", "Bonjour")
    await until(lambda: len(got) == 2 and not slack.undelivered)
    assert got == [(True, None), (True, "1")]
    assert [d.ok for d in slack.deliveries] == [False, True]
    await runner.cleanup()


async def test_what_nobody_heard_is_delivered_later(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    await slack.dm("ULEA", "Il y a quelqu'un ?")
    assert len(slack.undelivered) == 1
    bolt = AsyncApp(client=client, request_verification_enabled=False)
    heard = []

    @bolt.event("message")
    async def hear(event: Json) -> None:
        heard.append(event["text"])

    handler = AsyncSocketModeHandler(bolt, slack.secrets.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await until(lambda: slack.sockets == 1)
    assert await slack.redeliver() == 1
    await until(lambda: len(heard) == 1)
    await handler.close_async()  # type: ignore[no-untyped-call]


async def test_a_file_goes_up_in_three_steps(slack: FakeSlack, client: AsyncWebClient) -> None:
    channel = (await client.conversations_open(users="ULEA"))["channel"]["id"]
    await client.files_upload_v2(
        channel=channel, filename="bilan.csv", content="a;é\n", title="Bilan"
    )
    message = slack.messages("ULEA")[0]
    file = slack.file(message.files[0])
    assert (file.content, file.title, file.length) == ("a;é\n".encode(), "Bilan", 5)
    grant = await client.files_getUploadURLExternal(filename="x.csv", length=3)
    files = [{"id": grant["file_id"], "title": "x"}]
    assert (
        await refused(client.files_completeUploadExternal(files=files, channel_id=channel))
        == "file_not_found"
    )


async def test_history_finds_a_message_by_its_metadata(
    slack: FakeSlack, client: AsyncWebClient, clock: Clock
) -> None:
    stamps = []
    for i in range(3):
        meta = {"event_type": "cordee_outbox", "event_payload": {"id": str(i)}}
        sent = await client.chat_postMessage(channel="ULEA", text=f"n° {i}", metadata=meta)
        stamps.append(sent["ts"])
        clock.time += timedelta(minutes=1)
    channel = slack.world.dm_of("ULEA").id
    page = await client.conversations_history(
        channel=channel, oldest=stamps[0], limit=1, include_all_metadata=True
    )
    assert [m["metadata"]["event_payload"]["id"] for m in page["messages"]] == ["2"]
    assert page["has_more"]
    cursor = page["response_metadata"]["next_cursor"]
    rest = await client.conversations_history(
        channel=channel, oldest=stamps[0], limit=1, cursor=cursor
    )
    assert [m["text"] for m in rest["messages"]] == ["n° 1"]
    assert "metadata" not in rest["messages"][0]
    await client.chat_postMessage(channel=channel, thread_ts=stamps[0], text="réponse")
    thread = await client.conversations_replies(channel=channel, ts=stamps[0])
    assert [m["text"] for m in thread["messages"]] == ["n° 0", "réponse"]


async def test_people_are_looked_up(slack: FakeSlack, client: AsyncWebClient) -> None:
    user = (await client.users_info(user="ULEA", include_locale=True))["user"]
    assert (user["locale"], user["tz"], user["tz_offset"]) == ("fr-FR", "Europe/Paris", 7200)
    assert (await client.users_lookupByEmail(email="LEA@example.org"))["user"]["id"] == "ULEA"
    assert await refused(client.users_lookupByEmail(email="no@example.org")) == "users_not_found"
    assert (await client.auth_test())["user_id"] == "U0CORDEE"
    assert await refused(client.team_info()) == "missing_scope"


# ---------------------------------------------------------------------------- refusals

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
    slack: FakeSlack, how: str, shown: int
) -> None:
    hasty = web_client(slack, timeout=1)
    slack.fail_next("chat.postMessage", how)
    with pytest.raises((aiohttp.ClientError, TimeoutError, SlackApiError)):
        await hasty.chat_postMessage(channel="ULEA", text="t")
    assert len(slack.messages("ULEA")) == shown
    assert slack.calls[-1].fault == how
    await hasty.chat_postMessage(channel="ULEA", text="t")
    assert len(slack.messages("ULEA")) == shown + 1


async def test_rates_are_enforced_on_request_only(slack: FakeSlack, client: AsyncWebClient) -> None:
    slack.fail_next("chat.postMessage", "429:7")
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="ULEA", text="t")
    assert caught.value.response.headers["Retry-After"] == "7"
    for _ in range(2):
        await client.chat_postMessage(channel="ULEA", text="t")
    slack.enforce_rate = True
    await client.chat_postMessage(channel="ULEA", text="t")
    assert await refused(client.chat_postMessage(channel="ULEA", text="t")) == "ratelimited"
    await client.chat_postMessage(channel="UPAUL", text="t")
    with pytest.raises(ValueError, match="unknown fault"):
        slack.fail_next("chat.postMessage", "explode")


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("a &lt; b &amp; c", []),
        ("> cité\n>> encore", []),
        ("<!channel> et <@U1>", ["<!channel>", "<@U1>"]),
        ("<https://e.org|ici>", ["<https://e.org|ici>"]),
        ("voir https://e.org/x.", ["https://e.org/x."]),
        ("1 < 2", ["<"]),
        ("a > b", [">"]),
    ],
)
def test_active_marks_are_found(text: str, marks: list[str]) -> None:
    assert active_marks(text) == marks


async def test_the_ledger_tells_marks_wherever_mrkdwn_is_read(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    blocks = [section("<!here>"), {"type": "header", "text": plain("<!channel>")}]
    await client.chat_postMessage(channel="ULEA", text="ok", blocks=blocks)
    assert slack.calls[-1].marks == ("<!here>",)
    await post(client, text="", blocks=[section()])
    assert slack.calls[-1].remarks == (
        "no text beside the blocks, for notifications and screen readers",
    )


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
