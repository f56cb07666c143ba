"""Campaigns in storage: who takes part, what the last draft says, who is never paired again.

Every change of state is a compare-and-set. How people are put together is none of this module's
business (`bot/campaigns.py`), nor what is said about it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from storage.directory import REFUSED
from storage.tables import (
    Campaign,
    CampaignEntry,
    CampaignPair,
    Expert,
    Forbidden,
    Pair,
    Person,
    Proposal,
    Request,
)
from storage.upsert import changed, insert_new, table_of

WAITING: Final = ("open", "asked", "team", "proposed")
"""States of an application that has no mentor yet."""
_AT_ONCE: Final = 500
_IMPORTED: Final = and_(Campaign.state == "closed", Campaign.closed_at.is_(None))
"""Of a year before Cordée, only the figures are known: see `was_imported`."""


class Applicant(NamedTuple):
    """A mentee who still waits for a mentor."""

    person_id: int
    key: str
    promo: int | None
    request: Request


class Campaigns:
    """Campaigns, their entries and pairs."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # --- campaigns ------------------------------------------------------------------------------

    def open(
        self,
        programme_id: str,
        name: str,
        *,
        year: int,
        promos: list[int],
        seed: int,
        now: datetime,
    ) -> Campaign | None:
        """A new campaign; None when there was one of that name."""
        number = insert_new(
            self._session,
            table_of(Campaign),
            {
                "programme_id": programme_id,
                "name": name,
                "year": year,
                "promos": promos,
                "state": "open",
                "version": 1,
                "seed": seed,
                "opened_at": now,
            },
        )
        return None if number is None else self._session.get_one(Campaign, number)

    def get(self, campaign_id: int) -> Campaign | None:
        """The campaign with this number."""
        return self._session.get(Campaign, campaign_id)

    def current(self, programme_id: str) -> Campaign | None:
        """The campaign that is not closed."""
        return self._session.scalar(
            select(Campaign)
            .where(Campaign.programme_id == programme_id, Campaign.state != "closed")
            .order_by(Campaign.id.desc())
            .limit(1)
        )

    def every(self, programme_id: str) -> Sequence[Campaign]:
        """All campaigns of a programme that were held here, newest first."""
        return self._session.scalars(
            select(Campaign)
            .where(Campaign.programme_id == programme_id, ~_IMPORTED)
            .order_by(Campaign.id.desc())
        ).all()

    def over(self, programme_id: str) -> Sequence[Campaign]:
        """Campaigns that are over, those of which only the figures are known too; oldest first."""
        return self._session.scalars(
            select(Campaign)
            .where(Campaign.programme_id == programme_id, Campaign.state == "closed")
            .order_by(Campaign.year, Campaign.id)
        ).all()

    def named(self, programme_id: str, name: str) -> Campaign | None:
        """The campaign that staff call so."""
        return self._session.scalar(
            select(Campaign).where(Campaign.programme_id == programme_id, Campaign.name == name)
        )

    def remember(
        self,
        programme_id: str,
        year: int,
        promos: list[int],
        pairs: int,
        volunteers: int | None,
        now: datetime,
    ) -> bool:
        """The figures of a year before Cordée, anew if they were known; not over a campaign's own.

        Returns:
            False when that year's campaign was held here.
        """
        found = self.named(programme_id, str(year))
        if found is None:
            found = Campaign(programme_id=programme_id, name=str(year), year=year, state="closed",
                             seed=0, opened_at=now)  # fmt: skip
            self._session.add(found)
        elif not was_imported(found):
            return False
        found.promos, found.pairs, found.volunteers = promos, pairs, volunteers
        self._session.flush()
        return True

    def forget(self, programme_id: str, year: int) -> bool:
        """Take such figures back; False when there are none of that year."""
        here = (Campaign.programme_id == programme_id, Campaign.name == str(year), _IMPORTED)
        return bool(changed(self._session, delete(Campaign).where(*here)))

    def move(self, campaign: Campaign, version: int, state: str, **values: Any) -> bool:
        """Compare-and-set the state and what goes with it; False when somebody was quicker."""
        done = changed(
            self._session,
            update(Campaign)
            .where(Campaign.id == campaign.id, Campaign.version == version)
            .values(state=state, version=version + 1, **values)
            .execution_options(synchronize_session=False),
        )
        self._session.refresh(campaign)
        return bool(done)

    # --- entries --------------------------------------------------------------------------------

    def apply(self, campaign_id: int, person_id: int, request_id: int, now: datetime) -> None:
        """A mentee applies; applying again replaces the application."""
        insert_new(
            self._session,
            table_of(CampaignEntry),
            _entry(campaign_id, person_id, "mentee", now),
        )
        self._session.execute(
            update(CampaignEntry)
            .where(
                CampaignEntry.campaign_id == campaign_id,
                CampaignEntry.person_id == person_id,
                CampaignEntry.role == "mentee",
            )
            .values(request_id=request_id)
        )

    def entries(self, campaign_id: int, role: str) -> Sequence[CampaignEntry]:
        """Who takes part in a role, in the order in which they came."""
        return self._session.scalars(
            select(CampaignEntry)
            .where(CampaignEntry.campaign_id == campaign_id, CampaignEntry.role == role)
            .order_by(CampaignEntry.id)
        ).all()

    def of_request(self, request_id: int) -> Campaign | None:
        """The campaign in which a request is an application, perhaps closed by now."""
        return self._session.scalar(
            select(Campaign)
            .join(CampaignEntry, CampaignEntry.campaign_id == Campaign.id)
            .where(CampaignEntry.request_id == request_id)
        )

    def volunteers(self, campaign_id: int) -> int:
        """How many applied and did not take it back (X-17)."""
        return (
            self._session.scalar(
                select(func.count())
                .select_from(CampaignEntry)
                .join(Request, Request.id == CampaignEntry.request_id)
                .where(
                    CampaignEntry.campaign_id == campaign_id,
                    CampaignEntry.role == "mentee",
                    Request.state != "closed",
                )
            )
            or 0
        )

    def applications(self, campaign: Campaign) -> Sequence[Request]:
        """What was applied with and not taken back; closing a campaign takes nothing back."""
        kept = Request.state != "closed"
        if campaign.closed_at is not None:
            kept = or_(kept, Request.changed_at >= campaign.closed_at)
        return self._session.scalars(
            select(Request)
            .join(CampaignEntry, CampaignEntry.request_id == Request.id)
            .where(CampaignEntry.campaign_id == campaign.id, CampaignEntry.role == "mentee", kept)
            .order_by(Request.id)
        ).all()

    def applicants(self, campaign_id: int) -> list[Applicant]:
        """Mentees who have no mentor yet."""
        rows = self._session.execute(
            select(Person, Request)
            .join(CampaignEntry, CampaignEntry.person_id == Person.id)
            .join(Request, Request.id == CampaignEntry.request_id)
            .where(
                CampaignEntry.campaign_id == campaign_id,
                CampaignEntry.role == "mentee",
                Request.state.in_(WAITING),
            )
            .order_by(Person.id)
        )
        return [
            Applicant(person.id, stable(person.external_id, person.email, person.id),
                      person.promo, request)
            for person, request in rows
        ]  # fmt: skip

    def waiting(self) -> set[tuple[int, int]]:
        """The applications to all open campaigns that have no mentor yet: number, version."""
        rows = self._session.execute(
            select(Request.id, Request.version)
            .join(CampaignEntry, CampaignEntry.request_id == Request.id)
            .join(Campaign, Campaign.id == CampaignEntry.campaign_id)
            .where(
                Campaign.state != "closed",
                CampaignEntry.role == "mentee",
                Request.state.in_(WAITING),
            )
        )
        return {(number, version) for number, version in rows}

    def places(self, people: Collection[int]) -> dict[int, int]:
        """Free places of experts, by person."""
        found: dict[int, int] = {}
        for some in _some(people):
            rows = self._session.execute(
                select(
                    Expert.person_id, Expert.capacity - Expert.places_taken - Expert.outside_load
                ).where(Expert.person_id.in_(some))
            )
            found.update((person, free) for person, free in rows)
        return found

    def mentors(self, people: Collection[int]) -> dict[int, tuple[str, int | None, str]]:
        """Experts who mentor for long: person → key for ties, year of entry, sector."""
        found: dict[int, tuple[str, int | None, str]] = {}
        for some in _some(people):
            rows = self._session.execute(
                select(Person.id, Person.external_id, Person.email, Person.promo, Expert.sector,
                       Expert.helps)
                .join(Expert, Expert.person_id == Person.id)
                .where(Person.id.in_(some))
            )  # fmt: skip
            for number, external, email, promo, sector, helps in rows:
                if not helps or "long_term" in helps:
                    found[number] = stable(external, email, number), promo, sector
        return found

    def ids(self, people: Collection[int]) -> dict[int, str]:
        """How files name people: their id in the imported directory, else our number."""
        found: dict[int, str] = {}
        for some in _some(people):
            rows = self._session.execute(
                select(Person.id, Person.external_id).where(Person.id.in_(some))
            )
            found.update((number, external or str(number)) for number, external in rows)
        return found

    # --- who may not be -------------------------------------------------------------------------

    def barred(self, programme_id: str, mentees: Collection[int]) -> set[tuple[int, int]]:
        """Pairs that may not be: forbidden, declined or let pass once, or together before."""
        found: set[tuple[int, int]] = set()
        for some in _some(mentees):
            for query in (
                select(Forbidden.mentee_id, Forbidden.mentor_id).where(
                    Forbidden.programme_id == programme_id, Forbidden.mentee_id.in_(some)
                ),
                select(Request.person_id, Proposal.expert_id)
                .join(Proposal, Proposal.request_id == Request.id)
                .where(Request.person_id.in_(some), Proposal.state.in_(REFUSED)),
                select(Pair.mentee_id, Pair.mentor_id).where(Pair.mentee_id.in_(some)),
            ):
                found.update((row[0], row[1]) for row in self._session.execute(query))
        return found

    def forbid(
        self, programme_id: str, mentee_id: int, mentor_id: int, why: str, now: datetime
    ) -> None:
        """Never put these two together; their pair is no draft any more."""
        insert_new(
            self._session,
            table_of(Forbidden),
            {
                "programme_id": programme_id,
                "mentee_id": mentee_id,
                "mentor_id": mentor_id,
                "why": why,
                "since": now,
            },
        )

    # --- pairs ----------------------------------------------------------------------------------

    def pair(self, pair_id: int) -> CampaignPair | None:
        """The pair with this number."""
        return self._session.get(CampaignPair, pair_id)

    def pairs(self, campaign_id: int, *states: str) -> Sequence[CampaignPair]:
        """The pairs of a campaign in these states, or all."""
        query = select(CampaignPair).where(CampaignPair.campaign_id == campaign_id)
        if states:
            query = query.where(CampaignPair.state.in_(states))
        return self._session.scalars(query.order_by(CampaignPair.id)).all()

    def answered(self, mentee_id: int, mentor_id: int, state: str) -> None:
        """What became of a proposed pair."""
        self._session.execute(
            update(CampaignPair)
            .where(
                CampaignPair.mentee_id == mentee_id,
                CampaignPair.mentor_id == mentor_id,
                CampaignPair.state == "proposed",
            )
            .values(state=state, drafted=False, pinned=False)
        )

    def pin(self, campaign_id: int, mentee_id: int, mentor_id: int | None) -> None:
        """Drafts keep this pair of the mentee, or choose freely again."""
        mine = (CampaignPair.campaign_id == campaign_id, CampaignPair.mentee_id == mentee_id)
        self._session.execute(update(CampaignPair).where(*mine).values(pinned=False))
        if mentor_id is None:
            return
        insert_new(
            self._session,
            table_of(CampaignPair),
            {
                "campaign_id": campaign_id,
                "mentee_id": mentee_id,
                "mentor_id": mentor_id,
                "score": 0,
                "reasons": [],
                "state": "draft",
                "pinned": False,
                "drafted": False,
            },
        )
        self._session.execute(
            update(CampaignPair)
            .where(*mine, CampaignPair.mentor_id == mentor_id)
            .values(pinned=True)
        )
        self._session.expire_all()

    def write_draft(
        self,
        campaign_id: int,
        pairs: Iterable[tuple[int, int, int, list[str]]],
        unmatched: Iterable[tuple[int, str]],
        mentors: Iterable[tuple[int, int, int, int]],
        now: datetime,
    ) -> None:
        """Replace the draft.

        Args:
            campaign_id: Whose.
            pairs: Mentee, mentor, score, reasons.
            unmatched: Mentee, why.
            mentors: Mentor, places, pairs and points that one more place would bring.
            now: This moment, aware.
        """
        here = CampaignPair.campaign_id == campaign_id
        self._session.execute(
            delete(CampaignPair).where(
                here, CampaignPair.state == "draft", CampaignPair.pinned.is_(False)
            )
        )
        self._session.execute(update(CampaignPair).where(here).values(drafted=False))
        kept = {(p.mentee_id, p.mentor_id): p for p in self.pairs(campaign_id)}
        fresh = []
        for mentee, mentor, score, reasons in pairs:
            row = kept.get((mentee, mentor))
            if row is None:
                fresh.append(
                    {
                        "campaign_id": campaign_id,
                        "mentee_id": mentee,
                        "mentor_id": mentor,
                        "score": score,
                        "reasons": reasons,
                        "state": "draft",
                        "pinned": False,
                        "drafted": True,
                    }
                )
                continue
            row.score, row.reasons, row.drafted = score, reasons, True
            if row.state == "withdrawn":
                row.state = "draft"
        self._session.flush()
        if fresh:
            self._session.execute(insert(table_of(CampaignPair)), fresh)
        why = dict(unmatched)
        for entry in self.entries(campaign_id, "mentee"):
            entry.why = why.get(entry.person_id)
        there = {e.person_id: e for e in self.entries(campaign_id, "mentor")}
        rows = {person: (places, more, points) for person, places, more, points in mentors}
        for person, values in rows.items():
            if person not in there:
                there[person] = CampaignEntry(**_entry(campaign_id, person, "mentor", now))
                self._session.add(there[person])
            entry = there[person]
            entry.places, entry.gain_pairs, entry.gain_points = values
        for person, entry in there.items():
            if person not in rows:
                entry.places = entry.gain_pairs = entry.gain_points = 0
        self._session.flush()

    def counts(self, campaign_id: int) -> dict[str, int]:
        """How many pairs are in each state; of drafts those of the last one."""
        rows = self._session.execute(
            select(CampaignPair.state, func.count())
            .where(
                CampaignPair.campaign_id == campaign_id,
                or_(CampaignPair.state != "draft", CampaignPair.drafted.is_(True)),
            )
            .group_by(CampaignPair.state)
        ).all()
        return {str(state): int(count) for state, count in rows}


def was_imported(campaign: Campaign) -> bool:
    """Whether only its figures are known: it was held before Cordée."""
    return campaign.state == "closed" and campaign.closed_at is None


def stable(external_id: str | None, email: str | None, number: int) -> str:
    """What settles ties: the same whatever the order in which people were imported."""
    return external_id or email or f"#{number}"


def _entry(campaign_id: int, person_id: int, role: str, now: datetime) -> dict[str, Any]:
    return {
        "campaign_id": campaign_id,
        "person_id": person_id,
        "role": role,
        "places": 0,
        "gain_pairs": 0,
        "gain_points": 0,
        "entered_at": now,
    }


def _some(people: Collection[int]) -> Iterator[list[int]]:
    every = sorted(people)
    for start in range(0, len(every), _AT_ONCE):
        yield every[start : start + _AT_ONCE]
