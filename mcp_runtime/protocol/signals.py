"""The kinds of signal that a message of the handshake era may give to another worker, or leave for later."""

ANSWERED = "answered"  # a client answered a server's request: `data` is the JSON-RPC response
CANCELLED = "cancelled"  # a client wants no answer any more: `data["request"]` is the encoded id
SUBSCRIBED = "subscribed"  # a session wants to hear of a resource: `data["uri"]`
UNSUBSCRIBED = "unsubscribed"
LEVEL_SET = "level_set"  # a session wants log messages from `data["level"]` on
