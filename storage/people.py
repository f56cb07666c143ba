"""People, their accounts, roles, consents and one-time codes."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from storage.tables import (
    Audit,
    Consent,
    Expert,
    Identity,
    LinkCode,
    Membership,
    Person,
    PersonKey,
)
from storage.words import each_word, fold, number

CODE_BYTES = 16  # 128 bits: not to be guessed
TAKEN = ("mentee", "mentor")
"""Roles that one takes; every other is given by an owner, or by whoever runs the machine."""

# What every event asks. Made once: putting a statement together costs more than running it.
_BY_ACCOUNT = select(Identity).where(
    Identity.platform == bindparam("platform"), Identity.account == bindparam("account")
)
_ACTING = (
    select(Identity, Person, PersonKey.wrapped)
    .join(Person, Person.id == Identity.person_id)
    .outerjoin(PersonKey, PersonKey.person_id == Identity.person_id)
    .where(Identity.platform == bindparam("platform"), Identity.account == bindparam("account"))
    .with_for_update(of=Person)
    .execution_options(populate_existing=True)
)
_OWNER_OF = select(Identity.person_id).where(
    Identity.platform == bindparam("platform"), Identity.account == bindparam("account")
)
_CONSENTS = select(
    Consent.programme_id, Consent.purpose, Consent.text_version, Consent.text_digest
).where(Consent.person_id == bindparam("person"), Consent.withdrawn_at.is_(None))
_ROLES = (
    select(Membership).where(Membership.person_id == bindparam("person")).order_by(Membership.id)
)


Text = tuple[str, str]
"""A text to be agreed to: its version, and a digest of its words (empty: whatever they are)."""


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts.

    Attributes:
        identity: The account.
        person: Whose it is.
        wrapped: The person's key as it is stored (`Vault.know`); None if there is none yet.
    """

    identity: Identity
    person: Person
    wrapped: bytes | None


