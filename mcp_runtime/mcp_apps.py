"""MCP Apps (ext-apps, 2026-01-26): which HTML a tool's results are shown in, and what that HTML may do."""

import re
from typing import Annotated, Any, Literal

import msgspec

from mcp_runtime.metadata import InvalidMetadata
from mcp_runtime.uris import InvalidUri, require_uri

SCHEME = "ui://"
MIME_TYPE = "text/html;profile=mcp-app"
MAXIMUM_DOMAINS = 50

# Hosts write these into a Content-Security-Policy, so nothing but an origin gets there.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN = re.compile(rf"(?:https|wss)://(?:\*\.)?{_LABEL}(?:\.{_LABEL})*(?::[0-9]{{1,5}})?", re.IGNORECASE)
_UNENCRYPTED = re.compile(r"(?:http|ws)://(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?", re.IGNORECASE)

type Domains = Annotated[list[Annotated[str, msgspec.Meta(max_length=300)]], msgspec.Meta(max_length=MAXIMUM_DOMAINS)]


class _Granted(msgspec.Struct, forbid_unknown_fields=True):
    """An empty object."""


class _Csp(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    connect_domains: Domains = []
    resource_domains: Domains = []
    frame_domains: Domains = []
    base_uri_domains: Domains = []


class _Permissions(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    camera: _Granted | msgspec.UnsetType = msgspec.UNSET
    microphone: _Granted | msgspec.UnsetType = msgspec.UNSET
    geolocation: _Granted | msgspec.UnsetType = msgspec.UNSET
    clipboard_write: _Granted | msgspec.UnsetType = msgspec.UNSET


class _ResourceUi(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    csp: _Csp | msgspec.UnsetType = msgspec.UNSET
    permissions: _Permissions | msgspec.UnsetType = msgspec.UNSET
    domain: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.-]{1,253}\Z")] | msgspec.UnsetType = msgspec.UNSET
    prefers_border: bool | msgspec.UnsetType = msgspec.UNSET


class _ToolUi(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    resource_uri: str | msgspec.UnsetType = msgspec.UNSET
    visibility: Annotated[list[Literal["model", "app"]], msgspec.Meta(min_length=1, max_length=2)] = []


def require_tool_ui(ui: object) -> None:
    """Raises InvalidMetadata unless this is `_meta.ui` of a tool: the ui:// resource it is shown in, and to whom."""
    uri = _converted(ui, _ToolUi).resource_uri
    if uri is msgspec.UNSET:
        return
    try:
        require_uri(uri)
    except InvalidUri as error:
        raise InvalidMetadata(f"ui.resourceUri: {error}") from None
    if not uri.startswith(SCHEME) or uri == SCHEME:
        raise InvalidMetadata(f"ui.resourceUri: it begins with {SCHEME}.")


def require_resource_ui(ui: object) -> None:
    """Raises InvalidMetadata unless this is `_meta.ui` of a ui:// resource: what its HTML may load and use."""
    csp = _converted(ui, _ResourceUi).csp
    if csp is msgspec.UNSET:
        return
    for domain in (*csp.connect_domains, *csp.resource_domains, *csp.frame_domains, *csp.base_uri_domains):
        encrypted = domain.lower().startswith(("https://", "wss://"))
        if not (_ORIGIN if encrypted else _UNENCRYPTED).fullmatch(domain):
            raise InvalidMetadata(f"ui.csp: {domain} is not an origin such as https://api.example.com.")


def _converted[Shape](value: Any, shape: type[Shape]) -> Shape:
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise InvalidMetadata(f"ui: {error}") from None
