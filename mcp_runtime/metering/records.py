"""The form of a journal: records one after another, each with its length, its number and a checksum of both.

What was torn by a crash or damaged since is skipped up to the next record that is whole. The numbers of the records
tell how many are missing.
"""

import struct
from typing import NamedTuple
from zlib import crc32

_HEADER = struct.Struct("<4sIIQ")
_pack = _HEADER.pack
_MARK = b"\xabJr1"
HEADER_BYTES = _HEADER.size
MAXIMUM_PAYLOAD = 16 * 1024

type Record = tuple[int, bytes]


def record(number: int, payload: bytes) -> bytes:
    """One record."""
    # The checksum is written out here and not called: this is on each call's way.
    checksum = crc32(payload, (number ^ (number >> 32)) & 0xFFFFFFFF)
    return _pack(_MARK, len(payload), checksum, number) + payload


class Parsed(NamedTuple):
    """The whole records, how many bytes are done with, and in how many places there was damage instead of a record."""

    records: list[Record]
    done: int
    damaged: int


def parse(data: bytes, *, is_end: bool) -> Parsed:
    """Reads records from the beginning of `data`.

    What is not done with is the beginning of a record that goes on; `is_end` says that nothing does: it is damage.
    """
    records: list[Record] = []
    at, damaged, is_whole = 0, 0, True
    while at + HEADER_BYTES <= len(data):
        found = _read(data, at)
        if found is not None:
            records.append(found)
            at += HEADER_BYTES + len(found[1])
        elif not is_end and _goes_on(data, at):
            return Parsed(records, at, damaged)
        else:
            damaged += is_whole
            at = _next(data, at + 1)
        is_whole = found is not None
    if not is_end:
        return Parsed(records, at, damaged)
    return Parsed(records, len(data), damaged + (is_whole and at < len(data)))


def _read(data: bytes, at: int) -> Record | None:
    mark, size, checksum, number = _HEADER.unpack_from(data, at)
    payload = data[at + HEADER_BYTES : at + HEADER_BYTES + size]
    is_whole = mark == _MARK and len(payload) == size and _checksum(number, payload) == checksum
    return (number, payload) if is_whole else None


def _checksum(number: int, payload: bytes) -> int:
    """A CRC-32 of the payload that starts from the number, so that it covers both."""
    return crc32(payload, (number ^ (number >> 32)) & 0xFFFFFFFF)


def _goes_on(data: bytes, at: int) -> bool:
    mark, size, _, _ = _HEADER.unpack_from(data, at)
    return bool(mark == _MARK and size <= MAXIMUM_PAYLOAD and at + HEADER_BYTES + size > len(data))


def _next(data: bytes, start: int) -> int:
    """Where the next record may begin: at a mark, or in the last bytes, which may be a part of one."""
    found = data.find(_MARK, start)
    return found if found >= 0 else max(start, len(data) - len(_MARK) + 1)
