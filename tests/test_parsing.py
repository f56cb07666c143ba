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
from bot.dialogue.parsing import NAME_MAX, Given, Refusal, clean, fits, read_date, take
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


# --- what a button, a menu or a field sends -------------------------------------------------------


def one(name: str, kind: str, **more: object) -> Question:
    return read(question(name, kind, **more)).questions[0]


@pytest.mark.parametrize(
    ("kind", "raw", "taken"),
    [
        ("choice", "yes", "yes"),
        ("choice", ("yes",), "yes"),
        ("choice", ("yes", "no"), Refusal("answer-gone")),
        ("choice", (), Refusal("answer-gone")),
        ("choice", "Oui", Refusal("answer-gone")),
        ("many", "no", ("no",)),
        ("many", ("no", "yes"), ("yes", "no")),  # in the order of the file
        ("many", (), Refusal("answer-needed")),
        ("many", ("yes", "x"), Refusal("answer-gone")),
        ("scale", "5", 5),
        ("scale", ("1",), 1),
        ("scale", "0", Refusal("answer-off-scale", {"min": 1, "max": 5})),
        ("scale", "1234", Refusal("answer-off-scale", {"min": 1, "max": 5})),
        ("scale", "", Refusal("answer-off-scale", {"min": 1, "max": 5})),
        ("date", "2026-11-24", "2026-11-24"),
        ("date", "demain", "2026-11-25"),
        ("date", "jamais", Refusal("answer-not-a-date")),
        ("text", " mot ", "mot"),
        ("text", ("un", "deux"), Refusal("answer-needed")),
        ("person", "p:7", "p:7"),
        ("person", " ", Refusal("answer-needed")),
        ("person", "x" * NAME_MAX, "x" * NAME_MAX),
    ],
)
def test_what_is_pressed_or_chosen_is_taken_as_it_is(
    kind: str, raw: str | tuple[str, ...], taken: Given | Refusal
) -> None:
    assert take(one("a", kind), raw, TODAY) == taken


def test_a_grade_is_never_below_nought_even_where_the_scale_begins_there() -> None:
    scale = one("a", "scale", min=0, max=10)
    assert take(scale, "0", TODAY) == 0
    assert take(scale, "10", TODAY) == 10
    assert take(scale, "x", TODAY) == Refusal("answer-off-scale", {"min": 0, "max": 10})
    assert take_words(scale, "zéro", TODAY) == 0
    assert take_words(scale, "dix", TODAY) == 10
    assert take_words(scale, "3 sur 10", TODAY) == 3
    assert take_words(scale, "3 sur 5", TODAY) is None
    assert take_words(scale, "100", TODAY) == Refusal("answer-off-scale", {"min": 0, "max": 10})
    assert take_words(scale, "1000", TODAY) is None


@pytest.mark.parametrize("text", ["", "sur 5", "4 5 5", "4 of 5", "quatre cinq", "2 sur 5 sur 5"])
def test_what_is_no_grade(text: str) -> None:
    assert take_words(one("a", "scale"), text, TODAY) is None


@pytest.mark.parametrize(
    ("words", "grade"),
    [("un", 1), ("une", 1), ("one", 1), ("deux", 2), ("two", 2), ("trois", 3), ("three", 3),
     ("cinq", 5), ("5 5", 5), ("2 out of 5", 2)],
)  # fmt: skip
def test_grades_in_words(words: str, grade: int) -> None:
    assert take_words(one("a", "scale"), words, TODAY) == grade


def test_days_may_be_today_on_either_side() -> None:
    for side in ("past", "future"):
        assert take(one("a", "date", only=side), "2026-11-24", TODAY) == "2026-11-24"
    late = take(one("a", "date", only="past"), "2026-11-25", TODAY)
    assert late == Refusal("answer-not-past")
    early = take(one("a", "date", only="future"), "2026-11-23", TODAY)
    assert early == Refusal("answer-not-future")
    # The side helps to read a date without its year, on a form and in words.
    for reads in (take, take_words):
        assert reads(one("a", "date", only="past"), "3/2", TODAY) == "2026-02-03"
        assert reads(one("a", "date", only="future"), "3/2", TODAY) == "2027-02-03"


def test_too_few_and_too_many_are_told_with_how_many() -> None:
    some = [option("a", "Un"), option("b", "Deux"), option("c", "Trois"), option("d", "Quatre")]
    many = one("q", "many", options=some, min=2, max=3)
    assert take(many, ("a",), TODAY) == Refusal("answer-too-few", {"min": 2})
    assert take(many, ("a", "a"), TODAY) == Refusal("answer-too-few", {"min": 2})
    assert take(many, ("b", "a"), TODAY) == ("a", "b")
    assert take(many, ("c", "b", "a"), TODAY) == ("a", "b", "c")
    assert take(many, ("a", "b", "c", "d"), TODAY) == Refusal("answer-too-many", {"max": 3})
    assert take_words(many, "Un", TODAY) == Refusal("answer-too-few", {"min": 2})


