"""The settings: environment variables, read once, secrets never shown.

No token = that platform is off. An unknown `CORDEE_*` variable is an error: a misspelt setting must
not be ignored. Each secret may stand in a file instead, named by `<NAME>_FILE`. This module does
not know what the settings are used for.

Source: house, section 9.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bot.errors import SettingsError

SECRET_LENGTH: Final = 16
_SAMPLES: Final = (
    "change", "secret", "example", "exemple", "sample", "xxxx", "your", "votre", "password",
    "passwort", "motdepasse", "todo", "…", "...", "<", "replace", "remplac", "remplir", "insert",
    "insér", "placeholder", "default", "défaut", "dummy", "fixme", "azerty", "qwerty", "123456",
    "abcdef",
)  # fmt: skip
_SAMPLE_TOKENS: Final = frozenset(  # those of the platforms' own guides
    {
        "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
        "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11",
        "1234567890:ABC-DEF1234ghIkl-zyx57W2v1u123ew11",
        "4839574812:AAFD39kkdpWt3ywyRZergyOLMaJhac60qc",
        "8f742231b10e8888abcd99yyyzzz85a5",
        "xoxb-1111-2222-cccc",
        "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcBrzbqgy",
        "xapp-1-A111-222-xyz",
    }
)
_TOKEN_SHAPES: Final = {
    "SLACK_BOT_TOKEN": re.compile(r"(xoxe\.)?xoxb-\S+"),
    "SLACK_APP_TOKEN": re.compile(r"xapp-\S+"),
    "TELEGRAM_BOT_TOKEN": re.compile(r"[0-9]+:\S+"),
}
_WEBHOOK_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
Names = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """What an operator decides. Empty values count as unset."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    cordee_database_url: str = "sqlite:///cordee.db"
    """SQLAlchemy address of the database; by default a SQLite file in the working directory."""
    cordee_programmes: Names = ()
    """Preset ids or file paths, comma separated."""
    cordee_staff: Names = ()
    """The first staff accounts, e.g. `slack:T1/U1,telegram:123`.

    Afterwards the database decides.
    """
    cordee_secret_key: SecretStr = SecretStr("")
    """Wraps the keys of people's sealed answers.

    16 characters or more, kept outside the database.
    """
    cordee_backups: Path | None = None
    """Folder of the backups: erasures are carried into them, and listed there."""
    cordee_tick_seconds: float = Field(default=1.0, ge=0.05, le=60)
    """How often due timers are looked for, in seconds."""
    cordee_log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """How much is logged; never what people write, nor secrets, at any level."""
    cordee_http_port: int | None = Field(default=None, ge=0, le=65535)
    """Port for Slack by HTTP, Telegram's webhook, the companies' page and `/health`."""
    cordee_public_url: str | None = None
    """Address under which that port is reached from outside, https."""
    cordee_proxies: int = Field(default=0, ge=0, le=9)
    """How many proxies of yours stand before that port: X-Forwarded-For is believed so far."""
    slack_bot_token: SecretStr = SecretStr("")
    """`xoxb-…`; empty = Slack is off."""
    slack_app_token: SecretStr = SecretStr("")
    """`xapp-…`: Socket Mode."""
    slack_signing_secret: SecretStr = SecretStr("")
    """With a port: Slack by HTTP."""
    slack_client_id: str | None = None
    """Instead of a bot token: the app is installed by OAuth, in as many workspaces as like."""
    slack_client_secret: SecretStr = SecretStr("")
    """Of the app that `SLACK_CLIENT_ID` names."""
    slack_workspaces: Names = ()
    """Workspaces that may install it, `T1,T2`; empty: any."""
    slack_api_url: str | None = None
    """Base of Slack's Web API, for tests and proxies."""
    telegram_bot_token: SecretStr = SecretStr("")
    """`123456:…`; empty = Telegram is off."""
    telegram_webhook_secret: SecretStr = SecretStr("")
    """With the public address: webhook; else long polling."""
    telegram_api_url: str = "https://api.telegram.org"
    """Base of Telegram's Bot API without `/bot`, for tests and proxies."""

    @field_validator("cordee_programmes", "cordee_staff", "slack_workspaces", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("cordee_staff")
    @classmethod
    def _accounts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for account in value:
            platform, _, rest = account.partition(":")
            if platform not in ("slack", "telegram") or not rest:
                raise ValueError(f"{account!r} is no account; write slack:T1/U1 or telegram:123")
        return value

    @property
    def staff(self) -> tuple[tuple[str, str], ...]:
        """The first staff accounts as (platform, account)."""
        return tuple((p, a) for p, _, a in (s.partition(":") for s in self.cordee_staff))

    @property
    def platforms(self) -> tuple[str, ...]:
        """The addresses of the platforms that are on."""
        telegram = self.telegram_bot_token
        return (
            *((self.slack_api_url or "https://slack.com",) if self.slack_on else ()),
            *((self.telegram_api_url,) if telegram.get_secret_value() else ()),
        )

    @property
    def slack_on(self) -> bool:
        """Whether Slack is set up, in either way."""
        return bool(self.slack_bot_token.get_secret_value() or self.slack_client_id)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that no log may hold."""
        found = [
            value.get_secret_value()
            for name in Settings.model_fields
            if isinstance(value := getattr(self, name), SecretStr)
        ]
        return tuple(filter(None, (*found, self._database_password)))

    @property
    def _database_password(self) -> str:
        try:
            return str(make_url(self.cordee_database_url).password or "")
        except ArgumentError:  # said where it is used
            return ""

    def ready_to_run(self) -> None:
        """Check what `cordee run` needs.

        Raises:
            SettingsError: No platform, no programme, or a secret that is empty or a sample.
        """
        if not (self.slack_on or self.telegram_bot_token.get_secret_value()):
            raise SettingsError(
                "No platform is set up.",
                "Set SLACK_BOT_TOKEN or TELEGRAM_BOT_TOKEN; see the README.",
            )
        if not self.cordee_programmes:
            raise SettingsError(
                "No programme is set up.", "Set CORDEE_PROGRAMMES, for example ax-accompagnement."
            )
        for _, fault in self.faulty_secrets():
            raise fault
        self._check_ways_in()

    def faulty_secrets(self) -> Iterator[tuple[str, SettingsError]]:
        """Each secret that is a sample, or protects nothing, or is no token at all."""
        for name in IN_FILES:
            setting = getattr(self, name.lower())
            value = setting.get_secret_value() if isinstance(setting, SecretStr) else ""
            try:
                if name == "CORDEE_SECRET_KEY":
                    check_secret(name, value)
                elif name in _TOKEN_SHAPES and value:
                    check_token(name, value)
                elif value:
                    check_secret(name, value)
                if name == "TELEGRAM_WEBHOOK_SECRET" and value:
                    _check_header(name, value)
            except SettingsError as fault:
                yield name, fault
        password = self._database_password.lower()
        if any(sample in password for sample in ("password", "…", "change", "motdepasse")):
            hint = "Give the database's user a password of its own."
            yield (
                "CORDEE_DATABASE_URL",
                SettingsError("The password in CORDEE_DATABASE_URL looks like a sample.", hint),
            )

    def _check_ways_in(self) -> None:
        """Refuse a platform that could speak but not hear."""
        port = self.cordee_http_port
        if self.slack_client_id:
            self._check_oauth()
        if self.slack_on:
            signed = bool(self.slack_signing_secret.get_secret_value())
            socket = bool(self.slack_app_token.get_secret_value())
            if not (socket or signed):
                raise SettingsError(
                    "Slack has no way in.",
                    "Set SLACK_APP_TOKEN (Socket Mode), or SLACK_SIGNING_SECRET (HTTP).",
                )
            if not socket and port is None:
                raise SettingsError("Slack by HTTP needs a port.", "Set CORDEE_HTTP_PORT.")
        if self.slack_client_secret.get_secret_value() and not self.slack_client_id:
            raise SettingsError("SLACK_CLIENT_SECRET is set alone.", "Set SLACK_CLIENT_ID too.")
        webhook = self.telegram_webhook_secret.get_secret_value() and self.cordee_public_url
        if self.telegram_bot_token.get_secret_value() and webhook and port is None:
            raise SettingsError("Telegram's webhook needs a port.", "Set CORDEE_HTTP_PORT.")

    def _check_oauth(self) -> None:
        """Refuse an app that nobody could install."""
        if self.slack_bot_token.get_secret_value():
            raise SettingsError(
                "SLACK_BOT_TOKEN and SLACK_CLIENT_ID are both set.",
                "A token is for one workspace, OAuth for several: leave one of them out.",
            )
        check_secret("SLACK_CLIENT_SECRET", self.slack_client_secret.get_secret_value())
        if not (self.cordee_http_port is not None and self.cordee_public_url):
            raise SettingsError(
                "Installing by OAuth needs a page that browsers reach.",
                "Set CORDEE_HTTP_PORT and CORDEE_PUBLIC_URL.",
            )


def shown(settings: Settings) -> dict[str, str]:
    """Each setting by name, secrets only as set or not set."""
    found: dict[str, str] = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            found[name.upper()] = "(set)" if value.get_secret_value() else "(not set)"
        elif name == "cordee_database_url":
            found[name.upper()] = make_url(value).render_as_string(hide_password=True)
        else:
            found[name.upper()] = ", ".join(value) if isinstance(value, tuple) else str(value)
    return found


def check_secret(name: str, value: str) -> None:
    """Refuse a secret that protects nothing.

    Raises:
        SettingsError: Empty, too short, or a sample out of a guide.
    """
    hint = "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
    if len(value.strip()) < SECRET_LENGTH:
        raise SettingsError(f"{name} is empty or shorter than {SECRET_LENGTH} characters.", hint)
    dull = len(set(value)) < SECRET_LENGTH // 2 or _is_regular(value)
    if dull or value in _SAMPLE_TOKENS or any(sample in value.lower() for sample in _SAMPLES):
        raise SettingsError(f"{name} looks like a sample.", hint)


def _is_regular(value: str) -> bool:
    """Whether a value goes up or down step by step, or is one piece again and again.

    Two thirds of steps to the next character: of 16 random hexadecimal digits, one in a million.
    """
    steps = [abs(ord(one) - ord(other)) for one, other in pairwise(value)]
    pieces = range(1, len(value) // 2 + 1)
    again = any(value[size:] == value[:-size] for size in pieces)
    return again or steps.count(1) * 3 >= len(steps) * 2


def check_token(name: str, value: str) -> None:
    """Refuse what cannot be a platform's token, or stands in a guide.

    Raises:
        SettingsError: Of another shape, or a sample.
    """
    hint = "Copy it from the platform once more; the README says where it is shown."
    if not _TOKEN_SHAPES[name].fullmatch(value):
        raise SettingsError(f"{name} is no such token.", hint)
    if value in _SAMPLE_TOKENS or any(sample in value.lower() for sample in _SAMPLES):
        raise SettingsError(f"{name} looks like a sample.", hint)


def _check_header(name: str, value: str) -> None:
    if not _WEBHOOK_SECRET.fullmatch(value):
        raise SettingsError(
            f"{name} may hold letters, digits, - and _ only.", "That is Telegram's rule."
        )


def read(env_file: Path | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from the environment, and from a `.env` file if one is given.

    Raises:
        SettingsError: A value does not fit, a `CORDEE_*` name is unknown, a file cannot be read.
    """
    known = {name.upper() for name in Settings.model_fields} | {f"{name}_FILE" for name in IN_FILES}
    written = {k.upper(): v for k, v in (dotenv_values(env_file) if env_file else {}).items()}
    for name in (*environment, *written):
        if name.startswith("CORDEE_") and name not in known | _TEST_NAMES:
            near = difflib.get_close_matches(name, known, 1)
            raise SettingsError(
                f"Unknown setting {name}.", f"Did you mean {near[0]}?" if near else None
            )
    try:
        return Settings(_env_file=env_file, **_from_files({**written, **environment}))
    except ValidationError as error:
        first = error.errors()[0]
        place = str(first["loc"][0]).upper() if first["loc"] else "settings"
        raise SettingsError(f"{place}: {first['msg']}.") from None


def _from_files(given: Mapping[str, str | None]) -> dict[str, Any]:
    """What stands in the files that `<NAME>_FILE` names; an empty file counts as unset."""
    found: dict[str, Any] = {}
    for name in IN_FILES:
        path = given.get(f"{name}_FILE")
        if not path:
            continue
        if given.get(name):
            raise SettingsError(f"{name} and {name}_FILE are both set.", "Leave one of them out.")
        try:
            value = Path(path).read_text("utf-8").strip()
        except OSError as error:
            raise SettingsError(f"{name}_FILE: {path}: {error.strerror}.") from None
        except UnicodeDecodeError:
            raise SettingsError(f"{name}_FILE: {path} is not text.") from None
        if value:
            found[name.lower()] = value
    return found


IN_FILES: Final = tuple(
    name.upper()
    for name, field in Settings.model_fields.items()
    if field.annotation is SecretStr or name == "cordee_database_url"  # it may hold a password
)
"""Settings that may stand in a file: as containers and service managers hand secrets over."""
_TEST_NAMES: Final = frozenset({"CORDEE_TEST_PG_DSN", "CORDEE_CRASH_AT"})
