"""Anything people, the clock and fate may do, in any order: Hypothesis looks for what breaks.

A small world of two pairs; the same judge as the simulation's. When something breaks, Hypothesis
shows what was done; without `phases` below, the shortest way there.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from typing_extensions import override

from scheduling.sender import Claimed, Doubtful, NotSent
from tests.simulation.judge import judge
from tests.simulation.loop import VirtualLoop
from tests.simulation.people import DAY, HOUR, Crowd, Manners
from tests.simulation.platforms import Act, Fault, Platform, Shown, Slack, Telegram, too_many
from tests.simulation.world import Cast, Member, World, cast

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

T = TypeVar("T")
SILENT = Manners(answers=0.0, curious=0.0, idle=1e9, leaves=1e9)
WHO = st.integers(0, 3)
WORDS = st.sampled_from(["oui", "non", "pas encore", "4", "mardi", "merci", "demain 18h", "stop"])
VERBS = st.sampled_from(["rdv", "aide", "ecrire", "reprendre", "profil"])
FAULTS = st.sampled_from(
    [
        Fault(True),  # accepted, the answer swallowed
        Fault(False),  # lost on the way
        Fault(True, Doubtful("http 500")),
        Fault(False, Doubtful("http 502")),
        Fault(False, NotSent("no connection")),
        Fault(True, ConnectionResetError()),
        too_many(7.0, "chat"),
        too_many(0.0, "account"),
    ]
)


@lru_cache(maxsize=1)
def _scene() -> Cast:
    zones = ("Europe/Paris", "America/New_York")
    return cast("ax-accompagnement", datetime(2026, 10, 1, 9, tzinfo=UTC), couples=2, zones=zones)


class Life(RuleBasedStateMachine):
    """What may happen."""

    def __init__(self) -> None:
        super().__init__()
        logging.disable(logging.CRITICAL)
        self.loop = VirtualLoop()
        self.faults: list[Fault] = []
        self.world: World = self.do(self._begin())

    async def _begin(self) -> World:
        world = World(_scene(), 1)
        self.crowd = Crowd(world, SILENT, until=1e12)
        for platform in world.platforms.values():
            platform.script = self._fate
        await world.start()
        await asyncio.sleep(60.0)
        return world

    def do(self, work: Any) -> Any:
        """Let it happen, in virtual time."""
        return self.loop.run_until_complete(work)

    def _fate(self, _row: Claimed) -> Fault | None:
        return self.faults.pop(0) if self.faults else None

    @override
    def teardown(self) -> None:
        """Let everything come to rest, and judge."""
        self.faults.clear()
        for platform in self.world.platforms.values():
            platform.blocked.clear()
        if self.world.clocks.wrong:
            self.world.set_clock(-self.world.clocks.wrong)
        self.do(self._rest())
        verdict = judge(self.world, self.crowd)
        self.world.close()
        self.do(asyncio.sleep(0))
        self.loop.close()
        logging.disable(logging.NOTSET)
        assert not verdict.broken, verdict.broken

    async def _rest(self) -> None:
        if self.world.process is None:
            await self.world.start()
        await asyncio.sleep(2 * DAY)

    # --- people ---

    def _of(self, who: int) -> tuple[Member, Telegram | Slack]:
        member = self.world.cast.members[who]
        platform = self.world.platforms[member.platform]
        assert isinstance(platform, Telegram | Slack)
        return member, platform

    def _screen(self, member: Member, platform: Platform) -> list[Shown]:
        return [s for s in platform.shown.values() if s.chat == member.chat and s.buttons]

    @rule(who=WHO, words=WORDS)
    def says(self, who: int, words: str) -> None:
        member, platform = self._of(who)
        self._act(platform.say(member.chat, words))

    @rule(who=WHO, verb=VERBS)
    def commands(self, who: int, verb: str) -> None:
        member, platform = self._of(who)
        self._act(platform.command(member.chat, verb))

    @rule(
        who=WHO,
        back=st.integers(0, 5),
        button=st.integers(0, 6),
        times=st.integers(1, 2),
        soon=st.booleans(),
    )
    def presses(self, who: int, back: int, button: int, times: int, soon: bool) -> None:
        """The newest message or an old one; once or twice; at once or after the answer."""
        member, platform = self._of(who)
        if not (screen := self._screen(member, platform)):
            return
        shown = screen[-1 - back % len(screen)]
        token = shown.buttons[button % len(shown.buttons)][1]
        for _ in range(times):
            act = platform.press(member.chat, shown, token)
            if not soon:
                self._act(act)
        self.do(asyncio.sleep(0.5))

    @rule(who=WHO, delay=st.sampled_from([0.0, 3.0, 4000.0]))
    def comes_again(self, who: int, delay: float) -> None:
        """The platform delivers somebody's last act once more."""
        member, platform = self._of(who)
        mine = [act for act in platform.acts if act.chat == member.chat]
        if mine:
            platform.later(delay, platform.dispatch, mine[-1])

    @rule(who=WHO)
    def blocks_for_a_while(self, who: int) -> None:
        member, platform = self._of(who)
        platform.block(member.chat, True)
        platform.later(3 * HOUR, platform.block, member.chat, False)

    def _act(self, _act: Act) -> None:
        self.do(asyncio.sleep(2.0))

    # --- fate ---

    @rule(faults=st.lists(FAULTS, min_size=1, max_size=4))
    def calls_go_wrong(self, faults: list[Fault]) -> None:
        self.faults += faults

    @rule(hours=st.sampled_from([0.02, 1.0, 14.0, 100.0, 500.0]))
    def time_passes(self, hours: float) -> None:
        self.do(asyncio.sleep(hours * HOUR))

    @rule(fuse=st.integers(0, 6), away=st.sampled_from([1.0, 90.0, 15 * HOUR]))
    def is_killed_and_starts_again(self, fuse: int, away: float) -> None:
        """At once, or as soon as it has committed so many transactions."""
        process = self.world.process
        if process is not None and fuse:
            process.worker.fuse = fuse
            process.worker.on_end = self._dies_soon
            self.do(asyncio.sleep(20.0))
            process.worker.fuse = None
        self.world.kill()
        self.do(asyncio.sleep(away))
        self.do(self.world.start())

    def _dies_soon(self) -> None:
        self.world.slack.later(0.0, self.world.kill)

    @rule(hours=st.sampled_from([0.5, 9.0, 60.0]))
    def sleeps(self, hours: float) -> None:
        self.world.suspend(hours * HOUR)

    @rule(minutes=st.sampled_from([-90, -5, 5, 90]))
    def somebody_sets_the_clock(self, minutes: int) -> None:
        self.world.set_clock(timedelta(minutes=minutes))

    # --- always ---

    @invariant()
    def nobody_reads_what_is_not_theirs(self) -> None:
        for platform in self.world.platforms.values():
            for member in self.world.cast.members:
                others = {m.name for m in self.world.cast.members} - {member.name}
                bond = next(b for b in self.world.cast.bonds if member in (b.mentee, b.mentor))
                others -= {bond.mentee.name, bond.mentor.name}
                for shown in platform.shown.values():
                    if shown.chat == member.chat:
                        assert not any(name in shown.text for name in others)


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=20,
    stateful_step_count=30,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # looking for the shortest way takes minutes: by hand
)
