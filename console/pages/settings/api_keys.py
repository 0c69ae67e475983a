"""REST API keys of a tenant: list, make, revoke."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from console.access import MemberRequest, member
from console.pages.settings.forms import ApiKeyForm
from console.rendering import page, query_of, rows_of
from tenants.access import Permission
from tenants.selectors import api_key_of, api_keys_matching
from tenants.services.api_keys import api_key_issue, api_key_revoke


@require_safe
@member(Permission.MANAGE_API_KEYS)
def index(request: MemberRequest) -> HttpResponse:
    """Every REST API key, those that work first."""
    query = query_of(request)
    template = "settings/api_keys.html#rows" if request.htmx else "settings/api_keys.html"
    return page(request, template, {"rows": rows_of(request, api_keys_matching(query)), "query": query})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_API_KEYS)
def create(request: MemberRequest) -> HttpResponse:
    """A new key. Its secret is in the answer to this one request and nowhere else."""
    form = ApiKeyForm(request.actor, request.POST or None)
    if form.is_valid():
        with form.submitting():
            api_key, secret = api_key_issue(actor=request.actor, **form.cleaned_data)
            return page(request, "settings/api_key_created.html", {"api_key": api_key, "secret": secret})
    return page(request, "settings/api_key_create.html", {"form": form}, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_API_KEYS)
def revoke(request: MemberRequest, key_id: UUID) -> HttpResponse:
    """Asks once, then ends a key."""
    api_key = api_key_of(key_id)
    if request.method == "POST":
        api_key_revoke(actor=request.actor, api_key_id=key_id)
        messages.success(request, f"Key {api_key.name} is revoked.")
        return redirect("api_key_list", request.actor.tenant.slug)
    return page(request, "settings/api_key_revoke.html", {"api_key": api_key})
