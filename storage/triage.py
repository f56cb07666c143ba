"""What is known of a programme's people at a glance, the team's corrections, and calls for help.

Each question is one statement, however many people there are; sealed answers come with their keys
in the same statement. This module does not know what any of it means: `bot/triage` weighs it.

Source: E-09, M-15; faults seen in peers, 3 (bounded number of statements).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Integer, and_, cast, func, or_, select, update
from sqlalchemy.orm import Session

from storage.sealed import Unreadable
from storage.tables import (
    Checkin,
    Conversation,
    Correction,
    HelpCall,
    Identity,
    Meeting,
    Membership,
    Pair,
    Person,
    PersonKey,
    Report,
    Request,
    Series,
    Stray,
)
from storage.upsert import AnyRow, changed, insert_new, table_of
from storage.vault import Keys, Vault

_LIVE_REQUEST = ("open", "proposed", "asked", "team")


class Member(NamedTuple):
    """Somebody followed.

    Attributes:
        id: The person.
        name: As shown; empty before consent.
        since: When they took their role.
        seen_at: Last event from any of their accounts.
        accounts: How many accounts …
        reachable: … and how many of them can be written to.
    """

    id: int
    name: str
    since: datetime
    seen_at: datetime | None
    accounts: int
    reachable: int


class QuarterReport(NamedTuple):
    """A report without its answers, which `Opener` opens.

    Attributes:
        begun_at: Last turn in its dialogue, if there was one after it was opened.
        sealed: The answers as they are stored …
        wrapped: … and the person's key.
    """

    id: int
    person_id: int
    report: str
    quarter: str
    state: str
    opened_at: datetime
    closes_at: datetime
    sent_at: datetime | None
    begun_at: datetime | None
    sealed: bytes | None
    wrapped: bytes | None


class Asked(NamedTuple):
    """A check-in asked of one side of a pair.

    Attributes:
        person_id: Of whom it was asked.
        rhythm: Id of the rhythm in the programme file.
        sealed: The dialogue's state as it is stored, if it was asked for …
        wrapped: … and the key of whom it was asked.
    """

    id: int
    pair_id: int
    mentee_id: int
    person_id: int
    rhythm: str
    occurrence: datetime
    state: str
    met: str | None
    answered_at: datetime | None
    sealed: bytes | None = None
    wrapped: bytes | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A correction or a level, opened.

    Attributes:
        signs: Keys of the signs there were when it was made.
        to_id: To whom they were handed.
    """

    id: int
    person_id: int
    about: str
    value: str
    why: str
    signs: frozenset[str]
    by_id: int
    at: datetime
    until: datetime | None
    ended_at: datetime | None
    to_id: int | None


