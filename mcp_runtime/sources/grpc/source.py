"""The kind of upstream `grpc`: a service, of which each method that answers a single request is a tool."""

import asyncio
from dataclasses import dataclass
from typing import Any

import grpc
import msgspec
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from core.outbound import policy_from_environment, require_host_allowed_early
from core.refusals import Refused
from mcp_runtime.sources.configuration import converted
from mcp_runtime.sources.contract import CallContext, InvalidConfig, ToolHandler, ToolResult, text_result
from mcp_runtime.sources.grpc.calling import Caller, StatusFailed, seconds_left
from mcp_runtime.sources.grpc.config import GrpcConfig, read_config, target_of, wrong_metadata
from mcp_runtime.sources.grpc.descriptors import InvalidDescriptors, pool_of, read_set, services_of
from mcp_runtime.sources.grpc.reflection import OWN, list_services, reflect
from mcp_runtime.sources.grpc.tools import Coder, Operation, RefusedMethod, comments, names_of, tool_of
from mcp_runtime.sources.upstream import (
    Discovery,
    Health,
    Line,
    OpenUpstream,
    RefusedOperation,
    Report,
    ToolsAlone,
    UpstreamDraft,
    UpstreamFailed,
)

METHODS = 5_000
PROBE_SECONDS = 5.0
HEALTH = "/grpc.health.v1.Health/Check"
CREDENTIALS = frozenset({"authorization", "cookie"})
# Services that have no health checking say so in one of these ways.
NO_HEALTH = frozenset({grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.NOT_FOUND})


class GrpcSource:
    """Services that speak gRPC."""

    kind = "grpc"
    title = "gRPC service"

    def check(self, draft: UpstreamDraft) -> UpstreamDraft:
        """The draft, complete. Raises InvalidConfig for what can be told wrong without the service."""
        config = read_config(draft.config)
        target = target_of(config.url)
        wrong = _wrong_metadata(config, draft)
        try:
            require_host_allowed_early(policy_from_environment(), target.host, target.port)
        except Refused as refused:
            wrong["config.url"] = str(refused)
        if draft.material:
            try:
                pool_of(read_set(draft.material))
            except InvalidDescriptors as error:
                wrong["material"] = str(error)
        if wrong:
            raise InvalidConfig(wrong)
        return draft

    def destination(self, config: dict[str, Any]) -> str:
        """The service's scheme, host and port."""
        target = target_of(read_config(config).url)
        return f"{'grpcs' if target.is_encrypted else 'grpc'}://{target.authority}"

    def open(self, config: dict[str, Any], line: Line) -> OpenUpstream:
        """The service. Raises InvalidConfig."""
        return OpenService(read_config(config), line)


@dataclass(frozen=True, slots=True)
class _Told:
    """The files that describe a service, and how they were got."""

    files: list[FileDescriptorProto]
    how: str


class OpenService(ToolsAlone):
    """A service in use."""

    def __init__(self, config: GrpcConfig, line: Line) -> None:
        self._config = config
        self._material = line.material
        self._caller = Caller(config, line)

    async def discover(self, report: Report) -> Discovery:
        """Every method of the services that were chosen. Raises UpstreamFailed."""
        await report(0, 0, "reading the descriptors")
        told = await self._told()
        try:
            return await asyncio.to_thread(_discovered, told, self._config.services)
        except InvalidDescriptors as error:
            raise UpstreamFailed(str(error)) from None

    async def _told(self) -> _Told:
        material = await self._material()
        if material:
            try:
                return _Told(read_set(material), "uploaded descriptors")
            except InvalidDescriptors as error:
                raise UpstreamFailed(str(error)) from None
        reflected = await reflect(self._caller, self._config.services)
        return _Told(list(reflected.files.values()), f"reflection {reflected.version}")

    async def probe(self) -> None:
        """Asks for its health, or what it offers where it tells no health. Raises UpstreamFailed."""
        try:
            await self._healthy()
        except StatusFailed as failed:
            if failed.code not in NO_HEALTH:
                raise _unwell(failed) from None
            await self._answering()

    async def _healthy(self) -> None:
        data = await self._caller.unary(HEALTH, b"", PROBE_SECONDS)
        try:
            status = health_pb2.HealthCheckResponse.FromString(data).status
        except DecodeError:
            raise UpstreamFailed("The service answers what is no gRPC health.") from None
        if status != health_pb2.HealthCheckResponse.SERVING:
            raise UpstreamFailed("The service says of itself that it is not serving.")

    async def _answering(self) -> None:
        try:
            await list_services(self._caller, PROBE_SECONDS)
        except TimeoutError:
            raise UpstreamFailed("The service did not answer in time.") from None
        except StatusFailed as failed:
            # It is there and speaks gRPC: more cannot be asked of one that offers neither.
            if failed.code is not grpc.StatusCode.UNIMPLEMENTED:
                raise _unwell(failed) from None

    def tool(self, operation: dict[str, Any]) -> ToolHandler:
        """How a method is called. Raises InvalidConfig."""
        return _Method(converted(operation, Operation), self._config, self._caller)

    async def close(self) -> None:
        """Ends its channel."""
        await self._caller.way.close()


