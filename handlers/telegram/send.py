"""Saying things on Telegram: one Bot API call per outbox row, and what came of it.

Never retries by itself and never waits for its turn: both are the delivery's. The library's own
rate limiter and retries stay off. This module does not know what the messages mean.

Source: delivery protocol, "Answers of the platforms" and "Looking up a doubtful send".
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, assert_never

import aiohttp
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    MessageEntity,
)
from telegram import Message as Posted
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from handlers.telegram.render import Rendered, render
from scheduling.pacing import Limits, Rate
from scheduling.sender import Claimed, Doubtful, NotSent, Outcome, Sent

ACCOUNT_WAIT_MOST: Final = 60.0  # a longer "retry after" is one chat's flood, not everybody's
TOKEN_WAIT: Final = 60.0  # until staff have put the token right
PROBE_AGAIN: Final = 5.0
PROBE_MOST: Final = 64  # edits per doubtful message; beyond, its policy decides
PROBE_BLIND: Final = 12  # as many when nothing marks the end: about what is in flight at once
PROBE_MARGIN: Final = 1.0  # seconds after its deadline in which a message may still arrive
# The keyboard tells a marker that a killed process left behind from what people are told.
MARK: Final = "·"
_MARKED: Final = InlineKeyboardMarkup([[InlineKeyboardButton(MARK, callback_data=MARK)]])
POSTED_KEPT: Final = 256
KNOWN_KEPT: Final = 4096
PAGES_KEPT: Final = 5000

# No connection was made, nothing was sent.
_NEVER_SENT: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_ON_A_MESSAGE: Final = frozenset({"edit", "replace", "delete"})  # safe to repeat
_SAME: Final = "message is not modified"
_NO_TEXT: Final = "there is no text in the message to edit"
# The message an edit or delete aims at is gone or is not ours to change: nothing is left to do.
_NO_LONGER: Final = (
    "message to edit not found",
    "message can't be edited",
    "message to delete not found",
    "message can't be deleted",
    "message_id_invalid",
)


def is_group(chat_id: str) -> bool:
    """Whether a chat id is a group's or a channel's: those are negative."""
    return chat_id.startswith("-")


# What Telegram allows (30 a second in all, 1 a second in a chat, 20 a minute in a group), with a
# little room because it counts arrivals.
LIMITS: Final = Limits(
    account=(Rate(30, 1.03, smooth=True),),
    chat=(Rate(1, 1.05),),
    group=(Rate(20, 60.5),),
    is_group=is_group,
)


class Pages:
    """Which page of a long keyboard somebody looks at, so that a redrawn message stays there.

    A comfort, not a truth: it lives in memory, and without it a redraw shows the first page.
    """

    def __init__(self) -> None:
        self._pages: OrderedDict[str, int] = OrderedDict()

    def note(self, message: str, page: int) -> None:
        """Remember the page of a message (`chat/message`)."""
        self._pages[message] = page
        self._pages.move_to_end(message)
        if len(self._pages) > PAGES_KEPT:
            self._pages.popitem(last=False)

    def of(self, message: str) -> int:
        """The page last shown there; 0 if unknown."""
        return self._pages.get(message, 0)


class TelegramSender:
    """Implements `scheduling.sender.Sender` with one bot's token.

    Args:
        bot: The library's bot, initialised, without a rate limiter.
        marker_chat: A chat of the operator's (`"123"`), where a silent message marks the end of the
            range in which a doubtful message is looked for; it is deleted at once. Without one, a
            message can be found but not proved absent.
    """

    limits: Limits = LIMITS

    def __init__(self, bot: Bot, marker_chat: str | None = None) -> None:
        self._bot = bot
        self._marker_chat = marker_chat
        self._floor: int | None = None
        self._known: OrderedDict[int, None] = OrderedDict()  # ids of which we know what they are
        self._posted: deque[tuple[datetime, int]] = deque(maxlen=POSTED_KEPT)  # claimed, id
        self.pages = Pages()

    def floor(self) -> int | None:
        """Highest message id seen; private chats and basic groups share one sequence."""
        return self._floor

    def resume(self, message_ids: Iterable[str]) -> None:
        """Know the ids of what was said before this process had the token."""
        for chat_id, message_id in filter(None, map(_place, message_ids)):
            self.saw(chat_id, message_id)

    def saw(self, chat_id: int | str, message_id: int) -> None:
        """Note an id, ours or a person's; channels and supergroups count for themselves."""
        if not _counts_apart(chat_id):
            self._floor = max(self._floor or 0, message_id)
            self._known[message_id] = None
            if len(self._known) > KNOWN_KEPT:
                self._known.popitem(last=False)

    async def send(self, row: Claimed) -> Outcome:
        """Say it, with one call."""
        try:
            return await self._say(row)
        except TelegramError as error:
            return classify(error, row)

    async def _say(self, row: Claimed) -> Outcome:
        match row.op:
            case "post" | "file" | "ephemeral" | "home":
                return await self._post(row)
            case "edit" | "replace":
                target = _place(row.target)
                if target is None:
                    return NotSent(f"{row.op} without a target", permanent=True)
                shown = render(row.message, row.id, self.pages.of(row.target or ""))
                await self._edit(target, shown)
                return Sent(row.target, keep=shown.paged)
            case "delete":
                return await self._delete(row)
            case _:
                assert_never(row.op)

    async def _post(self, row: Claimed) -> Sent:
        shown = render(row.message, row.id)
        try:
            posted = await self._post_to(row.chat_id, shown)
        except ChatMigrated as moved:  # a group became a supergroup; nothing was sent yet
            posted = await self._post_to(str(moved.new_chat_id), shown)
        self.saw(posted.chat_id, posted.message_id)
        if not _counts_apart(posted.chat_id):
            self._posted.append((row.claimed_at, posted.message_id))
        return Sent(f"{posted.chat_id}/{posted.message_id}", keep=shown.paged)

    async def _post_to(self, chat_id: str, shown: Rendered) -> Posted:
        # As the renderer made them; the library would make objects of them first.
        ready = shown.arguments()
        if shown.file:
            file = InputFile(shown.file.content, filename=shown.file.name)
            if shown.file.is_picture:
                return await self._bot.send_photo(chat_id, file, api_kwargs=ready)
            return await self._bot.send_document(chat_id, file, api_kwargs=ready)
        return await self._bot.send_message(chat_id, shown.text, api_kwargs=ready)

    async def _delete(self, row: Claimed) -> Outcome:
        """Take away one message of a chat, or several (`chat/message,message`)."""
        chat, _, numbers = (row.target or "").partition("/")
        found = [int(number) for number in numbers.split(",") if number.isdecimal()]
        if not (chat and found):
            return NotSent("delete without a target", permanent=True)
        if len(found) == 1:
            await self._bot.delete_message(chat, found[0])
        else:
            await self._bot.delete_messages(chat, found)
        return Sent(row.target if len(found) == 1 else None)

    async def _edit(self, target: tuple[str, int], shown: Rendered) -> None:
        """Make a message say this; a document keeps its document and gets a new caption."""
        chat_id, message_id = target
        ready = replace(shown, reply_markup=shown.keyboard).arguments()
        if shown.file is None:
            try:
                await self._bot.edit_message_text(shown.text, chat_id, message_id, api_kwargs=ready)
            except BadRequest as error:
                if _NO_TEXT not in error.message.lower():
                    raise
            else:
                return
        await self._bot.edit_message_caption(
            chat_id,
            message_id,
            caption=shown.text,
            caption_entities=_entities(shown),
            reply_markup=inline_keyboard(shown),
        )

    # --- looking up ---------------------------------------------------------------------------

    async def reconcile(self, rows: Sequence[Claimed]) -> Mapping[int, Outcome]:
        """Find out which of these arrived, by editing into what they would be (the edit-probe).

        Telegram has no history for bots and no key against repeats. But a message that is there
        answers "not modified" to being given the keyboard it has, and one that is not is "not
        found"; at most one message per chat is in flight, so what is found between the floor and
        the marker is it.
        """
        posts = [row for row in rows if row.op not in _ON_A_MESSAGE]
        found: dict[int, Outcome] = {
            row.id: NotSent("safe to repeat") for row in rows if row.op in _ON_A_MESSAGE
        }
        if not any(map(_probable, posts)):
            return found | {row.id: Doubtful("cannot be looked up") for row in posts}
        marker: int | None = None
        for row in posts:
            if not _probable(row):
                found[row.id] = Doubtful("cannot be looked up")
                continue
            try:
                ceiling = self._said_after(row)
                if ceiling is None:
                    marker = await self._mark() if marker is None else marker
                    ceiling = marker or None
                found[row.id] = await self._probe(row, ceiling)
            except RetryAfter as error:
                found[row.id] = Doubtful("too many requests", _seconds(error), there=True)
            except TelegramError:
                found[row.id] = Doubtful("no answer to the look-up", PROBE_AGAIN)
        return found

    def _said_after(self, row: Claimed) -> int | None:
        """An id certainly after a doubtful one: of what was begun when it had long arrived."""
        over = row.send_deadline + timedelta(seconds=PROBE_MARGIN)
        return min((number for claimed, number in self._posted if claimed >= over), default=None)

    async def _mark(self) -> int:
        """Make such an id, by a silent message to the operator; 0 when that is not possible."""
        if not self._marker_chat:
            return 0
        try:
            marker = await self._bot.send_message(
                self._marker_chat, MARK, disable_notification=True, reply_markup=_MARKED
            )
        except (BadRequest, Forbidden):  # the operator has not started the bot
            return 0
        self.saw(marker.chat_id, marker.message_id)
        await self._bot.delete_message(marker.chat_id, marker.message_id)
        return marker.message_id

    async def _left_over(self, chat_id: str, message_id: int) -> bool:
        """Whether it is a marker of a process that was killed before it took it away: it goes now.

        A message that is none bears the marker's keyboard until the probe gives it its own.
        """
        try:
            await self._bot.edit_message_reply_markup(chat_id, message_id, reply_markup=_MARKED)
        except BadRequest as error:
            if _SAME not in error.message.lower():
                return False
            self.saw(chat_id, message_id)
            await self._bot.delete_message(chat_id, message_id)
            return True
        return False

    async def _probe(self, row: Claimed, ceiling: int | None) -> Outcome:
        floor = row.floor_id or 0
        proves_absence = ceiling is not None
        if ceiling is None:
            ceiling = floor + 1 + PROBE_BLIND
        elif sum(n not in self._known for n in range(floor + 1, ceiling)) > PROBE_MOST:
            return Doubtful("too many messages since")
        shown = render(row.message, row.id)
        uneditable = False
        for message_id in range(floor + 1, ceiling):
            if message_id in self._known:  # recorded for another row, or a person's
                continue
            if row.chat_id == self._marker_chat and await self._left_over(row.chat_id, message_id):
                continue
            try:
                await self._bot.edit_message_reply_markup(
                    row.chat_id, message_id, reply_markup=inline_keyboard(shown)
                )
            except BadRequest as error:
                text = error.message.lower()
                if _SAME not in text:
                    uneditable = uneditable or "can't be edited" in text
                    continue
            self.saw(row.chat_id, message_id)
            return Sent(f"{row.chat_id}/{message_id}", keep=shown.paged)
        # A message with a reply prompt cannot be edited: there, "can't be edited" may be ours.
        asked = shown.reply_markup is not None and shown.keyboard is None
        if proves_absence and not (asked and uneditable):
            return NotSent("not found by the look-up")
        return Doubtful("not found, not proved absent")


