"""Statements against real SQLite files: what they answer, and what no statement or file can do."""

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.upstream import UpstreamFailed
from tests.mcp_runtime.sources.calling import text_of
from tests.mcp_runtime.sources.upstreams import call, discover, opened

SETUP = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, total REAL, raw BLOB);
INSERT INTO orders VALUES (1, 'Ann', 12.5, x'00ff'), (2, 'Ann', 9e999, NULL), (3, CAST(x'ff' AS TEXT), 1, NULL);
CREATE VIRTUAL TABLE notes USING fts5(text);
INSERT INTO notes VALUES ('the quick fox'), ('a slow snail');
CREATE VIEW evil AS SELECT load_extension('/tmp/evil.so');
"""
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT {} FROM n"


@pytest.fixture
def material(tmp_path: Path) -> bytes:
    """A file as its owner would upload it, in the mode that most programs leave files in."""
    path = tmp_path / "shop.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(SETUP)
    connection.close()
    return path.read_bytes()


def config(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"engine": "sqlite", "statements": list(statements)}


def asked(text: str, *parameters: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return config({"name": "asked", "sql": text, "parameters": list(parameters)} | settings)


async def answer(material: bytes, text: str, *parameters: dict[str, Any], given: Any = None, **settings: Any) -> Any:
    async with opened("sql", asked(text, *parameters, **settings), material=material) as upstream:
        return await call(upstream, "asked", given)


async def test_a_statement_is_a_tool(material: bytes) -> None:
    text = (
        "SELECT id, customer, total, raw FROM orders WHERE customer = :who OR id IN (SELECT value FROM json_each(:ids))"
    )
    who, ids = {"name": "who", "type": "string"}, {"name": "ids", "type": "array", "items": "integer"}
    async with opened("sql", asked(text, who, ids), material=material) as upstream:
        await upstream.probe()
        assert (await discover(upstream)).speaks == f"SQLite {sqlite3.sqlite_version}"
        rows = (await call(upstream, "asked", {"who": "Ann", "ids": [3]})).structured["rows"]
    assert rows == [
        {"id": 1, "customer": "Ann", "total": 12.5, "raw": "AP8="},
        {"id": 2, "customer": "Ann", "total": "Infinity", "raw": None},
        {"id": 3, "customer": "\ufffd", "total": 1.0, "raw": None},
    ]


async def test_full_text_search_works(material: bytes) -> None:
    word = {"name": "word", "type": "string"}
    result = await answer(material, "SELECT text FROM notes WHERE notes MATCH :word", word, given={"word": "fox"})
    assert result.structured["rows"] == [{"text": "the quick fox"}]


async def test_parameters_of_every_type_are_bound(material: bytes) -> None:
    kinds = {"integer": 5, "number": 1.5, "string": "'; DROP TABLE orders --", "boolean": True, "date": "2026-01-02"}
    parameters = [{"name": f"p_{kind}", "type": kind} for kind in kinds]
    text = "SELECT " + ", ".join(f":p_{kind} AS {kind}" for kind in kinds)
    given = {f"p_{kind}": value for kind, value in kinds.items()}
    assert (await answer(material, text, *parameters, given=given)).structured["rows"] == [kinds | {"boolean": 1}]


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM orders",
        "SELECT 1; DELETE FROM orders",
        "ATTACH 'other.db' AS other",
        "PRAGMA writable_schema = 1",
        "VACUUM INTO '/tmp/out.db'",
        "SELECT 1 -- \n; DROP TABLE orders",
    ],
)
async def test_what_is_not_one_reading_statement_is_refused_where_it_is_written(material: bytes, text: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        async with opened("sql", asked(text), material=material):
            pass
    assert list(refused.value.fields) == ["config.statements[0].sql"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("WITH x AS (SELECT 1) DELETE FROM orders", "not authorized"),
        ("WITH x(a) AS (VALUES (9)) INSERT INTO orders (id) SELECT a FROM x RETURNING id", "not authorized"),
        ("WITH x AS (SELECT 1) UPDATE sqlite_master SET sql = ''", "may not be modified"),
        ("SELECT load_extension('/tmp/evil.so') AS e", "not authorized"),
        ("SELECT * FROM evil", "unsafe use of load_extension"),
        ("SELECT fts3_tokenizer('x') AS t", "not authorized"),
        ("SELECT * FROM pragma_database_list", "is prohibited"),
        ("SELECT 1 AS a, 2 AS a", "Two of its columns are called a"),
        ("SELECT absent FROM orders", "no such column"),
        ("SELECT FROM", "syntax error"),
    ],
)
async def test_what_does_not_only_read_is_refused(material: bytes, text: str, says: str) -> None:
    async with opened("sql", asked(text), material=material) as upstream:
        found = await discover(upstream)
    assert found.tools == []
    assert says in found.refused[0].reason


@pytest.mark.parametrize("what", ["max(i)", "count(*)", "group_concat(i)"])
async def test_a_statement_that_takes_too_long_is_ended(material: bytes, what: str) -> None:
    begun = time.monotonic()
    result = await answer(material, ENDLESS.format(f"{what} AS m"), timeout=0.2)
    assert result.is_error
    assert time.monotonic() - begun < 10


async def test_a_million_rows_never_come(material: bytes) -> None:
    many = (await answer(material, ENDLESS.format("i"), row_limit=20)).structured
    assert (len(many["rows"]), many["truncated"]) == (20, True)
    wide = await answer(material, ENDLESS.format("printf('%.1000c', 'x') AS t"), byte_limit=4096)
    assert (len(wide.structured["rows"]), wide.structured["truncated"]) == (4, True)
    assert len(text_of(wide).encode()) <= 4096
    vast = await answer(material, "SELECT zeroblob(1000000000) AS z")
    assert "too big" in text_of(vast)


async def test_a_call_without_time_is_answered_without_asking(material: bytes) -> None:
    async with opened("sql", asked("SELECT 1 AS one"), material=material) as upstream:
        result = await call(upstream, "asked", seconds=-1)
        assert (result.is_error, text_of(result)) == (True, "The database did not answer within 0 s.")
        assert (await call(upstream, "asked")).structured["rows"] == [{"one": 1}]


@pytest.mark.parametrize("bad", [b"", b"PK\x03\x04", b"SQLite format 3\x00", b"SQLite format 3\x00" + b"\xff" * 4096])
async def test_what_is_no_database_is_refused_or_down(bad: bytes) -> None:
    with pytest.raises((InvalidConfig, UpstreamFailed)):
        async with opened("sql", asked("SELECT 1 AS one"), material=bad) as upstream:
            await discover(upstream)


async def test_a_damaged_file_is_told_and_harms_nobody(material: bytes) -> None:
    damaged = material[:200] + b"\xa5" * (len(material) - 200)
    async with opened("sql", asked("SELECT 1 AS one"), material=damaged) as upstream:
        with pytest.raises(UpstreamFailed, match="cannot be read"):
            await upstream.probe()


async def test_a_file_that_is_too_large_is_refused_before_it_is_stored(material: bytes) -> None:
    with pytest.raises(InvalidConfig) as refused:
        async with opened("sql", config(), material=material + bytes(16 * 1024 * 1024)):
            pass
    assert refused.value.fields == {"material": "The file is larger than 16 MiB."}
