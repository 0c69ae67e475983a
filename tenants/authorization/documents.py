"""Client ID metadata documents: a client whose name is the https URL of what it says of itself.

The document is fetched through the outbound door, without redirects and in small, and believed for as long as its
headers say, within bounds (draft-ietf-oauth-client-id-metadata-document).
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.base import invalid_error_characters
from django.utils import timezone

from core.foreign_json import NotAnObject, foreign_object
from core.outbound import Client, FetchFailed, Limits, Response, fetch
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.authorization import keys_of_clients, pace
from tenants.authorization.clients import KnownClient, stored_client
from tenants.authorization.descriptions import BY_DOCUMENT, description_of
from tenants.authorization.policies import allows_host, policy_of
from tenants.models import AuthMethod, ClientKind, McpClient
from tenants.models.authorization import LONGEST_CLIENT_ID
from tenants.vault.oauth.failures import OAuthFailed
from tenants.vault.oauth.running import with_provider

SCHEME = "https://"
LIMITS = Limits(seconds=5.0, response_bytes=5 * 1024, redirects=0)
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=1)
PER_TENANT, WINDOW_SECONDS = 60, 600
MAXIMUM_CLIENTS = 2_000
METHODS = frozenset({AuthMethod.NONE, AuthMethod.SIGNED})
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=([0-9]{1,9})(?:$|[\s,])", re.IGNORECASE)


class DocumentRefused(OAuth2Error):
    """A client's document is not there, or does not describe it."""

    error = "invalid_client"

    def __init__(self, sentence: str) -> None:
        wrong = invalid_error_characters(sentence)
        super().__init__("".join(" " if character in wrong else character for character in sentence)[:300])


class DocumentAway(DocumentRefused):
    """The document could not be had just now."""


def known_client(tenant_id: UUID, client_id: str, *, renew: bool) -> KnownClient | None:
    """A client of the tenant, its document read where that is due; None for an unknown one.

    Without `renew` a client whose document cannot be had just now is as it was known: it was let in before.
    Opens contexts of its own, and fetches between them. Raises DocumentRefused.
    """
    stored = stored_client(tenant_id, client_id)
    if not client_id.startswith(SCHEME):
        return stored
    _require_allowed(tenant_id, client_id)
    if stored is not None and stored.row.fresh_until is not None and stored.row.fresh_until > timezone.now():
        return stored
    try:
        return _renewed(tenant_id, client_id)
    except DocumentAway:
        if renew or stored is None:
            raise
        return stored


def _renewed(tenant_id: UUID, client_id: str) -> KnownClient:
    if not pace.is_within("document", str(tenant_id), most=PER_TENANT, seconds=WINDOW_SECONDS):
        raise DocumentAway("Too many documents of clients are asked for. Try again later.")
    response = _fetched(client_id)
    described = _described(client_id, response)
    with tenant_context(tenant_id):
        _require_room(client_id)
        row, _made = McpClient.objects.update_or_create(
            client_id=client_id,
            defaults=described | {"fresh_until": _fresh_until(response)},
            create_defaults=described
            | {"fresh_until": _fresh_until(response), "tenant_id": tenant_id, "kind": ClientKind.DOCUMENT},
        )
    return KnownClient(row)


def _require_allowed(tenant_id: UUID, client_id: str) -> None:
    """Raises DocumentRefused for a URL that is none of a document (section 3 of the draft), and for a host denied."""
    try:
        parts = urlsplit(client_id)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise DocumentRefused("The client_id is not a valid URL.") from None
    steps = parts.path.split("/")
    is_plain = len(client_id) <= LONGEST_CLIENT_ID and "@" not in parts.netloc and "#" not in client_id
    if not (host and is_plain and parts.path not in {"", "/"}) or {".", ".."} & set(steps):
        raise DocumentRefused("A client_id that is a URL has a host and a path, and neither user nor fragment.")
    with tenant_context(tenant_id):
        if not allows_host(policy_of(tenant_id), host):
            raise DocumentRefused("Clients of this host are not let in here.")


def _fetched(client_id: str) -> Response:
    async def read(client: Client) -> Response:
        return await fetch(client, "GET", client_id, headers={"Accept": "application/json"}, limits=LIMITS)

    try:
        response = with_provider(read, LIMITS.seconds * 2)
    except (FetchFailed, Refused, OAuthFailed) as failed:
        raise DocumentAway(f"The document of the client cannot be read: {failed}") from None
    if response.status != 200:
        raise DocumentAway(f"The document of the client is not there: {response.status}.")
    return response


def _described(client_id: str, response: Response) -> dict[str, Any]:
    """What the document says, as a row has it. Raises DocumentRefused."""
    said = _object(response)
    if said.get("client_id") != client_id:
        raise DocumentRefused("The document is another client's: its client_id is not its address.")
    if not said.get("client_name") or "client_secret" in said:
        raise DocumentRefused("The document needs a client_name, and holds no secret.")
    try:
        described = description_of(said, default_method=AuthMethod.NONE, methods=METHODS, grants=BY_DOCUMENT)
    except OAuth2Error as error:
        raise DocumentRefused(f"The document does not do: {error.get_error_description()}") from None
    return {
        "name": described.name,
        "redirect_uris": described.redirect_uris,
        "grant_types": described.grant_types,
        "auth_method": described.auth_method,
        **_keys(said, described.auth_method),
    }


def _keys(said: Mapping[str, Any], method: AuthMethod) -> dict[str, Any]:
    if method != AuthMethod.SIGNED:
        return {"jwks": None, "jwks_uri": ""}
    if problem := keys_of_clients.problem(said.get("jwks"), said.get("jwks_uri", "")):
        raise DocumentRefused(f"The document does not do: {problem}")
    return {"jwks": said.get("jwks"), "jwks_uri": said.get("jwks_uri", "")}


def _object(response: Response) -> dict[str, Any]:
    kind = (response.header("content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise DocumentRefused("The document of the client is not JSON by its content type.")
    try:
        return foreign_object(response.body)
    except NotAnObject:
        raise DocumentRefused("The document of the client is not a JSON object.") from None


def _fresh_until(response: Response) -> datetime:
    """As its Cache-Control says (RFC 9111 section 4.2.1), never so short that each request fetches, nor for ever."""
    control = response.header("cache-control") or ""
    found = _MAX_AGE.search(control)
    said = timedelta(seconds=int(found[1])) if found and "no-store" not in control.lower() else SHORTEST
    return timezone.now() + min(max(said, SHORTEST), LONGEST)


def _require_room(client_id: str) -> None:
    known = McpClient.objects.filter(kind=ClientKind.DOCUMENT)
    if known.count() < MAXIMUM_CLIENTS or known.filter(client_id=client_id).exists():
        return
    known.filter(grants=None, fresh_until__lt=timezone.now()).delete()
    if known.count() >= MAXIMUM_CLIENTS:
        raise DocumentRefused("Too many clients are known here.")
