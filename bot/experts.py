"""Who is proposed for a request.

The directory's index, the programme's rules, the reasons in words.

Who may be proposed at all (consent, availability, a free place, nobody who refused) the database
says; how well they fit `bot/matching` says. This module joins the two and puts the reasons into the
person's language.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot import minors
from bot.expert_index import ExpertIndex, loads_of, rules_of
from bot.i18n import Words
from bot.matching import Reason, Suggestion, Wish
from bot.programmes.schema import Programme
from bot.turn import Scene
from storage.tables import Person


@dataclass(frozen=True, slots=True)
class Proposed:
    """Somebody to propose, with up to three true reasons in the mentee's language."""

    person_id: int
    reasons: list[str]


class Experts:
    """The experts of this instance.

    One index for all programmes, built again when the directory changes.
    """

    def __init__(self) -> None:
        self.index = ExpertIndex()

    def propose(
        self,
        scene: Scene,
        mentee: Person,
        programme: Programme,
        features: Mapping[str, Sequence[str]] | None,
        *,
        exclude: Collection[int] = (),
        kind: str = "long_term",
        count: int | None = None,
        threshold: float | None = None,
    ) -> list[Proposed]:
        """The experts to propose now, best first; fewer or none when nobody fits well enough.

        Args:
            scene: The cause.
            mentee: For whom; their language words the reasons.
            programme: Whose weights, threshold and synonyms apply.
            features: What matching reads of the intake: feature → values.
            exclude: People not to propose again.
            kind: `one_off` or `long_term`: only those who offer that kind of help.
            count: How many; by default the programme's number.
            threshold: Score in [0, 1] under which nobody is proposed; by default the programme's.
        """
        directory = scene.uow.directory
        only = directory.eligible(
            scene.now, programme_id=programme.id, mentee_id=mentee.id, exclude=exclude
        )
        if minors.is_minor(scene, mentee, programme):  # checked mentors only
            checked = scene.uow.safety.checked(programme.id, scene.now)
            only = [person for person in only if person in checked]
        rules = rules_of(programme.matching)
        if threshold is not None:
            rules = replace(rules, threshold=threshold)
        found = self.index.of(directory, scene.uow.vectors).propose(
            _wish(mentee, features or {}, kind),
            n=count or programme.matching.proposals,
            only=only,
            rules=rules,
            loads=loads_of(directory, scene.now, programme.matching),
        )
        words = scene.words(mentee, programme)
        return [Proposed(one.person_id, reasons(one, words)) for one in found]

    def free(self, scene: Scene, expert_id: int) -> bool:
        """Whether this expert may be asked at this moment."""
        return scene.uow.directory.is_free(expert_id, scene.now)


def _wish(mentee: Person, features: Mapping[str, Sequence[str]], kind: str) -> Wish:
    wanted = {name: tuple(values) for name, values in features.items() if name != "text"}
    wanted.setdefault("help_kind", (kind,))
    return Wish(text=" ".join(features.get("text", ())), features=wanted, promo=mentee.promo)


def reasons(found: Suggestion, words: Words) -> list[str]:
    """The reasons as sentences, what is missing last."""
    said = [_said(reason, words) for reason in found.reasons]
    said += [_said(reason, words) for reason in found.missing[:1]]
    return said


def _said(reason: Reason, words: Words) -> str:
    args: dict[str, Any] = dict(reason.args)
    for name in ("structure", "kind", "situation", "language", "wanted"):
        value = str(args.get(name, ""))
        key = f"value-{value.casefold().replace('_', '-').replace(' ', '-')}"
        if value and words.has(key):
            args[name] = words(key)
    if reason.id == "reason-job" and not args.get("job"):
        return words("reason-employer", **args)
    if reason.id == "reason-job":
        return words("reason-job-at" if args.get("employer") else "reason-job", **args)
    return words(reason.id, **args)
