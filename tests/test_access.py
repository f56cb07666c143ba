"""Each way to another person's data, tried by everybody on every row of its kind.

Who gets what is written here from the rows themselves, not from the code that decides it: for each
function the people whose row it is, or who guard or run the programme it lies in.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import pytest
from sqlalchemy import delete, insert, select, update

from bot import access
from bot.bot import Bot
from bot.dialogue.tokens import MAX_ID
from bot.errors import ConsentMissing, NotAllowed
from bot.events import Author, Commanded
from bot.policy import Policy
from bot.turn import Turn
from storage import tables as t
from storage.unit_of_work import UnitOfWork
from tests.authorisation.world import (
    FIRST,
    MENTORING,
    MISSING,
    NOW,
    OTHER,
    ROLES,
    SHOWN,
    World,
    build,
)

Row = Any
People = set[int]
Whose = Callable[[World, UnitOfWork, Row], People]


@cache
def house() -> World:
    """The house of the authorisation matrix, and what it leaves out; built once a process."""
    made = build()
    with made.database.unit_of_work() as uow:
        _furnish(made, uow)
        uow.commit()
    return made


@pytest.fixture
def world() -> World:
    """The house; whatever a test does in it is undone with its transaction."""
    return house()


def _furnish(world: World, uow: UnitOfWork) -> None:
    """Notes and interviews of requests by their teams; every referral told to whom it is about."""
    session, people = uow.session, world.people
    for request in session.scalars(select(t.Request)).all():
        near = request.programme_id != OTHER
        staff, owner = ("staff", "owner") if near else ("far staff", "far owner")
        for who in (staff, owner):
            text = uow.vault.seal(session, request.person_id, "seen")
            session.add(
                t.RequestNote(request_id=request.id, person_id=request.person_id, kind="note",
                              by_id=people[who], text=text, said_at=NOW)
            )  # fmt: skip
            session.add(
                t.Interview(request_id=request.id, interviewer_id=people[who],
                            asked_by_id=people[staff], asked_at=NOW, state="asked")
            )  # fmt: skip
    session.execute(update(t.Referral).values(shown_at=NOW))
    for place, writer, reader in (
        (FIRST, "mentor", "mentee"),  # not of the team
        (OTHER, "far staff", "far mentee"),
        (FIRST, "staff", "mentee"),
    ):
        for answer, state in ((False, "draft"), (True, "sent"), (False, "sent")):
            text = uow.vault.seal(session, people[reader], "seen")
            session.add(
                t.TeamLetter(programme_id=place, person_id=people[reader], by_id=people[writer],
                             answer=answer, state=state, text=text, written_at=NOW)
            )  # fmt: skip
            session.flush()


@contextmanager
def acting(
    world: World, name: str, *, policy: Policy | None = None, platform: str = "telegram"
) -> Iterator[Turn]:
    """A turn of somebody; nothing of it is kept."""
    with world.database.unit_of_work() as uow:
        yield turn_of(world, uow, name, policy=policy, platform=platform)


def turn_of(
    world: World, uow: UnitOfWork, name: str, *, policy: Policy | None = None,
    platform: str = "telegram",
) -> Turn:  # fmt: skip
    """A turn of somebody, in a transaction that is there already."""
    person = uow.people.get(world.people[name])
    assert person is not None
    identity = uow.session.scalars(
        select(t.Identity).where(t.Identity.person_id == person.id, t.Identity.platform == platform)
    ).one()
    author = Author(platform, identity.account, identity.bot_account)  # type: ignore[arg-type]
    event = Commanded(id="e", author=author, at=NOW, name="x")
    turn = Turn(world.bot, uow, NOW, event, identity, person)
    turn.policy = policy
    return turn


# --- who has a right to what -----------------------------------------------------------------


def holders(world: World, place: str, *roles: str) -> People:
    """Whoever holds one of these roles in a programme now."""
    return {
        world.people[name]
        for name, held in ROLES.items()
        if any(p == place and role in roles and state == "active" for p, role, state in held)
    }


@dataclass(frozen=True)
class Way:
    """One function of `bot/access.py`.

    Attributes:
        find: It.
        kind: The rows it gives.
        whose: Who may have such a row: from the world, the transaction and the row.
        beside: The column that names what comes with it, if anything does.
        asks: Whether whoever has not agreed to be stored there is asked for that first.
    """

    find: Callable[[Turn, int], Any]
    kind: type[Any]
    whose: Whose
    beside: str | None = None
    asks: bool = False


def author(_world: World, _uow: UnitOfWork, row: Row) -> People:
    """The person of the row."""
    return {row.person_id}


def team(world: World, _uow: UnitOfWork, row: Row) -> People:
    """Staff and owners of its programme."""
    return holders(world, row.programme_id, "staff", "owner")


def others(world: World, uow: UnitOfWork, row: Row) -> People:
    """Staff and owners of its programme whom it is not about."""
    about = {getattr(row, "person_id", None)}
    pairs = {row.id} if isinstance(row, t.Pair) else {getattr(row, "pair_id", None)}
    if isinstance(row, t.Stray | t.HelpCall | t.Rectification | t.Request | t.Membership):
        theirs = (t.Pair.mentee_id == row.person_id) | (t.Pair.mentor_id == row.person_id)
        pairs |= set(uow.session.scalars(select(t.Pair.id).where(theirs)))
    for pair in uow.session.scalars(select(t.Pair).where(t.Pair.id.in_(pairs - {None}))):
        about |= {pair.mentee_id, pair.mentor_id}
    return team(world, uow, row) - about


def guards(world: World, _uow: UnitOfWork, row: Row) -> People:
    """Who is named for safeguarding in its programme; its owner where nobody is."""
    named = holders(world, row.programme_id, "safeguarding")
    return named or holders(world, row.programme_id, "owner")


def sides(_world: World, uow: UnitOfWork, row: Row) -> People:
    """The two of its pair."""
    pair = row if isinstance(row, t.Pair) else uow.session.get_one(t.Pair, row.pair_id)
    return {pair.mentee_id, pair.mentor_id}


def through(column: str, kind: type[Any], whose: Whose) -> Whose:
    """Whoever may have the row that this column names."""
    return lambda world, uow, row: whose(
        world, uow, uow.session.get_one(kind, getattr(row, column))
    )


def among_team(column: str) -> Whose:
    """The one this column names, as long as they are of the team the request went to."""
    of_request = through("request_id", t.Request, others)
    return lambda world, uow, row: {getattr(row, column)} & of_request(world, uow, row)


def writer(world: World, uow: UnitOfWork, row: Row) -> People:
    """Who wrote it, as long as they are of the team; an answer is nobody's to send."""
    return set() if row.answer else {row.by_id} & team(world, uow, row)


