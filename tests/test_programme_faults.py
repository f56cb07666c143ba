"""Faults of programme files: each is told with its file, its place and a remedy."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot.dialogue.questionnaire import Question
from bot.errors import ProgrammeError
from bot.programmes.load import load, parse
from bot.programmes.meaning import stands_for
from tests.test_programmes import SMALL, write


def test_the_validators_words(tmp_path: Path) -> None:
    text = SMALL.replace("when = { level", "when = { levle")
    with pytest.raises(ProgrammeError) as caught:
        load(write(tmp_path, text))
    assert str(caught.value) == (
        'rencontres.toml, intake.questions[1] "jobs": \'when\' names "levle", which is not asked'
        ' before it; did you mean "level"?'
    )


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        (
            'kind = "many"',
            'kind = "meny"',
            'intake.questions[1] "jobs" kind',
            'did you mean "many"?',
        ),
        ('kind = "many"', 'kindd = "many"', 'intake.questions[1] "jobs"', '"kind" is missing'),
        (
            'feature = "sector"',
            'fature = "sector"',
            'intake.questions[1] "jobs"',
            'unknown key "fature"; did you mean "feature"?',
        ),
        (
            'feature = "sector"',
            'feature = "secteur"',
            'intake.questions[1] "jobs"',
            'no matching feature "secteur"; did you mean "sector"?',
        ),
        (
            'feature = "sector"',
            'feature = "structure"',
            'intake.questions[1] "jobs"',
            '"santé" is no structure',
        ),
        ('feature = "sector"', "", 'intake.questions[1] "jobs"', "'match' of an option needs"),
        (
            'feature = "sector"',
            'fill = "sector"',
            'intake.questions[1] "jobs"',
            "'fill' belongs to",
        ),
        (
            'value = "build"',
            'value = "bâtir"',
            'intake.questions[1] "jobs" options[1] "bâtir" value',
            "has to match",
        ),
        (
            'value = "build"',
            f'value = "{"x" * 21}"',
            f'intake.questions[1] "jobs" options[1] "{"x" * 21}" value',
            "at most 20 characters (here 21)",
        ),
        ('enrol = "open"', 'enroll = "open"', "roles.mentee", 'did you mean "enrol"?'),
        ('register = "vous"', 'registre = "vous"', "programme", 'did you mean "register"?'),
        ('register = "vous"', 'register = "toi"', "programme.register", "possible here: tu, vous"),
        ('id = "rencontres"', 'id = "Les Rencontres"', "programme.id", "has to match"),
        ("[consent]", "[consentement]", "", 'unknown key "consentement"; did you mean "consent"?'),
        ("days = 3", "days = 0", "programme.contact.days", "greater than or equal to 1"),
        (
            'register = "vous"',
            'register = "vous"\nzone = "Europe/Pariis"',
            "programme.zone",
            'no time zone "Europe/Pariis"',
        ),
        (
            "FREQ=WEEKLY;BYDAY=TU",
            "FREQ=WEEKLY;BYDAY=2TU",
            'rhythms[0] "checkin" rrule',
            "write TU, not 2TU",
        ),
        ("FREQ=WEEKLY;BYDAY=TU", "every tuesday", 'rhythms[0] "checkin" rrule', "write FREQ="),
        (
            'met = "met"',
            'met = "mett"',
            'rhythms[0] "checkin" met',
            'no question "mett"; did you mean "met"?',
        ),
        (
            'met = "met"',
            'next_on = "met"',
            'rhythms[0] "checkin" next_on',
            "has to be a date question",
        ),
        (
            'met = "met"',
            "alert_after_missed = 2",
            'rhythms[0] "checkin" alert_after_missed',
            "which question tells a meeting",
        ),
        (
            'met = ["no"]',
            'met = ["not"]',
            'rhythms[0] "checkin" alert_staff',
            '"not" is no answer to "met"; did you mean "no"?',
        ),
        ('to = ["mentee"]', 'to = ["student"]', 'rhythms[0] "checkin" to[0]', "possible here"),
        (
            "months = [1, 7]",
            "months = [1, 2]",
            'reports[0] "quarterly" months',
            "at most one month of each quarter",
        ),
        (
            "months = [1, 7]",
            "months = [1, 13]",
            'reports[0] "quarterly" months[1]',
            "less than or equal",
        ),
        (
            "months = [1, 7]",
            "months = [1]\nopen_days = 5",
            'reports[0] "quarterly" reminders_after_days',
            "growing numbers of days from 1 to 4",
        ),
        (
            "months = [1, 7]",
            'months = [1]\nwish = { kind = "news" }',
            'reports[0] "quarterly" wish.kind',
            "has to be a choice question",
        ),
        (
            "[[reports]]",
            '[matching]\nnear_structures = [["startup", "pmi"]]\n[[reports]]',
            "matching.near_structures[0]",
            'no structure "pmi"; did you mean "pme"?',
        ),
        (
            "[[reports]]",
            "[matching]\nweights = { secteur = 3 }\n[[reports]]",
            "matching.weights",
            'unknown key "secteur"; did you mean "sector"?',
        ),
        (
            "[[reports]]",
            "[proposals]\nnudge_days = 9\n[[reports]]",
            "proposals",
            "less than deadline_days",
        ),
        (
            "[[reports]]",
            '[intake.refuse]\nwhen = { level = ["frist"] }\n'
            'text = { fr = "Non.", en = "No." }\n[[reports]]',
            "intake.refuse.when",
            'did you mean "first"?',
        ),
        (
            "[[reports]]",
            '[[profile.questions]]\nid = "y"\nkind = "text"\nfill = "promo"\n'
            'text = { fr = "?", en = "?" }\n[[reports]]',
            'profile.questions[0] "y"',
            'format = "year"',
        ),
        (
            "[[reports]]",
            '[[profile.questions]]\nid = "y"\nkind = "text"\nfill = "prmo"\n'
            'text = { fr = "?", en = "?" }\n[[reports]]',
            'profile.questions[0] "y"',
            'did you mean "promo"?',
        ),
    ],
)
def test_faults_name_their_place_and_remedy(
    tmp_path: Path, old: str, new: str, place: str, message: str
) -> None:
    assert SMALL.count(old) >= 1
    with pytest.raises(ProgrammeError) as caught:
        load(write(tmp_path, SMALL.replace(old, new, 1)))
    told = [caught.value.message.removeprefix("rencontres.toml, ").removeprefix("rencontres.toml")]
    told += [line.strip() for line in (caught.value.hint or "").splitlines()]
    wanted = f"{place}: "
    assert any(t.startswith(wanted) and message in t for t in told), told


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ('[programme]\nid = rencontres\n', "line 2, column 6", "needs quotes"),
        ('[programme]\nid = "a"\nid = "b"\n', "line 3", "twice"),
        ('[programme]\nid "a"\n', "line 2", 'key = "value"'),
        ('[programme]\nid = "a\n', "line 2", "Close the text"),
        ('[a]\n[a]\n', "line 2", "repeat [[like this]]"),
    ],
)  # fmt: skip
def test_faults_of_toml_name_their_line(tmp_path: Path, text: str, place: str, hint: str) -> None:
    with pytest.raises(ProgrammeError) as caught:
        load(write(tmp_path, text))
    assert caught.value.file == "rencontres.toml"
    assert caught.value.place.startswith(place)
    assert hint in (caught.value.hint or "")


def test_faults_of_the_file_itself(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'[programme]\nid = "\xe9"\n')
    with pytest.raises(ProgrammeError, match=r"latin\.toml, line 2: this is not UTF-8"):
        load(latin)
    with pytest.raises(ProgrammeError, match="can't be read"):
        load(tmp_path / "absent.toml")
    with pytest.raises(ProgrammeError, match="can't be read"):
        load(tmp_path)
    with pytest.raises(ProgrammeError, match="no path"):
        load("a\0b.toml")
    with pytest.raises(ProgrammeError, match='no such preset; did you mean "emergence"'):
        load("emergance")
    large = write(tmp_path, "#" * 1_000_001, "large.toml")
    with pytest.raises(ProgrammeError, match="larger than 1 MB"):
        load(large)


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = SMALL.replace('kind = "many"', 'kind = "meny"').replace("days = 3", "days = 0")
    with pytest.raises(ProgrammeError) as caught:
        load(write(tmp_path, text))
    assert "and also:" in str(caught.value)
    assert "contact.days" in str(caught.value)
    assert "meny" in str(caught.value)


def question(**more: Any) -> dict[str, Any]:
    return {"id": "q", "kind": "text", "text": {"fr": "?", "en": "?"}, **more}


def option(value: str) -> dict[str, Any]:
    return {"value": value, "label": {"fr": value, "en": value}}


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (question(fill="capacity", kind="choice", options=[option("two")]), "whole numbers"),
        (question(fill="capacity", kind="date"), "whole numbers"),
        (question(fill="consenting"), 'an option "yes"'),
        (question(fill="helps"), "wants a choice or many"),
        (question(fill="structure", kind="choice", options=[option("startups")]),
         'did you mean "startup"?'),
    ],
)  # fmt: skip
def test_what_a_question_fills_has_to_fit_its_column(made: dict[str, Any], message: str) -> None:
    data = tomllib.loads(SMALL) | {"expert": {"questions": [made]}}
    with pytest.raises(ProgrammeError, match=re.escape(message)):
        parse(data, "x.toml")
    twice = tomllib.loads(SMALL) | {
        "expert": {"questions": [question(fill="job"), question(fill="job", id="r")]}
    }
    with pytest.raises(ProgrammeError, match='"job" is filled twice'):
        parse(twice, "x.toml")


def test_an_answer_stands_for_words() -> None:
    q = Question.model_validate(question(kind="scale"))
    assert stands_for(q, 3) == ("3",)
    many = Question.model_validate(question(kind="many", options=[option("a"), option("b")]))
    assert stands_for(many, ("a", "gone")) == ("a",)
