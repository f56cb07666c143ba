"""Whatever a message holds, it goes out within Telegram's limits, and never as mark-up."""

import json
import unicodedata
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import Choice, File, Home, Line, Message, Option, Pick, Table
from handlers.local.telegram_text import found_entities
from handlers.telegram import adapter
from handlers.telegram.render import Rendered, linkable, page_of, render
from handlers.telegram.text import clip, units

GOLDEN: Final = Path(__file__).parent / "golden" / "telegram"


# --- an independent reading of the Bot API's limits --------------------------------------------


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2  # raises on a lone surrogate


def check(sent: Rendered) -> None:
    """Fail on anything Telegram would refuse, or would show otherwise than we meant."""
    arguments = sent.arguments()
    json.dumps(arguments).encode()
    assert "parse_mode" not in arguments
    text = arguments.get("caption" if sent.file else "text", "")
    assert utf16(text) <= (1024 if sent.file else 4096)
    assert sent.file or text.strip()
    assert text == text.rstrip()
    assert all(c == "\n" or unicodedata.category(c) not in {"Cc", "Cs"} for c in text)
    check_entities(text, arguments.get("caption_entities" if sent.file else "entities", []))
    if sent.file:
        assert sent.file.content
        assert 1 <= len(sent.file.name.encode()) <= 250
        assert not set(sent.file.name) & set("/\\\0\n")
    if "reply_markup" in arguments:
        check_markup(arguments["reply_markup"])


def check_entities(text: str, entities: list[dict[str, Any]]) -> None:
    assert len(entities) <= 100
    raw, end = text.encode("utf-16-le"), 0
    for entity in entities:
        assert entity.keys() == {"type", "offset", "length"}
        assert entity["type"] in {"bold", "italic", "pre", "code"}
        assert entity["length"] > 0
        assert entity["offset"] >= end, "entities overlap or are out of order"
        end = entity["offset"] + entity["length"]
        assert end <= utf16(text)
        raw[entity["offset"] * 2 : end * 2].decode("utf-16-le")  # raises inside a surrogate pair


def check_markup(markup: dict[str, Any]) -> None:
    if "force_reply" in markup:
        assert markup["force_reply"] is True
        assert 1 <= utf16(markup["input_field_placeholder"]) <= 64
        return
    rows = markup["inline_keyboard"]
    assert 1 <= sum(map(len, rows)) <= 100
    for row in rows:
        assert 1 <= len(row) <= 8
        for button in row:
            assert button["text"].strip()
            assert utf16(button["text"]) <= 64
            assert "\n" not in button["text"]
            assert ("url" in button) != ("callback_data" in button)
            if "callback_data" in button:
                assert 1 <= len(button["callback_data"].encode()) <= 64
            else:
                assert linkable(button["url"])
            assert button.get("style") in {None, "primary", "danger"}


# --- any message ------------------------------------------------------------------------------

ODD: Final = (
    "", " ", "\n", "\x00", "\ud83d", "\udc4d\ud83d", "<b>&*_`[", "👨‍👩‍👧‍👦", "🇫🇷🇧🇪", "e\u0301" * 40,
    "مرشد", "\u202eevil", "\u200b", "\u2800", "@channel /effacer", "x" * 5000, "👍🏽" * 2100,
    "Marie-Thérèse de La Rochefoucauld-Montmorency", "ligne\r\nautre\u2028encore\tfin",
)  # fmt: skip
texts = st.sampled_from(ODD) | st.text(st.characters(), max_size=30)
tokens = st.sampled_from(["a:7:situation:employed", "n:7:back", "", "é" * 40, "x" * 65, "x" * 64])
urls = st.none() | st.sampled_from([
    "https://example.org/a?b=c", "http://localhost:8080/x", "javascript:x", "https://[",
    "tg://resolve?domain=b", "https://exa mple.org", "http://127.0.0.1:1/", "",
])  # fmt: skip
choices = st.builds(Choice, texts, tokens, st.sampled_from(["plain", "primary", "danger"]), urls)


