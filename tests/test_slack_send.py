"""Saying things on a Slack that refuses what Slack refuses, and listening to it: the real SDK."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import SettingsError
from bot.events import Commanded, Event, Opened, Pressed, Said, Submitted
from bot.messages import Ack, Choice, Field, File, Form, Home, Message, Option, Pick
from handlers.local.fake_slack import FakeSlack
from handlers.slack import inbound
from handlers.slack.adapter import SlackAdapter
from handlers.slack.send import (
    EVENT_TYPE,
    NotHereError,
    SlackSender,
    new_client,
    respond,
)
from scheduling.clock import FixedClock
from scheduling.inbox import Inbox
from scheduling.sender import Claimed, Doubtful, NotSent, Outcome, Sent
from scheduling.worker import Worker
from storage.sending import Op
from storage.tables import Inbox as InboxRow
from storage.unit_of_work import Database, UnitOfWork
from tests.fakes_slack import Clock, until

HELLO = Message("Où en es-tu ?", choices=(Choice("En poste", "a:c7:situation:employed"),))
FORM = Form("f:c7:p1", "Ta situation", "Envoyer", "Fermer", (Field("wish", "text", "Ton souhait"),))


def make_row(
    message: Message | Home = HELLO,
    op: Op = "post",
    *,
    at: datetime,
    chat: str = "ULEA",
    target: str | None = None,
    number: int = 1,
) -> Claimed:
    return Claimed(
        id=number,
        bot_account="slack:T1",
        chat_id=chat,
        person_id=1,
        op=op,
        message=message,
        target=target,
        priority=0,
        attempts=1,
        floor_id=None,
        claimed_at=at,
        send_deadline=at,
    )


@pytest.fixture
def sender(slack: FakeSlack, clock: Clock) -> SlackSender:
    client = new_client(slack.secrets.bot_token, slack.base_url)
    client.timeout = 1
    return SlackSender(client, lag=0.02, between=0.02, clock=FixedClock(clock()))


def test_a_client_that_retries_is_refused() -> None:
    assert new_client("xoxb-local").retry_handlers == []
    with pytest.raises(ValueError, match="retry"):
        SlackSender(AsyncWebClient(token="xoxb-local"))


# --- saying ----------------------------------------------------------------------------------


async def test_post_edit_delete(slack: FakeSlack, clock: Clock, sender: SlackSender) -> None:
    posted = await sender.send(make_row(at=clock()))
    (seen,) = slack.messages("ULEA")
    assert posted == Sent(f"{slack.world.dm_of('ULEA').id}/{seen.ts}")
    assert seen.metadata == {"event_type": EVENT_TYPE, "event_payload": {"id": "1"}}
    assert seen.client_msg_id
    target = posted.message_id
    edited = Message("Où en es-tu ?\n✓ En poste")
    assert await sender.send(make_row(edited, "edit", at=clock(), target=target)) == Sent(target)
    assert seen.edited
    assert seen.text.endswith("✓ En poste")
    for _ in range(2):  # the second time there is nothing left: as good
        assert await sender.send(make_row(op="delete", at=clock(), target=target)) == Sent(target)
    assert slack.messages("ULEA") == []
    assert {r.error for r in slack.refusals} <= {"message_not_found"}


async def test_home(slack: FakeSlack, clock: Clock, sender: SlackSender) -> None:
    home = Home((Message("Ta demande est en cours."), HELLO))
    assert await sender.send(make_row(home, "home", at=clock())) == Sent()
    shown = slack.home("ULEA")
    assert shown is not None
    assert [b["type"] for b in shown.view["blocks"]] == ["section", "divider", "section", "actions"]
    assert slack.refusals == []


async def test_file_goes_to_the_private_chat(
    slack: FakeSlack, clock: Clock, sender: SlackSender
) -> None:
    message = Message("Les <demandes> & co", file=File("demandes.csv", "é;1\n".encode()))
    sent = await sender.send(make_row(message, "file", at=clock()))
    (seen,) = slack.messages("ULEA")
    assert sent == Sent(f"{slack.world.dm_of('ULEA').id}/{seen.files[0]}")
    assert slack.file(seen.files[0]).content == "é;1\n".encode()
    assert seen.text == "Les &lt;demandes&gt; &amp; co"
    assert slack.refusals == []


async def test_a_picture_is_told_to_those_who_do_not_see_it(
    slack: FakeSlack, clock: Clock, sender: SlackSender
) -> None:
    file = File("ans.png", b"\x89PNG", "image/png", "Cinq barres\n" + "é" * 3000)
    sent = await sender.send(make_row(Message("Cinq ans", file=file), "file", at=clock()))
    assert isinstance(sent, Sent)
    (seen,) = slack.messages("ULEA")
    shown = slack.file(seen.files[0])
    assert shown.is_picture
    assert shown.alt.startswith("Cinq barres é")
    assert len(shown.alt) == 1000
    assert slack.refusals == []


async def test_ephemeral_in_place_then_in_private(
    slack: FakeSlack, clock: Clock, sender: SlackSender
) -> None:
    slack.add_channel("CGEN", "general", ["ULEA", "UPAUL"])
    url = slack._new_response_url("ULEA", "CGEN", None)
    row = make_row(op="ephemeral", at=clock(), target=url)
    assert await sender.send(row) == Sent()
    (seen,) = slack.world.channels["CGEN"].messages
    assert seen.visible_to == "ULEA"
    foreign = make_row(op="ephemeral", at=clock(), target="http://127.0.0.1:1/x")
    for gone in (make_row(op="ephemeral", at=clock(), target=url[:-1] + "9"), foreign):
        outcome = await sender.send(gone)
        assert isinstance(outcome, Sent)
        assert outcome.message_id
    assert len(slack.messages("ULEA")) == 2


async def test_nobody_but_slack_is_answered_in_place(client: AsyncWebClient) -> None:
    for url in ("https://evil.example/x", "http://hooks.slack.com/x", "", "file:///etc/passwd"):
        with pytest.raises(NotHereError):
            await respond(client, url, {"text": "x"})


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("429:7", NotSent("ratelimited", retry_after=7.0, scope="method")),
        ("429:1", NotSent("ratelimited", retry_after=1.0, scope="chat")),
        ("500", Doubtful("http 500")),
        ("500_after", Doubtful("http 500")),
        ("drop_after", Doubtful("ServerDisconnectedError")),
        ("timeout", Doubtful("TimeoutError")),
    ],
)
async def test_troubles_are_told_apart_and_never_repeated(
    slack: FakeSlack, clock: Clock, sender: SlackSender, fault: str, expected: Outcome
) -> None:
    slack.fail_next("chat.postMessage", fault)
    assert await sender.send(make_row(at=clock())) == expected
    assert [c.method for c in slack.calls] == ["chat.postMessage"]


async def test_a_connection_never_made_is_certain(clock: Clock) -> None:
    sender = SlackSender(new_client("xoxb-local", "http://127.0.0.1:9/api/"))
    assert await sender.send(make_row(at=clock())) == NotSent("no connection")


async def test_somebody_who_left_is_unreachable(
    slack: FakeSlack, clock: Clock, sender: SlackSender
) -> None:
    slack.deactivate("ULEA")
    for op in ("post", "file"):
        message = Message("x", file=File("a.csv", b"1"))
        outcome = await sender.send(make_row(message, op, at=clock()))
        assert isinstance(outcome, NotSent)
        assert outcome.unreachable


async def test_a_channel_without_the_bot_is_unreachable(
    slack: FakeSlack, clock: Clock, sender: SlackSender
) -> None:
    slack.add_channel("CSTAFF", "staff", has_bot=False)
    outcome = await sender.send(make_row(at=clock(), chat="CSTAFF"))
    assert outcome == NotSent("not_in_channel", unreachable=True)


async def test_a_dead_token_stops_the_account_not_the_message(
    slack: FakeSlack, clock: Clock
) -> None:
    sender = SlackSender(new_client("xoxb-dead", slack.base_url))
    outcome = await sender.send(make_row(at=clock()))
    assert outcome == NotSent("invalid_auth", retry_after=60.0, scope="account")


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "conversations.open"])
async def test_a_file_nobody_has_seen_is_certainly_not_sent(
    slack: FakeSlack, clock: Clock, sender: SlackSender, method: str
) -> None:
    slack.fail_next(method, "500")
    row = make_row(Message("x", file=File("a.csv", b"1")), "file", at=clock())
    assert await sender.send(row) == NotSent("http 500")
    slack.fail_next("files.completeUploadExternal", "500_after")
    assert isinstance(await sender.send(row), Doubtful)


async def test_a_kind_that_does_not_fit_is_refused(clock: Clock, sender: SlackSender) -> None:
    for row in (
        make_row(Home(()), "post", at=clock()),
        make_row(op="home", at=clock()),
        make_row(op="edit", at=clock(), target="nonsense"),
        make_row(op="file", at=clock()),
    ):
        outcome = await sender.send(row)
        assert isinstance(outcome, NotSent)
        assert outcome.permanent


# --- looking up ------------------------------------------------------------------------------


@pytest.mark.parametrize(("ago", "lag", "reads"), [(0.0, 0.4, 2), (5.0, 0.4, 2), (60.0, 0.0, 1)])
async def test_two_late_reads_mean_absent_and_one_long_after(
    slack: FakeSlack, ago: float, lag: float, reads: int
) -> None:
    client = new_client(slack.secrets.bot_token, slack.base_url)
    looking = SlackSender(client, lag=0.4, between=0.1)
    begun = time.monotonic()
    row = make_row(at=datetime.now(UTC) - timedelta(seconds=ago))
    assert await looking.reconcile([row]) == {1: NotSent("not in the history")}
    read = [c.monotonic for c in slack.calls if c.method == "conversations.history"]
    assert len(read) == reads
    # A process that dies before it could read twice has spent no read at all.
    assert read[0] - begun >= lag
    assert read[-1] - read[0] >= 0.1 * (reads - 1)


async def test_a_swallowed_answer_is_found_in_the_history(
    slack: FakeSlack, clock: Clock, sender: SlackSender
) -> None:
    slack.fail_next("chat.postMessage", "drop_after")
    lost, never = make_row(at=clock()), make_row(at=clock(), chat="UPAUL", number=2)
    assert isinstance(await sender.send(lost), Doubtful)
    slack.fail_next("chat.postMessage", "drop_before")
    assert isinstance(await sender.send(never), Doubtful)
    found = await sender.reconcile([lost, never])
    (seen,) = slack.messages("ULEA")
    assert found[1] == Sent(f"{slack.world.dm_of('ULEA').id}/{seen.ts}")
    assert found[2] == NotSent("not in the history")
    reads = [c.arguments["channel"] for c in slack.calls if c.method == "conversations.history"]
    assert reads.count(slack.world.dm_of("UPAUL").id) == 2
    assert slack.refusals == []


async def test_a_lagging_history_is_read_again(
    slack: FakeSlack, clock: Clock, sender: SlackSender
) -> None:
    async def late() -> None:
        await asyncio.sleep(0.01)
        await sender.send(make_row(at=clock()))

    looking = asyncio.create_task(sender.reconcile([make_row(at=clock())]))
    await late()
    assert isinstance((await looking)[1], Sent)


async def test_a_look_up_that_fails_is_no_answer(
    slack: FakeSlack, clock: Clock, sender: SlackSender
) -> None:
    slack.fail_next("conversations.history", "429:30")
    found = await sender.reconcile([make_row(at=clock())])
    assert found == {1: Doubtful("look-up failed", look_again=30.0, there=True)}


async def test_what_has_no_history_is_left_to_its_policy(clock: Clock, sender: SlackSender) -> None:
    rows = [make_row(op="file", at=clock()), make_row(op="edit", at=clock(), number=2)]
    assert await sender.reconcile(rows) == {n: Doubtful("no look-up") for n in (1, 2)}


# --- listening -------------------------------------------------------------------------------


class Heard:
    """A bot that answers what it is told to and remembers what it heard."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.answer = Ack()
        self.slow = 0.0

    def handle(self, uow: UnitOfWork, event: Event, now: datetime) -> Ack:
        self.events.append(event)
        time.sleep(self.slow)
        return self.answer


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def inbox(lite: Database, clock: Clock, heard: Heard) -> AsyncIterator[Inbox]:
    worker = Worker(lite)
    readers = {"slack": inbound.reader}
    yield Inbox(lite, worker, FixedClock(clock()), heard.handle, readers)
    worker.close()


