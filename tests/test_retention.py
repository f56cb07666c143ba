"""How long each kind of row is kept: to the second, its programme's only, and only once it is over.

`tests/test_privacy.py` tells the same in longer stories; here every kind is tried in every state.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, Final

import pytest
from sqlalchemy import ClauseElement, delete, event, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import ORMExecuteState

from storage import tables as t
from storage.unit_of_work import INBOX_DAYS, OUTBOX_DAYS, UnitOfWork
from tests.authorisation.world import FIRST, MENTORING, NOW, OTHER, World, build

SECOND: Final = timedelta(seconds=1)
DAY: Final = timedelta(days=1)
KEPT: Final = 30 * DAY
LONG_AGO: Final = NOW - 5000 * DAY
JUST_OVER: Final = NOW - KEPT - SECOND
NOT_QUITE: Final = NOW - KEPT


@dataclass
class Keep:
    """Periods in days; what is not tried is kept for ever."""

    drafts: int = 15_000
    inbox: int = 30
    requests: int = 15_000
    reports: int = 15_000
    safeguarding: int = 15_000
    audit: int = 15_000


def short(name: str) -> Keep:
    """Thirty days for one class."""
    keep = Keep()
    setattr(keep, name, 30)
    return keep


@cache
def house() -> World:
    """A house with a row of everything, all of it of today, a request in another programme too."""
    made = build()
    with made.database.unit_of_work() as work:
        last = max(there(work, t.Request))
        put(work, t.Request, last, programme_id=OTHER)
        work.session.execute(update(t.Letter).values(keep_until=NOW + 1000 * DAY))
        work.commit()
    return made


@pytest.fixture
def world() -> World:
    """The house; whatever a test does in it is undone with its transaction."""
    return house()


@pytest.fixture
def uow(world: World) -> Iterator[UnitOfWork]:
    """A transaction that is undone."""
    with world.database.unit_of_work() as work:
        yield work


Values = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """Rows that are kept for a while.

    Attributes:
        of: The table.
        keep: Which of a programme's periods counts.
        since: The column the period is counted from.
        over: What else makes such a row one that is over.
        going_on: States in which it stays however old it is.
        tenth: Whether a step takes a tenth as many, for much hangs on each.
    """

    of: Any
    keep: str
    since: str
    over: Values = field(default_factory=dict)
    going_on: tuple[Values, ...] = ()
    tenth: bool = False


_DRAFT: Final[Values] = {"status": "open", "snapshot": None, "closes_at": None}
KINDS: Final = {
    "draft": Kind(t.Conversation, "drafts", "updated_at", _DRAFT,
                  ({"status": "done"}, {"snapshot": b"\x01x"}, {"closes_at": NOW + SECOND})),
    "draft given up": Kind(t.Conversation, "drafts", "updated_at",
                           {**_DRAFT, "status": "cancelled"}),
    "draft whose window is shut": Kind(t.Conversation, "drafts", "updated_at",
                                       {**_DRAFT, "closes_at": NOW}),
    "words beside a question": Kind(t.Stray, "drafts", "said_at"),
    "pair": Kind(t.Pair, "requests", "ended_at", {"state": "closed"},
                 ({"state": "active"}, {"state": "ended"}), tenth=True),
    "pair that never began": Kind(t.Pair, "requests", "started_at",
                                  {"state": "closed", "ended_at": None},
                                  ({"ended_at": NOW},), tenth=True),
    "request": Kind(t.Request, "requests", "changed_at", {"state": "closed"},
                    ({"state": "open"}, {"state": "team"}), tenth=True),
    "request that found somebody": Kind(t.Request, "requests", "changed_at", {"state": "matched"},
                                        tenth=True),
    "report": Kind(t.Report, "reports", "closes_at"),
    "wish": Kind(t.Wish, "reports", "updated_at"),
    "announcement": Kind(t.Announcement, "audit", "asked_at"),
    "company that is closed": Kind(t.Partner, "audit", "closed_at", {}, ({"closed_at": None},)),
    "call for help": Kind(t.HelpCall, "requests", "closed_at", {}, ({"closed_at": None},)),
    "decision taken back": Kind(t.Correction, "requests", "ended_at", {"until": NOW},
                                ({"ended_at": None},)),
    "decision that ran out": Kind(t.Correction, "requests", "until", {"ended_at": None},
                                  ({"ended_at": NOW}, {"until": None})),
    "letter of the team": Kind(t.TeamLetter, "requests", "written_at"),
    "referral": Kind(t.Referral, "requests", "changed_at", {"state": "done"},
                     ({"state": "suggested"}, {"state": "begun"})),
    "referral declined": Kind(t.Referral, "requests", "changed_at", {"state": "declined"}),
    "correction that was made": Kind(t.Rectification, "requests", "settled_at", {"asked_at": NOW}),
    "correction asked for": Kind(t.Rectification, "requests", "asked_at", {"settled_at": None},
                                 ({"settled_at": NOW},)),
    "flag": Kind(t.Flag, "safeguarding", "changed_at", {"state": "closed"}, ({"state": "open"},)),
}  # fmt: skip
EVERY: Final = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))


def put(uow: UnitOfWork, of: Any, number: int, **values: Any) -> None:
    """Change a row past everything that would mind."""
    uow.session.execute(update(of).where(of.id == number).values(**values))
    uow.session.expire_all()


def there(uow: UnitOfWork, of: Any) -> set[int]:
    """The numbers of all rows."""
    return set(uow.session.scalars(select(of.id)))


def rows(uow: UnitOfWork, kind: Kind) -> tuple[int, int, int]:
    """Two rows of the first programme that hang on nothing, and one of another."""
    found: list[int] = []
    for place, count in ((FIRST, 2), (OTHER, 1)):
        query = select(kind.of.id).where(kind.of.programme_id == place).order_by(kind.of.id)
        if kind.of is t.Conversation:
            query = query.where(t.Conversation.kind.startswith("checkin:"))
            query = query.where(t.Conversation.snapshot.is_(None))
        found += uow.session.scalars(query.limit(count))
    one, two, far = found
    return one, two, far


@EVERY
def test_it_goes_a_second_after_its_time_and_only_in_its_programme(
    uow: UnitOfWork, kind: Kind
) -> None:
    old, young, far = rows(uow, kind)
    for number, since in ((old, JUST_OVER), (young, NOT_QUITE), (far, LONG_AGO)):
        put(uow, kind.of, number, **{**kind.over, kind.since: since})
    before = there(uow, kind.of)
    rules = {FIRST: short(kind.keep), OTHER: Keep()}
    assert uow.retention.some(rules, NOW) == 1
    assert there(uow, kind.of) == before - {old}
    assert uow.retention.some(rules, NOW) == 0


@EVERY
def test_every_programme_has_its_turn(uow: UnitOfWork, kind: Kind) -> None:
    near, _, far = rows(uow, kind)
    for number in (near, far):
        put(uow, kind.of, number, **{**kind.over, kind.since: LONG_AGO})
    rules = {FIRST: short(kind.keep), OTHER: short(kind.keep)}
    assert [uow.retention.some(rules, NOW) for _ in range(3)] == [1, 1, 0]
    assert not {near, far} & there(uow, kind.of)


@EVERY
def test_it_stays_while_it_goes_on(uow: UnitOfWork, kind: Kind) -> None:
    number, _, _ = rows(uow, kind)
    for state in kind.going_on:
        put(uow, kind.of, number, **{**kind.over, kind.since: LONG_AGO, **state})
        assert uow.retention.some({FIRST: short(kind.keep)}, NOW) == 0
        assert number in there(uow, kind.of)


@EVERY
def test_a_step_takes_no_more_than_it_was_told(uow: UnitOfWork, kind: Kind) -> None:
    rules = {FIRST: short(kind.keep)}
    for number in rows(uow, kind)[:2]:
        put(uow, kind.of, number, **{**kind.over, kind.since: LONG_AGO})
    with uow.session.begin_nested() as undone:
        assert uow.retention.some(rules, NOW, 20 if kind.tenth else 2) == 2
        undone.rollback()
    steps = (19, 9) if kind.tenth else (1, 1)
    assert [uow.retention.some(rules, NOW, n) for n in (*steps, 300)] == [1, 1, 0]


@EVERY
def test_a_row_that_a_turn_holds_is_left_alone(uow: UnitOfWork, kind: Kind) -> None:
    """On PostgreSQL: every look for old rows passes over those that are locked."""
    asked: list[str] = []

    def note(state: ORMExecuteState) -> None:
        if state.is_select:
            assert isinstance(state.statement, ClauseElement)
            asked.append(str(state.statement.compile(dialect=postgresql.dialect())))  # type: ignore[no-untyped-call]

    event.listen(uow.session, "do_orm_execute", note)
    number, _, _ = rows(uow, kind)
    asked.clear()
    put(uow, kind.of, number, **{**kind.over, kind.since: LONG_AGO})
    assert uow.retention.some({FIRST: short(kind.keep)}, NOW) == 1
    assert "FOR UPDATE SKIP LOCKED" in " ".join(asked)
    looks = [one for one in asked if re.search(r" LIMIT ", one)]
    assert looks
    assert all("FOR UPDATE SKIP LOCKED" in one for one in looks)


def test_an_intake_that_led_to_no_request_is_kept_as_a_draft(uow: UnitOfWork) -> None:
    """The file refuses such a request, or it was erased; a profile that was completed stays."""
    old, young, far = rows(uow, KINDS["draft"])
    done: Values = {"kind": "intake", "status": "done", "snapshot": b"\x01x", "closes_at": None}
    asked = max(there(uow, t.Conversation) - {old, young, far})
    put(uow, t.Conversation, asked, programme_id=FIRST, **done, updated_at=LONG_AGO)
    uow.session.execute(update(t.Request).values(conversation_id=asked))
    for number, since in ((old, JUST_OVER), (young, NOT_QUITE), (far, LONG_AGO)):
        put(uow, t.Conversation, number, **done, updated_at=since)
    before = there(uow, t.Conversation)
    rules = {FIRST: short("drafts"), OTHER: Keep()}
    assert uow.retention.some(rules, NOW) == 1
    assert there(uow, t.Conversation) == before - {old}
    put(uow, t.Conversation, young, kind="expert", updated_at=LONG_AGO)
    assert uow.retention.some(rules, NOW) == 0


def test_a_letter_knows_its_own_time(uow: UnitOfWork) -> None:
    old, young, far = rows(uow, Kind(t.Letter, "requests", "keep_until"))
    put(uow, t.Letter, old, keep_until=NOW)
    put(uow, t.Letter, young, keep_until=NOW + SECOND)
    put(uow, t.Letter, far, keep_until=LONG_AGO)
    before = there(uow, t.Letter)
    assert uow.retention.some({FIRST: Keep()}, NOW, 1) == 1
    assert there(uow, t.Letter) == before - {old}
    assert uow.retention.some({FIRST: Keep()}, NOW) == 0


def test_letters_go_in_steps_too(uow: UnitOfWork) -> None:
    for number in rows(uow, Kind(t.Letter, "requests", "keep_until"))[:2]:
        put(uow, t.Letter, number, keep_until=NOW)
    assert [uow.retention.some({FIRST: Keep()}, NOW, 1) for _ in range(3)] == [1, 1, 0]


def test_a_letter_that_waits_for_somebody_goes_too(uow: UnitOfWork) -> None:
    old, young, _ = rows(uow, Kind(t.Letter, "requests", "keep_until"))
    put(uow, t.Letter, old, keep_until=NOW)
    put(uow, t.Letter, young, keep_until=NOW + SECOND)
    messages = {
        letter: added(
            uow, t.Outbox, dedup_key=f"letter:{letter}", bot_account="telegram:9", chat_id="1",
            not_before=NOW, state="queued", created_at=NOW, payload=b"\x01x",
        )
        for letter in (old, young)
    }  # fmt: skip
    assert uow.retention.some({FIRST: Keep()}, NOW) == 1
    states = {n: uow.session.get_one(t.Outbox, m).state for n, m in messages.items()}
    assert states == {old: "cancelled", young: "queued"}


def test_a_request_that_led_to_a_pair_lives_as_the_pair_does(uow: UnitOfWork) -> None:
    request, other, _ = rows(uow, KINDS["request"])
    pair, _, _ = rows(uow, KINDS["pair"])
    put(uow, t.Request, request, state="matched", changed_at=LONG_AGO)
    put(uow, t.Request, other, state="matched", changed_at=LONG_AGO)
    put(uow, t.Pair, pair, request_id=request)
    assert uow.retention.some({FIRST: short("requests")}, NOW) == 1
    assert request in there(uow, t.Request)
    assert other not in there(uow, t.Request)


def test_with_a_request_goes_its_dialogue_unless_another_came_of_it(uow: UnitOfWork) -> None:
    one, two, _ = rows(uow, KINDS["request"])
    talks = dict(uow.session.execute(select(t.Request.id, t.Request.conversation_id)).all())
    for number in (one, two):
        put(uow, t.Request, number, state="closed", changed_at=LONG_AGO)
    put(uow, t.Request, one, person_id=uow.session.get_one(t.Request, two).person_id)
    third = max(there(uow, t.Request) - {one, two})
    person = uow.session.get_one(t.Request, two).person_id
    put(uow, t.Request, third, conversation_id=talks[two], person_id=person)
    waiting = uow.session.get_one(t.Request, one).person_id
    put(uow, t.Person, waiting, focus_id=talks[one])
    assert uow.retention.some({FIRST: short("requests")}, NOW) == 2
    left = there(uow, t.Conversation)
    assert talks[one] not in left
    assert talks[two] in left
    assert uow.session.get_one(t.Person, waiting).focus_id is None


def test_nobody_is_asked_in_a_dialogue_that_is_gone(uow: UnitOfWork) -> None:
    old, young, _ = rows(uow, KINDS["draft"])
    put(uow, t.Conversation, old, **{**_DRAFT, "updated_at": JUST_OVER})
    asked = uow.session.get_one(t.Conversation, old).person_id
    others = sorted(there(uow, t.Person) - {asked})[:1]
    put(uow, t.Person, asked, focus_id=old)
    put(uow, t.Person, others[0], focus_id=young)
    assert uow.retention.some({FIRST: short("drafts")}, NOW) == 1
    assert uow.session.get_one(t.Person, asked).focus_id is None
    assert uow.session.get_one(t.Person, others[0]).focus_id == young


def test_who_has_gone_on_to_another_dialogue_stays_in_it(uow: UnitOfWork) -> None:
    old, young, _ = rows(uow, KINDS["draft"])
    owner = uow.session.get_one(t.Conversation, old).person_id
    put(uow, t.Conversation, old, **{**_DRAFT, "updated_at": JUST_OVER})
    put(uow, t.Conversation, young, person_id=owner)
    put(uow, t.Person, owner, focus_id=young)
    assert uow.retention.some({FIRST: short("drafts")}, NOW) == 1
    assert uow.session.get_one(t.Person, owner).focus_id == young


def test_nothing_is_said_any_more_about_a_request_that_is_gone(uow: UnitOfWork) -> None:
    """Its timers and those of its proposals go, and what waits to be sent to the expert."""
    old, young, _ = rows(uow, KINDS["request"])
    put(uow, t.Request, old, state="closed", changed_at=JUST_OVER)
    offers = {
        request: uow.session.scalars(
            select(t.Proposal).where(t.Proposal.request_id == request)
        ).first()
        for request in (old, young)
    }
    numbers = {request: offer.id for request, offer in offers.items() if offer is not None}
    experts = {offer.id: offer.expert_id for offer in offers.values() if offer is not None}
    timers = {
        (kind, number): added(uow, t.Timer, key=f"{kind}:{number}", kind=kind, subject_id=number,
                              due_at=NOW, state="pending")
        for kind, number in (
            ("request-stale", old), ("request-stale", young),
            ("proposal-due", numbers[old]), ("proposal-due", numbers[young]),
        )
    }  # fmt: skip
    messages = {
        offer: added(
            uow, t.Outbox, dedup_key=f"offer:{offer}", bot_account="telegram:9", chat_id="1",
            person_id=expert, not_before=NOW, state="queued", created_at=NOW, payload=b"\x01x",
        )
        for offer, expert in experts.items()
    }  # fmt: skip
    assert uow.retention.some({FIRST: short("requests")}, NOW) == 1
    left = there(uow, t.Timer)
    assert {key for key, number in timers.items() if number in left} == {
        ("request-stale", young), ("proposal-due", numbers[young]),
    }  # fmt: skip
    states = {o: uow.session.get_one(t.Outbox, n).state for o, n in messages.items()}
    assert states == {numbers[old]: "cancelled", numbers[young]: "queued"}


def test_with_a_report_goes_its_dialogue(uow: UnitOfWork) -> None:
    old, young, _ = rows(uow, KINDS["report"])
    talks = [uow.session.get_one(t.Report, n).conversation_id for n in (old, young)]
    put(uow, t.Report, old, closes_at=JUST_OVER)
    assert uow.retention.some({FIRST: short("reports")}, NOW) == 1
    left = there(uow, t.Conversation)
    assert [talk in left for talk in talks] == [False, True]
    put(uow, t.Report, young, closes_at=JUST_OVER, conversation_id=None)
    assert uow.retention.some({FIRST: short("reports")}, NOW) == 1
    assert talks[1] in there(uow, t.Conversation)


def test_what_hung_on_a_pair_goes_with_it(uow: UnitOfWork) -> None:
    old, young, _ = rows(uow, KINDS["pair"])
    put(uow, t.Pair, old, state="closed", ended_at=JUST_OVER)
    with_it = {
        of: set(uow.session.scalars(select(of.id).where(of.pair_id == old)))
        for of in (t.Series, t.Checkin, t.Meeting, t.Objective, t.Beyond)
    }
    talks = set(
        uow.session.scalars(
            select(t.Checkin.conversation_id).where(
                t.Checkin.pair_id == old, t.Checkin.conversation_id.is_not(None)
            )
        )
    )
    assert uow.retention.some({FIRST: short("requests")}, NOW) == 1
    for of, numbers in with_it.items():
        assert numbers
        assert not numbers & there(uow, of)
        assert uow.session.scalars(select(of.id).where(of.pair_id == young)).all()
    assert talks
    assert not talks & there(uow, t.Conversation)


def test_a_campaign_lets_its_people_go(uow: UnitOfWork) -> None:
    campaign = min(there(uow, t.Campaign))
    rules = {MENTORING: short("requests")}
    for closed in (None, NOT_QUITE):
        put(uow, t.Campaign, campaign, closed_at=closed)
        assert uow.retention.some(rules, NOW) == 0
    put(uow, t.Campaign, campaign, closed_at=JUST_OVER)
    assert uow.retention.some({FIRST: short("requests")}, NOW) == 0
    steps = [uow.retention.some(rules, NOW, n) for n in (1, 300, 1, 300, 300)]
    assert steps == [1, 1, 1, 1, 0]
    assert (there(uow, t.CampaignPair), there(uow, t.CampaignEntry)) == (set(), set())
    assert there(uow, t.Campaign) == {campaign}


def test_whom_a_company_saw_goes_before_the_link_it_saw_them_by(
    uow: UnitOfWork, world: World
) -> None:
    """Each by its own time, a step at a time; another programme's stay."""
    near, far = (
        min(uow.session.scalars(select(t.Partner.id).where(t.Partner.programme_id == place)))
        for place in (FIRST, OTHER)
    )
    made: list[tuple[Any, int, bool]] = []
    for n, (company, since, revoked, stays) in enumerate((
        (near, JUST_OVER, None, False), (near, NOW, JUST_OVER, False),
        (near, NOT_QUITE, None, True), (near, JUST_OVER, NOT_QUITE, True),
        (far, LONG_AGO, None, True),
    )):  # fmt: skip
        link = added(uow, t.PartnerLink, partner_id=company, digest=f"d{n}", created_at=LONG_AGO,
                     expires_at=since, revoked_at=revoked)  # fmt: skip
        made.append((t.PartnerLink, link, stays))
    kept = made[2][1]
    for company, at, stays in (
        (near, JUST_OVER, False), (near, JUST_OVER, False), (near, NOT_QUITE, True),
        (far, LONG_AGO, True),
    ):  # fmt: skip
        view = added(uow, t.PartnerView, partner_id=company, link_id=kept, at=at, fields="name",
                     person_id=world.people["mentee"])  # fmt: skip
        made.append((t.PartnerView, view, stays))
    rules = {FIRST: short("audit"), OTHER: Keep()}
    assert [uow.retention.some(rules, NOW, n) for n in (1, 1, 1, 300, 300)] == [1, 1, 1, 1, 0]
    for of, number, stays in made:
        assert (number in there(uow, of)) is stays, (of, number)


