"""Descriptors of services: put together in pools of their own, and cut down to what one method needs."""

import base64
import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, FileDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError

# Files that everybody has, so that descriptor sets may leave them out.
WELL_KNOWN = "google/protobuf/"
FILES = 2_000
TYPES = 20_000
SET_BYTES = 8 * 1024 * 1024


class InvalidDescriptors(Exception):
    """The descriptors cannot be used; the message says why."""


def read_set(data: bytes) -> list[FileDescriptorProto]:
    """The files of a serialised FileDescriptorSet. Raises InvalidDescriptors."""
    if len(data) > SET_BYTES:
        raise InvalidDescriptors(f"The descriptor set is larger than {SET_BYTES // 1024 // 1024} MiB.")
    try:
        files = list(FileDescriptorSet.FromString(data).file)
    except (DecodeError, UnicodeDecodeError):
        raise InvalidDescriptors("This is no FileDescriptorSet.") from None
    if not files:
        raise InvalidDescriptors("The descriptor set is empty.")
    return files


def pool_of(files: Iterable[FileDescriptorProto]) -> DescriptorPool:
    """A pool with these files, in whatever order they come. Raises InvalidDescriptors."""
    known = {file.name: file for file in files}
    if len(known) > FILES or sum(map(_types, known.values())) > TYPES:
        raise InvalidDescriptors(f"There are more than {FILES} files or {TYPES} types.")
    pool = DescriptorPool()
    for file in _in_order(known):
        try:
            pool.AddSerializedFile(file.SerializeToString())
        except (TypeError, ValueError):
            raise InvalidDescriptors(
                f"The file {file.name[:200]!a} is not valid, or holds what another does."
            ) from None
    return pool


def _types(file: FileDescriptorProto) -> int:
    stack, count = list(file.message_type), len(file.enum_type)
    while stack:
        message = stack.pop()
        count += 1 + len(message.enum_type)
        stack.extend(message.nested_type)
    return count


def _in_order(known: dict[str, FileDescriptorProto]) -> Iterator[FileDescriptorProto]:
    """Each file after those that it imports. Raises InvalidDescriptors."""
    done: set[str] = set()
    stack = [(name, False) for name in known]
    opened: set[str] = set()
    while stack:
        name, is_ready = stack.pop()
        if is_ready:
            done.add(name)
            yield _file(known, name)
        elif name not in done:
            if name in opened:
                raise InvalidDescriptors(f"The file {name[:200]!a} imports itself.")
            opened.add(name)
            stack.append((name, True))
            stack.extend((other, False) for other in _file(known, name).dependency if other not in done)


def _file(known: dict[str, FileDescriptorProto], name: str) -> FileDescriptorProto:
    if name in known:
        return known[name]
    if name.startswith(WELL_KNOWN):
        file = FileDescriptorProto()
        try:
            descriptor_pool.Default().FindFileByName(name).CopyToProto(file)
        except KeyError:
            pass
        else:
            return file
    raise InvalidDescriptors(f"The file {name[:200]!a} is imported and not there.")


def services_of(pool: DescriptorPool, files: Iterable[FileDescriptorProto]) -> list[ServiceDescriptor]:
    """Every service of these files."""
    return [service for file in files for service in _of_file(pool.FindFileByName(file.name))]


def _of_file(file: FileDescriptor) -> list[ServiceDescriptor]:
    return list(file.services_by_name.values())


@dataclass(slots=True)
class _Closure:
    """Every message and enumeration that values of some messages consist of."""

    names: set[str]

    def add(self, first: Descriptor) -> None:
        stack: list[Descriptor] = [first]
        while stack:
            message = stack.pop()
            if message.full_name in self.names:
                continue
            self.names.add(message.full_name)
            for field in message.fields:
                if field.message_type is not None:
                    stack.append(field.message_type)
                elif field.enum_type is not None:
                    self.names.add(field.enum_type.full_name)


def cut_down(messages: Iterable[Descriptor]) -> bytes:
    """The smallest FileDescriptorSet, serialised, in which these messages can be made."""
    closure = _Closure(set())
    files: dict[str, FileDescriptor] = {}
    for message in messages:
        closure.add(message)
    pending = [message.file for message in messages]
    while pending:
        file = pending.pop()
        if file.name not in files:
            files[file.name] = file
            pending.extend(file.dependencies)
    kept = {name: proto for name, file in files.items() if (proto := _kept(file, closure.names)) is not None}
    for name, proto in kept.items():
        reachable = _reachable(files[name])
        del proto.dependency[:]
        proto.dependency.extend(other for other in sorted(reachable) if other in kept and other != name)
    return FileDescriptorSet(file=list(kept.values())).SerializeToString(deterministic=True)


def _reachable(file: FileDescriptor) -> set[str]:
    """The files that this one sees: those that it imports, and what they import for others to see."""
    seen: set[str] = set()
    pending = list(file.dependencies)
    while pending:
        other = pending.pop()
        if other.name not in seen:
            seen.add(other.name)
            pending.extend(other.public_dependencies)
    return seen


def _kept(file: FileDescriptor, names: set[str]) -> FileDescriptorProto | None:
    """The file without what nothing refers to; None if that is all of it."""
    proto = FileDescriptorProto()
    file.CopyToProto(proto)
    for part in ("service", "extension", "source_code_info", "public_dependency", "weak_dependency"):
        proto.ClearField(part)
    prefix = f"{file.package}." if file.package else ""
    _keep(proto.message_type, [_is_needed(entry, prefix, names) for entry in proto.message_type])
    _keep(proto.enum_type, [f"{prefix}{entry.name}" in names for entry in proto.enum_type])
    for message in proto.message_type:
        message.ClearField("extension")
    return proto if proto.message_type or proto.enum_type else None


def _keep(entries: Any, are_needed: list[bool]) -> None:
    for number in reversed(range(len(are_needed))):
        if not are_needed[number]:
            del entries[number]


def _is_needed(message: DescriptorProto, prefix: str, names: set[str]) -> bool:
    """Whether the message, or anything within it, is among `names`."""
    stack = [(message, prefix)]
    while stack:
        inner, before = stack.pop()
        name = before + inner.name
        if name in names or any(f"{name}.{entry.name}" in names for entry in inner.enum_type):
            return True
        stack.extend((nested, f"{name}.") for nested in inner.nested_type)
    return False


def packed(descriptor_set: bytes) -> str:
    """A descriptor set as an operation stores it."""
    return base64.b64encode(descriptor_set).decode()


def unpacked(text: str) -> DescriptorPool:
    """The pool of a stored descriptor set. Raises InvalidDescriptors."""
    try:
        return pool_of(read_set(base64.b64decode(text, validate=True)))
    except (binascii.Error, ValueError):
        raise InvalidDescriptors("The stored descriptors cannot be read.") from None
