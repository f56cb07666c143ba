"""`make audit`: known weaknesses of what is locked; a package that was skipped counts as a fault.

pip-audit alone says "no known vulnerabilities found" and exits 0 when it could not reach its
advisories and looked nothing up. Here each package of each lock must have been looked up.

Source: quality rules 2.3 and S8.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.sbom import ROOT, locked, normal

SECONDS = 300


def ask(lock: Path) -> list[dict[str, Any]]:
    """What pip-audit found out about each package of a lock; nothing, when it found out nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip",
         "--progress-spinner=off", "--format=json", f"--requirement={lock}"],
        capture_output=True, text=True, check=False, timeout=SECONDS,
    )  # fmt: skip
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return []
    return found


def verdict(wanted: dict[str, str], found: list[dict[str, Any]]) -> list[str]:
    """What speaks against a lock: weaknesses, and packages that were not looked up.

    Args:
        wanted: Name and version of all that is locked.
        found: pip-audit's `dependencies`.
    """
    audited = {
        normal(one["name"]): one for one in found if "skip_reason" not in one and "vulns" in one
    }
    says = []
    for name, version in sorted(wanted.items()):
        one = audited.get(name)
        if one is None or one.get("version") != version:
            says.append(f"not audited: {name} {version}")
            continue
        says += [f"{name} {version}: {weak['id']}" for weak in one["vulns"]]
    return says


def main() -> int:
    """Audit every lock; 0 only when all was looked up and nothing was found."""
    faults = 0
    for lock in sorted(ROOT.glob("requirements*.txt")):
        wanted = {one.name: one.version for one in locked(lock.read_text("utf-8"))}
        says = verdict(wanted, ask(lock))
        skipped = sum(line.startswith("not audited") for line in says)
        print(f"{lock.name}: {len(wanted)} packages, {skipped} not audited, "
              f"{len(says) - skipped} weaknesses")  # fmt: skip
        for line in says if skipped < len(wanted) else ["not audited: no advisories were reached"]:
            print(f"  {line}")
        faults += len(says)
    print(f"advisories as of {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: "
          + ("audited, nothing found" if not faults else "FAILED"))  # fmt: skip
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
