"""An SQLite file in use: in memory, in a thread, with an authorizer that lets through nothing but reading."""

import asyncio
import base64
import re
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import islice
from typing import Any

from mcp_runtime.sources.contract import CallContext, ToolHandler, ToolResult, text_result
from mcp_runtime.sources.sql.config import Parameter
from mcp_runtime.sources.sql.parameters import BadArgument, Prepared, as_text
from mcp_runtime.sources.sql.rows import Rows, output_schema, twice
from mcp_runtime.sources.upstream import UpstreamFailed

FILE_BYTES = 16 * 1024 * 1024
HEADER = b"SQLite format 3\x00"
HEADER_BYTES = 100
WRITE_VERSION, READ_VERSION = 18, 19  # offsets in the header (https://www.sqlite.org/fileformat.html section 1.3)
JOURNAL, WRITE_AHEAD_LOG = 1, 2
STEPS = 4_000  # of SQLite's machine between two looks at the clock: a fraction of a millisecond
SHAPE_SECONDS = 5.0
IDLE_SECONDS = 60.0
SAID_CHARACTERS = 500
RENAMED = re.compile(r":\d+$")
ANY_VALUE = {"type": ["string", "number", "null"]}
LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 16 * 1024 * 1024,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 100,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
# https://www.sqlite.org/security.html section 1: for files from strangers.
SWITCHES = {
    sqlite3.SQLITE_DBCONFIG_DEFENSIVE: True,
    sqlite3.SQLITE_DBCONFIG_TRUSTED_SCHEMA: False,
    sqlite3.SQLITE_DBCONFIG_ENABLE_TRIGGER: False,
    sqlite3.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION: False,
    sqlite3.SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER: False,
}
READING = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE})
REFUSED_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer", "edit", "readfile", "writefile"})
# Full-text tables ask for it to see whether they changed.
HARMLESS_PRAGMAS = frozenset({"data_version"})

type Load = Callable[[], Awaitable[bytes]]


def require_database(material: bytes) -> None:
    """Raises ValueError, in a sentence, unless `material` may be an SQLite file of a size that is taken."""
    if len(material) > FILE_BYTES:
        raise ValueError(f"The file is larger than {FILE_BYTES // 1024 // 1024} MiB.")
    if len(material) < HEADER_BYTES or not material.startswith(HEADER):
        raise ValueError("This is not an SQLite 3 database.")


def opened(material: bytes) -> sqlite3.Connection:
    """The file, in memory and locked down. Raises ValueError and sqlite3.Error."""
    require_database(material)
    if material[READ_VERSION] == WRITE_AHEAD_LOG:
        # A file that was closed well holds all; memory has no place for the log that it would begin.
        head = bytearray(material[:HEADER_BYTES])
        head[WRITE_VERSION] = head[READ_VERSION] = JOURNAL
        material = bytes(head) + material[HEADER_BYTES:]
    connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    connection.deserialize(material)
    for switch, value in SWITCHES.items():
        connection.setconfig(switch, value)
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA query_only = ON")
    for limit, most in LIMITS.items():
        connection.setlimit(limit, most)
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    connection.set_authorizer(_authorize)
    return connection


def _authorize(action: int, first: str | None, second: str | None, _database: str | None, _inner: str | None) -> int:
    if action in READING:
        return sqlite3.SQLITE_DENY if (first or "").lower().startswith("pragma_") else sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() not in REFUSED_FUNCTIONS:
        return sqlite3.SQLITE_OK
    # What SQLite asks before it uses a virtual table; the schema itself is protected by the switches above.
    if action == sqlite3.SQLITE_UPDATE and first == "sqlite_master":
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_PRAGMA and first in HARMLESS_PRAGMAS and second is None:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


