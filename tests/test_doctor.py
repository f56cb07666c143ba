"""`cordee doctor`: each thing that can be wrong is named, with what to do; never a traceback."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
from collections import namedtuple
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from bot.bot import Bot
from bot.errors import CordeeError
from bot.events import Author
from bot.programmes.load import load
from bot.settings import Settings
from handlers import doctor
from handlers.alone import exclusive
from handlers.doctor import Finding, examine
from handlers.local.fake_slack import FakeSlack
from handlers.local.fake_telegram import FakeTelegram
from handlers.local.slack_server import SlackSecrets
from handlers.owners import name_owner
from handlers.slack.manifest import SCOPES
from storage.migrate import upgrade
from storage.tables import Audit, Person
from storage.unit_of_work import Database, UnitOfWork
from tests.run_world import cordee

KEY = "kq8Zr1-Vw2pLm7Xt9Bd4"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class Patient:
    """A bot that is set up well, until a test breaks something."""

    settings: Settings
    slack: FakeSlack
    telegram: FakeTelegram
    folder: Path

    @contextmanager
    def database(self) -> Iterator[Database]:
        found = Database(self.settings.cordee_database_url, KEY)
        yield found
        found.close()

    async def examined(self, *, backups: Path | None = None, **changes: Any) -> list[Finding]:
        settings = self.settings.model_copy(update=changes)
        found = await asyncio.to_thread(examine, settings, backups)
        told = repr(found)
        for secret in settings.secrets:
            assert secret not in told
        assert not [one for one in found if one.level != "ok" and not one.do], "what to do next?"
        return found


def wrong(found: list[Finding], what: str) -> str:
    """What is said and advised of something that is not ok."""
    return " ".join(f"{f.level}: {f.says} {f.do}" for f in found
                    if f.what == what and f.level != "ok")  # fmt: skip


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[Patient]:
    def now() -> datetime:
        return datetime.now(UTC)

    slack = FakeSlack(now, secrets=SlackSecrets(scopes=" ".join(SCOPES)))
    telegram = FakeTelegram(now)
    await slack.start()
    await telegram.start()
    url = f"sqlite:///{tmp_path / 'cordee.db'}"
    upgrade(url)
    yield Patient(
        Settings(
            cordee_database_url=url,
            cordee_programmes=("emergence",),
            cordee_staff=("telegram:900",),
            cordee_secret_key=SecretStr(KEY),
            slack_bot_token=SecretStr(slack.secrets.bot_token),
            slack_app_token=SecretStr(slack.secrets.app_token),
            slack_api_url=slack.base_url,
            telegram_bot_token=SecretStr(telegram.token),
            telegram_api_url=telegram.base_url,
        ),
        slack,
        telegram,
        tmp_path,
    )
    await telegram.stop()
    await slack.stop()


async def test_who_is_well_is_told_so(patient: Patient) -> None:
    found = await patient.examined()
    assert [f for f in found if f.level == "fault"] == []
    assert {"secrets", "settings", "database", "schema", "disk", "clock", "slack", "slack socket",
            "telegram"} <= {f.what for f in found if f.level == "ok"}  # fmt: skip
    assert "staff" in wrong(found, "programmes"), "nobody has written yet"


async def test_platforms_that_know_no_token_or_are_not_there(patient: Patient) -> None:
    bad = SecretStr("xoxb-wrong"), SecretStr("xapp-wrong"), SecretStr("1:wrong")
    found = await patient.examined(
        slack_bot_token=bad[0], slack_app_token=bad[1], telegram_bot_token=bad[2]
    )
    assert "invalid_auth" in wrong(found, "slack")
    assert "connections:write" in wrong(found, "slack socket")
    assert "@BotFather" in wrong(found, "telegram")
    found = await patient.examined(
        slack_api_url="http://127.0.0.1:9/api/", telegram_api_url="http://127.0.0.1:9"
    )
    for what in ("slack", "slack socket", "telegram"):
        assert "fault: not reached" in wrong(found, what)


async def test_scopes_that_are_missing_or_too_many(patient: Patient) -> None:
    scopes = frozenset({*SCOPES, "channels:manage"} - {"files:write"})
    patient.slack._api.scopes = scopes
    told = wrong(await patient.examined(), "slack")
    assert "fault: scopes are missing: files:write." in told
    assert "warning: scopes nobody needs: channels:manage." in told


async def test_webhooks_that_do_not_fit(patient: Patient) -> None:
    patient.telegram.updates.webhook = {"url": "https://bot.example.org/telegram"}
    assert "we poll" in wrong(await patient.examined(), "telegram")
    patient.telegram.updates.webhook = None
    changes: dict[str, Any] = {"telegram_webhook_secret": SecretStr("5c1e80f2a97d4b36c0d2"),
               "cordee_public_url": "http://bot.example.org", "cordee_http_port": 0}  # fmt: skip
    found = await patient.examined(**changes)
    assert "not set" in wrong(found, "telegram")
    assert "not https" in wrong(found, "http")


async def test_databases_in_every_state(patient: Patient) -> None:
    file = patient.folder / "cordee.db"
    database = Database(patient.settings.cordee_database_url, KEY)
    with exclusive(database):
        found = await patient.examined()
        assert "the bot runs on it" in repr(found)
        assert [f for f in found if f.level == "fault"] == []
    with database.unit_of_work() as uow:
        uow.statements.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        uow.commit()
    database.close()
    assert "cordee migrate" in wrong(await patient.examined(), "schema")
    file.write_bytes(file.read_bytes()[:5000] + bytes(4000) + b"x" * 9000)
    assert "backup" in wrong(await patient.examined(), "database")
    file.write_bytes(b"this is no database at all, only some text" * 200)
    assert "cannot be read" in wrong(await patient.examined(), "database")
    file.unlink()
    assert "not there yet" in wrong(await patient.examined(), "database")
    assert not file.exists(), "looking makes none"
    for url in ("sqlite:////nowhere/at/all.db", "oracle://x/y", "not an address",
                "postgresql://cordee:geheim77@127.0.0.1:9/x"):  # fmt: skip
        found = await patient.examined(cordee_database_url=url)
        assert wrong(found, "database") or wrong(found, "disk")


async def test_disk_clock_port_and_backups(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 10**8))
    monkeypatch.setattr(
        doctor, "parsedate_to_datetime", lambda _: datetime.now(UTC) - timedelta(minutes=4)
    )
    empty, old = patient.folder / "none", patient.folder / "old"
    old.mkdir()
    (old / "cordee-1.db").touch()
    os.utime(old / "cordee-1.db", (1_700_000_000, 1_700_000_000))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        found = await patient.examined(backups=empty, cordee_http_port=taken.getsockname()[1])
    assert "fault: 0.1 GiB free. Make room" in wrong(found, "disk")
    assert "240 s apart. Let the machine set its clock" in wrong(found, "clock")
    assert "is taken" in wrong(found, "http")
    assert "fault: none in" in wrong(found, "backups")
    assert "days old" in wrong(await patient.examined(backups=old), "backups")


async def test_programmes_and_secrets(patient: Patient) -> None:
    broken = patient.folder / "broken.toml"
    broken.write_text("[programme]\nid = 'x'\n")
    found = await patient.examined(
        cordee_programmes=("emergence", str(broken)),
        cordee_staff=(),
        cordee_secret_key=SecretStr("change-me-change-me"),
    )
    told = wrong(found, "programmes")
    assert "broken.toml" in told
    assert "emergence: no staff and no owner. Name the first ones in CORDEE_STAFF" in told
    assert "looks like a sample" in wrong(found, "secrets")
    found = await patient.examined(cordee_programmes=(), slack_app_token=SecretStr(""))
    assert "CORDEE_PROGRAMMES" in wrong(found, "programmes")
    assert "fault" in wrong(found, "settings")


async def test_staff_without_an_owner_are_told_how_to_name_one(patient: Patient) -> None:
    with patient.database() as database, database.unit_of_work() as uow:
        person = Person(name="Ana", email="ana@exemple.invalid", lang="fr", created_at=NOON)
        uow.session.add(person)
        uow.session.flush()
        uow.people.enrol(person.id, "emergence", "staff", now=NOON)
        uow.commit()
    told = wrong(await patient.examined(), "programmes")
    assert "fault: emergence: staff and no owner" in told
    assert "cordee owner ADDRESS --programme emergence" in told
    named = name_owner(patient.settings, "ana@exemple.invalid", None)
    assert (named.called, named.programme) == ("Ana", "emergence")
    with patient.database() as database, database.unit_of_work() as uow:
        code = named.code or ""  # no account yet, and nobody there may invite an owner
        assert uow.people.code_owner(code, now=datetime.now(UTC)) == person.id
    assert "no owner:" not in wrong(await patient.examined(), "programmes")
    with patient.database() as database, database.unit_of_work() as uow:
        assert uow.people.roles(person.id, "emergence") == {"owner", "staff"}
        kept = uow.session.query(Audit).filter_by(verb="role").all()
        assert [(row.actor_id, row.detail["role"]) for row in kept] == [
            (None, "owner"),
            (None, "staff"),
        ]


async def test_an_account_of_the_settings_without_its_seat_is_named(patient: Patient) -> None:
    bot = Bot({"emergence": load("emergence")}, patient.settings.staff)
    lacks, advice = "CORDEE_STAFF is not staff", "cordee owner telegram:900 --programme emergence"

    @contextmanager
    def work() -> Iterator[UnitOfWork]:
        with patient.database() as database, database.unit_of_work() as uow:
            yield uow
            uow.commit()

    assert lacks not in wrong(await patient.examined(), "programmes")  # not met yet
    with work() as uow:
        bot.seat(uow, Author("telegram", "900", "telegram:9"), NOON)
    assert lacks not in wrong(await patient.examined(), "programmes")
    with work() as uow:
        identity = uow.people.by_account("telegram", "900")
        assert identity is not None
        uow.people.enrol(identity.person_id, "emergence", "owner", now=NOON, state="ended")
    assert advice in wrong(await patient.examined(), "programmes")
    with work() as uow:
        uow.privacy.erase_person(identity.person_id, NOON)
    assert advice in wrong(await patient.examined(), "programmes")


@pytest.mark.parametrize(
    ("who", "programme", "said"),
    [
        ("nobody@exemple.invalid", None, "Nobody here, or more than one"),
        ("#99", "emergence", "Nobody here, or more than one"),
        ("ana@exemple.invalid", "ax-mentorat", "There is no programme"),
    ],
)
async def test_an_owner_is_somebody_known_of_a_programme_that_is_run(
    patient: Patient, who: str, programme: str | None, said: str
) -> None:
    with pytest.raises(CordeeError, match=said):
        name_owner(patient.settings, who, programme)


async def test_whatever_breaks_inside_the_rest_is_looked_at(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> list[Finding]:
        raise RuntimeError("a secret text")

    monkeypatch.setattr(doctor, "_zones", broken)
    monkeypatch.setattr(doctor, "_programmes", broken)
    found = await patient.examined()
    assert "could not be examined (RuntimeError)" in wrong(found, "clock")
    assert "secret text" not in repr(found)
    assert any(f.what == "telegram" and f.level == "ok" for f in found)


def test_the_command_exits_by_its_verdict_and_prints_json(tmp_path: Path) -> None:
    done = cordee(tmp_path, "doctor", "--json", SLACK_API_URL="http://127.0.0.1:9/api/",
                  TELEGRAM_API_URL="http://127.0.0.1:9")  # fmt: skip
    assert done.returncode == 1
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(row.keys() == {"what", "level", "says", "do"} for row in rows)
    assert "fault" in {row["level"] for row in rows}
    assert "Traceback" not in done.stderr
    assert "invented" not in done.stdout + done.stderr
