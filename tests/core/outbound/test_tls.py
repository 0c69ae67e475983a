"""TLS to upstreams: whom the door trusts, and what it says where it does not."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core import outbound
from core.outbound.dialling import Dialler
from core.outbound.policy import Policy
from tests.core.outbound.identities import write_identity
from tests.core.outbound.raw import WHOLE, answering, scripted
from tests.core.outbound.test_door import Names
from tests.core.outbound.upstreams import LOOPBACK

ALLOWED = Policy(networks=(ipaddress.ip_network(f"{LOOPBACK}/32"),))
NAME = "service.example"


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and its own certificate, for NAME."""
    return write_identity(tmp_path_factory.mktemp("tls") / "identity.pem", NAME)


@asynccontextmanager
async def secured(identity: Path) -> AsyncIterator[int]:
    """An upstream that speaks TLS; yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                served.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
                writer.write(WHOLE)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    served: list[str | None] = []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.load_cert_chain(identity)
    server = await asyncio.start_server(serve, LOOPBACK, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        assert set(served) <= {"http/1.1"}


def client(identity: Path | None) -> outbound.Client:
    """One that finds every name here, and trusts `identity`."""
    trusted = ssl.create_default_context(cafile=identity) if identity else None
    return outbound.Client(ALLOWED, Dialler(ALLOWED, Names([LOOPBACK]), tls=trusted))


async def test_an_upstream_that_is_trusted_by_its_name_is_spoken_to_over_one_connection(identity: Path) -> None:
    async with asyncio.timeout(30), secured(identity) as port, client(identity) as door:
        for _time in range(3):
            assert (await outbound.fetch(door, "GET", f"https://{NAME}:{port}/")).body == b"ok"
        assert len(door.pool.open) == 1


@pytest.mark.parametrize("host", ["other.example", LOOPBACK])
async def test_a_certificate_for_another_name_is_not_trusted(identity: Path, host: str) -> None:
    async with asyncio.timeout(30), secured(identity) as port, client(identity) as door:
        with pytest.raises(outbound.ConnectionFailed) as caught:
            await outbound.fetch(door, "GET", f"https://{host}:{port}/")
        assert str(caught.value) == f"The certificate of {host} is not trusted."


async def test_a_certificate_that_nobody_trusted_signed_is_not_trusted(identity: Path) -> None:
    async with asyncio.timeout(30), secured(identity) as port, client(None) as door:
        with pytest.raises(outbound.ConnectionFailed) as caught:
            await outbound.fetch(door, "GET", f"https://{NAME}:{port}/")
        assert str(caught.value) == f"The certificate of {NAME} is not trusted."
        assert not door.pool.open


async def test_what_speaks_no_tls_is_told(identity: Path) -> None:
    async with asyncio.timeout(30), scripted(answering(WHOLE, close=True)) as upstream, client(identity) as door:
        # The greeting holds no end of a line, so that the script waits until the client has left.
        with pytest.raises((outbound.ConnectionFailed, outbound.TimedOut)):
            await outbound.fetch(door, "GET", f"https://{NAME}:{upstream.port}/", limits=outbound.Limits(seconds=0.3))
