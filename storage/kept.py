"""Whether meetings took place, as each side says. Who may read it is for the callers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.tables import Meeting, MeetingWord, Pair
from storage.upsert import table_of, upsert

_WORDS: Final = table_of(MeetingWord)
RECENT: Final = timedelta(days=60)  # an older meeting is not spoken of any more


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
    """Queries on meetings that are over.

    Attributes:
        stirred: Programmes in which somebody said in this transaction what the other side did not.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.stirred: set[str] = set()

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

    def differing(self, programme_id: str, now: datetime) -> Sequence[tuple[Meeting, Pair]]:
        """Meetings of which the two sides do not say the same, and nobody was told; oldest first.

        Each with its pair.
        """
        said = func.count(MeetingWord.said.distinct())
        unlike = select(MeetingWord.meeting_id).group_by(MeetingWord.meeting_id).having(said > 1)
        rows = self._session.execute(
            select(Meeting, Pair)
            .join(Pair, Pair.id == Meeting.pair_id)
            .where(
                Pair.programme_id == programme_id,
                Meeting.differ_told_at.is_(None),
                Meeting.starts_at > now - RECENT,
                Meeting.id.in_(unlike),
            )
            .order_by(Meeting.starts_at, Meeting.id)
        )
        return [(meeting, pair) for meeting, pair in rows]

    def _words(self, meeting_ids: Collection[int]) -> dict[int, dict[int, str]]:
        found: dict[int, dict[int, str]] = {}
        for meeting, person, said in self._session.execute(
            select(MeetingWord.meeting_id, MeetingWord.person_id, MeetingWord.said).where(
                MeetingWord.meeting_id.in_(meeting_ids)
            )
        ):
            found.setdefault(meeting, {})[person] = said
        return found
