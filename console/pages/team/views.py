"""Members: see, give another role, remove, leave, hand the tenant over."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.access import MemberRequest, member
from console.pages.team.forms import InvitationForm, RoleForm, TransferForm, grantable_roles
from console.rendering import page, query_of, rows_of
from tenants.access import Permission
from tenants.selectors import invitations_open, member_of, members_matching
from tenants.services.members import member_change_role, member_deactivate, member_reactivate, member_remove
from tenants.services.tenants import tenant_transfer


@require_safe
@member(Permission.VIEW)
def index(request: MemberRequest) -> HttpResponse:
    """Members and open invitations."""
    return team_page(request, InvitationForm(request.actor, initial={"role": "developer"}))


def team_page(request: MemberRequest, form: InvitationForm) -> HttpResponse:
    """The team's page around an invitation form, which may hold what was typed and what was wrong with it."""
    query = query_of(request)
    context = {
        "rows": rows_of(request, members_matching(query)),
        "query": query,
        "invitations": invitations_open() if request.actor.may(Permission.MANAGE_MEMBERS) else [],
        "roles": grantable_roles(request.actor),
        "form": form,
    }
    template = "team/index.html#rows" if request.htmx else "team/index.html"
    return page(request, template, context, status=form.status)


@require_POST
@member(Permission.MANAGE_MEMBERS)
def change_role(request: MemberRequest, user_id: UUID) -> HttpResponse:
    """Gives a member another role."""
    changed = member_of(user_id)
    form = RoleForm(request.actor, request.POST)
    if form.is_valid():
        with form.submitting():
            membership = member_change_role(actor=request.actor, user_id=user_id, **form.cleaned_data)
            messages.success(request, f"{changed.user.email} is now {membership.get_role_display().lower()}.")
    for sentence in _sentences(form):
        messages.error(request, sentence)
    return redirect("team", request.actor.tenant.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_MEMBERS)
def remove(request: MemberRequest, user_id: UUID) -> HttpResponse:
    """Asks once, then takes a member out of the tenant."""
    leaving = member_of(user_id)
    if request.method == "POST":
        receipt = member_remove(actor=request.actor, user_id=user_id)
        messages.success(request, f"{leaving.user.email} is no longer a member.")
        return redirect("deprovision", request.actor.tenant.slug, receipt.pk)
    return page(request, "team/remove.html", {"membership": leaving})


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_MEMBERS)
def deactivate(request: MemberRequest, user_id: UUID) -> HttpResponse:
    """Asks once, then makes a member a stranger until they are reactivated."""
    leaving = member_of(user_id)
    if request.method == "POST":
        receipt = member_deactivate(actor=request.actor, user_id=user_id)
        messages.success(request, f"{leaving.user.email} is deactivated.")
        return redirect("deprovision", request.actor.tenant.slug, receipt.pk)
    return page(request, "team/deactivate.html", {"membership": leaving})


@require_POST
@member(Permission.MANAGE_MEMBERS)
def reactivate(request: MemberRequest, user_id: UUID) -> HttpResponse:
    """Lets a deactivated member in again."""
    back = member_of(user_id)
    member_reactivate(actor=request.actor, user_id=user_id)
    messages.success(request, f"{back.user.email} is a member again.")
    return redirect("team", request.actor.tenant.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.VIEW)
def leave(request: MemberRequest) -> HttpResponse:
    """Asks once, then ends the person's own membership."""
    if request.method == "POST":
        member_remove(actor=request.actor, user_id=request.user.pk)
        messages.success(request, f"You have left {request.actor.tenant.name}.")
        return redirect("tenant_list")
    return page(request, "team/leave.html", {})


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.TRANSFER_OR_DELETE)
def transfer(request: MemberRequest) -> HttpResponse:
    """Hands ownership to another member."""
    others = list(members_matching().active().exclude(user=request.user))
    form = TransferForm(others, request.POST or None)
    if form.is_valid():
        with form.submitting():
            tenant_transfer(actor=request.actor, to_user_id=UUID(form.cleaned_data["member"]))
            messages.success(request, f"{request.actor.tenant.name} has a new owner. You are an admin now.")
            return redirect("team", request.actor.tenant.slug)
    return page(request, "team/transfer.html", {"form": form, "others": others}, status=form.status)


def _sentences(form: RoleForm) -> list[str]:
    return [str(sentence) for sentences in form.errors.values() for sentence in sentences]
