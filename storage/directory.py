"""The directory of experts: who may be proposed now, their places, the import, the staff's search.

Hard rules (consent, availability, a free place, no second refusal) are answered here, by the
database, before any scoring. How well somebody fits a wish is none of this module's business: that
is `bot/matching/`.

Source: M-18, M-19, A-23; "capacity is checked in the accepting statement, atomically".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Float,
    Select,
    Table,
    bindparam,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy import cast as cast_to
from sqlalchemy.orm import Session

from storage import search
from storage.classes import Classes
from storage.people import TAKEN, void_codes
from storage.search import Found, Results, of_programme, write_words
from storage.tables import Consent, Expert, Identity, Membership, Pair, Person, Proposal, Request
from storage.words import COLUMNS, Query, fold, parse

REFUSED = ("declined", "lapsed")
"""States of a proposal after which the same expert is not proposed to the same mentee again."""

HOLDING = ("proposed", "active", "paused")
"""States of a pair that take one of its mentor's places; a card made later counts them too."""

PROPOSED = "proposed"
"""Purpose of the consent to be proposed as an expert."""

CONTENT = (
    "job", "employer", "structure", "sector", "city", "country", "countries", "bio", "situations",
    "languages", "helps", "topics",
)  # fmt: skip
"""Columns of an expert that matching reads: a change of one changes the directory's version."""

_WEEK = timedelta(days=7)
_CHUNK = 500  # values in one IN (…), well under SQLite's limit of variables
_T = TypeVar("_T")

_PERSON = cast(Table, Person.__table__)
_EXPERT = cast(Table, Expert.__table__)
_IDENTITY = cast(Table, Identity.__table__)
_MEMBERSHIP = cast(Table, Membership.__table__)


class Profile(NamedTuple):
    """What matching may read of a consenting expert: public fields, no name, address or gender."""

    person_id: int
    promo: int | None
    job: str
    employer: str
    structure: str
    sector: str
    city: str
    country: str
    countries: tuple[str, ...]
    bio: str
    situations: tuple[str, ...]
    languages: tuple[str, ...]
    helps: tuple[str, ...]
    topics: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One person of an import.

    All entries of one import give the same keys; what no key names is left as it is.

    Attributes:
        person: Columns of `Person` (external_id, email, name, promo, school, lang, zone); none
            never erases what is known.
        expert: Columns of `Expert`; none = the person is no expert (a mentee, a staff member).
        roles: (programme id, role) to hold as active memberships.
        accounts: (platform, account, bot account) to link.
        classes: (programme id, key, name) of classes of which the person is a pupil too.
    """

    person: Mapping[str, Any]
    expert: Mapping[str, Any] | None = None
    roles: tuple[tuple[str, str], ...] = ()
    accounts: tuple[tuple[str, str, str], ...] = ()
    classes: tuple[tuple[str, str, str], ...] = ()


@dataclass(slots=True)
class Written:
    """What an import did."""

    created: int = 0
    updated: int = 0
    ids: list[int] = field(default_factory=list)


def fingerprint(person_id: int, promo: int | None, content: Mapping[str, Any]) -> int:
    """40 bits that change with anything matching reads; their sum is a directory's version."""
    text = json.dumps(
        [person_id, promo, *(content.get(name) for name in CONTENT)], ensure_ascii=False
    )
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=5).digest(), "big")


def _folded(name: str | None, content: Mapping[str, Any]) -> str:
    return fold(" ".join([name or "", *(str(content.get(column) or "") for column in COLUMNS)]))


