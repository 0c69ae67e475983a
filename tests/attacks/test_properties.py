"""Whatever arrives, a parser answers or refuses in its own words: found by hypothesis, the same examples each time.

FUZZ_EXAMPLES says how many examples of each kind; `make fuzz` asks for many.
"""

import time
from collections.abc import Callable
from typing import Any

import pytest
from authlib.oauth2 import OAuth2Error
from hypothesis import given
from hypothesis import strategies as st

from console.client_addresses import address_behind_proxies
from core.foreign_json import NotAnObject, foreign_object
from core.networks import Networks, client_of
from core.outbound import Policy
from core.refusals import Refused
from mcp_runtime.protocol.headers import RequestHeaders
from mcp_runtime.transports.guards import Guards
from tenants.authorization import redirects, scopes
from tenants.authorization.asked import single
from tenants.authorization.assertions import named_in
from tenants.authorization.descriptions import description_of
from tenants.authorization.gate import Trusted
from tenants.authorization.jose import BadKey, public_key
from tenants.authorization.keys_of_clients import problem
from tenants.authorization.proofs import BadProof, proof_read
from tenants.authorization.trusted import TokenRefused, issuer_named, keys_of, principal_name, said_by
from tenants.domain_proof import normal_domain
from tenants.hosts.addressing import at
from tenants.hosts.names import claimable
from tenants.models import AuthMethod
from tenants.sso.checks import groups_of, shown
from tenants.sso.domains import domain_of
from tenants.sso.oidc.metadata import checked as openid_checked
from tenants.sso.oidc.metadata import provider_host
from tenants.sso.saml.config import provider_checked
from tenants.sso.saml.documents import BadDocument, decoded, inflated, parsed, require_moments, require_plain_signatures
from tenants.sso.saml.keys import BadCertificate, certificate_text
from tenants.sso.saml.metadata import provider_in
from tenants.vault.oauth.failures import MetadataRefused
from tenants.vault.oauth.metadata import checked as server_checked
from tests.attacks.shapes import CLAIMED, DEEP_JSON, JSON, KEYS, TEXTS, examples, mutations, said, understood, written
from tests.proving import Prover, signed
from tests.saml_messages import PAIR, Response, metadata

DESCRIBED = ["client_name", "redirect_uris", "grant_types", "response_types", "token_endpoint_auth_method"]
RESPONSE = Response(acs="https://a.example/acs", audience="https://a.example", name_id="dora@a.example").xml()
METADATA = metadata(PAIR)
ISSUER, URL = "https://idp.example/a", "https://mcp.example/t/acme/tools/mcp"
PROVER = Prover()
CLAIMS = ["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "scope", "groups", "email", "email_verified", "cnf", "roles",
          "nonce", "at_hash", "events", "htm", "htu", "ath"]  # fmt: skip
HEADER = ["typ", "alg", "kid", "jwk", "crit", "b64", "x5c", "jku", "zip", "cty"]
DISCOVERED = [
    "issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint",
    "id_token_signing_alg_values_supported", "token_endpoint_auth_methods_supported", "scopes_supported",
    "code_challenge_methods_supported", "authorization_response_iss_parameter_supported", "registration_endpoint",
]  # fmt: skip
GUARDS = Guards("https://mcp.example", [], proxies=1, domain="tenants.example")


def _response(xml: str) -> None:
    root = parsed(xml.encode("utf-8", "replace"))
    require_moments(root)
    require_plain_signatures(root)


def _metadata(xml: str) -> None:
    provider_checked(provider_in(xml.encode("utf-8", "replace")))


def _described(said: dict[str, Any]) -> None:
    description_of(said, default_method=AuthMethod.NONE, methods=frozenset(AuthMethod))


def _redirect(text: str) -> None:
    if not redirects.problem(text):
        assert redirects.destination(text)
        assert redirects.matches(text, text)


def _discovered(document: dict[str, Any]) -> None:
    whole = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "jwks_uri": f"{ISSUER}/jwks",
        "code_challenge_methods_supported": ["S256"],
    } | (understood(document) or {})
    assert provider_host(openid_checked(whole, ISSUER, Policy()))
    server_checked(whole, ISSUER, Policy())


def _token(parts: tuple[dict[str, Any], dict[str, Any]]) -> str:
    """A token with these in header and claims beside what is right, signed by the key that it should be."""
    now = int(time.time())
    header = {"typ": "at+jwt", "alg": "ES256", "kid": "one"} | (understood(parts[0]) or {})
    claims = {"iss": ISSUER, "sub": "x", "aud": URL, "exp": now + 60, "scope": "mcp:call", "htm": "POST", "htu": URL}
    whole = claims | {"iat": now, "jti": "x"} | parts[1]
    return signed(header, written(whole).encode(), PROVER.key)


