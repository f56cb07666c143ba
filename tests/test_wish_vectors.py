"""Wishes of a campaign are encoded beside the turns, once; a draft waits for none of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.matching.sense import Sense
from handlers.wish_vectors import WishReader
from scheduling.worker import Worker
from tests.campaign_world import Run, students
from tests.stand import CLAIRE, told
from tests.test_sense import Bag, steps


def read(run: Run, sense: Sense) -> list[int]:
    """What each step of the background work looks at, until nothing is left."""

    async def all_of_them() -> list[int]:
        worker = Worker(run.stand.database)
        try:
            reader, done = WishReader(run.stand.database, worker, sense), []
            while count := await reader.step():
                done.append(count)
            with run.stand.work() as uow:
                here = uow.campaigns.get(run.campaign)
                assert here is not None
                students(uow, here, 1, run.stand.now, seed=99, first=500)
            return [*done, await reader.step()]
        finally:
            worker.close()

    return asyncio.run(all_of_them())


def test_a_draft_encodes_no_wish_that_was_read_beside_the_turns(tmp_path: Path) -> None:
    run, bag = Run.begin(19, 24, url=f"sqlite:///{tmp_path}/c.db"), Bag()
    steps(run.stand.database, bag)
    sense = run.stand.bot.experts.index.sense = Sense(bag)
    before = run.board()
    assert before.unread == 19
    assert read(run, sense) == [8, 8, 3, 1]
    board = run.board()
    assert len(board.given.mentees) == 20
    assert board.unread == 0
    seen = len(bag.seen)
    draft = board.draft()
    assert set(board.reasons(draft.pairs)) == set(draft.pairs)
    assert len(bag.seen) == seen
    first, second = [m.wish.words for m in board.given.mentees[:2]]
    assert sense.remembers(first)
    assert not sense.remembers(second + " autrement")


def test_a_draft_that_would_have_to_encode_many_is_made_beside_the_turns(tmp_path: Path) -> None:
    run, bag = Run.begin(19, 24, url=f"sqlite:///{tmp_path}/c.db"), Bag()
    steps(run.stand.database, bag)
    sense = run.stand.bot.experts.index.sense = Sense(bag)
    run.stand.bot.aside = lambda timer: None  # somebody would make it
    assert told(run.stand.command(CLAIRE, "campagne", "brouillon"), CLAIRE, "Je forme les binômes")
    assert not run.pairs("draft")
    read(run, sense)
    assert told(run.stand.command(CLAIRE, "campagne", "brouillon"), CLAIRE, ": le brouillon")
    assert len(run.pairs("draft")) == 20
