"""Coverage counted in the bytecode itself, so that the tests run nearly as fast as without.

A tracer slows all that runs beside what is counted too, the database's library above all. Each
process leaves one file in `.coverage/`; the verdict over them is `tests.branches`.

    .venv/bin/python -m pytest -p tests.counted -p no:slipcover
"""

from __future__ import annotations

import json
import os
from typing import Final

import pytest
from slipcover import FileMatcher, ImportManager, Slipcover, wrap_spec_from_file_location

from tests.branches import FOLDER, PACKAGES

_WORKER: Final = os.environ.get("PYTEST_XDIST_WORKER")
# Files that nobody loads are told of once, by the first process.
_counter = Slipcover(branch=True, source=None if _WORKER else list(PACKAGES))
_ours: Final = FileMatcher(sources=list(PACKAGES))
# From here on: what is imported before is not counted.
ImportManager(_counter, _ours).__enter__()
wrap_spec_from_file_location(_counter, _ours)  # so migrations are loaded


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Write down what this process has run."""
    FOLDER.mkdir(exist_ok=True)
    seen = json.dumps(_counter.get_coverage())
    (FOLDER / f"{_WORKER or 'main'}.json").write_text(seen, "utf-8")
