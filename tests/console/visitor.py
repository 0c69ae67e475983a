"""Somebody with a browser: follows forms with their tokens, and looks at every page that comes back."""

import itertools
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import mail
from django.http import HttpResponse
from django.test import Client

from tenants.models import User
from tests.conftest import unique

PASSWORD = "correct horse battery"
# Tries are counted by address: each visitor has one of their own.
_addresses = itertools.count(1)


class _Scan(HTMLParser):
    """What a page is made of, as far as the rules for pages are concerned."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.static: set[str] = set()
        self.ids: list[str] = []
        self.labels: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes what an element refers to and what it must not carry."""
        values = {name: value or "" for name, value in attrs}
        self.faults += [f"<{tag} {name}>" for name in values if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in values and values.get("type") != "application/json"):
            self.faults.append(f"inline <{tag}>")
        if tag == "img" and "alt" not in values:
            self.faults.append("<img> without alt")
        for name in ("src", "href"):
            if values.get(name, "").startswith(settings.STATIC_URL):
                self.static.add(values[name].removeprefix(settings.STATIC_URL))
        self.ids += [values["id"]] if "id" in values else []
        self.labels |= {values["for"]} if "for" in values else set()


def look_at(response: HttpResponse) -> None:
    """Raises AssertionError for a page that breaks a rule that holds for every page."""
    assert response["X-Request-Id"]
    if not response.get("Content-Type", "").startswith("text/html") or not response.content:
        return
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    scan = _Scan()
    scan.feed(response.content.decode())
    assert not scan.faults
    assert not [name for name in scan.static if not (Path(settings.STATIC_ROOT) / name).is_file()]
    assert len(scan.ids) == len(set(scan.ids)), "an id stands twice"
    assert scan.labels <= set(scan.ids), "a label points at nothing"


class Visitor:
    """A client that sends the token of the page it is on, and checks every page."""

    def __init__(self) -> None:
        number = next(_addresses)
        address = f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}"
        self.client = Client(enforce_csrf_checks=True, REMOTE_ADDR=address, HTTP_USER_AGENT="Firefox/140.0 (Linux)")

    def get(self, path: str) -> HttpResponse:
        """Opens a page and follows redirects."""
        response = self.client.get(path, follow=True)
        look_at(response)  # type: ignore[arg-type]  # the test client's subclass
        return response  # type: ignore[return-value]

    def post(self, path: str, data: dict[str, Any], *, on: HttpResponse | None = None) -> HttpResponse:
        """Sends a form that stands on the page `on` (by default the one at `path`) and follows redirects."""
        page = on or self.get(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
        assert token, f"no form at {path}"
        response = self.client.post(path, data | {"csrfmiddlewaretoken": token.group(1)}, follow=True)
        look_at(response)  # type: ignore[arg-type]
        return response  # type: ignore[return-value]

    def sign_in(self, email: str, password: str = PASSWORD) -> HttpResponse:
        """Sends the sign-in form."""
        return self.post("/account/login/", {"login": email, "password": password})

    def whoami(self) -> User | None:
        """Who is signed in."""
        found = self.client.session.get("_auth_user_id")
        return User.objects.get(pk=found) if found and self._session_stands() else None

    def _session_stands(self) -> bool:
        return self.client.get("/account/email/").status_code == 200


def address(word: str) -> str:
    """A mailbox nobody else in this run uses."""
    return f"{unique(word)}@example.com"


def mails_to(email: str) -> list[mail.EmailMessage]:
    """What was sent to a mailbox, oldest first."""
    return [message for message in mail.outbox if message.to == [email]]


def code_in(message: mail.EmailMessage) -> str:
    """The code that a mail carries."""
    found = re.search(r"^  ([A-Z0-9-]{7,})$", str(message.body), re.MULTILINE)
    assert found, message.body
    return found.group(1)


def signed_up(name: str = "Alice") -> tuple[Visitor, str]:
    """A person who signed up and confirmed their address, and that address."""
    visitor, email = Visitor(), address(name.lower())
    visitor.post("/account/signup/", {"name": name, "email": email, "password1": PASSWORD})
    visitor.post("/account/confirm-email/", {"code": code_in(mails_to(email)[-1])})
    assert visitor.whoami()
    return visitor, email


def confirmed(name: str = "Alice") -> tuple[Visitor, str]:
    """A person who signed up and has just confirmed that it is them, and their address."""
    visitor, email = signed_up(name)
    visitor.post("/account/reauthenticate/", {"password": PASSWORD})
    return visitor, email
