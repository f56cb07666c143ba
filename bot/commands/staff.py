"""The team's verbs.

Requests by age, proposing by hand, pairs, reports and who is missing, exports, roles, invitations.

Each is refused to everybody else in the same words as something that does not exist. Answers in a
channel are for the one who asked only; free text of a request is shown only to staff of its
programme.

Source: A-15, E-06, E-09; house, section 10.
"""

from __future__ import annotations

import re

from bot import access, lifecycle, minors
from bot.commands import follow
from bot.commands.queue import name_of, page, read_first
from bot.commands.registry import act, command, may
from bot.dialogue.questionnaire import fold
from bot.dialogues import act_choice, for_staff, run_choice
from bot.errors import NotAllowed
from bot.flows import endings, holds, offers, pairs, queue, reports, requests
from bot.messages import Line, Message, Table
from bot.rhythm import Quarter
from bot.turn import Turn
from storage.tables import Conversation, Request
from storage.words import number

SHOWN = 20  # rows in chat; the rest travel as a file
INVITATION_DAYS = 7


def _met(turn: Turn, answer: str) -> str:
    """Whether they met; a programme's own option is shown as its file writes it."""
    return turn.w(f"met-{answer}") if turn.w.has(f"met-{answer}") else answer


@command("proposer", alias="propose", who="staff")
def proposer(turn: Turn, args: str) -> None:
    """`proposer 12`: who could help; `proposer 12 nom`: search; `proposer 12 #345`.

    Propose this one.
    """
    first, _, rest = args.partition(" ")
    asked, chosen = (number(part) for part in first.partition("-")[::2])
    if asked is not None and chosen is not None:
        _propose(turn, access.staff_request(turn, asked), chosen)
        return
    if asked is None or "-" in first:
        turn.say(Message(turn.w("staff-propose-usage")), here=True)
        return
    request = access.staff_request(turn, asked)
    w = turn.w
    if read_first(turn, request):
        return
    lines = []
    if rest.strip():
        for found in turn.uow.directory.search(rest, limit=10).lines:
            free = found.consenting and found.available and found.taken < found.capacity
            lines.append(
                Line(
                    label=found.name,
                    text=", ".join(p for p in (found.job, found.employer, found.city) if p)
                    + (" · " + w("staff-not-free") if not free else ""),
                    choice=run_choice(
                        w("staff-propose-this"), "proposer", f"{request.id}-{found.person_id}"
                    )
                    if free
                    else None,
                )
            )
    else:
        mentee = turn.person(request.person_id)
        seen = {p.expert_id for p in turn.uow.requests.proposals(request.id)}
        wish = turn.uow.requests.features(request)
        near = turn.bot.experts.propose(
            turn,
            mentee,
            turn.programme,
            wish,
            exclude=seen,
            kind=request.kind,
            count=8,
            threshold=0,
        )
        lines = [
            Line(
                label=pairs.card(turn, turn.person(one.person_id), turn.programme),
                text=" · ".join(one.reasons) or w("proposal-no-reason"),
                choice=run_choice(
                    w("staff-propose-this"), "proposer", f"{request.id}-{one.person_id}"
                ),
            )
            for one in near
        ]
    if not lines:
        turn.say(Message(w("staff-nobody-found")), here=True)
        return
    turn.say(
        Message(
            title=w(
                "staff-propose-title", number=request.id, name=name_of(turn, request.person_id)
            ),
            text=w("staff-propose-text"),
            lines=tuple(lines),
        ),
        here=True,
    )


