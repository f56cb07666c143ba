"""The only ways to reach another person's data.

Each function takes the turn and a number that came from outside, and gives the row only if the
person who acted may have it. Refused and missing raise the same error; whoever has not agreed to be
stored in the programme concerned is asked for that first (`ConsentMissing`). Nothing in the product
reads a row by a number from a payload in any other way: what is given here is noted (`_given`), and
an act that was given nothing is undone (`bot.commands.registry`).

Which roles are enough is said by the policy of what is being done (`Turn.holds`).

Source: house, "authority always comes from the person who pressed"; quality rules, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from bot.dialogue.tokens import MAX_ID
from bot.errors import ConsentMissing, NotAllowed
from bot.kinds import Kinds, belonging
from bot.turn import Scene, Turn
from storage.outbox import Parked
from storage.search import Found
from storage.tables import (
    Announcement,
    Beyond,
    Campaign,
    Checkin,
    ClassPlace,
    Consent,
    Conversation,
    Expert,
    Extension,
    Flag,
    HelpCall,
    Interview,
    Letter,
    Meeting,
    Membership,
    Objective,
    Pair,
    Partner,
    Person,
    Proposal,
    Rectification,
    Referral,
    Request,
    RequestNote,
    Stray,
    TeamLetter,
    Training,
)

_NO = "not there, or not theirs"
P = ParamSpec("P")
R = TypeVar("R")


def _given(find: Callable[Concatenate[Turn, P], R]) -> Callable[Concatenate[Turn, P], R]:
    """Note that an object was given to the person who acted."""

    @wraps(find)
    def noted(turn: Turn, /, *args: P.args, **kwargs: P.kwargs) -> R:
        found = find(turn, *args, **kwargs)
        turn.reached = True
        return found

    return noted


def _go_on(turn: Turn, programme_id: str) -> None:
    """Go on in the programme of what was found, if the person has agreed to be stored there."""
    programme = turn.programme_of(programme_id)
    turn.enter(programme)
    if not turn.agreed_in(programme.id):
        raise ConsentMissing(programme.id)


class _Placed(Protocol):
    """A row that belongs to a programme."""

    @property
    def programme_id(self) -> str:
        """Which."""


T = TypeVar("T", bound=_Placed)


def _there(turn: Turn, row: T | None, may: Callable[[Turn, str], bool] = Turn.holds) -> T:
    """The row, if the person has the right to it where it belongs; the turn goes on there.

    Raises:
        NotAllowed: No such right there, or there is no row.
    """
    if row is None or not may(turn, row.programme_id):
        raise NotAllowed(_NO)
    turn.enter(turn.programme_of(row.programme_id))
    return row


def _not_about(turn: Turn, *people: int | None) -> None:
    """Nobody is of the team for what is about themselves: others of it are told things in trust.

    Raises:
        NotAllowed: The person who acted is one of these.
    """
    if turn.me.id in people:
        raise NotAllowed(_NO)


@_given
def own_conversation(turn: Turn, number: int) -> Conversation:
    """A dialogue of the person who acted; the turn goes on in its programme.

    Raises:
        NotAllowed: Somebody else's, or there is none.
    """
    talk = turn.uow.talks.get(number)
    if talk is None or talk.person_id != turn.me.id:
        raise NotAllowed(_NO)
    _go_on(turn, talk.programme_id)
    return talk


@_given
def own_request(turn: Turn, number: int) -> Request:
    """A request made by the person who acted.

    Raises:
        NotAllowed: Somebody else's, or there is none.
    """
    request = turn.uow.requests.get(number)
    if request is None or request.person_id != turn.me.id:
        raise NotAllowed(_NO)
    _go_on(turn, request.programme_id)
    return request


@_given
def own_proposal(turn: Turn, number: int) -> tuple[Proposal, Request]:
    """A proposal made for a request of the person who acted.

    Raises:
        NotAllowed: Somebody else's, or there is none.
    """
    proposal = turn.uow.requests.proposal(number)
    if proposal is None:
        raise NotAllowed(_NO)
    return proposal, own_request(turn, proposal.request_id)


@_given
def asked_of_me(turn: Turn, number: int) -> tuple[Proposal, Request]:
    """A proposal sent to the person who acted, as expert.

    Raises:
        NotAllowed: Sent to somebody else, never sent, or there is none.
    """
    proposal = turn.uow.requests.proposal(number)
    if proposal is None or proposal.expert_id != turn.me.id or proposal.asked_at is None:
        raise NotAllowed(_NO)
    request = turn.uow.requests.get(proposal.request_id)
    if request is None:
        raise NotAllowed(_NO)
    _go_on(turn, request.programme_id)
    return proposal, request


@_given
def own_pair(turn: Turn, number: int) -> Pair:
    """A pair the person who acted is in.

    Raises:
        NotAllowed: Somebody else's, or there is none.
    """
    pair = turn.uow.pairs.get(number)
    if pair is None or turn.me.id not in (pair.mentee_id, pair.mentor_id):
        raise NotAllowed(_NO)
    if pair.state == "proposed" and turn.me.id != pair.mentor_id:
        raise NotAllowed(_NO)  # the mentee hears of it once the mentor has said yes
    _go_on(turn, pair.programme_id)
    return pair


def partner_of(turn: Turn, pair: Pair) -> int:
    """The number of the other side."""
    return pair.mentor_id if turn.me.id == pair.mentee_id else pair.mentee_id


@_given
def objective_to_settle(turn: Turn, number: int) -> tuple[Objective, Pair]:
    """An objective of one's own pair, proposed by the other side: only they may approve it (A-18).

    Raises:
        NotAllowed: One's own proposal, another pair's, or there is none.
    """
    objective = turn.uow.pairs.objective(number)
    if objective is None or objective.author_id == turn.me.id:
        raise NotAllowed(_NO)
    return objective, own_pair(turn, objective.pair_id)


@_given
def own_checkin(turn: Turn, number: int | None) -> tuple[Checkin, Pair]:
    """A check-in addressed to the person who acted.

    Raises:
        NotAllowed: Somebody else's, or there is none.
    """
    checkin = turn.uow.pairs.checkin(number or 0)
    if checkin is None or checkin.person_id != turn.me.id:
        raise NotAllowed(_NO)
    return checkin, own_pair(turn, checkin.pair_id)


@_given
def own_meeting(turn: Turn, number: int) -> tuple[Meeting, Pair]:
    """A meeting of one's own pair.

    Raises:
        NotAllowed: Another pair's, or there is none.
    """
    meeting = turn.uow.pairs.meeting(number)
    if meeting is None:
        raise NotAllowed(_NO)
    return meeting, own_pair(turn, meeting.pair_id)


@_given
def own_stray(turn: Turn, number: int) -> Stray:
    """Words the person who acted wrote.

    Raises:
        NotAllowed: Somebody else's, or there are none.
    """
    stray = turn.uow.talks.stray(number)
    if stray is None or stray.person_id != turn.me.id:
        raise NotAllowed(_NO)
    return stray


@_given
def own_agreement(turn: Turn, number: int) -> Consent:
    """An agreement given by the person who acted.

    Raises:
        NotAllowed: Somebody else's, or there is none.
    """
    for row in turn.uow.people.agreements(turn.me.id):
        if row.id == number:
            return row
    raise NotAllowed(_NO)


@_given
def staff_rectification(turn: Turn, number: int) -> Rectification:
    """A correction asked of a programme where the person who acted is staff.

    Raises:
        NotAllowed: Not staff there, theirs or of somebody they are paired with, or there is none.
    """
    wish = turn.uow.session.get(Rectification, number) if number <= MAX_ID else None
    found = _there(turn, wish)
    _not_about(turn, *close_to(turn, found.person_id))
    return found


@_given
def staff_stray(turn: Turn, number: int) -> Stray:
    """Words that were handed to a programme's team, where the person who acted is staff.

    Raises:
        NotAllowed: Not staff there, theirs or of somebody they are paired with, not handed to the
            team, or there are none.
    """
    stray = turn.uow.talks.stray(number) if number <= MAX_ID else None
    if stray is None or stray.passed_at is None or stray.programme_id is None:
        raise NotAllowed(_NO)
    if not turn.holds(stray.programme_id):
        raise NotAllowed(_NO)
    _not_about(turn, *close_to(turn, stray.person_id))
    turn.enter(turn.programme_of(stray.programme_id))
    return stray


def close_to(scene: Scene, person_id: int) -> frozenset[int]:
    """The person, and whoever they are or were paired with, in whichever programme.

    What somebody hands to the team in their own words may well be about their pair.
    """
    pairs = scene.uow.pairs.of_person(person_id, ended=True)
    return frozenset({person_id, *(n for p in pairs for n in (p.mentee_id, p.mentor_id))})


@_given
def own_call(turn: Turn, number: int) -> HelpCall:
    """A call for help of the person who acted.

    Raises:
        NotAllowed: Somebody else's, or there is none.
    """
    call = turn.uow.triage.get_call(number) if number <= MAX_ID else None
    if call is None or call.person_id != turn.me.id:
        raise NotAllowed(_NO)
    _go_on(turn, call.programme_id)
    return call


@_given
def staff_call(turn: Turn, number: int) -> HelpCall:
    """A call for help in a programme where the person who acted is staff.

    Raises:
        NotAllowed: Not staff there, theirs or of somebody they are paired with, or there is none.
    """
    call = _there(turn, turn.uow.triage.get_call(number) if number <= MAX_ID else None)
    _not_about(turn, *close_to(turn, call.person_id))
    return call


@_given
def own_team_letter(turn: Turn, number: int) -> TeamLetter:
    """Words that the person who acted wrote to somebody followed, as staff of the programme.

    Raises:
        NotAllowed: Somebody else's, no longer staff there, or there are none.
    """
    letter = turn.uow.team_letters.get(number) if number <= MAX_ID else None
    if letter is None or letter.answer or letter.by_id != turn.me.id:
        raise NotAllowed(_NO)
    if not turn.holds(letter.programme_id):
        raise NotAllowed(_NO)
    turn.enter(turn.programme_of(letter.programme_id))
    return letter


@_given
def team_letter_to_me(turn: Turn, number: int) -> TeamLetter:
    """Words of the team that were sent to the person who acted.

    Raises:
        NotAllowed: To somebody else, not sent, or there are none.
    """
    letter = turn.uow.team_letters.get(number) if number <= MAX_ID else None
    if letter is None or letter.answer or letter.state != "sent":
        raise NotAllowed(_NO)
    if letter.person_id != turn.me.id:
        raise NotAllowed(_NO)
    _go_on(turn, letter.programme_id)
    return letter


@_given
def staff_mentee(turn: Turn, number: int) -> Person:
    """Somebody followed in the current programme, for its staff; answers and all.

    Raises:
        NotAllowed: Not staff there, nobody, nobody who is followed there, oneself, or somebody they
            are paired with.
    """
    person = turn.uow.people.get(number) if number <= MAX_ID else None
    if person is None or not turn.holds(turn.programme.id):
        raise NotAllowed(_NO)
    if "mentee" not in turn.uow.people.roles(person.id, turn.programme.id):
        raise NotAllowed(_NO)
    _not_about(turn, *close_to(turn, person.id))
    return person


@_given
def staff_request(turn: Turn, number: int) -> Request:
    """A request of a programme where the person who acted is staff.

    Raises:
        NotAllowed: Not staff there, theirs or of somebody they are paired with, or there is none.
    """
    request = _there(turn, turn.uow.requests.get(number) if number <= MAX_ID else None)
    _not_about(turn, *close_to(turn, request.person_id))
    return request


@_given
def own_interview(turn: Turn, number: int) -> tuple[Interview, Request]:
    """An interview that the person who acted is asked for, as staff of its programme.

    Raises:
        NotAllowed: Somebody else's, no longer staff there, or there is none.
    """
    interview = turn.uow.casework.interview(number) if number <= MAX_ID else None
    if interview is None or interview.interviewer_id != turn.me.id:
        raise NotAllowed(_NO)
    return interview, staff_request(turn, interview.request_id)


@_given
def interview_of_me(turn: Turn, number: int) -> tuple[Interview, Request]:
    """An interview about a request of the person who acted.

    Raises:
        NotAllowed: Somebody else's, or there is none.
    """
    interview = turn.uow.casework.interview(number) if number <= MAX_ID else None
    if interview is None:
        raise NotAllowed(_NO)
    return interview, own_request(turn, interview.request_id)


@_given
def own_note(turn: Turn, number: int) -> tuple[RequestNote, Request]:
    """What the person who acted wrote in the file of a request, as staff of its programme.

    Raises:
        NotAllowed: Somebody else's, no longer staff there, or there is none.
    """
    note = turn.uow.casework.note(number) if number <= MAX_ID else None
    if note is None or note.by_id != turn.me.id:
        raise NotAllowed(_NO)
    return note, staff_request(turn, note.request_id)


@_given
def staff_pair(turn: Turn, number: int) -> Pair:
    """A pair of a programme where the person who acted is staff, or that they follow.

    Raises:
        NotAllowed: Not staff there, another supervisor's, their own, or there is none.
    """
    pair = _there(turn, turn.uow.pairs.get(number) if number <= MAX_ID else None)
    _not_about(turn, pair.mentee_id, pair.mentor_id)
    if pair.supervisor_id != turn.me.id and not turn.holds_all(pair.programme_id):
        raise NotAllowed(_NO)
    return pair


@_given
def school_class(turn: Turn, key: str) -> Sequence[ClassPlace]:
    """Everybody's place in a class of the current programme: the team's, or one they teach.

    Raises:
        NotAllowed: Another teacher's class, or there is none.
    """
    places = turn.uow.classes.places(turn.programme.id, key)
    if not places or not turn.holds(turn.programme.id):
        raise NotAllowed(_NO)
    teachers = {place.person_id for place in places if place.role == "teacher"}
    if turn.me.id not in teachers and not turn.holds_all(turn.programme.id):
        raise NotAllowed(_NO)
    return places


@_given
def staff_campaign(turn: Turn, number: int) -> Campaign:
    """A campaign of a programme where the person who acted is staff.

    Raises:
        NotAllowed: Not staff there, or there is none.
    """
    return _there(turn, turn.uow.campaigns.get(number))


@_given
def staff_member(turn: Turn, number: int) -> Membership:
    """Somebody's role, or their wish for it, in a programme where the person who acted is staff.

    Raises:
        NotAllowed: Not staff there, theirs or of somebody they are paired with, or there is none.
    """
    member = turn.uow.session.get(Membership, number) if number <= MAX_ID else None
    found = _there(turn, member)
    _not_about(turn, *close_to(turn, found.person_id))
    return found


@_given
def staff_beyond(turn: Turn, number: int) -> tuple[Beyond, Pair]:
    """What a mentor said is beyond their role, in a programme where the person is staff.

    Raises:
        NotAllowed: Not staff there, or there is none.
    """
    row = turn.uow.care.beyond(number) if number <= MAX_ID else None
    if row is None:
        raise NotAllowed(_NO)
    return row, staff_pair(turn, row.pair_id)


@_given
def own_referral(turn: Turn, number: int) -> Referral:
    """Where the person who acted turns to others, as far as they know of it.

    Raises:
        NotAllowed: Somebody else's, not told to them, or there is none.
    """
    row = turn.uow.care.referral(number)
    if row is None or row.person_id != turn.me.id:
        raise NotAllowed(_NO)
    if row.shown_at is None and row.origin != "mentee":
        raise NotAllowed(_NO)
    _go_on(turn, row.programme_id)
    return row


@_given
def staff_referral(turn: Turn, number: int) -> Referral:
    """A referral in a programme where the person who acted is staff.

    Raises:
        NotAllowed: Not staff there, about themselves or their pair, or there is none.
    """
    row = _there(turn, turn.uow.care.referral(number) if number <= MAX_ID else None)
    _not_about(turn, *of_referral(turn, row))
    return row


def of_referral(scene: Scene, row: Referral) -> tuple[int, ...]:
    """Whom a referral is about: who turns to others, and whom they are paired with."""
    pair = scene.uow.pairs.get(row.pair_id) if row.pair_id is not None else None
    return (row.person_id,) if pair is None else (pair.mentee_id, pair.mentor_id)


@_given
def own_extension(turn: Turn, number: int) -> tuple[Extension, Pair]:
    """More months proposed for one's own pair.

    Raises:
        NotAllowed: Another pair's, or there is none.
    """
    row = turn.uow.care.extension(number)
    if row is None:
        raise NotAllowed(_NO)
    return row, own_pair(turn, row.pair_id)


@_given
def staff_training(turn: Turn, number: int) -> Training:
    """A mentor's training in a programme where the person who acted is staff.

    Raises:
        NotAllowed: Not staff there, their own, or there is none.
    """
    row = _there(turn, turn.uow.care.training_number(number) if number <= MAX_ID else None)
    _not_about(turn, row.person_id)
    return row


@_given
def directory_entry(turn: Turn, number: int) -> tuple[Found, Expert]:
    """Somebody of the directory, for staff: it is one for all programmes.

    Raises:
        NotAllowed: Not staff of the current programme, or there is nobody of this number.
    """
    one, expert = turn.uow.directory.found(number), turn.uow.directory.get(number)
    if one is None or expert is None or not (turn.current and turn.holds(turn.current.id)):
        raise NotAllowed(_NO)
    return one, expert


@_given
def expert_shown(turn: Turn, number: int) -> Expert:
    """Somebody who agreed to be shown in the programme of the person who acted.

    Raises:
        NotAllowed: No role there, not shown there, or there is none.
    """
    shown = bool(turn.roles) and turn.uow.directory.is_shown(number, turn.programme.id)
    expert = turn.uow.directory.get(number) if shown else None
    if expert is None:
        raise NotAllowed(_NO)
    return expert


@_given
def staff_announcement(turn: Turn, number: int) -> Announcement:
    """An announcement of a programme where the person who acted is staff.

    Raises:
        NotAllowed: Not staff there, or there is none.
    """
    return _there(turn, turn.uow.announcements.get(number) if number <= MAX_ID else None)


@_given
def staff_partner(turn: Turn, number: int) -> Partner:
    """A company of a programme where the person who acted is staff.

    Raises:
        NotAllowed: Not staff there, or there is none.
    """
    return _there(turn, turn.uow.partners.get(number) if number <= MAX_ID else None)


@_given
def staff_message(turn: Turn, number: int) -> Parked:
    """A message to somebody of a programme where the person who acted is staff, unread.

    Raises:
        NotAllowed: Not staff there, or there is none.
    """
    row = turn.uow.outbox.look(number)
    if row is None:
        raise NotAllowed(_NO)
    message = (row.dedup_key, row.person_id)
    kinds = Kinds(turn.uow, turn.bot.programmes, [row.dedup_key])
    theirs = sorted(
        programme
        for programme in belonging(turn.uow, kinds, [message])[message] & turn.bot.programmes.keys()
        if turn.holds(programme)
    )
    if not theirs:
        raise NotAllowed(_NO)
    if turn.current is None or turn.current.id not in theirs:
        turn.enter(turn.programme_of(theirs[0]))
    return row


# --- safeguarding ---------------------------------------------------------------------------------


def _guards(turn: Turn, programme_id: str, but: Collection[int] = ()) -> bool:
    """Whether the person who acted is named for safeguarding; an owner only while nobody is.

    Nobody is for what is about themselves (`but`), whatever their role.
    """
    roles = turn.roles_in(programme_id)
    if turn.me.id in but or not turn.lives_in(turn.programme_of(programme_id)):
        return False
    if "safeguarding" in roles:
        return True
    named = turn.uow.people.with_role(programme_id, "safeguarding")
    return "owner" in roles and all(person.id in but for person in named)


def of_flag(flag: Flag) -> tuple[int, ...]:
    """Whom a report is about: who wrote what is reported, or who wrote in distress."""
    concerned = flag.about_id if flag.kind == "flag" else flag.person_id
    return (concerned,) if concerned is not None else ()


def of_letter(scene: Scene, letter: Letter) -> tuple[int, ...]:
    """Between whom a letter goes."""
    pair = scene.uow.pairs.get(letter.pair_id) if letter.pair_id is not None else None
    return (letter.author_id,) if pair is None else (pair.mentee_id, pair.mentor_id)


def safeguarding(turn: Turn) -> None:
    """Let nobody go on but who is named for safeguarding in the current programme.

    Raises:
        NotAllowed: Anybody else, staff included.
    """
    if not _guards(turn, turn.programme.id):
        raise NotAllowed(_NO)


@_given
def flag_to_guard(turn: Turn, number: int) -> Flag:
    """Something reported in a programme where the person who acted is named for safeguarding.

    Raises:
        NotAllowed: Not named there, it is about them, or there is none.
    """
    flag = turn.uow.safety.flag(number) if number <= MAX_ID else None
    but = of_flag(flag) if flag is not None else ()
    return _there(turn, flag, lambda turn, place: _guards(turn, place, but))


@_given
def letter_to_guard(turn: Turn, number: int) -> Letter:
    """A letter of a programme where the person who acted is named for safeguarding.

    Raises:
        NotAllowed: Not named there, it is theirs or for them, or there is none.
    """
    letter = turn.uow.safety.letter(number) if number <= MAX_ID else None
    but = of_letter(turn, letter) if letter is not None else ()
    return _there(turn, letter, lambda turn, place: _guards(turn, place, but))


@_given
def pair_to_guard(turn: Turn, number: int) -> Pair:
    """A pair whose exchanges the person who acted may read.

    Raises:
        NotAllowed: Not named for safeguarding there, their own, or there is none.
    """
    pair = turn.uow.pairs.get(number) if number <= MAX_ID else None
    but = (pair.mentee_id, pair.mentor_id) if pair is not None else ()
    return _there(turn, pair, lambda turn, place: _guards(turn, place, but))


@_given
def letter_to_me(turn: Turn, number: int) -> Letter:
    """A letter that reached the person who acted.

    Raises:
        NotAllowed: Their own, another pair's, one that never left, or there is none.
    """
    letter = turn.uow.safety.letter(number)
    if letter is None or letter.author_id == turn.me.id or letter.state in ("held", "refused"):
        raise NotAllowed(_NO)
    own_pair(turn, letter.pair_id or 0)
    return letter


@_given
def own_flag(turn: Turn, number: int) -> Flag:
    """What the person who acted reported.

    Raises:
        NotAllowed: Somebody else's, or there is none.
    """
    flag = turn.uow.safety.flag(number)
    if flag is None or flag.person_id != turn.me.id or flag.kind != "flag":
        raise NotAllowed(_NO)
    _go_on(turn, flag.programme_id)
    return flag
