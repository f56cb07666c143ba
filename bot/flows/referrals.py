"""Turning to others: a coach, a test, an assessment or a group, beside or instead of a pair.

The team orients somebody, at the intake or later; a mentor may suggest it to the team, and the
person may ask for it. It is theirs to say yes. It is followed to its end: the team is reminded of
what has not moved, and the person is asked kindly how it goes. The pair goes on beside it, unless
somebody wishes otherwise; one that ends because its mentee turned to others counts as a success.
This module gives no advice and judges nobody's need.

Source: A-17, A-21.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from bot import access, lifecycle
from bot.commands.registry import act, command
from bot.dialogues import act_choice, run_choice
from bot.errors import NotAllowed
from bot.flows import promises
from bot.flows.supervision import supervisor
from bot.followup import due
from bot.i18n import Words
from bot.messages import Choice, Line, Message
from bot.programmes.schema import Programme
from bot.turn import REMINDER, Scene, Turn, within
from storage.care import GOING
from storage.tables import Pair, Person, Referral, Request
from storage.timers import DueTimer
from storage.words import number

ALONE = "moi"
"""In the button of who asks for it with neither a pair nor a request."""


def label(programme: Programme, kind: str, w: Words) -> str:
    """What a kind is called here."""
    rules = next((r for k, r in programme.referrals.kinds.items() if k == kind), None)
    return w.pick(rules.label) if rules and rules.label else w(f"referral-{kind}")


def explained(programme: Programme, kind: str, w: Words) -> str:
    """What a kind is, in the programme's words or ours."""
    rules = next((r for k, r in programme.referrals.kinds.items() if k == kind), None)
    return w.pick(rules.text) if rules and rules.text else w(f"referral-about-{kind}")


def hidden(row: Referral) -> bool:
    """Whether it is a mentor's idea of which the person knows nothing yet."""
    return row.state == "suggested" and row.shown_at is None


def state(programme: Programme, row: Referral, w: Words) -> str:
    """Where one stands, for the team."""
    if hidden(row):
        return w("referral-is-hidden", mentor=w.pick(programme.roles.mentor.label))
    return w(f"referral-is-{row.state}")


# --- the two sides of a pair, or who has made a request -------------------------------------------


@command("orienter", alias="refer", who="member", listed=False)
def orienter(turn: Turn, args: str) -> None:
    """`12/coach`: for the mentee a wish, for the mentor a suggestion; `r12/coach`: of a request.

    `moi/coach`: a wish of somebody who is followed here, with neither.
    """
    about, _, kind = args.partition("/")
    pair, request = None, None
    wanted = number(about.removeprefix("r"))
    if wanted is None:
        if about != ALONE or "mentee" not in turn.roles_in(turn.programme.id):
            raise NotAllowed("neither a pair nor a request, nor followed here")
    elif about.startswith("r"):
        request = access.own_request(turn, wanted)
    else:
        pair = access.own_pair(turn, wanted)
        if pair.state == "proposed":
            raise NotAllowed("the other side knows nothing of it yet")
    programme = turn.programme
    if kind not in programme.referrals.kinds:
        turn.say(_which(turn, about, mine=pair is None or pair.mentee_id == turn.me.id))
        return
    person = turn.person(pair.mentee_id) if pair is not None else turn.me
    if person.id == turn.me.id:
        _wish(turn, kind, pair, request)
        return
    row = begin(turn, person, kind, "mentor", state="suggested", pair=pair)
    if row is not None:
        by = turn.me.name or "—"
        tell_owner(
            turn,
            row,
            lambda w, who, what: w("staff-referral-suggested", name=who, kind=what, by=by),
            event=turn.event.id,
        )
    turn.text("referral-suggested", name=person.name or "—")


def _wish(turn: Turn, kind: str, pair: Pair | None, request: Request | None) -> None:
    """The person wishes for it: promised by a date; or where one of this kind stands already.

    What a mentor suggested and the team has not put to them yet is theirs from now on.
    """
    programme = turn.programme
    there = _going(turn, turn.me, kind)
    if there is not None and not _taken_up(turn, there):
        turn.say(_standing(turn, there))
        return
    row = there or _add(turn, turn.me, kind, "mentee", state="agreed", pair=pair, request=request)
    tell_owner(
        turn,
        row,
        lambda w, who, what: w("staff-referral-asked", name=who, kind=what),
        event=turn.event.id,
    )
    promises.made(turn, programme)
    name = turn.w.team(programme.contact)
    turn.text("referral-asked", name=name, when=turn.w.weekday(turn.working_days(programme)))