# --- what belongs to no programme: the longest period counts ---------------------------------


LONGER: Final = {FIRST: Keep(drafts=10, audit=10), OTHER: Keep(drafts=30, audit=30)}


def step(uow: UnitOfWork, of: Any, make: Callable[[Any], int]) -> None:
    """Rows just over the longest period go, one a step when told so; the others stay."""
    old, also, young = make(JUST_OVER), make(JUST_OVER), make(NOT_QUITE)
    assert uow.retention.some(LONGER, NOW, 1) == 1
    assert uow.retention.some(LONGER, NOW) == 1
    assert uow.retention.some(LONGER, NOW) == 0
    assert {old, also, young} & there(uow, of) == {young}


@pytest.fixture
def calm(uow: UnitOfWork) -> UnitOfWork:
    """Nothing that the short periods of these tests would take besides."""
    uow.session.execute(update(t.Conversation).values(updated_at=NOW))
    uow.session.execute(update(t.Stray).values(said_at=NOW))
    uow.session.execute(update(t.Announcement).values(asked_at=NOW))
    uow.session.execute(update(t.Audit).values(at=NOW))
    uow.session.flush()
    return uow


def added(uow: UnitOfWork, of: Any, **values: Any) -> int:
    """A row put there; its number."""
    return int(uow.session.scalars(insert(of).values(**values).returning(of.id)).one())


