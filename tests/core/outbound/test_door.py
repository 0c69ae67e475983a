"""Where requests may go, and what becomes of those that may not."""

import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from core import outbound, refusals
from core.environment import BadEnvironment
from core.outbound.dialling import AddressInfo, Dialler
from core.outbound.policy import Policy, policy_from_environment
from core.refusals import Refused
from tests.core.outbound.upstreams import LOOPBACK, upstream


class Names:
    """A name server of our own: each answer is the next list of addresses, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)

    async def __call__(self, host: str, port: int) -> list[AddressInfo]:
        """The next answer."""
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (address, port),
            )
            for address in answer
        ]


def client_with(policy: Policy, names: Names) -> outbound.Client:
    """A client that asks `names` before every connection."""
    return outbound.Client(policy, Dialler(policy, names, resolved_seconds=0))


@pytest.fixture
async def door() -> AsyncIterator[outbound.Client]:
    """A client that allows what is allowed by default."""
    async with outbound.Client(Policy()) as client:
        yield client


async def refusal_of(client: outbound.Client, url: str) -> Refused:
    with pytest.raises(Refused) as caught:
        await outbound.fetch(client, "GET", url)
    assert caught.value.refusal is refusals.DESTINATION_REFUSED
    return caught.value


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:8000/",
        "http://localhost/",
        "http://LOCALHOST/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://0/",
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "http://100.64.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/",
        "http://[::]/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::169.254.169.254]/",
        "http://[2002:7f00:1::]/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1]/",
        "http://user@1.1.1.1/",
        "http://user:password@1.1.1.1/",
        "http://1.1.1.1:22/",
        "http://1.1.1.1:25/",
        "http://1.1.1.1:6379/",
        "http://1.1.1.1:0/",
        "http://1.1.1.1:99999/",
        "http://1.1.1.1\\@127.0.0.1/",
        "http://1.1.1.1/\r\nHost: evil",
        "http://1.1.1.1/a b",
        "http:///path",
        "http://",
        "//1.1.1.1/",
        "1.1.1.1",
        "",
        "file:///etc/passwd",
        "ftp://1.1.1.1/",
        "ws://1.1.1.1/",
        "unix:///var/run/docker.sock",
        "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "http://\u217cocalhost/",
        "http://①②⑦.0.0.1/",
    ],
)
async def test_a_destination_that_is_not_public_is_refused(door: outbound.Client, url: str) -> None:
    await refusal_of(door, url)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "::1", "::ffff:10.1.2.3"])
async def test_a_name_is_refused_for_the_address_it_resolves_to_and_the_address_is_not_told(address: str) -> None:
    async with client_with(Policy(), Names([address])) as client:
        refused = await refusal_of(client, "http://intranet.example/")
    assert str(refused) == "intranet.example is not at a public address."
    assert address not in repr(refused)


async def test_a_name_with_several_internal_addresses_is_refused() -> None:
    async with client_with(Policy(), Names(["10.0.0.1", "::1", "192.168.0.1"])) as client:
        await refusal_of(client, "http://intranet.example/")


async def test_a_name_that_changes_its_address_after_the_first_call_is_refused_when_dialled_again() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="public", headers={"Connection": "close"})

    async with upstream(answer) as port:
        # Loopback stands for the public address here; the second answer is another, which nobody allowed.
        policy = Policy(networks=policy_of(f"{LOOPBACK}/32").networks)
        async with client_with(policy, Names([LOOPBACK], ["127.0.0.2"])) as client:
            url = f"http://rebinding.example:{port}/"
            assert (await outbound.fetch(client, "GET", url)).body == b"public"
            await refusal_of(client, url)


def policy_of(allow: str) -> Policy:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OUTBOUND_ALLOW", allow)
        return policy_from_environment()


async def test_what_the_operator_allows_by_host_and_port_is_reached_and_nothing_beside_it() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="inside")

    async with (
        upstream(answer) as port,
        upstream(answer) as other,
        client_with(policy_of(f"ERP.example.:{port}"), Names([LOOPBACK])) as client,
    ):
        assert (await outbound.fetch(client, "GET", f"http://erp.example:{port}/")).body == b"inside"
        await refusal_of(client, f"http://erp.example:{other}/")
        await refusal_of(client, f"http://other.example:{port}/")
        await refusal_of(client, f"http://{LOOPBACK}:{port}/")


@pytest.mark.parametrize("allow", ["127.0.0.1:{port}", "10.0.0.0/8, 127.0.0.0/8", "[::1]:1 127.0.0.1"])
async def test_each_form_of_the_allow_list_opens_the_door(allow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="inside")

    async with upstream(answer) as port:
        monkeypatch.setenv("OUTBOUND_ALLOW", allow.format(port=port))
        async with outbound.Client() as client:
            assert (await outbound.fetch(client, "GET", f"http://{LOOPBACK}:{port}/")).body == b"inside"


@pytest.mark.parametrize("allow", ["intranet", "10.0.0.1/8", "host:port", "http://host:80", ":80/8"])
def test_an_allow_list_that_does_not_parse_is_told(allow: str) -> None:
    with pytest.raises(BadEnvironment):
        policy_of(allow)


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="direct")

    async with upstream(answer) as port:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        async with outbound.Client(policy_of(f"{LOOPBACK}:{port}")) as client:
            assert (await outbound.fetch(client, "GET", f"http://{LOOPBACK}:{port}/")).body == b"direct"


async def test_cookies_are_not_kept() -> None:
    seen: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        return web.Response(headers={"Set-Cookie": "session=1"})

    async with upstream(answer) as port, outbound.Client(policy_of(f"{LOOPBACK}:{port}")) as client:
        await outbound.fetch(client, "GET", f"http://{LOOPBACK}:{port}/")
        await outbound.fetch(client, "GET", f"http://{LOOPBACK}:{port}/")
    assert seen == [None, None]


async def test_connections_are_kept_alive() -> None:
    peers: set[object] = set()

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response()

    async with upstream(answer) as port, outbound.Client(policy_of(f"{LOOPBACK}:{port}")) as client:
        for _time in range(3):
            await outbound.fetch(client, "GET", f"http://{LOOPBACK}:{port}/")
    assert len(peers) == 1
