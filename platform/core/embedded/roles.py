"""The two database roles: one owns the tables and migrates them, the other uses them and is bound by row security."""

import psycopg
from psycopg import sql

OWNER = "armstrong_owner"
APPLICATION = "armstrong_app"


def provision(admin_url: str, *, database: str, owner_password: str, app_password: str) -> None:
    """Makes both roles and `database`, and lets the application use (not change) what the owner makes. Idempotent.

    `admin_url` names a role that may create roles, and owns `database` or may create it.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection:
        is_superuser = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
        for role, password in ((OWNER, owner_password), (APPLICATION, app_password)):
            _role(connection, role, password, by_superuser=is_superuser == (True,))
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
        if not exists:
            statement = "CREATE DATABASE {} OWNER {}"
            connection.execute(sql.SQL(statement).format(sql.Identifier(database), sql.Identifier(OWNER)))
    with psycopg.connect(admin_url, dbname=database, autocommit=True) as connection:
        _grant(connection)


def _role(connection: psycopg.Connection[tuple[object, ...]], role: str, password: str, *, by_superuser: bool) -> None:
    exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    if exists and not by_superuser:
        # Others may not even name the attributes that only a superuser changes.
        statement = "ALTER ROLE {} LOGIN PASSWORD {}"
    elif exists:
        statement = "ALTER ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD {}"
    else:
        statement = "CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD {}"
    connection.execute(sql.SQL(statement).format(sql.Identifier(role), sql.Literal(password)))
    if not by_superuser:
        # Since PostgreSQL 16 its creator administers a role, but acts for it only as a member.
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))


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
