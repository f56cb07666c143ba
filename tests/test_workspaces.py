"""The app in several workspaces: installed by OAuth, gone, back; nothing to the wrong one.

Through the real adapter over HTTP, with two workspaces in which the same user ids are other people.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from bot.settings import Settings
from handlers.http import serve
from handlers.local.fake_telegram import FakeTelegram
from handlers.local.slack_org import CLIENT_ID, CLIENT_SECRET, SlackOrg
from handlers.service import Service
from scheduling.clock import FixedClock
from storage.tables import Identity, Inbox, Outbox, Person

KEY = "kq8Zr1-Vw2pLm7Xt9Bd4"
START = datetime(2026, 9, 15, 8, 0, tzinfo=UTC)


@dataclass
class Ground:
    """The bot in two workspaces and on Telegram, at a time that stands still."""

    org: SlackOrg
    telegram: FakeTelegram
    clock: FixedClock
    settings: Settings
    service: Service
    runner: Any = None

    @property
    def base(self) -> str:
        return str(self.settings.cordee_public_url)

    async def start(self) -> None:
        self.service = Service(self.settings, clock=self.clock, paced=False, ticking=False)
        await self.service.start()
        port = self.settings.cordee_http_port
        assert port is not None
        self.runner = await serve(self.service, port, "127.0.0.1")
        self.org.listen_at(f"{self.base}/slack/events")

    async def stop(self) -> None:
        if self.runner is not None:
            await self.runner.cleanup()
            await self.service.stop()
            self.runner = None

    async def get(self, url: str, cookie: str = "", **headers: str) -> tuple[int, str, Any]:
        """Status, text and headers of a page, as a browser that follows no redirection."""
        if cookie:
            headers["Cookie"] = cookie
        async with (
            aiohttp.ClientSession() as session,
            session.get(url, headers=headers, allow_redirects=False) as answer,
        ):
            return answer.status, await answer.text(), answer.headers

    async def begin(self) -> tuple[str, str]:
        """Slack's page and the cookie, as `/slack/install` gives them."""
        status, _, headers = await self.get(f"{self.base}/slack/install")
        assert status == 302, status
        return headers["Location"], headers["Set-Cookie"].partition(";")[0]

    async def install(self, team: str) -> tuple[int, str]:
        """All of it, by the workspace's administrator."""
        page, cookie = await self.begin()
        status, text, _ = await self.get(self.org.approve(page, team), cookie)
        return status, text

    async def settled(self) -> None:
        async with asyncio.timeout(20):
            while True:
                await self.service.settle()
                if not self.service.busy and not await self.count(
                    select(Inbox.id).where(Inbox.state == "received")
                ):
                    return
                await asyncio.sleep(0.01)

    async def rows(self, query: Any) -> list[Any]:
        def look() -> list[Any]:
            with self.service.database.unit_of_work() as uow:
                return list(uow.session.execute(query).all())

        return await self.service.worker.run(look)

    async def count(self, query: Any) -> int:
        return len(await self.rows(query))

    def shown(self, team: str, user: str = "ULEA") -> str:
        return str([(m.text, m.blocks) for m in self.org[team].messages(user) if m.by_bot])

    def on_telegram(self) -> str:
        return str([m.text for m in self.telegram.messages(900)])


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    clock = FixedClock(START)
    org = SlackOrg(clock.now, ["T1", "T2"], redirects=[f"{base}/slack/oauth_redirect"])
    for team, name in (("T1", "Léa Une"), ("T2", "Léa Deux")):
        org[team].add_user("ULEA", name)
    org["T1"].add_user("UCHEF", "Chef")
    telegram = FakeTelegram(clock.now)
    telegram.add_user(900, "Claire")
    await org.start()
    await telegram.start()
    settings = Settings(
        cordee_database_url=f"sqlite:///{tmp_path / 'c.db'}",
        cordee_programmes=("emergence",),
        cordee_staff=("telegram:900", "slack:T1/UCHEF"),
        cordee_secret_key=SecretStr(KEY),
        cordee_http_port=port,
        cordee_public_url=base,
        slack_client_id=CLIENT_ID,
        slack_client_secret=SecretStr(CLIENT_SECRET),
        slack_signing_secret=SecretStr(org.signing_secret),
        slack_api_url=org.base_url,
        telegram_bot_token=SecretStr(telegram.token),
        telegram_api_url=telegram.base_url,
    )
    settings.ready_to_run()
    found = Ground(org, telegram, clock, settings, None)  # type: ignore[arg-type]  # made by start
    await found.start()
    await telegram.press_start(900)
    await found.settled()
    yield found
    await found.stop()
    await telegram.stop()
    await org.stop()


