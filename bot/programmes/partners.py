"""What a programme file says of partner companies: what they may see of whom, once they agreed.

`[partners]` lists every field that a company can ever be shown; what is not named here stays with
the team. Signs of need are none of a company's business, and the file cannot name them. This module
does not know who agreed to what, nor which companies there are.

Source: E-13; GDPR 6, 7.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StringConstraints

from bot.dialogue.questionnaire import Data, Id, Label, Question, did_you_mean
from bot.programmes.about import Agreed
from bot.programmes.triage import Triage

if TYPE_CHECKING:
    from bot.programmes.schema import Report

PERSON: Final = ("name", "promo", "school")
"""What is known of a person besides their answers, and may be shown."""
WISH: Final = ("kind", "field", "place", "start_on", "months")
"""Parts of the wish that a report asks for (E-12); written `wish.kind` and so on."""
PURPOSE: Final = "partner."
"""Begins the purpose of an agreement; the field's id follows."""
Place = tuple[str | int, ...]
Source = Annotated[str, StringConstraints(pattern=r"^(wish\.)?[a-z][a-z0-9_]*$", max_length=25)]


class PartnerField(Data):
    """Something a company may see of somebody who agreed to it."""

    id: Id
    label: Label
    source: Source
    """`name`, `promo` or `school`; `wish.kind`, `wish.field`, `wish.place`, `wish.start_on` or
    `wish.months`; or the id of a question of a report."""

    @property
    def purpose(self) -> str:
        """What an agreement to it is called."""
        return PURPOSE + self.id

    @property
    def of_wish(self) -> str | None:
        """The part of the wish that it shows, if it does."""
        before, dot, part = self.source.partition(".")
        return part if dot and before == "wish" else None


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


class Partners(Agreed):
    """`[partners]`: what companies may see, field by field, and what is asked about it."""

    fields: tuple[PartnerField, ...] = Field(min_length=1, max_length=20)
    link_days: int = Field(default=60, ge=1, le=90)
    """How long a company's link is good for."""

    def asked(self, field: PartnerField) -> tuple[str, str]:
        """The text that an agreement to a field is about (`storage.people.Text`).

        Also what the field is called and where it comes from: a yes to one is no yes to another.
        """
        label = field.label
        return self.version, _digest(self.version, self.digest, label.fr, label.en, field.source)

    @property
    def whole(self) -> str:
        """Of all that is asked: another version, other words or other fields are asked anew."""
        return _digest(*(self.asked(field)[1] for field in self.fields))

    def field(self, name: str) -> PartnerField | None:
        """The field of that id, if there is one."""
        return next((one for one in self.fields if one.id == name), None)

    def question(
        self, field: PartnerField, reports: Sequence[Report]
    ) -> tuple[Report, Question] | None:
        """The question of a report that it shows the answer to, and in which report."""
        if field.source in PERSON or field.of_wish is not None:
            return None
        for report in reports:
            found = report.question(field.source) if report.to == "mentee" else None
            if found is not None:
                return report, found
        return None

    def faults(self, reports: Sequence[Report], triage: Triage) -> Iterable[tuple[Place, str]]:
        """What cannot be shown, each with its remedy."""
        seen: set[str] = set()
        theirs = [report for report in reports if report.to == "mentee"]
        for index, field in enumerate(self.fields):
            here = ("partners", "fields", index)
            if field.id in seen:
                yield (*here, "id"), f'the id "{field.id}" is used twice'
            seen.add(field.id)
            fault = self._fault(field, theirs, triage)
            if fault is not None:
                yield (*here, "source"), fault

    def _fault(self, field: PartnerField, reports: Sequence[Report], triage: Triage) -> str | None:
        if field.source in PERSON:
            return None
        part = field.of_wish
        if part is not None:
            known = [f"wish.{p}" for r in reports if r.wish for p in WISH if getattr(r.wish, p)]
            if field.source in known:
                return None
            return f'no report of [roles.mentee] asks for "{field.source}"' + did_you_mean(
                field.source, known
            )
        found = self.question(field, reports)
        if found is None:
            known = [*PERSON, *(q.id for report in reports for q in report.questions)]
            return f'nothing to show is called "{field.source}"{did_you_mean(field.source, known)}'
        report, question = found
        if question.sensitive:
            return f'"{question.id}" is sensitive: it is for the team only'
        if question.kind not in {"text", "choice", "many", "date"}:
            return f'"{question.id}" is a {question.kind} question: no company is shown it'
        if question.id in report.alert_staff or question.id in triage.answers.get(report.id, {}):
            return f'"{question.id}" tells the team who needs help: no company is shown it'
        return None
