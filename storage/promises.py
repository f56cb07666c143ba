"""What the team has promised to answer and has not settled yet, of one programme.

What people hand to the team or wait for from it, each with the date of the promise in what they
read. This module knows numbers and dates: no name, no word of anybody's.

Source: A-15, A-20; GDPR 16.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Executable, select
from sqlalchemy.orm import Session

from storage.tables import Membership, Rectification, Referral, Stray, Training

KINDS: Final = ("join", "correction", "words", "referral", "pair", "training")


@dataclass(frozen=True, slots=True)
class Owed:
    """An answer that somebody waits for.

    Attributes:
        kind: One of `KINDS`.
        number: Of its row.
        person_id: Who waits.
        since: When it was promised (UTC).
    """

    kind: str
    number: int
    person_id: int
    since: datetime


def owed(session: Session, programme_id: str) -> list[Owed]:
    """All of them, the oldest first.

    A wish for a coach is answered once it has begun, or nothing comes of it: who sees to it and
    what the team noted of it are no answer.
    """
    queries: dict[str, Executable] = {
        "join": select(Membership.id, Membership.person_id, Membership.since).where(
            Membership.programme_id == programme_id, Membership.state == "pending"
        ),
        "correction": select(
            Rectification.id, Rectification.person_id, Rectification.asked_at
        ).where(Rectification.programme_id == programme_id, Rectification.settled_at.is_(None)),
        "words": select(Stray.id, Stray.person_id, Stray.passed_at).where(
            Stray.programme_id == programme_id,
            Stray.passed_at.is_not(None),
            Stray.settled_at.is_(None),
        ),
        "referral": select(Referral.id, Referral.person_id, Referral.changed_at).where(
            Referral.programme_id == programme_id,
            Referral.origin == "mentee",
            Referral.state == "agreed",
        ),
        "pair": select(Membership.id, Membership.person_id, Membership.next_pair_at).where(
            Membership.programme_id == programme_id,
            Membership.state.in_(("active", "paused")),
            Membership.next_pair_at.is_not(None),
        ),
        "training": select(Training.id, Training.person_id, Training.declared_at).where(
            Training.programme_id == programme_id, Training.state == "declared"
        ),
    }
    found = [
        Owed(kind, number, person, since)
        for kind, query in queries.items()
        for number, person, since in session.execute(query)
    ]
    return sorted(found, key=lambda one: (one.since, one.kind, one.number))
