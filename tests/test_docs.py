"""What the documents say is what the program does: commands, settings, columns, links, figures."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

import bot.bot  # noqa: F401 - fills the registry of commands
from bot.commands.registry import COMMANDS
from bot.commands.staff import INVITATION_DAYS
from bot.flows.endings import CLOSING_DAYS
from bot.flows.offers import REFUSAL_PAUSE_DAYS
from bot.flows.profiles import PAUSE_DAYS
from bot.i18n import words
from bot.importer import COLUMNS
from bot.lifecycle import PAIR, REQUEST
from bot.onboarding import LINK_MINUTES
from bot.programmes.load import load, parse, presets
from bot.programmes.schema import Programme
from bot.register import unlabelled, written
from bot.settings import Settings
from handlers.local.chat_file import parse as parse_chat
from handlers.main import app

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
GUIDE = sorted((ROOT / "docs/guide").glob("*.md"))
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def section(title: str) -> str:
    """What the README says below a heading, up to the next of the same rank."""
    return README.read_text("utf-8").split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(text: str) -> dict[str, tuple[str, ...]]:
    """The rows of tables whose first cell begins with `code`: that name -> the other cells."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| `") and len(cells) > 1:
            name = cells[0].strip("`")
            assert name not in found, f"{name} is there twice"
            found[name] = tuple(cell.strip("| ") for cell in cells[1:])
    return found


def prose(text: str) -> str:
    """A document without its blocks of code, links' addresses and `code`."""
    text = FENCE.sub("", text)
    return re.sub(r"\]\([^)]*\)|`[^`]*`|<!--.*?-->", "]", text)


def plain(text: str) -> str:
    return re.sub("[\u202f\u00a0]", " ", text)


# --- tables of the README ------------------------------------------------------------------------


def test_the_table_of_commands_is_the_registry() -> None:
    english = words("en")
    listed = {
        entry.name: (f"`{entry.alias}`", entry.who, plain(english(entry.summary)))
        for entry in COMMANDS.values()
        if entry.listed
    }
    assert rows(section("Commands")) == listed


def test_the_table_of_settings_is_the_settings() -> None:
    def default(value: object) -> str:
        bare = value.get_secret_value() if isinstance(value, SecretStr) else value
        if bare in (None, "", ()):
            return "—"
        return f"`{bare:g}`" if isinstance(bare, float) else f"`{bare}`"

    table = rows(section("Settings"))
    fields = Settings.model_fields.items()
    assert {name: cells[0] for name, cells in table.items()} == {
        name.upper(): default(field.default) for name, field in fields
    }
    assert all(len(cells[1]) > 10 for cells in table.values())


