"""The outbox: said once, in order within a chat, claimed under a lease; on both databases."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from bot.messages import MESSAGE, Message
from storage.leases import LeaseStore
from storage.sending import Taken
from storage.tables import Identity, Outbox, PersonKey
from storage.unit_of_work import Database, UnitOfWork
from tests.stores import NOON, payload, somebody

BOT = "telegram:1"
MINUTE = timedelta(minutes=1)


def _lease(uow: UnitOfWork, owner: str = "me", *, force: bool = False) -> int:
    epoch = LeaseStore(uow.session).acquire(BOT, owner, 10, force=force)
    assert epoch is not None
    return epoch


def _claim(
    uow: UnitOfWork, epoch: int, now: datetime = NOON, limit: int = 10, **more: Any
) -> list[Taken]:
    owner = more.pop("owner", "me")
    return uow.sending.claim(
        bot_account=BOT, owner=owner, epoch=epoch, now=now, seconds=5, limit=limit, **more
    )


def _put(uow: UnitOfWork, identity: Identity, key: str, **more: Any) -> bool:
    return uow.outbox.put(key=key, identity=identity, payload=payload(key), now=NOON, **more)


def _keys(rows: list[Taken]) -> list[str]:
    return [row.dedup_key for row in rows]


def test_the_same_meaning_is_said_once_for_good(database: Database) -> None:
    lea = somebody(database)
    with database.unit_of_work() as uow:
        assert _put(uow, lea, "checkin:1:2026-10-06")
        assert not _put(uow, lea, "checkin:1:2026-10-06")
        [row] = _claim(uow, _lease(uow))
        uow.sending.sent([(row, "7/1")], NOON)
        assert not _put(uow, lea, "checkin:1:2026-10-06")
        assert uow.outbox.counts() == {"sent": 1}


def test_what_is_said_is_sealed_opened_for_sending_and_dropped(database: Database) -> None:
    lea = somebody(database, "T1/U42", platform="slack")
    with database.unit_of_work() as uow:
        uow.outbox.put(key="k", identity=lea, payload=payload("SECRET"), now=NOON)
        stored = uow.session.execute(text("SELECT payload FROM outbox")).scalar()
        assert b"SECRET" not in bytes(stored or b"")
        epoch = LeaseStore(uow.session).acquire("slack:T1", "me", 10)
        [row] = uow.sending.claim(
            bot_account="slack:T1", owner="me", epoch=epoch or 0, now=NOON, seconds=5, limit=1
        )
        assert MESSAGE.validate_json(row.payload) == Message("SECRET")
        assert (row.chat_id, row.person_id, row.attempts) == ("U42", lea.person_id, 1)
        assert row.send_deadline == NOON + timedelta(seconds=5)
        uow.sending.sent([(row, "D1/17.1")], NOON)
        stored = uow.session.execute(text("SELECT payload, message_id FROM outbox")).one()
        assert tuple(stored) == (None, "D1/17.1")


def test_a_channel_has_the_instances_key(database: Database) -> None:
    with database.unit_of_work() as uow:
        assert uow.outbox.put_raw(
            key="k", bot_account=BOT, chat_id="-100", payload=payload("hello"), now=NOON
        )
        [row] = _claim(uow, _lease(uow))
        assert (row.person_id, row.payload) == (None, payload("hello"))


def test_priority_first_then_age_and_one_at_a_time_in_a_chat(database: Database) -> None:
    lea, max_, zoe = (somebody(database, str(n)) for n in (7, 8, 9))
    with database.unit_of_work() as uow:
        epoch = _lease(uow)
        _put(uow, zoe, "mass", priority=9)
        _put(uow, max_, "reminder", priority=5)
        _put(uow, lea, "one")
        _put(uow, lea, "two")
        assert _keys(_claim(uow, epoch)) == ["one", "reminder", "mass"]
        assert _claim(uow, epoch) == []


def test_a_chat_reads_in_the_order_in_which_it_happened(database: Database) -> None:
    lea, zoe = somebody(database, "7"), somebody(database, "9")
    with database.unit_of_work() as uow:
        epoch = _lease(uow)
        _put(uow, zoe, "mass to zoe", priority=9)
        _put(uow, lea, "mass to lea", priority=9)
        _put(uow, lea, "answer")
        # the answer lends its haste to what stands before it in the same chat
        [first] = _claim(uow, epoch, limit=1)
        assert first.dedup_key == "mass to lea"
        uow.sending.sent([(first, None)], NOON)
        assert _keys(_claim(uow, epoch)) == ["answer", "mass to zoe"]


def test_planned_for_later_holds_nobody_up_but_a_new_try_does(database: Database) -> None:
    lea, zoe = somebody(database, "7"), somebody(database, "9")
    with database.unit_of_work() as uow:
        epoch = _lease(uow)
        _put(uow, lea, "tomorrow", not_before=NOON + timedelta(days=1))
        _put(uow, lea, "first")
        _put(uow, lea, "second")
        for n in range(60):  # more than any window of candidates
            _put(uow, lea, f"more {n}")
        _put(uow, zoe, "other")
        first, other = _claim(uow, epoch)
        assert (first.dedup_key, other.dedup_key) == ("first", "other")
        uow.sending.requeue(first, NOON + MINUTE, "connection")
        assert _claim(uow, epoch) == []
        uow.sending.sent([(other, None)], NOON)
        _put(uow, zoe, "next", priority=9)
        assert _keys(_claim(uow, epoch, limit=1)) == ["next"]
        assert uow.sending.next_due(BOT, NOON) == NOON + MINUTE
        assert _keys(_claim(uow, epoch, NOON + MINUTE)) == ["first"]


def test_busy_chats_and_operations_wait_and_keep_their_order(database: Database) -> None:
    lea, zoe = somebody(database, "7"), somebody(database, "9")
    with database.unit_of_work() as uow:
        epoch = _lease(uow)
        _put(uow, lea, "edit", op="edit", target="7/1")
        _put(uow, lea, "after the edit")
        _put(uow, zoe, "post")
        assert uow.sending.any_due(BOT, NOON)
        assert _keys(_claim(uow, epoch, busy={"9"}, busy_ops={"edit"})) == []
        assert _keys(_claim(uow, epoch, busy_ops={"edit"})) == ["post"]
        assert _keys(_claim(uow, epoch, busy={"9"})) == ["edit"]
        assert not uow.sending.any_due(BOT, NOON)


def test_a_home_tab_holds_up_no_words_and_only_its_newest_view_matters(database: Database) -> None:
    lea = somebody(database, "7")
    with database.unit_of_work() as uow:
        epoch = _lease(uow)
        _put(uow, lea, "view 1", op="home")
        _put(uow, lea, "words")
        _put(uow, lea, "view 2", op="home")
        assert not _put(uow, lea, "view 2", op="home")
        assert _keys(_claim(uow, epoch, busy_ops={"home"})) == ["words"]
        [view] = _claim(uow, epoch)
        assert (view.dedup_key, view.place) == ("view 2", "7")
        _put(uow, lea, "view 3", op="home")
        assert _keys(_claim(uow, epoch)) == []  # the second is under way
        assert uow.outbox.counts() == {"sending": 2, "cancelled": 1, "queued": 1}


def test_what_is_worthless_is_never_claimed(database: Database) -> None:
    lea = somebody(database)
    with database.unit_of_work() as uow:
        epoch = _lease(uow)
        _put(uow, lea, "stale", expires_at=NOON)
        _put(uow, lea, "fresh", expires_at=NOON + MINUTE)
        assert _keys(_claim(uow, epoch)) == ["fresh"]
        assert uow.sending.expire(BOT, NOON) == 1
        assert uow.outbox.counts() == {"expired": 1, "sending": 1}


def test_only_the_holder_of_the_lease_claims(database: Database) -> None:
    lea = somebody(database)
    with database.unit_of_work() as uow:
        _put(uow, lea, "k")
        old = _lease(uow)
        new = _lease(uow, "you", force=True)
        assert new == old + 1
        assert _claim(uow, old) == []
        assert _claim(uow, new) == []  # right epoch, wrong owner
        assert _keys(_claim(uow, new, owner="you")) == ["k"]


def test_a_late_result_of_another_epoch_is_ignored(database: Database) -> None:
    lea = somebody(database)
    with database.unit_of_work() as uow:
        _put(uow, lea, "k")
        [zombie] = _claim(uow, _lease(uow))
        new = _lease(uow, "you", force=True)
        take: dict[str, Any] = {"bot_account": BOT, "owner": "you", "overdue": NOON - MINUTE}
        assert uow.sending.adopt(epoch=new, known=[zombie.id], **take) == []
        [adopted] = uow.sending.adopt(epoch=new, known=[], **take)
        assert (adopted.id, adopted.epoch, adopted.payload) == (zombie.id, new, payload("k"))
        uow.sending.sent([(zombie, "7/1")], NOON)
        assert not uow.sending.fail(zombie, "refused")
        assert uow.outbox.counts() == {"sending": 1}
        assert uow.sending.requeue(adopted, NOON, "absent")
        assert uow.outbox.counts() == {"queued": 1}
        # a claim of this epoch is adopted once its deadline has passed
        [again] = _claim(uow, new, owner="you")
        assert uow.sending.adopt(epoch=new, known=[], **take) == []
        take["overdue"] = NOON + MINUTE
        assert [row.id for row in uow.sending.adopt(epoch=new, known=[], **take)] == [again.id]


def test_an_erased_persons_messages_are_cancelled_unread(database: Database) -> None:
    lea, zoe = somebody(database, "7"), somebody(database, "9")
    with database.unit_of_work() as uow:
        _put(uow, lea, "lost")
        _put(uow, zoe, "kept")
        uow.session.delete(uow.session.get_one(PersonKey, lea.person_id))
        uow.commit()
    with database.unit_of_work() as uow:
        assert _keys(_claim(uow, _lease(uow))) == ["kept"]
        row = uow.session.query(Outbox).filter_by(dedup_key="lost").one()
        assert (row.state, row.reason, row.payload) == ("cancelled", "erased", None)


def test_cancel_by_prefix_takes_only_what_is_queued(database: Database) -> None:
    lea, zoe = somebody(database, "7"), somebody(database, "9")
    with database.unit_of_work() as uow:
        _put(uow, lea, "checkin:1:a")
        _claim(uow, _lease(uow))
        _put(uow, zoe, "checkin:1:b")
        _put(uow, zoe, "checkin:12:a")
        _put(uow, zoe, "Checkin:1:c")
        _put(uow, zoe, "checkin_1:d")
        assert uow.outbox.cancel("checkin:1:") == 1
        assert uow.outbox.counts() == {"sending": 1, "cancelled": 1, "queued": 3}


def test_staff_see_what_is_parked_without_its_content(database: Database) -> None:
    lea, zoe = somebody(database, "7"), somebody(database, "9")
    with database.unit_of_work() as uow:
        epoch = _lease(uow)
        _put(uow, lea, "a")
        _put(uow, zoe, "b")
        first, second = _claim(uow, epoch)
        assert uow.sending.hold(first, "no look-up")
        assert uow.sending.fail(second, "refused")
        assert [(row.dedup_key, row.state, row.reason) for row in uow.outbox.parked(5)] == [
            ("b", "failed", "refused"),
            ("a", "in_doubt", "no look-up"),
        ]
        assert uow.outbox.purge(NOON) == 0
        # a row in doubt does not hold its chat up for ever
        _put(uow, lea, "next")
        assert _keys(_claim(uow, epoch)) == ["next"]


def test_purge_takes_what_is_over(database: Database) -> None:
    lea = somebody(database)
    with database.unit_of_work() as uow:
        _put(uow, lea, "a")
        _put(uow, lea, "b")
        [row] = _claim(uow, _lease(uow))
        uow.sending.sent([(row, None)], NOON)
        assert uow.outbox.purge(NOON) == 0
        assert uow.outbox.purge(NOON + MINUTE) == 1
        assert uow.outbox.counts() == {"queued": 1}


def test_said_elsewhere_keeps_words_and_priority(database: Database) -> None:
    lea = somebody(database, "7")
    slack = somebody(database, "T1/U7", platform="slack", person=lea.person_id)
    with database.unit_of_work() as uow:
        _put(uow, lea, "k" * 158, op="edit", target="7/1", priority=5)
        [row] = _claim(uow, _lease(uow))
        assert uow.outbox.put_elsewhere(row, slack, NOON)
        assert not uow.outbox.put_elsewhere(row, slack, NOON)
        other = uow.session.query(Outbox).filter_by(bot_account="slack:T1").one()
        assert (other.op, other.priority, other.chat_id, other.target) == ("post", 5, "U7", None)
        assert other.dedup_key.endswith(":other")
        assert len(other.dedup_key) <= 160


def test_a_key_too_long_is_refused_on_both(database: Database) -> None:
    lea = somebody(database)
    with database.unit_of_work() as uow, pytest.raises(ValueError, match="161"):
        _put(uow, lea, "k" * 161)


def test_the_lease_changes_hands_when_it_runs_out_or_is_given_back(database: Database) -> None:
    with database.unit_of_work() as uow:
        leases = LeaseStore(uow.session)
        one = leases.acquire(BOT, "me", 60)
        assert one == 1
        assert leases.acquire(BOT, "you", 60) is None
        assert leases.holder(BOT) == "me"
        assert leases.renew(BOT, "me", one, 60)
        assert not leases.renew(BOT, "you", one, 60)
        leases.release(BOT, "you", one)
        assert leases.holder(BOT) == "me"
        leases.release(BOT, "me", one)
        assert leases.holder(BOT) is None
        assert leases.acquire(BOT, "you", -1) == 2  # runs out at once
        assert leases.renew(BOT, "you", 2, -1)  # nobody took it meanwhile
        assert leases.acquire(BOT, "me", 60) == 3
        assert not leases.renew(BOT, "you", 2, 60)


def test_the_partial_indexes_are_used(lite: Database) -> None:
    lea = somebody(lite)
    seen: list[tuple[str, Any]] = []
    with lite.unit_of_work() as uow:
        epoch = _lease(uow)
        _put(uow, lea, "k")
        uow.commit()
        event.listen(
            lite.engine,
            "before_cursor_execute",
            lambda _c, _cur, statement, parameters, *_: seen.append((statement, parameters)),
        )
        _claim(uow, epoch)
        uow.sending.next_due(BOT, NOON)
        uow.sending.any_due(BOT, NOON)
        uow.outbox.parked(10)
        raw = uow.session.connection().connection.driver_connection
        assert raw is not None
        for statement, parameters in [each for each in seen if "FROM outbox" in each[0]]:
            plan = [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            scans = [line for line in plan if line.startswith("SCAN") and "ix_outbox" not in line]
            assert scans == [], (statement, plan)
            # Thousands that wait for the morning are not walked through for each of thousands that
            # are due: one claim took seconds, in the one thread that answers people.
            if "NOT (EXISTS" in statement:
                assert not [line for line in plan if "ix_outbox_due" in line or "B-TREE" in line]
