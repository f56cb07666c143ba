"""What waits and for how long: right, and by the partial indexes on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import event, text

from storage.figures import Figures, Waiting, figures
from storage.unit_of_work import Database
from tests.stores import NOON, payload, somebody

PARTIAL = {  # each holds only rows in the state that is asked for
    "inbox": ("ix_inbox_open", "ix_inbox_author"),
    "timer": ("ix_timer_due",),
    "'queued'": ("ix_outbox_due", "ix_outbox_queued", "ix_outbox_chat"),
    "'sending'": ("ix_outbox_sending",),
    "'in_doubt'": ("ix_outbox_parked",),
}


def test_nothing_waits_in_an_empty_database(database: Database) -> None:
    with database.unit_of_work() as uow:
        found = figures(uow.session, NOON)
    parked = {"in_doubt": 0, "failed": 0, "unreachable": 0}
    assert found == Figures(Waiting(), {}, {}, parked, Waiting())
    assert found.outbox == Waiting()


def test_each_queue_says_how_long_its_oldest_has_waited(database: Database) -> None:
    lea = somebody(database)
    marc = somebody(database, "T1/U1", platform="slack")
    ago = {seconds: NOON - timedelta(seconds=seconds) for seconds in (90, 40, 7)}
    with database.unit_of_work() as uow:
        for key, received in (("a", ago[40]), ("b", ago[7])):
            uow.inbox.receive(
                platform="slack",
                bot_account="slack:T1",
                event_key=key,
                message_key=None,
                payload=b"{}",
                now=received,
            )
        for key, person, before in (
            ("due", lea, ago[90]),
            ("also due", marc, ago[7]),
            ("later", marc, NOON + timedelta(hours=1)),
            ("lost", marc, ago[90]),
            ("broken", marc, ago[90]),
            ("away", marc, ago[90]),
            ("away too", marc, ago[90]),
            ("on its way", lea, ago[90]),
            ("over", lea, ago[90]),
        ):
            uow.outbox.put(
                key=key, identity=person, payload=payload(key), now=NOON, not_before=before
            )
        for state, keys in {
            "in_doubt": ("lost",),
            "failed": ("broken",),
            "unreachable": ("away", "away too"),
            "sending": ("on its way",),
            "sent": ("over",),
        }.items():
            for key in keys:
                uow.session.execute(
                    text("UPDATE outbox SET state=:state WHERE dedup_key=:key"),
                    {"state": state, "key": key},
                )
        uow.timers.put(key="t1", kind="k", subject_id=1, due_at=ago[40])
        uow.timers.put(key="t2", kind="k", subject_id=1, due_at=ago[7])
        uow.timers.put(key="t3", kind="k", subject_id=1, due_at=NOON + timedelta(days=1))
        found = figures(uow.session, NOON)
    seconds = {n: timedelta(seconds=n) for n in (90, 40, 7)}
    assert found.heard == Waiting(2, 2, seconds[40])
    assert found.queued == {
        "telegram:1": Waiting(1, 1, seconds[90]),
        "slack:T1": Waiting(2, 1, seconds[7]),
    }
    assert found.outbox == Waiting(3, 2, seconds[90])
    assert found.sending == {"telegram:1": 1}
    assert found.parked == {"in_doubt": 1, "failed": 1, "unreachable": 2}
    assert found.timers == Waiting(2, 2, seconds[40])


def test_what_is_only_for_later_has_no_lag(database: Database) -> None:
    lea = somebody(database)
    later = NOON + timedelta(hours=1)
    with database.unit_of_work() as uow:
        uow.outbox.put(key="k", identity=lea, payload=payload("x"), now=NOON, not_before=later)
        found = figures(uow.session, NOON)
    assert found.outbox == Waiting(1, 0, timedelta(0))


def test_every_question_goes_by_a_partial_index(database: Database) -> None:
    seen: list[tuple[str, Any]] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _c, _cur, statement, parameters, *_: seen.append((statement, parameters)),
    )
    with database.unit_of_work() as uow:
        figures(uow.session, NOON)
        asked = [each for each in seen if each[0].startswith("SELECT")]
        assert len(asked) == len(PARTIAL)
        raw = uow.session.connection().connection.driver_connection
        assert raw is not None
        if not database.is_sqlite:  # a table of no size is read from end to end, whatever it has
            raw.execute("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        for statement, parameters in asked:
            rows = raw.execute(f"{explain} {statement}", parameters).fetchall()
            plan = " ".join(str(row[-1]) for row in rows)
            indexes = next(names for word, names in PARTIAL.items() if word in statement)
            assert any(index in plan for index in indexes), (statement, plan)
