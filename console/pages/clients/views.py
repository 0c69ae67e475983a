"""Connected clients: what a person let in, what everybody did, and ending it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from console.access import MemberRequest, member
from console.pages.clients.forms import ClientForm, GroupsForm, PolicyForm
from console.rendering import page, rows_of
from mcp_runtime.models import Endpoint
from tenants.access import Permission
from tenants.authorization import redirects, scopes
from tenants.authorization.grant_types import CLIENT
from tenants.authorization.issuers import issuer_of
from tenants.authorization.managing import client_remove, client_shown, clients_known, grant_revoke, grant_shown
from tenants.authorization.managing import grants_visible as visible
from tenants.authorization.policies import policy_of, policy_set
from tenants.authorization.registering import client_register
from tenants.models import ClientGrant
from tenants.selectors import client_groups, client_of_its_own
from tenants.services.client_groups import client_groups_set


@require_safe
@member(Permission.VIEW)
def index(request: MemberRequest) -> HttpResponse:
    """What clients were let in to: one's own, or for those who manage the tenant everybody's."""
    rows = rows_of(request, visible(request.actor))
    names = dict(Endpoint.objects.values_list("pk", "name"))
    entries = [(grant, names.get(grant.endpoint, ""), _destination(grant)) for grant in rows]
    return page(request, "clients/index.html", {"rows": rows, "entries": entries})


@require_safe
@member(Permission.MANAGE_TENANT)
def known(request: MemberRequest) -> HttpResponse:
    """Every client that the tenant knows, whoever made it known."""
    return page(
        request, "clients/known.html", {"rows": rows_of(request, clients_known(request.actor)), "itself": CLIENT}
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_TENANT)
def create(request: MemberRequest) -> HttpResponse:
    """Registers a client. Its secret is in the answer to this one request and nowhere else."""
    form = ClientForm(request.POST or None)
    if form.is_valid():
        with form.submitting():
            client, secret = client_register(actor=request.actor, fields=form.client_fields())
            about = {"client": client, "secret": secret, "issuer": issuer_of(request.actor.tenant.id)}
            return page(request, "clients/created.html", about)
    return page(request, "clients/create.html", {"form": form}, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_TENANT)
def policy(request: MemberRequest) -> HttpResponse:
    """What clients may do by themselves."""
    current = policy_of(request.actor.tenant.id)
    initial = {
        "dynamic_registration": current.dynamic_registration,
        "allowed_hosts": "\n".join(current.allowed_hosts),
        "denied_hosts": "\n".join(current.denied_hosts),
    }
    form = PolicyForm(request.POST or None, initial=initial)
    if form.is_valid():
        with form.submitting():
            policy_set(actor=request.actor, **form.said())
            messages.success(request, "What clients may do by themselves is set.")
            return redirect("client_known", request.actor.tenant.slug)
    return page(request, "clients/policy.html", {"form": form}, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.VIEW)
def revoke(request: MemberRequest, grant_id: UUID) -> HttpResponse:
    """Asks once, then ends a grant."""
    grant = grant_shown(request.actor, grant_id)
    if request.method == "POST":
        grant_revoke(actor=request.actor, grant_id=grant_id)
        messages.success(request, f"{grant.client.name} is let in no more.")
        return redirect("client_list", request.actor.tenant.slug)
    return page(request, "clients/revoke.html", {"grant": grant, "words": scopes.in_words(grant.scopes)})


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_TENANT)
def remove(request: MemberRequest, client_row: UUID) -> HttpResponse:
    """Asks once, then forgets a client with all that it was granted."""
    client = client_shown(request.actor, client_row)
    if request.method == "POST":
        client_remove(actor=request.actor, client_row=client_row)
        messages.success(request, f"{client.name} is removed, and so is all that it was granted.")
        return redirect("client_known", request.actor.tenant.slug)
    return page(request, "clients/remove.html", {"client": client})


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_MEMBERS)
def groups(request: MemberRequest, client_row: UUID) -> HttpResponse:
    """In which groups a client is that acts for itself: rules of endpoints go by them."""
    client = client_of_its_own(client_row)
    form = GroupsForm(
        request.POST if request.method == "POST" else None,
        initial={"groups": [str(group) for group in client_groups(client)]},
    )
    if form.is_valid():
        with form.submitting():
            wanted = [UUID(group) for group in form.cleaned_data["groups"]]
            client_groups_set(actor=request.actor, client_id=client_row, groups=wanted)
            messages.success(request, f"The groups of {client.name} are set. Workers go by them within a second.")
            return redirect("client_known", request.actor.tenant.slug)
    return page(request, "clients/groups.html", {"client": client, "form": form}, status=form.status)


def _destination(grant: ClientGrant) -> str:
    return redirects.destination(grant.redirect_uri) if grant.redirect_uri else grant.get_origin_display()
