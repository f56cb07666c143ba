"""One process of the bot, composed as `handlers.service` does, and what killing it leaves behind.

Its database work is done at once, in the loop's thread. `kill` abandons it as `kill -9` would: no
task comes to an end, nothing is settled. What is different from the real thing: the lease is
stretched, because an idle process renews it every four seconds, 15 million times in a year; no
other process can be at work on the database anyway (`sole`).
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import json
from collections.abc import Callable, Collection, Coroutine, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, ParamSpec, TypeVar
from weakref import WeakSet

from typing_extensions import override

from bot.bot import Bot
from bot.events import Event
from bot.i18n import words
from bot.messages import Ack, Message
from bot.programmes.schema import Programme
from bot.turn import Scene
from handlers.slack import inbound as slack_inbound
from handlers.telegram import inbound as telegram_inbound
from handlers.telegram.adapter import TelegramAdapter
from scheduling.delivery import Delivery
from scheduling.inbox import Inbox, InboxMeta, Reader
from scheduling.protocol import Protocol
from scheduling.sender import Sender
from scheduling.timers import Timers
from scheduling.worker import Worker
from storage.inbox import Received
from storage.sending import Taken
from storage.timers import DueTimer
from storage.unit_of_work import Database, UnitOfWork
from tests.simulation.loop import Clocks

P = ParamSpec("P")
T = TypeVar("T")

DAY: Final = 86_400.0
STRETCHED: Final = Protocol(ttl=2 * DAY, sweep=DAY)
LOOK_AGAIN: Final = 60.0  # what a turn planned is looked at within a minute
SLEEP_MOST: Final = 0.5 * DAY

_process: contextvars.ContextVar[int] = contextvars.ContextVar("process", default=0)
_tasks: dict[int, WeakSet[asyncio.Task[Any]]] = {}
_numbers = itertools.count(1)


def _task_of_its_process(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], **more: Any
) -> asyncio.Task[T]:
    task = asyncio.Task(work, loop=loop, **more)
    if number := _process.get():
        _tasks[number].add(task)
    return task


class InlineWorker(Worker):
    """Database work at once, in the loop's thread; and the place where a process dies.

    Attributes:
        fuse: Transactions until the process dies; None: it does not.
        on_end: Called when it has burnt down.
    """

    def __init__(self) -> None:  # no threads, so nothing of `Worker`'s own
        self.fuse: int | None = None
        self.on_end: Callable[[], None] = lambda: None

    @override
    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        result = work(*args, **kwargs)
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse <= 0:  # committed, and nobody will ever hear of it
                self.fuse = None
                self.on_end()
                await asyncio.Future()
        await asyncio.sleep(0)
        return result

    @override
    async def run_first(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(work, *args, **kwargs)

    @override
    def close(self) -> None:
        pass


@lru_cache(maxsize=1)
def _telegram() -> TelegramAdapter:
    """The adapter, for its reader only: it is never started."""
    nobody: Any = None
    adapter = TelegramAdapter("4242:invented", nobody, kept=nobody, gone=lambda _: "")
    adapter.username = "cordee_bot"
    return adapter


def read_telegram(payload: bytes, meta: InboxMeta) -> Event | None:
    """The Telegram adapter's reader."""
    return _telegram().read(payload, meta)


READERS: Final[Mapping[str, Reader]] = {"slack": slack_inbound.reader, "telegram": read_telegram}


