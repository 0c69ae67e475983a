"""A real browser before a real server: Chromium drives the console, served from a thread over the test database.

Set SCREENSHOTS to a folder to keep what `Look.keep` sees.
"""

import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from django.conf import settings
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.http.response import HttpResponseBase
from django.test.utils import override_settings
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.console.visitor import PASSWORD, address, code_in, mails_to

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TIMEOUT_MS = 10_000


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's own name for it
        """Says nothing: a test that fails shows the page."""


def _in_one_piece(application: WSGIApplication) -> WSGIApplication:
    """Has static files leave in one piece: under WSGI their library leaves a file open whose browser goes away."""

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = application(environ, start_response)
        if not environ["PATH_INFO"].startswith(settings.STATIC_URL):
            return answer
        with closing(cast("HttpResponseBase", answer)):
            return [b"".join(answer)]

    return serve


@pytest.fixture(scope="session")
def console_url() -> Iterator[str]:
    """The console's address. `localhost`, because browsers allow passkeys there."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), _Quiet)
    server.set_app(_in_one_piece(get_wsgi_application()))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    with override_settings(CONSOLE_URL=f"http://localhost:{server.server_port}"):
        yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for the run."""
    # Playwright keeps a loop in this thread while tests use the ORM beside it; Django would take that for a mistake.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Look:
    """A page, its faults, and what a person does on it."""

    page: Page
    url: str
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Goes to a path of the console."""
        self.page.goto(self.url + path)

    def sign_up(self, name: str = "Alice") -> str:
        """Signs up with the code from the mail; returns the address."""
        email = address(name.lower())
        self.open("/account/signup/")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("E-mail address").fill(email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Make an account").click()
        self.page.get_by_label("Code").fill(code_in(mails_to(email)[-1]))
        self.page.get_by_role("button", name="Confirm").click()
        self.page.wait_for_url("**/welcome/")
        return email

    def keep(self, name: str) -> None:
        """Asserts that nothing sticks out at the side; keeps a picture where SCREENSHOTS says."""
        # A page that is still coming has nothing to measure.
        self.page.wait_for_load_state()
        wide, shown = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= shown, f"{name} is {wide} px wide on a screen of {shown}"
        if folder := os.environ.get("SCREENSHOTS"):
            # Hiding the caret leaves an empty style attribute behind, which htmx would copy against the policy.
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True, caret="initial")


def _fault(message: ConsoleMessage) -> str | None:
    # A refused form answers 422 and Chromium logs that; everything else it calls an error is one.
    if message.type != "error" or message.text.startswith("Failed to load resource"):
        return None
    return message.text


@pytest.fixture
def look(chromium: Browser, console_url: str) -> Iterator[Look]:
    """A fresh browser context; the test fails if the browser's console shows an error, of CSP above all."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, permissions=["clipboard-read", "clipboard-write"]
    )
    context.set_default_timeout(TIMEOUT_MS)
    found = Look(context.new_page(), console_url)
    found.page.on("console", lambda message: found.faults.append(text) if (text := _fault(message)) else None)
    found.page.on("pageerror", lambda error: found.faults.append(str(error)))
    yield found
    context.close()
    assert not found.faults
