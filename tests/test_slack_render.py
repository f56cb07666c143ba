"""Block Kit: golden renders, and any message at all against Slack's limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.messages import Choice, Field, Form, Home, Line, Message, Option, Pick, Table
from handlers.local.slack_limits import all_texts, check_blocks, check_view, interpreted_texts
from handlers.slack import render

GOLDEN = Path(__file__).parent / "golden" / "slack"
FRENCH = render.Labels(placeholder="Choisis…", colon=" : ")

SITUATION = (
    Choice("Élève en dernière année", "a:c7:situation:student"),
    Choice("En poste", "a:c7:situation:employed", style="primary"),
    Choice("Entre deux postes", "a:c7:situation:between"),
)
QUIET = (Choice("Retour", "n:c7:back"), Choice("Arrêter", "n:c7:cancel"))

MESSAGES: dict[str, Message] = {
    "question": Message("Où en es-tu ?", choices=SITUATION, quiet=QUIET, note="Question 2 sur 7"),
    "menu": Message(
        "Quel secteur ?",
        choices=tuple(Choice(f"Secteur {n}", f"a:c7:sector:s{n}") for n in range(8)),
        placeholder="Un secteur",
        quiet=QUIET,
    ),
    "pick": Message(
        "Quels sujets ?",
        pick=Pick(
            "a:c7:topics:",
            (Option("cv", "CV", chosen=True), Option("pay", "Salaire")),
            Choice("Valider", "a:c7:topics:done"),
        ),
        quiet=QUIET,
    ),
    "review": Message(
        "Voici tes réponses.",
        title="Ma demande",
        lines=(
            Line("En poste", "Situation", Choice("Modifier", "a:c7:situation:?")),
            Line("*gras* <!channel> & co", "Souhait", Choice("Modifier", "a:c7:wish:?")),
            Line("Une ligne sans bouton"),
            Line("Une autre", "Et"),
        ),
        form=Choice("Tout modifier", "n:c7:form"),
        choices=(
            Choice("Envoyer", "n:c7:resume", style="primary"),
            Choice("Effacer", "x:e:1:1", "danger"),
        ),
        notice="Ta demande est prête",
    ),
    "table": Message(
        "Bilan 2026T3",
        table=Table(
            ("Lauréat", "Rapports"),
            (("Zoé Hébert", "2"), ("陳大文", "10"), ("<b>Bob</b> & fils", "0")),
        ),
    ),
    "link": Message(
        "Continue sur Telegram", choices=(Choice("Ouvrir", url="https://t.me/x?start=1"),)
    ),
}

FORM = Form(
    "f:c7:p1",
    "Ta situation, en quelques questions",
    "Envoyer",
    "Fermer",
    (
        Field("wish", "text", "Ton souhait", hint="Deux phrases", multiline=True, max_length=800),
        Field(
            "delay",
            "choice",
            "Quel délai ?",
            options=(Option("now", "Vite"), Option("later", "Plus tard")),
            initial="later",
        ),
        Field("town", "choice", "Ville", options=(Option("lyon", "Lyon"),), optional=True),
        Field(
            "topics",
            "many",
            "Sujets",
            options=tuple(Option(f"t{n}", f"Sujet {n}") for n in range(12)),
            initial=("t3", "t11"),
        ),
        Field("some", "many", "Peu", options=(Option("a", "A"), Option("b", "B", chosen=True))),
        Field("day", "date", "Depuis quand ?", initial="2026-02-29", optional=True),
        Field("end", "date", "Jusqu’à quand ?", initial="2026-02-28"),
    ),
    intro="Rien n’est transmis sans ton accord.",
)


def same_as_golden(name: str, rendered: Any, update: bool) -> None:
    path = GOLDEN / f"{name}.json"
    text = json.dumps(rendered, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if update:
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update", default=False))


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_messages_look_as_agreed(name: str, update: bool) -> None:
    message = MESSAGES[name]
    blocks = render.blocks(message, FRENCH)
    assert check_blocks(blocks, "message").messages == []
    same_as_golden(name, {"blocks": blocks, "text": render.fallback(message, FRENCH)}, update)


def test_form_looks_as_agreed(update: bool) -> None:
    view = render.modal(FORM, FRENCH)
    assert check_view(view, "modal").messages == []
    same_as_golden("form", view, update)


def test_home_looks_as_agreed(update: bool) -> None:
    view = render.home_view(Home((MESSAGES["review"], MESSAGES["question"])), FRENCH)
    assert check_view(view, "home").messages == []
    same_as_golden("home", view, update)


# --- any message at all ----------------------------------------

NASTY = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "",
            " \n ",
            "\x00\x07",
            "\u200b",
            "<!channel> <@U1> *b* & <https://x|y>",
            "👩🏽‍🚀" * 60,
            "🇫🇷" * 50,
            "e\u0301" * 90,
            "\u202e\u05e9\u05dc\u05d5\u05dd" * 40,
            "مرحبا " * 100,
            "x" * 4000,
            "&" * 3100,
            "\ud800lone",
            "a\n" * 1600,
        ]
    ),
)
TOKEN = st.from_regex(r"[a-z]:[a-z0-9]{1,10}:[a-z0-9:]{0,40}", fullmatch=True)
URL = st.sampled_from(
    [
        None,
        None,
        None,
        "https://example.org/a?b=c",
        "javascript:alert(1)",
        "https://a b",
        "http://" + "a" * 3100,
    ]
)
CHOICE = st.builds(
    Choice,
    NASTY,
    st.one_of(st.just(""), TOKEN),
    st.sampled_from(["plain", "primary", "danger"]),
    URL,
)
OPTION = st.builds(Option, st.one_of(TOKEN, st.just("")), NASTY, st.booleans(), TOKEN)


def many(of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Few, or many made from a few: hypothesis draws the few and they are repeated."""
    few = st.lists(of, max_size=6).map(tuple)
    return st.one_of(few, st.tuples(few, st.sampled_from([3, 20, 40])).map(lambda p: p[0] * p[1]))


