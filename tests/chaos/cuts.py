"""The database goes away under load: connections cut, COMMITs without an answer, a restart.

`python -m tests.chaos.cuts [cuts] [seed]`. The processes live on; nothing is lost, nothing twice.
"""

from __future__ import annotations

import asyncio
import random
import sys
from datetime import timedelta
from typing import Final

import psycopg
from sqlalchemy.engine import URL, make_url

from tests.chaos import figures as shown
from tests.chaos.figures import Figures
from tests.chaos.ground import Ground, real_now
from tests.chaos.judge import judge, tell_load
from tests.chaos.kills import REST_SECONDS, Crowd, raised
from tests.chaos.processes import Zygote
from tests.chaos.wire import Wire
from tests.postgres import PgServer, libpq, running_server

KINDS: Final = ("terminate", "commit", "all")


async def cut(
    figures: Figures,
    server: PgServer,
    *,
    cuts: int,
    seed: int,
    zygote: Zygote | None,
    restart: bool,
    impatient: bool = False,
) -> None:
    """Cut again and again while people use the bot.

    Args:
        figures: Where the figures go.
        server: Where the database is made.
        cuts: How often.
        seed: Of how and when.
        zygote: Where processes are forked, or None.
        restart: Restart the server too, once; it has to be ours.
        impatient: Do not wait for the sweep of the minute: start the processes again at the end.
    """
    dice = random.Random(seed)
    url = server.create()
    wire = Wire(url)
    await wire.open()
    try:
        async with raised(
            url=url.render_as_string(hide_password=False),
            replicas=2,
            way="socket",
            zygote=zygote,
            seconds=cuts * 1.5,
            seed=seed,
        ) as (here, people):
            for replica in here.replicas:
                replica.settings["CORDEE_DATABASE_URL"] = wire.url
            await asyncio.gather(*(replica.start() for replica in here.replicas))
            people.begin()
            for number in range(cuts):
                await asyncio.sleep(dice.uniform(0.2, 1.8))
                await _one(dice.choice(KINDS), dice, wire, url)
                if restart and server.restart is not None and number == cuts // 2:
                    await asyncio.to_thread(server.restart)
            if impatient:
                people.diary.ends()
                for replica in here.replicas:
                    await replica.end()
                    await replica.start()
            await _end(figures, here, people)
            figures.told("connections cut on the wire", wire.cuts)
    finally:
        await wire.close()
        server.drop(url)


async def _one(kind: str, dice: random.Random, wire: Wire, url: URL) -> None:
    if kind == "commit":
        wire.cut_at_commit(dice.randint(1, 12))
    elif kind == "all":
        wire.cut()
    else:
        await asyncio.to_thread(_terminate, url)


def _terminate(url: URL) -> None:
    """End the bot's sessions on the server's side."""
    with psycopg.connect(libpq(make_url(str(url)).set(database="postgres"))) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            (url.database,),
        )


async def _end(figures: Figures, here: Ground, people: Crowd) -> None:
    await people.end()
    last = real_now()
    async with asyncio.timeout(REST_SECONDS):
        while here.waiting():
            await asyncio.sleep(0.2)
    alive = sum(replica.alive for replica in here.replicas)
    figures.at_least("processes that lived on", alive, len(here.replicas))
    codes = [await replica.end() for replica in here.replicas if replica.alive]
    figures.at_most("of them, ended badly", sum(code != 0 for code in codes), 0)
    due = [n for n, at in enumerate(people.halts, 1) if at < last - timedelta(seconds=2)]
    tell_load(figures, people.diary)
    judge(here, people.diary, people.people, due).tell(figures, open_sends=0)


async def prove(figures: Figures) -> None:
    """The long form."""
    cuts = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with running_server() as server:
        await cut(figures, server, cuts=cuts, seed=seed, zygote=None, restart=True)


if __name__ == "__main__":
    shown.main(prove)
