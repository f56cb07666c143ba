"""The demo's page in a headless Chromium: read, clicked, typed and walked through by keyboard."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    ViewportSize,
    async_playwright,
    expect,
)
from sqlalchemy import select

from bot.messages import File, Line, Message
from bot.turn import Scene
from handlers.local.demo import Demo, demo, opening_scene
from storage.tables import Identity
from tests.injection.texts import texts
from tests.needs import CHROMIUM_ARGS

pytestmark = pytest.mark.asyncio(loop_scope="module")

WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 360, "height": 740}
PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAAAAADRSSBWAAAAC0lEQVR4nGNgYAAAAAMAAbitOmMAAAAASUVORK5CYII="
)
ACTED_ON = (
    ":is(a, script, img, svg, iframe, object, em, s, pre, .mention, [onerror], [onload])"
    ":not(details.json *)"
)
WISH = (
    "J’aimerais parler d’éolien en mer avec quelqu’un qui est passé du grand groupe à la start-up."
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium(chromium_path: Path) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_path, args=list(CHROMIUM_ARGS)
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def running() -> AsyncIterator[Demo]:
    async with demo() as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def resting() -> AsyncIterator[Demo]:
    """One for the tests that change nothing in it."""
    async with demo() as started:
        yield started


@dataclass
class Screen:
    """A browser's page on a running demo, and what it complained of."""

    page: Page
    demo: Demo
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.demo.page.url, "data:", "blob:")):
            self.complaints.append(f"outside: {request.url}")

    def pane(self, platform: str) -> Locator:
        return self.page.locator(f".pane.{platform}")

    def last(self, platform: str) -> Locator:
        return self.pane(platform).locator("article").last

    async def play(self, platform: str, person: str) -> None:
        await self.page.click(f"#{platform}-people [data-key={person}]")

    async def say(self, platform: str, text: str) -> None:
        await self.page.fill(f"#{platform}-composer", text)
        await self.page.press(f"#{platform}-composer", "Enter")

    async def press(self, platform: str, label: str, *, asked: str = "") -> None:
        """Press a button of the last message that has one, once that message is there."""
        if asked:
            await expect(self.last(platform)).to_contain_text(asked)
        buttons = (
            self.pane(platform).locator("article").get_by_role("button", name=label, exact=True)
        )
        await buttons.last.click()


@pytest_asyncio.fixture(loop_scope="module")
async def screen(
    chromium: Browser, running: Demo, request: pytest.FixtureRequest
) -> AsyncIterator[Screen]:
    if getattr(request, "param", True):
        await opening_scene(running)
    context = await chromium.new_context(viewport=WIDE, locale="fr-FR")
    page = await context.new_page()
    shown = Screen(page, running)
    shown.listen()
    page.set_default_timeout(10_000)
    await page.goto(running.page.url)
    await expect(page.locator("#now")).not_to_be_empty()
    yield shown
    assert not shown.complaints
    assert not running.stage.slack.refusals
    assert not running.stage.telegram.refusals
    await context.close()


blank = pytest.mark.parametrize("screen", [False], indirect=True)


async def test_the_first_look_shows_something_in_both_panes_and_underneath(screen: Screen) -> None:
    slack, telegram = screen.pane("slack"), screen.pane("telegram")
    await expect(screen.last("slack")).to_contain_text("Qu’est-ce qui t’amène")
    await expect(screen.last("slack").get_by_role("button", name="Rebondir")).to_be_visible()
    await expect(screen.last("telegram")).to_contain_text("Yves Montoux")
    await expect(slack.locator("#slack-people")).to_contain_text("parrain")
    await expect(slack.locator("[data-key=staff] .count")).to_be_visible()
    await expect(telegram.locator("#telegram-people")).to_contain_text("lauréate")
    await expect(screen.page.locator("#outbox tr.sent").first).to_contain_text("envoyé")
    await expect(screen.page.locator("#timers li").first).to_contain_text("2026")
    drawn = screen.last("slack").locator("details.json")
    await drawn.locator("summary").click()
    await expect(drawn.locator("pre")).to_contain_text('"action_id"')


