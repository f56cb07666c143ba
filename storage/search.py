"""Searching the directory: an ordered table of words that any database walks the same way.

A row says that somebody has a word and in which fields; the rows of a word lie in the order of
people's names. So the first page of a common word is read off its rows, and a rare one leads to
few. It is a plain table and no full-text index, because a person's words have to be gone the moment
the person is, on every version of every database. Who may see whom the caller says; what a person's
words are is `storage.words`' affair.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session

from storage.tables import DirectoryWord, Expert, Membership, Person
from storage.upsert import table_of
from storage.words import ANY, Query, Term, sort_key, words_of

COUNTED: Final = 1000
"""More than that are not counted, and not paged through."""

_LAST = "\U0010ffff"  # after every word with the same beginning
_LOOKED_AT = 20_000  # rows counted at most to tell which word is the rarest
_READ = COUNTED * 5 // 4  # rows read at once: some have several words that begin alike
_WORDS = 200  # words with the same beginning that are walked one by one
_PROBED = 8  # words with the same beginning that are looked for one by one in somebody's

_WORD = table_of(DirectoryWord)
_OTHER = _WORD.alias("other")
_EXPERT = table_of(Expert)
_PERSON = table_of(Person)
_MEMBERSHIP = table_of(Membership)


class Found(NamedTuple):
    """One line of the directory."""

    person_id: int
    name: str
    promo: int | None
    job: str
    employer: str
    sector: str
    city: str
    country: str
    capacity: int
    taken: int
    consenting: bool
    available: bool
    paused_until: datetime | None


class Results(NamedTuple):
    """A page of a search.

    Attributes:
        lines: The page, in order.
        total: How many there are in all; `COUNTED` + 1 when there are more than that.
    """

    lines: list[Found]
    total: int


class _Place(NamedTuple):
    name: str
    person_id: int


def of_programme(person: ColumnElement[int], programme_id: str) -> ColumnElement[bool]:
    """Whether an expert is one of this programme.

    One who has no mentor's role in any programme is an expert of all of them.
    """
    mentor = (_MEMBERSHIP.c.person_id == person, _MEMBERSHIP.c.role == "mentor")
    here = exists().where(
        *mentor, _MEMBERSHIP.c.programme_id == programme_id, _MEMBERSHIP.c.state == "active"
    )
    return or_(here, ~exists().where(*mentor))


def shown_in(programme_id: str, among: Collection[int] | None = None) -> ColumnElement[bool]:
    """Only who agreed to be proposed, and is an expert of this programme; of these people."""
    agreed = exists().where(
        _EXPERT.c.person_id == _WORD.c.person_id, _EXPERT.c.consenting.is_(True)
    )
    some = true() if among is None else _WORD.c.person_id.in_(among)
    return and_(agreed, of_programme(_WORD.c.person_id, programme_id), some)


# --- keeping the words ----------------------------------------------------------------------------


def write_words(
    session: Session,
    people: Mapping[int, tuple[str | None, int | None, Mapping[str, Any]]],
    new: Collection[int] = (),
) -> None:
    """Replace the words of some people by those of their (name, promo, columns) now.

    Args:
        session: The caller's transaction.
        people: What they are found by.
        new: Those who have no words yet.
    """
    if before := people.keys() - set(new):
        session.execute(delete(_WORD).where(_WORD.c.person_id.in_(before)))
    if not people:
        return
    rows = [
        {"word": word, "name": key, "person_id": person_id, "fields": fields}
        for person_id, (name, promo, content) in people.items()
        for key in (sort_key(name),)
        for word, fields in words_of(name, promo, content).items()
    ]
    session.execute(insert(_WORD), sorted(rows, key=lambda row: (row["word"], row["name"])))


# --- asking ---------------------------------------------------------------------------------------


class Search:
    """One question to the directory.

    Args:
        session: The caller's transaction.
        query: What is looked for.
        only: Whom the one who asks may see, as a condition on the table of words.
    """

    def __init__(
        self, session: Session, query: Query, only: ColumnElement[bool] | None = None
    ) -> None:
        self._session = session
        self._query = query
        self._only = true() if only is None else only

    def page(self, limit: int, offset: int = 0) -> Results:
        """Some of those found: who bears exactly this name first, then by name, then by number.

        Args:
            limit: Lines at most.
            offset: Lines to leave out first; none are shown beyond `COUNTED`.
        """
        terms = self._query.terms or (Term(""),)
        ordered = self._by_rarity(terms) if len(terms) > 1 else terms
        if not ordered:
            return Results([], 0)
        rarest, *others = ordered
        names, wanted = self._query.names, min(offset + limit, COUNTED)
        places = self._some(rarest, others)
        if places is not None:
            exact = sorted(p for p in places if p.name in names)
            total = min(len(places), COUNTED + 1)
        else:
            exact = self._exact(names, terms) if names else []
            places, total = self._first(rarest, others, wanted), COUNTED + 1
        shown = [*exact, *sorted(places - set(exact))][offset:wanted]
        return Results(lines(self._session, [p.person_id for p in shown]), total)

    def _by_rarity(self, terms: Sequence[Term]) -> list[Term]:
        """The terms, the one to begin with first; none when there is one that nobody has.

        Long words are counted first, for they are often rare, and of each only so many rows as
        would make it rarer than those before. The fields are left aside: PostgreSQL would have to
        look at the rows themselves.
        """
        rows: dict[Term, int] = {}
        for term in sorted(terms, key=lambda term: -len(term.word)):
            most = min(rows.values(), default=_LOOKED_AT)
            rows[term] = self._session.scalar(self._counted(term, most)) or 0
            if not rows[term]:
                return []
        return sorted(rows, key=lambda term: rows[term])

    def _counted(self, term: Term, most: int) -> Select[int]:
        some = select(literal(1)).select_from(_WORD).where(*_begins(term)).limit(most)
        return select(func.count()).select_from(some.subquery())

    def _where(self, others: Iterable[Term]) -> list[ColumnElement[bool]]:
        return [*(self._also(term) for term in others), self._only]

    def _also(self, term: Term) -> ColumnElement[bool]:
        """The same person has such a word too.

        Few words are looked for at the person's place among the rows of each: one place after the
        other, as the rows come by name. Many are looked for among the person's own words.
        """
        words = self._words(term, _PROBED)
        if len(words) > _PROBED:
            holds = _holds(term, _OTHER)
        else:
            same = _OTHER.c.name == _WORD.c.name
            holds = [_OTHER.c.word.in_(words), same, *_in_fields(term, _OTHER)]
        return exists().where(_OTHER.c.person_id == _WORD.c.person_id, *holds)

    def _some(self, term: Term, others: Sequence[Term]) -> set[_Place] | None:
        """Everybody found, in no order; None when there are too many to count."""
        found = select(_WORD.c.name, _WORD.c.person_id).where(*_holds(term), *self._where(others))
        read = _READ
        while True:
            rows = self._places(found.limit(read))
            places = set(rows)
            if len(rows) < read:
                return places
            if len(places) > COUNTED:
                return None
            read *= 4

    def _first(self, term: Term, others: Sequence[Term], count: int) -> set[_Place]:
        """The first people by name: the first of each word that begins so, put together."""
        words = self._words(term, _WORDS)
        some = select(_WORD.c.name, _WORD.c.person_id).where(*self._where(others))
        order = (_WORD.c.name, _WORD.c.person_id)
        if len(words) > _WORDS:
            whole = some.where(*_holds(term)).distinct().order_by(*order).limit(count)
            return set(self._places(whole))
        first: list[_Place] = []
        for word in words:
            one = some.where(_WORD.c.word == word, *_in_fields(term)).order_by(*order).limit(count)
            if len(first) == count:
                one = one.where(_WORD.c.name <= first[-1].name)
            first = sorted({*first, *self._places(one)})[:count]
        return set(first)

    def _words(self, term: Term, most: int) -> list[str]:
        """The words that begin so, skipping from one to the next; one more than `most` at most."""
        if not term.word:
            return [""]
        end = term.word + _LAST
        begin = select(func.min(_WORD.c.word)).where(_WORD.c.word >= term.word, _WORD.c.word < end)
        found = select(begin.scalar_subquery().label("word")).cte("found", recursive=True)
        following = (
            select(func.min(_WORD.c.word))
            .where(_WORD.c.word > found.c.word, _WORD.c.word < end)
            .scalar_subquery()
        )
        found = found.union_all(select(following).where(found.c.word.is_not(None)))
        all_of_them = select(found.c.word).where(found.c.word.is_not(None)).limit(most + 1)
        return list(self._session.scalars(all_of_them))

    def _exact(self, names: Collection[str], terms: Iterable[Term]) -> list[_Place]:
        """Who bears one of these very names."""
        return self._places(
            select(_WORD.c.name, _WORD.c.person_id)
            .where(_WORD.c.word == "", _WORD.c.name.in_(names), *self._where(terms))
            .order_by(_WORD.c.name, _WORD.c.person_id)
            .limit(COUNTED)
        )

    def _places(self, query: Select[str, int]) -> list[_Place]:
        return [_Place(name, number) for name, number in self._session.execute(query)]


def lines(session: Session, ids: Collection[int]) -> list[Found]:
    """What is shown of some experts, in the order of the numbers; who is none is left out."""
    rows = session.execute(
        select(
            _EXPERT.c.person_id, func.coalesce(_PERSON.c.name, ""), _PERSON.c.promo,
            _EXPERT.c.job, _EXPERT.c.employer, _EXPERT.c.sector, _EXPERT.c.city,
            _EXPERT.c.country, _EXPERT.c.capacity,
            _EXPERT.c.places_taken + _EXPERT.c.outside_load, _EXPERT.c.consenting,
            _EXPERT.c.available, _EXPERT.c.paused_until,
        )
        .join(_PERSON, _PERSON.c.id == _EXPERT.c.person_id)
        .where(_EXPERT.c.person_id.in_(ids))
    )  # fmt: skip
    found: dict[int, Found] = {}
    for row in rows:
        values: Sequence[Any] = row
        found[row[0]] = Found(*values)
    return [found[number] for number in ids if number in found]


def _holds(term: Term, table: Any = _WORD) -> list[ColumnElement[bool]]:
    return [*_begins(term, table), *(_in_fields(term, table) if term.word else ())]


def _begins(term: Term, table: Any = _WORD) -> list[ColumnElement[bool]]:
    if not term.word:
        return [table.c.word == ""]
    return [table.c.word >= term.word, table.c.word < term.word + _LAST]


def _in_fields(term: Term, table: Any = _WORD) -> list[ColumnElement[bool]]:
    return [] if term.fields == ANY else [table.c.fields.bitwise_and(term.fields) != 0]
