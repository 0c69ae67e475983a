"""A database that somebody else runs: which roles of it the platform takes, makes, and refuses."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from config.machine.databases import given_database
from config.machine.state import State
from config.problems import Problem
from tests.conftest import unique

ADMIN = os.environ["TEST_ADMIN_URL"]


def at(url: str, *, role: str, database: str) -> str:
    """The address of a database of this run's cluster, for another role."""
    parts = urlsplit(url)
    return f"postgresql://{role}:pass@{parts.hostname}:{parts.port}/{database}"


@pytest.fixture
def state(tmp_path: Path) -> State:
    """A state folder that knows the passwords the two roles have in this run: making them again changes nothing."""
    known = {"armstrong_app": os.environ["DATABASE_URL"], "armstrong_owner": os.environ["DATABASE_OWNER_URL"]}
    folder = State(tmp_path)
    folder.write("secrets.json", {role: urlsplit(url).password or "" for role, url in known.items()})
    return folder


@pytest.fixture
def database() -> str:
    """An empty database of its own, owned by a role of the same name that may make no roles."""
    name = unique("given").replace("-", "_")
    with psycopg.connect(ADMIN, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'pass'").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {0} OWNER {0}").format(sql.Identifier(name)))
    return name


def _can_make_tables(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT has_schema_privilege('public', 'CREATE')").fetchone()
    return row == (True,)


def _may(attribute: str, role: str) -> None:
    with psycopg.connect(ADMIN, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER ROLE {} " + attribute).format(sql.Identifier(role)))


@pytest.mark.parametrize("attribute", ["SUPERUSER", "CREATEROLE"])
def test_a_role_that_may_make_roles_makes_two_lesser_ones(state: State, database: str, attribute: str) -> None:
    _may(attribute, database)
    if attribute == "CREATEROLE":  # as if it had made them itself
        with psycopg.connect(ADMIN, autocommit=True) as connection:
            statement = "GRANT armstrong_owner, armstrong_app TO {} WITH ADMIN OPTION"
            connection.execute(sql.SQL(statement).format(sql.Identifier(database)))
    url = at(ADMIN, role=database, database=database) + "?connect_timeout=9"
    for _ in range(2):
        access = given_database(url, "", state)
        assert urlsplit(access.url).username == "armstrong_app"
        assert access.url.endswith(f"/{database}?connect_timeout=9")
        assert not _can_make_tables(access.url)
        assert _can_make_tables(access.owner_url)


def test_a_role_that_only_uses_the_tables_is_taken_as_it_is(state: State) -> None:
    access = given_database(os.environ["DATABASE_URL"], "postgresql://owner@elsewhere/x", state)
    assert access.url == os.environ["DATABASE_URL"]
    assert access.owner_url == "postgresql://owner@elsewhere/x"


def test_an_owner_that_may_make_no_roles_is_refused(state: State, database: str) -> None:
    with pytest.raises(Problem) as caught:
        given_database(at(ADMIN, role=database, database=database), "", state)
    assert "row level security does not bind it" in str(caught.value)


@pytest.mark.parametrize("wrong", [{"role": "nobody"}, {"database": "nowhere"}])
def test_a_database_that_lets_nobody_in_is_a_problem(state: State, database: str, wrong: dict[str, str]) -> None:
    with pytest.raises(Problem) as caught:
        given_database(at(ADMIN, **({"role": database, "database": database} | wrong)), "", state)
    assert str(caught.value).startswith("DATABASE_URL does not lead to a database: ")
