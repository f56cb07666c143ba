"""What people report, and explicit words of distress: for the safeguarding person alone.

Told in private, at once, whatever the hour, never in a channel and never to the rest of the team;
told again until somebody has taken it. Whoever writes in distress is answered with warmth and with
numbers to call: the bot advises nothing and concludes nothing. What becomes of a report is
`bot.commands.protection`'s.

Source: P5; quality rules, section 4 ("signaler" on each message, named safeguarding person).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import timedelta
from typing import Final

from bot import access, awaited, distress
from bot.commands.registry import COMMANDS, Command, act, find
from bot.dialogues import act_choice, run_choice
from bot.errors import NotAllowed
from bot.events import Commanded, Said, Submitted
from bot.flows import pairs
from bot.followup import due
from bot.i18n import Words
from bot.messages import Line, Message
from bot.programmes.schema import Programme
from bot.turn import Scene, Turn
from storage.tables import Flag, Person
from storage.timers import DueTimer

FOR_GUARDS: Final = ("exchange", "held", "report", "words")
"""What is shown to the safeguarding person alone, as `read-…` in the catalogues calls it."""

# --- whom it is told ------------------------------------------------------------------------------


def guards(scene: Scene, programme: Programme, but: Collection[int] = ()) -> list[Person]:
    """Who is named for safeguarding here; the owners while nobody is.

    Args:
        scene: The cause.
        programme: Which.
        but: Whom it is about: nobody looks after a report of themselves.
    """
    found: list[Person] = []
    for role in ("safeguarding", "owner"):
        everybody = scene.uow.people.with_role(programme.id, role)
        found = found or [person for person in everybody if person.id not in but]
    return found


def tell(
    scene: Scene,
    programme: Programme,
    build: Callable[[Words], Message],
    *,
    key: str,
    but: Collection[int],
    of: Iterable[tuple[str, int]] = (),
) -> list[Person]:
    """Tell the safeguarding person and deputy in private, also while they rest: it cannot wait.

    When none of them can be reached, the owners hear that something waits, without a word of it.

    Args:
        scene: The cause.
        programme: Which.
        build: Words it.
        key: Its meaning.
        but: Whom it is about, or who is about to leave: they hear nothing of it.
        of: What is shown of whose: whoever is told has read it (GDPR 33).

    Returns:
        Who was told; the writer is promised nobody else.
    """
    told = [
        person
        for person in guards(scene, programme, but)
        if scene.tell(
            person,
            build(scene.words(person, programme)),
            key=f"{key}:guard{person.id}",
            anyway=True,
        )
    ]
    for what, person in of:
        scene.note_reads(what, ((reader.id, person) for reader in told), programme)
    if not told:
        owners = scene.uow.people.with_role(programme.id, "owner")
        for owner in (one for one in owners if one.id not in but):
            w = scene.words(owner, programme)
            said = Message(w("guards-unreachable"))
            scene.tell(owner, said, key=f"{key}:owner{owner.id}", anyway=True)
    return told


def shown_of(flag: Flag) -> tuple[tuple[str, int], ...]:
    """What a report shows of whose; not to the one reported that it was a report."""
    reporter = (("report", flag.person_id),)
    return reporter if flag.about_id is None else (*reporter, ("words", flag.about_id))


def numbers(programme: Programme | None, w: Words) -> tuple[Line, ...]:
    """Whom to call, as the programme's file says."""
    if programme is None:
        return ()
    return tuple(
        Line(label=one.number, text=w.pick(one.text)) for one in programme.emergency.numbers
    )


def card(scene: Scene, flag: Flag, w: Words) -> Message:
    """A report as the safeguarding person sees it."""
    writer = scene.person(flag.person_id)
    about = scene.uow.people.get(flag.about_id) if flag.about_id else None
    known = about.name if about else scene.uow.safety.about_name(flag)
    quoted, words = scene.uow.safety.quoted(flag)
    lines = [Line(label=w("flag-quoted"), text=quoted)]
    if words:
        lines.append(Line(label=w("flag-words"), text=words))
    taker = scene.uow.people.get(flag.handled_by_id) if flag.handled_by_id else None
    choices = []
    if flag.state == "new":
        choices.append(act_choice(w("flag-take"), "flag-take", flag.id, flag.version, "primary"))
    if flag.state != "closed":
        choices.append(act_choice(w("flag-close"), "flag-close", flag.id, flag.version))
    key = "flag-of-distress" if flag.kind == "distress" else "flag-of-words"
    return Message(
        title=w("flag-title", number=flag.id),
        text=w(
            key,
            name=writer.name or "—",
            number=writer.id,
            about=known or "—",
            when=w.moment(flag.made_at),
        )
        + "\n"
        + w(f"flag-is-{flag.state}", name=(taker.name if taker else None) or "—"),
        lines=tuple(lines),
        choices=tuple(choices),
        note=w("flag-note") if flag.kind == "distress" else None,
        notice=w("flag-notice"),
    )


