"""Who of the team follows a pair, and what the team is told of it.

A pair's supervisor hears of what happens in it; while it has none, or they left the team, everybody
of the team does. This module does not know what is worth telling.

Source: A-14; features of others, "account manager per relation".
"""

from __future__ import annotations

from collections.abc import Callable

from bot import access
from bot.commands.registry import act
from bot.dialogues import act_choice, run_choice
from bot.i18n import Words
from bot.messages import Choice, Line, Message
from bot.turn import STAFF_ROLES, Scene, Turn
from storage.tables import Pair, Person


def supervisor(scene: Scene, pair: Pair) -> Person | None:
    """Who follows a pair; None when nobody does, or whoever did is no longer of the team."""
    person = scene.uow.people.get(pair.supervisor_id) if pair.supervisor_id else None
    if person is None or not scene.uow.people.roles(person.id, pair.programme_id) & STAFF_ROLES:
        return None
    return person


def tell_staff(  # noqa: PLR0913 - keywords that name what a line to the team holds
    scene: Scene,
    pair: Pair,
    key_of_text: str,
    *,
    key: str,
    n: int | None = None,
    lines: Callable[[Words], tuple[Line, ...]] = lambda w: (),
    choices: Callable[[Words], tuple[Choice, ...]] = lambda w: (),
    everybody: bool = False,
    name: str = "—",
    when: str = "—",
) -> None:
    """A line about a pair to whoever follows it, else to the whole team.

    Args:
        scene: The cause.
        pair: Which.
        key_of_text: The message.
        key: Its meaning.
        n: How many, where the message counts something.
        lines: What was answered.
        choices: What can be done about it, before the way to look at the pair.
        everybody: Tell the whole team, for it has waited long enough.
        name: Who of the two is meant, where the message says so.
        when: By when something is promised, where the message says so.
    """
    mentee, mentor = scene.person(pair.mentee_id), scene.person(pair.mentor_id)
    programme = scene.programme_of(pair.programme_id)

    def build(w: Words) -> Message:
        return Message(
            w(
                key_of_text,
                n,
                mentee=mentee.name or "—",
                mentor=mentor.name or "—",
                name=name,
                when=when,
            ),
            lines=lines(w),
            choices=(*choices(w), run_choice(w("see-pair"), "binomes", str(pair.id))),
        )

    mine = None if everybody else supervisor(scene, pair)
    told = scene.tell_staff(programme, build, key=key, only=(mine.id,)) if mine else 0
    if not told:
        scene.tell_staff(programme, build, key=key)


def take(w: Words, pair: Pair) -> tuple[Choice, ...]:
    """The button by which somebody of the team takes a pair that nobody follows."""
    return (act_choice(w("supervise-me"), "supervise", pair.id, pair.version),)


@act("supervise", who="staff", of="binomes")
def supervise(turn: Turn, number: int, version: int) -> None:
    """I follow this pair, if nobody does yet."""
    pair = access.staff_pair(turn, number)
    now = supervisor(turn, pair)
    if now is not None and now.id != turn.me.id:
        turn.text("supervised-by", name=now.name or "—", number=pair.id)
        return
    give(turn, pair, turn.me)


def give(turn: Turn, pair: Pair, person: Person) -> None:
    """A pair gets this supervisor; they hear of it unless they did it themselves."""
    if not turn.uow.pairs.supervise(pair, pair.supervisor_id, person.id):
        turn.text("button-stale")
        return
    turn.note("supervised", "pair", pair.id, supervisor=person.id)
    if person.id == turn.me.id:
        turn.text("supervised-by-you", number=pair.id)
        return
    turn.text("supervised-by", name=person.name or "—", number=pair.id)
    w = turn.words(person, turn.programme)
    mentee, mentor = turn.person(pair.mentee_id), turn.person(pair.mentor_id)
    turn.show(
        person,
        Message(
            w(
                "supervised-given",
                name=turn.me.name or "—",
                mentee=mentee.name or "—",
                mentor=mentor.name or "—",
            ),
            choices=(run_choice(w("see-pair"), "binomes", str(pair.id)),),
        ),
        what="supervised",
    )
