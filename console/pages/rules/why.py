"""Why somebody may call a tool of an endpoint, or not."""

from functools import partial
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from console.access import MemberRequest, member
from console.client_addresses import client_address
from console.oauth.resources import EndpointResources
from console.pages.endpoints.views import about
from console.rendering import page
from mcp_runtime.explaining import Explanation, explain_client, explain_key, explain_member, explain_token
from mcp_runtime.models import Endpoint
from mcp_runtime.selectors import access_key_of, access_keys_matching
from mcp_runtime.services.endpoints import endpoint_for
from tenants.access import Permission
from tenants.selectors import client_of_its_own, clients_of_their_own, member_of, members_matching

MEMBER, KEY, CLIENT = "member", "key", "client"


class WhyForm(forms.Form):
    """Who calls which tool."""

    who = forms.ChoiceField(label="Who")
    tool = forms.CharField(label="Tool", max_length=64, widget=forms.TextInput(attrs={"spellcheck": "false"}))

    def __init__(self, choices: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        who = self.fields["who"]
        if isinstance(who, forms.ChoiceField):
            who.choices = choices


class PresentedForm(forms.Form):
    """A token of an issuer that the tenant trusts, and the tool that its bearer calls."""

    tool = forms.CharField(label="Tool", max_length=64, widget=forms.TextInput(attrs={"spellcheck": "false"}))
    token = forms.CharField(
        label="Access token",
        max_length=16_384,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"}),
        help_text="Of an issuer that you trust. Checked now, as a worker would, and not kept.",
    )


@require_safe
@member(Permission.VIEW)
def why(request: MemberRequest, endpoint: str) -> HttpResponse:
    """Members ask for themselves; who may see to members or keys, for these and for clients too."""
    found = endpoint_for(endpoint)
    form = WhyForm(_choices(request, found), request.GET if "tool" in request.GET else None)
    context = about(request, found, here="rules") | {"form": form}
    if form.is_valid():
        context["explanation"] = _explained(request, found, **form.cleaned_data)
    if request.actor.may(Permission.MANAGE_MEMBERS):
        context["presented"] = PresentedForm(auto_id="presented_%s")
    return page(request, "rules/why.html", context, status=422 if form.errors else 200)


@never_cache
@require_POST
@member(Permission.MANAGE_MEMBERS)
def why_presented(request: MemberRequest, endpoint: str) -> HttpResponse:
    """The same for whoever presents a token, which stands on no page afterwards."""
    found, form = endpoint_for(endpoint), PresentedForm(request.POST, auto_id="presented_%s")
    context = about(request, found, here="rules") | {"form": WhyForm(_choices(request, found))}
    if form.is_valid():
        said, is_address = form.cleaned_data, partial(EndpointResources(request.actor.tenant.id).is_at, endpoint=found)
        context["explanation"] = explain_token(endpoint=found, is_address=is_address, **said)
        context["presented"] = PresentedForm(auto_id="presented_%s", initial={"tool": said["tool"]})
    else:
        context["presented"] = form
    return page(request, "rules/why.html", context, status=422 if form.errors else 200)


def _choices(request: MemberRequest, endpoint: Endpoint) -> list[tuple[str, str]]:
    choices = [(f"{MEMBER}:{request.user.pk}", f"You ({request.user.email})")]
    if request.actor.may(Permission.MANAGE_MEMBERS):
        others = members_matching().exclude(user=request.user)
        choices += [(f"{MEMBER}:{row.user_id}", row.user.email) for row in others]
        choices += [(f"{CLIENT}:{client.pk}", f"Client {client.name}") for client in clients_of_their_own()]
    if request.actor.may(Permission.MANAGE_ACCESS_KEYS):
        choices += [(f"{KEY}:{key.pk}", f"Key {key.name} ({key.prefix}…)") for key in access_keys_matching(endpoint)]
    return choices


def _explained(request: MemberRequest, endpoint: Endpoint, who: str, tool: str) -> Explanation:
    kind, _, found = who.partition(":")
    if kind == KEY:
        key = access_key_of(endpoint, UUID(found))
        return explain_key(endpoint=endpoint, access_key=key, tool=tool, address=None)
    if kind == CLIENT:
        client = client_of_its_own(UUID(found))
        return explain_client(endpoint=endpoint, client=client, tool=tool, address=None)
    own = found == str(request.user.pk)
    address = client_address(request) if own else None
    return explain_member(endpoint=endpoint, membership=member_of(UUID(found)), tool=tool, address=address)
