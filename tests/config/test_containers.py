"""The commands that containers need: making the database before the first migration, and whether a role answers."""

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import psycopg
import pytest

from core.embedded.postgres import free_port


def armstrong(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What the command answers."""
    command = [sys.executable, "-m", "config.cli", *words]
    return subprocess.run(
        command, env=os.environ | environment, check=False, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def urls() -> dict[str, str]:
    """Addresses in a database that is not there yet."""
    name = f"provisioned_{uuid.uuid4().hex[:8]}"
    owned = {variable: os.environ[variable].rpartition("/")[0] for variable in ("DATABASE_URL", "DATABASE_OWNER_URL")}
    return {variable: f"{server}/{name}" for variable, server in owned.items()} | {
        "DATABASE_ADMIN_URL": os.environ["TEST_ADMIN_URL"]
    }


def test_a_database_is_provisioned_and_then_migrated_by_its_owner_alone(urls: dict[str, str]) -> None:
    for _ in range(2):
        outcome = armstrong("provision", **urls)
        assert (outcome.returncode, outcome.stderr) == (0, "")
    outcome = armstrong("migrate", **urls)
    assert outcome.returncode == 0, outcome.stderr
    with psycopg.connect(urls["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM tenants_tenant").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DROP TABLE tenants_tenant")


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        (
            "DATABASE_URL",
            "postgresql://postgres:secret@127.0.0.1:5432/armstrong",
            "DATABASE_URL has to be postgresql://",
        ),
        ("DATABASE_OWNER_URL", "postgresql://armstrong_owner@127.0.0.1:5432/armstrong", "DATABASE_OWNER_URL has to be"),
        ("DATABASE_OWNER_URL", "postgresql://armstrong_owner:secret@127.0.0.1/other", "name different databases"),
        ("DATABASE_ADMIN_URL", "postgresql://postgres:secret@127.0.0.1:1/postgres", "cannot make the roles"),
    ],
)
def test_an_address_that_will_not_do_is_named(urls: dict[str, str], variable: str, value: str, sentence: str) -> None:
    outcome = armstrong("provision", **(urls | {variable: value}))
    assert outcome.returncode == 1
    assert sentence in outcome.stderr
    assert "Traceback" not in outcome.stderr


class Busy(BaseHTTPRequestHandler):
    """Answers everything with an error, as a console does while its database is away."""

    def do_GET(self) -> None:
        """503."""
        self.send_error(503)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Says nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Busy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join(timeout=5)


def test_a_role_that_answers_with_an_error_is_alive(port: int) -> None:
    assert armstrong("alive", PORT=str(port)).returncode == 0


def test_a_role_that_does_not_answer_is_not() -> None:
    assert armstrong("alive", PORT=str(free_port())).returncode == 1
