"""The pages of trusted issuers."""

import re
import time
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from joserfc.jwk import RSAKey

from core.tenancy import tenant_context
from mcp_runtime.addresses import mcp_url
from mcp_runtime.models import Endpoint, Tool
from mcp_runtime.services.endpoints import Logins, endpoint_update
from mcp_runtime.services.tool_rules import tool_rule_set
from tenants.authorization.cutoffs import cut_off
from tenants.issuers.refused import UNKNOWN
from tenants.models import Group, Role, TokenRefusal, TrustedIssuer
from tenants.services.api_keys import api_key_issue
from tests.conftest import Cast, unique
from tests.console.conftest import signed_in
from tests.console.visitor import look_at
from tests.proving import signed
from tests.told_host import Host, host

__all__ = ["host"]
KEY = RSAKey.generate_key(2048)
USUAL = {"algorithms": ["RS256"], "people": "external", "subject_claim": "sub", "scope_claim": "scope"}


@pytest.fixture
def issuer(host: Host) -> str:
    """One that publishes its metadata and its key."""
    path = f"/{unique('idp')}"
    url = f"{host.origin}{path}"
    host.says(f"{path}/.well-known/openid-configuration", {"issuer": url, "jwks_uri": f"{url}/jwks"})
    host.says(f"{path}/jwks", {"keys": [{**KEY.as_dict(private=False), "kid": "one", "use": "sig"}]})
    return url


@pytest.fixture
def trusted(cast: Cast, issuer: str) -> TrustedIssuer:
    """The issuer, which Alice has trusted on the page."""
    said = {**USUAL, "name": "Acme Okta", "issuer": issuer, "scopes": "CN=Tools,OU=Apps = mcp:call"}
    answer = signed_in(cast.alice).post(f"/t/{cast.tenant.slug}/trusted-issuers/new/", said)
    assert answer.status_code == 302
    with tenant_context(cast.tenant.pk):
        return TrustedIssuer.objects.get()


def _token(issuer: str, audience: str, **changes: Any) -> str:
    now = int(time.time())
    claims = {"iss": issuer, "sub": "ada", "aud": audience, "exp": now + 60, "iat": now, "scope": "mcp:call"} | changes
    return signed({"alg": "RS256", "kid": "one", "typ": "at+jwt"}, claims, KEY)


def test_an_issuer_is_trusted_changed_and_no_more(cast: Cast, trusted: TrustedIssuer) -> None:
    alice, base = signed_in(cast.alice), f"/t/{cast.tenant.slug}/trusted-issuers/"
    assert trusted.scopes == {"CN=Tools,OU=Apps": "mcp:call"}
    listed = alice.get(base)
    look_at(listed)  # type: ignore[arg-type]  # the test client's subclass
    assert "Acme Okta" in listed.content.decode()
    assert "1 known" in listed.content.decode()
    with tenant_context(cast.tenant.pk):
        group = Group.objects.create(tenant=cast.tenant, name="Writers")
    form = alice.get(f"{base}{trusted.pk}/change/").content.decode()
    assert "CN=Tools,OU=Apps = mcp:call" in form
    said = {**USUAL, "name": "Acme", "issuer": trusted.issuer, "groups_claim": "groups", "groups": "w = Writers"}
    assert alice.post(f"{base}{trusted.pk}/change/", said).status_code == 302
    with tenant_context(cast.tenant.pk):
        assert TrustedIssuer.objects.get().groups == {"w": str(group.pk)}
    assert "w = Writers" in alice.get(f"{base}{trusted.pk}/change/").content.decode()
    assert alice.post(f"{base}{trusted.pk}/remove/").status_code == 302
    with tenant_context(cast.tenant.pk):
        assert not TrustedIssuer.objects.exists()


