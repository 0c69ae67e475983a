"""What differs between the pages of prompts and those of resources."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from console.pages.content.prompts import PromptForm, arguments_schema
from console.pages.content.resources import ResourceForm, expanded, variables_schema
from console.runtime_calls import Question, prompt_of, read_of
from mcp_runtime.models import Endpoint
from mcp_runtime.selectors import prompts_matching, resources_matching
from mcp_runtime.services import content
from mcp_runtime.sources.registry import PROMPT_SOURCES, RESOURCE_SOURCES

# The one source whose configuration is what people write.
STATIC = "static"


@dataclass(frozen=True, slots=True)
class Kind:
    """Prompts or resources: their words, their reads and writes, their editor, and how one is tried."""

    noun: str
    plural: str
    editor: type[PromptForm | ResourceForm]
    titles: dict[str, str]
    matching: Callable[[Endpoint, str], QuerySet[Any]]
    found: Callable[[Endpoint, UUID], Any]
    create: Callable[..., Any]
    update: Callable[..., Any]
    switch: Callable[..., Any]
    delete: Callable[..., None]
    schema: Callable[[Any], dict[str, Any]]
    question: Callable[[Any, dict[str, Any]], Question]

    def names(self, item_id: UUID) -> dict[str, UUID]:
        """How the services are told which one is meant."""
        return {f"{self.noun}_id": item_id}


PROMPTS = Kind(
    noun="prompt",
    plural="prompts",
    editor=PromptForm,
    titles={kind: source.title for kind, source in PROMPT_SOURCES.items()},
    matching=prompts_matching,
    found=content.prompt_for,
    create=content.prompt_create,
    update=content.prompt_update,
    switch=content.prompt_switch,
    delete=content.prompt_delete,
    schema=arguments_schema,
    question=lambda prompt, values: prompt_of(prompt.name, values),
)
RESOURCES = Kind(
    noun="resource",
    plural="resources",
    editor=ResourceForm,
    titles={kind: source.title for kind, source in RESOURCE_SOURCES.items()},
    matching=resources_matching,
    found=content.resource_for,
    create=content.resource_create,
    update=content.resource_update,
    switch=content.resource_switch,
    delete=content.resource_delete,
    schema=variables_schema,
    question=lambda resource, values: read_of(expanded(resource.uri, values)),
)