def _probable(row: Claimed) -> bool:
    """Whether ids of that chat tell an order, and a floor is known."""
    return row.floor_id is not None and not _counts_apart(row.chat_id)


def _counts_apart(chat_id: int | str) -> bool:
    """Whether a chat has message ids of its own: channels and supergroups."""
    return str(chat_id).startswith("-100")


def classify(error: TelegramError, row: Claimed) -> Outcome:
    """What an error says of the message: by class first, by words second.

    Args:
        error: What the library raised.
        row: What was to be sent.
    """
    words = error.message.lower()
    match error:
        case RetryAfter():
            return _too_soon(_seconds(error), row)
        case InvalidToken():
            return NotSent("token refused", retry_after=TOKEN_WAIT, scope="account")
        case Forbidden():
            return NotSent(_reason(error), unreachable=True)
        case BadRequest():
            return _refused(error, words, row)
        case NetworkError() | TimedOut():
            if isinstance(error.__cause__, _NEVER_SENT):
                return NotSent("no connection")
            if words.startswith("too many requests"):  # a 429 that names no time
                return _too_soon(0.0, row)
            if words.startswith("request entity too large"):
                return NotSent("too large", permanent=True)
            return Doubtful(type(error.__cause__ or error).__name__)
        case _:
            return Doubtful(type(error).__name__)


