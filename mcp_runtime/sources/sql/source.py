"""The kind of upstream `sql`: a database, of which each statement that its author wrote is a tool."""

from typing import Any, Protocol

import msgspec

from core.outbound import policy_from_environment, require_host_allowed_early
from core.refusals import Refused
from mcp_runtime.sources.configuration import converted
from mcp_runtime.sources.contract import InvalidConfig, ToolDraft, ToolHandler
from mcp_runtime.sources.sql.config import Config, PostgresConfig, SqliteConfig, Statement, read_config
from mcp_runtime.sources.sql.connecting import PORTS
from mcp_runtime.sources.sql.parameters import Prepared, prepare
from mcp_runtime.sources.sql.postgresql import PostgresDatabase
from mcp_runtime.sources.sql.sqlite import SqliteDatabase, require_database
from mcp_runtime.sources.upstream import (
    Discovery,
    Line,
    OpenUpstream,
    RefusedOperation,
    Report,
    ToolsAlone,
    UpstreamDraft,
)

PASSWORD = "password"  # noqa: S105  # what it is called


class Database(Protocol):
    """An engine's database in use."""

    async def speaks(self) -> str:
        """The engine and its version. Raises UpstreamFailed."""

    async def probe(self) -> None:
        """Reads as little as proves that statements would work. Raises UpstreamFailed."""

    async def shape(self, prepared: Prepared) -> dict[str, Any] | str:
        """The output schema of a statement, or why it is refused. Raises UpstreamFailed."""

    def handler(self, prepared: Prepared) -> ToolHandler:
        """What answers calls of a statement."""

    async def close(self) -> None:
        """Ends what is open."""


class SqlSource:
    """Databases: PostgreSQL servers and SQLite files."""

    kind = "sql"
    title = "SQL database"

    def check(self, draft: UpstreamDraft) -> UpstreamDraft:
        """The draft, complete. Raises InvalidConfig for what can be told wrong without the database."""
        config = read_config(draft.config)
        _require_statements(config)
        if isinstance(config, PostgresConfig):
            _require_server(config, draft)
        else:
            _require_file(draft)
        return draft

    def destination(self, config: dict[str, Any]) -> str:
        """The server, which gets the password; a file gets none."""
        typed = read_config(config)
        if isinstance(typed, SqliteConfig):
            return "sqlite:"
        return f"postgresql://{typed.host}:{typed.port}"

    def open(self, config: dict[str, Any], line: Line) -> OpenUpstream:
        """The database. Raises InvalidConfig."""
        typed = read_config(config)
        if isinstance(typed, PostgresConfig):
            return OpenDatabase(typed, PostgresDatabase(typed, line.http, line.credentials))
        return OpenDatabase(typed, SqliteDatabase(line.material))


class OpenDatabase(ToolsAlone):
    """A database and the statements that are asked of it."""

    def __init__(self, config: Config, database: Database) -> None:
        self._config = config
        self._database = database

    async def discover(self, report: Report) -> Discovery:
        """Every statement, prepared by the database itself. Raises UpstreamFailed."""
        found = Discovery(speaks=await self._database.speaks())
        statements = self._config.statements
        for number, statement in enumerate(statements):
            await report(number, len(statements), statement.name)
            shape = await self._shape(statement)
            if isinstance(shape, str):
                found.refused.append(RefusedOperation(statement.name, shape))
            else:
                found.tools.append(shape)
        return found

    async def _shape(self, statement: Statement) -> ToolDraft | str:
        try:
            prepared = prepare(statement, "statement")
        except InvalidConfig as error:
            return " ".join(error.fields.values())
        shape = await self._database.shape(prepared)
        return shape if isinstance(shape, str) else _draft(prepared, shape)

    async def probe(self) -> None:
        """Reads as little as there is. Raises UpstreamFailed."""
        await self._database.probe()

    def tool(self, operation: dict[str, Any]) -> ToolHandler:
        """How a statement is executed. Raises InvalidConfig."""
        return self._database.handler(prepare(converted(operation, Statement), "config"))

    async def close(self) -> None:
        """Ends its connections."""
        await self._database.close()


def _draft(prepared: Prepared, shape: dict[str, Any]) -> ToolDraft:
    statement = prepared.statement
    return ToolDraft(
        name=statement.name,
        title=statement.title,
        description=statement.description,
        input_schema=prepared.input_schema,
        output_schema=shape,
        annotations={"readOnlyHint": True, "openWorldHint": False},
        config=operation_of(statement),
    )


def operation_of(statement: Statement) -> dict[str, Any]:
    """A statement as it is stored."""
    stored: dict[str, Any] = msgspec.to_builtins(statement)
    return stored


def _require_statements(config: Config) -> None:
    wrong: dict[str, str] = {}
    names: set[str] = set()
    for number, statement in enumerate(config.statements):
        field = f"config.statements[{number}]"
        try:
            prepare(statement, field)
        except InvalidConfig as error:
            wrong |= error.fields
        if statement.name in names:
            wrong[f"{field}.name"] = "Another statement has this name."
        names.add(statement.name)
    if wrong:
        raise InvalidConfig(wrong)


def _require_server(config: PostgresConfig, draft: UpstreamDraft) -> None:
    _require_secrets(draft, {PASSWORD})
    if draft.material:
        raise InvalidConfig({"material": "A PostgreSQL database takes no file."})
    try:
        require_host_allowed_early(policy_from_environment(), config.host, config.port, ports=PORTS)
    except Refused as refused:
        raise InvalidConfig({"config.host": str(refused)}) from None


def _require_file(draft: UpstreamDraft) -> None:
    _require_secrets(draft, set())
    if draft.material is None:
        return
    try:
        require_database(draft.material)
    except ValueError as error:
        raise InvalidConfig({"material": str(error)}) from None


def _require_secrets(draft: UpstreamDraft, known: set[str]) -> None:
    unknown = [name for name, value in draft.secrets.items() if value and name not in known]
    if unknown:
        sentence = "The only secret of a database is its password, and a file has none."
        raise InvalidConfig({f"secrets.{name}": sentence for name in unknown})
    if "\x00" in draft.secrets.get(PASSWORD, ""):
        raise InvalidConfig({f"secrets.{PASSWORD}": "A password holds no NUL."})