class People:
    """Queries about people. Nothing here decides who may see the result.

    Consents and roles are asked several times in a turn and read once: what is remembered lasts as
    long as the transaction, and is forgotten when one of them is changed here.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._consents: dict[int, dict[str, dict[str, set[Text]]]] = {}
        self._roles: dict[int, Sequence[Membership]] = {}
        self._acting: Identity | None = None

    def get(self, person_id: int) -> Person | None:
        """The person with this number."""
        return self._session.get(Person, person_id)

    def acting(self, platform: str, account: str) -> Acting | None:
        """Who acts: the account, its person, their key as stored; None if it was never seen.

        The person is locked until the end of the transaction (PostgreSQL; SQLite is serial anyway).
        """
        found = self._session.execute(
            _ACTING, {"platform": platform, "account": account}
        ).one_or_none()
        if found is None:
            return None
        self._acting = found[0]
        return Acting(*found)

    def by_account(self, platform: str, account: str) -> Identity | None:
        """The account, if it was seen before."""
        return self._session.scalar(_BY_ACCOUNT, {"platform": platform, "account": account})

    def owner_of(self, platform: str, account: str) -> int | None:
        """Whose account it is; as `by_account`, for those who only need the number."""
        known = self._acting
        if (
            known is not None
            and (known.platform, known.account) == (platform, account)
            and known in self._session  # not erased meanwhile
        ):
            return known.person_id
        found: int | None = self._session.execute(
            _OWNER_OF, {"platform": platform, "account": account}
        ).scalar()
        return found

    def meet(
        self, *, platform: str, account: str, bot_account: str, lang: str, now: datetime
    ) -> Identity:
        """A first event from an account.

        An account row and an empty person, nothing else (consent comes first).
        """
        person = Person(lang=lang, reply_on=platform, created_at=now)
        self._session.add(person)
        self._session.flush()
        return self.add_identity(
            person.id, platform=platform, account=account, bot_account=bot_account, now=now
        )

    def add_identity(
        self, person_id: int, *, platform: str, account: str, bot_account: str, now: datetime
    ) -> Identity:
        """A further account of a person."""
        identity = Identity(
            person_id=person_id,
            platform=platform,
            account=account,
            bot_account=bot_account,
            seen_at=now,
        )
        self._session.add(identity)
        self._session.flush()
        return identity

    def identities(self, person_id: int) -> Sequence[Identity]:
        """All accounts of a person, oldest first."""
        return self._session.scalars(
            select(Identity).where(Identity.person_id == person_id).order_by(Identity.id)
        ).all()

    def reach(
        self,
        person: Person,
        platforms: Collection[str] | None = None,
        workspaces: Collection[str] | None = None,
    ) -> Identity | None:
        """The account to write to: the one last used, else any that can be reached.

        Args:
            person: Whom.
            platforms: Only accounts there; None = anywhere.
            workspaces: Of Slack only accounts of these; None = of all.
        """
        usable = [
            i
            for i in self.identities(person.id)
            if i.reachable
            and (platforms is None or i.platform in platforms)
            and (
                workspaces is None
                or i.platform != "slack"
                or i.account.partition("/")[0] in workspaces
            )
        ]
        preferred = [i for i in usable if i.platform == person.reply_on]
        return next(iter(preferred or usable), None)

    def find(self, words: str, programme_id: str, *, anywhere: bool = False) -> Person | None:
        """Somebody of a programme, or of the directory, as staff name them.

        Args:
            words: An address, the id in the imported directory, `#12`, an account
                (`slack:T1/U1`), or the name of exactly one member or a part of it, accents and case
                aside.
            programme_id: Whose members may be found; the directory is everybody's.
            anywhere: People of no or another programme too, for owners.
        """
        wanted = words.strip()
        platform, _, account = wanted.partition(":")
        found: Person | None = None
        if wanted.startswith("#") and (typed := number(wanted[1:])) is not None:
            found = self.get(typed)
        elif account:
            identity = self.by_account(platform, account)
            found = self.get(identity.person_id) if identity else None
        else:
            by_email = select(Person).where(Person.email == wanted.lower())
            by_id = select(Person).where(Person.external_id == wanted)
            found = self._session.scalar(by_email) or self._session.scalar(by_id)
        if found is not None:
            return found if anywhere or self._known_in(found.id, programme_id) else None
        named = fold(wanted)
        members = self._session.execute(
            select(Person.id, Person.name)
            .join(Membership, Membership.person_id == Person.id)
            .where(Membership.programme_id == programme_id, Membership.state != "ended")
            .distinct()
        )
        known = [(person, fold(name or "")) for person, name in members if named]
        same = [person for person, name in known if name == named]
        # « Moreau » or « inès m » will do, as long as it can only be one person.
        close = same or [
            person for person, name in known if all(f" {w}" in f" {name}" for w in named.split())
        ]
        return self.get(close[0]) if len(close) == 1 else None

    def _known_in(self, person_id: int, programme_id: str) -> bool:
        member = select(Membership.id).where(
            Membership.person_id == person_id, Membership.programme_id == programme_id
        )
        expert = select(Expert.person_id).where(Expert.person_id == person_id)
        return bool(self._session.scalar(member) or self._session.scalar(expert))

    def email_taken(self, email: str, *, by_other_than: int) -> bool:
        """Whether another person has this address."""
        found = self._session.scalar(select(Person.id).where(Person.email == email))
        return found is not None and found != by_other_than

    # --- roles ---

    def _memberships(self, person_id: int) -> Sequence[Membership]:
        found = self._roles.get(person_id)
        if found is None:
            found = self._session.scalars(_ROLES, {"person": person_id}).all()
            self._roles[person_id] = found
        return found

    def membership(self, person_id: int, programme_id: str, role: str) -> Membership | None:
        """This role of this person in this programme, in whatever state."""
        return next(
            (
                m
                for m in self._memberships(person_id)
                if (m.programme_id, m.role) == (programme_id, role)
            ),
            None,
        )

    def roles(self, person_id: int, programme_id: str) -> frozenset[str]:
        """The person's active roles in the programme, read in this transaction."""
        return frozenset(
            m.role
            for m in self._memberships(person_id)
            if m.programme_id == programme_id and m.state == "active"
        )

    def programmes_of(self, person_id: int) -> Sequence[Membership]:
        """All roles of a person, ended ones left out."""
        return [m for m in self._memberships(person_id) if m.state != "ended"]

    def belongs(self, person_id: int, programme_id: str) -> bool:
        """Whether the person has any role in the programme, pending ones included."""
        return any(m.programme_id == programme_id for m in self.programmes_of(person_id))

    def enrol(
        self, person_id: int, programme_id: str, role: str, *, now: datetime, state: str = "active"
    ) -> Membership:
        """Give a role, or set the state of one already there.

        With a role that is given, codes made before are void: whoever has one in hand had it of
        somebody who did not know of the role.
        """
        member = self.membership(person_id, programme_id, role)
        if role not in TAKEN and state == "active" and (member is None or member.state != state):
            void_codes(self._session, [person_id])
        if member is None:
            member = Membership(
                person_id=person_id, programme_id=programme_id, role=role, since=now, state=state
            )
            self._session.add(member)
            self._roles.pop(person_id, None)
        elif member.state != state:
            member.state, member.since = state, now
        self._session.flush()
        return member

    def works_in(self, person_id: int) -> frozenset[str]:
        """The programmes in which the person holds a role that is given."""
        return frozenset(
            m.programme_id for m in self.programmes_of(person_id) if m.role not in TAKEN
        )

    def with_role(
        self, programme_id: str, role: str, *, after_id: int = 0, limit: int | None = None
    ) -> Sequence[Person]:
        """People with an active role, by number; `after_id` and `limit` page through them."""
        query = (
            select(Person)
            .join(Membership, Membership.person_id == Person.id)
            .where(
                Membership.programme_id == programme_id,
                Membership.role == role,
                Membership.state == "active",
                Person.id > after_id,
            )
            .order_by(Person.id)
        )
        return self._session.scalars(query.limit(limit) if limit else query).all()

    def owners(self, programme_id: str) -> frozenset[int]:
        """The programme's owners, as they are now and until the end of the transaction."""
        return frozenset(
            self._session.scalars(
                select(Membership.person_id)
                .where(
                    Membership.programme_id == programme_id,
                    Membership.role == "owner",
                    Membership.state == "active",
                )
                .with_for_update()
            )
        )

    def offices(self, platform: str) -> dict[str, dict[str, set[str]]]:
        """By account on a platform and programme, the roles that an owner gave."""
        found: dict[str, dict[str, set[str]]] = {}
        for account, programme, role in self._session.execute(
            select(Identity.account, Membership.programme_id, Membership.role)
            .join(Membership, Membership.person_id == Identity.person_id)
            .where(
                Identity.platform == platform,
                Membership.role.not_in(TAKEN),
                Membership.state == "active",
            )
        ):
            found.setdefault(account, {}).setdefault(programme, set()).add(role)
        return found

    # --- consent ---

    def _given(self, person_id: int) -> dict[str, dict[str, set[Text]]]:
        found = self._consents.get(person_id)
        if found is None:
            found = self._consents[person_id] = {}
            for row in self._session.execute(_CONSENTS, {"person": person_id}):
                _sort(found, *row)
        return found

    def recall_consents(self, ids: Sequence[int]) -> None:
        """Read the consents of many in one statement, before each of them is written to."""
        self._consents.update({number: {} for number in ids})
        rows = select(Consent.person_id, *_CONSENTS.selected_columns).where(
            Consent.person_id.in_(ids), Consent.withdrawn_at.is_(None)
        )
        for person, *given in self._session.execute(rows):
            _sort(self._consents[person], *given)

    def consents(self, person_id: int, programme_id: str) -> frozenset[str]:
        """Purposes the person has agreed to and not taken back, to whatever text."""
        return frozenset(self._given(person_id).get(programme_id, ()))

    def agreed_to(self, person_id: int, programme_id: str, purpose: str, text: Text) -> bool:
        """Whether the person has agreed to this very text and not taken it back."""
        given = self._given(person_id).get(programme_id, {}).get(purpose, set())
        return text in given or (text[0], "") in given

    def consented_anywhere(self, person_id: int) -> bool:
        """Whether anything beyond the account id may be kept about the person."""
        return bool(self._given(person_id))

    def consent(
        self, person_id: int, programme_id: str, purpose: str, *, text: Text, now: datetime
    ) -> None:
        """Record a yes to this text; what was said to older ones, or taken back, stays."""
        if text in self._given(person_id).get(programme_id, {}).get(purpose, ()):
            return
        self._session.add(
            Consent(
                person_id=person_id,
                programme_id=programme_id,
                purpose=purpose,
                text_version=text[0],
                text_digest=text[1],
                given_at=now,
            )
        )
        self._consents.pop(person_id, None)
        self._session.flush()

    def agreements(self, person_id: int) -> Sequence[Consent]:
        """Every word of theirs on a purpose, taken back or not."""
        mine = select(Consent).where(Consent.person_id == person_id)
        return self._session.scalars(mine.order_by(Consent.programme_id, Consent.id)).all()

    def withdraw(self, person_id: int, programme_id: str, purpose: str, *, now: datetime) -> None:
        """Take a yes back."""
        self._consents.pop(person_id, None)
        self._session.execute(
            update(Consent)
            .where(
                Consent.person_id == person_id,
                Consent.programme_id == programme_id,
                Consent.purpose == purpose,
                Consent.withdrawn_at.is_(None),
            )
            .values(withdrawn_at=now)
        )

    # --- one-time codes ---

    def make_code(
        self, person_id: int, *, now: datetime, valid: timedelta, programme_id: str | None = None
    ) -> str:
        """A fresh one-time code (22 characters of A-Za-z0-9_-); only its digest is stored."""
        code = secrets.token_urlsafe(CODE_BYTES)
        self._session.add(
            LinkCode(
                digest=_digest(code),
                person_id=person_id,
                programme_id=programme_id,
                expires_at=now + valid,
            )
        )
        self._session.flush()
        return code

    def code_owner(self, code: str, *, now: datetime) -> int | None:
        """Whom a code that is still good was made for, without using it."""
        return self._session.scalar(
            select(LinkCode.person_id).where(
                LinkCode.digest == _digest(code),
                LinkCode.used_at.is_(None),
                LinkCode.expires_at > now,
            )
        )

    def use_code(self, code: str, *, now: datetime) -> LinkCode | None:
        """Use a code.

        The row the first time within its life, None ever after. One guarded statement.
        """
        used = self._session.scalar(
            update(LinkCode)
            .where(
                LinkCode.digest == _digest(code),
                LinkCode.used_at.is_(None),
                LinkCode.expires_at > now,
            )
            .values(used_at=now)
            .returning(LinkCode.id)
        )
        return None if used is None else self._session.get(LinkCode, used)

    def forget(self, person: Person) -> None:
        """Delete an empty person whose only account moved elsewhere."""
        self._session.delete(person)
        self._session.flush()

    # --- audit ---

    def note(
        self,
        verb: str,
        thing: str,
        thing_id: int | None,
        *,
        actor_id: int | None,
        now: datetime,
        **detail: str | int | None,
    ) -> None:
        """Record who did what to what: ids and states only."""
        self._session.add(
            Audit(
                at=now, actor_id=actor_id, verb=verb, thing=thing, thing_id=thing_id, detail=detail
            )
        )

    def among_names(self, words: Collection[str]) -> set[str]:
        """Those of these folded words that stand in anybody's name."""
        wanted, found = set(words), set()
        rows = self._session.execute(select(Person.name).where(Person.name.is_not(None)))
        for some in rows.yield_per(2000).partitions():
            for part in {part for (name,) in some for part in (name or "").split()}:
                found |= wanted.intersection(each_word(part))
        return found

    def bot_account(self, platform: str) -> str | None:
        """Our own sending identity on a platform, as those who wrote to it last know it."""
        return self._session.scalar(
            select(Identity.bot_account)
            .where(Identity.platform == platform)
            .order_by(Identity.seen_at.desc())
            .limit(1)
        )

    def names(self, ids: Iterable[int]) -> dict[int, str]:
        """Names by number, for lists."""
        rows = self._session.execute(
            select(Person.id, Person.name).where(Person.id.in_(set(ids)))
        ).all()
        return {person: name or "" for person, name in rows}


def _sort(
    found: dict[str, dict[str, set[Text]]], programme: str, purpose: str, version: str, digest: str
) -> None:
    found.setdefault(programme, {}).setdefault(purpose, set()).add((version, digest))


def void_codes(session: Session, ids: Collection[int]) -> None:
    """Let no code open the records of these people any more."""
    session.execute(delete(LinkCode).where(LinkCode.person_id.in_(ids), LinkCode.used_at.is_(None)))


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