@pytest.fixture
async def adapter(slack: FakeSlack, inbox: Inbox) -> AsyncIterator[SlackAdapter]:
    made = SlackAdapter(
        inbox,
        token=slack.secrets.bot_token,
        app_token=slack.secrets.app_token,
        base_url=slack.base_url,
    )
    await made.start()
    await until(lambda: slack.sockets == 2)
    yield made
    await made.stop()


def rows(database: Database) -> list[str]:
    with database.unit_of_work() as uow:
        return [row.state for row in uow.session.query(InboxRow).order_by(InboxRow.id)]


async def test_it_knows_itself(adapter: SlackAdapter) -> None:
    assert adapter.bot_account.startswith("slack:T")
    assert adapter.ready
    assert await adapter.connected()


async def test_a_text_is_kept_then_heard_once(
    slack: FakeSlack, adapter: SlackAdapter, heard: Heard, lite: Database
) -> None:
    await slack.dm("ULEA", "R&D <ici>", repeat=3)
    await until(lambda: len(heard.events) == 1)
    (event,) = heard.events
    assert isinstance(event, Said)
    assert event.text == "R&D <ici>"
    assert event.author.bot_account == adapter.bot_account
    await until(lambda: rows(lite) == ["done"])
    await until(lambda: not adapter.busy)
    assert all(d.ok for d in slack.deliveries)


