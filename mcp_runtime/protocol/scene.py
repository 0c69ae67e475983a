"""What a message meets: the endpoint it was sent to, who sent it, and what was negotiated before."""

from collections.abc import Container
from typing import Any

import msgspec

from mcp_runtime.protocol.revision import Revision
from mcp_runtime.protocol.served import Principal, ServedEndpoint
from mcp_runtime.protocol.sessions import SessionTokens
from mcp_runtime.protocol.tasks import TaskKeeper


class Standing(msgspec.Struct, frozen=True):
    """What a message of the handshake era goes by. `token` is that of its session, empty where it has none."""

    revision: Revision
    capabilities: dict[str, Any]
    token: bytes = b""


class Scene(msgspec.Struct, frozen=True):
    """`ended` holds the digests of sessions that were ended before their time.

    `standing` is what was negotiated on the connection that the message came on, where that is its session.
    """

    endpoint: ServedEndpoint
    principal: Principal
    sessions: SessionTokens
    ended: Container[str]
    tasks: TaskKeeper
    standing: Standing | None = None
