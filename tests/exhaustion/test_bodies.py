"""Bodies without an end, without a hurry, or packed: refused in bounded time and memory, and others are served."""

import gzip

import pytest

from tests.exhaustion.conftest import BODY_BYTES
from tests.exhaustion.wire import MEBIBYTE, Door, pour

CHUNKED = "Transfer-Encoding: chunked"
CHUNK = b"10000\r\n" + b" " * 65_536 + b"\r\n"


def test_a_body_without_an_end_is_refused_and_not_held(door: Door) -> None:
    before = door.resident()
    with door.connect() as connection:
        connection.send(door.head(CHUNKED) + b"\r\n")
        pour(connection, CHUNK)
        assert door.resident() - before < 16 * MEBIBYTE
        answer = connection.answer()
    assert answer.refusal == (413, "body_too_large")
    assert answer.headers["connection"] == "close"
    assert door.is_served()


@pytest.mark.parametrize("length", [BODY_BYTES + 1, 100 * MEBIBYTE, 2**62])
def test_a_body_that_says_it_is_too_large_is_refused_unread(door: Door, length: int) -> None:
    with door.connect() as connection:
        connection.send(door.head(f"Content-Length: {length}") + b"\r\n")
        assert connection.answer().refusal == (413, "body_too_large")
        assert connection.rest() == b""
    assert door.is_served()


def test_a_body_at_the_limit_is_read(door: Door) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
    answer = door.ask(door.post(body + b" " * (BODY_BYTES - len(body))))
    assert (answer.status, answer.json["result"]) == (200, {})


@pytest.mark.parametrize("framing", ["Content-Length: 1000", CHUNKED])
def test_a_body_that_stops_is_not_waited_for(door: Door, framing: str) -> None:
    with door.connect() as connection:
        connection.send(door.head(framing) + b"\r\n" + (b"5\r\n{    \r\n" if framing is CHUNKED else b"{    "))
        assert door.is_served()
        assert connection.answer().refusal == (408, "body_too_slow")
        assert connection.rest() == b""


def test_a_body_that_drips_is_bounded_as_a_whole(door: Door) -> None:
    with door.connect() as connection:
        connection.send(door.head("Content-Length: 100000") + b"\r\n")
        pour(connection, b" ", pause=0.1)
        assert connection.answer().refusal == (408, "body_too_slow")
    assert door.is_served()


def test_a_stranger_cannot_go_on_sending(door: Door) -> None:
    with door.connect() as connection:
        connection.send(door.head(CHUNKED, key="wrong") + b"\r\n")
        assert connection.answer().refusal == (401, "invalid_credentials")
        assert pour(connection, CHUNK) < 16 * MEBIBYTE
    with door.connect() as connection:
        connection.send(door.head(CHUNKED, key="wrong") + b"\r\n")
        assert connection.answer().refusal == (401, "invalid_credentials")
        pour(connection, b"1\r\n \r\n", pause=0.1)
    assert door.is_served()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, identity"])
def test_a_packed_body_is_refused_unopened(door: Door, encoding: str) -> None:
    bomb = gzip.compress(b" " * (20 * MEBIBYTE), compresslevel=9)
    answer = door.ask(door.post(bomb[:BODY_BYTES], f"Content-Encoding: {encoding}"))
    assert answer.refusal == (415, "unsupported_media_type")
    assert door.is_served()


def test_a_body_cut_short_is_nobodys_message(door: Door) -> None:
    with door.connect() as connection:
        connection.send(door.head("Content-Length: 100") + b"\r\n" + b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
        connection.half_close()
        assert connection.rest() == b""
    assert door.is_served()
