"""The share of branches that the tests take, package by package, against its bar.

`coverage report` mixes lines and branches into one figure; this looks at the branches alone.

    .venv/bin/python -m tests.branches        # after `coverage run` or pytest --cov
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

from coverage import Coverage

PACKAGES: Final = ("bot", "scheduling", "storage")
BAR: Final = 90.0  # per cent


def main() -> int:
    """Print a line for each package; 1 when one is below the bar."""
    coverage = Coverage()
    coverage.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        coverage.json_report(outfile=str(report))
        files = json.loads(report.read_text("utf-8"))["files"]
    taken: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for name, file in files.items():
        package = Path(name).parts[0]
        taken[package] += file["summary"]["covered_branches"]
        there[package] += file["summary"]["num_branches"]
    shares = {p: 100 * taken[p] / there[p] if there[p] else 0.0 for p in PACKAGES}
    for package, share in shares.items():
        sys.stdout.write(
            f"{package:<11} {taken[package]:>5} of {there[package]:>5} {share:6.1f} %\n"
        )
    return int(min(shares.values()) < BAR)


if __name__ == "__main__":
    sys.exit(main())
