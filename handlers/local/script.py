"""Conversations as plain text: plays a `.chat` file on a stage, writes down what each person sees.

    # What it is about.
    programme: ax-accompagnement         preset ids, or files beside the script; several with commas
    personnel: slack Claire              staff, who have the bot already
    annuaire: slack Marc Aubier; poste = Directeur; …     imported people, with the import's columns
    experts: demo 40                     an invented directory
    langue: en                           what the platforms report as everybody's language

    telegram Léa > /start
    telegram Léa > [En poste]            press; `sous « … »` says where, `deux fois` twice
    slack Léa    > [Français] + [Anglais]
    slack Léa    > (accueil)             open the Home tab; `(accueil) [X]` presses there
    slack Léa    > (formulaire) Où en es-tu = En poste; Quel secteur = Énergie + Santé
    telegram Léa > (lien CODE)           the deep link with the code last shown to anybody
    telegram Léa > (vieux bouton) [X]    one that is shown no more; `(faux bouton) x:accept:1:1`
    telegram Léa > (page suivante)       of the buttons, where they are paged
    telegram Léa > (autocollant)         also (bloque), (débloque), (canal) /cordee …
    horloge      > +3 semaines           or jusqu’au prochain
    redémarrage  >                       the bot's process, not the platforms
    panne        > slack                 the platform does not take the next message, nor ever will
    programme modifié > ax-accompagnement
      - old lines                        replaced, in a copy of the file, by
      + new lines

What the bot writes to the team's channel and group stands under `#équipe`, on no person's screen.
Everything else (`bot > …`, `bot → slack Claire > …`, `| …`, `— date —`, `!! …`) is written by the
play. This module asserts nothing: it says what was seen and what the platforms objected to.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from dateutil.relativedelta import relativedelta
from sqlalchemy import select

from bot.exporter import write_csv
from bot.i18n import words
from bot.importer import import_people
from bot.programmes.load import presets
from handlers.local import screens
from handlers.local.chat_file import Platform, Script, ScriptError, Step, ascii_name, platform_of
from handlers.local.people import COLUMNS, invented
from handlers.local.screens import Button, Drawn, SlackChannel, SlackScreen, TelegramScreen
from handlers.local.slack_server import IDENTITY
from handlers.local.stage import Stage
from storage.tables import Inbox, Outbox
from storage.unit_of_work import UnitOfWork

CHANNEL, GROUP = "C0EQUIPE", -4001  # where a programme's file may have the numbers written
_PRESS = re.compile(r"(\[.+?\](?: \+ \[.+?\])*)(?: sous « (.+?) »)?( deux fois)?")
_LEAP = re.compile(r"\+(\d+) (minute|heure|jour|semaine|mois)s?")
_UNITS: Final = {
    "minute": "minutes",
    "heure": "hours",
    "jour": "days",
    "semaine": "weeks",
    "mois": "months",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing that somebody saw, or did, or that happened.

    Attributes:
        at: The stage's time, UTC.
        platform: Where; None for the clock and the machine.
        name: Whose screen.
        by_bot: Shown by the bot; else done by the person.
        lines: What.
    """

    at: datetime
    platform: Platform | None
    name: str
    by_bot: bool
    lines: Drawn


@dataclass(slots=True)
class Played:
    """What a play gave: the whole script anew, and what should not have happened."""

    text: str = ""
    faults: list[str] = field(default_factory=list)
    sent: int = 0
    prompts: int = 0
    duplicates: int = 0


