"""The team's file on a request: what was noted and decided, who is asked for an interview.

The store seals and opens the words; who may read them is `bot/access.py`'s affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storage.requests import LIVE
from storage.tables import Interview, Request, RequestNote
from storage.upsert import changed, insert_new, table_of
from storage.vault import Vault

_INTERVIEW = table_of(Interview)
DECISIONS: Final = ("feasible", "infeasible", "reopened", "changed")
"""Kinds of lines that say whether the team can help: the last one counts. What is taken up again,
or has been written anew, is to be judged again."""
WAITING: Final = ("asked", "told", "unsuited")
"""States of an interview that has not taken place."""


class Casework:
    """Notes and interviews. Every change of state is a compare-and-set."""

    def __init__(self, session: Session, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    # --- notes ---

    def write(
        self, request: Request, by_id: int, kind: str, words: str | None, now: datetime
    ) -> RequestNote:
        """A line in the file of a request."""
        row = RequestNote(
            request_id=request.id,
            person_id=request.person_id,
            by_id=by_id,
            kind=kind,
            text=None
            if words is None
            else self._vault.seal(self._session, request.person_id, words),
            said_at=now,
        )
        self._session.add(row)
        self._session.flush()
        return row

    def note(self, number: int) -> RequestNote | None:
        """The line of this number."""
        return self._session.get(RequestNote, number)

    def words(self, row: RequestNote) -> str:
        """What a line says; nothing for a decision without words."""
        if row.text is None:
            return ""
        found: str = self._vault.open(self._session, row.person_id, row.text)
        return found

    def notes(self, request_id: int) -> Sequence[RequestNote]:
        """The file of a request, oldest first; a refusal not decided yet is nobody's business."""
        return self._session.scalars(
            select(RequestNote)
            .where(RequestNote.request_id == request_id, RequestNote.kind != "refusal")
            .order_by(RequestNote.id)
        ).all()

    def decision(self, request_id: int) -> str | None:
        """The last decision on a request, if there is one."""
        last = self.last_decision(request_id)
        return None if last is None else last.kind

    def last_decision(self, request_id: int) -> RequestNote | None:
        """The line that says it."""
        found = [row for row in self.notes(request_id) if row.kind in DECISIONS]
        return found[-1] if found else None

    def decisions(self, request_id: int) -> int:
        """How many decisions there were on a request."""
        return sum(row.kind in DECISIONS for row in self.notes(request_id))

    def decide(self, row: RequestNote, *, told: bool) -> bool:
        """A refusal that was written becomes a decision; False when it was one already."""
        done = changed(
            self._session,
            update(RequestNote)
            .where(RequestNote.id == row.id, RequestNote.kind == "refusal")
            .values(kind="infeasible", told=told)
            .execution_options(synchronize_session=False),
        )
        self._session.refresh(row)
        return bool(done)

    # --- interviews ---

    def ask(
        self, request_id: int, interviewer_id: int, asked_by_id: int, now: datetime
    ) -> Interview | None:
        """Ask a colleague, once for each request; None when they were asked already."""
        number = insert_new(
            self._session,
            _INTERVIEW,
            {
                "request_id": request_id,
                "interviewer_id": interviewer_id,
                "asked_by_id": asked_by_id,
                "state": "asked",
                "version": 1,
                "asked_at": now,
            },
        )
        return None if number is None else self._session.get(Interview, number)

    def interview(self, number: int) -> Interview | None:
        """The interview of this number."""
        return self._session.get(Interview, number)

    def interviews(self, request_id: int) -> Sequence[Interview]:
        """The interviews of a request, in the order in which they were asked for."""
        return self._session.scalars(
            select(Interview).where(Interview.request_id == request_id).order_by(Interview.id)
        ).all()

    def settle(self, row: Interview, state: str, now: datetime) -> bool:
        """An interview goes on or is over; False when it is over, or somebody was quicker."""
        done = changed(
            self._session,
            update(Interview)
            .where(Interview.id == row.id, Interview.version == row.version)
            .where(Interview.state.in_(WAITING))
            .values(state=state, version=row.version + 1, settled_at=now)
            .execution_options(synchronize_session=False),
        )
        self._session.refresh(row)
        return bool(done)

    def asked_of(self, person_id: int, programme_id: str | None = None) -> Sequence[Interview]:
        """Interviews a colleague is asked for and has not settled, of live requests."""
        query = select(Interview).join(Request, Request.id == Interview.request_id)
        if programme_id is not None:
            query = query.where(Request.programme_id == programme_id)
        return self._session.scalars(
            query.where(
                Interview.interviewer_id == person_id,
                Interview.state.in_(WAITING),
                Request.state.in_(LIVE),
            ).order_by(Interview.id)
        ).all()
