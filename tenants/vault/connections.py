"""Connections: make, choose, and get tokens for those that need nobody's login.

These services ask providers and so open contexts of their own, except those whose docstring says otherwise.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from core import refusals
from core.envelope import Keyring
from core.outbound import Client
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import Actor, Permission
from tenants.models import Connection, ConnectionState, GrantType
from tenants.validation import cleaned, refused_fields
from tenants.vault.clients import client_at, client_renewed, provider_of, registration_of
from tenants.vault.keyrings import keyring_for_opening, keyring_for_sealing
from tenants.vault.oauth.discovery import Protected, discovered, known
from tenants.vault.oauth.failures import OAuthFailed
from tenants.vault.oauth.registration import Registration, Way
from tenants.vault.oauth.running import with_provider
from tenants.vault.oauth.scopes import united
from tenants.vault.oauth.tokens import TokenSet, by_client, by_exchange
from tenants.vault.token_sets import tokens_of, tokens_stored

MAXIMUM_CONNECTIONS = 1_000  # of one tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionDraft:
    """What is to be connected: `holder` is an upstream's id, `url` what asks for tokens, `destination` where they go.

    With `issuer`, that provider is used and `url` is not asked: for APIs that do not say who issues their tokens. A
    `personal` connection is the actor's alone. `subject` is the connection whose token is exchanged.
    """

    holder: UUID
    url: str
    destination: str
    label: str = ""
    personal: bool = False
    grant_type: str = GrantType.CODE
    scopes: str = ""
    subject: UUID | None = None
    entered: Registration | None = None
    challenge: str = ""
    issuer: str = ""


def connection_create(*, actor: Actor, draft: ConnectionDraft) -> Connection:
    """Finds the provider, registers there where needed, and makes the connection; tokens come with a login.

    For grants without a login they come at once. Raises Refused: INVALID_INPUT, CONFLICT, LIMIT_REACHED,
    PROVIDER_REFUSED with what the provider or its metadata are refused for, PERMISSION_DENIED.
    """
    owner = _owner(actor, draft)
    require_managing(actor, owner)
    _require_consistent(draft)
    try:
        protected = with_provider(lambda http: _protected(http, draft))
        client_id = client_at(actor=actor, protected=protected, entered=draft.entered)
    except OAuthFailed as failed:
        raise Refused(refusals.PROVIDER_REFUSED, str(failed)) from None
    with tenant_context(actor.tenant.id):
        connection = _made(actor, draft, protected, client_id, owner)
    if draft.grant_type != GrantType.CODE:
        connection_obtain(actor=actor, connection_id=connection.pk)
    with tenant_context(actor.tenant.id):
        return connection_for(actor=actor, connection_id=connection.pk)


def connection_obtain(*, actor: Actor, connection_id: UUID) -> None:
    """Gets tokens by a grant that needs no login. Raises Refused: PROVIDER_REFUSED; CONFLICT for one that needs it."""
    with tenant_context(actor.tenant.id):
        connection = connection_for(actor=actor, connection_id=connection_id)
        act = _grant(connection, keyring_for_opening(actor.tenant.id))
    try:
        got = with_provider(act)
    except OAuthFailed as failed:
        raise Refused(refusals.PROVIDER_REFUSED, str(failed)) from None
    with tenant_context(actor.tenant.id):
        keyring = keyring_for_sealing(actor.tenant.id)
        connection = connection_for(actor=actor, connection_id=connection_id)
        tokens_stored(keyring, connection, got, actor.user)


def connection_register(*, actor: Actor, connection_id: UUID) -> None:
    """Registers anew at a connection's provider, which forgot us; what else is connected there needs a login then.

    Raises Refused: NOT_FOUND, PERMISSION_DENIED; CONFLICT for a client that somebody entered; PROVIDER_REFUSED.
    """
    with tenant_context(actor.tenant.id):
        connection = connection_for(actor=actor, connection_id=connection_id)
        actor.require(Permission.EDIT_ENDPOINTS)
        if connection.client.way != Way.DYNAMIC:
            raise Refused(refusals.CONFLICT, "This client was registered by somebody: enter what came of it anew.")
        provider, scopes = provider_of(connection.client), united(connection.scopes, connection.further_scopes)
    try:
        client_renewed(actor=actor, provider=provider, scopes=scopes)
    except OAuthFailed as failed:
        raise Refused(refusals.PROVIDER_REFUSED, str(failed)) from None


def connection_choose(*, actor: Actor, connection_id: UUID) -> None:
    """Has those who call use this connection of its holder's. Runs inside the tenant's context."""
    connection = connection_for(actor=actor, connection_id=connection_id)
    siblings = Connection.objects.filter(holder=connection.holder, user=connection.user)
    siblings.filter(is_chosen=True).update(is_chosen=False)
    siblings.filter(pk=connection.pk).update(is_chosen=True)


def connection_for(*, actor: Actor, connection_id: UUID) -> Connection:
    """A connection that the actor may change, held against others who change it. Runs inside the tenant's context.

    Raises Refused: NOT_FOUND, also for another member's own; PERMISSION_DENIED.
    """
    rows = Connection.objects.select_for_update(of=("self",)).select_related("client", "subject__client")
    connection = rows.filter(pk=connection_id).first()
    if connection is None or not is_visible(actor, connection.user_id):
        raise Refused(refusals.NOT_FOUND)
    require_managing(actor, connection.user_id)
    return connection


def is_visible(actor: Actor, user_id: UUID | None) -> bool:
    """Whether an actor is told of a connection: the tenant's and their own; who manages members, of all."""
    return user_id is None or actor.may(Permission.MANAGE_MEMBERS) or _is_own(actor, user_id)