def _refused(error: BadRequest, words: str, row: Claimed) -> Outcome:
    if row.op in _ON_A_MESSAGE:
        if _SAME in words:
            return Sent(row.target)
        if any(text in words for text in _NO_LONGER):
            return Sent(None)
    if "chat not found" in words:
        return NotSent(_reason(error), unreachable=True)
    return NotSent(_reason(error), permanent=True)


def _too_soon(seconds: float, row: Claimed) -> NotSent:
    own = is_group(row.chat_id) or seconds > ACCOUNT_WAIT_MOST
    return NotSent("too many requests", retry_after=seconds, scope="chat" if own else "account")


def _seconds(error: RetryAfter) -> float:
    value = error.retry_after
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


def _reason(error: TelegramError) -> str:
    """Telegram's words without what it quotes of ours."""
    return re.sub(r"(['\"]).*?\1", "…", error.message)[:120]


def _place(target: str | None) -> tuple[str, int] | None:
    chat_id, _, message_id = (target or "").partition("/")
    return (chat_id, int(message_id)) if chat_id and message_id.isdecimal() else None


def _entities(shown: Rendered) -> list[MessageEntity]:
    return [MessageEntity(**entity) for entity in shown.entities]


def inline_keyboard(shown: Rendered) -> InlineKeyboardMarkup | None:
    """The buttons of a message, as the library wants them."""
    return InlineKeyboardMarkup.de_json(shown.keyboard, None) if shown.keyboard else None
