"""A request brought to where a test needs it, the way people do: words and buttons."""

from __future__ import annotations

from bot.dialogue.tokens import ActToken, encode
from bot.programmes.schema import Programme
from storage.tables import Person, Proposal, Request
from tests.stand import CLAIRE, Heard, Stand, button, programme

LEA, TOM = "11", "12"
MARC, INES, PAUL, ZOE = "21", "22", "23", "24"
NAMES = {MARC: "Marc Aubier", INES: "Inès Moreau", PAUL: "Paul Petit", ZOE: "Zoé Roy"}
GONE = "Je ne trouve pas cela"


def stand(*experts: str, here: Programme | None = None, url: str = "sqlite://") -> Stand:
    """The team, Léa, Tom, and experts in what Léa asks about, with one place each."""
    one = Stand((here or programme(),), url=url)
    one.join(CLAIRE, "Claire", role="staff")
    one.join(LEA, "Léa Martin")
    one.join(TOM, "Tom Blanc")
    for account in experts:
        expert(one, account)
    return one


def expert(one: Stand, account: str, *, charter: bool = True, bio: str = "") -> None:
    one.join(account, NAMES[account], role="mentor")
    with one.work() as uow:
        if charter:
            here = one.programmes[0].id
            uow.people.consent(one.ids[account], here, "charter", text=("2026-11", ""), now=one.now)
        uow.directory.save(one.ids[account], one.now, sheet(bio))


def sheet(bio: str = "") -> dict[str, object]:
    said = bio or "finance durable et investissement"
    return {"consenting": True, "capacity": 1, "helps": ["one_off"], "bio": said}


def stranger(one: Stand, name: str = "Yves Montoux", email: str = "yves@exemple.invalid") -> int:
    """An expert of the imported directory who has no account here."""
    with one.work() as uow:
        person = Person(name=name, email=email, lang="fr", created_at=one.now)
        uow.session.add(person)
        uow.session.flush()
        uow.directory.save(person.id, one.now, sheet())
        return person.id


def asks(
    one: Stand,
    account: str = LEA,
    shown: str = "Mon nom et mes réponses",
    wish: str = "Comment entrer dans la finance durable et investissement ?",
) -> list[Heard]:
    """The whole intake, sent."""
    one.command(account, "demande")
    for words in ("En poste", "une question", "Autre chose"):
        one.say(account, words)
    heard = one.say(account, wish)
    heard = one.press(account, button(heard, account, shown))
    return one.press(account, button(heard, account, "Envoyer"))


def request(one: Stand, number: int = 1) -> Request:
    with one.work() as uow:
        found = uow.requests.get(number)
        assert found is not None
        uow.session.expunge(found)
        return found


def proposals(one: Stand, number: int = 1) -> dict[int, Proposal]:
    """Expert → what was proposed."""
    with one.work() as uow:
        rows = list(uow.requests.proposals(number))
        for row in rows:
            uow.session.expunge(row)
        return {row.expert_id: row for row in rows}


def states(one: Stand, number: int = 1) -> dict[str, str]:
    """Account of an expert → state of what was proposed."""
    accounts = {person: account for account, person in one.ids.items()}
    return {accounts.get(e, "?"): p.state for e, p in proposals(one, number).items()}


def act(one: Stand, account: str, verb: str, number: int = 1, version: int = 1) -> list[Heard]:
    return one.press(account, encode(ActToken(verb, number, version)))


def ask(one: Stand, account: str, of: int = 1, by: str = LEA) -> list[Heard]:
    proposal = proposals(one, of)[one.ids[account]]
    return act(one, by, "ask", proposal.id, proposal.version)


def answer(one: Stand, account: str, verb: str, of: int = 1) -> list[Heard]:
    """The expert presses the button as it stands now."""
    proposal = proposals(one, of)[one.ids[account]]
    return act(one, account, verb, proposal.id, proposal.version)


def timers(one: Stand) -> set[str]:
    with one.work() as uow:
        kinds = ("proposal-nudge", "proposal-due", "request-stale")
        return {t.kind for kind in kinds for t in uow.timers.list(kind=kind)}


def in_state(state: str) -> Stand:
    """Léa's request, brought to a state the way people do."""
    one = stand(MARC, INES)
    asks(one)
    if state in ("asked", "matched"):
        ask(one, MARC)
    if state == "matched":
        answer(one, MARC, "accept")
    if state == "team":
        act(one, LEA, "team")
    if state == "closed":
        act(one, LEA, "withdraw")
    assert request(one).state == state
    return one