def require_managing(actor: Actor, user_id: UUID | None) -> None:
    """Raises Refused unless the actor may change a connection of this member's, or (None) of the tenant's."""
    if user_id is None:
        actor.require(Permission.EDIT_ENDPOINTS)
    else:
        actor.require(Permission.CALL_TOOLS if _is_own(actor, user_id) else Permission.MANAGE_MEMBERS)


def may_log_in(actor: Actor, connection: Connection) -> bool:
    """Whether the actor may log in for a connection: the tenant's, or their own. A login is of who makes it, so nobody
    makes one for another member's calls."""
    if actor.user is None or connection.grant_type != GrantType.CODE:
        return False
    return actor.may(Permission.EDIT_ENDPOINTS if connection.user_id is None else Permission.CALL_TOOLS) and (
        connection.user_id is None or _is_own(actor, connection.user_id)
    )


def _is_own(actor: Actor, user_id: UUID) -> bool:
    return actor.user is not None and actor.user.pk == user_id


async def _protected(http: Client, draft: ConnectionDraft) -> Protected:
    if draft.issuer:
        return await known(http, draft.issuer)
    return await discovered(http, draft.url, draft.challenge)


def _owner(actor: Actor, draft: ConnectionDraft) -> UUID | None:
    if not draft.personal:
        return None
    if actor.user is None:
        raise refused_fields({"personal": "An API key has no account of its own: a member connects theirs."})
    return actor.user.pk


def _require_consistent(draft: ConnectionDraft) -> None:
    if draft.grant_type not in GrantType.values:
        raise refused_fields({"grant_type": f"Choose one of {', '.join(GrantType.values)}."})
    if (draft.grant_type == GrantType.EXCHANGE) is (draft.subject is None):
        raise refused_fields({"subject": "Name the connection whose token is exchanged, for that grant alone."})


def _made(
    actor: Actor, draft: ConnectionDraft, protected: Protected, client_id: UUID, owner: UUID | None
) -> Connection:
    if Connection.objects.count() >= MAXIMUM_CONNECTIONS:
        raise Refused(refusals.LIMIT_REACHED, f"A tenant has at most {MAXIMUM_CONNECTIONS} connections.")
    if draft.subject is not None:
        _require_exchangeable(connection_for(actor=actor, connection_id=draft.subject), owner)
    chosen = not _of_owner(draft.holder, owner).filter(is_chosen=True).exists()
    connection = Connection(
        tenant=actor.tenant,
        holder=draft.holder,
        user_id=owner,
        label=draft.label.strip(),
        is_chosen=chosen,
        destination=draft.destination,
        resource=protected.resource,
        client_id=client_id,
        grant_type=draft.grant_type,
        subject_id=draft.subject,
        scopes=draft.scopes.strip() or protected.scopes,
    )
    try:
        with transaction.atomic():
            cleaned(connection).save(force_insert=True)
    except IntegrityError:
        raise Refused(refusals.CONFLICT, "There is a connection with this label already.") from None
    return connection


def _of_owner(holder: UUID, owner: UUID | None) -> QuerySet[Connection]:
    rows = Connection.objects.filter(holder=holder)
    return rows.filter(user=None) if owner is None else rows.filter(user_id=owner)


def _require_exchangeable(subject: Connection, owner: UUID | None) -> None:
    """Neither an exchanged token again, nor a member's for all."""
    if subject.grant_type == GrantType.EXCHANGE or subject.user_id != owner:
        raise refused_fields({"subject": "Choose a connection with a login of its own, of the same owner."})


def _grant(connection: Connection, keyring: Keyring) -> Callable[[Client], Awaitable[TokenSet]]:
    """How a connection's tokens are got without a login; what it takes is opened already."""
    if connection.grant_type == GrantType.CODE:
        raise Refused(refusals.CONFLICT, "This connection needs somebody to log in.")
    provider, registration = provider_of(connection.client), registration_of(keyring, connection.client)
    scopes, resource = connection.scopes, connection.resource
    if connection.subject is None:
        return lambda http: by_client(http, provider, registration, scopes=scopes, resource=resource)
    if connection.subject.state != ConnectionState.CONNECTED:
        raise Refused(refusals.CONFLICT, "The connection whose token is exchanged needs login.")
    token = tokens_of(keyring, connection.subject).access_token
    return lambda http: by_exchange(http, provider, registration, subject_token=token, scopes=scopes, resource=resource)
