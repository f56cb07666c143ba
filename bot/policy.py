"""Who may do what: the one table in which all that a person can reach stands.

Every command, act, kind of dialogue, event and HTTP route is declared here by the module that
answers it, and nothing is run of which no policy is found: a policy taken away closes the door. A
policy names roles, never persons; roles are read from the database at each call. This module does
not know who acts, nor what anything does; whether an object may be touched is decided by
`bot/access.py` alone, under the policy of what is being done.

Source: quality rules, section 3 ("every handler declares a policy", "fail closed"), S1, S5; X-12.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from bot.errors import NotAllowed, PolicyError
from bot.programmes.schema import Programme

Who = Literal[
    "anyone", "member", "staff", "owner", "supervisor", "teacher", "safeguarding", "platform",
    "partner",
]  # fmt: skip
"""`anyone`: before consent too; `member`: has agreed to be stored; the others: a role given by an
owner, in the programme concerned; `platform`: Slack or Telegram itself, by signature or secret;
`partner`: a company, by the code of its link, looked up at each request."""
Where = Literal["private", "anywhere"]
"""`private`: the answer goes to the private chat, wherever it was asked; `anywhere`: it may be
shown in a channel, to the one who asked only."""
Scope = Literal["self", "object", "programme", "house"]
"""What is reached: what is the person's own; one row, through `bot/access.py`; the rows of a
programme in which they hold the role; nobody's rows (the clock, the files, the process)."""

_HOLDERS: Final[dict[str, frozenset[str]]] = {
    "staff": frozenset({"staff", "owner"}),
    "owner": frozenset({"owner"}),
    "supervisor": frozenset({"supervisor", "staff", "owner"}),
    "teacher": frozenset({"teacher", "staff", "owner"}),
    "safeguarding": frozenset({"safeguarding", "owner"}),
}
_LENT: Final = frozenset({"staff", "supervisor", "teacher"})  # what a programme may give to others
_ENTRUSTED: Final = frozenset({"supervisor", "teacher"})  # see what was given to them, no more
_PLACES: Final[dict[str, Where]] = {"anyone": "private", "member": "private"}


@dataclass(frozen=True, slots=True)
class Policy:
    """What is asked of whoever wants this.

    Attributes:
        who: The least role.
        where: In which kind of chat the answer may be shown.
        scope: What is reached by it.
        family: The verb of the team that it belongs to: what a programme gives to another body of
            staff (`[[bodies]]`) it gives by family. None: to nobody besides.
    """

    who: Who
    where: Where
    scope: Scope
    family: str | None = None

    @property
    def of_staff(self) -> bool:
        """Whether a role given by an owner is asked for."""
        return self.who in _HOLDERS

    @property
    def lent(self) -> bool:
        """Whether a programme may give it to another body of staff."""
        return self.who in _LENT and self.family is not None

    def admits(self, roles: Collection[str], programme: Programme | None) -> bool:
        """Whether these roles in this programme are enough; for policies of staff."""
        if not _HOLDERS.get(self.who, frozenset()).isdisjoint(roles):
            return True
        if programme is None or not self.lent:
            return False
        return any(body.id in roles and self.family in body.may for body in programme.bodies)

    def admits_to_all(self, roles: Collection[str], programme: Programme | None) -> bool:
        """Whether these roles reach everything of this kind in the programme.

        A supervisor reaches the pairs they follow, whatever verbs they were lent besides.
        """
        return self.admits(frozenset(roles) - _ENTRUSTED, programme)


def policy(
    who: Who, *, scope: Scope, where: Where | None = None, family: str | None = None
) -> Policy:
    """A policy, with the kind of chat that is usual for these people.

    Raises:
        PolicyError: There is no such role, kind of chat or scope.
    """
    made = Policy(who, where or _PLACES.get(who, "anywhere"), scope, family)
    for value, known in ((who, Who), (made.where, Where), (scope, Scope)):
        if value not in get_args(known):
            raise PolicyError(f"{value!r} is no part of a policy: {', '.join(get_args(known))}")
    return made


POLICIES: Final[dict[str, Policy]] = {}
"""By what it is about: `command:aide`, `act:send`, `dialogue:intake`, `event:said`,
`GET /health`."""


def declare(what: str, asked: Policy) -> None:
    """Say what is asked of whoever wants this.

    Raises:
        PolicyError: It was said already.
    """
    if what in POLICIES:
        raise PolicyError(f"{what} has two policies")
    POLICIES[what] = asked


def policy_of(what: str) -> Policy:
    """What is asked for this.

    Raises:
        NotAllowed: Nothing is said of it: nobody may.
    """
    found = POLICIES.get(what)
    if found is None:
        raise NotAllowed(f"{what} has no policy")
    return found


def declared(kind: str) -> Iterable[tuple[str, Policy]]:
    """Names and policies of all commands, acts, dialogues or events."""
    return [
        (what.removeprefix(f"{kind}:"), asked)
        for what, asked in POLICIES.items()
        if what.startswith(f"{kind}:")
    ]