def test_words_of_nobody_s_programme(calm: UnitOfWork, world: World) -> None:
    mentee = world.people["mentee"]
    step(calm, t.Stray, lambda at: added(
        calm, t.Stray, person_id=mentee, programme_id=None, text=b"\x01x", said_at=at))  # fmt: skip


def test_the_audit_s_lines(calm: UnitOfWork) -> None:
    step(calm, t.Audit, lambda at: added(
        calm, t.Audit, verb="x", thing="x", thing_id=1, at=at, detail={}))  # fmt: skip


def test_codes_nobody_used(calm: UnitOfWork, world: World) -> None:
    numbers = iter(range(9))
    step(calm, t.LinkCode, lambda at: added(
        calm, t.LinkCode, person_id=world.people["mentee"], digest=f"h{next(numbers)}",
        expires_at=at))  # fmt: skip


def test_codes_of_a_programme(calm: UnitOfWork, world: World) -> None:
    for n, (place, at) in enumerate(
        ((FIRST, JUST_OVER), (FIRST, JUST_OVER), (FIRST, NOT_QUITE), (OTHER, LONG_AGO))
    ):
        added(calm, t.LinkCode, person_id=world.people["mentee"], digest=f"h{n}",
              programme_id=place, expires_at=at)  # fmt: skip
    before = len(there(calm, t.LinkCode))
    rules = {FIRST: short("drafts"), OTHER: Keep()}
    assert [calm.retention.some(rules, NOW, n) for n in (1, 1, 300)] == [1, 1, 0]
    assert len(there(calm, t.LinkCode)) == before - 2


