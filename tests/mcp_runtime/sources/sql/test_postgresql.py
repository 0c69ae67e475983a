"""Statements against a real PostgreSQL server: what they answer, and what no statement can do."""

import asyncio
import time
from typing import Any

import pytest

from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.upstream import Health, UpstreamFailed
from tests.mcp_runtime.sources.calling import context, text_of
from tests.mcp_runtime.sources.sql.shop import PASSWORD, Shop, make_shop
from tests.mcp_runtime.sources.upstreams import HeldCredentials, call, discover, opened

RUNNING = "SELECT count(*) FROM pg_stat_activity WHERE usename = '{}' AND state = 'active'"
HANG_UP = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{}'"
EVERY_TYPE = """
SELECT true AS b, 9223372036854775807 AS big, 0.1::float8 AS f, 'NaN'::float8 AS nan, '-Infinity'::float4 AS inf,
  0.10::numeric AS exact, '2026-01-02'::date AS day, 'infinity'::date AS never, '10:00:00+02'::timetz AS at,
  '2026-01-02 03:04:05.6+00'::timestamptz AS instant, '2026-01-02 03:04:05'::timestamp AS local,
  '1 day 2 hours'::interval AS long, '00000000-0000-0000-0000-000000000001'::uuid AS id, '\\x00ff'::bytea AS raw,
  '{"a": [1, null, 1e400]}'::jsonb AS huge, '{"a": [1, "x"]}'::json AS j, ARRAY[1, NULL, 3] AS list,
  ARRAY[[1.5::float8, 'NaN'], [2, 3]] AS matrix, '[1,5)'::int4range AS span, '10.0.0.0/8'::cidr AS net,
  ROW(1, 'x') AS pair, 'glad'::mood AS mood, NULL::text AS nothing, ARRAY['2026-01-02'::date] AS days,
  '\\x01'::bytea IS NULL AS "with space"
"""


@pytest.fixture(scope="module")
def made() -> Shop:
    """One shop for all tests of this file, which cannot change it."""
    return make_shop()


