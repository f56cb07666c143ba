"""One real `cordee` process between the two local platforms, and the people it is told about.

Refuses to know the bot: it is started, talked to and stopped as its operator would.
"""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy
from typing import Final
from zoneinfo import ZoneInfo

from handlers.local.fake_slack import FakeSlack
from handlers.local.fake_telegram import FakeTelegram
from handlers.local.ledger import Json
from tests.run_people import PATIENCE, OnSlack, OnTelegram, Person, until_there

PRESETS: Final = Path(__file__).parents[1] / "bot" / "programmes"
CORDEE: Final = str(Path(sys.executable).with_name("cordee"))
HURRIED: Final = 3  # calls of a run, of some hundreds, that may be answered 429
KEY: Final = "an invented key, kq8Zr1-Vw2pLm7Xt, for this test only"
RETRIES: Final = (0.5,) * 80  # Slack's own are after 0, 60 and 300 seconds
QUIET: Final = re.compile(r"^quiet = .*$", re.MULTILINE)
HEADER: Final = (
    "id,prenom,nom,genre,promo,ecole,poste,employeur,structure,secteur,ville,pays,pays_vecus,bio,"
    "situations,capacite,charge,disponible,consentement,methode,langues,email,telegram,slack\n"
)
PEOPLE: Final = (
    HEADER
    + """\
P1,Hélène,Morvan,F,1998,École polytechnique,Directrice technique,Voltalys,startup,Énergie,Lyon,\
France,Maroc,"Du laboratoire à la start-up, avec des détours.",jeune chercheur,2,0,oui,oui,non,\
français;anglais,p1@exemple.invalid,101,
P2,Karim,Belhadj,M,2004,École polytechnique,Chef de projet éolien,Ventis,pme,Énergie,Nantes,\
France,,"Éoliennes en mer, puis à terre.",jeune chercheur,1,0,oui,oui,non,français,\
p2@exemple.invalid,,T0LOCAL/UKARIM
P3,Lucie,Aubert,F,2001,École polytechnique,Responsable données,Meditrace,groupe,Santé,Paris,\
France,Japon,"Données de santé et éthique.",jeune chercheur,2,0,oui,oui,non,français;anglais,\
p3@exemple.invalid,103,
P4,Nadia,Sorel,F,1995,École polytechnique,Directrice de programme,Agence Vigie,public,Santé,Rennes,\
France,,"De la recherche à l’administration de la santé.",jeune chercheur,1,0,oui,oui,non,français,\
p4@exemple.invalid,,T0LOCAL/UNADIA
P5,Paul,Vannier,M,1990,École polytechnique,Consultant,Vannier Conseil,independant,Conseil,Paris,\
France,,"Consultant indépendant depuis dix ans.",senior,1,0,oui,oui,non,français,\
p5@exemple.invalid,104,
"""
)
CAFE: Final = """\
[programme]
id = "cafe"
name = { fr = "Café des métiers", en = "Job café" }
register = "vous"
zone = "Europe/Paris"
contact = { name = { fr = "l’accueil", en = "the front desk" }, days = 2 }
quiet = { from = 20:00:00, to = 08:00:00 }
notice = { fr = "Bonjour ! Ici le Café des métiers.", en = "Hello! This is the Job café." }

[consent]
version = "1"
text = { fr = "Gardons-nous vos réponses le temps du café ?", en = "May we keep your answers?" }

[roles.mentee]
label = { fr = "visiteur", en = "visitor" }
plural = { fr = "visiteurs", en = "visitors" }
enrol = "open"

[roles.mentor]
label = { fr = "hôte", en = "host" }
plural = { fr = "hôtes", en = "hosts" }
enrol = "open"
capacity = 3

[roles.staff]
label = { fr = "accueil", en = "front desk" }
plural = { fr = "accueil", en = "front desk" }

[profile]
review = false

[[profile.questions]]
id = "name"
kind = "text"
fill = "name"
text = { fr = "Quel nom sur votre badge ?", en = "Which name on your badge?" }

[[profile.questions]]
id = "drink"
kind = "choice"
text = { fr = "Thé ou café ?", en = "Tea or coffee?" }
options = [
  { value = "tea", label = { fr = "Du thé", en = "Tea" } },
  { value = "coffee", label = { fr = "Du café", en = "Coffee" } },
]

[[profile.questions]]
id = "thirst"
kind = "scale"
text = { fr = "Avec quelle soif ?", en = "How thirsty?" }
low = { fr = "un peu", en = "a little" }
high = { fr = "beaucoup", en = "a lot" }

[pair]
months = 1
introduction.fr = "Vous voilà à la même table."
introduction.en = "You are at the same table."

[[rhythms]]
id = "sip"
name = { fr = "La gorgée", en = "The sip" }
to = ["mentee"]
rrule = "FREQ=DAILY"
at = AT
first_after_days = 0
met = "met"

[[rhythms.questions]]
id = "met"
kind = "choice"
text = { fr = "Avez-vous bu quelque chose ensemble ?", en = "Did you have a drink together?" }
options = [
  { value = "yes", label = { fr = "Oui", en = "Yes" } },
  { value = "not_yet", label = { fr = "Pas encore", en = "Not yet" } },
]
"""


