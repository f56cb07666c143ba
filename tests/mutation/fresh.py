"""Has each test forget what functions remember of an earlier one.

Faults are tried in copies of a process in which the tests have run already: what a function under
`lru_cache` answered there would hide a fault in it, and which tests reach the function as well.
"""

import sys

HOUSE = ("bot.", "storage.", "scheduling.", "handlers.")


def pytest_runtest_setup() -> None:
    """Empty every cache of the house."""
    for name, module in list(sys.modules.items()):
        if name.startswith(HOUSE):
            for one in vars(module).values():
                if hasattr(one, "cache_clear"):
                    one.cache_clear()
