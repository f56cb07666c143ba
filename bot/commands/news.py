"""`nouvelles` and `contact`: what I hear of in this programme, and whom I can ask.

One's own word holds: whoever wants no announcements gets none, from the next message on, until they
say otherwise. What the bot asks as the programme goes on is no announcement.

Source: X-15.
"""

from __future__ import annotations

from bot.commands.registry import command
from bot.dialogue.questionnaire import fold
from bot.dialogues import run_choice
from bot.messages import Message
from bot.turn import Turn
from storage.tables import News


@command("nouvelles", alias="news", who="member")
def nouvelles(turn: Turn, args: str) -> None:
    """What I hear of; `nouvelles non`, `oui`, `prochaine`, `sans` change it."""
    store, here, me = turn.uow.announcements, turn.programme, turn.me.id
    match fold(args):
        case "non" | "no":
            store.want(me, here.id, muted_at=turn.now)
            turn.note("news", "person", me, muted=1)
        case "oui" | "yes":
            store.want(me, here.id, muted_at=None)
            turn.note("news", "person", me, muted=0)
        case "prochaine" | "next" if here.campaign is not None:
            store.want(me, here.id, next_at=turn.now)
        case "sans" | "without":
            store.want(me, here.id, next_at=None)
        case _:
            pass
    _show(turn, store.news(me, here.id))


def _show(turn: Turn, row: News | None) -> None:
    w = turn.w
    muted = row is not None and row.muted_at is not None
    waits = row is not None and row.next_at is not None
    lines = [w("news-is-muted" if muted else "news-is-on")]
    choices = [
        run_choice(w("news-unmute"), "nouvelles", "oui")
        if muted
        else run_choice(w("news-mute"), "nouvelles", "non")
    ]
    if turn.programme.campaign is not None:
        lines.append(w("news-next-on" if waits else "news-next-off"))
        choices.append(
            run_choice(w("news-next-stop"), "nouvelles", "sans")
            if waits
            else run_choice(w("news-next"), "nouvelles", "prochaine")
        )
    turn.say(
        Message(
            "\n".join(lines), title=w("news-title", name=w.pick(turn.programme.name)),
            choices=tuple(choices), note=w("news-note"),
        )
    )  # fmt: skip


@command("contact", alias="coordinator", who="anyone")
def contact(turn: Turn, args: str) -> None:
    """Whom to ask: the coordinator's name and address."""
    programme, w = turn.current, turn.w
    if programme is None:
        turn.text("contact-none")
        return
    turn.say(
        Message(
            w(
                "help-contact",
                name=w.team(programme.contact),
                address=programme.contact.address or "",
                n=programme.contact.days,
            )
        ),
        here=True,
    )
