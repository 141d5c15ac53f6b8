"""The page in a real browser: on paper nothing is cut off, on a narrow screen a table's first column stays in sight."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assay.report.page import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Page

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt-get install chromium")
PAPER = 703
"""CSS pixels across A4 within the page's margins of 12 mm."""
TOO_WIDE = """() => [...document.querySelectorAll("table, svg, p")]
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1).map(one => one.textContent.slice(0, 60))"""
SCROLLED = """region => {
    region.scrollLeft = 200;
    const place = region.getBoundingClientRect().left + region.clientLeft;
    const first = [...region.querySelectorAll("tr > :first-child")];
    return [region.scrollLeft, Math.max(...first.map(cell => Math.abs(cell.getBoundingClientRect().left - place))),
        Math.max(...first.map(cell => cell.getBoundingClientRect().width))];
}"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Page"]:
    """A page of the quickstart's arms, everything on it opened."""
    sys.path.append(str(Path(__file__).parents[1] / "analyze"))
    import planted

    folder = tmp_path_factory.mktemp("runs") / "quickstart"
    planted.write_run(folder)
    written = write_report(folder)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        made = browser.new_page()
        made.goto(written.as_uri())
        made.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        yield made
        browser.close()


def test_nothing_is_wider_than_the_paper(page: "Page") -> None:
    page.set_viewport_size({"width": PAPER, "height": 1000})
    page.emulate_media(media="print")
    assert page.evaluate("document.querySelectorAll('table').length") > 20
    assert page.evaluate(TOO_WIDE) == []
    assert page.evaluate("document.documentElement.scrollWidth") == PAPER


def test_a_heads_button_gives_way_to_its_words_on_paper(page: "Page") -> None:
    """A browser repeats a table's head on each sheet, but leaves out the buttons in it."""
    page.emulate_media(media="print")
    shown = "[...new Set([...document.querySelectorAll('th button')].map(one => getComputedStyle(one).display))]"
    assert page.evaluate(shown) == ["contents"]


def test_on_a_narrow_screen_the_first_column_stays_and_the_page_does_not_scroll_sideways(page: "Page") -> None:
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    wide = 0
    for region in page.query_selector_all(".scroll"):
        scrolled, moved, width = region.evaluate(SCROLLED)
        wide += scrolled == 200
        assert moved < 1
        assert width < 250
    assert wide > 20


def test_a_wide_table_is_scrolled_and_sorted_by_keys_alone(page: "Page") -> None:
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 390, "height": 800})
    region = page.locator(".scroll").first
    region.evaluate("one => { one.scrollLeft = 0; one.focus() }")
    page.keyboard.press("ArrowRight")
    for _ in range(100):
        if region.evaluate("one => one.scrollLeft"):
            break
        page.wait_for_timeout(50)
    assert region.evaluate("one => one.scrollLeft") > 0
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert region.locator("th[aria-sort]").first.get_attribute("aria-sort") == "ascending"
