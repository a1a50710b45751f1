"""A real Chromium, and the verifier's modules or its page in it."""

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tools.verifier.__main__ import script
from tools.verifier.schema import ROOT

PAGE = ROOT / "docs" / "verify.html"
JUDGE = Path(__file__).with_name("judge.js")
# As root it has no sandbox to give; and it looks for nothing on the network.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for one module: its loop must not run beside another test's."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("not run: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        # One context, so that pages share a process: what they keep is nothing.
        browser.new_context()
        yield browser
        browser.close()


def opened(browser: Browser, path: Path) -> Page:
    """A page from a file."""
    page = browser.contexts[0].new_page()
    page.set_default_timeout(60_000)
    page.goto(path.as_uri())
    return page


def judge(browser: Browser, folder: Path, *cuts: tuple[str, str]) -> Page:
    """The modules with tests' judge in place of the page's own entry; cuts take out what they name."""
    text = script(JUDGE)
    for old, new in cuts:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = folder / f"judge-{uuid.uuid4().hex}.html"
    path.write_text(f'<!doctype html><meta charset="utf-8"><script>{text}</script>', "utf-8")
    return opened(browser, path)


def sent(folder: Path, value: Any) -> str:
    """The name of a script that gives the value to `judge.js`; by a file, for the driver's pipe is slow."""
    path = folder / f"given-{uuid.uuid4().hex}.js"
    path.write_text(f"globalThis.GIVEN = {json.dumps(value)};", "utf-8")
    return path.name
