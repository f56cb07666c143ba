"""Nothing is registered or run without a policy, whoever asks and by whichever way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest

from bot import access
from bot.bot import Bot
from bot.commands.registry import ACTS, COMMANDS, act, command
from bot.dialogue.questionnaire import Label
from bot.dialogue.tokens import ActToken, encode
from bot.dialogues import COMPLETIONS
from bot.errors import NotAllowed, PolicyError, ProgrammeError
from bot.events import Opened
from bot.policy import POLICIES, Policy, Who, declare, declared, policy
from bot.programmes.about import Body
from bot.turn import Turn
from handlers.http import application
from handlers.local.stage import Stage
from tests.asking import GONE, LEA, TOM, in_state, request, stand
from tests.stand import CLAIRE, Stand, programme, told
from tests.test_http import ask

SOIE = "soie"


@pytest.fixture
def registries() -> Iterator[None]:
    """What a test registers is gone after it."""
    tables: tuple[dict[str, Any], ...] = (POLICIES, COMMANDS, ACTS)
    before = [dict(table) for table in tables]
    yield
    for table, kept in zip(tables, before, strict=True):
        table.clear()
        table.update(kept)


def body(*may: str, role: str = SOIE) -> Body:
    return Body(id=role, name=Label(fr="le SOIE", en="the SOIE"), may=may)


def with_body(*may: str, role: str = SOIE) -> Stand:
    """A stand where Tom works for another body of staff."""
    one = in_state("team")
    here = programme("ax-accompagnement", bodies=(body(*may, role=role),))
    one.programmes = (here,)
    one.run(here)
    with one.work() as uow:
        uow.people.enrol(one.ids[TOM], here.id, role, now=one.now)
    return one


# --- the registries -------------------------------------------------------------------------------


def test_everything_that_is_registered_has_a_policy() -> None:
    assert {name for name, _ in declared("command")} == COMMANDS.keys()
    assert {name for name, _ in declared("act")} == ACTS.keys()
    assert {name for name, _ in declared("dialogue")} == COMPLETIONS.keys()
    assert {name for name, _ in declared("event")} == {"home", "start", "said", "reached"}


async def test_every_route_has_a_policy() -> None:
    stage = Stage("sqlite://", ["emergence"])
    await stage.start()
    try:
        for route in application(stage.service).router.routes():
            assert route.resource is not None
            if route.method != "HEAD":
                assert f"{route.method} {route.resource.canonical}" in POLICIES
    finally:
        await stage.stop()


@pytest.mark.usefixtures("registries")
def test_nothing_is_registered_without_a_policy_or_with_two() -> None:
    with pytest.raises(TypeError):
        command("sans", alias="without")  # type: ignore[call-arg]
    with pytest.raises(PolicyError, match="'tous' is no part of a policy"):
        command("sans", alias="without", who="tous")  # type: ignore[arg-type]
    with pytest.raises(PolicyError, match="'mine' is no part"):
        act("sans", who="staff", scope="mine")  # type: ignore[arg-type]
    with pytest.raises(PolicyError, match="registered twice"):
        command("aide", alias="again", who="anyone")(lambda turn, args: None)
    with pytest.raises(PolicyError, match="registered twice"):
        act("pass", who="anyone")(lambda turn, number, version: None)
    with pytest.raises(PolicyError, match="two policies"):
        declare("event:said", policy("anyone", scope="self"))


@pytest.mark.usefixtures("registries")
@pytest.mark.parametrize("name", ["demandes", "aide", "menu"])
def test_a_command_whose_policy_is_taken_away_is_refused_to_all(name: str) -> None:
    one = stand()
    assert not told(one.command(CLAIRE, name), CLAIRE, GONE)
    del POLICIES[f"command:{name}"]
    assert told(one.command(CLAIRE, name), CLAIRE, GONE)


@pytest.mark.usefixtures("registries")
def test_acts_dialogues_words_and_openings_without_policy_are_refused() -> None:
    one = in_state("proposed")
    assert told(one.command(LEA, "demande"), LEA)
    token = encode(ActToken("team", request(one).id, request(one).version))
    for what in ("act:team", "event:said", "event:start", "event:home", "dialogue:intake"):
        del POLICIES[what]
    assert told(one.press(LEA, token), LEA, GONE)
    assert request(one).state == "proposed"
    assert told(one.say(LEA, "bonjour"), LEA, GONE)
    assert told(one.does(Opened, LEA), LEA, GONE)
    assert told(one.does(Opened, LEA, surface="home"), LEA, GONE)
    assert told(one.command(TOM, "demande"), TOM, GONE)


@pytest.mark.usefixtures("registries")
async def test_a_route_whose_policy_is_taken_away_is_as_if_it_were_not_there() -> None:
    stage = Stage("sqlite://", ["emergence"])
    await stage.start()
    try:
        assert (await ask(stage))[0] == 200
        missing = await ask(stage, path="/nothing")
        del POLICIES["GET /health"]
        assert await ask(stage) == missing
        assert missing[0] == 404
    finally:
        await stage.stop()


@pytest.mark.usefixtures("registries")
def test_an_act_that_did_not_ask_for_its_object_is_a_fault_and_undone() -> None:
    one = in_state("proposed")

    @act("careless", who="member")
    def careless(turn: Turn, number: int, version: int) -> None:
        found = turn.uow.requests.get(number)
        assert found is not None
        found.state = "closed"

    with pytest.raises(PolicyError, match="careless did not ask"):
        one.press(TOM, encode(ActToken("careless", request(one).id, 1)))
    assert request(one).state == "proposed"

    @act("careful", who="member")
    def careful(turn: Turn, number: int, version: int) -> None:
        access.own_request(turn, number)
        turn.text("menu")

    assert told(one.press(LEA, encode(ActToken("careful", request(one).id, 1))), LEA)
    assert told(one.press(TOM, encode(ActToken("careful", request(one).id, 1))), TOM, GONE)


# --- ways round -----------------------------------------------------------------------------------


def test_a_link_that_names_a_verb_of_the_team_is_no_way_in() -> None:
    one = in_state("team")
    assert told(one.does(Opened, CLAIRE, payload="demandes"), CLAIRE, "Léa")
    for verb in ("demandes", "binomes", "roles", "exporter"):
        assert told(one.does(Opened, TOM, payload=verb), TOM, GONE)
        assert told(one.say(TOM, verb), TOM, GONE)


def test_with_an_empty_table_of_roles_nothing_of_the_team_s_is_served() -> None:
    one = in_state("team")
    one.bot = Bot(one.bot.programmes)  # nobody is named in the settings
    with one.work() as uow:
        uow.session.connection().exec_driver_sql("DELETE FROM membership")
    for entry in COMMANDS.values():
        if entry.policy.of_staff:
            (answer,) = one.command(CLAIRE, entry.name)
            assert "Léa" not in answer.text
            assert GONE in answer.text


# --- who may what ---------------------------------------------------------------------------------


def test_the_roles_of_staff_admit_who_they_name() -> None:
    admitted = {
        who: {
            role
            for role in ("mentee", "mentor", "supervisor", "teacher", "safeguarding", "staff")
            if policy(who, scope="programme").admits({role}, None)
        }
        for who in get_args(Who)
    }
    assert admitted == {
        "anyone": set(),
        "member": set(),
        "platform": set(),
        "partner": set(),
        "owner": set(),
        "staff": {"staff"},
        "supervisor": {"supervisor", "staff"},
        "teacher": {"teacher", "staff"},
        "safeguarding": {"safeguarding"},
    }
    assert all(
        policy(who, scope="programme").admits({"owner"}, None)
        for who in get_args(Who)
        if policy(who, scope="programme").of_staff
    )


def test_what_is_lent_reaches_no_further_than_it_was_lent() -> None:
    here = programme("ax-accompagnement", bodies=(body("demandes"),))
    lent = policy("staff", scope="programme", family="demandes")
    other = policy("staff", scope="programme", family="binomes")
    never = policy("owner", scope="programme", family="demandes")
    assert [one.admits({SOIE}, here) for one in (lent, other, never)] == [True, False, False]
    assert not lent.admits({SOIE}, None)
    assert not lent.admits({"mentee"}, here)
    assert not policy("staff", scope="programme").admits({SOIE}, here)
    assert [lent.admits_to_all({role}, here) for role in (SOIE, "staff", "owner")] == [True] * 3
    followed = policy("supervisor", scope="object", family="binomes")
    assert followed.admits({"supervisor"}, here)
    assert not followed.admits_to_all({"supervisor", "teacher"}, here)
    assert followed.admits_to_all(["supervisor", "staff"], here)


def test_a_policy_is_what_was_asked_for_in_the_usual_kind_of_chat() -> None:
    assert policy("staff", scope="object", family="x") == Policy("staff", "anywhere", "object", "x")
    for who in ("anyone", "member"):
        assert policy(who, scope="self") == Policy(who, "private", "self", None)
    assert policy("member", scope="self", where="anywhere").where == "anywhere"
    scopes = "self, object, programme, house"
    with pytest.raises(PolicyError, match=f"^'mine' is no part of a policy: {scopes}$"):
        policy("staff", scope="mine")  # type: ignore[arg-type]


def test_another_body_of_staff_has_the_verbs_that_the_programme_lends_it() -> None:
    one = with_body("demandes")
    (shown,) = told(one.command(TOM, "demandes", "1"), TOM)
    assert "Léa" in shown.text
    close = next(token for label, token in shown.choices.items() if "Clore" in label)
    assert told(one.command(TOM, "proposer", "1"), TOM, GONE)
    assert told(one.command(TOM, "binomes"), TOM, GONE)
    assert told(one.command(TOM, "roles"), TOM, GONE)
    (offered,) = told(one.command(TOM, "aide"), TOM, "/demandes")
    assert "/binomes" not in offered.text
    assert "/roles" not in offered.text
    with one.work() as uow:
        uow.people.enrol(one.ids[TOM], one.programmes[0].id, SOIE, now=one.now, state="ended")
    assert told(one.press(TOM, close), TOM, GONE)
    assert request(one).state == "team"
    with one.work() as uow:
        uow.people.enrol(one.ids[TOM], one.programmes[0].id, SOIE, now=one.now)
    assert not told(one.press(TOM, close), TOM, GONE)
    assert request(one).state == "closed"


def test_a_role_of_a_body_that_the_file_no_longer_has_gives_nothing() -> None:
    one = with_body("demandes")
    one.run(programme("ax-accompagnement"))
    assert told(one.command(TOM, "demandes"), TOM, GONE)


@pytest.mark.parametrize("verb", ["demande", "roles", "demandez", ""])
def test_only_verbs_of_the_team_are_lent(verb: str) -> None:
    with pytest.raises(ProgrammeError, match="is no verb that can be given"):
        Bot({"ax-accompagnement": programme(bodies=(body(verb),))})


def test_a_body_has_a_role_of_its_own() -> None:
    with pytest.raises(ValueError, match="is a role of its own"):
        body("demandes", role="owner")


def test_a_policy_missing_for_what_is_asked_refuses() -> None:
    with pytest.raises(NotAllowed, match="has no policy"):
        COMMANDS["aide"].__class__("rien", "nothing", lambda turn, args: None).policy  # noqa: B018
