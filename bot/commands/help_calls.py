"""« J'ai besoin d'aide »: always open, reaches people of the team, with a date they are held to.

The team is told at once, again when nobody has taken it, and at the date that was promised; the
person hears who has taken it. Whoever took it is reminded at that date, and the team from the next
working day on, until it is settled. What they say of it is sealed, and shown to the team in private
only. Nothing is read into it: whoever asks for help is answered by a human.

Source: M-15.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from bot import access, onboarding
from bot.commands.registry import COMMANDS, act, command
from bot.dialogue.questionnaire import fold
from bot.dialogues import act_choice, for_staff, run_choice
from bot.followup import due, planner
from bot.i18n import LANGUAGES, Words, words
from bot.messages import Choice, Message
from bot.programmes.schema import Programme
from bot.rhythm import into_waking_hours
from bot.triage.morning import look_again
from bot.turn import Scene, Turn
from storage.tables import HelpCall, Person
from storage.timers import DueTimer

LONGEST: Final = 2000  # characters of what is said at once
_YES: Final = frozenset({"oui", "yes"})


def asks_for_help(text: str) -> bool:
    """Whether somebody's words are just that: « j'ai besoin d'aide »."""
    said = fold(text)
    return any(
        said == fold(phrase)
        for lang in LANGUAGES
        for phrase in words(lang)("help-phrases").splitlines()
    )


# --- whoever asks ---------------------------------------------------------------------------------


@command("besoin", alias="need-help", who="anyone")
def besoin(turn: Turn, args: str) -> None:
    """I need help: what happens then, and by when; with words, at once."""
    if turn.current is None or not onboarding.agreed(turn):
        if turn.current is not None:
            turn.text("help-guest", name=_whom(turn.w, turn.current))
        turn.bot.ask_consent(turn)
        return
    said = args.strip()
    if len(said) > LONGEST:
        turn.text("answer-too-long", max=LONGEST, length=len(said))
        return
    programme = turn.programme
    call = turn.uow.triage.live_call(turn.me.id, programme.id)
    if not said:
        turn.say(_offer(turn) if call is None else _standing(turn, call))
    elif call is None:
        _open(turn, "" if fold(said) in _YES else said)
    elif fold(said) in _YES:
        turn.say(_standing(turn, call))
    else:
        turn.uow.triage.add_words(call, said)
        _call_team(turn, call, "staff-help-more", f"more:{turn.event.id}", said)
        turn.say(_standing(turn, call))


def offer(turn: Turn) -> None:
    """Their words were « j'ai besoin d'aide »: the same as the verb, then the open question."""
    besoin(turn, "")
    COMMANDS["reprendre"].run(turn, "silent")


def _offer(turn: Turn) -> Message:
    w, programme = turn.w, turn.programme
    return Message(
        w(
            "help-offer",
            programme.triage.help_days,
            name=w.team(programme.contact),
            when=w.weekday(_promised(turn, programme)),
        ),
        choices=(run_choice(w("help-send"), "besoin", "oui", "primary"),),
        quiet=(run_choice(w("help-not-now"), "menu"),),
        note=w("help-urgent"),
    )


def _standing(turn: Turn, call: HelpCall) -> Message:
    w, programme = turn.w, turn.programme
    if call.taken_by_id is not None:
        text = w("help-is-taken", name=_name(turn, call.taken_by_id))
    else:
        text = w("help-is-open", name=w.team(programme.contact), when=w.weekday(call.due_at))
    slack = turn.author.platform == "slack"
    typed = ("/cordee " if slack else "/") + ("besoin" if w.lang == "fr" else "need-help")
    return Message(
        text + "\n" + w("help-more", command=typed if slack else typed.replace("-", "_")),
        quiet=(act_choice(w("help-off"), "help-off", call.id, call.version),),
        note=w("help-urgent"),
    )


def _whom(w: Words, programme: Programme) -> str:
    """The team, with its address when it has one."""
    name, address = w.team(programme.contact), programme.contact.address
    return f"{name} ({address})" if address else name


def _promised(scene: Scene, programme: Programme) -> datetime:
    return programme.working_days_later(scene.now, programme.triage.help_days)


def _open(turn: Turn, said: str) -> None:
    programme = turn.programme
    due_at = _promised(turn, programme)
    call = turn.uow.triage.call(turn.me.id, programme.id, said, now=turn.now, due_at=due_at)
    if call is None:
        turn.text("button-stale")
        return
    told = _call_team(turn, call, "staff-help-asked", "asked", said)
    _watch(turn, call, programme)
    turn.note("help-asked", "help_call", call.id)
    look_again(turn, programme)
    if told:
        turn.say(_standing(turn, call))
    else:
        turn.text("help-nobody", name=_whom(turn.w, programme))