def _propose(turn: Turn, request: Request, expert_id: int) -> None:
    """Propose somebody by hand: the mentee sees them with one tap to ask."""
    if request.state not in ("open", "proposed", "team"):
        turn.say(page(turn, request), here=True)
        return
    if read_first(turn, request):
        return
    if not minors.may_meet(turn, turn.person(request.person_id), expert_id, turn.programme):
        turn.say(Message(turn.w("minors-may-not-meet")), here=True)
        return
    if expert_id == request.person_id or not turn.bot.experts.free(turn, expert_id):
        turn.say(Message(turn.w("staff-not-free")), here=True)
        return
    ranks = [p.rank for p in turn.uow.requests.proposals(request.id)]
    mentee = turn.person(request.person_id)
    w = turn.words(mentee, turn.programme)
    proposal = turn.uow.requests.propose(
        request.id,
        expert_id,
        rank=max(ranks, default=0) + 1,
        reasons=[w("reason-team", name=w.team(turn.programme.contact))],
        now=turn.now,
        by_staff=True,
    )
    if proposal.state == "withdrawn":
        turn.uow.requests.move_proposal(proposal, proposal.version, "shown")
    if proposal.state != "shown":
        turn.say(page(turn, request), here=True)
        return
    turn.uow.requests.move(
        request,
        request.version,
        lifecycle.move(lifecycle.REQUEST, request.state, "show"),
        now=turn.now,
        due_at=turn.working_days(turn.programme),
    )
    turn.tell(
        mentee,
        requests.cards(
            turn, request, [proposal], w("proposals-by-team", name=w.team(turn.programme.contact))
        ),
        key=f"by-hand:{proposal.id}:{proposal.version}",
    )
    requests.plan_stale(turn, request, turn.programme)
    turn.note("proposed-by-hand", "proposal", proposal.id)
    queue.possible(turn, request)
    turn.say(Message(turn.w("staff-proposed", name=name_of(turn, expert_id))), here=True)


@act("send", who="staff", of="proposer")
def send(turn: Turn, number: int, version: int) -> None:
    """The team sends a request to an expert in the mentee's place."""
    proposal = turn.uow.requests.proposal(number)
    if proposal is None:
        raise NotAllowed("not there, or not theirs")
    request = access.staff_request(turn, proposal.request_id)
    if request.state not in ("proposed", "team", "open") or proposal.version != version:
        turn.say(page(turn, request), here=True)
        return
    if read_first(turn, request):
        return
    if not turn.bot.experts.free(turn, proposal.expert_id):
        turn.say(Message(turn.w("staff-not-free")), here=True)
        return
    mentee = turn.person(request.person_id)
    if not minors.may_meet(turn, mentee, proposal.expert_id, turn.programme) or holds.waits(
        turn, request
    ):
        turn.say(Message(turn.w("minors-may-not-meet")), here=True)
    elif offers.send(turn, request, proposal):
        queue.possible(turn, request)
        w = turn.words(mentee, turn.programme)
        turn.show(
            mentee,
            Message(
                w(
                    "next-asked",
                    name=name_of(turn, proposal.expert_id),
                    when=w.weekday(proposal.due_at or turn.now),
                )
            ),
            what="sent-by-team",
        )
        turn.say(Message(turn.w("staff-sent", name=name_of(turn, proposal.expert_id))), here=True)


# --- pairs ----------------------------------------------------------------------------------------


@command("binomes", alias="pairs", who="supervisor")
def binomes(turn: Turn, args: str) -> None:
    """Pairs, those without a meeting first.

    `binomes MENTEE, MENTOR` (names, numbers or addresses) makes one; `binomes 12` shows one;
    `binomes miens` those that I follow, `binomes libres` those that nobody follows. A supervisor
    who is not of the team looks at theirs, and no more.
    """
    w = turn.w
    if (wanted := number(args)) is not None:
        turn.say(_pair(turn, wanted), here=True)
        return
    if follow.handled(turn, args):
        return
    if args and fold(args) not in follow.MINE | follow.FREE:
        if not turn.holds_all(turn.programme.id):
            raise NotAllowed("pairs are made by the team")
        two = [part for part in re.split(r"\s*[,;+]\s*", args) if part]
        if len(two) == 1:
            two = args.split()
        if len(two) != 2:
            turn.say(Message(w("staff-pair-usage")), here=True)
        else:
            _make_pair(turn, *two)
        return
    found = turn.uow.pairs.of_programme(turn.programme.id, ended=False)
    every = [p for p in found if turn.me.id not in (p.mentee_id, p.mentor_id)]
    live = follow.of_mine(turn, args, every)
    whole = turn.holds_all(turn.programme.id)
    if not live:
        turn.say(follow.none(turn, args, every), here=True)
        return
    rows = []
    for p in live[:SHOWN]:
        last = next((c for c in turn.uow.pairs.checkins(p.id, 6) if c.state == "answered"), None)
        rows.append(
            (
                str(p.id),
                name_of(turn, p.mentee_id),
                name_of(turn, p.mentor_id),
                w(f"pair-state-{p.state}"),
                _met(turn, last.met) if last and last.met else "—",
                follow.supervisor_of(turn, p),
            )
        )
    names = ("number", "mentee", "mentor", "state", "met", "supervisor")
    columns = tuple(w(f"column-{c}") for c in names)
    others, to_file = whole and not args, whole and may(turn, "exporter")
    turn.say(
        Message(
            title=w("staff-pairs-title"),
            text=w("staff-pairs-text", n=len(live)),
            table=Table(columns, tuple(rows)),
            quiet=(
                *((run_choice(w("staff-pairs-mine"), "binomes", "miens"),) if others else ()),
                *((run_choice(w("staff-export"), "exporter", "binomes"),) if to_file else ()),
            ),
        ),
        here=True,
    )


