"""Where a database may be, what of ours never goes there, and servers that lie."""

import asyncio
import os
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.registry import UPSTREAM_SOURCES
from mcp_runtime.sources.upstream import UpstreamDraft, UpstreamFailed
from tests.core.outbound.identities import write_identity
from tests.mcp_runtime.sources.upstreams import HeldCredentials, opened

SECRET = "a-password-of-the-tenant"
LOOPBACK = "127.0.0.1"

type Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def config(host: str, port: int = 5432, **settings: Any) -> dict[str, Any]:
    server = {"engine": "postgresql", "host": host, "port": port, "database": "d", "user": "u", "sslmode": "disable"}
    return server | settings


def held() -> HeldCredentials:
    return HeldCredentials({"password": SECRET})


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0x7f.1",
        "0",
        "0.0.0.0",  # noqa: S104  # an address to refuse
        "::1",
        "[::1]",
        "::ffff:169.254.169.254",
        "::ffff:7f00:1",
        "64:ff9b::a9fe:a9fe",
        "fe80::1",
        "fd00::1",
        "/var/run/postgresql",
        "@abstract",
        "db.example.com,127.0.0.1",
        "user@db.example.com",
        "db.example.com host=127.0.0.1",
        "db.example.com\n",
        "-h",
        "db.example.com/other",
        "täst.example",
    ],
)
def test_a_host_that_is_private_or_no_host_is_refused_when_it_is_stored(host: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        UPSTREAM_SOURCES["sql"].check(UpstreamDraft(config(host)))
    assert list(refused.value.fields) == ["config.host"]


@pytest.mark.parametrize("host", ["localhost", "localhost."])
async def test_a_name_or_spelling_of_a_private_address_is_refused_when_it_is_dialled(host: str) -> None:
    async with opened("sql", config(host), credentials=held()) as upstream:
        with pytest.raises(UpstreamFailed, match=r"not at a public address|does not resolve"):
            await upstream.probe()


@pytest.mark.parametrize("port", [22, 25, 6379, 3306, 2375])
def test_ports_of_other_services_are_refused(port: int) -> None:
    with pytest.raises(InvalidConfig, match="may not be called on port"):
        UPSTREAM_SOURCES["sql"].check(UpstreamDraft(config("db.example.com", port)))


@pytest.mark.parametrize(
    "settings",
    [
        {"database": "host=127.0.0.1"},
        {"database": "postgresql://127.0.0.1/x"},
        {"database": ""},
        {"user": "a\x00b"},
        {"sslmode": "prefer"},
        {"service": "x"},
        {"passfile": "/etc/passwd"},
        {"options": "-c x=y"},
        {"port": 0},
        {"search_path": []},
    ],
)
def test_settings_that_lead_elsewhere_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig) as refused:
        UPSTREAM_SOURCES["sql"].check(UpstreamDraft(config("db.example.com") | settings))
    assert [name.split("[")[0] for name in refused.value.fields] == [f"config.{next(iter(settings))}"]


def test_secrets_go_to_the_server_that_is_named() -> None:
    source = UPSTREAM_SOURCES["sql"]
    assert source.destination(config("db.example.com")) == "postgresql://db.example.com:5432"
    with pytest.raises(InvalidConfig) as refused:
        source.check(UpstreamDraft(config("db.example.com"), {"token": "x"}))
    assert list(refused.value.fields) == ["secrets.token"]


@asynccontextmanager
async def serving(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A server on loopback that speaks as `serve` does, which the operator allows."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setenv("OUTBOUND_ALLOW", f"{LOOPBACK}:{port}")
    try:
        yield port
    finally:
        server.close()


async def startup(reader: asyncio.StreamReader) -> bytes:
    (length,) = struct.unpack("!I", await reader.readexactly(4))
    return await reader.readexactly(length - 4)


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


async def test_nothing_of_ours_goes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []
    for name in ("PGPASSWORD", "PGOPTIONS", "PGAPPNAME", "PGUSER", "PGDATABASE"):
        monkeypatch.setenv(name, "ours")

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await startup(reader))
        writer.write(message(b"R", struct.pack("!I", 3)))  # AuthenticationCleartextPassword
        heard.append(await reader.read(1000))

    async with (
        serving(listen, monkeypatch) as port,
        opened("sql", config(LOOPBACK, port), credentials=held()) as upstream,
    ):
        with pytest.raises(UpstreamFailed):
            await upstream.probe()
    said = b"".join(heard)
    assert b"ours" not in said
    assert SECRET.encode() not in said  # not in clear on an open line


async def test_a_server_that_wants_no_password_is_not_the_one_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await startup(reader)
        writer.write(message(b"R", struct.pack("!I", 0)) + message(b"Z", b"I"))
        await reader.read(1000)

    async with (
        serving(welcome, monkeypatch) as port,
        opened("sql", config(LOOPBACK, port), credentials=held()) as upstream,
    ):
        with pytest.raises(UpstreamFailed):
            await upstream.probe()


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 100_000, b"E\xff\xff\xff\xff"])
async def test_a_server_that_speaks_something_else_is_down(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await startup(reader)
        writer.write(said)
        await writer.drain()

    async with (
        serving(babble, monkeypatch) as port,
        opened("sql", config(LOOPBACK, port), credentials=held()) as upstream,
    ):
        with pytest.raises(UpstreamFailed):
            await upstream.probe()


async def test_the_certificate_of_a_server_is_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    identity = write_identity(tmp_path / "identity.pem", "db.example.com")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity)
    trusted = identity.read_text()[identity.read_text().index("-----BEGIN CERTIFICATE") :]
    spoken: list[bytes] = []

    async def secure(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await startup(reader)
        writer.write(b"S")
        await writer.start_tls(context)
        spoken.append(await startup(reader))

    async with serving(secure, monkeypatch) as port:
        for settings, is_trusted in (
            ({"sslmode": "verify-full"}, False),
            ({"sslmode": "verify-full", "certificates": trusted}, False),  # the name is another
            ({"sslmode": "verify-ca", "certificates": trusted}, True),
            ({"sslmode": "require"}, True),
        ):
            spoken.clear()
            async with opened("sql", config(LOOPBACK, port, **settings), credentials=held()) as upstream:
                with pytest.raises(UpstreamFailed):
                    await upstream.probe()
            assert bool(spoken) is is_trusted, settings


def test_no_variable_of_postgresql_is_set_while_tests_run() -> None:
    assert not [name for name in os.environ if name.startswith("PG") and name != "PG_BIN"]
