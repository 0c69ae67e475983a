"""No argument changes where a request goes, or adds to what the author wrote."""

import json
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from mcp_runtime.sources.http.config import read_config
from mcp_runtime.sources.http.plan import Plan, plan_of
from mcp_runtime.sources.http.template import BadArgument
from tests.mcp_runtime.sources.http.drafts import http_draft

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def plan(url: str = "https://api.example.com/v1/items/{id}/parts", **settings: Any) -> Plan:
    return plan_of(read_config(http_draft(url, **settings).config))


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("a b", "a%20b"),
        ("a/b", "a%2Fb"),
        ("?x=1", "%3Fx%3D1"),
        ("#top", "%23top"),
        ("@evil.example", "%40evil.example"),
        ("//evil.example", "%2F%2Fevil.example"),
        (":80", "%3A80"),
        ("a;b=c", "a%3Bb%3Dc"),
        ("a&b", "a%26b"),
        ("100%", "100%25"),
        ("v1..v2", "v1..v2"),
        ("...", "..."),
        ("{q}", "%7Bq%7D"),
        ("é", "%C3%A9"),
        (7, "7"),
        (1.5, "1.5"),
        (True, "true"),
    ],
)
def test_an_argument_stays_inside_its_path_segment(value: object, path: str) -> None:
    assert plan().url({"id": value}) == f"https://api.example.com/v1/items/{path}/parts"


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "..",
        "../admin",
        "a/../../admin",
        "..\\admin",
        "%2e%2e",
        "%2e%2e%2f",
        "%2E%2E/admin",
        "%252e%252e%252fadmin",
        ".%2e",
        "..;x",
        "..%3bx",
        "x\r\nHost: evil.example",
        "x\ny",
        "x\0y",
        "\x7f",
        "\ud800",
        None,
        ["a"],
        {"a": 1},
        pytest.param(10**5000, id="huge"),
    ],
)
def test_an_argument_that_could_leave_its_path_segment_is_refused(value: object) -> None:
    with pytest.raises(BadArgument) as caught:
        plan().url({"id": value})
    assert str(caught.value).startswith("id ")


def test_two_arguments_do_not_make_a_dot_segment_together() -> None:
    with pytest.raises(BadArgument):
        plan("https://api.example.com/{id}{q}/x").url({"id": ".", "q": "."})
    with pytest.raises(BadArgument):
        plan("https://api.example.com/.{id}/x").url({"id": "."})


@given(TEXTS)
def test_whatever_the_argument_the_request_goes_to_the_same_place(value: str) -> None:
    try:
        url = plan("https://api.example.com/v1/{id}?q={q}").url({"id": value, "q": value})
    except BadArgument:
        return
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "api.example.com", "")
    first, segment = parts.path.removeprefix("/").split("/")
    assert (first, unquote(segment)) == ("v1", value)
    assert parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True) == [("q", value)]
    assert str(URL(url, encoded=True)) == url


@given(TEXTS)
def test_a_parameter_carries_its_argument_and_nothing_more(value: str) -> None:
    url = plan("https://api.example.com/", query={"a&b": "x{q}y&z", "flag": "1"}).url({"q": value})
    assert parse_qsl(urlsplit(url).query, keep_blank_values=True) == [("a&b", f"x{value}y&z"), ("flag", "1")]


def test_absent_arguments_leave_the_parameter_out_and_lists_repeat_it() -> None:
    made = plan("https://api.example.com/s?flag&a={q}", query={"tag": "{tags}", "n": "{count}", "at": "x-{name}"})
    assert made.url({}) == "https://api.example.com/s?flag"
    assert made.url({"q": None, "tags": [], "name": None}) == "https://api.example.com/s?flag"
    assert (
        made.url({"tags": ["a b", 2, True], "count": 0})
        == "https://api.example.com/s?flag&tag=a%20b&tag=2&tag=true&n=0"
    )
    for wrong in ({"tags": {"a": 1}}, {"tags": [[1]]}, {"name": ["a"]}):
        with pytest.raises(BadArgument):
            made.url(wrong)


def test_the_author_s_own_part_of_the_url_is_sent_as_it_stands() -> None:
    url = "https://api.example.com:8443/a%2Fb/caf\u00e9/x:y@z?a=1%26&b=c+d&{{x}}"
    assert plan("https://BÜCHER.example/").url({}) == "https://xn--bcher-kva.example/"
    assert plan(url.replace("&{{x}}", "")).url({}) == "https://api.example.com:8443/a%2Fb/caf%C3%A9/x:y@z?a=1%26&b=c+d"
    assert plan("https://api.example.com/{{x}}?y={{z}}").url({}) == "https://api.example.com/%7Bx%7D?y=%7Bz%7D"


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0", "\x7f", "é", "\ud800", ["a"], {"a": "b"}])
def test_an_argument_cannot_break_out_of_a_header(value: object) -> None:
    with pytest.raises(BadArgument):
        plan(headers={"X-Language": "{language}"}).headers.render({"language": value})


def test_a_header_without_its_argument_is_left_out() -> None:
    headers = plan(headers={"X-Language": "l={language}", "accept": "text/plain"}).headers
    assert headers.render({"language": "sv"}) == {"Accept": "text/plain", "X-Language": "l=sv"}
    assert headers.render({}) == {"Accept": "text/plain"}


BODY = {
    "kind": "json",
    "template": {"all": "{q}", "text": "say {name}!", "list": [1, "{tags}", "{count}"], "k{{": None},
}


@given(st.fixed_dictionaries({"q": VALUES, "tags": VALUES}))
def test_arguments_stand_in_a_json_body_as_the_values_they_are(arguments: dict[str, Any]) -> None:
    body = plan(method="POST", body=BODY).body.render(arguments)
    assert body is not None
    expected = {"all": arguments["q"], "list": [1, arguments["tags"]], "k{": None}
    assert json.loads(body) == expected


def test_an_argument_cannot_add_to_a_json_text() -> None:
    body = plan(method="POST", body=BODY).body.render({"name": '", "admin": true, "x": "', "count": None})
    assert body is not None
    assert json.loads(body) == {"text": 'say ", "admin": true, "x": "!', "list": [1, None], "k{": None}


def test_a_body_that_is_one_absent_argument_is_refused() -> None:
    body = plan(method="POST", body={"kind": "json", "template": "{q}"}).body
    assert body.render({"q": None}) == b"null"
    for wrong in ({}, {"q": "\ud800"}):
        with pytest.raises(BadArgument):
            body.render(wrong)


@given(TEXTS)
def test_a_form_field_carries_its_argument_and_nothing_more(value: str) -> None:
    body = plan(method="POST", body={"kind": "form", "fields": {"a=b": "{q}", "c": "d", "e": "{name}"}}).body
    rendered = body.render({"q": value})
    assert rendered is not None
    assert parse_qsl(rendered.decode(), keep_blank_values=True) == [("a=b", value), ("c", "d")]
