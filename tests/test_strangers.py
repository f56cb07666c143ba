"""Two processes that meet the same stranger at the same moment: both answer, none fails."""

import json
from datetime import datetime

import pytest

from bot.events import Event
from bot.messages import Ack
from scheduling.clock import FixedClock
from scheduling.inbox import Inbox
from scheduling.worker import Worker
from storage.tables import Identity
from storage.unit_of_work import Database, UnitOfWork
from tests.empty import tables
from tests.stores import NOON, SECRET
from tests.test_inbox import read


@pytest.mark.postgres
async def test_a_stranger_heard_by_two_processes_at_once(pg_tables: str) -> None:
    """One looks, and while it has not committed the other makes that account: it tries again.

    The inbox keeps one author's events in order, so the other is not an event: somebody links an
    account, or staff are seated at a start.
    """
    database, other = (Database(pg_tables, SECRET) for _ in range(2))
    tables(database)
    failed: list[str] = []
    looked = 0

    def meet(uow: UnitOfWork) -> int:
        made = uow.people.meet(
            platform="telegram", account="7", bot_account="telegram:1", lang="fr", now=NOON
        )
        return made.person_id

    def handle(uow: UnitOfWork, event: Event, now: datetime) -> Ack:
        nonlocal looked
        looked += 1
        if uow.people.by_account("telegram", event.author.account) is None:
            with other.unit_of_work() as theirs:
                meet(theirs)
                theirs.commit()
            meet(uow)
        return Ack(toast="met")

    def told(_uow: UnitOfWork, _event: Event, reference: str, _now: datetime) -> None:
        failed.append(reference)

    worker = Worker(database)
    inbox = Inbox(database, worker, FixedClock(NOON), handle, {"telegram": read}, on_failure=told)
    row = await inbox.receive(
        platform="telegram",
        bot_account="telegram:1",
        event_key="1",
        payload=json.dumps({"from": "7", "text": "word"}).encode(),
    )
    answer = await inbox.work(row or 0)
    worker.close()
    with other.unit_of_work() as uow:
        assert uow.session.query(Identity).count() == 1
    for one in (database, other):
        one.close()
    assert (answer.toast, looked) == ("met", 2)
    assert not failed
