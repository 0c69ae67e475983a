"""Browsers of the cast, and what they find."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from console.pace import MOST
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, Tool
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.tools import tool_create
from mcp_runtime.sources.contract import ToolDraft
from tenants.models import Role, User
from tests.conftest import Cast, unique
from tests.console.runtime import running_runtime
from tests.console.source_desk import Desk
from tests.mcp_runtime.upstreams.conftest import paper
from tests.mcp_runtime.upstreams.paper import Paper

__all__ = ["paper"]


@pytest.fixture(scope="session", autouse=True)
def _tests_come_from_one_address() -> Iterator[None]:
    """What an address may begin in a minute is less than all tests begin; how it is counted has tests of its own."""
    usual = dict(MOST)
    MOST.update(dict.fromkeys(MOST, 1_000_000))
    yield
    MOST.update(usual)


def signed_in(user: User) -> Client:
    """A browser in which `user` has signed in; it sends CSRF tokens only where a page gave it one."""
    client = Client(enforce_csrf_checks=False)
    client.force_login(user)
    return client


@pytest.fixture
def alice(cast: Cast) -> Client:
    """The owner's browser."""
    return signed_in(cast.alice)


@pytest.fixture
def bob(cast: Cast) -> Client:
    """A developer's browser."""
    return signed_in(cast.bob)


@pytest.fixture
def viewer(cast: Cast) -> Client:
    """The browser of a member who may only look."""
    return signed_in(cast.join("vera", Role.VIEWER))


@pytest.fixture
def charlie(cast: Cast) -> Client:
    """A stranger's browser."""
    return signed_in(cast.charlie)


@pytest.fixture
def base(cast: Cast) -> str:
    """Where the tenant's pages begin."""
    return f"/t/{cast.tenant.slug}"


type MakesEndpoint = Callable[..., Endpoint]


@pytest.fixture
def make_endpoint(cast: Cast) -> MakesEndpoint:
    """Makes an endpoint of the cast's tenant."""

    def make(name: str = "Weather", **fields: object) -> Endpoint:
        actor = cast.acting(cast.alice)
        with tenant_context(cast.tenant.id):
            slug = str(fields.pop("slug", unique("weather")))
            return endpoint_create(actor=actor, slug=slug, name=name, **fields)  # type: ignore[arg-type]

    return make


@pytest.fixture
def endpoint(make_endpoint: MakesEndpoint) -> Endpoint:
    """An endpoint without tools."""
    return make_endpoint()


def make_tool(cast: Cast, endpoint: Endpoint, **fields: object) -> Tool:
    """A built-in tool on an endpoint of the cast's tenant."""
    draft = ToolDraft(**{"name": "echo", "config": {"function": "echo"}} | fields)  # type: ignore[arg-type]
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        return tool_create(actor=actor, endpoint_slug=endpoint.slug, source="builtin", draft=draft)


@pytest.fixture
def tool(cast: Cast, endpoint: Endpoint) -> Tool:
    """A tool that echoes."""
    return make_tool(cast, endpoint)


@pytest.fixture
def desk(cast: Cast, alice: Client, endpoint: Endpoint, paper: Paper) -> Desk:
    """Alice's browser at the sources of an endpoint."""
    return Desk(cast, alice, endpoint, paper)


@pytest.fixture(scope="session")
def runtime_origin() -> Iterator[str]:
    """Where a real worker listens."""
    with running_runtime() as origin:
        yield origin


@pytest.fixture
def runtime(runtime_origin: str, settings: Settings) -> str:
    """A real worker, which the console's pages call."""
    settings.RUNTIME_INTERNAL_URL = runtime_origin
    return runtime_origin
