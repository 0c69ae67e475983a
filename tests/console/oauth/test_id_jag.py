"""Enterprise-managed authorization: assertions of the tenant's own identity provider, and what is not fallen for."""

import base64
import hmac
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone
from joserfc.jwk import RSAKey

from mcp_runtime.models import Endpoint
from tenants.authorization.grant_types import ASSERTION, CLIENT
from tenants.authorization.id_jag import TYPE
from tenants.models import AuditEvent, ClientGrant, Membership, Role, SsoConnection, SsoIdentity, User
from tests.conftest import Cast
from tests.console.conftest import MakesEndpoint
from tests.console.oauth.flows import Flow, error_of
from tests.console.oauth.registered import registered
from tests.sso_provider import KEY, OTHER_KEY, OpenId, connection_made, domain_held, signed
from tests.told_host import Host, host

__all__ = ["host"]


@dataclass
class Enterprise:
    """A tenant whose provider asserts its people to a client."""

    client: Flow
    provider: OpenId
    connection: SsoConnection
    domain: str

    def assertion(self, *, key: RSAKey = KEY, header: dict[str, Any] | None = None, **changed: Any) -> str:
        """What the provider signs; None leaves a claim out."""
        return signed(self.claims(**changed), key=key, header={"typ": TYPE} | (header or {}))

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Those of a good assertion."""
        now = int(time.time())
        said = {
            "iss": self.provider.issuer,
            "aud": self.client.issuer,
            "sub": "s-1",
            "client_id": self.client.client_id,
            "resource": self.client.resource,
            "scope": "mcp:call",
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": now + 300,
            "email": f"mara@{self.domain}",
        }
        return said | changed

    def comes(self, assertion: str | None = None, **changed: str | None) -> Any:
        """The client, with an assertion."""
        said: dict[str, str | None] = {
            "grant_type": ASSERTION,
            "client_id": self.client.client_id,
            "client_secret": self.client.secret,
            "assertion": self.assertion() if assertion is None else assertion,
        }
        return self.client.post("token", {name: it for name, it in (said | changed).items() if it is not None})

    def member(self) -> Membership | None:
        """Who came in."""
        with self.client.inside():
            found = Membership.objects.select_related("user").filter(user__email=f"mara@{self.domain}")
            return found.first()


@pytest.fixture
def enterprise(cast: Cast, endpoint: Endpoint, host: Host) -> Enterprise:
    """Takes assertions, and makes members of whom they are of."""
    provider, domain = OpenId.at(host), domain_held(cast.tenant)
    connection = connection_made(cast, "oidc", provider.draft, takes_assertions=True, default_role=Role.DEVELOPER)
    return Enterprise(registered(cast, endpoint, ASSERTION), provider, connection, domain)


def test_metadata_names_the_profile(enterprise: Enterprise) -> None:
    said = enterprise.client.programs().get(f"/.well-known/oauth-authorization-server{enterprise.client.base}").json()
    assert said["authorization_grant_profiles_supported"] == ["urn:ietf:params:oauth:grant-profile:id-jag"]
    assert ASSERTION in said["grant_types_supported"]


def test_a_client_comes_in_and_its_person_becomes_a_member(enterprise: Enterprise) -> None:
    answer = enterprise.comes()
    assert answer.status_code == 200, answer.content
    said, member = answer.json(), enterprise.member()
    assert member is not None
    assert member.role == Role.DEVELOPER
    assert "refresh_token" not in said
    claims = enterprise.client.claims(said["access_token"])
    assert claims["sub"] == str(member.user_id)
    assert claims["aud"] == enterprise.client.resource
    assert claims["client_id"] == enterprise.client.client_id
    assert said["scope"] == "mcp:call"
    with enterprise.client.inside():
        assert ClientGrant.objects.get().origin == "assertion"


def test_who_is_known_by_their_subject_needs_no_address_and_has_one_grant(enterprise: Enterprise) -> None:
    enterprise.comes()
    for changed in ({"email": None}, {"email": "other@elsewhere.example"}):
        assert enterprise.comes(enterprise.assertion(**changed)).status_code == 200
    with enterprise.client.inside():
        assert SsoIdentity.objects.count() == ClientGrant.objects.count() == 1


def test_a_member_keeps_their_role_whatever_groups_are_not_told(enterprise: Enterprise) -> None:
    enterprise.comes()
    with enterprise.client.inside():
        Membership.objects.filter(user__email=f"mara@{enterprise.domain}").update(role=Role.ADMIN)
        SsoIdentity.objects.all().delete()
        SsoConnection.objects.update(roles=[{"group": "staff", "role": "viewer"}])
    assert enterprise.comes().status_code == 200
    member = enterprise.member()
    assert member is not None
    assert member.role == Role.ADMIN


def test_an_assertion_is_good_once(enterprise: Enterprise) -> None:
    assertion = enterprise.assertion()
    assert enterprise.comes(assertion).status_code == 200
    assert error_of(enterprise.comes(assertion)) == "invalid_grant"
    with enterprise.client.inside():
        assert AuditEvent.objects.get(action="access.refused").target_name.startswith("jwt-bearer: ")


def test_only_what_both_name_is_granted(enterprise: Enterprise, make_endpoint: MakesEndpoint) -> None:
    assert enterprise.comes(enterprise.assertion(scope="mcp:read")).json()["scope"] == "mcp:read"
    assert enterprise.comes(enterprise.assertion(scope="mcp:read"), scope="mcp:call").json()["scope"] == "mcp:read"
    assert enterprise.comes(scope="mcp:read").json()["scope"] == "mcp:read"
    assert error_of(enterprise.comes(scope="openid")) == "invalid_scope"
    assert error_of(enterprise.comes(enterprise.assertion(scope="openid"))) == "invalid_scope"
    other = Flow(enterprise.client.tenant, make_endpoint("Other"))
    assert error_of(enterprise.comes(resource=other.resource)) == "invalid_target"
    unnamed = enterprise.comes(enterprise.assertion(resource=None), resource=other.resource).json()["access_token"]
    assert enterprise.client.claims(unnamed)["endpoint"] == str(other.endpoint.pk)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"aud": "https://elsewhere.example"}, "invalid_grant"),
    ({"aud": None}, "invalid_grant"),
    ({"aud": CLIENT}, "invalid_grant"),
    ({"aud": {}}, "invalid_grant"),
    ({"client_id": "another"}, "invalid_grant"),
    ({"client_id": None}, "invalid_grant"),
    ({"iss": "https://evil.example"}, "invalid_grant"),
    ({"iss": None}, "invalid_grant"),
    ({"iss": 1}, "invalid_grant"),
    ({"sub": None}, "invalid_grant"),
    ({"sub": ""}, "invalid_grant"),
    ({"sub": ["s-1"]}, "invalid_grant"),
    ({"jti": None}, "invalid_grant"),
    ({"jti": 7}, "invalid_grant"),
    ({"jti": "x" * 501}, "invalid_grant"),
    ({"exp": None}, "invalid_grant"),
    ({"exp": "soon"}, "invalid_grant"),
    ({"exp": True}, "invalid_grant"),
    ({"exp": 1}, "invalid_grant"),
    ({"exp": 10**12}, "invalid_grant"),
    ({"exp": 10**400}, "invalid_grant"),
    ({"iat": None}, "invalid_grant"),
    ({"iat": 1}, "invalid_grant"),
    ({"iat": 10**12}, "invalid_grant"),
    ({"nbf": 10**12}, "invalid_grant"),
    ({"cnf": {"jkt": "x"}}, "invalid_grant"),
    ({"scope": ["mcp:call"]}, "invalid_grant"),
    ({"resource": "https://elsewhere.example/mcp"}, "invalid_target"),
    ({"resource": ["a", "b"]}, "invalid_target"),
    ({"email": None}, "invalid_grant"),
    ({"email": "mara@elsewhere.example"}, "invalid_grant"),
    ({"email_verified": False}, "invalid_grant"),
]


def test_what_an_assertion_must_not_say(enterprise: Enterprise) -> None:
    for changed, error in WRONG:
        assert error_of(enterprise.comes(enterprise.assertion(**changed))) == error, changed
    assert enterprise.member() is None
    assert enterprise.comes().status_code == 200


def _encoded(header: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()


def test_what_is_not_signed_so_is_no_assertion(enterprise: Enterprise) -> None:
    good = enterprise.assertion()
    payload = good.split(".")[1]
    confused = f"{_encoded({'alg': 'HS256', 'typ': TYPE})}.{payload}"
    tag = hmac.digest(KEY.as_pem(private=False), confused.encode(), "sha256")
    for wrong in (
        f"{_encoded({'alg': 'none', 'typ': TYPE})}.{payload}.",
        f"{confused}.{base64.urlsafe_b64encode(tag).rstrip(b'=').decode()}",
        enterprise.assertion(key=OTHER_KEY),
        enterprise.assertion(key=OTHER_KEY, header={"kid": KEY.thumbprint()}),
        enterprise.assertion(header={"typ": "JWT"}),
        enterprise.assertion(header={"typ": "at+jwt"}),
        signed(enterprise.claims()),
        good[:-8],
        f"{good}.",
        "x",
        "a.b.c",
    ):
        assert error_of(enterprise.comes(wrong)) == "invalid_grant"
    assert error_of(enterprise.comes("")) == "invalid_grant"
    assert enterprise.member() is None


def test_only_for_clients_that_were_let(enterprise: Enterprise, cast: Cast, endpoint: Endpoint, flow: Flow) -> None:
    agent = registered(cast, endpoint, CLIENT)
    for client in (agent, flow):
        assertion = enterprise.assertion(client_id=client.client_id)
        who: dict[str, str | None] = {"client_id": client.client_id, "client_secret": client.secret or None}
        assert error_of(enterprise.comes(assertion, **who)) == "unauthorized_client"
    assert error_of(enterprise.comes(client_secret="ams_wrong")) == "invalid_client"


def test_only_of_connections_that_take_them(enterprise: Enterprise) -> None:
    for changed in ({"takes_assertions": False}, {"is_enabled": False}):
        with enterprise.client.inside():
            SsoConnection.objects.update(takes_assertions=True, is_enabled=True)
            SsoConnection.objects.update(**changed)
        assert error_of(enterprise.comes()) == "invalid_grant"


def test_nobody_is_made_a_member_where_the_connection_makes_none(enterprise: Enterprise) -> None:
    with enterprise.client.inside():
        SsoConnection.objects.update(makes_members=False)
    assert error_of(enterprise.comes()) == "invalid_grant"
    assert enterprise.member() is None


def test_who_was_put_out_stays_out(enterprise: Enterprise) -> None:
    enterprise.comes()
    with enterprise.client.inside():
        Membership.objects.filter(user__email=f"mara@{enterprise.domain}").update(deactivated_at=timezone.now())
    assert error_of(enterprise.comes()) == "invalid_grant"
    with enterprise.client.inside():
        Membership.objects.filter(user__email=f"mara@{enterprise.domain}").update(deactivated_at=None)
    User.objects.filter(email=f"mara@{enterprise.domain}").update(is_active=False)
    assert error_of(enterprise.comes()) == "invalid_grant"


def test_the_provider_of_another_tenant_is_strange(enterprise: Enterprise, cast: Cast, host: Host) -> None:
    theirs = OpenId.at(host)
    connection_made(cast, "oidc", theirs.draft, owner=cast.charlie, tenant=cast.elsewhere, takes_assertions=True)
    assert error_of(enterprise.comes(enterprise.assertion(iss=theirs.issuer))) == "invalid_grant"
