"""Tools on the wire of each revision: lists, pages, results, and the errors that differ between them."""

from typing import Any

import pytest
from mcp_types.methods import validate_server_result

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.replies import Reply
from mcp_runtime.protocol.revisions import ALL
from mcp_runtime.protocol.served import Principal
from tests.mcp_runtime.protocol.stage import ALICE, Desk, error_of, make_endpoint, parsed, tool

VERSIONS = sorted(ALL)
OBJECT = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
RICH = tool(
    "rich", title="Rich", description="All fields",
    input_schema={"$schema": "https://json-schema.org/draft/2020-12/schema", **OBJECT},
    output_schema=OBJECT, annotations={"readOnlyHint": True},
    config={"result": {"structured": {"n": 1}, "has_structured": True}},
)  # fmt: skip
FIELDS = {
    "2024-11-05": {"name", "description", "inputSchema"},
    "2025-03-26": {"name", "description", "inputSchema", "annotations"},
    "2025-06-18": {"name", "title", "description", "inputSchema", "outputSchema", "annotations"},
    "2025-11-25": {"name", "title", "description", "inputSchema", "outputSchema", "annotations"},
    "2026-07-28": {"name", "title", "description", "inputSchema", "outputSchema", "annotations"},
}
LINK = {"type": "resource_link", "uri": "demo://x", "name": "X", "icons": [{"src": "data:image/png;base64,AA=="}]}
NOTED = {
    "type": "text", "text": "t", "_meta": {"a": 1},
    "annotations": {"audience": ["user"], "lastModified": "2025-01-01T00:00:00Z"},
}  # fmt: skip


def _desk(version: str, *tools: Any, principal: Principal = ALICE, **members: Any) -> Desk:
    desk = Desk(make_endpoint(*tools, **members), principal)
    if version != "2026-07-28":
        desk.initialize(version)
    return desk


def _ask(desk: Desk, version: str, method: str, params: dict[str, Any] | None = None) -> Reply:
    return desk.modern(method, params) if version == "2026-07-28" else desk.legacy(method, params)


