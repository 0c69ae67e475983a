"""Every page of a tenant, in both themes, at a desk's width and a phone's: nothing sticks out, nothing is refused."""

import http.cookiejar
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page

from billing.uptime.minutes import MINUTES, Evidence
from billing.uptime.recording import endpoints_watched, evidence_add
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, Prompt, Resource, Tool
from mcp_runtime.services.access_keys import access_key_issue, access_key_revoke
from mcp_runtime.services.content import prompt_create, resource_create
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.hosts import host_claim
from mcp_runtime.services.status_page import status_page_set
from mcp_runtime.services.tools import tool_create
from mcp_runtime.sources.contract import PromptDraft, ResourceDraft, ToolDraft
from tenants.models import EndpointHost, Membership, Role, SsoKind, Tenant, User
from tenants.services.api_keys import api_key_issue
from tenants.services.members import member_invite
from tenants.sso.connections import connection_create
from tests.conftest import Cast, make_user
from tests.console.runtime import running_runtime
from tests.e2e.conftest import Look
from tests.isolation.billed import billed

LONG = "A-name-that-goes-on-and-on-without-any-space-to-break-it-at-all-as-names-do"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Name of the city, in any language."},
        "days": {"type": "integer", "default": 3, "description": "How far to look ahead."},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "exact": {"type": "boolean"},
        "stations": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["city"],
    "additionalProperties": False,
}
HTTP = ToolDraft(
    name="get_weather_forecast",
    title="Weather forecast",
    description="The forecast for a city, as the national service publishes it. Needs the name of the city.",
    input_schema=SCHEMA,
    annotations={"readOnlyHint": True},
    config={
        "method": "POST",
        "url": "https://api.weather.example.com/v1/cities/{city}/forecast",
        "query": {"days": "{days}", "unit": "{unit}"},
        "headers": {"Accept-Language": "en"},
        "body": {"kind": "json", "template": {"stations": "{stations}", "exact": "{exact}"}},
        "result": {"pointer": "/data/0"},
    },
    secrets={"Authorization": "Bearer secret"},
)
FORECAST = PromptDraft(
    name="weekly_forecast_letter",
    title="Forecast letter",
    description="A letter about the weather of a week, with an example of the tone.",
    arguments=[{"name": "city", "description": "Name of the city.", "required": True}, {"name": "tone"}],
    config={
        "messages": [
            {
                "role": "user",
                "content": {"type": "text", "text": "Write a letter about the weather in {city}, {tone}."},
            },
            {"role": "assistant", "content": {"type": "resource_link", "uri": "notes://tone/plain", "name": "Tone"}},
        ],
        "completions": {"tone": ["plain", "warm"]},
    },
)
NOTES = (
    ResourceDraft(uri="notes://tone/{name}", is_template=True, name="Tones", config={"text": "{name}: as it says."}),
    ResourceDraft(uri=f"https://example.com/{LONG}/{LONG}", name=LONG, mime_type="image/png", config={"blob": "AAAA"}),
)
NOW = timezone.now()
HOSTS: dict[str, dict[str, Any]] = {
    "mcp.example.com": {},
    f"{'a' * 60}.example.com": {"verified_at": NOW},
    "missing.example.com": {"verified_at": NOW, "missing_since": NOW, "last_error": "We looked for a TXT record."},
    "gone.example.com": {"missing_since": NOW, "withdrawn_at": NOW},
}
PAGES = {
    "overview": "",
    "endpoints": "endpoints/",
    "endpoints-search": "endpoints/?q=nothing",
    "endpoint-new": "new-endpoint/",
    "endpoint": "endpoints/weather/",
    "endpoint-empty": "endpoints/calendar/",
    "endpoint-settings": "endpoints/weather/settings/",
    "endpoint-delete": "endpoints/weather/delete/",
    "prompts": "endpoints/weather/prompts/",
    "prompts-empty": "endpoints/calendar/prompts/",
    "prompt-new": "endpoints/weather/prompts/new/",
    "prompt": "endpoints/weather/prompts/{prompt}/",
    "prompt-edit": "endpoints/weather/prompts/{prompt}/edit/",
    "prompt-delete": "endpoints/weather/prompts/{prompt}/delete/",
    "resources": "endpoints/weather/resources/",
    "resources-empty": "endpoints/calendar/resources/",
    "resource-new": "endpoints/weather/resources/new/",
    "resource": "endpoints/weather/resources/{resource}/",
    "resource-edit": "endpoints/weather/resources/{resource}/edit/",
    "resource-delete": "endpoints/weather/resources/{resource}/delete/",
    "sso": "sso/",
    "sso-new": "sso/new/",
    "issuers": "trusted-issuers/",
    "issuer-new": "trusted-issuers/new/",
    "sso-oidc": "sso/{oidc}/",
    "sso-saml": "sso/{saml}/",
    "client-new": "clients/new/",
    "client-policy": "clients/policy/",
    "provisioning": "settings/provisioning/",
    "uptime": "uptime/",
    "usage": "usage/",
    "alerts": "alerts/",
    "audit": "settings/audit/",
    "billing": "billing/",
    "billing-yearly": "billing/?by=year",
    "billing-cap": "billing/cap/",
    "billing-invoice": "billing/invoices/{invoice}/",
    "billing-line": "billing/invoices/{invoice}/{line}/",
    "hosts": "hosts/",
    "host-release": "hosts/{host}/release/",
    "rules": "endpoints/weather/rules/",
    "rules-why": "endpoints/weather/rules/why/?who=&tool=echo",
    "keys": "endpoints/weather/keys/",
    "keys-empty": "endpoints/calendar/keys/",
    "key-new": "endpoints/weather/keys/new/",
    "tools-choose": "endpoints/weather/tools/new/",
    "tool-new-builtin": "endpoints/weather/tools/new/builtin/?choice=calculate",
    "tool-new-http": "endpoints/weather/tools/new/http/",
    "tool": "endpoints/weather/tools/{tool}/",
    "tool-edit": "endpoints/weather/tools/{tool}/edit/",
    "tool-delete": "endpoints/weather/tools/{tool}/delete/",
    "playground": "playground/?endpoint=weather&tool=get_weather_forecast",
    "team": "team/",
    "team-sessions": "team/sessions/",
    "team-leave": "team/leave/",
    "team-transfer": "team/transfer/",
    "settings": "settings/",
    "settings-networks": "settings/networks/",
    "settings-delete": "settings/delete/",
    "api-keys": "settings/api-keys/",
    "api-key-new": "settings/api-keys/new/",
}


