"""The two database roles: one owns the tables and migrates them, the other uses them and is bound by row security."""

import psycopg
from psycopg import sql

OWNER = "armstrong_owner"
APPLICATION = "armstrong_app"


def provision(admin_url: str, *, database: str, owner_password: str, app_password: str) -> None:
    """Makes both roles and `database`, and lets the application use (not change) what the owner makes. Idempotent.

    `admin_url` names a role that may create roles and databases.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection:
        _role(connection, OWNER, owner_password)
        _role(connection, APPLICATION, app_password)
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
        if not exists:
            statement = "CREATE DATABASE {} OWNER {}"
            connection.execute(sql.SQL(statement).format(sql.Identifier(database), sql.Identifier(OWNER)))
    with psycopg.connect(admin_url, dbname=database, autocommit=True) as connection:
        _grant(connection)


def _role(connection: psycopg.Connection[tuple[object, ...]], role: str, password: str) -> None:
    exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    verb = "ALTER" if exists else "CREATE"
    statement = verb + " ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD {}"
    connection.execute(sql.SQL(statement).format(sql.Identifier(role), sql.Literal(password)))


def _grant(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    names = {"owner": sql.Identifier(OWNER), "app": sql.Identifier(APPLICATION)}
    defaults = "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public"
    for statement in (
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        "GRANT ALL ON SCHEMA public TO {owner}",
        "GRANT USAGE ON SCHEMA public TO {app}",
        f"{defaults} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {{app}}",
        f"{defaults} GRANT USAGE, SELECT ON SEQUENCES TO {{app}}",
    ):
        connection.execute(sql.SQL(statement).format(**names))
