"""The list of faults keeps its word: each has an outcome, and tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROW = re.compile(r"^\| (?P<fault>.+?) \| (?P<outcome>.+?) \| (?P<tests>.+?) \|$", re.MULTILINE)
NAMED = re.compile(r"`(test_\w+\.py|chaos/test_\w+\.py)::(test_\w+)`")
PARTS = ("The process", "The store", "The platforms", "The network", "What people do")


def rows() -> list[re.Match[str]]:
    text = (ROOT / "FAULTS.md").read_text("utf-8")
    return [row for row in ROW.finditer(text) if row["fault"] != "fault"]


def test_every_fault_has_an_outcome_and_a_test_that_exists() -> None:
    assert len(rows()) >= 70
    lacking = []
    for row in rows():
        named = NAMED.findall(row["tests"])
        if not named or len(named) != row["tests"].count("`") // 2:
            lacking.append(f"{row['fault']}: {row['tests']}")
        for file, name in named:
            path = ROOT / file
            source = path.read_text("utf-8") if path.exists() else ""
            if not re.search(rf"def {name}\(", source):
                lacking.append(f"{row['fault']}: no {file}::{name}")
    assert not lacking, "\n".join(lacking)


def test_every_part_is_there_and_no_fault_twice() -> None:
    text = (ROOT / "FAULTS.md").read_text("utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == list(PARTS)
    faults = [row["fault"] for row in rows()]
    assert len(set(faults)) == len(faults)
