"""What the team writes in the file of a request: notes, and whether it can be answered.

Whether the team can help is decided with a reason (A-14), and a no can be thought over again. Where
the file says so, nobody is proposed before a yes. Interviews are `interviews`. All of it is shown
on the page of the request, to the team only; the one who asked is told what somebody chose to tell
them, and may read the file like all that is kept about them.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot import access, lifecycle
from bot.awaited import ask, words_for
from bot.commands.queue import end, page
from bot.commands.registry import act
from bot.dialogues import act_choice, run_choice
from bot.flows import queue, requests
from bot.messages import Choice, Message
from bot.turn import Turn
from storage.requests import LIVE
from storage.tables import Person, Request, RequestNote

# --- notes ----------------------------------------------------------------------------------------


@act("note", who="staff", of="demandes")
def note(turn: Turn, number: int, version: int) -> None:
    """The next words are a note on this request."""
    request = access.staff_request(turn, number)
    ask(turn, "note", request.id, turn.w("staff-note-now", number=request.id))


@words_for("note", own=False)
def noted(turn: Turn, number: int, text: str) -> None:
    """A note is kept with its author and date; who is in charge is told, if it is somebody else."""
    request = access.staff_request(turn, number)
    turn.uow.casework.write(request, turn.me.id, "note", text, turn.now)
    turn.note("request-noted", "request", request.id)
    owner = queue.owner_of(turn, request)
    if owner is not None:
        tell_those(turn, request, [owner], "staff-noted-by")
    turn.say(
        Message(turn.w("staff-noted", number=request.id), choices=(_see(turn, request),)),
    )


def tell_those(turn: Turn, request: Request, people: Iterable[Person], what: str) -> None:
    """Those who see to a request hear that its file has grown; what it says is on its page."""
    for person in people:
        if person.id != turn.me.id:
            w = turn.words(person, turn.programme)
            said = queue.about(turn, request, what, w, by=turn.me.name or "—")
            turn.show(person, said, what="request-noted")


# --- whether it can be answered -------------------------------------------------------------------


@act("judge", who="staff", of="demandes")
def judge(turn: Turn, number: int, version: int) -> None:
    """Can the team help? With a reason, whatever the answer (A-14)."""
    request = access.staff_request(turn, number)
    if request.state not in LIVE:
        turn.say(page(turn, request), here=True)
        return
    turn.say(
        Message(
            turn.w("staff-judge-which", number=request.id),
            choices=(
                act_choice(turn.w("staff-feasible"), "feasible", request.id, request.version),
                act_choice(turn.w("staff-infeasible"), "infeasible", request.id, request.version),
            ),
            quiet=(_see(turn, request),),
        ),
        here=True,
    )


@act("feasible", who="staff", of="demandes")
def feasible(turn: Turn, number: int, version: int) -> None:
    """Yes; the next words may say why."""
    request = access.staff_request(turn, number)
    if request.state not in LIVE:
        turn.say(page(turn, request), here=True)
        return
    without = act_choice(turn.w("staff-feasible-plain"), "feasible-plain", number, version)
    text = turn.w("staff-feasible-why", number=request.id)
    ask(turn, "feasible", request.id, text, without)


@act("feasible-plain", who="staff", of="demandes")
def feasible_plain(turn: Turn, number: int, version: int) -> None:
    """Yes, without a word more."""
    _feasible(turn, access.staff_request(turn, number), None)


@words_for("feasible", own=False)
def feasible_because(turn: Turn, number: int, text: str) -> None:
    """Yes, for this reason."""
    _feasible(turn, access.staff_request(turn, number), text)


def _feasible(turn: Turn, request: Request, text: str | None) -> None:
    if request.state not in LIVE or turn.uow.casework.decision(request.id) == "feasible":
        too_late(turn, request, text)
        return
    turn.uow.casework.write(request, turn.me.id, "feasible", text, turn.now)
    turn.note("request-feasible", "request", request.id)
    w, see = turn.w, _see(turn, request)
    first = turn.programme.queue.feasible_first and request.state in ("open", "team")
    if first and requests.show_after_yes(turn, request):
        turn.say(Message(w("staff-feasible-shown", number=request.id), choices=(see,)), here=True)
        return
    said = w("staff-feasible-nobody" if first else "staff-feasible-noted", number=request.id)
    propose = run_choice(w("staff-propose"), "proposer", str(request.id), "primary")
    turn.say(Message(said, choices=(propose, see)), here=True)


def too_late(turn: Turn, request: Request, text: str | None) -> None:
    """A colleague or the one who asked was quicker: where it stands, and no word is lost."""
    if text is not None:
        turn.uow.casework.write(request, turn.me.id, "note", text, turn.now)
        turn.note("request-noted", "request", request.id)
        turn.text("staff-judged-meanwhile", number=request.id)
    turn.say(page(turn, request), here=True)


@act("infeasible", who="staff", of="demandes")
def infeasible(turn: Turn, number: int, version: int) -> None:
    """No; the next words say why, and nobody is told before they are confirmed."""
    request = access.staff_request(turn, number)
    if request.state not in LIVE:
        turn.say(page(turn, request), here=True)
        return
    ask(turn, "infeasible", request.id, turn.w("staff-infeasible-why", number=request.id))


@words_for("infeasible", own=False)
def infeasible_because(turn: Turn, number: int, text: str) -> None:
    """The reason; whether the one who asked reads it is one more tap."""
    request = access.staff_request(turn, number)
    if request.state not in LIVE:
        too_late(turn, request, text)
        return
    _confirm(turn, request, turn.uow.casework.write(request, turn.me.id, "refusal", text, turn.now))


def _confirm(turn: Turn, request: Request, row: RequestNote) -> None:
    """A refusal is written and not decided: what it closes is the request as it stands now."""
    name, text = turn.person(request.person_id).name or "—", turn.uow.casework.words(row)
    moves = _moves(turn, request)
    turn.say(
        Message(
            turn.w("staff-infeasible-tell", number=request.id, name=name, text=text),
            choices=(
                act_choice(turn.w("staff-infeasible-told"), "refuse-told", row.id, moves),
                act_choice(turn.w("staff-infeasible-kept"), "refuse-kept", row.id, moves),
            ),
            quiet=(_see(turn, request),),
        )
    )


def _moves(turn: Turn, request: Request) -> int:
    """A number that grows with each move of a request and each decision on it."""
    return request.version + turn.uow.casework.decisions(request.id)


@act("refuse-told", who="staff", of="demandes")
def refuse_told(turn: Turn, number: int, version: int) -> None:
    """Not possible here; the one who asked reads why."""
    _refuse(turn, number, version, told=True)


@act("refuse-kept", who="staff", of="demandes")
def refuse_kept(turn: Turn, number: int, version: int) -> None:
    """Not possible here; why stays with the team."""
    _refuse(turn, number, version, told=False)


def _refuse(turn: Turn, number: int, version: int, *, told: bool) -> None:
    row, request = access.own_note(turn, number)
    open_ = request.state in LIVE and row.kind == "refusal"
    if open_ and version != _moves(turn, request):  # judged, or with an expert, since it was asked
        turn.say(page(turn, request), here=True)
        _confirm(turn, request, row)
        return
    if request.state not in LIVE or not turn.uow.casework.decide(row, told=told):
        turn.say(page(turn, request), here=True)
        return
    turn.note("request-infeasible", "request", request.id)
    done = turn.w("staff-infeasible-noted", number=request.id)
    end(turn, request, done, turn.uow.casework.words(row) if told else "")


@act("reconsider", who="staff", of="demandes")
def reconsider(turn: Turn, number: int, version: int) -> None:
    """A no is thought over again: the request is with the team, and who pressed is in charge."""
    request = access.staff_request(turn, number)
    if request.state != "closed" or turn.uow.casework.decision(request.id) != "infeasible":
        turn.say(page(turn, request), here=True)
        return
    other = turn.uow.requests.live(request.person_id, request.programme_id)
    if other is not None:
        turn.say(
            Message(turn.w("staff-reopen-other", number=other.id), choices=(_see(turn, other),)),
            here=True,
        )
        return
    state = lifecycle.move(lifecycle.REQUEST, "closed", "reconsider")
    deadline = turn.working_days(turn.programme)
    if not turn.uow.requests.move(request, request.version, state, now=turn.now, due_at=deadline):
        turn.say(page(turn, request), here=True)
        return
    turn.uow.requests.give_to(request, turn.me.id, instead_of=request.owner_id, now=turn.now)
    turn.uow.casework.write(request, turn.me.id, "reopened", None, turn.now)
    turn.note("request-reopened", "request", request.id)
    mentee = turn.person(request.person_id)
    w = turn.words(mentee, turn.programme)
    turn.show(
        mentee,
        Message(
            w("request-reopened", name=w.team(turn.programme.contact), when=w.weekday(deadline)),
            choices=(run_choice(w("menu-my-request"), "demande"),),
        ),
        what="request-reopened",
    )
    turn.say(page(turn, request), here=True)


def _see(turn: Turn, request: Request) -> Choice:
    return run_choice(turn.w("staff-see-request"), "demandes", str(request.id))
