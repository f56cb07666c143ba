"""People at the screens of the two local platforms: they read, press, type and fill in.

Refuses to know the bot; what they see is what the platforms would draw.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from typing_extensions import override

from handlers.local.fake_slack import FakeSlack
from handlers.local.fake_telegram import FakeTelegram
from handlers.local.slack_world import SlackMessage, elements_of, options_of

Found = TypeVar("Found")
SETTLED: Final = 2.5  # another answer than the expected one has come by then, or is the only one
PATIENCE: Final = 20.0  # two cores shared with other tests; people wait for their answer once


def plain(text: str) -> str:
    """A text as an eye reads it: every space alike, no platform escapes."""
    for kind in "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}":
        text = text.replace(kind, " ")
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


async def until_there(what: Callable[[], Found | None], said: Callable[[], str]) -> Found:
    """Poll until there is something; the failure says what was there instead."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(said())


@dataclass(frozen=True)
class Card:
    """One message of the bot, as a person sees it.

    Attributes:
        key: Which message.
        text: What it says.
        labels: What can be pressed or chosen in it.
        files: Names and contents of the files that came with it.
        source: The platform's own record of it.
    """

    key: str
    text: str
    labels: tuple[str, ...]
    files: tuple[tuple[str, bytes], ...]
    source: Any = field(compare=False, repr=False)

    def label(self, wanted: str) -> str | None:
        """The label that says this, the exact one first."""
        if wanted in self.labels:
            return wanted
        return next((one for one in self.labels if wanted in one), None)


@dataclass(frozen=True)
class Typed:
    """An answer to type even where a button says the same."""

    text: str


Answer = str | Typed | Sequence[str] | None  # a label or a text, several labels, None to skip


class Person(ABC):
    """Somebody at a screen: reads what the bot wrote since their last gesture, and answers.

    Attributes:
        typed: Everything this person typed.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.typed: list[str] = []
        self._seen: set[tuple[str, str]] = set()
        self._handled: set[str] = set()

    @abstractmethod
    def cards(self) -> list[Card]:
        """What stands in the conversation, oldest first, the bot's messages only."""

    @abstractmethod
    async def _write(self, text: str) -> None: ...

    @abstractmethod
    async def _press(self, card: Card, label: str) -> None: ...

    @abstractmethod
    async def _pick(self, card: Card, labels: Sequence[str]) -> None: ...

    @abstractmethod
    async def command(self, verb: str, rest: str = "") -> None:
        """Use a command of the bot."""

    def _look(self) -> None:
        self._seen = {(c.key, c.text) for c in self.cards()}

    def transcript(self) -> str:
        """What is on the screen, for a failing test."""
        shown = [f"  {c.text}\n    {' | '.join(c.labels)}" for c in self.cards()[-8:]]
        return "\n".join([f"{self.name} sees:", *shown])

    async def reads(self, *words: str) -> Card:
        """Wait for a message, new or changed since the last gesture, that says all of this."""

        def found() -> Card | None:
            fresh = [c for c in self.cards() if (c.key, c.text) not in self._seen]
            return next((c for c in reversed(fresh) if all(w in c.text for w in words)), None)

        return await until_there(found, lambda: f"nobody told {words}; {self.transcript()}")

    async def hears(self, *words: str) -> str | None:
        """Like `reads`, with what the bot said instead when the words do not come.

        Returns:
            None when they came; else the newest answer.
        """
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            fresh = [c for c in self.cards() if (c.key, c.text) not in self._seen]
            if any(all(w in c.text for w in words) for c in fresh):
                return None
            if fresh and time.monotonic() > end - PATIENCE + SETTLED:
                return f"{self.name}: {fresh[-1].text!r} instead of {words}"
            await asyncio.sleep(0.02)
        return f"{self.name}: no answer instead of {words}"

    async def says(self, text: str) -> None:
        """Type and send."""
        self._look()
        self.typed.append(text)
        await self._write(text)

    async def presses(self, label: str, card: Card | None = None) -> None:
        """Press the newest button that says this (once it is there), or the one of a message."""

        def found() -> Card | None:
            return next((c for c in reversed(self.cards()) if c.label(label)), None)

        on = card
        if on is None:
            on = await until_there(found, lambda: f"no button {label!r}; {self.transcript()}")
        exact = on.label(label)
        assert exact is not None, f"no {label!r} in {on}"
        self._look()
        await self._press(on, exact)

    async def walks(self, answers: Mapping[str, Answer], until: str) -> Card:
        """Answer questions as they come, each message once, until one says the given words.

        Args:
            answers: Words of a question to its answer.
            until: Words of the message that ends it.

        Returns:
            The message that ended it.
        """
        while True:
            card = await until_there(
                lambda: self._next(tuple(answers), until),
                lambda: f"no question of {list(answers)} nor {until!r}; {self.transcript()}",
            )
            self._handled.add(card.key)
            if until in card.text:
                return card
            await self._answers(card, next(a for q, a in answers.items() if q in card.text))

    def forgets(self, words: str) -> None:
        """Take messages that say this for not yet answered."""
        self._handled -= {c.key for c in self.cards() if words in c.text}

    def _next(self, questions: Sequence[str], until: str) -> Card | None:
        for card in self.cards():
            if card.key not in self._handled:
                asks = bool(set(card.labels) - {"Modifier"})  # what is answered offers that alone
                if until in card.text or (asks and any(q in card.text for q in questions)):
                    return card
        return None

    async def _answers(self, card: Card, answer: Answer) -> None:
        if isinstance(answer, Typed):
            await self.says(answer.text)
        elif answer is None:
            await self.presses("Passer", card)
        elif not isinstance(answer, str):
            self._look()
            await self._pick(card, answer)
        elif card.label(answer):
            await self.presses(answer, card)
        else:
            await self.says(answer)


