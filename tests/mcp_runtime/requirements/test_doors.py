"""The doors of the transport, whatever the revision behind them: Host, Origin, media types, keys."""

import pytest

from tests.mcp_runtime.driving import Answer
from tests.mcp_runtime.requirements.speaking import EVERY_REVISION, STATELESS_REVISIONS, Speaker, result_of

requirement = pytest.mark.requirement


def _refusal(answer: Answer) -> tuple[int, str]:
    """Status and name; the body is a JSON-RPC error without an id, never a page."""
    assert set(answer.json) == {"jsonrpc", "error"}
    return answer.status, answer.json["error"]["data"]["refusal"]


@requirement("origin")
@EVERY_REVISION
async def test_a_page_of_another_origin_is_refused(speaker: Speaker) -> None:
    for origin in ("https://evil.example.com", "null", "", "http://localhost.evil.example.com:8100"):
        assert _refusal(await speaker.ask("tools/list", {}, origin=origin)) == (403, "origin_not_allowed")
    assert result_of(await speaker.ask("tools/list", {}, origin="http://localhost:8100"))


@requirement("host")
@EVERY_REVISION
async def test_another_host_name_is_refused(speaker: Speaker) -> None:
    for host in ("evil.example.com", "evil.example.com:8100", "", None):
        assert _refusal(await speaker.ask("tools/list", {}, host=host)) == (421, "host_not_allowed")


@requirement("accept")
@EVERY_REVISION
async def test_both_forms_of_answer_have_to_be_welcome(speaker: Speaker) -> None:
    for accept in (None, "application/json", "text/event-stream", "text/html", "application/json, text/*;q=0"):
        assert _refusal(await speaker.ask("tools/list", {}, accept=accept)) == (406, "not_acceptable")
    for accept in ("*/*", "application/json, text/event-stream", "text/*, application/*;q=0.1"):
        assert result_of(await speaker.ask("tools/list", {}, accept=accept))


@requirement("content-type")
@EVERY_REVISION
async def test_a_body_that_does_not_say_it_is_json_is_refused(speaker: Speaker) -> None:
    for kind in (None, "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16"):
        answer = await speaker.ask("tools/list", {}, content_type=kind)
        assert _refusal(answer) == (415, "unsupported_media_type")
    packed = await speaker.ask("tools/list", {}, content_encoding="gzip")
    assert _refusal(packed) == (415, "unsupported_media_type")


@requirement("authorization", "www-authenticate")
@EVERY_REVISION
async def test_every_request_shows_its_key_in_a_header(speaker: Speaker) -> None:
    for presented, name in ((None, "authentication_required"), ("Bearer amk_wrong", "invalid_credentials")):
        answer = await speaker.ask("tools/list", {}, authorization=presented)
        assert _refusal(answer) == (401, name)
        assert answer.headers["www-authenticate"].startswith("Bearer ")
    in_query = await speaker.client.send(body=b"{}", query=f"access_token={speaker.client.key}")
    assert _refusal(in_query) == (400, "token_in_query")


@requirement("discover-is-protected")
@STATELESS_REVISIONS
async def test_what_is_offered_is_told_to_those_with_a_key(speaker: Speaker) -> None:
    answer = await speaker.ask("server/discover", authorization=None)
    assert _refusal(answer) == (401, "authentication_required")