# --- installing -----------------------------------------------------------------------------------


async def test_two_workspaces_with_the_same_user_ids_stay_apart(ground: Ground) -> None:
    for team in ("T1", "T2"):
        status, page = await ground.install(team)
        assert (status, "installé" in page) == (200, True), page
    one, two = ground.org["T1"], ground.org["T2"]
    await one.dm("ULEA", "bonjour")
    await ground.settled()
    assert "Emergence" in ground.shown("T1")
    assert ground.shown("T2") == "[]"
    await two.dm("ULEA", "bonjour")
    await two.slash("ULEA", "/cordee", "aide")
    await ground.settled()
    assert "Emergence" in ground.shown("T2")
    said = ground.shown("T1")
    await two.dm("ULEA", "encore")
    await ground.settled()
    assert ground.shown("T1") == said
    accounts = await ground.rows(select(Identity.account, Identity.bot_account))
    assert {("T1/ULEA", "slack:T1"), ("T2/ULEA", "slack:T2")} <= set(accounts)
    assert one.refusals == two.refusals == []
    health = await ground.get(f"{ground.base}/health")
    assert health[0] == 200
    assert '"slack:T1": true' in health[1]
    assert '"slack:T2": true' in health[1]


async def test_the_token_is_sealed_and_survives_a_restart(ground: Ground) -> None:
    await ground.install("T1")
    token = next(iter(ground.org.tokens))
    await ground.stop()
    assert stored(ground, b"T1/UCHEF")
    assert not stored(ground, token.encode())
    await ground.start()
    await ground.org["T1"].dm("ULEA", "bonjour")
    await ground.settled()
    assert "Emergence" in ground.shown("T1")


def stored(ground: Ground, what: bytes) -> bool:
    """Whether the bytes stand anywhere in the files of the database."""
    folder = Path(str(ground.service.database.url.database)).parent
    return any(what in file.read_bytes() for file in folder.iterdir())


async def test_a_workspace_installed_through_another_replica_is_served(ground: Ground) -> None:
    """Its first event may come here before this process has looked."""
    await ground.install("T1")
    slack = ground.service.slack
    assert slack is not None
    assert slack.installer is not None
    spaces = slack.installer.workspaces
    one = spaces.get("T1")
    assert one is not None
    sender = ground.org["T2"]
    page, cookie = await ground.begin()
    back = ground.org.approve(page, "T2")
    known, spaces.look = spaces.look, _nothing  # type: ignore[method-assign]  # as elsewhere
    assert (await ground.get(back, cookie))[0] == 200
    assert spaces.get("T2") is None
    spaces.look = known  # type: ignore[method-assign]
    await sender.dm("ULEA", "bonjour")
    await ground.settled()
    assert "Emergence" in ground.shown("T2")


async def _nothing() -> None:
    return None


async def test_a_state_is_good_once_in_time_and_in_the_same_browser(ground: Ground) -> None:
    page, cookie = await ground.begin()
    back = ground.org.approve(page, "T1")
    for url, with_cookie in (
        (back, ""),
        (back, cookie + "x"),
        (back.replace("state=", "state=x"), cookie),
        (back.partition("&state=")[0], cookie),
    ):
        status, text, headers = await ground.get(url, with_cookie)
        assert status in {400, 401}, url
        assert "n’est pas installé" in text
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
    assert ground.org.tokens == {}
    assert (await ground.get(back, cookie))[0] == 200
    ground.org.kill("T1")
    assert (await ground.get(back, cookie))[0] == 401, "used twice"
    page, cookie = await ground.begin()
    back = ground.org.approve(page, "T1")
    ground.clock.set(ground.clock.now() + timedelta(minutes=11))
    assert (await ground.get(back, cookie))[0] == 401, "too late"
    assert ground.org.tokens == {}


