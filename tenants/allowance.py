"""What a tenant's plan allows of what is made in this app: asked here, and answered by who knows plans.

This app is below that one, so that it cannot name it: it registers itself when Django is ready.
"""

from collections.abc import Callable
from typing import Literal, Protocol
from uuid import UUID

type Right = Literal["sso", "scim", "audit_export"]


class RequiresRight(Protocol):
    """Raises Refused(NOT_IN_PLAN) unless a tenant has a right."""

    def __call__(self, tenant_id: UUID, right: Right) -> None: ...


class RequiresRoom(Protocol):
    """Raises Refused(LIMIT_REACHED) unless one more member fits beside those that are counted."""

    def __call__(self, tenant_id: UUID, members: Callable[[], int]) -> None: ...


_answering: list[tuple[RequiresRight, RequiresRoom]] = []


def allowance_register(right: RequiresRight, room: RequiresRoom) -> None:
    """Says who answers from now on; called by an app's configuration when Django is ready."""
    _answering[:] = [(right, room)]


def require_right(tenant_id: UUID, right: Right) -> None:
    """Raises Refused(NOT_IN_PLAN) unless the tenant in context has a right."""
    ((requires, _room),) = _answering
    requires(tenant_id, right)


def require_member_room(tenant_id: UUID, members: Callable[[], int]) -> None:
    """Raises Refused(LIMIT_REACHED) unless the tenant in context may have one member more than `members` says.

    They are counted while the tenant's entitlement is held, so that of two who come at once to the last place one gets
    it.
    """
    ((_right, requires),) = _answering
    requires(tenant_id, members)
