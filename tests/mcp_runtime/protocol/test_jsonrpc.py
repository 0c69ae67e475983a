"""JSON is read strictly: what two readers could read differently is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_runtime.protocol import errors, jsonrpc
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.jsonrpc import Kind

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text('ab"\\/\n', max_size=3), children),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"{} {}", id="two values"),
        pytest.param(b'{"a":1,}', id="trailing comma"),
        pytest.param(b"{'a':1}", id="single quotes"),
        pytest.param(b"[NaN]", id="NaN"),
        pytest.param(b"[Infinity]", id="Infinity"),
        pytest.param(b"[-Infinity]", id="-Infinity"),
        pytest.param(b"[1e400]", id="a number beyond every float"),
        pytest.param(b'["\xff"]', id="invalid UTF-8"),
        pytest.param(b'["\xed\xa0\x80"]', id="a surrogate in UTF-8"),
        pytest.param(b'["\\ud800"]', id="a lone surrogate"),
        pytest.param(b'["\\ud800\\u0041"]', id="half a pair"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="a byte order mark"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'["\x01"]', id="a control character"),
        pytest.param(b'{"a":1,"a":2}', id="a name twice"),
        pytest.param(b'{"name":"x","na\\u006de":"y"}', id="a name twice, spelled differently"),
        pytest.param(b'{"b":{"a\\\\":1,"a\\\\":2}}', id="a name with a backslash twice"),
        pytest.param(b'{"b":[{"a\\"":1,"a\\u0022":2}]}', id="a name with a quote twice"),
        pytest.param(b'{"a":"\\"","a":"\\"\\""}', id="a name twice, quotes in the values"),
        pytest.param(b"[" * 65 + b"]" * 65, id="65 levels"),
        pytest.param(b'{"a":' * 65 + b"1" + b"}" * 65, id="65 levels of objects"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="100,000 levels"),
        pytest.param(b"[1" + b"0" * 5_000 + b"]", id="a number of 5,000 digits"),
    ],
)
def test_a_body_that_is_not_plain_json_is_refused(body: bytes) -> None:
    with pytest.raises(RpcError) as refusal:
        jsonrpc.decode(body)
    assert refusal.value.code == errors.PARSE_ERROR


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":"\\"","b":"\\\\"}',
        b'{"a":"\\\\\\"","b":{"a":1}}',
        b'[{"a":1},{"a":2}]',
        b"[" * 64 + b"]" * 64,
        b"[" + b"[]," * 500 + b"[]]",
        b'{"a\\u0000b":"\\ud83d\\ude00"}',
    ],
)
def test_json_that_merely_looks_odd_is_read(body: bytes) -> None:
    assert jsonrpc.decode(body) == json.loads(body)


@given(JSON_VALUES)
def test_whatever_json_is_written_is_read(value: object) -> None:
    assert jsonrpc.decode(json.dumps(value).encode()) == value
    assert jsonrpc.decode(json.dumps(value, ensure_ascii=False, indent=1).encode()) == value


@given(st.dictionaries(st.text('ab"\\', max_size=3), JSON_VALUES, min_size=1), st.booleans())
def test_a_name_used_twice_is_always_noticed(members: dict[str, object], escaped: bool) -> None:  # noqa: FBT001
    name = next(iter(members))
    again = "".join(f"\\u{ord(letter):04x}" for letter in name) if escaped else json.dumps(name)[1:-1]
    body = f'{json.dumps(members)[:-1]},"{again}":0}}'
    with pytest.raises(RpcError):
        jsonrpc.decode(body.encode())


@pytest.mark.parametrize(
    ("identifier", "encoded"),
    [
        (0, b"0"),
        (-7, b"-7"),
        (2**53, b"9007199254740992"),
        ("", b'""'),
        ('é"', '"é\\""'.encode()),
        ("7", b'"7"'),
        ("x" * 1_024, b'"%b"' % (b"x" * 1_024)),
    ],
)
def test_an_id_is_echoed_as_it_came(identifier: object, encoded: bytes) -> None:
    message = jsonrpc.read_message({"jsonrpc": "2.0", "id": identifier, "method": "ping"})
    assert (message.kind, message.id) == (Kind.REQUEST, encoded)


@pytest.mark.parametrize("identifier", [None, 1.0, 1.5, True, False, 2**53 + 1, -(2**53) - 1, [], {}, "x" * 1_025])
def test_an_id_of_another_type_is_refused(identifier: object) -> None:
    value = {"jsonrpc": "2.0", "id": identifier, "method": "ping"}
    with pytest.raises(RpcError) as refusal:
        jsonrpc.read_message(value)
    assert refusal.value.code == errors.INVALID_REQUEST
    assert jsonrpc.readable_id(value) == b""


@pytest.mark.parametrize(
    "value",
    [
        1,
        "text",
        None,
        {},
        {"jsonrpc": "1.0", "id": 1, "method": "ping"},
        {"id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1, "method": 7},
        {"jsonrpc": "2.0", "id": 1},
        {"jsonrpc": "2.0", "id": 1, "Method": "ping"},
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "result": {}},
        {"jsonrpc": "2.0", "id": 1, "result": {}, "error": {}},
    ],
)
def test_a_malformed_envelope_is_refused(value: object) -> None:
    with pytest.raises(RpcError) as refusal:
        jsonrpc.read_message(value)
    assert refusal.value.code == errors.INVALID_REQUEST


def test_an_error_without_an_id_leaves_the_member_out() -> None:
    assert json.loads(jsonrpc.error_envelope(b"", -32700, "no")) == {
        "jsonrpc": "2.0",
        "error": {"code": -32700, "message": "no"},
    }
