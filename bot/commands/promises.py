"""`promesses`: who waits for an answer that the team has promised, and until when.

Whoever wants to join, asks for a correction, has handed words to the team, asks for a coach, has
lost their mentor or has followed the training. Each opens with what was said and the buttons of the
first message; it goes when it is answered. When nobody answers is `bot.flows.promises`'s affair.

Source: A-15, A-20; GDPR 16, 33.
"""

from __future__ import annotations

from bot import access
from bot.commands.registry import act, command
from bot.dialogues import act_choice, for_staff
from bot.errors import NotAllowed
from bot.flows import joining, promises, training
from bot.i18n import Words
from bot.messages import Message
from bot.turn import Scene, Turn
from storage.promises import KINDS
from storage.rectifications import Rectifications
from storage.tables import Membership, Rectification, Stray
from storage.words import number


@command("promesses", alias="promises", who="staff", where="private")
def promesses(turn: Turn, args: str) -> None:
    """All that was promised and not answered; `words.12` opens one, as its button does."""
    kind, _, rest = args.strip().partition(".")
    wanted = number(rest)
    if kind in KINDS and wanted is not None:
        turn.say(_one(turn, kind, wanted))
        return
    found = promises.of_others(turn, turn.me.id, promises.owed(turn, turn.programme))
    if not found:
        turn.text("promises-none")
        return
    text = turn.w("promises-text", n=len(found))
    turn.say(promises.listed(turn, turn.programme, found, turn.w, text))


def _one(turn: Turn, kind: str, wanted: int) -> Message:
    if kind == "join":
        return joining.asked(turn, access.staff_member(turn, wanted), turn.w)
    if kind == "correction":
        wish = access.staff_rectification(turn, wanted)
        turn.read("correction", wish.person_id, wish.id)
        return correction(turn, wish, turn.w)
    if kind == "words":
        stray = access.staff_stray(turn, wanted)
        turn.read("alert", stray.person_id, stray.id)
        return passed(turn, stray, turn.w)
    if kind == "pair":
        return _next_pair(turn, access.staff_member(turn, wanted))
    if kind == "training":
        return training.to_confirm(turn, access.staff_training(turn, wanted), turn.w)
    raise NotAllowed("a wish for a coach has its own page")


def correction(scene: Scene, wish: Rectification, w: Words) -> Message:
    """What somebody asks the team to put right."""
    name = scene.person(wish.person_id).name or "—"
    done = act_choice(w("staff-rectify-done"), "corrected", wish.id, wish.version)
    return Message(
        title=w("staff-rectify-title", name=name),
        text=for_staff(Rectifications(scene.uow.session, scene.uow.vault).text(wish), w),
        choices=(done,) if wish.settled_at is None else (),
        notice=w("staff-rectify-title", name="…"),
    )


def passed(scene: Scene, stray: Stray, w: Words) -> Message:
    """Words that somebody handed to the team, as they are but for distress."""
    name = scene.person(stray.person_id).name or "—"
    done = act_choice(w("staff-passed-done"), "answered", stray.id, 1)
    return Message(
        title=w("staff-passed-title", name=name),
        text=for_staff(scene.uow.talks.stray_text(stray), w),
        choices=(done,) if stray.settled_at is None else (),
        notice=w("staff-passed-title", name=name),
    )


def _next_pair(turn: Turn, member: Membership) -> Message:
    """Who waits for another mentor, and how the team makes a pair."""
    w = turn.w
    title = w("staff-next-pair", name=turn.person(member.person_id).name or "—")
    if member.next_pair_at is None:
        return Message(title=title, text=w("staff-next-pair-none"), notice=w("promises-title"))
    due = turn.programme.working_days_later(member.next_pair_at, turn.programme.contact.days)
    return Message(
        title=title,
        text=w("staff-next-pair-text", when=w.weekday(due)),
        choices=(act_choice(w("staff-next-pair-done"), "next-pair-settled", member.id, 1),),
        note=w("staff-pair-usage"),
        notice=w("promises-title"),
    )


@act("next-pair-settled", who="staff", of="promesses")
def next_pair_settled(turn: Turn, number: int, version: int) -> None:
    """It was settled otherwise than with a new pair; nobody is told of it again."""
    member = access.staff_member(turn, number)
    if member.next_pair_at is not None:
        member.next_pair_at = None
        turn.note("next-pair-settled", "person", member.person_id)
    turn.text("staff-next-pair-noted")


@act("answered", who="staff", of="promesses")
def answered(turn: Turn, number: int, version: int) -> None:
    """The words handed to the team were answered; nobody is told of it again."""
    stray = access.staff_stray(turn, number)
    if stray.settled_at is None:
        stray.settled_at = turn.now
        turn.note("words-answered", "stray", stray.id)
    turn.text("staff-passed-noted")