def addressee(_world: World, _uow: UnitOfWork, row: Row) -> People:
    """Whom it went to, once it has."""
    return {row.person_id} if row.state == "sent" and not row.answer else set()


WAYS: Final = (
    Way(access.own_conversation, t.Conversation, author, asks=True),
    Way(access.own_request, t.Request, author, asks=True),
    Way(access.own_proposal, t.Proposal, through("request_id", t.Request, author), "request_id",
        asks=True),
    Way(access.asked_of_me, t.Proposal,
        lambda _w, _u, row: {row.expert_id} if row.asked_at else set(), "request_id", asks=True),
    Way(access.own_pair, t.Pair, sides, asks=True),
    Way(access.objective_to_settle, t.Objective,
        lambda w, u, row: sides(w, u, row) - {row.author_id}, "pair_id", asks=True),
    Way(access.own_checkin, t.Checkin, author, "pair_id", asks=True),
    Way(access.own_meeting, t.Meeting, sides, "pair_id", asks=True),
    Way(access.own_stray, t.Stray, author),
    Way(access.own_agreement, t.Consent, author),
    Way(access.staff_rectification, t.Rectification, others),
    Way(access.own_call, t.HelpCall, author, asks=True),
    Way(access.staff_call, t.HelpCall, others),
    Way(access.staff_request, t.Request, others),
    Way(access.own_interview, t.Interview, among_team("interviewer_id"), "request_id"),
    Way(access.interview_of_me, t.Interview, through("request_id", t.Request, author),
        "request_id", asks=True),
    Way(access.own_team_letter, t.TeamLetter, writer),
    Way(access.team_letter_to_me, t.TeamLetter, addressee, asks=True),
    Way(access.staff_partner, t.Partner, team),
    Way(access.own_note, t.RequestNote, among_team("by_id"), "request_id"),
    Way(access.staff_pair, t.Pair, others),
    Way(access.staff_campaign, t.Campaign, team),
    Way(access.staff_member, t.Membership, others),
    Way(access.staff_beyond, t.Beyond, through("pair_id", t.Pair, others), "pair_id"),
    Way(access.own_referral, t.Referral,
        lambda _w, _u, row: {row.person_id} if row.shown_at else set(), asks=True),
    Way(access.staff_referral, t.Referral, others),
    Way(access.staff_stray, t.Stray,
        lambda w, u, row: others(w, u, row) if row.passed_at and row.programme_id else set()),
    Way(access.own_extension, t.Extension, sides, "pair_id", asks=True),
    Way(access.staff_training, t.Training, others),
    Way(access.staff_announcement, t.Announcement, team),
    Way(access.flag_to_guard, t.Flag, guards),
    Way(access.letter_to_guard, t.Letter, guards),
    Way(access.pair_to_guard, t.Pair, guards),
    Way(access.letter_to_me, t.Letter,
        lambda w, u, row: sides(w, u, row) - {row.author_id} if row.state == "sent" else set(),
        asks=True),
    Way(access.own_flag, t.Flag, author, asks=True),
)  # fmt: skip
TYPED: Final = [
    access.staff_stray, access.staff_member,
    access.staff_rectification, access.own_call, access.staff_call, access.staff_mentee,
    access.staff_request, access.own_interview, access.own_note, access.staff_pair,
    access.staff_beyond, access.staff_referral, access.staff_training, access.staff_announcement,
    access.flag_to_guard, access.letter_to_guard, access.pair_to_guard,
    access.interview_of_me, access.own_team_letter, access.team_letter_to_me, access.staff_partner,
]  # fmt: skip
"""Whose numbers are typed after commands too."""
EVERY: Final = [pytest.param(way, id=way.find.__name__) for way in WAYS]
HIGHEST: Final = [pytest.param(way, id=way.find.__name__) for way in WAYS if way.find in TYPED]
ASKING: Final = [pytest.param(way, id=way.find.__name__) for way in WAYS if way.asks]


