"""From which networks the tenant may be reached."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from console.access import MemberRequest, member
from console.client_addresses import client_address
from console.forms import ServiceForm
from console.rendering import page
from tenants.access import Permission
from tenants.services.networks import networks_set

LONGEST_LIST = 10_000


class NetworksForm(ServiceForm):
    """Two lists of networks, each a line for each."""

    endpoints = forms.CharField(
        label="Endpoints may be called from",
        required=False,
        max_length=LONGEST_LIST,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        help_text="Networks such as 192.0.2.0/24 or 2001:db8::/32, one a line. Empty: from everywhere.",
    )
    console = forms.CharField(
        label="Console and REST API may be used from",
        required=False,
        max_length=LONGEST_LIST,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        help_text="Your own address has to be among them. The owner reaches this page from everywhere.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        return {name: text.replace(",", " ").split() for name, text in cleaned.items()}


@require_http_methods(["GET", "HEAD", "POST"])
@member(Permission.MANAGE_TENANT, owner_from_anywhere=True)
def edit(request: MemberRequest) -> HttpResponse:
    """Both lists. An owner who is somewhere else than the console's list says may change them all the same."""
    tenant, address = request.actor.tenant, client_address(request)
    initial = {"endpoints": "\n".join(tenant.endpoint_networks), "console": "\n".join(tenant.console_networks)}
    form = NetworksForm(request.POST or None, initial=initial)
    if form.is_valid():
        with form.submitting():
            networks_set(actor=request.actor, **form.cleaned_data, address=address)
            messages.success(request, "The lists hold within a second. Streams from elsewhere end.")
            return redirect("tenant_networks", tenant.slug)
    return page(request, "settings/networks.html", {"form": form, "address": address}, status=form.status)
