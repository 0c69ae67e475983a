"""The SCIM compliance tester, a program that others wrote, against a running console."""

import logging
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.test.utils import override_settings

from tests.conftest import Cast
from tests.console.test_scim import provider_of

CHECKS = 135
PROGRAM = Path(sys.executable).with_name("scim")
BOUND_SECONDS = 400


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's own name for it
        """Says nothing: a check that fails shows what was answered."""


@pytest.fixture
def origin() -> Iterator[str]:
    """A console on a port of its own."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), _Quiet)
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    with override_settings(CONSOLE_URL=url):
        yield url
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.mark.peers
@pytest.mark.timeout(BOUND_SECONDS + 60)
def test_it_passes_every_check_of_the_tester(cast: Cast, origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenants.scim.serving.REQUESTS_PER_SECOND", 10_000)
    provider = provider_of(cast)
    # The tester waits five seconds; the first request of a process imports what all others use.
    assert provider.send("GET", "/Schemas").status_code == 200
    logging.getLogger("django.request").setLevel(logging.CRITICAL)
    ran = subprocess.run(
        [
            str(PROGRAM),
            "--url",
            f"{origin}/scim/v2/{provider.connection.pk}",
            "-h",
            f"Authorization: Bearer {provider.secret}",
            "test",
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
    )
    told = re.sub(r"\x1b\[[0-9;]*m", "", ran.stdout + ran.stderr)
    outcomes = re.findall(r"^\s*(SUCCESS|ERROR|SKIPPED|COMPLIANT|DEVIATION|CRITICAL|ACCEPTABLE)\b", told, re.MULTILINE)
    failed = [line for line in told.splitlines() if re.match(r"\s*(ERROR|CRITICAL|DEVIATION)\b", line)]
    assert not failed, told
    assert outcomes.count("SUCCESS") == CHECKS == len(outcomes), told[-4000:]
