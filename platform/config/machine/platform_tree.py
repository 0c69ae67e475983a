"""Puts the platform together: databases, addresses, environment, and the tree of children that follows from them."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from config.machine import children
from config.machine.children import BROKER, DATABASE, MIGRATIONS, STATIC, Server
from config.machine.databases import Access, given_database, readiness
from config.machine.options import Options
from config.machine.payments import simulated_environment, simulation
from config.machine.state import ENVIRONMENT, State
from config.problems import Problem
from core import environment
from core.embedded import roles
from core.embedded.postgres import PostgresCluster, PostgresFailed, free_port
from core.embedded.valkey import ValkeyFailed, ValkeyServer
from core.supervision.spec import ChildSpec

DEMO = "demo"

type Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Extras:
    """What a newcomer gets besides: a demo tenant, and payments that move no money."""

    demo: bool
    simulated_payments: bool


def assemble(
    options: Options, state: State, sockets: Mapping[str, socket.socket], progress: Progress, extras: Extras
) -> list[ChildSpec]:
    """Makes what is not there yet (cluster, secrets) and describes the children; raises Problem."""
    specs: list[ChildSpec] = []
    former = state.read(ENVIRONMENT)
    access = _database(options, state, former, specs, progress)
    redis_url = options.redis_url or _broker(state, former, specs)
    paying = simulated_environment(state, former) if extras.simulated_payments else {}
    shared = _shared_environment(options, state, redis_url) | paying
    application = shared | {"DATABASE_URL": access.url}
    servers = tuple(spec.id for spec in specs)
    if access.owner_url:
        owner = application | {"DATABASE_OWNER_URL": access.owner_url}
        gate = tuple(name for name in servers if name == DATABASE)
        specs.append(children.step(MIGRATIONS, "config.steps.migrations", owner, after=gate, essential=True))
    specs.append(children.step(STATIC, "config.steps.static", application, after=(), essential=True))
    if paying:
        specs.extend(simulation(options, application, specs))
    _roles(specs, application, sockets, options.runtime_workers)
    if extras.demo:
        runtimes = tuple(spec.id for spec in specs if spec.id.startswith("runtime"))
        specs.append(children.step(DEMO, "config.quickstart", application, after=runtimes, essential=False))
    visible = (
        {name: shared[name] for name in VISIBLE} | paying | {name: str(port) for name, port in options.ports.items()}
    )
    visible |= {"ARMSTRONG_BIND": options.bind, "DATABASE_URL": access.url, "DATABASE_OWNER_URL": access.owner_url}
    state.write(ENVIRONMENT, {name: value for name, value in visible.items() if value})
    return specs


# What another shell needs to act on the running platform (`armstrong manage`, `migrate`, `doctor`).
VISIBLE = (
    "ARMSTRONG_SECRET_KEY",
    "CONSOLE_URL",
    "OPS_URL",
    "REDIS_URL",
    "RUNTIME_INTERNAL_URL",
    "RUNTIME_URL",
)


def _shared_environment(options: Options, state: State, redis_url: str) -> dict[str, str]:
    internal = options.reachable(options.runtime_port)
    return children.settings_environment(options.state) | {
        "ARMSTRONG_SECRET_KEY": options.secret_key or state.secret("ARMSTRONG_SECRET_KEY"),
        "CONSOLE_URL": options.console_url,
        "OPS_URL": options.reachable(options.operations_port),
        "REDIS_URL": redis_url,
        "RUNTIME_INTERNAL_URL": internal,
        "RUNTIME_URL": options.runtime_url,
        # The console and the demo's check come by the internal address.
        "RUNTIME_HOSTS": f"{environment.text('RUNTIME_HOSTS', '')} {urlsplit(internal).hostname}".strip(),
    }


def _roles(
    specs: list[ChildSpec], application: dict[str, str], sockets: Mapping[str, socket.socket], workers: int
) -> None:
    # Both servers are named even where the migrations imply one: nobody stops before the roles that use it.
    ready = tuple(spec.id for spec in specs if spec.id in {DATABASE, BROKER, MIGRATIONS})
    runtime, console = sockets["RUNTIME_PORT"].fileno(), sockets["CONSOLE_PORT"].fileno()
    specs.extend(
        children.role("runtime", number=number, env=application, after=ready, listening=runtime)
        for number in range(1, workers + 1)
    )
    pooled = application | {"DATABASE_POOL_SIZE": application.get("DATABASE_POOL_SIZE", "10")}
    specs.append(children.role("console", env=pooled, after=(*ready, STATIC), listening=console))
    specs.append(children.role("jobs", env=application, after=ready, stop_seconds=children.JOBS_STOP_SECONDS))
    specs.append(children.role("tasks", env=application, after=ready, stop_seconds=children.JOBS_STOP_SECONDS))
    specs.append(children.role("beat", env=application, after=ready))


def _database(
    options: Options, state: State, former: Mapping[str, str], specs: list[ChildSpec], progress: Progress
) -> Access:
    if options.database_url:
        return given_database(options.database_url, options.database_owner_url, state)
    cluster = PostgresCluster(options.state)
    if not (cluster.data / "PG_VERSION").exists():
        progress("making the database cluster")
    port = free_port(_port_of(former.get("DATABASE_URL", "")))
    try:
        cluster.prepare()
        argv = tuple(cluster.command(port))
    except (PostgresFailed, OSError) as error:
        raise Problem(f"The embedded PostgreSQL cannot be made: {error}") from None
    ready = readiness(partial(cluster.is_ready, port), partial(cluster.provision, port))
    specs.append(children.database(Server(argv=argv, ready=ready, account=cluster.account)))
    return Access(url=cluster.url(roles.APPLICATION, port), owner_url=cluster.url(roles.OWNER, port))


def _broker(state: State, former: Mapping[str, str], specs: list[ChildSpec]) -> str:
    server = ValkeyServer(state.folder)
    port = free_port(_port_of(former.get("REDIS_URL", "")))
    try:
        server.prepare()
        argv = tuple(server.command(port))
    except (ValkeyFailed, OSError) as error:
        raise Problem(f"The embedded Valkey cannot be made: {error}") from None
    specs.append(children.broker(Server(argv=argv, ready=partial(server.is_ready, port))))
    return server.url(port)


def _port_of(url: str) -> int:
    return urlsplit(url).port or 0
