"""The private PostgreSQL is real, empty for each test, and not reachable from outside."""

import os
import stat
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, make_url, text

from tests.postgres import PgServer, libpq


def test_each_test_has_an_empty_database_of_its_own(pg_server: PgServer, pg_url: str) -> None:
    other = pg_server.create()
    for url in (make_url(pg_url), other):
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE person (name text)"))
            connection.execute(text("INSERT INTO person VALUES ('Zoé')"))
            assert connection.execute(text("SELECT lower(name) FROM person")).all() == [("zoé",)]
        engine.dispose()
    pg_server.drop(other)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(libpq(other))


def test_a_database_can_be_the_template_of_others(pg_server: PgServer, pg_url: str) -> None:
    with psycopg.connect(libpq(make_url(pg_url))) as connection:
        connection.execute("CREATE TABLE migrated (id int)")
    copy = pg_server.create(template=make_url(pg_url).database or "")
    with psycopg.connect(libpq(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM migrated").fetchone() == (0,)
    pg_server.drop(copy)


@pytest.mark.skipif("CORDEE_TEST_PG_DSN" in os.environ, reason="the server is not ours")
def test_the_private_server_is_private(pg_server: PgServer) -> None:
    folder = Path(str(pg_server.url.query["host"]))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with psycopg.connect(libpq(pg_server.url)) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute(
            "SELECT count(*) FROM pg_settings WHERE name='fsync' AND setting='off'"
        ).fetchone() == (1,)
