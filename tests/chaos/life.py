"""One life on the rope, from joining to the report, as the people in it see it.

Everybody does one thing at a time, waits for what must follow, and does it again when the platform
said that it was not received and nothing followed. Refuses to know that the bot may die meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.chaos import programme
from tests.chaos.ground import STAFF_SLACK, Ground
from tests.chaos.screens import Said, Screen, SlackScreen, TelegramScreen

PATIENCE = 25.0
NOT_RECEIVED = 8.0  # then people try again; not sooner: a second press is a second event
TRIES = 6
FIRST_HALT = timedelta(seconds=60)
FIRST_LOG = timedelta(seconds=90)

Gesture = Callable[[], Awaitable[bool]]


class Stuck(AssertionError):
    """What must follow did not."""


@dataclass
class Life:
    """The people, and what they do in turn.

    Attributes:
        hugo: Leads, on Telegram.
        zoe: Follows, on Slack.
        claire: Of the team, on Slack; she only reads.
        again: Gestures that had to be made again.
    """

    here: Ground
    begun: datetime
    again: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hugo = TelegramScreen(self.here.telegram, 101, "Hugo Pic")
        self.zoe = SlackScreen(self.here.slack, "UZOE", "Zoé Val")
        self.claire = SlackScreen(self.here.slack, STAFF_SLACK, "Claire")

    async def does(self, who: Screen, gesture: Gesture, *words: str) -> Said:
        """A gesture, and the message that must follow it.

        Raises:
            Stuck: Nothing came.
        """
        since = who.here()
        for _ in range(TRIES):
            received = await gesture()
            wait = PATIENCE if received else NOT_RECEIVED
            found = await who.hears(*words, since=since, patience=wait)
            if found is not None:
                return found
            if received:
                break
            self.again.append(words[0])
        shown = [s.text for s in who.since(max(0, since - 4))]
        raise Stuck(f"{who.name} waits for {words}; sees {shown}")

    async def presses(self, who: Screen, on: Said, label: str, *words: str) -> Said:
        """Press, and what must follow."""
        exact = next((one for one in on.labels if label in one), None)
        if exact is None:
            raise Stuck(f"no {label!r} in {on}")
        return await self.does(who, lambda: who.press(on, exact), *words)

    async def says(self, who: Screen, text: str, *words: str) -> Said:
        """Write, and what must follow."""
        return await self.does(who, lambda: who.say(text), *words)

    async def hears(self, who: Screen, *words: str) -> Said:
        """Something that comes by itself.

        Raises:
            Stuck: It did not.
        """
        found = await who.hears(*words, since=0, patience=PATIENCE)
        if found is None:
            raise Stuck(f"{who.name} never heard {words}; {[s.text for s in who.since(0)][-4:]}")
        return found

    async def joins(self, who: Screen, hello: str, role: str) -> None:
        """The first word, consent, a role, a name."""
        asked = await self.says(who, hello, "Gardons-nous tes réponses")
        which = await self.presses(who, asked, "D’accord", "Comment souhaites-tu participer")
        await self.presses(who, which, role, "Quel est ton nom")

    async def lead(self) -> None:
        """Hugo becomes somebody to be proposed."""
        await self.joins(self.hugo, "/start", "Je viens comme premier")
        await self.says(self.hugo, "Hugo Pic", "Quels sommets connais-tu")
        may = await self.says(self.hugo, "Le Cervin par le Hörnli", "Peux-tu être proposé")
        await self.presses(self.hugo, may, "Oui, d’accord", "fiche est enregistrée")

    async def ask(self) -> None:
        """Zoé asks for him, and he says yes."""
        await self.joins(self.zoe, "bonjour", "Je viens comme second")
        await self.says(self.zoe, "Zoé Val", "Vers quel sommet")
        review = await self.says(self.zoe, "Le Cervin, un jour", "Avant d’envoyer")
        found = await self.presses(self.zoe, review, "Envoyer", "Qui pourrait t’aider")
        await self.presses(self.zoe, found, "Demander à Hugo", "chez Hugo Pic")
        wish = await self.hears(self.hugo, "Une demande pour toi", "Le Cervin, un jour")
        await self.presses(self.hugo, wish, "Accepter", "binôme est formé")
        await self.hears(self.zoe, "binôme est formé")

    async def halt(self) -> None:
        """The check-in comes due; both answer."""
        await self.to(self.begun + FIRST_HALT)
        for who in (self.zoe, self.hugo):
            asked = await self.hears(who, programme.halt(1))
            await self.presses(who, asked, "Oui", "Merci, c’est noté")

    async def report(self) -> None:
        """The report comes due; Zoé writes it."""
        await self.to(self.begun + FIRST_LOG)
        prompt = await self.hears(self.zoe, "de tes nouvelles")
        await self.presses(self.zoe, prompt, "Commencer", programme.log(1))
        review = await self.says(self.zoe, "Une belle arête", "Avant d’envoyer")
        await self.presses(self.zoe, review, "Envoyer", "ton rapport est bien arrivé")

    async def whole(self) -> None:
        """All of it."""
        await self.lead()
        await self.ask()
        await self.halt()
        await self.report()
        await self.rest()

    async def rest(self) -> None:
        """Wait until nothing is left to work or to say.

        Raises:
            Stuck: There always is.
        """
        for _ in range(int(PATIENCE / 0.05)):
            if self.here.waiting() == 0:
                return
            await asyncio.sleep(0.05)
        left = self.here.rows("SELECT op, state, attempts, reason, dedup_key FROM outbox"
                              " WHERE state IN ('queued', 'sending')")  # fmt: skip
        raise Stuck(f"left: {left}")

    async def to(self, at: datetime) -> None:
        """Let time pass, when all is at rest."""
        await self.rest()
        assert self.here.clock is not None
        self.here.clock.until(at)

    def seen(self) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
        """What stands on each screen, in order."""
        return {
            who.name: [(s.text, s.labels) for s in who.since(0)]
            for who in (self.hugo, self.zoe, self.claire)
        }
