"""The runtime's worker: the ASGI application of the data plane, and the supervised tasks behind it."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import redis.asyncio

from core import environment, refusals
from core.departures import Departures
from core.outbound import Client
from core.refusals import Refused
from core.supervision.heartbeat import NONE, Vitals
from core.supervision.spec import Intensity, Strategy
from core.supervision.tasks import TaskSpec, TaskSupervisor, TemporaryTasks, end_all
from mcp_runtime.authorization.asking import KeyRequests
from mcp_runtime.authorization.challenges import WELL_KNOWN
from mcp_runtime.authorization.gates import gates
from mcp_runtime.authorization.refused_tokens import RefusedTokens
from mcp_runtime.bus import Bus
from mcp_runtime.durable.keeper import Keeper
from mcp_runtime.health.breakers import Breakers
from mcp_runtime.health.reports import Reports
from mcp_runtime.metering.journal import Journal, journal_folder
from mcp_runtime.metering.ledger import Ledger
from mcp_runtime.metering.meter import Meter
from mcp_runtime.metering.shipper import Shipper
from mcp_runtime.protocol.replies import Reply, refusal_reply
from mcp_runtime.protocol.sessions import SessionTokens
from mcp_runtime.quota.fairness import Turns
from mcp_runtime.quota.leases import Leases
from mcp_runtime.quota.quotas import Quotas
from mcp_runtime.quota.shedding import LoopLag
from mcp_runtime.snapshots.catalogues import Catalogues
from mcp_runtime.snapshots.compile import Compiler, Sources
from mcp_runtime.snapshots.database import Database
from mcp_runtime.snapshots.listener import Listener
from mcp_runtime.snapshots.servers import Servers
from mcp_runtime.snapshots.store import SnapshotStore
from mcp_runtime.sources.contract import Workshop
from mcp_runtime.sources.credentials import VaultReader
from mcp_runtime.sources.mcp.parking import Parking
from mcp_runtime.sources.registry import PROMPT_SOURCES, RESOURCE_SOURCES, SOURCES, UPSTREAM_SOURCES
from mcp_runtime.transports.asgi import Application, Receive, Scope, Send, send_reply
from mcp_runtime.transports.calls import Calls, Throttle
from mcp_runtime.transports.certificates import CERTIFICATES, Certificates
from mcp_runtime.transports.discovery import CARD, CATALOGUE, Discovery
from mcp_runtime.transports.door import Door
from mcp_runtime.transports.guards import Guards
from mcp_runtime.transports.heads import RequestHead
from mcp_runtime.transports.host_issuers import ISSUER_PLACES, HostIssuers
from mcp_runtime.transports.http_sse import MESSAGES, STREAM, HttpSse
from mcp_runtime.transports.limits import Limits
from mcp_runtime.transports.mailboxes import Mailboxes
from mcp_runtime.transports.protected_resources import ProtectedResources
from mcp_runtime.transports.replay import ReplayLog
from mcp_runtime.transports.services import Services
from mcp_runtime.transports.session_state import SessionState
from mcp_runtime.transports.signals import ANNOUNCE, SUBSCRIPTIONS, Signals, announcer
from mcp_runtime.transports.streamable_http import Now, StreamableHttp
from mcp_runtime.transports.websocket import McpConsumer, SocketDoor
from mcp_runtime.upstreams.hearing import Hearings
from mcp_runtime.upstreams.lines import Lines
from mcp_runtime.upstreams.opening import Opener
from mcp_runtime.upstreams.served import Links

logger = logging.getLogger(__name__)

HTTP_SSE = (STREAM, MESSAGES)
STREAMABLE_HTTP = "/mcp"
DISCOVERY = (CARD, CATALOGUE)
# A group that gave itself up for the third time in so long is not mended by starting it again.
LAST_RESORT = Intensity(restarts=2, seconds=600)
# For requests that are nearly done when the server has given up waiting for them.
PATIENCE_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class _Upstreams:
    """What upstreams are reached with."""

    links: Links
    vault: VaultReader
    breakers: Breakers
    reports: Reports
    parking: Parking

    async def close(self) -> None:
        """Closes them; calls that wait there for their clients are given up."""
        await self.parking.close()
        await self.links.close()
        await self.breakers.close()
        await self.vault.close()


@dataclass(frozen=True, slots=True)
class _Word:
    """What the control plane hears of tokens of others."""

    key_requests: KeyRequests
    refused_tokens: RefusedTokens

    @property
    def runs(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What writes it down, beside the calls."""
        return {"key requests": self.key_requests.run, "refused tokens": self.refused_tokens.run}

    async def close(self) -> None:
        """Closes the connections."""
        await self.key_requests.close()
        await self.refused_tokens.close()


