"""Two simulated platforms: what they accepted, what people see there, and how badly they answer.

A platform outlives the processes that talk to it; a `Connection` is one process's way of talking to
it (`scheduling.sender.Sender`). The ledger is the platform's own: nothing in this module reads what
the bot believes. Payloads have the shape that the platforms really send.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from typing_extensions import override

from bot.messages import Choice, Home, Message
from handlers.slack.send import LIMITS as SLACK_LIMITS
from handlers.telegram.send import LIMITS as TELEGRAM_LIMITS
from scheduling.pacing import Limits
from scheduling.sender import Claimed, Doubtful, NotSent, Outcome, Scope, Sent
from tests.simulation.loop import Clocks

TEAM: Final = "T0SIM"
SLACK: Final = f"slack:{TEAM}"
TELEGRAM: Final = "telegram:4242"
UPLINK: Final = (
    0.020,
    0.045,
)  # seconds until a call arrives; its spread is less than the pace's room
ANSWER: Final = (0.05, 0.30)
NEVER: Final = 3600.0
BLIND: Final = 12  # ids beyond the floor that the product looks at when nothing marks the end
LAG, BETWEEN = 3.0, 2.0  # seconds before the second and the third look into Slack's history


# --- what goes wrong ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    """How a call ends: whether the platform acts on it, and what the caller hears."""

    accepts: bool
    answer: Outcome | Exception | None = None  # None: nothing, ever

    @property
    def hold(self) -> tuple[float, Scope] | None:
        """For how long the platform forbids what, if it named a number that makes sense."""
        found = self.answer
        if isinstance(found, NotSent) and found.retry_after and 0 < found.retry_after <= 3600:
            return found.retry_after, found.scope
        return None


def too_many(seconds: float, scope: Scope) -> Fault:
    """A 429."""
    return Fault(False, NotSent("too many requests", retry_after=seconds, scope=scope))


def ill(rng: random.Random) -> Fault:
    """One of all that can go wrong with a call."""
    match rng.randrange(8):
        case 0:
            return Fault(True)  # accepted, and the answer swallowed
        case 1:
            return too_many(rng.choice((1, 2, 5, 17, 45)), "chat")
        case 2:
            return too_many(rng.choice((0.0, -5.0, 1e9)), rng.choice(("chat", "account")))
        case 3:
            return Fault(False, Doubtful("http 502"))
        case 4:
            return Fault(True, Doubtful("http 500"))
        case 5:
            return Fault(False, NotSent("no connection"))
        case 6:
            return Fault(True, ConnectionResetError())
        case _:
            return Fault(False)  # never arrived, and nobody says so


@dataclass
class Weather:
    """How a platform is today.

    Attributes:
        ills: Share of calls with which something goes wrong.
        out: Until when every call is answered by 5xx, on the clock that nobody sets.
        repeats: Share of deliveries to us that come again, some time later.
    """

    ills: float = 0.0
    out: float = 0.0
    repeats: float = 0.0


# --- what a platform keeps ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """A call that arrived."""

    left: float  # when it was made, on the clock that nobody sets
    at: float  # when it arrived
    wall: datetime  # what the machine's wall clock showed when it was made
    chat: str
    op: str
    row: int
    priority: int
    text: str
    accepted: bool
    message: str | None = None


@dataclass(eq=False)
class Shown:
    """A message on somebody's screen."""

    id: str
    chat: str
    text: str
    buttons: list[tuple[str, str]] = field(default_factory=list)  # (label, token)


@dataclass
class Act:
    """Something a person did, and whether the platform was told that it is in good hands."""

    at: float
    chat: str
    kind: str
    payload: Mapping[str, Any]
    event_key: str = ""
    acked: bool = False
    gone: bool = False  # the platform gave up delivering it
    at_once: bool = False  # something came back in the same breath


def text_of(message: Message | Home) -> str:
    """All that a person can read in it."""
    if isinstance(message, Home):
        return "\n".join(text_of(section) for section in message.sections)
    lines = "\n".join(f"{line.label or ''} {line.text}" for line in message.lines)
    return "\n".join(filter(None, (message.title, message.text, lines, message.note)))


