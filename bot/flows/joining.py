"""Joining a programme in a role: at once where the file opens it, else with the team's yes.

Source: A-02 (nobody is refused but by the rule); house, "roles live in the database".
"""

from __future__ import annotations

from bot import access, minors
from bot.commands.registry import act
from bot.dialogues import act_choice, run_choice
from bot.errors import NotAllowed
from bot.flows import pairs, promises, reports
from bot.i18n import Words
from bot.messages import Message
from bot.turn import Scene, Turn
from storage.tables import Membership


def join(turn: Turn, role: str) -> Membership:
    """Take a role, or say where asking for it stands.

    Returns:
        The membership: active, or pending while the team has yet to answer.
    """
    programme = turn.programme
    there = turn.uow.people.membership(turn.me.id, programme.id, role)
    if there is not None and there.state in ("active", "paused"):
        return there
    if there is None or there.state == "ended":
        opened = programme.roles.of(role).enrol == "open"
        there = turn.uow.people.enrol(
            turn.me.id, programme.id, role, now=turn.now, state="active" if opened else "pending"
        )
        turn.note("joined", "membership", there.id, role=role, state=there.state)
    if there.state == "pending" and _introduced(turn):
        ask_team(turn, there)
    return there


def waiting(turn: Turn) -> Message:
    """What must still be there before somebody may begin where minors are: see `minors.missing`."""
    programme, w = turn.programme, turn.w
    rules = programme.minors
    lacking = minors.missing(turn, turn.me, programme)
    if rules is None or lacking is None:
        raise NotAllowed("nothing is missing")
    if lacking == "role":
        return choice_of_role(turn)
    asked = w("minor-yes-first") if lacking == "yes" else w.pick(rules.ask)
    return Message(
        title=w.pick(programme.name),
        text=asked
        + "\n\n"
        + w(f"minor-lacks-{lacking}", number=turn.me.id, years=rules.joint_under)
        + " "
        + w("minor-nothing-kept"),
        choices=(run_choice(w("menu-help"), "aide"),),
        quiet=(run_choice(w("menu-my-data"), "mes-donnees"),),
    )


def choice_of_role(turn: Turn) -> Message:
    """As what do you come? Only roles one may take by oneself, or ask for."""
    w = turn.w
    roles = turn.programme.roles
    return Message(
        w("role-which"),
        choices=tuple(
            run_choice(w("role-i-am", role=w.pick(roles.of(role).label)), "role", role)
            for role in ("mentee", "mentor")
        ),
    )


def tell_who_waits(turn: Turn) -> None:
    """A pupil has come whose parents' agreement is not recorded: the team hears of it, once."""
    programme = turn.programme
    if minors.missing(turn, turn.me, programme) == "yes":
        return  # the team was asked for it
    turn.tell_staff(
        programme,
        lambda w: Message(
            w("staff-minor-waits", name=turn.me.name or "—", number=turn.me.id),
            choices=(run_choice(w("minors-see"), "mineurs"),),
        ),
        key=f"minor-waits:{turn.me.id}:{programme.id}",
        verb="mineurs",
    )


def _introduced(turn: Turn) -> bool:
    """Whether the team would know who asks: the profile is there, or none is asked for (yet)."""
    programme = turn.programme
    if minors.missing(turn, turn.me, programme) == "yes":
        return True  # by their account and number only: nothing is asked before the team's yes
    done = turn.uow.talks.latest(turn.me.id, programme.id, "profile", status="done")
    return programme.profile is None or done is not None


def asked(scene: Scene, member: Membership, w: Words) -> Message:
    """Somebody's wish to join, with yes and no."""
    programme = scene.programme_of(member.programme_id)
    person = scene.person(member.person_id)
    return Message(
        w(
            "staff-wants-to-join",
            name=pairs.known_as(person, w, programme),
            number=person.id,
            role=w.pick(programme.roles.of(member.role).label),
        ),
        choices=(
            act_choice(w("staff-admit"), "admit", member.id, 1, "primary"),
            act_choice(w("staff-refuse"), "refuse", member.id, 1),
        ),
    )


def ask_team(turn: Turn, member: Membership) -> None:
    """Tell the team that somebody waits for their yes; once for each time they ask."""
    programme = turn.programme
    told = turn.tell_staff(
        programme,
        lambda w: asked(turn, member, w),
        key=f"join:{member.id}:{member.since:%Y%m%d%H%M%S}",
    )
    promises.made(turn, programme)
    turn.text(
        "join-waiting" if told else "join-kept",
        n=programme.contact.days,
        name=turn.w.team(programme.contact),
    )


@act("admit", who="staff", of="inviter")
def admit(turn: Turn, number: int, version: int) -> None:
    """The team says yes to somebody who wants to join."""
    _settle(turn, number, "active", "join-accepted", "staff-admitted")


@act("refuse", who="staff", of="inviter")
def refuse(turn: Turn, number: int, version: int) -> None:
    """The team says no, and the person hears whom to ask."""
    _settle(turn, number, "ended", "join-declined", "staff-refused")


def _settle(turn: Turn, number: int, state: str, told: str, noted: str) -> None:
    member = access.staff_member(turn, number)
    programme = turn.programme_of(member.programme_id)
    if member.state != "pending":
        turn.text("button-stale")
        return
    member.state, member.since = state, turn.now
    turn.note("join-settled", "membership", member.id, state=state)
    person = turn.person(member.person_id)
    w = turn.words(person, programme)
    said = Message(
        w(told, name=w.team(programme.contact)), choices=(run_choice(w("menu"), "menu"),)
    )
    if state == "active" and programme.minors is not None:  # nothing was asked of them before
        begin = run_choice(w("minor-begin"), "commencer", style="primary")
        said = Message(w("join-may-begin"), choices=(begin,))
    turn.show(person, said, what="join")
    turn.replace(Message(turn.w(noted, name=person.name or "—")))
    if state == "active":
        reports.welcome_late(turn, person, programme)
