"""The demo itself: a person with a random password, their tenant, an endpoint with every built-in tool, a key."""

import secrets

from allauth.account.models import EmailAddress

from config.machine.options import state_folder
from config.quickstart.facts import Facts, present_addresses
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.addresses import mcp_url
from mcp_runtime.models import AccessKey, Endpoint, Tool
from mcp_runtime.services.access_keys import access_key_issue, access_key_revoke
from mcp_runtime.services.conformance import conformance_endpoint
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.tools import tool_create
from mcp_runtime.sources.builtin.catalogue import CATALOGUE
from mcp_runtime.sources.contract import ToolDraft
from tenants.access import Actor, actor_for, memberships_of
from tenants.models import Role, Tenant, User
from tenants.services.tenants import tenant_create

EMAIL = "demo@example.com"  # RFC 2606 section 3: this domain is nobody's
SLUG = "demo"
KEY_NAME = "Quick start"
INSTRUCTIONS = "A demo endpoint: every tool that the platform has built in."
PASSWORD_BYTES = 12


def seed() -> Facts:
    """Makes what is missing and writes the facts. The access key is new each time: the former one is revoked."""
    folder = state_folder()
    user, password = _person(Facts.read(folder))
    tenant = _tenant(user)
    actor = actor_for(user, tenant.slug)
    with tenant_context(tenant.id):
        endpoint = _endpoint(actor)
        _tools(actor, endpoint)
        key = _key(actor, endpoint)
        conformance = conformance_endpoint(actor=actor)
    facts = Facts(
        tenant=tenant.slug,
        endpoint=endpoint.slug,
        mcp_url=mcp_url(tenant.slug, endpoint.slug),
        conformance_url=mcp_url(tenant.slug, conformance.slug),
        api_key=key,
        email=user.email,
        password=password,
        **present_addresses(),
    )
    facts.write(folder)
    return facts


def _person(former: Facts | None) -> tuple[User, str]:
    user = User.objects.filter(email=EMAIL).first()
    if user and former and user.check_password(former.password):
        return user, former.password
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    if user is None:
        user = User.objects.create_user(EMAIL, password, name="Demo")
    else:
        user.set_password(password)
        user.save(update_fields=["password"])
    EmailAddress.objects.update_or_create(user=user, email=EMAIL, defaults={"verified": True, "primary": True})
    return user, password


def _tenant(user: User) -> Tenant:
    for membership in memberships_of(user):
        if membership.role == Role.OWNER and not membership.tenant.is_being_deleted:
            return membership.tenant
    try:
        return tenant_create(owner=user, name="Demo", slug=SLUG)
    except Refused as refused:
        if refused.refusal is not refusals.CONFLICT:
            raise
        return tenant_create(owner=user, name="Demo")  # somebody else has the slug: one is made up


def _endpoint(actor: Actor) -> Endpoint:
    found = Endpoint.objects.filter(slug=SLUG).first()
    return found or endpoint_create(actor=actor, slug=SLUG, name="Demo", instructions=INSTRUCTIONS)


def _tools(actor: Actor, endpoint: Endpoint) -> None:
    there = set(Tool.objects.filter(endpoint=endpoint).values_list("name", flat=True))
    for name in CATALOGUE:
        if name not in there:
            draft = ToolDraft(name=name, config={"function": name})
            tool_create(actor=actor, endpoint_slug=endpoint.slug, source="builtin", draft=draft)


def _key(actor: Actor, endpoint: Endpoint) -> str:
    live = AccessKey.objects.filter(endpoint=endpoint, name=KEY_NAME, revoked_at=None)
    for former in live.values_list("pk", flat=True):
        access_key_revoke(actor=actor, endpoint_slug=endpoint.slug, access_key_id=former)
    _, secret = access_key_issue(actor=actor, endpoint_slug=endpoint.slug, name=KEY_NAME)
    return secret
