"""Who asks: which credentials are sent where, and what happens when they are not accepted."""

import json

import pytest

from mcp_runtime.sources.upstream import Health, UpstreamFailed
from tests.core.outbound.upstreams import LOOPBACK
from tests.mcp_runtime.sources.calling import text_of
from tests.mcp_runtime.sources.openapi.service import OAUTH, SECRET, got, with_security
from tests.mcp_runtime.sources.openapi.serving import Hand, called, document_with, parameter


@pytest.mark.parametrize(
    ("scheme", "secret", "header", "value"),
    [
        ({"type": "apiKey", "in": "header", "name": "X-Key"}, SECRET, "X-Key", SECRET),
        ({"type": "apiKey", "in": "cookie", "name": "k"}, "a b;c", "Cookie", "k=a%20b%3Bc"),
        ({"type": "http", "scheme": "Bearer"}, SECRET, "Authorization", f"Bearer {SECRET}"),
        ({"type": "http", "scheme": "basic"}, "user:pass", "Authorization", "Basic dXNlcjpwYXNz"),
        ({"type": "oauth2", "flows": {}}, SECRET, "Authorization", f"Bearer {SECRET}"),
    ],
)
async def test_a_secret_goes_where_its_scheme_says(
    showing_base: str, scheme: dict[str, str], secret: str, header: str, value: str
) -> None:
    result = await got(showing_base, "/seen", Hand({"s": secret}), **with_security(s=scheme))
    assert result.structured["headers"][header] == value


async def test_a_key_in_the_query_is_no_argument_and_is_hidden(base: str) -> None:
    security = with_security(s={"type": "apiKey", "in": "query", "name": "k"})
    parameters = [parameter("k", "query", required=True), parameter("K", "query")]
    document = document_with({"parameters": parameters, "security": security["security"]})
    document["components"] = security["components"]
    result = await called(base, document, "call", {"K": "mine", "k": "not sent"}, Hand({"s": f"{SECRET} /"}))
    assert result.structured["url"] == "/seen?K=mine&k=[secret]"
    assert "0123456789" not in json.dumps(result.content)


async def test_no_secret_comes_back(base: str) -> None:
    basic = with_security(s={"type": "http", "scheme": "basic"})
    result = await got(base, "/seen", Hand({"s": f"user:{SECRET}"}), **basic)
    assert result.structured["headers"]["Authorization"] == "Basic [secret]"
    leak = await got(base, "/leak", Hand({"s": f"user:{SECRET}"}), **basic)
    assert text_of(leak) == f"{LOOPBACK} answered 400 Bad Request: bad key [secret]"


async def test_the_first_alternative_that_is_whole_is_taken(base: str) -> None:
    key = {"type": "apiKey", "in": "header"}
    schemes = {name: key | {"name": f"X-{name}"} for name in ("A", "B", "C")}
    operation = {"security": [{"A": [], "B": []}, {"C": []}], "components": {"securitySchemes": schemes}}
    for held, sent in (({"A": "1", "C": "3"}, {"C"}), ({"A": "1", "B": "2", "C": "3"}, {"A", "B"})):
        headers = (await got(base, "/seen", Hand(held), **operation)).structured["headers"]
        assert {name[2:] for name in headers if name.startswith("X-")} == sent
    with pytest.raises(UpstreamFailed, match="not stored: A and B or C") as failed:
        await got(base, "/seen", Hand({"A": "1"}), **operation)
    assert failed.value.health is Health.NEEDS_LOGIN
    operation["security"].append({})  # type: ignore[attr-defined]
    headers = (await got(base, "/seen", Hand({"A": "1"}), **operation)).structured["headers"]
    assert not [name for name in headers if name.startswith("X-")]


async def test_schemes_of_the_configuration_serve_operations_that_ask_for_nothing(base: str) -> None:
    schemes = {"mine": {"type": "apiKey", "in": "header", "name": "X-Mine"}}
    result = await got(base, "/seen", Hand({"mine": SECRET}), config={"schemes": schemes})
    assert result.structured["headers"]["X-Mine"] == "[secret]"


async def test_a_rejected_token_is_renewed_once(base: str) -> None:
    hand = Hand(tokens=["stale-token", "fresh-token"])
    result = await got(base, "/oauth", hand, **with_security(**OAUTH))
    assert result.structured == {"ok": True}
    assert hand.rejections == [("p", "stale-token", 'Bearer error="invalid_token"')]


@pytest.mark.parametrize("tokens", [["a"], ["a", "b"], ["a", "b", "c"]])
async def test_a_login_that_stays_rejected_is_needed_again(base: str, tokens: list[str]) -> None:
    hand = Hand(tokens=list(tokens))
    with pytest.raises(UpstreamFailed, match="does not accept the stored credentials") as failed:
        await got(base, "/oauth", hand, **with_security(**OAUTH))
    assert failed.value.health is Health.NEEDS_LOGIN
    assert len(hand.rejections) == 1


async def test_credentials_stay_at_the_address_they_were_given_for(base: str) -> None:
    operation = {"servers": [{"url": base}], **with_security(s={"type": "http", "scheme": "bearer"})}
    document = document_with(operation | {"components": None}, components=operation["components"])
    with pytest.raises(UpstreamFailed, match="at another address") as failed:
        await called("https://api.example.com", document, "call", {}, Hand({"s": SECRET}))
    assert failed.value.health is Health.NEEDS_LOGIN
