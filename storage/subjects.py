"""What numbers in keys stand for, many at a time: the programme, the pair, the name of the thing.

Read-only, and nothing here decides who may see the result. No answer and no text is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, null, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage.tables import (
    Beyond,
    Campaign,
    Checkin,
    Conversation,
    HelpCall,
    Membership,
    Objective,
    Pair,
    Proposal,
    Referral,
    Report,
    Request,
    Series,
    Stray,
)

_AT_ONCE: Final = 500


class Subject(NamedTuple):
    """What something is about.

    Attributes:
        programme_id: In which programme.
        mentee_id: Side of the pair, if it is about one …
        mentor_id: … and the other.
        name: Id of the rhythm or report in the programme file.
        quarter: Of a report.
    """

    programme_id: str | None
    mentee_id: int | None = None
    mentor_id: int | None = None
    name: str | None = None
    quarter: str | None = None


def _pair(number: Any, *more: Any) -> Select[Any]:
    return select(number, Pair.programme_id, Pair.mentee_id, Pair.mentor_id, *more)


_KINDS: Final[dict[str, tuple[InstrumentedAttribute[int], Any]]] = {
    "checkin": (
        Checkin.id,
        _pair(Checkin.id, Series.rhythm)
        .join(Checkin, Checkin.pair_id == Pair.id)
        .join(Series, Series.id == Checkin.series_id),
    ),
    "pair": (Pair.id, _pair(Pair.id)),
    "objective": (
        Objective.id,
        _pair(Objective.id).join(Objective, Objective.pair_id == Pair.id),
    ),
    "beyond": (Beyond.id, _pair(Beyond.id).join(Beyond, Beyond.pair_id == Pair.id)),
    "report": (
        Report.id,
        select(
            Report.id, Report.programme_id, null(), null(), Report.report, Report.quarter
        ),
    ),
    "proposal": (
        Proposal.id,
        select(Proposal.id, Request.programme_id).join(Request, Request.id == Proposal.request_id),
    ),
    "referral": (Referral.id, select(Referral.id, Referral.programme_id)),
    "request": (Request.id, select(Request.id, Request.programme_id)),
    "dialogue": (Conversation.id, select(Conversation.id, Conversation.programme_id)),
    "stray": (Stray.id, select(Stray.id, Stray.programme_id)),
    "help_call": (HelpCall.id, select(HelpCall.id, HelpCall.programme_id)),
    "campaign": (Campaign.id, select(Campaign.id, Campaign.programme_id)),
    "member": (Membership.id, select(Membership.id, Membership.programme_id)),
}  # fmt: skip


def subjects(session: Session, kind: str, numbers: Iterable[int]) -> dict[int, Subject]:
    """The things of a kind with these numbers; those that are gone are left out."""
    column, query = _KINDS[kind]
    wanted = sorted(set(numbers))
    found: dict[int, Subject] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        part = query.where(column.in_(wanted[start : start + _AT_ONCE]))
        found.update((row[0], Subject(*row[1:])) for row in session.execute(part))
    return found


def programmes_of(session: Session, people: Iterable[int]) -> dict[int, set[str]]:
    """The programmes in which people have a role, ended ones left out."""
    wanted = sorted(set(people))
    found: dict[int, set[str]] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        part = select(Membership.person_id, Membership.programme_id).where(
            Membership.person_id.in_(wanted[start : start + _AT_ONCE]), Membership.state != "ended"
        )
        for person_id, programme_id in session.execute(part):
            found.setdefault(person_id, set()).add(programme_id)
    return found
