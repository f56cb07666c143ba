"""From the intake to an expert's yes.

Proposals with reasons, one tap to ask, a deadline, a nudge, the next choice.

The mentee always knows where their request stands, and no request is without a state, an age and a
deadline (A-15). Who fits is `bot/matching`'s affair; what happens after the yes is `pairs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot import access, lifecycle
from bot.commands.registry import act, command
from bot.dialogue.engine import Given
from bot.dialogues import (
    act_choice,
    answers_of,
    labelled,
    may_reopen,
    on_completed,
    revise,
    run_choice,
    start,
)
from bot.errors import NotAllowed
from bot.flows import pairs
from bot.followup import due
from bot.i18n import Words
from bot.messages import Choice, Line, Message
from bot.programmes.meaning import features
from bot.programmes.schema import Intake, Programme
from bot.turn import REMINDER, Scene, Turn
from storage.tables import Conversation, Person, Proposal, Request
from storage.timers import DueTimer

REFUSAL_PAUSE_DAYS = 90
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
    else:
        turn.uow.people.enrol(turn.me.id, programme.id, "mentee", now=turn.now)
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
        turn.say(Message(turn.w.pick(qs.refuse.text.model_dump())))  # the file says who waits
        return
    found = features(qs, answers)
    if programme.profile is not None:
        profile = turn.uow.talks.latest(turn.me.id, programme.id, "profile", status="done")
        if profile is not None:
            mine = {
                k: v
                for k, v in answers_of(turn, profile).items()
                if isinstance(v, (str, int, tuple))
            }
            found = {**features(programme.profile, mine), **found}
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
            due_at=_team_deadline(turn, programme),
        )
        turn.note("request-opened", "request", request.id)
    elif request.state not in CHANGEABLE:  # somebody said yes in the meantime
        turn.say(standing(turn, request))
        return
    else:
        turn.uow.requests.rewrite(request, kind=kind, shared=shared, features=found)
        _withdraw_open(turn, request)
    show(turn, request, again=False)


def _shared(turn: Turn, qs: Intake, answers: Mapping[str, Given]) -> dict[str, Any]:
    """What the expert will see: shareable answers, as far as the mentee chose to show them."""
    chosen = answers.get(qs.shown or "", "all")
    return {
        "named": chosen == "all",
        "answers": [
            [turn.w.pick(q.text.model_dump()), label]
            for q, label in labelled(qs, answers, turn)
            if q.share and (chosen != "words" or q.kind == "text")
        ],
    }


def _team_deadline(scene: Scene, programme: Programme) -> datetime:
    return scene.working_days(programme)


# --- proposals ------------------------------------------------------------------------------------


def show(turn: Turn, request: Request, *, again: bool) -> None:
    """Propose experts: up to three, with reasons.

    Fewer or none when nobody fits, and then the team is told.

    Args:
        turn: The mentee's turn.
        request: Theirs.
        again: Others than those already shown.
    """
    programme = turn.programme
    seen = turn.uow.requests.proposals(request.id)
    for old in seen:
        if old.state == "shown":
            turn.uow.requests.move_proposal(
                old, old.version, lifecycle.move(lifecycle.PROPOSAL, "shown", "withdraw")
            )
    excluded = (
        {p.expert_id for p in seen}
        if again
        else {p.expert_id for p in seen if p.state not in ("shown", "withdrawn")}
    )
    wish = turn.uow.requests.features(request)
    found = turn.bot.experts.propose(
        turn, turn.me, programme, wish, exclude=excluded, kind=request.kind
    )
    if not found:
        hand_over(turn, request, told="proposals-none-left" if again else "proposals-none")
        return
    rank = max((p.rank for p in seen), default=0)
    fresh = []
    for one in found:
        rank += 1
        proposal = turn.uow.requests.propose(
            request.id, one.person_id, rank=rank, reasons=one.reasons, now=turn.now
        )
        if proposal.state == "withdrawn":
            turn.uow.requests.move_proposal(proposal, proposal.version, "shown")
        fresh.append(proposal)
    state = lifecycle.move(lifecycle.REQUEST, request.state, "show")
    turn.uow.requests.move(
        request, request.version, state, now=turn.now, due_at=_team_deadline(turn, programme)
    )
    _plan_stale(turn, request, programme)
    turn.say(cards(turn, request, fresh, turn.w("proposals-intro", n=len(fresh))))


def cards(turn: Scene, request: Request, proposals: list[Proposal], text: str) -> Message:
    """Experts, each with reasons and one button to ask; then the ways out."""
    mentee = turn.person(request.person_id)
    w = turn.words(mentee, turn.programme_of(request.programme_id))
    lines = [
        Line(
            label=pairs.card(turn, turn.person(p.expert_id), w),
            text="\n".join(f"• {reason}" for reason in p.reasons) or w("proposal-no-reason"),
            choice=act_choice(
                w("ask-expert", name=pairs.first_name(turn.person(p.expert_id))),
                "ask",
                p.id,
                p.version,
                "primary",
            ),
        )
        for p in proposals
    ]
    return Message(
        text=text,
        title=w("proposals-title"),
        lines=tuple(lines),
        quiet=(
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
    if request.state == "team":
        turn.say(standing(turn, request))
    else:
        hand_over(turn, request, told="request-with-team")


def hand_over(scene: Scene, request: Request, *, told: str) -> None:
    """Give a request to the team; the mentee knows, and by when they will hear."""
    programme = scene.programme_of(request.programme_id)
    state = lifecycle.move(lifecycle.REQUEST, request.state, "hand_over")
    deadline = _team_deadline(scene, programme)
    if not scene.uow.requests.move(request, request.version, state, now=scene.now, due_at=deadline):
        return
    mentee = scene.person(request.person_id)
    w = scene.words(mentee, programme)
    scene.tell(
        mentee,
        Message(
            w(
                told,
                name=w.team(programme.contact),
                days=programme.contact.days,
                when=w.weekday(deadline),
            )
        ),
        key=f"request-team:{request.id}:{request.version}",
    )
    _tell_team(scene, request, "staff-request-handed")


def _tell_team(scene: Scene, request: Request, key: str) -> None:
    programme = scene.programme_of(request.programme_id)
    mentee = scene.person(request.person_id)

    def build(w: Words) -> Message:
        return Message(
            w(
                key,
                number=request.id,
                name=mentee.name or "—",
                when=w.weekday(request.due_at or scene.now),
            ),
            choices=(run_choice(w("staff-see-request"), "demandes", str(request.id)),),
        )

    scene.tell_staff(programme, build, key=f"{key}:{request.id}:{request.version}")


# --- asking an expert -----------------------------------------------------------------------------


@act("ask", who="member")
def ask(turn: Turn, number: int, version: int) -> None:
    """One tap: this expert gets the request."""
    proposal, request = access.own_proposal(turn, number)
    if request.state not in ("proposed", "team", "open") or proposal.state not in (
        "shown",
        "lapsed",
        "withdrawn",
    ):
        turn.say(standing(turn, request))
        return
    if not turn.bot.experts.free(turn, proposal.expert_id):
        turn.text("expert-no-longer-free", name=pairs.first_name(turn.person(proposal.expert_id)))
        show(turn, request, again=True)
        return
    if send(turn, request, proposal):
        turn.replace(
            Message(turn.w("asked-noted", name=turn.person(proposal.expert_id).name or "—"))
        )
        turn.say(standing(turn, request))


def send(scene: Scene, request: Request, proposal: Proposal) -> bool:
    """Send a request to an expert.

    With a deadline and a nudge before it. False when somebody was quicker.
    """
    programme = scene.programme_of(request.programme_id)
    uow = scene.uow
    deadline = scene.now + timedelta(days=programme.proposals.deadline_days)
    state = lifecycle.move(lifecycle.PROPOSAL, proposal.state, "ask")
    if not uow.requests.move_proposal(
        proposal, proposal.version, state, asked_at=scene.now, due_at=deadline
    ):
        return False
    uow.requests.move(
        request,
        request.version,
        lifecycle.move(lifecycle.REQUEST, request.state, "ask"),
        now=scene.now,
        due_at=deadline,
    )
    expert = scene.person(proposal.expert_id)
    if not scene.tell(
        expert, offer(scene, request, proposal), key=f"offer:{proposal.id}:{proposal.version}"
    ):
        _invite(scene, request, expert)
    for kind, days in (
        ("proposal-nudge", programme.proposals.nudge_days),
        ("proposal-due", programme.proposals.deadline_days),
    ):
        uow.timers.put(
            key=f"{kind}:{proposal.id}:{proposal.version}",
            kind=kind,
            subject_id=proposal.id,
            due_at=scene.now + timedelta(days=days),
            version=proposal.version,
        )
    return True


def _invite(scene: Scene, request: Request, expert: Person) -> None:
    """The expert has no account here yet: the team gets the link that brings them in."""
    programme = scene.programme_of(request.programme_id)
    code = scene.uow.people.make_code(
        expert.id, now=scene.now, valid=timedelta(days=7), programme_id=programme.id
    )
    scene.tell_staff(
        programme,
        lambda w: Message(
            w(
                "staff-expert-to-invite",
                name=expert.name or "—",
                email=expert.email or "—",
                number=request.id,
                code=code,
                link=scene.bot.deep_link(code) or "—",
            )
        ),
        key=f"invite:{request.id}:{expert.id}",
    )


def offer(
    scene: Scene, request: Request, proposal: Proposal, *, lead: str = "offer-text"
) -> Message:
    """What the expert sees: what the mentee chose to show, and three ways to answer."""
    programme = scene.programme_of(request.programme_id)
    expert = scene.person(proposal.expert_id)
    mentee = scene.person(request.person_id)
    w = scene.words(expert, programme)
    shared = scene.uow.requests.shared(request) or {}
    known = pairs.known_as(mentee, w, named=bool(shared.get("named")))
    kind = (
        w("help-one-off")
        if request.kind == "one_off"
        else w("help-long-term", months=programme.pair.months)
    )
    return Message(
        title=w("offer-title"),
        text=w(
            lead,
            name=known,
            kind=kind,
            when=w.weekday(proposal.due_at or scene.now),
        ),
        lines=tuple(
            Line(label=question, text=answer) for question, answer in shared.get("answers", ())
        ),
        choices=(
            act_choice(w("accept"), "accept", proposal.id, proposal.version, "primary"),
            act_choice(w("decline"), "decline", proposal.id, proposal.version),
            act_choice(w("decline-and-pause"), "decline-pause", proposal.id, proposal.version),
        ),
        note=w("offer-note"),
        notice=w("offer-title"),
    )


@act("accept", who="member")
def accept(turn: Turn, number: int, version: int) -> None:
    """The expert says yes: charter first (A-19), then a place, atomically, then the pair."""
    proposal, request = access.asked_of_me(turn, number)
    programme = turn.programme
    if proposal.state != "asked" or proposal.version != version:
        _too_late(turn, proposal)
        return
    charter = programme.pair.charter
    if charter and "charter" not in turn.uow.people.consents(turn.me.id, programme.id):
        turn.say(
            Message(
                title=turn.w("charter-title"),
                text=turn.w.pick(charter.text.model_dump()),
                choices=(
                    act_choice(turn.w("charter-agree"), "charter", proposal.id, version, "primary"),
                    act_choice(turn.w("decline"), "decline", proposal.id, version),
                ),
            )
        )
        return
    if not turn.uow.directory.take_place(turn.me.id, turn.now):
        turn.text("no-place-left")
        _refused(turn, proposal, request, "decline")
        return
    state = lifecycle.move(lifecycle.PROPOSAL, proposal.state, "accept")
    if not turn.uow.requests.move_proposal(proposal, version, state):
        turn.uow.directory.give_place(turn.me.id, turn.now)
        _too_late(turn, proposal)
        return
    _no_timers(turn, proposal)
    turn.uow.requests.move(
        request,
        request.version,
        lifecycle.move(lifecycle.REQUEST, request.state, "match"),
        now=turn.now,
    )
    turn.uow.timers.cancel("request-stale", request.id)
    turn.note("proposal-accepted", "proposal", proposal.id)
    turn.replace(Message(turn.w("accepted-noted")))
    pairs.introduce(turn, request, turn.person(request.person_id), turn.me, programme=programme)


@act("charter", who="member")
def charter(turn: Turn, number: int, version: int) -> None:
    """The volunteer accepts the charter, and with it the request."""
    access.asked_of_me(turn, number)
    rules = turn.programme.pair.charter
    if rules is not None:
        turn.uow.people.consent(
            turn.me.id, turn.programme.id, "charter", version=rules.version, now=turn.now
        )
        turn.replace(Message(turn.w("charter-noted")))
    accept(turn, number, version)


@act("decline", who="member")
def decline(turn: Turn, number: int, version: int) -> None:
    """Not this time: no reason needed, never held against anybody."""
    proposal, request = access.asked_of_me(turn, number)
    if proposal.state != "asked" or proposal.version != version:
        _too_late(turn, proposal)
        return
    turn.replace(Message(turn.w("declined-noted")))
    _refused(turn, proposal, request, "decline")


@act("decline-pause", who="member")
def decline_pause(turn: Turn, number: int, version: int) -> None:
    """Not now at all: every waiting request is freed, and no other comes for a while."""
    proposal, _ = access.asked_of_me(turn, number)
    if proposal.state != "asked" or proposal.version != version:
        _too_late(turn, proposal)
        return
    until = turn.in_days(REFUSAL_PAUSE_DAYS)
    turn.uow.directory.pause(turn.me.id, turn.now, until)
    turn.replace(
        Message(
            turn.w("declined-paused", when=turn.w.weekday(until)),
            choices=(run_choice(turn.w("pause-end"), "pause", "fin"),),
        )
    )
    free_all(turn, turn.me.id)


def free_all(scene: Scene, expert_id: int) -> None:
    """Release every request that waits for this expert."""
    for waiting in scene.uow.requests.asked_of(expert_id):
        request = scene.uow.requests.get(waiting.request_id)
        if request is not None and request.programme_id in scene.bot.programmes:
            _refused(scene, waiting, request, "decline")


def _too_late(turn: Turn, proposal: Proposal) -> None:
    """An old button: say how it ended."""
    turn.text(f"offer-was-{proposal.state}" if proposal.state != "asked" else "button-stale")


def _no_timers(scene: Scene, proposal: Proposal) -> None:
    for kind in ("proposal-nudge", "proposal-due"):
        scene.uow.timers.cancel(kind, proposal.id)


def _refused(scene: Scene, proposal: Proposal, request: Request, how: str) -> None:
    """A no, or silence: on to the next choice, and the mentee knows."""
    state = lifecycle.move(lifecycle.PROPOSAL, proposal.state, how)
    if not scene.uow.requests.move_proposal(proposal, proposal.version, state):
        return
    _no_timers(scene, proposal)
    programme = scene.programme_of(request.programme_id)
    mentee = scene.person(request.person_id)
    w = scene.words(mentee, programme)
    name = scene.person(proposal.expert_id).name or "—"
    every = scene.uow.requests.proposals(request.id)
    asked = [p for p in every if p.asked_at is not None]
    following = next(
        (p for p in every if p.state == "shown" and scene.bot.experts.free(scene, p.expert_id)),
        None,
    )
    said = w("expert-declined" if how == "decline" else "expert-silent", name=name)
    key = f"refused:{proposal.id}:{proposal.version}"
    if following is not None and len(asked) < programme.proposals.max_asked:
        if send(scene, request, following):
            scene.tell(
                mentee,
                Message(
                    said
                    + "\n"
                    + w(
                        "next-asked",
                        name=scene.person(following.expert_id).name or "—",
                        when=w.weekday(following.due_at or scene.now),
                    ),
                    quiet=(
                        act_choice(w("choose-myself"), "stop-asking", request.id, request.version),
                    ),
                ),
                key=key,
            )
        return
    scene.tell(mentee, Message(said), key=key)
    hand_over(scene, request, told="request-after-refusals")


@act("stop-asking", who="member")
def stop_asking(turn: Turn, number: int, version: int) -> None:
    """The mentee wants to choose: what was sent is taken back, others are shown."""
    request = access.own_request(turn, number)
    if request.state != "asked":
        turn.say(standing(turn, request))
        return
    _withdraw_open(turn, request)
    show(turn, request, again=True)


def _withdraw_open(turn: Scene, request: Request) -> None:
    """Take back what is in an expert's hands; they are told."""
    for proposal in turn.uow.requests.proposals(request.id):
        if proposal.state != "asked":
            continue
        turn.uow.requests.move_proposal(
            proposal, proposal.version, lifecycle.move(lifecycle.PROPOSAL, "asked", "withdraw")
        )
        _no_timers(turn, proposal)
        expert = turn.person(proposal.expert_id)
        w = turn.words(expert, turn.programme_of(request.programme_id))
        turn.tell(
            expert,
            Message(w("offer-was-withdrawn")),
            key=f"withdrawn:{proposal.id}:{proposal.version}",
        )


