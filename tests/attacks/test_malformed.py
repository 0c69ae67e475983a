"""What no parser takes, sent where strangers may: refused in the words of its protocol, and never a 500."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.jwks import TokenRefused, verified
from tenants.sso.connections import configurer, connection_configure, connection_create
from tests.attacks.conftest import Stage
from tests.conftest import Cast, unique
from tests.console.oauth.flows import FORM
from tests.console.sso.conftest import Desk
from tests.console.test_scim import BULK, GROUP, PATCH, USER
from tests.saml_messages import encoded, logout_request, redirected

DEEP = "[" * 12_500  # within the longest token, and deeper than any decoder follows
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def jws_of(header: str, payload: str) -> str:
    """A compact serialization of these parts, signed by nobody."""
    return ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in (header, payload, "x"))


BODIES: dict[str, tuple[bytes, str]] = {
    "no UTF-8": (b"\xff\xfe", FORM),
    "escapes of no UTF-8": (b"%ff=%fe&grant_type=%00", FORM),
    "too many parameters": (b"a=1&" * 2_000, FORM),
    "too long": (b"x" * 3_000_000, FORM),
    "another charset": (b"a=b", f"{FORM}; charset=utf-16"),
    "an unknown charset": (b"a=b", f"{FORM}; charset=nope"),
    "multipart": (b"--x\r\n", "multipart/form-data; boundary=x"),
    "multipart without a boundary": (b"x", "multipart/form-data"),
    "deep JSON": (b"[" * 200_000, "application/json"),
    "a lone surrogate": (b'{"redirect_uris":["https://a.example/\\ud800"]}', "application/json"),
    "null characters": (b'{"client_name":"\\u0000","redirect_uris":["https://a.example/"]}', "application/json"),
    "an object for a text": (b'{"grant_types":[{}],"redirect_uris":["https://a.example/"]}', "application/json"),
    "half an IPv6 address": (b'{"redirect_uris":["https://[::1"]}', "application/json"),
    "a port that is none": (b'{"redirect_uris":["https://a.example:99999/"]}', "application/json"),
    "twice the same name": (b'{"redirect_uris":[],"redirect_uris":["https://a.example/"]}', "application/json"),
    "not a number": (b'{"redirect_uris":["https://a.example/"],"x":NaN}', "application/json"),
}


@pytest.mark.parametrize("place", ["token", "revoke", "introspect", "register"])
@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_is_none_is_refused_in_json(stage: Stage, place: str, body: str) -> None:
    content, kind = BODIES[body]
    where = f"{stage.public.base}/{place}"
    answer = stage.public.programs().generic("POST", where, content, content_type=kind)
    assert answer.status_code in {400, 401, 413}
    assert answer.json()["error"]


HEADERS = {
    "nothing after Basic": "Basic",
    "no base64": "Basic !!!",
    "a long one": "Basic " + "A" * 100_000,
    "null characters": "Basic " + base64.b64encode(b"%00:%00").decode(),
    "escapes of no UTF-8": "Basic " + base64.b64encode(b"%ff:%fe").decode(),
    "bytes that are no ASCII": "Basic " + base64.b64encode(b"\xff:x").decode(),
    "another scheme": "Bearer x",
    "half a proof": "DPoP x",
}


@pytest.mark.parametrize("place", ["token", "revoke", "introspect"])
@pytest.mark.parametrize("header", HEADERS)
def test_a_header_that_proves_nothing_is_a_challenge(stage: Stage, place: str, header: str) -> None:
    fields = {"grant_type": "client_credentials", "token": "x"}
    answer = stage.public.post(place, fields, {"Authorization": HEADERS[header]})
    assert answer.status_code in {400, 401}
    assert answer.json()["error"] in {"invalid_client", "invalid_request"}


ASSERTIONS = {
    "no parts": "...",
    "a deep header": jws_of(DEEP, "{}"),
    "deep claims": jws_of('{"alg":"ES256"}', DEEP),
    "a list for claims": jws_of('{"alg":"ES256"}', "[1]"),
    "a null character for a name": jws_of('{"alg":"ES256"}', '{"sub":"\\u0000"}'),
    "a name that is no ASCII": jws_of('{"alg":"ES256"}', '{"sub":"https://ä.example/x"}'),
    "alg of another kind": jws_of('{"alg":["x"]}', '{"sub":"x"}'),
    "what has to be understood": jws_of('{"alg":"ES256","crit":["x"],"b64":false}', '{"sub":"x"}'),
    "alg none": jws_of('{"alg":"none"}', '{"sub":"x"}'),
}


@pytest.mark.parametrize("place", ["token", "revoke", "introspect"])
@pytest.mark.parametrize("assertion", ASSERTIONS)
def test_an_assertion_that_is_none_proves_nothing(stage: Stage, place: str, assertion: str) -> None:
    fields = {"client_assertion": ASSERTIONS[assertion], "client_assertion_type": ASSERTION, "token": "x"}
    answer = stage.public.post(place, fields | {"grant_type": "client_credentials"})
    assert answer.status_code in {400, 401}
    assert answer.json()["error"] == "invalid_client"


@pytest.mark.parametrize("token", ASSERTIONS)
def test_what_is_no_token_is_not_active_and_is_given_up_gladly(stage: Stage, token: str) -> None:
    confidential = stage.confidential
    said = {"token": ASSERTIONS[token], "client_id": confidential.client_id, "client_secret": confidential.secret}
    assert confidential.post("introspect", said).json() == {"active": False}
    assert confidential.post("revoke", said).status_code == 200


MOMENTS = ["", "x", "2026", "99999-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00+14:00", "2026-01-01"]


@pytest.mark.parametrize("name", ["NotBefore", "NotOnOrAfter", "IssueInstant", "AuthnInstant"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_moment_that_is_none_lets_nobody_in(stage: Stage, name: str, moment: str) -> None:
    browser, saml = Client(), stage.saml
    saml.begun(browser)
    xml = saml.response(f"{unique('dora')}@{saml.domain}").xml()
    answer = saml.post(browser, encoded(re.sub(f'{name}="[^"]*"', f'{name}="{moment}"', xml)))
    assert answer.status_code == 400
    assert "_auth_user_id" not in browser.session


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_logout_request_of_no_moment_ends_nothing(stage: Stage, moment: str) -> None:
    saml = stage.saml
    request = logout_request(f"{saml.acs[:-3]}slo", "dora@example.com", instant=moment)
    assert Client().get(f"{saml.path}/slo?{redirected('SAMLRequest', request)}").status_code == 400


FILTERS = {
    "a lone surrogate": 'userName eq "\\ud800"',
    "a null character": 'userName eq "\\u0000"',
    "half a comparison": "userName eq",
    "nested too deeply": "(" * 5_000 + "a pr" + ")" * 5_000,
    "a chain of negations": "not " * 3_000 + "(a pr)",
    "a time that is none": 'meta.lastModified gt "x"',
    "a number for a text": "userName gt 5",
    "an order of truths": "active gt true",
    "an attribute of nobody": 'name.givenName.x eq "y"',
    "half a path": 'emails[type eq "x"',
    "SQL": 'userName eq "\' OR 1=1; DROP TABLE tenants_scimuser; --"',
    "a wildcard": 'userName eq "%"',
}


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_that_is_none_finds_nobody(stage: Stage, text: str) -> None:
    answer = stage.scim.send("GET", f"/Users?filter={quote(FILTERS[text])}")
    assert answer.status_code in {200, 400}
    assert answer.json().get("totalResults", 0) == 0


QUERIES = ["startIndex=x", f"startIndex={10**20}", "count=-1", "count=1e3", "cursor=%00", "sortBy=%00", "sortBy=emails",
           "sortBy=userName&sortOrder=z", "attributes=%00,%ff", "excludedAttributes=id", "filter=%ff",
           f"count={10**20}&startIndex=-{10**20}"]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_a_page_that_is_none_is_refused_or_empty(stage: Stage, query: str) -> None:
    for path in ("/Users", "/Groups", ""):
        assert stage.scim.send("GET", f"{path}?{query}").status_code in {200, 400}


DOCUMENTS = {
    "deep": b"[" * 200_000,
    "deep objects": b'{"a":' * 100_000,
    "no UTF-8": b"\xff\xfe",
    "null": b"null",
    "a list": b"[]",
    "a lone surrogate": b'{"schemas":["%s"],"userName":"\\ud800"}' % USER.encode(),
    "a lone surrogate for a group": b'{"schemas":["%s"],"displayName":"\\ud800"}' % GROUP.encode(),
    "a null character": b'{"schemas":["%s"],"userName":"\\u0000"}' % USER.encode(),
    "operations that are none": json.dumps({"schemas": [BULK], "Operations": [None, 1, {"method": "PUT"}]}).encode(),
    "operations by name": json.dumps({"schemas": [BULK], "Operations": {"a": 1}}).encode(),
}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_that_is_none_is_not_stored(stage: Stage, document: str) -> None:
    for method, path in (("POST", "/Users"), ("POST", "/Groups"), ("POST", "/Bulk"), ("POST", "/.search")):
        answer = stage.scim.send(method, path, DOCUMENTS[document])
        # A bulk request is answered operation by operation.
        told = answer.json().get("Operations", []) if answer.status_code == 200 else [{"status": answer.status_code}]
        assert all(400 <= int(one["status"]) < 500 for one in told), path


OPERATIONS: dict[str, Any] = {
    "no operation": None,
    "an unknown one": {"op": "x"},
    "one of another kind": {"op": 5},
    "half a path": {"op": "add", "path": "emails[type eq", "value": "x"},
    "a long path": {"op": "add", "path": "a" * 5_000, "value": "x"},
    "a path of another kind": {"op": "add", "path": 5, "value": 1},
    "a lone surrogate": {"op": "replace", "path": "displayName", "value": "\ud800"},
    "a null character": {"op": "replace", "path": "displayName", "value": "\0"},
    "what only the server says": {"op": "replace", "path": "id", "value": "x"},
    "nothing for a name": {"op": "replace", "path": "userName", "value": None},
    "a list for an extension": {"op": "replace", "path": "active", "value": {"a": [1]}},
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_patch_that_is_none_changes_nothing(stage: Stage, operation: str) -> None:
    provider, user = stage.scim, stage.provisioned
    before = provider.send("GET", f"/Users/{user}").json()
    told = {"schemas": [PATCH], "Operations": [OPERATIONS[operation]]}
    assert provider.send("PATCH", f"/Users/{user}", told).status_code in {200, 204, 400}
    after = provider.send("GET", f"/Users/{user}").json()
    assert {**after, "meta": None} == {**before, "meta": None}


CLAIMS: dict[str, dict[str, Any]] = {
    "an end before all time": {"exp": -(10**400)},
    "an end after all time": {"exp": 10**400},
    "a beginning before all time": {"iat": -(10**400)},
    "no number": {"exp": float("nan")},
    "less than any number": {"iat": float("-inf")},
    "an audience by name": {"aud": {}},
    "lists of lists": {"aud": [[]]},
    "an issuer of another kind": {"iss": []},
    "events of another kind": {"events": [1]},
    "a session of another kind": {"sid": 5},
}


@pytest.mark.parametrize("claims", CLAIMS)
def test_a_logout_token_of_odd_claims_is_refused(stage: Stage, claims: str) -> None:
    sso = stage.sso
    token = sso.provider.logout_token(**CLAIMS[claims])
    assert Client().post(f"{sso.base}/backchannel-logout", {"logout_token": token}).status_code == 400


@pytest.mark.parametrize("token", ASSERTIONS)
def test_a_logout_token_that_is_none_is_refused(stage: Stage, token: str) -> None:
    said = {"logout_token": ASSERTIONS[token]}
    assert Client().post(f"{stage.sso.base}/backchannel-logout", said).status_code == 400


KEY_SETS: dict[str, Any] = {
    "deep": b"[" * 60_000,
    "no UTF-8": b'{"keys":"\xff"}',
    "a list": [],
    "no keys": {"keys": None},
    "a kind of another kind": {"keys": [{"kty": []}]},
    "a use of another kind": {"keys": [{"kty": "RSA", "use": {}}]},
    "a number of another kind": {"keys": [{"kty": "RSA", "n": 5, "e": "AQAB"}]},
    "an empty number": {"keys": [{"kty": "RSA", "n": "", "e": ""}]},
    "half a key": {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]},
    "an unknown curve": {"keys": [{"kty": "EC", "crv": "x", "x": "", "y": ""}]},
}


@pytest.mark.parametrize("keys", KEY_SETS)
def test_a_key_set_that_is_none_verifies_nothing(stage: Stage, keys: str) -> None:
    place = f"/{unique('keys')}"
    stage.host.says(place, KEY_SETS[keys])
    with pytest.raises(TokenRefused):
        verified(stage.sso.provider.logout_token(), jwks_uri=f"{stage.host.origin}{place}", algorithms={"RS256"})


type Publishes = Callable[[Desk], object]
DISCOVERIES: dict[str, Publishes] = {
    "deep": lambda sso: sso.provider.says("/.well-known/openid-configuration", b"[" * 60_000),
    "no UTF-8": lambda sso: sso.provider.says("/.well-known/openid-configuration", b'{"issuer":"\xff"}'),
    "a list": lambda sso: sso.provider.says("/.well-known/openid-configuration", []),
    "an issuer of another kind": lambda sso: sso.provider.publishes(issuer=5),
    "another issuer": lambda sso: sso.provider.publishes(issuer="https://other.example"),
    "an endpoint of another kind": lambda sso: sso.provider.publishes(authorization_endpoint=5),
    "a script for an endpoint": lambda sso: sso.provider.publishes(authorization_endpoint="javascript:alert(1)"),
    "half an address": lambda sso: sso.provider.publishes(userinfo_endpoint="https://[::1"),
    "only algorithms that are none": lambda sso: sso.provider.publishes(
        id_token_signing_alg_values_supported=["none", "HS256"]
    ),
}


@pytest.mark.parametrize("document", DISCOVERIES)
def test_a_discovery_document_that_is_none_is_not_believed(cast: Cast, sso: Desk, document: str) -> None:
    DISCOVERIES[document](sso)
    with pytest.raises(Refused):
        _configured(cast, sso)


def test_what_no_row_can_hold_is_left_out_of_a_discovery_document(cast: Cast, sso: Desk) -> None:
    sso.provider.publishes(token_endpoint_auth_methods_supported=["\0", "client_secret_post"])
    config = _configured(cast, sso).config
    assert list(config["provider"]["auth_methods"]) == ["client_secret_post"]


def _configured(cast: Cast, sso: Desk) -> Any:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        made = connection_create(actor=actor, name=unique("idp"), kind="oidc")
    return connection_configure(by=configurer(actor), connection_id=made.pk, draft=sso.provider.draft)
