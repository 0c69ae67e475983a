"""What workers serve changes with what it describes, in one transaction, and they hear of it when it commits."""

import json
import os
from collections.abc import Iterator

import psycopg
import pytest
from django.db import transaction

from core.channels import ENDPOINTS_CHANNEL
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, PublishedEndpoint
from mcp_runtime.services.access_keys import access_key_issue
from mcp_runtime.services.endpoints import changing, endpoint_create, endpoint_delete, endpoint_update
from mcp_runtime.services.tools import tool_create
from mcp_runtime.snapshots import structs
from mcp_runtime.sources.contract import ToolDraft
from tenants.services.tenants import tenant_delete, tenant_rename
from tests.conftest import Cast, unique

type Listener = psycopg.Connection[tuple[object, ...]]
BOUND_SECONDS = 5


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A connection that listens as a worker does."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"LISTEN {ENDPOINTS_CHANNEL}")
        yield connection


def _heard(listener: Listener, *, seconds: float = BOUND_SECONDS) -> list[dict[str, object]]:
    """Everything that arrives until one notification has, or the bound is over."""
    return [json.loads(note.payload) for note in listener.notifies(timeout=seconds, stop_after=1)]


def _published(endpoint: Endpoint) -> structs.EndpointSnapshot:
    return structs.decode(bytes(PublishedEndpoint.objects.get(endpoint=endpoint).document))


def _builtin(name: str) -> ToolDraft:
    return ToolDraft(name=name, config={"function": name})


def test_a_change_is_heard_when_it_commits_and_not_before(cast: Cast, listener: Listener) -> None:
    with tenant_context(cast.tenant.id):
        endpoint = endpoint_create(actor=cast.acting_inside(cast.alice, cast.tenant), slug=unique("e"), name="E")
        assert _heard(listener, seconds=0.2) == []
    assert _heard(listener) == [{"tenant_id": str(cast.tenant.id), "endpoint": endpoint.slug, "version": 1}]


def test_a_change_that_is_rolled_back_is_never_heard(cast: Cast, listener: Listener) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        endpoint_create(actor=actor, slug=unique("gone"), name="E")
        transaction.set_rollback(True)
    with tenant_context(cast.tenant.id):
        assert not PublishedEndpoint.objects.exists()
        kept = endpoint_create(actor=actor, slug=unique("kept"), name="E")
    assert [change["endpoint"] for change in _heard(listener)] == [kept.slug]


def test_every_change_raises_the_version(cast: Cast) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        endpoint = endpoint_create(actor=actor, slug=unique("e"), name="E")
        endpoint_update(
            actor=actor, endpoint_slug=endpoint.slug, name="Two", instructions="", access="open", allowed_origins=[]
        )
        _, secret = access_key_issue(actor=actor, endpoint_slug=endpoint.slug, name="k")
        snapshot = _published(endpoint)
    assert (snapshot.version, snapshot.name, snapshot.access) == (3, "Two", "open")
    assert secret not in structs.encode(snapshot).decode()
    assert len(snapshot.keys) == 1


def test_many_changes_in_one_block_become_one_version(cast: Cast) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        slug = endpoint_create(actor=actor, slug=unique("e"), name="E").slug
        with changing(actor=actor, endpoint_slug=slug) as endpoint:
            for name in ("echo", "time"):
                tool_create(
                    actor=actor,
                    endpoint_slug=slug,
                    source="builtin",
                    draft=_builtin(name),
                )
            assert _published(endpoint).version == 1
        snapshot = _published(endpoint)
    assert (snapshot.version, [tool.name for tool in snapshot.tools]) == (2, ["echo", "time"])


def test_a_block_for_one_endpoint_does_not_hold_back_another(cast: Cast) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        first, second = (endpoint_create(actor=actor, slug=unique("e"), name="E") for _ in range(2))
        with changing(actor=actor, endpoint_slug=first.slug):
            tool_create(
                actor=actor,
                endpoint_slug=second.slug,
                source="builtin",
                draft=_builtin("echo"),
            )
            assert (_published(first).version, _published(second).version) == (1, 2)


def test_a_deletion_is_heard_and_leaves_nothing_published(cast: Cast, listener: Listener) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        endpoint = endpoint_create(actor=actor, slug=unique("e"), name="E")
    _heard(listener)
    with tenant_context(cast.tenant.id):
        endpoint_delete(actor=actor, endpoint_slug=endpoint.slug)
    # Hosts lead elsewhere too, since it was the tenant's default.
    assert [change.get("endpoint") for change in _heard(listener)] == [endpoint.slug, None]
    with tenant_context(cast.tenant.id):
        assert not PublishedEndpoint.objects.exists()


def test_a_rename_or_deletion_of_the_tenant_is_heard(cast: Cast, listener: Listener) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        tenant_rename(actor=actor, name="New", slug=unique("new"))
    # Its row, and its gate, which holds the names that tokens of other issuers are compared with.
    assert _heard(listener) == [{"tenant_id": str(cast.tenant.id)}] * 2
    with tenant_context(cast.tenant.id):
        tenant_delete(actor=actor)
    assert _heard(listener) == [{"tenant_id": str(cast.tenant.id)}]
