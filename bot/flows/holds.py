"""What one person writes to another: kept so that it can be reported, held back where it must be.

Where one side is a minor, contact data, also in parts over several letters, and words of distress
wait for the safeguarding person, and so does everything once the adult's check is over; nothing is
lost, and the writer is told. What counts as contact data is `bot.contacts`'s affair.

Source: P4; quality rules, section 4 (messages with telephone numbers are held).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from bot import access, awaited, contacts, distress, minors
from bot.commands.registry import act
from bot.dialogues import act_choice, run_choice
from bot.flows import flags, pairs
from bot.i18n import Words
from bot.messages import Line, Message
from bot.programmes.schema import Programme
from bot.turn import Scene, Turn
from storage.requests import LIVE
from storage.tables import Letter, Pair, Person, Request

JUST_BEFORE: Final = timedelta(hours=2)
JOINED: Final = 5  # letters before this one that are read together with it

# --- what is written to the other side ------------------------------------------------------------


def send(turn: Turn, pair: Pair, text: str, kind: str = "letter") -> bool | None:
    """Hand words to the other side of a pair, or hold them.

    Args:
        turn: Of whoever wrote them.
        pair: Theirs.
        text: What.
        kind: letter or objective.

    Returns:
        Whether the other side can be reached; None when the words are held.
    """
    programme = turn.programme_of(pair.programme_id)
    protected = minors.protects(turn, pair)
    why = _why(turn, pair, programme, turn.me.id, text) if protected else None
    letter = turn.uow.safety.keep_letter(
        programme_id=programme.id,
        author_id=turn.me.id,
        kind=kind,
        text=text,
        now=turn.now,
        keep_until=_until(turn, programme, protected=protected),
        pair_id=pair.id,
        why=why,
    )
    turn.note(kind, "pair", pair.id)
    if why is None:
        return hand_over(turn, letter, text)
    _held(turn, programme, letter)
    return None


def _why(
    scene: Scene,
    pair: Pair,
    programme: Programme,
    author_id: int,
    text: str,
    letter: Letter | None = None,
) -> str | None:
    """Why words wait, None when they do not; the letter that holds them, once there is one."""
    if not minors.may_meet(scene, scene.person(pair.mentee_id), pair.mentor_id, programme):
        return "unchecked"
    if distress.heard(text) is not None:
        return "distress"
    if contacts.find(text):
        return "contacts"
    return "parts" if _in_parts(scene, pair.id, author_id, text, letter) else None


def _in_parts(
    scene: Scene, pair_id: int, author_id: int, text: str, letter: Letter | None
) -> tuple[contacts.Spot, ...]:
    """What puts the two in touch together with the letters just before: a number said in three."""
    at = letter.written_at if letter else scene.now
    earlier = scene.uow.safety.just_before(
        pair_id, author_id, at - JUST_BEFORE, before=letter.id if letter else None, limit=JOINED
    )
    return contacts.across(earlier, text) if earlier else ()


def _clean(scene: Scene, letter: Letter, text: str) -> str:
    """The text without what would put the two in touch."""
    spots = contacts.find(text)
    if letter.why == "parts" and letter.pair_id is not None:
        spots += _in_parts(scene, letter.pair_id, letter.author_id, text, letter)
    return contacts.blot(text, spots)


def _until(scene: Scene, programme: Programme, *, protected: bool) -> datetime:
    keep = programme.retention
    return scene.now + timedelta(days=keep.safeguarding if protected else keep.letters)


def hand_over(scene: Scene, letter: Letter, text: str) -> bool:
    """Give words to the other side, each with a way to report them; False when unreachable."""
    pair = scene.uow.pairs.get(letter.pair_id or 0)
    if pair is None or pair.state == "closed":
        return False
    programme = scene.programme_of(letter.programme_id)
    author = scene.person(letter.author_id)
    other = scene.person(pair.mentor_id if author.id == pair.mentee_id else pair.mentee_id)
    w = scene.words(other, programme)
    if letter.kind == "objective":
        row = scene.uow.pairs.add_objective(pair.id, author.id, text, scene.now)
        title = w("objective-title", name=pairs.first_name(author, programme))
        message = Message(
            title=title,
            text=text,
            choices=(
                act_choice(w("objective-approve"), "approve", row.id, row.version, "primary"),
                act_choice(w("objective-other"), "objective", pair.id, pair.version),
            ),
            quiet=(act_choice(w("flag"), "flag-objective", row.id, row.version),),
            notice=title,
        )
        return scene.tell(other, message, key=f"objective:{row.id}")
    message = Message(
        title=w("letter-title", name=minors.called(author, programme)),
        text=text,
        choices=(act_choice(w("letter-answer"), "write", pair.id, pair.version),),
        quiet=(act_choice(w("flag"), "flag", letter.id, 1),),
        notice=w("letter-notice"),
    )
    return scene.tell(other, message, key=f"letter:{letter.id}")


# --- a request ------------------------------------------------------------------------------------


def request_text(turn: Turn, request: Request, shared: Mapping[str, Any]) -> bool:
    """Hold the text of a minor's request that holds contact data or distress.

    Returns:
        Whether it is held: no expert is asked before somebody has decided.
    """
    programme = turn.programme_of(request.programme_id)
    for older in turn.uow.safety.held(programme.id, request_id=request.id):
        turn.uow.safety.settle(older, older.version, "refused", by=None, now=turn.now)  # rewritten
    if not minors.is_minor(turn, turn.me, programme):
        return False
    answers = [str(answer) for _, answer in shared.get("answers", ())]
    if any(distress.heard(answer) for answer in answers):
        why = "distress"
    elif any(contacts.find(answer) for answer in answers):
        why = "contacts"
    else:
        return False
    letter = turn.uow.safety.keep_letter(
        programme_id=programme.id,
        author_id=turn.me.id,
        kind="request",
        text=dict(shared),
        now=turn.now,
        keep_until=_until(turn, programme, protected=True),
        request_id=request.id,
        why=why,
    )
    _held(turn, programme, letter)
    return True


def waits(scene: Scene, request: Request) -> bool:
    """Whether the text of a request is held."""
    return bool(scene.uow.safety.held(request.programme_id, request_id=request.id))


# --- held -----------------------------------------------------------------------------------------


def _held(turn: Turn, programme: Programme, letter: Letter) -> None:
    """The writer knows, and whoever decides."""
    turn.text(f"held-{letter.why}", names=turn.w.team(programme.contact))
    turn.note("held", "letter", letter.id, why=letter.why)
    if letter.why == "unchecked":
        pair = turn.uow.pairs.get(letter.pair_id or 0)
        mentor = turn.uow.people.get(pair.mentor_id) if pair else None
        turn.tell_staff(
            programme,
            lambda w: Message(
                w("staff-held-unchecked", name=(mentor.name if mentor else None) or "—"),
                choices=(run_choice(w("minors-see"), "mineurs"),),
            ),
            key=f"held:{letter.id}",
            verb="mineurs",
        )
    else:
        flags.tell(
            turn,
            programme,
            lambda w: card(turn, letter, w),
            key=f"held:{letter.id}",
            but=access.of_letter(turn, letter),
            of=(("held", letter.author_id),),
        )


def _shown(letter_text: Any) -> list[tuple[str, str]]:
    if isinstance(letter_text, str):
        return [("", letter_text)]
    return [(str(question), str(answer)) for question, answer in letter_text.get("answers", ())]


def card(scene: Scene, letter: Letter, w: Words) -> Message:
    """A held text as the safeguarding person sees it, with what can be done."""
    author = scene.person(letter.author_id)
    other = reader(scene, letter)
    parts = _shown(scene.uow.safety.text(letter))
    found = [_clean(scene, letter, text) for _, text in parts]
    lines = [
        Line(label=label or w("held-text"), text=text)
        for label, text in parts
        if letter.kind != "request" or contacts.find(text) or distress.heard(text)
    ]
    blots = found != [text for _, text in parts]
    choices = (
        act_choice(w("held-pass"), "hold-pass", letter.id, letter.version),
        *(
            (act_choice(w("held-blot"), "hold-blot", letter.id, letter.version, "primary"),)
            if blots
            else ()
        ),
        act_choice(w("held-refuse"), "hold-refuse", letter.id, letter.version, "danger"),
    )
    return Message(
        title=w("held-title"),
        text=w(
            f"held-of-{letter.kind}",
            name=author.name or "—",
            other=(other.name if other else None) or "—",
            when=w.moment(letter.written_at),
        )
        + "\n"
        + w(f"held-why-{letter.why}"),
        lines=tuple(lines),
        choices=choices if letter.state == "held" else (),
        notice=w("held-title"),
    )


def reader(scene: Scene, letter: Letter) -> Person | None:
    """Whom a letter is for; of a request nobody yet."""
    pair = scene.uow.pairs.get(letter.pair_id or 0)
    if pair is None:
        return None
    return scene.person(pair.mentor_id if letter.author_id == pair.mentee_id else pair.mentee_id)


@act("hold-pass", who="safeguarding")
def let_pass(turn: Turn, number: int, version: int) -> None:
    """It goes as it was written."""
    letter = access.letter_to_guard(turn, number)
    _decide(turn, letter, version, "passed")


@act("hold-blot", who="safeguarding")
def let_pass_blotted(turn: Turn, number: int, version: int) -> None:
    """It goes without what would put them in touch outside."""
    letter = access.letter_to_guard(turn, number)
    _decide(turn, letter, version, "blotted")


@act("hold-refuse", who="safeguarding")
def refuse(turn: Turn, number: int, version: int) -> None:
    """It does not go: the next words are the reason, or one tap gives the usual one."""
    letter = access.letter_to_guard(turn, number)
    if letter.state != "held" or letter.version != version:
        turn.text("held-settled")
        return
    awaited.ask(
        turn,
        "refuse",
        letter.id,
        turn.w("held-refuse-why", name=pairs.first_name(turn.person(letter.author_id))),
        act_choice(turn.w("held-refuse-usual"), "hold-refuse-now", letter.id, version),
    )


@act("hold-refuse-now", who="safeguarding")
def refuse_now(turn: Turn, number: int, version: int) -> None:
    """It does not go, for the usual reason."""
    letter = access.letter_to_guard(turn, number)
    _refused(turn, letter, version, None)


@awaited.words_for("refuse", own=False)
def take_reason(turn: Turn, number: int, text: str) -> None:
    """Words written after « Refuser »: the reason, which the writer gets."""
    letter = access.letter_to_guard(turn, number)
    _refused(turn, letter, letter.version, text)


def _refused(turn: Turn, letter: Letter, version: int, reason: str | None) -> None:
    if letter.state != "held" or not turn.uow.safety.settle(
        letter, version, "refused", by=turn.me.id, now=turn.now
    ):
        turn.text("held-settled")
        return
    turn.note("letter-refused", "letter", letter.id)
    author = turn.person(letter.author_id)
    w = turn.words(author, turn.programme_of(letter.programme_id))
    told = w("letter-refused", reason=reason or w("letter-refused-usual"))
    choices = (run_choice(w("request-change"), "demande"),) if letter.kind == "request" else ()
    turn.tell(author, Message(told, choices=choices), key=f"letter-refused:{letter.id}")
    turn.text("held-refused")


def _decide(turn: Turn, letter: Letter, version: int, how: str) -> None:
    if letter.state != "held" or not turn.uow.safety.settle(
        letter, version, how, by=turn.me.id, now=turn.now
    ):
        turn.text("held-settled")
        return
    turn.note(f"letter-{how}", "letter", letter.id)
    gone = release(turn, letter, blotted=how == "blotted")
    turn.replace(Message(turn.w(f"held-{how}") if gone else turn.w("held-in-vain")))


def release(scene: Scene, letter: Letter, *, blotted: bool = False) -> bool:
    """Give a held text to whom it is for; the writer knows what became of it.

    Returns:
        Whether it went: the pair or the request may have ended meanwhile, or nobody be reached.
    """
    programme = scene.programme_of(letter.programme_id)
    author = scene.person(letter.author_id)
    w = scene.words(author, programme)
    content = scene.uow.safety.text(letter)
    if letter.kind == "request":
        request = scene.uow.requests.get(letter.request_id or 0)
        if request is None or request.state not in LIVE:
            return False
        answers = [
            [q, _clean(scene, letter, a) if blotted else a] for q, a in content.get("answers", ())
        ]
        scene.uow.requests.share(request, {**content, "answers": answers})
        said = w("released-request")
        choices = (run_choice(w("menu-my-request"), "demande"),)
        scene.tell(author, Message(said, choices=choices), key=f"released:{letter.id}")
        return True
    gone = hand_over(scene, letter, _clean(scene, letter, content) if blotted else content)
    if gone:
        said = w("released-blotted" if blotted else "released")
    else:
        other = reader(scene, letter)
        name = minors.called(other, programme) if other and other.name else w("somebody")
        said = w("released-in-vain", name=name)
    scene.tell(author, Message(said), key=f"released:{letter.id}")
    return gone


def release_unchecked(scene: Scene, programme: Programme, mentor_id: int) -> int:
    """The mentor is checked again: what waited for that goes on, or to the safeguarding person."""
    released = 0
    for letter in scene.uow.safety.held(programme.id, why="unchecked"):
        pair = scene.uow.pairs.get(letter.pair_id or 0)
        if pair is None or pair.mentor_id != mentor_id:
            continue
        text = scene.uow.safety.text(letter)
        why = _why(scene, pair, programme, letter.author_id, str(text), letter)
        if why is None:
            scene.uow.safety.settle(letter, letter.version, "passed", by=None, now=scene.now)
            released += release(scene, letter)
        elif why != "unchecked":
            scene.uow.safety.explain(letter, why)
            flags.tell(
                scene,
                programme,
                lambda w, letter=letter: card(scene, letter, w),  # type: ignore[misc]
                key=f"held:{letter.id}:{why}",
                but=access.of_letter(scene, letter),
                of=(("held", letter.author_id),),
            )
    return released
