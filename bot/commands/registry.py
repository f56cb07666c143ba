"""The one registry: every command and every act, each behind its policy.

Slack gets `/cordee <name>`, Telegram `/<name>` (underscore for hyphen), everybody `aide`, the
README its table, all from here. What is registered can be run in no other way than past its policy
(`bot/policy.py`), whoever calls it and from where. This module does not know what any of them does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import wraps

from bot.dialogue.questionnaire import did_you_mean, fold
from bot.errors import NotAllowed, PolicyError, ProgrammeError
from bot.events import Pressed
from bot.messages import Message
from bot.policy import Policy, Scope, Where, Who, declare, policy, policy_of
from bot.programmes.schema import Programme
from bot.turn import Turn


@dataclass(frozen=True, slots=True)
class Command:
    """A verb of the bot.

    Attributes:
        name: French name, with hyphens.
        alias: English name.
        run: What it does, with the rest of the line, for those whom its policy admits.
        listed: Whether menus show it; `consent` and the like are only pressed.
        section: Of the programme's file, without which there is nothing of it to show; whoever
            asks for it there goes on in the one programme of theirs that has it.
    """

    name: str
    alias: str
    run: Callable[[Turn, str], None]
    listed: bool = True
    section: str | None = None

    def is_of(self, programme: Programme | None) -> bool:
        """Whether there is something of it in a programme; anywhere, without one."""
        section = self.section
        return programme is None or section is None or bool(getattr(programme, section))

    def called(self, lang: str) -> str:
        """Its name for a reader of this language."""
        return self.name if lang == "fr" else self.alias

    @property
    def summary(self) -> str:
        """Message id of the one-line description."""
        return f"command-{self.name}"

    @property
    def who(self) -> Who:
        """Who may use it."""
        return self.policy.who

    @property
    def policy(self) -> Policy:
        """What is asked of whoever uses it."""
        return policy_of(f"command:{self.name}")


@dataclass(frozen=True, slots=True)
class Act:
    """What a button does to an object: the number, and the version it was shown with.

    Its policy is the outer gate; whether this object may be touched is checked by `bot/access.py`
    inside, and an act that did not ask there is undone.
    """

    verb: str
    run: Callable[[Turn, int, int], None]


ORDER = (
    "aide", "menu", "besoin", "demande", "rdv", "ecrire", "rapport", "reprendre", "profil",
    "experts", "pause", "programme", "nouvelles", "entreprises", "contact", "langue", "lier",
    "mes-donnees", "effacer",
    "a-voir", "demandes", "proposer", "annuaire", "binomes", "orientations", "promesses",
    "campagne", "annonce",
    "partenaires", "bilan", "statistiques", "relancer", "agenda", "envois", "exporter", "classe",
    "mineurs", "protection", "inviter", "roles",
)  # fmt: skip
"""How people find them in help and menus: what they need most comes first."""
COMMANDS: dict[str, Command] = {}
ACTS: dict[str, Act] = {}
_ALIASES: dict[str, str] = {}
_NEAR = 3  # shown when a verb is not known
_ALIKE = 0.8  # of one that lacks a letter or has a wrong one
_SMALL_WORD = 3  # letters: "mon", "les"


def command(
    name: str,
    *,
    alias: str,
    who: Who,
    of: str | None = None,
    listed: bool = True,
    where: Where | None = None,
    scope: Scope | None = None,
    section: str | None = None,
) -> Callable[[Callable[[Turn, str], None]], Callable[[Turn, str], None]]:
    """Register a command.

    Args:
        name: French name, with hyphens.
        alias: English name.
        who: The least role.
        of: The verb of the team that it belongs to, when it is not one by itself.
        listed: Whether menus show it.
        where: In which kind of chat it may answer; by default, staff anywhere, others in private.
        scope: What it reaches; by default the rows of the programme for staff, for others their
            own.
        section: Of the programme's file, without which it is not shown in menus, and another
            programme meant.

    Raises:
        PolicyError: The name is taken, or the policy is none.
    """
    usual: Scope = "self" if who in ("anyone", "member") else "programme"
    asked = policy(who, scope=scope or usual, where=where, family=of or name)

    def register(run: Callable[[Turn, str], None]) -> Callable[[Turn, str], None]:
        if name in COMMANDS or alias in _ALIASES:
            raise PolicyError(f"command {name} ({alias}) is registered twice")
        declare(f"command:{name}", asked)

        @wraps(run)
        def guarded(turn: Turn, args: str) -> None:
            with past(turn, f"command:{name}", COMMANDS[name]) as admitted:
                if admitted:
                    run(turn, args)

        COMMANDS[name] = Command(name, alias, guarded, listed, section)
        _ALIASES[alias] = name
        return guarded

    return register


def act(
    verb: str,
    *,
    who: Who,
    of: str | None = None,
    where: Where | None = None,
    scope: Scope = "object",
) -> Callable[[Callable[[Turn, int, int], None]], Callable[[Turn, int, int], None]]:
    """Register what a button of this verb does.

    Args:
        verb: Of the token.
        who: The least role.
        of: The command whose button it is: whoever is lent that verb may press it too.
        where: In which kind of chat it may answer.
        scope: `house` for an act on nobody's row, `self` for one on the person's own; every other
            asks `bot/access.py` for its object.

    Raises:
        PolicyError: The verb is taken, or the policy is none.
    """
    asked = policy(who, scope=scope, where=where, family=of)

    def register(run: Callable[[Turn, int, int], None]) -> Callable[[Turn, int, int], None]:
        if verb in ACTS:
            raise PolicyError(f"act {verb} is registered twice")
        declare(f"act:{verb}", asked)

        @wraps(run)
        def guarded(turn: Turn, number: int, version: int) -> None:
            with past(turn, f"act:{verb}") as admitted:
                if not admitted:
                    return
                run(turn, number, version)
                if scope == "object" and not turn.reached:
                    raise PolicyError(f"the act {verb} did not ask bot/access.py for its object")

        ACTS[verb] = Act(verb, guarded)
        return guarded

    return register


@contextmanager
def past(turn: Turn, what: str, entry: Command | None = None) -> Iterator[bool]:
    """Past a policy: True when the person who acted is let through, and while it is done.

    A guest is asked for consent instead (False). Consent and role in the programme of an object
    are for `bot/access.py`: an act asks here only whether there is any such role.

    Args:
        turn: Of the person.
        what: That has a policy, `command:aide`.
        entry: The command, when it is one: it may lead to another programme of theirs.

    Raises:
        NotAllowed: No policy, or a member without the role.
    """
    asked = policy_of(what)
    before, turn.policy = turn.policy, asked
    try:
        if entry is not None and not entry.is_of(turn.current):
            _go_where_it_is(turn, entry)
        yield _admitted(turn, asked)
    finally:
        turn.policy = before


def _go_where_it_is(turn: Turn, entry: Command) -> None:
    """On to the one programme of theirs that has it; said to whoever did not press its button."""
    theirs = [
        one
        for one in turn.programmes.values()
        if entry.is_of(one)
        and (turn.holds(one.id) if entry.policy.of_staff else turn.agreed_in(one.id))
    ]
    if len(theirs) == 1:
        turn.enter(theirs[0])
        if not isinstance(turn.event, Pressed):
            turn.say(
                Message(turn.w("programme-chosen", name=turn.w.pick(theirs[0].name))), here=True
            )


def _admitted(turn: Turn, asked: Policy) -> bool:
    if asked.who == "anyone":
        return True
    if asked.scope == "object":
        if asked.of_staff and not any(turn.holds(one) for one in turn.bot.programmes):
            raise NotAllowed(f"{asked.who} only")
        return True
    if asked.who == "member":
        if turn.current is not None and turn.agreed_in(turn.current.id):
            return True
        turn.bot.ask_consent(turn)
        return False
    if asked.scope == "house":
        if not any(turn.holds(one) for one in turn.bot.programmes):
            raise NotAllowed(f"{asked.who} only")
    elif turn.current is not None and not turn.lives_in(turn.current):
        turn.bot.ask_consent(turn)  # says where it lives
        return False
    elif turn.current is None or not turn.holds(turn.current.id):
        raise NotAllowed(f"{asked.who} only")
    return True


def may(turn: Turn, name: str, *, kind: str = "command") -> bool:
    """Whether something is to be offered to the person: theirs in this programme, or everybody's.

    What is everybody's is offered to guests too: it asks for consent first.
    """
    asked = policy_of(f"{kind}:{name}")
    return not asked.of_staff or asked.admits(turn.roles, turn.current)


def check_bodies(programmes: Iterable[Programme]) -> None:
    """See to it that what programmes lend to other bodies of staff is there to be lent.

    Raises:
        ProgrammeError: A verb that there is not, or that is nobody's to lend.
    """
    known = [entry.name for entry in listed() if entry.policy.lent]
    for programme in programmes:
        for index, body in enumerate(programme.bodies):
            for verb in body.may:
                if verb not in known:
                    hint = did_you_mean(verb, known)
                    raise ProgrammeError(
                        programme.file,
                        f'bodies[{index}] "{body.id}"',
                        f'"{verb}" is no verb that can be given to a body of staff{hint}',
                    )


def listed() -> list[Command]:
    """The commands that help and menus show, in their order."""
    shown = [entry for entry in COMMANDS.values() if entry.listed]
    return sorted(shown, key=lambda entry: ORDER.index(entry.name))


def find(name: str) -> Command | None:
    """The command of this name or alias, as typed: any case, with accents, `_` for `-`."""
    wanted = fold(name).replace(" ", "-")
    return COMMANDS.get(_ALIASES.get(wanted, wanted))


def near(turn: Turn, typed: str) -> list[Command]:
    """What somebody may have meant by a verb that there is not: three at most, of what is theirs.

    Names that look like it first, then what is described by that word.
    """
    theirs = [entry for entry in listed() if may(turn, entry.name) and entry.is_of(turn.current)]
    names = {name: entry for entry in theirs for name in (entry.name, entry.alias)}
    wanted = fold(typed).replace(" ", "-")
    alike = get_close_matches(wanted, names, n=_NEAR, cutoff=_ALIKE)
    found = dict.fromkeys(names[name].name for name in alike)
    words = {_singular(word) for word in wanted.split("-") if len(word) > _SMALL_WORD}
    for entry in theirs:
        if words & set(map(_singular, fold(turn.w(entry.summary)).split())):
            found.setdefault(entry.name)
    return [COMMANDS[name] for name in list(found)[:_NEAR]]


def _singular(word: str) -> str:
    return word.rstrip("sx")
