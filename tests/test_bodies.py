"""Another body of staff hears of what concerns the verbs it was lent, and of nothing else."""

from __future__ import annotations

from bot.dialogue.tokens import ActToken, encode
from bot.programmes.about import Body
from bot.programmes.queue import QueueRules
from tests.asking import LEA, MARC, NAMES, TOM, act, asks, request
from tests.stand import CLAIRE, Heard, Stand, button, programme, told

OLGA, SUE = "51", "52"


def stand(*may: str, role: str = "soie") -> Stand:
    """Claire of the team, Olga of the other body; Léa's request is with the team."""
    name = {"fr": "le SOIE", "en": "the SOIE"}
    body = Body.model_validate({"id": role, "name": name, "may": may})
    one = Stand((programme(queue=QueueRules(), bodies=(body,)),))
    one.join(CLAIRE, "Claire", role="staff")
    one.join(LEA, "Léa Martin")
    one.join(TOM, "Tom Blanc")
    one.join(MARC, NAMES[MARC], role="mentor")
    one.join(OLGA, "Olga Petit", role=role)
    with one.work() as uow:
        uow.people.enrol(one.ids[OLGA], one.programmes[0].id, "mentee", now=one.now, state="ended")
    asks(one)
    if request(one).state != "team":
        act(one, LEA, "team")
    return one


def kinds(heard: list[Heard], account: str) -> set[str]:
    return {one.key.partition(":")[0] for one in told(heard, account)}


def test_lent_requests_they_are_handed_one_and_hear_that_its_deadline_passed() -> None:
    one = stand("demandes")
    shown = one.command(CLAIRE, "demandes", "1")
    asked = one.press(CLAIRE, button(shown, CLAIRE, "Confier"))
    handed = one.press(CLAIRE, button(asked, CLAIRE, "Olga"))
    assert told(handed, OLGA, "Léa Martin")
    assert request(one).owner_id == one.ids[OLGA]
    late = one.days(12)
    assert "request-due" in kinds(late, OLGA)
    assert "digest" in kinds(late, OLGA)


def test_lent_requests_they_hear_with_the_team_that_nobody_takes_one() -> None:
    heard = stand("demandes").days(12)
    assert {"request-claim", "request-due", "digest"} <= kinds(heard, OLGA)
    assert {"request-claim", "request-due", "digest"} <= kinds(heard, CLAIRE)


def test_lent_something_else_they_hear_nothing_of_requests_or_pairs() -> None:
    one = stand("campagne")
    heard = one.days(12)
    one.pair(TOM, MARC)
    heard += one.press(MARC, encode(ActToken("beyond-yes", 1, 1)))
    assert kinds(heard, OLGA) == set()
    assert {"request-claim", "beyond"} <= kinds(heard, CLAIRE)


def test_lent_pairs_they_hear_what_nobody_follows_and_a_supervisor_does_not() -> None:
    one = stand("binomes")
    one.join(SUE, "Sue Roy", role="supervisor")
    one.pair(TOM, MARC)
    heard = one.press(MARC, encode(ActToken("beyond-yes", 1, 1)))
    assert told(heard, OLGA, "Marc Aubier")
    assert told(heard, CLAIRE, "Marc Aubier")
    assert not told(heard, SUE)


def test_a_supervisor_who_is_lent_pairs_hears_of_theirs_only() -> None:
    one = stand("binomes", role="supervisor")
    one.pair(TOM, MARC)
    assert not told(one.press(MARC, encode(ActToken("beyond-yes", 1, 1))), OLGA)


def test_a_word_passed_on_to_the_team_stays_with_the_team() -> None:
    one = stand("demandes", "binomes", "campagne")
    said = one.say(LEA, "Voici quelques mots pour personne en particulier")
    heard = one.press(LEA, button(said, LEA, "Transmettre"))
    assert told(heard, CLAIRE)
    assert not told(heard, OLGA)
