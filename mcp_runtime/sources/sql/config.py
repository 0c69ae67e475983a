"""What a database is configured with.

    {"engine": "postgresql", "host": "db.example.com", "port": 5432, "database": "shop", "user": "reader",
     "sslmode": "verify-full", "search_path": ["public"],
     "statements": [{"name": "orders_of", "title": "Orders", "description": "A customer's latest orders.",
                     "sql": "SELECT id, total FROM orders WHERE customer = :customer AND day >= :since",
                     "parameters": [{"name": "customer", "type": "integer", "minimum": 1},
                                    {"name": "since", "type": "date", "required": false, "default": "2020-01-01"}],
                     "row_limit": 100, "byte_limit": 262144, "timeout": 10}]}

The password is the secret `password`. With `"engine": "sqlite"` there is no server: the file is uploaded.

`:name` stands for a parameter, wherever SQL takes a value; it is bound by the server with the type that it was declared
with, and never becomes part of the text. In PostgreSQL that type is bigint, numeric, text, boolean, date, timestamptz,
uuid or jsonb (write `:name::integer` where a function wants another), in SQLite the nearest it has, with lists as JSON.
"""

from typing import Annotated, Any, Literal

import msgspec

from mcp_runtime.sources.configuration import converted

STATEMENTS = 200
PARAMETERS = 64
DEFAULT_ROWS = 100
MAXIMUM_ROWS = 10_000
DEFAULT_BYTES = 256 * 1024
MAXIMUM_BYTES = 1024 * 1024
DEFAULT_SECONDS = 10.0

type Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
type ToolName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
type Words = Annotated[str, msgspec.Meta(max_length=4_096)]
type Sql = Annotated[str, msgspec.Meta(min_length=1, max_length=32_768)]
type Scalar = Literal["integer", "number", "string", "boolean", "date", "datetime", "uuid", "json"]
# Names of servers' objects: no NUL, which ends a name on the way (PostgreSQL, section 4.1.1).
type Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=63, pattern=r"^[^\x00-\x1f\x7f]+$")]

# libpq would read one with these in some places as a whole connection string (PostgreSQL, section 32.1.2).
type Database = Annotated[str, msgspec.Meta(min_length=1, max_length=63, pattern=r"^[^\x00-\x1f\x7f=/]+$")]


class Parameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One parameter of a statement. One that is not required and has no default is NULL when it is left out."""

    name: Name
    type: Scalar | Literal["array"]
    items: Scalar | None = None
    description: Words = ""
    required: bool = True
    default: Any = msgspec.UNSET
    enum: Annotated[list[Any], msgspec.Meta(min_length=1, max_length=500)] | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    max_length: Annotated[int, msgspec.Meta(ge=0)] | None = None
    max_items: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One statement, which is one tool: `timeout` in seconds, `byte_limit` in bytes of JSON."""

    name: ToolName
    sql: Sql
    title: Annotated[str, msgspec.Meta(max_length=200)] = ""
    description: Words = ""
    parameters: Annotated[list[Parameter], msgspec.Meta(max_length=PARAMETERS)] = []
    row_limit: Annotated[int, msgspec.Meta(ge=1, le=MAXIMUM_ROWS)] = DEFAULT_ROWS
    byte_limit: Annotated[int, msgspec.Meta(ge=1_024, le=MAXIMUM_BYTES)] = DEFAULT_BYTES
    timeout: Annotated[float, msgspec.Meta(ge=0.1, le=60)] = DEFAULT_SECONDS


type Schemas = Annotated[list[Identifier], msgspec.Meta(min_length=1, max_length=16)]
type Statements = Annotated[list[Statement], msgspec.Meta(max_length=STATEMENTS)]


class PostgresConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="engine", tag="postgresql"):
    """A PostgreSQL server, over TCP alone.

    `sslmode` is libpq's, without those that fall back to no encryption; `certificates` are the authorities to trust
    instead of the system's, as PEM. `search_path` is pinned for each statement.
    """

    host: Annotated[str, msgspec.Meta(min_length=1, max_length=253)]
    database: Database
    user: Identifier
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 5432
    sslmode: Literal["disable", "require", "verify-ca", "verify-full"] = "verify-full"
    certificates: Annotated[str, msgspec.Meta(max_length=65_536)] = ""
    search_path: Annotated[list[Identifier], msgspec.Meta(min_length=1, max_length=16)] = msgspec.field(
        default_factory=lambda: ["public"]
    )
    statements: Statements = []


class SqliteConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="engine", tag="sqlite"):
    """An SQLite file, which was uploaded."""

    statements: Statements = []


type Config = PostgresConfig | SqliteConfig


def read_config(config: dict[str, Any]) -> Config:
    """The typed configuration; raises InvalidConfig that names the wrong field."""
    typed: Config = converted(config, PostgresConfig | SqliteConfig)  # type: ignore[arg-type]  # a union is a type here
    return typed
