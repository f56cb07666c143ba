"""What goes on around pairs. Nothing here decides who may see the result."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, case, exists, func, select, update
from sqlalchemy.orm import Session

from storage.groups import Group
from storage.tables import (
    Beyond,
    Extension,
    FollowUp,
    Pair,
    Referral,
    Request,
    RequestNote,
    Training,
)
from storage.upsert import changed
from storage.vault import Vault

GOING = ("suggested", "agreed", "underway")
"""States of a referral that is not at its end."""
TAKEN = ("agreed", "underway", "done")
"""States of a referral that the person said yes to."""
DECISIONS = ("feasible", "infeasible", "reopened")
"""Notes of a request's file that decide about it, the last of them being the one that counts."""


class Care:
    """Queries on what the team is told of a pair, and does about it."""

    def __init__(self, session: Session, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    def outcomes(
        self, programme_id: str, begin: datetime, end: datetime, group: Group | None = None
    ) -> dict[str, int]:
        """How the pairs of some months ended in a period, from `begin` until before `end`."""
        rows = self._session.execute(
            select(Pair.outcome, func.count())
            .where(
                Pair.programme_id == programme_id,
                Pair.kind == "long_term",
                Pair.outcome.is_not(None),
                Pair.ended_at >= begin,
                Pair.ended_at < end,
                *_of_either(group),
            )
            .group_by(Pair.outcome)
        )
        return {str(outcome): int(count) for outcome, count in rows}

    def request_ends(
        self, programme_id: str, begin: datetime, end: datetime, group: Group | None = None
    ) -> dict[str, int]:
        """What became of the requests of a period that are at their end, each counted once.

        Returns:
            How many were `matched`, closed after somebody had turned to others (`referred`),
            answered `infeasible`, or closed otherwise (`withdrawn`).
        """
        turned = exists().where(Referral.request_id == Request.id, Referral.state.in_(TAKEN))
        last = (
            select(func.max(RequestNote.id))
            .where(RequestNote.request_id == Request.id, RequestNote.kind.in_(DECISIONS))
            .correlate(Request)
            .scalar_subquery()
        )
        refused = exists().where(RequestNote.id == last, RequestNote.kind == "infeasible")
        how = case(
            (Request.state == "matched", "matched"),
            (turned, "referred"),
            (refused, "infeasible"),
            else_="withdrawn",
        )
        ended = (
            select(how.label("how"))
            .where(
                Request.programme_id == programme_id,
                Request.state.in_(("matched", "closed")),
                Request.created_at >= begin,
                Request.created_at < end,
                *([group.among(Request.person_id)] if group else []),
            )
            .subquery()
        )
        rows = self._session.execute(select(ended.c.how, func.count()).group_by(ended.c.how))
        return {str(kind): int(count) for kind, count in rows}

    # --- beyond my role ---

    def say_beyond(self, row: Beyond) -> Beyond:
        """Store that a mentor said so."""
        self._session.add(row)
        self._session.flush()
        return row

    def beyond(self, number: int) -> Beyond | None:
        """What a mentor said under this number."""
        return self._session.get(Beyond, number)

    def beyond_of(self, pair_id: int) -> Sequence[Beyond]:
        """What the mentor of a pair said, the latest first."""
        return self._session.scalars(
            select(Beyond).where(Beyond.pair_id == pair_id).order_by(Beyond.id.desc())
        ).all()

    def answer_beyond(
        self, row: Beyond, version: int, state: str, *, by_id: int, now: datetime
    ) -> bool:
        """Compare-and-set that the team has answered; False when somebody was quicker."""
        done = changed(
            self._session,
            update(Beyond)
            .where(Beyond.id == row.id, Beyond.version == version)
            .values(state=state, version=version + 1, answered_by_id=by_id, answered_at=now)
            .execution_options(synchronize_session=False),
        )
        self._session.refresh(row)
        return bool(done)

    # --- turning to others ---

    def refer(self, row: Referral) -> Referral:
        """Store that somebody may turn to others."""
        self._session.add(row)
        self._session.flush()
        return row

    def referral(self, number: int) -> Referral | None:
        """The referral with this number."""
        return self._session.get(Referral, number)

    def referrals(
        self, programme_id: str, *, person_id: int | None = None, going: bool = False
    ) -> Sequence[Referral]:
        """Those of a programme or of one person in it, the longest unmoved first."""
        query = select(Referral).where(Referral.programme_id == programme_id)
        if person_id is not None:
            query = query.where(Referral.person_id == person_id)
        if going:
            query = query.where(Referral.state.in_(GOING))
        return self._session.scalars(query.order_by(Referral.changed_at, Referral.id)).all()

    def turned(self, pair_id: int) -> bool:
        """Whether the mentee of a pair has agreed to turn to others beside it."""
        some = select(func.count()).where(
            Referral.pair_id == pair_id, Referral.state.in_(("agreed", "underway", "done"))
        )
        return bool(self._session.scalar(some))

    def move_referral(self, row: Referral, version: int, state: str, now: datetime) -> bool:
        """Compare-and-set the state; False when somebody was quicker."""
        done = changed(
            self._session,
            update(Referral)
            .where(Referral.id == row.id, Referral.version == version)
            .values(state=state, version=version + 1, changed_at=now)
            .execution_options(synchronize_session=False),
        )
        self._session.refresh(row)
        return bool(done)

    def take_up_referral(self, row: Referral, version: int, state: str, now: datetime) -> bool:
        """Compare-and-set that a hidden suggestion is the person's own wish from now on."""
        done = changed(
            self._session,
            update(Referral)
            .where(Referral.id == row.id, Referral.version == version, Referral.shown_at.is_(None))
            .values(state=state, origin="mentee", version=version + 1, changed_at=now)
            .execution_options(synchronize_session=False),
        )
        self._session.refresh(row)
        return bool(done)

    def give_referral(self, row: Referral, to: int, *, instead_of: int | None) -> bool:
        """Who is in charge of it from now on; False when somebody was quicker."""
        done = changed(
            self._session,
            update(Referral)
            .where(Referral.id == row.id, Referral.owner_id.is_not_distinct_from(instead_of))
            .values(owner_id=to)
            .execution_options(synchronize_session=False),
        )
        self._session.refresh(row)
        return bool(done)

    def write_note(self, row: Referral, words: str) -> None:
        """What the team noted of it, in place of what was there."""
        row.note = self._vault.seal(self._session, row.person_id, words)

    def note(self, row: Referral) -> str:
        """What the team noted of it; empty when it did not."""
        if row.note is None:
            return ""
        words: str = self._vault.open(self._session, row.person_id, row.note)
        return words

    # --- more time ---

    def propose_extension(self, row: Extension) -> Extension:
        """Store that more months are proposed."""
        self._session.add(row)
        self._session.flush()
        return row

    def extension(self, number: int) -> Extension | None:
        """The proposal with this number."""
        return self._session.get(Extension, number)

    def open_extension(self, pair_id: int, now: datetime) -> Extension | None:
        """The proposal that waits for a yes."""
        return self._session.scalar(
            select(Extension)
            .where(
                Extension.pair_id == pair_id,
                Extension.state == "open",
                Extension.expires_at > now,
            )
            .order_by(Extension.id.desc())
            .limit(1)
        )

    def declined_extensions(self, pair: Pair) -> Sequence[Extension]:
        """What was proposed for the end that the pair has now, and had a no."""
        return self._session.scalars(
            select(Extension).where(
                Extension.pair_id == pair.id,
                Extension.state == "declined",
                Extension.expires_at == pair.ends_at,
            )
        ).all()

    def say_yes(self, row: Extension, now: datetime, *, mentee: bool) -> bool:
        """One side's yes, once, while it counts; in whichever order."""
        side = Extension.mentee_yes if mentee else Extension.mentor_yes
        done = changed(
            self._session,
            update(Extension)
            .where(
                Extension.id == row.id,
                Extension.state == "open",
                Extension.expires_at > now,
                side.is_(False),
            )
            .values({side: True})
            .execution_options(synchronize_session=False),
        )
        self._session.refresh(row)
        return bool(done)

    def settle_extension(self, row: Extension, state: str, *, both: bool) -> bool:
        """Compare-and-set the end of a proposal; `both`: only if both have said yes."""
        query = update(Extension).where(Extension.id == row.id, Extension.state == "open")
        if both:
            query = query.where(Extension.mentee_yes.is_(True), Extension.mentor_yes.is_(True))
        done = changed(
            self._session,
            query.values(state=state).execution_options(synchronize_session=False),
        )
        self._session.refresh(row)
        return bool(done)

    # --- training ---

    def training(self, person_id: int, programme_id: str) -> Training | None:
        """What is known of somebody's training in a programme."""
        return self._session.scalar(
            select(Training).where(
                Training.person_id == person_id, Training.programme_id == programme_id
            )
        )

    def training_number(self, number: int) -> Training | None:
        """The training with this number."""
        return self._session.get(Training, number)

    def trained(self, programme_id: str, people: Collection[int]) -> dict[int, Training]:
        """What is known of the training of these people, by person."""
        rows = self._session.scalars(
            select(Training).where(
                Training.programme_id == programme_id, Training.person_id.in_(people)
            )
        )
        return {row.person_id: row for row in rows}

    def write_training(
        self,
        person_id: int,
        programme_id: str,
        state: str,
        *,
        done_on: date,
        now: datetime,
        by_id: int | None = None,
    ) -> Training:
        """Write down a training, or what has become of the one written down."""
        row = self.training(person_id, programme_id)
        if row is None:
            row = Training(person_id=person_id, programme_id=programme_id, declared_at=now)
            self._session.add(row)
        row.state, row.done_on, row.confirmed_by_id = state, done_on, by_id
        self._session.flush()
        return row

    # --- months after ---

    def ask_after(self, row: FollowUp) -> FollowUp:
        """Store that somebody is asked months after."""
        self._session.add(row)
        self._session.flush()
        return row

    def followup(self, pair_id: int, person_id: int) -> FollowUp | None:
        """Whether and how somebody was asked after a pair."""
        return self._session.scalar(
            select(FollowUp).where(FollowUp.pair_id == pair_id, FollowUp.person_id == person_id)
        )

    def wants_no_questions(self, person_id: int, programme_id: str) -> bool:
        """Whether somebody said after a pair of this programme that they want no such questions."""
        some = (
            select(func.count())
            .select_from(FollowUp)
            .join(Pair, Pair.id == FollowUp.pair_id)
            .where(
                FollowUp.person_id == person_id,
                Pair.programme_id == programme_id,
                FollowUp.state == "refused",
            )
        )
        return bool(self._session.scalar(some))

    def ended(
        self, programme_id: str, begin: datetime, end: datetime, group: Group | None = None
    ) -> Sequence[Pair]:
        """The pairs of some months that ended in a period."""
        return self._session.scalars(
            select(Pair)
            .where(
                Pair.programme_id == programme_id,
                Pair.kind == "long_term",
                Pair.ended_at >= begin,
                Pair.ended_at < end,
                *_of_either(group),
            )
            .order_by(Pair.id)
        ).all()


def _of_either(group: Group | None) -> list[ColumnElement[bool]]:
    """A pair is of a group when either side is."""
    return [group.among(Pair.mentee_id, Pair.mentor_id)] if group else []
