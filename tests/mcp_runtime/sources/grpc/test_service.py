"""A real gRPC service: its methods as tools, its statuses, and its logins."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from mcp_runtime import schemas
from mcp_runtime.sources.contract import ToolResult
from mcp_runtime.sources.registry import UPSTREAM_SOURCES
from mcp_runtime.sources.upstream import Health, UpstreamFailed
from tests.core.outbound.identities import write_identity
from tests.core.outbound.upstreams import LOOPBACK
from tests.mcp_runtime.sources.calling import context, text_of
from tests.mcp_runtime.sources.grpc.shop import Shop, descriptor_set, serving
from tests.mcp_runtime.sources.upstreams import HeldCredentials, call, discover, opened

EVERYTHING: dict[str, Any] = {
    "small": -5,
    "big": "18446744073709551615",
    "real": "NaN",
    "text": "wörld",
    "raw": "AP8=",
    "yes": True,
    "mood": "MOOD_GLAD",
    "list": ["-9223372036854775808", "1"],
    "moods": {"a": "MOOD_GLAD"},
    "right": 0,
    "perhaps": "",
    "at": "2026-01-02T03:04:05Z",
    "lasts": "1.500s",
    "free": {"x": [1.0, None, {"y": True}]},
    "wrapped": "w",
    "inners": {"-1": {"snakeCase": "s"}},
    "anyJson": [1.0, "x"],
}
INNER_DEFAULTS = {"small": 0, "big": "0", "real": 0.0, "text": "", "raw": "", "yes": False, "mood": "MOOD_UNKNOWN",
                  "list": [], "moods": {}, "inners": {}}  # fmt: skip


@pytest.fixture
async def shop(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """The service, which the operator allows."""
    made = Shop()
    async with serving(made) as port:
        made.address = f"{LOOPBACK}:{port}"
        monkeypatch.setenv("OUTBOUND_ALLOW", made.address)
        yield made


def config(shop: Shop, **settings: Any) -> dict[str, Any]:
    return {"url": f"grpc://{shop.address}"} | settings


async def asked(shop: Shop, name: str, given: dict[str, Any] | None = None, **settings: Any) -> ToolResult:
    async with opened("grpc", config(shop, **settings)) as upstream:
        return await call(upstream, name, given)


async def test_methods_are_tools_and_streams_of_requests_are_refused(shop: Shop) -> None:
    async with opened("grpc", config(shop)) as upstream:
        found = await discover(upstream)
    assert found.speaks == "gRPC (reflection v1alpha, 1 services)"
    tools = {tool.name: tool for tool in found.tools}
    assert set(tools) == {f"Shop.{name}" for name in ("Echo", "Fail", "Tell", "Large", "Hang", "Calls")}
    assert {refused.name: refused.reason for refused in found.refused} == {
        "Shop.Collect": "It takes a stream of messages, and a tool is called with one.",
        "Shop.Talk": "It takes a stream of messages, and a tool is called with one.",
        "Shop.Parse": "google.protobuf.StringValue is no object in JSON.",
        "Shop.Who": "google.protobuf.Struct is no object in JSON.",
    }
    assert tools["Shop.Echo"].annotations["readOnlyHint"] is True
    assert tools["Shop.Fail"].annotations["readOnlyHint"] is False
    assert len(tools["Shop.Fail"].config["descriptors"]) < 500


async def test_a_message_of_every_kind_of_field_goes_there_and_comes_back(shop: Shop) -> None:
    given = EVERYTHING | {"within": {"left": "l"}}
    result = await asked(shop, "Shop.Echo", given)
    assert result.structured == EVERYTHING | {"within": INNER_DEFAULTS | {"left": "l"}}
    assert text_of(result).startswith('{"small":-5,')


async def test_the_schema_takes_what_the_message_takes(shop: Shop) -> None:
    async with opened("grpc", config(shop)) as upstream:
        (echo,) = [tool for tool in (await discover(upstream)).tools if tool.name == "Shop.Echo"]
    validator = schemas.compile_schema(echo.input_schema)
    assert validator.is_valid(EVERYTHING)
    assert validator.is_valid({"big": 5, "within": {"within": {"right": 1}}})
    wrong: list[dict[str, Any]] = [
        {"small": 2**31},
        {"small": "5"},
        {"mood": "MOOD_SAD"},
        {"left": "a", "right": 1},
        {"within": {"left": "a", "right": 1}},
        {"list": [1.5]},
        {"moods": {"a": 5}},
        {"other": 1},
        {"lasts": "1 hour"},
    ]
    assert [value for value in wrong if validator.is_valid(value)] == []


@pytest.mark.parametrize("given", [{"at": "yesterday"}, {"inners": {"x": {}}}, {"big": "-1"}])
async def test_what_the_message_cannot_hold_is_said(shop: Shop, given: dict[str, Any]) -> None:
    result = await asked(shop, "Shop.Echo", given)
    assert result.is_error
    assert text_of(result).startswith("The arguments do not fit the request:")


async def test_an_uploaded_descriptor_set_stands_in_for_reflection(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(reflects="")
    async with serving(shop) as port:
        shop.address = f"{LOOPBACK}:{port}"
        monkeypatch.setenv("OUTBOUND_ALLOW", shop.address)
        async with opened("grpc", config(shop)) as upstream:
            with pytest.raises(UpstreamFailed, match="upload its descriptor set"):
                await discover(upstream)
        async with opened("grpc", config(shop), material=descriptor_set()) as upstream:
            found = await discover(upstream)
            assert found.speaks == "gRPC (uploaded descriptors, 1 services)"
            assert found.tools[0].description == "Answers what it was sent."
            assert (await call(upstream, "Shop.Echo", {"left": "x"})).structured["left"] == "x"


async def test_the_newer_reflection_is_spoken_too(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(reflects="v1")
    async with serving(shop) as port:
        shop.address = f"{LOOPBACK}:{port}"
        monkeypatch.setenv("OUTBOUND_ALLOW", shop.address)
        async with opened("grpc", config(shop, services=["shop.v1.Shop", "shop.v1.Absent"])) as upstream:
            found = await discover(upstream)
    assert found.speaks == "gRPC (reflection v1, 1 services)"
    assert [refused.name for refused in found.refused if "describe" in refused.reason] == ["shop.v1.Absent"]


async def test_a_stream_of_answers_is_collected_up_to_its_limits(shop: Shop) -> None:
    few = await asked(shop, "Shop.Tell", {"messages": 3, "bytes": 10})
    assert [message["small"] for message in few.structured["messages"]] == [0, 1, 2]
    assert few.structured["truncated"] is False
    many = await asked(shop, "Shop.Tell", {"messages": 100_000, "bytes": 0}, size_limit=1024 * 1024)
    assert (len(many.structured["messages"]), many.structured["truncated"]) == (1_000, True)
    wide = await asked(shop, "Shop.Tell", {"messages": 100_000, "bytes": 10_000})
    assert (len(wide.structured["messages"]), wide.structured["truncated"]) == (13, True)


async def test_an_answer_that_is_too_large_is_no_result(shop: Shop) -> None:
    result = await asked(shop, "Shop.Large", {"bytes": 300_000})
    assert text_of(result) == "The answer is larger than 262144 bytes."
    result = await asked(shop, "Shop.Large", {"bytes": 20_000_000})
    assert text_of(result).startswith("The service answered RESOURCE_EXHAUSTED: ")


async def test_an_answer_of_another_kind_is_an_error(shop: Shop) -> None:
    result = await asked(shop, "Shop.Calls")
    assert text_of(result) == "The service answered what is no message of the method's type."


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
async def test_a_status_is_an_error_of_the_call_or_of_the_service(shop: Shop, code: grpc.StatusCode) -> None:
    health = {
        grpc.StatusCode.UNAUTHENTICATED: Health.NEEDS_LOGIN,
        grpc.StatusCode.UNAVAILABLE: Health.DOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED: Health.DOWN,
    }.get(code)
    given = {"code": code.value[0], "details": "wh\x1by 0123456789-secret"}
    held = HeldCredentials({"x-key": "0123456789-secret"})
    async with opened("grpc", config(shop), credentials=held) as upstream:
        if health is not None:
            with pytest.raises(UpstreamFailed) as failed:
                await call(upstream, "Shop.Fail", given)
            assert failed.value.health is health
            return
        result = await call(upstream, "Shop.Fail", given)
    assert (result.is_error, text_of(result)) == (True, f"The service answered {code.name}: wh y [secret]")
    assert shop.metadata[-1]["x-key"] == "0123456789-secret"


async def test_a_method_that_hangs_is_given_up_and_one_that_is_cancelled_too(shop: Shop) -> None:
    async with opened("grpc", config(shop, timeout=0.3)) as upstream:
        with pytest.raises(UpstreamFailed, match="did not answer in time"):
            await call(upstream, "Shop.Hang")
    async with opened("grpc", config(shop)) as upstream:
        (hang,) = [tool for tool in (await discover(upstream)).tools if tool.name == "Shop.Hang"]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await upstream.tool(hang.config)(context(), {})
        assert not (await call(upstream, "Shop.Echo")).is_error
        assert text_of(await call(upstream, "Shop.Echo", seconds=-1)) == "No time is left to call the service."


async def test_a_rejected_token_is_renewed_once(shop: Shop) -> None:
    held = HeldCredentials(bearer="first", renewed="second")
    async with opened("grpc", config(shop), credentials=held) as upstream:
        shop.token = "second"
        assert not (await call(upstream, "Shop.Echo")).is_error
        assert held.rejections == [("first", 'Bearer error="invalid_token"')]
        shop.token = "third"
        with pytest.raises(UpstreamFailed) as failed:
            await call(upstream, "Shop.Echo")
    assert failed.value.health is Health.NEEDS_LOGIN


async def test_a_probe_asks_for_the_health_that_is_told(shop: Shop) -> None:
    async with opened("grpc", config(shop)) as upstream:
        await upstream.probe()
        await shop.health.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        with pytest.raises(UpstreamFailed, match="not serving") as failed:
            await upstream.probe()
    assert failed.value.health is Health.DOWN


@pytest.mark.parametrize("reflects", ["", "v1", "v1alpha"])
async def test_a_service_without_health_is_well_when_it_answers(reflects: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(reflects=reflects, tells_health=False)
    async with serving(shop) as port:
        shop.address = f"{LOOPBACK}:{port}"
        monkeypatch.setenv("OUTBOUND_ALLOW", shop.address)
        async with opened("grpc", config(shop)) as upstream:
            await upstream.probe()


async def test_a_service_that_left_is_down_and_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop()
    async with serving(shop) as port:
        shop.address = f"{LOOPBACK}:{port}"
    monkeypatch.setenv("OUTBOUND_ALLOW", shop.address)
    async with opened("grpc", config(shop)) as upstream:
        for ask in (upstream.probe, lambda: discover(upstream)):
            with pytest.raises(UpstreamFailed) as failed:
                await ask()
            assert failed.value.health is Health.DOWN
            assert LOOPBACK not in str(failed.value)


async def test_the_certificate_of_a_service_is_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    identity = write_identity(tmp_path / "identity.pem", "localhost")
    trusted = identity.read_text()[identity.read_text().index("-----BEGIN CERTIFICATE") :]
    async with serving(Shop(), identity) as port:
        monkeypatch.setenv("OUTBOUND_ALLOW", f"localhost:{port} {LOOPBACK}:{port}")
        for host, certificates, is_trusted in (
            ("localhost", trusted, True),
            ("localhost", "", False),
            (LOOPBACK, trusted, False),  # the name is another
        ):
            settings = {"url": f"grpcs://{host}:{port}", "certificates": certificates}
            async with opened("grpc", settings) as upstream:
                if is_trusted:
                    await upstream.probe()
                else:
                    with pytest.raises(UpstreamFailed):
                        await upstream.probe()


def test_secrets_go_to_the_service() -> None:
    source = UPSTREAM_SOURCES["grpc"]
    assert source.destination({"url": "grpcs://api.example.com"}) == "grpcs://api.example.com:443"
