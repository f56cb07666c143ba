"""A campaign as those who take part live it: applying, being proposed, waiting, the end of it.

What staff do with it is `bot/commands/campaign.py`; who is put together is `bot/campaigns.py`. A
pair of the campaign becomes an ordinary offer to its mentor, with its deadline, nudge and three
answers; a no brings the application back to the campaign, and those two never meet again in one.

Source: X-01, X-02, X-06, X-14; pain 4 (nobody is left unseen, told early).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from bot import lifecycle
from bot.campaigns import rules_for
from bot.dialogue.questionnaire import fold
from bot.dialogues import run_choice
from bot.flows import offers, pairs
from bot.i18n import Words
from bot.messages import Line, Message
from bot.programmes.schema import Programme
from bot.turn import MASS, REMINDER, Scene, Turn
from storage.tables import Campaign, CampaignPair, Person, Proposal, Request

FREE: Final = ("open", "proposed", "team")
"""States of an application that nobody has been asked about."""
MESSAGE: Final = 3600  # signs of lines in a message: Telegram takes 4,096 with all around them
WAY: Final = 200  # signs of a way in beside the name and the address


class Published(NamedTuple):
    """How many mentors were asked, how many were not free any more, how many mentees wait."""

    asked: int
    lost: int
    waiting: int


def promos_said(promos: Sequence[int], w: Words) -> str:
    """Years of entry, as in « 2025 et 2024 »."""
    return w.all([str(year) for year in promos])


# --- applying -------------------------------------------------------------------------------------


def may_apply(turn: Turn) -> bool:
    """Whether an application is taken now; says why not."""
    programme = turn.programme
    if programme.campaign is None:
        return True
    campaign = turn.uow.campaigns.current(programme.id)
    team = turn.w.team(programme.contact)
    if campaign is None:
        turn.text("campaign-none-open", name=team)
        return False
    if any(p.mentee_id == turn.me.id for p in turn.uow.pairs.of_person(turn.me.id, programme.id)):
        turn.text("campaign-has-mentor")  # nobody is paired twice
        return False
    if turn.me.promo not in campaign.promos:
        promos = campaign.promos
        said = promos_said(promos, turn.w)
        turn.text("campaign-other-promos", n=len(promos), promos=said, name=team)
        return False
    return True


def apply(turn: Turn, request: Request) -> bool:
    """The application is sent, or sent anew; False when the campaign has closed meanwhile."""
    programme = turn.programme
    campaign = turn.uow.campaigns.current(programme.id)
    if campaign is None:
        _move(turn, request, "withdraw")
        turn.text("campaign-none-open", name=turn.w.team(programme.contact))
        return False
    if request.state == "asked":  # whoever had it was told that it is taken back
        _move(turn, request, "reopen")
    turn.uow.campaigns.apply(campaign.id, turn.me.id, request.id, turn.now)
    turn.note("applied", "campaign", campaign.id)
    _warn(turn, programme, campaign)
    return True


def _move(scene: Scene, request: Request, event: str) -> None:
    state = lifecycle.move(lifecycle.REQUEST, request.state, event)
    scene.uow.requests.move(request, request.version, state, now=scene.now)


def _warn(scene: Scene, programme: Programme, campaign: Campaign) -> None:
    """Fewer places than volunteers: the team hears it, once a day (X-14)."""
    places, waiting = supply(scene, programme, campaign)
    if places >= waiting * rules_for(programme).warn_below:
        return
    scene.tell_staff(
        programme,
        lambda w: Message(
            w("staff-campaign-short", places=places, n=waiting),
            choices=(run_choice(w("campaign-see-supply"), "campagne", "offre"),),
        ),
        key=f"campaign-short:{campaign.id}:{scene.now:%Y%m%d}",
        verb="campagne",
    )


def supply(scene: Scene, programme: Programme, campaign: Campaign) -> tuple[int, int]:
    """Free places of mentors, and volunteers who have no mentor yet."""
    uow = scene.uow
    known = uow.campaigns.mentors(uow.directory.eligible(scene.now, programme_id=programme.id))
    places = sum(uow.campaigns.places(known).values())
    return places, len(uow.campaigns.applicants(campaign.id))


def announce(scene: Scene, programme: Programme, campaign: Campaign) -> int:
    """Tell those who may apply, or asked to be told, that the campaign is open (X-15); how many."""
    told = 0
    people = {
        person.id: person
        for person in scene.uow.people.with_role(programme.id, "mentee")
        if person.promo in campaign.promos
    }
    people |= {one.id: one for one in scene.uow.announcements.told_of_next(programme.id)}
    for person in people.values():
        w = scene.words(person, programme)
        told += scene.tell(
            person,
            Message(
                w("campaign-opened", name=campaign.name),
                choices=(run_choice(w("campaign-apply"), "demande", style="primary"),),
            ),
            key=f"campaign-opened:{campaign.id}:{person.id}",
            priority=MASS,
        )
    return told


# --- published ------------------------------------------------------------------------------------


def publish(scene: Scene, programme: Programme, campaign: Campaign) -> Published:
    """Every drafted pair becomes an offer to its mentor; every mentee hears where they stand."""
    uow = scene.uow
    requests = {e.person_id: e.request_id for e in uow.campaigns.entries(campaign.id, "mentee")}
    rows = uow.campaigns.pairs(campaign.id)
    for row in rows:
        if row.state == "proposed" and not row.drafted:
            was = requests.get(row.mentee_id) or 0  # nosec B113 # a dict, not the web library
            _take_back(scene, uow.requests.get(was))
    asked = lost = 0
    unreached: list[Person] = []
    for row in rows:
        if not row.drafted or row.state != "draft":
            continue
        was = requests.get(row.mentee_id) or 0  # nosec B113 # a dict, not the web library
        request = uow.requests.get(was)
        if request is None or request.state not in FREE:
            continue
        if scene.bot.experts.free(scene, row.mentor_id) and _propose(
            scene, row, request, unreached
        ):
            asked += 1
        else:
            lost += 1
    _invite(scene, programme, campaign, unreached)
    waiting = 0
    for entry in uow.campaigns.entries(campaign.id, "mentee"):
        request = uow.requests.get(entry.request_id or 0)
        if request is not None and request.state in FREE:
            waiting += 1
            _tell_waiting(scene, programme, campaign, entry.person_id)
    return Published(asked, lost, waiting)


def _take_back(scene: Scene, request: Request | None) -> None:
    if request is not None and request.state == "asked":
        offers.take_back(scene, request)
        _move(scene, request, "reopen")


def _invite(
    scene: Scene, programme: Programme, campaign: Campaign, unreached: Sequence[Person]
) -> None:
    """The team gets the links that bring in the mentors asked, in as few messages as hold them."""
    every = {person.id: person for person in unreached}
    absent = sorted(every.values(), key=lambda person: (fold(person.name or ""), person.id))
    while absent:
        some = _that_fit(absent)
        absent = absent[len(some) :]
        codes = [offers.way_in(scene, programme, person) for person in some]

        def build(
            w: Words,
            some: Sequence[Person] = some,
            codes: Sequence[str | None] = codes,
        ) -> Message:
            ways = zip(some, codes, strict=True)
            return Message(
                w("campaign-to-invite", n=len(some), days=offers.INVITED_DAYS),
                title=w("campaign-to-invite-title", name=campaign.name),
                lines=tuple(_way_in(scene, programme, *way, w) for way in ways),
            )

        key = f"campaign-invite:{campaign.id}:{campaign.version}:{some[0].id}"
        scene.tell_staff(programme, build, key=key)


def _that_fit(absent: Sequence[Person]) -> Sequence[Person]:
    """The first of them whose ways in fit one message."""
    room = MESSAGE
    for number, person in enumerate(absent):
        room -= len(person.name or "") + len(person.email or "") + WAY
        if number and room < 0:
            return absent[:number]
    return absent


def _way_in(scene: Scene, programme: Programme, person: Person, code: str | None, w: Words) -> Line:
    key = "campaign-invite-line"
    if not code:
        here = offers.is_here(scene, person)
        key = "campaign-unreachable-line" if here else "campaign-of-team-line"
    said = w(
        key,
        email=person.email or "—",
        code=code,
        link=scene.bot.deep_link(code or programme.id) or "—",
    )
    return Line(said, label=person.name or "—")


def _propose(scene: Scene, row: CampaignPair, request: Request, unreached: list[Person]) -> bool:
    proposal = scene.uow.requests.propose(
        request.id, row.mentor_id, rank=1, reasons=row.reasons, now=scene.now, by_staff=True
    )
    if not offers.send(scene, request, proposal, priority=MASS, unreached=unreached):
        return False
    row.state = lifecycle.move(lifecycle.CAMPAIGN_PAIR, row.state, "propose")
    mentee, mentor = scene.person(row.mentee_id), scene.person(row.mentor_id)
    programme = scene.programme_of(request.programme_id)
    w = scene.words(mentee, programme)
    absent = any(person.id == mentor.id for person in unreached)
    said = w(
        "campaign-proposed-absent" if absent else "campaign-proposed",
        who=pairs.card(scene, mentor, programme),
        name=pairs.first_name(mentor),
        team=w.team(programme.contact),
        when=w.weekday(proposal.due_at or scene.now),
    )
    why = "\n".join(f"• {reason}" for reason in row.reasons)
    scene.tell(
        mentee,
        Message(title=w("campaign-proposed-title"), text="\n\n".join(filter(None, (said, why)))),
        key=f"campaign-proposed:{proposal.id}:{proposal.version}",
        priority=MASS,
    )
    return True


def _tell_waiting(scene: Scene, programme: Programme, campaign: Campaign, person_id: int) -> None:
    key = f"campaign-waiting:{campaign.id}:{person_id}"
    _tell(scene, programme, person_id, "campaign-waiting", key=key, priority=MASS)


def _tell(
    scene: Scene, programme: Programme, person_id: int, what: str, *, key: str, priority: int
) -> None:
    """A sentence that names the team."""
    person = scene.person(person_id)
    w = scene.words(person, programme)
    said = Message(w(what, name=w.team(programme.contact)))
    scene.tell(person, said, key=key, priority=priority)


@offers.watcher
def answered(scene: Scene, request: Request, proposal: Proposal, how: str) -> bool:
    """What became of an offer; after a no the campaign looks for somebody else."""
    campaign = scene.uow.campaigns.of_request(request.id)
    if campaign is None:
        return False
    event = "decline" if how in ("lapse", "leave") else how
    state = lifecycle.move(lifecycle.CAMPAIGN_PAIR, "proposed", event)
    scene.uow.campaigns.answered(request.person_id, proposal.expert_id, state)
    if campaign.state == "closed":
        if event == "accept":
            late = (campaign.pairs or 0) + 1
            scene.uow.campaigns.move(campaign, campaign.version, "closed", pairs=late)
        return False  # nobody is looked for any more: the team takes over
    if event != "decline":
        return True
    scene.uow.campaigns.forbid(
        campaign.programme_id, request.person_id, proposal.expert_id, "declined", scene.now
    )
    _move(scene, request, "reopen")
    programme = scene.programme_of(campaign.programme_id)
    mentee = scene.person(request.person_id)
    w = scene.words(mentee, programme)
    said = offers.said_no(scene, proposal, how, w, programme)
    scene.tell(
        mentee,
        Message(said + "\n" + w("campaign-again", name=w.team(programme.contact))),
        key=f"refused:{proposal.id}:{proposal.version}",
        priority=REMINDER,
    )
    scene.tell_staff(
        programme,
        lambda w: Message(
            w("staff-campaign-declined", name=campaign.name),
            choices=(run_choice(w("campaign-draft-again"), "campagne", "brouillon"),),
        ),
        key=f"campaign-declined:{campaign.id}:{scene.now:%Y%m%d}",
        verb="campagne",
    )
    return True


# --- the end --------------------------------------------------------------------------------------


def close(scene: Scene, programme: Programme, campaign: Campaign) -> int:
    """Close what still waits, with a word to each; how many were left without a mentor.

    Offers that wait for an answer go on as they are.
    """
    left = 0
    for one in scene.uow.campaigns.applicants(campaign.id):
        if one.request.state == "asked":
            continue
        _move(scene, one.request, "withdraw")
        key = f"campaign-closed:{campaign.id}:{one.person_id}"
        _tell(
            scene, programme, one.person_id, "campaign-closed-without", key=key, priority=REMINDER
        )
        left += 1
    return left
