"""Requests that are counted although nothing runs for them, and encoded results that say more than their bytes."""

import msgspec

from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.sources.contract import CallContext

# The methods that use what an endpoint offers. Each is one call, also where it is refused at once.
COUNTED = frozenset({"tools/call", "prompts/get", "resources/read"})


class ErrorResult(bytes):
    """An encoded result by which a tool says that it failed."""

    __slots__ = ()


class RefusedResult(bytes):
    """An encoded result that refuses the call: no tool was asked."""

    __slots__ = ()


class HeldBackResult(bytes):
    """An encoded result that refuses the call for its source's sake: it is out of service, or keeps failing."""

    __slots__ = ()


class Settled(msgspec.Struct, frozen=True):
    """A job that was done before it began: it ends as `answer` says."""

    answer: bytes | RpcError
    seconds: float = 1.0

    async def run(self, _context: CallContext) -> bytes:
        """The result; raises RpcError where that is the answer."""
        if isinstance(self.answer, RpcError):
            raise self.answer
        return self.answer

    def failed(self, sentence: str) -> bytes:
        """Nothing can fail any more, so the answer stays."""
        return b"" if isinstance(self.answer, RpcError) else self.answer
