"""The ground of every proof here: two local platforms, a database, and processes between them.

Refuses to know what is done to the processes, and the bot: its tables are read only to say what
became of what nobody could see.
"""

from __future__ import annotations

import contextlib
import functools
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import psycopg
from sqlalchemy.engine import make_url
from typing_extensions import override

from handlers.local.fake_slack import FakeSlack
from handlers.local.fake_telegram import FakeTelegram
from handlers.local.ledger import Call, Json, LocalPlatform, Now
from handlers.local.slack_delivery import Ack, Kind
from handlers.local.telegram_updates import Updates
from tests.bench_process import free_port
from tests.chaos.front import Front
from tests.chaos.processes import Replica, Zygote
from tests.chaos.screens import MARK
from tests.chaos.zygote import MovedClock
from tests.postgres import libpq
from tests.run_world import KEY, RETRIES

HOOK: Final = "invented_hook_kq8Zr1Vw2p"
STAFF_SLACK: Final = "USTAFF"
STAFF_TELEGRAM: Final = 900
SENDS: Final = frozenset(
    {"chat.postMessage", "chat.update", "response_url", "sendMessage", "editMessageText"}
)
SWALLOWED: Final = ("drop_after", "500_after", "timeout")
FAULTS: Final = (*SWALLOWED, "drop_before", "500", "timeout_before", "429:1")
Way = Literal["socket", "http"]


def real_now() -> datetime:
    """This instant, UTC."""
    return datetime.now(UTC)


class _Faulty(LocalPlatform):
    """A platform on which some calls go wrong, by chance from a seed.

    Attributes:
        chance: Of each call that says something.
        faults: How.
        hit: How often each way was hit.
    """

    chance = 0.0
    faults: Sequence[str] = FAULTS
    dice = random.Random(0)

    @override
    def _fault(self, method: str) -> str | None:
        wanted = super()._fault(method)
        if wanted is None and method in SENDS and self.dice.random() < self.chance:
            wanted = self.dice.choice(self.faults)
        if wanted is not None:
            self.hit[wanted] += 1
        return wanted

    @property
    def hit(self) -> Counter[str]:
        found: Counter[str] = self.__dict__.setdefault("_hit", Counter())
        return found


@dataclass(frozen=True)
class Taken:
    """A payload pushed to the application.

    Attributes:
        at: `time.monotonic()` when it was pushed.
        seconds: Until the application said that it has it, or until it was given up.
        ok: Whether it did.
    """

    at: float
    seconds: float
    ok: bool


class FaultySlack(_Faulty, FakeSlack):
    """A workspace whose answers sometimes get lost.

    Attributes:
        taken: How long each acknowledgement took, the bot's own messages left out.
    """

    @functools.cached_property
    def taken(self) -> list[Taken]:
        return []

    @override
    async def _push(
        self, kind: Kind, payload: Json, key: str, attempt: int = 0, reason: str | None = None
    ) -> Ack:
        begun = time.monotonic()
        ack = await super()._push(kind, payload, key, attempt, reason)
        if not payload.get("event", {}).get("bot_id"):
            self.taken.append(Taken(begun, time.monotonic() - begun, ack.ok))
        return ack


class _TimedUpdates(Updates):
    """The queue, with a watch on each call of the webhook."""

    @functools.cached_property
    def taken(self) -> list[Taken]:
        return []

    @override
    async def _post(self, hook: Json, update: Json) -> bool:
        begun = time.monotonic()
        ok = await super()._post(hook, update)
        self.taken.append(Taken(begun, time.monotonic() - begun, ok))
        return ok


class FaultyTelegram(_Faulty, FakeTelegram):
    """A Bot API whose answers sometimes get lost.

    Attributes:
        taken: How long each call of the webhook took.
    """

    def __init__(self, now: Now, *, enforce_rate: bool = False) -> None:
        super().__init__(now, enforce_rate=enforce_rate)
        self.updates: _TimedUpdates = _TimedUpdates(now, self._spawn, self._called_back)

    @property
    def taken(self) -> list[Taken]:
        return self.updates.taken


