"""Chromium for tests, and pages that remember everything which should not have happened on them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
SWITCHES = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
"""


@contextmanager
def chromium() -> Iterator[object]:
    """A browser; skipped where there is none, but in CI an error."""
    if CHROMIUM is None or not Path(CHROMIUM).exists():
        missing = "no Chromium here: install the package `chromium`, or name the program in CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    sync_api = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


class Visit:
    """A tab that goes from page to page of one service."""

    def __init__(self, browser, url: str, width: int = 1366, height: int = 900, **options) -> None:
        self.url = url
        self.context = browser.new_context(viewport={"width": width, "height": height}, **options)
        self.context.add_init_script(_VIOLATIONS)
        self.page = self.context.new_page()
        self.console: list[str] = []
        self.dialogs: list[str] = []
        self.foreign: list[str] = []
        self.page.on("console", lambda message: self.console.append(f"{self.page.url}: {message.text}"))
        self.page.on("pageerror", lambda error: self.console.append(f"{self.page.url}: {error}"))
        self.page.on(
            "dialog", lambda dialog: (self.dialogs.append(f"{self.page.url}: {dialog.message}"), dialog.dismiss())
        )
        self.page.on("request", self._requested)

    def _requested(self, request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:")):
            self.foreign.append(request.url)

    def open(self, path: str) -> int:
        """Go there; the status."""
        answer = self.page.goto(f"{self.url}/{path}", wait_until="domcontentloaded")
        return answer.status

    def misdeeds(self) -> list[str]:
        """What was written to the console, asked in dialogs, fetched from elsewhere or forbidden by the policy."""
        return [*self.console, *self.dialogs, *self.foreign, *self.page.evaluate("window.violations")]

    def links(self, to: str) -> list[str]:
        """Addresses on this page that begin so."""
        found = self.page.evaluate(
            "[...document.querySelectorAll('a[href], area[href]')].map((a) => a.getAttribute('href'))"
        )
        return [href for href in found if href.split("?")[0].split("#")[0] == to]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()
