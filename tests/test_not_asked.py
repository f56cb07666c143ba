"""A question for one side of a pair is not on the other's route: not counted, not gone back to."""

from __future__ import annotations

from datetime import date

from bot.dialogue import engine
from bot.dialogue.engine import Ask, Back, Said, State
from bot.dialogue.parsing import NOT_ASKED
from bot.programmes.load import load

TODAY = date(2026, 10, 7)
CHECKIN = load("ax-accompagnement").questionnaires["checkin:checkin"]
MENTEE = State()
MENTOR = State(answers={"own": NOT_ASKED})


def asked(state: State) -> Ask:
    question = engine.current(CHECKIN, state)
    assert question is not None
    return engine.asking(CHECKIN, state, question)


def counted(state: State, *words: str) -> list[tuple[str, int, int]]:
    """After each of these words: what is asked, as which of how many."""
    found = []
    for said in words:
        state = engine.step(CHECKIN, state, Said(said), today=TODAY)[0]
        ask = asked(state)
        found.append((ask.question.id, ask.number, ask.total))
    return found


def test_the_counter_counts_what_is_asked_and_leaves_no_number_out() -> None:
    assert counted(MENTEE, "oui", "4", "oui") == [
        ("how", 2, 4),
        ("own", 3, 4),
        ("next_date", 4, 4),
    ]
    assert counted(MENTOR, "oui", "4") == [("how", 2, 3), ("next_date", 3, 3)]


def test_nobody_goes_back_to_a_question_that_is_not_theirs() -> None:
    state = MENTOR
    for said in ("oui", "4"):
        state = engine.step(CHECKIN, state, Said(said), today=TODAY)[0]
    assert asked(engine.step(CHECKIN, state, Back(), today=TODAY)[0]).question.id == "how"


def test_a_form_does_not_hold_it_and_the_answers_neither() -> None:
    state = State(answers={**MENTOR.answers, "met": "yes"})
    for page in engine.pages(CHECKIN, state):
        assert "own" not in [question.id for question in page.questions]
    assert engine.result(CHECKIN, state.answers) == {"met": "yes"}


def test_it_survives_the_store() -> None:
    assert State.from_json(MENTOR.to_json()) == MENTOR
