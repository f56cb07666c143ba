"""What passes between the two sides of a pair: letters, an address, the objective.

They write to each other through the bot, on whatever platform each one uses, without exchanging
addresses; the objective is written by one and approved by the other (A-18).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bot import access, minors
from bot.commands.registry import act, command
from bot.dialogue.engine import Given
from bot.dialogues import act_choice, on_completed, start
from bot.errors import NotAllowed
from bot.flows import holds, pairs
from bot.messages import Message
from bot.turn import Turn
from storage.tables import Conversation, Pair

LETTER_MAX = 3000  # characters; what both platforms show in one message
LETTER_LIFE = timedelta(hours=1)  # words written later than that were not meant for the other side


# --- letters --------------------------------------------------------------------------------------


@act("write", who="member")
def write(turn: Turn, number: int, version: int) -> None:
    """The next words go to the other side."""
    pair = access.own_pair(turn, number)
    if pair.state == "proposed":
        raise NotAllowed("the other side knows nothing of it yet")
    if pair.state == "closed":
        turn.text("pair-is-closed")
        return
    other = turn.person(access.partner_of(turn, pair))
    turn.me.relay_id, turn.me.relay_until = pair.id, turn.now + LETTER_LIFE
    said = "write-now-kept" if minors.protects(turn, pair) else "write-now"
    turn.say(
        Message(
            turn.w(said, name=pairs.first_name(other, turn.programme)),
            quiet=(act_choice(turn.w("write-cancel"), "unwrite", pair.id, pair.version),),
            placeholder=turn.w("write-placeholder"),
        )
    )


@act("unwrite", who="member")
def unwrite(turn: Turn, number: int, version: int) -> None:
    """No letter after all."""
    access.own_pair(turn, number)
    turn.me.relay_id = turn.me.relay_until = None
    turn.replace(Message(turn.w("write-cancelled")))


@command("ecrire", alias="write", who="member")
def ecrire(turn: Turn, args: str) -> None:
    """Write to the other side of my pair."""
    mine = [p for p in turn.uow.pairs.of_person(turn.me.id) if p.programme_id in turn.programmes]
    if not mine:
        turn.text("no-pair-yet")
    elif len(mine) > 1:
        turn.say(
            Message(
                turn.w("write-to-whom"),
                choices=tuple(
                    act_choice(
                        minors.called(
                            turn.person(access.partner_of(turn, p)),
                            turn.programme_of(p.programme_id),
                        ),
                        "write",
                        p.id,
                        p.version,
                    )
                    for p in mine
                ),
            )
        )
    elif args:
        _deliver(turn, mine[0], args)
    else:
        write(turn, mine[0].id, mine[0].version)


def relay(turn: Turn, text: str) -> bool:
    """Words written after « Écrire à X »: deliver them; False when no letter was begun."""
    pair_id = turn.me.relay_id
    if pair_id is None:
        return False
    turn.me.relay_id = turn.me.relay_until = None
    pair = turn.uow.pairs.get(pair_id)
    if pair is None or turn.me.id not in (pair.mentee_id, pair.mentor_id):
        return False
    turn.enter(turn.programme_of(pair.programme_id))
    if pair.state == "closed":
        turn.text("pair-is-closed")
    else:
        _deliver(turn, pair, text)
    return True


def _deliver(turn: Turn, pair: Pair, text: str) -> None:
    turn.enter(turn.programme_of(pair.programme_id))
    if len(text) > LETTER_MAX:
        turn.text("answer-too-long", max=LETTER_MAX, length=len(text))
        return
    other = turn.person(access.partner_of(turn, pair))
    delivered = holds.send(turn, pair, text)
    if delivered is not None:
        said = "letter-sent" if delivered else "letter-unreachable"
        turn.text(said, name=pairs.first_name(other, turn.programme))


# --- objective ------------------------------------------------------------------------------------


@act("objective", who="member")
def objective(turn: Turn, number: int, version: int) -> None:
    """Write the pair's objective; the other side approves it (A-18)."""
    pair = access.own_pair(turn, number)
    if turn.programme.objective is None or pair.state in ("proposed", "closed"):
        raise NotAllowed("no objective here")
    start(turn, "objective", about_id=pair.id)


@on_completed("objective")
def objective_written(turn: Turn, talk: Conversation, answers: Mapping[str, Given]) -> None:
    """Proposed: to the other side for approval."""
    pair = access.own_pair(turn, talk.about_id or 0)
    qs = turn.programme.objective
    if qs is None:
        raise NotAllowed("no objective here")
    if pair.state == "closed":
        turn.text("pair-is-closed")
        return
    question = next(q.id for q in qs.questions if q.kind == "text")
    other = turn.person(access.partner_of(turn, pair))
    delivered = holds.send(turn, pair, str(answers.get(question, "")), "objective")
    if delivered is not None:
        said = "objective-sent" if delivered else "letter-unreachable"
        turn.text(said, name=pairs.first_name(other, turn.programme))


@act("approve", who="member")
def approve(turn: Turn, number: int, version: int) -> None:
    """Both have said yes to the objective."""
    row, pair = access.objective_to_settle(turn, number)
    if not turn.uow.pairs.settle_objective(row, version, "approved", turn.now):
        turn.text("button-stale")
        return
    author = turn.person(row.author_id)
    words = turn.uow.pairs.objective_text(row)
    turn.replace(Message(title=turn.w("objective-agreed"), text=words))
    w = turn.words(author, turn.programme)
    turn.show(author, Message(title=w("objective-agreed"), text=words), what="objective-agreed")
    turn.note("objective-approved", "pair", pair.id)


# --- an address -----------------------------------------------------------------------------------


@act("show-email", who="member")
def show_email(turn: Turn, number: int, version: int) -> None:
    """One's own address goes to the other side: by one's own tap only."""
    pair = access.own_pair(turn, number)
    if pair.state == "proposed":
        raise NotAllowed("the other side knows nothing of it yet")
    if pair.state == "closed":
        turn.text("pair-is-closed")
        return
    other = turn.person(access.partner_of(turn, pair))
    if minors.protects(turn, pair):
        turn.text("no-contacts-here", name=turn.w.team(turn.programme.contact))
        return
    if not turn.me.email:
        turn.text("no-email-known")
        return
    shows = "mentee_shows" if turn.me.id == pair.mentee_id else "mentor_shows"
    if getattr(pair, shows) != turn.me.email:  # else a second tap: they have it already
        setattr(pair, shows, turn.me.email)
        w = turn.words(other, turn.programme)
        turn.show(
            other,
            Message(w("email-shown-to-you", name=turn.me.name or "—", email=turn.me.email)),
            what="email",
        )
    turn.text("email-shown", name=other.name or "—")
