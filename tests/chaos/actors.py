"""People who use the bot all the time, and notice when it is silent.

Each does one thing, waits for what must follow, then does another: a letter to the other half of
the pair, a word that answers nothing, a command, the answer to a check-in or a report, a request as
a newcomer. Every text carries a mark that occurs once, so that whoever reads it can be judged.
Refuses to know that processes die.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from typing_extensions import override

from tests.chaos.screens import Said, Screen

PATIENCE = 90.0  # somebody who got nothing by then was left alone
NOT_RECEIVED = 8.0  # then people try again what their client said had failed
TRIES = 5
# What is said when words were taken for an answer: to a check-in, to a report.
ELSEWHERE = ("Je n’ai pas bien", "Avant d’envoyer")


@dataclass
class Letter:
    """What somebody wrote to somebody.

    Attributes:
        mark: Occurs in no other text.
        author: Who wrote.
        reader: Who alone may read it.
        received: The platform took it: it must arrive.
    """

    mark: str
    author: str
    reader: str
    received: bool


@dataclass
class Diary:
    """What people did, and what they complain of.

    Attributes:
        letters: All of them.
        silences: Who got no answer to what.
        waits: Seconds to each answer.
        gestures: How many things were done.
        again: How many were done again after the platform said no.
    """

    letters: list[Letter] = field(default_factory=list)
    silences: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    gestures: int = 0
    again: int = 0
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    def over(self) -> bool:
        """Whether nobody begins anything new."""
        return self._over.is_set()

    def ends(self) -> None:
        """Nobody begins anything new from now on."""
        self._over.set()


class Actor:
    """Somebody in a pair.

    Args:
        screen: Where they are.
        mark: Theirs alone.
        partner: Mark of the other half.
        diary: Common to all.
        seed: Of what they do next.
        pause: Longest seconds between two things.
    """

    def __init__(
        self,
        screen: Screen,
        mark: str,
        partner: str,
        diary: Diary,
        seed: int,
        *,
        pause: float = 2.0,
    ) -> None:
        self.screen, self.mark, self.partner = screen, mark, partner
        self.diary, self.pause = diary, pause
        self.dice = random.Random(seed)
        self._number = 0
        self._answered: set[str] = set()

    async def live(self) -> None:
        """Do one thing after the other until the diary says stop."""
        wants = (self.letter, self.letter, self.two_steps, self.stray, self.help)
        while not self.diary.over():
            await asyncio.sleep(self.dice.uniform(0.1, self.pause))
            if self.diary.over():
                return
            if not await self.prompted():
                await self.dice.choice(wants)()

    # --- one thing ----------------------------------------------------------------------------

    async def does(
        self, what: str, gesture: Callable[[], Awaitable[bool]], followed: Callable[[int], bool]
    ) -> bool:
        """A gesture and what must follow; a silence is written down.

        Args:
            what: For the complaint.
            gesture: Says whether the platform took it.
            followed: Whether it is there, given the place from which on it must be.
        """
        since = self.screen.here()
        begun = time.monotonic()
        self.diary.gestures += 1
        for attempt in range(TRIES):
            received = await gesture()
            end = time.monotonic() + (PATIENCE if received else NOT_RECEIVED)
            while time.monotonic() < end:
                if followed(since):
                    if attempt == 0:
                        self.diary.waits.append(time.monotonic() - begun)
                    return True
                await asyncio.sleep(0.05)
            if received:
                break
            self.diary.again += 1
        else:  # each time their client told them that it had failed: they know
            return False
        shown = [s.text[:50] for s in self.screen.since(max(0, since - 3))]
        self.diary.silences.append(f"{self.screen.name}: {what}; sees {shown}")
        return False

    def _new(self, *words: str) -> Callable[[int], bool]:
        def there(since: int) -> bool:
            return any(all(w in s.text for w in words) for s in self.screen.since(since))

        return there

    def _mark(self, kind: str) -> str:
        self._number += 1
        return f"{kind}-{self.mark}-{self._number};"

    # --- things people do -----------------------------------------------------------------------

    async def letter(self) -> None:
        """A letter in one go; each attempt has a mark of its own."""
        since = self.screen.here()

        async def write() -> bool:
            one = Letter(self._mark("lettre"), self.mark, self.partner, received=False)
            self.diary.letters.append(one)
            one.received = await self.screen.command("ecrire", f"{one.mark} à bientôt")
            return one.received

        await self.does(f"letter from {since}", write, self._new("C’est transmis"))

    async def two_steps(self) -> None:
        """A letter in two: « Écris-moi », then the words."""
        asked = await self.does(
            "to write a letter",
            lambda: self.screen.command("ecrire"),
            self._new("Écris-moi maintenant"),
        )
        if not asked:
            return
        one = Letter(self._mark("lettre"), self.mark, self.partner, received=False)
        self.diary.letters.append(one)
        words = f"{one.mark} en deux temps"
        since = self.screen.here()

        def answered(since: int) -> bool:
            return any(self._new(one)(since) for one in ("C’est transmis", *ELSEWHERE))

        await self.does(f"words of {one.mark}", lambda: self.screen.say(words), answered)
        # A prompt in between takes the words: they may have been an answer to it.
        one.received = not any(self._new(taken)(since) for taken in ELSEWHERE)

    async def stray(self) -> None:
        """A word out of nowhere: some answer must come."""
        words = self._mark("mot")

        def answered(since: int) -> bool:
            return any(self._new(one)(since) for one in ("je le garde sans y toucher", *ELSEWHERE))

        await self.does(f"stray {words}", lambda: self.screen.say(words), answered)

    async def help(self) -> None:
        """A command of everybody's."""
        await self.does("help", lambda: self.screen.command("aide"), self._new("Ce que je peux"))

    async def prompted(self) -> bool:
        """Answer the newest prompt that waits; False when none does."""
        for said in reversed(self.screen.since(0)[-12:]):
            if said.key in self._answered or not said.labels:
                continue
            if "Halte" in said.text and "Oui" in said.labels:
                self._answered.add(said.key)
                await self._press(said, "Oui", "check-in")
                return True
            if "de tes nouvelles" in said.text:
                self._answered.add(said.key)
                await self._report(said)
                return True
        return False

    async def _press(self, said: Said, label: str, what: str) -> None:
        def answered(since: int) -> bool:
            now = self.screen.since(said.place)[:1]
            changed = not now or now[0].text != said.text or "Oui" not in now[0].labels
            return changed or self._new("Merci, c’est noté")(since)

        await self.does(
            f"{what} {said.text[-30:]!r}", lambda: self.screen.press(said, label), answered
        )

    async def _report(self, prompt: Said) -> None:
        label = next(one for one in prompt.labels if "Commencer" in one)
        begun = await self.does(
            "report", lambda: self.screen.press(prompt, label), self._new("quoi de neuf")
        )
        if not begun:
            return
        words = self._mark("carnet")
        if not await self.does(
            "report's answer", lambda: self.screen.say(words), self._new("Avant d’envoyer")
        ):
            return
        review = next(s for s in reversed(self.screen.since(0)) if "Avant d’envoyer" in s.text)
        send = next((one for one in review.labels if "Envoyer" in one), None)
        if send is not None:
            await self.does(
                "report's end",
                lambda: self.screen.press(review, send),
                self._new("ton rapport est bien arrivé"),
            )


