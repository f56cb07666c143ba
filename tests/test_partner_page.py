"""The companies' page: only what adults agreed to show, gone at the next request, and nothing else.

Through the real server on loopback and a real database, in the house of the authorisation proof.

Source: E-13, S6; GDPR 6, 7.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from datetime import date, timedelta
from hashlib import sha256
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from typing_extensions import override

from bot.policy import POLICIES
from handlers.headers import HEADERS
from handlers.http import application
from handlers.logs import KeyValue
from handlers.partner_page import A_MINUTE, COOKIE, FAILED, MAX_FORM, ROWS
from handlers.partner_pass import LASTS, Passes
from storage.tables import Identity, Membership, PartnerView, Person
from storage.unit_of_work import UnitOfWork
from tests.authorisation.world import FIRST, NOW, OTHER, SECRET
from tests.partner_world import Door, crowd, hostile

SPEC = json.loads((Path(__file__).parent.parent / "docs/partner-page.openapi.json").read_text())
THEIRS = {
    ("mentee", "person", "name"), ("mentee", "person", "school"), ("mentee", "wish", "field"),
    ("mentee", "wish", "place"),
}  # fmt: skip


def lacking(headers: dict[str, str]) -> set[str]:
    return {name for name in HEADERS if name not in headers} | ({"Server"} & set(headers))


# --- what is seen ---------------------------------------------------------------------------------


async def test_a_company_sees_what_was_agreed_to_and_no_other_word(door: Door) -> None:
    door.agree("mentee", "name", "place")
    door.agree("far mentee", place=OTHER)
    assert (await door.enter(door.link())).status == 303
    got = await door.view()
    assert (got.status, lacking(got.headers)) == (200, set())
    assert door.words_in(got.text) == {("mentee", "person", "name"), ("mentee", "wish", "place")}
    assert "Atelier Nord" in got.text
    await door.enter(door.link(OTHER))
    got = await door.view()
    assert {who for who, _, _ in door.words_in(got.text)} == {"far mentee"}


async def test_agreements_of_mentors_and_staff_show_nothing(door: Door) -> None:
    for name in ("mentor", "staff", "expert", "supervisor", "owner"):
        door.agree(name)
    await door.enter(door.link())
    got = await door.view()
    assert got.status == 200
    assert door.words_in(got.text) == set()
    assert "<table" not in got.text


@pytest.mark.parametrize("state", ["minor", "paused", "unreachable", "left", "other", "erased"])
async def test_who_may_not_be_shown_is_gone_at_the_next_request(door: Door, state: str) -> None:
    who = door.world.people["mentee"]

    def befall(uow: UnitOfWork) -> None:
        person = uow.session.get_one(Person, who)
        if state == "minor":
            person.born_on = date(NOW.year - 18, NOW.month, NOW.day + 1)
        elif state == "paused":
            person.paused_at = NOW
        elif state == "unreachable":
            uow.session.execute(
                update(Identity).where(Identity.person_id == who).values(reachable=False)
            )
        elif state == "left":
            uow.people.enrol(who, FIRST, "mentee", now=NOW, state="ended")
        elif state == "other":
            here = (Membership.person_id == who, Membership.programme_id == FIRST)
            uow.session.execute(update(Membership).where(*here).values(programme_id=OTHER))
        else:
            uow.privacy.erase_person(who, NOW)

    door.agree("mentee")
    await door.enter(door.link())
    assert door.words_in((await door.view()).text) == THEIRS
    door.do(befall)
    got = await door.view()
    assert (got.status, door.words_in(got.text)) == (200, set())


async def test_a_field_taken_back_is_gone_at_the_next_request(door: Door) -> None:
    who = door.world.people["mentee"]
    door.agree("mentee")
    await door.enter(door.link())
    shown = door.words_in((await door.view()).text)
    assert shown == THEIRS
    for purpose, gone in (
        ("partner.name", ("mentee", "person", "name")),
        ("partner.place", ("mentee", "wish", "place")),
    ):
        take_back(door, who, purpose)
        shown -= {gone}
        assert door.words_in((await door.view()).text) == shown
    take_back(door, who, "storage")
    assert door.words_in((await door.view()).text) == set()


def take_back(door: Door, who: int, purpose: str) -> None:
    door.do(lambda uow: uow.people.withdraw(who, FIRST, purpose, now=NOW))


async def test_a_text_that_changed_shows_nobody(door: Door) -> None:
    door.agree("mentee")
    await door.enter(door.link())
    here = door.service.bot.programmes[FIRST]
    assert here.partners is not None
    other = here.partners.model_copy(update={"version": "2027-01"})
    changed = here.model_copy(update={"partners": other})
    door.service.bot.programmes = {**door.service.bot.programmes, FIRST: changed}
    assert door.words_in((await door.view()).text) == set()


async def test_every_view_is_written_down_before_it_is_seen(door: Door) -> None:
    door.agree("mentee", "name", "place")

    def noted() -> list[Any]:
        rows = select(
            PartnerView.partner_id, PartnerView.person_id, PartnerView.fields, PartnerView.at
        ).where(PartnerView.partner_id == door.companies.get(FIRST, 0))
        return door.do(lambda uow: [tuple(row) for row in uow.session.execute(rows)])

    code = door.link()
    await door.view()
    await door.enter("x" + code)
    assert noted() == []
    await door.enter(code)
    assert noted() == [], "coming in shows nobody"
    await door.view()
    await door.view()
    who, company = door.world.people["mentee"], door.companies[FIRST]
    assert noted() == [(company, who, "name place", NOW)], "once an hour"
    door.clock.set(NOW + timedelta(hours=1))
    await door.enter(code)
    await door.view()
    assert len(noted()) == 2


async def test_a_hundred_people_a_page_and_only_who_was_shown_is_noted(door: Door) -> None:
    crowd(door, [{"name": f"Personne {n:03d}"} for n in range(ROWS + 3)])
    await door.enter(door.link())
    first, last = await door.view(), await door.view("?page=2")
    assert (first.text.count("<tr"), last.text.count("<tr")) == (ROWS + 1, 4)
    assert "Personne 099" in first.text
    assert "Personne 100" in last.text
    for query in ("?page=99", "?page=2&page=x"):
        assert (await door.view(query)).text == last.text
    for query in ("?page=0", "?page=-1", "?page=9999999", "?page=%00", "?page="):
        assert (await door.view(query)).text == first.text
    count = select(PartnerView.id).where(PartnerView.partner_id == door.companies[FIRST])
    assert len(door.do(lambda uow: uow.session.execute(count).all())) == ROWS + 3


# --- who gets in ----------------------------------------------------------------------------------


async def test_a_pass_lasts_half_an_hour_and_no_longer_than_the_link(door: Door) -> None:
    got = await door.enter(door.link())
    said = got.headers["Set-Cookie"]
    assert said.startswith(f"{COOKIE}=")
    assert {part.strip() for part in said.split(";")[1:]} == {
        "HttpOnly", "Max-Age=1800", "Path=/", "SameSite=Strict", "Secure",
    }  # fmt: skip
    assert (await door.view()).headers["Refresh"] == "1800"
    door.clock.set(NOW + LASTS - timedelta(seconds=1))
    assert (await door.view()).headers["Refresh"] == "1"
    door.clock.set(NOW + LASTS)
    assert (await door.view()).status == 403
    code = door.link(days=1)
    door.clock.set(door.clock.now() + timedelta(days=1) - timedelta(seconds=9))
    assert "Max-Age=9;" in (await door.enter(code)).headers["Set-Cookie"]


async def test_a_link_taken_back_shuts_the_page_at_the_next_request(door: Door) -> None:
    door.agree("mentee")
    refused = (await door.view()).all
    assert refused[0] == 403
    now = NOW

    async def inside() -> str:
        code = door.link()
        assert (await door.enter(code)).status == 303
        assert door.words_in((await door.view()).text) == THEIRS
        return code

    async def outside(code: str) -> None:
        assert (await door.view()).all == refused
        wrong = await door.ask("POST", "/partner", data={"code": "x"})
        assert (await door.enter(code)).all == wrong.all

    code = await inside()
    door.do(lambda uow: uow.partners.revoke(door.companies[FIRST], now))
    await outside(code)
    code = await inside()
    door.link()
    await outside(code)  # a new one takes the old one's place
    code = await inside()
    rules = door.service.bot.programmes
    bare = rules[FIRST].model_copy(update={"partners": None})
    door.service.bot.programmes = {**rules, FIRST: bare}
    assert (await door.view()).all == refused
    door.service.bot.programmes = {name: one for name, one in rules.items() if name != FIRST}
    assert (await door.view()).all == refused
    door.service.bot.programmes = rules
    door.do(lambda uow: uow.partners.close(door.companies[FIRST], now))
    await outside(code)
    del door.companies[FIRST]
    code = await inside()
    door.clock.set(NOW + timedelta(days=60))
    await outside(code)


async def test_no_pass_but_ours_opens_anything(door: Door) -> None:
    door.agree("mentee")
    refused = (await door.view()).all
    await door.enter(door.link())
    good = door.cookie
    link, until, signature = good.split(".")
    far = int(until) + 86400
    others = Passes(SECRET + "!")
    forged = [
        f"{int(link) + 1}.{until}.{signature}", f"{link}.{far}.{signature}", f"{link}.{until}.",
        f"{link}.{until}.{signature[:-1]}", f"{link}.{until}.{signature.upper()}x",
        f"{link}.{until}.{sha256(f'{link}.{until}'.encode()).hexdigest()}", "..", "x", good + "0",
        others.write(int(link), NOW + LASTS), f"{link}.{until}.{'0' * 64}", f" {good}.", "1" * 4000,
        f"0{link}.{until}.{signature}", f"\u0661.{until}.{signature}",
        Passes(SECRET).write(int(link), NOW + timedelta(days=30)),
        Passes(SECRET).write(int(link), NOW - timedelta(seconds=1)),
        Passes(SECRET).write(10**17, NOW + LASTS),
    ]  # fmt: skip
    for n, door.cookie in enumerate(forged):
        door.source = f"192.0.2.{n}"
        assert (await door.view()).all == refused, door.cookie
    door.cookie = good
    assert (await door.view()).status == 200


async def test_whatever_does_not_open_is_refused_in_the_same_bytes(door: Door) -> None:
    code = door.link()
    old = door.link(OTHER)
    door.do(lambda uow: uow.partners.revoke(door.companies[OTHER], NOW))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    bodies: list[tuple[Any, dict[str, str]]] = [
        (f"code={old}", form), (f"code={code}x", form), (f"code={code[:-1]}", form),
        (f"code={code.swapcase()}", form), (f"code={sha256(code.encode()).hexdigest()}", form),
        ("code=", form), ("", form), (b"\xff\xfe\x00", form), (f"code=x&code={code}", form),
        ("&".join(f"a{n}=1" for n in range(200)), form), (f"Code={code}", form),
        (f"code={code}", {"Content-Type": "text/plain"}),
        (json.dumps({"code": code}), {"Content-Type": "application/json"}),
        (f"code={code}", form | {"Sec-Fetch-Site": "cross-site"}),
        (f"code={code}", form | {"Sec-Fetch-Site": "same-site"}),
        ("code=' OR 1=1 --", form), ("code=%00%F0%9F", form), ("code=\r\nSet-Cookie: a=b", form),
    ]  # fmt: skip
    seen = set()
    for n, (body, headers) in enumerate(bodies):
        door.source = f"198.51.100.{n}"
        got = await door.ask("POST", "/partner", data=body, headers=headers)
        assert got.status == 403, (body, headers)
        assert "Set-Cookie" not in got.headers
        seen.add(json.dumps(got.all, ensure_ascii=False))
    assert len(seen) == 1
    assert "La page ne s’ouvre pas" in seen.pop()
    for body in (f"code={code}", f"code=https://x.example/partner%23{code}", f"code=+{code}%0A"):
        assert (await door.ask("POST", "/partner", data=body, headers=form)).status == 303
    assert (await door.ask("POST", f"/partner?code={old}", data=f"code={code}",
                           headers=form)).status == 303  # fmt: skip


async def test_a_thousand_guesses_open_nothing_and_are_slowed_down(door: Door) -> None:
    """From one place, then from a thousand: what is near the good code too."""
    code = door.link()
    digest = sha256(code.encode()).hexdigest()
    near = [code[:n] for n in range(43)] + [code[::-1], digest, code.lower(), code + "="]
    guesses = near + [sha256(f"{n}".encode()).hexdigest()[:43] for n in range(1000 - len(near))]
    got = Counter([(await door.enter(guess)).status for guess in guesses])
    assert got == {403: A_MINUTE, 429: 1000 - A_MINUTE}
    door.clock.set(NOW + timedelta(minutes=1))
    statuses: Counter[int] = Counter()
    for n, guess in enumerate(guesses):
        door.source = f"198.51.{n // 250}.{n % 250}"
        answer = await door.enter(guess)
        statuses[answer.status] += 1
        assert not lacking(answer.headers)
    assert statuses == {403: FAILED, 429: 1000 - FAILED}
    assert int(answer.headers["Retry-After"]) == 60
    assert door.cookie == ""
    assert (await door.enter(code)).status == 429, "nobody comes in meanwhile"
    door.clock.set(NOW + timedelta(minutes=2))
    assert (await door.enter(code)).status == 303


async def test_sixty_requests_a_minute_and_others_are_not_held_up(door: Door) -> None:
    await door.enter(door.link())
    got = [(await door.view()).status for _ in range(A_MINUTE + 5)]
    assert got == [200] * (A_MINUTE - 1) + [429] * 6
    health = await door.ask("GET", "/health/live")
    assert health.status == 200, "what monitors and platforms ask is not counted"
    door.source = "192.0.2.2"
    assert (await door.view()).status == 200


async def test_leaving_forgets_the_pass_and_not_by_another_site(door: Door) -> None:
    await door.enter(door.link())
    away = {"Sec-Fetch-Site": "cross-site"}
    got = await door.ask("POST", "/partner/leave", headers=away)
    assert (got.status, "Set-Cookie" in got.headers) == (403, False)
    got = await door.ask("POST", "/partner/leave")
    assert (got.status, got.headers["Location"]) == (303, "/partner?lang=fr")
    assert re.match(rf'{COOKIE}="?"?; .*Max-Age=0; Path=/;', got.headers["Set-Cookie"])


async def test_without_companies_the_page_is_as_if_it_were_not_there(door: Door) -> None:
    code = door.link()
    missing = await door.ask("GET", "/partner/nothing")
    rules = door.service.bot.programmes
    door.service.bot.programmes = {
        name: one.model_copy(update={"partners": None}) for name, one in rules.items()
    }
    for method, path in (
        ("GET", "/partner"), ("GET", "/partner/view"), ("POST", "/partner"),
        ("POST", "/partner/leave"),
    ):  # fmt: skip
        assert (await door.ask(method, path, data={"code": code})).all == missing.all
    assert missing.status == 404


# --- headers, errors, languages -------------------------------------------------------------------


async def test_every_answer_and_every_error_has_the_headers(door: Door) -> None:
    code = door.link()
    got = {
        "door": await door.ask("GET", "/partner"),
        "in": await door.enter(code),
        "view": await door.view(),
        "head": await door.ask("HEAD", "/partner"),
        "put": await door.ask("PUT", "/partner/view"),
        "large": await door.ask("POST", "/partner", data={"code": "x" * MAX_FORM}),
        "larger": await door.ask("POST", "/partner", data=BytesIO(b"x" * 3_000_000)),
        "packed": await door.ask("POST", "/partner", data=b"x",
                                 headers={"Content-Encoding": "gzip"}),
        "wrong": await door.enter("x"),
        "missing": await door.ask("GET", "/partner/x"),
        "left": await door.ask("POST", "/partner/leave"),
    }  # fmt: skip
    got["busy"] = [await door.view() for _ in range(A_MINUTE)][-1]
    door.source = "192.0.2.2"
    door.do(lambda uow: uow.session.connection().exec_driver_sql("ALTER TABLE partner RENAME TO p"))
    got |= {"away": await door.view(), "away too": await door.enter(code)}
    assert {name: one.status for name, one in got.items()} == {
        "door": 200, "in": 303, "view": 200, "head": 405, "put": 405, "large": 413, "larger": 413,
        "packed": 403, "wrong": 403, "missing": 404, "left": 303, "busy": 429, "away": 503,
        "away too": 503,
    }  # fmt: skip
    assert {name: lacking(one.headers) for name, one in got.items() if lacking(one.headers)} == {}
    policy = got["view"].headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy + got["door"].headers["Content-Security-Policy"]


async def test_french_first_and_english_when_asked(door: Door) -> None:
    async def language(query: str, accepted: str | None) -> str:
        headers = {} if accepted is None else {"Accept-Language": accepted}
        text = (await door.ask("GET", f"/partner{query}", headers=headers)).text
        return text.partition('lang="')[2][:2]

    for query, accepted, lang in (
        ("", None, "fr"), ("", "en-GB,en;q=0.9,fr;q=0.8", "en"), ("", "fr-FR,en;q=0.5", "fr"),
        ("", "de,en;q=0.7", "en"), ("", "de", "fr"), ("?lang=en", "fr", "en"),
        ("?lang=fr", "en", "fr"), ("?lang=xx", "en", "en"), ("?lang=", "*", "fr"),
    ):  # fmt: skip
        assert await language(query, accepted) == lang, (query, accepted)
    door.agree("mentee")
    await door.enter(door.link())
    assert "A job" in (await door.view("?lang=en")).text
    assert "Un emploi" in (await door.view("?lang=fr")).text


def test_every_route_is_described_and_has_a_policy(door: Door) -> None:
    routes = {
        (route.method.lower(), route.resource.canonical)
        for route in application(door.service).router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/partner")
    }
    assert routes == {(method, path) for path, item in SPEC["paths"].items() for method in item}
    who = {POLICIES[f"{method.upper()} {path}"].who for method, path in routes}
    assert who == {"anyone", "partner"}
    assert POLICIES["GET /partner/view"].who == "partner"
    assert SPEC["components"]["securitySchemes"]["pass"]["name"] == COOKIE


# --- nothing active, nothing in the log -----------------------------------------------------------


class _Seen(HTMLParser):
    """The marks and the words of a page, as a browser would read them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.cells: list[str] = []
        self._open = False

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}
        if tag in {"td", "th"}:
            self.cells.append("")
            self._open = True

    @override
    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag not in {"td", "th"}

    @override
    def handle_data(self, data: str) -> None:
        if self._open:
            self.cells[-1] += data


