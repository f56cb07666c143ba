"""What happens to an event: who it is, what they may do, and which module answers.

`Bot.handle` is one transaction's work, started and committed by the inbox. Authority comes from the
account that acted, never from what the event carries; whatever is not allowed looks like what does
not exist. Every human who writes privately gets an answer. This module words nothing and knows no
platform.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import assert_never

from bot import awaited, dialogues, followup, onboarding, seats
from bot.commands import (
    agenda,
    announce,
    campaign,
    casework,
    classes,
    companies,
    counters,
    digests,
    directory,
    everyone,
    help_calls,
    interviews,
    mine,
    minors,
    news,
    office,
    parked,
    partners,
    promises,
    protection,
    queue,
    referrals,
    roles,
    staff,
    statistics,
    triage,
)
from bot.commands.registry import ACTS, COMMANDS, check_bodies, find, past
from bot.dialogue.parsing import clean
from bot.dialogue.tokens import ActToken, DialogueToken, FormToken, RunToken, decode
from bot.errors import ConsentMissing, NotAllowed
from bot.events import (
    Author,
    Commanded,
    Event,
    Opened,
    Pressed,
    Reached,
    Said,
    Submitted,
    readable,
)
from bot.experts import Experts
from bot.flows import FLOWS, flags, letters, meetings
from bot.messages import Ack, Message
from bot.policy import declare, policy
from bot.programmes.schema import Programme
from bot.turn import Scene, Turn
from storage.sending import Taken
from storage.tables import Identity, Person
from storage.timers import DueTimer
from storage.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)
SEEN_EVERY = timedelta(hours=1)  # shown as a day: not worth writing down at each event
FAMILIES = (
    everyone,
    mine,
    news,
    companies,
    help_calls,
    queue,
    casework,
    interviews,
    digests,
    counters,
    staff,
    statistics,
    triage,
    directory,
    campaign,
    announce,
    partners,
    agenda,
    parked,
    office,
    minors,
    classes,
    protection,
    referrals,
    promises,
    roles,
    *FLOWS,
)  # importing them fills the registries
declare("event:home", policy("anyone", scope="self"))
declare("event:start", policy("anyone", scope="self"))
declare("event:said", policy("anyone", scope="self"))
declare("event:reached", policy("platform", scope="self"))


class Bot:
    """The bot of no platform.

    Args:
        programmes: Programme files by id, in the order of the setting.
        staff: First staff accounts, `("slack", "T1/U1")`; afterwards rights live in the database.
    """

    def __init__(
        self, programmes: Mapping[str, Programme], staff: Iterable[tuple[str, str]] = ()
    ) -> None:
        check_bodies(programmes.values())
        self.programmes: Mapping[str, Programme] = dict(programmes)
        self.first_staff = frozenset(staff)
        self.experts = Experts()
        self.guests: OrderedDict[str, str] = OrderedDict()  # account -> programme; never stored
        self.public_url: str | None = None  # where browsers reach this instance
        self.telegram_name: str | None = None  # for deep links, once the platform told it
        self.reload: Callable[[], Mapping[str, Programme]] | None = None  # reads the files again
        self.rehearse: Callable[[DueTimer], None] | None = None  # see bot.commands.agenda
        self.aside: Callable[[DueTimer], None] | None = None  # see bot.aside

    def apart(self) -> Bot:
        """A bot that would say the same, for a copy of the database; it shares no memory."""
        other = Bot(self.programmes, self.first_staff)
        other.public_url, other.telegram_name = self.public_url, self.telegram_name
        return other

    def handle(self, uow: UnitOfWork, event: Event, now: datetime) -> Ack:
        """Answer one event inside the caller's transaction.

        Args:
            uow: Open; committed by the caller.
            event: As the platform's adapter read it.
            now: The instant, UTC.

        Returns:
            What the platform wants in the same breath.
        """
        event = readable(event)
        turn = self._turn(uow, event, now)
        if isinstance(event, Reached):
            turn.identity.reachable = event.reachable
            return turn.ack
        try:
            self._route(turn)
        except NotAllowed as refusal:
            log.info("refused", extra={"person": turn.me.id, "why": refusal.message})
            turn = self._again(uow, event, now)
            self._refused(turn)
        except ConsentMissing as missing:
            turn = self._again(uow, event, now)
            turn.current = self.programmes[missing.programme_id]
            onboarding.welcome(turn)
        followup.conclude(turn)
        return turn.ack

    def _again(self, uow: UnitOfWork, event: Event, now: datetime) -> Turn:
        """Refused half-way: nothing of it happened, and the answer begins from there.

        Words of distress in what was refused are heard all the same.
        """
        uow.undo()
        turn = self._turn(uow, event, now)
        self._listen(turn)
        return turn

    def _refused(self, turn: Turn) -> None:
        """It may not be, or is not there.

        What was asked for is asked for no more, and words are read as if nothing had been: else
        whatever is typed next would be refused too, and be lost.
        """
        me, focus = turn.me, turn.me.focus_id
        asked = (me.words_for, me.relay_id) != (None, None)
        me.words_for = me.relay_id = None
        if isinstance(turn.event, Said) and (asked or focus is not None):
            try:
                with turn.uow.savepoint(), past(turn, "event:said"):
                    me.focus_id = None
                    self._said(turn, turn.event.text)
                    if asked:  # the question that stood open beside it still does
                        me.focus_id = focus
            except (NotAllowed, ConsentMissing) as again:
                log.info("refused", extra={"person": me.id, "why": again.message})
            else:
                return
        if not turn.in_distress:
            turn.say(Message(turn.w("not-found")), here=True)

    def ask_consent(self, turn: Turn) -> None:
        """Ask somebody to agree before anything else is done: who, why, how long, whom to ask."""
        onboarding.welcome(turn)

    def deep_link(self, payload: str, programme: Programme | None = None) -> str | None:
        """The Telegram link that brings this payload, once the bot's name there is known.

        None for a programme that is not used there.
        """
        if self.telegram_name is None:
            return None
        if programme is not None and "telegram" not in programme.platforms:
            return None
        return f"https://t.me/{self.telegram_name}?start={payload}"

    def plan(self, uow: UnitOfWork, now: datetime) -> None:
        """See to it that every programme's own timers are in the store.

        At start and after a reload.
        """
        followup.plan(self, uow, now)

    def fire(self, uow: UnitOfWork, timer: DueTimer, now: datetime) -> None:
        """Turn one due timer into what it means."""
        followup.fire(self, uow, timer, now)

    def waking(self, uow: UnitOfWork, person_id: int, now: datetime) -> datetime:
        """Now, or the end of the night where the person lives (UTC)."""
        person = uow.people.get(person_id)
        return now if person is None else Scene(self, uow, now).waking(person)

    def failed(self, uow: UnitOfWork, event: Event, reference: str, now: datetime) -> None:
        """Something of ours broke while answering: say so, keep the state, tell the team.

        Words of distress are heard all the same, once, whether or not a later try succeeds.
        """
        turn = self._turn(uow, event, now)
        try:
            with uow.savepoint():
                flags.listen(turn)
        except Exception as error:  # it may be what broke: the rest is said without it
            log.error("not heard ref=%s error=%s", reference, type(error).__name__)  # noqa: TRY400
        # A key of its own: the answer itself may still come when the event is tried again.
        turn.tell(
            turn.me,
            Message(turn.w("something-failed", reference=reference)),
            key=f"failed:{event.id}",
            identity=turn.identity,
        )
        if turn.current is not None:
            turn.tell_staff(
                turn.current,
                lambda w: Message(w("staff-something-failed", reference=reference)),
                key=f"failed:{reference}",
            )

    def parked(self, uow: UnitOfWork, rows: Sequence[Taken], now: datetime) -> None:
        """Something that was to be said waits for staff: they hear of it, once a day."""
        parked.plan_news(Scene(self, uow, now), [(row.dedup_key, row.person_id) for row in rows])

    def channel_refused(self, uow: UnitOfWork, row: Taken, now: datetime) -> bool:
        """A channel did not take the team's counters: they hear what to do. Else False."""
        return counters.refused(Scene(self, uow, now), row.dedup_key)

    def seat(self, uow: UnitOfWork, author: Author, now: datetime) -> None:
        """Make an account of the settings known as staff before it ever wrote.

        One that had its seat and is not known any more was erased, and stays so.
        """
        new = uow.people.by_account(author.platform, author.account) is None
        if new and seats.seated(uow, author.platform, author.account):
            return
        identity, person = self._meet(uow, author, now)
        if new:  # on Telegram nobody can be written to before they begin
            identity.reachable = author.platform != "telegram"
        seats.seat(self, uow, person, author, now)

    def _meet(self, uow: UnitOfWork, author: Author, now: datetime) -> tuple[Identity, Person]:
        found = uow.people.acting(author.platform, author.account)
        if found is None:
            uow.people.meet(
                platform=author.platform,
                account=author.account,
                bot_account=author.bot_account,
                lang="fr",
                now=now,
            )
            found = uow.people.acting(author.platform, author.account)
        if found is None:
            raise LookupError("an account without a person")
        if found.wrapped is not None:
            uow.vault.know(uow.statements, found.person.id, found.wrapped)
        return found.identity, found.person

    def _turn(self, uow: UnitOfWork, event: Event, now: datetime) -> Turn:
        author = event.author
        identity, person = self._meet(uow, author, now)
        if now - identity.seen_at >= SEEN_EVERY:
            identity.seen_at = now
        # Set only what differs: setting a value to itself costs a flush.
        if identity.bot_account != author.bot_account:
            identity.bot_account = author.bot_account
        if not isinstance(event, Reached):
            if not identity.reachable:
                identity.reachable = True
            if person.reply_on != author.platform:
                person.reply_on = author.platform
        seats.seat(self, uow, person, author, now)
        turn = Turn(self, uow, now, event, identity, person)
        if not turn.known:
            turn.as_guest()
        return turn

    # --- routing ---

    def _listen(self, turn: Turn) -> None:
        """End what is awaited no more, and hear words of distress, whatever comes of the event."""
        until = turn.me.relay_until
        late = until is None or turn.now >= until
        if late or isinstance(turn.event, Pressed | Commanded | Submitted):
            # A letter or note begun is for the very next words within the hour, or for nobody.
            turn.me.relay_id = turn.me.words_for = None
        turn.in_distress = flags.listen(turn)

    def _route(self, turn: Turn) -> None:
        self._listen(turn)
        match turn.event:
            case Opened(surface="home"):
                with past(turn, "event:home"):
                    onboarding.home(turn)
            case Opened(payload=payload):
                with past(turn, "event:start"):
                    onboarding.opened(turn, payload or "")
            case Commanded(name=name, args=args):
                self._run(turn, name, args)
            case Pressed(token=token):
                self._pressed(turn, token)
            case Submitted():
                self._submitted(turn)
            case Said(text=text):
                with past(turn, "event:said"):
                    self._said(turn, text)
            case Reached():
                pass
            case _:
                assert_never(turn.event)

    def _said(self, turn: Turn, text: str) -> None:
        """Free words: a letter begun, the answer to what was asked, a verb, or words to keep."""
        if not clean(text):
            turn.text("only-text")
            return
        if onboarding.answered_in_words(turn, text):
            return
        if not (turn.me.relay_id or turn.me.words_for) and help_calls.asks_for_help(text):
            help_calls.offer(turn)
            return
        if not onboarding.agreed(turn):
            self.ask_consent(turn)
            return
        if awaited.heard(turn, text) or letters.relay(turn, text) or dialogues.said(turn, text):
            return
        verb = find(text.strip()) if len(text) < 20 else None
        if verb is not None and verb.listed:
            self._run(turn, verb.name, "")
            return
        if not turn.in_distress and not meetings.offer_date(turn, text):
            onboarding.stray(turn, text)

    def _pressed(self, turn: Turn, text: str) -> None:
        _take_twin_away(turn)
        token = decode(text)
        match token:
            case RunToken(name, argument):
                plain, _, place = argument.rpartition("@")
                if place in turn.programmes:  # see `turn.within`
                    turn.enter(turn.programmes[place])
                    argument = plain
                self._run(turn, name, argument)
            case ActToken(verb, number, version):
                act = ACTS.get(verb)
                if act is None:
                    raise NotAllowed(f"no act {verb!r}")
                act.run(turn, number, version)
            case DialogueToken() | FormToken():
                dialogues.pressed(turn, token)
            case None:
                raise NotAllowed("not one of our buttons")
            case _:
                assert_never(token)

    def _submitted(self, turn: Turn) -> None:
        event = turn.event
        token = decode(event.token) if isinstance(event, Submitted) else None
        if not isinstance(token, FormToken) or not isinstance(event, Submitted):
            raise NotAllowed("not one of our forms")
        dialogues.submitted(turn, token, event.values)

    def _run(self, turn: Turn, name: str, args: str) -> None:
        command = find(name) if name else COMMANDS["aide"]
        if command is None:
            onboarding.unknown_command(turn, name)
        elif command.policy.of_staff and turn.current is None and turn.works_here:
            onboarding.choose_programme(turn, then=(command.name, args.strip()))
        else:
            command.run(turn, args.strip())


def _take_twin_away(turn: Turn) -> None:
    """Whoever pressed a message that is there twice keeps the one they pressed."""
    on = turn.event.on if isinstance(turn.event, Pressed) else None
    if on is None:
        return
    here = turn.identity.bot_account
    other = turn.uow.sending.twin(here, on.chat, f"{on.chat}/{on.message}")
    if other is not None:
        turn.tell(
            turn.me,
            Message(""),
            key=f"twin:{here}:{other}",
            identity=turn.identity,
            op="delete",
            target=other,
        )
