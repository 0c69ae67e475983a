"""Listening sockets: bound by the supervisor before anything starts, and shared by the processes that serve them."""

import errno
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from config.problems import Problem

BACKLOG = 2048  # connections wait here while a process that serves them comes back


@contextmanager
def bound(address: str, ports: Mapping[str, int]) -> Iterator[dict[str, socket.socket]]:
    """A listening socket for each variable; raises Problem naming the port that is taken and how to choose another."""
    with ExitStack() as stack:
        yield {variable: stack.enter_context(listen(address, variable, port)) for variable, port in ports.items()}


def listen(address: str, variable: str, port: int) -> socket.socket:
    """A listening socket; raises Problem that says why not, and that `variable` chooses the port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise Problem(_explanation(error, address, variable, port)) from None


def _explanation(error: OSError, address: str, variable: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken by another program. Choose another: {variable}={port + 1} (or stop that program)."
    if error.errno == errno.EACCES:
        return f"Port {port} is not open to this user. Choose one above 1023: {variable}={port + 8000}."
    return f"Cannot listen on {address} port {port}: {error.strerror or error}. See ARMSTRONG_BIND and {variable}."
