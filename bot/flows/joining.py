"""Joining a programme in a role: at once where the file opens it, else with the team's yes.

Source: A-02 (nobody is refused but by the rule); house, "roles live in the database".
"""

from __future__ import annotations

from bot import access
from bot.commands.registry import act
from bot.dialogues import act_choice, run_choice
from bot.flows import pairs, reports
from bot.i18n import Words
from bot.messages import Message
from bot.turn import Turn
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


def _introduced(turn: Turn) -> bool:
    """Whether the team would know who asks: the profile is there, or none is asked for."""
    programme = turn.programme
    done = turn.uow.talks.latest(turn.me.id, programme.id, "profile", status="done")
    return programme.profile is None or done is not None


def ask_team(turn: Turn, member: Membership) -> None:
    """Tell the team that somebody waits for their yes; once for each time they ask."""
    programme = turn.programme
    label = programme.roles.of(member.role).label

    def build(w: Words) -> Message:
        return Message(
            w(
                "staff-wants-to-join",
                name=pairs.known_as(turn.me, w),
                number=turn.me.id,
                role=w.pick(label),
            ),
            choices=(
                act_choice(w("staff-admit"), "admit", member.id, 1, "primary"),
                act_choice(w("staff-refuse"), "refuse", member.id, 1),
            ),
        )

    told = turn.tell_staff(programme, build, key=f"join:{member.id}:{member.since:%Y%m%d%H%M%S}")
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
    member = access.joining(turn, number)
    programme = turn.programme_of(member.programme_id)
    if member.state != "pending":
        turn.text("button-stale")
        return
    member.state, member.since = state, turn.now
    turn.note("join-settled", "membership", member.id, state=state)
    person = turn.person(member.person_id)
    w = turn.words(person, programme)
    turn.show(
        person,
        Message(w(told, name=w.team(programme.contact)), choices=(run_choice(w("menu"), "menu"),)),
        what="join",
    )
    turn.replace(Message(turn.w(noted, name=person.name or "—")))
    if state == "active":
        reports.welcome_late(turn, person, programme)
