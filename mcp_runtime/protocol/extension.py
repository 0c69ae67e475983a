"""What an extension of the protocol is: data and small functions, one module each in `extensions`, read by the core."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.revision import Answering, Exchange, Method
from mcp_runtime.protocol.served import ServedEndpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """One extension (2026-07-28, basic/versioning "Extensions"), in one of its versions.

    `revisions` are those of the protocol that it extends. `settings` returns what an endpoint declares of it, or None
    where it does not offer it: then its methods are unknown there. `must_be_declared` has clients that did not declare
    it refused. `mirrored` is as in `Revision`.
    """

    id: str
    version: str
    revisions: frozenset[str]
    settings: Callable[[ServedEndpoint], dict[str, Any] | None]
    methods: Mapping[str, Method] = field(default_factory=dict)
    mirrored: Mapping[str, str] = field(default_factory=dict)
    must_be_declared: bool = False

    def guarded(self) -> dict[str, Method]:
        """Its methods, each behind the question whether the endpoint offers and the client declared it."""
        return {name: self._guard(method) for name, method in self.methods.items()}

    def _guard(self, method: Method) -> Method:
        def answer(exchange: Exchange) -> Answering:
            if self.settings(exchange.endpoint) is None:
                raise RpcError(errors.METHOD_NOT_FOUND, f"Method not found: {exchange.method}")
            if self.must_be_declared and not is_declared(self.id, exchange.capabilities):
                raise undeclared(self.id)
            return method(exchange)

        return answer


def is_declared(extension_id: str, capabilities: Mapping[str, Any]) -> bool:
    """Whether a client with these capabilities (ClientCapabilities) declared the extension."""
    extensions = capabilities.get("extensions")
    return isinstance(extensions, dict) and isinstance(extensions.get(extension_id), dict)


def required(extension_id: str) -> dict[str, Any]:
    """The client capabilities that an extension needs, shaped like ClientCapabilities."""
    return {"extensions": {extension_id: {}}}


def undeclared(extension_id: str) -> RpcError:
    """How a client hears that it has to declare the extension."""
    data = {"requiredCapabilities": required(extension_id)}
    return RpcError(errors.MISSING_CLIENT_CAPABILITY, "Missing required client capability", data)
