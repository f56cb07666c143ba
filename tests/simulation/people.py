"""People who answer, forget, press twice, press old buttons, write, pause, end, and block the bot.

They see only what is on their screens. What a button means they do not know: they press what looks
like an answer, or anything.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from typing import Final

from tests.simulation.loop import sometimes
from tests.simulation.platforms import Platform, Shown, Slack, Telegram
from tests.simulation.world import Bond, Member, World

HOUR: Final = 3600.0
DAY: Final = 86_400.0
REMEMBERED: Final = 30  # messages that somebody may scroll back to

WORDS: Final = ("oui", "non", "pas encore", "4", "mardi prochain", "merci", "aide", "stop")
VERBS: Final = ("rdv", "aide", "reprendre", "ecrire", "mes-donnees", "profil")


@dataclass(frozen=True, slots=True)
class Manners:
    """How people are.

    Attributes:
        answers: Share of questions that are answered at all.
        types: Share of answers that are typed instead of pressed.
        doubles: Share of presses that are double clicks.
        stale: Share of acts that press something old instead.
        curious: Share of other buttons that are pressed.
        idle: Mean days between two things somebody does without being asked.
        leaves: Mean days until somebody blocks the bot, for a while.
    """

    answers: float = 0.6
    types: float = 0.12
    doubles: float = 0.05
    stale: float = 0.05
    curious: float = 0.06
    idle: float = 60.0
    leaves: float = 1500.0


class Crowd:
    """All of them, in one world.

    Args:
        world: Where they live.
        manners: How they are.
        until: When they fall silent, on the clock that nobody sets.
    """

    def __init__(self, world: World, manners: Manners, until: float) -> None:
        self.world = world
        self.manners = manners
        self.until = until
        self.said: dict[str, str] = {}  # canary -> chat
        self._rng: random.Random = world.rng
        self._who = {(m.platform, m.chat): m for m in world.cast.members}
        self._seen: dict[str, deque[Shown]] = {}
        for platform in world.platforms.values():
            platform.on_shown = self._sees
        for member in world.cast.members:
            self._plan(member)

    # --- by themselves ---

    def _plan(self, member: Member) -> None:
        platform = self._of(member)
        platform.later(sometimes(self._rng, self.manners.idle * DAY), self._stirs, member)
        platform.later(sometimes(self._rng, self.manners.leaves * DAY), self._leaves, member)

    def _of(self, member: Member) -> Platform:
        return self.world.platforms[member.platform]

    def _silent(self) -> bool:
        return self.world.clocks.elapsed() > self.until

    def _stirs(self, member: Member) -> None:
        if self._silent():
            return
        match self._rng.randrange(4):
            case 0:
                self._says(member, self._words(member))
            case 1:
                self._presses_old(member)
            case _:
                self._commands(member, self._rng.choice(VERBS))
        self._of(member).later(sometimes(self._rng, self.manners.idle * DAY), self._stirs, member)

    def _leaves(self, member: Member) -> None:
        if self._silent():
            return
        platform = self.world.platforms[member.platform]
        assert isinstance(platform, Telegram | Slack)
        platform.block(member.chat, True)
        platform.later(sometimes(self._rng, 10 * DAY), platform.block, member.chat, False)
        platform.later(sometimes(self._rng, self.manners.leaves * DAY), self._leaves, member)

    # --- when something comes ---

    def _sees(self, shown: Shown) -> None:
        name = "slack" if shown.chat[:1] == "U" else "telegram"
        member = self._who.get((name, shown.chat))
        if member is None:
            return
        seen = self._seen.setdefault(shown.chat, deque(maxlen=REMEMBERED))
        if shown not in seen:
            seen.append(shown)
        if self._silent() or not shown.buttons:
            return
        asked = any(token[:2] in ("a:", "s:") or token[:2] == "n:" for _, token in shown.buttons)
        share = self.manners.answers if asked else self.manners.curious
        if self._rng.random() < share:
            wait = sometimes(self._rng, 6 * HOUR) if self._rng.random() < 0.4 else 20.0
            self._of(member).later(1.0 + wait, self._reacts, member, shown)

    def _reacts(self, member: Member, shown: Shown) -> None:
        if self._silent() or member.chat in self._of(member).blocked:
            return
        chance = self._rng.random()
        if chance < self.manners.stale:
            self._presses_old(member)
        elif chance < self.manners.stale + self.manners.types:
            self._says(member, self._words(member))
        else:
            self._presses(member, shown)

    def _words(self, member: Member) -> str:
        if self._rng.random() < 0.5:
            return self._rng.choice(WORDS)
        canary = f"canari-{len(self.said)}-{member.number}"
        self.said[canary] = member.chat
        return f"Je voulais dire {canary}, voilà."

    def _presses_old(self, member: Member) -> None:
        if old := self._seen.get(member.chat):
            self._presses(member, self._rng.choice(list(old)))

    # --- what they can do ---

    def _presses(self, member: Member, shown: Shown) -> None:
        if not shown.buttons:
            return
        answers = [t for _, t in shown.buttons if t[:2] in ("a:", "s:")]
        anything = [t for _, t in shown.buttons]
        token = self._rng.choice(answers if answers and self._rng.random() < 0.85 else anything)
        platform = self._of(member)
        assert isinstance(platform, Telegram | Slack)
        platform.press(member.chat, shown, token)
        if self._rng.random() < self.manners.doubles:
            platform.later(0.2, platform.press, member.chat, shown, token)

    def _says(self, member: Member, text: str) -> None:
        platform = self._of(member)
        assert isinstance(platform, Telegram | Slack)
        platform.say(member.chat, text)

    def _commands(self, member: Member, name: str) -> None:
        platform = self._of(member)
        assert isinstance(platform, Telegram | Slack)
        platform.command(member.chat, name)


def partners(bonds: tuple[Bond, ...]) -> dict[str, set[str]]:
    """By chat: the chats whose words and names may come up there."""
    found: dict[str, set[str]] = {}
    for bond in bonds:
        for me, other in ((bond.mentee, bond.mentor), (bond.mentor, bond.mentee)):
            found.setdefault(me.chat, {me.chat}).add(other.chat)
    return found