def _taken_up(turn: Turn, row: Referral) -> bool:
    """A mentor's suggestion that the person knows nothing of becomes their own wish."""
    if not hidden(row):
        return False
    state = lifecycle.move(lifecycle.REFERRAL, row.state, "agree")
    if not turn.uow.care.take_up_referral(row, row.version, state, turn.now):
        return False
    turn.note("referral", "referral", row.id, kind=row.kind, origin="mentee")
    _plan(turn, row, turn.programme)
    return True


def _standing(turn: Turn, row: Referral) -> Message:
    """Where one stands, for the person themselves, with what they may say of it."""
    w = turn.w
    if row.state == "suggested":
        return _offer(turn, row, w)
    name, when = w.team(turn.programme.contact), w.day(row.changed_at)
    return _question(turn.programme, row, w, w(f"referral-there-{row.state}", name=name, when=when))


def without_pair(turn: Turn) -> Message:
    """No pair yet; whoever is followed here may ask for one of these all the same (A-17)."""
    here = turn.current
    followed = here is not None and "mentee" in turn.roles_in(here.id) and here.campaign is None
    ask = run_choice(turn.w("referral-ask"), "orienter", ALONE)
    return Message(turn.w("no-pair-yet"), quiet=(ask,) if followed else ())


def _which(turn: Turn, about: str, *, mine: bool) -> Message:
    w = turn.w
    kinds = turn.programme.referrals.kinds
    return Message(
        w("referral-which" if mine else "referral-which-suggest"),
        lines=tuple(
            Line(label=label(turn.programme, k, w), text=explained(turn.programme, k, w))
            for k in kinds
        ),
        choices=tuple(
            run_choice(label(turn.programme, k, w), "orienter", f"{about}/{k}") for k in kinds
        ),
        note=w("referral-beside") if number(about) is not None else None,
    )


# --- a referral begins ----------------------------------------------------------------------------


def begin(
    turn: Turn,
    person: Person,
    kind: str,
    origin: str,
    *,
    state: str,
    pair: Pair | None = None,
    request: Request | None = None,
) -> Referral | None:
    """Note it, and plan the reminders; None when one of this kind is under way already."""
    if _going(turn, person, kind) is not None:
        return None
    return _add(turn, person, kind, origin, state=state, pair=pair, request=request)


def _add(
    turn: Turn,
    person: Person,
    kind: str,
    origin: str,
    *,
    state: str,
    pair: Pair | None = None,
    request: Request | None = None,
) -> Referral:
    programme = turn.programme
    owner = supervisor(turn, pair) if pair is not None else None
    mine = turn.me.id if origin == "staff" else None
    of_request = request.owner_id if request is not None else None
    row = turn.uow.care.refer(
        Referral(
            programme_id=programme.id,
            person_id=person.id,
            pair_id=pair.id if pair else None,
            request_id=request.id if request else None,
            kind=kind,
            origin=origin,
            state=state,
            owner_id=mine or (owner.id if owner else of_request),
            begun_at=turn.now,
            changed_at=turn.now,
        )
    )
    turn.note("referral", "referral", row.id, kind=kind, origin=origin)
    _plan(turn, row, programme)
    return row


def _going(turn: Turn, person: Person, kind: str) -> Referral | None:
    """One of this kind that has not come to its end."""
    there = turn.uow.care.referrals(turn.programme.id, person_id=person.id, going=True)
    return next((row for row in there if row.kind == kind), None)


def propose(turn: Turn, row: Referral) -> None:
    """The person is asked whether they wish it."""
    person = turn.person(row.person_id)
    row.shown_at = turn.now
    turn.tell(
        person,
        _offer(turn, row, turn.words(person, turn.programme)),
        key=f"referral:{row.id}:{row.version}",
    )


