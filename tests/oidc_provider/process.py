"""An authorization server that others wrote (npm's oidc-provider) and a protected MCP server, in one Node process."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.node_packages import NODE, installed

SOURCE = Path(__file__).parent
STOP_SECONDS = 10
MAXIMUM_STEPS = 12


@dataclass(frozen=True)
class Upstream:
    """`issuer` is the authorization server, `mcp` the server that takes its tokens, `origin` that server's."""

    issuer: str
    mcp: str
    origin: str
    machine_id: str = "machine"
    machine_secret: str = "the machine's: secret+%"

    @property
    def allowed(self) -> str:
        """What OUTBOUND_ALLOW says of them."""
        return f"{urlsplit(self.issuer).netloc},{urlsplit(self.origin).netloc}"

    def seen(self) -> dict[str, Any]:
        """What has been asked of them so far."""
        found: dict[str, Any] = httpx.get(f"{self.origin}/-/seen").json()
        return found

    def ask(self, **behaviour: Any) -> None:
        """Has them behave: `delay` (ms, at the token endpoint), `away`; `people` holds claims by login."""
        httpx.post(f"{self.origin}/-/ask", json=behaviour).raise_for_status()

    def call(self, token: str) -> httpx.Response:
        """A request to the MCP server with a token."""
        return httpx.post(self.mcp, json={"method": "ping"}, headers={"Authorization": f"Bearer {token}"})

    def rename(self, token: str) -> httpx.Response:
        """A call of a tool that wants the scope `mcp:write`."""
        call = {"id": 1, "method": "tools/call", "params": {"name": "rename"}}
        return httpx.post(self.mcp, json=call, headers={"Authorization": f"Bearer {token}"})

    def log_in(self, url: str, account: str = "somebody") -> str:
        """What a person does at the provider: logs in, consents; the URL that the provider sends them back to."""
        with httpx.Client(follow_redirects=False) as browser:
            for _step in range(MAXIMUM_STEPS):
                answer = browser.get(url)
                url = self._onward(browser, answer, account)
                if urlsplit(url).netloc != urlsplit(self.issuer).netloc:
                    return url
        raise AssertionError("the provider does not send back")

    def _onward(self, browser: httpx.Client, answer: httpx.Response, account: str) -> str:
        while answer.is_success:
            form = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
            assert form is not None, answer.text
            prompt = re.search(r'name="prompt" value="([^"]+)"', answer.text)
            assert prompt is not None
            fields = {"prompt": prompt[1], "login": account, "password": "any"}
            answer = browser.post(str(httpx.URL(self.issuer).join(form[1])), data=fields)
        assert answer.has_redirect_location, answer.text
        return str(httpx.URL(self.issuer).join(answer.headers["location"]))


@contextmanager
def upstream_running(*, clients: list[dict[str, Any]] | None = None, token_seconds: int = 3600) -> Iterator[Upstream]:
    """The process, while the context lasts."""
    environment = os.environ | {"CLIENTS": json.dumps(clients or []), "TOKEN_SECONDS": str(token_seconds)}
    command = [str(NODE), "server.mjs"]
    with subprocess.Popen(
        command,
        cwd=installed(SOURCE),
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield Upstream(**json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()
            process.wait(STOP_SECONDS)