def _pair(turn: Turn, number: int) -> Message:
    pair = access.staff_pair(turn, number)
    w = turn.w
    turn.read("pair", pair.mentor_id, pair.id)
    if pair.state != "proposed":  # the mentee hears of it once the mentor has said yes
        turn.read("pair", pair.mentee_id, pair.id)
    lines = [
        Line(label=w("column-state"), text=w(f"pair-state-{pair.state}")),
        Line(label=w("pair-since-label"), text=w.day(pair.started_at)),
    ]
    if pair.ends_at:
        lines.append(Line(label=w("pair-until-label"), text=w.day(pair.ends_at)))
    lines.extend(follow.lines(turn, pair))
    written, held, last = turn.uow.safety.exchanged(pair.id)
    if last is not None:
        said = w("exchange-exists", written, when=w.day(last), held=held)
        lines.append(Line(label=w("exchange-label"), text=said))
    for checkin in turn.uow.pairs.checkins(pair.id, 6):
        talk = turn.uow.talks.get(checkin.conversation_id or 0)
        met = _met(turn, checkin.met) if checkin.met else w(f"checkin-is-{checkin.state}")
        said = _answers(turn, talk) or met
        lines.append(
            Line(
                label=f"{w.day(checkin.occurrence)} · {name_of(turn, checkin.person_id)}", text=said
            )
        )
    lines.extend(
        Line(label=w("staff-closing-label", name=name_of(turn, talk.person_id)), text=said)
        for talk in turn.uow.talks.about("closing", pair.id)
        if (said := _answers(turn, talk))
    )
    live = pair.state in ("proposed", "active", "paused")
    return Message(
        title=f"{name_of(turn, pair.mentee_id)} · {name_of(turn, pair.mentor_id)}",
        text=w("staff-pair-text", number=pair.id),
        lines=tuple(lines),
        choices=tuple(follow.choices(turn, pair)),
        quiet=(
            (act_choice(w("staff-end-pair"), "staff-end-pair", pair.id, pair.version, "danger"),)
            if live and may(turn, "staff-end-pair", kind="act")
            else ()
        ),
        notice=w("staff-pair-text", number=pair.id),
    )


def _answers(turn: Turn, talk: Conversation | None) -> str:
    """What was answered in a dialogue, one line a question; for staff of its programme."""
    kept = (turn.uow.talks.snapshot(talk) if talk else None) or []
    return "\n".join(f"{a['question']} {for_staff(str(a['label']), turn.w)}" for a in kept)


@act("staff-end-pair", who="staff", of="binomes")
def end_pair(turn: Turn, number: int, version: int) -> None:
    """The team ends a pair: as if one side had, without blame."""
    pair = access.staff_pair(turn, number)
    if pair.state not in ("proposed", "active", "paused") or pair.version != version:
        turn.say(_pair(turn, pair.id), here=True)
        return
    turn.note("pair-ended-by-team", "pair", pair.id)
    if pair.state == "proposed":
        pairs.call_off(turn, pair)
        mentee = name_of(turn, pair.mentee_id)
        turn.say(Message(turn.w("staff-pair-called-off", number=pair.id, mentee=mentee)), here=True)
        return
    endings.close(turn, pair, "ended")
    turn.say(Message(turn.w("staff-pair-ended", number=pair.id)), here=True)