def many(strategy: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[tuple[Any, ...]]:
    """A few different ones, over and over up to a number: as hard as many, and quick to draw."""
    few = st.lists(strategy, min_size=1, max_size=3)
    return st.builds(
        lambda some, count: tuple(islice(cycle(some), count)),
        few,
        st.sampled_from([0, 1, 2, 9, 13, most]),
    )


options = st.builds(Option, st.just("v"), texts, st.booleans(), tokens)
picks = st.builds(Pick, tokens, many(options, 130), choices, texts)
lines = st.builds(Line, texts, st.none() | texts, st.none() | choices)
tables = st.builds(
    Table,
    st.lists(texts, max_size=6).map(tuple),
    many(st.lists(texts, max_size=7).map(tuple), 120),
)
files = st.builds(File, texts, st.binary(max_size=3))
messages = st.builds(
    Message,
    text=texts,
    title=st.none() | texts,
    lines=many(lines, 110),
    table=st.none() | tables,
    choices=many(choices, 120),
    pick=st.none() | picks,
    form=st.none() | choices,
    quiet=many(choices, 110),
    note=st.none() | texts,
    notice=st.none() | texts,
    placeholder=st.none() | texts,
    file=st.none() | files,
)


@given(messages, st.integers(0, 2**63 - 1), st.integers(-2, 200))
def test_any_message_is_taken(message: Message, row: int, page: int) -> None:
    check(render(message, row, page))


@given(st.lists(messages, max_size=4))
def test_any_home_is_taken(sections: list[Message]) -> None:
    check(render(Home(tuple(sections)), 1))


@given(texts, st.integers(0, 200))
def test_clip_cuts_between_graphemes(text: str, limit: int) -> None:
    short = clip(text, limit)
    assert units(short) <= limit
    if short != text and short:
        assert short.endswith("…")
        assert text.startswith(short[:-1].rstrip())


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abcdef", 4, "abc…"),
        ("abc", 3, "abc"),
        ("ab 👍🏽", 6, "ab…"),  # the skin tone stays with its thumb
        ("👨‍👩‍👧‍👦 b", 8, "…"),
        ("a🇫🇷🇧🇪", 8, "a🇫🇷…"),
        ("cafe\u0301s", 5, "caf…"),
        ("abc", 0, ""),
    ],
)
def test_clip(text: str, limit: int, expected: str) -> None:
    assert clip(text, limit) == expected


# --- what is reachable ------------------------------------------------------------------------


def buttons(sent: Rendered) -> list[dict[str, Any]]:
    rows = sent.keyboard["inline_keyboard"] if sent.keyboard else []
    return [button for row in rows for button in row]


def pages(message: Message, row: int = 77) -> Iterator[Rendered]:
    """Follow the button that leads on, as a person would."""
    page: int | None = 0
    while page is not None:
        sent = render(message, row, page)
        yield sent
        turns = [page_of(b.get("callback_data", "")) for b in buttons(sent)]
        following = [t[1] for t in turns if t and t[1] > page]
        assert all(t[0] == row for t in turns if t)
        page = following[0] if following else None


@pytest.mark.parametrize("count", [12, 13, 16, 17, 100, 130])
def test_every_option_can_be_reached(count: int) -> None:
    every = tuple(Choice(f"Option {n}", f"a:7:city:c{n}") for n in range(count))
    back = Choice("Retour", "n:7:back")
    seen: list[str] = []
    for sent in pages(Message("Où ?", choices=every, quiet=(back,))):
        check(sent)
        *tokens_shown, last = [b["callback_data"] for b in buttons(sent)]
        assert last == "n:7:back"
        answers = [t for t in tokens_shown if t.startswith("a:")]
        assert len(answers) <= (12 if count == 12 else 8)
        seen += answers
    assert seen == [c.token for c in every]


def test_pages_lead_back_too() -> None:
    every = tuple(Choice(f"{n}", f"a:7:city:c{n}") for n in range(20))
    middle = render(Message("Où ?", choices=every), 77, 1)
    turns = [page_of(b["callback_data"]) for b in buttons(middle)]
    assert [t for t in turns if t] == [(77, 0), (77, 2)]
    assert render(Message("Où ?", choices=every), 77, 99) == render(
        Message("Où ?", choices=every), 77, 2
    )


def test_toggles_and_done_on_every_page() -> None:
    every = tuple(Option(f"v{n}", f"Sujet {n}", n == 2, f"t:7:topics:v{n}") for n in range(30))
    message = Message("Lesquels ?", pick=Pick("k:7:topics", every, Choice("Valider", "d:7:topics")))
    shown = list(pages(message))
    assert len(shown) == 4
    assert all(buttons(sent)[-1]["callback_data"] == "d:7:topics" for sent in shown)
    labels = [b["text"] for sent in shown for b in buttons(sent)]
    assert "☑ Sujet 2" in labels
    assert "☐ Sujet 3" in labels


