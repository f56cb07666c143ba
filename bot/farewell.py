"""The end with somebody who erases everything: our messages are taken back, a last word is said.

Each platform lets go of some: Slack of whatever a bot said, Telegram of the last two days. They go
as ordinary messages of the outbox, late and at the platform's pace, and carry an address and
numbers only; what was passed on to others stays with them. This module erases no row.

Source: GDPR 17, 28; ADR 0014; docs.slack.dev/reference/methods/chat.delete;
core.telegram.org/bots/api#deletemessages.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from bot.events import Pressed
from bot.messages import MESSAGE, Home, Message
from bot.turn import ANSWER, MASS, Turn
from storage.sending import HOME
from storage.takeback import ASIDE, FAREWELL, KNOWN, PATIENCE, Told, told_to

_TELEGRAM: Final = timedelta(hours=48) - PATIENCE
"""So old at most, that it can still go when its turn comes at the very last."""
_AT_ONCE: Final = 100  # what one call of Telegram's deletes
_BEFORE: Final = 50  # a minute of Slack's calls: the last word does not wait for more of them


class Account(NamedTuple):
    """A private chat of somebody who goes.

    Attributes:
        bot_account: Our token there.
        chat: Where it is written to.
    """

    bot_account: str
    chat: str

    @property
    def platform(self) -> str:
        """`slack` or `telegram`."""
        return self.bot_account.partition(":")[0]


def taken_back(turn: Turn) -> Sequence[Told]:
    """What is going to be taken back from the person who acts: to be asked before they are erased.

    Newest first, so that the button they pressed is gone before they press it again.
    """
    found = list(told_to(turn.uow.session, turn.me.id, turn.now))
    on = turn.event.on if isinstance(turn.event, Pressed) and turn.event.private else None
    if on is not None:  # perhaps its sending is not written down yet
        here = f"{on.chat}/{on.message}"
        at = next((one.at for one in found if one.message_id == here), turn.now)
        found = [one for one in found if one.message_id != here]
        found.insert(0, Told(turn.author.bot_account, turn.author.chat, here, at))
    oldest = turn.now - _TELEGRAM
    return [one for one in found if not one.bot_account.startswith("telegram:") or one.at > oldest]


def homes(turn: Turn) -> Sequence[Account]:
    """Where a Home tab may still show something of the person who acts."""
    return [
        Account(one.bot_account, one.account.rpartition("/")[2])
        for one in turn.uow.people.identities(turn.me.id)
        if one.platform == "slack"
    ]


def words(turn: Turn) -> Sequence[str]:
    """The last word: what became of it all, where they have an account, and what they can do."""
    w = turn.w
    platforms = {account.platform for account in turn.uow.people.identities(turn.me.id)}
    return (
        w("erased"),
        *(w(f"erased-{one}", days=KNOWN.days) for one in sorted(platforms)),
        w("erased-others"),
        w("erased-end"),
    )


def farewell(
    turn: Turn, last: Sequence[str], back: Sequence[Told], homes: Sequence[Account]
) -> None:
    """Say the last word to somebody who was just erased, and take our messages back before.

    Sealed with the instance's key, theirs is gone.

    Args:
        turn: Whose person is erased.
        last: See `words`.
        back: See `taken_back`.
        homes: See `homes`.
    """
    here = Account(turn.author.bot_account, turn.author.chat)
    calls = _calls(back)
    first = [one for one in calls if one[0] == here][:_BEFORE]
    for number, (account, target) in enumerate(first):
        _put(turn, number, account, Message(""), op="delete", target=target)
    _put(turn, len(first), here, Message("\n".join(last)))
    for account in homes:
        _put(turn, f"home-{account.chat}", account, Home((Message(last[0]),)), op="home")
    for number, (account, target) in enumerate((one for one in calls if one not in first), 1000):
        _put(turn, number, account, Message(""), op="delete", target=target)


def _calls(back: Sequence[Told]) -> Sequence[tuple[Account, str]]:
    """The account and the target of each call, in order."""
    found: dict[tuple[Account, str], list[str]] = {}
    for one in back:
        place, _, number = one.message_id.rpartition("/")
        found.setdefault((Account(one.bot_account, one.chat_id), place), []).append(number)
    return [
        (account, f"{place}/{','.join(numbers[start : start + most])}")
        for (account, place), numbers in found.items()
        for most in (_AT_ONCE if account.platform == "telegram" else 1,)
        for start in range(0, len(numbers), most)
    ]


def _put(
    turn: Turn,
    number: int | str,
    account: Account,
    message: Message | Home,
    *,
    op: str = "post",
    target: str | None = None,
) -> None:
    turn.uow.outbox.put_raw(
        key=f"{FAREWELL}{turn.event.id}:{number}",
        bot_account=account.bot_account,
        chat_id=account.chat + (HOME if op == "home" else ASIDE),
        payload=MESSAGE.dump_json(message, exclude_defaults=True),
        now=turn.now,
        op=op,
        target=target,
        priority=MASS if op == "delete" else ANSWER,
        expires_at=turn.now + PATIENCE,
    )
