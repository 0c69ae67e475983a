"""What both eras' conversations share: who is asked for what, which reports are wanted, and their wire form."""

from typing import Any

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.jsonrpc import MAXIMUM_ID, encode
from mcp_runtime.protocol.request_state import binding, seal, unseal
from mcp_runtime.protocol.revision import Exchange
from mcp_runtime.sources.conversation import LOG_LEVELS, Answer, Question

MAXIMUM_TOKEN = 1_024  # every report of progress repeats it
LOG_LEVEL = "io.modelcontextprotocol/logLevel"


class InputRequired(Exception):
    """A call that cannot go on without answers, which its client brings when it calls again."""

    def __init__(self, questions: dict[str, Question], state: str) -> None:
        super().__init__(", ".join(questions))
        self.questions = questions
        self.state = state


class Retry:
    """The answers that a call brings along: those of this round, and those that its sealed state remembers."""

    __slots__ = ("_bound_to", "_round", "answers", "memory")

    def __init__(self, exchange: Exchange) -> None:
        """Raises RpcError(INVALID_PARAMS) for a state that is not this call's, or answers that are no object."""
        params = exchange.params
        self._bound_to = binding(exchange.endpoint.endpoint_id, exchange.principal.id, exchange.method, params)
        self._round = 0
        self.answers: dict[str, Any] = {}
        self.memory: dict[str, Any] = {}
        if "requestState" in params:
            state = unseal(self._bound_to, params["requestState"])
            self._round, self.answers, self.memory = state.round, dict(state.answers), dict(state.memory)
        brought = params.get("inputResponses", {})
        if type(brought) is not dict:
            raise RpcError(errors.INVALID_PARAMS, "params.inputResponses is an object.")
        self.answers |= brought

    def state(self, standing: dict[str, Answer], memory: dict[str, Any]) -> str:
        """The state for the next round, which remembers the answers that stand and what the handler left."""
        return seal(self._bound_to, standing, self._round + 1, memory)


def check_meta(meta: object) -> None:
    """Raises RpcError(INVALID_PARAMS) for a request's `_meta` that is no object, or whose progress token is none."""
    if type(meta) is not dict:
        raise RpcError(errors.INVALID_PARAMS, "params._meta is an object.")
    if "progressToken" in meta and not _is_token(meta["progressToken"]):
        sentence = f"params._meta.progressToken is a string of at most {MAXIMUM_TOKEN} characters, or an integer."
        raise RpcError(errors.INVALID_PARAMS, sentence)


def _is_token(token: object) -> bool:
    if type(token) is str:
        return len(token) <= MAXIMUM_TOKEN
    return type(token) is int and -MAXIMUM_ID <= token <= MAXIMUM_ID


def check_level(meta: dict[str, Any]) -> None:
    """Raises RpcError(INVALID_PARAMS) for a log level in `_meta` that is none (from 2026-07-28)."""
    if LOG_LEVEL in meta and meta[LOG_LEVEL] not in LOG_LEVELS:
        raise RpcError(errors.INVALID_PARAMS, f"{LOG_LEVEL} is one of {', '.join(LOG_LEVELS)}.")


def progress_token(params: dict[str, Any]) -> str | int | None:
    """The token under which the client wants to hear of progress, if it does."""
    meta = params.get("_meta")
    return meta.get("progressToken") if type(meta) is dict else None


def encode_notification(method: str, params: dict[str, Any]) -> bytes:
    """A JSON-RPC notification; empty params are left out."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    return encode({**message, "params": params} if params else message)


def encode_request(identifier: str, method: str, params: dict[str, Any]) -> bytes:
    """A JSON-RPC request of the server's."""
    return encode({"jsonrpc": "2.0", "id": identifier, "method": method, "params": params})


def is_loud_enough(level: str, minimum: str) -> bool:
    """Whether a message of `level` is wanted by who asked for `minimum` and above."""
    return level in LOG_LEVELS and LOG_LEVELS.index(level) >= LOG_LEVELS.index(minimum)
