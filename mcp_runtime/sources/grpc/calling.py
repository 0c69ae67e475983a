"""One call of a gRPC service: its metadata, its time, and what its status says."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from mcp_runtime.sources.grpc.channel import Way
from mcp_runtime.sources.grpc.config import GrpcConfig
from mcp_runtime.sources.http.secrets import hiding
from mcp_runtime.sources.upstream import Health, Line, UpstreamFailed

DETAILS_CHARACTERS = 500
STREAMED = 1_000  # messages of one answer
AUTHORIZATION = "authorization"

type Metadata = tuple[tuple[str, str], ...]
# Makes a call on a channel with metadata.
type Attempt[ValueT] = Callable[[grpc.aio.Channel, Metadata], Awaitable[ValueT]]


class StatusFailed(Exception):
    """The service answered with a status that says something of the call, and nothing of the service."""

    def __init__(self, code: grpc.StatusCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Caller:
    """Calls one service."""

    def __init__(self, config: GrpcConfig, line: Line) -> None:
        self._metadata = {key.lower(): value for key, value in config.metadata.items()}
        self._credentials = line.credentials
        self.way = Way(config, line)

    async def attempt[ValueT](self, make: Attempt[ValueT], principal: str = "") -> ValueT:
        """Makes a call, and once more where its token was renewed meanwhile. Raises StatusFailed, UpstreamFailed."""
        secrets = {key.lower(): value for key, value in (await self._credentials.secrets()).items()}
        token = await self._credentials.token(principal)
        try:
            return await self._once(make, secrets, token)
        except _LoginNeeded as needed:
            if token is None or not await self._credentials.rejected(principal, token, needed.challenge):
                raise _login_failed() from None
        try:
            return await self._once(make, secrets, await self._credentials.token(principal))
        except _LoginNeeded:
            raise _login_failed() from None

    async def _once[ValueT](self, make: Attempt[ValueT], secrets: dict[str, str], token: str | None) -> ValueT:
        secret = secrets if token is None else secrets | {AUTHORIZATION: f"Bearer {token}"}
        metadata = tuple((self._metadata | secret).items())
        async with self.way.channel() as channel:
            try:
                return await make(channel, metadata)
            except grpc.aio.AioRpcError as error:
                raise _failure(error, hiding(secret)) from None

    async def unary(self, path: str, request: bytes, seconds: float, principal: str = "") -> bytes:
        """The answer of a method that answers once. Raises StatusFailed, UpstreamFailed."""

        async def make(channel: grpc.aio.Channel, metadata: Metadata) -> bytes:
            call: Any = channel.unary_unary(path)
            answer: bytes = await call(request, timeout=seconds, metadata=metadata)
            return answer

        return await self.attempt(make, principal)

    async def streamed(
        self, path: str, request: bytes, seconds: float, most: int, principal: str = ""
    ) -> tuple[list[bytes], bool]:
        """The first answers of a method that streams them, of `most` bytes together, and whether there are more.

        Raises StatusFailed, UpstreamFailed.
        """

        async def make(channel: grpc.aio.Channel, metadata: Metadata) -> tuple[list[bytes], bool]:
            method: Any = channel.unary_stream(path)
            call = method(request, timeout=seconds, metadata=metadata)
            try:
                return await _collected(call, most)
            finally:
                call.cancel()

        return await self.attempt(make, principal)


async def _collected(call: Any, most: int) -> tuple[list[bytes], bool]:
    answers: list[bytes] = []
    room = most
    async for answer in call:
        room -= len(answer)
        if len(answers) >= STREAMED or room < 0:
            return answers, True
        answers.append(answer)
    return answers, False


class _LoginNeeded(Exception):
    """The service asks who we are."""

    def __init__(self, challenge: str) -> None:
        super().__init__()
        self.challenge = challenge


def _login_failed() -> UpstreamFailed:
    return UpstreamFailed("The service does not take our credentials.", Health.NEEDS_LOGIN)


def _failure(error: grpc.aio.AioRpcError, hide: Callable[[str], str]) -> Exception:
    code = error.code()
    if code is grpc.StatusCode.UNAUTHENTICATED:
        return _LoginNeeded(_challenge(error))
    if code is grpc.StatusCode.UNAVAILABLE:
        return UpstreamFailed("The service cannot be reached, or is not available.")
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return UpstreamFailed("The service did not answer in time.")
    details = "".join(character if character.isprintable() else " " for character in error.details() or "")
    said = f"{code.name}: {hide(details)[:DETAILS_CHARACTERS]}" if details else code.name
    return StatusFailed(code, f"The service answered {said}")


def _challenge(error: grpc.aio.AioRpcError) -> str:
    trailing = error.trailing_metadata()
    found = [value for key, value in trailing or () if key == "www-authenticate"]
    return str(found[0]) if found else ""


def seconds_left(limit: float, deadline: float) -> float:
    """The seconds that a call may take: of its own, and of its context."""
    return min(limit, deadline - asyncio.get_running_loop().time())
