"""Many at once, and after a crash: short forms; their times have leeway, their counts have none."""

import pytest

from tests.chaos import load
from tests.chaos.figures import Figures
from tests.chaos.processes import Zygote

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
LEEWAY = 12.0  # other tests run beside; the long form measures


async def test_many_a_second_and_many_at_once(zygote: Zygote) -> None:
    """All are kept and answered, before and after `kill -9`."""
    figures = Figures(quiet=True, leeway=LEEWAY)
    await load.rush(figures, way="http", seconds=4, zygote=zygote, rate=20, burst=100)
    figures.check()


@pytest.mark.parametrize("kept", [False, True], ids=["at-the-platform", "in-the-inbox"])
async def test_what_waited_is_answered_once(zygote: Zygote, kept: bool) -> None:
    """Updates that came while nobody was there."""
    figures = Figures(quiet=True, leeway=LEEWAY)
    await load.waited(figures, way="socket", kept=kept, zygote=zygote, number=100)
    figures.check()
