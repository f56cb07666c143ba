"""Dying on purpose: at each named point, and at every so-many-th commit and send of a life."""

import asyncio

import pytest

from tests.chaos import crashpoints, named
from tests.chaos.figures import Figures
from tests.chaos.named import PLATFORMS
from tests.chaos.processes import Zygote

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


async def test_before_the_inbox_is_committed(zygote: Zygote) -> None:
    """Not kept, so not acknowledged: the platform delivers again."""
    await asyncio.gather(*(named.word(zygote, "before_commit", platform) for platform in PLATFORMS))


async def test_after_the_inbox_is_committed(zygote: Zygote) -> None:
    """Kept and not acknowledged, or not worked: worked once at the next start."""
    await asyncio.gather(*(named.word(zygote, "after_inbox", platform) for platform in PLATFORMS))


async def test_inside_a_turn(zygote: Zygote) -> None:
    """All of the turn is undone; it is worked once at the next start."""
    await asyncio.gather(*(named.word(zygote, "in_turn", platform) for platform in PLATFORMS))


async def test_inside_a_due_timer(zygote: Zygote) -> None:
    """Undone; it fires again, once."""
    await named.prompt(zygote, "before_commit")


async def test_after_a_due_timer(zygote: Zygote) -> None:
    """Queued; sent at the next start."""
    await named.prompt(zygote, "after_t0")


async def test_claimed_and_not_sent(zygote: Zygote) -> None:
    """Looked up, not found, sent once."""
    await asyncio.gather(*(named.word(zygote, "after_t1", platform) for platform in PLATFORMS))
    await asyncio.gather(*(named.word(zygote, "before_wire", platform) for platform in PLATFORMS))


async def test_sent_and_not_written_down(zygote: Zygote) -> None:
    """Looked up and found: not sent again."""
    await asyncio.gather(*(named.word(zygote, "after_wire", platform) for platform in PLATFORMS))
    await asyncio.gather(*(named.word(zygote, "before_t2", platform) for platform in PLATFORMS))


async def test_killed_while_the_platform_has_the_call(zygote: Zygote) -> None:
    """Whether it arrived decides the look-up, not the bot's memory."""
    await asyncio.gather(
        *(named.on_the_wire(zygote, platform, arrives=True) for platform in PLATFORMS)
    )
    await asyncio.gather(
        *(named.on_the_wire(zygote, platform, arrives=False) for platform in PLATFORMS)
    )


async def test_killed_while_looking_up(zygote: Zygote) -> None:
    """A look-up may be done again."""
    await asyncio.gather(*(named.looking_up(zygote, platform) for platform in PLATFORMS))


async def test_at_every_commit_and_send_of_a_life() -> None:
    """A sample of the points of one life, spread over it: the same end as without."""
    figures = Figures(quiet=True)
    await crashpoints.prove(figures, every=18, at_once=3, least=15)
    figures.check()
