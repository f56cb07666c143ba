"""Requests that no platform sent, or that came before: none is taken, none does anything (S2).

The routes are those of `cordee run`, on loopback, with the checks that they make there. What a
platform would send is signed the way its documents say, here and not by the product; then it is
bent, sent late, sent by somebody who guesses, and sent again. The long form is `make forged`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from aiohttp.test_utils import TestServer
from multidict import CIMultiDict
from pydantic import SecretStr
from sqlalchemy import func, select

from bot.settings import Settings
from handlers.http import application
from handlers.local.fake_slack import FakeSlack
from handlers.local.fake_telegram import FakeTelegram
from handlers.local.stage import OPENING, SECRET
from handlers.service import Service
from scheduling.clock import FixedClock
from storage.tables import Inbox, Outbox, Person
from tests.listening import listening

SIGNING: Final = "9f1c2b7d4e6a8035c1d9e7f2b4a60c83"
HOOK: Final = "Hk-7f3Qz_Lw91TbXc20Rm"
UNSAID: Final = re.compile(f"{SIGNING}|{HOOK}|xoxb-|[0-9]{{6,}}:[A-Za-z0-9_-]{{30}}|Forge")
"""What no line of a log may hold, at any level."""
BOUNDS: Final = 300  # seconds that Slack's signature is good for
Headers = CIMultiDict[str]


@dataclass(frozen=True)
class Sent:
    """A request as it goes out."""

    path: str
    headers: Headers
    body: bytes


@dataclass
class Figures:
    """What came of it."""

    requests: int = 0
    seconds: float = 0.0
    by_kind: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


# --- what the platforms send ----------------------------------------------------------------------


def signed(body: bytes, stamp: str, secret: str = SIGNING) -> Headers:
    """Slack's headers for a body, as docs.slack.dev says."""
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256)
    kind = "application/json" if body[:1] == b"{" else "application/x-www-form-urlencoded"
    return CIMultiDict({
        "Content-Type": kind,
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest.hexdigest()}",
    })  # fmt: skip


def from_slack(number: int) -> bytes:
    """A body of Slack's: a command, words or a press, by turns."""
    user = f"UF{number % 7}"
    if number % 3 == 0:
        return urlencode({
            "command": "/cordee", "text": "aide", "user_id": user, "team_id": "T0LOCAL",
            "channel_id": "D1", "channel_name": "directmessage", "trigger_id": f"1.{number}.x",
            "response_url": "https://hooks.slack.com/commands/T0LOCAL/1/x", "api_app_id": "A1",
        }).encode()  # fmt: skip
    if number % 3 == 1:
        return json.dumps({
            "type": "event_callback", "team_id": "T0LOCAL", "api_app_id": "A1",
            "event_id": f"Ev{number}", "event_time": 1, "authorizations": [],
            "event": {"type": "message", "channel": f"D{user}", "channel_type": "im",
                      "user": user, "text": "bonjour", "ts": f"1700000000.{number:06d}"},
        }).encode()  # fmt: skip
    payload = {
        "type": "block_actions", "team": {"id": "T0LOCAL"}, "user": {"id": user,
        "team_id": "T0LOCAL"}, "api_app_id": "A1", "trigger_id": f"2.{number}.x",
        "container": {"type": "message", "message_ts": "1.2", "channel_id": f"D{user}"},
        "channel": {"id": f"D{user}", "name": "directmessage"},
        "message": {"ts": "1.2", "text": "x"},
        "response_url": "https://hooks.slack.com/actions/T0LOCAL/1/x",
        "actions": [{"type": "button", "action_id": "c0", "block_id": "b0", "value": "r:aide:",
                     "action_ts": f"3.{number}"}],
    }  # fmt: skip
    return urlencode({"payload": json.dumps(payload)}).encode()


def from_telegram(number: int) -> bytes:
    """An update of Telegram's: words or a press."""
    who = {"id": 800_000 + number % 7, "is_bot": False, "first_name": "Forge"}
    chat = {"id": who["id"], "type": "private"}
    if number % 2:
        said = {"message_id": number, "from": who, "chat": chat, "date": 1, "text": "/aide"}
        return json.dumps({"update_id": 10**6 + number, "message": said}).encode()
    pressed = {"id": str(number), "from": who, "chat_instance": "1", "data": "r:aide:",
               "message": {"message_id": 1, "chat": chat, "date": 1}}  # fmt: skip
    return json.dumps({"update_id": 10**6 + number, "callback_query": pressed}).encode()


# --- what nobody sent -----------------------------------------------------------------------------


Forge = Callable[[Random, bytes, str], tuple[Headers, bytes]]


def _bent(rng: Random, body: bytes) -> bytes:
    at = rng.randrange(len(body))
    other = bytes([body[at] ^ (1 << rng.randrange(7))])
    return (
        body[:at] + other + body[at + 1 :],
        body[:at] + body[at + 1 :],
        body + bytes([rng.randrange(33, 126)]),
        body[: rng.randrange(1, len(body))],
        b"",
    )[rng.randrange(5)]


