"""`make sbom`: what Cordée is made of, as CycloneDX, read off the lock files alone.

The same lock gives the same bytes: no network, no clock, nothing of what happens to be installed.
The time of `SOURCE_DATE_EPOCH` is written where it is set. It refuses a lock line without a hash.

Source: quality rules S8; CycloneDX 1.6, cyclonedx.org/docs/1.6/json.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})\b")
_VIA = re.compile(r"^    # +(?:via +)?([A-Za-z0-9][A-Za-z0-9._-]*)", re.ASCII)


@dataclass(frozen=True)
class Locked:
    """A package of a lock.

    Attributes:
        name: Normal name.
        version: The one version.
        hashes: SHA-256 of each file that may be installed.
        via: Who asks for it; `cordee` for our own pyproject.toml.
    """

    name: str
    version: str
    hashes: tuple[str, ...]
    via: tuple[str, ...]


def normal(name: str) -> str:
    """A package's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(text: str) -> Iterator[Locked]:
    """The packages of a lock file.

    Raises:
        ValueError: A package without a hash, or a line that is no pin.
    """
    for block in re.split(r"\n(?=[^\s#])", re.sub(r"\A(?:#.*\n)*", "", text)):
        pin = _PIN.match(block)
        if pin is None:
            if block.strip():
                raise ValueError(f"no pin: {block.splitlines()[0][:60]}")
            continue
        hashes = tuple(sorted(_HASH.findall(block)))
        if not hashes:
            raise ValueError(f"no hash: {pin[1]}")
        asking = (found[1] for line in block.splitlines() if (found := _VIA.match(line)))
        via = {normal(name) for name in asking if name != "via"}
        yield Locked(normal(pin[1]), pin[2], hashes, tuple(sorted(via)))


def bill(lock: Path) -> dict[str, Any]:
    """The bill of materials of one lock file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    name, version = project["name"], project["version"]
    text = lock.read_text("utf-8")
    packages = list(locked(text))
    refs = {package.name: f"pkg:pypi/{package.name}@{package.version}" for package in packages}
    refs[name] = f"pkg:pypi/{name}@{version}"
    needs: dict[str, set[str]] = {ref: set() for ref in refs.values()}
    for package in packages:
        for asking in package.via:
            # what asks is of another lock (a build tool's "pyproject.toml"): it is ours that asks
            needs[refs.get(asking, refs[name])].add(refs[package.name])
    metadata: dict[str, Any] = {
        "component": {
            "type": "application",
            "bom-ref": refs[name],
            "name": name,
            "version": version,
            "description": project["description"],
            "licenses": [{"license": {"id": project["license"]}}],
            "purl": refs[name],
        },
        "properties": [{"name": "cordee:lock", "value": lock.name}],
    }
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        metadata["timestamp"] = datetime.fromtimestamp(int(epoch), UTC).isoformat()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, text)}",
        "version": 1,
        "metadata": metadata,
        "components": [
            {
                "type": "library",
                "bom-ref": refs[package.name],
                "name": package.name,
                "version": package.version,
                "purl": refs[package.name],
                "hashes": [{"alg": "SHA-256", "content": one} for one in package.hashes],
            }
            for package in packages
        ],
        "dependencies": [
            {"ref": ref, "dependsOn": sorted(wanted)} for ref, wanted in sorted(needs.items())
        ],
    }


def main(folder: Path) -> None:
    """Write a bill for each lock file into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for lock in sorted(ROOT.glob("requirements*.txt")):
        found = bill(lock)
        path = folder / f"{lock.stem.replace('requirements', 'cordee')}.cdx.json"
        path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", "utf-8")
        print(f"{path}: {len(found['components'])} components")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "dist"))
