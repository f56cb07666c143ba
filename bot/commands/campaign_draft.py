"""Making a campaign's draft: at once when it is small, else beside the turns.

A large one takes too long for a turn (`bot.aside`). Whatever happens between reading and storing is
looked at again when it is published.

Source: X-06; house, "a turn is short".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot import campaigns, lifecycle
from bot.aside import Answer, Work, beside, put, reply
from bot.campaigns import Board, Draft, board_of
from bot.dialogues import act_choice, run_choice
from bot.errors import NotAllowed
from bot.i18n import Words
from bot.messages import Message
from bot.turn import Scene, Turn
from storage.tables import Campaign
from storage.timers import DueTimer

AT_ONCE: Final = 60_000  # mentees times mentors up to which a draft is made within a turn …
UNREAD: Final = 8  # … if so many wishes at most have to be encoded for it: a quarter of a second


def make(turn: Turn, campaign: Campaign) -> None:
    """A new draft, stored and summed up; perhaps a little later."""
    board = board_of(turn, campaign)
    if not board.given.mentees:
        turn.say(Message(turn.w("campaign-nobody-waits")), here=True)
        return
    turn.note("campaign-drafted", "campaign", campaign.id)
    size = len(board.given.mentees) * len(board.given.mentors)
    if turn.bot.aside is not None and (size > AT_ONCE or board.unread > UNREAD):
        put(turn, "campaign-draft", campaign.id)
        turn.say(Message(turn.w("campaign-drafting")), here=True)
        return
    draft = board.draft()
    store(turn, campaign, draft, board.reasons(draft.pairs), board)
    turn.say(summary(turn.w, campaign, draft), here=True)


@beside("campaign-draft")
def read(scene: Scene, timer: DueTimer) -> Work | None:
    """What a draft is made from, and what is done with it."""
    campaign = scene.uow.campaigns.get(timer.subject_id)
    if campaign is None:
        return None
    board = board_of(scene, campaign)

    def work() -> Answer:
        draft = board.draft()
        said = board.reasons(draft.pairs)
        return lambda later: answer(later, timer, board, draft, said)

    return work


def answer(
    scene: Scene,
    timer: DueTimer,
    board: Board,
    draft: Draft,
    said: Mapping[int, list[str]],
) -> None:
    """Store a draft made beside the turns, and tell whoever asked, if they may still know."""
    campaign = scene.uow.campaigns.get(timer.subject_id)
    if campaign is None or campaign.state == "closed":
        return
    store(scene, campaign, draft, said, board)
    reply(scene, timer, lambda w: summary(w, campaign, draft))


def store(
    scene: Scene,
    campaign: Campaign,
    draft: Draft,
    said: Mapping[int, list[str]],
    board: Board,
) -> None:
    """Keep a draft with its reasons."""
    programme = scene.programme_of(campaign.programme_id)
    campaigns.write(scene, campaign, board, draft, said)
    state = lifecycle.move(lifecycle.CAMPAIGN, campaign.state, "draft")
    figures = campaigns.figures(draft, programme)
    if not scene.uow.campaigns.move(
        campaign, campaign.version, state, drafted_at=scene.now, **figures
    ):
        raise NotAllowed("somebody else made a draft")


def summary(w: Words, campaign: Campaign, draft: Draft) -> Message:
    """A draft in a few lines."""
    proved = w("campaign-proved") if draft.objective == draft.bound else w(
        "campaign-near", points=draft.bound - draft.objective
    )  # fmt: skip
    choices = [
        run_choice(w("campaign-review"), "campagne", "revue", "primary"),
        act_choice(w("campaign-publish"), "campaign-ask", campaign.id, campaign.version),
    ]
    if draft.unmatched:
        choices.insert(1, run_choice(w("campaign-see-without"), "campagne", "sans"))
    return Message(
        title=w("campaign-draft-title", name=campaign.name),
        text="\n".join(
            (
                w("campaign-draft-pairs", n=len(draft.pairs)),
                *((w("campaign-draft-without", n=left),) if (left := len(draft.unmatched)) else ()),
                w("campaign-draft-points", points=draft.objective, floor=draft.floor),
                proved,
            )
        ),
        choices=tuple(choices),
        note=w("campaign-draft-note"),
    )
