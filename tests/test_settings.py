"""Settings: what is refused, with which words; secrets are never shown."""

from __future__ import annotations

import random
import re
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.settings import IN_FILES, Settings, check_secret, read, shown
from tests.run_world import cordee

GOOD = "kq8Zr1-Vw2pLm7Xt9Bd4"
HEX = "5c1e80f2a97d4b36c0d2e4f6a8b91307"
BASE = {
    "CORDEE_PROGRAMMES": "emergence",
    "CORDEE_SECRET_KEY": GOOD,
    "TELEGRAM_BOT_TOKEN": "123:abc",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def settings(environment: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        environment.setenv(name, value)
    return read(environment=values)


def test_lists_are_read_with_commas(environment: pytest.MonkeyPatch) -> None:
    found = settings(
        environment,
        CORDEE_PROGRAMMES="emergence, ax-accompagnement,",
        CORDEE_STAFF="slack:T1/U1,telegram:123",
    )
    assert found.cordee_programmes == ("emergence", "ax-accompagnement")
    assert found.staff == (("slack", "T1/U1"), ("telegram", "123"))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"CORDEE_STAFF": "claire"}, "is no account; write slack:T1/U1"),
        ({"CORDEE_TICK_SECONDS": "soon"}, "CORDEE_TICK_SECONDS"),
        ({"CORDEE_PROGRAMME": "emergence"}, "Did you mean CORDEE_PROGRAMMES?"),
        ({"CORDEE_XYZ": "1"}, "Unknown setting CORDEE_XYZ."),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    environment: pytest.MonkeyPatch, values: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError, match=said.replace("?", r"\?")):
        settings(environment, **values)


def test_a_misspelt_name_in_the_file_is_refused_too(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / ".env"
    file.write_text("CORDEE_PROGRAMES=emergence\n")
    with pytest.raises(SettingsError, match="CORDEE_PROGRAMES"):
        read(file, environment={})
    file.write_text("CORDEE_PROGRAMMES=emergence\n")
    assert read(file, environment={}).cordee_programmes == ("emergence",)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"TELEGRAM_BOT_TOKEN": ""}, "No platform is set up"),
        ({"CORDEE_PROGRAMMES": ""}, "No programme is set up"),
        ({"CORDEE_SECRET_KEY": ""}, "CORDEE_SECRET_KEY is empty"),
        ({"CORDEE_SECRET_KEY": "change-me-please-now"}, "looks like a sample"),
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, "Slack has no way in"),
        ({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": HEX}, "Slack by HTTP needs a port"),
        (
            {"TELEGRAM_WEBHOOK_SECRET": HEX, "CORDEE_PUBLIC_URL": "https://bot.example.org"},
            "webhook needs a port",
        ),
        ({"SLACK_CLIENT_ID": "1.2"}, "SLACK_CLIENT_SECRET is empty"),
        ({"SLACK_CLIENT_SECRET": HEX}, "SLACK_CLIENT_SECRET is set alone"),
        ({"SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": HEX}, "a page that browsers reach"),
        (
            {"SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": HEX, "SLACK_BOT_TOKEN": "xoxb-1"},
            "are both set",
        ),
    ],
)
def test_a_bot_that_could_not_work_does_not_start(
    environment: pytest.MonkeyPatch, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        settings(environment, **(BASE | changes)).ready_to_run()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"},
        {
            "SLACK_BOT_TOKEN": "xoxb-1",
            "SLACK_SIGNING_SECRET": HEX,
            "TELEGRAM_WEBHOOK_SECRET": HEX,
            "CORDEE_PUBLIC_URL": "https://bot.example.org",
            "CORDEE_HTTP_PORT": "8080",
        },
    ],
)
def test_every_way_in_may_start(environment: pytest.MonkeyPatch, changes: dict[str, str]) -> None:
    settings(environment, **(BASE | changes)).ready_to_run()


