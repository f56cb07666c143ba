"""What waits, told to each of the team in one message: in the morning, at day's end.

On working days, at the times of the programme's file, in its zone. The first of the day says all
that waits; the second only what is new since, and nothing is sent when there is nothing to say. One
that comes too late, after an outage, is left out: the next one says it. Whoever follows a pair is
told there, once, of a meeting of which the two sides do not say the same; somebody who is not lent
the queue is told only that. Where pairs are followed, the morning counts those that nobody follows.
Names and states only, never what somebody wrote.

Source: A-14, A-15, A-28, J-20; what peers' users complain of, rows 2 and 3.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from bot import access
from bot.commands.queue import line
from bot.dialogues import run_choice
from bot.flows import meetings, pairs, queue
from bot.flows.supervision import supervisor, unfollowed
from bot.followup import at_last, due, planner
from bot.i18n import Words
from bot.messages import Line, Message
from bot.programmes.schema import Programme
from bot.rhythm import to_local, to_utc
from bot.turn import REMINDER, Scene, within
from storage.tables import Meeting, Pair, Person, Request
from storage.timers import DueTimer

SHOWN: Final = 5  # requests with a button of their own
LONGEST: Final = 160  # days looked through for a working day: more than a file can take away
PLANNED: Final = 1000  # more digests than are ever planned at a time


# --- when -----------------------------------------------------------------------------------------


def on_working_days(
    programme: Programme, times: Sequence[time], around: datetime
) -> list[datetime]:
    """The instants (UTC) of these local times around an instant, in order.

    They are those of that day, if the team works then, of the working day before and of the one
    after.
    """
    today = to_local(around, programme.zone).date()
    ways = (range(-1, -LONGEST, -1), range(1), range(1, LONGEST))
    found = (
        next((day for n in way if programme.works(day := today + timedelta(days=n))), None)
        for way in ways
    )
    return [
        to_utc(datetime.combine(day, at), programme.zone)
        for day in found
        if day is not None
        for at in times
    ]


@at_last
def stirred(scene: Scene) -> None:
    """Something waits in a queue: its next digest is a timer. Nothing waits: there is none."""
    found = [scene.uow.requests.get(number) for number in scene.uow.touched_requests]
    programmes = scene.bot.programmes
    touched = [r for r in found if r is not None and r.programme_id in programmes]
    waiting = {r.programme_id for r in touched if queue.clocked(programmes[r.programme_id], r)}
    waiting |= scene.uow.kept.stirred & programmes.keys()
    for programme_id in sorted(waiting):
        _plan(scene, programmes[programme_id])


@pairs.begins
def begun(scene: Scene, pair: Pair) -> None:
    """A pair that nobody follows yet: the next digest counts it."""
    if pair.supervisor_id is None:
        scene.uow.kept.stirred.add(pair.programme_id)


@planner
def plan_digests(scene: Scene) -> None:
    """The next digest of each programme where something waits; none planned from an older file."""
    for older in scene.uow.timers.list(kind="digest", limit=PLANNED):
        if older.payload["programme"] in scene.bot.programmes and older.due_at > scene.now:
            scene.uow.timers.cancel_key(older.key)
    for programme in scene.bot.programmes.values():
        if _waits(scene, programme):
            _plan(scene, programme)


def _waits(scene: Scene, programme: Programme) -> bool:
    waiting = any(queue.clocked(programme, r) for r in scene.uow.requests.waiting(programme.id))
    differing = scene.uow.kept.differing(programme.id, scene.now)
    return waiting or bool(differing) or bool(_unfollowed(scene, programme))


def _unfollowed(scene: Scene, programme: Programme) -> Sequence[Pair]:
    """Pairs that nobody follows, the oldest first; none where no pair is ever followed."""
    every = scene.uow.pairs.of_programme(programme.id)
    followed = any(pair.supervisor_id for pair in every)
    if not followed and not scene.uow.people.with_role(programme.id, "supervisor", limit=1):
        return ()
    return unfollowed(scene, every)


def _plan(scene: Scene, programme: Programme) -> None:
    every = on_working_days(programme, programme.queue.digests, scene.now)
    coming = next((at for at in every if at > scene.now), None)
    if coming is not None:
        scene.uow.timers.put(
            key=f"digest:{programme.id}:{coming:%Y%m%dT%H%M}",
            kind="digest",
            subject_id=0,
            due_at=coming,
            payload={"programme": programme.id},
        )


# --- what -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in a programme's queue.

    Attributes:
        live: Requests for which the team's clocks run, oldest first.
        new: Made since the last digest.
        free: Nobody sees to them.
        late: Past their deadline.
        asked: With an expert.
        stirred: What somebody who read the last digest does not know yet.
    """

    live: list[Request]
    new: list[Request]
    free: list[Request]
    late: list[Request]
    asked: list[Request]
    stirred: list[Request]

    def without(self, people: Collection[int]) -> Waiting:
        """The same without what these people ask for."""
        lists = (self.live, self.new, self.free, self.late, self.asked, self.stirred)
        return Waiting(*([r for r in one if r.person_id not in people] for one in lists))