class Process:
    """The bot, running.

    Args:
        database: What is left when it dies.
        clocks: The machine's.
        programmes: What it runs.
        staff: First staff accounts.
        senders: By sending identity: its connections to the platforms.
        times: The delivery's times.
        paced: Whether the delivery keeps to the senders' limits.
    """

    def __init__(
        self,
        database: Database,
        clocks: Clocks,
        programmes: Mapping[str, Programme],
        staff: Collection[tuple[str, str]],
        senders: Mapping[str, Sender],
        *,
        times: Protocol = STRETCHED,
        paced: bool = True,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_task_factory(_task_of_its_process)  # type: ignore[arg-type]  # typeshed: no **more
        self._number = next(_numbers)
        _tasks[self._number] = WeakSet()
        self.alive = True
        self.database = database
        self.clocks = clocks
        self.worker = InlineWorker()
        self.bot = Bot(programmes, staff)
        self.delivery = Delivery(
            database,
            self.worker,
            clocks,
            senders,
            paced=paced,
            times=times,
            sole=True,
            on_unreachable=self._unreachable,
            waking=self._waking,
            elapsed=clocks.elapsed,
        )
        self.inbox = Inbox(
            database,
            self.worker,
            clocks,
            self.bot.handle,
            READERS,
            wake=self.delivery.wake,
            on_failure=self.bot.failed,
            on_poison=self._poisoned,
        )
        self.timers = Timers(
            database,
            self.worker,
            clocks,
            self.bot.fire,
            wake=self.delivery.wake,
            on_stuck=self._stuck,
        )
        self._look = asyncio.Event()
        self._looks: asyncio.TimerHandle | None = None

    # --- life ---

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start something that dies with the process."""
        if not self.alive:
            work.close()
            raise asyncio.CancelledError
        context = contextvars.copy_context()
        context.run(_process.set, self._number)
        return context.run(self._loop.create_task, work)

    async def start(self) -> None:
        """Plan, work what a crash left, send, tick."""
        await self.begin(self._start())

    async def _start(self) -> None:
        await self.worker.run(self._plan)
        self.begin(self.delivery.run())
        await self.inbox.sweep(timedelta(0))
        self.begin(self._tick())

    def _plan(self) -> None:
        with self.database.unit_of_work() as uow:
            self.bot.plan(uow, self.clocks.now())
            uow.commit()

    def kill(self) -> None:
        """`kill -9`: what is in memory is gone, what runs runs no further."""
        self.alive = False
        self.inbox = self.timers = None  # type: ignore[assignment]  # nobody may use it any more
        for task in list(_tasks.pop(self._number, ())):
            task.cancel()
        if self._looks is not None:
            self._looks.cancel()

    def stirred(self) -> None:
        """Time has jumped: what sleeps for long would notice it in seconds in the real thing."""
        self._look.set()
        self.delivery.wake()

    # --- what a platform's adapter does ---

    async def hear(
        self, platform: str, bot_account: str, payload: Mapping[str, Any]
    ) -> tuple[str, int | None]:
        """Keep what came, committed when this returns; its key, and the row if it is new."""
        keys = slack_inbound.keys if platform == "slack" else telegram_inbound.keys
        event_key, message_key = keys(payload)
        row = await self.inbox.receive(
            platform=platform,
            bot_account=bot_account,
            event_key=event_key,
            message_key=message_key,
            payload=json.dumps(payload).encode(),
        )
        return event_key, row

    async def work(self, row: int) -> Ack:
        """Work what was kept."""
        ack = await self.inbox.work(row)
        if self._looks is None:  # it may have planned something sooner than what is waited for
            self._looks = asyncio.get_running_loop().call_later(LOOK_AGAIN, self._looked)
        return ack

    def _looked(self) -> None:
        self._looks = None
        self._look.set()

    # --- the alarm ---

    async def _tick(self) -> None:
        """Fire what is due, then sleep until the next is: a ticker that skips its idle ticks."""
        while True:
            self._look.clear()
            now = self.clocks.now()
            await self.timers.fire_due(now)
            due = await self.timers.next_due()
            wait = (due - self.clocks.now()).total_seconds() if due else SLEEP_MOST
            try:
                async with asyncio.timeout(min(max(wait, 1.0), SLEEP_MOST)):
                    await self._look.wait()
            except TimeoutError:
                await self.inbox.sweep()

    # --- as in `handlers.service` ---

    def _tell_all_staff(self, uow: UnitOfWork, key: str, message_id: str, **args: Any) -> None:
        scene = Scene(self.bot, uow, self.clocks.now())
        for programme in self.bot.programmes.values():
            scene.tell_staff(programme, lambda w: Message(w(message_id, **args)), key=key)

    def _poisoned(self, uow: UnitOfWork, row: Received, _now: object) -> None:
        self._tell_all_staff(uow, f"poison:{row.id}", "staff-poison", number=row.id)

    def _stuck(self, uow: UnitOfWork, timer: DueTimer, _now: object) -> None:
        self._tell_all_staff(
            uow, f"stuck:{timer.id}", "staff-timer-stuck", kind=timer.kind, number=timer.id
        )

    def _waking(self, uow: UnitOfWork, row: Taken, now: datetime) -> datetime:
        return now if row.person_id is None else self.bot.waking(uow, row.person_id, now)

    def _unreachable(self, uow: UnitOfWork, row: Taken, _now: object) -> None:
        person = uow.people.get(row.person_id) if row.person_id else None
        if person is not None:
            self._tell_all_staff(
                uow,
                f"unreachable:{person.id}:{self.clocks.now().date().isoformat()}",
                "staff-unreachable",
                name=person.name or words("fr")("somebody"),
                platform=row.bot_account.partition(":")[0].capitalize(),
            )