def _watch(scene: Scene, call: HelpCall, programme: Programme) -> None:
    """When it is looked at next: half-way to the promised date, once it is taken at that date.

    One that is taken after its date has until the next working day.
    """
    scene.uow.timers.cancel("help-call", call.id)
    if call.state == "open":
        at = scene.now + (call.due_at - scene.now) / 2
    elif call.due_at > scene.now:
        at = call.due_at
    else:
        at = programme.working_days_later(scene.now, 1)
    scene.uow.timers.put(
        key=f"help-call:{call.id}:{call.version}",
        kind="help-call",
        subject_id=call.id,
        due_at=into_waking_hours(at, programme.zone, programme.quiet),
        payload={"step": 0},
    )


@planner
def plan_all(scene: Scene) -> None:
    """At start: what was taken when nothing more was planned for it is looked at too."""
    for programme in scene.bot.programmes.values():
        for row in scene.uow.triage.live_calls(programme.id):
            planned = scene.uow.timers.list(kind="help-call", subject_id=row.id, limit=1)
            call = scene.uow.triage.get_call(row.id)
            if call is not None and call.state == "taken" and not planned:
                _watch(scene, call, programme)


@act("help-off", who="member")
def help_off(turn: Turn, number: int, version: int) -> None:
    """No need any more; the team hears it."""
    call = access.own_call(turn, number)
    if not turn.uow.triage.move_call(call, version, "closed", closed_at=turn.now):
        turn.text("button-stale")
        return
    turn.note("help-withdrawn", "help_call", call.id)
    turn.uow.timers.cancel("help-call", call.id)
    _call_team(turn, call, "staff-help-off", "off", "")
    done = Message(turn.w("help-is-off"))
    if not turn.replace(done):
        turn.say(done)


# --- the team -------------------------------------------------------------------------------------


def _call_team(
    scene: Scene,
    call: HelpCall,
    text: str,
    what: str,
    said: str,
    to: Collection[Person] | None = None,
) -> int:
    """Tell the team of a call; what was said only there, never in the notification.

    Args:
        scene: The cause.
        call: Which.
        text: The message.
        what: Its meaning, for the key.
        said: What the person said of it.
        to: These of the team only.

    Returns:
        How many hear it now.
    """
    programme = scene.programme_of(call.programme_id)
    name, taker = _name(scene, call.person_id), _name(scene, call.taken_by_id)
    followed = "mentee" in scene.uow.people.roles(call.person_id, programme.id)

    def build(w: Words) -> Message:
        see = run_choice(w("triage-see"), "a-voir", str(call.person_id))
        return Message(
            title=w(text, name=name, taker=taker, when=w.weekday(call.due_at)),
            text=for_staff(said, w),
            choices=(*next_step(w, call), *((see,) if followed else ())),
            notice=w("staff-help-notice"),
        )

    return scene.tell_staff(
        programme,
        build,
        key=f"help-call:{call.id}:{call.version}:{what}",
        to=scene.team(programme, "a-voir") if to is None else to,
        words_of=call.person_id,
        but=access.close_to(scene, call.person_id),
    )


def next_step(w: Words, call: HelpCall) -> tuple[Choice, ...]:
    """What the team can do about a call as it stands: take it, then settle it."""
    if call.state == "closed":
        return ()
    verb = "help-take" if call.state == "open" else "help-close"
    return (act_choice(w(verb), verb, call.id, call.version, "primary"),)


def _name(scene: Scene, person_id: int | None) -> str:
    person = scene.uow.people.get(person_id) if person_id else None
    return (person.name if person else None) or "—"


@act("help-take", who="staff", of="a-voir")
def help_take(turn: Turn, number: int, version: int) -> None:
    """I am on it: whoever asked hears who, and so does the rest of the team."""
    call = access.staff_call(turn, number)
    taken = call.state == "open" and turn.uow.triage.move_call(
        call, version, "taken", taken_by_id=turn.me.id, taken_at=turn.now
    )
    if not taken:
        turn.text("help-taken-already", name=_name(turn, call.taken_by_id))
        return
    turn.note("help-taken", "help_call", call.id)
    _watch(turn, call, turn.programme)
    person, me = turn.person(call.person_id), turn.me.name or "—"
    w = turn.words(person, turn.programme)
    turn.tell(
        person, Message(w("help-is-taken", name=me)), key=f"help-news:{call.id}:{call.version}"
    )
    team = turn.team(turn.programme, "a-voir")
    near = access.close_to(turn, person.id)
    turn.tell_staff(
        turn.programme,
        lambda w: Message(w("staff-help-taken", name=person.name or "—", taker=me)),
        key=f"help-call:{call.id}:{call.version}:taken",
        to=[p for p in team if p.id not in {turn.me.id} | near],
    )
    done = Message(
        turn.w("help-yours", name=person.name or "—"),
        choices=(
            act_choice(turn.w("help-close"), "help-close", call.id, call.version),
            run_choice(turn.w("triage-see"), "a-voir", str(call.person_id)),
        ),
    )
    if not turn.replace(done):
        turn.say(done)


