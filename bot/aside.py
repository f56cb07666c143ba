"""What takes long, done beside the turns: read, worked out in a thread, answered.

A turn must not take long, so what was asked for is only written down: a timer that stays pending
until its answer is queued, in the same transaction. What is too much to be read at once is read in
parts; whoever asked may call it off meanwhile. Who does the work is handed in as `bot.aside`; a bot
that is being rehearsed has none, and drops the wish. What is worked out, and for whom, this module
does not know.

Source: house, "a turn is short".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.followup import due
from bot.i18n import Words
from bot.messages import Message
from bot.turn import Scene, Turn
from storage.tables import Identity, Person
from storage.timers import DueTimer

Answer = Callable[[Scene], None]
"""Stores and says what came out, in a transaction of its own."""


@dataclass(frozen=True, slots=True)
class Next:
    """There is more to read, in a short transaction of its own; it may say something too."""

    read: Callable[[Scene], Work | None]


Work = Callable[[], Answer | Next]
"""What takes long: in a thread, without a database."""
Read = Callable[[Scene, DueTimer], Work | None]
"""Reads what the work needs; None when there is nothing to do any more."""

AGAIN: Final = timedelta(minutes=5)  # a crash meanwhile: it is done anew
MOST_TRIES: Final = 3
READERS: Final[dict[str, Read]] = {}


def beside(kind: str) -> Callable[[Read], Read]:
    """Register what is done beside the turns for timers of this kind."""

    def register(read: Read) -> Read:
        READERS[kind] = read
        due(kind)(_wanted)
        return read

    return register


def put(turn: Turn, kind: str, subject_id: int, **payload: str | int | None) -> None:
    """Have it done, as soon as this turn is committed."""
    turn.uow.timers.put(
        key=f"{kind}:{turn.event.id}",
        kind=kind,
        subject_id=subject_id,
        due_at=turn.now,
        payload={
            "person": turn.me.id,
            "identity": turn.identity.id,
            "programme": turn.programme.id,
            "verb": turn.policy.family if turn.policy else None,
            "begun": 0,
            **payload,
        },
    )


def _wanted(scene: Scene, timer: DueTimer) -> None:
    """Have it done now; the timer stays until the answer is queued."""
    begun = int(timer.payload["begun"]) + 1
    if scene.bot.aside is None:
        return
    if begun > MOST_TRIES:
        reply(scene, timer, lambda w: Message(w("aside-failed")))
        return
    scene.uow.timers.again(timer, scene.now + AGAIN, {**timer.payload, "begun": begun})
    scene.bot.aside(timer)


def asker(scene: Scene, timer: DueTimer) -> Person | None:
    """Whoever asked, if they may still know."""
    person = scene.uow.people.get(timer.payload["person"])
    if person is None:
        return None
    place, verb = timer.payload["programme"], timer.payload.get("verb")
    return person if scene.allowed(person.id, place, verb) else None


def reply(scene: Scene, timer: DueTimer, build: Callable[[Words], Message]) -> None:
    """Tell whoever asked, where they asked, if they may still know."""
    person = asker(scene, timer)
    if person is None:
        return
    w = scene.words(person, scene.programme_of(timer.payload["programme"]))
    asked_on = scene.uow.session.get(Identity, timer.payload["identity"])
    scene.tell(person, build(w), key=timer.key, identity=asked_on)
