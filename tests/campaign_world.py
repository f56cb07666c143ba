"""A campaign with people in it: mentors imported, students who applied, all made up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from sqlalchemy import select

from bot import campaigns
from bot.campaigns import Board, Draft
from bot.commands.campaign_draft import store
from bot.dialogue.tokens import ActToken, encode
from bot.events import Pressed
from bot.exporter import write_csv
from bot.flows import campaign as flow
from bot.importer import import_people
from bot.lifecycle import CAMPAIGN, move
from bot.matching.assign import FORBIDDEN, assign
from bot.matching.assign import Campaign as Instance
from bot.programmes.campaign import CampaignRules
from bot.supply import options_of
from bot.turn import Scene
from handlers.local.people import COLUMNS, invented
from storage.tables import Campaign, CampaignPair, Person, Proposal
from storage.unit_of_work import UnitOfWork
from tests.stand import Heard, Stand, programme

MENTORAT = "ax-mentorat"
PROMO = 2025
WORDS = (
    "Je voudrais comprendre le métier d’ingénieur", "La recherche m’attire, mais laquelle ?",
    "Monter une start-up", "Trouver un stage à l’étranger", "Concilier technique et terrain",
    "Les données et leurs usages", "Être utile", "La finance, vue de l’intérieur",
)  # fmt: skip


def mentors_csv(number: int, seed: int = 7, *, capacity: int | None = None) -> bytes:
    """A directory of this many, all free, ten years older; the columns of the import."""
    rng = Random(seed)
    rows = [
        {
            **row,
            "promo": str(PROMO - rng.randint(7, 17)),
            "capacite": str(capacity or rng.choice((1, 1, 2, 3))),
            "charge": "0",
            "disponible": "oui",
            "consentement": "oui",
            "telegram": str(10_000 + n),
        }
        for n, row in enumerate(invented(number, seed))
    ]
    columns = (*COLUMNS, "telegram")
    return write_csv(columns, ([row.get(c, "") for c in columns] for row in rows))


def students(
    uow: UnitOfWork,
    here: Campaign,
    number: int,
    now: datetime,
    seed: int = 3,
    *,
    turned: bool = False,
    first: int = 0,
) -> list[int]:
    """Students who applied, each wishing for one to three sectors in a few words."""
    rng, made = Random(seed), []
    sectors = [o.stands_for for o in options_of(programme(MENTORAT))]
    wishes = [
        (
            [v for s in rng.sample(sectors, rng.randint(1, 3)) for v in s],
            [rng.choice(WORDS)],
        )
        for _ in range(number)
    ]
    for n in range(number)[:: -1 if turned else 1]:
        called = n + first
        person = Person(
            external_id=f"M{called:04}", name=f"Élève {called:04}", promo=PROMO, lang="fr",
            created_at=now, programme_id=MENTORAT,
        )  # fmt: skip
        uow.session.add(person)
        uow.session.flush()
        uow.people.enrol(person.id, MENTORAT, "mentee", now=now)
        uow.people.consent(person.id, MENTORAT, "storage", text=("2026-11", ""), now=now)
        wanted, text = wishes[n]
        request = uow.requests.add(
            person.id, MENTORAT, 0, kind="long_term", shared={"named": True, "answers": []},
            features={"sector": wanted, "text": text}, now=now, due_at=None,
        )  # fmt: skip
        uow.campaigns.apply(here.id, person.id, request.id, now)
        made.append(person.id)
    return made


@dataclass
class Run:
    """A stand with one campaign."""

    stand: Stand
    campaign: int

    @classmethod
    def begin(
        cls, mentees: int, mentors: int, *, capacity: int | None = None, seed: int = 7,
        url: str = "sqlite://",
        floor: Literal["auto"] | int = "auto",
    ) -> Run:  # fmt: skip
        stand = Stand((programme(MENTORAT, campaign=CampaignRules(floor=floor)),), url=url)
        with stand.work() as uow:
            done = import_people(
                uow.directory, mentors_csv(mentors, seed, capacity=capacity), stand.now,
                programme=MENTORAT, programmes=stand.bot.programmes, telegram_bot="telegram:9",
            )  # fmt: skip
            assert not done.problems, done.problems[0]
            for person in everybody(uow):
                for purpose in ("storage", "charter"):
                    uow.people.consent(
                        person, MENTORAT, purpose, text=("2026-11", ""), now=stand.now
                    )
            here = uow.campaigns.open(
                MENTORAT, "2026", year=2026, promos=[PROMO], seed=seed, now=stand.now
            )
            assert here is not None
            number = here.id
            students(uow, here, mentees, stand.now, seed)
        return cls(stand, number)

    def board(self) -> Board:
        with self.stand.work() as uow:
            here = uow.campaigns.get(self.campaign)
            assert here is not None
            return campaigns.board_of(Scene(self.stand.bot, uow, self.stand.now), here)

    def draft(self) -> Draft:
        """A draft, stored."""
        board = self.board()
        found = board.draft()
        with self.stand.work() as uow:
            here = uow.campaigns.get(self.campaign)
            assert here is not None
            scene = Scene(self.stand.bot, uow, self.stand.now)
            store(scene, here, found, board.reasons(found.pairs), board)
        return found

    def publish(self) -> flow.Published:
        with self.stand.work() as uow:
            here = uow.campaigns.get(self.campaign)
            assert here is not None
            scene = Scene(self.stand.bot, uow, self.stand.now)
            uow.campaigns.move(here, here.version, move(CAMPAIGN, here.state, "publish"))
            return flow.publish(scene, self.stand.programmes[0], here)

    def pairs(self, *states: str) -> dict[int, int]:
        """Mentee → mentor of the rows in these states."""
        with self.stand.work() as uow:
            rows = uow.campaigns.pairs(self.campaign, *states)
            return {row.mentee_id: row.mentor_id for row in rows}

    def rows(self) -> list[CampaignPair]:
        with self.stand.work() as uow:
            return list(uow.campaigns.pairs(self.campaign))

    def answer(self, verb: str, mentees: Iterable[int]) -> list[Heard]:
        """The mentors asked for these mentees press a button: accept or decline."""
        heard: list[Heard] = []
        for mentee in sorted(mentees):
            with self.stand.work() as uow:
                request = uow.requests.live(mentee, MENTORAT)
                assert request is not None
                asked = [p for p in uow.requests.proposals(request.id) if p.state == "asked"]
                token, account = _token(uow, verb, asked[0])
            heard += self.stand.does(Pressed, account, token=token, on=None)
        return heard

    def later(self, days: int) -> list[Heard]:
        return self.stand.until(self.stand.now + timedelta(days=days))


@dataclass(frozen=True)
class Rematch:
    """What became of a campaign after declines.

    Attributes:
        moved: Accepted pairs that are not there any more.
        share: Of the points of the best draft made afresh over the same floor.
        own_share: Of the points of one that is made afresh over whatever floor it finds.
        floor: The lowest pair after the declines.
        own_floor: That of the one made afresh.
        changed: Pairs without an answer that the new draft would change.
    """

    moved: int
    share: float
    own_share: float
    floor: int
    own_floor: int
    changed: int


def rematch(mentees: int, mentors: int, seed: int, floor: Literal["auto"] | int) -> Rematch:
    """A tenth of the pairs declined, a fiftieth of the mentors gone, half of the rest accepted."""
    run = Run.begin(mentees, mentors, seed=seed, floor=floor)
    run.draft()
    run.publish()
    asked, before = run.pairs("proposed"), run.board()
    rng = Random(seed)
    no = set(rng.sample(sorted(asked), len(asked) // 10))
    yes = set(rng.sample(sorted(set(asked) - no), (len(asked) - len(no)) // 2))
    run.answer("accept", yes)
    run.answer("decline", no)
    kept = {asked[m] for m in yes}
    rest = sorted({m.id for m in before.given.mentors} - kept)
    gone = set(rng.sample(rest, mentors // 50))
    with run.stand.work() as uow:
        for mentor in gone:
            uow.directory.pause(mentor, run.stand.now)
    found = run.draft()
    together = {**found.pairs, **{m: asked[m] for m in yes}}
    assert len(together) == mentees
    run.publish()
    accepted = run.pairs("accepted")
    scores = before.scores.copy()
    rows = [m.id for m in before.given.mentees]
    columns = [m.id for m in before.given.mentors]
    for mentee in no:
        scores[rows.index(mentee), columns.index(asked[mentee])] = FORBIDDEN
    places = [0 if m.id in gone else m.free for m in before.given.mentors]
    # in one table: without those who left, the texts of the others weigh a little more
    lowest = min(before.score(mentee, mentor) for mentee, mentor in together.items())
    same, own = (
        assign(Instance(rows, columns, scores, places, floor=one))
        for one in (lowest, None if floor == "auto" else floor)
    )
    assert len(own.pairs) == mentees
    total = worth(before, together)
    assert total <= same.objective
    return Rematch(
        moved=sum(accepted.get(m) != asked[m] for m in yes),
        share=total / same.objective,
        own_share=total / own.objective,
        floor=lowest,
        own_floor=own.floor,
        changed=sum(found.pairs[m] != asked[m] for m in found.pairs if m not in no),
    )


def worth(one: Board, pairs: Mapping[int, int]) -> int:
    """Scores less what second and third mentees cost."""
    load: dict[int, int] = {}
    total = 0
    for mentee, mentor in pairs.items():
        nth = load.get(mentor, 0)
        total += one.score(mentee, mentor) - 40 * nth
        load[mentor] = nth + 1
    return total


def everybody(uow: UnitOfWork) -> list[int]:
    """Everybody there is."""
    return list(uow.session.scalars(select(Person.id)))


def _token(uow: UnitOfWork, verb: str, proposal: Proposal) -> tuple[str, str]:
    account = uow.people.identities(proposal.expert_id)[0].account
    return encode(ActToken(verb, proposal.id, proposal.version)), account