class Player:
    """Plays one script, once.

    Args:
        script: What happens.
        folder: Where the script lies, for programme files beside it.
        on_shown: Told of everything as it happens.
        database_url: Where the bot remembers; by default a SQLite of its own.
    """

    def __init__(
        self,
        script: Script,
        folder: Path,
        on_shown: Callable[[Shown], None] = lambda shown: None,
        database_url: str | None = None,
    ) -> None:
        self.script, self.folder, self._tell = script, folder, on_shown
        self._url = database_url
        self.played = Played()
        self._lines: list[str] = list(script.head)
        self._ids = {who: 1001 + n for n, who in enumerate(script.people())}
        self._screens: dict[tuple[Platform, str], SlackScreen | TelegramScreen] = {}
        self._code = ""

    async def play(self) -> Played:
        """Play it from the first line to the last."""
        with tempfile.TemporaryDirectory(prefix="cordee-") as folder:
            self._scratch = Path(folder)
            kept = any(s.kind == "redémarrage" for s in self.script.steps)
            own = f"sqlite:///{folder}/cordee.db" if kept else "sqlite://"
            self.stage = stage = Stage(
                self._url or own,
                [str(self._programme(name)) for name in self.script.programmes],
                staff=[f"{p}:{self._account(p, name)}" for p, name in self.script.staff],
            )
            self._people()
            await stage.start()
            try:
                await self._fill_directory()
                await self._acquaint()
                await stage.settled()
                for step in self.script.steps:
                    await self._do(step)
                await self._look_back()
            finally:
                await stage.stop()
        self.played.text = "\n".join(self._lines).rstrip() + "\n"
        return self.played

    # --- before the curtain ---

    def _programme(self, name: str) -> Path | str:
        """A preset's id, or a file; a copy of it when the script edits programmes."""
        edited = any(s.kind == "programme modifié" for s in self.script.steps)
        if not edited:
            return name if name in presets() else self.folder / name
        path = _file_of(name, self.folder)
        return Path(shutil.copy(path, self._scratch / f"{path.stem}.toml"))

    def _account(self, platform: Platform, name: str) -> str:
        if platform == "slack":
            return f"{IDENTITY['team_id']}/{self._slack_id(name)}"
        return str(self._ids[platform, name])

    @staticmethod
    def _slack_id(name: str) -> str:
        return "U" + ascii_name(name).upper()

    def _people(self) -> None:
        """Everybody exists; those of the header have talked to the bot before."""
        before = {*self.script.staff, *self.script.accounts}
        english = self.script.locale == "en"
        for platform, name in self.script.people():
            if platform == "slack":
                user = self._slack_id(name)
                full = self.script.accounts.get((platform, name), name)
                self.stage.slack.add_user(user, full, "en-GB" if english else "fr-FR")
                self._screens[platform, name] = SlackScreen(self.stage.slack, user)
            else:
                number = self._ids[platform, name]
                person = self.stage.telegram.add_user(number, name, self.script.locale)
                person.started = (platform, name) in before
                self._screens[platform, name] = TelegramScreen(self.stage.telegram, number)
        members = [self._slack_id(n) for p, n in self.script.people() if p == "slack"]
        self.stage.slack.add_channel(CHANNEL, "équipe", members)
        self.stage.telegram.add_group(GROUP, "équipe")
        self._screens["slack", "#équipe"] = SlackChannel(self.stage.slack, CHANNEL)
        self._screens["telegram", "#équipe"] = TelegramScreen(self.stage.telegram, GROUP)

    async def _acquaint(self) -> None:
        """Those of the header have talked to the bot before: it may write to them."""
        before = [
            who for who in (*self.script.staff, *self.script.accounts) if who[0] == "telegram"
        ]

        def write() -> None:
            with self.stage.service.database.unit_of_work() as uow:
                for platform, name in before:
                    account = self._account(platform, name)
                    identity = uow.people.by_account(platform, account)
                    if identity is not None:
                        identity.reachable = True
                uow.commit()

        await self.stage.service.worker.run(write)

    async def _fill_directory(self) -> None:
        rows: list[dict[str, str]] = list(invented(self.script.invented))
        programme = next(iter(self.stage.service.bot.programmes))
        for row in self.script.directory:
            account = row.pop("_account", None)
            if account is not None:
                row[account] = self._account(platform_of(account), row["prenom"])
            rows.append(row)
        if not rows:
            return
        columns = list(dict.fromkeys([*COLUMNS, *(key for row in rows for key in row)]))
        data = write_csv(columns, ([row.get(c, "") for c in columns] for row in rows))
        service = self.stage.service
        bot_account = service.telegram.bot_account if service.telegram else "telegram"

        def write() -> list[str]:
            with service.database.unit_of_work() as uow:
                done = import_people(
                    uow.directory,
                    data,
                    self.stage.clock.now(),
                    programme=programme,
                    programmes=service.bot.programmes,
                    telegram_bot=bot_account,
                )
                uow.commit()
            return [f"{p.line} {p.column}: {p.problem_id} {dict(p.args)}" for p in done.problems]

        if problems := await service.worker.run(write):
            raise ScriptError(f"the directory was refused: {problems}")

    # --- one step ---

    async def _do(self, step: Step) -> None:
        self._lines += step.raw
        match step.kind:
            case "remark":
                return
            case "person":
                self._tell(
                    Shown(self.stage.clock.now(), step.platform, step.name, False, [step.text])
                )
                try:
                    await self._act(step)
                except (ScriptError, ValueError) as error:
                    self._fault(str(error))
                await self.stage.settled()
                self._collect((step.platform, step.name), step.raw[0].index(">") - 1)
            case "horloge":
                await self._wait(step.text)
            case "redémarrage":
                await self.stage.stop_bot()
                await self.stage.start_bot()
                await self.stage.settled()
                self._collect(None)
            case "panne":
                if platform_of(step.text) == "slack":
                    self.stage.slack.fail_next("chat.postMessage", "refused")
                else:
                    self.stage.telegram.fail_next("sendMessage", "refused")
            case "programme modifié":
                self._patch(step)

    def remark(self, line: str) -> None:
        """Write down something a screen showed that is no message."""
        self._lines.append(f"bot > {line}")

    def _fault(self, what: str) -> None:
        self._lines.append(f"!! {what}")
        self.played.faults.append(what)

    def _collect(self, me: tuple[Platform, str] | None, width: int = 0) -> bool:
        """Write down what is new on every screen, the actor's first."""
        order = sorted(self._screens, key=lambda who: who != me)
        any_news = False
        for who in order:
            for drawn in self._screens[who].news():
                any_news = True
                if codes := screens.codes_in("\n".join(drawn)):
                    self._code = codes[-1]
                seen = [screens.masked(line) for line in drawn]
                self._tell(Shown(self.stage.clock.now(), who[0], who[1], True, seen))
                if who == me:
                    speaker = "bot".ljust(width)
                else:
                    speaker = f"bot → {who[0]} {who[1]}"
                    self.played.prompts += me is None
                self._lines.append(f"{speaker} > {seen[0]}".rstrip())
                self._lines += [f"{' ' * len(speaker)} | {line}".rstrip() for line in seen[1:]]
        return any_news

    async def _act(self, step: Step) -> None:
        text = step.text.replace("CODE", self._code)
        if step.platform == "slack":
            await _SlackHands(self, self._slack_id(step.name)).do(text)
        else:
            await _TelegramHands(self, self._ids["telegram", step.name]).do(text)

    def screen(self, platform: Platform, account: str | int) -> SlackScreen | TelegramScreen:
        """The screen of an account."""
        return next(s for (p, _), s in self._screens.items() if p == platform and s.user == account)

    @property
    def code(self) -> str:
        """The one-time code last shown to anybody."""
        return self._code

    # --- time, the machine, the file ---

    async def _wait(self, text: str) -> None:
        now = self.stage.clock.now()
        if found := _LEAP.fullmatch(text):
            leap: dict[str, Any] = {_UNITS[found[2]]: int(found[1])}
            end = now + relativedelta(**leap)
            await self.stage.advance(end - now, self._dated)
        elif text.replace("'", "’") == "jusqu’au prochain":
            following = await self.stage.next_event()
            await self.stage.advance((following or now) - now, self._dated)
        else:
            raise ScriptError(f"no such time: {text!r}")

    def _dated(self) -> None:
        """A stop of the clock: the date, then what came."""
        place = len(self._lines)
        if self._collect(None):
            at = self.stage.clock.now()
            date = screens.plain(words("fr").moment(at)).replace(" à ", f" {at.year} à ")
            self._lines.insert(place, f"— {date} —")

    def _patch(self, step: Step) -> None:
        path = self._scratch / f"{Path(step.text).stem}.toml"
        before = path.read_text("utf-8")
        old, new = (
            "\n".join(line[4:] for line in step.raw[1:] if line[2] == sign) for sign in "-+"
        )
        if before.count(old) != 1 or not old:
            raise ScriptError(f"the old lines occur {before.count(old)} times")
        path.write_text(before.replace(old, new), "utf-8")

    # --- after the curtain ---

    async def _look_back(self) -> None:
        """What the platforms objected to, and what was left undone."""
        slack, telegram, faults = self.stage.slack, self.stage.telegram, self.played.faults
        for refusal in (*slack.refusals, *telegram.refusals):
            faults.append(f"refused: {refusal.method} {refusal.error} {refusal.details}")
        faults += [f"press not answered: {q.data}" for q in telegram.unanswered]
        faults += [f"not delivered: {one}" for one in slack.undelivered]
        faults += await self.stage.read(_left_over)
        rows = await self.stage.read(_posted)
        calls = [c for c in (*slack.calls, *telegram.calls) if c.method in _POSTS and not c.refused]
        self.played.sent = len(calls)
        self.played.duplicates = len(calls) - rows


