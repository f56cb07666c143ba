"""The inbox: each delivery once, worked once, forgotten in time; on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from storage.unit_of_work import Database, UnitOfWork
from tests.stores import NOON, somebody


def _receive(uow: UnitOfWork, event: str = "e1", message: str | None = None) -> int | None:
    return uow.inbox.receive(
        platform="telegram",
        bot_account="telegram:1",
        event_key=event,
        message_key=message,
        payload=b"SALT" + event.encode(),
        now=NOON,
    )


def test_the_same_delivery_twice_is_one_row(database: Database) -> None:
    with database.unit_of_work() as uow:
        first = _receive(uow)
        assert first is not None
        assert _receive(uow) is None
        uow.commit()
    with database.unit_of_work() as uow:
        assert _receive(uow) is None
        assert uow.inbox.waiting() == 1


def test_the_same_message_in_two_deliveries_is_one_row(database: Database) -> None:
    with database.unit_of_work() as uow:
        assert _receive(uow, "e1", "D1/17.1") is not None
        assert _receive(uow, "e2", "D1/17.1") is None
        assert _receive(uow, "e3", "D1/17.2") is not None


def test_a_row_is_open_until_it_is_done(database: Database) -> None:
    person = somebody(database).person_id
    with database.unit_of_work() as uow:
        row_id = _receive(uow)
        assert row_id is not None
        row = uow.inbox.open(row_id)
        assert row is not None
        assert (row.payload, row.tries, row.received_at) == (b"SALTe1", 0, NOON)
        uow.inbox.done(row, NOON, person)
        assert uow.inbox.open(row_id) is None
        uow.commit()
    with database.unit_of_work() as uow:
        assert uow.session.execute(text("SELECT payload FROM inbox")).scalar() is None


def test_a_body_that_is_kept_has_its_authors_key(database: Database) -> None:
    person = somebody(database).person_id
    with database.unit_of_work() as uow:
        row = uow.inbox.open(_receive(uow) or 0)
        assert row is not None
        uow.inbox.done(row, NOON, person, keep_body=True)
        kept = uow.session.execute(text("SELECT payload FROM inbox")).scalar()
        assert kept is not None
        assert b"SALT" not in bytes(kept)
        assert uow.vault.open_bytes(uow.session, person, bytes(kept)) == b"SALTe1"


def test_nothing_is_kept_of_a_stranger(database: Database) -> None:
    with database.unit_of_work() as uow:
        row = uow.inbox.open(_receive(uow) or 0)
        assert row is not None
        uow.inbox.done(row, NOON, None, keep_body=True)
        assert uow.session.execute(text("SELECT payload FROM inbox")).scalar() is None


def test_tries_are_counted_and_a_rejected_row_is_closed(database: Database) -> None:
    with database.unit_of_work() as uow:
        row_id = _receive(uow) or 0
        assert [uow.inbox.tried(row_id), uow.inbox.tried(row_id)] == [1, 2]
        row = uow.inbox.open(row_id)
        assert row is not None
        uow.inbox.reject(row, "poison", NOON)
        assert uow.inbox.open(row_id) is None
        assert uow.inbox.tried(row_id) == 0


def test_stale_rows_come_oldest_first_and_fresh_ones_do_not(database: Database) -> None:
    with database.unit_of_work() as uow:
        rows = [_receive(uow, f"e{n}") for n in range(3)]
        assert uow.inbox.stale(NOON - timedelta(seconds=1)) == []
        assert uow.inbox.stale(NOON) == rows
        assert uow.inbox.stale(NOON, limit=2) == rows[:2]


def test_purge_leaves_what_is_open_and_what_is_young(database: Database) -> None:
    with database.unit_of_work() as uow:
        done = uow.inbox.open(_receive(uow, "e1") or 0)
        assert done is not None
        uow.inbox.done(done, NOON, None)
        _receive(uow, "e2")
        assert uow.inbox.purge(NOON) == 0
        assert uow.inbox.purge(NOON + timedelta(seconds=1)) == 1
        assert uow.inbox.waiting() == 1


def test_a_number_is_not_used_again(lite: Database) -> None:
    with lite.unit_of_work() as uow:
        row = uow.inbox.open(_receive(uow, "e1") or 0)
        assert row is not None
        uow.inbox.done(row, NOON, None)
        uow.inbox.purge(NOON + timedelta(days=1))
        assert (_receive(uow, "e2") or 0) > row.id


@pytest.mark.parametrize("leave_open", [True, False])
def test_what_is_not_committed_was_not_received(database: Database, *, leave_open: bool) -> None:
    with database.unit_of_work() as uow:
        _receive(uow)
        if not leave_open:
            uow.commit()
    with database.unit_of_work() as uow:
        assert uow.inbox.waiting() == (0 if leave_open else 1)
