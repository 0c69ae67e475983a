"""The command line, where it is used wrongly."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.cli import COMMANDS, main
from config.quickstart.call import works
from core.embedded.postgres import free_port
from tests.processes import eventually
from tests.running_platform import armstrong, clean_environment


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["upp"], "armstrong: there is no command 'upp'. Did you mean up?"),
        (
            ["xyzzy"],
            "armstrong: there is no command 'xyzzy'. There are "
            + ", ".join(command.name for command in COMMANDS)
            + ".",
        ),
        (["serve", "runtim"], "armstrong: There is no role 'runtim'. Did you mean runtime?"),
    ],
)
def test_an_unknown_word_is_answered_with_a_suggestion(words: list[str], sentence: str) -> None:
    said = armstrong(*words, env=clean_environment())
    assert said.returncode in (1, 2)
    assert said.stderr.strip() == sentence


def test_without_a_command_it_lists_them() -> None:
    said = armstrong(env=clean_environment())
    assert said.returncode == 0
    for command in ("up", "serve", "migrate", "doctor", "manage"):
        assert f"\n    {command} " in said.stdout


@pytest.mark.parametrize("role", ["console", "runtime", "jobs", "tasks", "beat", "all"])
def test_a_role_says_what_its_environment_lacks(role: str) -> None:
    said = armstrong("serve", role, env=clean_environment(DATABASE_URL="postgresql://x"))
    assert said.returncode == 1
    lines = said.stderr.splitlines()
    assert lines[0].startswith("armstrong: These have to be set")
    assert [line.split()[0] for line in lines[1:]] == ["ARMSTRONG_SECRET_KEY", "REDIS_URL"]


@pytest.fixture
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of this process, as of one who has set nothing but free ports and a state folder."""
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"):
        monkeypatch.delenv(name)
    for name in ("CONSOLE_PORT", "RUNTIME_PORT", "OPS_PORT"):
        monkeypatch.setenv(name, str(free_port()))
    monkeypatch.setenv("ARMSTRONG_STATE", str(tmp_path))
    return monkeypatch


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("CONSOLE_PORT", "eighty", "CONSOLE_PORT='eighty' is not an integer."),
        ("OPS_PORT", "70000", "OPS_PORT=70000 is not between 1 and 65535."),
        ("RUNTIME_WORKERS", "0", "RUNTIME_WORKERS=0 is not between 1 and 64."),
        ("ARMSTRONG_BIND", "no.such.host.invalid", "Cannot listen on no.such.host.invalid port"),
        ("ARMSTRONG_STATE", "/proc/nowhere", "The state folder /proc/nowhere cannot be written"),
        ("DATABASE_URL_FILE", "/nowhere", "DATABASE_URL_FILE='/nowhere' cannot be read: "),
        ("DATABASE_URL", "postgresql://x@127.0.0.1:1/x", "DATABASE_URL does not lead to a database"),
        ("DATABASE_URL", "nonsense", "DATABASE_URL does not lead to a database"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(
    newcomer: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str, sentence: str
) -> None:
    newcomer.setenv(variable, value)
    assert main(["up"]) == 1
    assert capsys.readouterr().err.startswith(f"armstrong: {sentence}")


def test_migrating_without_the_owner_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    state = str(tmp_path_factory.mktemp("state"))
    said = armstrong("migrate", env=clean_environment(ARMSTRONG_STATE=state))
    assert said.returncode == 1
    assert said.stderr == "armstrong: DATABASE_OWNER_URL is not set.\n"


def test_the_doctor_says_what_is_broken(tmp_path_factory: pytest.TempPathFactory) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        variables = {"VALKEY_SERVER": "/nowhere/valkey", "OPS_PORT": str(port), "CONSOLE_PORT": str(free_port())}
        state = str(tmp_path_factory.mktemp("state"))
        said = armstrong("doctor", env=clean_environment(ARMSTRONG_STATE=state, **variables))
    assert said.returncode == 1
    lines = said.stdout.splitlines()
    assert "BROKEN  valkey       /nowhere/valkey cannot be executed" in lines
    assert f"BROKEN  ops port     {port} is not free" in lines
    assert lines[-1].startswith("2 of ")


def test_the_doctor_examines_a_database_that_the_environment_names() -> None:
    owner = os.environ | {"DATABASE_URL": os.environ["DATABASE_OWNER_URL"], "OPS_PORT": str(free_port())}
    owner |= {"CONSOLE_PORT": str(free_port()), "RUNTIME_PORT": str(free_port())}
    said = armstrong("doctor", env=owner)
    assert said.returncode == 1
    assert "BROKEN  database     the role armstrong_owner is a superuser or the database's owner" in said.stdout
    assert "ok      row security" in said.stdout


@pytest.fixture
def single_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """`armstrong serve all` on one port, with the databases of this test run."""
    port = free_port()
    variables = {"ARMSTRONG_STATE": str(tmp_path_factory.mktemp("state")), "PORT": str(port), "OPS_PORT": "0"}
    command = [sys.executable, "-P", "-m", "config.cli", "serve", "all"]
    process = subprocess.Popen(command, env=os.environ | variables, stdout=subprocess.DEVNULL)
    yield process, port
    process.kill()
    process.wait(20)


def test_everything_on_one_port_answers_as_console_and_runtime(
    single_port: tuple["subprocess.Popen[bytes]", int],
) -> None:
    process, port = single_port
    eventually(lambda: _answer(port, "/account/login/").startswith(b"HTTP/1.1 200"), 60)
    assert b"text/html" in _answer(port, "/t/nobody/endpoints/")
    assert b"application/json" in _answer(port, "/t/nobody/nothing/mcp")
    assert not works(f"http://127.0.0.1:{port}", "/t/nobody/nothing/mcp", "no key")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def _answer(port: int, path: str) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b""))
    except OSError:
        return b""
