"""Sealed columns: sensitive text at rest, readable only with the key of the person it belongs to.

The column type and the cipher (AES-256-GCM); whose key it is, and where keys are kept, is the
vault's affair.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import LargeBinary
from sqlalchemy.engine import Dialect
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


def _bound(owner: int | None) -> bytes:
    return b"instance" if owner is None else f"person:{owner}".encode()


def shut(cipher: AESGCM, plain: bytes, owner: int | None) -> bytes:
    """Seal bytes for an owner: the owner is part of what is authenticated."""
    nonce = os.urandom(_NONCE)
    return _MAGIC + nonce + cipher.encrypt(nonce, plain, _bound(owner))


def unshut(cipher: AESGCM, sealed: bytes, owner: int | None) -> bytes:
    """Open what `shut` sealed.

    Raises:
        Unreadable: Another key, another owner, or damaged.
    """
    try:
        return cipher.decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], _bound(owner))
    except InvalidTag as error:
        raise Unreadable from error
