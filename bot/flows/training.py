"""A mentor's training: written down with its date, and asked for where the programme requires it.

Only before a new pair: whoever accompanies somebody already goes on. A mentor says that they have
followed it, somebody of the team confirms it; the team can write it down by itself.

Source: X-13.
"""

from __future__ import annotations

from bot import access, lifecycle
from bot.commands.registry import act
from bot.dialogues import act_choice
from bot.errors import NotAllowed
from bot.messages import Choice, Message
from bot.programmes.schema import Programme
from bot.turn import Scene, Turn
from storage.tables import Person, Training


def lacks(scene: Scene, person: Person, programme: Programme) -> bool:
    """Whether somebody has yet to follow the training before they may accompany anybody."""
    rules = programme.pair.training
    if rules is None or not rules.required:
        return False
    row = scene.uow.care.training(person.id, programme.id)
    return row is None or row.state != "confirmed"


def ask(turn: Turn) -> None:
    """What has to come first, how to follow it, and a tap for who already has."""
    rules = turn.programme.pair.training
    if rules is None:
        raise NotAllowed("no training here")
    w = turn.w
    row = turn.uow.care.training(turn.me.id, turn.programme.id)
    declared = row is not None and row.state == "declared"
    choices: list[Choice] = []
    if rules.link is not None:
        choices.append(Choice(w("training-open"), url=rules.link))
    if not declared:
        choices.append(act_choice(w("training-done"), "training-done", turn.me.id, 1, "primary"))
    turn.say(
        Message(
            title=w("training-title"),
            text=w("training-declared" if declared else "training-first")
            + "\n\n"
            + w.pick(rules.text),
            choices=tuple(choices),
            note=w("training-note", name=w.team(turn.programme.contact)),
        )
    )


@act("training-done", who="member", scope="self")
def declare(turn: Turn, number: int, version: int) -> None:
    """I have followed it; the team confirms."""
    if number != turn.me.id or turn.programme.pair.training is None:
        raise NotAllowed("not theirs")
    row = turn.uow.care.training(turn.me.id, turn.programme.id)
    if row is None:
        today = turn.today(turn.me, turn.programme)
        row = turn.uow.care.write_training(
            turn.me.id, turn.programme.id, "declared", done_on=today, now=turn.now
        )
        turn.note("training-declared", "person", turn.me.id)
        number = row.id
        turn.tell_staff(
            turn.programme,
            lambda w: Message(
                w("staff-training-declared", name=turn.me.name or "—"),
                choices=(
                    act_choice(w("training-confirm"), "training-confirm", number, 1, "primary"),
                ),
            ),
            key=f"training:{row.id}",
            verb="binomes",
        )
    turn.text("training-told", name=turn.w.team(turn.programme.contact))


@act("training-confirm", who="staff", of="binomes")
def confirm(turn: Turn, number: int, version: int) -> None:
    """The team confirms what a mentor said."""
    row = access.staff_training(turn, number)
    if row.state == "confirmed":
        turn.text("staff-training-there", name=turn.person(row.person_id).name or "—")
        return
    confirmed(turn, turn.person(row.person_id), row)


def confirmed(turn: Turn, person: Person, row: Training) -> None:
    """It is written down as confirmed; the mentor hears it, and may go on."""
    state = lifecycle.move(lifecycle.TRAINING, row.state, "confirm")
    turn.uow.care.write_training(
        person.id,
        turn.programme.id,
        state,
        done_on=row.done_on,
        now=turn.now,
        by_id=turn.me.id,
    )
    turn.note("training-confirmed", "person", person.id)
    w = turn.words(person, turn.programme)
    waiting = turn.uow.requests.asked_of(person.id, turn.programme.id)
    turn.tell(
        person,
        Message(
            w("training-confirmed"),
            choices=tuple(
                act_choice(w("accept"), "accept", p.id, p.version, "primary") for p in waiting[:1]
            ),
        ),
        key=f"training-confirmed:{row.id}:{turn.event.id}",
    )
    turn.text("staff-training-noted", name=person.name or "—", when=turn.w.day(row.done_on))
