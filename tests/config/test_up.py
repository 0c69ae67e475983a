"""`armstrong up`, as a newcomer meets it."""

import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import threading
from pathlib import Path

from config.quickstart.call import echo_call, works
from config.quickstart.facts import Facts
from config.quickstart.printout import claude, curl, mcp_json
from tests.processes import eventually, is_alive
from tests.running_platform import Platform, armstrong, clean_environment

ROLES = {"postgres", "valkey", "runtime-1", "runtime-2", "console", "jobs", "tasks", "beat"}


def demo_works(platform: Platform) -> bool:
    facts = Facts(**platform.facts)
    return works(f"http://127.0.0.1:{platform.ports['RUNTIME_PORT']}", facts.mcp_path, facts.api_key)


def test_everything_answers(platform: Platform) -> None:
    assert platform.get("/livez")[0] == 200
    assert set(platform.children()) >= ROLES
    platform.await_health()
    assert 'armstrong_child_up{child="console"} 1.0' in platform.get("/metrics")[1]
    console = http.client.HTTPConnection("127.0.0.1", int(platform.ports["CONSOLE_PORT"]), timeout=20)
    console.request("GET", "/account/login/")
    assert console.getresponse().status == 200
    console.close()
    assert demo_works(platform)


def test_the_facts_are_ours_alone(platform: Platform) -> None:
    assert set(platform.facts) == {
        "console_url", "ops_url", "tenant", "endpoint", "mcp_url", "conformance_url", "api_key", "email", "password",
    }  # fmt: skip
    for name in ("quickstart.json", "environment.json", "secrets.json", "postgres.json", "valkey.secret"):
        assert (platform.state / name).stat().st_mode & 0o077 == 0


def test_a_process_of_a_role_does_not_know_the_owner_of_the_tables(platform: Platform) -> None:
    for name in ("console", "runtime-1", "jobs", "tasks", "beat"):
        environment = Path(f"/proc/{platform.children()[name]['pid']}/environ").read_text()
        assert "armstrong_app:" in environment
        assert "DATABASE_OWNER_URL" not in environment


def test_the_printed_curl_line_works(platform: Platform) -> None:
    line = curl(Facts(**platform.facts))
    said = subprocess.run(["/bin/sh", "-c", line], check=True, capture_output=True, text=True, timeout=30)
    assert json.loads(said.stdout)["result"]["content"] == [{"type": "text", "text": "Hello, Joe"}]


def test_every_other_printed_line_names_endpoint_and_key(platform: Platform) -> None:
    facts = Facts(**platform.facts)
    words = shlex.split(claude(facts))
    assert words[:6] == ["claude", "mcp", "add", "--transport", "http", facts.tenant]
    assert words[6:] == [facts.mcp_url, "--header", f"Authorization: Bearer {facts.api_key}"]
    server = json.loads(mcp_json(facts))["mcpServers"][facts.tenant]
    assert server["url"] == facts.mcp_url
    assert server["headers"]["Authorization"] == echo_call(facts.api_key).headers["Authorization"]


def test_a_killed_worker_is_not_missed(platform: Platform) -> None:
    platform.await_health()
    former = platform.children()["runtime-1"]["pid"]
    os.kill(former, signal.SIGKILL)
    assert all(demo_works(platform) for _ in range(20))
    eventually(lambda: platform.children()["runtime-1"].get("pid", former) != former)
    platform.await_health()


def test_all_children_killed_at_once_come_back(platform: Platform) -> None:
    platform.await_health()
    former = {name: platform.children()[name]["pid"] for name in ROLES}
    for pid in former.values():
        os.kill(pid, signal.SIGKILL)
    for name, pid in former.items():
        eventually(lambda name=name, pid=pid: platform.children()[name].get("pid", pid) != pid)  # type: ignore[misc]
    platform.await_health()
    assert demo_works(platform)


