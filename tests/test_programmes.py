"""Programme files: the presets keep what their documents ask, and faults are told with a remedy."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import date, time
from pathlib import Path

import pytest
from pydantic import BaseModel

from bot.dialogue import engine
from bot.dialogue.engine import (
    Answer,
    Ask,
    Completed,
    Confirm,
    Done,
    Pick,
    Said,
    Skip,
    State,
    Value,
)
from bot.dialogue.questionnaire import Localised, Question, Questionnaire
from bot.errors import ProgrammeError
from bot.programmes.load import load, load_all, presets
from bot.programmes.meaning import columns, features
from bot.programmes.schema import Programme
from bot.rhythm import check_rule

TODAY = date(2026, 11, 24)

SMALL = """
[programme]
id = "rencontres"
name = { fr = "Rencontres", en = "Meetings" }
register = "vous"
contact = { name = { fr = "le secrétariat", en = "the office" }, days = 3 }
notice = { fr = "Bonjour.", en = "Hello." }

[consent]
version = "1"
text = { fr = "D’accord ?", en = "Agreed?" }

[roles.mentee]
label = { fr = "élève", en = "pupil" }
plural = { fr = "élèves", en = "pupils" }
enrol = "open"

[roles.mentor]
label = { fr = "professionnel", en = "professional" }
plural = { fr = "professionnels", en = "professionals" }

[[intake.questions]]
id = "level"
kind = "choice"
text = { fr = "En quelle classe êtes-vous ?", en = "Which class are you in?" }
options = [
  { value = "first", label = { fr = "Première", en = "Year 12" } },
  { value = "last", label = { fr = "Terminale", en = "Year 13" } },
]

[[intake.questions]]
id = "jobs"
kind = "many"
when = { level = ["last"] }
feature = "sector"
text = { fr = "Quels métiers ?", en = "Which jobs?" }
options = [
  { value = "care", label = { fr = "Soigner", en = "Care" }, match = ["santé", "social"] },
  { value = "build", label = { fr = "Bâtir", en = "Build" } },
]

[[rhythms]]
id = "checkin"
name = { fr = "Nouvelles", en = "News" }
to = ["mentee"]
rrule = "FREQ=WEEKLY;BYDAY=TU"
at = 09:30:00
met = "met"
alert_staff = { met = ["no"] }

[[rhythms.questions]]
id = "met"
kind = "choice"
text = { fr = "Vous êtes-vous vus ?", en = "Did you meet?" }
options = [
  { value = "yes", label = { fr = "Oui", en = "Yes" } },
  { value = "no", label = { fr = "Non", en = "No" } },
]

[[reports]]
id = "quarterly"
name = { fr = "Rapport", en = "Report" }
months = [1, 7]
at = 10:00:00

