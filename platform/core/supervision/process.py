"""One running child process: started through the launcher, stopped politely and then not, collected when it ends."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.supervision.orphans import MARK
from core.supervision.output import ChildOutput, Printer
from core.supervision.spec import ChildSpec

LAUNCHER = Path(__file__).with_name("launcher.py")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Reaper:
    """Collects every ended child of this process, its own and adopted ones.

    While one is installed nothing else in the process may wait for children: this takes them all.
    """

    def __init__(self) -> None:
        self._awaited: dict[int, asyncio.Future[int]] = {}

    def install(self) -> None:
        """Starts collecting; call it in the running loop, in the main thread."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._collect)

    def remove(self) -> None:
        """Stops collecting."""
        asyncio.get_running_loop().remove_signal_handler(signal.SIGCHLD)

    def expect(self, pid: int) -> "asyncio.Future[int]":
        """The status that the child `pid` will end with: 0 to 255, or the negative number of a signal."""
        future = asyncio.get_running_loop().create_future()
        self._awaited[pid] = future
        return future

    def pids(self) -> set[int]:
        """The children that are expected to end and have not yet."""
        return set(self._awaited)

    def _collect(self) -> None:
        while (ended := _next_ended()) is not None:
            pid, status = ended
            future = self._awaited.pop(pid, None)
            if future is not None and not future.done():
                future.set_result(os.waitstatus_to_exitcode(status))


def _next_ended() -> tuple[int, int] | None:
    """The next ended child and its wait status; ends what is left of its process group before its id is free."""
    try:
        if hasattr(os, "waitid"):
            peeked = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if peeked is None:
                return None
            _kill_group(peeked.si_pid)
            return os.waitpid(peeked.si_pid, 0)
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    if pid == 0:
        return None
    _kill_group(pid)
    return pid, status


def _kill_group(leader: int) -> None:
    # Adopted orphans rarely lead a group; macOS answers EPERM for one whose members have all ended.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


class ChildProcess:
    """A started child. `exited` becomes its status."""

    def __init__(self, spec: ChildSpec, *, incarnation: int, heartbeat: str, reaper: Reaper, printer: Printer) -> None:
        """Starts it; raises OSError when the system cannot. `heartbeat` is what HEARTBEAT_VARIABLE is set to."""
        self.spec = spec
        self.mark = f"{os.getpid()}/{spec.id}/{incarnation}"
        self.started_at = time.monotonic()
        self._output = ChildOutput(spec.id, printer)
        try:
            self._popen = self._start(heartbeat)
        except OSError:
            self._output.started()
            self._output.close()
            raise
        self._output.started()
        self.pid = self._popen.pid
        self.exited = reaper.expect(self.pid)
        self.exited.add_done_callback(self._ended)

    def _start(self, heartbeat: str) -> subprocess.Popen[bytes]:
        spec, account = self.spec, self.spec.account
        uid = -1 if account.uid is None else account.uid
        gid = -1 if account.gid is None else account.gid
        lead = [sys.executable, "-I", "-S", LAUNCHER, os.getpid(), int(spec.death_signal), uid, gid]
        return subprocess.Popen(
            [*map(str, lead), *spec.argv],
            stdin=subprocess.DEVNULL,
            stdout=self._output.write_end,
            stderr=subprocess.STDOUT,
            env={**spec.env, **({"ARMSTRONG_HEARTBEAT": heartbeat} if heartbeat else {}), MARK: self.mark},
            cwd=spec.cwd,
            pass_fds=spec.fds,
            # Ctrl-C in a terminal reaches the supervisor alone, which then stops everybody in order.
            start_new_session=True,
        )

    def _ended(self, exited: "asyncio.Future[int]") -> None:
        self._popen.returncode = exited.result()  # collected by the reaper: subprocess must not wait for it again
        self._output.close()

    @property
    def lived(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.started_at

    async def wait(self) -> int:
        """Its status, once it has ended."""
        await asyncio.wait({self.exited})
        return self.exited.result()

    async def stop(self, hasten: asyncio.Event) -> bool:
        """Asks it to end, and kills its whole process group after its time, or at once when `hasten` is set.

        Returns whether it ended by itself.
        """
        self._signal(self.spec.stop_signal)
        hurry = asyncio.ensure_future(hasten.wait())
        either: set[asyncio.Future[Any]] = {self.exited, hurry}
        try:
            await asyncio.wait(either, timeout=self.spec.stop_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hurry.cancel()
        polite = self.exited.done()
        self.kill()
        await self.wait()
        return polite

    def kill(self) -> None:
        """Ends it and its process group at once."""
        if not self.exited.done():
            _kill_group(self.pid)
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if not self.exited.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def resident_bytes(self) -> int | None:
        """Resident memory of its first process; None where the system does not tell (no /proc)."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE_BYTES
        except (OSError, IndexError, ValueError):
            return None