@act("withdraw", who="member")
def withdraw(turn: Turn, number: int, version: int) -> None:
    """The mentee takes the request back."""
    request = access.own_request(turn, number)
    if request.state not in ("open", "proposed", "asked", "team"):
        turn.say(standing(turn, request))
        return
    _withdraw_open(turn, request)
    state = lifecycle.move(lifecycle.REQUEST, request.state, "withdraw")
    turn.uow.requests.move(request, request.version, state, now=turn.now)
    turn.uow.timers.cancel("request-stale", request.id)
    turn.note("request-withdrawn", "request", request.id)
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
    talk = turn.uow.talks.get(request.conversation_id)
    if talk is None:
        raise NotAllowed("the intake is gone")
    revise(turn, talk)


# --- where it stands ------------------------------------------------------------------------------


def standing(turn: Turn, request: Request) -> Message:
    """Where a request stands, in the mentee's words, with what they can do."""
    w = turn.w
    programme = turn.programme_of(request.programme_id)
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
        text = w("request-is-asked", name=turn.person(asked.expert_id).name or "—", when=when)
        quiet.append(act_choice(w("choose-myself"), "stop-asking", request.id, request.version))
    elif request.state == "matched":
        text = w("request-is-matched")
        choices.append(run_choice(w("see-pair"), "rdv", style="primary"))
    elif request.state == "closed":
        text = w("request-is-closed")
        choices.append(run_choice(w("request-new"), "demande", style="primary"))
    else:
        text = w("request-is-team", name=w.team(programme.contact), when=when)
        quiet.append(act_choice(w("proposals-others"), "others", request.id, request.version))
    if request.state in ("open", "proposed", "asked", "team"):
        quiet.append(act_choice(w("request-change"), "revise", request.id, request.version))
        quiet.append(
            act_choice(w("request-withdraw"), "withdraw", request.id, request.version, "danger")
        )
    return Message(text=text, title=w("request-title"), choices=tuple(choices), quiet=tuple(quiet))


