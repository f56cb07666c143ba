"""The repository keeps its promises: locks, README, make targets, text files, closed network."""

import os
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import PROXIES, NetworkForbiddenError
from tests.needs import missing

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-graphiques.txt")
BINARY = {".png", ".ico", ".woff2"}
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[a-z,]+\])?==(?P<version>[^ ;\\]+)")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def normal(name: str) -> str:
    """A package's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement(line: str) -> str:
    """The package a requirement of pyproject.toml asks for, without extras and versions."""
    found = re.match(r"[A-Za-z0-9._-]+", line)
    assert found, line
    return normal(found[0])


def project() -> dict[str, object]:
    described = tomllib.loads(read("pyproject.toml"))["project"]
    assert isinstance(described, dict)
    return described


def asked(extra: str | None = None) -> set[str]:
    """The packages that pyproject.toml asks for, at run time or for an extra."""
    described = project()
    lines = described["dependencies"]
    if extra:
        extras = described["optional-dependencies"]
        assert isinstance(extras, dict)
        lines = extras[extra]
    assert isinstance(lines, list)
    return {requirement(line) for line in lines}


def locked(lock: str) -> dict[str, str]:
    """What a lock file pins: normal name -> version."""
    pins = (PIN.match(line) for line in read(lock).splitlines())
    return {normal(pin["name"]): pin["version"] for pin in pins if pin}


def logical_lines(text: str) -> Iterator[str]:
    """The lines of a lock file with their continuations joined, comments and blanks left out."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()


def tracked() -> list[Path]:
    """The files that are, or are about to be, part of the repository."""
    git = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT)]
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        missing("git and its history: this is not a clone")
    paths = (ROOT / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name)
    return sorted(path for path in paths if path.is_file())


def texts() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        if path.suffix not in BINARY:
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


# --- locks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_requirement_is_pinned_and_hashed(lock: str) -> None:
    lines = list(logical_lines(read(lock)))
    assert lines
    for line in lines:
        assert PIN.match(line), f"not pinned: {line[:60]}"
        assert re.search(r" --hash=sha256:[0-9a-f]{64}\b", line), f"no hash: {line[:60]}"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address_and_no_local_path(lock: str) -> None:
    text = read(lock)
    for sign in ("://", "file:/", " @ ", "--index-url", "--extra-index-url", "--find-links"):
        assert sign not in text
    assert not re.search(r"(?<![\w.])/\w", text), "a path"


def test_locks_hold_what_pyproject_asks_for() -> None:
    run, dev = locked("requirements.txt"), locked("requirements-dev.txt")
    assert asked() <= run.keys()
    assert asked("dev") | asked("postgres") | asked("graphiques") <= dev.keys()
    assert asked("graphiques") <= locked("requirements-graphiques.txt").keys()
    assert run.items() <= dev.items(), "make test must run what make demo runs"
    assert "setuptools" in run, "the editable install builds without isolation"
    assert not asked("dev") & run.keys(), "a tool among what runs"


# --- README and Makefile ---------------------------------------------------------------------


def dependency_table() -> dict[str, str]:
    """The table below "## Dependencies": normal name -> reason."""
    section = read("README.md").split("\n## Dependencies\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| *([A-Za-z][A-Za-z0-9._-]*) *\| *(.*?) *\|$", section, re.MULTILINE)
    return {normal(name): reason for name, reason in rows if name != "package"}


def test_every_dependency_has_its_reason_in_the_readme() -> None:
    table = dependency_table()
    assert table.keys() == asked()
    for name, reason in table.items():
        assert len(reason) > 15, f"{name} without a reason"


def test_every_make_target_has_a_help_line() -> None:
    makefile = read("Makefile")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    phony = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    assert targets == set(" ".join(phony).split())
    assert {"help", "demo", "story", "test", "check", "lock", "bench", "screenshot"} <= targets
    shown = subprocess.run(
        ["make", "--no-print-directory", "-C", str(ROOT)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for target in targets:
        assert re.search(rf"^ *make {target} +\S", shown, re.MULTILINE), f"{target} without help"


# --- what the repository holds ---------------------------------------------------------------


def test_every_text_file_is_utf8_with_plain_line_ends() -> None:
    count = 0
    for path, text in texts():
        count += 1
        assert "\r" not in text, path
        assert "\ufffd" not in text, path
        assert not text or text.endswith("\n"), f"{path}: no newline at the end"
    assert count > 10


def machine_traces() -> set[str]:
    """Hosts and folders that this machine installs packages from, and where it keeps its files.

    Read off pip's own configuration, so that the names themselves need not be written here.
    """
    configured = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    hosts, folders = set(), {str(ROOT), str(Path.home())}
    for key, value in re.findall(r"^(\S+?)='(.*)'$", configured, re.MULTILINE):
        if key.endswith(("index-url", "find-links", "trusted-host", "proxy")):
            for word in value.split():
                parts = urlsplit(word if "/" in word else f"//{word}")
                hosts.add(parts.hostname or "")
                folders.add(parts.path if parts.scheme in {"", "file"} else "")
    # A host needs a dot and a folder two steps, or ordinary words would be found everywhere.
    return {host for host in hosts if "." in host and not host.startswith("127.")} | {
        folder for folder in folders if folder.strip("/").count("/") >= 1
    }


def test_no_registry_and_no_machine_path_in_any_file() -> None:
    registries = {f"{name}.org" for name in ("pypi", "pythonhosted", "registry.npmjs")}
    forbidden = {*registries, *machine_traces()}
    for path, text in texts():
        for trace in forbidden:
            assert trace not in text, f"{path} names {trace}"


# --- the tests' own ground -------------------------------------------------------------------


def test_the_network_is_closed() -> None:
    with socket.socket() as outside, pytest.raises(NetworkForbiddenError):
        outside.connect(("192.0.2.1", 80))  # TEST-NET-1: nobody is there
    with socket.socket() as outside, pytest.raises(NetworkForbiddenError):
        outside.connect_ex(("192.0.2.1", 80))
    with pytest.raises(NetworkForbiddenError):
        socket.getaddrinfo("example.org", 443)


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()


def test_no_proxy_is_set() -> None:
    assert not {name.lower() for name in os.environ} & set(PROXIES)


def test_what_is_missing_is_skipped_by_name_and_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="missing: a harp"):
        missing("a harp")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="missing in CI: a harp"):
        missing("a harp")


def test_the_ci_script_is_executable_and_runs_make_test() -> None:
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    assert "\nmake test\n" in script.read_text(encoding="utf-8")