def rows(world: World, kind: type[Any]) -> list[int]:
    """The numbers of all rows of a kind."""
    with world.database.unit_of_work() as uow:
        return list(uow.session.scalars(select(kind.id).order_by(kind.id)))


@contextmanager
def refused(turn: Turn) -> Iterator[None]:
    """Nothing is given, and what is said is the same whichever way was tried, whatever is there."""
    with pytest.raises(NotAllowed) as tried:
        yield
    said = {str(tried.value)}
    for other in (access.own_stray, access.own_agreement):
        with pytest.raises(NotAllowed) as missing:
            other(turn, MISSING)
        said.add(str(missing.value))
    assert len(said) == 1


@pytest.mark.parametrize("way", EVERY)
def test_whose_it_is_gets_it_and_nobody_else(world: World, way: Way) -> None:
    given = 0
    for number in rows(world, way.kind):
        for name in [*ROLES, "expert"]:
            with world.database.unit_of_work() as uow:
                if uow.people.get(world.people[name]) is None:
                    continue  # erased
                turn = turn_of(world, uow, name)
                row = uow.session.get_one(way.kind, number)
                if turn.me.id not in way.whose(world, uow, row):
                    with refused(turn):
                        way.find(turn, number)
                    assert not turn.reached
                    continue
                found = way.find(turn, number)
                given += 1
                assert turn.reached
                if way.beside is None:
                    assert found is row
                else:
                    assert found[0] is row
                    assert found[1].id == getattr(row, way.beside)
                place = getattr(row, "programme_id", None)
                if place is not None and way.kind not in (t.Stray, t.Consent):
                    assert turn.programme.id == place
    assert given


