"""What is imported is changed at its definition: services of what is written down refuse it, and switching chooses."""

from collections.abc import Callable
from typing import Any

import pytest

from core import refusals
from core.refusals import Refused
from mcp_runtime.models import Definition, Prompt, Resource, Tool
from mcp_runtime.services import content, tools
from mcp_runtime.sources.contract import PromptDraft, ResourceDraft, ToolDraft
from mcp_runtime.sources.upstream import Discovery
from tenants.access import Actor
from tests.mcp_runtime.upstreams.conftest import Desk
from tests.mcp_runtime.upstreams.paper import Paper, tool

NOTE = ResourceDraft(uri="notes://today", name="Today")
DRAFTS: dict[str, Any] = {"tool": ToolDraft(name="mine"), "prompt": PromptDraft("mine"), "resource": NOTE}
MODELS: dict[str, Any] = {"tool": Tool, "prompt": Prompt, "resource": Resource}
FORMS = list(MODELS)


@pytest.fixture
def served(desk: Desk, paper: Paper) -> Desk:
    """A tool, a prompt and a resource, imported and approved."""
    paper.discovery = Discovery([tool("a")], [PromptDraft("a")], [NOTE])
    desk.create()
    desk.run(approves_clean=True)
    return desk


def _service(form: str, act: str) -> Callable[..., Any]:
    service: Callable[..., Any] = getattr(tools if form == "tool" else content, f"{form}_{act}")
    return service


def _names(desk: Desk, form: str) -> dict[str, Any]:
    item = desk.inside(lambda _actor: MODELS[form].objects.get(definition__isnull=False))
    return {"endpoint_slug": desk.stage.endpoint.slug, f"{form}_id": item.pk}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("act", ["update", "delete"])
def test_it_is_neither_changed_nor_deleted_by_itself(served: Desk, form: str, act: str) -> None:
    names = _names(served, form) | ({"draft": DRAFTS[form]} if act == "update" else {})

    def change(actor: Actor) -> None:
        _service(form, act)(actor=actor, **names)

    with pytest.raises(Refused, match="is imported from the source pets") as refused:
        served.inside(change)
    assert refused.value.refusal is refusals.CONFLICT
    assert served.inside(lambda _actor: MODELS[form].objects.filter(definition__isnull=False).count()) == 1


@pytest.mark.parametrize("form", FORMS)
def test_switching_it_off_chooses_its_definition_no_longer(served: Desk, form: str) -> None:
    names = _names(served, form)
    switched = served.inside(lambda actor: _service(form, "switch")(actor=actor, enabled=False, **names))
    assert not switched.enabled
    assert not served.inside(lambda _actor: MODELS[form].objects.filter(definition__isnull=False).exists())
    assert served.inside(lambda _actor: Definition.objects.get(form=form).chosen) is False