class Staff(Actor):
    """Somebody of the team."""

    @override
    async def live(self) -> None:
        """Look at pairs and requests."""
        looks = (("binomes", "Binômes"), ("demandes", "demande"), ("aide", "Ce que je peux"))
        while not self.diary.over():
            await asyncio.sleep(self.dice.uniform(0.5, 2 * self.pause))
            if self.diary.over():
                return
            verb, words = self.dice.choice(looks)
            await self.does(f"staff {verb}", partial(self.screen.command, verb), self._new(words))


class Newcomer(Actor):
    """Somebody who joins and asks; nobody is in the directory, so the team is told."""

    @override
    async def live(self) -> None:
        """Join and ask; once."""
        await asyncio.sleep(self.dice.uniform(0, 10 * self.pause))
        if self.diary.over():
            return
        steps: tuple[tuple[str | None, str | None, str], ...] = (
            (f"bonjour-{self.mark};", None, "Gardons-nous tes réponses"),
            (None, "D’accord", "Comment souhaites-tu participer"),
            (None, "Je viens comme second", "Quel est ton nom"),
            (f"Nom {self.mark};", None, "Vers quel sommet"),
            (f"wunsch-{self.mark};", None, "Avant d’envoyer"),
            (None, "Envoyer", "Je n’ai trouvé personne"),
        )
        for words, label, following in steps:
            if self.diary.over():
                return
            if words is not None:
                gesture: Callable[[], Awaitable[bool]] = partial(self.screen.say, words)
            else:
                on = next(s for s in reversed(self.screen.since(0)) if _has(s, label))
                exact = next(one for one in on.labels if (label or "") in one)
                gesture = partial(self.screen.press, on, exact)
            if not await self.does(f"step {following!r}", gesture, self._new(following)):
                return


def _has(said: Said, label: str | None) -> bool:
    return any((label or "") in one for one in said.labels)
