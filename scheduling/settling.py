"""What follows from what a platform answered: sent, later, elsewhere, given up, for staff.

Pure rules and the outbox statements they lead to; nothing here talks to a platform.

Source: delivery protocol, "Answers of the platforms" and "Policy when inconclusive".
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduling.sender import Doubtful, NotSent, Outcome, Sent
from storage.sending import TWICE, Taken
from storage.tables import Identity
from storage.takeback import FAREWELL
from storage.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

# Seconds before the next attempt after the first, the second … without an answer; then it is given
# up, about sixteen hours after the first attempt.
LADDER = (5, 60, 300, 1800, 1800, 3600, 7200, 14400, 28800)
SURE = 4  # attempts that were proved absent and may follow each other at once
MAX_WAITS = 500  # "too soon" is no failure, but it ends too
DEFAULT_WAIT = 30.0  # when the platform gave no number, or an absurd one
LONGEST_WAIT = 3600.0
REPEATABLE = frozenset({"edit", "replace", "delete", "home", "ephemeral"})  # may be done twice
ELSEWHERE = frozenset({"post", "file", "edit", "ephemeral"})  # makes sense on another platform

OnUnreachable = Callable[[UnitOfWork, Taken, datetime], None]
OnParked = Callable[[UnitOfWork, Sequence[Taken], datetime], None]


@dataclass(frozen=True, slots=True)
class GivenBack:
    """Claimed, but its turn never came: as if it had not been claimed."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a claim.

    Attributes:
        row: The claim.
        outcome: What the sender, or its look-up, said.
        looked: Whether it is a look-up's last word.
        hold: Leave it to staff whatever the policy says: no look-up was possible.
    """

    row: Taken
    outcome: Outcome | GivenBack
    looked: bool = False
    hold: bool = False


def too_soon(retry_after: float) -> float:
    """Seconds to wait after a 429, whatever the platform wrote there."""
    return retry_after if 0 < retry_after <= LONGEST_WAIT else DEFAULT_WAIT


def settle(
    uow: UnitOfWork,
    results: Sequence[Result],
    now: datetime,
    on_unreachable: OnUnreachable | None,
    on_parked: OnParked | None = None,
) -> None:
    """Write down what became of claims, by compare-and-set: a claim no longer ours is left alone.

    Args:
        uow: Open; committed by the caller.
        results: What became of them.
        now: UTC.
        on_unreachable: Tells staff that somebody cannot be reached any more.
        on_parked: Sees to it that staff hear of what waits for them.
    """
    sent: list[tuple[Taken, str | None]] = []
    keep: list[tuple[Taken, str | None]] = []
    for result in results:
        row = result.row
        match result.outcome:
            case Sent(message_id, keep=more):
                (keep if more else sent).append((row, message_id))
            case NotSent(reason, unreachable=True):
                log.warning("unreachable row=%s op=%s reason=%s", row.id, row.op, reason)
                _unreachable(uow, row, now, reason, on_unreachable)
            case NotSent(reason, permanent=True):
                log.warning("refused row=%s op=%s reason=%s", row.id, row.op, reason)
                uow.sending.fail(row, reason)
            case NotSent(reason, retry_after=float() | int() as seconds):
                _wait(uow, row, now, reason, too_soon(seconds))
            case NotSent(reason):  # proved absent by a look-up: nothing speaks against now
                _again(uow, row, now, reason, at_once=result.looked and row.attempts <= SURE)
            case Doubtful(reason):
                if result.hold or (row.op not in REPEATABLE and row.policy == "hold"):
                    log.warning("in doubt row=%s op=%s reason=%s", row.id, row.op, reason)
                    uow.sending.hold(row, reason)
                else:
                    doubt = reason if row.op in REPEATABLE else TWICE
                    _again(uow, row, now, doubt, at_once=result.looked and row.attempts == 1)
            case GivenBack():
                uow.sending.requeue(row, now, row.reason, attempts=-1)
    uow.sending.sent(sent, now)
    uow.sending.sent(keep, now, keep=True)
    if uow.sending.newly_parked and on_parked is not None:
        _news(uow, now, on_parked)


def _news(uow: UnitOfWork, now: datetime, on_parked: OnParked) -> None:
    try:
        with uow.savepoint():
            on_parked(uow, uow.sending.newly_parked, now)
    except Exception as error:  # news for staff must not undo what was settled
        kind = type(error).__name__
        log.error("could not plan news of what is parked error=%s", kind)  # noqa: TRY400


def _wait(uow: UnitOfWork, row: Taken, now: datetime, reason: str, seconds: float) -> None:
    if row.waits >= MAX_WAITS:
        uow.sending.fail(row, "too many tries")
    else:
        later = now + timedelta(seconds=seconds)
        uow.sending.requeue(row, later, _why(row, reason), attempts=-1, waits=1)


def _again(uow: UnitOfWork, row: Taken, now: datetime, reason: str, *, at_once: bool) -> None:
    if row.attempts > len(LADDER):
        log.warning("given up row=%s op=%s reason=%s", row.id, row.op, reason)
        uow.sending.fail(row, "too many tries")
        return
    seconds = 0 if at_once else LADDER[row.attempts - 1]
    uow.sending.requeue(row, now + timedelta(seconds=seconds), _why(row, reason))


def _why(row: Taken, reason: str) -> str:
    """Why a row waits; that it may be there already is not forgotten over a later trouble."""
    return TWICE if row.reason == TWICE else reason[:200]


def _unreachable(
    uow: UnitOfWork,
    row: Taken,
    now: datetime,
    reason: str,
    on_unreachable: OnUnreachable | None,
) -> None:
    """The person's other account is tried; staff are told once, when it turns out."""
    if not uow.sending.unreach(row, reason):
        return
    accounts = uow.people.identities(row.person_id) if row.person_id is not None else []
    news = row.person_id is None and not row.dedup_key.startswith(FAREWELL)  # a channel
    for account in accounts:
        here = account.bot_account == row.bot_account
        if here and account.account.rpartition("/")[2] == row.place:
            news |= account.reachable
            account.reachable = False
    uow.session.flush()
    _elsewhere(uow, row, accounts, now)
    if news and on_unreachable is not None:
        try:
            with uow.savepoint():
                on_unreachable(uow, row, now)
        except Exception as error:  # news for staff must not undo what was settled
            kind = type(error).__name__  # not its text, which may quote somebody
            log.error("could not tell staff row=%s error=%s", row.id, kind)  # noqa: TRY400


def _elsewhere(uow: UnitOfWork, row: Taken, accounts: Sequence[Identity], now: datetime) -> None:
    """Say it to the person's first account that can be reached, if it makes sense there."""
    other = next((account for account in accounts if account.reachable), None)
    if other is not None and other.bot_account != row.bot_account and row.op in ELSEWHERE:
        uow.outbox.put_elsewhere(row, other, now)


def strand(uow: UnitOfWork, account: str, now: datetime, overdue: datetime, reason: str) -> int:
    """A token is gone for good: what waited for it goes to people's other accounts, or to nobody.

    Args:
        uow: Open; committed by the caller.
        account: The token's identity; its people are marked as out of reach already.
        now: UTC.
        overdue: Sends whose deadline was before that will never be settled.
        reason: Without personal text.

    Returns:
        How many were moved; call again, in a new transaction, until there are none.
    """
    rows = uow.sending.strand(account, overdue, reason)
    for row in rows:
        if row.person_id is not None:
            _elsewhere(uow, row, uow.people.identities(row.person_id), now)
    return len(rows)
