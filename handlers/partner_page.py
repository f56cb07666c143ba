"""The page on which a partner company sees who agreed to be seen: four routes.

The code of a link stands behind `#`, which browsers do not send: a script hands it in by POST and
puts the table in the place of that address. Who hands in a good one gets a pass for half an hour
(`handlers/partner_pass.py`), and the link behind the pass, the company and every agreement are
looked up again at each request: what is taken back is gone at the next one. Unknown, expired,
revoked, closed and forged look alike. Who was shown is written down before anything leaves.

It refuses to know who agreed to what: people come from `bot.partners.shown` alone.

Source: E-13, S6; GDPR 6, 7.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from hashlib import sha256
from math import ceil
from typing import Final
from urllib.parse import parse_qs

from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from bot.bot import Bot
from bot.i18n import LANGUAGES, Words, words
from bot.partners import shown
from bot.policy import declare, policy
from handlers.limits import Limiter, source_of
from handlers.partner_html import ENTER, LEAVE, POLICY, VIEW, Drawn, door, table
from handlers.partner_pass import LASTS, Passes
from scheduling.clock import Clock
from scheduling.worker import Worker
from storage.unit_of_work import Database

log = logging.getLogger(__name__)
COOKIE: Final = "__Host-cordee-partner"
A_MINUTE: Final = 60  # requests of one source
FAILED: Final = 300  # codes that opened nothing, of everybody together, in a minute
MAX_FORM: Final = 4096  # bytes
ROWS: Final = 100  # people on one page
_OURS: Final = {"same-origin", "none"}  # Sec-Fetch-Site of a form of ours
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)
Handler = Callable[[web.Request], Awaitable[web.Response]]

for _route in (f"GET {ENTER}", f"POST {ENTER}", f"POST {LEAVE}"):
    declare(_route, policy("anyone", scope="house"))
declare(f"GET {VIEW}", policy("partner", scope="programme"))


class PartnerPage:
    """The routes, for a server to add.

    Args:
        bot: Knows the programmes of now.
        database: Where companies, links and agreements are.
        worker: Asks the database.
        clock: Tells when.
        secret: Of the instance; passes are signed with a key made from it.
        proxies: How many of ours stand before the server.
    """

    def __init__(
        self,
        bot: Bot,
        database: Database,
        worker: Worker,
        clock: Clock,
        *,
        secret: str,
        proxies: int = 0,
    ) -> None:
        self._bot, self._database, self._worker, self._clock = bot, database, worker, clock
        self._passes = Passes(secret)
        self._proxies = proxies
        self._requests = Limiter(A_MINUTE)
        self._failed = Limiter(FAILED, sources=1)
        self._alone = asyncio.Lock()

    def add_to(self, app: web.Application) -> None:
        """Serve here."""
        app.router.add_get(ENTER, self._guarded(self._door), allow_head=False)
        app.router.add_post(ENTER, self._guarded(self._enter))
        app.router.add_get(VIEW, self._guarded(self._view), allow_head=False)
        app.router.add_post(LEAVE, self._guarded(self._leave))

    def _guarded(self, handler: Handler) -> Handler:
        """Not there without a programme that has companies; not too often; no error unanswered."""

        async def answer(request: web.Request) -> web.Response:
            if not any(one.partners for one in self._bot.programmes.values()):
                raise web.HTTPNotFound
            forwarded = request.headers.getall("X-Forwarded-For", ())
            source = source_of(request.remote, forwarded, self._proxies)
            seconds = self._requests.take(source, self._clock.now())
            if seconds:
                return _busy(request, seconds)
            try:
                return await handler(request)
            except SQLAlchemyError:
                log.exception("the partners' page could not be made")
                w = _words(request)
                return _html(door(w, w("company-page-away")), 503)

        return answer

    async def _door(self, request: web.Request) -> web.Response:
        return _html(door(_words(request)))

    async def _enter(self, request: web.Request) -> web.Response:
        """Exchange a code for a pass."""
        code, now = await _code(request), self._clock.now()
        seconds = self._failed.wait("", now)
        if seconds:
            return _busy(request, seconds)
        found = await self._worker.run(self._link, code, now)
        if found is None:
            self._failed.note("", now)
            return _refused(request)
        link, ends = found
        log.info("partner came in link=%s", link)
        until = min(now + LASTS, ends)
        away = web.Response(status=303, headers={"Location": f"{VIEW}?lang={_words(request).lang}"})
        away.set_cookie(
            COOKIE,
            self._passes.write(link, until),
            max_age=ceil((until - now).total_seconds()),
            secure=True,
            httponly=True,
            samesite="Strict",
        )
        return away

    async def _view(self, request: web.Request) -> web.Response:
        """The people, as of now."""
        now, w = self._clock.now(), _words(request)
        # Without a pass the database is asked all the same: no refusal is quicker than another.
        link, left = self._passes.read(request.cookies.get(COOKIE, ""), now) or (0, 0)
        wanted = _NUMBER.fullmatch(request.query.get("page", ""))
        number = int(wanted[0]) if wanted else 1
        async with self._alone:  # the bot's people, who wait for the same threads, come in between
            drawn = await self._worker.run(self._look, link, number, now, w)
        if drawn is None:
            return _refused(request)
        # An open tab must not outlive the pass: it asks again then, and is refused.
        return _html(table(w, drawn), refresh=left)

    async def _leave(self, request: web.Request) -> web.Response:
        """Forget the pass."""
        if not _from_here(request):
            return _refused(request)
        away = web.Response(
            status=303, headers={"Location": f"{ENTER}?lang={_words(request).lang}"}
        )
        away.del_cookie(COOKIE, secure=True, httponly=True, samesite="Strict")
        return away

    def _link(self, code: str, now: datetime) -> tuple[int, datetime] | None:
        """The number and the end of the link with this code."""
        with self._database.unit_of_work() as uow:
            found = uow.partners.by_digest(sha256(code.encode()).hexdigest(), now)
            return None if found is None else (found.link.id, found.link.expires_at)

    def _look(self, link: int, number: int, now: datetime, w: Words) -> Drawn | None:
        """What the link shows now; written down before it is handed out."""
        with self._database.unit_of_work() as uow:
            found = uow.partners.standing(link, now)
            if found is None:
                return None
            company = found.partner
            programme = self._bot.programmes.get(company.programme_id)
            if programme is None or programme.partners is None:
                return None
            sheet = shown(uow, programme, now)
            pages = max(1, ceil(len(sheet.rows) / ROWS))
            page = min(number, pages)
            rows = sheet.rows[(page - 1) * ROWS : page * ROWS]
            contact = programme.contact
            drawn = Drawn(
                company=company.name,
                programme=w.pick(programme.name),
                columns=[w.pick(label) for label in sheet.columns],
                rows=[[w.pick(cell) if cell else "" for cell in row.cells] for row in rows],
                people=len(sheet.rows),
                page=page,
                pages=pages,
                team=w.team(contact) + (f" ({contact.address})" if contact.address else ""),
            )
            seen = {row.person_id: row.fields for row in rows}
            uow.partners.note_views(company.id, link, seen, now)
            uow.commit()
        return drawn


def _words(request: web.Request) -> Words:
    """French, unless English is asked for: by the address, or by the browser before French."""
    asked = [request.query.get("lang", "")]
    asked += request.headers.get("Accept-Language", "").split(",")
    found = (tag.strip()[:2].lower() for tag in asked)
    return words(next((tag for tag in found if tag in LANGUAGES), "fr"), "vous")


def _from_here(request: web.Request) -> bool:
    """Whether a form of another site did not send this; older browsers do not say."""
    return request.headers.get("Sec-Fetch-Site", "none") in _OURS


async def _code(request: web.Request) -> str:
    """The code handed in, alone or with the address before it; empty when there is none."""
    body = await request.read()
    if len(body) > MAX_FORM:
        raise web.HTTPRequestEntityTooLarge(max_size=MAX_FORM, actual_size=len(body))
    if request.content_type != "application/x-www-form-urlencoded" or not _from_here(request):
        return ""
    fields = parse_qs(body.decode("ascii", "replace"))
    return fields.get("code", [""])[0].strip().rpartition("#")[2]


def _html(text: str, status: int = 200, *, refresh: int = 0) -> web.Response:
    answer = web.Response(text=text, status=status, content_type="text/html")
    answer.headers["Content-Security-Policy"] = POLICY
    if refresh:
        answer.headers["Refresh"] = str(refresh)
    return answer


def _refused(request: web.Request) -> web.Response:
    w = _words(request)
    return _html(door(w, w("company-page-refused")), 403)


def _busy(request: web.Request, seconds: int) -> web.Response:
    w = _words(request)
    answer = _html(door(w, w("company-page-busy")), 429)
    answer.headers["Retry-After"] = str(seconds)
    return answer
