"""A running supervisor of tiny real processes, and what it says."""

import http.client
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.processes import WAIT_SECONDS, eventually

PROGRAM = Path(__file__).with_name("tree_program.py")


class Tree:
    """A running supervisor and what it says."""

    def __init__(self, folder: Path, **tree: Any) -> None:
        self._folder = folder
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(folder), json.dumps(tree)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"PYTHONWARNINGS": "", "PYTHONUNBUFFERED": "1"},
        )
        self.lines: list[str] = []
        self._incoming: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._incoming.put(line.rstrip("\n"))

    def line(self, part: str) -> str:
        """The next line that holds `part`."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                line = self._incoming.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"no line with {part!r} came; there were {self.lines[-50:]}")
            self.lines.append(line)
            if part in line:
                return line

    def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        """An answer of the operations listener."""
        file = self._folder / "operations"
        eventually(file.exists)
        connection = http.client.HTTPConnection("127.0.0.1", int(file.read_text()), timeout=5)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def child(self, name: str) -> dict[str, Any]:
        """What /readyz says of a child."""
        found: dict[str, Any] = json.loads(self.get("/readyz")[1])["children"][name]
        return found

    def pid(self, name: str) -> int:
        """The process id of a child that is ready."""
        return int(eventually(lambda: (child := self.child(name))["state"] == "ready" and child["pid"]))

    def kill_child(self, name: str) -> int:
        """Kills a ready child; the process id that it had."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self) -> int:
        """Sends SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_SECONDS)

    def close(self) -> None:
        """Ends it, however it stands."""
        self.process.kill()
        self.process.wait()
        self._reader.join(5)
        if self.process.stdout:
            self.process.stdout.close()
