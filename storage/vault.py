"""The keys: one per person, wrapped by the instance's secret, which lies outside the database.

Deleting a person's wrapped key makes every sealed value of theirs unreadable wherever the key is
not: backups hold it too, which is why erasures are carried into them (`storage.erasures`). This
module knows nothing of who may read what: that is `bot/access.py`.
"""

from __future__ import annotations

import json
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import bindparam, event, insert, select
from sqlalchemy.orm import Session, SessionTransaction

from storage.sealed import Unreadable, shut, unshut
from storage.statements import Statements
from storage.tables import PersonKey
from storage.upsert import table_of

_HELD = "keys"
_KEYS = table_of(PersonKey)
_WRAPPED = select(_KEYS.c.wrapped).where(_KEYS.c.person_id == bindparam("owner"))
_NEW = insert(_KEYS)

Transaction = Session | Statements


class Vault:
    """Seals and opens values with the keys of people, or with the instance's own (`owner=None`).

    Args:
        secret: `CORDEE_SECRET_KEY`; any text of 16 characters or more, stretched by HKDF.
    """

    def __init__(self, secret: str) -> None:
        raw = HKDF(SHA256(), 32, None, b"cordee instance key v1").derive(secret.encode())
        self._instance = AESGCM(raw)
        self._marks = HKDF(SHA256(), 32, None, b"cordee marks v1").derive(secret.encode())

    def mark(self, words: str) -> str:
        """The same 32 characters for the same words, which tell nobody without the secret which."""
        keyed = HMAC(self._marks, SHA256())
        keyed.update(words.encode())
        return keyed.finalize().hex()[:32]

    def _cipher(self, session: Transaction, owner: int | None, *, create: bool) -> AESGCM:
        if owner is None:
            return self._instance
        held: dict[int, AESGCM] = session.info.setdefault(_HELD, {})  # one look-up a transaction
        if owner not in held:
            held[owner] = AESGCM(self._key(session, owner, create=create))
        return held[owner]

    def _key(self, session: Transaction, owner: int, *, create: bool) -> bytes:
        wrapped: bytes | None = session.execute(_WRAPPED, {"owner": owner}).scalar()
        if wrapped is not None:
            return unshut(self._instance, wrapped, owner)
        if not create:
            raise Unreadable
        key = AESGCM.generate_key(256)
        session.execute(_NEW, {"person_id": owner, "wrapped": shut(self._instance, key, owner)})
        return key

    def know(self, session: Transaction, owner: int, wrapped: bytes) -> None:
        """Take a person's key as it was read along with them: no look-up for it any more."""
        session.info.setdefault(_HELD, {})[owner] = AESGCM(unshut(self._instance, wrapped, owner))

    def keys(self) -> Keys:
        """Opens what was read together with its owner's key, outside of any transaction too."""
        return Keys(self._instance)

    @staticmethod
    def share(one: Transaction, other: Transaction) -> None:
        """Let both know the keys that either has looked up; they are of the same transaction."""
        other.info[_HELD] = one.info.setdefault(_HELD, {})

    @staticmethod
    def forget(session: Transaction) -> None:
        """Let go of the keys this transaction has looked up: one of them was erased."""
        session.info.get(_HELD, {}).clear()

    def seal(self, session: Transaction, owner: int | None, value: Any) -> bytes:
        """Seal a JSON-able value for its owner, making the owner's key if there is none yet."""
        plain = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return self.seal_bytes(session, owner, plain)

    def seal_bytes(self, session: Transaction, owner: int | None, plain: bytes) -> bytes:
        """Seal bytes as they are."""
        return shut(self._cipher(session, owner, create=True), plain, owner)

    def open(self, session: Transaction, owner: int | None, sealed: bytes) -> Any:
        """The value sealed for this owner.

        Raises:
            Unreadable: The owner's key was erased, or the value was not sealed with it.
        """
        return json.loads(self.open_bytes(session, owner, sealed))

    def open_bytes(self, session: Transaction, owner: int | None, sealed: bytes) -> bytes:
        """Like `open`, for bytes."""
        return unshut(self._cipher(session, owner, create=False), sealed, owner)


class Keys:
    """The keys of people, as they come with what is sealed for them; nothing is looked up.

    Args:
        instance: The key that theirs are wrapped with.
    """

    def __init__(self, instance: AESGCM) -> None:
        self._instance = instance
        self._held: dict[int, tuple[bytes, AESGCM]] = {}

    def open(self, owner: int, wrapped: bytes, sealed: bytes) -> Any:
        """The value sealed for this owner.

        Raises:
            Unreadable: It was sealed with another key.
        """
        known = self._held.get(owner)
        if known is None or known[0] != wrapped:
            known = wrapped, AESGCM(unshut(self._instance, wrapped, owner))
            self._held[owner] = known
        return json.loads(unshut(known[1], sealed, owner))


@event.listens_for(Session, "after_soft_rollback")
def _forget_undone(session: Session, _undone: SessionTransaction) -> None:
    """A rollback, to a savepoint too, may have undone the making of a key: look them up again."""
    Vault.forget(session)
