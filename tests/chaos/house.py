"""The platform under test: `armstrong up` with several workers in a folder of its own, and what is known of it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis.asyncio

from core.embedded.postgres import HOST, PostgresCluster
from core.supervision.orphans import adopt_orphans
from tests.chaos.calls import Account
from tests.chaos.http1 import Answer, Connection, Lost, request
from tests.chaos.processes import Process, below, collect, find
from tests.chaos.upstream import VARIABLE
from tests.running_platform import Platform, armstrong

ROOT = Path(__file__).resolve().parents[2]
WORKERS = 3
RUNTIMES = tuple(f"runtime-{number}" for number in range(1, WORKERS + 1))
OURS = (*RUNTIMES, "console", "jobs", "tasks", "beat")
SERVERS = ("postgres", "valkey")
ROLES = (*OURS, *SERVERS)
SUPERVISOR = "supervisor"
ASK_SECONDS = 2.0
# Between the supervisor's end and its start by whoever looks after it, as systemd does by default (RestartSec).
INIT_SECONDS = 0.1
GONE_SECONDS = 30.0
STARTS = 50
# What some cases need of the machine.
DISK = "a small disk (mount)"
JOURNAL_BYTES = 16 * 1024 * 1024
CAST = "from tests.chaos import cast; cast.main()"


class ChaosFailed(Exception):
    """What is tested could not be brought into the state that a case needs; the message says why."""


class House:
    """A platform with its cast. Orphans of the supervisor come to this process, so that they can be counted."""

    def __init__(self, upstream_port: int, **variables: str) -> None:
        self.platform = Platform()
        upstream = f"http://{HOST}:{upstream_port}"
        self.platform.environment |= {
            "RUNTIME_WORKERS": str(WORKERS),
            "OUTBOUND_ALLOW": f"{HOST}:{upstream_port}",
            VARIABLE: upstream,
            **variables,
        }
        self.accounts: list[Account] = []
        self.abilities: set[str] = set()
        self.said: list[str] = []
        adopt_orphans()

    @property
    def port(self) -> int:
        """Where the runtime listens."""
        return int(self.platform.ports["RUNTIME_PORT"])

    @property
    def journal(self) -> Path:
        """Where its workers keep their journals: a disk of its own where that can be had."""
        return self.platform.state / "journal"

    def _mount(self) -> None:
        """A small disk for the journals, so that it can be full."""
        self.journal.mkdir(mode=0o700)
        command = ["mount", "-t", "tmpfs", "-o", f"size={JOURNAL_BYTES},mode=700", "tmpfs", str(self.journal)]
        if subprocess.run(command, check=False, capture_output=True).returncode == 0:
            self.abilities.add(DISK)

    def _unmount(self) -> None:
        if DISK in self.abilities:
            subprocess.run(["umount", str(self.journal)], check=False, capture_output=True)  # noqa: S607  the system's

    async def open(self) -> None:
        """Starts it and makes the cast; raises ChaosFailed."""
        self._mount()
        await asyncio.to_thread(self._start)
        environment = self.platform.environment | {"PYTHONPATH": str(ROOT)}
        made = await asyncio.to_thread(armstrong, "manage", "shell", "--no-imports", "-c", CAST, env=environment)
        if made.returncode:
            raise ChaosFailed(f"the cast was not made: {made.stderr[-2000:]}")
        self.accounts = [Account(**fields) for fields in json.loads(made.stdout.splitlines()[-1])]

    def _start(self) -> None:
        try:
            self.platform.start()
        except pytest.fail.Exception as failure:
            raise ChaosFailed(str(failure)) from None

    async def start_again(self) -> None:
        """Starts the platform after its end, and again until it stays up, as an init system does; ChaosFailed."""
        for _ in range(STARTS):
            await asyncio.sleep(INIT_SECONDS)
            self.said.append(self.platform.printed())
            try:
                await asyncio.to_thread(self._start)
            except ChaosFailed as failure:
                self.said.append(str(failure))
            else:
                return
        raise ChaosFailed(f"the platform did not start again: {self.said[-1][-2000:]}")

    async def stop(self) -> list[Process]:
        """Stops it; who is left of it after that."""
        if self.is_up:
            await asyncio.to_thread(self.platform.send, signal.SIGTERM)
        return await self.leftovers()

    async def abandon(self) -> None:
        """Ends whatever is left, and removes its folder."""
        for process in await self.stop():
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        self.said.append(self.platform.printed())
        self._unmount()
        self.platform.close()

    @property
    def is_up(self) -> bool:
        """Whether its supervisor runs."""
        process = find(self.platform.pid)
        return process is not None and not process.is_zombie

    async def leftovers(self, seconds: float = GONE_SECONDS) -> list[Process]:
        """Processes that outlived a supervisor: who is not gone after `seconds` is an orphan."""
        limit = time.monotonic() + seconds
        while found := self._outside():
            if time.monotonic() > limit:
                return found
            await asyncio.sleep(0.05)
        return []

    def _outside(self) -> list[Process]:
        """Living descendants of ours, not the present supervisor's; collects those that came to us and ended."""
        inside = {self.platform.pid, *(process.pid for process in below(self.platform.pid))}
        found = [process for process in below(os.getpid()) if process.pid not in inside]
        collect(found)
        return [process for process in found if not process.is_zombie]

    def zombies(self) -> list[Process]:
        """Below the supervisor, those that have ended and were not collected."""
        return [process for process in below(self.platform.pid) if process.is_zombie]

    async def children(self) -> dict[str, dict[str, Any]]:
        """What /readyz says of each child; empty while nobody answers."""
        try:
            found: dict[str, dict[str, Any]] = json.loads((await self.ask("OPS_PORT", "/readyz")).body)["children"]
        except (Lost, ValueError, KeyError):
            return {}
        return found

    async def ask(self, port: str, path: str) -> Answer:
        """A GET at one of the platform's ports; raises Lost."""
        number = int(self.platform.ports[port])
        connection = Connection(number)
        try:
            return await connection.ask(request("GET", path, {"Host": f"localhost:{number}"}), ASK_SECONDS)
        finally:
            connection.close()

    async def pid(self, role: str) -> int:
        """The process of a role now; raises ChaosFailed."""
        if role == SUPERVISOR:
            return self.platform.pid
        child = (await self.children()).get(role, {})
        if "pid" not in child:
            raise ChaosFailed(f"{role} does not run")
        return int(child["pid"])

    async def proves(self, role: str) -> bool:
        """Whether a role does what it is for: a page, an answer, or for those that nobody asks, a fresh heartbeat."""
        if role == "console":
            return await self._has_page()
        if role == "postgres":
            return await self._selects()
        if role == "valkey":
            return await self._pings()
        wanted = [role] if role != SUPERVISOR else list(ROLES)
        children = await self.children()
        return all(children.get(name, {}).get("well") for name in wanted)

    async def _has_page(self) -> bool:
        try:
            return (await self.ask("CONSOLE_PORT", "/account/login/")).status == 200
        except Lost:
            return False

    async def _selects(self) -> bool:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                connection = await psycopg.AsyncConnection.connect(self.admin_url(), connect_timeout=2)
                async with connection:
                    await connection.execute("SELECT 1 FROM tenants_tenantslug LIMIT 1")
        except (psycopg.Error, TimeoutError, OSError):
            return False
        return True

    async def _pings(self) -> bool:
        client = redis.asyncio.Redis.from_url(self.redis_url(), socket_timeout=1, socket_connect_timeout=1)
        try:
            return bool(await client.ping())
        except (redis.RedisError, OSError):
            return False
        finally:
            await client.aclose()

    def admin_url(self, database: str = "armstrong") -> str:
        """The database as its superuser, whom row security does not bind."""
        port = urlsplit(self._known("DATABASE_URL")).port or 0
        return PostgresCluster(self.platform.state).url("postgres", port, database)

    def redis_url(self) -> str:
        """Valkey."""
        return self._known("REDIS_URL")

    def _known(self, name: str) -> str:
        known: dict[str, str] = json.loads((self.platform.state / "environment.json").read_text())
        return known[name]

    async def command(self, *words: str, seconds: float = 180.0) -> str:
        """Runs a command of `armstrong` to its end; raises ChaosFailed."""
        environment = self.platform.environment | {"PYTHONPATH": str(ROOT)}
        done = await asyncio.to_thread(armstrong, *words, env=environment, seconds=seconds)
        if done.returncode:
            raise ChaosFailed(f"armstrong {' '.join(words)}: {done.stderr[-1000:]}")
        return done.stdout


def say(sentence: str) -> None:
    """A line of what goes on, at once."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {sentence}\n")
    sys.stdout.flush()
