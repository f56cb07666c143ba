"""What campaigns came to, side by side: a number of statements that does not grow with them.

Counts only; nobody is named, and nothing is opened that is sealed. What was written down when a
campaign was closed outlives those it is about; all else is counted among the people who are still
kept, and goes with them. What a figure is called, and who may see it, this module does not know.

Source: X-09, X-17; A-21.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from storage.statistics import rounds
from storage.tables import Campaign, CampaignEntry, CampaignPair, Conversation, Pair, Request

GOING = ("active", "paused", "closing")
"""States of a pair that has begun and is not over."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of a campaign that was held here.

    Attributes:
        volunteers: Who applied and did not take it back.
        mentors: Those who had a free place at the last draft.
        places: Their free places then.
        pairs: Pairs that were accepted.
        first: Of these, mentees whose first mentor said yes.
        going: Pairs that go on.
        outcomes: Pairs that are over, by how they ended.
        met: Rounds of check-ins that were answered, and those of them with a meeting.
        closing: Pairs of which the closing questions were answered.
    """

    volunteers: int
    mentors: int
    places: int
    pairs: int
    first: int
    going: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    met: tuple[int, int] = (0, 0)
    closing: int = 0


def compare(session: Session, campaigns: Sequence[Campaign]) -> dict[int, Held]:
    """Count what came of campaigns; six statements.

    Args:
        session: Of an open unit of work.
        campaigns: Held here, at most a few.

    Returns:
        By number.
    """
    ids = [one.id for one in campaigns]
    if not ids:
        return {}
    applied, supply = _entries(session, ids), _supply(session, ids)
    accepted, first = _accepted(session, ids)
    began = _began(session, ids)
    outcomes: dict[int, Counter[str]] = {number: Counter() for number in ids}
    going: Counter[int] = Counter()
    for campaign, outcome in began.values():
        if outcome is None:
            going[campaign] += 1
        else:
            outcomes[campaign][outcome] += 1
    answered, met = Counter[int](), Counter[int]()
    if began:
        for (pair, _, _), seen in rounds(session, Pair.id.in_(began)).items():
            campaign = began[pair][0]
            answered[campaign] += 1
            met[campaign] += seen
    closing = Counter(began[pair][0] for pair in _closed(session, began))
    return {
        one.id: Held(
            volunteers=applied.get(one.id, 0) if one.volunteers is None else one.volunteers,
            mentors=supply.get(one.id, (0, 0))[0],
            places=supply.get(one.id, (0, 0))[1],
            pairs=accepted.get(one.id, 0) if one.pairs is None else one.pairs,
            first=first.get(one.id, 0),
            going=going[one.id],
            outcomes=dict(outcomes[one.id]),
            met=(answered[one.id], met[one.id]),
            closing=closing[one.id],
        )
        for one in campaigns
    }


def _entries(session: Session, ids: Sequence[int]) -> dict[int, int]:
    """Applications that were not taken back, by campaign."""
    rows = session.execute(
        select(CampaignEntry.campaign_id, func.count())
        .join(Request, Request.id == CampaignEntry.request_id)
        .where(
            CampaignEntry.campaign_id.in_(ids),
            CampaignEntry.role == "mentee",
            Request.state != "closed",
        )
        .group_by(CampaignEntry.campaign_id)
    )
    return {row[0]: row[1] for row in rows}


def _supply(session: Session, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Mentors with a place, and their places, by campaign."""
    rows = session.execute(
        select(CampaignEntry.campaign_id, func.count(), func.sum(CampaignEntry.places))
        .where(
            CampaignEntry.campaign_id.in_(ids),
            CampaignEntry.role == "mentor",
            CampaignEntry.places > 0,
        )
        .group_by(CampaignEntry.campaign_id)
    )
    return {campaign: (count, int(places)) for campaign, count, places in rows}


def _accepted(session: Session, ids: Sequence[int]) -> tuple[dict[int, int], dict[int, int]]:
    """Mentees who were accepted, and those of them whom nobody had declined before, by campaign."""
    said_no = func.max(case((CampaignPair.state == "declined", 1), else_=0))
    said_yes = func.max(case((CampaignPair.state == "accepted", 1), else_=0))
    each = (
        select(
            CampaignPair.campaign_id.label("campaign"), said_no.label("no"), said_yes.label("yes")
        )
        .where(CampaignPair.campaign_id.in_(ids))
        .group_by(CampaignPair.campaign_id, CampaignPair.mentee_id)
        .subquery()
    )
    rows = session.execute(
        select(each.c.campaign, func.count(), func.sum(1 - each.c.no))
        .where(each.c.yes == 1)
        .group_by(each.c.campaign)
    ).all()
    return {row[0]: row[1] for row in rows}, {row[0]: int(row[2]) for row in rows}


def _began(session: Session, ids: Sequence[int]) -> dict[int, tuple[int, str | None]]:
    """Pairs that began out of campaigns: the campaign, and how each ended if it has."""
    rows = session.execute(
        select(Pair.id, CampaignEntry.campaign_id, Pair.outcome)
        .join(CampaignEntry, CampaignEntry.request_id == Pair.request_id)
        .where(
            CampaignEntry.campaign_id.in_(ids),
            CampaignEntry.role == "mentee",
            or_(Pair.outcome.is_not(None), Pair.state.in_(GOING)),
        )
    )
    return {pair: (campaign, outcome) for pair, campaign, outcome in rows}


def _closed(session: Session, pairs: Mapping[int, object]) -> Sequence[int]:
    """Of some pairs, those of which the closing questions were answered."""
    if not pairs:
        return []
    found = session.scalars(
        select(Conversation.about_id)
        .where(
            Conversation.kind == "closing",
            Conversation.status == "done",
            Conversation.about_id.in_(pairs),
        )
        .distinct()
    )
    return [pair for pair in found if pair is not None]