def _offer(turn: Turn, row: Referral, w: Words) -> Message:
    return Message(
        title=label(turn.programme, row.kind, w),
        text=w("referral-offer", name=w.team(turn.programme.contact))
        + "\n\n"
        + explained(turn.programme, row.kind, w),
        choices=(
            act_choice(w("referral-yes"), "referral-yes", row.id, row.version, "primary"),
            act_choice(w("referral-no"), "referral-no", row.id, row.version),
        ),
        note=w("referral-beside") if row.pair_id else None,
        notice=w("referral-notice"),
    )


def tell_owner(
    scene: Scene, row: Referral, say: Callable[[Words, str, str], str], *, event: str
) -> None:
    """A line to whoever is in charge of it, else to the team but for whom it is about.

    Args:
        scene: The cause.
        row: Which.
        say: Words the line: with a voice, the person's name and what the kind is called.
        event: What happened, for the key.
    """
    programme = scene.programme_of(row.programme_id)
    person = scene.person(row.person_id)

    def build(w: Words) -> Message:
        return Message(
            say(w, person.name or "—", label(programme, row.kind, w)),
            choices=(run_choice(w("referral-open"), "orientations", str(row.id)),),
        )

    key = f"referral-news:{row.id}:{event}"
    owner = owner_of(scene, row)
    told = scene.tell_staff(programme, build, key=key, to=(owner,)) if owner else 0
    if not told:
        but = access.of_referral(scene, row)
        scene.tell_staff(programme, build, key=key, verb="orientations", but=but)


def owner_of(scene: Scene, row: Referral) -> Person | None:
    """Who is in charge: of the team, or of a body it lends these to; None when they left."""
    person = scene.uow.people.get(row.owner_id) if row.owner_id else None
    if person is None or person.id in access.of_referral(scene, row):
        return None
    return person if scene.allowed(person.id, row.programme_id, "orientations") else None


def give(turn: Turn, row: Referral, to: Person, instead_of: int | None) -> bool:
    """Somebody is in charge from now on; they hear it, and whoever was, unless they did it.

    Args:
        turn: Of one who may have it.
        row: Which.
        to: Who sees to it now.
        instead_of: Who did as far as the presser knew; None for nobody.

    Returns:
        Whether it was still as they knew it.
    """
    before = owner_of(turn, row)
    if not turn.uow.care.give_referral(row, to.id, instead_of=instead_of):
        return False
    turn.note("referral-owner", "referral", row.id, to=to.id)
    for person in (to, before):
        if person is not None and person.id != turn.me.id:
            turn.show(person, _given(turn, row, person, to), what="referral-owner")
    return True


def _given(turn: Turn, row: Referral, reader: Person, to: Person) -> Message:
    w = turn.words(reader, turn.programme)
    name, by = turn.person(row.person_id).name or "—", turn.me.name or "—"
    kind = label(turn.programme, row.kind, w)
    if reader is to:
        said = w("staff-referral-to-you", name=name, kind=kind, by=by)
    else:
        said = w("staff-referral-on", name=name, kind=kind, by=by, owner=to.name or "—")
    see = run_choice(w("referral-open"), "orientations", str(row.id))
    return within(turn.programme, Message(said, choices=(see,)))


# --- it moves -------------------------------------------------------------------------------------


def move(turn: Turn, row: Referral, version: int, event: str) -> bool:
    """Compare-and-set; False when it was pressed on an old message."""
    try:
        state = lifecycle.move(lifecycle.REFERRAL, row.state, event)
    except NotAllowed:
        return False
    if row.version != version or not turn.uow.care.move_referral(row, version, state, turn.now):
        return False
    turn.note("referral-moved", "referral", row.id, state=state)
    _plan(turn, row, turn.programme)
    return True


def _theirs(turn: Turn, number: int, version: int, event: str, text: str) -> None:
    """The person says how it stands; whoever is in charge hears it."""
    row = access.own_referral(turn, number)
    if not move(turn, row, version, event):
        turn.text("button-stale")
        return
    turn.replace(Message(turn.w(text)))
    tell_owner(
        turn,
        row,
        lambda w, who, what: w(f"staff-referral-is-{row.state}", name=who, kind=what),
        event=turn.event.id,
    )


@act("referral-yes", who="member")
def agree(turn: Turn, number: int, version: int) -> None:
    """Yes, I would like that."""
    _theirs(turn, number, version, "agree", "referral-agreed")


