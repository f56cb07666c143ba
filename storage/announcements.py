"""Announcements in storage: to whom, what became of them, and who wants none.

Whom a segment means is a question asked anew each time, in one statement. Every change of state is
a compare-and-set. The store does not know what is said about any of it, nor who may ask.

Source: X-15, X-18.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from storage.directory import free
from storage.sending import ANNOUNCED, MUTED, OUT
from storage.tables import (
    Announcement,
    CampaignEntry,
    Consent,
    Expert,
    Identity,
    Membership,
    News,
    Pair,
    Person,
    Report,
)
from storage.upsert import changed, insert_new, table_of
from storage.vault import Vault

ROLES: Final = ("mentee", "mentor")
"""The team writes to these; it does not write to itself."""
TOGETHER: Final = ("proposed", "active", "paused", "closing")

Standing = Literal["", "free", "alone", "silent", "next"]
"""Mentors with a free place; mentees without a pair; people whose report is open and not sent;
people who asked to be told of the next campaign."""


@dataclass(frozen=True, slots=True)
class Segment:
    """To whom: members who have agreed to be here and meet every criterion given.

    Attributes:
        role: mentee or mentor; empty: both.
        standing: Where they stand.
        promos: Years of entry, any of them.
        schools: Schools as they are stored, any of them.
        sectors: Sectors as the directory has them, any of them.
        campaign_id: Those who take part in it.
    """

    role: str = ""
    standing: Standing = ""
    promos: tuple[int, ...] = ()
    schools: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    campaign_id: int | None = None

    def to_json(self) -> dict[str, Any]:
        """What is stored."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Segment:
        """As it was stored."""
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in stored.items()
        }
        return cls(**given)


@dataclass(frozen=True, slots=True)
class Audience:
    """How many a segment means.

    Attributes:
        reachable: People who would be written to, by platform.
        resting: People on pause: they hear it if they are back in time.
        unreachable: People without an account that can be written to.
        muted: People who want no announcements, reachable or not.
    """

    reachable: Mapping[str, int]
    resting: int
    unreachable: int
    muted: int

    @property
    def told(self) -> int:
        """How many would be written to."""
        return sum(self.reachable.values())


@dataclass(frozen=True, slots=True)
class Reach:
    """What became of an announcement's messages: arrived, on their way, lost, not wanted."""

    arrived: int
    waiting: int
    unreachable: int
    muted: int