def test_a_token_that_is_tried_says_what_it_fails(cast: Cast, trusted: TrustedIssuer, endpoint: Endpoint) -> None:
    alice, place = signed_in(cast.alice), f"/t/{cast.tenant.slug}/trusted-issuers/{trusted.pk}/try/"
    here = mcp_url(cast.tenant.slug, endpoint.slug)
    good = _token(trusted.issuer, here)
    page = alice.post(place, {"token": good})
    look_at(page)  # type: ignore[arg-type]  # the test client's subclass
    assert f"external:{trusted.pk}:ada" in page.content.decode()
    assert good not in page.content.decode()
    assert page["Cache-Control"].count("no-store")
    elsewhere = alice.post(place, {"token": _token(trusted.issuer, "https://elsewhere.example")}).content.decode()
    assert "It is refused: aud" in elsewhere
    ended = alice.post(place, {"token": _token(trusted.issuer, here, exp=1)}).content.decode()
    assert "It is refused: exp" in ended
    assert "It is refused: form" in alice.post(place, {"token": "<script>"}).content.decode()
    assert alice.post(place, {"token": ""}).status_code == 422


def test_keys_that_cannot_be_read_stay_and_the_page_says_why(cast: Cast, trusted: TrustedIssuer, host: Host) -> None:
    alice, one = signed_in(cast.alice), f"/t/{cast.tenant.slug}/trusted-issuers/{trusted.pk}/"
    host.answers.clear()
    page = alice.post(f"{one}refresh/", follow=True).content.decode()
    assert "could not be read" in page
    assert "The 1 that is known stays." in page


def _why(cast: Cast, endpoint: Endpoint, tool: str, token: str) -> str:
    """What the page and the REST API say alike; empty where nothing stands in the way."""
    place = f"/t/{cast.tenant.slug}/endpoints/{endpoint.slug}/rules/why/"
    page = signed_in(cast.alice).post(f"{place}presented/", {"tool": tool, "token": token})
    look_at(page)  # type: ignore[arg-type]  # the test client's subclass
    assert token not in page.content.decode()
    refusal = page.context["explanation"].refusal
    with tenant_context(cast.tenant.pk):
        actor = Cast.acting_inside(cast.alice, cast.tenant)
        secret = api_key_issue(actor=actor, name=unique("ci"), role=Role.ADMIN)[1]
    api = Client(headers={"Authorization": f"Bearer {secret}"})
    said = {"tool": tool, "token": token}
    answer = api.post(f"/api/v1/endpoints/{endpoint.slug}/explanation", said, content_type="application/json")
    assert answer.status_code == 200, answer.content
    told: str = refusal.sentence if refusal else ""
    assert _timeless((answer.json()["refusal"] or {}).get("sentence", "")) == _timeless(told)
    return told


def _timeless(sentence: str) -> str:
    """The sentence a second later."""
    return re.sub(r"[\d,]+ seconds", "some seconds", sentence)


def test_somebody_from_outside_is_told_why_they_cannot_call(
    cast: Cast, trusted: TrustedIssuer, endpoint: Endpoint, tool: Tool
) -> None:
    here = mcp_url(cast.tenant.slug, endpoint.slug)
    good, who = _token(trusted.issuer, here), f"external:{trusted.pk}:ada"
    assert "your own authorization server alone" in _why(cast, endpoint, tool.name, good)
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.pk):
        endpoint_update(
            actor=actor, endpoint_slug=endpoint.slug, name="x", instructions="", access="key", allowed_origins=[],
            logins=Logins(at="both"),
        )  # fmt: skip
    assert _why(cast, endpoint, tool.name, good) == ""
    assert _why(cast, endpoint, "other", good) == "other is no tool of this endpoint."
    refused = {
        "(aud)": _token(trusted.issuer, mcp_url(cast.tenant.slug, unique("other"))),
        "(exp)": _token(trusted.issuer, here, exp=1),
        "(scope)": _token(trusted.issuer, here, scope="openid"),
        "You trust no issuer called 'https://other.example'": _token("https://other.example", here),
        "no token that names an issuer": "x.y.z",
        "and not call them": _token(trusted.issuer, here, scope="mcp:read"),
    }
    for sentence, token in refused.items():
        assert sentence in _why(cast, endpoint, tool.name, token)
    with tenant_context(cast.tenant.pk):
        group = Group.objects.create(tenant=cast.tenant, name="Engineers")
        tool_rule_set(actor=actor, endpoint_slug=endpoint.slug, group_id=group.pk, patterns=[tool.name])
    assert f"none for a group of {who}" in _why(cast, endpoint, tool.name, good)
    with tenant_context(cast.tenant.pk):
        cut_off(cast.tenant.pk, who, "left")
    assert _why(cast, endpoint, tool.name, good) == f"{who} was put out, with every token that was issued until then."


