"""What somebody of the team saw to, when they leave, pause or lose a role: it waits for others.

Requests, calls for help, interviews, what was reported: each is told to who is left, and to
whoever was promised something. This module knows no role by name: who may still see to what is
for those who keep it to say.

Source: A-15, M-15, P5.
"""

from __future__ import annotations

from bot.commands import help_calls
from bot.flows import flags, queue
from bot.programmes.schema import Programme
from bot.turn import Scene


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
    queue.drop_interviews(scene, person_id)


def role_changed(scene: Scene, person_id: int, programme: Programme) -> None:
    """Somebody has another role, or one less: what it no longer lets them see to is free."""
    if not queue.of_team(scene, person_id, programme.id):
        queue.free_all(scene, person_id, programme.id)
        queue.drop_interviews(scene, person_id, programme.id)
    help_calls.free_all(scene, programme)
    flags.free_all(scene, programme)