_POSTS: Final = frozenset(
    {"chat.postMessage", "files.completeUploadExternal", "sendMessage", "sendDocument", "sendPhoto"}
)


def _file_of(name: str, folder: Path) -> Path:
    if name in presets():
        return Path(str(files("bot.programmes") / f"{name}.toml"))
    return folder / name


def _left_over(uow: UnitOfWork) -> list[str]:
    rows = uow.session.execute(
        select(Outbox.dedup_key, Outbox.state, Outbox.reason).where(
            Outbox.state.in_(("in_doubt", "failed"))
        )
    )
    heard = uow.session.execute(select(Inbox.id, Inbox.state).where(Inbox.state != "done"))
    return [f"outbox {key}: {state} {why}" for key, state, why in rows] + [
        f"inbox {number}: {state}" for number, state in heard
    ]


def _posted(uow: UnitOfWork) -> int:
    posted = (Outbox.state == "sent", Outbox.op.in_(("post", "file")))
    return len(uow.session.scalars(select(Outbox.id).where(*posted)).all())


# --- what people do -----------------------------------------------------------------------------


def _find(shown: list[Button], label: str, near: str) -> Button:
    """The newest button of that label.

    Raises:
        ScriptError: None is shown.
    """
    for one in reversed(shown):
        if one.called(label, near):
            return one
    there = " ".join(f"[{b.label}]" for b in shown[-24:])
    raise ScriptError(
        f"there is no [{label}]{f' under {near!r}' if near else ''}; there is {there}"
    )


