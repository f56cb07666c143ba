"""Child processes that are measured: started, awaited until ready, their processor time read.

What they are is said by the caller; this module knows commands, `/proc` and time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
TICK = 1 / os.sysconf("SC_CLK_TCK")
READY_SECONDS = 60.0
PEAK_EVERY = 0.01
STOP_SECONDS = 15.0
KEPT_LINES = 40


def command(module: str, *args: str) -> list[str]:
    """How to run a module of ours in this environment."""
    return [sys.executable, "-m", module, *args]


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """A clean environment with these settings: nothing of the person who measures gets in."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), **settings}


def free_port() -> int:
    """A port of loopback that is free now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def cpu_of(pid: int) -> float:
    """Seconds of processor that a living process has used, user and system, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


def peak_of(pid: int) -> int:
    """Highest resident size so far of a living process, in bytes; 0 when it has just ended.

    Not `ru_maxrss`: after fork and exec that begins with the parent's size.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    found = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(next(found, "0")) * 1024


@dataclass(frozen=True)
class Ran:
    """A command that ran to its end.

    Attributes:
        wall: Seconds from spawn to exit.
        cpu: Seconds of processor.
        peak: Highest resident size, in bytes.
        out: What it printed.
    """

    wall: float
    cpu: float
    peak: int
    out: str


def run(argv: Sequence[str], settings: Mapping[str, str], cwd: Path) -> Ran:
    """Run a command to its end and measure it.

    Raises:
        RuntimeError: It failed.
    """
    before = os.times()
    begun = time.perf_counter()
    child = subprocess.Popen(
        argv,
        env=environment(settings),
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    peak = 0
    while child.poll() is None:
        peak = max(peak, peak_of(child.pid))
        time.sleep(PEAK_EVERY)
    wall = time.perf_counter() - begun
    out = child.communicate()[0]
    after = os.times()
    if child.returncode:
        raise RuntimeError(f"{' '.join(argv)} failed:\n{out}")
    used = after.children_user + after.children_system
    return Ran(wall, used - before.children_user - before.children_system, peak, out)


class Child:
    """A running server.

    Attributes:
        ready_after: Seconds from spawn to its line `ready…`.
        ready_cpu: Seconds of processor it took until then.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._ready = asyncio.Event()
        self._begun = time.perf_counter()
        self._reading = asyncio.create_task(self._read())
        self.ready_after = self.ready_cpu = 0.0

    async def _read(self) -> None:
        stream = self._process.stderr
        assert stream is not None
        async for line in stream:
            text = line.decode(errors="replace").rstrip()
            if text.startswith("ready") and not self._ready.is_set():
                self.ready_after = time.perf_counter() - self._begun
                self.ready_cpu = self.cpu()
                self._ready.set()
            self._lines.append(text)
        self._ready.set()

    @property
    def said(self) -> str:
        """Its last lines."""
        return "\n".join(self._lines)

    async def until_ready(self) -> None:
        """Wait for its line.

        Raises:
            RuntimeError: It ended before.
            TimeoutError: It never came.
        """
        async with asyncio.timeout(READY_SECONDS):
            await self._ready.wait()
        if not self.ready_after:
            raise RuntimeError(f"the process ended before it was ready:\n{self.said}")

    def cpu(self) -> float:
        """Seconds of processor so far."""
        return cpu_of(self._process.pid)

    def peak(self) -> int:
        """Highest resident size so far, in bytes."""
        return peak_of(self._process.pid)

    async def stop(self) -> None:
        """Ask it to end; insist after a while."""
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        await self._reading


@contextlib.asynccontextmanager
async def child(
    argv: Sequence[str], settings: Mapping[str, str], cwd: Path
) -> AsyncIterator[Child]:
    """A server that is ready, until the end of the `async with`."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        env=environment(settings),
        cwd=cwd,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    running = Child(process)
    try:
        await running.until_ready()
        yield running
    finally:
        await running.stop()