def guest(uow: UnitOfWork, created: Any, seen: Any = LONG_AGO, name: str | None = None) -> int:
    """Somebody who looked in."""
    number = added(uow, t.Person, name=name, lang="fr", created_at=created)
    added(
        uow, t.Identity, person_id=number, platform="telegram", account=f"g{number}",
        bot_account="telegram:9", reachable=True, seen_at=seen,
    )  # fmt: skip
    return number


def test_accounts_of_who_looked_and_agreed_to_nothing(calm: UnitOfWork) -> None:
    step(calm, t.Person, lambda at: guest(calm, at))


def test_who_came_back_or_is_bound_is_no_guest(calm: UnitOfWork) -> None:
    back = guest(calm, LONG_AGO, seen=NOT_QUITE)
    named = guest(calm, LONG_AGO, name="Ada")
    bound = [guest(calm, LONG_AGO) for _ in range(4)]
    added(calm, t.Consent, person_id=bound[0], programme_id=FIRST, purpose="storage",
          text_version="1", given_at=LONG_AGO)  # fmt: skip
    added(calm, t.Membership, person_id=bound[1], programme_id=FIRST, role="mentee",
          state="ended", since=LONG_AGO)  # fmt: skip
    added(calm, t.LinkCode, person_id=bound[2], digest="h", expires_at=NOW)
    added(calm, t.Conversation, person_id=bound[3], programme_id=FIRST, kind="intake",
          state=b"\x01x", status="open", digest="x", opened_at=NOW, updated_at=NOW)  # fmt: skip
    gone = guest(calm, LONG_AGO, seen=JUST_OVER)
    assert calm.retention.some(LONGER, NOW) == 1
    assert there(calm, t.Person) & {back, named, *bound, gone} == {back, named, *bound}


