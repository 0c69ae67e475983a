"""A gRPC service of somebody else's: a real grpcio server, compiled from its .proto, with reflection and health."""

import asyncio
import importlib.resources
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2
from grpc_health.v1.health import aio as health_of_services
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection, reflection_pb2
from grpc_tools import protoc

from tests.core.outbound.upstreams import LOOPBACK

PROTO = Path(__file__).with_name("shop.proto")
SERVICE = "shop.v1.Shop"


@cache
def descriptor_set() -> bytes:
    """What protoc makes of the .proto, with all that it imports and with its comments."""
    bundled = importlib.resources.files("grpc_tools") / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        options = ["--include_imports", "--include_source_info", f"--descriptor_set_out={out}"]
        code = protoc.main(  # type: ignore[no-untyped-call]  # has no types
            ["protoc", f"-I{PROTO.parent}", f"-I{bundled}", *options, PROTO.name]
        )
        assert code == 0
        return out.read_bytes()


@cache
def pool() -> DescriptorPool:
    """The pool of the service's messages."""
    made = DescriptorPool()
    for file in FileDescriptorSet.FromString(descriptor_set()).file:
        made.AddSerializedFile(file.SerializeToString())
    return made


def message(name: str) -> type[Message]:
    """A class of messages."""
    return GetMessageClass(pool().FindMessageTypeByName(name))


@dataclass
class Shop:
    """What it was called with; `token` is the bearer token it wants, `reflects` and `tells_health` what it has."""

    token: str = ""
    reflects: str = "v1alpha"
    tells_health: bool = True
    address: str = ""
    metadata: list[dict[str, Any]] = field(default_factory=list)
    health: health_of_services.HealthServicer = field(default_factory=health_of_services.HealthServicer)

    def handler(self) -> grpc.GenericRpcHandler:
        """The handlers of all methods."""
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        for method in pool().FindServiceByName(SERVICE).methods:
            kinds = {
                "request_deserializer": message(method.input_type.full_name).FromString,
                "response_serializer": lambda answer: answer.SerializeToString(),
            }
            behaviour = getattr(self, method.name.lower())
            shape = grpc.unary_stream_rpc_method_handler if method.server_streaming else _UNARY
            handlers[method.name] = shape(behaviour, **kinds)
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    async def _enter(self, context: Any) -> None:
        metadata = dict(context.invocation_metadata())
        self.metadata.append(metadata)
        if self.token and metadata.get("authorization") != f"Bearer {self.token}":
            context.set_trailing_metadata((("www-authenticate", 'Bearer error="invalid_token"'),))
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you")

    async def echo(self, request: Any, context: Any) -> Any:
        """Answers its request."""
        await self._enter(context)
        return request

    async def fail(self, request: Any, context: Any) -> Any:
        """Ends with the status that it is told."""
        await self._enter(context)
        code = next(code for code in grpc.StatusCode if code.value[0] == request.code)
        await context.abort(code, request.details)

    async def tell(self, request: Any, context: Any) -> Any:
        """Streams messages of a size."""
        for number in range(request.messages):
            yield message("shop.v1.Everything")(small=number, text="x" * request.bytes)

    async def large(self, request: Any, context: Any) -> Any:
        """Answers a message of a size."""
        return message("shop.v1.Everything")(text="x" * request.bytes)

    async def hang(self, request: Any, context: Any) -> Any:
        """Answers never."""
        await asyncio.Event().wait()

    async def who(self, request: Any, context: Any) -> Any:
        """Answers nothing in particular."""
        return message("google.protobuf.Struct")()

    async def calls(self, request: Any, context: Any) -> Any:
        """Answers what is no message of the kind."""
        return _Garbage()

    collect = talk = parse = echo


class _Garbage:
    def SerializeToString(self) -> bytes:  # noqa: N802  # as messages have it
        """Bytes of no message."""
        return b"\x08\xff"


_UNARY = grpc.unary_unary_rpc_method_handler


class ReflectionV1:
    """The same reflection under its newer name."""

    def __init__(self, servicer: reflection.ReflectionServicer) -> None:
        self._servicer = servicer

    def handler(self) -> grpc.GenericRpcHandler:
        """Its one method."""
        inner = grpc.stream_stream_rpc_method_handler(
            self._servicer.ServerReflectionInfo,
            request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
            response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(
            "grpc.reflection.v1.ServerReflection", {"ServerReflectionInfo": inner}
        )


def _contents(path: Path) -> bytes:
    return path.read_bytes()


@asynccontextmanager
async def serving(shop: Shop, identity: Path | None = None) -> AsyncIterator[int]:
    """The service on a free port of loopback, over TLS where there is an identity."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((shop.handler(),))
    if shop.tells_health:
        add_HealthServicer_to_server(shop.health, server)
        await shop.health.set("", health_pb2.HealthCheckResponse.SERVING)
    names = [SERVICE, reflection.SERVICE_NAME]
    if shop.reflects == "v1alpha":
        reflection.enable_server_reflection(names, server, pool())
    elif shop.reflects == "v1":
        server.add_generic_rpc_handlers((ReflectionV1(reflection.ReflectionServicer(names, pool())).handler(),))
    if identity is None:
        port = server.add_insecure_port(f"{LOOPBACK}:0")
    else:
        pem = _contents(identity)
        port = server.add_secure_port(f"{LOOPBACK}:0", grpc.ssl_server_credentials([(pem, pem)]))
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)
