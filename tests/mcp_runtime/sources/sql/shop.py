"""A database of somebody else's, on the tests' PostgreSQL server: a shop, and a role that may read some of it."""

import os
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.conftest import unique

PASSWORD = "only-for-tests'\\ and spaces"
SETUP = """
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TABLE orders (id bigint PRIMARY KEY, customer integer, total numeric(12, 2), day date, notes text, mood mood);
INSERT INTO orders VALUES (1, 7, 12.50, '2026-01-01', 'first', 'glad'), (2, 7, 0.10, '2026-02-01', NULL, 'sad'),
    (3, 8, 99999999.99, '2026-03-01', 'it''s; DROP TABLE orders --', NULL);
CREATE SCHEMA secret;
CREATE TABLE secret.orders (id bigint);
CREATE TABLE secret.salaries (amount bigint);
CREATE FUNCTION writing() RETURNS bigint LANGUAGE sql VOLATILE AS
    $$ INSERT INTO orders (id) VALUES (99) RETURNING id $$;
CREATE SEQUENCE numbers;
"""


@dataclass(frozen=True)
class Shop:
    """The database's address, and the role that tools connect as."""

    host: str
    port: int
    database: str
    user: str

    def config(self, *statements: dict[str, Any], **settings: Any) -> dict[str, Any]:
        """The configuration of an upstream with these statements."""
        return {
            "engine": "postgresql",
            "host": self.host,
            "port": self.port,
            "database": self.database,
            "user": self.user,
            "sslmode": "disable",
            "statements": list(statements),
        } | settings

    def superuser(self, statement: str) -> list[tuple[Any, ...]]:
        """What a statement of the server's owner gives."""
        with _admin(self.database) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


def _admin(database: str) -> "psycopg.Connection[tuple[Any, ...]]":
    return psycopg.connect(os.environ["TEST_ADMIN_URL"].rpartition("/")[0] + f"/{database}", autocommit=True)


def make_shop() -> Shop:
    """A database and a role of their own."""
    name, role = unique("shop").replace("-", "_"), unique("reader").replace("-", "_")
    with _admin("postgres") as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(PASSWORD))
        )
    with _admin(name) as connection:
        connection.execute(SETUP)
        for rights in ("ALL ON ALL TABLES IN SCHEMA public TO {}", "ALL ON ALL SEQUENCES IN SCHEMA public TO {}"):
            connection.execute(sql.SQL("GRANT " + rights).format(sql.Identifier(role)))
    address = conninfo_to_dict(os.environ["TEST_ADMIN_URL"])
    return Shop(str(address["host"]), int(address["port"] or 0), name, role)
