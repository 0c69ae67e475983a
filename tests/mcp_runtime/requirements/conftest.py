"""An endpoint with the sandbox's tools, made once, and clients that speak one revision each."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from core.tenancy import tenant_context
from mcp_runtime.services.access_keys import access_key_issue
from mcp_runtime.services.content import prompt_create, resource_create
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.tools import tool_create
from mcp_runtime.sources.contract import PromptDraft, ResourceDraft, ToolDraft
from mcp_runtime.sources.registry import PROMPT_SOURCES, RESOURCE_SOURCES, SOURCES
from mcp_runtime.worker import Worker
from tenants.models import Tenant, User
from tenants.services.tenants import tenant_create
from tests.conftest import Cast, make_user, unique
from tests.entitled import entitle_outside
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.requirements.sandbox import (
    ICON,
    KIND,
    META,
    OUTPUT_SCHEMAS,
    TOOLS,
    Room,
    SandboxPrompts,
    SandboxResources,
    SandboxTools,
)
from tests.mcp_runtime.requirements.speaking import Speaker, speaking

PROMPTS = (
    (
        "static",
        PromptDraft(
            name="greet",
            title="Greet",
            description="Greets.",
            arguments=[{"name": "who", "title": "Who", "description": "Whom to greet.", "required": True}],
            config={"messages": [{"role": "user", "content": {"type": "text", "text": "Hello {who}"}}]},
            meta=META,
            icons=[ICON],
        ),
    ),
    (KIND, PromptDraft(name="ask", description="Asks.", arguments=[{"name": "who"}, {"name": "where"}])),
    (KIND, PromptDraft(name="rich", description="Of every kind of content.")),
)
NOTE = ResourceDraft(
    uri="notes://today", name="Today", title="Today", description="A note.", mime_type="text/plain",
    meta=META, icons=[ICON], config={"text": "Write tests."},
)  # fmt: skip
RESOURCES = (
    ("static", NOTE),
    ("static", ResourceDraft(uri="notes://picture", name="Picture", mime_type="image/png", config={"blob": "AA=="})),
    (
        "static",
        ResourceDraft(
            uri="notes://day/{day}",
            name="Day",
            title="Day",
            is_template=True,
            meta=META,
            icons=[ICON],
            config={"text": "{day}"},
        ),
    ),
    (KIND, ResourceDraft(uri="notes://asking", name="Asking")),
)


@pytest.fixture(scope="session", autouse=True)
def _sources() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SOURCES, KIND, SandboxTools())
        patch.setitem(PROMPT_SOURCES, KIND, SandboxPrompts())
        patch.setitem(RESOURCE_SOURCES, KIND, SandboxResources())
        yield


def furnish(tenant: Tenant, owner: User, **options: Any) -> Stage:
    """An endpoint with all tools, prompts and resources of the sandbox."""
    with tenant_context(tenant.id):
        actor = Cast.acting_inside(owner, tenant)
        endpoint = endpoint_create(actor=actor, slug=unique("sandbox"), name="Sandbox", **options)
        slug = endpoint.slug
        for name in (*TOOLS, "announce"):
            schema = TOOLS[name][1] if name in TOOLS else {"type": "object"}
            draft = ToolDraft(
                name=name, title=name.title(), description="For tests.", input_schema=schema,
                output_schema=OUTPUT_SCHEMAS.get(name), annotations={"readOnlyHint": True}, meta=META, icons=[ICON],
            )  # fmt: skip
            tool_create(actor=actor, endpoint_slug=slug, source=KIND, draft=draft)
        for source, prompt in PROMPTS:
            prompt_create(actor=actor, endpoint_slug=slug, source=source, draft=prompt)
        for source, resource in RESOURCES:
            resource_create(actor=actor, endpoint_slug=slug, source=source, draft=resource)
        access_key, key = access_key_issue(actor=actor, endpoint_slug=slug, name="laptop")
    return Stage(tenant, owner, endpoint, key, access_key)


def _tenant(owner: User) -> Tenant:
    """One whose plan all tests together do not exhaust."""
    tenant = tenant_create(owner=owner, name="Acme", slug=unique("acme"))
    entitle_outside(tenant.id, "unlimited")
    return tenant


@pytest.fixture(scope="session")
def sandbox(django_db_setup: None) -> Stage:
    """The endpoint that tests share; nobody changes it."""
    owner = make_user("alice")
    return furnish(_tenant(owner), owner)


@pytest.fixture(scope="session")
def neighbour(django_db_setup: None) -> Stage:
    """The same endpoint in Charlie's tenant."""
    owner = make_user("charlie")
    return furnish(_tenant(owner), owner)


@pytest.fixture(scope="session")
def colleague(sandbox: Stage) -> str:
    """A second key of the shared endpoint: another principal."""
    return sandbox.issue_key()[1]


@pytest.fixture
def room() -> Room:
    """Where this test meets its tools."""
    return Room()


type Meet = Callable[..., Awaitable[Speaker]]


@pytest.fixture
def meet(sandbox: Stage, worker: Worker, version: str) -> Meet:
    """Makes clients of the test's revision; options are those of `speaking`."""

    async def meeting(where: Stage = sandbox, at: Worker = worker, **options: Any) -> Speaker:
        options.setdefault("key", where.key)
        return await speaking(version, at, where.path, **options)

    return meeting


@pytest.fixture
async def speaker(meet: Meet) -> Speaker:
    """A client of the test's revision, which declares nothing."""
    return await meet()
