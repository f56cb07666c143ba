"""Coverage counted in the bytecode itself, so that the tests run nearly as fast as without.

A tracer slows all that runs beside what is counted too, the database's library above all. Each
process leaves one file in `.coverage/`; the verdict over them is `tests.branches`.

    .venv/bin/python -m pytest -p tests.counted -p no:slipcover
"""

from __future__ import annotations

import json
import os
import time
from typing import Final

import pytest
from slipcover import FileMatcher, ImportManager, Slipcover, wrap_spec_from_file_location

from tests.branches import FOLDER, PACKAGES

_WORKER: Final = os.environ.get("PYTEST_XDIST_WORKER")
_PAUSE: Final = 15.0  # seconds between two times of taking out what was counted
# Files that nobody loads are told of once, by the first process. What was counted is taken out
# between two tests, not (a threshold of misses) in the midst of one: it takes up to half a second
# of a busy machine each time, and a few in one turn were Slack's three seconds.
_counter = Slipcover(branch=True, d_miss_threshold=-1, source=None if _WORKER else list(PACKAGES))
_ours: Final = FileMatcher(sources=list(PACKAGES))
# From here on: what is imported before is not counted.
ImportManager(_counter, _ours).__enter__()
wrap_spec_from_file_location(_counter, _ours)  # so migrations are loaded
_taken_out = 0.0


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish() -> None:
    """Take the counting out of the lines that were seen."""
    global _taken_out  # noqa: PLW0603
    if time.monotonic() - _taken_out > _PAUSE:
        _counter.deinstrument_seen()
        _taken_out = time.monotonic()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Write down what this process has run."""
    FOLDER.mkdir(exist_ok=True)
    seen = json.dumps(_counter.get_coverage())
    (FOLDER / f"{_WORKER or 'main'}.json").write_text(seen, "utf-8")
