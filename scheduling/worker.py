"""Where database work is done: off the event loop, in one thread on SQLite, in a few on PostgreSQL.

It does not know what the work is. Nothing long belongs here: leases are renewed and people answered
by the same threads.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from storage.unit_of_work import Database

P = ParamSpec("P")
T = TypeVar("T")

POSTGRES_THREADS = 6  # fewer than the pool's connections, so that nobody waits for one

Job = Callable[[], None]


class Worker:
    """Runs functions in order of arrival, what cannot wait before the rest.

    Threads of its own and one queue: the library's executor makes a second kind of future of each
    call, and chains it to the first, which costs more than the way there and back. In a rush the
    turns may queue; acknowledgements and leases may not.

    Args:
        database: Decides how many threads make sense.
    """

    def __init__(self, database: Database) -> None:
        self._jobs: SimpleQueue[bool] = SimpleQueue()  # one True for each job, False for the end
        self._urgent: deque[Job] = deque()
        self._others: deque[Job] = deque()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._serve, name=f"storage_{number}", daemon=True)
            for number in range(1 if database.is_sqlite else POSTGRES_THREADS)
        ]
        for thread in self._threads:
            thread.start()

    def _serve(self) -> None:
        while self._jobs.get():
            try:
                job = self._urgent.popleft()
            except IndexError:
                job = self._others.popleft()
            job()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `work` in a thread, with the caller's logging context; what it raises is raised.

        Who is cancelled before it began spares it; once begun, it comes to its end.

        Raises:
            RuntimeError: It is closed.
        """
        return await self._run(self._others, work, *args, **kwargs)

    async def run_first(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `run`, before what only waits for its turn: somebody counts the seconds."""
        return await self._run(self._urgent, work, *args, **kwargs)

    async def _run(
        self, jobs: deque[Job], work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._closed:
            raise RuntimeError("the storage threads have ended")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        context = contextvars.copy_context()

        def job() -> None:
            if future.cancelled():
                return
            try:
                result = context.run(work, *args, **kwargs)
            except BaseException as error:
                _tell(loop, future, future.set_exception, error)
            else:
                _tell(loop, future, future.set_result, result)

        jobs.append(job)
        self._jobs.put(True)
        return await future

    def close(self) -> None:
        """Finish what was begun and end the threads."""
        self._closed = True
        for _ in self._threads:
            self._jobs.put(False)
        for thread in self._threads:
            thread.join()


def _tell(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Any],
    settle: Callable[[Any], None],
    value: object,
) -> None:
    def told() -> None:
        if not future.done():  # cancelled meanwhile
            settle(value)

    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(told)
