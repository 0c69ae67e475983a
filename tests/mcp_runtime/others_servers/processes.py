"""Servers that others wrote, as they are, each a process on a port of its own of this machine alone."""

import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from core.embedded.postgres import free_port
from tests.node_packages import NODE, installed
from tests.processes import eventually
from tests.python_environments import python_with

HERE = Path(__file__).parent
START_SECONDS = 60.0  # on a machine that is busy otherwise
STOP_SECONDS = 10.0


def everything(how: str) -> tuple[Sequence[str | Path], Path]:
    """npm's @modelcontextprotocol/server-everything over "streamableHttp" or "sse": command and folder."""
    program = Path("node_modules", "@modelcontextprotocol", "server-everything", "dist", "index.js")
    return (NODE, "--import", "./loopback.mjs", program, how), installed(HERE / "everything")


def python_server(name: str, *words: str) -> tuple[Sequence[str | Path], Path]:
    """The server below `name`, in the environment that its lock asks for; `{port}` in the words is its port."""
    return (python_with(HERE / name), "server.py", "{port}", *words), HERE / name


@contextmanager
def running(command: Sequence[str | Path], folder: Path, log: Path) -> Iterator[str]:
    """The origin of a server, while the context lasts; what it says goes to `log`."""
    port = free_port()
    words = [str(word).replace("{port}", str(port)) for word in command]
    environment = os.environ | {"PORT": str(port)}
    with (
        log.open("wb") as said,
        subprocess.Popen(words, cwd=folder, env=environment, stdout=said, stderr=subprocess.STDOUT) as process,
    ):
        try:
            eventually(lambda: process.poll() is not None or _listens(port), START_SECONDS)
            assert process.poll() is None, log.read_text(errors="replace")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            _collect(process)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _collect(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
