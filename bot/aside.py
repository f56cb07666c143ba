"""What takes long, done beside the turns: read, worked out in a thread, answered.

A turn must not take long, so what was asked for is only written down: a timer that stays pending
until its answer is queued, in the same transaction. Who does the work is handed in as `bot.aside`;
a bot that is being rehearsed has none, and drops the wish. What is worked out, and for whom, this
module does not know.

Source: house, "a turn is short".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from bot.followup import due
from bot.messages import Message
from bot.turn import STAFF_ROLES, Scene, Turn
from storage.tables import Identity
from storage.timers import DueTimer

Answer = Callable[[Scene], None]
"""Stores and says what came out, in a transaction of its own."""
Work = Callable[[], Answer]
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
        payload={"person": turn.me.id, "identity": turn.identity.id, "begun": 0, **payload},
    )


def _wanted(scene: Scene, timer: DueTimer) -> None:
    """Have it done now; the timer stays until the answer is queued."""
    begun = int(timer.payload["begun"]) + 1
    if scene.bot.aside is None or begun > MOST_TRIES:
        return
    scene.uow.timers.again(timer, scene.now + AGAIN, {**timer.payload, "begun": begun})
    scene.bot.aside(timer)


def reply(scene: Scene, timer: DueTimer, programme_id: str, message: Message) -> None:
    """Tell whoever asked, where they asked, if they are still of the programme's staff."""
    person = scene.uow.people.get(timer.payload["person"])
    if person is None or not scene.uow.people.roles(person.id, programme_id) & STAFF_ROLES:
        return
    asked_on = scene.uow.session.get(Identity, timer.payload["identity"])
    scene.tell(person, message, key=timer.key, identity=asked_on)
