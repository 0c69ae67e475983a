"""A service asked what it is: server reflection, v1 or v1alpha, which differ in their name alone."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection_pb2

from mcp_runtime.sources.grpc.calling import Caller, StatusFailed
from mcp_runtime.sources.grpc.config import SERVICES
from mcp_runtime.sources.grpc.descriptors import FILES, SET_BYTES, WELL_KNOWN
from mcp_runtime.sources.upstream import Health, UpstreamFailed

VERSIONS = ("v1", "v1alpha")
SECONDS = 20.0
OWN = ("grpc.reflection.", "grpc.health.", "grpc.channelz.")


@dataclass(slots=True)
class Reflected:
    """What a service told: its services' names, and files that hold them and what they import."""

    version: str
    services: list[str]
    files: dict[str, FileDescriptorProto] = field(default_factory=dict)


async def reflect(caller: Caller, wanted: Iterable[str], seconds: float = SECONDS) -> Reflected:
    """Asks for the services, all of them or those `wanted`, and their descriptors. Raises UpstreamFailed."""
    for version in VERSIONS:
        try:
            return await _reflected(caller, version, list(wanted), seconds)
        except StatusFailed as failed:
            if failed.code is grpc.StatusCode.UNIMPLEMENTED:
                continue
            health = Health.DENIED if failed.code is grpc.StatusCode.PERMISSION_DENIED else Health.DOWN
            raise UpstreamFailed(f"The service did not describe itself. {failed}", health) from None
    raise UpstreamFailed("The service does not describe itself (no reflection): upload its descriptor set.")


async def list_services(caller: Caller, seconds: float) -> list[str]:
    """The names of its services. Raises UpstreamFailed, and StatusFailed where it has no reflection."""
    async with asyncio.timeout(seconds):
        return await _Dialogue(caller, VERSIONS[0], seconds).services()


async def _reflected(caller: Caller, version: str, wanted: list[str], seconds: float) -> Reflected:
    dialogue = _Dialogue(caller, version, seconds)
    try:
        async with asyncio.timeout(seconds):
            names = await dialogue.services()
            chosen = [name for name in names if not name.startswith(OWN) and (not wanted or name in wanted)]
            reflected = Reflected(version, chosen)
            for name in chosen[:SERVICES]:
                await dialogue.gather(reflected.files, name)
            return reflected
    except TimeoutError:
        raise UpstreamFailed(f"The service did not describe itself within {seconds:g} s.") from None


class _Dialogue:
    """The questions and answers of one reflection.

    Each question is a stream of its own: writing on into one that the service has refused meanwhile, grpcio may tell
    an error of its own instead of the service's status.
    """

    def __init__(self, caller: Caller, version: str, seconds: float) -> None:
        self._caller = caller
        self._path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
        self._seconds = seconds
        self._room = SET_BYTES

    async def services(self) -> list[str]:
        """The services' names."""
        answer = await self._ask(reflection_pb2.ServerReflectionRequest(list_services="*"))
        return [service.name for service in answer.list_services_response.service][: SERVICES * 2]

    async def gather(self, files: dict[str, FileDescriptorProto], service: str) -> None:
        """Adds the file of a service to `files`, and those that are imported. Raises UpstreamFailed."""
        request = reflection_pb2.ServerReflectionRequest(file_containing_symbol=service)
        pending = await self._files(files, request)
        while pending:
            name = pending.pop()
            if name not in files and not name.startswith(WELL_KNOWN):
                request = reflection_pb2.ServerReflectionRequest(file_by_filename=name)
                pending += await self._files(files, request)
                files.setdefault(name, FileDescriptorProto(name=name))

    async def _files(self, files: dict[str, FileDescriptorProto], request: Any) -> list[str]:
        """What the files of the answer import and nobody told yet."""
        answer = await self._ask(request)
        missing: list[str] = []
        for data in answer.file_descriptor_response.file_descriptor_proto:
            try:
                file = FileDescriptorProto.FromString(data)
            except DecodeError:
                raise _garbage() from None
            if file.name not in files:
                files[file.name] = file
                missing += file.dependency
        if len(files) > FILES:
            raise UpstreamFailed(f"The service describes more than {FILES} files.")
        return [name for name in missing if name not in files]

    async def _ask(self, request: Any) -> Any:
        answers, is_cut = await self._caller.streamed(
            self._path, request.SerializeToString(), self._seconds, max(0, self._room)
        )
        if is_cut:
            raise UpstreamFailed(f"The service describes itself in more than {SET_BYTES // 1024 // 1024} MiB.")
        if len(answers) != 1:
            raise _garbage()
        self._room -= len(answers[0])
        try:
            return reflection_pb2.ServerReflectionResponse.FromString(answers[0])
        except DecodeError:
            raise _garbage() from None


def _garbage() -> UpstreamFailed:
    return UpstreamFailed("The service describes itself in a way that cannot be read.")
