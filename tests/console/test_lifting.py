"""A refusal at a limit of the plan leads to the plan that lifts it, and what is beyond a plan is said."""

import pytest
from django.conf import settings
from django.test import Client

from billing.entitlements import entitlement_grant
from billing.lifting import lift_of
from billing.plans.models import Standing
from billing.plans.selling import plan_on_sale
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.services.endpoints import endpoint_create
from tenants.models import Role, ScimConnection
from tests.conftest import Cast, make_user, unique
from tests.console.api.conftest import Keys, keys
from tests.console.conftest import MakesEndpoint, make_tool, signed_in
from tests.entitled import entitle_outside

__all__ = ["keys"]

NEW = {"name": "One more", "slug": "one-more", "access": "key"}
LEADS = "Professional allows 100: see plans</a>"
ASKS = "Professional allows 100: ask an owner or admin of"


@pytest.fixture
def full(cast: Cast, make_endpoint: MakesEndpoint) -> None:
    """A tenant that has all the endpoints that it may have."""
    make_endpoint()
    entitle_outside(cast.tenant.id, "developer", endpoints=1)


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(("role", "said"), [(Role.OWNER, LEADS), (Role.ADMIN, LEADS), (Role.DEVELOPER, ASKS)])
def test_a_form_that_is_refused_names_the_plan_that_allows_it(cast: Cast, base: str, role: Role, said: str) -> None:
    person = {Role.OWNER: cast.alice, Role.DEVELOPER: cast.bob}.get(role) or cast.join("ada", role)
    told = signed_in(person).post(f"{base}/new-endpoint/", NEW)
    assert (told.status_code, "Your plan allows 1 endpoints." in told.text) == (422, True)
    plain = " ".join(told.text.split())
    assert said in plain
    assert (f'href="{base}/billing/#plans"' in plain) == (said == LEADS)


def test_where_plans_lead_there_are_plans(alice: Client, base: str) -> None:
    assert 'id="plans"' in alice.get(f"{base}/billing/").text


@pytest.mark.usefixtures("full")
def test_the_api_says_where_to_upgrade(cast: Cast, keys: Keys) -> None:
    refused = keys.developer.post("/endpoints", slug=unique("more"), name="One more")
    assert refused.body["entitlement"]["lifted_by"] == "professional"
    assert refused.body["upgrade_url"] == f"{settings.CONSOLE_URL}/t/{cast.tenant.slug}/billing/#plans"


def test_where_no_plan_would_allow_it_nothing_is_offered() -> None:
    data = {"limit": "endpoints", "allowed": 1, "used": 1, "plan": "unlimited", "lifted_by": None}
    assert lift_of(Refused(refusals.LIMIT_REACHED, "", data)) is None
    assert lift_of(Refused(refusals.LIMIT_REACHED, "An endpoint has at most 50 live keys.")) is None


def test_what_is_refused_for_not_paying_is_lifted_by_the_plan_itself(
    cast: Cast, keys: Keys, make_endpoint: MakesEndpoint
) -> None:
    for _ in range(10):
        make_endpoint()
    with tenant_context(cast.tenant.id):
        entitlement_grant(tenant_id=cast.tenant.id, plan=plan_on_sale("professional"), standing=Standing.LAPSED)
    refused = keys.developer.post("/endpoints", slug=unique("more"), name="One more")
    assert refused.body["entitlement"]["lifted_by"] == "professional"


@pytest.mark.parametrize(
    ("path", "lacks", "asks"),
    [
        ("sso/", "Single sign-on: not in Developer", "/sso/new/"),
        ("sso/new/", "Single sign-on: not in Developer", 'name="kind"'),
        ("settings/provisioning/", "Provisioning by SCIM: not in Developer", 'name="default_role"'),
        ("settings/audit/", "Exports of the audit log: not in Developer", "Download JSON Lines"),
        ("settings/audit/webhooks/new/", "Exports of the audit log: not in Developer", 'name="url"'),
    ],
)
def test_what_the_plan_lacks_is_said_before_a_form_is_filled_in(
    cast: Cast, alice: Client, path: str, lacks: str, asks: str
) -> None:
    base = f"/t/{cast.tenant.slug}"
    entitle_outside(cast.tenant.id, "developer")
    page = alice.get(f"{base}/{path}")
    assert (page.status_code, lacks in page.text, asks in page.text) == (200, True, False)
    assert "includes it: see plans" in page.text
    entitle_outside(cast.tenant.id, "enterprise")
    page = alice.get(f"{base}/{path}")
    assert (page.status_code, lacks in page.text, asks in page.text) == (200, False, True)


def test_a_page_that_refuses_leads_on_too(cast: Cast, alice: Client, base: str) -> None:
    entitle_outside(cast.tenant.id, "developer")
    told = alice.get(f"{base}/settings/audit/download/jsonl/")
    assert (told.status_code, "Professional includes it: see plans" in told.text) == (403, True)


def test_what_is_beyond_the_plan_is_said_to_everybody_and_leads_those_who_pay(
    cast: Cast, alice: Client, viewer: Client, base: str, make_endpoint: MakesEndpoint
) -> None:
    endpoint = make_endpoint("Weather")
    make_endpoint("Calendar")
    for name in ("a", "b"):
        make_tool(cast, endpoint, name=name)
    with tenant_context(cast.tenant.id):
        ScimConnection.objects.create(tenant=cast.tenant, name="Okta", default_role=Role.VIEWER)
    assert "More than the plan allows" not in alice.get(f"{base}/").text
    entitle_outside(cast.tenant.id, "developer", endpoints=1, members=2, tools_per_endpoint=1)
    owners, billing, others = (
        browser.get(path).text
        for browser, path in ((alice, f"{base}/"), (alice, f"{base}/billing/"), (viewer, f"{base}/"))
    )
    for page in (owners, billing, others):
        assert "You have 2 endpoints, Developer allows 1." in page
        assert "You have 3 members, Developer allows 2." in page
        assert "Weather has 2 tools, Developer allows 1 on an endpoint." in page
        assert "You use provisioning by SCIM, which Developer does not include." in page
    assert (f"{base}/billing/#plans" in owners, f"{base}/billing/#plans" in others) == (True, False)


def test_a_stranger_is_told_nothing(cast: Cast, charlie: Client, base: str) -> None:
    with tenant_context(cast.tenant.id):
        endpoint_create(actor=cast.acting_inside(cast.alice, cast.tenant), slug="a", name="A")
    entitle_outside(cast.tenant.id, "developer", endpoints=0)
    assert charlie.get(f"{base}/").status_code == 404
    assert signed_in(make_user("dora")).get(f"{base}/billing/").status_code == 404