@pytest.mark.parametrize("way", EVERY)
def test_what_is_not_there_is_nobody_s(world: World, way: Way) -> None:
    for name in ("mentee", "mentor", "staff", "safeguarding", "owner"):
        with acting(world, name) as turn:
            for number in (MISSING, 0, -1):
                with refused(turn):
                    way.find(turn, number)
            assert not turn.reached


@pytest.mark.parametrize("way", ASKING)
def test_whoever_has_not_agreed_is_asked_first(world: World, way: Way) -> None:
    """Data found in a programme where nothing may be stored of the person is not given yet."""
    asked = 0
    for number in rows(world, way.kind):
        with world.database.unit_of_work() as uow:
            row = uow.session.get_one(way.kind, number)
            uow.session.execute(delete(t.Consent))
            for name in ROLES:
                if uow.people.get(world.people[name]) is None:
                    continue
                turn = turn_of(world, uow, name)
                if turn.works_here:  # of whom what is needed may be stored without
                    continue
                if turn.me.id in way.whose(world, uow, row):
                    with pytest.raises(ConsentMissing) as missing:
                        way.find(turn, number)
                    assert missing.value.programme_id == turn.programme.id
                    assert not turn.reached
                    asked += 1
    assert asked


@pytest.mark.parametrize("way", HIGHEST)
def test_the_highest_number_is_one_like_any_other(world: World, way: Way) -> None:
    number = rows(world, way.kind)[-1]
    with world.database.unit_of_work() as uow:
        whose = way.whose(world, uow, uow.session.get_one(way.kind, number))
        turn = turn_of(world, uow, next(n for n, one in world.people.items() if one in whose))
        copied(turn, way.kind, number, MAX_ID)
        found = way.find(turn, MAX_ID)
        assert (found if way.beside is None else found[0]).id == MAX_ID


@pytest.mark.parametrize("find", TYPED)
def test_a_number_no_database_holds_is_nobody_s(world: World, find: Any) -> None:
    """It can be typed after a command."""
    for name in ("mentee", "staff", "safeguarding"):
        with acting(world, name) as turn, refused(turn):
            find(turn, MAX_ID + 1)


def tried(find: Callable[[Turn, int], Any], turn: Turn, number: int, *, there: bool) -> None:
    """It is given, or it is as if it were not there."""
    if there:
        assert find(turn, number).id == number
    else:
        with refused(turn):
            find(turn, number)


# --- what the state of a row changes ------------------------------------------------------------


def change(turn: Turn, of: type[Any], number: int, /, **values: Any) -> None:
    """Put a row into another state, for this turn only."""
    turn.uow.session.execute(update(of).where(of.id == number).values(**values))
    turn.uow.session.expire_all()


def theirs(world: World, kind: type[Any], **wanted: Any) -> int:
    """The first row of a kind with these values."""
    with world.database.unit_of_work() as uow:
        query = select(kind.id).filter_by(**wanted).order_by(kind.id).limit(1)
        return int(uow.session.scalars(query).one())


def test_a_mentee_hears_of_a_pair_once_the_mentor_said_yes(world: World) -> None:
    number = theirs(world, t.Pair, mentee_id=world.people["mentee"])
    for name, state, there in (
        ("mentee", "proposed", False),
        ("mentor", "proposed", True),
        ("mentee", "active", True),
        ("mentee", "ended", True),
    ):
        with acting(world, name) as turn:
            change(turn, t.Pair, number, state=state)
            tried(access.own_pair, turn, number, there=there)


def test_the_other_side_is_the_other_side(world: World) -> None:
    mentee, mentor = world.people["mentee"], world.people["mentor"]
    number = theirs(world, t.Pair, mentee_id=mentee)
    for name, other in (("mentee", mentor), ("mentor", mentee)):
        with acting(world, name) as turn:
            assert access.partner_of(turn, access.own_pair(turn, number)) == other


