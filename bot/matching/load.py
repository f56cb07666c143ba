"""What somebody carries already, and what that costs them in the ranking.

How heavy which pair or question weighs is the database's affair (`Directory.loads`).

Source: matching goals D (load and exposure).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Load(NamedTuple):
    """What somebody carries.

    Attributes:
        places: Mentees now, and parts of one for who was asked and who was there lately.
        shown: Times they were proposed in the last seven days.
    """

    places: float
    shown: int = 0


def costs(penalties: Sequence[float], places: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """What one more mentee costs somebody who carries so much.

    Args:
        penalties: Of who carries none, one, two, …; in between lies in between, and the last step
            goes on.
        places: Load of each.
    """
    given = np.asarray(penalties, np.float64)
    load = np.asarray(places, np.float64)
    last = len(given) - 1
    step = given[-1] - given[-2] if last else 0.0
    within = np.interp(load, np.arange(len(given)), given)
    return np.asarray(within + step * np.maximum(load - last, 0))
