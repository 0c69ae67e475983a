"""What an upstream offers is looked at again when it says that it changed, and daily; nothing of it is approved."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from mcp_runtime.models import ImportRun, Upstream, UpstreamSchedule
from mcp_runtime.services.importing import import_perform
from mcp_runtime.services.imports import RELOOK_AFTER, RELOOK_PAUSE, relook_where_due
from mcp_runtime.sources.upstream import Discovery
from tests.mcp_runtime.upstreams.conftest import Desk
from tests.mcp_runtime.upstreams.paper import Paper, tool


def _relook(desk: Desk, upstream: Upstream) -> ImportRun | None:
    return relook_where_due(upstream.tenant_id, upstream.pk)


def _imported(desk: Desk, paper: Paper) -> Upstream:
    paper.discovery = Discovery([tool("a", description="One.")])
    upstream = desk.create()
    desk.run(approves_clean=True)
    return upstream


def _set(desk: Desk, upstream: Upstream, **fields: Any) -> None:
    """Also makes the last run so old that another may follow."""
    before = timezone.now() - RELOOK_PAUSE - timedelta(seconds=1)

    def work(_actor: object) -> None:
        ImportRun.objects.filter(upstream=upstream).update(created_at=before)
        if fields:
            Upstream.objects.filter(pk=upstream.pk).update(**fields)

    desk.inside(work)


def test_one_that_said_that_it_changed_is_looked_at_and_what_is_found_waits(desk: Desk, paper: Paper) -> None:
    upstream = _imported(desk, paper)
    _set(desk, upstream)
    assert _relook(desk, upstream) is None
    UpstreamSchedule.objects.filter(upstream_id=upstream.pk).update(changed_at=timezone.now())
    run = _relook(desk, upstream)
    assert run is not None
    paper.discovery = Discovery([tool("a", description="Two."), tool("b")])
    import_perform(run.tenant_id, run.pk)
    states = {name: definition.state for name, definition in desk.definitions().items()}
    assert states == {"a": "drifted", "b": "new"}
    _set(desk, upstream)
    assert _relook(desk, upstream) is None


def test_it_is_not_looked_at_more_often_than_so(desk: Desk, paper: Paper) -> None:
    upstream = _imported(desk, paper)
    UpstreamSchedule.objects.filter(upstream_id=upstream.pk).update(changed_at=timezone.now())
    assert _relook(desk, upstream) is None


def test_one_that_was_looked_at_long_ago_is_looked_at_again(desk: Desk, paper: Paper) -> None:
    upstream = _imported(desk, paper)
    _set(desk, upstream, discovered_at=timezone.now() - RELOOK_AFTER - timedelta(seconds=1))
    assert _relook(desk, upstream) is not None
    assert _relook(desk, upstream) is None


def test_one_that_was_never_imported_is_left_to_its_author(desk: Desk) -> None:
    upstream = desk.create()
    UpstreamSchedule.objects.filter(upstream_id=upstream.pk).update(changed_at=timezone.now())
    assert _relook(desk, upstream) is None
