"""Messages that no honest client sends, over the wire, in both eras: status, code and body."""

import json

import pytest

from tests.exhaustion.wire import Door

PARSE, INVALID, PARAMS = -32700, -32600, -32602
BAD_JSON = {
    "nothing": b"",
    "half": b'{"jsonrpc":"2.0","id":1,',
    "two": b'{"jsonrpc":"2.0","id":1,"method":"ping"}{}',
    "deep": b'{"jsonrpc":"2.0","id":1,"method":"ping","params":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
    "deep arrays": b"[" * 200_000,
    "a name twice": b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}',
    "a name twice, spelled differently": b'{"jsonrpc":"2.0","id":1,"method":"ping","m\\u0065thod":"tools/list"}',
    "NaN": b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":NaN}}',
    "Infinity": b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":-Infinity}}',
    "1e400": b'{"jsonrpc":"2.0","id":1e400,"method":"ping"}',
    "5,000 digits": b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":' + b"9" * 5_000 + b"}}",
    "a lone surrogate": b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}',
    "UTF-16": '{"jsonrpc":"2.0","id":1,"method":"ping"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"ping"}',
    "Latin-1": '{"jsonrpc":"2.0","id":"é","method":"ping"}'.encode("latin-1"),
    "an overlong form": b'{"jsonrpc":"2.0","id":"\xc0\xaf","method":"ping"}',
    "a null byte": b'{"jsonrpc":"2.0","id":1,"method":"ping"}\x00',
    "null bytes": b"\x00" * 1_000,
}
BAD_IDS = [
    "null", "1.5", "1.0", "true", "[]", "{}", "9007199254740993", "1e15", "-9007199254740993", f'"{"x" * 2_000}"',
]  # fmt: skip
ODD_IDS = ["0", "-1", "9007199254740992", '""', '"\\u0000"', '"é😀"', f'"{"x" * 1_000}"']
MODERN = ("MCP-Protocol-Version: 2026-07-28", "Mcp-Method: ping")


@pytest.mark.parametrize("lines", [(), MODERN], ids=["session's era", "stateless era"])
@pytest.mark.parametrize("body", BAD_JSON.values(), ids=BAD_JSON)
def test_what_two_readers_could_read_differently_is_refused(door: Door, body: bytes, lines: tuple[str, ...]) -> None:
    answer = door.ask(door.post(body, *lines))
    assert answer.code == (400, PARSE)
    assert "id" not in answer.json
    assert len(answer.body) < 300


@pytest.mark.parametrize("lines", [(), MODERN], ids=["session's era", "stateless era"])
@pytest.mark.parametrize("identifier", BAD_IDS)
def test_an_id_that_is_none_is_refused_and_not_echoed(door: Door, identifier: str, lines: tuple[str, ...]) -> None:
    answer = door.ask(door.post(b'{"jsonrpc":"2.0","id":%b,"method":"ping"}' % identifier.encode(), *lines))
    assert answer.code == (400, INVALID)
    assert "id" not in answer.json


@pytest.mark.parametrize(
    "identifier", ["0", "-1", "9007199254740992", '""', '"\\u0000"', '"é😀"', '"' + "x" * 1_000 + '"']
)
def test_an_odd_id_is_echoed_as_it_is(door: Door, identifier: str) -> None:
    answer = door.ask(door.post(b'{"jsonrpc":"2.0","id":%b,"method":"ping"}' % identifier.encode()))
    assert (answer.status, answer.json["id"]) == (200, json.loads(identifier))


@pytest.mark.parametrize("name", ["Name", "NAME", "n\u0430me"])
def test_another_spelling_of_a_member_is_another_member(door: Door, name: str) -> None:
    answer = door.ask(door.message("tools/call", {name: "echo", "arguments": {"text": "x"}}))
    assert answer.code == (200, PARAMS)


def test_a_header_that_allows_does_not_let_another_body_in(door: Door) -> None:
    called = door.modern("tools/call", {"name": "echo", "arguments": {"text": "x"}})
    assert door.ask(called).status == 200
    for before, after in (
        (b"Mcp-Name: echo", b"Mcp-Name: test_simple_text"),
        (b"Mcp-Name: echo", b"Mcp-Name: ECHO"),
        (b"Mcp-Name: echo", b"Mcp-Name: echo\r\nMcp-Name: test_simple_text"),
        (b"Mcp-Name: echo", b"Mcp-Name: =?base64?ZWNobw?="),
        (b"Mcp-Name: echo", b"Mcp-Name: \xe9cho"),
        (b"Mcp-Method: tools/call", b"Mcp-Method: tools/list"),
        (b"Mcp-Method: tools/call\r\n", b""),
        (b"MCP-Protocol-Version: 2026-07-28", b"MCP-Protocol-Version: 2099-01-01"),
    ):
        assert before in called
        assert door.ask(called.replace(before, after, 1)).code == (400, -32020)
    assert door.ask(called.replace(b"Mcp-Name: echo", b"Mcp-Name: =?base64?ZWNobw==?=", 1)).status == 200


@pytest.mark.parametrize(
    "line", ["Mcp-Param-Region: \xe9", "Mcp-Param-Region: =?base64?4pyTXw?=", "Mcp-Param-Region: south", "X-Other: y"]
)
def test_a_mirrored_argument_that_says_something_else_is_refused(door: Door, line: str) -> None:
    called = door.modern("tools/call", {"name": "test_header_argument", "arguments": {"region": "north"}})
    assert door.ask(called.replace(b"Mcp-Name:", b"Mcp-Param-Region: north\r\nMcp-Name:", 1)).status == 200
    assert door.ask(called.replace(b"Mcp-Name:", f"{line}\r\nMcp-Name:".encode("latin-1"), 1)).code == (400, -32020)


def test_a_huge_batch_is_refused_as_one(door: Door) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    answer = door.ask(door.post(json.dumps([ping] * 10_000).encode(), "MCP-Protocol-Version: 2025-03-26"))
    assert answer.code == (400, INVALID)
    assert len(answer.body) < 300
    small = door.ask(door.post(json.dumps([ping] * 100).encode(), "MCP-Protocol-Version: 2025-03-26"))
    assert len(small.json) == 100