@pytest.mark.parametrize(
    ("kind", "value", "fitting"),
    [
        ("text", "mot", True),
        ("text", " mot", False),
        ("text", "", False),
        ("text", 3, False),
        ("choice", "yes", True),
        ("choice", "x", False),
        ("choice", ("yes",), False),
        ("many", ("yes",), True),
        ("many", ("yes", "no"), True),
        ("many", (), False),
        ("many", ("yes", "x"), False),
        ("many", ("yes", 3), False),
        ("many", "yes", False),
        ("scale", 1, True),
        ("scale", 5, True),
        ("scale", 0, False),
        ("scale", 6, False),
        ("scale", True, False),
        ("date", "2026-11-24", True),
        ("date", "24/11/2026", False),
        ("date", "2026-02-30", False),
        ("date", "1899-12-31", False),
        ("date", "2201-01-01", False),
        ("person", "Ada", True),
        ("person", "", False),
        ("person", " Ada", False),
        ("person", "x" * NAME_MAX, True),
        ("person", "x" * (NAME_MAX + 1), False),
        ("person", SKIPPED, False),
    ],
)
def test_what_still_fits_a_question(kind: str, value: object, fitting: bool) -> None:
    assert fits(one("a", kind), value) == (value if fitting else None)


def test_what_fits_has_the_shape_and_the_length_that_are_asked() -> None:
    assert fits(one("a", "text", optional=True), SKIPPED) is SKIPPED
    short = one("a", "text", min=2, max=4)
    kept = [fits(short, "x" * n) is not None for n in range(1, 6)]
    assert kept == [False, True, True, True, False]
    assert fits(one("a", "text", format="year"), "2012") == "2012"
    assert fits(one("a", "text", format="year"), "X12") is None
    assert fits(one("a", "text", format="email"), "a@b.invalid") == "a@b.invalid"
    assert fits(one("a", "text", format="email"), "a@b") is None
    several = [option(name) for name in "abc"]
    two = one("a", "many", options=several, min=2, max=2)
    assert [fits(two, tuple("abc"[:n])) for n in (1, 2, 3)] == [None, ("a", "b"), None]


# --- words, to the letter -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("ce vendredi", "2026-11-27"),
        ("this friday", "2026-11-27"),
        ("on friday", "2026-11-27"),
        ("vendredi dernier", "2026-11-20"),
        ("last friday", "2026-11-20"),
        ("next friday", "2026-11-27"),
        ("lundi mardi", None),
        ("vendredi prochain matin", None),
        ("vendredi soir", None),
        ("next last friday", None),
        ("mercredi", "2026-11-25"),
        ("jeudi", "2026-11-26"),
        ("saturday", "2026-11-28"),
        ("dimanche", "2026-11-29"),
        ("31 blabla décembre", None),
        ("blabla décembre", None),
        ("31 12 décembre 2026", None),
        ("1 décembre 2", None),
        ("décembre 2026 2027", None),
        ("décembre 32", None),
        ("décembre 1899", None),
        ("décembre 1900", "1900-12-01"),
        ("mars 2200", "2200-03-01"),
        ("mars 2201", None),
        ("31st of january", "2027-01-31"),
        ("the 2nd of january", "2027-01-02"),
        ("on january 3rd", "2027-01-03"),
        ("4th january", "2027-01-04"),
        ("le 2e février", "2027-02-02"),
        ("février", "2027-02-01"),
        ("24 novembre", "2026-11-24"),
        ("23 novembre", "2027-11-23"),
        ("le 3/2", "2027-02-03"),
        ("on 3/2", "2027-02-03"),
        ("LE 3/2", "2027-02-03"),
        ("12/12/2026", "2026-12-12"),
        ("13/12/2026", "2026-12-13"),
        ("12/13/2026", "2026-12-13"),
        ("13/13/2026", None),
        ("13/14", None),
        ("1 2 2027", "2027-02-01"),
        ("1-2-27", "2027-02-01"),
        ("1/1/1900", "1900-01-01"),
        ("31/12/2200", "2200-12-31"),
        ("1/1/2201", None),
        ("31/12/1899", None),
        ("1900-01-01", "1900-01-01"),
        ("2200-12-31", "2200-12-31"),
        ("2201-01-01", None),
        ("hier", "2026-11-23"),
        ("avant-hier", "2026-11-22"),
        ("the day before yesterday", "2026-11-22"),
        ("the day after tomorrow", "2026-11-26"),
        ("day after tomorrow", "2026-11-26"),
        ("ce jour", "2026-11-24"),
        ("today", "2026-11-24"),
        ("dans un an", "2027-11-24"),
        ("in 2 years", "2028-11-24"),
        ("a month ago", "2026-10-24"),
        ("an year ago", "2025-11-24"),
        ("il y a une semaine", "2026-11-17"),
        ("dans 1 jour", "2026-11-25"),
        ("in 1 day ago", None),
        ("dans 3 semestres", None),
        ("dans 999 jours", "2029-08-19"),
        ("dans 1000 jours", None),
        ("in 174 years", "2200-11-24"),
        ("in 175 years", None),
        ("dans 13 mois", "2027-12-24"),
        ("11 months ago", "2025-12-24"),
        ("a" * 61, None),
    ],
)
def test_dates_to_the_letter(text: str, day: str | None) -> None:
    found = read_date(text, TODAY)
    assert (found and found.isoformat()) == day


