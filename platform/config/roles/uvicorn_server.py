"""uvicorn as this platform runs it: on a socket that is bound already, with a heartbeat."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import cast

import uvicorn
from uvicorn._types import ASGIApplication

from core.supervision.heartbeat import NONE, Heartbeat, Vitals
from mcp_runtime.transports.bounded_http import BoundedHttp, Bounds
from mcp_runtime.transports.bounded_websocket import BoundedWebSocket
from mcp_runtime.transports.fast_lane import FastLane, Lane
from mcp_runtime.transports.limits import Limits

KEEP_ALIVE_SECONDS = 75  # longer than the usual 60 s of a load balancer: it, not we, closes idle connections
GRACE_SECONDS = 5  # for requests in flight; streams end with it
BACKLOG = 2048
STARTUP_FAILED = 3  # what uvicorn's own command answers


class BeatingServer(uvicorn.Server):
    """Beats while it serves, and lets the application know before it waits for open requests to end."""

    def __init__(
        self, config: uvicorn.Config, before_shutdown: Callable[[], None], vitals: Callable[[], Vitals]
    ) -> None:
        super().__init__(config)
        self._before_shutdown = before_shutdown
        self._vitals = vitals

    async def main_loop(self) -> None:
        """uvicorn's own, between the start-up of the application and its shutdown."""
        beating = asyncio.create_task(Heartbeat.from_environment().beat(self._all_vitals))
        try:
            await super().main_loop()
        finally:
            beating.cancel()
            self._before_shutdown()

    def _all_vitals(self) -> Vitals:
        return replace(self._vitals(), connections=len(self.server_state.connections))


def serve_application(
    application: ASGIApplication,
    listening: socket.socket,
    *,
    before_shutdown: Callable[[], None],
    vitals: Callable[[], Vitals] = lambda: NONE,
    reads_client_address: bool = True,
    lane: Lane | None = None,
) -> int:
    """Serves `application` until SIGTERM; the exit status. A local proxy is believed about the client, if asked for.

    `lane` is who answers in the fast lane, where there is one; `vitals` are told with each heartbeat.
    """
    bounds = Bounds.from_environment()
    protocol = partial(FastLane, bounds=bounds, lane=lane) if lane else partial(BoundedHttp, bounds=bounds)
    server = BeatingServer(
        uvicorn.Config(
            application,
            loop="uvloop",
            http=cast("type[asyncio.Protocol]", protocol),
            ws=BoundedWebSocket,
            ws_max_size=Limits.from_environment().body_bytes,
            # Messages are short, and a window for each connection is not.
            ws_per_message_deflate=False,
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=reads_client_address,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        ),
        before_shutdown,
        vitals,
    )
    server.run(sockets=[listening])
    return 0 if server.started else STARTUP_FAILED