async def test_its_own_messages_are_not_kept(
    slack: FakeSlack, adapter: SlackAdapter, clock: Clock, lite: Database
) -> None:
    await SlackSender(adapter.client).send(make_row(at=clock()))
    await until(lambda: bool(slack.deliveries) and slack.deliveries[-1].ok)
    assert rows(lite) == []


async def test_a_press_opens_a_form_and_says_a_word(
    slack: FakeSlack, adapter: SlackAdapter, heard: Heard, clock: Clock
) -> None:
    sent = await SlackSender(adapter.client).send(make_row(at=clock()))
    assert isinstance(sent, Sent)
    channel, ts = str(sent.message_id).split("/")
    heard.answer = Ack(form=FORM, toast="C’est <noté> & compris")
    assert (await slack.press("ULEA", channel, ts, "En poste", repeat=2)).ok
    await until(lambda: bool(slack.views("ULEA")) and len(slack.messages("ULEA")) == 2)
    (pressed,) = heard.events
    assert isinstance(pressed, Pressed)
    assert pressed.token == "a:c7:situation:employed"
    assert pressed.on is not None
    assert (pressed.on.chat, pressed.on.message) == (channel, ts)
    await until(lambda: not adapter.busy)
    remark = slack.messages("ULEA")[-1]
    assert (remark.visible_to, remark.text) == ("ULEA", "C’est &lt;noté&gt; &amp; compris")
    assert slack.refusals == []