def _result(desk: Desk, version: str, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
    """A result, which the official types of the revision take."""
    reply = _ask(desk, version, method, params)
    assert reply.status == 200
    result: dict[str, Any] = parsed(reply)["result"]
    validate_server_result(method, version, result)
    return result


@pytest.mark.parametrize("version", VERSIONS)
def test_a_tool_shows_the_fields_that_the_revision_knows(version: str) -> None:
    listed = _result(_desk(version, RICH), version, "tools/list")
    assert set(listed["tools"][0]) == FIELDS[version]
    assert listed["tools"][0]["inputSchema"] == RICH.input_schema
    assert ("resultType" in listed) == ("ttlMs" in listed) == ("_meta" in listed) == (version == "2026-07-28")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_list_may_be_empty_and_is_in_order(version: str) -> None:
    assert _result(_desk(version), version, "tools/list")["tools"] == []
    names = [item["name"] for item in _result(_desk(version, tool("b"), tool("a")), version, "tools/list")["tools"]]
    assert names == ["a", "b"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_long_list_comes_in_pages_that_name_each_tool_once(version: str) -> None:
    desk = _desk(version, *(tool(f"t{number:04}") for number in range(1_001)))
    names: list[str] = []
    params: dict[str, Any] = {}
    for _ in range(3):
        page = _result(desk, version, "tools/list", params)
        names += [item["name"] for item in page["tools"]]
        params = {"cursor": page.get("nextCursor")}
    assert params == {"cursor": None}
    assert names == [f"t{number:04}" for number in range(1_001)]


def test_a_cursor_is_good_for_its_endpoint_and_its_principal_alone() -> None:
    tools = [tool(f"t{number:04}") for number in range(501)]
    cursor = _result(_desk("2025-11-25", *tools), "2025-11-25", "tools/list")["nextCursor"]
    strangers = [
        _desk("2025-11-25", *tools, principal=Principal("key:2")),
        _desk("2025-11-25", *tools, endpoint_id="other"),
    ]
    for stranger in strangers:
        assert error_of(stranger.legacy("tools/list", {"cursor": cursor})) == (200, errors.INVALID_PARAMS)
    for forged in (cursor[:-1], cursor + "A", cursor.partition(".")[0], 7, None, "é.é"):
        reply = _desk("2025-11-25", *tools).legacy("tools/list", {"cursor": forged})
        assert error_of(reply) == (200, errors.INVALID_PARAMS)


def test_a_tool_that_cannot_be_served_is_named_to_those_who_may_use_it() -> None:
    broken = tool("broken", config={"broken": True})
    unknown = tool("unknown")
    odd = type(unknown)(id="1", name="odd", source="gone", input_schema={"type": "object"})
    listed = _result(_desk("2026-07-28", broken, tool("fine"), odd), "2026-07-28", "tools/list")
    assert [item["name"] for item in listed["tools"]] == ["fine"]
    assert listed["_meta"]["com.armstrong/unavailable"] == [
        {"name": "broken", "reason": "url: There is no URL."},
        {"name": "odd", "reason": "This platform has no source gone."},
    ]
    limited = _desk("2025-11-25", broken, tool("fine"), principal=Principal("key:2", tools=frozenset({"fine"})))
    assert "_meta" not in _result(limited, "2025-11-25", "tools/list")


def test_a_tool_that_its_source_stumbles_over_leaves_the_others_in_place(caplog: pytest.LogCaptureFixture) -> None:
    endpoint = make_endpoint(tool("crashing", config={"crashing": True}), tool("fine"))
    assert list(endpoint.tools) == ["fine"]
    assert [missing.name for missing in endpoint.unavailable] == ["crashing"]
    assert "detail" not in endpoint.unavailable[0].reason
    assert "a detail that stays here" in caplog.text


def test_lists_for_keys_of_different_scope_do_not_mix() -> None:
    endpoint = make_endpoint(tool("a"), tool("b"))
    for scope in ({"a"}, {"b"}, {"a"}, {"a", "b"}, set[str]()):
        desk = Desk(endpoint, Principal("key:1", tools=frozenset(scope)))
        listed = _result(desk, "2026-07-28", "tools/list")
        assert {item["name"] for item in listed["tools"]} == scope


@pytest.mark.parametrize("version", VERSIONS)
def test_arguments_may_be_left_out(version: str) -> None:
    called = _result(_desk(version, tool("echo")), version, "tools/call", {"name": "echo"})
    assert called["content"] == [{"type": "text", "text": "{}"}]
    assert called["isError"] is False


@pytest.mark.parametrize("version", VERSIONS)
def test_invalid_arguments_are_a_result_since_2025_11_25(version: str) -> None:
    desk = _desk(version, tool("strict", input_schema=OBJECT))
    params = {"name": "strict", "arguments": {"n": "x"}}
    if version < "2025-11-25":
        assert error_of(_ask(desk, version, "tools/call", params)) == (200, errors.INVALID_PARAMS)
        return
    called = _result(desk, version, "tools/call", params)
    assert called["isError"] is True
    assert called["content"][0]["text"].startswith("Invalid arguments: n: ")


@pytest.mark.parametrize("version", VERSIONS)
def test_structured_content_is_what_the_revision_can_carry(version: str) -> None:
    called = _result(_desk(version, RICH), version, "tools/call", {"name": "rich", "arguments": {"n": 1}})
    assert called.get("structuredContent") == (None if version < "2025-06-18" else {"n": 1})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("value", [None, 7, "x", [1], False])
def test_structured_content_that_is_no_object_is_for_2026_07_28_alone(version: str, value: Any) -> None:
    odd = tool("odd", config={"result": {"content": [], "structured": value, "has_structured": True}})
    called = parsed(_ask(_desk(version, odd), version, "tools/call", {"name": "odd"}))["result"]
    assert ("structuredContent" in called) == (version == "2026-07-28")
    assert called.get("structuredContent", value) == value
    assert len(called["content"]) == 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "result",
    [{"structured": {"n": "x"}, "has_structured": True}, {}],
    ids=["it does not match", "there is none"],
)
def test_an_answer_that_breaks_its_output_schema_is_an_error(version: str, result: dict[str, Any]) -> None:
    desk = _desk(version, tool("liar", output_schema=OBJECT, config={"result": result}))
    called = _result(desk, version, "tools/call", {"name": "liar"})
    assert called["isError"] is True
    assert "structuredContent" not in called


@pytest.mark.parametrize("version", VERSIONS)
def test_an_error_need_not_match_the_output_schema(version: str) -> None:
    failing = tool("failing", output_schema=OBJECT, config={"result": {"is_error": True}})
    called = _result(_desk(version, failing), version, "tools/call", {"name": "failing"})
    assert called["content"] == [{"type": "text", "text": "{}"}]


def test_content_is_cut_down_to_what_older_revisions_know() -> None:
    rich = tool("rich", config={"result": {"content": [LINK, NOTED]}})
    contents = {
        version: _result(_desk(version, rich), version, "tools/call", {"name": "rich"})["content"]
        for version in VERSIONS
    }
    assert contents["2026-07-28"] == contents["2025-11-25"] == [LINK, NOTED]
    assert contents["2025-06-18"] == [{name: value for name, value in LINK.items() if name != "icons"}, NOTED]
    assert contents["2025-03-26"] == [
        {"type": "text", "text": "X: demo://x"},
        {"type": "text", "text": "t", "annotations": {"audience": ["user"]}},
    ]
    assert contents["2024-11-05"] == contents["2025-03-26"]


def test_a_sound_is_an_embedded_resource_to_the_first_revision() -> None:
    sound = {"type": "audio", "data": "UklGRg==", "mimeType": "audio/wav", "annotations": {"priority": 1}}
    loud = tool("loud", config={"result": {"content": [{"type": "text", "text": "Hear:"}, sound]}})
    contents = {
        version: _result(_desk(version, loud), version, "tools/call", {"name": "loud"})["content"][1]
        for version in VERSIONS
    }
    resource = {"uri": "cid:audio-1@content", "mimeType": "audio/wav", "blob": "UklGRg=="}
    assert contents.pop("2024-11-05") == {"type": "resource", "resource": resource, "annotations": {"priority": 1}}
    assert all(content == sound for content in contents.values())


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_endpoint_is_fits_the_revision(version: str) -> None:
    desk = Desk(make_endpoint(instructions="Be kind."))
    if version == "2026-07-28":
        result = _result(desk, version, "server/discover")
        server = result["_meta"]["io.modelcontextprotocol/serverInfo"]
    else:
        result = parsed(desk.initialize(version))["result"]
        validate_server_result("initialize", version, result)
        server = result["serverInfo"]
    assert result["instructions"] == "Be kind."
    titled = {} if version < "2025-06-18" else {"title": "Demo"}
    assert server == {"name": "demo", "version": "3", **titled}
