"""Where operations are: the servers that a document names, made absolute, and allowed."""

import re
from collections.abc import Mapping
from typing import Any

from yarl import URL

from core.outbound import policy_from_environment, require_allowed_early
from core.refusals import Refused
from mcp_runtime.sources.http.encoding import as_it_stands, has_dot_segments
from mcp_runtime.sources.http.template import InvalidTemplate
from mcp_runtime.sources.openapi.document import Unusable, shown

MAXIMUM_SERVERS = 50

_VARIABLE = re.compile(r"\{([^{}]{1,200})\}")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_PARTS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)")
ASK = "Set config.server to the address that its paths begin at, such as https://api.example.com/v1."


def server_of(servers: Any, base: str) -> str:
    """The first usable of a document's servers, those with TLS before others. Raises Unusable with the reason.

    `base` is the document's own address, or empty where it has none.
    """
    given = servers if isinstance(servers, list) and servers else [{"url": "/"}]
    usable: list[str] = []
    reasons: list[str] = []
    for server in given[:MAXIMUM_SERVERS]:
        try:
            usable.append(require_server(_address(server, base)))
        except Unusable as reason:
            reasons.append(str(reason))
    if not usable:
        raise Unusable(f"{reasons[0]} {ASK}")
    return next((server for server in usable if server.startswith("https:")), usable[0])


def require_server(url: str) -> str:
    """The address without its final slash. Raises Unusable unless requests may go there."""
    parts = _PARTS.fullmatch(url)
    if parts is None or parts["scheme"].lower() not in ("http", "https"):
        raise Unusable(f"The server {shown(url)} is no http or https URL without query.")
    try:
        path = as_it_stands(parts["path"].rstrip("/"))
        address = f"{parts['scheme'].lower()}://{parts['authority']}{path}"
        require_allowed_early(address, policy_from_environment())
    except (Refused, InvalidTemplate) as refused:
        raise Unusable(f"The server {shown(url)} cannot be called: {refused}") from None
    if has_dot_segments(path):
        raise Unusable(f"The server {shown(url)} has dot segments (. or ..) in its path.")
    return address


def origin_of(url: str) -> str:
    """Scheme, host and port of an absolute URL, spelled the one way; empty for any other."""
    try:
        return str(URL(url).origin())
    except ValueError:
        return ""


def _address(server: Any, base: str) -> str:
    if not isinstance(server, dict) or not isinstance(server.get("url", "/"), str):
        raise Unusable("The document names a server without an address.")
    variables = server.get("variables")
    url = _filled(server.get("url", "/").strip(), variables if isinstance(variables, dict) else {})
    if _ABSOLUTE.match(url):
        return url
    if not base:
        raise Unusable(f"The server {shown(url or '/')} is relative, and the document has no address of its own.")
    try:
        return str(URL(base).join(URL(url)))
    except ValueError:
        raise Unusable(f"The server {shown(url)} is no URL.") from None


def _filled(url: str, variables: Mapping[str, Any]) -> str:
    return _VARIABLE.sub(lambda match: _default(match[1], variables), url)


def _default(name: str, variables: Mapping[str, Any]) -> str:
    variable = variables.get(name)
    variable = variable if isinstance(variable, dict) else {}
    enum = variable.get("enum")
    choices = [variable.get("default"), *(enum if isinstance(enum, list) else [])]
    value = next((str(choice) for choice in choices if isinstance(choice, str | int) and choice != ""), None)
    if value is None:
        raise Unusable(f"The server's address has a part {shown(name)} without a default.")
    return value
