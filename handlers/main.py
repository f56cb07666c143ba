"""`cordee`.

The command line. Each command puts the parts together for one purpose and says plainly what it did.

Heavy modules are imported by the command that needs them, so that `cordee --help` is quick.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bot.errors import CordeeError, SettingsError
from bot.settings import Settings, read
from handlers.logs import hidden, redacted, set_up
from storage import crash

app = typer.Typer(
    name="cordee",
    help="Cordée: a school's mentoring inside Slack and Telegram.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
out = Console()
err = Console(stderr=True)


def main() -> None:
    """Run the command line; an error of ours is a sentence and a hint, not a traceback."""
    # Before numpy is there: one vector against the directory gains nothing by a second thread, and
    # waits for both on a machine that is busy.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Loading makes some 230,000 objects that stay; at Python's own pace the collector looks at all
    # of them again and again, an eighth of the start.
    gc.set_threshold(50_000)
    set_up("WARNING")
    try:
        app()
    except CordeeError as error:
        err.print(f"[bold red]error:[/] {redacted(str(error))}", highlight=False)
        sys.exit(1)


def _settings() -> Settings:
    env_file = Path(".env")
    found = read(env_file if env_file.exists() else None)
    hidden.add(found.secrets)
    return found


def _settings_with_key() -> Settings:
    """The settings, where what is written may have to be read by the running bot."""
    from bot.settings import check_secret

    found = _settings()
    check_secret("CORDEE_SECRET_KEY", found.cordee_secret_key.get_secret_value())
    return found


@app.command()
def run() -> None:
    """Run the bot with the tokens of the environment (or of `.env`)."""
    settings = _settings()
    settings.ready_to_run()
    set_up(settings.cordee_log_level)
    _arm_crash_point(settings)
    asyncio.run(_run(settings))


def _arm_crash_point(settings: Settings) -> None:
    """Die on purpose where a test says so; never between real platforms."""
    spec = os.environ.get("CORDEE_CRASH_AT", "")
    if not spec:
        return
    if not crash.only_here(*settings.platforms):
        raise SettingsError("CORDEE_CRASH_AT is for tests between local platforms.", "Unset it.")
    try:
        crash.arm(spec)
    except ValueError as error:
        raise SettingsError(f"CORDEE_CRASH_AT: {error}.") from None


async def _run(settings: Settings) -> None:
    from bot.encoder import WITHOUT, encoder
    from handlers.http import serve
    from handlers.service import Service

    found = encoder()
    if found is None:
        err.print(WITHOUT, highlight=False, markup=False)
    service = Service(settings, encoder=found)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = None
    try:
        await service.start()
        if settings.cordee_http_port is not None:
            runner = await serve(service, settings.cordee_http_port)
        if service.slack is not None and service.slack.installer is not None:
            err.print(
                f"install in a workspace: {service.slack.installer.address}",
                highlight=False,
                soft_wrap=True,
            )
        gc.collect()
        gc.freeze()  # what is there now stays: to look at it again would hold up everybody 0.1 s
        err.print(f"ready: {', '.join(service.bot.programmes)}", highlight=False)
        await stop.wait()
    finally:
        if runner is not None:
            await runner.cleanup()
        await service.stop()


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Port of the page on loopback; 0 = any.")] = 8765,
    open_scene: Annotated[bool, typer.Option(help="Play the opening scene.")] = True,
) -> None:
    """Start the bot against local stand-ins of Slack and Telegram, with a page to use both."""
    from handlers.local.demo import serve_demo

    asyncio.run(serve_demo(port, play=open_scene))


@app.command()
def story() -> None:
    """Play one finite story in the terminal: both platforms, six months.

    Exits 1 if a line differs.
    """
    from handlers.local.story import tell

    if not asyncio.run(tell(out)):
        raise typer.Exit(1)


@app.command()
def check() -> None:
    """Check settings and programme files, without showing secrets."""
    from bot.programmes.load import load_all
    from bot.settings import shown
    from handlers.protection import advice

    settings = _settings()
    table = Table("setting", "value")
    for name, value in shown(settings).items():
        table.add_row(name, value)
    out.print(table)
    programmes = load_all(settings.cordee_programmes)
    for programme in programmes.values():
        parts = ", ".join(programme.questionnaires) or "no questionnaires"
        out.print(
            f"programme [bold]{programme.id}[/]: {programme.name.fr} ({parts})", highlight=False
        )
    if not programmes:
        out.print("no programme yet: set CORDEE_PROGRAMMES")
    settings.ready_to_run()
    for sentence in advice(programmes.values(), settings):
        out.print(f"[yellow]advice[/] {sentence}", highlight=False)
    out.print("all is well")


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    backups: Annotated[
        Path | None, typer.Option(help="Folder of the nightly copies, to see how old they are.")
    ] = None,
) -> None:
    """Ask platforms, database, disk and clock whether all is well; each fault with what to do.

    Exits 1 when there is a fault. Changes nothing, and may be run beside the bot.
    """
    from handlers.doctor import examine

    found = examine(_settings(), backups)
    for one in found:
        if as_json:
            row = {name: redacted(value) for name, value in one.row().items()}
            print(json.dumps(row, ensure_ascii=False))  # noqa: T201 - for a pipe
            continue
        colour = {"ok": "green", "warning": "yellow", "fault": "bold red"}[one.level]
        out.print(f"[{colour}]{one.level:7}[/] ", end="")
        out.print(redacted(f"{one.what}: {one.says}"), highlight=False, markup=False)
        if one.do:
            out.print(redacted(f"        → {one.do}"), highlight=False, markup=False)
    if any(one.level == "fault" for one in found):
        raise typer.Exit(1)


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    from storage.migrate import current, upgrade
    from storage.unit_of_work import Database

    settings = _settings()
    database = Database(settings.cordee_database_url, settings.cordee_secret_key.get_secret_value())
    upgrade(database.engine)
    out.print(f"schema {current(database.engine)}")
    database.close()


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to; a new file in a folder that exists.")],
) -> None:
    """Copy the database into a file, also while the bot runs; PostgreSQL's too."""
    import sqlite3

    from sqlalchemy.exc import SQLAlchemyError

    from handlers.backups import made
    from storage.unit_of_work import Database

    settings = _settings()
    if (
        settings.cordee_secret_key.get_secret_value()
    ):  # a copy needs none; one that is no key is no help
        settings = _settings_with_key()
    secret = settings.cordee_secret_key.get_secret_value()
    database = Database(settings.cordee_database_url, secret)
    try:
        size = made(database, file, secret)
    except FileExistsError:
        raise CordeeError(f"{file} is there already.", "Name a new file.") from None
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        source = database.file or "The database"
        raise CordeeError(f"{source} could not be copied to {file}: {error}.") from None
    finally:
        database.close()
    out.print(f"{file}: {size:,} bytes, integrity ok", highlight=False)