def numbered(choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
    return tuple(
        Choice(c.label, f"{c.token}{n}" if c.token else "", c.style, c.url)
        for n, c in enumerate(choices)
    )


def numbered_options(options: tuple[Option, ...]) -> tuple[Option, ...]:
    return tuple(
        Option(f"{o.value}{n}" if o.value else "", o.label, o.chosen) for n, o in enumerate(options)
    )


CHOICES = st.one_of(many(CHOICE), many(CHOICE).map(numbered))
OPTIONS = st.one_of(many(OPTION), many(OPTION).map(numbered_options))
MESSAGE = st.builds(
    Message,
    text=NASTY,
    title=st.none() | NASTY,
    lines=many(st.builds(Line, NASTY, st.none() | NASTY, st.none() | CHOICE)),
    table=st.none()
    | st.builds(
        Table, st.lists(NASTY, max_size=4).map(tuple), many(st.lists(NASTY, max_size=5).map(tuple))
    ),
    choices=CHOICES,
    pick=st.none() | st.builds(Pick, TOKEN, OPTIONS, CHOICE, NASTY),
    form=st.none() | CHOICE,
    quiet=CHOICES,
    note=st.none() | NASTY,
    notice=st.none() | NASTY,
    placeholder=st.none() | NASTY,
)
FIELD = st.builds(
    Field,
    id=st.sampled_from(["a", "b", "c", "d"]),
    kind=st.sampled_from(["text", "choice", "many", "date"]),
    label=NASTY,
    hint=st.none() | NASTY,
    options=OPTIONS,
    initial=st.none() | NASTY | st.lists(NASTY, max_size=3).map(tuple) | st.just("2026-11-21"),
    placeholder=st.none() | NASTY,
    optional=st.booleans(),
    max_length=st.none() | st.integers(0, 5000),
    multiline=st.booleans(),
)
QUICK = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@QUICK
@given(MESSAGE)
def test_slack_takes_any_message(message: Message) -> None:
    blocks = render.blocks(message, FRENCH)
    report = check_blocks(blocks, "message")
    assert report.messages == []
    assert not report.too_long
    assert list(interpreted_texts(blocks)) == []  # nothing anybody wrote is ever mark-up
    text = render.fallback(message, FRENCH)
    assert 0 < len(text) <= 4000
    assert "<" not in text
    assert ">" not in text
    for shown in all_texts(blocks):
        shown.encode("utf-8")  # no half characters
        assert not any(ord(c) < 32 and c != "\n" for c in shown)


@settings(QUICK, max_examples=25)
@given(st.lists(MESSAGE, max_size=8).map(lambda some: Home(tuple(some))))
def test_slack_takes_any_home(home: Home) -> None:
    view = render.home_view(home, FRENCH)
    assert check_view(view, "home").messages == []
    assert list(interpreted_texts(view)) == []


@QUICK
@given(
    st.builds(
        Form, TOKEN, NASTY, NASTY, NASTY, st.lists(FIELD, max_size=6).map(tuple), st.none() | NASTY
    )
)
def test_slack_takes_any_form(form: Form) -> None:
    view = render.modal(form, FRENCH)
    assert check_view(view, "modal").messages == []
    assert list(interpreted_texts(view)) == []
    assert view["private_metadata"] == form.token


@given(st.text(), st.integers(1, 40))
def test_pieces_lose_nothing_but_gaps(text: str, limit: int) -> None:
    parts = render.pieces(text, limit)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(render.units(part) <= limit or len(part) == 1 for part in parts)


# --- particular promises ----------------------------------------


def elements(blocks: list[Any], kind: str) -> list[Any]:
    found = [e for b in blocks for e in [*b.get("elements", []), b.get("accessory") or {}]]
    return [e for e in found if e.get("type") == kind]


@pytest.mark.parametrize(
    ("count", "kind"), [(1, "button"), (5, "button"), (6, "static_select"), (100, "static_select")]
)
def test_beyond_five_a_menu_reads_better(count: int, kind: str) -> None:
    message = Message("?", choices=tuple(Choice(f"n{n}", f"a:c:q:{n}") for n in range(count)))
    found = elements(render.blocks(message), kind)
    values = (
        [e["value"] for e in found]
        if kind == "button"
        else [o["value"] for o in found[0]["options"]]
    )
    assert values == [f"a:c:q:{n}" for n in range(count)]


def test_over_a_hundred_go_into_groups_and_none_is_lost() -> None:
    message = Message(
        "?", choices=tuple(Choice(f"Expert {n:03}", f"a:c:q:{n}") for n in range(450))
    )
    (menu,) = elements(render.blocks(message), "static_select")
    assert [len(g["options"]) for g in menu["option_groups"]] == [100, 100, 100, 100, 50]
    assert menu["option_groups"][1]["label"]["text"] == "Expert 100 – Expert 199"
    assert len({o["value"] for g in menu["option_groups"] for o in g["options"]}) == 450


def test_ten_thousand_entries_fit_a_form() -> None:
    options = tuple(Option(f"v{n}", f"Expert {n}") for n in range(10_000))
    view = render.modal(
        Form("f", "T", "S", "C", (Field("who", "choice", "Qui ?", options=options),))
    )
    assert check_view(view, "modal").messages == []
    groups = view["blocks"][0]["element"]["option_groups"]
    assert sum(len(g["options"]) for g in groups) == 10_000


def test_what_is_left_out_is_counted() -> None:
    message = Message(
        "Liste",
        lines=tuple(Line(f"ligne {n}", None, Choice("Voir", f"r:v:{n}")) for n in range(80)),
    )
    blocks = render.blocks(message)
    shown = len(elements(blocks, "button"))
    assert blocks[-1]["text"]["text"] == f"… (+{80 - shown})"
    assert shown >= 40


def test_lines_without_buttons_share_a_section() -> None:
    blocks = render.blocks(Message("", lines=(Line("Lyon", "Ville"), Line("rien"))), FRENCH)
    assert [b["text"]["text"] for b in blocks] == ["Ville : Lyon\nrien"]


def test_a_private_text_never_reaches_the_notification() -> None:
    message = Message("Je traverse un burn-out", notice="Un message t’attend")
    assert render.fallback(message) == "Un message t’attend"


def test_a_family_or_a_flag_is_never_cut() -> None:
    family = "👩🏽‍👩🏽‍👧🏽"
    assert render.shorten(f"ab{family}cd", 8) == "ab…"
    assert render.shorten("🇫🇷🇩🇪🇮🇹", 10) == "🇫🇷🇩🇪…"
    assert render.shorten("🇫🇷🇩🇪🇮🇹", 8) == "🇫🇷…"
    assert render.shorten("Zoe\u0301 Hébert", 4) == "Zo…"
    assert render.shorten("court", 5) == "court"


def test_a_table_is_aligned_for_wide_letters_too() -> None:
    (table,) = [b for b in render.blocks(MESSAGES["table"]) if b["type"] == "rich_text"]
    lines = table["elements"][0]["elements"][0]["text"].split("\n")
    assert lines[0].index("Rapports") == 19  # two after the longest cell
    assert lines[3].index("10") == 16  # three letters of double width before it


def test_entries_already_chosen_are_shown_chosen() -> None:
    (menu,) = elements(render.blocks(MESSAGES["pick"]), "multi_static_select")
    assert [o["value"] for o in menu["initial_options"]] == ["cv"]


def test_an_answer_longer_than_its_limit_is_still_shown_whole() -> None:
    field = Field("a", "text", "?", initial="x" * 900, max_length=500)
    element = render.modal(Form("f", "T", "S", "C", (field,)))["blocks"][0]["element"]
    assert element["initial_value"] == "x" * 900
    assert element["max_length"] == 900
