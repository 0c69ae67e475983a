"""What a person can let a client do in the tenant in context: what their role allows, while they are a member."""

from uuid import UUID

from tenants.authorization import scopes
from tenants.models import Membership


def most_of(user_id: UUID) -> str:
    """The scopes that a person can give; empty for strangers and for people who may not sign in."""
    membership = Membership.objects.active().filter(user_id=user_id, user__is_active=True).only("role").first()
    return "" if membership is None else scopes.most_of_role(membership.role)
