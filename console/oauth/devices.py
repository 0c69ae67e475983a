"""The page on which people type the code that a device shows (RFC 8628 section 3.3), and answer what it asks."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from console.access import PersonRequest, person
from console.client_addresses import client_address
from console.entry import signed_in
from console.forms import INVALID_STATUS
from console.oauth.pages import ALLOW, sent_first
from console.oauth.resources import EndpointResources
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import memberships_of
from tenants.authorization import consents, device_codes, people, scopes
from tenants.authorization.resources import Resource
from tenants.models import DeviceCode, Tenant
from tenants.services.networks import require_console_address

LONGEST_CODE = 20
UNKNOWN = "No device waits with this code. Codes are good for ten minutes: start again on the device."


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@person
def enter(request: PersonRequest) -> HttpResponse:
    """Takes the code; what it asks for comes next, even where the code came with the address."""
    if request.method != "POST":
        typed = request.GET.get("user_code", "")[:LONGEST_CODE]
        return render(request, "oauth/device.html", {"user_code": typed})
    typed = request.POST.get("user_code", "")[:LONGEST_CODE]
    device_codes.require_tries(request.user)
    found = _found(request, typed)
    if found is None:
        shown = {"user_code": typed, "error": UNKNOWN}
        return render(request, "oauth/device.html", shown, status=INVALID_STATUS)
    tenant, row = found
    require_console_address(tenant, client_address(request))
    return sent_first(request, tenant, f"{request.path}?user_code={typed}") or _asked(request, tenant, row, typed)


@never_cache
@require_POST
@person
def answer(request: PersonRequest) -> HttpResponse:
    """Takes the person's answer, once."""
    question = consents.opened(request.POST.get("question", ""), bound_to=_whose(request))
    tenant_id, device_id = UUID(question.fields["tenant"]), UUID(question.fields["device"])
    tenant = next((each for each in _tenants(request) if each.pk == tenant_id), None)
    if tenant is None or sent_first(request, tenant, "") is not None:
        raise Refused(refusals.NOT_FOUND)
    require_console_address(tenant, client_address(request))
    is_allowed = request.POST.get("answer") == ALLOW
    by_sso = signed_in(request, request.user, tenant_id).by_sso
    with tenant_context(tenant_id):
        row = device_codes.waiting_still(device_id)
        if is_allowed:
            chosen = _resource(row, request.POST.get("resource", ""))
            device_codes.device_allowed(row, request.user, chosen, by_sso=by_sso)
        else:
            device_codes.device_refused(row)
        consents.use_up(tenant_id, question)
    done = {"tenant": tenant, "client": row.client, "allowed": is_allowed}
    return render(request, "oauth/device_done.html", done)


def _tenants(request: PersonRequest) -> list[Tenant]:
    """The tenants that a code may be of: those of the person."""
    found = [membership.tenant for membership in memberships_of(request.user)]
    return [tenant for tenant in found if not tenant.is_being_deleted]


def _found(request: PersonRequest, typed: str) -> tuple[Tenant, DeviceCode] | None:
    for tenant in _tenants(request):
        with tenant_context(tenant.pk):
            row = device_codes.waiting(typed)
        if row is not None:
            return tenant, row
    return None


def _asked(request: PersonRequest, tenant: Tenant, row: DeviceCode, typed: str) -> HttpResponse:
    with tenant_context(tenant.pk):
        scope = scopes.within(row.scopes, people.most_of(request.user.pk))
        choices = _choices(row)
    if not choices or not scope:
        return render(request, "oauth/device.html", {"error": "There is nothing here that you could let it in to."})
    fields = {"tenant": str(tenant.pk), "device": str(row.pk)}
    about = {
        "tenant": tenant,
        "client": row.client,
        "resource": choices[0],
        "choices": choices if len(choices) > 1 else [],
        "words": scopes.in_words(scope),
        "scopes": scope,
        "user_code": typed.upper(),
        "question": consents.sealed(fields, bound_to=_whose(request)),
    }
    return render(request, "oauth/device_consent.html", about)


def _choices(row: DeviceCode) -> list[Resource]:
    """The endpoint that the device asks for, or all where it names none. Inside the tenant's context."""
    known = EndpointResources(row.tenant_id)
    if not row.resource:
        return known.all()
    named = known.named(row.resource)
    return [] if named is None else [named]


def _resource(row: DeviceCode, url: str) -> Resource:
    choices = _choices(row)
    found = choices if len(choices) == 1 else [choice for choice in choices if choice.url == url]
    if not found:
        raise Refused(refusals.NOT_FOUND, "Go back and choose the endpoint that it may come in to.")
    return found[0]


def _whose(request: HttpRequest) -> str:
    return f"device {request.user.pk} {request.session.session_key}"
