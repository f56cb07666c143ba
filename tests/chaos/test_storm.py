"""A prompt to everybody: a short storm, a change of hands in it."""

import pytest

from tests.chaos import storm
from tests.chaos.figures import Figures
from tests.chaos.processes import Zygote

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


async def test_a_short_storm(zygote: Zygote) -> None:
    """Everybody is asked once, no window of a platform is passed, others are answered meanwhile."""
    figures = Figures(quiet=True, leeway=4.0)
    await storm.storm(figures, people=240, zygote=zygote)
    figures.check()
