"""The baseline: each library's smallest handler that commits one row and answers "ok".

Run as `python -m tests.bench_bare WAY`, with the settings of `cordee run` in the environment and
`BENCH_DB`, the file for the rows. The durability is ours: WAL, `synchronous=FULL`. Nothing of
Cordée is imported here.
"""

import asyncio
import os
import re
import signal
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.async_app import AsyncAck, AsyncSay
from slack_sdk.web.async_client import AsyncWebClient
from telegram import Update
from telegram.ext import Application, CallbackQueryHandler, MessageHandler, filters

Keep = Callable[[str], None]
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"


def store(path: str) -> Keep:
    """A function that commits one row."""
    rows = sqlite3.connect(path, isolation_level=None)
    rows.execute("PRAGMA journal_mode=WAL")
    rows.execute("PRAGMA synchronous=FULL")
    rows.execute("CREATE TABLE IF NOT EXISTS heard (id INTEGER PRIMARY KEY, body TEXT NOT NULL)")

    def keep(body: str) -> None:
        rows.execute("BEGIN IMMEDIATE")
        rows.execute("INSERT INTO heard (body) VALUES (?)", (body,))
        rows.execute("COMMIT")

    return keep


def slack_app(keep: Keep) -> AsyncApp:
    """Bolt with one handler for messages and one for presses."""
    client = AsyncWebClient(
        token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"]
    )
    app = AsyncApp(client=client, signing_secret=os.environ.get("SLACK_SIGNING_SECRET", "unused"))

    async def heard(event: dict[str, Any], say: AsyncSay) -> None:
        keep(str(event.get("text")))
        await say("ok")

    async def pressed(ack: AsyncAck, body: dict[str, Any], say: AsyncSay) -> None:
        keep(str(body["actions"][0].get("value")))
        await ack()
        await say("ok")

    app.event("message")(heard)
    app.action(re.compile(""))(pressed)
    return app


def telegram_app(keep: Keep, *, polling: bool) -> "Application[Any, Any, Any, Any, Any, Any]":
    """An Application with one handler for messages and one for presses."""
    builder = (
        Application.builder()
        .token(os.environ["TELEGRAM_BOT_TOKEN"])
        .base_url(os.environ["TELEGRAM_API_URL"] + "/bot")
        .job_queue(None)
    )
    app = (builder if polling else builder.updater(None)).build()

    async def heard(update: Update, _context: object) -> None:
        assert update.message is not None
        keep(str(update.message.text))
        await update.message.reply_text("ok")

    async def pressed(update: Update, _context: object) -> None:
        query = update.callback_query
        assert query is not None
        keep(str(query.data))
        await query.answer()
        await app.bot.send_message(query.from_user.id, "ok")

    app.add_handler(MessageHandler(filters.TEXT, heard))
    app.add_handler(CallbackQueryHandler(pressed))
    return app


async def serve(routes: web.Application) -> web.AppRunner:
    """The routes on the port of the settings."""
    runner = web.AppRunner(routes, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(os.environ["CORDEE_HTTP_PORT"])).start()
    return runner


async def slack_socket(keep: Keep, stop: asyncio.Event) -> None:
    handler = AsyncSocketModeHandler(slack_app(keep), os.environ["SLACK_APP_TOKEN"])
    await handler.connect_async()  # type: ignore[no-untyped-call]
    ready()
    await stop.wait()
    await handler.close_async()  # type: ignore[no-untyped-call]


async def slack_http(keep: Keep, stop: asyncio.Event) -> None:
    runner = await serve(slack_app(keep).server(port=0).web_app)
    ready()
    await stop.wait()
    await runner.cleanup()


async def telegram_polling(keep: Keep, stop: asyncio.Event) -> None:
    app = telegram_app(keep, polling=True)
    async with app:
        await app.start()
        assert app.updater is not None
        await app.updater.start_polling()
        ready()
        await stop.wait()
        await app.updater.stop()
        await app.stop()


async def telegram_webhook(keep: Keep, stop: asyncio.Event) -> None:
    """The library's documented pattern for a webhook on one's own web server."""
    app = telegram_app(keep, polling=False)
    secret = os.environ["TELEGRAM_WEBHOOK_SECRET"]

    async def hook(request: web.Request) -> web.Response:
        if request.headers.get(SECRET_HEADER) != secret:
            return web.Response(status=403)
        await app.update_queue.put(Update.de_json(await request.json(), app.bot))
        return web.Response()

    routes = web.Application()
    routes.router.add_post("/telegram", hook)
    async with app:
        await app.start()
        await app.bot.set_webhook(
            os.environ["CORDEE_PUBLIC_URL"] + "/telegram", secret_token=secret
        )
        runner = await serve(routes)
        ready()
        await stop.wait()
        await runner.cleanup()
        await app.stop()


def ready() -> None:
    """Say so, in the words of `cordee run`."""
    print("ready: bare", file=sys.stderr, flush=True)


WAYS: dict[str, Callable[[Keep, asyncio.Event], Awaitable[None]]] = {
    "slack-socket": slack_socket,
    "slack-http": slack_http,
    "telegram-polling": telegram_polling,
    "telegram-webhook": telegram_webhook,
}


async def main(way: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await WAYS[way](store(os.environ["BENCH_DB"]), stop)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
