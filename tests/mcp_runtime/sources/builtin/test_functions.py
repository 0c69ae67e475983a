"""What each built-in function answers."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from mcp_runtime.sources.builtin.catalogue import CATALOGUE
from mcp_runtime.sources.contract import InvalidConfig, ToolDraft, ToolResult
from mcp_runtime.sources.registry import SOURCES
from tests.mcp_runtime.sources.calling import call_tool, text_of


async def call(function: str, **arguments: Any) -> ToolResult:
    return await call_tool("builtin", ToolDraft(name=function, config={"function": function}), arguments)


async def test_echo_returns_its_text() -> None:
    assert text_of(await call("echo", text="héllo\n\0")) == "héllo\n\0"


async def test_time_is_told_in_the_zone_that_is_named() -> None:
    result = await call("time", zone="Asia/Kathmandu")
    told = datetime.fromisoformat(result.structured["datetime"])
    assert told.utcoffset() == timedelta(hours=5, minutes=45)
    assert told.timestamp() == result.structured["unix_seconds"]
    assert (await call("time")).structured["datetime"].endswith("+00:00")


@pytest.mark.parametrize("zone", ["Europe", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "", "a\0b", "\ud800"])
async def test_a_zone_that_does_not_exist_is_an_error_that_says_so(zone: str) -> None:
    result = await call("time", zone=zone)
    assert result.is_error
    assert "There is no time zone" in text_of(result)


@pytest.mark.parametrize(
    ("expression", "text", "value"),
    [("0.1 + 0.2", "0.3", 0.3), ("6 / 2", "3", 3), ("2 ^ 64", "18446744073709551616", "18446744073709551616")],
)
async def test_calculate_tells_the_value(expression: str, text: str, value: object) -> None:
    result = await call("calculate", expression=expression)
    assert text_of(result) == text
    assert result.structured == {"result": value}


async def test_calculate_tells_why_there_is_no_value() -> None:
    result = await call("calculate", expression="1 / 0")
    assert result.is_error
    assert text_of(result) == "Division by zero has no value."


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (1, "mi", "km", 1.609344),
        (100, "C", "F", 212),
        (-40, "F", "C", -40),
        (0, "C", "K", 273.15),
        (1, "kWh", "kJ", 3600),
        (1, "GiB", "B", 2**30),
        (36, "km/h", "m/s", 10),
    ],
)
async def test_units_are_converted(value: float, source: str, target: str, expected: float) -> None:
    result = await call("convert_units", **{"value": value, "from": source, "to": target})
    assert result.structured == {"value": pytest.approx(expected), "unit": target}


async def test_units_of_two_kinds_are_not_converted() -> None:
    result = await call("convert_units", **{"value": 1, "from": "kg", "to": "m"})
    assert result.is_error
    assert text_of(result) == "kg is a unit of mass and m one of length."


@pytest.mark.parametrize("version", [4, 7])
async def test_uuids_are_of_the_version_asked_for_and_all_different(version: int) -> None:
    uuids = (await call("generate_uuid", version=version, count=100)).structured["uuids"]
    assert len(set(uuids)) == 100
    assert {UUID(text).version for text in uuids} == {version}
    assert {UUID(text).variant for text in uuids} == {"specified in RFC 4122"}


async def test_text_is_counted() -> None:
    result = await call("text_statistics", text="Don't panic. It is\nwell-known! Été")
    assert result.structured == {
        "characters": 34,
        "bytes": 36,
        "words": 6,
        "sentences": 2,
        "lines": 2,
        "reading_minutes": 0.0,
    }


async def test_a_long_run_of_full_stops_costs_no_more_than_its_length() -> None:
    assert (await call("text_statistics", text="." * 99_999 + "x")).structured["sentences"] == 1


@pytest.mark.parametrize("function", CATALOGUE)
def test_a_draft_that_names_a_function_is_completed_and_stays_as_it_is_when_checked_again(function: str) -> None:
    once = SOURCES["builtin"].check(ToolDraft(name="mine", config={"function": function}))
    assert once.title
    assert once.description
    assert once.input_schema["properties"]
    assert SOURCES["builtin"].check(once) == once


def test_what_the_author_wrote_is_kept() -> None:
    draft = ToolDraft(name="mine", title="Mine", description="My own.", config={"function": "echo"})
    checked = SOURCES["builtin"].check(draft)
    assert (checked.title, checked.description) == ("Mine", "My own.")


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (ToolDraft(name="x"), "config.function"),
        (ToolDraft(name="x", config={"function": "rm"}), "config.function"),
        (ToolDraft(name="x", config={"function": ["echo"]}), "config.function"),
        (ToolDraft(name="x", config={"function": "echo", "url": "y"}), "config.url"),
        (ToolDraft(name="x", config={"function": "echo"}, secrets={"a": "b"}), "secrets"),
        (
            ToolDraft(name="x", config={"function": "echo"}, input_schema={"type": "object", "properties": {"a": {}}}),
            "input_schema",
        ),
        (ToolDraft(name="x", config={"function": "echo"}, output_schema={"type": "object"}), "output_schema"),
    ],
)
def test_a_draft_that_cannot_work_is_refused_by_field(draft: ToolDraft, field: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        SOURCES["builtin"].check(draft)
    assert list(caught.value.fields) == [field]