def copied(turn: Turn, of: type[Any], number: int, to: int) -> None:
    """The same row under another number, in place of itself."""
    row = turn.uow.session.get_one(of, number)
    copy = {c.name: getattr(row, c.name) for c in of.__table__.columns}
    turn.uow.session.execute(delete(of).where(of.id == number))
    turn.uow.session.execute(insert(of).values({**copy, "id": to}))
    turn.uow.session.expire_all()


def test_no_checkin_is_named(world: World) -> None:
    """Not even the very first, where it is theirs."""
    number = theirs(world, t.Checkin, person_id=world.people["mentee"])
    with acting(world, "mentee") as turn:
        copied(turn, t.Checkin, number, 1)
        assert access.own_checkin(turn, 1)[0].id == 1
        with refused(turn):
            access.own_checkin(turn, None)


@pytest.mark.parametrize("state", ["held", "refused", "sent"])
def test_only_a_letter_that_left_reaches_the_other_side(world: World, state: str) -> None:
    number = theirs(world, t.Letter)
    with acting(world, "mentor") as turn:
        row = turn.uow.session.get_one(t.Letter, number)
        reader = "mentor" if row.author_id == world.people["mentee"] else "mentee"
    with acting(world, reader) as turn:
        change(turn, t.Letter, number, state=state)
        if state == "sent":
            assert access.letter_to_me(turn, number).id == number
            assert turn.reached
        else:
            with refused(turn):
                access.letter_to_me(turn, number)


def test_a_letter_of_no_pair_reaches_nobody(world: World) -> None:
    number = theirs(world, t.Letter)
    pair = theirs(world, t.Pair, mentee_id=world.people["mentee"])
    for name in ("mentee", "mentor", "other mentee"):
        with acting(world, name) as turn:
            change(turn, t.Letter, number, pair_id=None)
            copied(turn, t.Pair, pair, 1)
            change(turn, t.Letter, number, state="sent", pair_id=None)
            with refused(turn):
                access.letter_to_me(turn, number)


@pytest.mark.parametrize(
    ("origin", "shown", "there"),
    [("staff", False, False), ("mentor", False, False), ("mentee", False, True),
     ("staff", True, True), ("mentee", True, True)],
)  # fmt: skip
def test_a_referral_is_theirs_once_they_were_told(
    world: World, origin: str, shown: bool, there: bool
) -> None:
    number = theirs(world, t.Referral, person_id=world.people["mentee"])
    with acting(world, "mentee") as turn:
        change(turn, t.Referral, number, origin=origin, shown_at=NOW if shown else None)
        tried(access.own_referral, turn, number, there=there)


def test_a_referral_without_a_pair_is_about_one_person(world: World) -> None:
    mentee, mentor = world.people["mentee"], world.people["mentor"]
    number = theirs(world, t.Referral, person_id=mentee)
    with acting(world, "staff") as turn:
        row = turn.uow.session.get_one(t.Referral, number)
        assert access.of_referral(turn, row) == (mentee, mentor)
        change(turn, t.Referral, number, pair_id=None)
        assert access.of_referral(turn, row) == (mentee,)
        assert access.staff_referral(turn, number) is row
        change(turn, t.Referral, number, person_id=turn.me.id)
        with refused(turn):
            access.staff_referral(turn, number)


def test_what_the_bot_noticed_is_no_report_of_the_person(world: World) -> None:
    """A flag raised by words of distress is for the guards, not shown back to the writer."""
    number = theirs(world, t.Flag, person_id=world.people["mentee"])
    for kind in ("flag", "distress"):
        with acting(world, "mentee") as turn:
            change(turn, t.Flag, number, kind=kind)
            tried(access.own_flag, turn, number, there=kind == "flag")


