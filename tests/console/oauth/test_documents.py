"""Clients whose name is the address of their document: what is fetched, believed, and refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from tenants.authorization.policies import policy_set
from tenants.models import ClientKind, McpClient
from tests.conftest import Cast
from tests.console.oauth.document_host import DocumentHost, document_host
from tests.console.oauth.flows import Flow, error_of, returned


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DocumentHost]:
    """A host of documents."""
    with document_host(tmp_path, monkeypatch) as running:
        yield running


@pytest.fixture
def guest(cast: Cast, endpoint: Endpoint) -> Flow:
    """A client without a registration."""
    return Flow(cast.tenant, endpoint)


def test_a_client_is_known_by_its_document(guest: Flow, host: DocumentHost, person: Client) -> None:
    guest.client_id = host.describes()
    text = guest.asked(person).content.decode()
    assert "Let Described in?" in text
    assert guest.client_id in text
    tokens = guest.tokens(person)
    assert guest.claims(tokens["access_token"])["client_id"] == guest.client_id
    assert guest.refresh(tokens["refresh_token"]).status_code == 200
    assert len(host.asked) == 1, "what was read is believed for a while"
    said = guest.programs().get(f"{guest.base}/.well-known/openid-configuration").json()
    assert said["client_id_metadata_document_supported"] is True


def test_a_document_is_believed_as_long_as_its_headers_say_within_bounds(
    guest: Flow, host: DocumentHost, person: Client
) -> None:
    for control, low, high in (
        ("no-store", 200, 400),
        ("max-age=1", 200, 400),
        ("max-age=7200", 7000, 7300),
        ("max-age=999999999", 80_000, 90_000),
    ):
        guest.client_id = host.describes(headers={"Cache-Control": control})
        assert guest.asked(person).status_code == 200
        with guest.inside():
            row = McpClient.objects.get(client_id=guest.client_id)
        assert row.fresh_until is not None
        assert low < (row.fresh_until - row.created_at).total_seconds() < high


def test_an_old_document_is_read_again(guest: Flow, host: DocumentHost, person: Client) -> None:
    guest.client_id = host.describes()
    token = guest.tokens(person)["refresh_token"]
    path = guest.client_id.removeprefix(host.origin)
    with guest.inside():
        McpClient.objects.update(fresh_until="2020-01-01T00:00:00Z")
    host.says(path, b"{}")
    assert guest.asked(person).status_code == 400
    host.says(path, b"", 500)
    assert guest.refresh(token).status_code == 200, "who was let in is not put out by a host that is away"
    assert guest.asked(person).status_code == 400


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "https://localhost/other.json"},
        {"client_id": None},
        {"client_name": None},
        {"client_name": "x" * 200},
        {"redirect_uris": None},
        {"redirect_uris": ["javascript:alert(1)"]},
        {"redirect_uris": "https://app.example/callback"},
        {"client_secret": "ams_known_to_all"},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://localhost/keys"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}},
        {"response_types": ["token"]},
        {"padding": "x" * 6000},
    ],
)
def test_a_document_that_does_not_do_is_refused(
    guest: Flow, host: DocumentHost, person: Client, changed: dict[str, Any]
) -> None:
    guest.client_id = host.describes(**changed)
    answer = guest.asked(person)
    assert answer.status_code == 400
    assert "Location" not in answer
    with guest.inside():
        assert not McpClient.objects.exists()


def test_what_is_no_document_is_refused(guest: Flow, host: DocumentHost, person: Client) -> None:
    elsewhere = host.describes()
    for number, (status, body, headers) in enumerate(
        (
            (404, b"{}", {}),
            (500, b"{}", {}),
            (302, b"", {"Location": elsewhere}),
            (200, b"not json", {}),
            (200, b"[]", {}),
            (200, b"\xff\xfe", {}),
            (200, b"", {}),
            (200, b"{}", {"Content-Type": "text/html"}),
        )
    ):
        path = f"/wrong-{number}.json"
        host.says(path, body, status, headers)
        guest.client_id = host.origin + path
        assert guest.asked(person).status_code == 400
    assert elsewhere.removeprefix(host.origin) not in host.asked, "no redirect is followed"


def test_only_documents_at_public_addresses_are_fetched(guest: Flow, host: DocumentHost, person: Client) -> None:
    port = host.origin.rpartition(":")[2]
    for url in (
        f"http://localhost:{port}/client.json",
        "https://127.0.0.1:1/client.json",
        f"https://127.0.0.1:{port}/client.json",
        f"https://[::1]:{port}/client.json",
        f"https://[::ffff:127.0.0.1]:{port}/client.json",
        f"https://0.0.0.0:{port}/client.json",
        f"https://2130706433:{port}/client.json",
        f"https://0x7f000001:{port}/client.json",
        f"https://127.1:{port}/client.json",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/client.json",
        "https://[fd00::1]/client.json",
        "https://[64:ff9b::7f00:1]/client.json",
        "https://metadata.google.internal/client.json",
        f"https://user@localhost:{port}/client.json",
        f"https://localhost:{port}",
        f"https://localhost:{port}/",
        f"https://localhost:{port}/client.json#here",
        f"https://localhost:{port}/a/../client.json",
        f"https://localhost:{port}/" + "a" * 300,
        "https://localhost:22/client.json",
        "https:///client.json",
        "https://[",
        "file:///etc/passwd",
        "ftp://localhost/client.json",
    ):
        guest.client_id = url
        assert guest.asked(person).status_code == 400, url
    assert not host.asked


def test_a_tenant_says_whose_documents_count(guest: Flow, host: DocumentHost, person: Client, cast: Cast) -> None:
    guest.client_id = host.describes()
    actor = cast.acting(cast.alice)

    def says(*, allowed: list[str], denied: list[str]) -> int:
        with tenant_context(cast.tenant.pk):
            policy_set(actor=actor, dynamic_registration=True, allowed_hosts=allowed, denied_hosts=denied)
        return int(guest.asked(person).status_code)

    assert says(allowed=["*.example.com"], denied=[]) == 400
    assert says(allowed=[], denied=["localhost"]) == 400
    assert says(allowed=["localhost"], denied=["localhost"]) == 400
    assert not host.asked
    assert says(allowed=["localhost"], denied=[]) == 200
    token = guest.tokens(person)["refresh_token"]
    assert says(allowed=[], denied=["localhost"]) == 400
    assert error_of(guest.refresh(token)) == "invalid_client"


def test_a_document_of_one_tenant_is_none_of_anothers(
    guest: Flow, host: DocumentHost, person: Client, cast: Cast
) -> None:
    guest.client_id = host.describes()
    guest.tokens(person)
    with tenant_context(cast.elsewhere.pk):
        assert not McpClient.objects.exists()
    with guest.inside():
        assert McpClient.objects.get().kind == ClientKind.DOCUMENT


def test_nobody_has_a_document_fetched_before_signing_in(guest: Flow, host: DocumentHost) -> None:
    guest.client_id = host.describes()
    assert guest.asked(Client()).status_code == 302
    assert not host.asked


def test_a_public_document_on_this_machine_always_asks(guest: Flow, host: DocumentHost, person: Client) -> None:
    guest.redirect_uri = "http://127.0.0.1:4000/callback"
    guest.client_id = host.describes(redirect_uris=["http://127.0.0.1/callback"])
    guest.tokens(person)
    assert guest.asked(person).status_code == 200


def test_a_redirect_that_the_document_does_not_name_is_refused(guest: Flow, host: DocumentHost, person: Client) -> None:
    guest.client_id = host.describes()
    assert guest.asked(person, redirect_uri="https://evil.example/callback").status_code == 400
    assert returned(guest.asked(person, scope="none"), guest.redirect_uri)["error"] == "invalid_scope"
