"""Supervision of real, tiny processes."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.core.supervision.trees import Tree
from tests.processes import eventually, is_alive

SLEEPER = ["sleep", "1000"]
STUBBORN = ["sh", "-c", "trap '' TERM; echo armed; while :; do sleep 0.05; done"]
# Leaves a process of another session, whose parent has ended: what a daemon is.
DAEMON_MAKER = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("daemon", os.getpid(), flush=True)
        time.sleep(1000)
    os._exit(0)
os.wait()
time.sleep(1000)
"""

BEATER = """
import time
from core.supervision.heartbeat import Heartbeat
Heartbeat.from_environment().beat_in_thread()
time.sleep(1000)
"""

LOOPER = """
import asyncio
from core.supervision.heartbeat import Heartbeat, Vitals
asyncio.run(Heartbeat.from_environment().beat(lambda: Vitals(connections=3, calls_lost=2)))
"""

type TreeMaker = Callable[..., Tree]


def sleeper(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "argv": SLEEPER, **fields}


def shell(name: str, script: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "argv": ["sh", "-c", script], **fields}


def daemon_maker(name: str, *, is_stubborn: bool = False) -> dict[str, Any]:
    ignoring = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" if is_stubborn else ""
    return {"id": name, "argv": [sys.executable, "-I", "-S", "-c", ignoring + DAEMON_MAKER]}


def test_a_killed_child_comes_back_alone(tree: TreeMaker) -> None:
    running = tree(children=[sleeper("a"), sleeper("b")])
    bystander = running.pid("b")
    former = running.kill_child("a")
    running.line("a ended (signal SIGKILL); it starts again in")
    eventually(lambda: running.pid("a") != former)
    assert running.child("a")["restarts"] == 1
    assert running.pid("b") == bystander


def test_one_for_all_stops_and_starts_everybody(tree: TreeMaker) -> None:
    running = tree(children=[sleeper("a"), sleeper("b"), sleeper("c")], strategy="one_for_all")
    former = {name: running.pid(name) for name in "abc"}
    running.kill_child("b")
    eventually(lambda: all(running.pid(name) != former[name] for name in "abc"))
    assert not any(is_alive(pid) for pid in former.values())
    assert [running.child(name)["restarts"] for name in "abc"] == [0, 1, 0]


def test_one_for_all_survives_two_that_end_together(tree: TreeMaker) -> None:
    running = tree(children=[sleeper("a"), sleeper("b"), sleeper("c")], strategy="one_for_all")
    former = {name: running.pid(name) for name in "abc"}
    os.kill(former["a"], signal.SIGKILL)
    os.kill(former["c"], signal.SIGKILL)
    eventually(lambda: all(running.pid(name) != former[name] for name in "abc"))
    assert running.stop() == 0


def test_rest_for_one_spares_those_declared_before(tree: TreeMaker) -> None:
    running = tree(children=[sleeper("a"), sleeper("b"), sleeper("c")], strategy="rest_for_one")
    former = {name: running.pid(name) for name in "abc"}
    running.kill_child("b")
    eventually(lambda: running.pid("c") != former["c"])
    eventually(lambda: running.pid("b") != former["b"])
    assert running.pid("a") == former["a"]


@pytest.mark.parametrize(("restart", "status"), [("transient", 0), ("temporary", 0)])
def test_one_that_may_end_does_not_come_back(tree: TreeMaker, restart: str, status: int) -> None:
    running = tree(children=[sleeper("a"), shell("b", f"exit {status}", restart=restart)])
    running.line(f"b ended (status {status})")
    assert running.child("b") == {"state": "ended", "well": False, "restarts": 0}
    assert running.pid("a")


def test_a_crash_loop_is_given_up_and_the_others_go_on(tree: TreeMaker) -> None:
    running = tree(children=[sleeper("a"), shell("loop", "exit 3")], intensity=[3, 60.0])
    running.line("loop ended (status 3) again and again: it is given up")
    assert running.child("loop") == {"state": "failed", "well": False, "restarts": 3}
    assert running.get("/readyz")[0] == 503
    former = running.kill_child("a")
    eventually(lambda: running.pid("a") != former)
    assert running.stop() == 0


def test_a_crash_loop_of_an_essential_child_ends_the_tree(tree: TreeMaker) -> None:
    running = tree(children=[sleeper("a"), shell("core", "exit 3", essential=True)], intensity=[2, 60.0])
    pid = running.pid("a")
    running.line("stopping: nothing goes on without core")
    assert running.process.wait(20) == 1
    assert not is_alive(pid)


