"""Killed, frozen and stopped at random under a mixed load: short forms."""

import pytest

from tests.chaos import kills
from tests.chaos.figures import Figures
from tests.chaos.ground import Way
from tests.chaos.processes import Zygote
from tests.postgres import PgServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


async def test_one_process_on_sqlite(zygote: Zygote) -> None:
    """Twenty `kill -9`: nothing lost, nothing twice, nobody left alone."""
    figures = Figures(quiet=True)
    await kills.kill_one(figures, kills=20, seed=7, zygote=zygote, longest=2.0)
    figures.check()


@pytest.mark.postgres
@pytest.mark.parametrize(("way", "rounds", "frozen"), [("socket", 6, 1), ("http", 4, 0)])
async def test_three_replicas_on_postgres(
    zygote: Zygote, pg_server: PgServer, way: Way, rounds: int, frozen: int
) -> None:
    """Kills, stops, all at once, and one frozen for longer than its lease: the same."""
    figures = Figures(quiet=True)
    url = pg_server.create()
    address = url.render_as_string(hide_password=False)
    await kills.kill_three(
        figures, address, rounds=rounds, seed=7, way=way, zygote=zygote, frozen=frozen
    )
    pg_server.drop(url)
    figures.check()


@pytest.mark.postgres
async def test_replicas_start_together(zygote: Zygote, pg_server: PgServer) -> None:
    """All three migrate one empty database, seat the same staff and meet the same newcomers."""
    figures = Figures(quiet=True)
    url = pg_server.create()
    await kills.together(figures, url.render_as_string(hide_password=False), zygote=zygote)
    pg_server.drop(url)
    figures.check()


@pytest.mark.postgres
async def test_change_of_hands(zygote: Zygote, pg_server: PgServer) -> None:
    """Another replica sends soon after the sender was killed, at once after it was stopped."""
    figures = Figures(quiet=True, leeway=2.0)
    url = pg_server.create()
    address = url.render_as_string(hide_password=False)
    await kills.change_hands(figures, address, zygote=zygote, times=1, way="socket")
    pg_server.drop(url)
    figures.check()