def test_without_programmes_nothing_goes(calm: UnitOfWork) -> None:
    """Settings that name none are a mistake, not an order."""
    guest(calm, LONG_AGO)
    added(calm, t.Audit, verb="x", thing="x", thing_id=1, at=LONG_AGO, detail={})
    assert calm.retention.some({}, NOW) == 0


# --- what was delivered -----------------------------------------------------------------------


def test_settled_messages_events_and_timers(calm: UnitOfWork, world: World) -> None:
    """Each after its own time, undecided by the team or not; what still waits stays."""
    person = world.people["mentee"]

    def message(state: str, at: Any) -> int:
        return added(
            calm, t.Outbox, dedup_key=f"k{state}{at}", bot_account="telegram:9", chat_id="1",
            person_id=person, not_before=at, state=state, created_at=at,
        )  # fmt: skip

    def timer(state: str, at: Any) -> int:
        return added(calm, t.Timer, key=f"k{state}{at}", kind="x", subject_id=1,
                     due_at=at, state=state)  # fmt: skip

    def heard(state: str, at: Any) -> int:
        return added(calm, t.Inbox, event_key=f"k{state}{at}", platform="telegram",
                     bot_account="telegram:9", received_at=at, state=state)  # fmt: skip

    for make, of, days, over, waiting in (
        (message, t.Outbox, OUTBOX_DAYS, ("sent", "expired", "cancelled", "failed", "in_doubt"),
         ("queued", "sending")),
        (timer, t.Timer, OUTBOX_DAYS, ("fired", "cancelled"), ("pending",)),
        (heard, t.Inbox, INBOX_DAYS, ("done", "rejected"), ("received",)),
    ):  # fmt: skip
        edge = NOW - days * DAY
        gone = {make(state, edge - SECOND) for state in over}
        kept = {make(state, edge) for state in over}
        kept |= {make(state, LONG_AGO) for state in waiting}
        before = there(calm, of)
        assert calm.purge({FIRST: Keep()}, NOW) == len(gone)
        assert gone | kept <= before
        assert there(calm, of) == before - gone


