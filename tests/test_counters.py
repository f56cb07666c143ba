"""The team's channel: numbers that follow the queue, nobody's name; what to do when shut out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot import followup
from bot.programmes.queue import QueueRules
from bot.turn import Scene
from handlers.local.fake_slack import FakeSlack
from handlers.local.slack_server import IDENTITY
from handlers.local.stage import Stage
from storage.tables import Outbox, Person
from storage.unit_of_work import UnitOfWork

TEAM = IDENTITY["team_id"]
CHANNEL, GROUP = "C0STAFF", -4001
CANARY = "Zénobie Canari"
PROGRAMME = "ax-accompagnement"


def file(folder: Path) -> str:
    preset = Path("bot/programmes/ax-accompagnement.toml").read_text("utf-8")
    queue = f'[queue]\ndigests = []\nchannels = ["slack:{TEAM}/{CHANNEL}", "telegram:{GROUP}"]\n\n'
    path = folder / "ax-accompagnement.toml"
    path.write_text(preset.replace("[proposals]", queue + "[proposals]", 1), "utf-8")
    return str(path)


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


class World:
    """A running bot whose file names a channel and a group."""

    def __init__(self, folder: Path, *, let_in: bool = True) -> None:
        staff = (f"slack:{TEAM}/UCLAIRE", "telegram:1001")
        self.stage = Stage("sqlite://", [file(folder)], staff=staff)
        self.stage.slack.add_user("UCLAIRE", "Claire")
        self.stage.slack.add_channel(CHANNEL, "equipe", ["UCLAIRE"], has_bot=let_in)
        self.stage.telegram.add_user(1001, "Omar").started = True
        self.stage.telegram.add_group(GROUP, "Équipe", has_bot=let_in)

    async def __aenter__(self) -> World:
        await self.stage.start()
        await self.stage.advance(timedelta(seconds=5))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stage.stop()

    @property
    def slack(self) -> FakeSlack:
        return self.stage.slack

    def channel(self) -> list[str]:
        messages = self.slack.world.channels[CHANNEL].messages
        return [plain(str(m.blocks) + m.text) for m in messages]

    def group(self) -> list[str]:
        return [plain(m.text) for m in self.stage.telegram.messages(GROUP)]

    async def write(self, do: Callable[[Scene], None]) -> None:
        """Something that somebody did, in a transaction of its own."""

        def work() -> None:
            with self.stage.service.database.unit_of_work() as uow:
                scene = Scene(self.stage.service.bot, uow, self.stage.clock.now())
                do(scene)
                followup.conclude(scene)
                uow.commit()

        await self.stage.service.worker.run(work)
        await self.stage.settled()


def asks(scene: Scene) -> None:
    """Somebody makes a request that comes to the team."""
    uow = scene.uow
    person = Person(name=CANARY, lang="fr", created_at=scene.now)
    uow.session.add(person)
    uow.session.flush()
    talk = uow.talks.start(person.id, PROGRAMME, "intake", state={}, digest="d", now=scene.now)
    uow.requests.add(
        person.id, PROGRAMME, talk.id, kind="one_off", shared={}, features={"text": [CANARY]},
        now=scene.now, due_at=scene.now + timedelta(days=5),
    )  # fmt: skip


def claims(scene: Scene) -> None:
    """Somebody of the team takes the first one on."""
    [staff, *_] = scene.uow.people.with_role(PROGRAMME, "staff")
    request = scene.uow.requests.get(1)
    assert request is not None
    assert scene.uow.requests.give_to(request, staff.id, instead_of=None, now=scene.now)


def test_the_numbers_follow_the_queue_in_place_and_once_a_minute(tmp_path: Path) -> None:
    asyncio.run(_follow(tmp_path))


async def _follow(folder: Path) -> None:
    async with World(folder) as here:
        for shown in (here.channel(), here.group()):
            assert len(shown) == 1
            assert "En cours : 0" in shown[0]
        for _ in range(3):
            await here.write(asks)
        assert "En cours : 0" in here.group()[0]  # not before the minute is over
        edits = await here.stage.read(_edits)
        await here.stage.advance(timedelta(seconds=60))
        assert await here.stage.read(_edits) == edits + 2  # one for each place
        for shown in (here.channel(), here.group()):
            assert len(shown) == 1
            assert "En cours : 3" in shown[0]
            assert "À prendre en charge : 3" in shown[0]
        await here.write(claims)
        await here.stage.advance(timedelta(seconds=61))
        assert "À prendre en charge : 2" in here.group()[0]
        await here.stage.advance(timedelta(days=1))
        for shown in (here.channel(), here.group()):
            assert len(shown) == 2  # a new one in the morning
            assert "À prendre en charge : 2" in shown[1]
        await here.stage.advance(timedelta(days=5))
        assert "Échéance passée : 3" in here.group()[-1]
        for shown in (here.channel(), here.group()):
            assert not any(word in text for text in shown for word in (*CANARY.split(), "Claire"))
        assert not here.slack.refusals
        assert not here.stage.telegram.refusals


def _edits(uow: UnitOfWork) -> int:
    counts = [uow.outbox.fate(key) for key in _keys(uow)]
    return sum(fate == "sent" for fate, _ in filter(None, counts))


def _keys(uow: UnitOfWork) -> list[str]:
    found = select(Outbox.dedup_key).where(Outbox.dedup_key.startswith("counters-edit:"))
    return list(uow.session.scalars(found))


def test_shut_out_the_team_hears_once_what_to_do(tmp_path: Path) -> None:
    asyncio.run(_shut_out(tmp_path))


async def _shut_out(folder: Path) -> None:
    async with World(folder, let_in=False) as here:
        await here.stage.advance(timedelta(days=3))
        said = [m for m in here.slack.messages("UCLAIRE") if "compteurs" in m.text]
        assert len(said) == 2  # one for the channel, one for the group
        assert any("/invite @Cordée" in m.text for m in said)
        here.slack.world.channels[CHANNEL].has_bot = True
        here.stage.telegram.world.users[GROUP].started = True
        await here.slack.slash("UCLAIRE", "/cordee", "compteurs")
        await here.stage.advance(timedelta(seconds=5))
        assert len(here.channel()) == len(here.group()) == 1
        here.slack.world.channels[CHANNEL].has_bot = False
        await here.stage.advance(timedelta(days=4))
        said = [m for m in here.slack.messages("UCLAIRE") if "compteurs de la file" in m.text]
        assert len(said) == 3  # shut out again: once more


def test_somebody_took_the_message_away(tmp_path: Path) -> None:
    asyncio.run(_taken_away(tmp_path))


async def _taken_away(folder: Path) -> None:
    async with World(folder) as here:
        here.slack.world.channels[CHANNEL].messages.clear()
        for _ in range(2):
            await here.write(asks)
            await here.stage.advance(timedelta(seconds=61))
        assert len(here.channel()) == 1
        assert "En cours : 2" in here.channel()[0]


@pytest.mark.parametrize("bad", ["C0STAFF", "slack:C0STAFF", "slack:T1/U1", "telegram:42", "irc:x"])
def test_what_is_no_channel_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="channels"):
        QueueRules(channels=(bad,))