async def test_a_code_that_slack_refuses_and_a_no_install_nothing(ground: Ground) -> None:
    page, cookie = await ground.begin()
    back = ground.org.approve(page, "T1").replace("code=", "code=x")
    status, text, _ = await ground.get(back, cookie, **{"Accept-Language": "en-GB"})
    assert (status, "is not installed" in text) == (401, True)
    url = f"{ground.base}/slack/oauth_redirect?error=access_denied&state=x"
    status, text, _ = await ground.get(url)
    assert "annulée" in text
    url = f"{ground.base}/slack/oauth_redirect?error=<script>alert(1)</script>"
    assert "<script" not in (await ground.get(url))[1]
    assert await ground.count(select(Outbox.id).where(Outbox.bot_account == "slack:T1")) == 0


@pytest.mark.parametrize("why", ["elsewhere", "org", "rotation"])
async def test_what_may_not_be_installed_leaves_at_once(ground: Ground, why: str) -> None:
    if why == "elsewhere":
        await ground.stop()
        ground.settings = ground.settings.model_copy(update={"slack_workspaces": ("T2",)})
        await ground.start()
    ground.org.org_wide, ground.org.rotating = why == "org", why == "rotation"
    status, text = await ground.install("T1")
    assert (status, "n’est pas installé" in text) == (403, True)
    assert ground.org.tokens == {}, "the token was given back"
    await ground.org["T1"].dm("ULEA", "bonjour")
    await ground.settled()
    assert ground.shown("T1") == "[]"


async def test_a_workspace_that_never_installed_is_not_heard(ground: Ground) -> None:
    await ground.install("T1")
    before = await ground.count(select(Inbox.id))
    for _ in range(2):
        await ground.org["T2"].dm("ULEA", "bonjour")
        await ground.org["T2"].slash("ULEA", "/cordee", "aide")
    await ground.settled()
    assert await ground.count(select(Inbox.id)) == before
    assert await ground.count(select(Person.id)) == 2  # the staff of the settings
    assert ground.shown("T2") == "[]"


