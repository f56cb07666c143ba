"""What Cordée is made of: every lock hashed, a bill of materials, an audit that cannot skip."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests import sbom
from tests.audit import verdict

ROOT = Path(__file__).parent.parent
LOCKS = sorted(ROOT.glob("requirements*.txt"))
PACKAGES = ("bot", "handlers", "scheduling", "storage")


def test_every_lock_is_known() -> None:
    assert len(LOCKS) == 5


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.name))
def test_the_bill_holds_all_of_a_lock_each_with_its_hashes(lock: Path) -> None:
    text = lock.read_text("utf-8")
    pins = re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*\])?==", text, re.MULTILINE)
    found = sbom.bill(lock)
    assert [one["name"] for one in found["components"]] == [sbom.normal(name) for name in pins]
    assert sum(len(one["hashes"]) for one in found["components"]) == text.count("--hash=sha256:")
    assert all(one["hashes"] for one in found["components"])


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.name))
def test_everything_in_the_bill_is_there_because_something_asks_for_it(lock: Path) -> None:
    found = sbom.bill(lock)
    ours = found["metadata"]["component"]["bom-ref"]
    needs = {one["ref"]: one["dependsOn"] for one in found["dependencies"]}
    reached, open_ = {ours}, [ours]
    while open_:
        for ref in needs[open_.pop()]:
            if ref not in reached:
                reached.add(ref)
                open_.append(ref)
    assert reached == {one["bom-ref"] for one in found["components"]} | {ours}


def test_the_same_lock_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        sbom.main(tmp_path / name)
    ones = sorted((tmp_path / "one").iterdir())
    assert len(ones) == len(LOCKS)
    for path in ones:
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
        assert "timestamp" not in json.loads(path.read_text())["metadata"]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    assert sbom.bill(LOCKS[0])["metadata"]["timestamp"] == "2026-09-21T14:13:20+00:00"


def test_a_lock_line_without_a_hash_gives_no_bill() -> None:
    with pytest.raises(ValueError, match="no hash: abc"):
        list(sbom.locked("abc==1.0\n    # via cordee (pyproject.toml)\n"))
    with pytest.raises(ValueError, match="no pin"):
        list(sbom.locked("abc>=1.0 --hash=sha256:00\n"))


def test_a_bill_is_what_its_format_says() -> None:
    model = pytest.importorskip("cyclonedx.model.bom")
    found = model.Bom.from_json(sbom.bill(ROOT / "requirements.txt"))
    assert len(found.components) == len(sbom.bill(ROOT / "requirements.txt")["components"])


def test_an_install_always_asks_for_hashes() -> None:
    """Each place that installs from a lock, in files that people run or copy."""
    places = ["Makefile", "README.md", "deploy/Containerfile"]
    lines = [
        line
        for name in places
        for line in (ROOT / name).read_text("utf-8").replace("\\\n", " ").splitlines()
        if re.search(r"pip\)? install|PIP\) install", line)
    ]
    assert len(lines) >= 5
    for line in lines:
        assert "--require-hashes" in line or "--no-deps" in line, line


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ([], ["not audited: a 1", "not audited: b 2"]),
        ([{"name": "a", "skip_reason": "not found"}, {"name": "B", "version": "2", "vulns": []}],
         ["not audited: a 1"]),
        ([{"name": "a", "version": "1", "vulns": [{"id": "X-1"}]},
          {"name": "b", "version": "2", "vulns": []}], ["a 1: X-1"]),
        ([{"name": "a", "version": "9", "vulns": []}, {"name": "b", "version": "2", "vulns": []}],
         ["not audited: a 1"]),
        ([{"name": "a", "version": "1", "vulns": []}, {"name": "b", "version": "2", "vulns": []}],
         []),
    ],
)  # fmt: skip
def test_what_was_skipped_counts_as_a_fault(found: list[object], says: list[str]) -> None:
    assert verdict({"a": "1", "b": "2"}, found) == says  # type: ignore[arg-type]  # as JSON


def test_each_exemption_from_bandit_names_its_rule_and_its_reason() -> None:
    count = 0
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for line in path.read_text("utf-8").splitlines():
                if "nosec" in line:
                    count += 1
                    assert re.search(r"# nosec B\d{3} # .{8,}$", line), f"{path}: {line}"
    assert count >= 1
