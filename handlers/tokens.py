"""That a platform takes no token any more, said to staff on the other one.

This module does not know how that was noticed: at the start, or while the bot ran.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from bot.i18n import Words
from bot.messages import Message
from bot.turn import Scene, within

PLATFORMS: Final = frozenset({"slack", "telegram"})


def tell_elsewhere(scene: Scene, platform: str, code: str, since: datetime, *, key: str) -> None:
    """Tell every one of the staff who can be reached on another platform.

    Args:
        scene: The cause.
        platform: Which refuses.
        code: What it says of the token.
        since: From when on (UTC).
        key: Of what is said, without the person.
    """
    name = platform.capitalize()
    spread(
        scene,
        platform,
        lambda w: w("staff-token-refused", platform=name, code=code, when=w.moment(since)),
        key=key,
    )


def spread(scene: Scene, platform: str, say: Callable[[Words], str], *, key: str) -> None:
    """Say something about a platform to its programmes' staff, anywhere else."""
    for programme in scene.bot.programmes.values():
        for person in scene.team(programme):
            elsewhere = scene.uow.people.reach(person, PLATFORMS - {platform})
            if elsewhere is not None:
                scene.tell(
                    person,
                    within(programme, Message(say(scene.words(person, programme)))),
                    key=f"{key}:staff{person.id}",
                    identity=elsewhere,
                )