@pytest.mark.parametrize("find", [access.own_note, access.own_interview])
def test_who_left_the_team_has_left_its_files(world: World, find: Any) -> None:
    kind = t.RequestNote if find is access.own_note else t.Interview
    column = "by_id" if find is access.own_note else "interviewer_id"
    number = theirs(world, kind, **{column: world.people["staff"]})
    with acting(world, "staff") as turn:
        turn.uow.session.execute(
            update(t.Membership).where(t.Membership.person_id == turn.me.id).values(state="ended")
        )
        with refused(turn):
            find(turn, number)


# --- those that are found in another way ------------------------------------------------------


@pytest.mark.parametrize("name", [*ROLES, "expert"])
def test_who_is_followed_is_shown_to_the_team_alone(world: World, name: str) -> None:
    if name.startswith("erased"):
        return
    for somebody, place in (("mentee", FIRST), ("far mentee", OTHER), ("mentor", None)):
        with acting(world, name) as turn:
            if turn.current is None:
                continue
            team = holders(world, turn.current.id, "staff", "owner")
            if turn.me.id in team and turn.current.id == place:
                assert (
                    access.staff_mentee(turn, world.people[somebody]).id == world.people[somebody]
                )
                assert turn.reached
            else:
                with refused(turn):
                    access.staff_mentee(turn, world.people[somebody])


def test_somebody_of_the_highest_number_is_followed_too(world: World) -> None:
    with acting(world, "staff") as turn:
        session = turn.uow.session
        session.add(t.Person(id=MAX_ID, name="X", lang="fr", created_at=NOW))
        session.flush()
        session.add(t.Membership(person_id=MAX_ID, programme_id=FIRST, role="mentee",
                                 state="active", since=NOW))  # fmt: skip
        session.flush()
        assert access.staff_mentee(turn, MAX_ID).id == MAX_ID


@pytest.mark.parametrize("name", [*ROLES, "expert"])
def test_the_directory_is_the_team_s(world: World, name: str) -> None:
    if name.startswith("erased"):
        return
    number = world.people["far mentor"]
    with acting(world, name) as turn:
        if turn.current and turn.me.id in holders(world, turn.current.id, "staff", "owner"):
            found, expert = access.directory_entry(turn, number)
            assert (found.person_id, expert.person_id) == (number, number)
            assert turn.reached
            for nobody in (MISSING, world.people["mentee"]):
                with refused(turn):
                    access.directory_entry(turn, nobody)
        else:
            with refused(turn):
                access.directory_entry(turn, number)


@pytest.mark.parametrize("name", [*ROLES, "expert"])
def test_who_agreed_to_be_shown_is_shown_where_they_are_an_expert(world: World, name: str) -> None:
    """To whoever has a role there."""
    if name.startswith("erased"):
        return
    roles = ROLES.get(name, ROLES["mentor"][:1])
    for place in (FIRST, OTHER, None):
        here = place == FIRST and any((p, state) == (FIRST, "active") for p, _, state in roles)
        for who in ("expert", "mentor", "far mentor", "mentee"):
            with acting(world, name) as turn:
                turn.current = world.bot.programmes[place] if place else None
                number = world.people[who]
                if here and who in SHOWN:
                    assert access.expert_shown(turn, number).person_id == number
                    assert turn.reached
                else:
                    for nobody in (number, MISSING):
                        with refused(turn):
                            access.expert_shown(turn, nobody)


def parked(turn: Turn, key: str, person: int | None) -> int:
    """A message that waits in the outbox, about what its key says."""
    row = t.Outbox(
        dedup_key=key, bot_account="telegram:9", chat_id="1", person_id=person, not_before=NOW,
        state="failed", created_at=NOW,
    )  # fmt: skip
    turn.uow.session.add(row)
    turn.uow.session.flush()
    return row.id


