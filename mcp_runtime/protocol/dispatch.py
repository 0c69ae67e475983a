"""From a method's name to its answer, by the revision's table."""

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.jsonrpc import result_envelope
from mcp_runtime.protocol.replies import Reply, Work
from mcp_runtime.protocol.revision import Exchange


def dispatch(identifier: bytes, method_name: str, exchange: Exchange) -> Reply | Work:
    """The answer, or the work that makes it. Raises RpcError: METHOD_NOT_FOUND, and whatever the method raises."""
    method = exchange.revision.methods.get(method_name)
    if method is None:
        raise RpcError(errors.METHOD_NOT_FOUND, f"Method not found: {method_name}")
    answer = method(exchange)
    if isinstance(answer, bytes):
        return Reply(200, result_envelope(identifier, answer))
    return Work(identifier, exchange.revision, answer)
