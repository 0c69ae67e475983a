"""Reads of provisioning, inside a tenant context."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from core.rows import one_of
from tenants.models import (
    Deprovision,
    DeprovisionItem,
    Group,
    GroupSource,
    Invitation,
    Revocation,
    ScimConnection,
    ScimRequest,
    ScimToken,
    ScimUser,
)
from tenants.services.api_keys import live


def scim_connections() -> QuerySet[ScimConnection]:
    """Every connection, by name; `last_request_at` and `people` are annotated."""
    told = ScimConnection.objects.annotate(last_request_at=Max("requests__at"), people=Count("users", distinct=True))
    return told.order_by("name")


def scim_tokens(connection: ScimConnection) -> QuerySet[ScimToken]:
    """Tokens that work."""
    return connection.tokens.filter(live()).order_by("created_at")


def scim_groups(connection: ScimConnection) -> QuerySet[Group]:
    """The groups that a connection told of, by name; how many are in each is `size`."""
    groups = Group.objects.filter(source=GroupSource.SCIM, provider=connection.pk)
    return groups.annotate(size=Count("members")).order_by("name", "pk")


def scim_requests(connection: ScimConnection) -> QuerySet[ScimRequest]:
    """What was asked lately, the latest first."""
    return connection.requests.order_by("-at")


@dataclass(frozen=True, slots=True)
class Standing:
    """How many people a connection told of, by what they are here."""

    members: int
    deactivated: int
    invited: int
    waiting: int


def standing_of(connection: ScimConnection) -> Standing:
    """`waiting` are those who are neither members nor invited: they have no address, or too many are invited."""
    users = ScimUser.objects.filter(connection=connection)
    pending = users.filter(membership=None, active=True)
    open_ones = Invitation.objects.filter(expires_at__gt=timezone.now()).values("email")
    counts = users.aggregate(
        members=Count("pk", filter=Q(membership__isnull=False, membership__deactivated_at=None)),
        deactivated=Count("pk", filter=Q(membership__deactivated_at__isnull=False)),
    )
    invited = pending.filter(email__in=open_ones).count()
    return Standing(counts["members"], counts["deactivated"], invited, pending.count() - invited)


def deprovisions() -> QuerySet[Deprovision]:
    """Receipts of people who were put out, the latest first."""
    return Deprovision.objects.select_related("requested_by").order_by("-at")


def deprovision_of(deprovision_id: UUID) -> Deprovision:
    """One receipt; raises Refused(NOT_FOUND)."""
    return one_of(deprovisions(), deprovision_id)


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One thing that ended, and for a connection what its provider has said since."""

    item: DeprovisionItem
    revocation: Revocation | None


def receipt_lines(receipt: Deprovision) -> list[ReceiptLine]:
    """All lines of a receipt, in the order in which they ended."""
    items = list(receipt.items.order_by("ended_at", "kind", "label"))
    told = {
        row.pk: row
        for row in Revocation.objects.filter(pk__in=[item.reference for item in items if item.kind == "connection"])
    }
    return [ReceiptLine(item, told.get(item.reference) if item.reference else None) for item in items]
