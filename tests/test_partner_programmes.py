"""What a programme file may have companies see, and what it may not."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot.errors import ProgrammeError
from bot.programmes.load import load, parse
from bot.programmes.partners import Partners

PRESET = Path(__file__).parent.parent / "bot" / "programmes" / "emergence.toml"
LABEL = {"fr": "Une rubrique", "en": "An item"}


def parsed(**partners: Any) -> Partners | None:
    data = tomllib.loads(PRESET.read_text("utf-8"))
    data["partners"] |= partners
    return parse(data, "emergence.toml").partners


def showing(*sources: str) -> list[dict[str, Any]]:
    return [{"id": f"f{n}", "label": LABEL, "source": s} for n, s in enumerate(sources)]


@pytest.mark.parametrize(
    ("fields", "place", "message"),
    [
        (showing("nmae"), 'fields[0] "f0" source', 'did you mean "name"?'),
        (showing("email"), 'fields[0] "f0" source', 'nothing to show is called "email"'),
        (showing("name", "studies_more"), 'fields[1] "f1" source', "is sensitive"),
        (showing("commitment"), 'fields[0] "f0" source', "is a scale question"),
        (showing("studies"), 'fields[0] "f0" source', "tells the team who needs help"),
        (showing("mentor"), 'fields[0] "f0" source', "tells the team who needs help"),
        (showing("call"), 'fields[0] "f0" source', "tells the team who needs help"),
        (showing("wish.feild"), 'fields[0] "f0" source', 'did you mean "wish.field"?'),
        (showing("met"), 'fields[0] "f0" source', 'nothing to show is called "met"'),
        ([], "fields", "at least"),
        (showing("name") + showing("school"), 'fields[1] "f0" id', "is used twice"),
    ],
)
def test_what_cannot_be_shown_is_said_with_its_place(
    fields: list[dict[str, Any]], place: str, message: str
) -> None:
    with pytest.raises(ProgrammeError) as caught:
        parsed(fields=fields)
    assert place in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize("days", [0, 91])
def test_no_link_is_good_for_more_than_ninety_days(days: int) -> None:
    with pytest.raises(ProgrammeError, match="link_days"):
        parsed(link_days=days)


def test_a_free_text_that_is_not_sensitive_may_be_shown_once_it_is_named() -> None:
    rules = parsed(fields=showing("project_more"))
    assert rules is not None
    reports = load("emergence").reports
    asked = rules.question(rules.fields[0], reports)
    assert asked is not None
    assert (asked[0].id, asked[1].id) == ("quarterly", "project_more")


def test_a_yes_is_to_one_field_and_one_text() -> None:
    """Other words, another name or another source of the field: asked again."""
    plain = parsed()
    assert plain is not None
    asked = {plain.asked(field) for field in plain.fields}
    assert len(asked) == len(plain.fields)
    for changed in (
        parsed(version="2027-01"),
        parsed(text={"fr": "Autre chose ?", "en": "Something else?"}),
    ):
        assert changed is not None
        assert not asked & {changed.asked(field) for field in changed.fields}
    renamed = parsed(fields=[{"id": "name", "label": LABEL, "source": "name"}])
    moved = parsed(fields=[{"id": "name", "label": plain.fields[0].label, "source": "school"}])
    for one in (renamed, moved):
        assert one is not None
        assert one.asked(one.fields[0]) not in asked


def test_every_purpose_fits_the_register_of_agreements() -> None:
    longest = parsed(fields=[{"id": "x" * 20, "label": LABEL, "source": "name"}])
    assert longest is not None
    assert len(longest.fields[0].purpose) <= 32


def test_what_the_preset_tells_people_is_what_it_does() -> None:
    here = load("emergence")
    assert here.about.privacy is not None
    readers = here.about.privacy.readers
    assert readers is not None
    assert "ce que tu as choisi de lui montrer" in readers.fr
    assert here.partners is not None
    assert [f.source for f in here.partners.fields] == [
        "name", "promo", "school", "situation",
        "wish.kind", "wish.field", "wish.place", "wish.start_on", "wish.months",
    ]  # fmt: skip
