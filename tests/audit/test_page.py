"""The report's page in a real Chromium: seen, printed, and nothing serious for axe-core."""

import shutil
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from mce_exchange.audit.page import page
from tests.audit.test_survey import case as case
from tests.audit.test_survey import proven
from tests.audit.watched import Watched

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="not run: apt install chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_seen_and_printed(case: Watched, tmp_path: Path, scheme: str) -> None:
    file = tmp_path / "report.html"
    made = proven(case)
    file.write_text(page(made), "utf-8")
    with sync_playwright() as playwright:
        browser: Browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            context = browser.new_context(color_scheme=scheme, accept_downloads=True)  # type: ignore[arg-type]  # one of two
            shown = context.new_page()
            asked, said = [], []
            shown.on("request", lambda request: asked.append(request.url))
            shown.on("console", lambda message: said.append(message.text))
            shown.goto(file.as_uri())
            assert shown.title().startswith("Audit report of Synthetic exercise (exercise)")
            assert shown.locator("svg path").count() == 2
            # The style counts under the page's own policy, which lets nothing else in.
            assert shown.evaluate("getComputedStyle(document.querySelector('.flow')).fill") == "none"
            found = Axe().run(shown)
            serious = [
                one["id"] for one in found.response["violations"] if one["impact"] in ("serious", "critical")
            ]
            assert serious == []
            with shown.expect_download() as begun:
                shown.locator("a[download]").first.click()
            assert Path(begun.value.path()).read_bytes() == made.anomalies[0].proof
            assert shown.pdf(format="A4")[:5] == b"%PDF-"
            assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
            assert said == []
        finally:
            browser.close()
