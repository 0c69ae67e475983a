"""The tenants of a person: list and make."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from console.access import PersonRequest, person
from console.pages.tenants.forms import TenantForm
from tenants.access import memberships_of
from tenants.services.tenants import tenant_create


@require_safe
@person
def index(request: PersonRequest) -> HttpResponse:
    """Every tenant that the person belongs to; somebody without one is welcomed instead."""
    memberships = memberships_of(request.user)
    if not memberships:
        return redirect("welcome")
    return render(request, "tenants/index.html", {"memberships": memberships})


@require_http_methods(["GET", "HEAD", "POST"])
@person
def create(request: PersonRequest) -> HttpResponse:
    """A new tenant, owned by the person who makes it."""
    form = TenantForm(request.POST or None)
    if form.is_valid():
        with form.submitting():
            tenant = tenant_create(owner=request.user, **form.cleaned_data)
            messages.success(request, f"Tenant {tenant.name} is yours.")
            return redirect("overview", tenant.slug)
    context = {"form": form, "memberships": memberships_of(request.user)}
    return render(request, "tenants/create.html", context, status=form.status)