def look(scene: Scene, programme: Programme, since: datetime) -> Waiting:
    """What waits now, and what of it is new since then (UTC)."""
    every = scene.uow.requests.waiting(programme.id)
    live = [r for r in every if queue.clocked(programme, r)]
    free = [r for r in live if queue.owner_of(scene, r) is None]
    late = [r for r in live if queue.overdue(scene, r)]
    new = [r for r in live if r.created_at > since]

    def moved(r: Request) -> bool:
        handed = r.state == "team" and r.changed_at > since
        freed = r in free and r.owned_at is not None and r.owned_at > since
        newly_late = r in late and r.due_at is not None and r.due_at > since
        return r in new or handed or freed or newly_late

    return Waiting(
        live,
        new,
        free,
        late,
        [r for r in live if r.state == "asked"],
        [r for r in live if moved(r)],
    )


@due("digest")
def digest(scene: Scene, timer: DueTimer) -> None:
    """Tell each of the team what waits, and plan the next digest."""
    programme = scene.programme_of(timer.payload["programme"])
    if _waits(scene, programme):
        _plan(scene, programme)
    every = on_working_days(programme, programme.queue.digests, timer.due_at)
    if timer.due_at not in every:
        return  # the file has other times by now
    place = every.index(timer.due_at)
    since, following = every[place - 1], every[place + 1]
    today = to_local(scene.now, programme.zone).date()
    planned = to_local(timer.due_at, programme.zone).date()
    if scene.now >= following or today != planned:
        return
    first = to_local(since, programme.zone).date() != planned
    waiting = look(scene, programme, since)
    differing = scene.uow.kept.differing(programme.id, scene.now)
    unlike: dict[int, list[tuple[Meeting, Pair]]] = {}
    alone = _unfollowed(scene, programme) if first else ()
    followers = {person.id for person in scene.team(programme, "binomes")}
    team = {person.id: person for person in scene.team(programme, "demandes")}
    readers = dict(team)
    for meeting, pair in differing:
        meeting.differ_told_at = scene.now
        whose = supervisor(scene, pair)
        for person in (whose,) if whose else scene.team(programme, "binomes"):
            if person.id in (pair.mentee_id, pair.mentor_id):
                continue
            readers[person.id] = person
            unlike.setdefault(person.id, []).append((meeting, pair))
    for person in readers.values():
        w = scene.words(person, programme)
        found = _differing(scene, unlike.get(person.id, ()), w)
        if person.id in team:
            free = [
                pair
                for pair in alone
                if person.id in followers and person.id not in (pair.mentee_id, pair.mentor_id)
            ]
            theirs = waiting.without(access.close_to(scene, person.id))
            message = _digest(
                scene, programme, theirs, person, w, found, alone=len(free), first=first
            )
        else:
            message = Message("", title=w("digest-pairs"), lines=found, notice=w("digest-pairs"))
        if message is not None:
            scene.tell(
                person,
                within(programme, message),
                key=f"{timer.key}:staff{person.id}",
                priority=REMINDER,
                expires_at=following,
            )


def _differing(scene: Scene, unlike: Sequence[tuple[Meeting, Pair]], w: Words) -> tuple[Line, ...]:
    """The pairs whose two sides do not say the same of a meeting."""
    return tuple(
        Line(
            label=" · ".join(
                scene.person(side).name or "—" for side in (pair.mentee_id, pair.mentor_id)
            ),
            text=w("digest-differ", when=meetings.when(meeting, w)),
            choice=run_choice(w("see-pair"), "binomes", str(pair.id)),
        )
        for meeting, pair in unlike[:SHOWN]
    )


def _digest(
    scene: Scene,
    programme: Programme,
    waiting: Waiting,
    person: Person,
    w: Words,
    differing: tuple[Line, ...],
    *,
    alone: int,
    first: bool,
) -> Message | None:
    mine = [r for r in waiting.live if r.owner_id == person.id]
    to_do = [r for r in mine if r.state != "asked"]  # the others wait for an expert
    interviews = scene.uow.casework.asked_of(person.id, programme.id)
    told = [*waiting.late, *waiting.free, *to_do] if first else waiting.stirred
    if not (told or waiting.new or differing or alone or (first and interviews)):
        return None
    shown = sorted({r.id: r for r in [*told, *waiting.new]}.values(), key=lambda r: r.created_at)
    counts = (
        (len(waiting.new), w("digest-new", n=len(waiting.new))),
        (len(waiting.free), w("digest-free", n=len(waiting.free))),
        (len(waiting.late), w("digest-late", n=len(waiting.late))),
        (len(mine), w("digest-mine", n=len(mine))),
        (len(waiting.asked), w("digest-asked", n=len(waiting.asked))),
        (len(interviews), w("digest-interviews", n=len(interviews))),
        (alone, w("digest-alone", n=alone)),
    )
    return Message(
        title=w("digest-morning") if first else w("digest-evening"),
        text="\n".join(f"• {said}" for n, said in counts if n),
        lines=(*(line(scene, r, w, person.id) for r in shown[:SHOWN]), *differing),
        choices=(
            run_choice(w("staff-filter-all"), "demandes"),
            run_choice(w("staff-filter-mine"), "demandes", "miennes"),
            run_choice(w("staff-filter-free"), "demandes", "libres"),
            run_choice(w("staff-filter-late"), "demandes", "retard"),
            *((run_choice(w("staff-filter-alone"), "binomes", "libres"),) if alone else ()),
        ),
        notice=w("digest-morning") if first else w("digest-evening"),
    )
