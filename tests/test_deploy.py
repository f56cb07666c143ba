"""The samples in `deploy/`: every name in them exists, no secret has a value, nothing is open."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from pydantic import SecretStr

from bot.settings import IN_FILES, Settings, read
from handlers.http import application
from handlers.local.fake_telegram import FakeTelegram
from handlers.local.stage import Stage
from handlers.main import app
from handlers.slack.manifest import INSTALL, REDIRECT
from tests.run_world import CORDEE, KEY

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
KNOWN = {name.upper() for name in Settings.model_fields} | {f"{name}_FILE" for name in IN_FILES}
SECRETS = {
    name.upper() for name, f in Settings.model_fields.items() if isinstance(f.default, SecretStr)
}
SPEC = json.loads((ROOT / "docs" / "partner-page.openapi.json").read_text("utf-8"))
NOT_OURS = {"PATH", "PYTHONUNBUFFERED", "DOMAIN", "POSTGRES_USER", "POSTGRES_DB",
            "POSTGRES_PASSWORD_FILE"}  # fmt: skip


def text(name: str) -> str:
    return (DEPLOY / name).read_text("utf-8")


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text("compose.yaml"))
    return found


def unit(name: str) -> list[tuple[str, str]]:
    """The assignments of a unit, in their order."""
    lines = [line for line in text(f"systemd/{name}").splitlines() if re.match(r"\w+=", line)]
    return [(key, value) for key, _, value in (line.partition("=") for line in lines)]


def assigned() -> list[tuple[str, str, str]]:
    """Every environment variable that a sample sets: where, its name, its value."""
    found = [
        ("env.sample", *line.split("=", 1))
        for line in text("env.sample").splitlines()
        if line and not line.startswith("#")
    ]
    for service in compose()["services"].values():
        found += [("compose.yaml", name, v) for name, v in service.get("environment", {}).items()]
    for path in UNITS:
        for key, value in unit(path.name):
            if key == "Environment":
                found.append((path.name, *value.split("=", 1)))
    env = re.search(r"^ENV (.*?[^\\])$", text("Containerfile"), re.MULTILINE | re.DOTALL)
    assert env
    found += [("Containerfile", *pair.split("=", 1)) for pair in env[1].replace("\\", "").split()]
    return [(place, name, value) for place, name, value in found]


def test_every_setting_that_is_named_exists() -> None:
    names = {name for _, name, _ in assigned()}
    assert names - NOT_OURS <= KNOWN
    assert {"CORDEE_SECRET_KEY_FILE", "CORDEE_PROGRAMMES", "TELEGRAM_BOT_TOKEN"} <= names


def test_no_secret_has_a_value() -> None:
    for place, name, value in assigned():
        assert name not in SECRETS or not value, (place, name)
        assert not re.search(r"//[^/@\s]*:[^/@\s]*@", value), (place, name)
    sources = [
        compose()["secrets"],
        *(s.get("secrets", []) for s in compose()["services"].values()),
    ]
    assert all(set(one) == {"file"} for one in sources[0].values())
    assert {name for used in sources[1:] for name in used} == set(sources[0])
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert {"/deploy/secrets/", "/deploy/cordee.env"} <= set(ignored)


def test_the_sample_settings_are_read_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KNOWN:
        monkeypatch.delenv(name, raising=False)
    found = read(DEPLOY / "env.sample", environment={})
    assert found.cordee_programmes == ("ax-accompagnement",)
    assert found.cordee_database_url == "sqlite:///cordee.db"
    assert found.platforms == ()


# --- containers ----------------------------------------------------------------------------------


def test_the_containers_hang_together() -> None:
    found = compose()
    services = found["services"]
    bot = services["bot"]
    for service in services.values():
        assert service["restart"] == "always"
        for volume in service.get("volumes", []):
            name = volume.partition(":")[0]
            assert name.startswith("./") or name in found["volumes"]
        assert set(service["networks"]) <= set(found["networks"])
    assert "ports" not in bot
    assert "ports" not in services["database"]
    assert found["networks"]["inside"]["internal"] is True
    assert services["database"]["networks"] == ["inside"]
    build = bot["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Containerfile"
    assert bot["depends_on"]["database"]["condition"] == "service_healthy"
    for name, value in bot["environment"].items():
        if name.endswith("_FILE"):
            assert value.removeprefix("/run/secrets/") in bot["secrets"]


def test_the_proxy_knows_every_replica() -> None:
    found = compose()
    replicas = found["services"]["bot"]["deploy"]["replicas"]
    port = found["services"]["bot"]["environment"]["CORDEE_HTTP_PORT"]
    wanted = [f"{found['name']}-bot-{n}:{port}" for n in range(1, replicas + 1)]
    upstreams = re.search(r"reverse_proxy (.*) \{", text("Caddyfile"))
    assert upstreams
    assert upstreams[1].split() == wanted


async def test_the_proxy_forwards_what_platforms_send_and_nothing_else() -> None:
    stage = Stage("sqlite://", ["emergence"])
    await stage.start()
    routes = {
        (route.method, resource.canonical)
        for resource in application(stage.service).router.resources()
        for route in resource
    }
    await stage.stop()
    posted = {path for method, path in routes if method == "POST" and path not in SPEC["paths"]}
    caddy = text("Caddyfile")
    paths = re.findall(r"^\s*path (.*)$", caddy, re.MULTILINE)
    companies = " ".join(sorted(SPEC["paths"]))
    assert paths == [" ".join(sorted(posted)), f"{INSTALL} {REDIRECT}", companies]
    assert re.findall(r"^\s*method (.*)$", caddy, re.MULTILINE) == ["POST", "GET", "GET POST"]
    assert caddy.count("reverse_proxy ") == 3
    assert re.search(r"handle @platforms \{[^@]*reverse_proxy", caddy)
    assert re.search(r"\thandle \{\n\t\trespond 404\n\t\}", caddy)
    asked = set(re.findall(r"health_uri (\S+)", caddy))
    asked |= set(re.findall(r"(/health/\w+)", text("Containerfile")))
    assert asked == {"/health/live"} <= {path for method, path in routes if method == "GET"}


def test_caddy_takes_it(tmp_path: Path) -> None:
    caddy = shutil.which("caddy")
    if caddy is None:
        pytest.skip("no caddy on this machine")
    done = subprocess.run(
        [caddy, "adapt", "--adapter", "caddyfile", "--config", str(DEPLOY / "Caddyfile")],
        env={"DOMAIN": "bot.exemple.invalid", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["apps"]["http"]


def test_the_image_installs_what_is_locked_and_runs_as_nobody_special() -> None:
    lines = [line for line in text("Containerfile").splitlines() if not line.startswith("#")]
    pip = [line for line in lines if "pip install" in line]
    assert len(pip) == 2
    assert "--require-hashes --requirement requirements-postgres.txt" in pip[0]
    assert "--no-deps --no-build-isolation ." in pip[1]
    last = "\n".join(lines).rsplit("\nFROM ", 1)[1]
    order = [last.index(word) for word in ("useradd", "\nUSER cordee", "\nVOLUME", "\nENTRYPOINT")]
    assert order == sorted(order)
    assert "\nSTOPSIGNAL SIGTERM" in last
    copied = {word for line in lines if line.startswith("COPY ") and "--from" not in line
              for word in line.split()[1:-1]}  # fmt: skip
    let_in = {
        line[1:] for line in text("Containerfile.dockerignore").splitlines() if line[:1] == "!"
    }
    assert copied == let_in
    assert all((ROOT / name).exists() for name in copied)


def test_the_lock_of_the_image_is_the_lock_with_the_driver() -> None:
    def pinned(name: str) -> dict[str, str]:
        found = re.findall(r"^([\w.-]+)==(\S+) \\$", (ROOT / name).read_text("utf-8"), re.MULTILINE)
        return dict(found)

    image, plain = pinned("requirements-postgres.txt"), pinned("requirements.txt")
    assert plain.items() <= image.items()
    assert {"psycopg", "psycopg-binary"} <= set(image) - set(plain)
    assert image.items() <= pinned("requirements-dev.txt").items()


# --- systemd -------------------------------------------------------------------------------------


def test_the_service_is_kept_up_and_kept_in() -> None:
    service = dict(unit("cordee.service"))
    assert service["Restart"] == "always"
    assert (service["RestartSec"], service["TimeoutStopSec"]) == ("1", "30")
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert service["User"] == "cordee"
    assert service["StateDirectory"].split() == ["cordee", "cordee-backups"]
    assert service["WorkingDirectory"] == "/var/lib/cordee"


@pytest.mark.parametrize("name", [path.name for path in UNITS if path.suffix == ".service"])
def test_the_units_call_commands_that_exist_and_show_no_secret(name: str) -> None:
    commands = {command.name or command.callback.__name__ for command in app.registered_commands
                if command.callback}  # fmt: skip
    lines = [value for key, value in unit(name) if key.startswith("Exec")]
    called = [found[1] for line in lines if (found := re.search(r"bin/cordee (\w+)", line))]
    assert called
    assert set(called) <= commands
    for line in lines:
        assert not any(word in line for word in (*SECRETS, "TOKEN", "SECRET", "PASSWORD"))


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze on this machine")
    for path in UNITS:
        (tmp_path / path.name).write_text(
            path.read_text("utf-8").replace("/opt/cordee/bin/cordee", CORDEE), "utf-8"
        )
    done = subprocess.run(
        [analyze, "verify", "--man=no", *(str(tmp_path / path.name) for path in UNITS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    said = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "cordee" in line]
    assert (done.returncode, said) == (0, [])


def test_the_nightly_copy_as_the_unit_makes_it(tmp_path: Path) -> None:
    """The line of the unit, run by a shell; only the folder is another."""
    lines = dict(unit("cordee-backup.service"))
    state, kept = tmp_path / "cordee", tmp_path / "cordee-backups"
    state.mkdir()
    kept.mkdir()
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    run = {"cwd": state, "env": env, "capture_output": True, "text": True, "timeout": 50}
    subprocess.run([CORDEE, "migrate"], check=True, **run)  # type: ignore[call-overload]
    script = lines["ExecStart"].removeprefix("/bin/sh -c '").removesuffix("'")
    for theirs, ours in (
        ("$$", "$"),
        ("%%", "%"),
        ("/opt/cordee/bin/cordee", CORDEE),
        ("/var/lib/cordee-backups", str(kept)),
    ):
        script = script.replace(theirs, ours)
    old = kept / "cordee-2026-01-01-023000.db"
    old.touch()
    os.utime(old, (1_700_000_000, 1_700_000_000))
    subprocess.run(["/bin/sh", "-c", script], check=True, **run)  # type: ignore[call-overload]
    find = lines["ExecStartPost"].replace("/var/lib/cordee-backups", str(kept)).split()
    subprocess.run(find, check=True, **run)  # type: ignore[call-overload]
    copies = list(kept.iterdir())
    assert len(copies) == 1
    assert re.fullmatch(r"cordee-\d{4}-\d\d-\d\d-\d{6}\.db", copies[0].name)
    assert copies[0].stat().st_size > 4096


# --- all of it together ---------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


async def fetch(port: int, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}") as answer,
    ):
        return answer.status, await answer.text()


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_process_with_its_secrets_in_files_is_watched_and_copied(tmp_path: Path) -> None:
    """What container and unit do: start, ask whether it lives, copy beside it, end by SIGTERM."""
    telegram = FakeTelegram(lambda: datetime.now(UTC))
    await telegram.start()
    port = free_port()
    for name, secret in (("cordee_secret_key", KEY), ("telegram_bot_token", telegram.token)):
        (tmp_path / name).write_text(f"{secret}\n")
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "CORDEE_PROGRAMMES": "emergence",
        "CORDEE_SECRET_KEY_FILE": str(tmp_path / "cordee_secret_key"),
        "TELEGRAM_BOT_TOKEN_FILE": str(tmp_path / "telegram_bot_token"),
        "TELEGRAM_API_URL": telegram.base_url,
        "CORDEE_HTTP_PORT": str(port),
    }
    log = tmp_path / "log.txt"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            CORDEE, "run", cwd=tmp_path, env=env, stdout=output, stderr=output
        )
    try:
        for _ in range(600):
            if "ready:" in log.read_text() or process.returncode is not None:
                break
            await asyncio.sleep(0.1)
        assert "ready:" in log.read_text(), log.read_text()
        assert await fetch(port, "/health/live") == (200, '{"live": true}')
        assert await fetch(port, "/health/ready") == (200, '{"ready": true}')
        status, page = await fetch(port, "/metrics")
        assert status == 200
        assert "cordee_lease_held" in page
        copy = tmp_path / "copy.db"
        copied = await asyncio.create_subprocess_exec(
            CORDEE, "backup", str(copy), cwd=tmp_path, env={k: env[k] for k in ("PATH", "HOME")}
        )
        assert await copied.wait() == 0
        assert copy.stat().st_size > 4096
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await telegram.stop()
    said = log.read_text()
    assert KEY not in said
    assert telegram.token not in said
