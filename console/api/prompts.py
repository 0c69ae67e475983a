"""The prompts of an endpoint."""

from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema, Status
from pydantic import Field, StrictBool

from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core.tenancy import tenant_context
from mcp_runtime.models import Prompt
from mcp_runtime.services import content
from mcp_runtime.services.endpoints import endpoint_for
from mcp_runtime.sources.contract import PromptDraft
from tenants.access import Permission

router = Router(tags=["Prompts"])
PATH = "/endpoints/{slug:endpoint}/prompts"


class PromptOut(Schema):
    """One prompt: what clients see of it, and the source that writes its messages."""

    id: UUID
    name: str
    title: str
    description: str
    arguments: list[dict[str, Any]]
    meta: dict[str, Any] = Field(description="`_meta` of the prompt, passed on as it is.")
    icons: list[dict[str, Any]] = Field(description="Icons of the protocol: src, mimeType, sizes, theme.")
    source: str
    definition_id: UUID | None = Field(description="Of one that is imported: it is changed there alone.")
    config: dict[str, Any]
    enabled: bool
    created_at: Moment
    updated_at: Moment


class ArgumentIn(Body):
    """One value that a client gives to a prompt; all are texts."""

    name: str = Field(min_length=1, max_length=64, description="Letters, digits, underscores: {name} stands for it.")
    title: str = Field(default="", max_length=80)
    description: str = Field(default="", max_length=4_000)
    required: StrictBool = False


class PromptIn(Body):
    """A new prompt."""

    source: str = Field(default="static", description="The kind of prompt: static has its messages written down.")
    name: str = Field(description="1 to 64 letters, digits, underscores, dots and hyphens.")
    title: str = Field(default="", description="At most 80 characters.")
    description: str = Field(default="", description="At most 4,000 characters.")
    arguments: list[ArgumentIn] = Field(default=[], description="At most 50, each with a name of its own.")
    meta: dict[str, Any] = Field(default={}, description="Passed on to clients as `_meta`.")
    icons: list[dict[str, Any]] = Field(
        default=[], description="Each with a src: an https URL, or an image as a data: URI of at most 64 KiB."
    )
    config: dict[str, Any] = Field(
        default={},
        description="Of static: `messages`, 1 to 100 of the protocol's PromptMessages (role, content), in whose texts"
        " {name} stands for the argument of that name; `completions`, by argument the values to propose.",
    )
    enabled: StrictBool = True


class PromptPatch(Body):
    """What to change; what is left out stays. `arguments` and `config` are replaced whole."""

    name: str = Field(default_factory=str)
    title: str = Field(default_factory=str)
    description: str = Field(default_factory=str)
    arguments: list[ArgumentIn] = Field(default_factory=list)
    meta: dict[str, Any] = Field(default_factory=dict)
    icons: list[dict[str, Any]] = Field(default_factory=list)
    config: dict[str, Any] = Field(default_factory=dict)
    enabled: StrictBool = Field(default_factory=bool)


class Prompts(Page[PromptOut]):
    """Prompts, the earliest first."""


@router.get(PATH, response=answers(200, Prompts, 404, 422), summary="List the prompts of an endpoint")
def prompt_list(request: ApiRequest, endpoint: str, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return page_of(Prompt.objects.filter(endpoint=endpoint_for(endpoint)), paging)


@router.post(PATH, response=written(201, PromptOut, 404), summary="Add a prompt")
def prompt_create(request: ApiRequest, endpoint: str, payload: PromptIn) -> Status[Prompt]:
    """Clients can get it within a second."""
    with tenant_context(request.auth.tenant.id):
        prompt = content.prompt_create(
            actor=request.auth,
            endpoint_slug=endpoint,
            source=payload.source,
            draft=PromptDraft(**payload.model_dump(exclude_unset=True, exclude={"source", "enabled"})),
            enabled=payload.enabled,
        )
    return Status(201, prompt)


@router.get(PATH + "/{uuid:prompt_id}", response=answers(200, PromptOut, 404), summary="Show a prompt")
def prompt_show(request: ApiRequest, endpoint: str, prompt_id: UUID) -> Prompt:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return content.prompt_for(endpoint_for(endpoint), prompt_id)


@router.patch(PATH + "/{uuid:prompt_id}", response=written(200, PromptOut, 404), summary="Change a prompt")
def prompt_change(request: ApiRequest, endpoint: str, prompt_id: UUID, payload: PromptPatch) -> Prompt:
    """Its source stays: another source is another prompt."""
    request.auth.require(Permission.EDIT_ENDPOINTS)
    given = payload.model_dump(exclude_unset=True)
    with tenant_context(request.auth.tenant.id):
        current = content.prompt_for(endpoint_for(endpoint, lock=True), prompt_id)
        return content.prompt_update(
            actor=request.auth,
            endpoint_slug=endpoint,
            prompt_id=prompt_id,
            enabled=given.pop("enabled", current.enabled),
            draft=PromptDraft(**(content.as_written(current) | given)),
        )


@router.delete(PATH + "/{uuid:prompt_id}", response=answers(204, None, 404, 409), summary="Delete a prompt")
def prompt_delete(request: ApiRequest, endpoint: str, prompt_id: UUID) -> Status[None]:
    with tenant_context(request.auth.tenant.id):
        content.prompt_delete(actor=request.auth, endpoint_slug=endpoint, prompt_id=prompt_id)
    return Status(204, None)
