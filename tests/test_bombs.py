"""Import bombs, the short form of `make bombs`: refused with a sentence, the memory stays small."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.i18n import words
from bot.importer import read_sheet
from tests.bombs import BOMBS, GOOD, HEADER
from tests.run_world import CORDEE, KEY, cordee

SIZE = 10 * 2**20


def test_each_is_refused_with_a_sentence_and_little_memory() -> None:
    """All of them, one after the other, in a process of their own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bombs", str(SIZE)],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=55,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok  ") == len(BOMBS)


def test_the_last_row_that_may_be_is_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.importer.MAX_ROWS", 50)
    rows = b"".join(b"A%d,,L,M\n" % n for n in range(50))
    sheet = read_sheet(HEADER + rows, programme="emergence")
    assert (sheet.total, sheet.problems) == (50, [])
    over = read_sheet(HEADER + rows + b"X,,L,M\n", programme="emergence")
    assert [p.problem_id for p in over.problems] == ["import-too-many-rows"]
    assert over.rows == []


def test_of_a_good_file_with_a_bomb_in_it_nothing_is_written(tmp_path: Path) -> None:
    """By the command, into a database: all or nothing, and no traceback."""
    assert cordee(tmp_path, "migrate").returncode == 0
    file = tmp_path / "people.csv"
    file.write_bytes(HEADER + GOOD + b"A2,a2@exemple.invalid,\x00,Noir\n")
    done = cordee(tmp_path, "import", str(file), "--programme", "emergence")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert words("fr")("import-control-character")[:20] in done.stderr.replace("\n", " ")
    file.write_bytes(HEADER + GOOD)
    done = cordee(tmp_path, "import", str(file), "--programme", "emergence")
    assert "1" in done.stdout, "Léa was not there before"
    assert words("fr")("import-done", created=1, updated=0)[:12] in done.stdout


def test_a_file_without_an_end_is_read_no_further_than_needed(tmp_path: Path) -> None:
    done = subprocess.run(
        [CORDEE, "import", "/dev/zero", "--programme", "emergence"],
        cwd=tmp_path,
        env={
            **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
            "HOME": str(tmp_path),
            "CORDEE_PROGRAMMES": "emergence",
            "CORDEE_SECRET_KEY": KEY,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 1
    assert words("fr")("import-file-too-long", most=64)[:20] in done.stderr.replace("\n", " ")
