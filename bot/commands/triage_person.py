"""One person of « À voir en premier »: why, what the team decided, their last reports side by side.

A decision has an author, a reason and mostly an end, replaces the one its author has seen, and is
kept. It changes where somebody stands in the team's list, and nothing for the person.

Source: E-08, E-09.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot import access
from bot.commands import help_calls, triage_team
from bot.commands.registry import COMMANDS, may
from bot.dialogue.questionnaire import fold
from bot.dialogues import for_staff, run_choice
from bot.errors import NotAllowed
from bot.i18n import Words
from bot.messages import Line, Message
from bot.programmes.triage import LEVELS
from bot.triage.gather import LOOKED_BACK, QUARTERS, Seen, everybody
from bot.triage.room import Reader
from bot.triage.score import POSITIONS
from bot.triage.words import Teller, people_in
from bot.turn import Turn
from storage.tables import Person
from storage.triage import Decision, QuarterReport
from storage.words import number

LONGEST: Final = 500  # characters of a reason
DAYS: Final = 366  # the longest a correction lasts
CUT: Final = 300  # characters of one answer, side by side
ROUNDS: Final = 6  # check-ins told beside the reports
VERBS: Final = {
    "higher": "higher", "plus-haut": "higher", "haut": "higher",
    "lower": "lower", "plus-bas": "lower", "bas": "lower",
    "seen": "seen", "vu": "seen", "vue": "seen",
    "light": "light", "leger": "light",
    "normal": "normal",
    "close": "close", "rapproche": "close",
    "undo": "undo", "annuler": "undo",
    "answers": "answers", "reponses": "answers",
    "history": "history", "historique": "history",
    "level": "level", "suivi": "level",
    "write": "write", "ecrire": "write",
    "hand": "hand", "confier": "hand",
}  # fmt: skip
"""What is typed after the number, or stands in a button."""
REASONS: Final = {
    "higher": ("worried", "deadline", "team"),
    "lower": ("known", "spoken", "mistake"),
    "seen": ("spoken", "meeting", "known"),
    "light": ("well", "asked", "team"),
    "normal": ("well", "asked", "team"),
    "close": ("hard", "asked", "team"),
}
"""Reasons to choose from; any other can be typed."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What staff want of somebody's page.

    Attributes:
        seen: Number of the decision the button was shown with; none when it was typed.
        to: Number of the colleague to whom to hand them; 0 for nobody.
    """

    verb: str
    days: int | None
    why: str
    seen: int | None
    to: int | None = None


_BUTTON: Final = re.compile(
    r"([0-9]{1,18})\.([a-z]+)(?:\.([a-z]+|[0-9]{1,18})\.([0-9]{1,18}))?", re.ASCII
)


def about(turn: Turn, args: str) -> None:
    """`12`, `Inès Ferrat`, `12 vu 14 appelée lundi`, or what a button holds.

    Raises:
        NotAllowed: Nobody who is followed here.
    """
    if pressed := _BUTTON.fullmatch(args):
        why = turn.w(f"triage-why-{pressed[3]}") if _known(turn, pressed[3]) else ""
        seen = int(pressed[4]) if pressed[4] else None
        to = number(pressed[3] or "") if pressed[3] != "0" else 0
        _do(turn, int(pressed[1]), _Wish(pressed[2], None, why, seen, to))
        return
    first, _, rest = args.partition(" ")
    typed = number(first.removeprefix("#"))
    if typed is None:
        found = turn.uow.people.find(args, turn.programme.id)
        if found is None:
            raise NotAllowed("nobody is called so")
        turn.say(page(turn, found.id))
    elif not rest.strip():
        turn.say(page(turn, typed))
    else:
        wanted, rest = _verb(rest)
        length, _, why = rest.partition(" ")
        days = number(length)
        _do(turn, typed, _Wish(wanted, days, (rest if days is None else why).strip(), None))


def _verb(said: str) -> tuple[str, str]:
    """The verb and what follows it; of two words as in the button, « plus haut », or of one."""
    for count in (2, 1):
        words = said.split(maxsplit=count)
        name = fold(" ".join(words[:count])).replace(" ", "-")
        if name in VERBS:
            return VERBS[name], "".join(words[count:])
    return "", said


def _known(turn: Turn, why: str | None) -> bool:
    return why is not None and turn.w.has(f"triage-why-{why}")


def _do(turn: Turn, person_id: int, wish: _Wish) -> None:
    person = access.staff_mentee(turn, person_id)
    if wish.verb == "answers":
        _show_answers(turn, person)
    elif wish.verb == "history":
        turn.say(_show_history(turn, person))
    elif wish.verb == "level":
        turn.say(_choose_level(turn, person))
    elif wish.verb == "write":
        triage_team.write(turn, person)
    elif wish.verb == "hand":
        triage_team.hand(turn, person, wish.to, wish.seen)
    elif wish.verb == "undo":
        _undo(turn, person, wish)
    elif wish.verb in REASONS:
        _decide(turn, person, wish)
    else:
        turn.say(Message(_usage(turn)))


def _usage(turn: Turn) -> str:
    slack = turn.author.platform == "slack"
    name = COMMANDS["a-voir"].called(turn.w.lang)
    return turn.w(
        "triage-usage", command=f"/cordee {name}" if slack else "/" + name.replace("-", "_")
    )


# --- the page -------------------------------------------------------------------------------------


def teller(turn: Reader, shown: Sequence[Seen]) -> Teller:
    """Who says the signs of these people."""
    every = people_in(sign for one in shown for sign in one.entry.signs)
    return Teller(turn.programme, turn.w, turn.uow.people.names(every) if every else {})


def position(w: Words, one: Seen) -> str:
    """What the team decided about their place, while it lasts."""
    correction = one.entry.correction
    return w(f"triage-is-{correction.position}") if correction else ""


def reasons(w: Words, teller: Teller, one: Seen) -> list[str]:
    """Why they are in the list: their signs, or without any what the team wrote."""
    if one.entry.signs:
        return teller.all(one.entry.signs)
    place = one.decisions.get("place")
    return [w("triage-no-sign"), *((f"« {place.why} »",) if place else ())]


def standing(turn: Reader, one: Seen) -> list[str]:
    """Beside the name: a follow-up that is not the usual one, a correction, what is new since."""
    w = turn.w
    said = [w(f"triage-level-{one.level}")] if one.level != turn.programme.triage.level else []
    if one.entry.correction is not None:
        said.append(position(w, one))
    if handed := triage_team.followed_by(turn, one.decisions.get("hand")):
        said.append(handed)
    return [*said, w("triage-new-since")] if one.entry.raised else said


def page(turn: Turn, person_id: int) -> Message:
    """Somebody's page.

    Raises:
        NotAllowed: Nobody who is followed here.
    """
    person = access.staff_mentee(turn, person_id)
    one = _one(turn, person)
    w = turn.w
    call = turn.uow.triage.live_call(person.id, turn.programme.id)
    said = [_by(turn, _level_name(turn, one.level), one.decisions.get("level"))]
    if handed := triage_team.followed_by(turn, one.decisions.get("hand")):
        said.append(handed[:1].upper() + handed[1:])  # names keep theirs
    place = one.decisions.get("place") if one.entry.correction else None
    if place is not None and place.until is not None:
        what = w("triage-corrected", what=position(w, one), until=w.day(place.until))
        said.append(_by(turn, what, place))
    if one.entry.raised:
        new = teller(turn, [one]).all(one.entry.fresh)
        said.append(w("triage-new", signs=" ; ".join(new)))
    if call is not None:
        said += [f"« {for_staff(words, w)} »" for words in turn.uow.triage.call_words(call)]
    signs = teller(turn, [one]).all(one.entry.signs)
    seen = place.id if place else 0
    turn.read("triage", person.id)
    of = str(person.id)
    refer = run_choice(w("staff-refer"), "orientations", f"personne/{of}")
    undo = run_choice(w("triage-undo"), "a-voir", f"{of}.undo.team.{seen}")
    return Message(
        title=w("triage-person", name=person.name or "—", number=person.id),
        text="\n".join(said),
        lines=tuple(Line(text=sign) for sign in signs) or (Line(text=w("triage-no-sign")),),
        choices=(
            *(help_calls.next_step(w, call) if call else ()),
            run_choice(w("triage-do-seen"), "a-voir", f"{of}.seen"),
            run_choice(w("triage-do-higher"), "a-voir", f"{of}.higher"),
            run_choice(w("triage-do-lower"), "a-voir", f"{of}.lower"),
            run_choice(w("triage-do-level"), "a-voir", f"{of}.level"),
        ),
        quiet=(
            *((undo,) if place else ()),
            run_choice(w("triage-do-write"), "a-voir", f"{of}.write"),
            run_choice(w("triage-do-hand"), "a-voir", f"{of}.hand"),
            *((refer,) if may(turn, "orientations") else ()),
            run_choice(w("triage-see-answers"), "a-voir", f"{of}.answers"),
            run_choice(w("triage-see-history"), "a-voir", f"{of}.history"),
            run_choice(w("triage-back"), "a-voir"),
        ),
        notice=w("triage-title"),
    )


def _one(turn: Turn, person: Person) -> Seen:
    found = everybody(turn.uow, turn.programme, turn.now, only=person.id)
    if not found:
        raise NotAllowed("not followed here")
    return found[0]


def _level_name(turn: Turn, level: str) -> str:
    return turn.w(f"triage-level-{level}").capitalize()


def _by(turn: Turn, what: str, decision: Decision | None) -> str:
    if decision is None:
        return what
    by = turn.uow.people.get(decision.by_id)
    return turn.w(
        "triage-by",
        what=what,
        name=(by.name if by else None) or "—",
        when=turn.w.day(decision.at),
        why=decision.why,
    )


# --- deciding -------------------------------------------------------------------------------------


def _choose_level(turn: Turn, person: Person) -> Message:
    w = turn.w
    one = _one(turn, person)
    return Message(
        w("triage-which-level", name=person.name or "—", level=w(f"triage-level-{one.level}")),
        choices=tuple(
            run_choice(_level_name(turn, level), "a-voir", f"{person.id}.{level}")
            for level in LEVELS
            if level != one.level
        ),
        quiet=(run_choice(w("triage-back-to"), "a-voir", str(person.id)),),
    )


def _decide(turn: Turn, person: Person, wish: _Wish) -> None:
    """Keep it, or ask for what is missing: a reason, within its bounds."""
    w, rules = turn.w, turn.programme.triage
    one = _one(turn, person)
    what = "place" if wish.verb in POSITIONS else "level"
    now = one.decisions.get(what)
    if not wish.why:
        turn.say(_choose_reason(turn, person, wish.verb, now))
        return
    if len(wish.why) > LONGEST:
        turn.text("answer-too-long", max=LONGEST, length=len(wish.why))
        return
    days = rules.correction_days if wish.days is None else wish.days
    if not 1 <= days <= DAYS:
        turn.text("triage-bad-days", max=DAYS)
        return
    current = now.id if now else 0
    kept = None
    if wish.seen is None or wish.seen == current:
        place = what == "place"
        kept = turn.uow.triage.decide(
            person.id,
            turn.programme.id,
            what,
            wish.verb,
            instead_of=current,
            why=wish.why,
            signs=[sign.key for sign in one.entry.signs] if place else None,
            by_id=turn.me.id,
            now=turn.now,
            until=turn.now + timedelta(days=days) if place else None,
        )
    if kept is None:
        turn.text("triage-meanwhile")
    else:
        before = now.value if now else None
        turn.note("triage", "person", person.id, what=what, before=before, after=wish.verb)
        done = Message(w("triage-kept", what=_decision_name(turn, wish.verb)))
        if not turn.replace(done):
            turn.say(done)
    turn.say(page(turn, person.id))


def _decision_name(turn: Turn, value: str) -> str:
    kind = "is" if value in POSITIONS else "level"
    return turn.w(f"triage-{kind}-{value}")


def _choose_reason(turn: Turn, person: Person, verb: str, now: Decision | None) -> Message:
    w = turn.w
    current = now.id if now else 0
    return Message(
        w("triage-why", name=person.name or "—", what=_decision_name(turn, verb))
        + "\n"
        + _usage(turn),
        choices=tuple(
            run_choice(w(f"triage-why-{why}"), "a-voir", f"{person.id}.{verb}.{why}.{current}")
            for why in REASONS[verb]
        ),
        quiet=(run_choice(w("triage-back-to"), "a-voir", str(person.id)),),
    )


def _undo(turn: Turn, person: Person, wish: _Wish) -> None:
    now = _one(turn, person).decisions.get("place")
    wanted = now.id if now and wish.seen is None else wish.seen or 0
    if turn.uow.triage.end(wanted, person.id, turn.me.id, turn.now):
        turn.note("triage", "person", person.id, what="place", after="undo")
        turn.text("triage-undone")
    else:
        turn.text("triage-meanwhile")
    turn.say(page(turn, person.id))


def _show_history(turn: Turn, person: Person) -> Message:
    """Every decision there ever was, newest first, with its author and reason."""
    w = turn.w
    every = turn.uow.triage.decisions(turn.programme.id, person.id, history=True)
    names = turn.uow.people.names(one.by_id for one in every) if every else {}
    lines = tuple(
        Line(label=w.day(one.at), text=_decided(turn, one, names.get(one.by_id) or "—"))
        for one in every
    )
    return Message(
        title=w("triage-history", name=person.name or "—"),
        text="" if lines else w("triage-no-history"),
        lines=lines,
        quiet=(run_choice(w("triage-back-to"), "a-voir", str(person.id)),),
        notice=w("triage-title"),
    )


def _decided(turn: Turn, one: Decision, name: str) -> str:
    w = turn.w
    if one.to_id is not None:
        whom = turn.uow.people.get(one.to_id)
        to = (whom.name if whom else None) or "—"
        if one.ended_at is None:
            return w("triage-decision-hand", whom=to, name=name)
        return w("triage-decision-hand-over", whom=to, name=name, when=w.day(one.ended_at))
    what = _decision_name(turn, one.value)
    if one.ended_at is None:
        return w("triage-decision", what=what, name=name, why=one.why)
    over = w.day(one.ended_at)
    return w("triage-decision-over", what=what, name=name, why=one.why, when=over)


# --- answers --------------------------------------------------------------------------------------


def _show_answers(turn: Turn, person: Person) -> None:
    """The last reports side by side, with what the pair itself recorded beside them (E-08)."""
    w = turn.w
    every = turn.uow.triage.reports(turn.programme.id, QUARTERS, person.id)
    sent = [one for one in every if one.sent_at is not None][::-1]
    if sent:
        turn.read("answers", person.id)
    turn.say(
        Message(
            title=w("triage-answers", name=person.name or "—"),
            text="\n".join(_rounds_met(turn, person)) if sent else w("triage-no-answers"),
            lines=tuple(_side_by_side(turn, sent)),
            quiet=(run_choice(w("triage-back-to"), "a-voir", str(person.id)),),
            notice=w("triage-title"),
        )
    )


def _side_by_side(turn: Turn, sent: Sequence[QuarterReport]) -> Iterable[Line]:
    """The questions in the order of the newest report; below each its answers, oldest first."""
    asked: dict[tuple[str, str], str] = {}
    given: dict[tuple[str, str], list[str]] = {}
    for one in reversed(sent):
        for answer in turn.uow.triage.opener.answers(one):
            which = (one.report, str(answer["id"]))
            asked.setdefault(which, str(answer["question"]))
            label = for_staff(str(answer["label"]), turn.w)
            short = label if len(label) <= CUT else label[: CUT - 1].rstrip() + "…"
            said = turn.w("triage-in-quarter", quarter=one.quarter, answer=short)
            given.setdefault(which, []).insert(0, said)
    return (Line(label=asked[which], text="\n".join(said)) for which, said in given.items())


def _rounds_met(turn: Turn, person: Person) -> Iterable[str]:
    """What the check-ins of their pairs say of meetings, oldest first."""
    w = turn.w
    since = turn.now - LOOKED_BACK
    rows = turn.uow.triage.checkins(turn.programme.id, since, states=False, only=person.id)
    met = [one for one in rows if one.met][:ROUNDS][::-1]
    names = turn.uow.people.names(one.person_id for one in met) if met else {}
    for one in met:
        key = f"met-{one.met}"
        yield w(
            "triage-round",
            when=w.day(one.occurrence),
            name=names.get(one.person_id) or "—",
            met=w(key) if w.has(key) else one.met,
        )
