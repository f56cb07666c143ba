"""The safeguarding person's desk: what was reported, what is held, what passed between two.

Every reading of an exchange is noted. Staff and owners are refused here as anybody is, as long as
somebody is named; what they see of an exchange is that there is one (`bot.commands.minors`).

Source: P4, P5, J-19; quality rules, section 4.
"""

from __future__ import annotations

from bot import access
from bot.commands.registry import act, command
from bot.dialogues import run_choice
from bot.flows import flags, holds
from bot.i18n import Words
from bot.messages import Line, Message
from bot.turn import Turn
from storage.tables import Flag, Letter
from storage.words import number

SHOWN = 8
_EXCHANGES = ("echanges", "échanges", "exchanges")


@command("protection", alias="safeguarding", who="safeguarding", where="private")
def protection(turn: Turn, args: str) -> None:
    """What waits for the safeguarding person; `protection 12`, `protection echanges 12`."""
    first, _, rest = args.strip().partition(" ")
    if first.lower() in _EXCHANGES and (pair := number(rest)) is not None:
        _exchange(turn, pair)
        return
    if (wanted := number(args)) is not None:
        flag = access.flag_to_guard(turn, wanted)
        for what, person in flags.shown_of(flag):
            turn.read(what, person)
        turn.say(flags.card(turn, flag, turn.w))
        return
    access.safeguarding(turn)
    after = number(args.strip().removeprefix(".")) or 0
    w, end = turn.w, after + SHOWN
    waiting = [
        flag
        for flag in turn.uow.safety.open_flags(turn.programme.id)
        if turn.me.id not in access.of_flag(flag)
    ]
    held = [
        letter
        for letter in turn.uow.safety.held(turn.programme.id)
        if letter.why != "unchecked" and turn.me.id not in access.of_letter(turn, letter)
    ]
    lines = [
        Line(
            label=w("flag-title", number=flag.id),
            text=w(f"flag-line-{flag.kind}", when=w.moment(flag.made_at))
            + " · "
            + w(f"flag-state-{flag.state}"),
            choice=run_choice(w("staff-open"), "protection", str(flag.id)),
        )
        for flag in waiting[after:end]
    ]
    more = max(len(waiting), len(held)) > end
    turn.say(
        Message(
            title=w("guards-title"),
            text=w("guards-text", flags=len(waiting), held=len(held)),
            lines=tuple(lines),
            choices=(run_choice(w("staff-next"), "protection", f".{end}"),) if more else (),
            note=w("guards-note"),
        )
    )
    for letter in held[after:end]:
        turn.read("held", letter.author_id)
        turn.say(holds.card(turn, letter, w))


def _exchange(turn: Turn, pair_id: int) -> None:
    """Everything a pair wrote to each other through the bot, and a note that it was read."""
    pair = access.pair_to_guard(turn, pair_id)
    w = turn.w
    for person in (pair.mentee_id, pair.mentor_id):
        turn.read("exchange", person, pair.id)
    letters = turn.uow.safety.letters(pair.id)
    names = turn.uow.people.names([pair.mentee_id, pair.mentor_id])
    title = w("exchange-title", number=pair.id)
    if not letters:
        turn.say(Message(w("exchange-none"), title=title))
    for start in range(0, len(letters), SHOWN):
        turn.say(
            Message(
                title=title,
                text="",
                lines=tuple(
                    Line(
                        label=" · ".join(
                            (names.get(letter.author_id) or "—", w.moment(letter.written_at))
                        ),
                        text=str(turn.uow.safety.text(letter)) + _state(letter, w),
                    )
                    for letter in letters[start : start + SHOWN]
                ),
                notice=title,
            )
        )


def _state(letter: Letter, w: Words) -> str:
    return "" if letter.state == "sent" else f" ({w(f'letter-is-{letter.state}')})"


@act("flag-take", who="safeguarding")
def take(turn: Turn, number: int, version: int) -> None:
    """I look after it."""
    _move(turn, access.flag_to_guard(turn, number), version, "taken")


@act("flag-close", who="safeguarding")
def close(turn: Turn, number: int, version: int) -> None:
    """It has been dealt with."""
    _move(turn, access.flag_to_guard(turn, number), version, "closed")


def _move(turn: Turn, flag: Flag, version: int, state: str) -> None:
    if flag.state == "closed" or not turn.uow.safety.move_flag(
        flag, version, state, by=turn.me.id, now=turn.now
    ):
        turn.say(flags.card(turn, flag, turn.w))
        return
    turn.note(f"flag-{state}", "flag", flag.id)
    if state == "closed":
        turn.uow.timers.cancel("flag-waits", flag.id)
    said = flags.card(turn, flag, turn.w)
    if not turn.replace(said):
        turn.say(said)
