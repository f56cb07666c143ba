"""What goes by itself after its time: each class of data by the period of its programme's file.

A little at a time, so that nobody waits for long. This module does not know how long anything is
kept: the programme's file says so.

Source: GDPR 5(1)e; quality, P3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Select, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from storage.privacy import Privacy
from storage.tables import (
    Announcement,
    Audit,
    Base,
    Campaign,
    CampaignEntry,
    CampaignPair,
    Consent,
    Conversation,
    Correction,
    Expert,
    Flag,
    HelpCall,
    Identity,
    Inbox,
    Letter,
    LinkCode,
    Membership,
    Pair,
    Partner,
    PartnerLink,
    PartnerView,
    Person,
    Rectification,
    Referral,
    Report,
    Request,
    Stray,
    TeamLetter,
    Wish,
)
from storage.upsert import changed


class Keep(Protocol):
    """For how many days a programme keeps each class of data."""

    @property
    def drafts(self) -> int:
        """Dialogues stopped or left, and words that fitted nowhere, from the last turn."""

    @property
    def inbox(self) -> int:
        """Bodies of what platforms delivered, from then."""

    @property
    def requests(self) -> int:
        """Requests and pairs, from their end."""

    @property
    def reports(self) -> int:
        """Reports from the closing of their window, wishes from their last change."""

    @property
    def safeguarding(self) -> int:
        """What was reported, from its last change."""

    @property
    def audit(self) -> int:
        """Who did what to what."""


class Purge:
    """The nightly purge."""

    def __init__(self, session: Session, privacy: Privacy) -> None:
        self._session = session
        self._privacy = privacy

    def some(self, rules: Mapping[str, Keep], now: datetime, limit: int = 300) -> int:
        """Delete a few hundred rows that were kept long enough; call until 0.

        People, their roles and consents stay. A programme that is not in `rules` keeps its rows:
        one that is left out of the settings for a day must not lose anything.

        Args:
            rules: How long, by programme.
            now: UTC.
            limit: How many drafts, words or reports at most, or a tenth as many pairs or requests,
                for more hangs on these.
        """
        few = max(1, limit // 10)
        for programme, keep in rules.items():
            drafts, ended, closed, reported = (
                now - timedelta(days=n)
                for n in (keep.drafts, keep.requests, keep.reports, keep.safeguarding)
            )
            gone = (
                self._purge_drafts(programme, drafts, now, limit)
                or self._purge_codes(programme, drafts, limit)
                or self._purge_strays(programme, drafts, limit)
                or self._purge_pairs(programme, ended, few)
                or self._purge_requests(programme, ended, few)
                or self._purge_reports(programme, closed, limit)
                or self._purge_entries(programme, ended, limit)
                or self._purge_announcements(programme, now - timedelta(days=keep.audit), limit)
                or self._purge_partners(programme, now - timedelta(days=keep.audit), limit)
                or self._purge_triage(programme, ended, limit)
                or self._purge_referrals(programme, ended, limit)
                or self._purge_rectifications(programme, ended, limit)
                or self._purge_letters(programme, now, limit)
                or self._purge_flags(programme, reported, limit)
            )
            if gone:
                return gone
        if not rules:
            return 0
        drafts, audit = (
            now - timedelta(days=max(n))
            for n in ([k.drafts for k in rules.values()], [k.audit for k in rules.values()])
        )
        return (
            self._purge_bodies(rules, now, limit)
            or self._purge_strays(None, drafts, limit)
            or self._purge_codes(None, drafts, limit)
            or self._purge_guests(drafts, limit)
            or self._delete(
                Audit, select(Audit.id).where(Audit.at < audit).order_by(Audit.at), limit
            )
        )

    def _purge_bodies(self, rules: Mapping[str, Keep], now: datetime, limit: int) -> int:
        """What was heard, as long as the most patient programme of who said it.

        The number of the delivery stays longer: by it the platforms' repeats are known.
        """
        periods = sorted({keep.inbox for keep in rules.values()})
        for days in periods:
            old = select(Inbox.id).where(
                Inbox.payload.is_not(None),
                Inbox.state != "received",
                Inbox.received_at < now - timedelta(days=days),
            )
            if days != periods[-1]:
                done = [programme for programme, keep in rules.items() if keep.inbox <= days]
                theirs = exists().where(Membership.person_id == Inbox.person_id)
                old = old.where(theirs, ~theirs.where(Membership.programme_id.not_in(done)))
            some = list(self._session.scalars(old.order_by(Inbox.id).limit(limit)))
            if some:
                return changed(
                    self._session,
                    update(Inbox)
                    .where(Inbox.id.in_(some))
                    .values(payload=None, author=None, person_id=None),
                )
        return 0

    def _purge_codes(self, programme: str | None, before: datetime, limit: int) -> int:
        """One-time codes, used or not, from the end of their life."""
        old = select(LinkCode.id).where(
            LinkCode.programme_id.is_not_distinct_from(programme), LinkCode.expires_at < before
        )
        return self._delete(LinkCode, old, limit)

    def _purge_guests(self, before: datetime, limit: int) -> int:
        """Accounts of people who looked, agreed to nothing, and have not been back since."""
        seen = exists().where(Identity.person_id == Person.id, Identity.seen_at >= before)
        bound = [
            exists().where(entity.person_id == Person.id)
            for entity in (Consent, Membership, Expert, LinkCode, Conversation)
        ]
        old = select(Person.id).where(
            Person.created_at < before,
            Person.name.is_(None),
            ~seen,
            *(~one for one in bound),
        )
        return self._delete(Person, old.order_by(Person.id), limit)

    def _purge_rectifications(self, programme: str, before: datetime, limit: int) -> int:
        done = func.coalesce(Rectification.settled_at, Rectification.asked_at)
        old = select(Rectification.id).where(Rectification.programme_id == programme, done < before)
        return self._delete(Rectification, old.order_by(Rectification.id), limit)

    def _purge_drafts(self, programme: str, before: datetime, now: datetime, limit: int) -> int:
        """Dialogues never completed; one whose window is open may still be.

        And those whose answers led to no request, for the file refuses it or it was erased.
        """
        left = and_(Conversation.status.in_(("open", "cancelled")), Conversation.snapshot.is_(None))
        request = exists().where(Request.conversation_id == Conversation.id)
        old = (
            select(Conversation.id, Conversation.person_id)
            .where(
                Conversation.programme_id == programme,
                or_(left, and_(Conversation.kind == "intake", ~request)),
                Conversation.updated_at < before,
                or_(Conversation.closes_at.is_(None), Conversation.closes_at <= now),
            )
            .order_by(Conversation.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return self._privacy.end_talks(
            (row.id, row.person_id) for row in self._session.execute(old)
        )

    def _purge_strays(self, programme: str | None, before: datetime, limit: int) -> int:
        return self._delete(
            Stray,
            select(Stray.id)
            .where(Stray.programme_id.is_not_distinct_from(programme), Stray.said_at < before)
            .order_by(Stray.id),
            limit,
        )

    def _purge_pairs(self, programme: str, before: datetime, limit: int) -> int:
        """Ended pairs with their rhythm, check-ins, meetings, objectives and dialogues."""
        old = (
            select(Pair.id)
            .where(
                Pair.programme_id == programme,
                Pair.state == "closed",
                func.coalesce(Pair.ended_at, Pair.started_at) < before,
            )
            .order_by(Pair.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        found = set(self._session.scalars(old))
        if found:
            self._privacy.let_go({"pair": found})
        return self._drop(Pair, found)

    def _purge_requests(self, programme: str, before: datetime, limit: int) -> int:
        """Ended requests with their proposals and intake; a matched one lives as its pair does."""
        paired = exists().where(Pair.request_id == Request.id)
        old = (
            select(Request.id, Request.conversation_id, Request.person_id)
            .where(
                Request.programme_id == programme,
                Request.changed_at < before,
                or_(Request.state == "closed", Request.state == "matched"),
                ~paired,
            )
            .order_by(Request.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        found = self._session.execute(old).all()
        numbers = {row.id for row in found}
        if not found:
            return 0
        self._privacy.let_go({"request": numbers})
        others = set(  # one intake may have led to several requests
            self._session.scalars(
                select(Request.conversation_id).where(
                    Request.person_id.in_({row.person_id for row in found}),
                    Request.id.not_in(numbers),
                )
            )
        )
        self._privacy.end_talks(
            (row.conversation_id, row.person_id)
            for row in found
            if row.conversation_id not in others
        )
        return self._drop(Request, numbers)

    def _purge_referrals(self, programme: str, before: datetime, limit: int) -> int:
        """Those that came to their end."""
        return self._delete(
            Referral,
            select(Referral.id)
            .where(
                Referral.programme_id == programme,
                Referral.state.in_(("done", "declined")),
                Referral.changed_at < before,
            )
            .order_by(Referral.id),
            limit,
        )

    def _purge_entries(self, programme: str, before: datetime, limit: int) -> int:
        """Who took part in campaigns closed long ago, and with whom; their figures stay."""
        old = select(Campaign.id).where(
            Campaign.programme_id == programme, Campaign.closed_at < before
        )
        return self._delete(
            CampaignPair, select(CampaignPair.id).where(CampaignPair.campaign_id.in_(old)), limit
        ) or self._delete(
            CampaignEntry, select(CampaignEntry.id).where(CampaignEntry.campaign_id.in_(old)), limit
        )

    def _purge_announcements(self, programme: str, before: datetime, limit: int) -> int:
        old = select(Announcement.id).where(
            Announcement.programme_id == programme, Announcement.asked_at < before
        )
        return self._delete(Announcement, old.order_by(Announcement.id), limit)

    def _purge_partners(self, programme: str, before: datetime, limit: int) -> int:
        """Companies that are closed, links that ended, and who was shown to whom."""
        theirs = select(Partner.id).where(Partner.programme_id == programme)
        views = select(PartnerView.id).where(
            PartnerView.partner_id.in_(theirs), PartnerView.at < before
        )
        ended = func.coalesce(PartnerLink.revoked_at, PartnerLink.expires_at)
        links = select(PartnerLink.id).where(PartnerLink.partner_id.in_(theirs), ended < before)
        return (
            self._delete(PartnerView, views.order_by(PartnerView.id), limit)
            or self._delete(PartnerLink, links.order_by(PartnerLink.id), limit)
            or self._delete(
                Partner, theirs.where(Partner.closed_at < before).order_by(Partner.id), limit
            )
        )

    def _purge_triage(self, programme: str, before: datetime, limit: int) -> int:
        """Calls for help that are over; letters; decisions taken back or run out."""
        over = func.coalesce(Correction.ended_at, Correction.until)
        return (
            self._delete(
                HelpCall,
                select(HelpCall.id)
                .where(HelpCall.programme_id == programme, HelpCall.closed_at < before)
                .order_by(HelpCall.id),
                limit,
            )
            or self._delete(
                TeamLetter,
                select(TeamLetter.id)
                .where(TeamLetter.programme_id == programme, TeamLetter.written_at < before)
                .order_by(TeamLetter.id),
                limit,
            )
            or self._delete(
                Correction,
                select(Correction.id)
                .where(Correction.programme_id == programme, over < before)
                .order_by(Correction.id),
                limit,
            )
        )

    def _purge_letters(self, programme: str, now: datetime, limit: int) -> int:
        """Letters whose time is over; each knows it, for minors' are kept longer."""
        old = (
            select(Letter.id)
            .where(Letter.programme_id == programme, Letter.keep_until <= now)
            .order_by(Letter.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        found = set(self._session.scalars(old))
        if found:
            self._privacy.let_go({"letter": found})  # one that waits for somebody away goes too
        return self._drop(Letter, found)

    def _purge_flags(self, programme: str, before: datetime, limit: int) -> int:
        """Reports that were closed long ago; an open one stays until somebody has seen to it."""
        old = select(Flag.id).where(
            Flag.programme_id == programme, Flag.state == "closed", Flag.changed_at < before
        )
        return self._delete(Flag, old.order_by(Flag.id), limit)

    def _purge_reports(self, programme: str, before: datetime, limit: int) -> int:
        old = (
            select(Report.id, Report.conversation_id, Report.person_id)
            .where(Report.programme_id == programme, Report.closes_at < before)
            .order_by(Report.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        found = self._session.execute(old).all()
        self._privacy.end_talks(
            (row.conversation_id, row.person_id) for row in found if row.conversation_id is not None
        )
        return self._drop(Report, {row.id for row in found}) or self._delete(
            Wish,
            select(Wish.id)
            .where(Wish.programme_id == programme, Wish.updated_at < before)
            .order_by(Wish.id),
            limit,
        )

    def _delete(self, entity: type[Base], old: Select[int], limit: int) -> int:
        some = old.limit(limit).with_for_update(skip_locked=True)  # a turn that holds one goes on
        return self._drop(entity, self._session.scalars(some))

    def _drop(self, entity: type[Base], numbers: Iterable[int]) -> int:
        wanted = list(numbers)
        if not wanted:
            return 0
        table = entity.__table__
        return changed(self._session, delete(entity).where(table.c.id.in_(wanted)))