@dataclass
class Ground:
    """One instance of the bot, however many processes it has.

    Attributes:
        slack: The local Slack, which enforces its rates.
        telegram: The local Telegram, likewise.
        folder: Working directory of the processes.
        url: The database.
        replicas: The processes.
        front: The balancer before them, when they are reached by HTTP.
        clock: What moves their time, when they are quick.
    """

    slack: FaultySlack
    telegram: FaultyTelegram
    folder: Path
    url: str
    replicas: list[Replica] = field(default_factory=list)
    front: Front | None = None
    clock: MovedClock | None = None
    now: Callable[[], datetime] = real_now

    @property
    def one(self) -> Replica:
        """The only process."""
        (only,) = self.replicas
        return only

    def ports(self) -> list[int]:
        """Where those that live listen; a frozen one too: nobody can tell."""
        return [int(r.settings["CORDEE_HTTP_PORT"]) for r in self.replicas if r.alive]

    def trouble(self, seed: int, chance: float, faults: Sequence[str] = FAULTS) -> None:
        """Let calls go wrong from now on; `chance` 0 ends it."""
        for platform in (self.slack, self.telegram):
            platform.dice = random.Random(seed)
            platform.chance, platform.faults = chance, faults

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Read the bot's tables, beside it."""
        url = make_url(self.url)
        if url.get_backend_name() == "sqlite":
            with contextlib.closing(sqlite3.connect(f"file:{url.database}?mode=ro", uri=True)) as c:
                return list(c.execute(statement))
        with psycopg.connect(libpq(url)) as connection:
            return list(connection.execute(statement))

    def waiting(self) -> int:
        """How much is heard and not worked, or due and not said."""
        heard = self.rows("SELECT count(*) FROM inbox WHERE state = 'received'")[0][0]
        said = self.rows("SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending')")[0][0]
        return int(heard) + int(said) + len(self.telegram.updates.pending)

    def posts(self) -> list[Call]:
        """What the platforms accepted of what adds a message, oldest first."""
        adds = {"chat.postMessage", "sendMessage", "sendDocument", "sendPhoto"}
        calls = [c for c in self.slack.calls + self.telegram.calls if c.method in adds]
        taken = [c for c in calls if c.response is not None and c.response["ok"]]
        taken = [c for c in taken if c.arguments.get("text") != MARK]
        return sorted(taken, key=lambda call: call.monotonic)


def _settings(slack: FakeSlack, telegram: FakeTelegram, folder: Path, url: str) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        "HOME": str(folder),
        "CORDEE_DATABASE_URL": url,
        "CORDEE_SECRET_KEY": KEY,
        "CORDEE_STAFF": f"slack:T0LOCAL/{STAFF_SLACK},telegram:{STAFF_TELEGRAM}",
        "CORDEE_TICK_SECONDS": "0.2",
        "SLACK_BOT_TOKEN": slack.secrets.bot_token,
        "SLACK_API_URL": slack.base_url,
        "TELEGRAM_BOT_TOKEN": telegram.token,
        "TELEGRAM_API_URL": telegram.base_url,
    }


@contextlib.asynccontextmanager
async def ground(
    folder: Path,
    programme: Path,
    *,
    url: str | None = None,
    replicas: int = 1,
    way: Way = "socket",
    zygote: Zygote | None = None,
    clock: Path | None = None,
    retries: Sequence[float] = RETRIES,
) -> AsyncIterator[Ground]:
    """Raise the platforms; the processes are there and not started. Ends what still runs.

    Args:
        folder: An empty one.
        programme: The file they run.
        url: A database; by default a SQLite file in the folder.
        replicas: How many processes.
        way: Socket Mode and the elected poller, or signed requests and webhook through a balancer.
        zygote: Where they are forked; without one each is started like any program.
        clock: The file of a clock that the test moves: not paced, short look-ups.
        retries: Seconds before each repeat of a Slack event that nobody acknowledged.
    """
    moved = MovedClock(clock) if clock is not None else None
    now = moved.now if moved is not None else real_now
    paced = clock is None
    slack = FaultySlack(now, enforce_rate=paced, event_retries=retries)
    telegram = FaultyTelegram(now, enforce_rate=paced)
    telegram.add_user(STAFF_TELEGRAM, "Marc").started = True  # where look-ups leave their mark
    await slack.start()
    await telegram.start()
    url = url or f"sqlite:///{folder / 'cordee.db'}"
    here = Ground(slack, telegram, folder, url, clock=moved, now=now)
    settings = _settings(slack, telegram, folder, url) | {"CORDEE_PROGRAMMES": str(programme)}
    if clock is not None:
        settings["CORDEE_TICK_SECONDS"] = "0.05"
    if way == "socket":
        settings["SLACK_APP_TOKEN"] = slack.secrets.app_token
    else:
        here.front = Front(here.ports)
        await here.front.start()
        settings |= {
            "SLACK_SIGNING_SECRET": slack.secrets.signing_secret,
            "TELEGRAM_WEBHOOK_SECRET": HOOK,
            "CORDEE_PUBLIC_URL": here.front.url,
        }
        slack.request_url = f"{here.front.url}/slack/events"
    for number in range(replicas):
        own = {"CORDEE_HTTP_PORT": str(free_port())} if way == "http" else {}
        here.replicas.append(
            Replica(f"r{number + 1}", folder, settings | own, zygote=zygote, clock=clock)
        )
    try:
        yield here
    finally:
        for replica in here.replicas:
            if replica.frozen and replica.alive:
                replica.send(signal.SIGCONT)
            await replica.gone()
        slack.request_url = None
        if here.front is not None:
            await here.front.stop()
        await slack.stop()
        await telegram.stop()