async def test_a_multiple_menu_and_its_button(
    slack: FakeSlack, adapter: SlackAdapter, heard: Heard, clock: Clock
) -> None:
    options = (Option("cv", "CV", chosen=True), Option("pay", "Salaire"))
    pick = Pick("a:c7:topics:", options, Choice("Valider", "a:c7:topics:done"))
    message = Message("Quels sujets ?", pick=pick)
    sent = await SlackSender(adapter.client).send(make_row(message, at=clock()))
    assert isinstance(sent, Sent)
    channel, ts = str(sent.message_id).split("/")
    await slack.press("ULEA", channel, ts, "Valider")
    await slack.press("ULEA", channel, ts, "pick:a:c7:topics:", ["cv", "pay"])
    await slack.press("ULEA", channel, ts, "Valider")
    found = [(e.token, e.picked) for e in heard.events if isinstance(e, Pressed)]
    assert found == [
        ("a:c7:topics:done", ("cv",)),
        ("a:c7:topics:", ("cv", "pay")),
        ("a:c7:topics:done", ("cv", "pay")),
    ]


async def test_a_form_comes_back_with_errors_then_closes(
    slack: FakeSlack, adapter: SlackAdapter, heard: Heard
) -> None:
    heard.answer = Ack(form=FORM)
    assert (await slack.slash("ULEA", "/cordee", "demande")).ok
    await until(lambda: bool(slack.views("ULEA")))
    (command,) = heard.events
    assert isinstance(command, Commanded)
    assert command.name == "demande"
    view = slack.views("ULEA")[0].id
    heard.answer = Ack(errors={"wish": "Un peu court…", "elsewhere": "Autre chose"})
    answer = await slack.submit_view("ULEA", view, {"wish": "x"})
    assert (answer.action, answer.errors) == ("errors", {"wish": "Un peu court…"})
    heard.answer = Ack(form=FORM)
    assert (await slack.submit_view("ULEA", view, {"wish": "xx"})).action == "update"
    heard.answer = Ack()
    top = slack.views("ULEA")[-1].id
    assert (await slack.submit_view("ULEA", top, {"wish": "<!channel>"})).action == "close"
    last = heard.events[-1]
    assert isinstance(last, Submitted)
    assert (last.token, last.values) == ("f:c7:p1", {"wish": "<!channel>"})
    assert slack.refusals == []


