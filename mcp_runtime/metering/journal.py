"""A worker's journal: an append-only file for each run of a worker, in a folder that all workers of a machine share.

A call is written before its answer leaves: what the kernel has taken survives the worker's death (not the machine's:
nothing waits for the disk). Calls whose answers leave together are written together: a write between two calls costs
the second one more than itself. A full disk never stops or fails a call: it is served, not journalled, counted, told.
"""

import fcntl
import logging
import os
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from core import environment
from mcp_runtime.metering.records import Record, record

logger = logging.getLogger(__name__)

SEGMENT_BYTES = 16 * 1024 * 1024
# What may wait for the database: about 2 million calls, ten minutes of what one worker can do.
LIMIT_BYTES = 512 * 1024 * 1024
RETRY_SECONDS = 1.0
# About 8 MB of them: more wait only while the database is away.
MAXIMUM_FRESH = 32_768
SUFFIX, LOCK_SUFFIX = ".journal", ".lock"


@dataclass(slots=True)
class Segment:
    """One file: `size` bytes were written, `read` of them are shipped.

    `fresh` are the records of the rest, so that they need not be read again; None where they are too many to keep.
    """

    path: Path
    descriptor: int
    size: int = 0
    read: int = 0
    fresh: list[Record] | None = field(default_factory=list)

    def keep(self, records: list[Record]) -> None:
        """Remembers what was just written, if not too much waits already."""
        if self.fresh is not None:
            if len(self.fresh) < MAXIMUM_FRESH:
                self.fresh += records
            else:
                self.fresh = None


class Journal:
    """What one run of a worker writes. `lost` counts the calls that could not be journalled.

    Whoever holds the answers of several calls has them written `together`, by `flush`.
    """

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder
        self.boot = secrets.randbits(63)
        self.number = 0
        self.lost = 0
        self._gathering = False
        self.segments: deque[Segment] = deque()
        self._limits = (segment_bytes, limit_bytes)
        self._count = 0
        self._closed_bytes = 0
        self._lock: int | None = None
        self._current: Segment | None = None
        self._blocked_until = 0.0
        self._told = 0
        self._gathered: list[bytes] = []

    def append(self, payload: bytes) -> None:
        """Writes one call down; never waits and never raises."""
        self._gathered.append(payload)
        if not self._gathering:
            self.flush()

    def together[T](self, make: Callable[[], T]) -> T:
        """What `make` returns, while calls are gathered: for whoever holds the answers until `flush`."""
        self._gathering = True
        try:
            return make()
        finally:
            self._gathering = False

    def flush(self) -> None:
        """Writes down what was gathered; never waits and never raises."""
        payloads, self._gathered = self._gathered, []
        if not payloads:
            return
        segment = self._current
        if segment is None or segment.size >= self._limits[0]:
            segment = self._turn()
            if segment is None:
                self.lost += len(payloads)
                return
        records = list(enumerate(payloads, self.number + 1))
        data = b"".join([record(number, payload) for number, payload in records])
        try:
            written = os.write(segment.descriptor, data)
            if written != len(data):
                os.ftruncate(segment.descriptor, segment.size)
                raise OSError("the disk is full")
        except OSError as error:
            self._block(error)
            self.lost += len(payloads)
            return
        self.number += len(payloads)
        segment.size += written
        segment.keep(records)

    def complain(self) -> None:
        """Says, if there is anything new to say, how many calls were not journalled."""
        if self.lost != self._told:
            logger.critical("%d calls were served and not journalled: nobody will be billed for them", self.lost)
            self._told = self.lost

    def drop(self, segment: Segment) -> None:
        """Deletes a segment that is shipped, unless it is still written to."""
        if segment is not self._current:
            self.segments.remove(segment)
            self._closed_bytes -= segment.size
            os.close(segment.descriptor)
            segment.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Ends the run: deletes what is shipped, and leaves the rest for others to replay."""
        self.flush()
        self._current = None
        for segment in list(self.segments):
            if segment.read >= segment.size:
                self.drop(segment)
            else:
                os.close(segment.descriptor)
        if self._lock is not None:
            if not any(segment.read < segment.size for segment in self.segments):
                lock_path(self.folder, self.boot).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None
        self.segments.clear()

    def _turn(self) -> Segment | None:
        """A fresh segment to write to; None where there cannot be one now."""
        now = time.monotonic()
        if now < self._blocked_until:
            return None
        if self._closed_bytes + (self._current.size if self._current else 0) >= self._limits[1]:
            self._block(OSError("the database is away and the journal has reached its limit"))
            return None
        try:
            segment = self._open()
        except OSError as error:
            self._block(error)
            return None
        if self._current is not None:
            self._closed_bytes += self._current.size
        self._current = segment
        self.segments.append(segment)
        return segment

    def _open(self) -> Segment:
        if self._lock is None:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = lock(self.folder, self.boot)
            if self._lock is None:
                raise OSError("somebody else holds the journal's lock")
        path = self.folder / f"{self.boot:016x}-{self._count:08d}{SUFFIX}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._count += 1
        return Segment(path, descriptor)

    def _block(self, error: OSError) -> None:
        logger.error("calls are served without being journalled: %s", error)
        self._blocked_until = time.monotonic() + RETRY_SECONDS
        if self._current is not None:
            self._closed_bytes += self._current.size
            self._current = None


def journal_folder() -> Path:
    """Where journals are: RUNTIME_JOURNAL, or `journal` in the state folder."""
    state = environment.text("ARMSTRONG_STATE", "var")
    return Path(environment.text("RUNTIME_JOURNAL", f"{state}/journal")).absolute()


def lock_path(folder: Path, boot: int) -> Path:
    """The file whose lock says that a run lives: the kernel lets go of it when its process ends, however it ends."""
    return folder / f"{boot:016x}{LOCK_SUFFIX}"


def lock(folder: Path, boot: int) -> int | None:
    """The descriptor that holds the run's lock; None where somebody else holds it, or has just done with it."""
    path = lock_path(folder, boot)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def boots_in(folder: Path) -> list[int]:
    """The runs that have left anything in the folder, living or dead."""
    names = [path.name for path in folder.glob("*") if path.suffix in (SUFFIX, LOCK_SUFFIX)]
    return sorted({int(name[:16], 16) for name in names if _is_hexadecimal(name[:16])})


def segments_of(folder: Path, boot: int) -> list[Path]:
    """The files of one run, in the order they were written."""
    return sorted(folder.glob(f"{boot:016x}-*{SUFFIX}"))


def _is_hexadecimal(text: str) -> bool:
    return len(text) == 16 and all(digit in "0123456789abcdef" for digit in text)
