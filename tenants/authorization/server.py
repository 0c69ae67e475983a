"""Authlib's authorization server for one request: its tenant, its resources, and its client, who is known already."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import AuthorizationServer

from tenants.authorization.asked import Asked
from tenants.authorization.client_grant import ClientGrantType
from tenants.authorization.clients import KnownClient
from tenants.authorization.code_grant import CodeGrant, ProofKey
from tenants.authorization.device_grant import DeviceAuthorization, DeviceGrant
from tenants.authorization.exchange_grant import ExchangeGrant
from tenants.authorization.id_jag import AssertionGrant
from tenants.authorization.issuers import issuer_of
from tenants.authorization.refresh_grant import RefreshGrant
from tenants.authorization.resources import Resources
from tenants.authorization.revoking import Introspection, Revocation

FOUND = 302


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: a JSON object, or with a Location where the browser goes."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def location(self) -> str:
        """Where the browser is sent; empty for nowhere."""
        return self.headers.get("Location", "")


class Server(AuthorizationServer):
    """The server of one tenant, inside its context. `client` has proved who it is wherever that is asked for."""

    def __init__(self, tenant_id: UUID, resources: Resources, client: KnownClient | None) -> None:
        super().__init__()
        self.tenant_id = tenant_id
        self.resources = resources
        self.client = client
        self.register_grant(CodeGrant, [ProofKey(required=True)])
        self.register_grant(RefreshGrant)
        self.register_grant(ClientGrantType)
        self.register_grant(DeviceGrant)
        self.register_grant(ExchangeGrant)
        self.register_grant(AssertionGrant)
        # Authlib's own, which it forgot to derive from its own Endpoint.
        self.register_endpoint(DeviceAuthorization)  # type: ignore[arg-type]
        self.register_endpoint(Revocation)
        self.register_endpoint(Introspection)

    def query_client(self, client_id: str) -> KnownClient | None:
        """The client, where it is the one that was found before."""
        return self.client if self.client is not None and self.client.get_client_id() == client_id else None

    def authenticate_client(self, request: Asked, methods: list[str], endpoint: str = "token") -> KnownClient:
        """The client, who proved it before the tenant's context was opened: that may take a fetch."""
        del request, methods, endpoint
        assert self.client is not None  # noqa: S101  nobody comes here unproven
        return self.client

    def save_token(self, token: dict[str, Any], request: Asked) -> None:
        """Nothing: each grant has stored the digests of what it issued."""

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: Asked) -> Asked:
        """It is one already."""
        return request

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Answer:
        """The answer; a redirect back to a client says who sends it (RFC 9207), errors too."""
        named = dict(headers)
        if status == FOUND and "Location" in named:
            named["Location"] = add_params_to_uri(named["Location"], [("iss", issuer_of(self.tenant_id))])
        return Answer(status, dict(body) if body else {}, named)
