"""Who works on a programme, and in which role: given and taken by its owners only.

Each change is in the audit and told to the person; it counts from their next word or button on. An
owner does not take their own way in, so that one is always left. What a role lets somebody do is
said by the policies (`bot/policy.py`) and the programme's file.

Source: quality rules, section 3 ("staff = rows in the database with programme scope"); A-14, X-12.
"""

from __future__ import annotations

from typing import Final

from bot.commands import leaving
from bot.commands.registry import command
from bot.dialogue.questionnaire import fold
from bot.dialogues import run_choice
from bot.errors import NotAllowed
from bot.i18n import LANGUAGES, Words, words
from bot.messages import Line, Message
from bot.programmes.schema import Programme
from bot.turn import SIDES, Turn, within
from storage.tables import Person

ROLES: Final = ("owner", "staff", "supervisor", "teacher", "safeguarding")
WAYS_IN: Final = frozenset({"owner", "staff"})


@command("roles", alias="roles", who="owner")
def roles(turn: Turn, args: str) -> None:
    """Who has which role; `roles + adresse rôle` gives one, `roles - adresse rôle` takes it."""
    sign, _, rest = args.strip().partition(" ")
    news: tuple[Line, ...] | None = ()
    if sign in ("+", "-") and rest.strip():
        news = _change(turn, rest.split(), given=sign == "+")
    if news is None:
        return
    w, programme = turn.w, turn.programme
    lines = []
    for role in _roles_of(programme):
        people = turn.uow.people.with_role(programme.id, role)
        if people:
            names = ", ".join(p.name or p.email or f"#{p.id}" for p in people)
            lines.append(Line(label=called(w, programme, role), text=names))
    known = ", ".join(called(w, programme, role) for role in _roles_of(programme))
    turn.say(
        Message(
            title=w("staff-roles-title"),
            text="",
            lines=(*lines, *news),
            note=w("staff-roles-note", roles=known),
        ),
        here=True,
    )


def called(w: Words, programme: Programme, role: str) -> str:
    """What a role is called for people."""
    for body in programme.bodies:
        if body.id == role:
            return w.pick(body.name)
    names = {
        "owner": w("role-owner"),
        "staff": w("role-staff"),
        "supervisor": w("role-supervisor"),
        "teacher": w("role-teacher"),
        "safeguarding": w("role-safeguarding"),
    }
    return names.get(role, role)


def _roles_of(programme: Programme) -> tuple[str, ...]:
    return (*ROLES, *(body.id for body in programme.bodies if body.id not in ROLES))


def _read(programme: Programme, typed: list[str]) -> tuple[str, str | None]:
    """Who, and which role: its id or its name in either language, as the last words."""
    known = {
        fold(name): role
        for role in _roles_of(programme)
        for name in (role, *(called(words(lang), programme, role) for lang in LANGUAGES))
    }
    for length in range(min(4, len(typed) - 1), 0, -1):
        role = known.get(fold(" ".join(typed[-length:])))
        if role is not None:
            return " ".join(typed[:-length]), role
    return " ".join(typed), None


def _change(turn: Turn, typed: list[str], *, given: bool) -> tuple[Line, ...] | None:
    """Give or take a role: from where its holder writes; None when something else was said."""
    programme, people = turn.programme, turn.uow.people
    who, role = _read(programme, typed)
    person = people.find(who, programme.id) or _by_address(turn, who)
    if person is None:
        turn.say(Message(turn.w("staff-nobody-found")), here=True)
        return None
    if turn.me.id not in people.owners(programme.id):
        raise NotAllowed("no owner any more")  # another owner was quicker
    if given and not people.identities(person.id):
        # Whoever came in by a code later would have the role, and nobody had seen who it is.
        who = person.email or f"#{person.id}"
        said = turn.w("staff-role-no-account", name=person.name or "—", who=who)
        turn.say(Message(said), here=True)
        return None
    has = people.roles(person.id, programme.id) - SIDES
    changed = {role or "staff"} - has if given else ({role} if role else has) & has
    if not given and person.id == turn.me.id and changed & WAYS_IN:
        turn.say(Message(turn.w("staff-not-yourself")), here=True)
        return None
    for one in sorted(changed):
        state = "active" if given else "ended"
        people.enrol(person.id, programme.id, one, now=turn.now, state=state)
        turn.note("role", "person", person.id, role=one, given=int(given), programme=programme.id)
        if person.id != turn.me.id:
            _tell(turn, person, one, given=given)
    if changed and not given:
        leaving.role_lost(turn, person.id, programme, changed)
    leaving.role_changed(turn, person.id, programme)
    if not given:
        return ()
    # An invitation is redeemed by whoever has it in hand: an owner sees which account did.
    accounts = ", ".join(f"{one.platform}:{one.account}" for one in people.identities(person.id))
    return (Line(label=turn.w("role-accounts", name=person.name or "—"), text=accounts),)


def _by_address(turn: Turn, who: str) -> Person | None:
    """Somebody of another programme, or of none, who is here: only for who knows the address."""
    person = turn.uow.people.find(who, turn.programme.id, anywhere=True) if "@" in who else None
    known = person is not None and person.email == who.strip().lower()
    return person if person and known and turn.uow.people.identities(person.id) else None


def _tell(turn: Turn, person: Person, role: str, *, given: bool) -> None:
    programme, what = turn.programme, role
    w = turn.words(person, programme)
    role, place = called(w, programme, role), w.pick(programme.name)
    if given:
        said = Message(
            w("role-given", role=role, programme=place),
            choices=(run_choice(w("menu-help"), "aide"),),
        )
    else:
        team = w.team(programme.contact)
        said = Message(w("role-taken", role=role, programme=place, name=team))
    turn.show(person, within(programme, said), what=f"role-{what}")
