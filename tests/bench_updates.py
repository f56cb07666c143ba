"""Processor time of an update: Cordée in the middle of an intake, against a bare handler.

Both are child processes on local platforms of their own, fed the same updates at the same pace in
turn: ours, bare, ours, bare. An update of ours is a row in the inbox, a step of the dialogue and
its messages; of the bare one, a row and "ok".
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from bot import dialogues
from bot.bot import Bot
from bot.i18n import words
from bot.programmes.load import load_all
from bot.turn import Scene
from storage.migrate import upgrade
from storage.unit_of_work import Database
from tests.bench_crowd import SlackCrowd, TelegramCrowd, a_round
from tests.bench_process import Child, child, command, free_port

Way = Literal["slack-socket", "slack-http", "telegram-polling", "telegram-webhook"]
WAYS: Final[tuple[Way, ...]] = (
    "slack-socket", "slack-http", "telegram-polling", "telegram-webhook"
)  # fmt: skip
PROGRAMME: Final = "ax-accompagnement"
SECRET: Final = "measured on loopback, nobody real"
HOOK_SECRET: Final = "measured_on_loopback"
STEPS: Final = (  # seven questions of that programme's intake, with the answer given to each
    ("standing", "employed"),
    ("help", "long_term"),
    ("motive", "project"),
    ("project", "meaning"),
    ("situation", "thirty"),
    ("turn", "both"),
    ("relays", "yes"),
)
IDLE_SECONDS: Final = 10.0
REST_SECONDS: Final = 1.0  # for what follows an answer: settling, editing, the next poll


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        writers: People who type, each once a round; the first round warms up.
        typed: Rounds of typing that count.
        pressers: People who press.
        pressed: Rounds of pressing. Slack takes 50 edits a minute, so that what is over waits.
        idle: Seconds of doing nothing.
    """

    writers: int = 40
    typed: int = 6
    pressers: int = 24
    pressed: int = 2
    idle: float = IDLE_SECONDS


@dataclass
class Cost:
    """Processor time of one kind of update.

    Attributes:
        updates: How many.
        cpu: Seconds for all of them.
        waits: Seconds each person waited for the answer.
    """

    updates: int = 0
    cpu: float = 0.0
    waits: list[float] = field(default_factory=list)

    @property
    def each(self) -> float:
        """Milliseconds of processor per update."""
        return 1000 * self.cpu / self.updates if self.updates else 0.0


@dataclass
class Compared:
    """One way in: ours beside the bare handler."""

    way: Way
    typed: tuple[Cost, Cost] = field(default_factory=lambda: (Cost(), Cost()))
    pressed: tuple[Cost, Cost] = field(default_factory=lambda: (Cost(), Cost()))
    idle: tuple[float, float] = (0.0, 0.0)
    refusals: list[str] = field(default_factory=list)


AnyCrowd = SlackCrowd | TelegramCrowd


def crowd_of(way: Way, size: int) -> AnyCrowd:
    """People for a way in."""
    return SlackCrowd(size) if way.startswith("slack") else TelegramCrowd(size)


def settings_of(way: Way, crowd: AnyCrowd) -> dict[str, str]:
    """The environment that makes a process listen there, this way."""
    port = free_port()
    if isinstance(crowd, SlackCrowd):
        secrets = crowd.fake.secrets
        found = {"SLACK_BOT_TOKEN": secrets.bot_token, "SLACK_API_URL": crowd.fake.base_url}
        if way == "slack-socket":
            return found | {"SLACK_APP_TOKEN": secrets.app_token}
        crowd.fake.request_url = f"http://127.0.0.1:{port}/slack/events"
        return found | {
            "SLACK_SIGNING_SECRET": secrets.signing_secret,
            "CORDEE_HTTP_PORT": str(port),
        }
    found = {"TELEGRAM_BOT_TOKEN": crowd.fake.token, "TELEGRAM_API_URL": crowd.fake.base_url}
    if way == "telegram-polling":
        return found
    return found | {
        "TELEGRAM_WEBHOOK_SECRET": HOOK_SECRET,
        "CORDEE_HTTP_PORT": str(port),
        "CORDEE_PUBLIC_URL": f"http://127.0.0.1:{port}",
    }


def house(url: str) -> dict[str, str]:
    """The settings of Cordée that every measure shares."""
    return {
        "CORDEE_DATABASE_URL": url,
        "CORDEE_PROGRAMMES": PROGRAMME,
        "CORDEE_SECRET_KEY": SECRET,
    }


