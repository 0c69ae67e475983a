"""The first inputs of each target: what clients send, and what once troubled a reader of it."""

import json
from collections.abc import Iterator
from typing import Any

from tests.fuzz.keeping import STATUSES
from tests.fuzz.vocabulary import EVERYTHING, META, METHODS, NAMES, URIS

READING = [
    b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', b"", b"{", b"{} {}", b'{"a":1,}', b"[NaN]", b"[-Infinity]",
    b"[1e400]", b'["\xff"]', b'["\xed\xa0\x80"]', b'["\\ud800\\u0041"]', b'["\\ud83d\\ude00"]', b"\xef\xbb\xbf{}",
    '{"a":1}'.encode("utf-16"), b'["\x01"]', b'["\x7f\\/\\b\\f\\n\\r\\t"]', b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}',
    b'{"a\\\\":1,"a\\\\":2}', b'{"a\\"":1,"a\\u0022":2}', b'{"a":"\\"","a":"\\"\\""}', b'{"\\\\\\"":"\\\\"}',
    b"[" * 64 + b"]" * 64, b"[" * 65 + b"]" * 65, b'{"a":' * 64 + b"1" + b"}" * 64, b"[-0,0.0,-0.0,1E5,1.5e-3]",
    b"[9007199254740993,18446744073709551616,-9223372036854775809]", b"[0.1,5e-324,1.7976931348623157e308]",
    b"[1" + b"0" * 300 + b"]", b" \t\r\n1 \n", b"[01]", b"[1.]", b"[.5]", b"[+1]", b"true", b"nul", b'{"":{"":[]}}',
    b'["\\ud08\n"]',
]  # fmt: skip
CLIENT = {"name": "fuzzer", "version": "1"}
PARAMS: dict[str, dict[str, Any]] = {
    "tools/call": {"name": "echo", "arguments": {"region": "a", "count": 3, "flag": True, "deep": {"er": "x"}}},
    "prompts/get": {"name": "test_prompt_with_arguments", "arguments": {"arg1": "a", "arg2": "{arg1}"}},
    "resources/read": {"uri": "files:///a/of/b.txt"},
    "resources/subscribe": {"uri": "test://watched-resource"},
    "completion/complete": {
        "ref": {"type": "ref/prompt", "name": "test_prompt_with_arguments"},
        "argument": {"name": "arg1", "value": "pa"},
        "context": {"arguments": {"arg2": "x"}},
    },
    "logging/setLevel": {"level": "debug"},
    "initialize": {"protocolVersion": "2025-11-25", "capabilities": EVERYTHING, "clientInfo": CLIENT},
    "subscriptions/listen": {"notifications": {"toolsListChanged": True, "resourceSubscriptions": URIS[:3]}},
    "tools/list": {"cursor": "@cursor-tools"},
    "notifications/cancelled": {"requestId": 1},
}
PARAMETER_HEADERS = "\nmcp-param-region:a\nmcp-param-count: 3.0\nmcp-param-flag:true\nmcp-param-deep:=?base64?eA==?="


def ladder() -> Iterator[bytes]:
    """POSTs as tests/fuzz/framing.py writes them."""
    for method in METHODS:
        params = PARAMS.get(method, {})
        headers = PARAMETER_HEADERS if params.get("name") == "echo" else ""
        yield _framed("m", method, {**params, "_meta": META}, headers)
        for mode in "43698r":
            yield _framed(mode, method, params)
    for name in NAMES:
        for mode in "mn":
            yield _framed(mode, "tools/call", {"name": name, "arguments": {}, "_meta": META})
        yield _framed("9", "tools/call", {"name": name, "arguments": {}})
    rounds = {"inputResponses": {"step1": {"action": "accept", "content": {"name": "A"}}}, "requestState": "@state"}
    call = {"name": "test_input_required_result_multi_round", "arguments": {}, "_meta": META}
    yield _framed("m", "tools/call", call)
    yield _framed("m", "tools/call", {**call, **rounds})
    for status in STATUSES:
        for method in ("tasks/get", "tasks/update", "tasks/cancel"):
            yield _framed("m", method, {"taskId": status, "inputResponses": {"step1": {"roots": []}}, "_meta": META})
    yield _framed("m", "resources/read", {"uri": URIS[-1], "_meta": META})
    batch = [_message("ping", {}), _message("tools/call", PARAMS["tools/call"]), {"jsonrpc": "2.0", "method": "x"}, 1]
    yield b"3\n\n" + json.dumps(batch).encode()
    yield b'9\n\n{"jsonrpc":"2.0","id":"worker.1","result":{"action":"accept"}}'


def _message(method: str, params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def _framed(mode: str, method: str, params: Any, headers: str = "") -> bytes:
    return f"{mode}{headers}\n\n{json.dumps(_message(method, params))}".encode()
