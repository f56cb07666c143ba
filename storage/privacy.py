"""A person's own data: give it all to them, make it all go.

The first two walk the schema, so that a new table with a person in it can't be forgotten. This
module does not know who asks: the caller has made sure that it is the person. What goes by itself
after its time is in `storage.retention`.

Source: GDPR 15, 17, 20.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Table,
    and_,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from storage.sealed import Sealed, Unreadable
from storage.silence import UNSENT, silence
from storage.tables import (
    Base,
    Beyond,
    Checkin,
    Conversation,
    Erasure,
    Expert,
    Flag,
    HelpCall,
    Identity,
    Inbox,
    Interview,
    Letter,
    MentorCheck,
    Objective,
    Outbox,
    Pair,
    Partner,
    PartnerLink,
    Person,
    Proposal,
    Referral,
    Request,
    RequestNote,
    Series,
    Timer,
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
        "about_name",
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
    "triage-list": "person",
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
    "referral-news": "referral",
    "objective": "objective",
    "letter": "letter",
    "held": "letter",
    "help-call": "help_call",
    "flag": "flag",
    "flag-waits": "flag",
    "checkin": "checkin",
    "checkin-remind": "checkin",
    "meeting-ask": "meeting",
}
"""Messages that mean nothing without their subject: first word of the key → table of the second."""
_TOLD_TO_OTHERS: Final = ("letter", "help_call", "flag", "referral")
"""Of these, the team or another hears too, not only who is in a pair or was asked."""
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


class Privacy:
    """Export and erasure.

    Args:
        session: The transaction.
        vault: The keys.
        said: The keys of what it has said so far.
    """

    def __init__(self, session: Session, vault: Vault, said: Collection[str] = ()) -> None:
        self._session = session
        self._vault = vault
        self._said = said

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
        self._name_companies(found["partner_view"])
        return found

    def _name_companies(self, views: list[dict[str, Any]]) -> None:
        """To whom somebody was shown, by name (GDPR 15): the company's own row is not theirs."""
        seen = {row["partner_id"] for row in views}
        if seen:
            rows = self._session.execute(
                select(Partner.id, Partner.name).where(Partner.id.in_(seen))
            )
            names = {row.id: row.name for row in rows}
            for view in views:
                view["company"] = names[view["partner_id"]]

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
        reports = self._keep_reports(person_id)
        data = self.export_person(person_id)
        silence(self._session, self._vault, person_id, data, spared=reports, said=self._said)
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
        letters = select(Letter.id).where(Letter.author_id == person_id)
        flags = select(Flag.id).where(Flag.person_id == person_id)
        checks = select(MentorCheck.id).where(MentorCheck.person_id == person_id)
        self.let_go(
            {
                "referral": set(self._session.scalars(referrals)),
                "pair": set(self._session.scalars(pairs)),
                "request": set(self._session.scalars(requests)),
                "proposal": set(self._session.scalars(proposals)),
                "help_call": set(self._session.scalars(calls)),
                "letter": set(self._session.scalars(letters)),
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
        for column in (
            *(Request.owner_id, RequestNote.by_id, Interview.asked_by_id),
            *(Partner.created_by, PartnerLink.created_by),
        ):
            self._session.execute(
                update(column.class_).where(column == person_id).values({column: None})
            )
        self._session.execute(delete(Expert).where(Expert.person_id == person_id))
        self._session.execute(delete(Identity).where(Identity.person_id == person_id))
        self._session.execute(delete(Person).where(Person.id == person_id))
        self._session.expire_all()
        self._vault.forget(self._session)

    def _keep_reports(self, person_id: int) -> list[str]:
        """Keep with each open report about a person what it needs; the keys of what tells of it.

        Whoever is reported can't empty the report by erasing themselves (GDPR 17(3)(e)): their name
        stays in its row, under the instance's seal, and goes with it. The words reported are there
        already, sealed for whoever reported them.
        """
        name = self._session.scalar(select(Person.name).where(Person.id == person_id))
        found = self._session.scalars(
            select(Flag).where(Flag.about_id == person_id, Flag.state != "closed")
        ).all()
        for flag in found:
            flag.about_name = self._vault.seal(self._session, None, name)
        self._session.flush()
        return [f"{word}:{flag.id}:" for flag in found for word in ("flag", "flag-waits")]

    def let_go(self, gone: Gone) -> None:
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
        query = select(Outbox.id, Outbox.dedup_key).where(Outbox.state.in_(UNSENT))
        if not any(gone.get(table) for table in _TOLD_TO_OTHERS):
            query = query.where(Outbox.person_id.in_(concerned))
        waiting = self._session.execute(query)
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
            self.end_talks((row.id, row.person_id) for row in self._session.execute(found))

    def end_talks(self, found: Iterable[tuple[int, int]]) -> int:
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
