"""What others were still to be told is taken back when it names somebody who is erased.

Payloads are sealed, so each is opened and looked at; what goes to many at once speaks of its
recipient only, and is left alone. A first name counts where it can only be theirs: in what was
said before they went to those they were in a pair or a request with, unless these are called so
too, or are with somebody who is. This module does not know what the messages are for.

Source: GDPR 17; quality, P1.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import and_, false, not_, or_, select, update
from sqlalchemy.orm import Session

from storage.sealed import Unreadable
from storage.tables import Outbox, Pair, Person, Proposal, Request
from storage.vault import Vault

UNSENT: Final = ("queued", "in_doubt", "failed", "unreachable")
"""States of a message that may be sent yet, by itself or by staff."""
_MASS: Final = 9
_TELLING: Final = 4  # a shorter word is in every second message
_PACKED: Final = b"PK"  # a workbook: nobody looks inside, it is made again when asked for


def silence(
    session: Session,
    vault: Vault,
    person_id: int,
    data: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    spared: Sequence[str] = (),
    said: Collection[str] = (),
) -> None:
    """Empty the messages to others that name the person or quote them; the unsent are cancelled.

    Args:
        session: The transaction of the erasure.
        vault: The keys.
        person_id: Who is erased.
        data: Their export.
        spared: How the keys begin of what is still to be told all the same.
        said: The keys of what this transaction says: by their first name it does not mean them.
    """
    words = frozenset(_words_of(data))
    called = _first_name(data)
    near = _near(session, person_id, called) if called else set()
    if not words and not near:
        return
    rows = session.execute(
        select(Outbox.id, Outbox.person_id, Outbox.dedup_key, Outbox.payload).where(
            Outbox.payload.is_not(None),
            Outbox.person_id.is_distinct_from(person_id),
            Outbox.state != "sending",
            or_(Outbox.priority < _MASS, Outbox.op == "file"),
            not_(
                and_(
                    Outbox.state.in_(UNSENT),
                    or_(false(), *map(Outbox.dedup_key.startswith, spared)),
                )
            ),
        )
    )
    named = []
    for row in rows:
        theirs = row.person_id in near and row.dedup_key not in said
        if _names(session, vault, row, words, called if theirs else None):
            named.append(row.id)
    mine = Outbox.id.in_(named)
    session.execute(
        update(Outbox).where(mine, Outbox.state.in_(UNSENT)).values(state="cancelled", payload=None)
    )
    session.execute(update(Outbox).where(mine).values(payload=None))


def _first_name(
    data: Mapping[str, Sequence[Mapping[str, Any]]],
) -> re.Pattern[str] | None:
    """The first word of their name, as a word of its own."""
    first = next((word for one in data["person"] for word in (one["name"] or "").split()[:1]), None)
    return re.compile(rf"(?<!\w){re.escape(first)}(?!\w)") if first else None


def _near(session: Session, person_id: int, called: re.Pattern[str]) -> set[int]:
    """With whom they are or were in a pair or a request: to them we use first names.

    Left out is for whom the name may be another's: their own, or that of somebody else they are
    with.
    """
    near = {other for _, other in _beside(session, {person_id})} - {person_id}
    beside = {(one, other) for one, other in _beside(session, near) if other != person_id}
    others = beside | {(one, one) for one in near}
    names = select(Person.id, Person.name).where(Person.id.in_({other for _, other in others}))
    same = {number for number, name in session.execute(names) if name and called.search(name)}
    return near - {one for one, other in others if other in same}


def _beside(session: Session, people: Collection[int]) -> set[tuple[int, int]]:
    """Each of these people, with whoever is or was in a pair or a request with them."""
    pairs = select(Pair.mentee_id, Pair.mentor_id).where(
        or_(Pair.mentee_id.in_(people), Pair.mentor_id.in_(people))
    )
    asked = (
        select(Request.person_id, Proposal.expert_id)
        .join(Proposal, Proposal.request_id == Request.id)
        .where(or_(Request.person_id.in_(people), Proposal.expert_id.in_(people)))
    )
    return {
        side
        for query in (pairs, asked)
        for one, other in session.execute(query)
        for side in ((one, other), (other, one))
        if side[0] in people
    }


def _words_of(data: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    """What would tell others of a person: their name and address, and what they wrote freely."""
    for person in data["person"]:
        yield from (
            person[key] for key in ("name", "email") if len((person[key] or "").strip()) >= _TELLING
        )
    written = [row["text"] for table in ("stray", "objective") for row in data[table]]
    answers = [(row["state"] or {}).get("answers") for row in data["conversation"]]
    # the value of an option is a code without a space; its label is in messages to everybody
    yield from (text for text in _texts([written, answers]) if " " in text.strip())


def _names(
    session: Session,
    vault: Vault,
    row: Any,
    words: Collection[str],
    called: re.Pattern[str] | None,
) -> bool:
    try:
        message = vault.open(session, row.person_id, row.payload)
    except Unreadable:
        return False
    parts = list(_texts(message))
    file = message.get("file") if isinstance(message, dict) else None
    if file is not None:
        content = base64.urlsafe_b64decode(file["content"])
        if content.startswith(_PACKED):
            return True
        parts.append(content.decode("utf-8", "replace"))
    return any(word in part for part in parts for word in words) or (
        called is not None and any(called.search(part) for part in parts)
    )


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value made of lists and dictionaries."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _texts(part)
