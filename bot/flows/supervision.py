"""Who of the team follows a pair, and what the team is told of it.

A pair's supervisor hears of what happens in it, whether of the team or named to follow pairs only;
while it has none, or they left, everybody of the team does. No supervisor hears of another's pairs.
This module does not know what is worth telling.

Source: A-14; features of others, "account manager per relation".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bot import access
from bot.commands.registry import act
from bot.dialogues import act_choice, run_choice
from bot.flows import queue
from bot.i18n import Words
from bot.messages import Choice, Line, Message
from bot.turn import Scene, Turn, within
from storage.tables import Pair, Person


def supervisor(scene: Scene, pair: Pair) -> Person | None:
    """Who follows a pair; None when nobody does, or whoever did may no longer."""
    person = scene.uow.people.get(pair.supervisor_id) if pair.supervisor_id else None
    return person if person is not None and may_follow(scene, person, pair) else None


def may_follow(scene: Scene, person: Person, pair: Pair) -> bool:
    """Whether somebody may follow a pair: staff, a supervisor, a body lent them; never a side."""
    side = person.id in (pair.mentee_id, pair.mentor_id)
    return not side and scene.allowed(person.id, pair.programme_id, "binomes")


def followers(scene: Scene, pair: Pair) -> Sequence[Person]:
    """Who may follow a pair, the team first."""
    programme = scene.programme_of(pair.programme_id)
    named = scene.uow.people.with_role(programme.id, "supervisor")
    people = {person.id: person for person in (*scene.team(programme, "binomes"), *named)}
    return [person for person in people.values() if may_follow(scene, person, pair)]


def unfollowed(scene: Scene, pairs: Iterable[Pair]) -> Sequence[Pair]:
    """Those of these pairs that go on and that nobody follows, the oldest first."""
    live = (pair for pair in pairs if pair.state in ("active", "paused"))
    return sorted(
        (pair for pair in live if supervisor(scene, pair) is None),
        key=lambda pair: (pair.started_at, pair.id),
    )


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
    words_of: int | None = None,
) -> None:
    """A line about a pair to whoever follows it, else to the whole team but for its own sides.

    Args:
        scene: The cause.
        pair: Which.
        key_of_text: The message.
        key: Its meaning.
        n: How many, where the message counts something.
        lines: What was answered.
        choices: What can be done about it, before the way to look at the pair.
        everybody: Tell the whole team too, for it has waited long enough.
        name: Who of the two is meant, where the message says so.
        when: By when something is promised, where the message says so.
        words_of: Whose answers the lines are.
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

    mine = supervisor(scene, pair)
    told = 0
    if mine:
        told = scene.tell_staff(programme, build, key=key, to=(mine,), words_of=words_of)
    if everybody or not told:
        sides = (pair.mentee_id, pair.mentor_id)
        scene.tell_staff(programme, build, key=key, verb="binomes", words_of=words_of, but=sides)


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
    request = turn.uow.requests.get(pair.request_id) if pair.request_id else None
    if request is not None:
        queue.possible(turn, request)
    give(turn, pair, turn.me)


def give(turn: Turn, pair: Pair, person: Person) -> None:
    """A pair gets this supervisor; they hear of it, and who had it, unless they did it."""
    former = supervisor(turn, pair)
    if not turn.uow.pairs.supervise(pair, pair.supervisor_id, person.id):
        turn.text("button-stale")
        return
    turn.note("supervised", "pair", pair.id, supervisor=person.id)
    if former is not None and former.id not in (person.id, turn.me.id):
        w = turn.words(former, turn.programme)
        passed = Message(w("supervised-by", number=pair.id, name=person.name or "—"))
        turn.show(former, within(turn.programme, passed), what="supervised-passed")
    if person.id == turn.me.id:
        turn.text("supervised-by-you", number=pair.id)
        return
    turn.text("supervised-by", name=person.name or "—", number=pair.id)
    w = turn.words(person, turn.programme)
    mentee, mentor = turn.person(pair.mentee_id), turn.person(pair.mentor_id)
    given = Message(
        w(
            "supervised-given",
            name=turn.me.name or "—",
            mentee=mentee.name or "—",
            mentor=mentor.name or "—",
        ),
        choices=(run_choice(w("see-pair"), "binomes", str(pair.id)),),
    )
    turn.show(person, within(turn.programme, given), what="supervised")
