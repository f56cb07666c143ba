"""How the local Telegram hands updates out: long polling with offsets, or a webhook with retries.

Refuses to know what an update says; it numbers, keeps for a day, delivers and counts as confirmed.
"""

import asyncio
import contextlib
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from handlers.local.ledger import Json, Refused

KEPT = timedelta(hours=24)
QUIET_WEEK = timedelta(days=7)
MAX_TIMEOUT = 50
MAX_LIMIT = 100
NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
WEBHOOK_SECONDS = 60.0
MAX_PAUSE = 60.0
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name

CONFLICT_POLL = (
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is"
    " running"
)
CONFLICT_HOOK = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete"
    " the webhook first"
)
CONFLICT_SET = "Conflict: terminated by setWebhook request"


@dataclass
class Pending:
    """An update not yet confirmed.

    Attributes:
        update: The `Update` object.
        chat: Whose it is: one chat's updates go out in order.
        at: When it arose; it is kept 24 hours.
        again: A second copy, delivered whatever the offset says.
        given: Handed out at least once.
    """

    update: Json
    chat: int
    at: datetime
    again: bool = False
    given: bool = False


class Updates:
    """The queue of one bot.

    Attributes:
        pending: What is not yet confirmed, oldest first.
        confirmed: Ids the application has taken responsibility for.
        expired: Ids dropped after 24 hours without confirmation.
        all: Every update by id, for a second delivery.
        webhook: The arguments of `setWebhook`, or None.
        retry_seconds: The first pause after a failed webhook call; doubles each time.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        spawn: Callable[[Any], None],
        call: Callable[[Json], Awaitable[None]],
    ) -> None:
        """Start empty.

        Args:
            now: The injected clock.
            spawn: Runs a coroutine in the background of the server.
            call: Carries out the method call a webhook's response may hold.
        """
        self._now, self._spawn, self._call = now, spawn, call
        self.pending: list[Pending] = []
        self.confirmed: set[int] = set()
        self.expired: list[int] = []
        self.all: dict[int, Pending] = {}
        self.webhook: Json | None = None
        self.last_error: tuple[datetime, str] | None = None
        self.retry_seconds = 1.0
        self.allowed: frozenset[str] | None = None
        self._last_id = 100_000_000
        self._last_at: datetime | None = None
        self._random = random.Random(7)
        self._poller = 0
        self._why_ended = CONFLICT_POLL
        self._news = asyncio.Event()
        self._busy: set[int] = set()
        self._http: ClientSession | None = None

    # ------------------------------------------------------------------ in

    def add(self, kind: str, content: Json, chat: int, repeat: int = 1) -> int | None:
        """Queue an update.

        Args:
            kind: `message`, `callback_query`, …
            content: Its object.
            chat: The chat it belongs to.
            repeat: How many copies are delivered, all with the same id.

        Returns:
            The update's id, or None when the bot did not ask for this kind.
        """
        wanted = kind in self.allowed if self.allowed else kind not in NOT_BY_DEFAULT
        if not wanted:
            return None
        quiet = self._last_at is not None and self._now() - self._last_at > QUIET_WEEK
        self._last_id = self._random.randrange(10**8, 10**9) if quiet else self._last_id + 1
        self._last_at = self._now()
        update = {"update_id": self._last_id, kind: content}
        self.all[self._last_id] = first = Pending(update, chat, self._last_at)
        copies = [Pending(update, chat, self._last_at, again=True) for _ in range(1, repeat)]
        self.pending += [first, *copies]
        self._wake()
        return self._last_id

    def redeliver(self, update_id: int) -> None:
        """Queue a second copy of an update, confirmed or not."""
        before = self.all[update_id]
        self.pending.append(Pending(before.update, before.chat, self._now(), again=True))
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        if self.webhook is not None:
            for chat in {p.chat for p in self.pending} - self._busy:
                self._busy.add(chat)
                self._spawn(self._deliver(chat))

    def _expire(self) -> None:
        kept = []
        for one in self.pending:
            if self._now() - one.at > KEPT:
                self.expired.append(one.update["update_id"])
            else:
                kept.append(one)
        self.pending = kept

    # ------------------------------------------------------------------ polling

    async def poll(self, arguments: Json) -> list[Json]:
        """Answer `getUpdates`: what there is, or wait for it.

        Raises:
            Refused: 409, when a webhook is set or somebody else polls.
        """
        if self.webhook is not None:
            raise Refused(CONFLICT_HOOK, status=409, fault_of="world")
        self._remember(arguments)
        limit = min(max(int(arguments.get("limit") or MAX_LIMIT), 1), MAX_LIMIT)
        timeout = min(max(float(arguments.get("timeout") or 0), 0), MAX_TIMEOUT)
        self._end_polls(CONFLICT_POLL)
        mine = self._poller
        self._expire()
        self._confirm(int(arguments.get("offset") or 0))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            self._expire()
            if self.pending or loop.time() >= deadline:
                return self._batch(limit)
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), deadline - loop.time())
            if mine != self._poller:
                raise Refused(self._why_ended, status=409, fault_of="world")

    def _end_polls(self, why: str) -> None:
        self._poller += 1
        self._why_ended = why
        self._news.set()

    def _remember(self, arguments: Json) -> None:
        if "allowed_updates" in arguments:
            self.allowed = frozenset(arguments["allowed_updates"] or ()) or None

    def _confirm(self, offset: int) -> None:
        """Forget what the offset confirms; one far in the future counts as none, as in TQueue."""
        if offset < 0:
            for one in self.pending[:offset]:
                self.confirmed.add(one.update["update_id"])
            self.pending = self.pending[offset:]
        elif offset <= self._last_id + 10:
            kept = []
            for one in self.pending:
                update_id = one.update["update_id"]
                if update_id >= offset or (one.again and not one.given):
                    kept.append(one)
                else:
                    self.confirmed.add(update_id)
            self.pending = kept

    def _batch(self, limit: int) -> list[Json]:
        """The next updates; a second copy never stands beside the first."""
        batch: dict[int, Json] = {}
        for one in self.pending:
            update_id = one.update["update_id"]
            if update_id not in batch and len(batch) < limit:
                batch[update_id] = one.update
                one.given = True
        return list(batch.values())

    # ------------------------------------------------------------------ webhook

    def set_webhook(self, arguments: Json) -> None:
        """Deliver to this address from now on; no address means polling again."""
        self._remember(arguments)
        if str(arguments.get("drop_pending_updates")).lower() == "true":  # a form says "false"
            self.pending.clear()
        self.webhook = arguments if arguments.get("url") else None
        self._end_polls(CONFLICT_SET)
        self._wake()

    def webhook_info(self) -> Json:
        """The `WebhookInfo` object."""
        hook = self.webhook or {}
        about: Json = {
            "url": hook.get("url", ""),
            "has_custom_certificate": False,
            "pending_update_count": len(self.pending),
        }
        if self.webhook is not None:
            about["max_connections"] = int(hook.get("max_connections") or 40)
        if self.last_error is not None:
            about["last_error_date"] = int(self.last_error[0].timestamp())
            about["last_error_message"] = self.last_error[1]
        if self.allowed:
            about["allowed_updates"] = sorted(self.allowed)
        return about

    async def _deliver(self, chat: int) -> None:
        """Push one chat's updates in order, each until a 2xx."""
        try:
            pause = self.retry_seconds
            while self.webhook is not None:
                self._expire()
                mine = [p for p in self.pending if p.chat == chat]
                if not mine:
                    return
                if await self._post(self.webhook, mine[0].update):
                    self.confirmed.add(mine[0].update["update_id"])
                    if mine[0] in self.pending:
                        self.pending.remove(mine[0])
                    pause = self.retry_seconds
                else:
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, MAX_PAUSE)
        finally:
            self._busy.discard(chat)

    async def _post(self, hook: Json, update: Json) -> bool:
        headers = {"Content-Type": "application/json"}
        if hook.get("secret_token"):
            headers[SECRET_HEADER] = str(hook["secret_token"])
        if self._http is None:
            self._http = ClientSession(timeout=ClientTimeout(total=WEBHOOK_SECONDS))
        try:
            async with self._http.post(
                str(hook["url"]), data=json.dumps(update), headers=headers
            ) as response:
                text = await response.text()
                if response.status // 100 != 2:
                    what = f"Wrong response from the webhook: {response.status} {response.reason}"
                    self.last_error = (self._now(), what)
                    return False
        except (ClientError, TimeoutError):
            self.last_error = (self._now(), "Connection failed")
            return False
        with contextlib.suppress(json.JSONDecodeError):
            body = json.loads(text) if text else None
            if isinstance(body, dict) and "method" in body:
                await self._call(body)
        return True

    async def close(self) -> None:
        """End polls and the HTTP client."""
        self._end_polls("Conflict: server is stopping")
        if self._http is not None:
            await self._http.close()
            self._http = None
