"""Colleagues talk with the one who asks, who knows of it and may say that it does not suit.

Several colleagues may be asked for one request (A-16). The one who asked hears of it once a
colleague has said yes: who, and when if it is said; to « this moment does not suit » no reason is
asked. All that is written stands in the file of the request, like the team's notes.
"""

from __future__ import annotations

from bot import access
from bot.awaited import ask, words_for
from bot.commands.casework import tell_those, too_late
from bot.commands.queue import ask_whom, chosen, colleagues, page
from bot.commands.registry import act, command
from bot.dialogues import act_choice, for_staff, run_choice
from bot.flows import queue
from bot.flows.requests import standing
from bot.i18n import Words
from bot.messages import Choice, Message
from bot.turn import Turn
from storage.casework import WAITING
from storage.requests import LIVE
from storage.tables import Interview, Person, Request


def _see(turn: Turn, request: Request) -> Choice:
    return run_choice(turn.w("staff-see-request"), "demandes", str(request.id))


# --- a colleague is asked -------------------------------------------------------------------------


@command("entretien", alias="interview", who="staff", of="demandes", listed=False)
def entretien(turn: Turn, args: str) -> None:
    """Ask a colleague to talk with the one who asks: `12` asks whom, `12-45` or a name them."""
    meant = chosen(turn, args, "entretien")
    if meant is None:
        return
    request, person = meant
    w = turn.w
    if request.state not in LIVE:
        turn.say(page(turn, request), here=True)
        return
    asked = {one.interviewer_id for one in turn.uow.casework.interviews(request.id)}
    if person is None:
        among = [one for one in (turn.me, *colleagues(turn, request)) if one.id not in asked]
        ask_whom(turn, request, "entretien", w("staff-interview-whom", number=request.id), among)
        return
    made = turn.uow.casework.ask(request.id, person.id, turn.me.id, turn.now)
    if made is None:
        turn.say(page(turn, request), here=True)
        return
    turn.note("interview-asked", "request", request.id, to=person.id)
    if person.id == turn.me.id:
        turn.say(_card(turn, request, made, person, "staff-interview-by-me"), here=True)
        return
    turn.show(
        person, _card(turn, request, made, person, "staff-interview-for-you"), what="interview"
    )
    turn.say(
        Message(
            w("staff-interview-sent", number=request.id, name=person.name or "—"),
            choices=(_see(turn, request),),
        ),
        here=True,
    )


def _card(turn: Turn, request: Request, one: Interview, person: Person, what: str) -> Message:
    """An interview as its interviewer sees it: yes with a moment or without, its note, or no.

    Once the request has come to its end nothing is left to arrange; its note may still be written.
    """
    w = turn.words(person, turn.programme)
    told = queue.about(turn, request, what, w, by=turn.me.name or "—")
    number, version = one.id, one.version
    see = run_choice(w("staff-see-request"), "demandes", str(request.id))
    note = act_choice(w("staff-interview-write"), "interview-note", number, version)
    if request.state not in LIVE:
        return Message(told.text, choices=(note,), quiet=(see,))
    when = "staff-interview-when" if one.state == "asked" else "staff-interview-again"
    ways = [act_choice(w(when), "interview-when", number, version, "primary")]
    if one.state == "asked":
        ways.append(act_choice(w("staff-interview-soon"), "interview-soon", number, version))
    ways.append(note)
    ways.append(act_choice(w("staff-interview-decline"), "interview-no", number, version))
    return Message(told.text, choices=tuple(ways), quiet=(see,))


@act("interview", who="staff", of="demandes")
def interview(turn: Turn, number: int, version: int) -> None:
    """My interview, with what can be done about it."""
    one, request = access.own_interview(turn, number)
    if one.state not in WAITING:
        turn.say(page(turn, request), here=True)
        return
    turn.say(_card(turn, request, one, turn.me, "staff-interview-by-me"), here=True)


def _over(turn: Turn, one: Interview, request: Request) -> bool:
    """Show the request instead when there is nothing left to arrange; whether it was shown."""
    if one.state in WAITING and request.state in LIVE:
        return False
    turn.say(page(turn, request), here=True)
    return True


# --- the one who asked is told --------------------------------------------------------------------


@act("interview-soon", who="staff", of="demandes")
def interview_soon(turn: Turn, number: int, version: int) -> None:
    """Yes, the moment will be found; the one who asked knows who will get in touch."""
    one, request = access.own_interview(turn, number)
    if not _over(turn, one, request):
        _tell(turn, one, request, None)


@act("interview-when", who="staff", of="demandes")
def interview_when(turn: Turn, number: int, version: int) -> None:
    """The next words say when and how, as the one who asked will read them."""
    one, request = access.own_interview(turn, number)
    if _over(turn, one, request):
        return
    name = turn.person(request.person_id).name or "—"
    ask(turn, "moment", one.id, turn.w("staff-interview-moment", number=request.id, name=name))


@words_for("moment", own=False)
def moment(turn: Turn, number: int, text: str) -> None:
    """A moment, in words; kept in the file and given to the one who asked."""
    one, request = access.own_interview(turn, number)
    if one.state not in WAITING or request.state not in LIVE:
        too_late(turn, request, text)
        return
    turn.uow.casework.write(request, turn.me.id, "moment", text, turn.now)
    _tell(turn, one, request, text)