@pytest.mark.parametrize(
    "token", ["p:0:1", "p:7:", "p:7:-1", "p:٣:1", "p:7:01", "a:7:b:c", "p:7:1 ", "p:7:1:2", ""]
)
def test_other_tokens_turn_no_page(token: str) -> None:
    assert page_of(token) is None


# --- no mark-up, nothing cut silently ----------------------------------------------------------


def test_what_people_type_stays_text() -> None:
    typed = "<b>*gras*</b> _x_ `y` [z](http://evil.example) &amp;"
    sent = render(Message(typed, lines=(Line(typed, "Objectif"),)))
    assert sent.text == f"{typed}\n\nObjectif · {typed}"
    assert [e["type"] for e in sent.entities] == ["code", "code", "bold", "code", "code"]
    assert found_entities(sent.text, sent.entities) == []


def test_what_telegram_would_make_pressable_is_code_and_what_is_ours_is_not() -> None:
    typed = "Écris à moi@la.fr, @moi_meme, https://la.fr/a?b=1, la.fr, /effacer ou #ici : $EUR !"
    lines = (Line(typed, "/effacer"), Line("Demander", "/demande", command=True))
    sent = render(Message(typed, title=typed, lines=lines, note=typed))
    pressable = found_entities(sent.text, sent.entities)
    assert [e["type"] for e in pressable] == ["bot_command"]
    raw = sent.text.encode("utf-16-le")
    [own] = pressable
    assert raw[2 * own["offset"] : 2 * (own["offset"] + own["length"])].decode("utf-16-le") == (
        "/demande"
    )
    words = {
        raw[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le")
        for e in sent.entities
        if e["type"] == "code"
    }
    assert words == {
        "moi@la.fr", "@moi_meme", "https://la.fr/a?b=1,", "la.fr", "/effacer", "#ici", "$EUR",
    }  # fmt: skip


@pytest.mark.parametrize("many", ["https://la.fr ", "@quelqu_un ", "/effacer x "])
def test_hundreds_of_them_are_inert_too(many: str) -> None:
    sent = render(Message(many * 250, lines=tuple(Line(many, "Nom") for _ in range(40))))
    assert found_entities(sent.text, sent.entities) == []
    check_entities(sent.text, list(sent.entities))
    assert "parse_mode" not in sent.arguments()
    assert sent.arguments()["link_preview_options"] == {"is_disabled": True}


def test_lines_over_the_limit_are_counted() -> None:
    sent = render(Message("Liste", lines=tuple(Line("x" * 90, f"n{n}") for n in range(100))))
    check(sent)
    shown = sent.text.count(" · ")
    assert 38 <= shown < 45
    assert sent.text.endswith(f"\n… (+{100 - shown})")


def test_rows_over_the_limit_are_counted() -> None:
    sent = render(Message("Bilan", table=Table(("Nom", "Dernier"), (("Léa", "3 nov."),) * 900)))
    check(sent)
    assert sent.text.rpartition("\n")[2].startswith("… (+")
    [pre] = [e for e in sent.entities if e["type"] == "pre"]
    assert pre["length"] > 3500


def test_title_and_note_survive_a_long_text() -> None:
    sent = render(Message("mot " * 3000, title="Titre", note="Petite note"))
    check(sent)
    assert sent.text.startswith("Titre\n\nmot ")
    assert sent.text.endswith("…\n\nPetite note")
    assert [e["type"] for e in sent.entities] == ["bold", "italic"]


def test_a_link_telegram_refuses_is_written_out() -> None:
    sent = render(Message("Voir", choices=(Choice("La page", url="http://localhost:8080/a"),)))
    assert "http://localhost:8080/a" in sent.text
    assert sent.reply_markup is None


def test_placeholder_only_without_buttons() -> None:
    asked = Message("Ton objectif ?", placeholder="Écris ici")
    assert render(asked).reply_markup == {
        "force_reply": True,
        "input_field_placeholder": "Écris ici",
    }
    assert render(asked).keyboard is None
    with_button = Message("?", placeholder="Écris ici", quiet=(Choice("Retour", "n:7:back"),))
    assert "inline_keyboard" in (render(with_button).reply_markup or {})


def test_same_labels_are_told_apart() -> None:
    edit = Choice("Modifier", "e:7:situation")
    sent = render(
        Message(
            "Résumé",
            lines=(
                Line("En poste", "Situation", edit),
                Line("Paris", "Ville", Choice("Modifier", "e:7:city")),
                Line("autre", "Autre"),
            ),
        )
    )
    assert [b["text"] for b in buttons(sent)] == ["Modifier · Situation", "Modifier · Ville"]


def test_a_document_without_words_has_no_caption() -> None:
    sent = render(Message("", file=File("../bilan/2026.csv", b"a;b\n")))
    assert sent.file == File(".._bilan_2026.csv".strip(" ."), b"a;b\n")
    assert sent.arguments() == {}


# --- golden -----------------------------------------------------------------------------------

GOLDENS: Final[dict[str, Message | Home]] = {
    "question": Message(
        "Où en es-tu ?",
        choices=(
            Choice("Élève en dernière année", "a:7:situation:student"),
            Choice("En poste", "a:7:situation:employed"),
            Choice("Entre deux postes", "a:7:situation:between"),
        ),
        form=Choice("Tout remplir", "f:7:1"),
        quiet=(Choice("Retour", "n:7:back"), Choice("Arrêter", "n:7:cancel")),
        placeholder="Ta réponse",
    ),
    "summary": Message(
        "Voici ce que j’ai noté.",
        title="Ta demande 🎯",
        lines=(
            Line("En poste", "Situation", Choice("Modifier", "e:7:situation")),
            Line(
                "Changer de métier, sans <hâte> & sans *bruit*",
                "Objectif",
                Choice("Modifier", "e:7:goal"),
            ),
        ),
        choices=(
            Choice("Envoyer", "n:7:confirm", "primary"),
            Choice("Abandonner", "n:7:cancel", "danger"),
        ),
        note="Seul ton mentor la lira.",
        notice="Un résumé t’attend",
    ),
    "toggles": Message(
        "Sur quels sujets ?",
        pick=Pick(
            "k:7:topics",
            tuple(
                Option(f"t{n}", f"Sujet {n}", n in {1, 9}, f"t:7:topics:t{n}") for n in range(14)
            ),
            Choice("Valider", "d:7:topics", "primary"),
            "Choisir",
        ),
        quiet=(Choice("Passer", "n:7:skip"),),
    ),
    "table": Message(
        "Binômes sans nouvelles",
        table=Table(
            ("Nom", "Mentor", "Vu"), (("Léa Morvan", "Amina 株", "3 nov."), ("Jo", "Paul", "—"))
        ),
    ),
    "home": Home(
        (
            Message("Rien à faire.", title="À faire"),
            Message(
                "",
                title="Tes binômes",
                lines=(Line("Paul, 3 rencontres", choice=Choice("Voir", "x:pair:5:1")),),
            ),
            Message(
                "",
                choices=(
                    Choice("Nouvelle demande", "r:demande:"),
                    Choice("Site", url="https://example.org"),
                ),
            ),
        )
    ),
    "document": Message(
        "Le bilan du trimestre", title="Bilan", file=File("bilan-2026T3.csv", b"nom;vu\n")
    ),
    "free_text": Message("Ton objectif ?", placeholder="Une phrase suffit"),
}


@pytest.mark.parametrize("name", GOLDENS)
def test_golden(name: str, request: pytest.FixtureRequest) -> None:
    sent = render(GOLDENS[name], 4242)
    check(sent)
    drawn = json.dumps(sent.arguments(), ensure_ascii=False, indent=2) + "\n"
    path = GOLDEN / f"{name}.json"
    if request.config.getoption("--update", default=False):
        path.write_text(drawn)
    assert drawn == path.read_text()


def test_no_orphan_golden() -> None:
    assert {p.stem for p in GOLDEN.glob("*.json")} == GOLDENS.keys()


def test_a_page_is_turned_whatever_the_client_says_it_speaks() -> None:
    chat = {"message_id": 7, "chat": {"id": 9}}
    for spoken, locale in (("en", "en"), (["fr"], None), (None, None)):
        query = {"id": "1", "data": "p:1:2", "message": chat, "from": {"language_code": spoken}}
        turned = adapter._turned(query)
        assert turned is not None
        assert turned.locale == locale
