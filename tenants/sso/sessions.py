"""Console sessions that a provider let somebody into: begun, looked up, ended by the provider or with their holder.

A browser session names the rows that it stands on; whoever ends a row ends every session that names it.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.utils import timezone

from core.acting import act_as
from core.crypto import Forged
from core.envelope import KeyGone
from core.tenancy import tenant_context
from tenants.audit.recording import audit_note
from tenants.models import SsoConnection, SsoIdentity, SsoSession
from tenants.sso.checks import Asserted
from tenants.vault.keyrings import keyring_for_opening, keyring_for_sealing
from tenants.vault.purposes import SSO_SESSION, own_row

KEY = "sso.sessions"
# A working day: the provider is asked again tomorrow.
LIFETIME = timedelta(hours=12)


class Hint(msgspec.Struct, frozen=True):
    """What a provider wants to be shown when a person signs out here."""

    subject: str
    index: str
    hint: str


def session_begun(identity: SsoIdentity, asserted: Asserted) -> SsoSession:
    """A new session. Runs inside the tenant's context, and clears away those that ran out."""
    SsoSession.objects.filter(created_at__lt=timezone.now() - LIFETIME).delete()
    session = SsoSession(tenant_id=identity.tenant_id, identity=identity, index=asserted.index)
    hint = msgspec.json.encode(Hint(asserted.subject, asserted.index, asserted.hint))
    session.sealed = keyring_for_sealing(identity.tenant_id).seal(SSO_SESSION, hint, *own_row(session.pk))
    session.save(force_insert=True)
    return session


def session_noted(session: SsoSession) -> None:
    """Says in the audit log that a person came in, as that person's doing. Opens a context of its own."""
    person = session.identity.user
    act_as("member", person.pk, person.email)
    with tenant_context(session.tenant_id):
        by = [("provider", None, session.identity.connection.name)]
        audit_note(action="session.began", kind="session", target=person.pk, name=person.email, changes=by)


def sessions_end(connection: SsoConnection, *, subject: str = "", indexes: Iterable[str] = ()) -> int:
    """Ends what a provider says has ended: sessions by its names of them, all of a person's where it names none.

    Runs inside the tenant's context; how many there were.
    """
    rows = SsoSession.objects.filter(identity__connection=connection)
    if subject:
        rows = rows.filter(identity__subject=subject)
    if named := [index for index in indexes if index]:
        rows = rows.filter(index__in=named)
    elif not subject:
        return 0
    return rows.delete()[1].get(SsoSession._meta.label, 0)


def session_end(tenant_id: UUID, session_id: UUID) -> None:
    """Ends one session. Opens a context of its own."""
    with tenant_context(tenant_id):
        SsoSession.objects.filter(pk=session_id).delete()


def named_in(session: Mapping[str, Any]) -> dict[UUID, UUID]:
    """The sessions that a browser session stands on, by tenant."""
    named = session.get(KEY)
    return {UUID(tenant): UUID(row) for tenant, row in named.items()} if isinstance(named, dict) else {}


def stands(tenant_id: UUID, session_id: UUID) -> bool:
    """Whether a session has neither been ended nor run out. Opens a context of its own."""
    with tenant_context(tenant_id):
        rows = SsoSession.objects.filter(pk=session_id, created_at__gte=timezone.now() - LIFETIME)
        return rows.filter(identity__connection__is_enabled=True).exists()


def hint_of(session: SsoSession) -> Hint | None:
    """What its provider wants to be shown; None once the tenant's key was exchanged."""
    try:
        opened = keyring_for_opening(session.tenant_id).unseal(SSO_SESSION, session.sealed, *own_row(session.pk))
        return msgspec.json.decode(opened, type=Hint)
    except (Forged, KeyGone, msgspec.DecodeError):
        return None
