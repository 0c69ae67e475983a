"""Receipts of people who were put out of the tenant."""

from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from console.access import MemberRequest, member
from console.rendering import page, rows_of
from tenants.access import Permission
from tenants.scim.selectors import deprovision_of, deprovisions, receipt_lines


@require_safe
@member(Permission.MANAGE_MEMBERS)
def index(request: MemberRequest) -> HttpResponse:
    """Everybody who was put out, the latest first."""
    return page(request, "provisioning/receipts.html", {"rows": rows_of(request, deprovisions())})


@require_safe
@member(Permission.MANAGE_MEMBERS)
def show(request: MemberRequest, deprovision_id: UUID) -> HttpResponse:
    """What of somebody's ended, when, and what providers said of it since."""
    receipt = deprovision_of(deprovision_id)
    return page(request, "provisioning/receipt.html", {"receipt": receipt, "lines": receipt_lines(receipt)})
