"""Every page in a real Chromium: nothing runs, nothing is asked for, and nobody is shut out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pages import every_page, hostile_lake

from store.lake import Lake

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
NAMES = ("session", "incident", "weekly", "clients", "campaign", "draft", "folder")
CHROMIUM = (
    os.environ.get("TOOLTRAIL_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a browser; without one the tests skip, except under CI, where a skip would look green."""
    if CHROMIUM is None:
        reason = "no Chromium; TOOLTRAIL_TEST_CHROMIUM names one"
        if os.environ.get("CI") == "true" and "TOOLTRAIL_TEST_NO_BROWSER" not in os.environ:
            pytest.fail(f"{reason}, and CI=true forbids skipping", pytrace=False)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with every page of a hostile lake."""
    folder = tmp_path_factory.mktemp("pages")
    lake = hostile_lake(Lake.create(folder / "lake", bytes(range(32))))
    for name, page in every_page(lake).items():
        (folder / f"{name}.html").write_text(page.html(), "utf-8")
    return folder


def opened(browser: Browser, file: Path, **context: Any) -> tuple[Page, list[str]]:
    """Open a page with all folded parts unfolded; returns it with everything that should not have happened."""
    page = browser.new_context(**context).new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(f"console: {message.text}"))
    page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith("file:") else None)
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    return page, wrong


@pytest.mark.parametrize("name", NAMES)
def test_nothing_runs_and_nothing_is_asked_for(browser: Browser, files: Path, name: str) -> None:
    """No dialog, no message, no violation of the policy, no request beyond the file; and our own style is applied."""
    page, wrong = opened(browser, files / f"{name}.html")
    assert wrong == []
    assert page.evaluate("performance.getEntriesByType('resource').length") == 0
    assert page.evaluate("document.scripts.length") == 0
    assert page.evaluate("getComputedStyle(document.querySelector('section')).borderRadius") == "10px"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [name for name in NAMES if name != "draft"])
def test_axe_finds_nothing(browser: Browser, files: Path, name: str, scheme: str) -> None:
    """WCAG A and AA and the best practices, of every part unfolded; in the dark the contrasts. A draft has less."""
    from axe_playwright_python.base import AXE_FILE_PATH

    page, _ = opened(browser, files / f"{name}.html", color_scheme=scheme, bypass_csp=True)
    page.evaluate(AXE_FILE_PATH.read_text("utf-8"))
    rules = "{runOnly: ['color-contrast']}" if scheme == "dark" else "{}"
    answer = page.evaluate(f"axe.run(document, {rules})")
    assert answer["passes"]
    found = answer["violations"]
    told = [
        f"{one['id']} ({one['impact']}): {node['html'][:160]}" for one in found for node in one["nodes"][:3]
    ]
    assert told == []


@pytest.mark.parametrize("name", NAMES)
def test_a_phone_need_not_scroll_sideways(browser: Browser, files: Path, name: str) -> None:
    """At 390 pixels the page is as wide as the screen; what is wider scrolls in itself."""
    page, _ = opened(browser, files / f"{name}.html", viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("name", NAMES)
def test_what_is_folded_is_printed(browser: Browser, files: Path, name: str) -> None:
    """On paper nothing can be unfolded; of the rest of a long table it is said in which file it is."""
    page = browser.new_page()
    page.goto((files / f"{name}.html").as_uri())
    page.emulate_media(media="print")
    folded = "[...document.querySelectorAll('details:not(.rest) > :not(summary)')]"
    hidden = page.evaluate(f"{folded}.filter(e => e.getBoundingClientRect().height === 0).length")
    assert hidden == 0


def test_a_chart_follows_the_colours_of_the_page(browser: Browser, files: Path) -> None:
    """In the dark a bar has another colour than in the light, by the stylesheet alone."""
    seen = set()
    for scheme in ("light", "dark"):
        page, _ = opened(browser, files / "campaign.html", color_scheme=scheme)
        seen.add(page.evaluate("getComputedStyle(document.querySelector('.chart .f-reached')).fill"))
    assert len(seen) == 2
