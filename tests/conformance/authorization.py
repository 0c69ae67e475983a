"""The suite's scenarios for authorization servers, and the person at a browser who lets the suite in.

A run begins with an endpoint's address alone: the server is the one that its metadata names (RFC 9728).
"""

import html
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import httpx

from core.embedded.postgres import free_port

SECONDS = 60
_ASKED = re.compile(r"https?://\S+/authorize\?\S+")
_HIDDEN = re.compile(r'name="(\w+)" value="([^"]*)"')
_ONWARD = re.compile(r'content="0;url=([^"]+)"')


@dataclass(frozen=True)
class Person:
    """Somebody with an account: what they sign in with."""

    email: str
    password: str

    @classmethod
    def of(cls, facts: Mapping[str, str]) -> "Person":
        """The demo's owner."""
        return cls(facts["email"], facts["password"])

    def lets_in(self, url: str) -> None:
        """Signs in where `url` asks for it, allows what is asked, and follows the way back to the client."""
        with httpx.Client(follow_redirects=True, timeout=SECONDS) as browser:
            page = browser.get(url)
            if urlsplit(str(page.url)).path.startswith("/account/login"):
                page = _sent(browser, page, {"login": self.email, "password": self.password})
            left = _sent(browser, page, {"answer": "allow"})
            onward = _ONWARD.search(left.text)
            assert onward, left.text
            browser.get(html.unescape(onward[1])).raise_for_status()


def words(resource: str, issuer: str) -> list[str]:
    """What the suite is told: the server, and a public client that it may be, registered here."""
    port = free_port()
    callback = f"http://127.0.0.1:{port}/callback"
    said = {"client_name": "Conformance", "redirect_uris": [callback], "token_endpoint_auth_method": "none"}
    client_id = httpx.post(_metadata(issuer)["registration_endpoint"], json=said).raise_for_status().json()["client_id"]
    aimed = ["--url", issuer, "--resource", resource]
    return [*aimed, "--client-id", client_id, "--port", str(port)]


def issuer_of(resource: str) -> str:
    """The authorization server that an endpoint names."""
    parts = urlsplit(resource)
    place = f"{parts.scheme}://{parts.netloc}/.well-known/oauth-protected-resource{parts.path}"
    issuer: str = httpx.get(place).raise_for_status().json()["authorization_servers"][0]
    return issuer


def watched(command: list[str | Path], log: IO[str], environment: Mapping[str, str], person: Person) -> None:
    """Runs the suite to its end, and opens the address that it prints for its user."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=dict(environment)) as suite:
        assert suite.stdout is not None
        try:
            for line in suite.stdout:
                log.write(line)
                if asked := _ASKED.search(line):
                    person.lets_in(asked[0])
            suite.wait(SECONDS)
        finally:
            suite.kill()


def _metadata(issuer: str) -> dict[str, str]:
    parts = urlsplit(issuer)
    place = f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{parts.path}"
    said: dict[str, str] = httpx.get(place).raise_for_status().json()
    return said


def _sent(browser: httpx.Client, page: httpx.Response, said: Mapping[str, str]) -> httpx.Response:
    """The form of a page, sent with what it hides and what the person says."""
    form = re.search(r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', page.raise_for_status().text, re.DOTALL)
    assert form, page.text
    hidden = {name: html.unescape(value) for name, value in _HIDDEN.findall(form[2])}
    action = page.url.join(html.unescape(form[1]))
    return browser.post(action, data={**hidden, **said}, headers={"Referer": str(page.url)}).raise_for_status()
