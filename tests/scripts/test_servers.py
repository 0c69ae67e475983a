"""The servers of a run of tests end with it, however it ends."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import eventually, is_alive
from tests.running_platform import clean_environment

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 100.0
# Its own variable tells the test where to say that the servers are there, and which folder is theirs.
WAITING = """
import os, pathlib, threading

def test_waits():
    said = pathlib.Path(os.environ["SAID_IN"])
    said.with_suffix(".new").write_text(os.environ["ARMSTRONG_STATE"])
    said.with_suffix(".new").rename(said)
    threading.Event().wait(100)
"""


def _descendants(pid: int) -> set[int]:
    children = {
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    }
    return children.union(*map(_descendants, children))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
def test_no_server_outlives_its_run(tmp_path: Path, sent: signal.Signals) -> None:
    said, test = tmp_path / "said", tmp_path / "test_waiting.py"
    test.write_text(WAITING)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), str(test)]
    run = subprocess.Popen(
        command, cwd=ROOT, env=clean_environment(SAID_IN=str(said)), stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        eventually(said.exists, START_SECONDS)
        state, servers = Path(said.read_text()), _descendants(run.pid)
        names = {Path(f"/proc/{pid}/exe").readlink().name for pid in servers}
        assert {"postgres", "valkey-server"} <= names
        run.send_signal(sent)
        assert run.wait(20) == (2 if sent == signal.SIGTERM else -signal.SIGKILL)
        assert eventually(lambda: not any(map(is_alive, servers)))
        assert state.exists() == (sent == signal.SIGKILL)
        shutil.rmtree(state, ignore_errors=True)
    finally:
        run.kill()
        run.wait()