async def test_what_people_wrote_is_words_and_nothing_else(door: Door) -> None:
    await door.enter(door.link())
    calm = _Seen()
    door.agree("mentee")
    calm.feed((await door.view()).text)
    every = hostile(door)
    company = every[40] + every[80] + every[120]
    door.do(lambda uow: setattr(uow.partners.get(door.companies[FIRST]), "name", company))
    found: set[str] = set()
    for page in (1, 2):
        seen = _Seen()
        got = await door.view(f"?page={page}")
        seen.feed(got.text)
        found |= set(seen.cells)
        assert set(seen.tags) <= set(calm.tags) | {"nav"}
        assert seen.attributes <= calm.attributes
        assert seen.tags["script"] == 0
    # Spaces at the ends are nobody's words; typography puts its own in between.
    written = {"".join(text.split()) for text in every} - {""}
    assert written <= {"".join(cell.split()) for cell in found}


async def test_neither_code_nor_pass_nor_anybody_s_word_is_in_the_log(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("aiohttp").setLevel(logging.DEBUG)
    door.agree("mentee")
    code = door.link()
    await door.enter(code)
    good = door.cookie
    assert door.words_in((await door.view()).text) == THEIRS
    await door.enter(code + "x")
    await door.ask("POST", "/partner", data={"code": code + "y" * MAX_FORM})
    await door.ask("GET", f"/partner?code={code}")
    await door.ask("GET", f"/partner/{code}")
    door.do(lambda uow: uow.session.connection().exec_driver_sql("ALTER TABLE partner RENAME TO p"))
    assert (await door.view()).status == 503
    assert (await door.enter(code)).status == 503
    lines = [KeyValue().format(one) for one in caplog.records]
    raw = [one.getMessage() for one in caplog.records if one.name.startswith("handlers")]
    assert "partner came in" in "\n".join(raw)
    for secret in (code, good, sha256(code.encode()).hexdigest(), good.rpartition(".")[2]):
        assert not [line for line in lines + raw if secret in line]
    assert door.words_in("\n".join(lines + raw)) == set()


# --- whatever is sent -----------------------------------------------------------------------------
_WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters="\x7f"),
                 max_size=40)  # fmt: skip
_HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "Accept-Language", "Content-Encoding", "Content-Type", "Cookie", "Expect", "Host",
            "If-None-Match", "Origin", "Range", "Sec-Fetch-Site", "X-Forwarded-For",
            "X-HTTP-Method-Override",
        ]
    ),
    _WORDS | st.sampled_from(["gzip", "deflate", "application/x-www-form-urlencoded; charset=x",
                              "same-origin", "multipart/form-data; boundary=x", COOKIE + "=1.2.3"]),
    max_size=4,
)  # fmt: skip
_PATHS = (
    st.sampled_from(sorted(SPEC["paths"])) | _WORDS.map(lambda text: f"/partner/{quote(text)}")
)  # fmt: skip
_QUERIES = st.just("") | st.builds(
    lambda name, value: f"?{name}={value}",
    st.sampled_from(["lang", "page", "x"]),
    _WORDS.map(quote),
)
_BODIES = st.binary(max_size=200) | _WORDS.map(lambda text: f"code={quote(text)}".encode())


@settings(
    max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture,
                                             HealthCheck.too_slow]
)  # fmt: skip
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"]),
    path=_PATHS, query=_QUERIES, headers=_HEADERS, body=_BODIES, inside=st.booleans(),
)  # fmt: skip
async def test_whatever_is_sent_is_answered_as_described(
    door: Door, method: str, path: str, query: str, headers: dict[str, str], body: bytes,
    inside: bool,
) -> None:  # fmt: skip
    door.clock.set(door.clock.now() + timedelta(seconds=2))
    if inside and not Passes(SECRET).read(door.cookie, door.clock.now()):
        door.cookie = ""
        assert (await door.enter(door.link())).status == 303
    good, door.cookie = door.cookie, door.cookie if inside and "Cookie" not in headers else ""
    got = await door.ask(method, path + query, headers=headers, data=body)
    door.cookie = good
    assert not lacking(got.headers), got
    described = SPEC["paths"].get(path, {}).get(method.lower())
    if "Expect" in headers and got.status == 417:
        return
    if described is None:
        assert got.status in {404, 405}
    else:
        assert str(got.status) in described["responses"], got
        assert got.status < 500
