"""HTTP as others speak it: old versions, other verbs, whole addresses, expectations, upgrades, cookies."""

import pytest

from tests.exhaustion.wire import Connection, Door

PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
PONG = {"jsonrpc": "2.0", "id": 1, "result": {}}


@pytest.mark.parametrize("verb", ["PUT", "PATCH", "TRACE", "OPTIONS", "PROPFIND", "HEAD", "GET", "DELETE"])
def test_other_verbs_are_refused_with_those_that_there_are(door: Door, verb: str) -> None:
    with door.connect() as connection:
        connection.send(door.head(method=verb) + b"\r\n")
        answer = connection.answer(has_body=verb != "HEAD")
        assert answer.status == 405
        assert "POST" in answer.headers["allow"]
        if verb != "HEAD":
            assert answer.refusal == (405, "method_not_allowed")
            assert b"Bearer" not in answer.body
        assert _goes_on(connection, door)


@pytest.mark.parametrize("target", ["*", "example.com:443", "//"])
def test_a_target_that_is_no_path_is_refused(door: Door, target: str) -> None:
    verb = {"*": "OPTIONS", "example.com:443": "CONNECT"}.get(target, "POST")
    request = door.head(method=verb).replace(door.path.encode(), target.encode(), 1)
    with door.connect() as connection:
        connection.send(request + b"\r\n")
        assert connection.answer().status in (400, 404, 405)
    assert door.is_served()


def test_a_client_of_http_1_0_is_answered_and_let_go(door: Door) -> None:
    with door.connect() as connection:
        connection.send(door.post(PING, version="1.0"))
        answer = connection.answer()
        assert (answer.status, answer.json) == (200, PONG)
        assert answer.headers["connection"] == "close"
        assert connection.rest() == b""


def test_a_whole_address_is_its_path(door: Door) -> None:
    request = door.post(PING)
    named = request.replace(door.path.encode(), f"http://127.0.0.1:{door.port}{door.path}".encode(), 1)
    assert door.ask(named).json == PONG
    foreign = named.replace(f"Host: 127.0.0.1:{door.port}".encode(), b"Host: evil.example.com", 1)
    assert door.ask(foreign).refusal == (421, "host_not_allowed")


@pytest.mark.parametrize("host", [None, "", "evil.example.com", "127.0.0.1:1\r\nHost: 127.0.0.1"])
def test_a_request_for_another_host_is_refused(door: Door, host: str | None) -> None:
    line = b"" if host is None else f"Host: {host}\r\n".encode()
    answer = door.ask(door.post(PING).replace(f"Host: 127.0.0.1:{door.port}\r\n".encode(), line, 1))
    assert answer.refusal == (421, "host_not_allowed")


def test_a_client_that_asks_first_is_told_to_go_on(door: Door) -> None:
    with door.connect() as connection:
        connection.send(door.head("Expect: 100-continue", f"Content-Length: {len(PING)}") + b"\r\n")
        assert connection.answer().status == 100
        connection.send(PING)
        assert connection.answer().json == PONG


@pytest.mark.parametrize(
    ("lines", "options", "refusal"),
    [
        (["Content-Length: 40"], {"key": "wrong"}, (401, "invalid_credentials")),
        (["Content-Length: 104857600"], {}, (413, "body_too_large")),
        (["Content-Length: 40", "Content-Encoding: gzip"], {}, (415, "unsupported_media_type")),
    ],
)
def test_a_client_that_asks_first_and_may_not_is_not_told_to_go_on(
    door: Door, lines: list[str], options: dict[str, str], refusal: tuple[int, str]
) -> None:
    assert door.ask(door.head("Expect: 100-continue", *lines, **options) + b"\r\n").refusal == refusal


@pytest.mark.parametrize("protocol", ["h2c", "TLS/1.2", "IRC/6.9, RTA/x11"])
def test_an_upgrade_that_is_not_offered_is_passed_over(door: Door, protocol: str) -> None:
    request = door.post(PING, "Connection: Upgrade, HTTP2-Settings", f"Upgrade: {protocol}", "HTTP2-Settings: AAEAAEAA")
    with door.connect() as connection:
        connection.send(request + request)
        assert [connection.answer().json for _ in range(2)] == [PONG, PONG]
        for byte in request:
            connection.send(bytes([byte]))
        assert connection.answer().json == PONG
        assert _goes_on(connection, door)


def test_no_cookie_is_read_or_set(door: Door) -> None:
    session = door.ask(_initialize(door)).headers["mcp-session-id"]
    cookie = f"Cookie: Authorization=Bearer {door.key}; key={door.key}; Mcp-Session-Id={session}; sessionid={door.key}"
    request = door.post(PING, cookie, f"Mcp-Session-Id: {session}x")
    answer = door.ask(request)
    assert (answer.status, answer.json["error"]["data"]["refusal"]) == (404, "session_not_found")
    assert "set-cookie" not in answer.headers


def _initialize(door: Door) -> bytes:
    client = {"name": "test", "version": "1"}
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    return door.message("initialize", params)


def _goes_on(connection: Connection, door: Door) -> bool:
    """Whether the same connection is served further."""
    connection.send(door.post(PING))
    return bool(connection.answer().json == PONG)
