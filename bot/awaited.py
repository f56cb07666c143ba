"""Words that somebody was asked for: the next free text is for what they pressed.

A button says « write it now »; what is typed within the hour goes there, whatever dialogue is open,
and any other button, command or question ends the waiting (`Bot` sees to that, and to the hour).
Who may do what is decided when the words come, by whoever registered for them: this module knows
nothing of rights, only whether the words are about the writer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from bot.commands.registry import act
from bot.dialogues import act_choice
from bot.messages import Choice, Message
from bot.turn import Turn
from storage.tables import Person

LIFE: Final = timedelta(hours=1)
MOST: Final = 2000  # characters: what a page of several notes still holds on both platforms
Taker = Callable[[Turn, int, str], None]
TAKERS: Final[dict[str, Taker]] = {}
_OF_OTHERS: Final[set[str]] = set()


def words_for(verb: str, *, own: bool) -> Callable[[Taker], Taker]:
    """Register who takes the words asked for under this verb, with the number of the object.

    Args:
        verb: Of `ask`.
        own: Whether people write of themselves here, so that words of distress are heard (P5);
            what the team writes down or passes on is about others.
    """

    def register(run: Taker) -> Taker:
        TAKERS[verb] = run
        if not own:
            _OF_OTHERS.add(verb)
        return run

    return register


def of_others(person: Person) -> bool:
    """Whether the next words of this person were asked for, and are about somebody else."""
    return (person.words_for or "").partition(":")[0] in _OF_OTHERS


def ask(turn: Turn, verb: str, number: int, text: str, *choices: Choice) -> None:
    """Ask for words; `choices` are other ways on than writing."""
    turn.me.words_for, turn.me.relay_until = f"{verb}:{number}", turn.now + LIFE
    turn.say(
        Message(
            text,
            choices=choices,
            quiet=(act_choice(turn.w("write-cancel"), "unask", number, 1),),
            placeholder=turn.w("awaited-placeholder"),
        )
    )


@act("unask", who="member", scope="self")
def unask(turn: Turn, number: int, version: int) -> None:
    """Nothing is to be written after all (any press ends the waiting, see `Bot`)."""
    turn.replace(Message(turn.w("awaited-cancelled")))


def heard(turn: Turn, text: str) -> bool:
    """Give the words to who asked for them; False when nobody did."""
    verb, _, number = (turn.me.words_for or "").partition(":")
    taker = TAKERS.get(verb)
    if taker is None:
        turn.me.words_for = None
        return False
    if len(text) > MOST:
        turn.text("answer-too-long", max=MOST, length=len(text))
        return True  # it goes on waiting for a shorter one
    turn.me.words_for = turn.me.relay_until = None
    taker(turn, int(number), text)
    return True
