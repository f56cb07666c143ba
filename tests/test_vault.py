"""Keys of people: made once, cached no longer than they exist, gone with the person."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete, func, select, text
from sqlalchemy.exc import IntegrityError

from storage.sealed import Unreadable, unshut
from storage.tables import PersonKey
from storage.unit_of_work import Database
from tests.stores import SECRET, somebody


class TroubleError(Exception):
    """What a due timer may run into."""


@pytest.mark.parametrize("look_again", [False, True])
def test_a_key_undone_by_a_savepoint_seals_nothing(database: Database, look_again: bool) -> None:
    """The first of two timers of one person fails; what the second seals must open."""
    person = somebody(database).person_id
    with database.unit_of_work() as uow:
        with pytest.raises(TroubleError), uow.savepoint():  # noqa: PT012
            sealed = uow.vault.seal(uow.session, person, "lost")
            if look_again:
                assert uow.vault.open(uow.session, person, sealed) == "lost"
            raise TroubleError
        with uow.savepoint():
            sealed = uow.vault.seal(uow.session, person, "kept")
        uow.commit()
    with database.unit_of_work() as uow:
        assert uow.vault.open(uow.session, person, sealed) == "kept"
        assert uow.session.scalar(select(func.count()).select_from(PersonKey)) == 1


def test_a_key_is_one_person_s(database: Database) -> None:
    one, other = (somebody(database, account).person_id for account in ("7", "8"))
    with database.unit_of_work() as uow:
        sealed = uow.vault.seal(uow.session, one, "mine")
        with pytest.raises(Unreadable):
            uow.vault.open(uow.session, other, sealed)  # nobody has a key before they need one
        uow.vault.seal(uow.session, other, "theirs")
        with pytest.raises(Unreadable):
            uow.vault.open(uow.session, other, sealed)
        with pytest.raises(Unreadable):
            uow.vault.open(uow.session, None, sealed)
        assert uow.vault.open(uow.session, None, uow.vault.seal(uow.session, None, 1)) == 1


def test_another_secret_opens_nothing(lite: Database) -> None:
    person = somebody(lite).person_id
    with lite.unit_of_work() as uow:
        sealed = uow.vault.seal(uow.session, person, "mine")
        uow.commit()
    stranger = Database(str(lite.url), SECRET + "!")
    with stranger.unit_of_work() as uow, pytest.raises(Unreadable):
        uow.vault.open(uow.session, person, sealed)
    stranger.close()


def test_what_was_read_with_its_key_opens_outside_of_a_transaction(
    lite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each person with their own key, unwrapped once, and with the new one once they have it."""
    one, other = (somebody(lite, account).person_id for account in ("7", "8"))
    wrapped = select(PersonKey.wrapped).where(PersonKey.person_id == one)
    with lite.unit_of_work() as uow:
        keys = uow.vault.keys()
        sealed, theirs = (uow.vault.seal(uow.session, n, ["é", n]) for n in (one, other))
        first = uow.session.execute(wrapped).scalar_one()
        second = uow.session.execute(
            select(PersonKey.wrapped).where(PersonKey.person_id == other)
        ).scalar_one()
        uow.session.execute(delete(PersonKey).where(PersonKey.person_id == one))
        uow.vault.forget(uow.session)
        anew = uow.vault.seal(uow.session, one, "anew")
        third = uow.session.execute(wrapped).scalar_one()
    opened: list[int | None] = []

    def counting(cipher: AESGCM, value: bytes, owner: int | None) -> bytes:
        opened.append(owner)
        return unshut(cipher, value, owner)

    monkeypatch.setattr("storage.vault.unshut", counting)
    for _ in range(2):
        assert keys.open(one, first, sealed) == ["é", one]
        assert keys.open(other, second, theirs) == ["é", other]
    assert opened == [one, one, other, other, one, other]
    assert keys.open(one, third, anew) == "anew"
    for owner, key, value in ((one, third, sealed), (one, second, theirs), (other, second, sealed)):
        with pytest.raises(Unreadable):
            keys.open(owner, key, value)


def test_an_error_of_the_database_tells_no_parameters(database: Database) -> None:
    """Its text may end in a log: what somebody wrote must not.

    PostgreSQL's own DETAIL names the row: who logs an error logs its kind and place only.
    """
    somebody(database)
    with database.unit_of_work() as uow, pytest.raises(IntegrityError) as caught:
        uow.session.execute(
            text("INSERT INTO person (id, name) VALUES (1, :name)"), {"name": "Ada Byron"}
        )
    assert "Byron" not in str(caught.value).split("DETAIL")[0]


def test_a_sealed_column_takes_no_plain_text(lite: Database) -> None:
    person = somebody(lite).person_id
    with lite.unit_of_work() as uow:
        stray = uow.talks.keep_stray(person, None, "secret", uow.people.get(person).created_at)  # type: ignore[union-attr]
        assert uow.talks.stray_text(stray) == "secret"
        stray.text = b"plain"
        with pytest.raises(Exception, match="sealed column"):
            uow.session.flush()


def test_a_mark_is_the_same_for_the_same_words_and_secret_alone(lite: Database) -> None:
    """It outlives restarts and releases: who was seated would be seated again if it changed."""
    with lite.unit_of_work() as uow:
        assert uow.vault.mark("telegram:7") == "8946e5db2bef42f1accd41a9fa140159"
        assert uow.vault.mark("telegram:8") != uow.vault.mark("telegram:7")
    with Database("sqlite://", f"{SECRET}.").unit_of_work() as uow:
        assert uow.vault.mark("telegram:7") != "8946e5db2bef42f1accd41a9fa140159"