def test_what_waited_long_is_kept_from_the_day_it_was_sent(calm: UnitOfWork) -> None:
    edge = NOW - OUTBOX_DAYS * DAY
    late, sent = (
        added(calm, t.Outbox, dedup_key=f"k{at}", bot_account="telegram:9", chat_id="1",
              not_before=LONG_AGO, state="sent", created_at=LONG_AGO, sent_at=at)
        for at in (edge, edge - SECOND)
    )  # fmt: skip
    assert calm.purge({}, NOW) == 1  # and without programmes the house's own periods hold
    assert {late, sent} & there(calm, t.Outbox) == {late}


def test_each_store_takes_no_more_than_it_was_told(calm: UnitOfWork) -> None:
    for n in range(3):
        added(calm, t.Outbox, dedup_key=f"k{n}", bot_account="telegram:9", chat_id="1",
              not_before=LONG_AGO, state="sent", created_at=LONG_AGO)  # fmt: skip
        added(calm, t.Timer, key=f"k{n}", kind="x", subject_id=1, due_at=LONG_AGO, state="fired")
        added(calm, t.Inbox, event_key=f"k{n}", platform="telegram", bot_account="telegram:9",
              received_at=LONG_AGO, state="done")  # fmt: skip
    for store in (calm.outbox, calm.timers, calm.inbox):
        assert [store.purge(NOT_QUITE, n) for n in (1, 5, 5)] == [1, 2, 0]