class OnSlack(Person):
    """A member of the local workspace."""

    def __init__(self, slack: FakeSlack, user: str, name: str) -> None:
        super().__init__(name)
        self.slack, self.user = slack, user
        slack.add_user(user, name)

    @override
    def cards(self) -> list[Card]:
        return [self._card(m) for m in self.slack.messages(self.user) if m.by_bot]

    def _card(self, message: SlackMessage) -> Card:
        labels = []
        for _, element in elements_of(message.blocks):
            options = options_of(element) or [element]
            labels += [plain(o["text"]["text"]) for o in options if "text" in o]
        shown = [t for b in message.blocks if b["type"] != "actions" for t in texts_of(b)]
        text = plain("\n".join(shown or [message.text]))
        files = [self.slack.file(one) for one in message.files]
        held = tuple((f.filename, f.content or b"") for f in files)
        return Card(message.ts, text, tuple(labels), held, message)

    @override
    async def _write(self, text: str) -> None:
        await self.slack.dm(self.user, text)

    @override
    async def _press(self, card: Card, label: str) -> None:
        for _, element in elements_of(card.source.blocks):
            for one in options_of(element) or [element]:
                if plain(one.get("text", {}).get("text", "")) == label:
                    shown = one["text"]["text"]
                    await self.slack.press(self.user, self.user, card.key, shown)
                    return

    @override
    async def _pick(self, card: Card, labels: Sequence[str]) -> None:
        menu = next(e for _, e in elements_of(card.source.blocks) if options_of(e))
        await self.slack.press(self.user, self.user, card.key, menu["action_id"], labels)
        await self._press(card, "Valider")

    @override
    async def command(self, verb: str, rest: str = "") -> None:
        self._look()
        await self.slack.slash(self.user, "/cordee", f"{verb} {rest}".strip())

    async def fills(self, values: Mapping[str, str | list[str]]) -> None:
        """Fill in the form that has just opened, inputs named by words of their label; send it."""
        views = self.slack.views
        view = await until_there(lambda: next(reversed(views(self.user)), None), self.transcript)
        inputs = {b["label"]["text"]: b["block_id"] for b in view.view["blocks"] if "label" in b}
        chosen = {}
        for words, value in values.items():
            label = next((text for text in inputs if words in plain(text)), None)
            assert label is not None, f"no input {words!r} among {list(inputs)}"
            chosen[inputs[label]] = value
            self.typed += [value] if isinstance(value, str) else []
        self._look()
        answer = await self.slack.submit_view(self.user, view.id, chosen)
        assert answer.action == "close", answer


def texts_of(node: Any) -> list[str]:
    """All texts of a block, buttons and menus left out."""
    if isinstance(node, list):
        return [t for one in node for t in texts_of(one)]
    if not isinstance(node, dict) or node.get("type") == "button" or "options" in node:
        return []
    own = [node["text"]] if isinstance(node.get("text"), str) else []
    return own + [
        t for value in node.values() if not isinstance(value, str) for t in texts_of(value)
    ]


class OnTelegram(Person):
    """Somebody with a private chat."""

    def __init__(self, telegram: FakeTelegram, user: int, name: str) -> None:
        super().__init__(name)
        self.telegram, self.user = telegram, user
        telegram.add_user(user, name)

    @override
    def cards(self) -> list[Card]:
        cards = []
        for message in self.telegram.messages(self.user):
            rows = (message.markup or {}).get("inline_keyboard", [])
            labels = tuple(plain(b["text"]) for row in rows for b in row)
            file = message.document
            files = ((file.filename, file.content),) if file is not None else ()
            if message.by_bot:
                cards.append(Card(str(message.id), plain(message.text), labels, files, message))
        return cards

    async def starts(self) -> None:
        """Press Start."""
        self._look()
        await self.telegram.press_start(self.user)

    @override
    async def _write(self, text: str) -> None:
        await self.telegram.send(self.user, text)

    @override
    async def _press(self, card: Card, label: str) -> None:
        rows = card.source.markup["inline_keyboard"]
        data = [b["callback_data"] for row in rows for b in row if plain(b["text"]) == label]
        await self.telegram.press(self.user, card.source.id, data[0])

    @override
    async def _pick(self, card: Card, labels: Sequence[str]) -> None:
        for label in labels:
            exact = card.label(label)
            assert exact is not None, f"no {label!r} in {card}"
            await self._press(card, exact)
        await self._press(card, "Valider")

    @override
    async def command(self, verb: str, rest: str = "") -> None:
        self._look()
        await self.telegram.send(self.user, f"/{verb.replace('-', '_')} {rest}".strip())
