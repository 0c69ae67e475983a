"""Logins by a tenant's providers: begun, answered, tried. Each opens contexts of its own, and asks between them.

A trial is a login that lets nobody in: its checks and what came are kept with the connection, for whoever set it up.
"""

import logging
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from core import refusals
from core.acting import act_as
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants import replay
from tenants.models import SsoConnection, SsoSession, Tenant, User
from tenants.sso import addresses
from tenants.sso.admitting import admitted, recognised, role_for
from tenants.sso.checks import Asserted, CheckFailed, Trace, shown
from tenants.sso.connections import connection_for, opened_settings
from tenants.sso.oidc import login as oidc
from tenants.sso.oidc.config import OidcSettings
from tenants.sso.pending import LIFETIME_SECONDS, Pending, pending_kept
from tenants.sso.saml import login as saml
from tenants.sso.saml.config import SamlSettings
from tenants.sso.saml.login import Responded
from tenants.sso.sessions import session_begun, session_noted
from tenants.vault.oauth.authorization import new_pkce, new_state

logger = logging.getLogger(__name__)

REPLAY = "saml assertion"
MAXIMUM_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Entrance:
    """Somebody who was let in: who, into which tenant, and the session that they stand on."""

    user: User
    tenant: Tenant
    session: SsoSession


def login_begin(
    browser: MutableMapping[str, Any], *, tenant_id: UUID, connection_id: UUID, onward: str, is_trial: bool = False
) -> str:
    """The URL at the provider to which a browser goes. `onward` is the page of ours that comes after.

    Raises Refused: NOT_FOUND, also for a connection that is not enabled, unless it is tried; CONFLICT.
    """
    with tenant_context(tenant_id):
        connection = connection_for(connection_id)
        if not connection.is_enabled and not is_trial:
            raise Refused(refusals.NOT_FOUND)
        settings = opened_settings(connection)
    pending = Pending(str(tenant_id), str(connection_id), onward, is_trial)
    if isinstance(settings, OidcSettings):
        return _oidc_url(browser, settings, pending)
    return _saml_url(browser, settings, pending)


def oidc_answered(*, pending: Pending, answer: Mapping[str, str]) -> Entrance | None:
    """Who comes in by the answer to a login; None for a trial. Raises Refused(LOGIN_REFUSED) with what was wrong."""
    tenant_id, connection_id = UUID(pending.tenant_id), UUID(pending.connection_id)
    redirect_uri = addresses.callback(tenant_id, connection_id)

    def asserted(settings: OidcSettings | SamlSettings, trace: Trace) -> Responded:
        if not isinstance(settings, OidcSettings):
            raise trace.failed("answer", "This connection is SAML's now. Begin again.")
        found = oidc.answer_asserted(settings, pending, answer, redirect_uri=redirect_uri, trace=trace)
        return Responded(found, "", timezone.now())

    return _Answer(tenant_id, connection_id, pending).taken(asserted)


def saml_answered(*, tenant_id: UUID, connection_id: UUID, pending: Pending | None, response: str) -> Entrance | None:
    """Who comes in by a response; None for a trial. Without `pending` nobody here asked for it.

    Raises Refused: NOT_FOUND, LOGIN_REFUSED with what was wrong.
    """
    request_id = pending.request_id if pending else ""

    def asserted(settings: OidcSettings | SamlSettings, trace: Trace) -> Responded:
        if not isinstance(settings, SamlSettings):
            raise trace.failed("response", "This connection is OpenID's now. Begin again.")
        return saml.response_asserted(settings, response, request_id=request_id, trace=trace)

    return _Answer(tenant_id, connection_id, pending).taken(asserted)


