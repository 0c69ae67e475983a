"""What a message meets: the endpoint it was sent to, who sent it, and the sessions that may be named."""

from collections.abc import Container

import msgspec

from mcp_runtime.protocol.served import Principal, ServedEndpoint
from mcp_runtime.protocol.sessions import SessionTokens


class Scene(msgspec.Struct, frozen=True):
    """`ended` holds the digests of sessions that were ended before their time."""

    endpoint: ServedEndpoint
    principal: Principal
    sessions: SessionTokens
    ended: Container[str]
