"""Why somebody may call a tool, or not: the checks that a worker makes, on what it serves, each in words.

Whether a check passes is asked of the worker's own functions; here are only their order and the sentences. Inside a
tenant's context.
"""

import time
from dataclasses import dataclass

from django.db import connection

from core import refusals
from core.refusals import Refused
from mcp_runtime.authorization.bearer import has_expired
from mcp_runtime.authorization.gates import ServedGate, gates
from mcp_runtime.authorization.tool_rules import ROSTER, Roster, member_tools, roster_of, wanted_roster
from mcp_runtime.models import Access, AccessKey, Endpoint, PublishedEndpoint, Tool
from mcp_runtime.snapshots.compile import principal_of_key
from mcp_runtime.snapshots.structs import EndpointSnapshot, ToolSnapshot, decode
from tenants.authorization.gate import CALL_SCOPE, grants
from tenants.authorization.scopes import most_of_role
from tenants.models import Membership, PublishedGate

WELL = "ok"
SHOWN_NETWORKS = 10


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a worker asks, and what it finds."""

    passed: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The checks in the order in which a worker makes them."""

    checks: list[Check]

    @property
    def refusal(self) -> Check | None:
        """The first check that says no; None where the call would begin."""
        return next((check for check in self.checks if not check.passed), None)


def explain_member(*, endpoint: Endpoint, membership: Membership, tool: str, address: str | None) -> Explanation:
    """What a member finds who calls a tool by an access token. With an `address`, also whether calls may come from it.

    Raises Refused(NOT_FOUND) for an endpoint that is not served.
    """
    snapshot, gate = _served(endpoint)
    who, member = membership.user.email, f"member:{membership.user_id}"
    called = grants(frozenset(most_of_role(membership.role).split()), CALL_SCOPE)
    names = [offered.name for offered in snapshot.tools]
    usable = member_tools(
        member, snapshot.tool_rules, _roster(endpoint), names=[*names, tool], is_open=snapshot.access == Access.OPEN
    )
    return Explanation([
        *_networks(gate, address),
        _said(membership.deactivated_at is None, f"{who} is an active member.", f"{who} is deactivated."),
        _said(
            not gate.is_cut_off((member,), time.time()),
            "Access tokens that are issued now are let in.",
            f"Everything that was issued to {who} is refused.",
        ),
        _said(
            called,
            f"The role {membership.role} may call tools.",
            f"The role {membership.role} may see tools, and not call them.",
        ),
        _of_rules(usable, tool, who),
        *_of_tool(endpoint, snapshot, tool),
    ])  # fmt: skip


def explain_key(*, endpoint: Endpoint, access_key: AccessKey, tool: str, address: str | None) -> Explanation:
    """The same for a client that presents an access key."""
    snapshot, gate = _served(endpoint)
    found = next((key for key in snapshot.keys if key.id == str(access_key.pk)), None)
    if found is None or has_expired(principal_of_key(found, ()), time.time()):
        return Explanation(
            [*_networks(gate, address), Check(False, f"The key {access_key.name} was revoked or expired.")]
        )
    usable = principal_of_key(found, ()).may_use(tool)
    named = "The key is for every tool." if found.tools is None else f"The key is for {tool}."
    return Explanation([
        *_networks(gate, address),
        Check(True, f"The key {access_key.name} works."),
        _said(usable, named, f"The key is for {', '.join((found.tools or [])[:SHOWN_NETWORKS])}, and not for {tool}."),
        *_of_tool(endpoint, snapshot, tool),
    ])  # fmt: skip


def _served(endpoint: Endpoint) -> tuple[EndpointSnapshot, ServedGate]:
    published = PublishedEndpoint.objects.filter(endpoint=endpoint).first()
    if published is None:
        raise Refused(refusals.NOT_FOUND)
    gate = PublishedGate.objects.filter(tenant_id=endpoint.tenant_id).values_list("document", flat=True).first()
    return decode(bytes(published.document)), gates("")(bytes(gate) if gate else None)


def _roster(endpoint: Endpoint) -> Roster:
    with connection.cursor() as cursor:
        cursor.execute(ROSTER, wanted_roster(str(endpoint.tenant_id), str(endpoint.pk)))
        return roster_of(cursor.fetchall())


def _networks(gate: ServedGate, address: str | None) -> list[Check]:
    if gate.networks is None:
        return [Check(True, "Calls may come from everywhere.")]
    shown = ", ".join(str(network) for network in gate.networks.allowed[:SHOWN_NETWORKS])
    if address is None:
        return [Check(True, f"Calls may come from these networks alone: {shown}.")]
    fits = gate.networks.admit(address)
    return [_said(fits, f"Calls may come from {address}.", f"Calls may come from {shown}, and not from {address}.")]


def _of_rules(usable: frozenset[str] | None, tool: str, who: str) -> Check:
    if usable is None:
        return Check(True, f"No rule of this endpoint limits {who}.")
    return _said(
        tool in usable,
        f"A rule for a group of {who} names {tool}.",
        f"The endpoint has rules, and none for a group of {who} names {tool}.",
    )


def _of_tool(endpoint: Endpoint, snapshot: EndpointSnapshot, name: str) -> list[Check]:
    served = next((tool for tool in snapshot.tools if tool.name == name), None)
    if served is None:
        exists = Tool.objects.filter(endpoint=endpoint, name=name).exists()
        why = "is switched off, or not in the version that is held" if exists else "is no tool of this endpoint"
        return [Check(False, f"{name} {why}.")]
    stopped = _said(not snapshot.stopped, "The endpoint is in service.", f"It was stopped: {snapshot.stopped}")
    return [Check(True, f"The endpoint offers {name}."), stopped, *_of_upstream(snapshot, served)]


def _of_upstream(snapshot: EndpointSnapshot, tool: ToolSnapshot) -> list[Check]:
    upstream = next((found for found in snapshot.upstreams if found.id == tool.upstream), None)
    if upstream is None:
        return []
    well = upstream.health == WELL and not upstream.quarantined
    state = "out of service" if upstream.quarantined else upstream.health
    return [_said(well, f"{upstream.name} is well.", f"{upstream.name} is {state}. {upstream.reason}".strip())]


def _said(passed: object, yes: str, no: str) -> Check:
    return Check(bool(passed), yes if passed else no)
