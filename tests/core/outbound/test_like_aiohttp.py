"""The door's own HTTP beside aiohttp's: the same requests, and the same understanding of answers."""

import asyncio
import gzip
import socket
from ipaddress import ip_network

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from core import outbound
from core.outbound.policy import Policy
from tests.core.outbound.raw import WHOLE, answering, scripted
from tests.core.outbound.test_door import Names, client_with
from tests.core.outbound.upstreams import LOOPBACK

ALLOWED = Policy(networks=(ip_network(f"{LOOPBACK}/32"),))
HEAD = b"HTTP/1.1 200 OK\r\n"
PACKED = gzip.compress(b"packed" * 100, mtime=0)
BROKEN = None

type Understood = tuple[int, str, str | None, bytes] | None


class Here(AbstractResolver):
    """Every name is this machine's."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Loopback."""
        return [
            ResolveResult(hostname=host, host=LOOPBACK, port=port, family=socket.AF_INET, proto=0, flags=0),
        ]

    async def close(self) -> None:
        """Nothing is open."""


async def ours(url: str, method: str = "GET", body: bytes | None = None) -> Understood:
    async with client_with(ALLOWED, Names([LOOPBACK])) as client:
        try:
            response = await outbound.fetch(client, method, url, body=body)
        except outbound.FetchFailed:
            return BROKEN
        return response.status, response.reason, response.charset, response.body


async def theirs(url: str, method: str = "GET", body: bytes | None = None) -> Understood:
    connector = aiohttp.TCPConnector(resolver=Here())
    headers = {"User-Agent": "armstrong"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        try:
            async with session.request(method, URL(url, encoded=True), data=body, allow_redirects=False) as response:
                return (
                    response.status,
                    response.reason or "",
                    (response.charset or "").lower() or None,
                    await response.read(),
                )
        except aiohttp.ClientError:
            return BROKEN


@pytest.mark.parametrize(
    "answer",
    [
        WHOLE,
        HEAD + b"Content-Type: text/plain; charset=UTF-8\r\nContent-Length: 2\r\n\r\nok",
        HEAD + b'Content-Type: text/plain; x=y; charset="ISO-8859-1"\r\nContent-Length: 2\r\n\r\nok',
        HEAD
        + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\n{}\n\r\n0\r\nX: y\r\n\r\n",
        HEAD + b"\r\nuntil the end",
        b"HTTP/1.0 404 Not Found Here\r\n\r\nuntil the end",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 500 \r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE,
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + WHOLE,
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(PACKED), PACKED),
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\noops",
        HEAD + b"Content-Length: 100\r\n\r\nshort",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        HEAD + b"Content-Length: +2\r\n\r\nok",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nok",
        HEAD + b"X" * 10_000 + b": y\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"",
    ],
)
async def test_an_answer_is_understood_as_aiohttp_understands_it(answer: bytes) -> None:
    async with asyncio.timeout(30), scripted(answering(answer, close=True)) as upstream:
        assert await ours(upstream.url) == await theirs(upstream.url)


@pytest.mark.parametrize(
    ("host", "target"),
    [
        (LOOPBACK, ""),
        (LOOPBACK, "/"),
        (LOOPBACK, "?a=b"),
        (LOOPBACK, "/a/b?c=d&e=%20f#g"),
        (LOOPBACK, "/%2E%2e/%00?x=%0D%0A"),
        (LOOPBACK, "/a?b?c#d#e"),
        (LOOPBACK, "//b:c@d/"),
        ("Service.EXAMPLE", "/"),
        ("service.example.", "/"),
    ],
)
@pytest.mark.parametrize(("method", "body"), [("GET", None), ("POST", b""), ("PUT", b"x"), ("DELETE", None)])
async def test_a_request_is_addressed_and_framed_as_aiohttp_does_it(
    host: str, target: str, method: str, body: bytes | None
) -> None:
    async with asyncio.timeout(30), scripted(answering(WHOLE)) as upstream:
        url = f"http://{host}:{upstream.port}{target}"
        assert await ours(url, method, body) == await theirs(url, method, body)
        first, second = (essence(heard.requests[0]) for heard in upstream.connections)
    assert first == second


def essence(request: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """The request line, and the headers that address and frame, and say who asks."""
    line, *fields = request.removesuffix(b"\r\n\r\n").split(b"\r\n")
    headers = dict(field.lower().split(b": ", 1) for field in fields)
    return line, {
        name: headers[name] for name in (b"host", b"content-length", b"user-agent", b"accept") if name in headers
    }
