"""Who provisions a tenant of the stage, what they told of, and somebody who was put out."""

from allauth.usersessions.models import UserSession
from django.utils import timezone

from tenants.access import Actor
from tenants.models import (
    Cause,
    Deprovision,
    DeprovisionItem,
    Group,
    GroupSource,
    MemberSession,
    ScimRequest,
)
from tenants.scim.connections import scim_connection_create, scim_token_issue
from tests.conftest import unique


def provisioned_by(acting: Actor, mark: str) -> dict[str, str]:
    """Made as the actor; by the names under which probes ask for them."""
    ours = {"tenant_id": acting.tenant.id}
    connection = scim_connection_create(actor=acting, name=f"scim {mark}")
    token, _ = scim_token_issue(actor=acting, connection_id=connection.pk)
    group = Group.objects.create(**ours, name=mark, source=GroupSource.SCIM, provider=connection.pk)
    gone = Deprovision.objects.create(**ours, email=f"gone@{mark}.example", cause=Cause.REMOVED)
    now = timezone.now()
    assert acting.user is not None
    own = UserSession.objects.create(
        user=acting.user, ip="192.0.2.1", session_key=unique("session")[:40], user_agent=mark
    )
    seen = MemberSession.objects.create(
        **ours, user=acting.user, session=own.pk, browser=mark, began_at=now, last_seen_at=now
    )
    DeprovisionItem.objects.create(**ours, deprovision=gone, kind="api_key", label=mark, ended_at=timezone.now())
    asked = {"at": timezone.now(), "method": "GET", "path": f"/Users/{mark}", "status": 200}
    ScimRequest.objects.create(**ours, connection=connection, **asked)
    return {
        "scim_connection": str(connection.pk),
        "scim_token": str(token.pk),
        "scim_group": str(group.pk),
        "deprovision": str(gone.pk),
        "member_session": str(seen.pk),
    }
