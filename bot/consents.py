"""A text that people agreed to has changed: what rests on it waits until they agree again.

The agreement to the old text stays in the record, and so does what was kept under it. What would be
said meanwhile is held in the outbox, as for somebody who paused, and said once they have agreed;
they are asked at their next private word, and when something would have been said, at most once a
month. This module does not record anything: that is for `bot.onboarding`.

Source: GDPR 4(11), 7, 13(3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.dialogue.tokens import RunToken, encode
from bot.i18n import Words
from bot.kinds import Kinds, belonging
from bot.messages import Choice, Message
from bot.programmes.schema import Programme
from storage.tables import Person

if TYPE_CHECKING:
    from bot.turn import Scene

STAMP: Final = 8  # characters of a text's digest that a button carries
ASKED: Final = "consent"
"""First word of the key of the question itself, which waits for nothing."""


def lapsed(scene: Scene, person_id: int) -> list[Programme]:
    """The programmes in which somebody agreed to another text than the one of today.

    Whoever works for a programme need not agree to anything there.
    """
    people = scene.uow.people
    return [
        programme
        for programme in scene.bot.programmes.values()
        if "storage" in people.consents(person_id, programme.id)
        and not people.agreed_to(person_id, programme.id, "storage", programme.consent.read)
        and not people.roles(person_id, programme.id) - {"mentee", "mentor"}
    ]


def argument(programme: Programme, lang: str) -> str:
    """What the button that agrees carries: the programme, the language spoken, and which text.

    Nothing of a guest is kept, so buttons carry it; and an old button is no word on a new text.
    """
    return f"{programme.id}.{lang}.{programme.consent.digest[:STAMP]}"


def choices(programme: Programme, w: Words) -> tuple[Choice, Choice]:
    """Yes, or not now."""
    return (
        Choice(
            w("consent-yes"), encode(RunToken("accord", argument(programme, w.lang))), "primary"
        ),
        Choice(w("consent-no"), encode(RunToken("plus-tard", f"{programme.id}.{w.lang}"))),
    )


def informed(programme: Programme, w: Words) -> str:
    """Who, why, who reads, how long, which rights, whom to ask: from the programme's file."""
    said, kept, contact = programme.about.privacy, programme.retention, programme.contact
    letters = kept.letters if programme.minors is None else kept.safeguarding
    periods = [
        w("informed-requests", period=w.period(kept.requests)),
        *([w("informed-reports", period=w.period(kept.reports))] if programme.reports else []),
        w("informed-letters", period=w.period(letters)),
        w("informed-drafts", period=w.period(kept.drafts)),
    ]
    whom = ", ".join(filter(None, (w.team(contact), contact.address)))
    lines = [
        w("informed-who", who=w.pick(said.controller) if said else whom),
        *([w("informed-why", why=w.pick(said.purpose))] if said else []),
        *([w("informed-readers", who=w.pick(said.readers))] if said and said.readers else []),
        w("informed-how-long", periods=w.all(periods)),
        w("informed-copy"),
        w("informed-rights"),
        w("informed-whom", contact.days, name=whom),
    ]
    return w.pick(programme.about.notice) + "\n\n" + "\n".join(lines)


def question(
    scene: Scene, person: Person, programme: Programme, w: Words, *, unheard: bool
) -> Message:
    """The new text, and what it means to wait.

    Args:
        scene: The cause.
        person: Who agreed to an old text.
        programme: Whose text has changed.
        w: The voice for them.
        unheard: Whether words of theirs have just been left aside.
    """
    given = max(
        row.given_at
        for row in scene.uow.people.agreements(person.id)
        if row.programme_id == programme.id and row.purpose == "storage" and not row.withdrawn_at
    )
    said = [
        w("consent-changed", when=w.day(given)),
        *([w("consent-changed-unheard")] if unheard else []),
        informed(programme, w),
        w.pick(programme.consent.text),
    ]
    return Message(
        title=w.pick(programme.name),
        text="\n\n".join(said),
        choices=choices(programme, w),
        quiet=(Choice(w("menu-my-data"), encode(RunToken("mes-donnees"))),),
    )


def holds(scene: Scene, person: Person, key: str) -> bool:
    """Whether what is about to be said has to wait; the person is asked then."""
    waiting = {programme.id: programme for programme in lapsed(scene, person.id)}
    if not waiting or key.startswith(f"{ASKED}:"):
        return False
    message = (key, person.id)
    kinds = Kinds(scene.uow, scene.bot.programmes, [key])
    concerned = belonging(scene.uow, kinds, [message])[message] & waiting.keys()
    for programme_id in sorted(concerned):
        _ask(scene, person, waiting[programme_id])
    return bool(concerned)


def _ask(scene: Scene, person: Person, programme: Programme) -> None:
    w = scene.words(person, programme)
    stamp = programme.consent.digest[:STAMP]
    scene.tell(
        person,
        question(scene, person, programme, w, unheard=False),
        key=f"{ASKED}:{programme.id}:{stamp}:{person.id}:{scene.now:%Y-%m}",
        not_before=scene.waking(person),
    )


def release(scene: Scene, person: Person) -> int:
    """Say what was held, but for what still waits for an agreement; how much."""
    still = {programme.id for programme in lapsed(scene, person.id)}
    scene.uow.session.flush()
    waiting: set[str] = set()
    if still:
        held = [(key, person.id) for key in scene.uow.outbox.held(person.id)]
        kinds = Kinds(scene.uow, scene.bot.programmes, [key for key, _ in held])
        theirs = belonging(scene.uow, kinds, held)
        waiting = {message[0] for message in held if theirs[message] & still}
    return scene.uow.outbox.release(person.id, scene.now, but=waiting)