def cli() -> dict[str, set[str]]:
    """The commands of `cordee` with their long options; of a switch the one that turns it on."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    found: dict[str, set[str]] = {}
    for name, command in group.commands.items():
        assert isinstance(command, TyperCommand)
        given = {p.opts[0] for p in command.params if p.param_type_name == "option"}
        found[name] = given - {"--help"}
    return found


def test_the_table_of_the_command_line_is_the_command_line() -> None:
    table = rows(section("Command line"))
    assert {name: set(re.findall(r"--[a-z-]+", cells[0])) for name, cells in table.items()} == {
        f"cordee {name}": given for name, given in cli().items()
    }


def test_the_table_of_columns_is_the_importer() -> None:
    assert set(rows(section("Import people"))) == set(COLUMNS)


def test_the_table_of_sections_is_the_schema() -> None:
    known = {field.alias or name for name, field in Programme.model_fields.items()}
    assert set(rows(section("Programme files"))) == known


def test_both_presets_are_presented() -> None:
    text = section("Programme files")
    for preset in presets():
        assert f"](bot/programmes/{preset}.toml)" in text


# --- examples ------------------------------------------------------------------------------------


def test_the_programme_of_the_readme_is_a_whole_programme() -> None:
    blocks = [body for kind, body in FENCE.findall(section("Programme files")) if kind == "toml"]
    assert len(blocks) == 1
    programme = parse(tomllib.loads(blocks[0]), "README.md")
    assert programme.questionnaire("intake")
    assert programme.questionnaire("checkin:checkin")


def test_the_env_file_of_the_readme_names_settings_and_holds_no_secret() -> None:
    known = {name.upper(): field for name, field in Settings.model_fields.items()}
    block = next(
        body
        for kind, body in FENCE.findall(README.read_text("utf-8"))
        if body.startswith("CORDEE_")
    )
    for line in block.splitlines():
        name, _, value = line.partition("=")
        assert name in known
        if isinstance(known[name].default, SecretStr):
            assert not value, f"{name}: a sample that might be left in place"


def unset(text: str) -> str:
    """A conversation without the spaces that set it in columns."""
    return "\n".join(re.sub(" +", " ", line).strip() for line in text.splitlines())


def test_the_transcript_is_one_that_the_tests_play() -> None:
    text = README.read_text("utf-8")
    found = re.search(
        r"<!-- transcript: (\S+) -->\n```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
    )
    assert found
    source = (ROOT / found[1]).read_text("utf-8")
    assert parse_chat(source).steps
    rest = f"\n{unset(source)}"
    for part in unset(found[2]).split("…\n"):
        lines = part.strip("\n")
        assert lines
        _, there, rest = rest.partition(f"\n{lines}\n")
        assert there, f"no longer in {found[1]}, or not in this order:\n{lines}"
        rest = f"\n{rest}"


# --- links and commands --------------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    """The anchors that a page of Markdown offers, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", path.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip(" ").replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_relative_link_and_picture_exists(document: Path) -> None:
    text = FENCE.sub("", document.read_text("utf-8"))
    for address in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", address):
            continue
        file, _, anchor = address.partition("#")
        target = (document.parent / file).resolve() if file else document
        assert target.exists(), f"{address} leads nowhere"
        if anchor:
            assert anchor in anchors(target), f"{address}: there is no such heading"


OTHERS = {
    *("python3", "pip", "pytest", "apt-get", "chmod", "git", "useradd", "install", "cp", "mv"),
    *("mkdir", "touch", "systemctl", "docker", "pg_dump", "pg_restore", "createdb", "dropdb"),
}


def shell_lines(text: str) -> Iterator[list[str]]:
    """The words of every command in blocks of shell, and of every `make …` or `cordee …`."""
    for kind, body in FENCE.findall(text):
        if kind in {"sh", "bash", "console"}:
            for line in body.splitlines():
                words_ = shlex.split(line.removeprefix("$ "), comments=True)
                while words_ and re.match(r"[A-Z_]+=", words_[0]):
                    del words_[0]
                if words_:
                    yield words_
    for code in re.findall(r"`((?:make|\S*cordee) [^`]*)`", FENCE.sub("", text)):
        if not code.startswith("/cordee"):
            yield shlex.split(code)


def targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_commands_of_the_shell_exist(document: Path) -> None:
    commands = cli()
    for line in shell_lines(document.read_text("utf-8")):
        program = line[0].rsplit("/", 1)[-1]
        if program == "make":
            for word in line[1:]:
                if word.startswith(">"):
                    break
                assert "=" in word or word in targets(), f"make {word}"
        elif program == "cordee":
            assert line[1] in commands, f"cordee {line[1]}"
            given = {word for word in line[2:] if word.startswith("--")}
            assert given <= commands[line[1]], f"cordee {line[1]}: {given}"
        else:
            assert program in OTHERS, program
        for word in line:  # units and samples that the line names
            if word.startswith("deploy/") or word.endswith((".service", ".timer")):
                name = word.removeprefix("deploy/").rsplit("/", 1)[-1]
                assert list((ROOT / "deploy").rglob(name)), word


# --- the register --------------------------------------------------------------------------------


def test_the_register_is_what_the_schema_says() -> None:
    """A table or column that was added or changed: `make registre` writes the page anew."""
    page = written((load(name) for name in presets()), words("fr"))
    assert (ROOT / "docs/registre.md").read_text("utf-8") == page


def test_every_column_that_somebody_sees_has_a_name_for_people() -> None:
    """Otherwise add `field-<column>` to the catalogues, or `field-<table>-<column>`."""
    for language in ("fr", "en"):
        assert unlabelled(words(language)) == []


# --- the guide -----------------------------------------------------------------------------------


