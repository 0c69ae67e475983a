"""One exchange is bounded in time, size and redirects, and what failed is told without telling too much."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest
from aiohttp import web

from core import outbound
from core.outbound import Limits
from core.outbound.policy import Policy
from core.refusals import Refused
from tests.core.outbound.upstreams import LOOPBACK, Answer, upstream

ALLOWED = Policy(networks=(ip_network(f"{LOOPBACK}/32"),))


@pytest.fixture
async def client() -> AsyncIterator[outbound.Client]:
    """A client that may go to loopback's first address alone."""
    async with outbound.Client(ALLOWED) as client:
        yield client


def redirect_to(location: str, status: int = 302) -> Answer:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": location})

    return answer


async def test_a_gzip_bomb_is_refused_when_it_passes_the_limit(client: outbound.Client) -> None:
    bomb = gzip.compress(bytes(200 * 1024 * 1024), compresslevel=1)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    async with upstream(answer) as port:
        with pytest.raises(outbound.ResponseTooLarge) as caught:
            await outbound.fetch(client, "GET", f"http://{LOOPBACK}:{port}/")
    assert str(caught.value) == "The answer of 127.0.0.1 is larger than 256 KiB."


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False)])
async def test_the_size_limit_is_exact(client: outbound.Client, size: int, fits: bool) -> None:  # noqa: FBT001
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=bytes(size))

    async with upstream(answer) as port:
        call = outbound.fetch(client, "GET", f"http://{LOOPBACK}:{port}/", limits=Limits(response_bytes=1000))
        if fits:
            assert len((await call).body) == size
        else:
            with pytest.raises(outbound.ResponseTooLarge):
                await call


async def test_a_body_that_drips_without_end_times_out(client: outbound.Client) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b".")
            await asyncio.sleep(0.01)

    async with upstream(answer) as port:
        with pytest.raises(outbound.TimedOut) as caught:
            await outbound.fetch(client, "GET", f"http://{LOOPBACK}:{port}/", limits=Limits(seconds=0.2))
    assert str(caught.value) == "127.0.0.1 did not answer within 0.2 s."


async def test_redirects_without_end_end(client: outbound.Client) -> None:
    async with upstream(redirect_to("/again")) as port:
        with pytest.raises(outbound.TooManyRedirects):
            await outbound.fetch(client, "GET", f"http://{LOOPBACK}:{port}/")


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "//169.254.169.254/",
        "http://127.0.0.2/",
        "http://localhost:22/",
        "http://user:password@127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://[::ffff:169.254.169.254]/",
        "http://[oops/",
        "http://127.0.0.1:99999/",
    ],
)
async def test_a_redirect_to_a_place_that_is_not_allowed_is_refused(client: outbound.Client, location: str) -> None:
    async with upstream(redirect_to(location)) as port:
        with pytest.raises(Refused):
            await outbound.fetch(client, "GET", f"http://{LOOPBACK}:{port}/")


async def test_credentials_follow_to_the_same_origin_and_not_to_another(client: outbound.Client) -> None:
    seen: list[dict[str, str]] = []

    async def last(request: web.Request) -> web.Response:
        seen.append(dict(request.headers))
        return web.Response(text="arrived")

    async def here(request: web.Request) -> web.Response:
        return await last(request) if request.path == "/end" else web.Response(status=307, headers={"Location": "/end"})

    secret = {"Authorization": "Bearer x", "X-Api-Key": "y", "Cookie": "z", "Accept": "text/plain"}
    async with upstream(last) as other, upstream(here) as port:
        await outbound.fetch(client, "GET", f"http://{LOOPBACK}:{port}/", headers=secret)
        async with upstream(redirect_to(f"http://{LOOPBACK}:{other}/")) as away:
            await outbound.fetch(client, "GET", f"http://{LOOPBACK}:{away}/", headers=secret)
    assert {name: seen[0].get(name) for name in secret} == secret
    assert {name: seen[1].get(name) for name in secret} == dict.fromkeys(secret) | {"Accept": "text/plain"}


@pytest.mark.parametrize(
    ("status", "method", "body"), [(302, "GET", b""), (303, "GET", b""), (307, "POST", b"data"), (308, "POST", b"data")]
)
async def test_a_redirected_post_keeps_its_body_only_where_the_status_says_so(
    client: outbound.Client, status: int, method: str, body: bytes
) -> None:
    seen: list[tuple[str, bytes]] = []

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/end":
            seen.append((request.method, await request.read()))
            return web.Response()
        return web.Response(status=status, headers={"Location": "/end"})

    async with upstream(answer) as port:
        await outbound.fetch(client, "POST", f"http://{LOOPBACK}:{port}/", body=b"data")
    assert seen == [(method, body)]


async def test_a_post_is_not_redirected_to_another_host(client: outbound.Client) -> None:
    async with upstream(redirect_to("http://127.0.0.1:8/", 307)) as port:
        with pytest.raises(Refused):
            await outbound.fetch(client, "POST", f"http://{LOOPBACK}:{port}/", body=b"data")


async def raw(answer: bytes) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, LOOPBACK, 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(500)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\noops",
    ],
)
async def test_an_answer_that_is_not_proper_http_is_a_typed_failure(client: outbound.Client, answer: bytes) -> None:
    async for port in raw(answer):
        with pytest.raises(outbound.ResponseBroken):
            await outbound.fetch(client, "GET", f"http://{LOOPBACK}:{port}/")


async def test_a_refused_connection_and_an_unknown_name_are_told(client: outbound.Client) -> None:
    with socket.socket() as held:
        held.bind((LOOPBACK, 0))
        with pytest.raises(outbound.ConnectionFailed) as refused:
            await outbound.fetch(client, "GET", f"http://{LOOPBACK}:{held.getsockname()[1]}/")
    assert str(refused.value) == "127.0.0.1 refused the connection."
    with pytest.raises(outbound.ConnectionFailed) as unknown:
        await outbound.fetch(client, "GET", "http://name.invalid/")
    assert str(unknown.value) == "The name name.invalid does not resolve."
