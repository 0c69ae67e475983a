"""Keys of trusted issuers: fetched through the outbound door, kept while they cannot be, published to the workers."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from core.outbound import Client
from core.tenancy import tenant_context
from tenants.authorization.jose import BadKey, public_key
from tenants.authorization.publishing import gate_publish
from tenants.authorization.trusted import MAXIMUM_KEYS
from tenants.models import IssuerWatch, TrustedIssuer
from tenants.vault.oauth.exchanging import host_of, read_document, require_secure
from tenants.vault.oauth.failures import MetadataRefused, OAuthFailed
from tenants.vault.oauth.metadata import places
from tenants.vault.oauth.running import with_provider

FRESH = timedelta(minutes=10)
RETRY = timedelta(minutes=1)
# Whoever takes an issuer has so long; after that another does.
LEASE = timedelta(seconds=60)
AT_ONCE = 20
_TAKE = """
    WITH due AS (
        SELECT issuer_id FROM tenants_issuerwatch WHERE wake_at <= statement_timestamp()
        ORDER BY wake_at LIMIT %s FOR UPDATE SKIP LOCKED
    )
    UPDATE tenants_issuerwatch watch SET wake_at = statement_timestamp() + %s * interval '1 second',
        looked_at = statement_timestamp()
    FROM due WHERE watch.issuer_id = due.issuer_id RETURNING watch.tenant_id, watch.issuer_id
"""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an issuer's key set came to: public keys, or in `error` a sentence that says why there are none."""

    keys: list[dict[str, Any]]
    error: str = ""


def keys_fetched(issuer: str, jwks_url: str) -> Fetched:
    """The keys of an issuer, at `jwks_url` or where its metadata say. Never inside a transaction."""

    async def fetch(client: Client) -> dict[str, Any] | None:
        return await read_document(client, jwks_url or await _discovered(client, issuer), "key set")

    try:
        document = with_provider(fetch)
    except OAuthFailed as failed:
        return Fetched([], str(failed)[:500])
    found = [] if document is None else _usable(document.get("keys"))
    return Fetched(found, "" if found else "There is no key for signatures that can be read at that address.")


def keys_refresh() -> int:
    """Looks at the keys of all issuers whose turn it is; how many. Opens contexts of its own."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [AT_ONCE, LEASE.total_seconds()])
        due = cursor.fetchall()
    for tenant_id, issuer_id in due:
        keys_renew(tenant_id, issuer_id)
    return len(due)


def keys_renew(tenant_id: UUID, issuer_id: UUID) -> bool:
    """Looks at one issuer's keys; whether they could be read. Opens contexts of its own."""
    with tenant_context(tenant_id):
        row = TrustedIssuer.objects.filter(pk=issuer_id).first()
    if row is None:
        IssuerWatch.objects.filter(pk=issuer_id).delete()
        return False
    fetched = keys_fetched(row.issuer, row.jwks_url)
    with tenant_context(tenant_id):
        keys_keep(issuer_id, fetched)
    wake_at = timezone.now() + (RETRY if fetched.error else FRESH)
    IssuerWatch.objects.filter(pk=issuer_id).update(wake_at=wake_at)
    return not fetched.error


def keys_keep(issuer_id: UUID, fetched: Fetched) -> None:
    """Stores what was fetched, and tells the workers where that is something else; runs inside the tenant's context.

    Keys that could not be fetched again stay as they were last known.
    """
    row = TrustedIssuer.objects.select_for_update().filter(pk=issuer_id).first()
    if row is None:
        return
    changed = not fetched.error and row.keys != fetched.keys
    row.last_error = fetched.error
    if not fetched.error:
        row.keys, row.fetched_at = fetched.keys, timezone.now()
    row.save(update_fields=["last_error", "keys", "fetched_at"])
    if changed:
        gate_publish(row.tenant_id)


async def _discovered(client: Client, issuer: str) -> str:
    """Where an issuer's metadata say its keys are (RFC 8414, OpenID Connect Discovery). Raises OAuthFailed."""
    require_secure(issuer, client.policy, "issuer")
    for place in places(issuer):
        document = await read_document(client, place, "metadata")
        if document is None:
            continue
        if document.get("issuer") != issuer:
            raise MetadataRefused(
                f"The metadata of {host_of(issuer)} are another issuer's: compare them to the letter."
            )
        url = document.get("jwks_uri")
        if not isinstance(url, str):
            raise MetadataRefused(f"The metadata of {host_of(issuer)} name no key set (jwks_uri).")
        return require_secure(url, client.policy, "jwks_uri")
    raise MetadataRefused(f"{host_of(issuer)} publishes no metadata below that issuer. Name its key set's address.")


def _usable(keys: object) -> list[dict[str, Any]]:
    """The public keys for signatures, with what workers need of each."""
    return [_told(jwk) for jwk in (keys if isinstance(keys, list) else []) if _is_usable(jwk)][:MAXIMUM_KEYS]


def _told(jwk: dict[str, Any]) -> dict[str, Any]:
    names = ("kty", "crv", "x", "y", "n", "e", "kid", "alg", "use")
    return {name: jwk[name] for name in names if isinstance(jwk.get(name), str)}


def _is_usable(jwk: object) -> bool:
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
        return False
    try:
        public_key(_told(jwk))
    except BadKey:
        return False
    return True
