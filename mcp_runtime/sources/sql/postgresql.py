"""A PostgreSQL database in use: its statements declared as cursors of read-only transactions, and nothing else."""

import asyncio
import math
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, cast

import psycopg
from psycopg import sql

from core.outbound import Client
from core.refusals import Refused
from mcp_runtime.sources.contract import CallContext, ToolHandler, ToolResult, text_result
from mcp_runtime.sources.sql.bounded import BoundedConnection, TooLarge
from mcp_runtime.sources.sql.columns import schema_of
from mcp_runtime.sources.sql.config import Parameter, PostgresConfig
from mcp_runtime.sources.sql.connecting import connect
from mcp_runtime.sources.sql.parameters import BadArgument, Prepared, as_text
from mcp_runtime.sources.sql.pool import Pool
from mcp_runtime.sources.sql.rows import Rows, output_schema, twice
from mcp_runtime.sources.upstream import Credentials, Health, UpstreamFailed

CURSOR = "armstrong"
SQL_TYPES = {
    "integer": "bigint",
    "number": "numeric",
    "string": "text",
    "boolean": "boolean",
    "date": "date",
    "datetime": "timestamptz",
    "uuid": "uuid",
    "json": "jsonb",
}
PROBE_SECONDS = 5.0
# Of the time that a call has: when the server ends it first, the connection stays.
SERVERS_SHARE = 0.95
DISCOVERY_SECONDS = 10.0  # for each statement
SHAPE_BYTES = 256 * 1024  # what describing a statement may be answered with
# On the wire a value may take more than in JSON (bytes in hex), and so may what frames it.
WIRE_FACTOR, WIRE_BYTES = 4, 64 * 1024
SAID_CHARACTERS = 500
VERSION = re.compile(r"\d{1,3}(?:\.\d{1,3}){0,2}")
# Ends a statement whose client left, which a server notices by itself only when it sends; older ones cannot.
NOTICES_SINCE = 140_000
NOTICE_MILLISECONDS = 2_000
# So that values are written in the one way that columns.py reads, and texts read as placeholders.py does.
SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "idle_in_transaction_session_timeout": "60000",
}


class PostgresDatabase:
    """One database of one upstream; `credentials` hold its password."""

    def __init__(self, config: PostgresConfig, client: Client, credentials: Credentials) -> None:
        self._config = config
        self._client = client
        self._credentials = credentials
        self._speaks = "PostgreSQL"
        self._server_version = 0
        self._pool = Pool(self._connect)

    async def _connect(self) -> BoundedConnection:
        password = (await self._credentials.secrets()).get("password", "")
        connection = await connect(self._client, self._config, password)
        self._server_version = connection.pgconn.server_version
        said = (connection.pgconn.parameter_status(b"server_version") or b"").decode("ascii", "replace")
        version = VERSION.match(said)
        self._speaks = f"PostgreSQL {version[0]}" if version else "PostgreSQL"
        return connection

    async def speaks(self) -> str:
        """The server's name and version. Raises UpstreamFailed."""
        await self.probe()
        return self._speaks

    async def probe(self) -> None:
        """Reads a one out of a read-only transaction. Raises UpstreamFailed."""
        try:
            async with asyncio.timeout(PROBE_SECONDS), self._reading(PROBE_SECONDS) as connection:
                connection.allow(SHAPE_BYTES)
                await connection.execute(b"SELECT 1")
        except TimeoutError:
            raise UpstreamFailed(f"The database did not answer within {PROBE_SECONDS:g} s.") from None
        except psycopg.Error as error:
            health = Health.DENIED if error.sqlstate == "42501" else Health.DOWN
            raise UpstreamFailed("The database does not answer a query that reads nothing.", health) from None

    async def shape(self, prepared: Prepared) -> dict[str, Any] | str:
        """The output schema of a statement, or the reason why the database refuses it. Raises UpstreamFailed."""
        try:
            async with asyncio.timeout(DISCOVERY_SECONDS), self._reading(DISCOVERY_SECONDS) as connection:
                connection.allow(SHAPE_BYTES)
                columns = await _declared(connection, prepared, dict.fromkeys(prepared.parameters))
        except TimeoutError:
            return f"The database did not prepare it within {DISCOVERY_SECONDS:g} s."
        except (psycopg.Error, TooLarge) as error:
            return _said(error)
        if name := twice([column.name for column in columns]):
            return f"Two of its columns are called {name}: give each a name of its own (AS)."
        return output_schema({column.name: schema_of(column.type_code) for column in columns})

    def handler(self, prepared: Prepared) -> ToolHandler:
        """What answers calls of a statement."""
        return partial(self._answer, prepared)

    async def _answer(self, prepared: Prepared, context: CallContext, arguments: dict[str, Any]) -> ToolResult:
        limit = prepared.statement.timeout
        seconds = min(limit, context.deadline - asyncio.get_running_loop().time())
        if seconds <= 0:
            return text_result("No time is left to ask the database.", is_error=True)
        try:
            values = prepared.values(arguments, _bindable)
            async with asyncio.timeout(seconds), self._reading(seconds) as connection:
                return await _rows(connection, prepared, values)
        except (TimeoutError, psycopg.errors.QueryCanceled):
            return text_result(f"The database did not answer within {seconds:.3g} s.", is_error=True)
        except (BadArgument, Refused) as refused:
            return text_result(str(refused), is_error=True)
        except TooLarge:
            return text_result(f"A row is larger than {prepared.statement.byte_limit} bytes.", is_error=True)
        except psycopg.Error as error:
            return self._failed(error)

    def _failed(self, error: psycopg.Error) -> ToolResult:
        # Without a state the server said nothing: the connection broke.
        if error.sqlstate is None and isinstance(error, psycopg.OperationalError):
            raise UpstreamFailed("The connection to the database broke.") from None
        return text_result(_said(error), is_error=True)

    @asynccontextmanager
    async def _reading(self, seconds: float) -> AsyncIterator[BoundedConnection]:
        async with self._pool.transaction(self._beginning(seconds)) as connection:
            yield connection

    def _beginning(self, seconds: float) -> str:
        """Begins a transaction that only reads: the SELECT takes its snapshot, after which nothing makes it write."""
        path = ", ".join(_quoted(name) for name in ("pg_catalog", *self._config.search_path, "pg_temp"))
        milliseconds = str(max(1, math.ceil(seconds * 1000 * SERVERS_SHARE)))
        settings = SETTINGS | {"search_path": path, "statement_timeout": milliseconds, "lock_timeout": milliseconds}
        if self._server_version >= NOTICES_SINCE:
            settings["client_connection_check_interval"] = str(NOTICE_MILLISECONDS)
        calls = ", ".join(
            f"pg_catalog.set_config({_literal(name)}, {_literal(value)}, true)" for name, value in settings.items()
        )
        return f"BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SELECT {calls}"

    async def close(self) -> None:
        """Ends its connections."""
        self._pool.close()