def buttons_of(message: Message | Home) -> list[tuple[str, str]]:
    """Everything that can be pressed."""
    if isinstance(message, Home):
        return [b for section in message.sections for b in buttons_of(section)]
    found: list[Choice] = [*message.choices, *message.quiet]
    found += [line.choice for line in message.lines if line.choice]
    found += [message.form] if message.form else []
    return [(choice.label, choice.token) for choice in found if choice.token]


class Platform:
    """What the two have in common.

    Args:
        clocks: The bot's machine's, for the ledger.
        rng: Chance.
        on_shown: Called with what somebody sees anew.
    """

    name = ""
    bot_account = ""
    limits = Limits()

    def __init__(
        self,
        clocks: Clocks,
        rng: random.Random,
        on_shown: Callable[[Shown], None] = lambda _: None,
    ) -> None:
        self.clocks = clocks
        self.rng = rng
        self.on_shown = on_shown
        self.on_call: Callable[[Call], None] = lambda _: None
        self.weather = Weather()
        self.ledger: list[Call] = []
        self.shown: dict[str, Shown] = {}
        self.rows: dict[int, list[str]] = {}  # row -> messages that came of it
        self.blind: set[int] = set()  # rows whose look-up could not tell
        self.blocked: set[str] = set()
        self.acts: list[Act] = []
        self.memory: int | None = None  # how many calls and messages are kept; None: all
        self.looks: list[float] = []  # when it was asked what became of a message
        self.early: list[Call] = []  # calls before the time that a 429 named was over
        self.hush: dict[tuple[str, str], tuple[float, float]] = {}  # (told at, not before)
        self.script: Callable[[Claimed], Fault | None] = lambda _row: None
        self._loop = asyncio.get_running_loop()
        self._outside = contextvars.copy_context()  # what goes on here dies with no process
        self._ids = 0

    def later(self, seconds: float, call: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        """Let something happen on the platform's side."""
        return self._loop.call_later(seconds, call, *args, context=self._outside)

    def connect(self) -> Connection:
        """A process begins to talk to it."""
        return Connection(self)

    def next_id(self) -> str:
        """The name of a new message."""
        self._ids += 1
        return str(self._ids)

    def last_id(self) -> int | None:
        """The highest number of a message so far, where numbers tell an order."""
        return None

    def place(self, chat: str) -> str:
        """The conversation's own name."""
        return chat

    def fate(self, row: Claimed) -> Fault:
        """What is to become of a call."""
        if (written := self.script(row)) is not None:
            return written
        if row.chat_id in self.blocked:
            return Fault(False, NotSent("blocked", unreachable=True))
        if self.clocks.elapsed() < self.weather.out:
            return Fault(self.rng.random() < 0.2, Doubtful("http 503"))
        if self.weather.ills and self.rng.random() < self.weather.ills:
            return ill(self.rng)
        return Fault(True, Sent())

    def arrive(self, row: Claimed, left: float, wall: datetime, accepted: bool) -> str | None:
        """A call is here."""
        message = self._take(row) if accepted else None
        call = Call(
            left, self.clocks.elapsed(), wall, row.chat_id, row.op, row.id, row.priority,
            text_of(row.message), accepted, message,
        )  # fmt: skip
        self.ledger.append(call)
        self.on_call(call)
        if self.memory is not None and len(self.ledger) > 2 * self.memory:
            self._forget(self.memory)
        for told, until in self.hush.values():
            if told < left and call.at < until - 1e-3:
                self._check_early(call, row)
        return message

    def _forget(self, keep: int) -> None:
        del self.ledger[:-keep]
        del self.looks[:-keep]
        kept: tuple[dict[Any, Any], ...] = (self.shown, self.rows)
        for memory in kept:
            for old in list(memory)[:-keep]:
                del memory[old]
        self.blind &= self.rows.keys()

    def _check_early(self, call: Call, row: Claimed) -> None:
        for scope, which in (("account", ""), ("chat", row.chat_id), ("method", row.op)):
            told, until = self.hush.get((scope, which), (0.0, 0.0))
            if told < call.left and call.at < until - 1e-3:
                self.early.append(call)

    def forbid(self, row: Claimed, hold: tuple[float, Scope]) -> None:
        """A 429 has been read by its caller: from now on it counts."""
        seconds, scope = hold
        which = {"account": "", "chat": row.chat_id, "method": row.op}[scope]
        now = self.clocks.elapsed()
        self.hush[scope, which] = (now, now + seconds)

    def _take(self, row: Claimed) -> str | None:
        chat = self.place(row.chat_id)
        match row.op:
            case "post" | "file" | "ephemeral":
                shown = Shown(f"{chat}/{self.next_id()}", row.chat_id, text_of(row.message))
            case "edit" | "replace":
                target = (row.target or "").partition(" ")[0]
                shown = self.shown.get(target) or Shown(target, row.chat_id, "")
                shown.text = text_of(row.message)
            case "delete":
                place, _, numbers = (row.target or "").rpartition("/")
                for number in numbers.split(","):
                    self.shown.pop(f"{place}/{number}", None)
                return row.target
            case _:
                return None
        shown.buttons = buttons_of(row.message)
        self.shown[shown.id] = shown
        if row.op in ("post", "file"):
            self.rows.setdefault(row.id, []).append(shown.id)
        self.later(0.0, self.on_shown, shown)
        return shown.id

    # --- what people do -----------------------------------------------------------------------

    def act(self, chat: str, kind: str, payload: Mapping[str, Any]) -> Act:
        """Somebody did something; it is on its way to the bot."""
        done = Act(self.clocks.elapsed(), chat, kind, payload)
        self.acts.append(done)
        self.dispatch(done)
        if self.weather.repeats and self.rng.random() < self.weather.repeats:
            self.later(self.rng.choice((1.0, 70.0, 4000.0, 90_000.0)), self.dispatch, done)
        return done

    def dispatch(self, act: Act) -> None:
        """Hand it to the bot, perhaps not for the first time."""
        raise NotImplementedError


class Connection:
    """One process's connection: `scheduling.sender.Sender`."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.limits = platform.limits
        self._floor: int | None = None

    def floor(self) -> int | None:
        """Highest message id this process has seen."""
        return self._floor

    def resume(self, message_ids: Iterable[str]) -> None:
        """What was said before this process: the ids tell where the range of a look-up begins."""
        numbers = [
            int(m.rpartition("/")[2]) for m in message_ids if m.rpartition("/")[2].isdecimal()
        ]
        if numbers:
            self._floor = max(numbers)

    def saw(self) -> None:
        """Something came by which the newest id is known."""
        self._floor = self.platform.last_id()

    async def send(self, row: Claimed) -> Outcome:
        """One call: it travels, is acted on or not, and answered or not."""
        p = self.platform
        left, wall, fault = p.clocks.elapsed(), p.clocks.now(), p.fate(row)
        there: list[str | None] = []
        journey = p.later(
            p.rng.uniform(*UPLINK),
            lambda: there.append(p.arrive(row, left, wall, fault.accepts)),
        )
        try:
            await asyncio.sleep(p.rng.uniform(*ANSWER))
            if fault.answer is None:
                await asyncio.sleep(NEVER)
        except asyncio.CancelledError:
            if not there and p.rng.random() < 0.5:
                journey.cancel()  # killed before the bytes had left
            raise
        if isinstance(fault.answer, Exception):
            raise fault.answer
        assert fault.answer is not None
        if fault.hold is not None:
            p.forbid(row, fault.hold)
        if isinstance(fault.answer, Sent):
            self.saw()
            return Sent(there[0])
        return fault.answer

    async def reconcile(self, rows: Sequence[Claimed]) -> Mapping[int, Outcome]:
        """Look for what may have arrived."""
        raise NotImplementedError


# --- Telegram -------------------------------------------------------------------------------------


class Telegram(Platform):
    """Updates wait here until they are confirmed; message ids are one sequence."""

    name = "telegram"
    bot_account = TELEGRAM
    limits = TELEGRAM_LIMITS

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.waiting: deque[Act] = deque()
        self.some = asyncio.Event()
        self._updates = 100_000

    @override
    def last_id(self) -> int | None:
        return self._ids

    @override
    def connect(self) -> Connection:
        return TelegramConnection(self)

    @override
    def dispatch(self, act: Act) -> None:
        self.waiting.append(act)
        self.some.set()

    def _update(self, **content: Any) -> dict[str, Any]:
        self._updates += 1
        return {"update_id": self._updates, **content}

    def _user(self, chat: str) -> dict[str, Any]:
        return {"id": int(chat), "is_bot": False, "first_name": "Sim", "language_code": "fr"}

    def _chat(self, chat: str) -> dict[str, Any]:
        return {"id": int(chat), "first_name": "Sim", "type": "private"}

    def _seconds(self) -> int:
        return int(self.clocks.true().timestamp())

    def say(self, chat: str, text: str) -> Act:
        """Somebody writes to the bot."""
        message = {
            "message_id": int(self.next_id()),
            "from": self._user(chat),
            "chat": self._chat(chat),
            "date": self._seconds(),
            "text": text,
        }
        return self.act(chat, "said", self._update(message=message))

    def command(self, chat: str, name: str) -> Act:
        """Somebody types a command."""
        return self.say(chat, "/" + name.replace("-", "_"))

    def press(self, chat: str, shown: Shown, token: str) -> Act:
        """Somebody presses a button."""
        query = {
            "id": f"q{self._updates}",
            "from": self._user(chat),
            "chat_instance": "1",
            "message": {
                "message_id": int(shown.id.rpartition("/")[2]),
                "chat": self._chat(chat),
                "date": self._seconds(),
            },
            "data": token,
        }
        return self.act(chat, "pressed", self._update(callback_query=query))

    def block(self, chat: str, blocked: bool) -> Act:
        """Somebody blocks the bot, or lets it write again."""
        (self.blocked.add if blocked else self.blocked.discard)(chat)
        member = {"user": {"id": 4242, "is_bot": True}, "status": "kicked" if blocked else "member"}
        change = {
            "chat": self._chat(chat),
            "from": self._user(chat),
            "date": self._seconds(),
            "old_chat_member": {},
            "new_chat_member": member,
        }
        return self.act(chat, "reached", self._update(my_chat_member=change))


class TelegramConnection(Connection):
    """Finds a doubtful message by its number, within what may be touched without a mark."""

    @override
    async def reconcile(self, rows: Sequence[Claimed]) -> Mapping[int, Outcome]:
        found: dict[int, Outcome] = {}
        p = self.platform
        for row in rows:
            p.looks.append(p.clocks.elapsed())
            await asyncio.sleep(p.rng.uniform(*ANSWER))
            if p.clocks.elapsed() < p.weather.out:
                found[row.id] = Doubtful("no answer to the look-up", 5.0)
                continue
            floor = row.floor_id
            near = () if floor is None else range(floor + 1, floor + 1 + BLIND)
            here = [m for m in p.rows.get(row.id, ()) if int(m.rpartition("/")[2]) in near]
            if here:
                found[row.id] = Sent(here[0])
            else:
                p.blind.add(row.id)
                found[row.id] = Doubtful("not found, not proved absent")
        return found


# --- Slack ----------------------------------------------------------------------------------------


class Slack(Platform):
    """Events are pushed, and pushed again until they are acknowledged or given up."""

    name = "slack"
    bot_account = SLACK
    limits = SLACK_LIMITS
    RETRIES = (0.0, 60.0, 300.0)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.push: Callable[[Act], asyncio.Task[None] | None] = lambda _act: None
        self._events = 0

    @override
    def connect(self) -> Connection:
        return SlackConnection(self)

    @override
    def place(self, chat: str) -> str:
        return "D" + chat[1:] if chat[:1] == "U" else chat

    @override
    def next_id(self) -> str:
        self._ids += 1
        return f"{1_700_000_000 + self._ids}.000100"

    @override
    def dispatch(self, act: Act) -> None:
        self._attempt(act, 0)

    def _attempt(self, act: Act, number: int) -> None:
        if number and act.acked:
            return
        self.push(act)
        if act.kind != "said":  # an interaction is delivered once; who presses sees a warning
            self.later(3.0, self._gave_up, act)
        elif number + 1 < len(self.RETRIES):
            self.later(self.RETRIES[number + 1] + 3.0, self._attempt, act, number + 1)
        else:
            self.later(3.0, self._gave_up, act)

    def _gave_up(self, act: Act) -> None:
        act.gone = not act.acked

    def _number(self) -> int:
        self._events += 1
        return self._events

    def _ts(self) -> str:
        return f"{self.clocks.true().timestamp():.6f}"

    def say(self, chat: str, text: str) -> Act:
        """Somebody writes to the bot."""
        ts = self._ts()
        typed = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        event = {
            "user": chat,
            "type": "message",
            "ts": ts,
            "text": typed,
            "team": TEAM,
            "channel": self.place(chat),
            "event_ts": ts,
            "channel_type": "im",
        }
        payload = {
            "team_id": TEAM,
            "type": "event_callback",
            "event_id": f"Ev{self._number():07}",
            "event": event,
            "authorizations": [{"team_id": TEAM, "user_id": "U0BOT", "is_bot": True}],
        }
        return self.act(chat, "said", payload)

    def command(self, chat: str, name: str) -> Act:
        """Somebody types `/cordee …`."""
        payload = {
            "team_id": TEAM,
            "channel_id": self.place(chat),
            "user_id": chat,
            "user_name": chat.lower(),
            "command": "/cordee",
            "text": name,
            "response_url": "https://hooks.slack.com/commands/T0SIM/1/invented",
            "trigger_id": f"{self._number()}.222.sim",
        }
        return self.act(chat, "commanded", payload)

    def press(self, chat: str, shown: Shown, token: str) -> Act:
        """Somebody presses a button."""
        channel, _, message = shown.id.partition("/")
        number = self._number()
        payload = {
            "type": "block_actions",
            "user": {"id": chat, "username": chat.lower(), "team_id": TEAM},
            "team": {"id": TEAM, "domain": "sim"},
            "trigger_id": f"{number}.111.sim",
            "container": {"type": "message", "message_ts": message, "channel_id": channel},
            "channel": {"id": channel, "name": "directmessage"},
            "state": {"values": {}},
            "response_url": f"https://hooks.slack.com/actions/T0SIM/{number}/invented",
            "actions": [
                {
                    "action_id": "c1",
                    "block_id": "b1",
                    "value": token,
                    "type": "button",
                    "action_ts": self._ts(),
                }
            ],
        }
        return self.act(chat, "pressed", payload)

    def block(self, chat: str, blocked: bool) -> None:
        """Somebody's account is deactivated, or active again: nobody tells the bot."""
        (self.blocked.add if blocked else self.blocked.discard)(chat)


class SlackConnection(Connection):
    """Finds a doubtful post in the history by its number; two negative reads mean absent."""

    @override
    async def reconcile(self, rows: Sequence[Claimed]) -> Mapping[int, Outcome]:
        p = self.platform
        found: dict[int, Outcome] = {}
        for pause in (0.0, LAG, BETWEEN):
            await asyncio.sleep(pause + p.rng.uniform(*ANSWER))
            for row in rows:
                if isinstance(found.get(row.id), Sent | Doubtful):
                    continue
                if row.op in ("post", "ephemeral"):
                    p.looks.append(p.clocks.elapsed())
                if p.clocks.elapsed() < p.weather.out:
                    found[row.id] = Doubtful("look-up failed", look_again=5.0)
                elif row.op not in ("post", "ephemeral"):
                    found[row.id] = Doubtful("no look-up")
                elif here := p.rows.get(row.id):
                    found[row.id] = Sent(here[0])
                else:
                    found[row.id] = NotSent("not in the history")
        return found
