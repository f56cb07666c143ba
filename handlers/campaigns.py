"""A campaign's draft for the command line: computed beside a bot that may be running, never stored.

The database is only read. Mentees come from the campaign that is open, or from a file of wishes.

Source: the form of the development data (`campaign draft P --json`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import inspect

from bot import campaigns
from bot.bot import Bot
from bot.campaigns import Board, Mentee, Problem
from bot.errors import CordeeError
from bot.expert_index import wish_of
from bot.i18n import words
from bot.matching import Wish
from bot.matching.assign import FORBIDDEN
from bot.programmes.load import load_one
from bot.programmes.schema import Programme
from bot.settings import Settings
from bot.turn import Scene
from storage.tables import Campaign
from storage.unit_of_work import Database


def draft_of(
    settings: Settings,
    programme_id: str,
    now: datetime,
    *,
    batch: Path | None = None,
    scores: bool = False,
) -> dict[str, Any]:
    """The draft as it would be made now.

    Args:
        settings: Where the database and the programmes are.
        programme_id: Whose campaign.
        now: UTC.
        batch: A file of wishes, one JSON object a line: `id`, `text`, `choices`, `promo`; in place
            of those who applied.
        scores: Give the score of every pair that may be, too.

    Returns:
        pairs, unmatched, objective, bound, floor, and perhaps scores.

    Raises:
        CordeeError: No such programme, no campaign is open there, or the file cannot be read.
    """
    programme = load_one(settings.cordee_programmes, programme_id)
    database = Database(settings.cordee_database_url, settings.cordee_secret_key.get_secret_value())
    bot = Bot({programme.id: programme})
    try:
        if not inspect(database.engine).has_table(Campaign.__tablename__):
            raise CordeeError("The database is of another version.", "Run cordee migrate.")
        with database.unit_of_work() as uow:
            scene = Scene(bot, uow, now)
            given, names = _given(scene, programme, batch)
            index = bot.experts.index.of(uow.directory, uow.vectors)
    finally:
        database.close()
    return _told(Board(given, index), names, scores=scores)


def _given(
    scene: Scene, programme: Programme, batch: Path | None
) -> tuple[Problem, Mapping[int, str]]:
    """The problem, and how the answer names people."""
    if batch is None:
        campaign = scene.uow.campaigns.current(programme.id)
        if campaign is None:
            raise CordeeError(
                f"No campaign is open in {programme.id}.",
                "Staff open one with « campagne ouvrir 2026 », or give --batch FILE.jsonl.",
            )
        given = campaigns.gather(scene, programme, campaign)
        mentees = scene.uow.campaigns.ids([m.id for m in given.mentees])
    else:
        voice = words("fr", programme.register, programme.zone)
        wishes = list(_wishes(batch))
        # Below zero, so that nobody of the directory is taken for somebody of the file.
        given = campaigns.problem(
            scene,
            programme,
            [
                Mentee(-n, str(one["id"]), _wish(one), voice)
                for n, one in enumerate(wishes, start=1)
            ],
        )
        mentees = {-n: str(one["id"]) for n, one in enumerate(wishes, start=1)}
    return given, {**scene.uow.campaigns.ids([m.id for m in given.mentors]), **mentees}


def _wish(one: Mapping[str, Any]) -> Wish:
    found = wish_of(str(one.get("text") or ""), one.get("choices") or {})
    promo = one.get("promo")
    return Wish(found.text, found.features, promo if isinstance(promo, int) else None)


def _wishes(file: Path) -> Iterable[dict[str, Any]]:
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CordeeError(f"{file} cannot be read: {error}.") from None
    seen: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict) or not found.get("id") or str(found["id"]) in seen:
            raise CordeeError(
                f"{file}, line {number}: this is no wish.",
                'Write {"id": "M1", "text": "…", "choices": {}}, each id once.',
            )
        seen.add(str(found["id"]))
        yield found


def _told(board: Board, names: Mapping[int, str], *, scores: bool) -> dict[str, Any]:
    draft = board.draft()
    reasons = board.reasons(draft.pairs)
    told: dict[str, Any] = {
        "pairs": sorted(
            (
                {
                    "mentee": names[mentee],
                    "mentor": names[mentor],
                    "score": draft.scores[mentee],
                    "reasons": reasons[mentee],
                }
                for mentee, mentor in draft.pairs.items()
            ),
            key=lambda pair: str(pair["mentee"]),
        ),
        "unmatched": sorted(
            ({"mentee": names[mentee], "reason": why} for mentee, why in draft.unmatched.items()),
            key=lambda one: one["mentee"],
        ),
        "objective": draft.objective,
        "bound": draft.bound,
        "floor": draft.floor,
    }
    if scores:
        told["scores"] = sorted(
            [names[mentee.id], names[mentor.id], score]
            for mentee in board.given.mentees
            for mentor in board.given.mentors
            if (score := board.score(mentee.id, mentor.id)) > FORBIDDEN
        )
    return told
