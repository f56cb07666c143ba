"""One event, one transaction: what a turn knows, and how it speaks.

`Scene` is what every cause has in common (an event, a due timer): the unit of work, the instant,
the programmes, and `tell`, the only way to say anything: a row in the outbox, in the same
transaction as its cause. `Turn` adds the person who caused an event. What is said, and when, is for
the modules that use it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from typing_extensions import override

from bot import consents, minors
from bot.errors import NotAllowed, NotRunHere
from bot.events import Author, Event, Pressed
from bot.i18n import Words, language, words
from bot.messages import MESSAGE, Ack, Choice, Form, Home, Message
from bot.policy import Policy, policy_of
from bot.programmes.schema import Programme
from bot.rhythm import into_waking_hours
from storage.outbox import HELD
from storage.rectifications import READ, note_reads
from storage.tables import Identity, Person
from storage.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from bot.bot import Bot

STAFF_ROLES = frozenset({"staff", "owner"})
SIDES = frozenset({"mentee", "mentor"})
GUESTS = 1000  # people who have looked at a programme and not agreed yet, kept in memory
QUIET = (time(20), time(8))  # for people who are in no programme yet
ANSWER, REMINDER, MASS = 0, 5, 9  # outbox priorities: people first


class Scene:
    """What a cause knows: the bot, the transaction, the instant."""

    def __init__(self, bot: Bot, uow: UnitOfWork, now: datetime) -> None:
        self.bot = bot
        self.uow = uow
        self.now = now

    def programme_of(self, programme_id: str | None) -> Programme:
        """The programme with this id.

        Raises:
            NotRunHere: It is not (or no longer) among those run here.
        """
        found = self.bot.programmes.get(programme_id or "")
        if found is None:
            raise NotRunHere(f"no programme {programme_id!r}")
        return found

    def zone(self, person: Person, programme: Programme | None) -> str:
        """The person's time zone: their own, else the programme's."""
        return person.zone or (programme.zone if programme else "Europe/Paris")

    def today(self, person: Person, programme: Programme | None) -> date:
        """The date where the person lives."""
        return self.now.astimezone(ZoneInfo(self.zone(person, programme))).date()

    def words(self, person: Person, programme: Programme | None) -> Words:
        """The voice for a person: their language and zone, the programme's register."""
        return words(
            person.lang, programme.register if programme else "tu", self.zone(person, programme)
        )

    def person(self, person_id: int) -> Person:
        """Somebody who must exist.

        Raises:
            NotAllowed: Erased in the meantime.
        """
        found = self.uow.people.get(person_id)
        if found is None:
            raise NotAllowed("nobody has this number")
        return found

    def allowed(self, person_id: int, programme_id: str, verb: str | None) -> bool:
        """Whether somebody's roles in a programme, as they are now, let them use a verb of staff.

        Without a verb: whether they are its staff. For answers that come later than the question.
        """
        roles = self.uow.people.roles(person_id, programme_id)
        if verb is None:
            return bool(roles & STAFF_ROLES)
        asked = policy_of(f"command:{verb}")
        return asked.admits(roles, self.bot.programmes.get(programme_id))

    def tell(  # noqa: PLR0913 - keywords that name what a row of the outbox holds
        self,
        person: Person,
        message: Message | Home,
        *,
        key: str,
        priority: int = ANSWER,
        not_before: datetime | None = None,
        expires_at: datetime | None = None,
        policy: str | None = None,
        identity: Identity | None = None,
        op: str | None = None,
        target: str | None = None,
        anyway: bool = False,
    ) -> bool:
        """Say something to somebody, on the platform they use.

        Args:
            person: To whom.
            message: What.
            key: Its meaning; the same thing is never said twice.
            priority: `ANSWER`, `REMINDER` or `MASS`.
            not_before: Earliest instant, for quiet hours.
            expires_at: Worthless from then on.
            policy: When delivery stays in doubt: `resend` or `hold`; by default files are held,
                for Slack cannot look them up, and the rest is sent again.
            identity: Which account, when it is not the one last used.
            op: Outbox operation; by default what the message is (post, file, home).
            target: What an edit aims at.
            anyway: To whoever rests too: it cannot wait for them.

        Returns:
            False when the person has no account that can be written to.
        """
        identity = identity or self.uow.people.reach(
            person, self._platforms(person), self._workspaces(person)
        )
        if identity is None:
            return False
        if priority > ANSWER and not_before is None:
            not_before = self.waking(person)
        if not anyway and (
            self.rests(person)
            or (not self.answers_to(person) and consents.holds(self, person, key))
        ):
            not_before = HELD
        if op is None:
            op = "home" if isinstance(message, Home) else "file" if message.file else "post"
        self.uow.outbox.put(
            key=key,
            identity=identity,
            payload=MESSAGE.dump_json(message, exclude_defaults=True),
            now=self.now,
            op=op,
            priority=priority,
            not_before=not_before,
            expires_at=expires_at,
            target=target,
            policy=policy or ("hold" if op == "file" else "resend"),
        )
        return True

    def answers_to(self, person: Person) -> bool:
        """Whether what is said to this person answers what they did."""
        return False

    def rests(self, person: Person) -> bool:
        """Whether they asked not to be written to: what they are told waits until they are back."""
        return person.paused_at is not None and not self.answers_to(person)

    def _platforms(self, person: Person) -> set[str] | None:
        """Where the person may be written to: a programme that is on one platform only is kept.

        They hear everything there, for a message does not say which programme it belongs to.
        """
        programmes = self.bot.programmes
        if all(len(programme.platforms) > 1 for programme in programmes.values()):
            return None
        theirs = {m.programme_id for m in self.uow.people.programmes_of(person.id)}
        allowed = [set[str](programmes[name].platforms) for name in theirs & programmes.keys()]
        return set.intersection(*allowed) if allowed else None

    def _workspaces(self, person: Person) -> set[str] | None:
        """The Slack workspaces where the person may be written to: those of their programmes.

        Whoever is in programmes of two of them may be written to in both.
        """
        programmes = self.bot.programmes
        if not any(one.about.workspaces for one in programmes.values()):
            return None
        theirs = {m.programme_id for m in self.uow.people.programmes_of(person.id)}
        bound = (programmes[name].about.workspaces for name in theirs & programmes.keys())
        return {workspace for one in bound for workspace in one} or None

    def working_days(self, programme: Programme) -> datetime:
        """When the team has promised to have answered: its working days from now."""
        return programme.working_days_later(self.now, programme.contact.days)

    def waking(self, person: Person) -> datetime:
        """Now, or the end of the person's quiet hours."""
        programme = self.bot.programmes.get(person.programme_id or "")
        quiet = programme.quiet if programme else QUIET
        return into_waking_hours(self.now, self.zone(person, programme), quiet)

    def team(self, programme: Programme, verb: str | None = None) -> Sequence[Person]:
        """Who works on a programme: its staff; with a verb, whoever else it is lent to (X-12)."""
        roles = ["staff"]
        if verb is not None:
            asked = policy_of(f"command:{verb}")
            lent = (body.id for body in programme.bodies)
            roles += [role for role in lent if asked.admits_to_all({role}, programme)]
        people = (p for role in roles for p in self.uow.people.with_role(programme.id, role))
        return list({person.id: person for person in people}.values())

    def tell_staff(
        self,
        programme: Programme,
        build: Callable[[Words], Message],
        *,
        key: str,
        verb: str | None = None,
        to: Iterable[Person] | None = None,
        not_before: datetime | None = None,
        words_of: int | None = None,
        but: Collection[int] = (),
    ) -> int:
        """Tell the programme's staff, each in their language.

        Where all of them are among those it is about, its owners hear it; where these are too,
        they hear that something waits, without a word of it.

        Args:
            programme: Which.
            build: Words it.
            key: Its meaning.
            verb: What it is about: whoever is lent this verb of the team hears of it too.
            to: These people only.
            not_before: Earliest instant, for quiet hours.
            words_of: Whose answers it shows; who is told has read them (GDPR 33).
            but: Whom it is about: they hear nothing of it.

        Returns:
            How many hear it now: whoever rests finds it when they are back, and does not count; nor
            does who only hears that something waits.
        """
        team = self.team(programme, verb) if to is None else to
        people = [person for person in team if person.id not in but]
        if but and not people:
            owners = self.uow.people.with_role(programme.id, "owner")
            people = [owner for owner in owners if owner.id not in but]
        if but and not people:
            for person in team:
                said = _about_you(self.words(person, programme))
                self.tell(person, said, key=f"{key}:staff{person.id}", not_before=not_before)
        told = [
            person
            for person in people
            if self.tell(
                person,
                within(programme, build(self.words(person, programme))),
                key=f"{key}:staff{person.id}",
                not_before=not_before,
            )
        ]
        if words_of is not None:
            self.note_reads("alert", ((reader.id, words_of) for reader in told), programme)
        return sum(not self.rests(person) for person in told)

    def note_reads(
        self, what: str, found: Iterable[tuple[int | None, int]], programme: Programme | None
    ) -> None:
        """Write down, in one statement, who is shown something of whose (GDPR 33).

        Args:
            what: What it is: `read-<what>` in the catalogues says it to the person.
            found: Who reads, and whose it is.
            programme: Where.
        """
        place = programme.id if programme else None
        note_reads(self.uow.session, found, what=what, programme_id=place, now=self.now)