def _chunks(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def free(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Consenting, available (a pause that is over counts as over), with a place left."""
    return (
        Expert.consenting.is_(True),
        or_(Expert.available.is_(True), Expert.paused_until <= now),
        Expert.places_taken + Expert.outside_load < Expert.capacity,
    )


class Directory:
    """Queries and statements on the experts, inside the caller's transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # --- for matching ---------------------------------------------------------------------------

    def version(self) -> tuple[int, int]:
        """A value that differs once the content of a consenting expert does, in any process.

        Places and pauses are not part of it: `eligible` reads them fresh.
        """
        count, total = self._session.execute(
            select(func.count(), func.coalesce(func.sum(Expert.fingerprint), 0)).where(
                Expert.consenting.is_(True)
            )
        ).one()
        return int(count), int(total)

    def profiles(self) -> Iterator[Profile]:
        """What matching reads of every consenting expert, in the order of their ids."""
        columns = [_EXPERT.c[name] for name in CONTENT]
        found = self._session.execute(
            select(_EXPERT.c.person_id, _PERSON.c.promo, *columns)
            .join(_PERSON, _PERSON.c.id == _EXPERT.c.person_id)
            .where(_EXPERT.c.consenting.is_(True))
            .order_by(_EXPERT.c.person_id)
        )
        for row in found:
            values: list[Any] = [tuple(v) if isinstance(v, list) else v for v in row]
            yield Profile(*values)

    def names(self, ids: Collection[int]) -> dict[int, str]:
        """What the imported directory calls people; for others, their number here."""
        found = {number: str(number) for number in ids}
        for some in _chunks(list(ids), _CHUNK):
            rows = self._session.execute(
                select(_PERSON.c.id, _PERSON.c.external_id).where(_PERSON.c.id.in_(some))
            )
            found.update((number, name) for number, name in rows if name)
        return found

    def eligible(
        self,
        now: datetime,
        *,
        programme_id: str | None = None,
        mentee_id: int | None = None,
        exclude: Collection[int] = (),
    ) -> list[int]:
        """The people who may be proposed at this moment, by id.

        Args:
            now: This moment, aware.
            programme_id: Only experts of this programme; one who has no mentor's role in any
                programme is an expert of all of them.
            mentee_id: Leaves out this person, whoever refused them (or let the deadline pass), and
                whoever is or was in a pair with them.
            exclude: Further ids to leave out (already shown).
        """
        query = select(Expert.person_id).where(*free(now)).order_by(Expert.person_id)
        if programme_id is not None:
            query = query.where(of_programme(_EXPERT.c.person_id, programme_id))
        barred = set(exclude)
        if mentee_id is not None:
            barred |= self._barred(mentee_id)
        return [i for i in self._session.scalars(query) if i not in barred]

    def loads(
        self, now: datetime, memory_months: int, *, carried: bool = True
    ) -> dict[int, tuple[float, int]]:
        """What experts carry, who carries something: in mentees, and times proposed this week.

        A place taken counts 1, somebody who asks a half, somebody of the last months a quarter.

        Args:
            now: This moment, aware.
            memory_months: How long a pair that is over weighs.
            carried: Count more than the times proposed, which takes a look at every expert.
        """
        ended = now - timedelta(days=round(memory_months * 365.25 / 12))
        held = Expert.places_taken + Expert.outside_load

        def part(person: Any, places: Any, shown: int) -> Select[Any]:
            places = cast_to(places, Float)
            return select(person.label("person"), places.label("places"),
                          literal(shown).label("shown"))  # fmt: skip

        some = [part(Proposal.expert_id, 0, 1).where(Proposal.shown_at > now - _WEEK)]
        if carried:
            some += [
                part(Expert.person_id, held, 0).where(held > 0),
                part(Proposal.expert_id, 0.5, 0).where(Proposal.state == "asked"),
                part(Pair.mentor_id, 0.25, 0).where(Pair.ended_at > ended),
            ]
        parts = union_all(*some).subquery()
        found = self._session.execute(
            select(parts.c.person, func.sum(parts.c.places), func.sum(parts.c.shown)).group_by(
                parts.c.person
            )
        )
        return {person: (float(places), int(shown)) for person, places, shown in found}

    def _barred(self, mentee_id: int) -> set[int]:
        refused = (
            select(Proposal.expert_id)
            .join(Request, Request.id == Proposal.request_id)
            .where(Request.person_id == mentee_id, Proposal.state.in_(REFUSED))
        )
        met = select(Pair.mentor_id).where(Pair.mentee_id == mentee_id)
        return {mentee_id, *self._session.scalars(refused), *self._session.scalars(met)}

    # --- one expert -----------------------------------------------------------------------------

    def get(self, person_id: int) -> Expert | None:
        """The expert's row, if the person is one. Change its content through `save` only."""
        return self._session.get(Expert, person_id)

    def save(self, person_id: int, now: datetime, changes: Mapping[str, Any]) -> Expert:
        """Make somebody an expert, or change what the directory says of them.

        Args:
            person_id: An existing person.
            now: This moment, aware.
            changes: Columns of `Expert` with their new values.

        Raises:
            KeyError: A name in `changes` is no column of `Expert`.
        """
        expert = self._session.get(Expert, person_id)
        if expert is None:
            defaults = {name: [] if _is_list(name) else "" for name in CONTENT}
            expert = Expert(
                person_id=person_id,
                consenting=False,
                updated_at=now,
                places_taken=self._pairs_of([person_id]).get(person_id, 0),
                **defaults,
            )
            self._session.add(expert)
        for name, value in changes.items():
            if name not in _EXPERT.c:
                raise KeyError(name)
            setattr(expert, name, value)
        person = self._session.get_one(Person, person_id)
        content = {name: getattr(expert, name) for name in CONTENT}
        expert.fingerprint = fingerprint(person_id, person.promo, content)
        expert.folded = _folded(person.name, content)
        expert.updated_at = now
        self._session.flush()
        write_words(self._session, {person_id: (person.name, person.promo, content)})
        return expert

    def _pairs_of(self, people: Collection[int]) -> dict[int, int]:
        """How many pairs that hold a place each of these mentors has, where there are any."""
        rows = self._session.execute(
            select(Pair.mentor_id, func.count())
            .where(Pair.mentor_id.in_(people), Pair.state.in_(HOLDING))
            .group_by(Pair.mentor_id)
        )
        return {row[0]: row[1] for row in rows}

    def is_free(self, person_id: int, now: datetime) -> bool:
        """Whether this expert may be proposed or asked at this moment."""
        found = select(Expert.person_id).where(Expert.person_id == person_id, *free(now))
        return self._session.scalar(found) is not None

    def pause(self, person_id: int, now: datetime, until: datetime | None = None) -> None:
        """Stop proposing this expert, until a moment or until they say so."""
        self._change(person_id, now, available=False, paused_until=until, paused_at=now)

    def resume(self, person_id: int, now: datetime) -> None:
        """Propose this expert again."""
        self._change(person_id, now, available=True, paused_until=None, paused_at=None)

    def take_place(self, person_id: int, now: datetime) -> bool:
        """Take one of the expert's places, in one statement; false when they may not be asked."""
        return self._change(person_id, now, *free(now), places_taken=Expert.places_taken + 1)

    def give_place(self, person_id: int, now: datetime) -> bool:
        """Give a place back when a pair ends; false when none was taken."""
        return self._change(
            person_id, now, Expert.places_taken > 0, places_taken=Expert.places_taken - 1
        )

    def _change(
        self, person_id: int, now: datetime, *only: ColumnElement[bool], **values: Any
    ) -> bool:
        done = self._session.execute(
            update(Expert)
            .where(Expert.person_id == person_id, *only)
            .values(updated_at=now, **values)
            .execution_options(synchronize_session=False)
        )
        loaded = self._session.identity_map.get(self._session.identity_key(Expert, person_id))
        if loaded is not None:
            self._session.expire(loaded)
        return bool(cast(CursorResult[Any], done).rowcount)

    # --- the staff's search ---------------------------------------------------------------------

    def search(
        self,
        query: Query | str,
        limit: int = 20,
        offset: int = 0,
        *,
        shown_in: str | None = None,
        among: Collection[int] | None = None,
    ) -> Results:
        """A page of the experts whose words begin with all of a question's, by name.

        Args:
            query: What is looked for; a text is read first (see `storage.words.parse`).
            limit: Lines at most.
            offset: Lines to leave out first.
            shown_in: Only who agreed to be shown, among the experts of this programme.
            among: Of those, only these people; looked at with `shown_in` alone.
        """
        asked = parse(query) if isinstance(query, str) else query
        only = None if shown_in is None else search.shown_in(shown_in, among)
        return search.Search(self._session, asked, only).page(limit, offset)

    def found(self, person_id: int) -> Found | None:
        """The line of one expert."""
        return next(iter(search.lines(self._session, [person_id])), None)

    def is_shown(self, person_id: int, programme_id: str) -> bool:
        """Whether somebody agreed to be shown, and is an expert of this programme."""
        here = search.of_programme(_EXPERT.c.person_id, programme_id)
        shown = select(_EXPERT.c.person_id).where(
            _EXPERT.c.person_id == person_id, _EXPERT.c.consenting.is_(True), here
        )
        return self._session.scalar(shown) is not None

    # --- import ---------------------------------------------------------------------------------

    def known(self, column: str, values: Collection[str]) -> dict[str, int]:
        """Person ids by `external_id` or by `email`, for those of the values that are taken."""
        return self._lookup(_PERSON.c[column], _PERSON.c.id, values)

    def holders(self, platform: str, accounts: Collection[str]) -> dict[str, int]:
        """Person ids by account of a platform, for those of the accounts that are linked."""
        return self._lookup(
            _IDENTITY.c.account, _IDENTITY.c.person_id, accounts, _IDENTITY.c.platform == platform
        )

    def _lookup(
        self, key: Any, value: Any, wanted: Collection[str], *only: ColumnElement[bool]
    ) -> dict[str, int]:
        found: dict[str, int] = {}
        for some in _chunks(list(wanted), _CHUNK):
            rows = self._session.execute(select(key, value).where(key.in_(some), *only))
            found.update((row[0], row[1]) for row in rows)
        return found

    def upsert(
        self,
        entries: Sequence[Entry],
        matched: Sequence[int | None],
        now: datetime,
        progress: Callable[[int], None] = lambda done: None,
    ) -> Written:
        """Write an import, a chunk at a time: people, experts, roles, accounts; never a duplicate.

        A person's own word wins over the file: who withdrew the consent to be proposed, or paused,
        stays so.

        Args:
            entries: The people; each person once.
            matched: For each entry the person it updates, or none to create one (see `known`).
            now: This moment, aware.
            progress: Told how many are written so far.
        """
        written = Written()
        for start in range(0, len(entries), _CHUNK):
            some, targets = entries[start : start + _CHUNK], matched[start : start + _CHUNK]
            ids = self._write_people(some, targets, now)
            self._write_experts(some, ids, now)
            self._rename(some, ids, now)
            self._write_roles(some, ids, now)
            self._write_accounts(some, ids, now)
            self._write_classes(some, ids)
            written.created += sum(t is None for t in targets)
            written.updated += sum(t is not None for t in targets)
            written.ids += ids
            progress(len(written.ids))
        self._session.expire_all()
        return written

    def _write_people(
        self, entries: Sequence[Entry], targets: Sequence[int | None], now: datetime
    ) -> list[int]:
        new = [
            {**e.person, "lang": e.person.get("lang") or "fr", "created_at": now}
            for e, t in zip(entries, targets, strict=True)
            if t is None
        ]
        made: Iterator[int] = iter(())
        if new:
            statement = insert(_PERSON).returning(_PERSON.c.id, sort_by_parameter_order=True)
            made = iter(self._session.scalars(statement, new).all())
        changed = [
            {"_id": t, **{name: value for name, value in e.person.items() if value is not None}}
            for e, t in zip(entries, targets, strict=True)
            if t is not None
        ]
        self._update(_PERSON, _PERSON.c.id, changed)
        return [next(made) if t is None else t for t in targets]

    def _write_experts(self, entries: Sequence[Entry], ids: Sequence[int], now: datetime) -> None:
        experts = {i: e.expert for e, i in zip(entries, ids, strict=True) if e.expert is not None}
        if not experts:
            return
        names = [*CONTENT, "available", "paused_at", "fingerprint", "folded"]
        known = {
            row.person_id: row._mapping
            for row in self._session.execute(
                select(_EXPERT.c.person_id, *(_EXPERT.c[n] for n in names)).where(
                    _EXPERT.c.person_id.in_(experts)
                )
            )
        }
        people = {
            row.id: row
            for row in self._session.execute(
                select(_PERSON.c.id, _PERSON.c.name, _PERSON.c.promo).where(
                    _PERSON.c.id.in_(experts)
                )
            )
        }
        said = self._session.execute(
            select(Consent.person_id, Consent.withdrawn_at).where(
                Consent.person_id.in_(experts), Consent.purpose == PROPOSED
            )
        ).all()
        withdrawn = {who for who, taken_back in said if taken_back is not None}
        withdrawn -= {who for who, taken_back in said if taken_back is None}  # and given again
        new: list[dict[str, Any]] = []
        changed: list[dict[str, Any]] = []
        words: dict[int, tuple[str | None, int | None, Mapping[str, Any]]] = {}
        for person_id, given in experts.items():
            before = known.get(person_id)
            person = people[person_id]
            content = {
                n: given.get(n, before[n] if before is not None else ([] if _is_list(n) else ""))
                for n in CONTENT
            }
            row = {
                **given,
                "fingerprint": fingerprint(person_id, person.promo, content),
                "folded": _folded(person.name, content),
                "updated_at": now,
            }
            if before is None or any(row[n] != before[n] for n in ("fingerprint", "folded")):
                words[person_id] = (person.name, person.promo, content)
            if person_id in withdrawn:
                row["consenting"] = False
            if before is None:
                new.append({**content, **row, "person_id": person_id})
            else:
                if "available" in row and before["paused_at"] is not None:
                    row["available"] = before["available"]
                changed.append({**row, "_id": person_id})
        if new:
            held = self._pairs_of([row["person_id"] for row in new])
            for row in new:
                row["places_taken"] = held.get(row["person_id"], 0)
            self._session.execute(insert(_EXPERT), new)
        self._update(_EXPERT, _EXPERT.c.person_id, changed)
        write_words(self._session, words, new=[row["person_id"] for row in new])

    def _rename(self, entries: Sequence[Entry], ids: Sequence[int], now: datetime) -> None:
        """Who is an expert already, and of whom only the name or the year is given."""
        given = [i for e, i in zip(entries, ids, strict=True) if e.expert is None]
        self._session.expire_all()
        for person_id in self._session.scalars(
            select(Expert.person_id).where(Expert.person_id.in_(given))
        ).all():
            self.save(person_id, now, {})

    def _write_roles(self, entries: Sequence[Entry], ids: Sequence[int], now: datetime) -> None:
        wanted = {
            (i, programme, role)
            for e, i in zip(entries, ids, strict=True)
            for programme, role in e.roles
        }
        if not wanted:
            return
        held = self._session.execute(
            select(_MEMBERSHIP.c.person_id, _MEMBERSHIP.c.programme_id, _MEMBERSHIP.c.role).where(
                _MEMBERSHIP.c.person_id.in_({i for i, _, _ in wanted})
            )
        )
        missing = wanted - {(row[0], row[1], row[2]) for row in held}
        if missing:
            rows = [
                {"person_id": i, "programme_id": p, "role": r, "state": "active", "since": now}
                for i, p, r in sorted(missing)
            ]
            self._session.execute(insert(_MEMBERSHIP), rows)
            void_codes(self._session, {i for i, _, role in missing if role not in TAKEN})

    def _write_classes(self, entries: Sequence[Entry], ids: Sequence[int]) -> None:
        """Places of pupils; a class that is there keeps its name."""
        names: dict[str, dict[str, str]] = {}
        store = Classes(self._session)
        for entry, person in zip(entries, ids, strict=True):
            for programme, key, name in entry.classes:
                if programme not in names:
                    names[programme] = {k: n for k, n, _ in store.of_programme(programme)}
                called = names[programme].setdefault(key, name)
                store.put(programme, key, called, person, "pupil")

    def _write_accounts(self, entries: Sequence[Entry], ids: Sequence[int], now: datetime) -> None:
        wanted = {
            (platform, account): (i, bot)
            for e, i in zip(entries, ids, strict=True)
            for platform, account, bot in e.accounts
        }
        for platform in sorted({p for p, _ in wanted}):
            accounts = [a for p, a in wanted if p == platform]
            linked = self.holders(platform, accounts)
            rows = [
                {
                    "person_id": wanted[platform, account][0],
                    "platform": platform,
                    "account": account,
                    "bot_account": wanted[platform, account][1],
                    "reachable": platform != "telegram",  # there people have to begin
                    "seen_at": now,
                }
                for account in accounts
                if account not in linked
            ]
            if rows:
                self._session.execute(insert(_IDENTITY), rows)

    def _update(self, table: Table, key: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        """Update rows by `_id`, those with the same columns together."""
        groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for row in rows:
            names = tuple(sorted(n for n in row if n != "_id"))
            if names:
                groups.setdefault(names, []).append(
                    {"_id": row["_id"], **{f"_{n}": row[n] for n in names}}
                )
        for names, some in groups.items():
            values: dict[str, Any] = {n: bindparam(f"_{n}") for n in names}
            self._session.connection().execute(
                update(table).where(key == bindparam("_id")).values(values), some
            )


def _is_list(name: str) -> bool:
    return name in {"countries", "situations", "languages", "helps"}