@dataclass(slots=True)
class _Running:
    """What exists between startup and shutdown."""

    http: Client
    upstreams: _Upstreams
    database: Database
    keeper: Keeper
    quotas: Quotas
    store: SnapshotStore
    listener: Listener
    bus: Bus
    valkey: redis.asyncio.Redis
    journal: Journal
    shipper: Shipper
    streamable_http: StreamableHttp
    http_sse: HttpSse
    discovery: Discovery
    protected_resources: ProtectedResources
    host_issuers: HostIssuers
    certificates: Certificates
    socket_door: SocketDoor
    socket: Application
    hearings: Hearings
    word: _Word
    tree: TaskSupervisor
    tree_task: asyncio.Task[None]

    def door(self, path: str) -> Door | Discovery | ProtectedResources | HostIssuers | Certificates:
        """What an HTTP path belongs to."""
        if path.startswith(WELL_KNOWN):
            return self.protected_resources
        if path in ISSUER_PLACES:
            return self.host_issuers
        if path == CERTIFICATES:
            return self.certificates
        if path.endswith(STREAMABLE_HTTP):
            return self.streamable_http
        if path.endswith(HTTP_SSE):
            return self.http_sse
        return self.discovery if path.endswith(DISCOVERY) else self.socket_door


class Worker:
    """An ASGI callable for all that servers send. Without arguments it is configured by the environment."""

    def __init__(
        self,
        *,
        database_url: str | None = None,
        redis_url: str | None = None,
        guards: Guards | None = None,
        limits: Limits | None = None,
        journal: Path | None = None,
        escalate: Callable[[], None] = lambda: os.kill(os.getpid(), signal.SIGTERM),
    ) -> None:
        """`escalate` is called when the tasks behind the worker are beyond help: to have a new process take over."""
        self._database_url = database_url or environment.secret("DATABASE_URL")
        self._redis_url = redis_url or environment.secret("REDIS_URL")
        self._guards = guards or Guards.from_environment()
        self._limits = limits or Limits.from_environment()
        self._journal = journal or journal_folder()
        self._escalate = escalate
        self._requests = TemporaryTasks()
        self.departures = Departures(self._write_down)
        self._running: _Running | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif self._running is not None:
            serve = self._running.door(scope["path"]) if scope["type"] == "http" else self._running.socket
            await self._requests.watch(serve(scope, receive, send))
        elif scope["type"] == "http":
            await send_reply(send, refusal_reply(Refused(refusals.TEMPORARILY_UNAVAILABLE)))
        else:
            await receive()
            await send({"type": "websocket.close"})

    def answer_now(self, head: RequestHead, body: bytes) -> Now:
        """For the fast lane, which holds answers in `departures`: see `StreamableHttp.answer_now`."""
        running = self._running
        if running is None or not head.path.endswith(STREAMABLE_HTTP):
            return None
        answer = running.journal.together(partial(running.streamable_http.answer_now, head, body))
        if type(answer) is not Reply:
            running.journal.flush()
        return answer

    def _write_down(self) -> None:
        if self._running is not None:
            self._running.journal.flush()

    async def startup(self) -> None:
        """Begins to listen; does not wait for the database, which may be away."""
        http = Client()
        database = Database(self._database_url)
        bus = Bus(self._redis_url)
        quotas = Quotas(Leases(self._database_url, bus.worker), time.monotonic, _console_url())
        upstreams = _upstreams(self._database_url, http, bus)
        valkey = redis.asyncio.Redis.from_url(self._redis_url)
        state = SessionState(valkey)
        hearings = Hearings(state.subscriptions)
        word = _Word(KeyRequests(self._database_url), RefusedTokens(self._database_url))
        store = self._store(database, _compiler(http, bus, upstreams), quotas, word, hearings)
        _heed(bus, store)
        listener = Listener(self._database_url, store, upstreams.vault.holding)
        signals = Signals(bus, state)
        keeper = Keeper(self._database_url)
        journal = Journal(self._journal)
        meter, shipper = Meter(journal.append), Shipper(journal, Ledger(self._database_url))
        calls = Calls(self._limits, signals, meter, Throttle(quotas.rates, self._turns(), lag := LoopLag()))
        services = Services(SessionTokens(), keeper, signals, calls, self._limits, meter)
        streamable_http = self._streamable_http(store, database, services, ReplayLog(valkey), journal)
        http_sse = HttpSse(store=store, guards=self._guards, services=services, mailboxes=Mailboxes(bus))
        socket_door = SocketDoor(store=store, guards=self._guards, limits=self._limits, meter=meter)
        socket = _consumer(store=store, guards=self._guards, services=services)
        runs = {"shipper": shipper.run, "lag": lag.run, "hearing": hearings.run, **word.runs}
        tree = _tree(listener, store, quotas, bus, [TaskSpec(name, run) for name, run in runs.items()])
        self._running = _Running(
            http,
            upstreams,
            database,
            keeper,
            quotas,
            store,
            listener,
            bus,
            valkey,
            journal,
            shipper,
            streamable_http,
            http_sse,
            Discovery(store=store, catalogues=Catalogues(database), guards=self._guards),
            ProtectedResources(store=store, guards=self._guards, console_url=_console_url()),
            *self._of_hosts(Servers(database)),
            socket_door,
            socket,
            hearings,
            word,
            tree,
            self._tended(tree),
        )

    def _of_hosts(self, servers: Servers) -> tuple[HostIssuers, Certificates]:
        issuers = HostIssuers(servers=servers, guards=self._guards, console_url=_console_url())
        return issuers, Certificates(servers=servers, guards=self._guards)

    def _store(
        self, database: Database, compiler: Compiler, quotas: Quotas, word: _Word, hearings: Hearings
    ) -> SnapshotStore:
        return SnapshotStore(
            database,
            compiler,
            quotas,
            gates=gates(self._guards.public_url, word.key_requests.ask, word.refused_tokens.note),
            hosting=self._guards.hosting,
            follower=hearings,
        )

    def _streamable_http(
        self, store: SnapshotStore, database: Database, services: Services, replay: ReplayLog, journal: Journal
    ) -> StreamableHttp:
        return StreamableHttp(
            store=store,
            database=database,
            guards=self._guards,
            services=services,
            replay=replay,
            together=journal.together,
        )

    def _turns(self) -> Turns:
        limits = self._limits
        return Turns(
            calls=limits.worker_calls,
            of_tenant=limits.tenant_calls,
            waiting=limits.calls,
            served=self.departures.leave,
        )

    async def listening(self) -> None:
        """Returns when changes are heard."""
        if self._running is not None:
            await self._running.listener.connected.wait()
            await self._running.bus.connected.wait()

    def end_streams(self) -> None:
        """Ends the open streams politely; call it when shutting down begins, since servers wait for streams to end."""
        if self._running is not None:
            self._running.store.close()

    def vitals(self) -> Vitals:
        """What the supervisor is told of a worker."""
        running = self._running
        if running is None:
            return NONE
        restarts = running.tree.all_restarts + running.hearings.restarts
        return Vitals(task_restarts=restarts, calls_lost=running.shipper.lost)

    async def shutdown(self) -> None:
        """Ends streams, tasks and connections."""
        running, self._running = self._running, None
        if running is None:
            return
        running.store.close()
        await self._requests.end(PATIENCE_SECONDS)
        await end_all([running.tree_task])
        await running.shipper.finish()
        await running.upstreams.close()
        await running.http.close()
        await running.bus.close()
        await running.valkey.aclose()
        await running.database.close()
        await running.word.close()
        await running.keeper.close()
        await running.quotas.close()

    def _tended(self, tree: TaskSupervisor) -> asyncio.Task[None]:
        task = asyncio.create_task(tree.run(), name="worker")
        task.add_done_callback(self._tree_ended)
        return task

    def _tree_ended(self, tree: asyncio.Task[None]) -> None:
        if not tree.cancelled():
            logger.critical("this worker is beyond help, and another takes over", exc_info=tree.exception())
            self._escalate()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                await self.startup()
                await send({"type": "lifespan.startup.complete"})
            elif event["type"] == "lifespan.shutdown":
                await self.shutdown()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _console_url() -> str:
    return environment.text("CONSOLE_URL", "http://localhost:8000").rstrip("/")


