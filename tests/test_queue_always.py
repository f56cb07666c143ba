"""No request without a state, none past its deadline without somebody having been told.

Whatever people and staff do, in any order, whoever leaves, and whatever becomes of the programme's
file: Hypothesis looks for what breaks. And of two who press at once one does it, on both databases.

Source: A-15.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select
from typing_extensions import override

from bot.dialogue.tokens import ActToken, RunToken, encode
from bot.programmes.queue import QueueRules
from bot.turn import STAFF_ROLES
from storage.requests import LIVE
from storage.tables import Audit, Interview, Outbox, Request, RequestNote
from storage.unit_of_work import UnitOfWork
from tests.asking import LEA, MARC, TOM, act, asks, stand
from tests.stand import CLAIRE, Stand, button, programme
from tests.test_races import Press, at_once, count

PAULE, OMAR = "2", "3"
TEAM = (CLAIRE, PAULE, OMAR)
HERE = "ax-accompagnement"
STAFF = st.sampled_from(TEAM)
MENTEE = st.sampled_from([LEA, TOM])
NUMBER = st.integers(1, 3)
THEN = st.sampled_from([0.0, 0.0, 1.0, 3.0])  # days until the next thing happens
ODD = "Que faire après une thèse de philosophie médiévale ?"  # nobody fits
FINE = "Comment entrer dans la finance durable et investissement ?"


def file(claim: int = 2, escalate: int = 2, *, first: bool = False) -> QueueRules:
    return QueueRules(claim_days=claim, escalate_days=escalate, digests=(), feasible_first=first)


class Queue(RuleBasedStateMachine):
    """Two who ask, an expert, a team of three."""

    def __init__(self) -> None:
        super().__init__()
        self.one = stand(MARC, here=programme(queue=file()))
        self.queue_rules = file()
        self.first = False
        self.unseen: set[int] = set()  # who left without a word to the bot
        self.looked = self.one.now
        self.free: dict[int, tuple[datetime, datetime]] = {}  # freed between these instants
        for account, name in ((PAULE, "Paule"), (OMAR, "Omar")):
            self.one.join(account, name, role="staff")

    @initialize(first=st.booleans(), wish=st.sampled_from([ODD, FINE]))
    def begins(self, first: bool, wish: str) -> None:
        """In one of two programmes: proposing at once, or once the team has said yes."""
        self.first, self.queue_rules = first, file(first=first)
        self.one.run(programme(queue=self.queue_rules))
        asks(self.one, LEA, wish=wish)

    @override
    def teardown(self) -> None:
        self.one.database.close()

    def press(self, account: str, verb: str, number: int, version: int | None = None) -> None:
        with self.one.work() as uow:
            request = uow.requests.get(number)
            version = (request.version if request else 1) if version is None else version
        act(self.one, account, verb, number, version)

    @rule(who=MENTEE, wish=st.sampled_from([ODD, FINE]), then=THEN)
    def ask(self, who: str, wish: str, then: float) -> None:
        with self.one.work() as uow:
            busy = uow.requests.live(self.one.ids[who], HERE) is not None
        if not busy:
            asks(self.one, who, wish=wish)
        self.one.days(then)

    @rule(who=MENTEE, verb=st.sampled_from(["team", "withdraw", "others"]), then=THEN)
    def wish(self, who: str, verb: str, then: float) -> None:
        with self.one.work() as uow:
            latest = uow.requests.latest(self.one.ids[who], HERE)
            number = latest.id if latest is not None else 1
        self.press(who, verb, number)
        self.one.days(then)

    @rule(who=MENTEE, number=NUMBER)
    def choose(self, who: str, number: int) -> None:
        with self.one.work() as uow:
            shown = [p.id for p in uow.requests.proposals(number) if p.state == "shown"]
        for proposal in shown:
            act(self.one, who, "ask", proposal, 1)

    @rule(number=NUMBER, verb=st.sampled_from(["decline", "accept"]))
    def answer(self, number: int, verb: str) -> None:
        with self.one.work() as uow:
            asked = [(p.id, p.version) for p in uow.requests.proposals(number)
                     if p.state == "asked"]  # fmt: skip
        for proposal, version in asked:
            act(self.one, MARC, verb, proposal, version)

    @rule(who=STAFF, number=NUMBER, verb=st.sampled_from(["claim", "release"]), then=THEN)
    def charge(self, who: str, number: int, verb: str, then: float) -> None:
        self.press(who, verb, number)
        self.one.days(then)

    @rule(who=STAFF, to=STAFF, number=NUMBER, then=THEN)
    def hand_over(self, who: str, to: str, number: int, then: float) -> None:
        if to in self.one.ids:
            token = RunToken("confier", f"{number}-{self.one.ids[to]}")
            self.one.press(who, encode(token))
        self.one.days(then)

    @rule(who=STAFF, number=NUMBER, tell=st.booleans(), then=THEN)
    def refuse(self, who: str, number: int, tell: bool, then: float) -> None:
        self.press(who, "infeasible", number)
        self.one.say(who, "pas ici")
        with self.one.work() as uow:
            row = uow.session.scalar(select(RequestNote).order_by(RequestNote.id.desc()))
            asked = uow.requests.get(row.request_id) if row is not None else None
            moves = asked.version + uow.casework.decisions(asked.id) if asked else 0
        if row is not None:
            act(self.one, who, "refuse-told" if tell else "refuse-kept", row.id, moves)
        self.one.days(then)

    @rule(who=STAFF, number=NUMBER, then=THEN)
    def can_help(self, who: str, number: int, then: float) -> None:
        self.press(who, "feasible-plain", number)
        self.one.days(then)

    @rule(who=STAFF, number=NUMBER, then=THEN)
    def reconsider(self, who: str, number: int, then: float) -> None:
        self.press(who, "reconsider", number)
        self.one.days(then)

    @rule(who=st.sampled_from([PAULE, OMAR]), sign=st.sampled_from("+-"), then=THEN)
    def role(self, who: str, sign: str, then: float) -> None:
        self.one.command(CLAIRE, "roles", f"{sign} {who}@exemple.invalid")
        self.one.days(then)

    @rule(who=STAFF, then=THEN)
    def pause(self, who: str, then: float) -> None:
        self.one.command(who, "pause")
        self.one.days(then)

    @rule(then=THEN)
    def erase(self, then: float) -> None:
        self.one.press(OMAR, encode(RunToken("effacer-oui", "")))
        self.one.days(then)

    @rule(who=st.sampled_from([PAULE, OMAR]), then=THEN)
    def quietly_no_longer_staff(self, who: str, then: float) -> None:
        """By other means than a command: an import, a repair by hand."""
        with self.one.work() as uow:
            if uow.people.get(self.one.ids[who]) is not None:
                uow.people.enrol(self.one.ids[who], HERE, "staff", now=self.one.now, state="ended")
                self.unseen.add(self.one.ids[who])
        self.one.days(then)

    @rule(claim=st.integers(1, 4), escalate=st.integers(1, 3))
    def file_changes(self, claim: int, escalate: int) -> None:
        self.queue_rules = file(claim, escalate, first=self.first)
        self.one.run(programme(queue=self.queue_rules))
        self.one.fire()

    @rule(days=st.sampled_from([0.1, 1.0, 3.0, 8.0]))
    def time_passes(self, days: float) -> None:
        self.one.days(days)

    @rule(days=st.sampled_from([2, 10]))
    def machine_is_off(self, days: int) -> None:
        self.one.now = self.one.now.replace(microsecond=0) + days * (
            datetime(2026, 1, 2, tzinfo=UTC) - datetime(2026, 1, 1, tzinfo=UTC)
        )
        self.one.run(programme(queue=self.queue_rules))
        self.one.fire()

    # --- what always holds ---

    @invariant()
    def somebody_was_told(self) -> None:
        with self.one.work() as uow:
            for request in uow.session.scalars(select(Request).where(Request.programme_id == HERE)):
                assert request.state in (*LIVE, "matched", "closed")
                if request.state not in LIVE:
                    continue
                assert request.due_at is not None, "no deadline"
                if request.due_at <= self.one.now:
                    # Who was told first may be gone since, with what they were told: then the rest
                    # of the team has heard it is free.
                    due = f"request-due:{request.id}:{request.version}:"
                    freed = f"request-freed:{request.id}:"
                    told = _told(uow, due) or _told(uow, freed, request.due_at)
                    assert told, f"{request.state} past its deadline"
                owner = request.owner_id
                if owner is not None and owner not in self.unseen:
                    assert uow.people.roles(owner, HERE) & STAFF_ROLES, "with somebody who left"
            self._nobody_sees_to(uow)
        self.looked = self.one.now

    @invariant()
    def nobody_was_asked_before_the_yes(self) -> None:
        with self.one.work() as uow:
            for request in (
                uow.session.scalars(select(Request).where(Request.programme_id == HERE))
                if self.first
                else ()
            ):
                if request.state in ("proposed", "asked"):
                    assert uow.casework.decision(request.id) == "feasible"

    def _nobody_sees_to(self, uow: UnitOfWork) -> None:
        """When each was freed, as seen from outside: by then and some days, somebody was told."""
        free = {r.id for r in uow.requests.waiting(HERE) if r.owner_id is None}
        now = self.one.now
        self.free = {n: self.free.get(n, (self.looked, now)) for n in sorted(free)}
        for number, (earliest, latest) in self.free.items():
            late = programme().working_days_later(latest, self.queue_rules.claim_days)
            if late <= now:
                key = f"request-claim:{number}:"
                assert _told(uow, key, earliest), "nobody was told that nobody sees to it"


def _told(uow: UnitOfWork, key: str, since: datetime | None = None) -> bool:
    found = select(Outbox.id).where(Outbox.dedup_key.startswith(key)).limit(1)
    if since is not None:
        found = found.where(Outbox.created_at >= since)
    return uow.session.scalar(found) is not None


TestQueue = Queue.TestCase
TestQueue.settings = settings(
    max_examples=12,
    stateful_step_count=18,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    print_blob=True,
)


# --- two at once ----------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def one(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    """The team of three, and Léa's request with them."""
    lite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/c.db" if lite else request.getfixturevalue("pg_url")
    made = stand(here=programme(queue=file()), url=url)
    for account, name in ((PAULE, "Paule"), (OMAR, "Omar")):
        made.join(account, name, role="staff")
    asks(made)
    yield made
    made.database.close()


