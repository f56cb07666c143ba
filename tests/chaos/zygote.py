"""Starts `cordee run` without paying for its imports each time: imports once, forks for each start.

Talks in lines of JSON over its standard streams and dies with whoever started it, its children
before it. A child is what `cordee run` is from its first line on, in its own folder, environment
and log; only a child with `quick` in its orders differs, by a clock that the test moves, and by
shorter waits before a look-up.

Refuses to know what the process is for and how it will die.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import mmap
import os
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from struct import pack, unpack
from typing import Any

import handlers.http
import handlers.logs
import handlers.main
from bot.settings import read
from handlers import service as services
from handlers.slack.send import SlackSender
from scheduling.delivery import Delivery
from scheduling.protocol import Protocol
from storage import crash

PR_SET_PDEATHSIG = 1
MARGIN = 0.1
LAG = 0.2
ORDER = "die-at"  # in the working directory: the order to die that SIGUSR1 gives a living child


class MovedClock:
    """The machine's clock and so many seconds, which stand in a file that several processes read.

    Args:
        file: Eight bytes: the seconds.
    """

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(pack("<d", 0.0))
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), 8)

    def now(self) -> datetime:
        """This instant, aware, UTC."""
        (seconds,) = unpack("<d", self._map[:8])
        return datetime.now(UTC) + timedelta(seconds=seconds)

    def until(self, at: datetime) -> None:
        """Move on to an instant; a past one changes nothing."""
        (seconds,) = unpack("<d", self._map[:8])
        self._map[:8] = pack("<d", seconds + max(0.0, (at - self.now()).total_seconds()))


def _quick(clock_file: str) -> None:
    """Run the bot with a clock of the test's and short waits, not paced."""
    settings = read()
    crash.arm(os.environ.get("CORDEE_CRASH_AT", ""))
    vars(services)["SlackSender"] = partial(SlackSender, lag=LAG, between=LAG)
    vars(services)["Delivery"] = partial(Delivery, times=Protocol(margin=MARGIN, sweep=5.0))
    handlers.logs.set_up()
    service = services.Service(settings, clock=MovedClock(Path(clock_file)), paced=False)

    async def live() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await service.start()
        sys.stderr.write("ready: quick\n")
        sys.stderr.flush()
        await stop.wait()
        await service.stop()
        sys.stderr.write(f"passes: {next(crash._passes) - 1}\n")

    asyncio.run(live())


def _child(orders: dict[str, Any]) -> None:
    """Become the process that was ordered; never returns."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        log = os.open(orders["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, null), (1, log), (2, log)):
            os.dup2(source, target)
        os.chdir(orders["cwd"])
        os.environ.clear()
        os.environ.update(orders["env"])
        signal.signal(signal.SIGUSR1, lambda *_: crash.arm(Path(ORDER).read_text()))
        if orders.get("clock"):
            _quick(orders["clock"])
        else:
            handlers.main.run()
        code = 0
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Obey until the other side closes."""
    gc.freeze()
    alive: set[int] = set()
    answer: dict[str, int]
    for line in sys.stdin:
        orders = json.loads(line)
        if orders.get("wait") == 0:
            answer = {"code": 0}
        elif "wait" in orders:
            _, status = os.waitpid(orders["wait"], 0)
            alive.discard(orders["wait"])
            answer = {"code": os.waitstatus_to_exitcode(status)}
        else:
            pid = os.fork()
            if pid == 0:
                _child(orders)
            alive.add(pid)
            answer = {"pid": pid}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in alive:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
