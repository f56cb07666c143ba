"""How ties fall: by a hash of a seed and the person, the same way on any machine.

It knows numbers only; never a name, which would favour somebody for good.

Source: matching goals D (determinism).
"""

import numpy as np
import numpy.typing as npt


def mixed(ids: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.uint64]:
    """A hash of (seed, id) per id: splitmix64."""
    x = ids.astype(np.uint64) + np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
