"""An endpoint of Alice's with an upstream of paper."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from core.tenancy import tenant_context
from mcp_runtime.models import Definition, ImportRun, Upstream
from mcp_runtime.services.definitions import definition_curate, definitions_approve
from mcp_runtime.services.importing import import_perform
from mcp_runtime.services.imports import import_start
from mcp_runtime.services.upstreams import UpstreamFields, upstream_create, upstream_update
from mcp_runtime.sources.registry import UPSTREAM_SOURCES
from mcp_runtime.sources.upstream import UpstreamDraft
from tenants.access import Actor
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.upstreams.paper import Paper

SLUG = "pets"


@pytest.fixture
def paper(monkeypatch: pytest.MonkeyPatch) -> Paper:
    """The kind of upstream, registered for one test."""
    source = Paper()
    monkeypatch.setitem(UPSTREAM_SOURCES, source.kind, source)
    return source


@dataclass
class Desk:
    """What Alice does with her upstream; none of it inside a tenant's context."""

    stage: Stage
    paper: Paper

    def inside[T](self, work: Callable[[Actor], T]) -> T:
        """Does something as Alice."""
        with tenant_context(self.stage.tenant.id):
            return work(self.stage.actor)

    def create(self, slug: str = SLUG, **draft: Any) -> Upstream:
        """Adds an upstream."""
        fields = UpstreamFields("Pets", draft=UpstreamDraft(**draft))
        return self.inside(
            lambda actor: upstream_create(
                actor=actor, endpoint_slug=self.stage.endpoint.slug, slug=slug, kind="paper", fields=fields
            )
        )

    def update(self, slug: str = SLUG, *, prefix: str | None = None, **draft: Any) -> Upstream:
        """Changes one."""
        fields = UpstreamFields("Pets", prefix, UpstreamDraft(**draft))
        return self.inside(
            lambda actor: upstream_update(actor=actor, endpoint_slug=self.stage.endpoint.slug, slug=slug, fields=fields)
        )

    def start(self, slug: str = SLUG, *, approves_clean: bool = False) -> ImportRun:
        """Asks for an import."""
        return self.inside(
            lambda actor: import_start(
                actor=actor,
                endpoint_slug=self.stage.endpoint.slug,
                upstream_slug=slug,
                approves_clean=approves_clean,
            )
        )

    def run(self, slug: str = SLUG, *, approves_clean: bool = False) -> ImportRun:
        """Imports, as the job does."""
        run = self.start(slug, approves_clean=approves_clean)
        import_perform(run.tenant_id, run.pk)
        return self.inside(lambda _actor: ImportRun.objects.get(pk=run.pk))

    def approve(self, digests: dict[UUID, str] | None = None, slug: str = SLUG) -> list[Definition]:
        """Approves what is clean, or what is named."""
        return self.inside(
            lambda actor: definitions_approve(
                actor=actor, endpoint_slug=self.stage.endpoint.slug, upstream_slug=slug, digests=digests
            )
        )

    def curate(self, name: str, curation: dict[str, Any], slug: str = SLUG) -> Definition:
        """Curates one."""
        return self.inside(
            lambda actor: definition_curate(
                actor=actor,
                endpoint_slug=self.stage.endpoint.slug,
                upstream_slug=slug,
                definition_id=Definition.objects.get(name=name, upstream__slug=slug).pk,
                curation=curation,
            )
        )

    def definitions(self) -> dict[str, Definition]:
        """All of them, by name."""
        return self.inside(lambda _actor: {item.name: item for item in Definition.objects.all()})


@pytest.fixture
def desk(stage: Stage, paper: Paper) -> Desk:
    """Alice's desk, with her endpoint and no upstream yet."""
    return Desk(stage, paper)