def workspace_of(account: str) -> str:
    """The workspace of a Slack account, `T1/U42`."""
    return account.partition("/")[0]


def open_to(programme: Programme, author: Author) -> bool:
    """Whether nothing but the account is needed for a programme to be there."""
    wanted = programme.about.workspaces
    return not wanted or (author.platform == "slack" and workspace_of(author.account) in wanted)


def _about_you(w: Words) -> Message:
    """To the only ones of a team, when it is about them."""
    return Message(w("staff-about-you"))


def within(programme: Programme, message: Message) -> Message:
    """The message with its commands bound to a programme.

    Whoever belongs to several presses them later, from whichever programme they are in then; the
    rights checked are those in this one.
    """

    def bound(choice: Choice) -> Choice:
        if not choice.token.startswith("r:") or "@" in choice.token:
            return choice
        return replace(choice, token=f"{choice.token}@{programme.id}")

    return replace(
        message,
        choices=tuple(bound(c) for c in message.choices),
        quiet=tuple(bound(c) for c in message.quiet),
        lines=tuple(
            replace(line, choice=bound(line.choice)) if line.choice else line
            for line in message.lines
        ),
    )


@dataclass
class _Answers:
    """What goes back in the same breath."""

    form: Form | None = None
    errors: dict[str, str] = field(default_factory=dict)
    toast: str | None = None