def _too_soon(response: Json) -> bool:
    return response.get("error_code") == 429 or response.get("error") == "ratelimited"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class World:
    """One instance of the bot between two platforms.

    Attributes:
        slack: The local Slack; calls past its rates are answered 429.
        telegram: The local Telegram, likewise.
        folder: The working directory: database, programme files, log.
        settings: The environment of the process.
        people: Everybody at a screen.
        complaints: What a person met and should not have, found on a way that could go on.
    """

    slack: FakeSlack
    telegram: FakeTelegram
    folder: Path
    settings: dict[str, str]
    process: asyncio.subprocess.Process | None = None
    people: list[Person] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def log(self) -> Path:
        """Where standard output and error of the process go."""
        return self.folder / "log.txt"

    def on_slack(self, user: str, name: str) -> OnSlack:
        """A new member of the workspace."""
        self.people.append(person := OnSlack(self.slack, user, name))
        return person

    def on_telegram(self, user: int, name: str) -> OnTelegram:
        """A new account on Telegram."""
        self.people.append(person := OnTelegram(self.telegram, user, name))
        return person

    async def start(self) -> None:
        """Start `cordee run` and wait until it says that it is ready."""
        before = self._said().count("ready:")
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                CORDEE, "run", cwd=self.folder, env=self.settings, stdout=log, stderr=log
            )
        process = self.process
        await until_there(
            lambda: process.returncode is not None or self._said().count("ready:") > before,
            self._said,
        )
        assert process.returncode is None, self._said()

    def _said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; the exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(how)
        code = await asyncio.wait_for(self.process.wait(), PATIENCE)
        self.process = None
        return code

    async def ends_well(self) -> None:
        """Stop it as a service manager does, then look at what no person sees."""
        code = await self.end()
        log = self._said()
        assert code == 0, log
        secrets = [v for k, v in self.settings.items() if "TOKEN" in k or "SECRET" in k]
        texts = [t for p in self.people for t in p.typed if len(t) > 7]
        # A long poll left open by a process that ended is told so; nothing is refused by that.
        # After a kill the bot asks Telegram whether a message is there by editing what may not be.
        asked = {"getUpdates", "editMessageReplyMarkup"}
        calls = [c for c in self.telegram.calls if c.method not in asked] + self.slack.calls
        refused = [c for c in calls if c.refused]
        # The pace is kept when a call leaves; on a busy machine the next may arrive sooner after it
        # than it left, and is said again when the platform allows.
        hurried = [c for c in refused if _too_soon(c.response or {})]
        wrong = {
            "Slack refuses": self.slack.refusals,
            "Telegram refuses": self.telegram.refusals,
            "not taken": [(c.method, c.arguments, c.response) for c in refused if c not in hurried],
            "told to wait": hurried if len(hurried) > HURRIED else (),
            "clients still spin": self.telegram.unanswered,
            "in the log": [s for s in (*secrets, *texts, "Traceback") if s and s in log],
            "people complain": self.complaints,
        }
        assert not any(wrong.values()), "\n".join(f"{k}: {v}" for k, v in wrong.items() if v)


def _environment(slack: FakeSlack, telegram: FakeTelegram, folder: Path) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        "HOME": str(folder),
        "CORDEE_DATABASE_URL": f"sqlite:///{folder / 'cordee.db'}",
        "CORDEE_SECRET_KEY": KEY,
        "CORDEE_STAFF": "slack:T0LOCAL/USTAFF,telegram:900",
        "SLACK_BOT_TOKEN": slack.secrets.bot_token,
        "SLACK_APP_TOKEN": slack.secrets.app_token,
        "SLACK_API_URL": slack.base_url,
        "TELEGRAM_BOT_TOKEN": telegram.token,
        "TELEGRAM_API_URL": telegram.base_url,
    }


def programmes(folder: Path, *names: str, cafe_at: datetime | None = None) -> str:
    """Copies of the presets whose quiet hours are not now, whatever the hour of the test."""
    here = _now().astimezone(ZoneInfo("Europe/Paris"))
    quiet = [f"{here + timedelta(hours=h):%H}:00:00" for h in (11, 12)]
    written = []
    for name in names:
        text = CAFE if name == "cafe" else (PRESETS / f"{name}.toml").read_text("utf-8")
        at = (cafe_at or here).astimezone(ZoneInfo("Europe/Paris"))
        text, changed = QUIET.subn(f"quiet = {{ from = {quiet[0]}, to = {quiet[1]} }}", text)
        assert changed == 1
        file = folder / f"{name}.toml"
        file.write_text(text.replace("at = AT", f"at = {at:%H:%M:%S}"), "utf-8")
        written.append(str(file))
    return ",".join(written)


@contextlib.asynccontextmanager
async def world_of(folder: Path, database: Path) -> AsyncIterator[World]:
    """Two platforms and a folder with the imported people; ends what still runs."""
    slack = FakeSlack(_now, enforce_rate=True, event_retries=RETRIES)
    telegram = FakeTelegram(_now, enforce_rate=True)
    await slack.start()
    await telegram.start()
    copy(database, folder / "cordee.db")
    world = World(slack, telegram, folder, _environment(slack, telegram, folder))
    try:
        yield world
    finally:
        if world.process is not None:
            await world.end(signal.SIGKILL)
        await slack.stop()
        await telegram.stop()


def cordee(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run one command of the program to its end, as typed in a terminal."""
    told = {
        **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        "HOME": str(folder),
        "CORDEE_DATABASE_URL": f"sqlite:///{folder / 'cordee.db'}",
        "CORDEE_PROGRAMMES": "ax-accompagnement,emergence",
        "CORDEE_SECRET_KEY": KEY,
        "SLACK_BOT_TOKEN": "xoxb-invented",
        "SLACK_APP_TOKEN": "xapp-invented",
        "TELEGRAM_BOT_TOKEN": "4242:invented",
    }
    return subprocess.run(
        [CORDEE, *arguments],
        cwd=folder,
        env=told | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
