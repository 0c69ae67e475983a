"""Everything that a person can hold, taken over HTTP as people and programs take it, and whether it is alive."""

import base64
import hashlib
import html
import json
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.mcp_runtime.driving import CAPABILITIES, modern
from tests.oidc_provider.process import Upstream
from tests.running_platform import Platform

PASSWORD = "correct horse battery"
CALLBACK = "https://app.example/callback"
SLOW_SECONDS = 600
TASKS: dict[str, Any] = {"extensions": {"io.modelcontextprotocol/tasks": {}}}
WAIT_SECONDS = 20.0
PAUSE_SECONDS = 0.05


def csrf_of(page: httpx.Response) -> str:
    """The token of a form."""
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert found, page.text
    return found[1]


class Stage:
    """The platform from outside: its addresses, its owner's browser, the provider."""

    def __init__(self, platform: Platform, upstream: Upstream, told: dict[str, Any]) -> None:
        facts = platform.facts
        self.console, self.tenant, self.told = facts["console_url"], facts["tenant"], told
        self.upstream = upstream
        self.owner = self.signed_in(facts["email"], facts["password"])

    def signed_in(self, email: str, password: str) -> httpx.Client:
        """A browser that somebody signed in with."""
        browser = httpx.Client(base_url=self.console, timeout=30)
        token = csrf_of(browser.get("/account/login/"))
        said = {"login": email, "password": password, "csrfmiddlewaretoken": token}
        assert browser.post("/account/login/", data=said).status_code == 302
        return browser

    def ask(self, secret: str, method: str, **params: Any) -> httpx.Response:
        """A request of 2026-07-28 to the endpoint."""
        message, headers = modern(method, params)
        message["params"]["_meta"][CAPABILITIES] = TASKS
        plain = {"accept": "application/json, text/event-stream", "authorization": f"Bearer {secret}"}
        known = {name: value for name, value in headers.items() if value is not None}
        return httpx.post(self.told["mcp_url"], json=message, headers=plain | known, timeout=30)

    def issuer(self, name: str, fields: dict[str, Any]) -> httpx.Response:
        """A form to the authorization server."""
        return httpx.post(f"{self.console}/oauth/{self.told['tenant_id']}/{name}", data=fields, timeout=30)


@dataclass
class Watch:
    """One artefact that is looked at until it is dead."""

    name: str
    is_dead: Callable[[], bool]
    after: float | None = None

    def follow(self, began: float) -> None:
        """Looks again and again, within a bound; notes how long it took."""
        while time.monotonic() < began + WAIT_SECONDS:
            if self.is_dead():
                self.after = time.monotonic() - began
                return
            time.sleep(PAUSE_SECONDS)