def test_a_crash_loop_ends_a_tree_whose_children_need_each_other(tree: TreeMaker) -> None:
    running = tree(children=[sleeper("a"), shell("b", "exit 3")], intensity=[2, 60.0], strategy="one_for_all")
    running.line("stopping: nothing goes on without b")
    assert running.process.wait(20) == 1


def test_a_child_starts_when_those_before_it_are_ready(tree: TreeMaker, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    running = tree(children=[sleeper("a", ready=str(ready)), sleeper("b", after=["a"])])
    eventually(lambda: running.child("a")["state"] == "starting")
    assert running.child("b")["state"] == "waiting"
    assert running.get("/readyz")[0] == 503
    ready.touch()
    running.line("b is ready")
    assert running.get("/readyz")[0] == 200


def test_a_child_that_never_becomes_ready_is_started_again(tree: TreeMaker, tmp_path: Path) -> None:
    running = tree(children=[sleeper("a", ready=str(tmp_path / "never"), ready_seconds=0.2)])
    running.line("a is not ready after 0 s and is killed")
    running.line("a ended (signal SIGKILL); it starts again")


def test_a_step_opens_the_gate_when_it_is_done(tree: TreeMaker) -> None:
    running = tree(children=[shell("step", "echo working", completes=True), sleeper("a", after=["step"])])
    running.line("step | working")
    running.line("step is done")
    running.line("a is ready")
    assert running.get("/readyz")[0] == 200


def test_an_essential_step_that_fails_ends_the_tree(tree: TreeMaker) -> None:
    step = shell("step", "exit 4", completes=True, restart="temporary", essential=True)
    running = tree(children=[step, sleeper("a", after=["step"])])
    running.line("step ended (status 4)")
    assert running.process.wait(20) == 1


def test_sigterm_stops_children_in_reverse_order(tree: TreeMaker) -> None:
    script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.02; done"
    running = tree(children=[shell("a", script), shell("b", script, after=["a"]), shell("c", script, after=["b"])])
    for _ in range(3):
        running.line(" | up")
    assert running.stop() == 0
    for name in "cba":
        running.line(f"{name} | bye")


def test_one_that_ignores_sigterm_is_killed_after_its_time(tree: TreeMaker) -> None:
    running = tree(children=[{"id": "a", "argv": STUBBORN, "stop_seconds": 0.3}])
    running.line("a | armed")
    pid = running.pid("a")
    assert running.stop() == 0
    running.line("a had to be killed")
    assert not is_alive(pid)


def test_a_second_signal_does_not_wait(tree: TreeMaker) -> None:
    running = tree(children=[{"id": "a", "argv": STUBBORN, "stop_seconds": 1000.0}])
    running.line("a | armed")
    running.process.send_signal(signal.SIGTERM)
    eventually(lambda: running.child("a")["state"] == "stopping")
    assert running.get("/readyz")[0] == 503
    assert running.stop() == 0


def test_a_killed_child_takes_its_group_along(tree: TreeMaker) -> None:
    running = tree(children=[shell("a", "sleep 1000 & echo grandchild $!; wait")])
    grandchild = int(running.line("grandchild").split()[-1])
    running.kill_child("a")
    running.line("it starts again")
    eventually(lambda: not is_alive(grandchild))


def test_a_daemon_ends_with_the_child_that_made_it(tree: TreeMaker) -> None:
    running = tree(children=[daemon_maker("a"), sleeper("b")])
    daemon = int(running.line("daemon").split()[-1])
    former = running.kill_child("a")
    eventually(lambda: running.pid("a") != former)
    assert not is_alive(daemon)


def test_a_child_is_not_well_while_what_it_left_behind_is_ended(tree: TreeMaker) -> None:
    running = tree(children=[daemon_maker("a", is_stubborn=True)])
    daemon = int(running.line("daemon").split()[-1])
    former = running.kill_child("a")
    eventually(lambda: not is_alive(former))
    seen = []
    while is_alive(daemon):
        child = running.child("a")
        seen.append((child["state"], child["well"]))
    # The first looks may be before the supervisor's own.
    assert set(seen[seen.index(("restarting", False)) :]) == {("restarting", False)}


def test_a_daemon_of_another_child_is_left_alone(tree: TreeMaker) -> None:
    running = tree(children=[daemon_maker("a"), sleeper("b")])
    daemon = int(running.line("daemon").split()[-1])
    former = running.kill_child("b")
    eventually(lambda: running.pid("b") != former)
    assert is_alive(daemon)
    assert running.stop() == 0
    assert not is_alive(daemon)


def test_ended_orphans_are_collected(tree: TreeMaker) -> None:
    running = tree(children=[shell("a", "sh -c '(sleep 0.05; exit 7) & echo orphan $!'; exec sleep 1000")])
    orphan = int(running.line("orphan").split()[-1])
    eventually(lambda: not Path(f"/proc/{orphan}").exists())


def test_killing_the_supervisor_leaves_no_child(tree: TreeMaker) -> None:
    running = tree(children=[sleeper("a"), {"id": "b", "argv": STUBBORN}])
    running.line("b | armed")
    pids = [running.pid("a"), running.pid("b")]
    running.process.kill()
    running.process.wait(20)
    eventually(lambda: not any(is_alive(pid) for pid in pids))


def test_a_command_that_does_not_exist_is_said_clearly(tree: TreeMaker) -> None:
    running = tree(children=[{"id": "a", "argv": ["/nowhere/program"], "restart": "temporary"}])
    running.line("a | cannot start /nowhere/program: No such file or directory")
    running.line("a ended (status 127)")


def test_a_folder_that_does_not_exist_is_said_clearly(tree: TreeMaker) -> None:
    running = tree(children=[sleeper("a", cwd="/nowhere", restart="temporary"), sleeper("b")])
    running.line("a cannot be started: No such file or directory")
    assert running.pid("b")


def test_a_flood_of_words_does_not_hold_the_supervisor_up(tree: TreeMaker) -> None:
    # Nobody reads the pipe that the supervisor prints to until the line below is asked for.
    running = tree(children=[{"id": "flood", "argv": ["yes", "x" * 1000]}, sleeper("a")])
    former = running.kill_child("a")
    eventually(lambda: running.pid("a") != former)
    assert running.get("/livez")[0] == 200
    assert running.stop() == 0


def test_a_heartbeat_makes_a_child_ready(tree: TreeMaker) -> None:
    running = tree(
        children=[
            {"id": "beats", "argv": [sys.executable, "-c", BEATER], "heartbeat": True},
            sleeper("silent", heartbeat=True),
        ]
    )
    assert running.pid("beats")
    assert running.child("beats")["heartbeat_age_seconds"] < 5
    assert running.child("silent")["state"] == "starting"


def looper(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "argv": [sys.executable, "-c", LOOPER], "heartbeat": True, **fields}


def test_a_reload_replaces_those_that_roll_one_after_the_other(tree: TreeMaker) -> None:
    running = tree(children=[looper("a", rolls=True), looper("b", rolls=True), sleeper("c")])
    former = {name: running.pid(name) for name in "abc"}
    running.process.send_signal(signal.SIGUSR2)
    for name in "ab":
        running.line(f"{name} is replaced")
        running.line(f"{name} is ready")
    running.line("everything that can be replaced was")
    assert running.pid("a") != former["a"]
    assert running.pid("b") != former["b"]
    assert running.pid("c") == former["c"]
    assert running.child("a")["restarts"] == 0


def test_a_reload_stops_where_a_child_does_not_come_back(tree: TreeMaker, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    running = tree(children=[sleeper("a", rolls=True, ready=str(gate), ready_seconds=0.5), sleeper("b", rolls=True)])
    former = running.pid("b")
    running.pid("a")
    gate.unlink()
    running.process.send_signal(signal.SIGUSR2)
    running.line("a did not come back: the others stay as they are")
    assert running.pid("b") == former


def test_a_child_that_hangs_is_killed_and_comes_back(tree: TreeMaker) -> None:
    running = tree(children=[looper("a"), looper("b")], hung_seconds=1.5)
    former, bystander = running.pid("a"), running.pid("b")
    os.kill(former, signal.SIGSTOP)
    running.line("a has not stirred for")
    eventually(lambda: running.pid("a") != former)
    assert running.pid("b") == bystander


def test_a_childs_vitals_are_told(tree: TreeMaker) -> None:
    running = tree(children=[looper("a")])
    running.pid("a")
    told = running.child("a")
    assert (told["connections"], told["calls_lost"], "task_restarts" in told) == (3, 2, False)
    metrics = running.get("/metrics")[1]
    assert 'armstrong_child_connections{child="a"} 3' in metrics
    assert 'armstrong_child_calls_lost_total{child="a"} 2' in metrics
