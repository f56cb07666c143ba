"""The bot's words: gettext catalogues, dates and lists through Babel. The only importer of babel.

Message ids are keys (`request-received`). The base French catalogue says tu; `fr@vous` holds only
what differs and falls back to it; `en` is complete. This module does not know what the messages are
about.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.numbers import format_percent
from babel.units import format_unit

from bot.dialogue.questionnaire import Localised
from bot.programmes.about import Contact

Register = Literal["tu", "vous"]
Date = date | datetime
LANGUAGES = ("fr", "en")
_HIGH = re.compile(r" ([?!;»])")
_LOW = re.compile(r" (:)(?=\s|$)")
_OPEN = re.compile(r"« ")
NNBSP, NBSP = "\u202f", "\u00a0"


@lru_cache(maxsize=4096)
def french_spaces(text: str) -> str:
    """Put the no-break spaces French typography wants before ? ! ; : » and after «."""
    return _OPEN.sub("«" + NBSP, _LOW.sub(NBSP + r"\1", _HIGH.sub(NNBSP + r"\1", text)))


def language(wanted: str | None) -> str:
    """The language of ours nearest to what a platform reports (`fr-FR`, `en_GB`, None).

    French unless it is English.
    """
    return "en" if (wanted or "").lower().startswith("en") else "fr"


class Words:
    """The bot's voice in one language and one register, for one time zone.

    Args:
        lang: `fr` or `en`.
        register: `tu` or `vous`, for French.
        zone: IANA zone in which instants are shown.
    """

    def __init__(self, lang: str, register: Register = "tu", zone: str = "Europe/Paris") -> None:
        self.lang = language(lang)
        self.zone = ZoneInfo(zone)
        self._locale = Locale.parse(self.lang if self.lang == "fr" else "en_GB")
        names = [self.lang] if register == "tu" or self.lang != "fr" else ["fr@vous", "fr"]
        self._tables = [table(name) for name in names]

    def __call__(self, key: str, /, n: int | None = None, **args: object) -> str:
        """The message `key`, its `{variables}` filled in; `n` chooses the plural and fills `{n}`.

        Raises:
            KeyError: No such message (a test walks all keys used).
        """
        forms = next((t.forms[key] for t in self._tables if key in t.forms), None)
        if forms is None:
            raise KeyError(key)
        template = (
            forms[self._tables[-1].plural(n)] if n is not None and len(forms) > 1 else forms[0]
        )
        return template.format(n=n, **args) if args or n is not None else template.format()

    def has(self, key: str) -> bool:
        """Whether there is such a message."""
        return any(key in t.forms for t in self._tables)

    def pick(self, texts: Localised) -> str:
        """The text of a programme file in this language."""
        text = texts.of(self.lang)
        return french_spaces(text) if self.lang == "fr" else text

    def team(self, contact: Contact) -> str:
        """Whom people ask in a programme, as in « l’équipe te répond »."""
        return self.pick(contact.name)

    def weekday(self, when: Date) -> str:
        """`mardi 24 novembre`; instants are shown in the person's zone."""
        day = when.astimezone(self.zone) if isinstance(when, datetime) else when
        return format_date(day, f"EEEE {self._number(day)} MMMM", locale=self._locale)

    def day(self, when: Date) -> str:
        """`24 nov. 2026`, for tables."""
        day = when.astimezone(self.zone) if isinstance(when, datetime) else when
        return format_date(day, f"{self._number(day)} MMM y", locale=self._locale)

    def month(self, day: date) -> str:
        """`nov. 2026`, for tables."""
        return format_date(day, "MMM y", locale=self._locale)

    def moment(self, when: datetime) -> str:
        """`mardi 24 novembre à 9 h 30`, `Tuesday 24 November at 9:30`, in the person's zone."""
        local = when.astimezone(self.zone)
        if self.lang == "fr":
            clock = f"'à' H'{NBSP}h{NBSP}'mm" if local.minute else f"'à' H'{NBSP}h'"
        else:
            clock = "'at' H:mm"
        pattern = f"EEEE {self._number(local)} MMMM {clock}"
        return format_datetime(when, pattern, tzinfo=self.zone, locale=self._locale)

    def _number(self, day: Date) -> str:
        """The day's number as a pattern: French says `1er`, and plain numbers from 2 on."""
        return "d'er'" if self.lang == "fr" and day.day == 1 else "d"

    def period(self, days: int) -> str:
        """How long something is kept: `3 ans`, `30 jours`."""
        years, rest = divmod(days, 365)
        count, unit = (years, "duration-year") if not rest else (days, "duration-day")
        return format_unit(count, unit, "long", locale=self._locale)

    def change(self, share: float) -> str:
        """A change in per cent with its sign: 0.338 is `+33,8 %`."""
        gap = NNBSP if self.lang == "fr" else ""
        pattern = f"+#,##0.0{gap}%;-#,##0.0{gap}%"
        return format_percent(share, pattern, locale=self._locale)

    def percent(self, share: float) -> str:
        """A share in per cent: 0.4 is `40 %`."""
        gap = NNBSP if self.lang == "fr" else ""
        return format_percent(share, f"#,##0{gap}%", locale=self._locale)

    def all(self, items: Sequence[str]) -> str:
        """`a, b et c`."""
        return format_list(list(items), locale=self._locale)


class _Table:
    """One catalogue: key → its forms, and the rule that chooses among them."""

    def __init__(self, catalogue: Catalog, *, french: bool) -> None:
        fix = french_spaces if french else str
        self.forms: dict[str, tuple[str, ...]] = {}
        for message in catalogue:
            if not message.id:
                continue
            key = message.id[0] if isinstance(message.id, (list, tuple)) else message.id
            said = message.string
            texts = said if isinstance(said, (list, tuple)) else [said]
            self.forms[key] = tuple(fix(one or "") for one in texts)
        self._rule = gettext.c2py(catalogue.plural_expr)

    def plural(self, n: int | None) -> int:
        index: int = self._rule(n or 0)
        return index


@lru_cache
def table(name: str) -> _Table:
    """The catalogue of a folder under `bot/locales` (`fr`, `fr@vous`, `en`)."""
    path = files("bot") / "locales" / name / "cordee.po"
    with path.open("rb") as stream:
        catalogue = read_po(stream, locale=name.partition("@")[0])
    return _Table(catalogue, french=name.startswith("fr"))


@lru_cache(maxsize=256)
def words(lang: str, register: Register = "tu", zone: str = "Europe/Paris") -> Words:
    """The shared `Words` for these settings."""
    return Words(lang, register, zone)
