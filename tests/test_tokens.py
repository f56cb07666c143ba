"""Buttons: every token comes back equal, fits 64 bytes, and nothing makes `decode` raise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogue.engine import (
    Answer,
    Back,
    Cancel,
    Confirm,
    Done,
    Edit,
    Pick,
    Resume,
    Same,
    Skip,
    Toggle,
)
from bot.dialogue.tokens import (
    MAX_BYTES,
    MAX_ID,
    ActToken,
    DialogueToken,
    FormToken,
    RunToken,
    Token,
    decode,
    encode,
)

ids = st.integers(1, MAX_ID)
questions = st.from_regex(r"[a-z][a-z0-9_]{0,19}", fullmatch=True)
values = st.from_regex(
    r"[a-z0-9][a-z0-9_-]{0,19}|p:[1-9][0-9]{0,17}|[0-9]{4}-[0-9]{2}-[0-9]{2}", fullmatch=True
)
inputs = st.one_of(
    st.builds(Answer, questions, values),
    st.builds(Toggle, questions, values),
    st.builds(Pick, questions),
    st.builds(Done, questions),
    st.builds(Edit, questions),
    st.builds(Same, questions),
    st.sampled_from([Back(), Skip(), Cancel(), Resume(), Confirm()]),
)
tokens = st.one_of(
    st.builds(DialogueToken, ids, inputs),
    st.builds(FormToken, ids, st.integers(1, 99)),
    st.builds(
        ActToken,
        st.from_regex(r"[a-z][a-z0-9-]{0,23}", fullmatch=True),
        ids,
        st.integers(0, MAX_ID),
    ),
    st.builds(
        RunToken,
        st.from_regex(r"[a-z][a-z0-9-]{0,19}", fullmatch=True),
        st.from_regex(r"[!-~]{0,40}", fullmatch=True),
    ),
)


@given(tokens)
def test_round_trip_within_the_limit_of_telegram(token: Token) -> None:
    text = encode(token)
    assert 1 <= len(text.encode("ascii")) <= MAX_BYTES
    assert decode(text) == token


@given(st.text() | st.from_regex(r"[atkdesnfxr]:[0-9a-zA-Z_:é-]{0,70}"))
def test_decode_never_raises_and_knows_one_spelling_only(text: str) -> None:
    token = decode(text)
    assert token is None or encode(token) == text


@pytest.mark.parametrize(
    ("token", "text"),
    [
        (DialogueToken(7, Answer("situation", "employed")), "a:7:situation:employed"),
        (DialogueToken(1024, Toggle("topics", "energy")), "t:100:topics:energy"),
        (DialogueToken(31, Done("topics")), "d:v:topics"),
        (DialogueToken(31, Pick("topics")), "k:v:topics"),
        (DialogueToken(31, Edit("topics")), "e:v:topics"),
        (DialogueToken(31, Same("topics")), "s:v:topics"),
        (DialogueToken(2, Confirm()), "n:2:confirm"),
        (DialogueToken(2, Answer("who", "p:12")), "a:2:who:p:12"),
        (FormToken(33, 2), "f:11:2"),
        (ActToken("accept", 32, 3), "x:accept:10:3"),
        (RunToken("bilan", "2026T4"), "r:bilan:2026T4"),
        (RunToken("aide"), "r:aide:"),
    ],
)
def test_the_grammar_is_that_of_the_design(token: Token, text: str) -> None:
    assert encode(token) == text
    assert decode(text) == token


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a:7:situation",
        "a:0:situation:x",
        "a:07:situation:x",
        "a:-7:situation:x",
        "a:7:Situation:x",
        "a:7:situation:é",
        "a:7:situation:" + "x" * 21,
        "a:7:situation:x\n",
        "a:zz:situation:x",
        "a:vvvvvvvvvvvvv:situation:x",
        "n:7:confirm:now",
        "n:7:dance",
        "f:7:0",
        "x:accept:0:1",
        "x:accept:7",
        "x:accept:7:vvvvvvvvvvvvv",
        "r:bilan",
        "r:bilan:deux mots",
        "q:7:x",
    ],
)
def test_garbage_is_none(text: str) -> None:
    assert decode(text) is None


@pytest.mark.parametrize(
    "token",
    [
        DialogueToken(0, Back()),
        DialogueToken(-3, Back()),
        DialogueToken(2**63, Back()),
        DialogueToken(1, Answer("q", "x" * 21)),
        DialogueToken(1, Answer("q", "deux mots")),
        DialogueToken(1, Answer("q", "")),
        DialogueToken(1, Pick("q", ("a",))),
        DialogueToken(1, Edit("Q")),
        FormToken(1, 0),
        ActToken("accept", 1, 2**63),
        RunToken("bilan", "x" * 41),
        RunToken("bilan", "é"),
    ],
)
def test_what_does_not_fit_a_button_is_refused(token: Token) -> None:
    with pytest.raises(ValueError, match="does not fit a button"):
        encode(token)
