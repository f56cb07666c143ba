"""What the proofs share: one parent of quick starts for each test process."""

from collections.abc import Iterator

import pytest

from tests.chaos.processes import Zygote


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """Where processes are forked."""
    with Zygote() as parent:
        yield parent
