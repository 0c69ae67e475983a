"""Tenants with single sign-on, and an OpenID provider that says what a test writes down, signed with its own key."""

import time
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client
from joserfc import jwt
from joserfc.jwk import RSAKey

from core.tenancy import tenant_context
from tenants.models import SsoConnection, SsoDomain, SsoDomainHolder, Tenant, User
from tenants.sso.connections import (
    Admission,
    configurer,
    connection_configure,
    connection_create,
    connection_enable,
    connection_set_admission,
)
from tests.conftest import Cast, unique
from tests.told_host import Host

KEY, OTHER_KEY = RSAKey.generate_key(2048), RSAKey.generate_key(2048)
CLIENT_ID = "armstrong"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


def domain_held(tenant: Tenant) -> str:
    """A fresh domain that the tenant has verified."""
    name = f"{unique('corp')}.example"
    with tenant_context(tenant.id):
        SsoDomain.objects.create(tenant=tenant, name=name, token="t", verified_at="2026-01-01T00:00:00Z")
        SsoDomainHolder.objects.create(name=name, tenant_id=tenant.id)
    return name


def connection_made(
    cast: Cast, kind: str, draft: dict[str, str], *, owner: User | None = None, tenant: Tenant | None = None, **who: Any
) -> SsoConnection:
    """A connection in use, as its owner makes one; `who` says who people become."""
    where = tenant or cast.tenant
    acting = cast.acting(owner or cast.alice, where)
    with tenant_context(where.id):
        made = connection_create(actor=acting, name=unique("idp"), kind=kind)
    connection_configure(by=configurer(acting), connection_id=made.pk, draft=draft)
    with tenant_context(where.id):
        connection_set_admission(actor=acting, connection_id=made.pk, admission=Admission(**who))
        SsoConnection.objects.filter(pk=made.pk).update(trial={"ok": True})
        return connection_enable(actor=acting, connection_id=made.pk)


def entry_of(browser: Client, path: str) -> str:
    """Where a page of ours leads on to by itself."""
    page = browser.get(path).content.decode()
    assert 'http-equiv="refresh" content="0; url=' in page, page
    shown = page.partition('http-equiv="refresh" content="0; url=')[2].partition('"')[0]
    return shown.replace("&amp;", "&")


def parameters(url: str) -> dict[str, str]:
    """The query of a URL."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@dataclass
class OpenId:
    """A provider on this machine at which a tenant's people sign in."""

    host: Host
    issuer: str

    @classmethod
    def at(cls, host: Host, **changes: Any) -> "OpenId":
        """A provider of its own path on the host."""
        made = cls(host, f"{host.origin}/{uuid.uuid4().hex[:8]}")
        made.publishes(**changes)
        made.has_keys(KEY)
        return made

    def publishes(self, **changes: Any) -> None:
        """Its discovery document; None leaves a member out."""
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/end",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "authorization_response_iss_parameter_supported": True,
        }
        found = {name: value for name, value in (document | changes).items() if value is not None}
        self.says("/.well-known/openid-configuration", found)

    def has_keys(self, *keys: RSAKey) -> None:
        """Its key set."""
        listed = [{**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig"} for key in keys]
        self.says("/jwks", {"keys": listed})

    def says(self, path: str, document: Any, status: int = 200) -> None:
        """What it answers at a path of its own."""
        self.host.says(f"{urlsplit(self.issuer).path}{path}", document, status)

    @property
    def draft(self) -> dict[str, str]:
        """What somebody types to connect it."""
        return {"issuer": self.issuer, "client_id": CLIENT_ID, "client_secret": "a secret"}

    def issues(self, nonce: str, /, *, key: RSAKey = KEY, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Has the token endpoint answer with an ID token, which it returns; None leaves a claim out."""
        now = int(time.time())
        said = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce, "sub": "s-1"}
        token = signed(said | claims, key=key, header=header)
        self.says("/token", {"token_type": "Bearer", "access_token": "opaque", "id_token": token})
        return token

    def logout_token(self, *, key: RSAKey = KEY, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token that ends sessions; None leaves a claim out."""
        now = int(time.time())
        said = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": uuid.uuid4().hex}
        return signed(said | {"events": {LOGOUT_EVENT: {}}} | claims, key=key, header=header)


def signed(claims: dict[str, Any], *, key: RSAKey = KEY, header: dict[str, Any] | None = None) -> str:
    """A JWT; claims that are None are left out."""
    said = {name: value for name, value in claims.items() if value is not None}
    head = {"alg": "RS256", "kid": key.thumbprint()} | (header or {})
    return jwt.encode(head, said, key, algorithms=[head["alg"]])