@dataclass(frozen=True, slots=True)
class _Answer:
    tenant_id: UUID
    connection_id: UUID
    pending: Pending | None

    @property
    def is_trial(self) -> bool:
        return self.pending is not None and self.pending.is_trial

    @property
    def began_at(self) -> datetime:
        """When the login began; of one that began at the provider, when it can have begun at the earliest."""
        if self.pending is None:
            return timezone.now() - timedelta(seconds=LIFETIME_SECONDS)
        return datetime.fromtimestamp(self.pending.began_at, UTC)

    def taken(self, asserted: Any) -> Entrance | None:
        """Puts an answer to its checks, and lets in whom it vouches for."""
        with tenant_context(self.tenant_id):
            connection = connection_for(self.connection_id)
            if not connection.is_enabled and not self.is_trial:
                raise Refused(refusals.NOT_FOUND)
            settings = opened_settings(connection)
        act_as("sso", connection.pk, connection.name)
        trace = Trace()
        try:
            if self.pending is None:
                sentence = "Nobody began this login here: begin it on our side."
                trace.require("request", sentence, holds=connection.takes_unsolicited)
            responded = asserted(settings, trace)
            return self._entered(responded, trace)
        except CheckFailed as failed:
            self._note(trace, str(failed))
            if self.is_trial:
                return None
            raise Refused(refusals.LOGIN_REFUSED, str(failed)) from None

    def _entered(self, responded: Responded, trace: Trace) -> Entrance | None:
        with tenant_context(self.tenant_id):
            connection = connection_for(self.connection_id)
            tenant = Tenant.objects.get(pk=self.tenant_id)
            if responded.assertion_id:
                _require_first(connection, responded, trace)
            known = recognised(connection, tenant, responded.asserted, trace, began_at=self.began_at)
            if self.is_trial:
                _keep_trial(connection, trace, _outcome(connection, responded.asserted))
                return None
            if not connection.is_enabled:
                raise Refused(refusals.NOT_FOUND)
            identity = admitted(connection, tenant, responded.asserted, known)
            entrance = Entrance(identity.user, tenant, session_begun(identity, responded.asserted))
        session_noted(entrance.session)
        return entrance

    def _note(self, trace: Trace, sentence: str) -> None:
        """Keeps what failed: with a trial, every check; else one line for whoever looks after the connection."""
        with tenant_context(self.tenant_id):
            connection = connection_for(self.connection_id)
            if self.is_trial:
                _keep_trial(connection, trace, {})
                return
            check = trace.steps[-1]["check"] if trace.steps else ""
            logger.warning("A login by connection %s was refused at %s.", connection.pk, check)
            SsoConnection.objects.filter(pk=connection.pk).update(last_error=shown(f"{check}: {sentence}")[:500])


def _oidc_url(browser: MutableMapping[str, Any], settings: OidcSettings, pending: Pending) -> str:
    pkce, nonce = new_pkce(), oidc.new_nonce()
    begun = Pending(
        pending.tenant_id, pending.connection_id, pending.onward, pending.is_trial, nonce=nonce, verifier=pkce.verifier
    )
    state = new_state()
    pending_kept(browser, begun, state)
    redirect_uri = addresses.callback(UUID(pending.tenant_id), UUID(pending.connection_id))
    return oidc.request_url(settings, redirect_uri=redirect_uri, state=state, nonce=nonce, pkce=pkce)


def _saml_url(browser: MutableMapping[str, Any], settings: SamlSettings, pending: Pending) -> str:
    state = new_state()
    url, request_id = saml.request_url(settings, state)
    begun = Pending(pending.tenant_id, pending.connection_id, pending.onward, pending.is_trial, request_id=request_id)
    pending_kept(browser, begun, state)
    return url


def _require_first(connection: SsoConnection, responded: Responded, trace: Trace) -> None:
    """SAML 2.0 profiles section 4.1.4.5: an assertion is good once."""
    token = f"{connection.pk} {responded.assertion_id}"
    first = replay.first_time(tenant_id=connection.tenant_id, kind=REPLAY, token=token, expires_at=responded.expires_at)
    trace.require("replay", "This assertion was used before.", holds=first)


def _keep_trial(connection: SsoConnection, trace: Trace, outcome: dict[str, Any]) -> None:
    said = [(shown(name), _shown_value(value)) for name, value in list(trace.said.items())[:MAXIMUM_SHOWN]]
    connection.trial = {
        "ok": bool(outcome),
        "at": timezone.now().isoformat(),
        "steps": trace.steps[:MAXIMUM_SHOWN],
        "said": [list(pair) for pair in said],
        "outcome": outcome,
    }
    connection.save(update_fields=["trial", "updated_at"])


def _shown_value(value: object) -> str:
    return ", ".join(shown(entry) for entry in value[:MAXIMUM_SHOWN]) if isinstance(value, list) else shown(value)


def _outcome(connection: SsoConnection, asserted: Asserted) -> dict[str, Any]:
    """What would have become of a login that was a trial."""
    return {
        "email": shown(asserted.email),
        "name": shown(asserted.name),
        "groups": [shown(group) for group in asserted.groups[:MAXIMUM_SHOWN]],
        "role": role_for(connection, asserted.groups),
    }
