"""Nobody sees or changes what is not theirs; the long form is `make authorisation`.

The proof is proved too: a policy dropped and a check skipped have to be found.
"""

from __future__ import annotations

import logging
from collections.abc import Set

import pytest

from bot import access
from bot.errors import NotAllowed
from bot.flows import flags
from bot.policy import POLICIES, policy
from bot.programmes.schema import Programme
from bot.turn import Scene, Turn
from storage.tables import Pair, Person
from tests.authorisation.matrix import CANARY, Cell, Figures, Matrix, run, typed
from tests.authorisation.world import ACTORS, build
from tests.listening import listening

SHORT = 0.004
PAIR = frozenset({"pair", "request"})


def few(matrix: Matrix, actor: str, *wanted: str, on: Set[str] = PAIR) -> Figures:
    """Only these ways in, of one of them, on everything a pair has."""
    tables = {what: set(on) for what in wanted}
    for cell in matrix.cells(tables):
        if cell.what in wanted and cell.actor == actor:
            matrix.compared(cell, "telegram", True)
    return matrix.figures


@pytest.mark.timeout(240)  # of processor time it takes a few seconds
def test_nobody_sees_or_changes_what_is_not_theirs() -> None:
    figures = run(SHORT)
    assert figures.faults == []
    assert figures.cells > 200
    assert set(figures.by_actor) == set(ACTORS)
    assert len(figures.by_actor) >= 12
    assert len(figures.by_way) > 40


def test_the_proof_finds_a_policy_that_was_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = Matrix(build())
    monkeypatch.setitem(POLICIES, "command:demandes", policy("anyone", scope="self"))
    faults = few(matrix, "member", "command:demandes").faults
    assert any("reads person.name" in fault for fault in faults)


def test_the_proof_finds_an_object_that_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(turn: Turn, number: int) -> Pair:
        pair = turn.uow.pairs.get(number)
        if pair is None:
            raise NotAllowed("not there")
        turn.enter(turn.programme_of(pair.programme_id))
        turn.reached = True
        return pair

    monkeypatch.setattr(access, "own_pair", careless)
    faults = few(Matrix(build()), "far mentee", "act:pair-stop-yes", "act:pair-pause").faults
    assert any(": changes pair" in fault for fault in faults)
    assert any("not as if it were missing" in fault for fault in faults)


def test_the_proof_finds_a_pair_shown_to_its_own_mentor_as_to_the_team(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def careless(*_: object) -> None:
        return None

    way = ("mentor of the team", "command:binomes")
    assert few(Matrix(build()), *way, on={"pair"}).faults == []
    monkeypatch.setattr(access, "_not_about", careless)
    faults = few(Matrix(build()), *way, on={"pair"}).faults
    assert any("reads conversation.snapshot" in fault for fault in faults)


def test_the_proof_finds_words_shown_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(POLICIES, "command:exporter", policy("member", scope="self"))
    matrix = Matrix(build())
    for kind in ("rapports", "binomes"):
        cell = Cell("mentee", "command:exporter", typed("exporter", kind))
        matrix.run(cell, "slack", False)
    assert any("mentee reads report.answers" in fault for fault in matrix.figures.faults)


def test_the_proof_finds_a_report_to_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    assert few(Matrix(build()), "mentor", "act:flag", on={"letter"}).faults == []

    def others(scene: Scene, programme: Programme, but: object) -> list[Person]:
        return list(scene.uow.people.with_role(programme.id, "teacher"))

    monkeypatch.setattr(flags, "guards", others)
    faults = few(Matrix(build()), "mentor", "act:flag", on={"letter"}).faults
    assert any("teacher reads letter.text" in fault for fault in faults)


def test_the_proof_finds_what_is_logged() -> None:
    log = logging.getLogger("bot.somewhere")
    with listening(CANARY) as heard:
        log.debug("kept %s", "nothing")
        log.debug("kept", extra={"words": "Zq0001x"})
        log.warning("failed", exc_info=ValueError("Zq0001x"))
    assert len(heard.spilt) == 1  # an exception's own words are not written
    assert [line.split()[-1] for line in heard.errors] == ["failed"]
