"""A mentor's training: written down with its date, and asked for where the programme requires it.

Only before a new pair: whoever accompanies somebody already goes on. A mentor says that they have
followed it, somebody of the team confirms it, by a promised date; the team can write it down by
itself. While the team has yet to confirm, no deadline of the mentor runs out: they have answered.

Source: A-15, X-13.
"""

from __future__ import annotations

from collections.abc import Callable

from bot import access, lifecycle
from bot.commands.registry import act
from bot.dialogues import act_choice
from bot.errors import NotAllowed
from bot.flows import promises
from bot.i18n import Words
from bot.messages import Choice, Message
from bot.programmes.schema import Programme
from bot.turn import Scene, Turn
from storage.tables import Person, Training

Confirmed = Callable[[Scene, Person, Programme], None]
_CONFIRMED: list[Confirmed] = []


def on_confirmed(run: Confirmed) -> Confirmed:
    """Register what is done once a mentor's training is confirmed."""
    _CONFIRMED.append(run)
    return run


def unconfirmed(scene: Scene, person_id: int, programme: Programme) -> bool:
    """Whether somebody has done their part, and waits for the team to confirm the training."""
    rules = programme.pair.training
    row = scene.uow.care.training(person_id, programme.id)
    return rules is not None and rules.required and row is not None and row.state == "declared"


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
        declared = row
        turn.tell_staff(
            turn.programme,
            lambda w: to_confirm(turn, declared, w),
            key=f"training:{row.id}",
            verb="binomes",
            but=(turn.me.id,),
        )
        promises.made(turn, turn.programme)
    when = turn.programme.working_days_later(row.declared_at, turn.programme.contact.days)
    name = turn.w.team(turn.programme.contact)
    turn.text("training-told", name=name, when=turn.w.weekday(when))


def to_confirm(scene: Scene, row: Training, w: Words) -> Message:
    """What a mentor said, for the team to confirm."""
    name = scene.person(row.person_id).name or "—"
    if row.state == "confirmed":
        return Message(w("staff-training-there", name=name))
    confirm = act_choice(w("training-confirm"), "training-confirm", row.id, 1, "primary")
    return Message(w("staff-training-declared", name=name), choices=(confirm,))


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
    for run in _CONFIRMED:
        run(turn, person, turn.programme)
    turn.text("staff-training-noted", name=person.name or "—", when=turn.w.day(row.done_on))
