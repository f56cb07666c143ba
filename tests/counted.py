"""Coverage counted in the bytecode itself, so that the tests run nearly as fast as without.

A tracer slows all that runs beside what is counted too, the database's library above all. Each
process leaves one file in `.coverage/`; the verdict over them is `tests.branches`.

    .venv/bin/python -m pytest -p tests.counted -p no:slipcover
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import time
from functools import cache
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any, Final

import pytest
from slipcover import FileMatcher, ImportManager, Slipcover
from slipcover.branch import preinstrument
from typing_extensions import override

from tests.branches import FOLDER, PACKAGES

_WORKER: Final = os.environ.get("PYTEST_XDIST_WORKER")
_PAUSE: Final = 15.0  # seconds between two times of taking out what was counted
# Files that nobody loads are told of once, by the first process. What was counted is taken out
# between two tests, not (a threshold of misses) in the midst of one: it takes up to half a second
# of a busy machine each time, and a few in one turn were Slack's three seconds.
_counter = Slipcover(branch=True, d_miss_threshold=-1, source=None if _WORKER else list(PACKAGES))
_ours: Final = FileMatcher(sources=list(PACKAGES))
_spec = importlib.util.spec_from_file_location
_taken_out = 0.0


class _Migration(SourceFileLoader):
    """A file that is loaded anew for each database: the counters are put into its code once."""

    @override
    def get_code(self, fullname: str) -> CodeType:
        return _counted(self.path)


@cache
def _counted(path: str) -> CodeType:
    tree = preinstrument(ast.parse(Path(path).read_bytes()))
    code: CodeType = _counter.instrument(compile(tree, path, "exec"))
    return code


def _spec_counted(name: str, location: Any = None, **more: Any) -> ModuleSpec | None:
    spec = _spec(name, location, **more)
    if spec is not None and spec.origin and _ours.matches(spec.origin):
        spec.loader = _Migration(name, spec.origin)
    return spec


# From here on: what is imported before is not counted.
ImportManager(_counter, _ours).__enter__()
importlib.util.spec_from_file_location = _spec_counted


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
