"""Provisioning connections: make, look at, give tokens and roles, delete."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.entitlements import Right
from billing.lifting import lack_of
from console.access import MemberRequest, member
from console.pages.provisioning.forms import ConnectionForm, GroupRoleForm, TokenForm
from console.rendering import page, rows_of
from console.scim.addresses import base_url
from tenants.access import Permission
from tenants.scim import connections
from tenants.scim.selectors import scim_connections, scim_groups, scim_requests, scim_tokens, standing_of

SHOWN_REQUESTS = 50


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_MEMBERS)
def index(request: MemberRequest) -> HttpResponse:
    """Every connection, and a form for a new one."""
    form = ConnectionForm(request.actor, request.POST or None)
    if form.is_valid():
        with form.submitting():
            made = connections.scim_connection_create(actor=request.actor, **form.cleaned_data)
            return redirect("scim_connection", request.actor.tenant.slug, made.pk)
    lack = lack_of(request.actor.tenant.id, Right.SCIM)
    context = {"connections": scim_connections(), "form": form, "lack": lack}
    return page(request, "provisioning/index.html", context, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_MEMBERS)
def show(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """One connection: its address, tokens, people, groups and last requests. A POST changes name and role."""
    connection = connections.scim_connection_of(connection_id)
    initial = {"name": connection.name, "default_role": connection.default_role}
    form = ConnectionForm(request.actor, request.POST or None, initial=initial)
    if form.is_valid():
        with form.submitting():
            connections.scim_connection_change(actor=request.actor, connection_id=connection_id, **form.cleaned_data)
            messages.success(request, "The connection is changed.")
            return redirect("scim_connection", request.actor.tenant.slug, connection_id)
    context = {
        "connection": connection,
        "base_url": base_url(connection.pk),
        "form": form,
        "token_form": TokenForm(),
        "tokens": scim_tokens(connection),
        "groups": rows_of(request, scim_groups(connection)),
        "roles": GroupRoleForm(request.actor).fields["role"].choices,  # type: ignore[attr-defined]  # a ChoiceField
        "standing": standing_of(connection),
        "requests": scim_requests(connection)[:SHOWN_REQUESTS],
    }
    return page(request, "provisioning/show.html", context, status=form.status)


@never_cache
@require_POST
@member(Permission.MANAGE_MEMBERS)
def token_create(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """A new token. Its secret is in the answer to this one request and nowhere else."""
    connection = connections.scim_connection_of(connection_id)
    form = TokenForm(request.POST)
    if form.is_valid():
        with form.submitting():
            _, secret = connections.scim_token_issue(
                actor=request.actor, connection_id=connection_id, expires_at=form.cleaned_data["expires_at"]
            )
            context = {"connection": connection, "secret": secret, "base_url": base_url(connection_id)}
            return page(request, "provisioning/token.html", context)
    for sentences in form.errors.values():
        messages.error(request, " ".join(str(sentence) for sentence in sentences))
    return redirect("scim_connection", request.actor.tenant.slug, connection_id)


@require_POST
@member(Permission.MANAGE_MEMBERS)
def token_revoke(request: MemberRequest, connection_id: UUID, token_id: UUID) -> HttpResponse:
    """Ends a token."""
    connections.scim_token_revoke(actor=request.actor, connection_id=connection_id, token_id=token_id)
    messages.success(request, "The token is revoked.")
    return redirect("scim_connection", request.actor.tenant.slug, connection_id)


@require_POST
@member(Permission.MANAGE_MEMBERS)
def group_role(request: MemberRequest, connection_id: UUID, group_id: UUID) -> HttpResponse:
    """Gives the members of a group a role, or none."""
    form = GroupRoleForm(request.actor, request.POST)
    if form.is_valid():
        with form.submitting():
            group = connections.group_take_role(
                actor=request.actor, connection_id=connection_id, group_id=group_id, role=form.cleaned_data["role"]
            )
            messages.success(request, f"{group.name} is changed, and so are its members.")
    for sentences in form.errors.values():
        messages.error(request, " ".join(str(sentence) for sentence in sentences))
    return redirect("scim_connection", request.actor.tenant.slug, connection_id)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_MEMBERS)
def delete(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """Asks once, then ends provisioning."""
    connection = connections.scim_connection_of(connection_id)
    if request.method == "POST":
        connections.scim_connection_delete(actor=request.actor, connection_id=connection_id)
        messages.success(request, f"{connection.name} provisions nobody any more.")
        return redirect("scim_connection_list", request.actor.tenant.slug)
    return page(request, "provisioning/delete.html", {"connection": connection})


@require_safe
@member(Permission.MANAGE_MEMBERS)
def requests(request: MemberRequest, connection_id: UUID) -> HttpResponse:
    """All requests that are kept."""
    connection = connections.scim_connection_of(connection_id)
    context = {"connection": connection, "rows": rows_of(request, scim_requests(connection))}
    return page(request, "provisioning/requests.html", context)