class DeclaredCursor(psycopg.AsyncRawServerCursor[tuple[Any, ...]]):
    """A cursor that ends with its transaction: asking the server to close it would be another round trip."""

    def leave(self) -> None:
        """Forgets it here."""
        self._close()


async def _declared(connection: BoundedConnection, prepared: Prepared, values: dict[str, Any]) -> list[psycopg.Column]:
    """Declares the statement as the cursor: a SELECT and nothing else can be one, and no more than one can be sent."""
    names = list(prepared.parameters)
    text = prepared.text.written(lambda name: f"${names.index(name) + 1}::{_sql_type(prepared.parameters[name])}")
    cursor = DeclaredCursor(connection, CURSOR, scrollable=False)
    try:
        await cursor.execute(text.encode(), [values[name] for name in names])
        return list(cursor.description or [])
    finally:
        cursor.leave()


async def _rows(connection: BoundedConnection, prepared: Prepared, values: dict[str, Any]) -> ToolResult:
    statement = prepared.statement
    connection.allow(WIRE_BYTES + statement.byte_limit * WIRE_FACTOR)
    columns = await _declared(connection, prepared, values)
    rows = Rows([column.name for column in columns], statement.row_limit, statement.byte_limit)
    fetch = f"FETCH FORWARD {statement.row_limit + 1} FROM {CURSOR}".encode()
    cursor = psycopg.AsyncRawCursor(connection)
    stream = cast("AsyncGenerator[tuple[Any, ...]]", cursor.stream(fetch))
    try:
        async for row in stream:
            if not rows.take(row):
                connection.drop()  # rather than read on, or ask the server to end it and wait for that
                if rows.is_empty:
                    # What came faster than it was counted says no less.
                    raise TooLarge
                break
    finally:
        with suppress(psycopg.Error):
            await stream.aclose()
    return rows.result()


def _bindable(parameter: Parameter, value: Any) -> str | list[str]:
    if parameter.items is None:
        return as_text(parameter.type, value)
    return [as_text(parameter.items, item) for item in value]


def _sql_type(parameter: Parameter) -> str:
    return SQL_TYPES[parameter.type] if parameter.items is None else f"{SQL_TYPES[parameter.items]}[]"


def _quoted(name: str) -> str:
    return sql.Identifier(name).as_string()


def _literal(text: str) -> str:
    return sql.Literal(text).as_string()


def _said(error: Exception) -> str:
    """What the server said of a statement, which is part of its answer, on one line and not too long."""
    if not isinstance(error, psycopg.Error):
        return "The database answered with more than a description of the statement."
    said = error.diag.message_primary or str(error)
    printable = "".join(character if character.isprintable() else " " for character in said)
    return f"The database refuses: {printable[:SAID_CHARACTERS]}"
