"""The runtime role in a process of its own, as containers run it, with limits that tests can reach."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from core.tenancy import tenant_context
from mcp_runtime.addresses import mcp_path
from mcp_runtime.services.access_keys import access_key_issue
from mcp_runtime.services.conformance import conformance_endpoint
from mcp_runtime.services.tools import tool_create
from mcp_runtime.sources.contract import ToolDraft
from tenants.services.tenants import tenant_create
from tests.conftest import Cast, make_user, unique
from tests.entitled import entitle
from tests.exhaustion.wire import Door
from tests.processes import eventually
from tests.servers import ROOT

STREAMS = 40
BODY_BYTES = 512 * 1024
FILES = 260
SEND_BUFFER = 4_096
START_SECONDS = 60  # on a machine that is busy otherwise
STOP_SECONDS = 15
SECONDS = {f"RUNTIME_MAX_{part}_SECONDS": "1" for part in ("HEAD", "BODY", "SEND")}
LIMITS = {"RUNTIME_MAX_STREAMS": str(STREAMS), "RUNTIME_MAX_BODY_BYTES": str(BODY_BYTES)}


@pytest.fixture(scope="session")
def door() -> Iterator[Door]:
    """The server that tests attack."""
    with _serving() as door:
        yield door


@pytest.fixture
def narrow_door() -> Iterator[Door]:
    """One that may have few files open."""
    with _serving("prlimit", f"--nofile={FILES}:{FILES}") as door:
        yield door


@contextmanager
def _serving(*launcher: str) -> Iterator[Door]:
    path, key = _endpoint()
    with socket.socket() as listening:
        # Connections inherit it: what a client does not read soon piles up in the server, where its bounds are.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        listening.bind(("127.0.0.1", 0))
        listening.listen(2_048)
        port, descriptor = listening.getsockname()[1], listening.fileno()
        process = subprocess.Popen(
            [*launcher, sys.executable, "-P", "-m", "config.cli", "serve", "runtime", "--fd", str(descriptor)],
            cwd=ROOT,
            env=os.environ | SECONDS | LIMITS | {"RUNTIME_URL": f"http://127.0.0.1:{port}"},
            pass_fds=[descriptor],
        )
        try:
            eventually(lambda: process.poll() is not None or _answers(port), START_SECONDS)
            door = Door(port, path, key, process.pid)
            assert door.is_served()  # what it opens with its first call is open then
            yield door
            assert process.poll() is None, "the server has ended"
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


def _endpoint() -> tuple[str, str]:
    alice = make_user("alice")
    tenant = tenant_create(owner=alice, name="Acme", slug=unique("acme"))
    with tenant_context(tenant.id):
        # What is attacked here is the server; how fast a plan's tenant may ask is another test's.
        entitle(tenant.id, "unlimited")
        actor = Cast.acting_inside(alice, tenant)
        slug = conformance_endpoint(actor=actor).slug
        echo = ToolDraft(name="echo", config={"function": "echo"})
        tool_create(actor=actor, endpoint_slug=slug, source="builtin", draft=echo)
        key = access_key_issue(actor=actor, endpoint_slug=slug, name="attacker")[1]
    return mcp_path(tenant.slug, slug), key


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/").status_code == httpx.codes.NOT_FOUND
    except httpx.TransportError:
        return False
