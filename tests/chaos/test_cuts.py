"""The database goes away under load: a short form."""

import pytest

from tests.chaos import cuts
from tests.chaos.figures import Figures
from tests.chaos.processes import Zygote
from tests.postgres import PgServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.postgres]


async def test_connections_and_commits_cut(zygote: Zygote, pg_server: PgServer) -> None:
    """Cut, ended by the server, a COMMIT without an answer: nothing lost, nothing twice."""
    figures = Figures(quiet=True)
    await cuts.cut(figures, pg_server, cuts=8, seed=7, zygote=zygote, restart=False, impatient=True)
    figures.check()
