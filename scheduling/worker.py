"""Where database work is done: off the event loop, in one thread on SQLite, in a few on PostgreSQL.

It does not know what the work is. Nothing long belongs here: leases are renewed and people answered
by the same threads.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from storage.unit_of_work import Database

P = ParamSpec("P")
T = TypeVar("T")

POSTGRES_THREADS = 6  # fewer than the pool's connections, so that nobody waits for one


class Worker:
    """Runs functions in order of arrival.

    Args:
        database: Decides how many threads make sense.
    """

    def __init__(self, database: Database) -> None:
        threads = 1 if database.is_sqlite else POSTGRES_THREADS
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="storage")

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `work` in a thread, with the caller's logging context; what it raises is raised."""
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, lambda: context.run(work, *args, **kwargs)
        )

    def close(self) -> None:
        """Finish what was begun and end the threads."""
        self._pool.shutdown(wait=True)
