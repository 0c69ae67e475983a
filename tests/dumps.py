"""What a dump of the database would hold: every table, read as a superuser, whom row security does not stop."""

import os

import psycopg
from psycopg import sql

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_HOLDING = sql.SQL("SELECT count(*) FROM {table} AS entry WHERE strpos(entry::text, %s) > 0")


def tables_holding(text: str) -> list[str]:
    """The tables in which a row's text form contains `text`."""
    database = os.environ["DATABASE_URL"].rpartition("/")[2]
    url = os.environ["TEST_ADMIN_URL"].rpartition("/")[0] + f"/{database}"
    with psycopg.connect(url) as connection:
        tables = [row[0] for row in connection.execute(_TABLES).fetchall()]
        return [table for table in tables if _holds(connection, table, text)]


def _holds(connection: psycopg.Connection[tuple[object, ...]], table: str, text: str) -> bool:
    row = connection.execute(_HOLDING.format(table=sql.Identifier(table)), [text]).fetchone()
    return row is not None and row[0] != 0
