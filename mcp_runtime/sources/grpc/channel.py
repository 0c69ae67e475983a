"""The way to one gRPC service: an address that was checked is dialled, under the name that the service is known by."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
import grpc.aio

from core.outbound import FetchFailed, resolve_allowed
from core.outbound.addresses import parse as parse_address
from core.refusals import Refused
from mcp_runtime.sources.grpc.config import GrpcConfig, Target, target_of
from mcp_runtime.sources.upstream import Line, UpstreamFailed

MESSAGE_BYTES = 4 * 1024 * 1024
METADATA_BYTES = 16 * 1024
ADDRESSES = 4
# A name is resolved and checked again after so many seconds.
RENEWED_SECONDS = 300.0
OPTIONS = (
    # Anything that would lead elsewhere than to the address that was checked, or to others' connections.
    ("grpc.enable_http_proxy", 0),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.max_send_message_length", MESSAGE_BYTES),
    ("grpc.max_metadata_size", METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", METADATA_BYTES),
    ("grpc.primary_user_agent", "armstrong"),
)


@dataclass(slots=True)
class _Held:
    """A channel, how many calls are on it, and whether it is to end with the last of them."""

    channel: grpc.aio.Channel
    born: float
    calls: int = 0
    is_retired: bool = False


class Way:
    """Channels to one service in one event loop; one at a time, renewed now and then."""

    def __init__(self, config: GrpcConfig, line: Line) -> None:
        self._target = target_of(config.url)
        self._certificates = config.certificates
        self._line = line
        self._held: _Held | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[grpc.aio.Channel]:
        """The channel for one call. Raises UpstreamFailed where its name leads nowhere or to a private address."""
        held = await self._current()
        held.calls += 1
        try:
            yield held.channel
        finally:
            held.calls -= 1
            if held.is_retired and not held.calls:
                await held.channel.close()

    async def _current(self) -> _Held:
        async with self._opening:
            now = asyncio.get_running_loop().time()
            if self._held is not None and now - self._held.born > RENEWED_SECONDS:
                await self._retire()
            if self._held is None:
                self._held = _Held(await self._opened(), now)
            return self._held

    async def _opened(self) -> grpc.aio.Channel:
        target = self._target
        try:
            addresses = await resolve_allowed(self._line.http, "grpc", target.host, target.port)
        except (Refused, FetchFailed) as failure:
            raise UpstreamFailed(str(failure)) from None
        address = _address(addresses[:ADDRESSES], target)
        options = (*OPTIONS, ("grpc.default_authority", target.authority))
        if not target.is_encrypted:
            return grpc.aio.insecure_channel(address, options)
        trusted = self._certificates.encode() or None
        return grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(trusted), options)

    async def _retire(self) -> None:
        held, self._held = self._held, None
        if held is None:
            return
        held.is_retired = True
        if not held.calls:
            await held.channel.close()

    async def close(self) -> None:
        """Ends the channel; calls that are under way fail."""
        held, self._held = self._held, None
        if held is not None:
            await held.channel.close()


def _address(addresses: list[str], target: Target) -> str:
    """The addresses in gRPC's form (its naming document); those of one family, which a target is of."""
    parsed = [address for text in addresses if (address := parse_address(text)) is not None]
    version = parsed[0].version
    of_one_family = [address for address in parsed if address.version == version]
    if version == 6:
        return "ipv6:" + ",".join(f"[{address}]:{target.port}" for address in of_one_family)
    return "ipv4:" + ",".join(f"{address}:{target.port}" for address in of_one_family)