class Opener:
    """Opens what came with its key; it needs no transaction and no database.

    Args:
        keys: Of people.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def answers(self, report: QuarterReport) -> Sequence[Mapping[str, Any]]:
        """The snapshot of a report; nothing when it was not sent, or its key was erased."""
        found = self.open(report.person_id, report.sealed, report.wrapped)
        return found if isinstance(found, list) else ()

    def state_of(self, checkin: Asked) -> Any:
        """The state of its dialogue as JSON; none when it is gone or unreadable."""
        return self.open(checkin.person_id, checkin.sealed, checkin.wrapped)

    def open(self, person_id: int, sealed: bytes | None, wrapped: bytes | None) -> Any:
        """What was sealed; none when there is nothing, or it cannot be read any more."""
        if sealed is None or wrapped is None:
            return None
        try:
            return self._keys.open(person_id, wrapped, sealed)
        except Unreadable:
            return None


class TriageStore:
    """Queries over a whole programme (`only`: one person of it), corrections, calls for help."""

    def __init__(self, session: Session, vault: Vault) -> None:
        self._session = session
        self._vault = vault
        self.opener = Opener(vault.keys())

    # --- at a glance ------------------------------------------------------------------------------

    def followed(self, programme_id: str) -> int:
        """How many people are followed in a programme."""
        return (
            self._session.scalar(
                select(func.count()).where(
                    Membership.programme_id == programme_id,
                    Membership.role == "mentee",
                    Membership.state == "active",
                )
            )
            or 0
        )

    def members(self, programme_id: str, only: int | None = None) -> list[Member]:
        """The mentees of a programme, by number."""
        query = (
            select(
                Person.id,
                func.coalesce(Person.name, ""),
                Membership.since,
                func.max(Identity.seen_at),
                func.count(Identity.id),
                func.coalesce(func.sum(cast(Identity.reachable, Integer)), 0),
            )
            .join(Membership, Membership.person_id == Person.id)
            .outerjoin(Identity, Identity.person_id == Person.id)
            .where(
                Membership.programme_id == programme_id,
                Membership.role == "mentee",
                Membership.state == "active",
                *_one(Person.id, only),
            )
            .group_by(Person.id, Person.name, Membership.since)
            .order_by(Person.id)
        )
        return [Member._make(row) for row in self._session.execute(query)]

    def reports(
        self, programme_id: str, quarters: int, only: int | None = None
    ) -> list[QuarterReport]:
        """Everybody's reports of the newest quarters there are, newest first."""
        newest = (
            select(Report.quarter)
            .where(Report.programme_id == programme_id)
            .distinct()
            .order_by(Report.quarter.desc())
            .limit(quarters)
            .scalar_subquery()
        )
        columns: list[Any] = [
            Report.id,
            Report.person_id,
            Report.report,
            Report.quarter,
            Report.state,
            Report.opened_at,
            Report.closes_at,
            Report.sent_at,
            Conversation.updated_at,
            Report.answers,
            PersonKey.wrapped,
        ]
        query = (
            select(*columns)
            .outerjoin(
                Conversation,
                and_(
                    Conversation.id == Report.conversation_id,
                    Conversation.updated_at > Report.opened_at,
                ),
            )
            .outerjoin(PersonKey, PersonKey.person_id == Report.person_id)
            .where(
                Report.programme_id == programme_id,
                Report.quarter.in_(newest),
                *_one(Report.person_id, only),
            )
            .order_by(Report.quarter.desc(), Report.id.desc())
        )
        return [QuarterReport._make(row) for row in self._session.execute(query)]

    def pairs(self, programme_id: str, only: int | None = None) -> list[AnyRow]:
        """Number, mentee, mentor and rounds missed in a row of every pair that is going on."""
        query = (
            select(Pair.id, Pair.mentee_id, Pair.mentor_id, Pair.missed_in_a_row, Pair.started_at)
            .where(
                Pair.programme_id == programme_id,
                Pair.state.in_(("active", "paused")),
                *_one(Pair.mentee_id, only),
            )
            .order_by(Pair.id)
        )
        return list(self._session.execute(query))

    def checkins(
        self, programme_id: str, since: datetime, *, states: bool, only: int | None = None
    ) -> list[Asked]:
        """The check-ins of pairs that are going on, newest first.

        Args:
            programme_id: Of which programme.
            since: None from before that.
            states: Whether the dialogues are wanted too.
            only: One mentee's.
        """
        columns: list[Any] = [
            Checkin.id,
            Checkin.pair_id,
            Pair.mentee_id,
            Checkin.person_id,
            Series.rhythm,
            Checkin.occurrence,
            Checkin.state,
            Checkin.met,
            Checkin.answered_at,
        ]
        query = select(*columns, *((Conversation.state, PersonKey.wrapped) if states else ()))
        query = (
            query.select_from(Checkin)
            .join(Pair, Pair.id == Checkin.pair_id)
            .join(Series, Series.id == Checkin.series_id)
        )
        if states:
            query = query.outerjoin(Conversation, Conversation.id == Checkin.conversation_id)
            query = query.outerjoin(PersonKey, PersonKey.person_id == Checkin.person_id)
        query = query.where(
            Pair.programme_id == programme_id,
            Pair.state.in_(("active", "paused")),
            Checkin.occurrence >= since,
            *_one(Pair.mentee_id, only),
        ).order_by(Checkin.occurrence.desc(), Checkin.id.desc())
        return [Asked(*row) for row in self._session.execute(query)]

    def meetings(self, programme_id: str, since: datetime, only: int | None = None) -> list[AnyRow]:
        """The meetings of pairs that are going on that both sides call held or missed.

        Returns:
            Pair, mentee, mentor, start and state, newest first; none from before `since`.
        """
        query = (
            select(
                Meeting.pair_id, Pair.mentee_id, Pair.mentor_id, Meeting.starts_at, Meeting.state
            )
            .join(Pair, Pair.id == Meeting.pair_id)
            .where(
                Pair.programme_id == programme_id,
                Pair.state.in_(("active", "paused")),
                Meeting.state.in_(("held", "missed")),
                Meeting.starts_at >= since,
                *_one(Pair.mentee_id, only),
            )
            .order_by(Meeting.starts_at.desc(), Meeting.id.desc())
        )
        return list(self._session.execute(query))

    def words(self, programme_id: str, since: datetime, only: int | None = None) -> list[AnyRow]:
        """Number, person and instant of words handed to the team since then, newest first."""
        query = (
            select(Stray.id, Stray.person_id, Stray.passed_at)
            .where(
                Stray.programme_id == programme_id,
                Stray.passed_at >= since,
                *_one(Stray.person_id, only),
            )
            .order_by(Stray.passed_at.desc(), Stray.id.desc())
        )
        return list(self._session.execute(query))

    def requests(self, programme_id: str, now: datetime, only: int | None = None) -> list[AnyRow]:
        """Number, person and date of requests that wait for the team, or are past their date."""
        query = (
            select(Request.id, Request.person_id, Request.created_at)
            .where(
                Request.programme_id == programme_id,
                Request.state.in_(_LIVE_REQUEST),
                or_(Request.state.in_(("team", "open")), Request.due_at <= now),
                *_one(Request.person_id, only),
            )
            .order_by(Request.id)
        )
        return list(self._session.execute(query))

    # --- what the team decided --------------------------------------------------------------------

    def decisions(
        self, programme_id: str, only: int | None = None, *, history: bool = False
    ) -> list[Decision]:
        """What is in force, or (`history`) everything there ever was, newest first."""
        query = (
            select(
                Correction.id, Correction.person_id, Correction.about, Correction.value,
                Correction.why, Correction.signs, Correction.by_id, Correction.at,
                Correction.until, Correction.ended_at, Correction.to_id, PersonKey.wrapped,
            )
            .join(PersonKey, PersonKey.person_id == Correction.person_id)
            .where(Correction.programme_id == programme_id, *_one(Correction.person_id, only))
            .order_by(Correction.at.desc(), Correction.id.desc())
        )  # fmt: skip
        if not history:
            query = query.where(Correction.ended_at.is_(None))
        return [self._decision(row) for row in self._session.execute(query)]

    def _decision(self, row: AnyRow) -> Decision:
        number, person, about, value, why, signs, by, at, until, ended, to, wrapped = row
        return Decision(
            number,
            person,
            about,
            value,
            str(self.opener.open(person, why, wrapped) or ""),
            frozenset(self.opener.open(person, signs, wrapped) or ()),
            by,
            at,
            until,
            ended,
            to,
        )

    def decide(  # noqa: PLR0913 - keywords that name what a row holds
        self,
        person_id: int,
        programme_id: str,
        about: str,
        value: str,
        *,
        instead_of: int,
        why: str,
        signs: Iterable[str] | None,
        by_id: int,
        now: datetime,
        until: datetime | None,
        to_id: int | None = None,
    ) -> int | None:
        """Keep a decision, in the place of the one in force.

        Args:
            person_id: About whom.
            programme_id: Where.
            about: place, level or hand.
            value: What was decided.
            instead_of: The decision that the one who decides has seen; 0 = none.
            why: The reason.
            signs: Keys of the signs there are now.
            by_id: Who decides.
            now: UTC.
            until: Its end, if it has one.
            to_id: The colleague to whom they are handed.

        Returns:
            Its number; None when somebody else was quicker.
        """
        if instead_of and not self.end(instead_of, person_id, by_id, now):
            return None
        values = {
            "person_id": person_id,
            "programme_id": programme_id,
            "about": about,
            "value": value,
            "why": self._vault.seal(self._session, person_id, why),
            "signs": None
            if signs is None
            else self._vault.seal(self._session, person_id, sorted(signs)),
            "by_id": by_id,
            "at": now,
            "until": until,
            "to_id": to_id,
        }
        return insert_new(self._session, table_of(Correction), values)

    def end(self, decision_id: int, person_id: int, by_id: int, now: datetime) -> bool:
        """Take a decision back; False when it was already."""
        return bool(
            changed(
                self._session,
                update(Correction)
                .where(
                    Correction.id == decision_id,
                    Correction.person_id == person_id,
                    Correction.ended_at.is_(None),
                )
                .values(ended_at=now, ended_by_id=by_id)
                .execution_options(synchronize_session=False),
            )
        )

    # --- calls for help ---------------------------------------------------------------------------

    def call(
        self, person_id: int, programme_id: str, words: str, *, now: datetime, due_at: datetime
    ) -> HelpCall | None:
        """A new call for help; None when one is going on."""
        sealed = self._vault.seal(self._session, person_id, [words]) if words else None
        new = {
            "person_id": person_id,
            "programme_id": programme_id,
            "words": sealed,
            "state": "open",
            "version": 1,
            "asked_at": now,
            "due_at": due_at,
        }
        number = insert_new(self._session, table_of(HelpCall), new)
        return None if number is None else self._session.get_one(HelpCall, number)

    def get_call(self, call_id: int) -> HelpCall | None:
        """The call with this number; whether it may be shown is for the caller to check."""
        return self._session.get(HelpCall, call_id)

    def live_call(self, person_id: int, programme_id: str) -> HelpCall | None:
        """The person's call that is not over."""
        return self._session.scalar(
            select(HelpCall).where(
                HelpCall.person_id == person_id,
                HelpCall.programme_id == programme_id,
                HelpCall.state != "closed",
            )
        )

    def live_calls(self, programme_id: str, only: int | None = None) -> list[AnyRow]:
        """Number, person, instant, state and taker of the calls that are not over, oldest first."""
        query = (
            select(
                HelpCall.id,
                HelpCall.person_id,
                HelpCall.asked_at,
                HelpCall.state,
                HelpCall.taken_by_id,
            )
            .where(
                HelpCall.programme_id == programme_id,
                HelpCall.state != "closed",
                *_one(HelpCall.person_id, only),
            )
            .order_by(HelpCall.asked_at, HelpCall.id)
        )
        return list(self._session.execute(query))

    def call_words(self, call: HelpCall) -> list[str]:
        """What the person said of it, oldest first."""
        if call.words is None:
            return []
        found: list[str] = self._vault.open(self._session, call.person_id, call.words)
        return found

    def add_words(self, call: HelpCall, words: str) -> None:
        """Something more that the person said of it."""
        kept = [*self.call_words(call), words]
        call.words = self._vault.seal(self._session, call.person_id, kept)
        self._session.flush()

    def move_call(self, call: HelpCall, version: int, state: str, **values: Any) -> bool:
        """Compare-and-set the state; False when somebody was quicker."""
        done = changed(
            self._session,
            update(HelpCall)
            .where(HelpCall.id == call.id, HelpCall.version == version)
            .values(state=state, version=version + 1, **values)
            .execution_options(synchronize_session=False),
        )
        self._session.refresh(call)
        return bool(done)


def _one(column: Any, only: int | None) -> tuple[ColumnElement[bool], ...]:
    return () if only is None else (column == only,)