async def test_no_more_than_a_thousand_installations_begin(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.installations.MOST_STATES", 2)
    for _ in range(2):
        await ground.begin()
    status, _, _ = await ground.get(f"{ground.base}/slack/install")
    assert status == 503
    ground.clock.set(ground.clock.now() + timedelta(minutes=11))
    await ground.begin()


# --- leaving and coming back ----------------------------------------------------------------------


async def known_on_both(ground: Ground) -> None:
    """Léa of T1 and Léa of T2 have written; nothing waits."""
    for team in ("T1", "T2"):
        await ground.install(team)
        await ground.org[team].dm("ULEA", "bonjour")
    await ground.settled()


async def reachable(ground: Ground) -> dict[str, bool]:
    found = await ground.rows(select(Identity.account, Identity.reachable))
    return dict(tuple(row) for row in found)


async def test_uninstalled_and_back(ground: Ground) -> None:
    await known_on_both(ground)
    ground.clock.set(ground.clock.now() + timedelta(hours=1))
    assert await ground.org.uninstall("T1") == [True, True]
    await ground.settled()
    found = await reachable(ground)
    assert (found["T1/ULEA"], found["T2/ULEA"], found["900"]) == (False, True, True)
    assert ground.on_telegram().count("École T1") == 2, "it came, it went: once each"
    assert ground.service.delivery is not None
    assert "slack:T1" not in ground.service.delivery.accounts
    health = await ground.get(f"{ground.base}/health")
    assert "slack:T1" not in health[1]
    await ground.org["T2"].dm("ULEA", "toujours là ?")
    await ground.settled()
    said = len(ground.org["T1"].messages("ULEA"))
    assert ground.on_telegram().count("École T1") == 2

    ground.clock.set(ground.clock.now() + timedelta(hours=1))
    assert (await ground.install("T1"))[0] == 200
    assert (await reachable(ground))["T1/ULEA"]
    await ground.org["T1"].dm("ULEA", "me revoilà")
    await ground.settled()
    assert len(ground.org["T1"].messages("ULEA")) > said + 1


async def test_late_news_of_an_end_do_not_end_what_has_come_back(ground: Ground) -> None:
    await known_on_both(ground)
    ground.org.listen_at(None)
    ground.clock.set(ground.clock.now() + timedelta(hours=1))
    assert await ground.org.uninstall("T1") == [False, False]
    ground.clock.set(ground.clock.now() + timedelta(minutes=2))
    ground.org.listen_at(f"{ground.base}/slack/events")
    assert (await ground.install("T1"))[0] == 200
    assert await ground.org["T1"].redeliver() == 2
    assert (await reachable(ground))["T1/ULEA"]
    await ground.org["T1"].dm("ULEA", "toujours là ?")
    await ground.settled()
    assert ground.org["T1"].messages("ULEA")[-1].by_bot


async def queue_for_both(ground: Ground) -> None:
    """Something for Léa of T1, who has nothing else, and for Claire, who has Telegram too."""

    def put() -> None:
        now = ground.clock.now()
        with ground.service.database.unit_of_work() as uow:
            lea = uow.people.by_account("slack", "T1/ULEA")
            claire = uow.people.by_account("telegram", "900")
            assert lea is not None
            assert claire is not None
            other = uow.people.add_identity(
                claire.person_id, platform="slack", account="T1/UCLAIRE",
                bot_account="slack:T1", now=now,
            )  # fmt: skip
            for key, identity in (("a", lea), ("b", other)):
                uow.outbox.put(
                    key=key, identity=identity, payload=b'{"text":"un mot pour toi"}', now=now
                )
            uow.commit()

    await ground.service.worker.run(put)


async def test_a_dead_token_is_believed_once_and_what_waited_finds_another_way(
    ground: Ground,
) -> None:
    await known_on_both(ground)
    await queue_for_both(ground)
    ground.org.kill("T1", "account_inactive")
    ground.org.calls.clear()
    await ground.service.settle()
    assert ground.service.slack is not None
    assert ground.service.slack.installer is not None
    await ground.service.slack.installer.workspaces.stop()
    await ground.settled()
    dead = [call.method for call in ground.org.calls]
    assert dead.count("auth.test") == 1
    assert len(dead) <= 4, dead
    states = await ground.rows(
        select(Outbox.dedup_key, Outbox.bot_account, Outbox.state).where(
            Outbox.dedup_key.in_(["a", "b", "b:other"])
        )
    )
    assert sorted(tuple(row) for row in states) == [
        ("a", "slack:T1", "unreachable"),
        ("b", "slack:T1", "unreachable"),
        ("b:other", ground.service.telegram.bot_account, "sent"),  # type: ignore[union-attr]
    ]
    assert ground.on_telegram().count("un mot pour toi") == 1
    assert ground.on_telegram().count("ne répond plus") == 1
    for _ in range(3):
        ground.clock.set(ground.clock.now() + timedelta(minutes=10))
        await ground.settled()
    assert len(ground.org.calls) == len(dead), "no retry storm"
    assert ground.on_telegram().count("ne répond plus") == 1


async def test_a_refusal_that_was_none_changes_nothing(ground: Ground) -> None:
    """Slack said once that the token is dead, and takes it back when asked."""
    await known_on_both(ground)
    living = dict(ground.org.tokens)
    await queue_for_both(ground)
    ground.org["T1"].fail_next("chat.postMessage", "429:1")
    assert ground.service.slack is not None
    assert ground.service.slack.installer is not None
    spaces = ground.service.slack.installer.workspaces
    spaces._suspect("T1", "invalid_auth")
    await spaces.stop()
    assert spaces.get("T1") is not None
    assert ground.org.tokens == living
    assert (await reachable(ground))["T1/ULEA"]


async def test_one_workspace_by_token_needs_none_of_this(ground: Ground) -> None:
    """Both ways at once are refused; the pages are not there with a token."""
    both = ground.settings.model_copy(update={"slack_bot_token": SecretStr("xoxb-1")})
    with pytest.raises(Exception, match="SLACK_CLIENT_ID"):
        both.ready_to_run()
    await ground.install("T1")
    token = next(iter(ground.org.tokens))
    await ground.stop()
    update = {"slack_bot_token": SecretStr(token), "slack_client_id": None}
    ground.settings = ground.settings.model_copy(update=update)
    await ground.start()
    assert (await ground.get(f"{ground.base}/slack/install"))[0] == 404
    await ground.org["T1"].dm("ULEA", "bonjour")
    await ground.settled()
    assert "Emergence" in ground.shown("T1")
