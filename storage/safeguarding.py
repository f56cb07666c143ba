"""What protects people, in rows: parents' words, checks of mentors, letters kept, flags.

Queries and guarded changes. Who may see a row, and what it means that one is missing, is for the
callers: nothing here knows an age, a role or a programme's rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from storage.tables import Flag, Guardian, Letter, MentorCheck
from storage.upsert import changed
from storage.vault import Vault


class Safeguarding:
    """The rows of safeguarding; texts are sealed for the person they belong to."""

    def __init__(self, session: Session, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    def _add(self, row: Any) -> None:
        self._session.add(row)
        self._session.flush()

    def _move(self, entity: Any, row: Any, version: int, **values: Any) -> bool:
        """Compare and set; False when somebody was quicker."""
        done = changed(
            self._session,
            update(entity)
            .where(entity.id == row.id, entity.version == version)
            .values(version=version + 1, **values),
        )
        self._session.refresh(row)
        return bool(done)

    # --- parents ---

    def record_guardian(
        self,
        person_id: int,
        programme_id: str,
        *,
        joint: bool,
        proof: str,
        reference: str,
        by: int,
        now: datetime,
    ) -> Guardian:
        """The parents' word, as staff saw it."""
        row = Guardian(
            person_id=person_id,
            programme_id=programme_id,
            joint=int(joint),
            proof=proof,
            reference=self._vault.seal(self._session, person_id, reference),
            recorded_by_id=by,
            recorded_at=now,
        )
        self._add(row)
        return row

    def guardian(self, person_id: int, programme_id: str) -> Guardian | None:
        """The parents' word that holds now."""
        return self._session.scalar(
            select(Guardian)
            .where(
                Guardian.person_id == person_id,
                Guardian.programme_id == programme_id,
                Guardian.revoked_at.is_(None),
            )
            .order_by(Guardian.id.desc())
            .limit(1)
        )

    def reference(self, row: Guardian) -> str:
        """Where the proof is kept."""
        words: str = self._vault.open(self._session, row.person_id, row.reference)
        return words

    def revoke_guardian(self, person_id: int, programme_id: str, *, by: int, now: datetime) -> bool:
        """The parents take their word back; False when none held."""
        return bool(
            changed(
                self._session,
                update(Guardian)
                .where(
                    Guardian.person_id == person_id,
                    Guardian.programme_id == programme_id,
                    Guardian.revoked_at.is_(None),
                )
                .values(revoked_at=now, revoked_by_id=by),
            )
        )

    # --- mentors ---

    def record_check(
        self,
        person_id: int,
        programme_id: str,
        *,
        kind: str,
        until: datetime,
        by: int,
        now: datetime,
    ) -> MentorCheck:
        """That somebody was checked, and until when it holds."""
        row = MentorCheck(
            person_id=person_id,
            programme_id=programme_id,
            kind=kind,
            until=until,
            checked_by_id=by,
            recorded_at=now,
        )
        self._add(row)
        return row

    def mentor_check(self, person_id: int, programme_id: str) -> MentorCheck | None:
        """The latest check of a person; it may be over."""
        return self._session.scalar(
            select(MentorCheck)
            .where(MentorCheck.person_id == person_id, MentorCheck.programme_id == programme_id)
            .order_by(MentorCheck.id.desc())
            .limit(1)
        )

    def check(self, number: int) -> MentorCheck | None:
        """The check with this number."""
        return self._session.get(MentorCheck, number)

    def checked(self, programme_id: str, now: datetime) -> set[int]:
        """Everybody whose latest check holds now."""
        latest = (
            select(func.max(MentorCheck.id))
            .where(MentorCheck.programme_id == programme_id)
            .group_by(MentorCheck.person_id)
        )
        return set(
            self._session.scalars(
                select(MentorCheck.person_id).where(
                    MentorCheck.id.in_(latest), MentorCheck.until > now
                )
            )
        )

    # --- letters ---

    def keep_letter(  # noqa: PLR0913 - keywords that name the columns
        self,
        *,
        programme_id: str,
        author_id: int,
        kind: str,
        text: Any,
        now: datetime,
        keep_until: datetime,
        pair_id: int | None = None,
        request_id: int | None = None,
        why: str | None = None,
    ) -> Letter:
        """Keep words of one person for another; with a reason, they are held."""
        row = Letter(
            programme_id=programme_id,
            author_id=author_id,
            pair_id=pair_id,
            request_id=request_id,
            kind=kind,
            state="held" if why else "sent",
            why=why,
            text=self._vault.seal(self._session, author_id, text),
            written_at=now,
            keep_until=keep_until,
        )
        self._add(row)
        return row

    def letter(self, number: int) -> Letter | None:
        """The letter with this number."""
        return self._session.get(Letter, number)

    def text(self, row: Letter) -> Any:
        """What was written; for kind request what the expert is to see."""
        return self._vault.open(self._session, row.author_id, row.text)

    def settle(
        self, row: Letter, version: int, state: str, *, by: int | None, now: datetime
    ) -> bool:
        """Decide on a held letter; False when somebody was quicker."""
        return self._move(Letter, row, version, state=state, settled_by_id=by, settled_at=now)

    def explain(self, row: Letter, why: str) -> None:
        """A held letter is held for another reason now."""
        row.why = why
        self._session.flush()

    def letters(self, pair_id: int, limit: int = 500) -> Sequence[Letter]:
        """What the sides of a pair wrote to each other, oldest first."""
        newest = (
            select(Letter.id).where(Letter.pair_id == pair_id).order_by(Letter.id.desc())
        ).limit(limit)
        return self._session.scalars(
            select(Letter).where(Letter.id.in_(newest)).order_by(Letter.id)
        ).all()

    def just_before(
        self, pair_id: int, author_id: int, since: datetime, *, before: int | None, limit: int
    ) -> list[str]:
        """What one side wrote to the other since then, oldest first.

        Args:
            pair_id: Their pair.
            author_id: Whose words.
            since: UTC.
            before: Only what came before the letter of this number; None = all.
            limit: The last so many.
        """
        query = select(Letter).where(
            Letter.pair_id == pair_id, Letter.author_id == author_id, Letter.written_at >= since
        )
        if before is not None:
            query = query.where(Letter.id < before)
        found = self._session.scalars(query.order_by(Letter.id.desc()).limit(limit)).all()
        return [str(self.text(row)) for row in reversed(found)]

    def exchanged(self, pair_id: int) -> tuple[int, int, datetime | None]:
        """How many letters, how many of them are held, and when the last was written."""
        held = func.count().filter(Letter.state == "held")
        row = self._session.execute(
            select(func.count(), held, func.max(Letter.written_at)).where(Letter.pair_id == pair_id)
        ).one()
        return row[0], row[1], row[2]

    def held(
        self,
        programme_id: str,
        *,
        why: str | None = None,
        request_id: int | None = None,
    ) -> Sequence[Letter]:
        """What is held back, oldest first."""
        query = select(Letter).where(Letter.programme_id == programme_id, Letter.state == "held")
        if why is not None:
            query = query.where(Letter.why == why)
        if request_id is not None:
            query = query.where(Letter.request_id == request_id)
        return self._session.scalars(query.order_by(Letter.id)).all()

    # --- flags ---

    def raise_flag(
        self,
        *,
        programme_id: str,
        person_id: int,
        kind: str,
        quoted: str,
        now: datetime,
        theme: str | None = None,
        about_id: int | None = None,
    ) -> Flag:
        """Something for the safeguarding person."""
        row = Flag(
            programme_id=programme_id,
            person_id=person_id,
            kind=kind,
            theme=theme,
            about_id=about_id,
            quoted=self._vault.seal(self._session, person_id, quoted),
            made_at=now,
            changed_at=now,
        )
        self._add(row)
        return row

    def flag(self, number: int) -> Flag | None:
        """The flag with this number."""
        return self._session.get(Flag, number)

    def quoted(self, row: Flag) -> tuple[str, str | None]:
        """The words reported, and what was added to them."""
        quoted: str = self._vault.open(self._session, row.person_id, row.quoted)
        if row.words is None:
            return quoted, None
        words: str = self._vault.open(self._session, row.person_id, row.words)
        return quoted, words

    def about_name(self, row: Flag) -> str | None:
        """The name of whoever it is about, kept since they erased themselves."""
        if row.about_name is None:
            return None
        name: str | None = self._vault.open(self._session, None, row.about_name)
        return name

    def add_words(self, row: Flag, words: str) -> None:
        """What the reporter adds."""
        row.words = self._vault.seal(self._session, row.person_id, words)
        self._session.flush()

    def move_flag(
        self, row: Flag, version: int, state: str, *, by: int | None, now: datetime
    ) -> bool:
        """New, taken, closed; False when somebody was quicker."""
        return self._move(Flag, row, version, state=state, handled_by_id=by, changed_at=now)

    def open_flags(self, programme_id: str) -> Sequence[Flag]:
        """What nobody has closed yet, oldest first."""
        return self._session.scalars(
            select(Flag)
            .where(Flag.programme_id == programme_id, Flag.state != "closed")
            .order_by(Flag.id)
        ).all()
