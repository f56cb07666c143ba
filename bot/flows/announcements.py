"""Announcements on their way: a chunk of people at a time, stopped midway, counted at the end.

Each says who writes and how to hear of no more. Whoever does not want any gets none: this is looked
at when their message is written and again when its turn comes (`storage.sending`). Nor does a minor
whose parents have not agreed. What the bot
asks people as their programme goes on is no announcement. How one is written and confirmed is
`bot/commands/announce.py`'s.

Source: X-15, X-18.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bot import minors
from bot.dialogues import run_choice
from bot.followup import due
from bot.i18n import Words
from bot.lifecycle import ANNOUNCEMENT, move
from bot.messages import Message
from bot.programmes.schema import Programme
from bot.rhythm import into_waking_hours
from bot.turn import MASS, Scene
from storage.announcements import Audience, Segment, key
from storage.tables import Announcement, Person
from storage.timers import DueTimer

CHUNK: Final = 50  # people in one transaction, so that nobody else waits for long
LIFE: Final = timedelta(days=7)  # what could not be said by then is not said any more
COUNTED: Final = timedelta(days=1)  # after the last was written to, the sender hears how many


def message(programme: Programme, author: Person, text: str, w: Words) -> Message:
    """What each receives."""
    return Message(
        text,
        title=w("announce-from", name=author.name or w.team(programme.contact),
                programme=w.pick(programme.name)),
        quiet=(run_choice(w("news-mute"), "nouvelles", f"non@{programme.id}"),),
    )  # fmt: skip


def audience(scene: Scene, programme: Programme, segment: Segment) -> Audience:
    """How many would receive it now."""
    without = minors.waiting(scene, programme)
    return scene.uow.announcements.audience(programme.id, segment, scene.now, without=without)


@due("announce")
def send_some(scene: Scene, timer: DueTimer) -> None:
    """Write to a chunk of people, then to the next."""
    store = scene.uow.announcements
    row = store.get(timer.subject_id)
    if row is None or row.state != "sending":
        return
    programme = scene.programme_of(row.programme_id)
    author, text = scene.person(row.author_id), store.text(row)
    segment, cursor = Segment.from_json(row.segment), int(timer.payload["cursor"])
    people = store.page(programme.id, segment, scene.now, after_id=cursor, limit=CHUNK)
    muted = store.muted(programme.id, [person.id for person in people])
    wanted = [
        person
        for person in people
        if person.id not in muted and minors.missing(scene, person, programme) is None
    ]
    usable = [person for person in wanted if scene.uow.people.reach(person) is not None]
    if not store.add(
        row, told=len(usable), muted=len(muted), unreachable=len(wanted) - len(usable)
    ):
        return  # stopped in this very instant
    scene.uow.people.recall_consents([person.id for person in usable])
    for person in usable:
        w = scene.words(person, programme)
        scene.tell(
            person,
            message(programme, author, text, w),
            key=key(row, person.id),
            priority=MASS,
            not_before=into_waking_hours(scene.now, scene.zone(person, programme), programme.quiet),
            expires_at=scene.now + LIFE,
        )
    if len(people) == CHUNK:
        after = {**timer.payload, "cursor": people[-1].id}
        scene.uow.timers.again(timer, timer.due_at, after)
        return
    state = move(ANNOUNCEMENT, row.state, "finish")
    store.move(row, row.version, state, done_at=scene.now)
    count_later(scene, row)


def count_later(scene: Scene, row: Announcement) -> None:
    """Have its reach counted once the outbox is through with it."""
    scene.uow.timers.put(
        key=f"announce-reach:{row.id}", kind="announce-reach", subject_id=row.id,
        due_at=scene.now + COUNTED,
    )  # fmt: skip


@due("announce-reach")
def count(scene: Scene, timer: DueTimer) -> None:
    """Keep how many it reached, for messages are forgotten; the sender hears it."""
    store = scene.uow.announcements
    row = store.get(timer.subject_id)
    if row is None or row.reached is not None:
        return
    programme, found = scene.programme_of(row.programme_id), store.reach(row)
    store.move(
        row, row.version, row.state, reached=found.arrived, unreachable=found.unreachable,
        muted=found.muted,
    )  # fmt: skip
    author = scene.person(row.author_id)
    w = scene.words(author, programme)
    scene.tell(
        author,
        Message(
            w("announce-reach", found.arrived, unreachable=found.unreachable, muted=found.muted),
            title=w("announce-title", number=row.id),
        ),
        key=f"announce-reach:{programme.id}:{row.id}",
    )
