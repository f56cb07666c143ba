"""The measurements run, however small; what they say is for `make bench`."""

import pytest

from tests.bench_process import ROOT, command, run


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("part", "line"),
    [
        (["propose"], "proposal: experts proposed per wish"),
        (["updates", "--way", "telegram-webhook"], "telegram-webhook: refused"),
    ],
)
def test_the_measurements_run(part: list[str], line: str) -> None:
    ran = run(command("tests.bench", *part, "--quick"), {}, ROOT)
    assert line in ran.out
