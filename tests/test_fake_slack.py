"""The local Slack, driven by slack_sdk and slack-bolt: what people do reaches the application."""

import ast
from datetime import timedelta
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
from handlers.local.slack_limits import active_marks
from tests.fakes_slack import (
    Clock,
    Json,
    actions,
    ask,
    button,
    menu,
    modal,
    plain,
    post,
    refused,
    section,
    typed,
    until,
    web_client,
)


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

    @app.action("menu")
    async def chosen(ack: Any) -> None:
        await ack()

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


async def test_a_refreshed_socket_reconnects_and_two_sockets_share_the_events(
    slack: FakeSlack, app: AsyncApp
) -> None:
    heard = []

    @app.event("message")
    async def hear(event: Json) -> None:
        heard.append(event["text"])

    await slack.disconnect_sockets()
    await until(lambda: slack.sockets == 1)
    second = AsyncSocketModeHandler(app, slack.secrets.app_token)
    await second.connect_async()  # type: ignore[no-untyped-call]
    await until(lambda: slack.sockets == 2)
    for i in range(4):
        await slack.dm("ULEA", f"n° {i}")
    await until(lambda: len(heard) == 4)
    assert sorted(heard) == [f"n° {i}" for i in range(4)]
    assert all(d.ok for d in slack.deliveries)
    await second.close_async()  # type: ignore[no-untyped-call]


async def test_a_late_or_forged_click_reaches_the_application(
    slack: FakeSlack, app: AsyncApp
) -> None:
    values = []

    @app.action("go")
    async def pressed(ack: Any, action: Json) -> None:
        await ack()
        values.append(action["value"])

    sent = await app.client.chat_postMessage(channel="ULEA", text="Trop tard")
    assert (
        await slack.press_forged("ULEA", "ULEA", sent["ts"], {"action_id": "go", "value": "x"})
    ).ok
    assert values == ["x"]
    with pytest.raises(ValueError, match="nothing called 'Oui' here"):
        await slack.press("ULEA", "ULEA", sent["ts"], "Oui")
    with pytest.raises(ValueError, match="sees no message"):
        await slack.press("UPAUL", "UPAUL", sent["ts"], "Oui")


async def test_a_click_nobody_acknowledges_is_a_refusal(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    sent = await client.chat_postMessage(channel="ULEA", text="t", blocks=[actions(button())])
    assert not (await slack.press("ULEA", "ULEA", sent["ts"], "Oui")).ok
    assert not (await slack.slash("ULEA", "/cordee")).ok
    assert [r.error for r in slack.refusals] == ["operation_timeout"] * 2


async def test_the_page_is_told_of_every_change(slack: FakeSlack, client: AsyncWebClient) -> None:
    told = []
    slack.on_change = lambda: told.append(len(slack.messages("ULEA")))
    await client.chat_postMessage(channel="ULEA", text="t")
    assert told == [1]


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


def test_the_platforms_know_nothing_of_the_product() -> None:
    folder = Path(__file__).parents[1] / "handlers" / "local"
    judges = [*folder.glob("*slack*.py"), *folder.glob("*telegram*.py"), folder / "ledger.py"]
    assert len(judges) > 10
    for module in judges:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            top = {name.partition(".")[0] for name in names}
            assert not top & {"bot", "storage", "scheduling", "slack_sdk", "telegram"}, module.name
