"""Requests for help and the experts proposed for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from storage.tables import Proposal, Request
from storage.upsert import changed
from storage.vault import Vault

LIVE: Final = ("open", "proposed", "asked", "team")
"""States of a request that is not at its end."""


class Requests:
    """Requests and proposals. Every change of state is a compare-and-set on the version."""

    def __init__(self, session: Session, vault: Vault) -> None:
        self._session = session
        self._vault = vault
        self.touched: set[int] = set()  # what this transaction changed: their clocks are set anew

    def add(
        self,
        person_id: int,
        programme_id: str,
        conversation_id: int,
        *,
        kind: str,
        shared: Any,
        features: Any,
        now: datetime,
        due_at: datetime | None,
    ) -> Request:
        """A new request; `shared` is what the expert will see, `features` what matching reads."""
        request = Request(
            person_id=person_id,
            programme_id=programme_id,
            conversation_id=conversation_id,
            kind=kind,
            shared=self._vault.seal(self._session, person_id, shared),
            features=self._vault.seal(self._session, person_id, features),
            created_at=now,
            changed_at=now,
            due_at=due_at,
        )
        self._session.add(request)
        self._session.flush()
        self.touched.add(request.id)
        return request

    def rewrite(self, request: Request, *, kind: str, shared: Any, features: Any) -> None:
        """The mentee changed their answers."""
        request.kind = kind
        request.shared = self._vault.seal(self._session, request.person_id, shared)
        request.features = self._vault.seal(self._session, request.person_id, features)

    def share(self, request: Request, shared: Any) -> None:
        """What the expert may see, as it was decided."""
        request.shared = self._vault.seal(self._session, request.person_id, shared)

    def get(self, request_id: int) -> Request | None:
        """The request with this number."""
        return self._session.get(Request, request_id)

    def shared(self, request: Request) -> Any:
        """What the mentee chose to show."""
        return self._read(request, request.shared)

    def features(self, request: Request) -> Any:
        """What matching reads."""
        return self._read(request, request.features)

    def _read(self, request: Request, sealed: bytes | None) -> Any:
        if sealed is None:
            return None
        return self._vault.open(self._session, request.person_id, sealed)

    def move(
        self,
        request: Request,
        version: int,
        state: str,
        *,
        now: datetime,
        due_at: datetime | None = None,
    ) -> bool:
        """Compare-and-set the state; False when somebody was quicker."""
        done = changed(
            self._session,
            update(Request)
            .where(Request.id == request.id, Request.version == version)
            .values(state=state, version=version + 1, changed_at=now, due_at=due_at)
            .execution_options(synchronize_session=False),
        )
        self._session.refresh(request)
        if done:
            self.touched.add(request.id)
        return bool(done)

    def give_to(
        self, request: Request, owner_id: int | None, *, instead_of: int | None, now: datetime
    ) -> bool:
        """Compare-and-set who is in charge of a live request; False when somebody was quicker.

        The version stays: what was shown to others, and planned for them, is not stale by it.
        """
        done = changed(
            self._session,
            update(Request)
            .where(
                Request.id == request.id,
                Request.owner_id.is_not_distinct_from(instead_of),
                Request.state.in_(LIVE),
            )
            .values(owner_id=owner_id, owned_at=now)
            .execution_options(synchronize_session=False),
        )
        self._session.refresh(request)
        if done:
            self.touched.add(request.id)
        return bool(done)

    def touch(self, request: Request) -> None:
        """Something about a request has changed that is in none of its columns: time has passed."""
        self.touched.add(request.id)

    def owned_by(self, person_id: int, programme_id: str | None = None) -> Sequence[Request]:
        """The live requests a staff member is in charge of, oldest first."""
        query = select(Request).where(Request.owner_id == person_id, Request.state.in_(LIVE))
        if programme_id is not None:
            query = query.where(Request.programme_id == programme_id)
        return self._session.scalars(query.order_by(Request.created_at, Request.id)).all()

    def live(self, person_id: int, programme_id: str) -> Request | None:
        """The person's request that is not at its end yet."""
        return self._session.scalar(
            select(Request)
            .where(
                Request.person_id == person_id,
                Request.programme_id == programme_id,
                Request.state.in_(LIVE),
            )
            .order_by(Request.id.desc())
            .limit(1)
        )

    def latest(self, person_id: int, programme_id: str) -> Request | None:
        """The person's newest request, in whatever state."""
        return self._session.scalar(
            select(Request)
            .where(Request.person_id == person_id, Request.programme_id == programme_id)
            .order_by(Request.id.desc())
            .limit(1)
        )

    def by_conversation(self, conversation_id: int) -> Request | None:
        """The request an intake led to."""
        return self._session.scalar(
            select(Request).where(Request.conversation_id == conversation_id)
        )

    def waiting(self, programme_id: str) -> Sequence[Request]:
        """Requests not at their end, oldest first (A-15)."""
        return self._session.scalars(
            select(Request)
            .where(
                Request.programme_id == programme_id,
                Request.state.in_(LIVE),
            )
            .order_by(Request.created_at, Request.id)
        ).all()

    # --- proposals ---

    def propose(
        self,
        request_id: int,
        expert_id: int,
        *,
        rank: int,
        reasons: list[str],
        now: datetime,
        by_staff: bool = False,
    ) -> Proposal:
        """Record that this expert is proposed; a second time gives the same row."""
        found = self._session.scalar(
            select(Proposal).where(
                Proposal.request_id == request_id, Proposal.expert_id == expert_id
            )
        )
        if found is not None:
            return found
        proposal = Proposal(
            request_id=request_id,
            expert_id=expert_id,
            rank=rank,
            reasons=reasons,
            by_staff=by_staff,
            shown_at=now,
        )
        self._session.add(proposal)
        self._session.flush()
        return proposal

    def proposal(self, proposal_id: int) -> Proposal | None:
        """The proposal with this number."""
        return self._session.get(Proposal, proposal_id)

    def proposals(self, request_id: int) -> Sequence[Proposal]:
        """The proposals of a request, by rank."""
        return self._session.scalars(
            select(Proposal)
            .where(Proposal.request_id == request_id)
            .order_by(Proposal.rank, Proposal.id)
        ).all()

    def move_proposal(
        self,
        proposal: Proposal,
        version: int,
        state: str,
        *,
        asked_at: datetime | None = None,
        due_at: datetime | None = None,
    ) -> bool:
        """Compare-and-set the state of a proposal; False when somebody was quicker."""
        values: dict[str, Any] = {"state": state, "version": version + 1, "due_at": due_at}
        if asked_at is not None:
            values["asked_at"] = asked_at
        done = changed(
            self._session,
            update(Proposal)
            .where(Proposal.id == proposal.id, Proposal.version == version)
            .values(**values)
            .execution_options(synchronize_session=False),
        )
        self._session.refresh(proposal)
        return bool(done)

    def asked_of(self, expert_id: int, programme_id: str | None = None) -> Sequence[Proposal]:
        """Proposals waiting for this expert's answer, oldest first."""
        query = select(Proposal).where(Proposal.expert_id == expert_id, Proposal.state == "asked")
        if programme_id is not None:
            query = query.join(Request, Request.id == Proposal.request_id).where(
                Request.programme_id == programme_id
            )
        return self._session.scalars(query.order_by(Proposal.asked_at, Proposal.id)).all()

    def counts(self, programme_id: str) -> dict[str, int]:
        """How many requests are in each state."""
        rows = self._session.execute(
            select(Request.state, func.count())
            .where(Request.programme_id == programme_id)
            .group_by(Request.state)
        ).all()
        return {str(state): int(count) for state, count in rows}
