"""Access keys of an endpoint: list, make, revoke."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from console.access import MemberRequest, member
from console.connecting import connections
from console.pages.endpoints.views import about
from console.pages.keys.forms import AccessKeyForm
from console.rendering import page, query_of, rows_of
from mcp_runtime.selectors import access_key_of, access_keys_matching, tools_matching
from mcp_runtime.services.access_keys import access_key_issue, access_key_revoke
from mcp_runtime.services.endpoints import endpoint_for
from tenants.access import Permission


@require_safe
@member(Permission.VIEW)
def index(request: MemberRequest, endpoint: str) -> HttpResponse:
    """Every key of the endpoint, those that work first."""
    found, query = endpoint_for(endpoint), query_of(request)
    rows = rows_of(request, access_keys_matching(found, query))
    template = "keys/index.html#rows" if request.htmx else "keys/index.html"
    return page(request, template, about(request, found, here="keys") | {"rows": rows, "query": query})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_ACCESS_KEYS)
def create(request: MemberRequest, endpoint: str) -> HttpResponse:
    """A new key. Its secret is in the answer to this one request and nowhere else."""
    found = endpoint_for(endpoint)
    names = list(tools_matching(found).values_list("name", flat=True))
    form = AccessKeyForm(names, request.POST or None)
    if form.is_valid():
        with form.submitting():
            access_key, secret = access_key_issue(actor=request.actor, endpoint_slug=endpoint, **form.cleaned_data)
            lines = connections(tenant=request.actor.tenant, endpoint=found, key=secret)
            context = about(request, found, here="keys") | {
                "access_key": access_key,
                "secret": secret,
                "connections": lines,
            }
            return page(request, "keys/created.html", context)
    return page(request, "keys/create.html", about(request, found, here="keys") | {"form": form}, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_ACCESS_KEYS)
def revoke(request: MemberRequest, endpoint: str, key_id: UUID) -> HttpResponse:
    """Asks once, then ends a key."""
    found = endpoint_for(endpoint)
    access_key = access_key_of(found, key_id)
    if request.method == "POST":
        access_key_revoke(actor=request.actor, endpoint_slug=endpoint, access_key_id=key_id)
        messages.success(request, f"Key {access_key.name} is revoked. Every worker refuses it within a second.")
        return redirect("key_list", request.actor.tenant.slug, endpoint)
    return page(request, "keys/revoke.html", about(request, found, here="keys") | {"access_key": access_key})