def test_the_end_of_a_shorter_month_and_dates_on_either_side() -> None:
    last = date(2027, 1, 31)
    assert read_date("dans un mois", last) == date(2027, 2, 28)
    assert read_date("dans 3 mois", last) == date(2027, 4, 30)
    assert read_date("dans 1 an", date(2028, 2, 29)) == date(2029, 2, 28)
    for text, past in (
        ("mardi", date(2026, 11, 17)),
        ("mercredi", date(2026, 11, 18)),
        ("mardi prochain", date(2026, 12, 1)),
        ("next tuesday", date(2026, 12, 1)),
        ("mardi dernier", date(2026, 11, 17)),
        ("24/11", TODAY),
        ("25/11", date(2025, 11, 25)),
        ("24 novembre", TODAY),
        ("décembre", date(2025, 12, 1)),
        ("29/2", date(2024, 2, 29)),
    ):
        assert read_date(text, TODAY, "past") == past
    # Eight years lie between two leap days over a full century.
    assert read_date("29/2", date(2096, 3, 1)) == date(2104, 2, 29)
    assert read_date("29/2", date(2104, 2, 28), "past") == date(2096, 2, 29)
    assert read_date(f"{' ' * 80}demain{' ' * 80}", TODAY) == date(2026, 11, 25)


@pytest.mark.parametrize(
    ("text", "year"),
    [("promotion 2011", "2011"), ("promo12", "2012"), ("P19", "2019"), ("31", "2031"),
     ("32", "1932"), ("00", "2000"), ("1900", "1900"), ("2199", "2199"), ("abc 12", "2012")],
)  # fmt: skip
def test_years_in_the_ways_they_are_said(text: str, year: str) -> None:
    assert take_words(one("a", "text", format="year"), text, TODAY) == year
    assert take(one("a", "text", format="year"), text, TODAY) == year


@pytest.mark.parametrize("text", ["abcd 12", "x123", "1899", "2200", "an 1", "12 12"])
def test_what_is_no_year(text: str) -> None:
    asked = one("a", "text", format="year")
    assert take_words(asked, text, TODAY) == Refusal("answer-not-a-year")
    assert take_words(asked, " ", TODAY) == Refusal("answer-needed")


def test_a_text_has_its_length_to_the_letter() -> None:
    asked = one("a", "text", min=3, max=5)
    assert take_words(asked, "abcde", TODAY) == "abcde"
    assert take_words(one("a", "text"), "x" * 2000, TODAY) == "x" * 2000
    long = Refusal("answer-too-long", {"max": 2000, "length": 2001})
    assert take_words(one("a", "text"), "x" * 2001, TODAY) == long
    kept = "a\tb\nc"
    assert clean(kept) == kept
    assert clean("\u2800 \u200d") == ""
    assert clean("👍") == "👍"
    assert clean("٣") == "٣"
    assert clean("!") == "!"


SOME = [
    option("banking", "Banque et assurance"),
    option("energy", "Énergie"),
    option("health", "Santé", words=["soin", "air"]),
]


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("banking", "banking"),
        ("BANKING", "banking"),
        ("#2", "energy"),
        ("2.", "energy"),
        ("3)", "health"),
        ("3°", "health"),
        ("0", None),
        ("4", None),
        ("1", "banking"),
        ("énergi", "energy"),
        ("énergies", "energy"),
        ("énergiesss", None),
        ("sant", None),  # too short to be a slip
        ("une affaire de soin", "health"),
        ("un métier de plein air", None),  # three letters stand in too much
        ("un deux trois quatre cinq six sept soin", "health"),
        ("un deux trois quatre cinq six sept huit soin", None),
        ("soin ou énergie", None),
        ("jamais le soin", None),
        ("without énergie", None),
        ("soins intensifs", None),
    ],
)
def test_the_words_for_an_option(said: str, value: str | None) -> None:
    assert take_words(one("a", "choice", options=SOME), said, TODAY) == value


@pytest.mark.parametrize(
    ("said", "values"),
    [
        ("énergie and santé", ("energy", "health")),
        ("énergie & santé", ("energy", "health")),
        ("énergie+santé", ("energy", "health")),
        ("énergie\nsanté", ("energy", "health")),
        ("énergie, et santé", ("energy", "health")),
        ("1, 2 3", ("banking", "energy", "health")),
        ("énergie, !, santé", ("energy", "health")),
        ("1 4", None),
        ("énergie et poésie", None),
        (";;", None),
        ("énergie," * 260, None),
    ],
)
def test_the_words_for_several_options(said: str, values: tuple[str, ...] | None) -> None:
    assert take_words(one("a", "many", options=SOME), said, TODAY) == values
