"""Whether meetings took place, as each side says. Who may read it is for the callers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.tables import Meeting, MeetingWord
from storage.upsert import table_of, upsert

_WORDS: Final = table_of(MeetingWord)


@dataclass(frozen=True, slots=True)
class Held:
    """A meeting that is over, with what was said of it.

    Attributes:
        meeting: Which.
        words: Person → kept, called_off or missed; who said nothing is not in it.
    """

    meeting: Meeting
    words: dict[int, str] = field(default_factory=dict)

    @property
    def outcome(self) -> str | None:
        """What all who spoke say; `differ` when they do not say the same; None while nobody has."""
        said = set(self.words.values())
        return "differ" if len(said) > 1 else next(iter(said), None)


class Kept:
    """Queries on meetings that are over."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def say(self, meeting_id: int, person_id: int, said: str, now: datetime) -> dict[int, str]:
        """Store what one side says, instead of what they said before; what both say now.

        The meeting is theirs until the end of the transaction: who speaks second reads both.
        """
        self._session.execute(select(Meeting.id).where(Meeting.id == meeting_id).with_for_update())
        row = upsert(self._session, _WORDS).values(
            meeting_id=meeting_id, person_id=person_id, said=said, said_at=now
        )
        self._session.execute(
            row.on_conflict_do_update(
                index_elements=["meeting_id", "person_id"],
                set_={"said": row.excluded.said, "said_at": row.excluded.said_at},
            )
        )
        return self._words([meeting_id]).get(meeting_id, {})

    def over(self, pair_ids: Collection[int], now: datetime) -> dict[int, list[Held]]:
        """The meetings of these pairs that began before now, by pair, the latest first."""
        rows: Sequence[Meeting] = self._session.scalars(
            select(Meeting)
            .where(Meeting.pair_id.in_(pair_ids), Meeting.starts_at <= now)
            .order_by(Meeting.starts_at.desc(), Meeting.id.desc())
        ).all()
        words = self._words([row.id for row in rows])
        found: dict[int, list[Held]] = {}
        for row in rows:
            found.setdefault(row.pair_id, []).append(Held(row, words.get(row.id, {})))
        return found

    def _words(self, meeting_ids: Collection[int]) -> dict[int, dict[int, str]]:
        found: dict[int, dict[int, str]] = {}
        for meeting, person, said in self._session.execute(
            select(MeetingWord.meeting_id, MeetingWord.person_id, MeetingWord.said).where(
                MeetingWord.meeting_id.in_(meeting_ids)
            )
        ):
            found.setdefault(meeting, {})[person] = said
        return found
