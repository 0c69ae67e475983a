"""Imports: looks at all that an upstream offers."""

from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema, Status
from pydantic import Field, StrictBool

from console.api import upstreams
from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core.tenancy import tenant_context
from mcp_runtime.models import ImportRun, RunState
from mcp_runtime.services import imports
from mcp_runtime.services.endpoints import endpoint_for
from mcp_runtime.services.upstreams import upstream_for
from mcp_runtime.upstream_selectors import run_of, runs_of
from tenants.access import Permission

router = Router(tags=["Imports"])
PATH = upstreams.ONE + "/imports"


class NotImported(Schema):
    """Something that an upstream offers and that cannot become a tool, prompt or resource."""

    name: str
    reason: str


class ImportCounts(Schema):
    """What an import found, compared with the one before."""

    new: int = 0
    changed: int = 0
    gone: int = 0
    unchanged: int = 0
    refused: int = 0


class ImportOut(Schema):
    """One import. It changes everything at its end or, where it fails, nothing."""

    id: UUID
    state: RunState
    done: int = Field(description="How far it is.")
    total: int = Field(description="Of how many; 0: not known yet.")
    doing: str = Field(description="What it is doing now.")
    error: str = Field(description="Why it failed.")
    counts: ImportCounts
    refused: list[NotImported] = Field(description="What was not imported, and why: the first 1,000.")
    approves_clean: bool
    created_at: Moment
    started_at: Moment | None
    ended_at: Moment | None


class ImportIn(Body):
    """How to import."""

    approves_clean: StrictBool = Field(
        default=False, description="Whether what is new or changed is approved at once where nothing was found in it."
    )


class Imports(Page[ImportOut]):
    """Imports, the earliest first; the last 20 are kept."""


@router.get(PATH, response=answers(200, Imports, 404, 422), summary="List the imports of an upstream")
def import_list(request: ApiRequest, endpoint: str, upstream: str, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return page_of(runs_of(upstream_for(endpoint_for(endpoint), upstream)), paging)


@router.post(PATH, response=written(202, ImportOut, 404), summary="Import what an upstream offers")
def import_start(request: ApiRequest, endpoint: str, upstream: str, payload: ImportIn) -> Status[ImportRun]:
    """It runs in a job: ask for it until its state is done or failed."""
    with tenant_context(request.auth.tenant.id):
        run = imports.import_start(
            actor=request.auth,
            endpoint_slug=endpoint,
            upstream_slug=upstream,
            approves_clean=payload.approves_clean,
        )
    return Status(202, run)


@router.get(PATH + "/{uuid:import_id}", response=answers(200, ImportOut, 404), summary="Show an import")
def import_show(request: ApiRequest, endpoint: str, upstream: str, import_id: UUID) -> ImportRun:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return run_of(upstream_for(endpoint_for(endpoint), upstream), import_id)