async def test_a_student_ends_an_intake_by_clicks_and_menus_in_slack(screen: Screen) -> None:
    await screen.press("slack", "Élaborer un projet", asked="Qu’est-ce qui t’amène")
    await screen.press("slack", "Il reste à dessiner", asked="Quel genre de projet")
    await expect(screen.last("slack")).to_contain_text("Te reconnais-tu")
    menu = screen.last("slack").locator("details.select")
    await menu.locator("summary").click()
    await menu.get_by_role("button", name="Aucune de celles-ci").click()
    await expect(screen.last("slack")).to_contain_text("Quels secteurs")
    many = screen.last("slack").locator("details.many")
    await many.locator("summary").click()
    await many.get_by_label("Énergie", exact=True).check()
    await screen.press("slack", "Valider")
    await expect(screen.last("slack")).to_contain_text("Raconte-moi")
    await screen.say("slack", WISH)
    await screen.press("slack", "Mon nom et mes réponses", asked="Que puis-je montrer")
    await expect(screen.last("slack")).to_contain_text("éolien en mer")
    await screen.press("slack", "Envoyer")
    await expect(screen.pane("slack")).to_contain_text("Hugo Vaucelin")


async def test_a_student_ends_an_intake_by_a_modal_whose_errors_stand_under_the_fields(
    screen: Screen,
) -> None:
    await screen.press("slack", "Rebondir", asked="Qu’est-ce qui t’amène")
    await screen.press("slack", "Un imprévu", asked="Que s’est-il passé")
    await expect(screen.last("slack")).to_contain_text("Te reconnais-tu")
    await screen.last("slack").locator("details.select summary").click()
    await screen.last("slack").get_by_role("button", name="Aucune de celles-ci").click()
    await screen.press("slack", "Répondre dans un formulaire", asked="Quels secteurs")
    modal = screen.page.get_by_role("dialog")
    await expect(modal).to_be_visible()
    await modal.get_by_label("Énergie", exact=True).check()
    await modal.get_by_role("button", name="Continuer").click()
    await expect(modal.locator(".error:not(:empty)").first).to_be_visible()
    await modal.get_by_label("Raconte-moi").fill(WISH)
    await modal.get_by_label("Mes réponses, sans mon nom").check()
    await modal.get_by_role("button", name="Continuer").click()
    await expect(modal).to_be_hidden()
    await expect(screen.last("slack")).to_contain_text("éolien en mer")
    await screen.press("slack", "Envoyer")
    await expect(screen.pane("slack")).to_contain_text("Hugo Vaucelin")


@blank
async def test_another_student_ends_an_intake_on_telegram(screen: Screen) -> None:
    await screen.play("telegram", "student")
    await screen.pane("telegram").get_by_role("button", name="Démarrer").click()
    await screen.press("telegram", "Accompagnement à la demande", asked="Lequel")
    await screen.press("telegram", "D’accord", asked="Es-tu d’accord")
    await screen.press("telegram", "Je viens comme accompagné", asked="participer")
    await expect(screen.last("telegram")).to_contain_text(re.compile("t’appelles-tu|promotion"))
    if "t’appelles-tu" in (await screen.last("telegram").text_content() or ""):
        await screen.say("telegram", "Camille Roux")
    await expect(screen.last("telegram")).to_contain_text("promotion")
    await screen.say("telegram", "2021")
    await screen.press("telegram", "Élève en dernière année", asked="Où en es-tu")
    await screen.press("telegram", "Poser une question, une fois", asked="De quoi as-tu besoin")
    await screen.press("telegram", "Un secteur", asked="Sur quoi porte")
    await expect(screen.last("telegram")).to_contain_text("Quel secteur")
    await screen.say("telegram", "Énergie")
    await expect(screen.last("telegram")).to_contain_text("Quelle est ta question")
    await screen.say("telegram", "Comment obtient-on un permis pour un parc éolien en mer ?")
    await screen.press("telegram", "Mon nom et mes réponses", asked="Que puis-je montrer")
    await screen.press("telegram", "Envoyer", asked="permis")
    await expect(screen.pane("telegram")).to_contain_text("Hugo Vaucelin")