@act("referral-no", who="member")
def decline(turn: Turn, number: int, version: int) -> None:
    """No, or not any more: nothing follows from it."""
    _theirs(turn, number, version, "decline", "referral-declined")


@act("referral-begun", who="member")
def begun(turn: Turn, number: int, version: int) -> None:
    """It has begun."""
    row = access.own_referral(turn, number)
    if row.state == "underway" and row.version == version:
        _wait_on(turn, row)
    else:
        _theirs(turn, number, version, "start", "referral-noted")


@act("referral-over", who="member")
def over(turn: Turn, number: int, version: int) -> None:
    """It is done."""
    _theirs(turn, number, version, "finish", "referral-over-noted")


@act("referral-wait", who="member")
def wait(turn: Turn, number: int, version: int) -> None:
    """Not yet: asked again in a while."""
    row = access.own_referral(turn, number)
    if row.version != version or row.state not in GOING:
        turn.text("button-stale")
    else:
        _wait_on(turn, row)


def _wait_on(turn: Turn, row: Referral) -> None:
    turn.replace(Message(turn.w("referral-noted")))
    turn.uow.timers.cancel("referral-ask", row.id)
    _plan_question(turn, row, turn.programme)


# --- reminders ------------------------------------------------------------------------------------


def _plan(scene: Scene, row: Referral, programme: Programme) -> None:
    """What was planned is of the state before; at its end nothing is."""
    scene.uow.timers.cancel("referral-idle", row.id)
    scene.uow.timers.cancel("referral-ask", row.id)
    if row.state not in GOING:
        return
    _plan_reminder(scene, row, programme)
    if row.state != "suggested":
        _plan_question(scene, row, programme)


def _plan_reminder(scene: Scene, row: Referral, programme: Programme) -> None:
    at = scene.now + timedelta(weeks=programme.referrals.idle_weeks)
    scene.uow.timers.put(
        key=f"referral-idle:{row.id}:{at.isoformat()}",
        kind="referral-idle",
        subject_id=row.id,
        due_at=at,
        version=row.version,
    )


def _plan_question(scene: Scene, row: Referral, programme: Programme) -> None:
    at = scene.now + timedelta(weeks=programme.referrals.ask_weeks)
    scene.uow.timers.put(
        key=f"referral-ask:{row.id}:{at.isoformat()}",
        kind="referral-ask",
        subject_id=row.id,
        due_at=at,
        version=row.version,
    )


def _still(scene: Scene, timer: DueTimer) -> tuple[Referral, Programme] | None:
    row = scene.uow.care.referral(timer.subject_id)
    if row is None or row.version != timer.version or row.state not in GOING:
        return None
    return row, scene.programme_of(row.programme_id)


@due("referral-idle")
def idle(scene: Scene, timer: DueTimer) -> None:
    """Nothing has moved: the team is reminded, and again until something does."""
    found = _still(scene, timer)
    if found is None:
        return
    row, programme = found
    weeks = max((scene.now - row.changed_at).days // 7, 1)
    tell_owner(
        scene,
        row,
        lambda w, who, what: w("staff-referral-idle", weeks, name=who, kind=what),
        event=timer.due_at.isoformat(),
    )
    _plan_reminder(scene, row, programme)


@due("referral-ask")
def ask(scene: Scene, timer: DueTimer) -> None:
    """How does it go? One tap is enough, and none is fine."""
    found = _still(scene, timer)
    if found is None:
        return
    row, programme = found
    person = scene.person(row.person_id)
    w = scene.words(person, programme)
    scene.tell(
        person,
        _question(programme, row, w, w("referral-how")),
        key=timer.key,
        priority=REMINDER,
    )


def _question(programme: Programme, row: Referral, w: Words, text: str) -> Message:
    """What the person may say of one that is agreed or under way."""
    choices: list[Choice] = [
        act_choice(w("referral-i-begun"), "referral-begun", row.id, row.version),
        act_choice(w("referral-i-over"), "referral-over", row.id, row.version),
        act_choice(w("referral-i-wait"), "referral-wait", row.id, row.version),
    ]
    return Message(
        title=label(programme, row.kind, w),
        text=text,
        choices=tuple(choices if row.state == "agreed" else choices[:2]),
        quiet=(act_choice(w("referral-i-leave"), "referral-no", row.id, row.version),),
        notice=w("referral-notice"),
    )
