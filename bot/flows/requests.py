"""From the intake to an expert's yes.

Proposals with reasons, one tap to ask, a deadline, a nudge, the next choice.

The mentee always knows where their request stands, and no request is without a state, an age and a
deadline (A-15). Who fits is `bot/matching`'s affair; what happens after the yes is `pairs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot import access, counting, lifecycle, minors
from bot.commands.registry import act, command
from bot.dialogue.engine import Given
from bot.dialogues import (
    act_choice,
    labelled,
    may_reopen,
    on_completed,
    profile_answers,
    revise,
    run_choice,
    start,
)
from bot.errors import NotAllowed
from bot.flows import campaign, holds, joining, offers, pairs, queue
from bot.followup import due
from bot.matching import needs_human
from bot.messages import Choice, Line, Message
from bot.programmes.meaning import features
from bot.programmes.schema import Intake, Programme
from bot.turn import REMINDER, Scene, Turn
from storage.tables import Conversation, Proposal, Request
from storage.timers import DueTimer

CHANGEABLE = frozenset({"open", "proposed", "asked", "team"})  # states without a yes, not closed


# --- the intake is complete -----------------------------------------------------------------------


@command("demande", alias="request", who="member")
def demande(turn: Turn, args: str) -> None:
    """Where my request stands, or a new one."""
    programme = turn.programme
    request = turn.uow.requests.live(turn.me.id, programme.id)
    if request is not None:
        turn.say(standing(turn, request))
    elif programme.intake is None:
        turn.text("no-requests-here", name=turn.w.team(programme.contact))
    elif campaign.may_apply(turn) and joining.join(turn, "mentee").state == "active":
        if not turn.agreed_in(programme.id):  # a pupil now: the parents come first
            joining.tell_who_waits(turn)
            turn.say(joining.waiting(turn))
            return
        start(turn, "intake")


@may_reopen("intake")
def _may_change(turn: Turn, talk: Conversation) -> bool:
    request = turn.uow.requests.by_conversation(talk.id)
    return request is not None and request.state in CHANGEABLE


@on_completed("intake")
def open_request(turn: Turn, talk: Conversation, answers: Mapping[str, Given]) -> None:
    """The intake is sent: a request in state open, then proposals."""
    programme = turn.programme
    qs = programme.intake
    if qs is None:
        raise NotAllowed("the intake is gone from the file")
    if qs.refuse is not None and qs.refuse.applies(answers):
        turn.say(Message(turn.w.pick(qs.refuse.text)))  # the file says who waits
        return
    found = features(qs, answers)
    if programme.profile is not None:
        found = {**features(programme.profile, profile_answers(turn)), **found}
    kind = "one_off" if "one_off" in found.get("help_kind", ()) else "long_term"
    shared = _shared(turn, qs, answers)
    request = turn.uow.requests.by_conversation(talk.id)
    if request is None:
        request = turn.uow.requests.add(
            turn.me.id,
            programme.id,
            talk.id,
            kind=kind,
            shared=shared,
            features=found,
            now=turn.now,
            due_at=turn.working_days(programme),
        )
        counting.count(turn, qs, request, answers)
        turn.note("request-opened", "request", request.id)
    elif request.state not in CHANGEABLE:  # somebody said yes in the meantime
        turn.say(standing(turn, request))
        return
    else:
        turn.uow.requests.rewrite(request, kind=kind, shared=shared, features=found)
        before = {str(kept["id"]): kept["value"] for kept in turn.answered}
        counting.count(turn, qs, request, answers, before)
        offers.take_back(turn, request)
    if holds.request_text(turn, request, shared):
        plan_stale(turn, request, programme)
    if programme.campaign is not None:
        if campaign.apply(turn, request):
            turn.say(standing(turn, request))
        return
    if programme.queue.feasible_first:
        _read_first(turn, request)
        return
    if request.state == "open" and (question := doubtful(turn, request)) is not None:
        plan_stale(turn, request, programme)
        turn.say(question)
        return
    show(turn, request, again=False)


def _read_first(turn: Turn, request: Request) -> None:
    """The team reads it before anybody is proposed; what was changed, it reads again."""
    if queue.may_propose(turn, request):
        turn.uow.casework.write(request, turn.me.id, "changed", None, turn.now)
    if request.state == "team":
        turn.say(standing(turn, request))
    else:
        offers.hand_over(turn, request, told="request-read-first")


def doubtful(turn: Turn, request: Request) -> Message | None:
    """What is asked instead of searching; None when the wish can be searched as it is.

    Who does not know and has chosen no field is not searched for, and no search here understands
    what somebody does not want.
    """
    wish = turn.uow.requests.features(request)
    doubt = needs_human("\n".join(wish.get("text", ())))
    if doubt is None or (doubt == "unsure" and wish.keys() & {"sector", "job", "employer"}):
        return None
    team = turn.w.team(turn.programme_of(request.programme_id).contact)
    number, version = request.id, request.version
    return Message(
        turn.w("wish-unsure" if doubt == "unsure" else "wish-negated", name=team),
        choices=(
            act_choice(turn.w("request-change"), "revise", number, version),
            act_choice(turn.w("wish-show"), "others", number, version),
            act_choice(turn.w("proposals-team"), "team", number, version),
        ),
    )


def _shared(turn: Turn, qs: Intake, answers: Mapping[str, Given]) -> dict[str, Any]:
    """What the expert will see: shareable answers, as far as the mentee chose to show them."""
    chosen = answers.get(qs.shown or "", "all")
    return {
        "named": chosen == "all",
        "answers": [
            [turn.w.pick(q.text), label]
            for q, label in labelled(qs, answers, turn)
            if q.share and (chosen != "words" or q.kind == "text")
        ],
    }


# --- proposals ------------------------------------------------------------------------------------


def show(
    turn: Turn, request: Request, *, again: bool, without: frozenset[int] = frozenset()
) -> None:
    """Propose experts: up to three, with reasons.

    Fewer or none when nobody fits, and then the team is told.

    Args:
        turn: The mentee's turn.
        request: Theirs.
        again: Others than those already shown.
        without: Numbers of people who are not wanted now.
    """
    if turn.programme.campaign is not None or not queue.may_propose(turn, request):
        turn.say(standing(turn, request))  # an old button: here the campaign, or the team, is first
        return
    fresh = _choose(turn, request, again=again, without=without)
    if fresh:
        turn.say(cards(turn, request, fresh, turn.w("proposals-intro", n=len(fresh))))
    elif request.state == "team":  # they have it already; what was changed is there to read
        turn.say(standing(turn, request))
    else:
        offers.hand_over(
            turn, request, told="proposals-none-left" if again or without else "proposals-none"
        )


def show_after_yes(scene: Scene, request: Request) -> bool:
    """The team can help: the mentee is shown experts; False when nobody fits."""
    fresh = _choose(scene, request, again=False, without=frozenset())
    if not fresh:
        return False
    mentee = scene.person(request.person_id)
    programme = scene.programme_of(request.programme_id)
    w = scene.words(mentee, programme)
    text = w("proposals-after-yes", n=len(fresh), name=w.team(programme.contact))
    key = f"feasible:{request.id}:{request.version}"
    return scene.tell(mentee, cards(scene, request, fresh, text), key=key)


def _choose(
    scene: Scene, request: Request, *, again: bool, without: frozenset[int]
) -> list[Proposal]:
    """Propose who fits instead of who was shown before; [] when nobody does."""
    programme = scene.programme_of(request.programme_id)
    seen = scene.uow.requests.proposals(request.id)
    for old in seen:
        if old.state == "shown":
            scene.uow.requests.move_proposal(
                old, old.version, lifecycle.move(lifecycle.PROPOSAL, "shown", "withdraw")
            )
    excluded = (
        {p.expert_id for p in seen}
        if again
        else {p.expert_id for p in seen if p.state not in ("shown", "withdrawn")}
    )
    found = scene.bot.experts.propose(
        scene,
        scene.person(request.person_id),
        programme,
        scene.uow.requests.features(request),
        exclude=excluded | without,
        kind=request.kind,
    )
    if not found:
        return []
    rank = max((p.rank for p in seen), default=0)
    fresh = []
    for one in found:
        rank += 1
        proposal = scene.uow.requests.propose(
            request.id, one.person_id, rank=rank, reasons=one.reasons, now=scene.now
        )
        if proposal.state == "withdrawn":
            scene.uow.requests.move_proposal(proposal, proposal.version, "shown")
        fresh.append(proposal)
    state = lifecycle.move(lifecycle.REQUEST, request.state, "show")
    scene.uow.requests.move(
        request, request.version, state, now=scene.now, due_at=scene.working_days(programme)
    )
    plan_stale(scene, request, programme)
    return fresh


def cards(turn: Scene, request: Request, proposals: list[Proposal], text: str) -> Message:
    """Experts, each with reasons and one button to ask; then the ways out."""
    mentee = turn.person(request.person_id)
    programme = turn.programme_of(request.programme_id)
    w = turn.words(mentee, programme)
    lines = [
        Line(
            label=pairs.card(turn, turn.person(p.expert_id), programme),
            text="\n".join(f"• {reason}" for reason in p.reasons if minors.shown(reason, programme))
            or w("proposal-no-reason"),
            choice=act_choice(
                w("ask-expert", name=pairs.first_name(turn.person(p.expert_id), programme)),
                "ask",
                p.id,
                p.version,
                "primary",
            ),
        )
        for p in proposals
    ]
    young = minors.is_minor(turn, mentee, programme)
    flags = (
        act_choice(f"{w('flag')} · {pairs.first_name(expert, programme)}", "flag-card", p.id, 1)
        for p in proposals
        for expert in (turn.person(p.expert_id),)
    )
    return Message(
        text=text,
        title=w("proposals-title"),
        lines=tuple(lines),
        quiet=(
            *(flags if young else ()),
            act_choice(w("proposals-others"), "others", request.id, request.version),
            act_choice(w("proposals-team"), "team", request.id, request.version),
        ),
        note=w("proposals-note"),
    )


@act("others", who="member")
def others(turn: Turn, number: int, version: int) -> None:
    """Other experts than those shown."""
    request = access.own_request(turn, number)
    if request.state not in ("open", "proposed", "team"):
        turn.say(standing(turn, request))
        return
    show(turn, request, again=True)


@act("team", who="member")
def team(turn: Turn, number: int, version: int) -> None:
    """None suits me: the team takes over."""
    request = access.own_request(turn, number)
    if request.state in ("open", "proposed", "asked"):
        offers.hand_over(turn, request, told="request-with-team")
    else:
        turn.say(standing(turn, request))


# --- what the mentee does -------------------------------------------------------------------------


@act("ask", who="member")
def ask(turn: Turn, number: int, version: int) -> None:
    """One tap: this expert gets the request."""
    proposal, request = access.own_proposal(turn, number)
    askable = request.state in ("proposed", "team", "open") and queue.may_propose(turn, request)
    if not askable or proposal.state not in ("shown", "lapsed", "withdrawn"):
        turn.say(standing(turn, request))
        return
    if holds.waits(turn, request):
        turn.text("held-request-first", names=turn.w.team(turn.programme.contact))
        return
    if not turn.bot.experts.free(turn, proposal.expert_id) or not minors.may_meet(
        turn, turn.me, proposal.expert_id, turn.programme
    ):
        expert = turn.person(proposal.expert_id)
        turn.text("expert-no-longer-free", name=pairs.first_name(expert, turn.programme))
        show(turn, request, again=True)
        return
    if offers.send(turn, request, proposal):
        expert = turn.person(proposal.expert_id)
        turn.replace(Message(turn.w("asked-noted", name=minors.called(expert, turn.programme))))
    turn.say(standing(turn, request))


@act("stop-asking", who="member")
def stop_asking(turn: Turn, number: int, version: int) -> None:
    """The mentee wants to choose: what was sent is taken back, everybody else is there to ask."""
    request = access.own_request(turn, number)
    if request.state != "asked" or turn.programme.campaign is not None:
        turn.say(standing(turn, request))
        return
    held = {p.expert_id for p in turn.uow.requests.proposals(request.id) if p.state == "asked"}
    offers.take_back(turn, request)
    show(turn, request, again=False, without=frozenset(held))


@act("withdraw", who="member")
def withdraw(turn: Turn, number: int, version: int) -> None:
    """The mentee takes the request back."""
    request = access.own_request(turn, number)
    if request.state not in ("open", "proposed", "asked", "team"):
        turn.say(standing(turn, request))
        return
    offers.take_back(turn, request)
    state = lifecycle.move(lifecycle.REQUEST, request.state, "withdraw")
    turn.uow.requests.move(request, request.version, state, now=turn.now)
    turn.uow.timers.cancel("request-stale", request.id)
    talk = turn.uow.talks.get(request.conversation_id)
    if talk is not None and talk.status == "open":
        talk.status = "done"  # being changed while it is withdrawn: the next request starts afresh
    turn.note("request-withdrawn", "request", request.id)
    key = f"request-off:{request.id}:{request.version}"
    queue.tell_on_it(turn, request, "staff-request-withdrawn", key=key)
    turn.replace(Message(turn.w("request-was-closed")))
    turn.say(
        Message(
            turn.w("request-withdrawn"), choices=(run_choice(turn.w("request-new"), "demande"),)
        )
    )


@act("revise", who="member")
def change(turn: Turn, number: int, version: int) -> None:
    """Change the answers of a request; what an expert holds is taken back once it is sent again."""
    request = access.own_request(turn, number)
    if request.state not in CHANGEABLE:
        turn.say(standing(turn, request))
        return
    talk = turn.uow.talks.get(request.conversation_id)
    if talk is None:
        raise NotAllowed("the intake is gone")
    revise(turn, talk)


# --- where it stands ------------------------------------------------------------------------------


def standing(turn: Turn, request: Request) -> Message:
    """Where a request stands, in the mentee's words, with what they can do."""
    w = turn.w
    programme = turn.programme_of(request.programme_id)
    if (
        request.state == "open"
        and queue.may_propose(turn, request)
        and (question := doubtful(turn, request)) is not None
    ):
        return question
    when = w.weekday(request.due_at or request.changed_at)
    proposals = list(turn.uow.requests.proposals(request.id))
    asked = next((p for p in proposals if p.state == "asked"), None)
    quiet: list[Choice] = []
    choices: list[Choice] = []
    if request.state == "proposed":
        shown = [p for p in proposals if p.state == "shown"]
        if shown:
            message = cards(turn, request, shown, w("request-is-proposed"))
            more = act_choice(w("request-change"), "revise", request.id, request.version)
            return Message(
                text=message.text,
                title=message.title,
                lines=message.lines,
                quiet=(*message.quiet, more),
                note=message.note,
            )
    if request.state == "asked" and asked is not None:
        expert = turn.person(asked.expert_id)
        here = turn.uow.people.reach(expert) is not None
        text = (
            w("request-is-asked", name=minors.called(expert, programme), when=when)
            if here
            else w(
                "request-is-asked-by-team",
                name=minors.called(expert, programme),
                team=w.team(programme.contact),
                when=when,
            )
        )
        if programme.campaign is None:
            again = act_choice(w("choose-myself"), "stop-asking", request.id, request.version)
            quiet.append(again)
    elif request.state == "matched":
        text = w("request-is-matched")
        choices.append(run_choice(w("see-pair"), "rdv", style="primary"))
    elif request.state == "closed":
        text = w("request-is-closed")
        choices.append(run_choice(w("request-new"), "demande", style="primary"))
    elif programme.campaign is not None:
        text = w("request-is-campaign", name=w.team(programme.contact))
    else:
        text = w("request-is-team", name=w.team(programme.contact), when=when)
        if queue.may_propose(turn, request):
            quiet.append(act_choice(w("proposals-others"), "others", request.id, request.version))
    if request.state in ("open", "proposed", "asked", "team"):
        quiet.append(act_choice(w("request-change"), "revise", request.id, request.version))
        if programme.campaign is None and request.kind == "long_term":
            quiet.append(run_choice(w("referral-ask"), "orienter", f"r{request.id}"))
        quiet.append(
            act_choice(w("request-withdraw"), "withdraw", request.id, request.version, "danger")
        )
    return Message(text=text, title=w("request-title"), choices=tuple(choices), quiet=tuple(quiet))


# --- timers ---------------------------------------------------------------------------------------


def plan_stale(scene: Scene, request: Request, programme: Programme) -> None:
    """Proposals shown and nobody asked: a word to the mentee, once."""
    scene.uow.timers.put(
        key=f"request-stale:{request.id}:{request.version}",
        kind="request-stale",
        subject_id=request.id,
        due_at=scene.working_days(programme),
        version=request.version,
    )


@due("request-stale")
def stale(scene: Scene, timer: DueTimer) -> None:
    """Proposed and still nobody asked: remind the mentee; `queue` lets the team know.

    A doubt that nobody has answered is the team's.
    """
    request = scene.uow.requests.get(timer.subject_id)
    if request is None or request.version != timer.version:
        return
    if request.state == "open":
        offers.hand_over(scene, request, told="request-with-team")
    if request.state != "proposed":
        return
    mentee = scene.person(request.person_id)
    shown = [p for p in scene.uow.requests.proposals(request.id) if p.state == "shown"]
    w = scene.words(mentee, scene.programme_of(request.programme_id))
    scene.tell(
        mentee,
        cards(scene, request, shown, w("proposals-waiting")),
        key=timer.key,
        priority=REMINDER,
    )