def test_a_secret_may_stand_in_a_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key, url, token = tmp_path / "key", tmp_path / "url", tmp_path / "token"
    key.write_text(f"{GOOD}\n")
    url.write_text("postgresql://cordee:hidden@db/cordee")
    token.write_text("\n")
    found = settings(
        environment,
        CORDEE_PROGRAMMES="emergence",
        CORDEE_SECRET_KEY_FILE=str(key),
        CORDEE_DATABASE_URL_FILE=str(url),
        TELEGRAM_BOT_TOKEN="123:abc",
        SLACK_BOT_TOKEN_FILE=str(token),
    )
    found.ready_to_run()
    assert found.cordee_secret_key.get_secret_value() == GOOD
    assert found.cordee_database_url == "postgresql://cordee:hidden@db/cordee"
    assert not found.slack_bot_token.get_secret_value()  # an empty file: that platform is off


def test_a_file_may_be_named_in_the_env_file(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key, file = tmp_path / "key", tmp_path / ".env"
    key.write_text(GOOD)
    file.write_text(f"CORDEE_SECRET_KEY_FILE={key}\n")
    assert read(file, environment={}).cordee_secret_key.get_secret_value() == GOOD


def test_every_secret_and_nothing_else_may_stand_in_a_file() -> None:
    assert set(IN_FILES) == {
        "CORDEE_DATABASE_URL",
        "CORDEE_SECRET_KEY",
        "SLACK_BOT_TOKEN",
        "SLACK_APP_TOKEN",
        "SLACK_SIGNING_SECRET",
        "SLACK_CLIENT_SECRET",
        "TELEGRAM_BOT_TOKEN",
        "TELEGRAM_WEBHOOK_SECRET",
    }


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"CORDEE_SECRET_KEY": GOOD, "CORDEE_SECRET_KEY_FILE": "key"}, "are both set"),
        ({"CORDEE_SECRET_KEY_FILE": "nowhere"}, "CORDEE_SECRET_KEY_FILE: nowhere: No such file"),
        ({"CORDEE_SECRET_KEY_FILE": "picture"}, "picture is not text"),
        ({"CORDEE_HTTP_PORT_FILE": "key"}, "Unknown setting CORDEE_HTTP_PORT_FILE"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_name(
    environment: pytest.MonkeyPatch, tmp_path: Path, values: dict[str, str], said: str
) -> None:
    environment.chdir(tmp_path)
    Path("key").write_text(GOOD)
    Path("picture").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=said):
        settings(environment, **values)


def test_no_secret_is_shown(environment: pytest.MonkeyPatch) -> None:
    found = settings(
        environment,
        **BASE,
        CORDEE_DATABASE_URL="postgresql://cordee:hidden@db/cordee",
        SLACK_SIGNING_SECRET="canary",
    )
    text = repr(shown(found))
    for secret in (GOOD, "123:abc", "hidden", "canary"):
        assert secret not in text
    assert shown(found)["CORDEE_SECRET_KEY"] == "(set)"
    assert shown(found)["SLACK_APP_TOKEN"] == "(not set)"


@pytest.mark.parametrize(
    "value",
    [
        *("", "short", "aaaaaaaaaaaaaaaaaaaaaa", "my-secret-password-1", "replace-me-please-now"),
        *("REMPLACEZ-MOI-ICI", "à-remplir-par-vous-même", "insert-key-here-please"),
        *("placeholder-0123456789", "dummy-key-for-cordee", "default-key-please-ok"),
        *("0123456789abcdef", "FEDCBA9876543210", "abcdefghijklmnop", "azertyuiopqsdfgh"),
        *("cordee-cordee-cordee", "k7Qz-Tm2Vxk7Qz-Tm2Vx", "ponmlkjihgfedcba"),
    ],
)
def test_a_secret_that_protects_nothing_is_refused(value: str) -> None:
    with pytest.raises(SettingsError):
        check_secret("CORDEE_SECRET_KEY", value)