def seat(url: str, crowd: AnyCrowd, size: int) -> None:
    """Put the crowd at the first question of the intake: agreed, enrolled, the question queued."""
    database = Database(url, SECRET)
    upgrade(database.engine)
    bot = Bot(load_all([PROGRAMME]), ())
    programme = bot.programmes[PROGRAMME]
    now = datetime.now(UTC)
    with database.unit_of_work() as uow:
        for one in range(size):
            identity = uow.people.meet(
                platform=crowd.platform,
                account=crowd.account(one),
                bot_account=crowd.bot_account,
                lang="fr",
                now=now,
            )
            person = uow.people.get(identity.person_id)
            assert person is not None
            person.name, person.programme_id = f"Personne {one}", PROGRAMME
            uow.people.consent(
                person.id, PROGRAMME, "storage", text=programme.consent.read, now=now
            )
            uow.people.enrol(person.id, PROGRAMME, "mentee", now=now)
            scene = Scene(bot, uow, now)
            talk, said = dialogues.begin(scene, person, programme, "intake")
            for place, message in enumerate(said):
                scene.tell(person, message, key=f"bench:{talk.id}:{place}")
        uow.commit()
    database.close()


def labels() -> list[str]:
    """The answers of `STEPS` as French people read them."""
    intake = load_all([PROGRAMME])[PROGRAMME].intake
    assert intake is not None
    options = {(q.id, o.value): o.label for q in intake.questions for o in q.options}
    return [words("fr").pick(options[step]) for step in STEPS]


async def compare(way: Way, folder: Path, size: Size, profile: Path | None = None) -> Compared:
    """Measure one way in.

    Args:
        way: Which.
        folder: For databases; there, and empty.
        size: How much.
        profile: Run ours under a profiler and write there what it found.
    """
    people = size.writers + size.pressers
    ours, bare = crowd_of(way, people), crowd_of(way, people)
    async with AsyncExitStack() as stack:
        for crowd in (ours, bare):
            await crowd.start()
            stack.push_async_callback(crowd.stop)
        url = f"sqlite:///{folder / 'cordee.db'}"
        seat(url, ours, people)
        settings = house(url) | settings_of(way, ours)
        argv = command("handlers.main", "run")
        if profile is not None:
            argv = command("tests.bench_profiled", "run")
            settings["BENCH_PROFILE"] = str(profile)
        cordee = await stack.enter_async_context(child(argv, settings, folder))
        simple = await stack.enter_async_context(
            child(
                command("tests.bench_bare", way),
                settings_of(way, bare) | {"BENCH_DB": str(folder / "bare.db")},
                folder,
            )
        )
        async with asyncio.timeout(60 + people):
            while not all(ours.heard(one) for one in range(people)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        try:
            await a_round(bare, range(people), "bonjour", press=False)
            found = await _measured(way, (ours, bare), (cordee, simple), size)
        except TimeoutError as late:
            raise RuntimeError(f"{way}: no answer\n{cordee.said}\n{simple.said}") from late
        found.refusals = ours.refusals() + bare.refusals()
    return found


async def _measured(
    way: Way, crowds: tuple[AnyCrowd, AnyCrowd], children: tuple[Child, Child], size: Size
) -> Compared:
    found = Compared(way)
    said = labels()
    writers = range(size.writers)
    pressers = range(size.writers, size.writers + size.pressers)
    for number in range(size.typed + 1):
        for side in (0, 1):
            cost = await _cost(children[side], crowds[side], writers, said[number], press=False)
            if number:  # the first round warms up
                _add(found.typed[side], cost)
    for number in range(size.pressed):
        for side in (0, 1):
            cost = await _cost(
                children[side], crowds[side], pressers, said[number], press=True, forged=side == 1
            )
            _add(found.pressed[side], cost)
    before = [one.cpu() for one in children]
    await asyncio.sleep(size.idle)
    first, second = (one.cpu() - b for one, b in zip(children, before, strict=True))
    found.idle = (first, second)
    return found


async def _cost(
    process: Child,
    crowd: AnyCrowd,
    people: Sequence[int],
    label: str,
    *,
    press: bool,
    forged: bool = False,
) -> Cost:
    before = process.cpu()
    got = await a_round(crowd, people, label, press=press, forged=forged)
    await asyncio.sleep(REST_SECONDS)
    return Cost(len(people), process.cpu() - before, got.waits)


def _add(total: Cost, one: Cost) -> None:
    total.updates += one.updates
    total.cpu += one.cpu
    total.waits += one.waits