def _tell(turn: Turn, one: Interview, request: Request, text: str | None) -> None:
    if (text is None and one.state != "asked") or not turn.uow.casework.settle(
        one, "told", turn.now
    ):
        turn.say(page(turn, request), here=True)  # it was said already
        return
    turn.note("interview-told", "request", request.id)
    mentee = turn.person(request.person_id)
    turn.show(mentee, _told(turn, one, request, text), what="interview-told")
    done = Message(
        turn.w("staff-interview-known", name=mentee.name or "—"), choices=(_see(turn, request),)
    )
    turn.say(done, here=True)


def _told(turn: Turn, one: Interview, request: Request, text: str | None) -> Message:
    programme = turn.programme_of(request.programme_id)
    w = turn.words(turn.person(request.person_id), programme)
    name = turn.person(one.interviewer_id).name or w("somebody")
    return Message(
        w(
            "interview-told" if text is None else "interview-told-when",
            team=w.team(programme.contact),
            name=name,
            moment=text,
        ),
        choices=(act_choice(w("interview-busy"), "interview-busy", one.id, one.version),),
        notice=w("request-title"),
    )


@act("interview-busy", who="member")
def interview_busy(turn: Turn, number: int, version: int) -> None:
    """The moment does not suit: the interviewer knows at once; a few words may follow."""
    one, request = access.interview_of_me(turn, number)
    if one.state != "told" or one.version != version or request.state not in LIVE:
        turn.say(standing(turn, request))
        return
    turn.uow.casework.settle(one, "unsuited", turn.now)
    turn.note("interview-unsuited", "request", request.id)
    name = _answer(turn, one, request, "staff-interview-busy", None)
    ask(turn, "busy", one.id, turn.w("interview-busy-noted", name=name))


@words_for("busy", own=True)
def busy(turn: Turn, number: int, text: str) -> None:
    """What would suit better; kept in the file, and given to the interviewer."""
    one, request = access.interview_of_me(turn, number)
    if one.state not in WAITING or request.state not in LIVE:
        turn.say(standing(turn, request))
        return
    turn.uow.casework.write(request, turn.me.id, "reply", text, turn.now)
    name = _answer(turn, one, request, "staff-interview-better", text)
    if turn.in_distress:
        return  # answered, and the words went to somebody else
    turn.text("interview-busy-passed", name=name)


def _answer(turn: Turn, one: Interview, request: Request, what: str, text: str | None) -> str:
    """The interviewer hears; if they are not there any more, who is in charge, or the whole team.

    Returns:
        Who has it now, for whoever said it.
    """
    programme = turn.programme_of(request.programme_id)
    person = turn.person(one.interviewer_id)
    there = person.paused_at is None and queue.of_team(turn, person.id, programme.id)
    nearest = person if there else queue.owner_of(turn, request)

    def build(w: Words, *, mine: bool = False) -> Message:
        said = w(what, number=request.id, name=turn.me.name or "—", text=for_staff(text or "", w))
        see = run_choice(w("staff-see-request"), "demandes", str(request.id))
        when = w("staff-interview-again")
        again = act_choice(when, "interview-when", one.id, one.version, "primary")
        return Message(said, choices=(again, see) if mine else (see,))

    key = f"interview-answer:{turn.event.id}"
    if nearest is not None and turn.tell_staff(
        programme, lambda w: build(w, mine=there), key=key, to=[nearest]
    ):
        return nearest.name or turn.w("somebody")
    turn.tell_staff(programme, build, key=key, verb="demandes")
    return turn.w.team(programme.contact)


# --- how it ends ----------------------------------------------------------------------------------


@act("interview-note", who="staff", of="demandes")
def interview_note(turn: Turn, number: int, version: int) -> None:
    """The next words are what the interview gave."""
    one, request = access.own_interview(turn, number)
    if one.state == "declined":
        turn.say(page(turn, request), here=True)
        return
    ask(turn, "interview", one.id, turn.w("staff-interview-now", number=request.id))


@words_for("interview", own=False)
def interviewed(turn: Turn, number: int, text: str) -> None:
    """The interview is done; everybody who sees to the request hears of its note."""
    one, request = access.own_interview(turn, number)
    turn.uow.casework.settle(one, "done", turn.now)  # a second note is one more
    turn.uow.casework.write(request, turn.me.id, "interview", text, turn.now)
    turn.note("interview-done", "request", request.id)
    tell_those(turn, request, queue.on_it(turn, request), "staff-interview-noted")
    turn.say(Message(turn.w("staff-noted", number=request.id), choices=(_see(turn, request),)))


@act("interview-no", who="staff", of="demandes")
def interview_no(turn: Turn, number: int, version: int) -> None:
    """Not possible for me; whoever asked hears it, and the one who was told to wait for it."""
    one, request = access.own_interview(turn, number)
    knew = one.state != "asked"
    if not turn.uow.casework.settle(one, "declined", turn.now):
        turn.say(page(turn, request), here=True)
        return
    turn.note("interview-declined", "request", request.id)
    tell_those(turn, request, queue.on_it(turn, request), "staff-interview-not-by")
    if knew and request.state in LIVE:
        mentee = turn.person(request.person_id)
        w = turn.words(mentee, turn.programme)
        said = w("interview-off", name=turn.me.name or "—", team=w.team(turn.programme.contact))
        turn.show(mentee, Message(said, notice=w("request-title")), what="interview-off")
    done = Message(turn.w("staff-interview-no-noted", number=request.id))
    if not turn.replace(done):
        turn.say(done, here=True)
