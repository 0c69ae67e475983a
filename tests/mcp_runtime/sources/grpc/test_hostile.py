"""Services that lie, descriptors that are bombs, and addresses that are not to be reached."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet
from grpc_reflection.v1alpha import reflection_pb2

from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.registry import UPSTREAM_SOURCES
from mcp_runtime.sources.upstream import OpenUpstream, UpstreamDraft, UpstreamFailed
from tests.core.outbound.upstreams import LOOPBACK
from tests.mcp_runtime.sources.upstreams import discover, opened

IMPORTED = """
import sys, mcp_runtime.sources.registry
print([name for name in ("grpc", "google.protobuf", "graphql") if name in sys.modules])
"""


def file(name: str, *imports: str, **parts: Any) -> FileDescriptorProto:
    return FileDescriptorProto(name=name, dependency=imports, syntax="proto3", **parts)


def packed(*files: FileDescriptorProto) -> bytes:
    return FileDescriptorSet(file=files).SerializeToString()


def field_of(number: int, data: bytes) -> bytes:
    """A field of bytes, as it is on the wire."""
    length, size = b"", len(data)
    while size > 0x7F:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + data


def deep(levels: int) -> bytes:
    """A set with messages in messages, deeper than the library itself would write."""
    message = b""
    for _level in range(levels):
        message = field_of(3, message)
    return field_of(1, field_of(4, message))


def unresolved() -> DescriptorProto:
    field = FieldDescriptorProto(name="f", number=1, type_name=".Absent", type=FieldDescriptorProto.TYPE_MESSAGE)
    return DescriptorProto(name="M", field=[field])


BOMBS = {
    "nothing": b"\x00",
    "garbage": b"\xff" * 100,
    "import missing": packed(file("a.proto", "absent.proto")),
    "import of itself": packed(file("a.proto", "b.proto"), file("b.proto", "a.proto")),
    "well-known and absent": packed(file("a.proto", "google/protobuf/absent.proto")),
    "type missing": packed(file("a.proto", message_type=[unresolved()])),
    "name twice": packed(file("a.proto", message_type=[DescriptorProto(name="M"), DescriptorProto(name="M")])),
    "name that is none": packed(file("a.proto", message_type=[DescriptorProto(name="a b\u202e")])),
    "too many files": packed(*(file(f"{number}.proto") for number in range(2_001))),
    "too many types": packed(file("a.proto", message_type=[DescriptorProto(name=f"M{n}") for n in range(20_001)])),
    "too deep": deep(5_000),
    "too large": packed(file("a.proto", message_type=[DescriptorProto(name="M" * 9_000_000)])),
}


@pytest.mark.parametrize("what", BOMBS)
def test_an_upload_that_is_no_descriptor_set_is_refused(what: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        UPSTREAM_SOURCES["grpc"].check(UpstreamDraft({"url": "grpcs://example.com"}, material=BOMBS[what]))
    assert list(refused.value.fields) == ["material"]


type Reply = Callable[[Any], Any]


@asynccontextmanager
async def reflecting(reply: Reply, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OpenUpstream]:
    """An upstream whose service answers each question of reflection with what `reply` makes of it."""

    async def converse(requests: Any, _context: Any) -> Any:
        async for request in requests:
            yield reply(reflection_pb2.ServerReflectionRequest.FromString(request))

    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(converse)
    name = "grpc.reflection.v1.ServerReflection"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler}),))
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    await server.start()
    monkeypatch.setenv("OUTBOUND_ALLOW", f"{LOOPBACK}:{port}")
    try:
        async with opened("grpc", {"url": f"grpc://{LOOPBACK}:{port}"}) as upstream:
            yield upstream
    finally:
        await server.stop(0)


def services(*names: str) -> bytes:
    response = reflection_pb2.ListServiceResponse(service=[reflection_pb2.ServiceResponse(name=name) for name in names])
    return reflection_pb2.ServerReflectionResponse(list_services_response=response).SerializeToString()


def files(*protos: FileDescriptorProto) -> bytes:
    data = [proto.SerializeToString() for proto in protos]
    response = reflection_pb2.FileDescriptorResponse(file_descriptor_proto=data)
    return reflection_pb2.ServerReflectionResponse(file_descriptor_response=response).SerializeToString()


def endless(request: Any) -> bytes:
    """A file that imports another, without end."""
    if request.list_services:
        return services("a.S")
    name = request.file_by_filename or "0"
    return files(file(name, str(int(name) + 1)))


def vast(request: Any) -> bytes:
    if request.list_services:
        return services(*(f"a.S{number}" for number in range(100)))
    return files(file(request.file_containing_symbol, package="x" * 1_000_000))


LIES: dict[str, Reply] = {
    "garbage": lambda _request: b"\xff\xff",
    "endless imports": endless,
    "megabytes": vast,
    "files that are none": lambda request: (
        services("a.S")
        if request.list_services
        else reflection_pb2.ServerReflectionResponse(
            file_descriptor_response=reflection_pb2.FileDescriptorResponse(file_descriptor_proto=[b"\xff"])
        ).SerializeToString()
    ),
    "one message too large": lambda _request: services(*("s" * 1000 for _number in range(5_000))),
    "imports of itself": lambda request: (
        services("a.S") if request.list_services else files(file("a", "b"), file("b", "a"))
    ),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_service_that_describes_itself_in_lies_is_told(lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with asyncio.timeout(25), reflecting(LIES[lie], monkeypatch) as upstream:
        with pytest.raises(UpstreamFailed):
            await discover(upstream)


async def test_services_that_are_named_and_not_described_are_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def reply(request: Any) -> bytes:
        return services("a.S") if request.list_services else files()

    async with reflecting(reply, monkeypatch) as upstream:
        assert (await discover(upstream)).tools == []


async def test_what_speaks_no_grpc_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(babble, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setenv("OUTBOUND_ALLOW", f"{LOOPBACK}:{port}")
    async with server, opened("grpc", {"url": f"grpc://{LOOPBACK}:{port}"}) as upstream:
        with pytest.raises(UpstreamFailed):
            await upstream.probe()


@pytest.mark.parametrize(
    "url",
    [
        "grpc://127.0.0.1:50051",
        "grpcs://169.254.169.254",
        "grpcs://2130706433",
        "grpcs://0x7f000001:443",
        "grpcs://127.1",
        "grpcs://[::1]:443",
        "grpcs://[::ffff:10.0.0.1]:443",
        "grpcs://example.com:5432",
        "grpcs://example.com:22",
        "unix:///run/x.sock",
        "dns:///example.com",
        "https://example.com",
        "grpcs://user@example.com",
        "grpcs://example.com/path",
        "grpcs://example.com:99999",
        "ipv4:127.0.0.1:80",
        "grpc://127.0.0.1,10.0.0.1:80",
        "example.com",
    ],
)
def test_an_address_that_is_not_to_be_reached_is_refused(url: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        UPSTREAM_SOURCES["grpc"].check(UpstreamDraft({"url": url}))
    assert list(refused.value.fields) == ["config.url"]


@pytest.mark.parametrize("host", ["localhost", "localhost."])
async def test_a_private_address_behind_a_name_is_refused_when_it_is_dialled(host: str) -> None:
    async with opened("grpc", {"url": f"grpc://{host}:50051"}) as upstream:
        with pytest.raises(UpstreamFailed, match=r"not at a public address|does not resolve"):
            await upstream.probe()


def with_metadata(metadata: dict[str, str], secrets: dict[str, str] | None = None) -> UpstreamDraft:
    return UpstreamDraft({"url": "grpcs://a.example", "metadata": metadata}, secrets or {})


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (
            with_metadata({"grpc-timeout": "1S"}),
            "config.metadata.grpc-timeout",
        ),
        (with_metadata({":path": "/x"}), "config.metadata.:path"),
        (with_metadata({"x": "a\r\nb"}), "config.metadata.x"),
        (
            with_metadata({"authorization": "x"}),
            "config.metadata.authorization",
        ),
        (with_metadata({"x": "y"}, {"X": "z"}), "config.metadata.x"),
        (UpstreamDraft({"url": "grpcs://a.example"}, {"x-bin": "y"}), "secrets.x-bin"),
        (UpstreamDraft({"url": "grpcs://a.example", "services": ["a b"]}), "config.services[0]"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(draft: UpstreamDraft, field: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        UPSTREAM_SOURCES["grpc"].check(draft)
    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize("change", [{"descriptors": "%"}, {"input": "a.Absent"}, {"path": "/../x"}, {"more": 1}])
async def test_an_operation_that_was_tampered_with_is_refused(change: dict[str, Any]) -> None:
    operation = {"path": "/a.S/M", "input": "a.M", "output": "a.M", "descriptors": ""} | change
    async with opened("grpc", {"url": "grpcs://a.example"}) as upstream:
        with pytest.raises(InvalidConfig):
            upstream.tool(operation)


@pytest.mark.system
def test_a_process_that_serves_no_such_upstream_imports_none_of_it() -> None:
    told = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
