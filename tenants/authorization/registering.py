"""Clients that people register: for others to let in, or to act for themselves. Inside the tenant's context."""

import secrets
from dataclasses import dataclass
from typing import Any

from core import keys, refusals
from core.refusals import Refused
from tenants.access import Actor, Permission
from tenants.authorization import keys_of_clients, redirects, scopes, tokens
from tenants.authorization.clients import SECRET_METHODS
from tenants.authorization.descriptions import LONGEST_NAME, showable
from tenants.authorization.grant_types import CODE, GRANT_TYPES, PROVEN_ALONE
from tenants.models import AuthMethod, ClientKind, McpClient
from tenants.validation import refused_fields

MAXIMUM_CLIENTS = 500


@dataclass(frozen=True, slots=True)
class ClientFields:
    """A client as somebody describes it. `endpoints` limits where it acts for itself; None: all of the tenant's."""

    name: str
    grant_types: list[str]
    auth_method: str
    redirect_uris: list[str]
    scopes: str = scopes.CALL
    endpoints: list[str] | None = None
    jwks: dict[str, Any] | None = None
    jwks_uri: str = ""


def client_register(*, actor: Actor, fields: ClientFields) -> tuple[McpClient, str]:
    """A new client, and its secret where it has one, which cannot be shown again.

    Raises Refused: INVALID_INPUT naming the wrong fields, LIMIT_REACHED.
    """
    actor.require(Permission.MANAGE_TENANT)
    if wrong := {name: sentence for name, sentence in _problems(fields).items() if sentence}:
        raise refused_fields(wrong)
    if McpClient.objects.filter(kind=ClientKind.REGISTERED).count() >= MAXIMUM_CLIENTS:
        raise Refused(refusals.LIMIT_REACHED, f"A tenant has at most {MAXIMUM_CLIENTS} registered clients.")
    secret = tokens.secret(tokens.SECRET) if fields.auth_method in SECRET_METHODS else ""
    client = McpClient.objects.create(
        tenant=actor.tenant,
        kind=ClientKind.REGISTERED,
        client_id=f"mcp-{secrets.token_urlsafe(18)}",
        name=fields.name.strip(),
        redirect_uris=list(dict.fromkeys(fields.redirect_uris)) if CODE in fields.grant_types else [],
        grant_types=fields.grant_types,
        auth_method=fields.auth_method,
        secret_digest=keys.digest(secret) if secret else "",
        jwks=fields.jwks if fields.auth_method == AuthMethod.SIGNED else None,
        jwks_uri=fields.jwks_uri if fields.auth_method == AuthMethod.SIGNED else "",
        scopes=fields.scopes,
        endpoints=fields.endpoints,
        created_by=actor.user,
    )
    return client, secret


def _problems(fields: ClientFields) -> dict[str, str]:
    return {
        "name": _name_problem(fields.name),
        "grant_types": _grants_problem(fields),
        "auth_method": "" if fields.auth_method in AuthMethod.values else f"Choose one of {', '.join(AuthMethod)}.",
        "redirect_uris": _redirects_problem(fields),
        "scopes": "" if fields.scopes in scopes.SUPPORTED else f"Choose one of {', '.join(scopes.SUPPORTED)}.",
        "jwks": keys_of_clients.problem(fields.jwks, fields.jwks_uri) if _is_signed(fields) else "",
    }


def _name_problem(name: str) -> str:
    fits = 0 < len(name.strip()) <= LONGEST_NAME and showable(name)
    return "" if fits else f"Use 1 to {LONGEST_NAME} characters that can be seen."


def _grants_problem(fields: ClientFields) -> str:
    if not fields.grant_types or not set(fields.grant_types) <= set(GRANT_TYPES):
        return f"Choose from {', '.join(GRANT_TYPES)}."
    if PROVEN_ALONE & set(fields.grant_types) and fields.auth_method == AuthMethod.NONE:
        return "Only a client that proves who it is can act for itself, exchange tokens or come with assertions."
    return ""


def _redirects_problem(fields: ClientFields) -> str:
    if CODE not in fields.grant_types:
        return ""
    if not 0 < len(fields.redirect_uris) <= redirects.MAXIMUM_URIS:
        return f"Name 1 to {redirects.MAXIMUM_URIS} redirect URIs."
    return next(filter(None, map(redirects.problem, fields.redirect_uris)), "")


def _is_signed(fields: ClientFields) -> bool:
    return fields.auth_method == AuthMethod.SIGNED
