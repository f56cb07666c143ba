"""What somebody of the team saw to, when they leave, pause or lose a role: it waits for others.

Requests, calls for help, interviews, what was reported: each is told to who is left, and to
whoever was promised something. This module knows no role by name: who may still see to what is
for those who keep it to say.

Source: A-15, M-15, P5.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from bot.aside import READERS
from bot.commands import help_calls
from bot.flows import flags, queue
from bot.kinds import Kinds
from bot.programmes.schema import Programme
from bot.turn import SIDES, Scene


def away(scene: Scene, person_id: int) -> int:
    """Somebody pauses, and is of the team still; how many requests are free again."""
    freed = queue.free_all(scene, person_id)
    for programme in scene.bot.programmes.values():
        help_calls.free_all(scene, programme, person_id)
        flags.free_all(scene, programme, person_id)
    return freed


def gone(scene: Scene, person_id: int) -> None:
    """Somebody is about to be erased."""
    away(scene, person_id)
    for programme in scene.bot.programmes.values():
        flags.reported_leaves(scene, programme, person_id)
        if scene.uow.people.roles(person_id, programme.id) - SIDES:
            scene.uow.kept.stirred.add(programme.id)  # the pairs they followed are counted
    queue.drop_interviews(scene, person_id)


def role_lost(scene: Scene, person_id: int, programme: Programme, lost: Set[str]) -> None:
    """Somebody has a role less: what was still to be said to them by it is not said any more.

    What waited while they were away, or for staff to send it again. What does not tell which
    programme it belongs to goes too: their colleagues there have been told the same. Who follows
    pairs, or is lent a verb, is told as staff is: that stays where they protect no more.
    """
    scene.uow.kept.stirred.add(programme.id)  # the pairs they followed are counted
    roles = scene.uow.people.roles(person_id, programme.id)
    guards = flags.guards(scene, programme)
    still = {
        f"staff{person_id}": "staff" in roles,
        f"owner{person_id}": "owner" in roles,
        f"guard{person_id}": any(one.id == person_id for one in guards),
    }
    lists = any(still.values())
    still[f"staff{person_id}"] |= bool(roles - SIDES) and lost <= {"safeguarding"}
    scene.uow.session.flush()
    keys = scene.uow.outbox.unsaid(person_id)
    kinds = Kinds(scene.uow, scene.bot.programmes, keys)
    scene.uow.outbox.drop(
        [
            key
            for key in keys
            if _as_what(key, still, lists=lists) and kinds.programme(key) in (programme.id, None)
        ]
    )


def _as_what(key: str, still: Mapping[str, bool], *, lists: bool) -> bool:
    """Whether a message was for somebody as what they are no more, or was asked for as such."""
    *_, last = key.removesuffix(":other").split(":")
    asked = key.partition(":")[0] in {*READERS, "agenda"}  # lists and files, made beside the turns
    return not still[last] if last in still else asked and not lists


def role_changed(scene: Scene, person_id: int, programme: Programme) -> None:
    """Somebody has another role, or one less: what it no longer lets them see to is free."""
    if not queue.of_team(scene, person_id, programme.id):
        queue.free_all(scene, person_id, programme.id)
        queue.drop_interviews(scene, person_id, programme.id)
    help_calls.free_all(scene, programme)
    flags.free_all(scene, programme)
