"""A client of a tenant's authorization server, and the browser of the person that it sends there."""

import base64
import hashlib
import html
import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.conf import settings
from django.test import Client
from joserfc import jwt
from joserfc.jwk import KeySet

from core.tenancy import tenant_context
from mcp_runtime.addresses import mcp_url
from mcp_runtime.models import Endpoint
from tenants.models import Tenant
from tests.conftest import unique

CALLBACK = "https://app.example/callback"
FORM = "application/x-www-form-urlencoded"


def challenge_of(verifier: str) -> str:
    """RFC 7636 section 4.2."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def basic(client_id: str, secret: str) -> dict[str, str]:
    """The header of HTTP Basic."""
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


@dataclass
class Flow:
    """One client that is known to the server, and what it remembers from step to step."""

    tenant: Tenant
    endpoint: Endpoint
    client_id: str = ""
    secret: str = ""
    redirect_uri: str = CALLBACK
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = "a state & more?=%'+"
    # Each has an address of its own, since registrations are counted by it.
    address: str = field(default_factory=lambda: f"10.{secrets.randbelow(250)}.{secrets.randbelow(250)}.9")

    @property
    def issuer(self) -> str:
        """The tenant's issuer."""
        return f"{settings.CONSOLE_URL}/oauth/{self.tenant.pk}"

    @property
    def base(self) -> str:
        """Its path."""
        return urlsplit(self.issuer).path

    @property
    def resource(self) -> str:
        """The endpoint's URL."""
        return mcp_url(self.tenant.slug, self.endpoint.slug)

    def programs(self) -> Client:
        """What programs speak through: no cookies."""
        return Client(REMOTE_ADDR=self.address)

    def post(self, name: str, fields: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
        """Sends a form to one of the endpoints for programs."""
        body = urlencode(fields, doseq=True)
        answer = self.programs().post(f"{self.base}/{name}", body, content_type=FORM, headers=headers or {})
        assert answer["Content-Type"] == "application/json"
        assert answer["Cache-Control"] == "no-store"
        return answer

    def register(self, **said: object) -> Any:
        """Registers the client, and remembers what it is called."""
        whole = {
            "client_name": unique("Client"),
            "redirect_uris": [self.redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        } | said
        answer = self.programs().post(f"{self.base}/register", whole, content_type="application/json")
        if answer.status_code == 201:
            self.client_id, self.secret = answer.json()["client_id"], answer.json().get("client_secret", "")
        return answer

    def request(self, **changed: str | None) -> str:
        """The URL that the client sends the browser to; what is None is left out."""
        said: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "state": self.state,
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
            "resource": self.resource,
            "scope": "mcp:call",
        }
        said |= changed
        return f"{self.base}/authorize?{urlencode({name: value for name, value in said.items() if value is not None})}"

    def asked(self, browser: Client, **changed: str | None) -> Any:
        """What the person's browser shows first."""
        return browser.get(self.request(**changed))

    def consented(self, browser: Client, *, answer: str | None = "allow", **changed: str | None) -> dict[str, str]:
        """What comes back to the client when the person has answered."""
        page = self.asked(browser, **changed)
        if page.status_code == 302:
            return returned(page, self.redirect_uri)
        assert page.status_code == 200, page.content
        said = browser.post(f"{self.base}/consent", {"question": question_on(page), "answer": answer})
        return returned(said, self.redirect_uri)

    def code(self, browser: Client, **changed: str | None) -> str:
        """A code that the person let the client have."""
        return self.consented(browser, **changed)["code"]

    def redeem(self, given: str, /, **changed: str | None) -> Any:
        """Exchanges a code for tokens."""
        said: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": given,
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            "resource": self.resource,
            **({"client_secret": self.secret} if self.secret else {}),
        }
        said |= changed
        return self.post("token", {name: value for name, value in said.items() if value is not None})

    def tokens(self, browser: Client, **changed: str | None) -> dict[str, Any]:
        """All the way to tokens."""
        answer = self.redeem(self.code(browser, **changed))
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()
        return found

    def refresh(self, token: str, **changed: str) -> Any:
        """Exchanges a refresh token."""
        said = {"grant_type": "refresh_token", "refresh_token": token, "client_id": self.client_id}
        return self.post("token", said | ({"client_secret": self.secret} if self.secret else {}) | changed)

    def claims(self, access_token: str) -> dict[str, Any]:
        """What an access token says, verified with the keys that the server publishes."""
        keys = KeySet.import_key_set(self.programs().get(f"{self.base}/jwks").json())
        found = jwt.decode(access_token, keys, algorithms=["ES256"])
        assert found.header["typ"] == "at+jwt"
        return dict(found.claims)

    def inside(self) -> Any:
        """The tenant's context."""
        return tenant_context(self.tenant.pk)


def question_on(page: Any) -> str:
    """What a consent page's form carries."""
    found = re.search(r'name="question" value="([^"]+)"', page.content.decode())
    assert found, page.content.decode()
    return found[1]


def returned(page: Any, redirect_uri: str) -> dict[str, str]:
    """The parameters of the address that a page, or a redirect, leads on to."""
    if page.status_code == 302:
        url = page["Location"]
    else:
        found = re.search(r'content="0;url=([^"]+)"', page.content.decode())
        assert found, page.content.decode()
        url = html.unescape(found[1])
    lead, _, query = url.partition("?")
    assert lead == redirect_uri.partition("?")[0]
    return dict(parse_qsl(query, keep_blank_values=True))


def error_of(answer: Any) -> str:
    """OAuth's code in a refusal."""
    found: str = answer.json()["error"]
    return found
