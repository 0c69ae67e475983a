"""A worker killed in the middle of load: every answer that a client got is in the ledger, once."""

import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from core.tenancy import tenant_context
from mcp_runtime.addresses import mcp_path
from mcp_runtime.metering.journal import Journal, boots_in
from mcp_runtime.metering.ledger import Ledger
from mcp_runtime.metering.shipper import Shipper
from mcp_runtime.services.access_keys import access_key_issue
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.tools import tool_create
from mcp_runtime.sources.contract import ToolDraft
from tests.conftest import Cast, unique
from tests.mcp_runtime.driving import BOTH, in_console, modern
from tests.mcp_runtime.metering.conftest import rows_of
from tests.processes import eventually
from tests.servers import ROOT

CLIENTS = 4
ROUNDS = 3
ENOUGH = 150


@dataclass
class Load:
    """Clients that call as fast as they are answered; `answered` counts the answers they have read."""

    port: int
    path: str
    key: str
    answered: list[int] = field(default_factory=lambda: [0] * CLIENTS)

    def call(self, client: int) -> None:
        """Calls until the worker is gone."""
        message, named = modern("tools/call", {"name": "echo", "arguments": {}}, identifier=client)
        given = {"authorization": f"Bearer {self.key}", "content-type": "application/json", "accept": BOTH}
        whole_headers = given | {name: value for name, value in named.items() if value}
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            try:
                while True:
                    connection.request("POST", self.path, json.dumps(message), whole_headers)
                    response = connection.getresponse()
                    whole = response.read()
                    assert response.status == 200, whole
                    self.answered[client] += 1
            except (HTTPException, OSError):
                return


@pytest.fixture
def echo(cast: Cast) -> tuple[str, str]:
    """Path and key of an endpoint whose tool a process of its own knows, too."""
    with tenant_context(cast.tenant.id):
        actor = Cast.acting_inside(cast.alice, cast.tenant)
        slug = endpoint_create(actor=actor, slug=unique("e"), name="Echo").slug
        draft = ToolDraft(name="echo", config={"function": "echo"})
        tool_create(actor=actor, endpoint_slug=slug, source="builtin", draft=draft)
        _, key = access_key_issue(actor=actor, endpoint_slug=slug, name="load")
    return mcp_path(cast.tenant.slug, slug), key


def _kill_in_the_middle(echo: tuple[str, str], folder: Path) -> int:
    """How many answers the clients of a worker got until it was killed."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port, descriptor = listening.getsockname()[1], listening.fileno()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "config.cli", "serve", "runtime", "--fd", str(descriptor)],
            cwd=ROOT,
            env=os.environ | {"RUNTIME_JOURNAL": str(folder), "RUNTIME_URL": f"http://127.0.0.1:{port}"},
            pass_fds=[descriptor],
        )
    load = Load(port, *echo)
    threads = [threading.Thread(target=load.call, args=(client,)) for client in range(CLIENTS)]
    try:
        for thread in threads:
            thread.start()
        eventually(lambda: process.poll() is not None or sum(load.answered) > ENOUGH, seconds=60)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        for thread in threads:
            thread.join()
    return sum(load.answered)


async def test_kill_9_under_load_loses_no_answered_call_and_counts_none_twice(
    cast: Cast, echo: tuple[str, str], tmp_path: Path
) -> None:
    answered = 0
    for _ in range(ROUNDS):
        answered += await in_console(lambda: _kill_in_the_middle(echo, tmp_path))
    assert boots_in(tmp_path)
    ledger = Ledger(os.environ["DATABASE_URL"])
    shipper = Shipper(Journal(tmp_path), ledger)
    await shipper.replay()
    await shipper.replay()
    await ledger.close()
    rows = await in_console(lambda: rows_of(cast.tenant.id))
    # Written before the answer leaves: a call that was cut between the two is there although nobody read its answer.
    assert answered <= len(rows) <= answered + ROUNDS * CLIENTS
    assert len({row.request_id for row in rows}) == len(rows)
    assert boots_in(tmp_path) == []
