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


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_measurement_of_the_search_runs() -> None:
    ran = run(command("tests.bench_directory", "--people", "500", "--rounds", "1"), {}, ROOT)
    assert "500 people" in ran.out
    assert "LIKE / search" in ran.out
