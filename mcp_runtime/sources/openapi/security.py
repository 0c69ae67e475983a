"""Which credentials an operation asks for: its security requirement, as alternatives of schemes."""

from typing import Any

from mcp_runtime.sources.http.headers import require_name
from mcp_runtime.sources.http.template import InvalidTemplate
from mcp_runtime.sources.openapi import swagger
from mcp_runtime.sources.openapi.document import Document, Unusable, shown
from mcp_runtime.sources.openapi.operation import MAXIMUM_ALTERNATIVES, Scheme

_OAUTH = frozenset({"oauth2", "openidconnect"})
_BEARER = frozenset({"bearer", "oauth"})  # some say `OAuth` and mean the token that it gives


def schemes_of(document: Document) -> dict[str, Any]:
    """The document's security schemes by name, in the words of OpenAPI 3."""
    if document.is_swagger:
        return swagger.security_schemes_of(document)
    return document.section("components", "securitySchemes")


def security_of(document: Document, operation: dict[str, Any]) -> list[list[Scheme]]:
    """The alternatives; without any, nothing is asked for. Raises Unusable if none of them can be satisfied."""
    requirement = operation.get("security", document.root.get("security"))
    if not isinstance(requirement, list) or not requirement:
        return []
    named = schemes_of(document)
    alternatives: list[list[Scheme]] = []
    reasons: list[str] = []
    for needed in requirement[:MAXIMUM_ALTERNATIVES]:
        try:
            alternatives.append([_named(document, named, name) for name in _names(needed)])
        except Unusable as reason:
            reasons.append(str(reason))
    if not alternatives:
        raise Unusable(reasons[0])
    return alternatives


def _names(needed: Any) -> list[str]:
    if not isinstance(needed, dict):
        raise Unusable("The document does not say which credentials it asks for.")
    return list(needed)


def _named(document: Document, named: dict[str, Any], name: str) -> Scheme:
    if name not in named:
        raise Unusable(f"It asks for credentials named {shown(name)}, which the document does not describe.")
    return scheme_of(name, document.followed(named[name]))


def scheme_of(name: str, scheme: dict[str, Any]) -> Scheme:
    """One Security Scheme Object. Raises Unusable for what cannot be sent."""
    kind, how = (str(scheme.get(word, "")).lower() for word in ("type", "scheme"))
    if kind in _OAUTH:
        return Scheme(name, "oauth2")
    if kind == "apikey":
        return _api_key(name, scheme)
    if kind == "http" and how == "basic":
        return Scheme(name, "basic")
    if kind == "http" and how in _BEARER:
        return Scheme(name, "bearer")
    what = shown(f"{scheme.get('type')} {scheme.get('scheme', '')}".strip())
    raise Unusable(f"It asks for credentials of a kind that cannot be sent: {shown(name)} ({what}).")


def _api_key(name: str, scheme: dict[str, Any]) -> Scheme:
    place, parameter = scheme.get("in"), scheme.get("name")
    if place not in ("header", "query", "cookie") or not isinstance(parameter, str) or not parameter:
        raise Unusable(f"The document does not say where the key {shown(name)} goes.")
    if place != "query":
        try:
            require_name(parameter)
        except InvalidTemplate:
            raise Unusable(f"The key {shown(name)} goes where none can: {shown(parameter)}.") from None
    return Scheme(name, "apiKey", place, parameter)