async def test_a_command_is_answered_in_place(
    slack: FakeSlack, adapter: SlackAdapter, heard: Heard
) -> None:
    heard.answer = Ack(toast="Réservé à l’équipe")
    ack = await slack.slash("ULEA", "/cordee", "bilan")
    assert ack.body in ("Réservé à l’équipe", {"text": "Réservé à l’équipe"})


async def test_home_opened(slack: FakeSlack, adapter: SlackAdapter, heard: Heard) -> None:
    await slack.open_home("ULEA")
    await slack.open_home("ULEA", "messages")
    await until(lambda: len(heard.events) == 1)
    assert isinstance(heard.events[0], Opened)
    assert heard.events[0].surface == "home"


async def test_a_slow_turn_is_acknowledged_and_finished_all_the_same(
    slack: FakeSlack,
    adapter: SlackAdapter,
    heard: Heard,
    lite: Database,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("handlers.slack.adapter.ACK_SECONDS", 0.05)
    heard.slow = 0.3
    assert (await slack.slash("ULEA", "/cordee", "statistiques")).ok
    assert "too slow" in caplog.text  # acknowledged while still at work
    await until(lambda: rows(lite) == ["done"])


async def test_what_cannot_be_kept_is_not_acknowledged(
    slack: FakeSlack, route: str, lite: Database, heard: Heard
) -> None:
    InboxRow.__table__.drop(lite.engine)  # type: ignore[attr-defined]
    await slack.dm("ULEA", "perdu ?")
    assert len(slack.undelivered) == 1
    InboxRow.__table__.create(lite.engine)  # type: ignore[attr-defined]
    assert await slack.redeliver() == 1
    await until(lambda: len(heard.events) == 1)


async def test_without_a_way_in_it_does_not_start(inbox: Inbox, slack: FakeSlack) -> None:
    for secret in (None, "", "  "):
        with pytest.raises(SettingsError, match="way in"):
            SlackAdapter(inbox, token="xoxb-local", signing_secret=secret)
    dead = SlackAdapter(inbox, token="xoxb-dead", signing_secret="s", base_url=slack.base_url)
    with pytest.raises(SettingsError, match="invalid_auth"):
        await dead.start()
    wrong = SlackAdapter(inbox, token="xoxb-local", app_token="xapp-no", base_url=slack.base_url)
    with pytest.raises(SettingsError, match="app token"):
        await wrong.start()


# --- HTTP ------------------------------------------------------------------------------------


@pytest.fixture
async def route(slack: FakeSlack, inbox: Inbox) -> AsyncIterator[str]:
    """The adapter in HTTP mode behind a server, and Slack told where it is."""
    adapter = SlackAdapter(
        inbox,
        token=slack.secrets.bot_token,
        signing_secret=slack.secrets.signing_secret,
        base_url=slack.base_url,
    )
    app = web.Application()
    app.router.add_post("/slack/events", adapter.handle_http)
    async with TestServer(app) as server:
        url = str(server.make_url("/slack/events"))
        async with aiohttp.ClientSession() as session, session.post(url, data="{}") as early:
            assert early.status == 503
        await adapter.start()
        slack.request_url = url
        yield url
        await adapter.stop()


async def test_http_carries_the_same(
    slack: FakeSlack, route: str, heard: Heard, lite: Database
) -> None:
    await slack.dm("ULEA", "bonjour", repeat=2)
    heard.answer = Ack(form=FORM)
    assert (await slack.slash("ULEA", "/cordee", "demande")).ok
    await until(lambda: bool(slack.views("ULEA")))
    heard.answer = Ack(errors={"wish": "Trop court"})
    answer = await slack.submit_view("ULEA", slack.views("ULEA")[0].id, {"wish": "x"})
    assert answer.errors == {"wish": "Trop court"}
    await until(lambda: rows(lite) == ["done"] * 3)


async def post(url: str, body: str | bytes, headers: dict[str, str]) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers) as answer,
    ):
        return answer.status, await answer.text()


