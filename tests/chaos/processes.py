"""Processes of the bot as a test holds them: started, waited for, killed, stopped, frozen.

Two ways to start one: `cordee run` as an operator does, or the same forked from a parent that has
the imports behind it (`zygote`). Refuses to know platforms, databases and people.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tests.bench_process import ROOT
from tests.chaos.zygote import ORDER
from tests.run_world import CORDEE

READY_SECONDS = 90.0
LOOK_EVERY = 0.005
# A tick that a stop in good order interrupts is logged as an error, and is none.
ERROR = re.compile(r"^\S+ ERROR (?!apscheduler).*(?:\n(?!\S+ [A-Z]+ |ready).*)*", re.MULTILINE)


class Zygote:
    """The parent of quick starts; one for many tests.

    It answers within milliseconds, so nobody minds that it is waited for.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.zygote"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.order({"wait": 0})  # until it has its imports

    def close(self) -> None:
        """End it, and what it started and still runs."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def order(self, orders: Mapping[str, Any]) -> dict[str, int]:
        """Send a line, read the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(orders) + "\n")
        self._process.stdin.flush()
        answer: dict[str, int] = json.loads(self._process.stdout.readline())
        return answer


class Replica:
    """One process of the bot, many lives.

    Args:
        name: For messages and for the log.
        folder: Its working directory.
        settings: Its environment.
        zygote: Fork it from there; without one it is `cordee run`, started like any program.
        clock: For a quick life in a zygote's child: the file of its clock.

    Attributes:
        settings: May be changed between two lives.
        lives: How often it was started.
        born: `time.monotonic()` of the last start.
        ready_after: Seconds from that start to its line `ready`.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        settings: Mapping[str, str],
        *,
        zygote: Zygote | None = None,
        clock: Path | None = None,
    ) -> None:
        self.name, self.folder = name, folder
        self.settings = dict(settings)
        self.lives = 0
        self.born = self.ready_after = 0.0
        self.frozen = False
        self._zygote, self._clock = zygote, clock
        self._process: asyncio.subprocess.Process | None = None
        self.pid: int | None = None
        self._ended: asyncio.Event = asyncio.Event()
        self._pidfd: int | None = None

    @property
    def log(self) -> Path:
        """What it writes, over all its lives."""
        return self.folder / f"{self.name}.log"

    def said(self) -> str:
        """All of that."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def errors(self) -> list[str]:
        """What it calls an error, with the lines that belong to it."""
        return ERROR.findall(self.said())

    @property
    def alive(self) -> bool:
        """Whether it has been started and has not ended."""
        return self.pid is not None and not self._ended.is_set()

    async def start(self, *, ready: bool = True, **more: str) -> None:
        """Begin a life.

        Args:
            ready: Wait until it says that it is.
            more: Settings of this life only.
        """
        assert not self.alive, f"{self.name} lives already"
        self.lives += 1
        self.frozen = False
        begun = self._readies()
        self.born = time.monotonic()
        settings = self.settings | more
        if self._zygote is None:
            with self.log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    CORDEE, "run", cwd=self.folder, env=settings, stdout=log, stderr=log
                )
            self.pid = self._process.pid
        else:
            orders: dict[str, Any] = {"env": settings, "cwd": str(self.folder)}
            orders |= {"log": str(self.log), "clock": str(self._clock or "")}
            self.pid = self._zygote.order(orders)["pid"]
        self._watch(self.pid)
        if ready:
            await self.until_ready(begun)

    def _readies(self) -> int:
        return self.said().count("ready:")

    async def until_ready(self, before: int) -> None:
        """Wait for its line; returns too when it ends before.

        Raises:
            AssertionError: Neither came.
        """
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            if self._ended.is_set():
                return
            if self._readies() > before:
                self.ready_after = time.monotonic() - self.born
                return
            await asyncio.sleep(LOOK_EVERY * 2)
        raise AssertionError(f"{self.name} never got ready:\n{self.said()[-3000:]}")

    def _watch(self, pid: int) -> None:
        """Notice its end, whoever its parent is."""
        self._ended = ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        descriptor = os.pidfd_open(pid)

        def over() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            self._pidfd = None
            ended.set()

        self._pidfd = descriptor
        loop.add_reader(descriptor, over)

    def send(self, number: signal.Signals) -> None:
        """Send a signal and go on."""
        assert self.pid is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
        if number in (signal.SIGSTOP, signal.SIGCONT):
            self.frozen = number is signal.SIGSTOP

    def order(self, point: str) -> None:
        """Order a forked process to die at a point, from now on."""
        (self.folder / ORDER).write_text(point)
        self.send(signal.SIGUSR1)

    async def ended(self, patience: float = 30.0) -> int:
        """Wait for its end; the exit code, negative for a signal.

        Raises:
            TimeoutError: It goes on.
        """
        assert self.pid is not None
        await asyncio.wait_for(self._ended.wait(), patience)
        if self._process is not None:
            code = await self._process.wait()
            self._process = None
        else:
            assert self._zygote is not None
            code = self._zygote.order({"wait": self.pid})["code"]
        self.pid = None
        return code

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        if self.frozen and how is not signal.SIGKILL:
            self.send(signal.SIGCONT)
        self.send(how)
        return await self.ended()

    async def gone(self) -> None:
        """See to it that it does not run."""
        if self.pid is not None:
            await self.end(signal.SIGKILL)
