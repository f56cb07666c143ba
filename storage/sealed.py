"""Sealed columns: sensitive text at rest, readable only with the key of the person it belongs to.

Each person has a random 256-bit key, kept wrapped by the instance's secret key, which lies outside the database.
Deleting the wrapped key makes every sealed value of that person unreadable, in backups too. This module knows
nothing of who may read what: that is `bot/access.py`.
"""

from __future__ import annotations

import json
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator
from typing_extensions import override

_MAGIC = b"\x01"
_NONCE = 12


class Sealed(TypeDecorator[bytes]):
    """Column type of sealed values; refuses anything that a `Vault` did not seal.

    Raises:
        TypeError: On binding a value without the seal's header, so that plain text cannot slip in.
    """

    impl = LargeBinary
    cache_ok = True

    @override
    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        if value is not None and value[:1] != _MAGIC:
            raise TypeError("a sealed column takes only what Vault.seal returned")
        return value


class Unreadable(Exception):
    """The key of this value is gone (erased person) or is not ours."""


class Vault:
    """Seals and opens values with the keys of people, or with the instance's own (`owner=None`).

    Args:
        secret: `CORDEE_SECRET_KEY`; any text of 16 characters or more, stretched by HKDF.
    """

    def __init__(self, secret: str) -> None:
        raw = HKDF(SHA256(), 32, None, b"cordee instance key v1").derive(secret.encode())
        self._instance = AESGCM(raw)

    def _cipher(self, session: Session, owner: int | None, *, create: bool) -> AESGCM:
        from storage.tables import PersonKey  # the table module imports the column type from here

        if owner is None:
            return self._instance
        row = session.get(PersonKey, owner)  # remembered by the session for as long as the transaction lasts
        if row is not None:
            return AESGCM(_unshut(self._instance, row.wrapped, owner))
        if not create:
            raise Unreadable
        key = AESGCM.generate_key(256)
        session.add(PersonKey(person_id=owner, wrapped=_shut(self._instance, key, owner)))
        session.flush()
        return AESGCM(key)

    def seal(self, session: Session, owner: int | None, value: Any) -> bytes:
        """Seal a JSON-able value for its owner, making the owner's key if there is none yet."""
        plain = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return self.seal_bytes(session, owner, plain)

    def seal_bytes(self, session: Session, owner: int | None, plain: bytes) -> bytes:
        """Seal bytes as they are."""
        return _shut(self._cipher(session, owner, create=True), plain, owner)

    def open(self, session: Session, owner: int | None, sealed: bytes) -> Any:
        """The value sealed for this owner.

        Raises:
            Unreadable: The owner's key was erased, or the value was not sealed with it.
        """
        return json.loads(self.open_bytes(session, owner, sealed))

    def open_bytes(self, session: Session, owner: int | None, sealed: bytes) -> bytes:
        """Like `open`, for bytes."""
        return _unshut(self._cipher(session, owner, create=False), sealed, owner)


def _bound(owner: int | None) -> bytes:
    return b"instance" if owner is None else f"person:{owner}".encode()


def _shut(cipher: AESGCM, plain: bytes, owner: int | None) -> bytes:
    nonce = os.urandom(_NONCE)
    return _MAGIC + nonce + cipher.encrypt(nonce, plain, _bound(owner))


def _unshut(cipher: AESGCM, sealed: bytes, owner: int | None) -> bytes:
    try:
        return cipher.decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], _bound(owner))
    except InvalidTag as error:
        raise Unreadable from error