@app.command()
def restored(
    source: Annotated[
        Path | None, typer.Option("--from", help="PostgreSQL: fill the empty database from this.")
    ] = None,
) -> None:
    """Make a database that was put back from a backup fit to go on; before `cordee run`, once."""
    from handlers.restore import put_back

    settings = _settings_with_key()
    if not settings.cordee_programmes:
        raise SettingsError("No programme is set up.", "Set CORDEE_PROGRAMMES as for the bot.")
    done = asyncio.run(put_back(settings, source=source))
    known = f"{done.as_of:%Y-%m-%d %H:%M:%S} UTC" if done.as_of else "nothing yet"
    last = "now start the bot"
    if settings.cordee_backups is None:
        last = "now repeat the erasures asked for since that instant, and start the bot"
    for line in (
        f"last known instant: {known}",
        f"erasures repeated: {done.erased}",
        f"fallen due since: {done.fired}",
        f"messages held: {done.held}",
        f"staff who will be told: {done.told}",
        last,
    ):
        out.print(line, highlight=False)


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV of people; the columns are in the README.")],
    programme: Annotated[str | None, typer.Option(help="Programme of rows that name none.")] = None,
    lang: Annotated[str, typer.Option(help="Language of the messages: fr or en.")] = "fr",
) -> None:
    """Import or update people from a CSV file: all or nothing, every bad row reported."""
    from bot.i18n import words
    from bot.importer import MAX_BYTES, import_sheet, read_sheet
    from bot.programmes.load import load_all
    from handlers.alone import exclusive
    from handlers.owners import ownerless
    from storage.migrate import upgrade
    from storage.unit_of_work import Database

    settings = _settings_with_key()
    w = words(lang)
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)  # no more than is needed to see that it is too much
    except OSError as error:
        raise CordeeError(f"{file} cannot be read: {error.strerror}.") from None
    programmes = load_all(settings.cordee_programmes)
    token = settings.telegram_bot_token.get_secret_value()
    database = Database(settings.cordee_database_url, settings.cordee_secret_key.get_secret_value())
    with exclusive(database):
        sheet = read_sheet(  # before a transaction begins: nobody waits for what is refused
            data,
            programme=programme or (next(iter(programmes)) if len(programmes) == 1 else None),
            programmes=programmes,
            minors=[name for name, one in programmes.items() if one.minors is not None],
            telegram_bot=f"telegram:{token.partition(':')[0]}",
        )
        del data
        result = sheet.refused()
        if not sheet.problems:
            upgrade(database.engine)
            with Progress(console=err, transient=True) as bar, database.unit_of_work() as uow:
                task = bar.add_task(w("import-progress"), total=None)
                result = import_sheet(
                    uow.directory,
                    sheet,
                    datetime.now(UTC),
                    progress=lambda done, total: bar.update(task, completed=done, total=total),
                )
                if not result.problems:
                    uow.commit()
        with database.unit_of_work() as uow:
            alone = [] if result.problems else ownerless(uow, programmes)
    database.close()
    for name in result.ignored:
        err.print(w("import-ignored-column", column=name), highlight=False)
    for problem in result.problems:
        where = w("import-place", line=problem.line, column=problem.column or "—")
        err.print(
            f"{where} {w(problem.problem_id, **dict[str, Any](problem.args))}",
            highlight=False,
            markup=False,
        )
    if result.problems:
        err.print(w("import-nothing-written", n=len(result.problems)))
        raise typer.Exit(1)
    out.print(w("import-done", created=result.created, updated=result.updated), highlight=False)
    for name in alone:
        err.print(w("import-no-owner", programme=name), highlight=False, markup=False)


