"""What a tenant has beyond a plan, as sentences: nothing of it is taken, and no more of it can be made.

Runs inside the tenant's context.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import Count, QuerySet

from billing.entitlements import Right
from billing.plans.models import Entitlement, PlanVersion, Standing, Terms
from mcp_runtime.models import Endpoint, Prompt, Resource, Tool
from tenants.models import AuditTarget, Membership, ScimConnection, SsoConnection

# What a plan may lack while it is in use, and what shows that it is.
_RIGHTS: tuple[tuple[Right, Callable[[], QuerySet[Any]], str], ...] = (
    (Right.SSO, SsoConnection.objects.all, "single sign-on"),
    (Right.SCIM, ScimConnection.objects.all, "provisioning by SCIM"),
    (Right.AUDIT_EXPORT, AuditTarget.objects.all, "webhooks for the audit log"),
)
# What is kept for so many days: this is deleted when the plan keeps it for fewer.
_KEPT = (("usage_days", "Single calls"), ("audit_days", "Events of the audit log"))


def excess_of(terms: Terms, title: str) -> list[str]:
    """A sentence for each kind of thing of which there is more than `terms`, which are called `title`, allow."""
    counted = (
        ("endpoints", Endpoint.objects.count(), terms.endpoints),
        ("members", Membership.objects.active().count(), terms.members),
    )
    beyond = [
        f"You have {used:,} {what}, {title} allows {allowed:,}."
        for what, used, allowed in counted
        if allowed is not None and used > allowed
    ]
    lacking = [
        f"You use {what}, which {title} does not include."
        for right, rows, what in _RIGHTS
        if not getattr(terms, right) and rows().exists()
    ]
    return [*beyond, *_on_endpoints(terms, title), *lacking]


def excess_now(held: Entitlement) -> list[str]:
    """The same of what counts now."""
    return excess_of(held, "your plan" if held.standing == Standing.CONTRACT else _counting(held))


def lost_by(held: Entitlement, plan: PlanVersion) -> list[str]:
    """What is deleted when a tenant changes to `plan`, since that keeps it for a shorter time."""
    return [
        f"{what} are kept for {getattr(plan, name):,} days instead of {getattr(held, name):,}: older ones are deleted."
        for name, what in _KEPT
        if getattr(plan, name) < getattr(held, name)
    ]


def _counting(held: Entitlement) -> str:
    return "Developer" if held.standing == Standing.LAPSED else held.title


def _on_endpoints(terms: Terms, title: str) -> list[str]:
    """Of tools, prompts and resources, the endpoint that has the most."""
    found = []
    kinds: tuple[QuerySet[Any], ...] = (Tool.objects.all(), Prompt.objects.all(), Resource.objects.all())
    for kind in kinds:
        rows = kind.values("endpoint__name").annotate(used=Count("pk")).order_by("-used")
        most = rows.filter(used__gt=terms.tools_per_endpoint).first()
        if most is not None:
            what = str(kind.model._meta.verbose_name_plural)
            name, used, allowed = most["endpoint__name"], most["used"], terms.tools_per_endpoint
            found.append(f"{name} has {used:,} {what}, {title} allows {allowed:,} on an endpoint.")
    return found