def _wanted(text: str) -> tuple[list[str], str, int]:
    """The labels, where, and how often, of `[a] + [b] sous « x » deux fois`."""
    found = _PRESS.fullmatch(text)
    if found is None:
        raise ScriptError(f"this presses nothing: {text!r}")
    return found[1][1:-1].split("] + ["), found[2] or "", 2 if found[3] else 1


class _SlackHands:
    """A member of the workspace at work."""

    def __init__(self, player: Player, user: str) -> None:
        self.slack, self.user, self.player = player.stage.slack, user, player
        screen = player.screen("slack", user)
        if not isinstance(screen, SlackScreen):
            raise ScriptError(f"{user} is not on Slack")
        self.screen = screen

    async def do(self, text: str) -> None:
        """Do what a line says."""
        if text.startswith("["):
            await self._press(text)
        elif text.startswith("/cordee"):
            await self.slack.slash(self.user, "/cordee", text.removeprefix("/cordee").strip())
        elif text.startswith("("):
            word, _, rest = text[1:].partition(")")
            await self._special(word, rest.strip())
        else:
            await self.slack.dm(self.user, text)

    async def _press(self, text: str) -> None:
        labels, near, times = _wanted(text)
        found = [_find(self.screen.buttons(), label, near) for label in labels]
        where = self._where(found[0].place)
        if found[0].many is not None:
            values = [one.token for one in found]
            await self.slack.press(
                self.user, where, found[0].place, found[0].many, values, repeat=times
            )
        for one in found:
            if one.many is None:
                await self.slack.press(self.user, where, one.place, one.token, repeat=times)

    def _where(self, ts: str) -> str:
        here = self.slack.world.channels[CHANNEL]
        return CHANNEL if here.find(ts, ephemeral=True) else self.user

    async def _special(self, word: str, rest: str) -> None:
        match word:
            case "accueil" if rest:
                labels, near, _ = _wanted(rest)
                one = _find(self.screen.home_buttons(), labels[0], near)
                await self.slack.press_view(self.user, one.place, one.token)
            case "accueil":
                await self.slack.open_home(self.user)
            case "formulaire":
                await self._fill_in(rest)
            case "canal":
                await self.slack.slash(
                    self.user, "/cordee", rest.removeprefix("/cordee").strip(), CHANNEL
                )
            case "vieux bouton":
                labels, near, _ = _wanted(rest)
                old = screens.gone(self.screen.memory, self.screen.buttons(), labels[0], near)
                if old is None:
                    raise ScriptError(f"there never was a [{labels[0]}] that is gone")
                await self._forge(old.place, old.token)
            case "faux bouton":
                last = self.slack.messages(self.user)[-1]
                await self._forge(last.ts, rest)
            case "page suivante":
                pass  # Slack shows all there is
            case "autocollant":
                await self.slack.send_picture(self.user)
            case _:
                raise ScriptError(f"nobody on Slack can do ({word})")

    async def _forge(self, ts: str, token: str) -> None:
        act = {
            "type": "button",
            "action_id": "c0",
            "value": token,
            "text": {"type": "plain_text", "text": "…"},
        }
        await self.slack.press_forged(self.user, self.user, ts, act)

    async def _fill_in(self, text: str) -> None:
        views = self.slack.views(self.user)
        if not views:
            raise ScriptError("no form is open")
        labels = [b["label"]["text"] for b in views[-1].view["blocks"] if b["type"] == "input"]
        values: dict[str, Any] = {}
        for part in filter(None, (p.strip() for p in text.split(";"))):
            name, _, value = (p.strip() for p in part.partition(" = "))
            label = next((x for x in labels if screens.plain(x).startswith(name)), name)
            values[label] = value.split(" + ") if " + " in value else value
        answer = await self.slack.submit_view(self.user, views[-1].id, values)
        for field_id, why in answer.errors.items():
            self.player.remark(f"⚠ {field_id} : {screens.plain(why)}")


