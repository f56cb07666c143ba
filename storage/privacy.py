"""A person's own data: give it all to them, make it all go; and purge what was kept long enough.

The first two walk the schema, so that a new table with a person in it can't be forgotten. This
module does not know who asks: the caller has made sure that it is the person. Nor does it know how
long anything is kept: the programme's file says so.

Source: GDPR 5(1)e, 15, 17, 20.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from storage.sealed import Sealed, Unreadable
from storage.silence import UNSENT, silence
from storage.tables import (
    Announcement,
    Audit,
    Base,
    Beyond,
    Campaign,
    CampaignEntry,
    CampaignPair,
    Checkin,
    Consent,
    Conversation,
    Correction,
    Erasure,
    Expert,
    Flag,
    HelpCall,
    Identity,
    Inbox,
    Interview,
    Letter,
    LinkCode,
    Membership,
    MentorCheck,
    Objective,
    Outbox,
    Pair,
    Person,
    Proposal,
    Rectification,
    Referral,
    Report,
    Request,
    RequestNote,
    Series,
    Stray,
    TeamLetter,
    Timer,
    Wish,
)
from storage.upsert import changed
from storage.vault import Vault

_SKIPPED = frozenset(
    {"person_key", "sender_lease", "timer", "directory_word"}
)  # the last holds no word that the expert's own row does not
_OWNERS = (
    "person_id",
    "author_id",
    "mentee_id",
    "mentor_id",
    "expert_id",
    "set_by_id",
    "interviewer_id",
)
_SECRET = frozenset(
    {
        "digest",
        "by_id",
        "to_id",
        "folded",
        "fingerprint",
        "entries",
        "score",
        "drafted",
        "gain_pairs",
        "gain_points",
        *("outcome", "origin"),  # would tell one side of a pair what the other wished
    }
)
_SEEN = ("proposed", "accepted", "declined", "withdrawn")  # a draft is the team's paper

TIMERS: Final[Mapping[str, str]] = {
    "request-stale": "request",
    "request-claim": "request",
    "request-due": "request",
    "proposal-nudge": "proposal",
    "proposal-due": "proposal",
    "pair-nudge": "pair",
    "pair-lapse": "pair",
    "pair-end": "pair",
    "pair-closed": "pair",
    "extend-ask": "pair",
    "followup": "pair",
    "overrun": "pair",
    "beyond-due": "beyond",
    "referral-idle": "referral",
    "referral-ask": "referral",
    "guide": "pair",
    "checkin": "series",
    "checkin-remind": "checkin",
    "meeting-ask": "meeting",
    "agenda": "person",
    "campaign-draft": "campaign",
    "campaign-picture": "person",
    "statistics-picture": "person",
    "campaign-comparison": "person",
    "export": "person",
    "announce": "announcement",
    "announce-reach": "announcement",
    "help-call": "help_call",
    "flag-waits": "flag",
    "check-ends": "mentor_check",
    "check-over": "mentor_check",
}
"""Table of the subject of each kind of timer; a kind without one belongs to a whole programme."""
_MESSAGES: Final[Mapping[str, str]] = {
    "offer": "proposal",
    "proposal-nudge": "proposal",
    "pair-offer": "pair",
    "pair-nudge": "pair",
    "intro": "pair",
    "guide": "pair",
    "closing": "pair",
    "pair-changed": "pair",
    "extension": "pair",
    "followup": "pair",
    "beyond-answered": "beyond",
    "referral": "referral",
    "referral-ask": "referral",
    "objective": "objective",
    "checkin": "checkin",
    "checkin-remind": "checkin",
    "meeting-ask": "meeting",
}
"""Messages that mean nothing without their subject: first word of the key → table of the second."""
_TALKS: Final[Mapping[str, str]] = {
    "checkin": "checkin",
    "closing": "pair",
    "objective": "pair",
    "leaving": "pair",
    "beyond": "pair",
    "followup": "pair",
}
"""Dialogues about something that two people share: first word of the kind → table."""

Gone = dict[str, set[int]]
"""Numbers of rows about to vanish, by table."""


class Keep(Protocol):
    """For how many days a programme keeps each class of data."""

    @property
    def drafts(self) -> int:
        """Dialogues stopped or left, and words that fitted nowhere, from the last turn."""

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


class Privacy:
    """Export, erasure and retention."""

    def __init__(self, session: Session, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    # --- export -----------------------------------------------------------------------------------

    def export_person(self, person_id: int) -> dict[str, list[dict[str, Any]]]:
        """Every row about the person, by table; sealed columns opened when they may see them.

        What both sides of a pair see (meetings, objectives) is in it whoever wrote it. Of the
        proposals, those made to them as a mentee, and as an expert those that were sent to them.
        """
        found: dict[str, list[dict[str, Any]]] = {}
        for table in Base.metadata.sorted_tables:
            theirs = rows_about(table, person_id)
            if theirs is None:
                continue
            rows = self._session.execute(select(table).where(theirs)).mappings()
            found[table.name] = [self._readable(table, dict(row), person_id) for row in rows]
        return found

    def _readable(self, table: Table, row: dict[str, Any], person_id: int) -> dict[str, Any]:
        for column in table.columns:
            if column.name in _SECRET:
                row.pop(column.name)
            elif isinstance(column.type, Sealed) and row[column.name] is not None:
                if table.name == "outbox":
                    row[column.name] = None  # theirs once it is sent; until then it may be recalled
                    continue
                owner = row.get("author_id", person_id)  # an objective: the partner sees it too
                try:
                    row[column.name] = self._vault.open(self._session, owner, row[column.name])
                except Unreadable:
                    row[column.name] = None  # the seal was erased
        if table.name == "audit" and row["actor_id"] != person_id:
            row["actor_id"] = None  # who of the team it was, the programme decides to say or not
        return row

    # --- erasure ----------------------------------------------------------------------------------

    def erase_person(self, person_id: int, now: datetime) -> None:
        """Destroy the key and the rows, and what still waits to be sent or worked.

        Rows of others that only point at the person go with the pair or request they belong to,
        and so do their timers, the dialogues about them, and the messages not sent yet that would
        tell others of something that is no more, or that name the person or quote them. What is
        left in files and backups is for `storage.erasures`, which finds the number written down.
        """
        silence(self._session, self._vault, person_id, self.export_person(person_id))
        accounts = self._session.execute(
            select(Identity.platform, Identity.account).where(Identity.person_id == person_id)
        ).all()
        self._session.execute(
            delete(Outbox).where(Outbox.person_id == person_id, Outbox.state.in_(UNSENT))
        )
        pairs = select(Pair.id).where(or_(Pair.mentee_id == person_id, Pair.mentor_id == person_id))
        requests = select(Request.id).where(Request.person_id == person_id)
        proposals = select(Proposal.id).where(Proposal.expert_id == person_id)
        calls = select(HelpCall.id).where(HelpCall.person_id == person_id)
        referrals = select(Referral.id).where(Referral.person_id == person_id)
        flags = select(Flag.id).where(Flag.person_id == person_id)
        checks = select(MentorCheck.id).where(MentorCheck.person_id == person_id)
        self._let_go(
            {
                "referral": set(self._session.scalars(referrals)),
                "pair": set(self._session.scalars(pairs)),
                "request": set(self._session.scalars(requests)),
                "proposal": set(self._session.scalars(proposals)),
                "help_call": set(self._session.scalars(calls)),
                "flag": set(self._session.scalars(flags)),
                "mentor_check": set(self._session.scalars(checks)),
                "person": {person_id},
            }
        )
        self._session.execute(
            update(Outbox).where(Outbox.person_id == person_id).values(payload=None)
        )
        heard = or_(
            Inbox.person_id == person_id,
            Inbox.author.in_([f"{platform}:{account}" for platform, account in accounts]),
        )
        self._session.execute(
            update(Inbox)
            .where(heard, Inbox.state != "received")
            .values(payload=None, person_id=None, author=None)
        )
        self._session.add(Erasure(gone_id=person_id, at=now))
        self._session.flush()
        for column in (Request.owner_id, RequestNote.by_id, Interview.asked_by_id):
            self._session.execute(
                update(column.class_).where(column == person_id).values({column: None})
            )
        self._session.execute(delete(Expert).where(Expert.person_id == person_id))
        self._session.execute(delete(Identity).where(Identity.person_id == person_id))
        self._session.execute(delete(Person).where(Person.id == person_id))
        self._session.expire_all()
        self._vault.forget(self._session)

    def _let_go(self, gone: Gone) -> None:
        """End what hangs on pairs, requests and proposals about to be deleted, but for the rows.

        Their own rows, and those below them, go by the foreign keys.
        """
        self._session.flush()
        pairs = gone.setdefault("pair", set())
        for entity in (Series, Checkin, Objective, Beyond):
            below = select(entity.id).where(entity.pair_id.in_(pairs))
            gone[entity.__tablename__] = set(self._session.scalars(below))
        of_requests = select(Proposal.id).where(Proposal.request_id.in_(gone.get("request", ())))
        gone.setdefault("proposal", set()).update(self._session.scalars(of_requests))
        concerned = {
            person
            for row in self._session.execute(
                select(Pair.mentee_id, Pair.mentor_id).where(Pair.id.in_(pairs))
            )
            for person in row
        }
        concerned.update(
            self._session.scalars(
                select(Proposal.expert_id).where(Proposal.id.in_(gone["proposal"]))
            )
        )
        self._session.execute(
            update(Person)
            .where(Person.id.in_(concerned), Person.relay_id.in_(pairs))
            .values(relay_id=None)
        )
        for kind, table in TIMERS.items():
            if gone.get(table):
                self._session.execute(
                    delete(Timer).where(Timer.kind == kind, Timer.subject_id.in_(gone[table]))
                )
        waiting = self._session.execute(
            select(Outbox.id, Outbox.dedup_key).where(
                Outbox.person_id.in_(concerned), Outbox.state.in_(UNSENT)
            )
        )
        void = [number for number, key in waiting if _speaks_of(key, gone)]
        if void:
            self._session.execute(
                update(Outbox).where(Outbox.id.in_(void)).values(state="cancelled", payload=None)
            )
        about = [
            and_(
                or_(Conversation.kind == word, Conversation.kind.startswith(f"{word}:")),
                Conversation.about_id.in_(gone[table]),
            )
            for word, table in _TALKS.items()
            if gone[table]
        ]
        if about:
            found = select(Conversation.id, Conversation.person_id).where(or_(*about))
            self._end_talks((row.id, row.person_id) for row in self._session.execute(found))

    def _end_talks(self, found: Iterable[tuple[int, int]]) -> int:
        """Delete dialogues, and nobody is asked anything in them any more."""
        owners = dict(found)
        if not owners:
            return 0
        self._session.execute(
            update(Person)
            .where(Person.id.in_(set(owners.values())), Person.focus_id.in_(owners))
            .values(focus_id=None)
        )
        return changed(self._session, delete(Conversation).where(Conversation.id.in_(owners)))

    # --- retention --------------------------------------------------------------------------------

    def purge(self, rules: Mapping[str, Keep], now: datetime, limit: int = 300) -> int:
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
                or self._purge_strays(programme, drafts, limit)
                or self._purge_pairs(programme, ended, few)
                or self._purge_requests(programme, ended, few)
                or self._purge_reports(programme, closed, limit)
                or self._purge_entries(programme, ended, limit)
                or self._purge_announcements(programme, now - timedelta(days=keep.audit), limit)
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
            self._purge_strays(None, drafts, limit)
            or self._delete(
                LinkCode, select(LinkCode.id).where(LinkCode.expires_at < drafts), limit
            )
            or self._purge_guests(drafts, limit)
            or self._delete(
                Audit, select(Audit.id).where(Audit.at < audit).order_by(Audit.at), limit
            )
        )

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
        """Dialogues never completed; one whose window is open may still be."""
        old = (
            select(Conversation.id, Conversation.person_id)
            .where(
                Conversation.programme_id == programme,
                Conversation.status.in_(("open", "cancelled")),
                Conversation.snapshot.is_(None),
                Conversation.updated_at < before,
                or_(Conversation.closes_at.is_(None), Conversation.closes_at <= now),
            )
            .order_by(Conversation.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return self._end_talks((row.id, row.person_id) for row in self._session.execute(old))

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
            self._let_go({"pair": found})
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
        self._let_go({"request": numbers})
        others = set(  # one intake may have led to several requests
            self._session.scalars(
                select(Request.conversation_id).where(
                    Request.person_id.in_({row.person_id for row in found}),
                    Request.id.not_in(numbers),
                )
            )
        )
        self._end_talks(
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
        old = select(Letter.id).where(Letter.programme_id == programme, Letter.keep_until <= now)
        return self._delete(Letter, old.order_by(Letter.id), limit)

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
        self._end_talks(
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


def rows_about(table: Table, person_id: int) -> ColumnElement[bool] | None:
    """Which rows of a table are about the person; None when none can be."""
    if table.name in _SKIPPED:
        return None
    pairs = select(Pair.id).where(or_(Pair.mentee_id == person_id, Pair.mentor_id == person_id))
    match table.name:
        case "person":
            return table.c.id == person_id
        case "audit":  # what they did, and what was done to them
            done_to = and_(table.c.thing == "person", table.c.thing_id == person_id)
            return or_(table.c.actor_id == person_id, done_to)
        case "meeting" | "objective":
            return table.c.pair_id.in_(pairs)
        case "series_exception":
            series = select(Series.id).where(Series.person_id == person_id)
            return table.c.series_id.in_(series)
        case "campaign_pair":
            mine = or_(table.c.mentee_id == person_id, table.c.mentor_id == person_id)
            return and_(mine, table.c.state.in_(_SEEN))
        case "request_note" | "team_letter":  # not what nobody has decided or sent yet
            note = table.name == "request_note"
            yet = table.c.kind == "refusal" if note else table.c.state == "draft"
            return and_(table.c.person_id == person_id, ~yet)
        case "forbidden":  # whom staff keep apart would tell each of the other
            mine = or_(table.c.mentee_id == person_id, table.c.mentor_id == person_id)
            return and_(mine, table.c.why == "declined")
        case "proposal":
            asked = select(Request.id).where(Request.person_id == person_id)
            sent = and_(table.c.expert_id == person_id, table.c.asked_at.is_not(None))
            return or_(table.c.request_id.in_(asked), sent)
    owners = [table.c[name] == person_id for name in _OWNERS if name in table.c]
    return or_(*owners) if owners else None


def _speaks_of(key: str, gone: Gone) -> bool:
    """Whether a message with this key is about something that vanishes."""
    word, _, rest = key.partition(":")
    number = rest.partition(":")[0]
    table = _MESSAGES.get(word)
    return table is not None and number.isdecimal() and int(number) in gone.get(table, ())