[[reports.questions]]
id = "news"
kind = "text"
text = { fr = "Quoi de neuf ?", en = "What is new?" }
"""


def write(folder: Path, text: str, name: str = "rencontres.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def localised(part: object, place: str = "") -> Iterator[tuple[str, Localised]]:
    """Every text of a programme with its place."""
    if isinstance(part, Localised):
        yield place, part
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from localised(getattr(part, name), f"{place}.{name}")
    elif isinstance(part, tuple):
        for index, item in enumerate(part):
            yield from localised(item, f"{place}[{index}]")


def routes(qs: Questionnaire, answers: Mapping[str, Value]) -> Iterator[dict[str, Value]]:
    """Every way through the branches of a questionnaire, as complete answers."""
    asked = engine.current(qs, State(answers=answers))
    if asked is None:
        yield dict(answers)
        return
    for value in samples(qs, asked):
        yield from routes(qs, {**answers, asked.id: value})


def samples(qs: Questionnaire, question: Question) -> list[Value]:
    branching = any(question.id in q.when for q in qs.questions)
    match question.kind:
        case "choice":
            return [o.value for o in (question.options if branching else question.options[:1])]
        case "many":
            every: list[Value] = [(o.value,) for o in question.options]
            return every if branching else every[:1]
        case "scale":
            return [question.bounds[1]]
        case "date":
            return ["2027-01-01"]
        case _:
            return ["2012" if question.format == "year" else "mot " * 5 + "fin"]


# --- the presets
@pytest.fixture(scope="module")
def ax() -> Programme:
    return load("ax-accompagnement")


@pytest.fixture(scope="module")
def emergence() -> Programme:
    return load("emergence")


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_whole(name: str) -> None:
    programme = load(name)
    file = Path(__file__).parents[1] / "bot" / "programmes" / f"{name}.toml"
    assert programme.id == name
    assert programme.file == f"{name}.toml"
    assert programme.digest == hashlib.sha256(file.read_bytes()).hexdigest()
    for kind, qs in programme.questionnaires.items():
        assert programme.questionnaire(kind) is qs
        assert len(kind) <= 32
    for rhythm in programme.rhythms:
        check_rule(rhythm.rrule)


@pytest.mark.parametrize("name", presets())
def test_french_is_typed_as_french(name: str) -> None:
    for place, text in localised(load(name)):
        assert "'" not in text.fr, f"{place}: ’ is the apostrophe: {text.fr}"
        assert "..." not in text.fr + text.en, place
        assert not re.search(r"[^\s][?!;:](\s|$)", text.fr), f"{place}: a space before: {text.fr}"
        assert not re.search(r"[«](?! )|(?<! )[»]", text.fr), place
        assert text.fr != text.en or len(text.fr) < 20, f"{place} is not translated"


@pytest.mark.parametrize("name", presets())
def test_no_text_ranks_or_prescribes(name: str) -> None:
    """Source: M-13."""
    forbidden = re.compile(
        r"\b(meilleure?s?|classement|tu dois|il faut|tu devrais|insuffisante?|mauvaise?s?"
        r"|you must|you should|you have to|best|worst|ranking)\b",
        re.IGNORECASE,
    )
    for place, text in localised(load(name)):
        for language in (text.fr, text.en):
            assert not forbidden.search(language), f"{place}: {language}"


@pytest.mark.parametrize("name", presets())
def test_presets_written_in_tu_never_say_your_in_vous(name: str) -> None:
    programme = load(name)
    assert programme.register == "tu"
    for place, text in localised(programme):
        assert not re.search(r"\b(votre|vos)\b", text.fr) or place.endswith("closing.intro"), place


def test_the_intake_is_short_on_every_path(ax: Programme) -> None:
    """Source: J-15."""
    assert ax.intake is not None
    lengths = [len(engine.path(ax.intake, answers)) for answers in routes(ax.intake, {})]
    assert max(lengths) <= 10  # the last one asks what the expert may see
    assert min(lengths) == 1
    assert len(lengths) > 40


def test_only_a_student_before_the_last_year_is_refused(ax: Programme) -> None:
    """Source: A-02."""
    assert ax.intake is not None
    assert ax.intake.refuse is not None
    refused = [
        o.value
        for o in ax.intake.questions[0].options
        if ax.intake.refuse.applies({"standing": o.value})
    ]
    assert refused == ["student"]
    assert [q.id for q in engine.path(ax.intake, {"standing": "student"})] == ["standing"]


@pytest.mark.parametrize(
    ("situation", "asked", "feature", "values"),
    [
        ("early_career", ["startup", "level"], "situation", ("début de carrière",)),
        ("early_career", ["startup", "level"], "structure", ("startup",)),
        ("thirty", ["turn", "relays"], "situation", ("30 ans",)),
        ("researcher", ["towards", "research"], "structure", ("groupe", "pme", "startup")),
        ("abroad", ["country", "languages"], "country", ("mot mot mot mot mot fin",)),
        ("abroad", ["country", "languages"], "language", ("français",)),
        ("senior", ["consulting", "first_step"], "structure", ("independant", "cabinet")),
        ("other", [], "situation", None),
    ],
)
def test_five_situations_change_questions_and_matching(
    ax: Programme,
    situation: str,
    asked: list[str],
    feature: str,
    values: tuple[str, ...] | None,
) -> None:
    """Source: A-08 to A-13."""
    assert ax.intake is not None
    start: dict[str, Value] = {
        "standing": "employed", "help": "long_term", "motive": "boost", "boost": "inside",
        "situation": situation,
    }  # fmt: skip
    answers = next(routes(ax.intake, start))
    own = {"startup", "level", "turn", "relays", "towards", "research", "country", "languages",
           "consulting", "first_step"}  # fmt: skip
    assert [q.id for q in engine.path(ax.intake, answers) if q.id in own] == asked
    assert features(ax.intake, engine.result(ax.intake, answers)).get(feature) == values


def test_three_motives_with_their_sub_motives(ax: Programme) -> None:
    """Source: A-03."""
    assert ax.intake is not None
    motive = ax.intake.question("motive")
    assert motive is not None
    assert [o.label.fr for o in motive.options] == [
        "Dynamiser ma carrière",
        "Rebondir",
        "Élaborer un projet",
    ]
    said = {
        o.label.fr
        for q in ax.intake.questions
        if "motive" in q.when
        for o in q.options
    }  # fmt: skip
    assert {
        "Changer de poste en interne",
        "Changer de poste à l’extérieur",
        "Un imprévu",
        "Un projet qui ait du sens",
    } <= said


def test_one_question_and_six_months_are_two_flows(ax: Programme) -> None:
    """Source: A-23, A-24."""
    assert ax.intake is not None
    one_off = list(routes(ax.intake, {"standing": "employed", "help": "one_off"}))
    assert len(one_off) == 4
    for answers in one_off:
        assert "motive" not in answers
        assert len(answers) <= 6
        wanted = features(ax.intake, engine.result(ax.intake, answers))
        assert wanted["help_kind"] == ("one_off", "referent")
        assert "text" in wanted
    assert ax.pair.months == 6
    assert ax.questionnaire("objective") is not None
    assert ax.pair.charter is not None


def test_what_is_shared_is_never_the_trouble(ax: Programme, emergence: Programme) -> None:
    for programme in (ax, emergence):
        for qs in programme.questionnaires.values():
            assert not [q.id for q in qs.questions if q.share and q.sensitive]


def test_an_expert_fills_the_directory(ax: Programme) -> None:
    """Source: A-23; one person may hold several roles."""
    assert ax.expert is not None
    answers = {
        "helps": ("long_term", "referent"),
        "topics": "L’énergie",
        "structure": "independant",
        "sector": "Énergie",
        "situations": ("senior", "abroad"),
        "countries": "Japon, Maroc ; Japon",
        "capacity": "2",
        "consenting": "yes",
    }
    assert columns(ax.expert, answers) == {
        "helps": ("long_term", "referent"),
        "topics": "L’énergie",
        "structure": "independant",
        "sector": "Énergie",
        "situations": ("senior", "international"),
        "countries": ("Japon", "Maroc"),
        "capacity": 2,
        "consenting": True,
    }
    assert columns(ax.expert, {"consenting": "no"}) == {"consenting": False}
    assert ax.profile is not None
    assert columns(ax.profile, {"name": "Ada", "promo": "2012"}) == {"name": "Ada", "promo": 2012}


def test_the_report_of_emergence_asks_what_its_document_asks(emergence: Programme) -> None:
    """Source: E-06, E-07, E-11, E-12."""
    report = emergence.report("quarterly")
    assert report is not None
    assert report.months == (1, 4, 7, 10)
    assert len(report.reminders_after_days) == 2
    texts = {q.id: q.text.fr for q in report.questions}
    assert texts["studies"] == "Comment se passent tes études ?"
    assert texts["mentor"] == "Vois-tu régulièrement ton parrain ?"
    assert texts["project"] == "Avances-tu dans l’élaboration de ton projet professionnel ?"
    commitment = report.question("commitment")
    assert commitment is not None
    assert commitment.kind == "scale"
    assert report.wish is not None
    for name in report.wish.model_dump().values():
        question = report.question(name)
        assert question is not None
        assert question.suggest_last
    nothing = next(a for a in routes(report, {}) if a["wish"] == "none")
    assert not {"wish_field", "wish_place", "wish_start", "wish_months"} & set(nothing)
    assert report.alerts({"call": "yes"})
    assert not report.alerts({"call": "no", "studies": "well"})


def test_pairs_of_emergence_are_made_by_staff(emergence: Programme) -> None:
    """Source: E-08."""
    assert emergence.intake is None
    assert emergence.roles.mentor.label.fr == "parrain"
    assert {emergence.roles.mentee.enrol, emergence.roles.mentor.enrol} == {"staff"}
    assert emergence.roles.of("owner") == emergence.roles.staff


def test_check_ins_start_with_one_tap(ax: Programme, emergence: Programme) -> None:
    for programme in (ax, emergence):
        for rhythm in programme.rhythms:
            first = rhythm.questions[0]
            assert (first.kind, first.id, rhythm.met) == ("choice", "met", "met")
            assert [o.value for o in first.options] == ["yes", "not_yet", "no"]
            assert rhythm.alerts({"met": "no"})
            assert not rhythm.alerts({"met": "not_yet"})
            assert not rhythm.review


# --- a third programme needs no Python
def test_a_third_programme_is_a_file(tmp_path: Path) -> None:
    programme = load(write(tmp_path, SMALL))
    assert (programme.id, programme.register, programme.zone) == (
        "rencontres",
        "vous",
        "Europe/Paris",
    )
    assert programme.quiet == (time(20), time(8))
    assert programme.page is None
    assert programme.intake is not None
    state = State()
    for event in (Said("terminale"), Pick("jobs", ("care", "build")), Done("jobs"), Confirm()):
        state, outputs = engine.step(programme.intake, state, event, today=TODAY)
    [completed] = outputs
    assert isinstance(completed, Completed)
    assert features(programme.intake, completed.answers) == {"sector": ("santé", "social", "build")}
    rhythm = programme.rhythm("checkin")
    assert rhythm is not None
    _, outputs = engine.step(rhythm, State(), Answer("met", "no"), today=TODAY)
    assert isinstance(outputs[-1], Completed)
    report = programme.questionnaire("report:quarterly")
    assert report is not None
    _, outputs = engine.step(report, State(), Skip(), today=TODAY)
    assert isinstance(outputs[-1], Ask)


def test_several_programmes_at_once(tmp_path: Path) -> None:
    found = load_all(["emergence", write(tmp_path, SMALL)])
    assert list(found) == ["emergence", "rencontres"]
    with pytest.raises(ProgrammeError, match=r"is also the id in rencontres\.toml"):
        load_all([write(tmp_path, SMALL), write(tmp_path, SMALL, "copie.toml")])
