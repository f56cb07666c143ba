"""Two presses at the same instant have one effect: double clicks, two devices, two of the team.

On PostgreSQL, where transactions really overlap, and on SQLite, where they queue. Each press is a
transaction of its own in a thread of its own, repeated as the inbox does when two of them only got
into each other's way.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import select

from bot.dialogue.tokens import ActToken, RunToken, encode
from bot.events import Author, Pressed
from bot.flows.checkins import rhythm_version
from bot.messages import MessageRef
from bot.turn import Scene
from scheduling.inbox import CLASH_TRIES, clash
from storage.tables import (
    Audit,
    Expert,
    Membership,
    Pair,
    Proposal,
    Report,
    Request,
    SeriesException,
)
from tests.asking import INES, LEA, MARC, asks, proposals, request, stand
from tests.stand import CLAIRE, Stand

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
Press = tuple[str, str]  # account, token


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def one(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    """The team, Léa and Tom, two experts."""
    lite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/c.db" if lite else request.getfixturevalue("pg_tables")
    made = stand(MARC, INES, url=url)
    yield made
    made.database.close()


def at_once(one: Stand, presses: Sequence[Press]) -> None:
    """All of these at the same instant; none of them fails."""
    ready = Barrier(len(presses))

    def press(number: int, account: str, token: str) -> None:
        author = Author("telegram", account, "telegram:9", "fr", f"Nom {account}")
        event = Pressed(
            id=f"race{id(presses)}:{one.now.timestamp()}:{number}",
            author=author,
            at=one.now,
            token=token,
            on=MessageRef(account, "1"),
        )
        ready.wait(10)
        for attempt in range(1, CLASH_TRIES + 1):
            try:
                with one.database.unit_of_work() as uow:
                    one.bot.handle(uow, event, one.now)
                    uow.commit()
            except Exception as error:
                if not clash(error) or attempt == CLASH_TRIES:
                    raise
            else:
                return

    with ThreadPoolExecutor(len(presses)) as threads:
        list(threads.map(lambda n: press(n, *presses[n]), range(len(presses))))
    one.now += timedelta(seconds=1)


def count(one: Stand, entity: type[object], **where: object) -> int:
    with one.work() as uow:
        return uow.session.query(entity).filter_by(**where).count()


def test_a_double_click_skips_one_date(one: Stand) -> None:
    capacity(one, MARC, 100)
    for done in range(1, 101):
        if done % 5 == 1:
            number = one.pair(LEA, MARC)
        with one.work() as uow:
            pair = uow.pairs.get(number)
            assert pair is not None
            version = rhythm_version(Scene(one.bot, uow, one.now), pair, one.ids[LEA])
        at_once(one, [(LEA, encode(ActToken("skip-next", number, version)))] * 2)
        assert count(one, SeriesException) == done


def asked(one: Stand, account: str, expert: str) -> Proposal:
    """Somebody's request, sent to an expert who has not answered; the proposal."""
    asks(one, account)
    with one.work() as uow:
        [mine] = [r for r in uow.session.scalars(select(Request))
                  if r.person_id == one.ids[account]]  # fmt: skip
        number = mine.id
    shown = proposals(one, number)[one.ids[expert]]
    one.press(account, encode(ActToken("ask", shown.id, shown.version)))
    return proposals(one, number)[one.ids[expert]]


def capacity(one: Stand, account: str, places: int) -> None:
    with one.work() as uow:
        uow.session.query(Expert).filter_by(person_id=one.ids[account]).update({"capacity": places})


def test_yes_and_no_from_two_devices_is_one_answer(one: Stand) -> None:
    capacity(one, MARC, 100)
    for n in range(20):
        account = one_more(one, n)
        offer = asked(one, account, MARC)
        press = [(MARC, encode(ActToken(verb, offer.id, offer.version)))
                 for verb in ("accept", "decline")]  # fmt: skip
        at_once(one, press if n % 2 else press[::-1])
        with one.work() as uow:
            after = uow.session.get(Proposal, offer.id)
            assert after is not None
            pairs = uow.session.query(Pair).filter_by(mentee_id=one.ids[account]).count()
            assert (after.state, pairs) in {("accepted", 1), ("declined", 0)}
    with one.work() as uow:
        expert = uow.session.get(Expert, one.ids[MARC])
        assert expert is not None
        assert expert.places_taken == uow.session.query(Pair).count()


def one_more(one: Stand, n: int) -> str:
    account = str(100 + n)
    one.join(account, f"Personne {n}")
    return account


def test_the_last_place_is_given_once(one: Stand) -> None:
    for n in range(0, 20, 2):
        capacity(one, MARC, n // 2 + 1)
        offers = [asked(one, one_more(one, n + k), MARC) for k in (0, 1)]
        at_once(one, [(MARC, encode(ActToken("accept", o.id, o.version))) for o in offers])
        assert count(one, Pair) == n // 2 + 1
        for offer in offers:  # whoever lost is not left in between
            with one.work() as uow:
                left = uow.session.get(Proposal, offer.id)
                assert left is not None
                lost = left.state == "asked"
                version = left.version
            if lost:
                one.press(MARC, encode(ActToken("decline", offer.id, version)))


def test_two_of_the_team_propose_the_same_person_once(one: Stand) -> None:
    one.join("2", "Paule", role="staff")
    for n in range(20):
        account = one_more(one, n)
        asks(one, account)
        with one.work() as uow:
            number = max(r.id for r in uow.session.scalars(select(Request)))
        one.press(account, encode(ActToken("team", number, request(one, number).version)))
        before = count(one, Audit)
        token = encode(RunToken("proposer", f"{number}-{one.ids[INES]}"))
        at_once(one, [(CLAIRE, token), ("2", token)])
        shown = count(one, Proposal, request_id=number, expert_id=one.ids[INES])
        assert shown == 1
        assert count(one, Audit) > before


def test_agreeing_on_two_devices_enrols_once(one: Stand) -> None:
    for n in range(20):
        account = str(500 + n)
        token = encode(RunToken("accord", one.programmes[0].id))
        at_once(one, [(account, token)] * 3)
        with one.work() as uow:
            known = uow.people.by_account("telegram", account)
            assert known is not None
            assert len(uow.people.consents(known.person_id, one.programmes[0].id)) == 1
            assert uow.session.query(Membership).filter_by(person_id=known.person_id).count() <= 1


def test_a_report_opened_by_two_processes_is_opened_once(one: Stand) -> None:
    """Somebody joins while another process opens everybody's; neither of the two stumbles."""
    for n in range(10):
        ready = Barrier(3)

        def opened(_: int, n: int = n, ready: Barrier = ready) -> bool:
            ready.wait(10)
            with one.database.unit_of_work() as uow:
                found = uow.reports.open(
                    one.ids[LEA], "p", "q", f"{n}", opened_at=one.now, closes_at=one.now
                )
                uow.commit()
            return found is not None

        with ThreadPoolExecutor(3) as threads:
            assert sorted(threads.map(opened, range(3))) == [False, False, True]
    assert count(one, Report) == 10
