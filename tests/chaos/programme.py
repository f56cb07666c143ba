"""A programme file made for one run: its prompts fall due when the run wants them.

The file is what an operator could write; nothing here acts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

ZONE: Final = "Europe/Paris"
ID: Final = "corde"
_HEAD: Final = """\
[programme]
id = "corde"
name = { fr = "La corde", en = "The rope" }
register = "tu"
zone = "Europe/Paris"
contact = { name = { fr = "l’équipe", en = "the team" }, days = 2 }
quiet = { from = FROM, to = TO }
notice = { fr = "Bonjour ! Ici la corde.", en = "Hello! This is the rope." }

[consent]
version = "1"
text = { fr = "Gardons-nous tes réponses ?", en = "May we keep your answers?" }

[roles.mentee]
label = { fr = "second", en = "second" }
plural = { fr = "seconds", en = "seconds" }
enrol = "open"

[roles.mentor]
label = { fr = "premier", en = "leader" }
plural = { fr = "premiers", en = "leaders" }
enrol = "open"
capacity = 50

[roles.staff]
label = { fr = "équipe", en = "staff" }
plural = { fr = "équipe", en = "staff" }

[profile]
review = false

[[profile.questions]]
id = "name"
kind = "text"
fill = "name"
text = { fr = "Quel est ton nom ?", en = "What is your name?" }

[intake]

[[intake.questions]]
id = "wish"
kind = "text"
share = true
feature = "text"
text = { fr = "Vers quel sommet ?", en = "Which summit?" }

[expert]
review = false

[[expert.questions]]
id = "bio"
kind = "text"
fill = "bio"
text = { fr = "Quels sommets connais-tu ?", en = "Which summits do you know?" }

[[expert.questions]]
id = "open"
kind = "choice"
fill = "consenting"
text = { fr = "Peux-tu être proposé ?", en = "May you be proposed?" }
options = [
  { value = "yes", label = { fr = "Oui, d’accord", en = "Yes" } },
  { value = "no", label = { fr = "Non", en = "No" } },
]

[matching]
threshold = 0

[pair]
months = 1
introduction.fr = "Vous voilà encordés."
introduction.en = "You are roped up."
"""
_RHYTHM: Final = """
[[rhythms]]
id = "halte_{n}"
name = {{ fr = "La halte {n}", en = "Halt {n}" }}
to = ["mentee", "mentor"]
rrule = "FREQ=DAILY"
at = {at}
first_after_days = 0
met = "met"

[[rhythms.questions]]
id = "met"
kind = "choice"
text = {{ fr = "Halte {n} : vous êtes-vous vus ?", en = "Halt {n}: did you meet?" }}
options = [
  {{ value = "yes", label = {{ fr = "Oui", en = "Yes" }} }},
  {{ value = "not_yet", label = {{ fr = "Pas encore", en = "Not yet" }} }},
]
"""
_REPORT: Final = """
[[reports]]
id = "carnet_{n}"
name = {{ fr = "Le carnet {n}", en = "Log {n}" }}
to = "{to}"
months = [{month}]
day = {day}
at = {at}
open_days = 2
reminders_after_days = []

[[reports.questions]]
id = "news"
kind = "text"
text = {{ fr = "Carnet {n} : quoi de neuf ?", en = "Log {n}: what news?" }}
"""


def halt(number: int) -> str:
    """The words by which the prompt of a rhythm is known."""
    return f"Halte {number} :"


def log(number: int) -> str:
    """The words by which the question of a report is known."""
    return f"Carnet {number} :"


def write(
    folder: Path,
    *,
    halts: Sequence[datetime] = (),
    logs: Sequence[datetime] = (),
    to: str = "mentee",
    now: datetime | None = None,
) -> Path:
    """Write the file.

    Args:
        folder: Where.
        halts: When each rhythm asks both sides of each pair: an instant of the coming 24 hours.
        logs: When each report opens: an instant of today (in Paris).
        to: Whom the reports are for.
        now: The instant of the run; the quiet hours are far from it.

    Returns:
        Its path.
    """
    here = (now or datetime.now(UTC)).astimezone(ZoneInfo(ZONE))
    quiet = [f"{here + timedelta(hours=h):%H}:00:00" for h in (11, 12)]
    text = _HEAD.replace("FROM", quiet[0]).replace("TO", quiet[1])
    for number, at in enumerate(halts, 1):
        text += _RHYTHM.format(n=number, at=f"{at.astimezone(ZoneInfo(ZONE)):%H:%M:%S}")
    for number, at in enumerate(logs, 1):
        there = at.astimezone(ZoneInfo(ZONE))
        text += _REPORT.format(
            n=number, to=to, month=there.month, day=there.day, at=f"{there:%H:%M:%S}"
        )
    file = folder / "corde.toml"
    file.write_text(text, "utf-8")
    return file
