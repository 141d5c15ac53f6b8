"""`assay serve` in a real browser: Debian's chromium, driven by playwright, judged by axe-core where there is one."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from served_run import served
from tiny_study import TinyStudy

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest.importorskip("starlette", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
expect = playwright.expect
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = os.environ.get("ASSAY_AXE", "")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """A page that must leave nothing in the console, neither a script's error nor anything the policy forbade."""
    said: list[str] = []
    context = browser.new_context(base_url="http://unset")
    made = context.new_page()
    made.on("console", lambda one: said.append(one.text) if one.type in {"error", "warning"} else None)
    made.on("pageerror", lambda problem: said.append(str(problem)))
    made.set_default_timeout(15_000)
    yield made
    context.close()
    assert not said


def check_access(page: "Page") -> None:
    """What axe-core finds wrong, in light and in dark; nothing where there is no axe-core."""
    if not AXE:
        return
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(Path(AXE).read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def test_a_finished_run_is_read_sorted_and_looked_behind(page: "Page", ran: TinyStudy) -> None:
    with served(ran) as server:
        page.goto(server.address)
        expect(page.locator("h1")).to_have_text("Does code help?")
        check_access(page)
        table = page.locator("table", has=page.get_by_role("button", name="Verdict")).first
        for direction in ("ascending", "descending"):
            table.get_by_role("button", name="Effect").click()
            assert table.locator("th[aria-sort]").get_attribute("aria-sort") == direction
            effects = [
                float(cell.get_attribute("data-value") or "nan") for cell in table.locator("td:nth-child(4)").all()
            ]
            assert effects == sorted(effects, reverse=direction == "descending")
        page.get_by_role("link", name="All items").click()
        page.get_by_role("combobox", name="Task").select_option("colours")
        page.get_by_role("combobox", name="Arm").select_option("half.none")
        page.get_by_label("with texts").check()
        page.get_by_role("button", name="Show").click()
        expect(page.locator("tbody tr")).to_have_count(12)
        expect(page.locator("tbody")).to_contain_text("red as a rose")
        page.get_by_role("button", name="bits_per_byte").click()
        check_access(page)
        page.locator("tbody a").first.click()
        expect(page.locator("h1")).to_contain_text("Item ")
        expect(page.get_by_text("likeliest").first).to_be_visible()
        check_access(page)
        page.get_by_role("link", name="Documents of a batch").click()
        page.get_by_role("combobox", name="Arm").select_option("half.decay")
        page.get_by_label("Step, 1 to 12").fill("3")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("heading", name=re.compile("^Row "))).to_have_count(2)
        check_access(page)
        page.get_by_role("link", name="Log").click()
        page.get_by_role("combobox", name="Event").select_option("end")
        page.get_by_role("button", name="Show").click()
        expect(page.locator("tbody tr td:nth-child(3)").first).to_have_text("end")
        expect(page.get_by_role("combobox", name="Event")).to_have_value("end")
        check_access(page)


def test_the_token_is_asked_for_once(page: "Page", ran: TinyStudy) -> None:
    with served(ran, "out", "--token-from", "OUR_TOKEN", OUR_TOKEN="swordfish") as server:
        page.goto(server.address)
        assert "swordfish" not in page.url
        page.get_by_role("link", name="Log").click()
        expect(page.locator("h1")).to_have_text("Log")


@pytest.mark.slow
def test_a_running_study_is_followed_to_its_report(page: "Page", copied: TinyStudy) -> None:
    for kind in ("state", "scores"):
        shutil.rmtree(copied.store / "objects" / kind)
    process = copied.start("run", "study.yaml", "--out", "new", "--workers", "1", "--set", "units.P=12800")
    log = copied.folder / "new" / "log.jsonl"
    while not (log.is_file() and '"begin"' in log.read_text()):
        assert process.poll() is None
        page.wait_for_timeout(100)
    with served(copied, "new") as server:
        page.goto(server.address)
        told = page.locator("#told")
        expect(told).to_contain_text("Runs as process")
        expect(page.locator("#steps tr").first).to_contain_text("train", timeout=60_000)
        expect(page.locator("#announced")).to_contain_text("training")
        check_access(page)
        expect(page.locator("#states tr").first).to_contain_text("train", timeout=60_000)
        expect(page.locator("#states svg polyline").first).to_be_visible()
        expect(page.locator("h1")).to_have_text("Does code help?", timeout=120_000)
        expect(page.get_by_role("link", name="All items")).to_have_count(1)
    assert process.wait(60) == 0
    assert process.stderr is not None
    process.stderr.close()
