"""What `cordee check` says of programmes that people need protection in: advice, never a fault.

It reads who is named for safeguarding, and nothing else of anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.programmes.schema import Programme
from bot.settings import Settings
from storage.migrate import current
from storage.unit_of_work import Database


def advice(programmes: Iterable[Programme], settings: Settings) -> Iterator[str]:
    """What had better be otherwise, one sentence each."""
    programmes = list(programmes)
    named = _named(settings, [programme.id for programme in programmes])
    on = {"slack"} if settings.slack_on else set[str]()
    if settings.telegram_bot_token.get_secret_value():
        on.add("telegram")
    for programme in programmes:
        if programme.minors is not None and "telegram" in programme.platforms:
            yield (
                f"{programme.id}: minors on Telegram, which offers no contract for what a bot "
                'exchanges there; write platforms = ["slack"] in [programme]'
            )
        if on and not on & set(programme.platforms):
            where = " or ".join(programme.platforms)
            yield f"{programme.id}: it lives on {where} only, which is not set up here"
        if named is not None and programme.id not in named:
            yield (
                f"{programme.id}: nobody is named for safeguarding, so reports go to the owners; "
                "an owner names two people with the command roles"
            )


def _named(settings: Settings, programmes: Iterable[str]) -> set[str] | None:
    """The programmes in which somebody is named; None while there is no database to ask."""
    database = Database(settings.cordee_database_url, settings.cordee_secret_key.get_secret_value())
    try:
        if database.is_sqlite and (database.file is None or not database.file.exists()):
            return None
        if current(database.engine) is None:
            return None
        with database.unit_of_work() as uow:
            return {
                programme_id
                for programme_id in programmes
                if uow.people.with_role(programme_id, "safeguarding", limit=1)
            }
    finally:
        database.close()