# --- timers ---------------------------------------------------------------------------------------


def _plan_stale(scene: Scene, request: Request, programme: Programme) -> None:
    """Proposals shown and nobody asked: a word to the mentee, once, then the team knows."""
    scene.uow.timers.put(
        key=f"request-stale:{request.id}:{request.version}",
        kind="request-stale",
        subject_id=request.id,
        due_at=_team_deadline(scene, programme),
        version=request.version,
    )


@due("request-stale")
def stale(scene: Scene, timer: DueTimer) -> None:
    """Proposed and still nobody asked: remind the mentee, and let the team know."""
    request = scene.uow.requests.get(timer.subject_id)
    if request is None or request.state != "proposed" or request.version != timer.version:
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
    _tell_team(scene, request, "staff-request-idle")


@due("proposal-nudge")
def nudge(scene: Scene, timer: DueTimer) -> None:
    """The expert has not answered yet: the same request again, kindly."""
    proposal = scene.uow.requests.proposal(timer.subject_id)
    if proposal is None or proposal.state != "asked" or proposal.version != timer.version:
        return
    request = scene.uow.requests.get(proposal.request_id)
    if request is None:
        return
    scene.tell(
        scene.person(proposal.expert_id),
        offer(scene, request, proposal, lead="offer-nudge"),
        key=timer.key,
        priority=REMINDER,
        expires_at=proposal.due_at,
    )


@due("proposal-due")
def lapse(scene: Scene, timer: DueTimer) -> None:
    """No answer by the deadline: the request is released and goes to the next choice."""
    proposal = scene.uow.requests.proposal(timer.subject_id)
    if proposal is None or proposal.state != "asked" or proposal.version != timer.version:
        return
    request = scene.uow.requests.get(proposal.request_id)
    if request is None:
        return
    expert = scene.person(proposal.expert_id)
    w = scene.words(expert, scene.programme_of(request.programme_id))
    scene.tell(
        expert,
        Message(w("offer-was-lapsed"), choices=(run_choice(w("pause-start"), "pause"),)),
        key=f"lapsed:{proposal.id}:{proposal.version}",
        priority=REMINDER,
    )
    _refused(scene, proposal, request, "lapse")
