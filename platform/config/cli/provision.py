"""`armstrong provision`: makes the two database roles and the database, with rights that nothing uses after that."""

import argparse
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import psycopg

from config.problems import Problem
from core import environment
from core.embedded import roles


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Says what is read from the environment; there are no options."""
    parser.epilog = (
        "DATABASE_ADMIN_URL names a role that may make roles and databases; DATABASE_OWNER_URL and DATABASE_URL say "
        "what to make: the roles' passwords and the database's name."
    )


def run(_: argparse.Namespace) -> int:
    """Makes what is not there yet and sets the passwords of what is. Raises Problem or BadEnvironment."""
    owner = _wanted("DATABASE_OWNER_URL", roles.OWNER)
    application = _wanted("DATABASE_URL", roles.APPLICATION)
    if owner.database != application.database:
        raise Problem("DATABASE_OWNER_URL and DATABASE_URL name different databases. Name the same one in both.")
    try:
        roles.provision(
            environment.secret("DATABASE_ADMIN_URL"),
            database=owner.database,
            owner_password=owner.password,
            app_password=application.password,
        )
    except psycopg.Error as error:
        raise Problem(f"DATABASE_ADMIN_URL cannot make the roles and the database: {str(error).strip()}") from None
    return 0


@dataclass(frozen=True, slots=True)
class _Wanted:
    password: str
    database: str


def _wanted(variable: str, role: str) -> _Wanted:
    parts = urlsplit(environment.secret(variable))
    password, database = unquote(parts.password or ""), unquote(parts.path.lstrip("/"))
    if unquote(parts.username or "") != role or not password or not database:
        raise Problem(f"{variable} has to be postgresql://{role}:PASSWORD@HOST:PORT/DATABASE.")
    return _Wanted(password, database)
