"""Campaigns side by side: each figure against an independent count, and what is not known."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final

import pytest
from sqlalchemy import event

from bot import pictures
from bot.i18n import NNBSP
from bot.messages import Table
from storage.comparison import Held, compare
from storage.tables import (
    Campaign,
    CampaignEntry,
    CampaignPair,
    Checkin,
    Conversation,
    Pair,
    Person,
    Request,
    Series,
)
from storage.unit_of_work import Database, UnitOfWork
from tests.campaign_world import MENTORAT
from tests.stand import CLAIRE, Heard, Stand, programme, told
from tests.stores import NOON

DAY: Final = timedelta(days=1)


@dataclass
class Truth:
    """What a campaign came to, counted as it is made."""

    campaign: Campaign
    volunteers: int = 0
    places: list[int] = field(default_factory=list)
    pairs: int = 0
    first: int = 0
    going: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    met: int = 0
    closing: int = 0

    @property
    def held(self) -> Held:
        return Held(
            self.volunteers, sum(n > 0 for n in self.places), sum(self.places), self.pairs,
            self.first, self.going, self.outcomes, (self.asked, self.met), self.closing,
        )  # fmt: skip


class Past:
    """Made-up campaigns."""

    def __init__(self, uow: UnitOfWork, seed: int, size: int) -> None:
        self.uow, self.rng = uow, Random(seed)
        self.campaigns = [self._campaign(year, size) for year in (2024, 2025, 2026)]

    def _add(self, row: Any) -> int:
        self.uow.session.add(row)
        self.uow.session.flush()
        return int(row.id)

    def _person(self) -> int:
        return self._add(Person(lang="fr", created_at=NOON))

    def _campaign(self, year: int, size: int) -> Truth:
        row = Campaign(programme_id=MENTORAT, name=str(year), year=year, state="open", seed=1,
                       opened_at=NOON)  # fmt: skip
        self._add(row)
        made = Truth(row)
        for _ in range(size // 2):
            made.places.append(self.rng.randint(0, 2))
            self._add(
                CampaignEntry(campaign_id=row.id, person_id=self._person(), role="mentor",
                              places=made.places[-1], entered_at=NOON)
            )  # fmt: skip
        for _ in range(size):
            self._mentee(made)
        if year == 2024:  # closed: what was written down then is what counts
            row.state, row.closed_at = "closed", NOON
            row.volunteers, row.pairs = made.volunteers, made.pairs = 77, 66
        return made

    def _mentee(self, made: Truth) -> None:
        person, state = self._person(), self.rng.choice(("matched", "team", "closed"))
        request = self._add(
            Request(programme_id=MENTORAT, person_id=person, conversation_id=0, state=state,
                    created_at=NOON, changed_at=NOON)
        )  # fmt: skip
        self._add(
            CampaignEntry(campaign_id=made.campaign.id, person_id=person, role="mentee",
                          request_id=request, entered_at=NOON)
        )  # fmt: skip
        made.volunteers += state != "closed"
        declined = self.rng.randint(0, 1)
        for answer in ["declined"] * declined + ["accepted"] * (state == "matched"):
            self._add(
                CampaignPair(campaign_id=made.campaign.id, mentee_id=person,
                             mentor_id=self._person(), score=1, state=answer)
            )  # fmt: skip
        if state == "matched":
            made.pairs += 1
            made.first += not declined
            self._pair(made, person, request)

    def _pair(self, made: Truth, mentee: int, request: int) -> None:
        outcome = self.rng.choice((None, "term", "referred", "changed", "ended"))
        going = self.rng.choice(("active", "paused", "closing"))
        pair = self._add(
            Pair(programme_id=MENTORAT, request_id=request, mentee_id=mentee,
                 mentor_id=self._person(), state="closed" if outcome else going, outcome=outcome,
                 started_at=NOON)
        )  # fmt: skip
        self._add(  # one that never began
            Pair(programme_id=MENTORAT, request_id=request, mentee_id=mentee,
                 mentor_id=self._person(), state="closed", started_at=NOON)
        )  # fmt: skip
        if outcome is None:
            made.going += 1
        else:
            made.outcomes[outcome] += 1
        series = self._add(
            Series(pair_id=pair, person_id=mentee, rhythm="monthly", rrule="FREQ=MONTHLY",
                   dtstart_local="2026-01-01T18:30:00", zone="Europe/Paris")
        )  # fmt: skip
        for month in range(self.rng.randint(0, 3)):
            met = self.rng.choice(("yes", "no", None))
            self._add(
                Checkin(series_id=series, pair_id=pair, person_id=mentee, met=met,
                        state="answered" if met else "asked", occurrence=NOON - 30 * month * DAY)
            )  # fmt: skip
            made.asked += met is not None
            made.met += met == "yes"
        if outcome is not None and self.rng.random() < 0.6:
            status = self.rng.choice(("done", "done", "open"))
            made.closing += status == "done"
            sealed = self.uow.vault.seal(self.uow.session, mentee, {})
            self._add(
                Conversation(person_id=mentee, programme_id=MENTORAT, kind="closing", digest="",
                             about_id=pair, state=sealed, status=status, opened_at=NOON,
                             updated_at=NOON)
            )  # fmt: skip


def test_every_figure_is_what_an_independent_count_finds_on_both_databases(
    database: Database,
) -> None:
    for seed, size in ((1, 0), (2, 12)):
        with database.unit_of_work() as uow:
            past = Past(uow, seed, size)
            found = compare(uow.session, [one.campaign for one in past.campaigns])
            assert found == {one.campaign.id: one.held for one in past.campaigns}


def test_the_number_of_statements_does_not_grow(lite: Database) -> None:
    seen = []
    for some in (1, 3):
        with lite.unit_of_work() as uow:
            past, said = Past(uow, 3, 10), list[str]()

            def note(*what: Any, said: list[str] = said) -> None:
                said.append(what[2])

            event.listen(lite.engine, "before_cursor_execute", note)
            compare(uow.session, [one.campaign for one in past.campaigns[:some]])
            event.remove(lite.engine, "before_cursor_execute", note)
            seen.append(len(said))
    assert seen == [6, 6]


# --- as people ask --------------------------------------------------------------------------------


def rows(heard: list[Heard]) -> dict[str, tuple[str, ...]]:
    [table] = [one.message.table for one in heard if one.message.table]
    assert isinstance(table, Table)
    return {row[0]: row[1:] for row in table.rows}


def entered() -> Stand:
    return Stand((programme(MENTORAT),))


def test_years_before_cordee_have_two_figures_and_no_noughts() -> None:
    one = entered()
    one.command(CLAIRE, "campagne", "passé 112 X16 (2017), 143 X17, 180 volontaires")
    found = rows(one.command(CLAIRE, "campagne", "comparer"))
    assert found == {
        "Volontaires": ("—", "180"),
        "Binômes formés": ("112", "143"),
        "Binômes / volontaires": ("—", f"79{NNBSP}%"),
    }


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("comparer", "Deux à 4 campagnes"),
        ("comparer 2017", "Deux à 4 campagnes"),
        ("comparer 2017 2017", "Deux à 4 campagnes"),
        ("comparer 2017 2031", "Aucune campagne ne s’appelle 2031"),
        ("comparer <b>", "Aucune campagne ne s’appelle <b>"),
    ],
)
def test_what_cannot_be_compared_gets_a_sentence(said: str, answer: str) -> None:
    one = entered()
    one.command(CLAIRE, "campagne", "passé 112 X16 (2017)")
    assert told(one.command(CLAIRE, "campagne", said), CLAIRE, answer)


def test_of_whom_nobody_is_kept_only_what_was_written_down_is_known() -> None:
    one = entered()
    with one.work() as uow:
        for year, pairs in ((2024, 5), (2025, 0)):
            made = uow.campaigns.open(MENTORAT, str(year), year=year, promos=[], seed=1,
                                      now=one.now)  # fmt: skip
            assert made is not None
            uow.campaigns.move(made, made.version, "closed", closed_at=one.now, volunteers=9,
                               pairs=pairs)  # fmt: skip
    found = rows(one.command(CLAIRE, "campagne", "comparer 2024 2025"))
    assert found["Dès le premier mentor"] == ("—", "0")
    assert found["Binômes formés"] == ("5", "0")
    assert "Mentors avec une place" not in found


@pytest.mark.skipif(not pictures.available(), reason="missing: the extra graphiques")
def test_the_picture_says_in_words_what_it_shows_to_whoever_may_still_know() -> None:
    one = entered()
    with one.work() as uow:
        Past(uow, 4, 8)
    found = rows(one.command(CLAIRE, "campagne", "comparer 2024 2026"))
    timer = one.wanted("campaign-comparison")
    [file] = [heard.message.file for heard in one.beside(timer) or () if heard.message.file]
    assert file.is_picture
    assert file.content.startswith(b"\x89PNG")
    old, new = found["Volontaires"]
    assert f"Volontaires 2024 ({old}) et 2026 ({new})" in file.alt
    with one.work() as uow:
        for role in ("staff", "owner"):
            uow.people.enrol(timer.payload["person"], MENTORAT, role, now=one.now, state="ended")
    assert one.beside(timer) is None


def test_without_the_extra_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "NEEDS", ("no_such_module",))
    one = entered()
    one.command(CLAIRE, "campagne", "passé 112 X16 (2017), 143 X17")
    [heard] = [h for h in one.command(CLAIRE, "campagne", "comparer") if h.message.table]
    assert heard.message.note is not None
    assert "graphiques" in heard.message.note
