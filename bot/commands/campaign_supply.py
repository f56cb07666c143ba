"""`campagne offre`: how many mentors are missing where, and a recruiting text ready to send (X-14).

What is counted is `bot/supply.py`; nobody is named here.
"""

from __future__ import annotations

from typing import Final

from bot import supply
from bot.campaigns import board_of
from bot.commands.campaign_publish import current
from bot.messages import Line, Message
from bot.turn import Turn

SHOWN: Final = 8  # sectors


def show(turn: Turn, rest: str) -> None:
    """`offre`: how many mentors are missing where, and a text to send."""
    w, programme = turn.w, turn.programme
    campaign = current(turn)
    board = board_of(turn, campaign)
    gains = {
        e.person_id: (e.gain_pairs, e.gain_points)
        for e in turn.uow.campaigns.entries(campaign.id, "mentor")
    }
    index = turn.bot.experts.index.of(turn.uow.directory, turn.uow.vectors)
    found = supply.measure(board.given, programme, index, gains)
    lines = [
        Line(
            label=w.pick(s.label),
            text=w("supply-sector", n=max(1, round(s.wished)), places=s.places)
            + (" · " + w("supply-missing", n=s.missing) if s.missing else ""),
        )
        for s in found.sectors[:SHOWN]
    ]
    said = [w("supply-text", n=found.waiting, places=found.places)]
    if found.promos:
        said.append(
            w("supply-promos", first=found.promos[0], last=found.promos[1], places=found.in_range)
        )
    if best := found.helps_most()[:3]:
        said.append(w("supply-helps-most", sectors=w.all([w.pick(s.label) for s in best])))
    turn.say(Message(title=w("supply-title"), text="\n".join(said), lines=tuple(lines)), here=True)
    wanted = [s for s in found.sectors if s.missing][:3] or best
    missing = found.missing or sum(s.missing for s in found.sectors)
    if not missing:
        return
    text = w("recruit-text", n=missing, team=w.team(programme.contact))
    if wanted:
        text += " " + w("recruit-sectors", sectors=w.all([w.pick(s.label) for s in wanted]))
    if found.promos:
        text += " " + w("recruit-promos", first=found.promos[0], last=found.promos[1])
    text += "\n" + w("recruit-how", months=programme.pair.months)
    turn.say(Message(title=w("recruit-title"), text=text), here=True)
