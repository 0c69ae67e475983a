"""Resources: resources/list, resources/templates/list, resources/read (server/resources)."""

from dataclasses import dataclass
from typing import Any

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.jsonrpc import encode
from mcp_runtime.protocol.revision import Exchange
from mcp_runtime.protocol.served import ServedResource
from mcp_runtime.protocol.wire import wire_of
from mcp_runtime.sources.contract import CallContext, ResourceMissing

SECONDS = 60.0
_RETRYING = frozenset({"inputResponses", "requestState"})


def list_resources(exchange: Exchange) -> bytes:
    """A page of the resources. Raises RpcError(INVALID_PARAMS) for a cursor of somebody else."""
    return wire_of(exchange.endpoint, exchange.revision).page("resources", exchange.principal, exchange.params)


def list_templates(exchange: Exchange) -> bytes:
    """A page of the resource templates. Raises RpcError(INVALID_PARAMS) for a cursor of somebody else."""
    return wire_of(exchange.endpoint, exchange.revision).page("resourceTemplates", exchange.principal, exchange.params)


def read_resource(exchange: Exchange) -> "ResourceRead":
    """The resource, to be read. Raises RpcError: INVALID_PARAMS, or the revision's code for one that is not there."""
    uri = exchange.params.get("uri")
    if type(uri) is not str:
        raise RpcError(errors.INVALID_PARAMS, "params.uri is a string.")
    found = exchange.endpoint.resource_at(exchange.principal, uri)
    if found is None:
        raise missing(exchange, uri)
    return ResourceRead(exchange, uri, *found)


def missing(exchange: Exchange, uri: str) -> RpcError:
    """How the revision says that there is no such resource: -32002 up to 2025-11-25, -32602 from then on."""
    return RpcError(exchange.revision.resource_not_found, "Resource not found", {"uri": uri})


@dataclass(slots=True)
class ResourceRead:
    """A read that passed every check."""

    exchange: Exchange
    uri: str
    resource: ServedResource
    variables: dict[str, str]
    seconds: float = SECONDS

    async def run(self, context: CallContext) -> bytes:
        """Reads, and encodes the contents for the revision."""
        try:
            contents = await self.resource.compiled.handler(context, self.uri, self.variables)
        except ResourceMissing:
            raise missing(self.exchange, self.uri) from None
        endpoint, revision = self.exchange.endpoint, self.exchange.revision
        known: list[dict[str, Any]] = [
            content if revision.has_meta else {name: value for name, value in content.items() if name != "_meta"}
            for content in contents
        ]
        wire = wire_of(endpoint, revision)
        is_retry = not _RETRYING.isdisjoint(self.exchange.params)
        return b'{"contents":%b%b' % (encode(known), wire.private_closing if is_retry else wire.cacheable_closing)

    def failed(self, sentence: str) -> bytes:
        """There is no result that says it failed, so this is an error."""
        raise RpcError(errors.INTERNAL_ERROR, sentence)
