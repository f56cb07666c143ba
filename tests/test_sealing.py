"""What seals and opens, by itself: one table in memory, and values sealed by an earlier version."""

from collections.abc import Iterator
from typing import Final

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import create_engine, delete, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

from storage.sealed import Sealed, Unreadable, shut, unshut
from storage.statements import Statements
from storage.tables import PersonKey
from storage.vault import Vault
from tests.stores import SECRET

KEYS: Final = PersonKey.__table__
ADA: Final = 7
# Sealed in November 2026: the key 00 01 02 … 1f of person 7, a text of theirs, one of the instance.
WRAPPED: Final = bytes.fromhex(
    "019bd5da59f49726747f6946590f224cb232cb4a6685a9aaf66886ac811f4db9e2"
    "79007d33be13c9bf88f3497dcf3188a9aced926ac478656e6a3f482d"
)
HERS: Final = bytes.fromhex(
    "01c17c81ad15c88903de0d65be42990a24131f77cfde3a51ea7aea720b1f4188e5a8b12c80f60c911cb6ee3656f8"
)
OURS: Final = bytes.fromhex(
    "01b50eb358e7b8e00dbaa9ee45512b8c50654cca4c48a0bf09bf69629f2a5c0a62a3715b3384b47e"
)


@pytest.fixture
def session() -> Iterator[Session]:
    """The table of keys, without the people."""
    engine = create_engine("sqlite://")
    with Session(engine) as made:
        made.connection().exec_driver_sql(
            "CREATE TABLE person_key (person_id INTEGER PRIMARY KEY, wrapped BLOB NOT NULL)"
        )
        yield made
    engine.dispose()


@pytest.fixture
def vault() -> Vault:
    """Keys under the secret of the tests."""
    return Vault(SECRET)


def keys(session: Session) -> int:
    """How many people have a key."""
    return len(session.execute(select(KEYS)).all())


def test_what_an_earlier_version_sealed_still_opens(session: Session, vault: Vault) -> None:
    """How the secret is stretched and what is bound to a value can never change unnoticed."""
    session.execute(insert(PersonKey), {"person_id": ADA, "wrapped": WRAPPED})
    assert vault.open(session, ADA, HERS) == "Très fatiguée"
    assert vault.open(session, None, OURS) == "pour nous"


def test_reading_without_a_key_makes_none(session: Session, vault: Vault) -> None:
    """Else a glance at an erased person's words would give them a key again."""
    with pytest.raises(Unreadable):
        vault.open(session, ADA, HERS)
    assert keys(session) == 0


@pytest.mark.parametrize("value", ["Très fatiguée ☂", {"é": [1, None, "\n"]}, "", 0, "\U0001f600"])
def test_what_is_sealed_opens_as_it_was(session: Session, vault: Vault, value: object) -> None:
    sealed = vault.seal(session, ADA, value)
    assert vault.open(session, ADA, sealed) == value
    assert sealed != vault.seal(session, ADA, value)  # the same text twice does not look the same


def test_one_look_up_a_transaction(session: Session, vault: Vault) -> None:
    """A key looked up once is at hand until the transaction lets go of it."""
    sealed = vault.seal(session, ADA, "mine")
    session.execute(delete(PersonKey))
    assert vault.open(session, ADA, sealed) == "mine"
    vault.forget(session)
    with pytest.raises(Unreadable):
        vault.open(session, ADA, sealed)


def test_letting_go_of_no_keys_is_nothing(session: Session, vault: Vault) -> None:
    vault.forget(session)
    with session.begin_nested() as savepoint:
        savepoint.rollback()
    assert vault.open(session, ADA, vault.seal(session, ADA, 1)) == 1


def test_a_key_read_along_with_somebody_is_not_looked_up(session: Session, vault: Vault) -> None:
    vault.know(session, ADA, WRAPPED)
    assert vault.open(session, ADA, HERS) == "Très fatiguée"
    vault.know(session, ADA, WRAPPED)  # beside keys that are at hand already
    assert vault.open(session, ADA, HERS) == "Très fatiguée"
    assert keys(session) == 0


def test_the_key_of_somebody_else_is_not_taken(session: Session, vault: Vault) -> None:
    with pytest.raises(Unreadable):
        vault.know(session, ADA + 1, WRAPPED)
    with pytest.raises(Unreadable):
        vault.open(session, ADA + 1, HERS)


@pytest.mark.parametrize("before", [True, False])
def test_two_of_one_transaction_know_the_same_keys(
    session: Session, vault: Vault, before: bool
) -> None:
    """What the plain statements looked up the objects know, and the other way round."""
    plain = Statements(session.connection())
    if before:
        vault.know(plain, ADA, WRAPPED)
    vault.share(plain, session)
    if not before:
        vault.know(session, ADA, WRAPPED)
    for one in (session, plain):
        assert vault.open(one, ADA, HERS) == "Très fatiguée"
    sealed = vault.seal(plain, ADA + 1, "new")
    session.execute(delete(PersonKey))
    assert vault.open(session, ADA + 1, sealed) == "new"


def test_bytes_are_sealed_as_they_are(session: Session, vault: Vault) -> None:
    sealed = vault.seal_bytes(session, ADA, b"\x00\xff")
    assert vault.open_bytes(session, ADA, sealed) == b"\x00\xff"
    assert keys(session) == 1


def test_a_value_opens_for_its_owner_alone() -> None:
    """Even under the same key: moved to another row it does not open."""
    cipher = AESGCM(bytes(32))
    for owner in (None, 1, 11):
        sealed = shut(cipher, b"x", owner)
        assert unshut(cipher, sealed, owner) == b"x"
        for other in {None, 1, 11} - {owner}:
            with pytest.raises(Unreadable):
                unshut(cipher, sealed, other)


def test_one_changed_byte_and_it_does_not_open() -> None:
    cipher = AESGCM(bytes(32))
    sealed = shut(cipher, b"word", 1)
    for at in range(1, len(sealed)):
        bent = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(Unreadable):
            unshut(cipher, bent, 1)


def test_a_sealed_column_takes_what_was_sealed_and_nothing_else() -> None:
    column, dialect = Sealed(), sqlite.dialect()
    assert column.process_bind_param(None, dialect) is None
    assert column.process_bind_param(HERS, dialect) == HERS
    for plain in (b"", b"plain", b"\x02" + HERS[1:]):
        with pytest.raises(TypeError):
            column.process_bind_param(plain, dialect)