def _with(headers: Headers, name: str, *values: str) -> Headers:
    made = CIMultiDict(headers)
    made.popall(name, None)
    for value in values:
        made.add(name, value)
    return made


def _stamped(rng: Random, body: bytes, stamp: str) -> tuple[Headers, bytes]:
    far = str(int(stamp) + rng.choice((-1, 1)) * rng.randrange(BOUNDS + 60, 10**7))
    return signed(body, far), body


def _restamped(rng: Random, body: bytes, stamp: str) -> tuple[Headers, bytes]:
    other = rng.choice((
        "", "abc", "-1", "1e9", f" {stamp}x", f"{stamp}.5", "9" * 40, "٣" * 10, stamp[:-1],
        str(int(stamp) + 1), f"0x{int(stamp):x}", f"{stamp};", "NaN", "null",
    ))  # fmt: skip
    return _with(signed(body, stamp), "X-Slack-Request-Timestamp", other), body


def _resigned(rng: Random, body: bytes, stamp: str) -> tuple[Headers, bytes]:
    headers = signed(body, stamp)
    good = headers["X-Slack-Signature"]
    at = rng.randrange(3, len(good))
    digit = rng.choice([d for d in "0123456789abcdef" if d != good[at]])
    other = rng.choice((
        good[:at] + digit + good[at + 1 :], good[:-1], f"{good}0", good[3:], f"v1={good[3:]}",
        f"V0={good[3:]}", good.upper(), "", "v0=", f"v0={'0' * 64}", f"v0={'é' * 64}",
        "v0=" + "".join(rng.choice("0123456789abcdef") for _ in range(64)), f"{good}, {good}",
    ))  # fmt: skip
    return _with(headers, "X-Slack-Signature", other), body


def _guessed(rng: Random, body: bytes, stamp: str) -> tuple[Headers, bytes]:
    guess = rng.choice((
        "", " ", "secret", SIGNING[:-1], SIGNING.upper(), f"{SIGNING} ", SIGNING[::-1],
        f"{rng.getrandbits(128):032x}", "socket mode signs nothing", HOOK,
    ))  # fmt: skip
    return signed(body, stamp, guess), body


def _twice(rng: Random, body: bytes, stamp: str) -> tuple[Headers, bytes]:
    name = rng.choice(("X-Slack-Signature", "X-Slack-Request-Timestamp"))
    good = signed(body, stamp)
    values = [good[name], "v0=" + "0" * 64 if name.endswith("ture") else "1"]
    rng.shuffle(values)
    return _with(good, name, *values), body


def _without(rng: Random, body: bytes, stamp: str) -> tuple[Headers, bytes]:
    names = ["X-Slack-Signature", "X-Slack-Request-Timestamp"]
    headers = signed(body, stamp)
    for name in rng.sample(names, rng.randint(1, 2)):
        headers = _with(headers, name)
    return headers, body


def _changed(rng: Random, body: bytes, stamp: str) -> tuple[Headers, bytes]:
    return signed(body, stamp), _bent(rng, body)


def _swapped(rng: Random, body: bytes, stamp: str) -> tuple[Headers, bytes]:
    return signed(from_slack(rng.randrange(10**6)), stamp), body


SLACK: Final[dict[str, Forge]] = {
    "slack: signature": _resigned, "slack: secret guessed": _guessed, "slack: body": _changed,
    "slack: body of another": _swapped, "slack: time out of bounds": _stamped,
    "slack: time": _restamped, "slack: header twice": _twice, "slack: header missing": _without,
}  # fmt: skip


def _hooked(rng: Random, body: bytes, _stamp: str) -> tuple[Headers, bytes]:
    at = rng.randrange(len(HOOK))
    guess = rng.choice((
        "", " ", HOOK[:-1], f"{HOOK}x", HOOK.lower(), HOOK.upper(), HOOK[::-1], f'"{HOOK}"',
        HOOK[:at] + "~" + HOOK[at + 1 :], "é" * 21, "\udcff" * 4, f"{HOOK},{HOOK}", SIGNING,
        "".join(rng.choice("abcdefghijkLMNOP-_") for _ in HOOK),
    ))  # fmt: skip
    name = "X-Telegram-Bot-Api-Secret-Token"
    headers: Headers = CIMultiDict({"Content-Type": "application/json", name: guess})
    return headers, rng.choice((body, body, _bent(rng, body)))


def _hooked_twice(rng: Random, body: bytes, _stamp: str) -> tuple[Headers, bytes]:
    name, values = "X-Telegram-Bot-Api-Secret-Token", [HOOK, "guess"]
    rng.shuffle(values)
    return _with(CIMultiDict({"Content-Type": "application/json"}), name, *values), body


def _unhooked(rng: Random, body: bytes, _stamp: str) -> tuple[Headers, bytes]:
    name = rng.choice(("X-Telegram-Bot-Api-Secret", "Secret-Token", "Authorization", "Cookie"))
    return CIMultiDict({"Content-Type": "application/json", name: HOOK}), body


TELEGRAM: Final[dict[str, Forge]] = {
    "telegram: secret": _hooked, "telegram: secret twice": _hooked_twice,
    "telegram: secret elsewhere": _unhooked,
}  # fmt: skip