class Announcements:
    """Announcements, their audiences, and what people want to hear of."""

    def __init__(self, session: Session, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    # --- announcements ----------------------------------------------------------------------------

    def begin(
        self, programme_id: str, author_id: int, segment: Segment, now: datetime
    ) -> Announcement:
        """A new one, to be written."""
        row = Announcement(
            programme_id=programme_id, author_id=author_id, segment=segment.to_json(), asked_at=now,
            told=0, muted=0, unreachable=0,
        )  # fmt: skip
        self._session.add(row)
        self._session.flush()
        return row

    def get(self, number: int) -> Announcement | None:
        """The announcement with this number."""
        return self._session.get(Announcement, number)

    def latest(self, programme_id: str, limit: int) -> Sequence[Announcement]:
        """The newest that were sent or begun, first."""
        return self._session.scalars(
            select(Announcement)
            .where(Announcement.programme_id == programme_id, Announcement.begun_at.is_not(None))
            .order_by(Announcement.id.desc())
            .limit(limit)
        ).all()

    def text(self, row: Announcement) -> str:
        """The words; empty while there are none."""
        if row.text is None:
            return ""
        return str(self._vault.open(self._session, row.author_id, row.text))

    def seal(self, row: Announcement, text: str) -> bytes:
        """Words as they are stored."""
        return self._vault.seal(self._session, row.author_id, text)

    def move(self, row: Announcement, version: int, state: str, **values: Any) -> bool:
        """Compare-and-set the state and what goes with it; False when somebody was quicker."""
        done = changed(
            self._session,
            update(Announcement)
            .where(Announcement.id == row.id, Announcement.version == version)
            .values(state=state, version=version + 1, **values)
            .execution_options(synchronize_session=False),
        )
        self._session.refresh(row)
        return bool(done)

    def add(self, row: Announcement, *, told: int, muted: int, unreachable: int) -> bool:
        """Count some people more; False, and nothing, when it is not being sent any more.

        Locks the row, so that whoever stops it finds all that was queued before.
        """
        done = changed(
            self._session,
            update(Announcement)
            .where(Announcement.id == row.id, Announcement.state == "sending")
            .values(
                told=Announcement.told + told,
                muted=Announcement.muted + muted,
                unreachable=Announcement.unreachable + unreachable,
            )
            .execution_options(synchronize_session=False),
        )
        self._session.refresh(row)
        return bool(done)

    def reach(self, row: Announcement) -> Reach:
        """How far it came: from the outbox, or as counted when that was still complete."""
        if row.reached is not None:
            return Reach(row.reached, 0, row.unreachable, row.muted)
        prefix = key(row, "")
        kind = case(
            (OUT.c.state == "sent", "arrived"),
            (OUT.c.state.in_(("queued", "sending", "in_doubt")), "waiting"),
            (OUT.c.reason == MUTED, "muted"),
            (OUT.c.state.in_(("unreachable", "failed", "expired")), "lost"),
            else_="stopped",
        )
        rows = self._session.execute(
            select(kind, func.count(OUT.c.person_id.distinct()))
            .where(func.substr(OUT.c.dedup_key, 1, len(prefix)) == prefix)
            .group_by(kind)
        )
        found = {row[0]: int(row[1]) for row in rows}
        return Reach(
            found.get("arrived", 0),
            found.get("waiting", 0),
            row.unreachable + found.get("lost", 0),
            row.muted + found.get("muted", 0),
        )

    # --- segments ---------------------------------------------------------------------------------

    def audience(
        self,
        programme_id: str,
        segment: Segment,
        now: datetime,
        *,
        without: Collection[int] = (),
    ) -> Audience:
        """How many it means, by the platform each would be written to on.

        Args:
            programme_id: Whose members.
            segment: Which of them.
            now: UTC.
            without: Numbers of people who may not be written to.
        """
        usable = (Identity.person_id == Person.id, Identity.reachable.is_(True))
        one = select(Identity.platform).order_by(Identity.id).limit(1)
        preferred = one.where(*usable, Identity.platform == Person.reply_on).scalar_subquery()
        platform = func.coalesce(preferred, one.where(*usable).scalar_subquery())
        muted = exists().where(
            News.person_id == Person.id, News.programme_id == programme_id,
            News.muted_at.is_not(None),
        )  # fmt: skip
        people = (
            select(
                platform.label("platform"),
                case((muted, "muted"), (Person.paused_at.is_not(None), "resting"), else_="").label(
                    "quiet"
                ),
            )
            .select_from(Person)
            .where(*_meant(programme_id, segment, now), Person.id.not_in(without))
            .subquery()
        )
        rows = self._session.execute(
            select(people.c.platform, people.c.quiet, func.count()).group_by(
                people.c.platform, people.c.quiet
            )
        ).all()
        return Audience(
            {name: n for name, quiet, n in sorted(rows, key=str) if name and not quiet},
            sum(n for name, quiet, n in rows if name and quiet == "resting"),
            sum(n for name, quiet, n in rows if not name and quiet != "muted"),
            sum(n for _, quiet, n in rows if quiet == "muted"),
        )

    def page(
        self, programme_id: str, segment: Segment, now: datetime, *, after_id: int, limit: int
    ) -> Sequence[Person]:
        """People it means, by number."""
        return self._session.scalars(
            select(Person)
            .where(*_meant(programme_id, segment, now), Person.id > after_id)
            .order_by(Person.id)
            .limit(limit)
        ).all()

    def values(self, programme_id: str) -> tuple[list[str], list[str]]:
        """The schools and the sectors that members have."""
        member = exists().where(
            Membership.person_id == Person.id, Membership.programme_id == programme_id
        )
        schools = select(Person.school).where(member, Person.school.is_not(None)).distinct()
        sectors = (
            select(Expert.sector)
            .join(Person, Person.id == Expert.person_id)
            .where(member, Expert.sector != "")
            .distinct()
        )
        return (
            sorted(name for name in self._session.scalars(schools) if name),
            sorted(self._session.scalars(sectors)),
        )

    # --- what people want to hear of --------------------------------------------------------------

    def news(self, person_id: int, programme_id: str) -> News | None:
        """What somebody said about it; None: nothing yet."""
        return self._session.scalar(
            select(News).where(News.person_id == person_id, News.programme_id == programme_id)
        )

    def want(self, person_id: int, programme_id: str, **said: datetime | None) -> News:
        """Keep what somebody says: `muted_at`, `next_at`."""
        one = {"person_id": person_id, "programme_id": programme_id}
        insert_new(self._session, table_of(News), one)
        self._session.execute(update(News).filter_by(**one).values(**said))
        row = self.news(person_id, programme_id)
        if row is None:
            raise LookupError("a row just written")
        self._session.refresh(row)
        return row

    def muted(self, programme_id: str, people: Collection[int]) -> frozenset[int]:
        """Those of these people who want no announcements."""
        return frozenset(
            self._session.scalars(
                select(News.person_id).where(
                    News.programme_id == programme_id,
                    News.person_id.in_(people),
                    News.muted_at.is_not(None),
                )
            )
        )

    def told_of_next(self, programme_id: str) -> Sequence[Person]:
        """Those who asked to be told of the next campaign; asked once, told once."""
        waiting = (News.programme_id == programme_id, News.next_at.is_not(None))
        people = self._session.scalars(
            select(Person)
            .join(News, News.person_id == Person.id)
            .where(*waiting)
            .order_by(Person.id)
        ).all()
        self._session.execute(update(News).where(*waiting).values(next_at=None))
        return people


def key(row: Announcement, person: int | str) -> str:
    """The key of an announcement's message to somebody."""
    return f"{ANNOUNCED}{row.programme_id}:{row.id}:{person}"


def _meant(programme_id: str, segment: Segment, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions on `Person`."""
    roles = (segment.role,) if segment.role in ROLES else ROLES
    found: list[ColumnElement[bool]] = [
        exists().where(
            Membership.person_id == Person.id, Membership.programme_id == programme_id,
            Membership.role.in_(roles), Membership.state == "active",
        ),
        exists().where(
            Consent.person_id == Person.id, Consent.programme_id == programme_id,
            Consent.purpose == "storage", Consent.withdrawn_at.is_(None),
        ),
    ]  # fmt: skip
    if segment.promos:
        found.append(Person.promo.in_(segment.promos))
    if segment.schools:
        found.append(Person.school.in_(segment.schools))
    if segment.sectors:
        found.append(
            exists().where(Expert.person_id == Person.id, Expert.sector.in_(segment.sectors))
        )
    if segment.campaign_id is not None:
        found.append(
            exists().where(
                CampaignEntry.person_id == Person.id,
                CampaignEntry.campaign_id == segment.campaign_id,
                or_(CampaignEntry.role == "mentee", CampaignEntry.places > 0),
            )
        )
    match segment.standing:
        case "free":
            found.append(exists().where(Expert.person_id == Person.id, *free(now)))
        case "alone":
            found.append(
                ~exists().where(
                    Pair.mentee_id == Person.id, Pair.programme_id == programme_id,
                    Pair.state.in_(TOGETHER),
                )
            )  # fmt: skip
        case "silent":
            found.append(
                exists().where(
                    Report.person_id == Person.id, Report.programme_id == programme_id,
                    and_(Report.sent_at.is_(None), Report.closes_at > now),
                )
            )  # fmt: skip
        case "next":
            found.append(
                exists().where(
                    News.person_id == Person.id, News.programme_id == programme_id,
                    News.next_at.is_not(None),
                )
            )  # fmt: skip
        case "":
            pass
    return found
