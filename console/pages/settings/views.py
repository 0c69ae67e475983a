"""A tenant's settings: rename, delete with a grace period, restore."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from billing.entitlements import entitlement_of
from console.access import MemberRequest, member
from console.forms import TypedNameForm
from console.pages.settings.forms import RenameForm
from console.rendering import page
from mcp_runtime.selectors import endpoint_count
from tenants.access import Permission
from tenants.services.tenants import GRACE, tenant_delete, tenant_rename, tenant_restore


@require_http_methods(["GET", "HEAD"])
@member(Permission.VIEW)
def show(request: MemberRequest) -> HttpResponse:
    """Name, address and plan; what may be done here depends on the role."""
    tenant = request.actor.tenant
    return settings_page(request, RenameForm(initial={"name": tenant.name, "slug": tenant.slug}))


@require_POST
@member(Permission.MANAGE_TENANT)
def rename(request: MemberRequest) -> HttpResponse:
    """Changes name and address."""
    form = RenameForm(request.POST)
    if form.is_valid():
        with form.submitting():
            tenant = tenant_rename(actor=request.actor, **form.cleaned_data)
            messages.success(request, f"The tenant is {tenant.name} now, at {tenant.slug}.")
            return redirect("settings", tenant.slug)
    return settings_page(request, form)


def settings_page(request: MemberRequest, form: RenameForm) -> HttpResponse:
    """The settings' page around a form, which may hold what was typed and what was wrong with it."""
    context = {"form": form, "plan": entitlement_of(request.actor.tenant.id), "grace": GRACE}
    return page(request, "settings/show.html", context, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.TRANSFER_OR_DELETE)
def delete(request: MemberRequest) -> HttpResponse:
    """Asks for the tenant's address to be typed, then starts its grace period."""
    form = TypedNameForm(request.actor.tenant.slug, request.POST or None)
    if form.is_valid():
        tenant = tenant_delete(actor=request.actor)
        messages.success(request, f"Tenant {tenant.name} is stopped. You can restore it for {GRACE.days} days.")
        return redirect("overview", tenant.slug)
    context = {"form": form, "grace": GRACE, "endpoint_count": endpoint_count()}
    return page(request, "settings/delete.html", context, status=form.status)


@require_POST
@member(Permission.TRANSFER_OR_DELETE)
def restore(request: MemberRequest) -> HttpResponse:
    """Takes a deletion back."""
    tenant = tenant_restore(actor=request.actor)
    messages.success(request, f"Tenant {tenant.name} is restored. Its endpoints work again.")
    return redirect("overview", tenant.slug)
