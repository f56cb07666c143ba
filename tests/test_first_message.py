"""The first message says who, why, how long and whom to ask, in each preset, on both platforms."""

import json
import re
import tomllib
from importlib.resources import files
from typing import Any

import pytest

from bot.events import Author, Opened, Said
from bot.messages import Message
from bot.programmes.load import load, presets
from handlers.slack.render import blocks
from handlers.telegram.render import render
from tests.stand import Stand

PERIODS = {
    "ax-accompagnement": ("1 an", "30 jours"),
    "ax-mentorat": ("1 an", "30 jours"),
    "emergence": ("1 an", "3 ans pour les rapports", "30 jours"),
    "rencontres-lycee": ("1 an", "3 ans pour les messages", "30 jours"),
}
ENGLISH = {"1 an": "1 year", "30 jours": "30 days", "3 ans": "3 years",
           "pour les rapports": "for reports", "pour les messages": "for messages"}  # fmt: skip
PLACES = [(preset, place) for preset in presets() for place in load(preset).platforms]


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("&amp;", "&"))


def drawn(message: Message, platform: str) -> str:
    """The text that the platform is given."""
    if platform == "telegram":
        return plain(render(message).text)
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            found.extend(v for k, v in value.items() if k == "text" and isinstance(v, str))
            value = list(value.values())
        for each in value if isinstance(value, list) else ():
            walk(each)

    walk(json.loads(json.dumps(blocks(message))))
    return plain(" ".join(found))


def first(preset: str, platform: str, lang: str) -> str:
    """What somebody is shown who writes for the first time."""
    one = Stand((load(preset),))
    who = Author(platform, "77", f"{platform}:9", lang, "Léa")  # type: ignore[arg-type]
    with one.work() as uow:
        if platform == "slack":
            one.bot.handle(uow, Said(id="e1", author=who, at=one.now, text="bonjour"), one.now)
        else:
            one.bot.handle(uow, Opened(id="e1", author=who, at=one.now), one.now)
    [heard] = one.news()
    return drawn(heard.message, platform)


@pytest.mark.parametrize(("preset", "platform"), PLACES)
@pytest.mark.parametrize("lang", ["fr", "en"])
def test_who_why_how_long_and_whom_to_ask(preset: str, platform: str, lang: str) -> None:
    file = tomllib.loads((files("bot.programmes") / f"{preset}.toml").read_text("utf-8"))
    said, told = file["programme"], first(preset, platform, lang)
    periods = list(PERIODS[preset])
    if lang == "en":
        for french, english in ENGLISH.items():
            periods = [one.replace(french, english) for one in periods]
    for wanted in (
        said["privacy"]["controller"][lang],
        said["privacy"]["purpose"][lang],
        said["privacy"]["readers"][lang],
        *periods,
        said["contact"]["name"][lang],
        {"fr": f"sous {said['contact']['days']} jours", "en": "working days"}[lang],
        {"fr": "« mes-donnees »", "en": "“my-data”"}[lang],
        {"fr": "« effacer »", "en": "“erase”"}[lang],
        file["consent"]["text"][lang],
    ):
        assert plain(wanted) in told
    assert len(told) < 3000  # a reader has to get to the question


def test_a_file_that_says_little_says_all_four_all_the_same() -> None:
    found = load("emergence")
    about = found.about.model_copy(update={"privacy": None})
    one = Stand((found.model_copy(update={"about": about}),))
    text = plain(one.does(Opened, "77")[0].text)
    for wanted in ("Qui · l’équipe Emergence", "Je fais le lien", "3 ans", "À qui parler"):
        assert wanted in text