@act("help-close", who="staff", of="a-voir")
def help_close(turn: Turn, number: int, version: int) -> None:
    """It has been seen to; whoever asked may say that it has not."""
    call = access.staff_call(turn, number)
    if not turn.uow.triage.move_call(call, version, "closed", closed_at=turn.now):
        turn.text("button-stale")
        return
    turn.note("help-closed", "help_call", call.id)
    turn.uow.timers.cancel("help-call", call.id)
    person = turn.person(call.person_id)
    w = turn.words(person, turn.programme)
    again = run_choice(w("menu-help-me"), "besoin")
    turn.tell(
        person,
        Message(w("help-is-closed", name=turn.me.name or "—"), choices=(again,)),
        key=f"help-news:{call.id}:closed",
    )
    done = Message(turn.w("help-closed", name=person.name or "—"))
    if not turn.replace(done):
        turn.say(done)


@due("help-call")
def remind(scene: Scene, timer: DueTimer) -> None:
    """It is not over: what has to follow is said, until it is."""
    call = scene.uow.triage.get_call(timer.subject_id)
    if call is None or call.state not in ("open", "taken"):
        return
    programme = scene.programme_of(call.programme_id)
    follow = _nobody_yet if call.state == "open" else _not_settled
    at = into_waking_hours(follow(scene, timer, call, programme), programme.zone, programme.quiet)
    late = scene.now >= call.due_at
    scene.uow.timers.again(timer, at, {"step": int(timer.payload["step"]) + 1, "told": late})


def _nobody_yet(scene: Scene, timer: DueTimer, call: HelpCall, programme: Programme) -> datetime:
    """Nobody has taken it: the team hears it before the date, at the date, and each day after."""
    late = scene.now >= call.due_at
    step = int(timer.payload["step"])
    _call_team(scene, call, "staff-help-late" if late else "staff-help-waits", f"wait{step}", "")
    if late and not timer.payload.get("told"):
        person = scene.person(call.person_id)
        w = scene.words(person, programme)
        scene.tell(
            person,
            Message(w("help-is-late", name=_whom(w, programme))),
            key=f"help-news:{call.id}:{call.version}:late",
        )
    return call.due_at if not late else scene.now + timedelta(days=1)


def _not_settled(scene: Scene, timer: DueTimer, call: HelpCall, programme: Programme) -> datetime:
    """The taker hears it at the date; the team, and they, each working day after."""
    step = int(timer.payload["step"])
    taker = scene.uow.people.get(call.taken_by_id) if call.taken_by_id else None
    told = 0
    if step == 0 and taker is not None:
        told = _call_team(scene, call, "staff-help-yours", "settle0", "", to=(taker,))
    if not told:
        _call_team(scene, call, "staff-help-unsettled", f"settle{step}", "")
    return programme.working_days_later(scene.now, 1)


def free_all(scene: Scene, programme: Programme, leaving: int | None = None) -> None:
    """The calls of whoever is no longer of the team wait for somebody again, with a new date.

    Nobody is named: a message with the name of somebody who is erased would go with them.

    Args:
        scene: The cause.
        programme: Where.
        leaving: Who is about to leave, or pauses, though their roles are still there.
    """
    for row in scene.uow.triage.live_calls(programme.id):
        taker = row.taken_by_id
        if row.state != "taken" or (
            taker not in (None, leaving) and scene.allowed(taker, programme.id, "a-voir")
        ):
            continue
        call = scene.uow.triage.get_call(row.id)
        if call is None or not scene.uow.triage.move_call(
            call,
            call.version,
            "open",
            taken_by_id=None,
            taken_at=None,
            due_at=_promised(scene, programme),
        ):
            continue
        said = "\n".join(scene.uow.triage.call_words(call))
        others = [one for one in scene.team(programme, "a-voir") if one.id != leaving]
        _call_team(scene, call, "staff-help-freed", "freed", said, to=others)
        _watch(scene, call, programme)
        person = scene.person(call.person_id)
        w = scene.words(person, programme)
        text = w("help-is-freed", name=w.team(programme.contact), when=w.weekday(call.due_at))
        scene.tell(person, Message(text), key=f"help-news:{call.id}:{call.version}")