def _raise(
    scene: Scene,
    programme: Programme,
    person: Person,
    kind: str,
    quoted: str,
    *,
    theme: str | None = None,
    about_id: int | None = None,
) -> Flag:
    """Keep a report, and see that it is told again."""
    flag = scene.uow.safety.raise_flag(
        programme_id=programme.id,
        person_id=person.id,
        kind=kind,
        quoted=quoted,
        theme=theme,
        about_id=about_id,
        now=scene.now,
    )
    scene.uow.people.note("flagged", "flag", flag.id, actor_id=None, now=scene.now, kind=kind)
    _remind(scene, programme, flag, 1)
    return flag


def _tell_of(scene: Scene, programme: Programme, flag: Flag) -> list[Person]:
    """Tell a report, to each of them once; who has it."""
    return tell(
        scene,
        programme,
        lambda w: card(scene, flag, w),
        key=f"flag:{flag.id}",
        but=access.of_flag(flag),
        of=shown_of(flag),
    )


# --- words of distress ----------------------------------------------------------------------------


def listen(turn: Turn) -> bool:
    """Look for explicit words of distress in what a person wrote, wherever they wrote it.

    Returns:
        Whether there were any, and they were answered.
    """
    said = [text for text in _texts(turn) if distress.heard(text) is not None]
    if not said:
        return False
    if turn.has_said("distress"):  # in an earlier try, which failed afterwards
        return True
    text = "\n".join(said)
    programme = turn.current
    told: list[Person] = []
    if programme is not None and (turn.consented_in(programme.id) or turn.has_lapsed(programme.id)):
        flag = _raise(turn, programme, turn.me, "distress", text, theme=distress.heard(text))
        told = _tell_of(turn, programme, flag)
    turn.say(
        Message(
            text=turn.w("distress-answer" if told else "distress-answer-alone"),
            lines=numbers(programme, turn.w),
            notice=turn.w("distress-notice"),
        ),
        key="distress",
    )
    return True


def _texts(turn: Turn) -> Iterable[str]:
    match turn.event:
        case Said(text=text):
            yield from () if awaited.of_others(turn.me) else [text]
        case Commanded(name=name, args=args):
            command = find(name) if name else COMMANDS["aide"]
            yield from () if command is not None and _of_staff(command) else [args]
        case Submitted(values=values):
            for value in values.values():
                yield from [value] if isinstance(value, str) else ()
        case _:
            pass


def _of_staff(command: Command) -> bool:
    """Whether only the team types it, who write of others; not so when nobody may."""
    try:
        return command.who not in ("anyone", "member")
    except NotAllowed:
        return False


# --- « Signaler » ---------------------------------------------------------------------------------


@act("flag", who="member")
def flag_letter(turn: Turn, number: int, version: int) -> None:
    """Report what the other side wrote: one tap, words if one likes."""
    letter = access.letter_to_me(turn, number)
    reported(turn, str(turn.uow.safety.text(letter)), letter.author_id)


@act("flag-objective", who="member")
def flag_objective(turn: Turn, number: int, version: int) -> None:
    """Report an objective the other side proposed."""
    row, _ = access.objective_to_settle(turn, number)
    reported(turn, turn.uow.pairs.objective_text(row), row.author_id)


@act("flag-offer", who="member")
def flag_offer(turn: Turn, number: int, version: int) -> None:
    """Report the text of a request, by the expert who was asked."""
    _, request = access.asked_of_me(turn, number)
    shared = turn.uow.requests.shared(request) or {}
    quoted = "\n".join(f"{question} {answer}" for question, answer in shared.get("answers", ()))
    reported(turn, quoted, request.person_id)


@act("flag-card", who="member")
def flag_card(turn: Turn, number: int, version: int) -> None:
    """Report the card of an expert who was proposed."""
    proposal, _ = access.own_proposal(turn, number)
    reported(turn, _card_of(turn, proposal.expert_id), proposal.expert_id)


@act("flag-expert", who="member")
def flag_expert(turn: Turn, number: int, version: int) -> None:
    """Report the card of an expert who was found in the directory."""
    expert = access.expert_shown(turn, number)
    reported(turn, _card_of(turn, expert.person_id), expert.person_id)


@act("flag-partner", who="member")
def flag_partner(turn: Turn, number: int, version: int) -> None:
    """Report how the other side of a pair shows themselves."""
    other = access.partner_of(turn, access.own_pair(turn, number))
    reported(turn, _card_of(turn, other), other)


def _card_of(turn: Turn, person_id: int) -> str:
    """A card whole, also what a minor is not shown of it: for the safeguarding person."""
    card = turn.uow.directory.get(person_id)
    parts = [turn.person(person_id).name]
    if card is not None:
        parts += [card.job, card.employer, card.sector, card.city, card.topics, card.bio]
    return "\n".join(part for part in parts if part) or "—"


