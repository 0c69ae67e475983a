"""Becomes a supervised child: drops the account, ties its life to the supervisor's, then executes the command.

Run as a script: `python -I -S launcher.py SUPERVISOR_PID DEATH_SIGNAL UID GID COMMAND…`. Between fork and exec in the
supervisor itself no Python may run (threads, locks); here it may.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h
NOT_STARTED = 127  # what a shell answers for a command it cannot execute


def drop(uid: int, gid: int) -> None:
    """Takes on another account, for good; -1 leaves things as they are."""
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def die_with(parent: int, death_signal: int = signal.SIGKILL) -> None:
    """Asks the kernel to end us with our parent (Linux). After `drop`: changing credentials clears the request."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    # It may have died before the request was made, and then nobody would ever tell us.
    if os.getppid() != parent:
        sys.exit(NOT_STARTED)


def main(arguments: list[str]) -> None:
    supervisor, death_signal, uid, gid = map(int, arguments[:4])
    command = arguments[4:]
    try:
        drop(uid, gid)
        die_with(supervisor, death_signal)
        os.execvp(command[0], command)  # noqa: S606  no shell is wanted
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
        sys.exit(NOT_STARTED)


if __name__ == "__main__":
    main(sys.argv[1:])