@dataclass
class Held:
    """One person and what they hold."""

    stage: Stage
    name: str
    person: dict[str, str]
    upstream_token: str = ""
    scim_id: str = ""
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def user_id(self) -> str:
        """The account's."""
        return self.person["id"]

    @property
    def email(self) -> str:
        """The account's."""
        return self.person["email"]

    @property
    def form_token(self) -> str:
        """What a form of theirs carries."""
        return csrf_of(self.browser.get(f"/t/{self.stage.tenant}/team/leave/"))

    def take(self) -> None:
        """Takes one of everything."""
        self.browser = self.stage.signed_in(self.email, PASSWORD)
        self._connect_account()
        self._let_client_in()
        self.socket = self._board()
        self.streams = [self._stream(self.tokens["access_token"]), self._stream(self.person["access_key"])]
        self.task_id = self._task()

    def let_go(self) -> None:
        """Closes what is open."""
        self.socket.close()
        for stream in self.streams:
            stream.close()
        self.browser.close()

    def watches(self) -> list[Watch]:
        """Each artefact, and how it is seen to be dead."""
        by_token, by_key = self.streams
        return [
            Watch("console session", lambda: self.browser.get(f"/t/{self.stage.tenant}/").status_code != 200),
            Watch("console WebSocket", lambda: _closed(self.socket)),
            Watch("access token", lambda: self._refused(self.tokens["access_token"])),
            Watch("refresh token", self._refresh_refused),
            Watch("API key", self._api_key_refused),
            Watch("access key", lambda: self._refused(self.person["access_key"])),
            Watch("stream by access token", lambda: by_token.ended),
            Watch("stream by access key", lambda: by_key.ended),
            Watch("account at the provider", lambda: self.stage.upstream.call(self.upstream_token).status_code == 401),
            Watch("task", self._task_cancelled),
        ]

    def require_alive(self) -> None:
        """Nothing of it is dead before somebody is put out."""
        assert [watch.name for watch in self.watches() if watch.is_dead()] == []

    def _refused(self, secret: str) -> bool:
        return self.stage.ask(secret, "tools/list").status_code == 401

    def _api_key_refused(self) -> bool:
        headers = {"Authorization": f"Bearer {self.person['api_key']}"}
        return httpx.get(f"{self.stage.console}/api/v1/endpoints", headers=headers, timeout=30).status_code == 401

    def _refresh_refused(self) -> bool:
        said = {"grant_type": "refresh_token", "client_id": self.client_id}
        answer = self.stage.issuer("token", said | {"refresh_token": self.tokens["refresh_token"]})
        if answer.status_code == 200:  # rotated: the next look is with its successor
            self.tokens["refresh_token"] = answer.json()["refresh_token"]
            return False
        assert answer.json()["error"] == "invalid_grant"
        return True

    def _task_cancelled(self) -> bool:
        """As whoever may still ask sees it: the receipt."""
        headers = {"Authorization": f"Bearer {self.stage.told['admin_key']}"}
        base = f"{self.stage.console}/api/v1/deprovisions"
        listed = httpx.get(base, headers=headers, params={"limit": 100}, timeout=30).json()["items"]
        mine = [receipt["id"] for receipt in listed if receipt["email"] == self.email]
        items = [httpx.get(f"{base}/{one}", headers=headers, timeout=30).json()["items"] for one in mine]
        return any(line["kind"] == "task" for lines in items for line in lines)

    def _connect_account(self) -> None:
        path = f"/t/{self.stage.tenant}/connections/new/"
        token = csrf_of(self.browser.get(path))
        said = {"upstream": self.stage.told["upstream_id"], "whose": "me", "grant_type": "authorization_code"}
        made = self.browser.post(path, data=said | {"csrfmiddlewaretoken": token})
        assert made.status_code == 302, made.text
        page = made.headers["location"]
        left = self.browser.post(page, data={"csrfmiddlewaretoken": csrf_of(self.browser.get(page))})
        found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', left.text)
        assert found, left.text
        back = urlsplit(self.stage.upstream.log_in(html.unescape(found[1]), self.name))
        assert self.browser.get(f"{back.path}?{back.query}").status_code == 302

    def _let_client_in(self) -> None:
        issuer = f"/oauth/{self.stage.told['tenant_id']}"
        registered = httpx.post(
            f"{self.stage.console}{issuer}/register",
            json={"client_name": self.name, "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
                  "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"]},
            timeout=30,
        )  # fmt: skip
        self.client_id = registered.json()["client_id"]
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": CALLBACK, "state": "s",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256", "resource": self.stage.told["mcp_url"], "scope": "mcp:call",
        }  # fmt: skip
        page = self.browser.get(f"{issuer}/authorize?{urlencode(asked)}")
        question = re.search(r'name="question" value="([^"]+)"', page.text)
        assert question, page.text
        said = {"question": question[1], "answer": "allow", "csrfmiddlewaretoken": csrf_of(page)}
        left = self.browser.post(f"{issuer}/consent", data=said)
        onward = re.search(r'content="0;url=([^"]+)"', left.text)
        assert onward, left.text
        code = parse_qs(urlsplit(html.unescape(onward[1])).query)["code"][0]
        redeemed = {"grant_type": "authorization_code", "code": code, "client_id": self.client_id,
                    "redirect_uri": CALLBACK, "code_verifier": verifier,
                    "resource": self.stage.told["mcp_url"]}  # fmt: skip
        self.tokens = self.stage.issuer("token", redeemed).json()
        assert "refresh_token" in self.tokens, self.tokens

    def _board(self) -> ClientConnection:
        url = self.stage.console.replace("http", "ws", 1)
        cookie = f"sessionid={self.browser.cookies['sessionid']}"
        path = f"/t/{self.stage.tenant}/live/socket/"
        origin = Origin(self.stage.console)
        socket = connect(f"{url}{path}", additional_headers={"Cookie": cookie}, origin=origin, legacy=True)
        assert json.loads(socket.recv(timeout=10)) == {"kind": "changed"}
        return socket

    def _stream(self, secret: str) -> "Stream":
        return Stream(self.stage, secret)

    def _task(self) -> str:
        arguments = {"seconds": SLOW_SECONDS}
        answer = self.stage.ask(self.tokens["access_token"], "tools/call", name="slow_compute", arguments=arguments)
        return str(answer.json()["result"]["taskId"])


class Stream:
    """An open `subscriptions/listen`, read in a thread until it ends."""

    def __init__(self, stage: Stage, secret: str) -> None:
        message, headers = modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
        known = {name: value for name, value in headers.items() if value is not None}
        plain = {"accept": "application/json, text/event-stream", "authorization": f"Bearer {secret}"}
        self._client = httpx.Client(timeout=httpx.Timeout(30, read=None))
        request = self._client.build_request("POST", stage.told["mcp_url"], json=message, headers=plain | known)
        self._response = self._client.send(request, stream=True)
        assert self._response.status_code == 200, self._response.read()
        self.ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            for _chunk in self._response.iter_raw():
                pass
        except httpx.HTTPError:
            pass
        self.ended = True

    def close(self) -> None:
        """Leaves, if it is still open; the reader ends with what it reads from."""
        self._client.close()


def _closed(socket: ClientConnection) -> bool:
    """Whether the console has closed it: nothing is asked, since a question would have it look."""
    try:
        while True:
            socket.recv(timeout=0)
    except TimeoutError:
        return False
    except ConnectionClosed:
        return True
