"""What each role may do, out of the table that every service goes by."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from console.access import MemberRequest, member
from console.rendering import page
from tenants.access import PERMISSIONS, Permission
from tenants.models import Role

WORDS = {
    Permission.VIEW: "See endpoints, tools, health and usage",
    Permission.EDIT_ENDPOINTS: "Make and change endpoints, tools and sources",
    Permission.CALL_TOOLS: "Call tools, and let clients call them",
    Permission.MANAGE_ACCESS_KEYS: "Make and revoke access keys",
    Permission.MANAGE_API_KEYS: "Make and revoke API keys",
    Permission.MANAGE_MEMBERS: "Invite, change and remove members; groups and their tools",
    Permission.VIEW_AUDIT: "Read the audit log",
    Permission.MANAGE_BILLING: "Choose and pay the plan, read invoices",
    Permission.MANAGE_TENANT: "Change the tenant's settings",
    Permission.TRANSFER_OR_DELETE: "Hand the tenant over, or delete it",
}


@require_safe
@member(Permission.VIEW)
def roles(request: MemberRequest) -> HttpResponse:
    """A row for each permission, a column for each role."""
    columns = [(role.value, role.label) for role in Role]
    rows = [
        (WORDS.get(permission, permission.value), [permission in PERMISSIONS[role] for role, _ in columns])
        for permission in Permission
    ]
    return page(request, "team/roles.html", {"columns": columns, "rows": rows})
