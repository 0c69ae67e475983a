"""A few processes that import documents, each of which may die or hang over one without the others."""

import multiprocessing
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.openapi_corpus.importing import Outcome

type Work = Callable[[Path], Outcome]
# A fresh interpreter, so that nothing of ours is in the worker but what it imports.
_SPAWNED = multiprocessing.get_context("spawn")


@dataclass
class Done:
    """What became of one document: an outcome, or how its process failed."""

    path: Path
    seconds: float
    outcome: Outcome | None = None
    crash: str = ""
    timed_out: bool = False


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    path: Path
    began: float

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()


def imported_by(work: Work, paths: Iterable[Path], count: int, seconds: float) -> Iterator[Done]:
    """Has `count` processes do `work` with each path, ending any that takes longer than `seconds` over one."""
    waiting, busy = deque(paths), list[_Worker]()
    try:
        while waiting or busy:
            while waiting and len(busy) < count:
                busy.append(_begun(work, waiting.popleft()))
            soonest = min(worker.began + seconds for worker in busy) - time.monotonic()
            ready = wait([worker.connection for worker in busy], max(soonest, 0))
            for worker in list(busy):
                is_overdue = time.monotonic() - worker.began >= seconds
                if worker.connection not in ready and not is_overdue:
                    continue
                yield _heard(worker) if worker.connection in ready else _overdue(worker)
                _go_on(worker, waiting, busy)
    finally:
        for worker in busy:
            worker.end()


def _begun(work: Work, path: Path) -> _Worker:
    ours, theirs = _SPAWNED.Pipe()
    process = _SPAWNED.Process(target=_serve, args=(work, theirs), daemon=True)
    process.start()
    theirs.close()
    ours.recv()  # it has imported what it needs, which is not the document's time
    ours.send(path)
    return _Worker(process, ours, path, time.monotonic())


def _go_on(worker: _Worker, waiting: deque[Path], busy: list[_Worker]) -> None:
    """Gives a worker that lives the next path; one that does not is gone, and another takes its place."""
    if worker.process.is_alive() and waiting:
        worker.path, worker.began = waiting.popleft(), time.monotonic()
        worker.connection.send(worker.path)
        return
    busy.remove(worker)
    worker.end()


def _heard(worker: _Worker) -> Done:
    seconds = time.monotonic() - worker.began
    try:
        outcome, crash = worker.connection.recv()
    except EOFError:
        worker.process.join()
        return Done(worker.path, seconds, crash=f"its process ended with {worker.process.exitcode}")
    return Done(worker.path, seconds, outcome, crash)


def _overdue(worker: _Worker) -> Done:
    worker.process.kill()
    worker.process.join()
    return Done(worker.path, time.monotonic() - worker.began, timed_out=True)


def _serve(work: Work, connection: Connection) -> None:
    connection.send(None)
    while True:
        try:
            path = connection.recv()
        except EOFError:
            return
        try:
            connection.send((work(path), ""))
        except Exception:  # noqa: BLE001 - any at all is what is looked for
            connection.send((None, traceback.format_exc(limit=-4)))
