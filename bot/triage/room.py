"""Who is shown the list: in a turn of theirs, or later, once it was worked out beside the turns.

Source: E-09.
"""

from __future__ import annotations

from bot.programmes.schema import Programme
from bot.turn import Scene, Turn
from storage.tables import Person


class Room(Scene):
    """Somebody of the team who is told later what they asked for.

    Args:
        scene: What is going on now.
        programme: Whose people are listed.
        reader: Who asked.
    """

    def __init__(self, scene: Scene, programme: Programme, reader: Person) -> None:
        super().__init__(scene.bot, scene.uow, scene.now)
        self.programme = programme
        self.me = reader
        self.w = scene.words(reader, programme)


Reader = Turn | Room
