"""The bot's words: what the code speaks is there in both languages, and nothing else is.

`tests/spoken.py` reads the keys from the source; the tables here hold what only the data know.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final, get_args

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from bot import flows, lifecycle
from bot.bot import FAMILIES as COMMAND_FAMILIES
from bot.commands.parked import STATES, WHY
from bot.commands.registry import COMMANDS
from bot.commands.triage_person import REASONS as TRIAGE_REASONS
from bot.dialogue.parsing import REASONS
from bot.dialogue.questionnaire import Localised, Question
from bot.dialogues import COMPLETIONS, FREE_WORDS, family
from bot.exports import KINDS as EXPORTS
from bot.flows.flags import FOR_GUARDS
from bot.flows.kept import STATES as STATES_AFTER
from bot.i18n import NBSP, NNBSP, Words, french_spaces, language, table, words
from bot.kinds import KINDS
from bot.minors import Missing
from bot.programmes.about import Retention
from bot.programmes.care import TURNINGS
from bot.programmes.load import load, presets
from bot.programmes.meaning import HELPS, STRUCTURES
from bot.programmes.triage import LEVELS, SIGNS
from bot.triage.score import POSITIONS
from bot.triage.words import STEPS
from handlers.slack.oauth import PAGES
from storage.promises import KINDS as KINDS_OF_PROMISES
from storage.tables import Base
from storage.tables.base import Basis, Kept, Purpose
from tests.spoken import ROOT, Source, Spoken

VOICES: Final = {"fr": words("fr"), "fr@vous": words("fr", "vous"), "en": words("en")}
WAITING: Final = ("open", "proposed", "asked", "team")
"""States of a request that is not at its end (`Requests.live`)."""
REASON_ARGS: Final[Mapping[str, set[str]]] = {
    "reason-says": {"quote"},
    "reason-job": {"job", "employer"},
    "reason-job-at": {"job", "employer"},
    "reason-sector": {"sector"},
    "reason-topics": {"topics"},
    "reason-employer": {"employer"},
    "reason-structure": {"structure"},
    "reason-lives": {"country"},
    "reason-lived": {"country"},
    "reason-region": {"country"},
    "reason-situation": {"situation"},
    "reason-language": {"language"},
    "reason-city": {"city"},
    "reason-help": {"kind"},
    "reason-promo": {"promo", "gap"},
}
MISSING: Final = ("sector", "country", "structure", "employer", "job", "language", "city")
IMPORT_ARGS: Final[Mapping[str, set[str]]] = {
    "import-account-taken": set(),
    "import-bad-quotes": set(),
    "import-cell-count": {"found", "expected"},
    "import-cell-too-long": {"most", "found"},
    "import-column-missing": {"known"},
    "import-column-twice": set(),
    "import-column-unknown": {"known"},
    "import-control-character": set(),
    "import-empty": set(),
    "import-file-too-long": {"most"},
    "import-is-packed": set(),
    "import-is-spreadsheet": set(),
    "import-is-utf16": set(),
    "import-line-too-long": {"most"},
    "import-more-problems": set(),
    "import-too-many-columns": {"found", "most"},
    "import-no-key": set(),
    "import-no-name": set(),
    "import-contacts": set(),
    "import-not-a-number": {"value", "low", "high"},
    "import-class-of-no-pupil": set(),
    "import-not-a-class": {"value"},
    "import-not-a-slack-id": {"value"},
    "import-not-a-telegram-id": {"value"},
    "import-not-a-zone": {"value"},
    "import-not-an-address": {"value"},
    "import-not-one-of": {"value", "known"},
    "import-not-utf8": set(),
    "import-not-yes-no": {"value"},
    "import-out-of-range": {"value", "low", "high"},
    "import-programme-unknown": {"value", "known"},
    "import-role-without-programme": set(),
    "import-same-person": {"other"},
    "import-too-many-parts": {"most", "found"},
    "import-too-many-rows": {"most"},
    "import-twice-in-file": {"value", "other"},
    "import-two-people": set(),
}
FLAG_STATES: Final = ("new", "taken", "closed")
HELD_FOR: Final = ("contacts", "distress", "parts", "unchecked")
ANSWER_ARGS: Final[Mapping[str, set[str]]] = {
    "answer-too-short": {"min"},
    "answer-too-long": {"max", "length"},
    "answer-too-few": {"min"},
    "answer-too-many": {"max"},
    "answer-off-scale": {"min", "max"},
}
PASSED_ON: Final[Mapping[str, set[str]]] = {
    **{key: set() for key in REASONS},
    **ANSWER_ARGS,
    **REASON_ARGS,
    **{f"missing-{name}": {"wanted"} for name in MISSING},
    **IMPORT_ARGS,
    "staff-poison": {"number"},
    "staff-timer-stuck": {"kind", "number"},
    "staff-unreachable": {"name", "platform"},
    "staff-channel-unreachable": {"channel", "platform"},
    "staff-gap": {"platform"},
    "staff-workspace-joined": {"workspace"},
    "staff-workspace-gone": {"workspace", "people"},
}
"""What messages get whose call only passes arguments on."""


def _questions() -> Iterator[Question]:
    for name in presets():
        for qs in load(name).questionnaires.values():
            yield from qs.questions


@cache
def _values() -> set[str]:
    """Words of reasons that have a name in each language: what options of the presets stand for."""
    found = {*STRUCTURES, *HELPS}
    for q in _questions():
        if {q.feature, q.fill} & {"situation", "situations", "language", "languages"}:
            found |= {v for o in q.options for v in o.stands_for}
    return {v.casefold().replace("_", "-").replace(" ", "-") for v in found}


@cache
def _meetings() -> set[str]:
    """What a check-in of a preset may say about having met."""
    return {
        o.value
        for name in presets()
        for rhythm in load(name).rhythms
        if rhythm.met
        for q in rhythm.questions
        if q.id == rhythm.met
        for o in q.options
    }


@cache
def _families() -> dict[str, list[str]]:
    known: dict[str, Iterable[str]] = {
        "announce-is-{}": lifecycle.ANNOUNCEMENT,
        "agreement-{}": ("storage", "proposed", "charter"),
        "read-{}": (
            "request",
            "pair",
            "class",
            "triage",
            "answers",
            "alert",
            *(f"export-{kind}" for kind in EXPORTS),
            "partners",
            "card",
            *FOR_GUARDS,
        ),
        "campaign-is-{}": lifecycle.CAMPAIGN,
        "class-met-{}": (*STATES_AFTER, "differ"),
        "after-say-{}": STATES_AFTER,
        "after-is-{}": (*STATES_AFTER, "unknown"),
        "checkin-is-{}": ("asked", "answered", "skipped"),
        "column-{}": ("number", "mentee", "mentor", "state", "met", "name", "seen", "supervisor"),
        "erased-{}": ("slack", "telegram"),
        "data-{}": set(Base.metadata.tables),
        "field-{}": _fields(of_table=False),
        "field-{}-{}": _fields(of_table=True),
        "purpose-{}": get_args(Purpose),
        "basis-{}": get_args(Basis),
        "kept-{}": get_args(Kept),
        "period-{}": set(Retention.model_fields),
        "privacy-{}": {c.info["privacy"] for t in Base.metadata.tables.values() for c in t.columns},
        "dialogue-{}": ("profile", "intake", *COMPLETIONS),
        "flag-is-{}": FLAG_STATES,
        "flag-line-{}": ("flag", "distress"),
        "flag-state-{}": FLAG_STATES,
        "held-of-{}": ("letter", "objective", "request"),
        "held-why-{}": HELD_FOR,
        "held-{}": HELD_FOR,
        "letter-is-{}": ("held", "passed", "blotted", "refused"),
        "expert-{}": ("job", "sector", "topics", "bio", "places"),
        "kind-{}": KINDS,
        "parked-{}": [state.replace("_", "-") for state in STATES],
        "why-{}": {*WHY.values(), "doubt", "refused"},
        "export-{}": EXPORTS,
        "export-outcome-{}": lifecycle.OUTCOMES,
        "export-pair-{}": lifecycle.PAIR,
        "export-report-{}": ("open", "sent", "missed"),
        "export-request-{}": lifecycle.REQUEST,
        "menu-report-{}": ("open", "sent"),
        "menu-request-{}": WAITING,
        "met-{}": _meetings(),
        "offer-was-{}": set(lifecycle.PROPOSAL) - {"asked"},
        "pair-is-{}": lifecycle.PAIR,
        "pair-state-{}": lifecycle.PAIR,
        "proposal-is-{}": lifecycle.PROPOSAL,
        "staff-due-{}": WAITING,
        "staff-filter-{}": ("mine", "free", "late"),
        "staff-interview-{}": ("asked", "told", "unsuited", "done", "declined"),
        "staff-list-{}": ("mine", "free", "late"),
        "staff-none-{}": ("mine", "free", "late"),
        "staff-note-{}": (
            "note",
            "interview",
            "moment",
            "reply",
            "feasible",
            "infeasible",
            "reopened",
            "changed",
        ),
        "staff-beyond-is-{}": lifecycle.BEYOND,
        "outcome-{}": lifecycle.OUTCOMES,
        "request-end-{}": lifecycle.REQUEST_ENDS,
        "promise-{}": KINDS_OF_PROMISES,
        "referral-{}": TURNINGS,
        "referral-about-{}": TURNINGS,
        "referral-is-{}": lifecycle.REFERRAL,
        "referral-there-{}": ("agreed", "underway"),
        "referral-by-{}": ("staff", "mentor", "mentee"),
        "staff-referral-is-{}": set(lifecycle.REFERRAL) - {"suggested"},
        "staff-state-{}": lifecycle.REQUEST,
        "stats-pair-{}": lifecycle.PAIR,
        "stats-request-{}": lifecycle.REQUEST,
        "triage-is-{}": POSITIONS,
        "triage-level-{}": LEVELS,
        "triage-much-{}": [word for _, word in STEPS],
        "triage-weight-{}": [sign.replace("_", "-") for sign in SIGNS],
        "triage-why-{}": {why for reasons in TRIAGE_REASONS.values() for why in reasons},
        "value-{}": _values(),
        "words-{}": FREE_WORDS,
    }
    return {
        name: [name.replace("{}-{}", "{}").format(value) for value in values]
        for name, values in known.items()
    }


def _fields(*, of_table: bool) -> set[str]:
    """The names of columns for people; those that are meant in one table only, or the others."""
    keys = {key.removeprefix("field-") for key in _catalogue("fr") if key.startswith("field-")}
    columns = [c for table in Base.metadata.tables.values() for c in table.columns]
    own = {f"{column.table.name}-{column.name}" for column in columns} & keys
    return own if of_table else {column.name for column in columns} & keys


def _dynamic() -> dict[str, Iterable[str]]:
    reasons = [*REASON_ARGS, *(f"missing-{name}" for name in MISSING)]
    return {
        "PAGES[reason]": PAGES.values(),
        "minors.missing(turn, pupil, programme)": get_args(Missing),
        "minors.missing(turn, turn.me, programme)": set(get_args(Missing)) - {"role"},
        "board.refusal(mentee, mentor)": ("not-in", "barred", "language", "full"),
        "entry.summary": [c.summary for c in COMMANDS.values() if c.listed],
        "o.reason": REASONS,
        "reason": REASONS,
        "reason.id": [key for key in reasons if key != "reason-job-at"],
        "problem.problem_id": IMPORT_ARGS,
    }


@cache
def _source() -> tuple[Source, list[Spoken]]:
    assert flows.FLOWS
    assert COMMAND_FAMILIES
    source = Source(_families(), _dynamic())
    return source, source.spoken()


def _spoken() -> list[Spoken]:
    return _source()[1]


@cache
def _catalogue(name: str) -> dict[str, Message]:
    with (files("bot") / "locales" / name / "cordee.po").open("rb") as stream:
        catalogue = read_po(stream, locale=name.partition("@")[0], abort_invalid=True)
    return {_key(message): message for message in catalogue if message.id}


def _key(message: Message) -> str:
    return str(message.id[0] if isinstance(message.id, (list, tuple)) else message.id)


def _forms(message: Message) -> tuple[str, ...]:
    said = message.string
    return tuple(said) if isinstance(said, (list, tuple)) else (str(said),)


def _variables(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _of_message(message: Message) -> set[str]:
    return set().union(*(_variables(form) for form in _forms(message)))


def _every(name: str) -> Iterator[tuple[str, str]]:
    for key, message in _catalogue(name).items():
        for form in _forms(message):
            yield key, form


# --- what is spoken is there, and nothing else ----------------------------------------------------


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_key_the_code_speaks_exists(language: str) -> None:
    lost = {f"{s.key} ({s.place})" for s in _spoken() if s.key not in _catalogue(language)}
    assert not lost


@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_message_is_never_spoken(language: str) -> None:
    assert set(_catalogue(language)) - {s.key for s in _spoken()} == set()


def test_the_tables_of_this_test_are_all_needed() -> None:
    source, _ = _source()
    assert source.used == set(_families()) | set(_dynamic())


def test_the_collector_sees_the_ways_a_key_travels() -> None:
    keys = {s.key for s in _spoken()}
    assert {"consent-noted", "code-invalid"} <= keys  # turn.w, turn.text
    assert {"expert-declined", "expert-silent"} <= keys  # either, or
    assert {"proposals-none-left", "offer-nudge"} <= keys  # through a parameter, and its default
    assert {"intro-mentor", "intro-mentor-one-off"} <= keys  # a variable, and what is made of it
    assert {"pair-paused-by-other", "pair-is-closing"} <= keys  # f-strings
    assert {"page-gone", "staff-poison"} <= keys  # at the rim


def test_the_tables_agree_with_the_source_of_reasons_and_of_the_importer() -> None:
    importer = [(ROOT / "bot" / name).read_text("utf-8") for name in ("importer.py", "cells.py")]
    assert set(re.findall(r'"(import-[a-z0-9-]+)"', "".join(importer))) == set(IMPORT_ARGS)
    reasons = (ROOT / "bot" / "matching" / "reasons.py").read_text(encoding="utf-8")
    said = set(re.findall(r'Reason\(\s*"(reason-[a-z]+)"', reasons))
    assert said == set(REASON_ARGS) - {"reason-job-at"}


@pytest.mark.parametrize("language", ["fr", "en", "fr@vous"])
def test_messages_use_only_variables_the_code_gives(language: str) -> None:
    wrong = [
        f"{s.key} ({s.place}): {sorted(extra)}"
        for s in _spoken()
        if (message := _catalogue(language).get(s.key))
        and (
            extra := _of_message(message) - (PASSED_ON[s.key] if s.given is None else set(s.given))
        )
    ]
    assert not wrong


def test_both_languages_use_the_same_variables() -> None:
    french, english = _catalogue("fr"), _catalogue("en")
    assert [k for k in french if _of_message(french[k]) != _of_message(english[k])] == []


def test_a_count_chooses_among_as_many_forms_as_the_language_has() -> None:
    counted = {
        key: {name: len(_forms(_catalogue(name)[key])) for name in ("fr", "en")}
        for key in _catalogue("fr")
    }
    plural = {k for k, forms in counted.items() if forms["fr"] > 1}
    assert all(forms in ({"fr": 1, "en": 1}, {"fr": 2, "en": 2}) for forms in counted.values())
    assert plural >= {"age-days", "proposals-intro", "staff-reminded"}
    uncounted = [s for s in _spoken() if s.key in plural and "n" not in (s.given or ())]
    assert not uncounted
    assert [k for k in counted if k not in plural and "n" in _of_message(_catalogue("fr")[k])] == []


# --- tu and vous ----------------------------------------------------------------------------------

_TU: Final = re.compile(
    r"\b(?:tu|te|toi|ton|ta|tes|tiens?|tiennes?)\b|\bt’"
    # imperatives, where a clause begins: elsewhere they are a first or third person
    r"|(?:^|[.;,:!?] |\b(?:ou|et|puis) )"
    r"(?:écris|réponds|choisis|essaie|efface|envoie|redemande|ouvre|dis|reviens|prends|regarde|lis"
    r"|ajoute|touche|appuie|indique|vérifie|corrige|garde)\b"
    r"|\b(?:demande|change|fixe|modifie|donne|montre|passe|laisse)-(?:moi|lui|nous|les?|la)\b"
    r"|(?:^|[.;,:!?] |\b(?:ou|et|puis) )(?:change|fixe|demande) (?:l[ea]|un|des)\b",
    re.IGNORECASE | re.MULTILINE,
)


@pytest.mark.parametrize(
    ("text", "says_tu"),
    [
        ("Ta demande est là.", True),
        ("Je t’écris.", True),
        ("Écris-moi.", True),
        ("Redemande la liste.", True),
        ("C’est toi.", True),
        ("C’est prêt ; envoie-le.", True),
        ("Je vous écris, et ce bouton ouvre Telegram.", False),
        ("Votre demande est là.", False),
        ("La demande d’un tuteur, tout de suite.", False),
    ],
)
def test_words_that_say_tu_are_recognised(text: str, says_tu: bool) -> None:
    assert bool(_TU.search(text)) == says_tu


def test_every_message_that_says_tu_has_its_vous() -> None:
    says_tu = {key for key, text in _every("fr") if _TU.search(text)}
    assert says_tu - set(_catalogue("fr@vous")) == set()


def test_vous_never_says_tu() -> None:
    assert [text for _, text in _every("fr@vous") if _TU.search(text)] == []


def test_vous_overrides_only_what_differs() -> None:
    base = _catalogue("fr")
    for key, message in _catalogue("fr@vous").items():
        assert key in base, key
        assert _forms(message) != _forms(base[key]), key
        assert len(_forms(message)) == len(_forms(base[key])), key
        assert _of_message(message) == _of_message(base[key]), key


# --- how it is written ----------------------------------------------------------------------------

_SMALL: Final = re.compile(
    r"(?:dialogue|value|staff-state|proposal-is|pair-state|met|checkin-is)-.*|segment-(?!everybody).*|export-(?:outcome|pair|report|request)-.*|export-(?:one-off|long-term)"
    r"|agreement-(?:given|withdrawn)|class-is-.*|read-(?:line|by-house|request|pair|class|triage|answers|alert|export-.*|partners|card|exchange|held|report|words|partner-view|by-company)"
    r"|(?:field|basis|kept|period|privacy)-.*|register-(?:field|means|who|sealed)"
    r"|staff-interview-(?:asked|told|unsuited|done|declined)|staff-late-.*|staff-owner-(?:you|none)"
    r"|role-(?:owner|staff|supervisor|teacher|safeguarding)"
    r"|(?:flag-line|flag-state|letter-is|minors-lacks)-.*|minors-(?:unchecked|check-over|checked)"
    r"|words-with-guards|flag-guards|companies-(?:hides|hides-value|shows-value|will-show)|partners-link-(?:until|none)"
    r"|help-one-off|help-long-term|skipped|never-seen|expert-places-text"
    r"|triage-(?:is|level)-.*|triage-new-since|triage-hand|triage-hand-you"
)
"""Parts of sentences and cells of tables: they begin small."""


def _faults(text: str, *, french: bool) -> Iterator[str]:
    if "'" in text:
        yield "straight apostrophe"
    if '"' in text:
        yield "straight quotation mark"
    if "..." in text:
        yield "three dots for …"
    if "  " in text or text != text.strip() or " \n" in text:
        yield "spaces too many"
    if NBSP in text or NNBSP in text:
        yield "no-break space: rendering puts it"
    if re.search(r" [,.)]|\( ", text):
        yield "space on the wrong side"
    if text.count("«") != text.count("»") or text.count("“") != text.count("”"):
        yield "quotation marks do not match"
    if len(re.findall("[\U0001f300-\U0001faff\u2600-\u26ff]", text)) > 1:
        yield "more than one emoji"
    if re.search(r"[*_`<>]|\[.*\]\(", text.replace(" -> ", "")):
        yield "mark-up"
    if french:
        if re.search(r"[^\s][?!;»]|\S:(?:\s|$)|«\S", text):
            yield "no space before ? ! ; : » or after «"
        if "“" in text:
            yield "English quotation marks"
    elif re.search(r"\s[?!;:]|[«»]", text):
        yield "French spaces or quotation marks"


@pytest.mark.parametrize("name", ["fr", "fr@vous", "en"])
def test_typography(name: str) -> None:
    wrong = {
        (key, fault)
        for key, text in _every(name)
        for fault in _faults(text, french=name.startswith("fr"))
    }
    assert not wrong


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("L'équipe", "straight apostrophe"),
        ("Attends...", "three dots for …"),
        ("Deux  espaces", "spaces too many"),
        ("Vraiment?", "no space before ? ! ; : » or after «"),
        ("« Oui", "quotation marks do not match"),
        ("Un *mot* fort", "mark-up"),
    ],
)
def test_typography_sees_faults(text: str, fault: str) -> None:
    assert fault in _faults(text, french=True)


@pytest.mark.parametrize("name", ["fr", "fr@vous", "en"])
def test_messages_begin_with_a_capital(name: str) -> None:
    small = {
        key
        for key, text in _every(name)
        if re.sub(r"[^\w{]", "", text)[:1].islower() != bool(_SMALL.fullmatch(key))
        and not text.startswith("{")
        and not (_SMALL.fullmatch(key) and re.match("[A-Z0-9]", text))  # PME, French, 30
    }
    assert not small


_NEVER: Final = re.compile(
    r"\brejet|\brefus|\béchec|\bclassement|\bscore|\bmeilleur|\bnote sur|\bpourcentage|%"
    r"|\breject|\brefuse|\brank|\bbest match|\byou should\b|\btu devrais|\bvous devriez|\btu dois\b"
    r"|\bvous devez\b|\byou must\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("name", ["fr", "fr@vous", "en"])
def test_nobody_is_ranked_rejected_or_told_what_to_do(name: str) -> None:
    assert [text for _, text in _every(name) if _NEVER.search(text)] == []


# --- it can be said -------------------------------------------------------------------------------


def _sample(names: Iterable[str], n: int) -> dict[str, Any]:
    numbers = {"number", "days", "months", "minutes", "min", "max", "length", "waiting", "team"}
    return {name: (7 if name in numbers else "Zoé {x} <&>") for name in names if name != "n"} | (
        {"n": n} if "n" in names else {}
    )


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize("n", [0, 1, 2, 11])
def test_every_message_can_be_said(voice: str, n: int) -> None:
    for s in _spoken():
        given = PASSED_ON[s.key] if s.given is None else s.given
        said = VOICES[voice](s.key, **_sample(given, n))
        assert said.strip(), s.key
        assert "None" not in said, s.key
        assert "{" not in said.replace("{x}", ""), s.key


def _empty(names: Iterable[str]) -> dict[str, Any]:
    return dict.fromkeys(names, "")


@pytest.mark.parametrize("voice", VOICES)
def test_labels_fit_a_button(voice: str) -> None:
    labels = {s.key for s in _spoken() if s.label}
    assert {"accept", "ask-expert", "consent-yes"} <= labels
    for key in labels:
        names = _of_message(_catalogue(voice.partition("@")[0])[key])
        label = VOICES[voice](key, **_empty(names))
        assert len(label) <= 30, label


@pytest.mark.parametrize("voice", VOICES)
def test_texts_fit_what_the_platforms_have_for_them(voice: str) -> None:
    w = VOICES[voice]
    for command in COMMANDS.values():
        if command.listed:
            assert 3 <= len(w(command.summary)) <= 256, command.name
    for key in ("app-description", "app-command"):  # Slack's app manifest
        assert len(w(key)) <= 140
    titles = [w(key) for key in _families()["dialogue-{}"]]
    for short in (*titles, w("form-send"), w("form-close")):  # Slack's modals
        assert len(short) <= 24, short


def test_consent_data_and_erasure_say_what_they_must() -> None:
    for voice in VOICES.values():
        for key in ("data-text", "erase-sure"):
            assert "Slack" in voice(key), key
            assert "Telegram" in voice(key), key
        for platform in ("Slack", "Telegram"):
            assert platform in voice(f"erased-{platform.lower()}", days=90)
        assert "K3F9" in voice("something-failed", reference="K3F9")


def test_kinds_of_dialogues_have_names() -> None:
    kinds = {family(kind) for name in presets() for kind in load(name).questionnaires}
    assert {f"dialogue-{kind}" for kind in kinds} <= set(_catalogue("fr"))


# --- the voice itself -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Ça va ?", f"Ça va{NNBSP}?"),
        ("Oui ! Non ; si", f"Oui{NNBSP}! Non{NNBSP}; si"),
        ("Réponse : oui", f"Réponse{NBSP}: oui"),
        ("Ligne 3 :", f"Ligne 3{NBSP}:"),
        ("« oui »", f"«{NBSP}oui{NNBSP}»"),
        ("à 18:30, sans espace", "à 18:30, sans espace"),
        ("https://exemple.fr/?a=1", "https://exemple.fr/?a=1"),
        ("", ""),
    ],
)
def test_french_spaces(written: str, shown: str) -> None:
    assert french_spaces(written) == shown
    assert french_spaces(shown) == shown


def test_french_spaces_are_put_in_french_only() -> None:
    assert NNBSP in words("fr")("help-text") + words("fr")("only-text")
    assert words("fr", "vous")("only-text").endswith(f"{NNBSP}?")
    assert not {NBSP, NNBSP} & {
        c for key, _ in _every("en") for f in table("en").forms[key] for c in f
    }


@pytest.mark.parametrize(
    ("voice", "counts"),
    [
        ("fr", {0: "0 jour", 1: "1 jour", 2: "2 jours", 100: "100 jours"}),
        ("fr@vous", {0: "0 jour", 1: "1 jour", 2: "2 jours"}),
        ("en", {0: "0 days", 1: "1 day", 2: "2 days"}),
    ],
)
def test_plurals_follow_the_language(voice: str, counts: Mapping[int, str]) -> None:
    assert {n: VOICES[voice]("age-days", n) for n in counts} == counts


def test_dates_are_said_as_people_say_them() -> None:
    morning = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
    first = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)  # the first of December in Paris
    fr, en, far = words("fr"), words("en"), words("fr", zone="America/Montreal")
    assert fr.weekday(date(2026, 11, 24)) == "mardi 24 novembre"
    assert fr.weekday(first) == "mardi 1er décembre"
    assert far.weekday(first) == "lundi 30 novembre"
    assert fr.day(first) == "1er déc. 2026"
    assert fr.moment(morning) == f"mardi 24 novembre à 9{NBSP}h{NBSP}30"
    assert fr.moment(first) == f"mardi 1er décembre à 0{NBSP}h"
    assert en.weekday(first) == "Tuesday 1 December"
    assert en.moment(morning) == "Tuesday 24 November at 9:30"
    assert en.moment(first) == "Tuesday 1 December at 0:00"


def test_lists_are_said_in_the_language() -> None:
    assert words("fr").all(["a", "b", "c"]) == "a, b et c"
    assert words("en").all(["a", "b", "c"]) == "a, b and c"
    assert words("fr").all([]) == ""


def test_a_programme_s_text_is_said_in_the_language_with_its_spaces() -> None:
    text = Localised(fr="Où ?", en="Where?")
    assert words("fr").pick(text) == f"Où{NNBSP}?"
    assert words("en").pick(text) == "Where?"


@pytest.mark.parametrize(
    ("wanted", "spoken"),
    [("en", "en"), ("en-GB", "en"), ("EN_us", "en"), ("fr-FR", "fr"), ("de", "fr"), (None, "fr")],
)
def test_the_language_is_french_unless_english_is_wanted(wanted: str | None, spoken: str) -> None:
    assert language(wanted) == spoken


def test_vous_falls_back_to_the_base() -> None:
    assert words("fr", "vous")("accept") == words("fr")("accept")
    assert words("fr", "vous")("request-title") != words("fr")("request-title")
    assert words("en", "vous")("request-title") == words("en")("request-title")
    assert words("fr", "vous").has("accept")
    assert not words("fr", "vous").has("no-such-message")


def test_a_message_that_does_not_exist_is_a_fault() -> None:
    with pytest.raises(KeyError):
        Words("fr")("no-such-message")