def _make_pair(turn: Turn, mentee: str, mentor: str) -> None:
    """A pair made by the team: programmes without requests (parrain and lauréat), or by hand."""
    first = turn.uow.people.find(mentee, turn.programme.id)
    second = turn.uow.people.find(mentor, turn.programme.id)
    if first is None or second is None or first.id == second.id:
        turn.say(Message(turn.w("staff-nobody-found")), here=True)
        return
    for person in (first, second):
        # Nobody is shown to anybody before they have said yes to this programme themselves.
        consent = turn.programme.consent.read
        if not turn.uow.people.agreed_to(person.id, turn.programme.id, "storage", consent):
            turn.say(Message(turn.w("staff-not-member", name=person.name or "—")), here=True)
            return
    if not minors.may_meet(turn, first, second.id, turn.programme):
        turn.say(Message(turn.w("minors-may-not-meet")), here=True)
        return
    if turn.uow.pairs.between(first.id, second.id, turn.programme.id) is not None:
        turn.say(Message(turn.w("staff-pair-exists")), here=True)
        return
    if turn.uow.directory.get(second.id) is not None and not turn.uow.directory.take_place(
        second.id, turn.now
    ):
        turn.say(Message(turn.w("staff-not-free")), here=True)
        return
    pair = pairs.form(turn, None, first, second, programme=turn.programme, supervisor_id=turn.me.id)
    if pair.state == "proposed":
        text = turn.w(
            "staff-pair-waits",
            number=pair.id,
            mentee=first.name or "—",
            mentor=second.name or "—",
            when=turn.w.weekday(turn.in_days(turn.programme.proposals.deadline_days)),
        )
    else:
        text = turn.w("staff-pair-done", number=pair.id)
    turn.say(Message(text), here=True)


# --- reports --------------------------------------------------------------------------------------


def _quarter(turn: Turn, args: str) -> str:
    try:
        return str(Quarter.parse(args)) if args else reports.current_quarter(turn, turn.programme)
    except ValueError:
        return reports.current_quarter(turn, turn.programme)


@command("bilan", alias="summary", who="staff", section="reports")
def bilan(turn: Turn, args: str) -> None:
    """Who has sent the quarterly report, who has not; `bilan 2026T3` for another quarter."""
    w = turn.w
    quarter = _quarter(turn, args)
    if not turn.programme.reports:
        turn.say(Message(w("no-reports-here")), here=True)
        return
    for rules in turn.programme.reports:
        every = turn.uow.reports.in_quarter(turn.programme.id, rules.id, quarter)
        missing = [(r, p) for r, p in every if r.sent_at is None]
        rows = []
        for _, person in missing[:SHOWN]:
            account = next(iter(turn.uow.people.identities(person.id)), None)
            rows.append(
                (
                    person.name or "—",
                    ", ".join(
                        name_of(turn, x.mentor_id)
                        for x in turn.uow.pairs.of_person(person.id, turn.programme.id)
                    )
                    or "—",
                    w.day(account.seen_at) if account else w("never-seen"),
                )
            )
        columns = tuple(w(f"column-{c}") for c in ("name", "mentor", "seen"))
        turn.say(
            Message(
                title=w("staff-reports-title", name=w.pick(rules.name), quarter=quarter),
                text=w("staff-reports-text", sent=len(every) - len(missing), total=len(every)),
                table=Table(columns, tuple(rows)) if rows else None,
                choices=(run_choice(w("staff-remind-missing"), "relancer", quarter, "primary"),)
                if missing
                else (),
                quiet=(run_choice(w("staff-export"), "exporter", "rapports"),),
            ),
            here=True,
        )


@command("relancer", alias="remind", who="staff", section="reports")
def relancer(turn: Turn, args: str) -> None:
    """Remind those whose report is missing."""
    quarter = _quarter(turn, args)
    missing = reports.remind_missing(turn, turn.programme, quarter)
    if missing is None:
        turn.say(Message(turn.w("staff-reminded-today")), here=True)
        return
    turn.note("reminded", "report", None, quarter=quarter, missing=missing)
    turn.say(Message(turn.w("staff-reminded", n=missing)), here=True)
