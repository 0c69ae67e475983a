"""What curation does to calls and their results."""

from typing import Any

import pytest

from mcp_runtime.curation.calls import curated_handler
from mcp_runtime.snapshots.structs import NO_CURATION, CallCuration
from mcp_runtime.sources.contract import CallContext, ToolResult, text_result
from tests.mcp_runtime.protocol.stage import CONTEXT, run

PEOPLE = [{"name": "Ada", "born": {"year": 1815, "in": "London"}}, {"name": "Joe", "phone": 1}]


def _called(result: ToolResult, curation: CallCuration, **arguments: Any) -> tuple[ToolResult, dict[str, Any]]:
    seen: dict[str, Any] = {}

    async def handler(_context: CallContext, given: dict[str, Any]) -> ToolResult:
        seen.update(given)
        return result

    curated = curated_handler(handler, curation)

    async def call() -> ToolResult:
        return await curated(CONTEXT, arguments)

    return run(call()), seen


def _structured(value: Any) -> ToolResult:
    return ToolResult([{"type": "text", "text": "everything"}], structured=value, has_structured=True)


async def _handler(_context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    return text_result("")


def test_without_a_curation_the_handler_is_itself() -> None:
    assert curated_handler(_handler, NO_CURATION) is _handler


def test_fixed_arguments_win_over_what_a_client_sends() -> None:
    _result, seen = _called(text_result("ok"), CallCuration(fixed={"tenant": "mine"}), tenant="theirs", id=1)
    assert seen == {"tenant": "mine", "id": 1}


@pytest.mark.parametrize(
    ("value", "pointers", "expected"),
    [
        ({"a": 1, "b": 2}, ["/a"], {"a": 1}),
        ({"a": {"b": 1, "c": 2}, "d": 3}, ["/a/b", "/d"], {"a": {"b": 1}, "d": 3}),
        (PEOPLE, ["/name", "/born/year"], [{"name": "Ada", "born": {"year": 1815}}, {"name": "Joe"}]),
        ({"people": PEOPLE}, ["/people/name"], {"people": [{"name": "Ada"}, {"name": "Joe"}]}),
        ({"a/b": {"~": 1}, "x": 1}, ["/a~1b/~0"], {"a/b": {"~": 1}}),
        ({"a": 1}, ["/nothing"], {}),
        ({"a": None}, ["/a"], {"a": None}),
        ({"a": 1}, [""], {"a": 1}),
    ],
)
def test_of_a_result_only_what_is_wanted_is_passed_on(value: Any, pointers: list[str], expected: Any) -> None:
    result, _seen = _called(_structured(value), CallCuration(project=pointers))
    assert result.structured == expected
    assert result.content == []


def test_an_error_is_passed_on_whole() -> None:
    result, _seen = _called(text_result("no", is_error=True), CallCuration(project=["/a"]))
    assert result.content[0]["text"] == "no"


def test_a_result_without_structure_cannot_be_projected() -> None:
    result, _seen = _called(text_result("plain"), CallCuration(project=["/a"]))
    assert result.is_error


def test_a_result_above_its_cap_is_refused_with_its_size() -> None:
    result, _seen = _called(text_result("x" * 1_000), CallCuration(maximum_bytes=500))
    assert result.is_error
    assert "at most 500" in result.content[0]["text"]
    small, _seen = _called(text_result("x"), CallCuration(maximum_bytes=500))
    assert not small.is_error