def test_only_who_sees_to_members_asks_for_a_token(cast: Cast, trusted: TrustedIssuer, endpoint: Endpoint) -> None:
    place = f"/t/{cast.tenant.slug}/endpoints/{endpoint.slug}/rules/why/"
    assert signed_in(cast.bob).post(f"{place}presented/", {"tool": "x", "token": "x"}).status_code == 403
    assert "presented" not in signed_in(cast.bob).get(place).content.decode()
    for said in ({"tool": "x"}, {"token": "x"}, {"tool": "x" * 65, "token": "x"}, {"tool": "\0", "token": "x"}):
        assert signed_in(cast.alice).post(f"{place}presented/", said).status_code == 422


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""}, {"issuer": ""}, {"issuer": "not an address"}, {"algorithms": ["none"]}, {"algorithms": []},
        {"people": "everybody"}, {"people": "sso"}, {"connection": "none of ours"}, {"scopes": "no meaning"},
        {"scopes": "a = admin"}, {"scopes": "a = mcp:call\na = mcp:read"}, {"groups": "a = Nobody"},
        {"issuer": "http://127.0.0.1:1"},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_trusted_is_said_to_be(cast: Cast, issuer: str, changes: dict[str, Any]) -> None:
    said = {**USUAL, "name": "x", "issuer": issuer} | changes
    answer = signed_in(cast.alice).post(f"/t/{cast.tenant.slug}/trusted-issuers/new/", said)
    assert answer.status_code == 422
    with tenant_context(cast.tenant.pk):
        assert not TrustedIssuer.objects.exists()


def test_what_workers_refused_is_shown(cast: Cast, trusted: TrustedIssuer) -> None:
    now = timezone.now()
    with tenant_context(cast.tenant.pk):
        for issuer, check, times in ((trusted.pk, "aud", 1234), (trusted.pk, "oid", 1), (UNKNOWN, "iss", 2)):
            said = {"day": now.date(), "reason": check, "times": times, "last_at": now}
            TokenRefusal.objects.create(tenant=cast.tenant, issuer_id=issuer, **said)
        _, secret = api_key_issue(actor=Cast.acting_inside(cast.alice, cast.tenant), name="ci", role=Role.ADMIN)
    alice, base = signed_in(cast.alice), f"/t/{cast.tenant.slug}/trusted-issuers/"
    page = alice.get(f"{base}{trusted.pk}/")
    look_at(page)  # type: ignore[arg-type]  # the test client's subclass
    assert "1,234" in page.text
    assert "They are for something else." in page.text
    assert "They have no claim oid" in page.text
    assert "refused 2 times in the last 30 days" in alice.get(base).text
    headers = {"Authorization": f"Bearer {secret}"}
    told = Client().get("/api/v1/refused-tokens", headers=headers).json()
    found = {(one["issuer_id"], one["check"]): one["times"] for one in told}
    assert found == {(str(trusted.pk), "aud"): 1234, (str(trusted.pk), "oid"): 1, (None, "iss"): 2}


def test_who_cannot_manage_the_tenant_is_refused(cast: Cast) -> None:
    assert signed_in(cast.bob).get(f"/t/{cast.tenant.slug}/trusted-issuers/").status_code == 403
    assert signed_in(cast.charlie).get(f"/t/{cast.tenant.slug}/trusted-issuers/").status_code == 404