def test_secrets_that_were_made_at_random_are_taken() -> None:
    """Of every usual form: what the README tells to run, and what others print."""
    chance = random.Random(1)
    for _ in range(2000):
        made = chance.randbytes(32)
        for value in (made.hex(), made.hex()[:32], urlsafe_b64encode(made).decode().rstrip("=")):
            check_secret("CORDEE_SECRET_KEY", value)


SECRETS = sorted(set(IN_FILES) - {"CORDEE_DATABASE_URL"})
SAMPLES = ["change-me", "your-secret-here", "xxxxxxxxxxxxxxxxxxxxxxxx", "…", "<paste it here>"]


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("value", [*SAMPLES, "   "])
def test_no_secret_may_be_empty_or_a_sample(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Whatever else is right: as it is written in guides, and with what a token begins with."""
    begins = {"SLACK_BOT_TOKEN": "xoxb-", "SLACK_APP_TOKEN": "xapp-", "TELEGRAM_BOT_TOKEN": "1:"}
    for written in (value, begins.get(name, "") + value):
        with pytest.raises(SettingsError, match=name):
            settings(environment, **(BASE | {name: written})).ready_to_run()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEGRAM_BOT_TOKEN", "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"),
        ("SLACK_SIGNING_SECRET", "8f742231b10e8888abcd99yyyzzz85a5"),
        ("SLACK_BOT_TOKEN", "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcBrzbqgy"),
        ("SLACK_BOT_TOKEN", "xapp-1-invented"),
        ("SLACK_APP_TOKEN", "xoxb-1-invented"),
        ("TELEGRAM_BOT_TOKEN", "invented"),
        ("TELEGRAM_WEBHOOK_SECRET", "not one of Telegram's letters, é"),
        ("CORDEE_DATABASE_URL", "postgresql://cordee:PASSWORD@database/cordee"),
    ],
)
def test_samples_of_the_platforms_and_tokens_of_another_kind_are_refused(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=name):
        settings(environment, **(BASE | {name: value})).ready_to_run()


def test_what_our_own_samples_and_the_readme_show_is_refused(
    environment: pytest.MonkeyPatch,
) -> None:
    """Whoever copies a line of the README or of deploy/ as it stands gets no running bot."""
    root = Path(__file__).parent.parent
    shown_values = set()
    for path in ("README.md", "deploy/env.sample", "docs/guide/exploitation.md"):
        for line in (root / path).read_text("utf-8").splitlines():
            name, _, value = line.strip().partition("=")
            if name in SECRETS:
                shown_values.add((name, value))
            if found := re.match(r"\| `(\w+)` \| [^|]* \| `([^`]+)`", line):
                shown_values.add((found[1], found[2]))
    shown_values = {(name, value) for name, value in shown_values if name in SECRETS}
    assert len(shown_values) >= 4
    for name, value in shown_values:
        with pytest.raises(SettingsError):
            settings(environment, **(BASE | {"TELEGRAM_BOT_TOKEN": "", name: value})).ready_to_run()


def test_every_secret_is_known_to_whoever_must_not_show_it(
    environment: pytest.MonkeyPatch,
) -> None:
    values = {name: f"value-of-{name}" for name in SECRETS}
    found = settings(
        environment, **values, CORDEE_DATABASE_URL="postgresql://cordee:p%40ss@db/cordee"
    )
    assert set(found.secrets) == {*values.values(), "p@ss"}


def test_no_command_writes_with_a_key_that_protects_nothing(tmp_path: Path) -> None:
    """A copy needs none: its timer is not given the key."""
    (tmp_path / "people.csv").write_text("email,prenom\nana@exemple.invalid,Ana\n")
    assert cordee(tmp_path, "migrate").returncode == 0
    for typed in ("import people.csv", "owner #1", "backup copy.db"):
        for key in ("", "replace-me-please-now"):
            done = cordee(tmp_path, *typed.split(), CORDEE_SECRET_KEY=key)
            if typed.startswith("backup") and not key:
                assert done.returncode == 0, done.stderr
            else:
                assert done.returncode == 1, typed
                assert "CORDEE_SECRET_KEY" in done.stderr
