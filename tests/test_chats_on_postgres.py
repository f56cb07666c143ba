"""Conversations once more, on PostgreSQL: the same words on both databases.

A third of them, taken evenly over the programmes; `make chats` plays them all.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import URL

from handlers.local.chat_file import parse
from handlers.local.script import Player
from tests.chat import ELSEWHERE, play
from tests.postgres import PgServer

FILES = sorted(
    path
    for path in (Path(__file__).parent / "transcripts").glob("**/*.chat")
    if not path.name.endswith(ELSEWHERE)
)
EVERY = 1 if os.environ.get("CORDEE_EVERY_CHAT") else 3


@pytest.mark.parametrize("path", FILES[::EVERY], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_conversation_on_postgresql(path: Path, pg_server: PgServer) -> None:
    written = path.read_text("utf-8")
    urls: list[URL] = []

    def player() -> Player:
        urls.append(pg_server.create())
        url = urls[-1].render_as_string(hide_password=False)
        return Player(parse(written), path.parent, database_url=url)

    played = play(player)
    for url in urls:
        pg_server.drop(url)
    assert not played.faults
    assert played.text == written
