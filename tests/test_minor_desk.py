"""The desks of the team and of safeguarding show everybody who waits, a page at a time."""

from __future__ import annotations

import re

from bot.commands.minors import SHOWN
from bot.commands.protection import SHOWN as FLAGS
from tests.stand import CLAIRE, Heard, Stand, button
from tests.test_minors import BEGIN, GUARD, lycee


def pages(stand: Stand, account: str, verb: str) -> list[Heard]:
    """The first page, and what each press of the last one's button shows."""
    [shown] = stand.command(account, verb)
    found = [shown]
    while "Suite" in found[-1].choices:
        [shown] = stand.press(account, button(found[-1:], account, "Suite"))
        found.append(shown)
    return found


def test_every_pupil_who_waits_and_every_mentor_is_on_a_page() -> None:
    stand = Stand((lycee(),), now=BEGIN)
    stand.command(CLAIRE, "menu")
    pupils = {stand.join(str(100 + n), f"Élève {n}") for n in range(2 * SHOWN + 1)}
    mentors = {stand.join(str(200 + n), f"Adulte {n}", role="mentor") for n in range(3)}
    found = pages(stand, CLAIRE, "mineurs")
    assert [len(one.message.lines) for one in found] == [SHOWN + 3, SHOWN, 1]
    numbers = [int(n) for one in found for n in re.findall(r"\(#(\d+)\)", one.text)]
    assert sorted(numbers) == sorted(pupils | mentors)


def test_every_report_is_on_a_page() -> None:
    stand = Stand((lycee(),), now=BEGIN)
    stand.join(GUARD, "Nadia Roux", role="safeguarding")
    person = stand.join("20", "Lina Morel")
    with stand.work() as uow:
        for _ in range(FLAGS + 2):
            uow.safety.raise_flag(
                programme_id="rencontres-lycee",
                person_id=person,
                kind="flag",
                quoted="…",
                now=stand.now,
            )
    found = pages(stand, GUARD, "protection")
    numbers = [line.choice.token for one in found for line in one.message.lines if line.choice]
    assert [len(one.message.lines) for one in found] == [FLAGS, 2]
    assert len(set(numbers)) == FLAGS + 2