def test_a_step_counts_all_that_went(calm: UnitOfWork) -> None:
    """The job goes on until nothing is left: what two stores let go of is more than of one."""
    added(calm, t.Timer, key="k", kind="x", subject_id=1, due_at=LONG_AGO, state="fired")
    added(calm, t.Audit, verb="x", thing="x", thing_id=1, at=LONG_AGO, detail={})
    assert calm.purge(LONGER, NOW) == 2


def test_what_was_heard_is_kept_as_long_as_their_most_patient_programme(
    calm: UnitOfWork, world: World
) -> None:
    """To the second; of who is in none, as long as the most patient of all. The number stays."""
    rules = {FIRST: Keep(inbox=10), OTHER: Keep(inbox=30)}
    near, far = world.people["mentor"], world.people["far mentor"]
    heard: dict[int, bool] = {}
    ten, thirty = 10 * DAY + SECOND, 30 * DAY + SECOND
    for n, (person, ago, state, stays) in enumerate((
        (near, ten, "done", False), (near, ten, "received", True), (near, 10 * DAY, "done", True),
        (far, thirty, "done", False), (far, ten, "done", True), (None, thirty, "rejected", False),
        (None, ten, "done", True), (None, 30 * DAY, "done", True),
    )):  # fmt: skip
        number = added(
            calm, t.Inbox, event_key=f"k{n}", platform="telegram", bot_account="telegram:9",
            received_at=NOW - ago, state=state, payload=b"\x01x", person_id=person,
            author="a",
        )  # fmt: skip
        heard[number] = stays
    calm.session.execute(
        delete(t.Membership).where(
            t.Membership.person_id == near, t.Membership.programme_id != FIRST
        )
    )
    steps = []
    while gone := calm.retention.some(rules, NOW, 1):
        steps.append(gone)
    assert steps == [1, 1, 1]
    for number, stays in heard.items():
        row = calm.session.get_one(t.Inbox, number, populate_existing=True)
        kept = (row.payload, row.author) == (b"\x01x", "a")
        assert kept is stays
        assert stays or (row.payload, row.author, row.person_id) == (None, None, None)