@pytest.mark.parametrize("name", ["staff", "owner", "far staff", "far owner", "mentee", "body"])
def test_a_message_is_its_programme_s(world: World, name: str) -> None:
    """What the key is about decides; of a message about nothing, where the person has a role."""
    near, far = world.people["mentee"], world.people["far mentee"]
    for place, about, person in (
        (FIRST, theirs(world, t.Pair, mentee_id=near), near),
        (OTHER, theirs(world, t.Pair, mentee_id=far), far),
        (FIRST, None, near),
        (OTHER, None, far),
        (None, None, None),
    ):
        with acting(world, name) as turn:
            turn.current = world.bot.programmes[OTHER if place == FIRST else FIRST]
            number = parked(turn, f"intro:{about}" if about else "said:1", person)
            if place and turn.me.id in holders(world, place, "staff", "owner"):
                assert access.staff_message(turn, number).dedup_key.startswith(("intro", "said"))
                assert turn.reached
                assert turn.programme.id == place
            else:
                with refused(turn):
                    access.staff_message(turn, number)


def test_a_message_of_two_programmes_is_read_where_one_is(world: World) -> None:
    """Somebody in two programmes: whoever runs both stays where they are."""
    for here in (FIRST, MENTORING):
        with acting(world, "staff") as turn:
            turn.current = world.bot.programmes[here]
            access.staff_message(turn, parked(turn, "said:2", world.people["mentee"]))
            assert turn.programme.id == here
    with acting(world, "staff") as turn:
        turn.current = None
        access.staff_message(turn, parked(turn, "said:3", world.people["mentee"]))
        assert turn.programme.id == FIRST
        with refused(turn):
            access.staff_message(turn, MISSING)


@pytest.mark.parametrize("name", [*ROLES, "expert"])
def test_safeguarding_is_for_who_is_named(world: World, name: str) -> None:
    """The owner takes the place while nobody is; staff never does."""
    if name.startswith("erased"):
        return
    for place, guard in ((FIRST, "safeguarding"), (OTHER, "far owner"), (MENTORING, "owner")):
        with acting(world, name) as turn:
            turn.current = world.bot.programmes[place]
            if name == guard:
                access.safeguarding(turn)
            else:
                with refused(turn):
                    access.safeguarding(turn)
            assert not turn.reached


def test_nobody_guards_what_is_about_themselves(world: World) -> None:
    """Their own report, letter and pair are for the others named, or for the owner."""
    guard, mentee = world.people["safeguarding"], world.people["mentee"]
    flag, letter = theirs(world, t.Flag, person_id=mentee), theirs(world, t.Letter)
    pair = theirs(world, t.Pair, mentee_id=mentee)
    for find, of, number, values, about in (
        (access.flag_to_guard, t.Flag, flag, {"kind": "flag", "about_id": guard}, True),
        (access.flag_to_guard, t.Flag, flag, {"kind": "flag", "person_id": guard}, False),
        (access.flag_to_guard, t.Flag, flag, {"kind": "distress", "person_id": guard}, True),
        (access.flag_to_guard, t.Flag, flag, {"kind": "distress", "about_id": guard}, False),
        (access.letter_to_guard, t.Pair, pair, {"mentor_id": guard}, True),
        (access.letter_to_guard, t.Pair, pair, {"mentee_id": guard}, True),
        (access.pair_to_guard, t.Pair, pair, {"mentor_id": guard}, True),
        (access.pair_to_guard, t.Pair, pair, {"mentee_id": guard}, True),
    ):
        thing = letter if find is access.letter_to_guard else number
        for name, there in (("safeguarding", not about), ("owner", about), ("staff", False)):
            with acting(world, name) as turn:
                change(turn, of, number, **values)
                tried(find, turn, thing, there=there)


def test_whom_a_report_and_a_letter_are_about(world: World) -> None:
    mentee, mentor = world.people["mentee"], world.people["mentor"]
    flag, letter = theirs(world, t.Flag, person_id=mentee), theirs(world, t.Letter)
    with acting(world, "safeguarding") as turn:
        for kind, about, whom in (
            ("flag", mentor, (mentor,)), ("flag", None, ()), ("distress", None, (mentee,)),
        ):  # fmt: skip
            change(turn, t.Flag, flag, kind=kind, about_id=about)
            assert access.of_flag(turn.uow.session.get_one(t.Flag, flag)) == whom
        row = turn.uow.session.get_one(t.Letter, letter)
        assert access.of_letter(turn, row) == (mentee, mentor)
        change(turn, t.Letter, letter, pair_id=None)
        assert access.of_letter(turn, row) == (mentee,)


