"""Streams that belong to no request: what a server says of itself, heard as long as it says it."""

from collections.abc import AsyncIterator, Callable

from core.outbound import FetchFailed, Stream
from core.outbound.event_stream import EventReader
from mcp_runtime.protocol.jsonrpc import Message
from mcp_runtime.sources.mcp.era import Changed
from mcp_runtime.sources.mcp.link import EVENT_BYTES
from mcp_runtime.sources.mcp.running import messages_in
from mcp_runtime.sources.upstream import UpstreamFailed

# Servers send a comment or a ping now and then; one that is silent for so long has gone.
SILENT_SECONDS = 900.0
_LISTS = {f"notifications/{kind}/list_changed": kind for kind in ("tools", "prompts", "resources")}


async def messages_of(
    stream: Stream, reader: EventReader | None = None, *, batches: bool = False
) -> AsyncIterator[Message]:
    """The messages until the stream ends. Raises UpstreamFailed."""
    reader = reader or EventReader(EVENT_BYTES)
    while True:
        try:
            piece = await stream.read()
        except FetchFailed as failure:
            raise UpstreamFailed(str(failure)) from None
        if not piece:
            return
        for message in messages_in(reader, piece, batches=batches):
            yield message


def note(message: Message, changed: Changed, updated: Callable[[str], None]) -> bool:
    """Tells `changed` of a list, `updated` of a resource; whether the message was of either."""
    if message.method in _LISTS:
        changed(_LISTS[message.method])
        return True
    if message.method != "notifications/resources/updated":
        return False
    uri = message.params.get("uri") if type(message.params) is dict else None
    if type(uri) is str:
        updated(uri)
    return True
