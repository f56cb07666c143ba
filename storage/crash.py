"""Points at which a test has the process die on purpose, to prove that nothing is lost there.

`CORDEE_CRASH_AT=after_t1` ends the process, as `kill -9` would, when it comes to that point for the
first time; `after_t1:3` the third time. Unless a test arms it, a point costs one comparison. Which
point stands where in the protocol is said beside each; this module knows nothing of it.

Source: delivery protocol, "Crash points" and "How we prove it" 2.
"""

from __future__ import annotations

import os
from itertools import count
from typing import Final
from urllib.parse import urlsplit

POINTS: Final = (
    "before_commit",  # any unit of work: nothing of it is kept
    "after_commit",  # any unit of work: all of it is kept, nobody was told
    "after_inbox",  # kept what was heard, not acknowledged
    "in_turn",  # in the middle of answering
    "after_t0",  # a timer became messages
    "after_t1",  # claimed, not sent
    "before_wire",  # about to call the platform
    "after_wire",  # the platform has answered, nobody has written it down
    "before_t2",  # about to write it down
    "in_recover",  # about to look up what a crash left
)
KILLED: Final = 137  # as a shell reports SIGKILL

_at = ""
_passes = count(1)
_wanted = 0


def arm(spec: str) -> None:
    """Die at a point; an empty `spec` disarms.

    Args:
        spec: A name of `POINTS`, or `name:n` for the n-th time, n from 1.

    Raises:
        ValueError: There is no such point.
    """
    global _at, _passes, _wanted
    name, _, number = spec.partition(":")
    if spec and (name not in POINTS or not (number or "1").isdecimal()):
        raise ValueError(f"{spec!r} is no crash point; there are {', '.join(POINTS)}")
    _at, _passes, _wanted = name, count(1), int(number or 1)


def only_here(*addresses: str) -> bool:
    """Whether all these platforms are stand-ins on this machine: crash points are for them only."""
    return {urlsplit(address).hostname for address in addresses} <= {"127.0.0.1", "localhost"}


def point(name: str) -> None:
    """A point of the protocol."""
    if name == _at and next(_passes) == _wanted:
        os._exit(KILLED)
