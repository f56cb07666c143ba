"""Publishing and closing a campaign: asked once more, then done in one act.

Everybody concerned hears at once, in their waking hours; what each is told is
`bot/flows/campaign.py`.
"""

from __future__ import annotations

from bot import access, lifecycle
from bot.commands.registry import act
from bot.dialogues import act_choice, run_choice
from bot.errors import NotAllowed
from bot.flows import campaign as flow
from bot.messages import Message
from bot.turn import Turn
from storage.tables import Campaign


def current(turn: Turn) -> Campaign:
    """The programme's campaign.

    Raises:
        NotAllowed: It was closed meanwhile.
    """
    found = turn.uow.campaigns.current(turn.programme.id)
    if found is None:
        raise NotAllowed("no campaign")
    return found


# --- publishing and closing -----------------------------------------------------------------------


def publish_sure(turn: Turn, rest: str) -> None:
    """`publier`: asked once more, with what it will say to whom."""
    _ask_to_publish(turn, current(turn))


def _ask_to_publish(turn: Turn, campaign: Campaign) -> None:
    w = turn.w
    rows = turn.uow.campaigns.pairs(campaign.id)
    fresh = sum(r.drafted and r.state == "draft" for r in rows)
    back = sum(not r.drafted and r.state == "proposed" for r in rows)
    if campaign.state != "matching" or not fresh + back:
        turn.say(Message(w("campaign-nothing-to-publish")), here=True)
        return
    left = sum(bool(e.why) for e in turn.uow.campaigns.entries(campaign.id, "mentee"))
    said = [w("campaign-will-ask", n=fresh)]
    if left:
        said.append(w("campaign-will-wait", n=left))
    if back:
        said.append(w("campaign-will-take-back", n=back))
    turn.say(
        Message(
            title=w("campaign-publish-title", name=campaign.name),
            text="\n".join(said),
            choices=(
                act_choice(w("campaign-publish-yes"), "campaign-publish", campaign.id,
                           campaign.version, "primary"),
                run_choice(w("campaign-review"), "campagne", "revue"),
            ),
            note=w("campaign-publish-note"),
        ),
        here=True,
    )  # fmt: skip


@act("campaign-ask", who="staff", of="campagne")
def ask_to_publish(turn: Turn, number: int, version: int) -> None:
    """Publish? What it will say, and to how many."""
    _ask_to_publish(turn, access.staff_campaign(turn, number))


@act("campaign-publish", who="staff", of="campagne")
def publish(turn: Turn, number: int, version: int) -> None:
    """Everybody hears at once: mentors are asked, mentees know who, the others are told to wait."""
    campaign = access.staff_campaign(turn, number)
    if campaign.version != version or campaign.state != "matching":
        turn.text("button-stale")
        return
    state = lifecycle.move(lifecycle.CAMPAIGN, campaign.state, "publish")
    if not turn.uow.campaigns.move(campaign, version, state, published_at=turn.now):
        turn.text("button-stale")
        return
    done = flow.publish(turn, turn.programme, campaign)
    turn.note("campaign-published", "campaign", campaign.id, asked=done.asked)
    w = turn.w
    said = [w("campaign-published", n=done.asked)]
    if done.waiting:
        said.append(w("campaign-waits", n=done.waiting))
    if done.lost:
        said.append(w("campaign-lost", n=done.lost))
    turn.say(Message("\n".join(said)), here=True)


def close_sure(turn: Turn, rest: str) -> None:
    """`fermer`: asked once more."""
    w, campaign = turn.w, current(turn)
    waiting = [
        one for one in turn.uow.campaigns.applicants(campaign.id) if one.request.state != "asked"
    ]
    turn.say(
        Message(
            w("campaign-close-sure", name=campaign.name, left=len(waiting)),
            choices=(
                act_choice(w("campaign-close-yes"), "campaign-close", campaign.id,
                           campaign.version, "danger"),
                run_choice(w("campaign-close-no"), "campagne"),
            ),
        ),
        here=True,
    )  # fmt: skip


@act("campaign-close", who="staff", of="campagne")
def close(turn: Turn, number: int, version: int) -> None:
    """The campaign is over; its two counts stay (X-17)."""
    campaign = access.staff_campaign(turn, number)
    if campaign.version != version or campaign.state == "closed":
        turn.text("button-stale")
        return
    uow = turn.uow
    counts = uow.campaigns.counts(campaign.id)
    volunteers, pairs = uow.campaigns.volunteers(campaign.id), counts.get("accepted", 0)
    flow.close(turn, turn.programme, campaign)
    state = lifecycle.move(lifecycle.CAMPAIGN, campaign.state, "close")
    uow.campaigns.move(
        campaign, version, state, closed_at=turn.now, volunteers=volunteers, pairs=pairs
    )
    turn.note("campaign-closed", "campaign", campaign.id)
    turn.say(
        Message(turn.w("campaign-closed", name=campaign.name, volunteers=volunteers, pairs=pairs)),
        here=True,
    )
