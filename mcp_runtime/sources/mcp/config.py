"""How an upstream MCP server is reached, as its author wrote it.

    {"url": "https://mcp.example.com/mcp", "headers": {"X-Region": "eu"}, "transport": "auto"}

`transport` is found out, unless it is said: "stateless" (2026-07-28), "session" (Streamable HTTP, 2025-03-26 to
2025-11-25) or "http_sse" (2024-11-05). Secret headers are no part of this: they are the draft's `secrets`.
"""

from typing import Annotated, Any, Literal

import msgspec

from core.outbound import policy_from_environment, require_allowed_early
from core.outbound.destination import parse
from core.refusals import Refused
from mcp_runtime.sources.configuration import converted
from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.http.config import MAXIMUM_URL_CHARACTERS, Texts
from mcp_runtime.sources.http.headers import CREDENTIALS, canonical, require_name, require_value
from mcp_runtime.sources.http.template import InvalidTemplate
from mcp_runtime.sources.upstream import UpstreamDraft

# What the protocol says in headers is the client's to say.
PROTOCOL_HEADERS = frozenset(
    {"accept", "content-type", "last-event-id", "mcp-method", "mcp-name", "mcp-protocol-version", "mcp-session-id"}
)
PARAMETER_PREFIX = "mcp-param-"


class McpConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole configuration."""

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=MAXIMUM_URL_CHARACTERS)]
    headers: Texts = {}
    transport: Literal["auto", "stateless", "session", "http_sse"] = "auto"


def read_config(config: dict[str, Any]) -> McpConfig:
    """The typed configuration; raises InvalidConfig that names each wrong field."""
    read = converted(config, McpConfig)
    wrong = {f"config.headers.{name}": sentence for name, sentence in _wrong_headers(read.headers).items()}
    wrong |= {
        f"config.headers.{name}": "Store a credential as a secret header: there it is encrypted and never shown."
        for name in read.headers
        if name.lower() in CREDENTIALS
    }
    try:
        parse(read.url)
    except Refused as refused:
        wrong["config.url"] = str(refused)
    if wrong:
        raise InvalidConfig(wrong)
    return read


def check(draft: UpstreamDraft) -> UpstreamDraft:
    """The draft, its secrets spelled as headers are. Raises InvalidConfig."""
    config = read_config(draft.config)
    wrong = {f"secrets.{name}": sentence for name, sentence in _wrong_headers(draft.secrets).items()}
    secret = {canonical(name) for name, value in draft.secrets.items() if value}
    wrong |= {
        f"config.headers.{name}": "This header is a secret one too."
        for name in config.headers
        if canonical(name) in secret
    }
    try:
        require_allowed_early(config.url, policy_from_environment())
    except Refused as refused:
        wrong["config.url"] = str(refused)
    if draft.material is not None:
        wrong["material"] = "An MCP server is reached by its URL: there is nothing to upload."
    if wrong:
        raise InvalidConfig(wrong)
    return UpstreamDraft(
        config=msgspec.to_builtins(config),
        secrets={canonical(name): value for name, value in draft.secrets.items()},
    )


def origin_of(config: McpConfig) -> str:
    """Where the secrets go: scheme, host and port."""
    origin = parse(config.url).origin
    return f"{origin.scheme}://{origin.authority}"


def _wrong_headers(headers: dict[str, str]) -> dict[str, str]:
    wrong: dict[str, str] = {}
    for name, value in headers.items():
        try:
            require_name(name)
            require_value(value)
        except InvalidTemplate as error:
            wrong[name] = str(error)
        if name.lower() in PROTOCOL_HEADERS or name.lower().startswith(PARAMETER_PREFIX):
            wrong[name] = "The protocol says this itself."
    return wrong