@pytest.fixture
def shop(made: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The shop, which the operator allows."""
    monkeypatch.setenv("OUTBOUND_ALLOW", f"{made.host}:{made.port}")
    return made


def held() -> HeldCredentials:
    return HeldCredentials({"password": PASSWORD})


def statement(text: str, *parameters: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {"name": "asked", "sql": text, "parameters": list(parameters)} | settings


async def answer(shop: Shop, text: str, *parameters: dict[str, Any], given: Any = None, **settings: Any) -> Any:
    async with opened("sql", shop.config(statement(text, *parameters, **settings)), credentials=held()) as upstream:
        return await call(upstream, "asked", given)


async def error(shop: Shop, text: str, **settings: Any) -> str:
    """What a call answers whose statement the database takes at first."""
    result = await answer(shop, text, **settings)
    assert result.is_error
    return text_of(result)


async def reason(shop: Shop, text: str) -> str:
    """Why discovery refuses a statement, which is then not a tool."""
    async with opened("sql", shop.config(statement(text)), credentials=held()) as upstream:
        found = await discover(upstream)
    assert found.tools == []
    (refused,) = found.refused
    assert refused.name == "asked"
    return refused.reason


async def test_a_statement_is_a_tool_with_typed_parameters(shop: Shop) -> None:
    text = "SELECT id, total, day FROM orders WHERE customer = :customer AND day >= :since ORDER BY id;"
    customer = {"name": "customer", "type": "integer", "minimum": 1, "description": "Who"}
    since = {"name": "since", "type": "date", "required": False, "default": "2020-01-01"}
    config = shop.config(statement(text, customer, since, title="Orders"))
    async with opened("sql", config, credentials=held()) as upstream:
        found = await discover(upstream)
        assert found.speaks == "PostgreSQL 18.6"
        (tool,) = found.tools
        assert tool.annotations["readOnlyHint"] is True
        assert tool.input_schema["required"] == ["customer"]
        assert tool.input_schema["properties"]["since"] == {"type": "string", "format": "date", "default": "2020-01-01"}
        result = await call(upstream, "asked", {"customer": 7})
        assert result.structured == {
            "rows": [
                {"id": 1, "total": "12.50", "day": "2026-01-01"},
                {"id": 2, "total": "0.10", "day": "2026-02-01"},
            ],
            "truncated": False,
        }
        assert text_of(result).startswith('{"rows":[{"id":1,"total":"12.50","day":"2026-01-01"},')
        later = await call(upstream, "asked", {"customer": 7, "since": "2026-01-15"})
        assert [row["id"] for row in later.structured["rows"]] == [2]
        await upstream.probe()


async def test_values_of_every_type_become_json(shop: Shop) -> None:
    (row,) = (await answer(shop, EVERY_TYPE)).structured["rows"]
    assert row == {
        "b": True,
        "big": 9223372036854775807,
        "f": 0.1,
        "nan": "NaN",
        "inf": "-Infinity",
        "exact": "0.10",
        "day": "2026-01-02",
        "never": "infinity",
        "at": "10:00:00+02",
        "instant": "2026-01-02T03:04:05.6Z",
        "local": "2026-01-02T03:04:05",
        "long": "P1DT2H",
        "id": "00000000-0000-0000-0000-000000000001",
        "raw": "AP8=",
        "huge": row["huge"],
        "j": {"a": [1, "x"]},
        "list": [1, None, 3],
        "matrix": [[1.5, "NaN"], [2.0, 3.0]],
        "span": "[1,5)",
        "net": "10.0.0.0/8",
        "pair": "(1,x)",
        "mood": "glad",
        "nothing": None,
        "days": ["2026-01-02"],
        "with space": False,
    }


async def test_parameters_of_every_type_are_bound(shop: Shop) -> None:
    kinds = ["integer", "number", "string", "boolean", "date", "datetime", "uuid", "json"]
    parameters = [{"name": f"p{number}", "type": kind} for number, kind in enumerate(kinds)]
    lists = [{"name": f"l{number}", "type": "array", "items": kind} for number, kind in enumerate(kinds)]
    names = [parameter["name"] for parameter in parameters + lists]
    text = "SELECT " + ", ".join(f":{name} AS {name}" for name in names) + ", :p0 + :p0 AS twice"
    values: list[Any] = [
        5,
        1.5,
        "'; DROP TABLE orders --\\",
        True,
        "2026-01-02",
        "2026-01-02T05:04:05+02:00",
        "6F9619FF-8B86-D011-B42D-00C04FC964FF",
        {"a": [1]},
    ]
    given = dict(zip(names, values + [[value] for value in values], strict=True))
    (row,) = (await answer(shop, text, *parameters, *lists, given=given)).structured["rows"]
    read = [5, "1.5", values[2], True, "2026-01-02", "2026-01-02T03:04:05Z", values[6].lower(), {"a": [1]}]
    assert [row[name] for name in names] == read + [[value] for value in read]
    assert row["twice"] == 10


async def test_what_is_left_out_is_null_and_what_cannot_be_bound_is_said(shop: Shop) -> None:
    optional = {"name": "who", "type": "string", "required": False}
    text = "SELECT count(*) AS n FROM orders WHERE :who IS NULL OR notes = :who"
    assert (await answer(shop, text, optional)).structured["rows"] == [{"n": 3}]
    assert (await answer(shop, text, optional, given={"who": "first"})).structured["rows"] == [{"n": 1}]
    refused = await answer(shop, text, optional, given={"who": "a\x00b"})
    assert (refused.is_error, text_of(refused)) == (True, "who is no string that the database takes.")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1; DROP TABLE orders",
        "SELECT 1;; SELECT 2",
        "SELECT 1 /* ; */; /* x */ DELETE FROM orders",
        "DROP TABLE orders",
        "COPY orders TO PROGRAM 'id'",
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "/* SELECT */ COPY orders FROM PROGRAM 'id'",
        "SET search_path = secret",
        "RESET ALL",
        "BEGIN READ WRITE",
        "DO $$ BEGIN END $$",
        "EXPLAIN ANALYZE SELECT 1",
        "SELECT 1 /* /* */ ; DROP TABLE orders --*/",
        "SELECT 'it''s",
        "SELECT $1",
        "SELECT $x$ unended",
        "SELECT :unknown",
        "-- nothing",
        "CALL something()",
        "SELECT 1 \x00",
    ],
)
async def test_what_is_not_one_reading_statement_is_refused_where_it_is_written(shop: Shop, text: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        async with opened("sql", shop.config(statement(text)), credentials=held()):
            pass
    assert list(refused.value.fields) == ["config.statements[0].sql"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone", "data-modifying"),
        ("SELECT * INTO copied FROM orders", "INTO"),
        ("SELECT * FROM orders FOR UPDATE", "read-only transaction"),
        ("SELECT 1 AS a, 2 AS a", "Two of its columns are called a"),
        ("SELECT * FROM secret.salaries", "permission denied"),
        ("SELECT * FROM salaries", "does not exist"),
        ("SELECT nothing", "does not exist"),
        ("SELECT pg_read_file('/etc/passwd')", "permission denied"),
        ("SELECT FROM WHERE", "syntax error"),
    ],
)
async def test_the_database_refuses_what_cannot_be_read(shop: Shop, text: str, says: str) -> None:
    assert says in await reason(shop, text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT writing() AS id",
        "SELECT nextval('numbers') AS n",
        "SELECT set_config('transaction_read_only', 'off', false) AS s, writing() AS id",
        "SELECT set_config('transaction_read_only', 'off', true) AS s, writing() AS id",
        "SELECT set_config('default_transaction_read_only', 'off', false) AS s, writing() AS id",
        "SELECT lo_create(0) AS l",
    ],
)
async def test_no_statement_writes(shop: Shop, text: str) -> None:
    said = await error(shop, text)
    assert "read-only" in said or "read-write mode must be set before any query" in said
    assert shop.superuser("SELECT count(*) FROM orders") == [(3,)]
    assert shop.superuser("SELECT count(*) FROM pg_largeobject_metadata") == [(0,)]


async def test_nothing_that_a_statement_sets_outlives_it(shop: Shop) -> None:
    setting = """SELECT set_config('search_path', 'secret', false) AS a,
      set_config('statement_timeout', '0', false) AS b,
      set_config('default_transaction_read_only', 'off', false) AS c, pg_advisory_lock(4711) IS NULL AS d"""
    reading = """SELECT current_setting('search_path') AS path, current_setting('transaction_read_only') AS read_only,
      (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711) AS locks,
      count(*) AS n FROM orders"""
    config = shop.config(statement(setting), {"name": "later", "sql": reading})
    async with opened("sql", config, credentials=held()) as upstream:
        assert not (await call(upstream, "asked")).is_error
        (row,) = (await call(upstream, "later")).structured["rows"]
    assert row == {"path": '"pg_catalog", "public", "pg_temp"', "read_only": "on", "locks": 0, "n": 3}


async def test_the_search_path_is_the_configured_one(shop: Shop) -> None:
    text = "SELECT current_setting('search_path') AS path"
    config = shop.config(statement(text), search_path=["sales", 'odd", secret'])
    async with opened("sql", config, credentials=held()) as upstream:
        (row,) = (await call(upstream, "asked")).structured["rows"]
    assert row["path"] == '"pg_catalog", "sales", "odd"", secret", "pg_temp"'


async def test_a_statement_that_takes_too_long_is_ended_in_the_server_too(shop: Shop) -> None:
    begun = time.monotonic()
    said = await error(shop, "SELECT pg_sleep(30) IS NULL AS s", timeout=0.3)
    assert (said, time.monotonic() - begun < 10) == ("The database did not answer within 0.3 s.", True)
    assert shop.superuser(RUNNING.format(shop.user)) == [(0,)]


async def test_a_million_rows_never_come(shop: Shop) -> None:
    config = shop.config(
        statement("SELECT generate_series(1, 1000000000) AS n, repeat('x', 100) AS t", row_limit=50),
        {"name": "wide", "sql": "SELECT repeat('x', 1000) AS t FROM generate_series(1, 10000)", "byte_limit": 4096,
         "row_limit": 10000},
        {"name": "vast", "sql": "SELECT repeat('x', 200000000) AS t", "byte_limit": 4096},
        {"name": "small", "sql": "SELECT 1 AS one"},
    )  # fmt: skip
    async with opened("sql", config, credentials=held()) as upstream:
        many = (await call(upstream, "asked")).structured
        assert (len(many["rows"]), many["truncated"]) == (50, True)
        wide = await call(upstream, "wide")
        assert (len(wide.structured["rows"]), wide.structured["truncated"]) == (4, True)
        assert len(text_of(wide).encode()) <= 4096
        vast = await call(upstream, "vast")
        assert (vast.is_error, text_of(vast)) == (True, "A row is larger than 4096 bytes.")
        assert (await call(upstream, "small")).structured == {"rows": [{"one": 1}], "truncated": False}


async def test_a_call_that_is_cancelled_leaves_the_database_to_others(shop: Shop) -> None:
    config = shop.config(statement("SELECT pg_sleep(30) IS NULL AS s"), {"name": "small", "sql": "SELECT 1 AS one"})
    async with opened("sql", config, credentials=held()) as upstream:
        found = await discover(upstream)
        slow = upstream.tool(found.tools[0].config)
        calls = [asyncio.ensure_future(slow(context(), {})) for _call in range(12)]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await asyncio.gather(*calls)
        async with asyncio.timeout(5):
            assert not (await call(upstream, "small")).is_error


async def test_no_time_left_is_said_without_asking(shop: Shop) -> None:
    async with opened("sql", shop.config(statement("SELECT 1 AS one")), credentials=held()) as upstream:
        result = await call(upstream, "asked", seconds=-1)
    assert text_of(result) == "No time is left to ask the database."


async def test_a_wrong_password_needs_a_login(shop: Shop) -> None:
    for wrong in ("wrong", ""):
        async with opened("sql", shop.config(), credentials=HeldCredentials({"password": wrong})) as upstream:
            with pytest.raises(UpstreamFailed) as failed:
                await upstream.probe()
        assert failed.value.health is Health.NEEDS_LOGIN
        assert "wrong" not in str(failed.value)


async def test_a_password_that_changed_in_the_server_is_told_by_the_next_connection(shop: Shop) -> None:
    other = make_shop()
    async with opened("sql", other.config(statement("SELECT 1 AS one")), credentials=held()) as upstream:
        await upstream.probe()
        other.superuser(f"ALTER ROLE {other.user} PASSWORD 'another'")
        other.superuser(HANG_UP.format(other.user))
        with pytest.raises(UpstreamFailed) as failed:
            await upstream.probe()
    assert failed.value.health is Health.NEEDS_LOGIN


async def test_a_connection_that_the_server_closed_is_replaced(shop: Shop) -> None:
    async with opened("sql", shop.config(statement("SELECT 1 AS one")), credentials=held()) as upstream:
        assert not (await call(upstream, "asked")).is_error
        shop.superuser(HANG_UP.format(shop.user))
        assert not (await call(upstream, "asked")).is_error


async def test_who_may_not_connect_is_denied_and_who_is_not_there_is_down(shop: Shop) -> None:
    other = make_shop()
    other.superuser(f"REVOKE CONNECT ON DATABASE {other.database} FROM PUBLIC")
    cases = [(other.config(), Health.DENIED), (shop.config(database="nowhere"), Health.DOWN)]
    for config, health in cases:
        async with opened("sql", config, credentials=held()) as upstream:
            with pytest.raises(UpstreamFailed) as failed:
                await upstream.probe()
        assert failed.value.health is health


async def test_a_superuser_is_refused(shop: Shop) -> None:
    shop.superuser(f"CREATE ROLE {shop.user}_su SUPERUSER LOGIN PASSWORD 'only-for-tests'")
    config = shop.config(user=f"{shop.user}_su")
    async with opened("sql", config, credentials=HeldCredentials({"password": "only-for-tests"})) as upstream:
        with pytest.raises(UpstreamFailed, match="superuser") as failed:
            await upstream.probe()
    assert failed.value.health is Health.DENIED
