"""What an upstream of this kind is configured with.

    {"url": "https://api.example.com/openapi.json", "server": "https://api.example.com/v1", "probe": "/me",
     "schemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}}

`url` is where the document is, unless it was uploaded. `server` replaces the document's servers. Secrets are named
like the security schemes of the document: an API key or a token as it is, user and password with a colon between.
"""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from mcp_runtime.sources.configuration import converted
from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.http.encoding import as_it_stands, has_dot_segments
from mcp_runtime.sources.http.template import InvalidTemplate
from mcp_runtime.sources.openapi.document import Unusable
from mcp_runtime.sources.openapi.operation import MAXIMUM_TEXT, Operation, Scheme
from mcp_runtime.sources.openapi.security import scheme_of
from mcp_runtime.sources.openapi.servers import require_server

MAXIMUM_SCHEMES = 20
HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
DEFAULT_SECONDS = 30.0
DEFAULT_BYTES = 1024 * 1024
MAXIMUM_BYTES = 4 * 1024 * 1024

type Text = Annotated[str, msgspec.Meta(max_length=MAXIMUM_TEXT)]


class OpenApiConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The configuration.

    `probe` is a path below the server, or an operation as discovery found it that needs no arguments. `schemes` are
    Security Scheme Objects for operations that ask for nothing though the service does. `timeout` is in seconds for
    one call, `size_limit` in bytes of one decompressed answer.
    """

    url: Text = ""
    server: Text = ""
    probe: Text | dict[str, Any] = ""
    schemes: Annotated[dict[str, dict[str, Any]], msgspec.Meta(max_length=MAXIMUM_SCHEMES)] = {}
    timeout: Annotated[float, msgspec.Meta(ge=0.1, le=300)] = DEFAULT_SECONDS
    size_limit: Annotated[int, msgspec.Meta(ge=1, le=MAXIMUM_BYTES)] = DEFAULT_BYTES


def read_config(config: dict[str, Any]) -> OpenApiConfig:
    """The typed configuration; raises InvalidConfig that names each wrong field."""
    typed = converted(config, OpenApiConfig)
    checks: dict[str, Callable[[], object]] = {
        "config.url": lambda: typed.url and require_server(typed.url.partition("?")[0]),
        "config.server": lambda: typed.server and require_server(typed.server),
        "config.schemes": lambda: alternatives_of(typed),
        "config.probe": lambda: _require_probe(typed),
    }
    wrong: dict[str, str] = {}
    for field, check in checks.items():
        try:
            check()
        except (Unusable, InvalidTemplate) as error:
            wrong[field] = str(error)
    if wrong:
        raise InvalidConfig(wrong)
    return typed


def alternatives_of(config: OpenApiConfig) -> list[list[Scheme]]:
    """The security requirement that `schemes` are, each an alternative. Raises Unusable."""
    return [[scheme_of(name, scheme)] for name, scheme in config.schemes.items()]


def probe_operation(config: OpenApiConfig) -> Operation | None:
    """The operation that the probe is; None where it is a path. Raises InvalidConfig."""
    return converted(config.probe, Operation, field="config.probe") if isinstance(config.probe, dict) else None


def _require_probe(config: OpenApiConfig) -> None:
    operation = probe_operation(config)
    if operation is not None:
        needs = [entry.argument for entry in operation.parameters if entry.required]
        if operation.method not in HARMLESS or needs:
            raise Unusable("A probe is a GET, HEAD or OPTIONS that needs no arguments.")
    elif isinstance(config.probe, str) and config.probe:
        if not config.probe.startswith("/") or has_dot_segments(config.probe.partition("?")[0]):
            raise Unusable("A probe is a path below the server, such as /me.")
        as_it_stands(config.probe)
