"""Console sessions of members, as a tenant sees them: noted while they are used, listed, ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from core import refusals
from core.refusals import Refused
from core.tenancy import person_context
from tenants.access import Actor, Permission
from tenants.audit.recording import audit_note
from tenants.leaving import Ended, Leaver
from tenants.models import MemberSession, Membership, Role
from tenants.models.session import LONGEST_BROWSER


@dataclass(frozen=True, slots=True)
class Seen:
    """What a request tells of the session that it is part of: `key` is the browser's."""

    key: str
    address: str
    browser: str
    by_sso: bool


def session_seen(*, actor: Actor, seen: Seen) -> None:
    """Notes that a member uses a session here. Runs inside the tenant's context."""
    own = UserSession.objects.filter(session_key=seen.key, user=actor.user).first()
    if own is None or actor.user is None:
        return
    values: Mapping[str, Any] = {
        "user": actor.user,
        "address": seen.address or None,
        "browser": seen.browser[:LONGEST_BROWSER],
        "by_sso": seen.by_sso,
        "last_seen_at": timezone.now(),
    }
    begun = {**values, "began_at": own.created_at}
    MemberSession.objects.update_or_create(
        tenant_id=actor.tenant.id, session=own.pk, defaults=values, create_defaults=begun
    )


def member_sessions(actor: Actor) -> QuerySet[MemberSession]:
    """Sessions in which members have been here, the last used first; those that are over are forgotten first.

    Runs inside the tenant's context. Raises Refused(PERMISSION_DENIED).
    """
    actor.require(Permission.MANAGE_MEMBERS)
    known = set(MemberSession.objects.values_list("session", flat=True))
    there = {row.pk for row in UserSession.objects.filter(pk__in=known) if not row.purge()}
    MemberSession.objects.filter(session__in=known - there).delete()
    return MemberSession.objects.filter(ended_at=None).select_related("user").order_by("-last_seen_at", "pk")


def session_is_over(actor: Actor, key: str) -> bool:
    """Whether the session of this browser key was ended here, though it may go on in other tenants.

    Runs inside the tenant's context.
    """
    own = UserSession.objects.filter(session_key=key, user=actor.user).values("pk")
    return MemberSession.objects.filter(session__in=own, ended_at__isnull=False).exists()


def member_session_end(*, actor: Actor, session_id: UUID) -> None:
    """Ends a member's session here. Runs inside the tenant's context.

    What else somebody does in that browser is not this tenant's: who belongs to others stays signed in there, and signs
    in again when they come back here; who does not is signed out at once.

    Raises Refused: NOT_FOUND; PERMISSION_DENIED for the owner's sessions, which are the owner's to end.
    """
    actor.require(Permission.MANAGE_MEMBERS)
    row = MemberSession.objects.select_related("user").filter(pk=session_id, ended_at=None).first()
    if row is None:
        raise Refused(refusals.NOT_FOUND)
    is_owners = Membership.objects.filter(user=row.user, role=Role.OWNER).exists()
    if is_owners and actor.role != Role.OWNER:
        raise Refused(refusals.PERMISSION_DENIED, "The owner's sessions are the owner's to end.")
    row.ended_at = timezone.now()
    row.save(update_fields=["ended_at"])
    audit_note(action="session.ended", kind="session", target=row.user_id, name=row.user.email)
    transaction.on_commit(partial(_sign_out, row))


def _sign_out(row: MemberSession) -> None:
    """Signs somebody out of a browser who has nothing else to see there: only their own context can tell."""
    with person_context(row.user_id):
        belongs_elsewhere = Membership.objects.active().filter(user=row.user_id).exclude(tenant=row.tenant_id).exists()
    own = UserSession.objects.filter(pk=row.session, user=row.user_id).first()
    if own is not None and not belongs_elsewhere:
        own.end()


def member_sessions_end(leaver: Leaver) -> list[Ended]:
    """Forgets what the tenant saw of a leaver's sessions; whether they end is told apart from this."""
    MemberSession.objects.filter(user_id=leaver.user_id).delete()
    return []