class SqliteDatabase:
    """One file of one upstream: read when it is needed, let go when it is not."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._connection: sqlite3.Connection | None = None
        self._turn = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None

    async def speaks(self) -> str:
        """The engine's name and version. Raises UpstreamFailed."""
        await self.probe()
        return f"SQLite {sqlite3.sqlite_version}"

    async def probe(self) -> None:
        """Reads the file's schema. Raises UpstreamFailed."""
        try:
            await self._work(_readable, SHAPE_SECONDS)
        except (sqlite3.Error, TimeoutError):
            raise UpstreamFailed("The SQLite file cannot be read: upload it again.") from None

    async def shape(self, prepared: Prepared) -> dict[str, Any] | str:
        """The output schema of a statement, or the reason why SQLite refuses it. Raises UpstreamFailed."""
        try:
            columns = await self._work(partial(_columns, prepared), SHAPE_SECONDS)
        except TimeoutError:
            return f"SQLite did not prepare it within {SHAPE_SECONDS:g} s."
        except sqlite3.Error as error:
            return _said(error)
        if name := twice(columns):
            return f"Two of its columns are called {name}: give each a name of its own (AS)."
        return output_schema(dict.fromkeys(columns, ANY_VALUE))

    def handler(self, prepared: Prepared) -> ToolHandler:
        """What answers calls of a statement."""
        return partial(self._answer, prepared)

    async def _answer(self, prepared: Prepared, context: CallContext, arguments: dict[str, Any]) -> ToolResult:
        seconds = min(prepared.statement.timeout, context.deadline - asyncio.get_running_loop().time())
        try:
            values = prepared.values(arguments, _bindable)
            return await self._work(partial(_rows, prepared, values), seconds)
        except BadArgument as error:
            return text_result(str(error), is_error=True)
        except TimeoutError:
            return text_result(f"The database did not answer within {max(seconds, 0):.3g} s.", is_error=True)
        except sqlite3.Error as error:
            return text_result(_said(error), is_error=True)

    async def _work[ValueT](self, work: Callable[[sqlite3.Connection], ValueT], seconds: float) -> ValueT:
        """`work` in a thread, in turn, ended when time is up or nobody waits. Raises TimeoutError, UpstreamFailed."""
        if seconds <= 0:
            raise TimeoutError
        ends = time.monotonic() + seconds
        async with asyncio.timeout(seconds):
            await self._turn.acquire()
        try:
            connection = await self._opened()
            gone = threading.Event()
            running = asyncio.ensure_future(asyncio.to_thread(_until, connection, work, ends, gone))
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                gone.set()
                await asyncio.wait([running])
                running.exception()
                raise
        finally:
            self._turn.release()

    async def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            material = await self._load()
            try:
                self._connection = await asyncio.to_thread(opened, material)
            except ValueError as error:
                raise UpstreamFailed(str(error)) from None
            except sqlite3.Error:
                raise UpstreamFailed("The SQLite file cannot be read: upload it again.") from None
        self._rest()
        return self._connection

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._let_go)

    def _let_go(self) -> None:
        if self._turn.locked():
            self._rest()
        else:
            self._let_go_now()

    async def close(self) -> None:
        """Lets the file go, when what is under way has ended."""
        async with self._turn:
            if self._timer is not None:
                self._timer.cancel()
            self._let_go_now()

    def _let_go_now(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _until[ValueT](
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], ValueT], ends: float, gone: threading.Event
) -> ValueT:
    connection.set_progress_handler(lambda: gone.is_set() or time.monotonic() > ends, STEPS)
    try:
        return work(connection)
    except sqlite3.OperationalError:
        if gone.is_set() or time.monotonic() > ends:
            raise TimeoutError from None
        raise


def _readable(connection: sqlite3.Connection) -> None:
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()


def _columns(prepared: Prepared, connection: sqlite3.Connection) -> list[str]:
    """The names of a statement's columns, without running it."""
    text = prepared.text.written(lambda name: f":{name}")
    nothing = dict.fromkeys(prepared.parameters)
    connection.execute(f"EXPLAIN {text}", nothing).close()
    shape = connection.execute(f"SELECT * FROM (\n{text}\n) LIMIT 0", nothing)  # noqa: S608  # the author's own
    names = [column[0] for column in shape.description]
    # In a subquery SQLite numbers the second column of one name.
    own = {name: RENAMED.sub("", name) for name in names}
    return [own[name] if own[name] in names else name for name in names]


def _rows(prepared: Prepared, values: dict[str, Any], connection: sqlite3.Connection) -> ToolResult:
    statement = prepared.statement
    cursor = connection.execute(prepared.text.written(lambda name: f":{name}"), values)
    rows = Rows([column[0] for column in cursor.description], statement.row_limit, statement.byte_limit)
    for row in islice(cursor, statement.row_limit + 1):
        if not rows.take(tuple(_json(value) for value in row)):
            break
    cursor.close()
    return rows.result()


def _json(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    # SQLite stores no NaN, but infinities.
    return ("Infinity" if value > 0 else "-Infinity") if value in (float("inf"), float("-inf")) else value


def _bindable(parameter: Parameter, value: Any) -> str | float:
    if parameter.items is not None:
        return as_text("json", value)
    if parameter.type == "boolean":
        return int(value)
    text = as_text(parameter.type, value)
    if parameter.type == "integer":
        return int(text)
    return float(value) if parameter.type == "number" else text


def _said(error: sqlite3.Error) -> str:
    printable = "".join(character if character.isprintable() else " " for character in str(error))
    return f"SQLite refuses: {printable[:SAID_CHARACTERS]}"
