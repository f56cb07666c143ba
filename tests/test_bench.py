"""The measurements run, however small; what they say is for `make bench`."""

import pytest

from tests.bench_process import ROOT, command, run


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("part", "line"),
    [
        (["propose"], "proposal: experts proposed per wish"),
        (["triage"], "order of 200 laureates: people with a sign"),
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


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_measurements_of_campaigns_run() -> None:
    parts = ("campaign", "large", "rival", "rematch")
    ran = run(command("tests.bench_matching", *parts, "--quick"), {}, ROOT)
    assert "it runs" in ran.out
    kept = [line for line in ran.out.splitlines() if line.endswith("pass")]
    for what in ("apart from OR-tools", "gap to the bound", "accepted pairs that moved"):
        assert any(what in line for line in kept), what
