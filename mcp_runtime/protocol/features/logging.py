"""Logging: logging/setLevel, up to 2025-11-25 (server/utilities/logging)."""

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.revision import Exchange, Signal
from mcp_runtime.protocol.sessions import digest
from mcp_runtime.protocol.signals import LEVEL_SET
from mcp_runtime.sources.conversation import LOG_LEVELS


def set_level(exchange: Exchange) -> Signal:
    """Has the session hear of messages from a level on. Raises RpcError(INVALID_PARAMS) for one that is none."""
    level = exchange.params.get("level")
    if level not in LOG_LEVELS:
        raise RpcError(errors.INVALID_PARAMS, f"params.level is one of {', '.join(LOG_LEVELS)}.")
    return Signal(LEVEL_SET, digest(exchange.session), {"level": level})
