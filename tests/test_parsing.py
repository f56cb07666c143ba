"""Words: what is typed at each kind of question, in both languages, and that none of it raises."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.dialogue.engine import (
    SKIPPED,
    Answer,
    Cancelled,
    Completed,
    Noted,
    NotUnderstood,
    Rejected,
    Review,
    Said,
    Toggle,
)
from bot.dialogue.parsing import clean, read_date
from bot.dialogue.parsing import read as take_words
from bot.dialogue.questionnaire import Question
from tests.test_engine import TODAY, Talk, last_ask
from tests.test_questionnaire import option, question, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("en poste", "employed"),
        ("En poste (en)", "employed"),
        ("EMPLOYED", "employed"),
        ("je travaille", "employed"),
        ("2", "employed"),
        ("Chômage !", "between"),
        ("élève en dernière anné", "student"),
        ("eleve en derniere annee", "student"),
        ("entre deux poste", "between"),
    ],
)
def test_words_at_a_choice_question(text: str, value: str) -> None:
    talk = Talk()
    assert talk(Said(text))[0] == Noted(talk.qs.questions[0], value)


@pytest.mark.parametrize("text", ["euh, bonjour", "4", "0", "", "👍", "poste", "-1", "٢٣"])
def test_words_not_understood_show_the_question_again(text: str) -> None:
    talk = Talk()
    assert talk(Said(text))[0] == NotUnderstood(talk.qs.questions[0], text)
    assert talk.asked == "situation"


def test_a_typing_slip_never_changes_a_figure() -> None:
    qs = read(question("a", options=[option("x", "20 employés"), option("y", "200 employés")]))
    assert isinstance(Talk(qs)(Said("30 employés"))[0], NotUnderstood)
    assert Talk(qs)(Said("20 employes"))[0] == Noted(qs.questions[0], "x")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("énergie, santé", ("energy", "health")),
        ("Santé et énergie", ("energy", "health")),
        ("Banque et assurance", ("banking",)),
        ("banque et assurance et santé", None),
        ("banque et assurance, santé", ("banking", "health")),
        ("1, 3", ("banking", "health")),
        ("1 3", ("banking", "health")),
        ("énergie; énergie", ("energy",)),
        ("énergie, poésie", None),
        (",", None),
    ],
)
def test_words_at_a_many_question(text: str, value: tuple[str, ...] | None) -> None:
    talk = Talk()
    first = talk(Answer("situation", "student"), Said(text))[0]
    topics = talk.qs.questions[2]
    assert first == (NotUnderstood(topics, text) if value is None else Noted(topics, value))


@pytest.mark.parametrize(
    ("text", "grade"),
    [("4", 4), ("quatre", 4), ("4/5", 4), ("4 sur 5", 4), ("four out of five", None),
     ("four out of 5", 4), ("Five", 5), ("-1", None), ("beaucoup", None), ("4/6", None)],
)  # fmt: skip
def test_words_at_a_scale(text: str, grade: int | None) -> None:
    talk = Talk()
    first = talk(Answer("situation", "employed"), Said(text))[0]
    delay = talk.qs.questions[1]
    assert first == (NotUnderstood(delay, text) if grade is None else Noted(delay, grade))


def test_a_grade_off_the_scale_is_told_with_its_bounds() -> None:
    talk = Talk()
    rejected = talk(Answer("situation", "employed"), Said("7"))[0]
    assert isinstance(rejected, Rejected)
    assert (rejected.reason, rejected.args) == ("answer-off-scale", {"min": 1, "max": 5})


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-12-31", "2026-12-31"),
        ("31/12/2026", "2026-12-31"),
        ("31.12.26", "2026-12-31"),
        ("12/31/2026", "2026-12-31"),
        ("3/2", "2027-02-03"),
        ("29/02", "2028-02-29"),
        ("31 décembre 2026", "2026-12-31"),
        ("le jeudi 31 décembre", "2026-12-31"),
        ("1er janvier", "2027-01-01"),
        ("December 31st, 2026", "2026-12-31"),
        ("31 Dec 2026", "2026-12-31"),
        ("septembre 2027", "2027-09-01"),
        ("aujourd’hui", "2026-11-24"),
        ("demain", "2026-11-25"),
        ("après-demain", "2026-11-26"),
        ("tomorrow", "2026-11-25"),
        ("lundi prochain", "2026-11-30"),
        ("next Monday", "2026-11-30"),
        ("mardi", "2026-12-01"),
        ("vendredi", "2026-11-27"),
        ("dans 3 semaines", "2026-12-15"),
        ("dans deux mois", "2027-01-24"),
        ("in a week", "2026-12-01"),
        ("2 weeks ago", "2026-11-10"),
        ("il y a trois jours", "2026-11-21"),
        ("mardi dernier", "2026-11-17"),
        ("last monday", "2026-11-23"),
        ("in 200 years", None),
        ("31/02/2026", None),
        ("31 février 2026", None),
        ("32 mars", None),
        ("1/1/0001", None),
        ("bientôt", None),
        ("mai juin", None),
        ("dans bientôt jours", None),
        ("3 semaines", None),
        ("9999-99-99", None),
        ("0001-01-01", None),
    ],
)
def test_dates_in_figures_and_words(text: str, day: str | None) -> None:
    found = read_date(text, TODAY)
    assert (found and found.isoformat()) == day


def test_dates_look_to_the_side_the_question_wants() -> None:
    assert read_date("3/2", TODAY, "past") == date(2026, 2, 3)
    assert read_date("lundi", TODAY, "past") == date(2026, 11, 23)
    assert read_date("29 février", TODAY, "past") == date(2024, 2, 29)
    assert read_date("dans 1 mois", date(2026, 1, 31)) == date(2026, 2, 28)
    qs = read(question("a", "date", only="past"), question("b", "date", only="future"))
    talk = Talk(qs)
    assert talk(Said("demain"))[0] == Rejected(qs.questions[0], "answer-not-past")
    assert talk(Said("hier"))[0] == Noted(qs.questions[0], "2026-11-23")
    assert talk(Said("hier"))[0] == Rejected(qs.questions[1], "answer-not-future")
    assert talk(Answer("b", "demain matin"))[0] == Rejected(qs.questions[1], "answer-not-a-date")


@pytest.mark.parametrize(
    ("text", "year"),
    [("2012", "2012"), ("X12", "2012"), ("promo 98", "1998"), ("P 31", "2031"), ("X32", "1932"),
     ("bac+5", None), ("12345", None), ("1812", None)],
)  # fmt: skip
def test_years_of_promotion(text: str, year: str | None) -> None:
    qs = read(question("a", "text", format="year"), question("b"))
    first = Talk(qs)(Said(text))[0]
    made = qs.questions[0]
    assert first == (Noted(made, year) if year else Rejected(made, "answer-not-a-year"))


def test_addresses_are_kept_in_lower_case() -> None:
    qs = read(question("a", "text", format="email"), question("b"))
    assert Talk(qs)(Said(" Ada@Exemple.invalid "))[0] == Noted(
        qs.questions[0], "ada@exemple.invalid"
    )
    slack = "<mailto:ada@exemple.invalid|ada@exemple.invalid>"
    assert Talk(qs)(Said(slack))[0] == Noted(qs.questions[0], "ada@exemple.invalid")
    assert Talk(qs)(Said("ada"))[0] == Rejected(qs.questions[0], "answer-not-an-email")


def test_text_is_cleaned_and_measured() -> None:
    assert clean("  a\x00b\r\nc\ud800\t ") == "ab\nc"
    qs = read(question("a", "text", min=3, max=5), question("b"))
    talk = Talk(qs)
    assert talk(Said(" \x00 "))[0] == Rejected(qs.questions[0], "answer-needed")
    assert talk(Said("ab"))[0] == Rejected(qs.questions[0], "answer-too-short", {"min": 3})
    long = Rejected(qs.questions[0], "answer-too-long", {"max": 5, "length": 6})
    assert talk(Said("abcdef"))[0] == long
    assert talk(Said("abc"))[0] == Noted(qs.questions[0], "abc")


def test_a_number_of_a_person_comes_from_a_list_only() -> None:
    qs = read(question("a", "person"), question("b"))
    assert Talk(qs)(Said("p:12"))[0] == NotUnderstood(qs.questions[0], "p:12")
    assert Talk(qs)(Said("Ada Lovelace"))[0] == Noted(qs.questions[0], "Ada Lovelace")
    assert Talk(qs)(Answer("a", "p:12"))[0] == Noted(qs.questions[0], "p:12")
    assert Talk(qs)(Said("x" * 201))[0] == Rejected(
        qs.questions[0], "answer-too-long", {"max": 200, "length": 201}
    )


@pytest.mark.parametrize("word", ["retour", "Précédent", "back"])
def test_bare_words_go_back(word: str) -> None:
    talk = Talk()
    assert last_ask(talk(Answer("situation", "student"), Said(word))).question.id == "situation"


def test_bare_words_steer_where_no_text_is_expected() -> None:
    talk = Talk()
    talk(Answer("situation", "student"), Toggle("topics", "energy"), Said("ok"))
    assert talk.state.answers["topics"] == ("energy",)
    talk(Said("passer"))
    assert talk.state.answers["start"] is SKIPPED
    # A person's name and a text are free: all other words are just words there.
    talk(Said("suivant"))
    assert talk.state.answers["who"] == "suivant"
    assert [type(o) for o in talk(Said("retour"))] == [Noted, Review]
    assert talk.state.answers["wish"] == "retour"
    assert isinstance(talk(Said("bof"))[0], NotUnderstood)
    assert [type(o) for o in talk(Said("valider"))] == [Completed]
    assert Talk()(Said("stop")) == [Cancelled()]


@pytest.mark.parametrize("word", ["passer", "Passe !", "SKIP", " pass. "])
@pytest.mark.parametrize("kind", ["text", "person"])
def test_a_bare_word_skips_where_any_words_may_be_the_answer(kind: str, word: str) -> None:
    qs = read(question("a", kind=kind, optional=True), question("b", kind=kind))
    talk = Talk(qs)
    assert talk(Said(word))[0] == Noted(qs.questions[0], SKIPPED)
    assert talk(Said(word))[0] == Rejected(qs.questions[1], "answer-required")
    assert "b" not in talk.state.answers
    talk(Said(f"{word} par l’industrie"))
    assert talk.state.answers["b"] == clean(f"{word} par l’industrie")


def test_an_option_wins_over_a_word_that_steers() -> None:
    qs = read(
        question("z"), question("a", options=[option("back", "Retour"), option("x", "Rester")])
    )
    assert Talk(qs)(Answer("z", "yes"), Said("retour"))[0] == Noted(qs.questions[1], "back")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.dates(date(1950, 1, 1), date(2150, 1, 1)))
def test_no_text_makes_a_date_reader_raise(text: str, today: date) -> None:
    found = read_date(text, today)
    assert found is None or 1900 <= found.year <= 2200


@given(st.dates(date(1950, 1, 1), date(2150, 1, 1)), st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_every_date_is_read_back_in_figures(day: date, today: date) -> None:
    assert read_date(day.isoformat(), today) == day
    assert read_date(f"{day.day}/{day.month}/{day.year}", today) == day


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        ("au chômage", "between"),
        ("je suis au chômage depuis mars", "between"),
        ("je ne suis pas au chômage", None),
        ("en poste ou au chômage, ça dépend", None),
        ("j'ai longtemps été au chômage avant de trouver ce que je fais", None),
    ],
)
def test_a_short_sentence_is_understood_by_the_words_in_it(
    said: str, understood: str | None
) -> None:
    asked = Question.model_validate(
        {
            "id": "standing",
            "kind": "choice",
            "text": {"fr": "Où en es-tu ?", "en": "Where do you stand?"},
            "options": [
                {"value": "employed", "label": {"fr": "En poste", "en": "In a job"}},
                {
                    "value": "between",
                    "label": {"fr": "Entre deux postes", "en": "Between two jobs"},
                    "words": ["chômage"],
                },
            ],
        }
    )
    assert take_words(asked, said, TODAY) == understood
