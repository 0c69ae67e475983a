"""A method becomes a tool: its request is the arguments, its answer the result."""

from typing import Annotated, Any

import msgspec
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, MethodOptions
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from mcp_runtime import schemas
from mcp_runtime.schemas import InvalidSchema
from mcp_runtime.sources.contract import InvalidConfig, ToolDraft
from mcp_runtime.sources.grpc.descriptors import InvalidDescriptors, cut_down, packed, unpacked
from mcp_runtime.sources.grpc.messages import SPECIAL, Schemas, TooManyTypes

DESCRIPTORS_BYTES = 96 * 1024
DESCRIPTION_CHARACTERS = 4_096
DEPTH = 64
# Where comments stand (descriptor.proto, SourceCodeInfo.Location.path): a file's service, a service's method.
SERVICE_FIELD, METHOD_FIELD = 6, 2


class RefusedMethod(Exception):
    """The method cannot become a tool; the message says why."""


class Operation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A method as it is stored: all that calling it needs."""

    path: Annotated[str, msgspec.Meta(pattern=r"^/[A-Za-z0-9_.]{1,512}/[A-Za-z0-9_]{1,256}$")]
    input: str
    output: str
    descriptors: Annotated[str, msgspec.Meta(max_length=DESCRIPTORS_BYTES * 2)]
    is_streamed: bool = False


def tool_of(method: MethodDescriptor, name: str, description: str) -> ToolDraft:
    """The tool. Raises RefusedMethod."""
    if method.client_streaming:
        raise RefusedMethod("It takes a stream of messages, and a tool is called with one.")
    for message in (method.input_type, method.output_type):
        if message.full_name in SPECIAL and message.full_name != "google.protobuf.Empty":
            raise RefusedMethod(f"{message.full_name} is no object in JSON.")
    level = method.GetOptions().idempotency_level
    reads = level == MethodOptions.NO_SIDE_EFFECTS
    return ToolDraft(
        name=name,
        description=description[:DESCRIPTION_CHARACTERS],
        input_schema=_input_schema(method.input_type),
        output_schema=_output_schema(method),
        annotations={"readOnlyHint": reads, "idempotentHint": reads or level == MethodOptions.IDEMPOTENT},
        config=msgspec.to_builtins(_operation(method)),
    )


def _operation(method: MethodDescriptor) -> Operation:
    descriptors = cut_down([method.input_type, method.output_type])
    if len(descriptors) > DESCRIPTORS_BYTES:
        raise RefusedMethod(f"Its messages take more than {DESCRIPTORS_BYTES // 1024} KiB to describe.")
    return Operation(
        path=f"/{method.containing_service.full_name}/{method.name}",
        input=method.input_type.full_name,
        output=method.output_type.full_name,
        descriptors=packed(descriptors),
        is_streamed=method.server_streaming,
    )


def _input_schema(message: Descriptor) -> dict[str, Any]:
    try:
        schema = Schemas(is_strict=True).whole(message)
        schemas.require_object_schema(schema)
    except (TooManyTypes, InvalidSchema):
        raise RefusedMethod("Its request is too large to describe.") from None
    return schema


def _output_schema(method: MethodDescriptor) -> dict[str, Any] | None:
    """The schema of the result, if it is one of a size that is taken: a tool does without it otherwise."""
    try:
        schema = Schemas(is_strict=False).whole(method.output_type)
        if method.server_streaming:
            schema = _of_stream(schema)
        schemas.require_object_schema(schema)
    except (TooManyTypes, InvalidSchema):
        return None
    return schema


def _of_stream(schema: dict[str, Any]) -> dict[str, Any]:
    definitions = schema.pop("$defs", None)
    truncated = {"type": "boolean", "description": "Whether there are more messages than are told here."}
    whole: dict[str, Any] = {
        "type": "object",
        "properties": {"messages": {"type": "array", "items": schema}, "truncated": truncated},
        "required": ["messages", "truncated"],
    }
    return whole | ({"$defs": definitions} if definitions else {})


class Coder:
    """Writes an operation's requests and reads its answers, by the JSON mapping."""

    def __init__(self, operation: Operation) -> None:
        try:
            self._pool: DescriptorPool = unpacked(operation.descriptors)
            self._input = GetMessageClass(self._pool.FindMessageTypeByName(operation.input))
            self._output = GetMessageClass(self._pool.FindMessageTypeByName(operation.output))
        except (InvalidDescriptors, KeyError):
            raise InvalidConfig({"config.descriptors": "The method's descriptors cannot be read."}) from None

    def request(self, arguments: dict[str, Any]) -> bytes:
        """The request's bytes. Raises ValueError, in a sentence, for what the message cannot hold."""
        try:
            message: Message = self._input()
            json_format.ParseDict(arguments, message, descriptor_pool=self._pool, max_recursion_depth=DEPTH)
            return message.SerializeToString()
        except (json_format.Error, ValueError, TypeError, RecursionError) as error:
            raise ValueError(f"The arguments do not fit the request: {_line(error)}") from None

    def answer(self, data: bytes) -> Any:
        """The answer as JSON. Raises ValueError for what is no message of its type."""
        try:
            message: Message = self._output.FromString(data)
            return json_format.MessageToDict(
                message, always_print_fields_with_no_presence=True, descriptor_pool=self._pool
            )
        except (DecodeError, json_format.Error, ValueError, TypeError, KeyError, RecursionError):
            raise ValueError("The service answered what is no message of the method's type.") from None


def _line(error: Exception) -> str:
    return "".join(character if character.isprintable() else " " for character in str(error))[:300]


def comments(file: FileDescriptorProto) -> dict[str, str]:
    """What is written above each method of a file's services, by "Service.Method", where the source came along."""
    found: dict[str, str] = {}
    for location in file.source_code_info.location:
        path = list(location.path)
        if len(path) == 4 and (path[0], path[2]) == (SERVICE_FIELD, METHOD_FIELD):
            name = _named(file, path[1], path[3])
            if name and location.leading_comments.strip():
                found[name] = location.leading_comments.strip()
    return found


def _named(file: FileDescriptorProto, service: int, method: int) -> str:
    if not 0 <= service < len(file.service) or not 0 <= method < len(file.service[service].method):
        return ""
    return f"{file.service[service].name}.{file.service[service].method[method].name}"


def names_of(services: list[ServiceDescriptor]) -> dict[str, str]:
    """What each service is called in the names of its tools: its own name, or the full one where two share that."""
    short = [service.name for service in services]
    return {
        service.full_name: service.name if short.count(service.name) == 1 else service.full_name for service in services
    }
