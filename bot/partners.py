"""What companies may see: the only way by which anybody gets to a company's page.

A field of somebody is shown when all of this holds at the moment of looking: they agreed to this
very field under the text of today, and to the programme's own text of today; they follow the
programme as mentee; they are of age; they can be reached, and did not pause. Whoever has left or
was erased is gone from it; whoever paused does not want to be asked for anything meanwhile; whoever
cannot be reached, having blocked the bot or lost their account, could not take a yes back any more.
Somebody whose age is not known is of age, but where the programme takes minors.

Nothing is ranked: rows stand in the order of what is shown in them. This module does not know which
company looks, nor how it got in.

Source: E-13, S6; GDPR 6, 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bot import minors
from bot.dialogue.questionnaire import Label, Localised, Question, fold
from bot.i18n import LANGUAGES, words
from bot.programmes.partners import PartnerField, Partners
from bot.programmes.schema import Programme
from storage.partners import Candidate
from storage.tables import Person, Wish
from storage.unit_of_work import UnitOfWork

_LONGEST = 2000  # of a cell, as of any text of a programme file
Cell = Localised | None
"""What a field shows, in each language; None when it is not agreed to, or there is nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """Somebody as companies see them.

    Attributes:
        person_id: Who; for the log of views, never for the page.
        cells: As many as the sheet has columns.
        fields: Ids of the fields that show something.
    """

    person_id: int
    cells: tuple[Cell, ...]
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What companies see: the programme's fields, and a row for each person."""

    columns: tuple[Label, ...]
    rows: tuple[Row, ...]


def shown(uow: UnitOfWork, programme: Programme, now: datetime) -> Sheet:
    """Everybody as companies may see them now, in a fixed number of statements.

    Args:
        uow: A transaction of the very look: what was agreed to a moment ago counts no more.
        programme: Whose people.
        now: UTC.
    """
    rules = programme.partners
    if rules is None:
        return Sheet((), ())
    found = uow.partners.candidates(programme.id, [field.purpose for field in rules.fields])
    people = [
        one for one in found if minors.of_age(one.born_on, one.zone, programme=programme, now=now)
    ]
    uow.people.recall_consents([one.id for one in people])
    agreed = {
        one.id: agreed_fields(uow, one.id, programme)
        for one in people
        if uow.people.agreed_to(one.id, programme.id, "storage", programme.consent.read)
    }
    known = _Known(uow, programme, rules, [number for number, ids in agreed.items() if ids])
    rows = []
    for one in people:
        cells = tuple(
            known.cell(one, field) if field.id in agreed.get(one.id, ()) else None
            for field in rules.fields
        )
        if any(cells):
            ids = tuple(f.id for f, cell in zip(rules.fields, cells, strict=True) if cell)
            rows.append(Row(one.id, cells, ids))
    rows.sort(key=_order)
    return Sheet(tuple(field.label for field in rules.fields), tuple(rows))


def agreed_fields(uow: UnitOfWork, person_id: int, programme: Programme) -> frozenset[str]:
    """The fields that somebody agreed to show, under the text of today."""
    rules = programme.partners
    return frozenset(
        field.id
        for field in (rules.fields if rules else ())
        if rules
        and uow.people.agreed_to(person_id, programme.id, field.purpose, rules.asked(field))
    )


def would_show(uow: UnitOfWork, programme: Programme, person: Person) -> dict[str, Cell]:
    """What each field would show of somebody, agreed to or not; for themselves."""
    rules = programme.partners
    if rules is None:
        return {}
    known = _Known(uow, programme, rules, [person.id])
    one = Candidate(
        person.id, person.name, person.promo, person.school, person.born_on, person.zone
    )
    return {field.id: known.cell(one, field) for field in rules.fields}


def _order(row: Row) -> tuple[tuple[tuple[bool, str], ...], int]:
    return tuple((c is None, fold(c.fr) if c else "") for c in row.cells), row.person_id


class _Known:
    """What these people wished for and answered, read at once."""

    def __init__(
        self, uow: UnitOfWork, programme: Programme, rules: Partners, people: Sequence[int]
    ) -> None:
        self._asked = {field.id: rules.question(field, programme.reports) for field in rules.fields}
        self._wishing = next((report for report in programme.reports if report.wish), None)
        self._wishes: Mapping[int, Wish] = {}
        if any(field.of_wish for field in rules.fields):
            self._wishes = uow.partners.wishes(programme.id, people)
        reports = {asked[0].id for asked in self._asked.values() if asked}
        self._answers = uow.partners.answers(programme.id, reports, people)

    def cell(self, one: Candidate, field: PartnerField) -> Cell:
        """What a field shows of somebody; nothing when there is nothing."""
        if field.of_wish is not None:
            return self._of_wish(one.id, field.of_wish)
        asked = self._asked[field.id]
        if asked is None:
            return _plain(getattr(one, field.source))
        report, question = asked
        for answer in self._answers.get((one.id, report.id), ()):
            if answer.get("id") == question.id:
                return _answered(question, answer)
        return None

    def _of_wish(self, person_id: int, part: str) -> Cell:
        wish, report = self._wishes.get(person_id), self._wishing
        if wish is None or report is None:
            return None
        value = getattr(wish, part)
        question = report.question(getattr(report.wish, part) or "")
        option = question.option(str(value)) if question else None
        return option.label if option else _plain(value)


def _answered(question: Question, answer: Mapping[str, Any]) -> Cell:
    """An answer of a report, in the words of today's file where it has any."""
    value = answer.get("value")
    chosen = [question.option(str(one)) for one in (value if isinstance(value, list) else [value])]
    labels = [option.label for option in chosen if option]
    if labels:
        both = {lang: words(lang).all([one.of(lang) for one in labels]) for lang in LANGUAGES}
        return Localised(**both)
    if question.kind == "date":
        try:
            return _plain(date.fromisoformat(str(value)))
        except ValueError:
            return None
    return _plain(answer.get("label"))


def _plain(value: object) -> Cell:
    """A text, a number or a day; nothing for an empty one."""
    if isinstance(value, date):
        return Localised(fr=words("fr").day(value), en=words("en").day(value))
    text = "" if value is None else str(value).strip()[:_LONGEST]
    return Localised(fr=text, en=text) if text else None