@pytest.fixture
def furnished(cast: Cast) -> tuple[Tenant, Tool]:
    """A tenant in use: endpoints, tools, keys in every state, members, invitations, names that are too long."""
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        for slug, name in (("weather", "Weather"), ("calendar", "Calendar"), ("long", LONG)):
            endpoint_create(actor=actor, slug=slug, name=name)
        for function in ("echo", "time", "calculate"):
            draft = ToolDraft(name=function, config={"function": function})
            tool_create(actor=actor, endpoint_slug="weather", source="builtin", draft=draft)
        tool = tool_create(actor=actor, endpoint_slug="weather", source="http", draft=HTTP)
        prompt_create(actor=actor, endpoint_slug="weather", source="static", draft=FORECAST)
        for note in NOTES:
            resource_create(actor=actor, endpoint_slug="weather", source="static", draft=note)
        for host, moments in HOSTS.items():
            made = host_claim(actor=actor, name=host, endpoint_slug="weather")
            EndpointHost.objects.filter(pk=made.pk).update(**moments)
        access_key_issue(actor=actor, endpoint_slug="weather", name="Claude on my laptop")
        key, _ = access_key_issue(actor=actor, endpoint_slug="weather", name=LONG, tools=["echo", "time"])
        access_key_revoke(actor=actor, endpoint_slug="weather", access_key_id=key.pk)
        api_key_issue(actor=actor, name="Pipeline", role="developer")
        member_invite(actor=actor, email=f"{'long' * 12}@example.com", role="viewer")
        for name, role in (("ada", Role.ADMIN), ("vera", Role.VIEWER)):
            Membership.objects.create(tenant=cast.tenant, user=make_user(name), role=role)
        _have_lived(cast.tenant)
        status_page_set(actor=actor, name=cast.tenant.name, endpoint_slugs=["weather", "long"], published=True)
    return cast.tenant, tool


