"""The acts of `armstrong source`: each opens the tenant's context, calls a service, and tells what came of it."""

import argparse
from collections.abc import Callable
from typing import Any
from uuid import UUID

from config.problems import Problem
from config.sources.drafts import draft_of
from config.sources.following import followed
from config.sources.telling import Told, told_definitions, told_run, told_sources
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import Definition, ImportRun, Upstream
from mcp_runtime.services.definitions import definitions_approve
from mcp_runtime.services.endpoints import endpoint_for
from mcp_runtime.services.imports import import_start
from mcp_runtime.services.upstreams import UpstreamFields, upstream_create, upstream_delete, upstream_for
from mcp_runtime.trust.digests import digest_of
from mcp_runtime.upstream_selectors import Wanted, definitions_matching, shown_of, upstreams_of
from tenants.access import Actor, tenant_id_for
from tenants.models import Role, Tenant


class Desk:
    """Whoever may use the platform's machine, at one endpoint, with an owner's rights."""

    def __init__(self, place: str) -> None:
        tenant, separator, self.endpoint = place.partition("/")
        if not (tenant and separator and self.endpoint):
            raise Problem(f"{place!r} is not TENANT/ENDPOINT, such as acme/pets.")
        self.tenant_id = tenant_id_for(tenant)

    def inside[T](self, work: Callable[[Actor], T]) -> T:
        """Does something in the tenant's context."""
        with tenant_context(self.tenant_id):
            return work(Actor(tenant=Tenant.objects.get(), role=Role.OWNER))


def perform(arguments: argparse.Namespace) -> Told:
    """What is printed, and whether all went well. Raises Problem."""
    try:
        return _ACTS[arguments.act](Desk(arguments.endpoint), arguments)
    except Refused as refused:
        raise Problem(str(refused)) from None


def _add(desk: Desk, arguments: argparse.Namespace) -> Told:
    fields = UpstreamFields(arguments.name or arguments.slug, arguments.prefix, draft_of(arguments))

    def made(actor: Actor) -> Upstream:
        return upstream_create(
            actor=actor, endpoint_slug=desk.endpoint, slug=arguments.slug, kind=arguments.kind, fields=fields
        )

    desk.inside(made)
    return _import(desk, arguments) if arguments.imports else _list(desk, argparse.Namespace(slug=""))


def _import(desk: Desk, arguments: argparse.Namespace) -> Told:
    def started(actor: Actor) -> ImportRun:
        return import_start(
            actor=actor,
            endpoint_slug=desk.endpoint,
            upstream_slug=arguments.slug,
            approves_clean=arguments.approve_clean,
        )

    run = followed(desk.inside(started), is_quiet=arguments.json)
    return told_run(run, desk.inside(lambda _actor: _offered(desk, arguments.slug)))


def _list(desk: Desk, arguments: argparse.Namespace) -> Told:
    if arguments.slug:
        return told_definitions(desk.inside(lambda _actor: _offered(desk, arguments.slug)))
    return told_sources(desk.inside(lambda _actor: list(upstreams_of(endpoint_for(desk.endpoint)))))


def _approve(desk: Desk, arguments: argparse.Namespace) -> Told:
    def approved(actor: Actor) -> list[Definition]:
        digests = _digests(_offered(desk, arguments.slug), arguments.name) if arguments.name else None
        return definitions_approve(
            actor=actor, endpoint_slug=desk.endpoint, upstream_slug=arguments.slug, digests=digests
        )

    return told_definitions(desk.inside(approved))


def _remove(desk: Desk, arguments: argparse.Namespace) -> Told:
    desk.inside(lambda actor: upstream_delete(actor=actor, endpoint_slug=desk.endpoint, slug=arguments.slug))
    return _list(desk, argparse.Namespace(slug=""))


def _offered(desk: Desk, slug: str) -> list[Definition]:
    return list(definitions_matching(upstream_for(endpoint_for(desk.endpoint), slug), Wanted()))


def _digests(offered: list[Definition], names: list[str]) -> dict[UUID, str]:
    found = {definition.pk: digest_of(shown_of(definition)) for definition in offered if definition.name in names}
    missing = set(names) - {definition.name for definition in offered}
    if missing:
        raise Problem(f"The source offers nothing called {', '.join(sorted(missing))}.")
    return found


_ACTS: dict[str, Callable[[Desk, Any], Told]] = {
    "add": _add,
    "list": _list,
    "import": _import,
    "approve": _approve,
    "remove": _remove,
}
