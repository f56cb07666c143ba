"""Questionnaires: what a file may say, the faults it is told of, and the pages of a form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.dialogue.questionnaire import FileFaults, Questionnaire, did_you_mean, fold


def both(text: str) -> dict[str, str]:
    return {"fr": text, "en": f"{text} (en)"}


def option(value: str, label: str | None = None, **more: Any) -> dict[str, Any]:
    return {"value": value, "label": both(label or value), **more}


def question(name: str, kind: str = "choice", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"id": name, "kind": kind, "text": both(f"{name} ?"), **more}
    if kind in {"choice", "many"}:
        made.setdefault("options", [option("yes", "Oui"), option("no", "Non")])
    return made


def read(*questions: dict[str, Any], **more: Any) -> Questionnaire:
    return Questionnaire.model_validate({"questions": questions, **more})


def faults(*questions: dict[str, Any]) -> list[str]:
    """Every fault found in a questionnaire, as `place: message` below it."""
    with pytest.raises(ValidationError) as caught:
        read(*questions)
    found = []
    for detail in caught.value.errors():
        error = detail.get("ctx", {}).get("error")
        pairs = error.found if isinstance(error, FileFaults) else [((), detail["msg"])]
        for place, message in pairs:
            where = ".".join(map(str, (*detail["loc"], *place)))
            found.append(f"{where}: {message}")
    return found


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("  Élève en dernière ANNÉE ! ", "eleve en derniere annee"),
        ("J’hésite", "j hesite"),
        ("J'hésite", "j hesite"),
        ("start-up", "start up"),
        ("Cœur & Œuvre", "coeur oeuvre"),
        ("👍", ""),
        ("ﬁn", "fin"),
        ("a_b", "a b"),
        ("", ""),
    ],
)
def test_fold_keeps_what_matters_when_words_are_compared(typed: str, folded: str) -> None:
    assert fold(typed) == folded


@given(st.text())
def test_fold_is_idempotent(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_did_you_mean_names_the_nearest_else_the_few_possible() -> None:
    assert did_you_mean("situaton", ["situation", "delay"]) == '; did you mean "situation"?'
    assert did_you_mean("zzz", ["a", "b"]) == "; possible here: a, b"
    assert did_you_mean("zzz", []) == ""


def test_when_must_name_a_question_asked_before() -> None:
    assert faults(question("situation"), question("delay", when={"situaton": ["yes"]})) == [
        "questions.1: 'when' names \"situaton\", which is not asked before it;"
        ' did you mean "situation"?'
    ]
    [later] = faults(question("a"), question("b", when={"c": ["yes"]}), question("c"))
    assert "not asked before it" in later
    [itself] = faults(question("a"), question("b", when={"b": ["yes"]}))
    assert "not asked before it" in itself


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (question("b", when={"a": ["yess"]}), 'none of its options; did you mean "yes"?'),
        (question("b", when={"a": []}), "would never be asked"),
        (question("b", when={"free": ["x"]}), "a text question; name a choice, many or scale"),
        (question("b", when={"grade": [6]}), "a scale from 1 to 5"),
        (question("b", when={"grade": ["5"]}), "a scale from 1 to 5"),
        (question("a"), 'the id "a" is used twice'),
        (question("b", page=2, when={"late": ["yes"]}), "of its own page 2"),
        (question("b", page=1), "page 1 comes after page 2"),
        (question("Grand"), "should match pattern"),
        (question("x" * 21), "at most 20"),
        (question("b", options=[]), "needs at least one option"),
        (question("b", "text", options=[option("x")]), "has no options"),
        (question("b", options=[option("x", "Un"), option("x", "Deux")]), "is used twice"),
        (
            question("b", options=[option("x", "Un"), option("y", "UN")]),
            'already means the option "x"',
        ),
        (
            question("b", options=[option("x", words=["ok"]), option("y", words=["OK !"])]),
            "already means",
        ),
        (question("b", options=[option("x" * 21)]), "at most 20"),
        (question("b", options=[option("é")]), "should match pattern"),
        (question("b", options=[option("x", "L" * 76)]), "at most 75"),
        (question("b", min=1), "has no min or max"),
        (question("b", "text", max=3001), "write 1 <= min <= max <= 3000"),
        (question("b", "text", min=9, max=3), "write 1 <= min <= max"),
        (question("b", "many", max=3), "write 1 <= min <= max <= 2"),
        (question("b", "scale", min=3, max=3), "write 0 <= min <= max <= 10"),
        (question("b", "scale", max=11), "write 0 <= min <= max <= 10"),
        (question("b", "text", only="past"), "only a date question"),
        (question("b", "date", format="year"), "only a text question"),
        (question("b", "text", low=both("x")), "only a scale question"),
        (question("b", colour="red"), "Extra inputs"),
        (question("b", text={"fr": "Seul"}), "Field required"),
    ],
)
def test_faults_are_told_with_their_remedy(second: dict[str, Any], message: str) -> None:
    found = faults(
        question("a"), question("free", "text"), question("grade", "scale"),
        question("late", page=2), second,
    )  # fmt: skip
    assert any(message in f for f in found), found


def test_a_fault_is_told_where_it_is() -> None:
    twins = [option("x", "Un"), option("y", "Deux"), option("y", "UN")]
    assert faults(question("a"), question("b", options=twins)) == [
        'questions.1.options.2.value: the value "y" is used twice',
        'questions.1.options.2: "un" already means the option "x"',
        'questions.1.options.2: "un en" already means the option "x"',
    ]
    assert faults(
        question("b", "text", options=[option("x")]),
        question("c", "date", min=1),
        question("d", "person", max=1),
        question("e", "scale", min=4, max=4),
        question("f", "many", min=2, max=1),
        question("g", format="year"),
        question("h", "scale", only="past"),
        question("i", "text", high=both("x")),
        question("j"),
    ) == [
        "questions.0.options: a text question has no options; is it a choice or a many?",
        "questions.1.min: a date question has no min or max",
        "questions.2.min: a person question has no min or max",
        "questions.3.min: write 0 <= min <= max <= 10 (here 4 and 4)",
        "questions.4.min: write 1 <= min <= max <= 2 (here 2 and 1)",
        "questions.5.format: only a text question has a format",
        "questions.6.only: only a date question can be past or future",
        "questions.7.low: only a scale question has a low and a high end",
    ]
    for kind in ("choice", "many"):
        needs = f"questions.0.options: a {kind} question needs at least one option"
        assert faults(question("a", kind, options=[]), question("b")) == [needs]
    assert faults(question("a"), question("b", page=3), question("c", page=2), question("b")) == [
        "questions.2.page: page 2 comes after page 3",
        'questions.3.id: the id "b" is used twice',
    ]


def test_the_conditions_of_a_question_are_told_with_what_is_possible() -> None:
    grade = question("grade", "scale", min=0, max=3)
    found = faults(
        question("a", page=2),
        grade,
        question("free", "text"),
        question("b", when={"a": ["maybe"]}),
        question("c", when={"a": []}),
        question("d", when={"grade": [0, 3, 4, -1]}),
        question("e", when={"free": ["x"]}),
        question("f", when={"a": ["yes"]}, page=2),
        question("g", when={"a": [1]}),
    )
    assert found == [
        'questions.3: \'when\' wants "maybe" of "a", which is none of its options;'
        " possible here: yes, no",
        "questions.4: 'when' gives no value for \"a\", so this would never be asked",
        "questions.5: 'when' wants 4 of \"grade\", a scale from 0 to 3",
        "questions.5: 'when' wants -1 of \"grade\", a scale from 0 to 3",
        "questions.6: 'when' names \"free\", a text question; name a choice, many or scale",
        "questions.7: 'when' names \"a\" of its own page 2; put this question on a later page",
        'questions.8: \'when\' wants "1" of "a", which is none of its options;'
        " possible here: yes, no",
    ]


def test_bounds_may_meet_where_it_is_no_scale() -> None:
    qs = read(
        question("a", "text", min=4, max=4),
        question("b", "many", min=2, max=2),
        question("c", "scale", min=0, max=10),
        question("d", "text", max=3000),
        question("e", "many"),
        question("f", "scale"),
        question("g", "text"),
        question("h", page=1),
        question("i", "date"),
    )
    bounds = [q.bounds for q in qs.questions]
    assert bounds == [
        (4, 4), (2, 2), (0, 10), (1, 3000), (1, 2), (1, 5), (1, 2000), (0, 0), (0, 0),
    ]  # fmt: skip


def test_little_is_named_and_much_is_not() -> None:
    ten = [f"{n}" * 3 for n in range(10)]
    assert did_you_mean("zzz", ten) == f"; possible here: {', '.join(ten)}"
    assert did_you_mean("zzz", [*ten, "abc"]) == ""
    assert did_you_mean("zzz", ["a"]) == "; possible here: a"
    assert did_you_mean("zzz", ["a", "a", "b"]) == "; possible here: a, b"
    assert did_you_mean("abcd", ["abxx", "abcx"]) == '; did you mean "abcx"?'


def test_all_faults_are_told_at_once() -> None:
    assert len(faults(question("a", when={"x": ["y"]}), question("a", when={"z": ["y"]}))) == 3


def test_pages_break_where_a_question_depends_on_its_page_or_the_file_says_so() -> None:
    qs = read(
        question("a"),
        question("b"),
        question("c", when={"a": ["yes"]}),
        question("d", when={"b": ["no"]}),
        question("e", when={"c": ["no"]}),
        question("f", page=5),
        question("g"),
        question("h", when={"f": ["no"]}),
    )
    assert dict(qs.page_numbers) == {
        "a": 1, "b": 1, "c": 2, "d": 2, "e": 3, "f": 5, "g": 5, "h": 6,
    }  # fmt: skip


@given(st.data())
def test_no_page_holds_a_question_and_what_it_depends_on(data: st.DataObject) -> None:
    questions: list[dict[str, Any]] = []
    for index in range(data.draw(st.integers(1, 8))):
        names = [q["id"] for q in questions]
        on = data.draw(st.sets(st.sampled_from(names), max_size=2)) if names else set()
        questions.append(question(f"q{index}", when={n: ["yes"] for n in sorted(on)}))
    qs = read(*questions)
    numbers = qs.page_numbers
    assert list(numbers.values()) == sorted(numbers.values())
    for q in qs.questions:
        assert all(numbers[name] < numbers[q.id] for name in q.when)


def test_texts_come_in_both_languages() -> None:
    text = read(question("a")).questions[0].text
    assert (text.of("fr"), text.of("en"), text.of("de")) == ("a ?", "a ? (en)", "a ?")


def test_options_stand_for_their_match_their_value_or_nothing() -> None:
    options = (
        read(
            question(
                "a", options=[option("x"), option("y", match=["m", "n"]), option("z", match=[])]
            )
        )
        .questions[0]
        .options
    )
    assert [o.stands_for for o in options] == [("x",), ("m", "n"), ()]
