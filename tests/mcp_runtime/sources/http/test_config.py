"""A configuration is read strictly: what is wrong is refused by the name of its field."""

from typing import Any

import pytest

from mcp_runtime.sources.contract import InvalidConfig, ToolDraft
from mcp_runtime.sources.registry import SOURCES
from tests.mcp_runtime.sources.http.drafts import http_draft

HTTP = SOURCES["http"]


def nested(depth: int) -> Any:
    value: Any = "{q}"
    for _level in range(depth):
        value = [value]
    return value


def refused(draft: ToolDraft) -> dict[str, str]:
    with pytest.raises(InvalidConfig) as caught:
        HTTP.check(draft)
    assert all(sentence.endswith(".") for sentence in caught.value.fields.values())
    return caught.value.fields


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"verb": "GET"}, "config.verb"),
        ({"method": "TRACE"}, "config.method"),
        ({"method": "get"}, "config.method"),
        ({"timeout": 0}, "config.timeout"),
        ({"timeout": 61}, "config.timeout"),
        ({"timeout": "10"}, "config.timeout"),
        ({"size_limit": 0}, "config.size_limit"),
        ({"size_limit": 1024 * 1024 + 1}, "config.size_limit"),
        ({"headers": {"A": 1}}, "config.headers[...]"),
        ({"headers": ["A"]}, "config.headers"),
        ({"headers": {"": "x"}}, "config.headers."),
        ({"headers": {"A b": "x"}}, "config.headers.A b"),
        ({"headers": {"A\r\nB": "x"}}, "config.headers.A\r\nB"),
        ({"headers": {"A": "x\r\nB: y"}}, "config.headers.A"),
        ({"headers": {"A": "é"}}, "config.headers.A"),
        ({"headers": {"A": "{q"}}, "config.headers.A"),
        ({"headers": {"Host": "evil.example"}}, "config.headers.Host"),
        ({"headers": {"connection": "close"}}, "config.headers.connection"),
        ({"headers": {"Transfer-Encoding": "chunked"}}, "config.headers.Transfer-Encoding"),
        ({"headers": {"Content-Length": "0"}}, "config.headers.Content-Length"),
        ({"headers": {"Authorization": "Bearer x"}}, "config.headers.Authorization"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "config.headers.x-a"),
        ({"headers": {"X": "{unknown}"}}, "config.headers.X"),
        ({"query": {"": "x"}}, "config.query"),
        ({"query": {"{q}": "x"}}, "config.query"),
        ({"query": {"a": "}"}}, "config.query"),
        ({"query": {"a": "{unknown}"}}, "config.query"),
        ({"query": {str(number): "x" for number in range(65)}}, "config.query"),
        ({"body": {"kind": "json", "template": {}}}, "config.body"),
        ({"method": "POST", "body": {"kind": "xml"}}, "config.body.kind"),
        ({"method": "POST", "body": {"kind": "json"}}, "config.body.template"),
        ({"method": "POST", "body": {"kind": "json", "template": 1, "x": 1}}, "config.body.x"),
        ({"method": "POST", "body": {"kind": "json", "template": {"{q}": 1}}}, "config.body"),
        ({"method": "POST", "body": {"kind": "json", "template": ["{unknown}"]}}, "config.body"),
        ({"method": "POST", "body": {"kind": "json", "template": "{ q }"}}, "config.body"),
        ({"method": "POST", "body": {"kind": "json", "template": nested(33)}}, "config.body"),
        ({"method": "POST", "body": {"kind": "form", "fields": {"a": ["b"]}}}, "config.body.fields[...]"),
        ({"result": {"pointer": "data"}}, "config.result.pointer"),
        ({"result": {"pointer": "/a~2"}}, "config.result.pointer"),
        ({"result": {"success": [100]}}, "config.result.success[0]"),
        ({"result": {"jsonpath": "$"}}, "config.result.jsonpath"),
        ({"output_schema": {"type": "object"}}, "output_schema"),
        ({"secrets": {"Host": "x"}}, "secrets.Host"),
        ({"secrets": {"A b": "x"}}, "secrets.A b"),
        ({"secrets": {"X-Key": "x\r\nHost: y"}}, "secrets.X-Key"),
        ({"secrets": {"X-Key": " x"}}, "secrets.X-Key"),
        ({"secrets": {"x-key": "x"}, "headers": {"X-KEY": "y"}}, "config.headers.X-Key"),
    ],
)
def test_a_setting_that_is_wrong_is_refused_by_name(settings: dict[str, Any], field: str) -> None:
    assert list(refused(http_draft(**settings))) == [field]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com/x",
        "//api.example.com/x",
        "ftp://api.example.com/",
        "file:///etc/passwd",
        "HTTPS://api.example.com/",
        "https://",
        "https:///x",
        "https://{q}/",
        "https://{q}.example.com/",
        "https://api.example.com{q}/",
        "https://api.example.com:{q}/",
        "{q}://api.example.com/",
        "{q}",
        "https://user:password@api.example.com/",
        "https://api.example.com@evil.example/",
        "https://api.example.com\\@evil.example/",
        "https://api.example.com\r\n/x",
        "https://api.example.com/x\r\nHost: y",
        "https://api.example.com/a\\b",
        "https://api.example.com/#{q}",
        "https://api.example.com/../x",
        "https://api.example.com/a/./b",
        "https://api.example.com/%2e%2e/x",
        "https://api.example.com/..;/x",
        "https://api.example.com/%zz",
        "https://api.example.com/{",
        "https://api.example.com/{{q}",
        "https://api.example.com/{unknown}",
        "https://api.example.com/{q}",
        "https://api.example.com/?{q}=1",
        "https://api.example.com/?a=%",
        "https://api.example.com/?a=1&&b=2",
        "https://api.example.com:99999/",
        "https://api.example.com:22/",
        "https://api.example.com:x/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/latest/",
        "http://[::ffff:10.0.0.1]/",
        "https://api example.com/",
        "https://" + "a" * 5000,
    ],
)
def test_a_url_that_requests_must_not_go_to_is_refused(url: str) -> None:
    assert list(refused(http_draft(url))) == ["config.url"]