def reported(turn: Turn, quoted: str, about_id: int) -> None:
    """Take a report of somebody's words; the same twice is one."""
    programme = turn.programme
    again = next(
        (
            flag
            for flag in turn.uow.safety.open_flags(programme.id)
            if (flag.person_id, flag.about_id, flag.kind) == (turn.me.id, about_id, "flag")
            and turn.uow.safety.quoted(flag)[0] == quoted
        ),
        None,
    )
    flag = again or _raise(turn, programme, turn.me, "flag", quoted, about_id=about_id)
    told = _tell_of(turn, programme, flag)
    thanks = turn.w("flag-thanks", names=_names(told, turn.w)) if told else turn.w("flag-kept")
    turn.say(
        Message(
            thanks,
            lines=numbers(programme, turn.w),
            choices=(act_choice(turn.w("flag-add-words"), "flag-words", flag.id, 1),),
            notice=turn.w("flag-notice"),
        )
    )


def _names(told: Iterable[Person], w: Words) -> str:
    found = [pairs.first_name(person) for person in told if person.name]
    return w.all(found) if found else w("flag-guards")


@act("flag-words", who="member")
def ask_words(turn: Turn, number: int, version: int) -> None:
    """The next words go with the report."""
    flag = access.own_flag(turn, number)
    awaited.ask(turn, "flag", flag.id, turn.w("flag-words-now"))


@awaited.words_for("flag", own=True)
def take_words(turn: Turn, number: int, text: str) -> None:
    """Words written after « Ajouter des mots »."""
    flag = access.own_flag(turn, number)
    programme = turn.programme
    _, before = turn.uow.safety.quoted(flag)
    turn.uow.safety.add_words(flag, "\n".join(filter(None, (before, text))))
    tell(
        turn,
        programme,
        lambda w: card(turn, flag, w),
        key=f"flag:{flag.id}:words:{turn.event.id}",
        but=access.of_flag(flag),
        of=shown_of(flag),
    )
    turn.text("flag-words-kept")


# --- until somebody has taken it ------------------------------------------------------------------


def free_all(scene: Scene, programme: Programme, leaving: int | None = None) -> None:
    """What was taken by somebody who may no longer see to it waits for the others again.

    Args:
        scene: The cause.
        programme: Where.
        leaving: Who is about to leave, or pauses, though their role is still there.
    """
    left = [person for person in guards(scene, programme) if person.id != leaving]
    there = {person.id for person in left}
    for flag in scene.uow.safety.open_flags(programme.id):
        if flag.state != "taken" or flag.handled_by_id in there:
            continue
        if scene.uow.safety.move_flag(flag, flag.version, "new", by=None, now=scene.now):
            key = f"flag:{flag.id}:{flag.version}"
            tell(
                scene,
                programme,
                lambda w, flag=flag: card(scene, flag, w),  # type: ignore[misc]
                key=key,
                but=(*access.of_flag(flag), *filter(None, (leaving,))),
                of=shown_of(flag),
            )
            _remind(scene, programme, flag, 1)


def reported_leaves(scene: Scene, programme: Programme, person_id: int) -> None:
    """Somebody reported is about to be erased: whoever sees to it knows at once, and keeps it."""
    for flag in scene.uow.safety.open_flags(programme.id):
        if flag.kind == "flag" and flag.about_id == person_id:
            tell(
                scene,
                programme,
                lambda w, flag=flag: Message(  # type: ignore[misc]
                    w("flag-about-left", name=scene.person(person_id).name or "—", number=flag.id),
                    choices=(run_choice(w("flag-see"), "protection", str(flag.id), "primary"),),
                ),
                key=f"flag:{flag.id}:left",
                but=access.of_flag(flag),
            )


def _remind(scene: Scene, programme: Programme, flag: Flag, round_: int) -> None:
    scene.uow.timers.put(
        key=f"flag-waits:{flag.id}:{flag.version}:{round_}",
        kind="flag-waits",
        subject_id=flag.id,
        due_at=scene.now + timedelta(hours=programme.emergency.remind_hours),
        payload={"round": round_},
    )


@due("flag-waits")
def still_waits(scene: Scene, timer: DueTimer) -> None:
    """Nobody has taken a report: told again, as often as it needs."""
    flag = scene.uow.safety.flag(timer.subject_id)
    if flag is None or flag.state != "new":
        return
    programme = scene.programme_of(flag.programme_id)
    tell(
        scene,
        programme,
        lambda w: Message(
            w("flag-waits", number=flag.id, when=w.moment(flag.made_at)),
            choices=(run_choice(w("flag-see"), "protection", str(flag.id), "primary"),),
        ),
        key=timer.key,
        but=access.of_flag(flag),
    )
    _remind(scene, programme, flag, int(timer.payload["round"]) + 1)
