"""Why somebody may call a tool, or not: the checks that a worker makes, on what it serves, each in words.

Whether a check passes is asked of the worker's own functions; here are only their order and the sentences. Inside a
tenant's context.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection

from core import refusals
from core.refusals import Refused
from mcp_runtime.authorization.bearer import has_expired
from mcp_runtime.authorization.gates import ServedGate, gates
from mcp_runtime.authorization.people import PEOPLE, Person, people_of, wanted_people
from mcp_runtime.authorization.tool_rules import ROSTER, Roster, member_tools, roster_of, wanted_roster
from mcp_runtime.authorization.trusted_tokens import narrowed
from mcp_runtime.models import Access, AccessKey, Endpoint, PublishedEndpoint, Tool
from mcp_runtime.snapshots.compile import principal_of_key
from mcp_runtime.snapshots.structs import EndpointSnapshot, ToolSnapshot, decode
from tenants.authorization.clients import KnownClient
from tenants.authorization.gate import CALL_SCOPE, OWN, TRUSTED, grants
from tenants.authorization.grant_types import CLIENT
from tenants.authorization.scopes import most_of_role
from tenants.authorization.trusted import Said, TokenRefused, issuer_named, principal_name, said_by
from tenants.models import McpClient, Membership, PublishedGate, User

WELL = "ok"
SHOWN_NETWORKS = 10
SHOWN_NAME = 200


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
    return Explanation([
        *_networks(gate, address),
        _said(membership.deactivated_at is None, f"{who} is an active member.", f"{who} is deactivated."),
        _of_cutoffs(gate, member, who),
        _said(
            called,
            f"The role {membership.role} may call tools.",
            f"The role {membership.role} may see tools, and not call them.",
        ),
        _of_rules(_usable(endpoint, snapshot, member, tool), tool, who),
        *_of_tool(endpoint, snapshot, tool),
    ])  # fmt: skip


def explain_client(*, endpoint: Endpoint, client: McpClient, tool: str, address: str | None) -> Explanation:
    """The same for a client that acts for itself, by an access token of the tenant's authorization server."""
    snapshot, gate = _served(endpoint)
    known, who, subject = KnownClient(client), client.name, f"client:{client.client_id}"
    called = grants(frozenset((known.get_allowed_scope(CALL_SCOPE) or "").split()), CALL_SCOPE)
    return Explanation([
        *_networks(gate, address),
        _said(known.check_grant_type(CLIENT), f"{who} may act for itself.", f"{who} acts for people alone."),
        _said(
            snapshot.logins != TRUSTED,
            "The endpoint takes tokens of your own authorization server.",
            "The endpoint takes tokens of issuers that you trust alone.",
        ),
        _said(known.may_act_at(endpoint.pk), f"{who} may act here.", f"{who} may act at other endpoints alone."),
        _of_cutoffs(gate, subject, who),
        _said(called, f"{who} may call tools.", f"{who} may see tools, and not call them."),
        _of_rules(_usable(endpoint, snapshot, subject, tool), tool, who),
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


def explain_token(*, endpoint: Endpoint, token: str, tool: str, is_address: Callable[[str], bool]) -> Explanation:
    """The same for whoever presents a token of an issuer that the tenant trusts, from outside or a member.

    `is_address` tells whether a URL is the endpoint's. Nothing of the token is kept. Raises Refused(NOT_FOUND).
    """
    snapshot, gate = _served(endpoint)
    if snapshot.access == Access.OPEN:
        is_open = Check(True, "The endpoint is open: anyone may call it, with a token or without.")
        return Explanation([*_networks(gate, None), is_open, *_of_tool(endpoint, snapshot, tool)])
    token, began = token.strip(), [*_networks(gate, None), _of_logins(snapshot)]
    issuer, keys = gate.trusted.get(issuer_named(token), (None, {}))
    if issuer is None:
        named = issuer_named(token)[:SHOWN_NAME]
        said_so = f"You trust no issuer called {named!a}." if named else "It is no token that names an issuer."
        return Explanation([*began, Check(False, said_so)])
    try:
        said = said_by(token, issuer, keys, is_address=is_address, now=time.time())
    except TokenRefused as refused:
        return Explanation([*began, Check(False, f"The token is refused ({refused.check}): {refused}")])
    began.append(Check(True, f"The token is good: signed by {issuer.issuer}, for this endpoint, and not over."))
    person = _person(endpoint, said)
    if said.lookup and person is None:
        return Explanation([*began, Check(False, f"No active member is known by {said.lookup.partition(':')[2]}.")])
    return Explanation([*began, *_of_bearer(endpoint, (snapshot, gate), said, person, tool)])


def _of_bearer(
    endpoint: Endpoint, served: tuple[EndpointSnapshot, ServedGate], said: Said, person: Person | None, tool: str
) -> list[Check]:
    """What is asked of somebody whose token is good."""
    snapshot, gate = served
    member = f"member:{person[0]}" if person else principal_name(said)
    who = User.objects.values_list("email", flat=True).get(pk=person[0]) if person else member
    scopes = narrowed(said.scopes, person[1]) if person else said.scopes
    usable = _usable(endpoint, snapshot, member, tool, said.groups)
    return [
        _said(
            not gate.is_cut_off((member, f"issuer:{said.issuer_id}"), said.issued_at),
            f"{who} was not put out since the token was issued.",
            f"{who} was put out, with every token that was issued until then.",
        ),
        _said(
            said.bound_to or not snapshot.requires_proof,
            "The endpoint asks for no proof that the token lacks.",
            "The endpoint takes only tokens that are bound to a key (DPoP), and this one is not.",
        ),
        _said(grants(scopes, CALL_SCOPE), "It may call tools.", "It may see tools, and not call them."),
        _of_rules(usable, tool, who),
        *_of_tool(endpoint, snapshot, tool),
    ]


def _of_logins(snapshot: EndpointSnapshot) -> Check:
    return _said(
        snapshot.logins != OWN,
        "The endpoint takes tokens of issuers that you trust.",
        "The endpoint takes tokens of your own authorization server alone. See “Clients log in” in its settings.",
    )


def _person(endpoint: Endpoint, said: Said) -> Person | None:
    """The member whom a token's subject or address means."""
    if not said.lookup:
        return None
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE, wanted_people(str(endpoint.tenant_id)))
        return people_of(cursor.fetchall()).get(said.lookup)


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


def _usable(
    endpoint: Endpoint, snapshot: EndpointSnapshot, who: str, tool: str, groups: frozenset[str] = frozenset()
) -> frozenset[str] | None:
    return member_tools(
        who,
        snapshot.tool_rules,
        _roster(endpoint),
        names=[*(offered.name for offered in snapshot.tools), tool],
        is_open=snapshot.access == Access.OPEN,
        groups=groups,
    )


def _of_cutoffs(gate: ServedGate, subject: str, who: str) -> Check:
    return _said(
        not gate.is_cut_off((subject,), time.time()),
        "Access tokens that are issued now are let in.",
        f"Everything that was issued to {who} is refused.",
    )


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
