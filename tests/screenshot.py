"""Take the picture of the demo page that the README shows: `make screenshot`.

The demo with its opening scene, an intake ended by the page's own buttons, and the picture of what
then stands there. It refuses to know what the page looks like.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from playwright.async_api import ViewportSize, async_playwright

from handlers.local.demo import demo, opening_scene
from tests.needs import CHROMIUM, CHROMIUM_ARGS

PICTURE: Final = Path(__file__).parent.parent / "docs" / "images" / "demo.png"
SIZE: Final[ViewportSize] = {"width": 1280, "height": 960}
MAX_BYTES: Final = 400 * 1024
WISH: Final = (
    "Parler d’éolien en mer avec quelqu’un qui a quitté un grand groupe pour une start-up."
)
STILL: Final = "*, *::before { animation: none !important; caret-color: transparent !important }"


async def take() -> None:
    """Play, take, check the size.

    Raises:
        SystemExit: No Chromium, or a picture too large for the repository.
    """
    program = next((path for path in CHROMIUM if path.exists()), None)
    if program is None:
        raise SystemExit("Chromium is missing: apt-get install chromium")
    async with demo() as running, async_playwright() as playwright:
        await opening_scene(running)
        browser = await playwright.chromium.launch(
            executable_path=program, args=list(CHROMIUM_ARGS)
        )
        page = await browser.new_page(viewport=SIZE, locale="fr-FR")
        await page.goto(running.page.url)
        for label in ("Rebondir", "Un imprévu"):
            await page.click(f".slack article:last-child button:text-is('{label}')")
        await page.click(".slack article:last-child details.select summary")
        await page.click(".slack article:last-child button:text-is('Aucune de celles-ci')")
        sectors = page.locator(".slack article:last-child").filter(has_text="Quels secteurs")
        await sectors.get_by_role("button", name="Répondre dans un formulaire").click()
        await page.get_by_role("dialog").get_by_label("Énergie", exact=True).check()
        await page.get_by_role("dialog").get_by_label("Raconte-moi").fill(WISH)
        await page.get_by_role("dialog").get_by_label("Mon nom et mes réponses").check()
        await page.get_by_role("dialog").get_by_role("button", name="Envoyer").click()
        await page.click(".slack article:last-child button:text-is('Envoyer')")
        proposals = page.locator(".slack article").filter(has_text="Hugo Vaucelin")
        await proposals.wait_for()
        await running.stage.settled()
        await page.locator("#busy:empty").wait_for(state="attached")
        await page.mouse.move(0, 0)
        await proposals.evaluate("node => node.scrollIntoView()")  # its beginning at the pane's top
        await page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=PICTURE, style=STILL)
        await browser.close()
    size = PICTURE.stat().st_size
    if size > MAX_BYTES:
        raise SystemExit(f"{PICTURE} is too large: {size // 1024} KiB")
    print(f"{PICTURE.relative_to(Path.cwd())}: {size // 1024} KiB")


if __name__ == "__main__":
    asyncio.run(take())
