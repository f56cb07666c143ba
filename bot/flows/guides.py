"""Conversation guides: texts of the programme file, pushed in a given month of a pair.

What they say, to which side and when is the file's affair; this module asks nobody anything.

Source: A-07.
"""

from __future__ import annotations

from bot.followup import due
from bot.messages import Message
from bot.programmes.schema import Programme
from bot.rhythm import months_later
from bot.turn import REMINDER, Scene
from storage.tables import Pair
from storage.timers import DueTimer


def plan(scene: Scene, pair: Pair, programme: Programme) -> None:
    """Texts pushed in a given month (A-07)."""
    if pair.kind != "long_term":
        return
    for month in {guide.month for guide in programme.guides}:
        scene.uow.timers.put(
            key=f"guide:{pair.id}:{month}",
            kind="guide",
            subject_id=pair.id,
            due_at=months_later(scene.now, month, programme.zone),
            payload={"month": month},
        )


@due("guide")
def guide(scene: Scene, timer: DueTimer) -> None:
    """The conversation guides of a month as the file has them now, to the sides they are for."""
    pair = scene.uow.pairs.get(timer.subject_id)
    if pair is None or pair.state != "active":
        return
    programme = scene.programme_of(pair.programme_id)
    for number, role in ((pair.mentee_id, "mentee"), (pair.mentor_id, "mentor")):
        person = scene.person(number)
        w = scene.words(person, programme)
        texts = [
            guide.text
            for guide in programme.guides
            if guide.month == timer.payload.get("month") and role in guide.to
        ]
        for place, text in enumerate(texts):
            scene.tell(
                person,
                Message(title=w("guide-title"), text=w.pick(text)),
                key=f"{timer.key}:{person.id}:{place}",
                priority=REMINDER,
            )
