"""Alice's browser at the sources of one endpoint."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.test import Client

from core.tenancy import tenant_context
from mcp_runtime.models import Definition, Endpoint, ImportRun, Tool, Upstream
from mcp_runtime.services.importing import import_perform
from mcp_runtime.sources.contract import ToolDraft
from mcp_runtime.sources.upstream import Discovery
from tests.conftest import Cast
from tests.mcp_runtime.upstreams.paper import Paper

EMBEDDED = "<script>alert(1)</script>"


@dataclass
class Desk:
    """Alice's browser at the sources of one endpoint."""

    cast: Cast
    browser: Client
    endpoint: Endpoint
    paper: Paper

    @property
    def base(self) -> str:
        return f"/t/{self.cast.tenant.slug}/endpoints/{self.endpoint.slug}/"

    @property
    def pets(self) -> str:
        return f"{self.base}sources/pets/"

    def inside[T](self, work: Callable[[], T]) -> T:
        with tenant_context(self.cast.tenant.id):
            return work()

    def text(self, path: str, status: int = 200) -> str:
        answer = self.browser.get(path)
        assert answer.status_code == status
        return str(answer.content.decode())

    def add(self, kind: str = "paper", **typed: Any) -> Any:
        form = {"name": "Pets", "slug": "pets", "written": "{}"} | typed
        return self.browser.post(f"{self.base}new-source/{kind}/", form)

    def perform(self) -> None:
        """Does what the job does with the last import."""
        run = self.inside(lambda: ImportRun.objects.order_by("created_at").last())
        assert run is not None
        import_perform(run.tenant_id, run.pk)

    def imported(self, *tools: ToolDraft, **more: Any) -> None:
        """Adds or imports again what offers these tools."""
        self.paper.discovery = Discovery(list(tools), **more)
        there = self.inside(lambda: Upstream.objects.filter(slug="pets").exists())
        answer = self.browser.post(f"{self.pets}import/") if there else self.add()
        assert answer.status_code == 302
        self.perform()

    def definition(self, name: str) -> Definition:
        return self.inside(lambda: Definition.objects.get(name=name))

    def page_of(self, name: str) -> str:
        return f"{self.pets}definitions/{self.definition(name).pk}/"

    def tokens(self, query: str = "") -> dict[str, str]:
        """What is posted of each definition that the list shows, by its name."""
        shown = self.text(f"{self.pets}{query}")
        found = re.findall(r'name="pick" value="([^"]+)" aria-label="Pick ([^"]+)"', shown)
        return {name: token for token, name in found}

    def decide(self, act: str, *tokens: str, **more: str) -> Any:
        return self.browser.post(f"{self.pets}decide/", {"act": act, "pick": list(tokens)} | more, follow=True)

    def tools(self) -> list[str]:
        return self.inside(lambda: sorted(Tool.objects.filter(definition__isnull=False).values_list("name", flat=True)))