@pytest.mark.parametrize("name", [*ROLES, "expert"])
def test_a_class_is_the_team_s_and_who_teaches_it(world: World, name: str) -> None:
    if name.startswith("erased"):
        return
    asked = Policy("teacher", "private", "programme")
    for key in ("a", "b", "c"):
        with acting(world, name, policy=asked) as turn:
            turn.current = world.bot.programmes[FIRST]
            for of, place, who, role in (
                ("a", FIRST, "teacher", "teacher"), ("a", FIRST, "mentee", "pupil"),
                ("b", FIRST, "mentor", "teacher"),  # by a row alone, without the role
                ("b", FIRST, "teacher", "pupil"), ("c", OTHER, "teacher", "teacher"),
            ):  # fmt: skip
                turn.uow.session.add(t.ClassPlace(programme_id=place, key=of, name=of, role=role,
                                                  person_id=world.people[who]))  # fmt: skip
            turn.uow.session.flush()
            runs = turn.me.id in holders(world, FIRST, "staff", "owner")
            if (runs and key != "c") or (name == "teacher" and key == "a"):
                assert {place.key for place in access.school_class(turn, key)} == {key}
                assert len(access.school_class(turn, key)) == 2
                assert turn.reached
            else:
                with refused(turn):
                    access.school_class(turn, key)


def test_nothing_is_given_on_a_platform_the_programme_is_not_on(world: World) -> None:
    """A programme on Slack only: its guards and its team read nothing on Telegram."""
    number, letter = theirs(world, t.Pair, programme_id=FIRST), theirs(world, t.Letter)
    first = world.bot.programmes[FIRST]
    slack = first.model_copy(
        update={"about": first.about.model_copy(update={"platforms": ("slack",)})}
    )
    world = replace(world, bot=Bot({**world.bot.programmes, FIRST: slack}))
    for platform, there in (("telegram", False), ("slack", True)):
        for name, find, thing in (
            ("safeguarding", access.pair_to_guard, number),
            ("safeguarding", access.letter_to_guard, letter),
            ("staff", access.staff_pair, number),
        ):
            with acting(world, name, platform=platform) as turn:
                tried(find, turn, thing, there=there)


def test_the_policy_of_what_is_done_says_which_roles_are_enough(world: World) -> None:
    """A supervisor may be given a request by what asks for a supervisor, and by nothing else."""
    number = theirs(world, t.Request, programme_id=FIRST)
    for asked, there in ((None, False), ("staff", False), ("supervisor", True)):
        policy = None if asked is None else Policy(asked, "anywhere", "object")  # type: ignore[arg-type]
        with acting(world, "supervisor", policy=policy) as turn:
            tried(access.staff_request, turn, number, there=there)


def test_a_supervisor_is_given_the_pairs_they_follow(world: World) -> None:
    """By what supervisors may do; whoever runs the programme is given every pair of it."""
    own = theirs(world, t.Pair, supervisor_id=world.people["supervisor"])
    other = theirs(world, t.Pair, programme_id=FIRST, supervisor_id=None)
    policy = Policy("supervisor", "anywhere", "object")
    for name, given in (("supervisor", {own}), ("staff", {own, other}), ("teacher", set())):
        for number in (own, other):
            with acting(world, name, policy=policy) as turn:
                tried(access.staff_pair, turn, number, there=number in given)


def test_what_is_given_is_noted(world: World) -> None:
    """In a module read anew: what a decorator does, it does while the module is read."""
    spec = importlib.util.find_spec("bot.access")
    assert spec is not None
    assert spec.loader is not None
    anew = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(anew)
    number = theirs(world, t.Request, person_id=world.people["mentee"])
    for args, named in (((number,), {}), ((), {"number": number})):
        with acting(world, "mentee") as turn:
            assert not turn.reached
            assert anew.own_request(turn, *args, **named).id == number
            assert turn.reached is True
