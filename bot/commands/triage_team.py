"""From « À voir en premier »: write to somebody through the bot, or hand them to a colleague.

What is written is shown as it will be read before it goes; the person can answer, and the answer
comes to whoever wrote, or to the team when they are no longer of it. To whom somebody is handed is
a decision like the others (`triage_person`): kept, shown in the list, replaced only by whoever has
seen it.

Source: E-09.
"""

from __future__ import annotations

from bot import access
from bot.awaited import ask, words_for
from bot.commands.queue import OFFERED
from bot.commands.registry import act
from bot.dialogues import act_choice, for_staff, run_choice
from bot.errors import NotAllowed
from bot.flows import flags
from bot.i18n import Words
from bot.messages import Choice, Message
from bot.triage.gather import everybody
from bot.triage.room import Reader
from bot.turn import Scene, Turn, within
from storage.tables import Person, TeamLetter
from storage.triage import Decision

# --- writing --------------------------------------------------------------------------------------


def write(turn: Turn, person: Person) -> None:
    """The next words are for somebody of the list."""
    text = turn.w("triage-write-now", name=person.name or "—")
    ask(turn, "team-letter", person.id, text)


@words_for("team-letter", own=False)
def written(turn: Turn, number: int, text: str) -> None:
    """The words as they will be read; nothing goes before one more tap."""
    person = access.staff_mentee(turn, number)
    row = turn.uow.team_letters.write(person.id, turn.programme.id, turn.me.id, text, turn.now)
    said = received(turn, row, turn.w)
    turn.say(Message(title=said.title, text=said.text))
    n, v = row.id, row.version
    turn.say(
        Message(
            turn.w("triage-write-preview", name=person.name or "—"),
            choices=(
                act_choice(turn.w("triage-write-send"), "team-send", n, v, "primary"),
                act_choice(turn.w("triage-write-again"), "team-again", n, v),
            ),
            quiet=(act_choice(turn.w("write-cancel"), "team-drop", n, v),),
        )
    )


def received(scene: Scene, row: TeamLetter, w: Words) -> Message:
    """A letter as the person gets it."""
    programme = scene.programme_of(row.programme_id)
    name = scene.person(row.by_id).name or w("somebody")
    return Message(
        title=w("team-letter", name=name, team=w.team(programme.contact)),
        text=scene.uow.team_letters.text(row),
        choices=(act_choice(w("team-answer"), "team-answer", row.id, 1, "primary"),),
        quiet=(act_choice(w("flag"), "flag-team", row.id, 1),),
        notice=w("team-letter-notice"),
    )


@act("team-send", who="staff", of="a-voir")
def send(turn: Turn, number: int, version: int) -> None:
    """It goes out, once."""
    row = access.own_team_letter(turn, number)
    if row.state != "draft" or row.version != version:
        turn.text("button-stale")
        return
    person = access.staff_mentee(turn, row.person_id)
    name = person.name or "—"
    w = turn.words(person, turn.programme)
    if not turn.show(person, within(turn.programme, received(turn, row, w)), what="team-letter"):
        turn.text("triage-write-unreachable", name=name)
        return
    if not turn.uow.team_letters.send(row, version):
        raise NotAllowed("it went out already")
    turn.note("team-letter", "person", person.id)
    said = "triage-write-held" if person.paused_at is not None else "triage-write-sent"
    _instead(turn, Message(turn.w(said, name=name), choices=(_see(turn.w, person),)))


@act("team-again", who="staff", of="a-voir")
def again(turn: Turn, number: int, version: int) -> None:
    """Other words; these are dropped."""
    row = access.own_team_letter(turn, number)
    if not turn.uow.team_letters.drop(row):
        turn.text("button-stale")
        return
    write(turn, access.staff_mentee(turn, row.person_id))


@act("team-drop", who="staff", of="a-voir")
def drop(turn: Turn, number: int, version: int) -> None:
    """Nothing is sent after all."""
    row = access.own_team_letter(turn, number)
    if turn.uow.team_letters.drop(row):
        _instead(turn, Message(turn.w("awaited-cancelled")))
    else:
        turn.text("button-stale")


def _instead(turn: Turn, message: Message) -> None:
    if not turn.replace(message):
        turn.say(message)


def _see(w: Words, person: Person) -> Choice:
    return run_choice(w("triage-see"), "a-voir", str(person.id))


# --- the answer -----------------------------------------------------------------------------------


@act("team-answer", who="member")
def answer(turn: Turn, number: int, version: int) -> None:
    """The next words go to whoever wrote."""
    row = access.team_letter_to_me(turn, number)
    writer = turn.uow.people.get(row.by_id)
    name = turn.w.team(turn.programme.contact)
    if writer is not None and turn.allowed(writer.id, turn.programme.id, "a-voir"):
        name = writer.name or turn.w("somebody")
    ask(turn, "team-answer", row.id, turn.w("team-answer-now", name=name))


