"""The timers: planned once, cancelled, planned again, due in order; on both databases."""

from datetime import timedelta

import pytest

from storage.unit_of_work import Database, UnitOfWork
from tests.empty import tables
from tests.stores import NOON

HOUR = timedelta(hours=1)


def _put(uow: UnitOfWork, key: str = "checkin:1:a", hours: float = 0, version: int = 1) -> bool:
    return uow.timers.put(
        key=key,
        kind="checkin",
        subject_id=int(key.split(":")[1]),
        due_at=NOON + hours * HOUR,
        version=version,
        payload={"n": 1},
    )


def test_a_key_is_planned_once(database: Database) -> None:
    with database.unit_of_work() as uow:
        assert _put(uow)
        assert not _put(uow, hours=5)
        [timer] = uow.timers.due(NOON, 10)
        assert (timer.due_at, timer.version, timer.payload) == (NOON, 1, {"n": 1})


def test_fired_is_for_good_but_cancelled_may_be_planned_again(database: Database) -> None:
    with database.unit_of_work() as uow:
        _put(uow)
        assert uow.timers.cancel("checkin", 1) == 1
        assert uow.timers.due(NOON, 10) == []
        assert _put(uow, hours=-1, version=2)
        [timer] = uow.timers.due(NOON, 10)
        assert (timer.due_at, timer.version) == (NOON - HOUR, 2)
        uow.timers.fire(timer)
        assert not _put(uow)
        assert uow.timers.cancel("checkin", 1) == 0
        assert uow.timers.due(NOON, 10) == []


def test_due_comes_oldest_first_and_no_more_than_asked(database: Database) -> None:
    with database.unit_of_work() as uow:
        for n, hours in enumerate((-1, -3, -2, 1)):
            _put(uow, f"checkin:{n}:a", hours)
        assert [timer.subject_id for timer in uow.timers.due(NOON, 10)] == [1, 2, 0]
        assert [timer.subject_id for timer in uow.timers.due(NOON, 2)] == [1, 2]
        assert uow.timers.next_due(NOON) == NOON + HOUR
        assert uow.timers.next_due(NOON + HOUR) is None


def test_again_keeps_the_key_and_moves_the_cursor(database: Database) -> None:
    with database.unit_of_work() as uow:
        _put(uow)
        [timer] = uow.timers.due(NOON, 10)
        uow.timers.fire(timer)
        uow.timers.again(timer, NOON + HOUR, {"cursor": 1000})
        assert uow.timers.due(NOON, 10) == []
        [later] = uow.timers.due(NOON + HOUR, 10)
        assert (later.id, later.payload) == (timer.id, {"cursor": 1000})
        uow.timers.again(later, NOON)
        assert uow.timers.due(NOON, 10)[0].payload == {"cursor": 1000}


def test_the_list_filters(database: Database) -> None:
    with database.unit_of_work() as uow:
        _put(uow, "checkin:1:a")
        _put(uow, "checkin:2:a")
        assert [timer.key for timer in uow.timers.list(kind="checkin", subject_id=2)] == [
            "checkin:2:a"
        ]
        assert uow.timers.list(kind="report") == []
        assert uow.timers.list(state="fired") == []


def test_purge_leaves_what_is_pending(database: Database) -> None:
    with database.unit_of_work() as uow:
        _put(uow, "checkin:1:a")
        _put(uow, "checkin:2:a")
        uow.timers.cancel("checkin", 2)
        assert uow.timers.purge(NOON + HOUR) == 1
        assert len(uow.timers.list()) == 1


def test_a_key_too_long_is_refused_on_both(database: Database) -> None:
    with database.unit_of_work() as uow, pytest.raises(ValueError, match="161"):
        uow.timers.put(key="k" * 161, kind="k", subject_id=1, due_at=NOON)


@pytest.mark.postgres
def test_two_tickers_share_what_is_due(pg_tables: str) -> None:

    database = Database(pg_tables, "secret of the tests")
    tables(database)
    with database.unit_of_work() as uow:
        for n in range(4):
            _put(uow, f"checkin:{n}:a")
        uow.commit()
    with database.unit_of_work() as one, database.unit_of_work() as two:
        first = {timer.id for timer in one.timers.due(NOON, 2)}
        second = {timer.id for timer in two.timers.due(NOON, 10)}
        assert len(first) == len(second) == 2
        assert not first & second
    database.close()


def test_the_partial_index_is_used(lite: Database) -> None:
    from sqlalchemy import event, text

    seen: list[tuple[str, object]] = []
    event.listen(
        lite.engine,
        "before_cursor_execute",
        lambda _c, _cur, statement, parameters, *_: seen.append((statement, parameters)),
    )
    with lite.unit_of_work() as uow:
        uow.timers.due(NOON, 10)
        uow.timers.next_due(NOON)
        raw = uow.session.connection().connection.driver_connection
        assert raw is not None
        for statement, parameters in [each for each in seen if "timer" in each[0]]:
            plan = " ".join(
                row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            )
            assert "ix_timer_due" in plan, plan
        assert uow.session.execute(text("SELECT 1")).scalar() == 1
