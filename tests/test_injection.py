"""A short form of `make injection`, and that it would notice."""

import pytest

from bot.exporter import write_csv
from bot.messages import Line, Message
from handlers.slack import render as slack
from handlers.telegram import text as telegram_text
from tests.injection import shown
from tests.injection.texts import texts


@pytest.mark.timeout(240)  # of processor time it takes a few seconds
def test_what_people_wrote_is_shown_as_the_words_that_it_is() -> None:
    found = shown.look_at(0, share=0.1, seed=3)
    assert found.faults == []
    assert found.messages > 200
    assert len(found.met) > 5


def test_there_are_five_hundred_texts_and_each_file_shows_them_as_cells() -> None:
    every = texts()
    assert len(set(every)) == 500
    assert list(shown._in_file("x.csv", write_csv(["=a"], [[one] for one in every]))) == []


def test_what_would_be_acted_on_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    message = Message("\n".join(texts()[:120]), lines=(Line("<!channel>", "@quelqu_un"),))
    assert [*shown._on_slack(message), *shown._on_telegram(message)] == []
    monkeypatch.setattr(slack, "escape", lambda text: text)
    assert any("notice" in what for what in shown._on_slack(message))
    monkeypatch.setattr(telegram_text.Rich, "_pressable", lambda self, text, given: [])
    assert any("@quelqu_un" in what for what in shown._on_telegram(message))
    assert list(shown._in_file("x.csv", "\ufeffa;=1+1\r\n".encode()))
