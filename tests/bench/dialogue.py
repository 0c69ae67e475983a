"""Child processes that are spoken to in lines of JSON."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from tests.bench.database import Endpoint
from tests.bench.load import LoadFailed
from tests.bench.processes import ROOT, pinned

AUTHORING = "from tests.bench import authoring; authoring.main()"


class Dialogue:
    """One child. Ask, and read the answer; or ask many children first, and read after."""

    def __init__(self, child: subprocess.Popen[str], log: Path) -> None:
        self._child = child
        self._log = log

    def say(self, **wish: Any) -> None:
        """Sends a wish; its answer is still to be read."""
        into = cast("IO[str]", self._child.stdin)
        into.write(json.dumps(wish) + "\n")
        into.flush()

    def answer(self) -> dict[str, Any]:
        """The next answer. Raises LoadFailed where the child ended instead."""
        line = cast("IO[str]", self._child.stdout).readline()
        if not line:
            raise LoadFailed(f"{self._log.name} ended: {self._log.read_text()[-1500:]}")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, **wish: Any) -> dict[str, Any]:
        """The answer to a wish."""
        self.say(**wish)
        return self.answer()


@contextmanager
def author(made: Endpoint, scratch: Path) -> Iterator[Dialogue]:
    """Someone who changes what the endpoint is (tests/bench/authoring.py)."""
    command = (sys.executable, "-m", "django", "shell", "--verbosity", "0", "--command", AUTHORING)
    with talking(command, scratch / "author.log", made.environment) as dialogue:
        yield dialogue


@contextmanager
def holder(request: bytes, core: int, scratch: Path, name: str) -> Iterator[Dialogue]:
    """A process that holds streams (tests/bench/holding.py)."""
    file = scratch / f"{name}.request"
    file.write_bytes(request)
    command = pinned(core, (sys.executable, "-m", "tests.bench.holding", str(file)))
    with talking(command, scratch / f"{name}.log", {}) as dialogue:
        yield dialogue


@contextmanager
def talking(command: Sequence[str], log: Path, environment: dict[str, str]) -> Iterator[Dialogue]:
    """A child that ends when its standard input does."""
    with (
        log.open("w") as complaints,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        ) as child,
    ):
        try:
            yield Dialogue(child, log)
        finally:
            cast("IO[str]", child.stdin).close()
            try:
                child.wait(timeout=20)
            except subprocess.TimeoutExpired:
                child.kill()
