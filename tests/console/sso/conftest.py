"""A tenant whose people sign in at an OpenID provider of the test's."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import HttpResponse
from django.test import Client

from core.tenancy import tenant_context
from tenants.models import Membership, SsoConnection, User
from tests.conftest import Cast
from tests.sso_provider import OpenId, connection_made, domain_held, entry_of, parameters
from tests.told_host import Host, host

__all__ = ["host"]


@dataclass
class Desk:
    """Alice's tenant, its provider, and the domain of its people."""

    cast: Cast
    provider: OpenId
    domain: str
    connection: SsoConnection
    asked: dict[str, str] = field(default_factory=dict)

    @property
    def start(self) -> str:
        """The tenant's own address for signing in."""
        return f"/sso/{self.cast.tenant.slug}/"

    @property
    def base(self) -> str:
        """What the provider is told."""
        return f"/sso/connections/{self.cast.tenant.id}/{self.connection.pk}"

    def begun(self, browser: Client, onward: str = "") -> dict[str, str]:
        """Begins a login; what the provider is asked."""
        query = f"?{urlencode({'next': onward})}" if onward else ""
        self.asked = parameters(entry_of(browser, f"{self.start}{self.connection.pk}/{query}"))
        return self.asked

    def back(self, browser: Client, **answer: Any) -> HttpResponse:
        """The provider's answer to the login that began last; None leaves a parameter out."""
        usual = {"code": "a-code", "state": self.asked["state"], "iss": self.provider.issuer}
        said = {name: value for name, value in (usual | answer).items() if value is not None}
        return browser.get(f"{self.base}/callback?{urlencode(said)}")  # type: ignore[return-value]

    def log_in(self, browser: Client, email: str, /, onward: str = "", **claims: Any) -> HttpResponse:
        """A whole login; claims are the ID token's."""
        asked = self.begun(browser, onward)
        self.provider.issues(asked["nonce"], **({"email": email, "sub": f"sub of {email}"} | claims))
        return self.back(browser)

    def membership(self, email: str) -> Membership | None:
        """The person's membership, if they have one."""
        with tenant_context(self.cast.tenant.id):
            return Membership.objects.filter(user__email=email).first()

    def refreshed(self) -> SsoConnection:
        """The connection's row as it is now."""
        with tenant_context(self.cast.tenant.id):
            return SsoConnection.objects.get(pk=self.connection.pk)


def person_in(browser: Client) -> User | None:
    """Who is signed in, as the next page finds them."""
    browser.get("/home/")
    found = browser.session.get("_auth_user_id")
    return User.objects.get(pk=found) if found else None


@pytest.fixture
def sso(cast: Cast, host: Host) -> Desk:
    """A tenant with single sign-on."""
    provider = OpenId.at(host)
    return Desk(cast, provider, domain_held(cast.tenant), connection_made(cast, "oidc", provider.draft))
