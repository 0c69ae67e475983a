"""Signing out across both sides: a provider ends what it began, and a person who leaves here leaves there.

Each opens contexts of its own.
"""

from collections.abc import Mapping, MutableMapping
from typing import Any, NamedTuple
from uuid import UUID

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants import replay
from tenants.models import SsoConnection, SsoSession
from tenants.sso import addresses
from tenants.sso.checks import CheckFailed
from tenants.sso.connections import connection_for, opened_settings
from tenants.sso.oidc.config import OidcSettings
from tenants.sso.oidc.login import sign_out_url as oidc_url
from tenants.sso.oidc.logout import logged_out
from tenants.sso.pending import Pending, pending_kept
from tenants.sso.saml import logout as saml
from tenants.sso.saml import posted_logout
from tenants.sso.saml.config import SamlSettings
from tenants.sso.saml.own_logout import Message, sign_out
from tenants.sso.sessions import Hint, hint_of, sessions_end
from tenants.vault.oauth.authorization import new_state

LOGOUT_TOKEN, LOGOUT_REQUEST = "oidc logout token", "saml logout request"


class Leaving(NamedTuple):
    """What a person who signed out here takes to the provider, to sign out there too, and its connection's name."""

    message: Message
    name: str


def backchannel_logout(*, tenant_id: UUID, connection_id: UUID, token: str) -> int:
    """Ends the sessions that a logout token names; how many there were.

    Raises Refused: NOT_FOUND, LOGIN_REFUSED for a token that is not the provider's, not for us, or used before.
    """
    connection, settings = _enabled(tenant_id, connection_id, for_logout=True)
    if not isinstance(settings, OidcSettings):
        raise Refused(refusals.NOT_FOUND)
    try:
        told = logged_out(settings, token)
    except CheckFailed as failed:
        raise Refused(refusals.LOGIN_REFUSED, str(failed)) from None
    with tenant_context(tenant_id):
        used = f"{connection.pk} {told.token_id}"
        if not replay.first_time(tenant_id=tenant_id, kind=LOGOUT_TOKEN, token=used, expires_at=told.expires_at):
            raise Refused(refusals.LOGIN_REFUSED, "This logout token was used before.")
        return sessions_end(connection, subject=told.subject, indexes=[told.index])


def saml_requested(*, tenant_id: UUID, connection_id: UUID, said: Mapping[str, str], raw_query: str | None) -> Message:
    """Ends the sessions that a provider's signed request names; the answer with which the browser goes on.

    `raw_query` is the query that `said` is of, whose signature is beside it; None for a form, with it inside.

    Raises Refused: NOT_FOUND, LOGIN_REFUSED.
    """
    connection, settings = _saml(tenant_id, connection_id)
    try:
        if raw_query is None:
            request = posted_logout.request_posted(settings, said)
        else:
            request = saml.request_taken(settings, said, raw_query)
    except CheckFailed as failed:
        raise Refused(refusals.LOGIN_REFUSED, str(failed)) from None
    with tenant_context(tenant_id):
        used = f"{connection.pk} {request.request_id}"
        if not replay.first_time(tenant_id=tenant_id, kind=LOGOUT_REQUEST, token=used, expires_at=request.expires_at):
            raise Refused(refusals.LOGIN_REFUSED, "This logout request was used before.")
        sessions_end(connection, subject=request.name_id, indexes=request.indexes)
    return request.answer


def saml_responded(
    *, tenant_id: UUID, connection_id: UUID, pending: Pending | None, said: Mapping[str, str], raw_query: str | None
) -> None:
    """Takes the provider's word that a person is signed out there; `raw_query` as above.

    Raises Refused: NOT_FOUND, LOGIN_REFUSED.
    """
    _connection, settings = _saml(tenant_id, connection_id)
    if pending is None or not pending.request_id:
        raise Refused(refusals.LOGIN_REFUSED, "Nobody signed out here.")
    try:
        if raw_query is None:
            posted_logout.require_posted_response(settings, said, request_id=pending.request_id)
        else:
            saml.require_response(settings, said, raw_query, request_id=pending.request_id)
    except CheckFailed as failed:
        raise Refused(refusals.LOGIN_REFUSED, str(failed)) from None


def leaving(browser: MutableMapping[str, Any], *, tenant_id: UUID, session_id: UUID) -> Leaving | None:
    """Ends a session, and says where its person signs out at the provider; None where they cannot."""
    with tenant_context(tenant_id):
        rows = SsoSession.objects.select_related("identity__connection")
        session = rows.filter(pk=session_id).first()
        if session is None:
            return None
        connection, hint = session.identity.connection, hint_of(session)
        session.delete()
        if hint is None:
            return None
        try:
            settings = opened_settings(connection, for_logout=True)
        except Refused:
            return None
    message = _message(browser, connection, settings, hint)
    return Leaving(message, connection.name) if message.url else None


def _message(
    browser: MutableMapping[str, Any], connection: SsoConnection, settings: OidcSettings | SamlSettings, hint: Hint
) -> Message:
    state = new_state()
    if isinstance(settings, OidcSettings):
        client_id = settings.registration.client_id
        url = oidc_url(
            settings.provider, client_id=client_id, hint=hint.hint, returns_to=addresses.signed_out(), state=state
        )
        return Message(url, {})
    message, request_id = sign_out(settings, name_id=hint.subject, name_format=hint.hint, index=hint.index, state=state)
    if message.url:
        begun = Pending(str(connection.tenant_id), str(connection.pk), "", request_id=request_id)
        pending_kept(browser, begun, state)
    return message


def _saml(tenant_id: UUID, connection_id: UUID) -> tuple[SsoConnection, SamlSettings]:
    connection, settings = _enabled(tenant_id, connection_id, for_logout=True)
    if not isinstance(settings, SamlSettings):
        raise Refused(refusals.NOT_FOUND)
    return connection, settings


def _enabled(
    tenant_id: UUID, connection_id: UUID, *, for_logout: bool
) -> tuple[SsoConnection, OidcSettings | SamlSettings]:
    with tenant_context(tenant_id):
        connection = connection_for(connection_id)
        if not connection.is_enabled:
            raise Refused(refusals.NOT_FOUND)
        return connection, opened_settings(connection, for_logout=for_logout)