def _consumer(**arguments: Any) -> Application:
    return cast("Application", McpConsumer.as_asgi(**arguments))  # type: ignore[no-untyped-call]  # Channels has none


def _upstreams(database_url: str, http: Client, bus: Bus) -> _Upstreams:
    vault = VaultReader(database_url, http, remembers=True)
    reports = Reports(database_url)
    return _Upstreams(Links(), vault, Breakers(bus, reports), reports, Parking(bus))


def _compiler(http: Client, bus: Bus, upstreams: _Upstreams) -> Compiler:
    workshop = Workshop(http=http, announce=announcer(bus))
    lines = Lines(http, upstreams.vault, upstreams.reports.offers_changed, upstreams.parking)
    opener = Opener(UPSTREAM_SOURCES, lines.of, upstreams.links, upstreams.breakers)
    return Compiler(Sources(SOURCES, PROMPT_SOURCES, RESOURCE_SOURCES), workshop, opener)


def _heed(bus: Bus, store: SnapshotStore) -> None:
    bus.on(ANNOUNCE, store.announced)
    bus.on(SUBSCRIPTIONS, store.subscriptions_changed)


def _tree(
    listener: Listener, store: SnapshotStore, quotas: Quotas, bus: Bus, isolated: Sequence[TaskSpec]
) -> TaskSupervisor:
    """What knows and counts stands and falls together; what befalls what is isolated touches no call."""
    known = [TaskSpec("listener", listener.run), TaskSpec("refresher", store.refresh), TaskSpec("quotas", quotas.run)]
    core = TaskSupervisor("core", known, strategy=Strategy.ONE_FOR_ALL)
    links = TaskSupervisor("links", [TaskSpec("bus", bus.run)])
    observability = TaskSupervisor("observability", isolated, intensity=None)
    return TaskSupervisor("worker", [core.under(), links.under(), observability.under()], intensity=LAST_RESORT)