async def test_a_question_and_a_modal_by_keyboard_alone(screen: Screen) -> None:
    page = screen.page
    choice = screen.last("slack").get_by_role("button", name="Rebondir")
    await page.locator("#slack-composer").focus()
    for _ in range(12):
        if await choice.evaluate("node => node === document.activeElement"):
            break
        await page.keyboard.press("Shift+Tab")
    await expect(choice).to_be_focused()
    outline = await choice.evaluate("node => getComputedStyle(node).outlineStyle")
    assert outline == "solid"
    await page.keyboard.press("Enter")
    await expect(screen.last("slack")).to_contain_text("Que s’est-il passé")
    # What was pressed is gone: focus stays in its message, and Tab goes on from there.
    assert await page.evaluate("document.activeElement.closest('#slack-log') !== null")

    await screen.last("slack").get_by_role("button", name="Un imprévu").focus()
    await page.keyboard.press("Space")
    await expect(screen.last("slack")).to_contain_text("Te reconnais-tu")
    await screen.last("slack").locator("details.select summary").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Enter")
    await expect(screen.last("slack")).to_contain_text("Quels secteurs")

    opener = screen.last("slack").get_by_role("button", name="Répondre dans un formulaire")
    await opener.focus()
    await page.keyboard.press("Enter")
    modal = page.get_by_role("dialog")
    await expect(modal).to_be_visible()
    assert await page.evaluate("document.activeElement.closest('dialog') !== null")
    await page.keyboard.press("Escape")
    await expect(modal).to_be_hidden()
    assert not screen.demo.stage.slack.views("UCAMILLE")


async def test_a_narrow_window_shows_one_pane_at_a_time_and_never_scrolls_sideways(
    screen: Screen,
) -> None:
    page = screen.page
    await page.set_viewport_size(NARROW)
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        await page.emulate_media(color_scheme=scheme)
        for platform, other in (("telegram", "slack"), ("slack", "telegram")):
            await page.click(f"[data-pane={platform}]")
            await expect(screen.pane(platform)).to_be_visible()
            await expect(screen.pane(other)).to_be_hidden()
            assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


async def test_staff_use_a_command_and_the_home_and_time_brings_a_check_in(screen: Screen) -> None:
    await screen.play("slack", "staff")
    await screen.say("slack", "/cordee demandes")
    await expect(screen.last("slack")).to_contain_text("demande")
    await screen.say("slack", "/giphy chat")
    await expect(screen.page.locator("#trouble")).to_contain_text("/giphy")
    await screen.page.click("#tab-home")
    await expect(screen.page.locator("#slack-home")).to_contain_text("Le bureau de l’équipe")

    before = await screen.page.locator("#now").text_content()
    await screen.play("slack", "sponsor")
    await screen.page.get_by_role("button", name="+3 semaines").click()
    await expect(screen.page.locator("#now")).not_to_have_text(before or "")
    await expect(screen.page.locator("#now")).to_contain_text("6 oct. 2026")
    await expect(screen.page.locator("#busy")).to_be_empty()
    await screen.page.get_by_role("button", name="Prochaine échéance").click()
    await expect(screen.pane("slack")).to_contain_text("As-tu parlé avec ton filleul")
    await screen.press("slack", "Pas encore")
    await expect(screen.pane("slack")).to_contain_text("✓ Pas encore")


async def test_staff_give_a_company_its_link_and_it_opens_here(screen: Screen) -> None:
    await screen.play("slack", "staff")
    await screen.say("slack", "/cordee programme emergence")
    await screen.say("slack", "/cordee partenaires + Verrerie Haute")
    await screen.press("slack", "Faire un lien", asked="Verrerie Haute")
    said = screen.last("slack").filter(has_text="/partner#")
    await expect(said).to_be_visible()
    link = re.search(r"http://127\.0\.0\.1:\d+/partner#[\w-]+", await said.inner_text())
    assert link
    page = await screen.page.context.new_page()
    page.on("request", screen._asked)
    page.on("pageerror", lambda error: screen.complaints.append(str(error)))
    await page.goto(link[0])
    await expect(page.get_by_role("heading", name="Verrerie Haute")).to_be_visible()
    await page.get_by_role("button", name="Refermer la page").click()
    await expect(page.get_by_label("Code du lien")).to_be_visible()