def test_another_platform_on_the_same_state_is_refused(platform: Platform) -> None:
    said = armstrong("up", env=platform.environment)
    assert said.returncode == 1
    assert said.stderr.startswith(f"armstrong: The platform is running already on {platform.state} (process ")
    assert str(platform.pid) in said.stderr


def test_a_taken_port_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = armstrong("up", env=clean_environment(ARMSTRONG_STATE=str(tmp_path), CONSOLE_PORT=str(port)))
    assert said.returncode == 1
    assert f"Port {port} is taken by another program. Choose another: CONSOLE_PORT={port + 1}" in said.stderr
    assert {file.name for file in tmp_path.iterdir()} == {"lock"}


def test_the_doctor_finds_a_running_platform_well(platform: Platform) -> None:
    platform.await_health()
    # Another shell, where nothing but the state folder is known.
    said = armstrong("doctor", env=clean_environment(ARMSTRONG_STATE=str(platform.state)))
    assert said.returncode == 0, said.stdout
    for part in ("python", "state", "platform", "database", "row security", "tables", "broker", "static files"):
        assert f"ok      {part}" in said.stdout


def test_manage_acts_on_the_running_platform(platform: Platform) -> None:
    question = "from tenants.models import User; print(User.objects.get().email)"
    said = armstrong("manage", "shell", "--no-imports", "-c", question, env=platform.environment)
    assert said.stdout.strip() == platform.facts["email"], said.stderr


def test_stopping_leaves_no_process_and_starting_again_keeps_the_data(platform: Platform) -> None:
    platform.await_health()
    facts, processes = platform.facts, platform.processes()
    assert len(processes) > len(ROLES)
    before = len(platform.printed())
    assert platform.send(signal.SIGTERM) == 0
    assert "Traceback" not in platform.printed()[before:]
    assert not [pid for pid in processes if is_alive(pid)]
    migrated = (platform.state / "migrations.json").stat().st_mtime_ns
    platform.start()
    assert platform.facts == facts
    assert (platform.state / "migrations.json").stat().st_mtime_ns == migrated
    assert demo_works(platform)


def test_killing_the_supervisor_leaves_no_orphan_and_starting_again_works(platform: Platform) -> None:
    platform.await_health()
    facts, processes = platform.facts, platform.processes()
    platform.send(signal.SIGKILL)
    eventually(lambda: not [pid for pid in processes if is_alive(pid)], 60)
    platform.start()
    assert platform.facts == facts
    assert demo_works(platform)


def test_top_shows_every_process(platform: Platform) -> None:
    platform.await_health()
    shown = armstrong("top", "--once", env=platform.environment)
    assert shown.returncode == 0, shown.stderr
    assert "are well" in shown.stdout
    assert all(name in shown.stdout for name in ROLES)


def test_a_reload_replaces_the_roles_and_nobody_notices(platform: Platform) -> None:
    platform.await_health()
    former = {name: platform.children()[name]["pid"] for name in ROLES}
    calling = threading.Event()
    failed: list[bool] = []

    def call() -> None:
        # No faster than the demo's plan allows.
        while not calling.wait(0.03):
            failed.append(not demo_works(platform))

    caller = threading.Thread(target=call)
    caller.start()
    try:
        reloaded = armstrong("reload", env=platform.environment, seconds=120)
    finally:
        calling.set()
        caller.join(30)
    assert reloaded.returncode == 0, reloaded.stderr
    assert not any(failed)
    later = {name: platform.children()[name]["pid"] for name in ROLES}
    kept = {"postgres", "valkey"}
    assert {name for name in ROLES if later[name] == former[name]} == kept


def test_who_asks_where_nothing_runs_is_told_so(tmp_path: Path) -> None:
    nothing = clean_environment(ARMSTRONG_STATE=str(tmp_path))
    for command in ("top", "reload"):
        told = armstrong(command, env=nothing)
        assert told.returncode == 1
        assert "armstrong up" in told.stderr or "No platform" in told.stderr