async def test_bolt_answers_the_questions_of_the_set_up(slack: FakeSlack, route: str) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "abc", "token": "x"})
    headers = {"Content-Type": "application/json", **slack._delivery.sign(body)}
    status, text = await post(route, body, headers)
    assert (status, json.loads(text)) == (200, {"challenge": "abc"})
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await post(route, "ssl_check=1&token=x", form))[0] == 200


async def test_what_is_not_signed_is_refused_quietly(
    slack: FakeSlack, route: str, heard: Heard, lite: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    secret_text = "mon secret"
    event: dict[str, Any] = {"type": "message", "user": "ULEA", "text": secret_text}
    event |= {"channel": "D1", "channel_type": "im", "ts": "1.0"}
    body = json.dumps({"type": "event_callback", "event_id": "Ev1", "event": event, "team_id": "T"})
    good = slack._delivery.sign(body)
    stamp, signature = "X-Slack-Request-Timestamp", "X-Slack-Signature"
    for bad in (
        {},
        good | {stamp: "yesterday"},
        good | {stamp: "²"},
        good | {stamp: str(int(good[stamp]) - 301)},
        good | {signature: "v0=" + "0" * 64},
        good | {signature: "v0=é"},
        good | {signature: ""},
    ):
        headers = {"Content-Type": "application/json", **bad}
        assert (await post(route, body, headers))[0] == 401
    for broken in ("[]", "{", "payload=%7B", "payload=%5B%5D", "x", ""):
        headers = {"Content-Type": "application/json", **slack._delivery.sign(broken)}
        assert (await post(route, broken, headers))[0] in {200, 400}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        assert (await post(route, broken, headers))[0] in {200, 400}
    assert (await post(route, b"\xff\xfe", {"Content-Type": "application/json; charset=utf-8"}))[
        0
    ] == 400
    assert heard.events == []
    assert rows(lite) == []
    assert secret_text not in caplog.text
    assert not [r for r in caplog.records if r.levelname == "ERROR"]
