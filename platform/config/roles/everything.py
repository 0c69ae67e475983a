"""The role `all`: console, runtime, jobs, tasks and beat of a single-port deployment, supervised in one container."""

from contextlib import ExitStack
from dataclasses import replace

from config.machine import children
from config.machine.children import MIGRATIONS, STATIC
from config.machine.options import state_folder
from config.machine.ports import listen
from config.machine.running import Foreground
from config.machine.state import State
from config.roles.listening import Address
from core import environment
from core.supervision.spec import ChildSpec

OPERATIONS = "OPS_PORT"


def serve(address: Address) -> int:
    """Serves until SIGTERM; raises Problem. Migrates first where DATABASE_OWNER_URL is set."""
    folder = state_folder()
    State(folder).open()
    with ExitStack() as stack:
        listening = stack.enter_context(address.open())
        port = environment.integer(OPERATIONS, 0)
        operations = stack.enter_context(listen(address.host, OPERATIONS, port)) if port else None
        url = environment.text("CONSOLE_URL", f"http://localhost:{listening.getsockname()[1]}")
        env = children.settings_environment(folder) | {
            "CONSOLE_URL": url,
            "RUNTIME_URL": environment.text("RUNTIME_URL", url),
        }
        return Foreground().supervise(_specs(env, listening.fileno()), folder, operations=operations)


def _specs(env: dict[str, str], listening: int) -> list[ChildSpec]:
    specs = [children.step(STATIC, "config.steps.static", env, after=(), essential=True)]
    if environment.optional_secret("DATABASE_OWNER_URL"):
        specs.append(children.step(MIGRATIONS, "config.steps.migrations", env, after=(), essential=True))
    steps = tuple(spec.id for spec in specs)
    web = children.role("web", env=env, after=steps, listening=listening)
    # The container is there to answer: without the web it had better be started anew.
    specs.append(replace(web, essential=True))
    specs.append(children.role("jobs", env=env, after=steps, stop_seconds=children.JOBS_STOP_SECONDS))
    specs.append(children.role("tasks", env=env, after=steps, stop_seconds=children.JOBS_STOP_SECONDS))
    specs.append(children.role("beat", env=env, after=steps))
    return specs