def _trusted(token: str) -> None:
    issuer_named(token)
    for people in ("external", "sso", "email"):
        key = {**PROVER.key.as_dict(private=False), "kid": "one"}
        trusted = Trusted(
            "id", 1, ISSUER, keys=[key], algorithms=["ES256"], takes_plain=True, people=people, groups_claim="groups",
            groups={"a": "b"}, scope_claim="roles", default_scope="mcp:call",
        )  # fmt: skip
        found = said_by(token, trusted, keys_of([key]), is_address=lambda url: url == URL, now=time.time())
        principal_name(found).encode()


def _proof(token: str) -> None:
    proof_read(token, method="POST", url=URL, now=time.time())


def _proved(parts: tuple[dict[str, Any], dict[str, Any]]) -> None:
    jwk = PROVER.key.as_dict(private=False)
    _proof(_token(({"typ": "dpop+jwt", "jwk": jwk} | parts[0], parts[1])))


def _key(jwk: dict[str, Any]) -> None:
    known = understood(jwk) or {}
    problem({"keys": [known]}, "")
    keys_of([known])
    public_key(known)


def _forwarded(text: str) -> None:
    address_behind_proxies(text, text)
    for proxies in (0, 1, 3):
        assert not Networks.of(["192.0.2.0/24"]).admit(client_of(text, text, proxies))
    Networks.of([text])


def _host(name: bytes) -> None:
    headers = RequestHeaders([(b"host", name), (b"content-type", name)])
    GUARDS.target("POST", headers, "/mcp")


def _scopes(text: str) -> None:
    understood = scopes.understood(text)
    scopes.in_words(understood)
    assert scopes.covers("mcp:call", scopes.within(text, "mcp:call"))


def _name(text: str) -> None:
    for is_tenants in (True, False):
        at(text, is_tenants=is_tenants)
    claimable(text)


def _claim(value: Any) -> None:
    known = understood(value)
    groups_of(known)
    assert shown(known).isprintable()


TOKENS = st.tuples(said(HEADER), said(CLAIMS, CLAIMED))
TOKEN = _token(({}, {}))
URLS = mutations(ISSUER, "http://localhost/", "https://[::1]:8443/x?y#z")
FORWARDED = mutations("203.0.113.7, 2001:db8::1%eth0", "::ffff:1.2.3.4/120")
NAMES = mutations("mcp.acme.example", "xn--bcher-kva.example", "/weather/preview/mcp")
HOSTS = st.binary(max_size=40) | mutations("mcp.example:443", "acme.tenants.example.", "[::1]:80").map(
    lambda text: text.encode("utf-8", "replace")
)


type Check = Callable[[Any], object]
CHECKS: dict[str, tuple[Check, st.SearchStrategy[Any], tuple[type[Exception], ...]]] = {
    "SAML responses": (_response, mutations(RESPONSE), (BadDocument,)),
    "SAML metadata": (_metadata, mutations(METADATA), (BadDocument, Refused)),
    "form fields of SAML": (decoded, TEXTS, (BadDocument,)),
    "queries of SAML": (inflated, TEXTS, (BadDocument,)),
    "certificates": (certificate_text, mutations(PAIR.certificate), (BadCertificate,)),
    "registrations": (_described, st.dictionaries(st.sampled_from(DESCRIBED), JSON), (OAuth2Error,)),
    "redirects": (_redirect, TEXTS, ()),
    "parameters": (single, st.dictionaries(TEXTS, st.lists(TEXTS, min_size=1, max_size=2)), (OAuth2Error,)),
    "assertions": (named_in, TEXTS | TOKENS.map(_token) | mutations(TOKEN), ()),
    "keys of clients": (lambda said: problem({"keys": said}, ""), JSON, ()),
    "keys": (_key, KEYS, (BadKey,)),
    "tokens of trusted issuers": (_trusted, TOKENS.map(_token) | mutations(TOKEN) | TEXTS, (TokenRefused,)),
    "proofs": (_proof, mutations(TOKEN) | TEXTS, (BadProof,)),
    "proofs of any claims": (_proved, TOKENS, (BadProof,)),
    "discovery documents": (_discovered, said(DISCOVERED, URLS | DEEP_JSON), (MetadataRefused,)),
    "claims that are shown": (_claim, DEEP_JSON, ()),
    "addresses behind proxies": (_forwarded, FORWARDED, (ValueError,)),
    "hosts": (_host, HOSTS, (Refused,)),
    "names of hosts": (_name, NAMES | TEXTS, (Refused,)),
    "scopes": (_scopes, mutations("mcp:call mcp:read") | TEXTS, ()),
    "domains": (lambda text: (normal_domain(text), domain_of(text)), TEXTS, ()),
    "JSON of others": (foreign_object, st.binary(max_size=60), (NotAnObject,)),
}


@pytest.mark.parametrize("kind", CHECKS)
def test_a_parser_answers_or_refuses_in_its_own_words(kind: str) -> None:
    check, inputs, refusals = CHECKS[kind]

    def tried(value: Any) -> None:
        try:
            check(value)
        except refusals:
            return

    examples()(given(inputs)(tried))()
