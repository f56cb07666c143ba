"""A word to staff in the morning when somebody new comes first: at most one a day, else none.

Whatever may put somebody first plans the next morning; only a programme whose file gives an hour
has one. Who it is stands behind the button: the message names nobody.

Source: E-09.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.aside import Answer, Work, beside
from bot.dialogues import run_choice
from bot.followup import due
from bot.messages import Message
from bot.programmes.schema import Programme
from bot.rhythm import into_waking_hours, to_local, to_utc
from bot.triage import gather
from bot.triage.gather import Seen, everybody, read
from bot.triage.score import first
from bot.turn import Scene
from storage.timers import DueTimer

TOP: Final = 5  # whoever comes into the first five is news
LATER: Final = "triage-news"


def look_again(scene: Scene, programme: Programme) -> None:
    """Something has happened that may change who comes first: look on the next working day."""
    hour, zone = programme.triage.morning, programme.zone
    if hour is None:
        return
    day = to_local(scene.now, zone).date()
    while not programme.works(day) or to_utc(datetime.combine(day, hour), zone) <= scene.now:
        day += timedelta(days=1)
    at = into_waking_hours(to_utc(datetime.combine(day, hour), zone), zone, programme.quiet)
    scene.uow.timers.put(
        key=f"triage:{programme.id}:{day}",
        kind="triage",
        subject_id=0,
        due_at=at,
        payload={"programme": programme.id},
    )


@due("triage")
def news(scene: Scene, timer: DueTimer) -> None:
    """How many have come first since the last word; nothing when nobody has.

    Where many are followed, they are weighed beside the turns; a rehearsal has nobody who does.
    """
    programme = scene.programme_of(timer.payload["programme"])
    if scene.bot.aside is not None and scene.uow.triage.followed(programme.id) > gather.AT_ONCE:
        scene.uow.timers.put(
            key=f"{LATER}:{timer.key}",
            kind=LATER,
            subject_id=0,
            due_at=scene.now,
            payload={"programme": programme.id, "key": timer.key, "person": 0, "begun": 0},
        )
        return
    _tell(scene, programme, everybody(scene.uow, programme, scene.now), timer.key)


@beside(LATER)
def weigh(scene: Scene, timer: DueTimer) -> Work:
    """Read what is known, and weigh it in a thread."""
    programme = scene.programme_of(timer.payload["programme"])
    known = read(scene.uow, programme, scene.now)

    def work() -> Answer:
        every = known.weighed()
        return lambda later: _tell(later, programme, every, timer.payload["key"])

    return work


def _tell(scene: Scene, programme: Programme, every: Sequence[Seen], key: str) -> None:
    top = first([one.entry for one in every], TOP, programme.triage.strong)
    name = f"triage:{programme.id}"
    told = scene.uow.memos.get(name)
    new = set(top).difference(told.detail["top"] if told else ())
    scene.uow.memos.put(name, scene.now, {"top": top})
    if new:
        scene.tell_staff(
            programme,
            lambda w: Message(
                w("triage-news", n=len(new)), choices=(run_choice(w("triage-open"), "a-voir"),)
            ),
            key=key,
        )
