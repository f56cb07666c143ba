"""One real process at DEBUG, through a life with a canary in every field: none of them leaks.

Looked into: both output streams, `/health`, `/metrics`, the command line of the process. The life
holds what libraries complain about: malformed updates, wrong tokens, a platform that fails.

Source: quality rules S4.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import socket
from pathlib import Path

import aiohttp
import pytest

from handlers.local.ledger import Json
from tests.run_people import Person, Typed
from tests.run_world import HEADER, World, cordee, programmes, world_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
HOOK = "hook_Kw3rTz8pLm2xVq6y"
_count = itertools.count(1)
CANARIES: list[str] = []


def canary(field: str) -> str:
    """A word that stands nowhere else; its field is in it, for whoever finds it."""
    CANARIES.append(f"Canari{field.capitalize()}Zq{next(_count)}")
    return CANARIES[-1]


def directory() -> str:
    """Two experts, one for each platform, all their columns sung."""
    rows = []
    for number, account in ((1, ",T0LOCAL/UEXPERT"), (2, "901,")):
        about = [canary(n) for n in ("prenom", "nom", "ecole", "poste", "employeur", "secteur",
                                     "ville", "pays", "bio")]  # fmt: skip
        first, last, school, job, employer, sector, town, country, bio = about
        rows.append(
            f"E{number},{first},{last},F,1998,{school},{job},{employer},startup,{sector},{town},"
            f"{country},,{bio} éolien,jeune chercheur,2,0,oui,oui,non,français,"
            f"{canary('mail')}@exemple.invalid,{account}\n"
        )
    return HEADER + "".join(rows)


async def life(world: World, base: str) -> None:
    """People on both platforms say, fill in and press; then everything that goes wrong."""
    lea = world.on_slack("ULEA", canary("slackname"))
    tom = world.on_telegram(502, canary("telegramname"))
    world.slack.world.users["ULEA"].email = f"{canary('slackmail')}@exemple.invalid"
    await lea.says(canary("bonjour"))
    await tom.starts()
    await asyncio.gather(asks(lea), asks(tom))
    world.slack.fail_next("chat.postMessage", "500")
    world.slack.fail_next("chat.postMessage", "drop_before")
    world.telegram.fail_next("sendMessage", "500")
    await lea.command(canary("verb"), canary("args"))
    await tom.command("aide")
    await malformed(base)


async def asks(person: Person) -> None:
    """Join, ask a question, say and search something."""
    review = await person.walks(
        {
            "Lequel t’amène": "Accompagnement à la demande",
            "Es-tu d’accord pour qu": "D’accord",
            "Comment souhaites-tu participer": "Je viens comme accompagné",
            "Comment t’appelles-tu": Typed(canary("name")),
            "De quelle promotion": Typed("2019"),
            "Où en es-tu aujourd’hui": "En poste",
            "De quoi as-tu besoin": "Poser une question, une fois",
            "Sur quoi porte ta question": "Un secteur",
            "Quel secteur": Typed(f"éolien {canary('sector')}"),
            "Quelle est ta question": Typed(canary("question")),
            "Que puis-je montrer": "Mon nom et mes réponses",
        },
        "Avant d’envoyer",
    )
    await person.presses("Envoyer", review)
    await person.says(canary("word"))
    await person.command("experts", canary("search"))


async def malformed(base: str) -> None:
    """Requests that are not from a platform, and updates that no platform ever sent."""
    update: Json = {"update_id": 77, "message": {"message_id": "x", "text": canary("malformed")}}
    text, token = canary("forged"), canary("token")
    async with aiohttp.ClientSession() as session:
        for headers in ({"X-Telegram-Bot-Api-Secret-Token": HOOK},
                        {"X-Telegram-Bot-Api-Secret-Token": token}):  # fmt: skip
            for body in (update, {"update_id": 78, "message": text}, [text], text):
                async with session.post(f"{base}/telegram", json=body, headers=headers):
                    pass
            async with session.post(f"{base}/telegram", data=text * 9, headers=headers):
                pass
        for stamp in ("1", "not a number", "99999999999999999999"):
            headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={token}"}
            async with session.post(f"{base}/slack/events", data=text, headers=headers):
                pass
        async with session.get(f"{base}/{canary('path')}?token={token}"):
            pass
        secret = {"Cookie": f"__Host-cordee-partner=1.2.{canary('pass')}"}
        for path in ("/partner", f"/partner?code={token}"):
            async with session.post(f"{base}{path}", data={"code": canary("code")}, headers=secret):
                pass
        async with session.get(f"{base}/partner/view", headers=secret):
            pass


def command_line(pid: int) -> str:
    """What everybody on the machine may read of a process."""
    file = Path(f"/proc/{pid}/cmdline")
    return file.read_text() if file.exists() else ""


async def test_no_secret_and_no_word_of_anybody_leaves_a_process_at_debug(tmp_path: Path) -> None:
    CANARIES.clear()
    (tmp_path / "people.csv").write_text(directory(), "utf-8")
    done = [
        cordee(tmp_path, *command)
        for command in (("migrate",), ("import", "people.csv", "--programme", "ax-accompagnement"))
    ]
    assert [one.returncode for one in done] == [0, 0], done
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    database = tmp_path / "world"
    database.mkdir()
    async with world_of(database, tmp_path / "cordee.db") as world:
        del world.settings["SLACK_APP_TOKEN"]
        world.settings |= {
            "CORDEE_PROGRAMMES": programmes(tmp_path, "ax-accompagnement", "emergence"),
            "CORDEE_LOG_LEVEL": "DEBUG",
            "SLACK_SIGNING_SECRET": world.slack.secrets.signing_secret,
            "TELEGRAM_WEBHOOK_SECRET": HOOK,
            "CORDEE_HTTP_PORT": str(port),
            "CORDEE_PUBLIC_URL": base,
            "PYTHONASYNCIODEBUG": "1",
        }
        await world.start()
        assert world.process is not None
        world.slack.request_url = f"{base}/slack/events"
        await life(world, base)
        async with aiohttp.ClientSession() as session:
            pages = [
                await (await session.get(f"{base}{path}")).text()
                for path in ("/health", "/health/live", "/health/ready", "/metrics")
            ]
        line = command_line(world.process.pid)
        world.slack.request_url = None
        assert await world.end() == 0
        log = world.log.read_text()
    told = "\n".join([log, *pages, line, *(one.stdout + one.stderr for one in done)])
    secrets = [v for k, v in world.settings.items() if re.search("TOKEN|SECRET|KEY", k)]
    assert len(secrets) == 5
    assert len(CANARIES) >= 40
    assert not [secret for secret in secrets if secret in told]
    assert not [word for word in CANARIES if word.casefold() in told.casefold()]
    assert "Traceback" not in log
    assert " DEBUG " in log or " INFO " in log
