"""Words between the team and those it follows: drafts, what was sent, answers.

Each is sealed with the key of the one who is followed and goes with them. Who may write to whom is
`bot/access.py`'s affair.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from storage.tables import TeamLetter
from storage.upsert import changed
from storage.vault import Vault


class TeamLetters:
    """The letters of one transaction."""

    def __init__(self, session: Session, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    def write(
        self, person_id: int, programme_id: str, by_id: int, text: str, now: datetime
    ) -> TeamLetter:
        """Words of the team for somebody, not sent yet."""
        return self._add(person_id, programme_id, by_id, text, now)

    def answer(self, letter: TeamLetter, text: str, now: datetime) -> TeamLetter:
        """What the person says to it."""
        return self._add(
            letter.person_id,
            letter.programme_id,
            letter.by_id,
            text,
            now,
            answer=True,
            state="sent",
        )

    def _add(
        self,
        person_id: int,
        programme_id: str,
        by_id: int,
        text: str,
        now: datetime,
        **more: bool | str,
    ) -> TeamLetter:
        row = TeamLetter(
            person_id=person_id,
            programme_id=programme_id,
            by_id=by_id,
            text=self._vault.seal(self._session, person_id, text),
            written_at=now,
            **more,
        )
        self._session.add(row)
        self._session.flush()
        return row

    def get(self, number: int) -> TeamLetter | None:
        """The letter of this number."""
        return self._session.get(TeamLetter, number)

    def text(self, row: TeamLetter) -> str:
        """What it says."""
        found: str = self._vault.open(self._session, row.person_id, row.text)
        return found

    def send(self, row: TeamLetter, version: int) -> bool:
        """A draft goes out; False when it did already."""
        same = (TeamLetter.id == row.id, TeamLetter.version == version)
        going = update(TeamLetter).where(*same, TeamLetter.state == "draft")
        done = changed(self._session, going.values(state="sent", version=version + 1))
        self._session.refresh(row)
        return bool(done)

    def drop(self, row: TeamLetter) -> bool:
        """A draft is not wanted; nothing of it stays. False when it was sent."""
        draft = (TeamLetter.id == row.id, TeamLetter.state == "draft")
        return bool(changed(self._session, delete(TeamLetter).where(*draft)))