class _TelegramHands:
    """A person in the chat with the bot."""

    def __init__(self, player: Player, user: int) -> None:
        self.telegram, self.user, self.player = player.stage.telegram, user, player
        self.screen = player.screen("telegram", user)

    async def do(self, text: str) -> None:
        """Do what a line says."""
        if text.startswith("["):
            labels, near, times = _wanted(text)
            for label in labels:
                one = _find(self.screen.buttons(), label, near)
                await self.telegram.press(self.user, int(one.place), one.token, repeat=times)
                await self.player.stage.settled()
        elif text.startswith("/start"):
            await self.telegram.press_start(self.user, text[6:].strip() or None)
        elif text.startswith("("):
            word, _, rest = text[1:].partition(")")
            await self._special(word, rest.strip())
        else:
            await self.telegram.send(self.user, text)

    async def _special(self, word: str, rest: str) -> None:
        match word.split(" "):
            case ["lien", code]:
                await self.telegram.press_start(self.user, code)
            case ["vieux", "bouton"]:
                labels, near, _ = _wanted(rest)
                old = screens.gone(self.screen.memory, self.screen.buttons(), labels[0], near)
                if old is None:
                    raise ScriptError(f"there never was a [{labels[0]}] that is gone")
                await self.telegram.press_forged(self.user, int(old.place), old.token)
            case ["faux", "bouton"]:
                last = self.telegram.messages(self.user)[-1]
                await self.telegram.press_forged(self.user, last.id, rest)
            case ["page", "suivante"]:
                on = next(b for b in reversed(self.screen.buttons()) if b.token.startswith("p:"))
                await self.telegram.press(self.user, int(on.place), on.token)
            case ["autocollant"]:
                await self.telegram.sticker(self.user)
            case ["bloque"]:
                await self.telegram.block(self.user)
            case ["débloque"]:
                await self.telegram.unblock(self.user)
            case _:
                raise ScriptError(f"nobody on Telegram can do ({word})")
