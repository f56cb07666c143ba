"""Two processes that meet the same stranger at the same moment: both answer, none fails."""

import asyncio
import json
import threading
from datetime import datetime

import pytest

from bot.events import Event
from bot.messages import Ack
from scheduling.clock import FixedClock
from scheduling.inbox import Inbox
from scheduling.worker import Worker
from storage.tables import Base
from storage.unit_of_work import Database, UnitOfWork
from tests.stores import NOON, SECRET
from tests.test_inbox import read


@pytest.mark.postgres
async def test_a_stranger_heard_by_two_processes_at_once(pg_url: str) -> None:
    """Each sees nobody of that account and makes one; the second finds it when it tries again."""
    databases = [Database(pg_url, SECRET) for _ in range(2)]
    Base.metadata.create_all(databases[0].engine)
    both, failed = threading.Barrier(2, timeout=10), []
    met: list[int] = []

    def handle(uow: UnitOfWork, event: Event, now: datetime) -> Ack:
        account = event.author.account
        known = uow.people.by_account("telegram", account)
        if known is None:
            both.wait()  # the other one has looked too
            known = uow.people.meet(
                platform="telegram", account=account, bot_account="telegram:1", lang="fr", now=now
            )
        met.append(known.person_id)
        return Ack(toast="met")

    def told(_uow: UnitOfWork, _event: Event, reference: str, _now: datetime) -> None:
        failed.append(reference)

    workers = [Worker(database) for database in databases]
    clock = FixedClock(NOON)
    inboxes = [
        Inbox(database, worker, clock, handle, {"telegram": read}, on_failure=told)
        for database, worker in zip(databases, workers, strict=True)
    ]

    async def hear(number: int) -> Ack:
        payload = json.dumps({"from": "7", "text": f"word {number}"}).encode()
        row = await inboxes[number].receive(
            platform="telegram", bot_account="telegram:1", event_key=str(number), payload=payload
        )
        return await inboxes[number].work(row or 0)

    answers = await asyncio.gather(hear(0), hear(1))
    for worker, database in zip(workers, databases, strict=True):
        worker.close()
        database.close()
    assert [ack.toast for ack in answers] == ["met", "met"]
    assert not failed
    assert len(set(met[-2:])) == 1
