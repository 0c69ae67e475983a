"""What servers send, read as strictly as what clients send: one JSON-RPC message, or an array of them where that is
allowed."""

from dataclasses import dataclass
from typing import Any

from mcp_runtime.protocol import jsonrpc
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.jsonrpc import Kind, Message
from mcp_runtime.sources.upstream import Health, UpstreamFailed

MAXIMUM_BATCH = 100
MAXIMUM_SENTENCE = 500


@dataclass(slots=True)
class Answered(Exception):
    """The server answered with a JSON-RPC error; `sentence` is its own message, shortened and made printable."""

    code: int
    sentence: str
    data: Any = None

    def __str__(self) -> str:
        return self.sentence


def broken(sentence: str) -> UpstreamFailed:
    """The failure of a server that is there, and does not keep to the protocol."""
    return UpstreamFailed(sentence, Health.DEGRADED)


def read_messages(body: bytes, *, batches: bool) -> list[Message]:
    """The messages of an HTTP body or an event. Raises UpstreamFailed."""
    try:
        value = jsonrpc.decode(body)
        if batches and type(value) is list and 0 < len(value) <= MAXIMUM_BATCH:
            return [_read(item) for item in value]
        return [_read(value)]
    except RpcError as error:
        raise broken(f"The server sent something that is not a message of the protocol: {error.message}") from None


def _read(value: Any) -> Message:
    # Older servers send null where they could not read an id (JSON-RPC 2.0 section 5).
    if type(value) is dict and "error" in value and value.get("id", "") is None:
        value = {name: member for name, member in value.items() if name != "id"}
    return jsonrpc.read_message(value)


def result_of(message: Message) -> dict[str, Any]:
    """The result of a response. Raises Answered for an error, UpstreamFailed for what is neither."""
    response = message.params
    if "error" in response:
        raise error_of(response["error"])
    result = response["result"]
    if type(result) is not dict:
        raise broken("The server sent a result that is not an object.")
    return result


def error_of(error: Any) -> Answered:
    """A JSON-RPC error object as an exception. Raises UpstreamFailed for what is none."""
    if type(error) is not dict or type(error.get("code")) is not int:
        raise broken("The server sent an error without a code.")
    return Answered(error["code"], printable(error.get("message")), error.get("data"))


def printable(text: Any, limit: int = MAXIMUM_SENTENCE) -> str:
    """What a server says in words, fit for a log and for a terminal."""
    if type(text) is not str or not text:
        return "The server gave no reason."
    shown = "".join(character if character.isprintable() else " " for character in text[:limit])
    return f"{shown}…" if len(text) > limit else shown


def is_response(message: Message) -> bool:
    """Whether it answers something."""
    return message.kind is Kind.RESPONSE
