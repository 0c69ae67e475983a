"""From a method's name to its answer, by the revision's table."""

from mcp_runtime.authorization.scopes import require_scope
from mcp_runtime.protocol import errors
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.jsonrpc import result_envelope
from mcp_runtime.protocol.listening import Listen
from mcp_runtime.protocol.replies import Notice, Reply, Work
from mcp_runtime.protocol.revision import Exchange, Listening, Method, Signal
from mcp_runtime.protocol.settled import COUNTED, RefusedResult, Settled


def dispatch(identifier: bytes, exchange: Exchange) -> Reply | Work | Notice | Listen:
    """The answer, or the work that makes it.

    Raises RpcError: METHOD_NOT_FOUND, and whatever the method raises. Raises Refused(INSUFFICIENT_SCOPE).

    What a counted method (`settled.COUNTED`) refuses is work that is settled already, so that it is seen to end.
    """
    method = _method_of(exchange)
    try:
        answer = method(exchange)
    except RpcError as error:
        if exchange.method not in COUNTED:
            raise
        answer = Settled(error)
    if isinstance(answer, RefusedResult):
        answer = Settled(answer)
    if isinstance(answer, bytes):
        return Reply(200, result_envelope(identifier, answer))
    if isinstance(answer, Signal):
        return Notice(answer, Reply(200, result_envelope(identifier, answer.result)), identifier)
    if isinstance(answer, Listening):
        return Listen(identifier, answer)
    return Work(identifier, exchange, answer)


def _method_of(exchange: Exchange) -> Method:
    method = exchange.revision.methods.get(exchange.method)
    if method is None:
        raise RpcError(errors.METHOD_NOT_FOUND, f"Method not found: {exchange.method}")
    if exchange.principal.scopes is not None:
        require_scope(exchange.principal, exchange.method)
    return method
