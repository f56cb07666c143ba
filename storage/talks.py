"""Conversations: answers sealed for the person they belong to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased
from sqlalchemy.orm.attributes import set_committed_value

from storage.tables import Conversation, Identity, Stray
from storage.upsert import table_of
from storage.vault import Vault

_AT_ONCE = 500
_AT_MOST = 50  # words handed on in a day
_SAVE = (
    update(table_of(Conversation))
    .where(table_of(Conversation).c.id == bindparam("talk_id"))
    .values({name: bindparam(name) for name in ("state", "status", "digest", "updated_at")})
)


class Talks:
    """The dialogues, open and past."""

    def __init__(self, session: Session, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    def start(
        self,
        person_id: int,
        programme_id: str,
        kind: str,
        *,
        state: Any,
        digest: str,
        now: datetime,
        about_id: int | None = None,
        closes_at: datetime | None = None,
    ) -> Conversation:
        """A new dialogue with its first state (JSON-able)."""
        talk = Conversation(
            person_id=person_id,
            programme_id=programme_id,
            kind=kind,
            about_id=about_id,
            state=self._vault.seal(self._session, person_id, state),
            digest=digest,
            opened_at=now,
            updated_at=now,
            closes_at=closes_at,
        )
        self._session.add(talk)
        self._session.flush()
        return talk

    def get(self, talk_id: int) -> Conversation | None:
        """The dialogue with this number; whether it may be shown is for the caller to check."""
        return self._session.get(Conversation, talk_id)

    def state(self, talk: Conversation) -> Any:
        """Its stored state, as JSON."""
        return self._vault.open(self._session, talk.person_id, talk.state)

    def save(self, talk: Conversation, state: Any, status: str, digest: str, now: datetime) -> None:
        """Store the state after a turn."""
        new = {
            "state": self._vault.seal(self._session, talk.person_id, state),
            "status": status,
            "digest": digest,
            "updated_at": now,
        }
        # One plain statement: working out what has changed costs several times as much.
        self._session.connection().execute(_SAVE, {"talk_id": talk.id, **new})
        for name, value in new.items():
            set_committed_value(talk, name, value)

    def keep(self, talk: Conversation, snapshot: Any) -> None:
        """Store what was asked and answered, readable whatever the file becomes (E-10)."""
        talk.snapshot = self._vault.seal(self._session, talk.person_id, snapshot)

    def snapshot(self, talk: Conversation) -> Any:
        """What was asked and answered at completion, or None."""
        if talk.snapshot is None:
            return None
        return self._vault.open(self._session, talk.person_id, talk.snapshot)

    def open_ones(self, person_id: int, programme_id: str | None = None) -> Sequence[Conversation]:
        """Dialogues waiting for this person, the latest first."""
        query = select(Conversation).where(
            Conversation.person_id == person_id, Conversation.status == "open"
        )
        if programme_id is not None:
            query = query.where(Conversation.programme_id == programme_id)
        return self._session.scalars(
            query.order_by(Conversation.updated_at.desc(), Conversation.id.desc())
        ).all()

    def accounts_in_dialogue(self, bot_account: str) -> Sequence[str]:
        """Accounts of people who are in the middle of something, the latest first."""
        query = (
            select(Identity.account)
            .join(Conversation, Conversation.person_id == Identity.person_id)
            .where(
                Identity.bot_account == bot_account,
                Identity.reachable.is_(True),
                Conversation.status == "open",
            )
            .group_by(Identity.account)
            .order_by(func.max(Conversation.updated_at).desc())
        )
        return self._session.scalars(query).all()

    def waiting(self, person_id: int, now: datetime) -> Sequence[Conversation]:
        """What a person may go on with, the latest first: open dialogues, and drafts they stopped.

        A stopped draft that was followed by another dialogue of its kind is left in peace, and so
        is a check-in that was left out.
        """
        later = aliased(Conversation)
        same = (later.person_id == person_id, later.programme_id == Conversation.programme_id)
        followed = exists().where(
            *same, later.kind == Conversation.kind, later.id > Conversation.id
        )
        stopped = and_(Conversation.status == "cancelled", ~Conversation.kind.startswith("checkin"))
        query = select(Conversation).where(
            Conversation.person_id == person_id,
            or_(Conversation.status == "open", and_(stopped, ~followed)),
            or_(Conversation.closes_at.is_(None), Conversation.closes_at > now),
        )
        return self._session.scalars(
            query.order_by(Conversation.updated_at.desc(), Conversation.id.desc())
        ).all()

    def about(self, kind: str, about_id: int) -> Sequence[Conversation]:
        """The dialogues of a kind about one thing, oldest first."""
        return self._session.scalars(
            select(Conversation)
            .where(Conversation.kind == kind, Conversation.about_id == about_id)
            .order_by(Conversation.id)
        ).all()

    def latest(
        self, person_id: int, programme_id: str, kind: str, *, status: str | None = None
    ) -> Conversation | None:
        """The newest dialogue of a kind."""
        query = select(Conversation).where(
            Conversation.person_id == person_id,
            Conversation.programme_id == programme_id,
            Conversation.kind == kind,
        )
        if status is not None:
            query = query.where(Conversation.status == status)
        return self._session.scalar(query.order_by(Conversation.id.desc()).limit(1))

    def newest(
        self, people: Collection[int], programme_id: str, kind: str
    ) -> Sequence[Conversation]:
        """The newest finished dialogue of a kind of each of these people."""
        found: dict[int, Conversation] = {}
        every = sorted(people)
        for start in range(0, len(every), _AT_ONCE):
            some = every[start : start + _AT_ONCE]
            query = select(Conversation).where(
                Conversation.person_id.in_(some),
                Conversation.programme_id == programme_id,
                Conversation.kind == kind,
                Conversation.status == "done",
            )
            for talk in self._session.scalars(query.order_by(Conversation.id)):
                found[talk.person_id] = talk
        return list(found.values())

    def keep_stray(
        self, person_id: int, programme_id: str | None, words: str, now: datetime
    ) -> Stray:
        """Keep words that fitted nowhere, sealed for their author."""
        row = Stray(
            person_id=person_id,
            programme_id=programme_id,
            text=self._vault.seal(self._session, person_id, words),
            said_at=now,
        )
        self._session.add(row)
        self._session.flush()
        return row

    def stray(self, stray_id: int) -> Stray | None:
        """Words kept under this number."""
        return self._session.get(Stray, stray_id)

    def passed_since(self, person_id: int, since: datetime) -> Sequence[Stray]:
        """Words of a person that were handed to the team since then, the latest first."""
        return self._session.scalars(
            select(Stray)
            .where(Stray.person_id == person_id, Stray.passed_at >= since)
            .order_by(Stray.id.desc())
            .limit(_AT_MOST)
        ).all()

    def stray_text(self, row: Stray) -> str:
        """What was written."""
        words: str = self._vault.open(self._session, row.person_id, row.text)
        return words
