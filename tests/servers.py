"""A pytest plugin: real PostgreSQL and Valkey for one run, before Django reads its settings.

The process that starts pytest starts the servers and makes one migrated database, or brings the last run's
(tests/migrated.py); each xdist worker copies that database as its own template, so that workers share nothing but the
server.

They end with the run, however it ends: SIGTERM ends it like Ctrl-C, with all that it has to clear away, and when it is
killed the kernel ends the servers (Linux).
"""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql

from core.embedded.account import Account
from core.embedded.postgres import STOP_SIGNAL, PostgresCluster, free_port
from core.embedded.valkey import ValkeyServer
from core.supervision import launcher
from tests import migrated

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "armstrong"
START_SECONDS = 30
# PostgreSQL's "immediate" shutdown: its own children end as well, and nobody needs what it holds any more.
DEATH_SIGNAL = signal.SIGQUIT


def _launch(command: list[str], account: Account, log: Path) -> subprocess.Popen[bytes]:
    ids = [-1 if one is None else one for one in (account.uid, account.gid)]
    told = [str(number) for number in (os.getpid(), int(DEATH_SIGNAL), *ids)]
    launching = [sys.executable, "-I", "-S", launcher.__file__, *told, *command]
    with log.open("wb") as output:
        child = subprocess.Popen(launching, stdout=output, stderr=subprocess.STDOUT, cwd="/")
    atexit.register(_end, child)
    return child


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()


def _await(ready: Callable[[], bool], child: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + START_SECONDS
    while not ready():
        if child.poll() is not None or time.monotonic() > limit:
            raise RuntimeError(f"a test server did not start: {log.read_text()}")
        time.sleep(0.05)


def _start() -> None:
    state = Path(tempfile.mkdtemp(prefix="armstrong-test-"))
    state.chmod(0o711)
    atexit.register(shutil.rmtree, state, ignore_errors=True)
    cluster, valkey = PostgresCluster(state, durable=False), ValkeyServer(state)
    postgres_port, valkey_port = free_port(), free_port()
    is_migrated = migrated.bring(state)
    cluster.prepare()
    valkey.prepare()
    postgres = _started(cluster, postgres_port)
    broker = _launch(valkey.command(valkey_port), Account(), state / "valkey.log")
    _await(lambda: valkey.is_ready(valkey_port), broker, state / "valkey.log")
    cluster.provision(postgres_port)
    os.environ |= {
        "ARMSTRONG_STATE": str(state),
        "ARMSTRONG_SECRET_KEY": "only-for-tests-" + "0" * 40,
        "TEST_ADMIN_URL": cluster.url("postgres", postgres_port, "postgres"),
        "DATABASE_OWNER_URL": cluster.url("armstrong_owner", postgres_port),
        "DATABASE_URL": cluster.url("armstrong_app", postgres_port),
        "REDIS_URL": valkey.url(valkey_port),
        "EMAIL_HOST": "",
        "PYTHONWARNINGS": "",
    }
    if not is_migrated:
        _manage("migrate", "--verbosity=0", DATABASE_URL=os.environ["DATABASE_OWNER_URL"])
        # Copied while nothing writes to it.
        postgres.send_signal(STOP_SIGNAL)
        postgres.wait(START_SECONDS)
        migrated.keep(state)
        _started(cluster, postgres_port)
    _manage("collectstatic", "--noinput", "--verbosity=0")


def _started(cluster: PostgresCluster, port: int) -> subprocess.Popen[bytes]:
    log = cluster.state / "postgres.log"
    child = _launch(cluster.command(port), cluster.account, log)
    _await(lambda: cluster.is_ready(port), child, log)
    return child


def _manage(*arguments: str, **environment: str) -> None:
    command = [sys.executable, "-m", "django", *arguments]
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings"}
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | settings | environment)


def _own_database(worker: str) -> None:
    name = f"{TEMPLATE}_{worker}"
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER armstrong_owner")
    with psycopg.connect(os.environ["TEST_ADMIN_URL"], autocommit=True) as connection:
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
    for variable in ("DATABASE_URL", "DATABASE_OWNER_URL"):
        os.environ[variable] = os.environ[variable].rpartition("/")[0] + f"/{name}"
    # What one worker's tests left unshipped belongs to its own database.
    os.environ["RUNTIME_JOURNAL"] = f"{os.environ['ARMSTRONG_STATE']}/journal-{worker}"
    number = int(worker.removeprefix("gw")) + 1
    os.environ["REDIS_URL"] = os.environ["REDIS_URL"].rpartition("/")[0] + f"/{number}"


# As the Makefile has it, for a pytest that was started without: a run starts many processes, and each would compile all
# that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    _own_database(worker)
else:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _start()
