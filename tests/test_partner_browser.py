"""The companies' page in a headless Chromium: nothing is left behind, nothing is asked outside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page, ViewportSize, async_playwright, expect

from tests.needs import CHROMIUM_ARGS
from tests.partner_world import Door, hostile

WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 360, "height": 740}
ACTIVE = (
    "script, img, svg, iframe, object, embed, a[href^='javascript'], [onerror], [onload], [onclick]"
)


@pytest.fixture
async def browser(chromium_path: Path) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_path, args=list(CHROMIUM_ARGS)
        )
        yield browser
        await browser.close()


async def opened(browser: Browser, door: Door, **how: Any) -> tuple[Page, list[str]]:
    """A new page, and all it complains of: errors, and requests to anybody else or with a code."""
    context = await browser.new_context(locale="fr-FR", viewport=WIDE, **how)
    page, complaints = await context.new_page(), list[str]()
    page.on("console", lambda said: complaints.append(f"{said.type}: {said.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda asked: complaints.extend(
        [asked.url] if not asked.url.startswith((f"{door.base}/partner", "data:")) else []
    ))  # fmt: skip
    return page, complaints


async def history(page: Page) -> list[str]:
    """Every address that the back button knows."""
    session = await page.context.new_cdp_session(page)
    found = await session.send("Page.getNavigationHistory")
    return [value for entry in found["entries"] for value in (entry["url"], entry["userTypedURL"])]


async def test_a_link_opens_the_table_and_its_code_is_nowhere_afterwards(
    door: Door, browser: Browser
) -> None:
    door.agree("mentee")
    code = door.link()
    page, complaints = await opened(browser, door)
    asked: list[str] = []
    page.on("request", lambda one: asked.append(f"{one.url} {one.headers.get('referer')}"))
    await page.goto(f"{door.base}/partner#{code}")
    await expect(page.get_by_role("rowheader")).to_have_count(1)
    assert page.url == f"{door.base}/partner/view?lang=fr"
    assert door.words_in(await page.content())
    assert not [one for one in (*asked, *await history(page)) if code in one]
    kept = await page.evaluate(
        "[JSON.stringify({...localStorage, ...sessionStorage}), document.cookie]"
    )
    assert kept == ["{}", ""], "nothing for a script to read"
    [cookie] = await page.context.cookies()
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
    await page.get_by_role("link", name="English").click()
    await expect(page.get_by_role("button", name="Close the page")).to_be_visible()
    await page.get_by_role("button", name="Close the page").click()
    await expect(page.get_by_label("Code of the link")).to_have_value("")
    assert await page.context.cookies() == []
    assert not complaints
    await page.go_back()
    await expect(page.get_by_role("alert")).to_be_visible()
    assert not door.words_in(await page.content()), "nothing comes back"
    door.do(lambda uow: uow.partners.revoke(next(iter(door.companies.values())), door.clock.now()))
    await page.goto(f"{door.base}/partner#{code}")
    await expect(page.get_by_role("alert")).to_contain_text("La page ne s’ouvre pas")
    assert page.url == f"{door.base}/partner?lang=fr"
    await page.context.close()


async def test_without_a_script_the_link_is_pasted(door: Door, browser: Browser) -> None:
    door.agree("mentee")
    code = door.link()
    page, complaints = await opened(browser, door, java_script_enabled=False)
    await page.goto(f"{door.base}/partner")
    await page.get_by_label("Code du lien").fill("x" * 43)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("La page ne s’ouvre pas")
    await page.get_by_label("Code du lien").fill(f"https://ici.example/partner#{code}")
    await page.get_by_role("button", name="Ouvrir la page").click()
    await expect(page.get_by_role("table")).to_be_visible()
    assert not [line for line in complaints if "403" not in line]
    await page.context.close()


async def test_hostile_words_stay_words_and_the_page_fits_everywhere(
    door: Door, browser: Browser
) -> None:
    await door.enter(door.link())
    hostile(door)
    page, complaints = await opened(browser, door)
    await page.goto(f"{door.base}/partner#{door.link()}")
    await expect(page.get_by_role("rowheader")).to_have_count(100)
    assert await page.locator("table").locator(ACTIVE).count() == 0
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for size in (WIDE, NARROW):
        await page.set_viewport_size(size)
        for scheme in schemes:
            await page.emulate_media(color_scheme=scheme)
            assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    await page.get_by_role("link", name="Page suivante").click()
    await expect(page.get_by_role("link", name="Page précédente")).to_be_visible()
    assert not complaints
    await page.context.close()
