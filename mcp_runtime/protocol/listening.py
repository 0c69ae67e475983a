"""The messages of a stream that a client listens on (2026-07-28, basic/patterns/subscriptions)."""

from dataclasses import dataclass
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
        return encode_notification(method, {"_meta": {SUBSCRIPTION_ID: self._raw_id}, **params})

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
