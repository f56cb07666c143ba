"""A programme of one Slack workspace is there for its people, and for nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from bot.dialogue.tokens import ActToken, RunToken, encode
from bot.events import Author, Commanded, Event, Opened, Pressed, Said
from bot.messages import Message, MessageRef
from bot.programmes.load import load
from bot.programmes.schema import Programme
from bot.turn import Scene
from storage.tables import Identity, Membership
from tests.asking import GONE
from tests.stand import CLAIRE, Heard, Stand, programme, told

HOME, AWAY = "T1/UIN", "T2/UOUT"
OWN, OPEN = "ax-accompagnement", "emergence"


def of_workspace(*workspaces: str, preset: str = OWN) -> Programme:
    plain = load(preset)
    about = plain.about.model_copy(update={"workspaces": workspaces})
    return programme(preset, about=about)


def stand(*others: Programme) -> Stand:
    return Stand((of_workspace("T1"), *others))


def slack(one: Stand, kind: type[Event], account: str, **more: Any) -> list[Heard]:
    """An event of a Slack account."""
    author = Author("slack", account, f"slack:{account[:2]}", "fr", "Nom")
    event = kind(id=f"s{one.now:%H}{account}{more}", author=author, at=one.now, **more)
    with one.work() as uow:
        one.bot.handle(uow, event, one.now)
    return one.news()


def words(heard: list[Heard]) -> str:
    return " ".join(f"{one.text} {list(one.choices)}" for one in heard)


def test_its_own_people_see_it_and_others_choose_among_the_rest() -> None:
    one = stand(load(OPEN), load("ax-mentorat"))
    name = one.programmes[0].name.fr
    assert name in words(slack(one, Said, HOME, text="bonjour"))
    seen = words(slack(one, Said, AWAY, text="bonjour"))
    assert name not in seen
    assert one.programmes[1].name.fr in seen


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (Said, {"text": "bonjour"}),
        (Said, {"text": OWN}),
        (Said, {"text": "Accompagnement à la demande"}),
        (Opened, {"surface": "start", "payload": OWN}),
        (Opened, {"surface": "home", "payload": None}),
        (Commanded, {"name": "programme", "args": OWN}),
        (Commanded, {"name": "accord", "args": OWN}),
        (Commanded, {"name": "aide", "args": ""}),
        (Commanded, {"name": "contact", "args": ""}),
        (Pressed, {"token": encode(RunToken("accord", OWN)), "on": MessageRef("UOUT", "1")}),
        (Pressed, {"token": encode(RunToken("demandes", f"@{OWN}")), "on": MessageRef("D", "1")}),
        (Pressed, {"token": encode(ActToken("send", 1, 1)), "on": MessageRef("UOUT", "1")}),
    ],
)
def test_nothing_is_said_of_it_whatever_somebody_else_tries(
    kind: type[Event], more: dict[str, Any]
) -> None:
    one = stand(load(OPEN))
    _silent(one, slack(one, kind, AWAY, **more))


def test_where_it_is_the_only_one_others_are_told_that_nothing_is_there() -> None:
    one = stand()
    for number, words_ in enumerate(("bonjour", OWN, "aide")):
        heard = slack(one, Said, f"{AWAY}{number}", text=words_)
        assert GONE in words(heard)
        _silent(one, heard)


def _silent(one: Stand, heard: list[Heard]) -> None:
    """Nothing of it is in what was said, and nobody is in it."""
    own = one.programmes[0]
    for secret in (own.name.fr, own.name.en, own.contact.name.fr, own.about.notice.fr[:40]):
        assert secret not in words(heard)
    with one.work() as uow:
        assert not uow.session.query(Membership).filter_by(programme_id=OWN).count()


def test_on_telegram_it_is_there_for_whoever_has_an_account_in_it_or_a_part() -> None:
    one = stand(load(OPEN), load("ax-mentorat"))
    name = one.programmes[0].name.fr
    assert name not in words(one.does(Said, "77", text="bonjour"))
    assert name in words(one.does(Said, CLAIRE, text="programme")), "of the team"
    slack(one, Commanded, HOME, name="accord", args=OWN)
    with one.work() as uow:
        mine = uow.people.by_account("slack", HOME)
        assert mine is not None
        uow.session.add(
            Identity(
                person_id=mine.person_id, platform="telegram", account="78",
                bot_account="telegram:9", reachable=True, seen_at=one.now,
            )
        )  # fmt: skip
    assert name in words(one.does(Commanded, "78", name="menu", args=""))


def test_what_it_has_to_say_goes_to_its_own_workspace_only() -> None:
    one = stand(load(OPEN))
    slack(one, Commanded, HOME, name="accord", args=OWN)
    with one.work() as uow:
        mine = uow.people.by_account("slack", HOME)
        assert mine is not None
        person = uow.people.get(mine.person_id)
        assert person is not None
        uow.session.add(
            Identity(
                person_id=person.id, platform="slack", account=AWAY, bot_account="slack:T2",
                reachable=True, seen_at=one.now,
            )
        )  # fmt: skip
        uow.session.flush()
        assert uow.people.reach(person, None, {"T1"}) == mine
        mine.reachable = False
        assert uow.people.reach(person, None, {"T1"}) is None
        assert uow.people.reach(person) is not None


def test_whoever_is_in_programmes_of_two_workspaces_is_reached_in_either() -> None:
    one = stand(of_workspace("T2", preset=OPEN))
    slack(one, Commanded, AWAY, name="accord", args=OPEN)
    with one.work() as uow:
        mine = uow.people.by_account("slack", AWAY)
        assert mine is not None
        for name in (OWN, OPEN):
            uow.people.enrol(mine.person_id, name, "mentor", now=one.now)
    heard = slack(one, Commanded, AWAY, name="menu", args="")
    assert told(heard, "UOUT")
    with one.work() as uow:
        person = uow.people.get(mine.person_id)
        assert person is not None
        assert Scene(one.bot, uow, one.now).tell(person, Message("x"), key="x")


def test_a_first_account_of_another_workspace_is_seated_where_it_belongs() -> None:
    one = stand(load(OPEN))
    one.bot.first_staff = frozenset({("slack", AWAY)})
    slack(one, Said, AWAY, text="bonjour")
    with one.work() as uow:
        mine = uow.people.by_account("slack", AWAY)
        assert mine is not None
        assert uow.people.roles(mine.person_id, OPEN) == {"staff", "owner"}
        assert uow.people.roles(mine.person_id, OWN) == frozenset()


def test_staff_of_another_workspace_hold_nothing_there() -> None:
    one = stand(load(OPEN))
    slack(one, Commanded, AWAY, name="accord", args=OPEN)
    with one.work() as uow:
        mine = uow.people.by_account("slack", AWAY)
        assert mine is not None
        uow.people.enrol(mine.person_id, OWN, "staff", now=one.now)
    token = encode(RunToken("demandes", f"@{OWN}"))
    heard = slack(one, Pressed, AWAY, token=token, on=MessageRef("UOUT", "1"))
    assert told(heard, "UOUT", GONE)


def test_a_workspace_is_written_as_slack_writes_it() -> None:
    for wrong in ("t1", "acme", "", "C123"):
        with pytest.raises(ValueError, match="workspaces"):
            type(load(OWN).about).model_validate(
                load(OWN).about.model_dump(by_alias=True) | {"workspaces": [wrong]}
            )
