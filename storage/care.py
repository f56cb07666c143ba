"""What goes on around pairs. Nothing here decides who may see the result."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storage.tables import Beyond
from storage.upsert import changed


class Care:
    """Queries on what the team is told of a pair, and does about it."""

    def __init__(self, session: Session) -> None:
        self._session = session

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
