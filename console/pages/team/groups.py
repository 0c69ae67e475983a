"""Groups of members and clients: see, make, fill, delete."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from console.access import MemberRequest, member
from console.forms import ServiceForm
from console.rendering import page
from tenants.access import Permission
from tenants.models import Group, GroupSource
from tenants.models.group import LONGEST_GROUP_NAME
from tenants.selectors import clients_of_their_own, group_clients, group_emails, group_of, groups_by_name
from tenants.services.client_groups import group_clients_set
from tenants.services.groups import group_create, group_delete, group_fill

LONGEST_LIST = 500_000


class GroupForm(ServiceForm):
    """A group's name."""

    name = forms.CharField(max_length=LONGEST_GROUP_NAME)


class MembersForm(ServiceForm):
    """Who is in a group."""

    emails = forms.CharField(
        label="Members",
        required=False,
        max_length=LONGEST_LIST,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text="Addresses of members, one a line.",
    )

    def clean_emails(self) -> list[str]:
        text: str = self.cleaned_data["emails"]
        return text.replace(",", " ").split()


class ClientsForm(ServiceForm):
    """Which clients are in a group."""

    clients = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Those that act for themselves: a client that acts for people has the groups of these.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        clients = self.fields["clients"]
        if isinstance(clients, forms.MultipleChoiceField):
            clients.choices = [(str(client.pk), client.name) for client in clients_of_their_own()]


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_MEMBERS)
def index(request: MemberRequest) -> HttpResponse:
    """Every group, and a form for another one."""
    form = GroupForm(request.POST or None)
    if form.is_valid():
        with form.submitting():
            group = group_create(actor=request.actor, **form.cleaned_data)
            return redirect("group_detail", request.actor.tenant.slug, group.pk)
    return page(request, "team/groups.html", {"groups": groups_by_name(), "form": form}, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_MEMBERS)
def detail(request: MemberRequest, group_id: UUID) -> HttpResponse:
    """Who is in a group."""
    group = group_of(group_id)
    form = _members_form(group, request.POST or None)
    if form.is_valid():
        with form.submitting():
            group_fill(actor=request.actor, group_id=group_id, emails=form.cleaned_data["emails"])
            messages.success(request, f"{group.name} is changed. Workers go by it within a second.")
            return redirect("group_list", request.actor.tenant.slug)
    return _page(request, group, members=form)


@require_POST
@member(Permission.MANAGE_MEMBERS)
def clients(request: MemberRequest, group_id: UUID) -> HttpResponse:
    """Says which clients are in a group."""
    group = group_of(group_id)
    form = ClientsForm(request.POST)
    if form.is_valid():
        with form.submitting():
            wanted = [UUID(client) for client in form.cleaned_data["clients"]]
            group_clients_set(actor=request.actor, group_id=group_id, clients=wanted)
            messages.success(request, f"{group.name} is changed. Workers go by it within a second.")
            return redirect("group_detail", request.actor.tenant.slug, group_id)
    return _page(request, group, clients=form)


@require_POST
@member(Permission.MANAGE_MEMBERS)
def delete(request: MemberRequest, group_id: UUID) -> HttpResponse:
    """Deletes a group."""
    group_delete(actor=request.actor, group_id=group_id)
    messages.success(request, "The group is deleted. Rules that name it let nobody in.")
    return redirect("group_list", request.actor.tenant.slug)


def _members_form(group: Group, typed: QueryDict | None = None) -> MembersForm:
    return MembersForm(typed, initial={"emails": "\n".join(group_emails(group))})


def _page(
    request: MemberRequest, group: Group, *, members: MembersForm | None = None, clients: ClientsForm | None = None
) -> HttpResponse:
    members = members or _members_form(group)
    clients = clients or ClientsForm(initial={"clients": [str(client) for client in group_clients(group)]})
    context = {
        "group": group,
        "form": members,
        "clients": clients,
        "is_ours": group.source == GroupSource.MANUAL,
    }
    return page(request, "team/group.html", context, status=max(members.status, clients.status))
