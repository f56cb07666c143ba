"""How fast one may speak: exact in any sliding window, in the memory of the one who sends.

The limits are data that a sender brings along; no platform is known here. There is one holder per
token (the lease), so no limiter is shared between processes; after a change of hands the new holder
keeps quiet until the old one's window has passed.

Source: delivery protocol, "Pacing".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

ROOM = 0.05  # seconds that a chat's rate leaves for the way there
BURST_SECONDS = 0.1  # what a late loop may catch up at once
FORGET_SECONDS = 1.0  # between two looks for what no longer matters
_EPSILON = 1e-9


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `limit` in any `seconds`.

    A platform counts arrivals, not departures: leave it a little room, e.g. `Rate(30, 1.03)` for 30
    a second (29.1 in truth).

    Attributes:
        limit: How many.
        seconds: In any window of this length.
        smooth: Spread them evenly instead of letting `limit` go at once; at most a tenth of a
            second's worth goes together.
    """

    limit: int
    seconds: float
    smooth: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast a token may speak.

    Attributes:
        account: All together.
        chat: In each chat, for the operations of `in_chat`.
        group: In each chat that `is_group` says is one, besides.
        ops: For each outbox operation, all chats together.
        is_group: Whether a chat id is a group's.
        in_chat: Operations that count against a private chat's rate: what adds a message. What
            changes one that is there already does not keep the next question waiting.
    """

    account: tuple[Rate, ...] = ()
    chat: tuple[Rate, ...] = ()
    group: tuple[Rate, ...] = ()
    ops: Mapping[str, tuple[Rate, ...]] = field(default_factory=lambda: MappingProxyType({}))
    is_group: Callable[[str], bool] = lambda _chat: False
    in_chat: frozenset[str] = frozenset({"post", "file"})


class _Window:
    """The last departures under one rate."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._log: deque[float] = deque(maxlen=rate.limit)
        self._step = rate.seconds / rate.limit if rate.smooth else 0.0
        self._depth = max(1.0, BURST_SECONDS / self._step) if self._step else 1.0
        self._full_at = 0.0  # when the next one would be exactly on schedule

    def free_at(self) -> float:
        """From when on one more may go."""
        full = len(self._log) == self._rate.limit
        window = self._log[0] + self._rate.seconds if full else 0.0
        return max(window, self._full_at - (self._depth - 1) * self._step)

    def note(self, at: float) -> None:
        self._log.append(at)
        self._full_at = max(self._full_at, at) + self._step

    def answered(self, at: float) -> None:
        """What went last was answered then: it may have arrived as late as half-way."""
        if self._log:
            self._log[-1] = max(self._log[-1], (self._log[-1] + at) / 2 - ROOM)

    def idle_from(self) -> float:
        """From when on it is as if nothing had ever gone."""
        return self._log[-1] + self._rate.seconds if self._log else 0.0


class Pace:
    """Says when the next message may go, and remembers what went.

    Args:
        limits: The platform's.
        elapsed: Seconds on a clock that nobody sets.
    """

    def __init__(self, limits: Limits, elapsed: Callable[[], float]) -> None:
        self._limits = limits
        self._elapsed = elapsed
        self._account = [_Window(rate) for rate in limits.account]
        self._ops = {op: [_Window(rate) for rate in rates] for op, rates in limits.ops.items()}
        self._chats: dict[str, list[_Window]] = {}
        self._held: dict[tuple[str, str], float] = {}  # (scope, which) -> until
        self._forget_at = 0.0

    def ahead(self) -> int:
        """How many may be claimed before they may go: what goes in a tenth of a second."""
        rates = [rate.limit / rate.seconds for rate in self._limits.account]
        return max(1, round(min(rates) * BURST_SECONDS)) if rates else 16

    def wait(self, chat: str, op: str) -> float:
        """Seconds until this may go; 0 for now."""
        windows = [*self._account, *self._chats.get(chat, ()), *self._ops.get(op, ())]
        holds = (("account", ""), ("chat", chat), ("method", op))
        free = max(
            [0.0, *(w.free_at() for w in windows), *(self._held.get(hold, 0.0) for hold in holds)]
        )
        return _left(free, self._elapsed())

    def note(self, chat: str, op: str) -> None:
        """This goes now."""
        at = self._elapsed()
        group = self._limits.is_group(chat)
        counted = group or op in self._limits.in_chat
        if counted and chat not in self._chats:
            rates = (*self._limits.chat, *(self._limits.group if group else ()))
            self._chats[chat] = [_Window(rate) for rate in rates]
        here = self._chats[chat] if counted else ()
        for window in (*self._account, *here, *self._ops.get(op, ())):
            window.note(at)

    def answered(self, chat: str, op: str) -> None:
        """What was noted last in a chat has been answered only now, so it may have arrived late.

        The platform counts arrivals: after a slow call the next one would come too soon. What the
        way there takes in ordinary times is in the room that the rates leave.
        """
        if op in self._limits.in_chat:
            for window in self._chats.get(chat, ())[: len(self._limits.chat)]:
                window.answered(self._elapsed())

    def hold(self, scope: str, which: str, seconds: float) -> None:
        """The platform said "too soon": leave a chat, a method or the account (`""`) alone."""
        until = self._elapsed() + seconds
        self._held[scope, which] = max(until, self._held.get((scope, which), 0.0))

    def account_wait(self) -> float:
        """Seconds until anything at all may go."""
        free = [window.free_at() for window in self._account]
        return _left(max([self._held.get(("account", ""), 0.0), *free]), self._elapsed())

    def busy(self) -> tuple[set[str], set[str], float | None]:
        """What has to wait now.

        Returns:
            Chats, operations, and the seconds until the first of them is free again (None: nothing
            has to wait).
        """
        now = self._elapsed()
        self._forget(now)
        chats: dict[str, float] = {}
        ops: dict[str, float] = {}
        for late, kept in ((chats, self._chats), (ops, self._ops)):
            for which, windows in kept.items():
                for window in windows:
                    if left := _left(window.free_at(), now):
                        late[which] = max(left, late.get(which, 0.0))
        for (scope, which), until in self._held.items():
            if scope != "account" and (left := _left(until, now)):
                late = chats if scope == "chat" else ops
                late[which] = max(left, late.get(which, 0.0))
        return {*chats}, {*ops}, min((*chats.values(), *ops.values()), default=None)

    def _forget(self, now: float) -> None:
        """Drop what no longer matters, so that memory follows the traffic, not the directory."""
        if now < self._forget_at:
            return
        self._forget_at = now + FORGET_SECONDS
        for chat in [
            chat
            for chat, windows in self._chats.items()
            if all(window.idle_from() <= now for window in windows)
        ]:
            del self._chats[chat]
        for hold in [hold for hold, until in self._held.items() if until <= now]:
            del self._held[hold]


def _left(free: float, now: float) -> float:
    left = free - now
    return left if left > _EPSILON else 0.0