def test_the_url_is_needed() -> None:
    assert refused(ToolDraft(name="x")) == {"config.url": "This is needed."}


def test_every_wrong_placeholder_is_named_at_once() -> None:
    draft = http_draft("https://api.example.com/{a}", query={"b": "{b}"}, headers={"C": "{c}"})
    assert list(refused(draft)) == ["config.url", "config.query", "config.headers.C"]


@pytest.mark.parametrize("schema", [{"type": "object"}, {"type": "object", "properties": []}, {"required": 1}])
def test_a_schema_without_properties_declares_nothing(schema: dict[str, Any]) -> None:
    draft = ToolDraft(name="x", input_schema=schema, config={"url": "https://api.example.com/{id}"})
    assert list(refused(draft)) == ["config.url"]


def test_what_the_operator_allows_may_be_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOUND_ALLOW", "10.0.0.0/8 127.0.0.1:22")
    HTTP.check(http_draft("http://10.1.2.3/"))
    HTTP.check(http_draft("http://127.0.0.1:22/"))
    assert list(refused(http_draft("http://127.0.0.1:23/"))) == ["config.url"]


def test_a_checked_draft_stays_as_it_is_when_checked_again() -> None:
    draft = http_draft(
        "https://bücher.example/{id}?a={q}&flag",
        method="POST",
        headers={"X-Language": "{language}"},
        body={"kind": "json", "template": {"name": "{name}"}},
        result={"pointer": "/data/0", "structured": True, "success": [201]},
        output_schema={"type": "object"},
    )
    assert HTTP.check(draft) == draft


def test_secrets_are_stored_in_one_spelling_and_bound_to_their_origin() -> None:
    checked = HTTP.check(http_draft(secrets={"x-API-key": "value", "authorization": ""}))
    assert checked.secrets == {"X-Api-Key": "https://api.example.com value", "Authorization": ""}
