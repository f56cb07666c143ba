"""Partner companies: their links, whom they were shown, and what is known of who agreed to it.

A code is never here, only its digest. What of anybody may be shown is for `bot/partners.py` alone:
this store counts nobody's agreement.

Source: E-13, S6.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import and_, exists, func, insert, select, update
from sqlalchemy.orm import Session

from storage.sealed import Unreadable
from storage.tables import (
    Consent,
    Identity,
    Membership,
    Partner,
    PartnerLink,
    PartnerQuestion,
    PartnerView,
    Person,
    PersonKey,
    Report,
    Wish,
)
from storage.upsert import changed, insert_new, table_of
from storage.vault import Vault

AGAIN: Final = timedelta(hours=1)
"""The same look at somebody is written down again after that."""


class Standing(NamedTuple):
    """A link that opens something, and whose page it opens."""

    partner: Partner
    link: PartnerLink


class Candidate(NamedTuple):
    """A mentee who agreed to show something, whom we reach and who did not pause."""

    id: int
    name: str | None
    promo: int | None
    school: str | None
    born_on: date | None
    zone: str | None


class View(NamedTuple):
    """Somebody was shown to a company.

    Attributes:
        fields: Ids of the programme file.
        name: Of who was shown.
    """

    at: datetime
    partner_id: int
    company: str
    person_id: int
    name: str
    fields: tuple[str, ...]


class PartnerStore:
    """Companies, links and views of one transaction."""

    def __init__(self, session: Session, vault: Vault) -> None:
        self._session = session
        self._keys = vault.keys()

    # --- companies --------------------------------------------------------------------------------

    def add(self, programme_id: str, name: str, *, by: int, now: datetime) -> Partner:
        """A new company."""
        row = Partner(programme_id=programme_id, name=name, created_at=now, created_by=by)
        self._session.add(row)
        self._session.flush()
        return row

    def get(self, partner_id: int) -> Partner | None:
        """The company with this number, closed or not."""
        return self._session.get(Partner, partner_id)

    def companies(self, programme_id: str) -> Sequence[Partner]:
        """The companies of a programme that are not closed, by name."""
        return self._session.scalars(
            select(Partner)
            .where(Partner.programme_id == programme_id, Partner.closed_at.is_(None))
            .order_by(func.lower(Partner.name), Partner.id)
        ).all()

    def close(self, partner_id: int, now: datetime) -> bool:
        """It sees nothing any more; False when it was closed already."""
        done = changed(
            self._session,
            update(Partner)
            .where(Partner.id == partner_id, Partner.closed_at.is_(None))
            .values(closed_at=now),
        )
        self.revoke(partner_id, now)
        return bool(done)

    # --- links ------------------------------------------------------------------------------------

    def link(
        self,
        partner_id: int,
        digest: str,
        *,
        by: int,
        now: datetime,
        expires_at: datetime,
        after: int | None = None,
    ) -> PartnerLink | None:
        """A new link, instead of the one there was.

        Args:
            partner_id: Whose.
            digest: SHA-256 of the code, in hexadecimal.
            by: Who makes it.
            now: UTC.
            expires_at: UTC.
            after: The newest link that whoever makes it has seen (`last_link`); None: any.

        Returns:
            None when the company is closed, or has got another link meanwhile.
        """
        open_one = select(Partner.id).where(Partner.id == partner_id, Partner.closed_at.is_(None))
        there = self._session.scalar(open_one.with_for_update())
        if there is None or after not in (None, self.last_link(partner_id)):
            return None
        self.revoke(partner_id, now)
        row = PartnerLink(
            partner_id=partner_id,
            digest=digest,
            created_at=now,
            created_by=by,
            expires_at=expires_at,
        )
        self._session.add(row)
        self._session.flush()
        return row

    def last_link(self, partner_id: int) -> int:
        """The number of the newest link of a company, good or not; 0 when there was none."""
        newest = select(func.max(PartnerLink.id)).where(PartnerLink.partner_id == partner_id)
        return self._session.scalar(newest) or 0

    def revoke(self, partner_id: int, now: datetime) -> int:
        """Take a company's link back; how many there were."""
        return changed(
            self._session,
            update(PartnerLink)
            .where(PartnerLink.partner_id == partner_id, PartnerLink.revoked_at.is_(None))
            .values(revoked_at=now),
        )

    def by_digest(self, digest: str, now: datetime) -> Standing | None:
        """The company whose code this is the digest of, as long as the code is good."""
        return self._standing(now, PartnerLink.digest == digest)

    def standing(self, link_id: int, now: datetime) -> Standing | None:
        """The link with this number, as long as it is good; asked again at every look."""
        return self._standing(now, PartnerLink.id == link_id)

    def _standing(self, now: datetime, which: Any) -> Standing | None:
        row = self._session.execute(
            select(Partner, PartnerLink)
            .join(PartnerLink, PartnerLink.partner_id == Partner.id)
            .where(
                which,
                PartnerLink.revoked_at.is_(None),
                PartnerLink.expires_at > now,
                Partner.closed_at.is_(None),
            )
        ).one_or_none()
        return None if row is None else Standing(*row)

    def ends(self, programme_id: str, now: datetime) -> dict[int, datetime]:
        """Until when the link of each company is good; those without one are left out."""
        rows = self._session.execute(
            select(PartnerLink.partner_id, PartnerLink.expires_at)
            .join(Partner, Partner.id == PartnerLink.partner_id)
            .where(
                Partner.programme_id == programme_id,
                PartnerLink.revoked_at.is_(None),
                PartnerLink.expires_at > now,
            )
        )
        return {row[0]: row[1] for row in rows}

    # --- views ------------------------------------------------------------------------------------

    def note_views(
        self, partner_id: int, link_id: int, shown: Mapping[int, Iterable[str]], now: datetime
    ) -> int:
        """Write down who was shown, and what of them; how many rows that took.

        What was shown to the same company within the hour is not written down again.

        Args:
            partner_id: To which company.
            link_id: By which link.
            shown: The ids of the fields, by person.
            now: UTC.
        """
        seen = select(PartnerView.person_id, PartnerView.fields).where(
            PartnerView.partner_id == partner_id, PartnerView.at > now - AGAIN
        )
        before = {(person, fields) for person, fields in self._session.execute(seen)}
        rows = [
            {
                "partner_id": partner_id,
                "link_id": link_id,
                "person_id": person,
                "at": now,
                "fields": said,
            }
            for person, fields in sorted(shown.items())
            if (person, said := " ".join(fields)) not in before
        ]
        if rows:
            self._session.execute(insert(PartnerView), rows)
        return len(rows)

    def counts(self, programme_id: str, since: datetime) -> dict[int, int]:
        """How many times somebody was shown to each company since then."""
        rows = self._session.execute(
            select(PartnerView.partner_id, func.count(PartnerView.id))
            .join(Partner, Partner.id == PartnerView.partner_id)
            .where(Partner.programme_id == programme_id, PartnerView.at > since)
            .group_by(PartnerView.partner_id)
        )
        return {partner: int(count) for partner, count in rows}

    def views(
        self,
        programme_id: str,
        *,
        person_id: int | None = None,
        partner_id: int | None = None,
        limit: int = 1000,
    ) -> list[View]:
        """Who was shown to whom in a programme, newest first; of one person, to one company."""
        query = (
            select(
                PartnerView.at, PartnerView.partner_id, Partner.name, PartnerView.person_id,
                func.coalesce(Person.name, ""), PartnerView.fields,
            )
            .join(Partner, Partner.id == PartnerView.partner_id)
            .join(Person, Person.id == PartnerView.person_id)
            .where(Partner.programme_id == programme_id)
            .order_by(PartnerView.at.desc(), PartnerView.id.desc())
            .limit(limit)
        )  # fmt: skip
        if person_id is not None:
            query = query.where(PartnerView.person_id == person_id)
        if partner_id is not None:
            query = query.where(PartnerView.partner_id == partner_id)
        return [
            View(at, partner, company, person, name, tuple(fields.split()))
            for at, partner, company, person, name, fields in self._session.execute(query)
        ]

    # --- who may be shown -------------------------------------------------------------------------

    def candidates(self, programme_id: str, purposes: Collection[str]) -> list[Candidate]:
        """Active mentees who agreed to one of these purposes, did not pause, and can be reached."""
        rows = self._session.execute(
            select(
                Person.id, Person.name, Person.promo, Person.school, Person.born_on, Person.zone
            ).where(
                exists().where(
                    Membership.person_id == Person.id,
                    Membership.programme_id == programme_id,
                    Membership.role == "mentee",
                    Membership.state == "active",
                ),
                exists().where(
                    Consent.person_id == Person.id,
                    Consent.programme_id == programme_id,
                    Consent.purpose.in_(purposes),
                    Consent.withdrawn_at.is_(None),
                ),
                exists().where(Identity.person_id == Person.id, Identity.reachable.is_(True)),
                Person.paused_at.is_(None),
            )
        )
        return [Candidate._make(row) for row in rows]

    def wishes(self, programme_id: str, people: Collection[int]) -> dict[int, Wish]:
        """What these people look for."""
        rows = self._session.scalars(
            select(Wish).where(Wish.programme_id == programme_id, Wish.person_id.in_(people))
        )
        return {row.person_id: row for row in rows}

    def answers(
        self, programme_id: str, reports: Collection[str], people: Collection[int]
    ) -> dict[tuple[int, str], Sequence[Mapping[str, Any]]]:
        """What these people said in the last of each of these reports that they sent."""
        if not reports or not people:
            return {}
        sent = (
            Report.programme_id == programme_id,
            Report.report.in_(reports),
            Report.person_id.in_(people),
            Report.sent_at.is_not(None),
        )
        last = (
            select(Report.person_id, Report.report, func.max(Report.quarter).label("quarter"))
            .where(*sent)
            .group_by(Report.person_id, Report.report)
            .subquery()
        )
        rows = self._session.execute(
            select(Report.person_id, Report.report, Report.answers, PersonKey.wrapped)
            .join(
                last,
                and_(
                    last.c.person_id == Report.person_id,
                    last.c.report == Report.report,
                    last.c.quarter == Report.quarter,
                ),
            )
            .join(PersonKey, PersonKey.person_id == Report.person_id)
            .where(*sent)
        )
        return {
            (person, report): self._opened(person, wrapped, sealed)
            for person, report, sealed, wrapped in rows
            if sealed is not None
        }

    def _opened(self, person: int, wrapped: bytes, sealed: bytes) -> Sequence[Mapping[str, Any]]:
        try:
            found = self._keys.open(person, wrapped, sealed)
        except Unreadable:
            return ()
        return found if isinstance(found, list) else ()

    # --- the question -----------------------------------------------------------------------------

    def ask(self, person_id: int, programme_id: str, text_digest: str, now: datetime) -> bool:
        """Write down that somebody is asked about a text; False when they were before."""
        row = {
            "person_id": person_id,
            "programme_id": programme_id,
            "text_digest": text_digest,
            "asked_at": now,
        }
        return insert_new(self._session, table_of(PartnerQuestion), row) is not None
