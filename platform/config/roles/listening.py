"""Where a role listens: a socket that the supervisor bound, or one of its own."""

import socket
from dataclasses import dataclass

from config.machine.ports import listen


@dataclass(frozen=True, slots=True)
class Address:
    """An inherited descriptor, or host and port."""

    host: str
    port: int
    descriptor: int | None = None

    def open(self) -> socket.socket:
        """The listening socket; raises Problem when host and port cannot be had."""
        if self.descriptor is not None:
            return socket.socket(fileno=self.descriptor)
        return listen(self.host, "PORT", self.port)