# --- the house they are sent to -------------------------------------------------------------------


class House:
    """The routes, and what is in the database behind them."""

    def __init__(self, service: Service, url: str, session: aiohttp.ClientSession) -> None:
        self.service = service
        self.url = url
        self.session = session
        self.figures = Figures()

    async def send(self, one: Sent) -> int:
        """Send it; the status."""
        async with self.session.post(
            self.url + one.path, data=one.body, headers=one.headers
        ) as answer:
            await answer.read()
            return answer.status

    async def rows(self) -> tuple[int, int, int]:
        """How much was heard, said, and how many people are known, once all is worked."""

        def count() -> tuple[int, int, int]:
            with self.service.database.unit_of_work() as uow:
                heard, said, people = (
                    int(uow.session.scalar(select(func.count()).select_from(table)) or 0)
                    for table in (Inbox, Outbox, Person)
                )
                return heard, said, people

        for _ in range(100):
            before = await self.service.worker.run(count)
            await asyncio.sleep(0.02)
            if await self.service.worker.run(count) == before:
                break
        return before


@asynccontextmanager
async def house() -> AsyncIterator[House]:
    """The service by HTTP and webhook, with local platforms behind it."""
    clock = FixedClock(OPENING)
    slack, telegram = FakeSlack(clock.now), FakeTelegram(clock.now)
    await slack.start()
    await telegram.start()
    settings = Settings(
        cordee_database_url="sqlite://", cordee_programmes=("ax-accompagnement", "emergence"),
        cordee_secret_key=SecretStr(SECRET), cordee_public_url="https://bot.exemple.invalid",
        slack_bot_token=SecretStr(slack.secrets.bot_token), slack_api_url=slack.base_url,
        slack_signing_secret=SecretStr(SIGNING), telegram_bot_token=SecretStr(telegram.token),
        telegram_api_url=telegram.base_url, telegram_webhook_secret=SecretStr(HOOK),
        cordee_http_port=1,
    )  # fmt: skip
    service = Service(settings, clock=clock, paced=False, ticking=False)
    await service.start()
    try:
        async with TestServer(application(service)) as server, aiohttp.ClientSession() as session:
            yield House(service, str(server.make_url("/")).rstrip("/"), session)
    finally:
        await service.stop()
        await telegram.stop()
        await slack.stop()


async def attack(number: int, seed: int = 1) -> Figures:
    """Send that many forged and replayed requests.

    Returns:
        The figures; `faults` is empty when none was taken, had an effect or met an error.
    """
    rng = Random(seed)
    began = time.monotonic()
    with listening(UNSAID) as log:
        async with house() as one:
            figures = one.figures
            real = await _accepted(one)
            before = await one.rows()
            if before[0] < len(real):
                figures.faults.append(f"only {before[0]} of {len(real)} real requests were heard")
            ways = {**SLACK, **TELEGRAM}
            for count in range(number):
                if count % 4 == 3:
                    kind, request = "replayed", rng.choice(real)
                else:
                    kind = rng.choice(list(ways))
                    slack = kind in SLACK
                    body = (from_slack if slack else from_telegram)(rng.randrange(10**6))
                    headers, body = ways[kind](rng, body, str(int(time.time())))
                    request = Sent("/slack/events" if slack else "/telegram", headers, body)
                status = await one.send(request)
                figures.requests += 1
                figures.by_kind[kind] += 1
                figures.by_status[status] += 1
                if status >= 500 or (kind != "replayed" and status < 400):
                    figures.faults.append(f"{kind}: answered {status}: {request}"[:400])
                if count % 500 == 499 or count == number - 1:
                    after = await one.rows()
                    if after != before:
                        figures.faults.append(f"after {count + 1}: {before} became {after}")
                        before = after
            figures.seconds = time.monotonic() - began
    figures.faults += [f"logged: {line}" for line in (*log.errors, *log.spilt)][:20]
    return figures


async def _accepted(one: House) -> list[Sent]:
    """Real requests, taken once."""
    real = []
    for number in range(12):
        body = from_slack(number)
        real.append(Sent("/slack/events", signed(body, str(int(time.time()))), body))
    hook: Headers = CIMultiDict(
        {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": HOOK}
    )
    real += [Sent("/telegram", hook, from_telegram(number)) for number in range(12)]
    for request in real:
        status = await one.send(request)
        if status != 200:
            one.figures.faults.append(f"a real request was answered {status}: {request}"[:300])
    return real


def main() -> int:
    """Print the figures; 1 when there is a fault."""
    figures = asyncio.run(attack(10_000))
    rows: dict[str, Any] = {
        "requests": f"{figures.requests} in {figures.seconds:.0f} s",
        **dict(sorted(figures.by_kind.items())),
        "statuses": dict(sorted(figures.by_status.items())),
        "faults": len(figures.faults),
    }
    for name, value in rows.items():
        print(f"{name:28} {value}")
    for fault in figures.faults[:20]:
        print(f"  {fault}")
    return 1 if figures.faults else 0


if __name__ == "__main__":
    sys.exit(main())
