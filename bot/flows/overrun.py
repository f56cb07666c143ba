"""More than a volunteer's role: too many meetings or hours in a month, too many months in all.

The team hears of it, once for each step; the pair does not. What is too much the programme file
says; nothing is stopped by it.

Source: A-19.
"""

from __future__ import annotations

from datetime import timedelta

from bot.flows.meetings import MEETING_MINUTES
from bot.flows.supervision import tell_staff
from bot.followup import due, planner
from bot.programmes.schema import Programme
from bot.rhythm import months_later
from bot.turn import Scene
from storage.tables import Pair
from storage.timers import DueTimer

EVERY = timedelta(days=30)
HOUR = 60  # minutes
LIVE = ("active", "paused")


def plan(scene: Scene, pair: Pair, programme: Programme) -> None:
    """Looked at every thirty days, if the file sets a limit."""
    limits = programme.pair.limits
    if pair.kind != "long_term" or not (limits.meetings or limits.hours or limits.months):
        return
    at = pair.started_at + EVERY
    while at <= scene.now:
        at += EVERY
    scene.uow.timers.put(
        key=f"overrun:{pair.id}:{at.isoformat()}", kind="overrun", subject_id=pair.id, due_at=at
    )


@planner
def plan_all(scene: Scene) -> None:
    """Pairs that began before the file set a limit."""
    for programme in scene.bot.programmes.values():
        limits = programme.pair.limits
        if not (limits.meetings or limits.hours or limits.months):
            continue
        for pair in scene.uow.pairs.unplanned(programme.id, "overrun"):
            plan(scene, pair, programme)


@due("overrun")
def look(scene: Scene, timer: DueTimer) -> None:
    """What the last thirty days came to."""
    pair = scene.uow.pairs.get(timer.subject_id)
    if pair is None or pair.state not in LIVE:
        return
    programme = scene.programme_of(pair.programme_id)
    limits = programme.pair.limits
    plan(scene, pair, programme)
    meetings = scene.uow.pairs.met(pair.id, scene.now - EVERY, scene.now)
    minutes = sum(meeting.minutes or MEETING_MINUTES for meeting in meetings)
    if limits.meetings is not None and len(meetings) > limits.meetings:
        tell_staff(
            scene, pair, "staff-overrun-meetings", key=f"{timer.key}:meetings", n=len(meetings)
        )
    elif limits.hours is not None and minutes > limits.hours * HOUR:
        tell_staff(scene, pair, "staff-overrun-hours", key=f"{timer.key}:hours", n=minutes // HOUR)
    if limits.months is None:
        return
    passed = limits.months
    while months_later(pair.started_at, passed + 1, programme.zone) <= scene.now:
        passed += 1
    if months_later(pair.started_at, limits.months, programme.zone) <= scene.now:
        tell_staff(
            scene, pair, "staff-overrun-months", key=f"overrun:{pair.id}:months:{passed}", n=passed
        )
