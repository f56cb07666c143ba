"""Pairs, their objectives, their rhythm, their check-ins and meetings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import exists, literal_column, or_, select, update
from sqlalchemy.orm import Session

from storage.tables import (
    Checkin,
    Meeting,
    Objective,
    Pair,
    Person,
    Series,
    SeriesException,
    Timer,
)
from storage.upsert import changed
from storage.vault import Vault


class Pairs:
    """Queries on pairs and what belongs to them."""

    def __init__(self, session: Session, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    def add(self, pair: Pair) -> Pair:
        """Store a new pair and give it its number."""
        self._session.add(pair)
        self._session.flush()
        return pair

    def get(self, pair_id: int) -> Pair | None:
        """The pair with this number."""
        return self._session.get(Pair, pair_id)

    def move(
        self,
        pair: Pair,
        version: int,
        state: str,
        *,
        ended_at: datetime | None = None,
        outcome: str | None = None,
    ) -> bool:
        """Compare-and-set the state; False when somebody was quicker."""
        values: dict[str, Any] = {"state": state, "version": version + 1}
        if ended_at is not None:
            values["ended_at"] = ended_at
        if outcome is not None:
            values["outcome"] = outcome
        done = changed(
            self._session,
            update(Pair)
            .where(Pair.id == pair.id, Pair.version == version)
            .values(**values)
            .execution_options(synchronize_session=False),
        )
        self._session.refresh(pair)
        return bool(done)

    def unplanned(self, programme_id: str, kind: str) -> Sequence[Pair]:
        """Pairs of some months that go on and have no timer of a kind, in one statement."""
        planned = exists().where(
            Timer.kind == kind,
            Timer.subject_id == Pair.id,
            Timer.state == literal_column("'pending'"),
        )
        return self._session.scalars(
            select(Pair)
            .where(
                Pair.programme_id == programme_id,
                Pair.kind == "long_term",
                Pair.state.in_(("active", "paused")),
                ~planned,
            )
            .order_by(Pair.id)
        ).all()

    def extend(self, pair: Pair, before: datetime, ends_at: datetime) -> bool:
        """Move the planned end of a pair that goes on; False when it is not what it was."""
        done = changed(
            self._session,
            update(Pair)
            .where(Pair.id == pair.id, Pair.ends_at == before, Pair.state.in_(("active", "paused")))
            .values(ends_at=ends_at)
            .execution_options(synchronize_session=False),
        )
        self._session.refresh(pair)
        return bool(done)

    def met(self, pair_id: int, since: datetime, until: datetime) -> Sequence[Meeting]:
        """The meetings of a pair that began in a period and were not called off."""
        return self._session.scalars(
            select(Meeting).where(
                Meeting.pair_id == pair_id,
                Meeting.state.in_(("planned", "held")),
                Meeting.starts_at > since,
                Meeting.starts_at <= until,
            )
        ).all()

    def supervise(self, pair: Pair, before: int | None, supervisor_id: int) -> bool:
        """Give a pair to a supervisor (A-14); False when somebody else was quicker."""
        done = changed(
            self._session,
            update(Pair)
            .where(Pair.id == pair.id, Pair.supervisor_id.is_not_distinct_from(before))
            .values(supervisor_id=supervisor_id)
            .execution_options(synchronize_session=False),
        )
        self._session.refresh(pair)
        return bool(done)

    def of_person(
        self, person_id: int, programme_id: str | None = None, *, ended: bool = False
    ) -> Sequence[Pair]:
        """The pairs a person is in, newest first; ended ones only on demand.

        One that still waits for the mentor's yes is none yet.
        """
        query = select(Pair).where(or_(Pair.mentee_id == person_id, Pair.mentor_id == person_id))
        if programme_id is not None:
            query = query.where(Pair.programme_id == programme_id)
        if not ended:
            query = query.where(Pair.state.not_in(("proposed", "closed")))
        return self._session.scalars(query.order_by(Pair.id.desc())).all()

    def between(self, one: int, other: int, programme_id: str) -> Pair | None:
        """A pair of these two, in whichever roles, that has not ended."""
        return self._session.scalar(
            select(Pair).where(
                Pair.programme_id == programme_id,
                Pair.state != "closed",
                Pair.mentee_id.in_((one, other)),
                Pair.mentor_id.in_((one, other)),
            )
        )

    def of_programme(self, programme_id: str, *, ended: bool = True) -> Sequence[Pair]:
        """All pairs of a programme, oldest first."""
        query = select(Pair).where(Pair.programme_id == programme_id)
        if not ended:
            query = query.where(Pair.state != "closed")
        return self._session.scalars(query.order_by(Pair.id)).all()

    # --- objectives ---

    def add_objective(self, pair_id: int, author_id: int, words: str, now: datetime) -> Objective:
        """A proposed objective, sealed for its author; an older open proposal is replaced."""
        self._session.execute(
            update(Objective)
            .where(Objective.pair_id == pair_id, Objective.state == "proposed")
            .values(state="replaced", settled_at=now)
        )
        row = Objective(
            pair_id=pair_id,
            author_id=author_id,
            text=self._vault.seal(self._session, author_id, words),
            proposed_at=now,
        )
        self._session.add(row)
        self._session.flush()
        return row

    def objective(self, objective_id: int) -> Objective | None:
        """The objective with this number."""
        return self._session.get(Objective, objective_id)

    def objectives(self, pair_id: int) -> Sequence[Objective]:
        """A pair's objectives, newest first."""
        return self._session.scalars(
            select(Objective).where(Objective.pair_id == pair_id).order_by(Objective.id.desc())
        ).all()

    def objective_text(self, row: Objective) -> str:
        """Its words."""
        words: str = self._vault.open(self._session, row.author_id, row.text)
        return words

    def settle_objective(self, row: Objective, version: int, state: str, now: datetime) -> bool:
        """Approve or decline, once; approving one replaces the one before it."""
        done = changed(
            self._session,
            update(Objective)
            .where(
                Objective.id == row.id,
                Objective.version == version,
                Objective.state == "proposed",
            )
            .values(state=state, version=version + 1, settled_at=now)
            .execution_options(synchronize_session=False),
        )
        if done and state == "approved":
            self._session.execute(
                update(Objective)
                .where(
                    Objective.pair_id == row.pair_id,
                    Objective.id != row.id,
                    Objective.state == "approved",
                )
                .values(state="replaced", settled_at=now)
            )
        self._session.refresh(row)
        return bool(done)

    # --- rhythm ---

    def add_series(self, series: Series) -> Series:
        """Store the rhythm of one side."""
        self._session.add(series)
        self._session.flush()
        return series

    def series(self, series_id: int) -> Series | None:
        """The series with this number."""
        return self._session.get(Series, series_id)

    def series_of(self, pair_id: int, person_id: int | None = None) -> Sequence[Series]:
        """The series of a pair, or of one side of it."""
        query = select(Series).where(Series.pair_id == pair_id)
        if person_id is not None:
            query = query.where(Series.person_id == person_id)
        return self._session.scalars(query.order_by(Series.id)).all()

    def in_rhythm(self, programme_id: str) -> Sequence[tuple[Series, Pair, Person, bool]]:
        """The series of a programme's active and paused pairs, and whether each has a next time.

        One statement, whatever their number.
        """
        planned = exists().where(
            Timer.kind == "checkin",
            Timer.subject_id == Series.id,
            Timer.state == literal_column("'pending'"),
        )
        rows = self._session.execute(
            select(Series, Pair, Person, planned)
            .join(Pair, Pair.id == Series.pair_id)
            .join(Person, Person.id == Series.person_id)
            .where(Pair.programme_id == programme_id, Pair.state.in_(("active", "paused")))
            .order_by(Series.id)
        )
        return [(series, pair, person, bool(there)) for series, pair, person, there in rows]

    def except_occurrence(
        self, series_id: int, occurrence: datetime, moved_to: datetime | None
    ) -> None:
        """Leave an occurrence out, or move it; saying it again changes the first word."""
        row = self._session.scalar(
            select(SeriesException).where(
                SeriesException.series_id == series_id,
                SeriesException.occurrence == occurrence,
            )
        )
        if row is None:
            row = SeriesException(series_id=series_id, occurrence=occurrence)
            self._session.add(row)
        row.moved_to = moved_to
        self._session.flush()

    def exceptions(self, series_id: int) -> dict[datetime, datetime | None]:
        """Occurrence → where it moved to, or None when left out."""
        rows = self._session.scalars(
            select(SeriesException).where(SeriesException.series_id == series_id)
        )
        return {row.occurrence: row.moved_to for row in rows}

    # --- check-ins ---

    def add_checkin(self, checkin: Checkin) -> Checkin:
        """Store that one side is asked about an occurrence."""
        self._session.add(checkin)
        self._session.flush()
        return checkin

    def checkin(self, checkin_id: int) -> Checkin | None:
        """The check-in with this number."""
        return self._session.get(Checkin, checkin_id)

    def checkins(self, pair_id: int, limit: int | None = None) -> Sequence[Checkin]:
        """A pair's check-ins, the latest first."""
        query = (
            select(Checkin)
            .where(Checkin.pair_id == pair_id)
            .order_by(Checkin.occurrence.desc(), Checkin.id.desc())
        )
        return self._session.scalars(query.limit(limit) if limit else query).all()

    # --- meetings ---

    def add_meeting(self, meeting: Meeting) -> Meeting:
        """Store a date."""
        self._session.add(meeting)
        self._session.flush()
        return meeting

    def meeting(self, meeting_id: int) -> Meeting | None:
        """The meeting with this number."""
        return self._session.get(Meeting, meeting_id)

    def next_meeting(self, pair_id: int, now: datetime) -> Meeting | None:
        """The next planned date."""
        return self._session.scalar(
            select(Meeting)
            .where(
                Meeting.pair_id == pair_id,
                Meeting.state == "planned",
                Meeting.starts_at > now,
            )
            .order_by(Meeting.starts_at)
            .limit(1)
        )