def _have_lived(tenant: Tenant) -> None:
    """Has endpoints been watched for a fortnight, with a short and a long outage, the latter until now."""
    rows = {row.pk: (row.slug, row.name) for row in Endpoint.objects.all()}
    endpoints_watched(tenant.pk, rows, NOW - timedelta(days=14))
    up, night = Evidence(up=(1 << MINUTES) - 1), Evidence(up=(1 << MINUTES) - (1 << 300))
    hiccup = Evidence(up=night.up | (1 << 297) - 1)
    for back in range(15):
        days = {1: {"weather": hiccup, "long": night}, 0: {"long": Evidence()}}.get(back, {})
        day = (NOW - timedelta(days=back)).date()
        evidence_add(tenant.pk, {(pk, day): days.get(slug, up) for pk, (slug, _) in rows.items()})


def sign_in(look: Look, cast: Cast) -> None:
    """Gives Alice's session to the browser."""
    sign_in_as(look.page, look.url, cast.alice)


def sign_in_as(page: Page, url: str, person: User) -> None:
    """Gives somebody's session to a browser."""
    client = Client()
    client.force_login(person)
    cookie: http.cookiejar.Cookie = client.cookies["sessionid"]  # type: ignore[assignment]
    page.context.add_cookies([{"name": "sessionid", "value": str(cookie.value), "url": url}])


@pytest.mark.e2e
@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
def test_every_page_fits(look: Look, cast: Cast, furnished: tuple[Tenant, Tool], theme: str, width: int) -> None:
    tenant, tool = furnished
    sign_in(look, cast)
    look.page.emulate_media(color_scheme="light" if theme == "light" else "dark", reduced_motion="reduce")
    look.page.set_viewport_size({"width": width, "height": 800})
    with tenant_context(tenant.pk):
        ids: dict[str, Any] = {
            "tool": tool.pk,
            "prompt": Prompt.objects.get().pk,
            "resource": Resource.objects.get(uri=NOTES[1].uri).pk,
            "host": EndpointHost.objects.get(name="mcp.example.com").pk,
        }
        invoiced = billed(tenant, LONG)
        ids |= {"invoice": invoiced["invoice"], "line": invoiced["invoice_line"]}
        for kind in SsoKind.values:
            ids[kind] = connection_create(actor=cast.acting_inside(cast.alice, tenant), name=kind, kind=kind).pk
    for name, path in PAGES.items():
        look.open(f"/t/{tenant.slug}/{path.format(**ids)}")
        assert look.page.locator("h1").inner_text().strip(), name
        look.keep(f"{name}-{theme}-{width}")
    look.open(f"/status/{tenant.slug}/")
    look.keep(f"status-{theme}-{width}")
    look.open("/t/")
    look.keep(f"tenants-{theme}-{width}")
    look.open("/t/new/")
    look.keep(f"tenant-new-{theme}-{width}")
    look.open("/account/sessions/")
    look.keep(f"account-sessions-{theme}-{width}")
    look.open("/account/close/")
    look.keep(f"account-close-{theme}-{width}")


@pytest.mark.e2e
def test_a_newcomer_goes_all_the_way_to_a_tool_of_their_own(look: Look, settings: Any) -> None:
    with running_runtime() as settings.RUNTIME_INTERNAL_URL:
        page = look.page
        look.open("/")
        page.get_by_role("link", name="Make an endpoint").first.click()
        look.sign_up("Nora")
        page.get_by_label("Name your tenant").fill("Nora's tools")
        look.keep("welcome-1")
        page.get_by_role("button", name="Create tenant").click()
        look.keep("welcome-2")
        page.get_by_role("button", name="Call it").click()
        page.get_by_text("Succeeded").wait_for()
        look.keep("welcome-3")
        page.get_by_role("button", name="Make a key").click()
        page.get_by_text("it is stored hashed").wait_for()
        look.keep("welcome-4")
        page.get_by_role("link", name="Open First endpoint").click()
        page.get_by_role("link", name="Add tool").click()
        page.get_by_role("link", name="Choose Unit converter").click()
        page.get_by_label("Name", exact=True).fill("convert")
        page.get_by_role("button", name="Create tool").click()
        page.get_by_text("Tool convert is live").wait_for()
        look.keep("tool-created")
        page.get_by_label("value", exact=True).fill("1")
        page.get_by_label("from", exact=True).select_option("km")
        page.get_by_label("to", exact=True).select_option("m")
        page.get_by_role("button", name="Call convert").click()
        page.get_by_text("Succeeded").wait_for()
        page.get_by_text("1000").first.wait_for()
        look.keep("tool-tried")
        page.get_by_text("Request and response").click()
        look.keep("tool-exchange")
