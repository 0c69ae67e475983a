"""A cluster on one machine: PostgreSQL and Valkey on one host, a runtime worker on each of the others."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import copy, rmtree
from typing import Any

import psycopg

from core.embedded.account import Account as SystemAccount
from core.embedded.postgres import STOP_SIGNAL, PostgresCluster
from core.embedded.valkey import ValkeyServer
from tests.chaos.calls import Account
from tests.chaos.house import CAST, ROOT, ChaosFailed
from tests.chaos.network import HUB, PREFIX, Network, inside
from tests.chaos.streams import open_session
from tests.running_platform import clean_environment

WORKERS = ("a", "b")
POSTGRES_PORT, VALKEY_PORT, PORT = 5432, 6379, 8100
START_SECONDS = 60.0
SQL_SECONDS = 5


class Hosts:
    """The cluster. `accounts` are the cast's tenants."""

    def __init__(self) -> None:
        self.network = Network(WORKERS)
        self.accounts: list[Account] = []
        self.folder = Path(tempfile.mkdtemp(prefix="armstrong-cluster-"))
        self.folder.chmod(0o711)  # the database server's account has to pass
        self._cluster = PostgresCluster(self.folder)
        self._valkey = ValkeyServer(self.folder)
        self._started: list[subprocess.Popen[bytes]] = []

    def space(self, host: str) -> str:
        """A host's network namespace."""
        return self.network.space(host)

    async def open(self) -> None:
        """Builds and starts everything; raises NoNamespaces, ChaosFailed."""
        self.network.build()
        self._start_servers()
        await self._until(lambda: self._answers(HUB), "the database")
        with inside(self.space(HUB)):
            self._cluster.provision(POSTGRES_PORT)
        owner = {"DATABASE_URL": self._url("armstrong_owner")}
        await asyncio.to_thread(self.django, owner, "migrate", "--verbosity", "0")
        made = await asyncio.to_thread(self.django, {}, "shell", "--verbosity", "0", "--no-imports", "-c", CAST)
        self.accounts = [Account(**fields) for fields in json.loads(made.splitlines()[-1])]
        for host in WORKERS:
            self._run(host, [sys.executable, "-P", "-m", "config.cli", "serve", "runtime"], self._environment(host))
        for host in WORKERS:
            await self._serves(host)

    def close(self, results: Path) -> None:
        """Ends it, in reverse, and keeps what its hosts said."""
        for process in reversed(self._started):
            process.send_signal(STOP_SIGNAL if process is self._started[0] else signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.network.remove()
        results.mkdir(parents=True, exist_ok=True)
        for log in self.folder.glob("*.log"):
            copy(log, results / f"cluster-{log.name}")
        rmtree(self.folder, ignore_errors=True)

    def _start_servers(self) -> None:
        address = self.network.address(HUB)
        self._cluster.prepare()
        with (self._cluster.data / "pg_hba.conf").open("a", encoding="ascii") as rules:
            rules.write(f"host all all {PREFIX}.0/24 scram-sha-256\n")
        listening = ["-c", f"listen_addresses=127.0.0.1,{address}"]
        self._run(HUB, [*self._cluster.command(POSTGRES_PORT), *listening], {}, self._cluster.account)
        self._valkey.prepare()
        self._run(HUB, [*self._valkey.command(VALKEY_PORT), "--bind", "127.0.0.1", address], {})

    def _run(
        self, host: str, command: Sequence[str], env: dict[str, str], account: SystemAccount | None = None
    ) -> None:
        options: dict[str, Any] = (account or SystemAccount()).popen_arguments()
        with inside(self.space(host)), (self.folder / f"{host}.log").open("ab") as log:
            self._started.append(
                subprocess.Popen(command, stdout=log, stderr=log, cwd="/", env=os.environ | env, **options)
            )

    def _environment(self, host: str) -> dict[str, str]:
        state = self.folder / host
        state.mkdir(exist_ok=True)
        redis = self._valkey.url(VALKEY_PORT).replace("127.0.0.1", self.network.address(HUB))
        return clean_environment(
            ARMSTRONG_STATE=str(state),
            ARMSTRONG_SECRET_KEY="only-for-chaos-" + "0" * 40,
            DATABASE_URL=self._url("armstrong_app"),
            REDIS_URL=redis,
            RUNTIME_URL=f"http://localhost:{PORT}",
            DJANGO_SETTINGS_MODULE="config.settings",
            PORT=str(PORT),
            PYTHONPATH=str(ROOT),
        )

    def _url(self, role: str) -> str:
        return self._cluster.url(role, POSTGRES_PORT).replace("127.0.0.1", self.network.address(HUB))

    def django(self, variables: dict[str, str], *words: str) -> str:
        """What a command of Django's printed, run on host b, which nobody cuts off; raises ChaosFailed."""
        with inside(self.space(WORKERS[-1])):
            done = subprocess.run(
                [sys.executable, "-m", "django", *words],
                cwd=ROOT,
                env=self._environment(WORKERS[-1]) | variables,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
        if done.returncode:
            raise ChaosFailed(f"{words[0]}: {done.stderr[-2000:]}")
        return done.stdout

    def select(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query, as the superuser; raises psycopg.Error."""
        url = self._cluster.url("postgres", POSTGRES_PORT)
        with inside(self.space(HUB)):
            connection = psycopg.connect(url, connect_timeout=SQL_SECONDS, autocommit=True)
        with connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    async def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """The same for who has to await it."""
        return self.select(query, *values)

    def _answers(self, host: str) -> bool:
        with inside(self.space(host)):
            return self._cluster.is_ready(POSTGRES_PORT)

    async def _serves(self, host: str) -> None:
        limit = time.monotonic() + START_SECONDS
        while True:
            try:
                await open_session(self.accounts[0], PORT, self.space(host))
            except Exception as error:
                if time.monotonic() > limit:
                    raise ChaosFailed(f"host {host} does not serve: {self.log(host)}") from error
                await asyncio.sleep(0.1)
            else:
                return

    async def _until(self, look: Callable[[], bool], what: str) -> None:
        limit = time.monotonic() + START_SECONDS
        while not look():
            if time.monotonic() > limit:
                raise ChaosFailed(f"{what} did not start: {self.log(HUB)}")
            await asyncio.sleep(0.1)

    def log(self, host: str) -> str:
        """What a host has said."""
        file = self.folder / f"{host}.log"
        return file.read_text(errors="replace")[-3000:] if file.exists() else ""