def both(one: Stand, verb: str, version: int, number: int = 1) -> list[Press]:
    return [(who, encode(ActToken(verb, number, version))) for who in (CLAIRE, PAULE)]


def test_of_two_who_claim_one_has_it_and_the_other_knows_who(one: Stand) -> None:
    for n in range(8):
        one.news()
        at_once(one, both(one, "claim", 0)[:: -1 if n % 2 else 1])
        with one.work() as uow:
            request = uow.requests.get(1)
            assert request is not None
            first = request.owner_id
        winner, loser = (CLAIRE, PAULE) if first == one.ids[CLAIRE] else (PAULE, CLAIRE)
        name = {CLAIRE: "Claire", PAULE: "Paule"}[winner]
        [said] = [heard.text for heard in one.news() if heard.to == loser]
        assert f"{name} vient de prendre en charge" in said
        act(one, winner, "release", 1, one.ids[winner])
    assert count(one, Audit, verb="request-claimed") == 8


def test_a_claim_and_a_handing_over_leave_one_in_charge(one: Stand) -> None:
    for n in range(6):
        token = encode(RunToken("confier", f"1-{one.ids[OMAR]}"))
        presses = [(CLAIRE, encode(ActToken("claim", 1, 0))), (PAULE, token)]
        at_once(one, presses[:: -1 if n % 2 else 1])
        with one.work() as uow:
            request = uow.requests.get(1)
            assert request is not None
            assert request.owner_id in (one.ids[CLAIRE], one.ids[OMAR])
            uow.requests.give_to(request, None, instead_of=request.owner_id, now=one.now)


def test_a_colleague_is_asked_once_and_a_no_is_said_once(one: Stand) -> None:
    token = encode(RunToken("entretien", f"1-{one.ids[OMAR]}"))
    at_once(one, [(CLAIRE, token), (PAULE, token)])
    assert count(one, Interview) == 1
    act(one, CLAIRE, "infeasible", 1, 1)
    heard = one.say(CLAIRE, "pas ici")
    press = (CLAIRE, button(heard, CLAIRE, "Clore et le dire"))
    at_once(one, [press, (CLAIRE, button(heard, CLAIRE, "Clore sans")), press])
    assert count(one, Audit, verb="request-infeasible") == 1
    with one.work() as uow:
        told = select(Outbox.dedup_key).where(Outbox.dedup_key.startswith("request-closed:"))
        assert len(list(uow.session.scalars(told))) == 1
