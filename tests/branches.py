"""The share of lines and of branches that the tests take, package by package, against their bar.

Branches have a bar of their own: lines are many, and one figure of both would hide them.

    .venv/bin/python -m pytest -p tests.counted -p no:slipcover
    .venv/bin/python -m tests.branches             # with -v: what was never run, file by file
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Final

from slipcover import merge_coverage, print_coverage

FOLDER: Final = Path(".coverage")
PACKAGES: Final = ("bot", "scheduling", "storage")
KINDS: Final = ("lines", "branches")
BAR: Final = 90.0  # per cent


def main() -> int:
    """Print a line for each package and kind; 1 when one is below the bar."""
    found = [json.loads(file.read_text("utf-8")) for file in sorted(FOLDER.glob("*.json"))]
    if not found:
        sys.exit(f"{FOLDER}/ is empty: run the tests with -p tests.counted first")
    merged, *others = found
    for other in others:
        merge_coverage(merged, other)
    if "-v" in sys.argv:
        print_coverage(merged, outfile=sys.stdout, skip_covered=True)
    taken: Counter[tuple[str, str]] = Counter()
    missed: Counter[tuple[str, str]] = Counter()
    for name, file in merged["files"].items():
        for kind in KINDS:
            one = (Path(name).parts[0], kind)
            taken[one] += file["summary"][f"covered_{kind}"]
            missed[one] += file["summary"][f"missing_{kind}"]
    low = False
    for one in ((package, kind) for package in PACKAGES for kind in KINDS):
        there = taken[one] + missed[one]
        share = 100 * taken[one] / there if there else 0.0
        low = low or share < BAR
        sys.stdout.write(f"{' '.join(one):<19} {taken[one]:>6} of {there:>6} {share:6.1f} %\n")
    return int(low)


if __name__ == "__main__":
    sys.exit(main())
