"""The messages of a stream that a client listens on (2026-07-28, basic/patterns/subscriptions)."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import msgspec

from mcp_runtime.protocol.conversing import encode_notification
from mcp_runtime.protocol.features.subscriptions import LISTS
from mcp_runtime.protocol.jsonrpc import encode, result_envelope
from mcp_runtime.protocol.revision import Listening
from mcp_runtime.protocol.wire import SERVER_INFO, wire_of

SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId"


@dataclass(slots=True)
class Listen:
    """A request whose answer is a stream, for as long as the client listens. `id` is encoded."""

    id: bytes
    listening: Listening

    def lean(self) -> "Listen":
        """The request without what only its beginning needs: it is held for as long as its stream."""
        exchange = msgspec.structs.replace(self.listening.exchange, headers=None, params={}, capabilities={})
        return Listen(self.id, replace(self.listening, exchange=exchange))

    def list_changed(self, kind: str) -> bytes:
        """Tells that a list (tools, prompts, resources) changed."""
        return _list_changed(self.id, kind)

    def acknowledged(self) -> bytes:
        """The first message: what of it is honoured."""
        honoured: dict[str, Any] = {name: True for name, kind in LISTS.items() if kind in self.listening.lists}
        if self.listening.uris:
            honoured["resourceSubscriptions"] = sorted(self.listening.uris)
        if self.listening.tasks:
            honoured["taskIds"] = sorted(self.listening.tasks)
        return self.tagged("notifications/subscriptions/acknowledged", {"notifications": honoured})

    def tagged(self, method: str, params: dict[str, Any]) -> bytes:
        """A notification that says which subscription it belongs to."""
        return _tagged(self.id, method, params)

    def cancelled(self) -> bytes:
        """Tells that the server ends the stream (basic/patterns/cancellation)."""
        return self.tagged("notifications/cancelled", {"requestId": self._raw_id})

    def result(self) -> bytes:
        """The response that ends it."""
        exchange = self.listening.exchange
        meta = {SUBSCRIPTION_ID: self._raw_id, SERVER_INFO: wire_of(exchange.endpoint, exchange.revision).server_info}
        return result_envelope(self.id, encode({"resultType": "complete", "_meta": meta}))

    @property
    def _raw_id(self) -> Any:
        """The id as a value again, of the type that the client chose."""
        return msgspec.json.decode(self.id)


def _tagged(identifier: bytes, method: str, params: dict[str, Any]) -> bytes:
    return encode_notification(method, {"_meta": {SUBSCRIPTION_ID: msgspec.json.decode(identifier)}, **params})


@lru_cache(maxsize=1_024)
def _list_changed(identifier: bytes, kind: str) -> bytes:
    # Most clients count their requests from one, so that very many streams say the same bytes.
    return _tagged(identifier, f"notifications/{kind}/list_changed", {})
