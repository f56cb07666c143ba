"""The house of the authorisation proof, with a company of its first programme at the door.

Every field of everybody in it holds a word found nowhere else; the real server answers on loopback,
from a real database.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest
from pydantic import SecretStr

from bot.bot import Bot
from bot.settings import Settings
from handlers.http import serve
from handlers.partner_page import COOKIE
from handlers.service import Service
from scheduling.clock import FixedClock
from storage.tables import Consent, Identity, Membership, Person, Wish
from storage.unit_of_work import UnitOfWork
from tests.authorisation.world import FIRST, NOW, OTHER, SECRET, World, build, programmes
from tests.injection.texts import texts

T = TypeVar("T")
DAYS = 60


@dataclass(frozen=True)
class Answer:
    """What a browser got."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def all(self) -> tuple[int, dict[str, str], str]:
        """Everything but the hour."""
        return self.status, {k: v for k, v in self.headers.items() if k != "Date"}, self.text


@dataclass
class Door:
    """The server, and what stands behind it.

    Attributes:
        base: Its address, on loopback.
        cookie: What the browser holds of us.
        source: From where the next requests come, as our proxy says.
    """

    base: str
    service: Service
    world: World
    clock: FixedClock
    session: aiohttp.ClientSession
    companies: dict[str, int] = field(default_factory=dict)
    cookie: str = ""
    source: str = "192.0.2.1"

    async def ask(self, method: str, path: str, **more: Any) -> Answer:
        """One request, as a browser that follows nothing."""
        headers = {"X-Forwarded-For": self.source, **more.pop("headers", {})}
        if self.cookie:
            headers["Cookie"] = f"{COOKIE}={self.cookie}"
        url = f"{self.base}{path}"
        async with self.session.request(
            method, url, headers=headers, allow_redirects=False, **more
        ) as got:
            return Answer(got.status, dict(got.headers), await got.text())

    async def enter(self, code: str) -> Answer:
        """Hand in a code; the pass is kept as a browser would."""
        got = await self.ask("POST", "/partner", data={"code": code})
        if got.status == 303:
            self.cookie = got.headers["Set-Cookie"].partition(";")[0].partition("=")[2]
        return got

    async def view(self, query: str = "") -> Answer:
        """The table."""
        return await self.ask("GET", f"/partner/view{query}")

    def do(self, work: Callable[[UnitOfWork], T]) -> T:
        """Something in a transaction of its own, as another process would."""
        with self.service.database.unit_of_work() as uow:
            done = work(uow)
            uow.commit()
        return done

    def link(self, place: str = FIRST, days: int = DAYS) -> str:
        """A new link for the company of a programme; its code."""
        code = secrets.token_urlsafe(32)

        def make(uow: UnitOfWork) -> None:
            if place not in self.companies:
                made = uow.partners.add(place, "Atelier Nord", by=1, now=NOW)
                self.companies[place] = made.id
            ends = self.clock.now() + timedelta(days=days)
            digest = sha256(code.encode()).hexdigest()
            now = self.clock.now()
            uow.partners.link(self.companies[place], digest, by=1, now=now, expires_at=ends)

        self.do(make)
        return code

    def agree(self, name: str, *fields: str, place: str = FIRST) -> None:
        """Somebody agrees to show these fields; none named: all there are."""
        programme = self.service.bot.programmes[place]
        rules = programme.partners
        assert rules is not None

        def agree(uow: UnitOfWork) -> None:
            who = self.world.people[name]
            uow.people.consent(who, place, "storage", text=programme.consent.read, now=NOW)
            for one in rules.fields:
                if one.id in fields or not fields:
                    text = rules.asked(one)
                    uow.people.consent(who, place, one.purpose, text=text, now=NOW)

        self.do(agree)

    def words_in(self, text: str) -> set[tuple[str, str, str]]:
        """Whose words a page holds: (who, table, column)."""
        names = {number: name for name, number in self.world.people.items()}
        found = [c for word, c in self.world.canaries.items() if word in text]
        return {(names.get(self._owner(c.table, c.number), "?"), c.table, c.column) for c in found}

    def _owner(self, table: str, number: int) -> int:
        if table == "person":
            return number
        query = f'SELECT person_id FROM "{table}" WHERE rowid = {number}'
        return self.do(
            lambda uow: int(uow.session.connection().exec_driver_sql(query).scalar() or 0)
        )


def crowd(door: Door, people: list[dict[str, str]]) -> None:
    """People who agreed to show everything: name, school, field and place of the wish."""
    here = door.service.bot.programmes[FIRST]
    assert here.partners is not None
    rules = here.partners
    asked = [("storage", here.consent.read), *((f.purpose, rules.asked(f)) for f in rules.fields)]

    def fill(uow: UnitOfWork) -> None:
        for n, about in enumerate(people):
            person = Person(name=about["name"], school=about.get("school"), lang="fr",
                            created_at=NOW)  # fmt: skip
            uow.session.add(person)
            uow.session.flush()
            at = {"person_id": person.id, "programme_id": FIRST}
            wish = {"field": about.get("field", ""), "place": about.get("place", "")}
            uow.session.add_all(
                [
                    Identity(person_id=person.id, platform="telegram", account=f"99{n}",
                             bot_account="telegram:9", reachable=True, seen_at=NOW),
                    Membership(**at, role="mentee", state="active", since=NOW),
                    Wish(**at, kind="job", updated_at=NOW, **wish),
                    *(
                        Consent(**at, purpose=purpose, text_version=text[0], text_digest=text[1],
                                given_at=NOW)
                        for purpose, text in asked
                    ),
                ]
            )  # fmt: skip

    door.do(fill)


def hostile(door: Door) -> list[str]:
    """Five hundred texts that a page might act on, in every cell that holds anybody's words."""
    every = [text.replace("\0", "") for text in texts()]  # which no database of ours takes
    parts = [every[at : at + 4] for at in range(0, len(every), 4)]
    crowd(door, [dict(zip(("name", "school", "field", "place"), p, strict=True)) for p in parts])
    return every


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, World]:
    """The house, once: a file to copy, and what is in it."""
    file = tmp_path_factory.mktemp("partners") / "cordee.db"
    world = build(f"sqlite:///{file}")
    world.database.close()
    return file, world


@pytest.fixture
async def door(built: tuple[Path, World], tmp_path: Path) -> AsyncIterator[Door]:
    """The house with its server; the source of a request is what one proxy says."""
    file, world = built
    copy = shutil.copy(file, tmp_path)
    settings = Settings(
        cordee_database_url=f"sqlite:///{copy}",
        cordee_programmes=(FIRST, OTHER),
        cordee_secret_key=SecretStr(SECRET),
        cordee_proxies=1,
    )
    clock = FixedClock(NOW)
    service = Service(settings, clock=clock, ticking=False)
    service.bot = Bot(programmes())
    runner = await serve(service, 0, "127.0.0.1")
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Door(f"http://{host}:{port}", service, world, clock, session)
    await runner.cleanup()
    service.worker.close()
    service.database.close()