async def test_a_picture_is_shown_in_the_conversation(screen: Screen) -> None:
    service = screen.demo.stage.service
    file = File("ans.png", PNG, "image/png", "Deux points noirs")

    def put() -> None:
        with service.database.unit_of_work() as uow:
            scene = Scene(service.bot, uow, service.clock.now())
            for one in uow.session.scalars(select(Identity)):
                scene.tell(
                    scene.person(one.person_id),
                    Message("Cinq ans", file=file),
                    key=f"picture:{one.id}",
                    identity=one,
                )
            uow.commit()

    await service.worker.run(put)
    await screen.demo.stage.settled()
    await screen.page.get_by_role("button", name="Prochaine échéance").click()  # looks again
    for platform, said in (("slack", "Deux points noirs"), ("telegram", "Cinq ans")):
        shown = screen.pane(platform).locator("img.picture").last
        await expect(shown).to_have_js_property("naturalWidth", 2)
        await expect(shown).to_have_attribute("alt", said)


async def test_what_people_wrote_is_words_on_the_page_and_nothing_else(screen: Screen) -> None:
    """Five hundred texts that a page might act on, as titles, words and labels (S3)."""
    every, service = texts(), screen.demo.stage.service
    parts = [every[at : at + 25] for at in range(0, len(every), 25)]
    screen.page.on("dialog", lambda dialog: screen.complaints.append(dialog.message))

    def put() -> None:
        with service.database.unit_of_work() as uow:
            scene = Scene(service.bot, uow, service.clock.now())
            for one in uow.session.scalars(select(Identity)):
                for n, some in enumerate(parts):
                    message = Message(
                        "\n".join(some),
                        title=f"Mots {n} {some[0]}",
                        lines=tuple(Line(label=word, text=word) for word in some[:8]),
                    )
                    key = f"words:{one.id}:{n}"
                    scene.tell(scene.person(one.person_id), message, key=key, identity=one)
            uow.commit()

    await service.worker.run(put)
    await screen.demo.stage.settled()
    await screen.page.get_by_role("button", name="Prochaine échéance").click()  # looks again
    for platform in ("slack", "telegram"):
        shown = screen.pane(platform).locator("article", has_text=re.compile(r"Mots \d"))
        await expect(shown).to_have_count(len(parts))
        assert await shown.locator(ACTED_ON).count() == 0
        seen = " ".join(await shown.all_inner_texts())
        assert all(word in seen for word in ("<script>alert(1)</script>", "<img src=x", "<!here>"))


async def test_a_code_made_in_slack_opens_telegram_by_its_link(screen: Screen) -> None:
    await screen.say("slack", "/cordee lier")
    opened = screen.pane("slack").locator("a[href*='t.me/']").last
    await opened.click()
    own = screen.pane("telegram").locator("article.own")
    await expect(own.last).to_contain_text("/start ")
    await expect(screen.last("telegram")).not_to_have_class(re.compile("own"))
    pressed = screen.page.locator("#telegram-people [data-key=student]")
    await expect(pressed).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "rebound.example"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
    ],
)
async def test_only_this_machine_and_this_page_are_served(
    resting: Demo, headers: dict[str, str], status: int
) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(resting.page.url, headers=headers) as answer,
    ):
        assert answer.status == status
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{}", 400),
        ('{"do": "clock.on", "days": 100000}', 400),
        ('{"do": "slack.press", "user": "UCAMILLE", "ts": "1.0", "action": "x"}', 409),
        ('{"do": "telegram.start", "user": 1001, "payload": "no such link!"}', 409),
    ],
)
async def test_what_nobody_could_press_is_refused_in_words(
    resting: Demo, body: str, status: int
) -> None:
    async with aiohttp.ClientSession() as session:
        url = f"{resting.page.url}act"
        kind = {"Content-Type": "application/json"}
        async with session.post(url, data=body, headers=kind) as answer:
            assert answer.status == status
            assert (await answer.json())["error"]
        async with session.post(url, data=body, headers={"Content-Type": "text/plain"}) as answer:
            assert answer.status == 415


async def test_a_taken_port_gives_the_next_one(resting: Demo) -> None:
    async with demo(resting.page.port) as second:
        assert second.page.port > resting.page.port
