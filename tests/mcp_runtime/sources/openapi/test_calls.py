"""Tools of a document against a real service: what arrives there, what comes back, and how it fails."""

import json
from typing import Any

import pytest

from mcp_runtime.sources.upstream import Health, UpstreamFailed
from tests.core.outbound.upstreams import LOOPBACK
from tests.mcp_runtime.sources.calling import text_of
from tests.mcp_runtime.sources.openapi.service import OBJECT, got
from tests.mcp_runtime.sources.openapi.serving import called, document_with, parameter


async def test_each_argument_arrives_in_its_place(base: str) -> None:
    operation: dict[str, Any] = {
        "parameters": [
            parameter("id", "path"),
            parameter("q", "query"),
            parameter("tags", "query", explode=False),
            parameter("deep", "query", style="deepObject"),
            parameter("as", "query", content={"application/json": {"schema": {}}}) | {"schema": None},
            parameter("X-Trace", "header"),
            parameter("session", "cookie"),
            parameter("left out", "query"),
        ],
        "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
    }
    del operation["parameters"][4]["schema"]
    arguments = {
        "id": "a/b c",
        "q": "x&y=z#é",
        "tags": ["1,2", 3],
        "deep": {"a": {"b": [True]}},
        "as": {"n": None},
        "X-Trace": "t",
        "session": "s;t=1",
        "body": {"name": 'N"'},
    }
    document = document_with(operation, method="post", path="/seen/{id}/x?fixed=1")
    arrived = (await called(base, document, "call", arguments)).structured
    assert arrived["method"] == "POST"
    assert arrived["url"].startswith("/seen/a%2Fb%20c/x?fixed=1&q=x%26y%3Dz%23%C3%A9&tags=1%2C2,3&")
    assert arrived["query"][-2:] == [["deep[a][b][0]", "true"], ["as", '{"n":null}']]
    assert arrived["headers"]["X-Trace"] == "t"
    assert arrived["headers"]["Cookie"] == "session=s%3Bt%3D1"
    assert arrived["headers"]["Content-Type"] == "application/json"
    assert json.loads(arrived["body"]) == {"name": 'N"'}


@pytest.mark.parametrize(
    ("media_type", "body", "sent"),
    [
        ("application/json", [1, None], "[1,null]"),
        ("application/x-www-form-urlencoded", {"a": "x&y", "b": [1, 2], "c": None, "d": {"e": 1}},
         "a=x%26y&b=1&b=2&d=%7B%22e%22%3A1%7D"),
        ("text/plain", "héllo", "héllo"),
        ("application/xml", "<a/>", "<a/>"),
        ("application/octet-stream", "aGk=", "hi"),
    ],
)  # fmt: skip
async def test_a_body_is_written_as_its_media_type(base: str, media_type: str, body: Any, sent: str) -> None:
    operation: dict[str, Any] = {"requestBody": {"content": {media_type: {"schema": {}}}}}
    result = await called(base, document_with(operation, method="post"), "call", {"body": body})
    assert result.structured["body"] == sent
    assert result.structured["headers"]["Content-Type"] == media_type


async def test_a_multipart_form_has_files_and_fields(base: str) -> None:
    properties = {
        "file": {"type": "string", "format": "binary"},
        "many": {"type": "array", "items": {"type": "string", "format": "binary"}},
    }
    content = {"multipart/form-data": {"schema": {"properties": properties}}}
    body = {"file": "aGk=", "many": ["YQ==", "Yg=="], "o": {"n": 1}, 'x"\r\ny': "v\r\n--", "none": None}
    document = document_with({"requestBody": {"content": content}}, method="post")
    parts = (await called(base, document, "call", {"body": body})).structured["parts"]
    assert parts == [
        ["file", ["file", "application/octet-stream", "aGk="]],
        ["many", ["many", "application/octet-stream", "YQ=="]],
        ["many", ["many", "application/octet-stream", "Yg=="]],
        ["o", '{"n":1}'],
        ["x%22%0D%0Ay", "v\r\n--"],
    ]


