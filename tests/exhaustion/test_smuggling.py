"""Requests that two readers could take for different ones: one refusal, and whatever follows is never read."""

import pytest

from tests.exhaustion.wire import MEBIBYTE, Door, pour

PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
LENGTH = f"Content-Length: {len(PING)}"
CHUNKED = "Transfer-Encoding: chunked"
IN_CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(PING), PING)


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        pytest.param([LENGTH, CHUNKED], IN_CHUNKS, id="a length and chunks"),
        pytest.param([CHUNKED, LENGTH], IN_CHUNKS, id="chunks and a length"),
        pytest.param([LENGTH, "Content-Length: 0"], PING, id="two lengths"),
        pytest.param([LENGTH, LENGTH], PING, id="one length twice"),
        pytest.param([f"{LENGTH}, {len(PING)}"], PING, id="a list of lengths"),
        pytest.param([f"Content-Length: +{len(PING)}"], PING, id="a length with a sign"),
        pytest.param(["Content-Length: -1"], PING, id="a negative length"),
        pytest.param([f"Content-Length: {len(PING):#x}"], PING, id="a length in hexadecimal"),
        pytest.param([f"Content-Length: {len(PING)} 0"], PING, id="a length with a space"),
        pytest.param(["Content-Length: " + "9" * 30], PING, id="a length beyond 64 bits"),
        pytest.param(["Content-Length:"], PING, id="an empty length"),
        pytest.param(["Transfer-Encoding: xchunked"], IN_CHUNKS, id="an unknown coding"),
        pytest.param(["Transfer-Encoding: chunked, identity"], IN_CHUNKS, id="chunked not last"),
        pytest.param(["Transfer-Encoding: identity", LENGTH], PING, id="identity and a length"),
        pytest.param([CHUNKED, "Transfer-Encoding: identity"], IN_CHUNKS, id="two codings"),
        pytest.param(["Transfer-Encoding:\x0bchunked"], IN_CHUNKS, id="a vertical tab"),
        pytest.param(["Transfer-Encoding : chunked"], IN_CHUNKS, id="a space before the colon"),
        pytest.param([LENGTH, "X: a\r\n Transfer-Encoding: chunked"], PING, id="a folded line"),
        pytest.param([LENGTH, "X: a\rTransfer-Encoding: chunked"], PING, id="a bare carriage return"),
        pytest.param([LENGTH, "X: a\x00b"], PING, id="a null byte"),
        pytest.param([LENGTH, "X\x00: a"], PING, id="a null byte in a name"),
        pytest.param([LENGTH, ": nameless"], PING, id="no name"),
        pytest.param([LENGTH, "no colon"], PING, id="no colon"),
        pytest.param([CHUNKED], b"-5\r\nhello\r\n0\r\n\r\n", id="a negative chunk"),
        pytest.param([CHUNKED], b"5 \x00\r\nhello\r\n0\r\n\r\n", id="a null byte in a chunk's size"),
        pytest.param([CHUNKED], b"ffffffffffffffffff\r\nhello\r\n0\r\n\r\n", id="a chunk beyond 64 bits"),
        pytest.param([CHUNKED], b"5\r\nhelloworld\r\n0\r\n\r\n", id="a chunk longer than it says"),
        pytest.param([CHUNKED], b"5\nhello\r\n0\r\n\r\n", id="a bare line feed"),
    ],
)
def test_a_request_of_doubtful_length_is_refused_with_all_that_follows(
    door: Door, lines: list[str], body: bytes
) -> None:
    with door.connect() as connection:
        connection.send(door.head(*lines) + b"\r\n" + body + door.message("tools/list", identifier="smuggled"))
        answer = connection.answer()
        assert answer.refusal == (400, "malformed_request")
        assert answer.headers["connection"] == "close"
        assert connection.rest() == b""
    assert door.is_served()


@pytest.mark.parametrize(
    "line",
    [
        "POST {path} HTTP/1.1 x", "post {path} HTTP/1.1",
        "BREW {path} HTTP/1.1", "POST {path}", "POST {path} HTTP/0.9", "POST {path} HTTP/3.0", "POST {path} HTTPS/1.1",
        "POST {path} HTTP/1.1\n", "POST {path}\x00 HTTP/1.1", "POST http:// HTTP/1.1", "POST nowhere HTTP/1.1",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "PRI * HTTP/2.0",
    ],
)  # fmt: skip
def test_a_line_that_is_no_request_is_refused(door: Door, line: str) -> None:
    request = door.post(PING)
    with door.connect() as connection:
        connection.send(line.format(path=door.path).encode("latin-1") + request[request.index(b"\r\n") :])
        assert connection.answer().refusal == (400, "malformed_request")
        assert connection.rest() == b""
    assert door.is_served()


def test_one_body_in_chunks_is_one_message(door: Door) -> None:
    pieces = b"".join(b"1;note=x\r\n%c\r\n" % byte for byte in PING) + b"0\r\nX-Trailer: y\r\n\r\n"
    answer = door.ask(door.head(CHUNKED) + b"\r\n" + pieces)
    assert (answer.status, answer.json) == (200, {"jsonrpc": "2.0", "id": 1, "result": {}})


def test_requests_in_a_row_are_answered_in_their_order(door: Door) -> None:
    with door.connect() as connection:
        connection.send(b"".join(door.message("ping", identifier=number) for number in range(20)))
        assert [connection.answer().json["id"] for _ in range(20)] == list(range(20))
        connection.send(door.message("tools/list", identifier="last"))
        assert connection.answer().json["id"] == "last"


def test_requests_in_a_row_without_an_end_are_not_held(door: Door) -> None:
    before = door.resident()
    with door.connect() as connection:
        pour(connection, b"".join(door.message("ping", identifier=number) for number in range(300)))
        assert door.resident() - before < 24 * MEBIBYTE
    assert door.is_served()


def test_a_request_behind_a_bad_one_is_not_read(door: Door) -> None:
    with door.connect() as connection:
        connection.send(door.message("ping", identifier="first") + b"GARBAGE\r\n\r\n" + door.message("ping"))
        rest = connection.rest()
    assert rest.count(b"HTTP/1.1 ") <= 2
    assert b'"id":1' not in rest
    assert door.is_served()