class Turn(Scene):
    """One event of one person."""

    def __init__(
        self,
        bot: Bot,
        uow: UnitOfWork,
        now: datetime,
        event: Event,
        identity: Identity,
        person: Person,
    ) -> None:
        super().__init__(bot, uow, now)
        self.event: Event = event
        self.identity = identity
        self.me = person
        self.answers = _Answers()
        self.in_distress = False  # whether this event holds explicit words of distress
        self.corrected = False  # whether the dialogue completed now had been completed before
        self.answered: list[dict[str, Any]] = []  # what was answered in it then
        self.policy: Policy | None = None  # of what is being done: see `bot.commands.registry`
        self.reached = False  # whether `bot/access.py` gave an object for it
        self._said = 0
        self._guest_lang: str | None = None
        self.current = self._current()

    @override
    def answers_to(self, person: Person) -> bool:
        return person.id == self.me.id

    @property
    def author(self) -> Author:
        """The account that acted."""
        return self.event.author

    def _current(self) -> Programme | None:
        programmes = self.programmes
        remembered = programmes.get(self.me.programme_id or "")
        if remembered is not None:
            return remembered
        looked_at = programmes.get(self.bot.guests.get(self.author.account, ""))
        if looked_at is not None:
            return looked_at
        theirs = {m.programme_id for m in self.uow.people.programmes_of(self.me.id)}
        possible = theirs & programmes.keys() or set(programmes)
        return programmes[possible.pop()] if len(possible) == 1 else None

    @property
    def programme(self) -> Programme:
        """The programme the person is in now.

        Raises:
            NotAllowed: None was chosen yet.
        """
        if self.current is None:
            raise NotAllowed("no programme chosen")
        return self.current

    @property
    def programmes(self) -> Mapping[str, Programme]:
        """The programmes that there are for the account that acts."""
        every = self.bot.programmes
        if not any(one.about.workspaces for one in every.values()):
            return every
        return {name: one for name, one in every.items() if self.sees(one)}

    def sees(self, programme: Programme) -> bool:
        """Whether a programme is there for the account that acts.

        One of some Slack workspaces is there for their accounts, and elsewhere for whoever has an
        account in them, or was given a part in it.
        """
        if open_to(programme, self.author):
            return True
        if self.author.platform == "slack":
            return False
        people = self.uow.people
        slack = [i.account for i in people.identities(self.me.id) if i.platform == "slack"]
        return any(workspace_of(account) in programme.about.workspaces for account in slack) or any(
            m.programme_id == programme.id for m in people.programmes_of(self.me.id)
        )

    def enter(self, programme: Programme) -> None:
        """Go on in this programme; remembered once the person agreed to be stored there.

        Raises:
            NotAllowed: It is another workspace's, and not there for this account.
        """
        if not self.sees(programme):
            raise NotAllowed("a programme of another workspace")
        self.current = programme
        if self.me.programme_id != programme.id and self.agreed_in(programme.id):
            self.me.programme_id = programme.id

    def look_at(self, programme: Programme) -> None:
        """A guest looks at a programme; it is not stored, only remembered for the next words."""
        self.current = programme
        guests = self.bot.guests
        guests[self.author.account] = programme.id
        guests.move_to_end(self.author.account)
        while len(guests) > GUESTS:
            guests.popitem(last=False)

    def consented_in(self, programme_id: str) -> bool:
        """Whether the person has said yes to being stored; who works for a programme need not.

        To the text of today: an older one has to be asked about again (`bot.consents`).
        """
        programme = self.bot.programmes.get(programme_id)
        people = self.uow.people
        if programme is None:
            given = "storage" in people.consents(self.me.id, programme_id)
        else:
            given = people.agreed_to(self.me.id, programme_id, "storage", programme.consent.read)
        return given or bool(self.roles_in(programme_id) - SIDES)

    def has_lapsed(self, programme_id: str) -> bool:
        """Whether the person has said yes to an older text only."""
        return not self.consented_in(programme_id) and "storage" in self.uow.people.consents(
            self.me.id, programme_id
        )

    def agreed_in(self, programme_id: str) -> bool:
        """Whether all is there for the person to take part in a programme, here.

        Their own yes; of a minor the parents' too; and a platform it may be used on.
        """
        programme = self.bot.programmes.get(programme_id)
        if programme is not None and not self.lives_in(programme):
            return False
        return self.consented_in(programme_id) and (
            programme is None or minors.missing(self, self.me, programme) is None
        )

    def lives_in(self, programme: Programme) -> bool:
        """Whether a programme may be used where this event comes from."""
        return self.author.platform in programme.platforms and self.sees(programme)

    @property
    def known(self) -> bool:
        """Whether more than the account id may be kept.

        Consent somewhere, or a role in the house.
        """
        return self.uow.people.consented_anywhere(self.me.id) or self.works_here

    @property
    def works_here(self) -> bool:
        """Whether the person holds a role given by an owner in some programme, staff or other."""
        return any(
            m.role not in SIDES and m.state == "active"
            for m in self.uow.people.programmes_of(self.me.id)
        )

    @property
    def is_staff_anywhere(self) -> bool:
        """Whether the person is staff in some programme."""
        return any(
            m.role in STAFF_ROLES and m.state == "active"
            for m in self.uow.people.programmes_of(self.me.id)
        )

    @property
    def roles(self) -> frozenset[str]:
        """The person's roles in the current programme, read afresh at each call."""
        return self.roles_in(self.current.id) if self.current else frozenset()

    def roles_in(self, programme_id: str) -> frozenset[str]:
        """The person's roles in a programme."""
        return self.uow.people.roles(self.me.id, programme_id)

    def holds(self, programme_id: str) -> bool:
        """Whether the person's roles in a programme let them do there what is being done now.

        Where that asks for no role of staff, only its staff and owners.
        """
        roles = self.roles_in(programme_id)
        programme = self.bot.programmes.get(programme_id)
        if programme is not None and not self.lives_in(programme):
            return False
        if self.policy is None or not self.policy.of_staff:
            return bool(roles & STAFF_ROLES)
        return self.policy.admits(roles, programme)

    def holds_all(self, programme_id: str) -> bool:
        """Whether it is so for all that is there, and not only for what was given to them."""
        roles = self.roles_in(programme_id)
        if self.policy is None or not self.policy.of_staff:
            return self.holds(programme_id)
        programme = self.bot.programmes.get(programme_id)
        return self.holds(programme_id) and self.policy.admits_to_all(roles, programme)

    @property
    def w(self) -> Words:
        """The voice for this person: before consent, in the language their platform reports."""
        if self._guest_lang is not None:
            return words(
                self._guest_lang,
                self.current.register if self.current else "tu",
                self.zone(self.me, self.current),
            )
        return self.words(self.me, self.current)

    def as_guest(self, lang: str | None = None) -> None:
        """Nothing is kept about this person: speak the language chosen, or that of the event."""
        if lang or self.author.locale:
            self._guest_lang = language(lang or self.author.locale)

    def use_language(self, lang: str) -> None:
        """Speak this language from now on."""
        self._guest_lang = None
        self.me.lang = lang

    def say(self, message: Message, *, here: bool = False, key: str | None = None) -> None:
        """Answer the person, where they are.

        Args:
            message: What.
            here: May be shown in place, for one pair of eyes, when they asked in a channel, unless
                the policy of what is done says otherwise; else it goes to the private chat.
            key: For what is said once however often the event is worked; else its place counts.
        """
        self._said += 1
        here = here and (self.policy is None or self.policy.where == "anywhere")
        in_place = here and not self.event.private and self.event.reply_url is not None
        if not self.event.private and not in_place and self.answers.toast is None:
            self.answers.toast = self.w("answered-in-private")
        self.tell(
            self.me,
            message,
            key=f"reply:{self.event.id}:{key or self._said}",
            identity=self.identity,
            op="ephemeral" if in_place and not message.file else None,
            target=self.event.reply_url if in_place else None,
        )

    def has_said(self, key: str) -> bool:
        """Whether this was said to this event before, under a key of its own."""
        return self.uow.outbox.fate(f"reply:{self.event.id}:{key}") is not None

    def text(self, key: str, /, n: int | None = None, **args: object) -> None:
        """Answer with a message of the catalogue."""
        self.say(Message(self.w(key, n, **args)))

    def replace(self, message: Message) -> bool:
        """Turn the message that was pressed into another; False, and nothing, without one."""
        if not isinstance(self.event, Pressed) or self.event.on is None:
            return False
        self._said += 1
        return self.tell(
            self.me,
            message,
            key=f"reply:{self.event.id}:{self._said}",
            identity=self.identity,
            op="replace" if self.event.reply_url else "edit",
            target=f"{self.event.on.chat}/{self.event.on.message}"
            + (f" {self.event.reply_url}" if self.event.reply_url else ""),
        )

    def show(self, person: Person, message: Message, *, what: str) -> bool:
        """Tell somebody else, as a consequence of this event."""
        return self.tell(person, message, key=f"{what}:{self.event.id}:{person.id}")

    @property
    def ack(self) -> Ack:
        """What the platform gets in the same breath."""
        return Ack(self.answers.form, dict(self.answers.errors), self.answers.toast)

    def note(self, verb: str, thing: str, thing_id: int | None, **detail: str | int | None) -> None:
        """Write to the audit: ids and states only."""
        self.uow.people.note(verb, thing, thing_id, actor_id=self.me.id, now=self.now, **detail)

    def read(self, what: str, person_id: int, number: int | None = None) -> None:
        """Write down that the person who acts is shown something of somebody else's (GDPR 33).

        Args:
            what: What it is: `request`, `pair`, `export-rapports` …; `read-<what>` in the
                catalogues says it to the person.
            person_id: Whose.
            number: Of the request, pair or report.
        """
        if person_id != self.me.id:
            programme = self.current.id if self.current else None
            self.note(READ, "person", person_id, what=what, number=number, programme=programme)

    def read_all(self, what: str, people: Iterable[int]) -> None:
        """As `read`, for something of many people at once."""
        self.note_reads(what, ((self.me.id, person) for person in people), self.current)

    def in_days(self, days: int) -> datetime:
        """The instant so many days from now."""
        return self.now + timedelta(days=days)
