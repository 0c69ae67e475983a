"""Assertions of a provider that others wrote: who logs in at npm's oidc-provider, a client comes in for."""

from typing import Any

import httpx
import pytest

from mcp_runtime.models import Endpoint
from tenants.authorization.grant_types import ASSERTION
from tenants.models import Role, User
from tests.conftest import Cast, unique
from tests.connecting import _upstream, upstream
from tests.console.oauth.registered import registered
from tests.console.oauth.test_trusted_provider import KNOWN, SECRET, token_of
from tests.oidc_provider.process import Upstream
from tests.sso_provider import connection_made, domain_held

__all__ = ["_upstream", "upstream"]  # fixtures
ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


def _asserted(provider: Upstream, subject: str, **said: str) -> str:
    asked = {
        "grant_type": EXCHANGE,
        "requested_token_type": ID_JAG,
        "subject_token": subject,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "scope": "mcp:call",
    } | said
    answer = httpx.post(f"{provider.issuer}/token", data=asked, auth=(KNOWN, SECRET)).raise_for_status().json()
    assert answer["issued_token_type"] == ID_JAG
    token: str = answer["access_token"]
    return token


@pytest.mark.parametrize("wrong", ["", "audience", "resource", "client"])
def test_a_client_comes_in_for_who_logged_in_at_the_provider(
    cast: Cast, endpoint: Endpoint, upstream: Upstream, wrong: str
) -> None:
    login = unique("mara")
    email = f"{login}@{domain_held(cast.tenant)}"
    draft = {"issuer": upstream.issuer, "client_id": KNOWN, "client_secret": SECRET}
    connection_made(cast, "oidc", draft, takes_assertions=True, default_role=Role.DEVELOPER)
    client = registered(cast, endpoint, ASSERTION)
    named = "another" if wrong == "client" else client.client_id
    upstream.ask(people={login: {"email": email, "email_verified": True}}, knownThereAs=named)
    asked = {"audience": client.issuer, "resource": client.resource}
    if wrong in asked:
        asked[wrong] += "/x"
    assertion = _asserted(upstream, token_of(upstream, upstream.mcp, login), **asked)
    presented: dict[str, Any] = {"grant_type": ASSERTION, "client_id": client.client_id, "client_secret": client.secret}
    answer = client.post("token", presented | {"assertion": assertion})
    assert answer.status_code == (400 if wrong else 200), answer.content
    assert User.objects.filter(email=email).exists() is not bool(wrong)
    if not wrong:
        claims = client.claims(answer.json()["access_token"])
        assert claims["sub"] == str(User.objects.get(email=email).pk)
        assert claims["aud"] == client.resource
        assert client.post("token", presented | {"assertion": assertion}).status_code == 400
