"""The engine: where a person stands, what each input changes, and that nothing makes it raise."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.dialogue import engine
from bot.dialogue.engine import (
    SKIPPED,
    Answer,
    Ask,
    Back,
    Cancel,
    Cancelled,
    Completed,
    Confirm,
    Done,
    Edit,
    Input,
    Noted,
    Output,
    Pick,
    Rejected,
    Resume,
    Review,
    Said,
    Same,
    Skip,
    Stale,
    State,
    Submit,
    Toggle,
    Value,
)
from bot.dialogue.parsing import NOT_ASKED, REASONS, fits
from bot.dialogue.questionnaire import Questionnaire
from tests.test_questionnaire import option, question, read

TODAY = date(2026, 11, 24)  # a Tuesday


def intake(**more: Any) -> Questionnaire:
    return read(
        question(
            "situation",
            options=[
                option("student", "Élève en dernière année"),
                option("employed", "En poste", words=["je travaille"]),
                option("between", "Entre deux postes", words=["chômage"]),
            ],
        ),
        question("delay", "scale", when={"situation": ["employed", "between"]}),
        question(
            "topics",
            "many",
            max=2,
            options=[
                option("banking", "Banque et assurance"),
                option("energy", "Énergie"),
                option("health", "Santé"),
            ],
        ),
        question("start", "date", optional=True, only="future"),
        question("who", "person", optional=True),
        question("wish", "text", max=50),
        **more,
    )


class Talk:
    """A conversation in a test: `talk(input)` gives the outputs, `talk.state` what is left."""

    def __init__(self, qs: Questionnaire | None = None, state: State | None = None) -> None:
        self.qs = qs or intake()
        self.state = state or State()

    def __call__(self, *events: Input) -> list[Output]:
        outputs: list[Output] = []
        for event in events:
            # Through the store at each turn, as in life.
            stored = State.from_json(json.loads(json.dumps(self.state.to_json())))
            self.state, outputs = engine.step(self.qs, stored, event, today=TODAY)
        return outputs

    @property
    def asked(self) -> str | None:
        now = engine.current(self.qs, self.state)
        return now.id if now else None


def last_ask(outputs: list[Output]) -> Ask:
    assert isinstance(outputs[-1], Ask)
    return outputs[-1]


ALL_ANSWERED: tuple[Input, ...] = (
    Answer("situation", "employed"),
    Answer("delay", "4"),
    Pick("topics", ("energy",)),
    Done("topics"),
    Skip(),
    Skip(),
    Said("Voir du pays"),
)


# --- the ordinary way
def test_an_intake_from_first_question_to_completion() -> None:
    talk = Talk()
    first = last_ask(talk(Resume()))
    assert (first.question.id, first.number, first.total) == ("situation", 1, 5)
    assert (first.can_go_back, first.can_skip, first.known) == (False, False, None)
    noted, ask = talk(Answer("situation", "employed"))
    assert noted == Noted(talk.qs.questions[0], "employed")
    assert isinstance(ask, Ask)
    assert (ask.question.id, ask.number, ask.total, ask.can_go_back) == ("delay", 2, 6, True)
    [noted, review] = talk(*ALL_ANSWERED[1:])
    assert isinstance(review, Review)
    assert [(q.id, v) for q, v in review.items] == [
        ("situation", "employed"),
        ("delay", 4),
        ("topics", ("energy",)),
        ("start", SKIPPED),
        ("who", SKIPPED),
        ("wish", "Voir du pays"),
    ]
    assert talk(Confirm()) == [
        Completed(
            {"situation": "employed", "delay": 4, "topics": ("energy",), "wish": "Voir du pays"}
        )
    ]
    assert talk.state.status == "done"


def test_without_review_the_last_answer_completes() -> None:
    talk = Talk(intake(review=False))
    assert isinstance(talk(*ALL_ANSWERED)[-1], Completed)


def test_answers_off_the_route_are_kept_and_left_out() -> None:
    talk = Talk()
    talk(*ALL_ANSWERED, Answer("situation", "student"))
    assert talk.state.answers["delay"] == 4
    [completed] = talk(Confirm())
    assert isinstance(completed, Completed)
    assert "delay" not in completed.answers
    assert "delay" in engine.result(talk.qs, {**talk.state.answers, "situation": "between"})


def test_how_many_questions_there_are_is_settled_once_nothing_can_open_more() -> None:
    qs = read(
        question("a"),
        question("b", when={"a": ["yes"]}),
        question("c", when={"a": ["yes"], "b": ["no"]}),
        question("d", when={"c": ["yes"]}),
        question("e", "text"),
    )
    of = {q.id: q for q in qs.questions}

    def settled(**answers: Value) -> bool:
        return engine.asking(qs, State(answers=answers), of["e"]).settled

    assert not settled()
    assert settled(a="no")
    assert settled(a="no", c="yes")  # what was said on another route opens nothing
    assert not settled(a="yes")
    assert settled(a="yes", b="yes")
    assert not settled(a="yes", b="no")
    assert settled(a="yes", b="no", c="no")
    assert settled(a="yes", b="no", c="yes")
    assert settled(a="yes", b=NOT_ASKED)
    last = engine.asking(qs, State(answers={"a": "no"}), of["e"])
    assert (last.number, last.total, last.can_go_back, last.can_skip) == (2, 2, True, False)
    assert last.picked == ()


def test_an_answer_elsewhere_leaves_the_edit_open() -> None:
    talk = Talk()
    talk(*ALL_ANSWERED, Edit("delay"))
    assert last_ask(talk(Answer("situation", "between"))).question.id == "delay"
    assert [type(o) for o in talk(Answer("delay", "2"))] == [Noted, Review]


def test_only_what_can_be_said_again_is_offered_and_only_a_many_has_ticks() -> None:
    qs = read(question("a", optional=True), question("b", "many"))
    odd = State(suggested={"a": SKIPPED, "b": ("no",)}, picked={"a": ("yes",)})
    first, second = (engine.asking(qs, odd, q) for q in qs.questions)
    assert (first.suggested, first.picked) == (None, ())
    assert (second.suggested, second.picked) == (("no",), ("no",))


def test_skipped_and_unanswered_open_nothing() -> None:
    qs = read(question("a", optional=True), question("b", when={"a": ["yes", "no"]}))
    assert [q.id for q in engine.path(qs, {"a": SKIPPED})] == ["a"]
    assert [q.id for q in engine.path(qs, {})] == ["a"]
    many = read(question("a", "many"), question("b", when={"a": ["no"]}))
    assert [q.id for q in engine.path(many, {"a": ("yes", "no")})] == ["a", "b"]
    assert [q.id for q in engine.path(many, {"a": ("yes",)})] == ["a"]


# --- navigation
def test_back_keeps_later_answers() -> None:
    talk = Talk()
    talk(Answer("situation", "employed"), Answer("delay", "2"), Back())
    assert talk.asked == "delay"
    ask = last_ask(talk(Back()))
    assert (ask.question.id, ask.known) == ("situation", "employed")
    assert last_ask(talk(Back())).question.id == "situation"
    talk(Answer("situation", "between"))
    assert talk.asked == "topics"
    assert talk.state.answers["delay"] == 2


def test_back_from_the_review_is_the_last_question() -> None:
    talk = Talk()
    talk(*ALL_ANSWERED)
    assert last_ask(talk(Back())).known == "Voir du pays"


def test_skip_needs_an_optional_question() -> None:
    talk = Talk()
    rejected, ask = talk(Skip())
    assert rejected == Rejected(talk.qs.questions[0], "answer-required")
    assert isinstance(ask, Ask)
    talk(*ALL_ANSWERED)
    assert [type(o) for o in talk(Skip())] == [Review]


def test_cancel_keeps_the_draft_until_resume() -> None:
    talk = Talk()
    assert talk(Answer("situation", "student"), Cancel()) == [Cancelled()]
    assert talk(Answer("situation", "employed")) == [Cancelled()]
    assert talk.state.answers == {"situation": "student"}
    assert last_ask(talk(Resume())).question.id == "topics"


def test_edit_from_the_review_and_back_to_it() -> None:
    talk = Talk()
    ask = last_ask(talk(*ALL_ANSWERED, Edit("delay")))
    assert (ask.question.id, ask.known) == ("delay", 4)
    assert last_ask(talk(Resume())).question.id == "delay"
    assert [type(o) for o in talk(Answer("delay", "1"))] == [Noted, Review]
    assert talk.state.answers["delay"] == 1


def test_edit_and_same_leaves_the_answer() -> None:
    talk = Talk(read(question("grade", "scale", min=0), question("b", "text")))
    talk(Answer("grade", "0"), Said("x"), Edit("grade"))
    assert [type(o) for o in talk(Same("grade"))] == [Noted, Review]
    assert talk.state.answers["grade"] == 0


def test_confirm_needs_every_answer_but_forgives_an_edit_left_open() -> None:
    talk = Talk()
    assert last_ask(talk(Confirm())).question.id == "situation"
    assert isinstance(talk(*ALL_ANSWERED, Edit("delay"), Confirm())[-1], Completed)


def test_a_finished_conversation_takes_nothing_until_it_is_reopened() -> None:
    talk = Talk()
    talk(*ALL_ANSWERED, Confirm())
    before = talk.state
    for event in (Resume(), Answer("delay", "1"), Said("x"), Cancel(), Submit({"delay": "1"})):
        assert talk(event) == [Stale(None)]
    assert talk.state == before
    talk.state = engine.reopen(talk.state)
    assert [type(o) for o in talk(Resume())] == [Review]
    assert last_ask(talk(Edit("wish"))).known == "Voir du pays"


# --- old buttons
def test_an_old_button_edits_its_answer() -> None:
    talk = Talk()
    outputs = talk(Answer("situation", "student"), Answer("situation", "employed"))
    assert [type(o) for o in outputs] == [Noted, Ask]
    assert talk.asked == "delay"


def test_a_button_off_the_route_or_gone_is_stale() -> None:
    talk = Talk()
    stale, ask = talk(Answer("situation", "student"), Answer("delay", "3"))
    assert stale == Stale(talk.qs.questions[1])
    assert last_ask([ask]).question.id == "topics"
    assert talk(Edit("forgotten"))[0] == Stale(None)
    assert "delay" not in talk.state.answers


def test_an_option_that_no_longer_exists_is_told() -> None:
    talk = Talk()
    rejected, _ = talk(Answer("situation", "retired"))
    assert rejected == Rejected(talk.qs.questions[0], "answer-gone")


def test_the_same_press_twice_changes_nothing_more() -> None:
    talk = Talk()
    once = talk(Answer("situation", "employed"))
    state = talk.state
    assert talk(Answer("situation", "employed")) == once
    assert talk.state == state


# --- the file changes in between
def test_an_edited_file_asks_again_only_what_no_longer_fits() -> None:
    talk = Talk()
    talk(*ALL_ANSWERED)
    talk.qs = read(
        question("campus"),
        question("situation", options=[option("student"), option("freelance")]),
        question("topics", "many", options=[option("energy"), option("health")]),
        question("wish", "text", max=5),
    )
    assert talk.asked == "campus"
    talk(Answer("campus", "yes"))
    assert talk.asked == "situation"
    talk(Said("freelance"))
    assert talk.asked == "wish"
    [_, review] = talk(Said("bref"))
    assert isinstance(review, Review)
    assert {q.id: v for q, v in review.items}["topics"] == ("energy",)


def test_a_question_revisited_that_leaves_the_file_is_forgotten() -> None:
    talk = Talk()
    talk(*ALL_ANSWERED, Edit("delay"))
    talk.qs = read(question("situation", options=[option("employed")]), question("wish", "text"))
    assert [type(o) for o in talk(Resume())] == [Review]


@pytest.mark.parametrize(
    ("made", "value"),
    [
        (question("q", "scale"), True),
        (question("q", "scale"), "3"),
        (question("q", "scale"), 6),
        (question("q", "many"), "yes"),
        (question("q", "many"), ("yes", "gone")),
        (question("q", "many"), ()),
        (question("q", "choice"), ("yes",)),
        (question("q", "text"), ""),
        (question("q", "text"), 3),
        (question("q", "text", format="year"), "X12"),
        (question("q", "date"), "31/12/2026"),
        (question("q", "date"), "2026-02-30"),
        (question("q", "person"), ""),
        (question("q", "text"), SKIPPED),
        (question("q", "text"), None),
    ],
)
def test_what_does_not_fit_is_never_coerced(made: dict[str, Any], value: object) -> None:
    assert fits(read(made).questions[0], value) is None


# --- many in a chat
def test_ticks_are_kept_until_done() -> None:
    talk = Talk()
    talk(Answer("situation", "student"))
    assert last_ask(talk(Toggle("topics", "health"))).picked == ("health",)
    assert last_ask(talk(Toggle("topics", "energy"))).picked == ("energy", "health")
    rejected, ask = talk(Toggle("topics", "banking"))
    assert isinstance(rejected, Rejected)
    assert (rejected.reason, rejected.args) == ("answer-too-many", {"max": 2})
    assert last_ask([ask]).picked == ("energy", "health")
    assert last_ask(talk(Toggle("topics", "health"))).picked == ("energy",)
    noted, _ = talk(Done("topics"))
    assert noted == Noted(talk.qs.questions[2], ("energy",))
    assert talk.state.picked == {}


def test_done_without_ticks_is_rejected_or_a_skip() -> None:
    qs = read(question("a", "many"), question("b", "many", optional=True), question("c"))
    talk = Talk(qs)
    assert talk(Done("a"))[0] == Rejected(qs.questions[0], "answer-needed")
    talk(Toggle("a", "yes"), Done("a"), Done("b"))
    assert talk.state.answers == {"a": ("yes",), "b": SKIPPED}


def test_ticks_start_from_the_present_answer_and_an_old_keyboard_edits() -> None:
    talk = Talk()
    ask = last_ask(talk(*ALL_ANSWERED, Toggle("topics", "health")))
    assert (ask.question.id, ask.picked, ask.known) == ("topics", ("energy", "health"), ("energy",))
    assert [type(o) for o in talk(Done("topics"))] == [Noted, Review]
    assert talk.state.answers["topics"] == ("energy", "health")


@pytest.mark.parametrize(
    "event",
    [
        Toggle("situation", "student"),
        Toggle("topics", "gone"),
        Pick("topics", ("gone",)),
        Done("wish"),
    ],
)
def test_ticks_that_make_no_sense_are_told(event: Input) -> None:
    rejected, ask = Talk()(event)
    assert isinstance(rejected, Rejected)
    assert rejected.reason == "answer-gone"
    assert isinstance(ask, Ask)


# --- suggestions
def test_last_rounds_answers_are_offered_and_still_asked() -> None:
    qs = read(
        question("a", suggest_last=True),
        question("b", "many", suggest_last=True),
        question("c", "text"),
        question("d", "date", suggest_last=True, only="future"),
    )
    last: dict[str, Value] = {"a": "yes", "b": ("no", "gone"), "c": "x", "d": "2026-01-01"}
    offered = engine.suggestions(qs, last, today=TODAY)
    assert offered == {"a": "yes"}
    later = engine.suggestions(qs, {**last, "d": "2026-12-01", "b": ("no",)}, today=TODAY)
    assert later == {"a": "yes", "b": ("no",), "d": "2026-12-01"}
    talk = Talk(qs, State(suggested=later))
    ask = last_ask(talk(Resume()))
    assert (ask.known, ask.suggested) == (None, "yes")
    assert last_ask(talk(Same("a"))).picked == ("no",)
    assert talk.state.answers == {"a": "yes"}
    assert last_ask(talk(Said("inchangé"))).question.id == "c"
    assert talk(Same("c"))[0] == Rejected(qs.questions[2], "answer-nothing-to-repeat")


def test_a_present_answer_hides_the_suggestion() -> None:
    talk = Talk(read(question("a"), question("b")), State(suggested={"a": "yes"}))
    ask = last_ask(talk(Answer("a", "no"), Edit("a")))
    assert (ask.known, ask.suggested) == ("no", None)


# --- forms
def test_a_form_is_kept_whole_and_what_it_opens_is_asked_next() -> None:
    talk = Talk()
    pages = engine.pages(talk.qs, talk.state)
    assert [[q.id for q in p.questions] for p in pages] == [
        ["situation"],
        ["topics", "start", "who", "wish"],
    ]
    assert engine.current_page(talk.qs, talk.state) == pages[0]
    outputs = talk(Submit({"situation": "employed"}))
    assert [type(o) for o in outputs] == [Noted, Ask]
    page = engine.current_page(talk.qs, talk.state)
    assert page is not None
    assert [q.id for q in page.questions] == ["delay", "topics", "start", "who", "wish"]
    outputs = talk(
        Submit({"delay": "3", "topics": ("energy",), "start": None, "who": "p:12", "wish": " x "})
    )
    assert [type(o) for o in outputs] == [Noted] * 5 + [Review]
    assert talk.state.answers["who"] == "p:12"
    assert engine.current_page(talk.qs, talk.state) is None


def test_a_form_with_faults_tells_all_and_keeps_nothing() -> None:
    talk = Talk()
    talk(Answer("situation", "employed"))
    before = talk.state
    outputs = talk(
        Submit({"delay": "9", "topics": (), "start": "2020-01-01", "wish": "x" * 51, "who": "Ada"})
    )
    assert [(o.question.id, o.reason) for o in outputs if isinstance(o, Rejected)] == [
        ("delay", "answer-off-scale"),
        ("topics", "answer-needed"),
        ("start", "answer-not-future"),
        ("wish", "answer-too-long"),
    ]
    assert len(outputs) == 4
    assert talk.state == before


def test_a_form_of_questions_that_are_gone_is_stale() -> None:
    talk = Talk()
    stale, ask = talk(Submit({"delay": "3", "gone": "x"}))
    assert stale == Stale(None)
    assert isinstance(ask, Ask)


# --- the state
def test_the_state_goes_through_json() -> None:
    state = State(
        answers={"a": "x", "b": ("y",), "c": SKIPPED, "d": 3},
        suggested={"e": "z"},
        picked={"b": ("y", "z")},
        revisiting="a",
        status="cancelled",
    )
    assert State.from_json(json.loads(json.dumps(state.to_json()))) == state


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "x",
        {"answers": 3, "status": "asleep", "revisiting": 4, "picked": {"a": "b"}},
        {"answers": {"a": {"x": 1}, "b": True, "c": [1], "d": 1.5}, "later": "unknown"},
    ],
)
def test_a_state_of_another_version_is_read_as_far_as_it_goes(data: object) -> None:
    assert State.from_json(data) == State()


# --- any input at all
IDS = ("situation", "delay", "topics", "start", "who", "wish", "gone")
TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["retour", "passer", "ok", "stop", "inchangé", "2", "4/5", "énergie, santé", "demain",
         "31/12", "29 février", "en poste", "p:3", "\ud800", "٣", "²", "lundi prochain"]
    ),
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(
        ["student", "employed", "energy", "health", "3", "9", "2026-12-31", "p:7", "²"]
    ),
    TEXTS,
)
NAMES = st.sampled_from(IDS)
INPUTS = st.one_of(
    st.builds(Answer, NAMES, VALUES),
    st.builds(Toggle, NAMES, VALUES),
    st.builds(Pick, NAMES, st.lists(VALUES, max_size=4).map(tuple)),
    st.builds(Done, NAMES),
    st.builds(Edit, NAMES),
    st.builds(Same, NAMES),
    st.builds(Said, TEXTS),
    st.builds(
        Submit,
        st.dictionaries(NAMES, st.none() | VALUES | st.lists(VALUES, max_size=3).map(tuple)),
    ),
    st.sampled_from([Back(), Skip(), Cancel(), Resume(), Confirm()]),
)
STORED = st.dictionaries(
    NAMES, st.one_of(VALUES, st.integers(-1, 9), st.just(SKIPPED), st.lists(VALUES).map(tuple))
)


@settings(max_examples=300, deadline=None)
@given(st.lists(INPUTS, max_size=12), STORED, STORED, st.booleans())
def test_any_inputs_end_in_a_question_a_review_done_or_cancelled(
    events: list[Input], answers: dict[str, Value], suggested: dict[str, Value], review: bool
) -> None:
    talk = Talk(intake(review=review), State(answers=answers, suggested=suggested))
    completions = 0
    for event in events:
        was_done = talk.state.status == "done"
        outputs = talk(event)
        assert outputs
        last = outputs[-1]
        if was_done:
            assert outputs == [Stale(None)]
            continue
        if isinstance(last, Rejected):
            assert isinstance(event, Submit)
            assert all(isinstance(o, Rejected) for o in outputs)
        else:
            assert isinstance(last, Ask | Review | Completed | Cancelled)
        completions += isinstance(last, Completed)
        assert (talk.state.status == "done") == isinstance(last, Completed)
        for output in outputs:
            if isinstance(output, Rejected):
                assert output.reason in REASONS
            if isinstance(output, Noted):
                assert engine.valid(output.question, talk.state.answers) == output.value
            if isinstance(output, Ask):
                assert 1 <= output.number <= output.total
                assert output.question in engine.path(talk.qs, talk.state.answers)
            if isinstance(output, Completed):
                route = {q.id: q for q in engine.path(talk.qs, talk.state.answers)}
                assert set(output.answers) <= set(route)
                assert all(route[name].optional for name in set(route) - set(output.answers))
    assert completions <= 1
