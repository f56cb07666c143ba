"""Answers that the team has promised by a date: kept in view until they are given.

Whoever asks for a coach or a correction, hands words to the team, wants to join, has lost their
mentor or has followed the training is told by when somebody answers. When that date has passed, the
team is told each working day, in one message, and `promesses` lists them all. What was said is not
shown here: the list leads to it.

Source: A-15, A-20; GDPR 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from bot import access
from bot.dialogues import run_choice
from bot.followup import due, planner
from bot.i18n import Words
from bot.messages import Line, Message
from bot.programmes.schema import Programme
from bot.rhythm import into_waking_hours, to_local
from bot.turn import Scene
from storage.promises import Owed
from storage.promises import owed as read_owed
from storage.timers import DueTimer

SHOWN: Final = 20


def made(scene: Scene, programme: Programme) -> None:
    """Something was promised: it is looked at again by then, whatever else is.

    What is planned already comes no later, and plans the next look itself.
    """
    _plan(scene, programme, scene.working_days(programme))


def next_pair(scene: Scene, programme: Programme, mentee_id: int) -> datetime:
    """Another mentor is promised to whoever has lost theirs; by when the team answers (UTC)."""
    member = scene.uow.people.membership(mentee_id, programme.id, "mentee")
    if member is not None:
        member.next_pair_at = scene.now
    made(scene, programme)
    return scene.working_days(programme)


def owed(scene: Scene, programme: Programme) -> list[Owed]:
    """What waits for the team, the oldest first.

    Of those who want to join, those whom the team was told of: their profile is there. Of trainings
    to confirm, none where the file has no training any more.
    """
    found = read_owed(scene.uow.session, programme.id)

    def told(one: Owed) -> bool:
        if one.kind == "training":
            return programme.pair.training is not None
        if one.kind != "join" or programme.profile is None:
            return True
        done = scene.uow.talks.latest(one.person_id, programme.id, "profile", status="done")
        return done is not None

    return [one for one in found if told(one)]


def due_at(programme: Programme, one: Owed) -> datetime:
    """By when it was promised."""
    return programme.working_days_later(one.since, programme.contact.days)


def _plan(scene: Scene, programme: Programme, at: datetime) -> None:
    if any(t.payload["programme"] == programme.id for t in scene.uow.timers.list(kind="promises")):
        return
    at = into_waking_hours(at, programme.zone, programme.quiet)
    scene.uow.timers.put(
        key=f"promises:{programme.id}:{at:%Y%m%dT%H%M%S}",
        kind="promises",
        subject_id=0,
        due_at=at,
        payload={"programme": programme.id},
    )


def _plan_next(scene: Scene, programme: Programme, found: Sequence[Owed]) -> None:
    """The next date that passes, or the next working day while one has passed."""
    if found:
        tomorrow = programme.working_days_later(scene.now, 1)
        coming = (due_at(programme, one) for one in found)
        _plan(scene, programme, min(tomorrow if at <= scene.now else at for at in coming))


@planner
def plan_all(scene: Scene) -> None:
    """At start: what was promised before is looked at too."""
    for programme in scene.bot.programmes.values():
        _plan_next(scene, programme, owed(scene, programme))


@due("promises")
def overdue(scene: Scene, timer: DueTimer) -> None:
    """Dates have passed: the team is told, once a day, and again until the answers are given."""
    programme = scene.programme_of(timer.payload["programme"])
    found = owed(scene, programme)
    late = [one for one in found if due_at(programme, one) <= scene.now]
    if late:
        day = to_local(scene.now, programme.zone).date()
        for person in scene.team(programme, "promesses"):
            theirs = of_others(scene, person.id, late)
            if theirs:
                scene.tell_staff(
                    programme,
                    partial(_late, scene, programme, theirs),
                    key=f"promises:{programme.id}:{day}",
                    to=(person,),
                )
    _plan_next(scene, programme, found)


def _late(scene: Scene, programme: Programme, found: Sequence[Owed], w: Words) -> Message:
    return listed(scene, programme, found, w, w("promises-late", n=len(found)))


def of_others(scene: Scene, reader_id: int, found: Sequence[Owed]) -> list[Owed]:
    """Without what is promised to the reader, or to somebody they are paired with."""
    own = access.close_to(scene, reader_id)
    return [one for one in found if one.person_id not in own]


def listed(
    scene: Scene, programme: Programme, found: Sequence[Owed], w: Words, text: str
) -> Message:
    """Who waits for what, since when and until when, each with the tap that opens it."""
    names = scene.uow.people.names([one.person_id for one in found])
    lines = []
    for one in found[:SHOWN]:
        verb, argument = ("promesses", f"{one.kind}.{one.number}")
        if one.kind == "referral":
            verb, argument = "orientations", str(one.number)
        when = w.weekday(due_at(programme, one))
        lines.append(
            Line(
                label=names.get(one.person_id) or "—",
                text=w(f"promise-{one.kind}", when=when),
                choice=run_choice(w("staff-open"), verb, argument),
            )
        )
    return Message(
        title=w("promises-title"),
        text=text,
        lines=tuple(lines),
        note=w("staff-more", n=len(found) - SHOWN) if len(found) > SHOWN else None,
        notice=w("promises-title"),
    )