class _Method:
    """Answers the calls of one method."""

    def __init__(self, operation: Operation, config: GrpcConfig, caller: Caller) -> None:
        self._operation = operation
        self._config = config
        self._caller = caller
        self._coder = Coder(operation)

    async def __call__(self, context: CallContext, arguments: dict[str, Any]) -> ToolResult:
        """The answer, or what the service's status says."""
        seconds = seconds_left(self._config.timeout, context.deadline)
        if seconds <= 0:
            return text_result("No time is left to call the service.", is_error=True)
        try:
            request = self._coder.request(arguments)
            answer = await self._answer(request, seconds, context.principal)
        except (ValueError, StatusFailed) as error:
            return text_result(str(error), is_error=True)
        text = msgspec.json.encode(answer)
        if len(text) > self._config.size_limit:
            return text_result(f"The answer is larger than {self._config.size_limit} bytes.", is_error=True)
        return ToolResult([{"type": "text", "text": text.decode()}], structured=answer, has_structured=True)

    async def _answer(self, request: bytes, seconds: float, principal: str) -> Any:
        path = self._operation.path
        if not self._operation.is_streamed:
            return self._coder.answer(await self._caller.unary(path, request, seconds, principal))
        # JSON is longer than what it is made of, mostly: half leaves room for it.
        most = self._config.size_limit // 2
        answers, truncated = await self._caller.streamed(path, request, seconds, most, principal)
        return {"messages": [self._coder.answer(data) for data in answers], "truncated": truncated}


def _discovered(told: _Told, wanted: list[str]) -> Discovery:
    pool = pool_of(told.files)
    described = {file.name: comments(file) for file in told.files}
    services = [service for service in services_of(pool, told.files) if _is_chosen(service.full_name, wanted)]
    found = Discovery(speaks=f"gRPC ({told.how}, {len(services)} services)")
    names = names_of(services)
    for service in services:
        _add_methods(found, service, names[service.full_name], described[service.file.name])
    missing = set(wanted) - {service.full_name for service in services}
    found.refused += [RefusedOperation(name, "The service does not describe it.") for name in sorted(missing)]
    return found


def _is_chosen(name: str, wanted: list[str]) -> bool:
    return name in wanted if wanted else not name.startswith(OWN)


def _add_methods(found: Discovery, service: ServiceDescriptor, called: str, described: dict[str, str]) -> None:
    for method in service.methods:
        name = f"{called}.{method.name}"
        if len(found.tools) >= METHODS:
            found.refused.append(RefusedOperation(name, f"More than {METHODS} methods are not taken."))
            continue
        try:
            found.tools.append(tool_of(method, name, described.get(f"{service.name}.{method.name}", "")))
        except RefusedMethod as error:
            found.refused.append(RefusedOperation(name, str(error)))


def _unwell(failed: StatusFailed) -> UpstreamFailed:
    if failed.code is grpc.StatusCode.PERMISSION_DENIED:
        return UpstreamFailed("The service refuses to answer us.", Health.DENIED)
    if failed.code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return UpstreamFailed("The service has had too many requests.", Health.DEGRADED)
    return UpstreamFailed(f"The service does not answer as it should: {failed.code.name}.")


def _wrong_metadata(config: GrpcConfig, draft: UpstreamDraft) -> dict[str, str]:
    wrong = wrong_metadata("config.metadata", config.metadata) | wrong_metadata("secrets", draft.secrets)
    secret = {key.lower() for key, value in draft.secrets.items() if value}
    for key in config.metadata:
        if key.lower() in CREDENTIALS:
            wrong[f"config.metadata.{key}"] = "Store a credential as a secret: there it is encrypted and never shown."
        elif key.lower() in secret:
            wrong[f"config.metadata.{key}"] = "This key is a secret one too."
    return wrong