@app.command()
def owner(
    person: Annotated[str, typer.Argument(help="Address, #number, account (slack:T1/U1) or name.")],
    programme: Annotated[str | None, typer.Option(help="Which, where there are several.")] = None,
) -> None:
    """Name an owner of a programme: the first one, or when nobody is left; then use `roles`."""
    from handlers.owners import CODE_DAYS, name_owner

    named = name_owner(_settings_with_key(), person, programme)
    said = [f"{named.called}: owner and staff of {named.programme}."]
    if named.code:
        said.append(f"No account here yet; hand them, and nobody else, this, for {CODE_DAYS} days:")
        said.append(f"/cordee link {named.code} (Slack), /link {named.code} (Telegram)")
    for line in said:
        out.print(line, highlight=False, markup=False, soft_wrap=True)


@app.command()
def agenda(
    first: Annotated[str, typer.Option("--from", help="First day, 2026-10-01; else today.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last day; else six days later.")] = "",
    programme: Annotated[str | None, typer.Option(help="Only this programme.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    lang: Annotated[str, typer.Option(help="Language of the words: fr or en.")] = "fr",
) -> None:
    """Show what will be sent, to whom and when, if nobody does anything; changes nothing."""
    from bot.i18n import words
    from handlers.rehearsals import look_ahead, row_of

    settings = _settings()
    w = words(lang)
    found = look_ahead(settings, first, last, programme, datetime.now(UTC), w)
    if as_json:
        for entry, zone in found:
            print(json.dumps(row_of(entry, zone), ensure_ascii=False))  # noqa: T201 - for a pipe
        return
    table = Table()
    for name in ("local", "UTC"):
        table.add_column(name, no_wrap=True)
    for name in ("person", "what", "platform", "programme"):
        table.add_column(name)
    for entry, zone in found:
        row = row_of(entry, zone)
        table.add_row(
            str(row["local"]),
            f"{entry.at:%d %H:%M}",
            f"{row['name']} (#{row['person'] or '—'})",
            *(str(row[name] or "—") for name in ("what", "platform", "programme")),
        )
    out.print(table if found else w("agenda-empty"))


@app.command()
def experts(
    programme: Annotated[str | None, typer.Option(help="Whose weights and synonyms apply.")] = None,
    text: Annotated[str, typer.Option(help="A wish, in somebody's own words.")] = "",
    choice: Annotated[
        list[str] | None, typer.Option(help="feature=value, as often as needed: sector=énergie.")
    ] = None,
    batch: Annotated[
        Path | None, typer.Option(help="Wishes, a JSON object a line: id, text, choices.")
    ] = None,
    top: Annotated[int, typer.Option(help="How many experts a wish.", min=1, max=1000)] = 10,
    everybody: Annotated[
        bool,
        typer.Option("--all", help="Also who is paused or has no free place; never who declined."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    lang: Annotated[str, typer.Option(help="Language of the reasons: fr or en.")] = "fr",
) -> None:
    """Who would be found for a wish, best first, and why; nobody is told.

    Only people who agreed, are available and have a free place, as in the chat; who refused one
    person is known there only. Unlike the chat this goes on below the programme's threshold and
    does not prefer people who differ, so that the ranking itself can be judged.
    """
    from handlers.experts import Asked, answers, lines_of, one_wish

    settings = _settings()
    if (batch is None) == (not text and not choice):
        raise CordeeError("Nothing to look for.", "Write either --text and --choice, or --batch.")
    wishes = [one_wish(text, choice or [])] if batch is None else lines_of(batch)
    with Progress(console=err, transient=True) as bar:
        task = bar.add_task("vectors", total=None, visible=False)
        found = answers(
            settings,
            wishes,
            Asked(programme, top, everybody, lang),
            datetime.now(UTC),
            progress=lambda done, total: bar.update(
                task, completed=done, total=total, visible=True
            ),
            say=lambda words: err.print(words, highlight=False, markup=False),
        )
    for answer in found:
        if as_json:
            print(json.dumps(answer.row(), ensure_ascii=False))  # noqa: T201 - for a pipe
            continue
        for name in answer.ranked:
            for line in (name, *(f"  • {reason}" for reason in answer.reasons[name])):
                out.print(line, highlight=False, markup=False, soft_wrap=True)


@app.command()
def campaign(
    what: Annotated[str, typer.Argument(help="draft.")],
    programme: Annotated[str, typer.Argument(help="Programme whose campaign it is.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    scores: Annotated[bool, typer.Option(help="With the score of every pair that may be.")] = False,
    batch: Annotated[
        Path | None, typer.Option(help="Wishes, one JSON object a line, in place of applicants.")
    ] = None,
) -> None:
    """Compute a campaign's draft: pairs with reasons, who has nobody and why; stores nothing."""
    from handlers.campaigns import draft_of

    if what != "draft":
        raise CordeeError(f"There is no {what!r} of a campaign.", "Write draft.")
    found = draft_of(_settings(), programme, datetime.now(UTC), batch=batch, scores=scores)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))  # noqa: T201 - for a pipe
        return
    table = Table("mentee", "mentor", "score", "reasons")
    for pair in found["pairs"]:
        table.add_row(
            pair["mentee"], pair["mentor"], str(pair["score"]), "\n".join(pair["reasons"])
        )
    for one in found["unmatched"]:
        table.add_row(one["mentee"], "—", "", one["reason"])
    out.print(table)
    out.print(f"objective {found['objective']}, bound {found['bound']}, floor {found['floor']}")


@app.command()
def registre(
    everything: Annotated[
        bool, typer.Option("--presets", help="Of the presets, whatever the settings say.")
    ] = False,
    lang: Annotated[str, typer.Option(help="Language of the words: fr or en.")] = "fr",
) -> None:
    """Print the register of what is kept about people: why, how long, who sees it (Markdown)."""
    from bot.i18n import words
    from bot.programmes.load import load_all, presets
    from bot.register import written

    names = presets() if everything else _settings().cordee_programmes
    print(written(load_all(names).values(), words(lang)), end="")  # noqa: T201 - for a file


@app.command(name="qui-a-vu")
def who_saw(
    person: Annotated[str, typer.Argument(help="Their number here, or their e-mail address.")],
    lang: Annotated[str, typer.Option(help="Language of the words: fr or en.")] = "fr",
) -> None:
    """Show who of the team read what of somebody's, and when; changes nothing."""
    from bot.commands.mine import read_what
    from bot.i18n import words
    from handlers.readings import readings

    w = words(lang)
    found = readings(_settings(), person)
    table = Table("UTC", "who", "what", "number")
    for one in found:
        number = one.detail.get("number")
        what = read_what(w, one.detail)
        table.add_row(f"{one.at:%Y-%m-%d %H:%M}", one.name, what, str(number or "—"))
    out.print(table if found else w("read-none-of-theirs"))


@app.command()
def manifest(
    what: Annotated[str, typer.Argument(help="slack or telegram.")] = "slack",
    lang: Annotated[str, typer.Option(help="Language of the texts: fr or en.")] = "fr",
) -> None:
    """Print Slack's app manifest, or Telegram's command lists, from the registry of commands."""
    from handlers.menus import manifest_for, menu_entries

    settings = _settings()
    if what == "slack":
        out.print_json(json.dumps(manifest_for(settings, lang), ensure_ascii=False))
    elif what == "telegram":
        for name, summary in menu_entries(lang, staff=False) + menu_entries(lang, staff=True):
            print(f"{name.replace('-', '_')} - {summary}")  # noqa: T201 - the form BotFather takes
    else:
        raise CordeeError(f"There is no manifest for {what!r}.", "Write slack or telegram.")


if __name__ == "__main__":
    main()
