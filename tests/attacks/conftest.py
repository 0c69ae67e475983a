"""Those who attack, and one stage for all attacks that leave it as it was."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.test import Client

from console.pace import MOST
from core.tenancy import tenant_context
from mcp_runtime.services.endpoints import endpoint_create
from tenants.authorization import pace
from tests.conftest import Cast, make_cast, unique
from tests.console.conftest import (
    alice,
    bob,
    charlie,
    endpoint,
    make_endpoint,
    runtime,
    runtime_origin,
    signed_in,
    viewer,
)
from tests.console.oauth.conftest import confidential, flow, person, rest
from tests.console.oauth.flows import Flow
from tests.console.sso.conftest import Desk, sso
from tests.console.sso.test_saml import Saml, saml
from tests.console.test_scim import Provider, provider, provider_of
from tests.saml_messages import PAIR, metadata
from tests.sso_provider import OpenId, connection_made, domain_held
from tests.told_host import Host, host, telling

__all__ = [
    "alice",
    "bob",
    "charlie",
    "confidential",
    "endpoint",
    "flow",
    "host",
    "make_endpoint",
    "person",
    "provider",
    "rest",
    "runtime",
    "runtime_origin",
    "saml",
    "sso",
    "viewer",
]


@pytest.fixture
def unpaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """How often somebody may ask has tests of its own."""
    for kind in MOST:
        monkeypatch.setitem(MOST, kind, 10**6)
    monkeypatch.setattr("tenants.scim.serving.REQUESTS_PER_SECOND", 10**6)
    monkeypatch.setattr(pace, "is_within", lambda *_named, **_bounds: True)


@dataclass(frozen=True)
class Stage:
    """A tenant with an authorization server, clients of it, two identity providers and provisioning."""

    cast: Cast
    host: Host
    person: Client
    public: Flow
    confidential: Flow
    saml: Saml
    sso: Desk
    scim: Provider
    provisioned: str


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Made once for a file."""
    with pytest.MonkeyPatch.context() as patch, telling(patch) as host:
        yield stage_made(host)


def stage_made(host: Host) -> Stage:
    """A stage whose OpenID provider is at `host`."""
    cast = make_cast()
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        made = endpoint_create(actor=actor, slug=unique("weather"), name="Weather")
    public, confidential = Flow(cast.tenant, made), Flow(cast.tenant, made)
    assert public.register().status_code == 201
    assert confidential.register(token_endpoint_auth_method="client_secret_post").status_code == 201
    domain, openid = domain_held(cast.tenant), OpenId.at(host)
    return Stage(
        cast=cast,
        host=host,
        person=signed_in(cast.bob),
        public=public,
        confidential=confidential,
        saml=Saml(cast, domain, connection_made(cast, "saml", {"metadata_xml": metadata(PAIR)})),
        sso=Desk(cast, openid, domain, connection_made(cast, "oidc", openid.draft)),
        scim=(scim := provider_of(cast)),
        provisioned=scim.user(f"{unique('eve')}@example.com"),
    )
