"""Grants: what a person let a client do. Made, looked for, used and ended; each inside the tenant's context."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from authlib.oauth2.rfc6749 import InvalidGrantError
from django.db.models import QuerySet
from django.utils import timezone

from tenants.authorization import people, scopes, tokens
from tenants.authorization.clients import KnownClient, note_use
from tenants.authorization.cutoffs import cut_off
from tenants.authorization.resources import Resource
from tenants.models import ClientGrant, GrantOrigin, User

LIFETIME = timedelta(days=60)  # from the last use: a client that stays away longer asks anew
MOST_ALIVE = 20  # of one person, client and endpoint: logins on several machines
TWICE = "something that may be used once was used twice"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a client is let do, and where."""

    scope: str
    resource: Resource
    redirect_uri: str = ""
    origin: GrantOrigin = GrantOrigin.CONSENT
    by_sso: bool = False


def grant_open(*, tenant_id: UUID, client: KnownClient, user: User, terms: Terms) -> ClientGrant:
    """A new grant; beyond MOST_ALIVE the oldest like it ends."""
    for older in alike(client, user.pk, terms.resource.endpoint_id)[MOST_ALIVE - 1 :]:
        grant_end(older, "newer logins took its place")
    return ClientGrant.objects.create(
        tenant_id=tenant_id,
        client=client.row,
        user=user,
        origin=terms.origin,
        endpoint=terms.resource.endpoint_id,
        resource=terms.resource.url,
        scopes=terms.scope,
        redirect_uri=terms.redirect_uri,
        by_sso=terms.by_sso,
        expires_at=timezone.now() + LIFETIME,
    )


def grant_end(grant: ClientGrant, reason: str) -> None:
    """Ends a grant: its codes, its refresh tokens, and within a second its access tokens at every worker."""
    changed = ClientGrant.objects.filter(pk=grant.pk, revoked_at=None)
    if changed.update(revoked_at=timezone.now(), revoked_reason=reason):
        cut_off(grant.tenant_id, f"grant:{grant.pk}", reason)


def grants_end_at(*, tenant_id: UUID, origin: str, reason: str) -> None:
    """Ends every grant for a resource at a URL's origin."""
    for grant in ClientGrant.objects.filter(tenant_id=tenant_id, revoked_at=None, resource__startswith=f"{origin}/"):
        grant_end(grant, reason)


def alive() -> QuerySet[ClientGrant]:
    """Grants that were not revoked and have not run out, the newest first."""
    return ClientGrant.objects.filter(revoked_at=None, expires_at__gt=timezone.now()).order_by("-created_at", "pk")


def alike(client: KnownClient, user_id: UUID, endpoint_id: UUID) -> QuerySet[ClientGrant]:
    """What a person lets a client do at an endpoint, the newest first."""
    return alive().filter(client=client.row, user_id=user_id, endpoint=endpoint_id)


def is_remembered(client: KnownClient, user: User, terms: Terms) -> bool:
    """Whether the person has allowed the same before, back to the same place.

    Never for a client that anything on a person's machine could claim to be: it would come in without a question.
    """
    if client.asks_always and not terms.redirect_uri.startswith("https://"):
        return False
    said = alike(client, user.pk, terms.resource.endpoint_id).filter(
        redirect_uri=terms.redirect_uri, origin=GrantOrigin.CONSENT
    )
    return any(scopes.covers(grant.scopes, terms.scope) for grant in said)


def token_answer(grant: ClientGrant, client: KnownClient, asked: str = "", refresh_token: str = "") -> dict[str, Any]:
    """The token response of a grant in use, with the scopes that its person can still give.

    `asked` narrows them. Raises InvalidGrantError for a person who left, or who can give nothing of it any more.
    """
    scope = scopes.within(asked or grant.scopes, people.most_of(grant.user_id))
    if not scope:
        raise InvalidGrantError("The person who granted this can do so no more.")
    now = timezone.now()
    ClientGrant.objects.filter(pk=grant.pk).update(last_used_at=now, expires_at=now + LIFETIME)
    note_use(client.row)
    issue = tokens.Issue(
        tenant_id=grant.tenant_id,
        subject=str(grant.user_id),
        client_id=client.get_client_id(),
        scope=scope,
        resource=grant.resource,
        endpoint_id=grant.endpoint,
        grant=str(grant.pk),
        proof_key=client.proof_key,
    )
    return tokens.answered(issue, refresh_token)
