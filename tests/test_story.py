"""The story is as written at any width, and a single wrong line makes it fail."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from handlers.local import story

ROOT = Path(__file__).parents[1]
SMALL = """# Une petite scène
programme: emergence

telegram Inès > /aide
"""


@pytest.mark.parametrize("width", [80, 140])
async def test_the_story_is_as_written(width: int) -> None:
    shown = io.StringIO()
    assert await story.tell(Console(file=shown, width=width))
    assert "refusals by the platforms  0" in shown.getvalue()
    assert "duplicates                 0" in shown.getvalue()


async def test_a_scene_that_differs_fails(tmp_path: Path) -> None:
    (tmp_path / "scene.chat").write_text(SMALL + "bot > Autre chose.\n", "utf-8")
    shown = io.StringIO()
    assert not await story.play_one(Console(file=shown, width=90), tmp_path / "scene.chat")
    assert "-bot > Autre chose." in shown.getvalue()


def test_a_conversation_that_differs_is_a_readable_failure_until_it_is_updated(
    tmp_path: Path,
) -> None:
    scene = tmp_path / "scene.chat"
    scene.write_text(SMALL + "bot > Autre chose.\n", "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.chat", "-c", "/dev/null"]
    command += ["-p", "no:cacheprovider", f"--rootdir={tmp_path}", str(scene)]

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *more], cwd=ROOT, capture_output=True, text=True, check=False
        )

    before = run()
    assert before.returncode == 1
    assert "-bot > Autre chose." in before.stdout
    assert "+bot           > Ce que je peux faire" in before.stdout
    assert run("--update").returncode == 0
    assert "Ce que je peux faire" in scene.read_text("utf-8")