@words_for("team-answer", own=True)
def answered(turn: Turn, number: int, text: str) -> None:
    """The answer, to the one who wrote; to the team too if they are not there to read it now."""
    row = access.team_letter_to_me(turn, number)
    programme = turn.programme
    kept = turn.uow.team_letters.answer(row, text, turn.now)
    turn.note("team-answered", "person", turn.me.id)
    writer = turn.uow.people.get(row.by_id)
    key = f"team-answer:{kept.id}"

    def build(w: Words) -> Message:
        return Message(
            title=w("triage-answered", name=turn.me.name or "—"),
            text=for_staff(text, w),
            choices=(
                run_choice(w("triage-do-write"), "a-voir", f"{turn.me.id}.write", "primary"),
                _see(w, turn.me),
            ),
            notice=w("triage-title"),
        )

    if writer is not None and turn.allowed(writer.id, programme.id, "a-voir"):
        said = within(programme, build(turn.words(writer, programme)))
        if turn.tell(writer, said, key=f"{key}:staff{writer.id}") and not turn.rests(writer):
            turn.text("team-answer-sent", name=writer.name or turn.w("somebody"))
            return
    but = access.close_to(turn, turn.me.id)
    if turn.tell_staff(programme, build, key=key, verb="a-voir", but=but):
        turn.text("team-answer-sent", name=turn.w.team(programme.contact))
    else:
        turn.text("help-nobody", name=turn.w.team(programme.contact))


@act("flag-team", who="member")
def flag(turn: Turn, number: int, version: int) -> None:
    """Report a letter of the team."""
    row = access.team_letter_to_me(turn, number)
    flags.reported(turn, turn.uow.team_letters.text(row), row.by_id)


# --- handing on -----------------------------------------------------------------------------------


def follower(turn: Reader, decision: Decision | None) -> Person | None:
    """To whom somebody was handed; whoever is no longer of the team follows nobody."""
    if decision is None or decision.to_id is None:
        return None
    if not turn.allowed(decision.to_id, turn.programme.id, "a-voir"):
        return None
    return turn.uow.people.get(decision.to_id)


def followed_by(turn: Reader, decision: Decision | None) -> str:
    """The same in words, for the list and the page; empty when it is nobody."""
    person = follower(turn, decision)
    if person is None:
        return ""
    mine = person.id == turn.me.id
    return turn.w("triage-hand-you") if mine else turn.w("triage-hand", name=person.name or "—")


def hand(turn: Turn, person: Person, to: int | None, seen: int | None) -> None:
    """Ask to whom, or do it: both of the team who are concerned hear.

    Args:
        turn: Of one of the team.
        person: Who is handed on.
        to: Number of the colleague; 0 for nobody; None to be asked.
        seen: The decision that the button was shown with; None when it was typed.
    """
    found = everybody(turn.uow, turn.programme, turn.now, only=person.id)
    now = found[0].decisions.get("hand") if found else None
    current = now.id if now else 0
    holder = follower(turn, now)
    team = {one.id: one for one in turn.team(turn.programme, "a-voir")}
    if to is None:
        _whom(turn, person, holder, [one for one in team.values() if one is not holder], current)
        return
    taker = team.get(to)
    if taker is None and to:
        raise NotAllowed("not of the team")
    if taker is not holder:
        if seen not in (None, current) or not _keep(turn, person, taker, current):
            turn.text("triage-meanwhile")
            return
        turn.note("triage", "person", person.id, what="hand", to=to or None)
        _tell_both(turn, person, taker, holder)
    name = person.name or "—"
    if taker is None:
        done = turn.w("triage-hand-over", name=name)
    else:
        done = turn.w("triage-handed", name=name, whom=taker.name or "—")
    _instead(turn, Message(done, choices=(_see(turn.w, person),)))


def _keep(turn: Turn, person: Person, taker: Person | None, current: int) -> bool:
    if taker is None:
        return turn.uow.triage.end(current, person.id, turn.me.id, turn.now)
    kept = turn.uow.triage.decide(
        person.id,
        turn.programme.id,
        "hand",
        "handed",
        instead_of=current,
        why="",
        signs=None,
        by_id=turn.me.id,
        now=turn.now,
        until=None,
        to_id=taker.id,
    )
    return kept is not None


def _whom(
    turn: Turn, person: Person, holder: Person | None, among: list[Person], current: int
) -> None:
    w, of = turn.w, str(person.id)
    among = sorted(among, key=lambda one: (one.name or "", one.id))[:OFFERED]
    nobody = run_choice(w("triage-hand-nobody"), "a-voir", f"{of}.hand.0.{current}")
    turn.say(
        Message(
            w("triage-hand-whom", name=person.name or "—"),
            choices=tuple(
                run_choice(one.name or "—", "a-voir", f"{of}.hand.{one.id}.{current}")
                for one in among
            ),
            quiet=(*((nobody,) if holder else ()), run_choice(w("triage-back-to"), "a-voir", of)),
        )
    )


def _tell_both(turn: Turn, person: Person, taker: Person | None, holder: Person | None) -> None:
    """Who follows them from now on, and who did, hear of it; whoever pressed knows."""
    name, by = person.name or "—", turn.me.name or "—"
    whom = (taker.name or "—") if taker else "—"
    for one in (taker, holder):
        if one is None or one.id == turn.me.id:
            continue
        w = turn.words(one, turn.programme)
        now = w("triage-handed-to-you", name=name, by=by)
        text = now if one is taker else w("triage-handed-on", name=name, by=by, whom=whom)
        message = within(turn.programme, Message(text, choices=(_see(w, person),)))
        turn.show(one, message, what="triage-handed")