@pytest.mark.parametrize(
    ("body", "media_type", "sentence"),
    [
        ("no base64!", "application/octet-stream", "body is not Base64."),
        ({"file": 1}, "multipart/form-data", "file is not Base64."),
        ([1], "multipart/form-data", "body is an object: its properties are the fields of a form."),
        ("\ud800", "application/json", "body holds a text or a number that JSON cannot hold."),
        ("\ud800", "text/plain", "body is not valid Unicode."),
    ],
)
async def test_a_body_that_cannot_be_written_is_an_error(base: str, body: Any, media_type: str, sentence: str) -> None:
    schema = {"properties": {"file": {"type": "string", "format": "binary"}}}
    operation = {"requestBody": {"content": {media_type: {"schema": schema}}}}
    result = await called(base, document_with(operation, method="post"), "call", {"body": body})
    assert (result.is_error, text_of(result)) == (True, sentence)


@pytest.mark.parametrize(
    ("path", "content", "structured"),
    [
        ("/me", [{"type": "text", "text": '{"id": 1}'}], {"id": 1}),
        ("/list", [{"type": "text", "text": "[1, 2]"}], None),
        ("/text", [{"type": "text", "text": "hello wörld"}], None),
        ("/empty", [{"type": "text", "text": f"{LOOPBACK} answered 204 No Content, with an empty body."}], None),
        ("/image", [{"type": "image", "data": "iVBORw0KGgr/", "mimeType": "image/png"}], None),
        ("/sound", [{"type": "audio", "data": "UklGRv8=", "mimeType": "audio/wav"}], None),
        (
            "/file",
            [
                {
                    "type": "resource",
                    "resource": {"uri": f"urn:answer:{LOOPBACK}", "mimeType": "application/pdf", "blob": "JVBERv8="},
                }
            ],
            None,
        ),
    ],
)
async def test_an_answer_is_what_it_is(
    base: str, path: str, content: list[dict[str, Any]], structured: dict[str, Any] | None
) -> None:
    result = await got(base, path)
    assert (result.is_error, result.content, result.structured) == (False, content, structured)


@pytest.mark.parametrize(
    ("path", "operation", "sentence"),
    [
        (
            "/denied",
            {},
            "The service denied this to the account that is connected. {h} answered 403 Forbidden: n",
        ),
        ("/limited", {}, "Too many calls: the service asks to wait (30). {h} answered 429 Too Many Requests"),
        ("/failing", {}, "{h} answered 503 Service Unavailable: <h1>down</h1>"),
        (
            "/text",
            {"responses": OBJECT},
            "{h} answered 200 OK, but the answer is not the JSON object that it",
        ),
        ("/list", {"responses": OBJECT}, "{h} answered 200 OK, but the answer is not the JSON object"),
        ("/big", {}, "{h} answered 200 OK, but the answer is a file of more than 512 KiB (application/pdf)."),
        ("/huge", {}, "The answer of {h} is larger than 1024 KiB."),
        ("/moved", {}, "169.254.169.254 is not at a public address."),
    ],
)
async def test_an_answer_that_is_no_success_is_an_error_that_says_why(
    base: str, path: str, operation: dict[str, Any], sentence: str
) -> None:
    result = await got(base, path, **operation)
    assert result.is_error
    assert text_of(result).startswith(sentence.format(h=LOOPBACK))


@pytest.mark.parametrize(
    ("path", "health", "sentence"),
    [
        ("/unauthorized", Health.NEEDS_LOGIN, "does not accept"),
        ("/broken", Health.DEGRADED, LOOPBACK),
        ("/hang", Health.DEGRADED, "did not answer within 0.2 s"),
    ],
)
async def test_a_service_that_fails_says_what_that_says_of_it(
    base: str, path: str, health: Health, sentence: str
) -> None:
    with pytest.raises(UpstreamFailed, match=sentence) as failed:
        await got(base, path, config={"timeout": 0.2})
    assert failed.value.health is health


async def test_a_service_that_is_not_there_is_down() -> None:
    with pytest.raises(UpstreamFailed, match=r"name\.invalid does not resolve") as failed:
        await called("https://name.invalid", document_with({}), "call", {})
    assert failed.value.health is Health.DOWN


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/linked", '{"page":"3","per_page":"2"}'),
        ("/cursor", '{"cursor":"abc"}'),
        ("/next", '{"cursor":"a b"}'),
    ],
)
async def test_an_answer_says_how_to_get_the_next_page(base: str, path: str, hint: str) -> None:
    parameters = [parameter(name, "query") for name in ("cursor", "page", "per_page")]
    result = await got(base, path, parameters=parameters)
    assert result.content[1]["text"] == f"There is more: call again with {hint}."