ADDRESSES = r"`/(health|metrics|slack/events|telegram)\b"  # of the server, for its operator


def guide() -> str:
    return "\n".join(path.read_text("utf-8") for path in GUIDE)


def test_the_guide_shows_every_verb_of_the_team_on_both_platforms() -> None:
    text = guide()
    for entry in COMMANDS.values():
        if entry.policy.of_staff and entry.listed:
            assert f"`/cordee {entry.name}" in text, f"/cordee {entry.name}"
            typed = entry.name.replace("-", "_")
            assert f"`/{typed}" in text, f"/{typed}"


def test_the_guide_names_no_verb_that_does_not_exist() -> None:
    for name in re.findall(r"`/(?:cordee )?([a-z_-]+)", re.sub(ADDRESSES, "", guide())):
        assert name.replace("_", "-") in COMMANDS, name


def test_the_guide_explains_every_state_that_a_file_can_show() -> None:
    text = (ROOT / "docs/guide/commandes.md").read_text("utf-8")
    tables = re.split(r"^\| (?=état d)", text, flags=re.MULTILINE)
    explained = [rows(table).keys() for table in tables[1:]]
    w = words("fr")
    assert [set(names) for names in explained] == [
        {w(f"export-request-{state}") for state in REQUEST},
        {w(f"export-pair-{state}") for state in PAIR},
    ]


def test_the_guide_gives_the_figures_of_the_presets() -> None:
    text = (ROOT / "docs/guide/robot.md").read_text("utf-8")
    ax, emergence = load("ax-accompagnement"), load("emergence")
    for programme in (ax, emergence):
        assert (programme.proposals.deadline_days, programme.proposals.nudge_days) == (7, 3)
        assert programme.quiet[0].hour == 20
        assert programme.quiet[1].hour == 8
        assert programme.contact.days == 5
    assert f"**{ax.proposals.deadline_days} jours** pour répondre" in text
    assert f"**au bout de {ax.proposals.nudge_days}**" in text
    assert f"**{ax.proposals.max_asked} experts**" in text
    assert f"**{ax.contact.days} jours ouvrés**" in text
    assert f"**{REFUSAL_PAUSE_DAYS} jours**" in text
    assert f"**{PAUSE_DAYS} jours**" in text
    table = {line.split(" | ")[0].strip("| "): line for line in text.splitlines()}
    assert f"| {ax.pair.months} mois" in table["durée"]
    assert f"| {emergence.pair.months} mois" in table["durée"]
    mine, theirs = ax.rhythms[0], emergence.rhythms[0]
    assert f"après {mine.first_after_days} jours" in table["premier point"]
    assert f"après {theirs.first_after_days} jours" in table["premier point"]
    assert f"| {mine.remind_after_days} jours" in table["rappel sans réponse"]
    assert f"| {theirs.remind_after_days} jours" in table["rappel sans réponse"]
    assert f"à {mine.at.hour} h {mine.at.minute:02}" in table["point d’étape"]
    assert f"à {theirs.at.hour} h {theirs.at.minute:02}" in table["point d’étape"]
    assert f"pendant {CLOSING_DAYS} jours" in table["à la fin"]
    report = emergence.reports[0]
    first, second = report.reminders_after_days
    assert f"**{report.open_days} jours**" in text
    assert f"**{first}**\net **{second} jours**" in text
    assert (report.months, report.day, report.at.hour) == ((1, 4, 7, 10), 1, 10)
    assert f"**{INVITATION_DAYS} jours, une seule fois**" in guide()
    assert LINK_MINUTES == 15
    assert "quinze minutes" in guide()


@pytest.mark.parametrize("page", GUIDE, ids=named)
def test_the_french_of_the_guide_is_set_as_french(page: Path) -> None:
    text = prose(page.read_text("utf-8"))
    assert "'" not in text, "the apostrophe is ’"
    assert '"' not in text, "quotation marks are « »"
    assert "..." not in text, "an ellipsis is …"
    assert not re.search(r"[\w»][?!;]", text), "a space comes before ? ! ;"
    assert not re.search(r"«\S|\S»", plain(text)), "spaces belong inside « »"


# --- the changelog -------------------------------------------------------------------------------


def test_the_version_is_in_the_changelog() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert f"\n## [{version}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")
